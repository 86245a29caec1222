"""Who speaks each line and how, in a project: references that stay, and lines that are spoken again only for a reason
of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from spoken import RATE, say

from align.types import Line, Segment, Span
from dubber import store
from dubber.audio import AudioFile, Stems
from dubber.errors import MissingError
from dubber.media import MIXED
from dubber.progress import Quiet
from dubber.project import Project
from dubber.settings import Settings
from dubber.steps import casting, choosing, fitting, speak
from dubber.steps.hear import Found
from dubber.steps.run import Run
from dubber.steps.sound import Sound
from dubber.steps.wording import Said, Script
from tts.door import Emotion, EmotionSource, Reference
from tts.errors import BadReference
from tts.espeak import Espeak

SAID = (
    (1000, "Good morning, and welcome to the harbour.", "Anna", 60),
    (6000, "The boat leaves at seven.", "Ben", 20),
    (9000, "Please bring a warm coat and some bread.", "Anna", 60),
    (13000, "No!", "Anna", 60),
)


@dataclass
class Film:
    """A film in which Anna and Ben speak, its project held locked, and how often what was made."""

    run: Run
    sound: Sound
    said: Said

    def script(self, strengths: Mapping[str, float] | None = None, **texts: str) -> Script:
        lines = [
            Line(one.id, one.span, texts.get(one.id, one.text), one.speaker, (one.id,))
            for one in self.said.segments
        ]
        return Script(tuple(lines), (), strengths or {})

    def cast(self, script: Script, **more: object) -> casting.Cast:
        engine = more.pop("engine", None) or Espeak()
        found = Found(self.said.segments)
        return casting.prepare(self.run, engine, script, self.said, found, self.sound)  # type: ignore[arg-type]

    def spoken(self, script: Script) -> tuple[list[str], tuple[speak.Take, ...]]:
        """The takes of a script, and the lines that were spoken for it now."""
        chosen = self.cast(script)
        fitted = fitting.fit(
            self.run,
            script,
            self.said,
            self.sound.speech,
            20_000,
            measure=lambda wanted: speak.natural_lengths(self.run, chosen, wanted),
        )
        before = set(_kept(self.run))
        made = speak.recordings(self.run, chosen, fitted.parts)
        takes = choosing.takes(self.run, fitted.parts, made, {})
        return [take.line.id for take in takes if take.kept.key.digest not in before], takes


def _kept(run: Run) -> list[str]:
    return [path.name.split(".")[0] for path in (run.project.folder / "cache").rglob("*") if path.is_file()]


@pytest.fixture
def film(tmp_path: Path) -> Iterator[Film]:
    import soxr

    stem = np.zeros(20 * 48_000, np.float32)
    segments = []
    for start, text, speaker, pitch in SAID:
        sound = 0.5 * soxr.resample(say(text, pitch=pitch), RATE, 48_000)
        stem[start * 48 : start * 48 + len(sound)] = sound
        segments.append(Segment(f"s{start}", Span(start, start + len(sound) // 48), text, speaker))
    both = np.stack((stem, stem), 1)
    soundfile.write(tmp_path / "talk.wav", both, 48_000, subtype="FLOAT")
    sound = AudioFile(tmp_path / "talk.wav")
    project = Project.open(tmp_path / "talk.wav")
    key = store.key("separate", 1, {"sound": "of this film"}, None)
    with project.lock():
        run = Run(project, Settings.of("es", source="en", profile="draft", voice="espeak"), Quiet(), 1)
        speech = tuple(one.span for one in segments)
        yield Film(run, Sound(Stems(sound, sound), speech, MIXED, key, key, key), Said(tuple(segments), ()))


def test_every_speaker_has_a_file_of_their_own_speech_and_its_reasons_are_told_again(film: Film) -> None:
    told = film.cast(film.script()).told()
    assert sorted(path.name for path in (film.run.project.folder / "voices").iterdir()) == [
        "Anna.wav",
        "Ben.wav",
    ]
    samples, rate = soundfile.read(film.run.project.voice_path("Ben"))
    assert (rate, samples.ndim) == (48_000, 1)
    assert len(samples) == film.said.segments[1].span.duration * 48
    assert told["speakers"]["Anna"]["told"] == "chosen from the film"
    assert [one["span"][0] for one in told["speakers"]["Anna"]["spans"]] == [1000, 9000]
    assert json.loads(json.dumps(told)) == film.cast(film.script()).told(), "as the next run says it"


def test_a_persons_own_file_wins_and_is_told_as_theirs(film: Film) -> None:
    voices = film.run.project.folder / "voices"
    voices.mkdir()
    soundfile.write(voices / "Anna.flac", say("I am somebody else entirely.", pitch=90), RATE)
    told = film.cast(film.script()).told()["speakers"]
    assert told["Anna"] == {"file": "voices/Anna.flac", "told": "your file voices/Anna.flac"}
    assert told["Ben"]["file"] == "voices/Ben.wav"


def test_a_reference_stays_when_lines_change_and_its_reasons_may_be_forgotten(film: Film) -> None:
    film.cast(film.script())
    anna = film.run.project.voice_path("Anna").read_bytes()
    fewer = film.script()
    told = film.cast(replace(fewer, lines=fewer.lines[1:])).told()["speakers"]
    assert film.run.project.voice_path("Anna").read_bytes() == anna
    assert [one["span"][0] for one in told["Anna"]["spans"]] == [1000, 9000]
    for path in (film.run.project.folder / "cache").rglob("*"):
        if path.is_file():
            path.unlink()
    assert "earlier run" in film.cast(film.script()).told()["speakers"]["Anna"]["told"]


def test_an_edited_line_alone_is_spoken_again(film: Film) -> None:
    script = film.script()
    assert film.spoken(script)[0] == [line.id for line in script.lines]
    assert film.spoken(film.script())[0] == []
    assert film.spoken(film.script(s6000="El barco sale a las ocho."))[0] == ["s6000"]


def test_a_lines_own_strength_is_followed_and_costs_that_line_alone(film: Film) -> None:
    _, usual = film.spoken(film.script())
    again, takes = film.spoken(film.script({"s9000": 0.4}))
    assert again == ["s9000"]
    assert film.cast(film.script({"s9000": 0.4})).told()["manners"]["s9000"]["strength"] == 0.4
    film.run.settings = replace(film.run.settings, emotion=0.5)
    assert film.spoken(film.script({"s9000": 0.4}))[0] == ["s1000", "s6000", "s13000"]
    assert [take.kept.manner for take in takes] == [take.kept.manner for take in usual]


def test_a_line_of_no_strength_is_said_in_the_usual_manner(film: Film) -> None:
    script = film.script({"s9000": 0.0})
    chosen = film.cast(script)
    assert "s9000" not in chosen.told()["manners"]
    assert chosen.inputs(script.lines[2])["emotion"] == ""
    assert film.spoken(script)[1][2].kept.manner == "usual"


def test_a_short_line_is_felt_with_some_of_the_speech_before_it(film: Film) -> None:
    takes = {take.line.id: take for take in film.spoken(film.script())[1]}
    assert [takes[one].kept.manner for one in ("s1000", "s9000", "s13000")] == ["own", "own", "grown"]
    manner = film.cast(film.script()).told()["manners"]["s13000"]
    no = film.said.segments[3].span
    assert manner["spans"][-1] == [no.start, no.end]
    assert sum(end - start for start, end in manner["spans"]) == 1200


class Choosy(Espeak):
    """An engine that learns nothing from less than five seconds."""

    def emotion(self, source: EmotionSource, *, strength: float = 1.0) -> Emotion:
        assert isinstance(source, Reference)
        if len(source.samples) < 5 * source.rate:
            raise BadReference("too short for me")
        return super().emotion(source, strength=strength)


def test_a_manner_that_the_engine_cannot_learn_is_the_speakers_usual_one(film: Film) -> None:
    script = film.script()
    chosen = film.cast(script, engine=Choosy())
    assert [chosen.manner(line) for line in script.lines] == ["usual"] * 4


def test_somebody_who_says_one_word_is_heard_in_it_over_and_over_and_the_person_is_told(film: Film) -> None:
    *others, word = film.said.segments
    film.said = Said((*others, replace(word, speaker="Zoe")), ())
    told = film.cast(film.script()).told()["speakers"]["Zoe"]
    samples, _ = soundfile.read(film.run.project.voice_path("Zoe"))
    assert told["repeats"] == -(-1200 // word.span.duration) > 1
    assert len(samples) == told["repeats"] * word.span.duration * 48
    assert any("Zoe is heard for only" in note for note in film.run.notes)


def test_a_label_of_nobody_in_the_film_has_no_voice(film: Film) -> None:
    script = film.script()
    added = Line("new@15000", Span(15_000, 16_000), "Hola.", "Nobody")
    with pytest.raises(MissingError, match="Nobody called Nobody"):
        film.cast(replace(script, lines=(*script.lines, added)))


def test_somebody_whose_speech_is_silent_is_spoken_by_the_engines_own_voice(film: Film) -> None:
    still = Segment("s17000", Span(17_000, 18_000), "Hello.", "Ghost")
    film.said = Said((*film.said.segments, still), ())
    told = film.cast(film.script()).told()["speakers"]
    assert told["Ghost"]["file"] is None
    assert any("Ghost cannot be heard" in note for note in film.run.notes)
