"""Lengths before anything was spoken: nearer to a voice's by phonemes than by letters, and what was counted is told."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import pytest

from align import rate
from dubber.stages import pronounce
from tts import espeaklib, japanese, phonemes, tags
from tts.errors import EngineMissing

LINES = {
    "en": ["No, thanks.", "Strange things happened.", "I saw a man in a boat.", "She scratched the matches.",
           "We have to leave before the sun comes up.", "In 1999 it cost 25 dollars.", "Are you there, Anna?",
           "Sixth streets are rarely straight."],
    "es": ["No sé.", "Mi casa es tu casa.", "Los transportes instantáneos.", "Tenemos que irnos ya.",
           "Hoy no hay agua en el río.", "Construyeron tres puentes grandes.", "Costaba 25 en 1999."],
    "de": ["Ja, gut.", "Du hast recht.", "Der Herbststurm schlug zu.", "Ich gehe jetzt nach Hause.",
           "Seine Oma kam nie an.", "Fünfzig Schüler sprachen schnell."],
    "fr": ["Mais oui.", "Elle est partie hier.", "Trois arbres splendides.", "Il a eu une idée.",
           "Nous devons partir avant le lever du soleil.", "Quatre prêtres cherchent le livre."],
    "it": ["Va bene.", "Io ho un'idea.", "Le strade strette.", "Te l'avevo detto che sarei tornato.",
           "Questi specchi splendono spesso."],
    "pt-BR": ["Não sei.", "Eu e ela íamos à praia.", "Três pratos grandes.", "Precisamos sair antes do sol."],
    "ru": ["Да нет.", "Она его видела.", "Вдруг взгляд встретился.", "Мы должны уйти до рассвета."],
    "el": ["Όχι.", "Έλα εδώ, Ελένη.", "Πρέπει να φύγουμε.", "Στράφηκε προς τη στρατιά."],
    "tr": ["Evet.", "O da ne ki?", "Türklerin kartları.", "Güneş doğmadan gitmeliyiz."],
    "hu": ["Nem.", "Ő is itt él.", "Szörnyű sztrájk volt.", "El kell mennünk napkelte előtt."],
    "pl": ["Tak.", "A ona i on?", "Chrząszcz brzmi w trzcinie.", "Musimy wyjść przed świtem."],
    "cs": ["Ne.", "To je ono, Evo.", "Čtvrtek byl smutný.", "Musíme odejít před svítáním."],
    "nl": ["Nee.", "Ja, ik ook.", "De herfststorm sprak.", "We moeten weg voor de zon opkomt."],
    "sv": ["Nej.", "Hon och jag.", "Västkustens skönhet.", "Vi måste gå innan solen går upp."],
    "fi": ["Ei.", "Hän oli siellä.", "Kaksi korttia puuttuu.", "Meidän on lähdettävä ennen aamua."],
    "da": ["Nej.", "Jeg er her.", "Hun købte friske blomster.", "Vi må gå før solen står op."],
    "ro": ["Nu.", "Eu o iau.", "Trei strigăte stranii.", "Trebuie să plecăm înainte de răsărit."],
    "uk": ["Ні.", "Я її бачу.", "Страшний простір.", "Ми мусимо піти до світанку."],
    "id": ["Tidak.", "Ia ada di sana.", "Tempat penting.", "Kita harus pergi sebelum matahari terbit."],
    "ko": ["아니요.", "어디에 있었어요?", "학생들은 책을 읽었습니다.", "해가 뜨기 전에 떠나야 해요."],
    "zh": ["不。", "我爱你。", "中央广场上的窗户。", "我们必须在太阳出来之前离开。", "他1999年来。"],
    "hi": ["नहीं।", "आओ, आई।", "प्रश्न का उत्तर।", "हमें सूरज निकलने से पहले जाना होगा।"],
}  # fmt: skip


def natural(line: str, voice: str) -> float:
    """ms from the first sound to the last, as eSpeak NG says it."""
    sound, rate_hz = espeaklib.speak(line, voice, wpm=175, pitch=50, pitch_range=50)
    heard = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
    return 1000 * float(heard[-1] - heard[0]) / rate_hz


def test_phonemes_come_nearer_to_a_voice_than_letters_in_twenty_languages() -> None:
    voices = tags.table((voice.identifier, voice.languages) for voice in espeaklib.voices())
    residuals: dict[str, list[float]] = {"phonemes": [], "letters": []}
    for language, lines in LINES.items():
        expect = pronounce.prior(language)
        assert expect.source == "phonemes"
        spoken = np.log([natural(line, str(tags.lookup(language, voices))) for line in lines])
        for name, guessed in (
            ("phonemes", [expect(line) for line in lines]),
            ("letters", [rate.spoken_ms(line, language) for line in lines]),
        ):
            apart = spoken - np.log(guessed)
            residuals[name].extend(apart - np.median(apart))  # its pace is the voice's own
            if name == "phonemes":
                assert abs(float(np.median(apart))) < np.log(1.45), language
    spread = {name: float(np.std(values)) for name, values in residuals.items()}
    assert len(LINES) >= 20
    assert spread["phonemes"] < 0.8 * spread["letters"]
    assert spread["phonemes"] < 0.16  # short lines on purpose: of usual lines it is 0.09


def test_languages_that_letters_serve_better_say_so() -> None:
    for language, reason in (("ja", "Chinese"), ("ar-EG", "vowels"), ("he", "vowels"), ("th", "vowels")):
        expect = pronounce.prior(language)
        assert expect.source == "letters"
        assert reason in expect.because
        assert expect("きょう") == rate.spoken_ms("きょう", language)


@pytest.mark.parametrize(("there", "morae"), [(True, 3), (False, 5)])
def test_japanese_is_counted_by_its_reading_where_a_dictionary_has_one(
    monkeypatch: pytest.MonkeyPatch, there: bool, morae: int
) -> None:
    """今日は is two Chinese characters of two morae on average, and キョーワ."""
    word = SimpleNamespace(
        surface="今日は", white_space="", feature=SimpleNamespace(pos1="名詞", pron="キョーワ")
    )
    monkeypatch.setattr(japanese, "find_spec", lambda name: name if there else None)
    monkeypatch.setattr(japanese, "_tagger", lambda: lambda _: [word])
    expect = pronounce.prior("ja-JP")
    assert expect("今日は") == rate.spoken_ms("か" * morae, "ja")
    assert ("UniDic" in expect.because) == there


@pytest.mark.parametrize(
    ("language", "counted"),
    [
        (
            "ja",
            {"おはようございます。": 9, "ファンのジョルディ・マスです。": 10, "3.5キロで1,200ドル、OK？": 19},
        ),
        ("es", {"Soy de Barcelona.": 6, "Nací en 1987.": 14, "Cuesta 3,50 euros.": 10, "Son las 8:30.": 6}),
        ("zh", {"我来自巴塞罗那。": 7, "现在是8点30分。": 8, "要3.50欧元。": 7, "只要2天，OK？": 5}),
        ("en", {"I am from Barcelona.": 7, "It costs 3.50 euros.": 9, "I live at 25 River Street.": 9}),
        ("ar", {"كيف حالك اليوم؟": 6, "أنا من برشلونة.": 7, "ولدت عام ١٩٨٧.": 17, "أعمل في BBC.": 7}),
    ],
)
def test_lines_counted_by_hand_are_counted_so(language: str, counted: dict[str, int]) -> None:
    """Syllables, characters or morae; phonemes weigh them, and Arabic does not write all of its vowels."""
    expect = pronounce.prior(language)
    for text, count in counted.items():
        exact = language == "ja"
        assert expect(text) == pytest.approx(
            rate.spoken_ms(text, language, lambda _, n=count: n), rel=0 if exact else 0.2
        )


def test_a_language_that_nobody_reads_is_counted_from_letters_and_says_so() -> None:
    expect = pronounce.prior("fil")
    assert (expect.source, expect("Kumusta ka?")) == ("letters", rate.spoken_ms("Kumusta ka?", "fil"))
    assert "fil" in expect.because


def test_without_the_library_letters_are_counted_and_the_reason_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> bool:
        raise EngineMissing("It is not installed.")

    monkeypatch.setattr(phonemes, "reads", missing)
    expect = pronounce.prior("es")
    assert (expect.source, expect("Hola.")) == ("letters", rate.spoken_ms("Hola.", "es"))
    assert "not installed" in expect.because


def test_phonemes_need_no_reason() -> None:
    assert pronounce.prior("es").because == ""


@pytest.mark.parametrize(
    ("mixed", "plain"),
    [
        ("He said Меня зовут to me", "He said to me"),
        ("He said 你好 to me", "He said to me"),
        ("He said こんにちは to me", "He said to me"),
    ],
)
def test_words_in_a_foreign_script_are_words_and_not_names_of_letters(mixed: str, plain: str) -> None:
    expect = pronounce.prior("en")
    assert 200 < expect(mixed) - expect(plain) < 1_200


@pytest.mark.parametrize(
    "text", ["♪ Come in ♪", "* Come in *", "Come in 😀", "Come ~ in", "Come · in", "Come / in"]
)
def test_signs_that_nobody_says_take_no_time(text: str) -> None:
    expect = pronounce.prior("en")
    assert expect(text) == expect("Come in")


@pytest.mark.parametrize("noise", ["Hmm", "Shh", "Psst", "Mmm", "Brr", "Hm"])
def test_a_noise_is_one_syllable_and_not_spelled(noise: str) -> None:
    expect = pronounce.prior("en")
    assert expect(noise) == rate.spoken_ms("la", "en")
    assert expect("Thumb") != expect("Mmm")


@pytest.mark.parametrize("text", ["", "  ", "…", "♪ ♫", "?!", "—", "\x00\x01", "\ud800"])
def test_nothing_to_say_takes_no_time(text: str) -> None:
    assert pronounce.prior("en")(text) == 0.0


def test_pauses_numbers_and_signs_take_time() -> None:
    expect = pronounce.prior("en")
    assert expect("Yes. No") > expect("Yes, no") > expect("Yes no")
    assert expect("999") > expect("99") > expect("9") > 0
    assert expect("5 %") > expect("5")


def test_each_text_is_read_once_and_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    read = phonemes.sounds

    def watched(texts: list[str], language: str) -> list[phonemes.Sounds]:
        asked.append(list(texts))
        return read(texts, language)

    monkeypatch.setattr(phonemes, "sounds", watched)
    expect = pronounce.prior("es")
    expect.prepare(["Hola.", "Adiós.", "Hola."])
    first = [expect("Hola."), expect("Adiós."), expect("Hola.")]
    expect.prepare(["Hola.", "Buenas."])
    assert asked == [["Hola.", "Adiós."], ["Buenas."]]
    assert first == [pronounce.prior("es")(text) for text in ("Hola.", "Adiós.", "Hola.")]


def test_two_thousand_lines_take_about_a_second() -> None:
    lines = [f"Tenemos que irnos antes de que salga el sol, {n}, o nos encontrarán." for n in range(2000)]
    started = time.process_time()
    expect = pronounce.prior("es")
    expect.prepare(lines)
    assert min(map(expect, lines)) > 2_000
    assert time.process_time() - started < 3.0


def test_a_megabyte_is_cut_and_quick() -> None:
    started = time.process_time()
    assert pronounce.prior("en")("word " * 200_000) > 0
    assert time.process_time() - started < 3.0
