"""Who may talk over whom, on turns laid out by hand; and that it is what looking at every pair says."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest

from align.lanes import Lanes, Turn, alone, crossed, lanes, theirs, together, unasked
from align.types import Span, union


def turns_of(*rows: tuple[str, int, int]) -> list[Turn]:
    return [Turn(Span(start, end), who) for who, start, end in rows]


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (("A", 0, 1000), ("B", 900, 2000), True),
        (("A", 0, 1000), ("B", 901, 2000), False),
        (("A", 0, 1000), ("B", 200, 250), True),
        (("A", 0, 1000), ("B", 200, 200), False),
        (("A", 0, 1000), ("A", 500, 2000), False),
        (("A", 0, 1000), ("", 500, 2000), False),
        (("", 0, 1000), ("", 500, 2000), False),
        (("A", 0, 1000), ("B", 1000, 2000), False),
    ],
)
def test_two_known_people_talk_at_once_from_a_tenth_of_a_second_on_or_all_through_a_shorter_turn(
    one: tuple[str, int, int], other: tuple[str, int, int], said: bool
) -> None:
    first, second = turns_of(one, other)
    assert together(first, second) is said
    assert together(second, first) is said


def test_turns_that_follow_one_another_are_one_lane() -> None:
    assert lanes(turns_of(("A", 0, 1000), ("B", 1000, 2000), ("A", 1950, 3000))) == Lanes((0, 1, 2))
    assert lanes([]) == Lanes(())


def test_who_begins_later_is_laid_over_until_the_next_who_is_not_talked_over() -> None:
    talk = turns_of(("A", 0, 3000), ("B", 2000, 5000), ("C", 4500, 6000), ("A", 6000, 7000))
    assert lanes(talk) == Lanes((0, 2, 3), (1,), (0,), (2,))
    assert lanes(talk[:3]) == Lanes((0, 2), (1,), (0,), (2,)), "nobody has to be waited for"


def test_of_three_at_once_the_third_follows() -> None:
    talk = turns_of(("A", 0, 3000), ("B", 1000, 2900), ("C", 2000, 4000))
    assert lanes(talk) == Lanes((0, 2), (1,), (0,), (2,))


def test_who_is_to_be_alone_is_laid_over_nobody() -> None:
    talk = turns_of(("A", 0, 3000), ("B", 1000, 2000), ("B", 2200, 2600))
    assert lanes(talk) == Lanes((0,), (1, 2), (0, 0), (1, 1))
    assert lanes(talk, [1]) == Lanes((0, 1, 2))
    assert lanes(talk, [2]) == Lanes((0, 2), (1,), (0,), (1,))


def random_talk(seed: int) -> list[Turn]:
    draw = random.Random(seed)
    talk = [
        Turn(Span(start, start + draw.choice((0, 60, 400, 3000))), draw.choice(("A", "B", "C", "")))
        for start in sorted(draw.randrange(0, 8000) for _ in range(draw.randrange(1, 30)))
    ]
    return sorted(talk)


@pytest.mark.parametrize("seed", range(60))
def test_lanes_hold_every_turn_once_and_what_is_over_is_over_its_host(seed: int) -> None:
    talk = random_talk(seed)
    found = lanes(talk)
    assert sorted([*found.chain, *found.over]) == list(range(len(talk)))
    assert list(found.chain) == sorted(found.chain)
    over = [talk[i].span for i in found.over]
    assert all(before.end <= after.start for before, after in pairwise(over))
    for i, host, due in zip(found.over, found.hosts, found.dues, strict=True):
        assert together(talk[found.chain[host]], talk[i]) and found.chain[host] < i
        assert all(together(talk[i], talk[place]) for place in found.chain[host:due])
        assert due == len(found.chain) or not together(talk[i], talk[found.chain[due]])


@pytest.mark.parametrize("seed", range(60))
def test_who_is_talked_over_is_found_as_by_looking_at_every_pair(seed: int) -> None:
    talk = random_talk(seed)
    by_hand = [
        union(other.span for j, other in enumerate(talk) if j != i and together(turn, other))
        for i, turn in enumerate(talk)
    ]
    assert crossed(talk) == by_hand


@pytest.mark.parametrize("seed", range(60))
def test_what_sounds_at_once_unasked_is_found_as_by_looking_at_every_pair(seed: int) -> None:
    draw = random.Random(1000 + seed)
    talk = random_talk(seed)
    said = [(Span(at, at + draw.randrange(0, 2500)), turn) for turn in talk for at in [turn.span.start]]
    by_hand = {
        frozenset((i, j))
        for i, (span, turn) in enumerate(said)
        for j, (other, its) in enumerate(said[:i])
        if span.overlap(other) and not together(turn, its)
    }
    assert {frozenset(pair) for pair in unasked(said)} == by_hand


def test_where_a_span_is_alone_are_its_parts_that_no_other_has() -> None:
    spans = [Span(0, 5000), Span(1000, 1500), Span(4000, 7000), Span(8000, 9000)]
    parts = (Span(0, 1000), Span(1500, 4000))
    assert alone(spans) == [parts, (), (Span(5000, 7000),), (Span(8000, 9000),)]
    assert alone(spans, 2500)[:3] == [parts[1:], (), ()]
    assert alone([Span(0, 1000), Span(950, 2000)]) == [(Span(0, 1000),), (Span(950, 2000),)], (
        "their edges meet"
    )
    assert alone([Span(0, 1000), Span(0, 1000)]) == [(), ()]
    assert alone([]) == []


BEN, ANNA, LATER = turns_of(("Ben", 1000, 6000), ("Anna", 3000, 3800), ("Ben", 7000, 8000))


def test_who_answers_in_a_pause_of_another_does_not_fill_it() -> None:
    answered = [Span(1000, 2500), Span(2950, 3850), Span(4300, 6000), Span(7000, 8000)]
    assert theirs([BEN, ANNA, LATER], answered) == {BEN: [answered[0], answered[2]]}


@pytest.mark.parametrize(
    "heard",
    [
        [Span(1000, 6000)],
        [Span(1000, 2900), Span(3000, 3800), Span(4000, 6000)],
        [Span(1000, 2500), Span(2800, 3850), Span(4300, 6000)],
        [Span(1000, 2500), Span(2950, 4000), Span(4300, 6000)],
    ],
)
def test_who_talks_on_while_another_does_is_heard_all_the_while(heard: list[Span]) -> None:
    assert theirs([BEN, ANNA, LATER], heard) == {BEN: heard}


def test_of_two_who_talk_in_unison_neither_answers_the_other() -> None:
    both = turns_of(("Ben", 0, 4000), ("Anna", 60, 4000))
    assert theirs(both, [Span(60, 1500), Span(2200, 3990)]) == {}


def test_thousands_at_once_are_looked_at_in_no_time() -> None:
    """Looking at every pair takes half a minute here."""
    talk = [Turn(Span(i, 60_000), f"speaker {i}") for i in range(4000)]
    began = time.process_time()
    found = crossed(talk)
    assert time.process_time() - began < 5
    assert all(found)
    speech = [Span(at, at + 10) for at in range(0, 60_000, 30)]
    under = [Turn(Span(0, 60_000), "Anna"), *(Turn(Span(at, at + 3), "Ben") for at in range(1, 59_000, 3))]
    began = time.process_time()
    assert list(theirs(under, speech)) == [under[0]]
    assert time.process_time() - began < 5
