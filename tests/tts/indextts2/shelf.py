"""Tiny releases of the voice that all tests share."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from speaking import QUICK, recording

from bench import filled
from tts.door import Emotion, SpeechRequest, Voice
from tts.indextts2.config import Version
from tts.indextts2.engine import IndexTTS2
from tts.indextts2.release import Placement, Release


class Shelf:
    """Tiny releases and what speaks them, each made once, when a test first asks for its version."""

    def __init__(self, room: Path) -> None:
        self._room = room

    @cache  # noqa: B019 (one shelf, as long as the tests)
    def folder(self, version: Version) -> Path:
        """The files of a tiny release. Not to be written to."""
        folder = self._room / version
        folder.mkdir()
        return filled.write(folder, version=version)

    @cache  # noqa: B019
    def release(self, version: Version) -> Release:
        """A tiny release, loaded in float32 onto the CPU. Not to be changed."""
        return Release.load(self.folder(version), Placement(torch.device("cpu"), torch.float32))

    @cache  # noqa: B019
    def engine(self, version: Version) -> IndexTTS2:
        return IndexTTS2(self.release(version), options=QUICK)

    @cache  # noqa: B019
    def voices(self, version: Version) -> list[Voice]:
        return [self.engine(version).voice(recording(f0)) for f0 in (110.0, 220.0)]

    @cache  # noqa: B019
    def requests(self, version: Version) -> list[SpeechRequest]:
        """Sixteen: two voices, three kinds of emotion, natural and with targets."""
        engine, voices = self.engine(version), self.voices(version)
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
