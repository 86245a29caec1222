"""The Perceiver resampler: a context of any length into a fixed number of latents. Reads no audio and no file.

Jaegle et al. 2021 (Perceiver); Alayrac et al. 2022 (Flamingo, section 2.1): latents are keys too.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

HEAD_WIDTH = 64
LAYERS = 2


class CrossAttention(nn.Module):
    """Latents ask, latents and context answer. No biases."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        inner = heads * HEAD_WIDTH
        self.to_q = nn.Linear(width, inner, bias=False)
        self.to_kv = nn.Linear(width, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, width, bias=False)

    def forward(self, latents: Tensor, context: Tensor, mask: Tensor | None) -> Tensor:
        """latents [B, n, D], context [B, T, D], mask [B, n + T] (true: a key) or None → [B, n, D]."""
        split = (-1, HEAD_WIDTH)
        q = self.to_q(latents).unflatten(-1, split).transpose(1, 2)  # [B, H, n, 64]
        keys, values = self.to_kv(torch.cat((latents, context), dim=1)).chunk(2, dim=-1)
        k = keys.unflatten(-1, split).transpose(1, 2)  # [B, H, n + T, 64]
        v = values.unflatten(-1, split).transpose(1, 2)
        heard = F.scaled_dot_product_attention(
            q, k, v, attn_mask=None if mask is None else mask[:, None, None, :]
        )
        out: Tensor = self.to_out(heard.transpose(1, 2).flatten(2))
        return out


class Geglu(nn.Module):
    """Shazeer 2020: the first half, gated by the exact GELU of the second."""

    def forward(self, x: Tensor) -> Tensor:
        """[…, 2 F] → […, F]."""
        value, gate = x.chunk(2, dim=-1)
        return value * F.gelu(gate)


class RmsNorm(nn.Module):
    """x / ‖x‖ · √D · γ (Zhang and Sennrich 2019), the norm in float32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.empty(width))

    def forward(self, x: Tensor) -> Tensor:
        """[…, D] → […, D]."""
        unit = F.normalize(x.float(), dim=-1) * math.sqrt(x.shape[-1])
        return unit.to(x.dtype) * self.gamma


class Perceiver(nn.Module):
    """`count` learned latents of width `width` read a context of width `context`. The layers have no pre-norms."""

    def __init__(self, context: int, width: int, count: int, heads: int, mult: int) -> None:
        super().__init__()
        # GEGLU has three matrices in place of two, so its inner width is two thirds of the usual one
        inner = int(width * mult * 2 / 3)
        self.proj_context = nn.Linear(context, width)
        self.latents = nn.Parameter(torch.empty(count, width))
        self.layers = nn.ModuleList(
            nn.ModuleList(
                (
                    CrossAttention(width, heads),
                    nn.Sequential(nn.Linear(width, 2 * inner), Geglu(), nn.Linear(inner, width)),
                )
            )
            for _ in range(LAYERS)
        )
        self.norm = RmsNorm(width)

    def forward(self, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """context [B, T, context], mask [B, T] (true: a frame) or None for all → [B, count, width]."""
        context = self.proj_context(context)
        latents = self.latents.expand(context.shape[0], -1, -1)
        if mask is not None:
            mask = F.pad(mask, (latents.shape[1], 0), value=True)  # a latent is always a key
        for layer in self.layers:
            attend, feed = layer.children()
            latents = latents + attend(latents, context, mask)
            latents = latents + feed(latents)
        out: Tensor = self.norm(latents)
        return out
