"""Voices and emotions: heard once, followed as far as wanted, told alike or not. On a tiny release of every version."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from speaking import QUICK, RATE, Shelf, every_version, one, recording, resampled, same

from tts.door import OUTPUT_RATE, Reference, SpeechRequest, Take, Voice
from tts.errors import (
    BadReference,
    EngineMissing,
)
from tts.indextts2.engine import IndexTTS2
from tts.indextts2.release import Release
from tts.indextts2.voices import Speaker

pytestmark = every_version

BAD = {
    "silent": Reference(np.zeros(2 * RATE, np.float32), RATE),
    "at least 1 s": recording(110.0, 0.9),
    "at most": Reference(np.full(601 * 100, 0.1, np.float32), 100),
    "not numbers": Reference(np.full(2 * RATE, np.nan, np.float32), RATE),
    "not mono": Reference(np.zeros((2 * RATE, 2), np.float32), RATE),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_reference_that_nothing_can_be_learned_from_is_told(engine: IndexTTS2, reason: str) -> None:
    with pytest.raises(BadReference, match=reason):
        engine.voice(BAD[reason])
    with pytest.raises(BadReference, match=reason):
        engine.emotion(BAD[reason])


def test_a_long_reference_counts_by_its_first_quarter_of_a_minute(engine: IndexTTS2) -> None:
    long = recording(150.0, 20.0)
    cut = Reference(long.samples[: 17 * RATE], RATE)
    speakers: list[Speaker] = [engine.voice(reference).data for reference in (long, cut)]
    assert torch.allclose(speakers[0].rows, speakers[1].rows, atol=1e-4)
    assert speakers[0].mel.shape == speakers[1].mel.shape


def test_a_voice_is_heard_once_per_content(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    engine = IndexTTS2(release, options=QUICK, keep=shelf)
    first = engine.voice(recording(120.0))
    assert list(shelf.kept) == [first.digest]
    spoken = one(engine, SpeechRequest("Hello.", "en", first, None, 30_000))

    def deaf(*_: object) -> None:
        raise AssertionError("the voice was heard again")

    monkeypatch.setattr("tts.indextts2.voices.listen", deaf)
    again = engine.voice(recording(120.0))
    assert again == first
    assert same(spoken, one(engine, SpeechRequest("Hello.", "en", again, None, 30_000)))
    with pytest.raises(AssertionError, match="heard again"):
        engine.voice(recording(121.0))


def test_an_emotion_is_felt_once_per_content(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    engine = IndexTTS2(release, keep=shelf)
    first = engine.emotion(recording(120.0), strength=0.3)
    monkeypatch.setattr("tts.indextts2.voices.feel", lambda *_: pytest.fail("felt again"))
    again = engine.emotion(recording(120.0), strength=0.9)
    assert torch.equal(first.data.vector, again.data.vector)
    assert first.digest != again.digest


@pytest.mark.parametrize("damage", [b"", b"not a voice", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_kept_voice_that_is_damaged_is_heard_again(release: Release, damage: bytes) -> None:
    shelf = Shelf()
    engine = IndexTTS2(release, keep=shelf)
    voice = engine.voice(recording(120.0))
    whole = shelf.kept[voice.digest]
    shelf.kept[voice.digest] = damage
    assert torch.equal(engine.voice(recording(120.0)).data.rows, voice.data.rows)
    assert shelf.kept[voice.digest] == whole


def test_strength_goes_from_the_speakers_own_mood_to_the_references(
    engine: IndexTTS2, voices: list[Voice]
) -> None:
    request = SpeechRequest("Hello.", "en", voices[0], None, 30_000)
    own = one(engine, request)
    none, all_of_it = (
        one(engine, replace(request, emotion=engine.emotion(recording(330.0), strength=strength)))
        for strength in (0.0, 1.0)
    )
    assert same(own, none)
    assert not same(own, all_of_it)


def test_weights_at_no_strength_are_the_speakers_own_mood(engine: IndexTTS2, voices: list[Voice]) -> None:
    request = SpeechRequest("Hello.", "en", voices[0], None, 30_000)
    flat = engine.emotion((0.5, 0, 0, 0, 0, 0, 0, 0), strength=0.0)
    assert same(one(engine, request), one(engine, replace(request, emotion=flat)))


@pytest.mark.parametrize("weights", [(0.1,) * 7, (0.1,) * 9, (float("nan"),) * 8, (-0.1,) * 8])
def test_weights_that_are_none_are_refused(engine: IndexTTS2, weights: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="weight"):
        engine.emotion(weights)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_strength_is_a_share(engine: IndexTTS2, strength: float) -> None:
    with pytest.raises(ValueError, match="strength"):
        engine.emotion(recording(110.0), strength=strength)


def test_words_need_their_reader_and_it_is_named(engine: IndexTTS2) -> None:
    with pytest.raises(EngineMissing, match="qwen"):
        engine.emotion("sad and slow")


def test_a_take_is_likest_the_voice_that_it_was_taken_from(engine: IndexTTS2) -> None:
    low, high = recording(100.0, 2.0), recording(300.0, 2.0)
    voices = [engine.voice(reference) for reference in (low, high)]
    heard = [Take(resampled(reference), 0, None) for reference in (low, high)]
    table = np.array([[engine.timbre_likeness(take, voice) for voice in voices] for take in heard])
    assert table.diagonal() == pytest.approx([1.0, 1.0], abs=0.01)
    assert table[0, 0] > table[0, 1]
    assert table[1, 1] > table[1, 0]


def test_a_take_is_likest_the_mood_that_it_was_taken_from(engine: IndexTTS2) -> None:
    low, high = recording(100.0, 2.0), recording(300.0, 2.0)
    emotions = [engine.emotion(reference) for reference in (low, high)]
    heard = [Take(resampled(reference), 0, None) for reference in (low, high)]
    table = np.array([[engine.emotion_likeness(take, emotion) for emotion in emotions] for take in heard])
    assert table.diagonal() == pytest.approx([1.0, 1.0], abs=0.01)
    assert table[0, 0] > table[0, 1]
    weights = engine.emotion((0.5, 0, 0, 0, 0, 0, 0, 0))
    assert -1.0 <= engine.emotion_likeness(heard[0], weights) <= 1.0


def test_silence_is_like_nothing(engine: IndexTTS2, voices: list[Voice]) -> None:
    silent = Take(np.zeros(OUTPUT_RATE, np.float32), OUTPUT_RATE, None)
    with pytest.raises(BadReference, match="silent"):
        engine.timbre_likeness(silent, voices[0])
    with pytest.raises(BadReference, match="silent"):
        engine.emotion_likeness(silent, engine.emotion(recording(110.0)))


def test_a_voice_of_another_engine_is_not_spoken_with(engine: IndexTTS2, voices: list[Voice]) -> None:
    with pytest.raises(ValueError, match="engine"):
        engine.speak([SpeechRequest("Hello.", "en", replace(voices[0], engine="other"))])
