"""What a plan of slots promises: the remedies one by one, then what holds for any lines at all."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from align.slots import DEFAULT, Limits, plan
from align.types import Line, Slot, Span

FILM = 60_000

# A source line as (start, end, natural length), all in ms.
Row = tuple[int, int, int]


def planned(*rows: Row, duration: int = FILM) -> tuple[Slot, ...]:
    lines = [Line(f"s{i}", Span(start, end), "text", "A") for i, (start, end, _) in enumerate(rows)]
    return plan(lines, {f"s{i}": row[2] for i, row in enumerate(rows)}, duration)


@pytest.mark.parametrize("natural", [1700, 2000, 2300])
def test_a_line_inside_the_comfort_band_starts_and_ends_with_its_source(natural: int) -> None:
    (slot,) = planned((1000, 3000, natural))
    assert slot == Slot("s0", Span(1000, 3000), natural, ())


def test_a_long_line_keeps_its_onset_and_borrows_only_what_the_band_needs() -> None:
    (slot,) = planned((1000, 3000, 2600))
    assert (slot.span, slot.flags) == (Span(1000, 3261), ("borrowed",))
    assert slot.factor <= DEFAULT.fastest < 2600 / (slot.span.duration - 1)


def test_a_borrowing_line_leaves_a_gap_before_the_next_onset() -> None:
    first, second = planned((1000, 3000, 2600), (3300, 5000, 1700))
    assert first.span == Span(1000 - 31, 3300 - DEFAULT.gap)
    assert first.flags == ("early", "borrowed")
    assert second.span == Span(3300, 5000)


def test_a_long_line_between_two_short_ones_uses_slack_on_both_sides() -> None:
    before, long, after = planned((1000, 2000, 700), (2000, 3000, 1500), (3000, 4000, 700))
    assert long.flags == ("early", "borrowed")
    assert before.span.end <= long.span.start == 2000 - DEFAULT.max_early
    assert 3000 < long.span.end == after.span.start <= 3000 + DEFAULT.max_late
    assert max(slot.factor for slot in (before, long, after)) <= DEFAULT.fastest


def test_a_line_gives_up_its_tail_for_a_pressed_neighbour_only_inside_its_own_band() -> None:
    at_ease, _ = planned((1000, 2000, 1000), (2000, 3000, 2000), duration=3000)
    assert at_ease.span == Span(1000, 2000 - DEFAULT.max_early)
    pressed, _ = planned((1000, 2000, 1150), (2000, 3000, 2000), duration=3000)
    assert pressed.span == Span(1000, 2000)


def test_compression_past_the_band_comes_last_and_is_flagged() -> None:
    (slot,) = planned((200, 1000, 1380), duration=1050)
    assert slot.span == Span(80, 1050)
    assert slot.flags == ("early", "borrowed", "compressed", "crowded")
    assert DEFAULT.ceiling < slot.factor < DEFAULT.crush


def test_a_line_never_passes_the_ceiling_while_silence_is_left_after_it() -> None:
    (slot,) = planned((1000, 2000, 9000))
    assert "compressed" in slot.flags
    assert "crowded" not in slot.flags
    assert slot.factor <= DEFAULT.ceiling


def test_equally_long_lines_end_to_end_do_not_drift() -> None:
    slots = planned(*[(i * 2000, i * 2000 + 2000, 2800) for i in range(20)], duration=40_000)
    assert [slot.span for slot in slots] == [Span(i * 2000, i * 2000 + 2000) for i in range(20)]
    assert all(slot.flags == ("compressed", "crowded") for slot in slots)


def test_a_short_line_is_slowed_to_the_edge_of_the_band_and_leaves_a_flagged_hole() -> None:
    (slot,) = planned((1000, 3000, 600))
    assert (slot.span, slot.flags) == (Span(1000, 1705), ("short",))
    assert slot.factor >= DEFAULT.slowest > 600 / (slot.span.duration + 1)


def test_lines_spoken_over_each_other_follow_one_another() -> None:
    first, second = planned((0, 3000, 3000), (2500, 4000, 1500))
    assert first.span == Span(0, 2609)
    assert second == Slot("s1", Span(2609, 4000), 1500, ("late",))


def test_identical_lines_share_their_time_in_proportion_to_their_natural_length() -> None:
    short, long = planned((0, 3000, 1000), (0, 3000, 2000), duration=3000)
    assert (short.span, long.span) == (Span(0, 1000), Span(1000, 3000))


def test_a_film_too_short_for_its_lines_is_shared_in_proportion_and_flagged() -> None:
    slots = planned((0, 100, 4000), (50, 100, 8000), (9000, 9000, 4000), duration=1000)
    minimum = DEFAULT.min_slot
    assert [slot.span.duration for slot in slots] == pytest.approx([250, 500, 250], abs=minimum / 2)
    assert sum(slot.span.duration for slot in slots) == 1000
    assert all("crowded" in slot.flags for slot in slots)


def test_a_line_past_the_end_of_the_film_is_spoken_before_the_end() -> None:
    (slot,) = planned((70_000, 71_000, 1000))
    assert slot.span.end == FILM
    assert slot.factor <= DEFAULT.crush
    assert "crowded" in slot.flags


def test_slots_come_in_the_order_the_lines_were_given() -> None:
    late, early = planned((5000, 6000, 1000), (1000, 2000, 1000))
    assert (late.line, late.span) == ("s0", Span(5000, 6000))
    assert (early.line, early.span) == ("s1", Span(1000, 2000))


def test_no_lines_are_no_slots() -> None:
    assert plan([], {}, 0) == ()


@pytest.mark.parametrize("natural", [{}, {"s0": 0}, {"s0": -5}])
def test_a_line_without_a_natural_length_is_refused(natural: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="'s0' has no natural length"):
        plan([Line("s0", Span(0, 1000), "text", "A")], natural, FILM)


def test_repeated_ids_are_refused() -> None:
    line = Line("s0", Span(0, 1000), "text", "A")
    with pytest.raises(ValueError, match="same id"):
        plan([line, line], {"s0": 900}, FILM)


def test_a_film_with_less_than_a_millisecond_per_line_is_refused() -> None:
    rows = [(0, 10, 10)] * 5
    assert [slot.span for slot in planned(*rows, duration=5)] == [Span(i, i + 1) for i in range(5)]
    with pytest.raises(ValueError, match="5 lines do not fit"):
        planned(*rows, duration=4)


@pytest.mark.parametrize(
    "wrong", [{"slowest": 1.2}, {"fastest": 1.3}, {"crush": 1.1}, {"max_early": -1}, {"min_slot": 0}]
)
def test_limits_that_contradict_each_other_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Limits(**wrong)  # type: ignore[arg-type]


spans = st.tuples(st.integers(0, 12_000), st.one_of(st.just(0), st.integers(0, 4000)))
rows = st.tuples(spans, st.one_of(st.integers(1, 300), st.integers(1, 6000))).map(
    lambda row: (row[0][0], row[0][0] + row[0][1], row[1])
)
crowds = st.lists(rows, max_size=25)


@settings(deadline=None, max_examples=150)
@given(crowds, st.integers(25, 14_000))
def test_any_lines_get_slots_that_never_overlap_and_stay_in_the_film(crowd: list[Row], duration: int) -> None:
    slots = planned(*crowd, duration=duration)
    assert [slot.line for slot in slots] == [f"s{i}" for i in range(len(crowd))]
    assert [slot.natural for slot in slots] == [row[2] for row in crowd]
    in_time = sorted(slots, key=lambda slot: slot.span)
    assert all(a.span.end <= b.span.start for a, b in pairwise(in_time))
    shortest = DEFAULT.min_slot if duration >= DEFAULT.min_slot * len(crowd) else 1
    assert all(slot.span.duration >= shortest and slot.span.end <= duration for slot in slots)


@settings(deadline=None, max_examples=150)
@given(crowds, st.integers(25, 14_000))
def test_any_plan_keeps_source_order_and_names_what_it_did(crowd: list[Row], duration: int) -> None:
    slots = planned(*crowd, duration=duration)
    assert slots == planned(*crowd, duration=duration)
    by_source = sorted(range(len(crowd)), key=lambda i: (crowd[i][:2], i))
    starts = [slots[i].span.start for i in by_source]
    assert starts == sorted(starts)
    for slot, (start, _, _) in zip(slots, crowd, strict=True):
        shift = slot.span.start - start
        assert ("early" in slot.flags) == (shift < 0)
        assert ("late" in slot.flags) == (shift > 0)
        assert ("compressed" in slot.flags) == (slot.factor > DEFAULT.fastest)
        if not -DEFAULT.max_early <= shift <= DEFAULT.max_late or slot.factor > DEFAULT.ceiling:
            assert "crowded" in slot.flags


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.tuples(st.integers(300, 4000), st.floats(0.3, 1.6)), min_size=1, max_size=12),
    st.data(),
)
def test_editing_one_line_moves_no_line_beyond_enough_silence(
    lines: list[tuple[int, float]], data: st.DataObject
) -> None:
    silence = DEFAULT.max_borrow + DEFAULT.gap + DEFAULT.max_early
    now: list[Row] = []
    at = 500
    for length, ratio in lines:
        now.append((at, at + length, max(1, round(length * ratio))))
        at += length + silence
    edited = data.draw(st.integers(0, len(now) - 1))
    start, end, _ = now[edited]
    longer = data.draw(st.integers(1, round(1.15 * (end - start + DEFAULT.max_borrow))))
    then = [*now[:edited], (start, end, longer), *now[edited + 1 :]]
    changed = [
        i
        for i, (a, b) in enumerate(zip(planned(*now, duration=at), planned(*then, duration=at), strict=True))
        if a != b
    ]
    assert set(changed) <= {edited}


def test_fifty_thousand_lines_on_one_spot_are_planned() -> None:
    many = 50_000
    slots = planned(*[(1000, 2000, 700)] * many, duration=many)
    assert [slot.span for slot in slots] == [Span(i, i + 1) for i in range(many)]
