"""What dubber.limiter promises: peaks under the ceiling, everything else untouched and in its place."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dubber.limiter import Limiter


def peak_dbtp(samples: np.ndarray) -> float:
    """True peak by ideal (whole-signal Fourier) interpolation to eight times the rate."""
    spectrum = np.fft.rfft(samples.astype(np.float64), axis=0)
    return 20 * math.log10(np.abs(np.fft.irfft(spectrum, 8 * len(samples), axis=0) * 8).max())


def limited(samples: np.ndarray, size: int = 48_000, ceiling: float = -1.0) -> tuple[np.ndarray, float]:
    limiter = Limiter(samples.shape[1], ceiling)
    parts = [limiter.push(samples[start : start + size]) for start in range(0, len(samples), size)]
    out = np.concatenate([*parts, limiter.finish()])
    assert out.shape == samples.shape and out.dtype == np.float32
    return out, limiter.reduction


def music(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise with music's falling spectrum and nothing above 20 kHz, stereo, with loud and soft stretches."""
    count = round(seconds * 48_000)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=(count, 2)), axis=0)
    hz = np.fft.rfftfreq(count, 1 / 48_000)[:, None]
    sound = np.fft.irfft(spectrum * (hz < 20_000) / np.sqrt(np.maximum(hz, 100)), count, axis=0)
    swell = 1.2 + np.sin(2 * math.pi * 0.7 * np.arange(count) / 48_000)[:, None]
    edges = np.clip(np.minimum(np.arange(count), np.arange(count)[::-1]) / 2400, 0, 1)[:, None]
    return np.asarray(sound / np.abs(sound).max() * swell * edges, dtype=np.float32)


@pytest.mark.parametrize("gain", [0.6, 1.0, 2.0])
@pytest.mark.parametrize("ceiling", [-1.0, -6.0])
def test_no_peak_passes_the_ceiling(gain: float, ceiling: float) -> None:
    sound = music(4) * np.float32(gain)
    out, reduction = limited(sound, ceiling=ceiling)
    assert peak_dbtp(sound) > ceiling + 1
    assert peak_dbtp(out) <= ceiling + 0.2
    assert reduction == pytest.approx(peak_dbtp(sound) - ceiling, abs=0.5)


@pytest.mark.parametrize("hz", [60, 440, 12_000])
def test_a_loud_tone_comes_out_at_the_ceiling(hz: int) -> None:
    t = np.arange(48_000) / 48_000
    tone = 1.8 * np.sin(2 * math.pi * hz * t + 0.78) * np.minimum(1, 20 * np.minimum(t, 1 - t))
    out, _ = limited(tone[:, None].astype(np.float32))
    assert peak_dbtp(out) == pytest.approx(-1.0, abs=0.2)


def test_what_is_under_the_ceiling_passes_bit_for_bit() -> None:
    sound = music(3) * np.float32(0.2)
    out, reduction = limited(sound)
    assert np.array_equal(out, sound)
    assert reduction == 0


def test_only_what_is_near_a_peak_is_touched_and_nothing_moves() -> None:
    sound = music(2) * np.float32(0.2)
    sound[48_000] = 1.5
    out, reduction = limited(sound)
    changed = np.flatnonzero((out != sound).any(axis=1))
    assert 48_000 - 1_000 < changed.min() < 48_000 < changed.max() < 48_000 + 1_000
    assert np.argmax(np.abs(out).max(axis=1)) == 48_000
    assert reduction > 3


def test_gain_is_never_more_than_one_and_the_same_in_both_channels() -> None:
    sound = music(2)
    out, _ = limited(sound)
    heard = np.abs(sound).min(axis=1) > 1e-3
    gains = out[heard] / sound[heard]
    assert gains.max() <= 1.0
    np.testing.assert_allclose(gains[:, 0], gains[:, 1], rtol=1e-5)


def test_the_gain_moves_smoothly() -> None:
    sound = music(2) * 2
    out, _ = limited(sound)
    heard = np.abs(sound[:, 0]) > 1e-2
    gains = np.interp(np.arange(len(sound)), np.flatnonzero(heard), out[heard, 0] / sound[heard, 0])
    assert np.abs(np.diff(gains)).max() < 0.01


@pytest.mark.parametrize("size", [1_000, 16_384, 33_333, 200_000])
def test_block_sizes_leave_no_trace(size: int) -> None:
    sound = music(2) * 2
    assert np.array_equal(limited(sound, size)[0], limited(sound, 777)[0])


@pytest.mark.parametrize("count", [0, 1, 100, 5_000])
def test_a_sound_shorter_than_the_look_ahead_keeps_its_length(count: int) -> None:
    sound = np.full((count, 2), 2.0, np.float32)
    out, _ = limited(sound)
    assert np.abs(out).max(initial=0.0) <= 10 ** (-1 / 20) + 1e-6


def test_peaks_at_both_ends_are_caught() -> None:
    sound = music(1) * np.float32(0.2)
    sound[0] = sound[-1] = 1.6
    out, _ = limited(sound)
    assert np.abs(out).max() <= 10 ** (-1 / 20) + 1e-6
