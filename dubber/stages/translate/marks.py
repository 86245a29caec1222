"""Marks in a wording for where its actor pauses: shown in a line, told from text, taken out. Knows no engine.

What a mark is, and what becomes of the text around one, is align's to say (align/breaks.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from align import rate
from align.breaks import MARK, unmarked
from align.phrases import split

__all__ = ["MARK", "has", "misplaced", "shown", "without", "written"]

_EITHER = re.compile(r"\s*[|｜]\s*")
"""A mark, also in the wide form that Chinese, Japanese and Korean texts have, and the spaces around it."""

_WIDE = "｜"


def without(wording: str) -> str:
    """The wording as it is said, without marks."""
    return unmarked(wording)


def has(text: str) -> bool:
    """Whether there is a mark in a text, or what looks like one."""
    return _EITHER.search(text) is not None


def written(wording: str) -> str:
    """The wording with each mark in its usual form."""
    return wording.replace(_WIDE, MARK)


def misplaced(wording: str, pauses: int) -> str | None:
    """A sentence where a wording has marks that cannot be those of `pauses` pauses: another number, one inside a word,
    or nothing to say beside one. None where they can be, and where it has none."""
    found = list(_EITHER.finditer(wording))
    if not found:
        return None
    if len(found) != pauses:
        return f"It has {len(found)} of the marks {MARK}, where the actor pauses {_times(pauses)}."
    if any(len(one[0]) == 1 and _in_word(wording[: one.start()], wording[one.end() :]) for one in found):
        return f"It has the mark {MARK} inside a word."
    if not all(any(map(str.isalnum, phrase)) for phrase in _EITHER.split(wording)):
        return f"It has the mark {MARK} with nothing to say beside it."
    return None


def shown(line: str, pauses: Sequence[float], language: str) -> str | None:
    """A line of the film, in `language`, with a mark where its actor pauses: after the shares `pauses` (0..1, rising)
    of its speech, as near as the text allows a break. None where it does not allow as many, and where it has signs of
    its own that look like marks."""
    if not pauses or has(line):
        return None
    shares = [end - start for start, end in pairwise((0.0, *pauses, 1.0))]
    if min(shares) <= 0:
        return None
    phrases = split(line, shares, language, lambda text: rate.spoken_ms(text, language))
    return f" {MARK} ".join(phrases) if len(phrases) == len(shares) else None


def _in_word(before: str, after: str) -> bool:
    """Whether what stands before and after is one word of a script that has spaces between words."""
    return (
        before[-1:].isalnum() and after[:1].isalnum() and unmarked(f"{before}{MARK}{after}") != before + after
    )


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
