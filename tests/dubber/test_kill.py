"""Killed at any moment and started again until it is done: the film is the one an undisturbed run makes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

from films import Made, make, packets

from dubber import atomic

KILLS = 12
"""At the most; a run that has become short ends before its turn."""

LONGEST_S = 60.0


def command(made: Made, project: Path, out: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "dubber", "translate", str(made.film), "--to", "es", "--profile", "draft"),
        *("--transcript", str(made.transcript), "--translation", str(made.translation)),
        *("--project", str(project), "--output", str(out)),
    ]


def test_killed_again_and_again_the_film_is_the_same(tmp_path: Path) -> None:
    made = make(tmp_path / "film")
    clean, killed = tmp_path / "clean", tmp_path / "killed"
    for folder in (clean, killed):
        folder.mkdir()
    began = time.monotonic()
    subprocess.run(command(made, clean / "p.dub", clean / "o.mp4"), check=True, capture_output=True)
    length = time.monotonic() - began
    moments = random.Random(8)
    for _ in range(KILLS):
        with subprocess.Popen(
            command(made, killed / "p.dub", killed / "o.mp4"),
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        ) as run:
            try:
                run.wait(moments.uniform(0.1, 1.0) * length)
            except subprocess.TimeoutExpired:
                run.kill()
    finished = subprocess.run(
        command(made, killed / "p.dub", killed / "o.mp4"), check=True, capture_output=True, timeout=LONGEST_S
    )
    assert finished.returncode == 0
    for stream in ("v:0", "a:0", "a:1", "s:0", "s:1"):
        assert packets(killed / "o.mp4", stream) == packets(clean / "o.mp4", stream), stream
    reports = [json.loads((folder / "p.dub" / "report.json").read_text()) for folder in (clean, killed)]
    assert reports[0]["lines"] == reports[1]["lines"]
    assert reports[0]["timing"] == reports[1]["timing"]
    left = [path for path in killed.rglob("*") if path.name.startswith(atomic.TEMPORARY_PREFIX)]
    assert left == []
    assert sorted(path.name for path in killed.iterdir()) == ["o.mp4", "p.dub"]
