"""Small films for the media tests: a test picture and a burst of noise at a known moment."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from dubber.media import Film, extract, ffmpeg_exe
from dubber.process import run

Sound = npt.NDArray[np.float64]

RATE = 48_000
PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=4")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25")
VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8")


def ffmpeg(*args: str | Path) -> bytes:
    """Run ffmpeg freely, as only a test may."""
    done = run([ffmpeg_exe(), "-v", "error", "-y", *map(str, args)], timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def burst() -> npt.NDArray[np.float64]:
    """100 ms of smooth noise: sharp enough to find to the sample, broad enough to survive any codec."""
    noise = np.random.default_rng(1).standard_normal(4800) * 0.4
    return np.asarray(np.convolve(noise, np.ones(8) / 8, "same") * np.hanning(4800))


def wav(path: Path, *at: float, seconds: float = 4.0) -> Path:
    """A stereo float WAV with a burst at each of the given seconds."""
    samples = np.zeros((round(seconds * RATE), 2), np.float32)
    for second in at:
        start = round(second * RATE)
        samples[start : start + 4800] += burst()[:, None]
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    return path


def onset(path: Path) -> float:
    """Milliseconds at which the burst starts in a WAV, by cross-correlation."""
    sound = soundfile.read(path)[0][:, 0]
    size = 1 << 19
    assert len(sound) + 4800 < size
    match = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(burst(), size)), size)
    assert match.max() > 0.3 * float(np.sum(burst() ** 2)), "there is no burst in this sound"
    return float(np.argmax(match)) / 48


def heard_at(film: Film, scratch: Path, track: int = 0) -> float:
    """Milliseconds on the film's clock at which an audio track's burst is heard."""
    out = scratch / f"heard-{track}.wav"
    extract(film, out, track=track)
    return onset(out)


def packets(path: Path, stream: str = "0:v:0") -> bytes:
    """A hash of a stream's packets as they lie in the file."""
    return ffmpeg("-i", f"file:{path}", "-map", stream, "-c", "copy", "-f", "streamhash", "-")


def pictures(path: Path) -> tuple[list[int], list[str]]:
    """Each decoded picture's time in milliseconds after the first one, and its hash."""
    listed = ffmpeg(
        *("-i", f"file:{path}", "-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "1:1000"),
        *("-f", "framehash", "-"),
    )
    rows = [line.replace(" ", "").split(",") for line in listed.decode().splitlines() if line[0] != "#"]
    return [int(row[2]) - int(rows[0][2]) for row in rows], [row[-1] for row in rows]


def same_pictures(one: Path, other: Path) -> bool:
    """Whether two films show the same pictures at the same times, within a container's whole milliseconds."""
    (times, seen), (other_times, other_seen) = pictures(one), pictures(other)
    return seen == other_seen and max(abs(a - b) for a, b in zip(times, other_times, strict=True)) <= 1


def reel(path: Path, *codecs: str, sound_at: float = 3.0, late: tuple[float, float] = (0, 0)) -> Path:
    """A 4 s film; `late` delays (picture, sound) by seconds; `codecs` are its encoders and other options."""
    usual = (*VP8, "-c:a", "libopus") if path.suffix == ".webm" else (*H264, "-c:a", "aac")
    path.write_bytes(_made(path.suffix, codecs or usual, sound_at, late))
    return path


def surround(
    path: Path,
    layout: str,
    channels: Sequence[Sound],
    *codec: str | Path,
    picture: bool = True,
    late: float = 0,
) -> Path:
    """A film whose channels, in the layout's order, are these sounds at 48 kHz; they begin `late` seconds late."""
    sound = path.with_suffix(".recorded.wav")
    soundfile.write(sound, np.stack(channels, 1), RATE, subtype="FLOAT")
    video = (*PICTURE[:3], f"testsrc2=s=160x120:r=25:d={len(channels[0]) / RATE:.3f}") if picture else ()
    numbers = "|".join(map(str, range(len(channels))))
    ffmpeg(
        *video,
        *("-itsoffset", str(late), "-i", sound),
        *("-af", f"channelmap={numbers}:{layout}" if layout else "anull", *(H264 if picture else ())),
        *(codec or ("-c:a", "ac3", "-b:a", "640k")),
        path,
    )
    sound.unlink()
    return path


def channels(film: Film, track: int = 0) -> Sound:
    """Every channel of an audio track on the film's clock, shape (samples, channels), as it was recorded."""
    stream = film.audio(track)
    dolby = ("-drc_scale", "0") if stream.codec in ("ac3", "eac3") else ()
    raw = ffmpeg(
        *(*dolby, "-copyts", "-itsoffset", f"{-film.start_us / 1e6:.6f}", "-i", film.path),
        *("-map", f"0:{stream.index}", "-af", "aresample=48000:async=1:first_pts=0:min_hard_comp=0.008"),
        *("-f", "f32le", "-"),
    )
    return np.frombuffer(raw, "<f4").reshape(-1, stream.channels or 1).astype(np.float64)


def loudness(film: Film, track: int = 0) -> float:
    """Integrated loudness in LUFS by ffmpeg's ebur128, all channels."""
    done = run(
        [
            *(ffmpeg_exe(), "-nostats", "-i", str(film.path), "-map", f"0:a:{track}"),
            *("-af", "ebur128=framelog=quiet", "-f", "null", "-"),
        ],
        timeout=60,
    )
    return float(done.stderr.rpartition("I:")[2].split()[0])


@functools.cache
def _made(suffix: str, codecs: tuple[str, ...], sound_at: float, late: tuple[float, float]) -> bytes:
    """The same film is made once per test process."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / f"film{suffix}"
        sound = wav(Path(folder) / "sound.wav", sound_at)
        ffmpeg(
            *("-itsoffset", str(late[0]), *PICTURE, "-itsoffset", str(late[1]), "-i", sound, *codecs, out),
        )
        return out.read_bytes()
