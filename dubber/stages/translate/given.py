"""A translation that the user brings: subtitles in the target language, fitted to what is said in the film.

Works on times alone, so that it takes any language; reads no file.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from align.lines import joined
from align.types import Line, Segment, Span

_OWN_SPEAKER = 2
"""Time shared counts this many times where the cue's label and the segment's speaker are the same."""

_SAME_TIME = 0.6
"""A cue that shares so much of its own time and of a segment's stands for it, whoever its label says."""

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
    """Each cue to the segment whose time is most like its own; several on one segment are joined in order of time.

    A cue that also covers more than half of a segment that has no cue of its own, said by the same
    speaker, speaks for both: the line then spans both. A cue that overlaps no segment is a line of its
    own, in its own time, said by its label or else by the speaker nearest to it; and so is one that lies in another's
    line, which has its own cue, and is labelled with somebody else who speaks in the film. Cues without text say
    nothing. No text is lost: every other cue's stands in exactly one line.
    """
    spoken = sorted((cue for cue in cues if cue.text.strip()), key=lambda cue: (cue.start, cue.end))
    ordered = sorted(segments, key=lambda segment: segment.span)
    latest = list(accumulate(ordered, _later))
    near = _finder(ordered)
    speakers = {segment.speaker for segment in ordered}
    homes = [_home(cue, near(_span(cue)), speakers) for cue in spoken]
    own = {home.id for home, stranger in homes if home and not stranger}
    said: dict[str, list[Cue]] = {}
    added: list[Line] = []
    at_once: Counter[int] = Counter()
    for cue, (home, stranger) in zip(spoken, homes, strict=True):
        if home is None or (stranger and home.id in own):
            at_once[cue.start] += 1
            added.append(_new_line(at_once[cue.start], cue, _nearest(_span(cue), ordered, latest)))
        else:
            said.setdefault(home.id, []).append(cue)
    together = _spoken_for(said, near)
    lines = [
        _line(segment, said[segment.id], together[segment.id]) for segment in ordered if segment.id in said
    ]
    spoken_for = {segment.id for group in together.values() for segment in group}
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
    """A function that gives the segments overlapping a span, in order, without looking at all of them.

    A binary tree over the segments holds the latest end below each node, so that whatever has ended before
    the span is passed over, however long a segment beside it is.
    """
    starts = [segment.span.start for segment in ordered]
    leaves = 1 << max(0, len(ordered) - 1).bit_length()
    latest = [0] * leaves + [segment.span.end for segment in ordered] + [0] * (leaves - len(ordered))
    for node in range(leaves - 1, 0, -1):
        latest[node] = max(latest[2 * node], latest[2 * node + 1])

    def near(span: Span) -> list[Segment]:
        begun = bisect_left(starts, span.end)
        found = []
        todo = [(1, 0, leaves)]  # a node, the first leaf below it, and how many
        while todo:
            node, first, count = todo.pop()
            if first >= begun or latest[node] <= span.start:
                continue
            if count > 1:
                half = count // 2
                todo += [(2 * node + 1, first + half, half), (2 * node, first, half)]
            elif ordered[first].span.overlap(span):
                found.append(ordered[first])
        return found

    return near


def _home(cue: Cue, overlapping: Iterable[Segment], speakers: Container[str]) -> tuple[Segment | None, bool]:
    """The segment a cue belongs to, of equals the first, None where it overlaps none; and whether it is a stranger
    there: labelled with one of `speakers` who says none of those, at another time than the segment's."""
    span, many = _span(cue), list(overlapping)

    def weight(segment: Segment) -> float:
        shared = _shared(span, segment.span)
        return sum(shared) * (_OWN_SPEAKER if cue.speaker == segment.speaker else 1)

    best = max(many, key=weight, default=None)
    if best is None or not cue.speaker or cue.speaker == best.speaker or cue.speaker not in speakers:
        return best, False
    if min(_shared(span, best.span)) >= _SAME_TIME:
        return best, False
    theirs = [one for one in many if one.speaker == cue.speaker]
    return (max(theirs, key=weight), False) if theirs else (best, True)


def _shared(span: Span, other: Span) -> tuple[float, float]:
    """Which shares of two spans, 0..1, lie in the other one."""
    both = span.overlap(other)
    return (both / span.duration, both / other.duration) if both else (0.0, 0.0)


def _spoken_for(
    said: Mapping[str, Sequence[Cue]], near: Callable[[Span], list[Segment]]
) -> dict[str, list[Segment]]:
    """For each segment with cues, the segments without that its cues speak for as well."""
    joined: dict[str, list[Segment]] = {home: [] for home in said}
    taken: set[str] = set()
    for home, cues in said.items():
        candidates: dict[str, Segment] = {}
        covered: Counter[str] = Counter()
        for cue in cues:
            for segment in near(_span(cue)):
                candidates[segment.id] = segment
                covered[segment.id] += segment.span.overlap(_span(cue))
        for segment in candidates.values():
            alone = segment.id not in said and segment.id not in taken
            same = segment.speaker == candidates[home].speaker
            if alone and same and covered[segment.id] > _COVERED * segment.span.duration:
                joined[home].append(segment)
                taken.add(segment.id)
    return joined


def _line(segment: Segment, cues: Sequence[Cue], also: Sequence[Segment]) -> Line:
    whole = sorted([segment, *also], key=lambda one: one.span)
    return Line(
        id=segment.id,
        span=Span(whole[0].span.start, max(one.span.end for one in whole)),
        text=_one_line(*(cue.text for cue in cues)),
        speaker=segment.speaker,
        segments=tuple(one.id for one in whole),
    )


def _new_line(number: int, cue: Cue, nearest: Segment | None) -> Line:
    """A line by its time, so that it stays itself when other cues come and go; `number` counts from 1 the
    cues that begin at once."""
    identity = f"added@{cue.start}" + (f"#{number}" if number > 1 else "")
    speaker = cue.speaker or (nearest.speaker if nearest else "")
    return Line(id=identity, span=_span(cue), text=_one_line(cue.text), speaker=speaker)


def _one_line(*texts: str) -> str:
    """The lines of all texts on one, with single spaces; none where a script that knows no spaces was broken."""
    lines = (" ".join(line.split()) for text in texts for line in text.splitlines())
    return joined("\n".join(filter(None, lines)))


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
