"""A request as pieces of text with an aim each, and what the pieces came to, put together again. Runs no model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np

from tts.door import DOUBT, FloatArray, SpeechRequest
from tts.errors import VoiceError
from tts.indextts2 import clock as timing
from tts.indextts2.clock import Pace
from tts.indextts2.synthesis import Piece, Spoken

HELD_ON = 0.9
"""Of the fewest tokens that a line may take: one that wanted to stop before that many is not to be trusted."""

INAUDIBLE = 1e-4
"""Peak of a take under which nothing was said: -80 dBFS."""

Outcome = TypeVar("Outcome")


@dataclass(frozen=True)
class Plan:
    """A request as pieces, the silence between them in samples at OUTPUT_RATE, and how many pieces of its text the
    tokeniser does not know, so that they cannot be spoken."""

    request: SpeechRequest
    pace: Pace
    pieces: Sequence[Piece]
    pause: int
    unread: int

    def frames(self, spoken: Sequence[Spoken], *, regulate: bool) -> list[int]:
        """Mel frames to make of each piece: the aim's, or the natural ones where the length is free."""
        return [
            piece.aim.frames if regulate and not piece.free else self._natural(piece, one)
            for piece, one in zip(self.pieces, spoken, strict=True)
        ]

    def natural_frames(self, spoken: Sequence[Spoken]) -> int:
        """Mel frames of all pieces at the natural pace, without the silence between them."""
        return sum(self._natural(*pair) for pair in zip(self.pieces, spoken, strict=True))

    def natural_samples(self, spoken: Sequence[Spoken]) -> int:
        """The natural length at OUTPUT_RATE."""
        return timing.samples_of(self.natural_frames(spoken)) + self.pause * (len(self.pieces) - 1)

    def _natural(self, piece: Piece, spoken: Spoken) -> int:
        """Up to where a line that was held on beyond its end would have stopped."""
        wanted = None if piece.free else spoken.decoded.wanted_stop
        return self.pace.frames(wanted or len(spoken.decoded.codes))


def pieces_of(plans: Iterable[Plan]) -> list[Piece]:
    """All pieces, plan after plan."""
    return [piece for plan in plans for piece in plan.pieces]


def by_request(
    plans: Mapping[int, Plan], outcomes: Sequence[Outcome | VoiceError]
) -> dict[int, list[Outcome] | VoiceError]:
    """What the pieces came to, by request: all of it, or the first error."""
    waiting = iter(outcomes)
    told: dict[int, list[Outcome] | VoiceError] = {}
    for index, plan in plans.items():
        own = list(islice(waiting, len(plan.pieces)))
        errors = [one for one in own if isinstance(one, VoiceError)]
        told[index] = errors[0] if errors else [one for one in own if not isinstance(one, VoiceError)]
    return told


def notes(
    plan: Plan, spoken: Sequence[Spoken], frames: Sequence[int], samples: FloatArray
) -> dict[str, float | int | str]:
    """How a take reached its length, and whether it is to be trusted: see `IndexTTS2.speak`."""
    natural = plan.natural_frames(spoken)
    told: dict[str, float | int | str] = {
        "natural_frames": natural,
        "target_frames": sum(frames),
        "factor": round(natural / sum(frames), 4),
        "tokens": sum(len(one.decoded.codes) for one in spoken),
        "least": sum(piece.aim.least for piece in plan.pieces),
        "most": sum(piece.aim.most for piece in plan.pieces),
        "ended": max((one.decoded.ended for one in spoken), key=("stop", "bound", "limit").index),
        "pieces": len(plan.pieces),
        "attempts": max(one.attempts for one in spoken),
    }
    if plan.unread:
        told["unread"] = plan.unread
    doubt = _doubt(plan.pieces, spoken, samples)
    return told | {DOUBT: doubt} if doubt else told


def _doubt(pieces: Sequence[Piece], spoken: Sequence[Spoken], samples: FloatArray) -> str | None:
    """Why a take is not to be trusted unheard; None where nothing speaks against it."""
    if float(np.abs(samples).max()) < INAUDIBLE:
        return "nothing is heard"
    both = list(zip(pieces, spoken, strict=True))
    if any(piece.free and one.ran_away for piece, one in both):
        return "the speech did not come to an end"
    if any(one.ran_away for one in spoken):
        return "the speech was cut off at its longest"
    wanted = [(piece.aim.least, one.decoded.wanted_stop) for piece, one in both if not piece.free]
    if any(stop is not None and stop < HELD_ON * least for least, stop in wanted):
        return "the speech was held on beyond its end"
    return None
