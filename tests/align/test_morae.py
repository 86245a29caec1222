"""Morae of kana, counted by hand; and of Latin letters amid Japanese."""

from __future__ import annotations

import pytest

from align.rate import syllables


@pytest.mark.parametrize(
    ("text", "morae"),
    [
        ("おはようございます。", 9),
        ("がっこう", 4),
        ("きょうと", 3),
        ("しゅっぱつ", 4),
        ("にんげん", 4),
        ("コンピューター", 6),
        ("パーティー", 4),
        ("ファン", 2),
        ("ヴァイオリン", 5),
        ("ウォーター", 4),
        ("トゥ、ティ、デュオ", 4),
        ("ねぇ", 2),
        ("あぁぁ", 3),
        ("ふぅ", 2),
        ("ぁ", 1),
        ("ﾊﾞﾙｾﾛﾅ、ﾊﾟｰﾃｨｰ", 9),
        ("ジョルディ・マス", 5),
        ("じゃ、またね！", 4),
        ("んん", 2),
    ],
)
def test_kana_are_counted_in_morae(text: str, morae: int) -> None:
    assert syllables(text, "ja") == morae


@pytest.mark.parametrize(
    ("text", "morae"),
    [("BBC", 6), ("NHK", 7), ("OK", 4), ("AI", 4), ("WWW", 12), ("Smith", 3), ("London", 4), ("John", 2)],
)
def test_latin_letters_are_counted_as_japanese_says_them(text: str, morae: int) -> None:
    assert syllables(f"「{text}」", "ja") == morae


def test_capitals_are_initials_where_a_script_has_none() -> None:
    assert syllables("OK", "zh") == syllables("OK", "ar") == 2
    assert syllables("OK", "de") == 1
