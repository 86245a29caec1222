"""How long a text takes to say, before anybody has said it: syllables over published rates of speech.

Syllables are counted from letters, by script, unless a caller brings a better count. A prior, for budgets and for
choosing between wordings; what a voice has measured (align/rates.py) is always better.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from align import morae, numerals

Unit = Literal["syllables", "morae", "characters"]

RATES = {
    "ja": 8.03, "es": 7.73, "eu": 7.54, "fi": 7.17, "it": 7.16, "sr": 7.15, "ko": 7.12, "ca": 7.07, "tr": 7.05,
    "fr": 6.88, "en": 6.34, "de": 6.09, "hu": 5.87, "zh": 5.86, "yue": 5.57, "vi": 5.30, "th": 4.70,
}  # fmt: skip
"""Syllables per second of people reading aloud, pauses taken out: means over the recordings of Coupé, Oh, Dediu &
Pellegrino 2019, Science Advances 5(9), aaw2594 (supplementary data). Japanese is counted in morae here."""

USUAL_RATE = 6.63
"""Syllables per second for every other language: the mean of those 17."""

_SAME_RATE = {"gl": "es", "et": "fi", "hr": "sr", "bs": "sr", "az": "tr", "lo": "th", "nl": "de", "lb": "de"}
"""Languages without a figure here, by a near relative with one: nearer than the mean of everybody."""

USUAL_SOUNDS = 2.37
"""Phonemes in a syllable, as eSpeak NG reads 250 lines of a language: the mean of those below."""

SOUNDS = {
    "en": 2.56, "es": 2.35, "de": 2.57, "fr": 2.35, "it": 2.19, "pt": 2.20, "ru": 2.37, "el": 2.12, "tr": 2.29,
    "hu": 2.33, "ko": 2.39, "zh": 2.31, "hi": 2.37, "pl": 2.45, "cs": 2.38, "nl": 2.63, "sv": 2.56, "fi": 2.24,
    "vi": 2.70, "id": 2.37, "ro": 2.29, "uk": 2.44, "da": 2.52, "ca": 2.34, "sr": 2.32, "hr": 2.34, "fa": 2.34,
    "bn": 2.22, "ta": 2.31,
}  # fmt: skip
"""The same by language."""

SOUNDS_SHARE = 0.7
"""How much of a syllable's time goes with the number of its sounds; the rest is the same for "strengths" and "a".
Between 0.7 and 1 is best, flatly, for voices whose durations were learned from people (flite's, English) and for eSpeak
NG's rules in 28 languages; people shorten the sounds of long syllables, so the low end."""

UNHURRIED = 0.85
"""Share of a practised reader's rate at which a line by itself is said."""

EDGE_MS = 120
"""What a line takes besides its syllables: its last one is lengthened, its first consonant has to be formed."""

COMMA_MS, STOP_MS = 180, 400
"""Pauses inside a text, after a clause and after a sentence. The last one is not part of the line."""

PER_SIGN = 2.0
"""Syllables of a sign that is said as a word ("per cent", "dollars")."""

KANJI_MORAE = 2.0
"""Morae of a Chinese character in Japanese text."""

PER_LETTER = {"arabic": 0.58, "hebrew": 0.55, "thai": 0.45, "other": 0.5}
"""Syllables per letter where vowels are not, or not all, written."""

_SIGNS = frozenset("%€$£¥&+=@#°")
_PAUSE = re.compile(
    r"(?P<stop>(?<![.!?…])[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？।؟۔።])|[,;:—–](?!\d)|[،؛，、；：]|(?<=\s)-(?=\s)"
)
"""Where a voice pauses; not at the marks inside "2.5", "12:30" or "U.S."."""

_LONGEST_KEPT = 64
"""Characters up to which a word's count is remembered."""

_VOWELS = frozenset("aeiouyæœøəıаеёиоуыэюяіїєөүұәѣαεηιουωաեէըիոօაეიოუ")
_STRONG = frozenset("aeo")
_SPLIT = frozenset(
    {"es", "it", "pt", "gl", "ca", "ro", "eu", "eo", "id", "ms", "fil", "sw", "oc", "ast", "an", "la"}
)
"""Languages in which a, e and o each carry a syllable, and i and u beside them do not unless accented."""

_EACH = frozenset({"hu", "tr", "az", "uz", "tk", "sl", "hr", "sr", "bs", "sh", "sk", "cs"})
"""Languages in Latin letters in which nearly every vowel carries a syllable."""

_INITIALS = 4
"""As many capitals without a vowel, or with one too in languages that have none, are an abbreviation whose letters are
named."""

_ENGLISH_MUTE = re.compile(r"(?<![^aeiouy]l)e$|(?<![sxzcgh])es$|(?<![td])ed$")
_ENGLISH_HIATUS = re.compile(r"(?<![tscg])i[aou]|(?<!q)ua[^r]|eo(?!u)|[aeiou]ing$")
_FRENCH_MUTE = re.compile(r"es?$")
_GREEK_DIGRAPHS = re.compile("αι|ει|οι|ου|υι|αυ|ευ|ηυ")
_ARMENIAN_U = "ու"
_THAI = re.compile("[เ-ไ][ก-ฮ]{1,2}[ะ-ฺ็-๎อย]*|[ะ-ู]")
_LAO_TO_THAI = 0x80
"""Lao lies in Unicode as Thai does, one block on."""

_SCHWA_DROPPED = frozenset({"hi", "mr", "gu", "pa", "bn", "as", "ne", "kok", "bho", "mai"})
"""Languages in Indic scripts that do not say the vowel of a word's last bare consonant."""

_NO_CASE = frozenset({"ja", "zh", "yue", "ko", "ar", "fa", "ur", "he", "th", "hi"})
"""Languages without capitals, whose texts have short words in Latin capitals for initials only."""

_CHINESE_YEAR = re.compile(r"(?:[1１][1-9１-９]|[2２][0０])\d\d(?=\s?年)")

_SCRIPTS = (
    (0x0370, 0x03FF, "greek"), (0x1F00, 0x1FFF, "greek"), (0x0400, 0x052F, "cyrillic"), (0x0530, 0x058F, "armenian"),
    (0x0590, 0x05FF, "hebrew"), (0x0600, 0x077F, "arabic"), (0x08A0, 0x08FF, "arabic"), (0xFB50, 0xFEFC, "arabic"),
    (0x0900, 0x0DFF, "indic"), (0x0E00, 0x0E7F, "thai"), (0x0E80, 0x0EFF, "lao"), (0x10A0, 0x10FF, "georgian"),
    (0x1200, 0x139F, "block"), (0xAC00, 0xD7A3, "block"), (0x3041, 0x30FF, "kana"), (0x31F0, 0x31FF, "kana"),
    (0xFF66, 0xFF9D, "kana"), (0x3005, 0x3007, "han"), (0x3400, 0x9FFF, "han"), (0xF900, 0xFAFF, "han"),
    (0x20000, 0x3FFFF, "han"),
)  # fmt: skip
"""First and last code point, and how text in them is counted; "block": a character is a syllable. Latin is the rest
below 0x0250 and at 0x1E00–0x1EFF; anything else is "other"."""


def spoken_ms(text: str, language: str, count: Callable[[str], float] | None = None) -> int:
    """How many ms an unhurried voice takes for `text`, from its first sound to its last; 0 where nothing is to be said.

    `language` is a BCP 47 tag; its first part counts. `count` gives a text's syllables (Japanese: morae) where they
    are known better than from its letters. Speakers differ from this by a quarter either way, lines of two or three
    words by more.
    """
    number = syllables(text, language) if count is None else count(text)
    if number <= 0:
        return 0
    end = len(text)
    while end and not text[end - 1].isalnum():
        end -= 1
    pauses = sum(STOP_MS if pause["stop"] else COMMA_MS for pause in _PAUSE.finditer(text, 0, end))
    return round(EDGE_MS + 1000 * number / _rate(language) + pauses)


def units_for(ms: int, language: str) -> tuple[int, Unit]:
    """How much text fits into `ms` without pauses: how many, and of what. At least 1.

    Japanese is counted in morae, Chinese in characters, everything else in syllables.
    """
    code = _primary(language)
    unit: Unit = "morae" if code == "ja" else "characters" if code in ("zh", "yue") else "syllables"
    return max(1, int((ms - EDGE_MS) * _rate(language) / 1000)), unit


def weighed(syllables: float, sounds: float, language: str) -> float:
    """Syllables of the usual weight in `language` that take as long as `syllables` which have `sounds` phonemes."""
    usual = SOUNDS.get(_primary(language), USUAL_SOUNDS)
    return (1 - SOUNDS_SHARE) * syllables + SOUNDS_SHARE * sounds / usual


def syllables(text: str, language: str) -> float:
    """How many syllables (Japanese: morae) `text` has when it is said in `language`, estimated from its letters.

    Not a whole number where it comes from averages: digits, and scripts that leave vowels out.
    """
    code = _primary(language)
    text = unicodedata.normalize("NFC", text)
    total, word, script = _in_digits(text, code), "", ""
    for char in text:
        sort = kind(char)
        if sort == "mark":
            word += char if word else ""
            continue
        if word and sort != script:
            total += _spoken(word, script, code)
            word = ""
        script = sort
        if sort == "digit":
            total += 0.0 if char.isdecimal() else numerals.PER_DIGIT
        elif sort == "sign":
            total += PER_SIGN
        elif sort:
            word += char
    return total + _spoken(word, script, code)


def _in_digits(text: str, code: str) -> float:
    """Syllables of the numbers in a text that are written in digits."""
    total = 0.0
    for number in numerals.NUMBER.finditer(text):
        year = code in ("zh", "yue") and _CHINESE_YEAR.match(text, number.start())
        total += (numerals.digit_by_digit if year else numerals.said)(number[0], code)
    return total


def _primary(language: str) -> str:
    return re.split("[-_]", language.lower(), maxsplit=1)[0]


def _rate(language: str) -> float:
    code = _primary(language)
    return UNHURRIED * RATES.get(_SAME_RATE.get(code, code), USUAL_RATE)


@lru_cache(maxsize=4096)
def kind(char: str) -> str:
    """What a character is to the counting: a script, "digit", "sign", "mark" (belongs to the word), or "" (none)."""
    if char in _SIGNS:
        return "sign"
    category = unicodedata.category(char)
    if category[0] == "M" or char in "'’ʼ\u00ad\u200c\u200dﾞﾟ":
        return "mark"
    if category[0] == "N" and char != "〇":
        return "digit"
    if category[0] != "L" and char != "〇":
        return ""
    point = ord(char)
    for first, last, script in _SCRIPTS:
        if first <= point <= last:
            return script
    return "latin" if point < 0x0250 or 0x1E00 <= point <= 0x1EFF else "other"


def _spoken(word: str, script: str, code: str) -> float:
    return (_word if len(word) <= _LONGEST_KEPT else _word.__wrapped__)(word, script, code) if word else 0.0


@lru_cache(maxsize=65536)
def _word(word: str, script: str, code: str) -> float:
    """Syllables of one word in one script."""
    if script == "latin":
        if code == "vi":  # written syllable by syllable
            return 1
        return _foreign(word, code) if code in _NO_CASE else _latin(word, code)
    if script in ("cyrillic", "greek", "armenian", "georgian"):
        lower = word.lower() if script == "cyrillic" else _bare(word)
        count = sum(char in _VOWELS for char in lower)
        if script == "greek":
            count -= len(_GREEK_DIGRAPHS.findall(lower))
        return max(1, count - lower.count(_ARMENIAN_U))
    if script == "block":
        return sum(kind(char) == "block" for char in word)
    if script == "kana":
        return morae.of_kana(word)
    if script == "han":
        return sum(kind(char) == "han" for char in word) * (KANJI_MORAE if code == "ja" else 1)
    if script == "indic":
        return _indic(word, code)
    if script == "lao":
        word = "".join(chr(ord(char) - _LAO_TO_THAI) for char in word if ord(char) >= 0x0E80)
    letters = sum(unicodedata.category(char)[0] == "L" for char in word)
    if script in ("thai", "lao"):
        return max(1.0, len(_THAI.findall(word)), PER_LETTER["thai"] * letters)
    return max(1.0, PER_LETTER.get(script, PER_LETTER["other"]) * letters)


def _foreign(word: str, code: str) -> float:
    """A word in Latin letters amid a script without capitals; in Japanese every consonant but n gets a vowel."""
    letters = _bare(word)
    if word.isupper() and len(letters) <= _INITIALS:
        return morae.of_initials(letters) if code == "ja" else len(letters)
    return _latin(word, code) + (morae.vowels_added(letters) if code == "ja" else 0)


def _latin(word: str, code: str) -> float:
    lower = unicodedata.normalize("NFC", word.lower())
    plain = _bare(word)
    if word.isupper() and 1 < len(word) <= _INITIALS and not _VOWELS.intersection(plain):
        return len(word)  # BBC: its letters are named
    if code in _SPLIT:
        return max(1, _strong_nuclei(lower))
    if code in _EACH:
        count = sum(char in _VOWELS for char in plain) - (plain.count("ou") if code in ("cs", "sk") else 0)
        return max(1, count)  # at least 1: r and l carry a syllable where no vowel does ("prst")
    count = _vowel_groups(lower, code)
    if code == "en":
        count += len(_ENGLISH_HIATUS.findall(plain)) - (_ENGLISH_MUTE.search(plain) is not None)
    elif code == "fr" and (mute := _FRENCH_MUTE.search(lower)):
        count -= plain[: mute.start()][-1:] not in ("", *_VOWELS)
    return max(1, count)


def _vowel_groups(lower: str, code: str) -> int:
    """Runs of vowels; a diaeresis starts a new one (naïve), a y before a vowel is a consonant."""
    count, inside = 0, False
    bare = [_bare(char)[:1] for char in lower]
    for char, base, before, after in zip(lower, bare, ["", *bare], [*bare[1:], ""], strict=False):
        glide = (base == "y" and after in _VOWELS) or (
            base == "u" and before == "q" and code not in ("fi", "et")
        )
        vowel = base in _VOWELS and not glide
        count += vowel and (not inside or char in "ïë")
        inside = vowel
    return count


def _strong_nuclei(lower: str) -> int:
    """Syllables where a, e and o each carry one, and i and u only alone or accented."""
    count, run = 0, ""
    for char in re.sub("(?<=[qg])u(?=[eiéí])", "", lower) + " ":
        if _bare(char)[:1] in _VOWELS:
            run += char
            continue
        if run:
            count += max(
                1, sum(_bare(one)[:1] in _STRONG or (one in "íúìùïü" and len(run) > 1) for one in run)
            )
        run = ""
    return count


def _indic(word: str, code: str) -> float:
    """Each consonant carries a vowel that a virama takes away; signs only change which one."""
    letters = sum(unicodedata.category(char)[0] == "L" for char in word)
    muted = sum(unicodedata.combining(char) == 9 for char in word)  # 9: the class of viramas
    last_bare = code in _SCHWA_DROPPED and letters > 1 and unicodedata.category(word[-1])[0] == "L"
    return max(1, letters - muted - last_bare)


def _bare(word: str) -> str:
    """The word's letters, small and without accents."""
    return "".join(c for c in unicodedata.normalize("NFD", word.lower()) if unicodedata.category(c)[0] == "L")
