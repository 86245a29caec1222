"""Written text to the words and marks that the model of IndexTTS-2.0 was trained on. Cuts no segments, knows no ids.

Steps and their order: the specification, section 13.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from tts.errors import BadWeights, SpeakingFailed
from tts.indextts2.text.grammar import Language, in_words
from tts.indextts2.text.pinyin import PINYIN, corrected
from tts.indextts2.text.placeholders import PRIVATE_USE_A, PRIVATE_USE_B, Placeholders
from tts.indextts2.text.pretokenise import IDEOGRAPHS

LONGEST = 2000
"""Characters in one text, about two minutes of speech. Reading a text out costs time with every character."""

Glossary = Mapping[str, str | Mapping[str, str]]
"""A term → how it is said, or {"zh": …, "en": …}."""

_ANNOTATION = re.compile(r"<[^<>|]+\|[^<>|]+>")
_EMAIL = re.compile(r"[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}")
_IDEOGRAPH = re.compile(f"[{IDEOGRAPHS}]")
_LETTER = re.compile(r"[a-zA-Z]")
_SHORT_IS = re.compile(r"\b(what|where|who|which|how|t?here|it|s?he|that|this)'s\b", re.IGNORECASE)
_TERM = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)+")
_FOREIGN_NAME = re.compile(f"[{IDEOGRAPHS}]+(?:[·—-][{IDEOGRAPHS}]+){{1,2}}")
_HYPHEN = "\ue000"
"""Stands for the hyphen inside a technical term, so that the grammars see no minus."""

_HELD_HYPHEN = re.compile(rf" *{_HYPHEN} *")

_MARKS = {
    **dict.fromkeys("：；;，、:", ","),
    **{"。": ".", "！": "!", "？": "?", "\n": " "},
    **dict.fromkeys("·—～~", "-"),
    **dict.fromkeys(("...", ",,,", "……"), "…"),
    **dict.fromkeys("“”‘’\"'（）()[]《》【】「」", "'"),
}
"""In the order of the alternation. What is typed three times (`,,,`) is an ellipsis."""

_MARK = re.compile("|".join(map(re.escape, _MARKS)))


class Normaliser:
    """`normalise` for texts in Chinese, English or both. Safe to share between threads."""

    def __init__(self, glossary: Glossary | None = None) -> None:
        self._said = {term.lower(): said for term, said in (glossary or {}).items() if term}
        longest_first = sorted(self._said, key=lambda term: (-len(term), term))
        self._terms = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)", re.IGNORECASE)

    def normalise(self, text: str) -> str:
        """`See you at 8:30 (ok)` → `See you at eight thirty 'ok'`.

        Kept as typed: `<word|pronunciation>`, names with a dot or hyphen in Chinese, hyphens of terms, pinyin but for
        its spelling.
        Raises SpeakingFailed for a text over `LONGEST` characters or one that cannot be put into words.
        """
        if len(text) > LONGEST:
            raise SpeakingFailed(f"A text of {len(text)} characters is too long; {LONGEST} is the most.")
        text = clean(text)
        annotations, names = Placeholders(PRIVATE_USE_A), Placeholders(PRIVATE_USE_B)
        text = _ANNOTATION.sub(lambda match: annotations.take(match[0]), text)
        language = route(text)
        text = _SHORT_IS.sub(r"\1 is", text)
        text = self._terms.sub(lambda match: self._said_in(language, match[0]), text)
        text = _TERM.sub(lambda match: match[0].replace("-", _HYPHEN), text)
        if language == "zh":
            text = PINYIN.sub(lambda match: names.take(corrected(match[0])), text)
            text = _FOREIGN_NAME.sub(lambda match: names.take(match[0]), text)
        text = in_words(text, language)
        text = _HELD_HYPHEN.sub("-", names.put_back(text))
        text = plain_marks(text)
        return annotations.put_back(text.replace("$", ".") if language == "zh" else text)

    def _said_in(self, language: Language, term: str) -> str:
        said = self._said.get(term.lower(), term)
        return said if isinstance(said, str) else said.get(language, term)


def route(text: str) -> Language:
    """Which grammar reads a text: the English one only where there are letters, no ideographs and no pinyin."""
    if (
        _IDEOGRAPH.search(text)
        or not _LETTER.search(text)
        or _EMAIL.fullmatch(text.strip())
        or PINYIN.search(text)
    ):
        return "zh"
    return "en"


def plain_marks(text: str) -> str:
    """The marks that the models know in place of all others: `：` → `,`, `“` → `'`, a line end → a space."""
    return _MARK.sub(lambda match: _MARKS[match[0]], text)


def clean(text: str) -> str:
    """Composed characters (NFC), without what has no sound: control and format characters, halves of surrogate pairs.

    Line ends become `\\n`, other control characters a space; characters of private use go, since placeholders are such.
    """
    text = unicodedata.normalize("NFC", "\n".join(text.splitlines()))
    return "".join(map(_cleaned, text)).strip()


def _cleaned(character: str) -> str:
    if character == "\n" or character.isprintable():
        return character
    return {"Cc": " ", "Zs": " "}.get(unicodedata.category(character), "")


def read_glossary(file: Path) -> Glossary:
    """`glossary.yaml`: a mapping from terms to readings. Raises BadWeights for anything else."""
    import yaml

    try:
        raw = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadWeights(f"The glossary {file.name} cannot be read.") from error
    if raw is None:
        return {}
    if not isinstance(raw, dict) or not all(_is_entry(term, said) for term, said in raw.items()):
        raise BadWeights(f"The glossary {file.name} is not a mapping from terms to how they are said.")
    return raw


def _is_entry(term: object, said: object) -> bool:
    if isinstance(said, dict):
        return isinstance(term, str) and all(isinstance(part, str) for pair in said.items() for part in pair)
    return isinstance(term, str) and isinstance(said, str)
