"""What sounds under the dub: the film without its speech, the film turned down under speech, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from align.types import SAMPLES_PER_MS, Span, union
from dubber.audio import Stems
from dubber.loudness import SUB_BLOCK_MS, Energies
from dubber.stages.balance import Levels

FloatArray = npt.NDArray[np.float32]

Background = Literal["bed", "duck", "none"]

DUCK_DB = -15.0
"""The film's level under the dub: the first voice can be made out but not followed, as in news dubbing."""

DUCK_ATTACK_MS, DUCK_RELEASE_MS, DUCK_JOIN_MS = 50, 200, 500
"""Ramps before and after ducked speech, and the gap between two ducks that is not worth coming up for."""


class Duck:
    """The gain that turns a film down under speech: ramps in dB, so that they sound even."""

    def __init__(self, spans: Sequence[Span]) -> None:
        joined = union((span for span in spans if span.duration), join=DUCK_JOIN_MS)
        corners = [
            (span.start - DUCK_ATTACK_MS, span.start, span.end, span.end + DUCK_RELEASE_MS) for span in joined
        ]
        self._at = np.array(corners, dtype=np.float64).reshape(-1)
        self._db = np.tile([0.0, DUCK_DB, DUCK_DB, 0.0], len(joined))

    def between(self, start: float, end: float) -> tuple[tuple[float, float], ...]:
        """The corners of the gain's ramps in a stretch of time (ms), and the last one before it."""
        first = max(0, int(np.searchsorted(self._at, start)) - 1)
        last = int(np.searchsorted(self._at, end)) + 1
        return tuple(zip(self._at[first:last].tolist(), self._db[first:last].tolist(), strict=True))

    def at(self, ms: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Gain (linear) at these times in milliseconds, which may be fractions."""
        if not len(self._at):
            return np.ones_like(ms)
        return np.asarray(10 ** (np.interp(ms, self._at, self._db) / 20))


def samples(stems: Stems, background: Background, duck: Duck | None, start: int, stop: int) -> FloatArray:
    """What sounds in samples [start, stop), shape (stop - start, 2); `duck` is given where the film is ducked."""
    if background == "none":
        return np.zeros((stop - start, 2), dtype=np.float32)
    if duck is None:
        return stems.bed(start, stop)
    gain = duck.at(np.arange(start, stop) / SAMPLES_PER_MS).astype(np.float32)
    return stems.source.read(start, stop) * gain[:, None]


def energies(levels: Levels, background: Background, duck: Duck | None) -> Energies:
    """What `samples` will measure, summed over channels, per 100 ms of the film."""
    if background == "none":
        return np.zeros(len(levels.source.energies))
    if duck is None:
        return np.asarray(levels.bed.energies.sum(axis=1))
    total = levels.source.energies.sum(axis=1)
    steps = 10  # ramps are as short as 50 ms
    ms = (np.arange(len(total) * steps) + 0.5) * SUB_BLOCK_MS / steps
    return np.asarray(total * np.mean(duck.at(ms).reshape(-1, steps) ** 2, axis=1))
