"""Golden runners of what listens: the audio front ends, the semantic encoder, the speaker encoder."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import soundfile
import torch
from torch import Tensor

from bench.goldens.harness import Case, fill, load_manifest
from tts.indextts2 import frontend
from tts.indextts2.campplus import CampPlus
from tts.indextts2.config import SpeakerConfig
from tts.indextts2.semantic import SemanticEncoder


def audio_frontend(case: Case) -> dict[str, Tensor]:
    """Resampling from the sound file; every analysis from the stored waves, apart from the resampler's version."""
    samples, rate = soundfile.read(case.root / case.params["wav"], dtype="float32")
    reference = frontend.reference_audio(samples, rate)
    stored = case.expected()
    wave16 = torch.from_numpy(stored["wav16"])[0]
    direct = torch.from_numpy(stored["wav16_direct"])[0]
    bank = frontend.fbank(wave16)
    features, mask = frontend.w2v_features(wave16)
    return {
        "wav22": reference.wave22[None],
        "wav16": reference.wave16[None],
        "wav16_direct": frontend.emotion_audio(samples, rate)[None],
        "mel": frontend.mel(reference.wave22)[None],  # every second sample of wav22 is stored: not enough
        "fbank": bank,
        "fbank_centered": frontend.centred(bank),
        "w2v_features": features,
        "w2v_mask": mask,
        "w2v_features_direct": frontend.w2v_features(direct)[0],
    }


def w2v_hidden17(case: Case) -> dict[str, Tensor]:
    """The case's own statistics are mean and |var| + 0.5."""
    given = case.inputs()
    stats = {"mean": given["mean"], "var": given["var"].abs() + 0.5}
    encoder = SemanticEncoder.load(case.config or {}, case.weights(), stats)
    features = given["feat"]
    mask = torch.ones(features.shape[:2], dtype=torch.bool)
    last = mask.clone()
    last[:, -1] = False
    return {
        "h0": encoder.projected(features, mask),
        "h17": encoder.hidden(features, mask),
        "normalised": encoder.features(features, mask),
        "h17_last_masked": encoder.hidden(features, last),
    }


def campplus_embed(case: Case) -> dict[str, Tensor]:
    """The embedding of given features, which are not centred first."""
    net = _campplus(case.root, case.raw["manifest"], case.raw["salt"], SpeakerConfig.parse(case.config or {}))
    return {"style": net.embed(case.inputs()["feat"])}


@lru_cache(maxsize=1)
def _campplus(root: Path, manifest: str, salt: str, config: SpeakerConfig) -> CampPlus:
    return CampPlus.load(config, fill(load_manifest(root, manifest), salt))


RUNNERS: dict[str, Callable[[Case], dict[str, Tensor]]] = {
    "audio.frontend": audio_frontend,
    "w2v.hidden17": w2v_hidden17,
    "campplus.embed": campplus_embed,
}
