"""Where a film's picture changes from one shot to the next, on the film's clock: decoded once, and small.

Never looks at what is to be seen, nor at the sound.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dubber.atomic import require
from dubber.errors import MediaError
from dubber.media.ffmpeg import call, film_input, url
from dubber.media.header import Film, Stream, opened

FloatArray = npt.NDArray[np.float32]

WIDTH, HEIGHT = 32, 18
"""Blocks that a picture is averaged to (colour: half as many each way). Grain vanishes in them, and what moves by less
than a thirtieth of the picture's width hardly changes them."""

LUMA, CHROMA = WIDTH * HEIGHT, WIDTH * HEIGHT // 4
BYTES = LUMA + 2 * CHROMA

REACH = 300
"""ms. How far on each side a change is compared with what is seen around it, and the least between two cuts: a shot
shorter than that is no place to begin a line in."""

FLOOR = 6.0
"""Mean difference of two pictures, luma and both colours of 0 to 255 added up, under which nothing changed. Coding
alone makes about 1, a cut between two night scenes about 10, one by day 30 to 120."""

ABOVE_MOTION = 4.0
"""A cut is as many times the mean step between the pictures around it. Two steps of a pan that is even are 2."""

SUDDEN = 0.5
"""How much of the change from REACH before to REACH after happens within two pictures: at a cut nearly all of it, in a
dissolve of a quarter of a second a third. Two, because converting the picture rate often blends a cut into one."""

LASTING = 0.25
"""How far, as a share of the change, what is seen before and after stays apart. A flash comes back to nearly 0."""

SAME_SHAPE = 0.9
"""Correlation of luma from which on two pictures are one in other light: a lamp was lit. Two shots are under 0.6."""

FLAT, BLACK = 2.0, 24.0
"""Luma's standard deviation under which a picture has no shape, and the luma under which a block tells nothing:
letterbox bars are in both pictures and would make them alike."""

SAMPLES = 8
"""Pictures compared on each side of a change: a film of many pictures a second costs no more than another."""

PACE = 10.0
"""Seconds allowed per second of film: 1080p takes 0.5 of one core, 2160p at 60 pictures a second about 5."""

USUAL_RATE = 30.0
"""Pictures a second where the header does not say, to ask for room on the disk."""


def shots(film: Film, progress: Callable[[float], None] = lambda _: None) -> tuple[int, ...]:
    """The times in ms on the film's clock at which a new shot's first picture is shown, rising, at least REACH apart.

    Those of the film's first picture stream by its own time stamps, whatever its rate does; () for a film without one.
    Dissolves, fades, flashes shorter than REACH and lamps that are lit are none, nor is a shot shorter than REACH after
    which the one before it goes on.

    Every picture is decoded: a minute of 1080p25 in H.264 at 24 Mbit/s takes 27 s of one core. Meanwhile 22 kB per
    second of film lie in the folder for temporary files; memory does not grow with the film.

    Raises MediaError (the picture cannot be decoded), SpaceError.
    """
    streams = film.of("video")
    if not streams:
        return ()
    with tempfile.TemporaryDirectory(prefix="dubber-") as scratch:
        small = Path(scratch) / "small.nut"
        _shrink(film, streams[0], small, progress)
        return cuts_in(_pictures(film, small))


@dataclass
class Picture:
    """A small picture: when it is shown (ms), its blocks as a vector whose absolute differences add up to the
    difference of two pictures, and the differences to the picture before it, and from that to the one after it."""

    at: float
    blocks: FloatArray
    step: float = 0.0
    leap: float = 0.0


def cuts_in(pictures: Iterable[Picture]) -> tuple[int, ...]:
    """The cuts, in ms, in pictures that come in order of time; holds no more than 2 × REACH of them at once."""
    around: deque[Picture] = deque()
    found: list[tuple[int, float]] = []
    place = 0  # of the picture to be judged
    for picture in chain(pictures, (None,)):
        if picture is not None:
            _follow(around, picture)
        while place < len(around) and (picture is None or around[-1].at - around[place].at >= REACH):
            seen = list(around)
            if _is_cut(seen, place):
                # Of a cut that was blended into one picture, the greater of the two steps.
                first = max(seen[place : place + 2], key=lambda one: one.step)
                _keep(found, round(first.at), seen[place].leap)
            place += 1
            while place < len(around) and around[place].at - around[0].at > REACH and place > 1:
                around.popleft()
                place -= 1
    return tuple(at for at, _ in found)


def _follow(around: deque[Picture], picture: Picture) -> None:
    """Adds a picture behind the others, with its differences to them."""
    if around:
        picture.step = picture.leap = _difference(around[-1], picture)
    if len(around) > 1:
        around[-1].leap = _difference(around[-2], picture)
    around.append(picture)


def _keep(found: list[tuple[int, float]], at: int, change: float) -> None:
    """Adds a cut; of two that are closer than REACH the greater one stays."""
    if not found or at - found[-1][0] >= REACH:
        found.append((at, change))
    elif change > found[-1][1]:
        found[-1] = (at, change)


def _is_cut(seen: Sequence[Picture], place: int) -> bool:
    """Whether a new shot begins with the picture at `place`, or with the next where this one is a blend."""
    change = max(seen[place].step, seen[place].leap) if place else 0.0
    if change < FLOOR:
        return False
    before, after = seen[:place], seen[place:]
    others = [one.step for one in (*before[1:], *after[2:])]
    if others and change < ABOVE_MOTION * sum(others) / len(others):
        return False
    if change < SUDDEN * _difference(before[0], after[-1]):
        return False
    pairs = ((one, other) for one in _thinned(before) for other in _thinned(after))
    if min(_difference(one, other) for one, other in pairs) < LASTING * change:
        return False
    return not _same_shape(before[-1], after[min(1, len(after) - 1)])


def _thinned(pictures: Sequence[Picture]) -> Sequence[Picture]:
    return pictures[:: -(-len(pictures) // SAMPLES)]


def _difference(one: Picture, other: Picture) -> float:
    return float(np.abs(one.blocks - other.blocks).sum())


def _same_shape(one: Picture, other: Picture) -> bool:
    """Whether one picture's luma is the other's, made brighter or darker."""
    first, second = one.blocks[:LUMA] * LUMA, other.blocks[:LUMA] * LUMA
    lit = (first > BLACK) | (second > BLACK)
    if not lit.any() or min(float(first[lit].std()), float(second[lit].std())) < FLAT:
        return False
    return float(np.corrcoef(first[lit], second[lit])[0, 1]) > SAME_SHAPE


def _shrink(film: Film, stream: Stream, out: Path, progress: Callable[[float], None]) -> None:
    """Every picture at WIDTH × HEIGHT, raw, with its time on the film's clock."""
    import ffmpeg

    size = round((stream.fps or USUAL_RATE) * film.duration / 1000) * BYTES
    require(out.parent, size, "Looking for shot changes")
    read = film_input(film.path, film.start_us)[str(stream.index)]
    small = read.filter("scale", WIDTH, HEIGHT, flags="area").filter("format", "yuv420p")
    command = ffmpeg.output(
        small,
        url(out),
        **{"c:v": "rawvideo", "f": "nut", "fps_mode": "passthrough", "enc_time_base": "1:1000000"},
        max_error_rate=1,  # where the picture is damaged, what is left of it tells
    )
    try:
        call(
            command.get_args(),
            target=out,
            duration=film.duration,
            pace=PACE,
            progress=progress,
            size=size,
        )
    except MediaError as error:
        raise _undecoded(film) from error


def _pictures(film: Film, small: Path) -> Iterator[Picture]:
    import av

    weights = np.repeat(np.array([1 / LUMA, 1 / CHROMA], np.float32), [LUMA, 2 * CHROMA])
    try:
        with opened(url(small)) as container:
            for packet in container.demux(video=0):
                if packet.size == BYTES and packet.pts is not None:
                    blocks = np.frombuffer(memoryview(packet), np.uint8).astype(np.float32) * weights
                    yield Picture(float(packet.pts * packet.time_base) * 1000, blocks)
    except (av.FFmpegError, IndexError) as error:  # ffmpeg writes no stream where no picture was decoded
        raise _undecoded(film) from error


def _undecoded(film: Film) -> MediaError:
    return MediaError(
        f"The picture of {film.path.name!r} cannot be decoded, so no shot changes can be found in it.",
        hint="Dub it without --shots.",
    )
