"""The embedded voice pauses nowhere inside a line that anybody would hear: pauses are planned with the film."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import speaker

from tts import espeaklib, silences
from tts.door import OUTPUT_RATE, FloatArray, SpeechRequest, Take, Voice, result
from tts.espeak import SLOWEST_STRETCH, Espeak


@pytest.fixture(scope="module")
def engine() -> Espeak:
    return Espeak()


@pytest.fixture(scope="module")
def voice(engine: Espeak) -> Voice:
    return engine.voice(speaker(120.0))


def spoken(
    engine: Espeak, voice: Voice, text: str, target: int | None = None, *, language: str = "es"
) -> Take:
    (outcome,) = engine.speak([SpeechRequest(text, language, voice, None, target)])
    return result(outcome)


def longest_silence(samples: FloatArray, rate: int = OUTPUT_RATE) -> float:
    """Seconds between first and last sound in which every 5 ms stay 40 dB under the loudest."""
    frame = rate // 200
    level = np.abs(samples[: len(samples) // frame * frame]).reshape(-1, frame).max(axis=1)
    return float(np.diff(np.flatnonzero(level > level.max() * 10 ** (-40 / 20))).max() - 1) / 200


PUNCTUATED = [
    ("en", "gmw/en-US", "One. Two, three; four… Five?"),
    ("es", "roa/es", "Uno. Dos, tres; cuatro… ¿Cinco?"),
    ("de", "gmw/de", "Eins. Zwei, drei; vier… Fünf?"),
    ("ru", "zle/ru", "Один. Два, три; четыре… Пять?"),
    ("zh", "sit/cmn", "你好。我们，一起；去吧？好。"),
    ("ja", "jpx/ja", "はい。いいえ、そうです。どうも。"),
]


@pytest.mark.parametrize(("language", "identifier", "text"), PUNCTUATED)
@pytest.mark.parametrize("f0", [110.0, 210.0])
def test_nobody_pauses_inside_a_line_whatever_stands_in_it(
    engine: Espeak, language: str, identifier: str, text: str, f0: float
) -> None:
    plain, rate = espeaklib.speak(text, identifier, wpm=150, pitch=50, pitch_range=50)
    assert longest_silence(plain, rate) > 0.3  # what the library does by itself
    voice = engine.voice(speaker(f0))
    natural = spoken(engine, voice, text, language=language)
    assert longest_silence(natural.samples) <= silences.LONGEST + 0.01
    for factor in (0.7, 1.3, 2.0):
        target = round(natural.natural * factor) + 1
        made = spoken(engine, voice, text, target, language=language)
        assert (len(made.samples), made.natural) == (target, natural.natural)
        assert longest_silence(made.samples) <= silences.LONGEST * float(made.notes["stretch"]) + 0.01


def test_in_a_slot_far_too_long_speech_gets_slower_and_pauses_hardly_longer(
    engine: Espeak, voice: Voice
) -> None:
    text = "Uno. Dos, tres; cuatro. Cinco."
    natural = spoken(engine, voice, text).natural
    made = spoken(engine, voice, text, natural * 6)
    assert made.notes["stretch"] == pytest.approx(SLOWEST_STRETCH, rel=0.01)
    ended = int(made.notes["silence_ms"]) * OUTPUT_RATE // 1000
    assert longest_silence(made.samples[: len(made.samples) - ended]) < 0.29


@pytest.mark.parametrize("factor", [None, 0.7, 1.3])
def test_a_line_without_punctuation_is_said_as_if_pauses_had_no_limit(
    engine: Espeak, voice: Voice, monkeypatch: pytest.MonkeyPatch, factor: float | None
) -> None:
    text = "Traed un abrigo y algo de pan que esta noche hace frío"
    target = None if factor is None else round(spoken(engine, voice, text).natural * factor)
    limited = spoken(engine, voice, text, target)
    monkeypatch.setattr(silences, "capped", lambda sound, _: sound)
    assert np.array_equal(spoken(engine, voice, text, target).samples, limited.samples)
    assert spoken(engine, voice, "Uno. Dos.").natural > spoken(engine, voice, "Uno dos").natural
