"""Whatever a chat server does to a film's lines, each is answered once, with words or with the reason why not; what
has arrived before a failure is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from chatserver import (
    KEY,
    Server,
    answers,
    breaks_off,
    is_slow,
    refuses,
    resets,
    says,
    serving,
    translates,
    trickles,
    wording,
)

from dubber.errors import TranslationError
from dubber.stages.translate import remote
from dubber.stages.translate.chat import ChatTranslator
from dubber.stages.translate.door import Answer, Ask, Brief
from dubber.stages.translate.remote import RemoteMind

Rows = list[dict[str, Any]]

BRIEF = Brief("en", "es")
NOUNS = ["house", "river", "window", "garden", "letter", "winter", "bridge", "doctor", "kitchen", "mountain"]
ASKS = tuple(
    Ask(f"s{n}", f"Somebody left {n} apples near every old {noun}.", budget=4000)
    for n, noun in enumerate(NOUNS * 5)
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PAUSES_S", (0.0, 0.001, 0.001))
    monkeypatch.setenv("DUBBER_API_KEY", KEY)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def translated(server: Server, asks: tuple[Ask, ...] = ASKS, *, width: int = 4, timeout_s: float = 5) -> Any:
    """Every answer by its id, each having come once; and the error that ended it, or None."""
    translator = ChatTranslator(RemoteMind(server.url, "tiny", width=width, timeout_s=timeout_s))
    came: list[Answer] = []
    try:
        translator.translate(asks, BRIEF, came.append)
    except TranslationError as error:
        failed: TranslationError | None = error
    else:
        failed = None
    finally:
        translator.close()
    by_id = {answer.id: answer for answer in came}
    assert len(by_id) == len(came), "an answer came twice"
    return by_id, failed


def all_good(by_id: dict[str, Answer], asks: tuple[Ask, ...] = ASKS) -> bool:
    return all(by_id[ask.id].wordings[:1] == (wording(ask.text),) for ask in asks)


@pytest.mark.parametrize("usual", [translates(), is_slow(0.05)])
def test_a_good_server_has_every_line_translated(server: Server, usual: Any) -> None:
    server.usual = usual
    by_id, failed = translated(server)
    assert failed is None
    assert all_good(by_id)
    assert len(server.asked) < len(ASKS) / 5, "lines are asked for in groups"


@pytest.mark.parametrize(
    "trouble",
    [
        answers(429, "", Retry_After="0"),
        answers(500, "oops"),
        answers(503),
        resets,
        breaks_off,
        refuses("seed"),
        refuses("max_tokens"),
        says("I'm sorry, but I can't help with that."),
        says('{"id": "1", "w": ["unfinished'),
        says("not JSON at all"),
        says("", finish="content_filter"),
        answers(413),
        translates(lambda rows: rows[:-7]),
        translates(lambda rows: [rows[0]]),
        translates(lambda rows: [{"id": rows[0]["id"], "w": [rows[0]["w"][0] + " " + rows[1]["w"][0]]}, *rows[2:]]),
        translates(lambda rows: [*rows, {"id": "1", "w": ["que otra cosa"]}]),
        translates(lambda rows: [*rows, {"id": "99", "w": ["que sobra"]}]),
        translates(json.dumps),
        translates(lambda rows: "```json\n" + json.dumps({"lines": rows}) + "\n```"),
    ],
)  # fmt: skip
def test_what_goes_wrong_once_is_made_good(server: Server, trouble: Any) -> None:
    server.next.append(trouble)
    by_id, failed = translated(server, width=1)
    assert failed is None
    assert set(by_id) == {ask.id for ask in ASKS}
    wrong = [ask.id for ask in ASKS if by_id[ask.id].wordings[:1] != (wording(ask.text),)]
    assert len(wrong) <= 1, "a merged line may pass for a long one; nothing else may"


@pytest.mark.parametrize("trouble", [trickles, says("x" * 300_000)])
def test_what_never_ends_is_cut_and_made_good(
    server: Server, trouble: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "MOST_BYTES", 1 << 17)
    server.next.append(trouble)
    by_id, failed = translated(server, timeout_s=0.2)
    assert failed is None
    assert all_good(by_id)


def original(row: dict[str, Any]) -> str:
    """The line that a row's wording came from."""
    return next(ask.text for ask in ASKS if wording(ask.text) == row["w"][0])


def _spoilt(change: Callable[[dict[str, Any]], str]) -> Any:
    return translates(lambda rows: [{"id": row["id"], "w": [change(row)]} for row in rows])


@pytest.mark.parametrize(
    "usual",
    [
        says("I'm sorry, but I can't help with that."),
        says("{[ no JSON"),
        says("", finish="content_filter"),
        answers(200, "<html>login</html>", Content_Type="text/html"),
        _spoilt(lambda row: "the man and the woman are with this for you " + row["id"]),
        _spoilt(lambda row: "это совсем другой язык " + row["id"]),
        _spoilt(lambda row: f"id {row['id']} <film> </film>"),
        _spoilt(lambda row: ""),
    ],
)
def test_what_is_never_usable_is_said_of_every_line_and_spoken_of_none(server: Server, usual: Any) -> None:
    server.usual = usual
    by_id, failed = translated(server, ASKS[:6])
    assert failed is None
    assert set(by_id) == {ask.id for ask in ASKS[:6]}
    for answer in by_id.values():
        assert answer.wordings == ()
        assert answer.faults
        assert KEY not in " ".join(answer.faults)


def test_a_source_that_comes_back_is_no_translation(server: Server) -> None:
    server.usual = translates(lambda rows: [{"id": row["id"], "w": [original(row)]} for row in rows])
    by_id, _ = translated(server, ASKS[:3])
    assert [by_id[ask.id].wordings for ask in ASKS[:3]] == [(), (), ()]


@pytest.mark.parametrize("end", [answers(500, "broken"), answers(401), resets, answers(402)])
@pytest.mark.parametrize("width", [1, 4])
def test_what_arrived_before_a_failure_is_kept(server: Server, end: Any, width: int) -> None:
    server.next.append(translates())
    server.usual = end
    by_id, failed = translated(server, width=width)
    assert failed is not None
    assert f"127.0.0.1:{server.port}" in str(failed)
    assert failed.hint
    assert len(by_id) >= 10
    assert all(by_id[ask.id].wordings == (wording(ask.text),) for ask in ASKS if ask.id in by_id)


def test_a_model_that_translates_nothing_is_given_up(server: Server) -> None:
    server.usual = says("I only talk about cooking.")
    asks = tuple(Ask(f"n{n}", f"Nobody saw him leave the {noun}.") for n, noun in enumerate(NOUNS * 10))
    by_id, failed = translated(server, asks)
    assert failed is not None
    assert len(by_id) < len(asks)
