"""What every test of the voice has: one thread (tests run side by side), and a whole tiny release."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench import filled
from tts.indextts2.release import Placement, Release

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a tiny release. Not to be written to."""
    return filled.write(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="session")
def release(folder: Path) -> Release:
    """A tiny release, loaded in float32 onto the CPU. Not to be changed."""
    return Release.load(folder, Placement(torch.device("cpu"), torch.float32))
