"""The vocoder: BigVGAN v2 from mel to waveform. Makes no mel, writes no file, knows no sample rate.

Lee et al. 2023, "BigVGAN: A Universal Neural Vocoder with Large-Scale Training". All activations are time-major,
[B, T, C]: convolutions run as one matrix product per tap, and the resamplers of the activation as banded ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

from tts.errors import SpeakingFailed
from tts.indextts2.antialias import Activation, snake_by_taps
from tts.indextts2.config import VocoderConfig
from tts.indextts2.weights import fold_weight_norm, load_strict

BATCH_FRAMES = 2048
"""Mel frames that share one batch: 24 s at 86 frames a second. In float32 a frame takes 0.34 MB of working memory."""


class Conv(nn.Module):
    """A "same" convolution, [B, T, in] → [B, T, out], zeros beyond both ends."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, dilation: int = 1, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None
        self.dilation, self.padding = dilation, (kernel - 1) // 2 * dilation

    def forward(self, x: Tensor) -> Tensor:
        # padded by hand: with the library's own padding a kernel of 7 or 11 ran at three quarters of its speed (CPU)
        image = _image(pad(x, (0, 0, self.padding, self.padding)))
        return _sequence(conv2d(image, self.weight.unsqueeze(2), self.bias, dilation=(1, self.dilation)))


class Upsample(nn.Module):
    """A transposed convolution, [B, T, in] → [B, T · rate, out]."""

    def __init__(self, inputs: int, outputs: int, kernel: int, rate: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs, kernel))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.rate, self.crop = rate, (kernel - rate) // 2

    def forward(self, x: Tensor) -> Tensor:
        weight, stride, crop = self.weight.unsqueeze(2), (1, self.rate), (0, self.crop)
        return _sequence(conv_transpose2d(_image(x), weight, self.bias, stride=stride, padding=crop))


def _image(x: Tensor) -> Tensor:
    """[B, T, C] → [B, C, 1, T] without moving a value: a channels-last image one pixel high."""
    return x.contiguous().transpose(1, 2).unsqueeze(2)


def _sequence(y: Tensor) -> Tensor:
    """[B, C, 1, T] → [B, T, C]."""
    return y.squeeze(2).transpose(1, 2)


class AmpBlock(nn.Module):
    """Anti-aliased multi-periodicity block: x += conv2(act(conv1(act(x)))), once per dilation (section 3.2)."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(Conv(channels, channels, kernel, dilation=d) for d in dilations)
        self.convs2 = nn.ModuleList(Conv(channels, channels, kernel) for _ in dilations)
        self.activations = nn.ModuleList(Activation(channels) for _ in range(2 * len(dilations)))

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, C] → [B, T, C], a new tensor."""
        steps = zip(self.activations[::2], self.convs1, self.activations[1::2], self.convs2, strict=True)
        for before, dilated, between, plain in steps:
            x = plain(between(dilated(before(x)))).add_(x)
        return x


class BigVgan(nn.Module):
    """Mel [B, mels, M] → waveform [B, M · product of the rates] in ±1."""

    UNUSED: ClassVar[tuple[str, ...]] = (r".*\.filter",)

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.channels
        self.conv_pre = Conv(config.mels, channels, 7)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        for rate, kernel in zip(config.upsample_rates, config.upsample_kernels, strict=True):
            self.ups.append(nn.Sequential(Upsample(channels, channels // 2, kernel, rate)))
            channels //= 2
            self.resblocks.extend(
                AmpBlock(channels, size, dilations)
                for size, dilations in zip(config.block_kernels, config.block_dilations, strict=True)
            )
        self.activation_post = Activation(channels)
        self.conv_post = Conv(channels, 1, 7, bias=config.final_bias)

    @classmethod
    def load(cls, config: VocoderConfig, state: Mapping[str, Tensor]) -> BigVgan:
        """From the official tensors in weight-norm form. Raises BadWeights, naming the keys."""
        with torch.device("meta"):
            model = cls(config)
        load_strict(model, fold_weight_norm(state), "The vocoder", unused=cls.UNUSED)
        model._prepare()
        return model

    def _prepare(self) -> None:
        for module in self.modules():
            if isinstance(module, Activation):
                module.act.prepare()
            elif isinstance(module, Conv | Upsample):
                # channels last in memory, as the images are; shape and name stay official
                module.weight.data = module.weight.data.transpose(1, 2).contiguous().transpose(1, 2)

    @torch.inference_mode()
    def fuse(self) -> bool:
        """Has a compiler fuse the activations, for a GPU: same result, less memory traffic. Whether it could.

        What it needs besides torch (a C compiler, Python's headers) is not on every machine; where it fails, however
        it fails, the kernel that is there already stays, which is only slower.
        """
        kernel = torch.compile(snake_by_taps, dynamic=True)
        tried = torch.zeros(2, 64, self.config.channels, device=self.conv_pre.weight.device)
        unit = torch.ones(self.config.channels, device=tried.device)
        try:
            kernel(tried, unit, unit)
        except Exception:  # noqa: BLE001 - torch, Triton and the compiler each raise their own
            return False
        for module in self.modules():
            if isinstance(module, Activation):
                module.kernel = kernel
        return True

    @torch.inference_mode()
    def forward(self, mel: Tensor) -> Tensor:
        """Log-mel [B, mels, M] → waveform [B, M · rate], float32 in ±1.

        All rows are speech to their very end: padding would be heard (see `waves`). Raises SpeakingFailed for
        another shape.
        """
        if mel.dim() != 3 or mel.shape[1] != self.config.mels or 0 in mel.shape:
            raise SpeakingFailed(
                f"The vocoder takes [B, {self.config.mels}, M] and was given {list(mel.shape)}."
            )
        x: Tensor = self.conv_pre(mel.to(self.conv_pre.weight).transpose(1, 2))  # [B, M, channels]
        blocks = iter(self.resblocks)
        for up in self.ups:
            x = up(x)  # [B, T · rate, C / 2]
            total = next(blocks)(x)
            for _ in self.config.block_kernels[1:]:
                total += next(blocks)(x)
            x = total.div_(len(self.config.block_kernels))
        wave: Tensor = self.conv_post(self.activation_post(x)).squeeze(2).float()
        return wave.tanh_() if self.config.final_tanh else wave.clamp_(-1, 1)

    def waves(self, mels: Sequence[Tensor]) -> list[Tensor]:
        """Log-mels [mels, M_i] → waveforms [M_i · rate], in order.

        Equal lengths share a batch of at most BATCH_FRAMES. Different lengths never do: every convolution sees zeros,
        and every activation a repeated sample, beyond the end of what it is given, so that frames added there would
        change the last of the true ones at each layer.
        """
        alike: defaultdict[int, list[int]] = defaultdict(list)
        for index, mel in enumerate(mels):
            alike[mel.shape[-1]].append(index)
        waves: dict[int, Tensor] = {}
        for length, indices in alike.items():
            rows = max(1, BATCH_FRAMES // max(1, length))
            for start in range(0, len(indices), rows):
                batch = indices[start : start + rows]
                waves.update(zip(batch, self(torch.stack([mels[i] for i in batch])), strict=True))
        return [waves[index] for index in range(len(mels))]
