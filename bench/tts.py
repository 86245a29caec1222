"""Speed of the IndexTTS2 voice, stage by stage, beside what this machine could do at most.

    python -m bench.tts [--lines 1,8,32] [--steps 25] [--size full] [--release DIR] [--device cpu] [--dtype float32]

Weights are filled, which costs what released ones cost. A line lasts 4 s and follows an 8 s reference; its token count
is held to exactly the target's, so that every run does the same work. Written into bench/out/tts.json as well.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bench import filled
from tts.door import OUTPUT_RATE, FloatArray, Reference, SpeechRequest, Voice, result
from tts.indextts2 import clock as timing
from tts.indextts2 import synthesis
from tts.indextts2.clock import Clock
from tts.indextts2.config import VocoderConfig
from tts.indextts2.engine import IndexTTS2
from tts.indextts2.flow import Flow, FlowJob
from tts.indextts2.gpt import Gpt
from tts.indextts2.release import Placement, Release
from tts.indextts2.synthesis import Options
from tts.indextts2.text import LIMIT
from tts.indextts2.voices import Speaker

OUT = Path(__file__).resolve().parent / "out"

LINE = 4.0
"""Seconds of a line."""

REFERENCE = 8.0
"""Seconds of the voice's reference, which the flow carries along as its prompt."""

TEXT = "The driver opened a heavy wooden door, and then it rained."

FRAMING = 5
"""Rows of the prompt besides speaker and text: two slots, start and stop of the text, start of speech."""

EDGE_KERNEL = 7
"""Of the vocoder's first and last convolution."""

RUNS = 5
"""How often a limit of the machine is measured."""

MATMUL = 2048
"""Side of the square matrices that the machine's arithmetic rate is measured with."""

SWEEP = 1 << 28
"""float32 numbers that the machine's memory rate is measured with: 1 GiB, far beyond every cache."""

Made = TypeVar("Made")


@dataclass(frozen=True)
class Stage:
    """What one stage took. `work` is in FLOP or in bytes moved; `share` is of what the machine can do at most."""

    name: str
    seconds: float
    per_second: float
    work: float
    unit: str
    share: float | None

    def __str__(self) -> str:
        told = f"  {self.name:<9} {self.seconds:8.2f} s  {self.per_second:7.3f} s per s of speech"
        if self.share is None:
            return told
        return f"{told}  {self.work:9.3g} {self.unit:<4} {self.share:5.0%} of the limit"


@dataclass(frozen=True)
class Machine:
    """What this machine does at most, measured in this run: FLOP/s of matrix products, bytes/s read from memory."""

    device: str
    dtype: str
    threads: int
    flops: float
    bytes: float


def main(arguments: list[str] | None = None) -> int:
    """Prints a table per number of lines; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", default="1,8", help="numbers of lines spoken at once")
    parser.add_argument("--steps", type=int, default=25, help="of the flow")
    parser.add_argument("--size", choices=("tiny", "full"), default="full")
    parser.add_argument(
        "--release", type=Path, help="a folder of files; filled ones are made where it is not said"
    )
    parser.add_argument("--device")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"))
    options = parser.parse_args(arguments)
    folder = options.release or OUT / f"release-{options.size}"
    if options.release is None and not (folder / "feat2.pt").is_file():
        filled.write(folder, options.size)
    placement = Placement.best(options.device)
    if options.dtype:
        placement = Placement(placement.device, getattr(torch, options.dtype))
    machine = measured(placement)
    print(
        f"{machine.device}, {machine.dtype}, {machine.threads} threads; measured now: matrix products "
        f"{machine.flops / 1e9:.0f} GFLOP/s, memory {machine.bytes / 1e9:.1f} GB/s"
    )
    release, seconds = timed(lambda: Release.load(folder, placement), placement)
    print(f"loaded in {seconds:.1f} s")
    engine = IndexTTS2(release, clock=Clock(window=0.0), options=Options(steps=options.steps, rows=32))
    reference = Reference(_noise(REFERENCE), OUTPUT_RATE)
    voice, seconds = timed(lambda: engine.voice(reference), placement)
    print(f"voice of {REFERENCE:g} s heard in {seconds:.2f} s (once per voice)")
    if placement.device.type == "cuda":  # kernels are compiled and graphs captured at first use
        staged(engine, voice, 1, machine)
    told = []
    for count in (int(part) for part in options.lines.split(",")):
        stages = staged(engine, voice, count, machine)
        print(f"{count} lines of {LINE:g} s, {options.steps} steps")
        for stage in stages:
            print(stage)
        told.append({"lines": count, "stages": [asdict(stage) for stage in stages]})
    peak = _peak(placement)
    print(f"peak memory {peak / 1e9:.2f} GB")
    OUT.mkdir(exist_ok=True)
    report = {"machine": asdict(machine), "steps": options.steps, "peak_bytes": peak, "runs": told}
    (OUT / "tts.json").write_text(json.dumps(report, indent=1))
    return 0


def staged(engine: IndexTTS2, voice: Voice, count: int, machine: Machine) -> list[Stage]:
    """Each stage of speaking `count` lines, timed one after the other on the very data that the engine makes."""
    release, options = engine.release, engine.options
    target = round(LINE * OUTPUT_RATE)
    requests = [SpeechRequest(TEXT, "en", voice, None, target, seed) for seed in range(count)]
    spoken = LINE * count
    with watched(release) as seen:
        outcomes, whole = timed(lambda: engine.speak(requests), release.placement)
    takes = [result(outcome) for outcome in outcomes]
    assert all(len(take.samples) == target for take in takes)
    tokens = sum(int(take.notes["tokens"]) for take in takes)
    frames = timing.frames_to_fill(target)
    speaker: Speaker = voice.data
    total = speaker.mel.shape[1] + frames
    content = torch.zeros(total, speaker.condition.shape[1], device=speaker.mel.device)
    noise = torch.zeros(speaker.mel.shape[0], total, device=speaker.mel.device)
    job = FlowJob(content, speaker.mel, speaker.style, noise)
    rows = len(speaker.rows) + len(release.text.segments(TEXT, "en", limit=LIMIT)[0]) + FRAMING
    amounts = {
        "decode": (decode_bytes(release.gpt, count, rows, tokens // count), "B", machine.bytes),
        "latent": (latent_flops(release.gpt, rows + tokens // count) * count, "FLOP", machine.flops),
        "flow": (flow_flops(release.flow, job, options.steps) * count, "FLOP", machine.flops),
        "vocoder": (vocoder_flops(release.vocoder.config, frames) * count, "FLOP", machine.flops),
    }
    stages = []
    for name, (work, unit, limit) in amounts.items():
        seconds = seen[name]
        stages.append(Stage(name, seconds, seconds / spoken, work, unit, work / seconds / limit))
    rest = whole - sum(stage.seconds for stage in stages)
    stages.append(Stage("the rest", rest, rest / spoken, 0.0, "", None))
    stages.append(Stage("all", whole, whole / spoken, 0.0, "", None))
    print(f"  decoding {tokens / seen['decode']:.0f} tokens/s")
    return stages


@contextmanager
def watched(release: Release) -> Iterator[dict[str, float]]:
    """Seconds of every stage that runs inside, by name. The device is waited for before and after each."""
    seconds: dict[str, float] = {}
    places = {
        "decode": (synthesis, "decode"),
        "latent": (release.gpt, "latents"),
        "flow": (release.flow, "solve"),
        "vocoder": (release.vocoder, "waves"),
    }
    usual = {name: getattr(place, attribute) for name, (place, attribute) in places.items()}

    def timing_of(name: str) -> Callable[..., object]:
        def run(*arguments: object, **named: object) -> object:
            made, taken = timed(lambda: usual[name](*arguments, **named), release.placement)
            seconds[name] = seconds.get(name, 0.0) + taken
            return made

        return run

    with ExitStack() as stack:
        for name, (place, attribute) in places.items():
            stack.enter_context(patch.object(place, attribute, timing_of(name)))
        yield seconds


def timed(run: Callable[[], Made], placement: Placement) -> tuple[Made, float]:
    """What `run` returns, and how many seconds it took until the device was done."""
    wait(placement)
    began = time.perf_counter()
    made = run()
    wait(placement)
    return made, time.perf_counter() - began


def wait(placement: Placement) -> None:
    """Until the device has done all that it was asked."""
    if placement.device.type == "cuda":
        torch.cuda.synchronize(placement.device)


def measured(placement: Placement) -> Machine:
    """The machine's limits: the best of a few runs, so that a neighbour's load does not flatter the share."""
    device, dtype = placement.device, placement.dtype
    square = torch.randn(MATMUL, MATMUL, device=device, dtype=dtype)
    long = torch.ones(SWEEP, device=device)
    torch.mm(square, square)
    matrix = min(timed(lambda: torch.mm(square, square), placement)[1] for _ in range(RUNS))
    sweep = min(timed(long.sum, placement)[1] for _ in range(RUNS))
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "CPU"
    return Machine(
        name,
        str(dtype).removeprefix("torch."),
        torch.get_num_threads(),
        2 * MATMUL**3 / matrix,
        long.nbytes / sweep,
    )


def decode_bytes(gpt: Gpt, rows: int, prompt: int, tokens: int) -> float:
    """Bytes that decoding must move at least: every weight of trunk and head once a step, and each row's keys and
    values so far."""
    size = gpt.mel_head.bias.element_size()
    weights = sum(value.numel() for value in (*gpt.gpt.parameters(), *gpt.mel_head.parameters())) * size
    kept = 2 * gpt.config.layers * gpt.config.width * size
    return tokens * weights + rows * kept * sum(prompt + step for step in range(1, tokens + 1))


def latent_flops(gpt: Gpt, rows: int) -> float:
    """Of one line's latent pass: two for each weight of the trunk and each row; attention is under a hundredth."""
    return 2.0 * sum(value.numel() for value in gpt.gpt.parameters()) * rows


def flow_flops(flow: Flow, job: FlowJob, steps: int) -> float:
    """Of one line: matrix products and attention of one step as torch counts them, times the steps."""
    # the fused attention of a CPU is not among what torch counts: its parts are
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        flow.solve([job], steps=1)
    return float(counter.get_total_flops()) * steps


def vocoder_flops(config: VocoderConfig, frames: int) -> float:
    """Of one line: its convolutions; the activations between them are not counted."""
    channels, rate = config.channels, 1
    flops = 2.0 * config.mels * channels * EDGE_KERNEL
    for upsampled, kernel in zip(config.upsample_rates, config.upsample_kernels, strict=True):
        flops += 2 * channels * (channels // 2) * kernel * rate
        channels //= 2
        rate *= upsampled
        blocks = zip(config.block_kernels, config.block_dilations, strict=True)
        flops += sum(4 * channels**2 * size * len(dilations) for size, dilations in blocks) * rate
    return (flops + 2 * channels * EDGE_KERNEL * rate) * frames


def _peak(placement: Placement) -> int:
    """Bytes: of the GPU's memory, or of this process's."""
    if placement.device.type == "cuda":
        return torch.cuda.max_memory_allocated(placement.device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _noise(seconds: float) -> FloatArray:
    generator = np.random.default_rng(1)
    return (0.1 * generator.standard_normal(round(seconds * OUTPUT_RATE))).astype(np.float32)


if __name__ == "__main__":
    sys.exit(main())
