"""What the machine remembers of its speed: the median of the last runs, and never a reason for a run to fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dubber import pace
from dubber.models.store import root


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model store without models."""
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def file() -> Path:
    return root() / "pace.json"


def test_an_engine_that_never_worked_here_has_no_estimate(models: Path) -> None:
    assert pace.seconds_for("voice", 60_000) is None
    assert list(models.iterdir()) == []


def test_the_estimate_is_the_median_of_the_last_runs() -> None:
    for _ in range(20):
        pace.remember("voice", 10_000, 90.0)
    for seconds in (10, 20, 1_000, 20, 20, 10, 30, 20, 30):
        pace.remember("voice", 10_000, seconds)
    assert pace.seconds_for("voice", 60_000) == pytest.approx(120.0)
    assert pace.seconds_for("voice", 0) == 0.0
    assert pace.seconds_for("another", 60_000) is None
    assert len(json.loads(file().read_bytes())["seconds_per_second"]["voice"]) == pace.RUNS


@pytest.mark.parametrize(
    ("spoken", "seconds"),
    [
        *((0, 1.0), (-5, 1.0), (pace.SHORTEST_MS - 1, 1.0), (9_000, 0.0), (9_000, -1.0)),
        *((9_000, float("nan")), (9_000, float("inf"))),
    ],
)
def test_what_is_no_measurement_is_not_remembered(spoken: int, seconds: float) -> None:
    pace.remember("voice", spoken, seconds)
    assert pace.seconds_for("voice", 1_000) is None


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff\xfe\x00", b"[]", b"null", b"[" * 100_000, b'{"schema": 1}', b'{"schema": 1e999}']
    + [b'{"schema": 2, "seconds_per_second": {"voice": [1]}}', b'{"schema": 1, "seconds_per_second": [1]}']
    + [b" " * (pace.MOST_BYTES + 1)]
    + [
        b'{"schema": 1, "seconds_per_second": {"voice": %s}}' % runs
        for runs in (b"[]", b"1", b'["1"]', b"[NaN]", b"[-1]", b"[null]", b"[true]", b"[Infinity]", b"{}")
    ],
)
def test_a_damaged_file_costs_the_estimate_only(data: bytes) -> None:
    file().write_bytes(data)
    assert pace.seconds_for("voice", 1_000) is None
    pace.remember("voice", 10_000, 5.0)
    assert pace.seconds_for("voice", 1_000) == pytest.approx(0.5)


def test_one_damaged_entry_leaves_the_others() -> None:
    pace.remember("voice", 10_000, 5.0)
    kept = json.loads(file().read_bytes())
    kept["seconds_per_second"]["broken"] = ["x"]
    file().write_text(json.dumps(kept))
    assert pace.seconds_for("voice", 1_000) == pytest.approx(0.5)
    assert pace.seconds_for("broken", 1_000) is None


def test_where_there_is_no_model_store_nothing_is_written(models: Path) -> None:
    models.rmdir()
    pace.remember("voice", 10_000, 5.0)
    assert pace.seconds_for("voice", 1_000) is None
    assert not models.exists()


def test_a_file_that_is_a_folder_is_no_error() -> None:
    file().mkdir()
    pace.remember("voice", 10_000, 5.0)
    assert pace.seconds_for("voice", 1_000) is None
    assert file().is_dir()


def test_nothing_but_the_one_file_is_left_behind() -> None:
    for name in ("a", "b", "a"):
        pace.remember(name, 10_000, 5.0)
    assert [path.name for path in file().parent.iterdir()] == ["pace.json"]


def test_engines_used_long_ago_are_forgotten_first() -> None:
    pace.remember("old", 10_000, 1.0)
    pace.remember("kept", 10_000, 1.0)
    for number in range(pace.ENGINES - 1):
        pace.remember(f"engine {number}", 10_000, 1.0)
        pace.remember("kept", 10_000, 1.0)
    assert pace.seconds_for("old", 1_000) is None
    assert pace.seconds_for("kept", 1_000) == pytest.approx(0.1)
