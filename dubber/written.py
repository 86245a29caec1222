"""A project's subtitle files: which cues the program wrote last, so that a person's edits can be told from its own
words, and the files that a person gave.

Knows subtitle files as bytes and cues as JSON; never what a cue means or how edits are merged.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from dubber import atomic, names
from dubber.errors import InUseError, MissingError, UsageError
from dubber.folder import damaged, reading

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Written:
    """A subtitle file as it stands, beside what the program last put there.

    `digest` is the sha256 of its bytes, None when there is no file; `cues` are the cues the program last
    wrote, as they were handed in, None when it never did. A file whose digest is not `base` was edited:
    compare it with `cues` to see how.
    """

    path: Path
    digest: str | None
    base: str | None
    cues: Any

    @property
    def edited(self) -> bool:
        """Whether the file holds anything but what the program last wrote; False when there is none."""
        return self.digest is not None and self.digest != self.base


def look(project: Path, name: str) -> Written:
    """The state of <project>/<name>.srt. Raises UsageError for a bad name, MissingError when it cannot be read."""
    path = _subtitles(project, name)
    data = _read(path)
    base = _base(project, name)
    digest = None if data is None else sha256(data).hexdigest()
    return Written(path, digest, base.get("digest"), base.get("cues"))


def write(project: Path, name: str, text: str, cues: Any, *, seen: str | None) -> Path:
    """Puts `text` into <project>/<name>.srt and remembers `cues` as what the program wrote; returns the path.

    `seen` is the digest (from `look`) of the file that `text` was made with knowledge of; another file there
    by now is a person's newer work. A file that holds a person's edits is copied to backups/ before it goes.

    Two files cannot change in one step, and a person may edit between a kill and the next run, so that
    digests alone do not tell what the edited file once was. Here one rename tells it. The record keeps the
    base in force ("settled") and the one to come ("pending"); the text waits as written/<name>.next.srt and
    is renamed into place. Pending is the base exactly if no such file waits any more:

        1. the record settles on today's base           2. the text is written to <name>.next.srt
        3. the record gets its pending base             4. <name>.next.srt is renamed to <name>.srt

    A kill before 4 leaves the old file and the old base, after it the new file and the new base, and no
    edit made in the meantime changes which.

    Raises InUseError when the file is not the one that was seen; SpaceError; UsageError for a bad name.
    """
    path = _subtitles(project, name)
    data = text.encode()
    fresh = {"digest": sha256(data).hexdigest(), "cues": json.loads(json.dumps(cues, allow_nan=False))}
    base = _base(project, name)
    if look(project, name).digest == fresh["digest"] == seen and base == fresh:
        return path
    atomic.inner_folder(project, "written")
    record, waiting = _record_path(project, name), _waiting(project, name)
    atomic.write_json(record, {"settled": base, "pending": None})
    atomic.write_bytes(waiting, data)
    atomic.write_json(record, {"settled": base, "pending": fresh})
    now = _read(path)
    digest = None if now is None else sha256(now).hexdigest()
    if digest != seen:
        raise InUseError(
            f"{path} was changed while this run was at work on it; it was left as it is.",
            hint="Run again: the change will be taken up.",
        )
    if now is not None and digest not in (base.get("digest"), fresh["digest"]):
        _back_up(project, name, now)
    with atomic.writing(path), atomic.writing(waiting):
        waiting.replace(path)
        atomic.sync_folder(path.parent)
        atomic.sync_folder(waiting.parent)
    return path


def keep_given(project: Path, data: bytes, name: str) -> str:
    """Keeps a subtitle file that a person gave, and what they call it; returns the sha256 to have it by."""
    digest = sha256(data).hexdigest()
    atomic.inner_folder(project, "given")
    text, record = _given_paths(project, digest)
    atomic.write_json(record, {"name": name})
    atomic.write_bytes(text, data)
    return digest


def given(project: Path, digest: str) -> tuple[bytes, str]:
    """The bytes and the name that `keep_given` was handed, by the digest it returned.

    Raises MissingError when the file is gone or changed, UsageError for what is no digest.
    """
    text, record = _given_paths(project, digest)
    atomic.inner_folder(project, "given", make=False)
    data, kept = _read(text), _read(record)
    try:
        name = json.loads(kept)["name"] if kept is not None else None
    except (ValueError, TypeError, KeyError):
        name = None
    if data is None or sha256(data).hexdigest() != digest or not isinstance(name, str):
        raise MissingError(
            f"The file that was given for this project, {text}, is gone or was changed.",
            hint="Run `dubber translate` with the file again.",
        )
    return data, name


def _given_paths(project: Path, digest: str) -> tuple[Path, Path]:
    """Refuses what is no digest: it comes from project.json, which must not point elsewhere."""
    if not _DIGEST.fullmatch(digest):
        raise damaged(project)
    return project / "given" / f"{digest}.srt", project / "given" / f"{digest}.json"


def _base(project: Path, name: str) -> dict[str, Any]:
    """What the program last put in place: digest and cues, or nothing.

    A record that somebody damaged counts as none: then the whole file counts as the person's.
    """
    atomic.inner_folder(project, "written", make=False)
    data = _read(_record_path(project, name))
    try:
        record = json.loads(data) if data is not None else {}
    except ValueError:
        return {}
    if not isinstance(record, dict):
        return {}
    waits = _waiting(project, name).exists()
    base = record.get("settled") if waits or record.get("pending") is None else record["pending"]
    return base if isinstance(base, dict) else {}


def _back_up(project: Path, name: str, data: bytes) -> None:
    folder = atomic.inner_folder(project, "backups")
    mark = sha256(data).hexdigest()[:8]
    if not any(folder.glob(f"{name}-*-{mark}.srt")):
        moment = datetime.now().strftime("%Y%m%d-%H%M%S")
        atomic.write_bytes(folder / f"{name}-{moment}-{mark}.srt", data)


def _read(path: Path) -> bytes | None:
    with reading():
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is no file.", hint="Move it away, and run again.")
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def _subtitles(project: Path, name: str) -> Path:
    if not names.is_plain(name):
        raise UsageError(
            f"{name!r} is no name for a subtitle file.", hint="Use letters, digits, '-' and '_'."
        )
    return project / f"{name}.srt"


def _record_path(project: Path, name: str) -> Path:
    return project / "written" / f"{name}.json"


def _waiting(project: Path, name: str) -> Path:
    return project / "written" / f"{name}.next.srt"
