"""How loud sound is: ITU-R BS.1770-4 loudness and true peak, streaming. Measures; never changes a sample.

The whole film is reduced to the K-weighted energy of every 100 ms, about 36,000 numbers per channel and
hour, from which the loudness of the programme or of any part of it follows without the audio.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from align.types import SAMPLE_RATE, Span
from dubber.audio import AudioFile

FloatArray = npt.NDArray[np.float32]
Energies = npt.NDArray[np.float64]

SUB_BLOCK_MS = 100
"""The hop of BS.1770's 400 ms gating blocks, which overlap by 75 %."""

GATING_BLOCK = 4
"""Sub-blocks in a gating block (400 ms)."""

SHORT_TERM = 30
"""Sub-blocks in the short-term window (3 s, EBU Tech 3341)."""

ABSOLUTE_GATE = -70.0
"""LUFS. Blocks below it count as silence (BS.1770-4)."""

RELATIVE_GATE = -10.0
"""LU. Blocks this far below the mean of the others do not count either (BS.1770-4)."""

LUFS_OFFSET = -0.691
"""dB. Takes back the K-weighting's gain at 997 Hz, so that a full-scale sine in one channel reads -3.01."""

SUB_BLOCKS_PER_FFT = 6
"""600 ms at a time: with what must lead in, 32,768 samples at 48 kHz, which stay in a core's cache."""

LEAD_IN_S = 0.06
"""Seconds of sound that still ring in the K-weighting; its high-pass falls by 120 dB in this time."""

OVERSAMPLING = 4
"""BS.1770-4 annex 2 asks for at least 192 kHz."""

OVERSHOOT = 10 ** (4 / 20)
"""4 dB. Sound overshoots its samples by 3 dB at the most where one tone makes the peak; more takes a signal made
for it."""

PEAK_TAPS = 20
"""Taps per phase of the oversampling filter: flat within 0.02 dB up to 20 kHz, which annex 2's 12 are not."""

PEAK_KAISER = 5.0
"""Shape of that filter's window, the one that keeps it flat with so few taps."""

PEAK_PIECE = 512
"""Samples that are passed over together where none is high: short, so that one peak costs little."""


def k_weighting(rate: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The two biquads of K-weighting at `rate` Hz: the head's high shelf and the high-pass that follows it,
    each as (b0, b1, b2, a1, a2) with a0 = 1.

    BS.1770-4 gives them as a table for 48 kHz only. These are the analogue filters behind that table (corner,
    Q and gain found by inverting the bilinear transform) brought to any rate with the same transform.
    """
    shelf_hz, shelf_q, shelf_db, shelf_slope = (
        1681.974450955533,
        0.7071752369554196,
        3.999843853973347,
        0.49966678,
    )
    k = math.tan(math.pi * shelf_hz / rate)
    high = 10 ** (shelf_db / 20)
    mid = high**shelf_slope
    a0 = 1 + k / shelf_q + k * k
    shelf = (
        (high + mid * k / shelf_q + k * k) / a0,
        2 * (k * k - high) / a0,
        (high - mid * k / shelf_q + k * k) / a0,
        2 * (k * k - 1) / a0,
        (1 - k / shelf_q + k * k) / a0,
    )
    pass_hz, pass_q = 38.13547087602444, 0.5003270373238773
    # The table's high-pass is not scaled to unity, so its gain at 48 kHz (0.04 dB) belongs to the filter.
    k, k48 = (math.tan(math.pi * pass_hz / hz) for hz in (rate, SAMPLE_RATE))
    a0, gain = 1 + k / pass_q + k * k, 1 + k48 / pass_q + k48 * k48
    b0 = gain / a0
    return shelf, (b0, -2 * b0, b0, 2 * (k * k - 1) / a0, (1 - k / pass_q + k * k) / a0)


@lru_cache(maxsize=4)
def _response(rate: int, size: int) -> npt.NDArray[np.complex64]:
    """K-weighting's frequency response at the bins of a real FFT of `size`, shape (size // 2 + 1,)."""
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    total = np.ones_like(z)
    for b0, b1, b2, a1, a2 in k_weighting(rate):
        total *= (b0 + b1 * z + b2 * z * z) / (1 + a1 * z + a2 * z * z)
    return np.asarray(total, dtype=np.complex64)


@dataclass(frozen=True, eq=False)
class Loudness:
    """The K-weighted mean square of every 100 ms of a sound, per channel.

    `energies` has shape (sub-blocks, channels); a last one that the sound does not fill counts as ending
    in silence. `duration` is the sound's length in milliseconds.
    """

    energies: Energies = field(repr=False)
    duration: int

    @property
    def integrated(self) -> float:
        """Programme loudness in LUFS, gated as BS.1770-4 says; -inf for silence.

        A sound shorter than one gating block (400 ms) is measured whole: good for comparing, not for
        delivery.
        """
        total = self.energies.sum(axis=1)
        if self.duration < GATING_BLOCK * SUB_BLOCK_MS:
            return gated(np.array([total.sum() * SUB_BLOCK_MS / max(self.duration, 1)]))
        return gated(gating_blocks(total[: self.duration // SUB_BLOCK_MS]))

    def part(self, span: Span) -> Loudness:
        """A part of the sound, from the nearest sub-block's edge to the nearest; one sub-block at least."""
        first = min((span.start + SUB_BLOCK_MS // 2) // SUB_BLOCK_MS, max(0, len(self.energies) - 1))
        last = max((span.end + SUB_BLOCK_MS // 2) // SUB_BLOCK_MS, first + 1)
        return Loudness(self.energies[first:last], SUB_BLOCK_MS * len(self.energies[first:last]))

    def of(self, spans: Iterable[Span]) -> float:
        """Gated loudness in LUFS of these parts of the sound taken together; -inf where they are silent.

        Edges are those of the nearest sub-blocks. Gating blocks do not reach across from one span to the
        next; a span shorter than 400 ms is one block.
        """
        total, blocks = self.energies.sum(axis=1), [np.zeros(0)]
        for span in spans:
            first = (span.start + SUB_BLOCK_MS // 2) // SUB_BLOCK_MS
            last = max((span.end + SUB_BLOCK_MS // 2) // SUB_BLOCK_MS, first + 1)
            blocks.append(gating_blocks(total[first:last]))
        return gated(np.concatenate(blocks))

    @property
    def short_term(self) -> Energies:
        """Loudness in LUFS of every 3 s window, one per 100 ms, ungated; empty for a shorter sound."""
        energies: Energies = self.energies.sum(axis=1)
        return lufs(_running_mean(energies, SHORT_TERM))

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and lists, five significant digits (0.0001 dB)."""
        rounded = [[float(f"{value:.5g}") for value in channel] for channel in self.energies.T]
        return {"duration": self.duration, "energies": rounded}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Loudness:
        """What `to_json` gave. Raises KeyError, ValueError or TypeError for anything else."""
        energies = np.array(data["energies"], dtype=np.float64)
        if energies.ndim != 2 or not np.isfinite(energies).all() or (energies < 0).any():
            raise ValueError("not the energies of a sound: expected a list of numbers for every channel")
        return cls(np.ascontiguousarray(energies.T), int(data["duration"]))


def lufs(energies: Energies) -> Energies:
    """Loudness in LUFS of K-weighted energies summed over channels, any shape; -inf where there is none."""
    with np.errstate(divide="ignore"):
        return np.asarray(LUFS_OFFSET + 10 * np.log10(energies))


def gated(blocks: Energies) -> float:
    """Loudness in LUFS of gating blocks' energies, shape (n,), after both gates; -inf where none passes."""
    loud = blocks[lufs(blocks) > ABSOLUTE_GATE]
    if not len(loud):
        return -math.inf
    return float(lufs(loud[lufs(loud) > lufs(loud.mean()) + RELATIVE_GATE].mean()))


def gating_blocks(energies: Energies) -> Energies:
    """The mean energy of every 400 ms, one per 100 ms, of consecutive sub-blocks, shape (n,) -> (m,); fewer
    than four sub-blocks make one block."""
    if 0 < len(energies) < GATING_BLOCK:
        return np.array([energies.mean()])
    return _running_mean(energies, GATING_BLOCK)


def _running_mean(values: Energies, width: int) -> Energies:
    if len(values) < width:
        return np.zeros(0)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(values, width).mean(axis=1))


class Meter:
    """Takes sound in pieces of any size, shape (n, channels), and gives its `Loudness` at the end.

    The pieces' sizes change nothing in the result. Raises ValueError where a piece has other channels.
    """

    def __init__(self, channels: int, rate: int = SAMPLE_RATE) -> None:
        self._sub = rate * SUB_BLOCK_MS // 1000
        self._hop = SUB_BLOCKS_PER_FFT * self._sub
        self._size = 1 << math.ceil(math.log2(self._hop + LEAD_IN_S * rate))
        self._response = _response(rate, self._size)
        self._rate, self._frames = rate, 0
        # One FFT's samples: those that lead in, then those that are measured. Silence comes before the sound.
        self._window = np.zeros((channels, self._size), dtype=np.float32)
        self._filled = self._size - self._hop
        self._energies: list[Energies] = []

    def push(self, samples: FloatArray) -> None:
        """Measure the next samples, shape (n, channels), or (n,) for one channel."""
        pieces = samples[:, None] if samples.ndim == 1 else samples
        if pieces.shape[1] != len(self._window):
            raise ValueError(f"{pieces.shape[1]} channels given to a meter of {len(self._window)}")
        done = 0
        while done < len(pieces):
            count = min(self._size - self._filled, len(pieces) - done)
            self._window[:, self._filled : self._filled + count] = pieces[done : done + count].T
            self._filled += count
            done += count
            if self._filled == self._size:
                self._measure()
        self._frames += len(pieces)

    def finish(self) -> Loudness:
        """The loudness of everything pushed; the meter is spent."""
        count = -(-self._frames // self._sub)
        self._window[:, self._filled :] = 0
        self._measure()
        energies = np.concatenate(self._energies, axis=1)[:, :count]
        return Loudness(np.ascontiguousarray(energies.T), self._frames * 1000 // self._rate)

    def _measure(self) -> None:
        lead = self._size - self._hop
        # The filter rings round the FFT's end into its beginning, which is the lead-in and thrown away.
        weighted = np.fft.irfft(np.fft.rfft(self._window) * self._response, self._size)[:, lead:]
        blocks = weighted.reshape(len(weighted), SUB_BLOCKS_PER_FFT, self._sub)
        self._energies.append(np.einsum("cbn,cbn->cb", blocks, blocks).astype(np.float64) / self._sub)
        self._window[:, :lead] = self._window[:, self._hop :].copy()
        self._filled = lead


def loudness_of(samples: FloatArray, rate: int = SAMPLE_RATE) -> Loudness:
    """The `Loudness` of sound in memory, shape (n, channels), or (n,) for one channel."""
    meter = Meter(samples.shape[1] if samples.ndim == 2 else 1, rate)
    meter.push(samples)
    return meter.finish()


def measure(audio: AudioFile, progress: Callable[[float], None] = lambda _: None) -> Loudness:
    """The `Loudness` of a whole file in one pass; `progress` hears the share done, 0..1."""
    meter = Meter(audio.channels, audio.rate)
    for start, samples in audio.blocks():
        meter.push(samples)
        progress((start + len(samples)) / audio.frames)
    return meter.finish()


@lru_cache(maxsize=1)
def _interpolator() -> tuple[FloatArray, float]:
    """Taps of the phases between two samples, shape (PEAK_TAPS, OVERSAMPLING - 1), and the most that they can
    raise a sample's level: a Kaiser-windowed sinc, so that annex 2's method holds up to the band's edge."""
    half = PEAK_TAPS // 2
    at = np.arange(-half + 1, half + 1)[:, None] - np.arange(1, OVERSAMPLING) / OVERSAMPLING
    taps = np.sinc(at) * np.i0(PEAK_KAISER * np.sqrt(1 - (at / half) ** 2)) / np.i0(PEAK_KAISER)
    taps /= taps.sum(axis=0)
    return np.asarray(taps, dtype=np.float32), float(max(1.0, np.abs(taps).sum(axis=0).max()))


def peak_bound() -> float:
    """The most, as a factor, that a true peak can rise above the samples around it."""
    return _interpolator()[1]


def peaks_between(samples: FloatArray, floor: float = 0.0) -> FloatArray:
    """The greatest magnitude (linear), over all channels, from each sample to just before the next.

    `samples` has shape (PEAK_TAPS - 1 + n, channels): n samples with PEAK_TAPS // 2 - 1 before and
    PEAK_TAPS // 2 after them; the result has shape (n,). Where the true peak surely stays under `floor`
    (linear), as in most of a film, the samples themselves are all that is looked at.
    """
    taps, bound = _interpolator()
    channels = np.ascontiguousarray(samples.T)
    levels: FloatArray = np.abs(channels).max(axis=0)
    peaks: FloatArray = levels[PEAK_TAPS // 2 - 1 : len(levels) - PEAK_TAPS // 2].copy()
    for start in range(0, len(peaks), PEAK_PIECE):
        part = slice(start, min(start + PEAK_PIECE, len(peaks)))
        around = slice(part.start, part.stop + PEAK_TAPS - 1)
        if levels[around].max() * bound > floor:
            for channel in channels:
                for phase in taps.T:
                    between = np.abs(np.correlate(channel[around], phase, "valid"))
                    np.maximum(peaks[part], between, out=peaks[part])
    return peaks


class PeakMeter:
    """The true peak of sound that comes in pieces of any size, shape (n, channels).

    Looked for around samples within OVERSHOOT of the loudest: around softer ones it could be higher in theory only.
    """

    def __init__(self, channels: int, before: FloatArray | None = None) -> None:
        """`before` is what sounded before the first piece, shape (PEAK_TAPS - 1, channels); silence if not given."""
        self._tail = np.zeros((PEAK_TAPS - 1, channels), dtype=np.float32) if before is None else before
        self._peak = 0.0

    @property
    def peak(self) -> float:
        """The true peak so far (linear), but for what lies between the last few samples."""
        return self._peak

    def push(self, samples: FloatArray) -> None:
        """Listen to the next samples."""
        joined = np.concatenate([self._tail, samples])
        self._tail = joined[len(samples) :]
        if len(samples):
            self._peak = max(self._peak, float(np.abs(samples).max()))
            floor = self._peak * peak_bound() / OVERSHOOT
            self._peak = max(self._peak, float(peaks_between(joined, floor).max()))

    def finish(self) -> float:
        """The true peak of everything pushed, in dBTP; -inf for silence."""
        self.push(np.zeros_like(self._tail))
        return 20 * math.log10(self._peak) if self._peak > 0 else -math.inf


def true_peak(samples: FloatArray) -> float:
    """True peak in dBTP (BS.1770-4 annex 2: four times oversampled) of shape (n, channels) or (n,)."""
    pieces = samples[:, None] if samples.ndim == 1 else samples
    meter = PeakMeter(pieces.shape[1])
    meter.push(pieces)
    return meter.finish()
