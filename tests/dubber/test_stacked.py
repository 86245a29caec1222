"""Subtitles for players that show one cue at a time: nothing that is said at once is lost."""

from __future__ import annotations

import random
from itertools import pairwise

from dubber.srt import Cue, stacked


def told(*cues: Cue) -> list[tuple[int, int, str]]:
    return [(one.start, one.end, one.text) for one in stacked(cues)]


def test_cues_that_follow_one_another_stay_as_they_are() -> None:
    assert told(Cue(0, 1000, "one\ntwo"), Cue(1000, 2000, "three")) == [
        (0, 1000, "one\ntwo"),
        (1000, 2000, "three"),
    ]
    assert told() == []


def test_what_is_said_at_once_is_one_cue_with_a_dash_for_each() -> None:
    assert told(Cue(0, 3000, "long\nline"), Cue(2000, 5000, "other")) == [
        (0, 2000, "long\nline"),
        (2000, 3000, "- long line\n- other"),
        (3000, 5000, "other"),
    ]
    assert told(Cue(0, 3000, "long"), Cue(1000, 1300, "no")) == [
        (0, 1000, "long"),
        (1000, 1300, "- long\n- no"),
        (1300, 3000, "long"),
    ]
    assert told(Cue(0, 1000, "a"), Cue(0, 1000, "b")) == [(0, 1000, "- a\n- b")]


def test_two_that_meet_for_a_moment_follow_one_another() -> None:
    assert told(Cue(0, 3000, "one"), Cue(2700, 5000, "two")) == [(0, 2700, "one"), (2700, 5000, "two")]


def test_of_a_crowd_those_that_came_last_are_shown() -> None:
    crowd = [Cue(start, 9000, str(start)) for start in range(0, 3000, 500)]
    assert told(*crowd)[-1][2] == "- 1000\n- 1500\n- 2000\n- 2500"


def test_whatever_overlaps_is_shown_one_at_a_time_and_for_all_of_its_time() -> None:
    draw = random.Random(4)
    for _ in range(200):
        starts = sorted(draw.randrange(0, 9000) for _ in range(draw.randrange(1, 12)))
        cues = [Cue(at, at + draw.choice((0, 50, 600, 4000)), f"<{at}#{n}>") for n, at in enumerate(starts)]
        found = stacked(cues)
        assert all(one.end <= after.start for one, after in pairwise(found))
        assert all(one.end > one.start for one in found)
        for moment in range(0, 14_000, 97):
            up = [one for one in cues if one.start <= moment < one.end]
            text = "".join(one.text for one in found if one.start <= moment < one.end)
            assert bool(up) == bool(text)
            assert text.count("<") <= max(len(up), 0)
