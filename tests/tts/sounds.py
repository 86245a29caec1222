"""Sounds made for the tests: buzzes that stand for voices. Mono float32; no speech, no files."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tts.door import FloatArray, Reference

RATE = 16_000


def buzz(
    f0: float | npt.NDArray[np.float64], seconds: float, *, noise_db: float | None = None, rate: int = RATE
) -> FloatArray:
    """A harmonic tone of one pitch, or of a pitch per sample, peak 0.2; `noise_db` is its distance from white noise."""
    samples = round(seconds * rate)
    pitch = np.broadcast_to(np.asarray(f0, dtype=np.float64), (samples,))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    sound = np.zeros(samples)
    for harmonic in range(1, 25):
        sound += np.where(harmonic * pitch < 0.45 * rate, np.cos(harmonic * phase) / harmonic, 0.0)
    sound *= 0.2 / np.abs(sound).max()
    if noise_db is not None:
        spread = np.sqrt(np.mean(sound**2)) * 10 ** (-noise_db / 20)
        sound = sound + np.random.default_rng(7).standard_normal(samples) * spread
    return sound.astype(np.float32)


def speaker(
    f0: float = 120.0,
    *,
    semitones: float = 4.0,
    syllables: float = 4.5,
    level: float = -23.0,
    seconds: float = 3.0,
) -> Reference:
    """Somebody who says ma-ma-ma: pitch swings over about `semitones`, `syllables` a second, at `level` dBFS."""
    clock = np.arange(round(seconds * RATE)) / RATE
    pitch = f0 * 2 ** (semitones / 24 * np.sin(2 * np.pi * 0.7 * clock))
    sound = buzz(pitch, seconds) * (0.55 - 0.45 * np.cos(2 * np.pi * syllables * clock))
    sound *= 10 ** (level / 20) / np.sqrt(np.mean(sound**2))
    return Reference(sound.astype(np.float32), RATE)
