"""Speech cut into windows short enough for one voice, and what an embedding makes of each. Tells nobody apart."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from align.types import Span

if TYPE_CHECKING:
    from dubber.audio import AudioFile

FloatArray = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float64]

Embed = Callable[[Sequence[FloatArray]], FloatArray]
"""Pieces of speech, mono at 16 kHz, to what is alike where the voice is: (pieces, width), rows of length 1."""

RATE = 16_000
"""Hz of the pieces that are embedded."""
WINDOW_MS, HOP_MS = 1_500, 750
"""Length of a window and the way to the next: what the diarization recipe that comes with CAM++ (3D-Speaker) takes."""
LEAST_MS = 250
"""Less speech on end is not listened to."""
SHORTEST_MS = 400
"""Less shows nobody's voice by itself, for a vector of it says more about the sound; it may be told whose it is among
voices that are known."""
GRID_MS = 10
"""Windows are whole multiples of this long, so that many are of one length and can be heard together."""
BATCH = 64
"""Windows read before they are embedded: 6 MB."""


def cut(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The windows of sorted, disjoint `spans`, in order: WINDOW_MS long and HOP_MS apart, the last one flush with
    the end; a span shorter than a window is one, and one shorter than LEAST_MS has none."""
    windows: list[Span] = []
    for span in spans:
        if span.duration < LEAST_MS:
            continue
        length = min(span.duration, WINDOW_MS) // GRID_MS * GRID_MS
        last = span.end - length
        starts = [*range(span.start, last, HOP_MS), last]
        if len(starts) > 1 and last - starts[-2] < HOP_MS // 2:
            del starts[-2]  # two windows that are nearly the same say nothing more than one
        windows += [Span(start, start + length) for start in starts]
    return tuple(windows)


def embedded(
    audio: AudioFile,
    windows: Sequence[Span],
    embed: Embed,
    progress: Callable[[float], None] = lambda _: None,
) -> Vectors:
    """A unit row per window, shape (windows, width); BATCH of them are in memory at a time. (0, 0) for none."""
    from dubber.audio import mono16k

    rows: list[Vectors] = []
    for start in range(0, len(windows), BATCH):
        some = windows[start : start + BATCH]
        pieces = [
            mono16k(audio, window.start * audio.rate // 1000, window.end * audio.rate // 1000)
            for window in some
        ]
        rows.append(np.asarray(embed(pieces), np.float64))
        progress((start + len(some)) / len(windows))
    return np.concatenate(rows) if rows else np.zeros((0, 0))


def shares(windows: Sequence[Span]) -> Vectors:
    """Milliseconds that each window stands for, shape (windows,): overlapping neighbours halve what they share."""
    own = np.array([window.duration for window in windows], np.float64)
    for i, (one, other) in enumerate(pairwise(windows)):
        own[i : i + 2] -= one.overlap(other) / 2
    return own


def within(windows: Sequence[Span], spans: Sequence[Span]) -> list[range]:
    """For each of sorted `spans` the numbers of the windows in it."""
    starts = [window.start for window in windows]
    return [
        range(bisect_left(starts, span.start), bisect_right(starts, max(0, span.end - 1))) for span in spans
    ]


def voice(samples: FloatArray, embed: Embed) -> Vectors:
    """The vector of one voice in a recording of it, shape (width,), length 1: its windows' mean. `samples`: mono [n]
    at RATE, from SHORTEST_MS. Raises ValueError for less."""
    whole = Span(0, len(samples) * 1000 // RATE)
    if whole.duration < SHORTEST_MS:
        raise ValueError(f"{whole.duration} ms of a voice are not enough, {SHORTEST_MS} are")
    pieces = [samples[one.start * RATE // 1000 : one.end * RATE // 1000] for one in cut([whole])]
    return unit(np.asarray(embed(pieces), np.float64).mean(axis=0))


def unit(vectors: Vectors) -> Vectors:
    """Rows of length 1; what has no length stays as it is."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Vectors = vectors / np.where(length > 0, length, 1.0)
    return scaled
