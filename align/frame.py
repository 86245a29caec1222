"""The timeline's problem, made ready: lines in mix order, a home for each, and who is compared with whom.

What a placement costs and which is cheapest never live here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from align.limits import Limits, band, shortest
from align.price import NEAR
from align.types import Span


@dataclass(frozen=True)
class Unit:
    """A stretch of speech that gets a slot of its own: a line, or one phrase of a line.

    `lengths` holds the natural length in ms (> 0) of each wording that may be spoken, the best liked first; a
    phrase has exactly one. Phrases of one line name it in `line`: they keep their order, and Limits.breath ms
    between them. `band` is the comfort band of this voice (slowest, fastest); None: that of the limits. Units
    of one `speaker` are compared by ear; "" is nobody in particular.
    """

    id: str
    span: Span
    lengths: tuple[int, ...]
    speaker: str = ""
    line: str = ""
    band: tuple[float, float] | None = None


@dataclass(frozen=True)
class Frame:
    """Units in mix order (by source onset), with what each is held to. Times in ms, one entry per unit.

    `order` gives their places in what the caller gave. A home is a span that is surely the unit's own: its
    source where that is free and long enough. `pads` is the silence due before the next unit, `least` the
    shortest slot, `quiet` the time from which the gap before the next onset is missing. `links` holds the
    earlier unit, in mix order, that a unit is compared with by ear, or -1. `cuts` holds the last shot change
    up to the source's onset (-1: none) and the first from its end on (past the film: none).
    """

    duration: int
    limits: Limits
    order: tuple[int, ...]
    units: tuple[Unit, ...]
    homes: tuple[Span, ...]
    pads: tuple[int, ...]
    least: tuple[int, ...]
    quiet: tuple[int, ...]
    comfort: tuple[tuple[int, int], ...]
    at_ease: tuple[bool, ...]
    links: tuple[int, ...]
    cuts: tuple[tuple[int, int], ...]

    @property
    def onsets_after(self) -> list[int]:
        """The home onset of the unit after each; the film's end after the last."""
        return [home.start for home in self.homes[1:]] + [self.duration] if self.homes else []


def frame(units: Sequence[Unit], duration: int, limits: Limits, cuts: Sequence[int]) -> Frame:
    """The problem of placing `units` in a film of `duration` ms with shot changes at `cuts` (ms). O(n log n).

    Raises ValueError when ids repeat, a unit has no natural length or one not above 0 ms, a phrase has several
    wordings, a comfort band is none, or the film is shorter than one ms per unit.
    """
    _check(units, duration)
    order = sorted(range(len(units)), key=lambda i: (units[i].span.start, units[i].span.end, i))
    ordered = [units[i] for i in order]
    lengths = [min(unit.lengths) for unit in ordered]
    least, pads = _least(ordered, lengths, duration, limits)
    homes = _homes([unit.span for unit in ordered], lengths, least, pads, duration, limits)
    comfort = [band(unit.band, limits) for unit in ordered]
    eased = [_at_ease(*one) for one in zip(ordered, homes, comfort, strict=True)]
    quiet = [
        max(unit.span.end, home.end, after.start - limits.gap) if not pad else duration
        for unit, home, after, pad in zip(ordered, homes, homes[1:], pads, strict=False)
    ]
    shots = sorted(cuts)
    return Frame(
        duration,
        limits,
        tuple(order),
        tuple(ordered),
        tuple(homes),
        tuple(pads),
        tuple(least),
        (*quiet, duration) if ordered else (),
        tuple(comfort),
        tuple(eased),
        tuple(_links(ordered, homes, eased)),
        tuple(_around(unit.span, shots, duration) for unit in ordered),
    )


def _at_ease(unit: Unit, home: Span, comfort: tuple[int, int]) -> bool:
    """Whether the best liked wording fits the source span within the comfort band, and that span is free."""
    room, length = home.duration, 1000 * unit.lengths[0]
    return home == unit.span and comfort[0] * room <= length <= comfort[1] * room


def _check(units: Sequence[Unit], duration: int) -> None:
    if duration < len(units):
        raise ValueError(f"{len(units)} lines do not fit a film of {duration} ms")
    if len({unit.id for unit in units}) < len(units):
        raise ValueError("two lines have the same id")
    for unit in units:
        if min(unit.lengths, default=0) <= 0:
            raise ValueError(f"line {unit.id!r} has no natural length above 0 ms")
        if unit.line and len(unit.lengths) > 1:
            raise ValueError(f"phrase {unit.id!r} has several wordings: its line has to choose one first")


def _least(
    units: Sequence[Unit], lengths: Sequence[int], duration: int, limits: Limits
) -> tuple[list[int], list[int]]:
    """Slot lengths that the units are sure of: at the crush factor, or shares of a film too short for that; and
    the breaths after them, which such a film has no time for."""
    least = [max(limits.min_slot, shortest(length, limits.crush)) for length in lengths]
    breaths = [
        limits.breath if unit.line and unit.line == after.line else 0 for unit, after in pairwise(units)
    ]
    pads = breaths + [0] * (len(units) - len(breaths))
    if sum(least) + sum(pads) <= duration:
        return least, pads
    none = [0] * len(units)
    if sum(least) <= duration:
        return least, none
    floor = min(limits.min_slot, duration // len(lengths))
    spare = duration - floor * len(lengths)
    above = sum(least) - floor * len(lengths)
    return [floor + (value - floor) * spare // above for value in least], none


@dataclass
class _Block:
    """Neighbouring lines that share one stretch of the film: lines first..stop-1 from `start` on."""

    first: int
    stop: int
    start: int
    heard: int  # where the source of the last of them to end falls silent
    limit: int  # onset of the line after them, or the film's end
    length: int  # sums over the lines
    sure: int  # least slots, and the breaths after them


def _homes(
    sources: Sequence[Span],
    lengths: Sequence[int],
    least: Sequence[int],
    pads: Sequence[int],
    duration: int,
    limits: Limits,
) -> list[Span]:
    """The sources made disjoint and fit for the film: in order, each at least as long as the line's least, each
    its breath away from the next.

    An onset stays unless the lines from it to the film's end would not fit. A line that does not fit before
    the next onset even at its least shares time with what follows: pooling adjacent violators, from the end.
    """
    blocks: list[_Block] = []
    latest = limit = duration
    for i in reversed(range(len(sources))):
        sure = least[i] + pads[i]
        latest -= sure
        start = min(sources[i].start, latest)
        block = _Block(i, i + 1, start, sources[i].end, limit, lengths[i], sure)
        while blocks and block.sure > block.limit - block.start:
            after = blocks.pop()
            block.stop, block.limit = after.stop, after.limit
            block.heard = max(block.heard, after.heard)
            block.length += after.length
            block.sure += after.sure
        blocks.append(block)
        limit = start
    homes: list[Span] = []
    for block in reversed(blocks):
        homes += _shared(block, lengths, least, pads, limits)
    return homes


def _shared(
    block: _Block, lengths: Sequence[int], least: Sequence[int], pads: Sequence[int], limits: Limits
) -> list[Span]:
    """The homes of a block's lines: the block's time, in proportion to natural length past what is sure."""
    if block.stop - block.first == 1:
        end = min(block.heard, block.limit - pads[block.first])
        return [Span(block.start, max(end, block.start + least[block.first]))]
    end = max(block.heard, block.start + max(block.sure, shortest(block.length, limits.ceiling)))
    spare = max(0, min(end, block.limit) - block.start - block.sure)
    homes = []
    said, start = 0, block.start
    passed = block.start
    for i in range(block.first, block.stop):
        said, passed = said + lengths[i], passed + least[i] + pads[i]
        after = passed + spare * said // block.length
        homes.append(Span(start, after - pads[i]))
        start = after
    return homes


def _links(units: Sequence[Unit], homes: Sequence[Span], eased: Sequence[bool]) -> list[int]:
    """For each unit the last one of the same speaker, where both are heard as one stretch of talk: less than
    NEAR between their homes, at most one other speaker there, and neither at ease on its own source, so that a
    comfortable line feels nobody's rate. -1 where there is none."""
    links = []
    turns: list[tuple[str, int]] = []  # the speakers heard last and their last units, the latest at the end
    for i, (unit, home) in enumerate(zip(units, homes, strict=True)):
        before = dict(turns).get(unit.speaker, -1) if unit.speaker else -1
        linked = before >= 0 and home.start - homes[before].end < NEAR and not eased[i] and not eased[before]
        links.append(before if linked else -1)
        others = [turn for turn in turns if turn[0] != unit.speaker]
        turns = [*others[-1:], (unit.speaker, i)]
    return links


def _around(span: Span, cuts: Sequence[int], duration: int) -> tuple[int, int]:
    """The last shot change up to a span's start, and the first from its end on."""
    before, after = bisect_right(cuts, span.start), bisect_left(cuts, span.end)
    return cuts[before - 1] if before else -1, cuts[after] if after < len(cuts) else duration + 1
