"""The whole draft lane on films made here: film in, dubbed film out, and again after a person's edits."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from films import DURATION, TALK, Made, Said, make, packets

from align.types import SAMPLES_PER_MS
from dubber import media, pipeline, process, srt
from dubber.audio import AudioFile
from dubber.errors import MediaError, MissingError, SpaceError
from dubber.media import ffmpeg_exe
from dubber.settings import Settings
from dubber.stages import mix as mixer

Dub = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def dubbed_once(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A film with a finished project. Shared: tests take copies of its folder."""
    made = make(tmp_path_factory.mktemp("films") / "once")
    dub(made)
    return made


@pytest.fixture
def made(dubbed_once: Made, tmp_path: Path) -> Made:
    """A copy of that film, its subtitles and its project, for one test to spoil."""
    shutil.copytree(dubbed_once.film.parent, tmp_path / "film", copy_function=shutil.copy2)
    here = tmp_path / "film"
    names = (dubbed_once.film.name, dubbed_once.transcript.name, dubbed_once.translation.name)
    return Made(*(here / name for name in names), dubbed_once.onsets)


def dub(made: Made, **choices: Any) -> dict[str, Any]:
    asked = {"transcript": made.transcript, "translation": made.translation, **choices}
    places = {
        name: asked.pop(name)
        for name in ("transcript", "translation", "output", "audio_only")
        if name in asked
    }
    settings = Settings.of("es", source="en", profile="draft", **asked)
    return pipeline.translate(made.film, settings, jobs=1, **places)


def project(made: Made) -> Path:
    return made.film.with_suffix(".dub")


def render(made: Made, **choices: Any) -> dict[str, Any]:
    (report,) = pipeline.render(project(made), jobs=1, **choices)
    return report


def edit(made: Made, change: Callable[[list[srt.Cue]], list[srt.Cue]], name: str = "es") -> None:
    path = project(made) / f"{name}.srt"
    path.write_text(srt.serialise(change(list(srt.read(path).cues))), "utf-8")


def misses(report: dict[str, Any]) -> dict[str, int]:
    return {stage: one["misses"] for stage, one in report["cache"].items() if one["misses"]}


def texts(report: dict[str, Any]) -> list[str]:
    return [line["text"] for line in report["lines"]]


# -- what a dub is -----------------------------------------------------------------------------------


def test_the_picture_is_copied_packet_for_packet(made: Made) -> None:
    out = made.film.with_name("talk.es.mp4")
    assert packets(out, "v:0") == packets(made.film, "v:0")


def test_the_dub_comes_first_the_original_second_and_both_subtitles(made: Made) -> None:
    film = media.probe(made.film.with_name("talk.es.mp4"))
    dub_track, original = film.of("audio")
    assert (dub_track.language, dub_track.default, original.default) == ("spa", True, False)
    assert packets(film.path, "a:1") == packets(made.film, "a:0")
    assert [stream.language for stream in film.of("subtitle")] == ["spa", "eng"]
    assert "synthetic" in film.metadata["comment"]
    with av.open(str(film.path)) as container:
        assert "synthetic" in container.streams.audio[0].metadata["handler_name"]


def test_every_take_has_exactly_the_samples_of_its_slot_and_none_overlap(made: Made) -> None:
    report = json.loads((project(made) / "report.json").read_text())
    assert report["timing"]["take_length_error_samples"] == 0
    assert report["timing"]["overlap_ms"] == 0
    slots = sorted(tuple(line["slot"]) for line in report["lines"])
    assert len(slots) == len(TALK)
    assert all(before[1] <= after[0] for before, after in pairwise(slots))


def test_the_dub_starts_when_the_speaker_does(made: Made, tmp_path: Path) -> None:
    film = media.probe(made.film.with_name("talk.es.mp4"))
    media.extract(film, tmp_path / "dub.wav", track=0)
    level = energy(AudioFile(tmp_path / "dub.wav"))
    for onset in made.onsets:
        heard = next(ms for ms in range(max(0, onset - 400), onset + 600) if level[ms // 10] > 0.01)
        assert abs(heard - onset) <= 80


def energy(sound: AudioFile) -> np.ndarray:
    """RMS of every 10 ms."""
    samples = sound.read(0, DURATION * SAMPLES_PER_MS).mean(axis=1)
    return np.sqrt(np.mean(samples.reshape(-1, 10 * SAMPLES_PER_MS) ** 2, axis=1))


def test_a_recording_in_gives_a_recording_out(tmp_path: Path) -> None:
    made = make(tmp_path / "sound", "talk.flac")
    report = dub(made)
    assert Path(report["output"]).name == "talk.es.flac"
    film = media.probe(Path(report["output"]))
    assert not film.has_video
    assert film.duration == media.probe(made.film).duration


def test_an_english_film_needs_no_subtitles_at_all(tmp_path: Path) -> None:
    if shutil.which("apertium") is None:
        pytest.skip("Apertium comes from Debian's packages, which this machine does not have")
    made = make(tmp_path / "film", said=TALK[1:2], duration=7000)
    report = dub(made, transcript=None, translation=None)
    assert report["timing"]["take_length_error_samples"] == 0
    (line,) = report["lines"]
    assert "seven" in line["source_text"].lower()
    assert "siete" in line["text"].lower()


def test_sound_alone_goes_where_it_was_asked_for(made: Made, tmp_path: Path) -> None:
    out = tmp_path / "alone.wav"
    report = dub(made, audio_only=out)
    assert report["output"] == str(out)
    with AudioFile(out) as sound:
        assert (sound.rate, sound.frames) == (48_000, DURATION * SAMPLES_PER_MS)


def test_burning_changes_the_picture_and_no_original_drops_the_track(made: Made, tmp_path: Path) -> None:
    report = dub(made, burn=True, keep_original=False, output=tmp_path / "burnt.mp4")
    film = media.probe(Path(report["output"]))
    assert packets(film.path, "v:0") != packets(made.film, "v:0")
    assert [stream.language for stream in film.of("audio")] == ["spa"]


def test_two_speakers_have_two_voices(tmp_path: Path) -> None:
    said = [
        Said(500, "Good morning, and welcome to the harbour.", "Buenos días y bienvenidos.", "Ben", 15),
        Said(4000, "Thank you, it is good to be here.", "Gracias, es un placer estar aquí.", "Anna", 90),
    ]
    made = make(tmp_path / "two", said=said, duration=8000)
    report = dub(made, speakers=2)
    assert [line["speaker"] for line in report["lines"]] == ["Ben", "Anna"]
    assert sorted(path.name for path in (project(made) / "voices").iterdir()) == ["Anna.wav", "Ben.wav"]
    low, high = (line["voice"]["f0_hz"] for line in report["lines"])
    assert high > 1.3 * low


# -- rendering again ---------------------------------------------------------------------------------


def test_nothing_edited_nothing_made(made: Made) -> None:
    before = Path(made.film.with_name("talk.es.mp4")).stat()
    report = render(made)
    assert misses(report) == {}
    assert not report["written"]
    assert made.film.with_name("talk.es.mp4").stat().st_mtime_ns == before.st_mtime_ns


def test_one_edited_word_costs_one_line(made: Made) -> None:
    edit(made, lambda cues: [cues[0], replaced(cues[1], cues[1].text.replace("siete", "ocho")), cues[2]])
    report = render(made)
    assert texts(report)[1] == "El barco sale a las ocho."
    remade = misses(report)
    assert (remade.pop("take"), remade.pop("natural")) == (1, 1)
    assert set(remade) <= {"mix", "subtitles"}
    assert report["written"]


def replaced(cue: srt.Cue, text: str | None = None, speaker: str | None = None, shift: int = 0) -> srt.Cue:
    return srt.Cue(cue.start + shift, cue.end + shift, text or cue.text, speaker or cue.speaker)


def test_a_moved_cue_is_spoken_where_it_was_moved_to(made: Made) -> None:
    edit(made, lambda cues: [cues[0], replaced(cues[1], shift=700), cues[2]])
    line = render(made)["lines"][1]
    assert line["source"][0] == pytest.approx(made.onsets[1] + 700, abs=60)
    assert line["slot"][0] >= made.onsets[1] + 400


def test_a_deleted_cue_is_not_spoken_and_stays_deleted(made: Made) -> None:
    edit(made, lambda cues: [cues[0], cues[2]])
    assert len(texts(render(made))) == 2
    assert len(srt.read(project(made) / "es.srt").cues) == 2
    assert len(texts(render(made))) == 2


def test_merged_split_and_added_cues_are_spoken(made: Made) -> None:
    def merge(cues: list[srt.Cue]) -> list[srt.Cue]:
        both = srt.Cue(cues[0].start, cues[1].end, f"{cues[0].text} {cues[1].text}")
        half = (cues[2].start + cues[2].end) // 2
        words = cues[2].text.split()
        one = srt.Cue(cues[2].start, half, " ".join(words[:4]))
        two = srt.Cue(half, cues[2].end, " ".join(words[4:]))
        return [both, one, two, srt.Cue(9600, 9900, "Vale.")]

    edit(made, merge)
    report = render(made)
    assert texts(report) == [
        "Buenos días, y bienvenidos al puerto. El barco sale a las siete.",
        "Traed un abrigo y",
        "algo de pan, por favor.",
        "Vale.",
    ]
    assert report["timing"]["overlap_ms"] == 0
    assert report["lines"][3]["slot"][1] <= DURATION


def test_a_changed_label_gives_the_line_to_somebody_else(tmp_path: Path) -> None:
    said = [
        Said(500, "Good morning to you.", "Buenos días.", "Ben", 15),
        Said(3000, "Thank you very much.", "Muchas gracias.", "Anna", 90),
    ]
    made = make(tmp_path / "two", said=said, duration=6000)
    before = dub(made, speakers=2)["lines"]
    edit(made, lambda cues: [cues[0], replaced(cues[1], speaker="Ben")])
    report = render(made)
    assert [line["speaker"] for line in report["lines"]] == ["Ben", "Ben"]
    assert report["lines_remade"] == 1
    assert report["lines"][1]["voice"] != before[1]["voice"]


def test_a_label_nobody_has_a_voice_for_is_refused_by_name(made: Made) -> None:
    edit(made, lambda cues: [*cues, srt.Cue(9500, 9900, "Vale.", "Zoe")])
    with pytest.raises(MissingError, match="Zoe"):
        render(made)


def test_a_corrected_transcript_is_translated_again_where_the_person_did_not_write(tmp_path: Path) -> None:
    if shutil.which("apertium") is None:
        pytest.skip("Apertium comes from Debian's packages, which this machine does not have")
    made = make(tmp_path / "film")
    first = dub(made, translation=None)
    edit(made, lambda cues: [replaced(cues[0], "Buenas, gente."), *cues[1:]])
    edit(made, lambda cues: [cues[0], replaced(cues[1], "The boat leaves at nine."), cues[2]], "transcript")
    report = render(made)
    assert texts(report)[0] == "Buenas, gente."
    assert "nueve" in texts(report)[1]
    assert texts(report)[2] == texts(first)[2]
    assert misses(report)["translate"] == 1


def test_a_voice_put_in_by_hand_is_used(made: Made) -> None:
    import soundfile

    time = np.arange(48_000 * 3) / 48_000
    pulses = sum(np.sin(2 * np.pi * 240 * k * time) / k for k in range(1, 12)) * (
        0.6 + 0.4 * np.sin(7 * time)
    )
    (voice,) = (project(made) / "voices").iterdir()
    soundfile.write(voice, 0.1 * pulses, 48_000)
    report = render(made)
    assert report["lines_remade"] == len(TALK)
    assert soundfile.read(voice)[0] == pytest.approx(0.1 * pulses, abs=1e-3)


def test_background_and_emotion_can_be_changed_on_the_way(made: Made) -> None:
    quiet = render(made, changes={"background": "none"})
    assert misses(quiet) == {"mix": 1}
    flat = render(made, changes={"emotion": 0.0})
    assert misses(flat)["take"] == len(TALK)
    assert flat["settings"]["background"] == "none"


def test_render_speaks_every_language_of_a_project(made: Made) -> None:
    settings = Settings.of("fr", source="en", profile="draft")
    french = made.film.with_name("fr.srt")
    french.write_text("1\n00:00:04,200 --> 00:00:06,000\nLe bateau part à sept heures.\n")
    pipeline.translate(made.film, settings, transcript=made.transcript, translation=french, jobs=1)
    reports = pipeline.render(project(made), jobs=1)
    assert [report["settings"]["target"] for report in reports] == ["es", "fr"]
    assert texts(reports[1]) == ["Le bateau part à sept heures."]


def test_a_deleted_cache_costs_time_only(made: Made) -> None:
    shutil.rmtree(project(made) / "cache")
    report = render(made)
    assert texts(report) == [one.spanish for one in TALK]
    assert not report["written"]


@pytest.mark.parametrize("suffix", [".flac", ".mp3", ".ogg", ".opus"])
def test_a_voice_of_another_kind_is_used(made: Made, suffix: str) -> None:
    (voice,) = (project(made) / "voices").iterdir()
    argv = [ffmpeg_exe(), "-v", "error", "-i", f"file:{voice}", "-af", "asetrate=72000,aresample=48000"]
    assert process.run([*argv, f"file:{voice.with_suffix(suffix)}"], timeout=60).returncode == 0
    voice.unlink()
    report = render(made)
    assert report["lines_remade"] == len(TALK)
    assert [path.name for path in voice.parent.iterdir()] == [voice.with_suffix(suffix).name]


def test_the_same_sound_under_other_names_is_reported_all_the_same(made: Made) -> None:
    with_music = made.film.with_name("music.es.srt")
    cues = list(srt.read(made.translation).cues)
    with_music.write_text(
        srt.serialise([*cues, srt.Cue(6000, 6300, "♪ ♪"), srt.Cue(6400, 6800, "Vale.")]), "utf-8"
    )
    first = dub(made, translation=with_music)
    with_music.write_text(srt.serialise([*cues, srt.Cue(6400, 6800, "Vale.")]), "utf-8")
    again = dub(made, translation=with_music)
    assert texts(first) == texts(again)
    assert texts(again)[2] == "Vale."


def test_cues_after_the_films_end_are_left_out_and_told(made: Made) -> None:
    edit(made, lambda cues: [*cues, srt.Cue(9000, 14_000, "Vale."), srt.Cue(60_000, 62_000, "Fin.")])
    report = render(made)
    assert texts(report)[-1] == "Vale."
    assert report["lines"][-1]["slot"][1] <= DURATION
    assert any("after the film's end are left out, 1 in all" in note for note in report["notes"])


def test_an_edited_transcript_beside_a_given_translation_is_told(made: Made) -> None:
    edit(made, lambda cues: [replaced(cues[0], "Good night."), *cues[1:]], "transcript")
    report = render(made)
    assert texts(report) == [one.spanish for one in TALK]
    assert any("edit es.srt" in note for note in report["notes"])


def test_each_language_of_a_project_has_its_own_counts_and_report(made: Made) -> None:
    french = made.film.with_name("talk.fr.srt")
    french.write_text("1\n00:00:04,200 --> 00:00:06,000\nLe bateau part à sept heures.\n")
    settings = Settings.of("fr", source="en", profile="draft")
    pipeline.translate(made.film, settings, transcript=made.transcript, translation=french, jobs=1)
    edit(made, lambda cues: [replaced(cues[0], "Buenas."), *cues[1:]])
    spanish, other = pipeline.render(project(made), jobs=1)
    assert (spanish["lines_remade"], other["lines_remade"]) == (1, 0)
    assert json.loads((project(made) / "report.es.json").read_text())["lines"] == spanish["lines"]


# -- films with little in them -----------------------------------------------------------------------


def test_a_silent_film_with_subtitles_is_spoken_by_the_engines_own_voice(tmp_path: Path) -> None:
    made = make(tmp_path / "silent", said=[Said(500, "", "")], duration=4000)
    made.transcript.write_text("1\n00:00:00,500 --> 00:00:02,500\nThe boat leaves.\n")
    made.translation.write_text("1\n00:00:00,500 --> 00:00:02,500\nEl barco sale.\n")
    report = dub(made)
    assert texts(report) == ["El barco sale."]
    assert any("own voice speaks" in note for note in report["notes"])


def test_silence_is_told_from_a_film_without_sound(tmp_path: Path) -> None:
    made = make(tmp_path / "silent", said=[Said(0, "", "")], duration=3000)
    settings = Settings.of("es", source="en", profile="draft")
    with pytest.raises(MediaError, match="No speech was found"):
        pipeline.translate(made.film, settings, jobs=1)


# -- the film is encoded while its sound is still being mixed -------------------------------------------


def test_a_film_that_cannot_be_made_ends_the_mixer_too(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(made, lambda cues: [replaced(cues[0], "Buenas."), *cues[1:]])
    before = made.film.with_name("talk.es.mp4").read_bytes()

    def refuse(*_: Any, **__: Any) -> None:
        raise MediaError("This film cannot be made.")

    monkeypatch.setattr(media, "mux", refuse)
    with pytest.raises(MediaError, match="cannot be made"):
        render(made)
    monkeypatch.undo()
    assert made.film.with_name("talk.es.mp4").read_bytes() == before
    assert render(made)["written"]


def test_a_mix_that_fails_half_way_leaves_the_film_as_it_was(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(made, lambda cues: [replaced(cues[0], "Buenas."), *cues[1:]])
    before = made.film.with_name("talk.es.mp4").read_bytes()
    whole = mixer.mix

    def half(*given: Any, also: Callable[[Any], None], **choices: Any) -> Any:
        def fill(samples: Any) -> None:
            also(samples[: len(samples) // 2])
            raise SpaceError("The disk is full.")

        return whole(*given, also=fill, **choices)

    monkeypatch.setattr(mixer, "mix", half)
    with pytest.raises(SpaceError, match="disk is full"):
        render(made)
    monkeypatch.undo()
    assert made.film.with_name("talk.es.mp4").read_bytes() == before
    assert sorted(path.name for path in made.film.parent.iterdir() if path.is_file()) == sorted(
        [made.film.name, "talk.es.mp4", made.transcript.name, made.translation.name]
    )
    assert render(made)["written"]
