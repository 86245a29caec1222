"""Who may talk over whom: two people who talk at once in the film may in the dub.

Nearly all lines of a film follow one another. Of two that do not, the one that begins later is laid *over* the other,
in a lane of its own; a third at once follows the two. What a placement costs never lives here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from align.types import Span, union, without

TOGETHER_MS = 100
"""Two people are heard together from here on. Less is one turn meeting the next, as loosely as hands set times."""


ANSWER_MS = 200
"""Silence between one turn and the answer to it (Stivers et al., PNAS, 2009: about so long in ten languages); who talks
on while another does leaves none at both ends of what the other says."""

MOST_AT_ONCE = 16
"""Of more who talk at once those are looked at who go on longest: a bound for hostile subtitles."""


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


def alone(spans: Sequence[Span], least: int = 0) -> list[tuple[Span, ...]]:
    """Of each span the parts of at least `least` ms that are in no other one, in order. A span that others only touch
    the edge of, by less than TOGETHER_MS, is whole. O(n log n)."""
    others: list[list[Span]] = [[] for _ in spans]
    for i, j in _pairs(spans, MOST_AT_ONCE):
        if spans[i].overlap(spans[j]) >= min(TOGETHER_MS, spans[i].duration, spans[j].duration):
            others[i].append(spans[j])
            others[j].append(spans[i])
    return [
        tuple(part for part in without([span], many) if part.duration >= least) if many else (span,)
        for span, many in zip(spans, others, strict=True)
    ]


def crossed(turns: Sequence[Turn]) -> list[tuple[Span, ...]]:
    """For each turn where others talk at the same time (sorted, disjoint). O(n log n)."""
    others: list[list[Span]] = [[] for _ in turns]
    for i, j in _pairs([turn.span for turn in turns], MOST_AT_ONCE):
        if together(turns[i], turns[j]):
            others[i].append(turns[j].span)
            others[j].append(turns[i].span)
    return [union(spans) for spans in others]


def theirs(turns: Sequence[Turn], speech: Sequence[Span]) -> dict[Turn, list[Span]]:
    """For the turns inside which others talk what of the speech (sorted, disjoint) in them is theirs: all but stretches
    between silences of ANSWER_MS that lie in another's turn, as far as hands set times. Who answers in a pause does not
    fill it."""
    found = {}
    for turn, others in zip(turns, crossed(turns), strict=True):
        inside = [one for one in others if turn.span.start < one.start and one.end < turn.span.end]
        if inside:
            first = bisect_right(speech, turn.span.start, key=lambda one: one.end)
            last = bisect_left(speech, turn.span.end, key=lambda one: one.start)
            heard = speech[first:last]
            found[turn] = [one for i, one in enumerate(heard) if not _answers(heard, i, inside)]
    return found


def _answers(heard: Sequence[Span], i: int, others: Sequence[Span]) -> bool:
    """Whether a stretch of what is heard lies between silences and in one of `others` (sorted, disjoint)."""
    span = heard[i]
    before = span.start - heard[i - 1].end if i else ANSWER_MS
    after = heard[i + 1].start - span.end if i + 1 < len(heard) else ANSWER_MS
    near = bisect_right(others, span.start + TOGETHER_MS, key=lambda one: one.start) - 1
    within = near >= 0 and span.end <= others[near].end + TOGETHER_MS
    return within and min(before, after) >= ANSWER_MS


def unasked(said: Sequence[tuple[Span, Turn]]) -> tuple[tuple[int, int], ...]:
    """The pairs, by their places, of what sounds at once in the dub though nobody talked at once in the film.

    `said` are stretches of the dub (ms) with the turns that they stand for. O(n log n) but for what sounds at once.
    """
    pairs = _pairs([span for span, _ in said])
    return tuple((i, j) for i, j in pairs if not together(said[i][1], said[j][1]))


def _pairs(spans: Sequence[Span], most: int | None = None) -> Iterator[tuple[int, int]]:
    """The pairs of spans, by their places, that share time; the one that begins later comes second. Where `most` is
    said, each is paired with no more of those that go on when it begins than that, those that do so longest."""
    going_on: list[int] = []
    for i in sorted(range(len(spans)), key=lambda place: (spans[place], place)):
        going_on = [other for other in going_on if spans[other].end > spans[i].start]
        yield from ((other, i) for other in going_on if spans[other].overlap(spans[i]))
        going_on.append(i)
        if most is not None and len(going_on) > most:
            going_on.remove(min(going_on, key=lambda other: spans[other].end))
