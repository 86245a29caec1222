"""A hub of models on this machine: speaks what a download needs of the real protocol, and misbehaves on demand."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 4096
"""Bytes from which on a file counts as large: named by its sha256, and served from another host."""


@dataclass(frozen=True)
class Asked:
    """One request for a file's bytes."""

    file: str
    range: str | None
    token: str | None
    host: str
    sent: int


@dataclass
class Hub:
    """Its repositories, what it does wrong, and what was asked of it. Change the fields between requests.

    `cuts` are bytes after which the next connections for a file break off; `wrong` files arrive with a byte
    flipped; `gone` files are listed but answer 404; `deaf` means that ranges are ignored.
    """

    repos: dict[str, dict[str, bytes]]
    port: int = 0
    cuts: dict[str, list[int]] = field(default_factory=dict)
    wrong: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    deaf: bool = False
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        """For HF_ENDPOINT."""
        return f"http://127.0.0.1:{self.port}"

    def sent(self, file: str) -> int:
        """Bytes of a file that left so far."""
        return sum(one.sent for one in self.asked if one.file == file)


@contextmanager
def serving(repos: dict[str, dict[str, bytes]]) -> Iterator[Hub]:
    """Runs a hub while the body runs."""
    hub = Hub(repos)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path).strip("/")
            if path.startswith("api/models/"):
                self._list(path.removeprefix("api/models/").partition("/revision/")[0])
            elif "/resolve/" in path:
                repo, _, rest = path.partition("/resolve/")
                self._file(
                    repo, rest.partition("/")[2], elsewhere=self.headers["Host"].startswith("localhost")
                )
            else:
                self._answer(404, b"", {})

        def _list(self, repo: str) -> None:
            if repo not in hub.repos:
                return self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})
            siblings = [
                {"rfilename": name, "size": len(data), "blobId": blob_id(data), **large(data)}
                for name, data in hub.repos[repo].items()
            ]
            told = {"id": repo, "sha": COMMIT, "siblings": siblings, "tags": [], "private": False}
            return self._answer(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

        def _file(self, repo: str, name: str, *, elsewhere: bool) -> None:
            data = hub.repos[repo].get(name)
            if data is None or name in hub.gone:
                return self._answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            if len(data) >= LARGE and not elsewhere:
                return self._answer(302, b"", {"Location": f"http://localhost:{hub.port}{self.path}"})
            if name in hub.wrong:
                data = bytes([data[0] ^ 1]) + data[1:]
            asked, start = self.headers["Range"], 0
            if asked and not hub.deaf:
                start = int(asked.removeprefix("bytes=").rstrip("-"))
            body = data[start:]
            cut = hub.cuts[name].pop(0) if hub.cuts.get(name) else len(body)
            part = body[:cut]
            token = self.headers["Authorization"]
            hub.asked.append(Asked(name, asked, token, self.headers["Host"], len(part)))
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            self.wfile.write(part)
            self.close_connection = len(part) < len(body)
            return None

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a client that goes away in the middle is what some tests are about

    with Server(("127.0.0.1", 0), Handler) as server:
        hub.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


def blob_id(data: bytes) -> str:
    """What git calls this content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def large(data: bytes) -> dict[str, Any]:
    """What the hub tells of a large file besides."""
    if len(data) < LARGE:
        return {}
    return {"lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}}
