"""What dubber.stages.mix promises: takes to the sample in their slots, at the level of what they replace."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mixes import MS, Film, line, music, stereo, voice

from align.types import Span
from dubber.audio import AudioWriter
from dubber.limiter import REACH
from dubber.loudness import loudness_of, true_peak
from dubber.stages.mix import BlockMix, Earlier, Levels, MixLine, measure_stems, mix


def test_a_take_lies_exactly_in_its_slot(tmp_path: Path) -> None:
    film = Film(tmp_path, 5_000)
    source = film.say(1_003, stereo(voice(1_500)))
    take = voice(1_711, pitch=200)
    dub, report = film.mix([line("1", 1_017, take, source)], background="none")
    slot = slice(1_017 * MS, 1_017 * MS + len(take))
    gain = 10 ** (report.lines[0].gain / 20) * math.sqrt(0.5)
    np.testing.assert_allclose(dub[slot], take[:, None] * gain * np.ones(2), atol=1e-6)
    assert not dub[: slot.start].any() and not dub[slot.stop :].any()


def test_lines_are_as_loud_as_what_they_replace(tmp_path: Path) -> None:
    film = Film(tmp_path, 30_000, music(30_000, -40))
    lines = []
    for number, (level, length) in enumerate(
        [(-14, 2_000), (-22, 300), (-30, 1_234), (-38, 777), (-22, 3_000)]
    ):
        source = film.say(1_000 + 5_000 * number, stereo(voice(length, level=level)))
        lines.append(line(str(number), source.start - 100, voice(length + 217, 210, -27.0), source))
    dub, report = film.mix(lines)
    for said, told in zip(lines, report.lines, strict=True):
        heard = loudness_of(dub[said.slot.samples] - film.bed[said.slot.samples]).integrated
        wanted = loudness_of(film.speech[said.source.samples]).integrated
        assert told.measured and told.source == pytest.approx(wanted, abs=0.01)
        assert abs(heard - wanted) <= 1.5
        assert heard == pytest.approx(told.mixed, abs=0.2)
        assert told.mixed == pytest.approx(told.take + told.gain)


def test_the_bed_outside_the_lines_is_the_films_own(tmp_path: Path) -> None:
    film = Film(tmp_path, 12_000, music(12_000, -20))
    source = film.say(4_000, stereo(voice(3_000, level=-22)))
    dub, _ = film.mix([line("1", 4_000, voice(2_800), source)])
    assert np.abs(dub - film.bed)[: 4_000 * MS].max() < 1e-6
    assert np.abs(dub - film.bed)[7_000 * MS :].max() < 1e-6


@pytest.mark.parametrize("bed_level", [-60, -32, -24])
def test_the_dub_is_as_loud_as_the_film(tmp_path: Path, bed_level: float) -> None:
    film = Film(tmp_path, 24_000, music(24_000, bed_level))
    lines = []
    for start in range(1_000, 20_000, 4_000):
        source = film.say(start, stereo(voice(2_500, level=-20 - start / 4_000)))
        lines.append(line(str(start), start, voice(3_100, 190, -30), source))
    _, report = film.mix(lines)
    assert report.dub == pytest.approx(report.source, abs=0.5)


@pytest.mark.parametrize(("said", "dubbed", "direction"), [(12_000, 2_000, 1), (2_000, 12_000, -1)])
def test_all_speech_is_moved_a_little_where_the_film_would_change_its_loudness(
    tmp_path: Path, said: int, dubbed: int, direction: int
) -> None:
    film = Film(tmp_path, 30_000)
    loud = film.say(1_000, stereo(voice(said, level=-14)))
    soft = film.say(15_000, stereo(voice(12_000, level=-21)))
    dub, report = film.mix(
        [line("1", 1_000, voice(dubbed), loud), line("2", 15_000, voice(12_000), soft)], background="none"
    )
    assert 0.5 < direction * report.correction <= 1.2
    assert report.dub == pytest.approx(loudness_of(dub).integrated, abs=0.01)
    for told in report.lines:
        assert told.mixed - told.source == pytest.approx(report.correction, abs=0.01)


@pytest.mark.parametrize("pan", [-1.0, -0.5, 0.0, 0.7, 1.0])
def test_a_line_stands_where_its_speaker_stood(tmp_path: Path, pan: float) -> None:
    film = Film(tmp_path, 4_000)
    source = film.say(500, stereo(voice(2_000), pan))
    dub, report = film.mix([line("1", 500, voice(2_000, 180), source)])
    assert report.lines[0].pan == pytest.approx(pan, abs=0.02)
    left, right = np.sqrt((dub**2).mean(axis=0))
    assert math.atan2(right, left) * 4 / math.pi - 1 == pytest.approx(pan, abs=0.02)
    assert report.lines[0].mixed == pytest.approx(loudness_of(dub[source.samples]).integrated, abs=0.1)


def test_a_nearly_centred_line_is_centred(tmp_path: Path) -> None:
    film = Film(tmp_path, 3_000)
    source = film.say(500, stereo(voice(2_000), 0.05))
    assert film.mix([line("1", 500, voice(2_000), source)])[1].lines[0].pan == 0.0


def test_where_nobody_spoke_a_line_is_as_loud_as_its_speaker_is_elsewhere(tmp_path: Path) -> None:
    film = Film(tmp_path, 30_000)
    lines = []
    for number, (speaker, level) in enumerate([("A", -18), ("B", -28), ("A", -18), ("B", -28), ("C", -300)]):
        sound = stereo(voice(2_000, level=level) if level > -100 else np.zeros(2_000 * MS, np.float32), 0.6)
        source = film.say(4_000 * number, sound)
        lines.append(line(f"{speaker}{number}", 4_000 * number, voice(2_000), source, speaker))
    hiss = film.say(20_000, np.random.default_rng(0).normal(0, 1e-4, (2_000 * MS, 2)).astype(np.float32))
    lines.append(line("B5", 20_000, voice(2_000), hiss, "B"))
    lines.append(line("A6", 25_000, voice(2_000), Span(25_000, 25_000), "A"))
    told = {one.id: one for one in film.mix(lines)[1].lines}
    assert [told[name].measured for name in ("A0", "B1", "C4", "B5", "A6")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert told["B5"].source == pytest.approx(-28, abs=0.1)
    assert told["A6"].source == pytest.approx(-18, abs=0.1)
    assert told["C4"].source == pytest.approx(-23, abs=0.1)  # the median of the film's lines
    assert told["C4"].pan == 0.0 and told["A0"].pan == pytest.approx(0.6, abs=0.02)


def test_lines_over_a_film_without_measurable_speech_sit_at_programme_level(tmp_path: Path) -> None:
    dub, report = Film(tmp_path, 5_000).mix([line("1", 1_000, voice(2_000, level=-33))])
    assert report.lines[0].source == -23 and report.source is None and report.correction == 0
    assert loudness_of(dub[1_000 * MS : 3_000 * MS]).integrated == pytest.approx(-23, abs=0.1)


def test_gain_stays_within_reason_and_a_silent_take_stays_silent(tmp_path: Path) -> None:
    film = Film(tmp_path, 10_000)
    source = film.say(0, stereo(voice(2_000, level=-16)))
    lines = [
        line("faint", 0, voice(2_000, level=-60), source),
        line("silent", 3_000, np.zeros(96_000, np.float32), source),
    ]
    _, report = film.mix(lines)
    faint, silent = report.lines
    assert faint.gain <= 20 + 1.2
    assert (silent.gain, silent.take, silent.mixed) == (0.0, None, None)


def test_a_take_that_begins_or_ends_with_a_step_is_faded(tmp_path: Path) -> None:
    film = Film(tmp_path, 3_000)
    source = film.say(500, stereo(voice(2_000)))
    hard = np.full(2_000 * MS, 0.2, np.float32) * np.sign(voice(2_000) + 1e-9)
    dub, _ = film.mix([line("1", 500, hard, source)])
    top = np.abs(dub).max()
    for edge in (500 * MS, 2_500 * MS - 1):
        assert 0 < np.abs(dub[edge]).max() < 0.001 * top
    inside = np.abs(dub[505 * MS : 2_495 * MS])
    assert inside.min() == pytest.approx(top, rel=1e-4)


def test_without_lines_the_dub_is_the_bed(tmp_path: Path) -> None:
    film = Film(tmp_path, 2_500, music(2_500, -4))
    film.say(500, stereo(voice(1_000)))
    dub, report = film.mix([])
    source = film.bed + film.speech
    assert np.array_equal(dub, source - film.speech)
    assert (report.lines, report.reduction, report.correction) == ((), 0.0, 0.0)
    assert report.true_peak == pytest.approx(true_peak(dub), abs=1e-3) and report.true_peak > 0


@pytest.mark.parametrize("ms", [1, 50])
def test_a_film_shorter_than_a_block_is_mixed(tmp_path: Path, ms: int) -> None:
    film = Film(tmp_path, ms)
    dub, _ = film.mix([line("1", 0, np.full(ms * MS, 0.1, np.float32))])
    assert dub.any()


def test_takes_reach_over_block_edges_unbroken(tmp_path: Path) -> None:
    film = Film(tmp_path, 21_000)
    source = film.say(9_000, stereo(voice(11_000)))
    take = voice(11_500, 170)
    dub, report = film.mix([line("1", 9_100, take, source)])
    gain = 10 ** (report.lines[0].gain / 20) * math.sqrt(0.5)
    np.testing.assert_allclose(dub[9_100 * MS : 20_600 * MS, 0], take * gain, atol=1e-6)


def test_ducking_turns_the_film_down_under_speech_only(tmp_path: Path) -> None:
    film = Film(tmp_path, 12_000, music(12_000, -25))
    spoken = film.say(3_000, stereo(voice(2_000)))
    dub, report = film.mix(
        [line("1", 3_200, voice(2_300), spoken)], background="duck", speech=[spoken, Span(8_000, 9_000)]
    )
    source = film.bed + film.speech

    def change(start: int, stop: int) -> float:
        part = slice(start * MS, stop * MS)
        return 10 * math.log10((dub[part] ** 2).mean() / (source[part] ** 2).mean())

    assert change(0, 2_940) == pytest.approx(0, abs=1e-3)
    assert change(3_000, 3_200) == pytest.approx(-15, abs=0.1)
    assert change(8_000, 9_000) == pytest.approx(-15, abs=0.1)
    assert change(5_710, 7_940) == pytest.approx(0, abs=1e-3)
    assert -15 < change(9_000, 9_200) < 0 and -15 < change(7_950, 8_000) < 0
    gain = dub[7_900 * MS : 9_300 * MS] / source[7_900 * MS : 9_300 * MS]
    assert np.abs(np.diff(20 * np.log10(gain[:, 0]))).max() < 0.02
    assert report.lines[0].measured


def test_peaks_stay_under_the_ceiling(tmp_path: Path) -> None:
    film = Film(tmp_path, 6_000, music(6_000, -16))
    source = film.say(1_000, stereo(voice(3_000, level=-9)))
    dub, report = film.mix([line("1", 1_000, voice(3_000, 170), source)])
    assert report.reduction > 1
    assert report.true_peak == pytest.approx(true_peak(dub), abs=1e-3)
    assert report.true_peak <= -0.9
    quiet = slice(4_000 * MS + REACH, 6_000 * MS)
    assert np.abs(dub[quiet] - film.bed[quiet]).max() < 1e-6


def refusals() -> list[tuple[str, Callable[[], list[MixLine]]]]:
    good = line("a", 1_000, voice(500))
    return [
        ("overlap", lambda: [good, line("b", 1_499, voice(500))]),
        ("after the film", lambda: [line("b", 2_600, voice(500))]),
        ("not the 24048 samples", lambda: [replace(good, slot=Span(1_000, 1_501))]),
        ("not the 24000 samples", lambda: [replace(good, take=lambda: stereo(voice(500)))]),
        ("not numbers", lambda: [replace(good, take=lambda: np.full(500 * MS, np.nan, np.float32))]),
    ]


@pytest.mark.parametrize(("reason", "lines"), refusals())
def test_what_does_not_fit_is_refused_before_anything_is_written(
    tmp_path: Path, reason: str, lines: Callable[[], list[MixLine]]
) -> None:
    with pytest.raises(ValueError, match=reason):
        Film(tmp_path, 3_000).mix(lines())
    assert not (tmp_path / "dub.wav").exists()


def test_an_unknown_background_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such background"):
        Film(tmp_path, 1_000).mix([], background="loud")


def test_takes_come_from_files_too_and_only_from_48_khz_mono(tmp_path: Path) -> None:
    film, take = Film(tmp_path, 3_000), voice(1_000)
    for name, sound in (("mono", take[:, None]), ("stereo", stereo(take))):
        with AudioWriter(tmp_path / f"{name}.wav", sound.shape[1]) as writer:
            writer.append(sound)
    slot = Span(1_000, 2_000)
    from_file, _ = film.mix([MixLine("1", slot, slot, tmp_path / "mono.wav")])
    assert np.array_equal(from_file, film.mix([line("1", 1_000, take)])[0])
    with pytest.raises(ValueError, match="48 kHz mono"):
        film.mix([MixLine("1", slot, slot, tmp_path / "stereo.wav")])
    for short in (Span(1_000, 1_999), Span(1_000, 2_001)):
        with pytest.raises(ValueError, match="samples of its slot"):
            film.mix([MixLine("1", short, short, tmp_path / "mono.wav")])


def test_touching_slots_are_not_overlapping_and_order_does_not_matter(tmp_path: Path) -> None:
    film = Film(tmp_path, 4_000, music(4_000, -40))
    source = film.say(1_000, stereo(voice(2_000)))
    lines = [line("1", 1_000, voice(1_000), source), line("2", 2_000, voice(1_000, 90), source)]
    forward, report = film.mix(lines)
    backward, same = film.mix(lines[::-1])
    assert np.array_equal(forward, backward) and report == same


def test_levels_survive_json_and_belong_to_one_film(tmp_path: Path) -> None:
    film = Film(tmp_path, 5_000, music(5_000, -25))
    film.say(1_000, stereo(voice(2_000)))
    stems = film.stems()
    levels = measure_stems(stems)
    again = Levels.from_json(json.loads(json.dumps(levels.to_json())))
    assert again.source.integrated == pytest.approx(levels.source.integrated, abs=1e-3)
    assert again.bed.integrated == pytest.approx(levels.bed.integrated, abs=1e-3)
    assert levels.bed.integrated == pytest.approx(-25, abs=0.1)
    with pytest.raises(ValueError, match="another film"):
        mix(Film(tmp_path, 4_000).stems(), [], tmp_path / "dub.wav", levels=levels)


def test_progress_runs_from_nothing_to_all(tmp_path: Path) -> None:
    film, heard = Film(tmp_path, 25_000), list[float]()
    film.mix([line("1", 1_000, voice(1_000)), line("2", 4_000, voice(1_000))], progress=heard.append)
    assert heard == sorted(heard) and heard[0] > 0 and heard[-1] == 1.0 and len(heard) >= 4


@pytest.mark.parametrize("background", ["bed", "duck", "none"])
@pytest.mark.parametrize("level", [-30.0, -8.0])
def test_a_mix_made_of_an_earlier_one_is_the_same_to_the_sample(
    tmp_path: Path, background: str, level: float
) -> None:
    film = Film(tmp_path, 64_300, music(64_300, level - 12))
    starts = (400, 9_500, 19_990, 30_050, 41_000, 52_000, 60_000)
    lines = []
    for number, start in enumerate(starts):
        source = film.say(start, stereo(voice(1_900, 100 + 20 * number, level)))
        lines.append(
            replace(line(str(number), start, voice(1_900, 150)), source=source, digest=f"take {number}")
        )
    _, first = film.mix(lines, background=background)
    (tmp_path / "dub.wav").rename(tmp_path / "earlier.wav")
    edited = [*lines]
    edited[2] = replace(line("2", 20_000, voice(2_100, 260)), source=lines[2].source, digest="another take")
    whole, report = film.mix(edited, background=background)
    taken: list[int] = []

    class Watched(list[BlockMix]):
        def __getitem__(self, index: int) -> BlockMix:  # type: ignore[override]
            taken.append(index)
            return super().__getitem__(index)

    earlier = Earlier(tmp_path / "earlier.wav", Watched(first.blocks))
    copied, again = film.mix(edited, background=background, earlier=earlier)
    assert np.array_equal(copied, whole)
    assert again.lines == report.lines
    assert again.dub == pytest.approx(report.dub, abs=1e-3)
    assert again.true_peak == pytest.approx(report.true_peak, abs=1e-6)
    same = [n for n, (old, new) in enumerate(zip(first.blocks, report.blocks, strict=True)) if old == new]
    if report.correction == first.correction:
        assert len(same) >= 4
        assert set(same) <= set(taken)
    else:
        assert level == -8.0


def test_a_take_without_a_name_is_never_taken_from_an_earlier_mix(tmp_path: Path) -> None:
    film = Film(tmp_path, 3_000)
    source = film.say(500, stereo(voice(1_000)))
    _, first = film.mix([line("1", 500, voice(1_000), source)])
    (tmp_path / "dub.wav").rename(tmp_path / "earlier.wav")
    earlier = Earlier(tmp_path / "earlier.wav", first.blocks)
    other = line("1", 500, voice(1_000, 300), source)
    copied, _ = film.mix([other], earlier=earlier)
    whole, _ = film.mix([other])
    assert np.array_equal(copied, whole)
    assert [block.made_of for block in first.blocks] == [""]
