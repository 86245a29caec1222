"""Every tiny golden at its stated tolerance, and the command that says so for any folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench import parity
from bench.goldens import text
from bench.goldens.harness import KIT, Case, load_cases

TINY = load_cases(size="tiny")


@pytest.mark.parametrize("case", TINY, ids=[case.id for case in TINY])
def test_a_part_computes_what_the_reference_implementation_computes(case: Case) -> None:
    lines = list(parity.compare(case))
    assert lines
    assert [str(line) for line in lines if not line.ok] == []


@pytest.mark.parametrize("name", sorted(text.TEXT_CHECKS))
def test_text_comes_out_letter_by_letter_as_in_the_reference_implementation(name: str) -> None:
    checks = list(text.TEXT_CHECKS[name](KIT))
    assert checks
    assert [(case, note) for case, ok, note in checks if not ok] == []


def test_every_component_of_the_kit_has_a_runner() -> None:
    assert {case.component for case in load_cases()} <= set(parity.RUNNERS)


def test_every_golden_file_is_compared_by_a_case_or_by_a_test() -> None:
    """The sound is the input of a case; frame counts are compared in test_clock."""
    compared = {case.raw["npz"] for case in load_cases()} | {"golden/sweep.wav", "golden/frames.json"}
    assert {f"golden/{path.name}" for path in (KIT / "golden").iterdir()} == compared
    models = {case.model for case in TINY}
    assert {"gpt25", "codec25", "s2mel25"} <= models


def test_what_is_left_out_on_a_machine_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tts.indextts2.text.optional.find_spec", lambda _: None)
    folder = small_kit(tmp_path)
    assert parity.main([str(folder), "--size", "tiny"]) == 0
    assert "in Japanese are not compared" in capsys.readouterr().out


def small_kit(folder: Path) -> Path:
    """A folder of goldens with one case in it."""
    for name in ("golden", "manifests", "text"):
        (folder / name).mkdir(parents=True)
    (case,) = (raw for raw in json.loads((KIT / "cases_tiny.json").read_text()) if raw["id"] == "campplus_97")
    (folder / "cases_tiny.json").write_text(json.dumps([case]))
    shutil.copyfile(KIT / case["npz"], folder / case["npz"])
    shutil.copyfile(KIT / "manifests" / "tiny_campplus.json", folder / "manifests" / "tiny_campplus.json")
    for name in ("text20.json", "text25.json", "emotion.json", "bpe_test.model"):
        shutil.copyfile(KIT / "text" / name, folder / "text" / name)
    for ranks in (KIT / "text").glob("*.tiktoken"):
        shutil.copyfile(ranks, folder / "text" / ranks.name)
    return folder


def test_others_bring_goldens_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = small_kit(tmp_path)
    assert parity.main([str(folder), "--size", "tiny"]) == 0
    assert "tiny/campplus_97/style" in capsys.readouterr().out


def test_a_miss_is_told_and_is_the_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = small_kit(tmp_path)
    cases = json.loads((folder / "cases_tiny.json").read_text())
    cases[0]["salt"] += " and other weights"
    (folder / "cases_tiny.json").write_text(json.dumps(cases))
    assert parity.main([str(folder), "--size", "tiny"]) == 1
    out = capsys.readouterr().out
    assert "MISS" in out
    assert "1 missed" in out


def test_a_component_that_nobody_runs_is_a_miss(tmp_path: Path) -> None:
    folder = small_kit(tmp_path)
    cases = json.loads((folder / "cases_tiny.json").read_text())
    cases[0]["component"] = "unheard.of"
    (folder / "cases_tiny.json").write_text(json.dumps(cases))
    assert [line.ok for line in parity.compare(load_cases(folder)[0])] == [False]


def test_a_folder_without_goldens_is_no_success(tmp_path: Path) -> None:
    assert parity.main([str(tmp_path)]) == 2
