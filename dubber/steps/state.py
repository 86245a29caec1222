"""One line on its way to its slot: the wordings that were measured for it, which of them it is said in, and what is
told of that. Pure: asks nobody, speaks nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from align.links import plain
from align.phrases import Phrase
from align.timeline import Placement, Unit
from align.types import Line

NEARER = 0.05
"""By so much (of the logarithm of the rate factor) another wording must be expected to fit better to be measured."""

NOTICED_MS = 100
"""An actor's last syllable fades and lengthens for so long: a line that ends this much before it leaves no hole."""

Did = Literal["measured", "chosen", "spoken", "left"]

Event = dict[str, Any]
"""One step of a line's history: `round`, what was done (`did`), the words, their natural length in ms, the rate factor
in the line's own time (where it is spoken: in that), and a sentence (`told`)."""


@dataclass(frozen=True)
class Worded:
    """A line in certain words: its phrases, and how long each is unhurried (ms)."""

    text: str
    phrases: tuple[Phrase, ...]
    lengths: tuple[int, ...]

    @property
    def natural(self) -> int:
        """ms, without the pauses between phrases."""
        return sum(self.lengths)

    @property
    def own(self) -> int:
        """ms of source speech that it stands for, without the pauses in it."""
        return max(1, sum(one.span.duration for one in self.phrases))

    @property
    def factor(self) -> float:
        """Rate factor in the line's own time, nothing borrowed."""
        return self.natural / self.own


@dataclass
class State:
    """One line: whether the program may word it; `band`, the comfort band of its voice (natural ÷ slot length, slowest
    and fastest); and `spare`, the silence after it (ms) that its words may count on. `wordings` are those that were
    measured, in the order in which they are liked; `squeezed` is the time (ms) that its neighbours left it, None where
    they left it enough; `exhausted` says that nobody has any other words for it;
    `pinned` are the words that it is said in, once that is settled."""

    line: Line
    free: bool
    band: tuple[float, float]
    spare: int = 0
    squeezed: int | None = None
    exhausted: bool = False
    pinned: Worded | None = None
    wordings: list[Worded] = field(default_factory=list)
    history: list[Event] = field(default_factory=list)

    @property
    def wanted(self) -> int:
        """ms that other words for it are to take: the actor's time, or what its neighbours leave of that. What they may
        borrow beside that is not promised to them."""
        own = max(one.own for one in self.wordings)
        return min(own, self._room(own))

    def has(self, text: str) -> bool:
        """Whether it was measured in these words."""
        return any(plain(one.text) == plain(text) for one in self.wordings)

    def add(self, worded: Worded, turn: int) -> None:
        """Takes in words that were measured in this round."""
        self.wordings.append(worded)
        seconds, own = worded.natural / 1000, worded.own / 1000
        self.tell(turn, "measured", f"Takes {seconds:.1f} s unhurried; the actor takes {own:.1f} s.", worded)

    def promising(self, texts: Sequence[str], lengths: Sequence[int]) -> list[str]:
        """Those of `texts`, of the expected `lengths` in ms, that should fit better than the first wording does."""
        first = self.wordings[0]
        now = self._misfit(first.natural, first.own)
        return [
            text
            for text, ms in zip(texts, lengths, strict=True)
            if self._misfit(ms, first.own) < now - NEARER
        ]

    def units(self) -> list[Unit]:
        """What the solver is asked to place: the line, in any of its wordings; or the phrases of the one that fits best
        by itself, where the actor pauses."""
        line = self.line
        if self.pinned is None and all(len(one.phrases) == 1 for one in self.wordings):
            lengths = tuple(one.natural for one in self.wordings)
            return [Unit(line.id, self.wordings[0].phrases[0].span, lengths, line.speaker, band=self.band)]
        best = self.pinned or self._best()
        if len(best.phrases) == 1:
            return [Unit(line.id, best.phrases[0].span, (best.natural,), line.speaker, band=self.band)]
        return [
            Unit(f"{line.id}~{number}", phrase.span, (length,), line.speaker, line.id, self.band)
            for number, (phrase, length) in enumerate(zip(best.phrases, best.lengths, strict=True), start=1)
        ]

    def kept(self, placed: Sequence[Placement]) -> Worded:
        """The words that it is said in, where its units were placed so."""
        if self.pinned is None and all(len(one.phrases) == 1 for one in self.wordings):
            return self.wordings[placed[0].wording]
        return self.pinned or self._best()

    def is_unfit(self, placed: Sequence[Placement]) -> bool:
        """Whether other words could do better: it is spoken outside its comfort band, needs more silence than is its to
        take, or leaves time in which the actor speaks. Remembers where its neighbours squeeze it."""
        kept = self.kept(placed)
        hurried = any({"compressed", "crowded"} & set(one.flags) for one in placed)
        self.squeezed = sum(one.span.duration for one in placed) if hurried else None
        if hurried:
            return True
        left = (phrase.span.end - one.span.end for phrase, one in zip(kept.phrases, placed, strict=True))
        if any(ms > NOTICED_MS for ms in left):
            return True
        return kept.natural > self.band[1] * (kept.own + self.spare)

    def conclude(self, placed: Sequence[Placement], turn: int, *, reworded: bool) -> None:
        """The last step of its history: how it is spoken. `reworded` says whether in other words than the translator's
        first."""
        kept, first = self.kept(placed), self.wordings[0]
        if kept is first and reworded:
            self.tell(
                turn, "chosen", "Said in the words that an earlier run chose in place of the first.", kept
            )
        elif kept is not first:
            said = f"Said in other words: rate factor {kept.factor:.2f} instead of {first.factor:.2f} in its own time."
            self.tell(turn, "chosen", said, kept)
        time = sum(one.span.duration for one in placed)
        told = [f"Spoken at {kept.natural / max(1, time):.2f} times its natural rate"]
        start, end = (
            placed[0].span.start - kept.phrases[0].span.start,
            placed[-1].span.end - kept.phrases[-1].span.end,
        )
        if start:
            told.append(f"{abs(start)} ms {'early' if start < 0 else 'late'}")
        if end > 0:
            told.append(f"ending {end} ms after the actor")
        flags = {flag for one in placed for flag in one.flags}
        if "short" in flags:
            told.append(f"{-end} ms before the actor ends")
        if len(placed) > 1:
            told.append(f"in {len(placed)} phrases, as the actor pauses")
        self.tell(turn, "spoken", ", ".join(told) + ".", kept, time)

    def tell(
        self, turn: int, did: Did, told: str, worded: Worded | None = None, time: int | None = None
    ) -> None:
        """Adds a step to its history. `time` are the ms in which it is spoken, where they are not the line's own."""
        about = worded or self.wordings[0]
        self.history.append(
            {
                "round": turn,
                "did": did,
                "text": about.text,
                "natural_ms": about.natural,
                "factor": round(about.natural / max(1, time or about.own), 3),
                "told": told,
            }
        )

    def _best(self) -> Worded:
        """The first wording that fits best by itself."""
        return min(self.wordings, key=lambda one: round(self._misfit(one.natural, one.own), 3))

    def _room(self, own: int) -> int:
        """ms that its words may take at most at its own rate, of a line that stands for `own` ms of speech."""
        room = own + self.spare
        return room if self.squeezed is None else min(room, self.squeezed)

    def _misfit(self, natural: int, own: int) -> float:
        """How far the rate factor is outside its comfort band, as a logarithm; 0 inside it."""
        room, (slowest, fastest) = self._room(own), self.band
        if natural > fastest * room:
            return math.log(natural / (fastest * room))
        least = slowest * min(own, room)
        return math.log(least / natural) if natural < least else 0.0
