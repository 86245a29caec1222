"""From pieces of text to sound, many at once: decode → latent pass → regulator → flow → vocoder.

Works in mel frames and at the vocoder's rate. Knows no requests, no languages and no files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from tts.errors import OutOfMemory
from tts.indextts2.clock import Aim
from tts.indextts2.decode import decode
from tts.indextts2.flow import FlowJob
from tts.indextts2.job import MOST_CODES, Decoded, Job
from tts.indextts2.release import Release
from tts.indextts2.sampling import Sampling
from tts.indextts2.voices import Speaker

Item = TypeVar("Item")
Made = TypeVar("Made")

RETRIES = 1
"""How often a line that ran away is spoken again, with other draws."""


@dataclass(frozen=True)
class Options:
    """How speech is made. `steps` and `guidance` are the flow's; `rows` how many lines are decoded at once; `most` how
    many codes one piece may take."""

    sampling: Sampling = field(default_factory=Sampling)
    steps: int = 25
    guidance: float = 0.7
    rows: int = 8
    most: int = MOST_CODES

    def __post_init__(self) -> None:
        if min(self.steps, self.rows, self.most) < 1 or self.guidance < 0:
            raise ValueError("steps, rows and most are at least 1, and guidance is not negative")


@dataclass(frozen=True)
class Piece:
    """What is spoken in one go: text ids [L], who speaks, the merged emotion vector [D], and where it is to end."""

    ids: Tensor
    speaker: Speaker
    emotion: Tensor
    aim: Aim
    seed: int
    free: bool
    """Whether the length is the model's own: reaching `aim.most` is then a runaway."""


@dataclass(frozen=True)
class Spoken:
    """A piece's codes, how they ended, and after how many tries."""

    decoded: Decoded
    attempts: int

    @property
    def ran_away(self) -> bool:
        """No try came to an end by itself."""
        return self.decoded.ended != "stop"


def speak(release: Release, pieces: Sequence[Piece], options: Options) -> list[Spoken]:
    """Text to codes, in order. A free piece that runs away is spoken again with other draws; the last try stands."""
    spoken: list[Spoken | None] = [None] * len(pieces)
    waiting = list(range(len(pieces)))
    for attempt in range(1 + RETRIES):
        jobs = [_job(release, pieces[index], attempt, options) for index in waiting]
        for index, decoded in zip(waiting, _decode(release, jobs, options.rows), strict=True):
            spoken[index] = Spoken(decoded, attempt + 1)
        waiting = [
            index
            for index in waiting
            if pieces[index].free and (one := spoken[index]) is not None and one.ran_away
        ]
        if not waiting:
            break
    return [one for one in spoken if one is not None]


def sound(
    release: Release,
    pieces: Sequence[Piece],
    codes: Sequence[Tensor],
    frames: Sequence[int],
    options: Options,
) -> list[Tensor]:
    """Codes [N] of each piece → its wave [256 · frames] at the vocoder's rate, float32 on the CPU, in order."""
    conditions = halving(
        lambda some: _conditions(
            release, [pieces[i] for i in some], [codes[i] for i in some], [frames[i] for i in some]
        ),
        range(len(pieces)),
    )
    jobs = [
        FlowJob(
            torch.cat([piece.speaker.condition, condition]),
            piece.speaker.mel,
            piece.speaker.style,
            _noise(piece, len(piece.speaker.condition) + len(condition)),
        )
        for piece, condition in zip(pieces, conditions, strict=True)
    ]
    mels = halving(
        lambda some: release.flow.solve(some, steps=options.steps, guidance=options.guidance), jobs
    )
    waves = halving(release.vocoder.waves, mels)
    return [wave.float().cpu() for wave in waves]


def halving(make: Callable[[Sequence[Item]], list[Made]], items: Sequence[Item]) -> list[Made]:
    """`make` of all items at once; where memory runs out, of half as many at a time, down to one.

    Raises OutOfMemory where not even one fits.
    """
    size = len(items)
    made: list[Made] = []
    while len(made) < len(items):
        try:
            made += make(items[len(made) : len(made) + size])
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            if size == 1:
                raise OutOfMemory("Not even one line at a time fits into memory.") from error
            size = (size + 1) // 2
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
    return made


def out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on a GPU or by the CPU allocator, which has no type of its own for it."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def seed_of(*parts: int) -> int:
    """A seed for one use out of several numbers: uses do not share their draws."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:7], "big")


def _decode(release: Release, jobs: Sequence[Job], rows: int) -> list[Decoded]:
    while True:
        try:
            return decode(release.gpt, jobs, rows=rows)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            if rows == 1:
                raise OutOfMemory("Not even one line at a time fits into memory.") from error
            rows = (min(rows, len(jobs)) + 1) // 2
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def _job(release: Release, piece: Piece, attempt: int, options: Options) -> Job:
    prompt = release.gpt.prompt(piece.speaker.rows, piece.emotion, piece.ids, count=piece.aim.count)
    return Job(prompt, seed_of(piece.seed, attempt), piece.aim.least, piece.aim.most, options.sampling)


def _conditions(
    release: Release, pieces: Sequence[Piece], codes: Sequence[Tensor], frames: Sequence[int]
) -> list[Tensor]:
    """Semantic embedding plus projected latent of each code, stretched to the piece's frames: [frames, C] each."""
    device = release.placement.device
    prompts = [
        release.gpt.prompt(
            piece.speaker.rows, piece.emotion, piece.ids, count=piece.aim.count, keep_marks=True
        )
        for piece in pieces
    ]
    codes = [one.to(device) for one in codes]
    latents = release.gpt.latents(prompts, codes)
    semantic = [
        release.codec.embed(one[None])[0] + release.projection(latent.float())
        for one, latent in zip(codes, latents, strict=True)
    ]
    return release.regulator.regulate(semantic, frames)


def _noise(piece: Piece, frames: int) -> Tensor:
    """The flow's starting point [80, frames]. Drawn on the CPU: a seed sounds the same on every device."""
    generator = torch.Generator().manual_seed(seed_of(piece.seed, -1))
    mels = piece.speaker.mel.shape[0]
    return torch.randn(mels, frames, generator=generator).to(piece.speaker.mel.device)
