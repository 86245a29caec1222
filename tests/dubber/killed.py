"""A program for test_project.py: works in a project while it is killed. Its own process, so that it can fork.

`steps FOLDER` kills a worker before each of its file operations in turn and checks what it leaves;
`forever FOLDER` writes until somebody kills it.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dubber import store
from dubber.project import Project


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Runs `work` in a child that dies right before its `step`-th file operation; False when it took fewer."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    steps = itertools.count()

    def die(event: str, _: object) -> None:
        if event in {"open", "os.rename", "os.remove", "os.mkdir", "os.utime"} and next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(die)
    work()
    os._exit(0)


def cues(number: int) -> list[dict[str, object]]:
    return [{"start": number, "text": "línea " * number}]


def write(project: Project, number: int) -> None:
    with project.lock():
        seen = project.subtitles("es").digest
        project.write_subtitles("es", f"text {number}\n", cues(number), seen=seen)


def subtitles(project: Project) -> int:
    """The file always has the base it was made with, and an edit that was written over has its backup."""
    random.seed(1)
    kills, in_place, text = 0, 0, ""
    for number in range(1, 100):
        kills += killed_at(random.randrange(45), partial(write, project, number))
        state = project.subtitles("es")
        now = state.path.read_text() if state.path.exists() else ""
        if now != text:
            assert now == f"text {number}\n", now
            if text not in ("", f"text {in_place}\n"):
                kept = [path.read_text() for path in (project.folder / "backups").glob("es-*.srt")]
                assert text in kept, (number, text)
            in_place, text = number, now
        edited = text not in ("", f"text {in_place}\n")
        assert state.edited == edited, (number, text, in_place)
        assert state.cues == (cues(in_place) if in_place else None), (number, in_place, state)
        if text and number % 3 == 0:
            text = f"text {in_place}\nmine {number}\n"
            state.path.write_text(text)
    return kills


def store_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def voices(project: Project) -> int:
    """What the program wrote is never taken for a person's, and always is one of the two recordings."""
    kills = 0
    for step in range(200):

        def work(step: int = step) -> None:
            with project.lock():
                project.write_voice("Anna", partial(store_bytes, data=b"RIFF %d" % step))

        was_killed = killed_at(step, work)
        kills += was_killed
        with project.lock():
            voice = project.voice_file("Anna")
        if voice is not None:
            assert voice.ours, step
            assert voice.path.read_bytes() in {b"RIFF %d" % made for made in range(step + 1)}
        if not was_killed:
            return kills
    raise AssertionError("never came through")


def cache(project: Project) -> int:
    """A file in the cache is whole or not there."""
    kills = 0
    for step in range(200):
        key = store.key("tts", 1, {}, step)

        def work(key: store.Key = key) -> None:
            project.cache.json(key, lambda: "whole")
            project.cache.file(key, ".wav", lambda path: path.write_bytes(b"whole" * 10_000))

        was_killed = killed_at(step, work)
        kills += was_killed
        assert project.cache.json(key, lambda: "whole") == "whole"
        made = project.cache.file(key, ".wav", lambda path: path.write_bytes(b"whole" * 10_000))
        assert made.read_bytes() == b"whole" * 10_000
        if not was_killed:
            return kills
    raise AssertionError("never came through")


def forever(project: Project) -> None:
    with project.lock():
        print("ready", flush=True)
        for number in itertools.count():
            project.remember_run("es", {"number": number, "padding": "x" * (number % 7 * 1000)})
            sound = partial(store_bytes, data=b"%9d" % number * 999)
            project.cache.file(store.key("tts", 1, {}, number), ".wav", sound)
            project.cache.json(store.key("segment", 1, {}, number), partial(list, [number] * 999))
            project.write_report("es", {"number": number})


def main() -> None:
    mode, film = sys.argv[1], Path(sys.argv[2])
    # A kill takes nothing that the kernel has: only a power cut would need it on the disk.
    setattr(os, "fsync", lambda _: None)  # noqa: B010
    if mode == "forever":
        forever(Project.open(film))
    project = Project.open(film)
    print(*(scenario(project) for scenario in (subtitles, voices, cache)))


if __name__ == "__main__":
    main()
