"""Films made on the spot for bench.timeline: people taking turns over a quiet bed, known to the millisecond, and a
Spanish wording of every line whose natural length in the embedded voice, against the source's, was drawn."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from align.types import SAMPLES_PER_MS, Span
from bench import spanish
from dubber.srt import Cue, serialise

FloatArray = npt.NDArray[np.float32]

RATE = 16_000
PER_MS = RATE // 1000

SPEAKERS = (
    ("Anna", "gmw/en-US+f3", 65),
    ("Ben", "gmw/en-US", 35),
    ("Old Carl", "gmw/en+m7", 16),
    ("Dora", "gmw/en+f4", 85),
)
"""Who they are called, eSpeak NG's voice, its pitch (0..99)."""
WPM = (145, 185)
"""Their rates, from and to: calm and lively talk."""

SHORT = (
    "Who is it?", "Not now, please.", "All right then.", "Tell me.", "Of course I do.", "Come over here.",
    "Maybe tomorrow.", "That is enough.", "Nobody knows.", "Wait a minute.", "I never said so.", "Where were you?",
)  # fmt: skip
WHO = (
    "the old man", "my brother", "her daughter", "the doctor", "that boy", "our neighbour", "the queen", "a stranger",
)  # fmt: skip
DID = (
    "has never seen", "forgot about", "would rather sell", "wants to buy", "lost", "left", "keeps asking for", "found",
)  # fmt: skip
WHAT = (
    "the house", "seven green books", "his wooden boat", "the garden", "another train", "those keys", "a letter",
)  # fmt: skip
WHEN = (
    "before the war", "in the morning", "this year", "when the lights went out", "after supper", "far too often",
    "", "", "",
)  # fmt: skip

LENGTHS = ((0.20, 0), (0.82, 1), (1.0, 2))
"""Up to which share of the lines say a short thing, one clause, two of them."""
GAPS = ((0.06, (-450, -150)), (0.30, (80, 250)), (0.65, (250, 800)), (0.88, (800, 2000)), (1.0, (2000, 5000)))
"""Up to which share of the turns begin so many ms after the one before ends, from and to; the first talk into it."""
PAUSED = 0.06
"""Share of the lines with one or two pauses inside."""
PAUSE_MS = (350, 900)
RATIOS = (0.5, 1.8)
"""Natural length ÷ source length of the first wording, from and to, even in the logarithm."""
NOISE = 5e-4
"""RMS of the bed (−66 dBFS)."""
LEVEL = 0.4
"""Peak of every piece of speech."""
SECONDS_MORE = 1
"""After the last line."""


@dataclass(frozen=True)
class Turn:
    """One line of a film: its pieces of speech (apart by the pauses inside), who says it, what, the Spanish wording,
    and the natural ÷ source length that was drawn for it and that it came to when it was composed."""

    pieces: tuple[Span, ...]
    speaker: int
    english: str
    spanish: str = ""
    drawn: float = 1.0
    reached: float = 1.0

    @property
    def span(self) -> Span:
        """From the first sound to the last."""
        return Span(self.pieces[0].start, self.pieces[-1].end)

    @property
    def spoken(self) -> int:
        """ms without the pauses."""
        return sum(piece.duration for piece in self.pieces)

    @property
    def pauses(self) -> tuple[Span, ...]:
        """The pauses inside."""
        return tuple(Span(one.end, other.start) for one, other in pairwise(self.pieces))


@dataclass(frozen=True)
class Film:
    """A film's speech, mono at 16 kHz, shape (n,), and its lines in order of onset."""

    name: str
    speech: FloatArray
    turns: tuple[Turn, ...]

    @property
    def duration(self) -> int:
        """ms."""
        return len(self.speech) // PER_MS

    def write(self, folder: Path) -> tuple[Path, Path, Path]:
        """The film under a test picture, its transcript and its translation."""
        import soundfile

        from dubber import process
        from dubber.media import ffmpeg_exe

        folder.mkdir(parents=True, exist_ok=True)
        wav, out = folder / "sound.wav", folder / "film.mp4"
        bed = np.random.default_rng(1).normal(0, NOISE, len(self.speech)).astype(np.float32)
        soundfile.write(wav, self.speech + bed, RATE, subtype="FLOAT")
        picture = ("-f", "lavfi", "-i", f"testsrc2=s=64x48:r=10:d={self.duration / 1000}")
        video = ("-map", "1:v", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
        made = process.run(
            [
                *(ffmpeg_exe(), "-nostdin", "-y", "-v", "error", "-i", f"file:{wav}"),
                *(*picture, *video, "-map", "0:a", "-ar", "48000", f"file:{out}"),
            ],
            timeout=300,
        )
        if made.returncode:
            raise RuntimeError(f"ffmpeg could not make the film: {made.stderr}")
        texts = {"en": [one.english for one in self.turns], "es": [one.spanish for one in self.turns]}
        for language, said in texts.items():
            cues = [
                Cue(one.span.start, one.span.end, text, SPEAKERS[one.speaker][0])
                for one, text in zip(self.turns, said, strict=True)
            ]
            (folder / f"film.{language}.srt").write_text(serialise(cues), "utf-8")
        return out, folder / "film.en.srt", folder / "film.es.srt"


def films(counts: Sequence[tuple[int, int]], seed: int = 1) -> tuple[Film, ...]:
    """A film for each (speakers, lines), translated; the ratios of all their lines are RATIOS evenly, shuffled."""
    draw = random.Random(seed)
    lines = sum(count for _, count in counts)
    ratios = list(np.geomspace(*RATIOS, lines)) if lines > 1 else [1.0]
    draw.shuffle(ratios)
    rest = iter(ratios)
    said: set[str] = set()
    made = []
    for speakers, count in counts:
        plain = conversation(f"{speakers} speakers", speakers, count, draw, said)
        made.append(translated(plain, [next(rest) for _ in plain.turns], random.Random(f"{seed} {speakers}")))
    return tuple(made)


def paused(lines: int, seed: int = 2) -> Film:
    """A film in which every line has one or two pauses inside, and Spanish that breaks where the English does, about
    as long by nature."""
    draw = random.Random(seed)
    plain = conversation("pauses", 2, lines, draw, set(), inside=1.0)
    return translated(plain, [draw.uniform(0.92, 1.08) for _ in plain.turns], random.Random(f"{seed} pauses"))


def conversation(
    name: str, speakers: int, lines: int, draw: random.Random, said: set[str], inside: float = PAUSED
) -> Film:
    """`speakers` taking turns, `lines` of them; a share `inside` has pauses. No line is one of `said`, which grows."""
    turns: list[Turn] = []
    sounds: list[tuple[int, FloatArray]] = []
    end, speaker = 700, 0
    while len(turns) < lines:
        others = [other for other in range(speakers) if other != speaker]
        speaker = draw.choice(others) if turns and draw.random() < 0.75 else speaker
        texts = _texts(draw, draw.random() < inside)
        english = " ".join(texts)
        if english in said:
            continue
        said.add(english)
        wpm = draw.randint(*WPM)
        low, high = next(gap for share, gap in GAPS if draw.random() <= share) if turns else (0, 0)
        gap = draw.randint(low, high)
        if gap < 0 and (turns[-1].speaker == speaker or turns[-1].span.duration < 1000 or turns[-1].pauses):
            gap = draw.randint(80, 250)
        at = end + gap
        pieces = []
        for text in texts:
            sound = say(text, speaker, wpm)
            sounds.append((at, sound))
            pieces.append(Span(at, at + len(sound) // PER_MS))
            at = pieces[-1].end + draw.randint(*PAUSE_MS)
        turns.append(Turn(tuple(pieces), speaker, english))
        end = max(end, pieces[-1].end)
    speech = np.zeros((end + 1000 * SECONDS_MORE) * PER_MS, np.float32)
    for start, sound in sounds:
        speech[start * PER_MS : start * PER_MS + len(sound)] += sound
    return Film(name, speech, tuple(turns))


def _texts(draw: random.Random, pauses: bool) -> list[str]:
    """What is said in one line: a text for each piece between its pauses."""
    if pauses:
        return [f"{_clause(draw).capitalize()}." for _ in range(draw.choice((2, 2, 3)))]
    share = draw.random()
    clauses = next(count for most, count in LENGTHS if share <= most)
    if not clauses:
        return [draw.choice(SHORT)]
    return [" and ".join(_clause(draw) for _ in range(clauses)).capitalize() + "."]


def _clause(draw: random.Random) -> str:
    return " ".join(draw.choice(part) for part in (WHO, DID, WHAT, WHEN)).strip()


@cache
def say(text: str, speaker: int, wpm: int) -> FloatArray:
    """A text from its first sound (above 1 % of its peak) to its last, in whole ms, mono at 16 kHz."""
    import soxr

    from tts import espeaklib

    _, voice, pitch = SPEAKERS[speaker]
    raw, rate = espeaklib.speak(text, voice, wpm=wpm, pitch=pitch, pitch_range=50)
    sound = soxr.resample(raw, rate, RATE)
    peak = np.abs(sound).max()
    heard = np.flatnonzero(np.abs(sound) > 0.01 * peak)
    sound = sound[heard[0] : heard[-1] + 1] * (LEVEL / peak)
    return np.asarray(np.pad(sound, (0, -len(sound) % PER_MS)), np.float32)


def translated(film: Film, ratios: Sequence[float], draw: random.Random) -> Film:
    """The film with a Spanish wording of every line, its natural length the ratio times the source's, piece by piece,
    as nearly as words allow."""
    from tts.door import Reference, SpeechRequest, Voice, result
    from tts.espeak import Espeak

    engine = Espeak()
    voices: dict[int, Voice] = {}
    taken: set[str] = set()
    turns = []
    for turn, ratio in zip(film.turns, ratios, strict=True):
        heard = Reference(film.speech[turn.span.start * PER_MS : turn.span.end * PER_MS], RATE)
        if turn.speaker not in voices:
            voices[turn.speaker] = engine.voice(heard)
        asked = SpeechRequest("", "es", voices[turn.speaker], engine.emotion(heard))

        @cache
        def measure(text: str, asked: SpeechRequest = asked) -> int:
            return round(result(engine.measure([replace(asked, text=text)])[0]) / SAMPLES_PER_MS)

        texts: list[str] = []
        for piece in turn.pieces:
            texts.append(spanish.fitted(round(ratio * piece.duration), measure, draw, taken))
            taken.add(texts[-1].rstrip("."))
        reached = sum(map(measure, texts)) / turn.spoken
        turns.append(replace(turn, spanish=" ".join(texts), drawn=round(ratio, 3), reached=round(reached, 3)))
    return replace(film, turns=tuple(turns))
