"""Japanese writing to kana, for a voice that reads nothing else: Chinese characters by MeCab with UniDic, where those
are installed, and numbers and signs by themselves. Speaks nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from threading import Lock
from typing import Any

from tts.katakana import katakana

PACKAGES = ("fugashi", "unidic_lite")
"""What must be importable for Chinese characters to be read."""

HUM = "んん"
"""What stands for a Chinese character that cannot be read: two morae, as many as one has on average."""

LONGEST = 2000
"""Characters: two minutes of speech."""

LACKING = (
    "This voice reads kana only, and hums in place of each Chinese character: "
    "fugashi and unidic-lite are not installed (pip install 'dubber[japanese]')."
)

_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff々〆〇]")
_HAN_OR_HIRAGANA = re.compile("[ぁ-ゖ\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff々〆〇]")
"""What has a reading of its own, or a sound that its place decides (は); a text without any needs no dictionary."""
_CLOCK = re.compile(r"(?<![\d:])(\d{1,2}):([0-5]\d)(?![\d:])")
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?")
_DIGITS, _TENS, _MYRIADS = "〇一二三四五六七八九", ("", "十", "百", "千"), ("", "万", "億", "兆")
_LONGEST_NUMBER = 16
"""Digits; a longer one is said digit by digit, as one that begins with a zero is."""

_SAID = {"%": "パーセント", "&": "アンド", "+": "プラス", "=": "イコール", "℃": "度", "㎞": "キロ"}
_WAVE = re.compile("[〜～~]")
_AFTER_KANA = re.compile("(?<=[ぁ-ゖァ-ヺー])[〜～~]+")
_HUMMED_ON = re.compile("(?<=[んン])ー")
_COUNTED = re.compile("[ヵヶ](?=[月国所条カ箇日年])|(?<=[一二三四五六七八九十何])[ヵヶ]")
_WORD_BEGINS = re.compile(r"(?<=[ぁ-ゖ])(?=[\u3400-\u9fffァ-ヺ])(?!(?<=[おご])[\u3400-\u9fff])")
"""Where other writing follows hiragana, but for the お and ご before a noun."""
_LATIN = re.compile("[A-Za-zÀ-ÖØ-öø-žȀ-ȳ](?:[A-Za-zÀ-ÖØ-öø-žȀ-ȳ'’]*[A-Za-zÀ-ÖØ-öø-žȀ-ȳ])?")
_DAYS = {
    "二日": "ふつか", "三日": "みっか", "四日": "よっか", "五日": "いつか", "六日": "むいか", "七日": "なのか",
    "八日": "ようか", "九日": "ここのか", "十日": "とおか", "二十日": "はつか",
}  # fmt: skip
_DAY = re.compile(
    "(?<![一二三四五六七八九十百千万〇点])(?:" + "|".join(sorted(_DAYS, key=len, reverse=True)) + ")"
)

_SPOKEN = {"私": "ワタシ", "明日": "アシタ", "日本": "ニホン", "昨夜": "ユウベ"}
"""Words that people in films say otherwise than the dictionary, which has the written language's reading first."""

_LEANING = frozenset({"助詞", "助動詞", "接尾辞", "補助記号"})
"""What is said, or written, in one with the word before: particles, auxiliaries, suffixes; punctuation."""

_KANA_NUMBERS = dict(
    zip(
        "〇一二三四五六七八九十百千万億兆点",
        (
            "ゼロ", "いち", "に", "さん", "よん", "ご", "ろく", "なな", "はち", "きゅう",
            "じゅう", "ひゃく", "せん", "まん", "おく", "ちょう", "てん",
        ),
        strict=True,
    )
)  # fmt: skip

_one_at_a_time = Lock()
"""A MeCab tagger promises nothing about threads."""


@dataclass(frozen=True)
class Reading:
    """A text in kana, with spaces where words begin, and the marks that it has. `unread` is how many
    Chinese characters are hummed in it."""

    kana: str
    unread: int


def knows_characters() -> bool:
    """Whether Chinese characters are read, and not hummed."""
    return all(find_spec(package) for package in PACKAGES)


def identity() -> str:
    """Names what characters are read by; "" where they are not."""
    return "-".join(version(package) for package in PACKAGES) if knows_characters() else ""


def kana(text: str) -> Reading:
    """How a Japanese text is read. Numbers become words, particles their sound (は → ワ), long vowels ー.

    A text of more than LONGEST characters is no line: its Chinese characters are not looked up.
    """
    plain = unicodedata.normalize("NFKC", _WAVE.sub("〜", text.encode("utf-8", "ignore").decode()))
    plain = "".join(_SAID.get(char, char) for char in plain.replace("・", " "))
    plain = _AFTER_KANA.sub("ー", plain).replace("〜", "、")
    plain = _COUNTED.sub("か", plain)
    plain = _CLOCK.sub(lambda at: f"{int(at[1])}時{int(at[2])}分" if int(at[2]) else f"{int(at[1])}時", plain)
    reads = len(plain) <= LONGEST and _HAN_OR_HIRAGANA.search(plain) and knows_characters()
    said = _HUMMED_ON.sub("ん", (_read if reads else _without_dictionary)(plain))
    spelt = _LATIN.sub(lambda word: f" {katakana(word[0])}", said)
    return Reading(" ".join(_HAN.sub(HUM, spelt).split()), len(_HAN.findall(said)))


def _read(text: str) -> str:
    text = _DAY.sub(lambda day: _DAYS[day[0]], _NUMBER.sub(lambda number: _in_characters(number[0]), text))
    with _one_at_a_time:
        return "".join(_joined(_tagger()(text)))


def _joined(words: Iterable[Any]) -> Iterator[str]:
    begun = False
    for word in words:
        leans = word.feature.pos1 in _LEANING or word.surface[0] == "ー"
        yield " " if word.white_space or (begun and not leans) else ""
        said = _SPOKEN.get(word.surface) or word.feature.pron or ""
        # punctuation has no reading, and an unknown word none but its own letters
        yield said if any(map(str.isalpha, said)) else word.surface
        begun = any(map(str.isalpha, word.surface))


def _without_dictionary(text: str) -> str:
    text = _WORD_BEGINS.sub(" ", text)
    return _NUMBER.sub(lambda number: "".join(_KANA_NUMBERS[one] for one in _in_characters(number[0])), text)


def _in_characters(number: str) -> str:
    """ "1,987.5" → "千九百八十七点五"."""
    whole, _, fraction = number.replace(",", "").partition(".")
    digits = [int(one) for one in whole]
    if len(digits) > _LONGEST_NUMBER or (digits[0] == 0 and len(digits) > 1):
        said = "".join(_DIGITS[one] for one in digits)
    else:
        said = "".join(_groups(digits)) or _DIGITS[0]
    return said + ("点" + "".join(_DIGITS[int(one)] for one in fraction) if fraction else "")


def _groups(digits: list[int]) -> Iterator[str]:
    """Four digits at a time; a one is not said before ten, hundred and thousand."""
    for place, digit in zip(range(len(digits) - 1, -1, -1), digits, strict=True):
        group, within = divmod(place, 4)
        if digit:
            yield ("" if digit == 1 and within else _DIGITS[digit]) + _TENS[within]
        if within == 0 and any(digits[max(0, len(digits) - place - 4) : len(digits) - place]):
            yield _MYRIADS[group]


@lru_cache(maxsize=1)
def _tagger() -> Any:
    import fugashi
    import unidic_lite

    return fugashi.Tagger(f'-d "{unidic_lite.DICDIR}"')
