"""What decoding promises: a line's codes follow from its job alone, its length from its bounds, and it always ends."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest
import torch
from tinygpt import model
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from bench.goldens.harness import tensor
from tts.errors import SpeakingFailed
from tts.indextts2.decode import Batch, decode
from tts.indextts2.gpt import DECODED_POSITION
from tts.indextts2.job import Decoded, Job
from tts.indextts2.sampling import Sampling

GREEDY = Sampling(greedy=True)
WILD = Sampling(temperature=1.5, top_k=0, top_p=1.0, repetition_penalty=1.2)
STYLES = (Sampling(), GREEDY, WILD, Sampling(temperature=0.6, top_k=5, top_p=0.9, repetition_penalty=3.0))
WAITS = ("_local_scalar_dense", "nonzero", "unique", "masked_select", "is_nonzero", "equal")
"""Operators whose result, or its shape, the host must wait for."""


def prompt(length: int, salt: str = "a") -> Tensor:
    rows: Tensor = tensor("prompt", [length, model().config.width], salt, 0.5)
    return rows


def job(number: int, **changes: Any) -> Job:
    """Jobs of unlike prompts, seeds, bounds and parameters."""
    given: dict[str, Any] = {
        "prompt": prompt(20 + 7 * (number % 5), str(number)),
        "seed": 100 + number,
        "least": 3 * (number % 3),
        "most": 12 + 5 * (number % 7),
        "sampling": STYLES[number % len(STYLES)],
    }
    return Job(**(given | changes))


def said(results: list[Decoded]) -> list[tuple[list[int], str, int | None]]:
    return [(result.codes.tolist(), result.ended, result.wanted_stop) for result in results]


@cache
def alone() -> list[tuple[list[int], str, int | None]]:
    """Sixteen unlike jobs, each spoken by itself."""
    return [said(decode(model(4.0), [job(number)]))[0] for number in range(16)]


def test_the_sixteen_jobs_are_unlike() -> None:
    """Else the tests below would promise little."""
    assert {ended for _, ended, _ in alone()} == {"stop", "bound"}
    assert len({len(codes) for codes, _, _ in alone()}) > 5
    assert any(wanted is not None for _, _, wanted in alone())
    assert len({tuple(codes) for codes, _, _ in alone()}) == 16


@pytest.mark.parametrize("rows", [1, 3, 8, 16, 40])
def test_company_changes_nothing(rows: int) -> None:
    assert said(decode(model(4.0), [job(number) for number in range(16)], rows=rows)) == alone()


@pytest.mark.parametrize("count", [2, 3, 5])
def test_order_changes_nothing(count: int) -> None:
    order = torch.randperm(16, generator=torch.Generator().manual_seed(count)).tolist()
    results = said(decode(model(4.0), [job(number) for number in order], rows=count))
    assert results == [alone()[number] for number in order]


def test_the_interval_of_looking_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An accelerator looks at the flags every few steps only; rows then step on past their end."""
    monkeypatch.setattr("tts.indextts2.decode.CHECK_EVERY_ON_CPU", 8)
    assert said(decode(model(4.0), [job(number) for number in range(16)], rows=3)) == alone()


def test_seeds_differ_and_repeat() -> None:
    jobs = [job(0, seed=seed, most=30, least=30) for seed in (1, 2, 3, 1)]
    one, two, three, again = (codes for codes, _, _ in said(decode(model(), jobs)))
    assert one == again
    assert len({tuple(one), tuple(two), tuple(three)}) == 3


def test_greedy_needs_no_seed() -> None:
    first, second = said(decode(model(), [job(1, seed=1), job(1, seed=2)]))
    assert first == second


def test_the_stop_is_suppressed_before_least_and_the_wish_reported() -> None:
    free, held = decode(model(5.0), [job(0, sampling=GREEDY, least=least, most=40) for least in (0, 25)])
    assert free.ended == "stop"
    assert 0 < len(free.codes) < 25
    assert free.wanted_stop is None
    assert held.wanted_stop == len(free.codes)
    assert held.codes[: len(free.codes)].tolist() == free.codes.tolist()
    assert len(held.codes) >= 25


def test_the_stop_is_forced_after_most_and_that_reported() -> None:
    free, bound = decode(model(), [job(0, sampling=GREEDY, least=0, most=most) for most in (40, 17)])
    assert bound.ended == "bound"
    assert bound.codes.tolist() == free.codes[:17].tolist()


def test_a_stop_just_at_most_is_the_models_own() -> None:
    free = decode(model(5.0), [job(0, sampling=GREEDY, least=0, most=40)])[0]
    tight = decode(model(5.0), [job(0, sampling=GREEDY, least=0, most=len(free.codes))])[0]
    assert said([tight]) == said([free])


@pytest.mark.parametrize("length", [1, 9])
def test_least_and_most_together_fix_the_length(length: int) -> None:
    results = decode(model(4.0), [job(number, least=length, most=length) for number in range(6)])
    assert [len(result.codes) for result in results] == [length] * 6


def test_a_line_that_never_stops_ends_where_the_model_does() -> None:
    gpt = model(-1e9)
    result = decode(gpt, [Job(prompt(20), seed=0)])[0]
    assert result.ended == "limit"
    assert len(result.codes) == gpt.config.max_codes
    assert len(result.codes) - 1 + DECODED_POSITION < len(gpt.mel_pos_embedding)


def test_only_what_can_be_spoken_is_said() -> None:
    gpt = copy.deepcopy(model())
    gpt.mel_head.bias[gpt.config.start] = 1e4
    results = decode(gpt, [job(number) for number in range(8)])
    assert all(int(result.codes.max()) < gpt.config.start for result in results)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("beams", [1, 3])
def test_scores_that_are_not_numbers_are_a_failure(value: float, beams: int) -> None:
    gpt = copy.deepcopy(model())
    gpt.mel_head.bias[7] = value
    with pytest.raises(SpeakingFailed, match="not numbers"):
        decode(gpt, [job(0, sampling=Sampling(beams=beams))])


def test_more_codes_than_the_model_has_positions_for_are_refused() -> None:
    with pytest.raises(SpeakingFailed, match="181"):
        decode(model(), [job(0, least=181, most=200)])


def test_a_prompt_of_another_width_is_refused() -> None:
    with pytest.raises(SpeakingFailed, match="64"):
        decode(model(), [Job(torch.zeros(5, 64), seed=0)])


@pytest.mark.parametrize(
    "wrong",
    [
        {"most": 0},
        {"least": -1},
        {"least": 9, "most": 8},
        {"seed": -1},
        {"prompt": torch.zeros(0, 128)},
        {"prompt": torch.zeros(1, 4, 128)},
    ],
)
def test_a_job_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"codes|seed|prompt"):
        job(0, **wrong)


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="0 rows"):
        decode(model(), [job(0)], rows=0)


def test_no_jobs_are_no_results() -> None:
    assert decode(model(), []) == []


class _Heard(TorchDispatchMode):  # type: ignore[no-untyped-call]  # untyped in torch
    """Notes the name of every operator that runs."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # untyped in torch
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@torch.inference_mode()
def test_a_step_waits_for_nothing_and_moves_nothing() -> None:
    """What a CUDA graph needs: no question to the device, and every tensor where it was."""
    batch = Batch(model(), [job(number) for number in range(3)], 3)
    for number in range(3):
        batch.enter(number, number)

    def places() -> dict[str, int]:
        return {name: value.data_ptr() for name, value in vars(batch).items() if isinstance(value, Tensor)}

    before, heard = places(), _Heard()
    with heard:
        batch.step(64)
        batch.step(64)
    assert heard.names.isdisjoint(WAITS)
    assert "topk" in heard.names
    assert places() == before
    assert batch.count.tolist() == [2, 2, 2]
