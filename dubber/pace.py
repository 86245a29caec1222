"""What this machine remembers between films: how long each engine worked for a second of speech.

Serves estimates only: a file that is damaged, or cannot be written, costs the estimate and never the run. It lies in
the model store; where there is none, nothing is remembered, so that who only tries the tool finds no file of it.
"""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path

from dubber import atomic
from dubber.errors import DubberError
from dubber.models.store import root

RUNS = 9
"""Runs that are remembered of each engine; their median counts, so that one run beside a busy machine does not."""

ENGINES = 100
"""Engines that are remembered, the latest used: digests change with every version."""

SHORTEST_MS = 2_000
"""Speech in a run from which it is remembered: in less, mostly the loading of a model would be timed."""

MOST_BYTES = 1 << 20
"""A file longer than that is none that this room has written."""

_NAME = "pace.json"
_SCHEMA = 1


def remember(name: str, spoken_ms: int, seconds: float) -> None:
    """Keeps that engine `name` (its digest, or name and device) worked `seconds` for `spoken_ms` of speech.

    Figures that can be no measurement (nothing spoken, no time taken) and runs under SHORTEST_MS are not kept. Where
    there is no model store, or the disk refuses, nothing is: the next estimate is missing, and that is all. Of two
    programs that write at once one is kept whole.
    """
    folder = root()
    if spoken_ms < SHORTEST_MS or not (0 < seconds < math.inf) or not folder.is_dir():
        return
    paces = _read(folder)
    runs = paces.pop(name, [])
    paces[name] = [*runs, round(1000 * seconds / spoken_ms, 6)][-RUNS:]
    latest = dict(list(paces.items())[-ENGINES:])
    try:
        atomic.write_json(folder / _NAME, {"schema": _SCHEMA, "seconds_per_second": latest})
    except (OSError, DubberError):
        return  # see above: the run is done, and its result does not depend on this


def seconds_for(name: str, spoken_ms: int) -> float | None:
    """How many seconds engine `name` will work for `spoken_ms` of speech, by the median of its last runs on this
    machine; None where it has not worked here yet."""
    runs = _read(root()).get(name)
    return statistics.median(runs) * spoken_ms / 1000 if runs else None


def _read(folder: Path) -> dict[str, list[float]]:
    """Seconds of work per second of speech, by engine, the latest used last; empty where nothing can be read."""
    path = folder / _NAME
    try:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return {}
        kept = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(kept, dict) or kept.get("schema") != _SCHEMA:
        return {}
    paces = kept.get("seconds_per_second")
    if not isinstance(paces, dict):
        return {}
    return {
        name: runs[-RUNS:]
        for name, runs in paces.items()
        if isinstance(runs, list) and runs and all(map(_is_pace, runs))
    }


def _is_pace(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
