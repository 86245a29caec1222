"""Many films: each in a process that cannot take the others down with it."""

import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from films import TALK, make

from dubber import batch
from dubber.errors import BatchError, MediaError, MissingError, UsageError


def quiet(film: Path, stage: str, share: float) -> None:
    pass


def work(film: Path, progress: Any, *, out: Path) -> dict[str, Any]:
    """What a film's name says is done to it."""
    with progress.stage("work") as advance:
        advance(0.5)
    if film.stem.startswith("bad"):
        raise MediaError(f"{film.name} is no film.", hint="Take it away.")
    if film.stem.startswith("bug"):
        raise RuntimeError("what nobody thought of")
    if film.stem.startswith("crash"):
        os.kill(os.getpid(), signal.SIGKILL)
    (out / film.name).write_text(str(os.getpid()))
    return {"written": not film.stem.startswith("same"), "output": str(out / film.name)}


def done(tmp_path: Path, names: list[str], jobs: int = 1) -> dict[str, batch.Outcome]:
    films = [tmp_path / name for name in names]
    outcomes = list(batch.run(films, partial(work, out=tmp_path), jobs=jobs, watch=quiet))
    assert sorted(outcome.film for outcome in outcomes) == sorted(films)
    return {outcome.film.name: outcome for outcome in outcomes}


def test_one_bad_film_stops_nobody(tmp_path: Path) -> None:
    found = done(tmp_path, ["a.mp4", "bad.mp4", "bug.mp4", "crash.mp4", "same.mp4", "z.mp4"])
    assert {name: one.status for name, one in found.items()} == {
        "a.mp4": "done",
        "bad.mp4": "failed",
        "bug.mp4": "failed",
        "crash.mp4": "failed",
        "same.mp4": "unchanged",
        "z.mp4": "done",
    }
    assert (found["bad.mp4"].exit_status, found["bad.mp4"].message) == (3, "bad.mp4 is no film.")
    assert "what nobody thought of" in found["bug.mp4"].message
    assert "SIGKILL" in found["crash.mp4"].message
    with pytest.raises(BatchError, match=r"3 of 6 films failed: bad\.mp4, bug\.mp4, crash\.mp4") as told:
        batch.check(list(found.values()))
    assert told.value.exit_status == 10


def test_films_are_shared_out_among_as_many_processes_as_asked_for(tmp_path: Path) -> None:
    names = [f"{n}.mp4" for n in range(6)]
    found = done(tmp_path, names, jobs=3)
    assert all(one.status == "done" for one in found.values())
    workers = {(tmp_path / name).read_text() for name in names}
    assert 1 <= len(workers) <= 3
    assert str(os.getpid()) not in workers


def test_progress_is_told_by_film_and_stage(tmp_path: Path) -> None:
    heard: list[tuple[str, str, float]] = []
    films = [tmp_path / "a.mp4"]
    list(
        batch.run(
            films,
            partial(work, out=tmp_path),
            jobs=1,
            watch=lambda film, stage, share: heard.append((film.name, stage, share)),
        )
    )
    assert heard == [("a.mp4", "work", 0.0), ("a.mp4", "work", 0.5)]


def endless(film: Path, progress: Any, *, out: Path) -> dict[str, Any]:
    (out / f"{film.name}.pid").write_text(str(os.getpid()))
    with progress.stage("work"):
        while True:
            time.sleep(0.05)


def test_a_batch_that_is_left_ends_its_processes(tmp_path: Path) -> None:
    class Left(Exception):  # noqa: N818
        pass

    def leave(film: Path, stage: str, share: float) -> None:
        raise Left

    with pytest.raises(Left):
        list(batch.run([tmp_path / "a.mp4"], partial(endless, out=tmp_path), jobs=1, watch=leave))
    pid = int((tmp_path / "a.mp4.pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_folder_is_walked_past_projects_hidden_files_and_what_dubber_made(tmp_path: Path) -> None:
    for name in (
        "b.MP4",
        "a.mkv",
        "sub/c.flac",
        "talk.dub/cache/x.wav",
        ".hidden.mp4",
        "notes.txt",
        "a.es.mkv",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = batch.films_in(tmp_path, frozenset({(tmp_path / "a.es.mkv").resolve()}))
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a.mkv", "b.MP4", "sub/c.flac"]


def test_a_folder_without_films_and_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no film in"):
        batch.films_in(tmp_path)
    (tmp_path / "a.mp4").write_bytes(b"x")
    with pytest.raises(UsageError, match="is not a folder"):
        batch.films_in(tmp_path / "a.mp4")


def test_films_of_one_name_are_told_apart() -> None:
    films = [Path("/films/a/talk.mp4"), Path("/films/b/talk.mp4")]
    assert batch.names(films) == {films[0]: "a/talk.mp4", films[1]: "b/talk.mp4"}
    assert batch.names(films[:1]) == {films[0]: "talk.mp4"}
    assert batch.names([]) == {}


def test_a_folder_whose_choices_cannot_be_fails_its_own_films(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make(tmp_path / name, said=TALK[:1])
    (tmp_path / "dubber.toml").write_text('to = "es"\nprofile = "draft"\n')
    (tmp_path / "b" / "dubber.toml").write_text('voice = "indextts2"\n')
    outcomes = {
        one.film.parent.name: one for one in batch.dub_folder(tmp_path, {}, jobs=1, watch=lambda *_: None)
    }
    assert outcomes["a"].status == "done", outcomes["a"].message
    assert (outcomes["b"].status, outcomes["b"].exit_status) == ("failed", 4)
    assert "does not speak 'es'" in outcomes["b"].message
    with pytest.raises(BatchError, match=r"1 of 2 films failed: b/talk\.mp4"):
        batch.check(list(outcomes.values()))
    (tmp_path / "a" / "dubber.toml").write_text('voice = "indextts2"\n')
    with pytest.raises(MissingError, match="does not speak 'es'"):
        next(batch.dub_folder(tmp_path, {}, jobs=1, watch=lambda *_: None))
