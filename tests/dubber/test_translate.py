"""As many lines come back as were asked for, in order, or a typed error says why; routes name their needs."""

import os
import random
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from align.types import Segment, Span
from dubber.errors import MissingError, TranslationError, UsageError
from dubber.stages.translate import Answer, Apertium, Ask, Brief, Term, fit, pairs, stream, typography
from dubber.stages.translate import given as given_room

Fake = Callable[..., Apertium]

_PROGRAM = """#!{python} -IS
import sys
data = sys.stdin.buffer
def answer(raw):
    sys.stdout.buffer.write(raw)
    sys.stdout.flush()
if sys.argv[1] == "-l":
    print("\\n".join("  " + mode for mode in {modes!r}))
elif sys.argv[1] == "-V":
    print("Apertium 3.8.3")
else:
    mode = sys.argv[-1]
{body}
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Put an `apertium` on PATH that has `modes` and does `body` with its input."""

    def install(body: str = "answer(data.read())", modes: tuple[str, ...] = ("eng-spa",)) -> Apertium:
        folder = tmp_path / "usr" / "bin"
        (tmp_path / "usr" / "share" / "apertium" / "modes").mkdir(parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        program = folder / "apertium"
        indented = "\n".join("    " + line for line in body.splitlines())
        program.write_text(_PROGRAM.format(python=sys.executable, modes=modes, body=indented))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.delenv("APERTIUM_DATADIR", raising=False)
        return Apertium()

    return install


def _real() -> Apertium:
    engine = Apertium()
    if shutil.which("apertium") is None or "eng-spa" not in engine._modes:
        pytest.skip("Apertium's English–Spanish pair (Debian: apertium-eng-spa) is not on this machine")
    return engine


def said(
    engine: Apertium,
    lines: Sequence[str],
    source: str = "en",
    target: str = "es",
    progress: Callable[[float], None] = lambda _: None,
) -> list[Answer]:
    """The answers to the lines, in their order; each is answered once."""
    answers: dict[str, Answer] = {}

    def arrived(answer: Answer) -> None:
        assert answer.id not in answers
        answers[answer.id] = answer

    asks = [Ask(f"s{n}", line) for n, line in enumerate(lines)]
    engine.translate(asks, Brief(source, target), arrived, progress)
    return [answers.pop(ask.id) for ask in asks] + list(answers.values())


# Lines through one process


def test_a_null_translator_gives_back_every_line_exactly(fake: Fake) -> None:
    lines = [
        "Plain.",
        "no stop",
        "Two\nlines\r\nhere",
        "",
        "   ",
        "...",
        "42",
        "😀",
        "a\0b",
        "Tab\there",
        "é" * 1000,
    ]
    lines += [f"one {mark} two" for mark in "*@#^$[]{}<>\\/~+"] + [
        "*all@ #of^ $them[ ]{ }< >\\ /~+.",
        "[3]",
        "][",
    ]
    answers = said(fake(), lines)
    clean = [" ".join(line.replace("\0", " ").split()) for line in lines]
    assert [answer.wordings for answer in answers] == [(line,) if line else () for line in clean]
    assert all(answer.faults for answer in answers if not answer.wordings)


def test_random_lines_survive_the_stream_format() -> None:
    draw = random.Random(7)
    alphabet = "ab é.!?…*@#^$[]{}<>\\/~+'\"-0123😀"
    lines = ["".join(draw.choices(alphabet, k=draw.randrange(1, 40))) for _ in range(2000)]
    decoded = stream.decode(stream.encode(lines), lines)
    assert [d.text for d in decoded] == lines
    assert not any(d.unknown for d in decoded)


def test_marks_on_unknown_words_are_taken_out_and_reported() -> None:
    lines = ["The blorf is *here*"]
    raw = r"El *blorf es \@zork y #frob's [*]aquí[*].[0]".encode() + b"\0"
    (decoded,) = stream.decode(raw, lines)
    assert decoded.text == "El blorf es zork y frob's *aquí*"
    assert decoded.unknown == ("blorf", "zork", "frob's")


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("pass", "came back"),
        ("answer(data.read().replace(b'\\0', b' '))", "came back"),
        ("answer(b'\\0'.join(data.read().split(b'\\0')[1:]))", "came back"),
        ("answer(data.read() + b'Sorry, I cannot do that.\\0')", "came back"),
        ("answer(b'\\0'.join(reversed(data.read().split(b'\\0')[:-1])) + b'\\0')", "line"),
        ("answer(data.read().replace(b'[1]', b''))", "line 2"),
        ("answer(b'\\xff\\xfe\\0' * 3)", "UTF-8"),
        ("answer(b'Quota exceeded')", "came back"),
        ("data.read(); sys.exit('no such mode')", "no such mode"),
        ("sys.exit(3)", "exit status 3"),
    ],
)
def test_an_answer_that_cannot_be_used_is_an_error_and_never_a_translation(
    fake: Fake, body: str, what: str
) -> None:
    with pytest.raises(TranslationError, match=what) as failed:
        said(fake(body), ["One.", "Two.", "Three."])
    assert failed.value.hint is not None
    assert "--translation" in failed.value.hint


def test_an_engine_that_hangs_is_stopped(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dubber.stages.translate.apertium._START_SECONDS", 0.5)
    engine = fake("import time; time.sleep(600)")
    monkeypatch.setattr(Apertium, "_modes", ("eng-spa",))
    with pytest.raises(TranslationError, match="stopped"):
        said(engine, ["One."])


def test_a_line_the_engine_has_no_words_for_is_not_answered_with_itself(fake: Fake) -> None:
    lost, kept = said(fake("answer(data.read().replace(b'It', b''))"), ["It.", "Go."])
    assert (lost.wordings, lost.unknown) == ((), ("It",))
    assert "none of its words" in lost.faults[0]
    assert (kept.wordings, kept.unknown, kept.faults) == (("Go.",), (), ())


def test_a_name_alone_is_its_own_wording_and_unknown_words_alone_are_none(fake: Fake) -> None:
    engine = fake("import re; answer(re.sub(rb'([A-Za-z]+)', rb'*\\1', data.read()))")
    name, words, shout = said(engine, ["Anna Blorf!", "Zork the frob.", "ZORK FROB"])
    assert (name.wordings, name.unknown) == (("¡Anna Blorf!",), ("Anna", "Blorf"))
    assert (words.wordings, words.unknown) == ((), ("Zork", "the", "frob"))
    assert shout.wordings == ()


def test_nothing_to_translate_starts_no_engine(fake: Fake) -> None:
    engine = fake("sys.exit(9)")
    lines = ["42", "?!", "♪ ♫", "..."]
    assert [answer.wordings for answer in said(engine, lines)] == [(line,) for line in lines]
    assert said(engine, []) == []


def test_a_pivot_runs_both_hops_and_keeps_what_each_did_not_know(fake: Fake) -> None:
    body = """
answer(data.read().replace(b"One", b"*uno bien") if mode == "eng-spa" else data.read().replace(b"Uno", b"*Dos"))
"""
    engine = fake(body, ("eng-spa", "spa-cat"))
    heard: list[float] = []
    (line,) = said(engine, ["One."], "en", "ca", heard.append)
    assert (line.wordings, line.unknown) == (("Dos bien.",), ("uno", "Dos"))
    assert heard == [0.5, 1.0]


def test_what_was_translated_before_a_crash_has_arrived(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dubber.stages.translate.apertium.BATCH", 2)
    engine = fake("raw = data.read()\nif b'Five' in raw: sys.exit('out of luck')\nanswer(raw)")
    answers: list[Answer] = []
    asks = [Ask(word, f"{word} more.") for word in ("One", "Two", "Three", "Four", "Five", "Six")]
    with pytest.raises(TranslationError, match="out of luck"):
        engine.translate(asks, Brief("en", "es"), answers.append)
    assert [answer.id for answer in answers] == ["One", "Two", "Three", "Four"]


def test_batches_change_nothing_but_how_often_it_starts(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"line {n}." for n in range(5)]
    whole = said(fake(), lines)
    monkeypatch.setattr("dubber.stages.translate.apertium.BATCH", 2)
    heard: list[float] = []
    assert said(fake(), lines, progress=heard.append) == whole
    assert heard == [0.4, 0.8, 1.0]


# Routes


def _names(hops: tuple[pairs.Hop, ...] | None) -> list[str] | None:
    return hops and [hop.via for hop in hops]


def test_the_shortest_route_over_what_is_installed_is_taken() -> None:
    modes = [
        "eng-spa",
        "spa-eng",
        "spa-eng_US",
        "spa-cat",
        "eng-spa-tagger",
        "cat-oci",
        "oci-fra",
        "Cyrl-Latn",
    ]
    assert _names(pairs.route(modes, "en", "es")) == ["eng-spa"]
    assert _names(pairs.route(modes, "en", "ca")) == ["eng-spa", "spa-cat"]
    assert _names(pairs.route(modes, "en", "oc")) == ["eng-spa", "spa-cat", "cat-oci"]
    assert pairs.route(modes, "en", "fr") is None, "three pivots are one too many"
    assert pairs.route(modes, "ca", "en") is None, "a mode has one direction"


def test_a_region_picks_its_variant_and_none_the_plain_mode() -> None:
    modes = ["spa-eng_US", "spa-eng", "es-pt_BR", "es-pt", "eng-hbs_HR", "eng-hbs", "eng-hbs_SR"]
    assert _names(pairs.route(modes, "es", "en")) == ["spa-eng"]
    assert _names(pairs.route(modes, "es-MX", "en-US")) == ["spa-eng_US"]
    assert _names(pairs.route(modes, "es", "pt-BR")) == ["es-pt_BR"]
    assert _names(pairs.route(modes, "es", "pt-PT")) == ["es-pt"]
    assert _names(pairs.route(modes, "en", "hr")) == ["eng-hbs_HR"]
    assert _names(pairs.route(modes, "en", "sr")) == ["eng-hbs_SR"]
    assert _names(pairs.route(modes, "es", "hr")) == ["spa-eng", "eng-hbs_HR"]


@pytest.mark.parametrize(
    ("modes", "source", "target", "command"),
    [
        ((), "en", "es", "apt install apertium-eng-spa."),
        (("eng-spa",), "en", "ca", "apt install apertium-eng-cat."),
        (("eng-spa",), "en", "it", "apt install apertium-spa-ita."),
        ((), "pt", "gl", "apt install apertium-pt-gl."),
        ((), "hr", "sl", "apt install apertium-hbs-slv."),
        (("spa-cat", "cat-spa"), "en", "it", "apt install apertium-eng-cat apertium-cat-ita."),
    ],
)
def test_a_missing_pair_names_the_command_that_brings_it(
    fake: Fake, modes: tuple[str, ...], source: str, target: str, command: str
) -> None:
    with pytest.raises(MissingError) as missing:
        fake(modes=modes).route(source, target)
    assert missing.value.hint is not None
    assert command in missing.value.hint


def test_a_package_that_is_here_is_not_suggested_for_the_direction_it_lacks() -> None:
    assert pairs.packages_for(["eng-cat"], "ca", "en") != ("apertium-eng-cat",)


def test_every_package_of_the_table_has_known_languages_in_both_columns() -> None:
    for package, directions in pairs.PACKAGES.items():
        assert package.startswith("apertium-")
        for direction in directions.split():
            for code in direction.split("-"):
                assert pairs.language("sr" if code == "sh" else code) == code


@pytest.mark.parametrize(
    ("target", "sentence"), [("de", "know German"), ("ro", "no way from English to Romanian")]
)
def test_a_language_out_of_reach_is_said_with_the_way_around(fake: Fake, target: str, sentence: str) -> None:
    with pytest.raises(MissingError, match=sentence) as missing:
        fake().check("en", target)
    assert missing.value.hint is not None
    assert "--translation FILE.srt" in missing.value.hint
    assert "apt" not in missing.value.hint


def test_a_source_still_to_be_found_needs_some_way_into_the_target(fake: Fake) -> None:
    engine = fake(modes=("eng-spa", "spa-eng_US"))
    engine.check("und", "es-MX")
    engine.check("und", "en")
    with pytest.raises(MissingError, match="into Catalan") as missing:
        engine.check("und", "ca")
    assert "apertium-eng-cat" in str(missing.value.hint)
    with pytest.raises(MissingError, match="know German"):
        engine.check("und", "de")
    with pytest.raises(MissingError, match="nothing into Basque"):
        engine.check("und", "eu")
    with pytest.raises(UsageError, match="translate into is not known"):
        engine.check("en", "und")
    with pytest.raises(UsageError, match="of the film is not known"):
        said(engine, ["One."], "und", "es")


def test_without_apertium_a_source_still_to_be_found_changes_nothing() -> None:
    with pytest.raises(MissingError, match="not on this machine"):
        Apertium("no-such-apertium").check("und", "es")


def test_a_name_among_known_words_stays(fake: Fake) -> None:
    engine = fake(
        "answer(data.read().replace(b'Hello, Peter', b'Hola, *Peter').replace(b'Maria', b'*Maria'))"
    )
    known, alone = said(engine, ["Hello, Peter", "Maria!"])
    assert (known.wordings, known.unknown, known.faults) == (("Hola, Peter",), ("Peter",), ())
    assert (alone.wordings, alone.unknown, alone.faults) == (("¡Maria!",), ("Maria",), ())


def test_same_language_twice_is_a_usage_error(fake: Fake) -> None:
    with pytest.raises(UsageError, match="already"):
        fake().check("es-MX", "es")


@pytest.mark.parametrize(("system", "apt"), [("Linux", True), ("Darwin", False)])
def test_no_apertium_at_all_says_how_to_get_one_or_do_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: str, apt: bool
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("platform.system", lambda: system)
    with pytest.raises(MissingError) as missing:
        Apertium().check("en", "es")
    assert missing.value.hint is not None
    assert ("sudo apt install apertium" in missing.value.hint) is apt
    assert "--translation" in missing.value.hint


def test_the_digest_changes_with_the_data_and_the_route_only(fake: Fake, tmp_path: Path) -> None:
    engine = fake(modes=("eng-spa", "spa-eng"))
    share = tmp_path / "usr" / "share" / "apertium"
    data = share / "eng-spa.bin"
    data.write_bytes(b"dictionary")
    for mode in ("eng-spa", "spa-eng"):
        (share / "modes" / f"{mode}.mode").write_text(f"lt-proc '{data}'")
    before = engine.digest(Brief("en", "es"))
    assert engine.digest(Brief("eng", "es-ES")) == before
    assert engine.digest(Brief("es", "en")) != before
    assert engine.digest(Brief("en", "es", "a comedy", "formal", (Term("a", "b"),))) == before, (
        "it uses none of it"
    )
    (share / "unrelated.bin").write_bytes(b"x")
    assert engine.digest(Brief("en", "es")) == before
    data.write_bytes(b"dictionarz")
    assert engine.digest(Brief("en", "es")) != before
    data.unlink()
    with pytest.raises(MissingError, match="cannot be read"):
        engine.digest(Brief("en", "es"))


# How a line is written


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("where do i live", "Where do I live"),
        ("WHERE ARE YOU? I AM HERE!", "Where are you? I am here!"),
        ("i'm here. i’ll stay.", "I'm here. I'll stay."),
        ("BBC", "BBC"),
        ("Anna went to Rome.", "Anna went to Rome."),
        ("it is 2.5 miles", "It is 2.5 miles"),
    ],
)
def test_engines_see_written_english(text: str, seen: str) -> None:
    assert typography.for_engine(text, "en") == seen


@pytest.mark.parametrize(
    ("engine", "source", "reader"),
    [
        ("Dónde eres?", "Where are you?", "¿Dónde eres?"),
        (" Quiero  ir !", "I want to go!", "¡Quiero ir!"),
        ("Hola, cómo estás?", "Hello, how are you?", "Hola, ¿cómo estás?"),
        ("Sí. Qué es? Ven!", "Yes. What is it? Come!", "Sí. ¿Qué es? ¡Ven!"),
        ("Qué?!", "What?!", "¡¿Qué?!"),
        ("¿Qué?", "What?", "¿Qué?"),
        ('"Qué es?"', '"What is it?"', '"¿Qué es?"'),
        ("- Vienes?", "- Are you coming?", "- ¿Vienes?"),
        ("[risas] Ven!", "[Laughs] Come!", "[Risas] ¡Ven!"),
        ("Hola Mi nombre es aquí", "hello my name is here", "hola mi nombre es aquí"),
        ("Voy a París con Ana", "I go to Paris with Ana", "Voy a París con Ana"),
        ("Qué ES ESTO?", "WHAT IS THIS?", "¿Qué es esto?"),
        ("Cuesta 2.5 euros.", "It costs 2.5 euros.", "Cuesta 2.5 euros."),
    ],
)
def test_spanish_reads_as_it_should(engine: str, source: str, reader: str) -> None:
    assert typography.for_reader(engine, source, "es") == reader


def test_only_spanish_and_asturian_open_their_questions() -> None:
    assert [typography.for_reader("Que?", "What?", tag) for tag in ("es", "ast", "ca", "gl", "pt")] == [
        "¿Que?",
        "¿Que?",
        "Que?",
        "Que?",
        "Que?",
    ]


# The real engine


def test_the_real_engine_keeps_hostile_lines_apart() -> None:
    engine = _real()
    probes = [
        "*",
        "@",
        "^a$",
        "[x",
        "]",
        "{",
        "}}",
        "\\",
        "a/b",
        "<b>",
        "\0",
        "😀",
        "x" * 2000,
        "...",
        "¿",
        "^",
        "\\n",
    ]
    probes += [
        "the dog",
        "THE DOG IS HERE",
        "what is this",
        "Line\nbreak",
        "I.",
        "don't",
        "* * *",
        "5 % of 10 $",
    ]
    lines = [line for probe in probes for line in (probe, "The cat is black.")]
    answers = said(engine, lines)
    assert {answer.wordings for answer in answers[1::2]} == {("El gato es negro.",)}
    texts = ["".join(answer.wordings) for answer in answers]
    assert texts[:2] == ["".join(said(engine, [line])[0].wordings) for line in lines[:2]]
    by_probe = dict(zip(probes, texts[::2], strict=True))
    assert by_probe["the dog"] == "el perro"
    assert by_probe["THE DOG IS HERE"] == "El perro es aquí"
    assert by_probe["what is this"] == "qué es esto"
    assert by_probe["x" * 2000] == ""
    for same in ("*", "@", "]", "{", "}}", "\\", "...", "* * *", "^", "😀"):
        assert by_probe[same] == same


def test_the_real_engine_reports_the_words_it_does_not_know() -> None:
    (line,) = said(_real(), ["The Blorf is old."])
    assert line.unknown == ("Blorf",)
    (text,) = line.wordings
    assert "*" not in text
    assert "Blorf" in text


def test_the_real_engine_has_a_digest_that_stays() -> None:
    engine = _real()
    assert engine.digest(Brief("en", "es")) == Apertium().digest(Brief("eng", "es-MX"))
    assert len(engine.digest(Brief("en", "es"))) == 64


# The user's own translation


@dataclass(frozen=True)
class _Cue:
    start: int
    end: int
    text: str
    speaker: str | None = None


def _segment(identity: str, start: int, end: int, speaker: str = "A") -> Segment:
    return Segment(identity, Span(start, end), identity, speaker)


def test_each_cue_goes_to_the_segment_it_overlaps_most() -> None:
    segments = [_segment("one", 1000, 2000), _segment("two", 2100, 4000)]
    given = fit([_Cue(2000, 3900, "dos"), _Cue(900, 2200, "uno")], segments)
    assert [(line.id, line.text, line.segments) for line in given.lines] == [
        ("one", "uno", ("one",)),
        ("two", "dos", ("two",)),
    ]
    assert [line.span for line in given.lines] == [Span(1000, 2000), Span(2100, 4000)]
    assert given.missing == ()


def test_a_line_that_chinese_breaks_is_joined_without_a_space() -> None:
    segments = [_segment("s", 0, 3000)]
    cues = [_Cue(0, 1900, "晚上好，Smith先生。\n我可以坐这儿吗？"), _Cue(2000, 3000, "请。")]
    (line,) = fit(cues, segments).lines
    assert line.text == "晚上好，Smith先生。我可以坐这儿吗？请。"


def test_several_cues_on_one_segment_are_joined_in_order() -> None:
    given = fit([_Cue(2000, 3000, "y\ntres"), _Cue(0, 1900, "uno dos")], [_segment("s", 0, 3000)])
    assert [line.text for line in given.lines] == ["uno dos y tres"]


def test_one_cue_over_two_segments_of_one_speaker_speaks_for_both() -> None:
    segments = [_segment("one", 0, 1000), _segment("two", 1200, 3000), _segment("else", 3100, 4000, "B")]
    given = fit([_Cue(0, 4000, "todo")], segments)
    assert [(line.segments, line.span) for line in given.lines] == [(("one", "two"), Span(0, 3000))]
    assert [segment.id for segment in given.missing] == ["else"]


def test_a_segment_without_a_cue_is_reported() -> None:
    given = fit(
        [_Cue(0, 1000, "uno"), _Cue(5000, 6000, "  ")], [_segment("a", 0, 1000), _segment("b", 5000, 6000)]
    )
    assert [segment.id for segment in given.missing] == ["b"]


def test_a_cue_where_nobody_speaks_is_a_new_line_by_its_label_or_the_nearest_speaker() -> None:
    segments = [_segment("a", 0, 1000, "Ann"), _segment("b", 9000, 9500, "Ben")]
    given = fit(
        [_Cue(1500, 2000, "off"), _Cue(5000, 5000, "zero", "Zoe"), _Cue(8000, 8900, "near")], segments
    )
    assert [(line.text, line.speaker, line.segments) for line in given.lines] == [
        ("off", "Ann", ()),
        ("zero", "Zoe", ()),
        ("near", "Ben", ()),
    ]
    assert given.lines[1].span == Span(5000, 5001)
    assert len({line.id for line in given.lines}) == 3


def test_of_two_people_at_once_the_label_decides() -> None:
    segments = [_segment("ann", 0, 2000, "Ann"), _segment("ben", 100, 1900, "Ben")]
    given = fit([_Cue(0, 2000, "soy Ben", "Ben"), _Cue(0, 2000, "soy Ann", "Ann")], segments)
    assert {line.speaker: line.text for line in given.lines} == {"Ann": "soy Ann", "Ben": "soy Ben"}


def test_every_text_stands_in_exactly_one_line_and_it_is_quick() -> None:
    draw = random.Random(3)
    segments = [
        _segment(str(n), n * 1000, n * 1000 + draw.randrange(1, 1200), draw.choice("AB")) for n in range(3000)
    ]
    starts = [draw.randrange(0, 3_200_000) for _ in range(20_000)]
    cues = [_Cue(start, start + draw.randrange(0, 4000), f"cue{n}") for n, start in enumerate(starts)]
    given = fit(cues, segments)
    assert sorted(word for line in given.lines for word in line.text.split()) == sorted(
        cue.text for cue in cues
    )
    named = [identity for line in given.lines for identity in line.segments]
    assert sorted([*named, *(segment.id for segment in given.missing)]) == sorted(s.id for s in segments)


def test_no_cues_and_no_segments_are_answers_too() -> None:
    assert fit([], []).lines == ()
    assert fit([_Cue(0, 1000, "hola")], []).lines[0].speaker == ""
    assert [segment.id for segment in fit([], [_segment("a", 0, 1)]).missing] == ["a"]


def test_an_added_line_keeps_its_name_when_other_cues_come_and_go() -> None:
    cues = [_Cue(40_700, 41_000, "uno"), _Cue(40_700, 42_000, "dos"), _Cue(50_000, 51_000, "tres")]
    names = [line.id for line in fit(cues, []).lines]
    assert names == ["added@40700", "added@40700#2", "added@50000"]
    assert [line.id for line in fit([_Cue(100, 200, "antes"), *cues], []).lines] == ["added@100", *names]


def talk(*said: tuple[str, str, int, int]) -> list[Segment]:
    """Segments: id, speaker, from, to."""
    return [Segment(name, Span(start, end), name, speaker) for name, speaker, start, end in said]


ANNA_AND_BEN = talk(("a", "Anna", 1000, 6000), ("b", "Ben", 3020, 3790), ("later", "Ben", 8000, 9000))


@pytest.mark.parametrize("label", [None, "Ben"])
def test_a_cue_inside_another_ones_line_stands_for_who_says_it_there(label: str | None) -> None:
    cues = [_Cue(1000, 6000, "largo"), _Cue(3000, 3800, "corto", label)]
    given = fit(cues, ANNA_AND_BEN)
    assert [(line.id, line.text, line.speaker) for line in given.lines] == [
        ("a", "largo", "Anna"),
        ("b", "corto", "Ben"),
    ]
    assert [one.id for one in given.missing] == ["later"]


def test_words_labelled_with_another_who_speaks_in_the_film_are_not_put_into_ones_mouth() -> None:
    segments = [ANNA_AND_BEN[0], ANNA_AND_BEN[2]]
    given = fit([_Cue(1000, 6000, "largo", "Anna"), _Cue(3000, 3800, "corto", "Ben")], segments)
    assert [(line.id, line.text, line.speaker, line.span) for line in given.lines] == [
        ("a", "largo", "Anna", Span(1000, 6000)),
        ("added@3000", "corto", "Ben", Span(3000, 3800)),
    ]
    unknown = fit([_Cue(1000, 6000, "largo", "Anna"), _Cue(3000, 3800, "corto", "Cleo")], segments)
    assert [(line.id, line.text) for line in unknown.lines] == [("a", "largo corto")]


@pytest.mark.parametrize(
    ("segments", "cues", "homes"),
    [
        (
            talk(("s0", "b", 0, 20_000), ("s1", "a", 4500, 5800)),
            [_Cue(4000, 6000, "B", "b"), _Cue(4500, 5800, "A", "a")],
            {"s0": "B", "s1": "A"},
        ),
        (talk(("s0", "b", 0, 6000), ("s1", "a", 6000, 6900)), [_Cue(5600, 6500, "B", "b")], {"s0": "B"}),
        (talk(("s0", "b", 1000, 1300), ("s1", "a", 1350, 1650)), [_Cue(1212, 1512, "B", "b")], {"s0": "B"}),
        (talk(("s2", "a", 2750, 3050), ("s3", "b", 3050, 3850)), [_Cue(2540, 3259, "B", "b")], {"s3": "B"}),
        (
            talk(("s1", "a", 0, 20_000), ("s2", "b", 20_100, 20_600)),
            [_Cue(18_000, 20_400, "end")],
            {"s1": "end"},
        ),
        (
            talk(("s0", "a", 0, 3000), ("s1", "b", 9000, 9900)),
            [_Cue(0, 1400, "one", "b"), _Cue(1400, 3000, "two", "b")],
            {"s0": "one two"},
        ),
    ],
)
def test_cues_find_their_segments_in_time_and_by_their_label(
    segments: list[Segment], cues: list[_Cue], homes: dict[str, str]
) -> None:
    assert {line.id: line.text for line in fit(cues, segments).lines} == homes


def test_swapped_labels_stay_at_their_times() -> None:
    both = talk(("a", "Anna", 1000, 4000), ("b", "Ben", 3000, 6000))
    given = fit([_Cue(1000, 4000, "uno", "Ben"), _Cue(3000, 6000, "dos", "Anna")], both)
    assert [(line.id, line.text) for line in given.lines] == [("a", "uno"), ("b", "dos")]


@pytest.mark.parametrize("long_cue", [False, True])
def test_a_segment_or_cue_as_long_as_the_film_costs_no_more_than_others(
    monkeypatch: pytest.MonkeyPatch, long_cue: bool
) -> None:
    compared = 0
    overlap = Span.overlap

    def counted(one: Span, other: Span) -> int:
        nonlocal compared
        compared += 1
        return overlap(one, other)

    monkeypatch.setattr(Span, "overlap", counted)
    count = 2000
    segments = [
        _segment("film", 0, count * 1000),
        *(_segment(str(n), n * 1000, n * 1000 + 500) for n in range(count)),
    ]
    cues = [_Cue(n * 1000, n * 1000 + 600, str(n)) for n in range(count)]
    given = fit([_Cue(0, count * 1000, "todo"), *cues] if long_cue else cues, segments)
    assert {line.id for line in given.lines} == {*map(str, range(count)), *(["film"] if long_cue else [])}
    assert compared < 20 * count


def test_what_a_cue_overlaps_is_found_as_by_looking_at_every_segment() -> None:
    draw = random.Random(9)
    for size in (0, 1, 2, 3, 8, 17, 40):
        starts = [draw.randrange(100) for _ in range(size)]
        segments = [_segment(str(n), at, at + draw.choice((0, 1, 5, 90))) for n, at in enumerate(starts)]
        ordered = sorted(segments, key=lambda segment: segment.span)
        near = given_room._finder(ordered)
        for start in range(0, 110, 3):
            span = Span(start, start + draw.randrange(1, 30))
            assert near(span) == [segment for segment in ordered if segment.span.overlap(span)]
