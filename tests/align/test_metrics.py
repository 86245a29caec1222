"""The timing measures, on spans laid out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from align.lanes import Turn
from align.metrics import (
    drift,
    holes,
    onset_error,
    onset_errors,
    overlap_time,
    rate_shares,
    speech_overlap,
)
from align.types import Slot, Span, without


@pytest.mark.parametrize(
    ("dubbed", "error"),
    [
        ([Span(0, 800), Span(1080, 1900)], 80),
        ([Span(940, 1900)], -60),
        ([Span(0, 1500)], -100),
        ([Span(0, 900), Span(2000, 2500)], None),
        ([Span(1990, 2500)], 990),
        ([], None),
    ],
)
def test_the_onset_is_the_first_speech_inside_the_slot(dubbed: list[Span], error: int | None) -> None:
    assert onset_error(Span(1000, 2000), Span(900, 2000), dubbed) == error


def test_onset_errors_count_by_size_whatever_their_sign() -> None:
    errors = onset_errors([-10] * 10 + [20] * 9 + [-400])
    assert (errors.median, errors.percentile_95) == (15, 20)
    assert onset_errors([0] * 18 + [300] * 2).percentile_95 == 300


def test_no_lines_have_no_onset_errors() -> None:
    with pytest.raises(ValueError, match="no line"):
        onset_errors([])


def test_speech_overlap_is_intersection_over_union() -> None:
    source = [Span(0, 1000), Span(2000, 3000)]
    assert speech_overlap(source, source) == 1
    assert speech_overlap(source, [Span(500, 1500), Span(2000, 3000)]) == 1500 / 2500
    assert speech_overlap(source, [Span(1000, 2000)]) == 0
    assert speech_overlap(source, []) == 0
    assert speech_overlap([], []) == 1


frames = st.lists(st.booleans(), min_size=1, max_size=60)


def activity(voiced: list[bool]) -> list[Span]:
    return [Span(i * 10, i * 10 + 10) for i, on in enumerate(voiced) if on]


@settings(deadline=None)
@given(frames, frames)
def test_on_a_10_ms_grid_spans_measure_what_counting_frames_does(a: list[bool], b: list[bool]) -> None:
    size = max(len(a), len(b))
    x, y = (np.array(v + [False] * (size - len(v))) for v in (a, b))
    either = int((x | y).sum())
    expected = int((x & y).sum()) / either if either else 1
    assert speech_overlap(activity(a), activity(b)) == pytest.approx(expected)
    left = np.zeros(size, dtype=bool)
    for span in without(activity(a), activity(b)):
        left[span.start // 10 : span.end // 10] = True
    assert (left == (x & ~y)).all()


def test_rate_shares_name_the_lines_over_the_ceiling() -> None:
    def slot(name: str, natural: int, *flags: str) -> Slot:
        return Slot(name, Span(0, 1000), natural, flags)

    shares = rate_shares([slot("a", 850), slot("b", 1150), slot("c", 1251, "compressed"), slot("d", 1300)])
    assert shares.comfortable == 0.5
    assert shares.over_ceiling == ("c", "d")
    assert shares.unflagged == ("d",)
    assert rate_shares([]).comfortable == 1


def test_overlap_counts_each_millisecond_in_which_two_lines_sound_that_the_film_has_one_after_the_other() -> (
    None
):
    def counted(*spans: Span) -> int:
        return overlap_time([(one, Turn(Span(2000 * i, 2000 * i + 1), "A")) for i, one in enumerate(spans)])

    assert counted(Span(0, 1000), Span(1000, 2000)) == 0
    assert counted(Span(900, 2000), Span(0, 1000)) == 100
    assert counted(Span(0, 1000), Span(100, 300), Span(200, 400), Span(500, 500)) == 300


def test_two_people_who_talk_at_once_in_the_film_may_in_the_dub() -> None:
    anna, ben = Turn(Span(0, 1000), "Anna"), Turn(Span(800, 2000), "Ben")
    assert overlap_time([(Span(0, 1100), anna), (Span(700, 2000), ben)]) == 0
    assert overlap_time([(Span(0, 1100), anna), (Span(700, 2000), Turn(ben.span, "Anna"))]) == 400
    assert overlap_time([(Span(0, 1100), anna), (Span(700, 2000), Turn(ben.span, ""))]) == 400
    met = Turn(Span(901, 2000), "Ben")
    assert overlap_time([(Span(0, 1000), anna), (Span(901, 2000), met)]) == 99, "the film's turns only meet"
    assert overlap_time([(Span(0, 900), anna), (Span(700, 800), ben), (Span(650, 750), met)]) == 100


def test_a_hole_is_half_a_second_of_source_speech_without_the_dub() -> None:
    source = [Span(0, 2000), Span(3000, 4000)]
    found = holes(source, [Span(0, 500), Span(1000, 1501), Span(3499, 4200)])
    assert found.spans == (Span(500, 1000),)
    assert found.share == 500 / 3000
    assert holes(source, []).share == 1
    assert holes([], source).spans == ()


def test_drift_compares_the_last_minute_with_the_first() -> None:
    steady = [(at, 30) for at in range(0, 600_000, 5000)]
    assert drift(steady, 600_000) == 0
    assert drift([(at, at // 10_000) for at, _ in steady], 600_000) == pytest.approx(54, abs=1)
    assert drift([*steady, (599_000, 900)], 600_000) == 0


def test_drift_is_unknown_where_a_film_is_short_or_silent_at_an_end() -> None:
    assert drift([(0, 10), (100_000, 10)], 119_000) is None
    assert drift([(0, 10)], 600_000) is None
