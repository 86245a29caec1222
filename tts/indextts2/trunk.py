"""The GPT-2 trunk and its static key/value cache. Knows vectors only: no token, no embedding table, no sampling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tts.indextts2.linear import Affine

HEAD_WIDTH = 64
"""Width of one attention head in every release."""

NORM_EPS = 1e-5
"""LayerNorm's epsilon in GPT-2."""

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Attention of one layer: queries, keys and values of the new positions, each [B, heads, T, 64] → [B, heads, T, 64]."""


@dataclass(frozen=True)
class KeyValueCache:
    """Keys and values of `rows` independent sequences, each left-aligned, at fixed addresses.

    Both are [layers, rows, heads, length, 64]. Entries past a row's own position are stale but finite: they are
    masked, never read into a result.
    """

    keys: Tensor
    values: Tensor
    rows: Tensor
    """0, 1, … rows−1 on the device: the row index of every batched write."""

    @property
    def length(self) -> int:
        """Positions that a row can hold."""
        return self.keys.shape[3]

    def reorder(self, source: Tensor, span: int) -> None:
        """Row r becomes a copy of row `source[r]` ([rows] int64 on the device), over the first `span` positions."""
        for cached in (self.keys, self.values):
            for layer in cached[:, :, :, :span]:
                layer.copy_(layer.index_select(0, source))


class Attention(nn.Module):
    """Multi-head self-attention; what is attended to is the caller's affair."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_attn = Affine(width, 3 * width, input_first=True)
        self.c_proj = Affine(width, width, input_first=True)

    def forward(self, x: Tensor, attend: Attend) -> Tensor:
        """[B, T, D] → [B, T, D]."""
        batch, time, width = x.shape
        qkv: Tensor = self.c_attn(x)  # [B, T, 3D]
        q, k, v = qkv.view(batch, time, 3, -1, HEAD_WIDTH).permute(2, 0, 3, 1, 4)  # 3 × [B, heads, T, 64]
        heads = attend(q, k, v)
        out: Tensor = self.c_proj(heads.transpose(1, 2).reshape(batch, time, width))
        return out


class FeedForward(nn.Module):
    """Two layers with the tanh form of GELU (Hendrycks and Gimpel 2016) between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = Affine(width, 4 * width, input_first=True)
        self.c_proj = Affine(4 * width, width, input_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, D] → [B, T, D]."""
        out: Tensor = self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))
        return out


class Block(nn.Module):
    """A pre-LN transformer block (Radford et al. 2019)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.attn = Attention(width)
        self.ln_2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = FeedForward(width)

    def forward(self, x: Tensor, attend: Attend) -> Tensor:
        """[B, T, D] → [B, T, D]."""
        x = x + self.attn(self.ln_1(x), attend)
        return x + self.mlp(self.ln_2(x))  # type: ignore[no-any-return]  # nn.Module's call is untyped


class Trunk(nn.Module):
    """GPT-2 without embeddings: vectors in, normed hidden states out. Positions are the caller's to add."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.h = nn.ModuleList(Block(width) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width, eps=NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """A whole causal pass, [B, T, D] → [B, T, D].

        Sequences of unequal length are padded on the right: no position sees what follows it.
        """
        for block in self.h:
            x = block(x, _causal)
        normed: Tensor = self.ln_f(x)
        return normed

    def pack(self) -> None:
        """Matrices into the layout that a CPU reads fastest; call once, where the model has come to rest."""
        for module in self.modules():
            if isinstance(module, Affine):
                module.pack()

    def cache(self, rows: int, length: int, device: torch.device, dtype: torch.dtype) -> KeyValueCache:
        """Room for `rows` sequences of up to `length` positions."""
        width = self.ln_f.weight.shape[0]
        shape = (len(self.h), rows, width // HEAD_WIDTH, length, HEAD_WIDTH)
        # zeros: a masked entry has weight 0, and 0 · NaN of uninitialised memory would still be NaN
        return KeyValueCache(
            keys=torch.zeros(shape, device=device, dtype=dtype),
            values=torch.zeros(shape, device=device, dtype=dtype),
            rows=torch.arange(rows, device=device),
        )

    def prefill(
        self, x: Tensor, cache: KeyValueCache, rows: Tensor | Sequence[int], lengths: Tensor | None = None
    ) -> Tensor:
        """Starts sequences: writes positions 0…P−1 of the given cache rows, overwriting what they held.

        `x` is [P, D] or [B, P, D], padded on the right; `rows` names B distinct cache rows; `lengths` [B] int64 on the
        device are the true lengths, all P by default. Returns the hidden state of every last valid position, [B, D].
        """
        if x.dim() == 2:
            x = x[None]
        batch, time, _ = x.shape
        rows = torch.as_tensor(rows, device=x.device)
        for layer, block in enumerate(self.h):
            x = block(x, _Start(cache.keys[layer, :, :, :time], cache.values[layer, :, :, :time], rows))
        last = x[:, -1] if lengths is None else x[torch.arange(batch, device=x.device), lengths - 1]
        normed: Tensor = self.ln_f(last)
        return normed

    def step(self, x: Tensor, cache: KeyValueCache, positions: Tensor, span: int) -> Tensor:
        """One position more for every cache row: [R, D] → [R, D].

        Row r is written at `positions[r]` ([R] int64 on the device) and sees 0…positions[r] of itself. `span`, known
        to the host, must exceed every position: attention reads that much of the cache. Rows out of use still cost
        their share; give them position 0. Nothing here waits for the device, and all writes are in place, so that
        a CUDA graph can be captured per span.
        """
        seen = torch.arange(span, device=x.device) <= positions[:, None]  # [R, span]
        mask = torch.zeros(seen.shape, device=x.device, dtype=x.dtype).masked_fill_(~seen, float("-inf"))
        mask = mask[:, None, None]  # [R, 1, 1, span]
        x = x[:, None]  # [R, 1, D]
        for layer, block in enumerate(self.h):
            x = block(x, _Continue(cache.keys[layer], cache.values[layer], cache.rows, positions, mask))
        normed: Tensor = self.ln_f(x[:, 0])
        return normed


def _causal(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


@dataclass(frozen=True)
class _Start:
    """Causal attention that leaves its keys and values in the rows of a cache."""

    keys: Tensor
    values: Tensor
    rows: Tensor

    def __call__(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        self.keys.index_copy_(0, self.rows, k)
        self.values.index_copy_(0, self.rows, v)
        return _causal(q, k, v)


@dataclass(frozen=True)
class _Continue:
    """Attention of one new position per row over that row's cache."""

    keys: Tensor
    values: Tensor
    rows: Tensor
    positions: Tensor
    mask: Tensor

    def __call__(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        # [R, heads, length, 64] indexed by row and position is [R, heads, 64]
        self.keys[self.rows, :, self.positions] = k[:, :, 0]
        self.values[self.rows, :, self.positions] = v[:, :, 0]
        span = self.mask.shape[-1]
        return F.scaled_dot_product_attention(
            q, self.keys[:, :, :span], self.values[:, :, :span], attn_mask=self.mask
        )
