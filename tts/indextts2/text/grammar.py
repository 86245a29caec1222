"""Numbers, dates, money and units in words, by the WeTextProcessing grammars for Chinese and English. No pipeline here.

wetext 0.1.0 to 0.1.2 carry the grammars that the reference implementation reads with (WeTextProcessing 1.0.4.1); later
ones read numbers and signs differently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from threading import Lock
from typing import Literal

from tts.errors import SpeakingFailed

Language = Literal["zh", "en"]

PORTION = 200
"""Characters given to a grammar at a time: its search grows faster than its text, and no reading spans sentences."""

_PORTION_END = re.compile(r"(?<=[。！？；])|(?<=[.!?;])(?=\s)|(?<=\n)")
_TOKEN = re.compile(r'(?P<kind>\w+) \{(?P<fields>(?: *\w+: "(?:[^"\\]|\\.)*")+) *\}')
_FIELD = re.compile(r'\w+: "(?P<value>(?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

_DECADE = re.compile(r"\b(1[1-9])(\d0s)\b")
_SAID_OF_DECADES = {"00s": "hundreds", "10s": "tens"}
"""`1960s`, which the grammar as ported takes for siemens; from `19 60s` it reads what the original reads."""

_WORD, _MARK = "w", "p"
"""The English grammar's kinds of token that are read as they stand: a word, and marks with the spaces beside them."""

_one_at_a_time = Lock()
"""The transducers promise nothing about threads."""


def in_words(text: str, language: Language) -> str:
    """`text` as it is read out: `8:30` → `eight thirty`, `1/2` → `二分之一`. Chinese comes back simplified.

    Raises SpeakingFailed where the grammar finds no reading.
    """
    read = _chinese if language == "zh" else _english
    with _one_at_a_time:
        try:
            return "".join(_within_its_spaces(portion, read) for portion in _portions(text))
        except (AssertionError, IndexError, KeyError, RuntimeError, ValueError) as error:
            # what the grammars' runtime raises where no path leads through a text
            raise SpeakingFailed(f"A text of {len(text)} characters could not be put into words.") from error


def _within_its_spaces(portion: str, read: Callable[[str], str]) -> str:
    """The grammars drop the spaces around a text, and refuse one of spaces only."""
    bare = portion.strip()
    start = portion.find(bare)
    return portion[:start] + read(bare) + portion[start + len(bare) :] if bare else portion


def _chinese(text: str) -> str:
    from wetext import postprocess, preprocess, reorder, tag, verbalize

    tagged = tag(preprocess(text, traditional_to_simple=True), "zh", "tn")
    spoken: str = verbalize(reorder(tagged, "zh", "tn"), "zh", "tn", remove_erhua=False)
    return str(postprocess(spoken, full_to_half=True, remove_interjections=False))


def _english(text: str) -> str:
    """Words stand apart, marks as they were written.

    The verbaliser would set spaces around every mark (`don ' t`), so it is given only what lies between the marks.
    """
    from wetext import tag

    text = _DECADE.sub(lambda match: f"{match[1]} {_SAID_OF_DECADES.get(match[2], match[2])}", text)
    tokens = [(match["kind"], match["fields"]) for match in _TOKEN.finditer(tag(text, "en", "tn"))]
    if not tokens:
        raise ValueError("no reading")
    spoken = ""
    for is_mark, group in groupby(tokens, key=lambda token: token[0] == _MARK):
        run = list(group)
        spoken += "".join(_value(fields) for _, fields in run) if is_mark else _english_words(run)
    return spoken


def _english_words(tokens: list[tuple[str, str]]) -> str:
    from wetext import reorder, verbalize

    # most of any text is words only, which the verbaliser would leave as they are
    if all(kind == _WORD for kind, _ in tokens):
        return " ".join(_value(fields) for _, fields in tokens)
    tagged = " ".join(f"{kind} {{{fields} }}" for kind, fields in tokens)
    return str(verbalize(reorder(tagged, "en", "tn"), "en", "tn")).strip()


def _value(fields: str) -> str:
    return "".join(_ESCAPED.sub(r"\1", match["value"]) for match in _FIELD.finditer(fields))


def _portions(text: str) -> Iterator[str]:
    """Whole sentences, as many as `PORTION` holds; a longer sentence is cut at a space, or else anywhere."""
    portion = ""
    for sentence in _PORTION_END.split(text):
        if portion and len(portion) + len(sentence) > PORTION:
            yield portion
            portion = ""
        portion += sentence
        while len(portion) > PORTION:
            cut = portion.rfind(" ", 1, PORTION) + 1 or PORTION
            yield portion[:cut]
            portion = portion[cut:]
    if portion:
        yield portion
