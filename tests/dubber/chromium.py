"""A real browser for tests: Chromium without a window, spoken to over a pipe in its own DevTools protocol."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--mute-audio",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)

PATIENCE_S = 60.0
"""Seconds until an answer is given up on."""


def program() -> str | None:
    """The browser: what DUBBER_CHROMIUM names, else the first found on PATH; None where there is none."""
    named = os.environ.get("DUBBER_CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


class Tab:
    """One page: what it was asked for, and all that it said on its console or wanted from elsewhere."""

    def __init__(self, ask: Any, read: Any) -> None:
        self._ask_fd, self._read_fd = ask, read
        self._buffer, self._last, self._session = b"", 0, ""
        self._waiting: deque[dict[str, Any]] = deque()
        self.said: list[str] = []
        self.requests: list[str] = []

    def attach(self) -> None:
        """Open an empty page and listen to it."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        _write(self._ask_fd, message)
        while True:
            got = self._next()
            if got.get("id") == self._last:
                if "error" in got:
                    raise RuntimeError(f"{method}: {got['error']}")
                result: dict[str, Any] = got["result"]
                return result
            self._hear(got)

    def open(self, path: Path) -> float:
        """Load a file; returns the seconds until everything in it was there."""
        self.said.clear()
        self.requests.clear()
        self._waiting.clear()
        began = time.monotonic()
        self.ask("Page.navigate", url=path.as_uri())
        while not any(event["method"] == "Page.loadEventFired" for event in self._waiting):
            self._hear(self._next())
        return time.monotonic() - began

    def run(self, script: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        got = self.ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in got:
            raise AssertionError(got["exceptionDetails"])
        return got["result"].get("value")

    def press(self, key: str) -> None:
        """One key, down and up."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        code = {" ": "Space"}.get(key, f"Key{key.upper()}" if len(key) == 1 else key)
        number = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38}.get(
            key, ord(key.upper()) if len(key) == 1 else 0
        )
        common = {"key": key, "code": code, "windowsVirtualKeyCode": number}
        self.ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **common)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **common)

    def size(self, width: int, height: int, *, dark: bool = False, still: bool = False) -> None:
        """The window, in CSS pixels, and what the person prefers."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        motion = {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme, motion])

    def _hear(self, event: dict[str, Any]) -> None:
        method, params = event.get("method", ""), event.get("params", {})
        self._waiting.append({"method": method})
        if method == "Runtime.exceptionThrown":
            self.said.append(json.dumps(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled":
            self.said.append(json.dumps(params["args"]))
        elif method == "Log.entryAdded":
            self.said.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read_fd], [], [], PATIENCE_S)
            got = os.read(self._read_fd, 1 << 16) if ready else b""
            if not got:
                raise RuntimeError("the browser is gone")
            self._buffer += got
        first, self._buffer = self._buffer.split(b"\0", 1)
        found: dict[str, Any] = json.loads(first)
        return found


def _write(fd: int, message: dict[str, Any]) -> None:
    left = memoryview(json.dumps(message).encode() + b"\0")
    while left:
        left = left[os.write(fd, left) :]


@contextlib.contextmanager
def tab(chromium: str, profile: Path) -> Iterator[Tab]:
    """A fresh browser with one empty page; its whole process group is gone afterwards."""
    to_browser, ask = os.pipe()
    read, from_browser = os.pipe()
    # The browser reads commands on descriptor 3 and answers on 4; a shell puts the pipes there.
    line = f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}'
    process = subprocess.Popen(
        ["bash", "-c", line, chromium, *QUIET, f"--user-data-dir={profile}"],
        pass_fds=(to_browser, from_browser), start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(to_browser)
    os.close(from_browser)
    try:
        page = Tab(ask, read)
        page.attach()
        yield page
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE_S)
        os.close(ask)
        os.close(read)
