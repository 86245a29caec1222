"""What the semantic encoder promises: the same of a recording in any batch, and only the weights that it knows."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.goldens.harness import Case, load_cases, tensor
from tts.errors import BadWeights
from tts.indextts2.semantic import LAYERS, SemanticEncoder


@cache
def case() -> Case:
    return load_cases(size="tiny", component="w2v.hidden17")[0]


@cache
def official() -> dict[str, Tensor]:
    state: dict[str, Tensor] = case().weights()
    return state


def config(**changed: object) -> dict[str, Any]:
    return {**(case().config or {}), **changed}


def stats() -> dict[str, Tensor]:
    return {"mean": tensor("mean", [64], "stats", 0.2), "var": tensor("var", [64], "stats").abs() + 0.5}


@cache
def encoder() -> SemanticEncoder:
    return SemanticEncoder.load(config(), official(), stats())


def sound(positions: int) -> Tensor:
    return tensor("features", [1, positions, 160], f"semantic {positions}")


def all_of(features: Tensor) -> Tensor:
    return torch.ones(features.shape[:2], dtype=torch.bool)


def test_a_recording_sounds_the_same_alone_and_in_a_batch() -> None:
    lengths = (31, 90, 2)
    alone = []
    features, mask = torch.full((3, 90, 160), 7.0), torch.zeros(3, 90, dtype=torch.bool)
    for row, length in enumerate(lengths):
        one = sound(length)
        own = all_of(one)
        own[0, -1] = row != 0  # the first has an odd frame out
        alone.append(encoder().features(one, own))
        features[row, :length], mask[row, :length] = one[0], own[0]
    together = encoder().features(features, mask)
    for row, length in enumerate(lengths):
        torch.testing.assert_close(together[row, :length], alone[row][0], rtol=1e-5, atol=1e-5)


def test_nobody_listens_to_what_is_masked() -> None:
    features = sound(20)
    mask = all_of(features)
    mask[0, -1] = False
    louder = features.clone()
    louder[0, -1] *= 100
    assert torch.equal(encoder().hidden(louder, mask), encoder().hidden(features, mask))
    assert not torch.equal(
        encoder().hidden(louder, all_of(features)), encoder().hidden(features, all_of(features))
    )
    assert encoder().projected(features, mask)[0, -1].abs().sum() == 0


def test_features_are_the_hidden_state_measured_against_the_statistics() -> None:
    features = sound(20)
    hidden = encoder().hidden(features, all_of(features))
    want = (hidden - stats()["mean"]) / stats()["var"].sqrt()
    torch.testing.assert_close(encoder().features(features, all_of(features)), want)


def test_the_statistics_and_the_weights_move_together() -> None:
    double = SemanticEncoder.load(config(), official(), stats()).to(torch.float64)
    features = sound(20)
    got = double.features(features.double(), all_of(features))
    assert got.dtype == torch.float64
    want = encoder().features(features, all_of(features))
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4, check_dtype=False)


def test_nothing_is_left_without_a_value_and_no_layer_is_built_in_vain() -> None:
    held = [*encoder().parameters(), *encoder().buffers()]
    assert not any(value.is_meta for value in held)
    assert not any(value.requires_grad for value in held)
    assert not any(part.training for part in encoder().modules())
    assert f"encoder.layers.{LAYERS - 1}.ffn1.intermediate_dense.weight" in encoder().state_dict()
    assert f"encoder.layers.{LAYERS}.ffn1.intermediate_dense.weight" not in encoder().state_dict()


def test_the_layers_above_may_be_absent_or_many() -> None:
    above = {f"encoder.layers.{layer}.final_layer_norm.weight": torch.ones(64) for layer in range(LAYERS, 24)}
    SemanticEncoder.load(config(num_hidden_layers=24), {**official(), **above}, stats())
    needed = {key: value for key, value in official().items() if f".{LAYERS}." not in key}
    assert len(needed) < len(official())
    SemanticEncoder.load(config(), needed, stats())


@pytest.mark.parametrize(
    "lost", ["encoder.layers.16.final_layer_norm.bias", "feature_projection.projection.weight"]
)
def test_a_lost_weight_is_named(lost: str) -> None:
    state = {key: value for key, value in official().items() if key != lost}
    with pytest.raises(BadWeights, match=lost):
        SemanticEncoder.load(config(), state, stats())


def test_an_unknown_weight_is_named() -> None:
    with pytest.raises(BadWeights, match=r"encoder\.embed_positions\.pe"):
        SemanticEncoder.load(config(), {**official(), "encoder.embed_positions.pe": torch.zeros(1)}, stats())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("position_embeddings_type", "rotary"),
        ("position_embeddings_type", "relative"),
        ("add_adapter", True),
        ("use_intermediate_ffn_before_adapter", True),
        ("num_hidden_layers", 16),
        ("num_hidden_layers", "24"),
        ("hidden_size", 64.0),
        ("num_attention_heads", 0),
    ],
)
def test_another_variant_is_refused(key: str, value: object) -> None:
    with pytest.raises(BadWeights):
        SemanticEncoder.load(config(**{key: value}), official(), stats())


@pytest.mark.parametrize(
    "changed",
    [
        {"mean": torch.zeros(65)},
        {"var": torch.zeros(64)},
        {"var": torch.full((64,), -1.0)},
        {"var": torch.full((64,), torch.nan)},
        {"mean": torch.full((64,), torch.inf)},
    ],
    ids=["misshapen", "no variance", "negative", "not a number", "infinite"],
)
def test_statistics_that_cannot_be_are_refused(changed: dict[str, Tensor]) -> None:
    with pytest.raises(BadWeights, match="statistics"):
        SemanticEncoder.load(config(), official(), {**stats(), **changed})


@pytest.mark.parametrize("lost", ["mean", "var"])
def test_statistics_that_lack_a_half_are_refused(lost: str) -> None:
    with pytest.raises(BadWeights, match=lost):
        SemanticEncoder.load(config(), official(), {k: v for k, v in stats().items() if k != lost})
