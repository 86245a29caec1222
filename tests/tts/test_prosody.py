"""What prosody promises: the pitch, level, tempo and brightness that are in a sound, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import RATE, buzz, speaker

from tts.door import Reference
from tts.errors import BadReference
from tts.prosody import f0_track, measure


@pytest.mark.parametrize("f0", [70, 100, 150, 220, 330, 500])
@pytest.mark.parametrize("noise_db", [None, 20.0, 6.0])
def test_a_steady_pitch_is_found_in_noise(f0: float, noise_db: float | None) -> None:
    _, track = f0_track(buzz(f0, 1.0, noise_db=noise_db), RATE)
    voiced = track[np.isfinite(track)]
    assert len(voiced) >= 90  # of 100 frames
    assert np.abs(voiced / f0 - 1).max() < 0.02


def test_a_glide_is_followed_frame_by_frame() -> None:
    pitch = np.geomspace(90, 300, 2 * RATE)
    times, track = f0_track(buzz(pitch, 2.0, noise_db=20), RATE)
    truth = np.interp(times, np.arange(2 * RATE) * 1000 / RATE, pitch)
    assert np.isfinite(track).mean() > 0.95
    assert np.nanmax(np.abs(track / truth - 1)) < 0.04


def test_frames_are_ten_milliseconds_apart_whatever_the_rate() -> None:
    for rate in (16_000, 22_050, 48_000):
        times, track = f0_track(buzz(120, 1.0, rate=rate), rate)
        assert len(times) == len(track) == 100
        assert np.allclose(np.diff(times), 10.0)
        assert times[0] == pytest.approx(5.0)


def test_noise_and_silence_have_no_pitch() -> None:
    noise = (np.random.default_rng(1).standard_normal(2 * RATE) * 0.1).astype(np.float32)
    assert not np.isfinite(f0_track(noise, RATE)[1]).any()
    assert not np.isfinite(f0_track(np.zeros(RATE, np.float32), RATE)[1]).any()
    assert len(f0_track(np.zeros(0, np.float32), RATE)[1]) == 0


def test_hum_under_a_pause_is_not_taken_for_a_voice() -> None:
    voice = buzz(150, 1.0)
    hum = 0.002 * np.sin(2 * np.pi * 70 * np.arange(RATE) / RATE)
    _, track = f0_track(np.concatenate((voice, hum, voice)).astype(np.float32), RATE)
    assert not np.isfinite(track[105:195]).any()


def test_two_octaves_of_one_sound_are_not_mixed_up() -> None:
    """A weak fundamental is the usual cause of octave errors."""
    clock = np.arange(RATE) / RATE
    strengths = ((1, 0.05), (2, 1.0), (3, 0.4), (4, 0.5), (5, 0.2))
    sound = sum(strength * np.sin(2 * np.pi * 110 * k * clock) for k, strength in strengths)
    _, track = f0_track((0.1 * sound).astype(np.float32), RATE)
    assert np.nanmedian(track) == pytest.approx(110, rel=0.02)


def test_measure_finds_what_was_put_in() -> None:
    heard = measure(speaker(150, semitones=6, syllables=4))
    assert heard.f0 == pytest.approx(150, rel=0.03)
    assert heard.f0_range == pytest.approx(6, abs=0.8)
    assert heard.tempo == pytest.approx(4, abs=0.4)
    assert heard.voiced > 2.0


def test_level_is_that_of_speaking_not_of_the_pauses() -> None:
    sound = buzz(120, 1.0)
    level = 20 * np.log10(np.sqrt(np.mean(sound**2)))
    padded = np.concatenate((np.zeros(2 * RATE), sound, np.zeros(RATE))).astype(np.float32)
    heard = measure(Reference(padded, RATE))
    assert heard.level == pytest.approx(level, abs=0.5)
    assert heard.active == pytest.approx(1.0, abs=0.05)


def test_tempo_counts_syllables_of_speaking_time() -> None:
    slow, fast = measure(speaker(syllables=3)), measure(speaker(syllables=6))
    assert slow.tempo is not None
    assert fast.tempo is not None
    assert fast.tempo / slow.tempo == pytest.approx(2.0, abs=0.2)


def test_brightness_grows_with_the_upper_spectrum() -> None:
    sound = buzz(120, 1.0)
    duller = np.convolve(sound, np.hanning(24) / 12, mode="same").astype(np.float32)
    assert measure(Reference(sound, RATE)).brightness > measure(Reference(duller, RATE)).brightness + 6


def test_what_is_not_voiced_has_no_pitch_but_a_level() -> None:
    noise = (np.random.default_rng(1).standard_normal(RATE) * 0.1).astype(np.float32)
    heard = measure(Reference(noise, RATE))
    assert heard.f0 is None
    assert heard.f0_range is None
    assert heard.level == pytest.approx(-20, abs=0.5)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(RATE, np.float32),
        np.zeros(0, np.float32),
        buzz(120, 0.05),
        np.full(RATE, np.nan, np.float32),
        np.full(RATE, np.inf, np.float32),
        np.zeros((RATE, 2), np.float32),
    ],
    ids=["silent", "empty", "short", "nan", "infinite", "stereo"],
)
def test_a_recording_that_tells_nothing_is_refused(samples: np.ndarray) -> None:
    with pytest.raises(BadReference):
        measure(Reference(samples, RATE))


def test_memory_is_bounded_by_blocks_but_the_blocks_do_not_show() -> None:
    """Longer than one block of frames: the seam must not differ from the rest."""
    sound = buzz(140, 45.0, rate=8_000)
    _, track = f0_track(sound, 8_000)
    assert np.abs(track[4_050:4_150] / 140 - 1).max() < 0.01
