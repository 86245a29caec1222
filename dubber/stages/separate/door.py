"""The one door to every separator: the film's sound in, its speech stem out. Names no engine's insides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from align.types import Span

if TYPE_CHECKING:
    from dubber.audio import AudioFile


class Separator(Protocol):
    """A separation engine behind the door."""

    @property
    def name(self) -> str:
        """Short and stable: the name that a person chooses it by."""

    @property
    def needs_speech(self) -> bool:
        """Whether it has to be told where anybody speaks; one that has not is run before that is looked for."""

    def digest(self) -> str:
        """Names everything that shapes a stem besides the sound: code, libraries, weights. Raises MissingError."""

    def separate(
        self, source: AudioFile, speech: Sequence[Span], out: Path, progress: Callable[[float], None] = ...
    ) -> None:
        """Writes the speech stem of a 48 kHz `source` to `out`, as long and with as many channels (RF64, float32).

        The bed is source − stem, so that the two are the source again to the last bit of rounding. `progress` is
        called with 0..1. Raises MediaError, MissingError, SpaceError.
        """

    def close(self) -> None:
        """Lets go of the model's memory."""
