"""The line that holds a cue's times: finding, reading, writing and hiding it. Files are not known here."""

from __future__ import annotations

import re

from pysrt import SubRipTime

from dubber.srt.cue import LONGEST

ARROW = re.compile(r"[-\u2010-\u2015\u2212](?:[ \t]?[-\u2010-\u2015\u2212]){0,3}[ \t]?[>＞]")
"""`-->` and what becomes of it under fingers and word processors: `->`, `-- >`, `—>`."""

STRICT = re.compile(
    r"(\d\d):(\d\d):(\d\d)[,.](\d{3}) --> (\d\d):(\d\d):(\d\d)[,.](\d{3})(?:[ \t]+(\S.*))?", re.ASCII
)

# \s{0,3}, not \s*: a megabyte of spaces must not be looked at twice.
TIME = re.compile(
    r"([-+\u2212]?)\s{0,3}(?:(\d{1,9})\s{0,3}:\s{0,3})?(\d{1,9})\s{0,3}:\s{0,3}(\d{1,2})(?:\s{0,3}([,.:;])\s{0,3}(\d{1,9}))?(?!\S)"
)
TIMELIKE = re.compile(r"[-+\u2212]?\s{0,3}\d{1,9}\s{0,3}:\s{0,3}\d")

FOREIGN_MARKS = str.maketrans({"：": ":", "，": ",", "．": ".", "；": ";", "＞": ">", "٫": ",", "،": ","})
"""Full-width and Arabic marks to those of SRT; digits of any script are digits to Python already."""

Times = tuple[int, int, str]
"""Start and end in milliseconds, and what follows them on the line."""


def read_strict(line: str) -> Times | None:
    """The times of a line written by the book, `00:00:01,500 --> 00:00:02,000`; None for any other line."""
    match = STRICT.fullmatch(line)
    if not match:
        return None
    h, m, s, ms, h2, m2, s2, ms2, rest = match.groups()
    if max(m, s, m2, s2) > "59":
        return None
    start = SubRipTime(int(h), int(m), int(s), int(ms)).ordinal
    return start, SubRipTime(int(h2), int(m2), int(s2), int(ms2)).ordinal, rest or ""


def split(line: str) -> tuple[str, str] | None:
    """What stands left and right of the arrow of a line that gives a cue's times, well or badly; else None."""
    line = line.translate(FOREIGN_MARKS) if not line.isascii() else line
    arrow = ARROW.search(line)
    if not arrow:
        return None
    left, right = line[: arrow.start()].strip(), line[arrow.end() :].strip()
    sides = bool(TIMELIKE.match(left)) + bool(TIMELIKE.match(right))
    return (left, right) if sides == 2 or (sides == 1 and arrow.group() == "-->") else None


def read_loose(left: str, right: str) -> Times:
    """The times that `split` found. Raises ValueError, saying in a clause what is wrong, for what is no time."""
    start, rest = _time(left)
    if rest:
        raise ValueError(f"'{_short(left)}' is not a time")
    end, rest = _time(right)
    return start, end, rest


def _time(text: str) -> tuple[int, str]:
    match = TIME.match(text)
    if not match:
        raise ValueError(f"'{_short(text)}' is not a time" if text else "a time is missing")
    sign, hours, minutes, seconds, mark, fraction = match.groups()
    if sign in ("-", "\u2212"):
        raise ValueError(f"the time '{match.group()}' is negative")
    if mark == ":" and len(fraction) != 3:
        raise ValueError(f"'{match.group()}' may count frames, which is no time without a frame rate")
    ms = (int((fraction or "0")[:4].ljust(4, "0")) + 5) // 10
    time = SubRipTime(int(hours or 0), int(minutes), int(seconds), ms).ordinal
    if time > LONGEST:
        raise ValueError(f"the time '{match.group()}' is past 99 hours")
    return time, text[match.end() :].strip()


def write(start: int, end: int) -> str:
    """The times of a cue, in milliseconds, as SRT writes them."""
    return f"{SubRipTime.from_ordinal(start)} --> {SubRipTime.from_ordinal(end)}"


def hide(line: str) -> str:
    """The line with its arrow made `→` if a reader would take it for a cue's times."""
    return ARROW.sub("→", line) if split(line) else line


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
