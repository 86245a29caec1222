"""The room a line sounds in: the ring after each sound, the band of a telephone or of a door in between. Puts a take
into it; how the film's own room is found out is `acoustics.py`'s."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from align.types import SAMPLE_RATE, SAMPLES_PER_MS

FloatArray = npt.NDArray[np.float32]
Decibels = npt.NDArray[np.float64]

TAIL_MS = 600
"""How long a line's room may ring after its slot; real rooms are 25 dB down by then or longer than one wants."""

CLOSING_MS = 200
"""The end of that time, over which what still rings is faded out."""

EARLIEST_MS = 3
"""When the ring begins: the first wall is some half a metre away."""

LONGEST_S = 1.5
"""A longer ring is cut here, far under what still can be heard beside speech."""

RINGING_HZ = (250.0, 1500.0, 6000.0)
"""The edges of the two bands whose ring is measured apart: vowels, and what lies above them."""

THIRDS_HZ = tuple(10 ** (step / 10) for step in range(20, 41))
"""The centres of one-third octaves from 100 Hz to 10 kHz (IEC 61260-1, base ten)."""

DEEPEST_DB = -60.0
"""The most that a band is taken down: deeper is not heard beside the rest."""

FIR_TAPS = 2047
"""Taps of the band filter at 48 kHz: 43 ms, which keeps the third octave at 250 Hz from its neighbours."""

CLOSED = 5 * SAMPLES_PER_MS
"""Samples (5 ms) over which a filtered take comes and goes."""

SEED = 48_000
"""Of the noise that rings. The same room rings alike in every line and in every run."""


@dataclass(frozen=True)
class Echo:
    """How a room rings: the time in s in which the ring falls by 60 dB, in the lower and upper of RINGING_HZ's bands,
    and the ring's energy in dB over that of the sound that came straight."""

    decay: tuple[float, float]
    ratio: float


@dataclass(frozen=True)
class Band:
    """What a line is let through: edges in Hz (0 and infinity where there is none), and the source's level in every
    one of THIRDS_HZ, in dB over the mean of those in between the edges."""

    low: float
    high: float
    levels: tuple[float, ...]


@dataclass(frozen=True)
class Room:
    """A room, with an echo, a band, or both."""

    echo: Echo | None = None
    band: Band | None = None

    def around(self, take: FloatArray) -> FloatArray:
        """The take, shape (n,) at 48 kHz, as it sounds in this room: shape (n,), or with an echo n + TAIL_MS long;
        what came straight lies where the take lies. The very take where the room does nothing to it."""
        if self.band is not None:
            take = through(self.band, take)
        return take if self.echo is None else ringing(self.echo, take)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and lists; infinity is None."""
        band = self.band and {
            "low": self.band.low,
            "high": self.band.high if math.isfinite(self.band.high) else None,
            "levels": list(self.band.levels),
        }
        echo = self.echo and {"decay": list(self.echo.decay), "ratio": self.echo.ratio}
        return {"echo": echo, "band": band}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Room:
        """What `to_json` gave. Raises KeyError, ValueError or TypeError for anything else."""
        echo, band = data["echo"], data["band"]
        if echo is not None:
            low, high = (float(value) for value in echo["decay"])
            echo = Echo((low, high), float(echo["ratio"]))
        if band is not None:
            high = math.inf if band["high"] is None else float(band["high"])
            band = Band(float(band["low"]), high, tuple(float(value) for value in band["levels"]))
        return cls(echo, band)


def ringing(echo: Echo, take: FloatArray) -> FloatArray:
    """The take and its ring, shape (n,) -> (n + TAIL_MS in samples,), faded out over the last CLOSING_MS."""
    length = len(take) + TAIL_MS * SAMPLES_PER_MS
    out = np.zeros(length, dtype=np.float32)
    out[: len(take)] = take
    if len(take):
        ring = _convolved(take, _tail(echo))[:length]
        out[: len(ring)] += ring
    closing = CLOSING_MS * SAMPLES_PER_MS
    out[-closing:] *= (0.5 + 0.5 * np.cos(np.pi * (np.arange(closing) + 1) / closing)).astype(np.float32)
    return out


def through(band: Band, take: FloatArray) -> FloatArray:
    """The take, shape (n,), with every third octave outside the band's edges brought down to where the source has it,
    by a linear-phase filter whose delay is taken back. The very take where it has nothing there anyway."""
    gains = np.zeros(len(THIRDS_HZ))
    ours = relative(third_octaves(take), band.low, band.high)
    outside = (np.array(THIRDS_HZ) < band.low) | (np.array(THIRDS_HZ) > band.high)
    gains[outside] = np.clip(np.array(band.levels) - ours, DEEPEST_DB, 0.0)[outside]
    if not gains.any():
        return take
    taps = _filter(gains)
    out = _convolved(take, taps)[len(taps) // 2 :][: len(take)]
    # What the filter rings before and after the take is left out, so its ends are closed.
    ramp = np.sin(np.linspace(0, np.pi / 2, min(CLOSED, len(out)), dtype=np.float32)) ** 2
    out[: len(ramp)] *= ramp
    out[len(out) - len(ramp) :] *= ramp[::-1]
    return out


def third_octaves(sound: FloatArray) -> Decibels:
    """dB of the power of mono sound at 48 kHz, shape (n,), in each of THIRDS_HZ, shape (21,); -200 for none."""
    size = max(len(sound), SAMPLE_RATE // 10)
    power = np.abs(np.fft.rfft(sound, size)) ** 2
    return thirds_of(
        np.asarray(power, np.float64), np.asarray(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), np.float64)
    )


def thirds_of(power: npt.NDArray[np.float64], hz: npt.NDArray[np.float64]) -> Decibels:
    """dB of a power spectrum, shape (bins,) at frequencies `hz`, in each of THIRDS_HZ, shape (21,)."""
    edges = np.searchsorted(hz, [10 ** (step / 10 - 0.05) for step in range(20, 42)])
    sums = np.concatenate([[0.0], np.cumsum(power)])
    return np.asarray(10 * np.log10(np.maximum(sums[edges[1:]] - sums[edges[:-1]], 1e-20)))


def relative(levels: Decibels, low: float, high: float) -> Decibels:
    """Levels per third octave over the mean power of those between two frequencies in Hz."""
    inside = (np.array(THIRDS_HZ) >= low) & (np.array(THIRDS_HZ) <= high)
    return np.asarray(levels - 10 * np.log10(np.mean(10 ** (levels[inside] / 10))))


@lru_cache(maxsize=8)
def _tail(echo: Echo) -> FloatArray:
    """The ring's impulse response at 48 kHz: Gaussian noise that decays in each band at the band's own rate."""
    length = round(min(max(echo.decay), LONGEST_S) * SAMPLE_RATE)
    # RandomState's stream is promised never to change; default_rng's is not.
    noise = np.random.RandomState(SEED).standard_normal(length)
    spectrum, hz = np.fft.rfft(noise), np.fft.rfftfreq(length, 1 / SAMPLE_RATE)
    middles = np.log([math.sqrt(low * high) for low, high in pairwise(RINGING_HZ)])
    upper = np.interp(np.log(np.maximum(hz, 1.0)), middles, [0.0, 1.0])
    seconds = np.arange(length) / SAMPLE_RATE
    tail = np.zeros(length)
    for share, decay in ((1 - upper, echo.decay[0]), (upper, echo.decay[1])):
        tail += np.fft.irfft(spectrum * np.sqrt(share), length) * 10 ** (-3 * seconds / decay)
    tail[: EARLIEST_MS * SAMPLES_PER_MS] = 0.0
    return np.asarray(tail * math.sqrt(10 ** (echo.ratio / 10) / np.sum(tail**2)), dtype=np.float32)


def _filter(gains: Decibels) -> FloatArray:
    """The taps of a linear-phase filter with these gains in dB over each of THIRDS_HZ, shape (FIR_TAPS,)."""
    size = 8 * (FIR_TAPS + 1)
    hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    band = np.clip(np.round(10 * np.log10(np.maximum(hz, 1.0))) - 20, 0, len(gains) - 1).astype(int)
    taps = np.fft.irfft(10 ** (gains[band] / 20), size)
    middle = FIR_TAPS // 2
    return np.asarray(np.roll(taps, middle)[:FIR_TAPS] * np.hanning(FIR_TAPS + 2)[1:-1], dtype=np.float32)


def _convolved(sound: FloatArray, taps: FloatArray) -> FloatArray:
    """The whole convolution, shape (n + m - 1,)."""
    length = len(sound) + len(taps) - 1
    size = 1 << (length - 1).bit_length()
    return np.asarray(
        np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(taps, size), size)[:length], dtype=np.float32
    )
