"""How loud every line of the dub is to be, and where it stands: decided before a sample is mixed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np

from align.lanes import Turn, alone, crossed
from align.types import Span
from dubber.audio import BLOCK, Stems
from dubber.loudness import (
    RELATIVE_GATE,
    SUB_BLOCK_MS,
    Energies,
    Loudness,
    Meter,
    gated,
    gating_blocks,
)
from dubber.stages import dynamics
from dubber.stages.laying import LineMix, MixLine, loudness_in_place

GAIN_DB = (-30.0, 20.0)
"""The least and the most gain a take may get: past it the take or the source line is broken, not quiet."""

SPEECH_FLOOR_LUFS = -60.0
"""A source line below this holds no speech that was meant to be heard; its level would be that of noise."""

SPEECH_FLOOR_LU = -25.0
"""The same, against the median line of the film: whispers lie about 20 LU under speech."""

USUAL_LUFS = -23.0
"""EBU R 128's programme level: the level of speech in a film none of whose own speech can be measured."""

CENTRE_DB = 1.0
"""A line whose channels differ by less is in the middle; measured pans waver by that much."""

ALONE_MS = 400
"""A gating block of BS.1770: in less, no loudness is measured."""

TELLING_LU = 0.0
"""How far over the bed a source line must be for its rise and fall to be the actor's: what little of a bed is left in
the speech stem then has no say in them."""

PROGRAMME_TOLERANCE_LU = 0.3
"""How far the dub's programme loudness may lie from the source's before the speech is moved; half of the
0.5 LU that a film may differ by is left for what the estimate does not know."""

CORRECTION_STEP_DB = 0.2
"""Steps in which all speech is moved: smaller than the tolerance, so that one step never overshoots it."""

PROGRAMME_CORRECTION_DB = 1.2
"""The most that all speech is moved for it, so that each line stays within 1.5 LU of its source line."""


@dataclass(frozen=True)
class Levels:
    """What a film's loudness was measured to be; worth keeping, for it never changes."""

    source: Loudness
    bed: Loudness

    def to_json(self) -> dict[str, Any]:
        """Plain numbers and lists."""
        return {"source": self.source.to_json(), "bed": self.bed.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Levels:
        """What `to_json` gave. Raises KeyError, ValueError or TypeError for anything else."""
        return cls(Loudness.from_json(data["source"]), Loudness.from_json(data["bed"]))


def measure_stems(stems: Stems, progress: Callable[[float], None] = lambda _: None) -> Levels:
    """The loudness of source and bed over the whole film, in one pass."""
    source, bed = Meter(stems.source.channels), Meter(stems.source.channels)
    for start, samples in stems.source.blocks():
        source.push(samples)
        bed.push(samples - stems.speech(start, start + len(samples)))
        progress((start + len(samples)) / stems.frames)
    return Levels(source.finish(), bed.finish())


def balance(
    stems: Stems, lines: Sequence[MixLine], levels: Levels, progress: Callable[[float], None]
) -> tuple[list[LineMix], list[Energies]]:
    """Gain, curve and pan of every line, and its take's energies with both gains, per 100 ms from the slot's start.

    A source line too quiet to be speech is given the usual level of its speaker, or of the film, and the
    middle: its own level would be that of noise. One that others talk over is as loud as where it is said alone; where
    it never is, as its speaker usually is, at most as loud as all together, and in the middle. A take counts by where
    it is heard alone as well. Raises ValueError as `load_take` does.
    """
    sources = [line.source_loudness or measure_line(stems, line.source) for line in lines]
    said = alone([line.source for line in lines], ALONE_MS)
    heard = alone([line.slot for line in lines], ALONE_MS)
    others = crossed([Turn(line.source, line.speaker) for line in lines])
    owns = [
        _said(source, line.source, parts) for source, line, parts in zip(sources, lines, said, strict=True)
    ]
    usual = _usual(
        [(line.speaker, own.level) for line, own in zip(lines, owns, strict=True) if own is not None]
    )
    plans, energies = [], []
    for done, (line, source, own) in enumerate(zip(lines, sources, owns, strict=True), start=1):
        take = line.take_loudness or loudness_in_place(line)
        level = source.integrated if own is None else own.level
        if own is None and line.speaker in usual.speakers:
            level = min(level, usual.of(line.speaker))
        measured = level >= usual.floor
        wanted = level if measured else usual.of(line.speaker)
        spoken = _spoken(take, line.slot, heard[done - 1])
        gain = float(np.clip(wanted - spoken, *GAIN_DB)) if spoken > -math.inf else 0.0
        tells = measured and not others[done - 1] and level >= levels.bed.of([line.source]) + TELLING_LU
        curve = dynamics.curve(source, take) if tells else ()
        plans.append(
            LineMix(
                id=line.id,
                gain=gain,
                pan=_pan(own.energy) if measured and own is not None else 0.0,
                source=wanted,
                measured=measured and own is not None,
                take=finite(spoken),
                mixed=finite(spoken + gain),
                curve=curve,
            )
        )
        energies.append(dynamics.raised(take.energies[:, 0], curve) * 10 ** (gain / 10))
        progress(done / len(lines))
    return plans, energies


@dataclass(frozen=True)
class _Alone:
    """How loud (LUFS) a line is where no other sounds, and its energy per channel there."""

    level: float
    energy: Energies


def _said(source: Loudness, span: Span, parts: Sequence[Span]) -> _Alone | None:
    """What is heard of a source line in its `parts` alone; None where there are none."""
    if parts == (span,):
        return _Alone(source.integrated, source.energies.sum(axis=0))
    within = [_within(part, span) for part in parts]
    if not within:
        return None
    return _Alone(source.of(within), sum(source.part(one).energies.sum(axis=0) for one in within))


def _spoken(take: Loudness, span: Span, parts: Sequence[Span]) -> float:
    """How loud (LUFS) a take is in its `parts` alone, and as a whole where nothing is heard there."""
    if not parts or parts == (span,):
        return take.integrated
    level = take.of([_within(part, span) for part in parts])
    return level if level > -math.inf else take.integrated


def _within(part: Span, whole: Span) -> Span:
    """A part of a span, from the span's start on."""
    return Span(part.start - whole.start, part.end - whole.start)


def measure_line(stems: Stems, span: Span) -> Loudness:
    """How loud the speech stem is in a span."""
    meter = Meter(2)
    for start in range(span.samples.start, span.samples.stop, BLOCK):
        meter.push(stems.speech(start, min(start + BLOCK, span.samples.stop)))
    return meter.finish()


@dataclass(frozen=True)
class _Usual:
    """The median loudness of the film's lines and of each speaker's, and below what a line has no speech."""

    floor: float
    film: float
    speakers: Mapping[str, float]

    def of(self, speaker: str) -> float:
        return self.speakers.get(speaker, self.film)


def _usual(levels: Sequence[tuple[str, float]]) -> _Usual:
    audible = [(speaker, level) for speaker, level in levels if level >= SPEECH_FLOOR_LUFS]
    if not audible:
        return _Usual(SPEECH_FLOOR_LUFS, USUAL_LUFS, {})
    floor = max(SPEECH_FLOOR_LUFS, median(level for _, level in audible) + SPEECH_FLOOR_LU)
    kept = [(speaker, level) for speaker, level in audible if level >= floor]
    speakers = {
        name: median(level for speaker, level in kept if speaker == name)
        for name in {name for name, _ in kept}
    }
    return _Usual(floor, median(level for _, level in kept), speakers)


def _pan(energies: Energies) -> float:
    """Where a line stands, -1 (left) to 1 (right), from its energy in the two channels."""
    left, right = (float(value) for value in np.sqrt(energies))
    near = 10 ** (CENTRE_DB / 20)
    if left <= right * near and right <= left * near:
        return 0.0
    return math.atan2(right, left) * 4 / math.pi - 1


def corrected(plan: LineMix, correction: float, target: float) -> LineMix:
    """The plan with `correction` dB more gain, if the line has a say in a programme of `target` LUFS."""
    if plan.mixed is None or not _has_say(plan, target):
        return plan
    return replace(plan, gain=plan.gain + correction, mixed=plan.mixed + correction)


def _has_say(plan: LineMix, target: float) -> bool:
    """Whether a line counts in the programme's loudness: a whisper lies under the relative gate, so moving it
    would do nothing for the programme and make it less of a whisper."""
    return plan.mixed is not None and plan.mixed > target + RELATIVE_GATE


def programme_correction(
    target: float,
    background: Energies,
    lines: Sequence[MixLine],
    plans: Sequence[LineMix],
    takes: Sequence[Energies],
) -> float:
    """The gain in dB for all speech that has a say, as small as will do, that brings the dub's programme loudness to
    within PROGRAMME_TOLERANCE_LU of `target` LUFS, or as near as PROGRAMME_CORRECTION_DB allows; in whole steps of
    CORRECTION_STEP_DB, so that an edited line hardly ever changes the level of all others.

    `background` is what sounds under the dub, summed over channels, per 100 ms of the film; `plans` and `takes` as
    `balance` gave them. Speech and bed are unlike each other, so their energies add: the dub's loudness
    is known before it is mixed.
    """
    dub, still = np.zeros(len(background) + 1), np.append(background, 0.0)
    for line, plan, energies in zip(lines, plans, takes, strict=True):
        first, late = divmod(line.slot.start, SUB_BLOCK_MS)
        share = late / SUB_BLOCK_MS
        spread = np.append(energies * (1 - share), 0.0)
        spread[1:] += energies * share
        end = min(first + len(spread), len(dub))
        under = dub if _has_say(plan, target) else still
        under[first:end] += spread[: end - first]
    dub, still = dub[:-1], still[:-1]

    def off(correction: float) -> float:
        return gated(gating_blocks(still + dub * 10 ** (correction / 10))) - target

    now = off(0.0) if lines and math.isfinite(target) else 0.0
    if not math.isfinite(now) or abs(now) <= PROGRAMME_TOLERANCE_LU:
        return 0.0
    short, enough = 0.0, math.copysign(PROGRAMME_CORRECTION_DB, -now)
    for _ in range(12):
        middle = (short + enough) / 2
        if math.copysign(1.0, now) * off(middle) > PROGRAMME_TOLERANCE_LU:
            short = middle
        else:
            enough = middle
    steps = math.ceil(abs(enough) / CORRECTION_STEP_DB - 1e-9)
    return math.copysign(min(steps * CORRECTION_STEP_DB, PROGRAMME_CORRECTION_DB), enough)


def finite(value: float) -> float | None:
    """The value, or None for the -inf of silence, which JSON does not know."""
    return value if math.isfinite(value) else None
