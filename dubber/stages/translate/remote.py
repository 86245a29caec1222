"""The remote mind: any server that speaks OpenAI's chat API. The one place, besides the model store, that opens a
connection; knows nothing of lines or languages, and keeps no key."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from functools import cached_property, partial
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from dubber import __version__
from dubber.errors import TranslationError, UsageError
from dubber.stages.translate import address, completion
from dubber.stages.translate.chat import NoAnswer
from dubber.stages.translate.prompt import Message

REVISION = 1
"""Of what is asked of a server besides the messages; part of the digest."""

PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Before each try after the first; up to a quarter is added, so that parallel requests do not come back together."""

PATIENCE_S = 900.0
"""All tries of one request together, pauses included; a try that runs then is cut."""

RETRY_AFTER_MOST_S = 60.0
"""As long as a server's wish to be left alone is followed; what asks for more is at the end of some quota."""

CONNECT_S = 20.0
"""For the connection alone: a server that is there takes it at once."""

MOST_BYTES = 8 << 20
"""Of an answer; the longest a model writes is a hundredth of it."""

MOST_TROUBLE_BYTES = 1 << 16
"""Of an error's body, of which one sentence is shown."""

_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
"""Statuses after which the same request may be answered."""

_LOOK = "Look at --base-url and --model."
_GIVEN_UP = "the request was given up"


class _Passing(Exception):  # noqa: N818 - a state of the network, not yet an error
    """This try failed in a way that the next one may not. `pause`: seconds the server wants to be left alone."""

    def __init__(self, reason: str, *, pause: float | None = None) -> None:
        super().__init__(reason)
        self.pause = pause


class RemoteMind:
    """A model behind HTTP; see `chat.Mind`. `complete` may be called from `width` threads at once.

    `base_url` is what the server's makers call so: "/chat/completions" is put after it. The key is read from the
    environment each time it is sent; `address.keys_for` says which may go where. `timeout_s` bounds one try. Raises
    UsageError for an address or a model that cannot be one.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        timeout_s: float = 300.0,
        width: int = 4,
    ) -> None:
        self.address = address.parse(base_url)
        self.model = model.strip()
        if not self.model or not self.model.isprintable():
            raise UsageError(
                "A remote translator needs a model.", hint="Give --model as the server names it."
            )
        self.name = "openai"
        self.width = width
        self._timeout_s = timeout_s
        self._refused: frozenset[str] = frozenset()
        self._reached = False
        self._calls: set[_Call] = set()
        self._closing = threading.Event()
        self._lock = threading.Lock()

    def digest(self) -> str:
        """sha256 (hex) over model and address; the key is no part of it."""
        return sha256(
            "\0".join(("openai", str(REVISION), self.model, self.address.place, self.address.path)).encode()
        ).hexdigest()

    def check(self) -> None:
        """Raises MissingError or UsageError where no key can be sent that must be; contacts nobody."""
        address.key_for(self.address)

    def complete(
        self, messages: Sequence[Message], *, most_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> str:
        """What the model says next, cut after `most_tokens`.

        Raises NoAnswer where this conversation has none to use (too long, filtered, refused, not understood),
        TranslationError where the server as a whole fails: at once where it would again, else after the tries of
        PAUSES_S or PATIENCE_S seconds; MissingError and UsageError like `check`.
        """
        said = [{"role": message.role, "content": message.content} for message in messages]
        closing, deadline = self._closing, time.monotonic() + PATIENCE_S
        tried = 0
        while True:
            wishes = {"temperature": temperature, "seed": seed, "max_tokens": most_tokens}
            if "max_tokens" in self._refused:
                wishes["max_completion_tokens"] = most_tokens
            wishes = {name: value for name, value in wishes.items() if name not in self._refused}
            body = {"model": self.model, "messages": said, "stream": False, **wishes}
            raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
            try:
                status, answer = self._post(raw, deadline, closing)
            except _Passing as trouble:
                left = deadline - time.monotonic()
                if tried == len(PAUSES_S) or (pause := _pause(trouble, tried, raw)) >= left:
                    raise self._failed(
                        str(trouble), hint="Try again later; what has arrived is kept."
                    ) from None
                tried += 1
                if closing.wait(pause):
                    raise self._failed(_GIVEN_UP) from None
                continue
            if status == HTTPStatus.OK:
                return completion.text_of(answer, self.address.host)
            refused = completion.refused(status, answer, wishes)
            if not refused:
                raise self._unusable(status, answer)
            self._refused |= refused  # remembered: asked without from now on

    def close(self) -> None:
        """Cuts whatever is under way, in any thread; the mind may be used again."""
        with self._lock:
            self._closing.set()
            self._closing = threading.Event()
            calls = list(self._calls)
        for call in calls:
            call.cut(_GIVEN_UP)

    def _post(self, raw: bytes, deadline: float, closing: threading.Event) -> tuple[int, str]:
        """Status and body of one try: 200, or what would be the same again. Raises _Passing, NoAnswer,
        TranslationError, and what `check` raises."""
        key = address.key_for(self.address)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        headers["User-Agent"] = f"dubber/{__version__}"
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(f"{self.address.url}/chat/completions", raw, headers, method="POST")
        call = _Call()
        seconds = min(self._timeout_s, max(0.0, deadline - time.monotonic()))
        clock = threading.Timer(seconds, call.cut, (f"it has not answered within {seconds:.3g} s",))
        clock.daemon = True
        with self._lock:
            self._calls.add(call)
        try:
            if closing.is_set():  # between two tries
                raise self._failed(_GIVEN_UP)
            clock.start()
            with self._opener(call).open(request, timeout=min(CONNECT_S, self._timeout_s)) as answer:
                self._reached = True
                return HTTPStatus.OK, _without(key, _body(answer, MOST_BYTES, call))
        except urllib.error.HTTPError as error:
            self._reached = True
            with error:
                return error.code, self._trouble(error, key, call)
        except (OSError, http.client.HTTPException) as error:
            raise self._unreached(error, key, call) from None
        finally:
            clock.cancel()
            with self._lock:
                self._calls.discard(call)

    def _trouble(self, error: urllib.error.HTTPError, key: str | None, call: _Call) -> str:
        """The body of an answer that is none. Raises _Passing where the next may be one, TranslationError for a
        redirect."""
        if 300 <= error.code < 400:
            hint = "Give the address that it has now: a key follows no redirect."
            raise self._failed("it sends us elsewhere", hint=hint) from None
        try:
            body = _without(key, _body(error, MOST_TROUBLE_BYTES, call))
        except (NoAnswer, OSError, http.client.HTTPException):
            body = ""  # the status says enough
        if error.code not in _PASSING or completion.is_unpaid(error.code, body):
            return body
        after = completion.retry_after(error.headers.get("Retry-After"))
        wish = "" if after is None else f" and asks to wait {after:.0f} s"
        if after is not None and after > RETRY_AFTER_MOST_S:
            hint = "Its quota is used up for now; what has arrived is kept."
            raise self._failed(f"it answers {error.code}{wish}{_quoted(body)}", hint=hint) from None
        pause = after
        raise _Passing(f"it answers {error.code}{wish}{_quoted(body)}", pause=pause) from None

    def _unreached(self, error: Exception, key: str | None, call: _Call) -> Exception:
        """What to raise where the connection failed, or was cut."""
        if call.reason is not None:
            return self._failed(_GIVEN_UP) if call.reason == _GIVEN_UP else _Passing(call.reason)
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        said = completion.shortened(_without(key, str(reason))) or type(reason).__name__
        if isinstance(reason, ssl.SSLCertVerificationError):
            return self._failed(
                f"its certificate is not trusted ({reason.verify_message})",
                hint="Where the server is your own, name its authority's file in SSL_CERT_FILE.",
            )
        if isinstance(reason, ConnectionRefusedError | socket.gaierror) and not self._reached:
            return self._failed(f"it is out of reach ({said})", hint=f"Is the server running? {_LOOK}")
        return _Passing(f"the connection failed ({said})")

    def _unusable(self, status: int, body: str) -> Exception:
        """What to raise for an answer that would be the same again."""
        if completion.is_filtered(body):
            return NoAnswer(f"{self.address.host} filters what is said here")
        if completion.is_too_long(status, body):
            return NoAnswer(f"{self.address.host} finds the question too long")
        said = _quoted(body)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            hint = address.where_key_is_from(self.address)
            return self._failed(f"it does not let us in ({status}){said}", hint=hint)
        if completion.is_unpaid(status, body):
            return self._failed(f"its credit is used up{said}", hint="What has arrived is kept.")
        if status == HTTPStatus.NOT_FOUND:
            return self._failed(f"it knows no {self.model}, or nothing at this address{said}", hint=_LOOK)
        return self._failed(f"it answers {status}{said}", hint=_LOOK)

    def _failed(self, reason: str, *, hint: str | None = None) -> TranslationError:
        return TranslationError(f"The translator at {self.address.place} fails: {reason}.", hint=hint)

    def _opener(self, call: _Call) -> urllib.request.OpenerDirector:
        """Proxies as the environment names them, but none on the way to this machine; certificates are verified, and
        redirects not followed."""
        opener = urllib.request.OpenerDirector()
        opener.add_handler(urllib.request.ProxyHandler({} if self.address.loopback else None))
        opener.add_handler(_Connecting(call, self._verified if self.address.scheme == "https" else None))
        opener.add_handler(urllib.request.HTTPDefaultErrorHandler())
        opener.add_handler(urllib.request.HTTPErrorProcessor())
        return opener

    @cached_property
    def _verified(self) -> ssl.SSLContext:
        return ssl.create_default_context()


class _Call:
    """One request under way, which another thread may cut. `reason` says why it was."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self._socket: socket.socket | None = None

    def took(self, connected: socket.socket) -> None:
        """From here on only `cut` ends a wait: a server may think for minutes before its first byte."""
        self._socket = connected
        connected.settimeout(None)
        if self.reason is not None:
            self.cut(self.reason)

    def cut(self, reason: str) -> None:
        """End the request: whoever waits for it finds its connection closed."""
        self.reason = self.reason or reason
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it was over already
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # the plain one, also below TLS


class _Connection(http.client.HTTPConnection):
    """One that its call may cut."""

    def __init__(self, *args: Any, call: _Call, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._call = call

    def connect(self) -> None:
        super().connect()
        self._call.took(self.sock)


class _SecureConnection(_Connection, http.client.HTTPSConnection):
    """The same over TLS."""


class _Connecting(urllib.request.AbstractHTTPHandler):
    """Opens a call's connection; `verified` says whose certificates are trusted."""

    def __init__(self, call: _Call, verified: ssl.SSLContext | None) -> None:
        super().__init__()
        self._call, self._verified = call, verified

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Connection, call=self._call), req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_SecureConnection, call=self._call), req, context=self._verified)

    http_request = https_request = urllib.request.AbstractHTTPHandler.do_request_


def _body(answer: http.client.HTTPResponse | urllib.error.HTTPError, most: int, call: _Call) -> str:
    """All of an answer's body. Raises NoAnswer where it is longer than `most` bytes, OSError where it breaks off."""
    raw = answer.read(most + 1)
    if call.reason is not None:  # a body without a promised length ends wherever it is cut
        raise ConnectionError(call.reason)
    if len(raw) > most:
        raise NoAnswer(f"the answer is longer than {most >> 10} KiB")
    promised = answer.headers.get("Content-Length") or ""
    if promised.isdigit() and len(raw) < int(promised):
        raise ConnectionError("the answer breaks off")
    return raw.decode("utf-8", "replace")


def _without(key: str | None, text: str) -> str:
    """The text as it may be shown: some servers repeat the key that they were given."""
    return text if key is None else text.replace(key, "…")


def _quoted(body: str) -> str:
    words = completion.words_of(body)
    return f": {words}" if words else ""


def _pause(trouble: _Passing, tried: int, raw: bytes) -> float:
    """Seconds before the next try: what the server wishes, else the same on every run and another for each request."""
    if trouble.pause is not None:
        return trouble.pause
    drawn = sha256(raw + bytes([tried])).digest()[0] / 256
    return PAUSES_S[tried] * (1 + drawn / 4)
