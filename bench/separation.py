"""What Demucs costs: seconds per second of sound, and memory against the film's length.

    python -m bench.separation [--speed 30] [--sizes tiny,full] [--memory 10,180] [--every 20] [--device cpu]
                               [--threads 2]

Networks are random, of the released dimensions or tiny ones: they cost what released ones of their size cost. Films
are noise, and exist for the time of the run. `--memory` names lengths in minutes of films that are run with the tiny
network and are silent but for one second in twenty (all but the network works on all of it), or in as many as `--every`
says: 1 is a film that sounds throughout. Every run is a process of its own. Written into bench/out/separation.json as
well, after each run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from bench.tiny import demucs as tiny
from dubber.audio import AudioFile, AudioWriter
from dubber.stages.separate.demucs import Demucs

OUT = Path(__file__).resolve().parent / "out"

SIZES = {"tiny": tiny.TINY, "full": tiny.FULL}

SECOND = 48_000
"""Samples."""

SPARSE = 20
"""A long film sounds in one of so many seconds unless told otherwise, or the bench would last as long as the film."""


def main(arguments: list[str] | None = None) -> int:
    """Prints a line per measurement; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--speed", type=int, default=30, help="seconds of sound to time")
    parser.add_argument("--sizes", default="tiny,full")
    parser.add_argument("--memory", default="", help="minutes of films to look at memory with")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--once", help=argparse.SUPPRESS)
    parser.add_argument("--every", type=int, default=SPARSE, help="films of --memory sound in 1 of N seconds")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    if options.once:
        print(json.dumps(measured(options.once, options.speed, options.every, options.device)))
        return 0
    runs = [(size, options.speed, 1) for size in options.sizes.split(",") if size and options.speed]
    runs += [("tiny", 60 * int(minutes), options.every) for minutes in options.memory.split(",") if minutes]
    OUT.mkdir(exist_ok=True)
    machine = {"machine": platform.processor() or platform.machine(), "threads": options.threads}
    found: list[dict[str, object]] = []
    for run in runs:
        found.append(apart(*run, options.device, options.threads))
        (OUT / "separation.json").write_text(json.dumps({**machine, "runs": found}, indent=1) + "\n", "utf-8")
    return 0


def apart(size: str, seconds: int, every: int, device: str, threads: int) -> dict[str, object]:
    """One measurement in a process of its own, so that its memory is its own."""
    options = {"once": size, "speed": seconds, "every": every, "device": device, "threads": threads}
    command = [sys.executable, "-m", "bench.separation"]
    command += [str(part) for name, value in options.items() for part in (f"--{name}", value)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"  {size:<5} {seconds:6} s, sounding 1 s in {every:<2}  {found['per_second']:7.4f} s per s  "
        f"({found['cpu_per_second']:7.4f} s of CPU)  "
        f"peak {found['peak_mb']:6} MB ({found['start_mb']} MB before)",
        flush=True,
    )
    return found


def measured(size: str, seconds: int, every: int, device: str) -> dict[str, object]:
    """Time and peak memory of separating noise."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        os.environ["DUBBER_MODELS"] = str(folder)
        tiny.write(folder / "htdemucs", "htdemucs", SIZES[size])
        noise(folder / "film.wav", seconds, every)
        start, before, busy = peak(), time.perf_counter(), time.process_time()
        engine = Demucs("htdemucs", device=device)
        with AudioFile(folder / "film.wav") as film:
            engine.separate(film, [], folder / "stem.wav")
        took, busy = time.perf_counter() - before, time.process_time() - busy
        assert AudioFile(folder / "stem.wav").frames == seconds * SECOND
    return {
        "size": size,
        "seconds": seconds,
        "every": every,
        "device": device,
        "per_second": took / seconds,
        "cpu_per_second": busy / seconds,
        "start_mb": start,
        "peak_mb": peak(),
    }


def noise(path: Path, seconds: int, every: int) -> None:
    """A stereo film of noise in one of `every` seconds, and of digital silence in the others."""
    drawn = np.random.default_rng(0)
    with AudioWriter(path) as film:
        for second in range(seconds):
            level = 0.0 if second % every else 0.1
            film.append(drawn.normal(0, level, (SECOND, 2)).astype(np.float32))


def peak() -> int:
    """The most memory that this process has held so far, in MB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    sys.exit(main())
