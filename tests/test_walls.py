"""The walls between the rooms: who may import whom, and who alone may start programs or open sockets."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("align", "tts", "dubber")

ALLOWED = {
    "align": {"align", "numpy"},
    "tts": {"tts", "numpy", "soxr", "espeakng_loader", "python_stretch", "torch", "yaml"}
    | {"transformers", "safetensors", "sentencepiece", "wetext", "tiktoken"}
    | {"fugashi", "unidic_lite", "nemo_text_processing"},
}
"""Besides the standard library, all that these two rooms may import."""

FACE = {"dubber.cli", "dubber.models_cli", "dubber.told", "dubber.tables", "dubber.batch"}
FACE |= {"dubber.plan_cli", "dubber.takes_cli", "dubber.check_cli", "dubber.options"}
FLOW = FACE | {"dubber.pipeline"}
KEEPING = FLOW | {"dubber.steps", "dubber.project", "dubber.store", "dubber.written"}
KEEPING |= {"dubber.picks", "dubber.taken", "dubber.picking", "dubber.finished", "dubber.check"}

FORBIDDEN = {
    "dubber/stages": KEEPING,
    "dubber/media": KEEPING | {"dubber.stages"},
    "dubber/srt": KEEPING | {"dubber.stages", "dubber.media"},
    "dubber/steps": FLOW,
    "dubber/pipeline.py": FACE,
    "dubber/models": FLOW
    | {"dubber.steps", "dubber.project", "dubber.store", "dubber.stages", "tts", "align"},
}

PROCESSES = {
    "subprocess",
    "pty",
    "os.system",
    "os.popen",
    "os.posix_spawn",
    "os.execv",
    "os.execvp",
    "os.fork",
}
PROCESSES |= {"asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell"}
SOCKETS = {"socket", "ssl", "http", "urllib.request", "ftplib", "asyncio.open_connection"}
CLIENTS = {
    "huggingface_hub",
    "hf_xet",
    "requests",
    "httpx",
    "httpx2",
    "urllib3",
    "aiohttp",
    "websockets",
    "modelscope",
}
"""Packages that talk to the network; the model store's one client may use them."""
PICKLES = {"pickle", "marshal", "shelve", "dill"}


def files(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or inside a function, and `module.name` of what it takes."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def uses(path: Path) -> Iterator[str]:
    """`module.name` of every attribute read off a plain name."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def within(name: str, modules: set[str]) -> bool:
    return any(name == module or name.startswith(module + ".") for module in modules)


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_time_and_voice_know_nothing_of_the_film(room: str) -> None:
    foreign = {
        (path.name, name)
        for path in files(room)
        for name in imports(path)
        if name.partition(".")[0] not in ALLOWED[room] | sys.stdlib_module_names
    }
    assert foreign == set()


@pytest.mark.parametrize("place", sorted(FORBIDDEN))
def test_nothing_below_knows_what_is_above(place: str) -> None:
    path = ROOT / place
    found = [path] if path.is_file() else files(place)
    assert found
    assert {
        (one.name, name) for one in found for name in imports(one) if within(name, FORBIDDEN[place])
    } == set()


def test_one_room_starts_programs_two_talk_to_others_and_none_unpickles() -> None:
    guilty = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in files(*OURS)
        for name in (*imports(path), *uses(path))
        if within(name, PICKLES)
        or (within(name, SOCKETS) and path != ROOT / "dubber" / "stages" / "translate" / "remote.py")
        or (within(name, PROCESSES) and path != ROOT / "dubber" / "process.py")
        or (within(name, CLIENTS) and path != ROOT / "dubber" / "models" / "download.py")
    }
    assert guilty == set()


def test_the_checks_above_see_what_they_look_for(tmp_path: Path) -> None:
    sample = tmp_path / "sample.py"
    sample.write_text(
        "import os\nfrom dubber import cli\ndef f():\n    import subprocess.run\n    os.execv('a', [])\n"
    )
    assert {"os", "dubber.cli", "subprocess.run"} <= set(imports(sample))
    assert "os.execv" in set(uses(sample))
    assert within("dubber.cli", FORBIDDEN["dubber/steps"])
    assert not within("dubber.clip", FORBIDDEN["dubber/steps"])
    assert within("huggingface_hub.utils", CLIENTS)
    assert "urllib.request" in set(imports(ROOT / "dubber" / "stages" / "translate" / "remote.py"))
    assert "huggingface_hub" in set(imports(ROOT / "dubber" / "models" / "download.py"))
