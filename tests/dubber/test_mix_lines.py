"""What the mix makes of a line beside laying it down: its swell, its room, a whisper; and what it leaves alone."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mixes import MS, Film, line, music, stereo, voice

from dubber.limiter import REACH
from dubber.loudness import loudness_of
from dubber.stages.mix import Earlier
from dubber.stages.room import Echo, Room


def swelling(ms: int, first: float, last: float, level: float = -22.0, pitch: float = 120.0) -> np.ndarray:
    """A voice whose level goes evenly from `first` to `last` dB, `level` LUFS as a whole."""
    sound = voice(ms, pitch) * (10 ** (np.linspace(first, last, ms * MS) / 20)).astype(np.float32)
    return sound * np.float32(10 ** ((level - loudness_of(sound).integrated) / 20))


def fall(sound: np.ndarray) -> float:
    """LU by which a line is louder in its first third than in its last."""
    third = len(sound) // 3
    return loudness_of(sound[:third]).integrated - loudness_of(sound[-third:]).integrated


def test_a_line_swells_and_fades_as_the_actor_does_and_keeps_its_loudness(tmp_path: Path) -> None:
    film = Film(tmp_path, 14_000, music(14_000, -45))
    fading = film.say(500, stereo(swelling(4_000, 5, -5, -20)))
    rising = film.say(7_000, stereo(swelling(4_000, -5, 5, -26)))
    lines = [line("1", 600, voice(4_400, 200), fading), line("2", 7_000, voice(3_800, 90), rising)]
    dub, report = film.mix(lines)
    for said, told, sign in zip(lines, report.lines, (1, -1), strict=True):
        heard = dub[said.slot.samples] - film.bed[said.slot.samples]
        assert 3.5 < sign * fall(heard) <= 8
        assert loudness_of(heard).integrated == pytest.approx(told.source, abs=0.5)
        assert max(np.abs(told.curve)) <= 4


def test_a_source_that_its_bed_drowns_says_nothing_about_swell(tmp_path: Path) -> None:
    film = Film(tmp_path, 6_000, music(6_000, -18))
    source = film.say(500, stereo(swelling(4_000, 5, -5, -24)))
    assert film.mix([line("1", 500, voice(4_000, 200), source)])[1].lines[0].curve == ()


def test_a_whisper_stays_a_whisper(tmp_path: Path) -> None:
    """Also where all speech is raised for the programme, and beside lines that the limiter holds down."""
    film = Film(tmp_path, 40_000)
    loud = film.say(1_000, stereo(voice(12_000, level=-14)))
    whisper = film.say(15_000, stereo(voice(3_000, level=-34)))
    soft = film.say(20_000, stereo(voice(12_000, level=-21)))
    lines = [
        line("loud", 1_000, voice(2_000), loud),
        line("whisper", 15_000, voice(3_300, 200), whisper),
        line("soft", 20_000, voice(12_000), soft),
    ]
    dub, report = film.mix(lines, background="none")
    assert report.correction > 0.5
    assert report.lines[0].mixed == pytest.approx(-14 + report.correction, abs=0.1)
    heard = loudness_of(dub[lines[1].slot.samples]).integrated
    assert heard == pytest.approx(-34, abs=0.3) and report.lines[1].mixed == pytest.approx(-34, abs=0.1)
    assert report.dub == pytest.approx(loudness_of(dub).integrated, abs=0.01)


def lopsided(ms: int) -> np.ndarray:
    """A bed whose channels have nothing in common."""
    left, right = music(ms, -30, 1), music(ms, -38, 2)
    return np.stack([left[:, 0], right[:, 1]], axis=1)


RINGS = Room(Echo((0.8, 0.5), -3.0))


@pytest.mark.parametrize("room", [None, RINGS])
def test_outside_lines_and_what_rings_after_them_the_bed_is_untouched_to_the_bit(
    tmp_path: Path, room: Room | None
) -> None:
    film = Film(tmp_path, 23_000, lopsided(23_000))
    lines = []
    for number, start in enumerate((1_003, 5_000, 9_500, 14_111)):
        source = film.say(start, stereo(swelling(2_500, 4, -4, -24), 0.4 * number - 0.6))
        lines.append(replace(line(str(number), start, voice(2_611, 170), source), room=room))
    dub, report = film.mix(lines)
    assert report.reduction == 0.0
    stems = film.stems()
    bed = stems.bed(0, stems.frames)
    touched = np.zeros(len(bed), bool)
    for said in lines:
        touched[said.sounds.samples] = True
        rings = dub[said.slot.samples.stop :][: 400 * MS] - bed[said.slot.samples.stop :][: 400 * MS]
        assert (np.abs(rings).max() > 1e-4) == (room is not None)
    assert np.array_equal(dub[~touched], bed[~touched])
    assert touched.mean() < 0.65
    assert [said.sounds.end - said.slot.end for said in lines] == [600 if room else 0] * 4


def test_a_line_in_a_room_is_as_loud_as_what_it_replaces_and_its_take_stays_dry(tmp_path: Path) -> None:
    film = Film(tmp_path, 8_000)
    source = film.say(1_000, stereo(voice(3_000, level=-22)))
    take = voice(3_000, 180)
    before = take.copy()
    said = replace(line("1", 1_000, take, source), room=Room(Echo((0.6, 0.6), 0.0)))
    dub, report = film.mix([said], background="none")
    assert loudness_of(dub[said.slot.samples]).integrated == pytest.approx(-22, abs=0.2)
    assert report.lines[0].take > loudness_of(take).integrated + 1
    assert np.array_equal(take, before)
    assert not dub[said.sounds.samples.stop :].any()


def test_a_room_that_does_nothing_changes_no_bit(tmp_path: Path) -> None:
    film = Film(tmp_path, 5_000, music(5_000))
    source = film.say(1_000, stereo(voice(3_000)))
    plain = line("1", 1_000, voice(2_900, 150), source)
    assert np.array_equal(film.mix([plain])[0], film.mix([replace(plain, room=Room())])[0])


def test_a_ring_runs_on_under_the_next_line_and_over_the_films_end(tmp_path: Path) -> None:
    film = Film(tmp_path, 21_000)
    source = film.say(8_000, stereo(voice(2_000)))
    first = replace(line("1", 8_000, voice(1_990), source), room=RINGS)
    last = replace(line("2", 19_000, voice(2_000), source), room=RINGS)
    alone, _ = film.mix([first, last], background="none")
    middle = line("m", 9_990, voice(1_000, 90), source)
    dub, report = film.mix([first, middle, last], background="none")
    assert report.correction == 0
    under = dub[middle.slot.samples] - alone[middle.slot.samples]
    gain = 10 ** (report.lines[1].gain / 20) * math.sqrt(0.5)
    np.testing.assert_allclose(under[:, 0], voice(1_000, 90) * gain, atol=1e-6)
    assert np.abs(alone[9_990 * MS : 10_200 * MS]).max() > 1e-3


def test_an_edited_line_changes_its_own_surroundings_alone_with_rooms_and_curves(tmp_path: Path) -> None:
    film = Film(tmp_path, 42_300, music(42_300, -40))
    lines = []
    for number, start in enumerate((400, 9_500, 18_990, 30_050, 39_000)):
        source = film.say(start, stereo(swelling(1_900, 5, -5)))
        said = line(str(number), start, voice(1_900, 150), source)
        lines.append(replace(said, digest=f"take {number}", room=RINGS if number != 3 else None))
    before, first = film.mix(lines)
    (tmp_path / "dub.wav").rename(tmp_path / "earlier.wav")
    edited = [*lines]
    edited[2] = replace(lines[2], take=line("2", 18_990, voice(1_900, 260)).take, digest="another")
    whole, _ = film.mix(edited)
    copied, again = film.mix(edited, earlier=Earlier(tmp_path / "earlier.wav", first.blocks))
    assert first.lines[2].curve and np.array_equal(copied, whole)
    far = np.ones(len(before), bool)
    far[lines[2].sounds.samples.start - REACH : lines[2].sounds.samples.stop + REACH] = False
    assert np.array_equal(whole[far], before[far])
    changed = [n for n, (a, b) in enumerate(zip(first.blocks, again.blocks, strict=True)) if a != b]
    assert set(changed) <= {1, 2} and changed


def test_the_limiter_turns_both_channels_down_alike(tmp_path: Path) -> None:
    film = Film(tmp_path, 4_000, lopsided(4_000))
    source = film.say(500, stereo(voice(3_000, level=-7), -0.8))
    dub, report = film.mix([line("1", 500, voice(3_000, 170), source)])
    assert report.reduction > 1
    gains = (10 ** (report.lines[0].gain / 20) * stereo(voice(3_000, 170), report.lines[0].pan)).astype(
        np.float64
    )
    whole = film.bed.astype(np.float64)
    whole[500 * MS : 3_500 * MS] += gains
    loud = np.abs(whole).min(axis=1) > 1e-2
    ratio = dub[loud] / whole[loud]
    assert ratio.min() < 0.9
    np.testing.assert_allclose(ratio[:, 0], ratio[:, 1], rtol=2e-3)
