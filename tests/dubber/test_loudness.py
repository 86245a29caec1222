"""What dubber.loudness promises: the standard's numbers, whatever the block size."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest

from align.types import Span
from dubber.audio import AudioFile, AudioWriter
from dubber.loudness import Loudness, Meter, PeakMeter, k_weighting, loudness_of, measure, true_peak


def noise(seconds: float, channels: int = 2, rate: int = 48_000, seed: int = 0) -> np.ndarray:
    samples = np.random.default_rng(seed).normal(0, 0.1, (round(seconds * rate), channels))
    return samples.astype(np.float32)


def sine(hz: float, seconds: float, rate: int = 48_000) -> np.ndarray:
    return np.sin(2 * math.pi * hz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def syllables(seconds: float, rate: int = 48_000) -> np.ndarray:
    """A buzz with the rhythm and the pauses of speech, one channel."""
    t = np.arange(round(seconds * rate)) / rate
    buzz = sum(np.sin(2 * math.pi * 130 * k * t) / k for k in range(1, 30))
    rhythm = np.maximum(0, np.sin(2 * math.pi * 2.1 * t)) * (np.sin(2 * math.pi * 0.23 * t) > -0.4)
    return (0.1 * buzz * rhythm).astype(np.float32)[:, None]


def test_the_filters_are_the_standards_table_at_48_khz() -> None:
    shelf, high_pass = k_weighting(48_000)
    assert shelf == pytest.approx(
        (1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585), abs=1e-9
    )
    assert high_pass == pytest.approx((1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621), abs=1e-9)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_a_full_scale_sine_in_one_channel_reads_minus_3_01(rate: int) -> None:
    left = sine(997, 5, rate)
    stereo = np.stack([left, np.zeros_like(left)], axis=1)
    assert loudness_of(stereo, rate).integrated == pytest.approx(-3.01, abs=0.01)
    assert loudness_of(left, rate).integrated == pytest.approx(-3.01, abs=0.01)
    assert loudness_of(np.stack([left, left], axis=1), rate).integrated == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("rate", [16_000, 22_050])
def test_low_rates_read_nearly_the_same(rate: int) -> None:
    assert loudness_of(sine(997, 5, rate), rate).integrated == pytest.approx(-3.01, abs=0.06)


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kind", ["noise", "tone", "speech", "steps"])
def test_programme_loudness_agrees_with_an_independent_meter(rate: int, channels: int, kind: str) -> None:
    sound = {
        "noise": lambda: noise(6, 1, rate),
        "tone": lambda: 0.2 * sine(80, 6, rate)[:, None],
        "speech": lambda: syllables(9, rate),
        "steps": lambda: (
            noise(8, 1, rate) * np.repeat([1, 0.01, 0.3, 0, 0.8, 0.05, 1e-4, 0.4], rate)[:, None]
        ),
    }[kind]()
    sound = (sound * np.array([1.0, 0.4][:channels])).astype(np.float32)
    oracle = pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(sound)
    assert loudness_of(sound, rate).integrated == pytest.approx(oracle, abs=0.05)
    default = pyloudnorm.Meter(rate).integrated_loudness(sound)
    assert loudness_of(sound, rate).integrated == pytest.approx(default, abs=0.1)


def test_block_sizes_leave_no_trace() -> None:
    sound, random = noise(3.21), np.random.default_rng(3)
    meter, start = Meter(2), 0
    while start < len(sound):
        size = int(random.integers(0, 20_000))
        meter.push(sound[start : start + size])
        start += size
    pieces, whole = meter.finish(), loudness_of(sound)
    assert np.array_equal(pieces.energies, whole.energies)
    assert pieces.duration == whole.duration == 3210
    assert pieces.energies.shape == (33, 2)


def test_a_file_is_measured_like_its_samples(tmp_path: Path) -> None:
    sound = noise(11)
    with AudioWriter(tmp_path / "a.wav") as writer:
        writer.append(sound)
    heard: list[float] = []
    assert np.array_equal(
        measure(AudioFile(tmp_path / "a.wav"), heard.append).energies, loudness_of(sound).energies
    )
    assert heard == sorted(heard) and heard[-1] == 1.0


def test_silence_and_nothing_are_minus_infinity() -> None:
    assert loudness_of(np.zeros((48_000, 2), np.float32)).integrated == -math.inf
    assert loudness_of(np.zeros((0, 2), np.float32)).integrated == -math.inf
    assert loudness_of(np.zeros((48_000, 2), np.float32)).of([]) == -math.inf
    assert true_peak(np.zeros((100, 2), np.float32)) == -math.inf


def test_a_short_sound_is_as_loud_as_a_long_one_of_the_same_level() -> None:
    long = loudness_of(noise(5)).integrated
    for seconds in (0.11, 0.25, 0.39):
        assert loudness_of(noise(seconds)).integrated == pytest.approx(long, abs=0.5)


def test_parts_of_a_film_are_as_loud_as_they_are_alone() -> None:
    loud, soft = noise(3), noise(3, seed=1) * 0.1
    film = loudness_of(np.concatenate([loud, soft, loud]))
    assert film.of([Span(3_200, 5_800)]) == pytest.approx(loudness_of(soft).integrated, abs=0.1)
    assert film.of([Span(0, 3_000), Span(6_000, 9_000)]) == pytest.approx(
        loudness_of(loud).integrated, abs=0.05
    )
    assert film.of([Span(3_410, 3_430)]) == pytest.approx(loudness_of(soft).integrated, abs=0.5)
    assert film.of([Span(20_000, 21_000)]) == -math.inf


def test_short_term_loudness_follows_the_sound() -> None:
    film = loudness_of(np.concatenate([noise(4), noise(4) * 0.1]))
    assert len(film.short_term) == 51
    assert film.short_term[0] - film.short_term[-1] == pytest.approx(20, abs=0.1)
    assert len(loudness_of(noise(1)).short_term) == 0


def test_a_measurement_survives_json() -> None:
    before = loudness_of(noise(5) * np.array([1, 1e-4], np.float32))
    after = Loudness.from_json(json.loads(json.dumps(before.to_json())))
    assert after.integrated == pytest.approx(before.integrated, abs=1e-3)
    assert after.duration == before.duration
    np.testing.assert_allclose(after.energies, before.energies, rtol=1e-4)
    for broken in ({"duration": 1, "energies": [1, 2]}, {"duration": 1, "energies": [[-1.0]]}):
        with pytest.raises(ValueError, match="energies"):
            Loudness.from_json(broken)


def test_a_meter_refuses_other_channels() -> None:
    with pytest.raises(ValueError, match="channels"):
        Meter(2).push(noise(0.1, channels=1))


@pytest.mark.parametrize("hz", [997, 6_000, 12_000, 19_000])
def test_true_peak_finds_what_lies_between_samples(hz: int) -> None:
    t = np.arange(24_000) / 48_000
    for phase in (0.0, 0.4, math.pi / 4, 1.3):
        tone = (np.sin(2 * math.pi * hz * t + phase) * np.hanning(len(t))).astype(np.float32)
        assert true_peak(tone) == pytest.approx(0.0, abs=0.2)
    quarter = np.sin(math.pi / 2 * np.arange(480) + math.pi / 4).astype(np.float32) * np.hanning(480)
    assert 20 * math.log10(np.abs(quarter).max()) < -2.9
    assert true_peak(quarter) == pytest.approx(0.0, abs=0.2)


def test_true_peak_is_that_of_the_loudest_channel_whatever_the_pieces() -> None:
    sound = noise(1) * np.array([0.1, 1.0], np.float32)
    whole = true_peak(sound)
    assert whole == true_peak(sound[:, 1])
    meter = PeakMeter(2)
    for start in range(0, len(sound), 777):
        meter.push(sound[start : start + 777])
    assert meter.finish() == pytest.approx(whole, abs=1e-4)


def test_measuring_takes_a_small_share_of_the_films_time() -> None:
    sound = noise(30)
    loudness_of(sound[:48_000])
    used = []
    for _ in range(3):
        start = time.process_time()
        loudness_of(sound)
        used.append(time.process_time() - start)
    assert min(used) / 30 < 0.01
