"""The plain translation model answers every line once, the same however it is asked, and refuses what it cannot do."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.tiny import nmt as tiny
from dubber.errors import DubberError, MissingError, TranslationError, UsageError
from dubber.models import catalogue, store
from dubber.stages.translate import check, m2m100, nmt, pieces, rewording
from dubber.stages.translate.door import Answer, Ask, Brief, Term, Tried
from dubber.stages.translate.nmt import NmtTranslator

pytestmark = pytest.mark.filterwarnings("error")

NAME = "m2m100-418m"
BRIEF = Brief("en", "es")
LINES = (
    "We leave tonight.",
    "Where have you been all this time? I was looking for you.",
    "No!",
    "42",
    "...",
    "The old bridge is closed, </s> __en__ <pad> so we take the boat across the river.",
    "",
    "Nobody said a word.",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the tiny model in it."""
    root = tmp_path_factory.mktemp("models")
    tiny.write(root / NAME)
    return root


@pytest.fixture(autouse=True)
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import torch

    monkeypatch.setenv("DUBBER_MODELS", str(place))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(m2m100, "LONGEST_ANSWER", (1, 12))  # beams without an end run on to it
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def own(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the model's folder, to be spoilt."""
    folder = tmp_path / NAME
    folder.mkdir()
    for path in (place / NAME).iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path))
    return folder


@pytest.fixture(scope="module")
def engine() -> Iterator[NmtTranslator]:
    translator = NmtTranslator(device="cpu")
    yield translator
    translator.close()


def said(
    engine: NmtTranslator, lines: tuple[str, ...] = LINES, brief: Brief = BRIEF, **ask: Any
) -> list[Answer]:
    """The answers in the order of the lines; each line is answered once."""
    asks = [Ask(f"s{n}", line, **ask) for n, line in enumerate(lines)]
    came: list[Answer] = []
    heard: list[float] = []
    engine.translate(asks, brief, came.append, heard.append)
    assert sorted(answer.id for answer in came) == sorted(ask.id for ask in asks)
    assert heard == sorted(heard)
    assert heard[-1] == 1.0
    by_id = {answer.id: answer for answer in came}
    return [by_id[ask.id] for ask in asks]


def test_every_line_is_answered_once_with_words_or_a_reason(engine: NmtTranslator) -> None:
    answers = dict(zip(LINES, said(engine), strict=True))
    for line in ("We leave tonight.", "No!", "Nobody said a word.", LINES[5]):
        assert answers[line].wordings[0] == tiny.TEXT
        assert len(set(answers[line].wordings)) == len(answers[line].wordings) <= 3
    assert answers["42"].wordings == ("42",)
    assert answers["..."].wordings == ("...",)
    assert answers[""].wordings == ()
    assert "nothing" in answers[""].faults[0]
    assert said(engine, ()) == []


def test_the_same_lines_give_the_same_answers_in_any_batch_and_order(
    engine: NmtTranslator, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = said(engine)
    for batch in (1, 3):
        monkeypatch.setattr(nmt, "BATCH", batch)
        assert said(engine) == whole
    backwards = said(engine, LINES[::-1])
    assert [answer.wordings for answer in backwards[::-1]] == [answer.wordings for answer in whole]
    again = NmtTranslator(device="cpu")
    assert said(again) == whole
    again.close()
    assert said(again, LINES[:1]) == whole[:1], "it loads again after it was closed"


def test_a_long_line_is_said_in_parts_that_come_back_together(engine: NmtTranslator) -> None:
    (answer,) = said(engine, ("Nobody said a word about that. " * 11,))
    count = len(pieces.parts("Nobody said a word about that. " * 11))
    assert count > 1
    assert answer.wordings[0] == " ".join([tiny.TEXT] * count)


def test_text_never_becomes_a_special_token(engine: NmtTranslator) -> None:
    said(engine, LINES[:1])
    model = engine._loaded
    assert model is not None
    start, *inner, end = model.tokens("</s> <s> <pad> __es__ <unk> hola", "en")
    assert (start, end) == (model._tokenizer.get_lang_id("en"), model._tokenizer.eos_token_id)
    assert all(token < model._words and token not in (0, 1, 2) for token in inner)
    assert len(model.tokens("word " * 5000, "en")) == m2m100.MOST_TOKENS + 2


def test_what_does_not_fit_its_time_is_told(engine: NmtTranslator) -> None:
    (answer,) = said(engine, ("We leave tonight.",), budget=300)
    assert answer.wordings
    assert "to say" in answer.faults[-1]


def test_asked_for_other_words_it_never_gives_the_same(engine: NmtTranslator) -> None:
    for budget in (900, 6000):
        (answer,) = said(engine, ("We leave tonight.",), budget=budget, tried=(Tried(tiny.TEXT, 3000),))
        assert tiny.TEXT not in answer.wordings
        assert answer.wordings or answer.faults[0].startswith(rewording.NOTHING_BETTER)
    assert not engine.rewords


def test_a_glossary_is_held_against_what_was_said(engine: NmtTranslator) -> None:
    for target, obeyed in (("puerto", True), ("bahía", False)):
        brief = Brief("en", "es", glossary=(Term("harbour", target),))
        (answer,) = said(engine, ("We leave the harbour tonight.",), brief)
        assert answer.wordings
        assert any("glossary" in fault for fault in answer.faults) is not obeyed


def test_the_wrong_language_and_the_line_itself_are_no_translations(engine: NmtTranslator) -> None:
    (russian,) = said(engine, ("We leave tonight.",), Brief("en", "ru"))
    assert russian.wordings == ()
    assert "script" in russian.faults[0]
    (same,) = said(engine, (tiny.TEXT,), Brief("es", "pt"))
    assert tiny.TEXT not in same.wordings


def test_noise_is_answered_too(own: Path) -> None:
    tiny.write(own, text=None)
    engine = NmtTranslator(device="cpu")
    answers = said(engine, LINES[:4])
    assert all(answer.wordings or answer.faults for answer in answers)
    assert answers == said(engine, LINES[:4])
    engine.close()


def test_less_memory_makes_smaller_batches_and_too_little_is_said(
    engine: NmtTranslator, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    whole = said(engine)
    generated, sizes = m2m100.M2M100._generated, []

    def small(self: m2m100.M2M100, sentences: Any, code: str) -> Any:
        sizes.append(len(sentences))
        if len(sentences) > room:
            raise torch.OutOfMemoryError("out of memory")
        return generated(self, sentences, code)

    monkeypatch.setattr(m2m100.M2M100, "_generated", small)
    room = 1
    assert said(engine) == whole
    assert max(sizes) > 1
    room = 0
    with pytest.raises(TranslationError, match="memory") as failed:
        said(engine)
    assert failed.value.hint


# What it knows


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("pt-BR", "pt"),
        ("zh-Hant", "zh"),
        ("zh", "zh"),
        ("nb", "no"),
        ("no", "no"),
        ("tl", "tl"),
        ("iw", "he"),
        ("sr-Latn", "sr"),
        ("nso", "ns"),
    ],
)
def test_tags_become_the_models_own_codes(tag: str, code: str) -> None:
    assert nmt._code(tag) == code


def test_the_codes_are_those_of_the_library() -> None:
    from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

    assert set(FAIRSEQ_LANGUAGE_CODES["m2m100"]) == m2m100.CODES


@pytest.mark.parametrize(
    ("source", "target", "error", "sentence"),
    [
        ("en", "eu", MissingError, "100 languages, and Basque is none"),
        ("eo", "en", MissingError, "Esperanto"),
        ("en", "en-GB", UsageError, "already"),
        ("en", "und", UsageError, "translate into is not known"),
        ("und", "eu", MissingError, "Basque is none"),
        ("nb", "nn", MissingError, "for one"),
        ("en", "blorf", UsageError, "blorf"),
    ],
)
def test_what_it_cannot_translate_is_said_before_any_work(
    source: str, target: str, error: type[DubberError], sentence: str
) -> None:
    engine = NmtTranslator()
    with pytest.raises(error, match=sentence) as refused:
        engine.check(source, target)
    assert error is UsageError or refused.value.hint
    assert engine._loaded is None


def test_a_language_still_to_be_found_is_no_reason_to_stop_before_it_is_needed(engine: NmtTranslator) -> None:
    engine.check("und", "es")
    with pytest.raises(UsageError, match="of the film is not known"):
        said(engine, LINES[:1], Brief("und", "es"))


def test_a_name_that_comes_back_is_used_and_told() -> None:
    one = check.Case(Ask("a", "Peter!"), Brief("de", "en"))
    answer = nmt._answer(["Peter!", "Peter!"], one)
    assert answer.wordings == ("Peter!",)
    assert answer.faults == ("It is the line itself; that is right for a name.",)
    assert "over and over" in nmt._answer(["no no no no no no"], one).faults[0]


def test_no_model_says_how_to_bring_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path))
    for work in (
        lambda: NmtTranslator().check("und", "es"),
        lambda: NmtTranslator().check("en", "es"),
        lambda: NmtTranslator().digest(BRIEF),
    ):
        with pytest.raises(MissingError) as missing:
            work()
        assert f"dubber models pull {NAME}" in str(missing.value.hint)


def test_a_device_that_is_not_here_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MissingError, match="no cuda device"):
        said(NmtTranslator(device="cuda"))


def test_the_digest_names_what_shapes_an_answer(own: Path) -> None:
    engine = NmtTranslator()
    before = engine.digest(BRIEF)
    assert engine.digest(Brief("en", "es", "a comedy", "formal")) == before, "it is told neither"
    assert engine.digest(Brief("en", "pt")) != before
    assert engine.digest(Brief("en", "es", glossary=(Term("a", "b"),))) != before
    store.record_as_is(catalogue.named(NAME))
    assert engine.digest(BRIEF) == before, "the record says what the files are"
    (own / store.RECORD).unlink()
    (own / "vocab.json").write_text((own / "vocab.json").read_text() + "\n")
    assert engine.digest(BRIEF) != before
    assert engine._loaded is None


# Damaged models


class _Payload:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


def _spoil(own: Path, kind: str) -> None:
    import torch

    weights = own / "pytorch_model.bin"
    state = torch.load(weights, weights_only=True)
    if kind == "code":
        torch.save({**state, "x": _Payload(own / "ran")}, weights)
    elif kind == "lacking":
        torch.save({key: value for key, value in state.items() if "layers.1.fc1" not in key}, weights)
    elif kind == "misshapen":
        torch.save({**state, "lm_head.weight": state["lm_head.weight"][:, :32].clone()}, weights)
    elif kind == "cut":
        weights.write_bytes(weights.read_bytes()[:5000])
    elif kind == "text":
        weights.write_text("version https://git-lfs.example/spec/v1")
    elif kind == "vocabulary":
        names = json.loads((own / "vocab.json").read_text())
        (own / "vocab.json").write_text(json.dumps(names | {f"new{n}": len(names) + n for n in range(50)}))
    elif kind == "config":
        (own / "config.json").write_text("{")
    elif kind == "pieces":
        (own / "sentencepiece.bpe.model").write_bytes(b"no model")


@pytest.mark.parametrize(
    "kind", ["code", "lacking", "misshapen", "cut", "text", "vocabulary", "config", "pieces"]
)
def test_a_damaged_model_is_refused_and_runs_nothing(own: Path, kind: str) -> None:
    _spoil(own, kind)
    with pytest.raises(MissingError) as refused:
        said(NmtTranslator(device="cpu"), LINES[:1])
    assert NAME in str(refused.value)
    assert f"pull {NAME} --again" in str(refused.value.hint)
    assert not (own / "ran").exists()


def test_the_tiny_model_has_the_released_files(place: Path) -> None:
    assert {path.name for path in (place / NAME).iterdir()} == set(catalogue.named(NAME).files)
    assert sum(path.stat().st_size for path in (place / NAME).iterdir()) < 3_000_000
    assert zipfile.is_zipfile(place / NAME / "pytorch_model.bin")


# Parts and loops


@pytest.mark.parametrize(
    "text",
    [
        "Short. Very short.",
        "One sentence here. " * 30,
        "word " * 300,
        "x" * 2000,
        "今日はとても寒いですね。" * 40,
        "and then, " * 100,
        "¿Qué? ¡No! «Sí.» " * 30,
        "3.5 U.S.A. " * 60,
    ],
)
def test_parts_are_the_text_and_none_is_too_long(text: str) -> None:
    found = pieces.parts(text)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(part.strip() for part in found)
    assert len(text) <= pieces.LONG or max(map(len, found)) <= pieces.MOST_CHARACTERS
    assert len(text) > pieces.LONG or found == [text]


@pytest.mark.parametrize(
    ("text", "source", "stuck"),
    [
        ("no, no, no", "no, no, no", False),
        ("no no no no no no", "no", True),
        ("no no no no", "no no no no", False),
        ("que sí que no que sí que no que sí que no que sí que no", "yes or no", True),
        ("uno dos tres uno dos tres", "one two three", False),
        ("ja ja ja ja ja ja", "ha ha ha ha", False),
        ("", "", False),
    ],
)
def test_words_over_and_over_are_a_loop_unless_they_were_said(text: str, source: str, stuck: bool) -> None:
    assert pieces.loops(text, source) is stuck
