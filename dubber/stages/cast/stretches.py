"""Which stretches of a speaker's speech come into question as a reference: whole phrases, free of other voices where
there are such. Decided by times alone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from align.types import Span, union

LONGEST_MS = 12_000
"""A voice engine gains nothing from more than about 12 s of one speaker: no stretch is longer."""

SHORTEST_MS = 600
"""A stretch below this is mostly onset and room; it is used only where the speaker has nothing longer."""

PAUSE_MS = 500
"""A stretch goes on over pauses up to this long, which are breath and phrasing; a longer one is silence that teaches
nothing about a voice."""


@dataclass(frozen=True, order=True)
class Stretch:
    """A stretch of one speaker's speech, between pauses; `opened` and `broken` say that its start, or its end, is none,
    because the speech goes on there for longer than LONGEST_MS."""

    span: Span
    opened: bool = False
    broken: bool = False


def stretches(own: Iterable[Span], speech: Sequence[Span], crowd: Sequence[Span]) -> tuple[Stretch, ...]:
    """What one speaker says in `own`, trimmed to voice activity, in stretches of SHORTEST_MS to LONGEST_MS.

    `speech` (where anybody is heard) and `crowd` (where more than one is) are sorted and disjoint. Phrases between
    pauses that touch `crowd` are left out where the speaker has others, and so are stretches below SHORTEST_MS.
    Where no voice activity was found in an utterance, all of it counts.
    """
    turns = [_within(span, speech) or (span,) for span in union(own)]
    alone = [[phrase for phrase in phrases if not covered(phrase, crowd)] for phrases in turns]
    if any(alone):
        found = [one for phrases in alone for one in _runs(phrases, crowd)]
    else:
        found = [one for phrases in turns for one in _runs(phrases, ())]
    return tuple(one for one in found if one.span.duration >= SHORTEST_MS) or tuple(found)


def covered(span: Span, others: Sequence[Span]) -> int:
    """Milliseconds of `span` that lie within `others`, which are sorted and disjoint."""
    return sum(span.overlap(other) for other in others[_first(span, others) : _past(span, others)])


def _within(span: Span, speech: Sequence[Span]) -> tuple[Span, ...]:
    """The parts of `speech` inside `span`."""
    return tuple(
        Span(max(one.start, span.start), min(one.end, span.end))
        for one in speech[_first(span, speech) : _past(span, speech)]
    )


def _first(span: Span, others: Sequence[Span]) -> int:
    return bisect_right(others, span.start, key=lambda one: one.end)


def _past(span: Span, others: Sequence[Span]) -> int:
    return bisect_left(others, span.end, key=lambda one: one.start)


def _runs(phrases: Sequence[Span], crowd: Sequence[Span]) -> Iterator[Stretch]:
    """Phrases of one turn joined over short pauses without others, as long as they fit; a longer phrase is cut."""
    run: Span | None = None
    for phrase in phrases:
        if run and phrase.end - run.start <= LONGEST_MS:
            pause = Span(run.end, phrase.start)
            if pause.duration <= PAUSE_MS and not covered(pause, crowd):
                run = Span(run.start, phrase.end)
                continue
        if run:
            yield from _cut(run)
        run = phrase
    if run:
        yield from _cut(run)


def _cut(run: Span) -> Iterator[Stretch]:
    for start in range(run.start, run.end, LONGEST_MS):
        end = min(start + LONGEST_MS, run.end)
        yield Stretch(Span(start, end), opened=start > run.start, broken=end < run.end)
