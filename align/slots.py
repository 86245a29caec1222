"""The slot planner: where each line of the dub is spoken, for all lines of a film together.

Knows spans and lengths only. Measuring how fast a voice speaks and choosing other wordings never live here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from align.types import Line, Slot, Span


@dataclass(frozen=True)
class Limits:
    """What a plan may do to a line. Times in ms; factors are natural ÷ slot length (over 1: faster)."""

    slowest: float = 0.85
    """Comfort band, lower edge. A line too short for its source is slowed to this, then leaves a hole."""

    fastest: float = 1.15
    """Comfort band, upper edge. Past it a line is flagged "compressed"."""

    ceiling: float = 1.25
    """A line is spoken faster than this only where it has no time left around it, and is "crowded" then."""

    crush: float = 2.0
    """Past twice its own speed speech is lost on a listener; a line then slides off its onset instead."""

    max_early: int = 120
    """Most that a line starts before its source: about where sound ahead of the lips is noticed at once."""

    max_late: int = 250
    """Most that a line starts late for its neighbour's sake: the onset bar that 95 % of lines must keep."""

    max_borrow: int = 1000
    """Most silence taken after the source for comfort; more is taken only to stay under the ceiling."""

    gap: int = 70
    """Silence kept between a borrowing line and the next onset: about the closure of one plosive."""

    min_slot: int = 60
    """A slot shorter than this holds a click, not a syllable."""

    def __post_init__(self) -> None:
        if not 0 < self.slowest <= 1 <= self.fastest <= self.ceiling <= self.crush:
            raise ValueError("factors must keep 0 < slowest <= 1 <= fastest <= ceiling <= crush")
        if min(self.max_early, self.max_late, self.max_borrow, self.gap) < 0 or self.min_slot < 1:
            raise ValueError("times must not be negative, and a slot lasts at least 1 ms")


DEFAULT = Limits()


def plan(
    lines: Sequence[Line], natural: Mapping[str, int], duration: int, limits: Limits = DEFAULT
) -> tuple[Slot, ...]:
    """One slot per line, in the order given; slots never overlap and lie within [0, duration].

    `natural` is each line's unhurried length in ms (> 0) by line id; `duration` the film's in ms. Lines are
    spoken in order of source onset. A line whose natural length fits its source within the comfort band has
    the slot start and end with the source. Otherwise, each remedy only as far as the one before falls short:

    too long   the upper edge of the band; silence after it ("borrowed"); a start before its source
               ("early"); a later start of the next line ("late"); past the band ("compressed")
    too short  the lower edge of the band, then silence ("short")

    Where lines talk over each other or past the film's end, time is shared in proportion to natural length,
    free time around them included, and "crowded" names every line over the ceiling or further from its onset
    than max_early or max_late. What a line is given depends on its neighbours only as far as they contend
    for the same time. O(n log n).

    Raises ValueError when ids repeat, a natural length is missing or not positive, or the film is shorter
    than one ms per line.
    """
    _check(lines, natural, duration)
    order = sorted(range(len(lines)), key=lambda i: (lines[i].span.start, lines[i].span.end, i))
    sources = [lines[i].span for i in order]
    lengths = [natural[lines[i].id] for i in order]
    least = _least(lengths, duration, limits)
    homes = _homes(sources, lengths, least, duration, limits)
    spans = _lay_out(homes, lengths, least, duration, limits)
    slots: list[Slot | None] = [None] * len(lines)
    for i, source, length, span in zip(order, sources, lengths, spans, strict=True):
        slots[i] = Slot(lines[i].id, span, length, _flags(source, length, span, limits))
    return tuple(slot for slot in slots if slot is not None)


def _check(lines: Sequence[Line], natural: Mapping[str, int], duration: int) -> None:
    if duration < len(lines):
        raise ValueError(f"{len(lines)} lines do not fit a film of {duration} ms")
    if len({line.id for line in lines}) < len(lines):
        raise ValueError("two lines have the same id")
    for line in lines:
        if natural.get(line.id, 0) <= 0:
            raise ValueError(f"line {line.id!r} has no natural length above 0 ms")


def _shortest(length: int, factor: float) -> int:
    """The shortest slot in ms, at least 1, in which a line stays at or below `factor`."""
    slot = max(1, math.floor(length / factor))
    return slot if length / slot <= factor else slot + 1


def _longest(length: int, factor: float) -> int:
    """The longest slot in ms, at least 1, in which a line stays at or above `factor`."""
    slot = math.ceil(length / factor)
    return slot if length / slot >= factor else max(1, slot - 1)


def _least(lengths: Sequence[int], duration: int, limits: Limits) -> list[int]:
    """Slot lengths in ms that the lines are sure of: at the crush factor, or shares of a film too short."""
    least = [max(limits.min_slot, _shortest(length, limits.crush)) for length in lengths]
    if sum(least) <= duration:
        return least
    floor = min(limits.min_slot, duration // len(lengths))
    spare = duration - floor * len(lengths)
    above = sum(least) - floor * len(lengths)
    return [floor + (value - floor) * spare // above for value in least]


@dataclass
class _Block:
    """Neighbouring lines that share one stretch of the film: lines first..stop-1 from `start` on."""

    first: int
    stop: int
    start: int
    heard: int  # where the source of the last of them to end falls silent
    limit: int  # onset of the line after them, or the film's end
    length: int  # sums over the lines
    least: int


def _homes(
    sources: Sequence[Span], lengths: Sequence[int], least: Sequence[int], duration: int, limits: Limits
) -> list[Span]:
    """The sources made disjoint and fit for the film: in order, each at least as long as the line's least.

    An onset stays unless the lines from it to the film's end would not fit. A line that does not fit before
    the next onset even at its least shares time with what follows: pooling adjacent violators, from the end.
    """
    blocks: list[_Block] = []
    latest = limit = duration
    for i in reversed(range(len(sources))):
        latest -= least[i]
        start = min(sources[i].start, latest)
        block = _Block(i, i + 1, start, sources[i].end, limit, lengths[i], least[i])
        while blocks and block.least > block.limit - block.start:
            after = blocks.pop()
            block.stop, block.limit = after.stop, after.limit
            block.heard = max(block.heard, after.heard)
            block.length += after.length
            block.least += after.least
        blocks.append(block)
        limit = start
    homes: list[Span] = []
    for block in reversed(blocks):
        end = min(block.heard, block.limit)
        if block.stop - block.first > 1:
            end = max(end, block.start + max(block.least, _shortest(block.length, limits.ceiling)))
        spare = max(0, min(end, block.limit) - block.start - block.least)
        said = sure = 0
        for i in range(block.first, block.stop):
            start = block.start + sure + spare * said // block.length
            said, sure = said + lengths[i], sure + least[i]
            if block.stop - block.first > 1:
                end = block.start + sure + spare * said // block.length
            homes.append(Span(start, max(start, end)))
    return homes


def _lay_out(
    homes: Sequence[Span], lengths: Sequence[int], least: Sequence[int], duration: int, limits: Limits
) -> list[Span]:
    """A slot for each home: the remedies of `plan`, backward for what the next line needs, then forward.

    Every home starts at least its line's least before the next one, and no end is due later than leaves the
    next line its least, so a line starts at most max_late after its home and none is pushed off the film.
    """
    count = len(homes)
    comfortable = [max(limits.min_slot, _shortest(length, limits.fastest)) for length in lengths]
    onset_after = [home.start for home in homes[1:]] + [duration]
    due = [duration] * count  # the latest end that leaves the next line its comfort, within its shifts
    for i in reversed(range(count - 1)):
        home = homes[i + 1]
        wanted = min(due[i + 1], home.end + limits.max_borrow) - comfortable[i + 1]
        due[i] = min(max(wanted, home.start - limits.max_early), home.start + limits.max_late)
    spans: list[Span] = []
    free = 0
    for i, home in enumerate(homes):
        need, onset = comfortable[i], onset_after[i]
        start = max(free, home.start)
        quiet = max(min(home.end + limits.max_borrow, onset - limits.gap), home.end)
        quiet = min(quiet, max(due[i], min(start + need, onset)))
        end = min(start + _wanted(lengths[i], home.end - start, limits), quiet)
        if end - start < need:
            start = max(free, min(start, max(0, home.start - limits.max_early, end - need)))
        if end - start < need:
            reach = max(home.end + limits.max_borrow, start + _shortest(lengths[i], limits.ceiling))
            end = max(end, min(start + need, due[i], reach))
        free = max(end, start + least[i])
        spans.append(Span(start, free))
    return spans


def _wanted(length: int, room: int, limits: Limits) -> int:
    """The slot length in ms that a line takes by itself, where its source leaves it `room` ms."""
    if room > 0 and limits.slowest <= length / room <= limits.fastest:
        return max(limits.min_slot, room)
    if length < room:
        return max(limits.min_slot, _longest(length, limits.slowest))
    return max(limits.min_slot, _shortest(length, limits.fastest))


def _flags(source: Span, length: int, span: Span, limits: Limits) -> tuple[str, ...]:
    """What the report must show about a slot, in a fixed order."""
    factor = length / span.duration
    shift = span.start - source.start
    named = {
        "early": shift < 0,
        "late": shift > 0,
        "borrowed": span.end > source.end,
        "compressed": factor > limits.fastest,
        "crowded": factor > limits.ceiling or not -limits.max_early <= shift <= limits.max_late,
        "short": span.end < source.end and length < limits.slowest * source.duration,
    }
    return tuple(flag for flag, holds in named.items() if holds)
