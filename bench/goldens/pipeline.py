"""Golden runner of the whole way from features and text ids to samples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bench.goldens.harness import Case, tensor
from tts.indextts2.bigvgan import BigVgan
from tts.indextts2.clock import PACES
from tts.indextts2.codec import Codec
from tts.indextts2.conditioning import PREFIXES, Conditioning
from tts.indextts2.config import CodecConfig, FlowConfig, GptConfig, VocoderConfig
from tts.indextts2.decode import decode
from tts.indextts2.flow import Flow, FlowJob
from tts.indextts2.gpt import Gpt
from tts.indextts2.job import Job
from tts.indextts2.regulator import LatentProjection, Regulator
from tts.indextts2.sampling import Sampling

FULL_SCALE = 32767
"""What the golden's samples are scaled by."""


@torch.inference_mode()
def whole(case: Case) -> dict[str, Tensor]:
    """`pipeline.tiny`: greedy decoding, quantised prompt features, the flow's noise as the case gives it."""
    given = case.inputs()
    gpt_config = GptConfig.parse(case.part_config("gpt"))
    state = case.weights("gpt")
    conditioning = Conditioning.load(
        gpt_config, {name: value for name, value in state.items() if name.startswith(PREFIXES)}
    )
    gpt = Gpt.load(
        gpt_config, {name: value for name, value in state.items() if not name.startswith(PREFIXES)}
    )
    codec = Codec.load(CodecConfig.parse(case.part_config("codec")), case.weights("codec"))
    flow_config = FlowConfig.parse(case.part_config("s2mel"))
    s2mel = case.weights("s2mel")
    regulator = Regulator.load(flow_config, _under(s2mel, "length_regulator."))
    projection = LatentProjection.load(_under(s2mel, "gpt_layer."))
    flow = Flow.load(flow_config, _under(s2mel, "cfm."))
    vocoder = BigVgan.load(VocoderConfig.parse(case.part_config("bigvgan")), case.weights("bigvgan"))

    moods = [conditioning.emotion_vector(given[name]) for name in ("spk", "emo")]
    mood = conditioning.merge(moods[0], moods[1], case.params["alpha"])
    rows = conditioning.speaker_rows(given["spk"], given["style"])[0]
    prompt = gpt.prompt(rows, mood[0], given["text"][0])
    greedy = Sampling(repetition_penalty=case.params["repetition_penalty"], greedy=True)
    codes = decode(gpt, [Job(prompt, seed=0, most=case.params["max_new"], sampling=greedy)])[0].codes
    latent = gpt.latents([gpt.prompt(rows, mood[0], given["text"][0], keep_marks=True)], [codes])[0]
    frames = PACES["2.0"].frames(len(codes))
    condition = regulator(codec.embed(codes[None])[0] + projection(latent), frames)
    prompt_mel = given["ref_mel"][0]
    prompt_condition = regulator(codec.quantize(given["spk"])[1][0], prompt_mel.shape[1])
    total = prompt_mel.shape[1] + frames
    noise = tensor("noise", [1, prompt_mel.shape[0], total], case.params["noise_salt"])[0]
    job = FlowJob(torch.cat([prompt_condition, condition]), prompt_mel, given["style"][0], noise)
    mel = flow.solve([job], steps=case.params["steps"])[0]
    pcm = (vocoder.waves([mel])[0] * FULL_SCALE).clamp(-FULL_SCALE, FULL_SCALE)
    return {
        "emovec": mood,
        "codes": codes[None],
        "latent": latent[None],
        "prompt_condition": prompt_condition[None],
        "condition": condition[None],
        "mel": mel[None],
        "pcm": pcm[None],
        "frames": torch.tensor([frames]),
    }


def _under(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


RUNNERS: dict[str, Callable[[Case], dict[str, Tensor]]] = {"pipeline.tiny": whole}
