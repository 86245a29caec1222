"""What tests of the engine share: recordings, quick options, and how takes are compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sounds import buzz

from tts.door import OUTPUT_RATE, Reference, SpeechRequest, Take, result
from tts.errors import (
    VoiceError,
)
from tts.indextts2.engine import IndexTTS2
from tts.indextts2.synthesis import Options

RATE = 24_000


QUICK = Options(steps=2, rows=4)


FLOAT_NOISE = 2e-3
"""Of a full-scale sample: what other matrix shapes in a batch of another size leave in samples at most."""


every_version = pytest.mark.parametrize("version", ["2.0", "2.5"])
"""For tests of what every version promises."""


def recording(f0: float, seconds: float = 1.5) -> Reference:
    return Reference(buzz(f0, seconds, noise_db=20, rate=RATE), RATE)


def takes(outcomes: Sequence[Take | VoiceError]) -> list[Take]:
    return [result(outcome) for outcome in outcomes]


def same(a: Take, b: Take) -> bool:
    return (
        a.notes == b.notes
        and a.natural == b.natural
        and len(a.samples) == len(b.samples)
        and float(np.abs(a.samples - b.samples).max()) < FLOAT_NOISE
    )


def one(engine: IndexTTS2, request: SpeechRequest) -> Take:
    return takes(engine.speak([request]))[0]


class Shelf:
    """Keeps what it is given, and counts what is asked for."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def put(self, key: str, data: bytes) -> None:
        self.kept[key] = data


def resampled(reference: Reference) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    import soxr

    samples: np.ndarray[tuple[int], np.dtype[np.float32]] = soxr.resample(
        reference.samples, reference.rate, OUTPUT_RATE
    )
    return samples
