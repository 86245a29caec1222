"""The one place that starts other programs: bounded in time and memory, and never leaving one behind.

Knows nothing of what the programs do.
"""

from __future__ import annotations

import contextlib
import functools
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dubber.errors import DubberError, MissingError

STDERR_KEPT = 64 * 1024
"""Bytes of the end of stderr that are kept: the reason of a failure stands last."""

STDOUT_LIMIT = 64 * 1024 * 1024
"""Bytes of stdout a program may return; whoever has more to say is given a file to write to."""

LINE_LIMIT = 64 * 1024
"""Bytes after which a line without an end is handed on as it is."""

GRACE = 2.0
"""Seconds a program has to leave after SIGTERM before SIGKILL takes its group."""

CHUNK = 64 * 1024
"""Bytes read or written at once: what a Linux pipe holds."""

LINGER = 0.2
"""Seconds of silence after which the output of a program that has ended counts as complete, even when a child
it left behind still holds the pipe open."""


class ProcessTimeout(DubberError):  # noqa: N818 - named after subprocess.TimeoutExpired's cause, not a fault of ours
    """A program did not end within the time it was given, and was stopped."""


class ProcessOverflow(DubberError):  # noqa: N818
    """A program wrote more to its standard output than can be kept in memory, and was stopped."""


@dataclass(frozen=True)
class Finished:
    """How a program ended: its exit status (negative: the signal that ended it), its whole stdout (only the
    last STDERR_KEPT bytes where lines were handed to `on_line`), and the end of its stderr as text."""

    returncode: int
    stdout: bytes
    stderr: str

    @property
    def disk_full(self) -> bool:
        """Whether the program said that no space is left where it writes (ENOSPC, EDQUOT)."""
        return "No space left on device" in self.stderr or "Disk quota exceeded" in self.stderr


def run(
    argv: Sequence[str],
    *,
    stdin: bytes | None = None,
    timeout: float | None = None,
    on_line: Callable[[str], None] | None = None,
    cwd: Path | None = None,
) -> Finished:
    """Run a program to its end and return how it ended; a non-zero exit status is not an error here.

    `argv` is the program and its arguments, never a shell's line. `stdin` is fed to it, else its stdin is
    empty. `timeout` is in seconds. `on_line` gets each line of stdout, without its end, in the calling
    thread. The program runs in a session of its own: when the time is up, or anything is raised here
    (KeyboardInterrupt and what `on_line` raises included), its whole process group is ended before this
    returns. On Linux it also dies with us, even when we are killed outright.

    Raises MissingError (no such program), ProcessTimeout, ProcessOverflow.
    """
    program = shutil.which(argv[0])
    if program is None:
        raise MissingError(
            f"The program {argv[0]!r} is not on this machine.", hint="Install it, or put it on PATH."
        )
    child = subprocess.Popen(
        [*_dies_with_us(), program, *argv[1:]],
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        cwd=cwd,
    )
    deadline = None if timeout is None else time.monotonic() + timeout
    try:
        stdout, stderr = _converse(child, stdin or b"", on_line, deadline)
        remaining = None if deadline is None else max(0.0, deadline - time.monotonic())
        returncode = child.wait(remaining)
    except subprocess.TimeoutExpired:
        raise ProcessTimeout(
            f"{Path(program).name} did not finish within {timeout:.0f} s and was stopped.",
            hint="The file may be damaged, or the machine very busy; try again.",
        ) from None
    finally:
        _end(child)
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # what was still to be said to a program that left
                    pipe.close()
    return Finished(returncode, bytes(stdout), stderr.decode("utf-8", "replace"))


def _converse(
    child: subprocess.Popen[bytes],
    stdin: bytes,
    on_line: Callable[[str], None] | None,
    deadline: float | None,
) -> tuple[bytes, bytes]:
    """Feed and drain all pipes together until both outputs end, so that nobody waits for the other for ever.

    Returns (stdout, stderr). Raises subprocess.TimeoutExpired at the deadline, ProcessOverflow.
    """
    assert child.stdout is not None
    assert child.stderr is not None
    stdout, stderr, to_say = _Heard(on_line), _Heard(limit=STDERR_KEPT), memoryview(stdin)
    with selectors.DefaultSelector() as pipes:
        pipes.register(child.stdout, selectors.EVENT_READ, stdout)
        pipes.register(child.stderr, selectors.EVENT_READ, stderr)
        if child.stdin is not None:
            os.set_blocking(child.stdin.fileno(), False)
            pipes.register(child.stdin, selectors.EVENT_WRITE)
        while pipes.get_map():
            left = LINGER if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(child.args, 0)
            ready = pipes.select(min(LINGER, left))
            if not ready and child.poll() is not None:
                break
            for key, _ in ready:
                if key.data is None:
                    to_say = _say(key.fd, to_say)
                    done = not to_say
                else:
                    data = os.read(key.fd, CHUNK)
                    key.data.add(data)
                    done = not data
                if done:
                    pipes.unregister(key.fileobj)
                    with contextlib.suppress(BrokenPipeError):
                        key.fileobj.close()  # type: ignore[union-attr]
    return bytes(stdout.kept), bytes(stderr.kept)


class _Heard:
    """What came out of one pipe: all of it up to STDOUT_LIMIT, or only the end, and its lines handed on."""

    def __init__(self, on_line: Callable[[str], None] | None = None, *, limit: int | None = None) -> None:
        self.kept = bytearray()
        self._on_line = on_line
        self._line = bytearray()
        self._limit = STDERR_KEPT if on_line else limit

    def add(self, data: bytes) -> None:
        """Take what was read; nothing means the end. Raises ProcessOverflow."""
        self.kept += data
        if self._limit is not None:
            del self.kept[: -self._limit]
        elif len(self.kept) > STDOUT_LIMIT:
            raise ProcessOverflow(
                f"A program wrote more than {STDOUT_LIMIT >> 20} MiB to its standard output and was stopped."
            )
        if self._on_line is not None:
            *whole, self._line = (self._line + data).split(b"\n")
            if self._line and (not data or len(self._line) > LINE_LIMIT):
                whole, self._line = [*whole, self._line], bytearray()
            for line in whole:
                self._on_line(line.decode("utf-8", "replace"))


def _say(fd: int, to_say: memoryview) -> memoryview:
    """Write what the pipe takes now; return what is left, nothing when the program no longer listens."""
    try:
        return to_say[os.write(fd, to_say[:CHUNK]) :]
    except BlockingIOError:
        return to_say
    except BrokenPipeError:
        return to_say[:0]


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child's whole group: politely, then not. Children that outlive their parent go too."""
    try:
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(GRACE)
    finally:
        # The group keeps its number as long as anybody is in it; an empty one answers ProcessLookupError.
        # macOS answers PermissionError for a group of which only zombies are left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


@functools.cache
def _dies_with_us() -> tuple[str, ...]:
    """The words before a command that let the kernel kill it when we die; none where the system cannot.

    util-linux's setpriv sets PR_SET_PDEATHSIG and becomes the program. Doing the same in `preexec_fn` would
    fork a process full of threads, which deadlocks at times and warns from Python 3.12 on.
    """
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    if setpriv is None:
        return ()
    prefix = (setpriv, "--pdeathsig", "KILL", "--")
    works = subprocess.run([*prefix, setpriv, "--version"], capture_output=True, check=False).returncode == 0
    return prefix if works else ()  # BusyBox's setpriv does not know the option


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
