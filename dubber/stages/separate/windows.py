"""A network that hears one window at a time, run over sound of any length: cut, faded into each other, in order.

Holds a few windows and never the film; knows no network and no sample rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

Network = Callable[[FloatArray], FloatArray]
"""Windows (windows, length, channels) → what is wanted of each, in the same shape."""

OVERLAP = 0.25
"""Share of a window that the next one hears too: what the released networks were judged with."""

SILENCE = np.float32(2**-24)
"""Half a step of 24-bit sound. A window that moves by no more was digital silence."""


def stride(length: int) -> int:
    """Samples from one window of `length` samples to the next."""
    return int((1 - OVERLAP) * length)


def triangle(length: int) -> FloatArray:
    """How much each sample of a window counts, up to 1 in its middle: at its rims the network hears one side only."""
    rise = np.arange(1, length - length // 2 + 1, dtype=np.float32)
    return np.asarray(np.concatenate([rise[: length // 2], rise[::-1]]) / rise[-1], np.float32)


def run(
    network: Network, blocks: Iterable[FloatArray], total: int, length: int, *, batch: int = 1
) -> Iterator[FloatArray]:
    """What `network` makes of `total` samples given as blocks (n, channels), in blocks (m, channels) of the same sum.

    Windows of `length` samples start every `stride`; the last ones, which reach past the end, are moved back by half of
    what they lack, and what is outside the sound is silence. Where two overlap, each counts by its `triangle`. Windows
    of digital silence stay silent unheard. Up to `batch` windows are handed on at once.
    """
    tape, step, shape = _Tape(blocks, total), stride(length), triangle(length)[:, None]
    starts = iter(range(0, total, step))
    tail = tail_weight = np.zeros((0, 1), np.float32)
    while group := list(islice(starts, batch)):
        counts = [min(length, total - start) for start in group]
        leads = [(length - count) // 2 for count in counts]
        heard = [
            tape.read(start - lead, start - lead + length) for start, lead in zip(group, leads, strict=True)
        ]
        tape.forget(group[-1] + step - length // 2)
        for made, count, lead in zip(_made(network, np.stack(heard)), counts, leads, strict=True):
            weight = shape[:count].copy()
            summed = made[lead : lead + count] * weight
            summed[: len(tail)] += tail
            weight[: len(tail)] += tail_weight
            yield summed[:step] / weight[:step]
            tail, tail_weight = summed[step:], weight[step:]


def _made(network: Network, heard: FloatArray) -> FloatArray:
    sounding = np.ptp(heard, axis=1).max(axis=1) > SILENCE
    made = np.zeros_like(heard)
    if sounding.any():
        made[sounding] = network(heard[sounding])
    return made


class _Tape:
    """A stream of blocks read by position, as far as it has not been forgotten."""

    def __init__(self, blocks: Iterable[FloatArray], total: int) -> None:
        self._blocks, self._total = iter(blocks), total
        self._start = 0
        self._held = np.zeros((0, 1), np.float32)

    def read(self, start: int, stop: int) -> FloatArray:
        """Samples [start, stop); silence before the first and after the last."""
        first, last = max(start, 0), min(stop, self._total)
        parts, end = [self._held], self._start + len(self._held)
        while end < last:
            parts.append(next(self._blocks))
            end += len(parts[-1])
        if len(parts) > 1:
            self._held = np.concatenate([part for part in parts if len(part)])
        there = self._held[first - self._start : last - self._start]
        return np.pad(there, ((first - start, stop - last), (0, 0)))

    def forget(self, before: int) -> None:
        """Lets go of what lies before a sample that will not be gone back behind."""
        drop = min(max(0, before - self._start), len(self._held))
        self._held = self._held[drop:].copy()
        self._start += drop
