"""The studio path whole, on tiny models: what is said is noise, but every real engine loads, runs and hands on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from films import make, packets

from bench import studio
from bench.tiny import chat
from bench.tiny.__main__ import write as write_store
from dubber import engines, pipeline, srt, voices
from dubber.errors import MissingError, TranslationError
from dubber.settings import Settings


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model store with a tiny one of every model that the profile needs."""
    folder = tmp_path_factory.mktemp("models")
    write_store(folder)
    return folder


@pytest.fixture
def stored(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, of this test's own: it may change the models."""
    own = tmp_path / "models"
    shutil.copytree(store, own)
    monkeypatch.setenv("DUBBER_MODELS", str(own))
    torch.set_num_threads(1)
    return own


def answering(store: Path, lines: int) -> None:
    """Makes the tiny chat model translate as many lines as that."""
    shutil.rmtree(store / "qwen3-1.7b")
    chat.write_answering(store / "qwen3-1.7b", [studio.wordings(n) for n in range(lines)])


def test_a_film_goes_through_every_engine_and_one_model_at_a_time(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make(tmp_path / "film")
    living: list[str] = []
    most: list[str] = []
    real = engines.opened

    @contextmanager
    def watched(role: Any, settings: Settings, jobs: int) -> Iterator[Any]:
        with real(role, settings, jobs) as engine:
            living.append(role)
            assert len(living) == 1, f"{living} are open at once"
            most.append(role)
            yield engine
            living.remove(role)

    def voice(*given: Any, **named: Any) -> Any:
        assert not living, f"{living} is open when the voice is"
        return opened(*given, **named)

    opened = voices.opened
    monkeypatch.setattr(engines, "opened", watched)
    monkeypatch.setattr(voices, "opened", voice)

    settings = Settings.of("zh")
    with pytest.raises(TranslationError, match="could not translate") as told:
        pipeline.translate(made.film, settings, jobs=1)
    assert "--translation" in str(told.value.hint)
    cues = srt.read(made.film.with_suffix(".dub") / "transcript.srt").cues
    assert {"harbour", "train"} <= set(" ".join(cue.text for cue in cues).replace(",", "").split())

    answering(stored, len(cues))
    report = pipeline.translate(made.film, settings, jobs=1)
    assert set(most) == {"recogniser", "separator", "diarizer", "translator"}
    assert report["timing"]["take_length_error_samples"] == 0
    assert report["timing"]["overlap_ms"] == 0
    assert all(line["spoken"] for line in report["lines"])
    assert packets(Path(report["output"]), "v:0") == packets(made.film, "v:0")
    chosen = report["settings"]
    assert [chosen[role] for role in engines.ROLES] == ["whisper", "htdemucs", "campplus", "chat"]
    assert (report["heard"]["language"], chosen["source"]) == (
        "en",
        "und",
    )  # a guess is not remembered as said
    for line in report["lines"]:
        assert abs(line["dub_lufs"] - line["source_lufs"]) <= 1.5
        assert line["confidence"] > 0
    assert all(told["file"].startswith("voices/") for told in report["cast"]["speakers"].values())

    (again,) = pipeline.render(made.film, jobs=1)
    assert again["lines_remade"] == 0
    assert again["written"] is False
    assert sum(one["misses"] for one in again["cache"].values()) == 0


def test_lines_that_cannot_be_translated_keep_the_films_sound_and_wait_for_words(
    stored: Path, tmp_path: Path
) -> None:
    made = make(tmp_path / "film")
    settings = Settings.of("zh", source="en", profile="draft", translator="chat", voice="indextts2")
    subtitles = "".join(
        f"{n + 1}\n00:00:0{n},000 --> 00:00:0{n},900\n{text}\n\n"
        for n, text in enumerate(
            ("The old house stands here.", "The boat " * 600, "Bring a coat.", "And bread.", "We wait now.")
        )
    )
    transcript = tmp_path / "said.en.srt"
    transcript.write_text(subtitles, "utf-8")
    answering(stored, 5)
    report = pipeline.translate(made.film, settings, transcript=transcript, jobs=1)
    (waiting,) = report["untranslated"]
    assert "characters long" in waiting["faults"][0]
    with pytest.raises(TranslationError, match="is written, but 1 of its lines") as told:
        pipeline.check([report])
    assert "dubber render" in str(told.value.hint)
    assert made.film.with_suffix(".zh.mp4").is_file()
    place = made.film.with_suffix(".dub") / "zh.srt"
    cues = list(srt.read(place).cues)
    assert [cue.text for cue in cues].count("[not translated]") == 1
    place.write_text(place.read_text("utf-8").replace("[not translated]", "船开了。"), "utf-8")
    (report,) = pipeline.render(made.film, jobs=1)
    assert report["untranslated"] == []
    assert report["lines_remade"] >= 1
    assert "船开了。" in [line["text"] for line in report["lines"]]


def test_films_of_one_cast_share_a_voice(stored: Path, tmp_path: Path) -> None:
    cast = tmp_path / "cast"
    reports = []
    for place in ("one", "two"):
        made = make(tmp_path / place)
        settings = Settings.of("es", source="en", profile="draft", diarizer="campplus", cast=str(cast))
        reports.append(
            pipeline.translate(
                made.film, settings, transcript=made.transcript, translation=made.translation, jobs=1
            )
        )
    assert {line["speaker"] for report in reports for line in report["lines"]} == {"Speaker 1"}
    assert [path.name for path in sorted(cast.glob("*.wav"))] == ["Speaker 1.wav"]
    told = [report["cast"]["speakers"]["Speaker 1"]["file"] for report in reports]
    assert told == ["cast/Speaker 1.wav"] * 2
    shutil.rmtree(cast)
    with pytest.raises(MissingError, match="not at"):
        pipeline.render(tmp_path / "two" / "talk.mp4", jobs=1)
    assert not cast.exists()
