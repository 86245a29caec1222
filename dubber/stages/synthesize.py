"""Synthesize: lines into takes through the voice's one door. Knows which line a failure belongs to; keeps nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from align.types import SAMPLES_PER_MS, Line
from dubber.errors import MissingError, SynthesisError
from dubber.times import clock, shortened
from tts.door import Engine, FloatArray, Result, SpeechRequest, Take
from tts.errors import BadReference, LanguageNotSpoken, NothingToSay, VoiceError

ONSET_FRAME = 10 * SAMPLES_PER_MS
"""Samples of the 10 ms frames in which the start of speech is looked for (QUALITY: onset error)."""

ONSET_BELOW_LOUD_DB = 30.0
"""A frame counts as speech from 30 dB under the take's loudest frame on: quieter is breath and reverberation."""

RISE_BELOW_LOUD_DB = 40.0
"""In the first such frame and the one before it speech begins with the first ms over this: the foot of its rise. So
placing a take adds nothing to what voice activity, in frames of 10 ms, does not know of the film's onset."""


@dataclass(frozen=True)
class Spoken:
    """One line spoken. `natural` is the unhurried length in ms; `onset` and `offset` say, in ms from the take's
    start, where sound is first and last heard; `notes` are the engine's own."""

    samples: FloatArray
    natural: int
    onset: int
    offset: int
    notes: dict[str, float | int | str]


def speak(
    engine: Engine, lines: Sequence[Line], requests: Sequence[SpeechRequest]
) -> list[Spoken | SynthesisError | None]:
    """Lines through the door, in order; None for one whose text holds nothing that can be spoken, and an error that
    names the line for one that the engine fails at, or returns in another length than asked for.

    Raises SynthesisError where the engine fails as a whole, MissingError where it does not speak the language.
    """
    with _telling():
        outcomes = engine.speak(requests)
    return [
        _spoken(line, request, outcome)
        for line, request, outcome in zip(lines, requests, outcomes, strict=True)
    ]


def measure(engine: Engine, lines: Sequence[Line], requests: Sequence[SpeechRequest]) -> list[int | None]:
    """The natural length of each line in ms; None for one whose text holds nothing that can be spoken.

    Raises as `speak` does.
    """
    with _telling():
        lengths = engine.measure(requests)
    return [
        None if isinstance(length, NothingToSay) else _milliseconds(_told(length, line))
        for line, length in zip(lines, lengths, strict=True)
    ]


def _spoken(line: Line, request: SpeechRequest, outcome: Take | VoiceError) -> Spoken | SynthesisError | None:
    if isinstance(outcome, NothingToSay):
        return None
    try:
        take = _told(outcome, line)
    except SynthesisError as error:
        return error
    if request.target is not None and len(take.samples) != request.target:
        return SynthesisError(
            f"{clock(line.span)}: the voice returned {len(take.samples)} samples where the slot has {request.target}."
        )
    if not np.isfinite(take.samples).all():
        return SynthesisError(
            f"{clock(line.span)}: the voice returned no usable sound for {shortened(line.text)!r}."
        )
    onset, offset = sounding(take.samples)
    return Spoken(take.samples, _milliseconds(take.natural), onset, offset, dict(take.notes))


def sounding(samples: FloatArray) -> tuple[int, int]:
    """First and last millisecond at which a take, shape (n,) at 48 kHz, is heard; (0, 0) where it is silent."""
    level = _levels(samples, ONSET_FRAME)
    loudest = float(level.max(initial=0.0))
    if loudest <= 0.0:
        return 0, 0
    least = loudest * 10 ** (-ONSET_BELOW_LOUD_DB / 20)
    heard = np.flatnonzero(level >= least)
    frame_ms = ONSET_FRAME // SAMPLES_PER_MS
    first = max(0, int(heard[0]) - 1) * frame_ms
    fine = _levels(samples[first * SAMPLES_PER_MS :][: 2 * ONSET_FRAME], SAMPLES_PER_MS)
    risen = fine >= loudest * 10 ** (-RISE_BELOW_LOUD_DB / 20)
    return first + int(risen.argmax()), (int(heard[-1]) + 1) * frame_ms


def _levels(samples: FloatArray, frame: int) -> FloatArray:
    """RMS of every whole frame of so many samples, (n,) -> (n // frame,)."""
    frames = len(samples) // frame
    level: FloatArray = np.sqrt(np.mean(samples[: frames * frame].reshape(frames, frame) ** 2, axis=1))
    return level


def check_language(engine: Engine, language: str) -> None:
    """Raises MissingError, before any work, where the engine does not speak `language`."""
    if not engine.speaks(language):
        raise MissingError(
            f"The voice {engine.name} does not speak {language!r}.",
            hint=f"It speaks: {', '.join(sorted(engine.languages()))}.",
        )


@contextmanager
def _telling() -> Iterator[None]:
    """A failure of the engine as a whole, as a sentence."""
    try:
        yield
    except VoiceError as error:
        raise SynthesisError(f"The voice failed: {error}") from error


def _milliseconds(samples: int) -> int:
    return max(1, round(samples / SAMPLES_PER_MS))


def _told(outcome: Result | VoiceError, line: Line) -> Result:
    """The result. Raises a sentence that names the line where the engine gave an error instead."""
    if isinstance(outcome, LanguageNotSpoken):
        raise MissingError(str(outcome)) from outcome
    if isinstance(outcome, VoiceError):
        what = "hear its reference" if isinstance(outcome, BadReference) else "speak it"
        raise SynthesisError(
            f"{clock(line.span)}: the voice could not {what} ({shortened(line.text)!r}): {outcome}",
            hint="Change this line in the project's subtitles (split or shorten it), then `dubber render`.",
        ) from outcome
    return outcome
