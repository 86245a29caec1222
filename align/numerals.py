"""How long a number written in digits is when it is said: its syllables, Chinese characters or Japanese morae.

Cardinals only. Data for five languages, and a mean for all others; what a number counts is not known here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

NUMBER = re.compile(r"\d+(?:[.,٫٬]\d+)*")
"""A number with what divides its digits; "8:30" is two."""

PER_DIGIT = 1.8
"""Syllables that a digit adds to a number said in words, in languages not known here."""

_LONGEST = 12
"""Digits; longer ones are said digit by digit, as one that begins with a zero is."""

_THOUSANDS = {"es": ".", "ar": "٬,", "en": ",", "ja": ",", "zh": ",", "yue": ","}
"""What stands between groups of three digits; anything else begins a fraction."""

_POINT = {"es": 2, "ar": 3, "en": 1, "ja": 2, "zh": 1, "yue": 1}
"""coma, fāṣila, point, ten, diǎn."""


def said(number: str, code: str) -> float:
    """Syllables (Japanese: morae) of what NUMBER matched, in the language with this ISO 639 code."""
    return _said(number, code) if len(number) <= 64 else PER_DIGIT * sum(map(str.isdecimal, number))


def digit_by_digit(number: str, code: str) -> float:
    """The same of a number that is said so, as a Chinese year is."""
    one = _KNOWN.get(code)
    digits = _digits(number)
    return sum(map(one, digits)) if one else PER_DIGIT * len(digits)


@lru_cache(maxsize=4096)
def _said(number: str, code: str) -> float:
    one = _KNOWN.get(code)
    if one is None:
        return PER_DIGIT * len(_digits(number))
    ungrouped = re.sub(f"(?<=\\d)[{_THOUSANDS[code]}](?=\\d{{3}}(?!\\d))", "", number)
    *wholes, fraction = _divided(ungrouped)
    total = sum(_whole(whole, code, one) for whole in wholes)
    if fraction:
        spoken = _whole(fraction, code, one) if code in ("es", "ar") else digit_by_digit(fraction, code)
        total += _POINT[code] + spoken
    return total


def _divided(number: str) -> list[str]:
    """The parts around a point; a text with several (a date, a version) has no fraction."""
    parts = re.split("[.,٫٬]", number)
    return parts if len(parts) == 2 else [*parts, ""]


def _whole(number: str, code: str, one: Callable[[int], int]) -> float:
    digits = _digits(number)
    if len(digits) > _LONGEST or (len(digits) > 1 and digits[0] == 0):
        return sum(map(one, digits))
    return one(int("".join(map(str, digits))))


def _digits(number: str) -> list[int]:
    return [unicodedata.decimal(char) for char in number if char.isdecimal()]


_EN = (2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 3, 1, 2, 2, 2, 2, 3, 2, 2)
_EN_TENS = (0, 0, 2, 2, 2, 2, 2, 3, 2, 2)


def _english(n: int) -> int:
    if 1100 <= n < 2000 or 2010 <= n < 2100:  # "nineteen eighty-seven"; of a bare number more often a year
        rest = n % 100
        return _english(n // 100) + (_english(rest) if rest >= 10 else 1 + _EN[rest] if rest else 2)
    for step, syllables in ((10**9, 2), (10**6, 2), (1000, 2), (100, 2)):
        if n >= step:
            rest = n % step
            return _english(n // step) + syllables + (_english(rest) if rest else 0)
    return _EN[n] if n < 20 else _EN_TENS[n // 10] + (_EN[n % 10] if n % 10 else 0)


_ES = (2, 2, 1, 1, 2, 2, 1, 2, 2, 2, 1, 2, 2, 2, 3, 2, 3, 4, 4, 4, 2)
_ES_TENS = (0, 0, 0, 2, 3, 3, 3, 3, 3, 3)
_ES_HUNDREDS = (0, 2, 3, 3, 4, 3, 3, 4, 4, 4)


def _spanish(n: int) -> int:
    for step, one, several in ((10**6, 3, 3), (1000, 1, 1)):
        if n >= step:
            many = n // step
            head = (_spanish(many) if many > 1 or step > 1000 else 0) + (one if many == 1 else several)
            return head + (_spanish(n % step) if n % step else 0)
    if n == 100:
        return 1
    if n > 100:
        return _ES_HUNDREDS[n // 100] + (_spanish(n % 100) if n % 100 else 0)
    if n <= 20:
        return _ES[n]
    if n < 30:
        return 2 + _ES[n % 10]
    return _ES_TENS[n // 10] + (1 + _ES[n % 10] if n % 10 else 0)


_AR = (1, 2, 2, 3, 3, 2, 2, 2, 4, 2, 3)
_AR_TENS = (0, 3, 2, 3, 3, 2, 2, 2, 3, 2)


def _arabic(n: int) -> int:
    """As it is said without case endings; "and" is one syllable."""
    for step, one, two, several in ((10**6, 2, 3, 3), (1000, 1, 2, 2)):
        if n >= step:
            many = n // step
            head = one if many == 1 else two if many == 2 else _arabic(many) + several
            return head + (1 + _arabic(n % step) if n % step else 0)
    if n >= 100:
        head = (0, 2, 3)[n // 100] if n < 300 else _AR[n // 100] + 2
        return head + (1 + _arabic(n % 100) if n % 100 else 0)
    if n <= 10:
        return _AR[n]
    if n < 20:
        return _AR[n % 10] + 2
    return _AR_TENS[n // 10] + (1 + _AR[n % 10] if n % 10 else 0)


def _chinese(n: int) -> int:
    """One for each digit that is no zero, for its place, and for a gap."""
    return _placed(n, lambda digit: 1, 1, gaps=True) - (10 <= n < 20)


_JA = (2, 2, 1, 2, 2, 1, 2, 2, 2, 2)


def _japanese(n: int) -> int:
    return _placed(n, lambda digit: _JA[digit], 2, gaps=False)


def _placed(n: int, digit_length: Callable[[int], int], place_length: int, *, gaps: bool) -> int:
    """A number in myriads. Japanese leaves out a one before ten, hundred and thousand, Chinese says a gap."""
    if n == 0:
        return digit_length(0)
    total, gap = 0, False
    digits = [int(one) for one in str(n)]
    group_said = False
    for place, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True):
        within = place % 4
        if digit:
            total += int(gap and gaps)
            total += (0 if digit == 1 and within and not gaps else digit_length(digit)) + bool(
                within
            ) * place_length
            gap, group_said = False, True
        else:
            gap = gap or total > 0
        if within == 0:
            total += place_length if place and group_said else 0
            group_said = False
    return total


_KNOWN: dict[str, Callable[[int], int]] = {
    "en": _english, "es": _spanish, "ar": _arabic, "zh": _chinese, "yue": _chinese, "ja": _japanese,
}  # fmt: skip
