"""The network: what a repository of the hub holds, and its files byte by byte. The only place that opens a connection.

Knows nothing of models, licences or the store. huggingface_hub's client does the talking, so that its usual environment
variables hold (HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, proxies). The bytes are moved here: since its version 1.18 that
package keeps nothing of an interrupted file, whereas over plain HTTP (which serves files in Xet storage too) a `Range`
request goes on where the last one stopped, through mirrors and proxies alike.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import Any

from dubber import atomic
from dubber.errors import DubberError, MissingError

TIMEOUT_S = 30.0
"""Seconds without a byte after which a connection counts as broken."""

PAUSES_S = (1.0, 2.0, 4.0, 8.0)
"""Waits between attempts that brought nothing; an attempt that brought bytes is followed by the next at once."""

BLOCK = 1 << 20  # bytes written at a time
TEXT_LIMIT = 1 << 20  # bytes: a licence is a few pages
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # HTTP statuses worth another attempt


class FetchError(MissingError):
    """Something of a model could not be fetched."""


class _Broken(Exception):  # noqa: N818 - never leaves this file
    """An attempt ended early, and another may get further."""


@dataclass(frozen=True)
class Remote:
    """One file of a repository at one commit, with its length in bytes and what its content must hash to:
    the sha256 of a large file, the id of git's blob of a small one."""

    repo: str
    commit: str
    name: str
    size: int
    sha256: str | None
    blob: str | None

    @property
    def identity(self) -> str:
        """Names the content: the same before and after a rename or a new commit."""
        return self.sha256 or self.blob or f"{self.commit}-{hashlib.sha256(self.name.encode()).hexdigest()}"


class Hashes:
    """Takes a file's bytes as they pass and tells whether they are the ones that were promised."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._sha256 = hashlib.sha256()
        self._blob = hashlib.sha1(b"blob %d\0" % remote.size, usedforsecurity=False)

    def update(self, data: bytes) -> None:
        """The next bytes."""
        self._sha256.update(data)
        if self._remote.sha256 is None:
            self._blob.update(data)

    def right(self) -> bool:
        """Whether all bytes so far are the promised content (true where the hub promised nothing)."""
        if self._remote.sha256 is not None:
            return self._sha256.hexdigest() == self._remote.sha256
        return self._remote.blob in {None, self._blob.hexdigest()}

    def sha256(self) -> str:
        """Of all bytes so far."""
        return self._sha256.hexdigest()


def endpoint() -> str:
    """The hub that is asked: $HF_ENDPOINT, or the usual one."""
    return (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")


def listing(repo: str, revision: str) -> dict[str, Remote]:
    """Every file of a repository at the commit that `revision` means now, by name.

    Raises FetchError when the hub cannot be reached, refuses, or names files that no folder should hold.
    """
    with _sentences(repo):
        from huggingface_hub import HfApi

        api = HfApi(endpoint=endpoint(), library_name="dubber")
        try:
            info = api.model_info(repo, revision=revision, files_metadata=True, timeout=TIMEOUT_S)
        except (ValueError, KeyError, TypeError) as error:
            raise FetchError(
                f"What answers at {endpoint()} does not speak as a hub of models does.", hint=_HUB_HINT
            ) from error
    found: dict[str, Remote] = {}
    for one in info.siblings or ():
        if info.sha is None or one.size is None:
            raise FetchError(f"{endpoint()} does not say which files {repo} holds, or how large they are.")
        if not _is_plain(one.rfilename):
            raise FetchError(f"{repo} names a file {one.rfilename!r}, which leads out of its folder.")
        large = one.lfs.sha256 if one.lfs else None
        for digest, digits in ((large, 64), (one.blob_id, 40), (info.sha, 40)):
            # they become names of files, so what the hub sends is not taken on trust
            if digest is not None and not re.fullmatch(f"[0-9a-f]{{{digits}}}", digest):
                raise FetchError(
                    f"{endpoint()} gives {one.rfilename!r} a digest that is none: {digest[:80]!r}."
                )
        found[one.rfilename] = Remote(repo, info.sha, one.rfilename, one.size, large, one.blob_id)
    return found


def text(remote: Remote) -> bytes:
    """A small file, into memory: a licence. Raises FetchError, also for one that is larger than any licence."""
    if remote.size > TEXT_LIMIT:
        raise FetchError(f"{remote.name} of {remote.repo} is too large to be a text ({remote.size:,} bytes).")
    hashes, data = Hashes(remote), bytearray()
    for block in _all_bytes(remote, 0, data.clear):
        data += block
    hashes.update(bytes(data))
    _check(remote, hashes, len(data))
    return bytes(data)


def fetch(remote: Remote, path: Path, advance: Callable[[int], None] = lambda _: None) -> str:
    """Puts the file's bytes into `path`, going on after those that are there; returns its sha256.

    `advance` is told the bytes of each block that arrives. A connection that breaks is taken up again where it
    stopped. Raises FetchError when the hub stays out of reach (what has arrived stays for the next call), or
    when the content is not what was promised (nothing stays); SpaceError when the disk takes no more.
    """
    with atomic.writing(path, needed=remote.size), path.open("ab+", buffering=0) as file:
        hashes, done = _there(file, remote)

        def start_over() -> None:
            nonlocal hashes, done
            file.truncate(0)
            hashes, done = Hashes(remote), 0

        if done < remote.size:
            for block in _all_bytes(remote, done, start_over):
                _write_all(file, block)
                hashes.update(block)
                done += len(block)
                advance(len(block))
        os.fsync(file.fileno())
    try:
        _check(remote, hashes, done)
    except FetchError:
        path.unlink()
        raise
    return hashes.sha256()


def _there(file: FileIO, remote: Remote) -> tuple[Hashes, int]:
    """What an earlier call left in `file`, hashed, and its length; more than the whole is rubbish, and cut off."""
    hashes, done = Hashes(remote), 0
    if os.fstat(file.fileno()).st_size > remote.size:
        file.truncate(0)
    file.seek(0)
    while block := file.read(BLOCK):
        hashes.update(block)
        done += len(block)
    return hashes, done


def _write_all(file: FileIO, data: bytes) -> None:
    """An unbuffered file may take a part only, as a disk that is filling up does; the rest then fails, or fits."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _all_bytes(remote: Remote, start: int, start_over: Callable[[], None]) -> Iterator[bytes]:
    """The file's bytes from `start` on, over as many connections as it takes.

    Calls `start_over` where a server sends the whole file although only its rest was asked for.
    """
    done, furthest, fruitless = start, start, 0
    while done < remote.size:
        try:
            for block in _one_attempt(remote, done):
                if block is None:
                    start_over()
                    done = 0
                else:
                    yield block
                    done += len(block)
            if done < remote.size:
                raise _Broken("the connection ended early")
        except _Broken as error:
            # By the furthest byte: a server that ignores ranges and breaks off must not keep us here for ever.
            fruitless = 0 if done > furthest else fruitless + 1
            furthest = max(furthest, done)
            if fruitless > len(PAUSES_S):
                raise FetchError(
                    f"{remote.name} of {remote.repo} broke off after {done:,} of {remote.size:,} bytes: {error}.",
                    hint="What has arrived is kept: run the same command again to go on.",
                ) from error
            if fruitless:
                time.sleep(PAUSES_S[fruitless - 1])


def _one_attempt(remote: Remote, start: int) -> Iterator[bytes | None]:
    """Bytes of one connection, never more than are missing; None before them where the server starts at 0
    although `start` was asked for. Raises _Broken, or FetchError for an answer that will not change."""
    with _sentences(remote.repo, remote.name):
        from huggingface_hub import get_session, hf_hub_url
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # documented there

        session = get_session()
        url = hf_hub_url(remote.repo, remote.name, revision=remote.commit, endpoint=endpoint())
        headers = {**build_hf_headers(library_name="dubber"), "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        transport_error = _library(session).TransportError
        try:
            with session.stream(
                "GET", url, headers=headers, timeout=TIMEOUT_S, follow_redirects=True
            ) as answer:
                if answer.status_code in _PASSING:
                    raise _Broken(f"the server answers {answer.status_code}")
                if answer.status_code == 416:  # it has fewer bytes than it promised
                    raise FetchError(f"{remote.name} of {remote.repo} is shorter than the hub says it is.")
                _raise_for(answer)
                left = remote.size - start
                if start and answer.status_code != 206:
                    left = remote.size
                    yield None
                for block in answer.iter_bytes(BLOCK):
                    if len(block) > left:
                        raise FetchError(f"{remote.name} of {remote.repo} is longer than the hub says it is.")
                    left -= len(block)
                    yield block
        except transport_error as error:
            raise _Broken(_reason(error)) from error


def _raise_for(answer: Any) -> None:
    from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]  # documented there

    if answer.is_error:
        answer.read()
    hf_raise_for_status(answer)


def _check(remote: Remote, hashes: Hashes, length: int) -> None:
    if length != remote.size or not hashes.right():
        raise FetchError(
            f"{remote.name} of {remote.repo} arrived with other bytes than the hub promised, and was thrown away.",
            hint="Run the same command again; if it stays so, the mirror or proxy in between is at fault.",
        )


@contextmanager
def _sentences(repo: str, name: str | None = None) -> Iterator[None]:
    """Turns what the client raises into one sentence that names the repository and the file."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the package is first imported
    from huggingface_hub import errors, get_session

    what = f"{name} of {repo}" if name else repo
    transport_error = _library(get_session()).RequestError
    try:
        yield
    except (DubberError, _Broken):
        raise
    except errors.OfflineModeIsEnabled as error:
        raise FetchError(
            f"{what} cannot be fetched: HF_HUB_OFFLINE forbids the network.", hint="Unset HF_HUB_OFFLINE."
        ) from error
    except errors.GatedRepoError as error:
        raise FetchError(
            f"{what} is given out only to people who agreed to its terms.",
            hint=f"Agree at {endpoint()}/{repo}, then set HF_TOKEN to a token of yours.",
        ) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.EntryNotFoundError) as error:
        raise FetchError(f"{what} is not at {endpoint()}.", hint=_HUB_HINT) from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        raise FetchError(
            f"{what} cannot be fetched: {endpoint()} answers {status or error}.", hint=_HUB_HINT
        ) from error
    except transport_error as error:
        raise FetchError(
            f"{what} cannot be fetched: {endpoint()} is out of reach ({_reason(error)}).", hint=_HUB_HINT
        ) from error


_HUB_HINT = "Check the network; HF_ENDPOINT names another hub or a mirror, HTTPS_PROXY a proxy."


def _library(session: object) -> Any:
    """The HTTP library that a session of huggingface_hub belongs to: httpx, or from version 2 on httpx2."""
    for kind in type(session).__mro__:
        package = kind.__module__.partition(".")[0]
        if package.startswith("httpx"):
            return sys.modules[package]
    raise TypeError(f"not an HTTP client: {type(session)}")


def _reason(error: Exception) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__


def _is_plain(name: str) -> bool:
    """Whether a name given by somebody else stays inside the folder it is put in."""
    parts = PurePosixPath(name).parts
    return (
        bool(parts)
        and not name.startswith("/")
        and ".." not in parts
        and "\\" not in name
        and "\0" not in name
    )
