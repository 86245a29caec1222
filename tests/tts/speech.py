"""References for the tests: voiced sound of a known pitch, range, tempo and level."""

import numpy as np

from tts.door import Reference

RATE = 16_000


def reference(
    f0: float = 120.0,
    *,
    semitones: float = 4.0,
    syllables: float = 4.0,
    level: float = -23.0,
    seconds: float = 3.0,
) -> Reference:
    """Pulses at `f0` Hz whose pitch swings over `semitones` in all, `syllables` a second, at `level` dBFS."""
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = f0 * 2 ** (semitones / 24 * np.sin(2 * np.pi * 0.7 * time))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    sound = sum(np.cos(k * phase) / k for k in range(1, 20))
    sound = sound * (0.02 + 0.98 * np.clip(np.sin(np.pi * syllables * time) ** 2, 0, 1))
    sound *= 10 ** (level / 20) / np.sqrt(np.mean(sound**2))
    return Reference(sound.astype(np.float32), RATE)
