"""The WaveNet at the flow decoder's end, and the windows it reads through. Knows nothing of mels or of solvers.

Non-causal WaveNet (van den Oord et al. 2016, in the form of WaveGlow, Prenger et al. 2019). Frames are rows, many
sequences packed one behind the other; a convolution is one gather of windows and one matrix product, which on a CPU
is faster than conv1d and on any device lets sequences of any length share a batch without padding.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn


def windows(lengths: Sequence[int], kernel: int, dilation: int, device: torch.device | None = None) -> Tensor:
    """Rows under the kernel around each row of packed sequences, reflected at each one's own ends: [rows · kernel].

    A sequence no longer than the padding reads as if a few zero rows followed it; these are given as `rows`, one past
    the last.
    """
    pad = dilation * (kernel - 1) // 2
    total, offset, packed = sum(lengths), 0, []
    taps = torch.arange(kernel, device=device) * dilation - pad
    for length in lengths:
        last = max(length, pad + 1) - 1
        row = (torch.arange(length, device=device).unsqueeze(1) + taps).abs()  # [length, kernel]
        row = torch.where(row > last, 2 * last - row, row)
        packed.append(torch.where(row < length, row + offset, total))
        offset += length
    return torch.cat(packed).flatten()


class _WindowConv(nn.Module):
    """A convolution under the checkpoint's name, `conv.conv`, whose input comes as windows."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Module()
        self.conv.conv = nn.Conv1d(inputs, outputs, kernel)

    @property
    def _inner(self) -> nn.Conv1d:
        inner = self.conv.conv
        assert isinstance(inner, nn.Conv1d)
        return inner

    def lay_out(self) -> None:
        """Puts the kernel in memory as [out, kernel, in], its shape unchanged: as a matrix it is then a view."""
        weight = self._inner.weight.detach()
        by_tap = weight.transpose(1, 2).contiguous().transpose(1, 2)
        self._inner.weight = nn.Parameter(by_tap, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """[…, kernel · in] → […, out]."""
        return F.linear(x, self._inner.weight.transpose(1, 2).flatten(1), self._inner.bias)


class WaveNet(nn.Module):
    """Gated residual layers with a global condition; every layer adds its share to the output."""

    def __init__(self, width: int, layers: int, kernel: int, dilation_rate: int, condition: int) -> None:
        super().__init__()
        self.width = width
        self.kernel = kernel
        self.dilations: tuple[int, ...] = tuple(int(dilation_rate**layer) for layer in range(layers))
        self.cond_layer = _WindowConv(condition, 2 * width * layers, 1)
        self.in_layers = nn.ModuleList(_WindowConv(width, 2 * width, kernel) for _ in range(layers))
        self.res_skip_layers = nn.ModuleList(
            _WindowConv(width, width if layer == layers - 1 else 2 * width, 1) for layer in range(layers)
        )

    @property
    def reach(self) -> int:
        """Frames to either side that a frame's output depends on."""
        return sum(dilation * (self.kernel - 1) // 2 for dilation in self.dilations)

    def lay_out(self) -> None:
        """Arranges the kernels in memory for `forward`; once, after loading."""
        for layer in (self.cond_layer, *self.in_layers, *self.res_skip_layers):
            assert isinstance(layer, _WindowConv)
            layer.lay_out()

    def windows(self, lengths: Sequence[int], device: torch.device | None = None) -> tuple[Tensor, ...]:
        """What every layer gathers for packed sequences of these lengths: one index a layer, shared where equal."""
        by_dilation = {d: windows(lengths, self.kernel, d, device) for d in set(self.dilations)}
        return tuple(by_dilation[dilation] for dilation in self.dilations)

    def gates(self, condition: Tensor) -> Tensor:
        """A condition [K, C] as each layer sees it: [K, layers, 2 · width]."""
        projected: Tensor = self.cond_layer(condition)
        return projected.view(-1, len(self.dilations), 2 * self.width)

    def forward(self, x: Tensor, gates: Tensor, windows: Sequence[Tensor]) -> Tensor:
        """Packed rows x [S, n, width], gates [layers, 2 · width] of one condition → [S, n, width]."""
        branches, rows, width = x.shape
        state = F.pad(x, (0, 0, 0, 1))  # the zero row behind the last, and a copy to add to
        out = torch.zeros_like(x)
        last = len(self.dilations) - 1
        for index, (layer, mix) in enumerate(zip(self.in_layers, self.res_skip_layers, strict=True)):
            window = state.index_select(1, windows[index]).view(branches, rows, self.kernel * width)
            filtered, gate = layer(window).add_(gates[index]).chunk(2, dim=-1)
            mixed: Tensor = mix(torch.tanh(filtered).mul_(torch.sigmoid(gate)))
            if index == last:
                return out.add_(mixed)
            state[:, :rows].add_(mixed[..., :width])
            out.add_(mixed[..., width:])
        return out
