"""The released files as plain tensors by official name: read safely, never run, refused unless whole and finite.

Knows file names and nesting. Which tensors a part needs, and of what shape, is the part's own business; what is kept of
a file that was read once is `converted`'s.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tts.errors import BadWeights, EngineMissing
from tts.indextts2.converted import Converted, file_digest, stamp_of
from tts.indextts2.weights import any_of, finite, fold_weight_norm

LONE = "tensor"
"""What a file's only tensor is called where the file gives it no name."""

FLOATS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
"""The kinds of number that weights are stored in; they all become float32."""

REASON = 200
"""Characters of a library's own message that an error repeats."""


@dataclass(frozen=True)
class File:
    """One official weight file: where it lies in the model's folder, and how its tensors are nested.

    `nest` are the keys to go down, `optional_nest` one that some releases have above all others; `groups` those
    dictionaries below whose names become prefixes (what lies beside them is training's), `optional_groups` those that
    only some releases have; `dropped` are patterns of keys that are copies, caches or counters. `lone` says that the
    file is one tensor and no dictionary; `names`, where given, are all that it holds.
    """

    path: str
    nest: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    optional_groups: tuple[str, ...] = ()
    optional_nest: str | None = None
    dropped: tuple[str, ...] = ()
    lone: bool = False
    names: tuple[str, ...] = ()


GPT = File(
    "gpt.pth",
    optional_nest="model",
    dropped=(r"gpt\.wte\.weight", r"inference_model\..*", r"gpt\.h\.\d+\.attn\.(bias|masked_bias)"),
)
S2MEL = File(
    "s2mel.pth",
    nest=("net",),
    groups=("cfm", "length_regulator"),
    optional_groups=("gpt_layer",),
    dropped=(r"cfm\.estimator\.input_pos",),
)
S2MEL_25 = File(
    "s2mel.pth",
    nest=("net",),
    groups=("cfm", "length_regulator"),
    dropped=(r"cfm\.estimator\.input_pos",),
)
CODEC_20 = File("semantic_codec/model.safetensors", dropped=(r"decoder\..*",))
CODEC_25 = File("codec.pth", nest=("model",))
SPEAKER = File("campplus_cn_common.bin", dropped=(r".*\.num_batches_tracked",))
VOCODER = File("bigvgan/bigvgan_generator.pt", nest=("generator",))
SEMANTIC = File(
    "w2v-bert-2.0/model.safetensors", dropped=(r"encoder\.layers\.(1[7-9]|2[0-9])\..*", r"adapter\..*")
)
STATISTICS = File("wav2vec2bert_stats.pt", names=("mean", "var"))
SPEAKER_MATRIX = File("feat1.pt", lone=True)
EMOTION_MATRIX = File("feat2.pt", lone=True)


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of one official file and the sha256 of that file."""

    tensors: dict[str, Tensor]
    digest: str


def load(folder: Path, file: File) -> Checkpoint:
    """The tensors of an official file: float32, finite, weight norm folded, by official name.

    The first time the file is read and a copy kept in `folder/converted`; after that the copy is memory-mapped for as
    long as it was made of a file of this content. Where nothing can be written the official file is read every time.
    A file that is damaged and still reads as finite numbers of the right shape is not noticed here: comparing `digest`
    with the release's is for whoever has the release's record. Raises EngineMissing where the file is not there,
    BadWeights where it is not what it must be.
    """
    source = folder / file.path
    if not source.is_file():
        raise EngineMissing(f"{file.path} is not in {folder}.")
    kept = Converted(folder, file.path, rules=repr(file))
    stamp = stamp_of(source)
    digest = kept.known_digest(stamp)
    if digest is None:
        digest = file_digest(source)
        kept.remember(stamp, digest)
    tensors = kept.tensors(digest)
    if tensors is not None:
        return Checkpoint(tensors, digest)
    tensors = fold(flatten(read(source), file), file)
    if stamp_of(source) != stamp:
        raise BadWeights(f"{file.path} was changed while it was read.")
    if kept.keep(tensors, digest):
        tensors = kept.tensors(digest) or tensors
    return Checkpoint(tensors, digest)


def read(path: Path) -> Any:
    """What a weight file holds: tensors in plain containers. Raises BadWeights for a file that holds anything else,
    is cut short or is damaged; code in a pickle is never run (`weights_only`)."""
    try:
        if path.suffix == ".safetensors":
            return _safetensors(path)
        # torch maps only its zip format; the older one is read whole
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:
        reason = str(error).partition("\n")[0].partition(". If you")[0][:REASON] or "it ends too early"
        if reason.startswith("Weights only"):  # torch goes on to say how the code in it would be let run
            reason = "it holds more than tensors"
        elif "PytorchStreamReader" in reason:
            reason = "it ends too early"
        raise BadWeights(f"{path.name} is not a file of plain weights, or is damaged: {reason}") from error


def flatten(content: Any, file: File) -> dict[str, Tensor]:
    """The official nesting undone: {name: float32 tensor}, a group's name before its tensors, `module.` stripped.

    Raises BadWeights where a level or name is missing, is there twice or is not known, and where something else than a
    tensor of plain floats lies among the weights.
    """
    if file.lone:
        return {LONE: _plain(content, "its only entry", file)}
    content = _mapping(content, file, "weights by name")
    if file.optional_nest in content:
        content = _mapping(content[file.optional_nest], file, repr(file.optional_nest))
    for level in file.nest:
        content = _level(content, level, file)
    pairs: Iterable[tuple[Any, Any]] = content.items()
    if file.groups:
        there = (group for group in file.optional_groups if group in content)
        pairs = (
            (f"{group}.{str(name).removeprefix('module.')}", value)
            for group in (*file.groups, *there)
            for name, value in _level(content, group, file).items()
        )
    dropped = any_of(file.dropped)
    tensors = {
        name: _plain(value, repr(name), file)
        for name, value in _named(pairs, file).items()
        if not dropped.fullmatch(name)
    }
    if file.names and set(tensors) != set(file.names):
        raise BadWeights(f"{file.path} holds {sorted(tensors)} where {sorted(file.names)} belong.")
    return tensors


def fold(tensors: Mapping[str, Tensor], file: File) -> dict[str, Tensor]:
    """Weight norm folded, every value a number. Raises BadWeights, naming the file."""
    try:
        folded = fold_weight_norm(tensors)
    except BadWeights as error:
        raise BadWeights(f"{file.path}: {error}") from error
    for name, value in folded.items():
        if not finite(value):
            raise BadWeights(f"{file.path} has values that are not numbers in {name!r}.")
    return folded


def _level(content: Mapping[Any, Any], name: str, file: File) -> Mapping[Any, Any]:
    if name not in content:
        raise BadWeights(f"{file.path} has no part {name!r}.")
    return _mapping(content[name], file, f"the part {name!r}")


def _mapping(value: Any, file: File, what: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise BadWeights(f"{file.path} holds a {type(value).__name__} where {what} belongs.")
    return value


def _named(pairs: Iterable[tuple[Any, Any]], file: File) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, value in pairs:
        if not isinstance(name, str):
            raise BadWeights(f"{file.path} has {type(name).__name__} {name!r} for a name.")
        if name in named:
            raise BadWeights(f"{file.path} has {name!r} twice.")
        named[name] = value
    return named


def _plain(value: Any, name: str, file: File) -> Tensor:
    """The float32 form of what must be a tensor of floats that lie one by one in memory."""
    if not isinstance(value, Tensor):
        raise BadWeights(f"{file.path} holds a {type(value).__name__} as {name} where a tensor belongs.")
    if value.dtype not in FLOATS:
        kind = str(value.dtype).removeprefix("torch.")
        raise BadWeights(f"{file.path} holds numbers of kind {kind} as {name} where floats belong.")
    if value.layout != torch.strided or value.is_nested or value.device.type != "cpu":
        raise BadWeights(f"{file.path} holds {name} in a form that is no plain array.")
    if value.untyped_storage().nbytes() < value.numel() * value.element_size():
        # a view that repeats few numbers can claim any size
        raise BadWeights(
            f"{file.path} holds {name} with fewer numbers than its shape {list(value.shape)} has."
        )
    return value.detach().float()


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as opened:
        _refuse_repeated(path)
        return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - it is no mapping


def _refuse_repeated(path: Path) -> None:
    """Raises ValueError for a name that the header of a safetensors file has twice: the library takes the last."""
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = stream.read(length)

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
        return found

    json.loads(header, object_pairs_hook=once)
