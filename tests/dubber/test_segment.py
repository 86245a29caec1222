"""Words become segments at pauses, sentence ends and changes of speaker, and none grows too long."""

from __future__ import annotations

import pytest

from align.lines import columns
from align.types import Span, Word
from dubber.stages.segment import LONGEST_MS, MOST_CHARACTERS, PAUSE_MS, joined, phrases, segment


def words(text: str, *, start: int = 0, length: int = 200, gap: int = 50) -> list[Word]:
    """Words one after another; '|' is a pause of PAUSE_MS."""
    out, at = [], start
    for piece in text.split():
        if piece == "|":
            at += PAUSE_MS - gap
            continue
        out.append(Word(piece, Span(at, at + length), 0.9))
        at += length + gap
    return out


def test_a_pause_cuts_and_a_breath_does_not() -> None:
    found = segment(words("ask not | what your country can do"))
    assert [s.text for s in found] == ["Ask not", "What your country can do"]
    assert [s.id for s in found] == ["s1", "s2"]
    spoken = words("ask not")
    near = Word("what", Span(spoken[-1].span.end + PAUSE_MS - 1, spoken[-1].span.end + PAUSE_MS + 100))
    assert len(segment([*spoken, near])) == 1


def test_a_segment_lasts_from_its_first_word_to_its_last_and_keeps_its_words() -> None:
    said = words("we are ready | to leave now", start=1230)
    found = segment(said)
    assert found[0].span == Span(said[0].span.start, said[2].span.end)
    assert [word for s in found for word in s.words] == said


def test_sentence_ends_cut_where_there_is_punctuation() -> None:
    found = segment(words('She left. "Did she?" Yes! Dr. Smith saw her at 3.5 miles…'))
    assert [s.text for s in found] == ["She left.", '"Did she?"', "Yes!", "Dr. Smith saw her at 3.5 miles…"]


def test_no_segment_crosses_a_change_of_speaker() -> None:
    said = words("one two three four")
    found = segment(said, lambda span: "Ann" if span.start < said[2].span.start else "Bob")
    assert [(s.speaker, s.text) for s in found] == [("Ann", "One two"), ("Bob", "Three four")]


def test_capitals_that_the_recogniser_wrote_are_left_alone() -> None:
    assert [s.text for s in segment(words("in Paris | and in Rome"))] == ["in Paris", "and in Rome"]
    assert [s.text for s in segment(words("so I say | that I'm here"))] == ["So I say", "That I'm here"]


def test_long_speech_is_cut_at_its_longest_inner_pause() -> None:
    first, second = words("word " * 12), words("other " * 9, start=12 * 250 + 150)
    found = segment([*first, *second])
    assert [len(s.words) for s in found] == [12, 9]


def test_nothing_is_longer_than_a_cue_and_no_word_is_lost() -> None:
    said = words("somebody talks without any pause at all for a very long time " * 40)
    found = segment(said)
    assert [word for s in found for word in s.words] == said
    assert all(len(s.text) <= MOST_CHARACTERS and s.span.duration <= LONGEST_MS for s in found)
    assert min(len(s.words) for s in found) >= 2


def test_one_endless_word_stands_alone() -> None:
    said = [Word("a" * 200, Span(0, 20_000))]
    assert segment(said)[0].span == Span(0, 20_000)


def test_no_words_no_segments() -> None:
    assert segment([]) == ()


def test_phrases_end_wherever_another_may_have_begun_to_speak() -> None:
    words = [
        Word("may", Span(0, 200)),
        Word("I", Span(250, 400)),
        Word("of", Span(650, 800)),
        Word("course", Span(999, 1400)),
    ]
    assert [[word.text for word in phrase] for phrase in phrases(words)] == [["may", "I"], ["of", "course"]]
    assert phrases([]) == ()


def texts(said: list[Word], language: str = "und") -> list[str]:
    return [one.text for one in segment(said, language=language)]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "So Mr. Jones met J. R. Smith and Mrs. Hill."),
        ("en", "The U.S. Army said so at 3.5 percent."),
        ("es", "El Sr. Gómez y la Sra. Ruiz vieron al Dr. Paz."),
        ("de", "Er kam z.B. Am 3. Mai mit Dr. Weber und Hr. Kurz."),
        ("fr", "Alors M. Dupont et Mgr. Blanc partent."),
        ("pt", "O Sr. Silva e a Dra. Costa chegaram."),
        ("ru", "В 1990 г. Москва и ул. Ленина."),
        ("da", "Den 4. Juni kom Hr. Olsen."),
        ("und", "Wait… and then... he said no."),
        ("und", "Is he?” she asked."),
    ],
)
def test_points_that_end_no_sentence_cut_nothing(language: str, text: str) -> None:
    assert texts(words(text), language) == [text]


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", ["Yes.", "No.", "Oh.", "So do I.", "We left in 1990.", "They were 12.", "And now…", "Stop!"]),
        ("nb", ["Jeg må dra.", "Kom nå."]),
        ("sv", ["Gå av.", "Nu kommer hon.", "Bra."]),
        ("el", ["Ναι.", "Όχι;", "Έλα!"]),
        ("hi", ["मैं घर जा रहा हूँ।", "तुम आओ।"]),
        ("ar", ["هل أنت هنا؟", "نعم."]),
        ("ur", ["میں جا رہا ہوں۔", "ٹھیک ہے۔"]),
        ("zh", ["你好。", "我们走吧！", "好吗？"]),
    ],
)
def test_sentences_end_in_every_script(language: str, sentences: list[str]) -> None:
    assert texts(words(" ".join(sentences)), language) == sentences


def characters(text: str, *, length: int = 100) -> list[Word]:
    """Each character a word, right after the other, as Whisper gives languages without spaces."""
    return [Word(c, Span(i * length, (i + 1) * length)) for i, c in enumerate(text)]


def test_languages_without_spaces_are_joined_without() -> None:
    for language, text in (
        ("ja", "今日は良い天気です。"),
        ("zh", "我们走吧！"),
        ("th", "สวัสดีครับ"),
        ("km", "សួស្តី"),
    ):
        assert texts(characters(text), language) == [text]
    assert joined(["我", "用", "Python", "3", "写", "的"]) == "我用Python 3写的"
    assert joined(["나는", "집에", "간다."]) == "나는 집에 간다."
    assert joined(["", "a", "b"]) == "a b"


def test_wide_characters_fill_a_cue_twice_as_fast() -> None:
    assert (columns("abc"), columns("日本"), columns("한글"), columns("ก่อน")) == (3, 4, 4, 3)
    text = (
        "これは長い文で区切りがなくとてもとても長くてどこまでも続いて"
        + "ゆくのでありますからして困ったものだとみんなが言う"
    )
    found = texts(characters(text), "ja")
    assert "".join(found) == text
    assert len(found) == 2
    assert all(len(one) <= MOST_CHARACTERS // 2 for one in found)


def test_a_long_sentence_without_pauses_is_cut_after_a_comma() -> None:
    said = [
        Word(w, Span(i * 250, (i + 1) * 250))
        for i, w in enumerate(("word " * 9 + "here, " + "other " * 12).split())
    ]
    assert [len(one.words) for one in segment(said)] == [10, 12]
