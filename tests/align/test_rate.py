"""A text's length is guessed well enough to budget with: by syllables in every script, before anything was spoken."""

from __future__ import annotations

import time

import numpy as np
import pytest

from align.rate import RATES, SOUNDS, spoken_ms, syllables, units_for, weighed
from tts import espeaklib

SAID = {
    ("en", "gmw/en-US"): [
        "No.",
        "Where have you been all this time?",
        "The table is made of wood. Nobody knows who brought it here.",
        "We have to leave before the sun comes up, or they will find us.",
    ],
    ("es", "roa/es"): [
        "¿Dónde has estado todo este tiempo?",
        "La mesa es de madera. Nadie sabe quién la trajo.",
        "Tenemos que irnos antes de que salga el sol, o nos encontrarán.",
    ],
    ("de", "gmw/de"): [
        "Wo bist du die ganze Zeit gewesen?",
        "Wir müssen gehen, bevor die Sonne aufgeht, sonst finden sie uns.",
    ],
    ("fr", "roa/fr"): [
        "Où étais-tu pendant tout ce temps ?",
        "Nous devons partir avant le lever du soleil, sinon ils nous trouveront.",
    ],
    ("it", "roa/it"): ["Te l'avevo detto che sarei tornato, ed eccomi qui."],
    ("pt-BR", "roa/pt-BR"): ["Precisamos sair antes que o sol nasça, ou eles vão nos encontrar."],
    ("ru", "zle/ru"): ["Мы должны уйти до рассвета, иначе они нас найдут."],
    ("el", "grk/el"): ["Πρέπει να φύγουμε πριν βγει ο ήλιος, αλλιώς θα μας βρουν."],
    ("tr", "trk/tr"): ["Güneş doğmadan gitmeliyiz, yoksa bizi bulurlar."],
    ("hu", "urj/hu"): ["El kell mennünk napkelte előtt, különben megtalálnak."],
    ("ko", "ko"): ["그동안 어디에 있었어요?", "해가 뜨기 전에 떠나야 해요."],
    ("ja", "jpx/ja"): ["ひがのぼるまえに いかなければ みつかってしまう。"],
    ("zh", "sit/cmn"): ["我们必须在太阳出来之前离开，不然他们会找到我们。"],
    ("hi", "inc/hi"): ["हमें सूरज निकलने से पहले जाना होगा।"],
    ("ar", "sem/ar"): ["يجب أن نغادر قبل شروق الشمس وإلا سيجدوننا."],
    ("he", "sem/he"): ["אנחנו חייבים ללכת לפני הזריחה."],
    ("th", "tai/th"): ["เราต้องไปก่อนที่พระอาทิตย์จะขึ้น"],
}


def natural_ms(line: str, voice: str) -> float:
    sound, rate = espeaklib.speak(line, voice, wpm=175, pitch=50, pitch_range=50)
    heard = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
    return 1000 * float(heard[-1] - heard[0]) / rate


def test_guesses_go_with_what_a_voice_needs_in_seventeen_languages() -> None:
    pairs = [
        (spoken_ms(line, tag), natural_ms(line, voice))
        for (tag, voice), lines in SAID.items()
        for line in lines
    ]
    guessed, measured = np.log(np.array(pairs, float)).T
    assert np.corrcoef(guessed, measured)[0, 1] > 0.9
    assert abs(float(np.median(guessed - measured))) < np.log(1.15)
    assert np.percentile(np.abs(guessed - measured), 90) < np.log(1.35)


@pytest.mark.parametrize(
    ("text", "language", "count"),
    [
        ("make the table", "en", 4),
        ("naïve media", "en", 5),
        ("wanted, passed, boxes", "en", 5),
        ("teatro, día, quién, guerra", "es", 8),
        ("une petite table", "fr", 4),
        ("Straße, schöne Bäume", "de", 6),
        ("пришёл мой", "ru", 3),
        ("και οι δύο", "el", 4),
        ("미안해요", "ko", 4),
        ("きょう、がっこう", "ja", 6),
        ("今日", "ja", 4),
        ("今日", "zh", 2),
        ("कमल", "hi", 2),
        ("नमस्ते", "hi", 3),
        ("ภาษา", "th", 2),
        ("BBC", "en", 3),
        ("xin chào các bạn", "vi", 4),
        ("prst", "cs", 1),
    ],
)
def test_syllables_are_counted_as_they_are_said(text: str, language: str, count: int) -> None:
    assert syllables(text, language) == count


@pytest.mark.parametrize("language", ["en", "fr", "es", "de", "ru", "cs", "fi"])
def test_a_word_more_never_takes_less(language: str) -> None:
    text = "The 42 cables, naïve! étoile мама made wanted quiet. ¿Qué? ou… 5% BBC o' 3.5 y rhythm"
    words = text.split()
    lengths = [spoken_ms(" ".join(words[:n]), language) for n in range(len(words) + 1)]
    assert lengths == sorted(lengths)
    assert lengths[0] == 0


def test_pauses_count_inside_a_line_only() -> None:
    assert spoken_ms("Yes. No", "en") > spoken_ms("Yes, no", "en") > spoken_ms("Yes no", "en")
    assert spoken_ms("Yes no...", "en") == spoken_ms("Yes no", "en")
    assert spoken_ms("It costs 2.5", "en") == spoken_ms("It costs 25", "en")
    assert spoken_ms("the U.S. team", "en") < spoken_ms("the U. S. team", "en")
    assert spoken_ms("好。好", "zh") > spoken_ms("好，好", "zh") > spoken_ms("好好", "zh")
    assert spoken_ms("He said “no.” She left", "en") > spoken_ms("He said “no” She left", "en")


@pytest.mark.parametrize(
    "text", [".", "…?", ",", " -", "a" * 50, "-a", "é", "5.", "\u0301", "ा", '."', "เ", "ク"]
)
def test_hostile_lines_are_quick_too(text: str) -> None:
    started = time.perf_counter()
    for language in ("en", "th"):
        spoken_ms(text * (40_000 // len(text)), language)
        spoken_ms(text * (40_000 // len(text)) + " 7", language)
    assert time.perf_counter() - started < 3.0


@pytest.mark.parametrize("text", ["", "  ", "…", "♪ ♫", "?!", "—"])
def test_nothing_to_say_takes_no_time(text: str) -> None:
    assert spoken_ms(text, "en") == 0


def test_numbers_and_signs_take_time() -> None:
    assert spoken_ms("1999", "es") > spoken_ms("19", "es") > 0
    assert spoken_ms("50 %", "en") > spoken_ms("50", "en")


@pytest.mark.parametrize("language", [*RATES, "pt-BR", "zh-Hant", "xx", "ru"])
def test_a_budget_in_units_is_the_length_turned_round(language: str) -> None:
    count, unit = units_for(3000, language)
    assert unit == {"ja": "morae", "zh": "characters", "yue": "characters"}.get(
        language.split("-", maxsplit=1)[0], "syllables"
    )
    syllable = {"ja": "か", "zh": "好", "yue": "好", "ko": "가", "ru": "да ", "th": "นา "}.get(
        language.split("-", maxsplit=1)[0], "la "
    )
    assert spoken_ms(syllable * count, language) <= 3000 < spoken_ms(syllable * (count + 1), language)
    assert units_for(0, language)[0] == 1


def test_script_and_language_need_not_agree() -> None:
    for text in ("Меня зовут Anna", "Anna 说你好", "नमस्ते John, こんにちは", "กขฃ", "ਸਤ", "ሰላም", "ᐃᓄᒃ", "𝔘𝔫"):
        for language in ("en", "ja", "zh-Hant", "hi", "xx"):
            assert spoken_ms(text, language) > 0


def test_a_better_count_takes_the_place_of_the_letters() -> None:
    assert spoken_ms("Yes, no", "en", lambda _: 2.0) == spoken_ms("Yes, no", "en")
    assert spoken_ms("Yes, no", "en", lambda _: 5.0) > spoken_ms("Yes, no", "en")
    assert spoken_ms("Yes, no", "en", lambda _: 0.0) == 0


@pytest.mark.parametrize("language", ["en", "pt-BR", "zh-Hant", "xx"])
def test_a_syllable_of_more_sounds_weighs_more_and_a_usual_one_just_one(language: str) -> None:
    usual = SOUNDS.get(language.split("-", maxsplit=1)[0], 2.37)
    assert weighed(10, 10 * usual, language) == pytest.approx(10)
    assert weighed(10, 35, language) > weighed(10, 30, language) > weighed(9, 30, language)
    assert weighed(0, 0, language) == 0


def test_two_thousand_lines_are_quick() -> None:
    lines = [f"{line} {n}" for n in range(70) for group in SAID.values() for line in group]
    started = time.perf_counter()
    for line in lines[:2000]:
        spoken_ms(line, "en")
    assert time.perf_counter() - started < 1.0
