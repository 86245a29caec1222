"""How every command ends: its result, or its error in one sentence, and an exit status. Decides nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from dubber.errors import DubberError, Interrupted
from dubber.times import harmless

STATUSES = (
    "Exit status: 0 done · 1 a bug of ours · 2 usage · 3 bad media · 4 something missing · 5 cannot write "
    "(no space, no permission) · 6 project in use · 7 translation failed · 8 bad subtitles · "
    "9 synthesis failed · 10 some films of a batch failed · 11 a bar is missed · 130 interrupted"
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs instead of a table.")]


@contextmanager
def told(as_json: bool) -> Iterator[dict[str, Any]]:
    """Turns what can go wrong into its sentence and its exit status; with `as_json` prints what the body put into
    the dictionary it is given, and the error, as one object."""
    shown: dict[str, Any] = {}
    error: DubberError | None = None
    try:
        yield shown
    except KeyboardInterrupt:
        error = Interrupted("Stopped.", hint="What is done is kept: run the same command again to go on.")
    except DubberError as caught:
        error = caught
    except Exception as bug:
        if as_json:
            print_json({**shown, "error": error_json(type(bug).__name__, f"A bug in dubber: {bug}", None, 1)})
        raise
    if as_json:
        if error is not None:
            shown["error"] = error_json(type(error).__name__, str(error), error.hint, error.exit_status)
        print_json(shown)
    elif error is not None:
        hint = f"        {harmless(error.hint)}\n" if error.hint else ""
        sys.stderr.write(f"dubber: {harmless(str(error))}\n{hint}")
    if error is not None:
        raise typer.Exit(error.exit_status)


def error_json(kind: str, message: str, hint: str | None, status: int) -> dict[str, Any]:
    """An error as plain data."""
    return {"type": kind, "message": message, "hint": hint, "exit_status": status}


def print_json(value: dict[str, Any]) -> None:
    """One object on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")
