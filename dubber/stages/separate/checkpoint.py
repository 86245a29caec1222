"""A released Demucs network read as data, from safetensors or an old .th file.

Nothing in a file is run, imported or constructed but the one network class that dubber uses, with arguments within
bounds and tensors that fit it exactly. What the network does is `demucs`'s.
"""

from __future__ import annotations

import inspect
import json
import re
import struct
import zipfile
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from dubber.errors import MissingError
from dubber.models import store as models
from dubber.stages.separate.rates import NETWORK_RATE

KLASS = "demucs.htdemucs.HTDemucs"
"""The one class that a file may name."""

SOURCES = ("drums", "bass", "other", "vocals")
"""What the released networks take apart, in their order."""
VOCALS = SOURCES.index("vocals")

HEADER_BYTES = 1 << 20
"""The header of the released network's 533 tensors takes about 60 kB."""
FILE_BYTES = 1 << 30
"""A released network has 84 MB (float16), or twice that."""
PARAMETERS = 200_000_000
"""The released network has 42 million."""

LONGEST_SEGMENT_S = 60
NUMBER = 100_000
"""No argument of the released networks exceeds 44,100."""
COUNTS = {"depth": 8, "t_layers": 32, "dconv_depth": 8, "multi_freqs_depth": 8}
"""At most so many layers, which cost time each before there is any tensor."""
FIXED: Mapping[str, object] = {
    "audio_channels": 2,
    "samplerate": NETWORK_RATE,
    "cac": True,
    "use_train_segment": True,
    "t_emb": "sin",
    "t_sin_random_shift": 0,
    "t_sparse_self_attn": False,
    "t_sparse_cross_attn": False,
}
"""Arguments that have one value in every released network: no dice at inference, no kernels of other packages."""

LIST = 16
"""Entries of a list among the arguments; the longest released one has four."""

SHOWN = 3
"""How many tensors a message names before it counts the rest."""


def load(path: Path) -> Any:
    """The network in one file: float32 on the CPU, ready to run (an HTDemucs). Raises MissingError."""
    read = _legacy if path.suffix == ".th" else _safetensors
    try:
        size = path.stat().st_size
    except OSError as error:
        raise refused(path, "it cannot be read") from error
    if size > FILE_BYTES:
        raise refused(path, "it is far larger than any released network")
    args, kwargs, tensors = read(path)
    network = _built(path, args, kwargs)
    network.load_state_dict(_fitting(path, network.state_dict(), tensors), assign=True)
    network.requires_grad_(False)
    return network.eval()


def refused(path: Path, reason: str) -> MissingError:
    return MissingError(
        f"{path.name} cannot be used: {reason}.",
        hint=f"Bring it again with `dubber models pull {path.parent.name} --again`.",
    )


def is_number(value: object, low: float, high: float) -> bool:
    kind = isinstance(value, int | float | Fraction) and not isinstance(value, bool)
    return kind and low < value <= high  # type: ignore[operator]  # also False for NaN


def _safetensors(path: Path) -> tuple[Any, Any, dict[str, Any]]:
    """(args, kwargs, tensors) of a file in the hub's format: demucs/hf.py says what its metadata holds."""
    from safetensors import SafetensorError, safe_open

    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = file.read(length) if length <= HEADER_BYTES else b""
        metadata = json.loads(header, object_pairs_hook=_once)["__metadata__"]
        klass, args, kwargs = (
            metadata["klass"],
            *(json.loads(metadata[one], object_pairs_hook=_once) for one in ("args", "kwargs")),
        )
        structured = "structure" in metadata
        with safe_open(path, framework="pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - it is no mapping
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        RecursionError,
        struct.error,
        SafetensorError,
    ) as error:
        raise refused(path, "it is damaged, or is not the safetensors file of a Demucs network") from error
    if klass != KLASS:
        raise refused(path, f"it is not a network of the kind {KLASS}")
    if structured:
        raise refused(path, "its weights are packed in a way that dubber does not unpack")
    return _decoded(args), _decoded(kwargs), tensors


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError for a name that is there twice: of two readers, each might take another."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _decoded(value: Any) -> Any:
    """JSON with fractions written as {"_type": "fraction", "numerator": …, "denominator": …}."""
    if isinstance(value, dict) and value.get("_type") == "fraction":
        return _fraction(value.get("numerator"), value.get("denominator"))
    if isinstance(value, dict):
        return {key: _decoded(one) for key, one in value.items()}
    return [_decoded(one) for one in value] if isinstance(value, list) else value


def _fraction(numerator: Any, denominator: Any = 1) -> Fraction | None:
    """A fraction of two small numbers, or of a text such as "39/5"; None for anything else, however it came here."""
    if isinstance(numerator, str) and re.fullmatch(r"\d{1,6}(/\d{1,6})?", numerator):
        numerator, _, written = numerator.partition("/")
        numerator, denominator = int(numerator), int(written or 1)
    if not (is_number(numerator, 0, 10 * NUMBER) and is_number(denominator, 0, 10 * NUMBER)):
        return None
    whole = isinstance(numerator, int) and isinstance(denominator, int)
    return Fraction(numerator, denominator) if whole else None


class _Named:
    """Stands for the network's class while a pickle that names it is read, so that no pickle makes a network."""


def _legacy(path: Path) -> tuple[Any, Any, Mapping[str, Any]]:
    """(args, kwargs, tensors) of a .th file of demucs 4.0. No code in it runs: a name that is not known ends it."""
    import torch

    _, dash, checksum = path.stem.partition("-")
    if dash and not (checksum and models.hash_file(path).startswith(checksum)):
        raise refused(path, "its content has another checksum than its name says")
    known = [(_Named, KLASS), (_fraction, "fractions.Fraction")]
    try:
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(one.file_size for one in packed.infolist())
        if unpacked > FILE_BYTES:
            raise ValueError("it unpacks to far more than any released network")
        with torch.serialization.safe_globals(known):  # type: ignore[arg-type]  # its own pairs
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        klass, args, kwargs, state = (content[one] for one in ("klass", "args", "kwargs", "state"))
        tensors = dict(state.items())
    except Exception as error:
        raise refused(path, "it is damaged, or holds something else than the weights of a network") from error
    if klass is not _Named:
        raise refused(path, f"it is not a network of the kind {KLASS}")
    return args, kwargs, tensors


def _built(path: Path, args: Any, kwargs: Any) -> Any:
    """The network without weights, which take no memory yet."""
    import torch
    from demucs.htdemucs import HTDemucs

    signature = inspect.signature(HTDemucs)
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        raise refused(path, "it has other settings than a network of its kind takes") from error
    bound.apply_defaults()
    for name, value in bound.arguments.items():
        if not _is_allowed(name, value):
            raise refused(path, f"dubber runs no network with this {name}")
    try:
        with torch.device("meta"):
            network = HTDemucs(*bound.args, **bound.kwargs)
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
        ImportError,
    ) as error:
        raise refused(path, "its settings do not make a network") from error
    if sum(one.numel() for one in network.parameters()) > PARAMETERS:
        raise refused(path, "it is far larger than any released network")
    return network


def _is_allowed(name: str, value: Any) -> bool:
    if name in FIXED:
        return type(value) is type(FIXED[name]) and value == FIXED[name]
    if name == "sources":
        return isinstance(value, list | tuple) and tuple(value) == SOURCES
    if name == "segment":
        return is_number(value, 0, LONGEST_SEGMENT_S) and int(value * NETWORK_RATE) >= NETWORK_RATE // 10
    if name in COUNTS:
        return isinstance(value, int) and 0 <= value <= COUNTS[name]
    if isinstance(value, list | tuple):
        return len(value) <= LIST and all(is_number(one, 0, NUMBER) for one in value)
    return value is None or isinstance(value, bool | str) or value == 0 or is_number(value, 0, NUMBER)


def _fitting(path: Path, wanted: Mapping[str, Any], tensors: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors as float32 of their own memory: every one that is wanted, no other, in its shape, all finite."""
    import torch

    def plain(value: Any) -> bool:
        return isinstance(value, torch.Tensor) and value.layout == torch.strided and value.is_floating_point()

    for what, names in (
        ("lacks", [name for name in wanted if name not in tensors]),
        ("has the unknown", [str(name) for name in tensors if name not in wanted]),
        ("has something else than numbers as", [name for name in wanted if not plain(tensors.get(name))]),
        (
            "has the misshapen",
            [
                name
                for name in wanted
                if plain(tensors.get(name)) and tensors[name].shape != wanted[name].shape
            ],
        ),
    ):
        if names:
            raise refused(path, f"it {what} {_listed(names)}")
    made = {name: tensors[name].detach().to(torch.float32, copy=True).contiguous() for name in wanted}
    if broken := [name for name, value in made.items() if not bool(value.isfinite().all())]:
        raise refused(path, f"it has values that are not numbers in {_listed(broken)}")
    return made


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"
