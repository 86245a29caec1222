"""A voice's pace is learned from what it took, with an honest interval: wide before anything is heard, narrow after."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from align.rate import spoken_ms, units_for
from align.rates import Heard, Rates
from tts import espeaklib


def ms(text: str) -> float:
    """A prior that the tests can reckon with: a text is its own length in ms."""
    return float(text or 0)


def steady(speaker: str, pace: float, lines: int) -> list[Heard]:
    return [
        Heard(speaker, str(length), round(pace * length)) for length in range(1000, 1000 + 50 * lines, 50)
    ]


def film(
    rng: np.random.Generator, lines: int, noise: float, runaway: float = 0.0
) -> tuple[list[Heard], list[Heard]]:
    """Lines of four voices as the model believes them, heard and held out; some of those heard ran away."""
    heard, held_out = [], []
    for voice, pace in enumerate(rng.normal(rng.normal(0, 0.2), 0.15, 4)):
        for text in np.round(np.exp(rng.normal(np.log(1800), 0.7, 2 * lines))):
            took = text * math.exp(pace + rng.normal(0, noise * math.sqrt(1000 / max(text, 200))))
            lost = 8.0 if rng.random() < runaway else 1.0
            part, factor = (heard, lost) if len(heard) < lines * (voice + 1) else (held_out, 1.0)
            part.append(Heard(str(voice), str(text), max(1, round(factor * took))))
    return heard, held_out


def share_inside(rates: Rates, lines: list[Heard]) -> float:
    found = [(rates.estimate(one.speaker, one.text), one.ms) for one in lines]
    return float(np.mean([estimate.low <= took <= estimate.high for estimate, took in found]))


@pytest.mark.parametrize("noise", [0.10, 0.17, 0.25])
def test_four_held_out_lines_in_five_fall_inside_their_interval(noise: float) -> None:
    # 30 films of 4 voices × 20 lines. The noise learned is drawn towards 0.17 by six lines' worth, and is t and not
    # normal: quieter voices get somewhat more than 80 %, noisier ones somewhat less.
    rng = np.random.default_rng(5)
    shares = []
    for _ in range(30):
        heard, held_out = film(rng, 20, noise)
        shares.append(share_inside(Rates.learned(heard, ms), held_out))
    assert 0.74 < np.mean(shares) < 0.90


def test_runaway_takes_cost_little() -> None:
    rng = np.random.default_rng(8)
    shares = []
    for _ in range(30):
        heard, held_out = film(rng, 20, 0.15, runaway=0.08)
        shares.append(share_inside(Rates.learned(heard, ms), held_out))
    assert 0.74 < np.mean(shares) < 0.93
    clean = steady("a", 1.2, 20)
    wild = [*clean, Heard("a", "2000", 60_000), Heard("a", "2025", 90_000)]
    assert Rates.learned(wild, ms).pace("a") == pytest.approx(Rates.learned(clean, ms).pace("a"), rel=0.01)


def test_before_anything_is_heard_the_interval_is_wide_and_around_the_prior() -> None:
    rates = Rates.learned([], ms)
    estimate = rates.estimate("anybody", "2000")
    assert estimate.ms == 2000
    assert estimate.low < 1500 and estimate.high > 2700
    assert rates.pace("anybody") == 1.0
    assert rates.uncertainty("anybody") == pytest.approx(0.25)
    assert rates.lines("anybody") == 0


def test_twenty_lines_make_it_narrow() -> None:
    widths = []
    for count in (0, 1, 5, 20, 80):
        rates = Rates.learned(steady("a", 1.3, count), ms)
        estimate = rates.estimate("a", "2000")
        widths.append(math.log(estimate.high / estimate.low) / 2)
        assert rates.lines("a") == count
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 0.3
    assert widths[3] < 0.15
    rates = Rates.learned(steady("a", 1.3, 20), ms)
    assert rates.uncertainty("a") < 0.05
    assert rates.pace("a") == pytest.approx(1.3, rel=0.02)
    assert rates.estimate("a", "2000").ms == pytest.approx(2600, rel=0.02)


def test_short_lines_are_less_certain_than_long_ones() -> None:
    rates = Rates.learned(steady("a", 1.0, 20), ms)
    spread = [
        math.log(one.high / one.low)
        for one in (rates.estimate("a", text) for text in ("300", "1000", "3000", "9000"))
    ]
    assert spread == sorted(spread, reverse=True)
    assert spread[0] > 2 * spread[2]


def test_long_lines_teach_more_than_short_ones() -> None:
    # one voice in two minds: its long lines are slow, its short ones quick
    slow = [Heard("a", "6000", 6600) for _ in range(5)]
    quick = [Heard("a", "500", 450) for _ in range(5)]
    pace = Rates.learned([*slow, *quick], ms).pace("a")
    assert abs(math.log(pace / 1.1)) < abs(math.log(pace / 0.9))


def test_a_voice_that_was_not_heard_gets_the_films_pace() -> None:
    heard = [*steady("a", 1.3, 20), *steady("b", 1.2, 20), *steady("c", 1.4, 20)]
    rates = Rates.learned(heard, ms)
    assert 1.2 < rates.pace("new") < 1.35  # drawn a little towards 1
    assert rates.uncertainty("a") < rates.uncertainty("new") < Rates.learned([], ms).uncertainty("new")
    assert rates.lines("new") == 0


def test_a_voice_heard_once_lies_between_its_line_and_the_films_pace() -> None:
    heard = [*steady("a", 1.3, 20), *steady("b", 1.3, 20), Heard("c", "1500", 1500)]
    rates = Rates.learned(heard, ms)
    assert 1.0 < rates.pace("c") < 1.28
    assert rates.uncertainty("a") < rates.uncertainty("c") < rates.uncertainty("new")


def test_one_single_runaway_moves_a_pace_hardly() -> None:
    for took in (60_000, 60):
        rates = Rates.learned([Heard("a", "2000", took)], ms)
        assert 0.8 < rates.pace("a") < 1.25
        assert rates.uncertainty("a") > 0.2


def test_a_slow_voice_is_believed_in_the_end() -> None:
    assert Rates.learned(steady("a", 3.0, 40), ms).pace("a") == pytest.approx(3.0, rel=0.05)


def test_order_does_not_matter() -> None:
    heard, _ = film(np.random.default_rng(3), 10, 0.15, runaway=0.1)
    shuffled = [heard[place] for place in np.random.default_rng(4).permutation(len(heard))]
    one, other = Rates.learned(heard, ms), Rates.learned(shuffled, ms)
    assert (one.film, dict(one.voices), one.noise) == (other.film, dict(other.voices), other.noise)


def test_a_budget_fills_the_voices_time() -> None:
    rates = Rates.learned(steady("slow", 1.5, 30), ms)
    assert rates.budget("slow", 3000) == pytest.approx(2000, rel=0.02)
    assert rates.estimate("slow", str(rates.budget("slow", 3000))).ms == pytest.approx(3000, rel=0.001)
    assert (rates.budget("slow", 0), rates.budget("slow", -5), rates.budget("slow", 1)) == (0, 0, 1)


def test_budgets_are_counted_in_the_lengths_of_whoever_counts_them() -> None:
    rates = Rates.learned(steady("a", 1.5, 30), ms, counted=lambda text: 0.8 * ms(text))
    assert rates.budget("a", 3000) == pytest.approx(1600, rel=0.02)
    assert Rates.learned([], ms, counted=lambda _: 0.0).budget("a", 3000) == 3000


@pytest.mark.parametrize("language", ["en", "ja", "zh", "xx"])
def test_units_are_those_of_the_prior_at_the_voices_pace(language: str) -> None:
    rates = Rates.learned(steady("slow", 1.5, 30), ms)
    assert rates.units("new", 3000, language)[1] == units_for(3000, language)[1]
    assert rates.units("slow", 3000, language)[0] < units_for(3000, language)[0]
    assert rates.units("slow", 3000, language) == units_for(round(3000 / rates.pace("slow")), language)
    assert rates.units("slow", 0, language)[0] == 1


def test_texts_without_anything_to_say_teach_and_take_nothing() -> None:
    rates = Rates.learned([Heard("a", "", 5000), *steady("b", 1.2, 5)], ms)
    assert rates.lines("a") == 0
    estimate = rates.estimate("b", "")
    assert (estimate.ms, estimate.low, estimate.high) == (0, 0, 0)


@pytest.mark.parametrize("length", [0, -100])
def test_a_length_that_none_can_be_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        Rates.learned([Heard("a", "1000", length)], ms)


def test_ten_thousand_lines_are_learned_at_once() -> None:
    rng = np.random.default_rng(0)
    heard = [
        Heard(f"v{n % 9}", str(500 + n), round((500 + n) * rng.uniform(0.8, 1.3))) for n in range(10_000)
    ]
    started = time.process_time()
    rates = Rates.learned(heard, ms)
    assert time.process_time() - started < 1.0
    assert rates.lines("v0") == 1112


SPOKEN = """
No. | Wait! | Come here. | What is it? | Good morning, Anna. | I never said that. | Close the door, please.
Who told you about the letter? | My brother used to live in this house. | There is nothing left to eat. | Run!
We should have turned left at the bridge. | Listen to me. | She laughed, and then she went back to work.
Nobody has seen him since the storm. | It was raining when the train arrived at the station. | Perhaps. | Thanks.
If you open that box, you will regret it for the rest of your life. | Give me your hand. | I am not afraid.
The doctor says that he needs a long rest somewhere quiet. | How far is the village? | Stop shouting at her.
They painted the kitchen yellow. | You look tired. | Tell them the truth, all of it. | Is anybody home?
When I was young, we walked to school through the forest every day. | Fine. | What a strange little dog!
Put the knife on the table and step away from the window. | He owes me forty dollars. | I dreamt of the sea.
Sooner or later they will understand what we did for them. | Go to sleep. | The soup is getting cold.
Your sister called again this afternoon. | Hold this for a second. | We lost everything in the fire. | Why not?
There must be another way out of this valley. | He plays the violin badly. | I bought bread, milk and oranges.
Remember the night when all the lights went out? | Excuse me. | That is the worst idea I have ever heard.
The key is under the flowerpot, as always. | Nothing happened. | Let the children stay up a little longer.
"""
"""Lines as people in a film say them, short and long."""


def test_four_of_five_real_lines_fall_inside_after_twenty_of_a_voice() -> None:
    # Three voices, 30 lines of each held out, so that counting alone moves the share by 0.04; of 60 other draws
    # of these lines the shares were 0.72 to 0.94, 0.83 on average: eSpeak NG is steadier than is believed at first.
    lines = [line.strip() for row in SPOKEN.strip().splitlines() for line in row.split("|")]
    heard, held_out = [], []
    for voice, wpm in (("gmw/en-US", 150), ("gmw/en-US+f2", 175), ("gmw/en-GB-scotland", 205)):
        for place, line in enumerate(np.random.default_rng(wpm).permutation(lines)):
            sound, rate = espeaklib.speak(str(line), voice, wpm=wpm, pitch=50, pitch_range=50)
            loud = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
            part = heard if place < 20 else held_out
            part.append(Heard(voice, str(line), round(1000 * float(loud[-1] - loud[0]) / rate)))
    rates = Rates.learned(heard, lambda text: spoken_ms(text, "en"))
    assert len(held_out) == 90
    assert 0.72 < share_inside(rates, held_out) < 0.95
    assert share_inside(Rates.learned([], rates.prior), held_out) > 0.75  # and before anything was heard
    medians = np.log([one.ms / rates.estimate(one.speaker, one.text).ms for one in held_out])
    assert abs(float(np.median(medians))) < 0.06
    assert rates.pace("gmw/en-US") > rates.pace("gmw/en-US+f2") > rates.pace("gmw/en-GB-scotland")
