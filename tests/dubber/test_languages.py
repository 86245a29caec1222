"""A person's word for a language becomes one tag, and a tag becomes what players and people read."""

import subprocess
import sys
from pathlib import Path

import pytest

from dubber import languages
from dubber.errors import UsageError


@pytest.mark.parametrize(
    ("typed", "tag"),
    [
        ("es", "es"),
        ("ES", "es"),
        (" es ", "es"),
        ("spa", "es"),
        ("Spanish", "es"),
        ("spanish", "es"),
        ("español", "es"),
        ("es_MX", "es-MX"),
        ("pt-br", "pt-BR"),
        ("Portuguese (Brazil)", "pt-BR"),
        ("English (US)", "en-US"),
        ("zh-Hans", "zh-Hans"),
        ("Chinese (Traditional)", "zh-Hant"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("iw", "he"),
        ("cmn", "zh"),
        ("fre", "fr"),
        ("ger", "de"),
        ("nob", "nb"),
        ("hr", "hr"),
        ("日本語", "ja"),
        ("und", "und"),
    ],
)
def test_every_way_of_writing_a_language_gives_one_tag(typed: str, tag: str) -> None:
    assert languages.canonical(typed) == tag
    assert languages.canonical(tag) == tag


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "-",
        "_",
        "xx",
        "zz",
        "es-",
        "qqq",
        "x-foo",
        "mul",
        "zxx",
        "Latn",
        "und-US",
        "es\0",
        "\x1b[31m",
        "🦊",
        "../es",
        "a" * 5000,
        "en-es-fr-de",
        "es,fr",
        "ｘｘ",
    ],
)
def test_what_names_no_language_is_refused_in_one_readable_sentence(typed: str) -> None:
    with pytest.raises(UsageError) as refused:
        languages.canonical(typed)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 100
    assert refused.value.hint


@pytest.mark.parametrize(("typed", "near"), [("Spnish", "(es)"), ("englsh", "(en)"), ("Frnch", "(fr)")])
def test_a_misspelt_name_gets_a_suggestion(typed: str, near: str) -> None:
    with pytest.raises(UsageError) as refused:
        languages.canonical(typed)
    assert refused.value.hint is not None
    assert near in refused.value.hint


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("es", "spa"),
        ("es-MX", "spa"),
        ("de", "deu"),
        ("fr", "fra"),
        ("zh-Hant", "zho"),
        ("nb", "nob"),
        ("yue", "yue"),
        ("und", "und"),
        ("xx", "und"),
        ("", "und"),
    ],
)
def test_media_codes_are_terminological_and_und_for_the_unknown(tag: str, code: str) -> None:
    assert languages.iso639_2(tag) == code


@pytest.mark.parametrize(
    ("tag", "own", "english"),
    [
        ("es", "Español", "Spanish"),
        ("pt-BR", "Português (Brasil)", "Portuguese (Brazil)"),
        ("fr", "Français", "French"),
        ("ru", "Русский", "Russian"),
        ("ka", "ქართული", "Georgian"),
        ("ja", "日本語", "Japanese"),
        ("ar-EG", "العربية (مصر)", "Arabic (Egypt)"),
        ("es-419", "Español (Latinoamérica)", "Spanish (Latin America)"),
        ("zh-Hant", "中文（繁體）", "Chinese (Traditional)"),
        ("zh-TW", "中文（台灣）", "Chinese (Taiwan)"),
        ("und", "Unknown language", "Unknown language"),
    ],
)
def test_names_are_fit_for_a_track_title(tag: str, own: str, english: str) -> None:
    assert languages.autonym(tag) == own
    assert languages.english_name(tag) == english


@pytest.mark.parametrize(
    ("typed", "tag"),
    [
        ("العربية", "ar"),
        ("日本語", "ja"),
        ("にほんご", "ja"),
        ("中文", "zh"),
        ("漢語", "zh"),
        ("castellano", "es"),
        ("Ｊａ", "ja"),
    ],
)
def test_a_language_may_be_called_as_its_speakers_call_it(typed: str, tag: str) -> None:
    assert languages.canonical(typed) == tag


def test_primary_drops_region_and_script() -> None:
    assert [languages.primary(tag) for tag in ("pt_BR", "zh-Hant-TW", "es")] == ["pt", "zh", "es"]


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("talk.es.srt", "es"),
        ("Talk.EN.SRT", "en"),
        ("talk.spa.srt", "es"),
        ("talk.ger.srt", "de"),
        ("talk.pt-BR.srt", "pt-BR"),
        ("talk.es_419.srt", "es-419"),
        ("talk.zh-Hans.srt", "zh-Hans"),
        ("talk.yue-HK.srt", "yue-HK"),
        ("Movie.en.sdh.srt", "en"),
        ("Movie.2019.pt-BR.forced.srt", "pt-BR"),
        ("Movie.en.hi.srt", "en"),
        ("Movie.eng.hi.sdh.srt", "en"),
        ("Movie.hi.srt", "hi"),
        ("Movie.hi.forced.srt", "hi"),
        ("Movie.fr.final.edited.vtt", "fr"),
    ],
)
def test_a_subtitle_files_name_tells_its_language_before_the_usual_markers(name: str, tag: str) -> None:
    assert languages.from_file_name(Path("/films/it.de.d") / name) == tag


@pytest.mark.parametrize(
    "name",
    [
        "film.srt",
        "en.srt",
        "film.sub.srt",
        "Some.new.srt",
        "film.sdh.srt",
        "film.old.forced.srt",
        "Over.the.srt",
        "film.fil.srt",
        "film.und.srt",
        "film.1080p.srt",
        "film.v2.srt",
        "film.English subtitles.srt",
        "film.en-x-mine.srt",
        "film..srt",
        "",
    ],
)
def test_a_file_name_that_does_not_clearly_tell_a_language_tells_none(name: str) -> None:
    assert languages.from_file_name(Path(name)) is None


def test_importing_the_room_does_not_load_the_language_tables() -> None:
    code = "import sys, dubber.languages; sys.exit('langcodes' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
