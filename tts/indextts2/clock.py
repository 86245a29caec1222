"""From a length in samples to mel frames and semantic tokens and back. Pure arithmetic: no model, no sound.

Three mechanisms bring a line to its length, each of which works alone: the model is told how many tokens to speak
(`condition`), decoding may end only inside a window around that number (`window`), and the length regulator stretches
whatever was decoded onto exactly the frames wanted (`regulate`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tts.door import OUTPUT_RATE

MODEL_RATE = 22_050
"""Hz, of the mel spectrogram and the vocoder."""

HOP = 256
"""Samples at MODEL_RATE of one mel frame."""

PAUSE = OUTPUT_RATE // 5
"""Samples between two pieces of one text: 200 ms, as the reference implementation leaves."""

PAUSE_SHARE = 0.05
"""Of a target, how much one pause may take at most: a hurried line is given shorter ones."""

FREE = 1.2
FREE_PER_ID = 0.6
"""Seconds that a line without a target may last, and more for every text id, which is twice as long as even slow speech
needs. What is longer has run away. Memory is set aside for as many."""


@dataclass(frozen=True)
class Clock:
    """Which mechanisms are at work for a request with a target.

    `condition`: the token count is put into the prompt (releases that have the slot). `window`: decoding ends within
    this share around the count, 0.25 for ±25 %; None leaves it free. `regulate`: the mel has the target's frames;
    without it the take is cut, or filled with silence, at the end.
    """

    condition: bool = True
    window: float | None = 0.25
    regulate: bool = True

    def __post_init__(self) -> None:
        if self.window is not None and not 0.0 <= self.window < 1.0:
            raise ValueError(f"A window of {self.window} is not within 0..1.")


@dataclass(frozen=True)
class Aim:
    """What one piece of text is to come to: mel frames, the tokens that fill them at the natural pace, and how
    many tokens it may take. `count` goes into the prompt; None where the model is not told."""

    frames: int
    tokens: int
    least: int
    most: int
    count: int | None


@dataclass(frozen=True)
class Pace:
    """How many mel frames a release makes of its tokens: frames = ⌊tokens · numerator / denominator⌋; and how many
    tokens a second of speech nominally has.

    2.0 speaks 50 tokens a second and makes 1.72 frames of each; 2.5 speaks 25 and makes twice as many of each.
    """

    numerator: int
    denominator: int
    rate: int

    def frames(self, tokens: int) -> int:
        """Mel frames of that many tokens at the natural pace, at least one."""
        return max(1, tokens * self.numerator // self.denominator)

    def tokens(self, frames: int) -> int:
        """The number of tokens whose natural length is nearest to `frames`, at least one."""
        return max(1, round(frames * self.denominator / self.numerator))


PACES = {"2.0": Pace(43, 25, 50), "2.5": Pace(86, 25, 25)}
"""1.72 = 43/25 for N tokens at 50 Hz; the float product and the fraction truncate alike up to 1815 tokens."""


def frames_to_fill(samples: int) -> int:
    """The fewest mel frames that last at least `samples` at OUTPUT_RATE."""
    return -(-samples * MODEL_RATE // (OUTPUT_RATE * HOP))


def samples_of(frames: int) -> int:
    """How many samples at OUTPUT_RATE `frames` mel frames last, rounded down."""
    return frames * HOP * OUTPUT_RATE // MODEL_RATE


def aim(frames: int, pace: Pace, clock: Clock, *, most: int) -> Aim:
    """How to fill `frames`, with never more than `most` tokens."""
    tokens = min(pace.tokens(frames), most)
    least, cap = 1, most
    if clock.window is not None:
        least = max(1, math.ceil(tokens * (1 - clock.window)))
        cap = min(most, max(tokens, math.floor(tokens * (1 + clock.window))))
    return Aim(frames, tokens, least, cap, tokens if clock.condition else None)


def free(ids: int, pace: Pace) -> int:
    """How many tokens a piece of so many text ids may take where its length is free."""
    return round((FREE + FREE_PER_ID * ids) * pace.rate)


def share(total: int, weights: Sequence[float]) -> list[int]:
    """`total` in whole parts, as near to proportional as whole parts are (largest remainders), each at least 1.

    Raises ValueError where there are more parts than `total`, or a weight is not positive.
    """
    if not weights or min(weights) <= 0 or total < len(weights):
        raise ValueError(f"{total} cannot be shared out over the weights {list(weights)}.")
    spare = total - len(weights)
    exact = [spare * weight / sum(weights) for weight in weights]
    parts = [1 + math.floor(part) for part in exact]
    by_remainder = sorted(range(len(weights)), key=lambda i: (math.floor(exact[i]) - exact[i], i))
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def pauses(target: int | None, pieces: int) -> int:
    """Samples at OUTPUT_RATE of each pause between the pieces of one text."""
    if pieces < 2:
        return 0
    return PAUSE if target is None else min(PAUSE, math.floor(target * PAUSE_SHARE / (pieces - 1)))
