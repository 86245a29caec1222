"""Killed outright while a server translates: what was answered is kept, only the rest is asked for, the film is the
same."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from chatserver import Asked, Server, hangs, lines, serving, words
from films import Made, Said, make, packets

from dubber import atomic, pipeline
from dubber.settings import Settings
from dubber.stages.translate import chat

NOUNS = {"house": "casa", "door": "puerta", "bridge": "plaza", "school": "escuela"}

SAID = tuple(
    Said(300 + 1500 * n, f"The {noun} is rather old.", f"La {spanish} es muy vieja.")
    for n, (noun, spanish) in enumerate(NOUNS.items())
)
DURATION = 6500

ALONE = (
    "from dubber.stages.translate import chat; chat.MOST_LINES = 1; from dubber.__main__ import main; main()"
)
"""dubber, with one line in a request: a film need not be long to need several."""

ANSWERED = 2
"""Requests that are answered before the kill; all four are under way at once."""

POLL_S, LONGEST_S = 0.02, 60.0

spoken = words(lambda line: [{one.text: one.spanish for one in SAID}[line["text"]]])


def command(made: Made, server: Server, folder: Path) -> list[str]:
    return [
        *(sys.executable, "-c", ALONE, "translate", str(made.film), "--from", "en", "--to", "es"),
        *("--profile", "draft", "--translator", "openai", "--base-url", server.url, "--model", "tiny"),
        *("--transcript", str(made.transcript), "--project", str(folder / "p.dub")),
        *("--output", str(folder / "o.mp4")),
    ]


def translate(made: Made, server: Server, folder: Path) -> dict[str, Any]:
    """What the command does, in this process."""
    settings = Settings.of(
        "es", source="en", profile="draft", translator="openai", base_url=server.url, model="tiny"
    )
    return pipeline.translate(
        made.film,
        settings,
        transcript=made.transcript,
        folder=folder / "p.dub",
        output=folder / "o.mp4",
        jobs=1,
    )


def kept(folder: Path) -> int:
    found = (folder / "p.dub" / "cache" / "translate").glob("*/*.json")
    return sum(not path.name.startswith(atomic.TEMPORARY_PREFIX) for path in found)


def texts(asked: list[Asked]) -> list[str]:
    """The lines that a translation was asked for, not other words for one that was spoken and missed its time."""
    return sorted(line["text"] for one in asked for line in lines(one) if "tried" not in line)


def test_killed_while_translating_only_what_had_not_arrived_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "MOST_LINES", 1)
    made = make(tmp_path / "film", said=SAID, duration=DURATION)
    clean, killed = tmp_path / "clean", tmp_path / "killed"
    for folder in (clean, killed):
        folder.mkdir()
    arrived: list[Asked] = []

    def answers(handler: Any, asked: Asked) -> None:
        arrived.append(asked)
        spoken(handler, asked)

    with serving(hangs) as server:
        server.next.extend([answers] * ANSWERED)
        with subprocess.Popen(
            command(made, server, killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as run:
            latest = time.monotonic() + LONGEST_S
            while (
                (kept(killed) < ANSWERED or len(server.asked) < len(SAID))  # none is on its way any more
                and run.poll() is None
                and time.monotonic() < latest
            ):
                with suppress(subprocess.TimeoutExpired):
                    run.wait(POLL_S)
            run.kill()
        assert run.returncode == -9
        assert kept(killed) == ANSWERED == len(texts(arrived))

        server.usual = spoken
        server.asked.clear()
        finished = translate(made, server, killed)
        assert texts([*arrived, *server.asked]) == sorted(one.text for one in SAID)

        server.asked.clear()
        undisturbed = translate(made, server, clean)
        assert texts(server.asked) == sorted(one.text for one in SAID)

    for stream in ("v:0", "a:0", "a:1", "s:0", "s:1"):
        assert packets(killed / "o.mp4", stream) == packets(clean / "o.mp4", stream), stream
    assert finished["lines"] == undisturbed["lines"]
    assert finished["untranslated"] == undisturbed["untranslated"] == []
