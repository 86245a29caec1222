"""What only some languages need, from libraries that need not be installed: Japanese words told apart, Spanish numbers
read out. Without its library a text goes through as it is, and `lacking` says so."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from threading import Lock
from typing import Any

from tts.errors import SpeakingFailed
from tts.indextts2.text import nemo

PACKAGES = {"ja": ("fugashi", "unidic_lite"), "es": ("nemo_text_processing",)}
"""What must be importable, by language."""

LIBRARIES = ("fugashi", "unidic-lite", nemo.PACKAGE, "pynini")
"""The same as distributions: their versions shape speech."""

_LACKING = {
    "ja": "Japanese words run together, where the model is used to spaces between them: "
    "fugashi and unidic-lite are not installed (the extra `japanese`).",
    "es": "Spanish numbers, dates and abbreviations are left to the model as they are written: "
    "nemo_text_processing is not installed (the extra `spanish`).",
}

_NOT_PLAIN = re.compile(r"[^\w\s.,;:!?¡¿…'\"“”«»()\-–—]|[\d_]|\w\.\s*\w|\b[IVXLCDM]{2,}\b", re.UNICODE)
"""What the grammar has something to say of: digits, signs, a full stop inside (Sr. García), Roman numbers. Of other
texts it would only set the marks apart."""

_RUN = re.compile(r"\S+")

_one_at_a_time = Lock()
"""Neither MeCab's taggers nor NeMo's transducers promise anything about threads."""


def lacking(language: str) -> tuple[str, ...]:
    """What is not done to texts of a language for want of a library, as sentences."""
    there = language not in PACKAGES or all(find_spec(package) for package in PACKAGES[language])
    return () if there else (_LACKING[language],)


def notes(language: str) -> tuple[str, ...]:
    """What a person should know before texts of a language are spoken here, as sentences: what is lacking, and what
    takes its time."""
    if language == "es" and not lacking(language) and not nemo.is_kept():
        return (
            "The grammar that reads Spanish numbers out is compiled once on this machine: that takes minutes.",
        )
    return lacking(language)


def words_apart(text: str, kept: re.Pattern[str]) -> str:
    """Japanese `天気は雨` → `天気 は 雨`, by MeCab with UniDic; what `kept` matches stays whole."""
    if lacking("ja"):
        return text
    with _one_at_a_time:
        return _between(kept, text, lambda part: _RUN.sub(lambda run: " ".join(_words(run[0])), part))


def spanish_in_words(text: str, kept: re.Pattern[str]) -> str:
    """`3 entradas` → `tres entradas`, by NeMo's grammar; what `kept` matches stays as it is.

    Raises SpeakingFailed where the grammar finds no reading.
    """
    if lacking("es"):
        return text
    with _one_at_a_time:
        try:
            return _between(kept, text, _in_words)
        except (AssertionError, IndexError, KeyError, RuntimeError, ValueError) as error:
            # what the grammar's runtime raises where no path leads through a text
            raise SpeakingFailed(f"A text of {len(text)} characters could not be put into words.") from error


def _between(kept: re.Pattern[str], text: str, change: Callable[[str], str]) -> str:
    """`change` of all that `kept` does not match."""
    changed, start = "", 0
    for match in kept.finditer(text):
        changed += change(text[start : match.start()]) + match[0]
        start = match.end()
    return changed + change(text[start:])


def _in_words(part: str) -> str:
    """The grammar drops the spaces around a text."""
    bare = part.strip()
    if not _NOT_PLAIN.search(bare):
        return part
    start = part.find(bare)
    return part[:start] + str(nemo.spanish().normalize(bare, verbose=False)) + part[start + len(bare) :]


def _words(run: str) -> list[str]:
    return [word.surface for word in _tagger()(run)]


@lru_cache(maxsize=1)
def _tagger() -> Any:
    import fugashi
    import unidic_lite

    return fugashi.Tagger(f'-d "{unidic_lite.DICDIR}"')
