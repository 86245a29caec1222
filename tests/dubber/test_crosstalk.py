"""People who talk at once: laid over each other as in the film, each as loud as by themselves, and nobody else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import Said, make
from mixes import MS, Film, line, music, stereo, voice

from align.types import Slot, Span
from dubber import check, finished, pipeline, reported, srt
from dubber.loudness import loudness_of
from dubber.progress import Quiet
from dubber.settings import Settings
from dubber.stages.mix import Earlier, MixLine
from dubber.steps.speak import LEAD_MS


def named(one: MixLine, digest: str) -> MixLine:
    return replace(one, digest=digest)


def test_two_people_who_talk_at_once_are_mixed_as_the_sum_of_both(tmp_path: Path) -> None:
    film = Film(tmp_path, 8_000, music(8_000, -50))
    anna = film.say(500, stereo(voice(4_000, 200)))
    ben = film.say(3_500, stereo(voice(3_000, 100)))
    lines = [
        line("a", 500, voice(4_000, 180), anna, "Anna"),
        line("b", 3_500, voice(3_000, 90), ben, "Ben"),
    ]
    both, report = film.mix(lines)
    part = slice(3_600 * MS, 4_400 * MS)
    takes = np.zeros((2, 8_000 * MS))
    for row, one in zip(takes, lines, strict=True):
        row[one.slot.samples] = one.take()  # type: ignore[operator]
    heard = (both - film.bed)[part, 0]
    shares, *_ = np.linalg.lstsq(takes[:, part].T, heard, rcond=None)
    assert np.abs(heard - shares @ takes[:, part]).max() < 1e-3, "nothing else is heard"
    expected = [10 ** (one.gain / 20) * np.sqrt(0.5) for one in report.lines]
    assert shares == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("speakers", [("Anna", "Anna"), ("Anna", ""), ("", "")])
def test_one_voice_never_talks_over_itself(tmp_path: Path, speakers: tuple[str, str]) -> None:
    film = Film(tmp_path, 8_000)
    where = [film.say(500, stereo(voice(4_000))), film.say(3_500, stereo(voice(3_000)))]
    lines = [
        line(name, span.start, voice(span.duration), span, speaker)
        for name, span, speaker in zip("ab", where, speakers, strict=True)
    ]
    with pytest.raises(ValueError, match="lines a and b overlap"):
        film.mix(lines)


def test_two_who_follow_one_another_in_the_film_do_in_the_dub(tmp_path: Path) -> None:
    film = Film(tmp_path, 8_000)
    anna = film.say(500, stereo(voice(3_000, 200)))
    ben = film.say(3_600, stereo(voice(3_000, 100)))
    with pytest.raises(ValueError, match="lines a and b overlap"):
        film.mix([line("a", 500, voice(3_101), anna, "Anna"), line("b", 3_600, voice(3_000), ben, "Ben")])


def test_a_murmur_under_a_long_line_is_not_made_as_loud_as_that_line(tmp_path: Path) -> None:
    film = Film(tmp_path, 14_000)
    anna = film.say(500, stereo(voice(7_000, 200, level=-18)))
    murmur = film.say(3_000, stereo(voice(900, 100, level=-30)))
    ben = film.say(9_000, stereo(voice(3_000, 100, level=-29)))
    lines = [
        line("a", 500, voice(7_000, 190), anna, "Anna"),
        line("murmur", 3_000, voice(900, 90), murmur, "Ben"),
        line("b", 9_000, voice(3_000, 90), ben, "Ben"),
    ]
    told = {one.id: one for one in film.mix(lines)[1].lines}
    assert told["b"].source == pytest.approx(-29, abs=0.3)
    assert told["murmur"].source == pytest.approx(told["b"].source)
    assert not told["murmur"].measured, "it is never heard alone"
    assert told["a"].source == pytest.approx(-18, abs=0.5)
    assert told["a"].measured


def test_who_is_talked_into_is_as_loud_as_where_alone(tmp_path: Path) -> None:
    film = Film(tmp_path, 10_000)
    soft = film.say(500, stereo(voice(4_000, 200, level=-30)))
    loud = film.say(3_000, stereo(voice(5_000, 100, level=-16)))
    lines = [
        line("soft", 500, voice(4_000, 190), soft, "Anna"),
        line("loud", 3_000, voice(5_000, 90), loud, "Ben"),
    ]
    told = {one.id: one for one in film.mix(lines)[1].lines}
    assert told["soft"].source == pytest.approx(-30, abs=0.7)
    assert told["loud"].source == pytest.approx(-16, abs=0.7)


def test_who_is_talked_into_keeps_the_own_side_of_the_picture(tmp_path: Path) -> None:
    film = Film(tmp_path, 10_000)
    left = film.say(500, stereo(voice(4_000, 200, level=-30), -1))
    right = film.say(3_000, stereo(voice(5_000, 100, level=-16), 1))
    lines = [
        line("left", 500, voice(4_000, 190), left, "Anna"),
        line("right", 3_000, voice(5_000, 90), right, "Ben"),
    ]
    told = {one.id: one for one in film.mix(lines)[1].lines}
    assert told["left"].pan == pytest.approx(-1, abs=0.1)
    assert told["right"].pan == pytest.approx(1, abs=0.1)


def test_a_take_counts_by_where_it_is_heard_alone(tmp_path: Path) -> None:
    """It is softer while the other talks: what is heard of it alone is as loud as its actor alone."""
    film = Film(tmp_path, 10_000)
    anna = film.say(500, stereo(voice(4_000, 200, level=-22)))
    ben = film.say(2_500, stereo(voice(5_000, 100, level=-22)))
    take = voice(4_000, 190).copy()
    take[2_000 * MS :] *= 0.35
    lines = [line("a", 500, take, anna, "Anna"), line("b", 2_500, voice(5_000, 90), ben, "Ben")]
    dub, report = film.mix(lines)
    heard = loudness_of(dub[500 * MS : 2_500 * MS]).integrated
    assert heard == pytest.approx(-22 + report.correction, abs=0.7)
    assert report.lines[0].mixed == pytest.approx(-22 + report.correction, abs=0.3)


def test_lines_of_one_voice_over_each_other_count_by_where_each_is_alone(tmp_path: Path) -> None:
    """As after two overlapping cues were given to one speaker."""
    film = Film(tmp_path, 12_000)
    soft = film.say(500, stereo(voice(4_000, 200, level=-30)))
    loud = film.say(3_000, stereo(voice(5_000, 100, level=-16)))
    lines = [line("a", 500, voice(2_400, 190), soft, "Anna"), line("b", 3_000, voice(5_000), loud, "Anna")]
    told = {one.id: one for one in film.mix(lines)[1].lines}
    assert told["a"].source == pytest.approx(-30, abs=0.7)
    assert told["b"].source == pytest.approx(-16, abs=0.7)


def test_a_line_that_is_silent_where_it_is_longest_alone_counts_by_where_it_sounds(tmp_path: Path) -> None:
    film = Film(tmp_path, 14_000)
    film.say(0, stereo(voice(1_000, 200, level=-30)))
    ben = film.say(1_000, stereo(voice(1_500, 100, level=-16)))
    anna = film.say(8_000, stereo(voice(4_000, 200, level=-16)))
    lines = [
        line("quiet", 0, voice(5_000, 190), Span(0, 5_000), "Anna"),
        line("ben", 1_000, voice(1_500, 90), ben, "Ben"),
        line("anna", 8_000, voice(4_000, 190), anna, "Anna"),
    ]
    assert film.mix(lines)[1].lines[0].source == pytest.approx(-30, abs=1)


@pytest.mark.parametrize("speaker", ["", "Anna"])
def test_lines_of_one_voice_whose_times_cross_swell_as_their_actor_does(tmp_path: Path, speaker: str) -> None:
    film = Film(tmp_path, 8_000)
    swell = (10 ** (np.linspace(5, -5, 3_000 * MS) / 20)).astype(np.float32)
    one = film.say(500, stereo(voice(3_000, 200) * swell))
    film.say(3_350, stereo(voice(3_000, 200)))
    lines = [
        line("a", 500, voice(2_850, 190), one, speaker),
        line("b", 3_350, voice(3_000, 190), Span(3_350, 6_350), speaker),
    ]
    assert film.mix(lines)[1].lines[0].curve


def told_line(name: str, *places: tuple[int, int]) -> reported.Line:
    """A line of a report whose phrases lie at these places, in the film and in the dub."""
    spans = tuple(Span(*one) for one in places)
    whole = Span(spans[0].start, spans[-1].end)
    return reported.Line(
        name, "x", "x", whole, Slot(name, whole, 900, (), spans if len(spans) > 1 else ()), "Anna", spans
    )


def test_a_line_that_begins_while_another_sounds_has_no_onset_to_hear() -> None:
    places = [
        (Span(0, 5000),),
        (Span(3000, 4000),),
        (Span(4950, 6000),),
        (Span(6000, 7000), Span(8000, 9000)),
    ]
    assert check._begun_under(places) == [False, True, False, False]
    answered = [(Span(1000, 2500), Span(4300, 6000)), (Span(3000, 3800),)]
    assert check._begun_under(answered) == [False, False], "it answers in a pause"


def test_a_line_is_measured_where_it_is_heard_alone() -> None:
    lines = [
        told_line("long", (1000, 2500), (4300, 6000)),
        told_line("answer", (3000, 3800)),
        told_line("into", (5000, 8000)),
        told_line("under", (6500, 6900)),
    ]
    found = check._heard_alone(lines, lambda one: one.slots)
    assert found == [
        (Span(1000, 2500), Span(4300, 5000)),
        (Span(3000, 3800),),
        (Span(6000, 6500), Span(6900, 8000)),
        (),
    ]


def test_a_long_line_under_later_ones_is_not_forgotten_when_a_mix_is_made_of_an_earlier_one(
    tmp_path: Path,
) -> None:
    """It ends in a block in which all that began after it is over."""
    film = Film(tmp_path, 45_000, music(45_000, -45))
    long = film.say(1_000, stereo(voice(40_000, 200)))
    short = [film.say(start, stereo(voice(1_000, 100))) for start in (3_000, 6_000)]
    lines = [named(line("long", 1_000, voice(40_000, 190), long, "Anna"), "long")] + [
        named(line(f"s{span.start}", span.start, voice(1_000, 90), span, "Ben"), f"s{span.start}")
        for span in short
    ]
    dub, first = film.mix(lines)
    heard = dub[35_000 * MS : 39_000 * MS] - film.bed[35_000 * MS : 39_000 * MS]
    assert loudness_of(heard).integrated > -30
    (tmp_path / "dub.wav").rename(tmp_path / "earlier.wav")
    edited = [*lines[:2], named(line("s6000", 6_050, voice(900, 95), Span(6_050, 6_950), "Ben"), "other")]
    copied, again = film.mix(edited, earlier=Earlier(tmp_path / "earlier.wav", first.blocks))
    fresh, whole = film.mix(edited)
    assert np.array_equal(copied, fresh)
    assert again == whole


# -- the whole program -------------------------------------------------------------------------------

ARGUMENT = (
    ("Anna", 600, "I have told you a hundred times that the boat leaves.", "Te he dicho cien veces que el barco sale."),
    ("Ben", 2600, "And I do not believe a word of it, my dear.", "Y yo no me creo ni una palabra de eso, querida."),
    ("Anna", 6200, "Then ask your brother about the letters.", "Pues pregunta a tu hermano por las cartas."),
    ("Ben", 7600, "Never.", "Jamás."),
)  # fmt: skip
"""Ben talks into Anna's first line, and throws a word into her second."""


def turns(report: dict[str, Any], key: str) -> list[Span]:
    return [Span(*line[key]) for line in report["lines"]]


def test_an_argument_stays_one_in_the_dub_and_is_checked_to_be(tmp_path: Path) -> None:
    pitches = {"Anna": 70, "Ben": 20}
    said = [Said(start, text, spanish, who, pitches[who]) for who, start, text, spanish in ARGUMENT]
    made = make(tmp_path, said=said, duration=12_000)
    settings = Settings.of("es", source="en", profile="draft")
    report = pipeline.translate(
        made.film, settings, transcript=made.transcript, translation=made.translation, jobs=1
    )
    sources, slots = turns(report, "source"), turns(report, "slot")
    for one, other in ((0, 1), (2, 3)):
        assert sources[one].overlap(sources[other]) > 200
        assert slots[one].overlap(slots[other]) > 0
    assert slots[0].overlap(slots[1]) <= sources[0].overlap(sources[1]) + LEAD_MS
    assert slots[1].end <= slots[2].start
    assert report["timing"]["overlap_ms"] == report["timing"]["take_length_error_samples"] == 0
    errors = [abs(line["onset_error_ms"]) for line in report["lines"]]
    assert max(errors) <= 40, "each begins with its actor"
    (dub,) = finished.find(made.film.with_suffix(".dub"))
    rows = {row.bar.name: row for row in check.measure(dub, tmp_path, Quiet()).rows}
    assert rows["overlap_ms"].value == 0
    for name in ("onset_error_95_ms", "line_loudness_lu", "speech_overlap"):
        assert rows[name].bar.met(rows[name].value), (name, rows[name].value)
    cues = srt.read(made.film.with_suffix(".dub") / "es.srt").cues
    assert [cue.speaker for cue in cues] == ["Anna", "Ben", "Anna", "Ben"]
    assert cues[0].end > cues[1].start, "the subtitles keep the film's times"
