"""Voices that several films share: which of a company's voices a film's speakers are. Pure; `company.py` keeps
files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from align.diarization import pairs
from dubber.stages.diarize.names import ALIKE, cosine

SCHEMA = 1
"""Version of what the index holds."""


@dataclass(frozen=True)
class Voice:
    """One voice: its `embedding` (unit length), the sha256 of the recording it was made of, and of the encoder's
    weights."""

    embedding: tuple[float, ...]
    recording: str
    encoder: str


Index = Mapping[str, Voice]
"""Voices by the name of the person."""


def match(
    centroids: Sequence[Sequence[float]], index: Index, threshold: float = ALIKE
) -> tuple[str | None, ...]:
    """Who of `index` each speaker is, None for nobody in it: one-to-one, the pairing of the greatest sum of cosines.

    Voices of cosine below `threshold` are never one person's. Its default is careful (see ALIKE): a person who is not
    recognised gets a second voice, which can be mended; one who is taken for another gets a wrong one.
    """
    names = list(index)
    gain = np.zeros((len(centroids), len(names)))
    for i, centroid in enumerate(centroids):
        for j, name in enumerate(names):
            likeness = cosine(centroid, index[name].embedding)
            gain[i, j] = likeness if likeness >= threshold else 0.0
    chosen = dict(pairs(gain))
    return tuple(names[chosen[i]] if i in chosen else None for i in range(len(centroids)))


def to_json(index: Index) -> dict[str, Any]:
    """Plain data."""
    return {
        "schema": SCHEMA,
        "voices": {
            name: {"embedding": list(one.embedding), "recording": one.recording, "encoder": one.encoder}
            for name, one in index.items()
        },
    }


def from_json(value: Any) -> dict[str, Voice]:
    """What `to_json` made. Raises ValueError for anything else."""
    try:
        if value["schema"] != SCHEMA:
            raise ValueError("another version's index of voices")
        index = {
            str(name): Voice(
                tuple(float(number) for number in one["embedding"]),
                str(one["recording"]),
                str(one["encoder"]),
            )
            for name, one in value["voices"].items()
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("not an index of voices") from error
    if not all(math.isfinite(number) for one in index.values() for number in one.embedding):
        raise ValueError("not an index of voices")
    return index
