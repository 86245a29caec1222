"""Autoregressive decoding of many lines at once: continuous batching over one static cache.

Choosing a token is `sampling`'s, more than one hypothesis is `beam`'s; nothing here knows speech or text.

A line's codes follow from its job alone: rows never see each other, every row has its own uniforms and its own count
of steps, and a line may enter at any time. What is left is the rounding of matrix products, which may differ between
batch sizes; `rows` is therefore kept for a whole call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import torch
from torch import Tensor

from tts.errors import SpeakingFailed
from tts.indextts2.beam import decode_beams
from tts.indextts2.gpt import DECODED_POSITION, Gpt
from tts.indextts2.job import Decoded, Ended, Job, codes_at_most, spanned
from tts.indextts2.sampling import Knobs, Uniforms, draw, keep, penalise, seen_at_start, widest

__all__ = ["Decoded", "Job", "decode"]

CHECK_EVERY = 8
"""Steps on an accelerator between two looks at which rows are done: each look waits for the device, and each step
that a row takes beyond its end is wasted."""

CHECK_EVERY_ON_CPU = 1
"""There is nobody to wait for on a CPU."""

NEVER = -1
"""`wanted` of a row whose suppressed stop has not scored highest."""


@torch.inference_mode()
def decode(gpt: Gpt, jobs: Sequence[Job], *, rows: int = 8) -> list[Decoded]:
    """Speaks all jobs, up to `rows` at a time, and returns their codes in the order of `jobs`.

    Jobs of more than one beam go one by one. Needs a cache of min(rows, jobs) × the longest job's `positions` in the
    weights' dtype (`memory.row_bytes`). Raises ValueError for rows < 1, SpeakingFailed where a job's `least` is beyond
    the model's positions or where the model's scores are not numbers.
    """
    if rows < 1:
        raise ValueError(f"{rows} rows are fewer than one.")
    bounds = [codes_at_most(gpt, job) for job in jobs]
    decoded = {
        index: decode_beams(gpt, job, job.sampling.beams)
        for index, job in enumerate(jobs)
        if job.sampling.beams > 1
    }
    single = [index for index, job in enumerate(jobs) if job.sampling.beams == 1]
    # longest first: the last rows to run alone are then short ones
    single.sort(key=lambda index: (-bounds[index] - len(jobs[index].prompt), index))
    if single:
        batch = Batch(gpt, [jobs[index] for index in single], min(rows, len(single)))
        decoded |= {single[number]: result for number, result in batch.run()}
    return [decoded[index] for index in range(len(jobs))]


def positions(gpt: Gpt, job: Job) -> int:
    """Of the cache, that a job may fill: the prompt, the start, and every code fed back; in whole spans.

    Raises SpeakingFailed like `codes_at_most`.
    """
    return spanned(len(job.prompt) + 1 + codes_at_most(gpt, job))


class Batch:
    """R rows of decoding on the device. All tensors are written in place: a captured step finds them where they were.

    A row that is done goes on stepping at its last position, and nobody reads what it writes.
    """

    def __init__(self, gpt: Gpt, jobs: Sequence[Job], rows: int) -> None:
        weight = gpt.mel_embedding.weight
        device, vocabulary = weight.device, gpt.config.codes
        self.gpt, self.jobs, self.rows = gpt, jobs, rows
        self.bounds = [codes_at_most(gpt, job) for job in jobs]
        self.width = widest([job.sampling for job in jobs], vocabulary)
        self.most = max(self.bounds)
        longest = max(positions(gpt, job) for job in jobs)
        self.cache = gpt.gpt.cache(rows, longest, device, weight.dtype)

        def numbers() -> Tensor:
            return torch.zeros(rows, dtype=torch.long, device=device)

        self.x = torch.zeros(rows, gpt.config.width, device=device, dtype=weight.dtype)  # what is fed next
        self.positions, self.count, self.least, self.bound = numbers(), numbers(), numbers(), numbers()
        self.wanted = numbers().fill_(NEVER)
        self.done = torch.ones(rows, dtype=torch.bool, device=device)
        self.itself = torch.zeros(rows, dtype=torch.bool, device=device)  # stopped by its own draw
        self.broken = torch.zeros(rows, dtype=torch.bool, device=device)
        self.codes = torch.zeros(rows, self.most + 1, dtype=torch.long, device=device)  # one more: the stop
        self.uniforms = torch.zeros(rows, self.most + 1, device=device)
        self.fresh = seen_at_start(1, vocabulary, gpt.config.start, device)
        self.seen = self.fresh.repeat(rows, 1)
        self.knobs = Knobs.empty(rows, device)

    def run(self) -> Iterator[tuple[int, Decoded]]:
        """Speaks every job; yields its number and codes when done."""
        waiting = deque(range(len(self.jobs)))
        running: dict[int, int] = {}  # row: job
        reach: dict[int, int] = {}  # row: positions it may have filled, an upper bound that the host knows
        advance = _Replay(self.step, self.x.device)
        every = CHECK_EVERY_ON_CPU if self.x.device.type == "cpu" else CHECK_EVERY
        while waiting or running:
            for row in range(self.rows):
                if row not in running and waiting:
                    running[row] = number = waiting.popleft()
                    reach[row] = self.enter(row, number)
            for _ in range(every):
                advance(min(spanned(max(reach.values()) + 1), self.cache.length))
                reach = {row: filled + 1 for row, filled in reach.items()}
            for row, result in self.finished(running):
                yield running.pop(row), result
                del reach[row]

    def enter(self, row: int, number: int) -> int:
        """Job `number` begins in `row`. Returns the positions it fills."""
        job, bound = self.jobs[number], self.bounds[number]
        prompt = job.prompt.to(self.x)
        self.gpt.gpt.prefill(prompt, self.cache, [row])
        self.x[row] = self.gpt.start_row()
        self.positions[row] = len(prompt)
        self.count[row] = 0
        self.least[row] = job.least
        self.bound[row] = bound
        self.wanted[row] = NEVER
        self.done[row] = self.itself[row] = self.broken[row] = False
        self.seen[row] = self.fresh[0]
        self.knobs.set(row, job.sampling, self.seen.shape[1])
        # a uniform of 0 draws the best
        self.uniforms[row] = 0.0
        if not job.sampling.greedy:
            self.uniforms[row, : bound + 1] = Uniforms(job.seed).next(bound + 1).to(self.uniforms)
        return len(prompt)

    def step(self, span: int) -> None:
        """Feeds every row its last code and draws the next. Waits for nothing; in place throughout."""
        start, stop = self.gpt.config.start, self.gpt.config.stop
        hidden = self.gpt.gpt.step(self.x, self.cache, self.positions, span)  # [R, D]
        scores = penalise(self.gpt.logits(hidden), self.seen, self.knobs.penalty)  # [R, V]
        scores[:, start:stop].fill_(-torch.inf)  # no codes: nothing could be spoken from them

        running = ~self.done
        early = self.count < self.least
        stopping = scores[:, stop].clone()
        wants = running & early & (self.wanted == NEVER) & (stopping >= scores.amax(dim=-1))
        self.wanted.copy_(torch.where(wants, self.count, self.wanted))
        scores[:, stop] = stopping.masked_fill(early, -torch.inf)

        ids, kept = keep(scores, self.knobs, self.width)
        uniform = self.uniforms.gather(1, self.count[:, None])[:, 0]
        token = draw(ids, kept, uniform)  # [R]
        self.broken |= running & ~torch.isfinite(kept[:, 0])
        self.itself |= running & (token == stop)
        self.done |= (token == stop) | (self.count >= self.bound) | self.broken

        self.codes.scatter_(1, self.count[:, None], token[:, None])
        self.seen.scatter_(1, token[:, None], True)
        # a row that ends at the last position has none to feed its last draw at, and need not
        index = self.count.clamp(max=self.most - 1) + DECODED_POSITION
        self.x.copy_(self.gpt.code_row(token, index))
        going = (~self.done).long()
        self.count += going
        self.positions += going

    def finished(self, running: dict[int, int]) -> list[tuple[int, Decoded]]:
        """Rows that are done, with their codes; they fall idle. Waits for the device, once where none is done."""
        flags = torch.stack([self.done, self.itself, self.broken, self.count, self.wanted]).tolist()
        done, itself, broken, count, wanted = flags
        results = []
        for row, number in running.items():
            if broken[row]:
                raise SpeakingFailed(
                    "The model's scores are not numbers; its weights do not suit this precision."
                )
            if not done[row]:
                continue
            ended: Ended = "bound" if self.bounds[number] == self.jobs[number].most else "limit"
            decoded = Decoded(
                codes=self.codes[row, : count[row]].to("cpu", copy=True),  # the row goes on to another job
                ended="stop" if itself[row] else ended,
                wanted_stop=None if wanted[row] == NEVER else wanted[row],
            )
            results.append((row, decoded))
            self.positions[row] = 0  # out of every span's way
        return results


class _Replay:
    """Runs `step(span)`; on CUDA as a graph per span, which spares the host the launching of hundreds of kernels.

    The first step of a span runs plainly and warms the libraries up, the second is captured, all are real steps.
    Graphs share one memory pool: only one replays at a time, and nothing they leave there is read afterwards.
    """

    def __init__(self, step: Callable[[int], None], device: torch.device) -> None:
        self.step, self.device = step, device
        self.graphs: dict[int, torch.cuda.CUDAGraph | None] = {}
        self.pool = torch.cuda.graph_pool_handle() if device.type == "cuda" else None

    def __call__(self, span: int) -> None:
        if self.device.type != "cuda":
            self.step(span)
        elif span not in self.graphs:
            self.graphs[span] = None
            self._aside(span)
        else:
            graph = self.graphs[span] or self._capture(span)
            self.graphs[span] = graph
            graph.replay()

    def _aside(self, span: int) -> None:
        """On the stream that the capture will run on, so that workspaces are not made during the capture."""
        stream = _side(self.device)
        main = torch.cuda.current_stream(self.device)
        stream.wait_stream(main)
        with torch.cuda.stream(stream):
            self.step(span)
        main.wait_stream(stream)

    def _capture(self, span: int) -> torch.cuda.CUDAGraph:
        with torch.cuda.device(self.device):
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, pool=self.pool, stream=_side(self.device)):
                self.step(span)
        return graph


@cache
def _side(device: torch.device) -> torch.cuda.Stream:
    """One stream for all warming up and capturing: cuBLAS keeps a workspace of 8 to 32 MiB for every stream it saw."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # untyped in torch
