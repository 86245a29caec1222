"""Who is heard when in the source: the film's segments, by the names that the lines made of them go by. Hears no
sound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from align.types import Line, Segment, Span, union


@dataclass(frozen=True, order=True)
class Utterance:
    """A stretch of the source in which one speaker says something. `line` is the id of the line that is made of it,
    "" where no line is (its cue was deleted)."""

    span: Span
    speaker: str
    line: str = ""


def utterances(
    lines: Sequence[Line], segments: Sequence[Segment], *, corrected: bool = True
) -> tuple[Utterance, ...]:
    """Everything that is said in the source, in order of time.

    A line is heard where its segments are, wherever its cue was moved to; the parts of a segment that was split
    into several lines are told apart by the times of these. The speaker is the line's where `corrected`, for in the
    translation names are corrected too; else the segment's, so that a corrected line changes nothing about any other.
    Parts of a split segment are always their lines'. Segments without text are sounds, not speech.
    """
    said = {one.id: one for one in segments if one.text and one.span.duration}
    makers = Counter(one for line in lines for one in line.segments)
    heard = [
        Utterance(_part(one.span, line.span), line.speaker, line.id)
        if makers[one.id] > 1
        else Utterance(one.span, line.speaker if corrected else one.speaker, line.id)
        for line in lines
        for one in (said[name] for name in line.segments if name in said)
    ]
    heard += [Utterance(one.span, one.speaker) for one in said.values() if not makers[one.id]]
    return tuple(sorted(heard))


def crowded(heard: Iterable[Utterance], overlaps: Iterable[Span] = ()) -> tuple[Span, ...]:
    """Where more than one speaker is heard, sorted and disjoint: where utterances of two cross, and in `overlaps`."""
    edges = sorted(
        edge for one in heard for edge in ((one.span.start, 1, one.speaker), (one.span.end, -1, one.speaker))
    )
    speaking: Counter[str] = Counter()
    spans = list(overlaps)
    since = 0
    for time, step, speaker in edges:
        if len(speaking) > 1 and time > since:
            spans.append(Span(since, time))
        speaking[speaker] += step
        if not speaking[speaker]:
            del speaking[speaker]
        since = time
    return union(spans)


def _part(segment: Span, line: Span) -> Span:
    """The part of a split segment that a line's own times name; all of it where these lie elsewhere."""
    start, end = max(segment.start, line.start), min(segment.end, line.end)
    return Span(start, end) if start < end else segment
