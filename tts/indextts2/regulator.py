"""From semantic features to the mel clock: the length regulator and the latents' projection. No mel is made here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from tts.errors import BadWeights
from tts.indextts2.config import FlowConfig
from tts.indextts2.weights import load_strict

ROUNDS = 4
"""Convolution, norm and activation, behind the resampling."""

LATENT_MAPS = 3
"""Linear maps from the language model's latents to the features, nothing between them."""


def nearest(features: int, frames: int, device: torch.device | None = None) -> Tensor:
    """The feature under every frame: min(⌊j · features/frames⌋, features - 1) for j < frames, in float32. [frames].

    The reference implementation computes it in float32; whole-number arithmetic names another feature now and then.
    """
    scale = torch.tensor(features / frames, dtype=torch.float32, device=device)
    position = torch.arange(frames, dtype=torch.float32, device=device) * scale
    return position.floor().long().clamp_(max=features - 1)


class Regulator(nn.Module):
    """Features at the codec's rate to conditions at the mel's: nearest neighbour, then a small convolutional stack.

    Its norms take their statistics over channels and time, so a padded batch would give another result: only inputs
    of equal length, to equal length, may share a batch. `regulate` sees to that.
    """

    UNUSED: ClassVar[tuple[str, ...]] = (r"embedding\.weight", r"mask_token")
    """For discrete input and for training."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        width = config.regulator_width
        self.content_in_proj = nn.Linear(config.features, width)
        stack: list[nn.Module] = []
        for _ in range(ROUNDS):
            stack += [nn.Conv1d(width, width, 3, padding=1), nn.GroupNorm(1, width), nn.Mish(inplace=True)]
        self.model = nn.Sequential(*stack, nn.Conv1d(width, width, 1))

    @classmethod
    def load(cls, config: FlowConfig, state: Mapping[str, Tensor]) -> Regulator:
        """`state` holds the `length_regulator` group. Raises BadWeights."""
        with torch.device("meta"):
            regulator = cls(config)
        load_strict(regulator, state, "The length regulator", unused=cls.UNUSED)
        return regulator

    @torch.inference_mode()
    def forward(self, x: Tensor, frames: int) -> Tensor:
        """[T, features] or [B, T, features] → [frames, width] or [B, frames, width].

        Raises ValueError for an empty input or output.
        """
        length = x.shape[-2]
        if length < 1 or frames < 1:
            raise ValueError(f"{length} features cannot become {frames} frames.")
        if x.dim() == 2:
            alone: Tensor = self(x.unsqueeze(0), frames)
            return alone.squeeze(0)
        content: Tensor = self.content_in_proj(x)
        content = content.index_select(1, nearest(length, frames, x.device))
        regulated: Tensor = self.model(content.transpose(1, 2))
        return regulated.transpose(1, 2)

    @torch.inference_mode()
    def regulate(self, xs: Sequence[Tensor], frames: Sequence[int]) -> list[Tensor]:
        """Each x [T, features] to its number of frames: [frames, width]; what is of equal size goes together."""
        groups: dict[tuple[int, int], list[int]] = {}
        for index, (x, count) in enumerate(zip(xs, frames, strict=True)):
            groups.setdefault((x.shape[0], count), []).append(index)
        regulated: dict[int, Tensor] = {}
        for (_, count), members in groups.items():
            batch = self(torch.stack([xs[index] for index in members]), count)
            regulated.update(zip(members, batch.unbind(), strict=True))
        return [regulated[index] for index in range(len(xs))]


class LatentProjection(nn.Module):
    """The language model's latents in the features' space (2.0): official three linear maps, here their product."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("bias", bias, persistent=False)

    @classmethod
    def load(cls, state: Mapping[str, Tensor]) -> LatentProjection:
        """`state` holds the `gpt_layer` group. Raises BadWeights."""
        part = "The latents' projection"
        shapes = [state[f"{i}.weight"].shape for i in range(LATENT_MAPS) if f"{i}.weight" in state]
        if len(shapes) != LATENT_MAPS or any(len(shape) != 2 for shape in shapes):
            raise BadWeights(f"{part} is not {LATENT_MAPS} linear maps.")
        with torch.device("meta"):
            maps = nn.Sequential(*(nn.Linear(shape[1], shape[0]) for shape in shapes))
        load_strict(maps, state, part)
        if any(before[0] != after[1] for before, after in pairwise(shapes)):
            raise BadWeights(f"{part} has maps that do not follow on one another.")
        weight, bias = (getattr(maps[0], name).double() for name in ("weight", "bias"))
        for i in range(1, LATENT_MAPS):
            matrix, offset = (getattr(maps[i], name).double() for name in ("weight", "bias"))
            weight, bias = matrix @ weight, matrix @ bias + offset
        dtype = state["0.weight"].dtype
        return cls(weight.to(dtype), bias.to(dtype))

    @torch.inference_mode()
    def forward(self, latent: Tensor) -> Tensor:
        """[…, latent] → […, features]."""
        return nn.functional.linear(latent, self.weight, self.bias)
