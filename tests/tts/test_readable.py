"""What eSpeak NG gets to read instead of what is written, where it would say it otherwise than people do."""

from __future__ import annotations

import pytest

from tts import phonemes
from tts.readable import readable


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("我生于1987年。", "我生于一九八七年。"),
        ("２０２６ 年", "二〇二六 年"),
        ("我等了2000年之久", "我等了2000年之久"),
        ("活了1000年", "活了1000年"),
        ("一共1987块", "一共1987块"),
        ("12,000年", "12,000年"),
        ("2年", "2年"),
    ],
)
def test_a_chinese_year_is_said_digit_by_digit_and_a_number_is_not(written: str, read: str) -> None:
    assert readable(written, "sit/cmn") == (read, 0)


def test_other_languages_are_read_as_they_are_written() -> None:
    for voice in ("roa/es", "sem/ar", "gmw/en"):
        assert readable("1987年 東京", voice) == ("1987年 東京", 0)


def test_a_year_is_counted_as_it_is_said() -> None:
    year, spelt, number = phonemes.sounds(["我生于1987年。", "我生于一九八七年。", "我有1987块。"], "zh")
    assert year == spelt
    assert year.syllables < number.syllables
