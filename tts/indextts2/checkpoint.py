"""The released files as plain tensors by official name: read safely, converted once, memory-mapped after that.

Knows file names and nesting; which tensors a part needs, and of what shape, is the part's own business.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tts.errors import BadWeights, EngineMissing
from tts.indextts2.weights import fold_weight_norm

CONVERTED = "converted"
"""Folder, beside the official files, that keeps what was made of them."""

LAYOUT = "1"
"""Version of what a converted file holds."""

CHUNK = 1 << 22
"""Bytes read at a time when a file is digested."""

HEADER_LIMIT = 100_000_000
"""Bytes: the longest header the safetensors format allows."""


@dataclass(frozen=True)
class File:
    """One official weight file: where it lies in the model's folder, and how its tensors are nested.

    `nest` are the keys to go down; `groups` those dictionaries below it whose names become prefixes; an `optional_`
    level or group is in some releases only; `dropped` are patterns of keys that are copies or caches of others.
    """

    path: str
    nest: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    optional_groups: tuple[str, ...] = ()
    optional_nest: str | None = None
    dropped: tuple[str, ...] = ()


GPT = File(
    "gpt.pth",
    optional_nest="model",
    dropped=(r"gpt\.wte\.weight", r"inference_model\..*", r".*\.attn\.(bias|masked_bias)"),
)
S2MEL = File("s2mel.pth", nest=("net",), groups=("cfm", "length_regulator"), optional_groups=("gpt_layer",))
CODEC_20 = File("semantic_codec/model.safetensors", dropped=(r"decoder\..*",))
CODEC_25 = File("codec.pth", nest=("model",))
SPEAKER = File("campplus_cn_common.bin")
VOCODER = File("bigvgan/bigvgan_generator.pt", nest=("generator",))
SEMANTIC = File(
    "w2v-bert-2.0/model.safetensors", dropped=(r"encoder\.layers\.(1[7-9]|2[0-9])\..*", r"adapter\..*")
)
STATISTICS = File("wav2vec2bert_stats.pt")
SPEAKER_MATRIX = File("feat1.pt")
EMOTION_MATRIX = File("feat2.pt")


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of one official file and the sha256 of that file."""

    tensors: dict[str, Tensor]
    digest: str


def load(folder: Path, file: File) -> Checkpoint:
    """The tensors of an official file, float32, weight norm folded, by official name.

    The first time the file is read (never running code that it may contain), checked to be finite and kept as
    safetensors in `folder/converted`; after that the copy is memory-mapped while the official file is unchanged.
    Where the folder cannot be written the official file is read every time. Raises EngineMissing where the file
    is not there, BadWeights where it is not what it must be.
    """
    source = folder / file.path
    if not source.is_file():
        raise EngineMissing(f"{file.path} is not in {folder}.")
    converted = folder / CONVERTED / (file.path.replace("/", "-").rsplit(".", 1)[0] + ".safetensors")
    stamp = _stamp(source)
    kept = _kept(converted, stamp)
    if kept is not None:
        return kept
    digest = file_digest(source)
    tensors = fold_weight_norm(flatten(read(source), file))
    _refuse_broken(tensors, file.path)
    if _keep(converted, tensors, {**stamp, "sha256": digest}):
        kept = _kept(converted, stamp)
        if kept is not None:
            return kept
    return Checkpoint(tensors, digest)


def read(path: Path) -> Any:
    """What a weight file holds: tensors in plain containers. Raises BadWeights for a file that holds anything else,
    is cut short or is damaged; code in a pickle is never run (`weights_only`)."""
    if path.suffix == ".safetensors":
        return _safetensors(path)
    # torch maps only its zip format; the older one is read whole
    mapped = zipfile.is_zipfile(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except MemoryError:
        raise
    except Exception as error:  # a hostile file makes the unpickler raise anything
        reason = str(error).partition("\n")[0][:200]
        raise BadWeights(f"{path.name} is not a file of plain weights, or is damaged: {reason}") from error


def flatten(content: Any, file: File) -> dict[str, Tensor]:
    """The official nesting undone: {name: float32 tensor}, a group's name before its tensors, `module.` stripped.

    Raises BadWeights where a level is missing or something else than a tensor lies among the weights.
    """
    if file.optional_nest and isinstance(content, Mapping) and set(content) == {file.optional_nest}:
        content = content[file.optional_nest]
    for level in file.nest:
        if not isinstance(content, Mapping) or level not in content:
            raise BadWeights(f"{file.path} has no part {level!r}.")
        content = content[level]
    if isinstance(content, Tensor):
        content = {"": content}
    if not isinstance(content, Mapping):
        raise BadWeights(f"{file.path} holds a {type(content).__name__} where weights by name belong.")
    if file.groups:
        missing = [group for group in file.groups if group not in content]
        if missing:
            raise BadWeights(f"{file.path} has no part {missing[0]!r}.")
        content = {
            f"{group}.{str(name).removeprefix('module.')}": value
            for group in (*file.groups, *file.optional_groups)
            for name, value in _mapping(content.get(group, {}), file, group).items()
        }
    dropped = re.compile("|".join(f"(?:{pattern})" for pattern in file.dropped) or r"(?!)")
    return {
        str(name): _plain(value, str(name), file)
        for name, value in content.items()
        if not dropped.fullmatch(str(name))
    }


def file_digest(path: Path) -> str:
    """sha256 of a file, hex."""
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


def _mapping(value: Any, file: File, group: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise BadWeights(f"{file.path} holds a {type(value).__name__} as its part {group!r}.")
    return value


def _plain(value: Any, name: str, file: File) -> Tensor:
    if not isinstance(value, Tensor):
        raise BadWeights(f"{file.path} holds a {type(value).__name__} as {name!r} where a tensor belongs.")
    if value.layout != torch.strided or value.is_quantized or value.is_complex() or value.is_meta:
        raise BadWeights(f"{file.path} holds {name!r} in a form that is not plain numbers.")
    return value.detach().float() if value.is_floating_point() else value.detach()


def _refuse_broken(tensors: Mapping[str, Tensor], path: str) -> None:
    for name, value in tensors.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise BadWeights(f"{path} has values that are not numbers in {name or 'its tensor'}.")


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise BadWeights(f"{path.name} is not a safetensors file, or is damaged: {error}") from error


def _stamp(source: Path) -> dict[str, str]:
    """What changes when a file is replaced, without reading it."""
    state = source.stat()
    return {"layout": LAYOUT, "size": str(state.st_size), "modified": str(state.st_mtime_ns)}


def _kept(converted: Path, stamp: Mapping[str, str]) -> Checkpoint | None:
    """The converted file, memory-mapped; None where there is none, it is damaged, or made of another file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(converted, framework="pt") as opened:
            about = opened.metadata() or {}
            if any(about.get(key) != value for key, value in stamp.items()) or "sha256" not in about:
                return None
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError):
        return None
    return Checkpoint(
        {("" if name == _NAMELESS else name): value for name, value in tensors.items()}, about["sha256"]
    )


_NAMELESS = "tensor"
"""What a file's only tensor is called when it has no name."""


def _keep(converted: Path, tensors: Mapping[str, Tensor], about: dict[str, str]) -> bool:
    """Writes the converted file, whole or not at all; False where the folder cannot be written."""
    from safetensors.torch import save_file

    plain = {name or _NAMELESS: value.contiguous() for name, value in _unshared(tensors)}
    try:
        converted.parent.mkdir(exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=converted.parent, prefix=".", suffix=".tmp")
    except OSError:
        return False
    os.close(handle)
    try:
        save_file(plain, temporary, metadata=about)
        with Path(temporary).open("rb+") as stream:
            os.fsync(stream.fileno())
        Path(temporary).replace(converted)
    except OSError:
        return False  # the disk is full, say: the official file is still there and is read instead
    finally:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
    return True


def _unshared(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Every tensor with memory of its own: the format refuses views of one storage."""
    seen: set[int] = set()
    for name, value in tensors.items():
        address = value.untyped_storage().data_ptr()
        yield name, value.clone() if address in seen else value
        seen.add(address)
