"""What came of checking a dub, as data: its rows, its lines, which of them are past a bar. Measures nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from align import bars
from align.types import Span
from dubber.errors import BarError
from dubber.finished import Finished

NAMED = 5
"""Bars that an error names one by one."""


@dataclass(frozen=True)
class Line:
    """One line as it was measured. `start` is where its source speech begins; `onset_error` in ms (over 0 is late) and
    `loudness` in LU against the source line are None where there is nothing to compare; `heard` is False where no
    speech is heard in its slot."""

    id: str
    text: str
    slot: Span
    source: Span
    start: int
    onset_error: int | None
    loudness: float | None
    heard: bool
    natural: int
    flags: tuple[str, ...]

    @property
    def factor(self) -> float:
        """Natural ÷ slot length."""
        return self.natural / self.slot.duration if self.slot.duration else math.inf

    def faults(self) -> tuple[str, ...]:
        """What of it is past a bar, as phrases."""
        told = [] if self.heard else ["nothing is heard"]
        if self.onset_error is not None and abs(self.onset_error) > bars.ONSET_95_MS:
            told.append(f"{abs(self.onset_error)} ms {'late' if self.onset_error > 0 else 'early'}")
        if self.loudness is not None and abs(self.loudness) > bars.LINE_LU:
            told.append(f"{abs(self.loudness):.1f} LU too {'loud' if self.loudness > 0 else 'soft'}")
        if self.factor > bars.RATE_CEILING:
            told.append(f"{self.factor:.2f} times its natural rate")
        return tuple(told)

    def badness(self) -> float:
        """How far past the bars, 1 at a bar: for an order of lines."""
        off = [0.0 if self.heard else math.inf, self.factor / bars.RATE_CEILING]
        off.append(abs(self.onset_error or 0) / bars.ONSET_95_MS)
        off.append(abs(self.loudness or 0) / bars.LINE_LU)
        return max(off)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "id": self.id,
            "text": self.text,
            "slot": [self.slot.start, self.slot.end],
            "source": [self.source.start, self.source.end],
            "source_onset": self.start,
            "onset_error_ms": self.onset_error,
            "loudness_lu": self.loudness,
            "heard": self.heard,
            "factor": round(self.factor, 3),
            "flags": list(self.flags),
            "faults": list(self.faults()),
        }


@dataclass(frozen=True)
class Check:
    """What came of checking one dub: a row per bar, its lines, the holes (ms), what of
    them the film's own voices fill, where it speaks, and sentences."""

    dub: Finished
    rows: tuple[bars.Row, ...]
    lines: tuple[Line, ...]
    holes: tuple[Span, ...]
    kept: tuple[Span, ...]
    speech: tuple[Span, ...]
    notes: tuple[str, ...]

    @property
    def missed(self) -> tuple[bars.Row, ...]:
        """The rows whose bar is missed."""
        return bars.missed(self.rows)

    def worst(self, most: int) -> tuple[Line, ...]:
        """Up to `most` lines past a bar, the furthest first."""
        past = [line for line in self.lines if line.faults()]
        return tuple(sorted(past, key=lambda line: (-line.badness(), line.slot))[:most])

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "film": str(self.dub.film),
            "dubbed": str(self.dub.dubbed),
            "project": str(self.dub.folder),
            "language": self.dub.language,
            "rows": [row.as_json() for row in self.rows],
            "missed": [row.bar.name for row in self.missed],
            "lines": [line.as_json() for line in self.lines],
            "holes": [[hole.start, hole.end] for hole in self.holes],
            "kept": [[span.start, span.end] for span in self.kept],
            "dubbed_speech": [[span.start, span.end] for span in self.speech],
            "notes": list(self.notes),
        }


def check(checks: Sequence[Check]) -> None:
    """Raises BarError, naming the bars, where any is missed."""
    missed = [(one, row) for one in checks for row in one.missed]
    if not missed:
        return
    told = ", ".join(f"{row.bar.what} {row.shown} (bar: {row.bar.told})" for _, row in missed[:NAMED])
    more = f", and {len(missed) - NAMED} more" if len(missed) > NAMED else ""
    names = ", ".join(dict.fromkeys(one.dub.dubbed.name for one, _ in missed))
    raise BarError(
        f"{names} misses {len(missed)} {'bar' if len(missed) == 1 else 'bars'}: {told}{more}.",
        hint="`dubber check --json` has every line; edit words or times of those past a bar and run `dubber render`.",
    )
