"""The flow decoder: parity, independence of neighbours, and that no frame left out is missed."""

from __future__ import annotations

from functools import lru_cache

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from bench.goldens.flow import RUNNERS, group
from bench.goldens.harness import (
    KIT,
    Case,
    fill,
    load_cases,
    load_manifest,
    manifest_info,
    official_checkpoint,
)
from tts.errors import BadWeights
from tts.indextts2.config import FlowConfig
from tts.indextts2.flow import Flow, FlowJob
from tts.indextts2.wavenet import WaveNet, windows

CASES = [case for case in load_cases(size="tiny") if case.component in ("s2mel.velocity", "s2mel.solve")]
CONFIG = FlowConfig.parse(manifest_info(KIT, "tiny_s2mel20")["config"])
TIGHT = 1e-5


@lru_cache(maxsize=1)
def weights() -> dict[str, Tensor]:
    return group(fill(load_manifest(KIT, "tiny_s2mel20"), "flow-test"), "cfm")


@lru_cache(maxsize=1)
def tiny_flow() -> Flow:
    return Flow.load(CONFIG, weights())


def job(prompt: int, new: int, seed: int = 0) -> FlowJob:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    return FlowJob(
        condition=normal(prompt + new, CONFIG.content),
        prompt=2 * normal(CONFIG.mels, prompt) - 4,
        style=normal(CONFIG.style),
        noise=normal(CONFIG.mels, prompt + new),
    )


def error(got: Tensor, want: Tensor) -> float:
    assert got.shape == want.shape
    return float((got - want).abs().max() / want.abs().max())


def by_whole_sequences(flow: Flow, line: FlowJob, steps: int, guidance: float) -> Tensor:
    """Euler's method spelled out over all frames, prompt and all."""
    x = line.noise.clone()
    x[:, : line.prompt_frames] = 0
    for k in range(steps):
        conditioned, free = flow.velocity(line, x, k / steps)
        x = x + ((1 + guidance) * conditioned - guidance * free) / steps
        x[:, : line.prompt_frames] = 0
    return x[:, line.prompt_frames :]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_it_computes_what_the_reference_does(case: Case) -> None:
    case.check(RUNNERS[case.component](case))


REACH = 6
"""Frames that the tiny WaveNet sees to one side: three layers of two."""


@pytest.mark.parametrize("prompt", [0, 1, 2, REACH - 1, REACH, REACH + 1, 40])
def test_leaving_the_prompt_out_changes_no_new_frame(prompt: int) -> None:
    assert tiny_flow().estimator.wavenet.reach == REACH
    line = job(prompt, 21)
    [mel] = tiny_flow().solve([line], steps=4, guidance=0.7)
    assert error(mel, by_whole_sequences(tiny_flow(), line, 4, 0.7)) < TIGHT


@pytest.mark.parametrize(("prompt", "new"), [(0, 1), (1, 1), (0, 2), (0, 3), (30, 1)])
def test_the_shortest_lines_are_solved(prompt: int, new: int) -> None:
    line = job(prompt, new)
    [mel] = tiny_flow().solve([line], steps=2)
    assert error(mel, by_whole_sequences(tiny_flow(), line, 2, 0.7)) < TIGHT


@pytest.mark.parametrize("guidance", [0.0, 0.7])
@pytest.mark.parametrize("budget", [1, 100, 4096])
def test_a_batch_of_mixed_lengths_equals_one_by_one(guidance: float, budget: int) -> None:
    sizes = [(26, 44), (3, 9), (50, 17), (0, 30), (26, 44)]
    jobs = [job(prompt, new, seed) for seed, (prompt, new) in enumerate(sizes)]
    together = tiny_flow().solve(jobs, steps=5, guidance=guidance, frame_budget=budget)
    assert [mel.shape[1] for mel in together] == [new for _, new in sizes]
    for line, mel in zip(jobs, together, strict=True):
        [alone] = tiny_flow().solve([line], steps=5, guidance=guidance)
        assert error(mel, alone) < TIGHT


def test_a_job_does_not_depend_on_its_neighbours() -> None:
    line = job(20, 30)
    [first, _] = tiny_flow().solve([line, job(20, 30, seed=7)], steps=3)
    loud = job(20, 30, seed=8)
    [second, _] = tiny_flow().solve([line, FlowJob(loud.condition * 1e3, *parts(loud))], steps=3)
    assert error(second, first) < 1e-6


def parts(line: FlowJob) -> tuple[Tensor, Tensor, Tensor]:
    return line.prompt, line.style, line.noise


def test_without_guidance_the_free_branch_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    flow, branches = tiny_flow(), []
    backbone = flow.estimator.backbone

    def counted(x: Tensor, constant: Tensor, *rest: object) -> Tensor:
        branches.append(constant.shape[0])
        return backbone(x, constant, *rest)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(flow.estimator, "backbone", counted)
    flow.solve([job(5, 9)], steps=2, guidance=0)
    flow.solve([job(5, 9)], steps=2, guidance=0.7)
    assert branches == [1, 1, 2, 2]


def test_what_depends_on_time_is_computed_once_a_call_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    flow, calls = tiny_flow(), []
    moments = flow.estimator.moments

    def counted(times: Tensor) -> object:
        calls.append(len(times))
        return moments(times)

    monkeypatch.setattr(flow.estimator, "moments", counted)
    before = {name: id(value) for name, value in flow.__dict__.items()}
    flow.solve([job(5, 9), job(6, 8)], steps=3, frame_budget=1)
    flow.solve([job(5, 9)], steps=4)
    assert calls == [3, 4]
    assert {name: id(value) for name, value in flow.__dict__.items()} == before


def test_the_jobs_are_left_as_they_were() -> None:
    line = job(5, 9)
    before = [tensor.clone() for tensor in (line.condition, *parts(line))]
    tiny_flow().solve([line], steps=2)
    assert all(torch.equal(*pair) for pair in zip(before, (line.condition, *parts(line)), strict=True))


def test_half_precision_weights_keep_a_float32_state() -> None:
    line = job(26, 44)
    [exact] = tiny_flow().solve([line], steps=5)
    [rough] = Flow.load(CONFIG, weights()).to(torch.bfloat16).solve([line], steps=5)
    assert rough.dtype == torch.float32
    assert 1e-6 < error(rough, exact) < 0.1


def test_no_jobs_make_no_mels() -> None:
    assert tiny_flow().solve([]) == []


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="steps"):
        tiny_flow().solve([job(5, 9)], steps=0)
    with pytest.raises(ValueError, match="none is left"):
        job(5, 0)
    line = job(5, 9)
    with pytest.raises(ValueError, match="noise"):
        FlowJob(line.condition[:-1], *parts(line))


def test_the_official_file_loads_tables_and_all() -> None:
    official = official_checkpoint(KIT, "tiny_s2mel20", "flow-test")["net"]["cfm"]
    assert "estimator.input_pos" in official
    line = job(5, 9)
    [mel] = Flow.load(CONFIG, official).solve([line], steps=2)
    [expected] = tiny_flow().solve([line], steps=2)
    assert torch.equal(mel, expected)


def test_an_unknown_tensor_is_refused() -> None:
    with pytest.raises(BadWeights, match=r"estimator\.surprise"):
        Flow.load(CONFIG, {**weights(), "estimator.surprise": torch.zeros(1)})


@pytest.mark.parametrize("length", [3, 4, 9])
@pytest.mark.parametrize("dilation", [1, 2])
def test_windows_are_a_reflecting_convolution_s(length: int, dilation: int) -> None:
    kernel, pad = 3, dilation
    x = torch.randn(1, 1, length)
    padded = F.pad(x, (pad, pad), mode="reflect").flatten()
    expected = torch.stack([padded[tap * dilation : tap * dilation + length] for tap in range(kernel)], dim=1)
    assert torch.equal(x.flatten()[windows([length], kernel, dilation)].view(length, kernel), expected)


def test_windows_keep_to_their_own_sequence() -> None:
    assert windows([3, 4], 3, 1).view(7, 3).tolist() == [
        [1, 0, 1],
        [0, 1, 2],
        [1, 2, 1],
        [4, 3, 4],
        [3, 4, 5],
        [4, 5, 6],
        [5, 6, 5],
    ]


def test_windows_longer_than_the_sequence_read_zeros_behind_it() -> None:
    # a b → a b 0, reflected by two: 0 b a b 0 b
    assert windows([2], 5, 1).view(2, 5).tolist() == [[2, 1, 0, 1, 2], [1, 0, 1, 2, 1]]


def test_a_wavenet_is_the_convolutions_it_stands_for() -> None:
    torch.manual_seed(0)
    net = WaveNet(width=6, layers=3, kernel=3, dilation_rate=2, condition=5).requires_grad_(False)
    x, condition = torch.randn(1, 20, 6), torch.randn(1, 5)
    gates = net.gates(condition)[0]
    state, out = x.transpose(1, 2), torch.zeros(1, 6, 20)
    for index, (layer, mix) in enumerate(zip(net.in_layers, net.res_skip_layers, strict=True)):
        convolution, pointwise = layer.conv.conv, mix.conv.conv
        dilation = 2**index
        padded = F.pad(state, (dilation, dilation), mode="reflect")
        y = F.conv1d(padded, convolution.weight, convolution.bias, dilation=dilation) + gates[index, :, None]
        z = pointwise(torch.tanh(y[:, :6]) * torch.sigmoid(y[:, 6:]))
        state, out = (state, out + z) if index == 2 else (state + z[:, :6], out + z[:, 6:])
    net.lay_out()
    got = net(x, gates, net.windows([20]))
    torch.testing.assert_close(got, out.transpose(1, 2), rtol=0, atol=1e-5)
