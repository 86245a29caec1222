"""The compiled grammar is kept whole or not at all, and nothing about keeping it ends a dub."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from tts.errors import EngineMissing
from tts.indextts2.text import nemo, optional

COMPILED: list[str | None] = []
"""The folder that each grammar was compiled into."""


class Normalizer:
    """Like NeMo's: compiles into a folder, or reads what is there, and breaks over what is damaged."""

    def __init__(self, input_case: str, lang: str, cache_dir: str | None = None) -> None:
        assert (input_case, lang) == ("cased", "es")
        file = Path(cache_dir) / "es.far" if cache_dir else None
        if file and file.exists():
            if file.read_text() != "compiled":
                raise OSError("no archive")
            return
        COMPILED.append(cache_dir)
        if file:
            file.parent.mkdir(exist_ok=True)
            file.write_text("compiled")


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    module = types.ModuleType("nemo_text_processing.text_normalization.normalize")
    module.Normalizer = Normalizer  # type: ignore[attr-defined]
    for name in ("nemo_text_processing", "nemo_text_processing.text_normalization"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(nemo, "version", lambda _: "7.0")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    COMPILED.clear()
    nemo.spanish.cache_clear()
    yield
    nemo.spanish.cache_clear()


def again() -> object:
    """As another process."""
    nemo.spanish.cache_clear()
    return nemo.spanish()


def kept(tmp_path: Path) -> Path:
    return tmp_path / "caches" / "dubber" / "nemo_text_processing-7.0"


def test_it_is_compiled_once_and_nothing_else_stays(tmp_path: Path) -> None:
    assert not nemo.is_kept()
    again()
    again()
    assert len(COMPILED) == 1
    assert nemo.is_kept()
    assert list(kept(tmp_path).parent.iterdir()) == [kept(tmp_path)]


def test_that_it_will_be_compiled_is_told_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional, "find_spec", lambda name: name)
    assert "minutes" in optional.notes("es")[0]
    again()
    assert optional.notes("es") == ()


@pytest.mark.parametrize("damage", ["", "half"])
def test_a_damaged_one_is_compiled_anew(tmp_path: Path, damage: str) -> None:
    again()
    (kept(tmp_path) / "es.far").write_text(damage)
    again()
    assert len(COMPILED) == 2
    assert (kept(tmp_path) / "es.far").read_text() == "compiled"


def test_an_empty_folder_is_no_grammar(tmp_path: Path) -> None:
    kept(tmp_path).mkdir(parents=True)
    again()
    assert [str(kept(tmp_path))] != COMPILED
    assert nemo.is_kept()


def test_where_nothing_can_be_written_it_is_compiled_for_this_process(tmp_path: Path) -> None:
    (tmp_path / "caches").write_text("a file where the folder should be")
    assert again() is not None
    assert COMPILED == [None]


def test_what_a_killed_process_left_is_taken_away(tmp_path: Path) -> None:
    import os

    left, young = (kept(tmp_path).parent / f".making-{name}" for name in ("old", "young"))
    for folder in (left, young):
        folder.mkdir(parents=True)
    os.utime(left, (1, 1))
    again()
    assert not left.exists()
    assert young.exists()


def test_one_that_stops_in_the_middle_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    module = sys.modules["nemo_text_processing.text_normalization.normalize"]
    monkeypatch.setattr(module, "Normalizer", stopped)
    with pytest.raises(KeyboardInterrupt):
        again()
    assert list(kept(tmp_path).parent.iterdir()) == []


def test_a_library_that_does_not_load_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nemo_text_processing.text_normalization.normalize", None)
    with pytest.raises(EngineMissing, match="does not load"):
        again()
