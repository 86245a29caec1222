"""The anti-aliased activation of BigVGAN: SnakeBeta at twice the rate, between two low-passes. Knows no network.

Everything is time-major, [B, T, C]. x is the sequence, y the same at twice the rate: y[2t] stands at x[t], y[2t + 1]
half a sample later. With the filter split into its two phases each is a sum over six neighbours, and no zero that
upsampling puts between samples is ever multiplied.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

TAPS = 12
"""Length of the low-pass, in samples at twice the rate (BigVGAN, section 3.2)."""

CUTOFF, HALF_WIDTH = 0.25, 0.3
"""Cutoff and transition half width of the low-pass, in cycles per sample at twice the rate."""

REACH = TAPS // 2
"""Samples of x that one of y is made of. On the way down z[t] takes y[2t - 5 … 2t + 6], hence x[t - 5 … t + 5]; one
sample more on the left keeps the rows of y in pairs."""

TILE = 8
"""Samples that one banded matrix maps at once: fewer multiply less zero, more fill the matrix units better.
Of 8, 16 and 32, 8 was the fastest at 768 as at 24 channels."""

CACHED, UNCACHED = 1 << 19, 1 << 26
"""Values at twice the rate worked on at once: what a CPU's cache holds, and what is large enough for a GPU."""


def _lowpass() -> tuple[float, ...]:
    """The Kaiser-windowed sinc that both resamplers share: TAPS taps of sum 1 (Kaiser 1974; BigVGAN's design)."""
    attenuation = 2.285 * (TAPS // 2 - 1) * math.pi * 4 * HALF_WIDTH + 7.95  # dB, 51.02
    beta = 0.1102 * (attenuation - 8.7)  # Kaiser's formula above 50 dB
    window = torch.kaiser_window(TAPS, periodic=False, beta=beta, dtype=torch.float64)
    time = torch.arange(TAPS, dtype=torch.float64) - (TAPS - 1) / 2
    taps = 2 * CUTOFF * window * torch.sinc(2 * CUTOFF * time)
    return tuple((taps / taps.sum()).tolist())


LOWPASS = _lowpass()
"""The filter of both resamplers; the released checkpoint carries a copy per activation."""


@functools.lru_cache(maxsize=8)
def _bands(device: torch.device) -> tuple[Tensor, Tensor]:
    """Both resamplers as banded matrices over one tile, float32.

    Up, [2·TILE, TILE + 6]: from x[t - 3 … t + TILE + 2] to y[2t … 2(t + TILE) - 1].
    Down, [TILE, 2·TILE + 10]: from y[2t - 5 … 2(t + TILE) + 4] to z[t … t + TILE - 1].
    """
    taps = torch.tensor(LOWPASS)
    up, down = torch.zeros(2 * TILE, TILE + REACH), torch.zeros(TILE, 2 * TILE + TAPS - 2)
    for t in range(TILE):
        # a factor 2 makes up for the zeros that interpolation would have put between the samples
        up[2 * t, t : t + REACH] = 2 * taps[1::2].flip(0)
        up[2 * t + 1, t + 1 : t + 1 + REACH] = 2 * taps[0::2].flip(0)
        down[t, 2 * t : 2 * t + TAPS] = taps
    return up.to(device), down.to(device)


def snake_by_tiles(x: Tensor, frequency: Tensor, gain: Tensor) -> Tensor:
    """Up, `y + gain · sin²(frequency · y)`, down: [B, T, C] float32 → the same shape, as products with `_bands`.

    Works through time in pieces that stay in a CPU's cache: at twice the rate nothing is ever written to memory.
    """
    batch, length, channels = x.shape
    up, down = _bands(x.device)
    tiles = -(-length // TILE)
    held = max(1, (CACHED if x.device.type == "cpu" else UNCACHED) // (2 * TILE * channels))
    left, right = (x[:, :1].expand(-1, REACH, -1), x[:, -1:].expand(-1, (tiles + 1) * TILE - length, -1))
    padded = torch.cat((left, x, right), dim=1)  # row 0 is time -6
    out = x.new_empty(batch, tiles * TILE, channels)
    room = x.new_empty(2, (min(held, tiles) + 1) * 2 * TILE, channels)
    for item in range(batch):
        for tile in range(0, tiles, held):
            count, start = min(held, tiles - tile), tile * TILE
            y, sine = room[:, : (count + 1) * 2 * TILE]  # row 0 is 2 · start - 6
            torch.bmm(
                up.expand(count + 1, -1, -1),
                _windows(padded[item, start:], count + 1, TILE + REACH, TILE),
                out=y.view(count + 1, 2 * TILE, channels),
            )
            torch.mul(y, frequency, out=sine).sin_().square_()
            y.addcmul_(sine, gain)
            # the way down repeats the first and the last sample of y, which is not what up makes beyond x
            if start == 0:
                y[:REACH] = y[REACH].clone()
            if (end := 2 * (length - start) + REACH) < len(y):
                y[end:] = y[end - 1].clone()
            torch.bmm(
                down.expand(count, -1, -1),
                _windows(y[1:], count, 2 * TILE + TAPS - 2, 2 * TILE),
                out=out[item, start : start + count * TILE].view(count, TILE, channels),
            )
    return out[:, :length]


def snake_by_taps(x: Tensor, frequency: Tensor, gain: Tensor) -> Tensor:
    """The same as `snake_by_tiles`, as plain sums over taps: slow step by step, and two fused loops when compiled."""
    length, doubled = x.shape[1], [2 * tap for tap in reversed(LOWPASS)]
    x = _repeat_ends(x, x[:, :1], x[:, -1:], 3, 3)
    even = _correlate(x, doubled[0::2], length)  # y[2t], from x[t - 3 … t + 2]
    odd = _correlate(x[:, 1:], doubled[1::2], length)  # y[2t + 1], from x[t - 2 … t + 3]
    even = even + gain * torch.sin(frequency * even) ** 2
    odd = odd + gain * torch.sin(frequency * odd) ** 2
    first, last = even[:, :1], odd[:, -1:]
    return _correlate(_repeat_ends(even, first, last, 2, 3), LOWPASS[1::2], length) + _correlate(
        _repeat_ends(odd, first, last, 3, 2), LOWPASS[0::2], length
    )


def _correlate(x: Tensor, taps: Sequence[float], length: int) -> Tensor:
    """Σ taps[i] · x[t + i] for t < length."""
    y = taps[0] * x[:, :length]
    for i, tap in enumerate(taps[1:], start=1):
        y = y + tap * x[:, i : i + length]
    return y


def _repeat_ends(x: Tensor, first: Tensor, last: Tensor, before: int, after: int) -> Tensor:
    return torch.cat((first.expand(-1, before, -1), x, last.expand(-1, after, -1)), dim=1)


def _windows(rows: Tensor, count: int, width: int, step: int) -> Tensor:
    """[rows, C] → [count, width, C]: overlapping views that start `step` rows apart."""
    channels = rows.shape[1]
    return rows.as_strided((count, width, channels), (step * channels, channels, 1), rows.storage_offset())


class SnakeBeta(nn.Module):
    """The learned exponents: x + sin²(e^α x) / (e^β + 1e-9) per channel (BigVGAN v2, in log scale)."""

    frequency: Tensor
    gain: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.empty(channels))
        self.beta = nn.Parameter(torch.empty(channels))
        self.register_buffer("frequency", torch.empty(channels), persistent=False)
        self.register_buffer("gain", torch.empty(channels), persistent=False)

    def prepare(self) -> None:
        """Takes the exponentials once; to be called when the weights are there."""
        self.frequency = self.alpha.detach().float().exp()
        self.gain = (self.beta.detach().float().exp() + 1e-9).reciprocal()


class Activation(nn.Module):
    """SnakeBeta without the harmonics that would fold back: [B, T, C] → [B, T, C] in the input's dtype."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.act = SnakeBeta(channels)
        self.kernel: Callable[[Tensor, Tensor, Tensor], Tensor] = snake_by_tiles

    def forward(self, x: Tensor) -> Tensor:
        """Float32 inside whatever the dtype: the phase of a sine has no bits to spare."""
        return self.kernel(x.float(), self.act.frequency.float(), self.act.gain.float()).to(x.dtype)
