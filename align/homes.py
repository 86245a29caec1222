"""A home for every line that follows others: its source, where that is free and long enough, or else its share of the
time that there is. What a line is given beside its home never lives here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from align.limits import Limits, shortest
from align.types import Span


def shortest_slot(length: int, limits: Limits) -> int:
    """The shortest slot in ms of a line of natural `length`: at the crush factor."""
    return max(limits.min_slot, shortest(length, limits.crush))


def sure_slots(
    lengths: Sequence[int], breaths: Sequence[int], duration: int, limits: Limits
) -> tuple[list[int], list[int]]:
    """Slot lengths (ms) that lines of these natural lengths are sure of: the shortest each, or shares of a film too
    short for that; and the `breaths` after them, which such a film has no time for."""
    slots = [shortest_slot(length, limits) for length in lengths]
    pads = list(breaths)
    if sum(slots) + sum(pads) <= duration:
        return slots, pads
    none = [0] * len(lengths)
    if sum(slots) <= duration:
        return slots, none
    floor = min(limits.min_slot, duration // len(lengths))
    spare = duration - floor * len(lengths)
    above = sum(slots) - floor * len(lengths)
    return [floor + (value - floor) * spare // above for value in slots], none


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


def homes(
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
