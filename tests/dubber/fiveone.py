"""Sounds for films in surround, a dub for their centre, and how alike two channels are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from reels import RATE, Sound, channels
from spoken import say

from dubber.media import Film

SECONDS = 5
LENGTH = SECONDS * RATE
NOTHING = np.zeros(LENGTH)
CODEC_DELAY = RATE // 1000
"""Samples (1 ms) by which a channel may lie beside its place."""


def tone(hertz: float, level: float = 0.1) -> Sound:
    """A tone that swells slowly and twice as fast as no other: it correlates with itself in one place only."""
    time = np.arange(LENGTH) / RATE
    return np.asarray(
        level * np.sin(2 * np.pi * hertz * time) * (1.1 + np.sin(2 * np.pi * hertz / 77 * time)) / 2
    )


def speech(*at: tuple[float, str], pitch: int = 40) -> Sound:
    """eSpeak saying each text from its second on."""
    sound = np.zeros(LENGTH)
    for second, text in at:
        said = soxr.resample(say(text, pitch=pitch).astype(np.float64), 16_000, RATE)[
            : LENGTH - round(second * RATE)
        ]
        sound[round(second * RATE) :][: len(said)] += 0.3 * said
    return sound


TALK = speech((0.5, "Good morning, and welcome to the harbour."))
DUB = speech((0.6, "Buenos días a todos en el puerto."), pitch=60)
FL, FR, LFE, BL, BR, SL, SR = (tone(hertz) for hertz in (440, 660, 50, 990, 1320, 1760, 550))
BED = tone(330, 0.02)
FIVE_ONE = (FL, FR, TALK + BED, LFE, BL, BR)
KEPT = (0, 1, 3, 4, 5)


def centred(film: Film, tmp_path: Path, sound: Sound = DUB + BED) -> Path:
    """A dub as the mixer writes it: the same in both channels, as long as the film."""
    path = tmp_path / "dub.wav"
    samples = np.zeros((film.duration * RATE // 1000, 2), np.float32)
    samples[: len(sound)] = sound[: len(samples), None]
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    return path


def correlation(one: Sound, other: Sound) -> tuple[float, int]:
    """Pearson's correlation of two channels where it is greatest, and by how many samples the second lies behind."""
    length = min(len(one), len(other))
    one, other = (np.float32(side[:length] - side[:length].mean()) for side in (one, other))
    size = 1 << (2 * length).bit_length()
    match = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size)), size)
    lag = int(np.argmax(match))
    return float(match[lag] / np.sqrt(np.sum(one**2) * np.sum(other**2))), lag - size if lag > length else lag


def assert_kept(film: Film, made: Film, kept: tuple[int, ...] = KEPT) -> None:
    """Every channel but the centre is the film's own, in its place."""
    before, after = channels(film), channels(made)
    for channel in kept:
        alike, lag = correlation(before[:, channel], after[:, channel])
        assert alike > 0.999, channel
        assert abs(lag) <= CODEC_DELAY, channel
        assert np.std(after[:, channel]) == pytest.approx(np.std(before[: len(after), channel]), rel=0.01)
