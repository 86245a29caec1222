"""What counts as spoken by the film's segments, and what of the voice stem goes back to the film."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from align.types import Span, union
from dubber.audio import EDGE_MS, AudioFile, Stems
from dubber.stages.separate.returned import AFTER_MS, BEFORE_MS, GAP_MS, NEAR_MS, regions

FILM = 60_000


def test_a_line_reaches_beyond_the_edges_of_the_speech_that_it_lies_in() -> None:
    assert regions([Span(5000, 6000)], [], FILM) == (Span(5000 - BEFORE_MS, 6000 + AFTER_MS),)
    assert regions([Span(5200, 6000)], [Span(5000, 6400)], FILM) == (Span(5000 - BEFORE_MS, 6400 + AFTER_MS),)


def test_an_edge_that_is_far_away_is_somebody_elses() -> None:
    speech = [Span(5000 - NEAR_MS - 10, 6000 + NEAR_MS + 10)]
    assert regions([Span(5000, 6000)], speech, FILM) == (Span(5000 - BEFORE_MS, 6000 + AFTER_MS),)


def test_a_cry_of_which_half_was_recognised_is_the_lines_as_a_whole() -> None:
    cry = Span(10_000, 12_500)
    for half in (Span(11_100, 12_500), Span(10_000, 11_400), Span(10_900, 11_600)):
        assert regions([half], [cry], FILM) == (Span(10_000 - BEFORE_MS, 12_500 + AFTER_MS),)


def test_a_line_that_stays_as_it_is_said_is_not_bitten_into() -> None:
    speech = [Span(5000, 7400)]  # three lines on end; the takes of the first and the last were refused
    kept = [Span(5000, 5600), Span(6500, 7400)]
    assert regions([Span(5700, 6300)], speech, FILM, kept) == (Span(5600 + EDGE_MS, 6500 - EDGE_MS),)
    assert regions([Span(5600, 6500)], speech, FILM, kept) == (Span(5600, 6500),)
    across = regions([Span(5000, 5600), Span(6000, 6500)], speech, FILM, [Span(5600, 6000)])
    assert [span.overlap(Span(5600, 6000)) for span in across] == [0, 0]


def test_a_line_said_over_one_that_stays_is_replaced_and_no_more_of_the_other() -> None:
    speech, both = [Span(5000, 8000)], [Span(5500, 6500)]
    assert regions(both, speech, FILM, [Span(5000, 8000)]) == (both[0],)
    assert regions(both, speech, FILM, [Span(6000, 8000)]) == (Span(5000 - BEFORE_MS, 6500),)


def test_pauses_are_closed_and_longer_silences_are_not() -> None:
    apart = GAP_MS + BEFORE_MS + AFTER_MS
    lines = [Span(5000, 6000), Span(6000 + apart - 1, 8000)]
    assert regions(lines, lines, FILM) == (Span(5000 - BEFORE_MS, 8000 + AFTER_MS),)
    lines = [Span(5000, 6000), Span(6000 + apart, 8000)]
    assert len(regions(lines, lines, FILM)) == 2


def test_a_voice_that_is_no_line_is_not_reached_into() -> None:
    laughs = [Span(4000, 4900), Span(6100, 7000)]
    found = regions([Span(5000, 6000)], [laughs[0], Span(5000, 6000), laughs[1]], FILM)
    assert found == (Span(4900 + EDGE_MS, 6100 - EDGE_MS),)


def test_a_voice_between_two_lines_stays_though_they_are_close() -> None:
    lines, laugh = [Span(5000, 6000), Span(6700, 7500)], Span(6200, 6550)
    found = regions(lines, [lines[0], laugh, lines[1]], FILM)
    assert [span.overlap(laugh) for span in found] == [0, 0]


def test_a_burst_that_is_over_at_once_is_the_lines_last_consonant() -> None:
    burst = Span(6170, 6170 + 100)
    assert regions([Span(5000, 6000)], [Span(5000, 6000), burst], FILM) == (
        Span(5000 - BEFORE_MS, 6000 + AFTER_MS),
    )


def test_lines_at_the_films_ends_stay_inside_it() -> None:
    assert regions([Span(50, 500), Span(59_900, 60_000)], [], FILM) == (
        Span(0, 500 + AFTER_MS),
        Span(59_900 - BEFORE_MS, FILM),
    )
    assert regions([], [Span(0, 100)], FILM) == ()
    assert regions([Span(70_000, 71_000)], [], FILM) == ()


spans = st.lists(
    st.builds(lambda at, count: Span(at, at + count), st.integers(0, 50_000), st.integers(1, 4000))
)


@given(segments=spans, speech=spans, kept=spans)
def test_what_is_kept_outside_every_line_is_never_touched(
    segments: list[Span], speech: list[Span], kept: list[Span]
) -> None:
    said = union(segments)
    found = regions(segments, union(speech), FILM, kept)
    for one in union(kept):
        shared = sum(span.overlap(one) for span in found)
        assert shared == sum(span.overlap(one) for span in said)


@given(segments=spans, speech=spans)
def test_every_line_is_covered_and_what_is_found_is_sorted_and_disjoint(
    segments: list[Span], speech: list[Span]
) -> None:
    heard = union(speech)
    found = regions(segments, heard, FILM)
    assert list(found) == sorted(found)
    assert all(one.end < other.start for one, other in pairwise(found))
    said = union(segments)
    for segment in said:
        assert sum(span.overlap(segment) for span in found) == segment.duration
    for other in heard:
        if not any(other.overlap(segment) for segment in said) and other.duration > AFTER_MS:
            assert not any(span.overlap(other) for span in found)


def test_a_laugh_after_a_line_stays_in_the_film_and_the_lines_own_tail_does_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    bed = rng.normal(0, 0.01, (8 * 48_000, 2)).astype(np.float32)
    voice = np.zeros_like(bed)
    line, laugh = Span(2000, 3000), Span(4500, 5200)
    for span in (line, laugh):
        voice[span.samples] = rng.normal(0, 0.1, (span.duration * 48, 1))
    fade = np.exp(-np.arange(250 * 48) / (60 * 48))[:, None]
    voice[3000 * 48 : 3250 * 48] = rng.normal(0, 0.1, (250 * 48, 1)) * fade
    soundfile.write(tmp_path / "source.wav", bed + voice, 48_000, subtype="FLOAT")
    soundfile.write(tmp_path / "speech.wav", voice, 48_000, subtype="FLOAT")
    within = regions([Span(2050, 2980)], [line, laugh], 8000)
    stems = Stems(AudioFile(tmp_path / "source.wav"), AudioFile(tmp_path / "speech.wav"), within)
    left = stems.bed(0, 8 * 48_000)
    after = slice(4000 * 48, 6000 * 48)
    assert np.array_equal(left[after], (bed + voice)[after])
    tail = slice(3000 * 48, 3250 * 48)
    assert np.abs(left[tail] - bed[tail]).max() < 1e-6
    assert np.abs(left[line.samples] - bed[line.samples]).max() < 1e-6


def test_each_line_of_a_long_film_has_its_own_stretch() -> None:
    lines = 5000
    segments = [Span(2000 * n, 2000 * n + 900) for n in range(lines)]
    others = [Span(2000 * n + 1300, 2000 * n + 1700) for n in range(lines)]
    found = regions(segments, sorted([*segments, *others]), 2000 * lines)
    assert len(found) == lines
