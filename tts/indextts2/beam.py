"""Beam search and beam sampling of one line. Many lines at once are `decode`'s, and one beam is its special case.

The scores are not those of a single beam: the log-softmax comes before the penalty and the filters, so a repeated
code always loses, and what a hypothesis sums up are the processed scores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tts.errors import SpeakingFailed
from tts.indextts2.gpt import DECODED_POSITION, Gpt
from tts.indextts2.job import Decoded, Ended, Job, codes_at_most, spanned
from tts.indextts2.sampling import UNIFORM_BITS, Knobs, Uniforms, keep, penalise, seen_at_start
from tts.indextts2.trunk import KeyValueCache

LEAST_KEPT = 2
"""Candidates that the filters must leave each beam: the stop and one to go on with."""

SPENT = -1e9
"""Score that all beams but the first begin with, since they would all say the same."""


@dataclass(frozen=True)
class _Beam:
    codes: tuple[int, ...]
    score: float
    wanted: int | None = None
    stopped: bool = False


class _Closed:
    """The best finished hypotheses, as many as there are beams. Scores are plain sums: no length penalty."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.beams: list[_Beam] = []

    def add(self, beam: _Beam) -> None:
        """Takes it in while there is room, later only in place of the worst."""
        if len(self.beams) < self.room or beam.score > self.beams[-1].score:
            self.beams = sorted([*self.beams, beam], key=lambda other: -other.score)[: self.room]

    def beyond(self, score: float) -> bool:
        """Whether nothing that goes on from `score` can get in any more: no step adds to a score."""
        return len(self.beams) == self.room and self.beams[-1].score >= score


@torch.inference_mode()
def decode_beams(gpt: Gpt, job: Job, beams: int) -> Decoded:
    """Speaks one job with `beams` ≥ 2 hypotheses: the best 2·beams candidates (greedy), or as many drawn.

    Candidates are drawn without replacement, in proportion to exp(score); their uniforms are the seed's, in order of
    step, beam and rank. Every step waits for the device, as the walk over the candidates is the host's.
    `wanted_stop` is that of the hypothesis chosen. Raises ValueError for fewer beams, SpeakingFailed like `decode`.
    """
    if beams < 2:
        raise ValueError(f"{beams} beams are not a search; `decode` speaks with one.")
    bound = codes_at_most(gpt, job)
    search = _Search(gpt, job, beams, bound)
    alive = [_Beam((), 0.0)] + [_Beam((), SPENT)] * (beams - 1)
    closed = _Closed(beams)
    for count in range(bound):
        candidates, wants = search.step(alive, early=count < job.least)
        if not math.isfinite(candidates[0][0]):
            raise SpeakingFailed(
                "The model's scores are not numbers; its weights do not suit this precision."
            )
        alive, sources = _walk(candidates, wants, alive, closed, gpt.config.stop)
        if closed.beyond(candidates[0][0]):
            break
        search.follow(alive, sources)
    else:
        for beam in alive:
            closed.add(beam)
    best = closed.beams[0]
    ended: Ended = "bound" if bound == job.most else "limit"
    return Decoded(torch.tensor(best.codes, dtype=torch.long), "stop" if best.stopped else ended, best.wanted)


def draw_without_replacement(scores: Tensor, uniform: Tensor, count: int) -> Tensor:
    """`count` indices drawn one after another in proportion to exp(score): scores [N], uniform [N] → [count].

    `uniform` is on the CPU, so that the noise has the same bits whatever device the scores are on.
    The Gumbel top-k trick (Kool et al. 2019): the largest of score + Gumbel noise, in order; −inf comes last.
    """
    # the middle of each uniform's step, in double precision: neither 0 nor 1 may reach the logarithms
    middle = uniform.double() + 2.0 ** -(UNIFORM_BITS + 1)
    gumbel = -torch.log(-torch.log(middle))
    return (scores + gumbel.to(scores)).topk(count).indices


def _walk(
    candidates: list[tuple[float, int, int]],
    wants: list[bool],
    alive: list[_Beam],
    closed: _Closed,
    stop: int,
) -> tuple[list[_Beam], list[int]]:
    """Candidates (score, beam, token) by falling score → the next beams and the beams that they go on from.

    A stop closes its hypothesis if it is among the first ranks, as many as there are beams, and is passed over behind.
    """
    following: list[_Beam] = []
    sources: list[int] = []
    for rank, (score, source, token) in enumerate(candidates):
        parent = alive[source]
        if token == stop:
            if rank < len(alive) and score > -math.inf:
                closed.add(_Beam(parent.codes, score, parent.wanted, stopped=True))
            continue
        if len(following) < len(alive):
            wanted = len(parent.codes) if parent.wanted is None and wants[source] else parent.wanted
            following.append(_Beam((*parent.codes, token), score, wanted))
            sources.append(source)
    return following, sources


class _Search:
    """The device's side: one cache row per beam, the prompt in each, and what the beams have said."""

    def __init__(self, gpt: Gpt, job: Job, beams: int, bound: int) -> None:
        weight = gpt.mel_embedding.weight
        self.gpt, self.job, self.beams = gpt, job, beams
        self.device, self.vocabulary = weight.device, gpt.config.codes
        self.width = min(self.vocabulary, max(job.sampling.width(self.vocabulary), 2 * beams))
        self.filled = prompt = len(job.prompt)
        length = spanned(prompt + 1 + bound)
        self.cache = cache = gpt.gpt.cache(beams, length, weight.device, weight.dtype)
        gpt.gpt.prefill(job.prompt.to(weight), cache, [0])
        for cached in (cache.keys, cache.values):
            cached[:, 1:, :, :prompt] = cached[:, :1, :, :prompt]
        # the prompt never changes places, the codes do
        self.spoken = KeyValueCache(cache.keys[:, :, :, prompt:], cache.values[:, :, :, prompt:], cache.rows)
        self.x = gpt.start_row().expand(beams, -1)
        self.seen = seen_at_start(beams, self.vocabulary, gpt.config.start, weight.device)
        self.knobs = Knobs.empty(beams, weight.device)
        for row in range(beams):
            self.knobs.set(row, job.sampling, self.vocabulary)
        self.uniforms = Uniforms(job.seed)
        self.prompt = prompt

    def step(self, alive: list[_Beam], *, early: bool) -> tuple[list[tuple[float, int, int]], list[bool]]:
        """2·beams candidates (score, beam, token) by falling score, and which beams would stop if they might."""
        start, stop = self.gpt.config.start, self.gpt.config.stop
        positions = torch.full((self.beams,), self.filled, device=self.device)
        span = spanned(self.filled + 1)
        hidden = self.gpt.gpt.step(self.x, self.cache, positions, span)  # [B, D]
        self.filled += 1
        log_p = self.gpt.logits(hidden).log_softmax(dim=-1)  # [B, V]
        scores = penalise(log_p, self.seen, self.knobs.penalty)
        scores[:, start:stop].fill_(-torch.inf)
        wants = (scores[:, stop] >= scores.amax(dim=-1)) & early
        if early:
            scores[:, stop].fill_(-torch.inf)
        ids, kept = keep(scores, self.knobs, self.width, LEAST_KEPT)  # [B, W]
        running = torch.tensor([beam.score for beam in alive], device=self.device)
        total = (kept + running[:, None]).flatten()  # [B·W]
        if self.job.sampling.greedy:
            chosen = total.topk(2 * self.beams).indices
        else:
            chosen = draw_without_replacement(total, self.uniforms.next(len(total)), 2 * self.beams)
        best, order = total[chosen].sort(descending=True, stable=True)
        chosen = chosen[order]
        beam, token = chosen // ids.shape[1], ids.flatten()[chosen]
        return list(zip(best.tolist(), beam.tolist(), token.tolist(), strict=True)), wants.tolist()

    def follow(self, alive: list[_Beam], sources: list[int]) -> None:
        """The beams go on from `sources`, each with its last code."""
        source = torch.tensor(sources, device=self.device)
        token = torch.tensor([beam.codes[-1] for beam in alive], device=self.device)
        if sources != list(range(self.beams)):
            self.spoken.reorder(source, self.filled - self.prompt)
            self.seen = self.seen[source]
        self.seen.scatter_(1, token[:, None], True)
        index = torch.full_like(token, len(alive[0].codes) - 1 + DECODED_POSITION)
        self.x = self.gpt.code_row(token, index)
