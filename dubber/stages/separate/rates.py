"""A film's sound at the network's rate and back, block by block and in step to the sample. Knows no network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from align.types import SAMPLE_RATE

FloatArray = npt.NDArray[np.float32]

NETWORK_RATE = 44_100
"""Hz. What every released Demucs was trained at."""

FILM_STEP, NETWORK_STEP = 160, 147
"""Samples at 48 kHz and at 44.1 kHz that last equally long (10/3 ms): the two clocks meet this often."""

QUALITY = "HQ"
"""soxr's: flat to 0.91 of the lower Nyquist frequency (20 kHz), all that aliases 120 dB down."""


def network_frames(frames: int) -> int:
    """Samples at NETWORK_RATE of a film of `frames` samples: a whole number of steps, so the last may be silence."""
    return -(-frames // FILM_STEP) * NETWORK_STEP


def to_network(blocks: Iterable[FloatArray], frames: int) -> Iterator[FloatArray]:
    """Blocks (n, channels) that add up to `frames` samples at 48 kHz → `network_frames(frames)` at NETWORK_RATE.

    The result does not depend on how the sound is cut into blocks.
    """
    padding = -frames % FILM_STEP
    yield from _exactly(
        network_frames(frames), _streamed(_padded(blocks, padding), SAMPLE_RATE, NETWORK_RATE)
    )


def to_film(blocks: Iterable[FloatArray], frames: int) -> Iterator[FloatArray]:
    """The way back: the first `frames` samples at 48 kHz of blocks (n, channels) at NETWORK_RATE."""
    yield from _exactly(frames, _streamed(blocks, NETWORK_RATE, SAMPLE_RATE))


def _padded(blocks: Iterable[FloatArray], padding: int) -> Iterator[FloatArray]:
    channels = 1
    for block in blocks:
        channels = block.shape[1]
        yield block
    yield np.zeros((padding, channels), np.float32)


def _streamed(blocks: Iterable[FloatArray], rate: int, target: int) -> Iterator[FloatArray]:
    """soxr makes up for its filter's delay: sample 0 stays at time 0."""
    import soxr

    stream, channels = None, 1
    for block in blocks:
        if stream is None:
            channels = block.shape[1]
            stream = soxr.ResampleStream(rate, target, channels, dtype="float32", quality=QUALITY)
        yield stream.resample_chunk(np.ascontiguousarray(block))
    if stream is not None:
        yield stream.resample_chunk(np.zeros((0, channels), np.float32), last=True)


def _exactly(frames: int, blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
    """The first `frames` samples of the blocks, which hold as many or more; empty blocks left out."""
    left = frames
    for block in blocks:
        if len(part := block[:left]):
            yield part
            left -= len(part)
    if left:
        raise AssertionError(f"the resampler owes {left} of {frames} samples")
