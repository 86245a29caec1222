"""Latin letters as katakana, roughly: abbreviations by the letters' names, words as they are spelt. Knows no word."""

from __future__ import annotations

import re
import unicodedata

INITIALS = 4
"""As many capitals are an abbreviation, whose letters are named."""

_NAMES = {
    "A": "エー", "B": "ビー", "C": "シー", "D": "ディー", "E": "イー", "F": "エフ",
    "G": "ジー", "H": "エイチ", "I": "アイ", "J": "ジェー", "K": "ケー", "L": "エル",
    "M": "エム", "N": "エヌ", "O": "オー", "P": "ピー", "Q": "キュー", "R": "アール",
    "S": "エス", "T": "ティー", "U": "ユー", "V": "ブイ", "W": "ダブリュー", "X": "エックス",
    "Y": "ワイ", "Z": "ゼット",
}  # fmt: skip

_ROWS = {
    "": "アイウエオ", "k": "カキクケコ", "g": "ガギグゲゴ", "s": "サシスセソ", "z": "ザジズゼゾ",
    "t": "タ/ティ/トゥ/テ/ト", "d": "ダ/ディ/ドゥ/デ/ド", "n": "ナニヌネノ", "h": "ハヒフヘホ", "b": "バビブベボ",
    "p": "パピプペポ", "m": "マミムメモ", "r": "ラリルレロ", "y": "ヤ/イ/ユ/イェ/ヨ", "w": "ワ/ウィ/ウ/ウェ/ウォ",
    "f": "ファ/フィ/フ/フェ/フォ", "v": "ヴァ/ヴィ/ヴ/ヴェ/ヴォ", "sh": "シャ/シ/シュ/シェ/ショ",
    "ch": "チャ/チ/チュ/チェ/チョ", "j": "ジャ/ジ/ジュ/ジェ/ジョ", "ks": "クサ/クシ/クス/クセ/クソ",
    "kw": "クワ/クイ/ク/クエ/クオ",
}  # fmt: skip
_ALIKE = {
    "l": "r", "c": "k", "q": "k", "x": "ks", "th": "s", "ph": "f", "ck": "k", "qu": "kw", "wh": "w",
}  # fmt: skip
_ALONE = {"t": "ト", "d": "ド", "n": "ン", "h": "", "ch": "チ", "j": "ジ", "sh": "シュ", "y": "イ", "w": "ウ"}
"""A consonant without a vowel; any other takes ウ."""

_WITHOUT_PARTS = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "æ": "e", "Æ": "E", "œ": "e", "ł": "l", "Ł": "L", "ı": "i"}
)
"""Letters that Unicode does not take apart."""

_VOWELS = "aiueo"
_SOUND = re.compile(f"(?P<consonant>sh|ch|th|ph|ck|qu|wh|[bcdfghjklmnpqrstvwxyz])?(?P<vowel>[{_VOWELS}])?")
_DOUBLED = re.compile(r"([bcdfghjklmnpqrstvwxz])\1+")
_MUTE_E = re.compile(r"(?<=[aeiou][bcdfgklmnpqrstvz])e$")


def katakana(word: str) -> str:
    """A word in Latin letters, accents allowed; what is no letter is left out."""
    plain = unicodedata.normalize("NFD", word.translate(_WITHOUT_PARTS))
    letters = "".join(char for char in plain if "a" <= char.lower() <= "z")
    if word.isupper() and len(letters) <= INITIALS:
        return "".join(_NAMES[char] for char in letters)
    small = _MUTE_E.sub("", _DOUBLED.sub(r"\1", letters.lower()))
    if small[-1:] == "y" and small[-2:-1] not in ("", *_VOWELS):
        small = small[:-1] + "i"
    return "".join(_kana(found["consonant"] or "", found["vowel"] or "") for found in _SOUND.finditer(small))


def _kana(consonant: str, vowel: str) -> str:
    row = _ALIKE.get(consonant, consonant)
    if consonant == "c" and vowel in ("e", "i") and vowel:
        row = "s"
    if vowel:
        return _row(row)[_VOWELS.index(vowel)]
    return "" if not row else _ALONE.get(row, _row(row)[2])


def _row(consonant: str) -> list[str]:
    kana = _ROWS[consonant]
    return kana.split("/") if "/" in kana else list(kana)
