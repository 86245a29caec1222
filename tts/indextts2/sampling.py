"""From one step's scores to one drawn token: penalty, temperature, top-k, top-p and seeded uniforms.

Pure functions on score tensors, one row per sequence; no model, no cache and no loop will live here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

FAKE_PROMPT_ID = 1
"""The reference implementation stands this id in for every prompt row, so it counts as already generated."""

TIES = 32
"""Candidates looked at beyond the k-th, for tokens that tie with it. Float32 logits hardly ever tie; bfloat16 ones,
with 8 significant bits, do. Ties beyond this many are dropped."""

UNIFORM_BITS = 24
"""Bits of a uniform: the most that float32 holds exactly everywhere in [0, 1)."""


@dataclass(frozen=True)
class Sampling:
    """How a token is chosen from the model's scores; the defaults are the released model's.

    `temperature` > 0 divides the scores; `top_k` keeps that many best tokens (0: all); `top_p` in (0, 1] keeps the
    fewest best tokens of at least this mass; `repetition_penalty` > 0 divides positive and multiplies negative
    scores of tokens already generated; `beams` ≥ 1 hypotheses are carried. `greedy` takes the best token (of more
    beams, the best candidates) and ignores temperature, top_k and top_p, not the penalty.
    Raises ValueError outside those ranges.
    """

    temperature: float = 0.8
    top_k: int = 30
    top_p: float = 0.8
    repetition_penalty: float = 10.0
    beams: int = 1
    greedy: bool = False

    def __post_init__(self) -> None:
        if not 0.0 < self.temperature < float("inf"):
            raise ValueError(f"temperature {self.temperature} is not a positive number.")
        if self.top_k < 0:
            raise ValueError(f"top_k {self.top_k} is negative.")
        if not 0.0 < self.top_p <= 1.0:
            raise ValueError(f"top_p {self.top_p} is outside (0, 1].")
        if not 0.0 < self.repetition_penalty < float("inf"):
            raise ValueError(f"repetition_penalty {self.repetition_penalty} is not a positive number.")
        if self.beams < 1:
            raise ValueError(f"{self.beams} beams are fewer than one.")

    def width(self, vocabulary: int) -> int:
        """How many candidates `keep` must look at to be exact for this request."""
        wanted = 1 if self.greedy else self.top_k
        return vocabulary if wanted == 0 else min(vocabulary, wanted + TIES)


@dataclass(frozen=True)
class Knobs:
    """The parameters of `rows` requests as tensors, so that unlike requests share a batch. All are [R]."""

    penalty: Tensor
    temperature: Tensor
    top_k: Tensor
    tail: Tensor
    """1 − top_p, the mass that may be dropped; subtracted in double precision, as the reference implementation does."""

    @classmethod
    def empty(cls, rows: int, device: torch.device) -> Knobs:
        """Knobs that change nothing."""
        return cls(
            penalty=torch.ones(rows, device=device),
            temperature=torch.ones(rows, device=device),
            top_k=torch.ones(rows, device=device, dtype=torch.long),
            tail=torch.zeros(rows, device=device),
        )

    def set(self, row: int, sampling: Sampling, vocabulary: int) -> None:
        """Row `row` from now on follows `sampling`, in place."""
        keep_all = sampling.greedy or sampling.top_k == 0
        self.penalty[row] = sampling.repetition_penalty
        self.temperature[row] = 1.0 if sampling.greedy else sampling.temperature
        self.top_k[row] = vocabulary if keep_all else min(sampling.top_k, vocabulary)
        self.tail[row] = 0.0 if sampling.greedy else 1.0 - sampling.top_p


def seen_at_start(rows: int, vocabulary: int, start: int, device: torch.device) -> Tensor:
    """[R, V] bool: what counts as generated before the first code: the start token and the fake prompt's id."""
    seen = torch.zeros(rows, vocabulary, dtype=torch.bool, device=device)
    seen[:, [FAKE_PROMPT_ID, start]] = True
    return seen


def penalise(scores: Tensor, seen: Tensor, penalty: Tensor) -> Tensor:
    """Repetition penalty (Keskar et al. 2019, with the sign rule): s/θ above zero, s·θ below, once per seen id.

    `scores` [R, V] float32, `seen` [R, V] bool, `penalty` [R] → [R, V].
    """
    theta = penalty[:, None]
    return torch.where(seen, torch.where(scores < 0, scores * theta, scores / theta), scores)


def keep(scores: Tensor, knobs: Knobs, width: int, least: int = 1) -> tuple[Tensor, Tensor]:
    """Temperature, top-k, top-p: the candidates by falling score, equal scores by rising id.

    `scores` [R, V] float32, penalised → ids [R, W] int64 and scores [R, W] after temperature, −inf where dropped,
    W = `width` (`Sampling.width`, the widest of the batch). At least `least` candidates stay in every row. What ties
    with the k-th stays. Top-p drops from the worst up while the dropped mass is at most 1 − p (Holtzman et al. 2020).
    """
    best, ids = (scores / knobs.temperature[:, None]).topk(min(max(width, least), scores.shape[-1]), dim=-1)
    # topk leaves the order of equals open: first by id, then stably by score
    ids, by_id = ids.sort(dim=-1)
    best, by_score = best.gather(-1, by_id).sort(dim=-1, descending=True, stable=True)
    ids = ids.gather(-1, by_score)

    last = knobs.top_k.clamp(min=least, max=best.shape[-1]) - 1
    best = best.masked_fill(best < best.gather(-1, last[:, None]), -torch.inf)

    # summed from the smallest up, as the rule is stated, so that rounding falls the same way
    mass = best.softmax(dim=-1).flip(-1).cumsum(dim=-1).flip(-1)  # of a candidate and all worse ones
    dropped = mass <= knobs.tail[:, None]
    dropped[:, :least].fill_(False)
    return ids, best.masked_fill(dropped, -torch.inf)


def draw(ids: Tensor, scores: Tensor, uniform: Tensor) -> Tensor:
    """Inverse-CDF draw: ids and scores [R, W] by falling score, uniform [R] in [0, 1) → token ids [R].

    The token whose stretch of the cumulative mass holds the uniform; 0 therefore always draws the best.
    """
    cumulative = scores.softmax(dim=-1).cumsum(dim=-1)
    passed = cumulative <= uniform[:, None] * cumulative[:, -1:]
    # a cumulative sum taken in parallel need not rise everywhere, and must not carry the draw past the kept ones
    alive = (scores > -torch.inf).sum(dim=-1)
    index = torch.minimum(passed.sum(dim=-1), (alive - 1).clamp(min=0))
    return ids.gather(-1, index[:, None])[:, 0]


class Uniforms:
    """A seed's endless row of uniforms in [0, 1): the n-th depends on the seed and on n, on nothing else.

    The counter-based Philox 4×64 (Salmon et al. 2011), keyed by the seed, its raw words in order: NumPy guarantees
    them across versions and platforms. Raises ValueError for a negative seed.
    """

    def __init__(self, seed: int) -> None:
        if seed < 0:
            raise ValueError(f"The seed {seed} is negative.")
        self._words = np.random.Philox(np.random.SeedSequence(seed))

    def next(self, count: int) -> Tensor:
        """The next `count` of them, [count] float32 on the CPU."""
        words: np.ndarray = self._words.random_raw(count) >> np.uint64(64 - UNIFORM_BITS)
        return torch.from_numpy(words.astype(np.float32) * np.float32(2.0**-UNIFORM_BITS))


def widest(samplings: Sequence[Sampling], vocabulary: int) -> int:
    """The candidates that a batch of these requests must look at."""
    return max(sampling.width(vocabulary) for sampling in samplings)
