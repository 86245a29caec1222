"""Everything that can go wrong for a person, as one tree of types: a sentence, what to do next, an exit status."""

from __future__ import annotations

from typing import ClassVar


class DubberError(Exception):
    """Base of all errors with a sentence for the person.

    `str(error)` is that one sentence; `hint` says what to do about it, or is None.
    """

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(DubberError):
    """Options or arguments that contradict each other or name nothing."""

    exit_status = 2


class MediaError(DubberError):
    """The input is no film we can read, or is damaged, or has no sound to work with."""

    exit_status = 3


class MissingError(DubberError):
    """A program, model, language or file that the work needs is not on this machine."""

    exit_status = 4


class SpaceError(DubberError):
    """A place cannot be written: the disk is full, read-only, or belongs to somebody else."""

    exit_status = 5


class InUseError(DubberError):
    """Another run holds this project."""

    exit_status = 6


class TranslationError(DubberError):
    """The translator failed, or what it returned cannot be used."""

    exit_status = 7


class SubtitleError(DubberError):
    """A subtitle file that cannot be understood; the message names the file and the line."""

    exit_status = 8


class SynthesisError(DubberError):
    """A line could not be spoken."""

    exit_status = 9


class BatchError(DubberError):
    """Some films of a batch failed; the others are done."""

    exit_status = 10


class BarError(DubberError):
    """A dub does not reach a bar that it was held to; the message names the bars."""

    exit_status = 11


class Interrupted(DubberError):  # noqa: N818 - asked for, not a fault
    """The person stopped the run; the project resumes where it was."""

    exit_status = 130
