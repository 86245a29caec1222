"""The language that is spoken: by its tag in Whisper's own codes, and by the vote of stretches from all over a film.
Loads no model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from dubber import languages
from dubber.errors import MissingError
from dubber.stages.transcribe.chunks import Chunk

REVISION = 1
"""Goes up whenever another language would be found."""

SAMPLED = 8
"""Chunks that a film's language is looked for in, spread over its speech."""

_LANGUAGE_TOKEN = re.compile(r'"<\|([a-z]{2,3})\|>"')
_ALIASES = {"nb": "no"}
"""Canonical tags that Whisper knows under another."""


def code_for(language: str, folder: Path, model: str) -> str:
    """Whisper's code for a BCP 47 tag. Raises MissingError where this model's tokenizer has none."""
    known = set(_LANGUAGE_TOKEN.findall((folder / "tokenizer.json").read_text("utf-8")))
    wanted = languages.primary(language)
    for code in sorted(map(str, known)):
        if languages.canonical(code) in (wanted, _ALIASES.get(wanted)):
            return code
    raise MissingError(
        f"{model} does not know {languages.english_name(language)}.",
        hint="Give what is said: --transcript FILE.srt",
    )


def vote(votes: Sequence[tuple[float, Mapping[str, float]]]) -> tuple[str, float]:
    """The language, and its mean chance, of most of what was heard: `votes` are (milliseconds, chance by language).

    Each stretch counts by its length, so that in a film of several languages the one spoken most wins; of equals the
    first by its code.
    """
    total = sum(weight for weight, _ in votes)
    chances: dict[str, float] = {}
    for weight, heard in votes:
        for code, chance in heard.items():
            chances[code] = chances.get(code, 0.0) + chance * weight / total
    return max(sorted(chances.items()), key=lambda one: one[1])


def spread(chunks: Sequence[Chunk], count: int = SAMPLED) -> list[Chunk]:
    """Of each of `count` equal parts of the speech its longest chunk: a few words tell no language."""
    total, done = sum(chunk.span.duration for chunk in chunks), 0
    best: dict[int, Chunk] = {}
    for chunk in chunks:
        part = (2 * done + chunk.span.duration) * count // (2 * total)
        if part not in best or chunk.span.duration > best[part].span.duration:
            best[part] = chunk
        done += chunk.span.duration
    return list(best.values())
