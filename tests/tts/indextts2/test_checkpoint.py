"""A weight file is read once, kept in a form that is mapped, and the copy never counts for more than its original."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
from files import KEY, PARTS, WEIGHTS, alter, content, linked, replace, store
from torch import Tensor

from tts.errors import BadWeights
from tts.indextts2 import checkpoint, converted
from tts.indextts2.weights import finite, fold_weight_norm, load_strict

FILE = WEIGHTS["vocoder"]
COPY = "bigvgan-bigvgan_generator"
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def mine(folder: Path, tmp_path: Path) -> Path:
    """A release of links, nothing of it converted."""
    target = linked(folder, tmp_path / "mine")
    kept = target / converted.FOLDER
    for path in kept.iterdir() if kept.exists() else ():
        path.unlink()
    return target


def copy_of(folder: Path) -> Path:
    return folder / converted.FOLDER / f"{COPY}.safetensors"


def left_in(folder: Path) -> set[str]:
    kept = folder / converted.FOLDER
    return {path.name for path in kept.iterdir()} if kept.exists() else set()


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return set(a) == set(b) and all(torch.equal(a[name], b[name]) for name in a)


def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> NoReturn:
        raise AssertionError(f"{path} was opened")

    monkeypatch.setattr(checkpoint, "read", fail)
    monkeypatch.setattr(checkpoint, "file_digest", fail)


@pytest.mark.parametrize("part", PARTS)
def test_what_was_converted_is_what_was_read_and_the_original_is_not_opened_again(
    mine: Path, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = WEIGHTS[part]
    original = checkpoint.fold(checkpoint.flatten(checkpoint.read(mine / file.path), file), file)
    first = checkpoint.load(mine, file)
    unread(monkeypatch)
    second = checkpoint.load(mine, file)
    assert same(first.tensors, original)
    assert same(second.tensors, original)
    assert second.digest == first.digest == converted.file_digest(mine / file.path)
    assert not any(name.startswith(".") for name in left_in(mine))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks at the process's own maps")
def test_tensors_lie_in_the_mapped_file_and_in_no_memory_of_their_own(mine: Path) -> None:
    tensors = checkpoint.load(mine, FILE).tensors
    path = str(copy_of(mine).resolve())
    ranges = [
        tuple(int(end, 16) for end in line.split()[0].split("-"))
        for line in Path("/proc/self/maps").read_text().splitlines()
        if line.endswith(path)
    ]
    for value in tensors.values():
        assert any(start <= value.data_ptr() < end for start, end in ranges)
    module = torch.nn.Module()
    module.register_parameter("bias", torch.nn.Parameter(torch.empty(128, device="meta")))
    load_strict(module, {"bias": tensors[KEY["vocoder"]]}, "It")
    assert module.get_parameter("bias").data_ptr() == tensors[KEY["vocoder"]].data_ptr()


def test_the_copy_is_a_file_that_the_format_s_own_library_reads(mine: Path) -> None:
    tensors = checkpoint.load(mine, FILE).tensors
    assert same(content(copy_of(mine)), tensors)
    assert (int.from_bytes(copy_of(mine).read_bytes()[:8], "little") + 8) % converted.ALIGNMENT == 0


def _touch(path: Path) -> None:
    whole = path.read_bytes()
    replace(path, whole)
    os.utime(path, ns=(1, 1))


def test_an_original_that_only_looks_different_is_digested_and_not_converted_again(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = checkpoint.load(mine, FILE)
    _touch(mine / FILE.path)
    monkeypatch.setattr(checkpoint, "read", lambda path: pytest.fail("was read"))
    assert checkpoint.load(mine, FILE).digest == before.digest
    unread(monkeypatch)  # … and digested once
    assert same(checkpoint.load(mine, FILE).tensors, before.tensors)


def test_an_original_of_the_same_size_and_time_is_noticed(mine: Path) -> None:
    path = mine / FILE.path
    _touch(path)
    before, state = checkpoint.load(mine, FILE), path.stat()
    damaged = bytearray(path.read_bytes())
    value = before.tensors[KEY["vocoder"]]
    place = damaged.find(value.numpy().tobytes())
    damaged[place : place + 4] = b"\0\0\0\0"
    replace(path, bytes(damaged))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    after = checkpoint.load(mine, FILE)
    assert path.stat().st_size == state.st_size
    assert path.stat().st_mtime_ns == state.st_mtime_ns
    assert after.digest != before.digest
    assert after.tensors[KEY["vocoder"]][0] == 0 != before.tensors[KEY["vocoder"]][0]


def test_a_changed_original_is_converted_again_and_a_broken_one_refused(mine: Path) -> None:
    before = checkpoint.load(mine, FILE)
    alter(mine, "vocoder", lambda tensors: tensors[KEY["vocoder"]].fill_(0.5))
    after = checkpoint.load(mine, FILE)
    assert after.digest != before.digest
    assert (after.tensors[KEY["vocoder"]] == 0.5).all()
    assert same(checkpoint.load(mine, FILE).tensors, after.tensors)
    replace(mine / FILE.path, b"nothing")
    with pytest.raises(BadWeights):
        checkpoint.load(mine, FILE)


def _cut(path: Path) -> None:
    replace(path, path.read_bytes()[:-1])


def _header_only(path: Path) -> None:
    replace(path, path.read_bytes()[:2000])


def _longer(path: Path) -> None:
    replace(path, path.read_bytes() + b"\0")


def _not_numbers(path: Path) -> None:
    replace(path, path.read_bytes()[:-4] + b"\xff\xff\xff\xff")


def _renamed(path: Path) -> None:
    replace(path, path.read_bytes().replace(b'"conv_pre.bias"', b'"conv_pre.b1as"'))


def _reshaped(path: Path) -> None:
    replace(path, path.read_bytes().replace(b'"shape": [1, 2, 7]', b'"shape": [2, 1, 7]'))


def _of_other_rules(path: Path) -> None:
    rules = converted.Converted(path.parent, FILE.path, rules=repr(FILE)).rules.encode()
    replace(path, path.read_bytes().replace(rules, b"0" * len(rules)))


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "damage",
    [_cut, _header_only, _longer, _not_numbers, _renamed, _reshaped, _of_other_rules, Path.unlink, _folder],
)
def test_a_damaged_copy_is_made_again_and_never_trusted(mine: Path, damage: Callable[[Path], None]) -> None:
    before = checkpoint.load(mine, FILE)
    whole = copy_of(mine).read_bytes()
    damage(copy_of(mine))
    assert not copy_of(mine).is_file() or copy_of(mine).read_bytes() != whole
    after = checkpoint.load(mine, FILE)
    assert same(after.tensors, before.tensors)
    assert after.digest == before.digest
    assert copy_of(mine).is_dir() or copy_of(mine).read_bytes() == whole


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b"[" * 5000, b'{"stamp": 1}', b"\xff"])
def test_a_damaged_note_is_written_again(mine: Path, note: bytes) -> None:
    before = checkpoint.load(mine, FILE)
    path = copy_of(mine).with_suffix(".json")
    whole = path.read_bytes()
    path.write_bytes(note)
    assert checkpoint.load(mine, FILE).digest == before.digest
    assert path.read_bytes() == whole
    path.write_bytes(whole.replace(before.digest.encode(), b"xyz"))
    assert checkpoint.load(mine, FILE).digest == before.digest


def _read_only(*_: Any, **__: Any) -> NoReturn:
    raise PermissionError(errno.EROFS, "Read-only file system")


@pytest.mark.parametrize("method", ["mkdir", "open", "replace"])
def test_a_folder_that_cannot_be_written_is_read_every_time(
    mine: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.open

    def no_new(self: Path, mode: str = "r", *rest: Any, **named: Any) -> Any:
        return _read_only() if "x" in mode else real(self, mode, *rest, **named)

    monkeypatch.setattr(Path, method, no_new if method == "open" else _read_only)
    first, second = checkpoint.load(mine, FILE), checkpoint.load(mine, FILE)
    assert same(first.tensors, second.tensors)
    assert first.digest == second.digest
    assert not left_in(mine)


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs a device that is always full")
def test_a_full_disk_leaves_nothing_behind(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def full(self: Path, mode: str = "r", *rest: Any, **named: Any) -> Any:
        if "x" not in mode:
            return real(self, mode, *rest, **named)
        real(self, mode).close()
        return real(Path("/dev/full"), "wb")

    monkeypatch.setattr(Path, "open", full)
    first = checkpoint.load(mine, FILE)
    assert first.tensors
    assert not left_in(mine)
    monkeypatch.undo()
    assert same(checkpoint.load(mine, FILE).tensors, first.tensors)
    assert left_in(mine) == {f"{COPY}.json", f"{COPY}.safetensors"}


SCRIPT = """
import os, signal, sys
from pathlib import Path
from tts.indextts2 import checkpoint
{before}
loaded = checkpoint.load(Path(sys.argv[1]), checkpoint.VOCODER)
sys.stdout.write(loaded.digest)
"""
KILLED = """
real = Path.replace
Path.replace = lambda self, target: (
    os.kill(os.getpid(), signal.SIGKILL) if str(target).endswith(".safetensors") else real(self, target))
"""


def started(folder: Path, before: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT.format(before=before), str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
def test_what_a_killed_process_leaves_does_not_count_and_is_swept(mine: Path) -> None:
    process = started(mine, KILLED)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not copy_of(mine).exists()
    (left,) = (path for path in copy_of(mine).parent.iterdir() if path.suffix == ".tmp")
    assert checkpoint.load(mine, FILE).tensors
    assert left.exists()  # it might still be written to
    old = time.time() - 2 * converted.ABANDONED
    os.utime(left, (old, old))
    copy_of(mine).unlink()
    checkpoint.load(mine, FILE)
    assert left_in(mine) == {f"{COPY}.json", f"{COPY}.safetensors"}


def test_two_processes_may_convert_at_once(mine: Path) -> None:
    processes = [started(mine) for _ in range(2)]
    spoken = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert spoken == [converted.file_digest(mine / FILE.path)] * 2
    assert left_in(mine) == {f"{COPY}.json", f"{COPY}.safetensors"}
    assert checkpoint.load(mine, FILE).tensors


def test_a_file_that_changes_while_it_is_read_is_refused(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = checkpoint.read

    def read(path: Path) -> Any:
        whole = real(path)
        replace(path, path.read_bytes())
        return whole

    monkeypatch.setattr(checkpoint, "read", read)
    with pytest.raises(BadWeights, match="changed while"):
        checkpoint.load(mine, FILE)
    assert not copy_of(mine).exists()


def test_the_older_format_holds_the_same(mine: Path) -> None:
    before = checkpoint.load(mine, FILE)
    store(mine / FILE.path, content(mine / FILE.path), zipped=False)
    assert same(checkpoint.load(mine, FILE).tensors, before.tensors)


class TestStrictness:
    """Of `load_strict` and `fold_weight_norm`, whatever the part."""

    def module(self) -> torch.nn.Linear:
        return torch.nn.Linear(2, 3, device="meta")

    state = {"weight": torch.ones(3, 2), "bias": torch.ones(3)}  # noqa: RUF012 - not changed

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"bias": torch.ones(3, dtype=torch.int64)}, "It has bias whole numbers where floats belong."),
            (
                {"bias": torch.ones(3, dtype=torch.complex64)},
                "It has bias complex numbers where floats belong.",
            ),
            ({"bias": torch.ones(2)}, "It has the misshapen bias [2] where [3] belongs."),
            ({"bias": torch.tensor([1, torch.nan, 1])}, "It has values that are not numbers in bias."),
            ({"other": torch.ones(1)}, "It has the unknown other."),
            ({f"x{i}": torch.ones(1) for i in range(7)}, "It has the unknown x0, x1, x2, x3, x4 and 2 more."),
        ],
    )
    def test_every_fault_is_told(self, change: dict[str, Tensor], said: str) -> None:
        with pytest.raises(BadWeights) as caught:
            load_strict(self.module(), self.state | change, "It")
        assert str(caught.value) == said

    def test_what_is_missing_is_told_and_what_is_unused_is_not(self) -> None:
        with pytest.raises(BadWeights, match=r"It lacks weight, bias\."):
            load_strict(self.module(), {}, "It")
        module = self.module()
        load_strict(module, self.state | {"a.b": torch.ones(1)}, "It", unused=(r"x", r"a\..*"))
        assert not module.training
        assert not module.weight.requires_grad
        with pytest.raises(BadWeights, match=r"unknown za\.b"):
            load_strict(self.module(), self.state | {"za.b": torch.ones(1)}, "It", unused=(r"a\..*",))

    @pytest.mark.parametrize("shape", [(3, 2), (4, 2, 5), (6,)])
    def test_weight_norm_folds_to_rows_of_the_gain_s_length(self, shape: tuple[int, ...]) -> None:
        direction = torch.randn(shape, generator=torch.Generator().manual_seed(1))
        gain = torch.arange(1.0, shape[0] + 1).view(-1, *(1 for _ in shape[1:]))
        folded = fold_weight_norm({"a.weight_g": gain, "a.weight_v": direction, "b_g": gain})
        assert set(folded) == {"a.weight", "b_g"}
        rows = folded["a.weight"].reshape(shape[0], -1)
        assert torch.allclose(rows.norm(dim=1), gain.flatten())
        assert torch.allclose(
            rows,
            direction.reshape(shape[0], -1)
            * (rows.norm(dim=1) / direction.reshape(shape[0], -1).norm(dim=1))[:, None],
        )

    def test_finite_sees_every_place(self) -> None:
        for place in range(0, 1000, 37):
            for value in (torch.nan, torch.inf, -torch.inf):
                x = torch.zeros(1000)
                assert finite(x)
                x[place] = value
                assert not finite(x)
        assert finite(torch.zeros(0))
        assert finite(torch.zeros((), dtype=torch.int64))
