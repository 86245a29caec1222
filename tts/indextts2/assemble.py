"""From the vocoder's waves to a take's samples: resampled, joined, and exactly as long as asked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from tts.door import OUTPUT_RATE, FloatArray
from tts.indextts2.clock import MODEL_RATE

FADE = 96
"""Samples at OUTPUT_RATE, 2 ms, over which a sound that is cut fades out."""


def resampled(wave: Tensor) -> FloatArray:
    """wave [n] at the vocoder's rate, on the CPU → samples at OUTPUT_RATE."""
    import soxr

    samples: FloatArray = soxr.resample(wave.numpy(), MODEL_RATE, OUTPUT_RATE, quality="HQ")
    return samples.astype(np.float32, copy=False)


def joined(parts: Sequence[FloatArray], pause: int) -> FloatArray:
    """Parts [n_i] one after the other with `pause` samples of silence between them."""
    silence = np.zeros(pause, np.float32)
    between = [piece for part in parts for piece in (silence, part)]
    return np.concatenate(between[1:])


def exactly(samples: FloatArray, length: int) -> FloatArray:
    """samples [n] → [length], within ±1: what is too long is cut and fades out, what is too short ends in silence."""
    fitted = np.zeros(length, np.float32)
    kept = min(length, len(samples))
    np.clip(samples[:kept], -1.0, 1.0, out=fitted[:kept])
    if kept < len(samples):
        fade = min(FADE, kept)
        fitted[kept - fade : kept] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)
    return fitted
