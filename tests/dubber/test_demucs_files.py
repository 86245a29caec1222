"""Files that say they are Demucs: exactly a network and a bag, new or old, or refused in a sentence. None runs."""

from __future__ import annotations

import json
import shutil
import struct
import zipfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file
from stems import difference_db, separated, sound

from bench.tiny import demucs as tiny
from dubber.audio import AudioFile
from dubber.errors import DubberError, MissingError
from dubber.stages.separate.demucs import Demucs

SIGNATURE = tiny.BAGS["htdemucs"][0]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    tiny.write(folder / "htdemucs")
    return folder


@pytest.fixture
def store(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of one's own, to be spoiled."""
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path / "models"))
    return Path(shutil.copytree(written, tmp_path / "models"))


# --- old files


@lru_cache
def network() -> torch.nn.Module:
    """The one that is in the bag htdemucs."""
    return tiny.network(0)


def old_file(folder: Path, content: Any = None, *, name: str = "") -> Path:
    """Puts a .th file as demucs 4.0 wrote them in place of the bag's safetensors."""
    from hashlib import sha256

    from demucs.htdemucs import HTDemucs

    state = {key: value.half() for key, value in network().state_dict().items()}
    package = {"klass": HTDemucs, "args": (), "kwargs": dict(tiny.TINY), "state": state}
    package["training_args"] = {"epochs": 360, "dset": {"segment": 10}}
    (folder / f"{SIGNATURE}.safetensors").unlink(missing_ok=True)
    path = folder / "new.th"
    torch.save(package if content is None else content(package), path)
    checksum = sha256(path.read_bytes()).hexdigest()[:8]
    return path.rename(folder / (name or f"{SIGNATURE}-{checksum}.th"))


@pytest.mark.parametrize("name", ["", f"{SIGNATURE}.th"])
def test_the_old_files_work_by_hand(store: Path, tmp_path: Path, name: str) -> None:
    source = sound(40_000)
    expected = separated(tmp_path, source)
    old_file(store / "htdemucs", name=name)
    assert difference_db(separated(tmp_path, source), expected) < -50, "as near as half precision comes"


# --- files that are not what they say


class Payload:
    """Touches a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def rewritten(path: Path, tensors: Callable[[dict[str, Any]], Any] | None = None, **metadata: str) -> None:
    """The safetensors file with other tensors or metadata."""
    state = load_file(path)
    if tensors is not None:
        tensors(state)
    told = {"klass": "demucs.htdemucs.HTDemucs", "args": "[]"}
    told["kwargs"] = json.dumps(dict(tiny.TINY), default=tiny.encoded)
    save_file(state, path, metadata={**told, **metadata})


def arguments(**changed: Any) -> dict[str, str]:
    return {"kwargs": json.dumps({**tiny.TINY, **changed}, default=tiny.encoded)}


def headed(path: Path, change: Callable[[bytes], bytes], length: int | None = None) -> None:
    """The file with another header, its length told truly or not."""
    data = path.read_bytes()
    (old,) = struct.unpack("<Q", data[:8])
    header = change(data[8 : 8 + old])
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + data[8 + old :])


def first(state: dict[str, Any]) -> str:
    return next(name for name in state if name.endswith("weight"))


WEIGHTS: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "no safetensors": lambda path: path.write_bytes(b"\x80\x04" * 5000),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-1000]),
    "cut inside its header": lambda path: path.write_bytes(path.read_bytes()[:1000]),
    "longer than it says": lambda path: path.write_bytes(path.read_bytes() + b"more"),
    "header of 8 EiB": lambda path: headed(path, lambda header: header, length=2**63),
    "header longer than the file": lambda path: headed(path, lambda header: header, length=2**31),
    "offsets past the end": lambda path: headed(
        path, lambda header: header.replace(b'"data_offsets":[0,', b'"data_offsets":[9,', 1)
    ),
    "a name twice": lambda path: headed(path, lambda header: b'{"__metadata__":{},' + header[1:]),
    "no metadata": lambda path: save_file(load_file(path), path),
    "metadata without a class": lambda path: save_file(load_file(path), path, metadata={"args": "[]"}),
    "another class": lambda path: rewritten(path, klass="os.system"),
    "another network": lambda path: rewritten(path, klass="demucs.hdemucs.HDemucs"),
    "packed weights": lambda path: rewritten(path, structure='{"_class": "os.system"}'),
    "arguments that are no JSON": lambda path: rewritten(path, kwargs="__import__('os')"),
    "arguments without end": lambda path: rewritten(path, kwargs="[" * 100_000),
    "arguments that are a number": lambda path: rewritten(path, kwargs="3"),
    "positional arguments as text": lambda path: rewritten(path, args='"abc"'),
    "an unknown argument": lambda path: rewritten(path, **arguments(payload="x")),
    "an argument twice": lambda path: rewritten(path, kwargs='{"sources": [], "sources": []}'),
    "vast width": lambda path: rewritten(path, **arguments(channels=10**9)),
    "large width": lambda path: rewritten(path, **arguments(channels=90_000)),
    "vast depth": lambda path: rewritten(path, **arguments(t_layers=10**9)),
    "negative width": lambda path: rewritten(path, **arguments(channels=-8)),
    "width that is text": lambda path: rewritten(path, **arguments(channels="8")),
    "width that is not a number": lambda path: rewritten(path, kwargs='{"sources": [], "channels": NaN}'),
    "chance": lambda path: rewritten(path, **arguments(t_sin_random_shift=100)),
    "foreign kernels": lambda path: rewritten(path, **arguments(t_sparse_self_attn=True)),
    "another rate": lambda path: rewritten(path, **arguments(samplerate=48_000)),
    "other sources": lambda path: rewritten(path, **arguments(sources=["vocals", "drums", "bass", "other"])),
    "no segment": lambda path: rewritten(path, **arguments(segment=0)),
    "an endless segment": lambda path: rewritten(path, **arguments(segment=10**8)),
    "a segment over nothing": lambda path: rewritten(
        path, **arguments(segment={"_type": "fraction", "numerator": 1, "denominator": 0})
    ),
    "a tensor too many": lambda path: rewritten(path, lambda state: state.update(payload=torch.zeros(1))),
    "a tensor too few": lambda path: rewritten(path, lambda state: state.pop(first(state))),
    "a misshapen tensor": lambda path: rewritten(
        path, lambda state: state.update({first(state): state[first(state)][:1].clone()})
    ),
    "whole numbers": lambda path: rewritten(
        path, lambda state: state.update({first(state): state[first(state)].int()})
    ),
    "NaN": lambda path: rewritten(path, lambda state: state[first(state)].view(-1)[:1].fill_(float("nan"))),
    "infinity": lambda path: rewritten(
        path, lambda state: state[first(state)].view(-1)[:1].fill_(float("inf"))
    ),
}

OLD: dict[str, Callable[[Path, Path], object]] = {
    "code": lambda folder, mark: old_file(folder, lambda _: Payload(mark)),
    "code among weights": lambda folder, mark: old_file(
        folder, lambda package: {**package, "state": {**package["state"], "x": Payload(mark)}}
    ),
    "another class": lambda folder, _: old_file(
        folder, lambda package: {**package, "klass": torch.nn.Conv1d}
    ),
    "a network for a class": lambda folder, _: old_file(
        folder, lambda package: {**package, "klass": network()}
    ),
    "a vast fraction": lambda folder, _: old_file(
        folder, lambda package: {**package, "kwargs": {**tiny.TINY, "segment": Fraction(10**400)}}
    ),
    "an unknown argument": lambda folder, _: old_file(
        folder, lambda package: {**package, "kwargs": {**tiny.TINY, "payload": 1}}
    ),
    "a tensor too few": lambda folder, _: old_file(
        folder, lambda package: {**package, "state": dict(list(package["state"].items())[1:])}
    ),
    "tensors that repeat one number": lambda folder, _: old_file(
        folder,
        lambda package: {
            **package,
            "kwargs": {**tiny.TINY, "bottom_channels": 90_000},
            "state": {"x": torch.zeros(1).expand(10**9)},
        },
    ),
    "NaN": lambda folder, _: old_file(
        folder,
        lambda package: {
            **package,
            "state": {key: value * np.nan for key, value in package["state"].items()},
        },
    ),
    "text for weights": lambda folder, _: old_file(folder, lambda package: {**package, "state": "x"}),
    "a list": lambda folder, _: old_file(folder, lambda package: [package]),
    "another checksum": lambda folder, _: old_file(folder, name=f"{SIGNATURE}-0badc0de.th"),
    "an empty checksum": lambda folder, _: old_file(folder, name=f"{SIGNATURE}-.th"),
    "two of them": lambda folder, _: [old_file(folder), old_file(folder, name=f"{SIGNATURE}.th")],
    "cut short": lambda folder, _: cut(old_file(folder, name=f"{SIGNATURE}.th")),
    "no zip": lambda folder, _: old_file(folder, name=f"{SIGNATURE}.th").write_bytes(b"\x80\x02c" * 1000),
    "far larger inside than outside": lambda folder, _: bomb(old_file(folder, name=f"{SIGNATURE}.th")),
}


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2000])


def bomb(path: Path) -> None:
    """2 GiB of zeros in 2 MB."""
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed,
        packed.open("x/data/0", "w", force_zip64=True) as one,
    ):
        for _ in range(2):
            one.write(bytes(1 << 20))


BAGS = {
    "empty": "",
    "a text": "models",
    "no models": "weights: []",
    "nothing in the bag": "models: []",
    "something else beside": "models: ['955717e8']\nmodel: x",
    "another folder": "models: ['../evil0']",
    "a long way up": "models: ['../../../../../../etc/passwd']",
    "an absolute path": "models: ['/etc/passwd']",
    "a name with a star": "models: ['*']",
    "numbers": "models: [1]",
    "a nest": "models: [['955717e8']]",
    "a thousand models": f"models: {['955717e8'] * 1000}",
    "code": "models: !!python/object/apply:pathlib.Path.touch ['{mark}']",
    "code for a signature": "models: [!!python/object/apply:os.system ['touch {mark}']]",
    "no yaml": "models: [",
    "depth": "[" * 4000,
    "length": "models: ['955717e8']\n" + "#" * 5000,
    "bytes": "\x00\x01",
    "an impossible day": "models: 2001-99-99",
    "weights of another width": "models: ['955717e8']\nweights: [[1, 1]]",
    "weights that are no numbers": "models: ['955717e8']\nweights: [[1, 1, 1, .nan]]",
    "negative weights": "models: ['955717e8']\nweights: [[1, 1, 1, -1]]",
    "no share of the vocals": "models: ['955717e8']\nweights: [[1, 1, 1, 0]]",
    "a segment that is a word": "models: ['955717e8']\nsegment: long",
    "a network that is not there": "models: ['00000000']",
}


def refused(folder: Path, tmp_path: Path) -> None:
    """The bag is not used, in one sentence with a hint, and nothing in it has run."""
    soundfile.write(tmp_path / "a.wav", np.zeros((10, 2)), 48_000)
    with pytest.raises(DubberError) as told:
        Demucs(folder.name, device="cpu").separate(AudioFile(tmp_path / "a.wav"), [], tmp_path / "b.wav")
    assert isinstance(told.value, MissingError)
    assert str(told.value).endswith(".") and "\n" not in str(told.value) and len(str(told.value)) < 300
    assert told.value.hint
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "b.wav").exists()


@pytest.mark.parametrize("attack", sorted(WEIGHTS))
def test_a_file_that_is_not_exactly_a_network_is_refused(store: Path, tmp_path: Path, attack: str) -> None:
    WEIGHTS[attack](store / "htdemucs" / f"{SIGNATURE}.safetensors")
    refused(store / "htdemucs", tmp_path)


@pytest.mark.parametrize("attack", sorted(OLD))
def test_an_old_file_that_is_not_exactly_a_network_is_refused(
    store: Path, tmp_path: Path, attack: str
) -> None:
    OLD[attack](store / "htdemucs", tmp_path / "ran")
    refused(store / "htdemucs", tmp_path)


@pytest.mark.parametrize("attack", sorted(BAGS))
def test_a_bag_that_is_not_plain_is_refused(store: Path, tmp_path: Path, attack: str) -> None:
    (store / "evil0.safetensors").write_bytes((store / "htdemucs" / f"{SIGNATURE}.safetensors").read_bytes())
    text = BAGS[attack].replace("{mark}", str(tmp_path / "ran"))
    (store / "htdemucs" / "htdemucs.yaml").write_text(text)
    refused(store / "htdemucs", tmp_path)


def test_the_payloads_would_run_elsewhere(tmp_path: Path) -> None:
    torch.save(Payload(tmp_path / "ran"), tmp_path / "a.th")
    torch.load(tmp_path / "a.th", weights_only=False)
    assert (tmp_path / "ran").exists()
