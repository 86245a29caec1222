"""dubber.toml: the choices for all films of a folder, in the words of the command line's options. Decides nothing."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dubber.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "dubber.toml"

LARGEST = 1 << 20
"""Bytes. A page of choices is a few hundred."""

SECRETS = ("key", "token", "password", "secret")
"""What people are tempted to write there, and must not."""

KEYS: dict[str, tuple[str, type | tuple[type, ...]]] = {
    "to": ("target", str),
    "from": ("source", str),
    "profile": ("profile", str),
    "recogniser": ("recogniser", str),
    "separator": ("separator", str),
    "diarizer": ("diarizer", str),
    "translator": ("translator", str),
    "voice": ("voice", str),
    "device": ("device", str),
    "whisper_model": ("whisper_model", str),
    "compute": ("compute", str),
    "beam": ("beam", int),
    "hotwords": ("hotwords", str),
    "model": ("model", str),
    "base_url": ("base_url", str),
    "context": ("context", str),
    "register": ("register", str),
    "glossary": ("glossary", str),
    "speakers": ("speakers", int),
    "cast": ("cast", str),
    "background": ("background", str),
    "room": ("room", bool),
    "burn": ("burn", bool),
    "original": ("keep_original", bool),
    "synthetic_tag": ("synthetic_tag", bool),
    "emotion": ("emotion", (int, float)),
    "sync": ("sync", str),
    "takes": ("takes", int),
    "shots": ("shots", bool),
    "seed": ("seed", int),
    "track": ("track", int),
}
"""What may stand in the file: for each key the field of Settings that it sets, and the kind of its value."""

PATHS = ("glossary", "cast")
"""Values that name a file or folder, beside the file they stand in."""


def of_folder(folder: Path, *, top: Path | None = None) -> dict[str, Any]:
    """The choices in the folder's dubber.toml, by fields of Settings; empty where there is none.

    With `top`, a folder that holds `folder`, those of all files from `top` down to `folder`, the nearer counting before
    the farther. Raises UsageError, naming the file, for anything it should not hold.
    """
    places = [folder]
    while top is not None and places[-1] != top and places[-1] != places[-1].parent:
        places.append(places[-1].parent)
    choices: dict[str, Any] = {}
    for place in reversed(places):
        if os.path.lexists(place / NAME):
            choices |= read(place / NAME)
    return choices


def read(path: Path) -> dict[str, Any]:
    """The choices in a file, by fields of Settings. Raises UsageError, naming the file and the key."""
    try:
        if not path.is_file():
            raise UsageError(
                f"{path} is not a file that can be read.", hint="Mend its link, or take it away."
            )
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path} is too large to be a page of choices.")
        data = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except (
        ValueError,
        RecursionError,
    ) as error:  # TOMLDecodeError, bytes that are no text, numbers without end
        raise UsageError(f"{path} is no TOML: {error}.", hint='A line looks like this: to = "es"') from error
    named = {key.replace("-", "_"): value for key, value in data.items()}
    return {KEYS[key][0]: _value(path, key, value) for key, value in _known(path, named).items()}


def _known(path: Path, data: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in data:
        if any(word in key.lower() for word in SECRETS):
            raise UsageError(
                f"{path} holds {key!r}: a key does not belong into a file.",
                hint="Put it into the environment: DUBBER_API_KEY.",
            )
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1, cutoff=0.8)
            raise UsageError(
                f"{path}: there is no choice {key!r}.",
                hint=f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(KEYS)}.",
            )
    return data


def _value(path: Path, key: str, value: Any) -> Any:
    kind = KEYS[key][1]
    wrong = not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)
    if wrong:
        wanted = {str: "text in quotes", int: "a whole number", bool: "true or false"}
        named = wanted[kind] if isinstance(kind, type) else "a number"
        raise UsageError(f"{path}: {key} must be {named}, not {value!r}.")
    if key in PATHS and isinstance(value, str):
        if "\0" in value:
            raise UsageError(f"{path}: {key} names no file.")
        try:
            return str((path.parent / Path(value).expanduser()).absolute())
        except RuntimeError as error:
            raise UsageError(f"{path}: {key} names a home that is not here: {value!r}.") from error
    return value
