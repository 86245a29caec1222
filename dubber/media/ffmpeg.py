"""How ffmpeg is called: which one, on which inputs it may look, and what its failures mean.

Knows nothing of dubs, tracks or clocks.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from align.types import SAMPLE_RATE
from dubber.atomic import full_disk
from dubber.errors import MediaError, MissingError, UsageError
from dubber.process import Finished, ProcessOverflow, ProcessTimeout, run

PROTOCOLS = "file"
"""All that an input may be read through: a film that names an address or another scheme gets no answer."""

CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,wav,w64,flac,mp3,aac,ac3,eac3,"
    "aiff,caf,au,mxf,rm,dv,nut,amr,ape,wv,tta"
)
"""libavformat's names of the real containers we read. Not here on purpose: playlists and scripts that open
other files (hls, dash, concat, imf, image2), devices and generators (lavfi), and text shown as film (tty)."""

ALWAYS = ("-nostdin", "-hide_banner", "-nostats", "-progress", "pipe:1", "-y", "-copyts")
"""What every call says: nobody to ask, progress as lines, and time stamps as they are (see `film_input`)."""

BASE_TIMEOUT = 120.0
"""Seconds any call may take, on top of what its film's length allows."""

VERSION_TIMEOUT = 30.0
"""Seconds for ffmpeg to say which one it is; it takes about 0.05, and more from a sleeping disk."""

Progress = Callable[[float], None]


OLDEST = 7
"""The first major version that decodes what it has encoded itself (-dec), by which a track whose channels change midway
stays on the clock."""


@dataclass(frozen=True)
class FFmpeg:
    """The ffmpeg in use: its path, the version it states, and where it is from, 'system' or 'wheel'."""

    path: str
    version: str
    origin: str


def ffmpeg_exe() -> str:
    """Path of the ffmpeg to use: the one that IMAGEIO_FFMPEG_EXE names, else the one that came with imageio-ffmpeg,
    else the system's.

    The wheel's comes first because times are our promise and ffmpeg's versions differ in them: 5.1 (Debian 12)
    shifts the picture by AAC's priming, 21 ms, in what we ask of it. Raises MissingError.
    """
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise MissingError(
            "There is no ffmpeg on this machine.", hint="Bring it with `make install`, or install ffmpeg."
        ) from error


def require_ffmpeg() -> None:
    """Raises MissingError where there is no ffmpeg, it does not run, or it is older than OLDEST."""
    path = ffmpeg_exe()
    if _is_ours(path):
        return
    major = re.match(r"n?(\d+)\.", _version(path))
    if major and int(major[1]) < OLDEST:
        raise MissingError(
            f"The ffmpeg at {path} is version {_version(path)}; dubber needs {OLDEST} or later.",
            hint="Unset IMAGEIO_FFMPEG_EXE to use the one that dubber brings, or name a newer one.",
        )


def ffmpeg_info() -> FFmpeg:
    """Which ffmpeg is used, for a person. Raises MissingError, also when it does not run."""
    require_ffmpeg()
    path = ffmpeg_exe()
    return FFmpeg(path, _version(path), "wheel" if _is_ours(path) else "system")


def _is_ours(path: str) -> bool:
    """Whether an ffmpeg is the one that came with imageio-ffmpeg."""
    import imageio_ffmpeg

    return Path(imageio_ffmpeg.__file__).parent in Path(path).parents


@functools.cache
def _version(path: str) -> str:
    try:
        told = run([path, "-hide_banner", "-version"], timeout=VERSION_TIMEOUT)
    except (ProcessTimeout, ProcessOverflow) as error:
        raise MissingError(f"The ffmpeg at {path} does not run.", hint="Install another one.") from error
    words = told.stdout.decode("utf-8", "replace").split()
    if told.returncode != 0 or words[:2] != ["ffmpeg", "version"]:
        raise MissingError(f"The ffmpeg at {path} does not run.", hint="Install another one.")
    return words[2]


def url(path: Path) -> str:
    """A path as ffmpeg must be told it: whatever the name looks like, it is a local file and no option.

    Raises UsageError for a name that is no text (bytes that are not UTF-8).
    """
    told = f"file:{path.absolute()}"
    if not told.isprintable() and any("\ud800" <= character <= "\udfff" for character in told):
        raise UsageError(f"The name {str(path)!r} is not valid UTF-8.", hint="Rename the file or its folder.")
    return told


def film_input(path: Path, start_us: int, **options: Any) -> Any:
    """A hostile film as an ffmpeg-python input, on the film's clock: what plays at `start_us` is at 0.

    It works together with `-copyts` (see `call`). Without it ffmpeg would put the first of the *chosen*
    streams at 0 in some containers (MPEG-TS), and the picture's and the sound's clocks would differ.
    """
    import ffmpeg

    return ffmpeg.input(
        url(path),
        protocol_whitelist=PROTOCOLS,
        format_whitelist=CONTAINERS,
        itsoffset=f"{-start_us / 1e6:.6f}",
        **options,
    )


def own_input(path: Path, form: str) -> Any:
    """A file that we made ourselves as an ffmpeg-python input; `form` is libavformat's name of its kind."""
    import ffmpeg

    return ffmpeg.input(url(path), protocol_whitelist=PROTOCOLS, format_whitelist=form, f=form)


def live_input(path: Path) -> Any:
    """A named pipe that we write raw samples into (48 kHz, stereo, float32) as an ffmpeg-python input."""
    import ffmpeg

    raw = {"f": "f32le", "ar": str(SAMPLE_RATE), "ac": "2"}
    return ffmpeg.input(url(path), protocol_whitelist=PROTOCOLS, format_whitelist="f32le", **raw)


def call(
    args: Sequence[str],
    *,
    target: Path,
    duration: int,
    pace: float,
    progress: Progress,
    size: int | None = None,
    level: str = "error",
    cwd: Path | None = None,
) -> Finished:
    """Run ffmpeg on a film of `duration` ms with what ffmpeg-python compiled, which writes `target`; `pace` is
    seconds allowed per film second, `size` the output's length in bytes as far as it is known, `level` what
    stderr holds.

    Raises SpaceError (disk full), MediaError (any other failure, also one that comes to no end).
    """

    # With -copyts ffmpeg counts its time from the first report on, half a second of work too late: where the
    # bytes to come are known, they tell better.
    unit, whole = ("total_size", size) if size is not None else ("out_time_us", duration * 1000)

    def on_line(line: str) -> None:
        key, _, value = line.partition("=")
        if key == unit and value.isdigit():
            progress(min(1.0, int(value) / max(1, whole)))

    timeout = BASE_TIMEOUT + pace * duration / 1000
    command = [ffmpeg_exe(), *ALWAYS, "-v", level, *args]
    try:
        done = run(command, timeout=timeout, on_line=on_line, cwd=cwd)
    except (ProcessTimeout, ProcessOverflow) as error:
        raise MediaError(
            f"ffmpeg came to no end with this film within {timeout:.0f} s and was stopped.",
            hint="The film may be damaged, or the machine very busy; try again, or dub a repaired copy.",
        ) from error
    if done.disk_full:
        raise full_disk(target, size)
    if done.returncode != 0:
        raise MediaError(f"ffmpeg could not do its work: {reason(done.stderr)}.")
    progress(1.0)
    return done


def reason(stderr: str) -> str:
    """ffmpeg's first complaint, the nearest to the cause, as part of a sentence."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    said = lines[0] if lines else "it gave no reason"
    while said.startswith("[") and "] " in said:
        said = said.partition("] ")[2]
    return "".join(c if c.isprintable() else " " for c in said).strip().rstrip(".")[:200]
