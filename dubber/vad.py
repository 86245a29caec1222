"""Where anybody speaks: Silero voice activity, its edges sharpened to 10 ms by short-time band energy.

Knows nothing about words, speakers or stages; a whole film becomes one row of numbers per 10 ms, never more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from align.types import Span, union
from dubber.errors import MissingError

if TYPE_CHECKING:
    from dubber.audio import AudioFile

FloatArray = npt.NDArray[np.float32]

REVISION = 1
"""Goes up whenever the same sound would give other spans for a reason that `digest` does not see."""

RATE = 16_000
"""Hz, the rate Silero was trained at."""
WINDOW = 512
"""Samples of one Silero probability (32 ms)."""
HOP = RATE // 100
"""Samples of one energy frame: 10 ms, the grid that QUALITY figures are taken on."""
HOP_MS = 10
FRAME = 2 * HOP
"""Samples under one energy frame's Hann window (20 ms), centred on the 10 ms it speaks for."""

ENTER, LEAVE = 0.5, 0.35
"""Silero's own hysteresis: speech begins at the first probability, and ends below the second."""
MIN_SPEECH_MS = 90
"""Shorter bursts are clicks: the shortest word said alone ("no", "I") lasts longer."""
SURE, SURE_BELOW_MS = 0.85, 250
"""A burst under this length must be this certain: single notes reach 0.8 for 160 ms, words said alone 0.87."""
MIN_SILENCE_MS = 160
"""Longer than the closure of a stop consonant (to about 120 ms), shorter than a pause one hears."""

BLOCK = 64 * RATE
"""Samples given to the model at once: about a minute, and whole windows of it."""
WARM_UP = 6 * RATE // WINDOW * WINDOW
"""Samples before a block that only bring the model's memory into the state it would have had."""

BANDS_HZ = (100, 300, 600, 1000, 1500, 2200, 3200, 4800, 7600)
"""Edges of the energy bands: about one per formant region, and two for fricatives, free of DC and hum."""
FLOOR_DB = -90.0
"""dB re full scale below which a band is digital silence."""
RISE_DB = 9.0
"""A band speaks once it stands this far over its floor: noise seldom reaches 8 dB over its median."""
CLEAR_DB = 3.0
"""... and this far over the loud moments of that silence, which are notes and effects rather than noise."""
DEPTH_DB = 36.0
"""What lies further under the loudest of the span is breath or reverberation, not the edge of a word."""
OUTWARD_MS, INWARD_MS = 120, 200
"""How far an edge may move: Silero hears soft onsets up to 200 ms late and lets go as late after the end."""
GAP_MS = 50
"""A dip inside a word (a stop before a vowel) that does not end the search outward."""
CONTEXT_MS = 1000
"""How far into the silence beside a span its noise floor is measured."""


def detect(audio: AudioFile, progress: Callable[[float], None] = lambda _: None) -> tuple[Span, ...]:
    """Speech in a 48 kHz audio file as sorted, disjoint spans, edges on the 10 ms grid.

    Memory is bounded by blocks of a minute plus about 40 MB for each three hours of film.
    """
    from dubber.audio import blocks16k

    def blocks() -> Iterator[FloatArray]:
        for start, block in blocks16k(audio, BLOCK * 1000 // RATE):
            yield block
            progress(min(1.0, (start + len(block) * 1000 / RATE) / max(1, audio.duration)))

    return _spans(*_listen(blocks()), duration=audio.duration)


def digest() -> str:
    """What the spans depend on besides the sound, for cache keys: this code, the model file, the versions of
    what runs it, and every number above. Loads nothing. Raises MissingError where the model is not there."""
    from importlib.metadata import PackageNotFoundError, version
    from importlib.util import find_spec

    found = find_spec("faster_whisper")
    folders = (found and found.submodule_search_locations) or ()
    models = sorted(file.name for folder in folders for file in Path(folder, "assets").glob("*.onnx"))
    try:
        versions = [f"{name}-{version(name)}" for name in ("faster-whisper", "onnxruntime")]
    except PackageNotFoundError as error:
        raise _no_model() from error
    if not models:
        raise _no_model()
    hearing = (RATE, WINDOW, ENTER, LEAVE, MIN_SPEECH_MS, SURE, SURE_BELOW_MS, MIN_SILENCE_MS, BLOCK, WARM_UP)
    edges = (
        HOP,
        FRAME,
        BANDS_HZ,
        FLOOR_DB,
        RISE_DB,
        CLEAR_DB,
        DEPTH_DB,
        OUTWARD_MS,
        INWARD_MS,
        GAP_MS,
        CONTEXT_MS,
    )
    return " ".join(map(str, (f"vad-{REVISION}", *versions, *models, *hearing, *edges)))


def _no_model() -> MissingError:
    return MissingError(
        "The model that finds speech is not there.", hint="Install it again: pip install faster-whisper"
    )


def detect_samples(samples: FloatArray, *, block: int = BLOCK) -> tuple[Span, ...]:
    """Speech in mono float32 `samples`, shape (n,), at 16 kHz; `block` samples are heard at a time.

    The result does not depend on `block`, which is rounded up to whole model windows.
    """
    step = -(-block // WINDOW) * WINDOW
    blocks = (samples[start : start + step] for start in range(0, len(samples), step))
    return _spans(*_listen(blocks), duration=len(samples) * 1000 // RATE)


def _listen(blocks: Iterable[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Silero's probability per 32 ms, shape (p,), and band energies in dB per 10 ms, shape (f, bands).

    `blocks` follow each other without a gap. Each is heard after `WARM_UP` samples of what came before.
    """
    # onnxruntime would otherwise note in the home folder what runs, to be sent to its makers.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    from faster_whisper.vad import get_vad_model

    model = get_vad_model()
    probabilities: list[FloatArray] = []
    energies: list[FloatArray] = []
    before = np.zeros(0, np.float32)  # a whole number of windows, already heard
    pending = np.zeros(0, np.float32)  # less than a window, not yet heard
    margin = np.zeros(HOP // 2, np.float32)  # what the next energy frame still looks back on
    for block in blocks:
        clean = np.nan_to_num(block.astype(np.float32, copy=False), posinf=0.0, neginf=0.0)
        margin, frames = _band_energy(np.concatenate([margin, clean]))
        energies.append(frames)
        pending = np.concatenate([pending, clean])
        whole = len(pending) // WINDOW * WINDOW
        if whole:
            heard = np.concatenate([before, pending[:whole]])
            probabilities.append(_hear(model, heard)[len(before) // WINDOW :])
            before, pending = heard[-WARM_UP:], pending[whole:]
    energies.append(_band_energy(np.concatenate([margin, np.zeros(FRAME, np.float32)]))[1])
    if len(pending):
        last = np.concatenate([before, pending, np.zeros(WINDOW - len(pending), np.float32)])
        probabilities.append(_hear(model, last)[-1:])
    empty = np.zeros(0, np.float32)
    return np.concatenate([empty, *probabilities]), np.concatenate(energies)


def _hear(model: Callable[[FloatArray], FloatArray], samples: FloatArray) -> FloatArray:
    """Probabilities of whole windows; a copy goes in, because the model blanks the end of its input."""
    return model(samples.copy()).reshape(-1).astype(np.float32)


def _band_energy(samples: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(the tail that the next call must begin with, energies in dB re full scale, shape (frames, bands))."""
    count = max(0, (len(samples) - FRAME) // HOP + 1)
    bands = len(BANDS_HZ) - 1
    if not count:
        return samples, np.zeros((0, bands), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP][:count]
    window = np.hanning(FRAME + 1)[:-1].astype(np.float32)
    bins = [round(hz * FRAME / RATE) for hz in BANDS_HZ]
    energy = np.empty((count, bands), np.float32)
    for start in range(0, count, 6000):  # a minute at a time keeps the spectra small
        power = np.abs(np.fft.rfft(frames[start : start + 6000] * window, axis=1)) ** 2
        energy[start : start + 6000] = np.add.reduceat(power, bins, axis=1)[:, :bands]
    energy /= np.float32((window.sum() / 2) ** 2)  # a full-scale sine is 0 dB
    return samples[count * HOP :], 10 * np.log10(np.maximum(energy, 10 ** (FLOOR_DB / 10)))


def _spans(probabilities: FloatArray, energy: FloatArray, *, duration: int) -> tuple[Span, ...]:
    """Hysteresis on the probabilities, then every edge moved to where the bands rise out of their floor."""
    rough = _hysteresis(probabilities, duration)
    quiet = np.ones(len(energy), bool)
    for span in rough:
        quiet[span.start // HOP_MS : -(-span.end // HOP_MS)] = False
    refined = []
    for i, span in enumerate(rough):
        before = rough[i - 1].end if i else 0
        after = rough[i + 1].start if i + 1 < len(rough) else duration
        # Two neighbours share the silence between them, half each, so that they never meet.
        reach = Span((before + span.start) // 2 if i else 0, (span.end + after) // 2)
        refined.append(_sharpen(span, reach, energy, quiet).clipped(duration))
    return union((span for span in refined if span.duration >= MIN_SPEECH_MS), join=MIN_SILENCE_MS // 2)


def _hysteresis(probabilities: FloatArray, duration: int) -> tuple[Span, ...]:
    """Runs that reach ENTER, each kept until LEAVE, joined over short silences, without clicks."""
    ms = WINDOW * 1000 / RATE
    change = np.diff(np.concatenate([[0], (probabilities >= LEAVE).astype(np.int8), [0]]))
    runs = [
        Span(int(first * ms), int(end * ms)).clipped(duration)
        for first, end in zip(np.flatnonzero(change == 1), np.flatnonzero(change == -1), strict=True)
        if probabilities[first:end].max() >= ENTER
    ]
    joined = (span for span in union(runs, join=MIN_SILENCE_MS) if span.duration >= MIN_SPEECH_MS)
    return tuple(
        span
        for span in joined
        if span.duration >= SURE_BELOW_MS
        or probabilities[int(span.start / ms) : int(span.end / ms) + 1].max() >= SURE
    )


def _sharpen(span: Span, reach: Span, energy: FloatArray, quiet: npt.NDArray[np.bool_]) -> Span:
    """The span with both edges moved to where its sound begins and ends, inside `reach`."""
    first, last = span.start // HOP_MS, min(len(energy), span.end // HOP_MS)
    outward = OUTWARD_MS // HOP_MS
    low = max(reach.start // HOP_MS, first - outward)
    high = min(reach.end // HOP_MS, last + outward, len(energy))
    middle = (first + last) // 2
    if not low <= first < middle < last <= high:
        return span
    loudness = energy[first:last].max(axis=1)
    limit = float(np.percentile(loudness, 95)) - DEPTH_DB
    context = CONTEXT_MS // HOP_MS

    def sounding(start: int, stop: int, beside: slice) -> npt.NDArray[np.bool_]:
        silence = energy[beside][quiet[beside]]
        bar = np.full(energy.shape[1], limit)
        if len(silence):
            usual, loud = np.percentile(silence, (50, 90), axis=0)
            bar = np.maximum(bar, np.maximum(usual + RISE_DB, loud + CLEAR_DB))
        return np.asarray((energy[start:stop] > bar).any(axis=1))

    onset = sounding(low, middle, slice(max(0, first - context), first))
    offset = sounding(middle, high, slice(last, last + context))
    start = middle - _reach_outward(onset[::-1], middle - first)
    end = middle + _reach_outward(offset, last - middle)
    return Span(start * HOP_MS, end * HOP_MS)


def _reach_outward(sounding: npt.NDArray[np.bool_], edge: int) -> int:
    """How many frames belong to the span, counted outward from inside it; `edge` is the first guess.

    From the last sounding frame at or shortly inside the guess the span grows outward over dips of at most
    GAP_MS. Where nothing sounds there, the guess stands.
    """
    inside = np.flatnonzero(sounding[max(0, edge - INWARD_MS // HOP_MS) : edge])
    if not len(inside):
        return edge
    reached = max(0, edge - INWARD_MS // HOP_MS) + int(inside[-1])
    for frame in np.flatnonzero(sounding[reached:]) + reached:
        if frame - reached > GAP_MS // HOP_MS:
            break
        reached = int(frame)
    return reached + 1
