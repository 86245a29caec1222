"""Voice activity: speech is found where it is, to 10 ms, and nothing is found where nobody speaks."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from spoken import RATE, say

from align.types import Span
from dubber import vad
from dubber.audio import AudioFile
from dubber.errors import MissingError

FloatArray = npt.NDArray[np.float32]

TEXTS = ("The old house is near the river.", "Where is the station?", "My brother bought seven green books.")


def film(bed: str, level_db: float) -> tuple[FloatArray, list[Span]]:
    """Three sentences with pauses over a bed `level_db` under them, and where they are."""
    rng = np.random.default_rng(7)
    parts, spans, at = [np.zeros(RATE, np.float32)], [], RATE
    for i, text in enumerate(TEXTS):
        line = say(text, voice=("en-us", "en+f3", "en+m3")[i])
        line = line * np.float32(0.08 / line.std())
        spans.append(Span(round(at / 16), round((at + len(line)) / 16)))
        parts += [line, np.zeros(RATE, np.float32)]
        at += len(line) + RATE
    speech = np.concatenate(parts)
    return speech + beds(bed, len(speech), rng) * np.float32(0.08 * 10 ** (-level_db / 20)), spans


def beds(kind: str, count: int, rng: np.random.Generator) -> FloatArray:
    """Noise, or notes struck twice a second, of unit power."""
    if kind == "noise":
        return rng.normal(0, 1, count).astype(np.float32)
    time, bed = np.arange(RATE // 2) / RATE, np.zeros(count + RATE)
    for start in range(0, count, RATE // 2):
        pitch = rng.choice([220, 262, 330, 392, 440])
        bed[start : start + len(time)] = sum(
            np.sin(2 * np.pi * pitch * h * time) / h * np.exp(-3 * time) for h in range(1, 6)
        )
    return np.asarray(bed[:count] / bed[:count].std(), np.float32)


@pytest.mark.parametrize(
    ("bed", "level"), [("noise", 60.0), ("noise", 30.0), ("noise", 20.0), ("music", 20.0)]
)
def test_each_onset_is_found_within_30_ms_and_the_median_within_20(bed: str, level: float) -> None:
    sound, truth = film(bed, level)
    found = vad.detect_samples(sound)
    errors = [min(abs(span.start - line.start) for span in found) for line in truth]
    assert np.median(errors) <= 20
    assert max(errors) <= 30


@pytest.mark.parametrize(("bed", "level"), [("noise", 60.0), ("noise", 20.0), ("music", 20.0)])
def test_speech_found_overlaps_speech_said(bed: str, level: float) -> None:
    sound, truth = film(bed, level)
    found = vad.detect_samples(sound)
    both = sum(a.overlap(b) for a in found for b in truth)
    either = sum(s.duration for s in found) + sum(s.duration for s in truth) - both
    assert both / either >= 0.95


def test_spans_are_sorted_disjoint_on_the_10_ms_grid_and_inside_the_sound() -> None:
    sound, _ = film("noise", 30)
    found = vad.detect_samples(sound)
    assert found
    assert all(a.end < b.start for a, b in pairwise(found))
    assert all(edge % 10 == 0 for span in found for edge in (span.start, span.end))
    assert found[-1].end <= len(sound) / 16


def test_seams_between_blocks_do_not_matter() -> None:
    sound, _ = film("noise", 30)
    sound = np.concatenate([sound, sound, sound])
    whole = vad.detect_samples(sound, block=len(sound) + vad.WINDOW)
    assert len(whole) >= 9
    assert vad.detect_samples(sound, block=2 * RATE) == whole
    assert vad.detect_samples(sound, block=7 * RATE + 123) == whole


def test_a_48_khz_stereo_file_gives_the_spans_of_its_sound(tmp_path: Path) -> None:
    import soxr

    sound, _ = film("noise", 40)
    wide = soxr.resample(sound, RATE, 48_000)
    soundfile.write(tmp_path / "film.wav", np.stack([wide, wide], axis=1), 48_000, subtype="FLOAT")
    seen: list[float] = []
    with AudioFile(tmp_path / "film.wav") as audio:
        found = vad.detect(audio, seen.append)
    expected = vad.detect_samples(sound)
    assert len(found) == len(expected)
    assert all(
        abs(a.start - b.start) <= 10 and abs(a.end - b.end) <= 10
        for a, b in zip(found, expected, strict=True)
    )
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1, abs=0.001)


@pytest.mark.parametrize("seconds", [0, 0.001, 0.02, 5])
def test_silence_holds_no_speech(seconds: float) -> None:
    assert vad.detect_samples(np.zeros(int(seconds * RATE), np.float32)) == ()


@pytest.mark.parametrize("kind", ["noise", "music"])
def test_a_bed_alone_holds_no_speech(kind: str) -> None:
    assert vad.detect_samples(beds(kind, 8 * RATE, np.random.default_rng(3)) * np.float32(0.1)) == ()


def test_level_and_dc_offset_hardly_move_an_edge() -> None:
    sound, _ = film("noise", 40)
    plain = vad.detect_samples(sound)
    loud = vad.detect_samples(np.clip(sound * 6, -1, 1).astype(np.float32))
    offset = vad.detect_samples(sound + np.float32(0.2))
    for other in (loud, offset):
        assert len(other) == len(plain)
        assert all(abs(a.start - b.start) <= 40 for a, b in zip(other, plain, strict=True))


def test_samples_that_are_not_numbers_do_not_spread() -> None:
    sound, truth = film("noise", 40)
    sound[:100] = np.nan
    assert len(vad.detect_samples(sound)) >= len(truth)


def test_the_sound_given_is_not_changed() -> None:
    sound, _ = film("noise", 40)
    before = sound.copy()
    vad.detect_samples(sound)
    assert np.array_equal(sound, before)


def test_the_digest_changes_with_the_code_the_libraries_and_each_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = {vad.digest()}
    assert seen == {vad.digest()}
    assert "silero" in vad.digest()
    for name, value in (("REVISION", 99), ("ENTER", 0.51), ("RISE_DB", 9.5), ("BANDS_HZ", (100, 200))):
        monkeypatch.setattr(vad, name, value)
        seen.add(vad.digest())
    for library in ("faster-whisper", "onnxruntime"):
        monkeypatch.setattr(
            importlib.metadata, "version", lambda asked, it=library: "9" if asked == it else "1"
        )
        seen.add(vad.digest())
    assert len(seen) == 7


def test_a_digest_without_the_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(MissingError) as missing:
        vad.digest()
    assert missing.value.hint is not None
    assert "faster-whisper" in missing.value.hint


def test_the_digest_loads_no_library() -> None:
    code = (
        "import sys; from dubber import vad; vad.digest()\n"
        "sys.exit(any(name in sys.modules for name in ('faster_whisper', 'onnxruntime')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
