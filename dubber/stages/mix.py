"""The dub's sound: takes laid over the bed, as loud and as far to the side as the lines they replace. Moves
nothing in time: what does not fit its slot is refused."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from align.types import SAMPLE_RATE, SAMPLES_PER_MS, Span, union
from dubber.audio import BLOCK, AudioFile, AudioWriter, Stems
from dubber.limiter import CEILING_DBTP, REACH, Limiter
from dubber.loudness import PEAK_TAPS, SUB_BLOCK_MS, Energies, Loudness, Meter, PeakMeter
from dubber.stages.balance import (
    Levels,
    LineMix,
    MixLine,
    balance,
    finite,
    load_take,
    measure_line,
    measure_stems,
    moved,
    programme_correction,
)

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
    the slots; `also` is handed the same samples as they are written, shape (n, 2). The track is made block by
    block, each from its own surroundings alone, and a block that `earlier` holds is copied. Without lines the
    track is the background, untouched. Raises ValueError where slots overlap or
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
        duck: _Duck | None,
    ) -> None:
        self._stems, self._background, self._duck = stems, background, duck
        self._laid = list(zip(lines, plans, strict=True))
        self._ends = [line.slot.end for line in lines]
        self._starts = [line.slot.start for line in lines]

    def made_of(self, start: int, stop: int) -> str:
        """A digest of all that has a say in the samples [start, stop) besides the stems; "" where a take has none."""
        near = self._near(start, stop)
        if any(not line.digest for line, _ in near):
            return ""
        told: list[object] = [(line.digest, line.slot.start, plan.gain, plan.pan) for line, plan in near]
        if self._duck is not None:
            told.append(
                self._duck.between(start / SAMPLES_PER_MS - AROUND_MS, stop / SAMPLES_PER_MS + AROUND_MS)
            )
        return sha256(repr((len(self._laid) > 0, told)).encode()).hexdigest()

    def render(self, start: int, stop: int) -> tuple[FloatArray, float]:
        """The samples [start, stop), limited, shape (stop - start, 2), and the limiter's reduction in dB."""
        first, last = max(0, start - REACH), min(self._stems.frames, stop + REACH)
        samples = _background(self._stems, self._background, self._duck, first, last)
        for line, plan in self._near(start, stop):
            _lay(samples, first, line, plan)
        limiter = Limiter(2, CEILING_DBTP if self._laid else math.inf)
        limited = np.concatenate([limiter.push(samples), limiter.finish()])
        return limited[start - first : stop - first], limiter.reduction

    def _near(self, start: int, stop: int) -> list[tuple[MixLine, LineMix]]:
        """The lines that sound in [start, stop) or so near that they have a say in it."""
        after = bisect_right(self._ends, start // SAMPLES_PER_MS - AROUND_MS)
        before = bisect_left(self._starts, stop // SAMPLES_PER_MS + AROUND_MS)
        return self._laid[after:before]


def _lay(block: FloatArray, start: int, line: MixLine, plan: LineMix) -> None:
    """Add a line's take in place to the samples that begin at sample `start`."""
    at = line.slot.samples.start
    first, last = max(at, start), min(line.slot.samples.stop, start + len(block))
    if first >= last:
        return
    angle = (plan.pan + 1) * math.pi / 4
    gains = 10 ** (plan.gain / 20) * np.array([math.cos(angle), math.sin(angle)])
    take = _faded(load_take(line))[first - at : last - at, None] * gains.astype(np.float32)
    block[first - start : last - start] += take


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

    def between(self, start: float, end: float) -> tuple[tuple[float, float], ...]:
        """The corners of the gain's ramps in a stretch of time (ms), and the last one before it."""
        first = max(0, int(np.searchsorted(self._at, start)) - 1)
        last = int(np.searchsorted(self._at, end)) + 1
        return tuple(zip(self._at[first:last].tolist(), self._db[first:last].tolist(), strict=True))

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
