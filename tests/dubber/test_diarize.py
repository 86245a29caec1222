"""Who speaks: the same voice gets the same number, in the order of speaking."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from spoken import RATE, say

from align.types import Span
from dubber.audio import AudioFile
from dubber.stages import diarize as room
from dubber.stages.diarize import diarize

TEXTS = (
    "The old house is near the river.",
    "We want to go home tomorrow morning.",
    "My brother bought seven green books.",
    "Twenty five people came to the meeting.",
)
VOICES = (("en-us", 35), ("en+f3", 65), ("en+m7", 15))


def conversation(tmp_path: Path, turns: list[int]) -> tuple[AudioFile, list[Span]]:
    rng = np.random.default_rng(5)
    parts, spans, at = [], [], 0
    for i, turn in enumerate(turns):
        voice, pitch = VOICES[turn]
        line = say(TEXTS[i % len(TEXTS)], voice=voice, pitch=pitch)
        line = line[: len(line) // 16 * 16]
        line = line * np.float32(rng.uniform(0.3, 1.0))  # nobody is known by how loud they are
        spans.append(Span(at // 16, (at + len(line)) // 16))
        parts += [line, np.zeros(RATE // 2, np.float32)]
        at += len(line) + RATE // 2
    sound = np.concatenate(parts)
    sound += rng.normal(0, 1e-3, len(sound)).astype(np.float32)
    soundfile.write(tmp_path / "talk.wav", sound, RATE, subtype="FLOAT")
    return AudioFile(tmp_path / "talk.wav"), spans


@pytest.mark.parametrize("turns", [[0, 1, 1, 0, 1, 0, 0, 1], [1, 2, 0, 2, 2, 1, 0, 1, 0, 2]])
def test_voices_that_take_turns_are_told_apart(tmp_path: Path, turns: list[int]) -> None:
    audio, spans = conversation(tmp_path, turns)
    order = list(dict.fromkeys(turns))
    assert diarize(audio, spans, len(order)) == tuple(order.index(turn) for turn in turns)


def test_the_same_sound_gives_the_same_answer(tmp_path: Path) -> None:
    audio, spans = conversation(tmp_path, [0, 1, 2, 1])
    assert diarize(audio, spans, 3) == diarize(audio, spans, 3)


def test_one_speaker_needs_no_listening(tmp_path: Path) -> None:
    assert diarize(AudioFile(tmp_path / "not there.wav"), [Span(0, 10), Span(20, 30)]) == (0, 0)


def test_silent_and_very_short_spans_get_a_speaker_too(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "quiet.wav", np.zeros(RATE, np.float32), RATE)
    audio = AudioFile(tmp_path / "quiet.wav")
    found = diarize(audio, [Span(0, 5), Span(100, 500), Span(600, 900)], 2)
    assert len(found) == 3
    assert set(found) <= {0, 1}


def test_more_speakers_than_spans_and_no_spans_at_all(tmp_path: Path) -> None:
    audio, spans = conversation(tmp_path, [0, 1])
    assert diarize(audio, spans, 9) == (0, 1)
    assert diarize(audio, [], 3) == ()


def test_no_speakers_is_no_film(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one speaker"):
        diarize(AudioFile(tmp_path / "x.wav"), [Span(0, 10)], 0)


def test_the_digest_changes_with_the_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    before = room.digest()
    monkeypatch.setattr(room, "REVISION", room.REVISION + 1)
    assert room.digest() != before
