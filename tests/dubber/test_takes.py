"""Promises of choosing between takes: what the score follows, what it makes of what is not known, what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dubber.errors import SynthesisError
from dubber.stages import takes
from dubber.stages.takes import UNKNOWN, WEIGHTS, Likeness, Score, best, rows, score, seeds, unbent
from tts.door import Emotion, Engine, Judge, SpeechRequest, Take, Voice
from tts.errors import BadReference, SpeakingFailed
from tts.espeak import Espeak

MS = 48
shares = st.floats(0.0, 1.0)
known = st.none() | shares

FULL = Score(0, length=0.8, timbre=0.7, emotion=0.6, intelligibility=0.9)


@st.composite
def scores(draw: st.DrawFn, seed: int = 0) -> Score:
    return Score(seed, draw(known), draw(known), draw(known), draw(known))


# -- the score ---------------------------------------------------------------------------------------


@given(scores(), st.sampled_from(sorted(WEIGHTS)), shares)
def test_a_better_part_never_makes_a_score_worse(one: Score, part: Any, value: float) -> None:
    before = replace(one, **{part: min(value, getattr(one, part) or 0.0)})
    after = replace(one, **{part: max(value, getattr(one, part) or 0.0)})
    whole = (before.whole(), after.whole())
    assert whole[0] is not None
    assert whole[1] is not None
    assert whole[0] <= whole[1]


@pytest.mark.parametrize("part", sorted(WEIGHTS))
def test_each_part_is_heard_in_the_whole_by_its_weight(part: str) -> None:
    raised = replace(FULL, **{part: getattr(FULL, part) + 0.1})
    whole, more = FULL.whole(), raised.whole()
    assert whole is not None
    assert more is not None
    assert more - whole == pytest.approx(0.1 * WEIGHTS[part], abs=0.0011)  # type: ignore[index]


def test_the_weights_are_shares_of_one_whole() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)
    assert min(WEIGHTS.values()) > 0.0
    assert Score(0, 1.0, 1.0, 1.0, 1.0).whole() == 1.0
    assert Score(0, 0.0, 0.0, 0.0, 0.0).whole() == 0.0


@given(scores())
def test_what_is_not_known_counts_for_nothing(one: Score) -> None:
    values = [getattr(one, part) for part in one.parts]
    whole = one.whole()
    if not values:
        assert whole is None
    else:
        assert whole is not None
        assert min(values) - 0.001 <= whole <= max(values) + 0.001
    if len(values) == 1:
        assert whole == pytest.approx(values[0], abs=0.001)


@given(st.integers(1, 10**7), st.integers(1, 10**7), st.integers(1, 10**6))
def test_length_is_best_unbent_and_worse_the_further_it_is_bent_either_way(
    natural: int, target: int, more: int
) -> None:
    here = unbent(natural, target)
    assert 0.0 <= here <= 1.0
    assert here == pytest.approx(unbent(target, natural))
    further = unbent(natural + more, target) if natural >= target else unbent(natural, target + more)
    assert further <= here


def test_length_counts_half_at_the_ceiling_of_the_comfort_of_viewers() -> None:
    assert unbent(48_000, 48_000) == 1.0
    assert unbent(60_000, 48_000) == pytest.approx(0.5)
    assert unbent(48_000, 60_000) == pytest.approx(0.5)
    assert unbent(75_000, 48_000) == pytest.approx(0.25)
    for lengths in ((0, 1), (1, 0), (-1, 1)):
        with pytest.raises(ValueError, match="not lengths"):
            unbent(*lengths)


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_part_that_is_no_share_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="timbre"):
        Score(0, timbre=value)


@given(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0))
def test_a_voice_more_alike_scores_higher_and_an_opposite_one_nothing(one: float, other: float) -> None:
    low, high = sorted((one, other))
    first, second = (score(0, 1, 1, Likeness(timbre=cosine)).timbre for cosine in (low, high))
    assert first is not None
    assert second is not None
    assert first <= second
    assert score(0, 1, 1, Likeness(emotion=-1.0)).emotion == 0.0


def test_what_a_recogniser_says_can_be_put_in_later() -> None:
    early = score(3, 1000, 900, Likeness(0.8, 0.9))
    assert early.intelligibility is None
    assert early.understood(0.25) == score(3, 1000, 900, Likeness(0.8, 0.9), errors=0.25)
    assert early.understood(0.25).intelligibility == 0.75
    assert early.understood(3.0).intelligibility == 0.0, "more words put in than there are"
    assert early.understood(None) == early


# -- the choice --------------------------------------------------------------------------------------


def test_a_take_with_a_doubt_a_silent_one_and_a_failed_one_come_after_all_others() -> None:
    ranked = [
        Score(4, 0.1, 0.1, 0.1, 0.1),
        score(3, 1, 1, Likeness(1.0, 1.0), errors=0.0, doubt="the speech was cut off at its longest"),
        score(2, 1, 1, silent=True, doubt="nothing is heard"),
        takes.failed(0, "the voice returned no usable sound"),
    ]
    for order in permutations(ranked):
        left = list(order)
        for expected in ranked:
            assert left.pop(best(left)) == expected


@given(st.lists(scores(), min_size=1, max_size=6))
def test_no_take_kept_is_beaten_by_another(made: list[Score]) -> None:
    made = [replace(one, seed=index) for index, one in enumerate(made)]
    shared = frozenset.intersection(*(one.parts for one in made))
    chosen = made[best(made)]
    assert all((chosen.whole(shared) or 0.0) >= (one.whole(shared) or 0.0) for one in made)
    assert made[::-1][best(made[::-1])] == chosen, "the order of the takes decides nothing"


def test_equal_takes_are_decided_by_the_lower_seed() -> None:
    made = [replace(FULL, seed=seed) for seed in (5, 2, 9)]
    assert best(made) == 1
    noise = replace(FULL, seed=1, timbre=0.7 - 1e-5)
    assert best([*made, noise]) == 3, "the noise of a machine is no difference"
    with pytest.raises(ValueError, match="no take"):
        best([])


def test_a_take_of_which_less_is_known_is_no_better_for_it() -> None:
    known_well = Score(0, length=0.9, timbre=0.5)
    known_less = Score(1, length=0.8)
    assert known_less.whole() == 0.8 > (known_well.whole() or 1.0)
    assert best([known_well, known_less]) == 0
    told = rows([known_well, known_less])
    assert [one["score"] for one in told] == [0.9, 0.8], "the report shows what was compared"


def test_the_report_has_every_part_of_every_take() -> None:
    first, second = rows([FULL, takes.failed(1, "no sound")])
    assert first == {
        "seed": 0,
        "score": FULL.whole(),
        "length": 0.8,
        "timbre": 0.7,
        "emotion": 0.6,
        "intelligibility": 0.9,
        "doubt": None,
    }
    assert (second["score"], second["doubt"], second["length"]) == (None, "no sound", None)


# -- seeds -------------------------------------------------------------------------------------------


def test_take_k_uses_the_kth_seed_and_a_picked_one_is_spoken_as_well() -> None:
    assert seeds(10, 3, draws=True) == (10, 11, 12)
    assert seeds(10, 3, draws=True, picked=11) == (10, 11, 12)
    assert seeds(10, 3, draws=True, picked=4) == (10, 11, 12, 4)
    assert seeds(10, 3, draws=False, picked=4) == (10,)


def test_a_voice_that_says_it_does_not_draw_speaks_alike_with_any_seed() -> None:
    engine: Engine = Espeak()
    assert not engine.draws
    voice = engine.usual_voice
    assert voice is not None
    request = SpeechRequest("Buenos días.", "es", voice, target=1200 * MS)
    first, other = engine.speak([request, replace(request, seed=77)])
    assert isinstance(first, Take)
    assert isinstance(other, Take)
    assert np.array_equal(first.samples, other.samples)
    assert first.notes == other.notes


# -- likeness ----------------------------------------------------------------------------------------

VOICE, MANNER = Voice("double", "v", None), Emotion("double", "e", None)


@dataclass
class Judging(Espeak):
    """A voice that judges takes by their level, and fails as it is told to."""

    fails: dict[float, Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def timbre_likeness(self, take: Take, voice: Voice) -> float:
        return self._judge("timbre", take)

    def emotion_likeness(self, take: Take, emotion: Emotion) -> float:
        return self._judge("emotion", take) / 2

    def _judge(self, part: str, take: Take) -> float:
        level = float(take.samples[0])
        self.asked.append(part)
        if level in self.fails:
            raise self.fails[level]
        return level


def sounds(*levels: float) -> Sequence[Any]:
    return [np.full(4800, level, np.float32) for level in levels]


def test_a_voice_that_judges_is_asked_of_every_take() -> None:
    judge = Judging()
    assert isinstance(judge, Judge)
    assert takes.likeness(judge, sounds(0.5, 0.25), VOICE, MANNER) == [
        Likeness(0.5, 0.25),
        Likeness(0.25, 0.125),
    ]
    assert takes.likeness(judge, sounds(0.5), VOICE, None) == [Likeness(0.5, None)]


def test_a_voice_that_cannot_judge_leaves_likeness_unknown() -> None:
    assert not isinstance(Espeak(), Judge)
    assert takes.likeness(Espeak(), sounds(0.5, 0.25), VOICE, MANNER) == [UNKNOWN, UNKNOWN]


def test_a_take_too_quiet_to_judge_is_unknown_and_the_others_are_judged() -> None:
    judge = Judging(fails={0.25: BadReference("silent")})
    assert takes.likeness(judge, sounds(0.25, 0.5), VOICE, MANNER) == [UNKNOWN, Likeness(0.5, 0.25)]
    assert takes.likeness(judge, sounds(float("nan")), VOICE, MANNER) == [UNKNOWN]


def test_a_judge_that_fails_is_told_in_a_sentence() -> None:
    judge = Judging(fails={0.5: SpeakingFailed("The model broke.")})
    with pytest.raises(SynthesisError, match=r"A take of 0\.1 s could not be judged: The model broke\."):
        takes.likeness(judge, sounds(0.5), VOICE, MANNER)
