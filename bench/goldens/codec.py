"""Golden runners of the semantic codec."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from torch import Tensor

from bench.goldens.harness import Case, fill, load_manifest
from tts.indextts2.codec import Codec
from tts.indextts2.config import CodecConfig


def load(case: Case) -> Codec:
    """The case's model; cases in a row with the same weights share it."""
    return _loaded(case.root, case.raw["manifest"], case.raw["salt"], CodecConfig.parse(case.config or {}))


@lru_cache(maxsize=1)
def _loaded(root: Path, manifest: str, salt: str, config: CodecConfig) -> Codec:
    return Codec.load(config, fill(load_manifest(root, manifest), salt))


def quantize(case: Case) -> dict[str, Tensor]:
    """`codec.quantize`."""
    codec, feat = load(case), case.inputs()["feat"]
    encoded = codec.encode(feat)
    codes, emb = codec.quantize(feat)
    return {"encoder": encoded, "projected": codec.project(encoded), "codes": codes, "emb": emb}


def embed(case: Case) -> dict[str, Tensor]:
    """`codec.vq2emb`."""
    return {"emb": load(case).embed(case.inputs()["codes"])}


def decode(case: Case) -> dict[str, Tensor]:
    """`codec.decode`."""
    return {"feat": load(case).decode(case.inputs()["codes"])}


RUNNERS: dict[str, Callable[[Case], dict[str, Tensor]]] = {
    "codec.quantize": quantize,
    "codec.vq2emb": embed,
    "codec.decode": decode,
}
