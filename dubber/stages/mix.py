"""The dub's sound: takes laid over the bed, as loud and as far to the side as the lines they replace. Moves
nothing in time: what does not fit its slot is refused."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt

from align.lanes import Turn, unasked
from align.types import SAMPLE_RATE, SAMPLES_PER_MS, Span
from dubber.audio import BLOCK, AudioFile, AudioWriter, Stems
from dubber.limiter import CEILING_DBTP, REACH, Limiter
from dubber.loudness import PEAK_TAPS, SUB_BLOCK_MS, Loudness, Meter, PeakMeter
from dubber.stages import background as under
from dubber.stages.background import Background, Duck
from dubber.stages.balance import (
    Levels,
    balance,
    corrected,
    finite,
    measure_line,
    measure_stems,
    programme_correction,
)
from dubber.stages.laying import LineMix, MixLine, lay
from dubber.stages.room import TAIL_MS

__all__ = [
    "Background",
    "BlockMix",
    "Earlier",
    "Levels",
    "LineMix",
    "MixLine",
    "MixReport",
    "measure_line",
    "measure_stems",
    "mix",
]

FloatArray = npt.NDArray[np.float32]

AROUND_MS = 100
"""How far around a block the sound has a say in it: more than the limiter's reach (20 ms)."""

TAIL = SUB_BLOCK_MS * SAMPLES_PER_MS
"""Samples before a block that its meters hear first: the K-weighting's filters forget within 30 ms."""


@dataclass(frozen=True)
class BlockMix:
    """One block of the track: a digest of what was laid down in it ("" where that has no name), and what was
    measured: K-weighted energies per 100 ms and channel, true peak (linear), the limiter's reduction in dB."""

    made_of: str
    energies: list[list[float]]
    peak: float
    reduction: float


@dataclass(frozen=True)
class Earlier:
    """A mix made before over the same stems, levels and background: its file and its blocks. What has not changed
    since is taken from there."""

    path: Path
    blocks: Sequence[BlockMix]


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
    blocks: tuple[BlockMix, ...] = field(default=(), repr=False)


def mix(
    stems: Stems,
    lines: Sequence[MixLine],
    out: Path,
    *,
    levels: Levels,
    background: Background = "bed",
    speech: Sequence[Span] = (),
    also: Callable[[FloatArray], None] = lambda _: None,
    earlier: Earlier | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> MixReport:
    """Write the dubbed track to `out`: 48 kHz stereo float32, exactly as many samples as the source.

    `levels` is `measure_stems(stems)`; `speech` is where the source speaks, which "duck" turns down besides
    the slots; `also` is handed the same samples as they are written, shape (n, 2). A line's room rings on over the
    background after its slot. The track is made block by block, each from its own surroundings alone, and a block
    that `earlier` holds is copied. Without lines the track is the background, untouched. Raises ValueError where
    lines overlap that are not said at once in the film, a slot leaves the film, a take is not exactly as long as its
    slot, or the stems are not 48 kHz stereo.
    """
    lines = sorted(lines, key=lambda line: line.slot)
    if background not in get_args(Background):
        raise ValueError(f"no such background: {background}")
    _check(stems, lines, levels)
    plans, energies = balance(stems, lines, levels, lambda done: progress(0.2 * done))
    duck = Duck([*speech, *(line.slot for line in lines)]) if background == "duck" else None
    target = levels.source.integrated
    correction = programme_correction(
        target, under.energies(levels, background, duck), lines, plans, energies
    )
    if (
        background == "duck"
    ):  # what is turned down on purpose is missing from the whole: no line is raised for it
        correction = min(0.0, correction)
    plans = [corrected(plan, correction, target) for plan in plans]

    score = _Score(stems, lines, plans, background, duck)
    blocks: list[BlockMix] = []
    tail, fresh = np.zeros((TAIL, 2), dtype=np.float32), True
    with AudioWriter(out) as writer, _Copies(earlier) as copies:
        for start in range(0, stems.frames, BLOCK):
            stop = min(start + BLOCK, stems.frames)
            made_of = score.made_of(start, stop)
            known = copies.of(len(blocks), made_of)
            if known is None:
                samples, reduction = score.render(start, stop)
            else:
                samples, reduction = copies.read(start, stop), known.reduction
            # A meter hears the end of the block before.
            block = known if known and not fresh else BlockMix(made_of, *_measured(tail, samples), reduction)
            fresh = known is None
            blocks.append(block)
            tail = np.concatenate([tail, samples])[-TAIL:]
            writer.append(samples)
            also(samples)
            progress(0.2 + 0.8 * stop / stems.frames)
    heard = np.array([row for block in blocks for row in block.energies]).reshape(-1, 2)
    peak = max((block.peak for block in blocks), default=0.0)
    return MixReport(
        tuple(plans),
        finite(levels.source.integrated),
        finite(Loudness(heard, stems.duration).integrated),
        correction,
        20 * math.log10(peak) if peak > 0 else None,
        max((block.reduction for block in blocks), default=0.0),
        tuple(blocks),
    )


class _Copies:
    """The blocks of an earlier mix, if there is one."""

    def __init__(self, earlier: Earlier | None) -> None:
        self._blocks = earlier.blocks if earlier else ()
        self._file = AudioFile(earlier.path) if earlier else None

    def of(self, index: int, made_of: str) -> BlockMix | None:
        """The earlier block of that number if it was made of the very same things."""
        if made_of and index < len(self._blocks) and self._blocks[index].made_of == made_of:
            return self._blocks[index]
        return None

    def read(self, start: int, stop: int) -> FloatArray:
        assert self._file is not None
        return self._file.read(start, stop)

    def __enter__(self) -> _Copies:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


class _Score:
    """What sounds when: the background, and the lines as they are to be laid down, in order of their slots."""

    def __init__(
        self,
        stems: Stems,
        lines: Sequence[MixLine],
        plans: Sequence[LineMix],
        background: Background,
        duck: Duck | None,
    ) -> None:
        self._stems, self._background, self._duck = stems, background, duck
        self._laid = list(zip(lines, plans, strict=True))
        # Up to when any of the lines so far sounds: one may outlast those that begin after it.
        self._ends = list(accumulate((line.slot.end for line in lines), max))
        self._starts = [line.slot.start for line in lines]

    def made_of(self, start: int, stop: int) -> str:
        """A digest of all that has a say in the samples [start, stop) besides the stems; "" where a take has none."""
        near = self._near(start, stop)
        if any(not line.digest for line, _ in near):
            return ""
        told: list[object] = [
            (line.digest, line.slot.start, line.room, plan.gain, plan.curve, plan.pan) for line, plan in near
        ]
        if self._duck is not None:
            told.append(
                self._duck.between(start / SAMPLES_PER_MS - AROUND_MS, stop / SAMPLES_PER_MS + AROUND_MS)
            )
        return sha256(repr((len(self._laid) > 0, told)).encode()).hexdigest()

    def render(self, start: int, stop: int) -> tuple[FloatArray, float]:
        """The samples [start, stop), limited, shape (stop - start, 2), and the limiter's reduction in dB."""
        first, last = max(0, start - REACH), min(self._stems.frames, stop + REACH)
        samples = under.samples(self._stems, self._background, self._duck, first, last)
        for line, plan in self._near(start, stop):
            lay(samples, first, line, plan)
        limiter = Limiter(2, CEILING_DBTP if self._laid else math.inf)
        limited = np.concatenate([limiter.push(samples), limiter.finish()])
        return limited[start - first : stop - first], limiter.reduction

    def _near(self, start: int, stop: int) -> list[tuple[MixLine, LineMix]]:
        """The lines that sound in [start, stop) or so near that they have a say in it."""
        first, last = start // SAMPLES_PER_MS - AROUND_MS, stop // SAMPLES_PER_MS + AROUND_MS
        after, before = bisect_right(self._ends, first - TAIL_MS), bisect_left(self._starts, last)
        return [(line, plan) for line, plan in self._laid[after:before] if line.sounds.end > first]


def _measured(before: FloatArray, samples: FloatArray) -> tuple[list[list[float]], float]:
    """Energies per 100 ms and channel of a block, and its true peak (linear); `before` is what sounds before it."""
    meter, peaks = Meter(2), PeakMeter(2, before[-(PEAK_TAPS - 1) :])
    meter.push(before)
    meter.push(samples)
    peaks.push(samples)
    heard = [[float(f"{value:.6g}") for value in row] for row in meter.finish().energies[1:]]
    return heard, peaks.peak


def _check(stems: Stems, lines: Sequence[MixLine], levels: Levels) -> None:
    if (stems.source.rate, stems.source.channels) != (SAMPLE_RATE, 2):
        raise ValueError("the mix works on 48 kHz stereo stems")
    if levels.source.duration != stems.duration:
        raise ValueError("these levels were measured on another film")
    for i, j in unasked([(line.slot, Turn(line.source, line.speaker)) for line in lines]):
        raise ValueError(f"the slots of lines {lines[i].id} and {lines[j].id} overlap, unlike in the film")
    for line in lines:
        if line.slot.end > stems.duration:
            raise ValueError(f"the slot of line {line.id} ends after the film")
