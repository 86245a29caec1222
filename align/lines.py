"""A text's lines and its one line: joining what was broken, and how wide it is. Where to break is not known here."""

from __future__ import annotations

import re
import unicodedata

UNSPACED = re.compile("[\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
"""A character of a script that knows no spaces at all."""

PHRASE_SPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""A character of a script whose spaces part phrases rather than words: Thai, Lao, Burmese, Khmer."""

_SPACES = re.compile(r"\s+")


def joined(text: str) -> str:
    """The text on one line. A line break is read as a space, but beside a character of a script that knows none."""
    lines = text.split("\n")
    if len(lines) == 1:
        return text
    pieces: list[str] = []
    for line in filter(None, map(str.strip, lines)):
        if pieces and not UNSPACED.match(line) and not UNSPACED.match(pieces[-1][-1]):
            pieces.append(" ")
        pieces.append(line)
    return "".join(pieces)


def settled(text: str) -> str:
    """The text on one line as it compares, whoever broke it into lines: in one Unicode composition, with single
    spaces, and none where a line break would swallow it: between a script that knows no spaces and one that does, or
    behind punctuation of the former."""
    return _SPACES.sub(_settled, joined(unicodedata.normalize("NFC", text)).strip())


def is_cosmetic(text: str, start: int, end: int) -> bool:
    """Whether nothing is lost with the space `text[start:end]`: it stands beside a script that knows none, and not
    between two letters of it, where it parts words."""
    left, right = text[start - 1 : start], text[end : end + 1]
    unspaced = [bool(UNSPACED.match(one)) for one in (left, right)]
    return any(unspaced) and not (all(unspaced) and left.isalnum() and right.isalnum())


def columns(text: str) -> int:
    """How wide a text is: 2 for each wide character, 0 for a mark that sits on another, 1 for all else."""
    if text.isascii():
        return len(text)
    return sum(map(column, text))


def column(character: str) -> int:
    """How wide one character is; see `columns`."""
    if unicodedata.east_asian_width(character) in "WF":
        return 2
    return int(unicodedata.category(character) not in ("Mn", "Me", "Cf"))


def _settled(space: re.Match[str]) -> str:
    return "" if is_cosmetic(space.string, space.start(), space.end()) else " "
