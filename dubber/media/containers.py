"""What each output container can carry: the one table of muxers, encoders and what may be copied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from dubber.errors import UsageError
from dubber.media.header import Film
from dubber.media.surround import RENAMED

Options = Mapping[str, str]

# The encoder is most of a re-render. Its searching tools cost five times the rest (60 s of speech: 2.3 s with
# them, 0.5 s without); at 192 kb/s, 96 for each channel, plain AAC-LC does not need them.
_PLAIN_AAC = {"aac_coder": "fast", "aac_tns": "0", "aac_pns": "0", "aac_is": "0", "aac_ms": "0"}
AAC: Options = MappingProxyType({"c": "aac", "b": "192k", **_PLAIN_AAC})
# Complexity 5 of 10 encodes in half the time; at 160 kb/s stereo the rest buys nothing.
OPUS: Options = MappingProxyType({"c": "libopus", "b": "160k", "compression_level": "5"})
MP3: Options = MappingProxyType({"c": "libmp3lame", "b": "192k"})
FLAC: Options = MappingProxyType({"c": "flac", "sample_fmt": "s32", "bits_per_raw_sample": "24"})
PCM: Options = MappingProxyType({"c": "pcm_s24le"})

MPEG_AUDIO = frozenset({"aac", "mp3", "ac3", "eac3", "alac", "opus", "flac", "mp2", "dts"})
TEXT_SUBTITLES = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"})
ANY = None


@dataclass(frozen=True)
class Encoder:
    """What writes more than two channels, as far as they come back from it under the names they went in with; and
    Dolby's stereo, beside a film's that states a dialogue level.

    `codec` is libavcodec's name of what it makes, `title` what people call it; `layouts` are those it carries
    (ANY: all we meet, of up to eight channels). `kbps` is for each channel, up to `most` together; 0 loses nothing.
    """

    codec: str
    title: str
    layouts: frozenset[str] | None
    options: Options
    kbps: int = 0
    most: int = 0

    def options_for(self, channels: int) -> Options:
        """The encoder's options for so many channels."""
        rate = {"b": f"{min(self.kbps * channels, self.most)}k"} if self.kbps else {}
        return {**self.options, **rate}


# As many bits for each channel as in stereo, and more for AC-3, which needs them; it ends at 640 kb/s.
_AC3_LAYOUTS = frozenset({"stereo", "3.0", "4.0", "5.0(side)", "5.1(side)"})
AC3S = Encoder("ac3", "AC-3", _AC3_LAYOUTS, {"c": "ac3"}, 128, 640)
EAC3S = Encoder("eac3", "E-AC-3", _AC3_LAYOUTS, {"c": "eac3"}, 128, 640)
AACS = Encoder(
    "aac",
    "AAC",
    frozenset({"3.0", "4.0", "5.0", "5.1", "6.1(back)", "7.0", "7.1", "7.1(wide)"}),
    {"c": "aac", **_PLAIN_AAC},
    96,
    1024,
)
OPUSES = Encoder(
    "opus",
    "Opus",
    frozenset({"3.0", "5.0", "5.1", "6.1", "7.1"}),
    {"c": "libopus", "compression_level": "5"},
    96,
    1024,
)
FLACS = Encoder("flac", "FLAC", ANY, FLAC)
# MPEG-4 keeps no mask of FLAC's channels: only what FLAC itself means by their number comes back.
MP4_FLACS = Encoder("flac", "FLAC", frozenset({"3.0", "5.0(side)", "5.1(side)", "6.1", "7.1"}), FLAC)
PCMS = Encoder("pcm_s24le", "PCM", ANY, PCM)


@dataclass(frozen=True)
class Container:
    """An output container.

    `muxer` is libavformat's name, `dub` the options of the encoder for the dubbed track. `audio`, `video` and
    `subtitles` are the codecs it takes as they are (ANY: all we meet; empty: none); `text` is what subtitles
    of text become in it (None: it holds none), `stacks` whether two of those may be up at once. `tracks`:
    whether it holds more than one audio track.
    `surround` are the encoders for a dub of more than two channels, those that most players know first.
    """

    muxer: str
    dub: Options
    audio: frozenset[str] | None = frozenset()
    video: frozenset[str] | None = frozenset()
    subtitles: frozenset[str] = frozenset()
    text: str | None = None
    stacks: bool = True
    tracks: bool = True
    attachments: bool = False
    surround: tuple[Encoder, ...] = ()
    options: Options = field(default_factory=dict, hash=False)


_MP4_SURROUND = (AC3S, AACS, EAC3S, OPUSES, MP4_FLACS)
_MKV_SURROUND = (AC3S, AACS, EAC3S, OPUSES, FLACS)
_MP4_VIDEO = frozenset({"h264", "hevc", "vvc", "av1", "vp9", "mpeg4", "mpeg2video", "mpeg1video", "mjpeg"})
_MP4_SUBTITLES = frozenset({"mov_text", "dvd_subtitle"})
_MKV_SUBTITLES = frozenset(
    {"subrip", "srt", "ass", "ssa", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"}
)

_MP4 = Container(
    "mp4", AAC, MPEG_AUDIO, _MP4_VIDEO, _MP4_SUBTITLES, "mov_text", stacks=False, surround=_MP4_SURROUND
)

CONTAINERS: Mapping[str, Container] = MappingProxyType(
    {
        ".mp4": _MP4,
        ".m4v": _MP4,
        ".mov": Container(
            "mov",
            AAC,
            ANY,
            ANY,
            frozenset({"mov_text"}),
            "mov_text",
            stacks=False,
            surround=(AC3S, AACS, EAC3S),
        ),
        ".mkv": Container(
            "matroska", AAC, ANY, ANY, _MKV_SUBTITLES, "srt", attachments=True, surround=_MKV_SURROUND
        ),
        ".webm": Container(
            "webm",
            OPUS,
            frozenset({"opus", "vorbis"}),
            frozenset({"vp8", "vp9", "av1"}),
            frozenset({"webvtt"}),
            "webvtt",
            surround=(OPUSES,),
        ),
        ".m4a": Container("ipod", AAC, frozenset({"aac", "alac", "ac3"}), surround=(AACS, AC3S)),
        ".mka": Container("matroska", AAC, ANY, surround=_MKV_SURROUND),
        ".mp3": Container("mp3", MP3, tracks=False),
        ".flac": Container("flac", FLAC, tracks=False, surround=(FLACS,)),
        ".wav": Container("wav", PCM, tracks=False, surround=(PCMS,), options={"rf64": "auto"}),
        ".ogg": Container("ogg", OPUS, tracks=False, surround=(OPUSES,)),
        ".opus": Container("opus", OPUS, tracks=False, surround=(OPUSES,)),
    }
)


def container_for(suffix: str) -> Container:
    """The container that a file name's suffix asks for. Raises UsageError."""
    try:
        return CONTAINERS[suffix.lower()]
    except KeyError:
        raise UsageError(
            f"No film can be written as {suffix or 'a file without a suffix'!r}.",
            hint=f"Choose one of {', '.join(CONTAINERS)}.",
        ) from None


def surround_encoder(container: Container, codec: str, layout: str) -> tuple[Encoder, str] | None:
    """The encoder for sound arranged as `layout` and what that is called in it: of the film's own kind (`codec`)
    where the container and the encoder take it, else the first that does. None where none does."""
    for encoder in sorted(container.surround, key=lambda one: one.codec != codec):
        for name in (layout, RENAMED.get(layout, layout)):
            if encoder.layouts is ANY or name in encoder.layouts:
                return encoder, name
    return None


def output_suffix(film: Film) -> str:
    """The suffix of the film's own container where that can carry a dub, both tracks and subtitles, else
    `.mkv`; for a film without a picture the kind of audio file nearest to it."""
    suffix = film.path.suffix.lower()
    names = film.container.split(",")
    if not film.has_video:
        return _audio_suffix(suffix, names)
    if "mov" in names:
        own = suffix if suffix in (".mp4", ".m4v", ".mov") else {".qt": ".mov"}.get(suffix, ".mp4")
    else:
        own = ".webm" if suffix == ".webm" and "webm" in names else ".mkv"
    return ".mkv" if foreign_video(film, CONTAINERS[own]) else own


def foreign_video(film: Film, container: Container, *, burn: bool = False) -> list[str]:
    """The film's video codecs that the container does not take as they are. With `burn` the first picture is
    encoded to fit; a container of sound alone has no place for it either."""
    if container.video is ANY:
        return []
    pictures = film.of("video")
    copied = pictures[1:] if burn and container.video else pictures
    return sorted({stream.codec for stream in copied} - container.video)


def _audio_suffix(suffix: str, names: list[str]) -> str:
    if suffix in (".mp3", ".flac", ".wav", ".ogg", ".opus", ".m4a", ".mka"):
        return suffix
    return {"mov": ".m4a", "aac": ".m4a", "mp3": ".mp3", "flac": ".flac", "ogg": ".ogg"}.get(
        names[0], ".wav" if names[0] in ("wav", "w64", "aiff", "caf", "au") else ".mka"
    )
