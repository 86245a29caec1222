"""A film spoken by IndexTTS2, whole: with a tiny release in the store, what it says is noise, but every part runs."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from films import TALK, Made, make

from bench import filled
from dubber import engines, pipeline, profiles, srt, voices
from dubber.errors import MissingError, UsageError
from dubber.models import catalogue, store
from dubber.settings import Settings
from dubber.store import Cache


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model store with a tiny release in it."""
    root = tmp_path_factory.mktemp("models")
    filled.write(root / "indextts2")
    return root


@pytest.fixture
def stored(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBER_MODELS", str(models))
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def dubbed(tmp_path_factory: pytest.TempPathFactory, models: Path) -> tuple[Made, dict[str, Any]]:
    """A film dubbed with that release, its project and its report."""
    made = make(tmp_path_factory.mktemp("films"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUBBER_MODELS", str(models))
        torch.set_num_threads(1)
        return made, dub(made)


def dub(made: Made, **choices: Any) -> dict[str, Any]:
    settings = Settings.of("en", source="es", profile="draft", voice="indextts2", **choices)
    # the film speaks English; that it is taken for Spanish changes nothing here
    return pipeline.translate(
        made.film,
        settings,
        transcript=renamed(made.translation, "source.es.srt"),
        translation=renamed(made.transcript, "target.en.srt"),
        jobs=1,
    )


def renamed(path: Path, name: str) -> Path:
    return Path(shutil.copyfile(path, path.with_name(name)))


def test_every_take_has_the_samples_of_its_slot(dubbed: tuple[Made, dict[str, Any]]) -> None:
    _, report = dubbed
    assert report["timing"]["take_length_error_samples"] == 0
    assert report["timing"]["overlap_ms"] == 0
    assert len(report["lines"]) == len(TALK)
    for line in report["lines"]:
        told = line["voice"]
        assert told["target_frames"] * 256 / 22_050 * 1000 == pytest.approx(
            line["slot"][1] - line["slot"][0], abs=12
        )
        assert {"tokens", "ended", "factor", "natural_frames"} <= set(told)


@pytest.mark.usefixtures("stored")
def test_a_second_run_speaks_nothing_and_an_edited_line_is_spoken_alone(
    dubbed: tuple[Made, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = dubbed
    place = tmp_path / "film"
    shutil.copytree(made.film.parent, place, copy_function=shutil.copy2)
    project = place / "talk.dub"
    heard: list[object] = []
    monkeypatch.setattr("tts.indextts2.voices.listen", lambda *_: heard.append(_))
    (again,) = pipeline.render(project, jobs=1)
    assert again["lines_remade"] == 0
    subtitles = project / "en.srt"
    cues = list(srt.read(subtitles).cues)
    cues[1] = srt.Cue(cues[1].start, cues[1].end, "The ship leaves at eight.", cues[1].speaker)
    subtitles.write_text(srt.serialise(cues), "utf-8")
    (edited,) = pipeline.render(project, jobs=1)
    assert edited["cache"]["natural"]["misses"] == 1
    assert edited["lines_remade"] <= 2  # the line, and a neighbour that made room for it
    assert heard == []  # the speaker's voice was kept, not heard again


def test_the_project_remembers_who_speaks(dubbed: tuple[Made, dict[str, Any]]) -> None:
    made, report = dubbed
    assert report["settings"]["voice"] == "indextts2"
    kept = json.loads((made.film.with_suffix(".dub") / "project.json").read_text())
    assert "indextts2" in json.dumps(kept)


@pytest.mark.usefixtures("stored")
def test_a_language_it_does_not_speak_is_refused_before_any_work(tmp_path: Path) -> None:
    made = make(tmp_path)
    settings = Settings.of("fi", source="en", profile="draft", voice="indextts2")
    with pytest.raises(MissingError, match="does not speak") as told:
        pipeline.translate(made.film, settings, transcript=made.transcript)
    assert "en" in str(told.value.hint)


def here(root: Path, *names: str) -> None:
    """Makes a model store look as if these were in it."""
    for name in names:
        for file in catalogue.named(name).files:
            (root / name / file).parent.mkdir(parents=True, exist_ok=True)
            (root / name / file).touch()


@pytest.mark.parametrize(
    ("target", "there", "before", "chosen"),
    [
        ("en", (), "", "indextts2"),
        ("zh-Hant", (), "", "indextts2"),
        ("ja", (), "", "indextts2.5"),
        ("es-419", (), "", "indextts2.5"),
        ("ar-EG", ("indextts2",), "", "indextts2.5"),  # what is here speaks no Arabic
        ("en", ("indextts2.5",), "", "indextts2.5"),
        ("en", ("indextts2", "indextts2.5"), "", "indextts2"),
        ("en", ("indextts2", "indextts2.5"), "indextts2.5", "indextts2.5"),  # no voice changes by itself
        ("en", ("indextts2",), "indextts2.5", "indextts2.5"),  # it is asked for, not replaced
        ("es", (), "indextts2", "indextts2.5"),
        ("en", (), "espeak", "indextts2"),
    ],
)
def test_the_language_chooses_the_voice_where_a_person_did_not(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    there: tuple[str, ...],
    before: str,
    chosen: str,
) -> None:
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path))
    here(tmp_path, *there)
    assert profiles.filled(Settings.of(target), voice_before=before).voice == chosen
    assert profiles.filled(Settings.of(target, voice="Auto"), voice_before=before).voice == chosen


@pytest.mark.parametrize("name", ["auto", "indextts2", "indextts2.5", None])
def test_a_language_that_no_voice_of_the_studio_speaks_is_refused_before_its_models_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path / "none"))
    made = make(tmp_path)
    settings = Settings.of("de", source="en", voice=name)
    for attempt in (pipeline.translate, pipeline.plan):
        with pytest.raises(MissingError, match=r"speaks? 'de'"):
            attempt(made.film, settings, transcript=made.transcript)
    assert not made.film.with_suffix(".dub").exists()


def test_a_voice_that_does_not_speak_the_language_names_the_one_that_does() -> None:
    with pytest.raises(MissingError) as told:
        voices.check("indextts2", "ja")
    assert str(told.value) == "The voice IndexTTS2 does not speak 'ja'."
    assert "It speaks en, zh." in str(told.value.hint)
    assert "--voice indextts2.5" in str(told.value.hint)
    with pytest.raises(MissingError) as told:
        profiles.filled(Settings.of("fi"))
    assert "IndexTTS2 speaks en, zh." in str(told.value)
    assert "IndexTTS-2.5 speaks ar, en, es, ja, zh." in str(told.value)


@pytest.mark.parametrize(
    ("voice", "language", "lacking"),
    [
        ("espeak", "ja", "fugashi"),
        ("espeak", "zh", None),
        ("indextts2", "zh", None),
        ("indextts2.5", "ja-JP", "fugashi"),
        ("indextts2.5", "es-419", "nemo_text_processing"),
        ("indextts2.5", "ar", None),
    ],
)
def test_what_a_library_is_missing_for_is_known_before_the_voice_is_opened(
    monkeypatch: pytest.MonkeyPatch, voice: str, language: str, lacking: str | None
) -> None:
    monkeypatch.setattr("tts.japanese.find_spec", lambda _: None)
    monkeypatch.setattr("tts.indextts2.text.optional.find_spec", lambda _: None)
    told = voices.named(voice).notes(language)
    assert len(told) == (lacking is not None)
    assert all(str(lacking) in sentence for sentence in told)


def test_what_a_library_is_missing_for_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts.japanese.find_spec", lambda _: None)
    made = make(tmp_path)
    cues = [
        srt.Cue(cue.start, cue.end, "天気は雨です。", cue.speaker) for cue in srt.read(made.transcript).cues
    ]
    words = made.film.with_name("talk.ja.srt")
    words.write_text(srt.serialise(cues), "utf-8")
    settings = Settings.of("ja", source="en", profile="draft")
    report = pipeline.translate(made.film, settings, transcript=made.transcript, translation=words, jobs=1)
    assert len([note for note in report["notes"] if "fugashi" in note]) == 1
    assert all(line["voice"]["unread"] == 3 for line in report["lines"])


def test_automatic_is_told_and_remembered(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the language: with both releases here, Spanish is spoken by the one that can."""
    monkeypatch.setenv("DUBBER_MODELS", str(models))
    filled.write(models / "indextts2.5", version="2.5")
    torch.set_num_threads(1)
    made = make(tmp_path)
    settings = Settings.of("es", source="en", profile="draft", voice="auto")
    report = pipeline.translate(
        made.film, settings, transcript=made.transcript, translation=made.translation, jobs=1
    )
    assert "Spanish is spoken by IndexTTS-2.5 (--voice indextts2.5)." in report["notes"]
    assert report["settings"]["voice"] == "indextts2.5"
    assert report["timing"]["take_length_error_samples"] == 0
    (again,) = pipeline.render(made.film.with_suffix(".dub"), jobs=1)
    assert again["settings"]["voice"] == "indextts2.5"
    assert again["lines_remade"] == 0


def test_a_voice_that_was_chosen_is_kept_to_though_the_run_was_stopped_and_another_is_here_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path / "models"))
    made = make(tmp_path / "film")
    given = {"transcript": made.translation, "translation": renamed(made.transcript, "target.en.srt")}
    draft = Settings.of("en", source="es", profile="draft").changed(
        **{role: profiles.DRAFT.choices[role] for role in engines.ROLES}
    )
    left_open = replace(draft, profile="studio", voice=None)
    here(tmp_path / "models", "indextts2.5")
    monkeypatch.setattr(pipeline, "dub", stopped)
    with pytest.raises(KeyboardInterrupt):
        pipeline.translate(made.film, left_open, jobs=1, **given)
    here(tmp_path / "models", "indextts2")
    chosen = []
    monkeypatch.setattr(pipeline, "dub", lambda run, *_: chosen.append(run.settings.voice))
    pipeline.translate(made.film, left_open, jobs=1, **given)
    pipeline.translate(made.film, replace(left_open, voice="auto"), jobs=1, **given)  # typed: chosen afresh
    assert chosen == ["indextts2.5", "indextts2"]


def test_a_project_of_several_languages_is_refused_before_the_first_is_rendered(tmp_path: Path) -> None:
    made = make(tmp_path)
    for target, words in (("es", made.translation), ("fr", renamed(made.translation, "talk.fr.srt"))):
        settings = Settings.of(target, source="en", profile="draft")
        pipeline.translate(made.film, settings, transcript=made.transcript, translation=words, jobs=1)
    before = made.film.with_suffix(".dub").joinpath("report.json").stat().st_mtime_ns
    for voice in ("auto", "indextts2.5"):
        with pytest.raises(MissingError, match="'fr'"):
            pipeline.render(made.film.with_suffix(".dub"), changes={"voice": voice}, jobs=1)
    assert made.film.with_suffix(".dub").joinpath("report.json").stat().st_mtime_ns == before


def test_a_voice_without_its_models_names_the_command_that_brings_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path))
    with pytest.raises(MissingError) as told:
        voices.opened("indextts2")
    assert "dubber models pull indextts2" in str(told.value.hint)


def test_a_voice_in_the_other_s_folder_is_not_opened(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "indextts2.5").symlink_to(models / "indextts2", target_is_directory=True)
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path))
    monkeypatch.setattr(store, "require", lambda *_: tmp_path / "indextts2.5")
    with pytest.raises(MissingError, match=r"holds release 2\.0") as told:
        voices.opened("indextts2.5")
    assert "verify indextts2.5" in str(told.value.hint)


def test_a_voice_with_a_damaged_file_is_not_opened(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(models / "indextts2", tmp_path / "indextts2")
    (tmp_path / "indextts2" / "s2mel.pth").write_bytes(b"not weights")
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path))
    with pytest.raises(MissingError, match="s2mel") as told:
        voices.opened("indextts2")
    assert "dubber models verify" in str(told.value.hint)


def test_a_file_that_is_not_what_was_recorded_does_not_speak(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "indextts2"
    shutil.copytree(models / "indextts2", folder, ignore=shutil.ignore_patterns("converted"))
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path))
    torch.set_num_threads(1)
    store.record_as_is(catalogue.named("indextts2"), lambda _: None)
    voices.opened("indextts2")
    matrix = torch.load(folder / "feat2.pt", weights_only=True)
    matrix[0, 0] += 1
    torch.save(matrix, folder / "feat2.pt")
    with pytest.raises(MissingError, match=r"feat2\.pt of indextts2 holds other bytes") as told:
        voices.opened("indextts2")
    assert "pull indextts2 --again" in str(told.value.hint)


@pytest.mark.parametrize("inside", ["", "indextts2"])
def test_a_file_in_the_place_of_the_models_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str
) -> None:
    place = tmp_path / "models"
    if inside:
        place.mkdir()
    (place / inside if inside else place).write_text("no folder")
    monkeypatch.setenv("DUBBER_MODELS", str(place))
    with pytest.raises(MissingError, match="in its place"):
        store.look(catalogue.named("indextts2"))


def test_a_voice_without_its_packages_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dubber.voices.find_spec", lambda _: None)
    with pytest.raises(MissingError, match="torch") as told:
        voices.opened("indextts2")
    assert "make install-voice" in str(told.value.hint)


def test_a_voice_that_nobody_knows_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no voice"):
        profiles.filled(Settings.of("en", voice="nobody"))


def test_a_shelf_keeps_what_it_is_given(tmp_path: Path) -> None:
    shelf = voices.Shelf(Cache(tmp_path))
    assert shelf.get("one") is None
    shelf.put("one", b"voice")
    assert shelf.get("one") == b"voice"
    assert shelf.get("other") is None


def test_cam_is_taken_from_a_release_that_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path))
    settings = profiles.filled(Settings.of("en"))

    def brought_by() -> str | None:
        return engines.chosen("diarizer", settings).model(settings)

    assert brought_by() == "indextts2"  # to be asked for
    here(tmp_path, "indextts2.5")
    assert brought_by() == "indextts2.5"
    here(tmp_path, "indextts2")
    assert brought_by() == "indextts2"
    (tmp_path / "indextts2" / store.PARTIAL).mkdir()
    assert brought_by() == "indextts2.5"
