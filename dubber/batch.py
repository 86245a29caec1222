"""A folder of films, one after the other or several at once, in processes that a bad film cannot take others
down with. Keeps no state: what is done stands in the films' projects."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dubber import config, pipeline, profiles
from dubber.errors import BatchError, DubberError, TranslationError
from dubber.films import films_in
from dubber.process import cores
from dubber.progress import Advance, Progress, Quiet
from dubber.project import SUFFIX, outputs
from dubber.settings import Settings, over

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

CRASHED = 1
"""Exit status told of a film whose process died without a word."""

Watch = Callable[[Path, str, float], None]
"""Told the film, its stage, and how much of that stage is done, 0..1."""


@dataclass(frozen=True)
class Outcome:
    """What became of one film. `report` is the run's own where it is done; `message`, `hint` and
    `exit_status` are the error's where it failed, or tell of lines that could not be translated."""

    film: Path
    status: Literal["done", "unchanged", "failed"]
    seconds: float
    exit_status: int = 0
    message: str = ""
    hint: str | None = None
    report: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "film": str(self.film)}


def dub_folder(folder: Path, said: Mapping[str, Any], *, jobs: int, watch: Watch) -> Iterator[Outcome]:
    """Dubs every film in a folder and below; yields outcomes as they come. What is done
    already is found unchanged in the films' projects, so that a batch that was stopped goes on where it was.

    `said` are a person's choices, by fields of Settings; what they leave open, the nearest dubber.toml says.
    Raises UsageError where there is no film. Choices that cannot be, and engines that are chosen and not on this
    machine, fail the films that they hold for; where these are all, the UsageError or MissingError is raised at once.
    """
    films = films_in(folder, _made_in(folder))
    top = folder.absolute()
    _check({film.absolute().parent for film in films}, said, top)
    share = max(1, cores() // jobs)
    yield from run(films, partial(_dub, said=dict(said), top=top, jobs=share), jobs=jobs, watch=watch)


def check(outcomes: Sequence[Outcome]) -> None:
    """Raises BatchError, naming the films that failed and those in which lines wait for their words, where some did."""
    called = names([outcome.film for outcome in outcomes])
    failed = sorted(called[outcome.film] for outcome in outcomes if outcome.status == "failed")
    waiting = sorted(
        called[outcome.film] for outcome in outcomes if outcome.status != "failed" and outcome.exit_status
    )
    told = [f"{len(failed)} of {len(outcomes)} films failed: {', '.join(failed)}."] if failed else []
    if waiting:
        told.append(f"Lines wait for a translation in: {', '.join(waiting)}.")
    if told:
        others = len(failed) < len(outcomes)
        raise BatchError(" ".join(told), hint="The others are done." if failed and others else None)


def names(films: Sequence[Path]) -> dict[Path, str]:
    """What each film is called among these: its path below the folder that all lie in."""
    if not films:
        return {}
    shared = os.path.commonpath([film.absolute().parent for film in films])
    return {film: os.path.relpath(film.absolute(), shared) for film in films}


def _check(places: Set[Path], said: Mapping[str, Any], top: Path) -> None:
    """Raises what is wrong with the choices for the films in `places`, where something is for every one of them."""
    wrong: list[DubberError] = []
    for place in sorted(places):
        try:
            profiles.require(profiles.filled(_choices(place, said, top)[0]))
        except DubberError as error:
            wrong.append(error)
    if len(wrong) == len(places):
        raise wrong[0]


def _dub(film: Path, progress: Progress, *, said: Mapping[str, Any], top: Path, jobs: int) -> dict[str, Any]:
    settings, glossary = _choices(film.absolute().parent, said, top)
    return pipeline.translate(film, settings, glossary=glossary, jobs=jobs, progress=progress)


def _choices(place: Path, said: Mapping[str, Any], top: Path) -> tuple[Settings, Path | None]:
    """What holds for the films that lie in `place`, and their glossary."""
    choices = over(config.of_folder(place, top=top), said)
    glossary = choices.pop("glossary", None)
    return Settings.of(**choices), Path(glossary) if glossary else None


def _made_in(folder: Path) -> frozenset[Path]:
    """The films that dubber wrote, as the projects in a folder remember them."""
    made: set[Path] = set()
    for place, folders, _ in os.walk(folder):
        for name in folders:
            if name.endswith(SUFFIX):
                made.update(path.resolve() for path in outputs(Path(place, name)))
    return frozenset(made)


def run(
    films: Sequence[Path], work: Callable[[Path, Any], dict[str, Any]], *, jobs: int, watch: Watch
) -> Iterator[Outcome]:
    """Does `work(film, progress)` for every film in `jobs` processes, and yields outcomes as they come.

    `work` must be importable (a module's function, or a functools.partial of one) and returns a report of
    plain data. A film that raises, or takes its process down, is an outcome like any other; the rest go
    on. Stopped or abandoned, it ends all its processes before it returns.
    """
    context = multiprocessing.get_context("spawn")
    waiting = list(reversed(films))
    workers: list[_Worker] = []
    try:
        workers = [_Worker(context, work) for _ in range(min(jobs, len(films)))]
        for worker in workers:
            worker.give(waiting.pop())
        while busy := [worker for worker in workers if worker.film is not None]:
            ready = wait([worker.pipe for worker in busy])
            for worker in busy:
                if worker.pipe not in ready:
                    continue
                outcome = worker.hear(watch)
                if outcome is None:
                    continue
                yield outcome
                if not worker.process.is_alive() and waiting:
                    worker.stop()
                    worker.start()
                if waiting:
                    worker.give(waiting.pop())
    finally:
        for worker in workers:
            worker.stop()


class _Worker:
    """One process that takes films in turn, and the pipe to it."""

    def __init__(self, context: multiprocessing.context.SpawnContext, work: Callable[..., Any]) -> None:
        self._context = context
        self._work = work
        self.start()

    def start(self) -> None:
        self.film: Path | None = None
        self.pipe, theirs = self._context.Pipe()
        self.process: SpawnProcess = self._context.Process(target=_serve, args=(theirs, self._work))
        self.process.start()
        theirs.close()

    def give(self, film: Path) -> None:
        self.film, self._began = film, time.monotonic()
        with contextlib.suppress(BrokenPipeError):  # it died at once; `hear` tells
            self.pipe.send(film)

    def hear(self, watch: Watch) -> Outcome | None:
        """One message from the process: None for progress, else the outcome of its film."""
        assert self.film is not None
        film, seconds = self.film, time.monotonic() - self._began
        try:
            kind, told = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self.film = None
            self.process.join()
            return Outcome(
                film, "failed", seconds, CRASHED, f"Its process died ({_death(self.process.exitcode)})."
            )
        if kind == "progress":
            watch(film, *told)
            return None
        self.film = None
        if kind == "done":
            waiting = len(told.get("untranslated", ()))
            status = TranslationError.exit_status if waiting else 0
            message = f"{waiting} of its lines could not be translated." if waiting else ""
            made: Literal["done", "unchanged"] = "done" if told["written"] else "unchanged"
            return Outcome(film, made, seconds, status, message, report=told)
        return Outcome(film, "failed", seconds, *told)

    def stop(self) -> None:
        self.pipe.close()
        if self.film is not None and self.process.is_alive():
            self.process.terminate()
        self.process.join()


def _death(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-exitcode).name}"
    return f"exit status {exitcode}"


class _Teller(Quiet):
    """Watches a run inside a worker and tells the pipe."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__()
        self._pipe = pipe

    @contextmanager
    def stage(self, name: str) -> Iterator[Advance]:
        self._pipe.send(("progress", (name, 0.0)))
        yield lambda share: self._pipe.send(("progress", (name, share)))


def _serve(pipe: Connection, work: Callable[[Path, Any], dict[str, Any]]) -> None:
    """The worker's life: a film in, an outcome out, until the pipe closes."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _die_with_parent()
    with contextlib.suppress(EOFError, KeyboardInterrupt, BrokenPipeError):
        while True:
            film = pipe.recv()
            try:
                answer: tuple[str, Any] = ("done", work(film, _Teller(pipe)))
            except DubberError as error:
                answer = ("failed", (error.exit_status, str(error), error.hint))
            except Exception as error:  # noqa: BLE001 - a bug met in one film must not stop the others; it is told
                answer = ("failed", (CRASHED, f"{type(error).__name__}: {error}", "This is a bug in dubber."))
            pipe.send(answer)


def _die_with_parent() -> None:
    """Ends this process when the one that started it is gone, however it went."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
