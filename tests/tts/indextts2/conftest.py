"""What every test of the voice has: one thread (tests run side by side), and a whole tiny release."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from files import LATER
from shelf import Shelf

from tts.door import SpeechRequest, Voice
from tts.indextts2.config import Version
from tts.indextts2.engine import IndexTTS2
from tts.indextts2.release import Release

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("releases"))


@pytest.fixture
def version(request: pytest.FixtureRequest) -> Version:
    """Of the release that a test speaks with; tests that hold for every version are parametrised by it. A test of one
    `part` has a release with that part's file."""
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    return "2.5" if parameters.get("part") == LATER else "2.0"


@pytest.fixture
def folder(shelf: Shelf, version: Version) -> Path:
    return shelf.folder(version)


@pytest.fixture
def release(shelf: Shelf, version: Version) -> Release:
    return shelf.release(version)


@pytest.fixture
def engine(shelf: Shelf, version: Version) -> IndexTTS2:
    return shelf.engine(version)


@pytest.fixture
def voices(shelf: Shelf, version: Version) -> list[Voice]:
    return list(shelf.voices(version))


@pytest.fixture
def requests(shelf: Shelf, version: Version) -> list[SpeechRequest]:
    return list(shelf.requests(version))
