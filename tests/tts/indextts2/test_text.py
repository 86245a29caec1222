"""What the text front end promises: the recorded cases, whatever is thrown at it, and the same answer every time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.goldens.harness import KIT
from bench.goldens.text import TEXT_CHECKS
from tts.errors import BadWeights, SpeakingFailed, VoiceError
from tts.indextts2.text import (
    Normaliser,
    TextFrontend,
    Tokenizer,
    corrected,
    pretokenise,
    read_glossary,
    split,
)
from tts.indextts2.text.normalise import LONGEST

MODEL = KIT / "text" / "bpe_test.model"


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend(MODEL)


@pytest.mark.parametrize("check", [name for name in TEXT_CHECKS if name.startswith("text.")])
def test_every_recorded_case_comes_out_as_recorded(check: str) -> None:
    outcomes = list(TEXT_CHECKS[check](KIT))
    assert outcomes
    assert [f"{case}: {note}" for case, ok, note in outcomes if not ok] == []


# --- splitting ---

PIECES = st.lists(
    st.sampled_from(["a", "▁b", ".", "!", "?", "▁.", "▁?", "▁...", ",", "▁,", "-", "'", "▁'", ""]),
    max_size=80,
)


def without_doubled_quotes(pieces: list[str], segments: list[list[str]]) -> list[str]:
    """The segments' pieces, less each quote that follows its own copy where the original has only one."""
    kept: list[str] = []
    for piece in (piece for segment in segments for piece in segment):
        if len(kept) < len(pieces) and piece == pieces[len(kept)]:
            kept.append(piece)
        else:
            assert piece in ("'", "▁'") and kept and kept[-1] == piece
    return kept


@given(PIECES, st.integers(1, 40), st.integers(0, 40))
def test_splitting_keeps_every_piece_in_order_and_adds_only_doubled_quotes(
    pieces: list[str], limit: int, quick: int
) -> None:
    segments = split(pieces, limit, quick)
    assert without_doubled_quotes(pieces, segments) == pieces
    assert all(segments)


@given(PIECES, st.integers(1, 40), st.integers(0, 40))
def test_a_segment_passes_the_limit_by_a_doubled_quote_at_most(
    pieces: list[str], limit: int, quick: int
) -> None:
    for segment in split(pieces, limit, quick):
        assert len(segment) <= limit + (segment[-1] in ("'", "▁'"))


def test_a_hundred_thousand_pieces_are_split_without_a_mark_to_split_at() -> None:
    segments = split(["a"] * 100_000, 120)
    assert max(map(len, segments)) == 120
    assert sum(map(len, segments)) == 100_000


@pytest.mark.parametrize("limit", [0, -1])
def test_a_segment_of_no_pieces_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="one piece at least"):
        split(["a"], limit)


# --- normalising ---


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Dr. Smith's dog (3)", "doctor Smith's dog 'three'"),
        ('I don\'t know; say "hi" at 8:30!', "I don't know, say 'hi' at eight thirty!"),
        ("it's #1  of\n2", "it is number one of two"),
        ("T5-XL runs", "T five-XL runs"),
        ("She will <live|L IH1 V> for 3 days", "She will <live|L IH1 V> for three days"),
        ("in the 1960s and 1800s", "in the nineteen sixties and eighteen hundreds"),
        ("繁體字", "繁体字"),
        ("花儿真好看", "花儿真好看"),
        ("價格$5", "价格五美元"),
    ],
)
def test_a_text_becomes_what_is_said(written: str, said: str) -> None:
    assert Normaliser().normalise(written) == said


def test_a_long_text_is_read_as_its_sentences_are() -> None:
    sentence = "He paid 12 dollars, then left. "
    said = "He paid twelve dollars, then left. "
    assert Normaliser().normalise(sentence * 20) == (said * 20).strip()


def test_format_characters_and_halves_of_surrogate_pairs_change_nothing() -> None:
    plain = Normaliser().normalise("See you at 8:30, ok?")
    assert Normaliser().normalise("\u202eSee\u200b you\ud800 at\x07 8:30\ue000,\U00100000 ok?\u2066") == plain


def test_the_glossary_prefers_the_longest_term_in_any_case() -> None:
    glossary = {"tts": "T T S", "Index TTS": {"en": "the index"}}
    normaliser = Normaliser(glossary)
    assert normaliser.normalise("index tts and TTS") == "the index and T T S"
    assert normaliser.normalise("用 Index TTS 吧") == "用 Index TTS 吧"  # nothing given for Chinese


def test_a_reading_is_not_searched_for_terms_again() -> None:
    assert Normaliser({"a1b": "c", "c": "d"}).normalise("say a1b now") == "say c now"


def test_a_glossary_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "glossary.yaml"
    file.write_text("C++: {en: C plus plus, zh: C 加加}\nTTS: T T S\n", encoding="utf-8")
    assert read_glossary(file) == {"C++": {"en": "C plus plus", "zh": "C 加加"}, "TTS": "T T S"}
    assert TextFrontend(MODEL, file).normalised("C++ or TTS") == "C plus plus or T T S"


@pytest.mark.parametrize(
    "broken", ["- a\n- b\n", "a: 1\n", "a: {zh: 1}\n", "a: [", "!!python/object:os.x {}\n"]
)
def test_a_broken_glossary_is_named(tmp_path: Path, broken: str) -> None:
    file = tmp_path / "glossary.yaml"
    file.write_text(broken, encoding="utf-8")
    with pytest.raises(BadWeights, match=r"glossary\.yaml"):
        read_glossary(file)


def test_pinyin_is_respelled_after_j_q_x_only() -> None:
    assert [corrected(syllable) for syllable in ("ju2", "lü4", "qiong2")] == ["JV2", "lü4", "QIONG2"]


@given(st.text(max_size=60))
def test_pretokenising_twice_changes_nothing_more(text: str) -> None:
    once = pretokenise(text)
    assert pretokenise(once) == once


# --- the whole front end ---


@pytest.mark.parametrize("text", ["", "  \n", "...", "?!", "—", "\u200b\u202e", "\ud800", "😀"])
def test_what_cannot_be_spoken_makes_no_segment(frontend: TextFrontend, text: str) -> None:
    assert frontend.segments(text) == []


def test_a_text_over_the_limit_is_refused_at_once(frontend: TextFrontend) -> None:
    with pytest.raises(SpeakingFailed, match=str(LONGEST)):
        frontend.segments("a" * 100_000)


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec=None), max_size=80))
def test_any_text_is_ids_or_a_typed_error(frontend: TextFrontend, text: str) -> None:
    try:
        segments = frontend.segments(text, limit=20)
    except VoiceError:
        return
    assert all(0 <= number < frontend.tokenizer.size for segment in segments for number in segment)
    assert all(0 < len(segment) <= 21 for segment in segments)


def test_the_same_text_makes_the_same_ids_in_every_thread() -> None:
    texts = ["ju2 是 12:30", "Dr. Smith paid $12.50", "玛丽·居里和阿尔伯特·爱因"] * 4
    alone = TextFrontend(MODEL)
    shared = TextFrontend(MODEL)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(shared.segments, texts)) == [alone.segments(text) for text in texts]


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x00" * 4096])
def test_a_broken_tokeniser_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "bpe.model"
    file.write_bytes(content)
    with pytest.raises(BadWeights, match=r"bpe\.model"):
        Tokenizer(file)


def test_a_missing_tokeniser_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match=r"bpe\.model"):
        Tokenizer(tmp_path / "bpe.model")


def test_a_cut_tokeniser_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bpe.model"
    file.write_bytes(MODEL.read_bytes()[:1000])
    with pytest.raises(BadWeights, match=r"bpe\.model"):
        Tokenizer(file)
