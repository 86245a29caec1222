"""How a track's channels are arranged, and how a dub takes the centre's place among them.

Names and ffmpeg's filters only: listens to nothing, starts nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from align.types import SAMPLE_RATE, SAMPLES_PER_MS
from dubber.media.dolby import dialnorm
from dubber.media.ffmpeg import film_input
from dubber.media.header import Film, Stream, first_packet

CENTRE = "FC"
"""libavutil's name of the channel that carries the dialogue of most films."""

FRONTS = ("FL", "FR")

ON_THE_CLOCK: Mapping[str, str] = MappingProxyType({"async": "1", "first_pts": "0", "min_hard_comp": "0.008"})
"""aresample puts each packet where its time stamp says: silence before a late start and in a hole, a cut
where sound would come too early. It acts from 8 ms of disagreement on: less than the shortest packet that can
be missing (AAC: 21 ms), more than containers with whole milliseconds round away. Its own default, 100 ms,
would let holes add up unheard."""

GUESSED: Mapping[int, str] = MappingProxyType(
    {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
)
"""What ffmpeg takes a number of channels for where nobody says how they are arranged."""

RENAMED: Mapping[str, str] = MappingProxyType(
    {"5.1": "5.1(side)", "5.1(side)": "5.1", "5.0": "5.0(side)", "5.0(side)": "5.0"}
)
"""The same loudspeakers (ITU-R BS.775) by their other name: codecs call the last two side or back."""

DOLBY = frozenset({"ac3", "eac3"})

CEILING = 0.89
"""Linear (-1 dBFS): where a mixdown is limited. The mix is, but the channels that join it add to it."""


def layout_of(stream: Stream) -> str:
    """libavutil's name of the arrangement, ffmpeg's guess where the header has none; "" where there is neither."""
    return stream.layout or GUESSED.get(stream.channels or 0, "")


def speakers(layout: str) -> tuple[str, ...]:
    """The channels of a layout by name, in its order: ("FL", "FR", "FC", …); () for the layout ""."""
    import av

    return tuple(channel.name for channel in av.AudioLayout(layout).channels) if layout else ()


def has_centre(stream: Stream) -> bool:
    """Whether there is a centre between a left and a right."""
    return {CENTRE, *FRONTS} <= set(speakers(layout_of(stream)))


def decoding(stream: Stream) -> dict[str, str]:
    """Options for the input whose sound becomes part of a new track.

    AC-3 tells decoders how far to compress loud and soft (dynamic range control). What is compressed once could
    never be undone, and the new track asks for none: the sound is taken as it was recorded.
    """
    return {"drc_scale": "0"} if stream.codec in DOLBY else {}


@dataclass(frozen=True)
class Surround:
    """The track of a film, counted from 0, whose centre a dub replaces and whose other channels stay."""

    film: Film
    track: int = 0

    @property
    def stream(self) -> Stream:
        """The track itself."""
        return self.film.audio(self.track)

    @property
    def layout(self) -> str:
        """libavutil's name of its arrangement."""
        return layout_of(self.stream)

    @property
    def dialnorm(self) -> int | None:
        """The dialogue level that a Dolby track states, in dB below full scale; None where it states none.

        Players turn each track to one level by it: a dub that did not say the same would be louder than the film.
        """
        return dialnorm(first_packet(self.film, self.stream)) if self.stream.codec in DOLBY else None

    @property
    def even(self) -> str:
        """The filters that `steadied` needs."""
        return f"aformat=sample_fmts=flt:sample_rates={SAMPLE_RATE}:channel_layouts={self.layout}"

    def joined(self, dub: Any, layout: str | None) -> Any:
        """The track as an ffmpeg-python stream, its centre replaced by `dub` (48 kHz stereo, both channels the same
        up to rounding), named `layout`; mixed down to stereo and limited where that is None.

        The other channels come through the very chain of the extraction, so that they lie on the film's clock to the
        sample; they are as long as the film, and nothing is added to them. So no channel is louder than the film's
        or the mix's own ceiling, which only saw the centre.
        """
        import ffmpeg

        samples = self.film.duration * SAMPLES_PER_MS
        film = film_input(self.film.path, self.film.start_us, **decoding(self.stream))
        kept = (
            on_the_clock(film[str(self.stream.index)], self.film)
            .filter("aformat", sample_fmts="fltp", channel_layouts=self.layout)
            .filter("apad", whole_len=samples)
            .filter("atrim", end_sample=samples)
        )
        centre = dub.filter("pan", args="mono|c0=0.5*c0+0.5*c1").filter("aformat", sample_fmts="fltp")
        named = dict(zip(speakers(self.layout), speakers(layout or self.layout), strict=True))
        places = "|".join(f"1.0-{new}" if old == CENTRE else f"0.{old}-{new}" for old, new in named.items())
        whole = ffmpeg.filter(
            [kept, centre], "join", inputs=2, channel_layout=layout or self.layout, map=places
        )
        if layout is not None:
            return whole
        mixed = whole.filter("aformat", channel_layouts="stereo")
        return mixed.filter("alimiter", limit=CEILING, level=0, latency=1)


def on_the_clock(stream: Any, film: Film) -> Any:
    """An ffmpeg-python sound stream of `film` at 48 kHz, every packet where its time stamp says. The command line it
    becomes part of must go through `steadied`."""
    # A wild time stamp must not become hours of silence.
    trimmed = stream.filter("atrim", end=f"{film.duration / 1000:.3f}")
    return trimmed.filter("aresample", SAMPLE_RATE, **ON_THE_CLOCK)


_UNSTEADY = re.compile(r"\[(\d+:\d+)\](?=atrim=end=)")


def steadied(args: Sequence[str], even: str) -> list[str]:
    """ffmpeg's arguments for one output, with the film's sound made steady by the filters `even` before it reaches
    the clock.

    Where channels or their rate change in the middle of a film (broadcasts switch between stereo and 5.1), ffmpeg
    builds the filters behind the decoder anew, and a clock among them would begin again: all later sound would be late
    by the time already gone. So that graph holds no clock; what leaves it is looped back into a second one, which
    never changes. Loopback decoders came with ffmpeg 7.
    """
    place = args.index("-filter_complex") + 1
    (source,) = _UNSTEADY.findall(args[place])
    graph = _UNSTEADY.sub("[dec:0]", args[place])
    loop = ["-map", source, "-af", even, "-c:a", "pcm_f32le", "-f", "null", "-"]
    return ["-dec", "1:0", *args[:place], graph, *args[place + 1 :], *loop]
