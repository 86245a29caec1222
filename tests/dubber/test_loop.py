"""Whole runs in which lines are asked for in other words until they fit: what is asked, what is kept, what a person's
edit costs, and that the same run again changes nothing."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from chatserver import KEY, Asked, Server, answers, lines, serving, words
from films import Made, Said, make
from reels import ffmpeg

from dubber import media, pipeline, srt
from dubber.errors import UsageError
from dubber.settings import Settings
from dubber.stages.translate import remote

FITS = "Buenos días a todos."
LONG = "El barco que está en el puerto sale mañana por la mañana a las siete."
LESS = "El barco del puerto sale mañana a las siete."
SHORT = "El barco sale a las siete."
COAT = "Traed un abrigo, por favor."

SAID = (
    Said(500, "Good morning to you all.", FITS),
    Said(2800, "The boat leaves at seven.", SHORT),
    Said(5100, "Please bring a warm coat.", COAT),
)
DURATION = 7000

Words = Callable[[dict[str, Any]], list[str]]


def worded(again: dict[str, list[str]] | None = None, first: str = LONG) -> Words:
    """A translator that says the boat's line too long, and as `again` has it after so many wordings were tried."""
    known = {one.text: one.spanish for one in SAID} | {SAID[1].text: first}

    def choose(line: dict[str, Any]) -> list[str]:
        if "tried" not in line:
            return [known[line["text"]]]
        return (again or {}).get(line["tried"][-1]["wording"], [line["tried"][-1]["wording"]])

    return choose


@dataclass(frozen=True)
class Dubbed:
    """A film with a finished project, the report that it was made with, and all that was asked for it."""

    made: Made
    report: dict[str, Any]
    asked: tuple[Asked, ...]


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    """One server for all: what it answered is kept under its address."""
    with pytest.MonkeyPatch.context() as patch, serving() as server:
        patch.setattr(remote, "PAUSES_S", ())
        patch.setenv("DUBBER_API_KEY", KEY)
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    """It finds words for the boat's line that fit, when it is asked again."""
    running.usual = words(worded({LONG: [SHORT]}))
    running.asked.clear()
    return running


@pytest.fixture(scope="module")
def heard_once(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A film that was heard, for a plan in another language: nothing in it was worded in Spanish yet."""
    made = make(tmp_path_factory.mktemp("films") / "once", said=SAID, duration=DURATION)
    french = made.film.with_name("talk.fr.srt")
    shutil.copy(made.translation, french)
    chosen = Settings.of("fr", source="en", profile="draft")
    pipeline.plan(made.film, chosen, transcript=made.transcript, translation=french, jobs=1)
    return made


@pytest.fixture(scope="module")
def dubbed_once(heard_once: Made, running: Server, tmp_path_factory: pytest.TempPathFactory) -> Dubbed:
    """The same film, dubbed by the usual server."""
    running.usual = words(worded({LONG: [SHORT]}))
    made = copied(heard_once, tmp_path_factory.mktemp("films") / "dubbed")
    running.asked.clear()
    report = translate(made, running)
    return Dubbed(made, report, tuple(running.asked))


@pytest.fixture
def made(heard_once: Made, tmp_path: Path) -> Made:
    return copied(heard_once, tmp_path / "film")


@pytest.fixture
def dubbed(dubbed_once: Dubbed, tmp_path: Path) -> Made:
    return copied(dubbed_once.made, tmp_path / "film")


def copied(made: Made, folder: Path) -> Made:
    """A copy of a film, its subtitles and its project."""
    shutil.copytree(made.film.parent, folder)
    names = (made.film.name, made.transcript.name, made.translation.name)
    return Made(*(folder / name for name in names), made.onsets)


def settings(server: Server, **choices: Any) -> Settings:
    remote_choices = {"translator": "openai", "base_url": server.url, "model": "tiny"}
    return Settings.of("es", source="en", profile="draft", **remote_choices, **choices)


def translate(made: Made, server: Server, **choices: Any) -> dict[str, Any]:
    return pipeline.translate(made.film, settings(server, **choices), transcript=made.transcript, jobs=1)


def render(made: Made, **choices: Any) -> dict[str, Any]:
    (report,) = pipeline.render(made.film, jobs=1, **choices)
    return report


def subtitles(made: Made) -> Path:
    return made.film.with_suffix(".dub") / "es.srt"


def said(made: Made) -> list[str]:
    return [srt.spoken(cue.text) for cue in srt.read(subtitles(made)).cues]


def edit(made: Made, place: int, text: str) -> None:
    cues = list(srt.read(subtitles(made)).cues)
    cues[place] = srt.Cue(cues[place].start, cues[place].end, text, cues[place].speaker)
    subtitles(made).write_text(srt.serialise(cues), "utf-8")


def texts(report: dict[str, Any]) -> list[str]:
    return [line["text"] for line in report["lines"]]


def asked_again(asked: Sequence[Asked]) -> list[dict[str, Any]]:
    return [line for one in asked for line in lines(one) if "tried" in line]


def deeds(line: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(event["round"], event["did"], event["text"]) for event in line["history"]]


def test_a_line_too_long_is_asked_for_in_other_words_and_stays_so(
    dubbed_once: Dubbed, dubbed: Made, server: Server
) -> None:
    first = dubbed_once.report
    assert texts(first) == said(dubbed) == [FITS, SHORT, COAT]
    assert first["rounds"] == 1
    assert deeds(first["lines"][1]) == [
        (0, "measured", LONG),
        (1, "measured", SHORT),
        (1, "chosen", SHORT),
        (1, "spoken", SHORT),
    ]
    (ask,) = asked_again(dubbed_once.asked)
    assert ask["text"] == SAID[1].text
    measured = first["lines"][1]["history"][0]["natural_ms"]
    assert ask["tried"][0]["seconds"] / ask["seconds"] == pytest.approx(
        measured / (first["lines"][1]["source"][1] - first["lines"][1]["source"][0]), rel=0.1
    ), "the budget is the actor's time, in the voice's own measure"

    bytes_ = subtitles(dubbed).read_bytes()
    for _ in range(2):
        again = translate(dubbed, server)
        assert (again["lines_remade"], again["spoken_now_ms"]) == (0, 0)
        assert again["lines"] == first["lines"]
        assert subtitles(dubbed).read_bytes() == bytes_
    rendered = render(dubbed)
    assert (server.asked, rendered["lines_remade"]) == ([], 0)
    assert subtitles(dubbed).read_bytes() == bytes_
    assert texts(rendered) == texts(first)


def test_what_does_not_fit_in_two_rounds_is_flagged_and_never_asked_for_again(
    made: Made, server: Server
) -> None:
    server.usual = words(worded({LONG: [LESS], LESS: ["El barco del puerto sale hoy a las siete."]}))
    first = translate(made, server)
    asked, bytes_ = len(server.asked), subtitles(made).read_bytes()
    assert first["rounds"] == 2
    assert {len(line["tried"]) for line in asked_again(server.asked)} == {1, 2}
    line = first["lines"][1]
    assert line["text"] == "El barco del puerto sale hoy a las siete."
    assert {"compressed", "borrowed", "crowded"} & set(line["flags"])
    for _ in range(2):
        again = translate(made, server)
        assert len(server.asked) == asked
        assert again["lines"] == first["lines"]
        assert again["lines_remade"] == 0
        assert subtitles(made).read_bytes() == bytes_


def test_nothing_is_asked_where_everything_fits(made: Made, server: Server) -> None:
    server.usual = words(worded(first=SHORT))
    report = translate(made, server)
    assert report["rounds"] == 0
    assert asked_again(server.asked) == []
    assert {event["did"] for line in report["lines"] for event in line["history"]} == {"measured", "spoken"}


def test_a_translator_that_fails_leaves_lines_with_their_words_a_note_and_a_film(
    made: Made, server: Server
) -> None:
    usual = server.usual

    def fails(handler: Any, asked: Any) -> None:
        retried = any("tried" in line for line in lines(asked))
        (answers(500) if retried else usual)(handler, asked)

    server.usual = fails
    report = translate(made, server)
    assert texts(report) == [FITS, LONG, COAT]
    assert any("Other words were not found" in note and "1 in all" in note for note in report["notes"])
    assert Path(report["output"]).is_file()
    left = [event["told"] for event in report["lines"][1]["history"] if event["did"] == "left"]
    assert len(left) == 1
    assert "could not be asked" in left[0]
    server.usual = usual
    assert texts(translate(made, server)) == [FITS, SHORT, COAT], "tried again"


def test_a_persons_words_stay_and_cost_their_own_line(dubbed: Made, server: Server) -> None:
    edit(dubbed, 2, "Traed un abrigo, os lo ruego.")
    report = render(dubbed)
    assert report["lines_remade"] == 1
    assert texts(report) == [FITS, SHORT, "Traed un abrigo, os lo ruego."]
    edit(dubbed, 1, LONG)  # what the translator said first, and the program did not choose
    assert texts(render(dubbed))[1] == LONG
    for _ in range(2):
        assert texts(translate(dubbed, server))[1] == LONG
        assert texts(render(dubbed))[1] == LONG
    assert server.asked == []
    assert said(dubbed)[1] == LONG


def test_an_edit_leaves_the_chosen_words_of_all_other_lines(made: Made, server: Server) -> None:
    """Also where a translator gave several wordings and the edit changes what is known of the voice."""
    known = worded({LONG: [LESS], LESS: []})
    server.usual = words(lambda line: known(line) + ([SHORT + " Sí."] if "tried" not in line else []))
    first = translate(made, server)
    edit(made, 0, "Hola.")
    report = render(made)
    assert texts(report)[1:] == texts(first)[1:]
    assert report["lines_remade"] <= 2


def test_killed_before_the_words_are_written_the_next_run_ends_as_a_clean_one(
    dubbed_once: Dubbed, made: Made, server: Server
) -> None:
    dies = (
        "from dubber.steps import wording; import os; wording.reworded = lambda *_: os.kill(os.getpid(), 9); "
    )
    command = [
        *(sys.executable, "-c", dies + "from dubber.__main__ import main; main()"),
        *("translate", str(made.film), "--from", "en", "--to", "es", "--profile", "draft"),
        *("--translator", "openai", "--base-url", server.url, "--model", "tiny"),
        *("--transcript", str(made.transcript)),
    ]
    assert subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == -signal.SIGKILL
    assert said(made)[1] == LONG
    finished = translate(made, server)
    assert finished["lines"] == dubbed_once.report["lines"]
    assert subtitles(made).read_bytes() == subtitles(dubbed_once.made).read_bytes()
    assert translate(made, server)["lines_remade"] == 0


def test_two_clean_runs_are_the_same(dubbed_once: Dubbed, server: Server, tmp_path: Path) -> None:
    other = translate(make(tmp_path / "other", said=SAID, duration=DURATION), server)
    assert other["lines"] == dubbed_once.report["lines"]
    assert other["timing"] == dubbed_once.report["timing"]


def test_how_closely_time_is_kept_is_remembered(made: Made, server: Server) -> None:
    server.usual = words(worded({LONG: [LESS]}))
    tight = translate(made, server)
    natural = render(made, changes={"sync": "natural"})
    assert [line["slot"] for line in natural["lines"]] != [line["slot"] for line in tight["lines"]]
    assert render(made)["settings"]["sync"] == "natural"
    with pytest.raises(UsageError, match="sync"):
        render(made, changes={"sync": "loose"})


def test_a_plan_makes_nothing_and_is_near_the_dub(made: Made, server: Server) -> None:
    server.usual = words(worded(first=SHORT))
    plan = pipeline.plan(made.film, settings(server), transcript=made.transcript, jobs=1)
    project = made.film.with_suffix(".dub")
    assert not list((project / "cache").glob("take/*/*"))
    assert not made.film.with_name("talk.es.mp4").exists()
    assert "not measured yet" in plan["rates_from"]
    dub = translate(made, server)
    for expected, line in zip(plan["lines"], dub["lines"], strict=True):
        assert expected["text"] == line["text"]
        assert expected["slot"] == pytest.approx(line["slot"], abs=400)
    (after,) = pipeline.plan_again(project, jobs=1)
    assert after["rates_from"] == "3 lengths that this voice was measured at"


def test_a_plan_after_a_dub_goes_by_the_words_that_were_chosen(dubbed: Made, server: Server) -> None:
    for plan in (
        pipeline.plan(dubbed.film, settings(server), transcript=dubbed.transcript, jobs=1),
        *pipeline.plan_again(dubbed.film, jobs=1),
    ):
        assert [line["text"] for line in plan["lines"]] == [FITS, SHORT, COAT]
    assert server.asked == []
    assert said(dubbed)[1] == SHORT


def test_a_plan_needs_no_voice(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path / "none"))
    chosen = Settings.of("es", source="en", profile="studio", separator="mask", diarizer="prosody")
    plan = pipeline.plan(made.film, chosen, transcript=made.transcript, translation=made.translation, jobs=1)
    assert plan["settings"]["voice"] == "indextts2.5"
    assert [line["text"] for line in plan["lines"]] == [FITS, SHORT, COAT]


@pytest.fixture
def paused(tmp_path: Path) -> Made:
    """A film in which one cue is said with a pause in it."""
    halves = (Said(500, "The boat leaves", ""), Said(2400, "tomorrow at seven.", ""))
    made = make(tmp_path / "paused", said=halves, duration=5000)
    first, last = srt.read(made.transcript).cues
    for path, text in (
        (made.transcript, "The boat leaves tomorrow at seven."),
        (made.translation, "El barco sale | mañana a las siete."),
    ):
        path.write_text(srt.serialise([srt.Cue(first.start, last.end, text)]), "utf-8")
    return made


def test_a_pause_is_kept_and_its_mark_is_not_shown(paused: Made) -> None:
    chosen = Settings.of("es", source="en", profile="draft")
    report = pipeline.translate(
        paused.film, chosen, transcript=paused.transcript, translation=paused.translation, jobs=1
    )
    (line,) = report["lines"]
    assert [one["text"] for one in line["phrases"]] == ["El barco sale", "mañana a las siete."]
    (_, end), (start, _) = (one["slot"] for one in line["phrases"])
    assert start - end >= 100
    assert report["timing"]["take_length_error_samples"] == report["timing"]["overlap_ms"] == 0
    assert line["text"] == "El barco sale mañana a las siete."
    assert "|" in said(paused)[0]
    shown = ffmpeg("-i", report["output"], "-map", "0:s:0", "-f", "srt", "-").decode()
    assert "siete" in shown
    assert "|" not in shown

    edit(paused, 0, "El barco | sale mañana a las siete.")
    (moved,) = render(paused)["lines"]
    assert [one["text"] for one in moved["phrases"]] == ["El barco", "sale mañana a las siete."]


def test_the_report_is_kept_as_it_is_returned(dubbed_once: Dubbed) -> None:
    kept = json.loads((dubbed_once.made.film.with_suffix(".dub") / "report.json").read_text())
    assert kept["lines"] == dubbed_once.report["lines"]
    assert media.probe(Path(dubbed_once.report["output"])).duration == pytest.approx(DURATION, abs=100)
