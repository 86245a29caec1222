"""The takes that a person picked by hand, in a project's picks.<language>.json: which take of which line, and what they
heard when they picked it. Knows JSON; never what a take is or whether it is there.

A pick is of a sound that somebody heard. Where the words, the voice, the manner or the time of its line have changed
since, that sound is no longer what would be heard. The pick then stays as the wish for its seed: the line is spoken
anew with it, and the person is told (`Pick.outdated`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dubber import atomic, names
from dubber.errors import UsageError
from dubber.folder import reading

FORMAT = "dubber picks"
SCHEMA = 1

HIGHEST_SEED = 2**63 - 1
"""What every engine's random numbers begin from without loss."""


@dataclass(frozen=True)
class Pick:
    """A person's choice: the seed of the take, the words it said, and its file as the report named it then."""

    seed: int
    text: str
    take: str

    def outdated(self, text: str, take: str) -> str | None:
        """Why what is spoken with the picked seed now is not what the person heard, as the end of a sentence; None
        where it is. `text` and `take` are what the report says of the line now."""
        if self.text != text:
            return "its words have changed since"
        return "its voice, its manner or its time has changed since" if self.take != take else None


def read(project: Path, language: str) -> dict[str, Pick]:
    """The picks of a language by the part of a line that they are of ("s3220"), {} where there are none.

    Raises UsageError for a file that is damaged or from a newer program, MissingError where it cannot be read.
    """
    path = _path(project, language)
    with reading():
        if not path.exists():
            return {}
        if not path.is_file():
            raise _damaged(path)
        data = path.read_bytes()
    try:
        kept = json.loads(data)
        known = kept["format"] == FORMAT and isinstance(kept["schema"], int) and kept["schema"] >= 1
        if known and kept["schema"] > SCHEMA:
            raise UsageError(
                f"{path} was made by a newer dubber (schema {kept['schema']}; this one knows {SCHEMA}).",
                hint="Update dubber.",
            )
        picks = {part: _pick(one) for part, one in kept["picks"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _damaged(path) from error
    if not known:
        raise _damaged(path)
    return picks


def write(project: Path, language: str, picks: Mapping[str, Pick]) -> Path:
    """Puts `picks` in place of those that were kept; returns the file. Raises SpaceError."""
    path = _path(project, language)
    kept = {part: {"seed": one.seed, "text": one.text, "take": one.take} for part, one in picks.items()}
    atomic.write_json(path, {"format": FORMAT, "schema": SCHEMA, "picks": kept})
    return path


def _pick(one: Any) -> Pick:
    """Raises ValueError for what is none, and KeyError or TypeError where it is not even an object of its shape."""
    seed, text, take = one["seed"], one["text"], one["take"]
    if type(seed) is not int or abs(seed) > HIGHEST_SEED or not isinstance(text, str):
        raise ValueError("not a pick")
    if not isinstance(take, str):
        raise ValueError("not a pick")
    return Pick(seed, text, take)


def _path(project: Path, language: str) -> Path:
    if not names.is_plain(language):
        raise UsageError(f"{language!r} is no language tag.", hint="Say a tag like es or zh-Hant.")
    return project / f"picks.{language}.json"


def _damaged(path: Path) -> UsageError:
    return UsageError(
        f"{path} is damaged.", hint="Delete it, and pick the takes again: `dubber takes FILM LINE --pick N`."
    )
