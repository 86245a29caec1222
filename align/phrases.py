"""A line as it is spoken: phrases with the actor's pauses between them, the target's text shared out to them.

Where the pauses are is found in align/pauses.py, where a text allows one in align/breaks.py; here the two meet.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import inf, isfinite, log

from align.breaks import LONGEST, MARK, Break, breaks, unmarked, word_count
from align.pauses import SHORTEST_MS, pauses, voiced
from align.types import Span, Word

__all__ = ["MARK", "SHORTEST_MS", "Phrase", "gaps", "laid", "pauses", "phrases", "split", "unmarked"]

LOST = 0.2
"""What it costs to speak through a pause of USUAL_MS. So bad is a break that makes one half of a line 1.4 times as
fast as the other could bear, or leaves it a third empty: then a lost pause is the lesser evil."""

USUAL_MS, LEAST_WORTH, MOST_WORTH = 600, 0.5, 2.0
"""ms. A pause is worth keeping by its length over this one, within these bounds."""

UNEVEN = 2.0
"""A phrase has at most so many times its share of the line, unless somebody marked it so; and no less than the share
divided by this, unless punctuation parts it: what is said too soon only makes the pause longer."""

LONE = 0.03
"""What it costs to have one word stand alone, which only punctuation allows at all."""

FEWEST_WORDS, SHORTEST_PHRASE_MS = 2, 250
"""A phrase that no punctuation and no mark ends has so many words; and none but a marked one is shorter than one
stressed syllable said by itself."""

MOST_PHRASES = 12
"""A line has no more: about twice what ten seconds hold. Its shortest pauses go first."""

NEAREST = 16
"""Breaks that are looked at for each pause."""


@dataclass(frozen=True)
class Phrase:
    """A part of a line: its text, and the stretch of source speech that it stands for."""

    text: str
    span: Span
    goes_on: bool = False
    """Whether the sentence goes on in the next phrase though nothing in the text says so."""

    @property
    def said(self) -> str:
        """The text for the voice: with a comma where the sentence goes on, so that it does not fall as at an end."""
        return self.text + _comma(self.text) if self.goes_on else self.text


def phrases(
    span: Span,
    text: str,
    words: Sequence[Word],
    speech: Sequence[Span],
    language: str,
    length: Callable[[str], float],
) -> tuple[Phrase, ...]:
    """The line at `span` of the source as phrases in order, their spans apart by the actor's pauses.

    `words` and `speech` are as in `pauses`; `text` is the line in `language` (BCP 47), with or without marks;
    `length` says how many ms (> 0) a voice takes for a text. Always at least one; the first begins with the span and
    the last ends with it.
    """
    silences = pauses(span, words, speech)
    longest = sorted(silences, key=lambda one: -one.duration)[: MOST_PHRASES - 1]
    silences = tuple(sorted(longest))
    starts, ends = [span.start, *(one.end for one in silences)], [*(one.start for one in silences), span.end]
    stretches = [Span(*edges) for edges in zip(starts, ends, strict=True)]
    shares = [max(1, voiced(one, speech).duration) for one in stretches]
    worth = [min(MOST_WORTH, max(LEAST_WORTH, one.duration / USUAL_MS)) for one in silences]
    parts = _divided(text, shares, worth, language, length)
    return tuple(
        Phrase(
            part.text,
            Span(stretches[part.first].start, stretches[part.last].end),
            goes_on=part is not parts[-1] and _is_open(part.text),
        )
        for part in parts
    )


def split(
    text: str, shares: Sequence[float], language: str, length: Callable[[str], float]
) -> tuple[str, ...]:
    """`text` as one phrase for each of `shares` (> 0, of any sum), the source's phrases; or as fewer where the text
    allows no break near enough, each standing for several neighbours then. The phrases joined are the text without
    marks.

    As many marks as pauses are taken as they are, of more the nearest; of fewer each is one of the breaks. `language`
    is a BCP 47 tag, `length` as in `phrases`. Of equal choices the earlier breaks are taken. Raises ValueError for
    shares that are none.
    """
    if not shares or not all(isfinite(share) and share > 0 for share in shares):
        raise ValueError(f"not the shares of phrases: {list(shares)}")
    return tuple(part.text for part in _divided(text, shares, [1.0] * (len(shares) - 1), language, length))


def gaps(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The pauses between phrases, by their spans in order. Raises ValueError where two overlap."""
    return tuple(Span(before.end, after.start) for before, after in pairwise(spans))


def laid(spans: Sequence[Span]) -> tuple[tuple[int, int], ...]:
    """Where the phrases of a line lie in its slot, from the first's start: (offset, length) in ms, by their spans in
    order. Raises ValueError where two overlap."""
    gaps(spans)
    return tuple((span.start - spans[0].start, span.duration) for span in spans)


@dataclass(frozen=True)
class _Part:
    """A piece of text, and the first and last of the source's phrases that it stands for."""

    text: str
    first: int
    last: int


def _divided(
    text: str,
    shares: Sequence[float],
    worth: Sequence[float],
    language: str,
    length: Callable[[str], float],
) -> list[_Part]:
    """The text in parts, by least cost: a shortest path over (how many of the source's phrases, where in the text)."""
    count = len(shares)
    if count > MOST_PHRASES:
        return _of_fewer(text, shares, worth, language, length)
    plain, found = breaks(text, language)
    marks = [one for one in found if one.marked]
    if count == 1 or not found or not any(map(str.isalnum, plain)):
        return [_Part(plain, 0, count - 1)]
    measure = _Measure(plain, length)
    before = [0.0, *accumulate(share / sum(shares) for share in shares)]
    lost = [0.0, *accumulate(LOST * one for one in worth)]
    told = len(marks) >= count - 1
    forced = [] if told else marks
    edges = Break(0, 0.0), Break(len(plain), 0.0)
    steps = [[edges[0]], *_choices(marks if told else found, forced, before, len(plain)), [edges[1]]]
    best: dict[tuple[int, int], tuple[float, int, int]] = {(0, 0): (0.0, 0, 0)}
    for last in range(1, count + 1):
        for end in steps[last]:
            chosen: tuple[float, int, int] | None = None
            for first in range(last - 1 if told else 0, last):
                gone = lost[last - 1] - lost[first]
                for start in steps[first]:
                    so_far = best.get((first, start.at))
                    if so_far is None or start.at >= end.at or _crosses(forced, start, end):
                        continue
                    price = so_far[0] + gone + end.badness
                    if chosen is not None and price >= chosen[0]:
                        continue
                    price += measure.cost(start, end, before[last] - before[first], free=told)
                    if price < (chosen[0] if chosen else inf):
                        chosen = price, first, start.at
            if chosen:
                best[last, end.at] = chosen
    parts: list[_Part] = []
    last, at = count, len(plain)
    while last:
        _, first, start_at = best[last, at]
        parts.append(_Part(plain[start_at:at].strip(), first, last - 1))
        last, at = first, start_at
    return parts[::-1]


def _of_fewer(
    text: str,
    shares: Sequence[float],
    worth: Sequence[float],
    language: str,
    length: Callable[[str], float],
) -> list[_Part]:
    """`_divided` for more of the source's phrases than MOST_PHRASES: those parted by the least worthy pauses as one."""
    ranked = sorted(range(len(worth)), key=lambda i: (-worth[i], i))
    kept = sorted(ranked[: MOST_PHRASES - 1])
    firsts, lasts = [0, *(i + 1 for i in kept)], [*kept, len(shares) - 1]
    joined = [sum(shares[first : last + 1]) for first, last in zip(firsts, lasts, strict=True)]
    parts = _divided(text, joined, [worth[i] for i in kept], language, length)
    return [_Part(part.text, firsts[part.first], lasts[part.last]) for part in parts]


def _choices(
    found: Sequence[Break], forced: Sequence[Break], before: Sequence[float], size: int
) -> list[list[Break]]:
    """For each pause the breaks near its place in the text, and all that must be taken, in order."""
    places = [one.at for one in found]
    choices = []
    for share in before[1:-1]:
        middle = bisect_left(places, share * size)
        low = max(0, min(middle - NEAREST // 2, len(found) - NEAREST))
        choices.append(sorted({*found[low : low + NEAREST], *forced}, key=lambda one: one.at))
    return choices


def _crosses(forced: Sequence[Break], start: Break, end: Break) -> bool:
    """Whether a phrase would go over a break that somebody marked."""
    return any(start.at < one.at < end.at for one in forced)


class _Measure:
    """How ill a phrase of `plain` fits a share of the source's speech; remembers the lengths it has asked for."""

    def __init__(self, plain: str, length: Callable[[str], float]) -> None:
        self._plain = plain
        self._length = length if len(plain) <= LONGEST else len  # never asks a voice about a megabyte
        self._known: dict[tuple[int, int], tuple[float, int]] = {}
        self._whole = self._of(0, len(plain))[0]

    def cost(self, start: Break, end: Break, share: float, *, free: bool) -> float:
        """The squared log ratio of the phrase's share of the spoken length and `share`, weighed by both; infinite
        where it may not be: too short, too uneven, or a bare word. Where `free`, or beside a mark, all may be."""
        length, words = self._of(start.at, end.at)
        spoken = min(1.0, length / self._whole)
        ratio = spoken / share
        if words == 0:
            return inf
        if not (free or start.marked or end.marked or end.at - start.at == len(self._plain)):
            if length < SHORTEST_PHRASE_MS or (words < FEWEST_WORDS and not (start.firm and end.firm)):
                return inf
            if ratio > UNEVEN or (ratio < 1 / UNEVEN and not (start.firm and end.firm)):
                return inf
        return (spoken + share) / 2 * log(ratio) ** 2 + LONE * (words < FEWEST_WORDS)

    def _of(self, start: int, end: int) -> tuple[float, int]:
        """(length in ms, at least 1; number of words) of a stretch of the text."""
        if (start, end) not in self._known:
            phrase = self._plain[start:end].strip()
            words = word_count(phrase[:LONGEST]) or word_count(phrase)
            self._known[start, end] = max(1.0, float(self._length(phrase))), words
        return self._known[start, end]


def _is_open(text: str) -> bool:
    """Whether a text ends without punctuation: in a letter, a digit, or a quote or bracket after one."""
    last = next((one for one in reversed(text) if unicodedata.category(one) not in ("Cf", "Pe", "Pf")), "")
    return unicodedata.category(last)[0] in "LNM" if last else False


def _comma(text: str) -> str:
    """The comma of the script that a text ends in."""
    letter = next((one for one in reversed(text) if one.isalpha()), "")
    name = unicodedata.name(letter, "")
    if name.startswith("ARABIC"):
        return "،"
    if name.startswith(("HIRAGANA", "KATAKANA")):
        return "、"
    return "，" if name.startswith("CJK") else ","
