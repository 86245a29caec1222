"""The speed bench: both releases in one run, every stage by name, the work that it says there is."""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shelf import Shelf

from bench import tts as bench
from bench import tts_limits
from tts.door import OUTPUT_RATE
from tts.indextts2 import clock
from tts.indextts2.config import Version
from tts.indextts2.engine import NAMES
from tts.indextts2.settings import version_of

QUICK = ["--size", "tiny", "--lines", "1,2", "--steps", "1", "--device", "cpu", "--dtype", "float32"]


LINE = 0.5
"""Seconds."""


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the bench writes; its short lines, and the machine's limits measured in no time."""
    folder = tmp_path / "out"
    monkeypatch.setattr(bench, "OUT", folder)
    monkeypatch.setattr(bench, "LINE", LINE)
    monkeypatch.setattr(bench, "REFERENCE", 1.1)
    monkeypatch.setattr(tts_limits, "SWEEP", 1 << 16)
    monkeypatch.setattr(tts_limits, "MATMUL", 64)
    yield folder
    assert [path.name for path in folder.iterdir()] == ["tts.json"]  # no release is left behind


def kept(out: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((out / "tts.json").read_text())
    return told


@pytest.mark.parametrize("version", ["2.0", "2.5"])
def test_every_stage_of_a_release_is_timed_and_its_work_counted(
    shelf: Shelf, version: Version, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main([*QUICK, "--release", str(shelf.folder(version))]) == 0
    between = {"2.0": "latent", "2.5": "codec"}[version]
    one, two = kept(out)[version]["runs"]
    for run in (one, two):
        stages = {stage["name"]: stage for stage in run["stages"]}
        assert list(stages) == ["decode", between, "flow", "vocoder", "the rest", "all"]
        assert all(stages[name]["work"] > 0 for name in ("decode", between, "flow", "vocoder"))
        assert all(stage["seconds"] > 0 for stage in stages.values())
        parts = sum(stage["seconds"] for name, stage in stages.items() if name != "all")
        assert parts == pytest.approx(stages["all"]["seconds"])
        frames = clock.frames_to_fill(round(LINE * OUTPUT_RATE))
        assert run["tokens"] == run["lines"] * clock.PACES[version].tokens(frames)
    work = [{stage["name"]: stage["work"] for stage in run["stages"]} for run in (one, two)]
    assert work[1]["flow"] == 2 * work[0]["flow"]  # weights are read once for all lines, the rest is per line
    assert work[0]["decode"] < work[1]["decode"] < 2 * work[0]["decode"]
    assert f"{NAMES[version]}, 1 steps" in capsys.readouterr().out


def test_one_run_measures_both_each_by_itself_and_compares_them(
    out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def here(command: list[str], *, check: bool) -> None:
        assert check
        started.append(command[-2:])
        assert bench.main(command[command.index("bench.tts") + 1 :]) == 0

    def report(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
        version = version_of(folder)
        assert version == options.version
        between, seconds = {"2.0": ("latent", 2.0), "2.5": ("codec", 0.5)}[version]
        stages = [{"name": name, "per_second": seconds} for name in ("decode", between, "all")]
        return {"runs": [{"lines": 3, "stages": stages}], "peak_bytes": 2e9 * seconds}

    monkeypatch.setattr(subprocess, "run", here)
    monkeypatch.setattr(bench, "report", report)
    assert bench.main(QUICK) == 0
    assert started == [["--version", "2.0"], ["--version", "2.5"]]
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["s", "per", "s", "of", "speech", "2.0", "2.5", "2.5", "of", "2.0"],
        ["3", "lines", "decode", "2.000", "0.500", "25%"],
        ["3", "lines", "latent", "2.000", "-"],
        ["3", "lines", "codec", "-", "0.500"],
        ["3", "lines", "all", "2.000", "0.500", "25%"],
        ["peak", "memory,", "GB", "4.00", "1.00", "25%"],
    ]
    assert kept(out).keys() == {"2.0", "2.5"}


def test_a_release_is_measured_as_the_version_that_it_is(shelf: Shelf, out: Path) -> None:
    with pytest.raises(SystemExit):
        bench.main([*QUICK, "--release", str(shelf.folder("2.5")), "--version", "2.0"])
    (out / "tts.json").write_text("{}")
