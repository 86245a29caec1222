"""CAM++, the speaker encoder: a filter bank of any length in, one vector of who speaks out. Makes no filter bank.

Wang, Zheng, Chen, Cheng, Chen: "CAM++: A Fast and Efficient Network for Speaker Verification Using Context-Aware
Masking", Interspeech 2023. A small residual 2-D network in front, then a densely connected time-delay network whose
every layer masks its own output by what it heard around it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor, nn

from tts.errors import BadReference
from tts.indextts2.config import SpeakerConfig
from tts.indextts2.weights import load_strict

FEWEST_FRAMES = 3
"""Frames of the filter bank: two after the stride of the first time-delay layer, without which nothing deviates."""

SEGMENT = 100
"""Frames (2 s after the stride) whose mean is the near context of a mask."""

_HEAD = 32  # channels of the 2-D front, which divides the bands by 8
_LAYERS = (12, 24, 16)  # dense layers per block
_DILATIONS = (1, 2, 2)


class CampPlus(nn.Module):
    """The whole network. Parameter names are the released checkpoint's."""

    UNUSED: ClassVar[tuple[str, ...]] = (r".*\.num_batches_tracked",)

    def __init__(self, config: SpeakerConfig) -> None:
        super().__init__()
        self.head = _Head()
        self.xvector = _DenseTimeDelay(config)

    @classmethod
    def load(cls, config: SpeakerConfig, state: Mapping[str, Tensor]) -> CampPlus:
        """From the tensors of `campplus_cn_common.bin`. Raises BadWeights."""
        with torch.device("meta"):
            net = cls(config)
        load_strict(net, state, "The speaker encoder", unused=cls.UNUSED)
        return net

    def forward(self, fbank: Tensor) -> Tensor:
        """As `embed`."""
        image = fbank.transpose(1, 2)[:, None]  # [B, 1, bands, T]: the bands are the height of an image
        embedding: Tensor = self.xvector(self.head(image))
        return embedding

    @torch.inference_mode()
    def embed(self, fbank: Tensor) -> Tensor:
        """The voice of a recording, [B, 192], unbounded and not normalised.

        fbank: [B, T, 80], centred over time, every row of the batch of the same true length (there is no mask), in the
        weights' dtype. Raises BadReference for fewer than FEWEST_FRAMES.
        """
        if fbank.shape[1] < FEWEST_FRAMES:
            raise BadReference("The recording is too short for a voice to be read from it.")
        return self.forward(fbank)


class _BatchNorm(nn.Module):
    """Batch normalisation over dimension 1 with the statistics of training. Ioffe and Szegedy 2015, algorithm 2."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, affine: bool = True) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=1e-5)


class _Nonlinear(nn.Module):
    """Batch normalisation and ReLU, [B, C, T] → [B, C, T]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.batchnorm = _BatchNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.batchnorm(x))


class _Residual(nn.Module):
    """Basic residual block of He et al. 2016; `stride` divides the height, never the time."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, stride=(stride, 1), padding=1, bias=False)
        self.bn1 = _BatchNorm(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = _BatchNorm(channels)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut.append(nn.Conv2d(channels, channels, 1, stride=(stride, 1), bias=False))
            self.shortcut.append(_BatchNorm(channels))

    def forward(self, x: Tensor) -> Tensor:
        inner = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(inner + self.shortcut(x))


class _Head(nn.Module):
    """Front-end convolution module: [B, 1, bands, T] → [B, 32 · bands/8, T]."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, _HEAD, 3, padding=1, bias=False)
        self.bn1 = _BatchNorm(_HEAD)
        self.layer1 = nn.Sequential(_Residual(_HEAD, 2), _Residual(_HEAD, 1))
        self.layer2 = nn.Sequential(_Residual(_HEAD, 2), _Residual(_HEAD, 1))
        self.conv2 = nn.Conv2d(_HEAD, _HEAD, 3, stride=(2, 1), padding=1, bias=False)
        self.bn2 = _BatchNorm(_HEAD)

    def forward(self, image: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(image)))  # [B, 32, bands, T]
        x = self.layer2(self.layer1(x))  # [B, 32, bands/4, T]
        x = F.relu(self.bn2(self.conv2(x)))  # [B, 32, bands/8, T]
        return x.flatten(1, 2)  # channel-major


class _ContextAwareMask(nn.Module):
    """A time-delay layer masked by its context, [B, C, T] → [B, growth, T]."""

    def __init__(self, channels: int, growth: int, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(channels, growth, 3, padding=dilation, dilation=dilation, bias=False)
        self.linear1 = nn.Conv1d(channels, channels // 2, 1)
        self.linear2 = nn.Conv1d(channels // 2, growth, 1)

    def forward(self, x: Tensor) -> Tensor:
        # The context is constant within a segment, and so is the mask: [B, C, segments] is all there is to compute.
        # With ceil_mode the last segment is averaged over the frames that it has.
        near = F.avg_pool1d(x, SEGMENT, SEGMENT, ceil_mode=True)
        context = x.mean(-1, keepdim=True) + near
        mask = torch.sigmoid(self.linear2(F.relu(self.linear1(context))))
        local: Tensor = self.linear_local(x)
        return local * mask.repeat_interleave(SEGMENT, -1)[..., : x.shape[-1]]


class _DenseLayer(nn.Module):
    """Bottleneck and masked time-delay layer, [B, C, T] → [B, growth, T]."""

    def __init__(self, channels: int, config: SpeakerConfig, dilation: int) -> None:
        super().__init__()
        width = config.bottleneck * config.growth
        self.nonlinear1 = _Nonlinear(channels)
        self.linear1 = nn.Conv1d(channels, width, 1, bias=False)
        self.nonlinear2 = _Nonlinear(width)
        self.cam_layer = _ContextAwareMask(width, config.growth, dilation)

    def forward(self, x: Tensor) -> Tensor:
        masked: Tensor = self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(x))))
        return masked


class _DenseBlock(nn.Module):
    """Every layer hears all that came before it: [B, C, T] → [B, C + layers · growth, T]."""

    def __init__(self, channels: int, config: SpeakerConfig, layers: int, dilation: int) -> None:
        super().__init__()
        for index in range(layers):
            layer = _DenseLayer(channels + index * config.growth, config, dilation)
            self.add_module(f"tdnnd{index + 1}", layer)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = torch.cat((x, layer(x)), 1)
        return x


class _TimeDelay(nn.Module):
    """The first layer in time, which halves the frame rate: [B, C, T] → [B, channels, ceil(T/2)]."""

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(inputs, channels, 5, stride=2, padding=2, bias=False)
        self.nonlinear = _Nonlinear(channels)

    def forward(self, x: Tensor) -> Tensor:
        heard: Tensor = self.nonlinear(self.linear(x))
        return heard


class _Transition(nn.Module):
    """Halves the channels between two dense blocks: [B, C, T] → [B, C/2, T]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.nonlinear = _Nonlinear(channels)
        self.linear = nn.Conv1d(channels, channels // 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        halved: Tensor = self.linear(self.nonlinear(x))
        return halved


class _Embedding(nn.Module):
    """The last layer: [B, C] → [B, embedding], normalised without a gain of its own."""

    def __init__(self, channels: int, embedding: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(channels, embedding, 1, bias=False)
        self.nonlinear = nn.Sequential(OrderedDict(batchnorm=_BatchNorm(embedding, affine=False)))

    def forward(self, x: Tensor) -> Tensor:
        embedding: Tensor = self.nonlinear(self.linear(x[..., None])[..., 0])
        return embedding


class _DenseTimeDelay(nn.Module):
    """D-TDNN backbone, pooling and embedding: [B, 32 · bands/8, T] → [B, embedding]."""

    def __init__(self, config: SpeakerConfig) -> None:
        super().__init__()
        channels = config.channels
        self.tdnn = _TimeDelay(_HEAD * (config.bands // 8), channels)
        for index, (layers, dilation) in enumerate(zip(_LAYERS, _DILATIONS, strict=True), start=1):
            self.add_module(f"block{index}", _DenseBlock(channels, config, layers, dilation))
            channels += layers * config.growth
            self.add_module(f"transit{index}", _Transition(channels))
            channels //= 2
        self.out_nonlinear = _Nonlinear(channels)
        self.dense = _Embedding(2 * channels, config.embedding)

    def forward(self, x: Tensor) -> Tensor:
        *layers, dense = self.children()
        for layer in layers:
            x = layer(x)
        # Statistics pooling, Okabe et al. 2018 without the attention; the deviation is the unbiased one.
        pooled = torch.cat((x.mean(-1), x.std(-1)), -1)
        embedding: Tensor = dense(pooled)
        return embedding
