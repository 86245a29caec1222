"""Make the sample film: two people on a night train, a clock to see sync by, and subtitles with exact times.

    python samples/make.py                                  samples/talk.mp4, talk.en.srt, talk.es.srt again
    python samples/make.py --check                          make them elsewhere and compare
    python samples/make.py --length 3600 --out /tmp/h.mp4   an hour of the same two people, quickly

Needs Flite (Debian: flite), which nothing else here does. The same Flite gives the same film.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import picture
import sound
from script import CHAPTERS, TITLE

HERE = Path(__file__).parent

FRAME_RATE = 25
LONG_FRAME_RATE = 2
LONG = 120
"""Seconds from which the picture moves at LONG_FRAME_RATE: nobody watches an hour of clock."""

SIZE_TOLERANCE = 0.05
"""--check: share by which the film's size may differ, since another ffmpeg packs a little differently."""


def make(out: Path, *, length: float | None = None, stems: bool = False) -> Path:
    """Write the film to `out`, and beside it <stem>.en.srt and <stem>.es.srt.

    With `length` (seconds) the dialogue goes round until then. With `stems`, <stem>.speech.wav and
    <stem>.bed.wav too, 48 kHz stereo: the two parts whose sum the film carries.
    """
    spoken = sound.speak()
    cues, duration = sound.arrange(spoken, length)
    rate = FRAME_RATE if length is None or length < LONG else LONG_FRAME_RATE
    for language in ("en", "es"):
        out.with_name(f"{out.stem}.{language}.srt").write_text(_srt(cues, language), encoding="utf-8")
    if stems:
        _wav(out.with_name(f"{out.stem}.speech.wav"), sound.voices(cues, spoken, duration))
        _wav(out.with_name(f"{out.stem}.bed.wav"), sound.bed(duration))
    with tempfile.TemporaryDirectory() as folder:
        track, about = Path(folder) / "track.m4a", Path(folder) / "about.txt"
        about.write_text(_about(cues, duration), encoding="utf-8")
        mixed = zip(sound.voices(cues, spoken, duration), sound.bed(duration), strict=True)
        _ffmpeg(
            f"-f f32le -ar {sound.RATE} -ac 2 -i pipe:0 -c:a aac -b:a 96k".split(),
            track,
            ((voices + bed).astype("<f4").tobytes() for voices, bed in mixed),
        )
        painter = picture.Painter(lambda who, at: sound.activity(cues, spoken, who, at), duration / 1000)
        preset = "medium" if length is None else "veryfast"
        size = f"{picture.WIDTH}x{picture.HEIGHT}"
        _ffmpeg(
            [
                *("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", str(rate), "-i", "pipe:0"),
                *("-i", str(track), "-i", str(about)),
                *("-map", "0:v", "-map", "1:a", "-map_metadata", "2", "-map_chapters", "2", "-c:a", "copy"),
                *("-metadata:s:a:0", "language=eng", "-metadata:s:a:0", "title=English"),
                *("-c:v", "libx264", "-preset", preset, "-crf", "24", "-pix_fmt", "yuv420p"),
                *("-g", str(rate * 5), "-movflags", "+faststart"),
            ],
            out,
            (painter.frame(n / rate) for n in range(duration * rate // 1000)),
        )
    return out


def check() -> list[str]:
    """Make the film again elsewhere; what differs from the one in samples/, as sentences."""
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        again = make(Path(folder) / "talk.mp4")
        for name in ("talk.en.srt", "talk.es.srt"):
            if (HERE / name).read_bytes() != (again.parent / name).read_bytes():
                faults.append(f"{name} is not what the script makes")
        old, new = HERE / "talk.mp4", again
        if _duration(old) != _duration(new):
            faults.append(f"talk.mp4 lasts {_duration(old)} s, made again {_duration(new)} s")
        sizes = [film.stat().st_size for film in (old, new)]
        if abs(sizes[0] - sizes[1]) > SIZE_TOLERANCE * sizes[0]:
            faults.append(f"talk.mp4 has {sizes[0]} bytes, made again {sizes[1]}")
    return faults


def _srt(cues: Sequence[sound.Cue], language: str) -> str:
    blocks = []
    for number, cue in enumerate(cues, 1):
        text = cue.line.english if language == "en" else cue.line.spanish
        times = f"{_stamp(cue.start)} --> {_stamp(cue.end)}"
        blocks.append(f"{number}\n{times}\n[{cue.line.speaker}] {text}\n")
    return "\n".join(blocks)


def _stamp(ms: int) -> str:
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02},{ms % 1000:03}"


def _about(cues: Sequence[sound.Cue], duration: int) -> str:
    """Title and chapters in ffmpeg's metadata format."""
    opens = [(0 if line == 0 else cues[line].start - cues[line].line.gap, name) for line, name in CHAPTERS]
    ends = [start for start, _ in opens[1:]] + [duration]
    chapters = [
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={end}\ntitle={name}"
        for (start, name), end in zip(opens, ends, strict=True)
    ]
    return "\n".join([";FFMETADATA1", f"title={TITLE}", *chapters, ""])


def _wav(path: Path, blocks: Iterable[npt.NDArray[np.float32]]) -> None:
    import soundfile

    with soundfile.SoundFile(path, "w", sound.RATE, 2, subtype="FLOAT", format="RF64") as file:
        for block in blocks:
            file.write(block)


def _ffmpeg(options: Sequence[str], out: Path, data: Iterable[bytes]) -> None:
    """Run ffmpeg on data fed to its standard input, so that nothing raw is ever stored."""
    import imageio_ffmpeg

    # Bit-exact, and one thread: x264's output depends on how many share the work.
    exact = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-threads", "1"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *options, *exact, str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for piece in data:
            process.stdin.write(piece)
        process.stdin.close()
        if process.wait() != 0:
            raise SystemExit(f"ffmpeg could not make {out.name}")


def _duration(film: Path) -> float:
    import av

    with av.open(str(film)) as container:
        return round((container.duration or 0) / 1_000_000, 2)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "talk.mp4", help="the film to write")
    parser.add_argument("--length", type=float, help="seconds to fill; the dialogue once when left out")
    parser.add_argument("--stems", action="store_true", help="write speech and bed as WAV beside the film")
    parser.add_argument("--check", action="store_true", help="compare samples/ with a film made anew")
    asked = parser.parse_args()
    if asked.check:
        faults = check()
        print("\n".join(faults) or "samples/ is what the script makes")
        return 1 if faults else 0
    film = make(asked.out, length=asked.length, stems=asked.stems)
    print(f"{film}: {_duration(film)} s, {film.stat().st_size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
