"""A release on disk → its parts, loaded onto one device: which files it has, which version it is, where each part runs.

What the parts compute is theirs; what is done with them is `voices`' and `synthesis`'.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tts.indextts2.emotion import EmotionMatrix
from tts.indextts2.qwen import EmotionReader

from tts.errors import BadWeights, EngineMissing
from tts.indextts2 import checkpoint
from tts.indextts2.bigvgan import BigVgan
from tts.indextts2.campplus import CampPlus
from tts.indextts2.checkpoint import File
from tts.indextts2.clock import PACES, Pace
from tts.indextts2.codec import Codec
from tts.indextts2.conditioning import PREFIXES, Conditioning
from tts.indextts2.config import (
    CodecConfig,
    FlowConfig,
    GptConfig,
    SpeakerConfig,
    Version,
    VocoderConfig,
)
from tts.indextts2.flow import Flow
from tts.indextts2.gpt import Gpt
from tts.indextts2.regulator import LatentProjection, Regulator
from tts.indextts2.semantic import SemanticEncoder
from tts.indextts2.text import TextFrontend

CONFIG = "config.yaml"
TOKENIZER = "bpe.model"
GLOSSARY = "glossary.yaml"
EMOTION_READER = "qwen0.6bemo4-merge"
VOCODER_CONFIG = "bigvgan/config.json"
SEMANTIC_CONFIG = "w2v-bert-2.0/config.json"

CONFIG_LIMIT = 1 << 20
"""Bytes of a configuration file: the released ones have a few thousand."""

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


@dataclass(frozen=True)
class Placement:
    """Where the parts run. `dtype` is that of the three large ones (GPT, flow, vocoder); the others, which run once
    per voice and decide about nearest codes, stay in float32."""

    device: torch.device
    dtype: torch.dtype

    @classmethod
    def best(cls, device: str | None = None) -> Placement:
        """The first GPU, in bfloat16; without one the CPU, in bfloat16 where it multiplies that in hardware (AMX or
        AVX-512 BF16) and in float32 where it does not."""
        chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if chosen.type == "cpu":
            return cls(chosen, torch.bfloat16 if _cpu_has_bfloat16() else torch.float32)
        return cls(chosen, torch.bfloat16)


@dataclass(frozen=True)
class Release:
    """All parts of one release. `digest` names every file that shapes speech."""

    version: Version
    pace: Pace
    placement: Placement
    folder: Path
    digest: str
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
        return EmotionReader.load(folder)

    @classmethod
    def load(cls, folder: Path, placement: Placement | None = None) -> Release:
        """Reads a folder laid out like the released one. Raises EngineMissing, naming every file that is missing, and
        BadWeights for a file that is not what it must be."""
        missing = [name for name in REQUIRED if not (folder / name).is_file()]
        if missing:
            raise EngineMissing(f"{', '.join(missing)} missing in {folder}.")
        placement = placement or Placement.best()
        raw = _yaml(folder / CONFIG)
        version = _version(raw)
        digests: dict[str, str] = {}

        def tensors(part: str) -> dict[str, Tensor]:
            loaded = checkpoint.load(folder, WEIGHTS[part])
            digests[part] = loaded.digest
            return loaded.tensors

        semantic_config = _json(folder / SEMANTIC_CONFIG)
        gpt_config, codec_config, flow_config, vocoder_config = _parsed(raw, folder, version, semantic_config)
        gpt_state = tensors("gpt")
        of_conditioning = {name: gpt_state[name] for name in gpt_state if name.startswith(PREFIXES)}
        of_gpt = {name: value for name, value in gpt_state.items() if name not in of_conditioning}
        s2mel = tensors("s2mel")
        device, dtype = placement.device, placement.dtype
        parts: dict[str, Any] = {
            "semantic": SemanticEncoder.load(semantic_config, tensors("semantic"), tensors("statistics")).to(
                device
            ),
            "codec": Codec.load(codec_config, tensors("codec")).to(device),
            "speaker": CampPlus.load(SpeakerConfig(), tensors("speaker")).to(device),
            "conditioning": Conditioning.load(gpt_config, of_conditioning).to(device),
            "gpt": Gpt.load(gpt_config, of_gpt).to(device, dtype),
            "regulator": Regulator.load(flow_config, _under(s2mel, "length_regulator.")).to(device),
            "projection": LatentProjection.load(_under(s2mel, "gpt_layer.")).to(device),
            "flow": Flow.load(flow_config, _under(s2mel, "cfm.")).to(device, dtype),
            "vocoder": BigVgan.load(vocoder_config, tensors("vocoder")).to(device, dtype),
            "emotions": EmotionMatrix(
                tensors("speaker matrix")[""].to(device),
                tensors("emotion matrix")[""].to(device),
                _counts(raw),
            ),
        }
        small = [CONFIG, TOKENIZER, VOCODER_CONFIG, SEMANTIC_CONFIG]
        glossary = folder / GLOSSARY if (folder / GLOSSARY).is_file() else None
        for name in (*small, GLOSSARY) if glossary else small:
            digests[name] = checkpoint.file_digest(folder / name)
        digest = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
        text = TextFrontend(folder / TOKENIZER, glossary)
        parts["gpt"].pack()  # last: moving or casting a part undoes it
        return cls(version, PACES[version], placement, folder, digest, text, **parts)


def _parsed(
    raw: Mapping[str, Any], folder: Path, version: Version, semantic: Mapping[str, Any]
) -> tuple[GptConfig, CodecConfig, FlowConfig, VocoderConfig]:
    try:
        return (
            GptConfig.parse(raw["gpt"], version, features=int(semantic["hidden_size"])),
            CodecConfig.parse(raw["semantic_codec"]),
            FlowConfig.parse(raw["s2mel"]),
            VocoderConfig.parse(_json(folder / VOCODER_CONFIG)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadWeights(f"{CONFIG} does not describe a known release: {error!r} is wrong.") from error


def _version(raw: Mapping[str, Any]) -> Version:
    version = str(raw.get("version", "2.0"))
    if version != "2.0":
        raise BadWeights(f"{CONFIG} describes version {version[:20]}, and this engine speaks with 2.0.")
    return "2.0"


def _counts(raw: Mapping[str, Any]) -> tuple[int, ...]:
    counts = raw.get("emo_num")
    if not isinstance(counts, list) or not all(isinstance(count, int) and count > 0 for count in counts):
        raise BadWeights(f"{CONFIG} does not say how many rows each emotion has (emo_num).")
    return tuple(counts)


def _under(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


def _json(path: Path) -> dict[str, Any]:
    try:
        parsed = json.loads(_small(path))
    except (ValueError, RecursionError) as error:
        raise BadWeights(f"{path.name} is not JSON: {error}") from error
    return _mapping(parsed, path)


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        parsed = yaml.safe_load(_small(path))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadWeights(f"{path.name} is not YAML.") from error
    return _mapping(parsed, path)


def _mapping(parsed: object, path: Path) -> dict[str, Any]:
    if not isinstance(parsed, dict):
        raise BadWeights(f"{path.name} is not a configuration.")
    return parsed


def _small(path: Path) -> bytes:
    with path.open("rb") as stream:
        content = stream.read(CONFIG_LIMIT + 1)
    if len(content) > CONFIG_LIMIT:
        raise BadWeights(f"{path.name} is too long for a configuration.")
    return content


def _cpu_has_bfloat16() -> bool:
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
