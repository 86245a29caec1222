"""Which networks make a bag's vocals, and where they lie: its yaml, read as plain data. Opens no network's file."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dubber.stages.separate.checkpoint import LONGEST_SEGMENT_S, NUMBER, SOURCES, VOCALS, is_number, refused

BYTES = 1024
"""The longest released yaml has 160."""
NETWORKS = 16
"""Networks in a bag; the largest released one has four."""


@dataclass(frozen=True)
class Part:
    """One network of a bag: its file, and its share of the vocals (the shares of a bag's parts add up to 1)."""

    path: Path
    share: float


@dataclass(frozen=True)
class Bag:
    """The networks that vocals are made with, and the segment length in seconds where the bag limits it."""

    described: Path
    parts: tuple[Part, ...]
    segment: float | None

    @property
    def files(self) -> tuple[Path, ...]:
        """All that shapes its vocals."""
        return (self.described, *(part.path for part in self.parts))


def read(folder: Path, name: str) -> Bag:
    """The bag `name` in a model's folder; networks that have no share of the vocals are left out.

    A network's file is SIGNATURE.safetensors or, where that is not there, SIGNATURE.th or SIGNATURE-CHECKSUM.th. Raises
    MissingError where the yaml is not what it must be or a file is not there.
    """
    import yaml

    path = folder / f"{name}.yaml"
    try:
        with path.open("rb") as file:
            text = file.read(BYTES + 1)
        content = yaml.safe_load(text) if len(text) <= BYTES else None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise refused(path, "it is not the plain yaml of a bag") from error
    if not isinstance(content, dict) or not {"models"} <= set(content) <= {"models", "weights", "segment"}:
        raise refused(path, "it is not the plain yaml of a bag")
    signatures, segment = content["models"], content.get("segment")
    if not (
        isinstance(signatures, list)
        and 1 <= len(signatures) <= NETWORKS
        and all(isinstance(one, str) and re.fullmatch("[0-9a-f]{8}", one) for one in signatures)
    ):
        raise refused(path, "its models are not named by signatures of eight hexadecimal digits")
    if segment is not None and not is_number(segment, 0, LONGEST_SEGMENT_S):
        raise refused(path, "its segment is not a number of seconds")
    shares = _shares(path, content.get("weights"), len(signatures))
    wanted = [(one, share) for one, share in zip(signatures, shares, strict=True) if share]
    return Bag(path, tuple(Part(_file(folder, one), share) for one, share in wanted), segment)


def _shares(path: Path, weights: Any, networks: int) -> list[float]:
    """Each network's weight in the vocals, over their sum."""
    if weights is None:
        return [1 / networks] * networks
    rows = weights if isinstance(weights, list) else []
    if len(rows) != networks or not all(
        isinstance(row, list)
        and len(row) == len(SOURCES)
        and all(one == 0 or is_number(one, 0, NUMBER) for one in row)
        for row in rows
    ):
        raise refused(path, f"its weights are not {len(SOURCES)} numbers for each network")
    total = math.fsum(row[VOCALS] for row in rows)
    if not total:
        raise refused(path, "none of its networks has a share of the vocals")
    return [row[VOCALS] / total for row in rows]


def _file(folder: Path, signature: str) -> Path:
    path = folder / f"{signature}.safetensors"
    if path.is_file():
        return path
    old = sorted({*folder.glob(f"{signature}.th"), *folder.glob(f"{signature}-*.th")})
    if not old:
        raise refused(path, f"it is not in {folder}")
    if len(old) > 1:
        raise refused(old[0], f"{old[1].name} says that it is the same network")
    return old[0]
