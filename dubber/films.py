"""Which files are films: by name only. What is inside is found out when one is opened."""

from __future__ import annotations

import os
from pathlib import Path

from dubber.errors import UsageError
from dubber.project import SUFFIX

FILM_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".wmv", ".flv"}
    | {".ogv", ".3gp", ".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus", ".aac"}
)
"""What a batch takes for a film or a recording."""


def films_in(folder: Path, made: frozenset[Path] = frozenset()) -> tuple[Path, ...]:
    """The films in a folder and below, sorted by name; hidden files, project folders and the paths in `made`
    (films that dubber made itself) left out. Raises UsageError where the folder is none, or holds no film."""
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is not a folder.", hint="A single film is dubbed by `dubber translate FILM`."
        )
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not name.endswith(SUFFIX)
        )
        for name in names:
            path = Path(place, name)
            if not name.startswith(".") and _is_film(path) and path.resolve() not in made:
                found.append(path)
    if not found:
        raise UsageError(
            f"There is no film in {folder}.", hint=f"Looked for: {' '.join(sorted(FILM_SUFFIXES))}"
        )
    return tuple(sorted(found))


def has_twin(film: Path) -> bool:
    """Whether another film beside this one has its name but for the suffix: talk.mkv beside talk.mp4."""
    return any(
        other.stem == film.stem and other.name != film.name and _is_film(other)
        for other in film.parent.iterdir()
    )


def _is_film(path: Path) -> bool:
    return path.suffix.lower() in FILM_SUFFIXES
