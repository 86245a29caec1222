"""eSpeak NG behind the door: a voice that follows its speaker's pitch, range, tempo and level, and its line's, and
speaks to the sample. Needs no model and no download."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from importlib.metadata import version

import numpy as np

from tts import espeaklib, japanese, prosody, tags
from tts.door import OUTPUT_RATE, Emotion, EmotionSource, Reference, SpeechRequest, Take, Voice
from tts.errors import LanguageNotSpoken, NothingToSay, NotOffered, VoiceError
from tts.espeakline import Aim, Line, clipped, shortened
from tts.prosody import Prosody
from tts.readable import readable

NAME = "espeak-ng"

REVISION = 3
"""Of what this file makes of a request; part of the digest."""

USUAL_WPM = 175
"""eSpeak NG's own default, unhurried."""

NATURAL_WPM = (140, 220)
"""As slow and as fast as a speaker's own tempo may make the natural length: rates of calm and of lively talk."""

USUAL_TEMPO = 4.5
"""Syllable nuclei per second, as prosody measures them, of unhurried speech in a film."""

USUAL_F0 = 120.0
"""Hz, for a reference in which nothing is voiced."""

FEMALE_F0 = 160.0
"""Hz. Men's median pitch lies around 120, women's around 205: between them, in semitones."""

HIGH_F0 = 260.0
"""Hz. Above it speak children and cartoons."""

MALE = ("+m7", "", "+m3")
FEMALE = ("+f4", "+f2", "+f3")
"""The library's variants of one voice, from dark to bright (alpha ratio of the same line: -11, -7 and -5 dB for
the men), so that two speakers of one pitch are still told apart."""

DARK, BRIGHT = -15.0, -7.0
"""dB. Alpha ratios of recorded speech under and over which a third of speakers lie, roughly."""

USUAL_RANGE = 6.0
"""Semitones between the 10th and 90th percentile of pitch in lively speech, for a reference without voicing."""

LEVEL_DBFS = -23.0
"""RMS of a line said as loud as its speaker usually is."""

LEVEL_RANGE_DB = 20.0
"""How much louder or softer than usual a line can be."""

TOO_FAST = 4.0
"""Natural length ÷ target from which no listener follows; the take is made all the same, and says so."""

SLOWEST_STRETCH = 1 / 0.6
"""Stretched further, speech smears: the rest of a slot that long stays silent."""


@dataclass(frozen=True)
class Timbre:
    """A speaker as eSpeak NG can be one: the variant's formants, median pitch in Hz, pitch range in semitones,
    syllables per second (None: unknown) and level in dBFS."""

    variant: str
    f0: float
    f0_range: float
    tempo: float | None
    level: float


@dataclass(frozen=True)
class Manner:
    """How a line is said, and how much of that is wanted, 0..1."""

    prosody: Prosody
    strength: float


class Espeak:
    """The engine; see `tts.door.Engine`. Raises EngineMissing where the library is not on this machine."""

    name = NAME
    batch = 1
    draws = False

    def __init__(self) -> None:
        self._languages = tags.table((voice.identifier, voice.languages) for voice in espeaklib.voices())

    @cached_property
    def digest(self) -> str:
        """Names code, library, data, and the versions of what stretches and resamples."""
        helpers = "-".join(version(package) for package in ("python-stretch", "soxr"))
        read_by = japanese.identity()
        return f"{NAME}-{REVISION}-{espeaklib.identity()}-{helpers}" + (f"-{read_by}" if read_by else "")

    @property
    def usual_voice(self) -> Voice:
        """The plain voice of the language, unhurried."""
        data = Timbre("", USUAL_F0, USUAL_RANGE, None, LEVEL_DBFS)
        return Voice(NAME, _digest("usual"), data)

    def languages(self) -> Mapping[str, str]:
        """BCP 47 tag → the identifier of the library's voice."""
        return self._languages

    def speaks(self, language: str) -> bool:
        """Whether the tag, or a wider one ("es-MX" → "es-419", "es"), is in `languages`."""
        return tags.lookup(language, self._languages) is not None

    def voice(self, reference: Reference) -> Voice:
        """The timbre of a reference of any length from 0.1 s on. Raises BadReference."""
        heard = prosody.measure(reference)
        f0 = heard.f0 or USUAL_F0
        variant = _variant(f0, heard.brightness)
        f0_range = USUAL_RANGE if heard.f0_range is None else heard.f0_range
        data = Timbre(variant, f0, f0_range, heard.tempo, heard.level)
        return Voice(NAME, _digest("voice", reference.digest), data)

    def emotion(self, source: EmotionSource, *, strength: float = 1.0) -> Emotion:
        """The manner of a recorded line. What cannot be measured in it (a whisper's pitch) stays the speaker's own.
        Raises BadReference, NotOffered for anything but a recording, and ValueError for a strength outside 0..1."""
        if not isinstance(source, Reference):
            raise NotOffered(f"{NAME} takes a manner from a recording only.")
        if not 0.0 <= strength <= 1.0:
            raise ValueError(f"strength goes from 0 to 1, not {strength}")
        digest = _digest("emotion", source.digest, repr(float(strength)))
        return Emotion(NAME, digest, Manner(prosody.measure(source), strength))

    def speak(self, requests: Sequence[SpeechRequest]) -> list[Take | VoiceError]:
        """What each request came to, in order; each depends on its own request alone."""
        return [self._outcome(request) for request in requests]

    def measure(self, requests: Sequence[SpeechRequest]) -> list[int | VoiceError]:
        """Natural lengths in samples, measured by speaking."""
        outcomes = self.speak([replace(request, target=None) for request in requests])
        return [one.natural if isinstance(one, Take) else one for one in outcomes]

    def _outcome(self, request: SpeechRequest) -> Take | VoiceError:
        try:
            return self._speak(request)
        except VoiceError as error:
            return error

    def _speak(self, request: SpeechRequest) -> Take:
        identifier = tags.lookup(request.language, self._languages)
        if identifier is None:
            raise LanguageNotSpoken(f"{NAME} does not speak {request.language!r}.")
        if request.voice.engine != NAME or (request.emotion and request.emotion.engine != NAME):
            raise ValueError("the voice and the emotion of a request come from the engine that speaks it")
        if request.target is not None and request.target < 1:
            raise ValueError(f"a target has at least one sample, not {request.target}")
        text, unread = readable(_sayable(request.text), identifier)
        timbre: Timbre = request.voice.data
        line = Line(text, identifier + timbre.variant, _aim(timbre, request.emotion))
        natural = line.natural.length
        notes: dict[str, float | int | str] = {}
        if unread:
            notes["unread"] = unread
        if request.target is None:
            samples = line.finished(line.natural, natural)
            return Take(samples, natural, None, {**line.notes(line.aim.wpm, 1.0), **notes})
        wpm, sound = line.fitted(request.target)
        spoken = min(request.target, round(sound.length * SLOWEST_STRETCH))
        samples = np.zeros(request.target, np.float32)
        samples[:spoken] = line.finished(sound, spoken)
        if spoken < request.target:
            notes["silence_ms"] = round(1000 * (request.target - spoken) / OUTPUT_RATE)
        if natural > TOO_FAST * request.target:
            notes["hurried"] = round(natural / request.target, 2)
        return Take(samples, natural, request.target, {**line.notes(wpm, spoken / sound.length), **notes})


def lacking(language: str) -> tuple[str, ...]:
    """What the voice leaves undone in texts of a BCP 47 language for want of a library, as sentences."""
    reads_kana_only = tags.lookup(language, {"ja": "ja"}) is not None
    return (japanese.LACKING,) if reads_kana_only and not japanese.knows_characters() else ()


def _sayable(text: str) -> str:
    """`text` without pictographs, which the library would name one by one. Raises NothingToSay."""
    plain = "".join(" " if _is_picture(char) else char for char in text)
    if not any(char.isalnum() for char in plain):
        raise NothingToSay(f"There is nothing to say in {shortened(text)!r}.")
    return plain


def _is_picture(char: str) -> bool:
    """Emoji, dingbats, arrows and the ♪ of subtitles; not °, © or the signs of currency."""
    return char >= "\u2190" and (unicodedata.category(char) == "So" or char in "\ufe0e\ufe0f\u200d\u20e3")


def _variant(f0: float, brightness: float) -> str:
    """The variant nearest to a speaker: by pitch, then by brightness in dB."""
    if f0 > HIGH_F0:
        return FEMALE[2]
    return (MALE if f0 < FEMALE_F0 else FEMALE)[(brightness > DARK) + (brightness > BRIGHT)]


def _aim(timbre: Timbre, emotion: Emotion | None) -> Aim:
    """The speaker's usual manner, moved towards the line's as far as its strength says."""
    f0, f0_range, tempo, level = timbre.f0, timbre.f0_range, timbre.tempo, LEVEL_DBFS
    if emotion is not None:
        heard, strength = emotion.data.prosody, emotion.data.strength
        if heard.f0 is not None:
            f0 *= (heard.f0 / f0) ** strength
        if heard.f0_range is not None:
            f0_range += strength * (heard.f0_range - f0_range)
        if heard.tempo is not None:
            tempo = heard.tempo if tempo is None else tempo * (heard.tempo / tempo) ** strength
        level += strength * float(np.clip(heard.level - timbre.level, -LEVEL_RANGE_DB, LEVEL_RANGE_DB))
    wpm = USUAL_WPM if tempo is None else USUAL_WPM * tempo / USUAL_TEMPO
    return Aim(f0, f0_range, clipped(wpm, *NATURAL_WPM), level)


def _digest(*parts: str) -> str:
    return sha256("\0".join((NAME, str(REVISION), *parts)).encode()).hexdigest()
