"""Promises of the project's lock: one owner, named to the other, and gone when its owner is."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from dubber import lock
from dubber.errors import InUseError, SpaceError, UsageError

NO_FLOCK = """
import errno, fcntl
def refuse(*_):
    raise OSError(errno.ENOLCK, "no locks here")
fcntl.flock = refuse
"""

OWNER = """
import sys
from pathlib import Path
from dubber import lock
with lock.held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""

OWNER_WITH_WORKER = """
import os, sys
from pathlib import Path
from dubber import lock
with lock.held(Path(sys.argv[1])):
    if os.fork() == 0:
        print("held", flush=True)
        sys.stdin.read()
        os._exit(0)
    os.wait()
"""


@contextmanager
def owner(path: Path, program: str = OWNER) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lock until its standard input ends."""
    argv = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture(params=["flock", "no flock"])
def program(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The owner's program, on a file system with the kernel's lock and on one without."""
    if request.param == "flock":
        return OWNER

    def refuse(*_: object) -> NoReturn:
        raise OSError(errno.ENOLCK, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    return NO_FLOCK + OWNER


def test_the_second_run_is_told_who_holds_the_project(tmp_path: Path, program: str) -> None:
    path = tmp_path / ".lock"
    with owner(path, program) as process:
        with pytest.raises(InUseError) as caught, lock.held(path):
            pass
        assert f"{tmp_path} is in use by process {process.pid} on this machine since 2" in str(caught.value)
        assert caught.value.hint
        with pytest.raises(InUseError), lock.held(path):
            pass


def test_a_lock_is_free_after_its_owner_ended_well(tmp_path: Path, program: str) -> None:
    path = tmp_path / ".lock"
    with owner(path, program) as process:
        process.communicate(b"")
        assert process.returncode == 0
        with lock.held(path):
            pass


def test_a_killed_owner_loses_the_lock(tmp_path: Path, program: str) -> None:
    path = tmp_path / ".lock"
    for _ in range(3):
        with owner(path, program) as process:
            process.send_signal(signal.SIGKILL)
            process.wait()
            with lock.held(path):
                pass


def test_a_worker_that_outlives_a_killed_owner_does_not_keep_its_lock(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with owner(path, OWNER_WITH_WORKER) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with lock.held(path):
            pass


def test_a_program_started_by_the_owner_does_not_inherit_the_lock(tmp_path: Path) -> None:
    with lock.held(tmp_path / ".lock"):
        started = subprocess.run(
            [
                sys.executable,
                "-c",
                "import os; print([n for n in range(3, 64) if os.path.exists(f'/dev/fd/{n}')])",
            ],
            capture_output=True,
            check=True,
            close_fds=False,
        )
        holder = lock._held
        assert len(holder) == 1
        assert not holder & set(json.loads(started.stdout))
        assert not any(os.get_inheritable(handle) for handle in holder)


def test_a_run_does_not_hold_the_same_project_twice(tmp_path: Path, program: str) -> None:
    path = tmp_path / ".lock"
    with lock.held(path):
        with pytest.raises(InUseError, match=f"process {os.getpid()} "), lock.held(path):
            pass
        with pytest.raises(InUseError), lock.held(path):
            pass


def test_a_failing_run_frees_the_lock(tmp_path: Path, program: str) -> None:
    path = tmp_path / ".lock"
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), lock.held(path):
            raise KeyboardInterrupt


def test_a_lock_of_another_machine_is_left_to_the_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError(errno.ENOLCK, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    path = tmp_path / ".lock"
    note = json.dumps({"pid": 1, "host": "somewhere-else.invalid", "since": "2024-01-01T00:00:00+00:00"})
    (tmp_path / ".lock.owner").write_text(note)
    with pytest.raises(InUseError, match=r"process 1 on somewhere-else\.invalid") as caught, lock.held(path):
        pass
    assert str(tmp_path / ".lock.owner") in (caught.value.hint or "")
    (tmp_path / ".lock.owner").write_bytes(b"\xff garbage")
    with pytest.raises(InUseError, match="another run"), lock.held(path):
        pass
    assert (tmp_path / ".lock.owner").read_bytes() == b"\xff garbage"


def test_a_lock_that_links_elsewhere_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / ".lock").symlink_to(outside)
    with pytest.raises((SpaceError, UsageError), match="link"), lock.held(tmp_path / ".lock"):
        pass
    assert outside.read_text() == "mine"
