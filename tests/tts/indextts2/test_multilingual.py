"""What the text front end of 2.5 promises: the recorded cases, bounded segments, nothing cut that belongs together."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.goldens.harness import KIT
from bench.goldens.text import TEXT_CHECKS
from tts.errors import BadWeights, SpeakingFailed, VoiceError
from tts.indextts2.text import MultilingualFrontend, RankTokenizer, nemo, optional
from tts.indextts2.text.multilingual import EXTRA, MOST

RANKS = KIT / "text" / "multilingual_zh_ja_yue_char_del.tiktoken"


@pytest.fixture(scope="module")
def frontend() -> MultilingualFrontend:
    return MultilingualFrontend(RANKS)


@pytest.mark.parametrize("check", [name for name in TEXT_CHECKS if name.startswith("text25.")])
def test_every_recorded_case_comes_out_as_recorded(check: str) -> None:
    outcomes = list(TEXT_CHECKS[check](KIT))
    assert outcomes
    assert [f"{case}: {note}" for case, ok, note in outcomes if not ok] == []


WORDS = ("天気", "雨", "でしょう", "です")


def by_the_book(run: str) -> list[str]:
    """The words of a run, where the whole vocabulary is `WORDS`: a stand-in for the dictionary."""
    return [word for word in re.split(f"({'|'.join(WORDS)})", run) if word]


@pytest.fixture
def dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional, "lacking", lambda _: ())
    monkeypatch.setattr(optional, "_words", by_the_book)


@pytest.mark.usefixtures("dictionary")
def test_japanese_words_are_told_apart_after_its_readings_are_put_in(frontend: MultilingualFrontend) -> None:
    recorded = json.loads((KIT / "text" / "text25.json").read_text())["cases"]
    (case,) = [case for case in recorded if case["lang"] == "JA"]
    assert frontend.prepared(case["text"], case["lang"]) == case["final"]
    assert frontend.segments(case["text"], case["lang"]) == case["ids"]


@pytest.mark.usefixtures("dictionary")
def test_a_token_of_the_model_stays_whole_among_japanese_words(frontend: MultilingualFrontend) -> None:
    prepared = frontend.prepared("<雨|ame1>です AI", "ja")
    assert prepared == "<|SPECIAL_TOKEN_2|>AME1<|SPECIAL_TOKEN_2|>です AI"


@pytest.mark.parametrize(("language", "library"), [("ja", "fugashi"), ("es", "nemo_text_processing")])
def test_what_a_missing_library_leaves_undone_is_said_and_the_text_goes_through(
    frontend: MultilingualFrontend, monkeypatch: pytest.MonkeyPatch, language: str, library: str
) -> None:
    monkeypatch.setattr(optional, "find_spec", lambda _: None)
    (note,) = frontend.notes(language)
    assert library in note
    text = "天気は3雨 3"
    assert frontend.prepared(text, language) == text
    assert [frontend.notes(other) for other in ("zh", "en", "ar")] == [(), (), ()]
    monkeypatch.setattr(optional, "find_spec", lambda name: name)
    assert all(library not in note for note in frontend.notes(language))


class Grammar:
    """A stand-in for NeMo's normaliser that reads one number, and breaks at another."""

    def normalize(self, text: str, *, verbose: bool) -> str:
        assert not verbose
        if "7" in text:
            raise ValueError("no path")
        return text.replace("3", "tres")


def test_spanish_numbers_are_read_out_and_nothing_else_is_touched(
    frontend: MultilingualFrontend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optional, "lacking", lambda _: ())
    monkeypatch.setattr(nemo, "spanish", Grammar)
    assert frontend.prepared("Quiero 3 entradas, <sal|S3>.", "es") == (
        "QUIERO TRES ENTRADAS, <|SPECIAL_TOKEN_1|>S3<|SPECIAL_TOKEN_1|>."
    )
    assert frontend.prepared("hola, ¿cómo estás?", "es") == "HOLA, ¿CÓMO ESTÁS?"
    with pytest.raises(SpeakingFailed, match="put into words"):
        frontend.prepared("7 entradas", "es")


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("El Sr. García y la Dra. Pérez", True),
        ("Carlos V y Luis XIV", True),
        ("50 %", True),
        ("correo@casa", True),
        ("Hola, ¿cómo estás? «Bien» — dijo.", False),
        ("Buenos días…", False),
    ],
)
def test_the_grammar_reads_what_is_more_than_words(
    frontend: MultilingualFrontend, monkeypatch: pytest.MonkeyPatch, text: str, reads: bool
) -> None:
    heard: list[str] = []

    class Listening:
        def normalize(self, text: str, *, verbose: bool) -> str:
            heard.append(text)
            return text

    monkeypatch.setattr(optional, "lacking", lambda _: ())
    monkeypatch.setattr(nemo, "spanish", Listening)
    frontend.prepared(text, "es")
    assert heard == ([text] if reads else [])


def test_an_empty_line_is_no_rank(frontend: MultilingualFrontend, tmp_path: Path) -> None:
    (tmp_path / RANKS.name).write_bytes(RANKS.read_bytes() + b"\n")
    assert RankTokenizer(tmp_path / RANKS.name).encode("hello") == frontend.tokenizer.encode("hello")


def test_a_rank_file_of_any_length_is_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / RANKS.name).open("wb") as file:
        file.truncate(1 << 36)
    with pytest.raises(BadWeights, match="too long"):
        RankTokenizer(tmp_path / RANKS.name)


def test_no_id_is_beyond_the_size(frontend: MultilingualFrontend) -> None:
    highest = frontend.tokenizer.encode("<|SPECIAL_TOKEN_30|>")
    assert highest == [frontend.size - 1]


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=80), st.integers(1, 60))
def test_splitting_keeps_every_character_and_the_room(
    frontend: MultilingualFrontend, text: str, room: int
) -> None:
    segments = frontend.split(text, room)
    assert "".join(segments) == text
    for segment in segments:
        if "<|" not in segment and len(segment) > 1:
            assert len(frontend.tokenizer.encode(segment)) <= room


def test_a_pronunciation_is_never_cut(frontend: MultilingualFrontend) -> None:
    text = "We <live|L IH1 V> here, and they <live|L IH1 V> there."
    prepared = frontend.prepared(text, "en")
    for room in range(1, 40):
        segments = frontend.split(prepared, room)
        assert (
            sum(segment.count("<|SPECIAL_TOKEN_1|>L IH1 V<|SPECIAL_TOKEN_1|>") for segment in segments) == 2
        )


def test_a_token_typed_into_a_text_is_only_text(frontend: MultilingualFrontend) -> None:
    ids = frontend.segments("<|endoftext|> <|zh|> hello", "en")[0]
    first_special = 676
    assert [number for number in ids if number >= first_special] == frontend.tokenizer.encode("<|en|>")


@pytest.mark.parametrize("text", ["", "...", "—!?", "\u200b", "\ud800", "😀"])
def test_what_cannot_be_spoken_makes_no_segment(frontend: MultilingualFrontend, text: str) -> None:
    assert frontend.segments(text, "de") == []


def test_no_segment_is_longer_than_the_model_has_room_for(frontend: MultilingualFrontend) -> None:
    segments = frontend.segments("長" * 1500, "yue", limit=10_000)
    assert len(segments) > 1
    assert max(map(len, segments)) <= MOST + 1
    assert all(segment[-1] == EXTRA for segment in segments)


def test_a_text_over_the_limit_is_refused_at_once(frontend: MultilingualFrontend) -> None:
    with pytest.raises(SpeakingFailed, match="too long"):
        frontend.segments("a" * 100_000, "de")


def test_a_segment_of_no_ids_is_refused(frontend: MultilingualFrontend) -> None:
    with pytest.raises(ValueError, match="one id at least"):
        frontend.segments("a", "de", limit=0)


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(codec=None), max_size=80),
    st.sampled_from(["zh", "en", "es", "ja", "ar", "de", "zhen", "xx", "<|"]),
)
def test_any_text_is_ids_or_a_typed_error(frontend: MultilingualFrontend, text: str, language: str) -> None:
    try:
        segments = frontend.segments(text, language, limit=20)
    except VoiceError:
        return
    assert all(segment[-1] == EXTRA for segment in segments)


@pytest.mark.parametrize(
    "content", [b"", b"not a list of ranks", b"IQ== 0\nIg== 0\n", b"IQ== 0\n", b"IQ== zero\n"]
)
def test_a_broken_rank_file_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.tiktoken"
    file.write_bytes(content)
    with pytest.raises(BadWeights, match=r"x\.tiktoken"):
        RankTokenizer(file)
