"""The nouns of a subtitle file: Cue, Note, Subtitles. How they are read or written is not known here."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST = 100 * 3_600_000 - 1
"""Milliseconds of 99:59:59,999, the last moment that SRT's two digits of hours can name."""

MOST_NOTES = 10_000
"""Notes kept of one file; a person reads a few, and a hostile file would have millions."""


@dataclass(frozen=True)
class Cue:
    """One subtitle: when it shows, on the film's clock in integer milliseconds, and what it says.

    `text` holds its lines joined by a newline, without label or markup; `speaker` is the name its label gave.
    `line` is the line number of its times in the file it was read from, 0 where no file was.
    Raises ValueError unless 0 <= start <= end <= LONGEST.
    """

    start: int
    end: int
    text: str
    speaker: str | None = None
    line: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end <= LONGEST:
            raise ValueError(f"not the times of a cue: {self.start}..{self.end} ms")


@dataclass(frozen=True)
class Note:
    """Something in a file that was repaired, guessed or left out, and the line number where."""

    line: int
    message: str


@dataclass(frozen=True)
class Subtitles:
    """What a subtitle file holds: its cues in order of start, and notes in order of line."""

    cues: tuple[Cue, ...]
    notes: tuple[Note, ...] = ()
