"""Promises of the atomic writes and of the cache."""

from __future__ import annotations

import errno
import json
import math
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import pytest

from dubber import atomic, store
from dubber.errors import DubberError, MediaError, SpaceError, UsageError
from dubber.project import TRANSIENT


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.startswith(atomic.TEMPORARY_PREFIX)]


def refusing(code: int) -> Callable[..., NoReturn]:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise OSError(code, os.strerror(code))

    return refuse


def never() -> NoReturn:
    raise AssertionError("made although it was there")


def never_file(_: Path) -> NoReturn:
    never()


# -- atomic writes ---------------------------------------------------------------------------------


def test_a_write_replaces_the_whole_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    atomic.write_text(path, "old and much longer")
    atomic.write_json(path, {"é": [1, 1.5, None]})
    assert path.read_text(encoding="utf-8") == '{\n "é": [\n  1,\n  1.5,\n  null\n ]\n}\n'
    assert listing(tmp_path) == ["a.json"]


@pytest.mark.parametrize("error", [RuntimeError("encoder"), KeyboardInterrupt()])
def test_a_failing_writer_leaves_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    with pytest.raises(type(error)), atomic.replacing(path) as temporary:
        assert (temporary.parent, temporary.suffix) == (tmp_path, ".wav")
        temporary.write_bytes(b"half")
        raise error
    assert path.read_bytes() == b"old"
    assert listing(tmp_path) == ["a.wav"]


def test_a_value_that_json_cannot_hold_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    atomic.write_json(path, 1)
    for value in (math.nan, {1, 2}):
        with pytest.raises((ValueError, TypeError)):
            atomic.write_json(path, value)
    assert path.read_text() == "1\n"


def test_a_file_name_that_is_no_utf8_survives_json(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \xf0\x9f\x8e\xac.mp4")
    atomic.write_json(tmp_path / "a.json", {"path": name})
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"path": name}


def test_names_of_255_bytes_can_be_written(tmp_path: Path) -> None:
    for name in ("x" * 251 + ".srt", "é" * 127 + "x", "x." + "y" * 253):
        assert len(os.fsencode(name)) == 255
        atomic.write_bytes(tmp_path / name, b"1")
        assert (tmp_path / name).read_bytes() == b"1"
    with pytest.raises(SpaceError, match="too long"):
        atomic.write_bytes(tmp_path / ("x" * 256), b"1")


def test_a_link_is_replaced_and_what_it_points_to_is_not_touched(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / "a").symlink_to(outside)
    atomic.write_text(tmp_path / "a", "new")
    assert outside.read_text() == "mine"
    assert not (tmp_path / "a").is_symlink()


def test_new_files_get_the_rights_that_the_person_gives_new_files(tmp_path: Path) -> None:
    atomic.write_bytes(tmp_path / "a", b"1")
    (tmp_path / "b").write_bytes(b"1")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_sweep_removes_leftovers_below_and_nothing_through_a_link(tmp_path: Path) -> None:
    project, outside = tmp_path / "p", tmp_path / "outside"
    (project / "cache" / "tts").mkdir(parents=True)
    outside.mkdir()
    (project / "link").symlink_to(outside)
    torn = [
        folder / (atomic.TEMPORARY_PREFIX + "0-1.wav") for folder in (project, project / "cache/tts", outside)
    ]
    for path in [*torn, project / "es.srt"]:
        path.write_bytes(b"half")
    assert atomic.sweep(project) == 2
    assert [path.exists() for path in torn] == [False, False, True]
    assert (project / "es.srt").exists()


def test_a_sweep_for_one_file_leaves_the_leftovers_of_others(tmp_path: Path) -> None:
    kept: list[Path] = []
    for name in ("talk.es.mp4", "talk.fr.mp4"):
        with pytest.raises(RuntimeError), atomic.replacing(tmp_path / name) as temporary:
            kept.append(temporary)
            raise RuntimeError
    for path in kept:
        path.write_bytes(b"half")
    assert atomic.sweep(tmp_path, target="talk.es.mp4") == 1
    assert [path.exists() for path in kept] == [False, True]


# -- a disk that refuses ---------------------------------------------------------------------------


def test_a_full_disk_is_told_with_path_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "es.srt"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", refusing(errno.ENOSPC))
    with pytest.raises(SpaceError) as caught:
        atomic.write_bytes(path, bytes(5000))
    assert str(path) in str(caught.value)
    assert "needs 5.0 kB (5,000 bytes)" in str(caught.value)
    assert caught.value.hint
    assert path.read_text() == "old"
    assert not leftovers(tmp_path)


def test_the_device_that_is_always_full_is_told_as_full() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(SpaceError, match="disk is full"), atomic.writing(full), full.open("wb", 0) as file:
        file.write(b"1")


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT, errno.EIO])
def test_every_refusal_of_the_disk_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(os, "fsync", refusing(code))
    with pytest.raises(SpaceError) as caught:
        atomic.write_bytes(tmp_path / "a", b"1")
    assert str(caught.value).startswith(f"{tmp_path / 'a'} cannot be written: ")
    assert str(caught.value).endswith(".")
    assert caught.value.hint


def test_a_file_where_a_folder_belongs_is_told(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    for write in (
        lambda: atomic.inner_folder(tmp_path, "cache"),
        lambda: atomic.write_bytes(tmp_path / "cache" / "x", b"1"),
    ):
        with pytest.raises(SpaceError, match="a file stands where a folder belongs"):
            write()
    (tmp_path / "es.srt").mkdir()
    with pytest.raises(SpaceError, match="a folder stands where the file belongs"):
        atomic.write_bytes(tmp_path / "es.srt", b"1")


def test_a_folder_that_went_away_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="folder is not there"):
        atomic.write_bytes(tmp_path / "gone" / "a", b"1")


def test_trouble_with_another_file_is_not_put_down_to_the_target(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), atomic.replacing(tmp_path / "a"):
        raise PermissionError(errno.EACCES, "denied", "/elsewhere/film.mp4")


@pytest.mark.parametrize("kind", [SpaceError, MediaError])
def test_what_is_said_of_the_unfinished_file_is_said_of_the_file_itself(
    tmp_path: Path, kind: type[DubberError]
) -> None:
    path = tmp_path / "talk.es.mp4"
    with pytest.raises(kind) as caught, atomic.replacing(path) as temporary:
        raise kind(f"{temporary} cannot be written: {temporary.name!r} is too large.", hint="Smaller.")
    assert str(caught.value) == f"{path} cannot be written: 'talk.es.mp4' is too large."
    assert caught.value.hint == "Smaller."


def test_an_encoder_that_fails_on_a_full_disk_is_told_as_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic, "free_space", lambda _: 4096)
    with pytest.raises(SpaceError, match="full") as caught, atomic.replacing(tmp_path / "a.mp4"):
        raise RuntimeError("conversion failed")
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_size_limit_is_told_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    limit, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limit[1]))
    try:
        with pytest.raises(SpaceError, match="allows no file that large"):
            atomic.write_bytes(path, bytes(20_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == b"old"
    assert not leftovers(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A disk of 256 kB, and how to make it read-only."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if (
        not sys.platform.startswith("linux")
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_fills_up_keeps_what_is_done_and_goes_on_when_freed(small_disk: Path) -> None:
    cache = store.Cache(small_disk)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(150_000))
    first, second = (store.key("tts", 1, {}, n) for n in (1, 2))
    cache.file(first, ".wav", lambda path: path.write_bytes(bytes(40_000)))
    with pytest.raises(SpaceError, match="the disk is full"):
        cache.file(second, ".wav", lambda path: path.write_bytes(bytes(100_000)))
    assert cache.has(first, ".wav")
    assert not cache.has(second, ".wav")
    assert not leftovers(small_disk)
    ballast.unlink()
    cache.file(second, ".wav", lambda path: path.write_bytes(bytes(100_000)))
    assert cache.has(second, ".wav")


def test_a_read_only_disk_is_told(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(SpaceError, match="read-only"):
        atomic.write_bytes(small_disk / "a", b"1")


def test_too_little_room_is_told_before_the_work_starts(tmp_path: Path) -> None:
    atomic.require(tmp_path / "not" / "there" / "yet", 1, "Separation")
    with pytest.raises(SpaceError, match=r"^Separation needs 1000000000\.0 GB .* free\.$") as caught:
        atomic.require(tmp_path, 10**18, "Separation")
    assert caught.value.hint is not None
    assert "Free " in caught.value.hint


# -- keys ------------------------------------------------------------------------------------------


def test_a_key_names_everything_that_shapes_a_result() -> None:
    parameters = {"text": "hola", "rate": 1.0, "slot": [0, 1000]}
    base = store.key("tts", 1, {"voice": "ab", "film": "cd"}, parameters)
    assert base == store.key("tts", 1, {"film": "cd", "voice": "ab"}, dict(reversed(parameters.items())))
    others = [
        store.key("mix", 1, {"voice": "ab", "film": "cd"}, parameters),
        store.key("tts", 2, {"voice": "ab", "film": "cd"}, parameters),
        store.key("tts", 1, {"voice": "cd", "film": "ab"}, parameters),
        store.key("tts", 1, {"voice": "ab"}, parameters),
        store.key("tts", 1, {"voice": "ab", "film": "cd"}, parameters | {"rate": 1}),
        store.key("tts", 1, {"voice": "ab", "film": "cd"}, parameters | {"rate": True}),
        store.key("tts", 1, {"voice": "ab", "film": "cd"}, parameters | {"text": "hola "}),
        store.key("tts", 1, {"voice": "ab", "film": "cd"}, parameters | {"seed": None}),
    ]
    assert len({base.digest, *(other.digest for other in others)}) == 1 + len(others)


def test_a_key_is_the_same_on_every_machine() -> None:
    canonical = (
        rb'{"inputs":{"voice":"ab"},"parameters":{"rate":1.25,"text":"\u00a1a\u00f1o!"},'
        rb'"stage":"tts","version":1}'
    )
    key = store.key("tts", 1, {"voice": "ab"}, {"text": "¡año!", "rate": 1.25})
    assert key == store.Key("tts", sha256(canonical).hexdigest())


@pytest.mark.parametrize(
    "parameters", [math.nan, [math.inf], {1: "x"}, {"a": {None: 1}}, [({2: 3},)], {3}, b"x"]
)
def test_parameters_that_json_would_bend_are_refused(parameters: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        store.key("tts", 1, {}, parameters)


@pytest.mark.parametrize("stage", ["", "..", "a/b", "/etc", "A", "x" * 33])
def test_a_stage_is_a_plain_name(tmp_path: Path, stage: str) -> None:
    with pytest.raises(ValueError, match="stage"):
        store.key(stage, 1, {}, None)
    with pytest.raises(ValueError, match="stage"):
        store.Cache(tmp_path).json(store.Key(stage, "0" * 64), lambda: 1)


# -- the cache -------------------------------------------------------------------------------------


def test_the_same_thing_is_made_once(tmp_path: Path) -> None:
    key = store.key("translate", 1, {}, "hello")
    cache = store.Cache(tmp_path)
    fresh = cache.json(key, lambda: {"wordings": ("hola", "buenas")})
    again = store.Cache(tmp_path).json(key, never)
    assert fresh == again == {"wordings": ["hola", "buenas"]}


def test_a_file_is_made_once_and_keeps_its_notes(tmp_path: Path) -> None:
    key = store.key("tts", 1, {}, "hola")

    def make(path: Path) -> dict[str, int]:
        assert path.suffix == ".wav"
        assert tmp_path in path.parents
        path.write_bytes(b"sound")
        return {"natural": 480}

    path = store.Cache(tmp_path).file(key, ".wav", make)
    cache = store.Cache(tmp_path)
    assert cache.file(key, ".wav", never_file) == path
    assert path.read_bytes() == b"sound"
    assert cache.notes(key, ".wav") == {"natural": 480}
    with pytest.raises(KeyError):
        cache.notes(store.key("tts", 1, {}, "adiós"), ".wav")


def test_null_is_a_result_too(tmp_path: Path) -> None:
    key = store.key("tts", 1, {}, 0)
    assert store.Cache(tmp_path).json(key, lambda: None) is None
    assert store.Cache(tmp_path).json(key, never) is None


def test_the_counts_show_that_only_one_line_was_remade(tmp_path: Path) -> None:
    def render(lines: list[str]) -> dict[str, store.Counts]:
        cache = store.Cache(tmp_path)
        for line in lines:
            cache.file(store.key("tts", 1, {}, line), ".wav", lambda path: path.write_bytes(b"x"))
        return cache.counts

    assert render(["a", "b", "c"]) == {"tts": store.Counts(hits=0, misses=3)}
    assert render(["a", "B", "c"]) == {"tts": store.Counts(hits=2, misses=1)}


def test_looking_makes_and_counts_nothing(tmp_path: Path) -> None:
    cache = store.Cache(tmp_path / "cache")
    assert not cache.has(store.key("tts", 1, {}, 1), ".wav")
    assert cache.counts == {}
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"\xff\xfe", b"[1]", b'{"key": "other", "value": 7}', b"[" * 100_000]
)
def test_a_damaged_value_is_made_again(tmp_path: Path, damage: bytes) -> None:
    key = store.key("segment", 1, {}, 1)
    store.Cache(tmp_path).json(key, lambda: 7)
    [path] = [path for path in tmp_path.rglob("*") if path.is_file()]
    path.write_bytes(damage)
    cache = store.Cache(tmp_path)
    assert not cache.has(key)
    assert cache.json(key, lambda: 7) == 7
    assert cache.json(key, never) == 7


@pytest.mark.parametrize("damage", ["empty", "cut", "longer", "gone", "head gone", "head damaged", "link"])
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: str) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"sound")
    folder = tmp_path / "cache"
    folder.mkdir()
    key = store.key("tts", 1, {}, 1)
    path = store.Cache(folder).file(key, ".wav", lambda path: path.write_bytes(b"sound"))
    head = path.with_name(path.name + ".json")
    match damage:
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(b"soun")
        case "longer":
            path.write_bytes(b"sound!")
        case "gone":
            path.unlink()
        case "head gone":
            head.unlink()
        case "head damaged":
            head.write_bytes(head.read_bytes()[:-5])
        case "link":
            path.unlink()
            path.symlink_to(outside)
    cache = store.Cache(folder)
    assert not cache.has(key, ".wav")
    cache.file(key, ".wav", lambda path: path.write_bytes(b"fresh"))
    assert path.read_bytes() == b"fresh"
    assert outside.read_bytes() == b"sound"
    assert cache.counts == {"tts": store.Counts(0, 1)}


def test_a_maker_that_fails_leaves_nothing_that_counts(tmp_path: Path) -> None:
    cache = store.Cache(tmp_path)
    key = store.key("tts", 1, {}, 1)

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("voice")

    with pytest.raises(RuntimeError):
        cache.file(key, ".wav", fail)
    with pytest.raises(ValueError, match="empty"):
        cache.file(key, ".wav", lambda path: path.touch())
    assert not cache.has(key, ".wav")
    assert not leftovers(tmp_path)


def test_nothing_is_written_or_removed_through_a_link(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "cache"
    outside.mkdir()
    folder.mkdir()
    (folder / "tts").symlink_to(outside)
    (outside / "00").mkdir()
    (outside / "00" / "mine.wav").write_bytes(b"mine")
    cache = store.Cache(folder)
    with pytest.raises(UsageError, match="symbolic link"):
        cache.json(store.key("tts", 1, {}, 1), lambda: 1)
    transient = store.Cache(folder, transient={"tts": 0})
    with pytest.raises(UsageError, match="symbolic link"):
        transient.json(store.key("tts", 1, {}, 1), lambda: 1)
    assert [path.name for path in outside.rglob("*")] == ["00", "mine.wav"]


def make_mix(cache: store.Cache, number: int) -> Path:
    return cache.file(store.key("mix", 1, {}, number), ".wav", lambda path: path.write_bytes(b"mix"))


def test_of_a_transient_stage_only_the_newest_are_kept(tmp_path: Path) -> None:
    for number in range(10):
        path = make_mix(store.Cache(tmp_path, transient={"mix": 2}), number)
        os.utime(path.with_name(path.name + ".json"), (number, number))
        os.utime(path, (number, number))
    kept = [n for n in range(10) if store.Cache(tmp_path).has(store.key("mix", 1, {}, n), ".wav")]
    assert kept == [8, 9]


def test_what_a_run_uses_is_not_taken_from_it(tmp_path: Path) -> None:
    cache = store.Cache(tmp_path, transient={"mix": 1})
    paths = [make_mix(cache, number) for number in range(4)]
    assert all(path.exists() for path in paths)


def test_an_unchanged_render_of_five_languages_mixes_none_again(tmp_path: Path) -> None:
    def render() -> store.Counts:
        cache = store.Cache(tmp_path, transient=TRANSIENT)
        for language in ("de", "es", "fr", "it", "pt"):
            key = store.key("mix", 1, {}, language)
            cache.file(key, ".wav", lambda path: path.write_bytes(b"mix"), language)
        return cache.counts["mix"]

    assert render() == store.Counts(hits=0, misses=5)
    assert render() == store.Counts(hits=5, misses=0)


def test_a_transient_group_pushes_out_its_own_only(tmp_path: Path) -> None:
    def mix(group: str, number: int) -> None:
        cache = store.Cache(tmp_path, transient={"mix": 2})
        path = cache.file(store.key("mix", 1, {}, [group, number]), ".wav", written, group)
        os.utime(path.with_name(path.name + ".json"), (number, number))
        os.utime(path, (number, number))

    def written(path: Path) -> None:
        path.write_bytes(b"mix")

    def kept(group: str) -> list[int]:
        cache = store.Cache(tmp_path)
        return [n for n in range(9) if cache.has(store.key("mix", 1, {}, [group, n]), ".wav")]

    mix("es", 0)
    mix("es", 1)
    for number in range(2, 6):
        mix("fr", number)
    assert (kept("es"), kept("fr")) == ([0, 1], [4, 5])
    mix("es", 6)
    assert (kept("es"), kept("fr")) == ([1, 6], [4, 5])


def test_what_a_kill_left_of_a_transient_result_goes_whatever_its_group(tmp_path: Path) -> None:
    path = make_mix(store.Cache(tmp_path, transient={"mix": 2}), 1)
    path.with_name(path.name + ".json").unlink()
    cache = store.Cache(tmp_path, transient={"mix": 2})
    cache.file(store.key("mix", 1, {}, "es"), ".wav", lambda path: path.write_bytes(b"mix"), "es")
    assert not path.exists()


def test_counts_begin_anew_for_each_run_of_one_cache(tmp_path: Path) -> None:
    cache = store.Cache(tmp_path)
    cache.json(store.key("tts", 1, {}, 1), lambda: 1)
    first = cache.counts
    cache.reset_counts()
    assert cache.counts == {}
    cache.json(store.key("tts", 1, {}, 1), never)
    assert cache.counts == {"tts": store.Counts(hits=1, misses=0)}
    assert first == {"tts": store.Counts(hits=0, misses=1)}
