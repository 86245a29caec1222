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
from tts.indextts2.checkpoint import LONE, File
from tts.indextts2.clock import PACES, Pace
from tts.indextts2.codec import Codec
from tts.indextts2.conditioning import PREFIXES, Conditioning
from tts.indextts2.config import Version
from tts.indextts2.converted import file_digest
from tts.indextts2.emotion import EmotionMatrix
from tts.indextts2.flow import Flow
from tts.indextts2.gpt import Gpt
from tts.indextts2.qwen import EmotionReader
from tts.indextts2.regulator import LatentProjection, Regulator
from tts.indextts2.semantic import SemanticEncoder
from tts.indextts2.settings import CONFIG, SEMANTIC_CONFIG, VOCODER_CONFIG, Settings
from tts.indextts2.text import TextFrontend

TOKENIZER = "bpe.model"
GLOSSARY = "glossary.yaml"
EMOTION_READER = "qwen0.6bemo4-merge"

WEIGHTS: Mapping[str, File] = {
    "gpt": checkpoint.GPT,
    "s2mel": checkpoint.S2MEL,
    "codec": checkpoint.CODEC_20,
    "vocoder": checkpoint.VOCODER,
    "speaker": checkpoint.SPEAKER,
    "semantic": checkpoint.SEMANTIC,
    "statistics": checkpoint.STATISTICS,
    "speaker matrix": checkpoint.SPEAKER_MATRIX,
    "emotion matrix": checkpoint.EMOTION_MATRIX,
}

REQUIRED = (CONFIG, TOKENIZER, VOCODER_CONFIG, SEMANTIC_CONFIG, *(file.path for file in WEIGHTS.values()))
"""All that speaking needs, by path in the folder. The emotion reader is needed only where words describe an emotion."""

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
    """All parts of one release. `digests`: the sha256 of each file that shapes speech, by path; `digest`: theirs."""

    version: Version
    pace: Pace
    placement: Placement
    folder: Path
    digest: str
    digests: Mapping[str, str]
    text: TextFrontend
    semantic: SemanticEncoder
    codec: Codec
    speaker: CampPlus
    conditioning: Conditioning
    gpt: Gpt
    regulator: Regulator
    projection: LatentProjection
    flow: Flow
    vocoder: BigVgan
    emotions: EmotionMatrix

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
        missing = [name for name in REQUIRED if not (folder / name).is_file()]
        if missing:
            raise EngineMissing(f"{', '.join(missing)} missing in {folder}.")
        placement = placement or Placement.best()
        settings = Settings.read(folder)
        glossary = folder / GLOSSARY if (folder / GLOSSARY).is_file() else None
        text = TextFrontend(folder / TOKENIZER, glossary)
        if text.tokenizer.size > settings.gpt.text_tokens + 1:
            raise BadWeights(
                f"{TOKENIZER} has {text.tokenizer.size} ids where {CONFIG} describes {settings.gpt.text_tokens}."
            )
        files = {part: checkpoint.load(folder, file) for part, file in WEIGHTS.items()}
        parts: dict[str, Any] = dict(_built(settings, {part: files[part].tensors for part in files}))
        for name, module in parts.items():
            module.to(device=placement.device, dtype=placement.dtype if name in LARGE else None)
        parts["gpt"].pack()  # last: moving or casting a part undoes it
        if placement.device.type == "cuda":
            # float32 means float32: torch lets cuDNN round convolutions to ten bits by default
            torch.backends.cudnn.allow_tf32 = False
            parts["vocoder"].fuse()
        digests = {WEIGHTS[part].path: file.digest for part, file in files.items()}
        small = (CONFIG, TOKENIZER, VOCODER_CONFIG, SEMANTIC_CONFIG, *([GLOSSARY] if glossary else []))
        digests |= {name: file_digest(folder / name) for name in small}
        digest = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
        pace = PACES[settings.version]
        return cls(settings.version, pace, placement, folder, digest, digests, text, **parts)


def _built(settings: Settings, weights: Weights) -> Iterator[tuple[str, nn.Module]]:
    """Every part by its name in `Release`, on the CPU in float32."""
    s2mel, gpt = weights["s2mel"], weights["gpt"]
    heard = {name: value for name, value in gpt.items() if name.startswith(PREFIXES)}
    spoken = {name: value for name, value in gpt.items() if name not in heard}
    matrices = (weights["speaker matrix"][LONE], weights["emotion matrix"][LONE])
    makers: Mapping[str, tuple[tuple[str, ...], Callable[[], nn.Module]]] = {
        "semantic": (
            ("semantic", "statistics"),
            lambda: SemanticEncoder.load(settings.semantic, weights["semantic"], weights["statistics"]),
        ),
        "codec": (("codec",), lambda: Codec.load(settings.codec, weights["codec"])),
        "speaker": (("speaker",), lambda: CampPlus.load(settings.speaker, weights["speaker"])),
        "conditioning": (("gpt",), lambda: Conditioning.load(settings.gpt, heard)),
        "gpt": (("gpt",), lambda: Gpt.load(settings.gpt, spoken)),
        "regulator": (("s2mel",), lambda: Regulator.load(settings.flow, _under(s2mel, "length_regulator."))),
        "projection": (("s2mel",), lambda: _projection(settings, _under(s2mel, "gpt_layer."))),
        "flow": (("s2mel",), lambda: Flow.load(settings.flow, _under(s2mel, "cfm."))),
        "vocoder": (("vocoder",), lambda: BigVgan.load(settings.vocoder, weights["vocoder"])),
        "emotions": (("speaker matrix", "emotion matrix"), lambda: _emotions(settings, *matrices)),
    }
    for name, (files, make) in makers.items():
        with _naming(files):
            module = make()
        yield name, module


@contextmanager
def _naming(parts: tuple[str, ...]) -> Iterator[None]:
    """Puts the files that a part is made of, and the one that describes it, before what is wrong with it."""
    files = " and ".join(WEIGHTS[part].path for part in parts)
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
