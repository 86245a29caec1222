"""The length regulator: frame counts, the frame under every feature, and that a batch changes nothing."""

from __future__ import annotations

from functools import lru_cache

import pytest
import torch

from bench.goldens.flow import RUNNERS, group
from bench.goldens.harness import KIT, Case, fill, load_cases, load_manifest, manifest_info
from tts.errors import BadWeights
from tts.indextts2.clock import PACES
from tts.indextts2.config import FlowConfig
from tts.indextts2.regulator import LatentProjection, Regulator, nearest

CASES = [case for case in load_cases(size="tiny") if case.component in ("s2mel.regulate", "s2mel.gpt_layer")]


@lru_cache(maxsize=1)
def tiny_state() -> dict[str, torch.Tensor]:
    return fill(load_manifest(KIT, "tiny_s2mel20"), "regulator-test")


@lru_cache(maxsize=1)
def tiny_regulator() -> Regulator:
    config = FlowConfig.parse(manifest_info(KIT, "tiny_s2mel20")["config"])
    return Regulator.load(config, group(tiny_state(), "length_regulator"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_it_computes_what_the_reference_does(case: Case) -> None:
    case.check(RUNNERS[case.component](case))


def test_the_nearest_feature_is_torch_s_own_choice() -> None:
    for features in range(1, 400):
        frames = PACES["2.0"].frames(features)
        ramp = torch.arange(features, dtype=torch.float32).view(1, 1, -1)
        expected = torch.nn.functional.interpolate(ramp, size=frames, mode="nearest").flatten().long()
        assert torch.equal(nearest(features, frames), expected), features


def test_a_batch_of_mixed_lengths_equals_one_by_one() -> None:
    generator = torch.Generator().manual_seed(1)
    sizes = [(25, 43), (30, 51), (25, 43), (25, 40), (1, 1)]
    xs = [torch.randn(features, 1024, generator=generator) for features, _ in sizes]
    together = tiny_regulator().regulate(xs, [frames for _, frames in sizes])
    for x, (_, frames), result in zip(xs, sizes, together, strict=True):
        assert result.shape == (frames, 48)
        torch.testing.assert_close(result, tiny_regulator()(x, frames), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("features", "frames"), [(0, 3), (3, 0)])
def test_nothing_cannot_be_regulated(features: int, frames: int) -> None:
    with pytest.raises(ValueError, match="cannot become"):
        tiny_regulator()(torch.zeros(features, 1024), frames)


def test_a_projection_that_lacks_a_map_is_refused() -> None:
    state = group(tiny_state(), "gpt_layer")
    with pytest.raises(BadWeights, match="linear maps"):
        LatentProjection.load({key: value for key, value in state.items() if not key.startswith("1.")})
    with pytest.raises(BadWeights, match="follow"):
        LatentProjection.load({**state, "1.weight": torch.zeros(128, 255)})


def test_a_projection_follows_its_module_to_another_type() -> None:
    projection = LatentProjection.load(group(tiny_state(), "gpt_layer")).to(torch.bfloat16)
    assert projection(torch.zeros(2, 1280, dtype=torch.bfloat16)).dtype == torch.bfloat16
