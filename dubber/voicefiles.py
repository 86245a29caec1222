"""The files in a project's voices/, a reference for each speaker: where one lies, and whose it is. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dubber import atomic, names
from dubber.errors import UsageError
from dubber.folder import SETTINGS, damaged, reading, recordings
from dubber.store import digest_of

Section = Mapping[str, Any]
"""What project.json says of voices: by speaker the `file`, and the `digests` of those that the program made."""


@dataclass(frozen=True)
class VoiceFile:
    """A speaker's reference in voices/: its path, the sha256 of its bytes, and whether the program made it.

    One that is not ours was put there by a person, and theirs wins.
    """

    path: Path
    digest: str
    ours: bool


def find(folder: Path, section: Section, speaker: str) -> VoiceFile | None:
    """The reference of `speaker`, or None when there is none yet.

    A file that a person put there wins over ours, with any suffix of folder.RECORDINGS. Raises UsageError when there
    are two of theirs, and as `place` does; MissingError when it cannot be read.
    """
    own, digests = place(folder, section, speaker), known(folder, section, speaker).get("digests", [])
    with reading():
        found = [(path, digest_of(path)) for path in recordings(own)]
    files = [
        VoiceFile(path, digest, path == own and not path.is_symlink() and digest in digests)
        for path, digest in found
    ]
    theirs = [file for file in files if not file.ours]
    if len(theirs) > 1:
        raise UsageError(
            f"{own.parent} has more than one voice of {speaker}: "
            f"{' and '.join(file.path.name for file in theirs)}.",
            hint="Leave one of them there.",
        )
    return next(iter(theirs or files), None)


def place(folder: Path, section: Section, speaker: str) -> Path:
    """Where the reference of `speaker` lies or belongs, under a name safe for a file.

    Raises UsageError when project.json names a file outside voices/, or voices/ is a link.
    """
    others = [known(folder, section, other).get("file") for other in section if other != speaker]
    taken = [name for name in others if isinstance(name, str)]
    name = known(folder, section, speaker).get("file") or names.file_name(speaker, ".wav", taken)
    inner = atomic.inner_folder(folder, "voices", make=False)
    if not isinstance(name, str) or name in (".", "..") or Path(name).name != name or "\0" in name:
        raise UsageError(
            f"{folder / SETTINGS} names {name!r} as a voice, which is no file in {inner}.",
            hint="Take that speaker out of its voices.",
        )
    return inner / name


def known(folder: Path, section: Section, speaker: str) -> dict[str, Any]:
    """What project.json says of the speaker's voice; empty where nothing. Raises UsageError for what is damaged."""
    voice = section.get(speaker, {})
    if not isinstance(voice, dict) or not isinstance(voice.get("digests", []), list):
        raise damaged(folder)
    return dict(voice)
