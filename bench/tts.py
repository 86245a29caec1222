"""Speed of the IndexTTS2 voice, both releases, stage by stage, beside what this machine could do at most.

    python -m bench.tts [--version 2.0|2.5|both] [--lines 1,8,32] [--steps 25] [--size full] [--release DIR]
                        [--device cpu] [--dtype float32]

Weights are filled, which costs what released ones cost. A line lasts 4 s and follows an 8 s reference; its token count
is held to exactly the target's, so that every run does the same work. 2.0 decodes 50 codes a second and passes over
them once more for its latents; 2.5 decodes 25 a second and has the codec turn them into features.

Every release is a process of its own. Its files, 12 GB once converted, are made in bench/out and removed when it was
measured; those of --release stay. Written into bench/out/tts.json as well.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args
from unittest.mock import patch

import numpy as np
import torch

from bench import filled, tts_limits
from bench.tts_limits import Machine, timed
from tts.door import OUTPUT_RATE, FloatArray, Reference, SpeechRequest, Voice, result
from tts.indextts2 import clock as timing
from tts.indextts2 import synthesis
from tts.indextts2.clock import Clock
from tts.indextts2.config import Version
from tts.indextts2.engine import IndexTTS2
from tts.indextts2.flow import FlowJob
from tts.indextts2.release import Placement, Release
from tts.indextts2.settings import version_of
from tts.indextts2.synthesis import Options
from tts.indextts2.text import LIMIT
from tts.indextts2.voices import Speaker

OUT = Path(__file__).resolve().parent / "out"

VERSIONS: tuple[Version, ...] = get_args(Version)

LINE = 4.0
"""Seconds of a line."""

REFERENCE = 8.0
"""Seconds of the voice's reference, which the flow carries along as its prompt."""

TEXT = "The driver opened a heavy wooden door, and then it rained."

FRAMING = 5
"""Rows of the prompt besides speaker and text: two slots, start and stop of the text, start of speech."""

BETWEEN: Mapping[Version, str] = {"2.0": "latent", "2.5": "codec"}
"""The stage that makes features of codes, by what takes its time."""

ORDER = ("decode", *BETWEEN.values(), "flow", "vocoder", "the rest", "all")
"""In which stages are told."""


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
class Run:
    """So many lines spoken at once, of so many tokens altogether."""

    lines: int
    tokens: int
    stages: tuple[Stage, ...]

    def __str__(self) -> str:
        decoding = next(stage for stage in self.stages if stage.name == "decode").seconds
        told = f"  {self.tokens // self.lines} tokens a line, {self.tokens / decoding:.0f} tokens/s decoded"
        return "\n".join((f"{self.lines} lines of {LINE:g} s", told, *map(str, self.stages)))


def main(arguments: list[str] | None = None) -> int:
    """Prints a table per release and number of lines, and one that compares the releases; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", choices=(*VERSIONS, "both"), help="both, or that of --release")
    parser.add_argument("--lines", default="1,8", help="numbers of lines spoken at once")
    parser.add_argument("--steps", type=int, default=25, help="of the flow")
    parser.add_argument("--size", choices=("tiny", "full"), default="full")
    parser.add_argument("--release", type=Path, help="a folder of files; filled ones where it is not said")
    parser.add_argument("--device")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"))
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(arguments)
    OUT.mkdir(exist_ok=True)
    if options.release:
        version = version_of(options.release)
        if options.version not in (None, version):
            parser.error(f"{options.release} is a release of {version}, not of {options.version}")
        _keep(version, report(options.release, options))
    elif options.version in VERSIONS:
        with tempfile.TemporaryDirectory(dir=OUT, prefix="release-") as folder:
            version = options.version
            _keep(version, report(filled.write(Path(folder), options.size, version), options))
    else:
        for version in VERSIONS:
            subprocess.run([sys.executable, "-m", "bench.tts", *arguments, "--version", version], check=True)
        print("\n".join(compared(_kept())))
    return 0


def report(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measures the release in `folder` and prints it; what was found, for JSON."""
    placement = Placement.best(options.device)
    if options.dtype:
        placement = Placement(placement.device, getattr(torch, options.dtype))
    machine = tts_limits.measured(placement)
    release, seconds = timed(lambda: Release.load(folder, placement), placement)
    engine = IndexTTS2(release, clock=Clock(window=0.0), options=Options(steps=options.steps, rows=32))
    print(f"{engine.name}, {options.steps} steps. {machine}")
    print(f"loaded in {seconds:.1f} s")
    reference = Reference(_noise(REFERENCE), OUTPUT_RATE)
    voice, seconds = timed(lambda: engine.voice(reference), placement)
    print(f"voice of {REFERENCE:g} s heard in {seconds:.2f} s (once per voice)", flush=True)
    if placement.device.type == "cuda":  # kernels are compiled and graphs captured at first use
        staged(engine, voice, 1, machine)
    runs = []
    for count in (int(part) for part in options.lines.split(",")):
        runs.append(staged(engine, voice, count, machine))
        print(runs[-1], flush=True)
    peak = _peak(placement)
    print(f"peak memory {peak / 1e9:.2f} GB", flush=True)
    return {
        "machine": asdict(machine),
        "steps": options.steps,
        "peak_bytes": peak,
        "runs": [asdict(run) for run in runs],
    }


def compared(kept: Mapping[str, Any]) -> Iterator[str]:
    """What was found for both releases, side by side: seconds per second of speech of every stage, and peak memory."""
    first, second = (kept[version] for version in VERSIONS)
    older, newer = VERSIONS
    yield f"{'s per s of speech':<24} {older:>8} {newer:>8}  {newer} of {older}"
    for one, other in zip(first["runs"], second["runs"], strict=True):
        old, new = ({stage["name"]: stage["per_second"] for stage in run["stages"]} for run in (one, other))
        for name in sorted({*old, *new}, key=ORDER.index):
            values = (old.get(name), new.get(name))
            cells = " ".join(f"{'-' if value is None else format(value, '.3f'):>8}" for value in values)
            share = "" if None in values else f"{new[name] / old[name]:9.0%}"
            yield f"{one['lines']:>3} lines  {name:<13} {cells}{share}"
    peaks = [found["peak_bytes"] / 1e9 for found in (first, second)]
    yield f"{'peak memory, GB':<24} {peaks[0]:8.2f} {peaks[1]:8.2f}{peaks[1] / peaks[0]:9.0%}"


def staged(engine: IndexTTS2, voice: Voice, count: int, machine: Machine) -> Run:
    """Each stage of speaking `count` lines, timed one after the other on the very data that the engine makes."""
    release = engine.release
    target = round(LINE * OUTPUT_RATE)
    requests = [SpeechRequest(TEXT, "en", voice, None, target, seed) for seed in range(count)]
    spoken = LINE * count
    with watched(release) as seen:
        outcomes, whole = timed(lambda: engine.speak(requests), release.placement)
    takes = [result(outcome) for outcome in outcomes]
    assert all(len(take.samples) == target for take in takes)
    tokens = sum(int(take.notes["tokens"]) for take in takes)
    stages = []
    for name, (work, unit) in amounts(engine, voice, count, tokens // count).items():
        seconds = seen[name]
        limit = machine.bytes if unit == "B" else machine.flops
        stages.append(Stage(name, seconds, seconds / spoken, work, unit, work / seconds / limit))
    rest = whole - sum(stage.seconds for stage in stages)
    stages.append(Stage("the rest", rest, rest / spoken, 0.0, "", None))
    stages.append(Stage("all", whole, whole / spoken, 0.0, "", None))
    return Run(count, tokens, tuple(stages))


def amounts(engine: IndexTTS2, voice: Voice, count: int, tokens: int) -> dict[str, tuple[float, str]]:
    """What every stage must do at least for `count` lines of so many tokens each, and in what: FLOP, or B moved."""
    release, speaker = engine.release, voice.data
    assert isinstance(speaker, Speaker)
    frames = timing.frames_to_fill(round(LINE * OUTPUT_RATE))
    total = speaker.mel.shape[1] + frames
    content = torch.zeros(total, speaker.condition.shape[1], device=speaker.mel.device)
    noise = torch.zeros(speaker.mel.shape[0], total, device=speaker.mel.device)
    job = FlowJob(content, speaker.mel, speaker.style, noise)
    (ids,) = release.text.segments(TEXT, "en", limit=LIMIT)
    # start and stop are dropped from a text before it is framed with them: 2.5 ends every part with one
    marks = (release.gpt.config.start_text, release.gpt.config.stop_text)
    text = sum(one not in marks for one in ids)
    rows = len(speaker.rows) + text + FRAMING
    if release.projection is None:
        between = tts_limits.codec_flops(release.codec, tokens)
    else:
        between = tts_limits.latent_flops(release.gpt, rows + tokens)
    return {
        "decode": (tts_limits.decode_bytes(release.gpt, count, rows, tokens), "B"),
        BETWEEN[release.version]: (between * count, "FLOP"),
        "flow": (tts_limits.flow_flops(release.flow, job, engine.options.steps) * count, "FLOP"),
        "vocoder": (tts_limits.vocoder_flops(release.vocoder.config, frames) * count, "FLOP"),
    }


@contextmanager
def watched(release: Release) -> Iterator[dict[str, float]]:
    """Seconds of every stage that runs inside, by name. The device is waited for before and after each."""
    seconds: dict[str, float] = {}
    between = (release.codec, "decode") if release.projection is None else (release.gpt, "latents")
    places: dict[str, tuple[object, str]] = {
        "decode": (synthesis, "decode"),
        BETWEEN[release.version]: between,
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


def _kept() -> dict[str, Any]:
    file = OUT / "tts.json"
    told: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    return {version: told[version] for version in VERSIONS if version in told}


def _keep(version: Version, found: Mapping[str, Any]) -> None:
    told = _kept() | {version: found}
    (OUT / "tts.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")


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
