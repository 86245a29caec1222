"""IndexTTS2 behind the door: requests → pieces of text with an aim → sound of exactly the length asked for.

What a voice is comes from `voices`, what speech is from `synthesis`, what a length is from `clock`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from tts import tags
from tts.door import (
    DOUBT,
    OUTPUT_RATE,
    Emotion,
    EmotionSource,
    FloatArray,
    Reference,
    SpeechRequest,
    Take,
    Voice,
)
from tts.errors import LanguageNotSpoken, NothingToSay, SpeakingFailed, VoiceError
from tts.indextts2 import assemble, synthesis, voices
from tts.indextts2 import clock as timing
from tts.indextts2 import emotion as vectors
from tts.indextts2.clock import Aim, Clock
from tts.indextts2.release import Placement, Release
from tts.indextts2.synthesis import Options, Piece, Spoken
from tts.indextts2.text import LANGUAGES
from tts.indextts2.voices import Mood, Speaker

NAME = "IndexTTS2"

REVISION = 1
"""Raised whenever the same request would be spoken differently."""

FREE_CODES = 60
FREE_CODES_PER_ID = 30
"""How many codes a line without a target may take: 1.2 s, and 0.6 s for every text id, which is twice as long as even
slow speech needs. What is longer has run away. Memory is set aside for as many."""

ROWS = {"cpu": 8, "cuda": 32}
"""Lines decoded at once by default: a CPU gains little from more, a GPU until it is busy."""

PIECE_IDS = 120
"""Text ids that the splitting rules aim at for one piece: the released default."""

INAUDIBLE = 1e-4
"""Peak of a take under which nothing was said: -80 dBFS."""


class Keep(Protocol):
    """Where computed voices are kept from run to run."""

    def get(self, key: str) -> bytes | None:
        """What was put under `key`, None where nothing was."""

    def put(self, key: str, data: bytes) -> None:
        """Keeps `data` under `key`."""


@dataclass(frozen=True)
class _Plan:
    """A request as pieces, and the silence between them in samples at OUTPUT_RATE."""

    request: SpeechRequest
    pieces: list[Piece]
    pause: int


class IndexTTS2:
    """The engine; see `tts.door.Engine` and `tts.door.Judge`.

    A request's speech follows from the request and its seed: neighbours in a batch change it by float noise at most.
    """

    name = NAME
    usual_voice: Voice | None = None

    def __init__(
        self,
        release: Release,
        *,
        clock: Clock | None = None,
        options: Options | None = None,
        keep: Keep | None = None,
    ) -> None:
        self.release = release
        self.clock = clock or Clock()
        self.options = options or Options(rows=ROWS.get(release.placement.device.type, ROWS["cpu"]))
        self._keep = keep

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        placement: Placement | None = None,
        clock: Clock | None = None,
        options: Options | None = None,
        keep: Keep | None = None,
    ) -> IndexTTS2:
        """From a folder of released files. Raises EngineMissing and BadWeights."""
        return cls(Release.load(folder, placement), clock=clock, options=options, keep=keep)

    @property
    def digest(self) -> str:
        """Names code, weights, number format, and every option that shapes speech."""
        shaping = (self.options.sampling, self.options.steps, self.options.guidance, self.clock)
        return f"{NAME}-{self.release.version}-{_digest(self.release.digest, self.release.placement.dtype, shaping)}"

    @property
    def batch(self) -> int:
        """As many as are decoded at once, twice over: where one line ends another enters."""
        return 2 * self.options.rows

    def languages(self) -> Mapping[str, str]:
        """BCP 47 tag → what the language is called in the model."""
        return LANGUAGES

    def speaks(self, language: str) -> bool:
        """Whether the tag, or a wider one ("en-GB" → "en"), is in `languages`."""
        return tags.lookup(language, LANGUAGES) is not None

    def voice(self, reference: Reference) -> Voice:
        """The timbre of a recording of 1 s or more, of which the first 15 s count; heard once per content where voices
        are kept. Raises BadReference."""
        voices.require_audible(reference)
        key = _digest("voice", REVISION, self.release.digest, reference.digest)
        data = self._keep.get(key) if self._keep else None
        speaker = _kept_speaker(data, self.release.placement.device)
        if speaker is None:
            speaker = voices.listen(self.release, reference)
            if self._keep:
                self._keep.put(key, speaker.to_bytes())
        return Voice(NAME, key, speaker)

    def emotion(self, source: EmotionSource, *, strength: float = 1.0) -> Emotion:
        """The manner of a recording of 1 s or more, of eight weights (`door.EMOTIONS`; what they sum to beyond 0.8 is
        scaled down), or of a description in words, which a language model turns into weights.

        Raises BadReference, EngineMissing where words are given and their reader is not in the folder, ValueError for
        a strength outside 0..1 and for weights that are none.
        """
        if not 0.0 <= strength <= 1.0:
            raise ValueError(f"strength goes from 0 to 1, not {strength}")
        if isinstance(source, Reference):
            digest = _digest("emotion", REVISION, self.release.digest, source.digest, repr(float(strength)))
            return Emotion(NAME, digest, Mood(strength, vector=voices.feel(self.release, source)))
        weights = self.release.reader.read(source) if isinstance(source, str) else source
        weights = vectors.capped(weights, bias=not isinstance(source, str))
        digest = _digest("emotion", REVISION, self.release.digest, weights, repr(float(strength)))
        return Emotion(NAME, digest, Mood(strength, weights=weights))

    def speak(self, requests: Sequence[SpeechRequest]) -> list[Take | VoiceError]:
        """What each request came to, in order. Notes of a take: natural and target mel frames, their quotient as
        `factor`, tokens, the bounds they had, how decoding ended (`ended`), how often it was tried, and DOUBT where
        no try came to an end by itself or nothing is heard."""
        plans, errors = self._plans(requests)
        pieces = [piece for plan in plans.values() for piece in plan.pieces]
        spoken = synthesis.speak(self.release, pieces, self.options)
        frames = [
            piece.aim.frames if self.clock.regulate and not piece.free else self._natural(one)
            for piece, one in zip(pieces, spoken, strict=True)
        ]
        codes = [one.decoded.codes for one in spoken]
        waves = synthesis.sound(self.release, pieces, codes, frames, self.options)
        outcomes: dict[int, Take | VoiceError] = {**errors}
        done = 0
        for index, plan in plans.items():
            part = slice(done, done := done + len(plan.pieces))
            outcomes[index] = self._take(plan, spoken[part], frames[part], waves[part])
        return [outcomes[index] for index in range(len(requests))]

    def measure(self, requests: Sequence[SpeechRequest]) -> list[int | VoiceError]:
        """Natural lengths in samples at OUTPUT_RATE: of the codes, which alone decide them."""
        plans, errors = self._plans([replace(request, target=None) for request in requests])
        pieces = [piece for plan in plans.values() for piece in plan.pieces]
        spoken = synthesis.speak(self.release, pieces, self.options)
        done = 0
        lengths: dict[int, int] = {}
        for index, plan in plans.items():
            part = slice(done, done := done + len(plan.pieces))
            lengths[index] = self._natural_samples(plan, spoken[part])
        return [lengths[index] if index in lengths else errors[index] for index in range(len(requests))]

    def timbre_likeness(self, take: Take, voice: Voice) -> float:
        """Cosine of the CAM++ embeddings. Raises BadReference for a take too short or too quiet to tell."""
        speaker: Speaker = voice.data
        return voices.cosine(voices.style_of(self.release, _heard(take)), speaker.style)

    def emotion_likeness(self, take: Take, emotion: Emotion) -> float:
        """Cosine of the emotion vectors; for an emotion given in weights, with the one that they mix for the take's own
        voice. Raises BadReference for a take too short or too quiet to tell."""
        mood: Mood = emotion.data
        heard = voices.mood_of(self.release, _heard(take))
        wanted = mood.vector
        if wanted is None:
            assert mood.weights is not None
            style = voices.style_of(self.release, _heard(take))
            wanted = self.release.emotions.mix(style[None], mood.weights, torch.zeros_like(heard)[None])[0]
        return voices.cosine(heard, wanted)

    def _plans(self, requests: Sequence[SpeechRequest]) -> tuple[dict[int, _Plan], dict[int, VoiceError]]:
        """Every request that can be spoken as a plan, every other as its error."""
        plans: dict[int, _Plan] = {}
        errors: dict[int, VoiceError] = {}
        for index, request in enumerate(requests):
            try:
                plans[index] = self._plan(request)
            except VoiceError as error:
                errors[index] = error
        return plans, errors

    def _plan(self, request: SpeechRequest) -> _Plan:
        if not self.speaks(request.language):
            raise LanguageNotSpoken(f"{NAME} does not speak {request.language!r}.")
        if request.voice.engine != NAME or (request.emotion and request.emotion.engine != NAME):
            raise ValueError("the voice and the emotion of a request come from the engine that speaks it")
        if request.target is not None and request.target < 1:
            raise ValueError(f"a target has at least one sample, not {request.target}")
        texts = self.release.text.segments(request.text, limit=self._text_limit())
        if not texts:
            raise NothingToSay(f"There is nothing to say in {request.text[:40]!r}.")
        speaker: Speaker = request.voice.data
        emotion = voices.merged(self.release, speaker, request.emotion.data if request.emotion else None)
        pause = timing.pauses(request.target, len(texts))
        aims = self._aims(request.target, [len(ids) for ids in texts], pause)
        device = self.release.placement.device
        pieces = [
            Piece(
                torch.tensor(ids, dtype=torch.int64, device=device),
                speaker,
                emotion,
                aim,
                synthesis.seed_of(request.seed, number),
                free=request.target is None,
            )
            for number, (ids, aim) in enumerate(zip(texts, aims, strict=True))
        ]
        return _Plan(request, pieces, pause)

    def _aims(self, target: int | None, lengths: Sequence[int], pause: int) -> list[Aim]:
        """Where each piece ends; a target is shared out by the number of text ids."""
        table = self.release.gpt.config.max_codes
        if target is None:
            caps = [
                min(table, self.options.most, FREE_CODES + FREE_CODES_PER_ID * length) for length in lengths
            ]
            return [Aim(self.release.pace.frames(cap), cap, 1, cap, None) for cap in caps]
        frames = timing.frames_to_fill(target - pause * (len(lengths) - 1))
        if frames < len(lengths):
            raise SpeakingFailed(f"{target} samples are too few for a text of {len(lengths)} parts.")
        return [
            timing.aim(part, self.release.pace, self.clock, most=min(table, self.options.most))
            for part in timing.share(frames, [float(length) for length in lengths])
        ]

    def _text_limit(self) -> int:
        """Text ids of one piece: what the splitting rules aim at, and never more than the model has positions for."""
        return min(PIECE_IDS, self.release.gpt.config.max_text)

    def _natural(self, spoken: Spoken) -> int:
        """Mel frames of what was spoken at the natural pace: up to where the model would have stopped."""
        wanted = spoken.decoded.wanted_stop
        return self.release.pace.frames(len(spoken.decoded.codes) if wanted is None else max(1, wanted))

    def _natural_samples(self, plan: _Plan, spoken: Sequence[Spoken]) -> int:
        return timing.samples_of(sum(self._natural(one) for one in spoken)) + plan.pause * (len(spoken) - 1)

    def _take(
        self, plan: _Plan, spoken: Sequence[Spoken], frames: Sequence[int], waves: Sequence[Tensor]
    ) -> Take | VoiceError:
        target = plan.request.target
        natural = self._natural_samples(plan, spoken)
        sound = assemble.joined([assemble.resampled(wave) for wave in waves], plan.pause)
        samples = assemble.exactly(sound, natural if target is None else target)
        if not np.isfinite(samples).all():
            return SpeakingFailed("The model returned values that are not numbers.")
        return Take(samples, natural, target, self._notes(plan, spoken, frames, samples))

    def _notes(
        self, plan: _Plan, spoken: Sequence[Spoken], frames: Sequence[int], samples: FloatArray
    ) -> dict[str, float | int | str]:
        natural = sum(self._natural(one) for one in spoken)
        notes: dict[str, float | int | str] = {
            "natural_frames": natural,
            "target_frames": sum(frames),
            "factor": round(natural / sum(frames), 4),
            "tokens": sum(len(one.decoded.codes) for one in spoken),
            "least": sum(piece.aim.least for piece in plan.pieces),
            "most": sum(piece.aim.most for piece in plan.pieces),
            "ended": _worst([one.decoded.ended for one in spoken]),
            "pieces": len(plan.pieces),
            "attempts": max(one.attempts for one in spoken),
        }
        doubt = _doubt(plan.pieces, spoken, samples)
        return notes | {DOUBT: doubt} if doubt else notes


def _doubt(pieces: Sequence[Piece], spoken: Sequence[Spoken], samples: FloatArray) -> str | None:
    """Why a take is not to be trusted unheard; None where nothing speaks against it."""
    if float(np.abs(samples).max()) < INAUDIBLE:
        return "nothing is heard"
    endless = [piece.free for piece, one in zip(pieces, spoken, strict=True) if one.ran_away]
    if not endless:
        return None
    return "the speech did not come to an end" if any(endless) else "the speech was cut off at its longest"


def _worst(ends: Sequence[str]) -> str:
    """How a text of several pieces ended: as the one that ended least well."""
    return max(ends, key=("stop", "bound", "limit").index)


def _heard(take: Take) -> Reference:
    return Reference(take.samples, OUTPUT_RATE)


def _kept_speaker(data: bytes | None, device: torch.device) -> Speaker | None:
    """A voice as it was kept; None where nothing was, or it is damaged."""
    try:
        return None if data is None else Speaker.from_bytes(data).to(device)
    except ValueError:
        return None


def _digest(*parts: object) -> str:
    return sha256("\0".join((NAME, *map(str, parts))).encode()).hexdigest()
