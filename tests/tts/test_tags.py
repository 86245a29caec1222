"""What tags promise: the nearest wider tag of the same language, never another language."""

from __future__ import annotations

import pytest

from tts.tags import cased, lookup, table

VOICES = table(
    [
        ("gmw/en", [(2, "en-gb"), (2, "en")]),
        ("gmw/en-US", [(2, "en-us"), (3, "en")]),
        ("roa/es", [(5, "es")]),
        ("roa/es-419", [(5, "es-419"), (6, "es-mx")]),
        ("roa/ca-va", [(5, "ca-va")]),
        ("roa/ca", [(5, "ca")]),
        ("sit/cmn", [(5, "cmn"), (5, "zh-cmn"), (5, "zh")]),
        ("sit/pinyin", [(5, "cmn-latn-pinyin"), (5, "zh-cmn"), (5, "zh")]),
        ("gmq/nb", [(5, "nb"), (5, "no")]),
    ]
)


@pytest.mark.parametrize(
    ("tag", "voice"),
    [
        ("en", "gmw/en"),
        ("en-US", "gmw/en-US"),
        ("EN_us", "gmw/en-US"),
        ("en-AU", "gmw/en"),
        ("en-u-nu-latn", "gmw/en"),
        ("es-ES", "roa/es"),
        ("es-MX", "roa/es-419"),
        ("es-AR", "roa/es-419"),
        ("es-Latn-CL", "roa/es-419"),
        ("es-GQ", "roa/es"),
        ("zh", "sit/cmn"),
        ("zh-Hans-CN", "sit/cmn"),
        ("ca-valencia", "roa/ca-va"),
        ("no", "gmq/nb"),
        ("ca-VA", "roa/ca"),
    ],
)
def test_the_nearest_wider_tag_speaks(tag: str, voice: str) -> None:
    assert lookup(tag, VOICES) == voice


@pytest.mark.parametrize("tag", ["", "-", "x", "xx", "xx-en", "e", "fo", "nn", "Latn", "419", "🎬"])
def test_another_language_never_stands_in(tag: str) -> None:
    assert lookup(tag, VOICES) is None


def test_tags_are_written_as_the_registry_writes_them() -> None:
    tags = ["en-gb-x-rp", "ZH_hant_tw", "es-419", "fa-latn", "en-X-NYC", "ca-VALENCIA"]
    assert [cased(tag) for tag in tags] == [
        "en-GB-x-rp",
        "zh-Hant-TW",
        "es-419",
        "fa-Latn",
        "en-x-nyc",
        "ca-valencia",
    ]
