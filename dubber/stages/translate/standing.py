"""What has come for one line so far, and what that makes of it: an answer, or something to ask again. Asks nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dubber.stages.translate import check, marks, names, prompt, rewording
from dubber.stages.translate.door import Answer
from dubber.stages.translate.prompt import Rejected

SAME = 3
"""Words from which on one wording for two different lines is a sign that the answer slipped by a line."""

SLIPPED = "The same words came for another line."


@dataclass(frozen=True)
class Standing:
    """What has come for one line so far: usable wordings with their soft faults, and what was rejected."""

    case: check.Case
    usable: tuple[tuple[str, tuple[str, ...]], ...] = ()
    rejected: tuple[Rejected, ...] = ()

    def heard(self, wordings: Sequence[str]) -> Standing:
        """With what came now put first: it answers to what was wrong before."""
        verdict = check.judged(wordings, self.case)
        new = {text for text, _ in verdict.usable}
        usable = (*verdict.usable, *(one for one in self.usable if one[0] not in new))
        return Standing(self.case, usable, (*self.rejected, *verdict.rejected))

    def without(self, because: str) -> Standing:
        """With nothing having come."""
        ended = because if because.endswith((".", "!", "?")) else f"{because}."
        return Standing(self.case, self.usable, (*self.rejected, Rejected("", ended)))

    @property
    def faultless(self) -> tuple[str, ...]:
        """The wordings without a fault, if one of them can be said in time."""
        clean = tuple(text for text, faults in self.usable if not faults)
        return () if check.over_budget(clean, self.case) else clean

    @property
    def names_kept(self) -> frozenset[str]:
        """Names that the line's translation shows to be no different in the other language."""
        clean = self.faultless
        return names.kept(self.case.ask.text, clean[0]) if clean else frozenset()

    def without_pauses(self) -> Standing:
        """As it is, but asked for without marks: a line is worth more than a mark in it."""
        return replace(self, case=replace(self.case, ask=replace(self.case.ask, pauses=())))

    @property
    def mismarked(self) -> bool:
        """Whether marks for its pauses were set wrong."""
        return bool(self.case.ask.pauses) and any(marks.has(one.wording) for one in self.rejected)

    @property
    def wrong(self) -> tuple[Rejected, ...]:
        """All that is to be done better, the latest last."""
        late = check.over_budget([text for text, _ in self.usable], self.case)
        soft = [
            Rejected(text, " ".join([*faults, *([late] if late else [])])) for text, faults in self.usable
        ]
        return (*self.rejected, *(one for one in soft if one.because))

    def answer(self) -> Answer:
        """The line's answer as things stand: the wordings with the fewest faults, the one that fits its time first."""
        if not self.usable:
            because = self.rejected[-1].because if self.rejected else SLIPPED
            if self.case.ask.tried:
                return rewording.nothing(self.case.ask, because)
            return Answer(self.case.ask.id, (), faults=(f"No translation of it could be used. {because}",))
        fewest = min(len(faults) for _, faults in self.usable)
        faults_of = {text: faults for text, faults in self.usable if len(faults) == fewest}
        wordings = check.ordered(tuple(faults_of), self.case)[: prompt.MOST_WORDINGS]
        late = check.over_budget(faults_of, self.case)
        return Answer(
            self.case.ask.id, wordings, faults=(*faults_of[wordings[0]], *((late,) if late else ()))
        )


def slipped(lines: Sequence[Standing]) -> set[int]:
    """The places of lines that share their first wording with a line of another text."""
    places: dict[str, list[int]] = {}
    for place, line in enumerate(lines):
        first = marks.without(line.usable[0][0]) if line.usable else ""
        if len(first.split()) >= SAME:
            places.setdefault(first.casefold(), []).append(place)
    return {
        place
        for shared in places.values()
        if len({lines[place].case.ask.text.casefold() for place in shared}) > 1
        for place in shared
    }
