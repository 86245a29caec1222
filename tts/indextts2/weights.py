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

    Source: Salimans and Kingma 2016, eq. 2. Raises BadWeights where one of the pair is missing or does not fit the
    other, and where the weight is there in both forms.
    """
    folded: dict[str, Tensor] = {}
    for name, value in state.items():
        stem, _, kind = name.rpartition("_")
        if kind not in ("g", "v") or not stem.endswith(".weight"):
            folded[name] = value
            continue
        other = f"{stem}_{'v' if kind == 'g' else 'g'}"
        if other not in state:
            raise BadWeights(f"{name} is there, and {other} is not.")
        if stem in state:
            raise BadWeights(f"{stem} is there twice: as it is, and as {name} and {other}.")
        if kind == "v":
            folded[stem] = _folded(stem, state[other], value)
    return folded


def load_strict(
    module: nn.Module, state: Mapping[str, Tensor], part: str, *, unused: Sequence[str] = ()
) -> None:
    """Gives `module` its weights: every key accounted for, every shape and kind of number equal, every value finite.

    `unused` are full-match patterns of official keys that this part does without. Parameters and buffers are
    assigned, not copied, so a module made on the meta device costs nothing and a memory-mapped file stays mapped.
    Raises BadWeights, naming `part` and the keys.
    """
    allowed = any_of(unused)
    wanted = module.state_dict()
    kept = {name: value for name, value in state.items() if name in wanted}
    extra = [name for name in state if name not in wanted and not allowed.fullmatch(name)]
    missing = [name for name in wanted if name not in kept]
    shapes = [
        f"{name} {list(value.shape)} where {list(wanted[name].shape)} belongs"
        for name, value in kept.items()
        if value.shape != wanted[name].shape
    ]
    kinds = [
        f"{name} {_kind(value)} where {_kind(wanted[name])} belong"
        for name, value in kept.items()
        if _kind(value) != _kind(wanted[name])
    ]
    for what, names in (
        ("lacks", missing),
        ("has the unknown", extra),
        ("has the misshapen", shapes),
        ("has", kinds),
    ):
        if names:
            raise BadWeights(f"{part} {what} {_listed(names)}.")
    broken = [name for name, value in kept.items() if not finite(value)]
    if broken:
        raise BadWeights(f"{part} has values that are not numbers in {_listed(broken)}.")
    module.load_state_dict(kept, strict=True, assign=True)
    module.requires_grad_(False)
    module.eval()


def finite(value: Tensor) -> bool:
    """Whether a tensor has neither NaN nor infinity. Reads it once and allocates nothing of its size."""
    if not value.is_floating_point() or value.numel() == 0:
        return True
    least, most = value.aminmax()  # NaN anywhere makes both NaN
    return bool(least.isfinite() & most.isfinite())


def any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    """One pattern for all of them; without any it matches nothing."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or r"(?!)")


def _folded(stem: str, gain: Tensor, direction: Tensor) -> Tensor:
    per_row = (*direction.shape[:1], *(1 for _ in direction.shape[1:]))
    if direction.ndim == 0 or tuple(gain.shape) != per_row or gain.dtype != direction.dtype:
        raise BadWeights(
            f"{stem}_g {list(gain.shape)} of {_kind(gain)} does not fit {stem}_v {list(direction.shape)} "
            f"of {_kind(direction)}."
        )
    if not direction.is_floating_point():
        raise BadWeights(f"{stem}_v has {_kind(direction)} where floats belong.")
    return torch._weight_norm(direction, gain, 0)


def _kind(value: Tensor) -> str:
    if value.is_floating_point():
        return "floats"
    return "complex numbers" if value.is_complex() else "whole numbers"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
