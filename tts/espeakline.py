"""One line said by eSpeak NG at the pitch, range, rate and level that are wanted, and made a length exactly. Decides
nothing about how a line should be said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tts import espeaklib, prosody, silences
from tts.door import OUTPUT_RATE, FloatArray
from tts.errors import NothingToSay
from tts.stretch import stretch

WPM = (80, 450)
"""The rates the library speaks by itself."""

PITCH_PER_OCTAVE = 50
"""Steps of the pitch parameter (0..99, 50 in the middle) that double the pitch."""

PITCH_TOLERANCE = 0.03
"""Half a semitone: smaller differences of pitch are left alone."""

TRANSPOSE = (0.8, 1.3)
"""As far as pitch is moved after synthesis, where the voice's own does not reach; formants move along."""

CLOSE_ENOUGH = 0.005
"""A difference in length that resampling takes up: under a tenth of a semitone, which nobody hears."""

TRIES = 3
"""Times that rate, or pitch, is corrected; length and pitch answer almost in proportion."""

FULL_SCALE = 0.99
"""Peak from which a line gets no louder: better softer than clipped."""

SPEAKING = 1e-3
"""Share of the loudest frame's power (-30 dB) from which a frame is speech."""


@dataclass(frozen=True)
class Sound:
    """What the library said: from first sound to last, without long pauses, mono, shape (n,), at its own `rate` in
    Hz."""

    samples: FloatArray
    rate: int

    @property
    def length(self) -> int:
        """Samples it takes at OUTPUT_RATE."""
        return round(len(self.samples) * OUTPUT_RATE / self.rate)


@dataclass(frozen=True)
class Aim:
    """What a line's sound is to be like: median pitch in Hz, its range in semitones, words per minute, dBFS."""

    f0: float
    f0_range: float
    wpm: int
    level: float


class Line:
    """One text in one voice, spoken at whatever rate is tried. `natural` is the line at the aim's rate, where its
    pitch is found."""

    def __init__(self, text: str, voice: str, aim: Aim) -> None:
        self.aim = aim
        self._text, self._voice = text, voice
        self._pitch = self._range = 50
        self._f0: float | None = None
        self._level: float | None = None
        self.natural = self._tuned()

    def _tuned(self) -> Sound:
        """The line at its natural rate, pitch and range set so that what is measured in it meets the aim."""
        sound = self._at(self.aim.wpm)
        for attempt in range(TRIES):
            pitch = self._heard(sound)
            if pitch is None:
                break
            median, semitones = pitch
            settings = self._pitch, self._range
            ratio = self.aim.f0 / median
            if attempt == 0 and semitones > 0:  # the range parameter works in Hz, on the pitch it finds
                self._range = clipped(self._range * self.aim.f0_range / semitones * ratio, *espeaklib.RANGES)
            if abs(ratio - 1) > PITCH_TOLERANCE:
                self._pitch = clipped(self._pitch + PITCH_PER_OCTAVE * np.log2(ratio), *espeaklib.PITCHES)
            if settings == (self._pitch, self._range):
                break
            sound = self._at(self.aim.wpm)
        return sound

    def fitted(self, target: int) -> tuple[int, Sound]:
        """The rate, and the line at it, that comes nearest to `target` samples at OUTPUT_RATE."""
        wpm, sound = self.aim.wpm, self.natural
        tried = {wpm: sound}
        for _ in range(TRIES):
            if abs(sound.length / target - 1) <= CLOSE_ENOUGH:
                break
            wpm = clipped(wpm * sound.length / target, *WPM)
            if wpm in tried:
                break
            tried[wpm] = sound = self._at(wpm)
        return min(tried.items(), key=lambda item: abs(np.log(item[1].length / target)))

    def finished(self, sound: Sound, length: int) -> FloatArray:
        """`sound` at the aim's pitch and level, exactly `length` samples at OUTPUT_RATE."""
        import soxr

        pitch = self._heard(sound)
        ratio = self.aim.f0 / pitch[0] if pitch else 1.0
        transpose = float(np.clip(ratio, *TRANSPOSE)) if abs(ratio - 1) > PITCH_TOLERANCE else 1.0
        self._f0 = pitch[0] * transpose if pitch else None
        made, factor = sound.samples, length / sound.length
        if transpose != 1.0 or abs(factor - 1) > CLOSE_ENOUGH:
            made = stretch(made, max(1, round(len(made) * factor)), rate=sound.rate, transpose=transpose)
        exact = np.zeros(length, np.float32)
        resampled = soxr.resample(made, len(made), length)[:length]
        exact[: len(resampled)] = resampled
        exact = _levelled(exact, self.aim.level)
        self._level = _level(exact)
        return exact

    def notes(self, wpm: int, stretched: float) -> dict[str, float | int | str]:
        """How the line was spoken, and what was measured in the sound last finished."""
        notes: dict[str, float | int | str] = {
            "voice": self._voice,
            "rate_wpm": wpm,
            "pitch": self._pitch,
            "pitch_range": self._range,
            "stretch": round(stretched, 4),
        }
        for name, value in (("level_dbfs", self._level), ("f0_hz", self._f0)):
            if value is not None:
                notes[name] = round(value, 1)
        return notes

    def _at(self, wpm: int) -> Sound:
        raw, rate = espeaklib.speak(
            self._text, self._voice, wpm=wpm, pitch=self._pitch, pitch_range=self._range
        )
        sound = silences.capped(silences.trimmed(raw, rate), rate)
        if not len(sound):
            raise NothingToSay(f"The voice makes no sound of {shortened(self._text)!r}.")
        return Sound(sound, rate)

    @staticmethod
    def _heard(sound: Sound) -> tuple[float, float] | None:
        """Median pitch in Hz and range in semitones (10th to 90th percentile), None where too little is voiced."""
        _, track = prosody.f0_track(sound.samples, sound.rate)
        voiced = track[np.isfinite(track)]
        if len(voiced) < prosody.FEWEST_VOICED:
            return None
        low, median, high = np.percentile(voiced, (10, 50, 90))
        return float(median), float(12 * np.log2(high / low))


def _levelled(sound: FloatArray, level: float) -> FloatArray:
    """`sound` with its speaking parts at `level` dBFS, or as near as full scale allows."""
    now = _level(sound)
    if now is None:
        return sound
    gain = min(10 ** ((level - now) / 20), FULL_SCALE / float(np.abs(sound).max()))
    louder: FloatArray = np.asarray(sound * gain, np.float32)
    return louder


def _level(sound: FloatArray) -> float | None:
    """RMS of the frames in which something is said, in dBFS; None for silence."""
    frame = min(OUTPUT_RATE // 100, len(sound)) or 1
    power = np.mean(np.square(sound[: len(sound) // frame * frame]).reshape(-1, frame), axis=1)
    loud = float(power.max(initial=0.0))
    return float(10 * np.log10(power[power > loud * SPEAKING].mean())) if loud > 0 else None


def shortened(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


def clipped(value: float, low: int, high: int) -> int:
    return int(np.clip(round(value), low, high))
