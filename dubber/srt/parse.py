"""An SRT file to cues: where each begins and ends, whatever editors and hands have done to it. Nothing is written here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from dubber.errors import MissingError, SubtitleError, UsageError
from dubber.srt import times
from dubber.srt.cue import Cue, Note, Subtitles
from dubber.srt.decode import decode
from dubber.srt.foreign import blank_webvtt, refuse_foreign
from dubber.srt.rolling import is_rolling
from dubber.srt.text import CONTROL, LINE_SEPARATOR, SOUND, VOICE, name_of, split_label, turns
from dubber.srt.write import normalise

LARGEST = 24 << 20
"""Bytes. 200,000 cues, a hundred films' worth, are about 16 MiB; what is larger is no subtitle file."""

SETTING = re.compile(r"(?:[XY][12]|align|line|position|size|vertical|region):\S*", re.IGNORECASE)
"""Where on the picture a cue is shown, written after its times by old SRT tools and by WebVTT."""

LOST_TIMES = re.compile(r"\d{1,3}:\d{1,2}:\d{1,2}[,.]\d")
DIGITS_OF_NUMBER = 9
"""A longer row of digits is text; so it need not be read as a number, which takes Python quadratic time."""

EDIT_HINT = "Times are written 00:01:02,500 --> 00:01:04,000."


class Timing(NamedTuple):
    """The line index of a cue's times, the times in milliseconds, and what else was on that line."""

    at: int
    start: int
    end: int
    rest: str


def read(path: Path) -> Subtitles:
    """The cues of a subtitle file.

    Raises UsageError where there is no such file, MissingError where it cannot be opened, and SubtitleError,
    naming the file and the line, where it cannot be understood.
    """
    try:
        if not path.is_file():
            raise UsageError(f"There is no subtitle file {_printable(str(path))}.", hint="Check the path.")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise MissingError(
            f"The subtitle file {_printable(str(path))} cannot be read: {error.strerror}.",
            hint="Check its permissions and the disk.",
        ) from error
    return parse(data, path.name)


def parse(data: bytes | str, name: str) -> Subtitles:
    """The cues in the contents of a subtitle file; `name` is what errors call it.

    What can be read in one way only is repaired and noted: bad marks in times, missing or extra blank lines, disorder,
    code pages, control characters. Numbers are not looked at but to find where cues begin. What cannot is an error:
    negative times, an end before its start, a cue without times.

    Raises SubtitleError, its message naming file and line.
    """
    name = _printable(name)
    if len(data) > LARGEST:
        raise SubtitleError(
            f"{name}, line 1: the file is over {LARGEST >> 20} MiB, too large for subtitles.",
            hint="Give a subtitle file (.srt).",
        )
    text, guessed = decode(data, name) if isinstance(data, bytes) else (data.removeprefix("\ufeff"), ())
    notes = list(guessed)
    lines = _lines(text, notes)
    refuse_foreign(lines, name)
    webvtt = blank_webvtt(lines)

    def fail(at: int, what: str, hint: str = EDIT_HINT) -> SubtitleError:
        return SubtitleError(f"{name}, line {at + 1}: {what}.", hint=hint)

    timings = _timings(lines, notes, webvtt, fail)
    if not timings:
        first = next((at for at, line in enumerate(lines) if line), None)
        raise fail(
            0,
            "the file holds no cues" if first is None else "the file holds no cues, only text without times",
        )
    cues = _cues(lines, timings, notes, fail)
    if not cues:
        raise fail(0, "the file holds no cues with text", "Write something into a cue.")
    ordered = tuple(sorted(cues, key=lambda cue: cue.start))
    if is_rolling(ordered):
        notes.append(
            Note(1, "lines come again from cue to cue, as in captions that roll; each would be spoken again")
        )
    return Subtitles(ordered, tuple(sorted(notes, key=lambda note: note.line)))


def _lines(text: str, notes: list[Note]) -> list[str]:
    """The lines of a text as an editor counts them, stripped, without control characters.

    U+2028 and its like part lines within a cue, later; here only where the text has no other line ends.
    """
    text = text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    if "\n" not in text:
        text = LINE_SEPARATOR.sub("\n", text)
    lines = text.replace("\ufeff", "").split("\n")
    if CONTROL.search(text):
        for at, line in enumerate(lines):
            plain = CONTROL.sub("", line)
            if plain != line:
                notes.append(Note(at + 1, "control characters were taken out"))
                lines[at] = plain
    return [line.strip() for line in lines]


def _timings(
    lines: list[str], notes: list[Note], webvtt: bool, fail: Callable[..., SubtitleError]
) -> list[Timing]:
    """The lines that hold a cue's times, in the order of the file."""
    timings = []
    for at, line in enumerate(lines):
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
                raise fail(at, str(error)) from error
            if not webvtt:
                notes.append(Note(at + 1, f"times read as {times.write(*found[:2])}"))
        start, end, rest = found
        if end < start:
            raise fail(at, "the cue ends before it starts", "Correct one of its two times.")
        if end == start:
            notes.append(Note(at + 1, "the cue has no length"))
        if timings and start < timings[-1].start:
            notes.append(Note(at + 1, "the cue starts before the one above it; sorted by time"))
        if rest and all(map(SETTING.fullmatch, rest.split())):
            rest = ""
        elif rest:
            notes.append(Note(at + 1, "what follows the times on their line was read as text"))
        timings.append(Timing(at, start, end, rest))
    return timings


def _cues(
    lines: list[str], timings: list[Timing], notes: list[Note], fail: Callable[..., SubtitleError]
) -> list[Cue]:
    """The cues of the file in its order, empty ones left out."""
    cues: list[Cue] = []
    sounds: set[str] = set()
    head, number = _head(lines, 0, timings[0].at, None)
    if _body(lines, 0, head, 0, notes, fail):
        notes.append(Note(1, "text before the first cue was left out"))
    for timing, after in zip(timings, [*timings[1:], None], strict=True):
        low = timing.at + 1
        own = number
        head, number = _head(lines, low, after.at, own) if after else (len(lines), None)
        body = _body(lines, low, head, own, notes, fail, last=after is None)
        if after and body and lines[head - 1]:
            notes.append(Note(head + 1, "no blank line parts this cue from the one above"))
        cue = _cue(timing, body)
        if cue.text:
            cues.append(cue)
            _note_speakers(cue, sounds, notes)
        else:
            notes.append(Note(cue.line, "an empty cue was left out"))
    return cues


def _head(lines: list[str], low: int, at: int, previous: int | None) -> tuple[int, int | None]:
    """Where the cue with its times on line index `at` begins, not before `low`, and its number if it has one.

    A row of digits above the times is the number, not the end of the text above, if a blank line parts it from that
    text, or it counts on from the `previous` number, or the cues are numbered and it is not all that the text is.
    """
    above = at - 1
    while above >= low and not lines[above]:
        above -= 1
    number = _number(lines[above]) if above >= low else None
    if number is None:
        return at, None
    parted = above == 0 or not lines[above - 1]
    next_up = number == (previous or 0) + 1
    if above < at - 1:
        return (above, number) if parted and next_up else (at, None)
    if parted or next_up or (previous is not None and above > low):
        return above, number
    return at, None


def _body(
    lines: list[str],
    low: int,
    head: int,
    number: int | None,
    notes: list[Note],
    fail: Callable[..., SubtitleError],
    *,
    last: bool = False,
) -> list[str]:
    """The lines of text between a cue's times, its number being `number`, and the head of the next."""
    body: list[str] = []
    for at in range(low, head):
        line = lines[at]
        if not line:
            continue
        if (at == 0 or not lines[at - 1]) and (body or number == 0):
            following = lines[at + 1] if at + 1 < head else ""
            counts_on = _number(line) is not None and _number(line) == (number or 0) + 1
            if LOST_TIMES.match(line) or (_number(line) is not None and LOST_TIMES.match(following)):
                raise fail(at if LOST_TIMES.match(line) else at + 1, "the times of a cue lack their arrow")
            if counts_on and following:
                raise fail(at, f"cue {line} has no times")
            if counts_on and last and not any(lines[at + 1 : head]):
                notes.append(Note(at + 1, "the file ends after a cue's number; it was left out"))
                break
            if body:
                notes.append(Note(at + 1, "a blank line inside the text of a cue was taken out"))
        body.append(line)
    return body


def _number(line: str) -> int | None:
    return int(line) if line.isdecimal() and len(line) <= DIGITS_OF_NUMBER else None


def _cue(timing: Timing, body: list[str]) -> Cue:
    text = "\n".join([timing.rest, *body])
    if "<v" in text:
        text = VOICE.sub(lambda voice: f"[{name_of(voice.group(1)) or 'Voice'}] ", text)
    return normalise(Cue(timing.start, timing.end, text, line=timing.at + 1))


def _note_speakers(cue: Cue, sounds: set[str], notes: list[Note]) -> None:
    """Notes what a person may have meant otherwise: several speakers in one cue, a name written small."""
    if "\n" in cue.text and turns(cue.text) + bool(cue.speaker and split_label(cue.text)[0] is None) > 1:
        notes.append(Note(cue.line, "several speakers share this cue; one voice will speak it"))
    if not cue.text.startswith("["):
        return
    sound = SOUND.match(cue.text)
    if sound and sound.group() not in sounds and cue.text[sound.end() :].strip(" ")[:1] not in ("", "\n"):
        sounds.add(sound.group())
        notes.append(
            Note(
                cue.line,
                f"{sound.group()[:40]} is taken for a sound; the name of a speaker begins with a capital",
            )
        )


def _printable(name: str) -> str:
    """The name fit for a sentence: line ends, controls and undecodable bytes of hostile file names made visible."""
    return "".join(char if char.isprintable() else "\ufffd" for char in name)
