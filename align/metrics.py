"""How well a dub keeps the picture's clock: the timing measures, as functions of spans.

Finding speech in sound never lives here: callers bring voice activity, on a 10 ms grid, as spans.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from align.lanes import Turn, unasked
from align.limits import TIGHT, Limits
from align.types import Slot, Span, union, without

HOLE = 500
"""ms of source speech in one piece. Less than this without dubbed speech is a pause, not a hole."""

MINUTE = 60_000
"""ms."""


def onset_error(source: Span, slot: Span, dubbed: Sequence[Span]) -> int | None:
    """Onset error of one line in ms: start of dubbed speech − start of source speech; over 0 is late.

    `source` is the line's source speech, `slot` where its take lies, `dubbed` the dub's voice activity,
    sorted and disjoint. The line's speech starts where activity first does inside its slot; None where
    nothing is heard there.
    """
    after = bisect_right(dubbed, slot.start, key=lambda span: span.end)
    if after == len(dubbed) or dubbed[after].start >= slot.end:
        return None
    return max(dubbed[after].start, slot.start) - source.start


@dataclass(frozen=True)
class OnsetErrors:
    """Onset errors of a film by size, sign aside: the median and the 95th percentile in ms."""

    median: float
    percentile_95: float


def onset_errors(errors: Sequence[int]) -> OnsetErrors:
    """The onset errors of a film, one per line in ms, as two figures. Raises ValueError for none.

    The percentile is the smallest error that at least 95 % of the lines do not exceed.
    """
    if not errors:
        raise ValueError("no line was heard, so there is no onset error")
    sizes = np.abs(np.asarray(errors))
    return OnsetErrors(float(np.median(sizes)), float(np.percentile(sizes, 95, method="inverted_cdf")))


def speech_overlap(source: Sequence[Span], dubbed: Sequence[Span]) -> float:
    """Speech overlap: intersection over union of source and dubbed voice activity over a film, 0..1.

    On activity from a 10 ms grid this equals counting frames. Two silent films overlap fully: 1.
    """
    ours, theirs = union(source), union(dubbed)
    either = speech_time(union([*ours, *theirs]))
    both = speech_time(ours) + speech_time(theirs) - either
    return both / either if either else 1.0


def speech_time(speech: Sequence[Span]) -> int:
    """Total length of disjoint spans in ms."""
    return sum(span.duration for span in speech)


@dataclass(frozen=True)
class RateShares:
    """Rate factors (natural ÷ slot length) of a film: share of lines inside the comfort band, 0..1; ids of
    the lines over the ceiling; and those of them that carry no flag, of which there must be none."""

    comfortable: float
    over_ceiling: tuple[str, ...]
    unflagged: tuple[str, ...]


def rate_shares(slots: Sequence[Slot], limits: Limits = TIGHT) -> RateShares:
    """How fast a film's lines are spoken. A film without lines is comfortable."""
    inside = sum(limits.slowest <= slot.factor <= limits.fastest for slot in slots)
    over = [slot for slot in slots if slot.factor > limits.ceiling]
    return RateShares(
        inside / len(slots) if slots else 1.0,
        tuple(slot.line for slot in over),
        tuple(slot.line for slot in over if "compressed" not in slot.flags),
    )


def overlap_time(said: Sequence[tuple[Span, Turn]]) -> int:
    """Milliseconds in which two dubbed lines sound at once that are not said at once in the film (lanes.together). It
    must be 0. `said` are the stretches of the dub with the turns of the film that they stand for."""
    both = [(said[i][0], said[j][0]) for i, j in unasked(said)]
    return speech_time(union(Span(max(a.start, b.start), min(a.end, b.end)) for a, b in both))


@dataclass(frozen=True)
class Holes:
    """Where the source speaks for at least HOLE ms on end and the dub does not, in order of time; and the
    share of all source speech time that these are, 0..1."""

    spans: tuple[Span, ...]
    share: float


def holes(source: Sequence[Span], dubbed: Sequence[Span], shortest: int = HOLE) -> Holes:
    """Holes of a film, from source and dubbed voice activity."""
    speech = union(source)
    found = tuple(span for span in without(speech, dubbed) if span.duration >= shortest)
    return Holes(found, speech_time(found) / speech_time(speech) if found else 0.0)


def drift(onsets: Sequence[tuple[int, int]], duration: int) -> float | None:
    """A/V drift in ms: dubbed onset error of the film's last minute − that of its first, as medians.

    `onsets` holds (start of source speech, onset error) per line, in ms; `duration` is the film's in ms. None
    where the film is shorter than two minutes or nobody is heard in one of the two: no drift can be told.
    """
    first = [error for start, error in onsets if start < MINUTE]
    last = [error for start, error in onsets if start >= duration - MINUTE]
    if duration < 2 * MINUTE or not first or not last:
        return None
    return median(last) - median(first)
