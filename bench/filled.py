"""A whole release with filled weights, written as the official files are: names, nesting, formats. What it says is
noise, but every real part loads and runs: for tests (tiny) and for timing (full, 7 GB on disk).

    python -m bench.filled DIR [--size tiny|full] [--version 2.0|2.5]
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor, nn

from bench.goldens.harness import KIT, fill, load_cases, manifest_info, standard_buffers
from tts.indextts2.campplus import CampPlus
from tts.indextts2.codec import Codec
from tts.indextts2.conditioning import Conditioning
from tts.indextts2.config import DOWNSAMPLE, CodecConfig, FlowConfig, GptConfig, SpeakerConfig, Version
from tts.indextts2.flow import Flow
from tts.indextts2.gpt import Gpt
from tts.indextts2.layout import LAYOUTS
from tts.indextts2.regulator import Regulator
from tts.indextts2.semantic import SemanticEncoder

TOKENIZERS: Mapping[Version, str] = {
    "2.0": "bpe_test.model",
    "2.5": "multilingual_zh_ja_yue_char_del.tiktoken",
}
"""The kit's tokenisers."""

TEXT_TOKENS: Mapping[Version, int] = {"2.0": 620, "2.5": 850}
"""As many as the kit's tokenisers have, and some."""

MODELS: Mapping[Version, tuple[str, str]] = {"2.0": ("gpt20", "codec20"), "2.5": ("gpt25", "codec25")}
"""What the kit calls the models whose dimensions differ."""

STYLE = 192
"""Width of the speaker embedding, at any size: the released speaker encoder comes without a configuration."""


@dataclass(frozen=True)
class Dimensions:
    """The configurations of a release, as its own files state them; `latent` and `bottleneck` are the widths inside the
    latent projection."""

    gpt: Mapping[str, Any]
    codec: Mapping[str, Any]
    s2mel: Mapping[str, Any]
    vocoder: str
    semantic: Mapping[str, Any]
    emotions: tuple[int, ...]
    projection: tuple[int, int]


def _conformer(width: int, inner: int, heads: int, blocks: int) -> dict[str, Any]:
    return {
        "output_size": width,
        "linear_units": inner,
        "attention_heads": heads,
        "num_blocks": blocks,
        "input_layer": "conv2d2",
        "perceiver_mult": 2,
    }


def _semantic(size: str) -> dict[str, Any]:
    """config.json of the semantic encoder: the kit's tiny one, or with the released dimensions."""
    (case,) = load_cases(size="tiny", component="w2v.hidden17")
    config: dict[str, Any] = dict(case.config or {})
    if size == "full":
        config |= {
            "hidden_size": 1024,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "intermediate_size": 4096,
        }
    return config


def _released(model: str) -> dict[str, Any]:
    """The configuration that the kit has for a model at full size."""
    config: dict[str, Any] = next(
        dict(case.config or {}) for case in load_cases(size="full") if case.model == model
    )
    return config


def dimensions(size: str, version: Version = "2.0") -> Dimensions:
    """Those of the released files ("full"; for 2.5 as far as they are known), or the smallest that every part runs at
    ("tiny")."""
    gpt, codec = MODELS[version]
    if size == "full":
        return Dimensions(
            gpt=_released(gpt),
            codec=_released(codec),
            s2mel=_released("s2mel20"),
            vocoder="full_bigvgan",
            semantic=_semantic(size),
            emotions=(3, 17, 2, 8, 4, 5, 10, 24),
            projection=(256, 128),
        )
    features = _semantic(size)["hidden_size"]
    return Dimensions(
        gpt={
            "model_dim": 128,
            "heads": 2,
            "layers": 2,
            "max_mel_tokens": 180 // DOWNSAMPLE[version],
            "max_text_tokens": 60,
            "number_text_tokens": TEXT_TOKENS[version],
            "number_mel_codes": 258,
            "start_mel_token": 256,
            "stop_mel_token": 257,
            "condition_module": _conformer(32, 64, 2, 1),
            "emo_condition_module": _conformer(48, 40, 3, 1),
        },
        codec={
            "codebook_size": 256,
            "hidden_size": features,
            "codebook_dim": 8,
            "vocos_dim": 32,
            "vocos_intermediate_dim": 64,
            "vocos_num_layers": 1,
            "downsample_scale": DOWNSAMPLE[version],
        },
        s2mel={
            "style_encoder": {"dim": STYLE},
            "length_regulator": {"channels": 48, "in_channels": features},
            "DiT": {"hidden_dim": 64, "num_heads": 1, "depth": 3, "in_channels": 80, "content_dim": 48},
            "wavenet": {"hidden_dim": 64, "num_layers": 2, "kernel_size": 5, "dilation_rate": 1},
        },
        vocoder="tiny_bigvgan",
        semantic=_semantic(size),
        emotions=(2, 1, 2, 1, 1, 2, 1, 2),
        projection=(32, 16),
    )


def write(folder: Path, size: str = "tiny", version: Version = "2.0") -> Path:
    """Writes a release into `folder`, file by file, and returns it."""
    release, layout = dimensions(size, version), LAYOUTS[version]
    features = release.semantic["hidden_size"]
    gpt_config = GptConfig.parse(release.gpt, version, features=features)
    flow_config = FlowConfig.parse(release.s2mel)
    for path in layout.required:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    raw = {"version": float(version), "gpt": dict(release.gpt), "semantic_codec": dict(release.codec)}
    raw |= {"s2mel": dict(release.s2mel), "emo_num": list(release.emotions)}
    (folder / "config.yaml").write_text(yaml.safe_dump(raw))
    vocoder = manifest_info(KIT, release.vocoder)
    (folder / "bigvgan" / "config.json").write_text(json.dumps(vocoder["config"]))
    (folder / "w2v-bert-2.0" / "config.json").write_text(json.dumps(release.semantic))
    shutil.copyfile(KIT / "text" / TOKENIZERS[version], folder / layout.tokenizer)

    with torch.device("meta"):
        conditioning, gpt = Conditioning(gpt_config), Gpt(gpt_config)
        regulator, flow = Regulator(flow_config), Flow(flow_config)
        codec, speaker = Codec(CodecConfig.parse(release.codec, version)), CampPlus(SpeakerConfig())
        semantic = SemanticEncoder(release.semantic)
    torch.save(filled(conditioning) | filled(gpt), folder / "gpt.pth")
    net = {"cfm": filled(flow), "length_regulator": filled(regulator)}
    if version == "2.0":
        net["gpt_layer"] = _projection(gpt_config.width, features, release.projection)
        save_file(filled(codec), folder / layout.weights["codec"].path)
    else:
        torch.save({"model": filled(codec)}, folder / layout.weights["codec"].path)
    torch.save({"net": net}, folder / "s2mel.pth")
    tensors = fill(vocoder["tensors"], "release|vocoder") | standard_buffers(vocoder["tensors"])
    torch.save({"generator": tensors}, folder / "bigvgan" / "bigvgan_generator.pt")
    torch.save(filled(speaker), folder / "campplus_cn_common.bin")
    save_file(filled(semantic), folder / "w2v-bert-2.0" / "model.safetensors")
    rows = sum(release.emotions)
    tables = {
        "mean": [features],
        "var": [features],
        "feat1": [rows, STYLE],
        "feat2": [rows, gpt_config.width],
    }
    made = fill(tables, "release|tables")
    variance = made["var"].abs() + 0.5
    torch.save({"mean": made["mean"], "var": variance}, folder / "wav2vec2bert_stats.pt")
    torch.save(made["feat1"], folder / "feat1.pt")
    torch.save(made["feat2"], folder / "feat2.pt")
    return folder


def filled(module: nn.Module) -> dict[str, Tensor]:
    """Filled tensors for all that a module loads."""
    shapes = {name: list(value.shape) for name, value in module.state_dict().items()}
    return fill(shapes, f"release|{type(module).__name__}")


def _projection(width: int, features: int, inner: tuple[int, int]) -> dict[str, Tensor]:
    widths = (width, *inner, features)
    shapes: dict[str, list[int]] = {}
    for i, (before, after) in enumerate(itertools.pairwise(widths)):
        shapes |= {f"{i}.weight": [after, before], f"{i}.bias": [after]}
    return fill(shapes, "release|projection")


def main(arguments: list[str] | None = None) -> int:
    """Writes a release; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--size", choices=("tiny", "full"), default="tiny")
    parser.add_argument("--version", choices=("2.0", "2.5"), default="2.0")
    options = parser.parse_args(arguments)
    print(write(options.folder, options.size, options.version))
    return 0


if __name__ == "__main__":
    sys.exit(main())
