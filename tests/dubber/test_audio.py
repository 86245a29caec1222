"""What dubber.audio promises: samples as they are on disk, silence around them, and no film held whole."""

from __future__ import annotations

import math
import resource
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile

from align.types import Span
from dubber import atomic
from dubber.audio import EDGE_MS, AudioFile, AudioWriter, Stems, blocks16k, mono16k, read_reference
from dubber.errors import MediaError, SpaceError


def noise(samples: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, (samples, channels)).astype(np.float32)


def written(path: Path, samples: np.ndarray) -> AudioFile:
    with AudioWriter(path, samples.shape[1]) as writer:
        writer.append(samples)
    return AudioFile(path)


def test_what_is_written_is_read_back_bit_for_bit(tmp_path: Path) -> None:
    sound = noise(10_007)
    with AudioWriter(tmp_path / "a.wav") as writer:
        for start in range(0, len(sound), 999):
            writer.append(sound[start : start + 999])
        assert writer.frames == len(sound)
    with AudioFile(tmp_path / "a.wav") as file:
        assert (file.frames, file.channels, file.rate, file.duration) == (10_007, 2, 48_000, 208)
        assert np.array_equal(file.read(0, 10_007), sound)
        assert file.read(0, 10_007).dtype == np.float32


def test_the_same_sound_gives_the_same_file(tmp_path: Path) -> None:
    written(tmp_path / "a.wav", noise(500))
    written(tmp_path / "b.wav", noise(500))
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_outside_the_file_there_is_silence(tmp_path: Path) -> None:
    sound = noise(100)
    file = written(tmp_path / "a.wav", sound)
    around = file.read(-50, 150)
    assert np.array_equal(around[50:150], sound)
    assert not around[:50].any() and not around[150:].any()
    assert not file.read(200, 300).any() and file.read(-20, -10).shape == (10, 2)
    assert file.read(7, 7).shape == (0, 2)
    with pytest.raises(ValueError, match="backwards"):
        file.read(10, 9)


def test_what_a_damaged_stream_decodes_to_does_no_harm(tmp_path: Path) -> None:
    sound = noise(100)
    sound[10], sound[20], sound[30] = np.nan, np.inf, -1e30
    read = written(tmp_path / "a.wav", sound).read(0, 100)
    assert [read[10, 0], read[20, 0], read[30, 0]] == [0, 16, -16]
    healthy = np.delete(np.arange(100), [10, 20, 30])
    assert np.array_equal(read[healthy], sound[healthy])


def test_other_channels_than_the_file_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="shape"), AudioWriter(tmp_path / "a.wav", 1) as writer:
        writer.append(noise(10))


def test_blocks_are_the_file_in_order(tmp_path: Path) -> None:
    sound = noise(1000)
    blocks = list(written(tmp_path / "a.wav", sound).blocks(300))
    assert [start for start, _ in blocks] == [0, 300, 600, 900]
    assert np.array_equal(np.concatenate([block for _, block in blocks]), sound)


def test_a_file_past_4_gib_keeps_its_end(tmp_path: Path) -> None:
    path, end = tmp_path / "long.wav", np.full((480, 2), 0.5, np.float32)
    with AudioWriter(path) as writer:
        writer.append(noise(480))
        writer._sound.seek(2**32 // 8)  # a hole in the file: it takes no room on disk
        writer.append(end)
    with AudioFile(path) as file:
        assert path.stat().st_size > 2**32
        assert file.frames == 2**32 // 8 + 480
        assert np.array_equal(file.read(file.frames - 480, file.frames), end)
        assert np.array_equal(file.read(0, 480), noise(480))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_a_space_error() -> None:
    with pytest.raises(SpaceError, match="cannot be written"), AudioWriter(Path("/dev/full")) as writer:
        writer.append(noise(48_000))


def test_a_folder_that_is_not_there_is_a_space_error(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="cannot be written"):
        AudioWriter(tmp_path / "nowhere" / "a.wav")


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all" * 50])
def test_what_is_no_sound_is_a_media_error(tmp_path: Path, content: bytes) -> None:
    for name in ("a.wav", "a.raw", "a.mp3"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(MediaError):
            AudioFile(tmp_path / name).read(0, 1)
        with pytest.raises(MediaError):
            read_reference(tmp_path / name)
    with pytest.raises(MediaError, match="no sound file"):
        _ = AudioFile(tmp_path / "missing.wav").frames


def test_the_bed_is_the_source_without_its_speech(tmp_path: Path) -> None:
    source, speech = noise(3000, seed=1), noise(2000, seed=2)
    stems = Stems(written(tmp_path / "source.wav", source), written(tmp_path / "speech.wav", speech))
    assert (stems.frames, stems.duration) == (3000, 62)
    assert np.array_equal(stems.bed(100, 1900), source[100:1900] - speech[100:1900])
    assert np.array_equal(stems.bed(2000, 3000), source[2000:])
    assert np.array_equal(stems.speech(-10, 2000)[10:], speech)


def test_stems_that_differ_in_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="differ"):
        Stems(written(tmp_path / "a.wav", noise(10)), written(tmp_path / "b.wav", noise(10, channels=1)))


WITHIN = (Span(10, 20), Span(45, 60), Span(200, 250))


def stems_within(tmp_path: Path, within: tuple[Span, ...] | None) -> tuple[Stems, np.ndarray, np.ndarray]:
    source, speech = noise(20_000, seed=1), noise(20_000, seed=2)
    files = written(tmp_path / "source.wav", source), written(tmp_path / "speech.wav", speech)
    return Stems(*files, within), source, speech


def test_the_stem_is_speech_within_its_spans_and_bed_everywhere_else(tmp_path: Path) -> None:
    stems, source, speech = stems_within(tmp_path, WITHIN)
    heard, bed = stems.speech(0, 20_000), stems.bed(0, 20_000)
    for span in WITHIN:
        assert np.array_equal(heard[span.samples], speech[span.samples])
    far = np.ones(20_000, bool)
    for span in WITHIN:
        far[max(0, span.start - EDGE_MS) * 48 : (span.end + EDGE_MS) * 48] = False
    assert 0 < far.sum() < 20_000
    assert not heard[far].any() and np.array_equal(bed[far], source[far])
    assert np.abs(heard + bed - source).max() <= np.spacing(np.float32(1))


def test_speech_swells_and_fades_outside_its_spans(tmp_path: Path) -> None:
    ones = np.ones((20_000, 2), np.float32)
    files = written(tmp_path / "source.wav", ones), written(tmp_path / "speech.wav", ones)
    share = Stems(*files, WITHIN).speech(0, 20_000)[:, 0]
    edge = EDGE_MS * 48
    assert share[200 * 48 - 1] > 0.999 and share[250 * 48] > 0.999
    assert share[200 * 48 - edge // 2] == pytest.approx(0.5, abs=0.01)
    assert np.all(np.diff(share[200 * 48 - edge : 200 * 48]) >= 0)
    assert np.abs(share[200 * 48 - edge : 200 * 48] - share[250 * 48 : 250 * 48 + edge][::-1]).max() < 1e-6
    between = share[20 * 48 : 45 * 48]  # 25 ms apart: the nearer span decides
    assert between.min() == pytest.approx(0.5 + 0.5 * np.cos(np.pi * 12.5 / EDGE_MS), abs=0.01)
    assert np.abs(np.diff(share)).max() < 0.002


def test_any_block_of_stems_is_that_stretch_of_the_whole(tmp_path: Path) -> None:
    stems, _, _ = stems_within(tmp_path, WITHIN)
    speech, bed = stems.speech(0, 20_000), stems.bed(0, 20_000)
    for size in (1, 7, 479, 4_801):
        for start in (*range(0, 20_000 - size, 1_013), 479, 480, 961, 20_000 - size):
            assert np.array_equal(stems.speech(start, start + size), speech[start : start + size])
            assert np.array_equal(stems.bed(start, start + size), bed[start : start + size])
    assert np.array_equal(stems.speech(-10, 500)[10:], speech[:500])


def test_without_any_span_all_of_the_source_is_bed(tmp_path: Path) -> None:
    stems, source, _ = stems_within(tmp_path, ())
    assert np.array_equal(stems.bed(0, 20_000), source)
    assert stems.speech(3, 5).shape == (2, 2)


@pytest.mark.parametrize("spans", [(Span(5, 9), Span(0, 3)), (Span(0, 5), Span(4, 9))])
def test_spans_of_speech_out_of_order_are_refused(tmp_path: Path, spans: tuple[Span, ...]) -> None:
    with pytest.raises(ValueError, match="sorted and disjoint"):
        stems_within(tmp_path, spans)


def test_a_stretch_at_16_khz_is_that_stretch_of_the_whole(tmp_path: Path) -> None:
    file = written(tmp_path / "a.wav", noise(48_000))
    whole = mono16k(file, 0, 48_000)
    assert whole.shape == (16_000,) and whole.dtype == np.float32
    assert np.abs(mono16k(file, 9_600, 19_200) - whole[3_200:6_400]).max() < 1e-5


@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000])
def test_a_tone_stays_in_time_and_level_at_16_khz(tmp_path: Path, rate: int) -> None:
    def tone(hz: int, samples: int) -> np.ndarray:
        return 0.5 * np.sin(2 * math.pi * 440 * np.arange(samples) / hz)

    soundfile.write(tmp_path / "a.wav", np.stack([tone(rate, rate)] * 2, axis=1), rate, subtype="FLOAT")
    heard = mono16k(AudioFile(tmp_path / "a.wav"), 0, rate)
    assert np.abs(heard - tone(16_000, 16_000))[200:-200].max() < 1e-3


def test_blocks_at_16_khz_overlap_as_asked_and_reach_the_end(tmp_path: Path) -> None:
    file = written(tmp_path / "a.wav", noise(48_000))
    blocks = list(blocks16k(file, 300, 100))
    assert [start for start, _ in blocks] == [0, 200, 400, 600, 800]
    assert [len(samples) for _, samples in blocks] == [4800, 4800, 4800, 4800, 3200]
    whole = mono16k(file, 0, 48_000)
    for start, samples in blocks:
        assert np.abs(samples - whole[start * 16 : start * 16 + len(samples)]).max() < 1e-5
    with pytest.raises(ValueError, match="cannot overlap"):
        list(blocks16k(file, 100, 100))


def test_a_film_shorter_than_a_block_is_one_block(tmp_path: Path) -> None:
    blocks = list(blocks16k(written(tmp_path / "a.wav", noise(480)), 30_000, 1_000))
    assert [(start, len(samples)) for start, samples in blocks] == [(0, 160)]


@pytest.mark.parametrize("name", ["voice.wav", "voice.flac", "voice.ogg", "voice.mp3"])
def test_a_voice_is_read_from_every_usual_format(tmp_path: Path, name: str) -> None:
    tone = 0.4 * np.sin(2 * math.pi * 220 * np.arange(44_100) / 44_100)
    soundfile.write(tmp_path / name, np.stack([tone, tone], axis=1), 44_100)
    samples, rate = read_reference(tmp_path / name)
    assert rate == 44_100 and samples.dtype == np.float32 and samples.ndim == 1
    assert 1.0 <= len(samples) / rate < 1.1
    assert np.abs(samples[10_000:30_000]).max() == pytest.approx(0.4, abs=0.02)


def test_a_voice_file_that_no_engine_could_use_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "empty.wav", np.zeros((0, 1)), 48_000)
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan), 48_000, subtype="FLOAT")
    soundfile.write(tmp_path / "long.wav", np.zeros(301 * 1000), 1000)
    for name, reason in (("empty.wav", "no sound"), ("nan.wav", "not numbers"), ("long.wav", "longer than")):
        with pytest.raises(MediaError, match=reason):
            read_reference(tmp_path / name)


def test_a_file_that_outgrows_its_disk_is_told_under_the_name_that_the_person_knows(tmp_path: Path) -> None:
    limit, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limit[1]))
    try:
        with (
            pytest.raises(SpaceError) as caught,
            atomic.replacing(tmp_path / "mix.wav") as temporary,
            AudioWriter(temporary) as writer,
        ):
            writer.append(noise(48_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / 'mix.wav'} cannot be written: ")
    assert "bytes) are free" in said
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_with_the_bytes_that_are_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(atomic, "free_space", lambda _: 4096)
    monkeypatch.setattr(atomic.os, "access", lambda *_: True)
    refused = atomic.refusal(tmp_path / "mix.wav")
    assert "the disk is full (4.1 kB (4,096 bytes) are free)" in str(refused)


@pytest.mark.parametrize(
    ("name", "said"),
    [("gone/a.wav", "folder is not there"), ("file/a.wav", "a file stands"), ("folder", "a folder stands"),
     ("x" * 256, "too long")],
)  # fmt: skip
def test_a_place_that_takes_no_sound_is_told_as_what_it_is(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "file").write_bytes(b"a file")
    (tmp_path / "folder").mkdir()
    with pytest.raises(SpaceError, match=said):
        AudioWriter(tmp_path / name)
