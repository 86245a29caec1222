"""Whether a folder is the project of a film: what project.json must say, and where the film may be. Reads only."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from dubber.atomic import TEMPORARY_PREFIX
from dubber.errors import MediaError, MissingError, UsageError
from dubber.store import digest_of

FORMAT = "dubber project"
SCHEMA = 1
SETTINGS = "project.json"
LOCK = ".lock"


def film_at(film: Path) -> Path:
    """The film's absolute path, its last part as given. Raises MissingError, MediaError when it is no file."""
    if not film.exists():
        raise MissingError(f"There is no film {film}.", hint="Check the name.")
    if not film.is_file():
        raise MediaError(f"{film} is no file.", hint="Name a film.")
    return film.parent.resolve() / film.name


def is_vacant(folder: Path) -> bool:
    """Whether a project can begin there: nothing, or only what a run killed at its first step leaves."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        return False
    return not folder.exists() or all(
        item.name.startswith((LOCK, TEMPORARY_PREFIX)) for item in folder.iterdir()
    )


def settings_in(folder: Path) -> dict[str, Any]:
    """What project.json holds. Raises UsageError when it is none of ours, newer, or damaged."""
    try:
        data = json.loads((folder / SETTINGS).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        data = {}
    except PermissionError as error:
        raise UsageError(
            f"{folder / SETTINGS} cannot be read: you have no right to.", hint="Change its permissions."
        ) from error
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


def claims(data: dict[str, Any], folder: Path, film: Path) -> bool:
    """Whether the project is that of `film`: recorded there, or lost since and of the very same content."""
    present = [place for place in places(data, folder) if place.is_file()]
    if present:
        return any(place.samefile(film) for place in present)
    source = data["source"]
    return bool(source.get("bytes") == film.stat().st_size and source.get("digest") == digest_of(film))
