"""Which words are names, as far as a film's own lines and their translations show it. Judges no wording."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dubber.stages.translate import writing
from dubber.stages.translate.door import Ask, Brief

SHOUTED = 4
"""Letters up to which a word in capitals is taken for a name (BBC, NASA)."""

_NAME_INSIDE = re.compile(r"(?<=[^\W_] )[A-ZÀ-ÖØ-ÞĀ-ŽА-ЯЁΑ-Ω][^\W\d_]+")
_CAPITALISED = re.compile(r"\b[A-ZÀ-ÖØ-ÞĀ-ŽА-ЯЁΑ-Ω][^\W\d_]+")
_WORD = re.compile(r"[^\W\d_]+")
_NOUNS_CAPITALISED = frozenset({"de", "lb"})
"""Languages in which a capital inside a sentence does not make a name."""

_LABELLED = re.compile(r"\[([^\]]*)\]\s*")
_ANONYMOUS = re.compile(r"\W*(?:speaker|person|voice|man|woman|all|s)?[\W\d_]*", re.IGNORECASE)
"""Labels that name nobody: "Speaker 2"."""


def in_film(asks: Iterable[Ask], brief: Brief) -> frozenset[str]:
    """Words, case-folded, that are names: labels of speakers, and words that the film, or what is told about it, writes
    with a capital inside sentences and never without one."""
    speakers: set[str] = set()
    texts = {brief.context: None}
    for ask in asks:
        speakers.update(of_speakers(ask))
        texts |= dict.fromkeys((ask.text, *(_LABELLED.sub("", line) for line in (*ask.before, *ask.after))))
    if brief.source.partition("-")[0] in _NOUNS_CAPITALISED:
        return frozenset(speakers)
    capitals: set[str] = set()
    small: set[str] = set()
    for text in texts:
        if not text.isupper():
            inside = _NAME_INSIDE.findall(text)
            capitals.update(word.casefold() for word in inside if not word.isupper() or len(word) <= SHOUTED)
            small.update(word for word in _WORD.findall(text) if word.islower())
    return frozenset(speakers | (capitals - small))


def kept(text: str, wording: str) -> frozenset[str]:
    """Words, case-folded, that a line and its translation have in common, with a capital in both: they are the same in
    both languages, as names are."""
    both = set(_CAPITALISED.findall(text)).intersection(_CAPITALISED.findall(wording))
    return frozenset(word.casefold() for word in both if not word.isupper() or len(word) <= SHOUTED)


def of_speakers(ask: Ask) -> list[str]:
    """The words of the names of those who speak in and around a line, case-folded."""
    around = (label[1] for line in (*ask.before, *ask.after) if (label := _LABELLED.match(line)))
    named = [label for label in (ask.speaker, *around) if not _ANONYMOUS.fullmatch(label)]
    return [word for word in dict.fromkeys(writing.words(" ".join(named))) if len(word) > 2]
