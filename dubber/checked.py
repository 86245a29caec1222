"""What came of checking a dub, as data: its rows, its lines, which of them are past a bar. Measures nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from align import bars
from align.types import Slot, Span
from dubber.errors import BarError
from dubber.finished import Finished

NAMED = 5
"""Bars that an error names one by one."""

WHY = {
    "source": "its words are taken to begin {} the voice in the film",
    "slot": "its slot begins {} its source line",
    "voice": "it is heard {} its slot begins",
}
"""What an onset error may come from, by the names of its parts."""


@dataclass(frozen=True)
class Line:
    """One line as it was measured, on the film's clock in ms. `source` is where the dub was planned to think that it is
    said, `start` where its source speech is heard to begin; `begins` where it is heard to begin in the dub, None where
    nothing is heard in its slot; `follows` whether somebody says it in the film; `loudness` in LU against the source
    line, None where there is nothing to compare; `under` whether it begins, in the film or in the dub, while another
    line sounds, so that nobody can tell when."""

    id: str
    text: str
    slot: Slot
    source: Span
    start: int
    begins: int | None
    follows: bool
    loudness: float | None
    under: bool = False

    @property
    def place(self) -> Span:
        """Its time in the dub."""
        return self.slot.span

    @property
    def factor(self) -> float:
        """Natural ÷ spoken length."""
        return self.slot.factor

    @property
    def _compared(self) -> bool:
        return self.follows and not self.under

    @property
    def onset_error(self) -> int | None:
        """ms between the source line's voice and the dub's, over 0 is late; None where there is nothing to compare."""
        return self.begins - self.start if self._compared and self.begins is not None else None

    @property
    def onset_parts(self) -> dict[str, int]:
        """What the onset error is made of, in ms: how late the plan takes the source line to begin, how late its slot
        is after that, how late the voice is in the slot. Empty where there is no onset error."""
        if self.begins is None or not self._compared:
            return {}
        late = (self.source.start - self.start, self.place.start - self.source.start)
        return {"source": late[0], "slot": late[1], "voice": self.begins - self.place.start}

    def why(self) -> str:
        """The greatest part of the onset error, as a sentence goes on; "" where there is none."""
        parts, error = self.onset_parts, self.onset_error
        if not error:
            return ""
        name, part = max(parts.items(), key=lambda one: one[1] if error > 0 else -one[1])
        return WHY[name].format(f"{abs(part)} ms {'after' if part > 0 else 'before'}")

    def faults(self) -> tuple[str, ...]:
        """What of it is past a bar, as phrases."""
        told = ["nothing is heard"] if self.begins is None else []
        if self.onset_error is not None and abs(self.onset_error) > bars.ONSET_95_MS:
            way = "late" if self.onset_error > 0 else "early"
            told.append(f"{abs(self.onset_error)} ms {way}, for {self.why()}")
        if self.loudness is not None and abs(self.loudness) > bars.LINE_LU:
            told.append(f"{abs(self.loudness):.1f} LU too {'loud' if self.loudness > 0 else 'soft'}")
        if self.factor > bars.RATE_CEILING:
            told.append(f"{self.factor:.2f} times its natural rate")
        return tuple(told)

    def badness(self) -> float:
        """How far past the bars, 1 at a bar: for an order of lines."""
        off = [float("inf") if self.begins is None else 0.0, self.factor / bars.RATE_CEILING]
        off.append(abs(self.onset_error or 0) / bars.ONSET_95_MS)
        off.append(abs(self.loudness or 0) / bars.LINE_LU)
        return max(off)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "id": self.id,
            "text": self.text,
            "slot": [self.place.start, self.place.end],
            "source": [self.source.start, self.source.end],
            "source_onset": self.start,
            "onset_error_ms": self.onset_error,
            "onset_parts_ms": self.onset_parts,
            "onset_why": self.why(),
            "loudness_lu": self.loudness,
            "heard": self.begins is not None,
            "factor": round(self.factor, 3) if self.slot.spoken else None,
            "flags": list(self.slot.flags),
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
        return tuple(sorted(past, key=lambda line: (-line.badness(), line.place))[:most])

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
