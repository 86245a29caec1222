"""dubber.toml: what it says counts, unless the command line says otherwise; what it cannot say is told by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from dubber import config, engines, profiles
from dubber.errors import MissingError, UsageError
from dubber.settings import Settings


def written(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / config.NAME
    path.write_text(text, "utf-8")
    return path


def test_a_folder_without_one_says_nothing(tmp_path: Path) -> None:
    assert config.of_folder(tmp_path) == {}


def test_its_words_are_those_of_the_command_line(tmp_path: Path) -> None:
    written(
        tmp_path,
        'to = "es"\nfrom = "en"\nspeakers = 2\nemotion = 1\noriginal = false\nwhisper-model = "small"\n',
    )
    said = config.of_folder(tmp_path)
    assert said == {
        **{"target": "es", "source": "en", "speakers": 2, "emotion": 1},
        **{"keep_original": False, "whisper_model": "small"},
    }
    assert Settings.of(**said).target == "es"


def test_a_file_that_it_names_lies_beside_it(tmp_path: Path) -> None:
    written(tmp_path / "films", 'glossary = "terms.csv"\ncast = "../voices"\n')
    said = config.of_folder(tmp_path / "films")
    assert said["glossary"] == str(tmp_path / "films" / "terms.csv")
    assert Path(said["cast"]).resolve() == tmp_path / "voices"


def test_the_nearer_counts_before_the_farther_and_none_above_the_top(tmp_path: Path) -> None:
    top, season = tmp_path / "series", tmp_path / "series" / "one" / "disc"
    season.mkdir(parents=True)
    written(tmp_path, 'to = "fr"')
    assert config.of_folder(season, top=top) == {}
    written(top, 'to = "es"\nprofile = "draft"')
    assert config.of_folder(season, top=top) == {"target": "es", "profile": "draft"}
    written(top / "one", 'to = "de"\nspeakers = 2')
    assert config.of_folder(season, top=top) == {"target": "de", "profile": "draft", "speakers": 2}
    assert config.of_folder(season) == {}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('too = "es"', "too"),
        ('whisper_modell = "small"', "whisper_model"),
        ('speakers = "two"', "speakers"),
        ("speakers = true", "speakers"),
        ("to = 3", "to"),
        ("to = es", "TOML"),
        ('api_key = "sk-1234"', "DUBBER_API_KEY"),
        ("\x00", "TOML"),
        ("a = " + "[" * 5000, "TOML"),
        ('cast = "~nosuchuser/x"', "nosuchuser"),
        ("[to]\nes = 1", "to"),
    ],
)
def test_what_cannot_be_is_told_by_file_and_name(tmp_path: Path, text: str, named: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as told:
        config.of_folder(tmp_path)
    assert str(path) in str(told.value)
    assert named in f"{told.value} {told.value.hint}"
    assert "sk-1234" not in f"{told.value} {told.value.hint}"


def test_every_key_is_a_field_of_the_settings() -> None:
    fields = set(Settings.__dataclass_fields__)
    assert {field for field, _ in config.KEYS.values()} <= fields


def test_a_profile_fills_in_what_nobody_chose_and_nothing_else() -> None:
    settings = profiles.filled(
        Settings.of("es", profile="draft", translator="openai", base_url="http://x/v1")
    )
    assert (settings.recogniser, settings.voice, settings.translator) == ("pocketsphinx", "espeak", "openai")
    assert profiles.filled(Settings.of("es")).recogniser == "whisper"


@pytest.mark.parametrize("role", ["recogniser", "separator", "diarizer", "translator", "voice", "profile"])
def test_an_engine_that_nobody_knows_is_refused_with_those_there_are(role: str) -> None:
    with pytest.raises(UsageError) as told:
        profiles.filled(Settings.of("es", **{role: "nonesuch"}))
    assert "nonesuch" in str(told.value)
    assert "Choose one of" in str(told.value.hint)


@pytest.mark.parametrize(("target", "voice"), [("en", "indextts2"), ("es", "indextts2.5")])
def test_what_a_profile_lacks_is_named_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, voice: str
) -> None:
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path))
    with pytest.raises(MissingError) as told:
        profiles.require(profiles.filled(Settings.of(target)))
    assert f"`dubber models pull {voice} whisper-large-v3 htdemucs qwen3-1.7b`" in str(told.value.hint)
    assert "--profile draft" in str(told.value.hint)
    (studio, draft) = profiles.describe()
    assert [row[0] for row in studio.rows] == [
        "recogniser",
        "separator",
        "diarizer",
        "translator",
        "voice",
        "voice",
    ]
    assert all(row[4] for row in studio.rows)
    assert [row[1] for row in draft.rows] == ["pocketsphinx", "mask", "prosody", "apertium", "espeak"]


def test_what_was_given_needs_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path))
    settings = profiles.filled(Settings.of("es", profile="draft", recogniser="whisper", translator="chat"))
    with pytest.raises(MissingError):
        profiles.require(settings)
    profiles.require(settings.changed(transcript="a.srt", translation="b.srt"))


def test_a_choice_that_no_engine_heeds_is_told() -> None:
    settings = profiles.filled(Settings.of("es", profile="draft", beam=9, register="formal"))
    told = engines.unused(settings)
    assert len(told) == 2
    assert "beam" in told[0]
    assert "register" in told[1]
    assert engines.unused(profiles.filled(Settings.of("es", beam=9, register="formal"))) == []


def test_an_address_with_a_password_is_refused_whoever_translates() -> None:
    with pytest.raises(UsageError) as told:
        profiles.filled(Settings.of("es", profile="draft", base_url="https://me:sekret@host/v1"))
    assert "sekret" not in f"{told.value} {told.value.hint}"


@pytest.mark.parametrize("size", ["large-v3", "whisper-large-v3"])
def test_whispers_size_goes_by_both_its_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path))
    with pytest.raises(MissingError, match="The model whisper-large-v3 is"):
        engines.available("recogniser", profiles.filled(Settings.of("es", whisper_model=size)))


def test_a_model_of_another_role_is_refused_with_those_that_fit() -> None:
    settings = profiles.filled(Settings.of("es", model="whisper-small"))
    with pytest.raises(UsageError, match="has no model") as told:
        engines.available("translator", settings)
    assert "qwen3-1.7b" in str(told.value.hint)
    assert "htdemucs" not in str(told.value.hint)
