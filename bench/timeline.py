"""`python -m bench.timeline`: a film set of 200 lines dubbed by the whole program, beside fitting line after line as
tools commonly do, from the same voice: QUALITY's timing table by voice activity on the tracks; and pauses kept."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from align import bars, metrics
from align.lanes import TOGETHER_MS, Turn
from align.types import Span
from bench import filmset, laid, spanish
from bench.filmset import Film
from bench.laid import Spoken

FILMS = ((2, 67), (3, 67), (4, 66))
"""Speakers and lines of each film."""
PAUSED_LINES = 20

PAUSE_BAR_MS = 120
"""How far a dubbed pause's start and end may be from the source's."""
HEARD_PAUSE_MS = 80
"""Silence between two spans of voice activity that counts as a pause: the detector joins what is closer."""

VARIANTS = ("given", "worded")
SCHEMES = ("ours", "speed-up", "speed-up, gap")


@dataclass(frozen=True)
class Dub:
    """One film in one scheme: its lines, and where voice activity finds speech on the source's track and on theirs."""

    film: Film
    lines: tuple[Spoken, ...]
    source: tuple[Span, ...]
    heard: tuple[Span, ...]


def main() -> None:
    """Make the films, dub them in every way, print the tables; exits with 1 where ours is worse on a row than another
    and misses its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="films that are dubbed at once")
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it")
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "out" / "timeline.json")
    chosen = parser.parse_args()
    load = f"load {os.getloadavg()[0]:.1f}"
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {load}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        films = filmset.films(FILMS, chosen.seed)
        result = {"machine": platform.machine(), "seed": chosen.seed, "set": told_of(films)}
        print(json.dumps(result["set"]))
        still = filmset.paused(PAUSED_LINES, chosen.seed)
        result |= measured(films, still, chosen.keep or Path(scratch), chosen.jobs)
    result["seconds"] = round(time.monotonic() - began, 1)
    for variant in VARIANTS:
        print(f"\n{variant}\n{table(result[variant])}")
    print(f"\npauses\n{pause_table(result['pauses'])}\n\n{result['seconds']} s")
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(result, indent=1) + "\n")
    found = [row for variant in VARIANTS for row in rows(result[variant])]
    sys.exit(any(row["gain"] < 0 and not row["bar"].met(row["ours"]) for row in found))


def told_of(films: Sequence[Film]) -> dict[str, Any]:
    """What the set is: lines, seconds, and how near the wordings' natural lengths came to those drawn."""
    turns = [turn for film in films for turn in film.turns]
    off = [abs(turn.reached / turn.drawn - 1) for turn in turns]
    gaps = [after.span.start - before.span.end for film in films for before, after in pairwise(film.turns)]
    return {
        "films": len(films),
        "lines": len(turns),
        "seconds": round(sum(film.duration for film in films) / 1000),
        "speech_seconds": round(sum(turn.spoken for turn in turns) / 1000),
        "overlapping_turns": sum(gap < 0 for gap in gaps),
        "gap_median_ms": median(gaps),
        "lines_with_pauses": sum(bool(turn.pauses) for turn in turns),
        "ratio_off_median": round(median(off), 3),
        "ratio_off_95": round(float(np.percentile(off, 95)), 3),
    }


def dubs_of(film: Film, home: Path, worded: bool = True) -> dict[str, Dub]:
    """One film, written to `home`, in every scheme; where `worded` is False, without a translator who rewords."""
    paths = film.write(home)
    report = laid.dubbed(paths, home / "given.dub", translation=paths[2])
    naturals = laid.natural_takes(film, report)
    made = {
        "given": laid.ours(film, report),
        "speed-up": laid.sped_up(naturals),
        "speed-up, gap": laid.sped_up_with_gaps(naturals, film.duration),
    }
    if worded:
        with spanish.serving({turn.english: turn.spanish for turn in film.turns}) as url:
            made["worded"] = laid.ours(film, laid.dubbed(paths, home / "worded.dub", url=url))
    source = laid.detected(laid.resampled(film.speech), home)
    dubs = {}
    for name, lines in made.items():
        heard = laid.detected(laid.track(lines, film.duration), home)
        dubs[name] = Dub(film, tuple(replace(line, parts=()) for line in lines), source, heard)
    return dubs


def measured(films: Sequence[Film], still: Film, folder: Path, jobs: int = 1) -> dict[str, dict[str, Any]]:
    """By variant, by scheme: the timing figures of all `films` together, and how pauses come out in `still`. The
    baselines take the first wording, which is the only one in the variant "given"; they are the same in both."""
    work = [(film, folder / f"film{number}", True) for number, film in enumerate(films)]
    work.append((still, folder / "pauses", False))
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        *made, last = pool.map(dubs_of, *zip(*work, strict=True))
    told = {name: figures([dubs[name] for dubs in made]) for name in made[0]}
    rivals = {name: told[name] for name in SCHEMES[1:]}
    return {
        **{name: {"ours": told[name], **rivals} for name in VARIANTS},
        "pauses": {
            name: kept_pauses(last[key])
            for name, key in (("ours", "given"), *((one, one) for one in SCHEMES[1:]))
        },
    }


def figures(dubs: Sequence[Dub]) -> dict[str, float]:
    """QUALITY's timing figures of several films as of one, under the names of `bars.TIMING`; drift is the worst
    film's."""
    lines = [line for dub in dubs for line in dub.lines]
    offsets = [0, *accumulate(max(dub.film.duration, *(span.end for span in dub.heard)) for dub in dubs)]
    source = [moved_by(span, at) for dub, at in zip(dubs, offsets, strict=False) for span in dub.source]
    heard = [moved_by(span, at) for dub, at in zip(dubs, offsets, strict=False) for span in dub.heard]
    found = [[(line.turn.span.start, onset(line, dub)) for line in dub.lines] for dub in dubs]
    known = [[(start, error) for start, error in many if error is not None] for many in found]
    errors = metrics.onset_errors([error for many in known for _, error in many])
    shares = metrics.rate_shares([line.slot for line in lines])
    drifts = [metrics.drift(many, dub.film.duration) for many, dub in zip(known, dubs, strict=True)]
    return {
        "take_length_error_samples": max(abs(line.error) for line in lines),
        "overlap_ms": sum(metrics.overlap_time(sounding(dub.lines)) for dub in dubs),
        "onset_error_median_ms": errors.median,
        "onset_error_95_ms": errors.percentile_95,
        "speech_overlap": round(metrics.speech_overlap(source, heard), 4),
        "rate_comfortable": round(shares.comfortable, 4),
        "rate_over": len(shares.over_ceiling),
        "rate_unflagged": len(shares.unflagged),
        "holes_share": round(metrics.holes(source, heard).share, 4),
        "drift_ms": max((abs(one) for one in drifts if one is not None), default=0.0),
        **moved(lines),
        "unmeasured": sum(error is None for many in found for _, error in many),
        "fastest": round(max(line.slot.factor for line in lines), 2),
    }


def onset(line: Spoken, dub: Dub) -> int | None:
    """The line's onset error in ms, source and dub both by voice activity; None where nothing is heard in it, or
    another line goes on where it begins, in the film or in the dub."""
    own = line.turn.span
    others = [other for other in dub.lines if other is not line]
    if any(_goes_on(other.turn.span, own) or _goes_on(other.slot.span, line.slot.span) for other in others):
        return None
    began = metrics.onset_error(own, own, dub.source)
    error = metrics.onset_error(own, line.slot.span, dub.heard)
    return None if error is None else error - (began or 0)


def _goes_on(span: Span, over: Span) -> bool:
    """Whether a span goes on for TOGETHER_MS and more after another began."""
    return span.start <= over.start <= span.end - TOGETHER_MS


def sounding(lines: Iterable[Spoken]) -> list[tuple[Span, Turn]]:
    """Where each stretch of each line lies, and the line's place in the film."""
    return [
        (span, Turn(line.turn.span, str(line.turn.speaker)))
        for line in lines
        for span in (line.slot.phrases or (line.slot.span,))
    ]


def moved_by(span: Span, ms: int) -> Span:
    """The span so much later."""
    return Span(span.start + ms, span.end + ms)


def moved(lines: Iterable[Spoken]) -> dict[str, float]:
    """How many lines begin off their source on purpose, by the plan, and by how much (ms)."""
    sizes = np.array([abs(line.shift) for line in lines if line.shift])
    return {
        "lines_moved": len(sizes),
        "moved_median_ms": float(np.median(sizes)) if len(sizes) else 0.0,
        "moved_most_ms": int(sizes.max(initial=0)),
    }


ALSO = ("fastest", "lines_moved", "moved_median_ms", "moved_most_ms", "unmeasured")
"""Told beside QUALITY's figures."""

OVER = bars.Bar("rate_over", "lines over 1.25", "lines", None)


def rows(variant: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """A row for each figure: the schemes', and what ours gains over the better of the others (over 0: better)."""
    told = []
    for bar in (*bars.TIMING[:6], OVER, *bars.TIMING[6:]):
        values = {name: variant[name][bar.name] for name in SCHEMES}
        sign = 1 if bar.side == "at least" else -1
        gains = {name: sign * (values["ours"] - values[name]) for name in SCHEMES[1:]}
        told.append({"bar": bar, **values, "gains": gains, "gain": min(gains.values())})
    return told


def table(variant: Mapping[str, Mapping[str, float]]) -> str:
    """The rows as Markdown, with the bar."""
    lines = [
        "| | ours | speed-up to fit | speed-up, gap borrowed, at most 1.4 | bar | ours gains over the two |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows(variant):
        bar: bars.Bar = row["bar"]
        shown = [bar.figure(row[name]) for name in SCHEMES]
        gains = " / ".join(_gain(bar, gain) for gain in row["gains"].values())
        lines.append(f"| {bar.what} | {' | '.join(shown)} | {bar.told} | {gains} |")
    for told in ALSO:
        lines.append(
            f"| {told.replace('_', ' ')} | {' | '.join(f'{variant[name][told]:g}' for name in SCHEMES)} | | |"
        )
    return "\n".join(lines)


def _gain(bar: bars.Bar, gain: float) -> str:
    if gain == 0:
        return "equal"
    return f"{bar.figure(abs(gain))} {'better' if gain > 0 else 'WORSE'}"


def kept_pauses(dub: Dub) -> dict[str, Any]:
    """Of the pauses inside lines: how many there are and how many the dub keeps (a silence in the line's dub that meets
    the pause); of those, how far start and end are off, in ms, by voice activity."""
    starts, ends, total = [], [], 0
    for line in dub.lines:
        heard = [span for span in dub.heard if span.overlap(line.slot.span)]
        silences = [Span(one.end, other.start) for one, other in pairwise(heard)]
        for pause in line.turn.pauses:
            total += 1
            near = [one for one in silences if one.overlap(pause) and one.duration >= HEARD_PAUSE_MS]
            if near:
                best = max(near, key=pause.overlap)
                starts.append(abs(best.start - pause.start))
                ends.append(abs(best.end - pause.end))
    both = [*starts, *ends]
    return {
        "pauses": total,
        "kept": len(starts),
        **{
            f"{name}_{what}_ms": value
            for name, errors in (("start", starts), ("end", ends))
            for what, value in (("median", _percentile(errors, 50)), ("95", _percentile(errors, 95)))
        },
        "within_bar": round(sum(error <= PAUSE_BAR_MS for error in both) / max(1, len(both)), 3),
    }


def _percentile(errors: Sequence[int], per_cent: int) -> float | None:
    """The smallest error that so many per cent do not exceed; None of none."""
    return float(np.percentile(errors, per_cent, method="inverted_cdf")) if errors else None


def pause_table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The pauses as Markdown."""
    lines = [
        "| | pauses kept | start off, median / 95 % | end off, median / 95 % | edges within 120 ms |",
        "|---|---|---|---|---|",
    ]
    for name, one in found.items():
        start = f"{one['start_median_ms']} / {one['start_95_ms']} ms"
        end = f"{one['end_median_ms']} / {one['end_95_ms']} ms"
        lines.append(
            f"| {name} | {one['kept']} of {one['pauses']} | {start} | {end} | {one['within_bar']:.0%} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
