"""`python -m bench.solver [LINES …] [--json FILE]`: time and memory of the timeline's solver, for films of so many
lines (default 10, 100, 1000, 10000), dense (end to end, all speakers pressed) and loose (silence between turns), with
one wording to a line and with three, under the tight limits and the natural ones."""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import time
import tracemalloc
from pathlib import Path
from statistics import median
from typing import Any

from align import price
from align.timeline import NATURAL, TIGHT, Limits, Placement, Unit, cost, solve
from align.types import Span

BAR_S = 2.0
"""Seconds of one core that ten thousand lines may take."""

RUNS = 3
"""The least of so many runs is told: what the machine does besides is no part of it."""

LIMITS = {"tight": TIGHT, "natural": NATURAL}

KINDS = {
    # natural ÷ source, silence after a line (ms), wordings
    "dense": ((0.6, 1.6), (0, 150), 1),
    "dense, 3 wordings": ((0.6, 1.6), (0, 150), 3),
    "loose": ((0.8, 1.3), (200, 4000), 1),
    "loose, 3 wordings": ((0.8, 1.3), (200, 4000), 3),
}


def main() -> None:
    """Measure, print, and exit with 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", nargs="*", type=int, default=[10, 100, 1_000, 10_000])
    parser.add_argument("--json", type=Path, default=Path(__file__).parent / "out" / "solver.json")
    asked = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()},"
        f" load {os.getloadavg()[0]:.1f}"
    )
    print(
        f"{'film':<18} {'limits':<8} {'lines':>6} {'wall s':>8} {'core s':>8} {'µs/line':>8} {'peak MB':>8}  outcome"
    )
    rows = [measured(kind, sync, count) for kind in KINDS for sync in LIMITS for count in asked.lines]
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    asked.json.write_text(json.dumps({"bar_s": BAR_S, "rows": rows}, indent=1) + "\n")
    slow = [row for row in rows if row["lines"] <= 10_000 and row["core_s"] > BAR_S]
    print(f"bar: 10000 lines in {BAR_S:g} s of one core: {'missed' if slow else 'kept'}")
    sys.exit(bool(slow))


def measured(kind: str, sync: str, count: int) -> dict[str, Any]:
    """One row: the least time of RUNS, the peak of memory in a run of its own, and what came out."""
    units, duration, cuts = film(kind, count)
    limits = LIMITS[sync]
    walls, cores = [], []
    for _ in range(RUNS):
        wall, core = time.perf_counter(), time.process_time()
        placed = solve(units, duration, limits, cuts)
        walls.append(time.perf_counter() - wall)
        cores.append(time.process_time() - core)
    tracemalloc.start()
    solve(units, duration, limits, cuts)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    row = {
        "film": kind,
        "sync": sync,
        "lines": count,
        "wall_s": round(min(walls), 4),
        "core_s": round(min(cores), 4),
        "peak_mb": round(peak, 1),
        "ms_per_line": round(cost(units, placed, duration, limits, cuts) / price.MS / count, 1),
        **outcome(units, placed, limits),
    }
    per_line = row["core_s"] / count * 1e6
    print(
        f"{kind:<18} {sync:<8} {count:>6} {row['wall_s']:>8.3f} {row['core_s']:>8.3f} {per_line:>8.0f}"
        f" {peak:>8.1f}  onset {row['onset_median']} ms, in band {row['in_band']:.0%}, cost {row['ms_per_line']}"
    )
    return row


def outcome(units: list[Unit], placed: tuple[Placement, ...], limits: Limits) -> dict[str, Any]:
    """What the timeline looks like: onset errors in ms, share of lines in the band, over the ceiling, reworded."""
    errors = sorted(abs(one.span.start - unit.span.start) for one, unit in zip(placed, units, strict=True))
    return {
        "onset_median": median(errors),
        "onset_95": errors[round(0.95 * (len(errors) - 1))],
        "in_band": round(
            sum(limits.slowest <= one.factor <= limits.fastest for one in placed) / len(placed), 4
        ),
        "over_ceiling": sum(one.factor > limits.ceiling for one in placed),
        "reworded": sum(one.wording > 0 for one in placed),
    }


def film(kind: str, count: int) -> tuple[list[Unit], int, list[int]]:
    """A film of random turns of three speakers, with a shot change every few seconds: the same on every run."""
    ratio, silence, wordings = KINDS[kind]
    draw = random.Random(1)
    units, at = [], 500
    for i in range(count):
        length = draw.randrange(500, 4500)
        lengths = tuple(max(1, round(length * draw.uniform(*ratio))) for _ in range(wordings))
        units.append(Unit(f"u{i}", Span(at, at + length), lengths, draw.choice("ABC")))
        at += length + draw.randrange(*silence)
    cuts = sorted(draw.sample(range(at), min(at, count)))
    return units, at + 500, cuts


if __name__ == "__main__":
    main()
