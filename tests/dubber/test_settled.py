"""Where a take begins to be heard, and how it is begun earlier by that: not into a line that it does not talk over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from align.types import SAMPLES_PER_MS, Line, Slot, Span
from dubber.loudness import Loudness
from dubber.stages.synthesize import sounding
from dubber.steps.speak import LEAD_MS, Part, Recording, Take, settled
from dubber.store import Key


def tone(silence: int, ms: int, rise: int = 0) -> np.ndarray:
    """`silence` ms of nothing, then a tone that takes `rise` ms to be as loud as it gets."""
    t = np.arange(ms * SAMPLES_PER_MS)
    up = np.minimum(1.0, t / max(1, rise * SAMPLES_PER_MS))
    sound = 0.5 * up * np.sin(2 * np.pi * 1000 * t / 48_000)
    return np.concatenate([np.zeros(silence * SAMPLES_PER_MS), sound]).astype(np.float32)


@pytest.mark.parametrize("silence", [0, 1, 7, 10, 13, 99, 100, 101])
def test_a_take_is_heard_from_the_millisecond_on_in_which_it_begins(silence: int) -> None:
    onset, offset = sounding(tone(silence, 300))
    assert onset == silence
    assert offset == pytest.approx(silence + 300, abs=10)


def test_a_soft_onset_counts_from_its_foot_and_a_breath_does_not() -> None:
    rising = tone(57, 400, rise=60)
    assert sounding(rising)[0] == pytest.approx(57, abs=4)
    breath = tone(40, 300)
    breath[10 * SAMPLES_PER_MS : 30 * SAMPLES_PER_MS] += 0.003
    assert sounding(breath)[0] == 40


def test_silence_is_heard_nowhere() -> None:
    assert sounding(np.zeros(4800, np.float32)) == (0, 0)
    assert sounding(np.zeros(0, np.float32)) == (0, 0)


def take(name: str, speaker: str, source: Span, slot: Span, onset: int) -> Take:
    line = Line(name, source, "x", speaker, (name,))
    part = Part(name, line, "x", "x", source, Slot(name, slot, slot.duration))
    key = Key("take", "0" * 64)
    made = Recording(0, Path("x.wav"), key, onset, slot.duration, {}, Loudness(np.zeros((0, 1)), 0), "own")
    return Take(part, made, (made,), ())


def starts(*takes: Take) -> list[int]:
    return [one.slot.span.start for one in settled(takes)]


def test_a_take_is_begun_earlier_by_its_silence_where_that_time_is_free() -> None:
    one, other = Span(1000, 2000), Span(2030, 3000)
    first, second = take("a", "Anna", one, one, 40), take("b", "Ben", other, other, 80)
    assert starts(first, second) == [960, 1960], "what the first makes free is free"
    assert starts(take("a", "Anna", one, one, 0), second) == [1000, 2000]
    assert starts(take("a", "Anna", one, one, LEAD_MS + 50)) == [1000 - LEAD_MS]


def test_who_talks_over_another_begins_there_though_the_other_goes_on() -> None:
    long, short, next_ = Span(1000, 6000), Span(3000, 4000), Span(6020, 7000)
    anna, ben, after = (
        take("a", "Anna", long, long, 0),
        take("b", "Ben", short, short, 60),
        take("c", "Ben", next_, next_, 60),
    )
    assert starts(anna, ben, after) == [1000, 2940, 6000], "the third waits for the first, which ends last"
    same = take("b", "Anna", short, short, 60)
    assert starts(anna, same) == [1000, 3000]
