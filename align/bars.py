"""What a dub must reach, in one place: every measured figure's name, unit and bar, and whether it is met.

Measures nothing and prints nothing; the figures come from whoever measured them, under these names.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Side = Literal["at most", "at least"]
Verdict = Literal["met", "missed", "not measurable", "told"]


WHOLE = frozenset({"ms", "samples", "lines", "packets", "streams"})
"""Units that are counted, or so small that hundredths say nothing."""


@dataclass(frozen=True)
class Bar:
    """One figure of a dub. `name` is its key in reports, `what` how it is called before a person, `unit` is "" for a
    share (0..1) or a likeness.

    `bar` is the figure to reach, on the `side` that is good; None where a figure is told and nothing is asked of it.
    With `percent` people are told the share in hundredths.
    """

    name: str
    what: str
    unit: str
    bar: float | None
    side: Side = "at most"
    percent: bool = False

    def met(self, value: float) -> bool:
        """Whether a value reaches the bar; every number does where there is none, and NaN never."""
        if self.bar is None:
            return not math.isnan(value)
        return value <= self.bar if self.side == "at most" else value >= self.bar

    @property
    def told(self) -> str:
        """The bar with its unit, for a person: "80 ms", "at least 0.80"; "" where there is none."""
        if self.bar is None:
            return ""
        return f"{'at least ' if self.side == 'at least' else ''}{self.figure(self.bar)}"

    def figure(self, value: float) -> str:
        """A value of this kind with its unit, for a person: with one digit more than the bars have, so that nothing
        that misses its bar looks as if it were at it."""
        if not self.unit:
            return f"{value:.2%}" if self.percent else f"{value:.3f}"
        return f"{round(value, 1 if self.unit in WHOLE else 2):g} {self.unit}"


ONSET_MEDIAN_MS, ONSET_95_MS = 80.0, 250.0
"""A median onset within three and within six pictures of film (24 a second): the first is heard in time, the second is
where a viewer begins to notice that sound and lips part (compare ITU-R BT.1359: +45/-125 ms are just detectable)."""

RATE_CEILING = 1.25
"""Natural ÷ slot length over which a line must carry a flag."""

LINE_LU, BED_LU, PROGRAMME_LU = 1.5, 0.5, 0.5
"""LU that a line may be off from its source line, the bed outside speech and the whole programme from the film's.

The programme's holds where the background stays as it is. Turned down under speech, or left out, it takes its share of
the loudness away, and speech made louder for it would only leave its own level, by which people set the volume.
"""

PEAK_DBTP = -0.5
"""dBTP. The mix is limited to -1; a lossy codec may add half a decibel."""

PICTURE_MS = 2.0
"""ms that a picture may move: Matroska keeps whole milliseconds, on either side."""

LENGTH_MS = 100.0
"""ms by which a dubbed film's length may differ: the padding of the last packet of sound (43 ms of AAC at 24 kHz), or a
container that does not count the last picture."""

TIMING = (
    Bar("take_length_error_samples", "take length error", "samples", 0),
    Bar("overlap_ms", "two lines at once, unlike the film", "ms", 0),
    Bar("onset_error_median_ms", "onset error, median", "ms", ONSET_MEDIAN_MS),
    Bar("onset_error_95_ms", "onset error, 95 % within", "ms", ONSET_95_MS),
    Bar("speech_overlap", "speech overlap", "", 0.80, "at least"),
    Bar(
        "rate_comfortable",
        "lines spoken at 0.85-1.15 of their natural rate",
        "",
        0.90,
        "at least",
        percent=True,
    ),
    Bar("rate_unflagged", "lines over 1.25 without a flag", "lines", 0),
    Bar("holes_share", "source speech without dubbed speech", "", 0.03, percent=True),
    Bar("drift_ms", "drift, last minute against the first", "ms", 20),
)

LOUDNESS = (
    Bar("line_loudness_lu", "lines against their source lines, furthest off", "LU", LINE_LU),
    Bar("bed_lu", "bed outside speech, furthest off", "LU", BED_LU),
    Bar("programme_lu", "programme loudness, off by", "LU", PROGRAMME_LU),
    Bar("true_peak_dbtp", "true peak", "dBTP", PEAK_DBTP),
)

VOICE = (
    Bar("timbre", "timbre likeness, median", "", None, "at least"),
    Bar("emotion", "emotion likeness, median", "", None, "at least"),
    Bar("intelligibility", "intelligibility, median", "", None, "at least"),
)

FILM = (
    Bar("duration_ms", "length, off by", "ms", LENGTH_MS),
    Bar("picture_moved_ms", "pictures moved by", "ms", PICTURE_MS),
    Bar("pictures_changed", "pictures not as in the film", "packets", 0),
    Bar("streams_missing", "streams of the film left out", "streams", 0),
)

BARS = (*TIMING, *LOUDNESS, *VOICE, *FILM)

SIGNED = frozenset({"drift_ms"})
"""Figures that count by their size, whatever their sign."""

NOT_TOLD = "was not measured"


@dataclass(frozen=True)
class Row:
    """A bar beside what was measured. `value` is None where it could not be, and `reason` says why; beside a value
    it is what one should know of it."""

    bar: Bar
    value: float | None
    verdict: Verdict
    reason: str = ""

    @property
    def shown(self) -> str:
        """The value with its unit, for a person; "" where there is none."""
        return "" if self.value is None else self.bar.figure(self.value)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "name": self.bar.name,
            "what": self.bar.what,
            "unit": self.bar.unit,
            "value": self.value,
            "bar": self.bar.bar,
            "side": self.bar.side,
            "verdict": self.verdict,
            "reason": self.reason,
        }


def rows(
    values: Mapping[str, float | None],
    reasons: Mapping[str, str] | None = None,
    unjudged: Collection[str] = (),
) -> tuple[Row, ...]:
    """A row for every bar, in their order. `values` are measured figures by the bars' names, `reasons` why one is None
    or not there, or what to know of it; `unjudged` figures are told and not held to their bar, for what a person chose
    moves them. Raises ValueError for a name that is no bar's."""
    told = reasons or {}
    unknown = ({*values} | {*told} | {*unjudged}) - {bar.name for bar in BARS}
    if unknown:
        raise ValueError(f"no such figure: {', '.join(sorted(unknown))}")
    return tuple(
        _row(bar, values.get(bar.name), told.get(bar.name, ""), bar.name not in unjudged) for bar in BARS
    )


def _row(bar: Bar, value: float | None, reason: str, judged: bool) -> Row:
    if value is None or math.isnan(value):
        return Row(bar, None, "not measurable", reason or NOT_TOLD)
    if bar.bar is None or not judged:
        return Row(bar, value, "told", reason)
    met = bar.met(abs(value) if bar.name in SIGNED else value)
    return Row(bar, value, "met" if met else "missed", reason)


def unjudged(background: str, source: float | None, dub: float | None) -> frozenset[str]:
    """The figures that a dub is not held to because of what stays of the film's sound ("bed", "duck", "none"): the
    programme's loudness, where it misses the film's from below (LUFS, None for silence) and all of that sound is not to
    be heard."""
    softer = source is not None and dub is not None and dub < source - PROGRAMME_LU
    return frozenset({"programme_lu"}) if background != "bed" and softer else frozenset()


def missed(found: tuple[Row, ...]) -> tuple[Row, ...]:
    """The rows whose bar is missed."""
    return tuple(row for row in found if row.verdict == "missed")


def of_report(report: Mapping[str, Any]) -> dict[str, float | None]:
    """The figures that a dub's own report states, by the bars' names: what the program meant and measured of its takes
    before there was a film. Figures that it does not hold are left out."""
    timing, loudness = report.get("timing") or {}, report.get("loudness") or {}
    values = {bar.name: timing[bar.name] for bar in TIMING if bar.name in timing}
    flagged = {line["id"] for line in report.get("lines", ()) if "compressed" in line.get("flags", ())}
    if isinstance(timing.get("rate_unflagged"), list):
        values["rate_unflagged"] = len(timing["rate_unflagged"])
    elif "rate_over_ceiling" in timing:
        values["rate_unflagged"] = len(set(timing["rate_over_ceiling"]) - flagged)
    source, dub = loudness.get("source_lufs"), loudness.get("dub_lufs")
    if source is not None and dub is not None:
        values["programme_lu"] = abs(dub - source)
    if loudness.get("true_peak_dbtp") is not None:
        values["true_peak_dbtp"] = loudness["true_peak_dbtp"]
    off = [
        abs(line["dub_lufs"] - line["source_lufs"])
        for line in report.get("lines", ())
        if line.get("dub_lufs") is not None and line.get("source_lufs") is not None
    ]
    if off:
        values["line_loudness_lu"] = max(off)
    return values
