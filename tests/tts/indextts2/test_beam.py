"""What beams promise: the rules of the walk, draws without replacement, bounds and reports as with one beam."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import pytest
import torch
from tinygpt import model
from torch import Tensor

from bench.goldens.harness import tensor
from tts.errors import SpeakingFailed
from tts.indextts2.beam import _Beam, _Closed, _Search, _walk, decode_beams, draw_without_replacement
from tts.indextts2.decode import decode
from tts.indextts2.gpt import DECODED_POSITION, Gpt
from tts.indextts2.job import Decoded, Job
from tts.indextts2.sampling import Sampling, Uniforms, penalise, seen_at_start

STOP = 9


def job(**changes: Any) -> Job:
    rows = tensor("prompt", [25, model().config.width], "beam", 0.5)
    given: dict[str, Any] = {"prompt": rows, "seed": 5, "most": 20, "sampling": Sampling(beams=3)}
    return Job(**(given | changes))


def said(result: Decoded) -> tuple[list[int], str, int | None]:
    return result.codes.tolist(), result.ended, result.wanted_stop


@torch.inference_mode()
def next_scores(gpt: Gpt, given: Job, codes: tuple[int, ...]) -> Tensor:
    """Processed log-probabilities after `codes`, without a cache: [V]."""
    fed = torch.tensor(codes, dtype=torch.long)
    rows = [given.prompt, gpt.start_row()[None], gpt.code_row(fed, torch.arange(len(fed)) + DECODED_POSITION)]
    log_p = gpt.logits(gpt.gpt(torch.cat(rows)[None])[:, -1]).log_softmax(dim=-1)
    seen = seen_at_start(1, gpt.config.codes, gpt.config.start, log_p.device)
    seen[0, fed] = True
    scores = penalise(log_p, seen, torch.tensor([given.sampling.repetition_penalty]))[0]
    scores[gpt.config.start] = -torch.inf
    return scores


def searched(gpt: Gpt, given: Job, beams: int) -> tuple[int, ...]:
    """Beam search by the definition: no cache, no batch, every sequence scored anew at every step."""
    stop = gpt.config.stop
    alive: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    closed: list[tuple[float, tuple[int, ...]]] = []
    for _ in range(given.most):
        grown = []
        for score, codes in alive:
            scores = next_scores(gpt, given, codes)
            grown += [
                (score + float(scores[token]), codes, token)
                for token in scores.topk(2 * beams).indices.tolist()
            ]
        grown = sorted(grown, key=lambda entry: -entry[0])[: 2 * beams]
        closed += [(score, codes) for score, codes, token in grown[:beams] if token == stop]
        closed = sorted(closed, key=lambda entry: -entry[0])[:beams]
        alive = [(score, (*codes, token)) for score, codes, token in grown if token != stop][:beams]
        if len(closed) == beams and closed[-1][0] >= grown[0][0]:
            return closed[0][1]
    return max(closed + alive, key=lambda entry: entry[0])[1]


@pytest.mark.parametrize("beams", [2, 3, 5])
@pytest.mark.parametrize("bias", [0.0, 2.0, 4.0, 6.0])
def test_the_search_finds_what_its_definition_finds(beams: int, bias: float) -> None:
    given = job(most=12, sampling=Sampling(beams=beams, greedy=True))
    assert tuple(decode_beams(model(bias), given, beams).codes.tolist()) == searched(
        model(bias), given, beams
    )


@torch.inference_mode()
def test_every_beam_goes_on_from_its_own_past() -> None:
    """Cache and penalty follow the beams through every change of places."""
    given = job(sampling=Sampling(temperature=1.0, top_k=0, top_p=1.0, beams=4))
    gpt, search = model(), _Search(model(), given, 4, given.most)
    alive, moves = [_Beam((), 0.0)] * 4, 0
    for _ in range(given.most):
        candidates, wants = search.step(alive, early=False)
        for score, source, token in candidates:
            wanted = alive[source].score + float(next_scores(gpt, given, alive[source].codes)[token])
            assert score == pytest.approx(wanted, abs=1e-3)
        alive, sources = _walk(candidates, wants, alive, _Closed(4), gpt.config.stop)
        moves += sources != [0, 1, 2, 3]
        search.follow(alive, sources)
    assert moves > 5


def test_some_of_those_searches_stop_and_some_do_not() -> None:
    ended = {
        decode_beams(model(bias), job(most=12, sampling=Sampling(beams=3, greedy=True)), 3).ended
        for bias in (0.0, 2.0, 4.0, 6.0)
    }
    assert ended == {"stop", "bound"}


def test_a_stop_closes_only_among_the_first_ranks() -> None:
    alive, closed = [_Beam((1,), -1.0), _Beam((2,), -2.0)], _Closed(2)
    candidates = [(-1.5, 0, STOP), (-2.0, 1, 4), (-2.5, 1, STOP), (-3.0, 0, 5)]
    following, sources = _walk(candidates, [False, True], alive, closed, STOP)
    assert closed.beams == [_Beam((1,), -1.5, None, stopped=True)]
    assert following == [_Beam((2, 4), -2.0, wanted=1), _Beam((1, 5), -3.0)]
    assert sources == [1, 0]


def test_a_suppressed_stop_closes_nothing() -> None:
    closed = _Closed(2)
    _walk(
        [(-math.inf, 0, STOP), (-math.inf, 0, 3), (-math.inf, 1, 4)],
        [True, True],
        [_Beam((), 0.0)] * 2,
        closed,
        STOP,
    )
    assert closed.beams == []


def test_the_closed_keep_the_best_and_end_when_nothing_better_can_come() -> None:
    closed = _Closed(2)
    closed.add(_Beam((1,), -5.0))
    assert not closed.beyond(-9.0)
    closed.add(_Beam((2,), -3.0))
    assert closed.beyond(-5.0)
    assert not closed.beyond(-4.0)
    closed.add(_Beam((3,), -4.0))
    closed.add(_Beam((4,), -6.0))
    assert [beam.score for beam in closed.beams] == [-3.0, -4.0]


def test_draws_without_replacement_come_in_their_proportions() -> None:
    weights = [0.5, 0.3, 0.15, 0.05]
    scores, tries = torch.tensor(weights).log(), 20_000
    uniform = Uniforms(1).next(4 * tries).view(tries, 4)
    drawn = [tuple(draw_without_replacement(scores, row, 2).tolist()) for row in uniform]
    for first, second in permutations(range(4), 2):
        wanted = weights[first] * weights[second] / (1 - weights[first])
        assert drawn.count((first, second)) / tries == pytest.approx(wanted, abs=0.012)


def test_the_ends_of_the_unit_interval_draw_too() -> None:
    """Noise of ±∞ would put a candidate of no probability first, or turn it into no number at all."""
    scores = torch.tensor([0.0, -torch.inf, -1.0])
    for uniform in ([0.0, 1 - 2**-24, 0.5], [1 - 2**-24, 1 - 2**-24, 0.0]):
        assert sorted(draw_without_replacement(scores, torch.tensor(uniform), 2).tolist()) == [0, 2]


def test_beams_draw_by_their_seed_alone() -> None:
    one, two, again = (said(decode_beams(model(), job(seed=seed), 3)) for seed in (1, 2, 1))
    assert one == again
    assert one != two


def test_decode_speaks_jobs_of_many_beams_among_others() -> None:
    jobs = [job(sampling=Sampling()), job(), job(sampling=Sampling(beams=2))]
    results = [said(result) for result in decode(model(), jobs, rows=2)]
    assert results[0] == said(decode(model(), [job(sampling=Sampling())])[0])
    assert results[1] == said(decode_beams(model(), job(), 3))
    assert results[2] == said(decode_beams(model(), job(), 2))


def test_least_holds_the_stop_back_and_reports_the_wish() -> None:
    gpt, greedy = model(8.0), Sampling(beams=3, greedy=True)
    free = decode_beams(gpt, job(sampling=greedy), 3)
    held = decode_beams(gpt, job(sampling=greedy, least=12), 3)
    assert free.ended == "stop"
    assert len(free.codes) < 12
    assert len(held.codes) >= 12
    assert held.wanted_stop is not None
    assert held.wanted_stop < 12


def test_most_and_the_models_end_are_told_apart() -> None:
    bound = decode_beams(model(-1e9), job(most=6), 3)
    assert said(bound)[1:] == ("bound", None)
    assert len(bound.codes) == 6
    limit = decode_beams(model(-1e9), job(most=1500), 2)
    assert limit.ended == "limit"
    assert len(limit.codes) == model().config.max_codes


def test_one_beam_is_no_search() -> None:
    with pytest.raises(ValueError, match="1 beams"):
        decode_beams(model(), job(), 1)


def test_more_codes_than_the_model_has_positions_for_are_refused() -> None:
    with pytest.raises(SpeakingFailed, match="181"):
        decode_beams(model(), job(least=181, most=200), 3)
