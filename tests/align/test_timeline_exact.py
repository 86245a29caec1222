"""The timeline is the cheapest there is: against every combination of candidates, and against what moves nearby."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

from align import candidates, price, search
from align.frame import Frame, frame
from align.limits import NATURAL, TIGHT, Limits
from align.timeline import Placement, Unit, cost, solve, unit_cost
from align.types import Span

Option = tuple[int, int, int, int]
"""(points by itself, start, end, wording)."""


def options(given: Frame) -> list[list[Option]]:
    """Every candidate of every unit, the cheapest first: from the grid, priced by the plain arithmetic of cost()."""
    grid = candidates.grid(given)
    found = []
    for i, unit in enumerate(given.units):
        slots = {
            (int(a), int(b)) for a, b in product(grid.starts[i], grid.ends[i]) if b - a >= given.least[i]
        }
        found.append(
            sorted(
                (unit_cost(given, i, Span(*slot), wording), *slot, wording)
                for slot in slots
                for wording in range(len(unit.lengths))
            )
        )
    return found


def least(given: Frame, choices: list[list[Option]], bound: int) -> int:
    """The least points of any combination that keeps the rules, if below `bound`; else `bound`. Every combination is
    looked at but those that already cost the bound, given that what is left costs its own least."""
    rest = [0] * (len(choices) + 1)
    for i in reversed(range(len(choices))):
        rest[i] = rest[i + 1] + choices[i][0][0]
    best = bound
    taken: list[Option] = []

    def classed(i: int) -> int:
        _, start, end, wording = taken[i]
        return price.rate_class(given.units[i].lengths[wording], end - start)

    def descend(i: int, spent: int) -> None:
        nonlocal best
        if i == len(choices):
            best = min(best, spent)
            return
        free = taken[-1][2] + given.pads[i - 1] if taken else 0
        for option in choices[i]:
            if spent + option[0] + rest[i + 1] >= best:
                return
            if option[1] < free:
                continue
            taken.append(option)
            link = given.links[i]
            jump = price.jump(classed(link), classed(i)) if link >= 0 else 0
            descend(i + 1, spent + option[0] + jump)
            taken.pop()

    descend(0, 0)
    return best


def film(draw: random.Random, count: int) -> tuple[list[Unit], int, list[int]]:
    """A few lines in little time: overlaps, silences, crowds, phrases, wordings, speakers, shot changes."""
    units: list[Unit] = []
    at = draw.randrange(0, 300)
    for i in range(count):
        length = draw.choice((0, 90, 400, 900, 1500, 3000))
        phrase = draw.choice(("", "", "p"))
        wordings = 1 if phrase else draw.randrange(1, 4)
        lengths = tuple(max(1, round((length + 100) * draw.uniform(0.4, 1.9))) for _ in range(wordings))
        band = draw.choice((None, None, (0.9, 1.1), (0.8, 1.22)))
        units.append(
            Unit(f"u{i}", Span(at, at + length), lengths, draw.choice(("", "A", "A", "B", "C")), phrase, band)
        )
        at = max(0, at + length + draw.choice((-800, -100, 0, 0, 30, 80, 150, 600, 1500)))
    duration = max(count, round(at * draw.choice((1.3, 1.0, 1.0, 0.6)) + draw.randrange(0, 400)))
    cuts = [draw.randrange(0, duration + 1) for _ in range(draw.randrange(0, 4))]
    return units, duration, cuts


def hurried(draw: random.Random, count: int) -> tuple[list[Unit], int, list[int]]:
    """Two speakers in quick turns, all far from their bands: where rates are compared across another's line."""
    units = []
    at = 100
    for i in range(count):
        length = draw.randrange(300, 1200)
        natural = tuple(
            round(length * draw.choice((draw.uniform(0.5, 0.84), draw.uniform(1.16, 1.7))))
            for _ in range(draw.choice((1, 2)))
        )
        units.append(Unit(f"u{i}", Span(at, at + length), natural, draw.choice("AB")))
        at += length + draw.choice((0, 60, 200, 400))
    return units, at, []


def on_grid(given: Frame) -> list[Placement]:
    """The cheapest timeline over the grid, as the search finds it, in mix order."""
    return [
        Placement(unit.id, Span(one.start, one.end), one.wording, unit.lengths[one.wording])
        for unit, one in zip(given.units, search.cheapest(given), strict=True)
    ]


@pytest.mark.parametrize("seed", range(150))
def test_no_combination_of_candidates_costs_less(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(seed)
    make = film if seed % 2 else hurried
    count = draw.choice((1, 2, 3, 3, 4))
    if count > 2:
        monkeypatch.setattr(candidates, "STEP", 40)
        monkeypatch.setattr(candidates, "LADDER", (40, 200))
    units, duration, cuts = make(draw, count)
    limits = draw.choice((TIGHT, NATURAL, Limits(max_early=40, max_late=60, crush=1.4)))
    given = frame(units, duration, limits, cuts)
    points = cost(units, on_grid(given), duration, limits, cuts)
    assert least(given, options(given), points + 1) == points
    assert cost(units, solve(units, duration, limits, cuts), duration, limits, cuts) <= points


@pytest.mark.parametrize("seed", range(40))
def test_nothing_costs_less_when_every_combination_is_costed_whole(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "STEP", 100)
    monkeypatch.setattr(candidates, "LADDER", ())
    draw = random.Random(seed)
    limits = Limits(max_early=0, max_late=100, breath=40)
    units, duration, cuts = (film if seed % 2 else hurried)(draw, 2)
    given = frame(units, duration, limits, cuts)
    costs = []
    for pair in product(*options(given)):
        placed = [
            Placement(unit.id, Span(start, end), wording, unit.lengths[wording])
            for unit, (_, start, end, wording) in zip(given.units, pair, strict=True)
        ]
        if placed[1].span.start - placed[0].span.end >= given.pads[0]:
            costs.append(cost(units, placed, duration, limits, cuts))
    assert cost(units, on_grid(given), duration, limits, cuts) == min(costs)


@pytest.mark.parametrize("guess", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_a_film_solved_in_pieces_is_the_film_solved_whole(
    seed: int, guess: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(seed)
    units, duration, cuts = (film if seed % 2 else hurried)(draw, 40)
    limits = draw.choice((TIGHT, NATURAL))
    in_pieces = solve(units, duration, limits, cuts)
    links = frame(units, duration, limits, cuts).links
    joined = np.full(len(units) - 1, guess)
    for i, link in enumerate(links):
        if link >= 0:
            joined[link:i] = True
    monkeypatch.setattr(search, "_joined", lambda _: joined)
    assert solve(units, duration, limits, cuts) == in_pieces


def test_lines_of_minutes_are_weighed_the_same_by_the_search_and_by_the_cost() -> None:
    rows = [(0, 1000, (150_000, 110_000)), (1000, 2000, (900,)), (1500, 70_000, (130_000,))]
    units = [Unit(f"u{a}", Span(a, b), lengths, "A") for a, b, lengths in rows]
    given = frame(units, 124_000, TIGHT, ())
    points = cost(units, on_grid(given), 124_000)
    assert least(given, options(given), points + 1) == points


@pytest.mark.parametrize("make", [film, hurried])
@pytest.mark.parametrize("limits", [TIGHT, NATURAL])
def test_no_change_to_a_few_lines_of_a_long_film_costs_less(
    make: Callable[[random.Random, int], tuple[list[Unit], int, list[int]]], limits: Limits
) -> None:
    draw = random.Random(7)
    units, duration, cuts = make(draw, 30)
    placed = list(solve(units, duration, limits, cuts))
    points = cost(units, placed, duration, limits, cuts)
    given = frame(units, duration, limits, cuts)
    grid = candidates.grid(given)
    tried = 0
    for _ in range(2500):
        changed = list(placed)
        first = draw.randrange(len(units))
        for i in range(first, min(first + draw.choice((1, 1, 2, 3)), len(units))):
            start, end = int(draw.choice(grid.starts[i])), int(draw.choice(grid.ends[i]))
            wording = draw.randrange(len(given.units[i].lengths))
            unit = given.units[i]
            if end - start >= given.least[i]:
                changed[given.order[i]] = Placement(unit.id, Span(start, end), wording, unit.lengths[wording])
        in_mix = [changed[i] for i in given.order]
        apart = zip(pairwise(in_mix), given.pads, strict=False)
        if all(b.span.start - a.span.end >= pad for (a, b), pad in apart) and changed != placed:
            tried += 1
            assert cost(units, changed, duration, limits, cuts) >= points
    assert tried > 50


def test_rates_of_one_speaker_are_compared_across_the_other_ones_line() -> None:
    def quick(at: int, speaker: str, *lengths: int) -> Unit:
        return Unit(f"u{at}", Span(at, at + 900), lengths, speaker)

    units = [quick(0, "A", 1300), quick(900, "B", 900), quick(1800, "A", 740, 880), quick(2700, "C", 900)]
    assert frame(units, 3600, TIGHT, ()).links == (-1, -1, 0, -1)
    others = [*units[:2], replace(units[2], speaker="D"), units[3]]
    together, apart = solve(units, 3600), solve(others, 3600)
    assert (apart[2].wording, together[2].wording) == (0, 1)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ([("a", 0, 1000), ("a", 1000, 2000)], "not those"),
        ([("a", 0, 1000)], "not those"),
        ([("a", 0, 1001), ("b", 1000, 2000)], "before line 'a' is over"),
        ([("a", 0, 1000), ("b", 1000, 2001)], "outside the film"),
        ([("a", 0, 1000), ("b", 1000, 1030)], "less than"),
    ],
)
def test_what_is_no_timeline_has_no_cost(wrong: list[tuple[str, int, int]], told: str) -> None:
    units = [Unit("a", Span(0, 1000), (1000,)), Unit("b", Span(1000, 2000), (1000,))]
    with pytest.raises(ValueError, match=told):
        cost(units, [Placement(name, Span(a, b), 0, 1000) for name, a, b in wrong], 2000)
