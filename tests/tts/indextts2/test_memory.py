"""As many lines are decoded at once as a GPU has memory for, and what is said does not depend on it. A GPU is a number
here."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from speaking import QUICK, every_version, recording, same, takes
from torch import Tensor

from bench.goldens.harness import tensor
from tts.door import SpeechRequest
from tts.errors import OutOfMemory
from tts.indextts2 import memory, synthesis
from tts.indextts2.decode import Batch, decode
from tts.indextts2.engine import IndexTTS2
from tts.indextts2.gpt import Gpt
from tts.indextts2.job import Decoded, Job
from tts.indextts2.memory import RESERVE, Room, first_group, rows_within
from tts.indextts2.release import Release
from tts.indextts2.semantic import SemanticEncoder

CPU = torch.device("cpu")

SHORT, LONG = 94_500_000, 204_600_000
"""Bytes of a line of 20 and of 120 text ids at the released size."""


def gpu(monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    """A GPU on which so many bytes can be used."""
    monkeypatch.setattr(memory, "free", lambda _: left + RESERVE)


@pytest.mark.parametrize(
    ("left", "rows"),
    [(0, 1), (SHORT - 1, 1), (2 * SHORT, 2), (2_040_000_000, 21), (3_680_000_000, 32), (60_000_000_000, 32)],
)
def test_rows_are_as_many_as_fit_at_least_one_and_at_most_those_asked_for(
    monkeypatch: pytest.MonkeyPatch, left: int, rows: int
) -> None:
    gpu(monkeypatch, left)
    assert Room(32, CPU).first([SHORT] * 40) == (40, rows)


def test_less_than_the_reserve_is_nothing_and_one_row_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu(monkeypatch, -RESERVE)
    assert Room(32, CPU).first([SHORT] * 3) == (3, 1)


def test_a_cpu_has_no_bound_that_is_known() -> None:
    assert memory.free(CPU) is None
    assert Room(8, CPU).first([LONG, *[SHORT] * 30]) == (31, 8)
    assert Room(8, CPU).first([LONG, SHORT]) == (2, 2)


def test_what_torch_keeps_for_later_counts_as_free(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [300]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", kept.clear)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (1000 - sum(kept), 2000))
    assert memory.free(torch.device("cuda")) == 1000


def groups(needs: Sequence[int], budget: int | None, most: int) -> list[tuple[list[int], int]]:
    """All groups in turn, with their rows."""
    found = []
    while needs:
        count, rows = first_group(needs, budget, most)
        found.append((list(needs[:count]), rows))
        needs = needs[count:]
    return found


@pytest.mark.parametrize("seed", range(20))
def test_every_line_is_in_one_group_and_no_group_takes_more_than_there_is(seed: int) -> None:
    chance = random.Random(seed)
    needs = sorted((chance.randint(1, 20) * 10_000_000 for _ in range(chance.randint(1, 40))), reverse=True)
    budget = chance.choice([150_000_000, 700_000_000, 2_000_000_000])
    found = groups(needs, budget, 32)
    assert [need for group, _ in found for need in group] == needs
    assert all(rows == 1 or rows * group[0] <= budget for group, rows in found)
    assert all(1 <= rows <= min(32, len(group)) for group, rows in found)


def test_one_long_line_does_not_cost_many_short_ones_their_rows() -> None:
    budget = 11 * SHORT
    (first, few), (rest, many) = groups([LONG, *[SHORT] * 31], budget, 32)
    assert (few, many) == (5, 11)
    assert first[0] == LONG
    assert len(first) > 1  # short ones are said while the long one is
    assert set(rest) == {SHORT}


@pytest.mark.parametrize("budget", [None, 32 * LONG])
def test_where_all_have_as_many_rows_none_is_cut_off(budget: int | None) -> None:
    assert groups([LONG, *[SHORT] * 39], budget, 32) == [([LONG, *[SHORT] * 39], 32)]


def test_short_of_memory_is_where_fewer_fit_than_could_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu(monkeypatch, 4 * LONG)
    room = Room(6, CPU)
    assert [room.short([LONG] * count) for count in (1, 4, 5, 40)] == [False, False, True, True]
    gpu(monkeypatch, LONG - 1)
    assert room.short([LONG])


def job(gpt: Gpt, number: int) -> Job:
    """Jobs of unlike prompts and bounds."""
    rows: Tensor = tensor("prompt", [20 + 9 * (number % 4), gpt.config.width], str(number), 0.5)
    return Job(rows, 100 + number, most=8 + 41 * (number % 3))


@every_version
def test_what_a_line_needs_is_what_is_taken_for_it(release: Release) -> None:
    jobs = [job(release.gpt, number) for number in range(5)]
    with torch.inference_mode():
        batch = Batch(release.gpt, jobs, 3)
    cache = batch.cache.keys.nbytes + batch.cache.values.nbytes
    rest = 3 * memory.BYTES_PER_CODE * release.gpt.config.codes
    assert 3 * max(memory.row_bytes(release.gpt, one) for one in jobs) == cache + rest


class Watched:
    """`decode`, which fails where it is given more than so many bytes; notes what it was given. `mute`: says nothing of
    its own, quickly."""

    def __init__(self, most: int | None = None, *, mute: bool = False) -> None:
        self.most, self.mute = most, mute
        self.rows: list[int] = []
        self.failed = 0

    def __call__(self, gpt: Gpt, jobs: Sequence[Job], *, rows: int) -> list[Decoded]:
        if self.most is not None and rows * max(memory.row_bytes(gpt, one) for one in jobs) > self.most:
            self.failed += 1
            raise torch.OutOfMemoryError("tried to take all of it")
        self.rows.append(rows)
        if self.mute:
            return [Decoded(torch.full((5,), len(one.prompt)), "stop", None) for one in jobs]
        return decode(gpt, jobs, rows=rows)


Watch = Callable[..., Watched]


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    def put(most: int | None = None, *, mute: bool = False) -> Watched:
        watched = Watched(most, mute=mute)
        monkeypatch.setattr(synthesis, "decode", watched)
        return watched

    return put


@cache
def by_themselves(gpt: Gpt) -> list[list[int]]:
    return said([decode(gpt, [job(gpt, number)])[0] for number in range(12)])


@pytest.fixture
def alone(release: Release) -> list[list[int]]:
    """What the first twelve jobs say, each by itself."""
    return by_themselves(release.gpt)


def said(outcomes: Sequence[Any]) -> list[list[int]]:
    return [outcome.codes.tolist() for outcome in outcomes]


@every_version
@pytest.mark.parametrize(("times", "rows"), [(0, {1}), (2, {2, 4}), (3, {3, 4}), (100, {8})])
def test_codes_come_in_order_and_are_the_same_however_little_is_free(
    release: Release,
    alone: list[list[int]],
    monkeypatch: pytest.MonkeyPatch,
    watch: Watch,
    times: int,
    rows: set[int],
) -> None:
    jobs = [job(release.gpt, number) for number in range(12)]
    gpu(monkeypatch, times * max(memory.row_bytes(release.gpt, one) for one in jobs))
    watched = watch()
    assert said(synthesis._decode(release, jobs, Room(8, CPU))) == alone
    assert set(watched.rows) == rows


@every_version
def test_takes_come_in_order_and_are_the_same_however_little_is_free(
    release: Release,
    engine: IndexTTS2,
    requests: list[SpeechRequest],
    monkeypatch: pytest.MonkeyPatch,
    watch: Watch,
) -> None:
    before = takes(engine.speak(requests[:4]))
    gpu(monkeypatch, 600_000)
    watched = watch()
    tight = IndexTTS2(release, options=replace(QUICK, rows=4))
    assert all(same(a, b) for a, b in zip(before, takes(tight.speak(requests[:4])), strict=True))
    assert max(watched.rows) < 4
    assert tight.batch == 4


@every_version
def test_rows_that_did_not_fit_are_not_tried_again(
    release: Release, requests: list[SpeechRequest], watch: Watch
) -> None:
    engine = IndexTTS2(release, options=replace(QUICK, rows=8))
    watched = watch(mute=True)
    engine.measure(requests[:8])
    assert watched.rows == [8]
    watched = watch(2_000_000, mute=True)
    engine.measure(requests[:8])
    assert watched.failed > 0
    learned, watched.failed = watched.rows[0], 0
    assert 1 < learned < 8
    engine.measure(requests[:8])
    assert watched.failed == 0
    assert watched.rows[-1] == learned


@every_version
def test_halving_goes_on_where_less_is_free_than_was_said(
    release: Release, monkeypatch: pytest.MonkeyPatch, watch: Watch
) -> None:
    jobs = [replace(job(release.gpt, 0), seed=1) for _ in range(9)]
    need = memory.row_bytes(release.gpt, jobs[0])
    gpu(monkeypatch, 9 * need)
    room, watched = Room(32, CPU), watch(2 * need)
    assert len(set(map(tuple, said(synthesis._decode(release, jobs, room))))) == 1
    assert watched.failed == 3  # on 9, 5 and 3 rows
    assert watched.rows == [2]
    assert rows_within(need, room.most, 32) == 2


@every_version
def test_a_line_that_does_not_fit_alone_costs_the_others_nothing(
    release: Release, alone: list[list[int]], watch: Watch
) -> None:
    jobs = [job(release.gpt, number) for number in range(12)]
    needs = [memory.row_bytes(release.gpt, one) for one in jobs]
    watch(max(needs) - 1)
    outcomes = synthesis._decode(release, jobs, Room(4, CPU))
    for need, outcome, wanted in zip(needs, outcomes, alone, strict=True):
        if need == max(needs):
            assert isinstance(outcome, OutOfMemory)
        else:
            assert isinstance(outcome, Decoded)
            assert outcome.codes.tolist() == wanted


@every_version
def test_the_encoder_of_recordings_makes_room_where_it_is_short_and_comes_back_to_listen(
    release: Release, requests: list[SpeechRequest], monkeypatch: pytest.MonkeyPatch, watch: Watch
) -> None:
    engine = IndexTTS2(release, options=replace(QUICK, rows=4))
    plenty = 100_000_000
    places: list[object] = []

    def to(encoder: SemanticEncoder, place: object) -> SemanticEncoder:
        places.append(place)
        gpu(monkeypatch, plenty)
        return encoder

    monkeypatch.setattr(SemanticEncoder, "to", to)
    watched = watch(mute=True)
    gpu(monkeypatch, plenty)
    engine.measure(requests[:4])
    assert places == []
    gpu(monkeypatch, 100_000)
    watched.rows.clear()
    engine.measure(requests[:4])
    assert places == ["cpu"]
    assert watched.rows[0] == 4  # what it gave back is used
    engine.voice(recording(150.0))
    assert places == ["cpu", release.placement.device]


@every_version
def test_an_encoder_that_does_not_fit_back_is_told(
    engine: IndexTTS2, requests: list[SpeechRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    emotion = engine.emotion(recording(330.0))
    take = takes(engine.speak(requests[:1]))[0]

    def to(*_: object) -> SemanticEncoder:
        raise torch.OutOfMemoryError("tried to take all of it")

    monkeypatch.setattr(SemanticEncoder, "to", to)
    with pytest.raises(OutOfMemory):
        engine.voice(recording(160.0))
    with pytest.raises(OutOfMemory):
        engine.emotion_likeness(take, emotion)
