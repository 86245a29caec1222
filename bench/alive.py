"""How many bytes of tensors are alive, at any time and at most: what `bench.memory` counts with."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

BLOCK = 512
"""Bytes that CUDA's allocator rounds up to."""

GIGABYTE = 1e9

ASKING = (
    torch.ops.aten._local_scalar_dense.default,
    torch.ops.aten.item.default,
    torch.ops.aten.is_nonzero.default,
)
"""What takes a number out of a tensor."""


@dataclass(frozen=True)
class Counted:
    """Bytes of one engine: what stays, and the most at any time. `how`: run, by shape or by formula."""

    name: str
    what: str
    how: str
    weights: int
    peak: int

    def __str__(self) -> str:
        told = f"{self.weights / GIGABYTE:6.2f} GB of weights, {self.peak / GIGABYTE:6.2f} GB at most"
        return f"  {self.name:<22} {told}  {self.how:<10}  {self.what}"


class Live(TorchDispatchMode):  # type: ignore[no-untyped-call]  # untyped in torch
    """Counts the storages that operations give, from their birth to their end.

    `answer` is what a tensor without content says to yes or no: weights are asked whether they are numbers while the
    parts are built, codes whether they are outside the codebook when they are spoken.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # untyped in torch
        self.answer = True
        self.now = self.peak = 0
        self._sizes: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in ASKING and _is_fake(args[0]) and args[0].dtype is torch.bool:
            return self.answer
        if func.namespace == "aten" and func._can_decompose():  # of operations whose results count as well
            with self:
                return func.decompose(*args, **(kwargs or {}))
        made = func(*args, **(kwargs or {}))
        for one in tree_leaves(made):
            if isinstance(one, Tensor) and one.device.type != "meta":
                self._count(one.untyped_storage())
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._sizes:
            return
        self._sizes[key] = size = -(-storage.nbytes() // BLOCK) * BLOCK
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._end, key)

    def _end(self, key: int) -> None:
        self.now -= self._sizes.pop(key)


@contextmanager
def counting(*, by_shape: bool) -> Iterator[Live]:
    """Counts what is alive inside. Attention is not taken out of torch's sight by its fused layers."""
    torch.backends.mha.set_fastpath_enabled(False)
    if not by_shape:
        with Live() as live:
            yield live
        return
    with FakeTensorMode(allow_non_fake_inputs=True), Live() as live:
        yield live


def _is_fake(tensor: Tensor) -> bool:
    return isinstance(tensor, FakeTensor)
