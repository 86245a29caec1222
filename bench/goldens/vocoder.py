"""Golden runner of the vocoder."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from torch import Tensor

from bench.goldens.harness import Case, fill, load_manifest
from tts.indextts2.bigvgan import BigVgan
from tts.indextts2.config import VocoderConfig


def load(case: Case) -> BigVgan:
    """The case's model; cases in a row with the same weights share it."""
    return _loaded(case.root, case.raw["manifest"], case.raw["salt"], VocoderConfig.parse(case.config or {}))


@lru_cache(maxsize=1)
def _loaded(root: Path, manifest: str, salt: str, config: VocoderConfig) -> BigVgan:
    return BigVgan.load(config, fill(load_manifest(root, manifest), salt))


def wave(case: Case) -> dict[str, Tensor]:
    """`bigvgan.wave`."""
    return {"wav": load(case)(case.inputs()["mel"]).unsqueeze(1)}


RUNNERS: dict[str, Callable[[Case], dict[str, Tensor]]] = {"bigvgan.wave": wave}
