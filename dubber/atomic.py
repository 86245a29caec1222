"""Writes that a kill at any instant leaves either old or new, and the sentences for a disk that refuses them.

Knows files and folders; what is in them is nobody's business here.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from dubber.errors import DubberError, SpaceError, UsageError

TEMPORARY_PREFIX = ".dubber-tmp-"
"""How every unfinished file begins, so that a later run knows it for rubbish and can sweep it."""

NAME_LIMIT = 255
"""Bytes in a file name on every usual file system."""

_MAX_SUFFIX = 32  # bytes of a target's suffix that its temporary name repeats: keeps that name far below 255
_FULL_BELOW = 256 * 1024  # bytes free under which a failed write is put down to the full disk
_FULL = {errno.ENOSPC, errno.EDQUOT}
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_REASONS = {
    errno.EROFS: ("the disk is read-only", "Choose a folder on a disk that can be written."),
    errno.EACCES: ("you have no right to write there", "Choose another folder, or change its permissions."),
    errno.EPERM: ("the system forbids it", "Choose another folder, or change its permissions or flags."),
    errno.EFBIG: ("the file system or a limit allows no file that large", "Choose a folder on another disk."),
    errno.ENOTDIR: ("a file stands where a folder belongs", "Move that file away."),
    errno.EEXIST: ("a file stands where a folder belongs", "Move that file away."),
    errno.EISDIR: ("a folder stands where the file belongs", "Move that folder away."),
    errno.ENAMETOOLONG: ("the name is too long for this disk", "Choose a shorter name or folder."),
    errno.ELOOP: ("a symbolic link stands in its place", "Remove the link."),
    errno.EIO: ("the disk reports a fault", "Check the disk and its cable, or choose another disk."),
}


def amount(count: int) -> str:
    """A number of bytes for a person, with the exact count: "4.1 GB (4,147,200,044 bytes)"."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit} ({count:,} bytes)"
    return f"{count} bytes"


def free_space(path: Path) -> int:
    """Bytes that can still be written on the disk that holds `path`, which need not exist yet."""
    place = path.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def require(path: Path, needed: int, what: str) -> None:
    """Makes sure that `needed` bytes fit on the disk that holds `path`, before `what` starts.

    Raises SpaceError naming the bytes needed and free.
    """
    free = free_space(path)
    if free < needed:
        raise SpaceError(
            f"{what} needs {amount(needed)} in {path}, where {amount(free)} are free.",
            hint=f"Free {amount(needed - free)} there, or choose a folder on a larger disk.",
        )


@contextmanager
def writing(path: Path, *, needed: int | None = None) -> Iterator[None]:
    """Turns what the disk says while `path` is written into a SpaceError that names it.

    `needed` is the size of the file in bytes where it is known. An OSError that is no answer of the
    disk about writing, or names a file in another folder, goes through as it is.
    """
    try:
        yield
    except OSError as error:
        named = [
            Path(os.fsdecode(name))
            for name in (error.filename, error.filename2)
            if isinstance(name, str | bytes)
        ]
        if named and not any(path.parent in (name, name.parent) for name in named):
            raise
        trouble = _space_error(path, error.errno, needed)
        if trouble is None:
            raise
        raise trouble from error


def _space_error(path: Path, code: int | None, needed: int | None) -> SpaceError | None:
    if code in _FULL:
        return full_disk(path, needed)
    if code == errno.ENOENT and not path.parent.is_dir():
        return SpaceError(
            f"{path} cannot be written: its folder is not there.",
            hint="Make the folder, or connect the disk it is on, then run again.",
        )
    if code in _REASONS:
        reason, hint = _REASONS[code]
        return SpaceError(f"{path} cannot be written: {reason}.", hint=hint)
    return None


def refusal(path: Path) -> SpaceError:
    """Why `path` could not be written, found out afterwards: for a library that keeps the system's own
    reason to itself."""
    folder = path.parent
    if len(os.fsencode(path.name)) > NAME_LIMIT:
        code = errno.ENAMETOOLONG
    elif not folder.is_dir():
        code = errno.ENOTDIR if folder.exists() else errno.ENOENT
    elif path.is_dir():
        code = errno.EISDIR
    elif not os.access(path if path.exists() else folder, os.W_OK):
        code = errno.EACCES
    else:
        free = free_space(folder)
        if free < _FULL_BELOW:
            return full_disk(path)
        return SpaceError(
            f"{path} cannot be written: its disk takes no more of it ({amount(free)} are free there).",
            hint="A quota or a fault may be the reason; free some space, or choose a folder on another disk.",
        )
    trouble = _space_error(path, code, None)
    assert trouble is not None  # all four have a sentence
    return trouble


def full_disk(path: Path, needed: int | None = None) -> SpaceError:
    """The sentence for a disk that filled up while `path` was written; `needed` is bytes, where known."""
    wants = f"it needs {amount(needed)} and " if needed is not None else ""
    return SpaceError(
        f"{path} cannot be written: the disk is full ({wants}{amount(free_space(path))} are free).",
        hint="Free some space there and run again; what is done is kept.",
    )


@contextmanager
def replacing(path: Path, *, needed: int | None = None, sync: bool = True) -> Iterator[Path]:
    """Gives a path beside `path`, with the same suffix, to be written to; at the end it becomes `path`.

    The new file is on the disk before it takes the name, and the name is on the disk afterwards
    (`sync=False` leaves that last step to the caller's next write into the same folder). A symbolic
    link at `path` is replaced, never followed. When the body raises, `path` is what it was; a body that
    fails in its own words (an encoder's, say) while the disk has no room left raises SpaceError. What the
    body says of the temporary name in a DubberError is said of `path` instead.
    """
    temporary = path.with_name(_temporary_name(path.name))
    try:
        with writing(path, needed=needed):
            yield temporary
            _sync_file(temporary)
            temporary.replace(path)
            if sync:
                sync_folder(path.parent)
    except BaseException as error:
        told = isinstance(error, SpaceError) or not isinstance(error, Exception)
        full = None if told or free_space(path) >= _FULL_BELOW else full_disk(path, needed)
        with suppress(OSError):  # the error on its way says more, and a leftover is swept by a later run
            temporary.unlink()
        if full is not None:
            raise full from error
        if isinstance(error, DubberError):
            error.args = tuple(str(said).replace(temporary.name, path.name) for said in error.args)
        raise


def _temporary_name(name: str) -> str:
    """Short whatever the target is called; names its target, so that only its own run sweeps it."""
    suffix = Path(name).suffix
    ending = suffix if len(os.fsencode(suffix)) <= _MAX_SUFFIX else ""
    return _temporaries_of(name) + secrets.token_hex(8) + ending


def _temporaries_of(name: str) -> str:
    return f"{TEMPORARY_PREFIX}{sha256(os.fsencode(name)).hexdigest()[:12]}-"


def write_bytes(path: Path, data: bytes) -> None:
    """Puts `data` in place of whatever `path` held. Raises SpaceError."""
    with replacing(path, needed=len(data)) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Puts `text` as UTF-8, line ends as they are, in place of whatever `path` held. Raises SpaceError."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Puts `value` as readable JSON in place of whatever `path` held.

    Raises SpaceError; ValueError or TypeError, before anything is written, for what JSON cannot hold.
    """
    try:
        data = json.dumps(value, allow_nan=False, ensure_ascii=False, indent=1).encode()
    except (
        UnicodeEncodeError
    ):  # a file name that is no UTF-8 has halves of characters in it: JSON escapes them
        data = json.dumps(value, allow_nan=False, indent=1).encode()
    write_bytes(path, data + b"\n")


def _sync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Puts the names in `folder` on the disk; a file system without such a thing keeps them its own way."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(handle)


def inner_folder(root: Path, *parts: str, make: bool = True) -> Path:
    """The folder root/parts…, made where it is missing (unless `make` is False); `root` itself must exist.

    Raises UsageError when one of the parts is a symbolic link, since what is written there would land
    outside `root`; SpaceError when it cannot be made.
    """
    folder = root
    for part in parts:
        folder = folder / part
        if folder.is_symlink():
            raise UsageError(
                f"{folder} is a symbolic link, and nothing is written through a link.",
                hint="Put a real folder in its place.",
            )
        if make and not folder.is_dir():
            with writing(folder):
                folder.mkdir(exist_ok=True)
                sync_folder(folder.parent)
    return folder


def sweep(folder: Path, *, target: str | None = None) -> int:
    """Removes what killed runs left unfinished in `folder` and below; returns how many files.

    Call it only while holding whatever keeps others from writing there. With `target`, only the leftovers
    of that file name right in `folder`: for a folder that is shared with others. Links are not followed.
    """
    prefix = TEMPORARY_PREFIX if target is None else _temporaries_of(target)
    swept = 0
    for place, folders, names in os.walk(folder):
        for name in names:
            if name.startswith(prefix):
                leftover = Path(place, name)
                with writing(leftover):
                    leftover.unlink(missing_ok=True)
                swept += 1
        if target is not None:
            folders.clear()
    return swept
