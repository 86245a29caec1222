"""What a machine does at most, and what each stage of the IndexTTS2 voice must do at least: FLOP, or bytes moved. The
stages themselves are timed in `bench.tts`.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tts.indextts2.codec import Codec
from tts.indextts2.config import VocoderConfig
from tts.indextts2.flow import Flow, FlowJob
from tts.indextts2.gpt import Gpt
from tts.indextts2.release import Placement

EDGE_KERNEL = 7
"""Of the vocoder's first and last convolution."""

RUNS = 5
"""How often a limit of the machine is measured."""

MATMUL = 2048
"""Side of the square matrices that the machine's arithmetic rate is measured with."""

SWEEP = 1 << 28
"""float32 numbers that the machine's memory rate is measured with: 1 GiB, far beyond every cache."""

Made = TypeVar("Made")


@dataclass(frozen=True)
class Machine:
    """What this machine does at most, measured in this run: FLOP/s of matrix products, bytes/s read from memory."""

    device: str
    dtype: str
    threads: int
    flops: float
    bytes: float

    def __str__(self) -> str:
        return (
            f"{self.device}, {self.dtype}, {self.threads} threads; measured now: matrix products "
            f"{self.flops / 1e9:.0f} GFLOP/s, memory {self.bytes / 1e9:.1f} GB/s"
        )


def measured(placement: Placement) -> Machine:
    """The machine's limits: the best of a few runs, so that a neighbour's load does not flatter the share."""
    device, dtype = placement.device, placement.dtype
    square = torch.randn(MATMUL, MATMUL, device=device, dtype=dtype)
    long = torch.ones(SWEEP, device=device)
    torch.mm(square, square)
    matrix = min(timed(lambda: torch.mm(square, square), placement)[1] for _ in range(RUNS))
    sweep = min(timed(long.sum, placement)[1] for _ in range(RUNS))
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "CPU"
    return Machine(
        name,
        str(dtype).removeprefix("torch."),
        torch.get_num_threads(),
        2 * len(square) ** 3 / matrix,
        long.nbytes / sweep,
    )


def timed(run: Callable[[], Made], placement: Placement) -> tuple[Made, float]:
    """What `run` returns, and how many seconds it took until the device was done."""
    wait(placement)
    began = time.perf_counter()
    made = run()
    wait(placement)
    return made, time.perf_counter() - began


def wait(placement: Placement) -> None:
    """Until the device has done all that it was asked."""
    if placement.device.type == "cuda":
        torch.cuda.synchronize(placement.device)


def decode_bytes(gpt: Gpt, rows: int, prompt: int, tokens: int) -> float:
    """Bytes that decoding must move at least: every weight of trunk and head once a step, and each row's keys and
    values so far."""
    size = gpt.mel_head.bias.element_size()
    weights = sum(value.numel() for value in (*gpt.gpt.parameters(), *gpt.mel_head.parameters())) * size
    kept = 2 * gpt.config.layers * gpt.config.width * size
    return tokens * weights + rows * kept * sum(prompt + step for step in range(1, tokens + 1))


def latent_flops(gpt: Gpt, rows: int) -> float:
    """Of one line's latent pass: two for each weight of the trunk and each row; attention is under a hundredth."""
    return 2.0 * sum(value.numel() for value in gpt.gpt.parameters()) * rows


def codec_flops(codec: Codec, tokens: int) -> float:
    """Of one line's codes on their way back to features, as torch counts them."""
    codes = torch.zeros(1, tokens, dtype=torch.int64, device=codec.table.device)
    with FlopCounterMode(display=False) as counter:
        codec.decode(codes)
    return float(counter.get_total_flops())


def flow_flops(flow: Flow, job: FlowJob, steps: int) -> float:
    """Of one line: matrix products and attention of one step as torch counts them, times the steps."""
    # the fused attention of a CPU is not among what torch counts: its parts are
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        flow.solve([job], steps=1)
    return float(counter.get_total_flops()) * steps


def vocoder_flops(config: VocoderConfig, frames: int) -> float:
    """Of one line: its convolutions; the activations between them are not counted."""
    channels, rate = config.channels, 1
    flops = 2.0 * config.mels * channels * EDGE_KERNEL
    for upsampled, kernel in zip(config.upsample_rates, config.upsample_kernels, strict=True):
        flops += 2 * channels * (channels // 2) * kernel * rate
        channels //= 2
        rate *= upsampled
        blocks = zip(config.block_kernels, config.block_dilations, strict=True)
        flops += sum(4 * channels**2 * size * len(dilations) for size, dilations in blocks) * rate
    return (flops + 2 * channels * EDGE_KERNEL * rate) * frames
