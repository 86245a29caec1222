"""What every test of the voice has: one thread (tests run side by side), and a whole tiny release."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from speaking import QUICK, recording

from bench import filled
from tts.door import Emotion, SpeechRequest, Voice
from tts.indextts2.config import Version
from tts.indextts2.engine import IndexTTS2
from tts.indextts2.release import Placement, Release

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def version() -> Version:
    """Of the release that tests speak with; those that hold for every version are parametrised by it."""
    return "2.0"


@pytest.fixture(scope="session")
def folder(version: Version, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a tiny release. Not to be written to."""
    return filled.write(tmp_path_factory.mktemp("release"), version=version)


@pytest.fixture(scope="session")
def release(folder: Path) -> Release:
    """A tiny release, loaded in float32 onto the CPU. Not to be changed."""
    return Release.load(folder, Placement(torch.device("cpu"), torch.float32))


@pytest.fixture(scope="session")
def engine(release: Release) -> IndexTTS2:
    return IndexTTS2(release, options=QUICK)


@pytest.fixture(scope="session")
def voices(engine: IndexTTS2) -> list[Voice]:
    return [engine.voice(recording(f0)) for f0 in (110.0, 220.0)]


@pytest.fixture(scope="session")
def requests(engine: IndexTTS2, voices: list[Voice]) -> list[SpeechRequest]:
    """Sixteen: two voices, three kinds of emotion, natural and with targets."""
    emotions: list[Emotion | None] = [
        None,
        engine.emotion(recording(330.0), strength=0.6),
        engine.emotion((0.0, 0.4, 0.0, 0.0, 0.0, 0.0, 0.2, 0.0)),
    ]
    texts = ("Good morning.", "Who is there? Nobody answered.", "早上好。", "Wait!")
    return [
        SpeechRequest(
            texts[number % 4],
            "zh" if number % 4 == 2 else "en",
            voices[number % 2],
            emotions[number % 3],
            target=None if number % 5 == 0 else 20_000 + 1_111 * number,
            seed=number,
        )
        for number in range(16)
    ]
