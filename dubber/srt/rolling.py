"""Captions that roll, as video sites make them: each cue says again the last line of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from dubber.srt.cue import Cue

TOUCHING = 100
"""Milliseconds between two cues below which the second carries on the first; the sites leave none to 10."""

FEWEST = 3
"""Repeats below which people may well just say a thing twice."""


def is_rolling(cues: Sequence[Cue]) -> bool:
    """Whether at least half of the cues, and three or more, begin with the last line of the cue before."""
    repeats = sum(_repeats(before, cue) for before, cue in pairwise(cues))
    return repeats >= FEWEST and repeats * 2 >= len(cues) - 1


def unroll(cues: Sequence[Cue]) -> tuple[Cue, ...]:
    """The cues with each line said once, where it first shows; cues in which nothing new is said are gone.

    Cues that do not roll come back as they are. Not done by `parse`: what a person wrote twice is said twice.
    """
    if not is_rolling(cues):
        return tuple(cues)
    kept = list(cues[:1])
    for before, cue in pairwise(cues):
        text = cue.text.partition("\n")[2] if _repeats(before, cue) else cue.text
        if text:
            kept.append(replace(cue, text=text))
    return tuple(kept)


def _repeats(before: Cue, cue: Cue) -> bool:
    last = before.text.rpartition("\n")[2]
    return abs(cue.start - before.end) <= TOUCHING and cue.text.partition("\n")[0] == last
