"""Three-way merge of subtitles: what the program wrote, what a person made of it, what the program says now.

Decides whose wording, time and speaker wins, and what is spoken. Finding who is who is align/match.py's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from align.links import plain
from align.match import Edited, Generated, Reconciled, reconcile
from align.types import Line, Span


@dataclass(frozen=True)
class MergedCue:
    """One cue after the merge: the line to be spoken, and the cue to be written back.

    `outdated` is True where the person's wording stands although the program's own has changed since; `theirs` where
    the wording is the person's at all.
    """

    line: Line
    cue: Edited
    outdated: bool = False
    theirs: bool = False


@dataclass(frozen=True)
class Merged:
    """All cues after the merge in order of start, and the fresh segments that are not spoken because the
    person deleted or emptied their cue."""

    cues: tuple[MergedCue, ...]
    silenced: tuple[str, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is to be spoken, in the same order."""
        return tuple(cue.line for cue in self.cues)


def merge(
    base: Sequence[Generated],
    edited: Sequence[Edited],
    fresh: Sequence[Generated],
    speech: Mapping[str, Span],
) -> Merged:
    """Bring a person's edits of `base` to `fresh`, what the program would write now.

    Each field a person changed stays theirs; each they left follows `fresh`. Segments new in `fresh` appear;
    those gone from it go, unless their cue was edited; a cue the person deleted or emptied stays away
    whatever `fresh` says.

    `speech` gives the exact source speech of every fresh segment. A line speaks over that (merged cues: from
    the first to the last) while the cue's times are untouched, else over the cue's own times. A shift of the
    whole file moves its cues and no line. Line ids: "s12"; merged "s12+s13"; split "s12/1", "s12/2"; added
    "new@" and its start in ms; a second one of the same name gets "#2". An added cue without a label is
    spoken by whoever speaks before it, or first.

    The result, written to a file and merged with `fresh` as its base, is the same again. Raises ValueError
    when a segment occurs twice in `base` or in `fresh`, or `speech` lacks one of `fresh`.
    """
    if len({cue.segment for cue in fresh}) < len(fresh):
        raise ValueError("two fresh cues name the same segment")
    if missing := next((cue.segment for cue in fresh if cue.segment not in speech), None):
        raise ValueError(f"segment {missing!r} has no speech span")
    found = reconcile(base, edited)
    sides = _Sides(
        {cue.segment: cue for cue in base},
        {cue.segment: cue for cue in fresh},
        speech,
        found.shift,
        sorted(fresh or base, key=lambda cue: cue.span),
    )
    merged = [_three_way(cue, edited[cue.cue], sides) for cue in found.cues]
    merged += [_appearing(cue, sides) for cue in fresh if cue.segment not in sides.then]
    heard = sorted(
        (cue for cue in merged if cue is not None and cue.line.text),
        key=lambda item: (item.cue.span, item.line.id),
    )
    spoken = {segment for cue in heard for segment in cue.line.segments}
    silenced = tuple(cue.segment for cue in fresh if plain(cue.text) and cue.segment not in spoken)
    return Merged(tuple(_with_unique_ids(heard)), silenced)


@dataclass(frozen=True)
class _Sides:
    """The program's two sides of a merge by segment, and what places a cue in time."""

    then: Mapping[str, Generated]
    now: Mapping[str, Generated]
    speech: Mapping[str, Span]
    shift: int
    in_time: Sequence[Generated]

    def speaker_at(self, time: int) -> str:
        """Who speaks at a time in ms or last before it, else who speaks first; "" where nobody does."""
        if not self.in_time:
            return ""
        place = bisect_right(self.in_time, time, key=lambda cue: cue.span.start)
        return self.in_time[max(0, place - 1)].speaker


def _three_way(found: Reconciled, mine: Edited, sides: _Sides) -> MergedCue | None:
    """One edited cue brought to the fresh side; None where an untouched cue's segments are gone from it."""
    own = _shifted(mine.span, -sides.shift)
    if not found.segments:
        name = f"new@{own.start}"
        speaker = mine.speaker or sides.speaker_at(own.start)
        return MergedCue(
            Line(name, own, plain(mine.text), speaker), replace(mine, speaker=speaker), theirs=True
        )
    then = [sides.then[segment] for segment in found.segments]
    now = [sides.now[segment] for segment in found.segments if segment in sides.now]
    if not now and not (found.text_changed or found.span_changed or found.speaker_changed):
        return None
    segments = tuple(cue.segment for cue in now)
    name = "+".join(found.segments) + (f"/{found.part}" if found.part else "")
    program = " ".join(cue.text for cue in now)
    keeps_text = found.text_changed or not now or plain(program) == plain(mine.text)
    text = mine.text if keeps_text else program
    speaker = (found.speaker_changed and mine.speaker) or (now or then)[0].speaker
    if found.span_changed or not now:
        span, written = own, mine.span
    else:
        span = _hull(sides.speech[segment] for segment in segments)
        place = _hull(cue.span for cue in now)
        unmoved = place == _hull(cue.span for cue in then)
        written = mine.span if unmoved else _shifted(place, sides.shift)
    outdated = found.text_changed and [plain(cue.text) for cue in now] != [plain(cue.text) for cue in then]
    line = Line(name, span, plain(text), speaker, segments)
    theirs = found.text_changed or not now
    return MergedCue(line, Edited(written, text, speaker), outdated, theirs)


def _appearing(cue: Generated, sides: _Sides) -> MergedCue:
    """A cue for a segment that the base did not have."""
    line = Line(cue.segment, sides.speech[cue.segment], plain(cue.text), cue.speaker, (cue.segment,))
    return MergedCue(line, Edited(_shifted(cue.span, sides.shift), cue.text, cue.speaker))


def _hull(spans: Iterable[Span]) -> Span:
    """From the first start to the last end."""
    many = tuple(spans)
    return Span(min(span.start for span in many), max(span.end for span in many))


def _shifted(span: Span, shift: int) -> Span:
    """The span `shift` ms later, cut at the film's start."""
    return Span(max(0, span.start + shift), max(0, span.end + shift))


def _with_unique_ids(cues: Iterable[MergedCue]) -> Iterable[MergedCue]:
    seen: Counter[str] = Counter()
    for cue in cues:
        name = cue.line.id
        seen[name] += 1
        yield cue if seen[name] == 1 else replace(cue, line=replace(cue.line, id=f"{name}#{seen[name]}"))
