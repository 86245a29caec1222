"""What sampling promises: the reference's processors to the letter, per row, and draws that follow from the seed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from transformers.generation.logits_process import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from tts.indextts2.sampling import (
    FAKE_PROMPT_ID,
    TIES,
    Knobs,
    Sampling,
    Uniforms,
    draw,
    keep,
    penalise,
    seen_at_start,
    widest,
)

VOCABULARY = 300
PINNED = [2881469, 106990, 12995234, 7837745]
MIXED = (
    Sampling(),
    Sampling(temperature=1.3, top_k=12, top_p=0.6, repetition_penalty=1.5),
    Sampling(temperature=0.3, top_k=0, top_p=0.95, repetition_penalty=1.0),
    Sampling(temperature=1.0, top_k=1, top_p=1.0),
    Sampling(temperature=2.0, top_k=250, top_p=1.0, repetition_penalty=0.9),
    Sampling(top_k=40, top_p=0.01),
    Sampling(top_k=10_000, top_p=0.5),
)


def scores(rows: int, *, seed: int = 0, spread: float = 3.0) -> Tensor:
    return torch.randn(rows, VOCABULARY, generator=torch.Generator().manual_seed(seed)) * spread


def knobs(*samplings: Sampling) -> Knobs:
    made = Knobs.empty(len(samplings), torch.device("cpu"))
    for row, sampling in enumerate(samplings):
        made.set(row, sampling, VOCABULARY)
    return made


def spread_out(ids: Tensor, kept: Tensor) -> Tensor:
    """Candidates back in the order of the vocabulary."""
    return torch.full((len(ids), VOCABULARY), -torch.inf).scatter(1, ids, kept)


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0.0},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"top_k": -1},
        {"top_p": 0.0},
        {"top_p": 1.01},
        {"repetition_penalty": 0.0},
        {"repetition_penalty": float("inf")},
        {"beams": 0},
    ],
)
def test_a_parameter_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_")[0]):
        Sampling(**wrong)  # type: ignore[arg-type]  # that is the point


def test_the_penalty_divides_above_zero_and_multiplies_below_once_per_seen_id() -> None:
    given = torch.tensor([[4.0, -4.0, 0.0, 4.0, -4.0]])
    seen = torch.tensor([[True, True, True, False, False]])
    assert penalise(given, seen, torch.tensor([10.0])).tolist() == [
        [pytest.approx(0.4), -40.0, 0.0, 4.0, -4.0]
    ]


def test_the_start_token_and_the_fake_prompt_count_as_said() -> None:
    seen = seen_at_start(2, 10, 8, torch.device("cpu"))
    assert [row.nonzero()[:, 0].tolist() for row in seen] == [[FAKE_PROMPT_ID, 8]] * 2


@pytest.mark.parametrize("sampling", MIXED)
@pytest.mark.parametrize("least", [1, 2])
def test_what_is_kept_is_what_the_processors_of_transformers_keep(sampling: Sampling, least: int) -> None:
    given = scores(6)
    said = torch.tensor([[1, 299, 5, 5, 7]] * 6)
    seen = torch.zeros(6, VOCABULARY, dtype=torch.bool).scatter(1, said, True)
    processors = LogitsProcessorList()
    processors.append(RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty))
    processors.append(TemperatureLogitsWarper(sampling.temperature))
    if sampling.top_k:
        processors.append(TopKLogitsWarper(sampling.top_k, min_tokens_to_keep=least))
    processors.append(TopPLogitsWarper(sampling.top_p, min_tokens_to_keep=least))
    want = processors(said, given.clone())

    parameters = knobs(*[sampling] * 6)
    got = keep(penalise(given, seen, parameters.penalty), parameters, sampling.width(VOCABULARY), least)
    torch.testing.assert_close(spread_out(*got), want, rtol=1e-6, atol=0.0)


def test_unlike_requests_share_a_batch_and_keep_what_they_keep_alone() -> None:
    given = scores(len(MIXED), seed=1)
    together = spread_out(*keep(given, knobs(*MIXED), widest(MIXED, VOCABULARY)))
    alone = [
        spread_out(*keep(given[row : row + 1], knobs(sampling), sampling.width(VOCABULARY)))
        for row, sampling in enumerate(MIXED)
    ]
    assert torch.equal(together, torch.cat(alone))


def test_candidates_come_by_falling_score_and_equals_by_rising_id() -> None:
    given = torch.zeros(1, VOCABULARY)
    given[0, [200, 17, 90]] = 1.0
    given[0, 250] = 2.0
    ids, kept = keep(given, knobs(Sampling(temperature=1.0, top_k=4, top_p=1.0)), 4 + TIES)
    assert ids[0, :4].tolist() == [250, 17, 90, 200]
    assert kept[0, :4].tolist() == [2.0, 1.0, 1.0, 1.0]
    assert kept[0, 4:].tolist() == [-torch.inf] * TIES


def test_what_ties_with_the_kth_stays() -> None:
    given = torch.arange(VOCABULARY, dtype=torch.float32)[None] * -1.0
    given[0, 3:9] = -3.0
    sampling = Sampling(temperature=1.0, top_k=5, top_p=1.0)
    ids, kept = keep(given, knobs(sampling), sampling.width(VOCABULARY))
    assert ids[0, torch.isfinite(kept[0])].tolist() == list(range(9))


def test_a_uniform_draws_the_token_whose_stretch_it_falls_into() -> None:
    ids = torch.tensor([[7, 3, 5, 9]])
    kept = torch.tensor([[0.5, 0.3, 0.2, 0.0]]).log()
    for uniform, token in [(0.0, 7), (0.49, 7), (0.51, 3), (0.79, 3), (0.81, 5), (1.0 - 2**-24, 5)]:
        assert draw(ids, kept, torch.tensor([uniform])).tolist() == [token]


def test_the_last_uniform_below_one_draws_the_last_that_was_kept() -> None:
    rows = 20_000
    given = (
        torch.randn(rows, 40, generator=torch.Generator().manual_seed(3)).sort(dim=-1, descending=True).values
    )
    given[:, 25:] = -torch.inf
    ids = torch.arange(40).expand(rows, -1)
    assert int(draw(ids, given, torch.full((rows,), 1 - 2**-24)).max()) == 24


def test_evenly_spaced_uniforms_draw_in_proportion() -> None:
    sampling = Sampling()
    ids, kept = keep(scores(1, seed=2, spread=1.0), knobs(sampling), sampling.width(VOCABULARY))
    count = 20_000
    uniform = (torch.arange(count) + 0.5) / count
    drawn = draw(ids.expand(count, -1), kept.expand(count, -1), uniform)
    share = torch.bincount(drawn, minlength=VOCABULARY) / count
    wanted = spread_out(ids, kept).softmax(dim=-1)[0]
    torch.testing.assert_close(share, wanted, rtol=0.0, atol=2.0 / count)


def test_scores_that_are_not_numbers_draw_some_token_and_no_error() -> None:
    given = torch.full((1, VOCABULARY), torch.nan)
    ids, kept = keep(given, knobs(Sampling()), 30 + TIES)
    assert not torch.isfinite(kept[0, 0])
    assert 0 <= int(draw(ids, kept, torch.tensor([0.7]))) < VOCABULARY


def test_a_seed_gives_the_same_uniforms_everywhere() -> None:
    """Pinned: another NumPy, another machine and another day must speak a line the same way."""
    assert (Uniforms(2026).next(4) * 2**24).int().tolist() == PINNED
    assert torch.equal(Uniforms(2026).next(4), torch.cat([(u := Uniforms(2026)).next(1), u.next(3)]))


def test_uniforms_fill_the_unit_interval_and_differ_by_seed() -> None:
    drawn = torch.stack([Uniforms(seed).next(4000) for seed in range(8)])
    assert drawn.dtype == torch.float32
    assert drawn.min() >= 0.0
    assert drawn.max() < 1.0
    assert len(set(drawn[:, 0].tolist())) == 8
    tenths = torch.histc(drawn, 10, 0.0, 1.0) / drawn.numel()
    torch.testing.assert_close(tenths, torch.full((10,), 0.1), rtol=0.0, atol=0.01)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        Uniforms(-1)
