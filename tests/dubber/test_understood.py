"""Promises of intelligibility: error rates by known cases and by their laws, and takes heard each by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoken import RATE, say

from align.types import Span, Word
from dubber.audio import AudioFile, AudioWriter
from dubber.errors import MediaError, MissingError
from dubber.stages import understood
from dubber.stages.transcribe.door import Heard
from dubber.stages.transcribe.pocketsphinx import JOIN_MS, PocketSphinx
from dubber.stages.transcribe.whisper import JOIN_MS as WHISPER_JOIN_MS
from dubber.stages.understood import GAP_MS, Sounding, heard
from dubber.stages.wer import distance, errors, tokens

# -- error rates -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "heard", "language"),
    [
        ("El barco sale a las siete.", "el barco sale a las siete", "es"),
        ("Don’t stop — never!", "dont stop never", "en"),
        ("Ｆｕｌｌ ｗｉｄｔｈ ﬁne", "full width fine", "en"),
        ("Cafe\u0301 Mun\u0303oz", "café muñoz", "es"),
        ("ISPARTA İZMİR", "ısparta izmir", "tr"),
        ("ΣΙΣΥΦΟΣ", "σισυφος", "el"),
        ("Straße", "STRASSE", "de"),
        ("شُكْرًا جـــزيلا", "شكرا جزيلا", "ar"),
        ("할 수 있다", "할수있다", "ko"),
        ("你好，世界！", "你好世界", "zh"),
        ("ส วัสดี", "สวัสดี", "th"),
        ("l'eau et l’air", "leau et lair", "fr"),
        ("a\u00adbove", "above", "en"),
    ],
)
def test_how_a_text_is_written_is_no_error(text: str, heard: str, language: str) -> None:
    assert errors(text, heard, language) == 0.0
    assert errors(heard, text, language) == 0.0


@pytest.mark.parametrize(
    ("text", "heard", "language"),
    [
        ("El barco sale a las 7.", "el barco sale a las siete", "es"),
        ("Cuesta 1.251 €.", "cuesta mil doscientos cincuenta y uno euros", "es"),
        ("$5", "five dollars", "en"),
        ("90 % sure", "ninety percent sure", "en"),
        ("quatre-vingt-dix-sept ans", "97 ans", "fr"),
        ("2,000,000 people", "2 million people", "en"),
        ("the 19th century", "the nineteenth century", "en"),
        ("at 7:30", "at seven thirty", "en"),
        ("7時に来て", "七時に来て", "ja"),
        ("ราคา 1250 บาท", "ราคาหนึ่งพันสองร้อยห้าสิบบาท", "th"),
        ("٧ أيام", "7 أيام", "ar"),
        ("R&D", "r and d", "en"),
        ("news paper", "newspaper", "en"),
        ("1 250", "1,250", "fr"),
    ],
)
def test_numbers_signs_and_compounds_may_be_written_either_way(text: str, heard: str, language: str) -> None:
    assert errors(text, heard, language) == 0.0
    assert errors(heard, text, language) == 0.0


@pytest.mark.parametrize(
    ("text", "heard", "language", "rate"),
    [
        ("I saw him there", "eye saw hymn there", "en", 2 / 4),
        ("one two three four", "one three four", "en", 1 / 4),
        ("one two three", "one two and three", "en", 1 / 3),
        ("kitten", "sitting", "zh", 1.0),
        ("你好世界", "你好", "zh", 2 / 4),
        ("7 boats", "9 boats", "en", 1 / 2),
        ("7 boats", "boats", "en", 1 / 2),
        ("5 %", "5 €", "en", 1 / 2),
        ("7 boats", "seven goats", "en", 1 / 2),
        ("Sí.", "", "es", 1.0),
        ("Sí.", "sí sí sí", "es", 2.0),
        ("", "", "es", 0.0),
        ("…", "algo más", "es", 2.0),
        ("hello there", "hellothere now", "en", 1 / 2),
    ],
)
def test_what_was_misheard_left_out_or_put_in_is_counted(
    text: str, heard: str, language: str, rate: float
) -> None:
    assert errors(text, heard, language) == pytest.approx(rate)


def test_a_number_does_not_swallow_what_is_said_after_it() -> None:
    assert errors("7 boats left the harbour", "seven boats left", "en") == pytest.approx(2 / 5)
    assert errors("7", "one two three four five", "en") >= 3.0


words = st.lists(st.sampled_from("abcde"), max_size=7).map(tuple)


def plainly(one: Sequence[str], other: Sequence[str]) -> int:
    """Levenshtein's distance by its definition, with no table."""
    if not one or not other:
        return len(one) + len(other)
    return min(
        plainly(one[1:], other) + 1,
        plainly(one, other[1:]) + 1,
        plainly(one[1:], other[1:]) + (one[0] != other[0]),
    )


@given(st.lists(st.sampled_from("abc"), max_size=5), st.lists(st.sampled_from("abc"), max_size=5))
def test_over_plain_words_the_distance_is_levenshteins(one: list[str], other: list[str]) -> None:
    assert distance(one, other) == plainly(one, other)


@given(words, words, words)
def test_the_distance_is_a_metric(
    one: tuple[str, ...], other: tuple[str, ...], third: tuple[str, ...]
) -> None:
    assert distance(one, one) == 0
    assert distance(one, other) == distance(other, one)
    assert (distance(one, other) == 0) == (one == other)
    assert distance(one, third) <= distance(one, other) + distance(other, third)
    assert abs(len(one) - len(other)) <= distance(one, other) <= max(len(one), len(other))


@given(
    st.text(max_size=30), st.text(max_size=30), st.sampled_from(["en", "tr", "ja", "ko", "zh-Hant", "und"])
)
def test_any_two_texts_have_a_rate(one: str, other: str, language: str) -> None:
    rate = errors(one, other, language)
    assert rate >= 0.0
    assert errors(one, one, language) == 0.0
    assert distance(tokens(one, language), tokens(other, language)) == distance(
        tokens(other, language), tokens(one, language)
    )


# -- takes heard -------------------------------------------------------------------------------------


def take(folder: Path, name: str, samples: np.ndarray) -> Sounding:
    """A take in a file: 100 ms of silence, the samples (16 kHz), 100 ms of silence."""
    import soxr

    loud = soxr.resample(samples.astype(np.float32), RATE, 48_000)[: len(samples) * 3 // 48 * 48]
    edge = np.zeros(4800, np.float32)
    with AudioWriter(folder / name, channels=1) as writer:
        writer.append(np.concatenate([edge, loud, edge]))
    return Sounding(folder / name, 100, 100 + len(loud) // 48)


class Listening:
    """A recogniser that gives, of each stretch of speech, two words: its level in per cent, and its number."""

    name = "listening"

    def __init__(self, languages: tuple[str, ...] = ("es",)) -> None:
        self.languages = languages
        self.heard: list[tuple[Span, ...]] = []
        self.paths: list[Path] = []

    def check(self, language: str) -> None:
        if language not in self.languages:
            raise MissingError(f"The recogniser does not understand {language}.", hint="Another.")

    def digest(self) -> str:
        return "listening"

    def recognise(
        self,
        audio: AudioFile,
        speech: Sequence[Span],
        language: str,
        progress: Callable[[float], None] = lambda _: None,
        quiet: AudioFile | None = None,
    ) -> Heard:
        self.heard.append(tuple(speech))
        self.paths.append(audio.path)
        said = []
        for index, span in enumerate(speech):
            level = round(100 * float(np.median(audio.read(span.samples.start, span.samples.stop))))
            middle = (span.start + span.end) // 2
            said.append(Word(f" {level}", Span(span.start - 150, middle)))
            said.append(Word(f"w{index}", Span(middle, span.end + 150)))
        progress(1.0)
        return Heard(tuple(said), language)

    def close(self) -> None:
        pass


def test_every_take_is_heard_by_itself_and_its_words_come_back_to_it(tmp_path: Path) -> None:
    made = [take(tmp_path, f"{level}.wav", np.full(1600 * level, level / 10)) for level in (2, 9, 5)]
    recogniser, shares = Listening(), list[float]()
    texts = heard(recogniser, made, "es", shares.append)
    assert [text.split()[1] for text in texts] == ["w0", "w1", "w2"]
    assert [int(text.split()[0]) for text in texts] == pytest.approx([20, 90, 50], abs=1)
    (spans,) = recogniser.heard
    assert [span.duration for span in spans] == [one.end - one.start for one in made]
    assert all(after.start - before.end == GAP_MS for before, after in pairwise(spans))
    assert max(JOIN_MS, WHISPER_JOIN_MS) < GAP_MS, "nobody hears two takes together"
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert not recogniser.paths[0].exists(), "what was laid out is gone"


def test_many_takes_are_laid_out_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(understood, "GROUP_MS", 2 * GAP_MS)
    made = [take(tmp_path, f"{level}.wav", np.full(1600, level / 10)) for level in (1, 2, 3, 4, 5)]
    recogniser, shares = Listening(), list[float]()
    texts = heard(recogniser, made, "es", shares.append)
    assert [int(text.split()[0]) for text in texts] == pytest.approx([10, 20, 30, 40, 50], abs=1)
    assert [len(spans) for spans in recogniser.heard] == [2, 2, 1]
    assert shares == sorted(shares)
    assert len(shares) == 4


def test_a_silent_take_is_not_asked_about(tmp_path: Path) -> None:
    spoken = take(tmp_path, "a.wav", np.full(1600, 0.5))
    silent = Sounding(tmp_path / "never.wav", 0, 0)
    recogniser = Listening()
    assert [bool(text) for text in heard(recogniser, [silent, spoken, silent], "es")] == [False, True, False]
    assert heard(recogniser, [silent], "es") == [""]
    assert heard(recogniser, [], "es") == []
    assert len(recogniser.heard) == 1


def test_a_recogniser_without_the_language_is_no_judge_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="English only"):
        heard(PocketSphinx(1), [take(tmp_path, "a.wav", np.full(1600, 0.5))], "es")


def test_a_take_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"gone\.wav"):
        heard(Listening(), [Sounding(tmp_path / "gone.wav", 0, 100)], "es")


def test_a_take_said_clearly_has_fewer_errors_than_one_in_noise(tmp_path: Path) -> None:
    text = "We will be there in the morning with some water and a boat."
    clear = say(text)
    noise = np.random.default_rng(1).standard_normal(len(clear)).astype(np.float32)
    made = [
        take(tmp_path, "clear.wav", 0.5 * clear / np.abs(clear).max()),
        take(tmp_path, "noisy.wav", 0.2 * clear / np.abs(clear).max() + 0.2 * noise),
    ]
    good, bad = (errors(text, one, "en") for one in heard(PocketSphinx(1), made, "en"))
    assert good < 0.6
    assert bad > good + 0.3
