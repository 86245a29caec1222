"""Beside Dolby sound a dub is as loud on a receiver as on a computer, and compressed no more than it was recorded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import ffmpeg
import pytest
import reels
from fiveone import BED, CODEC_DELAY, DUB, FIVE_ONE, TALK, centred, correlation
from reels import channels, surround

from dubber.media import Film, MuxPlan, Surround, mux, probe
from dubber.media.dolby import dialnorm


@pytest.mark.parametrize("codec", ["ac3", "eac3"])
@pytest.mark.parametrize(("layout", "count"), [("5.1(side)", 6), ("3.0", 3)])
def test_the_dub_states_the_dialogue_level_that_the_film_states(
    tmp_path: Path, codec: str, layout: str, count: int
) -> None:
    options = ("-c:a", codec, "-b:a", "384k", "-dialnorm", "-24")
    film = probe(surround(tmp_path / "film.mkv", layout, FIVE_ONE[:count], *options))
    around = Surround(film)
    assert around.dialnorm == 24
    made = mux(MuxPlan(film, centred(film, tmp_path), "spa", surround=around), tmp_path / "out.mkv").film
    assert Surround(made).dialnorm == 24
    assert dialnorm(b"") is None
    assert dialnorm(b"no frame at all") is None


@pytest.mark.parametrize(("layout", "count"), [("mono", 1), ("stereo", 2), ("4.0", 4), ("5.0(side)", 5)])
def test_the_dialogue_level_is_read_whatever_stands_before_it(
    tmp_path: Path, layout: str, count: int
) -> None:
    options = ("-c:a", "ac3", "-b:a", "384k", "-dialnorm", "-19")
    film = probe(surround(tmp_path / "film.mka", layout, FIVE_ONE[:count], *options, picture=False))
    assert Surround(film).dialnorm == 19


def stereo(path: Path, codec: str, *options: str) -> Film:
    return probe(surround(path, "stereo", (TALK, TALK), "-c:a", codec, "-b:a", "192k", *options))


@pytest.mark.parametrize(("suffix", "codec"), [(".mkv", "ac3"), (".mp4", "eac3"), (".mov", "ac3")])
def test_a_stereo_dub_beside_dolby_states_its_dialogue_level_too(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    film = stereo(tmp_path / f"film{suffix}", codec, "-dialnorm", "-27")
    done = mux(MuxPlan(film, centred(film, tmp_path), "spa"), tmp_path / f"out{suffix}")
    dub, original = done.film.of("audio")
    assert (dub.codec, dub.channels, original.codec) == (codec, 2, codec)
    assert Surround(done.film, 0).dialnorm == Surround(done.film, 1).dialnorm == 27
    assert done.notes == ()
    alike, lag = correlation(DUB + BED, channels(done.film)[:, 0])
    assert alike > 0.995
    assert abs(lag) <= CODEC_DELAY


def test_the_track_that_is_dubbed_is_the_one_whose_level_counts(tmp_path: Path) -> None:
    quiet = stereo(tmp_path / "quiet.mkv", "ac3", "-dialnorm", "-20")
    plain = stereo(tmp_path / "plain.mkv", "aac")
    both = ("-map", "0:v", "-map", "0:a", "-map", "1:a", "-c", "copy")
    reels.ffmpeg("-i", plain.path, "-i", quiet.path, *both, tmp_path / "film.mkv")
    film = probe(tmp_path / "film.mkv")
    for track, codec in enumerate(("aac", "ac3")):
        made = mux(MuxPlan(film, centred(film, tmp_path), "spa", track=track), tmp_path / "out.mkv").film
        assert made.audio().codec == codec


def test_dolby_that_no_receiver_turns_down_needs_no_dolby_beside_it(tmp_path: Path) -> None:
    film = stereo(tmp_path / "film.mkv", "ac3", "-dialnorm", "-31")
    done = mux(MuxPlan(film, centred(film, tmp_path), "spa"), tmp_path / "out.mkv")
    assert (done.film.audio().codec, done.notes) == ("aac", ())


def test_a_dub_that_cannot_state_the_level_is_told_of_with_the_difference(tmp_path: Path) -> None:
    options = ("-c:a", "ac3", "-b:a", "384k", "-dialnorm", "-27")
    film = probe(surround(tmp_path / "film.mkv", "3.1", FIVE_ONE[:4], *options))
    plan = MuxPlan(film, centred(film, tmp_path), "spa", surround=Surround(film))
    done = mux(plan, tmp_path / "out.mkv")
    assert done.film.audio().codec == "flac"
    assert "4 dB softer" in done.notes[-1]
    alone = mux(replace(plan, keep_original=False), tmp_path / "out.mkv")
    assert len(alone.notes) == len(done.notes) - 1
    mixed = mux(plan, tmp_path / "out.mp4")
    assert (mixed.film.audio().codec, Surround(mixed.film).dialnorm) == ("ac3", 27)
    assert not any("softer" in note for note in mixed.notes)


def test_compression_that_a_dolby_stream_asks_for_is_not_baked_in(tmp_path: Path) -> None:
    asked = []
    for name, codec in (("film", "ac3"), ("other", "flac")):
        film = probe(surround(tmp_path / f"{name}.mkv", "5.1", FIVE_ONE, "-c:a", codec, "-b:a", "640k"))
        joined = Surround(film).joined(ffmpeg.input("dub.wav"), film.audio().layout)
        asked.append("-drc_scale 0" in " ".join(ffmpeg.output(joined, "out").get_args()))
    assert asked == [True, False]
