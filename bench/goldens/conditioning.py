"""Golden runners of the speaker and emotion stacks."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from bench.goldens.harness import Case, fill, load_manifest
from tts.indextts2.conditioning import PREFIXES, Conditioning
from tts.indextts2.config import GptConfig
from tts.indextts2.conformer import subsampled


def load(case: Case) -> Conditioning:
    """The case's model; cases in a row with the same weights share it."""
    config = GptConfig.parse(case.config or {}, "2.5" if case.model == "gpt25" else "2.0")
    return _loaded(case.root, case.raw["manifest"], case.raw["salt"], config)


@lru_cache(maxsize=1)
def _loaded(root: Path, manifest: str, salt: str, config: GptConfig) -> Conditioning:
    # a tensor's filling depends on its own name alone, so the GPT beside it need not be filled too
    shapes = {key: shape for key, shape in load_manifest(root, manifest).items() if key.startswith(PREFIXES)}
    return Conditioning.load(config, fill(shapes, salt))


@torch.inference_mode()
def speaker(case: Case) -> dict[str, Tensor]:
    """`gpt.conditioning`: the speaker stack seam by seam, masked where the case states a length."""
    model, feat = load(case), case.inputs()["spk"]
    frames = subsampled(feat.shape[1])
    mask = torch.arange(frames) < subsampled(case.params.get("length", feat.shape[1]))
    context = model.conditioning_encoder(feat, mask.expand(len(feat), -1))
    return {
        "subsampled": model.conditioning_encoder.embed(feat),
        "conformer": context,
        "latents": model.perceiver_encoder(context, mask.expand(len(feat), -1)),
        "valid": mask.expand(len(feat), -1).sum(dim=1),
    }


@torch.inference_mode()
def emotion(case: Case) -> dict[str, Tensor]:
    """`gpt.emovec`."""
    model, feat = load(case), case.inputs()["emo"]
    return {
        "conformer": model.emo_conditioning_encoder(feat),
        "perceiver": model.emotion_state(feat),
        "emovec": model.emotion_vector(feat),
    }


def merge(case: Case) -> dict[str, Tensor]:
    """`gpt.merge`."""
    model, inputs = load(case), case.inputs()
    own, other = model.emotion_vector(inputs["spk"]), model.emotion_vector(inputs["emo"])
    return {f"alpha_{alpha}": model.merge(own, other, alpha) for alpha in case.params["alphas"]}


RUNNERS: dict[str, Callable[[Case], dict[str, Tensor]]] = {
    "gpt.conditioning": speaker,
    "gpt.emovec": emotion,
    "gpt.merge": merge,
}
