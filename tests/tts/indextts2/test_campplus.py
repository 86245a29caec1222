"""What the speaker encoder promises: one vector for a recording of any length, by the published network."""

from __future__ import annotations

from functools import cache

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from bench.goldens.harness import Case, load_cases, load_manifest, standard_buffers, tensor
from tts.errors import BadReference, BadWeights
from tts.indextts2.campplus import SEGMENT, CampPlus, _BatchNorm, _ContextAwareMask
from tts.indextts2.config import SpeakerConfig


@cache
def case() -> Case:
    return load_cases(size="tiny", component="campplus.embed")[0]


@cache
def official() -> dict[str, Tensor]:
    state: dict[str, Tensor] = case().weights()
    return state


def config() -> SpeakerConfig:
    return SpeakerConfig.parse(case().config or {})


@cache
def net() -> CampPlus:
    return CampPlus.load(config(), official())


def fbank(frames: int, count: int = 1) -> Tensor:
    return tensor("fbank", [count, frames, 80], f"campplus {frames}", 3.0)


@pytest.mark.parametrize("frames", [3, 4, 199, 200, 201, 401])
def test_a_recording_of_any_length_has_one_vector(frames: int) -> None:
    style = net().embed(fbank(frames))
    assert style.shape == (1, config().embedding)
    assert torch.isfinite(style).all()


def test_a_voice_is_the_same_alone_and_in_a_batch() -> None:
    together = net().embed(fbank(150, count=3))
    for row in range(3):
        alone = net().embed(fbank(150, count=3)[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, rtol=1e-5, atol=1e-5)


def test_the_precision_is_that_of_the_weights() -> None:
    double = CampPlus.load(config(), official()).to(torch.float64)
    got = double.embed(fbank(150).double())
    assert got.dtype == torch.float64
    torch.testing.assert_close(got, net().embed(fbank(150)), rtol=1e-4, atol=1e-4, check_dtype=False)


@pytest.mark.parametrize("frames", [1, 99, 100, 101, 230])
@pytest.mark.parametrize("dilation", [1, 2])
def test_a_mask_is_made_of_the_whole_and_of_its_own_segment(frames: int, dilation: int) -> None:
    torch.manual_seed(0)
    layer = _ContextAwareMask(8, 4, dilation).double()
    x = tensor("x", [2, 8, frames], f"segment {frames}").double()
    local = layer.linear_local(x)
    want = torch.empty_like(local)
    for frame in range(frames):
        start = frame // SEGMENT * SEGMENT
        context = x.mean(-1) + x[..., start : start + SEGMENT].mean(-1)
        hidden = F.relu(F.linear(context, layer.linear1.weight[..., 0], layer.linear1.bias))
        mask = torch.sigmoid(F.linear(hidden, layer.linear2.weight[..., 0], layer.linear2.bias))
        want[..., frame] = local[..., frame] * mask
    torch.testing.assert_close(layer(x), want)


@pytest.mark.parametrize("affine", [True, False])
def test_normalisation_is_batch_normalisation_at_inference(affine: bool) -> None:
    want = nn.BatchNorm1d(6, affine=affine).eval()
    for name, value in want.state_dict().items():
        if value.is_floating_point():
            value.copy_(tensor(name, [6], "batch norm").abs() + 0.1)
    mine = _BatchNorm(6, affine=affine)
    mine.load_state_dict({k: v for k, v in want.state_dict().items() if k != "num_batches_tracked"})
    x = tensor("x", [2, 6, 5], "batch norm")
    torch.testing.assert_close(mine(x), want(x))


def test_fewer_frames_than_a_deviation_needs_are_a_bad_reference() -> None:
    with pytest.raises(BadReference):
        net().embed(fbank(2))


def test_the_released_file_comes_with_counters() -> None:
    counters = standard_buffers(load_manifest(case().root, case().raw["manifest"]))
    assert counters
    whole = CampPlus.load(config(), {**official(), **counters})
    assert not any(value.is_meta for value in (*whole.parameters(), *whole.buffers()))
    assert torch.equal(whole.embed(fbank(50)), net().embed(fbank(50)))


def test_the_released_dimensions_are_the_defaults() -> None:
    shapes = load_manifest(case().root, "full_campplus")
    with torch.device("meta"):
        full = CampPlus(SpeakerConfig.parse({}))
    want = {key: shape for key, shape in shapes.items() if not key.endswith("num_batches_tracked")}
    assert {key: list(value.shape) for key, value in full.state_dict().items()} == want


def test_a_lost_weight_and_an_unknown_one_are_named() -> None:
    lost = "xvector.block2.tdnnd24.cam_layer.linear1.bias"
    with pytest.raises(BadWeights, match=lost):
        CampPlus.load(config(), {key: value for key, value in official().items() if key != lost})
    with pytest.raises(BadWeights, match=r"xvector\.block4"):
        CampPlus.load(config(), {**official(), "xvector.block4.weight": torch.zeros(1)})
