"""A look-ahead limiter that keeps true peaks under a ceiling. Touches nothing that is under it already.

The gain at a sample depends only on the sound within `REACH` of it, so no state can drift: blocks of
any size give the same samples, and the output lies on the input, sample by sample.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from align.types import SAMPLE_RATE
from dubber.loudness import PEAK_TAPS, peaks_between

FloatArray = npt.NDArray[np.float32]

CEILING_DBTP = -1.0
"""dBTP. What EBU R 128 allows in production, and room for what a lossy codec adds."""

WINDOW = SAMPLE_RATE // 100
"""Samples of each of the two averages (10 ms) that round the gain off: slower than the period of a voice's
pitch, so that the gain does not follow the waveform, and short enough not to be heard as pumping."""

HALF = WINDOW - 1
"""Samples on either side over which the two averages together look."""

REACH = 2 * HALF + PEAK_TAPS // 2
"""Samples on either side that have a say in the gain at a sample."""

CHUNK = 16_384
"""Samples worked on at once, on a grid of the whole sound, so that blocks' sizes leave no trace."""


class Limiter:
    """Limits sound that comes in pieces of any size, shape (n, channels), with one gain for all channels.

    `push` returns what is ready, which lags behind; `finish` returns the rest. Together they are as long
    as what was pushed and aligned with it. `reduction` is the most that was taken off so far, in dB (>= 0).
    """

    def __init__(self, channels: int, ceiling: float = CEILING_DBTP) -> None:
        self._ceiling = 10 ** (ceiling / 20)
        self._waiting = np.zeros((REACH, channels), dtype=np.float32)
        self._least = 1.0

    @property
    def reduction(self) -> float:
        """The most that was taken off any sample so far, in dB."""
        return float(20 * np.log10(1 / self._least))

    def push(self, samples: FloatArray) -> FloatArray:
        """Give the next samples; returns those whose gain is known, shape (m, channels), m >= 0."""
        waiting = np.concatenate([self._waiting, samples])
        count = max(len(waiting) - 2 * REACH, 0) // CHUNK * CHUNK
        out: FloatArray = waiting[REACH : REACH + count].copy()
        for start in range(0, count, CHUNK):
            self._limit(waiting[start : start + CHUNK + 2 * REACH], out[start : start + CHUNK])
        self._waiting = waiting[count:]
        return out

    def finish(self) -> FloatArray:
        """The samples that were still waiting, shape (m, channels); the limiter is spent."""
        left = len(self._waiting) - REACH
        silence = np.zeros((-(-left // CHUNK) * CHUNK + REACH - left, self._waiting.shape[1]), np.float32)
        return self.push(silence)[:left]

    def _limit(self, around: FloatArray, out: FloatArray) -> None:
        """Scale `out` in place; `around` is the same stretch with REACH samples more on either side."""
        gain = gain_for(around, self._ceiling)
        least = float(gain.min())
        if least < 1:
            self._least = min(self._least, least)
            out *= gain[:, None]


def gain_for(around: FloatArray, ceiling: float) -> FloatArray:
    """The gain (linear, 0..1) that keeps the samples' true peak at `ceiling` (linear).

    `around` has shape (REACH + n + REACH, channels); the result has shape (n,) and is exactly 1 where no
    peak is near. The gain that each sample needs is held for `HALF` samples to both sides, then averaged
    over as many: every value in an average is at most what the sample in its middle needs.
    """
    between = peaks_between(around, ceiling)
    if between.max() <= ceiling:
        return np.ones(len(around) - 2 * REACH, dtype=np.float32)
    # A sample answers for the peaks on both its sides.
    needed = np.minimum(1.0, ceiling / np.maximum(np.maximum(between[1:], between[:-1]), ceiling))
    reduction = 1.0 - _least_within(needed, 2 * HALF + 1)
    smooth = _mean_of(_mean_of(reduction, WINDOW), WINDOW)
    return np.asarray(np.clip(1.0 - smooth, 0.0, 1.0), dtype=np.float32)


def _least_within(values: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    """Minimum of every `width` consecutive values, shape (n,) -> (n - width + 1,), by doubling the window."""
    reached = 1
    while reached < width:
        step = min(reached, width - reached)
        values = np.minimum(values[:-step], values[step:])
        reached += step
    return values


def _mean_of(values: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    """Mean of every `width` consecutive values, shape (n,) -> (n - width + 1,)."""
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    return np.asarray((total[width:] - total[:-width]) / width)
