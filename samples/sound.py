"""The sample film's sound: lines spoken by Flite at times known to the millisecond, over a synthesised bed.

Everything streams in blocks, so that an hour needs no more memory than a minute.
"""

from __future__ import annotations

import random
import subprocess
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from script import DIALOGUE, LEAD_OUT, PAUSE, Said

Samples = npt.NDArray[np.float32]

RATE = 48_000
PER_MS = RATE // 1000

VOICES = {"Anna": ("slt", 0.42), "Ben": ("rms", 0.58)}
"""Flite's voice, and where the speaker sits: 0 is left, 1 is right, 0.5 the middle."""

SPEECH_LEVEL = 10 ** (-23 / 20)
"""RMS of each line while it sounds (full scale 1.0): dialogue level."""

BED_LEVEL = 10 ** (-48 / 20)
"""RMS of the bed: 25 dB under the speech, clearly there in the pauses."""

SILENCE = 10 ** (-45 / 20)
"""Flite pads its lines; what lies this far under a line's peak, in 5 ms windows, is not part of it."""

CHORDS = ((110.0, 164.81, 220.0, 277.18), (98.0, 146.83, 196.0, 246.94), (87.31, 130.81, 174.61, 220.0))
"""Hz: A major, G major, F major, low and open."""

CHORD_SECONDS = 8
HISS_SECONDS = 4
LOOP_SECONDS = 2 * CHORD_SECONDS * len(CHORDS)
"""After which every chord has come round in both of the pad's layers."""

BLOCK = RATE


@dataclass(frozen=True)
class Cue:
    """A line where it stands in the film: [start, end) in ms, and which line of the dialogue it is."""

    start: int
    end: int
    line: Said


def speak() -> dict[Said, Samples]:
    """Every line of the dialogue as mono samples at RATE, trimmed to whole ms of sound. Needs Flite."""
    return {line: _spoken(line) for line in DIALOGUE}


def arrange(spoken: dict[Said, Samples], length: float | None) -> tuple[tuple[Cue, ...], int]:
    """Where each line stands, and the film's duration in ms.

    Without `length` (seconds) the dialogue is heard once. With it, it is heard again and again until the
    time is full, every round with other gaps, so that no two minutes are alike.
    """
    cues: list[Cue] = []
    now = 0
    draw = random.Random(20)
    for round_ in range(1 if length is None else int(length)):
        for line in DIALOGUE:
            start = now + (line.gap if round_ == 0 else int(line.gap * draw.uniform(0.6, 2.0)))
            end = start + len(spoken[line]) // PER_MS
            if length is not None and end + LEAD_OUT > length * 1000:
                return tuple(cues), int(length * 1000)
            cues.append(Cue(start, end, line))
            now = end
    return tuple(cues), now + LEAD_OUT


def voices(cues: Sequence[Cue], spoken: dict[Said, Samples], duration: int) -> Iterator[Samples]:
    """The speech alone, in blocks of shape (n, 2)."""
    waiting = list(cues)
    for start, stop in _blocks(duration):
        block = np.zeros((stop - start, 2), np.float32)
        waiting = [cue for cue in waiting if cue.end * PER_MS > start]
        for cue in waiting:
            first = cue.start * PER_MS
            if first >= stop:
                break
            sound = spoken[cue.line]
            a, b = max(first, start), min(first + len(sound), stop)
            place = VOICES[cue.line.speaker][1]
            sides = np.sqrt(2) * np.array([np.cos(place * np.pi / 2), np.sin(place * np.pi / 2)])
            block[a - start : b - start] += sound[a - first : b - first, None] * sides.astype(np.float32)
        yield block


def bed(duration: int) -> Iterator[Samples]:
    """The bed alone, in blocks of shape (n, 2): a slow pad of chords, and the rumble of a carriage."""
    loop = _loop()
    for start, stop in _blocks(duration):
        yield np.take(loop, np.arange(start, stop), axis=0, mode="wrap")


def activity(cues: Sequence[Cue], spoken: dict[Said, Samples], speaker: str, at: float) -> float:
    """How loud a speaker is at a second of the film, 0..1, over the 40 ms that begin there."""
    after = bisect_right(cues, at * 1000, key=lambda cue: cue.start)
    if after == 0 or cues[after - 1].end <= at * 1000 or cues[after - 1].line.speaker != speaker:
        return 0.0
    cue = cues[after - 1]
    first = int(at * RATE) - cue.start * PER_MS
    window = spoken[cue.line][first : first + 40 * PER_MS]
    return float(min(1.0, np.sqrt(np.mean(window**2)) / (2 * SPEECH_LEVEL)))


def _blocks(duration: int) -> Iterator[tuple[int, int]]:
    total = duration * PER_MS
    return ((start, min(start + BLOCK, total)) for start in range(0, total, BLOCK))


def _spoken(line: Said) -> Samples:
    pause = np.zeros(PAUSE * PER_MS, np.float32)
    parts = [_flite(text, VOICES[line.speaker][0]) for text in line.parts]
    pieces = [piece for part in parts for piece in (pause, part)][1:]
    loud = np.sqrt(np.mean(np.concatenate(parts) ** 2))
    return np.concatenate(pieces) * np.float32(SPEECH_LEVEL / loud)


def _flite(text: str, voice: str) -> Samples:
    """One piece of text spoken, resampled, trimmed to its sound and to whole milliseconds."""
    import soundfile
    import soxr

    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "line.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(wav)], check=True)
        samples, rate = soundfile.read(wav, dtype="float32")
    sound = soxr.resample(samples, rate, RATE)
    window = 5 * PER_MS
    levels = np.sqrt(np.mean(sound[: len(sound) // window * window].reshape(-1, window) ** 2, axis=1))
    (heard,) = np.nonzero(levels > SILENCE * np.abs(sound).max())
    trimmed = sound[heard[0] * window : (heard[-1] + 1) * window].copy()
    fade = np.linspace(0, 1, PER_MS * 2, dtype=np.float32)
    trimmed[: len(fade)] *= fade
    trimmed[-len(fade) :] *= fade[::-1]
    return np.asarray(trimmed, np.float32)


def _loop() -> Samples:
    """LOOP_SECONDS of the bed that repeat without a seam, at its level, shape (n, 2)."""
    seconds = np.arange(LOOP_SECONDS * RATE) / RATE
    hiss = np.tile(_hiss(), (LOOP_SECONDS // HISS_SECONDS, 1))
    mixed = 0.85 * _pad(seconds) + 0.5 * hiss
    return np.asarray(BED_LEVEL * mixed / np.sqrt(np.mean(mixed**2)), np.float32)


def _hiss() -> npt.NDArray[np.float64]:
    """Some seconds of soft noise, RMS 1, shape (n, 2), that repeat without a seam."""
    noise = np.random.default_rng(5).standard_normal((RATE * HISS_SECONDS, 2))
    spectrum = np.fft.rfft(noise, axis=0)
    frequency = np.fft.rfftfreq(len(noise), 1 / RATE)[:, None]
    shaped = np.fft.irfft(spectrum / (1 + (frequency / 180) ** 1.2) * (frequency > 30), n=len(noise), axis=0)
    return np.asarray(shaped / np.sqrt(np.mean(shaped**2)))


def _pad(seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Chords that swell and fade into each other, RMS about 1, shape (n, 2)."""
    out = np.zeros((len(seconds), 2))
    for lag in (0, CHORD_SECONDS):
        # Two chords at a time, half a chord apart, each with a raised cosine over twice its length.
        place = (seconds + lag) / (2 * CHORD_SECONDS)
        swell = 0.5 - 0.5 * np.cos(2 * np.pi * place)
        number = np.floor(place).astype(int) * 2 - lag // CHORD_SECONDS
        for index, chord in enumerate(CHORDS):
            chosen = (number % len(CHORDS)) == index
            if not chosen.any():
                continue
            for voice, pitch in enumerate(chord):
                # Whole turns per loop, so that it closes.
                turn = 2 * np.pi * round(pitch * LOOP_SECONDS) / LOOP_SECONDS * seconds[chosen]
                drift = 0.4 * np.sin(2 * np.pi * 5 / LOOP_SECONDS * seconds[chosen] + voice)
                tone = np.sin(turn + drift) + 0.25 * np.sin(2 * turn) + 0.1 * np.sin(3 * turn)
                side = 0.5 + 0.25 * np.sin(voice * 2.1)
                out[chosen, 0] += swell[chosen] * tone * side
                out[chosen, 1] += swell[chosen] * tone * (1 - side)
    return out
