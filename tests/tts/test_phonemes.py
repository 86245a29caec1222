"""Sounds are counted as they are said: nuclei, morae and phonemes, of any text, in any company, quickly."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest

from align import rate
from tts import espeaklib, phonemes
from tts.errors import SpeakingFailed

HOSTILE = [
    *("", " ", "\n", "\x00", "\x01\x02b", "\ud800", "…", "[[h@l'oU]]", "<speak>hi</speak>", "😀♪", "a\u0301" * 300),
    *("a.b.c." * 300, "x" * 5_000, "9" * 5_000, "é" * 3_000, "." * 30_000, "! " * 5_000, "(" * 3_000, "𝔘𝔫"),
    *("Меня зовут Anna 你好 שלום", "\u202eabc\u202c", "a\u200bb", "ﷺ" * 500, "word " * 300_000, "ก" * 3_000),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "language", "count"),
    [
        ("table", "en", 2),
        ("rhythm", "en", 2),
        ("I", "en", 1),
        ("strengths", "en", 1),
        ("how now", "en", 2),
        ("99 %", "en", 5),
        ("aire", "es", 2),
        ("tiene", "es", 2),
        ("león", "es", 2),
        ("1999", "es", 11),
        ("petite table", "fr", 3),
        ("prst", "cs", 1),
        ("Straße", "de", 2),
        ("必须离开", "zh", 4),
        ("我们三点走", "zh-Hant", 5),
        ("唔", "yue", 1),
        ("xin chào các bạn", "vi", 4),
        ("어디에", "ko", 3),
        ("रात", "hi", 1),
    ],
)
def test_a_syllable_is_a_vocalic_nucleus(text: str, language: str, count: int) -> None:
    assert phonemes.sounds([text], language)[0].syllables == count


@pytest.mark.parametrize(
    "word",
    [
        *("がっこう", "きょう", "しんぶん", "おばあさん", "まって", "おんな", "りんご", "きんえん", "ほんや"),
        *("コンピューター", "パーティー", "インターネット", "いっしょに いきましょう", "はんのう", "てんき"),
    ],
)
def test_morae_are_those_that_kana_write(word: str) -> None:
    assert phonemes.sounds([word], "ja")[0].morae == rate.syllables(word, "ja")


def test_sounds_are_phonemes_and_a_diphthong_is_one() -> None:
    assert [phonemes.sounds([word], "en")[0].sounds for word in ("I", "eye", "no", "strengths")] == [
        1,
        1,
        2,
        7,
    ]


def test_the_same_text_sounds_the_same_in_any_company() -> None:
    texts = [
        *HOSTILE[:12],
        "The the the.",
        "U.S. 2.5",
        "Bonjour, Anna!",
        "He said “no.” She left…",
        "Меня зовут",
    ]
    alone = {text: phonemes.sounds([text], "en")[0] for text in texts}
    shuffled = random.Random(7).sample(texts * 3, 3 * len(texts))
    assert phonemes.sounds(shuffled, "en") == [alone[text] for text in shuffled]


def test_reading_leaves_the_voice_as_it_was() -> None:
    def said() -> bytes:
        return espeaklib.speak("Good evening.", "gmw/en-US", wpm=175, pitch=50, pitch_range=50)[0].tobytes()

    before = said()
    phonemes.sounds(["Bonsoir, mes amis."], "fr")
    assert said() == before


def test_hostile_text_is_survived_quickly_in_many_languages() -> None:
    # in a process of its own: what the library does wrong ends a process
    program = (
        "import ast, sys\nfrom tts import phonemes\n"
        "texts = ast.literal_eval(sys.stdin.read())\n"
        "for tag in ('en', 'zh', 'ja', 'ru', 'ar', 'th'):\n"
        "    found = phonemes.sounds(texts, tag)\n"
        "    assert all(min(one.syllables, one.morae) > 0 for one in found if one.sounds)\n"
        "    print(tag, len(found))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=ascii(HOSTILE),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout.count(f" {len(HOSTILE)}\n")) == (0, 6), done.stderr


@pytest.mark.parametrize("text", ["", " ", "…", "?!", "\x00"])
def test_nothing_to_say_has_no_sounds(text: str) -> None:
    assert phonemes.sounds([text], "en") == [phonemes.Sounds(0, 0, 0)]


def test_two_thousand_lines_take_about_a_second() -> None:
    lines = [f"We have to leave before the sun comes up, or they will find us. {n}" for n in range(2000)]
    started = time.process_time()
    found = phonemes.sounds(lines, "en")
    assert len(found) == 2000
    assert time.process_time() - started < 3.0


def test_languages_are_looked_up_as_voices_are() -> None:
    assert phonemes.reads("es-MX") and phonemes.reads("zh-Hant") and phonemes.reads("pt-BR")
    assert not phonemes.reads("xx")
    with pytest.raises(ValueError, match="xx"):
        phonemes.sounds(["a"], "xx")
    with pytest.raises(SpeakingFailed, match="no voice"):
        espeaklib.phonemes(["a"], "no/such")
