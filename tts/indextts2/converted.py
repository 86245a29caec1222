"""What is kept of an official weight file that was read once: its tensors in a form that is mapped, not read.

Beside the official files, in a folder of its own, lie for each `NAME.safetensors`, which says of which content it was
made, and `NAME.json`, which says what content a file of a certain look had, so that it is not digested again. Both may
be deleted at any time. Reads no official file, except to digest it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import torch
from torch import Tensor

from tts.indextts2.weights import finite

FOLDER = "converted"

LAYOUT = "2"
"""Version of what a converted file holds."""

CHUNK = 1 << 22
"""Bytes read at a time when a file is digested."""

ALIGNMENT = 64
"""Bytes: numbers in a mapped file begin at a multiple of this, a cache line."""

ABANDONED = 3600.0
"""Seconds after which an unfinished file belongs to a process that was killed."""

Stamp = dict[str, int]


def stamp_of(source: Path) -> Stamp:
    """How a file looks from outside; a replaced or rewritten one looks different.

    Size and time of modification do not suffice: archives and package stores set the time, and two checkpoints of one
    architecture have one size. The time of change and the inode cannot be set; a file that was only moved to
    another disk looks different too, and is digested once more.
    """
    state = source.stat()
    return {
        "size": state.st_size,
        "modified": state.st_mtime_ns,
        "changed": state.st_ctime_ns,
        "inode": state.st_ino,
    }


def file_digest(path: Path) -> str:
    """sha256 of a file, hex."""
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


class Converted:
    """What is kept of the official file `path` in `folder`. `rules` name how the tensors are made of it: a copy that
    was made by others does not count."""

    def __init__(self, folder: Path, path: str, *, rules: str) -> None:
        self.name = path.replace("/", "-").rpartition(".")[0]
        self.folder = folder / FOLDER
        self.copy = self.folder / f"{self.name}.safetensors"
        self.note = self.folder / f"{self.name}.json"
        self.rules = hashlib.sha256(f"{LAYOUT} {rules}".encode()).hexdigest()

    def known_digest(self, stamp: Stamp) -> str | None:
        """The sha256 that a file of this look had; None where that is not known."""
        try:
            noted = json.loads(self.note.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(noted, dict) or noted.get("stamp") != stamp:
            return None
        digest = noted.get("sha256")
        return digest if isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest) else None

    def remember(self, stamp: Stamp, digest: str) -> None:
        """Notes the sha256 of a file of this look, where the folder can be written."""
        content = json.dumps({"stamp": stamp, "sha256": digest}).encode()
        self._write(self.note, lambda stream: stream.write(content))

    def tensors(self, digest: str) -> dict[str, Tensor] | None:
        """The copy, memory-mapped; None where there is none, it is damaged, or it was made of another content.

        Damage is a header that does not fit the file, another set of names and shapes than was written, and values
        that are no numbers. A bit that turns one number into another is not noticed.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.copy, framework="pt") as opened:
                about = opened.metadata() or {}
                if about.get("sha256") != digest or about.get("rules") != self.rules:
                    return None
                tensors: dict[str, Tensor] = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError):
            return None
        if about.get("outline") != _outline(tensors) or not all(map(finite, tensors.values())):
            return None
        return tensors

    def keep(self, tensors: Mapping[str, Tensor], digest: str) -> bool:
        """Writes a copy of `tensors`, made of a file with this sha256: whole or not at all. False where the folder
        cannot be written or the disk is full."""
        about = {"sha256": digest, "rules": self.rules, "outline": _outline(tensors)}

        def write(stream: BinaryIO) -> None:
            stream.write(_header(tensors, about))
            for value in tensors.values():
                value.contiguous().numpy().tofile(stream)

        return self._write(self.copy, write)

    def _write(self, target: Path, write: Callable[[BinaryIO], object]) -> bool:
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
        try:
            self.folder.mkdir(exist_ok=True)
            self._sweep()
            with temporary.open("xb") as stream:
                write(stream)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(target)
        except OSError:
            return False  # read-only, or full: the official file is still there and is read instead
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        return True

    def _sweep(self) -> None:
        for left in self.folder.glob(f".{self.name}.*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime > ABANDONED:
                    left.unlink()


def _outline(tensors: Mapping[str, Tensor]) -> str:
    """Digest of names and shapes."""
    shapes = sorted((name, str(value.dtype), list(value.shape)) for name, value in tensors.items())
    return hashlib.sha256(json.dumps(shapes).encode()).hexdigest()


def _header(tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> bytes:
    """Length and JSON that begin a safetensors file of float32 tensors, padded so that the numbers are aligned.

    The library's own writer keeps, in older versions, a second copy of all tensors in memory.
    """
    entries: dict[str, object] = {"__metadata__": dict(about)}
    for name, shape, start, end in _laid_out(tensors):
        entries[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(entries).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    return struct.pack("<Q", len(text)) + text


def _laid_out(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, list[int], int, int]]:
    start = 0
    for name, value in tensors.items():
        assert value.dtype == torch.float32
        end = start + value.numel() * value.element_size()
        yield name, list(value.shape), start, end
        start = end
