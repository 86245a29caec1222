"""Where the actor swells and fades inside a line, the take does: a slow gain curve from the energies that the loudness
meter has measured anyway. Touches no sample, and knows nothing of a line's level as a whole."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dubber.loudness import ABSOLUTE_GATE, GATING_BLOCK, SUB_BLOCK_MS, Energies, Loudness, gated, lufs

Decibels = npt.NDArray[np.float64]

BOUND_DB = 4.0
"""The most that the curve raises or lowers the take: what a sound engineer rides, less than what would be acting."""

PAUSE_LU = -20.0
"""Sub-blocks this far under their line's own loudness are pauses, breaths or noise, not speech."""

LEAST = 1200 // SUB_BLOCK_MS
"""Sub-blocks of speech (1.2 s): a shorter line has no swell, only syllables."""

ROUNDING = 7
"""Sub-blocks (700 ms) over which a contour is rounded: another language stresses other syllables, so the curve must
know the phrase and not the syllable."""

SLEW_DB = 1.5
"""dB per sub-block (15 dB/s): the curve never moves faster, neither up nor down; faster is heard as pumping."""

WORTH_DB = 0.5
"""A curve that stays within this changes nothing that could be heard."""

PASSES = 6
"""Rounds in which the curve is made to leave the loudness alone; each is off by a tenth of the one before."""


def curve(source: Loudness, take: Loudness) -> tuple[float, ...]:
    """The gain in dB at the middle of every 100 ms of the take, within ±BOUND_DB, that brings the rise and fall of
    its speech towards the source line's; () where there is nothing to follow.

    The two are as long as they like: a moment of the take follows the moment of the source by which as large a
    share of the speech was said. The take is as loud with the curve as without it (gated, BS.1770-4, to about
    0.1 LU), and no pause of it is raised.
    """
    spoken, model = _speech(take), _speech(source)
    if spoken.sum() < LEAST or model.sum() < LEAST:
        return ()
    ours, theirs = _contour(_total(take)[spoken]), _contour(_total(source)[model])
    wanted = np.interp(_shares(len(ours)), _shares(len(theirs)), theirs) - ours
    wanted = BOUND_DB * np.tanh((wanted - wanted.mean()) / BOUND_DB)
    at = np.flatnonzero(spoken)
    rough = np.interp(np.arange(len(spoken)), at, wanted)
    moved = _level(rough, spoken, take)
    if np.abs(moved[spoken]).max() < WORTH_DB:
        return ()
    return tuple(round(float(value), 2) for value in moved)


def gains(curve_db: tuple[float, ...], start: int, stop: int, rate: int) -> npt.NDArray[np.float32]:
    """The curve as a factor for each of the samples [start, stop) of its take at `rate` Hz: straight in dB from the
    middle of one sub-block to the next, and as it ends beyond them."""
    middles = (np.arange(len(curve_db)) + 0.5) * rate * SUB_BLOCK_MS / 1000
    return np.asarray(10 ** (np.interp(np.arange(start, stop), middles, curve_db) / 20), dtype=np.float32)


def raised(energies: Energies, curve_db: tuple[float, ...]) -> Energies:
    """Energies per 100 ms, shape (n,) or (n, channels), with the curve's gain on them; `curve_db` may be ()."""
    if not curve_db:
        return energies
    factors = 10 ** (np.array(curve_db) / 10)
    return np.asarray(energies * (factors if energies.ndim == 1 else factors[:, None]))


def _total(sound: Loudness) -> Energies:
    return np.asarray(sound.energies.sum(axis=1))


def _speech(sound: Loudness) -> npt.NDArray[np.bool_]:
    """Which sub-blocks hold speech, judged by the sound's own loudness, so that a whisper's do as well."""
    levels = lufs(_total(sound))
    return np.asarray(levels > max(ABSOLUTE_GATE, gated(_total(sound)) + PAUSE_LU))


def _shares(count: int) -> Decibels:
    """How much of the speech, 0..1, was said by the middle of each of its sub-blocks."""
    return np.asarray((np.arange(count) + 0.5) / count)


def _contour(energies: Energies) -> Decibels:
    """dB around every sub-block of speech: of 400 ms, rounded."""
    around = np.convolve(energies, np.ones(GATING_BLOCK + 1), "same")
    around /= np.convolve(np.ones(len(energies)), np.ones(GATING_BLOCK + 1), "same")
    kernel = np.hanning(ROUNDING + 2)[1:-1]
    total = np.convolve(lufs(around), kernel, "same")
    return np.asarray(total / np.convolve(np.ones(len(energies)), kernel, "same"))


def _level(rough: Decibels, spoken: npt.NDArray[np.bool_], take: Loudness) -> Decibels:
    """The curve shifted until the take is as loud with it as without, and kept within its bounds all the while."""
    before, shift = take.integrated, 0.0
    moved = rough
    for _ in range(PASSES):
        moved = _within(rough - shift, spoken)
        after = Loudness(raised(take.energies, tuple(moved)), take.duration).integrated
        if not math.isfinite(after):
            return np.zeros_like(rough)
        shift += after - before
    return moved


def _within(curve_db: Decibels, spoken: npt.NDArray[np.bool_]) -> Decibels:
    """The curve no further from 0 than it may be, not over 0 in a pause, and no steeper than SLEW_DB."""
    top = np.where(spoken, BOUND_DB, 0.0)
    moved = np.clip(curve_db, -BOUND_DB, top)
    for step in range(1, math.ceil(2 * BOUND_DB / SLEW_DB) + 1):
        moved[step:] = np.minimum(moved[step:], moved[:-step] + step * SLEW_DB)
        moved[:-step] = np.minimum(moved[:-step], moved[step:] + step * SLEW_DB)
    return moved
