"""A glossary: its file, read; which entries occur in which lines; whether a translation has what an entry asks for."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dubber.errors import SubtitleError, UsageError
from dubber.srt.decode import decode
from dubber.stages.translate import typography
from dubber.stages.translate.door import Term

MOST_BYTES = 1 << 20
MOST_TERMS = 10_000

_DELIMITERS = "\t;,"
_HEADERS = (
    {"source", "term", "original", "from"},
    {"target", "translation", "to", ""},
    {"note", "notes", "comment", ""},
)
"""What the columns of a first row may be called for it to be none of the entries."""

_SHAPE = "Each row is: source,target or source,target,note; a source alone is kept as it is."

_KEY = 3
"""First characters by which the lengths are known that an entry may have; shorter ones have fewer."""

_ENDINGS = 2
"""Letters that a word may have more in the text than in the glossary ("wizards")."""

_INFLECTED = 4
"""Letters from which on a word is inflected; shorter ones must be exactly as they are."""

_STEM = 0.7
"""Share of a target's word that must be found in a translation: endings change with the sentence."""


def read(path: Path) -> tuple[Term, ...]:
    """The entries of a glossary file; see `parse`. Raises UsageError also for a file that cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"The glossary {path} cannot be read: {error.strerror}.") from error
    return parse(data, path.name)


def parse(data: bytes, name: str) -> tuple[Term, ...]:
    """The entries of a glossary file's bytes, in order, each once: source, target and an optional note in columns that
    commas, semicolons or tabs divide, in any encoding that a subtitle file may have. A row from # on is a comment.

    Raises UsageError naming the line: not text, too large, too many columns, no source, one source with two targets.
    """
    if len(data) > MOST_BYTES:
        raise UsageError(f"The glossary {name} is larger than {MOST_BYTES >> 20} MB.", hint=_SHAPE)
    try:
        text, _ = decode(data, name)
    except SubtitleError as error:
        raise UsageError(f"{error}", hint="A glossary is a text file (.csv), best in UTF-8.") from error
    terms: dict[str, Term] = {}
    lines: dict[str, int] = {}
    for line, cells in _rows(text, name):
        if not terms and _is_header(cells):
            continue
        term = _term(cells, f"{name}, line {line}")
        key = term.source.casefold()
        if terms.setdefault(key, term).target != term.target:
            raise UsageError(
                f"{name}, line {line}: {term.source!r} is {term.target!r} here and {terms[key].target!r} on line "
                f"{lines[key]}.",
                hint="Leave one of the two; a note can say when another word is meant.",
            )
        lines.setdefault(key, line)
        if len(terms) > MOST_TERMS:
            raise UsageError(
                f"{name}, line {line}: a glossary has at most {MOST_TERMS:,} entries.",
                hint="Keep those that occur in this film.",
            )
    return tuple(terms.values())


def _rows(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """The line that each row begins on, from 1, and its cells, cleaned, without empty ones at its end."""
    lines = list(_without_comments(io.StringIO(text, newline=None)))
    reader = csv.reader(lines, delimiter=_delimiter(lines), skipinitialspace=True, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UsageError(
                f"{name}, line {line}: this row cannot be read ({error}).",
                hint='A cell with a quotation mark in it is written in quotation marks: "5"" screws".',
            ) from error
        cells = [typography.clean(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield line, cells


def _without_comments(lines: Iterable[str]) -> Iterator[str]:
    """The lines, with comments made empty so that the others keep their numbers."""
    quotes = 0
    for line in lines:
        if quotes % 2 == 0 and line.lstrip().startswith("#"):
            yield "\n"
            continue
        quotes += line.count('"')
        yield line


def _delimiter(lines: Sequence[str]) -> str:
    """What divides the columns: of the marks in the first row that has any, the one least typed in a text."""
    for line in lines:
        for mark in _DELIMITERS:
            if mark in line:
                return mark
    return ","


def _is_header(cells: Sequence[str]) -> bool:
    return len(cells) > 1 and all(
        cell.casefold() in known for cell, known in zip(cells, _HEADERS, strict=False)
    )


def _term(cells: Sequence[str], where: str) -> Term:
    if len(cells) > len(_HEADERS):
        raise UsageError(f"{where}: there are {len(cells)} columns.", hint=_SHAPE)
    source, target, note = (*cells, "", "")[:3]
    if not source:
        raise UsageError(f"{where}: the source is missing.", hint=_SHAPE)
    return Term(source, target or source, note)


_UNSPACED = (
    ("\u0e00", "\u0eff"),  # Thai, Lao
    ("\u1000", "\u109f"),  # Burmese
    ("\u1780", "\u17ff"),  # Khmer
    ("\u2e80", "\u9fff"),  # Chinese, kana
    ("\uf900", "\ufaff"),
    ("\U00020000", "\U0003ffff"),
)


class Index:
    """The entries of a glossary, ready to be looked up in many lines."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self._terms: dict[str, dict[int, Term]] = {}
        self._lengths: dict[str, set[int]] = {}
        for place, term in enumerate(terms):
            source = _folded(term.source)
            self._terms.setdefault(source, {})[place] = term
            self._lengths.setdefault(source[:_KEY], set()).add(len(source))

    def relevant(self, texts: Iterable[str]) -> tuple[Term, ...]:
        """The entries whose source occurs in any of the texts, in the glossary's order. Case does not count, and a word
        may have another ending by a letter or two."""
        found: dict[int, Term] = {}
        for text in texts:
            folded = _folded(text)
            for start in _starts(folded):
                for key in range(1, _KEY + 1):
                    for length in self._lengths.get(folded[start : start + key], ()):
                        source = folded[start : start + length]
                        if key in (length, _KEY) and _ends(folded, start + length, source):
                            found |= self._terms.get(source, {})
        return tuple(found[place] for place in sorted(found))


def obeyed(term: Term, wording: str) -> bool:
    """Whether the wording has the entry's target, in whatever case, inflection or compound."""
    said = _bare(wording)
    return all(_stem(word) in said for word in _bare(term.target).split())


def _starts(text: str) -> Iterator[int]:
    """Where an entry may begin: at every word, and at every character of scripts that put no spaces between words."""
    for place, char in enumerate(text):
        if not char.isspace() and (place == 0 or not text[place - 1].isalnum() or _unspaced(char)):
            yield place


def _ends(text: str, end: int, source: str) -> bool:
    """Whether `source` ends as a word where it ends in the text, but for an ending."""
    if not source[-1].isalnum() or _unspaced(source[-1]):
        return True
    more = 0
    while end + more < len(text) and text[end + more].isalnum():
        more += 1
        if more > _ENDINGS:
            return False
    return more == 0 or (len(source) >= _INFLECTED and source[-1].isalpha())


def _unspaced(char: str) -> bool:
    """Whether the character is of a script that is written without spaces between words."""
    return any(first <= char <= last for first, last in _UNSPACED)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold().replace("’", "'")


def _bare(text: str) -> str:
    """In small letters without accents: inflection moves those too."""
    apart = unicodedata.normalize("NFD", _folded(text))
    return "".join(char for char in apart if unicodedata.category(char) != "Mn")


def _stem(word: str) -> str:
    return word if len(word) < _INFLECTED else word[: max(_INFLECTED - 1, round(_STEM * len(word)))]
