"""The content-addressed cache: what was made once from the same things is not made again.

Knows keys, files and which of them may go; never what a stage does or where a project lies.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

from dubber import atomic

_STAGE = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
_HEAD = ".json"  # the file that says an entry is whole: the entry itself for JSON, beside it for a file
_BLOCK = 1 << 20  # bytes read at a time


@dataclass(frozen=True)
class Key:
    """The name of a result before it is made: the stage it belongs to, and a sha256 of all that shapes it."""

    stage: str
    digest: str


def key(stage: str, version: int, inputs: Mapping[str, str], parameters: Any) -> Key:
    """The key of what `stage`, at `version` of its code, makes of `inputs` (name -> digest) and `parameters`.

    `parameters` is anything JSON can hold; 1 and 1.0 are different, a tuple is a list, and the order of
    a mapping's keys is nothing. Raises ValueError for NaN, infinities and a bad stage name, TypeError for
    the rest that JSON cannot hold without guessing, mapping keys that are no strings among it.
    """
    _check_stage(stage)
    _check_names(parameters)
    named = {"stage": stage, "version": version, "inputs": dict(inputs), "parameters": parameters}
    canonical = json.dumps(named, sort_keys=True, allow_nan=False, separators=(",", ":"))
    return Key(stage, sha256(canonical.encode()).hexdigest())


def _check_stage(stage: str) -> None:
    if not _STAGE.fullmatch(stage):
        raise ValueError(f"not the name of a stage: {stage!r}")


def _check_names(value: Any) -> None:
    """json.dumps would make {1: x} and {"1": x} the same thing."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if not isinstance(name, str):
                raise TypeError(f"a parameter's name must be a string, not {name!r}")
            _check_names(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_names(item)


@dataclass(frozen=True)
class Counts:
    """How often a stage found its result in the cache, and how often it had to make it."""

    hits: int = 0
    misses: int = 0


@dataclass
class _Entry:
    """All files of one key on the disk, when it was last of use (seconds since the epoch), and the group in
    its head, None where there is no whole head."""

    digest: str
    files: list[Path]
    used: float
    group: str | None


class Cache:
    """The cache in one folder, which must exist before something is made in it.

    An entry lies at <stage>/<first two of its digest>/<digest><suffix>.

    `transient` names stages whose results are large and soon stale (a mix), with how many of each group are
    kept: older ones go before a new one is made. For one thread of one process at a time: that is the
    project's lock.
    """

    def __init__(self, folder: Path, *, transient: Mapping[str, int] | None = None) -> None:
        self.folder = folder
        self._transient = dict(transient or {})
        self._counts: dict[str, Counts] = {}
        self._used: set[Key] = set()

    @property
    def counts(self) -> dict[str, Counts]:
        """Hits and misses per stage since this cache was opened, or `reset_counts` was called last."""
        return dict(self._counts)

    def reset_counts(self) -> None:
        """Counts from nothing again: to be called before each of several runs over one project."""
        self._counts.clear()

    def json(self, key: Key, compute: Callable[[], Any]) -> Any:
        """The value stored under `key`, computed and stored first where it is missing or damaged.

        A fresh value comes back as a stored one would: tuples as lists. Raises SpaceError, what
        `compute` raises, and TypeError or ValueError for a value that JSON cannot hold.
        """
        head = self._hit(key, "")
        if head is not None:
            return head["value"]
        path = self._path(key, "", make=True)
        self._make_room(key, "")
        value = json.loads(json.dumps(compute(), allow_nan=False))
        self._remove([path])
        atomic.write_json(path, {"key": key.digest, "value": value})
        return value

    def file(self, key: Key, suffix: str, make: Callable[[Path], Any], group: str = "") -> Path:
        """The file stored under `key`, made first where it is missing or damaged. It is not to be written to.

        `make` writes the file to the path it is given, which ends in `suffix` (".wav"), and may return
        something JSON can hold, to be had from `notes`. A file of another size than it was made with
        counts as damaged; its content is never read. `group` shapes nothing: among the results of a
        transient stage it says which push each other out (those of one language). Raises SpaceError and
        what `make` raises.
        """
        path = self._path(key, suffix)
        if self._hit(key, suffix) is not None:
            return path
        self._path(key, suffix, make=True)
        self._make_room(key, group)
        self._remove([_head(path), path])
        # The head's own write puts both names on the disk: without its head the file counts for nothing.
        with atomic.replacing(path, sync=False) as temporary:
            notes = make(temporary)
        size = path.stat().st_size
        if size == 0:
            raise ValueError(f"stage {key.stage} made an empty file")
        atomic.write_json(_head(path), {"key": key.digest, "bytes": size, "notes": notes, "group": group})
        return path

    def notes(self, key: Key, suffix: str) -> Any:
        """What `make` returned when the file was made. Raises KeyError when it is not in the cache."""
        head = self._look(key, suffix)
        if head is None:
            raise KeyError(key)
        return head["notes"]

    def has(self, key: Key, suffix: str = "") -> bool:
        """Whether a whole result lies under `key`: a file with `suffix`, or a JSON value without one."""
        return self._look(key, suffix) is not None

    def _hit(self, key: Key, suffix: str) -> dict[str, Any] | None:
        """_look, counted and remembered."""
        head = self._look(key, suffix)
        self._used.add(key)
        old = self._counts.get(key.stage, Counts())
        hit = head is not None
        self._counts[key.stage] = Counts(old.hits + hit, old.misses + (not hit))
        if hit and key.stage in self._transient:
            used = _head(self._path(key, suffix))
            with atomic.writing(used):
                os.utime(used)  # "last used" is what transient stages go by
        return head

    def _look(self, key: Key, suffix: str) -> dict[str, Any] | None:
        """The head of the entry under `key` if all of it is whole, else None."""
        path = self._path(key, suffix)
        head = _read_head(_head(path), key.digest)
        if head is None:
            return None
        if not suffix:
            return head if "value" in head else None
        whole = "notes" in head and head.get("bytes") == _size(path)
        return head if whole else None

    def _path(self, key: Key, suffix: str, *, make: bool = False) -> Path:
        """The entry's own file, or the JSON value's; its folder is a real one, made on request."""
        _check_stage(key.stage)
        if suffix and (suffix == _HEAD or not _SUFFIX.fullmatch(suffix)):
            raise ValueError(f"not the suffix of a cached file: {suffix!r}")
        folder = atomic.inner_folder(self.folder, key.stage, key.digest[:2], make=make)
        return folder / (key.digest + (suffix or _HEAD))

    def _make_room(self, key: Key, group: str) -> None:
        """Drops the oldest of a transient stage's group: with the one to come there are as many as are kept.

        What has no head, left by a kill or damaged, counts for nothing and goes with them.
        """
        kept = self._transient.get(key.stage)
        if kept is None:
            return
        others = [entry for entry in self._entries(key.stage) if entry.digest != key.digest]
        alike = [entry for entry in others if entry.group == group]
        alike.sort(key=lambda entry: entry.used, reverse=True)
        for entry in alike[max(kept - 1, 0) :] + [entry for entry in others if entry.group is None]:
            if Key(key.stage, entry.digest) not in self._used:
                self._remove(entry.files)

    def _entries(self, stage: str) -> Iterator[_Entry]:
        _check_stage(stage)
        if (self.folder / stage).is_symlink():
            return
        for folder in _folders(self.folder / stage):
            found: dict[str, _Entry] = {}
            for path in folder.iterdir():
                if path.name.startswith(atomic.TEMPORARY_PREFIX):
                    continue
                digest = path.name.split(".", 1)[0]
                entry = found.setdefault(digest, _Entry(digest, [], 0.0, None))
                entry.files.append(path)
                entry.used = max(entry.used, path.lstat().st_mtime)
                head = _read_head(path, digest) if path.suffix == _HEAD else None
                if head is not None:
                    entry.group = str(head.get("group", ""))
            yield from found.values()

    @staticmethod
    def _remove(files: Collection[Path]) -> None:
        """Removes an entry's files, heads first: a kill in between leaves nothing that looks whole."""
        for path in sorted(files, key=lambda path: path.suffix != _HEAD):
            with atomic.writing(path):
                path.unlink(missing_ok=True)


def digest_of(path: Path, progress: Callable[[float], None] = lambda _: None) -> str:
    """sha256 (hex) of a file's content, read in blocks; `progress` hears 0..1."""
    hasher = sha256()
    done, size = 0, max(path.stat().st_size, 1)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            hasher.update(block)
            done += len(block)
            progress(min(done / size, 1.0))
    return hasher.hexdigest()


def _head(path: Path) -> Path:
    return path if path.suffix == _HEAD else path.with_name(path.name + _HEAD)


def _read_head(path: Path, digest: str) -> dict[str, Any] | None:
    """What a head holds; None where it is missing, damaged, or another entry's."""
    if _size(path) is None:
        return None
    try:
        head = json.loads(path.read_bytes(), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return head if isinstance(head, dict) and head.get("key") == digest else None


def _size(path: Path) -> int | None:
    """Bytes of a regular file; None for everything else, a link to a file among it, and for an empty one."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_size or None if stat.S_ISREG(found.st_mode) else None


def _folders(folder: Path) -> list[Path]:
    """The real folders in `folder`; links are not followed."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as found:
        return sorted(Path(item.path) for item in found if item.is_dir(follow_symlinks=False))


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
