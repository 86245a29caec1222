"""What the SRT room promises: nothing a person wrote is lost in silence, and what was written reads back the same."""

from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import pysrt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from align.match import Edited, Generated
from align.merge import merge
from align.types import Span
from dubber.errors import MissingError, SubtitleError, UsageError
from dubber.srt import Cue, Subtitles, normalise, parse, read, serialise, shown, spoken, strength, unroll
from dubber.srt.cue import LONGEST
from dubber.srt.reader import LARGEST

HELLO = "1\n00:00:01,000 --> 00:00:02,000\nHello.\n"


def shape(subtitles: Subtitles) -> list[tuple[int, int, str]]:
    return [(cue.start, cue.end, cue.text) for cue in subtitles.cues]


def texts(source: str | bytes) -> list[str]:
    return [cue.text for cue in parse(source, "es.srt").cues]


def notes(source: str | bytes) -> list[tuple[int, str]]:
    return [(note.line, note.message) for note in parse(source, "es.srt").notes]


def times(line: str) -> tuple[int, int]:
    (cue,) = parse(f"1\n{line}\nText\n", "es.srt").cues
    return cue.start, cue.end


# --- plain files ---------------------------------------------------------------------------------------------


def test_a_plain_file_reads_without_a_note() -> None:
    source = "1\n00:00:01,320 --> 00:00:02,500\nHello.\nAgain.\n\n2\n00:00:03,000 --> 01:00:04,005\nBye.\n\n"
    assert parse(source, "es.srt") == Subtitles(
        (Cue(1320, 2500, "Hello.\nAgain.", None, 2), Cue(3000, 3_604_005, "Bye.", None, 7)), ()
    )


def test_what_is_written_is_what_other_readers_read() -> None:
    text = serialise([Cue(1000, 2000, "Hello.\nAgain.", "Anna"), Cue(3000, LONGEST, "Bye.")])
    assert text == (
        "1\n00:00:01,000 --> 00:00:02,000\n[Anna] Hello.\nAgain.\n\n2\n00:00:03,000 --> 99:59:59,999\nBye.\n"
    )
    items = pysrt.from_string(text)
    assert [(item.start.ordinal, item.end.ordinal, item.text) for item in items] == [
        (1000, 2000, "[Anna] Hello.\nAgain."),
        (3000, LONGEST, "Bye."),
    ]


def test_no_cues_are_written_as_nothing() -> None:
    assert serialise([]) == ""
    assert serialise([Cue(0, 1, " \n <i></i>")]) == ""


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 4), (0, LONGEST + 1)])
def test_a_cue_with_impossible_times_cannot_be_made(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="not the times of a cue"):
        Cue(start, end, "Text")


# --- round trip ----------------------------------------------------------------------------------------------

# Parted by spaces; "·" stands for a space.
PIECES = """
00:00:01,000·-->·00:00:02,000 --> --&gt; -> 10:30 00:00:03 · 1 2 42 [Anna] [music] [ ] <i> </i> < > <font·
&amp; &lt; amp; [40%] [7·%]· [140%] %
{\\an8} } \\N -· - Hi. é ß ＞ ： ♪ WEBVTT NOTE [Script·Info] {1}{2} <v·Bob>
"""
SEPARATORS = (
    "\n",
    "\n\n",
    "\t",
    "\r",
    "\u2028",
    "\x85",
    "\x00",
    "\u202b",
    "\ufeff",
    "\u200b",
    "\xa0",
    "\ud800",
)
pieces = st.sampled_from([*(piece.replace("·", " ") for piece in PIECES.split()), *SEPARATORS])
hostile_text = st.text(max_size=40) | st.lists(pieces, max_size=12).map("".join)
moments = st.one_of(st.integers(0, 5000), st.integers(0, LONGEST))


@st.composite
def any_cue(draw: st.DrawFn) -> Cue:
    start, end = sorted((draw(moments), draw(moments)))
    return Cue(start, end, draw(hostile_text), draw(st.none() | hostile_text))


@settings(max_examples=400, deadline=None)
@given(st.lists(any_cue(), max_size=6))
def test_reading_what_was_written_gives_the_normal_cues_back(cues: list[Cue]) -> None:
    normal = sorted((cue for cue in map(normalise, cues) if cue.text), key=lambda cue: cue.start)
    written = serialise(cues)
    if not normal:
        assert written == ""
        return
    back = parse(written.encode("utf-8"), "es.srt")
    assert [(c.start, c.end, c.text, c.speaker) for c in back.cues] == [
        (c.start, c.end, c.text, c.speaker) for c in normal
    ]
    assert serialise(back.cues) == written


@settings(max_examples=400, deadline=None)
@given(any_cue())
def test_normalising_twice_is_normalising_once(cue: Cue) -> None:
    assert normalise(normalise(cue)) == normalise(cue)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.builds(Cue, st.just(0), moments, st.text("ab !?\n", min_size=1, max_size=20))))
def test_plain_text_is_already_normal_but_for_its_spaces(cues: list[Cue]) -> None:
    for cue in cues:
        lines = (line.strip() for line in cue.text.split("\n"))
        assert normalise(cue).text == "\n".join(line for line in lines if line)


def test_text_that_looks_like_times_is_kept_readable() -> None:
    cue = Cue(0, 1000, "00:00:01,000 --> 00:00:02,000\na --> b")
    assert normalise(cue).text == "00:00:01,000 → 00:00:02,000\na --> b"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | hostile_text.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused_with_the_file_and_a_line(data: bytes) -> None:
    try:
        assert parse(data, "es.srt").cues
    except SubtitleError as error:
        assert str(error).startswith("es.srt, line ")


# --- times ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "start", "end"),
    [
        ("00:00:01.320 --> 00:00:02.500", 1320, 2500),
        ("00:00:02,5 --> 00:00:03,25", 2500, 3250),
        ("00:00:02,0005 --> 00:00:03,9996", 2001, 4000),
        ("00:00:01 --> 00:00:02", 1000, 2000),
        ("01:02,500 --> 01:03.500", 62_500, 63_500),
        ("120:15,000 --> 120:16,000", 7_215_000, 7_216_000),
        ("0:00:01,500 --> 0:00:02,500", 1500, 2500),
        (" 00 : 00 : 01 , 500  -->  00:00: 02,500 ", 1500, 2500),
        ("00:00:01:500 --> 00:00:02:500", 1500, 2500),
        ("00:00:59,500 --> 00:00:75,000", 59_500, 75_000),
        ("00:00:01,000-->00:00:02,000", 1000, 2000),
        ("00:00:01,000 -> 00:00:02,000", 1000, 2000),
        ("00:00:01,000 —> 00:00:02,000", 1000, 2000),
        ("00:00:01,000 -- > 00:00:02,000", 1000, 2000),
        ("00:00:01,000 – > 00:00:02,000", 1000, 2000),
        ("00:00:01,000 ---> 00:00:02,000", 1000, 2000),
        ("٠٠:٠٠:٠١,٥٠٠ --> ٠٠:٠٠:٠٢٫٥٠٠", 1500, 2500),
        ("００：００：０１，５００ --＞ ００：００：０２，５００", 1500, 2500),
        ("\ufeff00:00:01,000 --> 00:00:02,000", 1000, 2000),
        ("00:00:01,000 --> 00:00:02,000 X1:201 X2:516 Y1:397 Y2:423", 1000, 2000),
        ("00:00:01.000 --> 00:00:02.000 align:start position:0%", 1000, 2000),
        ("99:59:59,998 --> 99:59:59,999", LONGEST - 1, LONGEST),
    ],
)
def test_times_are_read_however_they_are_written(line: str, start: int, end: int) -> None:
    assert times(line) == (start, end)


def test_times_not_by_the_book_are_noted_with_what_they_were_read_as() -> None:
    assert notes("1\n00:00:02,5 -> 00:00:03\nHi\n") == [(2, "times read as 00:00:02,500 --> 00:00:03,000")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("-00:00:01,000 --> 00:00:02,000", "negative"),
        ("00:00:01,000 --> −00:00:02,000", "negative"),
        ("00:00:05,000 --> 00:00:02,000", "ends before it starts"),
        ("00:00:01,000 -->", "missing"),
        ("--> 00:00:01,000", "missing"),
        ("00:00:0x,000 --> 00:00:02,000", "not a time"),
        ("00:00:01,000 --> 00:00:02,5oo", "not a time"),
        ("00:00:01,000 00:00:01,500 --> 00:00:02,000", "not a time"),
        ("00:00:01:12 --> 00:00:02:10", "frames"),
        ("100:00:00,000 --> 100:00:01,000", "past 99 hours"),
        ("00:00:01,000 --> 999999999:00:00,000", "past 99 hours"),
        ("00:00:01,000 --> 9999999999999999999:00:00,000", "not a time"),
    ],
)
def test_times_that_make_no_sense_are_an_error_at_their_line(line: str, reason: str) -> None:
    with pytest.raises(SubtitleError, match=reason) as caught:
        parse(f"{HELLO}\n2\n{line}\nText\n", "es.srt")
    assert str(caught.value).startswith("es.srt, line 6: ")
    assert caught.value.hint


def test_a_cue_without_length_is_kept_and_noted() -> None:
    source = "1\n00:00:01,000 --> 00:00:01,000\nHi\n"
    assert shape(parse(source, "es.srt")) == [(1000, 1000, "Hi")]
    assert notes(source) == [(2, "the cue has no length")]


def test_text_behind_the_times_is_not_lost() -> None:
    source = "1\n00:00:01,000 --> 00:00:02,000 Hello\nthere\n"
    assert texts(source) == ["Hello\nthere"]
    assert [line for line, _ in notes(source)] == [2]


# --- structure -----------------------------------------------------------------------------------------------


def test_cues_with_no_blank_line_between_them_stay_apart() -> None:
    times = [
        "00:00:01,000 --> 00:00:02,000",
        "00:00:03,000 --> 00:00:04,000",
        "00:00:05,000 --> 00:00:06,000",
    ]
    source = "\n".join(
        f"{n}\n{line}\n{text}" for n, (line, text) in enumerate(zip(times, "ABC", strict=True), 1)
    )
    assert texts(source) == ["A", "B", "C"]
    assert [line for line, _ in notes(source)] == [4, 7]


def test_text_after_a_blank_line_inside_a_cue_is_kept() -> None:
    source = "1\n00:00:01,000 --> 00:00:02,000\nA\n\nstill A\n\n2\n00:00:03,000 --> 00:00:04,000\nB\n\ntail\n"
    assert texts(source) == ["A\nstill A", "B\ntail"]
    assert [line for line, _ in notes(source)] == [5, 11]


def test_numbers_may_be_missing_wild_or_the_same() -> None:
    bare = "00:00:01,000 --> 00:00:02,000\nA\n\n00:00:03,000 --> 00:00:04,000\nB\n"
    wild = "7\n00:00:01,000 --> 00:00:02,000\nA\n\n7\n00:00:03,000 --> 00:00:04,000\nB\n"
    glued = "90\n00:00:01,000 --> 00:00:02,000\nA\n12\n00:00:03,000 --> 00:00:04,000\nB\n"
    assert texts(bare) == texts(wild) == texts(glued) == ["A", "B"]
    assert notes(bare) == notes(wild) == []


@pytest.mark.parametrize("between", ["\n", "\n\n"])
def test_a_number_that_is_said_is_no_cue_number(between: str) -> None:
    numbered = (
        f"1\n00:00:01,000 --> 00:00:02,000\nHow many?\n42{between}2\n00:00:03,000 --> 00:00:04,000\n43\n"
    )
    bare = f"00:00:01,000 --> 00:00:02,000\n42{between}00:00:03,000 --> 00:00:04,000\n43\n"
    alone = f"1\n00:00:01,000 --> 00:00:02,000\n2{between}2\n00:00:03,000 --> 00:00:04,000\n3\n"
    assert texts(numbered) == ["How many?\n42", "43"]
    assert texts(bare) == ["42", "43"]
    assert texts(alone) == ["2", "3"]


def test_a_file_with_a_blank_line_after_every_line_reads_the_same() -> None:
    source = HELLO + "\n2\n00:00:03,000 --> 00:00:04,000\nTwo\nlines\n"
    assert shape(parse(source.replace("\n", "\n\n"), "es.srt")) == shape(parse(source, "es.srt"))
    assert shape(parse(source.replace("\n", "\r\r\n"), "es.srt")) == shape(parse(source, "es.srt"))


def test_empty_cues_are_left_out_and_noted() -> None:
    source = "1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:03,000 --> 00:00:04,000\n<i> </i>\n\n" + (
        "3\n00:00:05,000 --> 00:00:06,000\nC\n"
    )
    assert texts(source) == ["C"]
    assert notes(source) == [(2, "an empty cue was left out"), (5, "an empty cue was left out")]


def test_cues_out_of_order_are_sorted_and_noted_and_overlaps_are_kept() -> None:
    source = "1\n00:00:05,000 --> 00:00:06,000\nB\n\n2\n00:00:01,000 --> 00:00:09,000\nA\n"
    assert shape(parse(source, "es.srt")) == [(1000, 9000, "A"), (5000, 6000, "B")]
    assert [line for line, _ in notes(source)] == [6]


def test_cues_that_start_together_keep_their_order() -> None:
    source = "1\n00:00:05,000 --> 00:00:09,000\nB\n\n2\n00:00:05,000 --> 00:00:06,000\nA\n"
    assert texts(source) == ["B", "A"]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (HELLO + "\n2\nWhere are my times?\n\n3\n00:00:05,000 --> 00:00:06,000\nC\n", 5),
        ("1\nWhere are my times?\n\n2\n00:00:05,000 --> 00:00:06,000\nC\n", 1),
        (HELLO + "\n2\n00:00:03,000 00:00:04,000\nB\n", 6),
        (HELLO + "\n00:00:03,000\nB\n", 5),
    ],
)
def test_a_cue_that_lost_its_times_is_an_error_not_a_line_of_the_cue_above(source: str, line: int) -> None:
    with pytest.raises(SubtitleError) as caught:
        parse(source, "es.srt")
    assert str(caught.value).startswith(f"es.srt, line {line}: ")


def test_a_file_cut_off_after_a_number_reads_up_to_there() -> None:
    assert texts(HELLO + "\n2\n") == ["Hello."]
    assert [line for line, _ in notes(HELLO + "\n2\n")] == [5]


def test_text_before_the_first_cue_is_noted() -> None:
    assert texts("A title\n\n" + HELLO) == ["Hello."]
    assert notes("A title\n\n" + HELLO) == [(1, "text before the first cue was left out")]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r", "\u2028", "\x85"])
def test_every_kind_of_line_end_parts_lines(ends: str) -> None:
    source = (HELLO + "\n2\n00:00:03,000 --> 00:00:04,000\nTwo\nlines").replace("\n", ends)
    assert shape(parse(source.encode(), "es.srt")) == [(1000, 2000, "Hello."), (3000, 4000, "Two\nlines")]


def test_a_line_separator_inside_text_parts_lines_and_moves_no_line_number() -> None:
    source = "1\r\n00:00:01,000 --> 00:00:02,000\r\nA\u2028B\x0bC\r\n\n2\r00:00:03,000 --> 00:00:04,000\nD"
    assert [(cue.text, cue.line) for cue in parse(source, "es.srt").cues] == [("A\nB\nC", 2), ("D", 6)]


def test_control_characters_are_taken_out_and_noted() -> None:
    source = "1\n00:00:01,000 --> 00:00:02,000\nHe\x00l\x1blo\x7f.\n"
    assert texts(source.encode()) == ["Hello."]
    assert notes(source) == [(3, "control characters were taken out")]


# --- encodings -----------------------------------------------------------------------------------------------

LINES = {
    "cp1252": [
        "Où étais-tu hier ? Très loin, à la mer.",
        "¿Dónde está el niño? Mañana.",
        "Er heißt Jürgen, schön.",
    ],
    "cp1250": [
        "Gdzie byłeś wczoraj? Nie wiem, co powiedzieć.",
        "Žádný problém, děkuji, příteli. Kde jsi byl včera?",
    ],
    "iso8859_2": ["Źle się czuję, mamo. Proszę usiąść, żeby porozmawiać."],
    "cp1251": ["Где ты был вчера вечером? Я не знаю.", "Будь ласка, йди додому. Дякую дуже, вже пізно."],
    "koi8_u": ["Где ты был вчера вечером? Я не знаю, что сказать."],
    "cp1253": ["Πού ήσουν χθες το βράδυ; Δεν ξέρω τι να πω."],
    "cp1254": ["Dün gece neredeydin? Teşekkür ederim, çok iyi, artık geç oldu."],
    "cp1255": ["איפה היית אתמול בלילה? אני לא יודע מה לומר."],
    "cp1256": ["أين كنت الليلة الماضية؟ لا أعرف ماذا أقول."],
    "cp874": ["เมื่อคืนคุณอยู่ที่ไหน ฉันไม่รู้จะพูดอะไร"],
    "gbk": ["你昨天晚上在哪里?我不知道该说什么。", "请你回家吧。非常感谢你。已经太晚了。"],
    "big5": ["你昨天晚上在哪裡?我不知道該說什麼。"],
    "shift_jis": ["昨日の夜はどこにいたの?何と言えばいいのかわからない。"],
    "euc_jp": ["昨日の夜はどこにいたの?何と言えばいいのかわからない。"],
    "euc_kr": ["어젯밤에 어디 있었어? 무슨 말을 해야 할지 모르겠어."],
}


@pytest.mark.parametrize(
    ("encoding", "line"), [(code, line) for code, lines in LINES.items() for line in lines]
)
def test_old_code_pages_are_told_by_their_letters_and_noted(encoding: str, line: str) -> None:
    data = f"1\n00:00:01,000 --> 00:00:02,000\n{line}\n".encode(encoding)
    assert texts(data) == [line]
    assert [(number, "guess" in message) for number, message in notes(data)] == [(1, True)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_is_recognised_with_and_without_a_mark(encoding: str) -> None:
    line = "Où es-tu? Где ты? 你在哪里? 🎬"
    data = f"1\n00:00:01,000 --> 00:00:02,000\n{line}\n".encode(encoding)
    assert texts(data) == [line]
    assert notes(data) == []


def test_utf8_with_foreign_lines_keeps_both_and_notes_the_foreign_ones() -> None:
    other = "2\n00:00:03,000 --> 00:00:04,000\nCafé, très bien.\n"
    data = HELLO.replace("Hello", "Où? Где?").encode() + b"\n" + other.encode("cp1252")
    assert texts(data) == ["Où? Где?.", "Café, très bien."]
    assert [line for line, _ in notes(data)] == [7]


def test_bytes_that_mean_nothing_are_replaced_and_noted() -> None:
    data = HELLO.encode("utf-16") + b"\x00\xd8\n\x00"
    assert any("replaced" in message for _, message in notes(data))


# --- what is no SRT ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "holds no cues"),
        (b"\xef\xbb\xbf", "holds no cues"),
        (b"\r\n \r\n", "holds no cues"),
        (b"\x00" * 5000, "not a text file"),
        (b"\xff\xfe", "holds no cues"),
        (b"Just a story.\nNo times.\n", "only text without times"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n\n", "no cues with text"),
        (b"\xef\xbb\xbf[Script Info]\nTitle: x\n", "ASS/SSA"),
        (b"{0}{25}Hello\n", "MicroDVD"),
        (b"0:00:01.000,0:00:02.000\nHello\n", "SBV"),
        (b"<?xml version='1.0'?>\n<tt></tt>", "XML"),
        (b"<!DOCTYPE html>\n<html>", "HTML"),
        (b'{"cues": []}', "JSON"),
        (b"[00:12.00]la la\n", "LRC"),
        (b"[12][40]Hello\n", "MPL2"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 40, "not a text file"),
        (b"\x1f\x8b\x08\x00" + bytes(range(256)) * 40, "not a text file"),
        (b"a" * (LARGEST + 1), "too large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_srt_is_refused_in_one_sentence_at_line_one(data: bytes, reason: str) -> None:
    with pytest.raises(SubtitleError, match=reason) as caught:
        parse(data, "es.srt")
    message = str(caught.value)
    assert message.startswith("es.srt, line 1: ")
    assert message.endswith(".")
    assert caught.value.hint


def test_a_missing_file_a_folder_and_a_pipe_are_no_subtitle_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.srt")
    for path in (tmp_path / "none.srt", tmp_path, tmp_path / "pipe.srt"):
        with pytest.raises(UsageError, match=r"no subtitle file"):
            read(path)


def test_a_file_that_cannot_be_opened_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "es.srt"
    path.write_text(HELLO)

    def refused(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(MissingError, match="Permission denied"):
        read(path)


def test_reading_a_file_names_it_by_its_last_part(tmp_path: Path) -> None:
    path = tmp_path / "es\n\x1b[31m.srt"
    path.write_text(HELLO)
    assert texts(HELLO) == [cue.text for cue in read(path).cues]
    path.write_text("nothing")
    with pytest.raises(SubtitleError) as caught:
        read(path)
    assert str(caught.value).startswith("es\ufffd\ufffd[31m.srt, line 1: ")


# --- labels and speech ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "speaker", "text"),
    [
        ("[Anna] Hello.", "Anna", "Hello."),
        ("[Anna]Hello.", "Anna", "Hello."),
        ("<i>[Anna Maria] Hello.</i>", "Anna Maria", "Hello."),
        ("{\\an8}[Speaker 1] Hello.", "Speaker 1", "Hello."),
        ("[安娜] 你好。", "安娜", "你好。"),
        ("[ანა] გამარჯობა.", "ანა", "გამარჯობა."),
        ("[Anna] [sighs] Hello.", "Anna", "[sighs] Hello."),
        ("[Anna] One\n[Bob] Two", "Anna", "One\n[Bob] Two"),
        ("[Music]", None, "[Music]"),
        ("[door slams]", None, "[door slams]"),
        ("[Anna]\nHello.", None, "[Anna]\nHello."),
        ("[sighs] I know.", None, "[sighs] I know."),
        ("[…] I know.", None, "[…] I know."),
        ("[Anna Hello.", None, "[Anna Hello."),
    ],
)
def test_a_label_is_a_capital_in_brackets_with_text_behind_it(
    written: str, speaker: str | None, text: str
) -> None:
    (cue,) = parse(f"1\n00:00:01,000 --> 00:00:02,000\n{written}\n", "es.srt").cues
    assert (cue.speaker, cue.text) == (speaker, text)


def test_a_name_written_small_is_noted_once() -> None:
    source = serialise(
        [Cue(0, 1000, "[sighs] I know."), Cue(2000, 3000, "[sighs] I do."), Cue(4000, 5000, "[music]")]
    )
    assert [(line, "[sighs]" in message) for line, message in notes(source)] == [(2, True)]


@pytest.mark.parametrize(
    "text", ["- Hi.\n- Hello.", "–Hi.\n–Hello.", ">> Hi.\n>> Hello.", "[Anna] Hi.\n[Bob] Hello."]
)
def test_several_speakers_in_a_cue_stay_one_cue_and_are_noted(text: str) -> None:
    source = f"1\n00:00:01,000 --> 00:00:02,000\n{text}\n"
    assert len(texts(source)) == 1
    assert [line for line, message in notes(source) if "several speakers" in message] == [2]
    assert spoken(parse(source, "es.srt").cues[0].text) == "Hi. Hello."


@pytest.mark.parametrize("capital", ["Anna", "De Gaulle", "王", "Ss", "R2-D2", "'Anna", "Ǆ", "Tom & Jerry"])
def test_a_speaker_comes_back_by_name(capital: str) -> None:
    (cue,) = parse(serialise([Cue(0, 1000, "Hi.", capital)]), "es.srt").cues
    assert (cue.speaker, cue.text) == (normalise(cue).speaker, "Hi.")
    assert cue.speaker is not None
    assert cue.speaker.replace("ǅ", "Ǆ") == capital


# --- the strength of an emotion ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "speaker", "text", "share"),
    [
        ("[Anna] [40%] Come here!", "Anna", "[40%] Come here!", 0.4),
        ("[40%] Come here!", None, "[40%] Come here!", 0.4),
        ("[40%] [Anna] Come here!", "Anna", "[40%] Come here!", 0.4),
        ("<i>[Anna] [7 %] Come here!</i>", "Anna", "[7 %] Come here!", 0.07),
        ("[0%] Come here!", None, "[0%] Come here!", 0.0),
        ("[100%]\nCome\nhere!", None, "[100%]\nCome\nhere!", 1.0),
    ],
)
def test_percents_before_a_text_are_the_strength_of_its_emotion(
    written: str, speaker: str | None, text: str, share: float
) -> None:
    source = f"1\n00:00:01,000 --> 00:00:02,000\n{written}\n"
    (cue,) = parse(source, "es.srt").cues
    assert (cue.speaker, cue.text, strength(cue.text)) == (speaker, text, share)
    assert spoken(cue.text) == "Come here!"
    assert spoken(shown(cue.text)) == "Come here!" and "%" not in shown(cue.text)
    assert notes(source) == []
    assert parse(serialise([cue]), "es.srt").cues[0].text == text, "it is written as it was read"


@pytest.mark.parametrize(
    ("written", "bracket"),
    [
        ("[140%] Come here!", "[140%]"),
        ("[-5%] Come here!", "[-5%]"),
        ("[4.5%] Come here!", "[4.5%]"),
        ("[%] Come here!", "[%]"),
        ("[１４０％] Come here!", "[１４０％]"),
        ("[Anna] Come [40%] here!", "[40%]"),
        ("[40%] [50%] Come here!", "[50%]"),
    ],
)
def test_percents_that_are_no_strength_are_a_sound_and_noted(written: str, bracket: str) -> None:
    source = f"1\n00:00:01,000 --> 00:00:02,000\n{written}\n"
    (cue,) = parse(source, "es.srt").cues
    assert cue.speaker == ("Anna" if "Anna" in written else None), "no label either"
    assert spoken(cue.text) == "Come here!"
    assert bracket in shown(cue.text)
    assert strength(cue.text) == (0.4 if written.startswith("[40%]") else None)
    ((line, message),) = notes(source)
    assert line == 2
    assert message.startswith(f"{bracket} is taken for a sound")


def test_percents_that_are_spoken_are_left_alone() -> None:
    source = "1\n00:00:01,000 --> 00:00:02,000\nI am 40% sure [yes].\n"
    assert texts(source) == ["I am 40% sure [yes]."]
    assert (strength("40% of us"), shown("40% of us"), notes(source)) == (None, "40% of us", [])


def test_a_cue_of_several_speakers_is_noted_behind_a_strength_too() -> None:
    source = "1\n00:00:01,000 --> 00:00:02,000\n[40%] - Hi.\n- Hello.\n"
    assert [line for line, message in notes(source) if "several speakers" in message] == [2]


def test_a_strength_outlives_the_merge_with_what_the_program_would_write_now() -> None:
    base = [Generated("s1", Span(1000, 2000), "Come here!", "Anna")]
    now = [Generated("s1", Span(1000, 2000), "Come over here!", "Anna")]
    edited = parse(serialise([Cue(1000, 2000, "[40%] Come here!", "Anna")]), "es.srt").cues
    mine = [Edited(Span(cue.start, cue.end), cue.text, cue.speaker) for cue in edited]
    (merged,) = merge(base, mine, now, {"s1": Span(1000, 2000)}).cues
    assert merged.line.segments == ("s1",)
    assert (strength(merged.line.text), spoken(merged.line.text)) == (0.4, "Come here!")
    assert merged.cue.text == "[40%] Come here!"


# --- what is spoken ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[music]", ""),
        ("[door\nslams]", ""),
        ("[[music] loud]", ""),
        ("(laughs)", ""),
        ("- (laughs)\n- What?", "What?"),
        ("(door\nslams)", ""),
        ("I (really) do.", "I (really) do."),
        ("♪ La la la ♪", "La la la"),
        ("♪♪", ""),
        ("♪ [choir] ♪", ""),
        ("<i>Hello</i>, <b>you</b>.", "Hello, you."),
        ('<font color="#fff">Hi</font> {\\an8\\b1}there', "Hi there"),
        ("Tom &amp; Jerry &lt;3", "Tom & Jerry <3"),
        ("One\\NTwo<br/>Three", "One Two Three"),
        ("- Hi.\n- Hello.", "Hi. Hello."),
        ("— ¿Qué?", "¿Qué?"),
        ("-5 degrees", "-5 degrees"),
        ("well-known - yes", "well-known - yes"),
        ("【ため息】 はい", "はい"),
        ("...", ""),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
    ],
)
def test_only_what_is_said_is_spoken(text: str, said: str) -> None:
    assert spoken(text) == said


def test_markup_is_no_part_of_the_text() -> None:
    source = "1\n00:00:01,000 --> 00:00:02,000\n{\\an8}<i>Hello,</i> <font color=red>you</font> <3 &amp; me\n"
    assert texts(source) == ["Hello, you <3 & me"]


# --- files as other tools write them -------------------------------------------------------------------------


def test_a_subtitle_edit_file() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello.</i>\n\n2\n00:00:03,000 --> 00:00:04,000\n- A\n- B\n\n"
    source = text.replace("\n", "\r\n").encode("utf-8-sig")
    assert texts(source) == ["Hello.", "- A\n- B"]
    assert [message for _, message in notes(source)] == [
        "several speakers share this cue; one voice will speak it"
    ]


def test_an_aegisub_file() -> None:
    source = "1\n00:00:01,000 --> 00:00:02,500\n{\\an8}Up here\n\n2\n00:00:00,000 --> 00:00:00,000\n\n\n"
    assert texts(source) == ["Up here"]


def test_a_whisper_file_and_its_webvtt() -> None:
    srt = "1\n00:00:00,000 --> 00:00:02,840\n And so my fellow\n\n2\n00:00:02,840 --> 00:00:05,000\n ask not\n\n"
    vtt = "WEBVTT\n\n00:00.000 --> 00:02.840\nAnd so my fellow\n\n00:02.840 --> 00:05.000\nask not\n\n"
    assert shape(parse(srt, "a.srt")) == shape(parse(vtt, "a.vtt"))
    assert notes(srt) == notes(vtt) == []


def test_an_ffmpeg_file() -> None:
    source = '1\n00:00:01,000 --> 00:00:02,000\n<font face="Arial" size="20">Hello\\hyou</font>\n\n'
    assert texts(source) == ["Hello you"]


def test_a_webvtt_file_with_everything() -> None:
    source = """WEBVTT - a title
Kind: captions

STYLE
::cue { color: red }

NOTE
a note, 00:00 --> never

intro
00:01.000 --> 00:02.000 align:start position:0%
<v Anna>Hello <c.yellow>you</c>

2
00:00:03.000 --> 00:00:04.000 line:0
<v.loud Bob Smith>So <00:00:03.500><c>long</c></v>
"""
    cues = parse(source, "a.vtt").cues
    assert [(c.start, c.end, c.speaker, c.text, c.line) for c in cues] == [
        (1000, 2000, "Anna", "Hello you", 11),
        (3000, 4000, "Bob Smith", "So long", 15),
    ]


def test_a_streaming_service_file() -> None:
    source = "1\n00:00:01,001 --> 00:00:02,502\n[tense music]\n\n2\n00:00:03,003 --> 00:00:04,004\n[man] <i>Go!</i>"
    cues = parse(source, "a.srt").cues
    assert [spoken(cue.text) for cue in cues] == ["", "Go!"]
    assert [cue.speaker for cue in cues] == [None, None]


def test_captions_that_roll_are_noted_and_can_be_unrolled() -> None:
    lines = ["hello world", "this is a test", "of captions that", "roll", "on"]
    source, number = "", 0
    for index, line in enumerate(lines):
        before = lines[index - 1] if index else " "
        start = index * 2000
        for first, last, text in (
            (start, start + 1990, f"{before}\n{line}"),
            (start + 1990, start + 2000, f"{line}\n "),
        ):
            number += 1
            source += f"{number}\n{pysrt.SubRipTime(0, 0, 0, first)} --> {pysrt.SubRipTime(0, 0, 0, last)}\n{text}\n\n"
    subtitles = parse(source, "a.srt")
    assert any("roll" in note.message for note in subtitles.notes)
    assert [cue.text for cue in unroll(subtitles.cues)] == lines


def test_people_who_repeat_themselves_are_not_unrolled() -> None:
    cues = tuple(
        Cue(n * 1000, n * 1000 + 1000, text) for n, text in enumerate(["No!", "No!", "Yes.", "Yes."])
    )
    assert unroll(cues) == cues


# --- size and time -------------------------------------------------------------------------------------------


def test_two_hundred_thousand_cues_are_read_quickly_in_bounded_memory() -> None:
    stamp = "{:02d}:{:02d}:{:02d},{:03d}".format
    source = "".join(
        f"{n + 1}\n{stamp(n // 3600, n // 60 % 60, n % 60, 0)} --> {stamp(n // 3600, n // 60 % 60, n % 60, 900)}\n"
        "Somebody says something here,\nand then some more.\n\n"
        for n in range(200_000)
    ).encode()
    began = time.process_time()
    subtitles = parse(source, "long.srt")
    assert time.process_time() - began < 8  # under 2 on an idle machine; others may share ours
    assert len(subtitles.cues) == 200_000
    assert subtitles.notes == ()


# "_" stands for a space, "~" for a tab, "/" for a line end.
UNITS = r"< <i> <<i>i> <font_ &amp; & amp;& {\ [ [] ( - -> --> _ ~ / 1 1: 00:00:01,000_-->_ X1: 1// 2// é ♪ [A]_ > \N"


@pytest.mark.parametrize(
    "unit",
    [*UNITS.replace("~", "\t").split(" "), "\r", "\u2028", "\u202b"],
)
def test_a_mountain_of_anything_is_read_in_time_linear_in_its_height(unit: str) -> None:
    unit = unit.replace("_", " ").replace("/", "\n")
    junk = (unit * (150_000 // len(unit)))[:150_000]
    began = time.process_time()
    try:
        cues = parse(f"1\n00:00:01,000 --> 00:00:02,000 {junk}\nText {junk}\n\n{junk}", "es.srt").cues
    except SubtitleError as error:
        assert str(error).startswith("es.srt, line ")
    else:
        spoken(cues[0].text)
        assert len(serialise(cues)) < 5_000_000
    assert time.process_time() - began < 8


def test_a_line_of_megabytes_is_one_line() -> None:
    line = "word " * 400_000
    cue = Cue(0, 1000, line.strip())
    assert parse(serialise([cue]), "es.srt").cues[0].text == cue.text
    assert spoken(line) == cue.text


def test_a_file_with_more_cues_or_faults_than_anybody_writes_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dubber.srt.reader.MOST_CUES", 1000)
    with pytest.raises(SubtitleError, match="over 1,000 cues"):
        parse("0:1-->0:1\n" * 1001, "es.srt")
    found = notes(HELLO + "\x01\n" * 12_000)
    assert len(found) == 10_001
    assert found[-1] == (10_004, "there was more to note in this file than is listed")


def test_memory_stays_in_proportion_to_the_file() -> None:
    source = ("\n" * 300_000 + HELLO).encode()
    tracemalloc.start()
    try:
        parse(source, "es.srt")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40 * len(source)
