"""Where a film's dialogue is, decided by ear: in the centre alone, or not; and whoever wonders is told."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import reels
from fiveone import BED, BL, BR, FIVE_ONE, FL, FR, LENGTH, LFE, NOTHING, SECONDS, SL, SR, TALK, speech, tone
from reels import RATE, Sound, surround

from align.types import Span
from dubber.media import Dialogue, dialogue_in, probe
from dubber.media import dialogue as module


@pytest.mark.parametrize(
    ("layout", "sounds"),
    [
        ("3.0", (FL, FR, TALK)),
        ("5.0", (FL, FR, TALK, BL, BR)),
        ("5.1", FIVE_ONE),
        ("5.1(side)", FIVE_ONE),
        ("7.1", (*FIVE_ONE, SL, SR)),
    ],
)
def test_dialogue_in_the_centre_alone_is_dubbed_there(
    tmp_path: Path, layout: str, sounds: tuple[Sound, ...]
) -> None:
    film = probe(surround(tmp_path / "film.mka", layout, sounds, "-c:a", "flac", picture=False))
    found = dialogue_in(film)
    assert found.centre
    assert found.notes == (
        f"The dub takes the centre of the film's {layout} sound; the other channels stay as they are.",
    )
    assert Dialogue.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("sounds", "why"),
    [
        ((TALK, TALK, NOTHING), "heard in the centre channel"),
        ((TALK, NOTHING, BED), "heard in the centre channel"),
        ((0.3 * TALK, 0.3 * TALK, TALK), "in the front channels as well"),
        ((FL, FR, tone(550)), "nobody was heard"),
        ((NOTHING, NOTHING, NOTHING), "nobody was heard"),
    ],
    ids=["fronts", "left", "spread", "tones", "silence"],
)
def test_dialogue_elsewhere_is_dubbed_in_stereo_and_the_person_is_told(
    tmp_path: Path, sounds: tuple[Sound, ...], why: str
) -> None:
    film = probe(surround(tmp_path / "film.mka", "5.1", (*sounds, LFE, BL, BR), picture=False))
    found = dialogue_in(film)
    assert not found.centre
    (note,) = found.notes
    assert note.startswith("The dub is stereo")
    assert why in note


def test_music_in_all_channels_is_not_taken_for_spread_dialogue(tmp_path: Path) -> None:
    music = tone(440, 0.03) + tone(660, 0.03)
    sounds = (music, music, TALK + music, LFE, BL, BR)
    assert dialogue_in(probe(surround(tmp_path / "film.mka", "5.1", sounds, picture=False))).centre


def test_voices_that_stay_in_the_fronts_are_told_of(tmp_path: Path) -> None:
    left = speech((3.9, "Look out!"), pitch=80)
    found = dialogue_in(probe(surround(tmp_path / "film.mka", "5.1", (left, *FIVE_ONE[1:]), picture=False)))
    assert found.centre
    assert "in the front channels alone" in found.notes[-1]


@pytest.mark.parametrize(
    ("layout", "sounds", "said"),
    [
        ("mono", (TALK,), ()),
        ("stereo", (TALK, TALK), ()),
        ("2.1", (TALK, TALK, LFE), ("2.1 sound has no centre",)),
        ("quad", (TALK, TALK, BL, BR), ("quad sound has no centre",)),
    ],
)
def test_films_without_a_centre_are_dubbed_as_ever(
    tmp_path: Path, layout: str, sounds: tuple[Sound, ...], said: tuple[str, ...]
) -> None:
    film = probe(surround(tmp_path / "film.mka", layout, sounds, "-c:a", "flac", picture=False))
    found = dialogue_in(film)
    assert not found.centre
    assert len(found.notes) == len(said)
    assert all(part in note for part, note in zip(said, found.notes, strict=True))


def test_a_film_that_does_not_say_how_many_channels_it_has_is_told_of(tmp_path: Path) -> None:
    film = probe(surround(tmp_path / "film.mka", "stereo", (TALK, TALK), "-c:a", "flac", picture=False))
    for count in (None, 0):
        untold = replace(film, streams=(replace(film.audio(), channels=count, layout=None),))
        (note,) = dialogue_in(untold).notes
        assert "does not say how many" in note


def test_sound_that_ends_long_before_the_picture_is_listened_to_as_far_as_it_goes(tmp_path: Path) -> None:
    sound = surround(tmp_path / "sound.mka", "5.1", FIVE_ONE, "-c:a", "aac", picture=False)
    picture = ("-f", "lavfi", "-i", "color=s=16x16:r=1:d=47")
    reels.ffmpeg(*picture, "-i", sound, *reels.H264, "-c:a", "copy", tmp_path / "film.mkv")
    film = probe(tmp_path / "film.mkv")
    assert film.duration == 47_000
    assert not len(module._decoded(film, film.audio(), Span(30_000, 45_000), 16_000))
    assert dialogue_in(film).centre


@pytest.mark.parametrize("background", ["duck", "none"])
def test_a_film_turned_down_under_the_dub_is_turned_down_whole(tmp_path: Path, background: str) -> None:
    film = probe(surround(tmp_path / "film.mka", "5.1", FIVE_ONE, picture=False))
    found = dialogue_in(film, background=background)
    assert not found.centre
    assert background in found.notes[0]


@pytest.mark.parametrize("duration", [1, 15_000, 359_999, 400_000, 5_400_000, 10_800_000, 86_400_000])
def test_what_is_listened_to_is_bounded_and_spread_over_the_film(duration: int) -> None:
    rounds = module._rounds(duration)
    heard = sorted(span for stretches in rounds for span in stretches)
    assert sum(span.duration for span in heard) <= 4 * 24 * 15_000
    assert all(before.end <= after.start for before, after in pairwise(heard))
    assert heard[-1].end <= duration
    assert sum(span.duration for span in rounds[0]) >= min(duration, 180_000)
    if duration > 360_000:
        gaps = [after.start - before.end for before, after in pairwise(rounds[0])]
        assert max([rounds[0][0].start, *gaps, duration - rounds[0][-1].end]) <= duration / 10
    else:
        assert [Span(heard[0].start, heard[-1].end)] == [Span(0, duration)]


def test_a_stretch_is_sought_on_the_films_own_clock(tmp_path: Path) -> None:
    left = tone(440) * (np.arange(LENGTH) > 2.5 * RATE)
    film = probe(surround(tmp_path / "film.ts", "5.1(side)", (left, NOTHING, TALK, LFE, BL, BR)))
    assert film.start_us > 1_000_000  # the container's own clock does not start at 0
    whole = module._decoded(film, film.audio(), Span(0, 10_000), 16_000)
    assert len(whole) == pytest.approx(SECONDS * 16_000, abs=1600)
    for stretch, sounding in ((Span(500, 1500), 0.0), (Span(3500, 4500), np.std(whole[56_000:, 1]))):
        sound = module._decoded(film, film.audio(), stretch, 16_000)
        assert len(sound) == pytest.approx(16_000, abs=3200)
        assert np.std(sound[:, 1]) == pytest.approx(sounding, rel=0.1, abs=1e-3)
