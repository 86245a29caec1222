"""From pieces of text to sound, many at once: decode → semantic features → regulator → flow → vocoder.

Works in mel frames and at the vocoder's rate. Knows no requests, no languages and no files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from tts.errors import OutOfMemory, SpeakingFailed, VoiceError
from tts.indextts2 import memory
from tts.indextts2.clock import Aim
from tts.indextts2.decode import decode
from tts.indextts2.flow import FlowJob
from tts.indextts2.job import MOST_CODES, Decoded, Job
from tts.indextts2.memory import Room
from tts.indextts2.regulator import LatentProjection
from tts.indextts2.release import Release
from tts.indextts2.sampling import Sampling
from tts.indextts2.voices import Speaker

Item = TypeVar("Item")
Made = TypeVar("Made")

NOTHING_FITS = "Not even one line at a time fits into memory."

RETRIES = 1
"""How often a line that ran away is spoken again, with other draws."""


@dataclass(frozen=True)
class Options:
    """How speech is made. `steps` and `guidance` are the flow's; `rows` how many lines are decoded at once where memory
    allows; `most` how many codes one piece may take."""

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
    """What is spoken in one go: text ids [L], who speaks, the merged emotion vector [D], and where it is to end.
    `language` is a row of the model's language table, None where it has none."""

    ids: Tensor
    speaker: Speaker
    emotion: Tensor
    aim: Aim
    seed: int
    free: bool
    """Whether the length is the model's own: reaching `aim.most` is then a runaway."""
    language: int | None = None


@dataclass(frozen=True)
class Spoken:
    """A piece's codes, how they ended, and after how many tries."""

    decoded: Decoded
    attempts: int

    @property
    def ran_away(self) -> bool:
        """No try came to an end by itself."""
        return self.decoded.ended != "stop"


def speak(
    release: Release, pieces: Sequence[Piece], options: Options, room: Room | None = None
) -> list[Spoken | VoiceError]:
    """Text to codes, in order; SpeakingFailed or OutOfMemory for a piece that cannot be decoded.

    A free piece that runs away is spoken again with other draws, where there are draws; the last try stands. `room`
    remembers from call to call what did not fit; without it nothing is remembered.
    """
    room = room or Room(options.rows, release.placement.device)
    spoken: dict[int, Spoken | VoiceError] = {}
    waiting = list(range(len(pieces)))
    for attempt in range(1 if options.sampling.greedy else 1 + RETRIES):
        jobs = [_job(release, pieces[index], attempt, options) for index in waiting]
        for index, decoded in zip(waiting, _decode(release, jobs, room), strict=True):
            spoken[index] = decoded if isinstance(decoded, VoiceError) else Spoken(decoded, attempt + 1)
        waiting = [index for index in waiting if pieces[index].free and _ran_away(spoken[index])]
        if not waiting:
            break
    return [spoken[index] for index in range(len(pieces))]


def sound(
    release: Release,
    pieces: Sequence[Piece],
    codes: Sequence[Tensor],
    frames: Sequence[int],
    options: Options,
) -> list[Tensor | VoiceError]:
    """Codes [N] of each piece → its wave [256 · frames] at the vocoder's rate, float32 on the CPU, in order;
    OutOfMemory for a piece that does not fit even alone."""
    made: dict[int, Tensor | VoiceError] = {}

    def staged(make: Callable[[list[int]], list[Tensor]]) -> None:
        """The next stage of every piece that has not failed yet."""
        going = [index for index in range(len(pieces)) if not isinstance(made.get(index), VoiceError)]
        made.update(zip(going, halving(make, going), strict=True))

    def tensors(some: list[int]) -> list[Tensor]:
        return [one for index in some if isinstance(one := made[index], Tensor)]

    def solved(some: list[int]) -> list[Tensor]:
        jobs = [_flow_job(pieces[index], made_of) for index, made_of in zip(some, tensors(some), strict=True)]
        return release.flow.solve(jobs, steps=options.steps, guidance=options.guidance)

    staged(
        lambda some: _conditions(
            release, [pieces[i] for i in some], [codes[i] for i in some], [frames[i] for i in some]
        )
    )
    staged(solved)
    staged(lambda some: [wave.float().cpu() for wave in release.vocoder.waves(tensors(some))])
    return [made[index] for index in range(len(pieces))]


def halving(make: Callable[[list[Item]], Sequence[Made]], items: Sequence[Item]) -> list[Made | VoiceError]:
    """`make` of all items at once; where memory runs out, of half as many at a time, down to one. In order;
    OutOfMemory for an item that does not fit alone."""
    size = len(items)
    made: list[Made | VoiceError] = []
    while len(made) < len(items):
        try:
            made += make(list(items[len(made) : len(made) + size]))
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            if size == 1:
                made.append(OutOfMemory(NOTHING_FITS))
        else:
            continue
        # behind the except clause: until then the error holds what did not fit
        size = (size + 1) // 2
        memory.give_back()
    return made


def out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on a GPU or by the CPU allocator, which has no type of its own for it."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def seed_of(*parts: int) -> int:
    """A seed for one use out of several numbers: uses do not share their draws."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:7], "big")


def _decode(release: Release, jobs: Sequence[Job], room: Room) -> list[Decoded | VoiceError]:
    """Codes of every job, in order, as many rows at once as memory allows, and half as many from then on where it ran
    out all the same; a job that fails alone costs the others nothing."""
    outcomes: dict[int, Decoded | VoiceError] = {}
    needs: dict[int, int] = {}
    for index, job in enumerate(jobs):
        try:
            needs[index] = memory.row_bytes(release.gpt, job)
        except SpeakingFailed as error:
            outcomes[index] = error
    waiting = sorted(needs, key=lambda index: (-needs[index], index))
    alone: set[int] = set()
    while waiting:
        first = waiting[0]
        count, rows = (1, 1) if first in alone else _fitting(release, [needs[one] for one in waiting], room)
        made: Sequence[Decoded | VoiceError] = []
        try:
            made = decode(release.gpt, [jobs[index] for index in waiting[:count]], rows=rows)
        except SpeakingFailed as error:
            if count == 1:
                made = [error]
            alone.update(waiting[:count])
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            if rows > 1:
                room.ran_out(rows, needs[first])
            elif count > 1:
                alone.add(first)
            else:
                made = [OutOfMemory(NOTHING_FITS)]
        if not made:  # behind the except clause: until then the error holds what did not fit
            memory.give_back()
        outcomes.update(zip(waiting, made, strict=False))
        waiting = waiting[len(made) :]
    return [outcomes[index] for index in range(len(jobs))]


def _fitting(release: Release, needs: Sequence[int], room: Room) -> tuple[int, int]:
    """How many of the jobs are decoded next, on how many rows. Where not all fit at once, the encoder that listens to
    recordings leaves the GPU first: it is the largest part that decoding does not need (`IndexTTS2._listening`)."""
    if room.short(needs):
        release.semantic.to("cpu")
    return room.first(needs)


def _ran_away(spoken: Spoken | VoiceError) -> bool:
    return isinstance(spoken, Spoken) and spoken.ran_away


def _job(release: Release, piece: Piece, attempt: int, options: Options) -> Job:
    prompt = _prompt(release, piece)
    return Job(prompt, seed_of(piece.seed, attempt), piece.aim.least, piece.aim.most, options.sampling)


def _conditions(
    release: Release, pieces: Sequence[Piece], codes: Sequence[Tensor], frames: Sequence[int]
) -> list[Tensor]:
    """Semantic features of the codes, stretched to the piece's frames: [frames, C] each."""
    codes = [one.to(release.placement.device) for one in codes]
    if release.projection is None:
        semantic = [release.codec.decode(one[None])[0] for one in codes]
    else:
        semantic = _taught(release, release.projection, pieces, codes)
    return release.regulator.regulate(semantic, frames)


def _taught(
    release: Release, projection: LatentProjection, pieces: Sequence[Piece], codes: Sequence[Tensor]
) -> list[Tensor]:
    """The latent pass of 2.0: each code's embedding plus its projected latent, [N, F] each."""
    prompts = [_prompt(release, piece, keep_marks=True) for piece in pieces]
    latents = release.gpt.latents(prompts, codes)
    return [
        release.codec.embed(one[None])[0] + projection(latent.float())
        for one, latent in zip(codes, latents, strict=True)
    ]


def _prompt(release: Release, piece: Piece, *, keep_marks: bool = False) -> Tensor:
    """What precedes a piece's codes: [P, D]."""
    return release.gpt.prompt(
        piece.speaker.rows,
        piece.emotion,
        piece.ids,
        count=piece.aim.count,
        language=piece.language,
        keep_marks=keep_marks,
    )


def _flow_job(piece: Piece, condition: Tensor) -> FlowJob:
    whole = torch.cat([piece.speaker.condition, condition])
    return FlowJob(whole, piece.speaker.mel, piece.speaker.style, _noise(piece, len(whole)))


def _noise(piece: Piece, frames: int) -> Tensor:
    """The flow's starting point [80, frames]. Drawn on the CPU: a seed sounds the same on every device."""
    generator = torch.Generator().manual_seed(seed_of(piece.seed, -1))
    mels = piece.speaker.mel.shape[0]
    return torch.randn(mels, frames, generator=generator).to(piece.speaker.mel.device)
