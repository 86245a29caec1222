"""Whole runs in which lines are asked for in other words until they fit: what is asked, what is kept, what a person's
edit costs, and that the same run again changes nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from chatserver import KEY, Server, answers, lines, serving, words
from films import Made, Said, make

from dubber import media, pipeline, srt
from dubber.errors import UsageError
from dubber.settings import Settings
from dubber.stages.translate import remote

FITS = "Buenos días, y bienvenidos al puerto."
LONG = "El barco grande que está esperando en el puerto sale mañana por la mañana a las siete en punto."
LESS = "El barco que está en el puerto sale mañana a las siete."
SHORT = "El barco sale a las siete."
COAT = "Traed un abrigo y algo de pan, por favor."

SAID = (
    Said(600, "Good morning, and welcome to the harbour.", FITS),
    Said(4200, "The boat leaves at seven.", SHORT),
    Said(7000, "Please bring a warm coat and some bread.", COAT),
)
DURATION = 10_000

Words = Callable[[dict[str, Any]], list[str]]


def worded(again: dict[str, list[str]] | None = None, first: str = LONG) -> Words:
    """A translator that says the boat's line too long, and as `again` has it after so many wordings were tried."""
    known = {one.text: one.spanish for one in SAID} | {SAID[1].text: first}

    def choose(line: dict[str, Any]) -> list[str]:
        if "tried" not in line:
            return [known[line["text"]]]
        return (again or {}).get(line["tried"][-1]["wording"], [line["tried"][-1]["wording"]])

    return choose


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(remote, "PAUSES_S", ())
    monkeypatch.setenv("DUBBER_API_KEY", KEY)
    with serving(words(worded({LONG: [SHORT]}))) as running:
        yield running


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return make(tmp_path / "film", said=SAID, duration=DURATION)


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


def asked_again(server: Server) -> list[dict[str, Any]]:
    return [line for one in server.asked for line in lines(one) if "tried" in line]


def deeds(line: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(event["round"], event["did"], event["text"]) for event in line["history"]]


def test_a_line_too_long_is_asked_for_in_other_words_and_stays_so(made: Made, server: Server) -> None:
    first = translate(made, server)
    assert texts(first) == said(made) == [FITS, SHORT, COAT]
    assert first["rounds"] == 1
    assert deeds(first["lines"][1]) == [
        (0, "measured", LONG),
        (1, "measured", SHORT),
        (1, "chosen", SHORT),
        (1, "spoken", SHORT),
    ]
    (ask,) = asked_again(server)
    assert ask["text"] == SAID[1].text
    measured = first["lines"][1]["history"][0]["natural_ms"]
    assert ask["tried"][0]["seconds"] / ask["seconds"] == pytest.approx(
        measured / (first["lines"][1]["source"][1] - first["lines"][1]["source"][0] + 300), rel=0.1
    ), "the budget is measured in the voice's own time"

    bytes_, asked = subtitles(made).read_bytes(), len(server.asked)
    for _ in range(2):
        again = translate(made, server)
        assert len(server.asked) == asked
        assert (again["lines_remade"], again["spoken_now_ms"]) == (0, 0)
        assert again["lines"] == first["lines"]
        assert subtitles(made).read_bytes() == bytes_
    rendered = render(made)
    assert (len(server.asked), rendered["lines_remade"]) == (asked, 0)
    assert subtitles(made).read_bytes() == bytes_
    assert texts(rendered) == texts(first)


def test_what_does_not_fit_in_two_rounds_is_flagged_and_never_asked_for_again(
    made: Made, server: Server
) -> None:
    server.usual = words(worded({LONG: [LESS], LESS: ["El barco del puerto sale mañana a las siete."]}))
    first = translate(made, server)
    asked, bytes_ = len(server.asked), subtitles(made).read_bytes()
    assert first["rounds"] == 2
    assert {len(line["tried"]) for line in asked_again(server)} == {1, 2}
    line = first["lines"][1]
    assert line["text"] == "El barco del puerto sale mañana a las siete."
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
    assert asked_again(server) == []
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


def test_a_persons_words_stay_and_cost_their_own_line(made: Made, server: Server) -> None:
    translate(made, server)
    asked = len(server.asked)
    edit(made, 2, "Traed un abrigo y algo de pan, os lo ruego.")
    report = render(made)
    assert report["lines_remade"] == 1
    assert texts(report) == [FITS, SHORT, "Traed un abrigo y algo de pan, os lo ruego."]
    edit(made, 1, LONG)  # what the translator said first, and the program did not choose
    assert texts(render(made))[1] == LONG
    for _ in range(2):
        assert texts(translate(made, server))[1] == LONG
        assert texts(render(made))[1] == LONG
    assert len(server.asked) == asked
    assert said(made)[1] == LONG


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
    tmp_path: Path, server: Server
) -> None:
    one, other = (make(tmp_path / name, said=SAID, duration=DURATION) for name in ("clean", "killed"))
    clean = translate(one, server)
    dies = (
        "from dubber.steps import wording; import os; wording.reworded = lambda *_: os.kill(os.getpid(), 9); "
    )
    command = [
        *(sys.executable, "-c", dies + "from dubber.__main__ import main; main()"),
        *("translate", str(other.film), "--from", "en", "--to", "es", "--profile", "draft"),
        *("--translator", "openai", "--base-url", server.url, "--model", "tiny"),
        *("--transcript", str(other.transcript)),
    ]
    assert subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == -signal.SIGKILL
    assert said(other)[1] == LONG
    finished = translate(other, server)
    assert finished["lines"] == clean["lines"]
    assert subtitles(other).read_bytes() == subtitles(one).read_bytes()
    assert translate(other, server)["lines_remade"] == 0


def test_two_clean_runs_are_the_same(tmp_path: Path, server: Server) -> None:
    reports = [
        translate(make(tmp_path / name, said=SAID, duration=DURATION), server) for name in ("one", "other")
    ]
    assert reports[0]["lines"] == reports[1]["lines"]
    assert reports[0]["timing"] == reports[1]["timing"]


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
    assert after["rates_from"] == "3 lines that this voice was measured at"


def test_a_plan_after_a_dub_goes_by_the_words_that_were_chosen(made: Made, server: Server) -> None:
    translate(made, server)
    asked = len(server.asked)
    for plan in (
        pipeline.plan(made.film, settings(server), transcript=made.transcript, jobs=1),
        *pipeline.plan_again(made.film, jobs=1),
    ):
        assert [line["text"] for line in plan["lines"]] == [FITS, SHORT, COAT]
    assert len(server.asked) == asked
    assert said(made)[1] == SHORT


def test_a_plan_needs_no_voice(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path / "none"))
    chosen = Settings.of("es", source="en", profile="studio", separator="mask", diarizer="prosody")
    plan = pipeline.plan(made.film, chosen, transcript=made.transcript, translation=made.translation, jobs=1)
    assert plan["settings"]["voice"] == "indextts2"
    assert [line["text"] for line in plan["lines"]] == [FITS, SHORT, COAT]


PAUSED = (
    Said(500, "The boat leaves", "El barco sale | mañana a las siete"),
    Said(2400, "tomorrow at seven.", ""),
)


@pytest.fixture
def paused(tmp_path: Path) -> Made:
    """A film in which one cue is said with a pause in it."""
    made = make(tmp_path / "paused", said=PAUSED, duration=6000)
    for path, text in (
        (made.transcript, "The boat leaves tomorrow at seven."),
        (made.translation, PAUSED[0].spanish + "."),
    ):
        cues = srt.read(path).cues
        last = srt.read(made.transcript).cues[-1].end if path == made.translation else cues[-1].end
        path.write_text(srt.serialise([srt.Cue(cues[0].start, last, text)]), "utf-8")
    return made


def test_a_pause_is_kept_and_its_mark_is_not_shown(paused: Made) -> None:
    chosen = Settings.of("es", source="en", profile="draft")
    report = pipeline.translate(
        paused.film, chosen, transcript=paused.transcript, translation=paused.translation, jobs=1
    )
    (line,) = report["lines"]
    assert [one["text"] for one in line["phrases"]] == ["El barco sale,", "mañana a las siete."], (
        "as it is said"
    )
    (_, end), (start, _) = (one["slot"] for one in line["phrases"])
    assert start - end >= 100
    assert report["timing"]["take_length_error_samples"] == report["timing"]["overlap_ms"] == 0
    assert line["text"] == "El barco sale mañana a las siete."
    assert "|" in said(paused)[0]
    shown = tmp_subtitles(Path(report["output"]))
    assert "siete" in shown
    assert "|" not in shown

    edit(paused, 0, "El barco | sale mañana a las siete.")
    (moved,) = render(paused)["lines"]
    assert [one["text"] for one in moved["phrases"]] == ["El barco,", "sale mañana a las siete."]


def tmp_subtitles(film: Path) -> str:
    """The text of a film's first subtitle track."""
    from reels import ffmpeg

    return ffmpeg("-i", film, "-map", "0:s:0", "-f", "srt", "-").decode()


def test_the_report_is_kept_as_it_is_returned(made: Made, server: Server) -> None:
    report = translate(made, server)
    kept = json.loads((made.film.with_suffix(".dub") / "report.json").read_text())
    assert kept["lines"] == report["lines"]
    assert media.probe(Path(report["output"])).duration == pytest.approx(DURATION, abs=100)
