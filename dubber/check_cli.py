"""`dubber check`: parses what a person typed, prints what was measured beside its bars. Measures nothing itself."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dubber.told import STATUSES, Json, told

if TYPE_CHECKING:
    from dubber.checked import Check

WORST = 10
"""Lines past a bar that are printed; --json has all."""

COLOURS = {"met": "green", "missed": "red", "not measurable": "yellow", "told": "dim"}


def register(app: typer.Typer) -> None:
    """Adds the command to the program."""
    app.command(epilog=STATUSES)(check)


def check(
    film: Annotated[
        Path,
        typer.Argument(
            help="A film that was dubbed, its project folder (talk.dub), or the dubbed film.",
            show_default=False,
        ),
    ],
    to: Annotated[str | None, typer.Option("--to", help="Only this language of the project.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 11 where a bar is missed.")] = False,
    as_json: Json = False,
) -> None:
    """Measure a finished dub: decode it, listen to it, and hold it against the bars."""
    with told(as_json) as shown:
        from dubber import check as checking
        from dubber import checked, finished, progress

        shown["checks"] = []
        checks = []
        for dub in finished.find(film, to):
            with (
                progress.watcher(json=as_json) as watch,
                tempfile.TemporaryDirectory(prefix="dubber-") as scratch,
            ):
                found = checking.measure(dub, Path(scratch), watch)
            checks.append(found)
            shown["checks"].append(found.as_json())
            if not as_json:
                show(found)
        if strict:
            checked.check(checks)


def show(found: Check) -> None:
    """The bars of one dub, and the lines furthest past them."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from dubber.tables import FILE_WIDTH
    from dubber.times import clock, harmless, shortened

    screen = Console(width=None if sys.stdout.isatty() else FILE_WIDTH)
    screen.print(Text(harmless(str(found.dub.dubbed)), "bold", overflow="fold"))
    table = Table("measured", "", "bar", "", "", box=None)
    table.columns[0].no_wrap = True
    for row in found.rows:
        if row.verdict == "not measurable" and row.bar.bar is None:
            continue  # nothing is asked of it, and nobody measured it
        table.add_row(
            row.bar.what, row.shown, row.bar.told, Text(row.verdict, COLOURS[row.verdict]), Text(row.reason)
        )
    screen.print(table)
    worst, past = found.worst(WORST), sum(bool(line.faults()) for line in found.lines)
    if worst:
        lines = Table("at", "", "text", box=None, title="lines past a bar", title_justify="left")
        for line in worst:
            text = Text(shortened(harmless(line.text), 60), no_wrap=True, overflow="ellipsis")
            lines.add_row(clock(line.place), Text(", ".join(line.faults())), text)
        screen.print(lines)
        if past > len(worst):
            screen.print(f"… and {past - len(worst)} more: --json has them all")
    for hole in found.holes[:WORST]:
        own = 2 * sum(hole.overlap(span) for span in found.kept) > hole.duration
        heard = "the film's own voice stays" if own else "nothing is said in the dub"
        screen.print(Text(f"hole at {clock(hole)}: {hole.duration / 1000:.1f} s in which {heard}"))
    if len(found.holes) > WORST:
        screen.print(f"… and {len(found.holes) - WORST} more holes")
    for note in found.notes:
        screen.print(Text(f"note: {harmless(note)}"))
