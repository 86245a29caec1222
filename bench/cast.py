"""`python -m bench.cast [--minutes 180] [--lines 2000] [--speakers 12]`: how long it takes to choose every speaker's
voice reference in a long film, in how much memory, and how much of what is chosen is the film's clean speech."""

from __future__ import annotations

import argparse
import platform
import random
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from align.types import SAMPLE_RATE, SAMPLES_PER_MS, Span
from dubber.audio import AudioFile, Stems
from dubber.stages import cast
from tts import espeaklib

Sound = npt.NDArray[np.float32]

CELL_MS = 5_000
CELLS = ("clean", "noise", "bed", "telephone", "clipped", "quiet", "shouted", "monotone")
"""What the film's minute is made of, over and over; what is wrong with the speech of each cell."""

LINE_MS = (800, 4_700)
TEXT = "The boat leaves at seven, so please bring a warm coat and some bread, and do not forget your tickets, my dear."


class Looped(AudioFile):
    """A short file as a film of any length. Reads begin inside the loop; margins past its ends are silence."""

    def read(self, start: int, stop: int) -> Sound:
        """Samples [start, stop) of the film."""
        at = start % self.frames
        read: Sound = super().read(at, at + stop - start)
        return read


def main() -> None:
    """Choose and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=180)
    parser.add_argument("--lines", type=int, default=2000)
    parser.add_argument("--speakers", type=int, default=12)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stems = film(Path(folder))
        heard = utterances(asked.minutes, asked.lines, asked.speakers)
        began, used = time.monotonic(), time.process_time()
        chosen = cast.timbre(heard, stems, [one.span for one in heard])
        took, busy = time.monotonic() - began, time.process_time() - used
        began = time.monotonic()
        felt = cast.manners(heard)
        felt_took = time.monotonic() - began
    spans = [span for choice in chosen.values() for span in choice.spans]
    share = {name: sum(span.duration for span in spans if cell(span) == name) for name in CELLS}
    print(f"{platform.machine()}, {asked.minutes} min, {len(heard)} lines, {len(chosen)} speakers")
    print(
        f"voices   {took:.1f} s ({busy:.1f} s of one core), {sum(one.heard for one in chosen.values())} stretches heard"
    )
    print(f"manners  {felt_took:.2f} s, {sum(one.origin == 'grown' for one in felt.values())} grown")
    print(f"memory   {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")
    whole = sum(share.values())
    print("chosen   " + ", ".join(f"{name} {ms / whole:.0%}" for name, ms in share.items() if ms))


def cell(span: Span) -> str:
    """What is wrong with the speech in a span."""
    return CELLS[span.start // CELL_MS % len(CELLS)]


def utterances(minutes: int, count: int, speakers: int) -> list[cast.Utterance]:
    """Lines of random lengths and speakers, each inside one cell: the same on every run."""
    draw = random.Random(1)
    spans = []
    cells = draw.sample(range(minutes * 60_000 // CELL_MS), min(count, minutes * 60_000 // CELL_MS))
    for n in sorted(cells):
        length = draw.randrange(*LINE_MS)
        at = n * CELL_MS + draw.randrange(200, CELL_MS - length)
        spans.append(Span(at, at + length))
    return [cast.Utterance(span, f"Speaker {draw.randrange(speakers)}", f"s{span.start}") for span in spans]


def film(folder: Path) -> Stems:
    """A minute of speech, one cell for each fault, as source and stem."""
    draw = np.random.default_rng(1)
    count = CELL_MS * SAMPLES_PER_MS
    good, high, flat = spoken(50, 50), spoken(99, 50), spoken(50, 0)
    spectrum = np.fft.rfft(good)
    spectrum[np.fft.rfftfreq(count, 1 / SAMPLE_RATE) > 3_400] = 0
    stem: dict[str, npt.NDArray[Any]] = {name: np.array(good) for name in CELLS} | {
        "noise": good + draw.standard_normal(count) * 0.005,
        "telephone": np.fft.irfft(spectrum, count),
        "clipped": np.clip(good * 3, -1, 1),
        "quiet": good * 0.1,
        "shouted": high * 1.9,
        "monotone": flat,
    }
    under = draw.standard_normal(count) * 0.03
    source = {name: stem[name] + (under if name == "bed" else 0.0) for name in CELLS}
    files = []
    for name, cells in (("source", source), ("stem", stem)):
        whole = np.concatenate([cells[one] for one in CELLS]).astype(np.float32)
        soundfile.write(folder / f"{name}.wav", np.stack((whole, whole), 1), SAMPLE_RATE, subtype="FLOAT")
        files.append(Looped(folder / f"{name}.wav"))
    return Stems(files[0], files[1])


def spoken(pitch: int, pitch_range: int) -> Sound:
    """CELL_MS of speech."""
    raw, rate = espeaklib.speak(TEXT, "gmw/en-US", wpm=150, pitch=pitch, pitch_range=pitch_range)
    sound = soxr.resample(raw, rate, SAMPLE_RATE)
    return np.resize(sound * (0.5 / np.abs(sound).max()), CELL_MS * SAMPLES_PER_MS).astype(np.float32)


if __name__ == "__main__":
    main()
