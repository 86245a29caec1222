"""How a line is written: the case and marks an engine needs to see, and those the target language wants.

Changes no words; knows no engine.
"""

from __future__ import annotations

import re
import unicodedata

_QUOTES = "\"'”’»)"
_SENTENCE = re.compile(rf"(?:[^.!?…]|[.!?…](?![{_QUOTES}]*(?:\s|$)|[.!?…]))*[.!?…]*[{_QUOTES}]*\s*")
"""A sentence with its end marks and the space after it; the dots inside "2.5" or "U.S.A" end nothing."""

_CLOSING = re.compile(rf"([.!?…]+)([{_QUOTES}]*)\s*$")
_LEADING = re.compile(r"(?:[\s—–-]|\[[^\]]*\]|\([^)]*\))*")
"""What stands before the words of a sentence: dashes, spaces, and what is not said."""

_FIRST_LETTER = re.compile(r"[^\W\d_]")
_CAPITAL_I = re.compile(r"\bI\b")
_ENGLISH_I = re.compile(r"\bi\b(?!\.\w)")
_CAPITALISED = re.compile(r"(?<![\w.'’-])[^\W\d_](?=[^\W\d_]*\b)")
_SPACE_BEFORE_MARK = re.compile(r"\s+(?=[,.;:!?…)»](?:\s|$|[.!?…]))")

_SPACED_MARKS = frozenset({"fr", "br"})
"""Languages that put a space before ? ! : ; and mean it."""

_INVERTED = {"?": "¿", "!": "¡"}
_INVERTING = frozenset({"es", "ast"})
"""Languages whose orthography opens questions and exclamations. Galician and Catalan no longer ask for it."""

_SPANISH_ASKING = re.compile(
    r",\s+(?=(?:(?:a|de|con|por|para|en|desde|hasta)\s+)?"
    r"(?:qué|quién|quiénes|cómo|cuándo|dónde|adónde|cuál|cuáles|cuánto|cuánta|cuántos|cuántas)\b)",
    re.IGNORECASE,
)
"""A comma and an interrogative after it: the question opens there ("Hola, ¿cómo estás?")."""

_CAPITALS_MEAN_MORE = frozenset({"en", "de", "lb"})
"""Targets in which a capital inside a sentence need not be a name (I, Monday, every German noun)."""

_SHOUTED_LETTERS = 4
"""Letters from which a line of one word in capitals is taken for shouting and not for initials (OK, BBC)."""


def clean(text: str) -> str:
    """The text in NFC on one line: control characters and runs of white space become one space each."""
    composed = unicodedata.normalize("NFC", text)
    return " ".join("".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in composed).split())


def has_words(text: str) -> bool:
    """Whether anything in the text could be translated: a letter. Numbers and marks need none."""
    return _FIRST_LETTER.search(text) is not None


def for_engine(text: str, language: str) -> str:
    """A line as a writer would write it, from a recogniser's lower case or a subtitler's capitals.

    Engines read "i" and "WHERE" as words they never saw. `text` is clean; `language` is its language.
    """
    written = text.lower() if is_shouted(text) else text
    if language == "en":
        written = _ENGLISH_I.sub("I", written.replace("’", "'"))
    return _sentences_capitalised(written) if _is_bare(text) else _first_capitalised(written)


def for_reader(translated: str, source: str, language: str) -> str:
    """An engine's line, tidied: single spaces, the source's capital or small first letter, marks opened.

    `source` is the clean text it came from; `language` is the one it is in now.
    """
    text = " ".join(translated.split())
    if language not in _SPACED_MARKS:
        text = _SPACE_BEFORE_MARK.sub("", text)
    if _is_bare(source) and language not in _CAPITALS_MEAN_MORE:
        text = _sentences_capitalised(text.lower() if is_shouted(source) else _names_lowered(text))
    first = _FIRST_LETTER.search(source)
    if first is not None:
        text = _first_lowered(text) if first[0].islower() else _first_capitalised(text)
    return _opened(text) if language in _INVERTING else text


def is_shouted(text: str) -> bool:
    """Whether the whole line is in capitals, and is more than initials."""
    letters = [c for c in text if c.isalpha()]
    return text.isupper() and (len(letters) >= _SHOUTED_LETTERS or len(text.split()) > 1)


def _is_bare(text: str) -> bool:
    """Whether the text's case shows no names: no capitals inside its sentences, or nothing else."""
    inside = "".join(_FIRST_LETTER.sub("", sentence, count=1) for sentence in _SENTENCE.findall(text))
    return is_shouted(text) or not any(c.isupper() for c in _CAPITAL_I.sub("", inside))


def _names_lowered(text: str) -> str:
    """Capitals inside sentences made small: where the source had no names, the engine found none."""
    return _CAPITALISED.sub(lambda letter: letter[0].lower(), text)


def _sentences_capitalised(text: str) -> str:
    return "".join(_first_capitalised(sentence) for sentence in _SENTENCE.findall(text))


def _first_capitalised(text: str) -> str:
    return _FIRST_LETTER.sub(lambda letter: letter[0].title(), text, count=1)


def _first_lowered(text: str) -> str:
    return _FIRST_LETTER.sub(lambda letter: letter[0].lower(), text, count=1)


def _opened(text: str) -> str:
    """Each Spanish question and exclamation with the inverted mark that opens it, where none does."""
    return "".join(_opened_sentence(sentence) for sentence in _SENTENCE.findall(text))


def _opened_sentence(sentence: str) -> str:
    closing = _CLOSING.search(sentence)
    # Mirrored, as the academies want it: what closes last was opened first.
    marks = [m for m in dict.fromkeys(reversed(closing[1])) if m in _INVERTED] if closing else []
    if not closing or not marks or any(opened in sentence for opened in _INVERTED.values()):
        return sentence
    asking = _SPANISH_ASKING.search(sentence) if "?" in marks else None
    leading = _LEADING.match(sentence)
    start = asking.end() if asking else leading.end() if leading else 0
    if closing[2] and sentence[start] in "\"'“‘«(":
        start += 1  # the quotes hold the whole question
    return sentence[:start] + "".join(_INVERTED[m] for m in marks) + sentence[start:]
