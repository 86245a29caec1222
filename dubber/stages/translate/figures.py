"""The numbers of a text that are written in digits, held against those of another. Numbers in words are not known."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 18
"""Characters; longer ones are not compared."""

_NUMBER = re.compile(r"\d+(?:[.,٫٬’' \u00a0\u202f]\d+)*")
_DIGITS = re.compile(r"\d+")


def numbers(text: str) -> set[int]:
    """Numbers in digits of any script, without what divides their digits."""
    return {_value(one) for one in _NUMBER.findall(text) if len(one) <= LONGEST}


def missing(text: str, other: str) -> set[int]:
    """The numbers of `text` that `other` has not, whatever divides their digits there: "3.50" is in "3ユーロ50"."""
    whole = numbers(other)
    parts = {_value(one) for one in _DIGITS.findall(other) if len(one) <= LONGEST}
    return {
        _value(one)
        for one in _NUMBER.findall(text)
        if len(one) <= LONGEST
        and _value(one) not in whole
        and not {_value(part) for part in _DIGITS.findall(one)} <= parts
    }


def _value(number: str) -> int:
    return int("".join(str(unicodedata.digit(char)) for char in number if char.isdecimal()))
