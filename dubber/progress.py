"""How long work shows itself: stages that advance from 0 to 1, notes, an estimate. Draws on stderr; decides nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as RichBars

Advance = Callable[[float], None]
"""Takes the share of a stage that is done, 0..1."""

PLAIN_EVERY_S = 10.0
"""Seconds between two lines of one stage where the screen is a file or a pipe."""


class Progress(Protocol):
    """Somebody who watches a run."""

    notes: list[str]

    def stage(self, name: str) -> AbstractContextManager[Advance]:
        """A context manager for one stage; gives the function that advances it."""

    def note(self, text: str) -> None:
        """One sentence the person should read: what was repaired, guessed or left out."""


class Quiet:
    """Shows nothing and remembers the notes: for programs, and for `--json`."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[Advance]:
        yield lambda _: None

    def note(self, text: str) -> None:
        self.notes.append(text)


class Plain(Quiet):
    """Lines of text, for logs: a stage as it starts, then its share now and then."""

    def __init__(self, out: TextIO | None = None) -> None:
        super().__init__()
        self._out = out or sys.stderr

    @contextmanager
    def stage(self, name: str) -> Iterator[Advance]:
        started = last = time.monotonic()

        def advance(share: float) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= PLAIN_EVERY_S and share > 0:
                last = now
                left = (now - started) * (1 - share) / share
                self._say(f"{name}: {share:.0%}, about {left:.0f} s left")

        self._say(name)
        yield advance

    def note(self, text: str) -> None:
        super().note(text)
        self._say(f"note: {text}")

    def _say(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()


class Bars(Quiet):
    """A line per stage with a bar and an estimate, for a terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: RichBars | None = None

    def __enter__(self) -> Bars:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._bars = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=Console(stderr=True),
        )
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    @contextmanager
    def stage(self, name: str) -> Iterator[Advance]:
        bars = self._bars
        if bars is None:
            yield lambda _: None
            return
        task = bars.add_task(name, total=1.0)
        yield lambda share: bars.update(task, completed=share)
        bars.update(task, completed=1.0)

    def note(self, text: str) -> None:
        super().note(text)
        if self._bars is not None:
            self._bars.console.print(f"[yellow]note:[/] {_escaped(text)}", soft_wrap=True)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


@contextmanager
def watcher(*, json: bool) -> Iterator[Progress]:
    """The watcher that fits where stderr goes: bars on a terminal, lines in a log, nothing with `json`."""
    if json:
        yield Quiet()
    elif sys.stderr.isatty():
        with Bars() as bars:
            yield bars
    else:
        yield Plain()
