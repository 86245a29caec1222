"""A film in surround stays one: the dub takes the centre, and the other channels stay."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import reels
import soundfile
from fiveone import (
    BED,
    BL,
    BR,
    CODEC_DELAY,
    DUB,
    FIVE_ONE,
    FL,
    FR,
    KEPT,
    LENGTH,
    SL,
    SR,
    TALK,
    assert_kept,
    centred,
    correlation,
    tone,
)
from reels import RATE, channels, surround

from align.types import Span
from dubber.audio import AudioFile, Stems
from dubber.errors import UsageError
from dubber.media import MuxPlan, Surround, dialogue_in, extract, mux, probe, write_audio
from dubber.stages import mix as mixer


def test_the_extracted_centre_is_the_films_own_in_both_channels_to_the_sample(tmp_path: Path) -> None:
    film = probe(surround(tmp_path / "film.mkv", "5.1", FIVE_ONE, "-c:a", "pcm_f32le"))
    assert film.audio().channels == 6
    made = extract(film, tmp_path / "centre.wav", centre=True)
    centre = soundfile.read(tmp_path / "centre.wav")[0]
    assert centre.shape == (film.duration * 48, 2) == (made.samples, 2)
    np.testing.assert_allclose(centre[:LENGTH, 0], FIVE_ONE[2], atol=1e-7)
    np.testing.assert_array_equal(centre[:, 0], centre[:, 1])


def test_no_centre_is_taken_from_a_track_that_has_none(tmp_path: Path) -> None:
    film = probe(surround(tmp_path / "film.mkv", "quad", (FL, FR, BL, BR), "-c:a", "flac"))
    with pytest.raises(ValueError, match="no centre"):
        extract(film, tmp_path / "out.wav", centre=True)


def test_channels_that_nobody_names_are_taken_as_ffmpeg_takes_them(tmp_path: Path) -> None:
    film = probe(surround(tmp_path / "film.mkv", "", FIVE_ONE, "-c:a", "pcm_s16le"))
    assert (film.audio().channels, film.audio().layout) == (6, None)
    found = dialogue_in(film)
    assert found.centre
    assert found.notes[0] == "The film does not say how its 6 channels are arranged: they are taken for 5.1."
    extract(film, tmp_path / "centre.wav", centre=True)
    centre = soundfile.read(tmp_path / "centre.wav")[0]
    np.testing.assert_allclose(centre[:LENGTH, 0], FIVE_ONE[2], atol=2**-15)
    made = mux(
        MuxPlan(film, centred(film, tmp_path), "spa", surround=Surround(film)), tmp_path / "out.mkv"
    ).film
    assert_kept(film, made)


@pytest.mark.parametrize(
    ("suffix", "layout", "codec", "written", "comes_back"),
    [
        (".mkv", "5.1(side)", "ac3", "ac3", "5.1(side)"),
        (".mp4", "5.1(side)", "eac3", "eac3", "5.1(side)"),
        (".mp4", "5.1", "aac", "aac", "5.1"),
        (".mkv", "5.1", "libopus", "opus", "5.1"),
        (".mkv", "5.1(side)", "flac", "flac", "5.1(side)"),
        (".mp4", "5.1(side)", "flac", "flac", "5.1(side)"),
        (".mov", "5.1", "pcm_s16le", "ac3", "5.1(side)"),
    ],
)
def test_all_channels_but_the_centre_stay_and_the_picture_too(
    tmp_path: Path, suffix: str, layout: str, codec: str, written: str, comes_back: str
) -> None:
    film = probe(surround(tmp_path / f"film{suffix}", layout, FIVE_ONE, "-c:a", codec, "-b:a", "640k"))
    plan = MuxPlan(film, centred(film, tmp_path), "spa", "Español", surround=Surround(film))
    done = mux(plan, tmp_path / f"out{suffix}")
    dub, original = done.film.of("audio")
    assert (dub.codec, dub.layout, dub.language, dub.default) == (written, comes_back, "spa", True)
    assert (original.codec, original.default) == (film.audio().codec, False)
    assert reels.packets(done.film.path, "0:a:1") == reels.packets(film.path, "0:a:0")
    assert reels.packets(done.film.path) == reels.packets(film.path)
    assert_kept(film, done.film)
    centre = channels(done.film)[:, 2]
    assert correlation(DUB + BED, centre)[0] > 0.995
    assert abs(correlation(TALK, centre)[0]) < 0.2
    assert [f"is {dub.codec.upper().replace('AC3', 'AC-3')}" in note for note in done.notes] == [True] * (
        written != film.audio().codec
    )


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_seven_one_stays_seven_one(tmp_path: Path, suffix: str) -> None:
    film = probe(surround(tmp_path / f"film{suffix}", "7.1", (*FIVE_ONE, SL, SR), "-c:a", "flac"))
    made = mux(
        MuxPlan(film, centred(film, tmp_path), "spa", surround=Surround(film)), tmp_path / f"out{suffix}"
    ).film
    assert made.audio().layout == "7.1"
    assert_kept(film, made, (*KEPT, 6, 7))


@pytest.mark.parametrize("late", [0.0, 0.7])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_a_late_start_stays_late_in_every_channel(tmp_path: Path, suffix: str, late: float) -> None:
    film = probe(surround(tmp_path / f"film{suffix}", "5.1(side)", FIVE_ONE, late=late))
    out = tmp_path / f"out{'.mkv' if suffix == '.ts' else suffix}"
    made = mux(MuxPlan(film, centred(film, tmp_path), "spa", surround=Surround(film)), out).film
    assert_kept(film, made)
    extract(film, tmp_path / "centre.wav", centre=True)
    centre = soundfile.read(tmp_path / "centre.wav")[0][:, 0]
    heard = correlation(TALK + BED, centre)[1] / 48
    begun = film.of("video")[0].start or 0
    assert heard - begun == pytest.approx(late * 1000, abs=20 if suffix == ".ts" else 1)
    assert correlation(centre, channels(film)[:, 2])[1] == 0


def test_a_film_that_is_stereo_for_a_while_keeps_all_channels_in_place(tmp_path: Path) -> None:
    around, pair = [sound[: 2 * RATE] for sound in FIVE_ONE], [FL[: 2 * RATE], FR[: 2 * RATE]]
    parts = [
        surround(tmp_path / f"{number}.ac3", layout, sounds, picture=False).read_bytes()
        for number, (layout, sounds) in enumerate(
            [("5.1(side)", around), ("stereo", pair), ("5.1(side)", around)]
        )
    ]
    (tmp_path / "all.ac3").write_bytes(b"".join(parts))
    reels.ffmpeg("-i", tmp_path / "all.ac3", "-c", "copy", tmp_path / "film.mka")
    film = probe(tmp_path / "film.mka")
    dub = centred(film, tmp_path)
    made = mux(MuxPlan(film, dub, "spa", surround=Surround(film)), tmp_path / "out.mka").film
    after = channels(made)
    assert len(after) / RATE == pytest.approx(film.duration / 1000, abs=0.05)
    assert abs(correlation(DUB + BED, after[:, 2])[1]) <= CODEC_DELAY
    frame = 2560 / 1536  # bytes for a sample of 640 kb/s
    joints = [round(sum(map(len, parts[:count])) / frame) for count in range(3)]
    for channel in KEPT:
        for number, joint in enumerate(joints):
            if number != 1 or channel < 2:
                alike, lag = correlation(
                    FIVE_ONE[channel][: RATE * 3 // 2], after[joint : joint + RATE * 3 // 2, channel]
                )
                assert alike > 0.95
                assert lag == pytest.approx(256, abs=CODEC_DELAY)


def test_a_dub_that_comes_through_a_pipe_is_muxed_while_it_comes(tmp_path: Path) -> None:
    film = probe(surround(tmp_path / "film.mkv", "5.1(side)", FIVE_ONE))
    dub = centred(film, tmp_path)
    mux(MuxPlan(film, dub, "spa", surround=Surround(film)), tmp_path / "file.mkv")
    pipe = tmp_path / "dub.f32"
    os.mkfifo(pipe)

    def write() -> None:
        samples = soundfile.read(dub, dtype="float32")[0]
        with pipe.open("wb") as listener:
            for start in range(0, len(samples), 4800):
                listener.write(samples[start : start + 4800].tobytes())

    with ThreadPoolExecutor(1) as beside:
        written = beside.submit(write)
        plan = MuxPlan(film, pipe, "spa", surround=Surround(film), live=True)
        mux(plan, tmp_path / "live.mkv", ready=written.result)
    for stream in ("0:v:0", "0:a:0", "0:a:1"):
        assert reels.packets(tmp_path / "live.mkv", stream) == reels.packets(tmp_path / "file.mkv", stream)


def test_the_sound_alone_has_the_films_channels_where_its_kind_of_file_holds_them(tmp_path: Path) -> None:
    film = probe(surround(tmp_path / "film.mka", "5.1(side)", FIVE_ONE, "-c:a", "flac", picture=False))
    dub, around = centred(film, tmp_path), Surround(film)
    for name, layout in (
        ("a.wav", "5.1(side)"),
        ("a.flac", "5.1(side)"),
        ("a.opus", "5.1"),
        ("a.m4a", "5.1"),
    ):
        write_audio(dub, tmp_path / name, duration=film.duration, language="spa", surround=around)
        made = probe(tmp_path / name)
        assert [stream.layout for stream in made.streams] == [layout]
        assert_kept(film, made)
    notes = write_audio(dub, tmp_path / "a.mp3", duration=film.duration, language="spa", surround=around)
    assert notes == ("The dub is mixed down to stereo: this kind of file cannot hold 5.1(side) sound.",)
    mixed = channels(probe(tmp_path / "a.mp3"))
    assert mixed.shape[1] == 2
    assert correlation(mixed[:, 0], FL + 0.5**0.5 * (DUB + BED + BL))[0] > 0.99
    with pytest.raises(UsageError, match="also an input"):
        write_audio(dub, film.path, duration=film.duration, language="spa", surround=around)


def test_a_loud_mixdown_does_not_clip(tmp_path: Path) -> None:
    loud = [tone(hertz, 0.9) for hertz in (440, 660, 330, 50, 990, 1320)]
    film = probe(surround(tmp_path / "film.mka", "5.1", loud, "-c:a", "flac", picture=False))
    dub = centred(film, tmp_path, loud[2])
    write_audio(dub, tmp_path / "a.mp3", duration=film.duration, language="spa", surround=Surround(film))
    assert np.abs(channels(probe(tmp_path / "a.mp3"))).max() < 1.0


def test_a_dub_with_its_bed_is_as_loud_as_the_film(tmp_path: Path) -> None:
    """Extracted, mixed and muxed as a run does it, with the true stem for a separated one."""
    film = probe(surround(tmp_path / "film.mkv", "5.1(side)", FIVE_ONE, "-c:a", "flac"))
    extract(film, tmp_path / "source.wav", centre=True)
    source = AudioFile(tmp_path / "source.wav")
    stem = np.zeros((source.frames, 2), np.float32)
    stem[:LENGTH] = TALK[:, None]
    soundfile.write(tmp_path / "stem.wav", stem, RATE, subtype="FLOAT")
    slot = Span(500, 3500)
    soundfile.write(tmp_path / "take.wav", (0.2 * DUB)[slot.samples], RATE, subtype="FLOAT")
    stems = Stems(source, AudioFile(tmp_path / "stem.wav"))
    line = mixer.MixLine("one", slot, slot, tmp_path / "take.wav", "Speaker 1")
    levels = mixer.measure_stems(stems)
    mixer.mix(stems, [line], tmp_path / "dub.wav", levels=levels)
    dub = soundfile.read(tmp_path / "dub.wav")[0]
    np.testing.assert_allclose(dub[:, 0], dub[:, 1], atol=1e-6)
    made = mux(MuxPlan(film, tmp_path / "dub.wav", "spa", surround=Surround(film)), tmp_path / "out.mkv").film
    assert reels.loudness(made, 0) == pytest.approx(reels.loudness(film), abs=0.5)
    assert reels.loudness(made, 1) == reels.loudness(film)
    centre = channels(made)[:, 2]
    assert abs(correlation(TALK, centre)[0]) < 0.2
    assert correlation(DUB, centre - np.pad(BED, (0, len(centre) - LENGTH)))[0] > 0.98
    silent = slice(round(4.0 * RATE), round(4.8 * RATE))
    np.testing.assert_allclose(centre[silent], BED[silent], atol=1e-4)
