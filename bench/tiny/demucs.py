"""Tiny Demucs bags in the hub's format: the released architecture, narrow and with random weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

SOURCES = ["drums", "bass", "other", "vocals"]

BAGS = {"htdemucs": ["955717e8"], "htdemucs_ft": ["f7e0c4bc", "d12395a8", "92cfc3b6", "04573f0d"]}

FULL: Mapping[str, Any] = {
    "sources": SOURCES,
    "channels": 48,
    "nfft": 4096,
    "dconv_mode": 3,
    "bottom_channels": 512,
    "t_layers": 5,
    "t_heads": 8,
    "t_dropout": 0.02,
    "samplerate": 44_100,
    "segment": Fraction(39, 5),
}
"""The released network's size, 42.0 million parameters (demucs: conf/config.yaml, grids/mmi.py, docs/training.md)."""

TINY: Mapping[str, Any] = {
    **FULL,
    "channels": 8,
    "nfft": 2048,
    "dconv_depth": 1,
    "bottom_channels": 8,
    "t_layers": 1,
    "t_heads": 2,
    "t_hidden_scale": 1.0,
    "segment": Fraction(1, 2),
}
"""0.28 million parameters, half a second at a time."""


def write(folder: Path, name: str = "htdemucs", arguments: Mapping[str, Any] = TINY) -> None:
    """Fills `folder` with the bag `name`; its networks differ, and are the same on every machine."""
    folder.mkdir(parents=True, exist_ok=True)
    signatures = BAGS[name]
    bag = [f"models: {signatures}"]
    if len(signatures) > 1:
        bag.append(
            f"weights: {[[float(i == k) for k in range(len(SOURCES))] for i in range(len(signatures))]}"
        )
    (folder / f"{name}.yaml").write_text("\n".join(bag) + "\n", "utf-8")
    for seed, signature in enumerate(signatures):
        write_network(folder / f"{signature}.safetensors", network(seed, arguments), arguments)


def network(seed: int, arguments: Mapping[str, Any] = TINY) -> Any:
    """An HTDemucs with weights drawn by `seed`. Scales that training starts near 0 are raised: every part counts."""
    import torch
    from demucs.htdemucs import HTDemucs

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = HTDemucs(**arguments).eval()
    for key, value in made.state_dict().items():
        if key.endswith(".scale"):
            value.fill_(0.3)
    return made


def write_network(
    path: Path, made: Any, arguments: Mapping[str, Any], *, klass: str = "demucs.htdemucs.HTDemucs"
) -> None:
    """One network as the hub keeps it: tensors, and what makes it anew as JSON in the metadata."""
    from safetensors.torch import save_file

    metadata = {"klass": klass, "args": "[]", "kwargs": json.dumps(dict(arguments), default=encoded)}
    state = {key: value.detach().contiguous() for key, value in made.state_dict().items()}
    save_file(state, path, metadata=metadata)


def encoded(value: Fraction) -> dict[str, Any]:
    """A fraction as JSON."""
    return {"_type": "fraction", "numerator": value.numerator, "denominator": value.denominator}


__all__ = ["BAGS", "FULL", "TINY", "encoded", "network", "write", "write_network"]
