"""A translation that the user brings: subtitles in the target language, fitted to what is said in the film.

Works on times alone, so that it takes any language; reads no file.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from align.types import Line, Segment, Span

_OWN_SPEAKER = 2
"""Overlap counts this many times where the cue's label and the segment's speaker are the same."""

_COVERED = 0.5
"""Share of a segment that another's cue must cover to speak for it too: more than half."""


class Cue(Protocol):
    """What is needed of a subtitle: times in ms on the film's clock, its text, the label it carries."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def speaker(self) -> str | None: ...


@dataclass(frozen=True)
class Given:
    """The lines to be said, in order of start, and the segments for which nothing is to be said.

    A line whose `segments` are empty stands for a cue at a time when nobody speaks in the source.
    """

    lines: tuple[Line, ...]
    missing: tuple[Segment, ...]


def fit(cues: Sequence[Cue], segments: Sequence[Segment]) -> Given:
    """Each cue to the segment it overlaps most; several on one segment are joined in order of time.

    A cue that also covers more than half of a segment that has no cue of its own, said by the same
    speaker, speaks for both: the line then spans both. A cue that overlaps no segment is a line of its
    own, in its own time, said by its label or else by the speaker nearest to it. Cues without text say
    nothing. No text is lost: every other cue's stands in exactly one line.
    """
    spoken = sorted((cue for cue in cues if cue.text.strip()), key=lambda cue: (cue.start, cue.end))
    ordered = sorted(segments, key=lambda segment: segment.span)
    latest = list(accumulate(ordered, _later))
    near = _finder(ordered)
    said: dict[str, list[Cue]] = {}
    added: list[Line] = []
    for n, cue in enumerate(spoken):
        home = _home(cue, near(_span(cue)))
        if home is None:
            added.append(_new_line(n, cue, _nearest(_span(cue), ordered, latest)))
        else:
            said.setdefault(home.id, []).append(cue)
    joined = _spoken_for(said, near)
    lines = [
        _line(segment, said[segment.id], joined[segment.id]) for segment in ordered if segment.id in said
    ]
    spoken_for = {segment.id for group in joined.values() for segment in group}
    return Given(
        lines=tuple(sorted([*lines, *added], key=lambda line: line.span)),
        missing=tuple(
            segment for segment in ordered if segment.id not in said and segment.id not in spoken_for
        ),
    )


def _span(cue: Cue) -> Span:
    """A cue's time; one without length still is somewhere."""
    return Span(cue.start, max(cue.end, cue.start + 1))


def _finder(ordered: Sequence[Segment]) -> Callable[[Span], list[Segment]]:
    """A function that gives the segments overlapping a span, without looking at all of them."""
    starts = [segment.span.start for segment in ordered]
    longest = max((segment.span.duration for segment in ordered), default=0)

    def near(span: Span) -> list[Segment]:
        reach = slice(bisect_left(starts, span.start - longest), bisect_left(starts, span.end))
        return [segment for segment in ordered[reach] if segment.span.overlap(span)]

    return near


def _home(cue: Cue, overlapping: Iterable[Segment]) -> Segment | None:
    """The segment a cue belongs to; of equals the first."""
    span = _span(cue)

    def weight(segment: Segment) -> int:
        return span.overlap(segment.span) * (_OWN_SPEAKER if cue.speaker == segment.speaker else 1)

    return max(overlapping, key=weight, default=None)


def _spoken_for(
    said: Mapping[str, Sequence[Cue]], near: Callable[[Span], list[Segment]]
) -> dict[str, list[Segment]]:
    """For each segment with cues, the segments without that its cues speak for as well."""
    joined: dict[str, list[Segment]] = {home: [] for home in said}
    taken: set[str] = set()
    for home, cues in said.items():
        candidates = {segment.id: segment for cue in cues for segment in near(_span(cue))}
        for segment in candidates.values():
            alone = segment.id not in said and segment.id not in taken
            same = segment.speaker == candidates[home].speaker
            covered = sum(segment.span.overlap(_span(cue)) for cue in cues)
            if alone and same and covered > _COVERED * segment.span.duration:
                joined[home].append(segment)
                taken.add(segment.id)
    return joined


def _line(segment: Segment, cues: Sequence[Cue], also: Sequence[Segment]) -> Line:
    whole = sorted([segment, *also], key=lambda one: one.span)
    return Line(
        id=segment.id,
        span=Span(whole[0].span.start, max(one.span.end for one in whole)),
        text=" ".join(" ".join(cue.text.split()) for cue in cues),
        speaker=segment.speaker,
        segments=tuple(one.id for one in whole),
    )


def _new_line(number: int, cue: Cue, nearest: Segment | None) -> Line:
    speaker = cue.speaker or (nearest.speaker if nearest else "")
    text = " ".join(cue.text.split())
    return Line(id=f"added-{number}-{cue.start}", span=_span(cue), text=text, speaker=speaker)


def _later(one: Segment, other: Segment) -> Segment:
    return other if other.span.end > one.span.end else one


def _nearest(span: Span, ordered: Sequence[Segment], latest: Sequence[Segment]) -> Segment | None:
    """The segment closest to a span that overlaps none; of equals the one before it.

    `latest[n]` is the segment that ends last of `ordered[: n + 1]`.
    """
    after = bisect_left(ordered, span.end, key=lambda segment: segment.span.start)
    beside = [*latest[max(after - 1, 0) : after], *ordered[after : after + 1]]
    return min(
        beside, key=lambda one: max(one.span.start - span.end, span.start - one.span.end), default=None
    )
