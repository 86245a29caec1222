"""Who speaks, told by pitch and timbre alone. Each span is one voice; how many voices there are is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from align.types import Span
from dubber.stages.diarize.door import Diarization, Turn
from tts.prosody import f0_track

if TYPE_CHECKING:
    from dubber.audio import AudioFile

FloatArray = npt.NDArray[np.float32]
Features = npt.NDArray[np.float64]

REVISION = 1
"""Goes up whenever the same sound would give another answer, be it for a change in tts.prosody."""

RATE = 16_000
"""Hz at which voices are compared."""
LISTEN_MS = 8_000
"""More of one span adds nothing to what its voice is like."""
PIECE_MS = 1_000
"""Spans are described piece by piece: how much a voice varies among its pieces is the unit of distance."""
FRAME, HOP = 512, 160
"""Samples of a spectral frame (32 ms) and from one to the next (10 ms)."""
MELS, CEPSTRA = 24, 12
"""Mel bands, and cepstral coefficients kept of them without the one that is loudness: usual for MFCC."""
ACTIVE_DB = 30.0
"""Frames this far under the loud ones are pauses."""
STARTS = 12
"""Tries of k-means, each from another first voice; the tightest grouping wins."""
ROUNDS = 50
"""k-means settles in far fewer rounds on a few hundred spans."""


class Prosody:
    """The diarizer of the draft lane, as the door has it: it takes each span for one voice, and cannot count
    voices."""

    name = "prosody"
    on_phrases = True

    def digest(self) -> str:
        """What the answer depends on besides the sound, its spans and how many speak, for cache keys."""
        return f"diarize-{REVISION}"

    def diarize(
        self,
        audio: AudioFile,
        spans: Sequence[Span],
        speakers: int | None,
        progress: Callable[[float], None] = lambda _: None,
    ) -> Diarization:
        """A turn per span. At most `speakers` numbers are used, None counts as one; with one speaker nothing is
        listened to. Raises ValueError where `speakers` is below 1, MediaError."""
        told = _speakers(audio, spans, 1 if speakers is None else speakers, progress)
        return Diarization(tuple(Turn(span, one) for span, one in zip(spans, told, strict=True)))

    def close(self) -> None:
        """There is no model to let go of."""


def _speakers(
    audio: AudioFile, spans: Sequence[Span], speakers: int, progress: Callable[[float], None]
) -> tuple[int, ...]:
    """The speaker of each span, numbered from 0 in the order in which they first speak."""
    from dubber.audio import mono16k

    if speakers < 1:
        raise ValueError(f"a film has at least one speaker, not {speakers}")
    if speakers == 1 or len(spans) < 2:
        return (0,) * len(spans)
    described: list[Features] = []
    for i, span in enumerate(spans):
        start = round(span.start * audio.rate / 1000)
        stop = start + round(min(span.duration, LISTEN_MS) * audio.rate / 1000)
        described.append(pieces(mono16k(audio, start, stop)))
        progress((i + 1) / len(spans))
    points, weights = _voices(described)
    return _in_order(_cluster(points, weights, min(speakers, len(spans))))


def pieces(samples: FloatArray) -> Features:
    """What each PIECE_MS of mono samples [n] at RATE are like, shape (pieces, 2 + CEPSTRA): pitch and its range in
    semitones, nan where nothing is voiced, and the mean mel cepstrum."""
    step = PIECE_MS * RATE // 1000
    count = max(1, len(samples) // step)
    _, f0 = f0_track(samples, RATE)
    cepstra, active = _cepstra(samples)
    rows = []
    for pitch, frames, loud in zip(
        np.array_split(f0, count), np.array_split(cepstra, count), np.array_split(active, count), strict=True
    ):
        voiced = 12 * np.log2(pitch[np.isfinite(pitch)])
        low, middle, high = np.percentile(voiced, (25, 50, 75)) if len(voiced) else (np.nan,) * 3
        timbre = frames[loud].mean(axis=0) if loud.any() else np.full(CEPSTRA, np.nan)
        rows.append(np.concatenate([[middle, high - low], timbre]))
    return np.array(rows)


def _cepstra(samples: FloatArray) -> tuple[Features, npt.NDArray[np.bool_]]:
    """Mel cepstra per 10 ms, shape (frames, CEPSTRA), and which frames are speech."""
    padded = np.pad(samples, (0, max(0, FRAME - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=1)) ** 2
    mels = np.log(power @ _mel_bands().T + 1e-10)
    level = 10 * np.log10(power.sum(axis=1) + 1e-10)
    angle = np.pi / MELS * (np.arange(MELS) + 0.5)
    return mels @ np.cos(np.outer(np.arange(1, CEPSTRA + 1), angle)).T, level > np.percentile(
        level, 95
    ) - ACTIVE_DB


def _mel_bands() -> Features:
    """Triangles over the spectrum, shape (MELS, FRAME // 2 + 1), 100 Hz to 7.6 kHz (O'Shaughnessy's mel)."""
    low, high = 2595 * np.log10(1 + np.array([100.0, 7600.0]) / 700)
    edges = 700 * (10 ** (np.linspace(low, high, MELS + 2) / 2595) - 1)
    hz = np.fft.rfftfreq(FRAME, 1 / RATE)
    rise = (hz - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - hz) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0, np.minimum(rise, fall))


def _voices(described: Sequence[Features]) -> tuple[Features, Features]:
    """One point per span in units of a voice's own variation, shape (spans, features), and its weight.

    What could not be heard in a span (no voiced sound) is taken to be the film's median.
    """
    everything = np.concatenate(described)
    heard = np.isfinite(everything)
    columns = zip(everything.T, heard.T, strict=True)
    usual = np.array([np.median(column[ok]) if ok.any() else 0.0 for column, ok in columns])
    filled = [np.where(np.isfinite(pieces), pieces, usual) for pieces in described]
    points = np.array([np.median(pieces, axis=0) for pieces in filled])
    inner = np.concatenate([pieces - pieces.mean(axis=0) for pieces in filled if len(pieces) > 1] or [points])
    freedom = max(1, len(inner) - sum(len(pieces) > 1 for pieces in filled))
    spread = np.sqrt(np.square(inner).sum(axis=0) / freedom)
    points /= np.maximum(spread, 1e-6 + 0.1 * points.std(axis=0))
    return points, np.array([float(len(pieces)) for pieces in filled])


def _cluster(points: Features, weights: Features, count: int) -> npt.NDArray[np.intp]:
    """Weighted k-means; starts are farthest-first from points spread over the film, so nothing is drawn."""
    best, tightest = np.zeros(len(points), np.intp), np.inf
    for first in np.unique(np.linspace(0, len(points) - 1, STARTS).astype(int)):
        centres = points[[first]]
        while len(centres) < count:
            centres = np.concatenate([centres, points[[_distances(points, centres).min(axis=1).argmax()]]])
        for _ in range(ROUNDS):
            nearest = _distances(points, centres).argmin(axis=1)
            moved = np.array(
                [
                    np.average(points[nearest == k], axis=0, weights=weights[nearest == k])
                    if (nearest == k).any()
                    else centres[k]
                    for k in range(count)
                ]
            )
            if np.array_equal(moved, centres):
                break
            centres = moved
        inertia = float((_distances(points, centres).min(axis=1) * weights).sum())
        if inertia < tightest:
            best, tightest = _distances(points, centres).argmin(axis=1), inertia
    return best


def _distances(points: Features, centres: Features) -> Features:
    """Squared, shape (points, centres)."""
    squared: Features = np.square(points[:, None, :] - centres[None, :, :]).sum(axis=2)
    return squared


def _in_order(labels: npt.NDArray[np.intp]) -> tuple[int, ...]:
    """The same grouping, numbered by first appearance."""
    numbers: dict[int, int] = {}
    return tuple(numbers.setdefault(int(label), len(numbers)) for label in labels)
