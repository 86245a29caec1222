"""The dub into the film: picture copied untouched, dub first, original second, subtitles, and a word that
the speech is synthetic. Never decides what is said or how loud.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from dubber.atomic import replacing, require
from dubber.errors import MediaError
from dubber.media.containers import Container, container_for
from dubber.media.ffmpeg import call, url
from dubber.media.fonts import require_fonts, undrawn
from dubber.media.header import Film, probe
from dubber.media.outputs import check_output
from dubber.media.surround import Surround, steadied
from dubber.media.tracks import SYNTHETIC, SYNTHETIC_TAG, MuxPlan, Tracks

SHORTER_BY = 250
"""ms by which a muxed film may end before the film it was made from: one frame of a slow picture, or the last
subtitle's or original track's tail, which not every container counts."""

MOVED_BY = 2
"""ms by which the first picture may move: Matroska rounds to whole milliseconds."""

COPY_PACE = 2.0
"""Seconds allowed per second of film where the picture is copied; it takes about 0.02."""

DUB_BYTES = 24
"""Bytes per ms of two channels of the encoded dub, for the progress: 192 kb/s."""

BURN_PACE = 60.0
"""Seconds allowed per second of film where the picture is encoded again: 4K on a slow machine."""


@dataclass(frozen=True)
class Muxed:
    """The film that was written, as probed afterwards, and sentences about what could not be kept."""

    film: Film
    notes: tuple[str, ...] = ()


def mux(
    plan: MuxPlan,
    out: Path,
    *,
    progress: Callable[[float], None] = lambda _: None,
    ready: Callable[[], object] = lambda: None,
) -> Muxed:
    """Write the dubbed film; its container is the one `out`'s suffix names (see `output_suffix`).

    What `out` held before is replaced at once, and only when the new film has been read back and `ready` has
    returned: what that raises (the dub that came through a pipe was not whole, say) is raised here instead.

    Raises UsageError and SpaceError for what `check_output` refuses, before anything is written; MediaError,
    SpaceError; MissingError, before anything is written, where no font is there to burn with.
    """
    _check(plan, out)
    container = container_for(out.suffix)
    with tempfile.TemporaryDirectory(prefix="dubber-") as scratch, replacing(out) as part:
        tracks = Tracks(plan, container, Path(scratch))
        args = _arguments(plan, container, tracks, part)
        length = plan.film.duration
        if plan.burn is None:
            pairs = max(1, (plan.surround.stream.channels or 0) // 2) if plan.surround else 1
            size = plan.film.path.stat().st_size + length * DUB_BYTES * pairs
            call(args, target=part, duration=length, pace=COPY_PACE, progress=progress, size=size)
        else:
            done = call(
                args,
                target=part,
                duration=length,
                pace=BURN_PACE,
                progress=progress,
                level="warning",
                cwd=Path(scratch),
            )
            tracks.notes.extend(undrawn(done.stderr))
        ready()
        made = _verified(plan.film, part)
    return Muxed(replace(made, path=out), tuple(tracks.notes))


def write_audio(
    dub: Path,
    out: Path,
    *,
    duration: int,
    language: str,
    title: str = "",
    synthetic: bool = True,
    surround: Surround | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> tuple[str, ...]:
    """Write the dub alone, `duration` ms of 48 kHz stereo WAV, as the audio file that `out`'s suffix names; with
    `surround` in the centre of that track. Returns sentences for the person.

    Raises UsageError and SpaceError for what `check_output` refuses; MediaError, SpaceError.
    """
    alone = Film(dub, "wav", duration, 0, ())
    plan = MuxPlan(alone, dub, language, title, keep_original=False, synthetic=synthetic, surround=surround)
    return mux(plan, out, progress=progress).notes


def _check(plan: MuxPlan, out: Path) -> None:
    """Refuse what cannot work before anything is written."""
    subtitles = [added.path for added in plan.subtitles] + ([plan.burn] if plan.burn is not None else [])
    around = [plan.surround.film.path] if plan.surround is not None else []
    check_output(plan.film, out, burn=plan.burn is not None, inputs=(plan.dub, *subtitles, *around))
    if plan.burn is not None:
        require_fonts(plan.burn.read_text("utf-8"))
    needed = sum(path.stat().st_size for path in (plan.film.path, *subtitles))
    require(out.parent, needed, "The dubbed film")


def _arguments(plan: MuxPlan, container: Container, tracks: Tracks, part: Path) -> list[str]:
    """ffmpeg's whole command line after its name."""
    import ffmpeg

    options: dict[str, Any] = {**tracks.options, **container.options, "f": container.muxer}
    options |= {"strict": "experimental", "max_muxing_queue_size": "4096"}
    if plan.surround is not None:
        options["max_error_rate"] = "1"  # the extraction has told of damage already
    if plan.film.has_video and container.video != frozenset() and plan.burn is None:
        # Every packet, also those before the first whole picture and before the film's first moment.
        options |= {"copypriorss:v": "1", "copyinkf:v": None}
    if container.muxer in ("mp4", "mov", "ipod") and _index_first(plan.film.path):
        options["movflags"] = "+faststart"
    args: list[str] = ffmpeg.output(*tracks.streams, url(part), **options).get_args()
    # ffmpeg-python says an option once only and orders the inputs as it likes; its last word is the output.
    args[-1:-1] = [*tracks.tags, *_film_tags(plan, container, tracks, args)]
    return args if plan.surround is None else steadied(args, plan.surround.even)


def _film_tags(plan: MuxPlan, container: Container, tracks: Tracks, args: list[str]) -> list[str]:
    """The film's own metadata and chapters, kept, and the word that the speech is synthetic."""
    known = dict(plan.film.metadata)
    told: dict[str, str] = {}
    if tracks.of_film:
        inputs = [value for option, value in pairwise(args) if option == "-i"]
        film = str(inputs.index(url(plan.film.path)))
        kept = ["-map_metadata", film, "-map_chapters", film]
    else:
        told |= known
        kept = ["-map_metadata", "-1"]
    if plan.synthetic:
        comment = known.get("comment") or known.get("COMMENT") or ""
        told["comment"] = comment if SYNTHETIC in comment else f"{comment} {SYNTHETIC}".strip()
        if container.muxer in ("matroska", "webm"):
            told[SYNTHETIC_TAG] = "1"
    for key, value in told.items():
        if "=" not in key:
            kept += ["-metadata", f"{key}={value}"]
    return kept


def _index_first(path: Path) -> bool:
    """Whether an MPEG-4 file has its index (moov) before its pictures (mdat), for playing while it loads.

    We keep that where the film has it; elsewhere it would cost writing the whole film twice.
    """
    with path.open("rb") as file:
        while len(head := file.read(16)) == 16:
            size, name = int.from_bytes(head[:4], "big"), head[4:8]
            if name in (b"moov", b"mdat"):
                return name == b"moov"
            if size == 1:
                size = int.from_bytes(head[8:], "big")
            if size < 8:
                return False
            file.seek(size - 16, 1)
    return False


def _verified(film: Film, part: Path) -> Film:
    """Probe what was written. Raises MediaError when it is too short or the picture has moved."""
    made = probe(part)
    if made.duration < film.duration - SHORTER_BY:
        raise MediaError(
            f"ffmpeg wrote {made.duration / 1000:.1f} s of a film of {film.duration / 1000:.1f} s.",
            hint="The film may be damaged; dub a repaired copy.",
        )
    if film.container == "avi":
        return made  # states no presentation times: where its first picture belongs is anybody's guess
    for before, after in zip(film.of("video"), made.of("video"), strict=False):
        moved = 0 if None in (before.start, after.start) else (after.start or 0) - (before.start or 0)
        if abs(moved) > MOVED_BY:
            raise MediaError(
                f"The picture would start {moved:+} ms from where it does in the film.",
                hint="Write a .mkv instead.",
            )
    return made
