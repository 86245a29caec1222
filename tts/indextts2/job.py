"""What is asked of the decoder, what it answers, what a model has room for. Decoding is in `decode` and `beam`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from tts.errors import SpeakingFailed
from tts.indextts2.gpt import DECODED_POSITION, Gpt
from tts.indextts2.sampling import Sampling

MOST_CODES = 1500
"""Codes of one line that the released settings allow: 30 s at 50 Hz."""

SPAN = 64
"""Caches are as long as a multiple of this many positions, and are read in such multiples: few shapes, few graphs."""

Ended = Literal["stop", "bound", "limit"]


@dataclass(frozen=True)
class Job:
    """One line to speak.

    `prompt` [P, D] are the rows before the start token; `seed` ≥ 0 decides every draw. The stop token is suppressed
    before `least` codes and forced after `most`; memory is set aside for `most`, so state what the line may take.
    Raises ValueError where 0 ≤ least ≤ most, most ≥ 1, seed ≥ 0 or P ≥ 1 does not hold.
    """

    prompt: Tensor
    seed: int
    least: int = 0
    most: int = MOST_CODES
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        if self.prompt.dim() != 2 or self.prompt.shape[0] < 1:
            raise ValueError(f"A prompt of shape {list(self.prompt.shape)} is not [P, D].")
        if self.most < 1 or not 0 <= self.least <= self.most:
            raise ValueError(f"From {self.least} to {self.most} codes is not a range.")
        if self.seed < 0:
            raise ValueError(f"The seed {self.seed} is negative.")


@dataclass(frozen=True)
class Decoded:
    """The codes of one line, and how it came to its end.

    `codes` [N] int64 on the CPU, without the stop. `ended`: "stop", the model stopped by itself; "bound", stopped at
    the job's `most`; "limit", stopped where the model has no position left. `wanted_stop`: how many codes there were
    when the suppressed stop first scored highest, which is where the line would have ended; None if it never did.
    """

    codes: Tensor
    ended: Ended
    wanted_stop: int | None


def codes_at_most(gpt: Gpt, job: Job) -> int:
    """How many codes the job may take: its own `most`, or as many as the model has positions for.

    Raises SpeakingFailed where its `least` is more than the model has, or its prompt is not of the model's width.
    """
    if job.prompt.shape[1] != gpt.config.width:
        raise SpeakingFailed(
            f"A prompt of width {job.prompt.shape[1]} is not for a model of {gpt.config.width}."
        )
    room = min(gpt.config.max_codes, len(gpt.mel_pos_embedding) - DECODED_POSITION)
    if job.least > room:
        raise SpeakingFailed(f"At least {job.least} codes are asked for, and the model has room for {room}.")
    return min(job.most, room)


def spanned(positions: int) -> int:
    """`positions`, rounded up to whole SPANs."""
    return -(-positions // SPAN) * SPAN
