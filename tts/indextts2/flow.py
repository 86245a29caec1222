"""Conditional flow matching: from conditions and noise to mel spectrograms. The network itself lives in `dit`.

Lipman et al. 2023 (flow matching), Ho and Salimans 2022 (classifier-free guidance); Euler's method on an even grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

import torch
from torch import Tensor, nn

from tts.indextts2.config import FlowConfig
from tts.indextts2.dit import Estimator, Moment, Packing
from tts.indextts2.weights import fold_weight_norm, load_strict

STEPS = 25
GUIDANCE = 0.7
FRAME_BUDGET = 4096
"""Frames of prompt and speech that are solved together, about 48 s. A frame takes some 100 kB of activations."""


@dataclass(frozen=True)
class FlowJob:
    """One line to be spoken: T frames, of which the first R are the prompt's."""

    condition: Tensor
    """[T, content], the regulated features of prompt and line."""
    prompt: Tensor
    """[mels, R], the prompt's log mel spectrogram."""
    style: Tensor
    """[style], the speaker's embedding."""
    noise: Tensor
    """[mels, T], standard normal; that of the prompt's frames is not used, and is asked for so that seeds replay."""

    def __post_init__(self) -> None:
        """Raises ValueError where the lengths do not agree, or no frame is left to be made."""
        frames, prompt = self.condition.shape[0], self.prompt.shape[-1]
        if self.noise.shape[-1] != frames:
            raise ValueError(f"The condition has {frames} frames and the noise {self.noise.shape[-1]}.")
        if prompt >= frames:
            raise ValueError(f"The prompt has {prompt} of the {frames} frames; none is left to be made.")

    @property
    def frames(self) -> int:
        """All frames, the prompt's included."""
        return self.condition.shape[0]

    @property
    def prompt_frames(self) -> int:
        """The prompt's frames."""
        return self.prompt.shape[-1]


class Flow(nn.Module):
    """The solver around the velocity network.

    What depends on time alone is computed once per call, for every job; what depends on the job alone, once per job.
    The velocity on the prompt's frames is never used, so behind the last attention only the new frames are computed,
    and as many before them as the WaveNet's reach.
    """

    UNUSED: ClassVar[tuple[str, ...]] = (
        r"estimator\.(x_embedder|cond_embedder|content_mask_embedder)\..*",
        r"estimator\.input_pos",
        r"estimator\.t_embedder2?\.freqs",
    )
    """For training, for discrete content, and tables made by formula."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.estimator = Estimator(config)

    @classmethod
    def load(cls, config: FlowConfig, state: Mapping[str, Tensor]) -> Flow:
        """`state` holds the `cfm` group. Raises BadWeights."""
        with torch.device("meta"):
            flow = cls(config)
        # the checkpoint has a skip connection for every block, and the first half makes no use of its own
        early = "|".join(str(index) for index in range(config.depth // 2 + 1))
        idle = rf"estimator\.transformer\.layers\.({early})\.skip_in_linear\..*"
        load_strict(flow, fold_weight_norm(state), "The flow decoder", unused=(*cls.UNUSED, idle))
        flow.estimator.wavenet.lay_out()
        return flow

    @torch.inference_mode()
    def solve(
        self,
        jobs: Sequence[FlowJob],
        *,
        steps: int = STEPS,
        guidance: float = GUIDANCE,
        frame_budget: int = FRAME_BUDGET,
    ) -> list[Tensor]:
        """The new frames of every job, float32 [mels, T - R], in the jobs' order.

        `guidance` r mixes (1 + r) · conditioned - r · unconditioned; at 0 the latter is not computed. At most
        `frame_budget` frames are solved at once, or one job if it is longer alone. A job's result does not depend on
        the others. Raises ValueError for less than one step.
        """
        if steps < 1:
            raise ValueError(f"{steps} steps lead nowhere.")
        grid = torch.linspace(0, 1, steps + 1).diff()
        # the clock is the running sum of the steps in float32, as in training
        times = torch.stack(list(accumulate(grid[:-1], initial=torch.zeros(()))))
        sizes: list[float] = grid.tolist()
        moments = self.estimator.moments(times.to(self.device))
        return [
            mel
            for batch in _batches(jobs, frame_budget)
            for mel in self._march(batch, moments, sizes, guidance)
        ]

    @torch.inference_mode()
    def velocity(self, job: FlowJob, x: Tensor, time: float) -> Tensor:
        """Velocities of the mel x [mels, T] at a time in 0..1, on every frame: [2, mels, T].

        The first is conditioned on the job, the second on nothing. The job's noise is not used.
        """
        rows = x.T.to(self.device)
        moment = self.moment(time)
        velocities: Tensor = self.estimator(
            rows, self.constants([job], guided=True), moment, self.whole([job])
        )
        return velocities.transpose(1, 2)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.estimator.conv1.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """The weights' type. States, times and norms' statistics are float32 whatever it is."""
        return self.estimator.conv1.weight.dtype

    def moment(self, time: float) -> Moment:
        """What the network derives from one time in 0..1."""
        return self.estimator.moments(torch.tensor([time], device=self.device))[0]

    def whole(self, jobs: Sequence[FlowJob]) -> Packing:
        """Packing in which every frame is wanted."""
        return self.estimator.packing([job.frames for job in jobs], [0] * len(jobs), self.device)

    def constants(self, jobs: Sequence[FlowJob], *, guided: bool) -> Tensor:
        """What the network's input holds besides the noisy mel: [S, N, width]; S = 2 when `guided`, else 1."""
        conditioned = torch.cat([self._constant(job) for job in jobs])
        if not guided:
            return conditioned.unsqueeze(0)
        zeros = [torch.zeros_like(part[:1]) for part in self._inputs(jobs[0])]
        return torch.stack((conditioned, self.estimator.constant(*zeros).expand_as(conditioned)))

    def _constant(self, job: FlowJob) -> Tensor:
        return self.estimator.constant(*self._inputs(job))

    def _inputs(self, job: FlowJob) -> tuple[Tensor, Tensor, Tensor]:
        """Prompt [T, mels] with zeros for the new frames, condition [T, content], style [1, style]."""
        prompt, condition, style = (
            part.to(self.device, self.dtype) for part in (job.prompt, job.condition, job.style)
        )
        padded = nn.functional.pad(prompt.T, (0, 0, 0, job.frames - job.prompt_frames))
        return padded, condition, style.unsqueeze(0)

    def _march(
        self, jobs: Sequence[FlowJob], moments: Sequence[Moment], sizes: Sequence[float], guidance: float
    ) -> list[Tensor]:
        """One batch from noise to mels, all in float32 but the network."""
        reach = self.estimator.wavenet.reach
        skipped = [max(0, job.prompt_frames - reach) for job in jobs]
        packing = self.estimator.packing([job.frames for job in jobs], skipped, self.device)
        constants = self.constants(jobs, guided=guidance != 0)
        x = torch.cat([job.noise.T for job in jobs]).to(self.device, torch.float32, copy=True)  # [N, mels]
        new, answered = self._new_rows(jobs, packing, skipped)
        for span, job in zip(packing.full.rows, jobs, strict=True):
            x[span[0] : span[0] + job.prompt_frames] = 0
        for moment, size in zip(moments, sizes, strict=True):
            velocity: Tensor = self.estimator(x, constants, moment, packing)[:, answered].float()
            guided = velocity[0] if guidance == 0 else velocity[1].lerp_(velocity[0], 1 + guidance)
            x.index_add_(0, new, guided, alpha=size)
        return [
            x[first + job.prompt_frames : end].T.contiguous()
            for (first, end), job in zip(packing.full.rows, jobs, strict=True)
        ]

    def _new_rows(
        self, jobs: Sequence[FlowJob], packing: Packing, skipped: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        """The new frames' rows among all rows, and among the rows that the network answers."""
        new, answered = [], []
        for job, whole, tail, first in zip(jobs, packing.full.rows, packing.tail.rows, skipped, strict=True):
            new.append(torch.arange(whole[0] + job.prompt_frames, whole[1], device=self.device))
            answered.append(torch.arange(tail[0] + job.prompt_frames - first, tail[1], device=self.device))
        return torch.cat(new), torch.cat(answered)


def _batches(jobs: Sequence[FlowJob], budget: int) -> Iterator[list[FlowJob]]:
    """Neighbours together while their frames fit into the budget."""
    batch: list[FlowJob] = []
    for job in jobs:
        if batch and sum(other.frames for other in batch) + job.frames > budget:
            yield batch
            batch = []
        batch.append(job)
    if batch:
        yield batch
