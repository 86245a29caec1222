"""Fills the store: plans what a model lacks, then brings it, file by file, the record last. Asks and prints nothing.

It may be stopped at any instant and run again: what has arrived stays, and what is not complete has no record.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from dubber import atomic, lock
from dubber.models import download, licences, store
from dubber.models.catalogue import MODELS, Model
from dubber.models.download import FetchError, Hashes, Remote
from dubber.models.licences import Terms
from dubber.progress import Progress

LOCK = ".lock"
SPARE = 1 << 20
"""Bytes of disk kept for the record, folders and what a file system needs for itself."""


@dataclass(frozen=True)
class Item:
    """A file to have: what it is on the hub, and where it belongs in the model's folder."""

    remote: Remote
    place: str


@dataclass(frozen=True)
class Plan:
    """All that makes up a model now, what has to be agreed to first, and (by lengths) how many bytes are missing."""

    model: Model
    folder: Path
    items: tuple[Item, ...]
    terms: tuple[Terms, ...]
    sources: tuple[dict[str, str], ...]
    missing: int

    def told(self) -> str:
        """What would be fetched, for a person."""
        free = atomic.amount(atomic.free_space(self.folder))
        lines = [
            f"{self.model.name}: {len(self.items)} files, {atomic.amount(self.missing)} to fetch "
            f"from {download.endpoint()}",
            f"  into {self.folder}, where {free} are free",
        ]
        lines += [f"  {source['repo']}: {source['licence']}" for source in self.sources]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "model": self.model.name,
            "folder": str(self.folder),
            "files": len(self.items),
            "size": sum(item.remote.size for item in self.items),
            "to_fetch": self.missing,
            "sources": list(self.sources),
        }


@dataclass(frozen=True)
class Pulled:
    """What a pull did: bytes that came over the network, and files that were there already."""

    model: Model
    folder: Path
    fetched: int
    kept: int


def plan(model: Model) -> Plan:
    """Asks the hub what a model consists of, and for licences that nobody agreed to yet. Writes nothing.

    Raises FetchError when the hub cannot be asked or lacks a file that the model needs; SpaceError when the
    disk has no room for what is missing.
    """
    folder = store.folder(model)
    items: list[Item] = []
    terms: list[Terms] = []
    sources: list[dict[str, str]] = []
    for source in model.sources:
        files = download.listing(source.repo, source.revision)
        for name in source.files:
            if name not in files:
                raise FetchError(
                    f"{source.repo} has no file {name} at revision {source.revision}, and {model.name} needs it.",
                    hint="A mirror may be incomplete: HF_ENDPOINT names the hub that is asked.",
                )
        chosen = [name for name in files if name in source.files or _any(name, source.optional)]
        items += [Item(files[name], source.place(name)) for name in chosen]
        if (text := licences.text_of(source, files)) is not None:
            items.append(Item(text, f"licences/{source.repo.replace('/', '--')}/{text.name}"))
        if (open_ := licences.open_terms(model, source, files)) is not None:
            terms.append(open_)
        sources.append(
            {
                "repo": source.repo,
                "revision": source.revision,
                "commit": files[chosen[0]].commit,
                "licence": source.licence.name,
            }
        )
    missing = sum(_missing(folder, item) for item in items)
    shared = sum(item.remote.size for item in items if not _is_there(folder, item) and _twin(folder, item))
    atomic.require(folder, missing + shared + SPARE, f"Pulling {model.name}")
    return Plan(model, folder, tuple(items), tuple(terms), tuple(sources), missing)


def carry_out(planned: Plan, progress: Progress) -> Pulled:
    """Brings what a plan lacks; whatever was to be agreed to has been.

    Files that are there are kept where they hold the right bytes, and fetched anew where they do not. What another
    model has of the same repository is taken from there.
    Raises FetchError, SpaceError; InUseError while another run fills the same folder.
    """
    folder, name = planned.folder, planned.model.name
    with atomic.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with lock.held(folder / LOCK):
        digests = _right_ones(planned, progress)
        digests |= _taken_over(planned, digests.keys(), progress)
        lacking = [item for item in planned.items if item.place not in digests]
        kept, fetched = len(digests), 0
        if lacking:
            atomic.inner_folder(folder, store.PARTIAL)
            total = sum(_still(folder, item) for item in lacking)
            atomic.require(folder, total + SPARE, f"Pulling {name}")

            with progress.stage(f"fetch {name}") as advance:

                def arrived(count: int) -> None:
                    nonlocal fetched
                    fetched += count
                    advance(min(1.0, fetched / max(total, 1)))

                for item in lacking:
                    digests[item.place] = _bring(folder, item, arrived)
        store.write_record(
            planned.model, {item.place: digests[item.place] for item in planned.items}, planned.sources
        )
        if (folder / store.PARTIAL).is_dir():
            with atomic.writing(folder):
                shutil.rmtree(folder / store.PARTIAL)
    return Pulled(planned.model, folder, fetched, kept)


def _right_ones(planned: Plan, progress: Progress) -> dict[str, str]:
    """sha256 by place of the files that are there and hold what the hub promises."""
    there = [item for item in planned.items if _is_there(planned.folder, item)]
    if not there:
        return {}
    total, done = sum(item.remote.size for item in there), 0
    right: dict[str, str] = {}
    with progress.stage(f"check {planned.model.name}") as advance:
        for item in there:
            hashes = Hashes(item.remote)
            with (planned.folder / item.place).open("rb") as file:
                while block := file.read(store.BLOCK):
                    hashes.update(block)
                    done += len(block)
                    advance(done / total)
            if hashes.right():
                right[item.place] = hashes.sha256()
            else:
                progress.note(
                    f"{item.place} is not the file that {item.remote.repo} holds: it is fetched again"
                )
    return right


def _taken_over(planned: Plan, there: Collection[str], progress: Progress) -> dict[str, str]:
    """sha256 by place of the files that another model has, now copied into this one's folder too. Raises SpaceError."""
    folder, name = planned.folder, planned.model.name
    twins = [
        (item, twin)
        for item in planned.items
        if item.place not in there and (twin := _twin(folder, item)) is not None
    ]
    if not twins:
        return {}
    atomic.inner_folder(folder, store.PARTIAL)
    total, done = sum(item.remote.size for item, _ in twins), 0
    atomic.require(folder, total + SPARE, f"Pulling {name}")
    taken: dict[str, str] = {}
    with progress.stage(f"copy {name}") as advance:

        def copied(count: int) -> None:
            nonlocal done
            done += count
            advance(min(1.0, done / max(total, 1)))

        for item, twin in twins:
            if (digest := _copy(folder, item, twin, copied)) is not None:
                taken[item.place] = digest
    return taken


def _copy(folder: Path, item: Item, twin: Path, copied: Callable[[int], None]) -> str | None:
    """Copies a file from another model's folder to its place here; its sha256, or None where that holds other bytes or
    cannot be read. Raises SpaceError."""
    hashes = Hashes(item.remote)
    # not under the name that a download goes on with: what a stop leaves of it is not trusted
    copy = _partial(folder, item).with_suffix(".copy")
    with atomic.writing(copy), copy.open("wb") as file:
        for block in _blocks(twin):
            hashes.update(block)
            file.write(block)
            copied(len(block))
        file.flush()
        os.fsync(file.fileno())
    if not hashes.right():
        copy.unlink()
        return None
    _settle(folder, item, copy)
    return hashes.sha256()


def _blocks(path: Path) -> Iterator[bytes]:
    """What can be read of a file: another model's may be taken away, or be nobody's to read."""
    with suppress(OSError), path.open("rb") as file:
        while block := file.read(store.BLOCK):
            yield block


def _twin(folder: Path, item: Item) -> Path | None:
    """The same file of the same repository in another model's folder, judging by its length."""
    places = (
        store.folder(model) / source.place(item.remote.name)
        for model in MODELS
        for source in model.sources
        if source.repo == item.remote.repo and store.folder(model) != folder
    )
    with suppress(OSError):  # a folder that is nobody's to look into
        return next((place for place in places if _length(place) == item.remote.size), None)
    return None


def _bring(folder: Path, item: Item, arrived: Callable[[int], None]) -> str:
    """Fetches one file beside its place and moves it there once it is whole and right; returns its sha256."""
    partial = _partial(folder, item)
    digest = download.fetch(item.remote, partial, arrived)
    _settle(folder, item, partial)
    return digest


def _settle(folder: Path, item: Item, arrived: Path) -> None:
    """Moves a file that is whole and right to its place."""
    target = folder / item.place
    place = atomic.inner_folder(folder, *Path(item.place).parts[:-1])
    with atomic.writing(target):
        arrived.replace(target)
        atomic.sync_folder(place)


def _is_there(folder: Path, item: Item) -> bool:
    """Whether a file is in its place, judging by its length."""
    return _length(folder / item.place) == item.remote.size


def _missing(folder: Path, item: Item) -> int:
    """Bytes of a file to fetch, judging what is there, or with another model, by its length."""
    return 0 if _is_there(folder, item) or _twin(folder, item) else _still(folder, item)


def _still(folder: Path, item: Item) -> int:
    """Bytes of a file that have not arrived in an earlier, interrupted pull."""
    return max(0, item.remote.size - (_length(_partial(folder, item)) or 0))


def _partial(folder: Path, item: Item) -> Path:
    # Under its content's name: when the hub has another file now, what arrived of the old one is not mixed in.
    return folder / store.PARTIAL / item.remote.identity


def _length(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


def _any(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
