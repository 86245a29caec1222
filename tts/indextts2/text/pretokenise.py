"""What the tokeniser's training text looked like: CJK characters stand alone, letters are capitals. No ids here."""

from __future__ import annotations

import re

IDEOGRAPHS = "\u4e00-\u9fff"
"""CJK Unified Ideographs, as the inside of a character class."""

CJK = "\u1100-\u11ff\u2e80-\ua4cf\ua840-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff65-\uffdc\U00020000-\U0002ffff"
"""Every block that is written without spaces or syllable by syllable, as the inside of a character class."""

_CHARACTER = re.compile(f"([{CJK}])")


def pretokenise(text: str) -> str:
    """`你好 world` → `你 好 WORLD`: single spaces around each CJK character, everything upper-cased."""
    pieces = (piece.strip() for piece in _CHARACTER.split(text))
    return " ".join(piece for piece in pieces if piece).upper()
