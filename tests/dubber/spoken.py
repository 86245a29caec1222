"""Speech for the tests, spoken by eSpeak NG in memory: mono float32 at 16 kHz, trimmed to its sound."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tts import espeaklib

RATE = 16_000

VOICES = {"en-us": "gmw/en-US", "es": "roa/es", "de": "gmw/de", "fr": "roa/fr"}


def say(text: str, *, voice: str = "en-us", pitch: int = 50, wpm: int = 150) -> npt.NDArray[np.float32]:
    """`text` from the first sample above 1 % of its peak to the last: the same in every process."""
    import soxr

    name, _, variant = voice.partition("+")
    known = VOICES.get(name, name) + (f"+{variant}" if variant else "")
    raw, rate = espeaklib.speak(text, known, wpm=wpm, pitch=pitch, pitch_range=50)
    sound = soxr.resample(raw, rate, RATE)
    heard = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
    return np.asarray(sound[heard[0] : heard[-1] + 1], np.float32)
