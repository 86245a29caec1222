"""Stretches of the film as one recording to learn from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from align.types import SAMPLES_PER_MS, Span
from dubber.audio import FloatArray, Stems

FADE_MS = 10
"""Half-cosine ramps at both ends of each piece: long enough that no joint clicks, shorter than any sound of speech."""


def joined(stems: Stems, spans: Sequence[Span]) -> FloatArray:
    """The speech stem in these spans one after the other, mono (the channels' mean), shape (n,), at 48 kHz in full
    band; every piece is faded in and out."""
    pieces = [np.zeros(0, np.float32)]
    for span in spans:
        piece = stems.speech_file.read(span.samples.start, span.samples.stop).mean(axis=1, dtype=np.float32)
        fade = min(FADE_MS * SAMPLES_PER_MS, len(piece) // 2)
        ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / max(fade, 1))).astype(np.float32)
        piece[:fade] *= ramp
        piece[len(piece) - fade :] *= ramp[::-1]
        pieces.append(piece)
    return np.concatenate(pieces)
