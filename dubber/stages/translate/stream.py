"""Apertium's stream format: many lines through one process, with none able to touch its neighbour.

Starts no process and knows nothing of languages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_BREAK = "\0"
"""Null flush: every part of the pipe finishes what it holds before it reads on."""

_ESCAPED = frozenset("^$@/\\[]{}<>")
"""The characters that the stream format gives a meaning; a backslash takes it away."""

_LAID_OUT = frozenset("*#@+~")
"""Characters that mean something even when escaped, or look like the marks on unknown words in the result.
They travel as layout (a "superblank"), which every part passes on untouched."""

_MARKS = frozenset("*#@")
"""What Apertium puts before a word it could not analyse, generate or find in its bilingual dictionary."""

_SENTENCE_END = re.compile(r"[.!?…]['\"”’»)\]]*$")
WORD = re.compile(r"[^\W_](?:[\w'’·-]*\w)?")
"""A word as the marks before one mean it."""


@dataclass(frozen=True)
class Decoded:
    """One line as the engine gave it back, without marks, and the words that had carried one."""

    text: str
    unknown: tuple[str, ...]


def encode(lines: Sequence[str]) -> bytes:
    """The lines (no control characters in them) as one stream for `apertium -z -f none`.

    Each gets the full stop it may lack, since the engine reads a sentence differently without, and its
    own number as layout at its end.
    """
    return "".join(f"{_escaped(line)}{_stop(line)}[{n}]{_BREAK}" for n, line in enumerate(lines)).encode()


def decode(raw: bytes, lines: Sequence[str]) -> list[Decoded]:
    """What came back for `encode(lines)`, line by line, without the full stops that were added.

    Raises ValueError, with what is wrong, unless each line came back in its place with its own number.
    """
    try:
        answers = raw.decode("utf-8").split(_BREAK)
    except UnicodeDecodeError as error:
        raise ValueError(f"its answer is not UTF-8 (byte {error.start})") from error
    # At the end of its input every part of the pipe flushes once more: breaks with nothing before them.
    while len(answers) > len(lines) and not answers[-1].strip():
        answers.pop()
    if len(answers) != len(lines):
        raise ValueError(f"{len(lines)} lines went in and {len(answers)} came back")
    return [_read(answer, n, line) for n, (answer, line) in enumerate(zip(answers, lines, strict=True))]


def _escaped(line: str) -> str:
    return "".join(_escape(character) for character in line)


def _escape(character: str) -> str:
    backslash = "\\" if character in _ESCAPED else ""
    return f"[{backslash}{character}]" if character in _LAID_OUT else backslash + character


def _stop(line: str) -> str:
    return "" if _SENTENCE_END.search(line) else "."


def _read(answer: str, number: int, line: str) -> Decoded:
    """Undo the escapes, take out marks and the line's number."""
    text, unknown, numbers = "", [], []
    position = 0
    while position < len(answer):
        character = answer[position]
        if character == "[":
            layout, position = _layout(answer, position)
            if layout.isdigit():
                numbers.append(int(layout))
                text = text.removesuffix(_stop(line)) if numbers == [number] else text
            else:
                text += layout
            continue
        escaped = character == "\\" and position + 1 < len(answer)
        if escaped:
            position += 1
            character = answer[position]
        position += 1
        # A real @ travels as layout, so an escaped one is a mark as well.
        if character in _MARKS and (not escaped or character == "@"):
            if word := WORD.match(answer, position):
                unknown.append(word[0])
            continue
        text += character
    if numbers != [number]:
        raise ValueError(f"line {number + 1} came back without its end, or with another line's")
    return Decoded(text, tuple(dict.fromkeys(unknown)))


def _layout(answer: str, start: int) -> tuple[str, int]:
    """The content of the layout block that opens at `start`, and where it ends."""
    content, position = "", start + 1
    while position < len(answer) and answer[position] != "]":
        position += answer[position] == "\\"
        content += answer[position : position + 1]
        position += 1
    return content, position + 1
