"""The subsampling Conformer that reads a reference's semantic features. No resampler and no weights file live here.

Gulati et al. 2020 (Conformer), without the first half of the macaron pair; Dai et al. 2019 (Transformer-XL) for the
attention's two biases.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tts.errors import BadReference
from tts.indextts2.config import ConformerConfig

SUBSAMPLING_KERNEL = 3
SUBSAMPLING_STRIDE = 2
DEPTHWISE_KERNEL = 15
"""Frames at the subsampled rate (25 Hz), 0.6 s."""
SINUSOID_BASE = 10000.0
"""Vaswani et al. 2017, section 3.5."""


def subsampled(frames: int) -> int:
    """How many frames of width or time an unpadded 3-wide convolution of stride 2 leaves: ⌊(n − 3) / 2⌋ + 1."""
    return (frames - SUBSAMPLING_KERNEL) // SUBSAMPLING_STRIDE + 1


def sinusoids(length: int, width: int, device: torch.device) -> Tensor:
    """Position table [length, width], float32: sines in the even columns, cosines in the odd ones."""
    position = torch.arange(length, device=device, dtype=torch.float32)
    rate = torch.exp(
        torch.arange(0, width, 2, device=device, dtype=torch.float32) * -(math.log(SINUSOID_BASE) / width)
    )
    angle = torch.outer(position, rate)
    return torch.stack((angle.sin(), angle.cos()), dim=-1).flatten(1)


class Subsampling(nn.Module):
    """One strided 3×3 convolution over time and features, then a linear map: half the frame rate, `width` channels."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(1, width, SUBSAMPLING_KERNEL, SUBSAMPLING_STRIDE), nn.ReLU())
        self.out = nn.Sequential(nn.Linear(width * subsampled(features), width))
        self.scale = math.sqrt(width)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, features] → [B, T', width], already times √width as where positions would be added."""
        x = self.conv(x.unsqueeze(1))  # [B, width, T', features']
        x = x.transpose(1, 2).flatten(2)  # [B, T', width · features'], channel-major
        projected: Tensor = self.out(x)
        return projected * self.scale


class PositionedAttention(nn.Module):
    """Self-attention with Transformer-XL's content and position biases, but positions absolute: nothing is shifted."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.linear_q = nn.Linear(width, width)
        self.linear_k = nn.Linear(width, width)
        self.linear_v = nn.Linear(width, width)
        self.linear_out = nn.Linear(width, width)
        self.linear_pos = nn.Linear(width, width, bias=False)
        self.pos_bias_u = nn.Parameter(torch.empty(heads, width // heads))
        self.pos_bias_v = nn.Parameter(torch.empty(heads, width // heads))

    def forward(self, x: Tensor, positions: Tensor, mask: Tensor | None) -> Tensor:
        """x [B, T, C], positions [T, C], mask [B, T] (true: a frame) or None → [B, T, C].

        score(i, j) = ((q_i + u)·k_j + (q_i + v)·p_j) / √d. With p indexed by the key alone, the two dot products are
        one of twice the width.
        """
        split = (self.heads, -1)
        q = self.linear_q(x).unflatten(-1, split)  # [B, T, H, d]
        k = self.linear_k(x).unflatten(-1, split).transpose(1, 2)  # [B, H, T, d]
        v = self.linear_v(x).unflatten(-1, split).transpose(1, 2)
        p = self.linear_pos(positions).unflatten(-1, split).transpose(0, 1)  # [H, T, d]
        query = torch.cat((q + self.pos_bias_u, q + self.pos_bias_v), dim=-1).transpose(1, 2)  # [B, H, T, 2d]
        key = torch.cat((k, p.expand_as(k)), dim=-1)
        heard = F.scaled_dot_product_attention(
            query,
            key,
            v,
            attn_mask=None if mask is None else mask[:, None, None, :],
            scale=1 / math.sqrt(v.shape[-1]),
        )
        out: Tensor = self.linear_out(heard.transpose(1, 2).flatten(2))
        return out


class ConvModule(nn.Module):
    """Gated pointwise, depthwise, normalised, pointwise."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pointwise_conv1 = nn.Conv1d(width, 2 * width, 1)
        self.depthwise_conv = nn.Conv1d(
            width, width, DEPTHWISE_KERNEL, padding=DEPTHWISE_KERNEL // 2, groups=width
        )
        self.norm = nn.LayerNorm(width)
        self.pointwise_conv2 = nn.Conv1d(width, width, 1)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """[B, T, C] → [B, T, C]; frames outside the mask are silenced going in and coming out."""
        x = _silenced(x, mask).transpose(1, 2)  # [B, C, T]
        x = self.depthwise_conv(F.glu(self.pointwise_conv1(x), dim=1))
        x = F.silu(self.norm(x.transpose(1, 2))).transpose(1, 2)
        x = self.pointwise_conv2(x).transpose(1, 2)
        return _silenced(x, mask)


class FeedForward(nn.Module):
    """Two linears with SiLU between."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.w_1 = nn.Linear(width, inner)
        self.w_2 = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """[…, C] → […, C]."""
        out: Tensor = self.w_2(F.silu(self.w_1(x)))
        return out


class Block(nn.Module):
    """Attention, convolution, feed-forward: each on a normalised input and added; the sum normalised."""

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        width = config.width
        self.self_attn = PositionedAttention(width, config.heads)
        self.feed_forward = FeedForward(width, config.feed_forward)
        self.conv_module = ConvModule(width)
        self.norm_mha = nn.LayerNorm(width)
        self.norm_conv = nn.LayerNorm(width)
        self.norm_ff = nn.LayerNorm(width)
        self.norm_final = nn.LayerNorm(width)

    def forward(self, x: Tensor, positions: Tensor, mask: Tensor | None) -> Tensor:
        """x [B, T, C], positions [T, C], mask [B, T] or None → [B, T, C]."""
        x = x + self.self_attn(self.norm_mha(x), positions, mask)
        x = x + self.conv_module(self.norm_conv(x), mask)
        x = x + self.feed_forward(self.norm_ff(x))
        out: Tensor = self.norm_final(x)
        return out


class Conformer(nn.Module):
    """Semantic features at 50 Hz → context at 25 Hz."""

    def __init__(self, config: ConformerConfig, features: int) -> None:
        super().__init__()
        self.embed = Subsampling(features, config.width)
        self.encoders = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.after_norm = nn.LayerNorm(config.width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x [B, T, features] → [B, T', C], T' = `subsampled(T)`; mask [B, T'] (true: a frame) or None for all.

        The mask is the reference implementation's, which is not quite that of a shorter input: `ConvModule` silences
        frames ahead of a biased convolution, so the last DEPTHWISE_KERNEL // 2 frames hear that bias behind them.
        Raises BadReference where T is too short for one frame.
        """
        if x.shape[1] < SUBSAMPLING_KERNEL:
            raise BadReference(
                f"The reference has {x.shape[1]} feature frames; {SUBSAMPLING_KERNEL} are the least."
            )
        x = self.embed(x)
        positions = sinusoids(x.shape[1], x.shape[2], x.device).to(x.dtype)
        for block in self.encoders:
            x = block(x, positions, mask)
        out: Tensor = self.after_norm(x)
        return out


def _silenced(x: Tensor, mask: Tensor | None) -> Tensor:
    return x if mask is None else x.masked_fill(~mask.unsqueeze(-1), 0)
