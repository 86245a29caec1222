"""A line cut into parts that a sentence model can take, and whether its answer is stuck. Loads no model."""

from __future__ import annotations

import re
from collections.abc import Iterator

LONG = 160
"""Characters from which on a line is cut: sentence models leave out the end of what is longer than what they learnt."""

MOST_CHARACTERS = 240
"""Of a part: a sentence that is longer is cut between words, or anywhere where it has none."""

UNSPACED = frozenset({"zh", "ja", "th", "lo", "km", "my"})
"""Languages that put no space between sentences."""

ROUNDS = 4
"""Times that the same words come in a row from which on a model is stuck; people say "no, no, no"."""

_SENTENCE = re.compile(r".+?(?:[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？]+[」』”]*|\Z)\s*", re.DOTALL)
_CLAUSE = re.compile(r".+?(?:[,;:](?=\s)|[，、；：]|\s[–—-](?=\s)|\Z)\s*", re.DOTALL)
_WORD = re.compile(r"[^\W_]+|[^\s\w]")


def parts(text: str) -> list[str]:
    """The text whole where it is short; else its sentences, joined as far as they fit in LONG, and cut themselves where
    one is longer than MOST_CHARACTERS. Together they are the text, but for spaces at the cuts."""
    if len(text) <= LONG:
        return [text]
    small: list[str] = []
    for sentence in _SENTENCE.findall(text):
        if len(sentence) <= MOST_CHARACTERS:
            small.append(sentence)
            continue
        for clause in _CLAUSE.findall(sentence):
            small.extend(_hard_cut(clause))
    joined: list[str] = []
    for one in small:
        if joined and len(joined[-1]) + len(one) <= LONG:
            joined[-1] += one
        else:
            joined.append(one)
    return [one.strip() for one in joined if one.strip()]


def loops(text: str, source: str) -> bool:
    """Whether the same one to eight words come ROUNDS times in a row, and do not in the source."""
    return _rounds(text) >= max(ROUNDS, 2 * _rounds(source))


def _hard_cut(text: str) -> Iterator[str]:
    """The text in runs of at most MOST_CHARACTERS, between words where there are any."""
    while len(text) > MOST_CHARACTERS:
        at = text.rfind(" ", 1, MOST_CHARACTERS) + 1 or MOST_CHARACTERS
        yield text[:at]
        text = text[at:]
    yield text


def _rounds(text: str) -> int:
    """How often in a row the same one to eight words come, at most."""
    words = [word.casefold() for word in _WORD.findall(text)]
    most = 1
    for size in range(1, 9):
        same = 0  # words that equal the one `size` before them, in a row
        for word, before in zip(words[size:], words, strict=False):
            same = same + 1 if word == before else 0
            most = max(most, 1 + same // size)
    return most
