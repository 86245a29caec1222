"""The timeline is the cheapest there is: against every combination of candidates, and against what moves nearby."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product

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
    """Every candidate of every unit, the cheapest first: from the grid, priced by the plain arithmetic of cost(). Those
    that are laid over others come last."""
    found = []
    for lane, grid in lanes_of(given):
        for i, unit in enumerate(lane.units):
            slots = {
                (int(a), int(b)) for a, b in product(grid.starts[i], grid.ends[i]) if b - a >= lane.least[i]
            }
            found.append(
                sorted(
                    (unit_cost(lane, i, Span(*slot), wording), *slot, wording)
                    for slot in slots
                    for wording in range(len(unit.lengths))
                )
            )
    return found


def lanes_of(given: Frame) -> list[tuple[Frame, candidates.Grid]]:
    """The lanes of a film with their candidates."""
    first = [(given, candidates.grid(given))]
    return first + ([(given.over, candidates.grid(given.over, given))] if given.over else [])


def units_of(given: Frame) -> list[Unit]:
    """The units of both lanes, those laid over others last."""
    return [unit for lane, _ in lanes_of(given) for unit in lane.units]


def over(given: Frame, spans: Sequence[tuple[int, int]], k: int, end: int) -> bool:
    """Whether unit `k` of those laid over others, which lie in `spans`, is over in time when it ends at `end`."""
    assert given.over is not None
    due = given.over.dues[k]
    return due == len(given.units) or end + given.over.pads[k] <= spans[due][0]


def kept(given: Frame, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether all units, placed in the order of `units_of`, keep the rules."""
    count = len(given.units)
    apart = all(
        after[0] >= before[1] + pad
        for before, after, pad in zip(spans[:count], spans[1:count], given.pads, strict=False)
    )
    return apart and all(over(given, spans, k, end) for k, (_, end) in enumerate(spans[count:]))


def least(given: Frame, choices: list[list[Option]], bound: int) -> int:
    """The least points of any combination that keeps the rules, if below `bound`; else `bound`. Every combination is
    looked at but those that already cost the bound, given that what is left costs its own least. Those laid over others
    are held to the others alone, so that of each the cheapest that keeps the rules is the one."""
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
        if i == len(given.units):
            spans = [one[1:3] for one in taken]
            for k, many in enumerate(choices[i:]):
                spent += next((one[0] for one in many if over(given, spans, k, one[2])), bound)
            best = min(best, spent)
            return
        for option in choices[i]:
            if spent + option[0] + rest[i + 1] >= best:
                return
            taken.append(option)
            if i == 0 or option[1] >= taken[i - 1][2] + given.pads[i - 1]:
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


def crosstalk(draw: random.Random, count: int) -> tuple[list[Unit], int, list[int]]:
    """People who talk into each other, over each other and at once, with a phrase here and there."""
    units: list[Unit] = []
    at = draw.randrange(0, 300)
    for i in range(count):
        length = draw.choice((300, 900, 1500, 3000))
        phrase = draw.choice(("", "", "", "p"))
        natural = tuple(
            max(1, round(length * draw.uniform(0.5, 1.8)))
            for _ in range(1 if phrase else draw.choice((1, 2)))
        )
        units.append(Unit(f"u{i}", Span(at, at + length), natural, draw.choice(("A", "B", "C", "")), phrase))
        at = max(0, at + draw.choice((0, 120, length // 3, length - 300, length - 60, length, length + 200)))
    duration = max(count, round((at + 1500) * draw.choice((1.3, 1.0, 0.7))))
    cuts = [draw.randrange(0, duration + 1) for _ in range(draw.randrange(0, 3))]
    return units, duration, cuts


MAKERS = (film, hurried, crosstalk)


def on_grid(given: Frame) -> list[Placement]:
    """The cheapest timeline over the grid, as the search finds it, in the order of `units_of`."""
    found = search.cheapest(given)
    return [
        Placement(unit.id, Span(one.start, one.end), one.wording, unit.lengths[one.wording])
        for unit, one in zip(units_of(given), [*found.placed, *found.over], strict=True)
    ]


@pytest.mark.parametrize("seed", range(165))
def test_no_combination_of_candidates_costs_less(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(seed)
    make = MAKERS[seed % 3]
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


@pytest.mark.parametrize("seed", range(60))
def test_nothing_costs_less_when_every_combination_is_costed_whole(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "STEP", 100)
    monkeypatch.setattr(candidates, "LADDER", ())
    draw = random.Random(seed)
    limits = Limits(max_early=0, max_late=100, breath=40)
    units, duration, cuts = MAKERS[seed % 3](draw, 2)
    given = frame(units, duration, limits, cuts)
    costs = []
    for pair in product(*options(given)):
        placed = [
            Placement(unit.id, Span(start, end), wording, unit.lengths[wording])
            for unit, (_, start, end, wording) in zip(units_of(given), pair, strict=True)
        ]
        if kept(given, [(one.span.start, one.span.end) for one in placed]):
            costs.append(cost(units, placed, duration, limits, cuts))
    assert cost(units, on_grid(given), duration, limits, cuts) == min(costs)


@pytest.mark.parametrize("guess", [True, False])
@pytest.mark.parametrize("seed", range(18))
def test_a_film_solved_in_pieces_is_the_film_solved_whole(
    seed: int, guess: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(seed)
    units, duration, cuts = MAKERS[seed % 3](draw, 40)
    limits = draw.choice((TIGHT, NATURAL))
    in_pieces = solve(units, duration, limits, cuts)
    links = frame(units, duration, limits, cuts).links
    joined = np.full(len(links) - 1, guess)
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


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("limits", [TIGHT, NATURAL])
def test_no_change_to_a_few_lines_of_a_long_film_costs_less(
    make: Callable[[random.Random, int], tuple[list[Unit], int, list[int]]], limits: Limits
) -> None:
    draw = random.Random(7)
    units, duration, cuts = make(draw, 30)
    placed = list(solve(units, duration, limits, cuts))
    points = cost(units, placed, duration, limits, cuts)
    given = frame(units, duration, limits, cuts)
    grids = [(lane, grid, i) for lane, grid in lanes_of(given) for i in range(len(lane.units))]
    tried = 0
    for _ in range(2500):
        changed = list(placed)
        first = draw.randrange(len(units))
        for lane, grid, i in grids[first : first + draw.choice((1, 1, 2, 3))]:
            start, end = int(draw.choice(grid.starts[i])), int(draw.choice(grid.ends[i]))
            wording = draw.randrange(len(lane.units[i].lengths))
            unit = lane.units[i]
            if end - start >= lane.least[i]:
                changed[lane.order[i]] = Placement(unit.id, Span(start, end), wording, unit.lengths[wording])
        spans = [changed[lane.order[i]].span for lane, _, i in grids]
        pairs = [(span.start, span.end) for span in spans]
        if changed != placed and kept(given, pairs):
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
