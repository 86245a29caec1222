"""What a chat model answered, read as far as it can be read: the wordings of each row by its id. Judges no wording."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_READ = 400_000
"""Characters of an answer that are looked at: ten times what the longest group can need."""

MOST_STARTS = 5_000
"""Braces at which an object is looked for: noise of nothing but braces must not take forever."""

MOST_KEPT = 6
"""Wordings of a row that are kept; three were asked for."""

_ID = "id"
_WORDINGS = ("w", "wordings", "wording", "translations", "translation")
"""Keys under which wordings are taken: small models return to the words they know best."""

_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)
_THOUGHT_END = re.compile(r"</think(?:ing)?>")
_DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True)
class Reply:
    """`rows`: the wordings by id, as they came; `twice`: ids that came more than once with different wordings;
    `text`: the answer without the model's thinking."""

    rows: Mapping[str, tuple[str, ...]]
    twice: frozenset[str]
    text: str


def read(answer: str, ids: frozenset[str]) -> Reply:
    """What `answer` says about `ids`, out of valid, fenced, half broken or talkative text."""
    text = without_thinking(answer[:MOST_READ])
    rows: dict[str, tuple[str, ...]] = {}
    twice: set[str] = set()
    for row in _objects(text):
        name = _id(row)
        wordings = _wordings(row)
        if name is None or name not in ids or wordings is None:
            continue
        if name in rows and rows[name] != wordings:
            twice.add(name)
        else:
            rows[name] = wordings
    return Reply(rows, frozenset(twice), text)


def without_thinking(answer: str) -> str:
    """The answer without what the model thought aloud, whether or not the thought's beginning or end was written."""
    text = _THOUGHT.sub("", answer)
    ends = list(_THOUGHT_END.finditer(text))
    return (text[ends[-1].end() :] if ends else text).strip()


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object in the text that has an id, in order, however deep in lists and objects it lies."""
    position, starts = text.find("{"), 0
    while position >= 0 and starts < MOST_STARTS:
        starts += 1
        try:
            value, end = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            end = position + 1
        else:
            yield from _rows(value)
        position = text.find("{", end)


def _rows(value: Any) -> Iterator[dict[str, Any]]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if _ID in one:
                yield one
                continue
            waiting += reversed(list(one.values()))
        elif isinstance(one, list):
            waiting += reversed(one)


def _id(row: Mapping[str, Any]) -> str | None:
    name = row[_ID]
    if isinstance(name, bool) or not isinstance(name, str | int):
        return None
    try:
        return str(name).strip()
    except ValueError:  # a number of thousands of digits
        return None


def _wordings(row: Mapping[str, Any]) -> tuple[str, ...] | None:
    found = next((row[key] for key in _WORDINGS if key in row), None)
    if isinstance(found, str):
        found = [found]
    if not isinstance(found, list):
        return None
    return tuple(one for one in found if isinstance(one, str))[:MOST_KEPT]
