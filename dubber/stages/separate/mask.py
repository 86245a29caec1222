"""Speech taken out of its bed by light signal processing: a spectral mask learned from the silence around
each span of speech. It knows no voices: what changes in a bed while somebody speaks stays in the speech."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from align.types import SAMPLES_PER_MS, Span, union
from dubber.audio import AudioWriter

if TYPE_CHECKING:
    from dubber.audio import AudioFile

FloatArray = npt.NDArray[np.float32]
ComplexArray = npt.NDArray[np.complex64]

REVISION = 1
"""Goes up whenever the same sound would give another stem."""

FFT = 2048
"""Samples per frame: 43 ms at 48 kHz, in which a voice hardly changes and its harmonics stay apart."""
HOP = FFT // 2
"""Half a frame: with a square-root Hann window before and after, the frames add up to what went in."""
BLOCK = 480 * HOP
"""Samples separated at once (10 s)."""
CONTEXT = 2
"""Frames on either side of a block that its smoothing looks at."""

EDGE_MS = 40
"""The stem swells and fades over this much beyond a span; further out it is exactly zero."""
TAIL_MS = 120
"""After speech the room still sounds: the bed is not learned from there."""
LEARN_MS = 1500
"""How much of a silence, nearest to the speech, its bed is learned from."""
LEAST_FRAMES = 4
"""Fewer frames say nothing about a bed; the next silence is taken instead."""
OFF_CENTRE = 0.1
"""Share of the speech's power found in the side signal from which on it is not mixed in the centre."""
QUANTILE = 0.1
"""Where there is no silence at all, the bed is what the quietest tenth of each bin's frames holds
(quantile noise estimation: Stahl, Fischer and Bippus, ICASSP 2000)."""

TINY = np.float32(1e-12)
"""Power of digital silence, so that nothing is divided by zero."""

_WINDOW: FloatArray = np.sqrt(np.hanning(FFT + 1)[:-1]).astype(np.float32)


@dataclass(frozen=True)
class _Bed:
    """Mean power of a bed per bin, shape (bins,): mid, side, left and right."""

    mid: FloatArray
    side: FloatArray
    left: FloatArray
    right: FloatArray


@dataclass(frozen=True)
class _Silence:
    """The bed at the beginning and at the end of the silence that lies before island `before`."""

    before: int
    head: _Bed
    tail: _Bed


class Mask:
    """The engine; see `door.Separator`. It holds nothing between films."""

    name = "mask"
    needs_speech = True

    def digest(self) -> str:
        """Names what the stem depends on besides the sound and its speech: this code."""
        return f"mask-{REVISION}"

    def separate(
        self,
        source: AudioFile,
        speech: Sequence[Span],
        out: Path,
        progress: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Write the speech stem of a 48 kHz `source` to `out`: as long, as many channels, and exactly zero
        further than EDGE_MS from `speech` (sorted, disjoint). The bed, source − stem, equals the source there.

        Wiener gain 1 − bed/power per bin and frame. In stereo, speech in the centre is taken from the mid signal
        alone and the side signal, which then holds bed only, tells how loud the bed is at every moment.
        Raises MediaError where the source cannot be read, SpaceError where `out` cannot be written.
        """
        islands = [
            span.clipped(source.duration)
            for span in union(
                (Span(max(0, span.start - EDGE_MS), span.end + EDGE_MS) for span in speech), join=EDGE_MS
            )
        ]
        with AudioWriter(out, source.channels) as writer:
            for stem in _stem(source, islands):
                writer.append(stem)
                progress(writer.frames / source.frames)
        progress(1.0)

    def close(self) -> None:
        """Nothing is held."""


def _stem(source: AudioFile, islands: Sequence[Span]) -> Iterator[FloatArray]:
    """The whole stem in blocks, shape (n, channels)."""
    done = 0
    for island, beds in _with_beds(source, islands):
        yield from _zeros(done, island.samples.start, source.channels)
        yield from _speech_of(source, island, beds)
        done = island.samples.stop
    yield from _zeros(done, source.frames, source.channels)


def _zeros(start: int, stop: int, channels: int) -> Iterator[FloatArray]:
    for at in range(start, stop, BLOCK):
        yield np.zeros((min(BLOCK, stop - at), channels), np.float32)


def _gaps(islands: Sequence[Span], duration: int) -> list[tuple[int, int]]:
    """The silences before, between and after the islands, as (start, end) in ms; one more than islands."""
    starts = [0, *(island.end + TAIL_MS for island in islands)]
    ends = [*(island.start for island in islands), duration]
    return list(zip(starts, ends, strict=True))


def _silences(source: AudioFile, islands: Sequence[Span]) -> Iterator[_Silence]:
    """The silences long enough to tell their bed, in order; each is listened to when it is asked for."""
    for i, (start, end) in enumerate(_gaps(islands, source.duration)):
        if end - start < (LEAST_FRAMES + 1) * HOP // SAMPLES_PER_MS:
            continue
        learn = min(LEARN_MS, end - start)
        head = _learned(source, start, learn)
        yield _Silence(i, head, head if end - start <= learn else _learned(source, end - learn, learn))


def _learned(source: AudioFile, start: int, learn: int) -> _Bed:
    first, last = start * SAMPLES_PER_MS, (start + learn) * SAMPLES_PER_MS
    return _mean_bed(_spectra(source.read(first, last), (last - first - FFT) // HOP + 1))


def _mean_bed(spectra: ComplexArray, quantile: float | None = None) -> _Bed:
    left, right = spectra[0], spectra[-1]

    def power(signal: ComplexArray) -> FloatArray:
        frames = _power(signal)
        level = frames.mean(axis=0) if quantile is None else np.quantile(frames, quantile, axis=0)
        row: FloatArray = _smooth(level.astype(np.float32)[None, :], 1)[0]
        return row

    return _Bed(power((left + right) / 2), power((left - right) / 2), power(left), power(right))


def _with_beds(source: AudioFile, islands: Sequence[Span]) -> Iterator[tuple[Span, tuple[_Bed, _Bed]]]:
    """Each island with the bed just before it and just after it: from the nearest silence on each side that
    tells. Only these two are held."""
    silences = _silences(source, islands)
    last: _Silence | None = None
    following = next(silences, None)
    for i, island in enumerate(islands):
        while following is not None and following.before <= i:
            last, following = following, next(silences, None)
        before, after = last and last.tail, following and following.head
        if before is None and after is None:
            before = _quietest(source, island)
        yield island, (before or after, after or before)  # type: ignore[misc]


def _quietest(source: AudioFile, island: Span) -> _Bed:
    """The bed under an island that has no silence beside it, from its first block."""
    part = source.read(island.samples.start, min(island.samples.stop, island.samples.start + BLOCK))
    frames = max(1, (len(part) - FFT) // HOP + 1)
    return _mean_bed(_spectra(np.pad(part, ((0, FFT), (0, 0))), frames), QUANTILE)


def _speech_of(source: AudioFile, island: Span, beds: tuple[_Bed, _Bed]) -> Iterator[FloatArray]:
    """The island's stem in blocks, shape (n, channels). Frames lie on one grid for the whole film."""
    first, last = island.samples.start, island.samples.stop
    centred: bool | None = None  # decided once, so that no seam between blocks changes the mask
    for start in range(first, last, BLOCK):
        stop = min(last, start + BLOCK)
        frame = start // HOP - 1 - CONTEXT  # the first frame that touches `start`, and context before it
        count = (stop - 1) // HOP + 1 + CONTEXT - frame
        samples = source.read(frame * HOP, (frame + count + 1) * HOP)
        at = ((np.arange(frame, frame + count) + 1) * HOP - first) / max(1, last - first)
        spectra, blend = _spectra(samples, count), np.clip(at, 0, 1).astype(np.float32)
        if centred is None:
            centred = _is_centred(spectra, beds)
        voices = _masked(spectra, beds, blend, centred)
        lead = start - frame * HOP
        stem = np.stack([_overlap_add(voice)[lead : lead + stop - start] for voice in voices], axis=1)
        if len(voices) < source.channels:
            stem = np.repeat(stem, source.channels, axis=1)
        yield stem * _envelope(start - first, stop - first, last - first)[:, None]


def _spectra(samples: FloatArray, count: int) -> ComplexArray:
    """Windowed spectra, shape (channels, count, bins); one channel where all are equal."""
    if samples.shape[1] == 2 and np.array_equal(samples[:, 0], samples[:, 1]):
        samples = samples[:, :1]
    frames = np.lib.stride_tricks.sliding_window_view(samples, FFT, axis=0)[::HOP][:count]
    return np.fft.rfft(frames.transpose(1, 0, 2) * _WINDOW, axis=-1).astype(np.complex64)


def _overlap_add(spectra: ComplexArray) -> FloatArray:
    """Samples of frames that follow each other by HOP, shape ((count + 1) · HOP,)."""
    frames = np.fft.irfft(spectra, FFT, axis=-1).astype(np.float32) * _WINDOW
    samples = np.zeros((len(frames) + 1, HOP), np.float32)
    samples[:-1] += frames[:, :HOP]
    samples[1:] += frames[:, HOP:]
    return np.asarray(samples.reshape(-1), np.float32)


def _is_centred(spectra: ComplexArray, beds: tuple[_Bed, _Bed]) -> bool:
    """Whether what speech adds to the bed lies in the mid signal rather than in the side."""
    left, right = spectra[0], spectra[-1]
    voice_in_mid = float((_power((left + right) / 2) - (beds[0].mid + beds[1].mid) / 2).sum())
    voice_in_side = float((_power((left - right) / 2) - (beds[0].side + beds[1].side) / 2).sum())
    return voice_in_side <= OFF_CENTRE * max(0.0, voice_in_mid)


def _masked(
    spectra: ComplexArray, beds: tuple[_Bed, _Bed], at: FloatArray, centred: bool
) -> list[ComplexArray]:
    """The speech in `spectra` per channel (one where both are the same); `at` is 0..1 from bed to bed."""

    def bed(head: FloatArray, tail: FloatArray) -> FloatArray:
        return head + at[:, None] * (tail - head)

    left, right = spectra[0], spectra[-1]
    if len(spectra) == 2 and not centred:
        return [
            left * _gain(_smooth(_power(left)), bed(beds[0].left, beds[1].left)),
            right * _gain(_smooth(_power(right)), bed(beds[0].right, beds[1].right)),
        ]
    mid = (left + right) / 2
    mid_power, mid_bed = _smooth(_power(mid)), bed(beds[0].mid, beds[1].mid)
    if len(spectra) == 2:
        # What the side gains or loses against its silence, the bed in the middle does too.
        side_bed = np.maximum(bed(beds[0].side, beds[1].side), TINY)
        now = mid_bed * _smooth(_power((left - right) / 2)) / side_bed
        mid_bed = (mid_bed + np.minimum(now, mid_power)) / 2
    return [mid * _gain(mid_power, mid_bed)]


def _gain(power: FloatArray, bed: FloatArray) -> FloatArray:
    """Wiener's gain for speech in a bed, 0..1."""
    return np.asarray(1 - np.minimum(bed / np.maximum(power, TINY), 1), np.float32)


def _power(spectra: ComplexArray) -> FloatArray:
    return np.asarray(np.square(spectra.real) + np.square(spectra.imag), np.float32)


def _smooth(power: FloatArray, frames: int = 3) -> FloatArray:
    """Mean over `frames` × 3 bins, shape kept: single bins of noise that flicker would ring like bells."""
    near = power + np.roll(power, 1, axis=1) + np.roll(power, -1, axis=1)
    bins = np.asarray(near / 3, np.float32)
    if frames == 1 or len(bins) < 3:
        return bins
    smooth: FloatArray = bins.copy()
    smooth[1:-1] = (bins[:-2] + bins[1:-1] + bins[2:]) / 3
    return smooth


def _envelope(start: int, stop: int, length: int) -> FloatArray:
    """Raised-cosine swell and fade of an island of `length` samples, for its samples [start, stop)."""
    at = np.arange(start, stop, dtype=np.float32) + np.float32(0.5)
    edge = np.minimum(np.minimum(at, length - at) / (EDGE_MS * SAMPLES_PER_MS), 1)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * edge), np.float32)
