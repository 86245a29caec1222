"""The velocity network: a diffusion transformer with U-ViT skips and a WaveNet head. One evaluation; no solver here.

Peebles and Xie 2023 (DiT), Bao et al. 2023 (U-ViT), Shazeer 2020 (SwiGLU), Su et al. 2021 (rotary positions).

Sequences of any lengths are packed one behind the other, N rows in all, for S branches at once (with the condition,
and without): [S, N, width]. Only attention and the WaveNet look beyond a row, and both keep to each sequence's own
rows, so nothing is padded and a sequence never sees its neighbours. What depends on time alone is a `Moment`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tts.indextts2.config import FlowConfig
from tts.indextts2.wavenet import WaveNet

NORM_EPS = 1e-5
FINAL_NORM_EPS = 1e-6
ROTARY_BASE = 10_000.0
TIME_FREQUENCIES = 128
TIME_BASE = 10_000.0
TIME_SCALE = 1000.0
"""Time runs from 0 to 1; its sinusoids were made for a thousand steps."""
FEED_FORWARD_MULTIPLE = 256
"""The inner width is 8/3 of the outer, rounded up to a multiple of this."""


@dataclass(frozen=True)
class Modulation:
    """Gain and offset behind a norm, [width] each."""

    gain: Tensor
    offset: Tensor


@dataclass(frozen=True)
class Moment:
    """All that the network derives from one point in time."""

    attention: tuple[Modulation, ...]
    feed_forward: tuple[Modulation, ...]
    backbone: Modulation
    wavenet: Tensor  # [layers, 2 · wavenet width]
    final: Modulation


@dataclass(frozen=True)
class Spans:
    """Where each sequence lies among packed rows, and the rotation of each row by its own position."""

    rows: tuple[tuple[int, int], ...]
    rotation: Tensor  # [n, 1, head / 2], complex


@dataclass(frozen=True)
class Packing:
    """The geometry of one batch. Behind the last attention only `wanted` rows go on; None means every row."""

    full: Spans
    tail: Spans
    wanted: Tensor | None
    windows: tuple[Tensor, ...]


class TimeEmbedding(nn.Module):
    """Sinusoids of t, cosines first, through a small network."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(2 * TIME_FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, times: Tensor) -> Tensor:
        """Times in 0..1, [K] float32 → [K, width]."""
        steps = torch.arange(TIME_FREQUENCIES, dtype=torch.float32, device=times.device)
        angles = TIME_SCALE * times.unsqueeze(1) * torch.exp(-math.log(TIME_BASE) * steps / TIME_FREQUENCIES)
        sinusoids = torch.cat((angles.cos(), angles.sin()), dim=-1)
        embedded: Tensor = self.mlp(sinusoids.to(next(self.parameters()).dtype))
        return embedded


class AdaptiveNorm(nn.Module):
    """RMS norm whose gain and offset come from time."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(width, eps=NORM_EPS)
        self.project_layer = nn.Linear(width, 2 * width)

    def modulations(self, time: Tensor) -> list[Modulation]:
        """Time embeddings [K, width] → one modulation each; the norm's own gain is multiplied in."""
        gain, offset = self.project_layer(time).chunk(2, dim=-1)
        return [Modulation(*pair) for pair in zip(gain * self.norm.weight, offset, strict=True)]

    def forward(self, x: Tensor, by: Modulation) -> Tensor:
        """[…, width] → […, width]."""
        return F.rms_norm(x, (x.shape[-1],), by.gain, NORM_EPS).add_(by.offset)


class Attention(nn.Module):
    """Full self-attention within each sequence, rotary positions on adjacent pairs."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.wqkv = nn.Linear(width, 3 * width, bias=False)
        self.wo = nn.Linear(width, width, bias=False)

    def forward(self, x: Tensor, keys: Spans, asking: Tensor, queries: Spans) -> Tensor:
        """Every row x [S, N, width] is a key; the rows that ask, [S, n, width], get an answer [S, n, width]."""
        width = x.shape[-1]
        q = self._heads(F.linear(asking, self.wqkv.weight[:width]))
        k, v = (self._heads(part) for part in F.linear(x, self.wqkv.weight[width:]).chunk(2, dim=-1))
        q, k = _rotated(q, queries.rotation), _rotated(k, keys.rotation)
        answers = [
            F.scaled_dot_product_attention(
                q[:, ours[0] : ours[1]].transpose(1, 2),
                k[:, theirs[0] : theirs[1]].transpose(1, 2),
                v[:, theirs[0] : theirs[1]].transpose(1, 2),
            ).transpose(1, 2)
            for ours, theirs in zip(queries.rows, keys.rows, strict=True)
        ]
        answer = answers[0] if len(answers) == 1 else torch.cat(answers, dim=1)
        mixed: Tensor = self.wo(answer.flatten(2))
        return mixed

    def _heads(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:-1], self.heads, -1)


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = math.ceil(8 * width // 3 / FEED_FORWARD_MULTIPLE) * FEED_FORWARD_MULTIPLE
        self.w1 = nn.Linear(width, inner, bias=False)
        self.w3 = nn.Linear(width, inner, bias=False)
        self.w2 = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[…, width] → […, width]."""
        out: Tensor = self.w2(F.silu(self.w1(x), inplace=True).mul_(self.w3(x)))
        return out


class Block(nn.Module):
    """Pre-norm attention and feed-forward; the later half first takes in the output of its mirror block."""

    def __init__(self, config: FlowConfig, *, skip: bool) -> None:
        super().__init__()
        width = config.width
        self.attention = Attention(width, config.heads)
        self.feed_forward = FeedForward(width)
        self.attention_norm = AdaptiveNorm(width)
        self.ffn_norm = AdaptiveNorm(width)
        if skip:
            self.skip_in_linear = nn.Linear(2 * width, width)

    def forward(
        self,
        x: Tensor,
        attention: Modulation,
        feed_forward: Modulation,
        packing: Packing,
        *,
        last: bool = False,
    ) -> Tensor:
        """[S, N, width] → [S, N, width], or [S, n, width] from the last block, which answers for wanted rows only."""
        keys: Tensor = self.attention_norm(x, attention)
        asking, queries = keys, packing.full
        if last and packing.wanted is not None:
            queries = packing.tail
            asking, x = keys.index_select(1, packing.wanted), x.index_select(1, packing.wanted)
        h: Tensor = x + self.attention(keys, packing.full, asking, queries)
        return h.add_(self.feed_forward(self.ffn_norm(h, feed_forward)))


class Transformer(nn.Module):
    """Blocks with U-ViT skips, and a norm."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.middle = config.depth // 2
        self.layers = nn.ModuleList(Block(config, skip=index > self.middle) for index in range(config.depth))
        self.norm = AdaptiveNorm(config.width)

    @property
    def blocks(self) -> list[Block]:
        """`layers`, with their type."""
        return [block for block in self.layers if isinstance(block, Block)]

    def forward(self, x: Tensor, moment: Moment, packing: Packing) -> Tensor:
        """[S, N, width] → [S, n, width]."""
        saved: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            if index > self.middle:
                x = block.skip_in_linear(torch.cat((x, saved.pop()), dim=-1))
            last = index == len(self.layers) - 1
            x = block(x, moment.attention[index], moment.feed_forward[index], packing, last=last)
            if index < self.middle:
                saved.append(x)
        out: Tensor = self.norm(x, moment.backbone)
        return out


class FinalLayer(nn.Module):
    """Layer norm moved and scaled by time, and a linear map."""

    def __init__(self, width: int, time_width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(time_width, 2 * width))

    def modulations(self, time: Tensor) -> list[Modulation]:
        """Time embeddings [K, width] → one modulation each; the offset is stored before the gain."""
        offset, gain = self.adaLN_modulation(time).chunk(2, dim=-1)
        return [Modulation(*pair) for pair in zip(1 + gain, offset, strict=True)]

    def forward(self, x: Tensor, by: Modulation) -> Tensor:
        """[…, width] → […, width]."""
        out: Tensor = self.linear(F.layer_norm(x, (x.shape[-1],), by.gain, by.offset, FINAL_NORM_EPS))
        return out


class Estimator(nn.Module):
    """The whole network, velocity of a mel that is part noise. `constant` and `moments` are what a solver prepares."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        width, head = config.width, config.wavenet_width
        self.head_width = width // config.heads
        self.mels = config.mels
        self.cond_projection = nn.Linear(config.content, width)
        # reads [x | prompt mel | content | style]
        self.cond_x_merge_linear = nn.Linear(2 * config.mels + width + config.style, width)
        self.t_embedder = TimeEmbedding(width)
        self.t_embedder2 = TimeEmbedding(head)
        self.transformer = Transformer(config)
        self.skip_linear = nn.Linear(width + config.mels, width)
        self.conv1 = nn.Linear(width, head)
        self.res_projection = nn.Linear(width, head)
        self.wavenet = WaveNet(
            head, config.wavenet_layers, config.wavenet_kernel, config.wavenet_dilation, condition=head
        )
        self.final_layer = FinalLayer(head, width)
        self.conv2 = nn.Conv1d(head, config.mels, 1)

    def constant(self, prompt: Tensor, content: Tensor, style: Tensor) -> Tensor:
        """The part of the input that time leaves alone: prompt mel [T, mels], content [T, ·], style → [T, width].

        Zeros in all three make the branch without condition; the projection's bias stays in it.
        """
        rest = torch.cat((prompt, self.cond_projection(content), style.expand(len(prompt), -1)), dim=-1)
        merge = self.cond_x_merge_linear
        return F.linear(rest, merge.weight[:, self.mels :], merge.bias)

    def moments(self, times: Tensor) -> list[Moment]:
        """All that depends on time, for times in 0..1, [K] float32."""
        time = self.t_embedder(times)
        attention = [block.attention_norm.modulations(time) for block in self.transformer.blocks]
        feed_forward = [block.ffn_norm.modulations(time) for block in self.transformer.blocks]
        columns = zip(
            zip(*attention, strict=True),
            zip(*feed_forward, strict=True),
            self.transformer.norm.modulations(time),
            self.wavenet.gates(self.t_embedder2(times)),
            self.final_layer.modulations(time),
            strict=True,
        )
        return [Moment(*column) for column in columns]

    def packing(self, lengths: Sequence[int], skipped: Sequence[int], device: torch.device) -> Packing:
        """Sequences of these lengths, the first `skipped` rows of each not wanted behind the last attention."""
        positions = [torch.arange(length, device=device) for length in lengths]
        tails = [position[first:] for position, first in zip(positions, skipped, strict=True)]
        full = self._spans(positions)
        wanted = [tail + start for tail, (start, _) in zip(tails, full.rows, strict=True)]
        return Packing(
            full=full,
            tail=self._spans(tails),
            wanted=torch.cat(wanted) if any(skipped) else None,
            windows=self.wavenet.windows([len(tail) for tail in tails], device),
        )

    def _spans(self, positions: Sequence[Tensor]) -> Spans:
        rows, first = [], 0
        for position in positions:
            rows.append((first, first + len(position)))
            first += len(position)
        pairs = torch.arange(0, self.head_width, 2, dtype=torch.float32, device=positions[0].device)
        angles = torch.cat(list(positions)).float().unsqueeze(1) * ROTARY_BASE ** (-pairs / self.head_width)
        return Spans(tuple(rows), torch.polar(torch.ones_like(angles), angles).unsqueeze(1))

    def backbone(self, x: Tensor, constant: Tensor, moment: Moment, packing: Packing) -> Tensor:
        """Mels x [N, mels] and constants [S, N, width] → the transformer's output [S, n, width]."""
        merged = constant + F.linear(x, self.cond_x_merge_linear.weight[:, : self.mels])
        out: Tensor = self.transformer(merged, moment, packing)
        return out

    def head(self, h: Tensor, x: Tensor, moment: Moment, packing: Packing) -> Tensor:
        """The transformer's output [S, n, width] and the mels of its rows x [n, mels] → velocities [S, n, mels]."""
        width = h.shape[-1]
        h = F.linear(h, self.skip_linear.weight[:, :width], self.skip_linear.bias)
        h = h.add_(F.linear(x, self.skip_linear.weight[:, width:]))
        u: Tensor = self.wavenet(self.conv1(h), moment.wavenet, packing.windows)
        u = self.final_layer(u.add_(self.res_projection(h)), moment.final)
        return F.linear(u, self.conv2.weight.squeeze(-1), self.conv2.bias)

    def forward(self, x: Tensor, constant: Tensor, moment: Moment, packing: Packing) -> Tensor:
        """Mels x [N, mels], constants [S, N, width] → velocities [S, n, mels] of the wanted rows."""
        x = x.to(constant.dtype)
        h = self.backbone(x, constant, moment, packing)
        return self.head(h, x if packing.wanted is None else x[packing.wanted], moment, packing)


def _rotated(x: Tensor, rotation: Tensor) -> Tensor:
    """[S, n, heads, head] by [n, 1, head / 2]: each adjacent pair of numbers as one complex number, in float32."""
    pairs = torch.view_as_complex(x.float().view(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * rotation).flatten(-2).to(x.dtype)
