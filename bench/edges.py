"""`python -m bench.edges`: how far word and segment edges are from where they are said, before and after they are moved
to the sound. On spoken words whose places are known, with times that drift as a recogniser's do; in a quiet room, and
with music, where words are moved to what a separator finds of the voice, or to the film as it is."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from align.types import Span, Word

FloatArray = npt.NDArray[np.float32]

RATE = 16_000
PHRASES = (
    "we want to go home tomorrow morning",
    "my brother bought seven green books",
    "please open the door for your sister",
    "twenty five people came to the meeting",
    "never mind",
    "she told me that nobody would listen",
    "stop",
    "the last train leaves at eleven",
    "why should anybody believe such a story",
    "thank you very much indeed",
)
VOICES = ("gmw/en-US", "gmw/en-US+f3", "gmw/en-GB-scotland", "gmw/en-US+m7")

DRIFT_MS = 120.0
"""Standard deviation of each edge's error: what timing by cross-attention is off by."""
OFFSET_MS = 80
"""… by which every word is late besides."""
SWALLOWED = 0.25
"""Share of the words beside a pause that are stretched over most of it."""
ASTRAY = 0.08
"""Share of first words that lie in the pause before theirs as a whole."""
HESITATING = 3
"""Every third pause is inside a sentence: no mark is before it."""
OVERLAP_MS = 25
"""Words of one phrase run into each other by this much, as they do in speech."""
NOISE = 6e-4
"""RMS of the room (−64 dBFS)."""

BEAT_MS, BEAT_FADE_MS = 250, 50
"""Drums: noise on every eighth at 120 beats per minute, and how fast it falls to 1/e."""
CHORD_HZ = (220.0, 277.2, 329.6, 440.0, 554.4)
CHORD_DB = -10.0
"""RMS of the chord that is held under the drums, relative to theirs."""
MUSIC_DB = -6.0
"""RMS of the music relative to the voice's where that is heard."""
LEFT_DB = -20.0
"""How much of the music a separator leaves in the voice."""


@dataclass(frozen=True)
class Scene:
    """A film's sound, mono at 16 kHz, shape (n,); its words where they are said; each phrase from begin to end."""

    sound: FloatArray
    words: tuple[Word, ...]
    phrases: tuple[Span, ...]


@dataclass(frozen=True)
class Errors:
    """Median and 95th percentile of distances in ms."""

    median: float
    most: float

    @classmethod
    def of(cls, distances: Sequence[float]) -> Errors:
        """The two figures of some differences in ms."""
        sizes = np.abs(np.asarray(distances, float))
        return cls(float(np.median(sizes)), float(np.percentile(sizes, 95)))

    def __str__(self) -> str:
        return f"{self.median:6.0f} {self.most:6.0f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phrases", type=int, default=120, help="how many are said")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    rows = measure(chosen.phrases, chosen.seed)
    loud = with_music(chosen.phrases, chosen.seed)
    print(
        f"{chosen.phrases} phrases; ms             before           after   with music, stem             mix"
    )
    print(f"{'':24}median    95 %   median    95 %     median    95 %   median    95 %")
    for name, (before, after) in rows.items():
        stem, mix = loud[name]
        print(f"{name:22} {before}   {after}     {stem}   {mix}")


def measure(phrases: int, seed: int) -> dict[str, tuple[Errors, Errors]]:
    """(before, after) for each kind of edge."""
    rng = np.random.default_rng(seed)
    scene = spoken(phrases, rng)
    heard = drifted(scene, rng)
    (moved,) = snapped(heard, scene.sound)
    before, after = compare(scene, heard), compare(scene, moved)
    return {name: (before[name], after[name]) for name in before}


def with_music(phrases: int, seed: int) -> dict[str, tuple[Errors, Errors]]:
    """The same film as `measure` with music: (moved to the voice that a separator finds, moved to the mix) for each
    kind of edge. Speech is detected in the former both times."""
    rng = np.random.default_rng(seed)
    scene = spoken(phrases, rng)
    heard = drifted(scene, rng)
    loud = music(scene.sound, rng)
    stem = scene.sound + loud * np.float32(10 ** (LEFT_DB / 20))
    by_stem, by_mix = (compare(scene, moved) for moved in snapped(heard, stem, scene.sound + loud))
    return {name: (by_stem[name], by_mix[name]) for name in by_stem}


def snapped(heard: Sequence[Word], voice: FloatArray, *others: FloatArray) -> list[tuple[Word, ...]]:
    """Words moved to the voice, and to each of the other sounds, where speech is detected in the voice."""
    import soundfile

    from dubber import vad
    from dubber.audio import AudioFile
    from dubber.stages.transcribe import edges

    moved: list[tuple[Word, ...]] = []
    speech: Sequence[Span] = ()
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "film.wav"
        for sound in (voice, *others):
            soundfile.write(path, sound, RATE, subtype="FLOAT")
            with AudioFile(path) as audio:
                speech = speech or vad.detect(audio)
                moved.append(edges.snap(audio, heard, speech))
    return moved


def music(voice: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Drums and a held chord for as long as a voice, MUSIC_DB below it."""
    time = np.arange(len(voice)) / RATE
    drums = rng.normal(0, 1, len(voice)) * np.exp(-(time * 1000 % BEAT_MS) / BEAT_FADE_MS)
    chord = np.sum([np.sin(2 * np.pi * hertz * time) for hertz in CHORD_HZ], axis=0)
    both = drums / drums.std() + chord / chord.std() * 10 ** (CHORD_DB / 20)
    said = voice[np.abs(voice) > 0.01]
    return np.asarray(both * (said.std() / both.std() * 10 ** (MUSIC_DB / 20)), np.float32)


def spoken(phrases: int, rng: np.random.Generator) -> Scene:
    """So many of PHRASES one after another, each by one voice, with pauses of 0.25 to 1.5 s, in a quiet room."""
    parts: list[tuple[int, FloatArray]] = []
    words: list[Word] = []
    spans: list[Span] = []
    at = RATE
    for index in range(phrases):
        begin = at
        for text in PHRASES[index % len(PHRASES)].split():
            sound = say(text, VOICES[int(rng.integers(len(VOICES)))], int(rng.integers(140, 200)))
            parts.append((at, sound))
            words.append(Word(text, Span(at * 1000 // RATE, (at + len(sound)) * 1000 // RATE), 0.9))
            at += len(sound) - RATE * OVERLAP_MS // 1000
        if index % HESITATING:
            words[-1] = replace(words[-1], text=words[-1].text + ".")
        at += RATE * OVERLAP_MS // 1000
        spans.append(Span(begin * 1000 // RATE, at * 1000 // RATE))
        at += int(rng.uniform(0.25, 1.5) * RATE)
    film = rng.normal(0, NOISE, at + RATE).astype(np.float32)
    for start, sound in parts:
        film[start : start + len(sound)] += sound * np.float32(0.4)
    return Scene(film, tuple(words), tuple(spans))


def say(text: str, voice: str, wpm: int) -> FloatArray:
    """One word, from the first sample above 1 % of its peak to the last."""
    import soxr

    from tts import espeaklib

    raw, rate = espeaklib.speak(text, voice, wpm=wpm, pitch=50, pitch_range=50)
    sound = soxr.resample(raw, rate, RATE)
    heard = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
    return np.asarray(sound[heard[0] : heard[-1] + 1], np.float32)


def drifted(scene: Scene, rng: np.random.Generator) -> tuple[Word, ...]:
    """The words with times as a recogniser has them: one edge between two words of a phrase, every edge off by a drift,
    all late by the offset, some words stretched over the pause beside them."""
    firsts = {span.start for span in scene.phrases}
    bounds: list[list[float]] = []
    for i, word in enumerate(scene.words):
        end = word.span.end + rng.normal(OFFSET_MS, DRIFT_MS)
        if word.span.start not in firsts:
            start = bounds[-1][1]
        else:
            start = word.span.start + rng.normal(OFFSET_MS, DRIFT_MS)
            chance, pause = rng.random(), word.span.start - scene.words[i - 1].span.end
            if bounds and chance < SWALLOWED:
                start = bounds[-1][1] + 0.15 * pause
            elif bounds and chance < 2 * SWALLOWED:
                bounds[-1][1] = start - 0.15 * pause
            elif bounds and chance < 2 * SWALLOWED + ASTRAY:
                start = bounds[-1][1] + 0.15 * pause
                end = start + word.span.duration
        bounds.append([start, end])
    times = np.maximum.accumulate(np.maximum(0, np.array(bounds).ravel())).round().astype(int).reshape(-1, 2)
    return tuple(
        Word(word.text, Span(int(start), int(end)), word.confidence)
        for word, (start, end) in zip(scene.words, times, strict=True)
    )


def compare(scene: Scene, found: Sequence[Word]) -> dict[str, Errors]:
    """How far edges are off: of phrases (what a segment's times are), and of words inside them."""
    onsets: list[float] = []
    offsets: list[float] = []
    inner: list[float] = []
    begins, ends = {span.start for span in scene.phrases}, {span.end for span in scene.phrases}
    for truth, word in zip(scene.words, found, strict=True):
        for true, time, outer, errors in (
            (truth.span.start, word.span.start, begins, onsets),
            (truth.span.end, word.span.end, ends, offsets),
        ):
            (errors if true in outer else inner).append(float(time - true))
    return {
        "segment onsets": Errors.of(onsets),
        "segment ends": Errors.of(offsets),
        "word edges inside": Errors.of(inner),
        "all word edges": Errors.of(onsets + offsets + inner),
    }


if __name__ == "__main__":
    main()
