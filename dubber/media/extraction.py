"""A film's sound as samples on the film's clock: late starts, holes and cut-off ends become silence.

Never looks at what the samples mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from align.types import SAMPLE_RATE, SAMPLES_PER_MS
from dubber.atomic import require, writing
from dubber.errors import MediaError
from dubber.media.ffmpeg import call, film_input, reason, url
from dubber.media.header import Film, Stream
from dubber.media.surround import CENTRE, decoding, has_centre, layout_of, on_the_clock, steadied

CHANNELS = 2
SAMPLE_BYTES = 4  # float32
FRAME_BYTES = CHANNELS * SAMPLE_BYTES

SHORT_BY = 1000
"""ms by which sound may end before the length its header states without a word about it: encoders round, and
many containers state only one length for picture and sound."""

RF64_FROM = 2**32 - 2**20
"""Bytes of samples from which a WAV header cannot hold the length (32 bits, and some room for chunks)."""

MAX_ALLOC = 300_000_000
"""Bytes ffmpeg may take at once: it holds a hole's silence whole, and a wild time stamp would make it take
gigabytes. Enough for a hole of about 20 minutes."""

HEADER_BYTES = 4096
"""More than ffmpeg's WAV header takes without metadata."""

PACE = 1.0
"""Seconds allowed per second of film; decoding sound takes about 0.01."""


@dataclass(frozen=True)
class Extracted:
    """What was written: `samples` per channel at 48 kHz (the film's length exactly), where the decoded sound
    ended and where its header says it ends (ms on the film's clock), and sentences for the person."""

    samples: int
    decoded: int
    declared: int
    notes: tuple[str, ...] = ()


def extract(
    film: Film,
    out: Path,
    *,
    track: int = 0,
    centre: bool = False,
    progress: Callable[[float], None] = lambda _: None,
) -> Extracted:
    """Write one audio track (counted from 0) on the film's clock: 48 kHz stereo float32 WAV, RF64 when large.

    The file is `film.duration` ms × 48 samples long, exactly. Mono goes to both channels, more channels than
    two are mixed down with ffmpeg's matrix (floats: nothing clips). With `centre` both channels are the track's
    centre alone, for a dub that takes its place (see `dialogue_in`). Dolby's sound comes as it was recorded, without
    the compression that it asks players for.

    It is written right where it belongs: `out` is whole only when this returns, and gone when this raises.
    Whoever needs more hands in a temporary path (see `atomic.replacing`).

    Raises MediaError (no audio track, nothing can be decoded), UsageError (no such track), SpaceError;
    ValueError where `out` is the film, or a centre is asked of a track that has none.
    """
    if out.exists() and out.samefile(film.path):
        raise ValueError("a film's sound cannot take the film's own place")
    stream = film.audio(track)
    if centre and not has_centre(stream):
        raise ValueError("this track has no centre")
    samples = film.duration * SAMPLES_PER_MS
    require(out.parent, samples * FRAME_BYTES, "The film's sound")
    try:
        said = _decode(film, stream, samples, out, progress, centre=centre)
        frames = _frames(out)
        if frames == 0:
            raise MediaError(
                f"No sound could be decoded from {film.path.name!r}.",
                hint="The file is damaged, or its audio track is empty.",
            )
        with writing(out, needed=samples * FRAME_BYTES):
            _pad(out, samples)
    except BaseException:
        out.unlink(missing_ok=True)  # ffmpeg ends even half a file with a header as if it were whole
        raise
    decoded = frames // SAMPLES_PER_MS
    declared = _declared_end(film, stream)
    return Extracted(samples, decoded, declared, tuple(_notes(decoded, declared, said)))


def _decode(
    film: Film, stream: Stream, samples: int, out: Path, progress: Callable[[float], None], *, centre: bool
) -> str:
    """Decode into `out`, no longer than `samples`. Returns what the decoder complained of."""
    import ffmpeg

    size = samples * FRAME_BYTES
    film_read = film_input(film.path, film.start_us, **decoding(stream))
    even = f"aformat=sample_fmts=flt:sample_rates={SAMPLE_RATE}:channel_layouts="
    if centre:
        even = f"aformat=channel_layouts={layout_of(stream)},pan=stereo|c0={CENTRE}|c1={CENTRE},{even}stereo"
    elif stream.channels == 1:
        # Both speakers as loud as the one: ffmpeg's own way from mono to stereo takes 3 dB away.
        even = f"{even}mono,pan=stereo|c0=c0|c1=c0"
    else:
        even = f"{even}stereo"
    sound = on_the_clock(film_read[str(stream.index)], film).filter("aformat", sample_fmts="flt")
    command = ffmpeg.output(
        sound.filter("atrim", end_sample=samples),
        url(out),
        **{"c:a": "pcm_f32le", "f": "wav", "map_metadata": "-1", "fflags": "+bitexact"},
        rf64="always" if size >= RF64_FROM else "never",
        max_alloc=MAX_ALLOC,
        max_error_rate=1,  # damage is told as a note, and the sound that is left is used
    )
    said = call(
        steadied(command.get_args(), even),
        target=out,
        duration=film.duration,
        pace=PACE,
        progress=progress,
        size=size,
    ).stderr
    if "Failed to compensate" in said:
        raise MediaError(
            f"The sound of {film.path.name!r} jumps too far ahead in time to be put on the film's clock.",
            hint="Its time stamps are damaged; dub a repaired copy.",
        )
    return said


def _frames(path: Path) -> int:
    import soundfile

    try:
        return int(soundfile.info(str(path)).frames)
    except soundfile.LibsndfileError:
        return 0  # ffmpeg writes no WAV header when no packet was decoded


def _pad(path: Path, samples: int) -> None:
    """Lengthen ffmpeg's WAV with silence to `samples` per channel: grow the file, then correct its header.

    By hand, because libsndfile's read-and-write mode rewrites ffmpeg's header two bytes shorter than it is
    and so shifts every sample. Chunks as in EBU Tech 3306 (RF64).
    """
    with path.open("r+b") as file:
        head = file.read(HEADER_BYTES)
        data = head.index(b"data")
        size = samples * FRAME_BYTES
        end = data + 8 + size
        file.truncate(end)
        if head.startswith(b"RF64"):
            sizes = [(20, end - 8, 8), (28, size, 8), (36, samples, 8)]
        else:
            sizes = [(4, end - 8, 4), (head.index(b"fact") + 8, samples, 4), (data + 4, size, 4)]
        for place, value, width in sizes:
            file.seek(place)
            file.write(value.to_bytes(width, "little"))


def _declared_end(film: Film, stream: Stream) -> int:
    """ms on the film's clock at which the header says the track ends."""
    if stream.duration is None:
        return film.duration
    return min(film.duration, (stream.start or 0) + stream.duration)


def _notes(decoded: int, declared: int, complaints: str) -> list[str]:
    notes = []
    if declared - decoded > SHORT_BY:
        notes.append(
            f"The sound ends at {decoded / 1000:.1f} s of the {declared / 1000:.1f} s its header declares; "
            "the file may be cut short."
        )
    if complaints.strip():
        notes.append(f"The sound is damaged in places: {reason(complaints)}.")
    return notes
