"""The text-to-semantic model: rows do not touch each other, and the cache tells what the whole pass tells."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import pytest
import torch
from torch import Tensor

from bench.goldens import gpt as golden
from bench.goldens.harness import KIT, Case, fill, load_cases, load_manifest
from tts.errors import BadWeights
from tts.indextts2 import gpt as room
from tts.indextts2.conditioning import PREFIXES
from tts.indextts2.config import GptConfig
from tts.indextts2.gpt import Gpt
from tts.indextts2.linear import Affine
from tts.indextts2.trunk import KeyValueCache

ROUNDING = {"rtol": 1e-4, "atol": 2e-5}
"""Float32 noise of sums in another order, on hidden states of size 1 to 4."""


def case(version: str) -> Case:
    return load_cases(
        KIT,
        size="tiny",
        component="gpt.prompt",
        id={"2.0": "gpt20_prompt"}.get(version, "gpt25_prompt_plain"),
    )[0]


@pytest.fixture(scope="module", name="gpt")
def _gpt() -> Gpt:
    return golden.load(case("2.0"))[1]


@pytest.fixture(scope="module", name="later")
def _later() -> Gpt:
    return golden.load(case("2.5"))[1]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def prompts(gpt: Gpt) -> list[Tensor]:
    return [
        gpt.prompt(noise(32, 128, seed=n), noise(128, seed=n), torch.arange(2, 2 + n)) for n in (5, 11, 2)
    ]


CODES = [torch.arange(n, n + n) for n in (4, 9, 20)]


def cached(gpt: Gpt, rows: int, length: int) -> KeyValueCache:
    return gpt.gpt.cache(rows, length, torch.device("cpu"), torch.float32)


def assert_close(got: Tensor, want: Tensor) -> None:
    torch.testing.assert_close(got, want, **ROUNDING)


# -- latent pass --


def test_ragged_rows_get_the_latents_they_get_alone_and_in_order(gpt: Gpt) -> None:
    alone = [gpt.latents([p], [c])[0] for p, c in zip(prompts(gpt), CODES, strict=True)]
    together = gpt.latents(prompts(gpt), CODES)
    assert [latent.shape for latent in together] == [(4, 128), (9, 128), (20, 128)]
    for got, want in zip(together, alone, strict=True):
        assert_close(got, want)


def test_a_small_budget_changes_no_latent(gpt: Gpt, monkeypatch: pytest.MonkeyPatch) -> None:
    want = gpt.latents(prompts(gpt), CODES)
    monkeypatch.setattr(room, "PASS_ROWS", 1)
    for got, one in zip(gpt.latents(prompts(gpt), CODES), want, strict=True):
        assert_close(got, one)


def test_no_pass_holds_more_than_its_budget() -> None:
    lengths = [3, 50, 7, 7, 20, 100, 1]
    groups = list(room._groups(lengths, 60))
    assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    assert all(len(g) == 1 or len(g) * max(lengths[i] for i in g) <= 60 for g in groups)
    assert groups[0] == [5]  # longer than the budget: alone


def test_the_last_code_is_predicted_and_predicts_nothing(gpt: Gpt) -> None:
    row, codes = prompts(gpt)[0], CODES[2]
    other = codes.clone()
    other[-1] = 200
    assert torch.equal(gpt.latents([row], [codes])[0], gpt.latents([row], [other])[0])


def test_no_codes_have_no_latents(gpt: Gpt) -> None:
    assert gpt.latents(prompts(gpt)[:1], [torch.zeros(0, dtype=torch.long)])[0].shape == (0, 128)


# -- prompt --


def test_a_count_changes_the_first_slot_only(gpt: Gpt) -> None:
    given = (noise(32, 128), noise(128), torch.arange(2, 9))
    free, timed = gpt.prompt(*given), gpt.prompt(*given, count=40)
    assert [n for n in range(len(free)) if not torch.equal(free[n], timed[n])] == [32]
    assert torch.equal(timed[32], gpt.mel_pos_embedding.emb.weight[40])


def test_marks_inside_the_text_are_dropped_unless_kept(gpt: Gpt) -> None:
    given = noise(32, 128), noise(128)
    plain = gpt.prompt(*given, torch.tensor([5, 6, 7]))
    marked = torch.tensor([5, 0, 6, 1, 7, 1])
    assert torch.equal(gpt.prompt(*given, marked), plain)
    assert len(gpt.prompt(*given, marked, keep_marks=True)) == len(plain) + 3


def test_the_language_reaches_text_rows_only(later: Gpt) -> None:
    given = noise(1, 128), noise(128), torch.arange(2, 9)
    english, chinese = later.prompt(*given, language=0), later.prompt(*given, language=1)
    assert len(english) == 1 + 2 + 9
    assert not english[1:3].any()  # both slots
    assert [n for n in range(12) if not torch.equal(english[n], chinese[n])] == list(range(3, 12))


@pytest.mark.parametrize("count", [0, -1, 183])
def test_a_count_outside_the_table_is_refused(gpt: Gpt, count: int) -> None:
    with pytest.raises(ValueError, match="cannot be asked for"):
        gpt.prompt(noise(32, 128), noise(128), torch.arange(2, 9), count=count)


def test_what_a_release_does_not_have_is_refused(gpt: Gpt, later: Gpt) -> None:
    ids = torch.arange(2, 9)
    with pytest.raises(ValueError, match="language"):
        gpt.prompt(noise(32, 128), noise(128), ids, language=0)
    with pytest.raises(ValueError, match="language"):
        later.prompt(noise(1, 128), noise(128), ids)
    with pytest.raises(ValueError, match="not in the table"):
        later.prompt(noise(1, 128), noise(128), ids, language=107)
    with pytest.raises(ValueError, match="number of codes"):
        later.prompt(noise(1, 128), noise(128), ids, language=0, count=40)


def test_a_text_longer_than_its_table_is_refused(gpt: Gpt) -> None:
    most = torch.full((60,), 7)
    assert len(gpt.prompt(noise(32, 128), noise(128), most)) == 34 + 62
    with pytest.raises(ValueError, match="61 text ids are too many"):
        gpt.prompt(noise(32, 128), noise(128), torch.full((61,), 7))


# -- trunk and cache --


def test_steps_over_the_cache_equal_the_whole_pass_and_rows_stay_apart(gpt: Gpt) -> None:
    trunk, lengths, rows = gpt.gpt, torch.tensor([5, 9, 2]), [3, 0, 2]
    whole = noise(3, 16, 128)
    want = trunk(whole)
    cache = cached(gpt, 5, 32)
    cache.keys.normal_(std=100.0)  # what an earlier request left behind
    cache.values.normal_(std=100.0)
    first = trunk.prefill(whole[:, :9], cache, rows, lengths)
    assert_close(first, want[torch.arange(3), lengths - 1])
    positions = torch.zeros(5, dtype=torch.long)
    for k in range(6):
        x = noise(5, 128, seed=k)
        for i, row in enumerate(rows):
            positions[row] = lengths[i] + k
            x[row] = whole[i, lengths[i] + k]
        got = trunk.step(x, cache, positions, span=16)
        assert_close(got[rows], want[torch.arange(3), lengths + k])


def test_a_wider_span_changes_nothing(gpt: Gpt) -> None:
    out = []
    for span in (8, 32):
        cache = cached(gpt, 2, 32)
        gpt.gpt.prefill(noise(2, 7, 128), cache, [0, 1])
        out.append(gpt.gpt.step(noise(2, 128), cache, torch.tensor([7, 7]), span))
    assert_close(out[0], out[1])


def test_a_prompt_alone_needs_no_batch_dimension(gpt: Gpt) -> None:
    caches = cached(gpt, 2, 16), cached(gpt, 2, 16)
    x = noise(7, 128)
    assert torch.equal(
        gpt.gpt.prefill(x, caches[0], [1]), gpt.gpt.prefill(x[None], caches[1], torch.tensor([1]))
    )
    assert torch.equal(caches[0].keys, caches[1].keys)
    assert not caches[0].keys[:, 0].any()


def test_reordered_rows_continue_as_their_sources(gpt: Gpt) -> None:
    cache = cached(gpt, 3, 16)
    gpt.gpt.prefill(noise(3, 7, 128), cache, [0, 1, 2])
    x, positions = noise(1, 128).expand(3, -1), torch.full((3,), 7)
    before = gpt.gpt.step(x, cache, positions, 8)
    cache.reorder(torch.tensor([2, 0, 0]), 8)
    assert_close(gpt.gpt.step(x, cache, positions, 8), before[[2, 0, 0]])


def test_the_cache_keeps_its_address(gpt: Gpt) -> None:
    cache = cached(gpt, 2, 16)
    address = cache.keys.data_ptr(), cache.values.data_ptr()
    gpt.gpt.prefill(noise(2, 7, 128), cache, [0, 1])
    gpt.gpt.step(noise(2, 128), cache, torch.tensor([7, 7]), 8)
    cache.reorder(torch.tensor([1, 0]), 8)
    assert (cache.keys.data_ptr(), cache.values.data_ptr()) == address


# -- weights --


@lru_cache(maxsize=1)
def parts() -> tuple[GptConfig, dict[str, Tensor]]:
    one = case("2.0")
    assert one.config is not None
    state = fill(load_manifest(KIT, one.raw["manifest"]), one.raw["salt"])
    return GptConfig.parse(one.config), {k: v for k, v in state.items() if not k.startswith(PREFIXES)}


def test_what_old_checkpoints_carry_besides_is_ignored() -> None:
    config, state = parts()
    old = {
        "gpt.wte.weight": state["mel_embedding.weight"],
        "inference_model.lm_head.0.weight": noise(3),
        "gpt.h.0.attn.bias": torch.ones(1, 1, 8, 8, dtype=torch.bool),
        "gpt.h.2.attn.masked_bias": torch.tensor(-1e4),
    }
    Gpt.load(config, state | old)


def test_an_unknown_tensor_is_refused() -> None:
    config, state = parts()
    with pytest.raises(BadWeights, match=r"gpt\.h\.0\.attn\.q_proj"):
        Gpt.load(config, state | {"gpt.h.0.attn.q_proj.weight": noise(3)})


def test_a_width_that_the_heads_do_not_fill_is_refused() -> None:
    config, state = parts()
    with pytest.raises(BadWeights, match="3 heads of 64"):
        Gpt.load(replace(config, heads=3), state)


def test_packing_changes_no_result_and_moving_undoes_it() -> None:
    config, state = parts()
    gpt = Gpt.load(config, state)
    x = noise(1, 9, 128)
    want = gpt.logits(gpt.gpt(x))
    gpt.pack()
    assert_close(gpt.logits(gpt.gpt(x)), want)
    moved = gpt.to(torch.float64)
    assert not any(m.weight.is_mkldnn for m in moved.modules() if isinstance(m, Affine))
    assert_close(moved.logits(moved.gpt(x.double())), want)


def test_half_precision_stays_near() -> None:
    config, state = parts()
    gpt = Gpt.load(config, state)
    row = gpt.prompt(noise(32, 128), noise(128), torch.arange(2, 9))
    want = gpt.latents([row], [CODES[1]])[0]
    half = gpt.to(torch.bfloat16)
    row = half.prompt(noise(32, 128), noise(128), torch.arange(2, 9))
    assert row.dtype == torch.bfloat16
    got = half.latents([row], [CODES[1]])[0]
    assert torch.nn.functional.cosine_similarity(got.float(), want, dim=-1).min() > 0.99
    assert half.logits(got).dtype == torch.float32
