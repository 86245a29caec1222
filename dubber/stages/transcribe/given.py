"""Segments from a transcript that a person gives, in any language: its loose times moved to the speech that
is heard. Reads no file and recognises no word."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol

from align.types import Segment, Span

OUTWARD_MS = 300
"""A cue may begin this much after its speech, or end this much before: hand-set times are seldom worse."""
INWARD_MS = 1000
"""A cue may begin this much before its speech, or end this much after: subtitles lead in and linger."""
GRID_MS = 15
"""Voice activity hears in frames of 20 ms, one every 10: of an edge so near, a cue may know better."""
SHARED_MS = 300
"""Speech under more than one cue belongs to each that covers this much of it."""


class Cue(Protocol):
    """What this room needs of a subtitle cue; times in milliseconds."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def speaker(self) -> str | None: ...


def segments_from(cues: Sequence[Cue], speech: Sequence[Span]) -> tuple[Segment, ...]:
    """Segments "s1", "s2", … for `cues` in order of start, without words; cues without text are left out.

    `speech` (sorted, disjoint) is where anybody is heard. A cue's start moves to where its first speech
    begins and its end to where its last ends, if that is near (OUTWARD_MS, INWARD_MS); otherwise, and over
    no speech at all, its own time stands. Cues overlap afterwards no more than they did.
    Raises ValueError where a cue ends before it starts.
    """
    told = sorted((cue for cue in cues if cue.text.strip()), key=lambda cue: (cue.start, cue.end))
    own = [Span(cue.start, cue.end) for cue in told]
    snapped = [_snapped(span, heard) for span, heard in zip(own, _belonging(own, speech), strict=True)]
    apart = _apart(own, snapped)
    return tuple(
        Segment(f"s{i}", span, " ".join(cue.text.split()), cue.speaker or "")
        for i, (cue, span) in enumerate(zip(told, apart, strict=True), start=1)
    )


def _belonging(cues: Sequence[Span], speech: Sequence[Span]) -> list[list[Span]]:
    """The speech of each cue: what lies under it more than under any other, and what it covers much of."""
    ends = [span.end for span in speech]
    shares: list[list[tuple[int, int]]] = [[] for _ in speech]  # per speech span: (wide overlap, -cue)
    for i, cue in enumerate(cues):
        wide = Span(max(0, cue.start - OUTWARD_MS), cue.end + OUTWARD_MS)
        for j in range(bisect_right(ends, wide.start), len(speech)):
            if speech[j].start >= wide.end:
                break
            shares[j].append((wide.overlap(speech[j]), -i))
    belonging: list[list[Span]] = [[] for _ in cues]
    for span, claims in zip(speech, shares, strict=True):
        best = max(claims, default=None)
        for claim in claims:
            if claim == best or cues[-claim[1]].overlap(span) >= SHARED_MS:
                belonging[-claim[1]].append(span)
    return belonging


def _snapped(cue: Span, heard: Sequence[Span]) -> Span:
    if not heard:
        return cue
    start, end = heard[0].start, heard[-1].end
    far = not -OUTWARD_MS <= start - cue.start <= INWARD_MS or start >= cue.end
    if far or abs(cue.start - start) <= GRID_MS:
        start = cue.start
    if not -OUTWARD_MS <= cue.end - end <= INWARD_MS or end <= cue.start:
        end = cue.end
    return Span(start, end) if start < end else cue


def _apart(own: Sequence[Span], snapped: Sequence[Span]) -> list[Span]:
    """`snapped` without the overlaps that `own`, in order of start, did not have: two that grow towards each other
    meet between their own times. What is heard while others talk may be theirs: there no cue grows."""
    starts = [span.start for span in own]
    before = list(accumulate((span.end for span in own), max, initial=0))  # where all up to each are over
    first = list(accumulate((span.start for span in reversed(snapped)), min))[
        ::-1
    ]  # where any from each on begins
    spans: list[Span] = []
    latest = 0  # of those so far the one that ends last
    for i, (mine, span) in enumerate(zip(own, snapped, strict=True)):
        start, end, free = span.start, span.end, before[i] <= mine.start
        after = bisect_left(starts, mine.end, lo=i + 1)
        if before[after] > mine.end:
            end = min(end, mine.end)
        elif after < len(own):
            end = min(end, max(starts[after], first[after]))
        if not free:
            start = max(start, mine.start)
        elif spans and spans[latest].end > start:
            left = own[latest].end
            start = max(start, min(max((spans[latest].end + start) // 2, left), mine.start))
        if start >= end:
            start, end = mine.start, mine.end
        if free and spans and spans[latest].end > start:
            spans[latest] = Span(spans[latest].start, start)
        spans.append(Span(start, end))
        if end >= spans[latest].end:
            latest = i
    return spans
