"""What can be measured of one stretch of speech that says how well a voice is learned from it. Judges nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from align.types import SAMPLE_RATE, SAMPLES_PER_MS, Span
from dubber.audio import FloatArray, Stems
from dubber.stages.cast.stretches import covered
from tts import prosody

Spectra = npt.NDArray[np.float32]
"""Power of short-time spectra, shape (frames, WINDOW // 2 + 1), scaled so that a row sums to mean square."""

WINDOW = 1024
"""Samples under one Hann window (21 ms): short enough to fall between syllables, 47 Hz to a bin."""
HOP = WINDOW // 2

MARGIN_MS = 300
"""Milliseconds of pause looked at on either side of a stretch, for the floor of one without a pause inside."""

RUMBLE_HZ = 80.0
"""Below it lies no speech: level and floor are those above."""

SHORTEST_MS = round(1000 * prosody.SHORTEST)
"""Less says nothing about a speaker."""

QUIET_SHARE = 5.0
"""Percent of the frames that are taken for the floor: so much of the densest speech is closures and pauses."""

LOUD_SHARE = 95.0
"""Percentile of frames that stands for the loud ones: one click is no speech."""

SPEAKING_BELOW_LOUD_DB = 30.0
"""A frame speaks from here under the loud ones on, as in tts/prosody.py."""

SILENT_DB = -60.0
"""dBFS. Speech below it cannot be told from what a separator leaves behind."""

MOST_DB = 60.0
"""Ratios are cut here: 60 dB is the range of a studio recording, and digital silence has no floor at all."""

OCTAVES_HZ = (250, 500, 1000, 2000, 4000, 8000)
IMPORTANCE = (0.0617, 0.1671, 0.2373, 0.2648, 0.2142, 0.0549)
"""Centres of the octave bands in which bed and speech are compared, and the share of intelligibility that each
carries: ANSI S3.5-1997 (Speech Intelligibility Index), table 3."""

LEAST_BED_DB = -20.0
"""A band in which the bed is louder than this over the speech is lost; how far is no matter."""

BAND_HZ = 500
"""Width of the bands in which the upper edge of speech is looked for."""
RISE_DB = 12.0
"""A band holds speech where its loud frames stand so far above its quiet ones: noise alone reaches about 5 dB."""
BAND_BELOW_DB = 65.0
"""... and no further than this under the strongest band: what lies deeper is a coder's or a resampler's rest."""

FULL_SCALE = 10 ** (-0.1 / 20)
"""Linear, -0.1 dBFS: clipped sound comes back from a coder this close to full scale."""
CLIPPED_RUN = 3
"""Samples in a row at full scale from which they are a clipped wave and not its peak."""


@dataclass(frozen=True)
class Figures:
    """What is measured of one stretch.

    `snr` speaking frames of the stem against its own floor, dB, 0..60; `bed` speech against bed, dB, -20..60: the mean
    over octave bands, each weighted by what it carries; `overlap` share of the time in which others are heard too,
    0..1; `clipped` ms of clipped sound in the source per second; `bandwidth` upper edge of the speech, Hz; `level` RMS
    of the speaking frames, dBFS; `pitch` median Hz and `pitch_range` semitones between its 10th and 90th percentile,
    both None where nothing is voiced; `energy_range` dB between the loud and the middle speaking frames; `seconds`
    length.
    """

    snr: float
    bed: float
    overlap: float
    clipped: float
    bandwidth: float
    level: float
    pitch: float | None
    pitch_range: float | None
    energy_range: float
    seconds: float


def measure(stems: Stems, span: Span, crowd: Sequence[Span] = ()) -> Figures | None:
    """The figures of `span` (ms), None where nothing is heard in its stem, or it is shorter than a syllable.

    `crowd` is where more than one speaker is heard, sorted and disjoint. Reads `span` and MARGIN_MS around it, once.
    """
    if span.duration < SHORTEST_MS:
        return None
    margin = MARGIN_MS * SAMPLES_PER_MS
    begin, end = span.samples.start - margin, span.samples.stop + margin
    source, speech = stems.source.read(begin, end), stems.speech_file.read(begin, end)
    stem = _mono(speech)
    own = slice(margin, len(stem) - margin)
    around = _spectra(stem)
    level = _level(around)
    inside = slice(margin // HOP, max(margin // HOP + 1, (len(stem) - margin) // HOP))
    loud = float(np.percentile(level[inside], LOUD_SHARE))
    speaking = level[inside] > max(SILENT_DB, loud - SPEAKING_BELOW_LOUD_DB)
    if not speaking.any():
        return None
    heard = around[inside][speaking]
    rms = float(_decibels(heard[:, _bins(RUMBLE_HZ, SAMPLE_RATE / 2)].sum(axis=1).mean()))
    pitch, pitch_range = _melody(stem[own])
    under = _mono(source - speech)[own]
    return Figures(
        snr=float(np.clip(rms - _floor(level), 0.0, MOST_DB)),
        bed=_over_bed(around[inside], _spectra(under)),
        overlap=covered(span, crowd) / span.duration,
        clipped=_clipped(source[own]),
        bandwidth=_bandwidth(around[inside], around),
        level=rms,
        pitch=pitch,
        pitch_range=pitch_range,
        energy_range=loud - float(np.median(level[inside][speaking])),
        seconds=span.duration / 1000,
    )


def quietest(stems: Stems, span: Span) -> int:
    """The moment (ms) in `span` at which the stem is quietest, which is where cutting it harms a word least."""
    stem = _mono(stems.speech_file.read(span.samples.start, span.samples.stop))
    level = _level(_spectra(stem))
    return span.start + min(span.duration, round((int(level.argmin()) * HOP + WINDOW / 2) / SAMPLES_PER_MS))


def _mono(samples: FloatArray) -> FloatArray:
    """The channels' mean, shape (n,), of samples (n, channels); as a product, several times faster than `mean`."""
    channels = samples.shape[1]
    mono: FloatArray = samples @ np.full(channels, 1.0 / channels, np.float32)
    return mono


def _spectra(mono: FloatArray) -> Spectra:
    """Short-time power of mono samples, shape (n,) at 48 kHz; frame i covers samples [i * HOP, i * HOP + WINDOW)."""
    short = max(0, WINDOW - len(mono))
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(mono, (0, short)), WINDOW)[::HOP]
    window = np.hanning(WINDOW).astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(frames * window))).astype(np.float32)
    scaled: Spectra = power * np.float32(2.0 / (WINDOW * float(np.sum(window**2))))
    return scaled


def _bins(low: float, high: float) -> slice:
    return slice(round(low * WINDOW / SAMPLE_RATE), round(high * WINDOW / SAMPLE_RATE) + 1)


def _decibels(power: npt.ArrayLike) -> npt.NDArray[np.float64]:
    level: npt.NDArray[np.float64] = 10.0 * np.log10(np.maximum(np.asarray(power, np.float64), 1e-12))
    return level


def _level(spectra: Spectra) -> npt.NDArray[np.float64]:
    """dBFS of each frame above RUMBLE_HZ, shape (frames,)."""
    return _decibels(spectra[:, _bins(RUMBLE_HZ, SAMPLE_RATE / 2)].sum(axis=1))


def _floor(level: npt.NDArray[np.float64]) -> float:
    """dBFS of what is there when nobody speaks: the quietest frames, in and around the stretch."""
    quiet = np.sort(level)[: max(1, round(len(level) * QUIET_SHARE / 100))]
    return float(_decibels(np.mean(10.0 ** (quiet / 10.0))))


def _melody(stem: FloatArray) -> tuple[float | None, float | None]:
    """Median pitch in Hz, and the semitones between its 10th and 90th percentile; None where nothing is voiced."""
    _, track = prosody.f0_track(stem, SAMPLE_RATE)
    pitch = track[np.isfinite(track)]
    if len(pitch) < prosody.FEWEST_VOICED:
        return None, None
    low, middle, high = np.percentile(pitch, (10, 50, 90))
    return float(middle), float(12.0 * np.log2(high / low))


def _over_bed(speech: Spectra, bed: Spectra) -> float:
    """Speech over bed in dB, octave by octave; one that holds neither is as good as clean."""
    total = 0.0
    for centre, importance in zip(OCTAVES_HZ, IMPORTANCE, strict=True):
        band = _bins(centre / 2**0.5, centre * 2**0.5)
        said, other = (
            float(_decibels(part[:, band].sum(axis=1).mean())) if len(part) else -120.0
            for part in (speech, bed)
        )
        ratio = said - other if max(said, other) > SILENT_DB - MOST_DB / 2 else MOST_DB
        total += importance * float(np.clip(ratio, LEAST_BED_DB, MOST_DB))
    return total


def _bandwidth(speech: Spectra, around: Spectra) -> float:
    """Hz up to which the loud frames of `speech` rise over the quiet ones `around`; BAND_HZ where no band does."""
    per_band = round(BAND_HZ * WINDOW / SAMPLE_RATE)
    count = speech.shape[1] // per_band
    loud, quiet = (
        np.percentile(
            _decibels(part[:, : count * per_band].reshape(len(part), count, per_band).sum(axis=2)),
            share,
            axis=0,
        )
        for part, share in ((speech, LOUD_SHARE), (around, QUIET_SHARE))
    )
    risen = (loud - quiet >= RISE_DB) & (loud >= loud.max() - BAND_BELOW_DB)
    top = int(np.flatnonzero(risen)[-1]) + 1 if risen.any() else 1
    return top * per_band * SAMPLE_RATE / WINDOW


def _clipped(source: FloatArray) -> float:
    """Milliseconds per second in which a channel of `source`, shape (n, channels), stands at full scale."""
    count = len(source) - CLIPPED_RUN + 1
    if count < 1 or max(source.max(), -source.min()) < FULL_SCALE:
        return 0.0
    full = np.abs(source) >= FULL_SCALE
    begins = np.logical_and.reduce([full[i : i + count] for i in range(CLIPPED_RUN)])
    clipped = np.zeros_like(full)
    for i in range(CLIPPED_RUN):
        clipped[i : i + count] |= begins
    return 1000.0 * float(clipped.any(axis=1).mean())
