"""The timeline's problem, made ready: lines in mix order, a home for each, and who is compared with whom.

Of two lines that are said at once in the film one lies in a lane of its own, over the other (align/lanes.py). What a
placement costs and which is cheapest never live here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, pairwise

from align.homes import homes, shortest_slot, sure_slots
from align.lanes import TOGETHER_MS, Lanes, Turn, lanes
from align.limits import Limits, band
from align.price import NEAR
from align.types import Span, union


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
class Window:
    """Where a unit may lie for the sake of those who talk at the same time: it starts within `starts` (ms, both
    included) and ends by `end`."""

    starts: tuple[int, int]
    end: int


@dataclass(frozen=True)
class Frame:
    """Units in mix order (by source onset), one lane of them, with what each is held to. Times in ms, one entry per
    unit.

    `order` gives their places in what the caller gave. A home is a span that is surely the unit's own: its
    source where that is free and long enough. `pads` is the silence due before the next unit, `least` the
    shortest slot, `quiet` the time from which the gap before the next onset is missing. `links` holds the
    earlier unit, in mix order, that a unit is compared with by ear, or -1. `cuts` holds the last shot change
    up to the source's onset (-1: none) and the first from its end on (past the film: none).

    Units follow one another, each by itself. Those of `over` are laid over them: there the next unit, of which `pads`
    and `quiet` speak, is not the neighbour but the one in the first lane by which each must be over, at the place that
    its `dues` says; len(units) of that lane where there is none.
    """

    duration: int
    limits: Limits
    order: tuple[int, ...]
    units: tuple[Unit, ...]
    homes: tuple[Span, ...]
    pads: tuple[int, ...]
    least: tuple[int, ...]
    windows: tuple[Window, ...]
    quiet: tuple[int, ...]
    comfort: tuple[tuple[int, int], ...]
    at_ease: tuple[bool, ...]
    links: tuple[int, ...]
    cuts: tuple[tuple[int, int], ...]
    over: Frame | None = None
    dues: tuple[int, ...] = ()


def frame(units: Sequence[Unit], duration: int, limits: Limits, cuts: Sequence[int]) -> Frame:
    """The problem of placing `units` in a film of `duration` ms with shot changes at `cuts` (ms). O(n log n).

    Raises ValueError when ids repeat, a unit has no natural length or one not above 0 ms, a phrase has several
    wordings, a comfort band is none, or the film is shorter than one ms per unit.
    """
    _check(units, duration)
    order = sorted(range(len(units)), key=lambda i: (units[i].span.start, units[i].span.end, i))
    ordered = [units[i] for i in order]
    found, chain, over = _laned(ordered, duration, limits)
    shots = sorted(cuts)

    def framed(lane: _Lane, compared: bool) -> Frame:
        own = [ordered[place] for place in lane.places]
        comfort = [band(unit.band, limits) for unit in own]
        eased = [_at_ease(*one) for one in zip(own, lane.homes, comfort, strict=True)]
        return Frame(
            duration,
            limits,
            tuple(order[place] for place in lane.places),
            tuple(own),
            tuple(lane.homes),
            tuple(lane.pads),
            tuple(lane.least),
            tuple(
                Window((first, last), end)
                for first, last, end in zip(lane.first, lane.last, lane.end, strict=True)
            ),
            tuple(
                max(unit.span.end, home.end, after - limits.gap) if after < duration and not pad else duration
                for unit, home, after, pad in zip(own, lane.homes, lane.after, lane.pads, strict=True)
            ),
            tuple(comfort),
            tuple(eased),
            tuple(_links(own, lane.homes, eased)) if compared else (-1,) * len(own),
            tuple(_around(unit.span, shots, duration) for unit in own),
        )

    first = framed(chain, compared=True)
    return replace(first, over=replace(framed(over, compared=False), dues=found.dues) if found.over else None)


@dataclass
class _Lane:
    """The units of a lane, by their places in mix order: homes, the least slot and the breath after it, the onset after
    (the film's end where there is none), and the window: first and last start, and end."""

    places: Sequence[int]
    homes: Sequence[Span]
    least: Sequence[int]
    pads: Sequence[int]
    after: Sequence[int]
    duration: int
    first: list[int] = field(init=False)
    last: list[int] = field(init=False)
    end: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.first = [0 for _ in self.places]
        self.last = [self.duration for _ in self.places]
        self.end = [self.duration for _ in self.places]


ROUNDS = 8
"""After so many looks at who has time enough over another, those beside them are no longer looked at one by one."""


def _laned(units: Sequence[Unit], duration: int, limits: Limits) -> tuple[Lanes, _Lane, _Lane]:
    """The units, in mix order, in two lanes. One that would have no time over another's line follows it."""
    turns = [Turn(unit.span, unit.speaker) for unit in units]
    alone: set[int] = set()
    for turn in count():
        found = lanes(turns, alone)
        chain = _chain(units, found, duration, limits)
        over, crowded = _over(units, found, chain, limits)
        if not crowded:
            break
        # Who follows instead takes time from others there, seldom for long; then also from those around at once.
        width = 2 ** max(0, turn - ROUNDS) - 1
        places = (found.over[k] for k in crowded)
        for around in union(Span(max(0, place - width), place + width + 1) for place in places):
            alone.update(range(around.start, around.end))
    _keep_apart(units, found, chain, over, limits)
    return found, chain, over


def _chain(units: Sequence[Unit], found: Lanes, duration: int, limits: Limits) -> _Lane:
    """The lane of those that follow one another."""
    own = [units[place] for place in found.chain]
    lengths = [min(unit.lengths) for unit in own]
    breaths = [_breath(unit, after, limits) for unit, after in pairwise(own)] + [0] * bool(own)
    slots, pads = sure_slots(lengths, breaths, duration, limits)
    placed = homes([unit.span for unit in own], lengths, slots, pads, duration, limits)
    after = [home.start for home in placed[1:]] + [duration] * bool(own)
    return _Lane(found.chain, placed, slots, pads, after, duration)


def _over(units: Sequence[Unit], found: Lanes, chain: _Lane, limits: Limits) -> tuple[_Lane, list[int]]:
    """The lane of those that are laid over others, and the places in it of those that have no time there: each begins
    at its source, after its host does, is over by the next one, and is over no line for longer than in the film."""
    duration = chain.duration
    own = [units[place] for place in found.over]
    onsets = [
        max(unit.span.start, chain.homes[host].start) for unit, host in zip(own, found.hosts, strict=True)
    ]
    slots = [shortest_slot(min(unit.lengths), limits) for unit in own]
    pads, after, placed = [], [], []
    crowded: list[int] = []
    for k, unit in enumerate(own):
        due = found.dues[k]
        there = due < len(found.chain)
        pads.append(_breath(unit, units[found.chain[due]], limits) if there else 0)
        after.append(chain.homes[due].start if there else duration)
        end = after[k] - pads[k]
        if _meets_next(found, k):
            end = min(end, onsets[k + 1] - _breath(unit, own[k + 1], limits))
        room = min(end, max(unit.span.end, onsets[k] + slots[k])) - onsets[k]
        placed.append(Span(onsets[k], onsets[k] + max(room, slots[k])))
        others = [(units[found.chain[c]].span, chain.homes[c]) for c in range(found.hosts[k], due)]
        at_once = (_at_once((unit.span, placed[k]), other) for other in others)
        if room < slots[k] or any(met > most for met, most in at_once):
            crowded.append(k)
    return _Lane(found.over, placed, slots, pads, after, duration), crowded


def _at_once(one: tuple[Span, Span], other: tuple[Span, Span]) -> tuple[int, int]:
    """For how long (ms) two units, (source, home) each, are said at once at home, and for how long at most they may be:
    little longer than in the film. Who talks inside another's line may take as long as that is."""
    (first, ours), (second, theirs) = sorted((one, other))
    if second.end <= first.end:
        return 0, 0
    return ours.end - theirs.start, first.overlap(second) + TOGETHER_MS


def _keep_apart(units: Sequence[Unit], found: Lanes, chain: _Lane, over: _Lane, limits: Limits) -> None:
    """Narrows the windows, so that no choice puts more over each other than the film does: who talks over a line begins
    after it does; who goes on alone begins at home, and the other ends at home; two that are laid over others stay
    clear of each other, and so do phrases of one line in two lanes."""
    for k, (place, host, due) in enumerate(zip(over.places, found.hosts, found.dues, strict=True)):
        home = over.homes[k]
        chain.last[host] = min(chain.last[host], home.start)
        over.first[k] = max(over.first[k], min(home.start, chain.homes[host].start + limits.max_late))
        for c in range(host, due):
            pair = ((chain, c), (over, k)) if c == host else ((over, k), (chain, c))
            (before, i), (after, j) = pair
            if units[after.places[j]].span.end > units[before.places[i]].span.end:
                before.end[i] = min(before.end[i], before.homes[i].end)
                after.first[j] = max(after.first[j], after.homes[j].start)
        if _meets_next(found, k):
            follower = over.homes[k + 1].start
            over.end[k] = min(
                over.end[k], follower - _breath(units[place], units[over.places[k + 1]], limits)
            )
            over.first[k + 1] = max(over.first[k + 1], follower)
    for before, i, after, j in _parted(units, chain, over):
        before.end[i] = min(before.end[i], max(before.homes[i].end, after.homes[j].start - limits.breath))
        after.first[j] = max(after.first[j], after.homes[j].start)


def _parted(units: Sequence[Unit], chain: _Lane, over: _Lane) -> Iterator[tuple[_Lane, int, _Lane, int]]:
    """The phrases that follow one another in a line and lie in two lanes, each with its lane and its place there."""
    lane = {place: (chain, i) for i, place in enumerate(chain.places)}
    lane |= {place: (over, i) for i, place in enumerate(over.places)}
    said: dict[str, int] = {}
    for place, unit in enumerate(units):
        if unit.line:
            before = said.get(unit.line)
            if before is not None and lane[before][0] is not lane[place][0]:
                yield (*lane[before], *lane[place])
            said[unit.line] = place


def _meets_next(found: Lanes, k: int) -> bool:
    """Whether no line of the first lane keeps the one laid over at `k` from the one after it."""
    return k + 1 < len(found.over) and found.dues[k] > found.hosts[k + 1]


def _breath(unit: Unit, after: Unit, limits: Limits) -> int:
    """ms of silence due between two units: phrases of one line."""
    return limits.breath if unit.line and unit.line == after.line else 0


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
