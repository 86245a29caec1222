"""Golden runner of the whole way from features and text ids to samples, by the engine's own synthesis."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from bench.goldens.harness import Case, tensor
from tts.door import result
from tts.indextts2 import synthesis, voices
from tts.indextts2.bigvgan import BigVgan
from tts.indextts2.clock import PACES, Aim
from tts.indextts2.codec import Codec
from tts.indextts2.conditioning import PREFIXES, Conditioning
from tts.indextts2.config import CodecConfig, FlowConfig, GptConfig, VocoderConfig
from tts.indextts2.flow import Flow, FlowJob
from tts.indextts2.gpt import Gpt
from tts.indextts2.regulator import LatentProjection, Regulator
from tts.indextts2.release import Placement
from tts.indextts2.sampling import Sampling
from tts.indextts2.synthesis import Options, Piece
from tts.indextts2.voices import Mood, Speaker

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
    prompt_mel = given["ref_mel"][0]
    condition = regulator(codec.quantize(given["spk"])[1][0], prompt_mel.shape[1])
    rows = conditioning.speaker_rows(given["spk"], given["style"])[0]
    speaker = Speaker(prompt_mel, condition, given["style"][0], rows, moods[0][0])
    release: Any = SimpleNamespace(
        placement=Placement(torch.device("cpu"), torch.float32),
        conditioning=conditioning,
        gpt=gpt,
        codec=codec,
        projection=projection,
        regulator=regulator,
        flow=flow,
        vocoder=vocoder,
    )
    mood = voices.merged(release, speaker, Mood(case.params["alpha"], vector=moods[1][0]))
    most = case.params["max_new"]
    aim = Aim(PACES["2.0"].frames(most), most, 0, most, None)
    piece = Piece(given["text"][0], speaker, mood, aim, seed=0, free=True)
    greedy = Sampling(repetition_penalty=case.params["repetition_penalty"], greedy=True)
    options = Options(greedy, steps=case.params["steps"])
    codes = result(synthesis.speak(release, [piece], options)[0]).decoded.codes
    frames = PACES["2.0"].frames(len(codes))
    total = prompt_mel.shape[1] + frames
    noise = tensor("noise", [1, prompt_mel.shape[0], total], case.params["noise_salt"])[0]
    with patch.object(synthesis, "_noise", lambda *_: noise):
        wave = result(synthesis.sound(release, [piece], [codes], [frames], options)[0])
    # what lies between codes and samples
    prompt = gpt.prompt(rows, mood, given["text"][0], keep_marks=True)
    latent = gpt.latents([prompt], [codes])[0]
    regulated = regulator(codec.embed(codes[None])[0] + projection(latent), frames)
    job = FlowJob(torch.cat([condition, regulated]), prompt_mel, speaker.style, noise)
    mel = flow.solve([job], steps=case.params["steps"])[0]
    return {
        "emovec": mood[None],
        "codes": codes[None],
        "latent": latent[None],
        "prompt_condition": condition[None],
        "condition": regulated[None],
        "mel": mel[None],
        "pcm": (wave[None] * FULL_SCALE).clamp(-FULL_SCALE, FULL_SCALE),
        "frames": torch.tensor([frames]),
    }


def _under(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


RUNNERS: dict[str, Callable[[Case], dict[str, Tensor]]] = {"pipeline.tiny": whole}
