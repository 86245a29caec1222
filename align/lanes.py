"""Who may talk over whom: two people who talk at once in the film may in the dub.

Nearly all lines of a film follow one another. Of two that do not, the one that begins later is laid *over* the other,
in a lane of its own; a third at once follows the two. What a placement costs never lives here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from align.types import Span, union

TOGETHER_MS = 100
"""Two people are heard together from here on. Less is one turn meeting the next, as loosely as hands set times."""


@dataclass(frozen=True, order=True)
class Turn:
    """A stretch of the film in which somebody speaks; "" is nobody in particular."""

    span: Span
    speaker: str


def together(one: Turn, other: Turn) -> bool:
    """Whether two people, both known by name, talk at once for TOGETHER_MS or more, or all through one's turn."""
    shared = one.span.overlap(other.span)
    least = min(TOGETHER_MS, one.span.duration, other.span.duration)
    return bool(one.speaker and other.speaker) and one.speaker != other.speaker and 0 < least <= shared


@dataclass(frozen=True)
class Lanes:
    """The turns (in mix order: by onset) as two lanes, each of which is spoken one after the other.

    `chain` are the places of those that follow one another, `over` of those laid over them, both rising. For each of
    the latter, `hosts` is the place in `chain` of the one it is laid over, `dues` of the first after that one by which
    it must be over, len(chain) where there is none.
    """

    chain: tuple[int, ...]
    over: tuple[int, ...] = ()
    hosts: tuple[int, ...] = ()
    dues: tuple[int, ...] = ()


def lanes(turns: Sequence[Turn], alone: Iterable[int] = ()) -> Lanes:
    """`turns`, in order of onset, in two lanes; those of `alone` are laid over nobody. O(n) but for lines over many."""
    kept = set(alone)
    chain: list[int] = []
    over: list[int] = []
    hosts: list[int] = []
    heard = -1  # where the last one laid over another ends in the film
    for i, turn in enumerate(turns):
        free = i not in kept and turn.span.start >= heard
        if free and chain and together(turns[chain[-1]], turn):
            over.append(i)
            hosts.append(len(chain) - 1)
            heard = turn.span.end
        else:
            chain.append(i)
    dues = []
    for i, host in zip(over, hosts, strict=True):
        due = host + 1
        while due < len(chain) and together(turns[i], turns[chain[due]]):
            due += 1
        dues.append(due)
    return Lanes(tuple(chain), tuple(over), tuple(hosts), tuple(dues))


def overlapped(spans: Sequence[Span]) -> list[tuple[Span, ...]]:
    """For each span the others that it shares time with (sorted, disjoint). O(n log n) but for what is at once."""
    found: list[list[Span]] = [[] for _ in spans]
    for i, j in _pairs(spans):
        found[i].append(spans[j])
        found[j].append(spans[i])
    return [union(many) for many in found]


def crossed(turns: Sequence[Turn]) -> list[tuple[Span, ...]]:
    """For each turn where others talk at the same time (sorted, disjoint). O(n log n) but for what is said at once."""
    others: list[list[Span]] = [[] for _ in turns]
    for i, j in _pairs([turn.span for turn in turns]):
        if together(turns[i], turns[j]):
            others[i].append(turns[j].span)
            others[j].append(turns[i].span)
    return [union(spans) for spans in others]


def own_speech(turns: Sequence[Turn], speech: Sequence[Span]) -> dict[Turn, list[Span]]:
    """For the turns that others talk over the speech (sorted, disjoint) that may be theirs: all but what lies inside
    another's shorter turn, as far as hands set times. Somebody who answers in a pause does not fill it."""
    found = {}
    for turn, others in zip(turns, crossed(turns), strict=True):
        shorter = [other for other in others if other.duration < turn.span.duration]
        if shorter:
            found[turn] = [one for one in speech if not any(_within(one, other) for other in shorter)]
    return found


def _within(span: Span, other: Span) -> bool:
    return other.start - TOGETHER_MS <= span.start and span.end <= other.end + TOGETHER_MS


def unasked(said: Sequence[tuple[Span, Turn]]) -> tuple[tuple[int, int], ...]:
    """The pairs, by their places, of what sounds at once in the dub though nobody talked at once in the film.

    `said` are stretches of the dub (ms) with the turns that they stand for. O(n log n) but for what sounds at once.
    """
    pairs = _pairs([span for span, _ in said])
    return tuple((i, j) for i, j in pairs if not together(said[i][1], said[j][1]))


def _pairs(spans: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """The pairs of spans, by their places, that share time; the one that begins later comes second."""
    going_on: list[int] = []
    for i in sorted(range(len(spans)), key=lambda place: (spans[place], place)):
        going_on = [other for other in going_on if spans[other].end > spans[i].start]
        yield from ((other, i) for other in going_on if spans[other].overlap(spans[i]))
        going_on.append(i)
