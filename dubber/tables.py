"""Reports, batches and findings as tables for a person at a terminal. Prints; measures nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from dubber.batch import Outcome, Watch
    from dubber.doctor import Finding
    from dubber.models.store import Found
    from dubber.profiles import Described

LINES_SHOWN = 12
"""Lines with something to look at that are printed; the rest stands in report.json."""

FILE_WIDTH = 140
"""Columns of a table that no terminal shows."""

RISKS = {"none": "dim", "some": "yellow", "high": "red"}
"""The colour of a line's risk to be spoken outside its comfort band."""

ONSET_LATE_MS = 250
"""An onset error a viewer notices (QUALITY: 95 % of lines stay within it)."""


def show_report(report: dict[str, Any]) -> None:
    """One dub: what was made, how it was measured, and the lines worth a look."""
    from rich.table import Table

    console = _console()
    timing, loudness = report["timing"], report["loudness"]
    spoken = [line for line in report["lines"] if line["spoken"]]
    table = Table(box=None, show_header=False, pad_edge=False)
    rows = [
        ("lines", _lines(report, len(spoken))),
        ("onset error", _onsets(timing)),
        ("speech overlap", f"{timing['speech_overlap']:.2f}"),
        ("rate", f"{timing['rate_comfortable']:.0%} of lines within 0.85-1.15 of their natural length"),
        ("length error", f"{timing['take_length_error_samples']} samples; overlap {timing['overlap_ms']} ms"),
        ("loudness", f"{_lufs(loudness['dub_lufs'])} (source {_lufs(loudness['source_lufs'])})"),
        ("time", f"{sum(report['seconds'].values()):.1f} s for {report['duration_ms'] / 1000:.1f} s of film"),
    ]
    for name, value in rows:
        table.add_row(name, value)
    console.print(table)
    _show_lines(console, [line for line in spoken if _worth_a_look(line)])
    made = ("dubbed sound" if report["sound_alone"] else "dubbed film") if report["written"] else "unchanged"
    console.print(f"{made}: {report['output']}", markup=False, soft_wrap=True, highlight=False)
    console.print(f"project: {report['project']}", markup=False, soft_wrap=True, highlight=False)
    console.print(f"report: {report['page']}", markup=False, soft_wrap=True, highlight=False)


def _lines(report: dict[str, Any], spoken: int) -> str:
    words = sum(
        any(event["did"] == "chosen" for event in line.get("history", ())) for line in report["lines"]
    )
    told = f"{spoken} spoken, {report['lines_remade']} takes made now"
    return f"{told}; {words} in other words than the first" if words else told


def _show_lines(console: Console, lines: Sequence[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    if not lines:
        return
    table = Table(
        "at", "factor", "onset", "flags", "text", box=None, title="worth a look", title_justify="left"
    )
    for line in lines[:LINES_SHOWN]:
        onset = line["onset_error_ms"]
        table.add_row(
            _clock(line["slot"][0]),
            f"{line['factor']:.2f}",
            "" if onset is None else f"{onset:+d} ms",
            " ".join(line["flags"]),
            Text(line["text"], overflow="ellipsis", no_wrap=True),
        )
    console.print(table)
    if len(lines) > LINES_SHOWN:
        console.print(f"… and {len(lines) - LINES_SHOWN} more in report.json")


def _worth_a_look(line: dict[str, Any]) -> bool:
    late = line["onset_error_ms"] is not None and abs(line["onset_error_ms"]) > ONSET_LATE_MS
    return late or not {"compressed", "crowded", "short"}.isdisjoint(line["flags"])


def show_plan(plan: dict[str, Any]) -> None:
    """What a dub will be: a row per line, and the film's figures under them."""
    from rich.table import Table
    from rich.text import Text

    console = _console()
    table = Table("at", "slot", "expected", "rate", "risk", "", "text", box=None)
    for line in plan["lines"]:
        low, middle, high = line["estimate_ms"]
        start, end = line["slot"]
        table.add_row(
            _clock(start),
            f"{(end - start) / 1000:.1f} s",
            f"{middle / 1000:.1f} s ({low / 1000:.1f}-{high / 1000:.1f})",
            f"{line['factor']:.2f}",
            Text(line["risk"], RISKS[line["risk"]]),
            " ".join(line["flags"]),
            Text(line["text"], overflow="ellipsis", no_wrap=True),
        )
    console.print(table)
    spoken, seconds = plan["spoken_ms"] / 1000, plan["seconds"]
    cost = (
        "not known: this voice has not spoken on this machine yet"
        if seconds is None
        else f"about {_duration(seconds)}, as fast as it spoke here before"
    )
    often = f", {plan['takes']} takes of each" if plan["takes"] > 1 else ""
    figures = Table(box=None, show_header=False, pad_edge=False)
    for name, value in (
        ("lines", f"{len(plan['lines'])}, {plan['at_risk']} of them at high risk"),
        ("rate", f"{plan['rate_comfortable']:.0%} of lines within 0.85-1.15 of their natural length"),
        ("rates from", plan["rates_from"]),
        ("to be spoken", f"{spoken:.1f} s of speech for {plan['duration_ms'] / 1000:.1f} s of film{often}"),
        ("time", cost),
    ):
        figures.add_row(name, value)
    console.print(figures)
    console.print(f"project: {plan['project']}", markup=False, soft_wrap=True, highlight=False)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def show_batch(outcomes: Sequence[Outcome]) -> None:
    """One row per film of a batch."""
    from rich.table import Table
    from rich.text import Text

    from dubber.batch import names

    called = names([outcome.film for outcome in outcomes])
    table = Table("film", "", "time", "", box=None)
    for outcome in sorted(outcomes, key=lambda one: one.film):
        told = outcome.report["output"] if outcome.report else outcome.message
        colour = {"done": "green", "unchanged": "dim", "failed": "red"}[outcome.status]
        table.add_row(
            Text(called[outcome.film]), Text(outcome.status, colour), f"{outcome.seconds:.1f} s", Text(told)
        )
    _console().print(table)


def show_doctor(findings: Sequence[Finding]) -> None:
    """One row per thing looked for; a lack is followed by its remedy."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False)
    for finding in findings:
        mark = Text("ok", "green") if finding.ok else Text("missing", "red" if finding.needed else "yellow")
        table.add_row(mark, Text(finding.name), Text(finding.told))
        if finding.remedy:
            table.add_row("", "", Text(f"→ {finding.remedy}"))
    _console().print(table)


def show_models(found: Sequence[Found]) -> None:
    """One row per model: what for, how large, under which licences, what of it is here; then where they lie."""
    from rich.table import Table
    from rich.text import Text

    from dubber.models.store import root

    table = Table("model", "", "about", "what for", "licence", box=None)
    for one in found:
        colour = {"here": "green", "partly": "yellow", "missing": "dim"}[one.state]
        table.add_row(
            Text(one.model.name),
            Text(one.state, colour),
            f"{one.model.about / 1e9:.1f} GB",
            Text(f"{one.model.profile}: {one.model.purpose}" if one.model.profile else one.model.purpose),
            Text("\n".join(licence.name for licence in one.model.licences)),
        )
    _console().print(table)
    _console().print(Text(f"They lie in {root()}.", overflow="fold"))


def show_profiles(found: Sequence[Described]) -> None:
    """A table per profile: role, engine, what it is, and where it comes from or what is missing."""
    from rich.table import Table
    from rich.text import Text

    for one in found:
        _console().print(Text(f"{one.profile.name}: {one.profile.summary}", "bold"))
        table = Table("role", "engine", "", "here", box=None)
        for role, name, title, place, lacking in one.rows:
            told = Text(lacking, "yellow") if lacking else Text(place, "green", overflow="fold")
            table.add_row(role, name, title, told)
        _console().print(table)


@contextmanager
def batch_watcher(*, json: bool) -> Iterator[Watch]:
    """Shows which film is at which stage: a line each on stderr as stages begin; nothing with `json`."""
    last: dict[Path, str] = {}

    def watch(film: Path, stage: str, share: float) -> None:
        if not json and last.get(film) != stage:
            last[film] = stage
            sys.stderr.write(f"{film.name}: {stage}\n")

    yield watch


def _console() -> Console:
    """On a terminal as wide as it is; into a file or a pipe wide enough for a path."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else FILE_WIDTH)


def _onsets(timing: dict[str, Any]) -> str:
    if timing["onset_error_median_ms"] is None:
        return "no line with source speech"
    return (
        f"median {timing['onset_error_median_ms']:.0f} ms, 95 % within {timing['onset_error_95_ms']:.0f} ms"
    )


def _lufs(value: float | None) -> str:
    return "silence" if value is None else f"{value:.1f} LUFS"


def _clock(ms: int) -> str:
    return f"{ms // 3_600_000}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
