"""A chat server on this machine: speaks what a remote translator needs of OpenAI's protocol, understands the lines it
is asked for, and misbehaves on demand."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-secret-0123456789"
"""What tests put into the environment, and must find nowhere else."""


@dataclass(frozen=True)
class Asked:
    """One request: its path, its headers by lower-case name, and its JSON."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def key(self) -> str | None:
        return self.headers.get("authorization")


Behaviour = Callable[["_Handler", Asked], None]
"""What the server does with one request."""


@dataclass
class Server:
    """`next` are behaviours for the coming requests, one each; then `usual` is. `asked` holds what came, in order."""

    port: int
    usual: Behaviour
    next: deque[Behaviour] = field(default_factory=deque)
    asked: list[Asked] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    at_once: int = 0
    most_at_once: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@contextmanager
def serving(usual: Behaviour | None = None) -> Iterator[Server]:
    """Runs a server while the body runs; it translates well unless told otherwise."""
    http = _Http(("127.0.0.1", 0), _Handler)
    server = http.state = Server(http.server_address[1], usual or translates())
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        http.shutdown()
        http.server_close()
        thread.join()


# What it can do


def says(content: object, *, finish: str = "stop", **message: object) -> Behaviour:
    """A good answer with this content."""

    def behave(handler: _Handler, _: Asked) -> None:
        said = {"role": "assistant", "content": content, **message}
        handler.send(200, json.dumps({"choices": [{"index": 0, "message": said, "finish_reason": finish}]}))

    return behave


def translates(change: Callable[[list[dict[str, Any]]], object] = lambda rows: rows) -> Behaviour:
    """Answers every line it is asked for, in the rows of JSON that the prompt wants; `change` spoils them, and may
    make text of them."""

    def behave(handler: _Handler, asked: Asked) -> None:
        rows = [{"id": line["id"], "w": [wording(line["text"])]} for line in lines(asked)]
        changed = change(rows)
        text = changed if isinstance(changed, str) else "\n".join(json.dumps(row) for row in changed)  # type: ignore[attr-defined]
        says(text)(handler, asked)

    return behave


def words(choose: Callable[[dict[str, Any]], list[str]]) -> Behaviour:
    """Answers every line with the wordings that are chosen for it, by all that the request says of it."""

    def behave(handler: _Handler, asked: Asked) -> None:
        rows = (
            json.dumps({"id": line["id"], "w": choose(line)}, ensure_ascii=False) for line in lines(asked)
        )
        says("\n".join(rows))(handler, asked)

    return behave


def answers(status: int, body: str = "", **headers: str) -> Behaviour:
    """Any status and body; headers by their names with _ for -."""
    return lambda handler, _: handler.send(
        status, body, **{name.replace("_", "-"): value for name, value in headers.items()}
    )


def refuses(what: str) -> Behaviour:
    """400, naming a parameter, as servers do."""
    message = f"Unsupported parameter: '{what}' is not supported with this model."
    if what == "max_tokens":
        message += " Use 'max_completion_tokens' instead."
    return answers(400, json.dumps({"error": {"message": message, "param": what}}))


def resets(handler: _Handler, _: Asked) -> None:
    """The connection breaks without an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def breaks_off(handler: _Handler, _: Asked) -> None:
    """Half of the body that was promised."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b'{"choices": [')


def trickles(handler: _Handler, _: Asked) -> None:
    """A byte now and then, until the other side has had enough."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while not handler.state.stopping.wait(0.01):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def trickles_headers(handler: _Handler, _: Asked) -> None:
    """Never even gets to its body."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not handler.state.stopping.wait(0.01):
        handler.wfile.write(b"x")
        handler.wfile.flush()


def hangs(handler: _Handler, _: Asked) -> None:
    """No answer at all, until the other side has had enough."""
    handler.state.stopping.wait(10)


def is_slow(seconds: float = 0.1) -> Behaviour:
    """Translates well, after a while."""

    def behave(handler: _Handler, asked: Asked) -> None:
        handler.state.stopping.wait(seconds)
        translates()(handler, asked)

    return behave


def lines(asked: Asked) -> list[dict[str, Any]]:
    """The lines of a request: JSON between <film> and </film> in the user's message."""
    said = str(asked.body["messages"][-1]["content"])
    block = said[said.index("<film>") + len("<film>") : said.rindex("</film>")]
    found: list[dict[str, Any]] = json.loads(block)["lines"]
    return found


def wording(text: str) -> str:
    """A "Spanish" line that keeps numbers and marks, tells which line it came from, and is as long."""
    words = [word if any(c.isdigit() for c in word) else word + "o" for word in text.rstrip(".?!").split()]
    return " ".join(["que", *words]).capitalize() + text[len(text.rstrip(".?!")) :]


def heeding(line: dict[str, Any]) -> list[str]:
    """One wording of a line, as a good model words it: the last one tried, with as much less or more as is asked for,
    its numbers kept; a mark where the line is shown with one."""
    if "tried" not in line:
        translated = [wording(part) for part in line.get("paused", line["text"]).split(" | ")]
        return [" | ".join(translated)]
    last = line["tried"][-1]
    said = last["wording"].rstrip(".?!").split()
    size, about = (int(one.split()[0]) for one in (last["has"], line["about"]))
    if about < size:
        most = max(1, len(said) * about // size)
        return [" ".join(w for n, w in enumerate(said) if n < most or any(map(str.isdigit, w))) + "."]
    return [" ".join([*said, *["pues"] * (about - size)]) + "."]


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    state: Server

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that left is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http

    @property
    def state(self) -> Server:
        return self.server.state

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        asked = Asked(
            self.path, {name.lower(): value for name, value in self.headers.items()}, json.loads(raw)
        )
        state = self.state
        state.asked.append(asked)
        state.at_once += 1
        state.most_at_once = max(state.most_at_once, state.at_once)
        behave = state.next.popleft() if state.next else state.usual
        with suppress(OSError):
            behave(self, asked)
        state.at_once -= 1

    def do_GET(self) -> None:
        """A request that lost its POST to a redirect."""
        self.state.asked.append(Asked(self.path, dict(self.headers.items()), {}))
        self.send(405, "")

    def send(self, status: int, body: str, **headers: str) -> None:
        raw = body.encode()
        self.send_response(status)
        kind = {"Content-Type": "application/json", "Content-Length": str(len(raw))}
        for name, value in (kind | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Silent."""
