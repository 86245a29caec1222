"""Films for the tests: eSpeak NG speaking at known times over a low hum, under a test picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from spoken import RATE, say

from dubber import process
from dubber.media import ffmpeg_exe
from dubber.srt import Cue, serialise

HUM = 0.001
"""Level of the bed, −60 dBFS: there, and far under the speech."""


@dataclass(frozen=True)
class Said:
    """One thing said: when its sound starts (ms), what, by whom, and what it is in Spanish."""

    start: int
    text: str
    spanish: str
    speaker: str = "Speaker 1"
    pitch: int = 40


TALK = (
    Said(600, "Good morning, and welcome to the harbour.", "Buenos días, y bienvenidos al puerto."),
    Said(4200, "The boat leaves at seven.", "El barco sale a las siete."),
    Said(7000, "Please bring a warm coat and some bread.", "Traed un abrigo y algo de pan, por favor."),
)
DURATION = 10_000


@dataclass(frozen=True)
class Made:
    """A film, the subtitles that tell what is said in it, and the exact onsets of its speech in ms."""

    film: Path
    transcript: Path
    translation: Path
    onsets: tuple[int, ...]


def sound(said: Sequence[Said], duration: int) -> tuple[np.ndarray, list[int]]:
    """The film's sound, shape (n,) at 16 kHz, and where each line ends in ms."""
    time = np.arange(duration * RATE // 1000) / RATE
    track = (HUM * np.sin(2 * np.pi * 110 * time)).astype(np.float32)
    ends = []
    for one in said:
        speech = 0.5 * say(one.text, pitch=one.pitch) if one.text else np.zeros(0, np.float32)
        at = one.start * RATE // 1000
        track[at : at + len(speech)] += speech
        ends.append(one.start + len(speech) * 1000 // RATE)
    return track, ends


def make(folder: Path, name: str = "talk.mp4", said: Sequence[Said] = TALK, duration: int = DURATION) -> Made:
    """A film of `said` with its subtitles beside it; one with a sound file's suffix has no picture."""
    folder.mkdir(parents=True, exist_ok=True)
    track, ends = sound(said, duration)
    film = folder / name
    wav = folder / "sound.wav"
    soundfile.write(wav, track, RATE)
    picture = ["-f", "lavfi", "-i", f"testsrc2=s=160x120:r=25:d={duration / 1000}"]
    video = [*picture, "-map", "1:v", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    with_picture = film.suffix in (".mp4", ".mkv", ".mov")
    done = process.run(
        [
            *(ffmpeg_exe(), "-nostdin", "-y", "-v", "error", "-i", f"file:{wav}"),
            *(video if with_picture else []),
            *("-map", "0:a", "-ar", "48000", f"file:{film}"),
        ],
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    wav.unlink()
    files = []
    for language, texts in (("en", [one.text for one in said]), ("es", [one.spanish for one in said])):
        cues = [
            Cue(one.start, end, text, one.speaker if one.speaker != "Speaker 1" else None)
            for one, end, text in zip(said, ends, texts, strict=True)
        ]
        path = folder / f"{film.stem}.{language}.srt"
        path.write_text(serialise(cues), "utf-8")
        files.append(path)
    return Made(film, files[0], files[1], tuple(one.start for one in said))


def packets(film: Path, stream: str) -> str:
    """A hash of the packets of one stream ("v:0"), as they lie in the file."""
    done = process.run(
        [
            *(ffmpeg_exe(), "-nostdin", "-v", "error", "-i", f"file:{film}", "-map", f"0:{stream}"),
            *("-c", "copy", "-f", "streamhash", "-hash", "md5", "-"),
        ],
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().split("=")[-1].strip()
