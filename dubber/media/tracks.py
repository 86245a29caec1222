"""Which tracks a dubbed film gets, in which order, copied or encoded, and what each is called.

Composes ffmpeg's streams and options; starts nothing and writes no film.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dubber.atomic import writing
from dubber.media.containers import TEXT_SUBTITLES, Container, Encoder, surround_encoder
from dubber.media.dolby import LOUDEST
from dubber.media.ffmpeg import film_input, live_input, own_input
from dubber.media.fonts import family_for
from dubber.media.header import Film, Stream
from dubber.media.surround import DOLBY, ON_THE_CLOCK, Surround, decoding, speakers

SYNTHETIC = "The dubbed speech in this film is synthetic: a machine speaks it."
SYNTHETIC_TAG = "SYNTHETIC_SPEECH"

# Visually transparent at a bearable speed; 8 bits 4:2:0, which every player shows.
H264 = {"c": "libx264", "preset": "veryfast", "crf": "18", "pix_fmt": "yuv420p"}
VP9 = {
    **{"c": "libvpx-vp9", "crf": "28", "b": "0", "pix_fmt": "yuv420p"},
    **{"deadline": "good", "cpu-used": "5", "row-mt": "1"},
}


COPY = {"c": "copy"}


def _literal(text: str) -> str:
    """A text as it has to be written to be drawn as it is: libass takes a brace, and a letter behind a backslash, for
    instructions. The word joiner between them is not seen."""
    return text.replace("\\", "\\\u2060").replace("{", "\\{").replace("}", "\\}")


@dataclass(frozen=True)
class SoftSubtitle:
    """A subtitle track to add: an SRT file (UTF-8) on the film's clock, its ISO 639-2/T language, a title."""

    path: Path
    language: str
    title: str = ""


@dataclass(frozen=True)
class MuxPlan:
    """What the dubbed film is made of.

    `dub` is a 48 kHz stereo WAV on the film's clock. `language` is the dub's ISO 639-2/T code, `title` its
    track's name; `original_language` tags original tracks that have no language yet. `burn` is an SRT to
    draw into the picture, which is then encoded again. `synthetic` says so in the metadata. `live` says that `dub`
    is a named pipe instead, into which somebody writes the same sound as raw samples while the film is made.
    `track` is the film's audio track, counted from 0, that the dub takes the place of: where that is Dolby and states
    a dialogue level, the dub states the same. With `surround` the dubbed track is that track of the film with the dub
    in its centre, and all its channels.
    """

    film: Film
    dub: Path
    language: str
    title: str = ""
    original_language: str | None = None
    subtitles: tuple[SoftSubtitle, ...] = ()
    burn: Path | None = None
    keep_original: bool = True
    synthetic: bool = True
    live: bool = False
    track: int = 0
    surround: Surround | None = None


class Tracks:
    """The output's tracks in order (`streams`), ffmpeg's options for each, their metadata as arguments
    (`tags`), and what could not be kept (`notes`). `of_film` says whether any of them is the film's own.

    `scratch` is a folder of our own, which ffmpeg must be started in: the subtitles to burn lie there.
    """

    def __init__(self, plan: MuxPlan, container: Container, scratch: Path) -> None:
        self.streams: list[Any] = []
        self.options: dict[str, str] = {}
        self.tags: list[str] = []
        self.notes: list[str] = []
        self.of_film = False
        self._count = {"v": 0, "a": 0, "s": 0, "t": 0}
        self._plan = plan
        self._container = container
        self._replaced = plan.surround or (Surround(plan.film, plan.track) if plan.film.has_audio else None)
        again = [stream for stream in plan.film.of("audio") if self._encoded_again(stream)]
        recorded = {key: value for stream in again for key, value in decoding(stream).items()}
        self._source = film_input(plan.film.path, plan.film.start_us, fflags="+genpts", **recorded)
        if container.video != frozenset():
            self._add_pictures(scratch)
        self._add_dub()
        if plan.keep_original:
            self._add_originals()
        self._add_subtitles()
        for stream in plan.film.of("attachment") if container.attachments else ():
            self._add("t", self._of_film(stream), COPY)
        for stream in plan.film.of("data"):
            # QuickTime keeps the names of chapters in a data stream; chapters are written anew.
            if not (plan.film.chapters and "mov" in plan.film.container):
                self.notes.append(f"The data stream {stream.index} ({stream.codec}) is left out.")

    def _add(
        self,
        kind: str,
        stream: Any,
        options: Mapping[str, str],
        *,
        disposition: str | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> None:
        """Append a track: its encoder options without stream specifiers, its disposition, its metadata."""
        spec = f"{kind}:{self._count[kind]}"
        self._count[kind] += 1
        self.streams.append(stream)
        self.options |= {f"{key}:{spec}": value for key, value in options.items()}
        if disposition is not None:
            self.options[f"disposition:{spec}"] = disposition
        for key, value in (tags or {}).items():
            if value:
                self.tags += [f"-metadata:s:{spec}", f"{key}={value}"]

    def _of_film(self, stream: Stream) -> Any:
        self.of_film = True
        return self._source[str(stream.index)]

    def _add_pictures(self, scratch: Path) -> None:
        for stream in self._plan.film.of("video"):
            if self._plan.burn is not None and not self.streams:
                # A plain name in a folder of our own: no path of the person's reaches the filter's parser.
                text = self._plan.burn.read_text("utf-8")
                with writing(scratch / "burn.srt"):
                    (scratch / "burn.srt").write_text(_literal(text), "utf-8")
                family = family_for(text)
                style = {"force_style": f"FontName={family}"} if family else {}
                burned = self._of_film(stream).filter("subtitles", "burn.srt", **style)
                self._add("v", burned, VP9 if self._container.muxer == "webm" else H264)
            else:
                self._add("v", self._of_film(stream), COPY)
        for stream in self._plan.film.streams:
            if stream.cover and self._container.muxer == "mp4":
                self._add("v", self._of_film(stream), COPY, disposition="attached_pic")
            elif stream.cover:
                self.notes.append("The cover picture is left out: this container has no place for it.")

    def _add_dub(self) -> None:
        container, around = self._container, self._plan.surround
        sound = (live_input(self._plan.dub) if self._plan.live else own_input(self._plan.dub, "wav"))["a:0"]
        level, encoder, name = self._dialogue_level(), None, "stereo"
        if level and self._replaced:
            encoder = self._dolby_stereo(self._replaced.stream.codec)
        if around is not None:
            codec = around.stream.codec
            found = surround_encoder(container, codec, around.layout)
            if found is None:
                self.notes.append(
                    f"The dub is mixed down to stereo: this kind of file cannot hold {around.layout} sound."
                )
                sound = around.joined(sound, None)
            else:
                encoder, name = found
                if encoder.codec != codec:
                    self.notes.append(
                        f"The dub's {around.layout} sound is {encoder.title}; the film's is {codec}."
                    )
                sound = around.joined(sound, name)
        options = encoder.options_for(len(speakers(name))) if encoder else container.dub
        if level and encoder and encoder.codec in DOLBY:
            options = {**options, "dialnorm": str(-level)}
        elif level and self._plan.keep_original and self._plan.film.has_audio and container.tracks:
            self.notes.append(
                "The dub cannot state a dialogue level, as the film's Dolby sound does: receivers play the original "
                f"{LOUDEST - level} dB softer than the dub."
            )
        self._add(
            "a",
            sound,
            options,
            disposition="default+dub" if container.muxer == "matroska" else "default",
            tags=_dub_tags(self._plan, container),
        )

    def _dialogue_level(self) -> int | None:
        """What the film's track states that the dub takes the place of; None where no player turns it down."""
        if self._replaced is None or self._encoded_again(self._replaced.stream):
            return None  # decoded and encoded, the original states no level either
        level = self._replaced.dialnorm
        return None if level == LOUDEST else level

    def _dolby_stereo(self, codec: str) -> Encoder | None:
        """The encoder that can state a dialogue level, of the film's own kind where the container takes that."""
        found = surround_encoder(self._container, codec, "stereo")
        return found[0] if found and found[0].codec in DOLBY else None

    def _encoded_again(self, stream: Stream) -> bool:
        takes = self._container.audio
        return takes is not None and stream.codec not in takes

    def _add_originals(self) -> None:
        originals = self._plan.film.of("audio")
        if originals and not self._container.tracks:
            self.notes.append("The original sound is left out: this kind of file holds one track only.")
            return
        for stream in originals:
            options: Mapping[str, str] = COPY
            if self._encoded_again(stream):
                clock = ":".join(f"{key}={value}" for key, value in ON_THE_CLOCK.items())
                options = {**self._container.dub, "filter": f"aresample=48000:{clock}"}
                self.notes.append(f"The original {stream.codec} sound is encoded again to fit the container.")
            self._add(
                "a",
                self._of_film(stream),
                options,
                disposition="original" if self._container.muxer == "matroska" else "0",
                tags={"language": stream.language or self._plan.original_language},
            )

    def _add_subtitles(self) -> None:
        text = self._container.text
        if text is None:
            if self._plan.subtitles or self._plan.film.of("subtitle"):
                self.notes.append("Subtitles are left out: this kind of file holds none.")
            return
        for added in self._plan.subtitles:
            self._add(
                "s",
                own_input(added.path, "srt")["s:0"],
                {"c": text},
                disposition="0",
                tags={"language": added.language, "title": added.title, "handler_name": added.title},
            )
        for stream in self._plan.film.of("subtitle"):
            if stream.codec in self._container.subtitles:
                options = COPY
            elif stream.codec in TEXT_SUBTITLES:
                options = {"c": text}
            else:
                self.notes.append(
                    f"The {stream.codec} subtitles are left out: they do not fit the container."
                )
                continue
            self._add("s", self._of_film(stream), options, disposition="forced" if stream.forced else "0")


def _dub_tags(plan: MuxPlan, container: Container) -> dict[str, str | None]:
    title = plan.title
    tags: dict[str, str | None] = {"language": plan.language}
    if plan.synthetic:
        title = f"{title} (synthetic speech)".strip()
        tags["comment"] = SYNTHETIC
        if container.muxer in ("matroska", "webm"):
            tags[SYNTHETIC_TAG] = "1"
    tags["title"] = title
    if container.muxer in ("mp4", "mov", "ipod"):
        tags["handler_name"] = title  # the one name of a track that every MPEG-4 player reads
    return tags
