"""`python -m bench.loudness DUBBED PROJECT`: is a finished dub as loud as its film? Measures the dubbed film's own
first track, as a viewer hears it, against the stems and lines of its project; believes none of the mixer's figures."""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from align.types import SAMPLES_PER_MS, Span, union
from dubber import media
from dubber.audio import BLOCK, AudioFile, Stems
from dubber.loudness import Meter, PeakMeter, loudness_of
from dubber.stages.room import TAIL_MS
from dubber.stages.separate import returned

LINE_LU, BED_LU, PROGRAMME_LU, PEAK_DBTP = 1.5, 0.5, 0.5, -1.0
"""What a release must reach: a line from its source line, the bed from the film's own outside speech, the programme
from the film's, and the true peak, for which the codec is given CODEC_DB."""

CODEC_DB = 0.5
"""What a lossy codec may add to a peak."""

LEAST_GAP_MS = 500
"""A silence between lines that is long enough for its loudness to be measured."""

NEVER_LUFS = -60.0
"""Softer beds and lines are silence: how far they are from each other nobody hears."""


@dataclass(frozen=True)
class Line:
    """One line of the report: its id, where the source says it and where the dub does (ms)."""

    id: str
    source: Span
    slot: Span


def main() -> None:
    """Print the rows; exits with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dubbed", type=Path, help="the dubbed film")
    parser.add_argument("project", type=Path, help="its project folder (FILM.dub)")
    parser.add_argument("--to", help="the dub's language, where the project has several")
    parser.add_argument("--lines", action="store_true", help="print every line as well")
    chosen = parser.parse_args()
    report = json.loads(
        (
            chosen.project / f"report.{chosen.to}.json" if chosen.to else chosen.project / "report.json"
        ).read_text("utf-8")
    )
    lines = spoken(report)
    with tempfile.TemporaryDirectory() as scratch:
        track = Path(scratch) / "dub.wav"
        media.extract(media.probe(chosen.dubbed), track)
        with AudioFile(track) as dub:
            stems = stems_of(chosen.project, lines)
            sys.exit(rows(dub, stems, lines, every=chosen.lines))


def spoken(report: Any) -> list[Line]:
    """The lines of a report that were spoken and that somebody says in the film."""
    return [
        Line(one["id"], Span(*one["source"]), Span(*one["slot"]))
        for one in report["lines"]
        if one["spoken"] and one["source_text"]
    ]


def stems_of(project: Path, lines: Sequence[Line]) -> Stems:
    """The film's stems as they lie in the project's cache, newest first, its speech as far as it is the lines'."""
    source, stem = (AudioFile(newest(project, stage, ".wav")) for stage in ("extract", "separate"))
    speech = json.loads(newest(project, "listen", ".json").read_text("utf-8"))["value"]
    heard = [Span(start, end) for start, end in speech]
    return Stems(source, stem, within=returned.regions([one.source for one in lines], heard, source.duration))


def newest(project: Path, stage: str, suffix: str) -> Path:
    """The file that a stage of the project made last."""
    made = sorted((project / "cache" / stage).glob(f"*/*{suffix}"), key=lambda path: path.stat().st_mtime)
    if not made:
        sys.exit(f"{project} holds nothing of the stage {stage}: dub the film first.")
    return made[-1]


def rows(dub: AudioFile, stems: Stems, lines: Sequence[Line], *, every: bool) -> bool:
    """Measure and print all rows. True where a bar is missed."""
    off = line_errors(dub, stems, lines, every=every)
    gaps = bed_errors(dub, stems, lines)
    source, (programme, peak) = whole(stems.source)[0], whole(dub)
    print(f"{len(off)} lines measured, {len(gaps)} silences between them")
    missed = row(
        "lines within 1.5 LU of their source line", float(np.mean(np.abs(off) <= LINE_LU)), 1.0, share=True
    )
    print(f"  median off by {np.median(np.abs(off)):.2f} LU, most {np.abs(off).max():.2f} LU")
    if len(gaps):
        missed |= row("bed outside speech, furthest off (LU)", float(np.abs(gaps).max()), BED_LU)
    missed |= row(
        f"programme {source:.1f} -> {programme:.1f} LUFS, off by (LU)", abs(programme - source), PROGRAMME_LU
    )
    missed |= row("true peak (dBTP)", peak, PEAK_DBTP + CODEC_DB)
    return missed


def line_errors(dub: AudioFile, stems: Stems, lines: Sequence[Line], *, every: bool) -> np.ndarray[Any, Any]:
    """LU by which each dubbed line is louder than its source line: the track without the bed against the stem."""
    off = []
    for line in lines:
        ours, theirs = line.slot.samples, line.source.samples
        voice = dub.read(ours.start, ours.stop) - stems.bed(ours.start, ours.stop)
        source = loudness_of(stems.speech(theirs.start, theirs.stop)).integrated
        if source < NEVER_LUFS:
            continue
        off.append(loudness_of(voice).integrated - source)
        if every:
            print(
                f"  {line.id:>10}  {line.slot.start / 1000:8.2f} s  source {source:6.1f} LUFS  {off[-1]:+5.2f} LU"
            )
    return np.array(off)


def bed_errors(dub: AudioFile, stems: Stems, lines: Sequence[Line]) -> np.ndarray[Any, Any]:
    """LU by which the dub is louder than the film in each silence between lines, past what rings after them."""
    spans = [Span(one.slot.start, one.slot.end + TAIL_MS) for one in lines] + [one.source for one in lines]
    busy = union([Span(0, 0), *spans, *(stems.within or ()), Span(stems.duration, stems.duration)])
    off = []
    for before, after in pairwise(busy):
        if after.start - before.end < LEAST_GAP_MS:
            continue
        start, stop = before.end * SAMPLES_PER_MS, after.start * SAMPLES_PER_MS
        theirs = loudness_of(stems.source.read(start, min(stop, start + BLOCK))).integrated
        if theirs > NEVER_LUFS:
            off.append(loudness_of(dub.read(start, min(stop, start + BLOCK))).integrated - theirs)
    return np.array(off)


def whole(audio: AudioFile) -> tuple[float, float]:
    """Programme loudness in LUFS and true peak in dBTP of a file."""
    meter, peaks = Meter(audio.channels), PeakMeter(audio.channels)
    for _, samples in audio.blocks():
        meter.push(samples)
        peaks.push(samples)
    return meter.finish().integrated, peaks.finish()


def row(name: str, value: float, bar: float, *, share: bool = False) -> bool:
    """Print a figure beside its bar. True where it is missed: a share is to be no less, all else no more."""
    missed = not math.isfinite(value) or (value < bar if share else value > bar)
    print(f"  {name:<52} {value:8.3f}  bar {bar:g}{'  MISSED' if missed else ''}")
    return missed


if __name__ == "__main__":
    main()
