"""What a recording tells about how it was said: pitch, range, level, tempo, brightness. Never speaks, and touches no
file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tts.door import FloatArray, Reference
from tts.errors import BadReference

ANALYSIS_RATE = 8_000
"""Hz. Voicing and nuclei live below 4 kHz; a low rate keeps the whole analysis a few milliseconds per second."""

F0_FLOOR = 65.0
"""Hz. Below it lie creak and mains hum rather than speech melody."""

F0_CEILING = 550.0
"""Hz. A child's shout; above it a lag is too few samples at ANALYSIS_RATE to be told from the first formant."""

SHORTEST = 0.1
"""Seconds. A syllable; less sound than that says nothing about a speaker."""

FEWEST_VOICED = 5
"""Voiced frames (50 ms) from which a median pitch is worth the name."""

SILENCE = -60.0
"""dBFS. Frames below it are nobody speaking, whatever the rest of the recording holds."""

_HOP = ANALYSIS_RATE // 100
_WINDOW = ANALYSIS_RATE // 40  # 25 ms: one and a half periods at F0_FLOOR, so that a glide stays one pitch
_LAGS = int(ANALYSIS_RATE / F0_FLOOR) + 2
_FFT = 512  # >= _WINDOW + _LAGS - 1: the correlation does not wrap
_BLOCK = 4_096  # frames (41 s) analysed at once: memory stays bounded for a recording of any length
_VOICED = 0.55  # normalised correlation; white noise stays below 0.35 at this window
_OCTAVE_COST = 0.12  # taken off the correlation at the longest lag: of equal peaks the shortest period wins
_ACTIVE_BELOW_LOUD = 30.0  # dB under the loud frames (95th percentile) that still counts as speech
_NUCLEUS_DIP = 2.0  # dB between two syllable nuclei: de Jong & Wempe, Behavior Research Methods 41 (2009)
_NUCLEUS_BELOW_LOUD = 20.0  # dB under the loud frames: weaker bumps are consonants and breath
_BRIGHT_EDGE = 1_000.0  # Hz, the border of the alpha ratio: Eyben et al., GeMAPS (2016)


@dataclass(frozen=True)
class Prosody:
    """How a recording is said.

    `f0` median pitch in Hz and `f0_range` the distance between its 10th and 90th percentile in semitones,
    both None where (almost) nothing is voiced; `level` RMS of the speaking frames in dBFS; `tempo`
    syllable nuclei per second of speaking, None where too few were found; `brightness` alpha ratio in dB
    (energy over 1 kHz against energy under it); `active` and `voiced` seconds of speaking and of voicing.
    """

    f0: float | None
    f0_range: float | None
    level: float
    tempo: float | None
    brightness: float
    active: float
    voiced: float


def f0_track(samples: FloatArray, rate: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Pitch of one voice every 10 ms.

    samples: mono, shape (n,). Returns (times, f0), both shape (frames,): the frame's middle in
    milliseconds, and Hz in F0_FLOOR..F0_CEILING with nan where nothing is voiced.

    Normalised cross-correlation as in RAPT (Talkin 1995), searched twice: the second time only around
    the pitch that the first one found (De Looze & Hirst 2008), which removes octave errors.
    """
    sound = _at_analysis_rate(samples, rate)
    frames = len(sound) // _HOP
    times = (np.arange(frames, dtype=np.float64) + 0.5) * (1000 * _HOP / ANALYSIS_RATE)
    if not frames:
        return times, np.empty(0)
    correlation, level = _correlations(sound, frames)
    audible = level > max(SILENCE, float(np.percentile(level, 95)) - _ACTIVE_BELOW_LOUD)
    first = _best_lag(correlation, audible, F0_FLOOR, F0_CEILING)
    if np.isfinite(first).sum() < 3:
        return times, np.full(frames, np.nan)
    low, high = np.nanpercentile(first, (25, 75))
    f0 = _best_lag(correlation, audible, max(F0_FLOOR, 0.67 * low), min(F0_CEILING, 1.9 * high))
    return times, _without_blips(f0)


def measure(reference: Reference) -> Prosody:
    """The prosody of a recording.

    Raises BadReference where it is not finite, silent, or shorter than SHORTEST.
    """
    samples = np.asarray(reference.samples, dtype=np.float32)
    if samples.ndim != 1 or reference.rate <= 0:
        raise BadReference("A reference must be mono samples at a positive rate.")
    if not np.isfinite(samples).all():
        raise BadReference("The reference holds samples that are not numbers.")
    if len(samples) < SHORTEST * reference.rate:
        raise BadReference(f"The reference is shorter than {SHORTEST:g} s.")
    sound = _at_analysis_rate(samples, reference.rate)
    energy = _frame_level(samples, reference.rate)
    loud = float(np.percentile(energy, 95))
    if loud < SILENCE:
        raise BadReference("The reference is silent.")
    active = energy > max(SILENCE, loud - _ACTIVE_BELOW_LOUD)
    _, f0 = f0_track(samples, reference.rate)
    pitch = f0[np.isfinite(f0)]
    enough = len(pitch) >= FEWEST_VOICED
    low, high = np.percentile(pitch, (10, 90)) if enough else (1.0, 1.0)
    seconds = float(active.sum()) / 100.0
    nuclei = _nuclei(sound)
    return Prosody(
        f0=float(np.median(pitch)) if enough else None,
        f0_range=float(12.0 * np.log2(high / low)) if enough else None,
        level=float(10.0 * np.log10(np.mean(10.0 ** (energy[active] / 10.0)))),
        tempo=nuclei / seconds if nuclei >= 2 and seconds else None,
        brightness=_alpha_ratio(sound),
        active=seconds,
        voiced=len(pitch) / 100.0,
    )


def _at_analysis_rate(samples: FloatArray, rate: int) -> FloatArray:
    import soxr

    mono = np.ascontiguousarray(samples, dtype=np.float32)
    if rate == ANALYSIS_RATE or not len(mono):
        return mono
    resampled: FloatArray = soxr.resample(mono, rate, ANALYSIS_RATE, quality="LQ")
    return resampled


def _frame_level(samples: FloatArray, rate: int) -> npt.NDArray[np.float64]:
    """RMS of every whole 10 ms frame in dBFS, shape (frames,); the last one may be longer than the others."""
    edges = np.arange(int(len(samples) * 100 / rate)) * rate // 100
    power = np.add.reduceat(np.square(samples, dtype=np.float64), edges)
    return _decibels(power / np.diff(np.append(edges, len(samples))))


def _decibels(power: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    level: npt.NDArray[np.float64] = 10.0 * np.log10(np.maximum(power, 1e-12))
    return level


def _correlations(sound: FloatArray, frames: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Normalised cross-correlation per frame, shape (frames, _LAGS), and the frames' level in dBFS."""
    span = _WINDOW + _LAGS - 1
    lead = (span - _HOP) // 2
    padded = np.pad(sound.astype(np.float64), (lead, span))
    views = np.lib.stride_tricks.sliding_window_view(padded, span)[: frames * _HOP : _HOP]
    correlation = np.empty((frames, _LAGS))
    level = np.empty(frames)
    for start in range(0, frames, _BLOCK):
        chunk = views[start : start + _BLOCK]
        chunk = chunk - chunk.mean(axis=1, keepdims=True)
        head = np.fft.rfft(chunk[:, :_WINDOW], _FFT)
        product = np.fft.irfft(head.conj() * np.fft.rfft(chunk, _FFT), _FFT)[:, :_LAGS]
        running = np.cumsum(np.pad(chunk**2, ((0, 0), (1, 0))), axis=1)
        energy = running[:, _WINDOW:] - running[:, :_LAGS]
        floor = _WINDOW * 1e-7  # about -70 dBFS: silence correlates with nothing
        correlation[start : start + _BLOCK] = product / (np.sqrt(energy[:, :1] * energy) + floor)
        level[start : start + _BLOCK] = _decibels(running[:, -1] / span)
    return correlation, level


def _best_lag(
    correlation: npt.NDArray[np.float64], audible: npt.NDArray[np.bool_], floor: float, ceiling: float
) -> npt.NDArray[np.float64]:
    """Pitch per frame in Hz within floor..ceiling, nan where unvoiced; the peak is refined by a parabola."""
    shortest = max(1, int(ANALYSIS_RATE / ceiling))
    longest = min(_LAGS - 2, int(np.ceil(ANALYSIS_RATE / floor)))
    lags = np.arange(shortest, longest + 1)
    here = correlation[:, lags]
    left, right = correlation[:, lags - 1], correlation[:, lags + 1]
    peak = (here >= left) & (here >= right)
    score = np.where(peak, here - _OCTAVE_COST * lags / _LAGS, -1.0)
    best = np.argmax(score, axis=1)
    row = np.arange(len(best))
    a, b, c = left[row, best], here[row, best], right[row, best]
    bend = a - 2.0 * b + c
    shift = np.where(bend < -1e-9, 0.5 * (a - c) / np.where(bend < -1e-9, bend, -1.0), 0.0)
    f0 = ANALYSIS_RATE / (lags[best] + np.clip(shift, -0.5, 0.5))
    voiced = audible & peak[row, best] & (b > _VOICED)
    return np.where(voiced, f0, np.nan)


def _without_blips(f0: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Median of three over time; voiced stretches under three frames are taken for noise."""
    voiced = np.isfinite(f0)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], voiced, [False]))))
    smooth = np.full_like(f0, np.nan)
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        if stop - start >= 3:
            run = np.pad(f0[start:stop], 1, mode="edge")
            smooth[start:stop] = np.median(np.stack((run[:-2], run[1:-1], run[2:])), axis=0)
    return smooth


def _nuclei(sound: FloatArray) -> int:
    """Number of syllable nuclei: peaks of the smoothed energy with a dip of _NUCLEUS_DIP on both sides."""
    energy = _frame_level(sound, ANALYSIS_RATE)
    power = 10.0 ** (energy / 10.0)
    window = np.hanning(9)[1:-1]  # 70 ms: shorter than a fast syllable, longer than a pitch period
    smooth = _decibels(np.convolve(power, window / window.sum(), mode="same"))
    threshold = max(SILENCE, float(np.percentile(smooth, 95)) - _NUCLEUS_BELOW_LOUD)
    count, top, bottom, rising = 0, -np.inf, smooth[0] if len(smooth) else 0.0, True
    for value in smooth:
        if rising:
            top = max(top, value)
            if value < top - _NUCLEUS_DIP:
                count += bool(top > threshold)
                rising, bottom = False, value
        else:
            bottom = min(bottom, value)
            if value > bottom + _NUCLEUS_DIP:
                rising, top = True, value
    return count + bool(rising and top > threshold and top > bottom + _NUCLEUS_DIP)


def _alpha_ratio(sound: FloatArray) -> float:
    """Energy over _BRIGHT_EDGE against energy under it, in dB, over the whole recording."""
    low = high = 1e-12
    edge = int(_BRIGHT_EDGE * _FFT / ANALYSIS_RATE)
    whole = np.pad(sound, (0, -len(sound) % _FFT)).reshape(-1, _FFT)
    for start in range(0, len(whole), _BLOCK):
        power = np.square(np.abs(np.fft.rfft(whole[start : start + _BLOCK] * np.hanning(_FFT))))
        low += float(power[:, 3:edge].sum())
        high += float(power[:, edge:].sum())
    return float(10.0 * np.log10(high / low))
