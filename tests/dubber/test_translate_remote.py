"""A server may be slow, wrong, hostile or gone: what was said arrives, or a sentence says why; the key stays secret."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest
from chatserver import (
    KEY,
    Server,
    answers,
    breaks_off,
    hangs,
    is_slow,
    refuses,
    resets,
    says,
    serving,
    trickles,
    trickles_headers,
)

from dubber.errors import DubberError, MissingError, TranslationError, UsageError
from dubber.stages.translate import address, completion, remote
from dubber.stages.translate.address import parse
from dubber.stages.translate.chat import NoAnswer
from dubber.stages.translate.prompt import Message
from dubber.stages.translate.remote import RemoteMind

TALK = (Message("system", "Be brief."), Message("user", "Say ¡hola! «é» 你好"))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PAUSES_S", (0.0, 0.001, 0.001))
    monkeypatch.setenv("DUBBER_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("DUBBER_BASE_URL", raising=False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(says("¡Hola!")) as running:
        yield running


def mind(server: Server, timeout_s: float = 5.0) -> RemoteMind:
    return RemoteMind(server.url, "tiny", timeout_s=timeout_s)


def ask(of: RemoteMind) -> str:
    return of.complete(TALK, most_tokens=77, temperature=0.5, seed=3)


# What is asked, and where


def test_a_request_is_what_every_server_understands(server: Server) -> None:
    assert ask(mind(server)) == "¡Hola!"
    (asked,) = server.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.key == f"Bearer {KEY}"
    assert asked.headers["content-type"] == "application/json"
    assert asked.body == {
        "model": "tiny",
        "messages": [{"role": one.role, "content": one.content} for one in TALK],
        "stream": False,
        "temperature": 0.5,
        "seed": 3,
        "max_tokens": 77,
    }


@pytest.mark.parametrize(
    ("base_url", "path"),
    [
        ("", "/chat/completions"),
        ("/", "/chat/completions"),
        ("/v1/", "/v1/chat/completions"),
        ("/openai/v1", "/openai/v1/chat/completions"),
    ],
)
def test_the_base_url_is_taken_as_it_is(server: Server, base_url: str, path: str) -> None:
    ask(RemoteMind(f"http://127.0.0.1:{server.port}{base_url}", "tiny"))
    assert server.asked[0].path == path


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "localhost:11434",
        "ftp://host/v1",
        "file:///etc/passwd",
        "http://",
        "http://ho st/v1",
        "http://host/a b",
        "http://host:99999999/v1",
        "https://host/v1?key=x",
        "https://host/v1#x",
        "https://a\nb/v1",
        "http://[::1/v1",
        f"https://me:{KEY}@host/v1",
        f"https://{KEY}@host/v1",
        f"https://host/v1?key={KEY}",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(base_url: str) -> None:
    with pytest.raises(UsageError) as refused:
        RemoteMind(base_url, "tiny")
    assert KEY not in f"{refused.value} {refused.value.hint}"
    assert refused.value.hint


def test_a_model_has_a_name() -> None:
    with pytest.raises(UsageError, match="model"):
        RemoteMind("https://host/v1", " ")


def test_the_digest_names_model_and_address_and_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = RemoteMind("https://Host.example/v1/", "m").digest()
    assert before == RemoteMind("https://host.example/v1", "m").digest()
    monkeypatch.setenv("DUBBER_API_KEY", "another")
    assert before == RemoteMind("https://host.example/v1", "m", timeout_s=1, width=9).digest()
    others = [
        ("https://host.example/v2", "m"),
        ("https://other.example/v1", "m"),
        ("https://host.example/v1", "n"),
    ]
    assert len({before, *(RemoteMind(*other).digest() for other in others)}) == 4


# The key


MINE = "https://api.example.com/v1"


@pytest.mark.parametrize(
    ("base_url", "named", "dubber", "openai", "sent"),
    [
        # a server that nobody named in the environment
        (MINE, None, "d", "o", MissingError),
        (MINE, None, None, "o", MissingError),
        (MINE, "https://other.example/v1", "d", "o", MissingError),
        (MINE, "http://api.example.com/v1", "d", "o", MissingError),
        (MINE, "https://api.example.com:8443/v1", "d", "o", MissingError),
        ("https://api.openai.com.example/v1", None, "d", "o", MissingError),
        ("http://api.example.com/v1", None, "d", "o", UsageError),
        ("http://api.example.com/v1", None, None, None, UsageError),
        # one that is named
        (MINE, MINE, "d", "o", "d"),
        (MINE, " https://API.example.com:443/v2/ ", "d", "o", "d"),
        (MINE, MINE, None, "o", MissingError),
        (MINE, MINE, " ", "o", MissingError),
        ("http://api.example.com/v1", "http://api.example.com/v1", "d", None, UsageError),
        ("http://api.example.com/v1", "http://api.example.com/v1", None, "o", None),
        ("http://8.8.8.8/v1", "http://8.8.8.8/v1", "d", None, UsageError),
        (MINE, "api.example.com", "d", None, UsageError),
        (MINE, MINE, "two\nlines", None, UsageError),
        (MINE, MINE, "clé", None, UsageError),
        # OpenAI
        ("https://api.openai.com/v1", None, "d", "o", "o"),
        ("https://api.openai.com/v1", "https://api.openai.com/v1", "d", "o", "d"),
        ("https://api.openai.com/v1", MINE, "d", None, MissingError),
        ("https://api.openai.com:8443/v1", None, None, "o", MissingError),
        ("http://api.openai.com/v1", None, None, "o", UsageError),
        # this machine, and one's own network
        ("http://localhost:11434/v1", None, None, "o", "o"),
        ("http://127.0.0.1:8080", None, None, None, None),
        ("http://[::1]:8080", MINE, "d", "o", "d"),
        ("http://192.168.1.7:8000/v1", None, "d", "o", None),
        ("http://192.168.1.7:8000/v1", "http://192.168.1.7:8000/", "d", "o", "d"),
        ("http://192.168.1.7:8000/v1", "http://192.168.1.7:9000/v1", "d", "o", None),
        ("http://gpubox/v1", None, None, "o", None),
        ("http://nas.local/v1", "http://nas.local:80", "d", None, "d"),
        ("https://10.0.0.2/v1", None, None, None, None),
    ],
)
def test_a_key_goes_nowhere_but_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
    base_url: str,
    named: str | None,
    dubber: str | None,
    openai: str | None,
    sent: object,
) -> None:
    for name, value in (("DUBBER_API_KEY", dubber), ("OPENAI_API_KEY", openai), ("DUBBER_BASE_URL", named)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    asked = RemoteMind(base_url, "m")
    if isinstance(sent, type):
        with pytest.raises(sent) as refused:
            asked.check()
        assert isinstance(refused.value, DubberError)
        assert refused.value.hint
    else:
        asked.check()
        assert address.key_for(parse(base_url)) == sent


def test_a_server_without_keys_is_told_how_to_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DUBBER_API_KEY")
    with pytest.raises(MissingError, match=r"api\.example\.com") as refused:
        RemoteMind(MINE, "m").check()
    assert {"DUBBER_API_KEY", "DUBBER_BASE_URL"} <= set(str(refused.value.hint).split())
    assert "any word" in str(refused.value.hint)
    monkeypatch.setenv("DUBBER_API_KEY", "word")
    monkeypatch.setenv("DUBBER_BASE_URL", MINE)
    RemoteMind(MINE, "m").check()


def test_a_person_can_be_told_where_lines_go() -> None:
    assert address.host_of(" https://API.example.com/v1/") == "api.example.com"
    assert address.host_of("http://[::1]:8080/v1") == "[::1]:8080"
    with pytest.raises(UsageError):
        address.host_of("api.example.com")


def test_a_key_is_read_when_it_is_sent(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    of = mind(server)
    ask(of)
    monkeypatch.setenv("DUBBER_API_KEY", "new")
    ask(of)
    monkeypatch.delenv("DUBBER_API_KEY")
    ask(of)
    assert [asked.key for asked in server.asked] == [f"Bearer {KEY}", "Bearer new", None]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 429, 500])
def test_nothing_that_is_said_raised_or_kept_holds_the_key(
    server: Server, status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    server.usual = answers(status, json.dumps({"error": {"message": f"Incorrect key provided: {KEY}"}}))
    of = mind(server)
    with pytest.raises(TranslationError) as failed:
        ask(of)
    shown = [repr(failed.value), str(failed.value.hint), repr(of), repr(vars(of)), of.digest(), of.name]
    chain: BaseException | None = failed.value
    while chain is not None:
        shown.append(repr(chain.args))
        chain = chain.__cause__
    captured = capfd.readouterr()
    assert KEY not in "\n".join([*shown, caplog.text, captured.out, captured.err])
    assert "Incorrect key provided: …" in str(failed.value)


def test_a_repeated_key_is_no_part_of_an_answer(server: Server) -> None:
    server.usual = says(f"Your key is {KEY}.")
    assert KEY not in ask(mind(server))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(server: Server, status: int) -> None:
    with serving(says("stolen")) as other:
        server.usual = answers(status, "", Location=other.url + "/chat/completions")
        with pytest.raises(TranslationError, match="elsewhere"):
            ask(mind(server))
        assert other.asked == []
    assert len(server.asked) == 1


def test_an_own_server_is_not_reached_through_a_proxy(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert ask(mind(server)) == "¡Hola!"
        assert proxy.asked == []


def test_other_servers_are_reached_through_the_proxy_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(says("by proxy")) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert ask(RemoteMind("http://gpubox:8000/v1", "m")) == "by proxy"
        assert proxy.asked[0].path == "http://gpubox:8000/v1/chat/completions"


# What cannot be used


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (says("", finish="length"), "cut off"),
        (says("", finish="content_filter"), "filters"),
        (says(None, refusal="I can't help with that."), "refuses: I can't help with that"),
        (says("  "), "says nothing"),
        (says(None), "says nothing"),
        (says(7), "says nothing"),
        (answers(200, '{"choices": []}'), "no chat completion"),
        (answers(200, '{"error": {"message": "no capacity", "code": 502}}'), "completion but says: no capacity"),
        (answers(200, '{"choices": [{"text": "old"}]}'), "no chat completion"),
        (answers(200, "[]"), "no chat completion"),
        (answers(200, "<html>Welcome</html>", Content_Type="text/html"), "no chat completion"),
        (answers(200, ""), "no chat completion"),
        (answers(200, "[" * 100_000), "no chat completion"),
        (answers(200, '{"choices": "none"}'), "no chat completion"),
        (answers(413, "too much"), "too long"),
        (answers(400, '{"error": {"message": "maximum context length is 8192", "param": "max_tokens"}}'), "long"),
        (answers(400, '{"error": {"code": "content_filter", "message": "no"}}'), "filters"),
    ],
)  # fmt: skip
def test_an_answer_that_holds_none_is_no_answer_and_is_not_asked_for_twice(
    server: Server, behaviour: object, reason: str
) -> None:
    server.next.append(behaviour)  # type: ignore[arg-type]
    with pytest.raises(NoAnswer, match=reason):
        ask(mind(server))
    assert len(server.asked) == 1
    assert ask(mind(server)) == "¡Hola!"


def test_a_body_without_end_is_not_read_to_its_end(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MOST_BYTES", 1 << 16)
    server.next.append(says("x" * (1 << 20)))
    with pytest.raises(NoAnswer, match="longer than 64 KiB"):
        ask(mind(server))


def test_a_cut_answer_is_what_came_of_it(server: Server) -> None:
    server.usual = says("half of", finish="length")
    assert ask(mind(server)) == "half of"


def test_content_in_parts_is_one_answer(server: Server) -> None:
    server.usual = says(
        [{"type": "text", "text": "one "}, {"type": "image"}, "x", {"type": "text", "text": "two"}]
    )
    assert ask(mind(server)) == "one two"


# What would not change


@pytest.mark.parametrize(
    ("behaviour", "sentence", "hint"),
    [
        (
            answers(401, '{"error": {"message": "bad key"}}'),
            "401.*bad key",
            "DUBBER_API_KEY or OPENAI_API_KEY",
        ),
        (answers(403, "<html>no</html>"), "403", "DUBBER_API_KEY"),
        (answers(404, '{"error": "model not found"}'), "tiny.*model not found", "--model"),
        (answers(402, '{"error": {"message": "pay"}}'), "credit", "kept"),
        (answers(429, '{"error": {"code": "insufficient_quota", "message": "q"}}'), "credit", "kept"),
        (answers(400, '{"detail": "no such thing"}'), "400: no such thing", "--base-url"),
        (answers(400, "\x1b[31mred\n" + "x" * 9999), r"400: \[31mred x+…", "--base-url"),
        (answers(418, "[" * 90_000), "418", "--base-url"),
    ],
)
def test_what_would_not_change_is_said_at_once(
    server: Server, behaviour: object, sentence: str, hint: str
) -> None:
    server.next.append(behaviour)  # type: ignore[arg-type]
    with pytest.raises(TranslationError, match=sentence) as failed:
        ask(mind(server))
    assert f"127.0.0.1:{server.port}" in str(failed.value)
    assert hint in str(failed.value.hint)
    assert "\x1b" not in str(failed.value)
    assert len(server.asked) == 1


def test_a_server_that_is_not_there_is_said_at_once() -> None:
    with serving() as gone:
        url = gone.url
    with pytest.raises(TranslationError, match="out of reach") as failed:
        RemoteMind(url, "tiny").complete(TALK, most_tokens=9)
    assert "running" in str(failed.value.hint)


# What may pass


@pytest.mark.parametrize(
    "trouble",
    [
        answers(429),
        answers(500, "oops"),
        answers(503, "<html>"),
        answers(408),
        resets,
        breaks_off,
        answers(429, "", Retry_After="0"),
        answers(429, "", Retry_After="soon"),
        answers(503, "", Retry_After=formatdate(0, usegmt=True)),
    ],
)
def test_what_may_pass_is_tried_again(server: Server, trouble: object) -> None:
    server.next.extend([trouble, trouble])  # type: ignore[list-item]
    assert ask(mind(server)) == "¡Hola!"
    assert len(server.asked) == 3
    assert server.asked[0].body == server.asked[2].body


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (answers(500, '{"error": {"message": "overloaded"}}'), "answers 500: overloaded"),
        (resets, "failed"),
        (breaks_off, "breaks off"),
        (answers(429, "", Retry_After="0"), "answers 429 and asks to wait 0 s"),
    ],
)
def test_tries_end(server: Server, trouble: object, reason: str) -> None:
    server.usual = trouble  # type: ignore[assignment]
    with pytest.raises(TranslationError, match=reason) as failed:
        ask(mind(server))
    assert f"127.0.0.1:{server.port}" in str(failed.value)
    assert len(server.asked) == 1 + len(remote.PAUSES_S)


@pytest.mark.parametrize("trouble", [hangs, trickles, trickles_headers])
def test_no_answer_in_time_is_cut_and_tried_again(server: Server, trouble: object) -> None:
    server.next.append(trouble)  # type: ignore[arg-type]
    started = time.monotonic()
    assert ask(mind(server, timeout_s=0.15)) == "¡Hola!"
    assert 0.1 < time.monotonic() - started < 2


@pytest.mark.parametrize("trouble", [hangs, trickles, answers(503), answers(429, "", Retry_After="30")])
def test_all_tries_together_have_an_end(
    server: Server, trouble: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "PATIENCE_S", 0.2)
    monkeypatch.setattr(remote, "PAUSES_S", (0.05,) * 100)
    server.usual = trouble  # type: ignore[assignment]
    started = time.monotonic()
    with pytest.raises(TranslationError):
        ask(mind(server, timeout_s=9))
    assert time.monotonic() - started < 2


def test_pauses_grow_differ_between_requests_and_are_always_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    pauses = [
        [remote._pause(remote._Passing(""), n, raw) for n in range(len(remote.PAUSES_S))]
        for raw in (b"one", b"two", b"one")
    ]
    assert pauses[0] == pauses[2] != pauses[1]
    for asked in pauses:
        assert asked == sorted(asked)
        assert all(base <= pause <= 1.25 * base for base, pause in zip(remote.PAUSES_S, asked, strict=True))
    assert sum(remote.PAUSES_S) * 1.25 < remote.PATIENCE_S


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7),
        ("0.5", 0.5),
        ("-3", 0),
        ("nan", None),
        ("inf", None),
        ("x", None),
        ("", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0),
        ("Wed, 99 Oct", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert completion.retry_after(header) == seconds
    later = completion.retry_after(formatdate(time.time() + 40, usegmt=True))
    assert later is not None
    assert 30 < later <= 40


def test_a_wish_to_wait_longer_than_anybody_would_ends_the_work_at_once(server: Server) -> None:
    server.next.append(answers(429, "", Retry_After="86400"))
    with pytest.raises(TranslationError, match="asks to wait 86400 s") as told:
        ask(mind(server))
    assert "kept" in str(told.value.hint)
    assert len(server.asked) == 1


# What some servers do not know


def test_parameters_that_a_server_refuses_are_left_out_from_then_on(server: Server) -> None:
    server.next.extend(refuses(name) for name in ("max_tokens", "seed", "temperature"))
    of = mind(server)
    assert ask(of) == ask(of) == "¡Hola!"
    assert len(server.asked) == 5
    for asked in server.asked[3:]:
        assert {"max_tokens", "seed", "temperature"}.isdisjoint(asked.body)
        assert asked.body["max_completion_tokens"] == 77


def test_a_server_that_refuses_everything_is_not_asked_for_ever(server: Server) -> None:
    everything = "max_tokens, max_completion_tokens, seed and temperature are unsupported"
    server.usual = answers(400, json.dumps({"error": {"message": everything}}))
    with pytest.raises(TranslationError, match="400"):
        ask(mind(server))
    assert len(server.asked) == 3


# Several at once


def test_requests_go_side_by_side(server: Server) -> None:
    server.usual = is_slow(0.1)
    of = mind(server)
    talk = (Message("user", '<film>{"lines": [{"id": "1", "text": "Go."}]}</film>'),)
    threads = [
        threading.Thread(target=of.complete, args=(talk,), kwargs={"most_tokens": 9}) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.most_at_once > 1
    assert len(server.asked) == 4


@pytest.mark.parametrize("trouble", [hangs, answers(429, "", Retry_After="30")])
def test_closing_ends_what_is_under_way_at_once(server: Server, trouble: object) -> None:
    server.next.append(trouble)  # type: ignore[arg-type]
    of = mind(server, timeout_s=60)
    raised: list[BaseException] = []

    def waits() -> None:
        try:
            ask(of)
        except TranslationError as error:
            raised.append(error)

    thread = threading.Thread(target=waits)
    thread.start()
    while not server.asked:
        time.sleep(0.001)
    time.sleep(0.05)
    of.close()
    thread.join(2)
    assert not thread.is_alive()
    assert "given up" in str(raised[0])
    assert ask(of) == "¡Hola!", "it may be used again"
