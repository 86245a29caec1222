"""Whether the pictures of two films are the same packets at the same times. Reads packets; decodes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import zip_longest

import numpy as np
import numpy.typing as npt

from dubber.errors import MediaError
from dubber.media.ffmpeg import url
from dubber.media.header import Film, Stream, opened

FAMILIES = (frozenset({"mov", "mp4", "m4a"}), frozenset({"matroska", "webm"}), frozenset({"mpegts", "mpeg"}))
"""libavformat's containers that pack a codec's pictures alike. From one family to another the same picture may be
other bytes."""

DIGEST_BYTES = 16
"""Of each packet: enough that two that differ never look the same."""

TOLD_EVERY = 1000
"""Packets between two words on how far it is."""


@dataclass(frozen=True, eq=False)
class Packets:
    """A stream's packets in the file's order: digests, shape (n, DIGEST_BYTES), and when each is shown, in ms on the
    film's clock, shape (n,), NaN where it does not say. An hour of 60 pictures a second takes 5 MB."""

    digests: npt.NDArray[np.uint8]
    times: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sameness:
    """How the pictures of two films differ: `changed` packets of those that either has, None where that cannot be told
    and `why`; and the most that one of them moved, in ms, None where no two can be compared."""

    changed: int | None
    moved: float | None
    why: str = ""


def packets(film: Film, stream: Stream, progress: Callable[[float], None] = lambda _: None) -> Packets:
    """Every packet of a stream. Raises MediaError where the film can no longer be read."""
    import av

    digests, times = bytearray(), []
    try:
        with opened(url(film.path)) as container:
            for packet in container.demux(container.streams[stream.index]):
                if not packet.size:
                    continue  # the demuxer's word that the end is reached
                digests += sha256(memoryview(packet)).digest()[:DIGEST_BYTES]
                time = packet.pts if packet.pts is not None else packet.dts
                at = float("nan") if time is None else float(time * packet.time_base) * 1000
                times.append(at - film.start_us / 1000)
                if len(times) % TOLD_EVERY == 0 and time is not None:
                    progress(min(1.0, max(0.0, times[-1] / film.duration)))
    except (av.FFmpegError, ValueError) as error:
        raise MediaError(f"{film.path.name!r} can no longer be read.") from error
    found = np.frombuffer(bytes(digests), np.uint8).reshape(-1, DIGEST_BYTES)
    return Packets(found, np.array(times, np.float64))


def same_pictures(
    one: Film, other: Film, *, encoded: bool = False, progress: Callable[[float], None] = lambda _: None
) -> Sameness:
    """How the pictures of `other` differ from those of `one`. With `encoded` the first stream was encoded again
    (subtitles are drawn into it), and only the time of its first picture is compared. Raises MediaError."""
    pairs = list(zip_longest(one.of("video"), other.of("video")))
    parts = 2 * len(pairs)

    def read(film: Film, stream: Stream | None, part: int) -> Packets | None:
        return packets(film, stream, partial(_part, progress, part, parts)) if stream else None

    changed, moved, why = 0, [], ""
    for place, (ours, theirs) in enumerate(pairs):
        first, second = read(one, ours, 2 * place), read(other, theirs, 2 * place + 1)
        if first is None or second is None:
            changed += sum(len(each.times) for each in (first, second) if each is not None)
        elif encoded and place == 0:
            why = "the subtitles are drawn into the picture, which was encoded again"
            moved.append(_moved(first.times[:1], second.times[:1]))
        else:
            off = _different(first.digests, second.digests)
            if off and len(first.times) == len(second.times) and _family(one) != _family(other):
                why, off = f"{one.container} and {other.container} pack the same pictures in other bytes", 0
            changed += off
            moved.append(_moved(first.times, second.times))
    known = [each for each in moved if each is not None]
    return Sameness(None if why and not changed else changed, max(known) if known else None, why)


def _part(progress: Callable[[float], None], part: int, parts: int, share: float) -> None:
    progress((part + share) / parts)


def _different(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> int:
    shared = min(len(one), len(other))
    return int((one[:shared] != other[:shared]).any(axis=1).sum()) + max(len(one), len(other)) - shared


def _moved(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float | None:
    shared = min(len(one), len(other))
    off = np.abs(one[:shared] - other[:shared])
    off = off[~np.isnan(off)]
    return float(off.max()) if len(off) else None


def _family(film: Film) -> frozenset[str]:
    names = frozenset(film.container.split(","))
    return next((family for family in FAMILIES if names & family), names)
