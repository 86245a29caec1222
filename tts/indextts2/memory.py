"""How many lines are decoded at once in the memory that a GPU has left, and which of them together. Runs no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from tts.indextts2.decode import positions
from tts.indextts2.gpt import Gpt
from tts.indextts2.job import Job

RESERVE = 500_000_000
"""Bytes of a GPU that decoding leaves free: what its libraries load and take for themselves at the first step, captured
graphs, and what the allocator loses between blocks. Estimated, not measured; CUDA's own 0.3 to 0.6 GB are taken before
anybody asks what is free."""

BYTES_PER_CODE = 20
"""Bytes of a row besides its cache, for every code of the vocabulary: its scores and what is made of them. Counted at
the released size: 160,512 a row, 19.6 for each of 8,194 codes (`bench.memory`, 16 and 32 lines)."""

LAST_LINE = 0.5
"""Of the shortest line of a group: for how long the group's rows, on an average, wait for those that end last."""


@dataclass
class Room:
    """The memory that one engine decodes in. `rows` are the most lines at once where there is enough."""

    rows: int
    device: torch.device
    most: int | None = None
    """Bytes beyond which it ran out before, None while it never did. Stays: what did not fit will not fit later."""

    def short(self, needs: Sequence[int]) -> bool:
        """Whether fewer of these lines fit at once than `rows` are."""
        budget = self._bytes()
        return budget is not None and budget < needs[0] * min(self.rows, len(needs))

    def first(self, needs: Sequence[int]) -> tuple[int, int]:
        """Of lines that need so many bytes each, by falling need: how many are decoded next, on how many rows."""
        return first_group(needs, self._bytes(), self.rows)

    def ran_out(self, rows: int, need: int) -> None:
        """So many rows, of two or more, did not fit: from now on half as many are tried."""
        self.most = (rows + 1) // 2 * need

    def _bytes(self) -> int | None:
        """What decoding may take now; None where nothing is known to bound it."""
        left = free(self.device)
        bounds = [self.most, None if left is None else max(0, left - RESERVE)]
        return min((one for one in bounds if one is not None), default=None)


def free(device: torch.device) -> int | None:
    """Bytes of a GPU that nobody has taken, after torch has returned what it keeps for later; None for a CPU, which has
    no bound that could be asked for."""
    if device.type != "cuda":
        return None
    give_back()
    return torch.cuda.mem_get_info(device)[0]


def give_back() -> None:
    """Memory that torch's allocator keeps for later, to the GPU."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def row_bytes(gpt: Gpt, job: Job) -> int:
    """What decoding needs for a job: keys and values of every layer at every position that it may fill, in the weights'
    dtype, and the scores. Raises SpeakingFailed for a job that the model has no room for."""
    config, size = gpt.config, gpt.mel_embedding.weight.element_size()
    cache = 2 * config.layers * config.width * size * positions(gpt, job)
    return job.sampling.beams * (cache + BYTES_PER_CODE * config.codes)


def rows_within(need: int, budget: int | None, most: int) -> int:
    """Rows of `need` bytes that fit, 1..most: one is always tried."""
    return most if budget is None else max(1, min(most, budget // need))


def first_group(needs: Sequence[int], budget: int | None, most: int) -> tuple[int, int]:
    """Lines by falling need → how many of them are decoded together next, on how many rows.

    Every row has the cache of the group's longest line, so that short ones have more rows where long ones are cut off;
    yet a row that is done goes on with the group's next line, so that company costs little. Of all cuts into two, none
    included, the one is taken that needs the fewest steps, a line's steps being as its need. Where as many rows fit for
    long ones as for short ones, none is cut off.
    """

    def steps(group: Sequence[int]) -> float:
        if not group:
            return 0.0
        rows = rows_within(group[0], budget, most)
        return max(group[0], sum(group) / rows) + LAST_LINE * group[-1]

    count = min(range(len(needs), 0, -1), key=lambda cut: steps(needs[:cut]) + steps(needs[cut:]))
    return count, min(count, rows_within(needs[0], budget, most))
