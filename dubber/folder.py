"""Whether a folder is the project of a film: what project.json must say, where the film may be, which recordings
a person put there. Reads only."""

from __future__ import annotations

import errno
import json
import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dubber.atomic import TEMPORARY_PREFIX
from dubber.errors import MediaError, MissingError, UsageError
from dubber.names import is_plain
from dubber.store import digest_of

FORMAT = "dubber project"
SCHEMA = 1
SETTINGS = "project.json"
LOCK = ".lock"

RECORDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif")
"""Suffixes, of any case, of the sound files that a person may put in place of a speaker's reference."""

_BAD_NAMES = {errno.ENAMETOOLONG: "the name is too long", errno.ELOOP: "its symbolic links lead in a circle"}


@contextmanager
def reading() -> Iterator[None]:
    """Turns what the disk says while files are looked for and read into a sentence that names the file.

    Raises UsageError for a name that no file can have, MissingError for a file that cannot be read.
    """
    try:
        yield
    except OSError as error:
        name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else "A file"
        if error.errno in _BAD_NAMES:
            raise UsageError(
                f"{name} cannot be read: {_BAD_NAMES[error.errno]}.", hint="Choose another name."
            ) from error
        if isinstance(error, PermissionError):
            raise MissingError(
                f"{name} cannot be read: you have no right to.", hint="Change its permissions."
            ) from error
        raise MissingError(
            f"{name} cannot be read: {error.strerror}.", hint="Check the disk it is on."
        ) from error


@reading()
def film_at(film: Path) -> Path:
    """The film's absolute path, its last part as given. Raises MissingError, MediaError when it is no file."""
    try:
        film.stat()  # unlike exists(), it tells a name too long and a folder without permission on any Python
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingError(f"There is no film {film}.", hint="Check the name.") from error
    if not film.is_file():
        raise MediaError(f"{film} is no file.", hint="Name a film.")
    return film.parent.resolve() / film.name


@reading()
def is_vacant(folder: Path) -> bool:
    """Whether a project can begin there: nothing, or only what a run killed at its first step leaves."""
    try:
        folder.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    if folder.is_symlink() or not folder.is_dir():
        return False
    return all(item.name.startswith((LOCK, TEMPORARY_PREFIX)) for item in folder.iterdir())


def settings_in(folder: Path) -> dict[str, Any]:
    """What project.json holds. Raises UsageError when it is none of ours, newer, or damaged; MissingError when
    it cannot be read."""
    try:
        found = _read(folder / SETTINGS)
        data = {} if found is None else json.loads(found)
        json.dumps(data, allow_nan=False)  # what could not be written back, NaN, was never written by us
    except (ValueError, RecursionError) as error:
        raise damaged(folder) from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UsageError(
            f"{folder} exists and is no dubber project.",
            hint="Name another folder for the project, or move it.",
        )
    schema = data.get("schema")
    if not isinstance(schema, int) or schema < 1 or not isinstance(data.get("source"), dict):
        raise damaged(folder)
    if schema > SCHEMA:
        raise UsageError(
            f"{folder} was made by a newer dubber (schema {schema}; this one knows {SCHEMA}).",
            hint="Update dubber, or name another folder for the project.",
        )
    return data


def report_in(folder: Path, language: str) -> Any:
    """What report.<language>.json holds; None where there is none, or none that is whole: a run makes it again.

    Raises MissingError when it cannot be read, UsageError for what is no language tag.
    """
    if not is_plain(language):
        raise UsageError(f"{language!r} is no language tag.", hint="Say a tag like es or zh-Hant.")
    try:
        return json.loads(_read(folder / f"report.{language}.json") or b"null")
    except (ValueError, RecursionError):
        return None


@reading()
def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def damaged(folder: Path) -> UsageError:
    """What to raise where project.json holds what the program never wrote."""
    return UsageError(
        f"{folder / SETTINGS} is damaged.",
        hint=f"Move {folder.name} away and run again; .srt files you edited can be copied to the new one.",
    )


def recorded(data: dict[str, Any]) -> str:
    """The film that project.json names, for a sentence."""
    return str(data["source"].get("path"))


def places(data: dict[str, Any], folder: Path) -> list[Path]:
    """Where the film may be: as near to the folder as it was (both were moved), or where it was."""
    source = data["source"]
    near, path = source.get("relative"), source.get("path")
    places = [Path(os.path.normpath(folder.resolve() / near))] if isinstance(near, str) else []
    return places + ([Path(path)] if isinstance(path, str) else [])


@reading()
def claims(data: dict[str, Any], folder: Path, film: Path) -> bool:
    """Whether the project is that of `film`: recorded there, or lost since and of the very same content."""
    present = [place for place in places(data, folder) if place.is_file()]
    if present:
        return any(place.samefile(film) for place in present)
    source = data["source"]
    return bool(source.get("bytes") == film.stat().st_size and source.get("digest") == digest_of(film))


def recordings(own: Path) -> list[Path]:
    """The sound files called like `own` but for the suffix, in order of their names; `own` among them."""
    with reading():
        there = own.is_file()
        beside = list(own.parent.iterdir()) if own.parent.is_dir() else []
        alike = [path for path in beside if _stem(path) == _stem(own) and path.suffix.lower() in RECORDINGS]
        # A file system that ignores case or Unicode spelling may list `own` under another name.
        others = [path for path in alike if path.is_file() and not (there and path.samefile(own))]
    return sorted([own, *others] if there else others)


def _stem(path: Path) -> str:
    return unicodedata.normalize("NFC", path.stem)
