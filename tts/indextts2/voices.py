"""References → what the model needs of them: a speaker's conditioning, computed once and kept; an emotion's vector.

Nothing here speaks.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from tts.door import Reference
from tts.errors import BadReference
from tts.indextts2 import emotion as vectors
from tts.indextts2 import frontend
from tts.indextts2.release import Release

SHORTEST = 1.0
"""Seconds of a reference: less says nothing of a voice."""

LONGEST = 600.0
"""Seconds of a reference: more is a mistake. The first 15 s are listened to (`frontend.LONGEST`)."""

SILENT = 10 ** (-60 / 20)
"""Root mean square of the part listened to under which a reference is silent: -60 dBFS."""


Same = TypeVar("Same", bound="Kept")


@dataclass(frozen=True)
class Kept:
    """Tensors by name that can be kept as bytes."""

    def to(self: Same, device: torch.device) -> Same:
        """The same on another device."""
        return type(self)(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})

    def to_bytes(self) -> bytes:
        """As safetensors."""
        from safetensors.torch import save

        data: bytes = save(
            {field.name: getattr(self, field.name).contiguous().cpu() for field in fields(self)}
        )
        return data

    @classmethod
    def from_bytes(cls: type[Same], data: bytes) -> Same:
        """What `to_bytes` made. Raises ValueError for anything else."""
        from safetensors import SafetensorError
        from safetensors.torch import load

        try:
            tensors = load(data)
        except SafetensorError as error:
            raise ValueError(f"not a kept {cls.__name__}") from error
        if set(tensors) != {field.name for field in fields(cls)}:
            raise ValueError(f"not a kept {cls.__name__}")
        return cls(**tensors)


@dataclass(frozen=True)
class Speaker(Kept):
    """One voice, as every part of the model wants it. All on one device, float32.

    mel [80, R]: the flow's prompt. condition [R, C]: the same prompt through the regulator. style [192]: CAM++.
    rows [S, D]: the speaker rows of the GPT's prompt. mood [D]: the reference's own emotion vector.
    """

    mel: Tensor
    condition: Tensor
    style: Tensor
    rows: Tensor
    mood: Tensor


@dataclass(frozen=True)
class Feeling(Kept):
    """The emotion vector [D] of a recording."""

    vector: Tensor


@dataclass(frozen=True)
class Mood:
    """How a line is to be said, `strength` 0..1: either the emotion vector of a recording [D], or eight weights."""

    strength: float
    vector: Tensor | None = None
    weights: tuple[float, ...] | None = None


@torch.inference_mode()
def listen(release: Release, reference: Reference) -> Speaker:
    """A speaker's reference of 1 s or more, of which the first 15 s count. Raises BadReference."""
    require_audible(reference)
    audio = frontend.reference_audio(_start(reference), reference.rate)
    device = release.placement.device
    wave22, wave16 = audio.wave22.to(device), audio.wave16.to(device)
    features = _features(release, wave16)
    mel = frontend.mel(wave22)
    style = _style(release, wave16)
    condition = release.regulator(_prompt(release, features)[0], mel.shape[1])
    rows = release.conditioning.speaker_rows(features, style)[0]
    mood = release.conditioning.emotion_vector(features)[0]
    return Speaker(mel, condition, style[0], rows, mood)


@torch.inference_mode()
def feel(release: Release, reference: Reference) -> Feeling:
    """What a recording of 1 s or more feels like, of which the first 15 s count. Raises BadReference."""
    require_audible(reference)
    return Feeling(mood_of(release, reference))


@torch.inference_mode()
def merged(release: Release, speaker: Speaker, mood: Mood | None) -> Tensor:
    """The emotion vector [D] that a line of this speaker is spoken with."""
    if mood is None:
        return speaker.mood
    if mood.vector is not None:
        return release.conditioning.merge(speaker.mood[None], mood.vector[None], mood.strength)[0]
    assert mood.weights is not None
    weights = vectors.scaled(mood.weights, mood.strength)
    return release.emotions.mix(speaker.style[None], weights, speaker.mood[None])[0]


@torch.inference_mode()
def style_of(release: Release, reference: Reference) -> Tensor:
    """The CAM++ embedding [192] of any recording of speech. Raises BadReference where it is silent or too short."""
    _require_sound(reference)
    wave16 = frontend.reference_audio(_start(reference), reference.rate).wave16
    return _style(release, wave16.to(release.placement.device))[0]


@torch.inference_mode()
def mood_of(release: Release, reference: Reference) -> Tensor:
    """The emotion vector [D] of any recording of speech. Raises BadReference where it is silent or too short."""
    _require_sound(reference)
    wave16 = frontend.emotion_audio(_start(reference), reference.rate).to(release.placement.device)
    return release.conditioning.emotion_vector(_features(release, wave16))[0]


def require_audible(reference: Reference) -> None:
    """Raises BadReference for a recording that nothing can be learned from."""
    seconds = len(reference.samples) / reference.rate if reference.rate > 0 else 0.0
    if seconds < SHORTEST:
        raise BadReference(f"The recording lasts {seconds:.2f} s; a voice needs at least {SHORTEST:g} s.")
    if seconds > LONGEST:
        raise BadReference(f"The recording lasts {seconds:.0f} s; a reference has at most {LONGEST:g} s.")
    _require_sound(reference)


def _require_sound(reference: Reference) -> None:
    if reference.samples.ndim != 1:
        raise BadReference("The recording is not mono.")
    if not np.isfinite(reference.samples).all():
        raise BadReference("The recording holds values that are not numbers.")
    heard = _start(reference)
    if not len(heard) or float(np.sqrt(np.mean(np.square(heard, dtype=np.float64)))) < SILENT:
        raise BadReference(f"The recording is silent in its first {frontend.LONGEST} s.")


def _start(reference: Reference) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """As much as is listened to, and a second more so that resampling sees past the cut."""
    samples: np.ndarray[tuple[int], np.dtype[np.float32]] = reference.samples[
        : (frontend.LONGEST + 1) * reference.rate
    ]
    return samples


def _features(release: Release, wave16: Tensor) -> Tensor:
    """Semantic features [1, T, F]."""
    return release.semantic.features(*frontend.w2v_features(wave16))


def _prompt(release: Release, features: Tensor) -> Tensor:
    """Semantic features [1, T, F] as the flow's prompt is made of them: 2.0 quantises them, 2.5 does not."""
    return features if release.projection is None else release.codec.quantize(features)[1]


def _style(release: Release, wave16: Tensor) -> Tensor:
    """[1, 192]."""
    return release.speaker.embed(frontend.centred(frontend.fbank(wave16))[None])


def cosine(a: Tensor, b: Tensor) -> float:
    """Of two vectors of any length, -1..1."""
    return float(torch.nn.functional.cosine_similarity(a.float().flatten(), b.float().flatten(), dim=0))
