"""Official tensors into our modules: strict by name, shape and value. Reads no file: that is `checkpoint`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from tts.errors import BadWeights

SHOWN = 5
"""How many offending keys a message names before it counts the rest."""


def fold_weight_norm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`X.weight_g`, `X.weight_v` → `X.weight` = g · v / ‖v‖, the norm over all dimensions but the first.

    Source: Salimans and Kingma 2016, eq. 2. Raises BadWeights where one of the pair is missing.
    """
    folded: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.endswith(".weight_g"):
            if name[:-1] + "v" not in state:
                raise BadWeights(f"{name} is there, and {name[:-1]}v is not.")
        elif name.endswith(".weight_v"):
            if name[:-1] + "g" not in state:
                raise BadWeights(f"{name} is there, and {name[:-1]}g is not.")
            gain = state[name[:-1] + "g"]
            if gain.numel() != value.shape[0]:
                raise BadWeights(f"{name[:-1]}g has shape {list(gain.shape)} beside {list(value.shape)}.")
            folded[name[: -len("_v")]] = torch._weight_norm(value, gain, 0)
        else:
            folded[name] = value
    return folded


def load_strict(
    module: nn.Module, state: Mapping[str, Tensor], part: str, *, unused: Sequence[str] = ()
) -> None:
    """Gives `module` its weights: every key accounted for, every shape equal, every value finite.

    `unused` are full-match patterns of official keys that this part does without. Parameters and buffers are
    assigned, not copied, so a module made on the meta device costs nothing and a memory-mapped file stays mapped.
    Raises BadWeights, naming `part` and the keys.
    """
    allowed = re.compile("|".join(f"(?:{pattern})" for pattern in unused) or r"(?!)")
    wanted = module.state_dict()
    kept = {name: value for name, value in state.items() if name in wanted}
    extra = [name for name in state if name not in wanted and not allowed.fullmatch(name)]
    missing = [name for name in wanted if name not in kept]
    shapes = [
        f"{name} {list(value.shape)} where {list(wanted[name].shape)} belongs"
        for name, value in kept.items()
        if value.shape != wanted[name].shape
    ]
    for what, names in (("lacks", missing), ("has the unknown", extra), ("has the misshapen", shapes)):
        if names:
            raise BadWeights(f"{part} {what} {_listed(names)}.")
    broken = [
        name for name, value in kept.items() if value.is_floating_point() and not torch.isfinite(value).all()
    ]
    if broken:
        raise BadWeights(f"{part} has values that are not numbers in {_listed(broken)}.")
    module.load_state_dict(kept, strict=True, assign=True)
    module.requires_grad_(False)
    module.eval()


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
