"""The one door to every voice: a batch of requests goes in, takes come out, in order. Names no engine's insides."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

from tts.errors import VoiceError

FloatArray = npt.NDArray[np.float32]

OUTPUT_RATE = 48_000
"""Hz. Every take leaves the door mono at this rate, whatever the engine's own rate is."""


@dataclass(frozen=True)
class Reference:
    """A recording to learn from: mono float32 samples in -1..1, shape (n,), at `rate` Hz."""

    samples: FloatArray
    rate: int

    @property
    def digest(self) -> str:
        """sha256 (hex) of rate and samples: the same sound has the same digest on every machine."""
        hasher = hashlib.sha256(f"{self.rate}:".encode())
        hasher.update(np.ascontiguousarray(self.samples, dtype="<f4").tobytes())
        return hasher.hexdigest()


EMOTIONS = ("happy", "angry", "sad", "afraid", "disgusted", "melancholic", "surprised", "calm")
"""What the eight values of an emotion vector stand for, in order."""

EmotionSource = Reference | Sequence[float] | str
"""A recording to take the manner from; eight values from 0 up, as EMOTIONS orders them; or a description in words."""


@dataclass(frozen=True)
class Voice:
    """A speaker as one engine hears them (timbre). `digest` names everything that shaped it."""

    engine: str
    digest: str
    data: Any = field(repr=False, compare=False)


@dataclass(frozen=True)
class Emotion:
    """How a line is to be said, as one engine hears it (prosody). `digest` names everything that shaped it."""

    engine: str
    digest: str
    data: Any = field(repr=False, compare=False)


@dataclass(frozen=True)
class SpeechRequest:
    """One line to speak.

    `language` is a BCP 47 tag the engine lists; `target` the exact length wanted in samples at
    OUTPUT_RATE, or None for the natural length; `seed` alone decides the outcome where an engine draws
    at random.
    """

    text: str
    language: str
    voice: Voice
    emotion: Emotion | None = None
    target: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Take:
    """One line spoken: mono float32 samples in -1..1, shape (n,), at OUTPUT_RATE.

    `natural` is the length in samples at which this engine spoke, or would speak, the line without a
    target. Where a target was given, `samples` has exactly that many. `notes` reports how the length
    was reached, e.g. {"rate_wpm": 190, "stretch": 1.02}; under DOUBT, a few words on why the take should be
    listened to before it is trusted.
    """

    samples: FloatArray = field(repr=False)
    natural: int
    target: int | None
    notes: Mapping[str, float | int | str] = field(default_factory=dict)


DOUBT = "doubt"
"""The note of a take that the engine itself does not trust."""

Result = TypeVar("Result")


def result(outcome: Result | VoiceError) -> Result:
    """What a request came to. Raises the VoiceError that it came to instead."""
    if isinstance(outcome, VoiceError):
        raise outcome
    return outcome


class Engine(Protocol):
    """A voice engine behind the door."""

    @property
    def name(self) -> str:
        """Short and stable: it is written into projects."""

    @property
    def digest(self) -> str:
        """Names everything of the engine that shapes speech: code version, library version, weights."""

    @property
    def batch(self) -> int:
        """How many requests one call should hold, for the engine to run at its best."""

    @property
    def draws(self) -> bool:
        """Whether the engine draws at random, so that another seed gives another take; False where every seed gives
        the same one, and asking twice would be asking in vain."""

    @property
    def usual_voice(self) -> Voice | None:
        """The engine's own voice, for somebody who is never heard; None where it can only follow a reference."""

    def languages(self) -> Mapping[str, str]:
        """BCP 47 tag -> the engine's own code for every language it speaks."""

    def speaks(self, language: str) -> bool:
        """Whether `speak` takes this BCP 47 tag: one of `languages()`, or one that names a variety of one."""

    def voice(self, reference: Reference) -> Voice:
        """The timbre of a reference. Raises BadReference."""

    def emotion(self, source: EmotionSource, *, strength: float = 1.0) -> Emotion:
        """The manner of a source, strength 0 (ignore it) to 1 (all of it).

        Raises BadReference, NotOffered for a kind of source that this engine cannot follow, and ValueError for
        a strength outside 0..1 and a vector that is none.
        """

    def speak(self, requests: Sequence[SpeechRequest]) -> list[Take | VoiceError]:
        """What each request came to, in order: a take, or LanguageNotSpoken, NothingToSay or SpeakingFailed.
        One bad request costs the others nothing; `result` unwraps one."""

    def measure(self, requests: Sequence[SpeechRequest]) -> list[int | VoiceError]:
        """The natural length in samples at OUTPUT_RATE of each request, whatever its target, without the cost of
        making sound where the engine can tell without; in order, errors as of `speak`."""


@runtime_checkable
class Judge(Protocol):
    """An engine that can tell how alike voices and manners are, with the models it has loaded anyway."""

    def timbre_likeness(self, take: Take, voice: Voice) -> float:
        """Cosine, -1..1, of the take's speaker embedding and the voice's. Raises BadReference for a silent take."""

    def emotion_likeness(self, take: Take, emotion: Emotion) -> float:
        """Cosine, -1..1, of the take's emotion vector and the emotion's. Raises BadReference for a silent take."""
