"""What a film says of itself: its length, its clock and its streams, read from its header with PyAV.

Never decodes, never writes, and opens no other file than the one it is given.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dubber.errors import MediaError, MissingError, UsageError
from dubber.media.ffmpeg import CONTAINERS, PROTOCOLS, url

MAX_DURATION = 24 * 3600 * 1000
"""ms. A header that claims more than a day is damaged, and would fill a disk with silence."""

OPEN_TIMEOUT = 60.0
"""Seconds for opening a file, and for each read from it (a network drive may hang)."""

GUESSED_LENGTH = frozenset({"mp3", "aac", "ac3", "eac3", "amr", "mpegvideo"})
"""Containers whose header states no length: libavformat guesses it from the bit rate, so we count packets."""

GUESSED_END = frozenset({"mpegts", "mpeg"})
"""Containers whose last packets libavformat only skims: it misses what lies behind the last time stamp."""

TAIL_US = 10_000_000
"""µs before the guessed end from which packets are counted: more than any PES packet or group of pictures."""

PLAYLIST_MARKS = (b"#EXTM3U", b"ffconcat", b"file ", b"file\t", b"<MPD", b"<?xml", b"[playlist]", b"RTSPtext")
"""How the text files begin that tell a player to open other files."""


@dataclass(frozen=True)
class Stream:
    """One stream of a film. `index` is its place in the container; `kind` is video, audio, subtitle,
    attachment or data. `start` and `duration` are ms on the film's clock, None where the header has none.
    `language` is ISO 639-2 as tagged, None where untagged or 'und'. `cover` marks a picture that is no film.
    `layout` is libavutil's name of how sound's channels are arranged ("5.1(side)"), None where the header does not
    say; `profile` is the codec's own variety ("Dolby Digital Plus + Dolby Atmos").
    """

    index: int
    kind: str
    codec: str
    language: str | None = None
    title: str | None = None
    start: int | None = None
    duration: int | None = None
    channels: int | None = None
    rate: int | None = None
    layout: str | None = None
    profile: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    default: bool = False
    forced: bool = False
    cover: bool = False


@dataclass(frozen=True)
class Film:
    """A film's header. `container` is libavformat's name; `duration` is ms. The film's clock is 0 where the
    container starts, which is `start_us` µs on the container's own clock: the earliest picture or sound."""

    path: Path
    container: str
    duration: int
    start_us: int
    streams: tuple[Stream, ...]
    chapters: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)

    def of(self, kind: str) -> tuple[Stream, ...]:
        """The streams of one kind, in the container's order; covers are no video."""
        return tuple(stream for stream in self.streams if stream.kind == kind and not stream.cover)

    @property
    def has_audio(self) -> bool:
        """Whether there is a sound track at all."""
        return bool(self.of("audio"))

    @property
    def has_video(self) -> bool:
        """Whether there is a moving picture; a cover is none."""
        return bool(self.of("video"))

    def audio(self, track: int = 0) -> Stream:
        """The audio track number `track`, counted from 0. Raises MediaError (none at all), UsageError."""
        tracks = self.of("audio")
        if not tracks:
            raise MediaError(
                f"{self.path.name!r} has no audio track.", hint="There is nothing to dub in a silent film."
            )
        if not 0 <= track < len(tracks):
            raise UsageError(
                f"{self.path.name!r} has no audio track {track}: it has {len(tracks)}.",
                hint="Tracks are counted from 0.",
            )
        return tracks[track]


def probe(path: Path) -> Film:
    """Read a film's header.

    Raises UsageError (no such file, no file at all, or a name that is not UTF-8), MissingError (not allowed to
    read it), MediaError (empty, damaged, no media, or a playlist that would open other files).
    """
    address = url(path)  # first of all: a name that ffmpeg cannot be told is refused before hours of work
    _refuse_what_is_no_film(path)
    import av

    try:
        with opened(address) as container:
            return _film(path, container)
    except (av.FFmpegError, ValueError) as error:
        raise MediaError(
            f"{path.name!r} is no film that can be read.",
            hint="It may be damaged or cut short, or not be media at all; does a player open it?",
        ) from error


def first_packet(film: Film, stream: Stream) -> bytes:
    """The first packet of a stream as it lies in the file; b"" where there is none. Raises MediaError."""
    import av

    try:
        with opened(url(film.path)) as container:
            return next((bytes(packet) for packet in container.demux(container.streams[stream.index])), b"")
    except (av.FFmpegError, ValueError) as error:
        raise MediaError(f"{film.path.name!r} can no longer be read.") from error


def opened(address: str) -> Any:
    """A file as PyAV reads it, told as `url` does; no other file and no socket is opened for it."""
    import av

    return av.open(
        address,
        options={"protocol_whitelist": PROTOCOLS, "format_whitelist": CONTAINERS},
        metadata_errors="replace",
        timeout=(OPEN_TIMEOUT, OPEN_TIMEOUT),
    )


def _refuse_what_is_no_film(path: Path) -> None:
    """Say what is wrong with a path before libavformat sees it; a named pipe would wait for ever."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "a device or a pipe"
            raise UsageError(f"{path.name!r} is {what}, not a film.")
        with path.open("rb") as file:
            head = file.read(64)
    except PermissionError as error:
        raise MissingError(
            f"{path.name!r} may not be read by you.", hint="Change the file's permissions."
        ) from error
    except OSError as error:
        raise UsageError(f"There is no file {str(path)!r}.", hint="Check the spelling.") from error
    if not head:
        raise MediaError(f"{path.name!r} is empty.")
    if head.lstrip(b"\xef\xbb\xbf \r\n").startswith(PLAYLIST_MARKS):
        raise MediaError(
            f"{path.name!r} is a playlist or a script that names other files, not a film.",
            hint="Give the film itself.",
        )


def _film(path: Path, container: Any) -> Film:
    start_us = int(container.start_time or 0)
    streams = tuple(_stream(stream, start_us) for stream in container.streams)
    if not any(stream.kind in ("video", "audio") for stream in streams):
        raise MediaError(f"{path.name!r} holds neither picture nor sound.")
    guessed = container.duration or 0
    if guessed <= 0 or container.format.name in GUESSED_LENGTH:
        duration = _counted(container, start_us)
    elif container.format.name in GUESSED_END:
        if guessed > TAIL_US:
            container.seek(start_us + guessed - TAIL_US)
        duration = max(round(guessed / 1000), _counted(container, start_us))
    else:
        duration = round(guessed / 1000)
    if duration <= 0:
        raise MediaError(f"{path.name!r} has no length: no picture and no sound is in it.")
    if duration > MAX_DURATION:
        raise MediaError(
            f"{path.name!r} claims to be {duration / 3.6e6:.0f} hours long; its header is damaged."
        )
    return Film(
        path=path,
        container=container.format.name,
        duration=duration,
        start_us=start_us,
        streams=streams,
        chapters=len(container.chapters()),
        metadata=dict(container.metadata),
    )


def _counted(container: Any, start_us: int) -> int:
    """The length in ms by the film's own packets, read from here to the end; decodes nothing."""
    end = 0.0
    for packet in container.demux([s for s in container.streams if s.type in ("video", "audio")]):
        time = packet.pts if packet.pts is not None else packet.dts
        if time is not None:
            end = max(end, float((time + (packet.duration or 0)) * packet.time_base))
    return round(end * 1000 - start_us / 1000)


def _stream(stream: Any, start_us: int) -> Stream:
    from av.stream import Disposition

    flags = stream.disposition
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    language = tags.get("language", "").lower()
    codec = stream.codec_context
    video = stream.type == "video"
    audio = stream.type == "audio"
    rate = stream.average_rate if video else None
    return Stream(
        index=stream.index,
        kind=stream.type,
        codec=codec.codec.canonical_name if codec is not None else "unknown",
        language=language if language not in ("", "und") else None,
        title=tags.get("title") or None,
        start=None
        if stream.start_time is None
        else _ms(stream.start_time, stream.time_base) - start_us // 1000,
        duration=_declared(stream, tags),
        channels=codec.channels if audio and codec is not None else None,
        rate=codec.sample_rate if audio and codec is not None else None,
        layout=_layout(codec) if audio and codec is not None else None,
        profile=codec.profile if audio and codec is not None else None,
        width=codec.width if video and codec is not None else None,
        height=codec.height if video and codec is not None else None,
        fps=float(rate) if rate else None,
        default=Disposition.default in flags,
        forced=Disposition.forced in flags,
        cover=Disposition.attached_pic in flags,
    )


def _layout(codec: Any) -> str | None:
    """The arrangement of the channels by name; "6 channels" is none."""
    name = str(codec.layout.name)
    return None if not name or name.endswith(" channels") or name == "unknown" else name


def _ms(time: int, base: Any) -> int:
    return round(float(time * base) * 1000)


def _declared(stream: Any, tags: Mapping[str, str]) -> int | None:
    """A stream's own length in ms; Matroska keeps it in a tag (00:01:02.345000000)."""
    if stream.duration is not None:
        return _ms(stream.duration, stream.time_base)
    hours, _, rest = tags.get("duration", "").partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        return round((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * 1000)
    except (ValueError, OverflowError):
        return None
