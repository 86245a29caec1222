"""The semantic codec: w2v-BERT features to codes and codes to features. No audio, no language model here.

RepCodec (Huang et al. 2023) as MaskGCT trains it; backbone of Vocos (Siuzdak 2023), ConvNeXt blocks of Liu et al.
2022; factorised, cosine quantiser of Yu et al. 2021 (improved VQGAN).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tts.indextts2.config import CodecConfig
from tts.indextts2.weights import fold_weight_norm, load_strict

KERNEL = 7
RESAMPLING_KERNEL = 3
NORM_EPS = 1e-6


class ConvNextBlock(nn.Module):
    """Depthwise over time, then an inverted bottleneck, scaled per channel and added."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2, groups=width)
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.pwconv1 = nn.Linear(width, inner)
        self.pwconv2 = nn.Linear(inner, width)
        self.gamma = nn.Parameter(torch.empty(width))

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, C] → [B, T, C]."""
        y: Tensor = self.norm(_over_time(self.dwconv, x))
        y = self.pwconv2(F.gelu(self.pwconv1(y)))
        out: Tensor = x + self.gamma * y
        return out


class Backbone(nn.Module):
    """Vocos without its head."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.embed = nn.Conv1d(config.hidden, config.width, KERNEL, padding=KERNEL // 2)
        self.norm = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.convnext = nn.ModuleList(
            ConvNextBlock(config.width, config.feed_forward) for _ in range(config.layers)
        )
        self.final_layer_norm = nn.LayerNorm(config.width, eps=NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, hidden] → [B, T, width]."""
        x = self.norm(_over_time(self.embed, x))
        for block in self.convnext:
            x = block(x)
        out: Tensor = self.final_layer_norm(x)
        return out


class FactorisedQuantizer(nn.Module):
    """Nearest neighbour in a space of a few dimensions, by angle alone."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.in_project = nn.Conv1d(config.hidden, config.codebook_width, 1)
        self.out_project = nn.Conv1d(config.codebook_width, config.hidden, 1)
        self.codebook = nn.Embedding(config.codebook, config.codebook_width)

    def project(self, x: Tensor) -> Tensor:
        """[B, T, hidden] → [B, T, codebook_width]."""
        return _over_time(self.in_project, x)

    def nearest(self, z: Tensor) -> Tensor:
        """[B, T, codebook_width] → codes [B, T]: the highest cosine, in float32 whatever the weights' type."""
        rows = F.normalize(self.codebook.weight.float(), dim=-1)
        return (F.normalize(z.float(), dim=-1) @ rows.T).argmax(dim=-1)

    def table(self) -> Tensor:
        """Every code's embedding: [codebook, hidden]. The rows projected out are the raw ones, not the unit ones."""
        return F.linear(self.codebook.weight, self.out_project.weight.squeeze(-1), self.out_project.bias)


class ResidualQuantizer(nn.Module):
    """A stack of quantisers in which the released codecs have one."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.quantizers = nn.ModuleList((FactorisedQuantizer(config),))

    @property
    def only(self) -> FactorisedQuantizer:
        """The one there is."""
        quantizer = self.quantizers[0]
        assert isinstance(quantizer, FactorisedQuantizer)
        return quantizer


class Codec(nn.Module):
    """Features at 50 Hz ↔ codes at 50 Hz (2.0) or 25 Hz (2.5). Only the latter has a use for its decoder.

    The convolutions know no padding: references of different length go through one at a time.
    """

    UNUSED: ClassVar[tuple[str, ...]] = (r"decoder\..*",)
    """Not needed at 50 Hz."""

    UNKNOWN: ClassVar[tuple[str, ...]] = (r".*",)
    """At 25 Hz: whatever else the file holds is passed over, as by the official loader (specification, section 2). Of
    the released files it is the one whose keys could not be seen."""

    table: Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.downsample = config.downsample
        self.encoder = _half(config)
        self.quantizer = ResidualQuantizer(config)
        if self.downsample > 1:
            self.down = nn.Conv1d(
                config.hidden,
                config.hidden,
                RESAMPLING_KERNEL,
                stride=self.downsample,
                padding=RESAMPLING_KERNEL // 2,
            )
            self.decoder = _half(config)
            self.up = nn.Conv1d(
                config.hidden, config.hidden, RESAMPLING_KERNEL, padding=RESAMPLING_KERNEL // 2
            )

    @classmethod
    def load(cls, config: CodecConfig, state: Mapping[str, Tensor]) -> Codec:
        """From the release's tensors, weight-normed as they come. Raises BadWeights."""
        with torch.device("meta"):
            codec = cls(config)
        unused = cls.UNUSED if config.downsample == 1 else cls.UNKNOWN
        load_strict(codec, fold_weight_norm(state), "The semantic codec", unused=unused)
        codec.register_buffer("table", codec.quantizer.only.table(), persistent=False)
        return codec

    @torch.inference_mode()
    def encode(self, feat: Tensor) -> Tensor:
        """feat [B, T, 1024] → what is quantised [B, T', 1024]; T' = ⌈T / downsample⌉."""
        x = feat.to(self.table)
        if self.downsample > 1:
            x = F.gelu(_over_time(self.down, x))
        encoded: Tensor = self.encoder(x)
        return encoded

    @torch.inference_mode()
    def project(self, encoded: Tensor) -> Tensor:
        """encoded [B, T', 1024] → [B, T', codebook_width], where the nearest code is looked for."""
        return self.quantizer.only.project(encoded)

    @torch.inference_mode()
    def quantize(self, feat: Tensor) -> tuple[Tensor, Tensor]:
        """feat [B, T, 1024] → codes [B, T'] and their embeddings [B, T', 1024]; T' = ⌈T / downsample⌉."""
        codes = self.quantizer.only.nearest(self.project(self.encode(feat)))
        return codes, F.embedding(codes, self.table)

    @torch.inference_mode()
    def embed(self, codes: Tensor) -> Tensor:
        """codes [B, N] → [B, N, 1024]. Raises ValueError for a code that the codebook does not have."""
        size = self.table.shape[0]
        if codes.numel():
            least, most = codes.aminmax()
            if least < 0 or most >= size:
                raise ValueError(
                    f"Codes from {int(least)} to {int(most)} are not all in the codebook, which has 0 to {size - 1}."
                )
        return F.embedding(codes, self.table)

    @torch.inference_mode()
    def decode(self, codes: Tensor) -> Tensor:
        """codes [B, N] → features [B, downsample · N, 1024], at 50 Hz again.

        Raises ValueError as `embed` does, and TypeError for the 50 Hz codec, whose decoder is not loaded.
        """
        if self.downsample == 1:
            raise TypeError("The 50 Hz codec does not decode: its codes are embedded instead.")
        x = self.decoder(self.embed(codes))
        x = x.repeat_interleave(self.downsample, dim=1)
        return _over_time(self.up, x)


def _half(config: CodecConfig) -> nn.Sequential:
    return nn.Sequential(Backbone(config), nn.Linear(config.width, config.hidden))


def _over_time(conv: nn.Module, x: Tensor) -> Tensor:
    """A convolution over the middle axis of [B, T, C]."""
    out: Tensor = conv(x.transpose(1, 2))
    return out.transpose(1, 2)
