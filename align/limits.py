"""What a timeline may do to a line: windows, comfort band, ceiling, and how much the picture counts.

The price of each thing it does lives in align/price.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What may be done to a line. Times in ms; factors are natural ÷ slot length (over 1: faster).

    Raises ValueError when the factors or the times contradict each other.
    """

    slowest: float = 0.85
    """Comfort band, lower edge. A line too short for its source is slowed to this, then leaves a hole."""

    fastest: float = 1.15
    """Comfort band, upper edge. Past it a line is flagged "compressed"."""

    ceiling: float = 1.25
    """A line is spoken faster than this only where it has no time left around it, and is "crowded" then."""

    crush: float = 2.0
    """Past twice its own speed speech is lost on a listener; a line then slides off its onset instead."""

    max_early: int = 120
    """Most that a line starts before its source: about where sound ahead of the lips is noticed at once."""

    max_late: int = 250
    """Most that a line starts late for its neighbour's sake: the onset bar that 95 % of lines must keep."""

    max_borrow: int = 1000
    """Silence taken after the source up to here is a remedy; more is taken only to stay under the ceiling."""

    gap: int = 70
    """Silence kept between a borrowing line and the next onset: about the closure of one plosive."""

    breath: int = 100
    """Silence kept between two phrases of one line: below about this a pause is heard as a plosive."""

    min_slot: int = 60
    """A slot shorter than this holds a click, not a syllable."""

    lips: int = 100
    """Per cent of the usual price of an onset off its source: how much of the film shows lips."""

    ends: int = 100
    """Per cent of the usual price of an end off its source."""

    def __post_init__(self) -> None:
        if not 0.001 <= self.slowest <= 1 <= self.fastest <= self.ceiling <= self.crush:
            raise ValueError("factors must keep 0.001 <= slowest <= 1 <= fastest <= ceiling <= crush")
        if (
            min(self.max_early, self.max_late, self.max_borrow, self.gap, self.breath) < 0
            or self.min_slot < 1
        ):
            raise ValueError("times must not be negative, and a slot lasts at least 1 ms")
        if not (1 <= self.lips <= 1000 and 1 <= self.ends <= 1000):
            raise ValueError("lips and ends are per cents and must lie within 1 to 1000")


TIGHT = Limits(lips=200, max_early=90, max_late=100, max_borrow=1500)
"""Lips on screen: onsets count twice, so that a line is worded anew, hurried a little or borrows before it is moved,
and none for a neighbour's sake further than is acceptable ahead of the picture, or noticed behind it (ITU-R BT.1359:
sound ahead of it is noticed from 45 ms on and no longer acceptable from 90 ms on, sound after it from 125 and 185 ms
on); ends count in full. As many lines of bench.timeline's 200 go over the ceiling as with windows of 120 and 150 ms."""

NATURAL = Limits(slowest=0.9, fastest=1.1, max_early=200, max_late=400, max_borrow=1500, lips=50, ends=60)
"""Few lips on screen (narration, interviews under a voice-over): the voice's own pace counts for more."""


def thousandths(factor: float) -> int:
    """A factor in thousandths, the resolution at which bands are kept."""
    return round(1000 * factor)


def shortest(length: int, factor: float) -> int:
    """The shortest slot in ms, at least 1, in which a line of natural `length` stays at or below `factor`."""
    return max(1, -(-1000 * length // thousandths(factor)))


def band(own: tuple[float, float] | None, limits: Limits) -> tuple[int, int]:
    """The comfort band of a line in thousandths: a voice's own, cut at the ceiling, or that of the limits.

    Raises ValueError when the voice's own is not 0.001 <= slowest <= fastest.
    """
    low, high = own or (limits.slowest, limits.fastest)
    if not (math.isfinite(high) and 0.001 <= low <= high):
        raise ValueError(f"not a comfort band: {low} to {high}")
    top = min(thousandths(high), thousandths(limits.ceiling))
    return min(thousandths(low), top), top
