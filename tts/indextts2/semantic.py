"""w2v-BERT 2.0 up to the layer that IndexTTS-2 listens at: what is said and how, 50 vectors a second. Reads no sound.

Barrault et al.: "Seamless: Multilingual Expressive and Streaming Speech Translation", 2023. The layers
are those of transformers; the ones above `LAYERS` are neither built nor read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn

from tts.errors import BadWeights
from tts.indextts2.weights import load_strict

if TYPE_CHECKING:
    from transformers import Wav2Vec2BertConfig

LAYERS = 17
"""Conformer layers below the hidden state that the codec and the conditioning encoders were trained on."""

_SIZES = (
    "hidden_size",
    "num_attention_heads",
    "intermediate_size",
    "feature_projection_input_dim",
    "left_max_position_embeddings",
    "right_max_position_embeddings",
    "conv_depthwise_kernel_size",
)

_VARIANT: Mapping[str, object] = {
    "position_embeddings_type": "relative_key",
    "add_adapter": False,
    "use_intermediate_ffn_before_adapter": False,
}


class SemanticEncoder(nn.Module):
    """Feature projection, LAYERS conformer layers, and the normalisation that the released statistics ask for."""

    UNUSED: ClassVar[tuple[str, ...]] = (
        r"encoder\.layers\.(1[7-9]|[2-9]\d)\..*",  # LAYERS and above
        r"masked_spec_embed",  # training's masking
        r"adapter\..*",
    )

    mean: Tensor
    std: Tensor

    def __init__(self, config: Mapping[str, Any]) -> None:
        """config: the folder's config.json, parsed. Raises BadWeights for a variant that is not the released one."""
        super().__init__()
        from transformers import Wav2Vec2BertModel

        parsed = _parse(config)
        model = Wav2Vec2BertModel(parsed)
        self.feature_projection = model.feature_projection
        self.encoder = model.encoder
        self.register_buffer("mean", torch.zeros(parsed.hidden_size), persistent=False)
        self.register_buffer("std", torch.ones(parsed.hidden_size), persistent=False)

    @classmethod
    def load(
        cls, config: Mapping[str, Any], state: Mapping[str, Tensor], stats: Mapping[str, Tensor]
    ) -> SemanticEncoder:
        """From config.json, the tensors of model.safetensors, and `mean` and `var` [hidden] of wav2vec2bert_stats.pt.

        Raises BadWeights.
        """
        with torch.device("meta"):
            net = cls(config)
        load_strict(net, state, "The semantic encoder", unused=cls.UNUSED)
        net.mean, net.std = _statistics(stats, net.mean.shape)
        return net

    @torch.inference_mode()
    def features(self, features: Tensor, mask: Tensor) -> Tensor:
        """What the codec and the conditioning encoders take: the hidden state of `hidden`, normalised per channel.

        Shapes as in `hidden`; about zero mean and unit variance over speech.
        """
        return self.normalised(self.hidden(features, mask))

    @torch.inference_mode()
    def hidden(self, features: Tensor, mask: Tensor) -> Tensor:
        """Hidden state above layer LAYERS, [B, T, hidden].

        features: [B, T, 160] of `frontend.w2v_features`, in the weights' dtype; mask: bool [B, T], False where nothing
        may listen. Rows of different length are padded on the right with False; within its own length, a masked last
        position included, each comes out as it would alone.
        """
        hidden: Tensor = self.encoder(self.projected(features, mask), attention_mask=mask).last_hidden_state
        return hidden

    def projected(self, features: Tensor, mask: Tensor) -> Tensor:
        """Input of the first layer, [B, T, hidden]: zero where masked."""
        projected: Tensor = self.feature_projection(features)[0]
        return projected.masked_fill(~mask.bool()[..., None], 0.0)

    def normalised(self, hidden: Tensor) -> Tensor:
        """(h − mean) / sqrt(var) per channel, the shape of `hidden`."""
        return (hidden - self.mean) / self.std

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """As `features`."""
        return self.features(features, mask)


def _parse(raw: Mapping[str, Any]) -> Wav2Vec2BertConfig:
    from transformers import Wav2Vec2BertConfig

    for key, wanted in _VARIANT.items():
        if raw.get(key, wanted) != wanted:
            raise BadWeights(f"The semantic encoder is set to {key}={raw[key]!r}; only {wanted!r} is known.")
    layers = raw.get("num_hidden_layers", LAYERS)
    if not isinstance(layers, int) or layers < LAYERS:
        raise BadWeights(f"The semantic encoder has {layers!r} layers where at least {LAYERS} belong.")
    sizes = {key: raw[key] for key in _SIZES if key in raw}
    for key, value in sizes.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise BadWeights(
                f"The semantic encoder has {key}={value!r} where a positive whole number belongs."
            )
    return Wav2Vec2BertConfig(
        num_hidden_layers=LAYERS,
        hidden_act=raw.get("hidden_act", "swish"),
        layer_norm_eps=raw.get("layer_norm_eps", 1e-5),
        mask_time_prob=0.0,  # without training's masking there is no masked_spec_embed to load
        mask_feature_prob=0.0,
        **sizes,
    )


def _statistics(stats: Mapping[str, Tensor], shape: torch.Size) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation per channel, float32."""
    for name in ("mean", "var"):
        if name not in stats:
            raise BadWeights(f"The statistics of the semantic encoder lack {name}.")
        if stats[name].shape != shape:
            raise BadWeights(
                f"The statistics of the semantic encoder have {name} {list(stats[name].shape)} "
                f"where {list(shape)} belongs."
            )
    mean, var = stats["mean"].float(), stats["var"].float()
    if not (torch.isfinite(mean).all() and torch.isfinite(var).all() and (var > 0).all()):
        raise BadWeights("The statistics of the semantic encoder are not a mean and a positive variance.")
    return mean, var.sqrt()
