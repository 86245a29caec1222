"""Sound on disk and the two stems of a film, read and written block by block. Never holds a film whole; knows
no container, decoder or model."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from align.types import SAMPLE_RATE, SAMPLES_PER_MS, Span
from dubber.atomic import refusal
from dubber.errors import MediaError

if TYPE_CHECKING:
    from types import TracebackType

FloatArray = npt.NDArray[np.float32]

RECOGNISER_RATE = 16_000
"""Hz. What recognisers and voice activity detectors are trained on."""

BLOCK = 10 * SAMPLE_RATE
"""Samples of a block where the caller names no size: 10 s, 4 MB of stereo."""

EDGE_MS = 20
"""Over so long speech is faded into what stays in the film: too slow to click, too short to hear as a fade."""

LOUDEST = 16.0
"""Linear (+24 dBFS). Damaged float streams decode to NaN and to any size; nothing recorded is louder than this."""

RESAMPLER_MARGIN_S = 0.02
"""Seconds read on either side of a stretch before resampling, so that its edges are the film's."""

LONGEST_REFERENCE_S = 300
"""Seconds. Five minutes are far more of one voice than any engine listens to, and still a small array."""


class AudioFile:
    """A sound file read by sample position, opened at the first use.

    Every array is float32 of shape (samples, channels); positions count samples from the file's start.
    Raises MediaError where the file is missing, is no sound, or cannot be decoded.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._open: Any = None

    @property
    def _sound(self) -> Any:
        if self._open is None:
            self._open = _open_sound(self.path)
        return self._open

    @property
    def frames(self) -> int:
        """Length in samples (of one channel)."""
        return int(self._sound.frames)

    @property
    def channels(self) -> int:
        """Channels per sample."""
        return int(self._sound.channels)

    @property
    def rate(self) -> int:
        """Samples per second."""
        return int(self._sound.samplerate)

    @property
    def duration(self) -> int:
        """Length in whole milliseconds, rounded down: every one of them has all its samples in the file."""
        return self.frames * 1000 // self.rate

    def read(self, start: int, stop: int) -> FloatArray:
        """Samples [start, stop), shape (stop - start, channels); silence where the file has none, so
        `start` may be negative and `stop` past the end. NaN is read as silence, and no value is beyond
        LOUDEST. Raises ValueError where stop < start."""
        import soundfile

        if stop < start:
            raise ValueError(f"cannot read backwards, from sample {start} to {stop}")
        out = np.zeros((stop - start, self.channels), dtype=np.float32)
        first, last = max(start, 0), min(stop, self.frames)
        if first < last:
            try:
                self._sound.seek(first)
                got = self._sound.read(last - first, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise _unreadable(self.path, error) from error
            if len(got) != last - first:
                raise MediaError(f"{self.path.name} ends before the length that its header states.")
            if not max(got.max(), -got.min()) <= LOUDEST:  # also where one is NaN
                got = np.clip(np.nan_to_num(got, nan=0.0), -LOUDEST, LOUDEST)
            out[first - start : last - start] = got
        return out

    def blocks(self, size: int = BLOCK) -> Iterator[tuple[int, FloatArray]]:
        """The whole file as (start, samples), `size` samples at a time; the last block may be shorter."""
        for start in range(0, self.frames, size):
            yield start, self.read(start, min(start + size, self.frames))

    def close(self) -> None:
        """Let go of the file; the next read opens it again."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def __enter__(self) -> AudioFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AudioWriter:
    """Writes 48 kHz float32 sound of any length, block by block: RF64, which is WAV without its 4 GiB limit.

    A context manager; the file is whole once it has closed. Raises SpaceError where the disk takes no more.
    """

    def __init__(self, path: Path, channels: int = 2) -> None:
        import soundfile

        self.path = Path(path)
        self.frames = 0
        try:
            self._sound = soundfile.SoundFile(
                self.path, "w", samplerate=SAMPLE_RATE, channels=channels, format="RF64", subtype="FLOAT"
            )
        except soundfile.LibsndfileError as error:
            raise refusal(self.path) from error

    def append(self, samples: FloatArray) -> None:
        """Write (n, channels), or (n,) for a mono file. Raises ValueError where the channels differ."""
        import soundfile

        try:
            self._sound.write(np.ascontiguousarray(samples, dtype=np.float32))
            self.frames += len(samples)
        except soundfile.LibsndfileError as error:
            raise refusal(self.path) from error

    def __enter__(self) -> AudioWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import soundfile

        try:
            self._sound.close()
        except soundfile.LibsndfileError as fault:
            raise refusal(self.path) from fault


@dataclass(frozen=True)
class Stems:
    """A film's sound as speech and bed. The bed (music, effects, room) is what is left of the source without
    its speech, computed when asked for and never stored.

    Where `within` is given (sorted, disjoint), the stem counts as speech only inside these spans and, swelling and
    fading, EDGE_MS around them; everything else in it (laughter, breath, a crowd, singing) belongs to the bed.
    Raises ValueError where the two files differ in rate or channels, or the spans are out of order.
    """

    source: AudioFile
    speech_file: AudioFile
    within: tuple[Span, ...] | None = None

    def __post_init__(self) -> None:
        one, other = self.source, self.speech_file
        if (one.rate, one.channels) != (other.rate, other.channels):
            raise ValueError("the source and its speech stem differ in rate or channels")
        if any(span.end > following.start for span, following in pairwise(self.within or ())):
            raise ValueError("the spans of speech are not sorted and disjoint")

    @property
    def frames(self) -> int:
        """The source's length in samples."""
        return self.source.frames

    @property
    def duration(self) -> int:
        """The source's length in whole milliseconds."""
        return self.source.duration

    def speech(self, start: int, stop: int) -> FloatArray:
        """The speech stem's samples [start, stop), shape (stop - start, channels)."""
        if self.within is None:
            return self.speech_file.read(start, stop)
        share = _share(self.within, start, stop)
        if share is None:
            return np.zeros((stop - start, self.source.channels), np.float32)
        return self.speech_file.read(start, stop) * share[:, None]

    def bed(self, start: int, stop: int) -> FloatArray:
        """Source minus speech over samples [start, stop), shape (stop - start, channels)."""
        return self.source.read(start, stop) - self.speech(start, stop)


def _share(spans: tuple[Span, ...], start: int, stop: int) -> FloatArray | None:
    """How much of each 48 kHz sample [start, stop) counts, shape (stop - start,): 1 inside a span, a raised cosine
    EDGE_MS outside it (of the nearer one where two are close), 0 elsewhere; None where that is everywhere."""
    edge = EDGE_MS * SAMPLES_PER_MS
    first = bisect_right(spans, start - edge, key=lambda span: span.samples.stop)
    last = bisect_left(spans, stop + edge, key=lambda span: span.samples.start)
    if first >= last:
        return None
    rise, fall = _edges(edge)
    share = np.zeros(stop - start, np.float32)
    for span in spans[first:last]:
        begin, end = span.samples.start, span.samples.stop
        for at, shape in ((begin - edge, rise), (begin, None), (end, fall)):
            upto = end if shape is None else at + edge
            low, high = max(at, start), min(upto, stop)
            if low < high:
                here = share[low - start : high - start]
                np.maximum(here, 1 if shape is None else shape[low - at : high - at], out=here)
    return share


def _edges(count: int) -> tuple[FloatArray, FloatArray]:
    """A raised cosine from 0 to 1 over `count` samples, and back."""
    rise = (0.5 - 0.5 * np.cos(np.arange(0.5, count) * (np.pi / count))).astype(np.float32)
    return rise, rise[::-1]


def mono16k(audio: AudioFile, start: int, stop: int) -> FloatArray:
    """Samples [start, stop) of `audio` (positions at its own rate) as mono at 16 kHz, shape (m,).

    The channels' mean, resampled with its surroundings, so that a stretch is what the whole file has there.
    """
    import soxr

    margin = round(RESAMPLER_MARGIN_S * audio.rate)
    mono = audio.read(start - margin, stop + margin).mean(axis=1, dtype=np.float32)
    if audio.rate != RECOGNISER_RATE:
        mono = soxr.resample(mono, audio.rate, RECOGNISER_RATE)
    lead = round(RESAMPLER_MARGIN_S * RECOGNISER_RATE)
    count = round((stop - start) * RECOGNISER_RATE / audio.rate)
    return np.ascontiguousarray(mono[lead : lead + count], dtype=np.float32)


def blocks16k(audio: AudioFile, block_ms: int, overlap_ms: int = 0) -> Iterator[tuple[int, FloatArray]]:
    """The whole of `audio` as (start_ms, mono samples at 16 kHz), `block_ms` long, each block beginning
    `overlap_ms` before the end of the one before; the last may be shorter. Raises ValueError where the
    overlap is not shorter than the block."""
    if not 0 <= overlap_ms < block_ms:
        raise ValueError(f"blocks of {block_ms} ms cannot overlap by {overlap_ms} ms")
    for start_ms in range(0, max(audio.duration - overlap_ms, 1), block_ms - overlap_ms):
        start = start_ms * audio.rate // 1000
        stop = min((start_ms + block_ms) * audio.rate // 1000, audio.frames)
        if start < stop:
            yield start_ms, mono16k(audio, start, stop)


def read_reference(path: Path) -> tuple[FloatArray, int]:
    """A person's own recording of a voice, in any format libsndfile reads: (mono samples, shape (n,); rate).

    Raises MediaError where it is no sound, is empty, holds values that are not numbers, or is longer than
    five minutes.
    """
    import soundfile

    path = Path(path)
    with _open_sound(path) as sound:
        rate, parts, length = int(sound.samplerate), [], 0
        try:
            for block in sound.blocks(BLOCK, dtype="float32", always_2d=True):
                parts.append(block.mean(axis=1, dtype=np.float32))
                length += len(block)
                if length > LONGEST_REFERENCE_S * rate:
                    raise MediaError(
                        f"{path.name} is longer than {LONGEST_REFERENCE_S // 60} minutes.",
                        hint="Give 5 to 30 seconds in which only this voice speaks.",
                    )
        except soundfile.LibsndfileError as error:
            raise _unreadable(path, error) from error
    if not length:
        raise MediaError(f"{path.name} holds no sound.")
    mono = np.concatenate(parts)
    if not np.isfinite(mono).all():
        raise MediaError(f"{path.name} holds values that are not numbers.")
    return mono, rate


def _open_sound(path: Path) -> Any:
    import soundfile

    if not path.is_file():
        raise MediaError(f"There is no sound file {path}.")
    try:
        return soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: headerless formats such as .raw
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> MediaError:
    reason = getattr(error, "error_string", str(error)).strip().rstrip(".")
    return MediaError(
        f"{path.name} cannot be read as sound ({reason}).",
        hint="Convert it to WAV, FLAC, Ogg or MP3, or give another file.",
    )
