"""Demucs behind the door: the library's own result, without ever holding a film."""

from __future__ import annotations

import shutil
import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import soxr
import torch
from stems import difference_db, separated, sound

from align.types import Span
from bench.tiny import demucs as tiny
from dubber.audio import AudioFile, Stems
from dubber.errors import MissingError, UsageError
from dubber.stages.separate import rates, windows
from dubber.stages.separate.demucs import Demucs, _Vocals

FloatArray = npt.NDArray[np.float32]

SIGNATURE = tiny.BAGS["htdemucs"][0]
LENGTH = 22_050
"""Samples of the tiny network's segment."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    for name in tiny.BAGS:
        tiny.write(folder / name, name)
    return folder


@pytest.fixture
def store(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of one's own, to be spoiled."""
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path / "models"))
    return Path(shutil.copytree(written, tmp_path / "models"))


def library(folder: Path, name: str, mix: FloatArray, film: FloatArray) -> FloatArray:
    """The vocals (n, 2) that demucs itself makes of a mix (n, 2) at 44.1 kHz, with its own loader; brought to the level
    of the film itself, which the mix is with its rims."""
    import yaml
    from demucs.apply import BagOfModels, apply_model
    from demucs.hf import load_safetensors_model

    described = yaml.safe_load((folder / f"{name}.yaml").read_text())
    networks = [load_safetensors_model(folder / f"{one}.safetensors") for one in described["models"]]
    bag = BagOfModels(networks, described.get("weights"), described.get("segment"))
    wave = torch.from_numpy(mix.T.copy())
    mean, deviation = float(film.mean(1).mean()), float(film.mean(1).std()) + 1e-8
    out = apply_model(bag, ((wave - mean) / deviation)[None], shifts=0, overlap=0.25)[0, 3]
    return np.asarray((out * deviation).T.numpy(), np.float32)


@pytest.mark.parametrize(
    ("name", "samples"), [("htdemucs", 70_001), ("htdemucs", 9_000), ("htdemucs_ft", 40_000)]
)
def test_the_stem_is_what_the_library_makes_of_the_whole_film(
    store: Path, tmp_path: Path, name: str, samples: int
) -> None:
    source = sound(samples)
    stem = separated(tmp_path, source, name)
    rim = rates.RIM * rates.FILM_STEP
    whole = np.pad(source, ((rim, -samples % rates.FILM_STEP + rim), (0, 0)), "symmetric")
    mix = soxr.resample(whole, 48_000, 44_100)
    expected = soxr.resample(library(store / name, name, mix, source), 44_100, 48_000)[rim : rim + samples]
    assert stem.shape == source.shape
    assert stem.std() > 0.003
    assert difference_db(stem, expected) < -80


@pytest.mark.parametrize("total", [1, LENGTH - 1, LENGTH, 16_537, 16_538, 2 * 16_537 + 1, 100_003])
@pytest.mark.parametrize("batch", [1, 3])
def test_windows_make_no_seams_wherever_the_film_ends(total: int, batch: int) -> None:
    from demucs.apply import apply_model

    class Odd(torch.nn.Module):
        """Cheap, and not the same in the middle of what it hears as at its rims."""

        sources, samplerate, segment = ("vocals",), 44_100, Fraction(1, 2)

        def valid_length(self, length: int) -> int:
            return max(length, LENGTH)

        def forward(self, mix: torch.Tensor) -> torch.Tensor:
            return (
                torch.tanh(mix) + 0.1 * torch.linspace(-1, 1, mix.shape[-1]) + mix.mean((1, 2), keepdim=True)
            )[:, None]

    def network(heard: FloatArray) -> FloatArray:
        assert 1 <= len(heard) <= batch
        return np.asarray(Odd()(torch.from_numpy(heard).transpose(1, 2))[:, 0].transpose(1, 2))

    mix = sound(total)
    expected = apply_model(Odd(), torch.from_numpy(mix.T.copy())[None], shifts=0, overlap=0.25)[
        0, 0
    ].T.numpy()
    blocks = (mix[start : start + 7_001] for start in range(0, total, 7_001))
    made = np.concatenate(list(windows.run(network, blocks, total, LENGTH, batch=batch)))
    assert made.shape == mix.shape
    assert difference_db(made, expected) < -110


def test_windows_hold_no_more_of_a_long_film_than_of_a_short_one() -> None:
    def peak(seconds: int) -> int:
        blocks = (np.full((44_100, 2), 0.1, np.float32) for _ in range(seconds))
        tracemalloc.start()
        for _ in windows.run(lambda heard: heard, blocks, 44_100 * seconds, 44_100, batch=2):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(200) < 1.1 * peak(10) < 20 * 44_100 * 8


@pytest.mark.parametrize("frames", [1, 159, 160, 48_000, 100_001])
def test_to_the_networks_rate_and_back_keeps_every_sample_in_its_place(frames: int) -> None:
    at = np.arange(frames)
    tone = np.stack([np.sin(at / 9), np.cos(at / 31)], axis=1).astype(np.float32) * np.float32(0.5)
    tone *= np.clip(np.minimum(at, frames - 1 - at) / 2_000, 0, 1)[:, None].astype(np.float32)
    there = list(rates.to_network((tone[start : start + 999] for start in range(0, frames, 999)), frames))
    assert sum(map(len, there)) == rates.network_frames(frames)
    back = np.concatenate(list(rates.to_film(there, frames)))
    assert back.shape == tone.shape
    assert np.abs(back - tone).max() < 2e-5


@pytest.mark.parametrize("frames", [1, 100, 48_000, 48_077])
@pytest.mark.parametrize("size", [50, 4_800, 50_000])
def test_sound_that_starts_and_stops_dead_comes_back_to_its_last_sample(frames: int, size: int) -> None:
    at = np.arange(frames)
    tones = sum(np.sin(at * step + 1) for step in (0.05, 0.3, 0.9))  # up to 7 kHz
    film = np.stack([tones, -tones], axis=1).astype(np.float32) * np.float32(0.2)
    there = rates.to_network((film[start : start + size] for start in range(0, frames, size)), frames)
    back = np.concatenate(list(rates.to_film(there, frames)))
    assert back.shape == film.shape
    assert np.abs(back - film).max() < 0.005 * np.abs(film).max()  # -46 dB; cut off, it would be -20 dB


def test_mono_is_heard_as_two_equal_channels_and_comes_back_as_one(store: Path, tmp_path: Path) -> None:
    source = sound(30_000, channels=1)
    alone = separated(tmp_path, source)
    both = separated(tmp_path, np.repeat(source, 2, axis=1))
    assert alone.shape == source.shape
    assert np.abs(alone - both.mean(axis=1, keepdims=True)).max() < 1e-7


def test_speech_and_bed_are_the_source(store: Path, tmp_path: Path) -> None:
    source = sound(40_000)
    separated(tmp_path, source)
    stems = Stems(AudioFile(tmp_path / "source.wav"), AudioFile(tmp_path / "stem.wav"))
    both = stems.speech(0, len(source)) + stems.bed(0, len(source))
    assert np.abs(both - source).max() <= np.spacing(np.float32(0.5))


def test_a_film_without_a_single_sample_has_an_empty_stem(store: Path, tmp_path: Path) -> None:
    assert separated(tmp_path, np.zeros((0, 2), np.float32)).shape == (0, 2)


def test_digital_silence_stays_silent_and_is_not_given_to_the_network(store: Path, tmp_path: Path) -> None:
    source = sound(250_000)
    source[60_000:200_000] = 0
    stem = separated(tmp_path, source)
    assert not stem[85_000:175_000].any()
    assert stem[:60_000].std() > 0.001 and stem[200_000:].std() > 0.001
    assert not separated(tmp_path, np.zeros((60_000, 2), np.float32)).any()


def test_an_offset_stays_in_the_bed(store: Path, tmp_path: Path) -> None:
    source = sound(50_000)
    before = separated(tmp_path, source)
    after = separated(tmp_path, source + np.float32(0.25))
    assert difference_db(after[5_000:-5_000], before[5_000:-5_000]) < -60


def test_the_same_film_gives_the_same_file(store: Path, tmp_path: Path) -> None:
    source = sound(30_000)
    separated(tmp_path, source)
    first = (tmp_path / "stem.wav").read_bytes()
    separated(tmp_path, source)
    assert (tmp_path / "stem.wav").read_bytes() == first


def test_progress_rises_to_one_and_close_forgets_the_network(store: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "source.wav", sound(90_000), 48_000, subtype="FLOAT")
    engine, seen = Demucs(device="cpu"), list[float]()
    with AudioFile(tmp_path / "source.wav") as audio:
        engine.separate(audio, [Span(0, 10)], tmp_path / "stem.wav", seen.append)
    assert len(set(seen)) > 3 and seen == sorted(seen) and seen[-1] == 1.0
    assert engine._vocals is not None
    engine.close()
    assert engine._vocals is None


def test_other_rates_and_channels_are_a_mistake_of_the_caller(store: Path, tmp_path: Path) -> None:
    for channels, rate in ((2, 44_100), (6, 48_000)):
        soundfile.write(tmp_path / "a.wav", np.zeros((10, channels)), rate)
        with pytest.raises(ValueError, match="cannot separate"):
            Demucs(device="cpu").separate(AudioFile(tmp_path / "a.wav"), [], tmp_path / "b.wav")


# --- memory of a GPU


class Crowded(torch.nn.Module):
    """A network that fits `room` segments into memory at once, and is the sound halved."""

    samplerate, segment = 44_100, Fraction(1, 2)

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room, self.asked = room, list[int]()

    def to(self, *_: Any, **__: Any) -> Crowded:
        if self.room < 0:
            raise RuntimeError("MPS backend out of memory")
        return self

    def forward(self, mix: torch.Tensor) -> torch.Tensor:
        self.asked.append(len(mix))
        if len(mix) > self.room:
            raise torch.OutOfMemoryError("out of memory")
        return torch.stack([mix / 2] * 4, dim=1)


def test_where_memory_is_short_fewer_segments_are_run_at_once() -> None:
    network = Crowded(2)
    vocals = _Vocals("htdemucs", [(network, 1.0)], None, "cpu")
    vocals.batch = 8
    heard = np.random.default_rng(0).normal(0, 0.1, (9, 100, 2)).astype(np.float32)
    assert np.abs(vocals(heard, 1.0) - heard / 2).max() < 1e-7
    assert network.asked == [8, 4, 2, 2, 2, 2, 1]
    vocals(heard, 1.0)
    assert network.asked[7:] == [2, 2, 2, 2, 1]


def test_where_not_even_one_segment_fits_a_sentence_says_so() -> None:
    vocals = _Vocals("htdemucs", [(Crowded(0), 1.0)], None, "cpu")
    vocals.batch = 4
    with pytest.raises(MissingError, match="a single segment"):
        vocals(np.zeros((5, 100, 2), np.float32), 1.0)


def test_where_the_network_itself_does_not_fit_a_sentence_says_so(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((10, 2)), 48_000)
    monkeypatch.setattr("dubber.stages.separate.checkpoint.load", lambda _: Crowded(-1))
    with pytest.raises(MissingError, match="memory of the device cpu"):
        Demucs(device="cpu").separate(AudioFile(tmp_path / "a.wav"), [], tmp_path / "b.wav")


def test_an_error_that_is_not_about_memory_is_not_taken_for_one() -> None:
    class Broken(Crowded):
        def forward(self, mix: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        _Vocals("htdemucs", [(Broken(4), 1.0)], None, "cpu")(np.ones((1, 100, 2), np.float32), 1.0)


def test_what_is_not_sound_is_never_written() -> None:
    class Broken(Crowded):
        def forward(self, mix: torch.Tensor) -> torch.Tensor:
            return super().forward(mix) / 0

    with pytest.raises(MissingError, match="not sound"):
        _Vocals("htdemucs", [(Broken(4), 1.0)], None, "cpu")(np.ones((1, 100, 2), np.float32), 1.0)


# --- names and digests


def test_only_known_models_and_devices_that_are_there_are_taken(store: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no separator"):
        Demucs("../htdemucs")
    soundfile.write(tmp_path / "a.wav", np.zeros((10, 2)), 48_000)
    with pytest.raises(MissingError, match="no device tpu"):
        Demucs(device="tpu").separate(AudioFile(tmp_path / "a.wav"), [], tmp_path / "b.wav")


def test_the_digest_names_the_weights_that_make_the_stem(store: Path) -> None:
    engine = Demucs("htdemucs_ft")
    assert (engine.name, engine.needs_speech) == ("htdemucs_ft", False)
    assert engine.digest() == engine.digest() == Demucs("htdemucs_ft").digest() != Demucs().digest()
    *others, vocals = tiny.BAGS["htdemucs_ft"]
    (store / "htdemucs_ft" / f"{others[0]}.safetensors").unlink()
    assert Demucs("htdemucs_ft").digest() == engine.digest(), (
        "only the last network has a share of the vocals"
    )
    tiny.write_network(store / "htdemucs_ft" / f"{vocals}.safetensors", tiny.network(9), tiny.TINY)
    assert Demucs("htdemucs_ft").digest() != engine.digest()


def test_weights_that_changed_since_they_were_recorded_are_not_used(store: Path) -> None:
    from dubber.models import catalogue
    from dubber.models import store as models

    models.record_as_is(catalogue.named("htdemucs"))
    Demucs().digest()
    tiny.write_network(store / "htdemucs" / f"{SIGNATURE}.safetensors", tiny.network(9), tiny.TINY)
    with pytest.raises(models.DamagedError, match="other bytes"):
        Demucs().digest()


def test_a_model_that_is_not_there_is_named_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path))
    with pytest.raises(MissingError, match="htdemucs is not on this machine") as told:
        Demucs().digest()
    assert "dubber models pull htdemucs" in str(told.value.hint)
