"""When a viewer sees a cue: while its words are heard in the dub, which may begin before and end after its source."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace

from align.types import Span
from dubber.srt.cue import Cue

LATE_MS = 250
"""A voice that comes so long after its actor's onset (QUALITY's bar) is waited for: to read a line so long before it is
heard gives it away."""

NEAR = 8
"""Cues before one that may still be up when it comes: more than a handful at once nobody reads."""


def following(cues: Sequence[Cue], heard: Iterable[tuple[Span, Span]]) -> tuple[Cue, ...]:
    """The cues, in order of time, each begun as early and ended as late as its line is heard, as far as its neighbours
    leave room, and begun later where that is noticed: none gets over another that it was not over before.

    `heard` says for each line, or each phrase of one, where its source lies and where it is heard in the dub. What it
    belongs to is the cue that shares most time with its source.
    """
    ordered = sorted(cues, key=lambda cue: (cue.start, cue.end))
    voices: dict[int, list[Span]] = {}
    for source, where in heard:
        place = _place(ordered, source)
        if place is not None and where.duration:
            voices.setdefault(place, []).append(where)
    starts = []
    for place, cue in enumerate(ordered):
        first = min((span.start for span in voices.get(place, ())), default=cue.start)
        free = max((one.end for one in ordered[max(0, place - NEAR) : place]), default=0)
        late = first - cue.start >= LATE_MS
        starts.append(first if late else max(min(cue.start, first), min(free, cue.start)))
    for place in reversed(range(len(starts) - 1)):
        starts[place] = min(starts[place], starts[place + 1])  # the cues keep their order
    shown = []
    for place, cue in enumerate(ordered):
        latest = max([cue.end, *(span.end for span in voices.get(place, ()))])
        free = starts[place + 1] if place + 1 < len(ordered) else latest
        end = min(latest, max(free, cue.end))
        shown.append(replace(cue, start=min(starts[place], end), end=end))
    return tuple(shown)


def _place(ordered: Sequence[Cue], source: Span) -> int | None:
    """The place of the cue that shares most time with `source`; None where none shares any."""
    after = bisect_left(ordered, source.end, key=lambda cue: cue.start)
    shared = {
        place: Span(ordered[place].start, ordered[place].end).overlap(source)
        for place in range(max(0, after - NEAR), after)
    }
    best = max(shared, key=lambda place: shared[place], default=None)
    return best if best is not None and shared[best] else None
