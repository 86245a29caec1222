"""Single characters that stand for what a later step must not touch. Knows nothing about what they stand for."""

from __future__ import annotations

PRIVATE_USE_A, PRIVATE_USE_B = 0xF0000, 0x100000
"""First characters of the supplementary private use areas, 65534 each: no text means anything by them, and the
grammars pass them through as letters."""


class Placeholders:
    """Takes pieces out of a text and puts them back. Numbered by appearance: the same text, the same result."""

    def __init__(self, first: int) -> None:
        """`first`: the code point of the first placeholder. The text must be free of the characters from there on."""
        self._first = first
        self._kept: dict[int, str] = {}

    def take(self, piece: str) -> str:
        """The character that now stands for `piece`."""
        place = self._first + len(self._kept)
        self._kept[place] = piece
        return chr(place)

    def put_back(self, text: str) -> str:
        """`text` with every piece in its place."""
        return text.translate(self._kept)
