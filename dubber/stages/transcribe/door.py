"""The one door to every recogniser: speech in, words with times out. Names no engine's insides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from align.types import Span, Word

if TYPE_CHECKING:
    from dubber.audio import AudioFile


@dataclass(frozen=True)
class Dropped:
    """Words that a recogniser gave and nobody said, as far as can be told: where, what, and why ("loop", "credits",
    "no speech", …)."""

    span: Span
    text: str
    why: str


@dataclass(frozen=True)
class Heard:
    """What was recognised: words in order of start, the language they are in (canonical BCP 47) with how sure that is
    (0..1; 1 where it was told), what was left out, and `unheard`: speech in which no words were understood."""

    words: tuple[Word, ...]
    language: str
    sure: float = 1.0
    dropped: tuple[Dropped, ...] = ()
    unheard: tuple[Span, ...] = ()


class Recogniser(Protocol):
    """A recognition engine behind the door."""

    @property
    def name(self) -> str:
        """Short and stable: the name that a person chooses it by."""

    def check(self, language: str) -> None:
        """Raises MissingError, before any work, where it does not understand `language` ("und": to be found), or where
        its packages or models are not on this machine. Loads nothing."""

    def digest(self) -> str:
        """Names everything that shapes the words besides sound, speech and language: code, library, model, options.
        Raises MissingError."""

    def recognise(
        self,
        audio: AudioFile,
        speech: Sequence[Span],
        language: str,
        progress: Callable[[float], None] = ...,
        quiet: AudioFile | None = None,
    ) -> Heard:
        """The words said in `speech` (sorted, disjoint, ms), each inside it or plainly heard beside it, with a
        confidence in 0..1.

        `quiet` is the same sound without music and effects, where there is such a stem: pauses and edges are sought
        in it, words in `audio`. `language` is canonical BCP 47, "und" where it is to be found. Raises MediaError,
        MissingError.
        """

    def close(self) -> None:
        """Lets go of the model's memory."""
