"""How far a voice may leave its own rate: said on the command line or in dubber.toml, speaker by speaker; remembered,
taken back; obeyed by plan and dub, at nobody else's cost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from films import Made, Said, make
from typer.testing import CliRunner, Result

from dubber import batch, comfort, config, pipeline, srt
from dubber.cli import app
from dubber.errors import UsageError
from dubber.settings import Settings, over
from dubber.steps import fitting

SAID = (
    Said(500, "The boat leaves at seven.", "El barco del puerto sale hoy a las siete.", "Anna"),
    Said(
        4500, "Please bring a warm coat.", "Traed un abrigo cálido de invierno, por favor.", "Ben", pitch=80
    ),
    Said(8500, "Good morning to you all.", "Buenos días a todos los que han venido.", "Anna"),
)
DURATION = 12_000
ANNAS, BENS = (0, 2), (1,)
NARROW = (0.95, 1.05)


@pytest.fixture(scope="module")
def dubbed_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Made, dict[str, Any]]:
    """A film in which everybody has more to say than fits, and its dub in the usual bands."""
    made = make(tmp_path_factory.mktemp("comfort") / "film", said=SAID, duration=DURATION)
    return made, translate(made)


@pytest.fixture
def usual(dubbed_once: tuple[Made, dict[str, Any]]) -> dict[str, Any]:
    return dubbed_once[1]


@pytest.fixture
def made(dubbed_once: tuple[Made, dict[str, Any]], tmp_path: Path) -> Made:
    """A copy of the film and its project."""
    film = dubbed_once[0]
    shutil.copytree(film.film.parent, tmp_path / "film")
    names = (film.film.name, film.transcript.name, film.translation.name)
    return Made(*(tmp_path / "film" / name for name in names), film.onsets)


def translate(made: Made, **choices: Any) -> dict[str, Any]:
    settings = Settings.of("es", source="en", profile="draft", **choices)
    return pipeline.translate(
        made.film, settings, transcript=made.transcript, translation=made.translation, jobs=1
    )


def render(made: Made, **changes: Any) -> dict[str, Any]:
    (report,) = pipeline.render(made.film, changes=changes, jobs=1)
    return report


def slots(report: dict[str, Any], places: Sequence[int]) -> list[list[int]]:
    return [report["lines"][place]["slot"] for place in places]


def factors(report: dict[str, Any], places: Sequence[int]) -> list[float]:
    return [report["lines"][place]["factor"] for place in places]


# -- the dub -------------------------------------------------------------------------------------------


def test_a_voice_keeps_to_its_own_band_and_nobody_else_moves(made: Made, usual: dict[str, Any]) -> None:
    assert min(factors(usual, (*ANNAS, *BENS))) > NARROW[1], "all are hurried while the usual band holds"
    report = render(made, comfort="Anna=0.95-1.05")
    assert all(NARROW[0] <= factor <= NARROW[1] for factor in factors(report, ANNAS))
    assert [report["lines"][place] for place in BENS] == [usual["lines"][place] for place in BENS]
    assert report["lines_remade"] == len(ANNAS)
    assert report["timing"]["take_length_error_samples"] == report["timing"]["overlap_ms"] == 0
    assert {name: rate["comfort"] for name, rate in report["rates"].items()} == {
        "Anna": [0.95, 1.05],
        "Ben": [0.85, 1.15],
    }
    page = Path(report["page"]).read_text("utf-8")
    assert "at ease from 0.95 to 1.05" in page
    assert "Anna=0.95-1.05" in page, "among the choices"


def test_a_band_is_remembered_until_it_is_taken_back(made: Made, usual: dict[str, Any]) -> None:
    first = render(made, comfort="Anna=0.95-1.05")
    kept = render(made)
    assert (kept["lines"], kept["lines_remade"]) == (first["lines"], 0)
    both = render(made, comfort="Ben=0.9-1.1")
    assert both["settings"]["comfort"] == "Anna=0.95-1.05\nBen=0.9-1.1"
    assert slots(both, ANNAS) == slots(first, ANNAS), "the other's band stays"
    assert both["lines_remade"] == len(BENS)
    back = render(made, comfort="Ben=usual")
    assert (back["settings"]["comfort"], back["lines_remade"]) == ("Anna=0.95-1.05", 0)
    anew = translate(made)
    assert (anew["settings"]["comfort"], anew["lines"], anew["lines_remade"]) == ("", usual["lines"], 0)
    assert render(made)["settings"]["comfort"] == ""


def test_a_project_that_remembers_no_band_that_can_be_is_told(made: Made) -> None:
    place = made.film.with_suffix(".dub") / "project.json"
    for wrong in ("Anna", "Anna=0.95-9", ["Anna=0.95-1.05"]):
        kept = json.loads(place.read_text())
        kept["runs"]["es"]["comfort"] = wrong
        place.write_text(json.dumps(kept))
        with pytest.raises(UsageError):
            pipeline.render(made.film, jobs=1)
    del kept["runs"]["es"]["comfort"]  # made before there were any
    place.write_text(json.dumps(kept))
    assert render(made)["lines_remade"] == 0


def test_a_band_of_nobody_is_told_once_with_those_there_are(made: Made, usual: dict[str, Any]) -> None:
    report = render(made, comfort="Ana=0.95-1.05\nCleo=0.9-1.1\nBen=0.85-1.15")
    (note,) = [note for note in report["notes"] if "comfort" in note]
    assert "said of Ana, Cleo" in note
    assert "its speakers are Anna, Ben." in note
    assert (report["lines"], report["lines_remade"]) == (usual["lines"], 0)
    assert not [note for note in usual["notes"] if "comfort" in note]
    subtitles = made.film.with_suffix(".dub") / "transcript.srt"
    subtitles.write_text(subtitles.read_text("utf-8").replace("[Anna]", "[Ana]"), "utf-8")
    named = render(made)
    assert [note for note in named["notes"] if "said of Cleo, who" in note], "the label came later"
    assert factors(named, ANNAS) == pytest.approx([1.05, 1.05], abs=0.002)
    words = subtitles.with_name("es.srt")
    cues = [replace(cue, text="[silence]") if cue.speaker == "Ben" else cue for cue in srt.read(words).cues]
    words.write_text(srt.serialise(cues), "utf-8")
    assert [note for note in render(made)["notes"] if "said of Cleo, who" in note], (
        "Ben is there, though hushed"
    )


def test_a_plan_goes_by_the_band_and_calls_what_leaves_it_a_risk(made: Made) -> None:
    def plan(anna: str) -> dict[str, Any]:
        (found,) = pipeline.plan_again(made.film, changes={"comfort": f"Anna={anna}"}, jobs=1)
        return found

    hurried = plan("0.5-1.25")["lines"][2]
    assert (hurried["factor"] > 1.15, hurried["risk"]) == (True, "some"), "as fast as she may be, or nearly"
    subtitles = made.film.with_suffix(".dub") / "es.srt"
    words = ("El barco sale a las siete.", "Traed un abrigo, por favor.", "Hola a todos.")
    cues = [replace(cue, text=text) for cue, text in zip(srt.read(subtitles).cues, words, strict=True)]
    subtitles.write_text(srt.serialise(cues), "utf-8")

    wide, narrow = plan("0.5-1.25"), plan("1-1")
    assert [wide["lines"][place]["risk"] for place in ANNAS] == ["none", "none"]
    assert [narrow["lines"][place]["risk"] for place in ANNAS] == ["high", "high"]
    assert narrow["lines"][1] == wide["lines"][1]
    assert render(made)["settings"]["comfort"] == "", "a plan remembers nothing"


# -- what is said --------------------------------------------------------------------------------------


def test_a_band_is_read_and_written_in_one_form() -> None:
    text = comfort.merged("", "Anna = .95 - 1.0500\nDr. A=B, jun.=0.5–1.25\n[speaker 2]=1-1")
    assert text == "Anna=0.95-1.05\nDr. A=B, jun.=0.5-1.25\nSpeaker 2=1-1"
    assert comfort.merged(text, text) == text
    assert comfort.of(text, "anna") == (0.95, 1.05), "as the label in the subtitles is written"
    assert comfort.of(text, "Nobody") is None
    assert comfort.merged(text, "Anna=usual\nBen=usual\nspeaker 2=0.9-1.1").split("\n") == [
        "Dr. A=B, jun.=0.5-1.25",
        "Speaker 2=0.9-1.1",
    ]


REFUSED = [
    ("ANNA", "'ANNA' is no speaker with a comfort band"),
    ("ANNA=", "no speaker"),
    ("=0.95-1.05", "no speaker"),
    ("  =usual", "no speaker"),
    ("[]=0.95-1.05", "no speaker's name"),
    ("...=usual", "no speaker's name"),
    ("ANNA=1.05", "no speaker"),
    ("ANNA=0.95-1.05-1.1", "no speaker"),
    ("ANNA=0,95-1,05", "no speaker"),
    ("ANNA=-0.95-1.05", "no speaker"),
    ("ANNA=nan-1.05", "no speaker"),
    ("ANNA=0.95-inf", "no speaker"),
    ("ANNA=0.95-1e0", "no speaker"),
    ("ANNA=0.49-1.05", "ANNA cannot go from 0.49 to 1.05"),
    ("ANNA=0.9-1.26", "ANNA cannot go from 0.9 to 1.26"),
    ("ANNA=0.8-0.95", "ANNA cannot go"),
    ("ANNA=1.05-1.1", "ANNA cannot go"),
    ("ANNA=1.05-0.95", "ANNA cannot go"),
    ("ANNA=0.95-1.05\nANNA=usual", "ANNA has two"),
    ("anna=0.95-1.05\nAnna=0.9-1.1", "Anna has two"),
]


@pytest.mark.parametrize(("text", "told"), REFUSED)
def test_what_is_no_band_is_refused_wherever_it_is_said(text: str, told: str) -> None:
    for say in (
        lambda: Settings.of("es", comfort=text),
        lambda: Settings("es", comfort=text),
        lambda: Settings.of("es").changed(comfort=text),
        lambda: over({"comfort": text}, {}),
    ):
        with pytest.raises(UsageError, match=None) as error:
            say()
        assert told in str(error.value)
        assert error.value.hint


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What the commands ask the pipeline for, which then stops."""
    found: list[tuple[str, Any]] = []

    def asks(name: str, place: int) -> Callable[..., Any]:
        def ask(*given: Any, **named: Any) -> Any:
            found.append((name, named.get("changes", given[-1] if place else None)))
            raise UsageError("enough")

        return ask

    monkeypatch.setattr(pipeline, "translate", asks("translate", 1))
    monkeypatch.setattr(pipeline, "plan", asks("plan", 1))
    monkeypatch.setattr(pipeline, "render", asks("render", 0))
    monkeypatch.setattr(pipeline, "plan_again", asks("plan_again", 0))
    monkeypatch.setattr(batch, "run", lambda films, work, **_: [work(film, None) for film in films])
    return found


def dubber(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments], prog_name="dubber")


SAY = ("--comfort", "ANNA=0.95-1.05", "--comfort", "Speaker 2=0.9-1.1")
BOTH = "ANNA=0.95-1.05\nSpeaker 2=0.9-1.1"


@pytest.mark.parametrize("command", ["translate", "plan", "batch"])
def test_every_command_that_begins_a_dub_takes_bands_over_those_of_the_folder(
    made: Made, asked: list[tuple[str, Any]], command: str
) -> None:
    folder = made.film.parent
    (folder / config.NAME).write_text("[comfort]\nANNA = [0.5, 1.2]\nCleo = [1, 1]\n", "utf-8")
    where = folder if command == "batch" else made.film
    result = dubber(command, where, "--to", "es", "--from", "en", "--profile", "draft", *SAY)
    assert "enough" in result.stderr
    ((_, settings),) = asked
    assert settings.comfort == f"ANNA=0.95-1.05\nCleo=1-1\n{SAY[3]}"
    asked.clear()
    dubber(command, where, "--to", "es", "--from", "en", "--profile", "draft", "--comfort", "ANNA=usual")
    assert asked[0][1].comfort == "Cleo=1-1"


def test_a_project_takes_bands_too(made: Made, asked: list[tuple[str, Any]]) -> None:
    project = made.film.with_suffix(".dub")
    dubber("render", project, *SAY)
    dubber("plan", project, *SAY)
    dubber("render", project)
    assert asked == [("render", {"comfort": BOTH}), ("plan_again", {"comfort": BOTH}), ("render", {})]


@pytest.mark.parametrize("command", ["translate", "plan", "batch", "render"])
def test_a_band_that_cannot_be_ends_in_one_sentence(made: Made, command: str) -> None:
    where = {"batch": made.film.parent, "render": made.film.with_suffix(".dub")}.get(command, made.film)
    language = () if command == "render" else ("--profile", "draft")
    for text in ("ANNA=0.2-1.05", "ANNA"):
        result = dubber(command, where, "--to", "es", *language, "--comfort", text)
        told = [line for line in result.stderr.splitlines() if line.startswith("dubber: ")]
        assert (result.exit_code, len(told)) == (2, 1), result.output
        assert "comfort band" in told[0]


# -- dubber.toml ---------------------------------------------------------------------------------------


def written(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / config.NAME).write_text(text, "utf-8")
    return folder / config.NAME


def test_a_file_holds_a_table_of_bands(tmp_path: Path) -> None:
    written(tmp_path, 'to = "es"\n[comfort]\nANNA = [0.95, 1.05]\n"Speaker 2" = [1, 1.1]\nBen = "usual"\n')
    said = config.of_folder(tmp_path)
    assert Settings.of(**said).comfort == "ANNA=0.95-1.05\nSpeaker 2=1-1.1"


def test_a_nearer_file_counts_speaker_by_speaker(tmp_path: Path) -> None:
    written(tmp_path, "[comfort]\nAnna = [0.95, 1.05]\nBen = [0.9, 1.1]\nCleo = [1, 1]\n")
    written(tmp_path / "one", 'to = "es"\n[comfort]\nBen = [0.8, 1.2]\ncleo = "usual"\n')
    said = config.of_folder(tmp_path / "one", top=tmp_path)
    assert said == {"target": "es", "comfort": "Anna=0.95-1.05\nBen=0.8-1.2"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("comfort = 3", "comfort must be a table of speakers"),
        ("comfort = [0.95, 1.05]", "comfort must be a table of speakers"),
        ('comfort = "ANNA=0.95-1.05"', "comfort must be a table of speakers"),
        ("[[comfort]]\nANNA = [0.95, 1.05]", "comfort must be a table of speakers"),
        (
            "[comfort]\nANNA = 1.05",
            "comfort.ANNA must be the slowest and the fastest, like [0.95, 1.05], not 1.05.",
        ),
        ("[comfort]\nANNA = [1.05]", "comfort.ANNA must be"),
        ("[comfort]\nANNA = [0.9, 1, 1.1]", "comfort.ANNA must be"),
        ('[comfort]\nANNA = ["0.9", "1.1"]', "comfort.ANNA must be"),
        ('[comfort]\nANNA = [1, 1, "x"]', "comfort.ANNA must be"),
        ("[comfort]\nANNA = [true, 1.05]", "comfort.ANNA must be"),
        ("[comfort]\nANNA = [0.9, inf]", "comfort.ANNA must be"),
        ("[comfort]\nANNA = [nan, 1.1]", "comfort.ANNA must be"),
        (f"[comfort]\nANNA = [1, {10**400}]", "comfort.ANNA must be"),
        ('[comfort]\nANNA = "0.95-1.05"', "comfort.ANNA must be"),
        ("[comfort]\nDr.Who = [0.9, 1.1]", "stands in quotes"),
        ("[comfort]\nANNA = [0.95, 1.05]\ntakes = 2", "'takes' is a choice for the film"),
        ("[comfort]\nANNA = [0.4, 1.05]", "comfort: The comfort band of ANNA cannot go from 0.4 to 1.05."),
        ("[comfort]\nANNA = [0.95, 1.3]", "from 0.5 or more, to 1.25 or less"),
        ("[comfort]\nANNA = [1.1, 0.9]", "ANNA cannot go"),
        ('[comfort]\n"" = [0.95, 1.05]', "no speaker's name"),
        ('[comfort]\n" [] " = "usual"', "no speaker's name"),
        ("[comfort]\nAnna = [0.95, 1.05]\nanna = [0.9, 1.1]", "holds Anna twice"),
        ("[comfort]\nAnna = [0.95, 1.05]\nAnna = [0.9, 1.1]", "TOML"),
        ("[comfrot]\nAnna = [0.95, 1.05]", "Did you mean 'comfort'?"),
    ],
)
def test_what_is_no_band_in_a_file_is_told_by_file_and_name(tmp_path: Path, text: str, told: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as error:
        config.of_folder(tmp_path)
    assert str(path) in str(error.value)
    assert told in f"{error.value} {error.value.hint}"


def test_a_voice_that_is_only_stretched_has_a_narrower_band_unless_a_person_says_another() -> None:
    chosen = Settings("en", voice="indextts2")
    assert fitting.band(chosen, "Anna") == (0.85, 1.15)
    later = chosen.changed(voice="indextts2.5")
    assert fitting.band(later, "Anna") == (0.9, 1.1)
    assert fitting.band(later.changed(comfort="Anna=0.8-1.2"), "Anna") == (0.8, 1.2)
    assert fitting.band(later.changed(comfort="Anna=0.8-1.2"), "Ben") == (0.9, 1.1)


def test_a_speaker_is_the_same_in_capitals() -> None:
    assert comfort.of("ANNA=0.9-1.1", "Anna") == (0.9, 1.1)
    assert comfort.strangers("ANNA=0.9-1.1", ["Anna"]) == []
    assert comfort.merged("ANNA=0.9-1.1\nBen=0.95-1", "Anna=usual") == "Ben=0.95-1"
    with pytest.raises(UsageError, match="two comfort bands"):
        comfort.read("ANNA=0.9-1.1\nAnna=0.95-1.05")
