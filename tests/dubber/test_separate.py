"""The light separator: exact outside speech, and inside it better than no separation at all."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from spoken import say

from align.types import Span
from dubber.audio import AudioFile
from dubber.stages.separate import mask as room

FloatArray = npt.NDArray[np.float32]

TEXTS = ("The old house is near the river.", "My brother bought seven green books.")


def lines() -> tuple[FloatArray, list[Span]]:
    """Two sentences at 48 kHz, RMS −22 dB, and where they are."""
    import soxr

    parts, spans, at = [np.zeros(48_000, np.float32)], [], 48_000
    for text in TEXTS:
        line = soxr.resample(say(text), 16_000, 48_000)
        line = line[: len(line) // 48 * 48] * (0.08 / line.std())
        spans.append(Span(at // 48, (at + len(line)) // 48))
        parts += [line, np.zeros(48_000, np.float32)]
        at += len(line) + 48_000
    return np.concatenate(parts).astype(np.float32), spans


def noise(count: int, channels: int, level_db: float, seed: int = 1) -> FloatArray:
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 0.08, (count, channels)) * 10 ** (-level_db / 20)).astype(np.float32)


def separated(tmp_path: Path, source: FloatArray, spans: list[Span]) -> FloatArray:
    soundfile.write(tmp_path / "source.wav", source, 48_000, subtype="FLOAT")
    with AudioFile(tmp_path / "source.wav") as audio:
        room.Mask().separate(audio, spans, tmp_path / "speech.wav")
    stem, rate = soundfile.read(tmp_path / "speech.wav", dtype="float32", always_2d=True)
    assert rate == 48_000
    return np.asarray(stem, np.float32)


def inside(spans: list[Span], count: int, margin: int = 0) -> npt.NDArray[np.bool_]:
    mask = np.zeros(count, bool)
    for span in spans:
        mask[max(0, span.start - margin) * 48 : (span.end + margin) * 48] = True
    return mask


def si_sdr(estimate: FloatArray, truth: FloatArray) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al., ICASSP 2019)."""
    scaled = truth * float((estimate * truth).sum() / (truth * truth).sum())
    return 10 * float(np.log10((scaled**2).sum() / ((estimate - scaled) ** 2).sum()))


@pytest.mark.parametrize("level", [20.0, 10.0])
@pytest.mark.parametrize("wide", [True, False])
def test_speech_comes_out_cleaner_than_it_went_in(tmp_path: Path, level: float, wide: bool) -> None:
    voice, spans = lines()
    bed = noise(len(voice), 2 if wide else 1, level)
    truth = np.stack([voice, voice], axis=1)
    source = truth + bed
    stem = separated(tmp_path, source, spans)
    speaking = inside(spans, len(voice))
    gain = si_sdr(stem[speaking], truth[speaking]) - si_sdr(source[speaking], truth[speaking])
    assert gain >= 5
    left_over = (truth - stem)[speaking]
    assert 20 * np.log10(left_over.std() / truth[speaking].std()) <= -15


def test_speech_on_one_side_stays_on_that_side(tmp_path: Path) -> None:
    voice, spans = lines()
    truth = np.stack([voice, np.zeros_like(voice)], axis=1)
    stem = separated(tmp_path, truth + noise(len(voice), 2, 20), spans)
    speaking = inside(spans, len(voice))
    assert si_sdr(stem[speaking], truth[speaking]) >= 20
    assert stem[speaking, 1].std() < 0.1 * stem[speaking, 0].std()


def test_the_stem_is_exactly_zero_away_from_speech_and_as_long_as_the_source(tmp_path: Path) -> None:
    voice, spans = lines()
    source = np.stack([voice, voice], axis=1) + noise(len(voice), 2, 20)
    stem = separated(tmp_path, source, spans)
    assert stem.shape == source.shape
    far = ~inside(spans, len(voice), room.EDGE_MS)
    assert far.any()
    assert not stem[far].any()
    assert np.array_equal((source - stem)[far], source[far])


def test_speech_without_a_bed_comes_out_whole(tmp_path: Path) -> None:
    voice, spans = lines()
    source = np.stack([voice, voice], axis=1)
    stem = separated(tmp_path, source, spans)
    speaking = inside(spans, len(voice))
    assert np.abs(stem - source)[speaking].max() < 1e-5


def test_block_length_does_not_change_the_stem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    voice, spans = lines()
    source = np.stack([voice, voice], axis=1) + noise(len(voice), 1, 20)
    whole = separated(tmp_path, source, spans)
    monkeypatch.setattr(room, "BLOCK", 20 * room.HOP)
    assert np.abs(separated(tmp_path, source, spans) - whole).max() < 1e-5


def test_no_speech_gives_a_silent_stem(tmp_path: Path) -> None:
    stem = separated(tmp_path, noise(48_000, 2, 0), [])
    assert stem.shape == (48_000, 2)
    assert not stem.any()


def test_speech_from_the_first_sample_to_the_last_is_not_lost(tmp_path: Path) -> None:
    voice, spans = lines()
    voice = voice[spans[0].samples]
    source = np.stack([voice, voice], axis=1) + noise(len(voice), 2, 30)
    stem = separated(tmp_path, source, [Span(0, len(voice) // 48)])
    middle = slice(48 * room.EDGE_MS, -48 * room.EDGE_MS)
    assert stem.shape == source.shape
    assert si_sdr(stem[middle], np.stack([voice, voice], axis=1)[middle]) >= 10


def test_progress_rises_to_one(tmp_path: Path) -> None:
    voice, spans = lines()
    soundfile.write(tmp_path / "source.wav", np.stack([voice, voice], axis=1), 48_000, subtype="FLOAT")
    seen: list[float] = []
    with AudioFile(tmp_path / "source.wav") as audio:
        room.Mask().separate(audio, spans, tmp_path / "speech.wav", seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_beds_are_learned_as_the_film_goes_by_and_only_two_silences_are_held(tmp_path: Path) -> None:
    islands = [Span(1000 + 1000 * n, 1400 + 1000 * n) for n in range(20)]
    soundfile.write(tmp_path / "source.wav", noise(22 * 48_000, 1, 0), 48_000, subtype="FLOAT")
    at, ahead, held = [0.0], [], []
    with AudioFile(tmp_path / "source.wav") as audio:
        read = audio.read

        def watched(start: int, stop: int) -> FloatArray:
            ahead.append(stop / audio.frames - at[-1])
            return read(start, stop)

        def progress(share: float) -> None:
            at.append(share)
            held.append(sum(type(one) is room._Bed for one in gc.get_objects()))

        audio.read = watched  # type: ignore[method-assign]
        room.Mask().separate(audio, islands, tmp_path / "speech.wav", progress)
    assert max(ahead) * 22 < 3, "seconds read before the stem got there"
    assert 1 <= max(held) <= 4, "beginning and end of the silence behind and of the one ahead"


def test_progress_is_told_inside_long_speech_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BLOCK", 24 * room.HOP)
    soundfile.write(tmp_path / "source.wav", noise(4 * 48_000, 1, 0), 48_000, subtype="FLOAT")
    seen: list[float] = []
    with AudioFile(tmp_path / "source.wav") as audio:
        room.Mask().separate(audio, [Span(0, 4000)], tmp_path / "speech.wav", seen.append)
    assert len({round(share, 1) for share in seen if 0.05 < share < 0.95}) >= 5


def test_the_digest_changes_with_the_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    before = room.Mask().digest()
    monkeypatch.setattr(room, "REVISION", room.REVISION + 1)
    assert room.Mask().digest() != before
