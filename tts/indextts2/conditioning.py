"""What the text-to-semantic model is told of a reference: who speaks, in what mood. No text, no decoding here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from tts.indextts2.config import ConformerConfig, GptConfig
from tts.indextts2.conformer import Conformer
from tts.indextts2.perceiver import Perceiver
from tts.indextts2.weights import load_strict

STYLE = 192
"""Width of the CAM++ embedding."""
SPEAKER_LATENTS = 32
EMOTION_STATE = 1024
"""Width of the one latent that the emotion stack resamples a reference to."""

PREFIXES: tuple[str, ...] = (
    "conditioning_encoder.",
    "perceiver_encoder.",
    "emo_conditioning_encoder.",
    "emo_perceiver_encoder.",
    "emovec_layer.",
    "emo_layer.",
    "spk_emb_proj.",
)
"""The keys of gpt.pth that belong here begin with one of these."""


class Conditioning(nn.Module):
    """A reference's features and CAM++ style → speaker rows and emotion vector of the text-to-semantic model.

    The two releases differ in the speaker rows alone: 32 latents resampled from the features (2.0), or one row
    projected from the style (2.5). `speaker_rows` takes both, so a caller need not know which release it holds.
    """

    UNUSED: ClassVar[tuple[str, ...]] = (r".*\.pos_enc\.pe",)

    conditioning_encoder: Conformer
    perceiver_encoder: Perceiver
    spk_emb_proj: nn.Linear

    def __init__(self, config: GptConfig) -> None:
        super().__init__()
        self.by_style = config.speaker is None
        if config.speaker is None:
            self.spk_emb_proj = nn.Linear(STYLE, config.width)
        else:
            self.conditioning_encoder = Conformer(config.speaker, config.features)
            self.perceiver_encoder = _resampler(config.speaker, config.width, SPEAKER_LATENTS)
        self.emo_conditioning_encoder = Conformer(config.emotion, config.features)
        self.emo_perceiver_encoder = _resampler(config.emotion, EMOTION_STATE, 1)
        self.emovec_layer = nn.Linear(EMOTION_STATE, config.width)
        self.emo_layer = nn.Linear(config.width, config.width)

    @classmethod
    def load(cls, config: GptConfig, state: Mapping[str, Tensor]) -> Conditioning:
        """From those entries of gpt.pth that begin with one of `PREFIXES`. Raises BadWeights."""
        with torch.device("meta"):
            conditioning = cls(config)
        load_strict(conditioning, state, "The conditioning", unused=cls.UNUSED)
        return conditioning

    @torch.inference_mode()
    def speaker_rows(self, feat: Tensor, style: Tensor, lengths: Sequence[int] | None = None) -> Tensor:
        """Who speaks, as S rows of the prompt: feat [B, T, 1024], style [B, 192] → [B, S, D]; S is 32 or 1.

        `lengths` as in `emotion_state`. Raises what `emotion_state` raises.
        """
        if self.by_style:
            row: Tensor = self.spk_emb_proj(style.to(self.spk_emb_proj.weight))
            return row.unsqueeze(1)
        return self._heard(self.conditioning_encoder, self.perceiver_encoder, feat, lengths)

    @torch.inference_mode()
    def emotion_state(self, feat: Tensor, lengths: Sequence[int] | None = None) -> Tensor:
        """The mood of each reference before it is put into the model's terms: feat [B, T, 1024] → [B, 1024].

        `lengths` are the references' true frame counts where shorter ones are padded to T; each row equals that of
        the reference alone. Raises BadReference for fewer frames than the subsampling needs, ValueError for lengths
        that do not fit `feat`.
        """
        state = self._heard(self.emo_conditioning_encoder, self.emo_perceiver_encoder, feat, lengths)
        return state.squeeze(1)

    @torch.inference_mode()
    def emotion_vector(self, feat: Tensor, lengths: Sequence[int] | None = None) -> Tensor:
        """The mood as the model takes it: feat [B, T, 1024] → [B, D]; all else as in `emotion_state`."""
        vector: Tensor = self.emo_layer(self.emovec_layer(self.emotion_state(feat, lengths)))
        return vector

    @staticmethod
    def merge(speaker_vec: Tensor, emotion_vec: Tensor, alpha: float) -> Tensor:
        """From the speaker's own mood (alpha 0) to the emotion reference's (alpha 1), linearly. All [B, D]."""
        return speaker_vec + alpha * (emotion_vec - speaker_vec)

    @staticmethod
    def _heard(
        encoder: Conformer, resampler: Perceiver, feat: Tensor, lengths: Sequence[int] | None
    ) -> Tensor:
        feat = feat.to(encoder.after_norm.weight)
        if lengths is None:
            references = [feat]
        elif len(lengths) != feat.shape[0] or not all(0 < length <= feat.shape[1] for length in lengths):
            raise ValueError(f"Lengths {list(lengths)} do not fit features of shape {list(feat.shape)}.")
        else:
            # One at a time: masked padding would leak into a reference's last frames, through the bias ahead of the
            # Conformer's depthwise convolution, and move the latents by half a percent.
            references = [feat[i : i + 1, :length] for i, length in enumerate(lengths)]
        return torch.cat([resampler(encoder(reference)) for reference in references])


def _resampler(config: ConformerConfig, width: int, count: int) -> Perceiver:
    return Perceiver(config.width, width, count, config.heads, config.perceiver_mult)
