"""dubber.toml: the choices for all films of a folder, in the words of the command line's options. Decides nothing."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dubber import comfort
from dubber.errors import UsageError
from dubber.settings import over

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
    "comfort": ("comfort", dict),
    "takes": ("takes", int),
    "shots": ("shots", bool),
    "seed": ("seed", int),
    "track": ("track", int),
}
"""What may stand in the file: for each key the field of Settings that it sets, and the kind of its value."""

NO_FACTOR = 1e9
"""What is no rate in any unit; infinity is as large, and NaN no number."""

PATHS = ("glossary", "cast")
"""Values that name a file or folder, beside the file they stand in."""


def of_folder(folder: Path, *, top: Path | None = None) -> dict[str, Any]:
    """The choices in the folder's dubber.toml, by fields of Settings; empty where there is none.

    With `top`, a folder that holds `folder`, those of all files from `top` down to `folder`, the nearer counting before
    the farther (comfort bands speaker by speaker). Raises UsageError, naming the file, for anything it should not hold.
    """
    places = [folder]
    while top is not None and places[-1] != top and places[-1] != places[-1].parent:
        places.append(places[-1].parent)
    choices: dict[str, Any] = {}
    for place in reversed(places):
        if os.path.lexists(place / NAME):
            choices = over(choices, read(place / NAME))
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
        wanted = {
            str: "text in quotes",
            int: "a whole number",
            bool: "true or false",
            dict: "a table of speakers ([comfort], and below it ANNA = [0.95, 1.05])",
        }
        named = wanted[kind] if isinstance(kind, type) else "a number"
        raise UsageError(f"{path}: {key} must be {named}, not {value!r}.")
    if kind is dict:
        return _bands(path, key, value)
    if key in PATHS and isinstance(value, str):
        if "\0" in value:
            raise UsageError(f"{path}: {key} names no file.")
        try:
            return str((path.parent / Path(value).expanduser()).absolute())
        except RuntimeError as error:
            raise UsageError(f"{path}: {key} names a home that is not here: {value!r}.") from error
    return value


def _bands(path: Path, key: str, table: Mapping[str, Any]) -> str:
    """The comfort bands in a table of the file, as Settings have them."""
    bands: dict[str, comfort.Band | None] = {}
    for label, value in table.items():
        if not _is_band(value):
            hint = (
                f"{label!r} is a choice for the film: it stands above [{key}], which goes on to the next [ ]."
            )
            dotted = "A name with blanks, dots or letters with marks stands in quotes."
            raise UsageError(
                f"{path}: {key}.{label} must be the slowest and the fastest, like [0.95, 1.05], not {value!r}.",
                hint=hint if label.replace("-", "_") in KEYS else dotted if isinstance(value, dict) else None,
            )
        try:
            name, band = (
                (comfort.named(label), None) if value == comfort.USUAL else comfort.checked(label, value)
            )
        except UsageError as error:
            raise UsageError(f"{path}: {key}: {error}", hint=error.hint) from error
        if name in bands:
            raise UsageError(
                f"{path}: {key} holds {name} twice.", hint="Names begin with a capital in subtitles."
            )
        bands[name] = band
    return comfort.written(bands)


def _is_band(value: Any) -> bool:
    """Whether a value of the file is two numbers, or the word that takes them back."""
    if not isinstance(value, list):
        return bool(value == comfort.USUAL)
    numbers = [one for one in value if isinstance(one, int | float) and not isinstance(one, bool)]
    return len(value) == len(numbers) == 2 and all(abs(one) < NO_FACTOR for one in numbers)
