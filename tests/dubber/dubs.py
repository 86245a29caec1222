"""A film and its dub laid out by hand, for the tests of the check: where each voice begins is known to the sample, and
one thing at a time can be put wrong. Nothing here comes from the program's own plan or mix."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from reels import H264, ffmpeg
from spoken import RATE, say

from align.types import SAMPLES_PER_MS, Span
from dubber import media, reported, vad
from dubber.audio import AudioFile, AudioWriter, Stems
from dubber.finished import Finished
from dubber.loudness import loudness_of
from dubber.stages import background
from dubber.stages.background import Duck

Sound = npt.NDArray[np.float32]

SAID = (
    ("Good morning, and welcome.", "Buenos días, y bienvenidos."),
    ("The boat leaves at seven.", "El barco sale a las siete."),
    ("Please bring a warm coat.", "Traed un abrigo, por favor."),
    ("Nobody came to the house.", "Nadie vino a la casa."),
    ("Perhaps they are all asleep.", "Quizá están todos dormidos."),
    ("Take the road to the bridge.", "Tomad el camino del puente."),
    ("Today we go to the market.", "Hoy vamos al mercado."),
    ("Bread and butter are there.", "Pan y mantequilla hay allí."),
)
STEP, FIRST, DURATION = 2700, 700, 22_500
"""ms between two lines, before the first, and of the film."""

LATE = (0, 40, -30, 60, 10, -50, 30, 70)
"""How late (ms) each dubbed line truly begins."""

SPEECH_LUFS = -26.0


@lru_cache
def voice(text: str, language: str, length: int = 0) -> Sound:
    """`text` said at 48 kHz, mono, at SPEECH_LUFS, as near to `length` ms long as eSpeak NG makes it."""
    made = [
        say(text, voice=language, pitch=40, wpm=wpm)
        for wpm in ((150,) if not length else range(120, 250, 25))
    ]
    best = min(made, key=lambda sound: abs(len(sound) * 1000 / RATE - length)) if length else made[0]
    sound = np.asarray(soxr.resample(best, RATE, 48_000), np.float32)
    sound = sound[: len(sound) // SAMPLES_PER_MS * SAMPLES_PER_MS]
    sound *= np.float32(10 ** ((SPEECH_LUFS - loudness_of(sound).integrated) / 20))
    sound.setflags(write=False)
    return sound


def room_tone(level: float = -55.0) -> Sound:
    """A soft rumble under everything, the same on both sides, shape (n, 2), `level` dBFS."""
    noise = np.random.default_rng(3).standard_normal(DURATION * SAMPLES_PER_MS)
    rumble = np.convolve(noise, np.hanning(48), "same")
    return np.asarray(np.stack([rumble, rumble], 1) * 10 ** (level / 20) / rumble.std(), np.float32)


@dataclass(frozen=True)
class Wrong:
    """What is put wrong with a dub: `moved` lines by ms, `gains` of lines in dB, lines that are `silent`; `cut` ms are
    missing at the film's end; `whole` ms by which the whole track is late; `kept` lines stay in the first language,
    with no line of the dub for them; `background` is the mix's."""

    moved: Mapping[int, int] = field(default_factory=dict)
    gains: Mapping[int, float] = field(default_factory=dict)
    silent: frozenset[int] = frozenset()
    cut: int = 0
    whole: int = 0
    kept: frozenset[int] = frozenset()
    background: str = "bed"


def sources() -> list[Span]:
    """Where each line is said in the film, exactly."""
    return [
        Span(FIRST + i * STEP, FIRST + i * STEP + len(voice(english, "en-us")) // SAMPLES_PER_MS)
        for i, (english, _) in enumerate(SAID)
    ]


def slots() -> list[Span]:
    """Where each line is meant to be said in the dub."""
    found = []
    for place, (_, spanish), late in zip(sources(), SAID, LATE, strict=True):
        length = len(voice(spanish, "es", place.duration)) // SAMPLES_PER_MS
        found.append(Span(place.start + late, place.start + late + length))
    return found


def film(folder: Path) -> None:
    """The film, its sound as it is decoded, and its speech stem: film.mp4, source.wav, speech.wav."""
    speech = np.zeros((DURATION * SAMPLES_PER_MS, 2), np.float32)
    for place, (english, _) in zip(sources(), SAID, strict=True):
        speech[place.samples] += voice(english, "en-us")[:, None]
    soundfile.write(folder / "all.wav", speech + room_tone(), 48_000, subtype="FLOAT")
    picture = ("-f", "lavfi", "-i", f"testsrc2=s=64x48:r=25:d={DURATION / 1000}")
    ffmpeg(*picture, "-i", folder / "all.wav", *H264, "-c:a", "aac", "-b:a", "192k", folder / "film.mp4")
    decoded = media.extract(media.probe(folder / "film.mp4"), folder / "source.wav").samples
    with AudioWriter(folder / "speech.wav") as writer:
        writer.append(speech[:decoded])
        writer.append(np.zeros((max(0, decoded - len(speech)), 2), np.float32))


def dub(home: Path, folder: Path, wrong: Wrong | None = None, name: str = "film.es.mp4") -> Finished:
    """The film in `home` dubbed into `folder`, with one thing wrong."""
    how = wrong or Wrong()
    spoken = [i for i in range(len(SAID)) if i not in how.kept]
    replaced = [sources()[i] for i in spoken]
    within = tuple(Span(max(0, span.start - 100), span.end + 200) for span in replaced)
    with AudioFile(home / "source.wav") as source, AudioFile(home / "speech.wav") as stem:
        stems = Stems(source, stem, within=within)
        duck = Duck([*sources(), *slots()]) if how.background == "duck" else None
        track = background.samples(stems, how.background, duck, 0, source.frames)  # type: ignore[arg-type]
    for i in set(spoken) - how.silent:
        at = (slots()[i].start + how.moved.get(i, 0)) * SAMPLES_PER_MS
        sound = voice(SAID[i][1], "es", sources()[i].duration)
        track[at : at + len(sound)] += sound[:, None] * np.float32(10 ** (how.gains.get(i, 0.0) / 20))
    track = np.roll(track, how.whole * SAMPLES_PER_MS, axis=0)
    with AudioWriter(folder / "dub.wav") as writer:
        writer.append(track)
    out = folder / name
    media.mux(media.MuxPlan(media.probe(home / "film.mp4"), folder / "dub.wav", "spa", "Español"), out)
    if how.cut:
        whole = out.rename(out.with_name(f"whole-{name}"))
        ffmpeg("-i", whole, "-map", "0", "-c", "copy", "-t", str((DURATION - how.cut) / 1000), out)
    return Finished(
        folder,
        home / "film.mp4",
        out,
        "es",
        reported.read(report(how, out)),
        source=home / "source.wav",
        stem=home / "speech.wav",
        within=within,
        speech=heard_in(home),
    )


@lru_cache
def heard_in(home: Path) -> tuple[Span, ...]:
    """Where a voice is heard in the film, as a run of the program keeps it."""
    with AudioFile(home / "source.wav") as source:
        return vad.detect(source)


def without_stems(dubbed: Finished) -> Finished:
    """The same dub, of whose film nothing is kept."""
    return replace(dubbed, source=None, stem=None, within=(), speech=None)


def report(how: Wrong, out: Path) -> dict[str, Any]:
    """What the program would say of that dub, had nothing gone wrong; a version that did not tell of its stems."""
    lines = [
        {
            "id": f"s{place.start}",
            "source": [place.start, place.end],
            "source_text": SAID[i][0],
            "text": SAID[i][1],
            "spoken": True,
            "slot": [slot.start, slot.end],
            "natural_ms": slot.duration,
            "factor": 1.0,
            "flags": [],
        }
        for i, (place, slot) in enumerate(zip(sources(), slots(), strict=True))
        if i not in how.kept
    ]
    settings = {"track": 0, "background": how.background, "keep_original": True, "burn": False, "room": False}
    made = {
        "settings": settings,
        "timing": {"take_length_error_samples": 0},
        "lines": lines,
        "untranslated": [],
        "heard": None,
        "output": str(out),
        "sound_alone": False,
        "duration_ms": DURATION,
    }
    return dict(json.loads(json.dumps(made)))
