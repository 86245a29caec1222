"""What dubber.stages.dynamics promises: takes swell and fade as the actor does, slowly, and as loud as before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from dubber.loudness import SUB_BLOCK_MS, Loudness, loudness_of
from dubber.stages import dynamics
from dubber.stages.dynamics import BOUND_DB, SLEW_DB, curve, gains, raised

MS = 48


def said(
    seconds: float, contour: Sequence[float], *, silent: Sequence[tuple[float, float]] = (), seed: int = 0
):
    """Noise in syllables whose level in dB goes through `contour` evenly, over a floor at -70 dB; `silent` are
    pauses in seconds."""
    count = round(seconds * 1000) * MS
    t = np.arange(count) / (1000 * MS)
    random = np.random.default_rng(seed)
    level = np.interp(t, np.linspace(0, seconds, len(contour)), contour)
    syllables = 0.25 + 0.75 * np.sin(np.pi * 4.3 * t) ** 2
    for first, last in silent:
        syllables[(t >= first) & (t < last)] = 0.0
    sound = 0.1 * random.normal(size=count) * syllables * 10 ** (level / 20)
    return (sound + random.normal(size=count) * 3e-5).astype(np.float32)


def loudness(seconds: float, contour: Sequence[float], **how: object) -> Loudness:
    return loudness_of(said(seconds, contour, **how))  # type: ignore[arg-type]


def at(moved: Sequence[float], seconds: float) -> float:
    return moved[int(seconds * 1000) // SUB_BLOCK_MS]


def test_a_take_fades_where_the_actor_fades() -> None:
    source, take = said(4, [6, -6]), said(4.6, [0, 0], seed=1)
    moved = curve(loudness_of(source), loudness_of(take))
    assert at(moved, 0.4) > 2.0 and at(moved, 4.2) < -2.0
    assert np.all(np.diff(np.array(moved[4:-4])) < 0.3)
    louder = take * gains(moved, 0, len(take), 48_000)
    first, last = (
        [loudness_of(one[: len(one) // 4]).integrated - loudness_of(one[-len(one) // 4 :]).integrated]
        for one in (take, louder)
    )
    assert abs(first[0]) < 1 and 5 < last[0] < 9


def test_a_take_that_swells_as_the_actor_does_is_left_alone() -> None:
    assert curve(loudness(4, [-5, 3, -5]), loudness(5, [-5, 3, -5], seed=1)) == ()


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_followed_the_line_stays_as_loud_and_the_curve_slow_and_small(seed: int) -> None:
    random = np.random.default_rng(seed)
    pauses = [(first, first + 0.4) for first in random.uniform(0.2, 3.0, 2)]
    take = said(4, random.uniform(-12, 6, 5), silent=pauses, seed=seed)
    moved = curve(
        loudness(random.uniform(2, 8), random.uniform(-12, 6, 6), seed=seed + 50), loudness_of(take)
    )
    assert moved, "two contours drawn at random are never the same"
    assert max(np.abs(moved)) <= BOUND_DB
    assert np.abs(np.diff(moved)).max() <= SLEW_DB + 0.02
    louder = loudness_of(take * gains(moved, 0, len(take), 48_000))
    assert louder.integrated == pytest.approx(loudness_of(take).integrated, abs=0.3)
    told = Loudness(raised(loudness_of(take).energies, moved), 4000).integrated
    assert told == pytest.approx(louder.integrated, abs=0.15)


def test_a_moment_follows_the_moment_by_which_as_much_was_said() -> None:
    """The actor pauses for two seconds and then shouts; the take has no pause there, and is longer."""
    source = loudness(6, [-4, -4, -4, -4, -4, 4, 4, 4, 4], silent=[(2.0, 4.0)])
    moved = np.array(curve(source, loudness(6, [0, 0], seed=3)))
    rise = int(np.argmax(np.diff(moved))) * SUB_BLOCK_MS / 1000
    spoken = 2.0 + (6 * 4.5 / 8 - 4.0 if 6 * 4.5 / 8 > 4.0 else 0.0)  # seconds of speech before the shout
    assert rise == pytest.approx(6 * spoken / 4, abs=0.5)
    assert moved[5:20].mean() < -1.5 and moved[-15:-5].mean() > 1.5


def test_a_pause_is_never_raised() -> None:
    silent = [(1.0, 1.7), (2.6, 3.3)]
    take = said(4.5, [0, 0], silent=silent, seed=2)
    moved = curve(loudness(4.5, [-6, -6, 5, 5, -6, -6]), loudness_of(take))
    assert max(moved) > 1.5
    gain = gains(moved, 0, len(take), 48_000)
    for first, last in silent:
        inner = slice(round((first + 0.1) * 48_000), round((last - 0.1) * 48_000))
        assert gain[inner].max() <= 1.0
        assert np.sum((take * gain)[inner] ** 2) <= np.sum(take[inner] ** 2)


def test_a_whisper_is_followed_like_a_voice_and_not_raised() -> None:
    whisper, voice = (loudness_of(said(4, [4, -5]) * np.float32(level)) for level in (0.1, 1.0))
    take = loudness(4, [0, 0], seed=1)
    assert curve(whisper, take) == pytest.approx(curve(voice, take), abs=0.2)


@pytest.mark.parametrize(("theirs", "ours"), [(1.0, 4.0), (4.0, 1.0), (0.3, 0.3), (0.0, 3.0)])
def test_a_short_line_has_no_contour(theirs: float, ours: float) -> None:
    assert curve(loudness(theirs, [6, -6]), loudness(ours, [0, 0], seed=1)) == ()


def test_silence_has_no_contour() -> None:
    silence = loudness_of(np.zeros(4 * 48_000, np.float32))
    assert curve(silence, loudness(4, [0, 0])) == () == curve(loudness(4, [6, -6]), silence)


def test_gains_are_the_same_in_pieces_as_in_one() -> None:
    moved = curve(loudness(4, [6, -6]), loudness(4, [0, 0], seed=1))
    whole = gains(moved, 0, 192_000, 48_000)
    pieces = [gains(moved, start, min(start + 7_777, 192_000), 48_000) for start in range(0, 192_000, 7_777)]
    assert np.array_equal(np.concatenate(pieces), whole)
    assert np.abs(np.diff(20 * np.log10(whole))).max() * 4_800 <= SLEW_DB + 0.05
    assert 20 * np.log10(whole[: dynamics.SUB_BLOCK_MS * MS // 2]) == pytest.approx(moved[0], abs=1e-3)
