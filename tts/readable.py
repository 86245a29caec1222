"""Texts as eSpeak NG can read them, in the languages whose writing it does not know well enough. Speaks nothing."""

from __future__ import annotations

import re
import unicodedata

from tts import japanese

KANA_ONLY = frozenset({"jpx/ja"})
"""Voices that say "Chinese letter" for a Chinese character, and name signs that Japanese texts have: they get kana."""

CHINESE = frozenset({"sit/cmn", "sit/yue", "sit/hak"})
"""Voices that say a year as a number of things ("one thousand nine hundred …"), which nobody does."""

_YEAR = re.compile(r"(?<![\d.,])(?:[1１][1-9１-９]|[2２][0０])\d\d(?=\s?年(?!前|后|後|以|之|来|來|间|間|多))")
_DIGITS = "〇一二三四五六七八九"


def readable(text: str, identifier: str) -> tuple[str, int]:
    """The text for the library's voice of that identifier, and how many of its characters nobody here can read."""
    if identifier in KANA_ONLY:
        reading = japanese.kana(text)
        return reading.kana, reading.unread
    return (_YEAR.sub(_digit_by_digit, text) if identifier in CHINESE else text), 0


def _digit_by_digit(year: re.Match[str]) -> str:
    return "".join(_DIGITS[unicodedata.decimal(char)] for char in year[0])
