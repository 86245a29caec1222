"""A length in samples becomes frames and tokens and comes back, exactly where it must be exact."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.goldens.harness import KIT
from tts.door import OUTPUT_RATE
from tts.indextts2 import clock
from tts.indextts2.clock import Clock, Pace

MOST = 1500


@given(st.integers(1, 10**8))
def test_frames_fill_a_target_and_one_less_would_not(samples: int) -> None:
    frames = clock.frames_to_fill(samples)
    seconds = samples / OUTPUT_RATE
    assert frames * clock.HOP / clock.MODEL_RATE >= seconds > (frames - 1) * clock.HOP / clock.MODEL_RATE


@given(st.integers(0, 10**6))
def test_frames_and_samples_are_within_one_of_each_other(frames: int) -> None:
    exact = frames * clock.HOP * OUTPUT_RATE / clock.MODEL_RATE
    assert exact - 1 < clock.samples_of(frames) <= exact + 1e-6


@pytest.mark.parametrize(
    ("version", "key"), [("2.0", "frames_2_0"), ("2.5", "frames_2_5_by_duration_factor")]
)
def test_a_release_makes_as_many_frames_as_the_reference_implementation(version: str, key: str) -> None:
    golden = json.loads((KIT / "golden" / "frames.json").read_text())
    wanted = golden[key]["1.0"] if isinstance(golden[key], dict) else golden[key]
    assert [clock.PACES[version].frames(tokens) for tokens in golden["codes"]] == wanted


@given(st.integers(1, 3000), st.sampled_from(sorted(clock.PACES)))
def test_tokens_are_those_whose_natural_length_is_nearest(frames: int, version: str) -> None:
    pace = clock.PACES[version]
    ratio = pace.numerator / pace.denominator
    assert abs(pace.tokens(frames) * ratio - frames) <= max(ratio / 2, ratio - frames) + 1e-9


@given(st.integers(1, 5000), st.one_of(st.none(), st.floats(0, 0.99)), st.booleans())
def test_an_aim_is_a_range_around_its_count(frames: int, window: float | None, condition: bool) -> None:
    aim = clock.aim(frames, Pace(43, 25, 50), Clock(condition, window), most=MOST)
    assert 1 <= aim.least <= aim.tokens <= aim.most <= MOST
    assert aim.frames == frames
    assert aim.count == (aim.tokens if condition else None)
    if window is None:
        assert (aim.least, aim.most) == (1, MOST)


def test_a_window_of_a_quarter_is_that() -> None:
    aim = clock.aim(172, Pace(43, 25, 50), Clock(), most=MOST)
    assert (aim.tokens, aim.least, aim.most) == (100, 75, 125)


@given(st.lists(st.floats(0.01, 1e3), min_size=1, max_size=20), st.integers(0, 10_000))
def test_shares_are_whole_positive_proportional_and_add_up(weights: list[float], spare: int) -> None:
    total = len(weights) + spare
    parts = clock.share(total, weights)
    assert sum(parts) == total
    assert min(parts) >= 1
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - 1 - spare * weight / sum(weights)) < 1 + 1e-6


@pytest.mark.parametrize(("total", "weights"), [(1, [1.0, 1.0]), (5, [1.0, 0.0]), (5, [])])
def test_what_cannot_be_shared_out_is_refused(total: int, weights: list[float]) -> None:
    with pytest.raises(ValueError, match="shared out"):
        clock.share(total, weights)


def test_pauses_are_there_between_pieces_only_and_shrink_with_the_target() -> None:
    assert clock.pauses(None, 1) == clock.pauses(48_000, 1) == 0
    assert clock.pauses(None, 3) == clock.PAUSE
    assert clock.pauses(48_000, 2) == 2_400
    assert clock.pauses(10 * 48_000, 2) == clock.PAUSE


def test_a_window_is_a_share() -> None:
    with pytest.raises(ValueError, match="window"):
        Clock(window=1.0)


def test_a_free_line_may_last_as_long_in_either_release() -> None:
    for ids in range(1, 130):
        assert clock.free(ids, clock.PACES["2.0"]) == 60 + 30 * ids
        assert clock.free(ids, clock.PACES["2.5"]) == 30 + 15 * ids
