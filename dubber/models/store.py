"""The folder of models on this machine: where it is, what of a model is there, whether it is still what was fetched.

Reads and hashes files and keeps the record beside them; opens no connection and loads no weights.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from dubber import atomic
from dubber.errors import MissingError, UsageError
from dubber.models import catalogue
from dubber.models.catalogue import Model

RECORD = "dubber-model.json"
"""Says what a complete model consists of: written last, so that no partial one has it."""

PARTIAL = ".partial"
"""A folder that is there from a pull's first byte until its record is written; holds what has arrived so far."""

BLOCK = 1 << 22  # bytes hashed at a time
_SCHEMA = 1

State = Literal["here", "partly", "missing"]


class DamagedError(MissingError):
    """Files of a model are not what was recorded of them."""


@dataclass(frozen=True)
class Found:
    """What of a model is on this machine. `lacking` names its files that are not there, or not in their length."""

    model: Model
    folder: Path
    state: State
    lacking: tuple[str, ...]
    recorded: bool

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "name": self.model.name,
            "purpose": self.model.purpose,
            "profile": self.model.profile,
            "about_bytes": self.model.about,
            "licences": [
                {"name": one.name, "url": one.url, "asks": one.asks, "matters": one.matters}
                for one in self.model.licences
            ],
            "state": self.state,
            "lacking": list(self.lacking),
            "recorded": self.recorded,
            "folder": str(self.folder),
        }


@dataclass(frozen=True)
class Verdict:
    """What comparing a model with its record gave: the files, and those among them with what is wrong."""

    model: Model
    files: int
    damaged: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"model": self.model.name, "files": self.files, "damaged": dict(self.damaged)}


def root() -> Path:
    """Where models are kept: $DUBBER_MODELS, or a folder of the person's own on this platform."""
    told = os.environ.get("DUBBER_MODELS")
    if told:
        return Path(told).expanduser().absolute()
    if sys.platform == "darwin":
        data = Path.home() / "Library" / "Application Support"
    else:
        data = Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser()
        if not data.is_absolute():  # the base directory specification: a relative path is to be ignored
            data = Path("~/.local/share").expanduser()
    return data / "dubber" / "models"


def folder(model: Model) -> Path:
    """Where a model's files lie, or will lie."""
    return root() / model.name


def look(model: Model) -> Found:
    """What of a model is there, by names and lengths. Raises DamagedError for a record that cannot be read."""
    place = folder(model)
    record = read_record(model)
    lengths = {name: entry["size"] for name, entry in record["files"].items()} if record else {}
    wanted = dict.fromkeys((*model.files, *lengths))
    there = [name for name in wanted if _is_whole(place / name, lengths.get(name))]
    lacking = tuple(name for name in wanted if name not in there)
    state: State = "here"
    if lacking or (place / PARTIAL).is_dir():
        state = "partly" if there or (place / PARTIAL).is_dir() else "missing"
    return Found(model, place, state, lacking, record is not None)


def require(name: str, files: Sequence[str] | None = None) -> Path:
    """The folder of the model `name`, with `files` in it (all that it needs, by default).

    A folder that a person has filled by hand counts; one whose pull was not finished does not.
    Raises MissingError naming the files that are not there and the command that brings them.
    """
    model = catalogue.named(name)
    place = folder(model)
    bring = f"Bring it with `dubber models pull {name}`."
    lacking = [file for file in (model.files if files is None else files) if not (place / file).is_file()]
    if not place.is_dir():
        raise MissingError(f"The model {name} is not on this machine: {place} does not exist.", hint=bring)
    if lacking:
        raise MissingError(f"The model {name} lacks {_listed(lacking)} in {place}.", hint=bring)
    if (place / PARTIAL).is_dir():
        raise MissingError(f"The model {name} in {place} is only partly fetched.", hint=bring)
    return place


def holder(names: Sequence[str], file: str) -> str:
    """The first of the models `names` whose `file` can be used; the first of all where none's can, to be asked for."""
    for name in names:
        with suppress(MissingError):
            require(name, [file])
            return name
    return names[0]


def read_record(model: Model) -> dict[str, Any] | None:
    """What was recorded of a model; None where nothing was. Raises DamagedError when it cannot be understood."""
    path = folder(model) / RECORD
    try:
        record = json.loads(path.read_text("utf-8"))
        sound = record["schema"] == _SCHEMA and all(
            isinstance(entry["size"], int) and isinstance(entry["sha256"], str)
            for entry in record["files"].values()
        )
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise MissingError(
            f"{path.parent} cannot be a folder of models: there is a file in its place.",
            hint="Name another with DUBBER_MODELS, or move the file away.",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise DamagedError(
            f"{path} is not a record that this version of dubber understands.",
            hint=f"Delete it, then run `dubber models pull {model.name} --again`.",
        )
    return dict(record)


def write_record(model: Model, digests: Mapping[str, str], sources: Sequence[Mapping[str, str]]) -> None:
    """Records sha256 (by file name) and length of a model's files, and where they came from; from now on it is here."""
    place = folder(model)
    record = {
        "schema": _SCHEMA,
        "model": model.name,
        "date": now(),
        "sources": list(sources),
        "files": {
            name: {"size": (place / name).stat().st_size, "sha256": digest}
            for name, digest in digests.items()
        },
    }
    atomic.write_json(place / RECORD, record)


def record_as_is(model: Model, progress: Callable[[float], None] = lambda _: None) -> int:
    """Makes the record of a model that was brought by hand: whatever it is now counts as right. Returns its files.

    Raises MissingError where it is not complete, UsageError where there is a record.
    """
    place = require(model.name)
    if read_record(model) is not None:
        raise UsageError(
            f"{place / RECORD} records this model already.", hint="Delete that file first to make another."
        )
    names = list(own_files(model))
    total = sum((place / name).stat().st_size for name in names)
    advance = _sharing(total, progress)
    write_record(model, {name: hash_file(place / name, advance) for name in names}, [])
    return len(names)


def compare(name: str, digests: Mapping[str, str]) -> None:
    """Compares sha256s that somebody computed anyway, by file, with the record of the model `name`, if there is one.

    Raises DamagedError naming the files that are not what was recorded.
    """
    record = read_record(catalogue.named(name))
    known = {file: entry["sha256"] for file, entry in record["files"].items()} if record else {}
    other = [file for file, digest in digests.items() if known.get(file, digest) != digest]
    if other:
        raise DamagedError(
            f"{_listed(other)} of {name} holds other bytes than were recorded.",
            hint=f"Run `dubber models pull {name} --again`, or, for a change of yours, `… verify {name} --record`.",
        )


def check_objects(name: str, files: Sequence[str]) -> None:
    """Looks whether those of a model's JSON `files` that are there hold an object each, before a library reads them.

    Raises DamagedError naming the first that does not.
    """
    place = folder(catalogue.named(name))
    for file in files:
        try:
            whole = isinstance(json.loads((place / file).read_bytes()), dict)
        except FileNotFoundError:
            continue
        except (ValueError, RecursionError):
            whole = False
        if not whole:
            raise DamagedError(
                f"{file} of {name} is damaged: it does not hold what it should.",
                hint=f"Mend it with `dubber models pull {name} --again`.",
            )


def verify(
    model: Model, *, quick: bool = False, progress: Callable[[float], None] = lambda _: None
) -> Verdict:
    """Compares a model with its record, length by length and (unless `quick`) byte by byte.

    Raises MissingError where there is no record to compare with.
    """
    place = folder(model)
    record = read_record(model)
    if record is None and look(model).state != "here":
        require(model.name)
    if record is None:
        raise MissingError(
            f"There is no record of {model.name} in {place} to compare with.",
            hint=f"If these files are the right ones, `dubber models verify {model.name} --record` makes one.",
        )
    files = record["files"]
    advance = _sharing(sum(entry["size"] for entry in files.values()), progress)
    damaged: dict[str, str] = {}
    for name, entry in files.items():
        path = place / name
        if not path.is_file():
            damaged[name] = "is not there"
        elif (size := path.stat().st_size) != entry["size"]:
            damaged[name] = f"is {size:,} bytes long instead of {entry['size']:,}"
        elif not quick and hash_file(path, advance) != entry["sha256"]:
            damaged[name] = "holds other bytes than were recorded"
    return Verdict(model, len(files), damaged)


def check(verdicts: Sequence[Verdict]) -> None:
    """Raises DamagedError naming every file that is not what was recorded."""
    bad = {one.model.name: one.damaged for one in verdicts if one.damaged}
    if bad:
        told = "; ".join(
            f"{name}: {file} {wrong}" for name, files in bad.items() for file, wrong in files.items()
        )
        raise DamagedError(
            f"Damaged: {told}.", hint=f"Mend with `dubber models pull {' '.join(bad)} --again`."
        )


def own_files(model: Model) -> Iterator[str]:
    """The files in a model's folder that belong to it by name, relative to the folder, in order."""
    place = folder(model)
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if path.is_file() and (
            name in model.files or any(fnmatchcase(name, pattern) for pattern in model.patterns)
        ):
            yield name


def hash_file(path: Path, advance: Callable[[int], None] = lambda _: None) -> str:
    """sha256 of a file; `advance` is told the bytes of each block."""
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            advance(len(block))
    return digest.hexdigest()


def now() -> str:
    """This moment, with its time zone, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _is_whole(path: Path, length: int | None) -> bool:
    return path.is_file() and (length is None or path.stat().st_size == length)


def _sharing(total: int, progress: Callable[[float], None]) -> Callable[[int], None]:
    """Turns bytes done into the share of `total`."""
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(done / total if total else 1.0)

    return advance


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
