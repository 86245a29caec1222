"""IndexTTS2, and 2.5, behind the door: requests → pieces of text with an aim → sound of exactly the length asked for.

What a voice is comes from `voices`, what speech is from `synthesis`, what a length is from `clock`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from tts import tags
from tts.door import (
    OUTPUT_RATE,
    Emotion,
    EmotionSource,
    Reference,
    SpeechRequest,
    Take,
    Voice,
)
from tts.errors import LanguageNotSpoken, NothingToSay, OutOfMemory, SpeakingFailed, VoiceError
from tts.indextts2 import assemble, synthesis, voices
from tts.indextts2 import clock as timing
from tts.indextts2 import emotion as vectors
from tts.indextts2.clock import Aim, Clock
from tts.indextts2.config import Version
from tts.indextts2.memory import Room
from tts.indextts2.plan import Plan, by_request, notes, pieces_of
from tts.indextts2.release import Placement, Release
from tts.indextts2.synthesis import Options, Piece, Spoken
from tts.indextts2.voices import Feeling, Kept, Mood, Speaker

NAME = "IndexTTS2"

NAMES: Mapping[Version, str] = {"2.0": NAME, "2.5": "IndexTTS-2.5"}
"""What an engine is called by the version of its release: voices and emotions of the one are nothing to the other."""

REVISION = 1
"""Raised whenever the same request would be spoken differently."""

ROWS = {"cpu": 8, "cuda": 32}
"""Lines decoded at once by default: a CPU gains little from more, a GPU until it is busy. On a GPU as many of them as
fit (`memory`)."""

PIECE_IDS = 120
"""Text ids that the splitting rules aim at for one piece: the released default."""

LONGEST_TARGET = 2
"""How many times what a text's pieces may take at the natural pace its target may be: more would be one long vowel."""


Heard = TypeVar("Heard", bound=Kept)
"""What is made of a recording, once."""


class Keep(Protocol):
    """Where what was made of recordings is kept from run to run."""

    def get(self, key: str) -> bytes | None:
        """What was put under `key`, None where nothing was."""

    def put(self, key: str, data: bytes) -> None:
        """Keeps `data` under `key`."""


class IndexTTS2:
    """The engine; see `tts.door.Engine` and `tts.door.Judge`.

    A request's speech follows from the request and its seed: neighbours in a batch change it by float noise at most.
    """

    draws = True
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
        self.name = NAMES[release.version]
        clock = clock or Clock()
        self.clock = replace(clock, condition=clock.condition and release.gpt.counts)
        self.options = options or Options(rows=ROWS.get(release.placement.device.type, ROWS["cpu"]))
        self._keep = keep
        self._room = Room(self.options.rows, release.placement.device)

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
        """Names code, weights, number format, the text's grammar, and every option that shapes speech."""
        options = self.options
        shaping = (options.sampling, options.steps, options.guidance, options.most, self.clock)
        placed = (self.release.placement.device.type, self.release.placement.dtype)
        libraries = " ".join(map(_version, self.release.text.libraries))
        whole = _digest(REVISION, self.release.digest, placed, shaping, libraries)
        return f"{NAME}-{self.release.version}-{whole}"

    @property
    def batch(self) -> int:
        """As many as are decoded at once where they fit: what a stop in the middle costs is then one batch of lines."""
        return self.options.rows

    def languages(self) -> Mapping[str, str]:
        """BCP 47 tag → what the language is called in the model."""
        return self.release.text.languages

    def speaks(self, language: str) -> bool:
        """Whether the tag, or a wider one ("en-GB" → "en"), is in `languages`."""
        return tags.lookup(language, self.languages()) is not None

    def notes(self, language: str) -> tuple[str, ...]:
        """What is not done to texts of a language because an optional library is not installed: sentences for a person,
        to be told once."""
        code = tags.lookup(language, self.languages())
        return () if code is None else self.release.text.notes(code)

    def voice(self, reference: Reference) -> Voice:
        """The timbre of a recording of 1 s or more, of which the first 15 s count; heard once per content where voices
        are kept. Raises BadReference."""
        voices.require_audible(reference)
        key = _digest("voice", REVISION, self.release.digest, reference.digest)
        device = self.release.placement.device
        speaker = self._kept(key, Speaker.from_bytes, lambda: voices.listen(self.release, reference))
        return Voice(self.name, key, speaker.to(device))

    def emotion(self, source: EmotionSource, *, strength: float = 1.0) -> Emotion:
        """The manner of a recording of 1 s or more, of eight weights (`door.EMOTIONS`; what they sum to beyond 0.8 is
        scaled down), or of a description in words, which a language model turns into weights.

        Raises BadReference; where words are given, EngineMissing and BadWeights for their reader and SpeakingFailed for
        its answer; ValueError for a strength outside 0..1 and for weights that are none.
        """
        if not 0.0 <= strength <= 1.0:
            raise ValueError(f"strength goes from 0 to 1, not {strength}")
        if isinstance(source, Reference):
            voices.require_audible(source)
            key = _digest("emotion", REVISION, self.release.digest, source.digest)
            felt = self._kept(key, Feeling.from_bytes, lambda: voices.feel(self.release, source))
            vector = felt.vector.to(self.release.placement.device)
            return Emotion(self.name, _digest(key, repr(float(strength))), Mood(strength, vector=vector))
        weights = self.release.reader.read(source) if isinstance(source, str) else source
        weights = vectors.capped(weights, bias=not isinstance(source, str))
        digest = _digest("emotion", REVISION, self.release.digest, weights, repr(float(strength)))
        return Emotion(self.name, digest, Mood(strength, weights=weights))

    def speak(self, requests: Sequence[SpeechRequest]) -> list[Take | VoiceError]:
        """What each request came to, in order. Notes of a take: natural and target mel frames, their quotient as
        `factor`, tokens, the bounds they had, how decoding ended (`ended`), how often it was tried, and DOUBT where
        the speech did not end where it should have or nothing is heard."""
        plans, errors = self._plans(requests)
        outcomes: dict[int, Take | VoiceError] = {**errors}
        tried = by_request(plans, self._decoded(plans))
        spoken = {index: one for index, one in tried.items() if not isinstance(one, VoiceError)}
        frames = {
            index: plans[index].frames(one, regulate=self.clock.regulate) for index, one in spoken.items()
        }
        going = {index: plans[index] for index in spoken}
        waves = synthesis.sound(
            self.release,
            pieces_of(going.values()),
            [one.decoded.codes for all_of_it in spoken.values() for one in all_of_it],
            [count for counts in frames.values() for count in counts],
            self.options,
        )
        outcomes |= {index: one for index, one in tried.items() if isinstance(one, VoiceError)}
        for index, heard in by_request(going, waves).items():
            outcomes[index] = (
                heard
                if isinstance(heard, VoiceError)
                else self._take(plans[index], spoken[index], frames[index], heard)
            )
        return [outcomes[index] for index in range(len(requests))]

    def measure(self, requests: Sequence[SpeechRequest]) -> list[int | VoiceError]:
        """Natural lengths in samples at OUTPUT_RATE: of the codes, which alone decide them."""
        plans, errors = self._plans([replace(request, target=None) for request in requests])
        lengths: dict[int, int | VoiceError] = {**errors}
        tried = by_request(plans, self._decoded(plans))
        for index, spoken in tried.items():
            lengths[index] = (
                spoken if isinstance(spoken, VoiceError) else plans[index].natural_samples(spoken)
            )
        return [lengths[index] for index in range(len(requests))]

    def timbre_likeness(self, take: Take, voice: Voice) -> float:
        """Cosine of the CAM++ embeddings. Raises BadReference for a take too short or too quiet to tell."""
        speaker: Speaker = voice.data
        return voices.cosine(voices.style_of(self.release, _heard(take)), speaker.style)

    def emotion_likeness(self, take: Take, emotion: Emotion) -> float:
        """Cosine of the emotion vectors; for an emotion given in weights, with the one that they mix for the take's own
        voice. Raises BadReference for a take too short or too quiet to tell, OutOfMemory where it does not fit."""
        mood: Mood = emotion.data
        with self._listening():
            heard = voices.mood_of(self.release, _heard(take))
        wanted = mood.vector
        if wanted is None:
            assert mood.weights is not None
            style = voices.style_of(self.release, _heard(take))
            wanted = self.release.emotions.mix(style[None], mood.weights, torch.zeros_like(heard)[None])[0]
        return voices.cosine(heard, wanted)

    def _kept(self, key: str, restore: Callable[[bytes], Heard], hear: Callable[[], Heard]) -> Heard:
        """What was heard before and kept, or is heard now. Raises OutOfMemory, and what `hear` raises."""
        data = self._keep.get(key) if self._keep else None
        if data is not None:
            with suppress(ValueError):  # damaged: heard again
                return restore(data)
        with self._listening():
            heard = hear()
        if self._keep:
            self._keep.put(key, heard.to_bytes())
        return heard

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """With the encoder that listens to recordings where the others are: decoding puts it away where memory is
        short. Raises OutOfMemory where it, or what is heard, does not fit."""
        try:
            self.release.semantic.to(self.release.placement.device)
            yield
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not synthesis.out_of_memory(error):
                raise
            raise OutOfMemory("The recording does not fit into memory.") from error

    def _decoded(self, plans: Mapping[int, Plan]) -> list[Spoken | VoiceError]:
        """Codes of all pieces, plan after plan."""
        return synthesis.speak(self.release, pieces_of(plans.values()), self.options, self._room)

    def _plans(self, requests: Sequence[SpeechRequest]) -> tuple[dict[int, Plan], dict[int, VoiceError]]:
        """Every request that can be spoken as a plan, every other as its error."""
        plans: dict[int, Plan] = {}
        errors: dict[int, VoiceError] = {}
        for index, request in enumerate(requests):
            try:
                plans[index] = self._plan(request)
            except VoiceError as error:
                errors[index] = error
        return plans, errors

    def _plan(self, request: SpeechRequest) -> Plan:
        text, language = self.release.text, tags.lookup(request.language, self.languages())
        if language is None:
            raise LanguageNotSpoken(f"{self.name} does not speak {request.language!r}.")
        made_by = {request.voice.engine, request.emotion.engine if request.emotion else self.name}
        if made_by != {self.name}:
            raise ValueError("the voice and the emotion of a request come from the engine that speaks it")
        if request.target is not None and request.target < 1:
            raise ValueError(f"a target has at least one sample, not {request.target}")
        texts = text.segments(request.text, language, limit=self._text_limit())
        if not texts:
            raise NothingToSay(f"There is nothing to say in {request.text[:40]!r}.")
        gpt, most = self.release.gpt, self.release.gpt.text_room
        keeps_marks = self.release.projection is not None  # as the latent pass does
        if any(len(ids) - (0 if keeps_marks else gpt.marks(ids)) > most for ids in texts):
            raise SpeakingFailed(f"A part of the text that cannot be cut is too long: {most} text ids fit.")
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
                language=text.row(language),
            )
            for number, (ids, aim) in enumerate(zip(texts, aims, strict=True))
        ]
        unread = sum(text.unread(ids) for ids in texts)
        return Plan(request, self.release.pace, pieces, pause, unread)

    def _aims(self, target: int | None, lengths: Sequence[int], pause: int) -> list[Aim]:
        """Where each piece ends; a target is shared out by the number of text ids."""
        table = self.release.gpt.config.max_codes
        if target is None:
            longest = min(table, self.options.most)
            caps = [min(longest, timing.free(length, self.release.pace)) for length in lengths]
            return [Aim(self.release.pace.frames(cap), cap, 1, cap, None) for cap in caps]
        frames = timing.frames_to_fill(target - pause * (len(lengths) - 1))
        if frames < len(lengths):
            raise SpeakingFailed(f"{target} samples are too few for a text of {len(lengths)} parts.")
        if frames > LONGEST_TARGET * len(lengths) * self.release.pace.frames(min(table, self.options.most)):
            seconds = target / OUTPUT_RATE
            raise SpeakingFailed(f"{seconds:.0f} s are too long for a text of {sum(lengths)} ids.")
        return [
            timing.aim(part, self.release.pace, self.clock, most=min(table, self.options.most))
            for part in timing.share(frames, [float(length) for length in lengths])
        ]

    def _text_limit(self) -> int:
        """Text ids of one piece: what the splitting rules aim at, and never more than the model has positions for."""
        return min(PIECE_IDS, self.release.gpt.config.max_text)

    def _take(
        self, plan: Plan, spoken: Sequence[Spoken], frames: Sequence[int], waves: Sequence[Tensor]
    ) -> Take | VoiceError:
        target = plan.request.target
        natural = plan.natural_samples(spoken)
        sound = assemble.joined([assemble.resampled(wave) for wave in waves], plan.pause)
        samples = assemble.exactly(sound, natural if target is None else target)
        if not np.isfinite(samples).all():
            return SpeakingFailed("The model returned values that are not numbers.")
        return Take(samples, natural, target, notes(plan, spoken, frames, samples))


def _version(library: str) -> str:
    """Of an installed distribution; empty where it is not, as some are optional."""
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _heard(take: Take) -> Reference:
    return Reference(take.samples, OUTPUT_RATE)


def _digest(*parts: object) -> str:
    return sha256("\0".join((NAME, *map(str, parts))).encode()).hexdigest()
