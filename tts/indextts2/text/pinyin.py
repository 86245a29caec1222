"""Pinyin with a tone digit, as typed to fix a reading (`XUAN4`). Finds it; never makes it from ideographs."""

from __future__ import annotations

import re

_INITIALS = "zh|ch|sh|[bpmfdtnlgkhjqxzcsryw]"
_FINALS = "|".join(
    (
        "uang|üang|vang|uan|üan|van|uai|iang|iong|ian|iao",
        "ang|eng|ing|ong|en|in|un|vn|an",
        "ai|ei|ao|ou|ua|ui|uo|ia|iu|ie|ue|üe|ve",
        "[aeiouüv]",
    )
)
PINYIN = re.compile(rf"(?<![a-z])(?:(?:{_INITIALS})?(?:{_FINALS})|ng|er)[1-5]", re.IGNORECASE)
"""One syllable with its tone, 1 to 5 (5 is the neutral one). A letter before it makes it part of a word."""

_PALATAL = re.compile(r"[jqx](?P<u>[uü](?=(?:e|an|n)?[1-5]))?", re.IGNORECASE)


def corrected(syllable: str) -> str:
    """The spelling that the model was trained on: after j, q and x a written u is the vowel ü, spelled V.

    Such syllables come back in capitals (ju2 → JV2, xuan4 → XVAN4); every other one as it was typed.
    """
    palatal = _PALATAL.match(syllable)
    if palatal is None:
        return syllable
    rest = syllable[palatal.end() :]
    return f"{syllable[0]}{'v' if palatal['u'] else ''}{rest}".upper()
