"""One affine map, and the layout of its matrix that a CPU reads fastest. Knows nothing of what it is used for."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

PACK_ROWS = 128
"""Rows of x that oneDNN is told to expect when it chooses the blocked layout. Timed on AVX2 at 1 to 256 rows: no other
hint (1, 8, 32) gives a layout that is faster, for few rows or for many."""


class Affine(nn.Module):
    """y = x Wᵀ + b with W stored [out, in], or [in, out] with `input_first` (GPT-2's way round)."""

    def __init__(self, inputs: int, outputs: int, *, input_first: bool = False) -> None:
        super().__init__()
        self.input_first = input_first
        shape = (inputs, outputs) if input_first else (outputs, inputs)
        self.weight = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.empty(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """[…, in] → […, out]."""
        if self.weight.is_mkldnn:
            packed: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
            return packed
        return F.linear(x, self.weight.t() if self.input_first else self.weight, self.bias)

    def pack(self) -> None:
        """Puts a matrix on the CPU into oneDNN's blocked layout, where oneDNN multiplies its dtype; all else is left
        as it is.

        The stored matrix is replaced, so no second copy stays. A few rows at a time are bound by reading the matrix,
        which is two to three times faster from this layout (timed at 8 rows on AVX2). `to()` undoes the packing.
        """
        if self.weight.device.type == "cpu" and _multiplied(self.weight.dtype) and not self.weight.is_mkldnn:
            matrix = self.weight.detach()
            matrix = matrix.t() if self.input_first else matrix
            blocked = torch.ops.mkldnn._reorder_linear_weight(matrix, PACK_ROWS)
            self.weight = nn.Parameter(blocked, requires_grad=False)

    def unpack(self) -> None:
        """Back to the stored layout."""
        if self.weight.is_mkldnn:
            matrix = self.weight.detach().to_dense()
            self.weight = nn.Parameter(matrix.t() if self.input_first else matrix, requires_grad=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Affine:
        self.unpack()  # a blocked matrix can neither change its dtype nor leave the CPU
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch's own gap
        return self


def _multiplied(dtype: torch.dtype) -> bool:
    """Whether oneDNN multiplies matrices of this kind on this machine."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]  # torch's own gap
        return False
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return dtype == torch.float32
