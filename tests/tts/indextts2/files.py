"""The official files of a release as tests change them: linked, opened, altered, written back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tts.indextts2.checkpoint import LONE
from tts.indextts2.layout import LAYOUTS

LATER = "codec of 2.5"
"""What 2.5 alone has, in a format and a nesting of its own."""

WEIGHTS = {**LAYOUTS["2.0"].weights, LATER: LAYOUTS["2.5"].weights["codec"]}
REQUIRED = LAYOUTS["2.0"].required
TOKENIZER = LAYOUTS["2.0"].tokenizer
PARTS = list(WEIGHTS)

NEST = {"s2mel": ("net", "cfm"), "vocoder": ("generator",), LATER: ("model",)}
"""Where the tensors lie that `alter` is shown."""

KEY = {
    "gpt": "final_norm.weight",
    "s2mel": "estimator.conv1.weight",
    "codec": "encoder.1.weight",
    LATER: "up.weight",
    "vocoder": "conv_pre.bias",
    "speaker": "head.conv1.weight",
    "semantic": "feature_projection.projection.weight",
    "statistics": "var",
    "speaker matrix": LONE,
    "emotion matrix": LONE,
}
"""A tensor of every file that its part needs."""


def linked(folder: Path, target: Path) -> Path:
    """A folder of links to the release in `folder`, what was converted of it included: safe to change."""
    for path in folder.rglob("*"):
        if path.is_file():
            link = target / path.relative_to(folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    return target


def replace(path: Path, content: bytes) -> None:
    """Another file in the place of a link."""
    path.unlink()
    path.write_bytes(content)


def content(path: Path) -> Any:
    """What a weight file holds."""
    if path.suffix == ".safetensors":
        return load_file(path)
    return torch.load(path, weights_only=True)


def store(path: Path, value: Any, *, zipped: bool = True) -> None:
    """Writes a weight file anew, in the place of a link."""
    path.unlink(missing_ok=True)
    if path.suffix == ".safetensors":
        save_file(value, path)
    else:
        torch.save(value, path, _use_new_zipfile_serialization=zipped)


def alter(folder: Path, part: str, change: Callable[[dict[str, Any]], object], *, alone: bool = False) -> str:
    """Changes the tensors of a part's file; its path in the folder. `alone` takes all but `KEY` away before."""
    path = folder / WEIGHTS[part].path
    whole = content(path)
    tensors = whole
    for level in NEST.get(part, ()):
        tensors = tensors[level]
    if isinstance(whole, Tensor):
        tensors = {LONE: whole}
        change(tensors)
        whole = tensors[LONE] if set(tensors) == {LONE} else tensors
    else:
        for name in set(tensors) - {KEY[part]} if alone else ():
            del tensors[name]
        change(tensors)
    store(path, whole)
    return WEIGHTS[part].path
