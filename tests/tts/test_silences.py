"""A line's silences: none around it, none inside that anybody hears, and the rest of the sound untouched."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import RATE, buzz

from tts.door import FloatArray
from tts.silences import LONGEST, capped, trimmed

MS = RATE // 1000


def rustle(ms: int, db: float, *, seed: int = 0) -> FloatArray:
    """Noise with a peak of `db` under that of a buzz."""
    noise = np.random.default_rng(seed).uniform(-1, 1, ms * MS)
    return (0.2 * 10 ** (db / 20) * noise).astype(np.float32)


def said(*parts: FloatArray | int) -> FloatArray:
    """Sounds, and digital silence of so many ms, one after another."""
    return np.concatenate([np.zeros(p * MS, np.float32) if isinstance(p, int) else p for p in parts])


A, B = buzz(100.0, 0.3), buzz(200.0, 0.3)
KEPT_MS = round(1000 * LONGEST)


@pytest.mark.parametrize("pause", [KEPT_MS + 5, 300, 500, 5_000])
def test_a_long_silence_is_cut_to_the_longest_and_the_speech_around_it_stays(pause: int) -> None:
    made = capped(said(A, pause, B), RATE)
    assert len(made) == pytest.approx(len(A) + LONGEST * RATE + len(B), abs=2 * MS)
    assert np.array_equal(made[: len(A)], A)
    assert np.array_equal(made[-len(B) :], B)


@pytest.mark.parametrize("pause", [0, 50, 120, KEPT_MS - 5])
def test_closures_of_stops_and_short_silences_are_not_touched(pause: int) -> None:
    sound = said(A, pause, B)
    assert capped(sound, RATE) is sound


def test_a_quiet_fricative_however_long_is_no_silence() -> None:
    sound = said(A, rustle(400, -30.0), B)
    assert capped(sound, RATE) is sound


def test_each_of_many_silences_is_cut_by_itself() -> None:
    parts: list[FloatArray | int] = [A, 400, B, 100, A, 250, B, 170, A]
    made = capped(said(*parts), RATE)
    short = capped(said(*(min(p, KEPT_MS) if isinstance(p, int) else p for p in parts)), RATE)
    assert len(made) == pytest.approx(len(short), abs=6 * MS)
    assert float(np.sum(np.square(made, dtype=float))) == pytest.approx(
        float(np.sum(np.square(short, dtype=float))), rel=1e-6
    )


def test_of_a_silence_what_is_quietest_goes() -> None:
    echo = rustle(100, -38.0)
    made = capped(said(A, echo, 300, B), RATE)
    assert np.array_equal(made[: len(A) + len(echo)], said(A, echo))
    made = capped(said(A, 300, echo, B), RATE)
    assert np.array_equal(made[-len(B) - len(echo) :], said(echo, B))


def test_a_cut_through_noise_makes_no_click() -> None:
    # 440 ms of it go, 22.5 periods: what is before the cut and what is after it are opposite there
    hum = (0.001 * np.cos(np.arange(600 * MS) * 2 * np.pi * 51.1 / RATE)).astype(np.float32)
    made = capped(said(A, hum, B), RATE)[len(A) + 1 : -len(B) - 1]
    assert len(made) < 200 * MS
    assert float(np.abs(np.diff(made)).max()) < 3 * float(np.abs(np.diff(hum)).max())
    assert float(np.abs(made).max()) <= 0.001 * 1.01


def test_how_long_a_silence_may_be_can_be_said() -> None:
    sound = said(A, 500, B)
    assert len(capped(sound, RATE, 0.3)) == pytest.approx(len(A) + 0.3 * RATE + len(B), abs=2 * MS)
    assert capped(sound, RATE, 0.6) is sound


def test_nothing_stays_nothing() -> None:
    empty = np.zeros(0, np.float32)
    assert len(capped(empty, RATE)) == 0
    for silence in (empty, np.zeros(5, np.float32), np.zeros(RATE, np.float32)):
        assert len(trimmed(silence, RATE)) == 0


def test_what_is_around_a_line_is_cut_away_and_what_is_inside_stays() -> None:
    made = trimmed(said(200, A, 400, B, 300), RATE)
    assert len(made) == pytest.approx(len(A) + 400 * MS + len(B), abs=8 * MS)
    assert abs(float(made[0])) < 0.001
    assert abs(float(made[-1])) < 0.001
