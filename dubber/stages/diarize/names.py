"""Speakers keep their names: what an earlier run called a voice, this run calls it too. Pure; keeps nothing itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np

from align.diarization import pairs
from align.types import Span, union
from dubber.stages.diarize.door import Diarization

NEW = "Speaker {}"
"""What somebody is called whom nobody has named, by number from 1."""

ALIKE = 0.5
"""Cosine of centroids from which two voices may be one. The model card of CAM++ takes 0.31 for recordings of any kind;
different readers have 0.26 on average in clean speech and the same one 0.8 (FluidInference's measurement on
AISHELL-1), and a voice given to the wrong person is worse than one that is new."""

TOGETHER = 0.3
"""Share of two speakers' time that is the same time (Dice), from which they may be one whatever their centroids."""


@dataclass(frozen=True)
class Known:
    """A named speaker of an earlier run: when they spoke, and their voice's `centroid` (empty from an engine
    without)."""

    spans: tuple[Span, ...]
    centroid: tuple[float, ...] = ()


def named(found: Diarization, known: Mapping[str, Known]) -> tuple[str, ...]:
    """The name of each speaker of `found`, by number: no two the same.

    A speaker keeps the name of somebody `known` who sounds alike (ALIKE) or spoke at the same time (TOGETHER); who
    gets whose is the pairing with the greatest sum of cosine and shared time. Everybody else is "Speaker N", N the
    lowest that nobody has or had.
    """
    spans = _spans_of(found)
    names = list(known)
    gain = np.zeros((len(spans), len(names)))
    for i, own in enumerate(spans):
        centroid = found.centroids[i] if i < len(found.centroids) else ()
        for j, name in enumerate(names):
            likeness = cosine(centroid, known[name].centroid)
            together = shared_time(own, known[name].spans)
            if likeness >= ALIKE or together >= TOGETHER:
                gain[i, j] = max(0.0, likeness) + together
    kept = {i: names[j] for i, j in pairs(gain)}
    free = (name for name in map(NEW.format, count(1)) if name not in known)
    return tuple(kept[i] if i in kept else next(free) for i in range(len(spans)))


def remembered(found: Diarization, names: Sequence[str], known: Mapping[str, Known]) -> dict[str, Known]:
    """What a later run must know: every speaker of this one by the name that `named` gave, and everybody known before
    who was not found this time, so that they are recognised when they are found again."""
    centroids = found.centroids or ((),) * len(names)
    now = zip(names, _spans_of(found), centroids, strict=True)
    return {**known, **{name: Known(spans, centroid) for name, spans, centroid in now}}


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Of two vectors, -1..1; 0 where either is empty, has no length, or is of another width (another encoder's)."""
    if len(one) != len(other):
        return 0.0
    length = math.hypot(*one) * math.hypot(*other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / length if length else 0.0


def shared_time(one: Sequence[Span], other: Sequence[Span]) -> float:
    """Twice the time in both ÷ the time of one and the other together (Dice), 0..1."""
    ours, theirs = union(one), union(other)
    apart = sum(span.duration for span in (*ours, *theirs))
    either = sum(span.duration for span in union([*ours, *theirs]))
    return 2 * (apart - either) / apart if apart else 0.0


def to_json(known: Mapping[str, Known]) -> dict[str, Any]:
    """Plain data."""
    return {
        name: {"spans": [[span.start, span.end] for span in one.spans], "centroid": list(one.centroid)}
        for name, one in known.items()
    }


def from_json(value: Any) -> dict[str, Known]:
    """What `to_json` made. Raises ValueError for anything else."""
    try:
        known = {
            str(name): Known(
                tuple(Span(int(start), int(end)) for start, end in one["spans"]),
                tuple(float(number) for number in one["centroid"]),
            )
            for name, one in value.items()
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("not a record of speakers") from error
    if not all(math.isfinite(number) for one in known.values() for number in one.centroid):
        raise ValueError("not a record of speakers")
    return known


def _spans_of(found: Diarization) -> list[tuple[Span, ...]]:
    """Each speaker's time, by number."""
    highest = max((turn.speaker for turn in found.turns), default=-1)
    spans: list[list[Span]] = [[] for _ in range(max(highest + 1, len(found.centroids)))]
    for turn in found.turns:
        spans[turn.speaker].append(turn.span)
    return [tuple(own) for own in spans]
