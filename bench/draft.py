"""`python -m bench.draft [MINUTES …]`: the draft lane on films of that length (default 10): time against the film's
length, peak memory of all its processes, and what one edited word costs."""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
EVERY_S = 0.1
"""Seconds between two looks at the memory of a run."""

BARS = {"time": 0.3, "memory_mb": 1000, "edited": 0.1, "help_s": 0.5}
"""What a release must reach: time ÷ film length; MB; second run ÷ first; seconds of `dubber --help`."""


@dataclass(frozen=True)
class Run:
    """One command run to its end: seconds, and the peak of the resident memory of all its processes in MB."""

    seconds: float
    memory_mb: float


def main() -> None:
    """Measure and print; exits with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", nargs="*", type=float, default=[10.0])
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it")
    chosen = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    missed = check("dubber --help", help_seconds(), BARS["help_s"], "s")
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        for minutes in chosen.minutes:
            missed |= bench(folder, minutes)
    sys.exit(missed)


def bench(folder: Path, minutes: float) -> bool:
    """Dub one film of the bench twice, one word edited in between. True where a bar is missed."""
    film = folder / f"talk{minutes:g}.mp4"
    if not film.exists():
        length = str(minutes * 60)
        subprocess.run(
            [sys.executable, str(ROOT / "samples" / "make.py"), "--out", str(film), "--length", length],
            check=True,
        )
    project = film.with_suffix(".dub")
    first = measured(
        "translate", film, "--to", "es", "--profile", "draft", "--speakers", "2", "--project", project
    )
    edit_one_word(project / "es.srt")
    second = measured("render", project)
    name = f"{minutes:g} min"
    print(f"{name}: first {first.seconds:.1f} s, one word edited {second.seconds:.1f} s")
    missed = check(f"{name}: time ÷ length", first.seconds / (minutes * 60), BARS["time"], "")
    missed |= check(f"{name}: peak memory", max(first.memory_mb, second.memory_mb), BARS["memory_mb"], "MB")
    return missed | check(f"{name}: second ÷ first", second.seconds / first.seconds, BARS["edited"], "")


def measured(*arguments: object) -> Run:
    """Run dubber and look at it from outside."""
    began = time.monotonic()
    peak = 0.0
    with subprocess.Popen(
        [sys.executable, "-m", "dubber", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        done = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(EVERY_S):
                peak = max(peak, resident_mb(run.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        assert run.stderr is not None
        told = run.stderr.read()
        status = run.wait()
        done.set()
        watcher.join()
    if status:
        sys.exit(f"dubber {' '.join(map(str, arguments))} ended with {status}:\n{told}")
    return Run(time.monotonic() - began, peak)


def resident_mb(pid: int) -> float:
    """Resident memory of a process and all below it; pages that they share count for each."""
    total = 0
    try:
        top = psutil.Process(pid)
        for process in (top, *top.children(recursive=True)):
            total += process.memory_info().rss
    except psutil.NoSuchProcess:
        pass  # it ended while it was looked at
    return total / 1e6


def edit_one_word(subtitles: Path) -> None:
    """Put one more word into the middle cue."""
    blocks = subtitles.read_text("utf-8").split("\n\n")
    middle = len(blocks) // 2
    blocks[middle] = re.sub(r"(\w+)\s*$", r"ahora \1", blocks[middle])
    subtitles.write_text("\n\n".join(blocks), "utf-8")


def help_seconds() -> float:
    """The median of five calls of `dubber --help`."""
    times = []
    for _ in range(5):
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "dubber", "--help"], stdout=subprocess.DEVNULL, check=True)
        times.append(time.monotonic() - began)
    return sorted(times)[2]


def check(name: str, value: float, bar: float, unit: str) -> bool:
    """Print a figure beside its bar. True where it is missed."""
    missed = value > bar
    print(f"  {name:<28} {value:10.3f} {unit:<2}  bar {bar:g}{'  MISSED' if missed else ''}")
    return missed


if __name__ == "__main__":
    main()
