"""A line is spoken in phrases where its actor pauses, taken apart where the text allows it, and nowhere else."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from align.breaks import breaks
from align.phrases import MARK, gaps, laid, pauses, phrases, split, unmarked
from align.rate import spoken_ms
from align.types import Span, Word

LANGUAGES = ("en", "es", "fr", "de", "it", "pt", "nl", "ru", "pl", "tr", "ja", "zh", "ko", "ar", "th", "und")


def length(text: str) -> float:
    """A voice that takes 60 ms for a character."""
    return 60.0 * len(text)


def spans(*edges: tuple[int, int]) -> tuple[Span, ...]:
    return tuple(Span(*edge) for edge in edges)


def words(*edges: tuple[int, int]) -> tuple[Word, ...]:
    return tuple(Word("word", Span(*edge)) for edge in edges)


def in_spanish(text: str, *shares: float) -> tuple[str, ...]:
    return split(text, shares, "es", lambda phrase: spoken_ms(phrase, "es"))


LINE = Span(1000, 5000)

# Pauses in the source


def test_one_pause_and_two_are_found_with_words_and_without() -> None:
    one = spans((1000, 2200), (2900, 5000))
    two = spans((1000, 1900), (2500, 3400), (3800, 5000))
    assert pauses(LINE, (), one) == spans((2200, 2900))
    assert pauses(LINE, (), two) == spans((1900, 2500), (3400, 3800))
    said = words((1000, 1400), (1400, 1900), (2500, 3000), (3000, 3400), (3800, 5000))
    assert pauses(LINE, said, two) == spans((1900, 2500), (3400, 3800))


def test_short_pauses_are_left_to_the_voice() -> None:
    speech = spans((1000, 2200), (2490, 3500), (3800, 5000))
    assert pauses(LINE, (), speech) == spans((3500, 3800))
    assert pauses(LINE, (), speech, shortest=290) == spans((2200, 2490), (3500, 3800))
    assert pauses(LINE, (), speech, shortest=301) == ()


def test_silence_before_and_after_the_speech_is_no_inner_pause() -> None:
    assert pauses(LINE, (), spans((2000, 3000))) == ()
    assert pauses(LINE, words((2000, 2500), (2500, 3000)), spans((2000, 3000))) == ()
    assert pauses(LINE, (), spans((0, 900), (2000, 3000), (5600, 7000))) == ()


def test_the_tail_of_the_line_before_makes_no_pause() -> None:
    assert pauses(LINE, (), spans((200, 1120), (1800, 4900))) == ()


def test_a_sliver_is_no_phrase_and_takes_the_shorter_pause_with_it() -> None:
    assert pauses(LINE, (), spans((1000, 2000), (2900, 3100), (3500, 5000))) == spans((2000, 2900))
    assert pauses(LINE, (), spans((1000, 1200), (2000, 5000))) == ()


def test_a_word_said_by_itself_is_a_phrase_where_it_was_recognised() -> None:
    speech = spans((1000, 1200), (2700, 5000))
    assert pauses(LINE, words((1000, 1200), (2700, 3500), (3500, 5000)), speech) == spans((1200, 2700))


def test_a_breath_inside_a_pause_is_part_of_the_pause() -> None:
    speech = spans((1000, 2000), (2600, 2900), (3200, 5000))
    said = words((1000, 1500), (1500, 2000), (3200, 4000), (4000, 5000))
    assert pauses(LINE, said, speech) == spans((2000, 3200))


@pytest.mark.parametrize("drift", (-200, -120, 120, 200))
def test_words_that_drift_do_not_move_or_lose_a_pause(drift: int) -> None:
    speech = spans((1000, 2200), (2900, 5000))
    said = words(*((start + drift, end + drift) for start, end in ((1000, 1600), (1600, 2200), (2900, 5000))))
    assert pauses(LINE, said, speech) == spans((2200, 2900))


def test_a_word_stretched_across_a_pause_does_not_hide_it() -> None:
    speech = spans((1000, 2200), (2900, 5000))
    assert pauses(LINE, words((1000, 1600), (1600, 2900), (2900, 5000)), speech) == spans((2200, 2900))
    assert pauses(LINE, words((1000, 1600), (1600, 2200), (2200, 5000)), speech) == spans((2200, 2900))
    assert pauses(LINE, words((1000, 1600), (1600, 2500), (2500, 5000)), speech) == spans((2200, 2900))


def test_words_too_soft_for_voice_activity_are_no_pause() -> None:
    speech = spans((1000, 2200), (2900, 5000))
    assert pauses(LINE, words((1000, 2200), (2200, 2550), (2550, 2900), (2900, 5000)), speech) == ()
    assert pauses(LINE, words((1000, 2200), (2200, 2900), (2900, 5000)), speech) == ()


def test_a_silence_inside_one_long_word_is_no_pause() -> None:
    assert (
        pauses(LINE, words((1000, 1100), (1200, 4500), (4500, 5000)), spans((1000, 2200), (2900, 5000))) == ()
    )


def test_music_taken_for_voice_makes_no_pause_and_hides_none_that_is_heard() -> None:
    said = words((1000, 1500), (1500, 2000), (3000, 3500), (3500, 5000))
    assert pauses(LINE, said, spans((0, 9000))) == ()
    # Music in the second half of the pause: what is silent of it is kept.
    assert pauses(LINE, said, spans((1000, 2000), (2500, 5000))) == spans((2000, 2500))


def test_where_no_voice_was_found_words_alone_need_a_longer_gap() -> None:
    assert pauses(LINE, words((1000, 2000), (2600, 5000)), ()) == spans((2000, 2600))
    assert pauses(LINE, words((1000, 2000), (2450, 5000)), ()) == ()


def _laid_out(steps: list[tuple[int, int]]) -> tuple[Span, ...]:
    at, out = 700, []
    for silence, sound in steps:
        out.append(Span(at + silence, at + silence + sound))
        at += silence + sound
    return tuple(out)


speech_lists = st.lists(st.tuples(st.integers(80, 900), st.integers(80, 900)), max_size=12).map(_laid_out)


@given(speech_lists, speech_lists)
def test_pauses_lie_apart_inside_the_line_where_nobody_is_heard_with_sound_around_them(
    speech: tuple[Span, ...], said: tuple[Span, ...]
) -> None:
    for own in ((), tuple(Word("word", span) for span in said)):
        found = pauses(LINE, own, speech)
        sounds = speech if any(LINE.overlap(one) for one in speech) else said
        edges = [LINE.start, *(edge for one in found for edge in (one.start, one.end)), LINE.end]
        assert edges == sorted(edges)
        for pause in found:
            assert pause.duration >= 300
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            if found:
                assert sum(Span(start, end).overlap(one) for one in sounds) > 0
        if not own:
            assert all(pause.overlap(one) == 0 for pause in found for one in speech)


# The text


@pytest.mark.parametrize(
    ("language", "parted", "shares"),
    (
        ("es", "Muy buenos días,/ me llamo Jordi Mas.", (40, 60)),
        ("es", "No preguntéis/ qué puede hacer por vosotros.", (30, 70)),
        ("es", "Esperamos una hora/ pero el tren no llegó.", (50, 50)),
        ("en", "We waited an hour/ but the train never came.", (45, 55)),
        ("en", "Leave me alone./ I am tired.", (55, 45)),
        ("en", "He turned —/ and she was gone.", (45, 55)),
        ("fr", "Je crois qu'il faut partir/ parce que la nuit tombe.", (55, 45)),
        ("fr", "Je reste/ alors qu’il part demain matin.", (35, 65)),
        ("de", "Ich weiß, dass du kommst,/ aber ich bleibe hier.", (50, 50)),
        ("it", "So che tornerà/ perché me l'ha promesso.", (40, 60)),
        ("pt", "Não vou embora/ porque amo esta cidade.", (40, 60)),
        ("nl", "Ik blijf vannacht thuis/ want het regent hard.", (50, 50)),
        ("ru", "Я не знаю, почему он ушёл,/ но я жду.", (65, 35)),
        ("pl", "Nie wiem, gdzie jest,/ ale czekam na niego.", (50, 50)),
        ("tr", "Neden gittiğini bilmiyorum/ ama onu özlüyorum.", (55, 45)),
        ("ja", "雨が降っていたので、/家で本を読みました。", (50, 50)),
        ("ja", "今日は行かなかったけれど/明日は必ず行きます。", (50, 50)),
        ("ja", "雨が降ったから/家で本を読みました。", (45, 55)),
        ("ja", "東京駅に着いたら/電話してくださいね。", (50, 50)),
        ("ja", "スミス先生は/「どうぞ」と言いました。", (40, 60)),
        ("ja", "え？本当に？/信じられない！", (50, 50)),
        ("zh", "他下班回家以后/给我打了电话。", (50, 50)),
        ("zh", "我不知道他在哪里，/但是我每天都想他。", (50, 50)),
        ("zh", "我不知道他在哪里/但是我每天都想他", (50, 50)),
        ("ko", "왜 떠났는지 모르지만/ 나는 매일 그리워요.", (50, 50)),
        ("ar", "رقم هاتفي طويل؛/ واسمي قصير.", (55, 45)),
        ("ar", "هل هذا حقا؟/ لا أصدق ذلك!", (50, 50)),
        ("ar", "لا أعرف لماذا رحل،/ لكن أفتقده كل يوم.", (50, 50)),
        ("th", "ฉันไม่รู้ว่าเขาอยู่ที่ไหน/ แต่ฉันคิดถึงเขา", (55, 45)),
        ("es-MX", "Sí, pero mañana no puedo,/ tengo que trabajar.", (55, 45)),
    ),
)  # fmt: skip
def test_a_text_is_taken_apart_where_its_language_pauses(
    language: str, parted: str, shares: tuple[int, int]
) -> None:
    expected = [phrase.strip() for phrase in parted.split("/")]
    assert list(split(parted.replace("/", ""), shares, language, length)) == expected


@pytest.mark.parametrize(
    ("language", "text"),
    (
        ("es", "La casa de mi madre es muy grande."),
        ("es", "Ramón y Cajal nació aquí."),
        ("es", "Tengo treinta y cinco años."),
        ("es", "Antes de que vengas llámame."),
        ("es", "Hay que tener mucho cuidado."),
        ("en", "The doctor gave her 3, 4 spoons."),
        ("en", "It was 10 000 3 - 4 dollars."),
        ("en", "Yesterday Dr. Smith arrived."),
        ("en", "Yesterday J. R. Smith arrived."),
        ("en", "Come and sit."),
        ("en", "Sammy Davis, Jr. was there."),
        ("de", "Es war der 3. Oktober gewesen."),
        ("fr", "Tout ce qu'il faut."),
        ("ja", "これは私のものです"),
        ("ja", "あなたから電話が来た"),
        ("ja", "値段は3、4円です"),
        ("ar", "السعر ٣٫٥٠ يورو"),
        ("zh", "知其所以然"),
        ("und", "but because although unless"),
    ),
)
def test_no_break_inside_names_numbers_and_what_belongs_together(language: str, text: str) -> None:
    middle = [share / 10 for share in range(1, 10)]
    assert {split(text, (at, 1 - at), language, length) for at in middle} == {(text,)}


def test_a_bad_break_is_worse_than_a_lost_pause() -> None:
    # The only break leaves one part four times as long as its share.
    text = "No, ayer estuvimos esperando en la puerta de tu casa toda la noche."
    assert in_spanish(text, 85, 15) == (text,)
    assert in_spanish(text, 10, 90) == ("No,", text[4:])


def test_of_two_pauses_the_one_that_the_text_bears_is_kept() -> None:
    text = "Esperamos una hora entera bajo la lluvia, pero el tren no llegó."
    assert in_spanish(text, 30, 30, 40) == (
        "Esperamos una hora entera bajo la lluvia,",
        "pero el tren no llegó.",
    )


def test_marks_as_many_as_pauses_win_over_everything() -> None:
    assert split("De | mi casa, vengo ahora.", (50, 50), "es", length) == ("De", "mi casa, vengo ahora.")
    assert split("a | b | c", (80, 10, 10), "en", length) == ("a", "b", "c")


def test_of_more_marks_the_nearest_are_taken() -> None:
    text = "one two | three four | five six | seven eight"
    assert split(text, (50, 50), "en", length) == ("one two three four", "five six seven eight")
    assert split(text, (75, 25), "en", length) == ("one two three four five six", "seven eight")


def test_a_single_mark_is_a_break_and_the_other_pause_goes_by_the_text() -> None:
    text = "Esperamos una | hora entera. El tren no llegó."
    assert in_spanish(text, 30, 25, 45) == ("Esperamos una", "hora entera.", "El tren no llegó.")
    assert in_spanish("Una casa | de mi madre", 30, 30, 40) == ("Una casa", "de mi madre")


def test_without_pauses_marks_are_taken_out() -> None:
    assert split("Come in | and sit.", (1.0,), "en", length) == ("Come in and sit.",)


def test_shares_that_are_none_are_refused() -> None:
    for shares in ((), (1.0, 0.0), (1.0, -1.0), (1.0, float("nan")), (float("inf"), 1.0)):
        with pytest.raises(ValueError, match="not the shares"):
            split("Come in.", shares, "en", length)


alphabet = (
    "aáÑ ,.;:!?…—-–'’\"«»()[]¿¡|｜340 y o de que but and по، كو一但是、。はのでけ가지만 ก\u200f\u200d\n\t<i>"
)
ODD = ["Ana", "y", "que", "pero", "casa", "|", ",", "3,", "4", "Dr.", "—", "no.", "¿Qué", "但是", "は", "..."]
texts = st.one_of(
    st.text(alphabet, max_size=60),
    st.lists(st.sampled_from(ODD), max_size=25).map(" ".join),
)
shares = st.lists(st.floats(0.01, 100), min_size=1, max_size=15)


def letters(text: str) -> str:
    return "".join(text.replace("|", "").replace("｜", "").split())


@given(texts, shares, st.sampled_from(LANGUAGES))
def test_the_phrases_are_the_text_in_order_none_empty_and_no_more_than_the_pauses_allow(
    text: str, parts: list[float], language: str
) -> None:
    found = split(text, parts, language, length)
    assert letters("".join(found)) == letters(text)
    assert 1 <= len(found) <= len(parts)
    if len(found) > 1:
        assert all(any(map(str.isalnum, phrase)) for phrase in found)
    assert all(phrase == phrase.strip() and MARK not in phrase for phrase in found)
    assert found == split(text, parts, language, length)


@given(texts, shares, st.sampled_from(LANGUAGES))
def test_phrases_that_are_marked_as_they_were_split_are_split_so_again(
    text: str, parts: list[float], language: str
) -> None:
    found = split(text, parts, language, length)
    again = split(f" {MARK} ".join(found), [1.0] * len(found), language, length)
    assert list(map(letters, again)) == list(map(letters, found))


@given(texts, st.sampled_from(LANGUAGES))
def test_breaks_lie_inside_the_text_in_order(text: str, language: str) -> None:
    plain, found = breaks(text, language)
    assert plain == " ".join(unmarked(text).split())
    assert all(before.at < after.at for before, after in pairwise(found))
    for one in found:
        assert 0 < one.at < len(plain)
        assert not (
            plain[one.at - 1].isascii()
            and plain[one.at - 1].isalnum()
            and plain[one.at].isascii()
            and plain[one.at].isalnum()
        )


# Marks


@pytest.mark.parametrize(
    ("marked", "plain"),
    (
        ("Come in | and sit down.", "Come in and sit down."),
        ("Come in| and sit down.", "Come in and sit down."),
        ("Come in |and sit down.", "Come in and sit down."),
        ("Come in|and sit down.", "Come in and sit down."),
        ("Come in || and | | sit down.", "Come in and sit down."),
        ("| Come in and sit down. |", "Come in and sit down."),
        ("Come in |, and sit down.", "Come in, and sit down."),
        ("Come in, | and sit down | .", "Come in, and sit down."),
        ("¿|Qué quieres, | Juan|?", "¿Qué quieres, Juan?"),
        ("C'est l'|homme | !", "C'est l'homme !"),
        ("he said “|Come| in|”", "he said “Come in”"),
        ("Come in |\nand sit down.", "Come in\nand sit down."),
        ("<i>Come in | and sit</i>", "<i>Come in and sit</i>"),
        ("我知道|你在哪里", "我知道你在哪里"),
        ("我知道 ｜ 你在哪里", "我知道你在哪里"),
        ("لا أعرف | لماذا", "لا أعرف لماذا"),
        ("|", ""),
        (" | || ", ""),
        ("", ""),
        ("  untouched  text ", "  untouched  text "),
    ),
)
def test_marks_are_taken_out_and_the_spacing_is_as_without_them(marked: str, plain: str) -> None:
    assert unmarked(marked) == plain


@given(texts)
def test_taking_marks_out_takes_nothing_else_and_is_done_once(text: str) -> None:
    plain = unmarked(text)
    assert letters(plain) == letters(text)
    assert MARK not in plain and "｜" not in plain
    assert unmarked(plain) == plain


@pytest.mark.parametrize("unit", ("a|", "|", "y que lo ", "a, ", "…", "我，", "—|", "가지만 "))
@pytest.mark.parametrize("size", (2_000, 100_000))
def test_even_a_text_that_is_no_line_is_taken_apart_in_seconds(unit: str, size: int) -> None:
    text = unit * (size // len(unit))
    began = time.process_time()
    found = split(text, [1.0, 2.0, 1.0] * 5, "es", length)
    assert time.process_time() - began < 10
    assert letters("".join(found)) == letters(text)


# Both


def test_a_line_without_pauses_is_one_phrase_over_the_whole_span() -> None:
    (one,) = phrases(LINE, "Come in, | and sit.", (), spans((1200, 4000)), "en", length)
    assert (one.text, one.span, one.said) == ("Come in, and sit.", LINE, "Come in, and sit.")


def test_phrases_have_the_pauses_of_the_source_between_them() -> None:
    speech = spans((1100, 1900), (2500, 3700), (4300, 4900))
    text = "Esperamos allí, pero tu tren no ha llegado, ya ves."
    found = phrases(LINE, text, (), speech, "es", length)
    assert [one.text for one in found] == ["Esperamos allí,", "pero tu tren no ha llegado,", "ya ves."]
    assert [one.span for one in found] == list(spans((1000, 1900), (2500, 3700), (4300, 5000)))
    assert gaps([one.span for one in found]) == pauses(LINE, (), speech)
    assert laid([one.span for one in found]) == ((0, 900), (1500, 1200), (3300, 700))


def test_where_the_text_bears_fewer_breaks_a_phrase_stands_for_the_pause_too() -> None:
    speech = spans((1000, 2000), (2400, 3300), (4300, 5000))
    found = phrases(LINE, "Esperamos una hora entera bajo la lluvia. No vino.", (), speech, "es", length)
    assert [one.span for one in found] == list(spans((1000, 3300), (4300, 5000)))


def test_a_long_pause_is_worth_a_break_that_a_short_one_is_not() -> None:
    text = "Me gusta el pan blanco y agua fresca."
    short, long = spans((1000, 2750), (3060, 5000)), spans((1000, 2200), (3700, 5000))
    assert len(phrases(LINE, text, (), short, "es", length)) == 1
    assert len(phrases(LINE, text, (), long, "es", length)) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    (
        ("Come in | and sit.", "Come in,"),
        ("Come in, | and sit.", "Come in,"),
        ("Come in — | and sit.", "Come in —"),
        ("Come in. | And sit.", "Come in."),
        ("Come in? | And sit.", "Come in?"),
        ("“Come in” | and sit.", "“Come in”,"),
        ("我知道|你在哪里。", "我知道，"),
        ("それは|いいですね。", "それは、"),
        ("لا أعرف | لماذا رحل.", "لا أعرف،"),
    ),
)
def test_a_phrase_that_goes_on_is_said_with_a_comma_and_never_with_a_full_stop(text: str, said: str) -> None:
    first, last = phrases(LINE, text, (), spans((1000, 2600), (3200, 5000)), "und", length)
    assert first.said == said
    assert last.said == last.text


def test_phrases_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="not a span"):
        laid(spans((0, 1000), (900, 2000)))


@given(texts, speech_lists)
def test_phrases_begin_and_end_with_the_line_and_lie_apart(text: str, speech: tuple[Span, ...]) -> None:
    found = phrases(LINE, text, (), speech, "es", length)
    assert (found[0].span.start, found[-1].span.end) == (LINE.start, LINE.end)
    assert len(found) <= len(pauses(LINE, (), speech)) + 1
    assert all(pause.duration >= 300 for pause in gaps([one.span for one in found]))
    assert letters("".join(one.text for one in found)) == letters(text)
    assert not found[-1].goes_on
