"""The search: dynamic programming over the lines of a film, exact over a grid of candidate starts and ends.

Weights and their reasons never live here (align/price.py), nor what makes a problem (align/frame.py) and what the
candidates cost (align/candidates.py).

A film falls into pieces that want no time of each other's. A piece solved as if it had the film for itself costs no
more than it does in any timeline of the whole; so where the answers leave each other free, they are together the
cheapest timeline, and where two do not, their pieces are joined and solved again.

Going through a piece in mix order, all that the past can mean to the lines ahead is where it ends, and the rate
classes of the lines that a later one is compared with: at most two, one per speaker still talking. So one table per
line, of the least points for each end and each such class, is enough. Points are whole numbers held in float64,
exactly: each table is kept relative to its least entry.

A line that is laid over others feels them by one thing only: the start of the line by which it must be over. What it
costs at the least, for each such start, is part of the price of that start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from align import candidates, price
from align.candidates import CLASSES, Grid, Ints, Points, Terms, endings, grid, onsets, prices, rates, terms
from align.frame import Frame

Flags = npt.NDArray[np.bool_]

_JUMPS = np.array(
    [[price.jump(before, after) for after in range(CLASSES)] for before in range(CLASSES)], np.float64
)


@dataclass(frozen=True)
class Chosen:
    """One unit of the answer: start and end in ms, and the wording's index."""

    start: int
    end: int
    wording: int


@dataclass(frozen=True)
class _Film:
    """All that the search asks about n units: candidates, what they cost, `reach` (n, S), how many ends of the unit
    before allow each start, which are `watched` (n,), as a later one is compared with them, and which `compared` (n,)
    either way. `bound` (n,) are those by whose start one that is laid over others must be over."""

    frame: Frame
    around: Grid
    by: Terms
    onsets: Points
    endings: Points
    reach: Ints
    compared: Flags
    watched: Flags
    bound: Flags


@dataclass(frozen=True)
class Answer:
    """The units of a frame as they are placed, in mix order, and those that are laid over them."""

    placed: list[Chosen]
    over: list[Chosen]


def cheapest(frame: Frame) -> Answer:
    """The placement of least cost over the grid. Ties are broken from the last unit to the first: the earliest end, the
    lowest rate class, the earliest start, and at last the first wording."""
    if not frame.units:
        return Answer([], [])
    over = _known_over(frame)
    film = _film(frame, over)
    placed = _placed(film)
    return Answer(placed, _laid(over, placed) if over else [])


def _film(frame: Frame, over: _Over | None) -> _Film:
    around = grid(frame)
    links = np.array(frame.links)
    watched = np.isin(np.arange(len(links)), links)
    starting, bound = onsets(frame, around), np.zeros(len(links), bool)
    if over is not None:
        for k, due in enumerate(over.frame.dues):
            if due < len(links):
                starting[due] += over.least[k, over.reach(k, around.starts[due])]
                bound[due] = True
    return _Film(
        frame,
        around,
        terms(frame),
        starting,
        endings(frame, around),
        _reach(frame, around),
        watched | (links >= 0),
        watched,
        bound,
    )


@dataclass(frozen=True)
class _Over:
    """The m units that are laid over others: their candidates, the points of each end with its best start, and that
    start's place (m, E), and the `least` (m, 1 + E) for ending no later than each of the ends; its first entry stands
    for no end at all."""

    frame: Frame
    around: Grid
    by: Terms
    points: Points
    start: npt.NDArray[np.uint16]
    least: Points

    def reach(self, k: int, starts: Ints) -> Ints:
        """How many ends of the unit at `k` allow each of `starts` of the one by which it must be over."""
        allowed = starts - self.frame.pads[k]
        found: Ints = np.searchsorted(self.around.ends[k], allowed, side="right")
        return found


def _known_over(frame: Frame) -> _Over | None:
    """What is known of the units laid over those of `frame`; None where there are none."""
    over = frame.over
    if over is None:
        return None
    around, by = grid(over, frame), terms(over)
    count, ends = around.ends.shape
    points, start = np.empty((count, ends)), np.empty((count, ends), np.uint16)
    starting = onsets(over, around)
    for k, rated in enumerate(prices(around, by, np.arange(count), np.zeros(count, bool))):
        total = rated[0] + starting[k]
        start[k] = total.argmin(axis=1)
        points[k] = total.min(axis=1)
    points += endings(over, around)
    least = np.full((count, 1 + ends), np.inf)
    np.minimum.accumulate(points, axis=1, out=least[:, 1:])
    return _Over(over, around, by, points, start, least)


def _laid(over: _Over, placed: list[Chosen]) -> list[Chosen]:
    """The cheapest place of each unit that is laid over others, between those that are `placed`."""
    count, around = len(over.frame.units), over.around
    spans = np.zeros((count, 2), np.int64)
    for k, due in enumerate(over.frame.dues):
        free = around.ends.shape[1]
        if due < len(placed):
            free = int(over.reach(k, np.array(placed[due].start)))
        end = int(over.points[k, :free].argmin())
        spans[k] = around.starts[k, over.start[k, end]], around.ends[k, end]
    return _worded(over.by, spans, np.full(count, -1))


def _placed(film: _Film) -> list[Chosen]:
    """The cheapest placement of the film's units, in mix order."""
    frame = film.frame
    # At ease a unit has nothing to pay at home, and something anywhere else.
    spans = np.array([(home.start, home.end) for home in frame.homes], np.int64)
    classes = np.full(len(spans), -1)
    tables: list[_Table | None] = [None] * len(spans)
    pads = np.array(frame.pads[:-1], np.int64)
    joined, width = _joined(film), 1
    fresh = added = np.ones(len(spans), bool)
    while fresh.any():
        leads = np.concatenate(([True], ~joined))
        single = leads & np.concatenate((~joined, [True]))
        _alone(film, np.flatnonzero(fresh & single & ~(np.array(frame.at_ease) & ~film.bound)), spans)
        _forward(film, added & ~single, leads, tables)
        _back(film, np.flatnonzero(fresh & ~single), leads, tables, spans, classes)
        clash = ~joined & (spans[:-1, 1] + pads > spans[1:, 0])
        grown = joined.copy()
        for place in np.flatnonzero(clash):
            grown[max(0, place - width + 1) : place + width] = True
        width *= 2  # where pieces go on growing, by more each time, so that the rounds stay few
        added = np.concatenate(([False], grown & ~joined))
        joined = grown
        piece = np.cumsum(np.concatenate(([False], ~joined)))
        fresh = np.isin(piece, piece[added])
        added[:-1] |= added[1:] & single[:-1]
    return _worded(film.by, spans, classes)


def _joined(film: _Film) -> Flags:
    """(n - 1,): a first guess which neighbours contend for time, and all that stand between two units compared."""
    frame, by = film.frame, film.by
    home = np.array([(span.start, span.end) for span in frame.homes], np.int64)
    limits = frame.limits
    low, high = np.array(frame.comfort, np.int64).T[:, :, None]
    room = (home[:, 1] - home[:, 0])[:, None]
    length = 1000 * by.lengths
    fits = (low * room <= length) & (length <= high * room)
    wanted = np.where(fits, room, np.maximum(room, -(-length // high))).min(axis=1)
    source = np.array([unit.span.start for unit in frame.units])
    start = np.clip(source, home[:, 0] - limits.max_early, home[:, 0] + limits.max_late)
    joined: Flags = (start + wanted)[:-1] + np.array(frame.pads[:-1]) > start[1:]
    for i, link in enumerate(frame.links):
        if link >= 0:
            joined[link:i] = True
    return joined


def _alone(film: _Film, units: Ints, spans: Ints) -> None:
    """Writes the spans of units that have the film for themselves."""
    around = film.around
    for i, points in zip(units.tolist(), prices(around, film.by, units, film.compared), strict=True):
        total = points[0] + film.onsets[i]
        total += film.endings[i, :, None]
        end, start = divmod(int(total.argmin()), total.shape[1])
        spans[i] = around.starts[i, start], around.ends[i, end]


@dataclass(frozen=True)
class _Table:
    """What is known once a unit is placed, with one axis of rate classes, *C, for each unit in `open`, which later
    units are compared with.

    `best` (*C, 1 + E) is the least points for the unit ending no later than each of its ends; its first entry stands
    for no end at all. `start` (K, *R, E) is the place of the best start for each end and, of a unit that is compared
    with another (K: its classes, else 1), each class of its own; R as C, without the unit's own.
    `own` (*R, E) is its best class, where no later unit asks for it.
    """

    best: Points
    open: tuple[int, ...]
    start: npt.NDArray[np.uint16]
    own: npt.NDArray[np.intp] | None


def _forward(film: _Film, due: Flags, leads: Flags, tables: list[_Table | None]) -> None:
    """Brings `tables` up to date: of the units that are `due` (n,), and of those after them until nothing changes. A
    unit that `leads` (n,) its piece feels nothing of what is before it."""
    nothing = _Table(np.zeros(1 + film.around.ends.shape[1]), (), np.zeros(0, np.uint16), None)
    while due.any():
        units = np.flatnonzero(due)
        due = np.zeros_like(due)
        each = prices(film.around, film.by, units, film.compared)
        for i, points in zip(units.tolist(), each, strict=True):
            due[i] = False
            before = nothing if leads[i] else tables[i - 1]
            assert before is not None  # a piece has all its tables from its first unit on
            table, old = _table(film, i, before, points), tables[i]
            tables[i] = table
            same = old is not None and old.open == table.open and np.array_equal(old.best, table.best)
            if not same and i + 1 < len(due) and not leads[i + 1]:
                due[i + 1] = True


def _table(film: _Film, i: int, before: _Table, points: Points) -> _Table:
    """The table after unit `i`, whose `points` (C, E, S) are those of rate and wording."""
    opened = before.open
    spent = before.best[..., film.reach[i]] + film.onsets[i]  # (*C, S)
    linked = film.frame.links[i]
    if linked >= 0:
        spent = spent.swapaxes(0, opened.index(linked))  # (C, *R, S)
        opened = tuple(unit for unit in opened if unit != linked)
        jumps = _JUMPS.reshape(_JUMPS.shape + (1,) * (len(opened) + 1))
        spent = (spent[:, None] + jumps).min(axis=0)  # (K, *R, S)
    else:
        spent = spent[None]
    kinds, ends, starts = points.shape
    if opened:
        points = points.reshape(kinds, *(1 for _ in opened), ends, starts)
    total = spent[..., None, :] + points
    start = total.argmin(axis=-1)  # (K, *R, E)
    rows = np.arange(0, total.size, starts).reshape(start.shape)
    found = total.ravel()[rows + start] + film.endings[i]
    own = None
    if film.watched[i]:
        found = found.transpose(*range(1, found.ndim - 1), 0, -1)
        opened = (*opened, i)
    elif kinds > 1:
        own = found.argmin(axis=0)
        found = found.min(axis=0)
    else:
        found = found[0]
    best = np.empty((*found.shape[:-1], 1 + ends))
    best[..., 0] = np.inf
    np.minimum.accumulate(found, axis=-1, out=best[..., 1:])
    best -= best.min()
    return _Table(best, opened, start.astype(np.uint16), own)


def _back(
    film: _Film, units: Ints, leads: Flags, tables: list[_Table | None], spans: Ints, classes: Ints
) -> None:
    """Writes the spans, and the classes of those compared, that are cheapest by the tables of whole pieces, from the
    last of `units` to the first."""
    around, links = film.around, film.frame.links
    limit = whole = around.ends.shape[1]
    for i in reversed(units.tolist()):
        table, before = tables[i], tables[i - 1]
        assert table is not None
        least = table.best[tuple(classes[unit] for unit in table.open)]
        end = int((least == least[limit]).argmax()) - 1
        rest = tuple(classes[unit] for unit in table.open if unit != i)
        if table.own is not None:
            of_ending = (*rest, end)
            classes[i] = table.own[of_ending]
        of_start = (max(0, classes[i]), *rest, end)
        start = table.start[of_start]
        limit = whole if leads[i] else int(film.reach[i, start])
        spans[i] = around.starts[i, start], around.ends[i, end]
        linked = links[i]
        if linked >= 0:
            assert before is not None
            at: list[Any] = [slice(None) if unit == linked else classes[unit] for unit in before.open]
            classes[linked] = int(np.argmin(before.best[tuple(at)][..., limit] + _JUMPS[:, classes[i]]))


def _worded(by: Terms, spans: Ints, classes: Ints) -> list[Chosen]:
    """The cheapest wording in each span, of the rate class that was chosen where one was (else -1)."""
    points, steps = rates(by, np.arange(len(spans)), spans[:, 1:] - spans[:, :1])
    wrong = (classes[:, None] >= 0) & (candidates.classes(steps)[:, :, 0] != classes[:, None])
    wordings = np.where(wrong, np.inf, points[:, :, 0]).argmin(axis=1)
    rows = zip(spans.tolist(), wordings.tolist(), strict=True)
    return [Chosen(start, end, wording) for (start, end), wording in rows]


def _reach(frame: Frame, around: Grid) -> Ints:
    """(n, S): how many ends of the unit before allow each start; every end for the first unit."""
    count, ends = around.ends.shape
    apart = 2 * (frame.duration + int(around.starts.max()) + max(frame.pads) + 1)
    row = np.arange(count, dtype=np.int64)[:, None]
    allowed = around.starts[1:] - np.array(frame.pads[:-1], np.int64)[:, None]
    before = np.searchsorted(
        (around.ends + row * apart).ravel(), (allowed + row[:-1] * apart).ravel(), side="right"
    )
    reach = before.reshape(allowed.shape) - row[:-1] * ends
    first = np.full((1, around.starts.shape[1]), ends, np.int64)
    return np.concatenate((first, np.maximum(reach, 0)))
