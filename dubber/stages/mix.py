"""The dub's sound: takes laid over the bed, as loud and as far to the side as the lines they replace. Moves
nothing in time: what does not fit its slot is refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from align.types import SAMPLE_RATE, SAMPLES_PER_MS, Span, union
from dubber.audio import BLOCK, AudioWriter, Stems
from dubber.limiter import CEILING_DBTP, Limiter
from dubber.loudness import SUB_BLOCK_MS, Energies, Meter, PeakMeter
from dubber.stages.balance import (
    Levels,
    LineMix,
    MixLine,
    balance,
    finite,
    load_take,
    measure_stems,
    moved,
    programme_correction,
)

__all__ = ["Background", "Levels", "LineMix", "MixLine", "MixReport", "measure_stems", "mix"]

FloatArray = npt.NDArray[np.float32]

Background = Literal["bed", "duck", "none"]
"""What sounds under the dub: the film without its speech, the film turned down under speech, or nothing."""

FADE = 5 * SAMPLES_PER_MS
"""Samples (5 ms) over which a take that begins or ends away from zero is faded, so that it does not click."""

QUIET_EDGE = 1e-4
"""Linear (-80 dBFS). An edge below it is no click."""

DUCK_DB = -15.0
"""The film's level under the dub: the first voice can be made out but not followed, as in news dubbing."""

DUCK_ATTACK_MS, DUCK_RELEASE_MS, DUCK_JOIN_MS = 50, 200, 500
"""Ramps before and after ducked speech, and the gap between two ducks that is not worth coming up for."""


@dataclass(frozen=True)
class MixReport:
    """What the mix measured.

    `source` and `dub` are programme loudness in LUFS (None for silence), `correction` the gain in dB that
    all speech was given for it, `true_peak` the dub's in dBTP, `reduction` the limiter's deepest in dB.
    """

    lines: tuple[LineMix, ...]
    source: float | None
    dub: float | None
    correction: float
    true_peak: float | None
    reduction: float


def mix(
    stems: Stems,
    lines: Sequence[MixLine],
    out: Path,
    *,
    levels: Levels,
    background: Background = "bed",
    speech: Sequence[Span] = (),
    also: Callable[[FloatArray], None] = lambda _: None,
    progress: Callable[[float], None] = lambda _: None,
) -> MixReport:
    """Write the dubbed track to `out`: 48 kHz stereo float32, exactly as many samples as the source.

    `levels` is `measure_stems(stems)`; `speech` is where the source speaks, which "duck" turns down besides
    the slots; `also` is handed the same samples as they are written, shape (n, 2). Without lines the track is
    the background, untouched. Raises ValueError where slots overlap or
    leave the film, a take is not exactly as long as its slot, or the stems are not 48 kHz stereo.
    """
    lines = sorted(lines, key=lambda line: line.slot)
    if background not in get_args(Background):
        raise ValueError(f"no such background: {background}")
    _check(stems, lines, levels)
    plans, energies = balance(stems, lines, lambda done: progress(0.2 * done))
    duck = _Duck([*speech, *(line.slot for line in lines)]) if background == "duck" else None
    under = _background_energies(levels, background, duck)
    correction = programme_correction(levels.source.integrated, under, lines, energies)
    plans = [moved(plan, correction) for plan in plans]

    limiter = Limiter(2, CEILING_DBTP if lines else math.inf)
    meter, peaks = Meter(2), PeakMeter(2)
    with AudioWriter(out) as writer:

        def deliver(samples: FloatArray) -> None:
            writer.append(samples)
            also(samples)
            meter.push(samples)
            peaks.push(samples)

        takes = _Takes(lines, plans)
        for start in range(0, stems.frames, BLOCK):
            stop = min(start + BLOCK, stems.frames)
            samples = _background(stems, background, duck, start, stop)
            takes.add(samples, start)
            deliver(limiter.push(samples))
            progress(0.2 + 0.8 * stop / stems.frames)
        deliver(limiter.finish())
    return MixReport(
        tuple(plans),
        finite(levels.source.integrated),
        finite(meter.finish().integrated),
        correction,
        finite(peaks.finish()),
        limiter.reduction,
    )


def _check(stems: Stems, lines: Sequence[MixLine], levels: Levels) -> None:
    if (stems.source.rate, stems.source.channels) != (SAMPLE_RATE, 2):
        raise ValueError("the mix works on 48 kHz stereo stems")
    if levels.source.duration != stems.duration:
        raise ValueError("these levels were measured on another film")
    for before, after in pairwise(lines):
        if before.slot.end > after.slot.start:
            raise ValueError(f"the slots of lines {before.id} and {after.id} overlap")
    for line in lines:
        if line.slot.end > stems.duration:
            raise ValueError(f"the slot of line {line.id} ends after the film")


class _Duck:
    """The gain that turns a film down under speech: ramps in dB, so that they sound even."""

    def __init__(self, spans: Sequence[Span]) -> None:
        joined = union((span for span in spans if span.duration), join=DUCK_JOIN_MS)
        corners = [
            (span.start - DUCK_ATTACK_MS, span.start, span.end, span.end + DUCK_RELEASE_MS) for span in joined
        ]
        self._at = np.array(corners, dtype=np.float64).reshape(-1)
        self._db = np.tile([0.0, DUCK_DB, DUCK_DB, 0.0], len(joined))

    def at(self, ms: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Gain (linear) at these times in milliseconds, which may be fractions."""
        if not len(self._at):
            return np.ones_like(ms)
        return np.asarray(10 ** (np.interp(ms, self._at, self._db) / 20))


def _background(
    stems: Stems, background: Background, duck: _Duck | None, start: int, stop: int
) -> FloatArray:
    if background == "none":
        return np.zeros((stop - start, 2), dtype=np.float32)
    if duck is None:
        return stems.bed(start, stop)
    gain = duck.at(np.arange(start, stop) / SAMPLES_PER_MS).astype(np.float32)
    return stems.source.read(start, stop) * gain[:, None]


def _background_energies(levels: Levels, background: Background, duck: _Duck | None) -> Energies:
    """What `_background` will measure, summed over channels, per 100 ms of the film."""
    if background == "none":
        return np.zeros(len(levels.source.energies))
    if duck is None:
        return np.asarray(levels.bed.energies.sum(axis=1))
    total = levels.source.energies.sum(axis=1)
    steps = 10  # ramps are as short as 50 ms
    ms = (np.arange(len(total) * steps) + 0.5) * SUB_BLOCK_MS / steps
    return np.asarray(total * np.mean(duck.at(ms).reshape(-1, steps) ** 2, axis=1))


class _Takes:
    """Adds takes to consecutive blocks of the film; holds only the one that reaches into the next block."""

    def __init__(self, lines: Sequence[MixLine], plans: Sequence[LineMix]) -> None:
        self._rest = self._each(lines, plans)
        self._current = next(self._rest, None)

    @staticmethod
    def _each(lines: Sequence[MixLine], plans: Sequence[LineMix]) -> Iterator[tuple[int, FloatArray]]:
        for line, plan in zip(lines, plans, strict=True):
            angle = (plan.pan + 1) * math.pi / 4
            gains = 10 ** (plan.gain / 20) * np.array([math.cos(angle), math.sin(angle)])
            yield line.slot.samples.start, _faded(load_take(line))[:, None] * gains.astype(np.float32)

    def add(self, block: FloatArray, start: int) -> None:
        """Add in place what sounds in the block that begins at sample `start`."""
        while self._current is not None:
            at, take = self._current
            first, last = max(at, start), min(at + len(take), start + len(block))
            if first < last:
                block[first - start : last - start] += take[first - at : last - at]
            if at + len(take) > start + len(block):
                return
            self._current = next(self._rest, None)


def _faded(take: FloatArray) -> FloatArray:
    """The take with raised-cosine ramps where it begins or ends with a step."""
    length = min(FADE, len(take) // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / max(length, 1))).astype(np.float32)
    take = take.copy()
    if length and abs(take[0]) > QUIET_EDGE:
        take[:length] *= ramp
    if length and abs(take[-1]) > QUIET_EDGE:
        take[-length:] *= ramp[::-1]
    return take
