"""What stretch promises: the length asked for to the sample, everything where it belongs, nothing lost."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import buzz

from tts.door import OUTPUT_RATE, FloatArray
from tts.prosody import f0_track
from tts.stretch import stretch

FACTORS = (0.7, 0.9, 0.997, 1.003, 1.1, 1.4)


def _bursts(at: tuple[float, ...], seconds: float, rate: int) -> FloatArray:
    sound = np.zeros(round(seconds * rate), np.float32)
    width = round(0.03 * rate)
    burst = 0.5 * np.sin(2 * np.pi * 700 * np.arange(width) / rate) * np.hanning(width)
    for second in at:
        start = round(second * rate)
        sound[start : start + width] = burst[: len(sound) - start]
    return sound


@pytest.mark.parametrize("rate", [22_050, OUTPUT_RATE])
@pytest.mark.parametrize("factor", FACTORS)
def test_bursts_land_where_they_should_and_none_is_lost(factor: float, rate: int) -> None:
    at = (0.0, 0.5, 1.1, 1.7, 2.3, 2.97)
    sound = _bursts(at, 3.0, rate)
    length = round(len(sound) * factor)
    made = stretch(sound, length, rate=rate)
    assert len(made) == length
    for second in at:
        middle = round((second + 0.015) * factor * rate)
        around = slice(max(0, middle - rate // 10), middle + rate // 10)
        power = made[around].astype(np.float64) ** 2
        centre = around.start + np.sum(np.arange(len(power)) * power) / power.sum()
        assert abs(centre - middle) < 0.005 * rate
        assert np.sqrt(power.sum()) > 0.5 * np.sqrt(np.sum(sound.astype(np.float64) ** 2) / len(at))


@pytest.mark.parametrize("factor", FACTORS)
def test_level_stays(factor: float) -> None:
    sound = buzz(130, 2.0, rate=OUTPUT_RATE)
    made = stretch(sound, round(len(sound) * factor))
    before, after = (np.sqrt(np.mean(np.square(x))) for x in (sound, made))
    assert abs(20 * np.log10(after / before)) < 1.0


def test_pitch_stays_unless_it_is_to_move() -> None:
    sound = buzz(130, 2.0, rate=OUTPUT_RATE)
    for transpose in (1.0, 0.9, 1.2):
        _, track = f0_track(stretch(sound, 70_000, transpose=transpose), OUTPUT_RATE)
        assert np.nanmedian(track) == pytest.approx(130 * transpose, rel=0.01)


@pytest.mark.parametrize("length", [0, 1, 480, 100_000])
@pytest.mark.parametrize("samples", [0, 1, 2, 100, 5_000])
def test_any_length_of_anything_is_exact_and_finite(samples: int, length: int) -> None:
    for sound in (
        np.zeros(samples, np.float32),
        buzz(200, samples / OUTPUT_RATE, rate=OUTPUT_RATE) if samples > 2 else np.ones(samples, np.float32),
    ):
        made = stretch(sound, length)
        assert made.dtype == np.float32
        assert made.shape == (length,)
        assert np.isfinite(made).all()


def test_silence_stays_silent() -> None:
    assert not stretch(np.zeros(20_000, np.float32), 17_000).any()


def test_the_same_sound_is_stretched_the_same_way() -> None:
    sound = buzz(130, 1.0, noise_db=10, rate=OUTPUT_RATE)
    assert np.array_equal(stretch(sound, 40_000), stretch(sound, 40_000))


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot stretch"):
        stretch(np.zeros(10, np.float32), -1)
    with pytest.raises(ValueError, match="cannot stretch"):
        stretch(np.zeros(10, np.float32), 10, transpose=0.0)
