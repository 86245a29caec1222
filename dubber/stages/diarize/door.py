"""The one door to every diarizer: where anybody speaks in, who speaks when out. Names no engine's insides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from align.types import Span

if TYPE_CHECKING:
    from dubber.audio import AudioFile


@dataclass(frozen=True, order=True)
class Turn:
    """A stretch in which one speaker speaks, by number: 0 is who speaks first in the film."""

    span: Span
    speaker: int


@dataclass(frozen=True)
class Diarization:
    """Who speaks when: `turns` in order of start; `overlaps` where more than one voice is heard at once (sorted,
    disjoint); `centroids`, one per speaker, unit vectors of the embeddings' width (none from an engine without)."""

    turns: tuple[Turn, ...]
    overlaps: tuple[Span, ...] = ()
    centroids: tuple[tuple[float, ...], ...] = ()


class Diarizer(Protocol):
    """A diarization engine behind the door."""

    @property
    def name(self) -> str:
        """Short and stable: the name that a person chooses it by."""

    @property
    def on_phrases(self) -> bool:
        """Whether it takes each span it is given for one voice (then they are phrases between pauses), or finds the
        changes of speaker inside spans of speech itself."""

    def digest(self) -> str:
        """Names everything that shapes the answer besides sound, spans and count. Raises MissingError."""

    def diarize(
        self,
        audio: AudioFile,
        spans: Sequence[Span],
        speakers: int | None,
        progress: Callable[[float], None] = ...,
    ) -> Diarization:
        """Who speaks in `spans` (sorted, disjoint, ms); `speakers` says how many do, None that it is to be found.

        The same sound gives the same answer on every run. Raises ValueError where `speakers` is below 1, MediaError.
        """

    def close(self) -> None:
        """Lets go of the model's memory."""
