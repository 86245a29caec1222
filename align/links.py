"""How links between the cues of two subtitle files are found: one kind of evidence after the other.

Knows cues in time and words. What a link means for a person's edits never lives here (align/match.py).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from difflib import SequenceMatcher
from functools import cached_property, lru_cache

from align.lines import settled

ROUNDING = 50
"""ms. Editors round cue times to frames: 42 ms at 24 frames a second. Up to here, a cue was not moved."""

REACH = 30_000
"""ms. A cue with the same text this far off was moved; farther off, one was deleted and another added."""

TELLING = 3
"""Words from which the same text tells more about a cue than the same time: "Yes." is said all over a film."""

NEARBY = 4
"""Neighbours on either side that a cue without an equal is compared with: what keeps matching linear."""

COMPARED = 40
"""Words of a text that are compared: three full cues of two lines each, and a bound for hostile ones."""

JOINED = 12
"""Cues that one cue is looked for in, when it may have been merged or split."""

ALIKE = 0.6
"""Share of words in order (difflib's ratio) from which two texts are the same line, reworded."""

LINKED = 0.8
"""Share of time plus share of words in common, of the smaller cue: most of one, or some of both, is a link."""

APART = 0.5
"""Share of time in common below which two cues follow one another, rather than being heard at once."""


def find_links(old: Sequence[Cue], new: Sequence[Cue]) -> None:
    """Link the cues of two files, each sorted by `Cue.order`, by setting their `links`; O(n log n).

    Evidence in order: time and text; a telling text; the same time; the same text; time and words partly in
    common, which also finds merged and split cues; words alone. Last, a cue still without links joins its
    neighbour's partner where that says what the two say.
    """
    _pair_equal(old, new, lambda cue: (cue.start, cue.end, cue.text, cue.speaker))
    _pair_equal(old, new, lambda cue: (cue.start, cue.end, cue.text))
    _pair_same_text(old, new, telling=TELLING)
    _pair_equal(old, new, lambda cue: (cue.start, cue.end))
    _pair_same_time(old, new)
    _pair_same_text(old, new)
    _link_overlapping(old, new)
    _pair_alike(old, new)
    _absorb(old, new)
    _absorb(new, old)


class Cue:
    """One cue of either file while links are being found. Times may be negative after a shift."""

    def __init__(self, index: int, start: int, end: int, text: str, speaker: str | None) -> None:
        self.index, self.start, self.end, self.speaker = index, start, end, speaker
        self.text = plain(text)
        self.links: list[Cue] = []

    @cached_property
    def words(self) -> tuple[str, ...]:
        return _words(self.text)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        return frozenset(self.words)

    def order(self) -> tuple[int, int, int]:
        return self.start, self.end, self.index


# A word, or one sign of a script that is written without spaces.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


def _words(text: str) -> tuple[str, ...]:
    """The first words of a text, as they compare: case and punctuation aside."""
    found = (match.group() for match in _WORD.finditer(text.casefold()))
    return tuple(word for word, _ in zip(found, range(COMPARED), strict=False))


@lru_cache(maxsize=4096)
def _ratio(a: tuple[str, ...], b: tuple[str, ...]) -> float:
    """Share of words that two texts have in common in the same order, 0..1."""
    if a == b:
        return 1.0
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() >= ALIKE else 0.0


def _link(a: Cue, b: Cue) -> None:
    a.links.append(b)
    b.links.append(a)


def _close(a: Cue, b: Cue) -> bool:
    return abs(a.start - b.start) <= ROUNDING and abs(a.end - b.end) <= ROUNDING


def plain(text: str) -> str:
    """The text without what editors change by themselves: line breaks, runs of space, Unicode composition."""
    return settled(text)


def _free(cues: Iterable[Cue]) -> list[Cue]:
    return [cue for cue in cues if not cue.links]


def _pair_equal(old: Sequence[Cue], new: Sequence[Cue], key: Callable[[Cue], Hashable]) -> None:
    """Cues that agree in a key, in order of time."""
    waiting: defaultdict[Hashable, deque[Cue]] = defaultdict(deque)
    for cue in _free(old):
        waiting[key(cue)].append(cue)
    for cue in _free(new):
        if waiting[key(cue)]:
            _link(waiting[key(cue)].popleft(), cue)


def _pair_same_time(old: Sequence[Cue], new: Sequence[Cue]) -> None:
    """Cues whose times agree within rounding; among several, the one whose text, then speaker agrees."""
    left = _Neighbours(_free(old))
    for cue in _free(new):
        near = [other for other in left.around(cue.start) if _close(cue, other)]
        if near:
            best = min(
                near,
                key=lambda other: (
                    other.text != cue.text,
                    other.speaker != cue.speaker,
                    abs(other.start - cue.start),
                ),
            )
            _link(best, cue)
            left.take(best)


def _pair_same_text(old: Sequence[Cue], new: Sequence[Cue], telling: int = 0) -> None:
    """Moved cues: the same text of at least `telling` words, nearest in time, within REACH."""
    by_text: defaultdict[str, list[Cue]] = defaultdict(list)
    for cue in _free(old):
        by_text[cue.text].append(cue)
    left = {text: _Neighbours(cues) for text, cues in by_text.items()}
    for cue in _free(new):
        if cue.text not in left or len(cue.words) < telling:
            continue
        near = list(left[cue.text].around(cue.start, 1))
        if near:
            best = min(near, key=lambda other: (abs(other.start - cue.start), other.start))
            if abs(best.start - cue.start) <= REACH:
                _link(best, cue)
                left[cue.text].take(best)


def _link_overlapping(old: Sequence[Cue], new: Sequence[Cue]) -> None:
    """Cues with time and words partly in common, the most in common first.

    Links may be many to many, for merged and split cues; but what was merged or split follows one another,
    so a cue is never linked to two that are heard at once.
    """
    left = _Neighbours(_free(old))
    for cue in _free(new):
        rated = [(_together(cue, other), other) for other in left.around(cue.start, JOINED)]
        for score, other in sorted(rated, key=lambda item: (-item[0], item[1].order())):
            if score < LINKED:
                break
            rivals = [(rival, other) for rival in cue.links]
            rivals += [(rival, cue) for rival in other.links[-NEARBY:]]
            if all(_shared(*pair) < APART for pair in rivals):
                _link(other, cue)
                if cue.end >= other.end:  # nothing of it is left for a later part
                    left.take(other)


def _shared(a: Cue, b: Cue) -> float:
    """Share of the shorter cue's time that the other one covers too, 0..1."""
    shared = min(a.end, b.end) - max(a.start, b.start)
    return shared / min(a.end - a.start, b.end - b.start) if shared > 0 else 0.0


def _together(a: Cue, b: Cue) -> float:
    """Share of time plus share of words in common, 0..2; 0 where they have no time in common."""
    shared = _shared(a, b)
    return shared + _contained(a.vocabulary, b.vocabulary) if shared else 0.0


def _contained(a: frozenset[str], b: frozenset[str]) -> float:
    """Share of the smaller vocabulary that the other one holds too, 0..1."""
    smaller = min(len(a), len(b))
    return len(a & b) / smaller if smaller else 0.0


def _pair_alike(old: Sequence[Cue], new: Sequence[Cue]) -> None:
    """Cues moved and reworded: the most alike of the nearest ones still free, within REACH."""
    left = _Neighbours(_free(old))
    for cue in _free(new):
        rated = [
            (_ratio(cue.words, other.words), -abs(other.start - cue.start), -other.index, other)
            for other in left.around(cue.start)
            if cue.words and abs(other.start - cue.start) <= REACH
        ]
        if rated:
            ratio, _, _, best = max(rated)
            if ratio >= ALIKE:
                _link(best, cue)
                left.take(best)


def _absorb(parts: Sequence[Cue], wholes: Sequence[Cue]) -> None:
    """Merges and splits that left a cue's times alone: a free cue whose words its neighbour's partner holds.

    `parts` and `wholes` are the two files, either way round. Both neighbours of a free cue in its own file
    are asked, and a partner takes it in when the two together say what it says better than the one alone.
    """
    for i, part in enumerate(parts):
        if part.links or not part.words:
            continue
        for neighbour in (*parts[max(0, i - 1) : i], *parts[i + 1 : i + 2]):
            if len(neighbour.links) != 1 or neighbour.text == neighbour.links[0].text:
                continue
            whole = neighbour.links[0]
            if len(whole.links) >= JOINED:
                continue
            said = sorted([part, *whole.links], key=Cue.order)
            without = tuple(word for cue in said if cue is not part for word in cue.words)
            joined = _ratio(tuple(word for cue in said for word in cue.words), whole.words)
            if joined >= ALIKE and joined > _ratio(without, whole.words):
                _link(part, whole)
                break


class _Neighbours:
    """Cues sorted by start that are taken one by one; finding those next to a time skips the taken ones."""

    def __init__(self, cues: Sequence[Cue]) -> None:
        self._cues = cues
        self._starts = [cue.start for cue in cues]
        self._place = {id(cue): i for i, cue in enumerate(cues)}
        self._right = list(range(len(cues) + 1))  # place -> a place at or right of it that may be free
        self._left = list(range(len(cues) + 1))  # the same leftward, places counted from 1, 0 being none

    def around(self, time: int, reach: int = NEARBY) -> Iterable[Cue]:
        """Up to `reach` free cues on either side of a time, those starting at it among the right ones."""
        place = bisect_left(self._starts, time)
        right = _root(self._right, place)
        left = _root(self._left, place)
        for _ in range(reach):
            if right < len(self._cues):
                yield self._cues[right]
                right = _root(self._right, right + 1)
            if left > 0:
                yield self._cues[left - 1]
                left = _root(self._left, left - 1)

    def take(self, cue: Cue) -> None:
        place = self._place[id(cue)]
        self._right[place] = place + 1
        self._left[place + 1] = place


def _root(parents: list[int], place: int) -> int:
    """Follow parents to one that is its own, halving the path on the way (union-find)."""
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = parents[place]
    return place
