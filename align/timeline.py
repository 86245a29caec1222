"""The timeline: when every line of a film is spoken, and in which of its wordings, all solved at once.

Knows spans and lengths only. Measuring how fast a voice speaks and finding other wordings never live here; weights
lie in align/price.py, the search in align/search.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from align import price
from align.frame import Frame, Unit, frame
from align.lanes import Turn, unasked
from align.limits import NATURAL, TIGHT, Limits, shortest, thousandths
from align.search import Chosen, cheapest
from align.types import Span

__all__ = ["NATURAL", "TIGHT", "Limits", "Placement", "Unit", "cost", "solve"]


@dataclass(frozen=True)
class Placement:
    """What a unit is given: its slot, the wording to speak (its place among the unit's lengths) and how long the
    voice takes for that by itself, in ms. `flags` name what the report must show, in this order:

    "early", "late"  the slot starts before, after the source      "borrowed"  it ends after the source
    "reworded"       not the best liked wording                    "compressed"  faster than the comfort band
    "crowded"        over the ceiling, or further from its onset than the limits allow
    "short"          it ends before the source because no wording fills it, unhurried
    """

    unit: str
    span: Span
    wording: int
    natural: int
    flags: tuple[str, ...] = field(default=())

    @property
    def factor(self) -> float:
        """Rate factor, natural ÷ slot length: over 1 the unit is spoken faster than it would be by itself."""
        return self.natural / self.span.duration if self.span.duration else float("inf")


def solve(
    units: Sequence[Unit], duration: int, limits: Limits = TIGHT, cuts: Sequence[int] = ()
) -> tuple[Placement, ...]:
    """The timeline of least cost(), over a grid of starts and ends; one placement per unit, in the order given. Units
    whose onset moves then end exactly where a band's edge is, where that is cheaper still.

    `duration` is the film's in ms, `cuts` its shot changes where known. Slots lie within [0, duration] and follow one
    another in the order of source onsets, but where two people talk at once in the film: those lie in two lanes
    (align/lanes.py), each in that order. Of two who do, the one who goes on alone begins no earlier than in the film,
    and the other ends no later. A unit whose best liked wording fits its source within its comfort band, and whose
    source is its own, has the source's very span, unless a neighbour in want of the same time gains more than it loses.
    Otherwise each remedy only as far as the one before falls short, when all costs are plain:

    too long   the band's upper edge; another wording; silence after it; a little compression, small shifts of onsets;
               compression up to the ceiling; and past it where all time around is taken
    too short  the band's lower edge; another wording; silence

    Where units of one speaker, of nobody in particular, or of three people at once lie over each other, or past the
    film's end, time is shared in proportion to natural length and windows are counted from there. What a unit is given
    depends on others only along chains of neighbours that contend for time, or are of one speaker, close together and
    both not at ease on their sources.

    O(n log n). Raises ValueError when ids repeat, a natural length is missing or not positive, a phrase has several
    wordings, a comfort band is none, or the film is shorter than one ms per unit.
    """
    given = frame(units, duration, limits, cuts)
    found = cheapest(given)
    chosen = edged(given, found.placed)
    placed = _named(given, chosen)
    if given.over is not None:
        starts = [one.start for one in chosen] + [duration]
        placed |= _named(given.over, edged(given.over, found.over, starts))
    return tuple(placed[i] for i in range(len(units)))


def cost(
    units: Sequence[Unit],
    placements: Sequence[Placement],
    duration: int,
    limits: Limits = TIGHT,
    cuts: Sequence[int] = (),
) -> int:
    """What a timeline costs in points (price.MS to the ms): what solve() makes least.

    The sum, over units, of what the onset, the end, the rate and the wording cost by align/price.py; and over pairs
    of units that are heard as one speaker's talk, of the jump between their rates.

    Raises ValueError, besides what solve() does, where the placements are not those of the units, one outlasts the
    film, is shorter than its unit is sure of, or starts before the one before it in its lane, or one that it does not
    talk over in the film, is over, and the breath due.
    """
    given = frame(units, duration, limits, cuts)
    by_unit = {placement.unit: placement for placement in placements}
    if set(by_unit) != {unit.id for unit in units} or len(placements) != len(units):
        raise ValueError("the placements are not those of the units")
    lanes = [given] if given.over is None else [given, given.over]
    lines = [[by_unit[unit.id] for unit in lane.units] for lane in lanes]
    _check(given, *lines)
    return sum(_lane_cost(lane, placed) for lane, placed in zip(lanes, lines, strict=True))


def _lane_cost(given: Frame, placed: Sequence[Placement]) -> int:
    """What the units of one lane cost, in points, as they are placed."""
    total = 0
    for i, (unit, placement) in enumerate(zip(given.units, placed, strict=True)):
        total += unit_cost(given, i, placement.span, placement.wording)
        if given.links[i] >= 0:
            before = given.links[i]
            total += price.jump(
                price.rate_class(
                    given.units[before].lengths[placed[before].wording], placed[before].span.duration
                ),
                price.rate_class(unit.lengths[placement.wording], placement.span.duration),
            )
    return total


def unit_cost(given: Frame, place: int, span: Span, wording: int) -> int:
    """What the unit at `place` in mix order costs by itself, in points, when its `wording` is spoken in `span`."""
    unit, limits = given.units[place], given.limits
    source, last, first = unit.span, *given.cuts[place]
    return (
        price.onset(span.start - source.start, span.start < last, limits)
        + price.ending(
            min(source.end, given.homes[place].end) - span.end,
            span.end - source.end,
            span.end - given.quiet[place],
            span.end > first,
            limits,
        )
        + price.rate(unit.lengths[wording], span.duration, given.comfort[place], limits)
        + price.wording(wording)
    )


def edged(given: Frame, chosen: Sequence[Chosen], starts: Sequence[int] = ()) -> list[Chosen]:
    """The same, but for ends: at its onset each unit that does not start at home ends where the rate of one of its
    wordings is at an edge of the comfort band or at the ceiling, if that costs less and is free.

    The grid has these ends for onsets at home; for every other onset they would make it several times as large.
    `starts` (ms) are those of the units that these are laid over, and the film's end, where they are laid over any.
    """
    settled = list(chosen)
    followers = {before: place for place, before in enumerate(given.links) if before >= 0}
    for place, now in enumerate(chosen):
        if now.start == given.homes[place].start:
            continue
        free = min(_free(given, place, settled, starts), given.windows[place].end)
        low, high = given.comfort[place]
        ends = {
            (now.start + length, wording)
            for wording, natural in enumerate(given.units[place].lengths)
            for length in (
                1000 * natural // low,
                shortest(natural, high / 1000),
                shortest(natural, given.limits.ceiling),
            )
            if given.least[place] <= length <= free - now.start
        }
        near = [one for one in (given.links[place], followers.get(place, -1)) if one >= 0]

        def points(one: Chosen, place: int = place, near: Sequence[int] = tuple(near)) -> int:
            alone = unit_cost(given, place, Span(one.start, one.end), one.wording)
            mine = _class(given, place, one)
            return alone + sum(
                price.jump(mine, other) for other in (_class(given, each, settled[each]) for each in near)
            )

        tries = [now, *(Chosen(now.start, end, wording) for end, wording in sorted(ends))]
        settled[place] = min(tries, key=points)
    return settled


def _free(given: Frame, place: int, settled: Sequence[Chosen], starts: Sequence[int]) -> int:
    """Until when (ms) a unit may sound for the sake of the next."""
    if given.dues:
        return starts[given.dues[place]] - given.pads[place]
    return settled[place + 1].start - given.pads[place] if place + 1 < len(settled) else given.duration


def _class(given: Frame, place: int, one: Chosen) -> int:
    return price.rate_class(given.units[place].lengths[one.wording], one.end - one.start)


def _check(given: Frame, placed: Sequence[Placement], over: Sequence[Placement] = ()) -> None:
    lanes = [(given, placed)] if given.over is None else [(given, placed), (given.over, over)]
    for lane, many in lanes:
        for placement, least in zip(many, lane.least, strict=True):
            if placement.span.duration < least or placement.span.end > given.duration:
                raise ValueError(
                    f"line {placement.unit!r} is placed outside the film, or in less than {least} ms"
                )
    said = [
        (placement.span, Turn(unit.span, unit.speaker))
        for lane, many in lanes
        for unit, placement in zip(lane.units, many, strict=True)
    ]
    follow = list(zip(pairwise(placed), given.pads, strict=False))
    if given.over is not None:
        after = [(placed[due], k) for k, due in enumerate(given.over.dues) if due < len(placed)]
        follow += [((over[k], one), given.over.pads[k]) for one, k in after]
    for (before, one), pad in follow:
        if one.span.start - before.span.end < pad:
            raise ValueError(f"line {one.unit!r} starts before line {before.unit!r} is over")
    for i, j in unasked(said):
        names = [*placed, *over]
        raise ValueError(f"line {names[j].unit!r} starts before line {names[i].unit!r} is over")


def _named(given: Frame, chosen: Sequence[Chosen]) -> dict[int, Placement]:
    """The placements of the units of one lane, by the places that the caller gave them."""
    return {
        i: _placement(given, place, Span(one.start, one.end), one.wording)
        for place, (i, one) in enumerate(zip(given.order, chosen, strict=True))
    }


def _placement(given: Frame, place: int, span: Span, wording: int) -> Placement:
    unit, limits, (low, high) = given.units[place], given.limits, given.comfort[place]
    source, length = unit.span, unit.lengths[wording]
    shift, thousands = span.start - source.start, 1000 * length
    over = thousands > thousandths(limits.ceiling) * span.duration
    hurried = thousands > high * span.duration
    named = {
        "early": shift < 0,
        "late": shift > 0,
        "borrowed": span.end > source.end,
        "reworded": wording > 0,
        "compressed": hurried,
        "crowded": over or not -limits.max_early <= shift <= limits.max_late,
        "short": span.end < source.end and thousands < low * source.duration and not hurried,
    }
    return Placement(unit.id, span, wording, length, tuple(flag for flag, holds in named.items() if holds))
