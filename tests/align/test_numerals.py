"""Numbers in digits take as long as they are said: counted by hand in five languages."""

from __future__ import annotations

import pytest

from align import numerals, rate


@pytest.mark.parametrize(
    ("number", "language", "count"),
    [
        ("7", "en", 2), ("21", "en", 3), ("987", "en", 7), ("1987", "en", 6), ("1905", "en", 4), ("1900", "en", 4),
        ("2026", "en", 5), ("2,000", "en", 3), ("3.50", "en", 5), ("1,000,000", "en", 3),
        ("16", "es", 3), ("25", "es", 4), ("30", "es", 2), ("31", "es", 5), ("100", "es", 1), ("101", "es", 4),
        ("500", "es", 3), ("1987", "es", 11), ("2.000", "es", 2), ("3,50", "es", 6), ("1000000", "es", 5),
        ("2", "ar", 2), ("٢", "ar", 2), ("25", "ar", 5), ("30", "ar", 3), ("100", "ar", 2), ("1987", "ar", 13),
        ("٣٫٥٠", "ar", 8), ("٢٬٠٠٠", "ar", 2),
        ("10", "zh", 1), ("12", "zh", 2), ("20", "zh", 2), ("105", "zh", 4), ("110", "zh", 4), ("1987", "zh", 7),
        ("10050", "zh", 5), ("20,300", "zh", 5), ("3.50", "zh", 4),
        ("8", "ja", 2), ("10", "ja", 2), ("12", "ja", 3), ("25", "ja", 4), ("205", "ja", 4), ("300", "ja", 4),
        ("1987", "ja", 12), ("10,000", "ja", 4), ("3.5", "ja", 5),
        ("007", "en", 6), ("1.2.3", "en", 3),
    ],
)  # fmt: skip
def test_a_number_is_counted_as_it_is_said(number: str, language: str, count: int) -> None:
    assert numerals.said(number, language) == count


def test_the_numbers_of_a_line_are_counted_with_its_words() -> None:
    assert rate.syllables("8:30", "es") == 4  # ocho treinta
    assert rate.syllables("Nací en 1987.", "es") == 3 + 11
    assert rate.syllables("我生于1987年。", "zh") == 3 + 4 + 1  # a year is said digit by digit
    assert rate.syllables("活了1000年", "zh") == 2 + 2 + 1
    assert rate.syllables("共1987块", "zh") == 1 + 7 + 1
    assert rate.syllables("９時", "ja") == 2 + rate.KANJI_MORAE  # wide digits too


def test_other_languages_have_a_mean_for_each_digit() -> None:
    assert numerals.said("1.000", "de") == pytest.approx(4 * numerals.PER_DIGIT)
    assert numerals.digit_by_digit("12", "de") == pytest.approx(2 * numerals.PER_DIGIT)


def test_a_number_that_never_ends_is_quick() -> None:
    assert numerals.said("9" * 50_000, "es") > 50_000
    assert numerals.said("9" * 20, "ja") == 40  # too long for a name: digit by digit
