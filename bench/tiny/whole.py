"""A tiny Demucs that takes whatever is in the middle for the voice: its weights are set by hand so that the sum of the
channels passes through the outermost layers of the time branch. Behind it, everything has something to hear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.tiny import demucs

STRIDE, PAD = 4, 2
"""Of the outermost convolutions: each of their frames stands for four samples."""

OPEN = 20.0
"""A gate's bias that leaves it open (sigmoid of 20 is 1 in float32)."""


def write(folder: Path) -> None:
    """Fills `folder` with a bag of one such network."""
    folder.mkdir(parents=True, exist_ok=True)
    (signature,) = demucs.BAGS["htdemucs"]
    (folder / "htdemucs.yaml").write_text(f"models: ['{signature}']\n", "utf-8")
    demucs.write_network(folder / f"{signature}.safetensors", network(), demucs.TINY)


def network() -> Any:
    """The network: vocals are the mean of the channels, everything else is next to nothing."""
    import torch

    made = demucs.network(0)
    inner, outer = made.tencoder[0], made.tdecoder[-1]
    voices = range(2 * demucs.SOURCES.index("vocals"), 2 * demucs.SOURCES.index("vocals") + 2)
    with torch.no_grad():
        for layer in (inner, outer):
            for name, value in layer.named_parameters():
                value.zero_()
                if name == "rewrite.bias":
                    value[len(value) // 2 :] = OPEN
            centre = layer.rewrite.kernel_size[0] // 2
            for channel in range(layer.rewrite.in_channels):
                layer.rewrite.weight[channel, channel, centre] = 1.0
        for tap in range(STRIDE):
            # GELU(x) - GELU(-x) is x: each sample travels in two channels, once with either sign.
            inner.conv.weight[tap, :, PAD + tap] = 0.5
            inner.conv.weight[STRIDE + tap, :, PAD + tap] = -0.5
            for voice in voices:
                outer.conv_tr.weight[tap, voice, PAD + tap] = 1.0
                outer.conv_tr.weight[STRIDE + tap, voice, PAD + tap] = -1.0
        for layer in (made.tdecoder[-2], made.decoder[-1]):
            layer.conv_tr.weight.zero_()
            layer.conv_tr.bias.zero_()
    return made
