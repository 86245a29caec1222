"""Which of several takes of a line is kept: one score of length, timbre, emotion and intelligibility. Asks the voice's
own models how alike two sounds are; speaks nothing and knows no file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from dubber.errors import SynthesisError
from tts.door import OUTPUT_RATE, Emotion, Engine, FloatArray, Judge, Take, Voice
from tts.errors import BadReference, VoiceError

REVISION = 1
"""Goes up whenever the same take would be judged otherwise."""

Aspect = Literal["length", "timbre", "emotion", "intelligibility"]

WEIGHTS: dict[Aspect, float] = {"intelligibility": 0.35, "length": 0.25, "timbre": 0.20, "emotion": 0.20}
"""How much each part counts. Words that are not understood are lost whatever else is right. How far a take had to be
bent comes next: it is heard in every one, while timbre and manner come from the same two references in all takes of a
line and differ least. Set by reason: no listeners have judged them."""

HALF = 1.25
"""natural ÷ target, or its inverse, at which the length counts half: the ceiling over which a line is flagged."""

DIGITS = 3
"""Decimals of a whole score that count. What differs in finer ones is the noise of a machine, and no reason to prefer
a take: the lower seed is kept."""

State = Literal["sound", "doubted", "silent", "failed"]
STATES: tuple[State, ...] = ("sound", "doubted", "silent", "failed")
"""What a take can be, the best first: any take of one state is better than every take of the next."""


@dataclass(frozen=True)
class Score:
    """What is known of one take, by the seed that it was spoken with. Parts are 0 (worst) to 1, None where they cannot
    be had; `doubt` says why the engine does not trust the take. Raises ValueError for a part outside 0..1."""

    seed: int
    length: float | None = None
    timbre: float | None = None
    emotion: float | None = None
    intelligibility: float | None = None
    state: State = "sound"
    doubt: str | None = None

    def __post_init__(self) -> None:
        for part in WEIGHTS:
            value = getattr(self, part)
            if value is not None and not 0.0 <= value <= 1.0:  # NaN, too
                raise ValueError(f"a take's {part} goes from 0 to 1, not {value}")

    @property
    def parts(self) -> frozenset[Aspect]:
        """The parts that are known."""
        return frozenset(part for part in WEIGHTS if getattr(self, part) is not None)

    def whole(self, parts: frozenset[Aspect] | None = None) -> float | None:
        """The weighted mean of the known parts, or of those of them in `parts`: 0..1, None where there are none."""
        counted = self.parts if parts is None else self.parts & parts
        if not counted:
            return None
        weighed = math.fsum(WEIGHTS[part] * getattr(self, part) for part in counted)
        return round(weighed / math.fsum(WEIGHTS[part] for part in counted), DIGITS)

    def understood(self, errors: float | None) -> Score:
        """The score with a recogniser's error rate (0 up) put in, None where none could say."""
        return replace(self, intelligibility=None if errors is None else max(0.0, 1.0 - errors))


@dataclass(frozen=True)
class Likeness:
    """How like its references a take is: cosines, -1..1, None where there is no reference or nothing can be told."""

    timbre: float | None = None
    emotion: float | None = None


UNKNOWN = Likeness()


def score(
    seed: int,
    natural: int,
    target: int,
    likeness: Likeness = UNKNOWN,
    *,
    errors: float | None = None,
    doubt: str | None = None,
    silent: bool = False,
) -> Score:
    """The score of a take of `target` length whose own natural length is `natural`, in one unit, pauses left out.

    `errors` is a recogniser's error rate, which `Score.understood` may also put in later; `doubt` is the note that the
    engine left under `tts.door.DOUBT`; `silent` says that nothing is heard in the take.
    """
    return Score(
        seed,
        length=unbent(natural, target),
        timbre=_positive(likeness.timbre),
        emotion=_positive(likeness.emotion),
        state="silent" if silent else "doubted" if doubt else "sound",
        doubt=doubt,
    ).understood(errors)


def failed(seed: int, why: str) -> Score:
    """The score of a take that could not be made, with the reason as its doubt."""
    return Score(seed, state="failed", doubt=why)


def unbent(natural: int, target: int) -> float:
    """How little a take was bent to its length: 1 where not at all, 1/2 at a factor of HALF either way, 1/4 at its
    square, never 0. Raises ValueError for a length that is none."""
    if natural <= 0 or target <= 0:
        raise ValueError(f"not lengths: {natural} and {target}")
    return float(0.5 ** (abs(math.log(natural / target)) / math.log(HALF)))


def best(scores: Sequence[Score]) -> int:
    """The index of the take to keep: of the best state, of these the highest score, of these the lowest seed.

    Takes are compared by the parts that all takes of that state have, so that one of which less is known is neither
    better nor worse for that. Raises ValueError where there is none.
    """
    if not scores:
        raise ValueError("there is no take to choose from")
    state = min((one.state for one in scores), key=STATES.index)
    rivals = [index for index, one in enumerate(scores) if one.state == state]
    parts = _shared([scores[index] for index in rivals])
    return min(rivals, key=lambda index: (-(scores[index].whole(parts) or 0.0), scores[index].seed))


def rows(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """The takes of one line as the report has them, in order, their scores such as `best` compares."""
    told = []
    for one in scores:
        parts = _shared([other for other in scores if other.state == one.state])
        told.append({"seed": one.seed, "score": one.whole(parts), **_rounded(one), "doubt": one.doubt})
    return told


def seeds(first: int, count: int, *, draws: bool, picked: int | None = None) -> tuple[int, ...]:
    """What a line is spoken with: `count` seeds from `first` on, and after them the one that a person picked.

    One alone where the engine draws nothing (`tts.door.Engine.draws`): all its takes would be the same.
    """
    if not draws:
        return (first,)
    own = tuple(range(first, first + count))
    return own if picked is None or picked in own else (*own, picked)


def likeness(
    engine: Engine, takes: Sequence[FloatArray], voice: Voice, emotion: Emotion | None
) -> list[Likeness]:
    """How like the line's voice and manner each take is: mono samples, shape (n,), at `tts.door.OUTPUT_RATE`.

    Nothing is known from an engine that is no `tts.door.Judge`, and of a part for which a take is too short or too
    quiet. Costs IndexTTS2 a pass of CAM++ and, where there is a manner, one of its semantic encoder for each take.
    Raises SynthesisError where the engine fails.
    """
    if not isinstance(engine, Judge):
        return [UNKNOWN] * len(takes)
    told = []
    for samples in takes:
        take = Take(samples, len(samples), None)
        timbre = _cosine(engine.timbre_likeness, take, voice)
        manner = None if emotion is None else _cosine(engine.emotion_likeness, take, emotion)
        told.append(Likeness(timbre, manner))
    return told


def _cosine(judge: Callable[[Take, Any], float], take: Take, reference: Voice | Emotion) -> float | None:
    try:
        cosine = judge(take, reference)
    except BadReference:
        return None
    except VoiceError as error:
        seconds = len(take.samples) / OUTPUT_RATE
        raise SynthesisError(f"A take of {seconds:.1f} s could not be judged: {error}") from error
    return float(cosine) if math.isfinite(cosine) else None


def _positive(cosine: float | None) -> float | None:
    """A cosine as a part of a score: 0 where there is nothing alike, or worse."""
    return None if cosine is None else min(1.0, max(0.0, cosine))


def _shared(scores: Sequence[Score]) -> frozenset[Aspect]:
    """The parts that are known of all."""
    return frozenset.intersection(*(one.parts for one in scores))


def _rounded(one: Score) -> dict[str, float | None]:
    values = {part: getattr(one, part) for part in ("length", "timbre", "emotion", "intelligibility")}
    return {part: None if value is None else round(value, DIGITS) for part, value in values.items()}
