"""What nobody dubs stays in the film as it is; and a project stays with the film that it was made of."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import DURATION, TALK, Made, make

from align.types import SAMPLES_PER_MS, Span
from dubber import media, pipeline, srt
from dubber.audio import AudioFile
from dubber.errors import UsageError
from dubber.settings import Settings
from dubber.steps import given

SECOND = Span(4200, 5600)
"""Where the second line of the film is said."""


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A film with a finished project; tests take copies of its folder."""
    made = make(tmp_path_factory.mktemp("films") / "once")
    settings = Settings.of("es", source="en", profile="draft")
    pipeline.translate(made.film, settings, transcript=made.transcript, translation=made.translation, jobs=1)
    return made


@pytest.fixture
def made(once: Made, tmp_path: Path) -> Made:
    shutil.copytree(once.film.parent, tmp_path / "film", copy_function=shutil.copy2)
    here = tmp_path / "film"
    return Made(*(here / path.name for path in (once.film, once.transcript, once.translation)), once.onsets)


def edited(made: Made, change: Callable[[list[srt.Cue]], list[srt.Cue]]) -> dict[str, Any]:
    """The report of a render after the cues of es.srt were changed."""
    path = made.film.with_suffix(".dub") / "es.srt"
    path.write_text(srt.serialise(change(list(srt.read(path).cues))), "utf-8")
    (report,) = pipeline.render(made.film, jobs=1)
    return report


def level(film: Path, span: Span, folder: Path) -> float:
    """RMS of a film's first track in a span, dBFS."""
    out = folder / f"{film.stem}.wav"
    media.extract(media.probe(film), out)
    with AudioFile(out) as sound:
        samples = sound.read(span.start * SAMPLES_PER_MS, span.end * SAMPLES_PER_MS)
    return float(20 * np.log10(np.sqrt(np.mean(np.square(samples))) + 1e-9))


def test_a_line_whose_cue_is_deleted_is_heard_as_it_was_said(made: Made, tmp_path: Path) -> None:
    report = edited(made, lambda cues: [cues[0], cues[2]])
    assert len(report["lines"]) == len(TALK) - 1
    kept = level(Path(report["output"]), SECOND, tmp_path)
    assert kept == pytest.approx(level(made.film, SECOND, tmp_path), abs=0.5)


def test_a_sound_in_the_place_of_a_line_leaves_the_film_as_it_is(made: Made, tmp_path: Path) -> None:
    report = edited(
        made, lambda cues: [cues[0], srt.Cue(cues[1].start, cues[1].end, "[risas]", None), cues[2]]
    )
    assert level(Path(report["output"]), SECOND, tmp_path) == pytest.approx(
        level(made.film, SECOND, tmp_path), abs=0.5
    )


def test_silence_takes_the_voice_out_and_puts_none_in(made: Made, tmp_path: Path) -> None:
    report = edited(
        made, lambda cues: [cues[0], srt.Cue(cues[1].start, cues[1].end, "[silence]", None), cues[2]]
    )
    inner = Span(SECOND.start + 100, SECOND.end - 100)
    assert level(Path(report["output"]), inner, tmp_path) < level(made.film, inner, tmp_path) - 25
    assert report["untranslated"] == []


def test_another_film_in_the_place_of_the_projects_is_refused_and_nothing_is_touched(
    made: Made, tmp_path: Path
) -> None:
    project = made.film.with_suffix(".dub")
    before = {path.name: path.read_bytes() for path in project.glob("*.srt")}
    other = make(tmp_path / "other", said=TALK[:1], duration=DURATION - 4000)
    shutil.copy(other.film, made.film)
    with pytest.raises(UsageError, match="another length"):
        pipeline.render(made.film, jobs=1)
    assert {path.name: path.read_bytes() for path in project.glob("*.srt")} == before


def test_a_project_of_before_there_was_a_choice_keeps_the_engines_that_there_were(made: Made) -> None:
    path = made.film.with_suffix(".dub") / "project.json"
    data = json.loads(path.read_text())
    run = data["runs"]["es"]
    for name in ("recogniser", "separator", "diarizer", "translator"):
        del run[name]
    run["profile"], run["speakers"] = "studio", 1
    path.write_text(json.dumps(data))
    (report,) = pipeline.render(made.film, jobs=1)
    assert report["settings"]["recogniser"] == "pocketsphinx"
    assert report["lines_remade"] == 0


def test_files_that_were_given_before_are_used_again_until_they_are_taken_back(made: Made) -> None:
    """The same command again, without them, as a batch would have it: the film stays as it is."""
    settings = Settings.of("es", profile="draft")
    project = made.film.with_suffix(".dub")
    before = {path.name: path.read_bytes() for path in project.glob("*.srt")}
    again = pipeline.translate(made.film, settings, jobs=1)
    assert again["lines_remade"] == 0
    assert {path.name: path.read_bytes() for path in project.glob("*.srt")} == before
    told = [note for note in again["notes"] if "given before" in note]
    assert [note.split()[1] for note in told] == ["transcript", "translation"]
    assert again["settings"]["source"] == "en"
    planned = pipeline.plan(made.film, settings, jobs=1)
    assert [line["text"] for line in planned["lines"]] == [line["text"] for line in again["lines"]]
    assert {path.name: path.read_bytes() for path in project.glob("*.srt")} == before
    without = pipeline.translate(made.film, settings, transcript=given.NONE, jobs=1)
    assert without["settings"]["transcript"] is None
    assert without["settings"]["translation"] == again["settings"]["translation"]
    assert not [note for note in without["notes"] if note.startswith("The transcript that was given before")]


def test_another_language_goes_by_the_transcript_that_was_given(made: Made) -> None:
    settings = Settings.of("fr", source="en", profile="draft")
    words = made.translation.with_name("talk.fr.srt")
    shutil.copy(made.translation, words)
    report = pipeline.translate(made.film, settings, translation=words, jobs=1)
    (before,) = pipeline.render(made.film, target="es", jobs=1)
    assert report["settings"]["transcript"] == before["settings"]["transcript"]
