"""A whole release of tiny dimensions, written as the official files are: names, nesting, formats. Its weights are
filled, so what it says is noise, but every real part loads and runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor, nn

from bench.goldens.harness import KIT, fill, manifest_info, standard_buffers
from tts.indextts2.campplus import CampPlus
from tts.indextts2.codec import Codec
from tts.indextts2.conditioning import Conditioning
from tts.indextts2.config import CodecConfig, FlowConfig, GptConfig, SpeakerConfig
from tts.indextts2.flow import Flow
from tts.indextts2.gpt import Gpt
from tts.indextts2.regulator import Regulator
from tts.indextts2.semantic import SemanticEncoder

SALT = "tiny release"
FEATURES = 64
EMOTIONS = [2, 1, 2, 1, 1, 2, 1, 2]

GPT: dict[str, Any] = {
    "model_dim": 128,
    "heads": 2,
    "layers": 2,
    "max_mel_tokens": 180,
    "max_text_tokens": 60,
    "number_text_tokens": 600,
    "number_mel_codes": 258,
    "start_mel_token": 256,
    "stop_mel_token": 257,
    "start_text_token": 0,
    "stop_text_token": 1,
    "condition_module": {
        "output_size": 32,
        "linear_units": 64,
        "attention_heads": 2,
        "num_blocks": 1,
        "input_layer": "conv2d2",
        "perceiver_mult": 2,
    },
    "emo_condition_module": {
        "output_size": 48,
        "linear_units": 40,
        "attention_heads": 3,
        "num_blocks": 1,
        "input_layer": "conv2d2",
        "perceiver_mult": 2,
    },
}
CODEC = {
    "codebook_size": 256,
    "hidden_size": FEATURES,
    "codebook_dim": 8,
    "vocos_dim": 32,
    "vocos_intermediate_dim": 64,
    "vocos_num_layers": 1,
}
S2MEL: dict[str, Any] = {
    "style_encoder": {"dim": 192},
    "length_regulator": {"channels": 48, "in_channels": FEATURES},
    "DiT": {
        "hidden_dim": 64,
        "num_heads": 1,
        "depth": 3,
        "in_channels": 80,
        "content_dim": 48,
        "style_condition": True,
        "final_layer_type": "wavenet",
        "is_causal": False,
        "long_skip_connection": True,
        "uvit_skip_connection": True,
    },
    "wavenet": {"hidden_dim": 64, "num_layers": 2, "kernel_size": 5, "dilation_rate": 1},
}


def shapes(module: nn.Module) -> dict[str, list[int]]:
    """{name: shape} of what a module loads."""
    return {name: list(value.shape) for name, value in module.state_dict().items()}


def w2v_config() -> dict[str, Any]:
    """config.json of the semantic encoder, from the kit's tiny case."""
    for case in json.loads((KIT / "cases_tiny.json").read_text()):
        if case["component"] == "w2v.hidden17":
            config: dict[str, Any] = case["config"]
            return config
    raise AssertionError("the kit has a w2v case")


def parts() -> dict[str, dict[str, Tensor]]:
    """The filled tensors of every official file, by official name."""
    gpt_config = GptConfig.parse(GPT, features=FEATURES)
    flow_config = FlowConfig.parse(S2MEL)
    with torch.device("meta"):
        modules: dict[str, nn.Module] = {
            "conditioning": Conditioning(gpt_config),
            "gpt": Gpt(gpt_config),
            "codec": Codec(CodecConfig.parse(CODEC)),
            "regulator": Regulator(flow_config),
            "flow": Flow(flow_config),
            "speaker": CampPlus(SpeakerConfig()),
            "semantic": SemanticEncoder(w2v_config()),
        }
    filled = {name: fill(shapes(module), f"{SALT}|{name}") for name, module in modules.items()}
    width = GPT["model_dim"]
    projection = {"0.weight": [32, width], "0.bias": [32], "1.weight": [16, 32], "1.bias": [16]}
    projection |= {"2.weight": [FEATURES, 16], "2.bias": [FEATURES]}
    filled["projection"] = fill(projection, f"{SALT}|projection")
    vocoder = manifest_info(KIT, "tiny_bigvgan")["tensors"]
    filled["vocoder"] = fill(vocoder, f"{SALT}|vocoder") | standard_buffers(vocoder)
    rows = {
        "mean": [FEATURES],
        "var": [FEATURES],
        "feat1": [sum(EMOTIONS), 192],
        "feat2": [sum(EMOTIONS), width],
    }
    filled["tables"] = fill(rows, f"{SALT}|tables")
    filled["tables"]["var"] = filled["tables"]["var"].abs() + 0.5
    return filled


def write(folder: Path) -> Path:
    """Writes the release into `folder` and returns it."""
    filled = parts()
    for name in ("semantic_codec", "bigvgan", "w2v-bert-2.0"):
        (folder / name).mkdir(parents=True)
    raw = {"version": 2.0, "gpt": GPT, "semantic_codec": CODEC, "s2mel": S2MEL, "emo_num": EMOTIONS}
    (folder / "config.yaml").write_text(yaml.safe_dump(raw))
    vocoder_config = manifest_info(KIT, "tiny_bigvgan")["config"]
    (folder / "bigvgan" / "config.json").write_text(json.dumps(vocoder_config))
    (folder / "w2v-bert-2.0" / "config.json").write_text(json.dumps(w2v_config()))
    shutil.copyfile(KIT / "text" / "bpe_test.model", folder / "bpe.model")
    torch.save(filled["conditioning"] | filled["gpt"], folder / "gpt.pth")
    net: Mapping[str, object] = {
        "cfm": filled["flow"],
        "length_regulator": filled["regulator"],
        "gpt_layer": filled["projection"],
    }
    torch.save({"net": net}, folder / "s2mel.pth")
    save_file(filled["codec"], folder / "semantic_codec" / "model.safetensors")
    torch.save({"generator": filled["vocoder"]}, folder / "bigvgan" / "bigvgan_generator.pt")
    torch.save(filled["speaker"], folder / "campplus_cn_common.bin")
    save_file(filled["semantic"], folder / "w2v-bert-2.0" / "model.safetensors")
    tables = filled["tables"]
    torch.save({"mean": tables["mean"], "var": tables["var"]}, folder / "wav2vec2bert_stats.pt")
    torch.save(tables["feat1"], folder / "feat1.pt")
    torch.save(tables["feat2"], folder / "feat2.pt")
    return folder
