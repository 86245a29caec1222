"""The diarization error rate, against cases computed by hand; and the best pairing, against trying them all."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from align.diarization import ErrorRate, error_rate, pairs
from align.types import Span

TALK = [(Span(0, 4000), "Anna"), (Span(4000, 10_000), "Ben")]


def test_names_do_not_matter_and_the_same_answer_is_no_error() -> None:
    assert error_rate(TALK, [(Span(0, 4000), 7), (Span(4000, 10_000), 3)], 0) == ErrorRate(0, 0, 0, 10_000)


def test_the_three_errors_add_up() -> None:
    found = [(Span(1000, 5000), 0), (Span(5000, 9500), 1), (Span(10_000, 10_700), 1)]
    result = error_rate(TALK, found, 0)
    # 0-1 s and 9.5-10 s are missed, 4-5 s is the wrong speaker, 10-10.7 s is nobody's.
    assert result == ErrorRate(missed=1500, false_alarm=700, confused=1000, speech=10_000)
    assert result.rate == pytest.approx(0.32)


def test_within_the_collar_nothing_is_scored() -> None:
    found = [(Span(0, 4200), 0), (Span(4200, 10_000), 1)]
    assert error_rate(TALK, found, 250) == ErrorRate(0, 0, 0, 9000)  # 0.25 + 0.5 + 0.25 s are out
    late = [(Span(0, 4600), 0), (Span(4600, 10_000), 1)]
    assert error_rate(TALK, late, 250) == ErrorRate(0, 0, 350, 9000)


def test_two_voices_at_once_are_two_voices() -> None:
    both = [(Span(0, 3000), "Anna"), (Span(2000, 5000), "Ben")]
    alone = [(Span(0, 2500), 0), (Span(2500, 5000), 1)]
    assert error_rate(both, alone, 0) == ErrorRate(missed=1000, false_alarm=0, confused=0, speech=6000)
    assert error_rate(both, alone, 0, skip_overlap=True) == ErrorRate(0, 0, 0, 4000)


def test_one_speaker_for_everybody_costs_the_shorter_ones() -> None:
    assert error_rate(TALK, [(Span(0, 10_000), 0)], 0).rate == pytest.approx(0.4)


def test_a_speaker_too_many_costs_what_is_given_to_them() -> None:
    found = [(Span(0, 4000), 0), (Span(4000, 9000), 1), (Span(9000, 10_000), 2)]
    assert error_rate(TALK, found, 0) == ErrorRate(0, 0, 1000, 10_000)


def test_the_pairing_is_best_as_a_whole() -> None:
    # Ben takes both speakers' time in greater part; paired one by one, Anna would go without.
    reference = [(Span(0, 900), "Anna"), (Span(900, 2000), "Ben")]
    found = [(Span(0, 2000), 0), (Span(900, 1000), 1)]
    result = error_rate(reference, found, 0)
    assert (result.false_alarm, result.confused) == (100, 900)


def test_a_turn_in_pieces_is_the_turn() -> None:
    pieces = [(Span(0, 1000), 0), (Span(500, 4000), 0), (Span(4000, 7000), 1), (Span(7000, 10_000), 1)]
    assert error_rate(TALK, pieces, 0) == ErrorRate(0, 0, 0, 10_000)


def test_silence() -> None:
    assert error_rate([], []).rate == 0
    assert error_rate([], TALK, 0) == ErrorRate(0, 10_000, 0, 0)
    assert error_rate([], TALK, 0).rate == float("inf")
    assert error_rate(TALK, [], 0) == ErrorRate(10_000, 0, 0, 10_000)
    with pytest.raises(ValueError, match="collar"):
        error_rate(TALK, TALK, -1)


@pytest.mark.parametrize("seed", range(20))
def test_no_other_pairing_is_better(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(1, 6, 2)
    gain = rng.integers(-2, 9, (rows, columns)).astype(float)
    chosen = pairs(gain)
    wide = gain if rows <= columns else gain.T
    best = max(
        sum(max(0.0, wide[row, column]) for row, column in enumerate(order))
        for order in permutations(range(wide.shape[1]), wide.shape[0])
    )
    assert sum(gain[pair] for pair in chosen) == best
    assert len({row for row, _ in chosen}) == len({column for _, column in chosen}) == len(chosen)
