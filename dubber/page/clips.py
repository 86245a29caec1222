"""Sound for a page: a stretch of speech as a small mono MP3. Knows no file and no line."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

from dubber.audio import FloatArray
from dubber.errors import MediaError

RATE = 24_000
"""Hz of a clip: what speech has up to 12 kHz, and MP3's middle family of rates (MPEG-2), which needs half the bits."""

BITS_PER_SECOND = 32_000
"""4 kB per second of speech. At 24 kbit/s consonants begin to ring."""

QUICKEST_GOOD = "7"
"""LAME's quality setting, 0 the best to 9 the quickest: from 5 to 7 encoding is twice as quick, and speech at this rate
sounds the same."""

MEDIA_TYPE = "audio/mpeg"
"""MP3 is what every browser plays from a data: address; Ogg is not (Safari), and AAC is not where a browser was built
without licensed codecs."""

VERSION = 1
"""Of what `clip` computes, for whoever keeps clips."""


@dataclass(frozen=True)
class Clips:
    """What of a line can be listened to: its source and its kept take, each the bytes of an MP3 file, or None."""

    source: bytes | None = None
    take: bytes | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Which of the two there are."""
        return tuple(name for name, sound in (("source", self.source), ("take", self.take)) if sound)


def clip(samples: FloatArray, rate: int) -> bytes:
    """`samples`, shape (n,) or (n, channels) with n > 0, at `rate` Hz, as the bytes of a mono MP3 file.

    The same samples give the same bytes. Values beyond ±1 are clipped, and what is no number
    is silence. Raises ValueError where there are no samples,
    MediaError where this build of PyAV has no MP3 encoder.
    """
    import av
    import soxr

    if not len(samples):
        raise ValueError("a clip of no samples")
    mono = samples if samples.ndim == 1 else samples.mean(axis=1, dtype=np.float32)
    if rate != RATE:
        mono = soxr.resample(mono, rate, RATE)
    frame = av.AudioFrame.from_ndarray(
        np.clip(np.nan_to_num(mono), -1.0, 1.0).astype(np.float32)[None], format="fltp", layout="mono"
    )
    frame.sample_rate = RATE
    out = io.BytesIO()
    try:
        with av.open(out, "w", format="mp3", options={"id3v2_version": "0"}) as container:
            stream = container.add_stream(
                "libmp3lame", rate=RATE, options={"compression_level": QUICKEST_GOOD}
            )
            stream.layout, stream.bit_rate = "mono", BITS_PER_SECOND
            for packet in (*stream.encode(frame), *stream.encode(None)):
                container.mux(packet)
    except (av.FFmpegError, ValueError) as error:
        raise MediaError(
            f"A clip cannot be encoded as MP3: {error}.", hint="Install av from its wheel: pip install av"
        ) from error
    return out.getvalue()
