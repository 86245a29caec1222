"""What only some languages need, from libraries that need not be installed: Japanese words told apart, Spanish numbers
read out. Without its library a text goes through as it is, and `lacking` says so."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

from tts.errors import SpeakingFailed

PACKAGES = {"ja": ("fugashi", "unidic_lite"), "es": ("nemo_text_processing",)}
"""What must be importable, by language."""

LIBRARIES = ("fugashi", "unidic-lite", "nemo_text_processing")
"""The same as distributions: their versions shape speech."""

_LACKING = {
    "ja": "Japanese words run together, where the model is used to spaces between them: "
    "fugashi and unidic-lite are not installed (pip install fugashi unidic-lite).",
    "es": "Spanish numbers, dates and abbreviations are left to the model as they are written: "
    "nemo_text_processing is not installed (pip install nemo_text_processing).",
}

_READ_OUT = re.compile(r"[\d$€£¥%&@+=]")
"""What a grammar has something to say of; words are words."""

_RUN = re.compile(r"\S+")

_one_at_a_time = Lock()
"""Neither MeCab's taggers nor NeMo's transducers promise anything about threads."""


def lacking(language: str) -> tuple[str, ...]:
    """What is not done to texts of a language for want of a library, as sentences."""
    there = language not in PACKAGES or all(find_spec(package) for package in PACKAGES[language])
    return () if there else (_LACKING[language],)


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
    if not _READ_OUT.search(bare):
        return part
    start = part.find(bare)
    return part[:start] + str(_spanish().normalize(bare, verbose=False)) + part[start + len(bare) :]


def _words(run: str) -> list[str]:
    return [word.surface for word in _tagger()(run)]


@lru_cache(maxsize=1)
def _tagger() -> Any:
    import fugashi
    import unidic_lite

    return fugashi.Tagger(f'-d "{unidic_lite.DICDIR}"')


@lru_cache(maxsize=1)
def _spanish() -> Any:
    """The grammar, compiled once on a machine, which takes minutes, and kept for the person who runs this."""
    from nemo_text_processing.text_normalization.normalize import Normalizer

    logging.getLogger("NeMo-text-processing").setLevel(logging.WARNING)
    kept = _grammars()
    if kept.is_dir():
        return Normalizer(input_case="cased", lang="es", cache_dir=str(kept))
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as making:  # so that half a grammar is never read
        whole = Path(making) / "whole"
        made = Normalizer(input_case="cased", lang="es", cache_dir=str(whole))
        if whole.is_dir():
            with suppress(OSError):  # another process was there first
                whole.rename(kept)
    return made


def _grammars() -> Path:
    """Where this version's compiled grammars lie, in the person's folder of caches."""
    if sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "dubber" / f"nemo_text_processing-{version('nemo_text_processing')}"
