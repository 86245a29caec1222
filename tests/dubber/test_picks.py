"""Promises of `dubber takes`: which line a person means, takes played out to files, and picks that stay."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner, Result

from dubber import picking, srt, store, taken, takes_cli
from dubber.audio import AudioWriter
from dubber.errors import InUseError, UsageError
from dubber.picks import Pick
from dubber.project import Project

TEXTS = ("Buenos días.", "El barco sale a las siete.", "Traed un abrigo.")
STARTS = (600, 4200, 7000)
SEEDS = (0, 1, 2)
ASPECTS = {"length": 0.9, "timbre": 0.8, "emotion": None, "intelligibility": 0.7}


class Dubbed:
    """A project that looks like one that was dubbed with three takes of each line but the last."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.film = folder / "talk.mp4"
        self.film.write_bytes(b"film")
        self.project = Project.open(self.film)
        with self.project.lock():
            self.project.remember_run("es", {"target": "es"})
            self.lines = [self._line(index) for index in range(3)]
            cues = [srt.Cue(at, at + 1500, text) for at, text in zip(STARTS, TEXTS, strict=True)]
            self.project.write_subtitles("es", srt.serialise(cues), [], seen=None)
        self.write()

    def write(self, **changes: Any) -> None:
        """Writes the report, as the end of a run does."""
        with self.project.lock():
            self.project.write_report("es", {"lines": self.lines, **changes})

    def write_with_stem(self) -> None:
        """The same, where the film's speech is at hand: 8 s that grow louder."""
        with self.project.lock():
            stem = self.project.cache.file(store.key("separate", 1, {}, None), ".wav", self._stem)
        self.write(stem=stem.relative_to(self.project.folder).as_posix())

    def _line(self, index: int) -> dict[str, Any]:
        start = STARTS[index]
        line: dict[str, Any] = {
            "id": f"s{start}",
            "speaker": "Ada",
            "source": [start, start + 1000],
            "slot": [start, start + 1000],
            "text": TEXTS[index],
            "spoken": True,
        }
        if index < 2:
            line["takes"] = [self._take(index, seed) for seed in SEEDS]
        return line

    def _take(self, index: int, seed: int) -> dict[str, Any]:
        def make(out: Path) -> None:
            with AudioWriter(out, channels=1) as writer:
                writer.append(np.full(9_600, (seed + 1) / 10, np.float32))

        path = self.project.cache.file(store.key("take", 1, {}, [index, seed]), ".wav", make)
        return {
            "seed": seed,
            "score": 0.9 - seed / 10,
            **ASPECTS,
            "kept": seed == 0,
            "path": path.relative_to(self.project.folder).as_posix(),
            "doubt": "nothing is heard" if seed == 2 else None,
        }

    @staticmethod
    def _stem(out: Path) -> None:
        with AudioWriter(out) as writer:
            ramp = np.arange(8 * 48_000, dtype=np.float32) / (8 * 48_000)
            writer.append(np.stack([ramp, -ramp], axis=1))

    def take(self, line: int, number: int) -> Path:
        return self.project.folder / self.lines[line]["takes"][number - 1]["path"]

    def run(self, *arguments: object) -> Result:
        app = typer.Typer()
        takes_cli.register(app)
        app.callback()(lambda: None)
        return CliRunner().invoke(app, ["takes", str(self.film), *map(str, arguments)], prog_name="dubber")

    def json(self, *arguments: object) -> Mapping[str, Any]:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        told = json.loads(result.stdout)
        assert isinstance(told, dict)
        return told

    def picked(self, line: str = "s600") -> Pick | None:
        return Project.open(self.film).picks("es").get(line)


@pytest.fixture
def dubbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dubbed:
    monkeypatch.setattr("os.fsync", lambda _: None)  # guards against a power cut, which no test here has
    return Dubbed(tmp_path / "films")


def refused(result: Result, status: int, *said: str) -> None:
    assert result.exit_code == status, result.output
    assert result.stderr.startswith("dubber: ")
    assert len(result.stderr.splitlines()) == 2, "a sentence and a hint"
    for words in said:
        assert words in result.stderr


# -- listing -----------------------------------------------------------------------------------------


def test_the_list_shows_the_lines_that_have_several_takes_with_their_scores(dubbed: Dubbed) -> None:
    told = dubbed.json()
    assert [line["line"] for line in told["lines"]] == [1, 2]
    assert [take["score"] for take in told["lines"][0]["takes"]] == pytest.approx([0.9, 0.8, 0.7])
    shown = dubbed.run().stdout
    assert TEXTS[1] in shown
    assert TEXTS[2] not in shown, "it has one take"
    assert "0:00:04.200" in shown


def test_a_line_shows_its_takes_and_which_one_is_in_the_film(dubbed: Dubbed) -> None:
    shown = dubbed.run(2).stdout
    rows = [row.split() for row in shown.splitlines()[2:]]
    assert [row[:3] for row in rows] == [["1", "0", "0.90"], ["2", "1", "0.80"], ["3", "2", "0.70"]]
    assert rows[0][3:8] == ["0.90", "0.80", "–", "0.70", "kept"], "– is what could not be had"
    assert "nothing is heard" in shown
    assert TEXTS[1] in shown


def test_a_dub_with_one_take_of_each_line_says_how_to_have_more(dubbed: Dubbed) -> None:
    assert "one take" in dubbed.run("0:07").stdout
    dubbed.lines = [{key: line[key] for key in line if key != "takes"} for line in dubbed.lines]
    dubbed.write()
    for arguments in ((), (1,)):
        assert "--takes 4" in dubbed.run(*arguments).stdout
    refused(dubbed.run(1, "--pick", 1), 2, "one take only", "--takes 4")


def test_phrases_of_a_line_have_takes_of_their_own(dubbed: Dubbed) -> None:
    in_phrases(dubbed, "s600/1", "s600/2", "s600/1", "s600/2")
    shown = [row.split() for row in dubbed.run(1).stdout.splitlines()]
    assert [row[:2] for row in shown if row and row[0] in ("phrase", "1", "2", "3", "4")] == [
        *(["phrase", "1:"], ["1", "0"], ["3", "2"]),
        *(["phrase", "2:"], ["2", "1"], ["4", "0"]),
    ]
    assert "Buenos" in dubbed.run(1).stdout
    assert "2 + 2" in dubbed.run().stdout
    dubbed.run(1, "--pick", 3)
    dubbed.run(1, "--pick", 2)
    assert Project.open(dubbed.film).picks("es").keys() == {"s600/1", "s600/2"}
    dubbed.run(1, "--auto")
    assert Project.open(dubbed.film).picks("es") == {}


def in_phrases(dubbed: Dubbed, *parts: str) -> None:
    """The first line spoken in two phrases, with a take of each of these parts."""
    takes = dubbed.lines[0]["takes"]
    dubbed.lines[0]["takes"] = [
        {**takes[index % len(takes)], "part": part} for index, part in enumerate(parts)
    ]
    dubbed.lines[0]["phrases"] = [{"text": "Buenos"}, {"text": "días."}]
    dubbed.write()


def test_a_line_of_two_phrases_with_a_take_each_has_nothing_to_choose_from(dubbed: Dubbed) -> None:
    in_phrases(dubbed, "s600/1", "s600/2")
    assert [line["id"] for line in dubbed.json()["lines"]] == ["s4200"]
    assert "Each of its phrases has one take" in dubbed.run(1).stdout
    assert dubbed.json(1)["line"]["phrases"] == ["Buenos", "días."]
    refused(dubbed.run(1, "--pick", 2), 2, "one take only", "--takes 4")
    del dubbed.lines[1]["takes"]
    dubbed.write()
    assert dubbed.json()["lines"] == []
    assert dubbed.run().stdout.startswith("Every line has one take")
    assert len(dubbed.run().stdout.splitlines()) == 1


def test_the_only_take_of_a_phrase_cannot_be_picked(dubbed: Dubbed) -> None:
    in_phrases(dubbed, "s600/1", "s600/1", "s600/2")
    refused(dubbed.run(1, "--pick", 3), 2, "Take 3 is the only one of its phrase")
    assert Project.open(dubbed.film).picks("es") == {}
    assert dubbed.run(1, "--pick", 2).exit_code == 0


# -- which line --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "named", ["2", "#2", "s4200", "4.2", "0:04.2", "00:00:04,200", "4.900s", "0:05", "3s"]
)
def test_a_line_is_named_by_number_time_or_id(dubbed: Dubbed, named: str) -> None:
    assert dubbed.json(named)["line"]["id"] == "s4200"


@pytest.mark.parametrize(
    "named",
    ["0", "4", "99999999999999999999", "10s", "", "-x", "../..", "s1", "1:2:3:4", "٢", "1e9", "99:99:99"],
)
def test_what_names_no_line_is_refused_with_the_ways_to_name_one(dubbed: Dubbed, named: str) -> None:
    result = dubbed.run("--", named)
    refused(
        result,
        2,
        "Name a line by its number in the subtitles (up to 3), a time (0:00:00.600), or its id (s600)",
    )


def test_a_time_in_a_pause_means_the_nearest_line(dubbed: Dubbed) -> None:
    assert dubbed.json("2.8")["line"]["id"] == "s600"
    assert dubbed.json("3.0")["line"]["id"] == "s4200"
    dubbed.lines[0]["slot"] = [1800, 2500]
    dubbed.write()
    assert dubbed.json("0.7")["line"]["id"] == "s600", "where the film has it"
    assert dubbed.json("2.0")["line"]["id"] == "s600", "where the dub has it"
    refused(dubbed.run("10.1"), 2, "Nobody speaks at 0:00:10.100")


def test_a_number_is_that_of_the_subtitles_as_they_stand_now(dubbed: Dubbed) -> None:
    """A person put a cue before all others and changed the words of the next."""
    cues = [srt.Cue(100, 400, "Ah."), srt.Cue(600, 1500, "Hola."), srt.Cue(4200, 5000, TEXTS[1])]
    (dubbed.project.folder / "es.srt").write_text(srt.serialise(cues), "utf-8")
    assert dubbed.json(2)["line"]["id"] == "s600"
    assert dubbed.json(3)["line"]["id"] == "s4200"
    refused(dubbed.run(1), 2, "No spoken line is number 1")
    (dubbed.project.folder / "es.srt").unlink()
    refused(dubbed.run(1), 2, "Name a line by a time")
    assert dubbed.json("s600")["line"]["line"] is None


# -- playing out -------------------------------------------------------------------------------------


def test_takes_and_the_original_are_written_as_files_that_any_player_opens(
    dubbed: Dubbed, tmp_path: Path
) -> None:
    dubbed.write_with_stem()
    out = tmp_path / "new" / "folder"
    told = dubbed.json(2, "--out", out)
    names = [f"es line 2 take {number} of 3.wav" for number in (1, 2, 3)] + ["es line 2 original.wav"]
    assert told["written"] == [str(out / name) for name in names]
    for seed, name in enumerate(names[:3]):
        samples, rate = soundfile.read(out / name)
        assert (rate, samples.shape) == (48_000, (9_600,))
        assert samples[100] == pytest.approx((seed + 1) / 10, abs=1e-6)
        assert soundfile.info(out / name).format == "WAV"
    original, rate = soundfile.read(out / names[3])
    assert original.shape == (48_000, 2)
    assert original[0, 0] == pytest.approx(4.2 / 8, abs=1e-4)
    assert sorted(path.name for path in out.iterdir()) == sorted(names), "and nothing else"


def test_without_the_stem_the_person_is_told_that_the_original_is_not_there(
    dubbed: Dubbed, tmp_path: Path
) -> None:
    shown = dubbed.run(1, "--out", tmp_path / "out").stdout
    assert "own sound of the line is not at hand" in shown
    assert not (tmp_path / "out" / "es line 1 original.wav").exists()


def test_an_original_longer_than_the_film_ends_with_it(dubbed: Dubbed, tmp_path: Path) -> None:
    dubbed.lines[0]["source"] = [7_000, 300_000_000]
    dubbed.write_with_stem()
    dubbed.run("s600", "--out", tmp_path)
    assert soundfile.info(tmp_path / "es line 3 original.wav").frames == 48_000


def test_nothing_is_written_into_the_project_or_over_a_file(dubbed: Dubbed, tmp_path: Path) -> None:
    refused(dubbed.run(1, "--out", dubbed.project.folder / "voices"), 2, "lies in the project")
    link = tmp_path / "link"
    link.symlink_to(dubbed.project.folder)
    refused(dubbed.run(1, "--out", link), 2, "lies in the project")
    file = tmp_path / "file"
    file.write_text("mine")
    refused(dubbed.run(1, "--out", file), 2, "is no folder")
    assert file.read_text() == "mine"
    refused(dubbed.run(1, "--out", file / "below"), 5, "cannot be written")
    refused(dubbed.run(1, "--out", tmp_path / ("x" * 300)), 2, "the name is too long")
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    refused(dubbed.run(1, "--out", circle), 5, "cannot be written")


def test_a_take_that_is_not_in_the_cache_any_more_is_told_before_anything_is_written(
    dubbed: Dubbed, tmp_path: Path
) -> None:
    dubbed.take(0, 2).unlink()
    refused(
        dubbed.run(1, "--out", tmp_path / "out"), 4, "Take 2 of line 1 is no longer in the cache", "render"
    )
    assert not (tmp_path / "out").exists()
    refused(dubbed.run(1, "--pick", 2), 4, "no longer in the cache")
    assert dubbed.picked() is None


def test_a_line_with_a_name_from_hell_is_played_out_under_a_safe_one(dubbed: Dubbed, tmp_path: Path) -> None:
    for name in ("../../etc/passwd", "con", "a\nb\x1b[2J", "\u202egnp", "x" * 300, "-rf"):
        dubbed.lines[0]["id"] = name
        dubbed.lines[0]["source"] = [9_000, 9_500]  # under no cue
        dubbed.write()
        out = tmp_path / "out"
        told = dubbed.json("0:00.7", "--out", out)
        assert all(Path(path).parent == out for path in told["written"])
        assert len(list(out.iterdir())) == 3
        assert "\x1b" not in dubbed.run().stdout
        shutil.rmtree(out)


# -- picking -----------------------------------------------------------------------------------------


def test_a_pick_is_kept_and_the_person_is_told_what_comes_next(dubbed: Dubbed) -> None:
    shown = dubbed.run(1, "--pick", 2).stdout
    assert "Take 2 of line 1 is chosen" in shown
    assert f"dubber render {dubbed.project.folder}" in shown
    assert dubbed.picked() == Pick(1, TEXTS[0], dubbed.lines[0]["takes"][1]["path"])
    assert dubbed.picked("s4200") is None
    assert [take["picked"] for take in dubbed.json(1)["line"]["takes"]] == [False, True, False]
    assert "waits for render" in dubbed.run().stdout
    dubbed.run(1, "--pick", 3)
    assert (dubbed.picked() or Pick(0, "", "")).seed == 2, "a later choice replaces the one before"


def test_a_pick_survives_another_run_and_an_edit(dubbed: Dubbed) -> None:
    dubbed.run(1, "--pick", 2)
    dubbed.lines[0] |= {"text": "Muy buenos días."}
    dubbed.write()
    with dubbed.project.lock():
        dubbed.project.remember_run("es", {"target": "es"})
    kept = dubbed.picked()
    assert kept is not None
    assert kept.seed == 1
    heard = dubbed.lines[0]["takes"][1]["path"]
    assert kept.outdated(TEXTS[0], heard) is None
    assert "words" in str(kept.outdated("Muy buenos días.", heard))
    assert "voice" in str(kept.outdated(TEXTS[0], "cache/take/00/other.wav"))


def test_the_score_chooses_again_when_it_is_told_to(dubbed: Dubbed) -> None:
    dubbed.run(1, "--pick", 2)
    dubbed.run(2, "--pick", 3)
    assert "The score chooses the take of line 1 again" in dubbed.run(1, "--auto").stdout
    assert dubbed.picked() is None
    assert dubbed.picked("s4200") is not None, "the other line's stays"
    assert "No take of line 1 was picked" in dubbed.run(1, "--auto").stdout


def test_a_pick_of_a_take_that_is_none_is_refused(dubbed: Dubbed) -> None:
    refused(dubbed.run(1, "--pick", 4), 2, "Line 1 has no take 4", "takes 1 to 3")
    for arguments in (("--pick", 1), ("--auto",), ("--out", "out")):
        refused(dubbed.run(*arguments), 2, "Say which line")
    assert dubbed.run(1, "--pick", 0).exit_code == 2
    assert dubbed.run(1, "--pick", 1, "--auto").exit_code == 2
    assert dubbed.picked() is None


def test_nobody_picks_while_a_run_is_at_work(dubbed: Dubbed) -> None:
    line = taken.read(dubbed.project, "es").lines[0]
    with dubbed.project.lock(), pytest.raises(InUseError):
        picking.pick(Project.open(dubbed.film), "es", line, 2)
    with pytest.raises(RuntimeError):
        dubbed.project.write_picks("es", {})
    picking.pick(Project.open(dubbed.film), "es", line, 2)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "null",
        '{"format": "dubber picks", "schema": 0, "picks": {}}',
        '{"format": "dubber picks", "schema": 1, "picks": []}',
        '{"format": "dubber picks", "schema": 1, "picks": {"s600": {"seed": true, "text": "", "take": ""}}}',
        '{"format": "dubber picks", "schema": 1, "picks": {"s600": {"seed": 1.5, "text": "", "take": ""}}}',
        '{"format": "dubber picks", "schema": 1, "picks": {"s600": {"seed": 1e999, "text": "", "take": ""}}}',
        '{"format": "dubber picks", "schema": 1, "picks": {"s600": {"seed": 1, "text": 3, "take": ""}}}',
        '{"format": "dubber picks", "schema": 1, "picks": {"s600": {"seed": 1, "text": ""}}}',
        '{"format": "dubber picks", "schema": 1, "picks": {"s600": [1, "", ""]}}',
        "[" * 100_000,
    ],
)
def test_damaged_picks_are_told_and_never_taken_for_none(dubbed: Dubbed, content: str) -> None:
    (dubbed.project.folder / "picks.es.json").write_text(content)
    refused(dubbed.run(1), 2, "picks.es.json is damaged", "Delete it")
    refused(dubbed.run(1, "--pick", 2), 2, "damaged")


def test_picks_of_a_newer_program_are_left_alone(dubbed: Dubbed) -> None:
    path = dubbed.project.folder / "picks.es.json"
    path.write_text('{"format": "dubber picks", "schema": 2, "picks": 7}')
    refused(dubbed.run(1, "--pick", 2), 2, "newer dubber")
    assert "7" in path.read_text()


def test_picks_are_kept_for_each_language_and_nowhere_else(dubbed: Dubbed) -> None:
    dubbed.run(1, "--pick", 2)
    assert dubbed.project.picks("fr") == {}
    for language in ("../es", "", "es/..", "e\0s"):
        with pytest.raises(UsageError):
            dubbed.project.picks(language)
        with pytest.raises(UsageError):
            dubbed.project.report(language)


# -- projects ----------------------------------------------------------------------------------------


def test_where_nothing_was_dubbed_it_is_told_what_to_do(dubbed: Dubbed, tmp_path: Path) -> None:
    dubbed.film = tmp_path / "none.mp4"
    refused(dubbed.run(), 4, "There is no film")
    dubbed.film.write_bytes(b"another")
    refused(dubbed.run(), 4, "was not dubbed yet", "dubber translate")
    dubbed.film = tmp_path / ("x" * 300)
    refused(dubbed.run(), 2, "the name is too long")
    dubbed.film = tmp_path / "gone.dub"
    refused(dubbed.run(), 4, "There is no project")


def test_a_language_is_asked_for_where_there_are_several(dubbed: Dubbed) -> None:
    assert dubbed.json("--to", "Spanish")["language"] == "es"
    refused(dubbed.run("--to", "fr"), 2, "not dubbed into fr")
    with dubbed.project.lock():
        dubbed.project.remember_run("fr", {"target": "fr"})
    refused(dubbed.run(), 2, "several languages", "--to es or --to fr")
    refused(dubbed.run("--to", "fr"), 4, "There is no report", "dubber render")
    assert dubbed.json("--to", "es")["language"] == "es"


def test_the_project_folder_serves_as_well_as_the_film(dubbed: Dubbed) -> None:
    dubbed.film = dubbed.project.folder
    assert len(dubbed.json()["lines"]) == 2


HOSTILE: list[Any] = [None, 7, "x", [], {}, [[]], {"lines": 3}, {"lines": [1, None, []]}]
HOSTILE += [
    {"lines": [{"spoken": True, "id": "s1", "slot": slot}]}
    for slot in (0, [], [1], [5, 1], [-1, 2], [0, 1e99])
]
HOSTILE += [{"lines": [{"spoken": True, "id": 4, "slot": [0, 9]}]}, {"lines": [{"spoken": 1, "id": "a"}]}]


@pytest.mark.parametrize("report", HOSTILE, ids=str)
def test_a_report_that_is_none_breaks_nothing(dubbed: Dubbed, report: Any) -> None:
    (dubbed.project.folder / "report.es.json").write_text(json.dumps(report))
    result = dubbed.run()
    assert result.exit_code in (0, 4), result.output
    assert "s1" not in result.stdout


def test_a_torn_report_is_told_as_none(dubbed: Dubbed) -> None:
    for content in ('{"lines": [', "", "\0", "[" * 100_000):
        (dubbed.project.folder / "report.es.json").write_text(content)
        refused(dubbed.run(), 4, "There is no report", "dubber render")


@pytest.mark.parametrize(
    "path",
    [
        "../secret.wav",
        "/etc/hostname",
        "cache/../../secret.wav",
        "es.srt",
        "cache",
        "cache/link.wav",
        "cache/lf/x.wav",
        "cache\\..\\..\\secret.wav",
        "cache/\0",
        "",
        ".",
        "cache/" + "x" * 5000,
        7,
        None,
        ["cache"],
    ],
    ids=ascii,
)
def test_no_file_outside_the_cache_is_read_for_a_report(dubbed: Dubbed, tmp_path: Path, path: Any) -> None:
    secret = dubbed.project.folder.parent / "secret.wav"
    soundfile.write(secret, np.zeros(100), 48_000)
    soundfile.write(dubbed.project.folder.parent / "x.wav", np.zeros(100), 48_000)
    (dubbed.project.folder / "cache" / "link.wav").symlink_to(secret)
    (dubbed.project.folder / "cache" / "lf").symlink_to(dubbed.project.folder.parent)
    dubbed.lines[0]["takes"][0]["path"] = path
    dubbed.write(stem=path)
    assert taken.read(dubbed.project, "es").stem is None
    refused(dubbed.run(1, "--out", tmp_path / "out"), 4, "Take 1 of line 1 is no longer in the cache")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("score", "high"),
        ("score", 7),
        ("score", True),
        ("timbre", [1]),
        ("seed", "0"),
        ("seed", True),
        ("seed", 2**70),
        ("part", 5),
        ("doubt", {"a": 1}),
        ("doubt", "\x1b[2J\x07"),
        ("kept", "yes"),
    ],
)
def test_a_take_told_wrongly_is_shown_without_what_is_wrong(dubbed: Dubbed, key: str, value: Any) -> None:
    dubbed.lines[0]["takes"][1][key] = value
    dubbed.write()
    takes = dubbed.json(1)["line"]["takes"]
    assert len(takes) == (2 if key in ("seed", "part") else 3)
    assert all(take["score"] is None or 0 <= take["score"] <= 1 for take in takes)
    shown = dubbed.run(1).stdout
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_a_sound_that_is_none_is_told(dubbed: Dubbed, tmp_path: Path) -> None:
    dubbed.take(0, 1).write_bytes(b"no sound at all")
    refused(dubbed.run(1, "--out", tmp_path / "out"), 3, "cannot be read as sound")
