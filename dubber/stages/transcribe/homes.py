"""Which span of speech each word is said in, and by how much all words are early or late together. Knows no sound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from align.types import Span, Word

HOME_MS = 1000
"""A word belongs to speech at most this far away."""
EMPTY_MS = 400
"""A span of speech without a word is as unlikely as a word this far out of place."""
LONELY_MS, ALONE_MS = 100, 1_000
"""… and as one this far, where a pause of ALONE_MS was heard before it or after it: a word that is put there would be
cut off from those beside it, and laughs and gasps are what is alone."""
TORN_MS = 200
"""… and so is a pause inside a sentence, or none after its end, as one this far: where marks tell."""
SHIFT_EDGES, MOST_SHIFT_MS = 12, 400
"""A drift common to all words is believed from this many spans of speech on, and up to this."""
CROWD_MS = 150
"""It is the mean of the errors that are this close to it: those of words stretched over a pause are further away."""
_ENDS = (*".!?…。！？।॥؟۔",)
"""What sentences end with."""
_MARKS = (*_ENDS, *",:;、，：；،")
"""… and clauses, after which people pause or go on."""


def homes_of(words: Sequence[Word], speech: Sequence[Span]) -> list[int]:
    """The span of speech that each word is said in, as an index: never going back, few words far from where they were
    heard, few spans left without any. A shortest path over (word, span)."""
    starts = np.array([span.start for span in speech])
    ends = np.array([span.end for span in speech])
    empty = np.concatenate([[0], np.cumsum(_emptiness(words, starts, ends))])
    paths: list[tuple[range, list[float], list[int]]] = []
    marked = any(word.text.endswith(_MARKS) for word in words)
    for i, word in enumerate(words):
        near = _near(word.span, starts, ends)
        if paths:  # nobody goes back
            first = max(near.start, paths[-1][0].start)
            near = range(first, max(near.stop, first + 1))
        torn = _torn(words[i - 1].text) if paths and marked else (0, 0)
        prices, origins = [], []
        for j in near:
            if paths:
                price, origin = _cheapest(paths[-1], j, empty, torn)
            else:
                price, origin = float(empty[j] - empty[near.start]), -1
            prices.append(price + _outside(word.span, speech[j]))
            origins.append(origin)
        paths.append((near, prices, origins))
    at = int(np.argmin(paths[-1][1]))
    homes = []
    for near, _, origins in reversed(paths):
        homes.append(near[at])
        at = origins[at]
    return homes[::-1]


def _near(word: Span, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> range:
    """The spans of speech within HOME_MS of a word, or else the nearest, as indices."""
    low = int(np.searchsorted(ends, word.start - HOME_MS))
    high = int(np.searchsorted(starts, word.end + HOME_MS, side="right"))
    if low < high:
        return range(low, high)
    low = min(low, len(starts) - 1)
    low -= int(low > 0 and word.start - ends[low - 1] < starts[low] - word.end)
    return range(low, low + 1)


def _cheapest(
    path: tuple[range, list[float], list[int]],
    j: int,
    empty: npt.NDArray[np.int64],
    torn: tuple[int, int],
) -> tuple[float, int]:
    """The cheapest way to span `j` from the word before, and which of its spans that starts from. `torn` is what a
    pause between the two words costs, and what none does."""
    near, prices, _ = path
    ways = []
    for at, (i, price) in enumerate(zip(near, prices, strict=True)):
        if i < j:
            ways.append((price + float(empty[j] - empty[i + 1]) + torn[0], at))
        elif i == j:
            ways.append((price + torn[1], at))
    return min(ways)


def _torn(before: str) -> tuple[int, int]:
    """What a pause costs after that word, and what going on without one does."""
    return (0 if before.endswith(_MARKS) else TORN_MS), (TORN_MS if before.endswith(_ENDS) else 0)


def _emptiness(
    words: Sequence[Word], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """What each span of speech costs where no word is put into it, ms."""
    never = HOME_MS + ALONE_MS + int(ends[-1])
    begun = np.maximum.accumulate([word.span.start for word in words])
    done = np.maximum.accumulate([word.span.end for word in words])
    after = np.append(begun, never + int(ends[-1]))[np.searchsorted(begun, starts)] - ends
    before = starts - np.append(-never, done)[np.searchsorted(done, ends, side="right")]
    lonely = np.maximum(before, after) > ALONE_MS
    prices: npt.NDArray[np.int64] = np.minimum(ends - starts, np.where(lonely, LONELY_MS, EMPTY_MS))
    return prices


def _outside(word: Span, span: Span) -> float:
    """Milliseconds of a word outside a span, and how far away it is."""
    away = max(0, span.start - word.end, word.start - span.end)
    return float(word.duration - word.overlap(span) + away)


def runs(homes: Sequence[int]) -> Iterator[tuple[int, int]]:
    first = 0
    for i in range(1, len(homes) + 1):
        if i == len(homes) or homes[i] != homes[first]:
            yield first, i
            first = i


def common_shift(words: Sequence[Word], homes: Sequence[int], speech: Sequence[Span]) -> int:
    """Milliseconds by which all words are early (over 0) or late, seen where speech begins and ends after a pause.

    Words stretched over a pause make starts early and ends late: it counts only where both lie the same way.
    """
    begins, ends = [], []
    for first, last in runs(homes):
        span = speech[homes[first]]
        begins.append(span.start - words[first].span.start)
        ends.append(span.end - words[last - 1].span.end)
    if len(begins) < SHIFT_EDGES:
        return 0
    one, other = _usual(begins), _usual(ends)
    if one * other <= 0:
        return 0
    return round(min(max((one + other) / 2, -MOST_SHIFT_MS), MOST_SHIFT_MS))


def _usual(values: Sequence[int]) -> float:
    """Where values crowd, whatever strays to one side: the mean of what is near it, found by moving there."""
    every = np.asarray(values, float)
    centre = float(np.median(every))
    for _ in range(10):
        centre = float(every[np.abs(every - centre) <= CROWD_MS].mean()) if len(every) else centre
    return centre
