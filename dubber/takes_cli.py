"""`dubber takes …`: parses what a person typed, prints takes or what came of a choice. Nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dubber.times import clock, harmless
from dubber.told import STATUSES, Json, told

if TYPE_CHECKING:
    from rich.table import Table

    from dubber.project import Project
    from dubber.taken import Dub, Line, Made

FILE_WIDTH = 140
"""Columns of a table that no terminal shows."""

ONE_TAKE = "Every line has one take: nothing to choose from."
ONE_OF_LINE = "It has one take: nothing to choose from."
ONE_OF_PHRASE = "Each of its phrases has one take: nothing to choose from."


def register(app: typer.Typer) -> None:
    """Adds the command to the program's."""
    app.command(epilog=STATUSES)(takes)


def takes(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="FILM", help="A film that was dubbed, or its project folder.", show_default=False
        ),
    ],
    line: Annotated[
        str | None,
        typer.Argument(
            metavar="LINE",
            help="A line: its number in the subtitles, a time (1:23.4), or its id.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Which language of the project.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the line's takes as WAV files into this folder.")
    ] = None,
    pick: Annotated[
        int | None, typer.Option("--pick", min=1, metavar="N", help="Take N is to be in the film.")
    ] = None,
    auto: Annotated[bool, typer.Option("--auto", help="Let the score choose again.")] = False,
    as_json: Json = False,
) -> None:
    """List the takes of a dub's lines with their scores, play them out, pick one by hand.

    Without LINE: all lines that have several. A choice is in the film after the next `dubber render`.
    """
    with told(as_json) as shown:
        from dubber import picking, taken
        from dubber.errors import UsageError

        if line is None and (out is not None or pick is not None or auto):
            raise UsageError(
                "Say which line.", hint="`dubber takes FILM` lists them; then `dubber takes FILM 7 --pick 2`."
            )
        if pick is not None and auto:
            raise UsageError("--pick and --auto contradict each other.")
        project = picking.opened(place)
        dub = taken.read(project, picking.language(project, to))
        shown["language"] = dub.language
        if line is None:
            several = [one for one in dub.lines if one.several]
            shown["lines"] = [one.as_json() for one in several]
            if not as_json:
                _show_lines(dub, several)
            return
        meant = taken.find(dub.lines, line)
        if out is not None:
            written = picking.write_out(project, dub, meant, out)
            shown["written"] = [str(path) for path in written]
            _say(as_json, *(f"written: {path}" for path in written))
            if dub.stem is None:
                _say(as_json, "The film's own sound of the line is not at hand and was not written.")
        if pick is not None:
            take = picking.pick(project, dub.language, meant, pick)
            _say(as_json, f"Take {take.number} of {meant.named} is chosen. {_next(project)}")
        elif auto:
            undone = picking.unpick(project, dub.language, meant)
            chosen = f"The score chooses the take of {meant.named} again. {_next(project)}"
            _say(
                as_json,
                chosen if undone else f"No take of {meant.named} was picked by hand: the score chooses.",
            )
        if pick is not None or auto:
            (meant,) = (one for one in taken.read(project, dub.language).lines if one.id == meant.id)
        shown["line"] = meant.as_json()
        if not as_json and out is None and pick is None and not auto:
            _show_line(meant)


def _next(project: Project) -> str:
    return f"`dubber render {project.folder}` makes the film with it."


def _show_lines(dub: Dub, lines: list[Line]) -> None:
    """One row per line with several takes."""
    from rich.table import Table
    from rich.text import Text

    from dubber.picking import MORE

    if not lines:
        _say(False, f"{ONE_TAKE} {MORE}")
        return
    table = Table("line", "at", "takes", "kept", "score", "others", "", "text", box=None)
    for line in lines:
        kept = [one for one in line.takes if one.kept]
        table.add_row(
            Text(str(line.cue) if line.cue is not None else harmless(line.id)),
            clock(line.slot),
            " + ".join(str(len(part)) for part in line.parts),
            " ".join(str(one.number) for one in kept),
            " ".join(_figure(one.score) for one in kept),
            " ".join(_figure(one.score) for one in line.takes if not one.kept),
            Text(_marks(line)),
            Text(harmless(line.text), overflow="ellipsis", no_wrap=True),
        )
    _print(table)


def _show_line(line: Line) -> None:
    """One row per take of a line."""
    from rich.table import Table

    from dubber.picking import MORE

    at = "" if line.cue is None else f" at {clock(line.slot)}"
    _say(False, f"{line.named}{at}, {line.speaker}: {line.text}")
    if not line.several:
        _say(False, f"{ONE_OF_LINE if len(line.parts) < 2 else ONE_OF_PHRASE} {MORE}")
        return
    for number, part in enumerate(line.parts, start=1):
        if len(line.parts) > 1:
            words = line.phrases[number - 1] if len(line.phrases) == len(line.parts) else ""
            _say(False, f"phrase {number}: {words}".removesuffix(": "))
        table = Table(
            *("take", "seed", "score", "length", "timbre", "emotion", "intelligibility", ""), box=None
        )
        for one in part:
            _add_take(table, one)
        _print(table)


def _add_take(table: Table, take: Made) -> None:
    """A row of a take's number, seed, scores, and what is to be known of it."""
    from rich.text import Text

    state = [word for word, holds in (("kept", take.kept), ("picked", take.picked)) if holds]
    aspects = (take.aspects[aspect] for aspect in ("length", "timbre", "emotion", "intelligibility"))
    table.add_row(
        str(take.number),
        str(take.seed),
        _figure(take.score),
        *(_figure(value) for value in aspects),
        Text(harmless(", ".join(state + ([take.doubt] if take.doubt else [])))),
    )


def _marks(line: Line) -> str:
    """What is to be known of a line's takes at a glance."""
    picked = {one.part for one in line.takes if one.picked}
    waits = any(one.picked and not one.kept for one in line.takes)
    doubted = any(one.kept and one.doubt for one in line.takes)
    words = ["picked, waits for render" if waits else "picked"] if picked else []
    return ", ".join(words + (["doubted"] if doubted else []))


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _print(what: Any) -> None:
    from rich.console import Console

    width = None if sys.stdout.isatty() else FILE_WIDTH
    Console(width=width).print(what)


def _say(as_json: bool, *texts: str) -> None:
    if not as_json:
        for text in texts:
            sys.stdout.write(f"{harmless(text)}\n")
