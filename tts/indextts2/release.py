"""A release on disk → its parts, loaded onto one device: which files it has, which version it is, where each part runs.

What the parts compute is theirs; what is done with them is `voices`' and `synthesis`'.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tts.errors import BadWeights, EngineMissing
from tts.indextts2 import checkpoint
from tts.indextts2.bigvgan import BigVgan
from tts.indextts2.campplus import CampPlus
from tts.indextts2.checkpoint import LONE
from tts.indextts2.clock import PACES, Pace
from tts.indextts2.codec import Codec
from tts.indextts2.conditioning import PREFIXES, Conditioning
from tts.indextts2.config import Version
from tts.indextts2.converted import file_digest
from tts.indextts2.emotion import EmotionMatrix
from tts.indextts2.flow import Flow
from tts.indextts2.gpt import Gpt
from tts.indextts2.layout import EMOTION_READER, GLOSSARY, LAYOUTS, Layout
from tts.indextts2.qwen import EmotionReader
from tts.indextts2.regulator import LatentProjection, Regulator
from tts.indextts2.semantic import SemanticEncoder
from tts.indextts2.settings import CONFIG, SEMANTIC_CONFIG, VOCODER_CONFIG, Settings, version_of
from tts.indextts2.text import Frontend, MultilingualFrontend, TextFrontend

DESCRIBED: Mapping[str, str] = {"semantic": SEMANTIC_CONFIG, "vocoder": VOCODER_CONFIG}
"""The configuration of a part; where none is named it is `CONFIG`."""

LARGE = ("gpt", "flow")
"""The parts that are placed in the chosen precision. The others stay in float32: they run once per voice and decide
about nearest codes, or, the vocoder, make the very samples, where rounding is hiss."""

Weights = Mapping[str, Mapping[str, Tensor]]
"""The tensors of every file, by part."""


@dataclass(frozen=True)
class Placement:
    """Where the parts run. `dtype` is that of the `LARGE` ones."""

    device: torch.device
    dtype: torch.dtype

    @classmethod
    def best(cls, device: str | None = None) -> Placement:
        """The first GPU, or without one the CPU; in bfloat16 where hardware multiplies that (a GPU from Ampere on, a
        CPU with AMX or AVX-512 BF16), in float32 where it is not."""
        chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        real = _gpu_has_bfloat16() if chosen.type == "cuda" else _cpu_has_bfloat16()
        return cls(chosen, torch.bfloat16 if real else torch.float32)


@dataclass(frozen=True)
class Release:
    """All parts of one release. `digests`: the sha256 of each file that shapes speech, by path; `digest`: theirs.

    `projection` is None where there is no latent pass: 2.5 decodes its codes instead.
    """

    version: Version
    pace: Pace
    placement: Placement
    folder: Path
    digest: str
    digests: Mapping[str, str]
    text: Frontend
    semantic: SemanticEncoder
    codec: Codec
    speaker: CampPlus
    conditioning: Conditioning
    gpt: Gpt
    regulator: Regulator
    flow: Flow
    vocoder: BigVgan
    emotions: EmotionMatrix
    projection: LatentProjection | None = None

    @cached_property
    def reader(self) -> EmotionReader:
        """The model that reads an emotion out of words, loaded when it is first asked. Raises EngineMissing,
        BadWeights."""
        folder = self.folder / EMOTION_READER
        if not folder.is_dir():
            raise EngineMissing(f"{EMOTION_READER} is not in {self.folder}.")
        return EmotionReader.load(folder, self.placement.device)

    @classmethod
    def load(cls, folder: Path, placement: Placement | None = None) -> Release:
        """Reads a folder laid out like the released one.

        Raises EngineMissing, naming every file that is missing, and BadWeights, naming the file, for one that is not
        what it must be. Nothing of it can be used before all of it is read and checked.
        """
        layout = LAYOUTS[version_of(folder)]
        missing = [name for name in layout.required if not (folder / name).is_file()]
        if missing:
            raise EngineMissing(f"{', '.join(missing)} missing in {folder}.")
        placement = placement or Placement.best()
        settings = Settings.read(folder)
        glossary = folder / GLOSSARY if (folder / GLOSSARY).is_file() else None
        kind = TextFrontend if settings.version == "2.0" else MultilingualFrontend
        text: Frontend = kind(folder / layout.tokenizer, glossary)
        if text.size > settings.gpt.text_tokens + 1:
            raise BadWeights(
                f"{layout.tokenizer} has {text.size} ids where {CONFIG} describes {settings.gpt.text_tokens}."
            )
        files = {part: checkpoint.load(folder, file) for part, file in layout.weights.items()}
        weights = {part: files[part].tensors for part in files}
        parts: dict[str, Any] = dict(_built(settings, layout, weights))
        for name, module in parts.items():
            module.to(device=placement.device, dtype=placement.dtype if name in LARGE else None)
        parts["gpt"].pack()  # last: moving or casting a part undoes it
        if placement.device.type == "cuda":
            # float32 means float32: torch lets cuDNN round convolutions to ten bits by default
            torch.backends.cudnn.allow_tf32 = False
            parts["vocoder"].fuse()
        digests = {layout.weights[part].path: file.digest for part, file in files.items()}
        small = (*layout.small, *([GLOSSARY] if glossary else []))
        digests |= {name: file_digest(folder / name) for name in small}
        digest = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
        pace = PACES[settings.version]
        return cls(settings.version, pace, placement, folder, digest, digests, text, **parts)


def _built(settings: Settings, layout: Layout, weights: Weights) -> Iterator[tuple[str, nn.Module]]:
    """Every part by its name in `Release`, on the CPU in float32."""
    s2mel, gpt = weights["s2mel"], weights["gpt"]
    heard = {name: value for name, value in gpt.items() if name.startswith(PREFIXES)}
    spoken = {name: value for name, value in gpt.items() if name not in heard}
    matrices = (weights["speaker matrix"][LONE], weights["emotion matrix"][LONE])
    makers: dict[str, tuple[tuple[str, ...], Callable[[], nn.Module]]] = {
        "semantic": (
            ("semantic", "statistics"),
            lambda: SemanticEncoder.load(settings.semantic, weights["semantic"], weights["statistics"]),
        ),
        "codec": (("codec",), lambda: Codec.load(settings.codec, weights["codec"])),
        "speaker": (("speaker",), lambda: CampPlus.load(settings.speaker, weights["speaker"])),
        "conditioning": (("gpt",), lambda: Conditioning.load(settings.gpt, heard)),
        "gpt": (("gpt",), lambda: Gpt.load(settings.gpt, spoken)),
        "regulator": (("s2mel",), lambda: Regulator.load(settings.flow, _under(s2mel, "length_regulator."))),
        "flow": (("s2mel",), lambda: Flow.load(settings.flow, _under(s2mel, "cfm."))),
        "vocoder": (("vocoder",), lambda: BigVgan.load(settings.vocoder, weights["vocoder"])),
        "emotions": (("speaker matrix", "emotion matrix"), lambda: _emotions(settings, *matrices)),
    }
    if settings.version == "2.0":
        makers["projection"] = ("s2mel",), lambda: _projection(settings, _under(s2mel, "gpt_layer."))
    for name, (files, make) in makers.items():
        with _naming(layout, files):
            module = make()
        yield name, module


@contextmanager
def _naming(layout: Layout, parts: tuple[str, ...]) -> Iterator[None]:
    """Puts the files that a part is made of, and the one that describes it, before what is wrong with it."""
    files = " and ".join(layout.weights[part].path for part in parts)
    described = DESCRIBED.get(parts[0], CONFIG)
    try:
        yield
    except BadWeights as error:
        raise BadWeights(f"{files}, read as {described} describes it: {error}") from error
    except torch.OutOfMemoryError:
        raise
    except (
        ArithmeticError,
        AttributeError,
        IndexError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        # a library's module that is made with dimensions which contradict one another
        raise BadWeights(f"{described} does not describe what is in {files}: {error!r}.") from error


def _projection(settings: Settings, state: Mapping[str, Tensor]) -> LatentProjection:
    projection = LatentProjection.load(state)
    wanted = [settings.flow.features, settings.gpt.width]
    if list(projection.weight.shape) != wanted:
        raise BadWeights(
            f"The latents' projection has shape {list(projection.weight.shape)} where {wanted} belongs."
        )
    return projection


def _emotions(settings: Settings, speakers: Tensor, emotions: Tensor) -> EmotionMatrix:
    matrix = EmotionMatrix(speakers, emotions, settings.emotions)
    for what, value, width in (
        ("speaker", speakers, settings.flow.style),
        ("emotion", emotions, settings.gpt.width),
    ):
        if value.shape[1] != width:
            raise BadWeights(f"The {what} matrix has shape {list(value.shape)} where rows of {width} belong.")
    return matrix


def _under(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _gpu_has_bfloat16() -> bool:
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def _cpu_has_bfloat16() -> bool:
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
