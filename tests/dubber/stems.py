"""Films for tests of Demucs, and what it makes of them with the bags that a store holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from dubber.audio import AudioFile
from dubber.stages.separate.demucs import Demucs

FloatArray = npt.NDArray[np.float32]


def sound(samples: int, channels: int = 2, seed: int = 0) -> FloatArray:
    """Noise that swells, as loud on both sides but not the same, and a tone in the middle."""
    rng, at = np.random.default_rng(seed), np.arange(samples)[:, None]
    noise = rng.normal(0, 0.1, (samples, channels)) * (0.3 + np.abs(np.sin(at / 30_000)))
    made = noise + 0.1 * np.sin(at / 20)
    return np.asarray(made - made.mean(), np.float32)


def separated(tmp_path: Path, source: FloatArray, name: str = "htdemucs") -> FloatArray:
    soundfile.write(tmp_path / "source.wav", source, 48_000, subtype="FLOAT")
    with AudioFile(tmp_path / "source.wav") as audio:
        Demucs(name, device="cpu").separate(audio, [], tmp_path / "stem.wav")
    stem, rate = soundfile.read(tmp_path / "stem.wav", dtype="float32", always_2d=True)
    assert rate == 48_000
    return np.asarray(stem, np.float32)


def difference_db(one: FloatArray, other: FloatArray) -> float:
    """The largest difference, in dB of the other's largest sample."""
    return 20 * float(np.log10(max(1e-12, np.abs(one - other).max()) / np.abs(other).max()))
