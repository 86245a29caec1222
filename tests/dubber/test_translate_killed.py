"""Killed outright while a server translates: what was answered is kept, only the rest is asked for, the film is the
same."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from chatserver import Asked, Server, hangs, lines, serving, translates
from films import Made, Said, make, packets

NOUNS = ("house", "river", "window", "garden", "letter", "winter", "bridge", "doctor")

SAID = tuple(Said(300 + 1800 * n, f"The {noun} is old.", "") for n, noun in enumerate(NOUNS))
DURATION = 15_000

PAIRS = (
    "from dubber.stages.translate import chat; chat.MOST_LINES = 2; from dubber.__main__ import main; main()"
)
"""dubber, with two lines in a request: a film need not be long to need several."""

ANSWERED = 2
"""Requests that are answered before the kill; four are under way at a time."""

SLOW_S, POLL_S, LONGEST_S = 0.1, 0.02, 120.0


def command(made: Made, server: Server, folder: Path) -> list[str]:
    return [
        *(sys.executable, "-c", PAIRS, "translate", str(made.film), "--from", "en", "--to", "es"),
        *("--profile", "draft", "--translator", "openai", "--base-url", server.url, "--model", "tiny"),
        *("--transcript", str(made.transcript), "--project", str(folder / "p.dub")),
        *("--output", str(folder / "o.mp4")),
    ]


def kept(folder: Path) -> int:
    return len(list((folder / "p.dub" / "cache" / "translate").glob("*/*.json")))


def slowly(handler: Any, asked: Asked) -> None:
    """Translates well, after a while, and so that there is time enough to say it: no line is asked for twice."""
    handler.state.stopping.wait(SLOW_S)
    translates(lambda rows: [{**row, "w": [row["w"][0].removeprefix("Que ").capitalize()]} for row in rows])(
        handler, asked
    )


def texts(asked: list[Asked]) -> set[str]:
    """The lines that a translation was asked for, not other words for one that was spoken and missed its time."""
    return {line["text"] for one in asked for line in lines(one) if "tried" not in line}


def test_killed_while_translating_only_what_had_not_arrived_is_asked_for(tmp_path: Path) -> None:
    made = make(tmp_path / "film", said=SAID, duration=DURATION)
    clean, killed = tmp_path / "clean", tmp_path / "killed"
    for folder in (clean, killed):
        folder.mkdir()
    arrived: list[Asked] = []

    def answers(handler: Any, asked: Asked) -> None:
        arrived.append(asked)
        slowly(handler, asked)

    with serving(hangs) as server:
        server.next.extend([answers] * ANSWERED)
        with subprocess.Popen(
            command(made, server, killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as run:
            latest = time.monotonic() + LONGEST_S
            while kept(killed) < 2 * ANSWERED and run.poll() is None and time.monotonic() < latest:
                with suppress(subprocess.TimeoutExpired):
                    run.wait(POLL_S)
            run.kill()
        assert run.returncode == -9
        assert kept(killed) == 2 * ANSWERED == len(texts(arrived))

        server.usual = slowly
        before = len(server.asked)
        subprocess.run(command(made, server, killed), check=True, capture_output=True, timeout=LONGEST_S)
        assert texts(server.asked[before:]) == {one.text for one in SAID} - texts(arrived)

        before = len(server.asked)
        subprocess.run(command(made, server, clean), check=True, capture_output=True, timeout=LONGEST_S)
        assert texts(server.asked[before:]) == {one.text for one in SAID}

    for stream in ("v:0", "a:0", "a:1", "s:0", "s:1"):
        assert packets(killed / "o.mp4", stream) == packets(clean / "o.mp4", stream), stream
    reports = [json.loads((folder / "p.dub" / "report.json").read_text()) for folder in (clean, killed)]
    assert reports[0]["lines"] == reports[1]["lines"]
    assert reports[0]["untranslated"] == reports[1]["untranslated"] == []
