"""The embedded voice: follows whom it is given, speaks to the sample, and says what it cannot do."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sounds import speaker

from tts import espeaklib, japanese
from tts.door import OUTPUT_RATE, Emotion, Reference, SpeechRequest, Take, Voice, result
from tts.errors import (
    BadReference,
    EngineMissing,
    LanguageNotSpoken,
    NothingToSay,
    NotOffered,
    SpeakingFailed,
)
from tts.espeak import NAME, REVISION, SLOWEST_STRETCH, Espeak
from tts.prosody import measure

TEXT = "Traed un abrigo y algo de pan, por favor, que esta noche hace frío."


@pytest.fixture(scope="module")
def engine() -> Espeak:
    return Espeak()


@pytest.fixture(scope="module")
def voice(engine: Espeak) -> Voice:
    return engine.voice(speaker(120.0))


def spoken(engine: Espeak, request: SpeechRequest) -> Take:
    (outcome,) = engine.speak([request])
    return result(outcome)


def take(
    engine: Espeak, voice: Voice, emotion: Emotion | None = None, target: int | None = None, text: str = TEXT
) -> Take:
    return spoken(engine, SpeechRequest(text, "es", voice, emotion, target))


def heard(made: Take) -> float:
    f0 = measure(Reference(made.samples, OUTPUT_RATE)).f0
    assert f0 is not None
    return f0


@pytest.mark.parametrize("f0", [90.0, 120.0, 150.0, 180.0, 220.0, 280.0])
def test_pitch_follows_the_speaker(engine: Espeak, f0: float) -> None:
    assert heard(take(engine, engine.voice(speaker(f0)))) == pytest.approx(f0, rel=0.06)


@pytest.mark.parametrize("f0", [100.0, 150.0, 200.0])
def test_pitch_follows_the_line_as_far_as_is_wanted(engine: Espeak, voice: Voice, f0: float) -> None:
    line = speaker(f0)
    assert heard(take(engine, voice, engine.emotion(line))) == pytest.approx(f0, rel=0.06)
    assert heard(take(engine, voice, engine.emotion(line, strength=0.0))) == pytest.approx(120, rel=0.06)


def test_a_lively_line_has_a_wider_range_than_a_flat_one(engine: Espeak, voice: Voice) -> None:
    ranges = []
    for semitones in (0.5, 10.0):
        emotion = engine.emotion(speaker(120.0, semitones=semitones))
        ranges.append(measure(Reference(take(engine, voice, emotion).samples, OUTPUT_RATE)).f0_range)
    flat, wide = ranges
    assert flat is not None
    assert wide is not None
    assert wide > flat + 2.0


def test_a_loud_line_is_louder_by_as_much_as_its_speaker_was(engine: Espeak, voice: Voice) -> None:
    soft, loud = (
        measure(
            Reference(take(engine, voice, engine.emotion(speaker(level=level))).samples, OUTPUT_RATE)
        ).level
        for level in (-35.0, -23.0)
    )
    assert loud - soft == pytest.approx(12.0, abs=2.0)


def test_a_fast_line_is_naturally_shorter(engine: Espeak, voice: Voice) -> None:
    slow, fast = (
        take(engine, voice, engine.emotion(speaker(syllables=syllables))).natural for syllables in (3.0, 6.0)
    )
    assert fast < 0.85 * slow


@pytest.mark.parametrize("factor", [0.3, 0.5, 0.8, 0.95, 1.0, 1.05, 1.25, 1.6, 2.5, 5.0])
def test_a_take_has_exactly_the_samples_asked_for(engine: Espeak, voice: Voice, factor: float) -> None:
    natural = take(engine, voice).natural
    target = round(natural * factor) + 7
    made = take(engine, voice, target=target)
    assert (len(made.samples), made.target, made.natural) == (target, target, natural)
    assert np.isfinite(made.samples).all()
    assert np.abs(made.samples).max() <= 1.0
    assert made.notes["stretch"] <= SLOWEST_STRETCH + 0.001


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.4])
def test_speech_fills_its_slot_from_the_first_millisecond_to_the_last(
    engine: Espeak, voice: Voice, factor: float
) -> None:
    target = round(take(engine, voice).natural * factor)
    made = take(engine, voice, target=target)
    level = np.sqrt(np.mean(made.samples[: target // 480 * 480].reshape(-1, 480) ** 2, axis=1))
    loud = np.flatnonzero(level > level.max() * 0.01)
    assert loud[0] <= 1
    assert loud[-1] >= len(level) - 4


@pytest.mark.parametrize("factor", [0.6, 0.8, 1.3])
def test_length_comes_from_the_rate_and_only_the_rest_from_stretching(
    engine: Espeak, voice: Voice, factor: float
) -> None:
    made = take(engine, voice, target=round(take(engine, voice).natural * factor))
    assert abs(float(made.notes["stretch"]) - 1) < 0.05
    assert made.notes["rate_wpm"] != take(engine, voice).notes["rate_wpm"]


def digest(made: Take) -> str:
    return hashlib.sha256(made.samples.tobytes()).hexdigest()


def test_a_take_depends_on_its_own_request_alone(engine: Espeak) -> None:
    voices = [engine.voice(speaker(f0)) for f0 in (100.0, 200.0, 260.0)]
    requests = [
        SpeechRequest(text, language, one, None, target)
        for one in voices
        for text, language in (("Hola a todos.", "es"), ("Guten Tag zusammen.", "de"))
        for target in (None, 60_000)
    ]
    forth = [digest(result(made)) for made in engine.speak(requests)]
    back = [digest(result(made)) for made in engine.speak(requests[::-1])][::-1]
    alone = [digest(made) for request in requests for made in engine.speak([request])]
    assert forth == back == alone
    assert len(set(forth)) == len(requests)


def test_another_process_speaks_the_same(engine: Espeak) -> None:
    call = "from tts import espeaklib; import hashlib;" + (
        "print(hashlib.sha256(espeaklib.speak('Hola a todos.', 'roa/es+f5', wpm=170, pitch=55, pitch_range=60)[0]"
        ".tobytes()).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=True)
    here, _ = espeaklib.speak("Hola a todos.", "roa/es+f5", wpm=170, pitch=55, pitch_range=60)
    assert done.stdout.strip() == hashlib.sha256(here.tobytes()).hexdigest()


@pytest.mark.parametrize(
    ("tag", "identifier"),
    [
        ("es", "roa/es"),
        ("es-MX", "roa/es-419"),
        ("es-ES", "roa/es"),
        ("pt", "roa/pt"),
        ("pt-BR", "roa/pt-BR"),
        ("zh-Hans", "sit/cmn"),
        ("no", "gmq/nb"),
        ("EN-us", "gmw/en-US"),
        ("fr-CA", "roa/fr"),
        ("ja", "jpx/ja"),
        ("ltg", "bat/ltg"),
    ],
)
def test_a_tag_finds_its_language_or_a_wider_one(
    engine: Espeak, voice: Voice, tag: str, identifier: str
) -> None:
    assert engine.speaks(tag)
    made = spoken(engine, SpeechRequest("ka 2", tag, voice))
    assert str(made.notes["voice"]).partition("+")[0] == identifier


@pytest.mark.parametrize("tag", ["xx", "e", "qqq", "", "zz-ES"])
def test_a_language_it_does_not_have_is_refused_and_never_another_spoken(
    engine: Espeak, voice: Voice, tag: str
) -> None:
    assert not engine.speaks(tag)
    with pytest.raises(LanguageNotSpoken, match="does not speak"):
        spoken(engine, SpeechRequest("Hola.", tag, voice))


def test_every_listed_language_speaks(engine: Espeak) -> None:
    silent = []
    for identifier in sorted(set(engine.languages().values())):
        samples, _ = espeaklib.speak("mama 2", identifier, wpm=300, pitch=50, pitch_range=50)
        if not np.abs(samples).max(initial=0.0) > 0.01:
            silent.append(identifier)
    assert silent == []


@pytest.mark.parametrize("text", ["", " \n", "...", "¿?", "♪♪", "🎉"])
def test_nothing_to_say_is_told(engine: Espeak, voice: Voice, text: str) -> None:
    with pytest.raises(NothingToSay):
        take(engine, voice, text=text)


def test_one_bad_request_costs_the_others_nothing(engine: Espeak, voice: Voice) -> None:
    texts = ("Hola.", "...", "Adiós.")
    requests = [SpeechRequest(text, "es", voice) for text in texts]
    first, nothing, last = engine.speak(requests)
    assert isinstance(nothing, NothingToSay)
    assert [result(first).natural, result(last).natural] == [
        take(engine, voice, text=text).natural for text in ("Hola.", "Adiós.")
    ]
    measured = engine.measure([replace(request, target=9_000) for request in requests])
    assert measured[::2] == [result(first).natural, result(last).natural]
    assert isinstance(measured[1], NothingToSay)


@pytest.mark.parametrize("source", ["sad and slow", (0.0,) * 8])
def test_a_manner_in_words_or_numbers_is_not_offered(engine: Espeak, source: str | tuple[float, ...]) -> None:
    with pytest.raises(NotOffered, match="recording"):
        engine.emotion(source)


def test_markup_phonemes_and_null_bytes_are_text(engine: Espeak, voice: Voice) -> None:
    plain = take(engine, voice, text="uno dos").natural
    assert take(engine, voice, text="uno\0dos").natural == plain
    assert take(engine, voice, text="uno [[h@l'oU]] dos").natural > plain
    assert take(engine, voice, text='uno <break time="9s"/> dos').natural < plain + 6 * OUTPUT_RATE


def test_control_characters_give_the_library_no_commands(engine: Espeak, voice: Voice) -> None:
    """U+0001 starts an embedded command: here, to speak at five times the rate."""
    plain = take(engine, voice, text="uno 450S dos tres cuatro").natural
    assert take(engine, voice, text="uno \x01450S dos tres cuatro").natural == plain


@pytest.mark.parametrize(
    "text",
    [
        "a." * 1_000,
        "a.a. " * 400,
        "x" * 5_000,
        "ñ\u200d" * 2_000,
        "1," * 2_000,
        "\ud800" * 50 + "hola",
        "漢" * 500,
    ],
    ids=["initials", "more initials", "one word", "joiners", "numbers", "surrogates", "han"],
)
def test_hostile_text_does_not_bring_the_process_down(text: str) -> None:
    """In a process of its own: without the guards the library overruns its stack."""
    call = (
        "import sys; from tts import espeaklib;"
        "print(len(espeaklib.speak(ast.literal_eval(sys.argv[1]), 'roa/es', wpm=450, pitch=15, pitch_range=90)[0]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", "import ast;" + call, ascii(text)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


def test_settings_that_the_library_does_not_survive_are_refused() -> None:
    for pitch, pitch_range in ((0, 50), (100, 50), (50, 99), (50, -1)):
        with pytest.raises(ValueError, match="survives"):
            espeaklib.speak("Hola.", "roa/es", wpm=175, pitch=pitch, pitch_range=pitch_range)


def test_somebody_else_holding_the_library_changes_nothing() -> None:
    call = (
        "import ctypes, hashlib, espeakng_loader as at; from tts import espeaklib\n"
        "say = lambda: hashlib.sha256(espeaklib.speak('Hola.', 'roa/es+f2', wpm=170, pitch=55, pitch_range=60)[0])\n"
        "before = say().digest()\n"
        "other = ctypes.CDLL(at.get_library_path())\n"
        "other.espeak_Initialize(2, 0, at.get_data_path().encode(), 0x8000)\n"
        "assert {say().digest() for _ in range(3)} == {before}\n"
        "assert other.espeak_SetVoiceByName(b'de') == 0\n"
    )
    done = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_pictures_in_a_text_are_not_spoken(engine: Espeak, voice: Voice) -> None:
    plain = take(engine, voice, text="Hola a todos.")
    assert np.array_equal(take(engine, voice, text="Hola a todos. \N{PARTY POPPER}♪").samples, plain.samples)
    assert take(engine, voice, text="Hace 20 °C.").natural > take(engine, voice, text="Hace 20 C.").natural


def test_chinese_characters_that_japanese_cannot_read_are_hummed_and_counted(
    engine: Espeak, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(japanese, "find_spec", lambda _: None)
    kana, kanji = (spoken(engine, SpeechRequest(text, "ja", voice)) for text in ("にほんごだ", "日本語だ"))
    assert "unread" not in kana.notes
    assert kanji.notes["unread"] == 3
    # named one by one they would take four times as long
    assert 0.7 < kanji.natural / kana.natural < 1.6


def test_japanese_is_spoken_the_same_however_it_is_written(engine: Espeak, voice: Voice) -> None:
    written = [
        spoken(engine, SpeechRequest(text, "ja", voice)).samples
        for text in ("ジョン・スミスと １００パーセント", "ｼﾞｮﾝ スミスと 100%", "ジョン・Smithと 100％")
    ]
    assert all(np.array_equal(written[0], other) for other in written[1:])


def test_what_reads_japanese_is_part_of_the_digest(engine: Espeak, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = set()
    for reader in ("", "fugashi-1", "fugashi-2"):
        monkeypatch.setattr(japanese, "identity", lambda reader=reader: reader)
        digests.add(Espeak().digest)
    assert len(digests) == 3


def test_a_slot_far_too_long_ends_in_silence_and_one_far_too_short_says_so(
    engine: Espeak, voice: Voice
) -> None:
    natural = take(engine, voice).natural
    long, short = take(engine, voice, target=natural * 6), take(engine, voice, target=natural // 5)
    silence = int(long.notes["silence_ms"])
    assert silence > 1_000
    assert not long.samples[-(silence - 1) * 48 :].any()
    assert float(short.notes["hurried"]) == pytest.approx(5, abs=0.05)
    assert "hurried" not in long.notes


def test_speakers_of_one_pitch_and_another_colour_get_other_voices(engine: Espeak) -> None:
    sound = speaker(120.0)
    dull = np.convolve(sound.samples, np.hanning(40) / 20, mode="same").astype(np.float32)
    assert engine.voice(sound).data.variant != engine.voice(Reference(dull, sound.rate)).data.variant


def test_a_voice_of_another_engine_is_a_mistake(engine: Espeak) -> None:
    with pytest.raises(ValueError, match="engine"):
        take(engine, Voice("other", "0", None))


def test_the_digest_names_code_library_and_data(engine: Espeak) -> None:
    assert engine.digest.startswith(f"{NAME}-{REVISION}-1.")
    assert engine.digest == Espeak().digest


def test_a_wrong_voice_and_an_endless_text_are_refused_by_the_library(engine: Espeak, voice: Voice) -> None:
    with pytest.raises(SpeakingFailed, match="no voice"):
        espeaklib.speak("Hola.", "nobody/at-all", wpm=175, pitch=50, pitch_range=50)
    with pytest.raises(SpeakingFailed, match="no line"):
        take(engine, voice, text="palabra " * 10_000)


def test_a_bad_reference_is_refused_and_an_unvoiced_line_keeps_the_speakers_pitch(
    engine: Espeak, voice: Voice
) -> None:
    with pytest.raises(BadReference):
        engine.voice(Reference(np.zeros(16_000, np.float32), 16_000))
    with pytest.raises(ValueError, match="strength"):
        engine.emotion(speaker(), strength=1.5)
    whisper = (0.05 * np.random.default_rng(0).standard_normal(16_000)).astype(np.float32)
    emotion = engine.emotion(Reference(whisper, 16_000))
    assert heard(take(engine, voice, emotion)) == pytest.approx(120, rel=0.06)


def test_a_machine_without_the_library_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    espeaklib.voices.cache_clear()
    with pytest.raises(EngineMissing, match="espeakng-loader"):
        Espeak()


def test_an_interruption_is_never_swallowed_nor_a_part_of_the_sound(engine: Espeak) -> None:
    text = "palabra " * 60
    call = {"wpm": 200, "pitch": 50, "pitch_range": 50}
    whole, _ = espeaklib.speak(text, "roa/es", **call)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    heard = 0
    try:
        for attempt in range(30):
            signal.setitimer(signal.ITIMER_REAL, 0.002 + 0.001 * attempt)
            try:
                made, _ = espeaklib.speak(text, "roa/es", **call)
                assert np.array_equal(made, whole)
                signal.pause()  # it was quicker than the alarm
            except KeyboardInterrupt:
                heard += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert heard == 30
    assert np.array_equal(espeaklib.speak(text, "roa/es", **call)[0], whole)
