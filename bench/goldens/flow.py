"""Golden runners of the length regulator and of the flow decoder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from bench.goldens.harness import Case, fill, load_manifest
from tts.indextts2.config import FlowConfig
from tts.indextts2.flow import Flow, FlowJob
from tts.indextts2.regulator import LatentProjection, Regulator


def group(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """One group of the flat checkpoint, its keys without the group's name."""
    return {key[len(name) + 1 :]: value for key, value in state.items() if key.startswith(name + ".")}


@lru_cache(maxsize=1)
def _state(root: Path, manifest: str, salt: str) -> dict[str, Tensor]:
    filled: dict[str, Tensor] = fill(load_manifest(root, manifest), salt)
    return filled


@lru_cache(maxsize=1)
def _flow(root: Path, manifest: str, salt: str, config: FlowConfig) -> Flow:
    return Flow.load(config, group(_state(root, manifest, salt), "cfm"))


def state(case: Case) -> dict[str, Tensor]:
    """The case's checkpoint; cases in a row with the same weights share it."""
    return _state(case.root, case.raw["manifest"], case.raw["salt"])


def load(case: Case) -> Flow:
    """The case's flow decoder, shared likewise."""
    return _flow(case.root, case.raw["manifest"], case.raw["salt"], FlowConfig.parse(case.config or {}))


def job_of(case: Case) -> FlowJob:
    """The case's inputs, their batch dimension of one taken off."""
    inputs = {name: value.squeeze(0) for name, value in case.inputs().items()}
    noise = inputs.get("noise", inputs.get("x"))
    assert noise is not None
    return FlowJob(inputs["mu"], inputs["prompt_mel"], inputs["style"], noise)


def regulate(case: Case) -> dict[str, Tensor]:
    """`s2mel.regulate`."""
    regulator = Regulator.load(FlowConfig.parse(case.config or {}), group(state(case), "length_regulator"))
    feat = case.inputs()["feat"]
    return {f"len_{frames}": regulator(feat, frames) for frames in case.params["lengths"]}


def project(case: Case) -> dict[str, Tensor]:
    """`s2mel.gpt_layer`."""
    return {"out": LatentProjection.load(group(state(case), "gpt_layer"))(case.inputs()["latent"])}


def velocity(case: Case) -> dict[str, Tensor]:
    """`s2mel.velocity`. The backbone and the branch without condition are those of the first time."""
    flow, job, x = load(case), job_of(case), case.inputs()["x"].squeeze(0)
    both = {time: flow.velocity(job, x, time) for time in case.params["times"]}
    first = case.params["times"][0]
    constants = flow.constants([job], guided=False)
    backbone = flow.estimator.backbone(x.T, constants, flow.moment(first), flow.whole([job]))
    conditioned = {f"t_{time}": velocities[:1] for time, velocities in both.items()}
    return {**conditioned, "backbone": backbone, "null_branch": both[first][1:]}


def solve(case: Case) -> dict[str, Tensor]:
    """`s2mel.solve`. The prompt's frames of `mel` are zero by definition."""
    job = job_of(case)
    [target] = load(case).solve([job], steps=case.params["steps"], guidance=case.params["cfg"])
    mel = torch.nn.functional.pad(target, (job.prompt_frames, 0))
    return {"mel": mel.unsqueeze(0), "target": target.unsqueeze(0)}


RUNNERS: dict[str, Callable[[Case], dict[str, Tensor]]] = {
    "s2mel.regulate": regulate,
    "s2mel.gpt_layer": project,
    "s2mel.velocity": velocity,
    "s2mel.solve": solve,
}
