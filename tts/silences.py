"""The silences of one spoken line: those around it are cut away, those inside it kept short. Knows no text and makes
no speech longer or shorter."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tts.door import FloatArray

TRIM_DB = 40.0
"""Under the peak: what is quieter before the first sound and after the last is no speech."""

EDGE = 0.003
"""Seconds kept, and faded, before the first sound and after the last."""

PAUSE_DB = 35.0
"""Under the peak: what is quieter for longer than LONGEST is a pause. The echo of eSpeak NG's women goes on in one at
-35 to -42 dB; the softest fricatives begin at -33."""

LONGEST = 0.16
"""Seconds of silence a line keeps at one place: no pause that anybody hears, for those are planned with the film, each
phrase in a slot of its own. Silences under 250 ms belong to articulation (Goldman-Eisler, Psycholinguistics, 1968);
voice activity goes on over 160. Closures stay as they are: single stops' last to 90 ms, those of two that meet to 158
at the slowest natural rate. Stretched as far as a line ever is, by 1 / 0.6, a silence lasts 270."""

FADE = 0.01
"""Seconds in which what was before a cut goes over into what was after it."""

_FRAMES = 1_000
"""Per second: the grid on which a sound's level is looked at."""

_DIGITAL_SILENCE = 1e-4
"""Of full scale: -80 dBFS, whatever the peak."""


def trimmed(sound: FloatArray, rate: int) -> FloatArray:
    """Mono `sound` at `rate` Hz, shape (n,), from its first sound to its last, with short ramps at both; nothing where
    there is no sound."""
    frame, edge = rate // _FRAMES, round(EDGE * rate)
    heard = np.flatnonzero(~_silent(sound, frame, TRIM_DB))
    if not len(heard):
        return sound[:0]
    kept: FloatArray = sound[max(0, heard[0] * frame - edge) : (heard[-1] + 1) * frame + edge].copy()
    if len(kept) > 2 * edge:
        ramp = _rise(edge)
        kept[:edge] *= ramp
        kept[-edge:] *= ramp[::-1]
    return kept


def capped(sound: FloatArray, rate: int, longest: float = LONGEST) -> FloatArray:
    """Mono `sound` at `rate` Hz, shape (n,), with no silence in it longer than `longest` seconds (at least FADE), to a
    millisecond; the very same sound where there is none. Of a longer one, what is quietest goes."""
    frame = rate // _FRAMES
    silent = np.concatenate([[False], _silent(sound, frame, PAUSE_DB), [False]])
    edges = np.flatnonzero(np.diff(silent)).reshape(-1, 2) * frame
    kept, fade = round(longest * rate), round(FADE * rate)
    cuts = [
        _quietest(sound, int(start), int(end), int(end - start) - kept, fade)
        for start, end in edges
        if end - start > kept
    ]
    return _without(sound, cuts, fade) if cuts else sound


def _silent(sound: FloatArray, frame: int, depth: float) -> npt.NDArray[np.bool_]:
    """Which frames of `frame` samples stay `depth` dB or more under the peak; less than a frame at the end is none."""
    frames = len(sound) // frame
    level = np.abs(sound[: frames * frame]).reshape(frames, frame).max(axis=1)
    bar = max(float(level.max(initial=0.0)) * 10 ** (-depth / 20), _DIGITAL_SILENCE)
    return np.asarray(level <= bar)


def _quietest(sound: FloatArray, start: int, end: int, length: int, fade: int) -> tuple[int, int]:
    """Where `length` samples, and a fade after them, are missed least between `start` and `end`."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(sound[start:end], dtype=np.float64))])
    window = length + fade
    at = start + int(np.argmin(energy[window:] - energy[:-window]))
    return at, at + length


def _without(sound: FloatArray, cuts: list[tuple[int, int]], fade: int) -> FloatArray:
    """`sound` without the samples of `cuts`, which are in order, each closed by a crossfade of `fade` samples."""
    rise = _rise(fade)
    parts = [sound[: cuts[0][0]]]
    for (before, after), (following, _) in pairwise([*cuts, (len(sound), len(sound))]):
        parts.append(sound[before : before + fade] * rise[::-1] + sound[after : after + fade] * rise)
        parts.append(sound[after + fade : following])
    return np.concatenate(parts)


def _rise(length: int) -> FloatArray:
    """From 0 to 1 in `length` samples, without a corner."""
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)).astype(np.float32)
