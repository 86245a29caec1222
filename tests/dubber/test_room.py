"""What dubber.stages.acoustics and dubber.stages.room promise: the film's room is found, and its lines sound in it."""

from __future__ import annotations

import json
import math
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soxr
from spoken import RATE, say

from align.types import Line, Slot, Span
from dubber.audio import AudioFile, AudioWriter, Stems
from dubber.loudness import loudness_of
from dubber.media import MIXED
from dubber.stages import acoustics
from dubber.stages.mix import measure_stems
from dubber.stages.room import TAIL_MS, THIRDS_HZ, Band, Echo, Room, third_octaves
from dubber.steps import mixing
from dubber.steps.sound import Sound
from dubber.store import Cache, Key

HZ = 48_000
TEXTS = (
    "The old house at the corner was empty for years.",
    "Nobody ever asked who lived there before.",
    "Yesterday somebody turned on the light upstairs.",
    "I saw it from the street and I stopped.",
    "Then the door opened, slowly, and a man came out.",
    "He looked at me as if he knew my name.",
)


@lru_cache
def spoken(text: str, voice: str = "en-us", pitch: int = 50) -> np.ndarray:
    """Speech without a room: 48 kHz mono."""
    sound = soxr.resample(say(text, voice=voice, pitch=pitch), RATE, HZ)
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


@lru_cache
def film(gap_ms: int = 800, pitch: int = 50, count: int = 6) -> tuple[np.ndarray, tuple[Span, ...]]:
    """Six lines without a room, and where they are."""
    parts, spans, now = [], [], 300
    parts.append(np.zeros(300 * 48, np.float32))
    for text in TEXTS[:count]:
        line = spoken(text, pitch=pitch)
        line = line[: len(line) // 48 * 48]
        parts += [line, np.zeros(gap_ms * 48, np.float32)]
        spans.append(Span(now, now + len(line) // 48))
        now = spans[-1].end + gap_ms
    return np.concatenate(parts), tuple(spans)


def convolved(sound: np.ndarray, taps: np.ndarray) -> np.ndarray:
    size = 1 << (len(sound) + len(taps)).bit_length()
    return np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(taps, size), size)[: len(sound)].astype(
        np.float32
    )


def in_room(sound: np.ndarray, decay: float, direct_db: float, seed: int = 0) -> np.ndarray:
    """In a room of white noise that falls by 60 dB in `decay` s; the direct sound is `direct_db` over all of it."""
    t = np.arange(round(1.2 * decay * HZ)) / HZ
    taps = np.random.default_rng(seed).normal(size=len(t)) * 10 ** (-3 * t / decay) * (t > 0.003)
    taps *= math.sqrt(10 ** (-direct_db / 10) / np.sum(taps**2))
    taps[0] = 1.0
    return convolved(sound, taps)


def between(sound: np.ndarray, low: float, high: float) -> np.ndarray:
    """Nothing but what lies between two frequencies."""
    spectrum, hz = np.fft.rfft(sound), np.fft.rfftfreq(len(sound), 1 / HZ)
    return np.fft.irfft(np.where((hz >= low) & (hz <= high), spectrum, 0), len(sound)).astype(np.float32)


def noise(count: int, level_db: float) -> np.ndarray:
    return (np.random.default_rng(5).normal(size=count) * 10 ** (level_db / 20)).astype(np.float32)


def heard(folder: Path, sound: np.ndarray, spans: tuple[Span, ...], speakers: list[str] | None = None):
    """The rooms of the lines of one scene."""
    with AudioWriter(folder / "stem.wav") as writer:
        writer.append(np.stack([sound, sound], axis=1))
    with AudioFile(folder / "stem.wav") as stem:
        return acoustics.rooms(stem, spans, speakers or ["A"] * len(spans))


def decay_after(sound: np.ndarray, end: int, seconds: float) -> float:
    """Seconds for 60 dB, from how the sound falls after sample `end`, over `seconds`."""
    size = 480
    part = sound[end + 2 * size : end + round(seconds * HZ)]
    level = 10 * np.log10(np.mean(part[: len(part) // size * size].reshape(-1, size) ** 2, axis=1))
    return -60 / float(np.polyfit(np.arange(len(level)) * size / HZ, level, 1)[0])


@pytest.mark.parametrize("decay", [0.3, 0.6, 1.0])
@pytest.mark.parametrize(("direct_db", "pitch"), [(0.0, 40), (3.0, 75), (8.0, 50)])
def test_how_long_a_room_rings_is_found(tmp_path: Path, decay: float, direct_db: float, pitch: int) -> None:
    dry, spans = film(pitch=pitch)
    room = heard(tmp_path, in_room(dry, decay, direct_db) + noise(len(dry), -65), spans)[0]
    assert room is not None and room.echo is not None and room.band is None
    assert room.echo.decay == pytest.approx((decay, decay), rel=0.3)
    # A strong ring is found weaker than it is: it hides the places in which nothing else sounds.
    assert -direct_db - 6.5 <= room.echo.ratio <= -direct_db + 4.0


def test_more_direct_sound_means_less_ring(tmp_path: Path) -> None:
    dry, spans = film()
    ratios = [heard(tmp_path, in_room(dry, 0.6, db), spans)[0].echo.ratio for db in (-2, 3, 9)]  # type: ignore[union-attr]
    assert ratios[0] > ratios[1] + 1 > ratios[2] + 3


@pytest.mark.parametrize("pitch", [40, 55, 75])
@pytest.mark.parametrize("hiss", [None, -50.0])
def test_a_studio_has_no_room(tmp_path: Path, pitch: int, hiss: float | None) -> None:
    dry, spans = film(pitch=pitch)
    sound = dry if hiss is None else dry + noise(len(dry), hiss)
    assert heard(tmp_path, sound, spans) == [None] * len(spans)


def test_too_little_speech_says_nothing(tmp_path: Path) -> None:
    dry, spans = film(count=1)
    short = in_room(dry, 0.6, 0)[: 900 * 48]
    assert heard(tmp_path, short, (Span(300, 800),)) == [None]
    assert heard(tmp_path, np.zeros(HZ, np.float32), (Span(0, 1000), Span(1000, 1000))) == [None, None]
    assert acoustics.scenes([]) == []
    assert spans


@pytest.mark.parametrize("direct_db", [0.0, 6.0])
@pytest.mark.parametrize("decay", [0.3, 0.6, 1.0])
def test_a_line_rings_as_the_film_does(tmp_path: Path, decay: float, direct_db: float) -> None:
    dry, spans = film()
    room = heard(tmp_path, in_room(dry, decay, direct_db), spans)[0]
    assert room is not None
    take = spoken("Nadie preguntó nunca quién vivía allí.", "es")
    wet = room.around(take)
    assert len(wet) == len(take) + TAIL_MS * 48
    assert decay_after(wet, len(take), min(0.38, 0.8 * decay)) == pytest.approx(decay, rel=0.3)
    assert np.abs(wet[-48:]).max() < 1e-4
    assert np.array_equal(room.around(take), wet)


def test_lines_in_a_room_measure_like_the_film(tmp_path: Path) -> None:
    """The whole way round: found, applied to other speech, found again."""
    dry, spans = film()
    room = heard(tmp_path, in_room(dry, 0.6, 3), spans)[0]
    assert room is not None and room.echo is not None
    other, others = film(pitch=70)
    dub = np.zeros_like(other)
    for span in others:
        wet = room.around(other[span.samples])
        dub[span.samples.start : span.samples.start + len(wet)] += wet
    again = heard(tmp_path, dub, others)[0]
    assert again is not None and again.echo is not None
    assert again.echo.decay == pytest.approx((0.6, 0.6), rel=0.3)
    assert again.echo.ratio == pytest.approx(room.echo.ratio, abs=3)


@pytest.mark.parametrize(("low", "high"), [(300, 3400), (0, 800), (400, 2500)])
def test_a_telephone_and_a_door_are_found_and_the_take_is_cut_like_the_film(
    tmp_path: Path, low: float, high: float
) -> None:
    dry, spans = film()
    source = between(dry, low, high)
    room = heard(tmp_path, source, spans)[0]
    assert room is not None and room.band is not None and room.echo is None
    third = 10**0.1
    assert high / third <= room.band.high <= high * third
    assert low / third <= room.band.low <= low * third
    take = spoken(" ".join(TEXTS[2:5]))
    cut = room.around(take)
    assert cut.shape == take.shape
    theirs, ours, before = (third_octaves(one) for one in (source, cut, take))
    middle = [index for index, hz in enumerate(THIRDS_HZ) if max(low, 100) * third < hz < high / third]
    assert np.abs(ours - before)[middle].max() < 1.0
    # What is 40 dB down is as good as gone.
    theirs, ours = (np.maximum(one - one[middle].mean(), -40) for one in (theirs, ours))
    for index in set(range(len(THIRDS_HZ))) - set(middle):
        nearby = theirs[max(index - 1, 0) : index + 2]
        assert nearby.min() - 3 <= ours[index] <= nearby.max() + 3


def test_a_band_is_the_speakers_and_a_ring_the_scenes(tmp_path: Path) -> None:
    dry, spans = film()
    source, who = in_room(dry, 0.6, 3), ["caller", "host"] * 3
    for span, name in zip(spans, who, strict=True):
        if name == "caller":
            source[span.samples] = between(source[span.samples], 300, 3400)
    rooms = heard(tmp_path, source, spans, who)
    assert [room is not None and room.band is not None for room in rooms] == [True, False] * 3
    assert len({room.echo for room in rooms if room}) == 1 and rooms[0].echo is not None


def test_a_line_in_a_band_does_not_click_at_its_ends() -> None:
    take = spoken(TEXTS[1])[2000:-2000]
    band = Band(280.0, 3550.0, tuple(0.0 if 280 < hz < 3550 else -50.0 for hz in THIRDS_HZ))
    cut = Room(band=band).around(take)
    edges = np.abs(np.concatenate([cut[:2], cut[-2:]])).max()
    assert edges < 0.02 * np.abs(cut).max() < np.abs(take).max()


def test_a_take_that_has_nothing_there_is_not_touched() -> None:
    band = Band(300, 3400, tuple(0.0 if 300 < hz < 3400 else -35.0 for hz in THIRDS_HZ))
    take = between(spoken(TEXTS[0]), 400, 3000)
    assert Room(band=band).around(take) is take
    assert Room().around(take) is take


def test_scenes_end_at_silences_and_are_bounded() -> None:
    near = [Span(start, start + 1000) for start in range(0, 60_000, 2000)]
    assert [len(scene) for scene in acoustics.scenes(near)] == [24, 6]
    assert acoustics.scenes([Span(0, 1000), Span(5_999, 7_000), Span(12_000, 13_000)]) == [[0, 1], [2]]


@pytest.mark.parametrize(
    "room",
    [
        Room(),
        Room(Echo((0.61, 0.4), -6.5)),
        Room(Echo((0.3, 0.3), 0.0), Band(281.8, 3548.1, (-30.5, *[0.0] * 20))),
        Room(band=Band(0.0, math.inf, (1.0,) * 21)),
    ],
)
def test_a_room_survives_json(room: Room) -> None:
    assert Room.from_json(json.loads(json.dumps(room.to_json(), allow_nan=False))) == room


def test_nothing_rings_out_of_an_empty_take() -> None:
    empty = np.zeros(0, np.float32)
    assert not Room(Echo((0.5, 0.5), -3.0)).around(empty).any()


def test_a_runs_rooms_are_found_once_kept_and_part_of_its_mix(tmp_path: Path) -> None:
    dry, spans = film()
    with AudioWriter(tmp_path / "film.wav") as writer:
        writer.append(np.stack([in_room(dry, 0.6, 3)] * 2, axis=1))
    stem = AudioFile(tmp_path / "film.wav")
    sound = Sound(
        Stems(stem, stem), spans, MIXED, Key("extract", "a"), Key("separate", "b"), Key("listen", "c")
    )
    takes: list[Any] = []
    for index, span in enumerate(spans):
        line, path = Line(f"s{index}", span, "text", "A"), tmp_path / f"take{index}.wav"
        samples = dry[span.samples] * np.float32(0.3)
        with AudioWriter(path, channels=1) as writer:
            writer.append(samples)
        slot = Slot(line.id, span, span.duration)
        takes.append(
            SimpleNamespace(
                id=line.id,
                line=line,
                slot=slot,
                part=SimpleNamespace(line=line, source=span),
                kept=SimpleNamespace(path=path, key=Key("take", f"{index}"), loudness=loudness_of(samples)),
            )
        )
    (tmp_path / "cache").mkdir()
    measured = mixing.Measured(measure_stems(sound.stems), Key("levels", "d"))
    notes: list[str] = []
    reports = []
    for room in (False, True, True):
        run: Any = SimpleNamespace(
            settings=SimpleNamespace(room=room, background="bed", target="es"),
            cache=Cache(tmp_path / "cache"),
            project=SimpleNamespace(run_settings=lambda _: None),
            stage=lambda _: nullcontext(lambda _: None),
            note=notes.append,
        )
        mixed = mixing.prepare(run, sound, takes, measured)
        report = mixed.write(tmp_path / f"mix{len(reports)}.wav", lambda _: None)
        reports.append((mixed.key, report, run.cache.counts))
    (plain, dry_report, _), (wet, first, made), (same, second, found) = reports
    assert plain != wet == same
    assert made["room"].misses == 1 and made["placed"].misses == 6
    assert found["room"].misses == 0 == found["placed"].misses
    assert first == second and first["over"] != dry_report["over"]
    assert notes[0] == notes[1] and notes[0].startswith("Of 6 lines, 6 ring")
    for told, span in zip(first["lines"], spans, strict=True):
        heard_line = AudioFile(tmp_path / "mix1.wav").read(span.samples.start, span.samples.stop)
        assert loudness_of(heard_line).integrated == pytest.approx(told["source"], abs=1.0)
