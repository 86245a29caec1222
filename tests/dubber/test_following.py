"""A viewer reads what is heard: the dub's subtitles stay up while their lines sound."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from align.types import Span
from dubber.srt import Cue, following
from dubber.srt.following import LATE_MS


def times(cues: tuple[Cue, ...]) -> list[tuple[int, int]]:
    return [(cue.start, cue.end) for cue in cues]


def test_a_cue_lasts_as_long_as_its_line_is_heard() -> None:
    cues = [Cue(1000, 2000, "a"), Cue(4000, 5000, "b")]
    heard = [(Span(1000, 2000), Span(900, 2600)), (Span(4000, 5000), Span(4000, 4700))]
    assert times(following(cues, heard)) == [(900, 2600), (4000, 5000)]


def test_a_late_line_s_cue_comes_with_the_actor() -> None:
    assert times(following([Cue(1000, 2000, "a")], [(Span(1000, 2000), Span(1150, 2150))])) == [(1000, 2150)]


def test_phrases_of_a_line_share_its_cue() -> None:
    heard = [(Span(1000, 1500), Span(1000, 1500)), (Span(2200, 3000), Span(2200, 3400))]
    assert times(following([Cue(1000, 3000, "a | b")], heard)) == [(1000, 3400)]


def test_a_cue_makes_way_for_the_next_one() -> None:
    cues = [Cue(1000, 2000, "a"), Cue(2100, 3000, "b")]
    heard = [(Span(1000, 2000), Span(1000, 2300)), (Span(2100, 3000), Span(2320, 3000))]
    assert times(following(cues, heard)) == [(1000, 2100), (2100, 3000)]


def test_an_early_line_s_cue_waits_for_the_one_before() -> None:
    cues = [Cue(1000, 2000, "a"), Cue(2050, 3000, "b")]
    assert times(following(cues, [(Span(2050, 3000), Span(1960, 3000))])) == [(1000, 2000), (2000, 3000)]


def test_a_cue_that_nothing_is_heard_of_stays() -> None:
    cues = [Cue(1000, 2000, "a"), Cue(2500, 2500, "b")]
    assert times(following(cues, [(Span(7000, 8000), Span(7000, 8000))])) == times(tuple(cues))
    assert times(following(cues, [(Span(1000, 2000), Span(1500, 1500))])) == times(tuple(cues))


def test_a_line_that_was_moved_takes_its_cue_along_and_leaves_the_one_before_its_time() -> None:
    cues = [Cue(3080, 5320, "a"), Cue(5860, 7620, "b")]
    heard = [(Span(3080, 5320), Span(3080, 7828)), (Span(5860, 7620), Span(7828, 9800))]
    assert times(following(cues, heard)) == [(3080, 7828), (7828, 9800)]


spans = st.tuples(st.integers(0, 9000), st.integers(1, 3000)).map(lambda one: Span(one[0], one[0] + one[1]))


@given(st.lists(st.tuples(spans, spans), max_size=12))
def test_none_is_lost_or_ends_earlier_or_gets_over_another(both: list[tuple[Span, Span]]) -> None:
    cues = sorted(
        (Cue(own.start, own.end, str(n)) for n, (own, _) in enumerate(both)), key=lambda c: (c.start, c.end)
    )
    shown = following(cues, both)
    assert [cue.text for cue in shown] == [cue.text for cue in cues]
    for before, after in zip(cues, shown, strict=True):
        assert before.end <= after.end
        if before.start < after.start < before.start + LATE_MS:
            assert after.start in [
                cue.start for cue in shown if cue is not after
            ]  # it kept its place in the order
    for (first, second), (one, other) in zip(pairwise(cues), pairwise(shown), strict=True):
        assert min(one.end, other.end) - other.start <= max(0, min(first.end, second.end) - second.start)
