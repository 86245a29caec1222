"""One run per project: a lock that its owner's death releases. Knows one file, not what it guards."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from dubber.atomic import writing
from dubber.errors import InUseError

_NO_FLOCK = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}
_MAX_NOTE = 4096  # bytes: a lock file holds a few words, whatever somebody put there

_held: set[int] = set()


def _forget_in_child() -> None:
    # A forked worker shares the lock's open file, and would keep the lock of an owner that was killed.
    for handle in _held:
        with suppress(OSError):  # already closed by the owner in the same instant: nothing to let go of
            os.close(handle)
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_child)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Holds the lock file `path` while the body runs; its folder must exist.

    The kernel's lock (flock) is released when its owner ends, however it ends, so that nothing is left
    to recover. Where the file system has none, the file beside it named `<name>.owner` is the lock, and a
    process of this machine that no longer runs loses it. Never waits.

    Raises InUseError, naming the owner, when another run holds it; SpaceError when it cannot be written.
    """
    with writing(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
    _held.add(handle)
    try:
        if _flock(handle, path):
            with writing(path):
                os.ftruncate(handle, 0)
                os.pwrite(handle, _note(), 0)
            try:
                yield
            finally:
                os.ftruncate(handle, 0)
        else:
            with _owned(path.with_name(path.name + ".owner")):
                yield
    finally:
        # Out of the set first: a worker forked in between must not close a number that means another file.
        _held.discard(handle)
        os.close(handle)


def _flock(handle: int, path: Path) -> bool:
    """Takes the kernel's lock; False where the file system has none. Raises InUseError."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise _in_use(path, os.pread(handle, _MAX_NOTE, 0)) from error
    except OSError as error:
        if error.errno not in _NO_FLOCK:
            raise
        return False
    return True


@contextmanager
def _owned(path: Path) -> Iterator[None]:
    """The lock where there is no flock: whoever creates `path` has it.

    A process number can come back for another process; then a dead owner is taken for a living one and
    the person decides, which errs on the safe side.
    """
    note = _note()
    if not _create(path, note):
        found = _read(path)
        if not _is_dead(found):
            raise _in_use(path, found, leftover=True)
        _take_away(path, found)
        if not _create(path, note):
            raise _in_use(path, _read(path), leftover=True)
    try:
        yield
    finally:
        if _read(path) == note:
            path.unlink(missing_ok=True)


def _create(path: Path, note: bytes) -> bool:
    """False when the file is there already."""
    with writing(path):
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        except FileExistsError:
            return False
        try:
            os.write(handle, note)
        finally:
            os.close(handle)
    return True


def _take_away(path: Path, dead: bytes) -> None:
    """Removes a dead owner's file, renaming it first so that of two runs at it only one succeeds."""
    taken = path.with_name(f"{path.name}-{secrets.token_hex(4)}")
    with writing(path):
        try:
            path.rename(taken)
        except FileNotFoundError:
            return  # another run was quicker; whose lock it is now is decided by who creates the file
        if _read(taken) != dead:
            taken.rename(path)  # the quicker run's fresh lock: give it back
        else:
            taken.unlink()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_NOTE)
    except FileNotFoundError:
        return b""


def _note() -> bytes:
    since = datetime.now().astimezone().isoformat(timespec="seconds")
    note = {"pid": os.getpid(), "host": os.uname().nodename, "since": since, "token": secrets.token_hex(8)}
    return json.dumps(note).encode()


def _owner(note: bytes) -> dict[str, Any]:
    """What a lock file says; empty where its owner has not written yet, or it holds something else."""
    try:
        owner = json.loads(note)
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def _is_dead(note: bytes) -> bool:
    owner = _owner(note)
    pid = owner.get("pid")
    if owner.get("host") != os.uname().nodename or not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _in_use(path: Path, note: bytes, *, leftover: bool = False) -> InUseError:
    owner = _owner(note)
    who = "another run"
    if owner:
        here = owner.get("host") == os.uname().nodename
        who = f"process {owner.get('pid')} on {'this machine' if here else owner.get('host')}"
        who += f" since {owner.get('since')}"
    hint = "Wait until that run is done, or stop it."
    if leftover:
        hint += f" If it is gone for certain, delete {path}."
    return InUseError(f"{path.parent} is in use by {who}.", hint=hint)
