"""The candidates: where each unit of a film may start and end, and what each pair of the two costs.

Weights and their reasons never live here (align/price.py), nor which candidates win (align/search.py).

What a pair costs by its rate depends on the slot's length only, and most candidates lie on rasters of STEP, so that
many pairs share a length: each length is priced once, in runs STEP apart, and the pairs look it up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from align import price
from align.frame import Frame
from align.limits import Limits, thousandths

Ints = npt.NDArray[np.int64]
Points = npt.NDArray[np.float64]

STEP = 20
"""ms between candidate starts: half a picture at 25 a second, about the finest error of an onset that is seen."""

LADDER = (*range(20, 161, 20), 220, 300, 400, 560, 800, 1200)
"""ms before and after the home's end at which a line may end, multiples of STEP: at first by STEP, then growing by
about a third."""

WORDINGS_MET = 3
"""Wordings whose exact edges are candidate ends: as many as a translator is asked for at once."""

BLOCK = 64
"""Units priced at once: enough to outweigh the calls, few enough for a core's cache."""

CLASSES = len(price.CLASSES) + 1

_CLASS_OF_STEP: npt.NDArray[np.int8] = np.searchsorted(price.CLASSES, np.arange(price.STEPS + 1)).astype(
    np.int8
)


@dataclass(frozen=True)
class Grid:
    """Candidate starts (n, S) and ends (n, E) in ms of n units, each row in rising order; repeats do no harm.

    The slot lengths of a unit are its `longest` (n, R), one to a run, each `of` (L,) its run and `less` (L,) ms: laid
    out so that those of an end with every start lie side by side, from `at` (n, E) on. Where the starts are `uneven`
    (n,) runs do not hold.
    """

    starts: Ints
    ends: Ints
    longest: Ints
    of: Ints
    less: Ints
    at: npt.NDArray[np.int16]
    uneven: npt.NDArray[np.bool_]

    def slots(self, units: Ints) -> Ints:
        """(m, L): the slot lengths, in ms, of `units` (m,) whose starts are even."""
        return self.longest[units][:, self.of] - self.less

    def pairs(self, units: Ints) -> Ints:
        """(m, E × S): the slot lengths, in ms, of every end with every start of `units` (m,)."""
        return (self.ends[units, :, None] - self.starts[units, None]).reshape(len(units), -1)


def grid(frame: Frame, under: Frame | None = None) -> Grid:
    """The candidates: starts every STEP ms around the home's onset; ends where the next line may start, around the
    home's end, and where a wording meets the edges of its band or the ceiling. Each kind also has the shot change
    beside the source. A window leaves out what is outside it. The home is always among them, so that an answer exists.

    `under` is the lane that the frame's units are laid over, where they are: the next line is there."""
    home = np.array([(span.start, span.end) for span in frame.homes], np.int64).reshape(-1, 2)
    cuts = np.array(frame.cuts, np.int64).reshape(-1, 2)
    least, pads, latest = np.array(
        [frame.least, frame.pads, [window.end for window in frame.windows]], np.int64
    )[:, :, None]
    onset, end = home[:, :1], home[:, 1:]
    raster, kept, cut = _starts(frame)
    starts = np.sort(np.concatenate((kept, cut), axis=1), axis=1)
    width = raster.shape[1]
    if under is None:
        after, after_cut = kept[1:], cut[1:]
    else:
        _, after, after_cut = _starts(under)
    after = np.concatenate((after, np.full((1, width), frame.duration)))
    after_cut = np.concatenate((after_cut, [[frame.duration]]))
    if under is not None:
        after, after_cut = after[list(frame.dues)], after_cut[list(frame.dues)]
    after, after_cut = after - pads, after_cut - pads
    surely = onset + least
    lowest = starts[:, :1] + least
    highest = np.minimum(np.maximum(np.maximum(after[:, -1:], after_cut), surely), latest)

    widest = max(LADDER, default=0)
    near = np.array([-ms for ms in LADDER] + [0, *LADDER])
    single = (after_cut, onset + _edges(frame), np.array(frame.quiet, np.int64)[:, None], surely, cuts[:, 1:])
    tops = np.concatenate((after[:, -1:], end + widest, *single, lowest, highest), axis=1)
    # How far the ends of a run reach back from its top, in steps: the next unit's starts, the ladder, single ends.
    depths = np.array([width - 1, 2 * widest // STEP] + [0] * (tops.shape[1] - 2))
    begins = np.concatenate(([0], np.cumsum(depths + width + 1)))
    run = np.repeat(np.arange(len(depths)), depths + width + 1)
    less = STEP * (np.arange(begins[-1]) - begins[run] - 1)

    singles = begins[2:-3]
    at = np.concatenate((np.arange(width)[::-1], begins[1] + (widest - near) // STEP, singles))
    ends = np.concatenate((after, end + near, *single), axis=1)
    at = np.where(ends < lowest, begins[-3], np.where(ends > highest, begins[-2], at))
    ends = np.clip(ends, lowest, highest)
    order = np.argsort(ends, axis=1, kind="stable")
    uneven = (starts[:, 0] != raster[:, 0]) | (starts[:, 1:] != raster).any(axis=1)
    if under is None:
        uneven[:-1] |= (kept[1:] != raster[1:]).any(axis=1)
        uneven[-1:] = True
    else:
        uneven[:] = True
    at = np.take_along_axis(at, order, 1).astype(np.int16)
    return Grid(starts, np.take_along_axis(ends, order, 1), tops - raster[:, :1], run, less, at, uneven)


def _starts(frame: Frame) -> tuple[Ints, Ints, Ints]:
    """The raster of starts (n, R); what of it the film and the windows allow, the rest moved to their edges (n, R); and
    the shot change beside each source, likewise (n, 1)."""
    limits = frame.limits
    onset = np.array([span.start for span in frame.homes], np.int64)[:, None]
    cuts = np.array(frame.cuts, np.int64).reshape(-1, 2)
    window = np.array([one.starts for one in frame.windows], np.int64).reshape(-1, 2)
    raster = onset + STEP * np.arange(-(limits.max_early // STEP), limits.max_late // STEP + 1)
    earliest = np.maximum(np.maximum(onset - limits.max_early, 0), window[:, :1])
    latest = np.minimum(onset + limits.max_late, window[:, 1:])
    return raster, np.clip(raster, earliest, latest), np.clip(cuts[:, :1], earliest, latest)


def _edges(frame: Frame) -> Ints:
    """(n, 3 × wordings): slot lengths in ms at which the wordings meet their band's edges and the ceiling."""
    lengths = 1000 * wordings(frame)[0][:, :WORDINGS_MET].astype(np.int64)
    low, high = np.array(frame.comfort, np.int64).T[:, :, None]
    ceiling = thousandths(frame.limits.ceiling)
    met = np.concatenate((lengths // low, -(-lengths // high), -(-lengths // ceiling)), axis=1)
    edges: Ints = np.maximum(met, 1)
    return edges


def wordings(frame: Frame) -> tuple[Points, Points]:
    """Natural lengths in ms, and price.wording, (n, W) each; units with fewer repeat the first
    at an infinite price."""
    widest = max(len(unit.lengths) for unit in frame.units)
    liking = [float(price.wording(w)) for w in range(widest)]
    lengths = [unit.lengths + unit.lengths[:1] * (widest - len(unit.lengths)) for unit in frame.units]
    points = [liking[: len(unit.lengths)] + [np.inf] * (widest - len(unit.lengths)) for unit in frame.units]
    return np.array(lengths, np.float64), np.array(points)


@dataclass(frozen=True)
class Terms:
    """What the units' rates are priced by: natural lengths (n, W) and how many of them count (n,), the points of each
    wording (n, W), least slots (n,), and the tables of strain by rate step, end to end, with where each unit's begins
    (n,)."""

    lengths: Points
    count: Ints
    liking: Points
    least: Points
    strains: Points
    begin: Ints


def terms(frame: Frame) -> Terms:
    """The terms of all units."""
    bands = sorted(set(frame.comfort))
    begins = {band: row * (price.STEPS + 1) for row, band in enumerate(bands)}
    lengths, liking = wordings(frame)
    return Terms(
        lengths,
        np.array([len(unit.lengths) for unit in frame.units]),
        liking,
        np.array(frame.least, np.float64),
        np.concatenate([_strain(band, frame.limits) for band in bands]),
        np.array([begins[band] for band in frame.comfort]),
    )


def rates(by: Terms, units: Ints, slots: Ints) -> tuple[Points, Ints]:
    """Points of rate and wording, and rate steps, (m, W, L), of `units` (m,) in `slots` (m, L) of so many ms. A slot
    below the least costs infinitely much."""
    widest = by.count[units].max()
    lengths = by.lengths[units, :widest, None]
    least = by.least[units, None]
    ratio: Points = (1000 * lengths) / np.maximum(slots, least)[:, None]
    np.minimum(ratio, price.STEPS / 2, out=ratio)
    halves = np.floor(ratio)
    halves += np.ceil(ratio, out=ratio)
    steps = halves.astype(np.intp)
    begin = by.begin[units]
    worse = by.strains.take(steps + begin[:, None, None] if begin.any() else steps)
    points: Points = np.multiply(worse > 0, float(price.LEAVE))
    worse *= np.minimum(lengths, price.HEAVIEST)
    points += worse
    if widest > 1:
        points += by.liking[units, :widest, None]
    points += np.where(slots < least, np.inf, 0.0)[:, None]
    return points, steps


def classes(steps: Ints) -> npt.NDArray[np.int8]:
    """price.rate_class of rate steps."""
    return _CLASS_OF_STEP.take(steps)


def prices(around: Grid, by: Terms, units: Ints, compared: npt.NDArray[np.bool_]) -> Iterator[Points]:
    """For each of `units` the points of rate and wording for every (class, end, start), (C, E, S): C is 1 but where a
    unit is `compared` (n,) with another. Points of onset and end are not among them."""
    sizes = around.ends.shape[1], around.starts.shape[1]
    for first in range(0, len(units), BLOCK):
        block = units[first : first + BLOCK]
        found: dict[int, Points] = {}
        for uneven, classed in product((False, True), repeat=2):
            some = block[(around.uneven[block] == uneven) & (compared[block] == classed)]
            if uneven and some.size:
                table = _table(by, some, around.pairs(some), classed)
                found |= zip(some.tolist(), table.reshape(len(some), -1, *sizes), strict=True)
            elif some.size:
                table = _table(by, some, around.slots(some), classed)
                found |= zip(some.tolist(), _looked_up(around, some, table), strict=True)
        yield from (found[i] for i in block.tolist())


def _table(by: Terms, units: Ints, slots: Ints, classed: bool) -> Points:
    """(m, C, L): the least points of a wording for each of `slots` (m, L), for each rate class where `classed`."""
    points, steps = rates(by, units, slots)
    if not classed:
        whole: Points = points.min(axis=1, keepdims=True)
        return whole
    kinds = classes(steps)
    return np.stack([np.where(kinds == c, points, np.inf).min(axis=1) for c in range(CLASSES)], axis=1)


def _looked_up(around: Grid, units: Ints, table: Points) -> Points:
    """(m, C, E, S): for every end and start the entry of `table` (m, C, L) for the slot between them."""
    count, kinds, length = table.shape
    # A window begins one STEP before the first start of the raster: the sorted starts have the shot change's there too,
    # which lies on the first where starts are even.
    windows = sliding_window_view(table.ravel(), around.starts.shape[1])
    row = length * np.arange(count * kinds).reshape(count, kinds, 1)
    points: Points = windows[around.at[units][:, None] + row]
    points[..., 0] = points[..., 1]
    return points


@lru_cache(maxsize=64)
def _strain(comfort: tuple[int, int], limits: Limits) -> Points:
    """price.strain of every rate step."""
    at, low = np.arange(price.STEPS + 1), comfort[0]
    drawn = np.where(at < 2 * low, 2_000_000 // np.maximum(at, 1) - 1_000_000 // low, 0)
    points: Points = _tolls(at, price.fast(comfort, limits)) + price.DRAWN_SLOPE * drawn
    return points


def onsets(frame: Frame, around: Grid) -> Points:
    """(n, S): price.onset of every start."""
    limits = frame.limits
    shift = around.starts - np.array([unit.span.start for unit in frame.units])[:, None]
    crossed = around.starts < np.array([cut for cut, _ in frame.cuts])[:, None]
    early, late = price.scaled(price.EARLY, limits.lips), price.scaled(price.LATE, limits.lips)
    points: Points = _tolls(-shift, early) + _tolls(shift, late) + price.CUT * crossed
    return points


def endings(frame: Frame, around: Grid) -> Points:
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
