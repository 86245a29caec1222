"""Programs we start: what comes back, and that nothing is ever left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dubber import process
from dubber.errors import MissingError
from dubber.process import ProcessOverflow, ProcessTimeout, run

PATIENCE = 10.0
"""Seconds until a test gives up on something that takes milliseconds on an idle machine."""


def python(code: str, *args: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code), *args]


def alive(pid: int) -> bool:
    """Whether a process still runs; one that waits to be reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return not Path("/proc/self").exists()


def until(condition: Callable[[], bool]) -> bool:
    """Poll until something holds; False when patience ends first."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return True
        os.sched_yield() if hasattr(os, "sched_yield") else None
    return condition()


def test_status_and_both_outputs_come_back() -> None:
    done = run(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"))
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", "err\n")


def test_arguments_reach_the_program_as_they_are() -> None:
    words = ["-x", "a b", "'\"$(id)", "%d", "new\nline", "\u202ertl"]
    done = run(python("import sys; sys.stdout.buffer.write('\\0'.join(sys.argv[1:]).encode())", *words))
    assert done.stdout.decode().split("\0") == words


def test_stdin_is_fed_and_empty_when_none_is_given() -> None:
    echo = python("import sys; sys.stdout.write(sys.stdin.read().upper())")
    assert run(echo, stdin="grüße".encode()).stdout.decode() == "GRÜSSE"
    assert run(echo).stdout == b""


def test_megabytes_on_every_pipe_at_once_do_not_deadlock() -> None:
    code = """
    import sys
    sys.stderr.write("e" * 3_000_000); sys.stderr.flush()
    sys.stdout.write("o" * 3_000_000); sys.stdout.flush()
    sys.stdout.write(str(len(sys.stdin.read())))
    """
    done = run(python(code), stdin=b"i" * 3_000_000, timeout=60)
    assert done.stdout == b"o" * 3_000_000 + b"3000000"
    assert done.stderr == "e" * process.STDERR_KEPT


def test_a_program_that_does_not_listen_is_no_error() -> None:
    assert run(python("print('done')"), stdin=b"x" * 3_000_000, timeout=60).stdout == b"done\n"


def test_lines_are_handed_on_one_by_one_also_the_last_without_an_end() -> None:
    lines: list[str] = []
    done = run(python("print('one'); print(); print('trois é', end='')"), on_line=lines.append)
    assert lines == ["one", "", "trois é"]
    assert done.returncode == 0


def test_a_line_without_end_is_bounded() -> None:
    lines: list[str] = []
    run(python("import sys; sys.stdout.write('x' * 1_000_000)"), on_line=lines.append)
    assert sum(map(len, lines)) == 1_000_000
    assert max(map(len, lines)) <= process.LINE_LIMIT + process.CHUNK


def test_too_much_output_stops_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STDOUT_LIMIT", 1 << 20)
    with pytest.raises(ProcessOverflow):
        run(python("while True: print('y' * 10_000)"), timeout=60)


def test_a_missing_program_is_named() -> None:
    with pytest.raises(MissingError, match="no-such-program-here"):
        run(["no-such-program-here"])


# A child that starts a grandchild, tells both numbers, and then does not stop by itself, nor when asked to.
STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), grandchild.pid, flush=True)
time.sleep(600)
"""


def test_the_whole_group_is_gone_after_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE", 0.05)
    lines: list[str] = []
    with pytest.raises(ProcessTimeout, match=r"did not finish within 2 s"):
        run(python(STUBBORN), timeout=2, on_line=lines.append)
    assert len(lines) == 1
    assert until(lambda: not any(alive(int(pid)) for pid in lines[0].split()))


@pytest.mark.parametrize("raised", [KeyboardInterrupt, ValueError])
def test_the_whole_group_is_gone_after_an_interrupt(
    raised: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GRACE", 0.05)
    lines: list[str] = []

    def stop(line: str) -> None:
        lines.append(line)
        raise raised

    with pytest.raises(raised):
        run(python(STUBBORN), timeout=60, on_line=stop)
    assert until(lambda: not any(alive(int(pid)) for pid in lines[0].split()))


def test_a_helper_left_behind_by_a_program_that_ended_is_stopped_too() -> None:
    code = """
    import subprocess, sys
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(left.pid)
    """
    done = run(python(code), timeout=60)
    assert done.returncode == 0
    assert until(lambda: not alive(int(done.stdout)))


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux lets a child die with its parent"
)
def test_a_child_dies_with_a_parent_that_is_killed_outright() -> None:
    parent_code = f"""
    import sys
    from dubber.process import run
    run([sys.executable, "-c", {STUBBORN!r}], on_line=lambda line: print(line, flush=True))
    """
    with subprocess.Popen(python(parent_code), stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child, grandchild = map(int, parent.stdout.readline().split())
        parent.send_signal(signal.SIGKILL)
    try:
        assert until(lambda: not alive(child))
    finally:
        os.kill(grandchild, signal.SIGKILL)


def test_a_full_disk_is_recognised() -> None:
    code = "import sys; sys.exit('av_interleaved_write_frame(): No space left on device')"
    assert run(python(code)).disk_full
    assert not run(python("import sys; sys.exit('Invalid data')")).disk_full
