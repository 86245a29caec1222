"""`python -m bench.sync FILM DUBBED PICTURE.png`: is the dub in time? Compares where the original and the dubbed track
of a dubbed film begin to sound, by energy alone: no recogniser, no voice activity model, none of our plans."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from align.types import SAMPLE_RATE
from dubber import media
from dubber.audio import AudioFile

FRAME = SAMPLE_RATE // 100
"""Samples of 10 ms."""

SOUND_DB, SILENCE_MS, SPEECH_MS = 25.0, 250, 80
"""An onset: after at least 250 ms more than 25 dB under the track's loud frames, 80 ms or more above that."""

NEAR_MS = 600
"""A dubbed onset further from every source onset belongs to none."""


def main() -> None:
    """Print the onset errors and draw both tracks over each other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("film", type=Path, help="the original")
    parser.add_argument("dubbed", type=Path, help="the dubbed film")
    parser.add_argument("picture", type=Path, help="where the drawing goes (.png)")
    parser.add_argument("--seconds", type=float, default=40.0, help="how much of the film is drawn")
    chosen = parser.parse_args()
    source, dub = level(chosen.film), level(chosen.dubbed)
    theirs, ours = onsets(source), onsets(dub)
    errors = nearest(theirs, ours)
    sizes = np.abs(errors)
    print(f"{len(theirs)} source onsets, {len(ours)} dubbed onsets, {len(errors)} of them belong together")
    if len(errors):
        print(f"onset error: median {np.median(sizes):.0f} ms, 95 % within {np.percentile(sizes, 95):.0f} ms")
    draw(chosen.picture, source, dub, theirs, ours, chosen.seconds)


def level(film: Path) -> npt.NDArray[np.float64]:
    """dBFS of every 10 ms of a film's first audio track, on the film's clock."""
    with tempfile.TemporaryDirectory() as scratch:
        wav = Path(scratch) / "sound.wav"
        media.extract(media.probe(film), wav)
        powers = []
        with AudioFile(wav) as sound:
            for _, block in sound.blocks(FRAME * 1000):
                whole = block[: len(block) // FRAME * FRAME].mean(axis=1)
                powers.append(np.mean(whole.reshape(-1, FRAME).astype(np.float64) ** 2, axis=1))
    return 10 * np.log10(np.concatenate(powers) + 1e-10)


def onsets(track: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Milliseconds at which sound begins after silence."""
    sounding = track > np.percentile(track, 95) - SOUND_DB
    found = []
    quiet = SILENCE_MS // 10
    for frame in np.flatnonzero(sounding):
        before = sounding[max(0, frame - quiet) : frame]
        if not before.any() and sounding[frame : frame + SPEECH_MS // 10].all():
            found.append(frame * 10)
    return np.array(found, dtype=np.int64)


def nearest(theirs: npt.NDArray[np.int64], ours: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For every source onset the dubbed onset nearest to it, as a difference in ms (over 0: late)."""
    if not len(ours):
        return ours
    errors = np.array([ours[np.argmin(np.abs(ours - onset))] - onset for onset in theirs], dtype=np.int64)
    return errors[np.abs(errors) <= NEAR_MS]


def draw(
    picture: Path,
    source: npt.NDArray[np.float64],
    dub: npt.NDArray[np.float64],
    theirs: npt.NDArray[np.int64],
    ours: npt.NDArray[np.int64],
    seconds: float,
) -> None:
    """The source's level upwards, the dub's downwards, an onset a line; rows of 20 s."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    row_s = 20.0
    rows = max(1, int(np.ceil(min(seconds, len(source) / 100) / row_s)))
    figure, axes = pyplot.subplots(rows, 1, figsize=(16, 2.6 * rows), squeeze=False)
    time = np.arange(len(source)) / 100
    for row, axis in enumerate(axes[:, 0]):
        axis.fill_between(time, np.maximum(source + 60, 0), color="tab:blue", alpha=0.6, lw=0)
        axis.fill_between(
            time[: len(dub)], -np.maximum(dub[: len(time)] + 60, 0), color="tab:orange", alpha=0.6, lw=0
        )
        axis.vlines(theirs / 1000, 0, 60, color="tab:blue", lw=1)
        axis.vlines(ours / 1000, -60, 0, color="tab:red", lw=1)
        axis.set_xlim(row * row_s, (row + 1) * row_s)
        axis.set_ylim(-60, 60)
        axis.set_yticks([-30, 30], ["dub", "source"])
    axes[-1, 0].set_xlabel("seconds")
    figure.tight_layout()
    figure.savefig(picture, dpi=70)


if __name__ == "__main__":
    main()
