"""How much of a text a recogniser heard: error rates over words, or over characters where a script puts no spaces
between words. Pure text; runs no recogniser."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from dubber.stages.segment import is_spaceless

REVISION = 1
"""Goes up whenever the same two texts would differ by another rate."""

WORDS_PER_DIGIT = 2
"""A number said in words has no more of them per digit: "mil doscientos cincuenta y uno", "quatre-vingt-dix-sept". A
sign ("%": "por ciento") is counted as a digit."""

CHARACTERS_PER_DIGIT = 6
"""The same where each character is a token: Thai writes 1250 with 21."""

LONGEST_COMPOUND = 3
"""Words that may be written as one: "news paper", "e mail", "auf Grund"."""

_SIGNS = frozenset("%‰€$£¥₹₽&+=@#°№§")
"""Written as one character and said as words."""

_INSIDE_WORDS = frozenset("'’ʼ`´·\u0640")
"""Apostrophes, which people and recognisers leave out and put in, the Catalan point, the Arabic letter-stretcher."""

_INSIDE_NUMBERS = re.compile(r"(?<=\d)[.,:'’٫٬](?=\d)")

_POINTS = re.compile("[\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed]")
"""Hebrew and Arabic signs of vowels, which few texts write."""

_DOTTED_I = {"tr": str.maketrans("Iİ", "ıi"), "az": str.maketrans("Iİ", "ıi")}
"""Small letters of languages in which I is not the capital of i."""


def errors(text: str, heard: str, language: str) -> float:
    """Words of `text` that were misheard, left out or put in, ÷ words of `text`: 0 where all was heard, over 1 where
    more was heard than said. In scripts without spaces, and in Korean, whose spaces are a matter of taste, characters
    are counted in place of words.

    `language` is a BCP 47 tag. Case, punctuation and Unicode's several ways to write one thing count for nothing; nor
    does it count whether a number is written in digits or in words, whatever the words are, and whether a compound is
    written in one. All else is the exact Levenshtein distance. A text without words is heard right (0) where nothing
    was heard, and else counts as one word.
    """
    said, got = tokens(text, language), tokens(heard, language)
    return distance(said, got) / max(1, len(said))


def tokens(text: str, language: str) -> tuple[str, ...]:
    """The words of a text as they are compared; each character of a script without spaces, each number and each
    sign that is said as a word, is one of its own."""
    code = re.split("[-_]", language.casefold(), maxsplit=1)[0]
    found: list[str] = []
    word = ""
    for char in _plain(text, code) + " ":
        kind = unicodedata.category(char)
        if char in _INSIDE_WORDS or kind == "Cf":
            continue
        alone = char in _SIGNS or is_spaceless(char) or (code == "ko" and "\uac00" <= char <= "\ud7a3")
        if not alone and (kind[0] in "LN" or (kind[0] == "M" and word)):
            word += char
            continue
        if word:
            found.append(word)
            word = ""
        if alone and (char in _SIGNS or kind[0] in "LNM"):
            found.append(char)
    return tuple(found)


def distance(said: Sequence[str], heard: Sequence[str]) -> int:
    """The fewest tokens to replace, leave out or put in that make one sequence the other. Free are a token and the run
    of tokens opposite that is another way to write it (`_same`). Takes time in proportion to the product of the
    lengths."""
    reach_said = [_reach(one, heard) for one in said]
    reach_heard = [_reach(one, said) for one in heard]
    figures_said = [_figures(one) > 0 for one in said]
    figures_heard = [_figures(one) > 0 for one in heard]
    table = [list(range(len(heard) + 1))]
    for i, one in enumerate(said, 1):
        row, above = [i], table[-1]
        for j, other in enumerate(heard, 1):
            alike = one == other or (
                (figures_said[i - 1] or figures_heard[j - 1])
                and (_same(one, (other,)) or _same(other, (one,)))
            )
            best = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (not alike))
            for run in range(2, min(reach_said[i - 1], j) + 1):
                if above[j - run] < best and _same(one, heard[j - run : j]):
                    best = above[j - run]
            for run in range(2, min(reach_heard[j - 1], i) + 1):
                if table[i - run][j - 1] < best and _same(other, said[i - run : i]):
                    best = table[i - run][j - 1]
            row.append(best)
        table.append(row)
    return table[-1][-1]


def _plain(text: str, code: str) -> str:
    """A text in small letters of one spelling, its digits ASCII and its numbers without separators."""
    text = unicodedata.normalize("NFKC", text).translate(_DOTTED_I.get(code, {}))
    text = _POINTS.sub("", unicodedata.normalize("NFKC", text.casefold()))
    text = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    return _INSIDE_NUMBERS.sub("", text)


def _reach(token: str, opposite: Sequence[str]) -> int:
    """The longest run of tokens that may be another way to write this one."""
    figures = _figures(token)
    if not figures:
        return LONGEST_COMPOUND if len(token) > 1 else 1
    spaceless = any(is_spaceless(one[0]) for one in opposite)
    return figures * (CHARACTERS_PER_DIGIT if spaceless else WORDS_PER_DIGIT)


def _figures(token: str) -> int:
    """How many digits, or signs said as a word, a token has."""
    return sum(c.isnumeric() or c in _SIGNS for c in token) if not is_spaceless(token[0]) else 0


def _same(token: str, run: Sequence[str]) -> bool:
    """Whether a run of tokens may be another way to write one: a compound in its parts; or a number or sign in any
    words at all, which nobody here can read, but with no other digits than its own ("2 million", 2000000)."""
    if "".join(run) == token:
        return True
    if not _figures(token):
        return False
    digits, written = _digits(token), _digits("".join(run))
    if not written:
        return not any(_figures(one) for one in run)
    return digits == written or (digits.startswith(written) and not all(_figures(one) for one in run))


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdecimal())
