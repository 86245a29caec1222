"""Another length, or another pitch, for a recording: Signalsmith's stretch, made exact to the sample. For the last
per cent; how long speech should be is decided elsewhere."""

from __future__ import annotations

import numpy as np

from tts.door import OUTPUT_RATE, FloatArray

_MARGIN = 0.2
"""Seconds of silence around the sound while it is stretched: more than the stretcher's block (120 ms), so that
neither head nor tail is lost in its latency."""

_SHORTEST = 0.03
"""Seconds. The stretcher's step: a shorter sound is a click without a pitch to keep, and is only interpolated."""

_LONGEST = 0.02
"""Input ÷ output under which a sound is only interpolated: fifty times longer, nothing of it is speech."""


def stretch(
    samples: FloatArray, length: int, *, rate: int = OUTPUT_RATE, transpose: float = 1.0
) -> FloatArray:
    """`samples`, mono at `rate` Hz, shape (n,), made exactly `length` samples long, its pitch times `transpose`.

    What sounds at a share t of the input sounds at the same share of the output, to about a millisecond.
    Raises ValueError for a negative length or a transposition that is not positive.
    """
    if length < 0 or transpose <= 0:
        raise ValueError(f"cannot stretch to {length} samples at {transpose} times the pitch")
    if not length or not len(samples):
        return np.zeros(length, np.float32)
    if length == len(samples) and transpose == 1.0:
        return samples
    from python_stretch.Signalsmith import Stretch

    factor = len(samples) / length
    if len(samples) < _SHORTEST * rate or factor < _LONGEST:
        shares = np.linspace(0, len(samples) - 1, length)
        return np.interp(shares, np.arange(len(samples)), samples).astype(np.float32)
    around = round(_MARGIN * rate * max(0.5, factor))
    padded = np.zeros((1, len(samples) + 2 * around), np.float32)
    padded[0, around : around + len(samples)] = samples
    stretcher = Stretch(0)  # the seed of its phases: the same sound in, the same sound out
    stretcher.preset(1, rate)
    stretcher.timeFactor = factor
    if transpose != 1.0:
        stretcher.setTransposeFactor(transpose)
    made = np.asarray(stretcher.process(padded), dtype=np.float32)[0]
    start = round(around / factor)
    exact = np.zeros(length, np.float32)
    kept = made[start : start + length]
    exact[: len(kept)] = kept
    return exact
