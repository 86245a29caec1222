"""Words become segments at pauses, sentence ends and changes of speaker, and none grows too long."""

from __future__ import annotations

from align.types import Span, Word
from dubber.stages.segment import LONGEST_MS, MOST_CHARACTERS, PAUSE_MS, phrases, segment


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
