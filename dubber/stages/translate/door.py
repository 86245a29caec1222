"""The one door to every translator: lines in, as many lines out, in order. Names no engine's insides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Translation:
    """One line in the target language.

    `unknown` are the words the engine did not know; they stand in `text` as they were.
    """

    text: str
    unknown: tuple[str, ...] = ()


class Translator(Protocol):
    """A translation engine behind the door. Language arguments are anything `languages.canonical` takes."""

    @property
    def name(self) -> str:
        """Short and stable: it is written into projects."""

    def digest(self, source: str, target: str) -> str:
        """Names everything that shapes a translation between the two: code and engine version, data.

        Raises like `translate`.
        """

    def translate(
        self,
        texts: Sequence[str],
        source: str,
        target: str,
        progress: Callable[[float], None] = ...,
    ) -> tuple[Translation, ...]:
        """One translation per text, in order: none dropped, merged or invented; empty ones stay empty.

        `progress` is called with 0..1. Raises UsageError (no such language, or nothing to translate
        between), MissingError (engine or language pair not on this machine), TranslationError.
        """
