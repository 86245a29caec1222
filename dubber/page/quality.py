"""What was measured of a dub beside its bars, in a person's words. The bars are align's; reads a report, measures
nothing."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from align import bars
from align.bars import Bar, Row
from align.limits import Limits
from dubber.page import figures

COMFORT = (Limits.slowest, Limits.fastest)
"""Natural ÷ slot length within which a voice sounds unhurried."""

MEANINGS: Mapping[str, str] = {
    "take_length_error_samples": "A take against its slot, the worst",
    "onset_error_median_ms": "From the start of the source speech; half of the lines",
    "onset_error_95_ms": "And 95 of 100 lines",
    "speech_overlap": "Time when both speak, of the time when either does",
    "rate_comfortable": "The comfort band: nothing sounds hurried or drawn out",
    "rate_unflagged": "Too fast, and the plan does not say so",
    "holes_share": "Stretches of half a second or more",
    "drift_ms": "Last minute against the first",
    "line_loudness_lu": "A dubbed line against its source line, the worst",
    "bed_lu": "Music and room where nobody speaks, against the source",
    "programme_lu": "The whole film against the source",
    "true_peak_dbtp": "The dubbed track, between its samples too",
    "timbre": "Take against the voice’s reference",
    "emotion": "Take against the line’s reference",
    "intelligibility": "Of its text, as a recogniser hears the take",
}
"""A line below a metric's name: what it compares."""


def rows(report: Mapping[str, Any]) -> tuple[Row, ...]:
    """Every bar beside what the report states of it; scores of takes are those of the kept ones, their median."""
    values = bars.of_report(report)
    kept = [take for line in report["lines"] for take in line.get("takes", ()) if take.get("kept")]
    for bar in bars.VOICE:
        scores = [take[bar.name] for take in kept if take.get(bar.name) is not None]
        if scores:
            values[bar.name] = median(scores)
    loudness, background = report.get("loudness") or {}, report["settings"].get("background", "bed")
    told = bars.unjudged(background, loudness.get("source_lufs"), loudness.get("dub_lufs"))
    return bars.rows(values, unjudged=told)


def asked(bar: Bar) -> str:
    """A bar as a table shows it: ≤ 80 ms, ≥ 0.80, 0 ms; "" where nothing is asked."""
    if bar.bar is None:
        return ""
    sign = "≥ " if bar.side == "at least" else "≤ " if bar.bar else ""
    return f"{sign}{bar.figure(bar.bar)}".replace("-", figures.MINUS)


def level_error(line: Mapping[str, Any]) -> float | None:
    """LUFS of a dubbed line − LUFS of its source, in LU; None where either is silent or unknown."""
    source, dub = line.get("source_lufs"), line.get("dub_lufs")
    return None if source is None or dub is None else float(dub - source)
