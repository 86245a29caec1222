"""Which stretches of a film count as spoken by its segments; what else a separator took for voice stays in the film.

Laughs, gasps, crowds and singing outside every segment are nobody's line: no take replaces them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from align.types import Span, union
from dubber.audio import EDGE_MS

BEFORE_MS, AFTER_MS = 150, 300
"""How far beyond a line its breath, the tails of its syllables and its room may be heard. In real recordings they stand
out of the noise for up to 50 ms before detected speech and 130 ms after it; in a clean stem they go on below that."""
NEAR_MS = 1_500
"""How far from a segment the edge of the speech that it lies in still is the line's: detected speech has no pause
inside, and of a cry of three seconds a recogniser may give half."""
GAP_MS = 500
"""Between two lines closer than this nothing is given back: it is a pause inside what is being said."""


def regions(
    segments: Sequence[Span], speech: Sequence[Span], duration: int, kept: Sequence[Span] = ()
) -> tuple[Span, ...]:
    """The stretches (ms, sorted, disjoint, within `duration`) in which the speech stem is the segments' own.

    `segments` are the lines that takes replace, `speech` is where any voice is heard (sorted, disjoint). Each segment
    reaches to the edge of the speech that it lies in where that is near, then BEFORE_MS and AFTER_MS further, and gaps
    below GAP_MS are closed. All of this ends before speech in which no segment lies, unless that is over within it:
    such a burst is the line's last consonant. It also ends before what is `kept`: lines that stay as they are said.
    """
    said = union(span for span in segments if span.duration)
    foreign = [span for span in speech if not _meeting(said, span.start, span.end)]
    stays = union(span for span in kept if span.duration)
    others = union([*foreign, *stays])
    found: list[Span] = []
    for span in union(_bounded(_reach(_grown(one, speech), foreign), one, stays) for one in said):
        near = found and span.start - found[-1].end < GAP_MS
        if near and not _meeting(others, found[-1].end, span.start):
            found[-1] = Span(found[-1].start, span.end)
        else:
            found.append(span)
    return tuple(span.clipped(duration) for span in found if span.start < duration)


def _meeting(spans: Sequence[Span], start: int, end: int) -> Sequence[Span]:
    """Those of sorted, disjoint spans that share some time with [start, end)."""
    first = bisect_right(spans, start, key=lambda span: span.end)
    return spans[first : bisect_left(spans, end, lo=first, key=lambda span: span.start)]


def _grown(segment: Span, speech: Sequence[Span]) -> Span:
    heard = _meeting(speech, segment.start, segment.end)
    if not heard:
        return segment
    start, end = min(segment.start, heard[0].start), max(segment.end, heard[-1].end)
    return Span(
        start if segment.start - start <= NEAR_MS else segment.start,
        end if end - segment.end <= NEAR_MS else segment.end,
    )


def _bounded(reached: Span, segment: Span, stays: Sequence[Span]) -> Span:
    """What a segment reaches, only as far on either side as the nearest of `stays` lets it."""
    i = bisect_right(stays, segment.start, key=lambda span: span.start)
    before = stays[i - 1].end if i else -EDGE_MS
    after = stays[i].start if i < len(stays) else reached.end + EDGE_MS
    if before > segment.end:
        after = before = segment.end
    return Span(
        max(reached.start, min(before + EDGE_MS, segment.start)),
        min(reached.end, max(after - EDGE_MS, segment.end)),
    )


def _reach(line: Span, foreign: Sequence[Span]) -> Span:
    start, end = max(0, line.start - BEFORE_MS), line.end + AFTER_MS
    for other in _meeting(foreign, start, line.start):
        if other.start < start:
            start = min(line.start, other.end + EDGE_MS)
    for other in _meeting(foreign, line.end, end + EDGE_MS):
        if other.end > end:
            end = max(line.end, other.start - EDGE_MS)
    return Span(start, end)
