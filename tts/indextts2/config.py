"""The dimensions of every part, as the checkpoint's own configuration states them. Reads no file, loads no weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tts.errors import BadWeights

Version = Literal["2.0", "2.5"]

DOWNSAMPLE: Mapping[Version, int] = {"2.0": 1, "2.5": 2}
"""Semantic features, of which there are 50 a second, to one code."""

SEMANTIC_WIDTH = 1024
"""Width of w2v-BERT 2.0's hidden states."""


@dataclass(frozen=True)
class ConformerConfig:
    """A conditioning stack: subsampling Conformer and the Perceiver behind it."""

    width: int
    feed_forward: int
    heads: int
    blocks: int
    perceiver_mult: int

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> ConformerConfig:
        """From `condition_module` or `emo_condition_module`. Raises BadWeights for another kind of subsampling."""
        if raw.get("input_layer", "conv2d2") != "conv2d2":
            raise BadWeights(
                f"The conditioning input layer {raw['input_layer']!r} is not known; only conv2d2 is."
            )
        return cls(
            width=_int(raw, "output_size"),
            feed_forward=_int(raw, "linear_units"),
            heads=_int(raw, "attention_heads"),
            blocks=_int(raw, "num_blocks"),
            perceiver_mult=int(raw.get("perceiver_mult", 2)),
        )


@dataclass(frozen=True)
class GptConfig:
    """The text-to-semantic model. `stop` is the last code of the vocabulary; codes below `start` can be spoken.

    `speaker` is None where a single CAM++ embedding conditions the model (2.5) in place of a Conformer (2.0).
    """

    width: int
    layers: int
    heads: int
    text_tokens: int
    max_text: int
    max_codes: int
    codes: int
    start: int
    stop: int
    start_text: int
    stop_text: int
    speaker: ConformerConfig | None
    emotion: ConformerConfig
    features: int = SEMANTIC_WIDTH

    @classmethod
    def parse(
        cls, raw: Mapping[str, Any], version: Version = "2.0", *, features: int = SEMANTIC_WIDTH
    ) -> GptConfig:
        """From the `gpt` section; `features` is the width of the semantic features, which it does not state."""
        return cls(
            width=_int(raw, "model_dim"),
            layers=_int(raw, "layers"),
            heads=_int(raw, "heads"),
            text_tokens=_int(raw, "number_text_tokens"),
            max_text=_int(raw, "max_text_tokens"),
            max_codes=_int(raw, "max_mel_tokens"),
            codes=_int(raw, "number_mel_codes"),
            start=_int(raw, "start_mel_token"),
            stop=_int(raw, "stop_mel_token"),
            start_text=int(raw.get("start_text_token", 0)),
            stop_text=int(raw.get("stop_text_token", 1)),
            speaker=ConformerConfig.parse(raw["condition_module"]) if version == "2.0" else None,
            emotion=ConformerConfig.parse(raw["emo_condition_module"]),
            features=features,
        )


@dataclass(frozen=True)
class CodecConfig:
    """The semantic codec: a Vocos backbone and one factorised vector quantiser.

    `downsample` is 1 at 50 Hz (2.0) and 2 at 25 Hz (2.5).
    """

    codebook: int
    hidden: int
    codebook_width: int
    width: int
    feed_forward: int
    layers: int
    downsample: int = 1

    @classmethod
    def parse(cls, raw: Mapping[str, Any], version: Version = "2.0") -> CodecConfig:
        """From the `semantic_codec` section; where it does not state `downsample_scale` it is the version's."""
        return cls(
            codebook=_int(raw, "codebook_size"),
            hidden=_int(raw, "hidden_size"),
            codebook_width=_int(raw, "codebook_dim"),
            width=_int(raw, "vocos_dim"),
            feed_forward=_int(raw, "vocos_intermediate_dim"),
            layers=_int(raw, "vocos_num_layers"),
            downsample=int(raw.get("downsample_scale") or DOWNSAMPLE[version]),
        )


@dataclass(frozen=True)
class FlowConfig:
    """s2mel: the length regulator and the flow-matching decoder (DiT with a WaveNet head)."""

    mels: int
    features: int
    content: int
    regulator_width: int
    style: int
    width: int
    heads: int
    depth: int
    wavenet_width: int
    wavenet_layers: int
    wavenet_kernel: int
    wavenet_dilation: int

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> FlowConfig:
        """From the `s2mel` section. Raises BadWeights where it asks for a variant that 2.0 and 2.5 do not use."""
        dit, wavenet, regulator = raw["DiT"], raw["wavenet"], raw["length_regulator"]
        for key, wanted in _DIT_VARIANT.items():
            if dit.get(key, wanted) != wanted:
                raise BadWeights(f"The flow decoder is set to {key}={dit[key]!r}; only {wanted!r} is known.")
        return cls(
            mels=_int(dit, "in_channels"),
            features=_int(regulator, "in_channels"),
            content=_int(dit, "content_dim"),
            regulator_width=_int(regulator, "channels"),
            style=_int(raw["style_encoder"], "dim"),
            width=_int(dit, "hidden_dim"),
            heads=_int(dit, "num_heads"),
            depth=_int(dit, "depth"),
            wavenet_width=_int(wavenet, "hidden_dim"),
            wavenet_layers=_int(wavenet, "num_layers"),
            wavenet_kernel=_int(wavenet, "kernel_size"),
            wavenet_dilation=int(wavenet.get("dilation_rate", 1)),
        )


_DIT_VARIANT: Mapping[str, object] = {
    "final_layer_type": "wavenet",
    "is_causal": False,
    "long_skip_connection": True,
    "uvit_skip_connection": True,
    "style_condition": True,
    "f0_condition": False,
    "time_as_token": False,
    "style_as_token": False,
    "add_resblock_in_transformer": False,
}


@dataclass(frozen=True)
class VocoderConfig:
    """BigVGAN v2."""

    mels: int
    channels: int
    upsample_rates: tuple[int, ...]
    upsample_kernels: tuple[int, ...]
    block_kernels: tuple[int, ...]
    block_dilations: tuple[tuple[int, ...], ...]
    final_bias: bool
    final_tanh: bool

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> VocoderConfig:
        """From the vocoder's config.json. Raises BadWeights for another activation than log-scale SnakeBeta."""
        if raw.get("activation") != "snakebeta" or not raw.get("snake_logscale", True):
            raise BadWeights("The vocoder's activation is not log-scale SnakeBeta; no other is known.")
        if str(raw.get("resblock", "1")) != "1":
            raise BadWeights("The vocoder's residual block is not of kind 1; no other is known.")
        return cls(
            mels=_int(raw, "num_mels"),
            channels=_int(raw, "upsample_initial_channel"),
            upsample_rates=tuple(raw["upsample_rates"]),
            upsample_kernels=tuple(raw["upsample_kernel_sizes"]),
            block_kernels=tuple(raw["resblock_kernel_sizes"]),
            block_dilations=tuple(tuple(dilations) for dilations in raw["resblock_dilation_sizes"]),
            final_bias=bool(raw.get("use_bias_at_final", True)),
            final_tanh=bool(raw.get("use_tanh_at_final", True)),
        )


@dataclass(frozen=True)
class SpeakerConfig:
    """CAM++."""

    bands: int = 80
    embedding: int = 192
    growth: int = 32
    bottleneck: int = 4
    channels: int = 128

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> SpeakerConfig:
        """From the arguments that the model was built with; what is not named is the released model's."""
        return cls(
            bands=int(raw.get("feat_dim", 80)),
            embedding=int(raw.get("embedding_size", 192)),
            growth=int(raw.get("growth_rate", 32)),
            bottleneck=int(raw.get("bn_size", 4)),
            channels=int(raw.get("init_channels", 128)),
        )


def _int(raw: Mapping[str, Any], key: str) -> int:
    value = raw.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        # a token id may be zero, but none that is read this way is
        raise BadWeights(
            f"The model's configuration has {key}={value!r} where a positive whole number belongs."
        )
    return value
