"""Where a text may be taken apart to be spoken with a pause, and how little one likes it there. Knows no time."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

from align.clauses import ABBREVIATIONS, Clauses, clauses
from align.lines import PHRASE_SPACED, UNSPACED

MARK = "|"
"""A break that a person or the translator has marked, as in "Come in | and sit down"."""

_MARKS = re.compile("[|｜]")
"""The mark, and its wide form from Chinese, Japanese and Korean keyboards."""

SENTENCE, STOP, COMMA, CLAUSE, JOIN, ADJUNCT, PAIR = 0.0, 0.01, 0.02, 0.05, 0.09, 0.11, 0.15
"""How bad a break is at a sentence's end; at ; : — …; at a comma or bracket; before a clause; before "and" with a
pronoun or article after it; before an adjunct; before another "and", which may join mere words ("salt and pepper").
On the scale of align/phrases.py: 0.01 is a line whose phrases are 10 % off their shares."""

LONGEST = 2000
"""Characters. A longer text, two minutes of speech, is no line: nothing but marks parts it."""

_CLOSING, _OPENING = "\"'”’»›)]}」』）】", "\"'“‘«‹„([{¿¡「『（【"
_ENDS, _STOPS, _COMMAS = ".!?。！？．؟۔।॥։።၊။", ";:…—–；：‥؛·", ",،、，՝፣"
_AROUND = (_OPENING + _CLOSING + _ENDS + _STOPS + _COMMAS).replace("'", "").replace("’", "")
_APOSTROPHES = frozenset("'’ʼ")
_TIGHT = re.compile(
    rf"(?:[。！？；：，、‥…]|\.{{3}}|—)+[{re.escape(_CLOSING)}]*(?=[^\s{re.escape(_CLOSING)}])"
)
"""Punctuation after which a text goes on without a space."""
_LETTERS = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]\.")
_NUMBER = re.compile(r"[\d.,:]+")
_NO_SPACE_BEFORE = frozenset(",.)]}”、。，！？；：」』،؟؛")


@dataclass(frozen=True)
class Break:
    """A place in a text: `text[:at]` may end a phrase, and `text[at:]` begin one, at so much `badness` (0 is none).

    `firm` where there is a mark or punctuation, so that even one word may stand alone before or behind it.
    """

    at: int
    badness: float
    firm: bool = True
    marked: bool = False


def unmarked(text: str) -> str:
    """The text as it is read and said, without marks; the spaces around one become what they were without it.

    A mark between two letters stood for a space, but in scripts that have none. Line breaks stay. A text without
    marks is returned as it is.
    """
    if not _MARKS.search(text):
        return text
    return "".join(part for pair in _pieces(text) for part in pair)


def breaks(text: str, language: str) -> tuple[str, tuple[Break, ...]]:
    """The text on one line without marks, and the breaks that it allows, in order, each inside the text.

    `language` is a BCP 47 tag; of one that align/clauses.py has no words for, only punctuation is known. Never inside
    a number, between an abbreviation and a name, or after a word that needs the next one. A text over LONGEST has no
    breaks but its marks.
    """
    parts = [(" " if glue else "") + " ".join(piece.split()) for glue, piece in _pieces(text)]
    marks = list(accumulate(map(len, parts)))
    plain = "".join(parts)
    best: dict[int, Break] = {}
    if len(plain) <= LONGEST:
        known = clauses(language)
        for one in (*_spaced(plain, known), *_tight(plain), *_patterns(plain, known)):
            if one.at not in best or one.badness < best[one.at].badness:
                best[one.at] = one
    best.update({at: Break(at, 0.0, marked=True) for at in _sounding(plain, marks)})
    return plain, tuple(best[at] for at in sorted(best))


def word_count(text: str) -> int:
    """Words of a text, 0 if there is nothing to say; in scripts without spaces two characters or more count as one."""
    spaced = sum(any(map(str.isalnum, token)) for token in text.split())
    return (
        max(spaced, len(UNSPACED.findall(text)) // 2, len(PHRASE_SPACED.findall(text)) // 4) if spaced else 0
    )


def _pieces(text: str) -> list[tuple[str, str]]:
    """The pieces between marks, each with what joins it to the one before: "", a space or a line break."""
    pieces: list[tuple[str, str]] = []
    between, sides = "", 0
    for piece in _MARKS.split(text):
        bare = piece.strip()
        lead = piece[: len(piece) - len(piece.lstrip())]
        if bare:
            glue = _glue(pieces[-1][1], bare, between + lead, sides + bool(lead)) if pieces else ""
            pieces.append((glue, bare))
            between, sides = piece[len(lead) + len(bare) :], 0
            sides = int(bool(between))
        else:
            between += piece
            sides += bool(piece)
    return pieces


def _glue(before: str, after: str, between: str, sides: int) -> str:
    """What stands between two pieces where a mark was; `between` is the white space that it had, on so many sides."""
    if "\n" in between:
        return "\n"
    left, right = _visible(reversed(before)), _visible(after)
    if right in _NO_SPACE_BEFORE or left in "([{¿¡“„«‹" or (left in _APOSTROPHES and sides < 2):
        return ""
    if UNSPACED.match(left) or UNSPACED.match(right):
        return ""
    if between:
        return " "
    if PHRASE_SPACED.match(left) or left in "-‐–—" or not (right.isalnum() or right in _OPENING):
        return ""
    return " "


def _visible(characters: Iterable[str]) -> str:
    """The first character that is no mark of direction or the like; a space if all are."""
    return next((one for one in characters if unicodedata.category(one) != "Cf"), " ")


def _sounding(plain: str, marks: Iterable[int]) -> list[int]:
    """Those of `marks` (ascending) with something to be said between each other and the text's ends."""
    kept: list[int] = []
    start, heard = 0, False
    for mark in marks:
        heard = heard or any(map(str.isalnum, plain[start:mark]))
        start = mark
        if heard:
            kept.append(mark)
            heard = False
    if kept and not any(map(str.isalnum, plain[kept[-1] :])):
        kept.pop()
    return kept


def _spaced(plain: str, known: Clauses) -> Iterator[Break]:
    """The breaks at single spaces."""
    tokens = plain.split(" ")
    at = 0
    for i, (left, right) in enumerate(pairwise(tokens)):
        at += len(left) + bool(i)
        following = tokens[i + 2] if i + 2 < len(tokens) else ""
        if not _in_number(left, right) and not _is_dash(right):
            badness = _punctuated(left, right)
            if badness is not None:
                yield Break(at, badness)
            elif not left.endswith("."):  # one that ends no sentence: "Dr.", "J.", "3."
                badness = _worded(left, right, following, known, first=i == 0)
                if badness is not None:
                    yield Break(at, badness, firm=False)


def _in_number(left: str, right: str) -> bool:
    """Whether a space stands inside "3, 4", "10 000" or "3 - 4"."""
    return right[:1].isdigit() and (_is_dash(left) or left.rstrip(",.:;")[-1:].isdigit())


def _is_dash(token: str) -> bool:
    return token != "" and not token.strip("-‐–—−")


def _punctuated(left: str, right: str) -> float | None:
    """How bad a break between two tokens is by the punctuation there; None where there is none."""
    bare = left.rstrip(_CLOSING)
    last, opened = bare[-1:], right.lstrip(_OPENING)
    if not bare or not opened:
        return None
    if _is_dash(left) or last in _STOPS or bare.endswith("..."):
        return STOP
    if last in _ENDS:
        small = opened[:1].islower()
        if last == ".":
            word = bare[:-1].lstrip(_OPENING).casefold()
            short = word in ABBREVIATIONS or _LETTERS.fullmatch(bare.lstrip(_OPENING)) or word.isdigit()
            return None if short or small else SENTENCE
        return STOP if small else SENTENCE
    if last in _COMMAS:
        return None if opened.rstrip(".,").casefold() in ("jr", "sr") else COMMA
    if left[-1:] in ")]）" or right[:1] in "([（" or (right[0] in "–—" and bare[-1:].isalnum()):
        return COMMA
    if PHRASE_SPACED.match(left[-1:]) and PHRASE_SPACED.match(right[:1]):
        return COMMA
    return None


def _worded(left: str, right: str, following: str, known: Clauses, *, first: bool) -> float | None:
    """How bad a break between two words is by what they are; None where there must be none."""
    before, after, then = _bare(left), _bare(right), _bare(following)
    if not before or before in known.hanging or before in known.openers or before in known.joiners:
        return None
    if f"{before} {after}" in known.openers:
        return None
    if {after, _elided(after), f"{after} {then}", f"{after} {_elided(then)}"} & known.openers:
        return CLAUSE
    if after in known.joiners:
        if _joins_names(left, following, first):
            return None
        return JOIN if then in known.hanging or then in known.openers else PAIR
    return ADJUNCT if {after, _elided(after)} & known.adjuncts else None


def _joins_names(left: str, right: str, first: bool) -> bool:
    """Whether "and" stands between two names or two numbers: "Ortega y Gasset", "3 y 4"."""
    names = left[:1].isupper() and right[:1].isupper() and not first
    return names or bool(_NUMBER.fullmatch(left) and _NUMBER.match(right))


def _bare(token: str) -> str:
    """A word in small letters, without the punctuation around it; the apostrophe of an elision stays."""
    return token.strip(_AROUND).replace("’", "'").casefold()


def _elided(word: str) -> str:
    """What is left of the first of two words that an elision made one: "qu'" of "qu'il"."""
    return word[: word.find("'") + 1]


def _tight(plain: str) -> Iterator[Break]:
    """The breaks behind punctuation that no space follows."""
    for found in _TIGHT.finditer(plain):
        mark = found.group().rstrip(_CLOSING)[-1:]
        if found.start() == 0 or (plain[found.start() - 1].isdigit() and plain[found.end()].isdigit()):
            continue
        if mark in "—…." and plain[found.start() - 1] == " ":
            continue  # opens what follows: "Ven —dijo—"
        yield Break(found.end(), SENTENCE if mark in "。！？" else COMMA if mark in _COMMAS else STOP)


def _patterns(plain: str, known: Clauses) -> Iterator[Break]:
    """The breaks that a language's patterns find, in scripts without spaces or behind the endings of clauses."""
    if known.before:
        yield from (
            Break(one.start(), CLAUSE, firm=False) for one in re.finditer(known.before, plain) if one.start()
        )
    if known.after:
        ends = (one.end() for one in re.finditer(known.after, plain))
        yield from (Break(at, CLAUSE, firm=False) for at in ends if at < len(plain))
