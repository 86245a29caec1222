"""Subtitle lines broken as each language is read, and put together again without a trace; right-to-left for viewers."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from align.breaks import unmarked
from align.lines import columns, is_cosmetic, joined, settled
from align.links import plain
from dubber.srt import Cue, directed, parse, serialise, spoken, wrapped
from dubber.srt.kinsoku import CLOSING, OPENING
from dubber.srt.wrapping import WIDTH


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        ("en", "I told you that I would come back for\nthe money, but you never listened to me."),
        ("en", "The doctor said that it was nothing\nserious and I could go home."),
        ("en", "He went to the station with his sister,\nwho had come all the way from Leeds."),
        ("en", "Come in | and sit down over there, |\nwould you kindly do that for me."),
        ("en", "I cannot think of a good reason now\nto ask Mr. Smith for 10 000 dollars."),
        ("es", "—No sé qué decirte, María;\nla verdad es que no lo esperaba de ti."),
        ("es", "Pagamos 10 000 euros por la casa\nde la playa en agosto de 1999, ¿sabes?"),
        ("fr", "Tu ne m'avais pas dit que tu viendrais\nce soir ! Pourquoi es-tu là ?"),
        ("de", "Ich habe dir gesagt, dass ich das Geld\nnicht habe und auch nicht bekomme."),
        ("ja", "25歳のときから東京のコンピューター会社で\n働いているが、給料は30万円しかない。"),
        ("ja", "「どうして来なかったの？」と彼女に\n聞かれて、ぼくは何も答えられなかった。"),
        ("ja", "今日は田中さんと一緒に新しい映画館へ\n行って、有名な監督の作品を見ました。"),
        ("ja", "あなたがどうしてもというのならしかたが\nないのでわたしもいっしょにいきましょう"),
        ("ja", "えーっと、ちょっと待ってください…そんな\nことは言っていませんよ？本当ですってば！"),
        ("ja", "昨日、私は友達と一緒に新宿の\nIMAXシアターで「スター・ウォーズ」を\n観ました。とても面白かったです。"),
        ("zh", "我住在New York City的第五大道1234号，\n电话是555-0199，欢迎你随时来玩！"),
        ("ar", "قال الدكتور Smith إن شركة Netflix سوف تعرض\nالفيلم في ٢٥ ديسمبر ١٩٨٧، هل تصدق ذلك؟"),
        ("zh", "今天下午三点我和老王一起去了医院，\n医生说我的骨头没有问题，但是要休息十天。"),
        ("zh", "我从来没有见过像他这样聪明的人，\n他什么都知道，什么都会做。"),
        ("zh", "他昨天买了一部新的 iPhone 手机，\n因为原来那部用了很多年的旧手机终于坏掉了。"),
        ("zh-Hant", "「你為什麼沒有來？」她問我，\n而我站在那裡什麼也說不出來，只是看著她。"),
        ("ko", "내가 돈 때문에 돌아올 거라고 말했지만\n당신은 한 번도 내 말을 듣지 않았어요."),
        ("ar", "قلت لك إنني سأعود من أجل المال،\nلكنك لم تستمع إلي أبدا يا صديقي العزيز."),
        ("he", "אמרתי לך שאני אחזור בשביל הכסף,\nאבל אף פעם לא הקשבת לי, חבר שלי."),
        ("th", "วันนี้ผมไปโรงพยาบาลตอนบ่ายสามโมง\nหมอบอกว่าไม่เป็นอะไรมาก แต่ให้พักผ่อน 10 วัน"),
        ("hi", "मैंने तुमसे कहा था कि मैं पैसे के लिए वापस आऊँगा,\nलेकिन तुमने मेरी बात नहीं सुनी।"),
    ],
)  # fmt: skip
def test_a_line_is_broken_as_its_language_is_read(language: str, lines: str) -> None:
    text = lines.replace("\n", "" if language[:2] in ("ja", "zh") else " ")
    assert wrapped(text, language) == lines
    assert wrapped(lines, language) == lines
    assert joined(lines) == text


@pytest.mark.parametrize("text", ["", "Hola.", "x" * WIDTH, "字" * (WIDTH // 2), "ก่" * WIDTH])
def test_what_fits_one_line_is_one_line(text: str) -> None:
    assert wrapped(text, "en") == text


@pytest.mark.parametrize("word", ["x" * 100, "12" * 50, "https://example.org/" + "a/" * 30, "ก" * 90])
def test_a_word_or_a_number_stays_whole_however_wide(word: str) -> None:
    assert word in wrapped(f"Look here: {word} is all that I can tell you about it.", "en").split("\n")


def test_more_than_two_lines_are_as_even_as_two() -> None:
    text = " ".join(["seven or eight words"] * 8)
    widths = [len(line) for line in wrapped(text, "en").split("\n")]
    assert len(widths) == 4
    assert max(widths) - min(widths) < 12


def test_no_word_is_left_alone_and_the_longer_line_is_below() -> None:
    first, second = wrapped("Nobody in this whole town has ever seen her.", "en").split("\n")
    assert len(second.split()) > 1
    assert len(first) <= len(second)


LATIN = st.text("abcdefgh,.!¿é'", min_size=1, max_size=14)
ARABIC = st.text("ابتثجحخ،؟٣", min_size=1, max_size=10)
KOREAN = st.text("가나다라.,", min_size=1, max_size=8)
EAST_ASIAN = st.text(
    "今日本語医学はがをにのひらがなっゃカタナー、。！？「」（）『』…12Ab的了", min_size=1, max_size=50
)
THAI = st.text("กขคงเ่้ๆ", min_size=1, max_size=20)
TEXTS = st.lists(st.one_of(LATIN, ARABIC, KOREAN, EAST_ASIAN, THAI, st.just("|"), st.just("10")), max_size=24)


@given(TEXTS, st.sampled_from(["en", "es", "fr", "ar", "ja", "zh", "ko", "th", "xx"]))
def test_nothing_but_a_line_break_changes(words: list[str], language: str) -> None:
    text = " ".join(words)
    lines = wrapped(text, language)
    assert "".join(lines.split()) == "".join(text.split())
    assert settled(lines) == settled(text)
    assert wrapped(lines, language) == lines
    assert all(line == line.strip() and line for line in lines.split("\n")) or not lines


@given(st.lists(st.text("abcdefghé", min_size=1, max_size=20), min_size=1, max_size=40))
def test_lines_are_no_wider_and_no_more_than_they_must_be(words: list[str]) -> None:
    lines = wrapped(" ".join(words), "es").split("\n")
    assert all(len(line) <= WIDTH for line in lines)
    assert [word for line in lines for word in line.split(" ")] == words
    assert all(len(a) + 1 + len(b) > WIDTH for a, b in zip(lines[::2], lines[1::2], strict=False)) or len(
        lines
    ) <= -(-len(" ".join(words)) // (WIDTH - 20))


@given(EAST_ASIAN, EAST_ASIAN, EAST_ASIAN)
def test_no_east_asian_line_begins_or_ends_with_what_may_not_stand_there(a: str, b: str, c: str) -> None:
    lines = wrapped(a + b + c, "ja").split("\n")
    assert not any(line[0] in CLOSING for line in lines[1:])
    assert not any(line[-1] in OPENING or line[-1] == "っ" for line in lines[:-1])
    for before, after in pairwise(lines):
        assert not (
            before[-1].isascii() and before[-1].isalnum() and after[0].isascii() and after[0].isalnum()
        )


@pytest.mark.parametrize("unit", ["a ", "字", "、 ", "| ", "ก่", "－", "a", " "])
def test_a_mountain_of_text_is_broken_in_time_linear_in_its_height(unit: str) -> None:
    began = time.process_time()
    lines = wrapped(unit * 10_000, "ja")
    assert time.process_time() - began < 8
    assert "".join(lines.split()) == (unit * 10_000).replace(" ", "")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("日本\n語", "日本語"),
        ("「日本、\n語」", "「日本、語」"),
        ("使用\niPhone", "使用iPhone"),
        ("한국어를\n배워요", "한국어를 배워요"),
        ("วันนี้\nผมไป", "วันนี้ ผมไป"),
        ("Hola,\nseñor", "Hola, señor"),
        ("- はい\n- いいえ", "はい いいえ"),
        ("はい そうです", "はい そうです"),
    ],
)
def test_a_line_break_is_spoken_as_a_space_only_where_the_language_has_one(lines: str, said: str) -> None:
    assert spoken(lines) == said


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("今日は映画館へ行って、\n有名な作品を見た。", "今日は映画館へ行って、有名な作品を見た。"),
        ("他买了一部新的\niPhone 手机", "他买了一部新的 iPhone\n手机"),
        ("本当！？\n信じられない", "本当！？　信じられない"),
        ("One two\nthree", "One\ntwo three"),
    ],
)
def test_an_editor_that_breaks_lines_elsewhere_has_edited_nothing(ours: str, theirs: str) -> None:
    assert plain(ours) == plain(theirs)


def test_a_space_that_parts_japanese_words_is_an_edit_and_is_never_broken_at() -> None:
    assert plain("はい そうです") != plain("はいそうです")
    assert not is_cosmetic("はい そう", 2, 3)
    text = "これはとても長い文です " * 6
    assert joined(wrapped(text, "ja")) == text.strip()


def test_the_marks_of_pauses_part_korean_words_by_a_space() -> None:
    assert unmarked("한국어를 | 배워요") == unmarked("한국어를|배워요") == "한국어를 배워요"


# --- from right to left --------------------------------------------------------------------------------------

ARABIC_CUE = "- iPhone 15 Pro؟ لا،\nلم أشتره (بعد)."


def test_every_line_of_a_cue_from_right_to_left_says_so_to_players() -> None:
    file = directed(
        serialise(
            [Cue(0, 1000, ARABIC_CUE), Cue(1000, 2000, "John Smith وصل متأخرا!"), Cue(2000, 3000, "OK!")]
        )
    )
    assert "\u202b- iPhone 15 Pro؟ لا،\u202c\n\u202bلم أشتره (بعد).\u202c\n" in file
    assert "\u202bJohn Smith وصل متأخرا!\u202c" in file
    assert "\nOK!\n" in file


def test_what_is_read_back_has_no_marks_of_direction() -> None:
    cues = [Cue(0, 1000, ARABIC_CUE), Cue(1000, 2000, "שלום, עולם!")]
    file = serialise(cues)
    assert directed(file) != file
    assert serialise(parse(directed(file), "ar.srt").cues) == file


def test_a_foreign_word_turns_no_line_around() -> None:
    english = [Cue(0, 1000, "He said: שלום, and went to the station."), Cue(1000, 2000, "Then nothing more.")]
    assert directed(serialise(english)) == serialise(english)
    quoted = [*english, Cue(2000, 3000, "שלום!")]
    assert directed(serialise(quoted)) == serialise(quoted).replace("שלום!", "\u202bשלום!\u202c")


@settings(max_examples=40)
@given(st.lists(st.one_of(ARABIC, LATIN), max_size=6))
def test_marks_of_direction_are_all_that_is_added(texts: list[str]) -> None:
    file = serialise([Cue(at, at + 1, text) for at, text in enumerate(texts)])
    assert directed(file).replace("\u202b", "").replace("\u202c", "") == file


def test_subtitles_without_such_letters_stay_as_they_are() -> None:
    file = serialise([Cue(0, 1000, "¿Qué?\n日本語"), Cue(1000, 2000, "Да.")])
    assert directed(file) == file


def test_widths_count_what_is_seen() -> None:
    assert (columns("abc"), columns("日本"), columns("한글"), columns("ก่อน"), columns("é")) == (3, 4, 4, 3, 1)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("- Me encanta. - A mí no.", "- Me encanta.\n- A mí no."),
        ("—¿Quién? —¡Yo!", "—¿Quién?\n—¡Yo!"),
        ("- Solo uno - y nadie más.", "- Solo uno - y nadie más."),
        ("Uno. - Dos.", "Uno. - Dos."),
        ("-3 grados. -4 mañana.", "-3 grados. -4 mañana."),
    ],
)
def test_each_turn_of_a_dialogue_begins_a_line(text: str, lines: str) -> None:
    assert wrapped(text, "es") == lines
    assert wrapped(lines, "es") == lines
