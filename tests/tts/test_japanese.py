"""Japanese reaches a voice that reads kana only as kana: numbers, signs and Latin letters always, Chinese characters
where a dictionary is there, and hummed, counted and told of where it is not."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from tts import espeak, japanese, phonemes
from tts.katakana import katakana

WORDS = {
    "私": ("代名詞", "ワタクシ"), "は": ("助詞", "ワ"), "東京": ("名詞", "トーキョー"), "駅": ("名詞", "エキ"),
    "の": ("助詞", "ノ"), "近く": ("名詞", "チカク"), "に": ("助詞", "ニ"), "いる": ("動詞", "イル"),
    "八": ("名詞", "ハチ"), "時": ("名詞", "ジ"), "三十": ("名詞", "サンジュー"), "分": ("名詞", "フン"),
    "。": ("補助記号", ""), "龘": ("名詞", None), "Smith": ("名詞", None),
}  # fmt: skip
"""What UniDic says of some words: part of speech, pronunciation."""


@pytest.fixture
def dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dictionary of WORDS, in place of one that need not be on this machine."""

    def tagger(text: str) -> list[SimpleNamespace]:
        words = []
        while text:
            found = next(
                (word for word in sorted(WORDS, key=len, reverse=True) if text.startswith(word)), text[0]
            )
            pos1, pron = WORDS.get(found, ("補助記号", None))
            words.append(
                SimpleNamespace(surface=found, white_space="", feature=SimpleNamespace(pos1=pos1, pron=pron))
            )
            text = text[len(found) :]
        return words

    monkeypatch.setattr(japanese, "knows_characters", lambda: True)
    monkeypatch.setattr(japanese, "_tagger", lambda: tagger)


@pytest.fixture
def no_dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(japanese, "find_spec", lambda _: None)


@pytest.mark.usefixtures("dictionary")
def test_words_are_read_by_their_sound_and_lean_on_the_one_before() -> None:
    reading = japanese.kana("私は東京駅の近くにいる。")
    assert reading == japanese.Reading("ワタシワ トーキョー エキノ チカクニ イル。", 0)
    assert japanese.kana("８：３０").kana == "ハチ ジ サンジュー フン"


@pytest.mark.usefixtures("dictionary")
def test_a_character_that_is_in_no_dictionary_is_hummed_and_counted() -> None:
    assert japanese.kana("龘の駅") == japanese.Reading("んんノ エキ", 1)


@pytest.mark.usefixtures("no_dictionary")
def test_without_a_dictionary_characters_are_hummed_two_morae_each_and_all_else_is_read() -> None:
    assert japanese.kana("東京駅").kana == japanese.HUM * 3
    assert japanese.kana("東京駅").unread == 3
    assert japanese.kana("パーティーは楽しい") == japanese.Reading("パーティーは んんしい", 1)


@pytest.mark.usefixtures("no_dictionary")
@pytest.mark.parametrize(
    ("text", "kana"),
    [
        ("10,050", "いちまんごじゅう"),
        ("1987", "せんきゅうひゃくはちじゅうなな"),
        ("３．５", "さんてんご"),
        ("0", "ゼロ"),
        ("007", "ゼロゼロなな"),
        ("100%", "ひゃくパーセント"),
        ("え〜、だめ～", "えー、だめー"),
        ("ジョン・スミス", "ジョン スミス"),
        ("ﾊﾞﾙｾﾛﾅ", "バルセロナ"),
        ("BBCとOK", "ビービーシーと オーケー"),
        ("んー", "んん"),
    ],
)
def test_numbers_signs_and_latin_letters_become_kana(text: str, kana: str) -> None:
    assert japanese.kana(text) == japanese.Reading(kana, 0)


@pytest.mark.usefixtures("no_dictionary")
@pytest.mark.parametrize(
    "text",
    [
        "東京は8時30分。",
        "ジョルディ・マスです。",
        "BBCとOKを押した〜",
        "一ヶ月、３０",
        "んー、ＯＫ",
        "Smithさん、100%だ",
    ],
)
def test_espeak_names_no_sign_of_what_it_gets(text: str) -> None:
    """It changes to English to name a sign, as in "Chinese letter"; nothing else of kana is as long."""
    reading = japanese.kana(text).kana
    (named,) = phonemes.sounds([text], "ja")
    (said,) = phonemes.sounds([reading], "ja")
    kana = sum(char.isalpha() for char in reading)
    assert 0 < said.morae <= kana
    assert said.morae != named.morae  # as it was written it was said otherwise


@pytest.mark.parametrize(
    ("word", "kana"),
    [
        ("Smith", "スミス"), ("London", "ロンドン"), ("John", "ジョン"), ("Barcelona", "バルセロナ"),
        ("García", "ガルシア"), ("NHK", "エヌエイチケー"), ("Mary", "マリ"), ("Straße", "ストラス"),
        ("quick", "クイク"), ("I", "アイ"),
    ],
)  # fmt: skip
def test_latin_words_become_katakana_as_they_are_spelt(word: str, kana: str) -> None:
    assert katakana(word) == kana


@pytest.mark.parametrize(
    "text", ["ー" * 50_000, "え〜" * 25_000, "9:" * 25_000, "漢" * 50_000, "'A" * 25_000, "\ud800あ"]
)
def test_hostile_texts_are_read_quickly_too(text: str) -> None:
    started = time.perf_counter()
    assert japanese.kana(text).kana
    assert time.perf_counter() - started < 3.0


def test_what_the_voice_lacks_is_said_for_japanese_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(japanese, "find_spec", lambda _: None)
    (note,) = espeak.lacking("ja-JP")
    assert "fugashi" in note
    assert "kana" in note
    assert espeak.lacking("zh") == espeak.lacking("es-MX") == ()
    assert japanese.identity() == ""
    monkeypatch.setattr(japanese, "find_spec", lambda name: name)
    assert espeak.lacking("ja") == ()


def test_a_dictionary_that_is_here_reads_usual_words() -> None:
    pytest.importorskip("fugashi", reason="the dictionary is an extra: pip install 'dubber[japanese]'")
    pytest.importorskip("unidic_lite", reason="the dictionary is an extra: pip install 'dubber[japanese]'")
    reading = japanese.kana("今は8時30分で、私は東京駅の近くに住んでいます。2日、BBCへ行く。")
    assert reading.unread == 0
    assert reading.kana.replace(" ", "") == (
        "イマワハチジサンジューフンデ、ワタシワトーキョーエキノチカクニスンデイマス。フツカ、ビービーシーエイク。"
    )
