"""Another wording of a line whose wordings, when they were spoken, missed its time: how they did, how much text would
not, and whether a new one is better. Asks nobody, and judges nothing but words and time."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from align import rate
from align.rate import Unit
from dubber.stages.translate import marks
from dubber.stages.translate.door import Answer, Ask, Tried

REVISION = 1
"""Of how another wording is asked for and judged, by whichever translator; part of what answers are kept under."""

CLOSER = 0.75
"""A new wording is worth speaking where it is expected to miss its time by no more than this share of what the best of
those tried misses it by. Ours; estimates of two wordings of one line do not tell smaller differences."""

NOTHING_BETTER = "No better wording was found."

_SHARES = (
    (0.10, "a tenth"), (0.15, "a seventh"), (0.20, "a fifth"), (0.25, "a quarter"), (0.33, "a third"),
    (0.40, "two fifths"), (0.50, "half"), (0.60, "three fifths"), (0.67, "two thirds"), (0.75, "three quarters"),
)  # fmt: skip
"""How shares are called by people, who do not count syllables."""

_LEAST_SHARE = 0.075
_MOST_SHARE = 0.875


@dataclass(frozen=True)
class Aim:
    """What is wanted of a line's next wording in `language`: to take `budget` ms where `best`, of those that were tried
    the nearest to it, takes `best.ms`."""

    best: Tried
    tried: tuple[Tried, ...]
    budget: int
    language: str

    @property
    def shorter(self) -> bool:
        """Whether less is to be said, not more."""
        return self.best.ms > self.budget

    @property
    def change(self) -> str:
        """By how much the best one tried is to change, in words: "about a quarter shorter"."""
        share = abs(1 - self.budget / self.best.ms)
        way = "shorter" if self.shorter else "longer"
        if share > _MOST_SHARE:
            return "far shorter" if self.shorter else f"{1 + share:.1f} times as long"
        if share < _LEAST_SHARE:
            return f"a little {way}"
        return f"about {min(_SHARES, key=lambda one: abs(one[0] - share))[1]} {way}"

    @property
    def units(self) -> tuple[int, Unit]:
        """About how much text the next wording is to have, and of what: what the best one has, times the share of its
        time that there is. Its edges, which no text shortens, are no part of either."""
        has, unit = self.size(self.best.wording)
        spoken = self._prior(self.best.wording)
        wanted = spoken * self.budget / self.best.ms
        about = round(has * (wanted - rate.EDGE_MS) / max(1, spoken - rate.EDGE_MS))
        return max(1, min(about, has - 1) if self.shorter else max(about, has + 1)), unit

    def size(self, wording: str) -> tuple[int, Unit]:
        """How much text a wording has, and of what."""
        _, unit = rate.units_for(self.budget, self.language)
        return max(1, round(rate.syllables(marks.without(wording), self.language))), unit

    def estimated(self, wording: str) -> int:
        """How many ms the wording will take, in the measure of the budget: the prior, at the pace of the best one."""
        return round(self._prior(wording) * self.best.ms / self._prior(self.best.wording))

    def miss(self, wording: str) -> int:
        """By how many ms the wording is expected to miss its time, either way."""
        return abs(self.estimated(wording) - self.budget)

    def fault(self, wording: str) -> str | None:
        """A sentence where the wording is none of those wanted: it was tried, or is hardly nearer to the time."""
        if letters(wording) in {letters(one.wording) for one in self.tried}:
            return "It was tried before."
        estimated = self.estimated(wording)
        if abs(estimated - self.budget) <= CLOSER * abs(self.best.ms - self.budget):
            return None
        there = f"and there are {self.budget / 1000:.1f} s"
        return (
            f"It would take about {estimated / 1000:.1f} s {there}; {self.best.ms / 1000:.1f} s were tried."
        )

    def _prior(self, wording: str) -> int:
        return max(1, rate.spoken_ms(marks.without(wording), self.language))


def aim(ask: Ask, language: str) -> Aim | None:
    """What is wanted of another wording, in `language`; None where the line's first one is asked for, or where nothing
    could be nearer to its time than what was tried."""
    measured = [one for one in ask.tried if one.ms > 0]
    best = min(measured, key=lambda one: abs(one.ms - ask.budget), default=None)
    if best is None or ask.budget <= 0 or best.ms == ask.budget:
        return None
    return Aim(best, ask.tried, ask.budget, language)


def without_asking(ask: Ask, language: str) -> Answer | None:
    """The answer to a line that was tried and cannot be better; None for all others."""
    if not ask.tried or aim(ask, language) is not None:
        return None
    return nothing(ask, "It is in time." if ask.budget > 0 else "No time is known for it.")


def nothing(ask: Ask, because: str) -> Answer:
    """The answer where no new wording is better than those that were tried."""
    return Answer(ask.id, (), faults=(f"{NOTHING_BETTER} {because}",))


def nearest(wordings: Sequence[str], wanted: Aim) -> tuple[str, ...]:
    """The wordings, the one first that is expected to be nearest to its time."""
    return tuple(sorted(wordings, key=wanted.miss))


def letters(text: str) -> str:
    """What is said in a text, without case, marks and spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if char.isalnum())
