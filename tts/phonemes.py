"""How a text sounds, counted: syllables, morae and single sounds, from the phonemes that eSpeak NG reads it in.

Knows IPA as that library writes it; how long a sound takes is nobody's business here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from tts import espeaklib, tags
from tts.readable import CHINESE, readable

LONGEST_TEXT = espeaklib.LONGEST_TEXT
"""Characters of a text that are read."""

_VOWELS = frozenset("iyɨʉɯuɪʏʊeøɘɵɤoəɛœɜɞʌɔæɐaɶɑɒɚɝᵻᵊ")
_SYLLABIC = "\u0329"
"""IPA's stroke under a consonant that carries a syllable: Czech "prst", a reduced "button"."""

_LONG = "ː"
_NASALS = frozenset("nmŋɴɲ")
_GLIDES = frozenset("jwʲ")
_STRESS = "ˈ"
_NOT_A_SOUND = re.compile(r"\([a-z0-9-]*\)|[ˈˌ|]")
"""Changes of language, stress and tone boundaries."""


@dataclass(frozen=True)
class Sounds:
    """What is said of a text. `syllables` are vocalic nuclei: a vowel or diphthong, or a syllabic consonant; `morae`,
    which Japanese counts, are long vowels twice, and each moraic nasal and geminate; `sounds` are phonemes, a diphthong
    being one. At least one of each where anything is said; all 0 where nothing is."""

    syllables: int
    morae: int
    sounds: int


def reads(language: str) -> bool:
    """Whether eSpeak NG reads the language that a BCP 47 tag names, or a wider one. Raises EngineMissing."""
    return tags.lookup(language, _voices()) is not None


def sounds(texts: Iterable[str], language: str) -> list[Sounds]:
    """What is said of each text in `language`, in order. Many at once are quick: 2,000 lines in about 0.4 s, where
    each call by itself takes a few ms. Raises ValueError for a language that it does not read; EngineMissing."""
    voice = tags.lookup(language, _voices())
    if voice is None:
        raise ValueError(f"eSpeak NG does not read {language!r}")
    written = (readable(text, voice)[0] if voice in CHINESE else text for text in texts)
    return [_counted(read) for read in espeaklib.phonemes(written, voice)]


@cache
def _voices() -> Mapping[str, str]:
    return tags.table((voice.identifier, voice.languages) for voice in espeaklib.voices())


def _counted(written: str) -> Sounds:
    words = [_word(word) for word in written.split()]
    if not (count := sum(word.sounds for word in words)):
        return Sounds(0, 0, 0)
    return Sounds(
        max(1, sum(word.syllables for word in words)), max(1, sum(word.morae for word in words)), count
    )


@lru_cache(maxsize=65536)
def _word(written: str) -> Sounds:
    """One word; a preposition without a vowel ("v") is none of a syllable by itself."""
    spoken = [one for one in _NOT_A_SOUND.sub("", written).split(espeaklib.BETWEEN) if _is_sound(one)]
    # a word with a stress and no vowel is a syllable all the same: Cantonese 唔
    nuclei = sum(map(_is_nucleus, spoken)) or int(_STRESS in written and bool(spoken))
    return Sounds(nuclei, _morae(spoken), len(spoken))


@cache
def _is_sound(phoneme: str) -> bool:
    """Whether there is more to it than a tone's number or a diacritic."""
    return any(unicodedata.category(char) in {"Ll", "Lu", "Lo"} for char in phoneme)


@cache
def _is_nucleus(phoneme: str) -> bool:
    plain = unicodedata.normalize("NFD", phoneme)
    return _SYLLABIC in plain or not _VOWELS.isdisjoint(plain)


@cache
def _length(phoneme: str) -> int:
    """Morae of a nucleus: the library writes a long vowel twice ("ää") or with a length mark."""
    plain = unicodedata.normalize("NFD", phoneme)
    return max(1, sum(char in _VOWELS for char in plain) + plain.count(_LONG))


def _morae(word: Sequence[str]) -> int:
    """Each nucleus by its length; a consonant before its like (がっこう); a nasal before a consonant or at the end."""
    count = 0
    for one, after in zip(word, (*word[1:], ""), strict=False):
        if _is_nucleus(one):
            count += _length(one)
        elif one[0] in _NASALS:
            count += not after or not (_is_nucleus(after) or after[0] in _GLIDES)
        else:
            count += one[0] == after[:1] or _LONG in one
    return count
