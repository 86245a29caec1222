"""How much of a GPU's memory each studio engine needs, counted on a machine without one.

    python -m bench.memory [--rows separator,diarizer,…]

Counted are the bytes of all tensors alive at once, weights and intermediate results, at the released dimensions, in the
number formats and batches that the engine chooses on a GPU; each rounded up as CUDA's allocator does. Tensors are as
large on one device as on another. Rows that are "run" do their arithmetic; those "by shape" go through the same code
with tensors that have a shape and no content (torch's fake tensors), where a CPU would be at it for hours; "by formula"
is what torch does not run. Weights are random or none at all: no shape depends on what they say.

Not counted: what a kernel takes for itself while it runs (workspaces of cuDNN and cuBLAS), CUDA's own 0.3 to 0.6 GB,
CUDA graphs, and what the allocator loses between blocks. Attention counts as fused, as CUDA has it for these shapes.
Every row is a process of its own. Written into bench/out/memory.json as well, beside the rows of earlier runs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import get_args
from unittest.mock import patch

import numpy as np
import torch

from bench import memory_voice as voice
from bench.alive import Counted, counting
from bench.separation import noise
from bench.tiny import campplus as tiny_campplus
from bench.tiny import demucs as tiny_demucs
from dubber.audio import AudioFile
from dubber.stages.diarize.windows import RATE, WINDOW_MS
from dubber.stages.separate import demucs
from dubber.stages.transcribe import whisper
from dubber.stages.translate import chat as chatting
from dubber.stages.translate import m2m100, nmt, pieces, prompt
from dubber.stages.translate.door import Ask, Brief
from tts.indextts2 import engine, speakers
from tts.indextts2.config import Version

OUT = Path(__file__).resolve().parent / "out"

QWEN3 = MappingProxyType(
    {
        "vocab_size": 151_936,
        "hidden_size": 2048,
        "intermediate_size": 6144,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "tie_word_embeddings": True,
    }
)
"""config.json of Qwen/Qwen3-1.7B."""

M2M100 = MappingProxyType(
    {
        "vocab_size": 128_112,
        "d_model": 1024,
        "encoder_layers": 12,
        "decoder_layers": 12,
        "encoder_attention_heads": 16,
        "decoder_attention_heads": 16,
        "encoder_ffn_dim": 4096,
        "decoder_ffn_dim": 4096,
        "max_position_embeddings": 1024,
    }
)
"""config.json of facebook/m2m100_418M."""

CHARACTERS_PER_TOKEN = 3
"""Of a request, which is English and JSON: fewer than vocabularies have, so that more tokens are counted."""

STEPS = 2
"""Tokens that are said at the end of an answer: the last of all needs the most."""

WHISPER = MappingProxyType({"layers": 32, "width": 1280, "frames": 1500, "heads": 20, "weights": 3.087e9})
"""Whisper large-v3; `weights` in bytes, 1,543 million parameters of two."""

CARD, CONTEXT = 8_000_000_000, 600_000_000
"""Bytes of the smallest GPU that all of dubber fits, and what CUDA itself takes of them at most."""

HEARD_TOKENS = 224
"""Tokens that Whisper may say of 30 s, half of its positions: what its own decoder takes as the most."""


def separator() -> Counted:
    """Four segments through a network of htdemucs's size, as many as on a GPU."""
    with tempfile.TemporaryDirectory() as place, patch.dict(demucs.BATCH, cpu=demucs.BATCH["cuda"]):
        folder = Path(place)
        os.environ["DUBBER_MODELS"] = place
        tiny_demucs.write(folder / "htdemucs", "htdemucs", tiny_demucs.FULL)
        noise(folder / "film.wav", 26, 1)  # four segments of 7.8 s, a quarter of each over the next
        with counting(by_shape=False) as live:
            separating = demucs.Demucs("htdemucs", device="cpu")
            separating._loaded()
            weights = live.now
            with AudioFile(folder / "film.wav") as film:
                separating.separate(film, [], folder / "stem.wav")
    what = f"htdemucs, {demucs.BATCH['cuda']} segments of 7.8 s, float32"
    return Counted("separator", what, "run", weights, live.peak)


def diarizer() -> Counted:
    """As many windows as are heard at once on a GPU."""
    piece = np.random.default_rng(0).normal(0, 0.1, RATE * WINDOW_MS // 1000).astype(np.float32)
    with tempfile.TemporaryDirectory() as place, patch.object(speakers, "BATCH_CPU", speakers.BATCH_GPU):
        tiny_campplus.write(Path(place))
        with counting(by_shape=False) as live:
            encoder = speakers.SpeakerEncoder.load(Path(place), "cpu")
            weights = live.now
            encoder.embed([piece] * speakers.BATCH_GPU)
    what = f"CAM++, {speakers.BATCH_GPU} windows of {WINDOW_MS / 1000:g} s, float32"
    return Counted("diarizer", what, "run", weights, live.peak)


def recogniser() -> Counted:
    """Whisper large-v3 in float16 as CTranslate2 lays it out: weights, and either one encoder layer's attention, which
    is not fused, or the keys and values of every chunk for the decoder, which beams share, and of every beam."""
    layers, width, frames, heads = (int(WHISPER[name]) for name in ("layers", "width", "frames", "heads"))
    chunks, beams, half = whisper.BATCH["cuda"], 5, 2
    heard = chunks * layers * 2 * frames * width * half
    said = chunks * beams * layers * 2 * HEARD_TOKENS * width * half
    attention = 2 * chunks * heads * frames * frames * half  # scores, and their softmax
    weights = int(WHISPER["weights"])
    what = f"Whisper large-v3, {chunks} chunks of 30 s, {beams} beams, float16"
    return Counted("recogniser", what, "by formula", weights, weights + max(heard + said, attention))


def chat() -> Counted:
    """The longest request: as many lines as are asked for at once, all the context that is taken; its answer, cut where
    answers are cut."""
    from transformers import DynamicCache, Qwen3Config, Qwen3ForCausalLM

    text = "word " * (chatting.MOST_BYTES // chatting.MOST_LINES // 5)
    near = tuple("word " * 30 for _ in range(3))
    asks = [Ask(str(n), text, "Speaker 1", near, near, 8000) for n in range(chatting.MOST_LINES)]
    brief = Brief("en", "es", "x" * chatting.LONGEST_CONTEXT)
    asked = sum(len(one.content) for one in prompt.request(asks, brief, (), ())) // CHARACTERS_PER_TOKEN
    said = prompt.tokens_for(asks, "es")
    with counting(by_shape=True) as live, _precision(torch.bfloat16):
        config = Qwen3Config(**QWEN3, max_position_embeddings=40_960, attn_implementation="sdpa")
        model = Qwen3ForCausalLM(config).eval()
        live.peak = weights = live.now
        with torch.inference_mode():
            # as `generate` does it: all of the request at once, the last row's scores alone; then token after token
            cache = DynamicCache(config=config)
            tokens, places = torch.zeros(1, asked, dtype=torch.long), torch.arange(asked)[None]
            kept = {"past_key_values": cache, "use_cache": True}
            model(tokens, position_ids=places, logits_to_keep=1, **kept).logits.float()
            heads = (1, config.num_key_value_heads, said - STEPS, config.head_dim)
            for layer in range(config.num_hidden_layers):
                cache.update(torch.empty(heads), torch.empty(heads), layer)
            for step in range(STEPS):
                places = torch.full((1, 1), asked + said - STEPS + step)
                model(tokens[:, :1], position_ids=places, **kept).logits.float()
    what = f"Qwen3 1.7B, {asked:,} tokens asked, {said:,} answered, bfloat16"
    return Counted("translator chat", what, "by shape", weights, live.peak)


def plain() -> Counted:
    """A full batch of the longest parts that lines are cut into, at the length where answers are cut."""
    from transformers import DynamicCache, EncoderDecoderCache, M2M100Config, M2M100ForConditionalGeneration

    asked = m2m100.rounded(pieces.MOST_CHARACTERS // CHARACTERS_PER_TOKEN)
    times, more = m2m100.LONGEST_ANSWER
    said, beams, rows = times * asked + more, m2m100.BEAMS, nmt.BATCH * m2m100.BEAMS
    with counting(by_shape=True) as live:
        config = M2M100Config(**M2M100, attn_implementation="sdpa")
        model = M2M100ForConditionalGeneration(config).eval()
        live.peak = weights = live.now
        with torch.inference_mode():
            tokens = torch.zeros(nmt.BATCH, asked, dtype=torch.long)
            mask = torch.ones_like(tokens)
            heard = model.get_encoder()(tokens, attention_mask=mask)
            heard.last_hidden_state = heard.last_hidden_state.repeat_interleave(beams, dim=0)
            mask = mask.repeat_interleave(beams, dim=0)
            cache = EncoderDecoderCache(DynamicCache(config=config), DynamicCache(config=config))
            count = config.decoder_attention_heads
            heads = (rows, count, said - STEPS, config.d_model // count)
            for layer in range(config.decoder_layers):
                cache.self_attention_cache.update(torch.empty(heads), torch.empty(heads), layer)
            kept = {
                "encoder_outputs": heard,
                "attention_mask": mask,
                "past_key_values": cache,
                "use_cache": True,
            }
            for _ in range(STEPS):  # and after each the beams' choice
                scores = model(decoder_input_ids=tokens[:1, :1].expand(rows, 1), **kept).logits[:, -1]
                best = scores.float().log_softmax(-1).view(nmt.BATCH, -1).topk(2 * beams)
                cache.reorder_cache((best.indices % rows)[:, :beams].reshape(-1))
    what = f"M2M100 418M, {nmt.BATCH} parts of {asked} tokens, {beams} beams, {said} tokens said, float32"
    return Counted("translator nmt", what, "by shape", weights, live.peak)


@contextmanager
def _precision(dtype: torch.dtype) -> Iterator[None]:
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)


def _spoken(version: Version) -> dict[str, Callable[[], Counted]]:
    """The rows of one version of the voice."""
    usual, longest, on_card = voice.TEXT_IDS, engine.PIECE_IDS, partial(voice.card, version, CARD, CONTEXT)
    return {
        "listens": partial(voice.listens, version),
        "decodes-32-usual": partial(voice.decodes, version, 32, usual),
        "decodes-32-longest": partial(voice.decodes, version, 32, longest),
        "decodes-card-usual": partial(on_card, [usual] * 32),
        "decodes-card-mixed": partial(on_card, [longest] + [usual] * 31),
        "decodes-card-longest": partial(on_card, [longest] * 32),
        "sounds-usual": partial(voice.sounds, version, 8, voice.LINE_S),
        "sounds-longest": partial(voice.sounds, version, 2, voice.LONGEST_S[version]),
    }


ROWS: Mapping[str, Callable[[], Counted]] = {
    "separator": separator,
    "recogniser": recogniser,
    "diarizer": diarizer,
    "chat": chat,
    "nmt": plain,
    **{f"{version}-{row}": count for version in get_args(Version) for row, count in _spoken(version).items()},
}
"""What is counted. `decodes-32` is what a GPU's usual batch takes where there is room, `decodes-card` what is done on
CARD instead; more lines than here do not become sound at once, as flow and vocoder bound their frames."""


def main(arguments: list[str] | None = None) -> int:
    """Prints a line per row; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", default=",".join(ROWS), help="which, of: %(default)s")
    parser.add_argument("--once", choices=ROWS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.once:
        print(json.dumps(asdict(ROWS[options.once]())))
        return 0
    OUT.mkdir(exist_ok=True)
    file = OUT / "memory.json"
    for row in options.rows.split(","):
        command = [sys.executable, "-m", "bench.memory", "--once", row]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        told = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        told[row] = json.loads(done.stdout.splitlines()[-1])
        print(Counted(**told[row]), flush=True)
        file.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
