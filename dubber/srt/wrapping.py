"""A line's text broken into the lines of a subtitle, as its language is read. What it says never changes here.

Least cost over all ways to break it, in squared columns: a line that is d columns off an even share costs d².
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from math import inf

from align.breaks import breaks
from align.clauses import clauses
from align.lines import PHRASE_SPACED, UNSPACED, column, is_cosmetic, joined
from dubber.srt.kinsoku import CLOSING, KANA, OPENING, badness, keeps_together

WIDTH = 42
"""Columns of a subtitle line: the usual limit of Latin scripts, and 21 of the wide characters of East Asia."""

LONGER_BELOW = 2
"""Columns by which the last line is liked longer than an even share, and the first shorter: it hides less picture."""

ONE_MORE, TOO_WIDE, PER_COLUMN = 1500.0, 5000.0, 200.0
"""What a line costs; what one over WIDTH costs on top, and each of its columns too many, squared: it is taken only
where no break avoids it."""

LONE = 250.0
"""What one word alone on a line costs: more than a pair of lines that are 11 columns off their share."""

PLAIN, NUMBER, HANGING = 150.0, 300.0, 500.0
"""What a break costs between two words; between a number and what it counts, or what is numbered; and after a word
that needs the next, as an article does. A comma is worth moving a break by 8 columns."""

LIKED = PLAIN / 2 / 0.15
"""What a break that align/breaks.py likes costs for each of its badness; the worst of them, 0.15, half of PLAIN."""

UNLIKED = 900.0
"""What the worst break costs that a script without spaces allows, inside what is probably a word."""

_BLANK = re.compile(r"[ \t\r\f\v]+")
_RUN = re.compile(r"\s+")
_MARKS = re.compile("[|｜]")


_TURN = re.compile(r"[-‐-―−] ?(?!\d)\S")
"""What marks who speaks in turn, at the start of a text."""

_NEXT_TURN = re.compile(r"(?<=[.!?…。！？»”\"）)]) (?=[-‐-―−] ?(?!\d)\S)")
"""Where the next one begins, in a text that begins so."""


@dataclass(frozen=True)
class _Place:
    """Where a text may be broken: a line may end at `end` and the next begin at `start`, at so much cost. `firm` where
    there is punctuation, so that one word may stand alone."""

    end: int
    start: int
    cost: float
    firm: bool = False


def wrapped(text: str, language: str) -> str:
    """The text in lines of at most WIDTH columns, as few and as even as they may be; any line breaks in it go first.

    `language` is a BCP 47 tag. Breaks are liked at marks and punctuation, then before clauses, and not after words
    that need the next one. Where several take turns, with dashes, each begins a line. Words and numbers stay whole,
    however wide; so does Thai between two spaces. Joined again (`align.lines.joined`), the lines are the text, but for
    spaces that Chinese and Japanese do without.
    """
    text = _BLANK.sub(" ", joined(text)).strip()
    if _TURN.match(text) and len(turns := _NEXT_TURN.split(text)) > 1:
        return "\n".join(wrapped(turn, language) for turn in turns)
    # Spaces that a line break may swallow are out of sight, so that a text is broken where it was broken before.
    swallowed = {
        at for run in _RUN.finditer(text) if is_cosmetic(text, *run.span()) for at in range(*run.span())
    }
    origin = [at for at in range(len(text)) if at not in swallowed]
    bare = "".join(text[at] for at in origin) if swallowed else text
    before = [0, *accumulate(map(column, bare))]
    if before[-1] <= WIDTH:
        return text
    edges = _Place(0, 0, 0.0, firm=True), _Place(len(bare), len(bare), 0.0, firm=True)
    lines = _least([edges[0], *_places(bare, language), edges[1]], bare, before)
    return "\n".join(text[origin[start] : origin[end - 1] + 1] for start, end in lines)


def _least(places: list[_Place], text: str, before: list[int]) -> list[tuple[int, int]]:
    """Where the lines start and end whose costs add up to the least; of equal ones, those that break earlier."""
    share = before[-1] / -(-before[-1] // WIDTH)
    starts = [before[one.start] for one in places]
    best: list[tuple[float, int]] = [(0.0, 0)]
    for at, end in enumerate(places[1:], 1):
        chosen = (inf, 0)
        # The shortest line is looked at even if it is over WIDTH.
        for number in range(min(bisect_left(starts, before[end.end] - WIDTH, 0, at), at - 1), at):
            start = places[number]
            wide = before[end.end] - before[start.start]
            wished = share + LONGER_BELOW * ((at == len(places) - 1) - (number == 0))
            cost = best[number][0] + end.cost + ONE_MORE + (wide - wished) ** 2
            if wide > WIDTH:
                cost += TOO_WIDE + PER_COLUMN * (wide - WIDTH) ** 2
            if not (start.firm and end.firm) and _is_lone(text[start.start : end.end]):
                cost += LONE
            if cost < chosen[0]:
                chosen = cost, number
        best.append(chosen)
    lines: list[tuple[int, int]] = []
    at = len(places) - 1
    while at:
        number = best[at][1]
        lines.append((places[number].start, places[at].end))
        at = number
    return lines[::-1]


def _is_lone(line: str) -> bool:
    """Whether a line is one word of a script that has spaces between words."""
    return " " not in line and not UNSPACED.search(line) and not PHRASE_SPACED.search(line)


def _places(text: str, language: str) -> Iterator[_Place]:
    """Where a text on one line may be broken, in order."""
    liked = _liked(text, language)
    hanging = clauses(language).hanging
    japanese = bool(KANA.search(text))
    for at in range(1, len(text) - 1):
        left, right = text[at - 1], text[at]
        if right == " ":
            cost = _at_space(text, at, liked, hanging)
            if cost is not None:
                yield _Place(at, at + 1, cost, firm=not left.isalnum())
        elif (UNSPACED.match(left) or UNSPACED.match(right)) and not keeps_together(text, at):
            yield _Place(at, at, liked.get(at, UNLIKED * badness(text, at, japanese=japanese)), firm=True)


def _liked(text: str, language: str) -> dict[int, float]:
    """What the breaks cost that align/breaks.py likes, by where lines end at them; those behind marks nothing."""
    liked: dict[int, float] = {}
    start = 0
    for mark in (*_MARKS.finditer(text), None):
        piece = text[start : mark.start() if mark else len(text)]
        plain, found = breaks(piece, language)
        if len(plain) == len(piece.strip()):
            lead = start + len(piece) - len(piece.lstrip())
            liked |= {lead + one.at: LIKED * one.badness for one in found}
        if mark:
            start = mark.end()
            liked[start] = 0.0
    return liked


def _at_space(text: str, at: int, liked: dict[int, float], hanging: frozenset[str]) -> float | None:
    """What a break at the space `text[at]` costs; None where there must be none."""
    left, right = text[at - 1], text[at + 1]
    word = text[text.rfind(" ", 0, at) + 1 : at]
    after = text[at + 1 : at + 1 + WIDTH].split(" ", 1)[0]
    if UNSPACED.match(left) or UNSPACED.match(right):
        return None  # it parts words: joined again, the lines would have lost it
    if left in OPENING or left.isspace() or right.isspace() or _MARKS.match(right):
        return None
    if right in CLOSING and not any(map(str.isalnum, after)):
        return None  # "Quoi ?"
    if len(word) == at and not any(map(str.isalnum, word)):
        return None  # the dash before what somebody says
    if right.isdigit() and word.rstrip(",.:;")[-1:].isdigit():
        return None  # "10 000"
    if at in liked:
        return liked[at]
    bare = word.strip("\"'“‘«¿¡([").casefold()
    if bare in hanging or bare.endswith("."):
        return HANGING
    return NUMBER if left.isdigit() or right.isdigit() else PLAIN
