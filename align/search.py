"""The search: dynamic programming over all lines of a film, exact over a grid of candidate starts and ends.

Weights and their reasons never live here (align/price.py), nor what makes a problem (align/frame.py).

Going through the film in mix order, all that the past can mean to the lines ahead is where it ends, and the rate
classes of the lines that a later one is compared with: at most two, one per speaker still talking. So one table per
line, of the least points for each end and each such class, is enough. Points are whole numbers held in float64,
exactly: each table is kept relative to its least entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from align import price
from align.frame import Frame
from align.limits import Limits, longest, shortest

Ints = npt.NDArray[np.int64]
Points = npt.NDArray[np.float64]

STEP = 20
"""ms between candidate starts: half a picture at 25 a second, about the finest error of an onset that is seen."""

LADDER = (*range(20, 161, 20), 220, 300, 400, 560, 800, 1200)
"""ms before and after the home's end at which a line may end: by STEP, then growing by about a third."""

BLOCK = 16
"""Lines whose prices are computed at once: arrays that stay in a core's own cache."""

WORDINGS_MET = 3
"""Wordings whose exact edges are candidate ends: as many as a translator is asked for at once."""

_CLASSES = len(price.CLASSES) + 1
_JUMPS = np.array(
    [[price.jump(before, after) for after in range(_CLASSES)] for before in range(_CLASSES)], np.float64
)
_CLASS_OF_STEP = np.searchsorted(price.CLASSES, np.arange(price.STEPS + 1))


@dataclass(frozen=True)
class Chosen:
    """One unit of the answer: start and end in ms, and the wording's index."""

    start: int
    end: int
    wording: int


@dataclass(frozen=True)
class Grid:
    """Candidate starts (n, S) and ends (n, E) in ms of n units, each row in rising order; repeats do no harm."""

    starts: Ints
    ends: Ints


def grid(frame: Frame) -> Grid:
    """The candidates: starts every STEP ms around the home's onset; ends where the next line may start, around the
    home's end, and where a wording meets the edges of its band or the ceiling. Each kind also has the shot change
    beside the source. The home's start with the least slot is always among them, so that an answer exists."""
    limits, homes = frame.limits, frame.homes
    home = np.array([(span.start, span.end) for span in homes], np.int64).reshape(-1, 2)
    cuts = np.array(frame.cuts, np.int64).reshape(-1, 2)
    least, pads = np.array(frame.least, np.int64), np.array(frame.pads, np.int64)
    offsets = np.concatenate(
        (-np.arange(STEP, limits.max_early + 1, STEP), np.arange(0, limits.max_late + 1, STEP))
    )
    onset = home[:, :1]
    starts = np.concatenate((onset + offsets, cuts[:, :1]), axis=1)
    starts = np.clip(starts, np.maximum(onset - limits.max_early, 0), onset + limits.max_late)
    starts = np.sort(starts, axis=1)
    last = np.full((1, starts.shape[1]), frame.duration)
    after = np.concatenate((starts[1:], last)) - pads[:, None]
    at_edges = np.array([_edges(frame, i) for i in range(len(homes))], np.int64)
    ladder = np.array([-ms for ms in LADDER] + [0, *LADDER])
    quiet = np.array(frame.quiet, np.int64)[:, None]
    surely = onset + least[:, None]
    ends = np.concatenate((after, home[:, 1:] + ladder, onset + at_edges, quiet, surely, cuts[:, 1:]), axis=1)
    ends = np.clip(ends, starts[:, :1] + least[:, None], np.maximum(after.max(axis=1, keepdims=True), surely))
    return Grid(starts, np.sort(ends, axis=1))


def _edges(frame: Frame, i: int) -> list[int]:
    """Slot lengths in ms at which the wordings of unit `i` meet their band and the ceiling: always
    three for each of WORDINGS_MET, repeats where it has fewer."""
    low, high = frame.comfort[i]
    lengths = frame.units[i].lengths[:WORDINGS_MET]
    met = [
        slot
        for length in lengths
        for slot in (
            longest(length, low / 1000),
            shortest(length, high / 1000),
            shortest(length, frame.limits.ceiling),
        )
    ]
    return met + met[:1] * (3 * (WORDINGS_MET - len(lengths)))


def cheapest(frame: Frame) -> list[Chosen]:
    """The placement of least cost over the grid, in mix order. Ties are broken from the last unit to the first: the
    earliest end, the lowest rate class, the earliest start, and at last the first wording."""
    if not frame.units:
        return []
    around = grid(frame)
    reach = _reach(frame, around)
    return _back(frame, around, reach, _forward(frame, around, reach))


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
    own: npt.NDArray[np.uint8] | None


def _forward(frame: Frame, around: Grid, reach: Ints) -> list[_Table]:
    """The tables, the first standing for the film before any unit."""
    watched = set(frame.links)
    opened: tuple[int, ...] = ()
    best: Points = np.zeros(1 + around.ends.shape[1])
    tables = [_Table(best, opened, np.zeros(0, np.uint16), None)]
    for i, prices in _prices(frame, around):
        before = best[..., reach[i]]  # (*C, S)
        linked = frame.links[i]
        if linked >= 0:
            before = np.moveaxis(before, opened.index(linked), -1)  # (*R, S, C)
            before = np.moveaxis((before[..., None] + _JUMPS).min(axis=-2), -1, 0)  # (K, *R, S)
            opened = tuple(unit for unit in opened if unit != linked)
        else:
            before = before[None]
        kinds, ends, starts = prices.shape
        total = before[..., None, :] + prices.reshape(kinds, *(1 for _ in opened), ends, starts)
        start = total.argmin(axis=-1).astype(np.uint16)  # (K, *R, E)
        found = total.min(axis=-1)
        own = None
        if i in watched:
            found = np.moveaxis(found, 0, -2)
            opened = (*opened, i)
        elif kinds > 1:
            own = found.argmin(axis=0).astype(np.uint8)
            found = found.min(axis=0)
        else:
            found = found[0]
        best = np.full((*found.shape[:-1], 1 + ends), np.inf)
        np.minimum.accumulate(found, axis=-1, out=best[..., 1:])
        best -= best.min()
        tables.append(_Table(best, opened, start, own))
    return tables


def _back(frame: Frame, around: Grid, reach: Ints, tables: list[_Table]) -> list[Chosen]:
    """The cheapest way through the tables, from the last unit to the first."""
    count = len(frame.units)
    spans = np.zeros((count, 2), np.int64)
    classes = [-1] * count  # of units that are compared with another
    limit = around.ends.shape[1]
    for i in reversed(range(count)):
        table, before = tables[i + 1], tables[i]
        least = table.best[tuple(classes[unit] for unit in table.open)]
        end = int(np.argmax(least == least[limit])) - 1
        rest = tuple(classes[unit] for unit in table.open if unit != i)
        if table.own is not None:
            of_ending = (*rest, end)
            classes[i] = int(table.own[of_ending])
        of_start = (max(0, classes[i]), *rest, end)
        start = table.start[of_start]
        limit = int(reach[i, start])
        spans[i] = around.starts[i, start], around.ends[i, end]
        linked = frame.links[i]
        if linked >= 0:
            at: list[Any] = [slice(None) if unit == linked else classes[unit] for unit in before.open]
            classes[linked] = int(np.argmin(before.best[tuple(at)][..., limit] + _JUMPS[:, classes[i]]))
    return _worded(frame, spans, np.array(classes))


def _worded(frame: Frame, spans: Ints, classes: Ints) -> list[Chosen]:
    """The cheapest wording in each span, of the rate class that was chosen where one was (else -1)."""
    points, steps = _rates(frame, spans[:, :1], spans[:, 1:], slice(None))
    wrong = (classes[:, None] >= 0) & (_CLASS_OF_STEP[steps[:, :, 0, 0]] != classes[:, None])
    wordings = np.where(wrong, np.inf, points[:, :, 0, 0]).argmin(axis=1)
    return [Chosen(int(a), int(b), int(w)) for (a, b), w in zip(spans, wordings, strict=True)]


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


def _prices(frame: Frame, around: Grid) -> Iterator[tuple[int, Points]]:
    """For each unit the points of every (class, end, start), (C, E, S): C is 1 where no later or earlier unit is
    compared with it. A slot below the least costs infinitely much."""
    compared = set(frame.links) | {i for i, link in enumerate(frame.links) if link >= 0}
    onsets, endings = _onsets(frame, around), _endings(frame, around)
    for first in range(0, len(frame.units), BLOCK):
        block = slice(first, first + BLOCK)
        points, steps = _rates(frame, around.starts[block], around.ends[block], block)
        points += (endings[block, :, None] + onsets[block, None, :])[:, None]
        for i in range(first, first + len(points)):
            if i in compared:
                classes = _CLASS_OF_STEP[steps[i - first]]
                by_class = [
                    np.where(classes == c, points[i - first], np.inf).min(axis=0) for c in range(_CLASSES)
                ]
                yield i, np.stack(by_class)
            else:
                yield i, points[i - first].min(axis=0, keepdims=True)


def _rates(frame: Frame, starts: Ints, ends: Ints, block: slice) -> tuple[Points, Ints]:
    """Points of rate and wording, and rate steps, (m, W, E, S), of the units in `block`."""
    units, limits = frame.units[block], frame.limits
    widest = max(len(unit.lengths) for unit in units)
    lengths = np.array(
        [[*unit.lengths, *unit.lengths[:1] * (widest - len(unit.lengths))] for unit in units], float
    )
    liking = np.array(
        [[price.wording(w) if w < len(unit.lengths) else np.inf for w in range(widest)] for unit in units]
    )[:, :, None, None]
    slots = (ends[:, :, None] - starts[:, None, :]).astype(float)
    least = np.array(frame.least[block], float)[:, None, None]
    barred = np.where(slots < least, np.inf, 0.0)[:, None]
    np.maximum(slots, least, out=slots)
    ratio = (1000 * lengths)[:, :, None, None] / slots[:, None]
    np.minimum(ratio, price.STEPS / 2, out=ratio)
    whole = np.floor(ratio)
    whole += np.ceil(ratio, out=ratio)
    steps = whole.astype(np.int64)
    strains, rows = _strains(frame.comfort[block], limits)
    worse = strains.take(steps + rows[:, None, None, None] if rows.any() else steps)
    weights = np.minimum(lengths, price.HEAVIEST)[:, :, None, None]
    points: Points = (worse > 0) * float(price.LEAVE)
    points += np.multiply(worse, weights, out=worse)
    points += liking + barred
    return points, steps


def _strains(comfort: tuple[tuple[int, int], ...], limits: Limits) -> tuple[Points, Ints]:
    """Tables of strain by rate step, one for each band, end to end; and where each unit's begins."""
    bands = sorted(set(comfort))
    begins = {band: row * (price.STEPS + 1) for row, band in enumerate(bands)}
    tables = np.concatenate([_strain(band, limits) for band in bands])
    return tables, np.array([begins[band] for band in comfort])


@lru_cache(maxsize=64)
def _strain(comfort: tuple[int, int], limits: Limits) -> Points:
    """price.strain of every rate step."""
    at, low = np.arange(price.STEPS + 1), comfort[0]
    drawn = np.where(at < 2 * low, 2_000_000 // np.maximum(at, 1) - 1_000_000 // low, 0)
    points: Points = _tolls(at, price.fast(comfort, limits)) + price.DRAWN_SLOPE * drawn
    return points


def _onsets(frame: Frame, around: Grid) -> Points:
    """(n, S): price.onset of every start."""
    limits = frame.limits
    shift = around.starts - np.array([unit.span.start for unit in frame.units])[:, None]
    crossed = around.starts < np.array([cut for cut, _ in frame.cuts])[:, None]
    early, late = price.scaled(price.EARLY, limits.lips), price.scaled(price.LATE, limits.lips)
    points: Points = _tolls(-shift, early) + _tolls(shift, late) + price.CUT * crossed
    return points


def _endings(frame: Frame, around: Grid) -> Points:
    """(n, E): price.ending of every end."""
    limits, ends = frame.limits, around.ends
    said = np.array([unit.span.end for unit in frame.units])[:, None]
    held = np.minimum(said, np.array([home.end for home in frame.homes])[:, None])
    hole, borrow = price.scaled(price.HOLE, limits.ends), price.scaled(price.borrow(limits), limits.ends)
    missing = np.clip(ends - np.array(frame.quiet)[:, None], 0, limits.gap)
    crossed = ends > np.array([cut for _, cut in frame.cuts])[:, None]
    points: Points = _tolls(held - ends, hole) + _tolls(ends - said, borrow) + price.GAP * missing
    return points + price.CUT * crossed


def _tolls(past: Ints, slopes: price.Slopes) -> Points:
    """price.toll of an array."""
    total: Any = sum(slope * np.maximum(past - knee, 0) for knee, slope in slopes)
    return np.asarray(total, np.float64)
