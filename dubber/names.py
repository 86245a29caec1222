"""File names from what people call things: speakers, films. Pure text; touches no file."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection
from hashlib import sha256

MAX_NAME = 255
"""Bytes of one file name that every file system in use allows (ext4, APFS; NTFS counts UTF-16 units)."""

_MAX_LABEL = 80  # bytes of a speaker's label that go into a file name: long enough to be recognised by
_FORBIDDEN = re.compile(r'[/\\:*?"<>|\s]+')  # on some file system or in some shell; white space with them
_RESERVED = re.compile(
    r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?"
)  # device names of Windows and exFAT sticks
_NOTHING = "speaker"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def is_plain(name: str) -> bool:
    """Whether a name the program made up itself ("transcript", "zh-Hant") can be part of a file name."""
    return _PLAIN.fullmatch(name) is not None


def folded(name: str) -> str:
    """What a file system that ignores case and Unicode spelling makes of a name."""
    return unicodedata.normalize("NFC", name).casefold()


def file_name(label: str, suffix: str, taken: Collection[str] = ()) -> str:
    """A file name that shows `label` to a person and is safe everywhere; deterministic.

    A label that cannot be a name as it is (path separators, control and direction marks, device names,
    too long, empty) is cleaned and gets a "~" and digits of its own sha256, and so does one whose name
    would meet one of `taken` where case or Unicode spelling counts for nothing.
    """
    clean = _clean(label)
    digest = sha256(label.encode("utf-8", "surrogatepass")).hexdigest()
    others = {folded(name) for name in taken}
    plain = clean + suffix
    if clean == label and folded(plain) not in others:
        return plain
    # The whole digest differs for every other label, so that one of these is free.
    marked = (f"{clean}~{digest[:length]}{suffix}" for length in range(6, len(digest) + 1, 2))
    return next(name for name in marked if folded(name) not in others)


def _clean(label: str) -> str:
    text = unicodedata.normalize("NFC", label)
    # Control and direction marks, joiners, halves of characters: nothing a person would miss in a name
    text = "".join(char for char in text if char.isspace() or not unicodedata.category(char).startswith("C"))
    text = _FORBIDDEN.sub(" ", text)
    text = _shortened(text.strip(" ."), _MAX_LABEL).strip(" .")
    text = text.lstrip("-~ .")  # an option to some command; the home folder
    if not text or _RESERVED.fullmatch(text):
        return _NOTHING + text
    return text


def _shortened(text: str, size: int) -> str:
    """The longest beginning of `text` that is at most `size` bytes of UTF-8, whole characters only."""
    return text.encode("utf-8", "surrogateescape")[:size].decode("utf-8", "ignore")


def with_ending(name: str, ending: str) -> str:
    """`name` + `ending`; where that is too long for a file, a digest takes the place of the name's end."""
    if len(os.fsencode(name + ending)) <= MAX_NAME:
        return name + ending
    mark = "~" + sha256(os.fsencode(name)).hexdigest()[:8]
    return _shortened(name, MAX_NAME - len(mark) - len(os.fsencode(ending))) + mark + ending
