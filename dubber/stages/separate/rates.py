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


RIM = 2
"""Steps (6.7 ms, twice the filter's reach) that are put before and behind the sound: itself, mirrored. Sound that stops
dead holds more than the network's rate can: its first and last millisecond would come back 30 dB down wrong."""


def network_frames(frames: int) -> int:
    """Samples at NETWORK_RATE of a film of `frames` samples: a whole number of steps, and both rims; of none, none."""
    return (-(-frames // FILM_STEP) + 2 * RIM) * NETWORK_STEP if frames else 0


def to_network(blocks: Iterable[FloatArray], frames: int) -> Iterator[FloatArray]:
    """Blocks (n, channels) that add up to `frames` samples at 48 kHz → `network_frames(frames)` at NETWORK_RATE, of
    which the film's first is RIM steps in.

    The result does not depend on how the sound is cut into blocks.
    """
    rim = RIM * FILM_STEP
    mirrored = _mirrored(blocks, rim, -frames % FILM_STEP + rim)
    yield from _exactly(0, network_frames(frames), _streamed(mirrored, SAMPLE_RATE, NETWORK_RATE))


def to_film(blocks: Iterable[FloatArray], frames: int) -> Iterator[FloatArray]:
    """The way back: the film's `frames` samples at 48 kHz of blocks (n, channels) at NETWORK_RATE, without the rims."""
    yield from _exactly(RIM * FILM_STEP, frames, _streamed(blocks, NETWORK_RATE, SAMPLE_RATE))


def _mirrored(blocks: Iterable[FloatArray], before: int, behind: int) -> Iterator[FloatArray]:
    """The blocks, with so many samples more at both ends: the sound's own, backwards."""
    rest = iter(blocks)
    head = _at_least(before, rest)
    if not len(head):
        return
    yield np.pad(head, ((before, 0), (0, 0)), "symmetric")
    tail = head[-behind:]
    for block in rest:
        yield block
        tail = np.concatenate([tail, block])[-behind:]
    yield np.pad(tail, ((0, behind), (0, 0)), "symmetric")[len(tail) :]


def _at_least(frames: int, blocks: Iterator[FloatArray]) -> FloatArray:
    """The first blocks as one, of so many samples or more where there are as many."""
    head = np.zeros((0, 1), np.float32)
    for block in blocks:
        head = np.concatenate([head, block]) if len(head) else block
        if len(head) >= frames:
            break
    return head


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


def _exactly(first: int, frames: int, blocks: Iterable[FloatArray]) -> Iterator[FloatArray]:
    """`frames` samples of the blocks from number `first` on, which hold as many or more; empty blocks left out."""
    skip, left = first, frames
    for block in blocks:
        if len(part := block[skip:][:left]):
            yield part
            left -= len(part)
        skip = max(0, skip - len(block))
    if left:
        raise AssertionError(f"the resampler owes {left} of {frames} samples")
