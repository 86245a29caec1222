"""The voice's share of `bench.memory`: the stages of IndexTTS2 and of 2.5 one by one, at the released dimensions, by
shape alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from bench import filled
from bench.alive import Counted, counting
from bench.goldens.harness import KIT, manifest_info
from tts.door import Reference
from tts.indextts2 import antialias, clock, engine, frontend, memory, synthesis, voices
from tts.indextts2 import flow as solver
from tts.indextts2 import release as parts_of
from tts.indextts2.campplus import CampPlus
from tts.indextts2.checkpoint import LONE
from tts.indextts2.clock import HOP, MODEL_RATE, PACES, Aim
from tts.indextts2.codec import Codec
from tts.indextts2.conditioning import PREFIXES, Conditioning
from tts.indextts2.config import CodecConfig, FlowConfig, GptConfig, SpeakerConfig, Version, VocoderConfig
from tts.indextts2.decode import Batch
from tts.indextts2.flow import Flow
from tts.indextts2.gpt import Gpt
from tts.indextts2.job import MOST_CODES, Decoded, Job
from tts.indextts2.layout import LAYOUTS
from tts.indextts2.regulator import Regulator
from tts.indextts2.release import Placement, Release
from tts.indextts2.semantic import SemanticEncoder
from tts.indextts2.settings import Settings

LINE_S = 4.0
"""Seconds of a usual line."""

LONGEST_S: Mapping[Version, float] = {version: MOST_CODES / pace.rate for version, pace in PACES.items()}
"""Seconds of the longest that the voice speaks in one piece."""

TEXT_IDS = 20
"""Text ids of a usual line; those of the longest are the engine's PIECE_IDS."""

REFERENCE_S = 8.0
"""Seconds of a usual reference, whose frames the flow carries along; the longest is 15."""

STEPS = 2
"""Of the flow's 25: each needs what the one before it did."""


def release(version: Version) -> Release:
    """The parts of one version at the released dimensions, by the engine's own building, in its formats on a GPU. Made
    inside `counting(by_shape=True)`."""
    full = filled.dimensions("full", version)
    vocoder = manifest_info(KIT, full.vocoder)
    features = full.semantic["hidden_size"]
    settings = Settings(
        version,
        GptConfig.parse(full.gpt, version, features=features),
        CodecConfig.parse(full.codec, version),
        FlowConfig.parse(full.s2mel),
        VocoderConfig.parse(vocoder["config"]),
        SpeakerConfig(),
        full.semantic,
        full.emotions,
    )
    with torch.device("meta"):
        heard, spoken = Conditioning(settings.gpt).state_dict(), Gpt(settings.gpt).state_dict()
        regulator, flow = Regulator(settings.flow).state_dict(), Flow(settings.flow).state_dict()
        codec, speaker = (
            Codec(settings.codec).state_dict(),
            CampPlus(settings.speaker).state_dict(),
        )
        semantic = SemanticEncoder(settings.semantic).state_dict()
    assert all(name.startswith(PREFIXES) for name in heard)
    placement = Placement(torch.device("cpu"), torch.bfloat16)
    widths = (settings.gpt.width, *full.projection, features)
    maps = {}
    for i in range(len(widths) - 1) if version == "2.0" else ():
        maps[f"{i}.weight"] = torch.empty(widths[i + 1], widths[i])
        maps[f"{i}.bias"] = torch.empty(widths[i + 1])
    rows = sum(full.emotions)
    weights = {
        "gpt": {**_empty(heard), **_empty(spoken, placement.dtype)},
        "s2mel": {
            **_under("cfm.", _empty(flow, placement.dtype)),
            **_under("length_regulator.", _empty(regulator)),
            **_under("gpt_layer.", maps),
        },
        "codec": _empty(codec),
        "vocoder": {name: torch.empty(shape) for name, shape in vocoder["tensors"].items()},
        "speaker": _empty(speaker),
        "semantic": _empty(semantic),
        "statistics": {"mean": torch.empty(features), "var": torch.empty(features)},
        "speaker matrix": {LONE: torch.empty(rows, filled.STYLE)},
        "emotion matrix": {LONE: torch.empty(rows, settings.gpt.width)},
    }
    assert set(parts_of.LARGE) == {"gpt", "flow"}  # whose weights are made in their format above
    made: dict[str, Any] = dict(parts_of._built(settings, LAYOUTS[version], weights))
    return Release(version, PACES[version], placement, Path(), "", {}, None, **made)  # type: ignore[arg-type]  # speaks ids, not text


def _empty(state: Mapping[str, Tensor], dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Tensors of these shapes, without content."""
    return {
        name: torch.empty(one.shape, dtype=dtype if one.is_floating_point() else one.dtype)
        for name, one in state.items()
    }


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in state.items()}


def listens(version: Version) -> Counted:
    """A voice's reference, as long as is listened to."""
    with counting(by_shape=True) as live:
        parts = release(version)
        live.answer = False
        live.peak = weights = live.now
        speaker_of(parts, frontend.LONGEST)
    what = f"{engine.NAMES[version]} hears {frontend.LONGEST} s of a voice"
    return Counted(f"{version} listens", what, "by shape", weights, live.peak)


def speaker_of(parts: Release, seconds: float) -> voices.Speaker:
    """What `listen` makes of a recording so long."""
    rates = (MODEL_RATE, frontend.SPEECH_RATE)
    audio = frontend.ReferenceAudio(*(torch.empty(round(seconds * rate)) for rate in rates))
    sound = np.random.default_rng(0).normal(0, 0.1, rates[0]).astype(np.float32)
    with patch.object(frontend, "reference_audio", lambda *_: audio):
        return voices.listen(parts, Reference(sound, rates[0]))


def decodes(version: Version, rows: int, ids: int) -> Counted:
    """So many lines of so many text ids measured at once, however large the GPU would have to be."""
    with counting(by_shape=True) as live:
        parts = release(version)
        live.answer = False
        weights = live.now
        speaker = speaker_of(parts, REFERENCE_S)
        live.peak = live.now
        jobs = [_job(parts, speaker, ids, seed) for seed in range(rows)]
        _last_steps(parts.gpt, jobs, rows)
    what = (
        f"{engine.NAMES[version]} decodes {rows} lines of {ids} text ids at once, up to {jobs[0].most} codes"
    )
    return Counted(f"{version} decodes {rows} x {ids}", what, "by shape", weights, live.peak)


def card(version: Version, limit: int, context: int, lengths: Sequence[int]) -> Counted:
    """Lines of so many text ids measured on a GPU of `limit` bytes, of which CUDA keeps `context`: in the groups, on
    the rows, and without the part that the engine itself chooses for it. The last steps of each, as in `decodes`."""
    with counting(by_shape=True) as live:
        parts = release(version)
        live.answer = False
        weights = live.now
        speaker = speaker_of(parts, REFERENCE_S)
        live.peak = live.now
        jobs = [_job(parts, speaker, ids, seed) for seed, ids in enumerate(lengths)]
        groups: list[str] = []

        def decode(gpt: Gpt, some: Sequence[Job], *, rows: int) -> list[Decoded]:
            groups.append(f"{len(some)} on {rows} rows")
            _last_steps(gpt, some, rows)
            return [Decoded(torch.zeros(one.most, dtype=torch.long), "stop", None) for one in some]

        def away(encoder: SemanticEncoder, *_: object) -> None:
            for one in encoder.parameters():
                one.data = torch.empty(0)

        with (
            patch.object(memory, "free", lambda _: limit - context - live.now),
            patch.object(synthesis, "decode", decode),
            patch.object(SemanticEncoder, "to", away),
        ):
            room = memory.Room(engine.ROWS["cuda"], parts.placement.device)
            assert len(synthesis._decode(parts, jobs, room)) == len(jobs)
    told = ", ".join(f"{lengths.count(ids)} of {ids} ids" for ids in sorted(set(lengths)))
    what = f"{engine.NAMES[version]} decodes on a card of {limit / 1e9:g} GB: {told}, in groups of {'; '.join(groups)}"
    name = f"{version} on {limit / 1e9:g} GB, {lengths.count(max(lengths))} x {max(lengths)}"
    return Counted(name, what, "by shape", weights, live.peak)


def _job(parts: Release, speaker: voices.Speaker, ids: int, seed: int) -> Job:
    """A line of so many text ids without a target."""
    most = min(MOST_CODES, clock.free(ids, parts.pace), parts.gpt.config.max_codes)
    prompt = torch.empty(len(speaker.rows) + 2 + ids + 2, parts.gpt.config.width, dtype=torch.bfloat16)
    return Job(prompt, seed, most=most)


def _last_steps(gpt: Gpt, jobs: Sequence[Job], rows: int) -> None:
    """Memory is set aside for as many codes as such lines may take. The steps are those at the end, where most of the
    cache is read."""
    batch = Batch(gpt, jobs, rows)
    with torch.inference_mode():
        for row in range(min(rows, STEPS)):  # one by one: each needs as much as the next
            batch.enter(row, row)
        for _ in range(STEPS):
            batch.step(batch.cache.length)


def sounds(version: Version, rows: int, seconds: float) -> Counted:
    """So many decoded lines become sound: latent pass, regulator, flow, vocoder."""
    ids = TEXT_IDS if seconds <= LINE_S else engine.PIECE_IDS
    frames, codes = round(seconds * MODEL_RATE / HOP), round(seconds * PACES[version].rate)
    with counting(by_shape=True) as live:
        parts = release(version)
        live.answer = False
        weights = live.now
        speaker = speaker_of(parts, REFERENCE_S)
        live.peak = live.now
        aim = Aim(frames, codes, codes, codes, codes)
        piece = synthesis.Piece(torch.zeros(ids, dtype=torch.long), speaker, speaker.mood, aim, 0, False)
        said = [torch.zeros(codes, dtype=torch.long) for _ in range(rows)]

        def solve(jobs: Sequence[solver.FlowJob], **_: object) -> list[Tensor]:
            """As `Flow.solve`, whose list of times takes real numbers, for the first STEPS."""
            moments = parts.flow.estimator.moments(torch.empty(solver.STEPS))
            sizes = [1 / solver.STEPS] * STEPS
            batches = solver._batches(jobs, solver.FRAME_BUDGET)
            return [
                mel
                for batch in batches
                for mel in parts.flow._march(batch, moments[:STEPS], sizes, solver.GUIDANCE)
            ]

        with (
            torch.inference_mode(),
            patch.object(parts.flow, "solve", solve),
            patch.object(antialias, "CACHED", antialias.UNCACHED),  # as much at once as on a GPU
        ):
            made = synthesis.sound(parts, [piece] * rows, said, [frames] * rows, synthesis.Options(rows=rows))
        assert all(isinstance(one, Tensor) and len(one) == frames * HOP for one in made)
    what = f"{engine.NAMES[version]} makes sound of {rows} lines of {seconds:g} s"
    return Counted(f"{version} sounds {rows} x {seconds:g} s", what, "by shape", weights, live.peak)
