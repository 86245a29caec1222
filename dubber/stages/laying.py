"""One line of the dub: what is to be laid down and how, and the samples that come of it. Decides nothing; reads takes,
never changes them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from align.types import SAMPLE_RATE, SAMPLES_PER_MS, Span
from dubber.audio import AudioFile
from dubber.loudness import Loudness, loudness_of
from dubber.stages import dynamics
from dubber.stages.room import TAIL_MS, Room

FloatArray = npt.NDArray[np.float32]

FADE = 5 * SAMPLES_PER_MS
"""Samples (5 ms) over which a take that begins or ends away from zero is faded, so that it does not click."""

QUIET_EDGE = 1e-4
"""Linear (-80 dBFS). An edge below it is no click."""


@dataclass(frozen=True)
class MixLine:
    """One line to lay down: its take, a mono 48 kHz file or a function that gives the samples (called more than
    once), exactly as long as `slot`; and `source`, the speech it replaces, which may be empty.

    `room` is what it sounds in, None for no room at all. `digest` names the take, where it has a name;
    `take_loudness` (in its slot and room, `loudness_in_place`) and `source_loudness` (of the speech stem in `source`)
    save measuring what was measured before.
    """

    id: str
    slot: Span
    source: Span
    take: Path | Callable[[], FloatArray]
    speaker: str = ""
    digest: str = ""
    take_loudness: Loudness | None = field(default=None, repr=False)
    source_loudness: Loudness | None = field(default=None, repr=False)
    room: Room | None = None

    @property
    def sounds(self) -> Span:
        """Where it is heard: the slot, and after it for as long as its room may ring."""
        rings = self.room is not None and self.room.echo is not None
        return Span(self.slot.start, self.slot.end + TAIL_MS) if rings else self.slot


@dataclass(frozen=True)
class LineMix:
    """How one line was laid down. Loudness in LUFS, None for silence.

    `gain` in dB is what was done to the take as a whole, `curve` what was done besides at the middle of every 100 ms
    of it, which leaves its loudness alone; `pan` is -1 (left) to 1 (right); `source` is the source line's
    loudness, or where `measured` is False what stood in for it; `take` and `mixed` are the take's
    loudness, in its room, before and after the gain.
    """

    id: str
    gain: float
    pan: float
    source: float
    measured: bool
    take: float | None
    mixed: float | None
    curve: tuple[float, ...] = ()


def load_take(line: MixLine) -> FloatArray:
    """The line's take, shape (slot samples,). Raises ValueError where it is not exactly as long as its slot,
    not 48 kHz mono, or holds values that are not numbers."""
    expected = line.slot.duration * SAMPLES_PER_MS
    if callable(line.take):
        samples = np.asarray(line.take(), dtype=np.float32)
    else:
        with AudioFile(line.take) as file:
            if file.rate != SAMPLE_RATE or file.channels != 1:
                raise ValueError(f"the take of line {line.id} is not 48 kHz mono")
            samples = file.read(0, min(file.frames, expected + 1))[:, 0]
    if samples.shape != (expected,):
        raise ValueError(f"the take of line {line.id} is not the {expected} samples of its slot")
    if not np.isfinite(samples).all():
        raise ValueError(f"the take of line {line.id} holds values that are not numbers")
    return samples


def in_place(line: MixLine) -> FloatArray:
    """The take as it sounds in the line's room, its edges faded: shape (samples of `line.sounds`,), which is the
    take itself where there is no room. Raises ValueError as `load_take` does."""
    take = _faded(load_take(line))
    return take if line.room is None else line.room.around(take)


def loudness_in_place(line: MixLine) -> Loudness:
    """How loud the take is in its slot, with its room. Raises ValueError as `load_take` does."""
    if line.room is None:
        return loudness_of(load_take(line))
    return loudness_of(in_place(line)[: line.slot.duration * SAMPLES_PER_MS])


def lay(block: FloatArray, start: int, line: MixLine, plan: LineMix) -> None:
    """Add a line in place to the stereo samples that begin at sample `start` of the film."""
    at = line.sounds.samples.start
    first, last = max(at, start), min(line.sounds.samples.stop, start + len(block))
    if first >= last:
        return
    angle = (plan.pan + 1) * math.pi / 4
    sides = (10 ** (plan.gain / 20) * np.array([math.cos(angle), math.sin(angle)])).astype(np.float32)
    sound = in_place(line)[first - at : last - at]
    if plan.curve:
        sound = sound * dynamics.gains(plan.curve, first - at, last - at, SAMPLE_RATE)
    block[first - start : last - start] += sound[:, None] * sides


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
