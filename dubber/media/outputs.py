"""Whether an output can be written where the person wants it, asked before any work is done.

Writes nothing itself.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from dubber.atomic import NAME_LIMIT, refusal
from dubber.errors import UsageError
from dubber.media.containers import container_for, foreign_video
from dubber.media.ffmpeg import url
from dubber.media.header import Film


def check_output(film: Film | None, out: Path, *, burn: bool = False, inputs: Sequence[Path] = ()) -> None:
    """Refuse an output that could not be written at the end of the work.

    `film` is the film whose picture goes into `out`, None where only sound does; `burn` says that its first
    picture is encoded again. `out` must be none of the `inputs`, nor the film itself.

    Raises UsageError (a suffix we do not write or that cannot hold the picture, a name that is too long or
    not UTF-8, a folder that does not exist, something at `out` that is no file, `out` is an input),
    SpaceError (a folder that is not yours to write in).
    """
    container = container_for(out.suffix)
    url(out)  # raises where ffmpeg could not be told it
    if len(os.fsencode(out.name)) > NAME_LIMIT:
        raise UsageError(
            f"The name {out.name[:40]!r}... is longer than {NAME_LIMIT} bytes.", hint="Choose a shorter name."
        )
    _check_place(out)
    own = () if film is None else (film.path,)
    there = _status(out)
    if there is not None:
        if not stat.S_ISREG(there.st_mode):
            what = "a folder" if stat.S_ISDIR(there.st_mode) else "a device or a pipe"
            raise UsageError(f"{str(out)!r} is {what}, not a file.", hint="Choose another name.")
        taken = [status for path in (*own, *inputs) if (status := _status(path)) is not None]
        if any(os.path.samestat(there, status) for status in taken):
            raise UsageError(
                f"{out.name!r} is also an input, and would be lost.", hint="Choose another name."
            )
    foreign = [] if film is None else foreign_video(film, container, burn=burn)
    if foreign:
        raise UsageError(
            f"{out.suffix} cannot hold a {foreign[0]} picture.",
            hint="Write a .mkv instead.",
        )


def _check_place(out: Path) -> None:
    folder = _status(out.parent)
    if folder is None:
        raise UsageError(f"There is no folder {str(out.parent)!r} to write in.", hint="Make it first.")
    if not stat.S_ISDIR(folder.st_mode):
        raise UsageError(f"{str(out.parent)!r} is a file, not a folder.", hint="Choose another folder.")
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise refusal(out)


def _status(path: Path) -> os.stat_result | None:
    """What lies at `path`, links followed; None where nothing does, or its path is none at all."""
    try:
        return path.stat()
    except OSError:
        return None
