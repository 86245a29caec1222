"""An SRT file to cues: where each begins and ends, whatever editors and hands did to it. Nothing is written here."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from dubber.errors import MissingError, SubtitleError, UsageError
from dubber.srt import times
from dubber.srt.cue import MOST_NOTES, Cue, Note, Subtitles
from dubber.srt.decode import decode
from dubber.srt.foreign import blank_webvtt, refuse_foreign
from dubber.srt.rolling import is_rolling
from dubber.srt.text import CONTROL, LINE_SEPARATOR, VOICE, is_shared, leading_sound, name_of, stray_percent
from dubber.srt.writer import normal

LARGEST = 24 << 20
"""Bytes. 200,000 cues, a hundred films' worth, are about 16 MiB; what is larger is no subtitle file."""

MOST_CUES = 400_000
"""Twice what the size is made for: a file of nothing but the shortest cues must not fill the memory."""

SETTING = re.compile(r"(?:[XY][12]|align|line|position|size|vertical|region):\S*", re.IGNORECASE)
"""Where on the picture a cue is shown, written after its times by old SRT tools and by WebVTT."""

LOST_TIMES = re.compile(r"\d{1,3}:\d{1,2}:\d{1,2}[,.]\d")
DIGITS_OF_NUMBER = 9
"""A longer row of digits is text, so that nobody makes an integer of a megabyte of them."""

TIMES_HINT = "Write the times of a cue as 00:01:02,500 --> 00:01:04,000."


class _Page(NamedTuple):
    """A file being read: what errors call it, its lines, and what has been noted so far. `at` counts from 0."""

    name: str
    lines: list[str]
    notes: list[Note]

    def note(self, at: int, message: str) -> None:
        if len(self.notes) < MOST_NOTES:
            self.notes.append(Note(at + 1, message))
        elif len(self.notes) == MOST_NOTES:
            self.notes.append(Note(at + 1, "there was more to note in this file than is listed"))

    def error(self, at: int, what: str, hint: str = TIMES_HINT) -> SubtitleError:
        return SubtitleError(f"{self.name}, line {at + 1}: {what}.", hint=hint)


class _Timing(NamedTuple):
    """The index of the line with a cue's times, these in milliseconds, and what text stands behind them."""

    at: int
    start: int
    end: int
    rest: str


def read(path: Path) -> Subtitles:
    """The cues of a subtitle file.

    Raises what `load` raises, and SubtitleError, naming the file and the line, where it cannot be understood.
    """
    return parse(load(path), path.name)


def load(path: Path) -> bytes:
    """The contents of a subtitle file, one byte more than the largest that `parse` takes at the most.

    Raises UsageError where there is no such file, MissingError where it cannot be opened.
    """
    try:
        if not path.is_file():
            raise UsageError(f"There is no subtitle file {_printable(str(path))}.", hint="Check the path.")
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise MissingError(
            f"The subtitle file {_printable(str(path))} cannot be read: {error.strerror}.",
            hint="Check its name, its permissions and the disk.",
        ) from error


def parse(data: bytes | str, name: str) -> Subtitles:
    """The cues in the contents of a subtitle file; `name` is what errors call it.

    What can be read in one way only is repaired and noted: odd marks in times, missing or extra blank lines,
    disorder, old code pages, control characters. What cannot is an error: negative times, an end before its
    start, a cue without times. Numbers serve to find where cues begin and for nothing else.

    Raises SubtitleError, its message naming file and line.
    """
    page = _Page(_printable(name), [], [])
    if len(data) > LARGEST:
        raise page.error(
            0, f"the file is over {LARGEST >> 20} MiB, too large for subtitles", "Give an SRT file."
        )
    text, guessed = decode(data, page.name) if isinstance(data, bytes) else (data, ())
    page.notes.extend(guessed)
    _fill(page, text)
    refuse_foreign(page.lines, page.name)
    webvtt = blank_webvtt(page.lines)

    timings = _timings(page, webvtt)
    if not timings:
        raise page.error(
            0, "the file holds no cues" + (", only text without times" if any(page.lines) else "")
        )
    cues = _cues(page, timings)
    if not cues:
        raise page.error(0, "the file holds no cues with text", "Write something into a cue.")
    cues.sort(key=lambda cue: cue.start)
    if is_rolling(cues):
        page.note(0, "lines come again from cue to cue, as in captions that roll; each would be spoken again")
    return Subtitles(tuple(cues), tuple(sorted(page.notes, key=lambda note: note.line)))


def _fill(page: _Page, text: str) -> None:
    """Fills the page with the lines of a text as an editor counts them, stripped, without control characters.

    U+2028 and its like part lines within a cue, later; here only where the text has no other line ends.
    """
    text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    if "\n" not in text:
        text = LINE_SEPARATOR.sub("\n", text)
    page.lines.extend(map(str.strip, text.split("\n")))
    if CONTROL.search(text):
        for at, line in enumerate(page.lines):
            if CONTROL.search(line):
                page.note(at, "control characters were taken out")
                page.lines[at] = CONTROL.sub("", line).strip()


def _timings(page: _Page, webvtt: bool) -> list[_Timing]:
    """The lines that hold a cue's times, in the order of the file."""
    timings: list[_Timing] = []
    for at, line in enumerate(page.lines):
        if ">" not in line and "＞" not in line:
            continue
        found = times.read_strict(line)
        if not found:
            sides = times.split(line)
            if not sides:
                continue
            try:
                found = times.read_loose(*sides)
            except ValueError as error:
                raise page.error(at, str(error)) from error
            if not webvtt:
                page.note(at, f"times read as {times.write(*found[:2])}")
        start, end, rest = found
        if end < start:
            raise page.error(at, "the cue ends before it starts", "Correct one of its two times.")
        if end == start:
            page.note(at, "the cue has no length")
        if timings and start < timings[-1].start:
            page.note(at, "the cue starts before the one above it; sorted by time")
        if rest and all(map(SETTING.fullmatch, rest.split())):
            rest = ""
        elif rest:
            page.note(at, "what follows the times on their line was read as text")
        if len(timings) == MOST_CUES:
            raise page.error(
                at, f"the file holds over {MOST_CUES:,} cues, too many for subtitles", "Split the file."
            )
        timings.append(_Timing(at, start, end, rest))
    return timings


def _cues(page: _Page, timings: list[_Timing]) -> list[Cue]:
    """The cues of the file in its order, empty ones left out."""
    cues: list[Cue] = []
    sounds: set[str] = set()
    head, number = _head(page.lines, 0, timings[0].at, None)
    if _body(page, range(head), 0):
        page.note(0, "text before the first cue was left out")
    for timing, after in zip_longest(timings, timings[1:]):
        low, own = timing.at + 1, number
        head, number = _head(page.lines, low, after.at, own) if after else (_end(page, low, own), None)
        body = _body(page, range(low, head), own)
        if after and body and page.lines[head - 1]:
            page.note(head, "no blank line parts this cue from the one above")
        cue = _cue(timing, body)
        if not cue.text:
            page.note(timing.at, "an empty cue was left out")
            continue
        cues.append(cue)
        if is_shared(cue.text, cue.speaker):
            page.note(timing.at, "several speakers share this cue; one voice will speak it")
        if stray := stray_percent(cue.text):
            page.note(
                timing.at,
                f"{stray} is taken for a sound; the strength of an emotion is [0%] to [100%] at the text's start",
            )
        sound = leading_sound(cue.text)
        if sound and sound not in sounds:
            sounds.add(sound)
            page.note(timing.at, f"{sound} is taken for a sound; the name of a speaker begins with a capital")
    return cues


def _head(lines: list[str], low: int, at: int, previous: int | None) -> tuple[int, int | None]:
    """Where the cue with its times on line index `at` begins, not before `low`, and its number if it has one.

    A row of digits above the times is the number, not the end of the text above, if a blank line parts it from
    that text, or it counts on from the `previous` number, or cues are numbered here and the text has more lines.
    """
    above = at - 1
    while above >= low and not lines[above]:
        above -= 1
    number = _number(lines[above]) if above >= low else None
    if number is None:
        return at, None
    parted = above == 0 or not lines[above - 1]
    counts_on = number == (previous or 0) + 1
    touching = above == at - 1
    is_number = (parted and counts_on) or (
        touching and (parted or counts_on or (previous is not None and above > low))
    )
    return (above, number) if is_number else (at, None)


def _end(page: _Page, low: int, previous: int | None) -> int:
    """Where the text of the last cue ends: before the number of one more, if the file was cut off there."""
    lines, end = page.lines, len(page.lines)
    while end > low and not lines[end - 1]:
        end -= 1
    if end - 1 > low and not lines[end - 2] and _number(lines[end - 1]) == (previous or 0) + 1:
        page.note(end - 1, "the file ends after the number of a cue")
        return end - 1
    return end


def _body(page: _Page, between: range, number: int | None) -> list[str]:
    """The lines of text between the times of cue `number` and the head of the next; 0 is the part before all cues.

    Raises SubtitleError where what follows a blank line is a cue whose times were lost.
    """
    lines = page.lines
    body: list[str] = []
    for at in between:
        line = lines[at]
        if not line:
            continue
        if (body or number == 0) and (at == 0 or not lines[at - 1]):
            found = _number(line)
            following = lines[at + 1] if at + 1 < between.stop else ""
            counts_on = found is not None and found == (number or 0) + 1
            if LOST_TIMES.match(line):
                raise page.error(at, "the times of a cue lack their arrow")
            if found is not None and LOST_TIMES.match(following):
                raise page.error(at + 1, "the times of a cue lack their arrow")
            if counts_on and following:
                raise page.error(at, f"cue {line} has no times")
            if body:
                page.note(at, "a blank line inside the text of a cue was taken out")
        body.append(line)
    return body


def _number(line: str) -> int | None:
    return int(line) if len(line) <= DIGITS_OF_NUMBER and line.isdecimal() else None


def _cue(timing: _Timing, body: list[str]) -> Cue:
    text = "\n".join([timing.rest, *body]) if timing.rest else "\n".join(body)
    if "<v" in text:
        text = VOICE.sub(lambda voice: f"[{name_of(voice.group(1)) or ''}] ", text)
    text, speaker = normal(text)
    return Cue(timing.start, timing.end, text, speaker, timing.at + 1)


def _printable(name: str) -> str:
    """The name fit for a sentence: the line ends, controls and undecodable bytes of hostile names made visible."""
    return "".join(char if char.isprintable() else "\ufffd" for char in name)
