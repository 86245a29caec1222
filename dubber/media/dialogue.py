"""Which channels of a film are dubbed: its centre alone, where the dialogue is there and nowhere else, or all of them,
mixed down. Decided by ear, on stretches of the film; changes nothing."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from align.types import Span, union
from dubber.media.ffmpeg import call, film_input, url
from dubber.media.header import Film, Stream
from dubber.media.surround import CENTRE, FRONTS, decoding, has_centre, layout_of

FloatArray = npt.NDArray[np.float32]

STRETCHES, STRETCH_MS = 24, 15_000
"""How many stretches of a film are heard at first, evenly spread, and how long each is: six minutes together. A
shorter film is heard whole."""

ROUNDS = 4
"""How often as many more are heard while hardly anybody speaks."""

ENOUGH_MS = 20_000
"""Speech after which no more is heard."""

LEAST_MS = 500
"""Speech under which nobody is taken to speak at all."""

CENTRE_SHARE = 0.75
"""Of all the time in which anybody is heard: how much must be heard in the centre. The rest would keep its language."""

SPREAD_DB = -18.0
"""The level of the centre's voices in the mean of the two fronts, re the centre, from which on they are theirs as well:
two loudspeakers at -18 dB sound like one at -15, where a voice is made out under a dub but not followed."""

LAG_S = 0.03
"""Seconds by which the fronts may come early or late with the same voice and still sound as one with it."""

TOLD_SHARE = 0.05
"""Share of speech in the fronts alone from which on a person is told."""

PACE, PACE_MS = 2.0, 60_000
"""Seconds allowed per second of a stretch, and what a stretch counts as at least: to seek may mean to read."""

ATMOS = "Atmos"
"""What stands in the profile of a codec that carries objects."""


@dataclass(frozen=True)
class Dialogue:
    """What a dub takes the place of: "centre", that channel of the film's track, or "mix", all channels as stereo;
    and sentences for the person."""

    place: Literal["mix", "centre"] = "mix"
    notes: tuple[str, ...] = ()

    @property
    def centre(self) -> bool:
        """Whether the dub takes the centre's place and the other channels stay."""
        return self.place == "centre"

    def to_json(self) -> dict[str, Any]:
        """Plain data; `from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Dialogue:
        """What `to_json` gave."""
        return cls("centre" if data["place"] == "centre" else "mix", tuple(data["notes"]))


MIXED = Dialogue()
"""All channels, as stereo: what any film may be dubbed as."""


def dialogue_in(
    film: Film,
    track: int = 0,
    *,
    background: str = "bed",
    progress: Callable[[float], None] = lambda _: None,
) -> Dialogue:
    """What a dub of that audio track (counted from 0) takes the place of.

    The centre, where there is one, the dub keeps the film's bed (`background`), and at least three quarters of what is
    spoken in the stretches heard is spoken there and not in the fronts too; else all channels, mixed down. Only a
    track with a centre is listened to; six to twenty-four minutes of it at most.

    Raises MediaError (no audio track, ffmpeg fails), UsageError (no such track), MissingError (no voice activity
    model), SpaceError.
    """
    stream = film.audio(track)
    channels = stream.channels
    if not channels:
        return Dialogue("mix", (f"{_STEREO}: the film does not say how many its sound has.",))
    if channels <= 2:
        return MIXED
    layout = layout_of(stream)
    named = layout or f"{channels}-channel"
    notes: list[str] = []
    if stream.layout is None and layout:
        notes.append(
            f"The film does not say how its {channels} channels are arranged: they are taken for {layout}."
        )
    if not has_centre(stream):
        return Dialogue(
            "mix", (*notes, f"{_STEREO}: the film's {named} sound has no centre channel to put it in.")
        )
    if background != "bed":
        return Dialogue(
            "mix",
            (*notes, f"{_STEREO}: the background {background!r} takes all of the film's {named} sound."),
        )
    why, more = _judged(_heard(film, stream, progress))
    if why:
        return Dialogue("mix", (*notes, f"{_STEREO}: {why}."))
    notes.append(
        f"The dub takes the centre of the film's {named} sound; the other channels stay as they are."
    )
    if stream.profile and ATMOS in stream.profile:
        notes.append(
            f"Of the film's Dolby Atmos sound the dub has the {named} channels; objects are mixed into them."
        )
    return Dialogue("centre", (*notes, *more))


_STEREO = "The dub is stereo, mixed down from all channels"


@dataclass(frozen=True)
class Heard:
    """What was heard: ms of speech in the centre, and in the centre or the fronts; the level of the centre's voices in
    the fronts, in dB re the centre; how many ms were listened to."""

    centre: int
    either: int
    spread: float
    listened: int


def _judged(heard: Heard) -> tuple[str, tuple[str, ...]]:
    """Why the centre alone will not do ("" where it will), and what else a person should know."""
    if heard.either < LEAST_MS:
        return f"nobody was heard to speak in the {heard.listened / 60_000:.1f} min that were listened to", ()
    share = heard.centre / heard.either
    if share < CENTRE_SHARE:
        return (
            f"{share:.0%} of what is spoken was heard in the centre channel, the rest in the fronts alone",
            (),
        )
    if heard.spread > SPREAD_DB:
        return "the dialogue is in the front channels as well as in the centre", ()
    if 1 - share > TOLD_SHARE:
        return "", (
            f"{1 - share:.0%} of what is spoken was heard in the front channels alone; that keeps its language.",
        )
    return "", ()


class _Voices:
    """How much of the centre's voices is in the fronts: the two channels' correlation while the centre speaks, less
    what music that is in both gives while it does not."""

    def __init__(self, rate: int) -> None:
        self._reach = round(LAG_S * rate)
        self._rate = rate
        # Outside and inside speech: seconds, the centre's energy, and its correlation with the fronts by lag.
        self._seconds, self._energy = [0.0, 0.0], [0.0, 0.0]
        self._both = np.zeros((2, 2 * self._reach + 1))

    def add(self, centre: FloatArray, fronts: FloatArray, speech: tuple[Span, ...]) -> None:
        """One stretch of both, shape (n,), and where the centre speaks in it."""
        inside = np.zeros(len(centre), bool)
        for span in speech:
            inside[span.start * self._rate // 1000 : span.end * self._rate // 1000] = True
        # Room for a stretch and both sides' lags, also where the sound ends before the picture and nothing is left.
        size = 1 << (len(centre) + 2 * self._reach).bit_length()
        spectrum = np.fft.rfft(fronts, size)
        for part in (0, 1):
            masked = np.where(inside == bool(part), centre, 0)
            lags = np.fft.irfft(spectrum * np.conj(np.fft.rfft(masked, size)), size)
            self._both[part] += np.roll(lags, self._reach)[: 2 * self._reach + 1]
            self._energy[part] += float(np.sum(masked.astype(np.float64) ** 2))
            self._seconds[part] += float(np.sum(inside == bool(part))) / self._rate

    def level(self) -> float:
        """dB re the centre; -inf where there is nothing."""
        without, spoken = self._seconds
        share = spoken / without if without > 0 else 0.0
        energy = self._energy[1] - share * self._energy[0]
        both = float(np.abs(self._both[1] - share * self._both[0]).max())
        if energy <= 0 or both <= 0:
            return -math.inf
        return 20 * math.log10(both / energy)


def _heard(film: Film, stream: Stream, progress: Callable[[float], None]) -> Heard:
    from dubber import vad

    centre = either = listened = 0
    voices = _Voices(vad.RATE)
    rounds = _rounds(film.duration)
    for turn, stretches in enumerate(rounds):
        for number, stretch in enumerate(stretches):
            sound = _decoded(film, stream, stretch, vad.RATE)
            spoken, in_fronts = (vad.detect_samples(np.ascontiguousarray(side)) for side in sound.T)
            voices.add(sound[:, 0], sound[:, 1], spoken)
            centre += _length(spoken)
            either += _length(union([*spoken, *in_fronts]))
            listened += len(sound) * 1000 // vad.RATE
            progress((turn + number / len(stretches)) / len(rounds))
        if either >= ENOUGH_MS:
            break
    progress(1.0)
    return Heard(centre, either, voices.level(), listened)


def _rounds(duration: int) -> tuple[tuple[Span, ...], ...]:
    """The stretches to listen to, round by round: each is spread over the whole film, between those before."""
    every = [Span(at, min(at + STRETCH_MS, duration)) for at in range(0, duration, STRETCH_MS)]
    step = -(-len(every) // STRETCHES)
    rounds = min(ROUNDS, step)
    return tuple(tuple(every[turn * step // rounds :: step]) for turn in range(rounds))


def _decoded(film: Film, stream: Stream, stretch: Span, rate: int) -> FloatArray:
    """The centre and the mean of the two fronts, shape (n, 2), of about that stretch: a film that cannot be sought to
    the millisecond gives one from a little earlier on."""
    import ffmpeg

    left, right = FRONTS
    read = film_input(
        film.path,
        film.start_us,
        ss=f"{stretch.start / 1000:.3f}",
        t=f"{stretch.duration / 1000:.3f}",
        noaccurate_seek=None,
        **decoding(stream),
    )
    whole = read[str(stream.index)].filter("aformat", channel_layouts=layout_of(stream))
    pair = whole.filter("pan", args=f"stereo|c0={CENTRE}|c1=0.5*{left}+0.5*{right}")
    with tempfile.TemporaryDirectory(prefix="dubber-") as scratch:
        out = Path(scratch) / "stretch.f32"
        command = ffmpeg.output(
            pair, url(out), **{"f": "f32le", "c:a": "pcm_f32le", "ar": rate}, max_error_rate=1
        )
        call(
            command.get_args(),
            target=out,
            duration=max(stretch.duration, PACE_MS),
            pace=PACE,
            progress=lambda _: None,
        )
        sound = np.fromfile(out, dtype="<f4")
    return np.asarray(np.nan_to_num(sound[: len(sound) // 2 * 2].reshape(-1, 2)), np.float32)


def _length(spans: tuple[Span, ...]) -> int:
    return sum(span.duration for span in spans)
