"""Speech cut into stretches that a recogniser hears at once: at pauses, and through speech only where it never pauses.
Recognises nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from align.types import Span

if TYPE_CHECKING:
    from dubber.audio import AudioFile

_FRAME = 160
"""Samples of 10 ms at 16 kHz."""
_QUIET_FRAMES = 5
"""How many frames together must be quiet where speech is cut: 50 ms, a stop's closure or the dip between syllables."""


@dataclass(frozen=True)
class Chunk:
    """A stretch to decode at once, and the wider one to listen to (silence around it included)."""

    span: Span
    heard: Span


def cut(audio: AudioFile, speech: Sequence[Span], *, longest: int, join: int, pad: int) -> list[Chunk]:
    """`speech` (sorted, disjoint) in chunks of at most `longest` ms, each heard with up to `pad` ms of silence around.

    Speech at most `join` ms apart is heard together. Where that grows too long it is cut at its longest pause in the
    second half, and a span longer than `longest` at its quietest moments there. What a chunk is depends on the speech
    before it alone back to the last pause of more than `join`. Raises MediaError where the audio cannot be read.
    """
    parts = [piece for span in speech for piece in _pieces(audio, span, longest)]
    spans = _joined(parts, longest, join)
    silences = [spans[0].start if spans else 0]
    silences += [(after.start - before.end) // 2 for before, after in pairwise(spans)]
    silences += [max(0, audio.duration - spans[-1].end) if spans else 0]
    return [
        Chunk(span, Span(span.start - min(pad, left), span.end + min(pad, right)))
        for span, left, right in zip(spans, silences, silences[1:], strict=False)
    ]


def _joined(parts: Sequence[Span], longest: int, join: int) -> list[Span]:
    spans = []
    first = 0
    while first < len(parts):
        begin = parts[first].start
        end = first + 1
        while end < len(parts) and parts[end].start - parts[end - 1].end <= join:
            if parts[end].end - begin > longest:  # too long: back to the longest pause in the second half
                late = [i for i in range(first + 1, end + 1) if 2 * (parts[i - 1].end - begin) >= longest]
                end = max(late or [end], key=lambda i: (parts[i].start - parts[i - 1].end, i))
                break
            end += 1
        spans.append(Span(begin, parts[end - 1].end))
        first = end
    return spans


def _pieces(audio: AudioFile, span: Span, longest: int) -> list[Span]:
    """`span` cut at its quietest moments until no piece is longer than `longest`."""
    from dubber.audio import mono16k

    pieces = []
    while span.duration > longest:
        start, stop = span.start + longest // 2, span.start + longest
        samples = mono16k(audio, round(start * audio.rate / 1000), round(stop * audio.rate / 1000))
        frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
        energy = np.convolve(np.square(frames).sum(axis=1), np.ones(_QUIET_FRAMES), mode="same")
        edge = _QUIET_FRAMES // 2
        at = start + int(np.argmin(energy[edge : len(energy) - edge]) + edge) * 10 + 5
        pieces.append(Span(span.start, at))
        span = Span(at, span.end)
    return [*pieces, span]
