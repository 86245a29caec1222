"""Films made of a bed and of voices, mixed: what the tests of the mix share."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np

from align.types import Span
from dubber.audio import AudioFile, AudioWriter, Stems
from dubber.loudness import loudness_of
from dubber.stages.mix import MixLine, MixReport, measure_stems, mix

MS = 48


@lru_cache
def voice(ms: int, pitch: float = 120.0, level: float = -20.0) -> np.ndarray:
    """A buzz with syllables, mono, `level` LUFS, beginning and ending at zero."""
    t = np.arange(ms * MS) / 48_000
    buzz = sum(np.sin(2 * math.pi * pitch * k * t) / k for k in range(1, 20))
    rhythm = np.abs(np.sin(math.pi * max(1, round(ms / 250)) * np.arange(ms * MS) / (ms * MS)))
    sound = (buzz * rhythm).astype(np.float32)
    sound *= np.float32(10 ** ((level - loudness_of(sound).integrated) / 20))
    sound.setflags(write=False)
    return sound


def stereo(mono: np.ndarray, pan: float = 0.0) -> np.ndarray:
    """Constant-power panned, so that it stays as loud: -1 left, 1 right."""
    angle = (pan + 1) * math.pi / 4
    return (mono[:, None] * [math.cos(angle), math.sin(angle)]).astype(np.float32)


def music(ms: int, level: float = -35.0, seed: int = 0) -> np.ndarray:
    sound = np.random.default_rng(seed).normal(size=(ms * MS, 2)).astype(np.float32)
    return sound * np.float32(10 ** ((level - loudness_of(sound).integrated) / 20))


class Film:
    """A film of `ms` made of a bed and of voices at given times, and what is mixed of it."""

    def __init__(self, folder: Path, ms: int, bed: np.ndarray | None = None) -> None:
        self.folder, self.ms = folder, ms
        self.bed = np.zeros((ms * MS, 2), np.float32) if bed is None else bed
        self.speech = np.zeros((ms * MS, 2), np.float32)

    def say(self, start: int, sound: np.ndarray) -> Span:
        self.speech[start * MS : start * MS + len(sound)] += sound
        return Span(start, start + len(sound) // MS)

    def stems(self) -> Stems:
        for name, sound in (("source", self.bed + self.speech), ("speech", self.speech)):
            with AudioWriter(self.folder / f"{name}.wav") as writer:
                writer.append(sound)
        return Stems(AudioFile(self.folder / "source.wav"), AudioFile(self.folder / "speech.wav"))

    def mix(self, lines: list[MixLine], **how: object) -> tuple[np.ndarray, MixReport]:
        stems = self.stems()
        report = mix(stems, lines, self.folder / "dub.wav", levels=measure_stems(stems), **how)  # type: ignore[arg-type]
        with AudioFile(self.folder / "dub.wav") as file:
            assert (file.frames, file.channels, file.rate) == (self.ms * MS, 2, 48_000)
            return file.read(0, file.frames), report


def line(name: str, start: int, sound: np.ndarray, source: Span | None = None, speaker: str = "") -> MixLine:
    slot = Span(start, start + len(sound) // MS)
    return MixLine(name, slot, slot if source is None else source, lambda: sound, speaker)
