"""Where two voices are heard at once: two pitches at the same time, where speakers hand over or their voices mix.

Finds two clear, voiced voices of about equal level. Whispering, a voice far under the other, two voices in unison and
much reverberation are missed; so is the unvoiced beginning and end of what is found. Chords are two pitches too: music
that is left in the speech is taken for a voice where speakers hand over, and only there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from align.types import Span, union
from dubber.stages.diarize.door import Diarization
from dubber.stages.diarize.windows import RATE, WINDOW_MS, Embed, FloatArray, Vectors, embedded

if TYPE_CHECKING:
    from dubber.audio import AudioFile

Flags = npt.NDArray[np.bool_]

PITCH_RATE = 8_000
"""Hz. Pitch lies far below 4 kHz."""
HOP_MS = 20
FRAME_MS = 94
"""Six periods of a low voice: long enough to hold two pitches apart, short enough that they hardly glide."""
SHORTEST_LAG, LONGEST_LAG = 20, 123
"""Samples at PITCH_RATE: 400 to 65 Hz."""
FFT = 1 << 11
"""Holds a frame and its longest sum of two lags without wrapping."""

ONE_LEAVES, TWO_LEAVE, TWO_OF_ONE = 0.15, 0.2, 0.35
"""Share of a frame's power that is left when the best single pitch is cancelled, at least; when the best two are, at
most; and the latter of the former, at most. Measured here: one voice is taken for two in 0 to 0.8 % of its frames, two
synthetic voices are seen in 40 %, a recorded man with a synthetic woman in 27 % (the rest has one or none voiced)."""
OCTAVES = 0.08
"""Two pitches whose ratio is this near to a whole number are one voice and its overtone."""
WITHIN_MS, FEWEST = 500, 4
"""Two pitches must be seen in this many frames of so much time."""
SHORTEST_MS = 200
"""A shorter overlap is of no consequence to anybody."""
AWAKE = 1e-5
"""Mean power (-50 dBFS) under which nobody is listened to."""
HANDOVER_MS, REACH_MS = 500, 2_000
"""People speak at once where one hands over to another: two pitches this near to that are two voices, as far as this
from it. Elsewhere they may be music, and the voices' vectors decide."""
GAIN = 0.05
"""How much of a window's squared length a second voice must explain. In 192 dimensions chance gives about 0.01 with
ten speakers, two voices of equal level about 0.1 (by the cosines of the literature; not measured with released
weights)."""
BLOCK_MS = 10_000
"""Speech that is searched for two pitches at once: memory stays bounded."""


def find(
    audio: AudioFile,
    spans: Sequence[Span],
    told: Diarization,
    embed: Embed,
    progress: Callable[[float], None] = lambda _: None,
) -> tuple[Span, ...]:
    """Where in `spans` more than one of the voices in `told` is heard at once; sorted, disjoint."""
    found: list[Span] = []
    total, done = sum(span.duration for span in spans) or 1, 0
    for span in spans:
        for start, samples in _blocks(audio, span):
            found += [
                Span(start + one.start, start + one.end).clipped(span.end) for one in two_pitches(samples)
            ]
        done += span.duration
        progress(done / total)
    double = union(found)
    handed, elsewhere = _at_handovers(double, told)
    windows = [_around(one, spans) for one in elsewhere]
    centroids = np.array(told.centroids)
    mixed = [second_voice(row, centroids) >= GAIN for row in embedded(audio, windows, embed)]
    both = union([*handed, *(one for one, sure in zip(elsewhere, mixed, strict=True) if sure)])
    return tuple(one for one in both if one.duration >= SHORTEST_MS)


def _at_handovers(double: Sequence[Span], told: Diarization) -> tuple[list[Span], list[Span]]:
    """Of stretches with two pitches, what lies where speakers hand over; and those that touch no such place."""
    near = [
        (one.span.end + other.span.start) // 2
        for one, other in pairwise(told.turns)
        if one.speaker != other.speaker and other.span.start - one.span.end <= HANDOVER_MS
    ]
    handed, elsewhere = [], []
    for span in double:
        first = bisect_left(near, span.start - HANDOVER_MS)
        last = bisect_right(near, span.end + HANDOVER_MS)
        for moment in near[first:last]:
            handed.append(Span(max(span.start, moment - REACH_MS), min(span.end, moment + REACH_MS)))
        if first == last and span.duration >= SHORTEST_MS:
            elsewhere.append(span)
    return handed, elsewhere


def two_pitches(samples: FloatArray) -> tuple[Span, ...]:
    """Where mono samples [n] at 16 kHz have two pitches for a while, in ms from their start; sorted, disjoint."""
    hits = np.flatnonzero(_double(samples)) * HOP_MS
    spans = []
    for i in range(len(hits) - FEWEST + 1):
        first, last = int(hits[i]), int(hits[i + FEWEST - 1])
        if last - first <= WITHIN_MS:
            spans.append(Span(first, last + FRAME_MS))
    return union(spans)


def second_voice(row: Vectors, centroids: Vectors) -> float:
    """What two voices explain more than the best one does, 0..1 of the squared length of `row`, shape (width,).

    Least squares with weights of 0 and more on every pair of unit rows `centroids`: for cosines a and b to two voices
    whose own cosine is c, the pair explains (a² + b² - 2abc) / (1 - c²) where both weights, a - bc and b - ac, are
    over 0.
    """
    cosines = np.maximum(centroids @ row, 0.0)
    between = centroids @ centroids.T
    a, b = cosines[:, None], cosines[None, :]
    room = 1 - between**2
    both = (a - b * between > 0) & (b - a * between > 0) & (room > 1e-6)
    explained = np.where(both, (a**2 + b**2 - 2 * a * b * between) / np.where(both, room, 1.0), 0.0)
    return float(max(0.0, explained.max() - np.square(cosines).max()))


def _double(samples: FloatArray) -> Flags:
    """Whether each HOP_MS has two pitches.

    De Cheveigné, "Separation of concurrent harmonic sounds", JASA 93 (1993): a frame minus itself a period later is
    silent if it has that one pitch; that of that, another period later, if it has two. Both residuals follow from the
    autocorrelation r: 1 - r(T), and (4 - 4r(T) - 4r(U) + 2r(T+U) + 2r(T-U)) / 4.
    """
    import soxr

    sound = soxr.resample(samples, RATE, PITCH_RATE)
    size, hop = FRAME_MS * PITCH_RATE // 1000, HOP_MS * PITCH_RATE // 1000
    if len(sound) < size:
        return np.zeros(0, bool)
    frames = np.lib.stride_tricks.sliding_window_view(sound, size)[::hop].astype(np.float64)
    window = np.hanning(size)
    awake = np.flatnonzero(np.square(frames).mean(axis=1) > AWAKE)
    reach = 2 * LONGEST_LAG + 1
    fade = np.fft.irfft(np.abs(np.fft.rfft(window, FFT)) ** 2)[:reach]
    spectrum = np.abs(np.fft.rfft(frames[awake] * window, FFT, axis=1)) ** 2
    correlation = np.fft.irfft(spectrum, axis=1)[:, :reach] * (fade[0] / fade)
    correlation /= correlation[:, :1]
    one = 1 - correlation[:, SHORTEST_LAG : LONGEST_LAG + 1].max(axis=1)
    lags = np.arange(SHORTEST_LAG, LONGEST_LAG + 1)
    upper = np.triu_indices(len(lags), 1)
    short, long = lags[upper[0]], lags[upper[1]]
    ratio = long / short
    double = np.zeros(len(frames), bool)
    for i in np.flatnonzero(one > ONE_LEAVES):
        r = correlation[i]
        two = 1 - r[short] - r[long] + (r[short + long] + r[long - short]) / 2
        best = int(two.argmin())
        clear = two[best] < min(TWO_LEAVE, TWO_OF_ONE * one[i])
        double[awake[i]] = clear and abs(ratio[best] - round(ratio[best])) >= OCTAVES
    return double


def _blocks(audio: AudioFile, span: Span) -> Iterator[tuple[int, FloatArray]]:
    """(start in ms, mono samples at 16 kHz) of a span, BLOCK_MS at a time, each a frame into the next."""
    from dubber.audio import mono16k

    for start in range(span.start, span.end, BLOCK_MS):
        stop = min(start + BLOCK_MS + FRAME_MS, span.end)
        yield start, mono16k(audio, start * audio.rate // 1000, stop * audio.rate // 1000)


def _around(one: Span, spans: Sequence[Span]) -> Span:
    """An overlap, or its middle, as long as a window where the speech it lies in is."""
    inside = next(span for span in spans if span.overlap(one))
    length = min(WINDOW_MS, inside.duration)
    middle = (one.start + one.end) // 2
    start = min(max(inside.start, middle - length // 2), inside.end - length)
    return Span(start, start + length)
