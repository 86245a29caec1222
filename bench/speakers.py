"""`python -m bench.speakers`: how well speakers are told apart and counted, on films made of several voices on the
spot.

The same clustering is fed by two embeddings that need no download: pitch and mel cepstra of each window, and CAM++
with filled weights (a random network: it shows that all runs, and is no measure of the released one).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from align.diarization import error_rate
from align.metrics import speech_time
from align.types import Span, union
from dubber import process
from dubber.audio import AudioFile
from dubber.stages.diarize import overlaps, prosody
from dubber.stages.diarize.campplus import TUNING
from dubber.stages.diarize.windowed import Tuning, diarize
from dubber.stages.diarize.windows import Embed, FloatArray

RATE = 16_000

WHO = (
    "The old man",
    "My brother",
    "Nobody here",
    "Her daughter",
    "The doctor",
    "That boy",
    "Our neighbour",
    "The queen",
)
DID = (
    "has never seen",
    "forgot about",
    "would rather sell",
    "was afraid of",
    "talks all day about",
    "wants to buy",
    "lost",
)
WHAT = (
    "the house near the river",
    "seven green books",
    "his wooden boat",
    "the garden",
    "another train",
    "it",
    "those keys",
)
WHEN = (
    "before the war",
    "in the morning",
    "this year",
    "when the lights went out",
    "after supper",
    "",
    "",
    "far too often",
)
"""Sentences are drawn from these, so that hardly one is said twice: synthetic voices say it with the same sound."""


USUAL = np.array([84.0, 2.0, 24.0, 14.0, 17.0, 4.0, *[0.0] * (prosody.CEPSTRA - 4)])
WITHIN = np.array([1.5, 1.0, 5.9, 2.3, 4.1, 2.8, 1.8, 1.9, 1.4, 1.0, 1.1, 0.9, 0.8, 0.7])
"""Pitch in semitones, its range, mel cepstra: what is usual, and how far windows of one voice lie apart (standard
deviation on these films, pooled; pitch and its range more, as people vary them more than synthetic voices do)."""
NEAR = 4.5
"""Units of WITHIN in which two windows are compared: two of one voice then have a cosine of about 0.5."""

WIDTH = 256
STATISTICS = Tuning(same=0.3, one=0.65)
"""Cosines of `statistics`, measured on these films."""


@dataclass(frozen=True)
class Film:
    """A film's sound, who speaks in it when, and where anybody does."""

    name: str
    sound: FloatArray
    turns: tuple[tuple[Span, int], ...]

    @property
    def speech(self) -> tuple[Span, ...]:
        """Where anybody speaks, turns that touch made one."""
        return union(span for span, _ in self.turns)

    @property
    def overlaps(self) -> tuple[Span, ...]:
        """Where two speak at once."""
        ordered = sorted(self.turns)
        pairs = ((one, other) for i, (one, _) in enumerate(ordered) for other, _ in ordered[i + 1 : i + 4])
        return union(Span(other.start, min(one.end, other.end)) for one, other in pairs if one.overlap(other))

    def write(self, folder: Path) -> AudioFile:
        """The sound as a file."""
        import soundfile

        path = folder / f"{self.name.replace(' ', '-')}.wav"
        soundfile.write(path, self.sound, RATE, subtype="FLOAT")
        return AudioFile(path)


def statistics(pieces: Sequence[FloatArray]) -> FloatArray:
    """An embedding by formula: pitch, its range and mel cepstra of each piece, shape (pieces, WIDTH).

    Random Fourier features (Rahimi and Recht 2007) turn distances into cosines: exp(-d²/2), d in units of NEAR ·
    WITHIN.
    """
    rng = np.random.default_rng(7)
    directions = rng.normal(size=(len(USUAL), WIDTH // 2))
    rows = []
    for piece in pieces:
        found = prosody.pieces(piece)
        heard = np.where(np.isfinite(found), found, np.nan)
        usual = np.array([np.nanmean(column) if np.isfinite(column).any() else np.nan for column in heard.T])
        angle = ((np.where(np.isfinite(usual), usual, USUAL) - USUAL) / (NEAR * WITHIN)) @ directions
        rows.append(np.concatenate([np.cos(angle), np.sin(angle)]) / np.sqrt(WIDTH / 2))
    return np.array(rows, np.float32)


PAUSES, NONE, OVER = (200, 800), (0, 0), (-1200, 100)
"""ms from the end of one sentence to the beginning of the next, from and to."""


def conversation(
    name: str,
    voices: Sequence[Callable[[str], FloatArray]],
    seconds: float,
    gaps: tuple[int, int] = PAUSES,
    seed: int = 3,
) -> Film:
    """Voices taking turns of one to three sentences. Only another voice speaks into a sentence."""
    rng = np.random.default_rng(seed)
    lines: list[FloatArray] = []
    turns: list[tuple[Span, int]] = []
    at, speaker = 0, 0
    while at < seconds * 1000:
        others = [other for other in range(len(voices)) if other != speaker]
        speaker = int(rng.choice(others)) if turns and others else 0
        for sentence in range(int(rng.integers(1, 4))):
            words = (part[int(rng.integers(len(part)))] for part in (WHO, DID, WHAT, WHEN))
            line = voices[speaker](" ".join(words).strip() + ".")
            lines.append(line[: len(line) // 160 * 160] * np.float32(rng.uniform(0.5, 1.0)))
            gap = int(rng.integers(gaps[0] // 10, gaps[1] // 10 + 1)) * 10
            if turns:
                at = max(turns[-1][0].start + 500, at + (max(0, gap) if sentence else gap))
            turns.append((Span(at, at + len(lines[-1]) // 16), speaker))
            at = turns[-1][0].end
    sound = rng.normal(0, 5e-4, max(span.end for span, _ in turns) * 16).astype(np.float32)
    for (span, _), line in zip(turns, lines, strict=True):
        sound[span.start * 16 : span.start * 16 + len(line)] += line
    return Film(name, sound, tuple(turns))


ANSWERS = (
    "Yes.",
    "No.",
    "Why?",
    "Never.",
    "Me?",
    "Who is it?",
    "All right.",
    "Of course.",
    "I know.",
    "Now?",
)
ANSWER_MS = (300, 600)
"""From and to: a window of CAM++ is 1500."""
ANSWER_PAUSE_MS = (160, 350)
"""Before and after an answer, from and to: detected speech is in one piece over anything shorter."""


def interview(
    name: str,
    asks: Callable[[str], FloatArray],
    answers: Callable[[str], FloatArray],
    rounds: int,
    seed: int = 3,
) -> Film:
    """One voice speaks, the other puts in a word; every fourth time it has a sentence to say."""
    rng = np.random.default_rng(seed)
    parts: list[FloatArray] = []
    turns: list[tuple[Span, int]] = []
    at = 0
    for index in range(rounds):
        for speaker, voice in enumerate((asks, answers)):
            line = voice(" ".join(part[int(rng.integers(len(part)))] for part in (WHO, DID, WHAT)) + ".")
            if speaker and index % 4:
                line = voice(ANSWERS[int(rng.integers(len(ANSWERS)))])[: ANSWER_MS[1] * 16]
                line = np.pad(line, (0, max(0, ANSWER_MS[0] * 16 - len(line))))
            line = line[: len(line) // 160 * 160] * np.float32(rng.uniform(0.5, 1.0))
            turns.append((Span(at, at + len(line) // 16), speaker))
            gap = int(rng.integers(ANSWER_PAUSE_MS[0] // 10, ANSWER_PAUSE_MS[1] // 10)) * 10
            parts += [line, np.zeros(gap * 16, np.float32)]
            at += len(line) // 16 + gap
    sound = np.concatenate(parts)
    return Film(name, sound + rng.normal(0, 5e-4, len(sound)).astype(np.float32), tuple(turns))


def flite(voice: str) -> Callable[[str], FloatArray]:
    """One of Flite's voices, which are cut from recordings of people."""
    import soundfile
    import soxr

    def say(text: str) -> FloatArray:
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "said.wav"
            process.run(["flite", "-voice", voice, "-t", text, "-o", str(path)], timeout=60)
            samples, rate = soundfile.read(path, dtype="float32")
        return trimmed(soxr.resample(samples, rate, RATE))

    return say


def espeak(voice: str, pitch: int) -> Callable[[str], FloatArray]:
    """One of eSpeak NG's voices."""
    import soxr

    from tts import espeaklib

    def say(text: str) -> FloatArray:
        raw, rate = espeaklib.speak(text, voice, wpm=160, pitch=pitch, pitch_range=50)
        return trimmed(soxr.resample(raw, rate, RATE))

    return say


def trimmed(sound: npt.NDArray[np.float32]) -> FloatArray:
    """Without silence at its ends, its peak at 0.5."""
    peak = np.abs(sound).max()
    heard = np.flatnonzero(np.abs(sound) > 0.01 * peak)
    return np.asarray(sound[heard[0] : heard[-1] + 1] * (0.5 / peak), np.float32)


MAN, WOMAN, OLD = espeak("gmw/en-US", 35), espeak("gmw/en+f3", 65), espeak("gmw/en+m7", 15)


def films() -> list[Film]:
    """The constructed films. Those of Flite's voices need its program."""
    rms, slt, awb, kal = (flite(voice) for voice in ("rms", "slt", "awb", "kal16"))
    return [
        conversation("one, flite rms", [rms], 60),
        conversation("one, flite slt", [slt], 60),
        conversation("two, espeak", [MAN, WOMAN], 60),
        conversation("two, espeak, no pauses", [MAN, WOMAN], 60, NONE),
        conversation("two, flite", [rms, slt], 90),
        conversation("two, flite, no pauses", [rms, slt], 90, NONE),
        conversation("two, flite, overlapping", [rms, slt], 90, OVER),
        conversation("two men, flite", [rms, awb], 90),
        conversation("two men, flite, overlapping", [rms, awb], 90, OVER),
        conversation("three, espeak", [MAN, WOMAN, OLD], 90),
        conversation("three, flite", [rms, slt, awb], 120),
        conversation("three, flite, no pauses", [rms, slt, awb], 120, NONE),
        conversation("three, flite, overlapping", [rms, slt, awb], 120, OVER),
        conversation("four, flite", [rms, slt, awb, kal], 120),
        interview("two, flite, short answers", rms, slt, 40),
        interview("two men, flite, short answers", rms, awb, 40),
    ]


def recorded(path: Path) -> Film:
    """A recording with a speaker on each of two channels, one after the other: left, right, left."""
    import soundfile
    import soxr

    from dubber import vad

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    parts: list[FloatArray] = []
    turns: list[tuple[Span, int]] = []
    at = 0
    for speaker in (0, 1, 0):
        one = soxr.resample(samples[:, speaker], rate, RATE).astype(np.float32)
        one = one[: len(one) // 160 * 160]
        turns += [(Span(at + span.start, at + span.end), speaker) for span in vad.detect_samples(one)]
        parts.append(one)
        at += len(one) // 16
    return Film(path.stem, np.concatenate(parts), tuple(turns))


def answered(film: Film, found: Sequence[tuple[Span, int]]) -> tuple[int, int]:
    """How many turns of ANSWER_MS were given to their speaker, and how many there are. Whose a voice that was found is
    is told by the longest turn."""
    short = [turn for turn in film.turns if ANSWER_MS[0] <= turn[0].duration <= ANSWER_MS[1]]
    long: dict[int, Span] = {}
    for span, speaker in film.turns:
        if speaker not in long or span.duration > long[speaker].duration:
            long[speaker] = span

    def speaker_of(span: Span) -> int:
        return max(found, key=lambda turn: turn[0].overlap(span))[1]

    return sum(speaker_of(span) == speaker_of(long[speaker]) for span, speaker in short), len(short)


def row(film: Film, audio: AudioFile, embed: Embed, tuning: Tuning) -> str:
    """One line of the table."""
    true = len({speaker for _, speaker in film.turns})
    cells = [f"{film.name:28}", f"{film.turns[-1][0].end / 1000:5.0f} s", f"{true:5}"]
    for told in (None, true):
        result = diarize(audio, film.speech, told, embed, tuning)
        turns = [(turn.span, turn.speaker) for turn in result.turns]
        loose = error_rate(film.turns, turns, skip_overlap=True).rate
        strict = error_rate(film.turns, turns, 0).rate
        right, short = answered(film, turns)
        told_right = f" {100 * right / short:5.0f} %" if short else ""
        cells.append(f"{len(result.centroids):5} {100 * loose:6.1f} {100 * strict:6.1f}{told_right}")
    found, both = overlaps.find(audio, film.speech, result, embed), film.overlaps
    hit = sum(one.overlap(other) for one in found for other in both)
    if both or found:
        precision, recall = hit / (speech_time(found) or 1), hit / (speech_time(both) or 1)
        cells.append(f"{speech_time(both) / 1000:6.1f} s {precision:9.2f} {recall:6.2f}")
    return " | ".join(cells)


def decentred(embed: Embed, made: Sequence[Film]) -> Embed:
    """Without the direction that all vectors of a random network have in common, taken from a second of each film."""
    common = embed([film.sound[: 2 * RATE] for film in made]).mean(axis=0)

    def centred(pieces: Sequence[FloatArray]) -> FloatArray:
        rows = embed(pieces) - common
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    return centred


def main() -> None:
    """Prints a table for each embedding."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recording", type=Path, help="a recording with one speaker on each of two channels")
    parser.add_argument(
        "--campplus", type=Path, help="a folder with released weights of CAM++, instead of filled ones"
    )
    parser.add_argument("--only", choices=("statistics", "campplus"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        made = films() + ([recorded(chosen.recording)] if chosen.recording else [])
        embeddings: list[tuple[str, Embed, Tuning]] = []
        if chosen.only != "campplus":
            embeddings.append(("pitch and mel cepstra", statistics, STATISTICS))
        if chosen.only != "statistics":
            from bench.tiny import campplus
            from tts.indextts2.speakers import SpeakerEncoder

            place = chosen.campplus or Path(scratch, "weights")
            if not chosen.campplus:
                campplus.write(place)
            title = "CAM++" if chosen.campplus else "CAM++, filled weights"
            encoder = SpeakerEncoder.load(place).embed
            embeddings.append((title, encoder if chosen.campplus else decentred(encoder, made), TUNING))
        for title, embed, tuning in embeddings:
            started = time.perf_counter()
            print(
                f"\n{title}: DER in % with a collar of 250 ms and without overlaps, and with everything counted;"
                f" where there are turns of {ANSWER_MS[0]} to {ANSWER_MS[1]} ms, how many went to their speaker"
            )
            head = f"{'film':28} | {'long':>7} | {'true':>5} | {'number found':>19} | {'number given':>19}"
            print(f"{head} | {'overlap':>8} {'precision':>9} {'recall':>6}")
            for film in made:
                with film.write(Path(scratch)) as audio:
                    print(row(film, audio, embed, tuning))
            print(f"{time.perf_counter() - started:.1f} s")


if __name__ == "__main__":
    main()
