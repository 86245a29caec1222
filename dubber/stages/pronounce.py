"""How long an unhurried voice takes for a text in one language: eSpeak NG's phonemes over published rates of speech.

Says what it counted with; what a voice really took is learned in align/rates.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from align import rate
from tts import japanese, phonemes
from tts.errors import EngineMissing

Source = Literal["phonemes", "letters"]

BY_LETTERS = {
    "ja": "eSpeak NG names Chinese characters instead of reading them",
    "th": "eSpeak NG does not find the vowels that belong to a Thai consonant",
    "my": "eSpeak NG does not find the vowels that belong to a Burmese consonant",
    "ar": "eSpeak NG leaves out the vowels that Arabic does not write",
    "he": "eSpeak NG leaves out the vowels that Hebrew does not write",
    "sd": "eSpeak NG leaves out the vowels that Sindhi does not write",
}
"""Languages that eSpeak NG reads and whose syllables are counted better from letters, with the reason. Measured for
Arabic, Hebrew and Thai against its own speech; of Burmese and Sindhi it is concluded from their scripts, of Japanese
from what it says for a character."""

BY_READINGS = "its Chinese characters are read by UniDic, and the morae of that counted"
"""The reason for Japanese where a dictionary is there."""

_SCRIPTS = {
    "Arab": "arabic", "Armn": "armenian", "Cyrl": "cyrillic", "Ethi": "block", "Geor": "georgian", "Grek": "greek",
    "Hans": "han", "Hant": "han", "Kore": "block", "Beng": "indic", "Deva": "indic", "Gujr": "indic", "Guru": "indic",
    "Knda": "indic", "Mlym": "indic", "Orya": "indic", "Sinh": "indic", "Taml": "indic", "Telu": "indic",
}  # fmt: skip
"""ISO 15924 → how align/rate.py calls it. Letters of any other script, and of none of these, eSpeak NG names one by one
("Cyrillic letter …"), which nobody who dubs a film would say."""

_READ_ALOUD = frozenset(".,;:!?…'’\"()-–—¿¡，。！？、；：।۔؟،؛«»“”„‘ ")
"""Punctuation that makes a pause or none; any other ("*", "·", "~") is named by eSpeak NG."""

_HUMMED = re.compile(
    r"\b(?:h+m+|m{2,}|m+h+m+|u+h+m*|p+s+t+|s*h{2,}|sh+|b+r{2,}|z{2,}|p+f{2,}|p+h+|t+s+k*|g+r{2,})\b",
    re.IGNORECASE | re.ASCII,
)
"""Words that are a noise: eSpeak NG spells them ("aitch em")."""


class Prior:
    """Calling it with a text gives the ms that an unhurried voice takes, 0.0 where nothing is to be said.

    `source` says what syllables are counted from, and `because` why that is letters, "" where it is phonemes.
    Each text is read once. `prepare` reads many at once: 2,000 lines in half a second, where one takes some ms.
    """

    def __init__(self, language: str) -> None:
        import langcodes

        self.language = language
        self.because = _reason(language)
        self._japanese = _primary(language) == "ja"
        self.source: Source = "letters" if self.because else "phonemes"
        script = langcodes.Language.get(language).maximize().script or ""
        self._own = {"latin", _SCRIPTS.get(script, "latin")}
        self._counts: dict[str, float] = {}

    def __call__(self, text: str) -> float:
        return float(rate.spoken_ms(text, self.language, self._count))

    def prepare(self, texts: Iterable[str]) -> None:
        """Reads all these texts at once, so that each is at hand when its length is asked for."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._counts]
        if self.source == "letters":
            self._counts.update((text, rate.syllables(self._letters(text), self.language)) for text in fresh)
            return
        parts = [self._parted(text) for text in fresh]
        read = phonemes.sounds([own for own, _ in parts], self.language)
        for text, (_, other), heard in zip(fresh, parts, read, strict=True):
            own = rate.weighed(heard.syllables, heard.sounds, self.language)
            self._counts[text] = own + rate.syllables(other, self.language)

    def _count(self, text: str) -> float:
        if text not in self._counts:
            self.prepare([text])
        return self._counts[text]

    def _letters(self, text: str) -> str:
        """The text as it is counted: of Japanese its reading, as far as this machine has one."""
        return japanese.kana(text[: phonemes.LONGEST_TEXT]).kana if self._japanese else text

    def _parted(self, text: str) -> tuple[str, str]:
        """What eSpeak NG is to read of a text, and what it would name sign by sign: each with gaps for the other."""
        hummed = {place for found in _HUMMED.finditer(text) for place in range(*found.span())}
        own, other = [], []
        for place, char in enumerate(text[: phonemes.LONGEST_TEXT]):
            kind = rate.kind(char)
            foreign = place in hummed or not (kind in self._own or kind in ("mark", "digit", "sign", ""))
            silent = not kind and char not in _READ_ALOUD
            own.append(" " if foreign or silent else char)
            other.append(char if foreign else " ")
        return "".join(own), "".join(other)


def prior(language: str) -> Prior:
    """Lengths in `language`, a BCP 47 tag: from phonemes, or from letters where eSpeak NG does not read it, reads it
    worse than that (BY_LETTERS), or is not on this machine; `source` and `because` of what comes back say which."""
    return Prior(language)


def _reason(language: str) -> str:
    """Why letters are counted, "" where phonemes are: the end of a sentence."""
    try:
        if not phonemes.reads(language):
            return f"eSpeak NG does not read the language {language!r}"
    except EngineMissing as error:
        return f"eSpeak NG cannot be used here: {str(error).rstrip('.')}"
    code = _primary(language)
    return BY_READINGS if code == "ja" and japanese.knows_characters() else BY_LETTERS.get(code, "")


def _primary(language: str) -> str:
    return re.split("[-_]", language.lower(), maxsplit=1)[0]
