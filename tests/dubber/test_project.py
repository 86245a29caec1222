"""Promises of the project folder."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import pytest

from dubber import atomic, names, store
from dubber.errors import InUseError, MediaError, MissingError, SpaceError, UsageError
from dubber.folder import SCHEMA
from dubber.project import Project, outputs

KILLED = Path(__file__).with_name("killed.py")

HOSTILE_NAMES = [
    "-rf.mp4",
    ":colon.mp4",
    'it\'s "quoted".mp4',
    "100%d.mp4",
    "two\nlines.mp4",
    "\u202egnp.mp4",
    ".mp4",
    "no suffix",
    "x" * 251 + ".mp4",
    "x" * 252 + ".ts",
    "é" * 126 + ".ts",
    "a.dub",
    "..mp4",
]


def film_in(folder: Path, name: str = "talk.mp4", content: bytes = b"film") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def no_power_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """fsync only guards against a power cut, which no test here has; without it they take a tenth of the time."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return film_in(tmp_path / "films")


@pytest.fixture
def project(film: Path) -> Project:
    return made(film)


def made(film: Path, folder: Path | None = None) -> Project:
    """A project that was run once."""
    project = Project.open(film, folder)
    with project.lock():
        project.source_digest()
    return project


def settings(project: Project) -> dict[str, Any]:
    value = json.loads((project.folder / "project.json").read_text())
    assert isinstance(value, dict)
    return value


def never(*_: object) -> NoReturn:
    raise AssertionError("called although there was no need")


# -- which folder ----------------------------------------------------------------------------------


def test_the_folder_lies_beside_the_film(film: Path) -> None:
    assert Project.open(film).folder == film.with_name("talk.dub")


def test_opening_writes_nothing(film: Path) -> None:
    project = Project.open(film)
    assert project.subtitles("es").digest is None
    assert project.voice_file("Anna") is None
    assert project.run_settings("es") is None
    assert not project.cache.has(store.key("tts", 1, {}, 1))
    assert listing(film.parent) == ["talk.mp4"]


def test_writing_needs_the_lock(project: Project) -> None:
    for write in (
        lambda: project.remember_run("es", {}),
        lambda: project.write_subtitles("es", "", [], seen=None),
        lambda: project.write_voice("Anna", never),
        lambda: project.write_report("es", {}),
        lambda: project.keep_given(b"", "talk.srt"),
    ):
        with pytest.raises(RuntimeError):
            write()


def test_two_films_of_one_name_have_two_projects(film: Path) -> None:
    other = film_in(film.parent, "talk.mkv")
    assert made(film).folder.name == "talk.dub"
    assert made(other).folder.name == "talk.mkv.dub"
    assert Project.open(film).folder.name == "talk.dub"
    assert Project.open(other).folder.name == "talk.mkv.dub"


def test_two_films_opened_at_once_do_not_end_in_one_project(film: Path) -> None:
    first, second = Project.open(film), Project.open(film_in(film.parent, "talk.mkv"))
    with first.lock():
        pass
    with pytest.raises(UsageError, match=r"project of .*talk\.mp4"), second.lock():
        pass
    assert Project.open(second.film).folder.name == "talk.mkv.dub"


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_any_name_a_film_can_have_makes_a_project_beside_it(tmp_path: Path, name: str) -> None:
    film = film_in(tmp_path / "films", name)
    project = made(film)
    assert project.folder.parent == film.parent
    assert project.folder.name.endswith(".dub")
    assert listing(film.parent) == sorted([name, project.folder.name])
    assert Project.load(project.folder).film == film


def test_a_film_whose_name_is_no_utf8_makes_a_project(tmp_path: Path) -> None:
    try:
        film = film_in(tmp_path / "films", os.fsdecode(b"caf\xe9.mp4"))
    except OSError:
        pytest.skip("this file system has no such names")
    assert Project.load(made(film).folder).film == film


def test_a_folder_that_is_no_project_is_refused_and_left_alone(film: Path) -> None:
    folder = film.with_name("talk.dub")
    folder.mkdir()
    (folder / "holiday.jpg").write_bytes(b"mine")
    for refused in (None, folder):
        with pytest.raises(UsageError, match="no dubber project"):
            Project.open(film, refused)
    (folder / "project.json").write_text('{"name": "a web page", "schema": 1}')
    with pytest.raises(UsageError, match="no dubber project"):
        Project.open(film)
    assert listing(folder) == ["holiday.jpg", "project.json"]


def test_a_folder_that_a_run_was_killed_in_at_once_is_taken_up(film: Path) -> None:
    folder = film.with_name("talk.dub")
    folder.mkdir()
    (folder / ".lock").touch()
    (folder / (atomic.TEMPORARY_PREFIX + "0-1.json")).write_text("{")
    made(film)
    assert listing(folder) == [".lock", "cache", "project.json"]


def test_a_link_is_followed_to_our_own_project_only(film: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = film.with_name("talk.dub")
    link.symlink_to(elsewhere)
    with pytest.raises(UsageError, match="no dubber project"):
        Project.open(film)
    assert listing(elsewhere) == []
    made(film, elsewhere)
    assert made(film).folder == elsewhere


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingError):
        Project.open(tmp_path / "gone.mp4")
    with pytest.raises(MediaError):
        Project.open(tmp_path)


def test_another_films_project_is_refused_by_name(film: Path, project: Project) -> None:
    other = film_in(film.parent / "b", "other.mp4")
    with pytest.raises(UsageError, match=r"another film.*talk\.mp4"):
        Project.open(other, project.folder)


@pytest.mark.parametrize("how", ["a file as project", "no parent", "a file as cache"])
def test_a_place_that_cannot_be_written_is_told(film: Path, tmp_path: Path, how: str) -> None:
    folder = tmp_path / "p.dub"
    if how == "a file as project":
        project = Project.open(film, folder)
        folder.write_text("in the way")
    elif how == "no parent":
        project = Project.open(film, tmp_path / "not" / "there.dub")
    else:
        project = made(film, folder)
        shutil.rmtree(folder / "cache")
        (folder / "cache").write_text("in the way")
    with pytest.raises(SpaceError, match=str(tmp_path)), project.lock():
        pass


# -- project.json ----------------------------------------------------------------------------------


def test_settings_come_back(film: Path, project: Project) -> None:
    with project.lock():
        project.remember_run("es", {"engine": "espeak"})
        project.remember_run("fr", {"engine": "espeak"})
        project.remember_run("es", {"engine": "indextts2"})
    for again in (Project.open(film), Project.load(project.folder)):
        assert again.run_settings("es") == {"engine": "indextts2"}
        assert again.run_settings("fr") == {"engine": "espeak"}
        assert again.run_settings("de") is None


def test_what_another_program_wrote_into_the_settings_is_kept(project: Project) -> None:
    data = settings(project) | {"note": "mine"}
    data["source"]["colour"] = "blue"
    (project.folder / "project.json").write_text(json.dumps(data))
    again = Project.load(project.folder)
    with again.lock():
        again.remember_run("es", {})
    assert settings(again)["note"] == "mine"
    assert settings(again)["source"]["colour"] == "blue"


def test_a_newer_project_is_refused_untouched(film: Path, project: Project) -> None:
    path = project.folder / "project.json"
    path.write_text(json.dumps(settings(project) | {"schema": SCHEMA + 1}))
    before = path.read_bytes()
    with pytest.raises(UsageError, match="newer dubber"):
        Project.open(film)
    with pytest.raises(UsageError, match="newer dubber"):
        Project.load(project.folder)
    with pytest.raises(UsageError, match="newer dubber"), project.lock():
        pass
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["", "{", "[" * 50_000, '{"format": "dubber project", "schema": 1}'])
def test_damaged_settings_are_told(film: Path, project: Project, damage: str) -> None:
    (project.folder / "project.json").write_text(damage)
    with pytest.raises(UsageError, match="damaged"):
        Project.open(film)


@pytest.mark.parametrize(
    "runs", [[], 3, {"es": 3}, {"es": None}, {"es": {"seed": [1]}}, {"es": {"target": {}}}]
)
def test_damaged_settings_of_a_run_are_told(project: Project, runs: Any) -> None:
    (project.folder / "project.json").write_text(json.dumps(settings(project) | {"runs": runs}))
    with pytest.raises(UsageError, match="damaged"):
        Project.load(project.folder).run_settings("es")


@pytest.mark.parametrize("places", [[], 3, {"es": 3}, {"es": None}, {"es": {}}, {"es": {"relative": 3}}])
def test_damaged_outputs_are_told(film: Path, project: Project, places: Any) -> None:
    (project.folder / "project.json").write_text(json.dumps(settings(project) | {"outputs": places}))
    again = Project.load(project.folder)
    with pytest.raises(UsageError, match="damaged"):
        again.output("es")
    with pytest.raises(UsageError, match="damaged"):
        again.is_made("es", film, "recipe")
    assert outputs(project.folder) == ()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_settings_with_numbers_that_cannot_be_written_back_are_damaged(project: Project, number: str) -> None:
    path = project.folder / "project.json"
    path.write_text(path.read_text().replace("{", f'{{"runs": {{"es": {{"emotion": {number}}}}},', 1))
    with pytest.raises(UsageError, match="damaged"):
        Project.load(project.folder)


def test_a_digest_of_the_film_that_is_none_is_found_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dubber.project._RACY_NS", -(10**10))
    with project.lock():
        digest = project.source_digest()
    data = settings(project)
    data["source"]["digest"] = 7
    (project.folder / "project.json").write_text(json.dumps(data))
    again = Project.load(project.folder)
    with again.lock():
        assert again.source_digest() == digest


def test_every_language_keeps_its_report_and_the_newest_is_report_json(project: Project) -> None:
    def kept(name: str) -> Any:
        return json.loads((project.folder / name).read_text())

    with project.lock():
        project.write_report("es", {"lines": 3})
        project.write_report("zh-Hant", {"lines": 4})
        with pytest.raises(UsageError):
            project.write_report("../es", {})
    assert kept("report.es.json") == {"lines": 3}
    assert kept("report.zh-Hant.json") == kept("report.json") == {"lines": 4}


def test_a_dubbed_film_is_made_once_until_anything_of_it_changes(film: Path, project: Project) -> None:
    out = film.with_name("talk.es.mp4")
    out.write_bytes(b"dubbed")
    with project.lock():
        assert not project.is_made("es", out, "recipe")
        project.remember_output("es", out, "recipe")
    again = Project.open(film)
    assert again.output("es") == out
    assert outputs(again.folder) == (out,)
    assert again.is_made("es", out, "recipe")
    assert not again.is_made("es", out, "another recipe")
    assert not again.is_made("fr", out, "recipe")
    assert not again.is_made("es", film, "recipe")
    out.write_bytes(b"cut")
    assert not again.is_made("es", out, "recipe")
    out.unlink()
    assert not again.is_made("es", out, "recipe")
    assert outputs(film.parent) == ()


# -- the source ------------------------------------------------------------------------------------


def test_an_unchanged_film_is_not_read_twice(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dubber.project._RACY_NS", -(10**10))
    first = made(film)
    heard: list[float] = []
    again = Project.open(film)
    with again.lock():
        assert again.source_digest(heard.append) == settings(first)["source"]["digest"]
    assert heard == []


def test_a_film_changed_a_moment_ago_is_read_again(film: Path) -> None:
    project = made(film)
    with project.lock():
        before = project.source_digest()
        stamp = film.stat()
        film.write_bytes(b"FILM")
        os.utime(film, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        assert project.source_digest() != before


@pytest.mark.parametrize("same_time", [True, False])
def test_a_changed_film_is_noticed(film: Path, monkeypatch: pytest.MonkeyPatch, same_time: bool) -> None:
    monkeypatch.setattr("dubber.project._RACY_NS", -(10**10))
    project = made(film)
    with project.lock():
        before = project.source_digest()
        stamp = film.stat()
        replacement = film_in(film.parent, "new.mp4", b"FILM")
        if same_time:
            os.utime(replacement, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        replacement.replace(film)
        assert project.source_digest() != before


def test_a_film_that_is_still_being_copied_is_told(film: Path) -> None:
    project = made(film)

    film.write_bytes(bytes(3 << 20))

    def grow(_: float) -> None:
        os.truncate(film, 4 << 20)

    with project.lock(), pytest.raises(MediaError, match="changed while it was read"):
        project.source_digest(grow)


def test_a_film_or_settings_that_cannot_be_read_are_told(
    film: Path, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object) -> NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    film.write_bytes(b"new content")
    monkeypatch.setattr("dubber.project.digest_of", refuse)
    with project.lock(), pytest.raises(MediaError, match=r"talk\.mp4 cannot be read: Permission denied\."):
        project.source_digest()
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(MissingError, match=r"project\.json cannot be read"):
        Project.open(film)
    assert outputs(project.folder) == ()


def test_a_name_no_file_can_have_is_told(film: Path, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 300)
    with pytest.raises(UsageError, match="name is too long"):
        Project.open(long.with_suffix(".mp4"))
    for folder in (long, long / "talk.dub"):
        with pytest.raises(UsageError, match="name is too long"):
            Project.open(film, folder)
        with pytest.raises(UsageError, match="name is too long"):
            Project.load(folder)


def test_a_film_behind_links_that_lead_in_a_circle_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").symlink_to(tmp_path / "b.mp4")
    (tmp_path / "b.mp4").symlink_to(tmp_path / "a.mp4")
    with pytest.raises(UsageError, match="circle"):
        Project.open(tmp_path / "a.mp4")


def test_a_folder_that_may_not_be_looked_into_is_told(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film.with_name("talk.dub").mkdir()

    def refuse(path: Path) -> NoReturn:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(MissingError, match=r"talk\.dub cannot be read: you have no right to\."):
        Project.open(film)


def test_project_and_film_can_move_together(film: Path, project: Project, tmp_path: Path) -> None:
    shutil.copytree(film.parent, tmp_path / "copy")
    copy = Project.load(tmp_path / "copy" / "talk.dub")
    assert copy.film == tmp_path / "copy" / "talk.mp4"
    film.parent.rename(tmp_path / "moved")
    moved = Project.load(tmp_path / "moved" / "talk.dub")
    assert moved.film == tmp_path / "moved" / "talk.mp4"
    with moved.lock():
        assert settings(moved)["source"]["path"] == str(moved.film)


def test_a_project_can_move_without_its_film(film: Path, project: Project, tmp_path: Path) -> None:
    project.folder.rename(tmp_path / "away.dub")
    assert Project.load(tmp_path / "away.dub").film == film


def test_a_lost_film_is_told_and_can_be_named_anew(film: Path, project: Project, tmp_path: Path) -> None:
    film.rename(tmp_path / "renamed.mp4")
    with pytest.raises(MissingError, match=r"talk\.mp4"):
        Project.load(project.folder)
    found = Project.open(tmp_path / "renamed.mp4", project.folder)
    with found.lock():
        pass
    assert Project.load(project.folder).film == tmp_path / "renamed.mp4"
    with pytest.raises(MissingError, match="no project"):
        Project.load(tmp_path / "never.dub")


# -- subtitles -------------------------------------------------------------------------------------


def write(project: Project, text: str, cues: Any) -> None:
    with project.lock():
        project.write_subtitles("es", text, cues, seen=project.subtitles("es").digest)


def backups(project: Project) -> list[str]:
    return sorted(path.read_text() for path in project.folder.glob("backups/*"))


def test_what_the_program_wrote_is_not_an_edit(project: Project) -> None:
    assert project.subtitles("es").cues is None
    for number in (1, 2):
        write(project, f"hola {number}\n", [{"text": f"hola {number}"}])
        state = project.subtitles("es")
        assert not state.edited
        assert state.cues == [{"text": f"hola {number}"}]
        assert state.path.read_text() == f"hola {number}\n"
    assert backups(project) == []


def test_an_edit_is_told_against_what_was_written_and_backed_up_once(project: Project) -> None:
    write(project, "hola\n", ["hola"])
    path = project.folder / "es.srt"
    for number in (1, 2):
        path.write_text("my own\n")
        state = project.subtitles("es")
        assert state.edited
        assert state.cues == (["hola"] if number == 1 else ["merged"])
        write(project, "merged\n", ["merged"])
        assert not project.subtitles("es").edited
        assert backups(project) == ["my own\n"]


def test_a_file_that_only_a_person_wrote_is_theirs(project: Project) -> None:
    (project.folder / "es.srt").write_text("my own\n")
    state = project.subtitles("es")
    assert state.edited
    assert state.cues is None
    write(project, "merged\n", ["merged"])
    assert backups(project) == ["my own\n"]


def test_writing_the_same_again_leaves_the_file_alone(project: Project) -> None:
    write(project, "hola\n", ["hola"])
    before = (project.folder / "es.srt").stat()
    write(project, "hola\n", ["hola"])
    assert (project.folder / "es.srt").stat() == before
    write(project, "hola\n", ["other meaning"])
    assert project.subtitles("es").cues == ["other meaning"]


def test_a_deleted_file_is_missed_but_its_base_is_known(project: Project) -> None:
    write(project, "hola\n", ["hola"])
    (project.folder / "es.srt").unlink()
    state = project.subtitles("es")
    assert (state.digest, state.edited, state.cues) == (None, False, ["hola"])


def test_an_edit_saved_while_a_run_merges_is_not_overwritten(project: Project) -> None:
    write(project, "hola\n", ["hola"])
    path = project.folder / "es.srt"
    with project.lock():
        seen = project.subtitles("es").digest
        path.write_text("saved meanwhile\n")
        with pytest.raises(InUseError, match="changed while"):
            project.write_subtitles("es", "new\n", ["new"], seen=seen)
    assert path.read_text() == "saved meanwhile\n"
    assert project.subtitles("es").edited
    assert project.subtitles("es").cues == ["hola"]


def test_a_damaged_record_makes_the_file_the_persons(project: Project) -> None:
    write(project, "hola\n", ["hola"])
    for damage in (b"", b"{", b"[]", b'{"settled": 3}', b"\xff"):
        (project.folder / "written" / "es.json").write_bytes(damage)
        state = project.subtitles("es")
        assert state.edited
        assert state.cues is None


@pytest.mark.parametrize("name", ["", "..", "../es", "a/b", "/etc/x", ".hidden", "-es", "x" * 65, "es\n"])
def test_a_subtitle_name_is_a_plain_one(project: Project, name: str) -> None:
    with project.lock(), pytest.raises(UsageError):
        project.write_subtitles(name, "", [], seen=None)


def test_nothing_is_written_through_a_link_in_the_project(project: Project, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_text("mine")
    for name in ("written", "voices", "given"):
        (project.folder / name).symlink_to(outside)
    (project.folder / "report.json").symlink_to(outside / "mine")
    with project.lock():
        with pytest.raises(UsageError, match="symbolic link"):
            project.write_subtitles("es", "", [], seen=None)
        with pytest.raises(UsageError, match="symbolic link"):
            project.write_voice("Anna", never)
        with pytest.raises(UsageError, match="symbolic link"):
            project.keep_given(b"", "talk.srt")
        project.write_report("es", {})
    shutil.rmtree(project.folder / "cache")
    (project.folder / "cache").symlink_to(outside)
    with pytest.raises(UsageError, match="symbolic link"), project.lock():
        pass
    assert [path.name for path in outside.iterdir()] == ["mine"]
    assert (outside / "mine").read_text() == "mine"


# -- subtitles that were given ---------------------------------------------------------------------


def test_a_given_file_outlives_the_cache_with_its_bytes_and_name(project: Project) -> None:
    data, name = b"\xff\xfe1\r\n", "two\nlines \udcff.srt"
    with project.lock():
        digest = project.keep_given(data, name)
        project.keep_given(b"other", "other.srt")
    assert digest == sha256(data).hexdigest()
    shutil.rmtree(project.folder / "cache")
    assert Project.load(project.folder).given(digest) == (data, name)


@pytest.mark.parametrize("damage", ["gone", "edited", "name gone", "name damaged", "never given"])
def test_a_given_file_that_is_gone_or_changed_is_told(project: Project, damage: str) -> None:
    with project.lock():
        digest = project.keep_given(b"given", "talk.srt")
    text, record = (project.folder / "given" / (digest + suffix) for suffix in (".srt", ".json"))
    match damage:
        case "gone":
            text.unlink()
        case "edited":
            text.write_bytes(b"GIVEN")
        case "name gone":
            record.unlink()
        case "name damaged":
            record.write_text('{"name": 3}')
        case "never given":
            digest = "0" * 64
    with pytest.raises(MissingError, match=r"given .*\.srt, is gone or was changed"):
        project.given(digest)


@pytest.mark.parametrize("digest", ["", "../project", "A" * 64, "a" * 63, "a" * 64 + "\n", "/" + "a" * 64])
def test_a_given_file_is_named_by_a_digest_alone(project: Project, digest: str) -> None:
    with pytest.raises(UsageError, match="damaged"):
        project.given(digest)


# -- voices ----------------------------------------------------------------------------------------


def record(content: bytes) -> Any:
    return lambda path: path.write_bytes(content)


def test_a_voice_is_ours_until_a_person_replaces_it(project: Project) -> None:
    with project.lock():
        assert project.voice_file("Anna") is None
        project.write_voice("Anna", record(b"one"))
        voice = project.write_voice("Anna", record(b"two"))
        assert voice == project.voice_file("Anna")
        assert (voice.ours, voice.path.name, voice.path.read_bytes()) == (True, "Anna.wav", b"two")
        voice.path.write_bytes(b"theirs")
        theirs = project.write_voice("Anna", never)
        assert not theirs.ours
        assert theirs.path.read_bytes() == b"theirs"
        theirs.path.unlink()
        assert project.write_voice("Anna", record(b"three")).ours


def test_a_voice_that_a_person_put_there_first_is_theirs(project: Project) -> None:
    (project.folder / "voices").mkdir()
    (project.folder / "voices" / "Anna.wav").write_bytes(b"theirs")
    with project.lock():
        assert not project.write_voice("Anna", never).ours


@pytest.mark.parametrize("suffix", [".flac", ".FLAC", ".ogg", ".opus", ".Mp3", ".aiff", ".aif", ".WAV"])
@pytest.mark.parametrize("ours_stays", [True, False])
def test_a_voice_may_be_replaced_by_another_kind_of_file(
    project: Project, suffix: str, ours_stays: bool
) -> None:
    with project.lock():
        ours = project.write_voice("Anna", record(b"ours"))
        if not ours_stays:
            ours.path.unlink()
        theirs = ours.path.with_suffix(suffix)
        theirs.write_bytes(b"theirs")
        found = project.write_voice("Anna", never)
        assert (found.path, found.ours) == (theirs, False)
        assert project.voice_file("Anna") == found
        assert project.voice_path("Anna") == ours.path
        theirs.unlink()
        assert project.voice_file("Anna") == (ours if ours_stays else None)


def test_a_voice_of_another_kind_is_found_before_the_first_run_and_under_a_cleaned_name(
    project: Project,
) -> None:
    for speaker in ("Anna", "Old/man", "\u00c5sa", "con"):
        path = project.voice_path(speaker).with_suffix(".flac")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(speaker.encode())
    decomposed = project.voice_path("\u00c5sa").with_suffix(".flac")
    decomposed.rename(decomposed.with_name("A\u030asa.flac"))
    with project.lock():
        for speaker in ("Anna", "Old/man", "\u00c5sa", "con"):
            assert project.write_voice(speaker, never).path.read_bytes() == speaker.encode()
        assert project.voice_file("Ann") is None


def test_two_voices_of_one_speaker_are_told(project: Project) -> None:
    with project.lock():
        ours = project.write_voice("Anna", record(b"ours"))
        ours.path.with_suffix(".flac").write_bytes(b"theirs")
        ours.path.write_bytes(b"theirs too")
        both = r"voice of Anna: Anna\.flac and Anna\.wav\."
        with pytest.raises(UsageError, match=both):
            project.voice_file("Anna")
        with pytest.raises(UsageError, match=both):
            project.write_voice("Anna", never)


def test_a_voice_that_the_disk_lists_in_another_spelling_is_the_same_one(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with project.lock():
        ours = project.write_voice("Anna", record(b"ours"))
        other = ours.path.with_name("Anna.WAV")
        other.hardlink_to(ours.path)
        monkeypatch.setattr(Path, "iterdir", lambda _: iter([other]))
        assert project.voice_file("Anna") == ours
        other.write_bytes(b"theirs")
        monkeypatch.setattr(Path, "iterdir", lambda folder: iter([folder / "ANNA.wav"]))
        assert not project.write_voice("Anna", never).ours


def test_what_is_no_sound_beside_a_voice_is_passed_over(project: Project) -> None:
    with project.lock():
        ours = project.write_voice("Anna", record(b"ours"))
        ours.path.with_suffix(".txt").write_text("recorded in May")
        ours.path.with_name("Anna 2.flac").write_bytes(b"of Anna 2")
        ours.path.with_suffix(".flac").mkdir()
        assert project.voice_file("Anna") == ours


def test_a_voice_that_cannot_be_made_leaves_the_old_one_ours(project: Project) -> None:
    with project.lock():
        project.write_voice("Anna", record(b"one"))
        with pytest.raises(FileNotFoundError):
            project.write_voice("Anna", lambda _: None)
    voice = Project.load(project.folder).voice_file("Anna")
    assert voice is not None
    assert voice.ours
    assert voice.path.read_bytes() == b"one"


HOSTILE_SPEAKERS = [
    "../../x", "/etc/passwd", "", ".", "..", " ", "\u202eannA", "Anna", "anna", "ANNA", "A" * 300, "é" * 300,
    "NUL", "con.x", "a\0b", "a\nb", "-rf", "~root", "a/b", "a\\b", "a:b", "\udcff", "Old man", "Å", "A\u030a",
]  # fmt: skip


def test_every_speaker_has_a_file_of_their_own_inside_voices(project: Project) -> None:
    with project.lock():
        voices = [
            project.write_voice(name, record(name.encode("utf-8", "replace"))) for name in HOSTILE_SPEAKERS
        ]
        again = [project.voice_file(name) for name in HOSTILE_SPEAKERS]
    assert again == voices
    assert {voice.path.parent for voice in voices} == {project.folder / "voices"}
    assert len({names.folded(voice.path.name) for voice in voices}) == len(HOSTILE_SPEAKERS)
    assert all(len(os.fsencode(voice.path.name)) < 128 for voice in voices)
    named = dict(zip(HOSTILE_SPEAKERS, (voice.path.name for voice in voices), strict=True))
    assert named["Anna"] == "Anna.wav"
    assert named["Old man"] == "Old man.wav"
    assert listing(project.folder.parent) == ["talk.dub", "talk.mp4"]
    assert listing(project.folder / "voices") == sorted(named.values())


@pytest.mark.parametrize("name", ["../x.wav", "/etc/passwd", "..", "a/b.wav", 7, "\0"])
def test_settings_that_name_a_voice_outside_are_refused(project: Project, name: Any) -> None:
    data = settings(project) | {"voices": {"Anna": {"file": name, "digests": []}}}
    (project.folder / "project.json").write_text(json.dumps(data))
    again = Project.load(project.folder)
    with again.lock(), pytest.raises(UsageError, match="names"):
        again.write_voice("Anna", never)


# -- kills and second runs -------------------------------------------------------------------------


def test_a_second_run_is_told_who_is_at_work(film: Path) -> None:
    argv = [sys.executable, str(KILLED), "forever", str(film)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(InUseError, match=f"process {process.pid} "), Project.open(film).lock():
            pass
        process.kill()
    with Project.open(film).lock():
        pass


def test_a_kill_before_any_file_operation_leaves_old_or_new(film: Path) -> None:
    argv = [sys.executable, str(KILLED), "steps", str(film)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    subtitles, voices, cache = (int(kills) for kills in done.stdout.split())
    assert subtitles > 40
    assert voices > 10
    assert cache > 10


def test_a_kill_at_any_instant_leaves_everything_whole(film: Path) -> None:
    argv = [sys.executable, str(KILLED), "forever", str(film)]
    chance = random.Random(7)
    for _ in range(10):
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            try:
                process.wait(timeout=chance.uniform(0, 0.06))
            except subprocess.TimeoutExpired:
                process.kill()
            assert process.wait() < 0
        project = Project.open(film)
        with project.lock():
            number = (project.run_settings("es") or {"number": -1})["number"]
            assert isinstance(number, int)
            for made in range(number):
                assert project.cache.has(store.key("tts", 1, {}, made), ".wav")
                assert project.cache.json(store.key("segment", 1, {}, made), never) == [made] * 999
                path = project.cache.file(store.key("tts", 1, {}, made), ".wav", never)
                assert path.read_bytes() == b"%9d" % made * 999
            if number > 0:
                for name in ("report.es.json", "report.json"):
                    assert json.loads((project.folder / name).read_text())["number"] >= number - 1
        assert not list(project.folder.rglob(atomic.TEMPORARY_PREFIX + "*"))
        shutil.rmtree(project.folder)
