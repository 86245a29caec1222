"""The bars: one figure, one verdict, and never a figure that is passed over in silence."""

from __future__ import annotations

import pytest

from align import bars

GOOD: dict[str, float | None] = {
    "take_length_error_samples": 0,
    "overlap_ms": 0,
    "onset_error_median_ms": 80,
    "onset_error_95_ms": 250,
    "speech_overlap": 0.80,
    "rate_comfortable": 0.90,
    "rate_unflagged": 0,
    "holes_share": 0.03,
    "drift_ms": -20,
    "line_loudness_lu": 1.5,
    "bed_lu": 0.5,
    "programme_lu": 0.5,
    "true_peak_dbtp": -0.5,
    "duration_ms": 100,
    "picture_moved_ms": 2,
    "pictures_changed": 0,
    "streams_missing": 0,
}
"""Every figure at its bar."""

WORSE = {
    "take_length_error_samples": 1,
    "overlap_ms": 1,
    "onset_error_median_ms": 80.5,
    "onset_error_95_ms": 251,
    "speech_overlap": 0.799,
    "rate_comfortable": 0.899,
    "rate_unflagged": 1,
    "holes_share": 0.031,
    "drift_ms": -21,
    "line_loudness_lu": 1.51,
    "bed_lu": 0.51,
    "programme_lu": 0.51,
    "true_peak_dbtp": -0.4,
    "duration_ms": 101,
    "picture_moved_ms": 2.1,
    "pictures_changed": 1,
    "streams_missing": 1,
}


def verdicts(values: dict[str, float | None]) -> dict[str, str]:
    return {row.bar.name: row.verdict for row in bars.rows(values)}


def test_what_a_person_chose_is_told_and_not_judged() -> None:
    chosen = bars.unjudged("duck", -20.0, -21.9)
    (row,) = (
        row for row in bars.rows({**GOOD, "programme_lu": 1.9}, {}, chosen) if row.bar.name == "programme_lu"
    )
    assert (row.verdict, row.value) == ("told", 1.9)
    assert bars.missed(bars.rows({**GOOD, "programme_lu": 1.9}, {}, chosen)) == ()
    assert bars.unjudged("none", -20.0, -21.9) == chosen
    assert bars.unjudged("bed", -20.0, -21.9) == frozenset(), "all of the background is to be there"
    assert bars.unjudged("duck", -20.0, -18.1) == frozenset(), (
        "nothing that is turned down makes a film louder"
    )
    assert bars.unjudged("duck", -20.0, -20.4) == frozenset(), "it meets the bar"
    assert bars.unjudged("duck", None, -20.4) == bars.unjudged("duck", -20.0, None) == frozenset()
    with pytest.raises(ValueError, match="no such figure"):
        bars.rows({}, {}, {"loudness"})


def test_a_figure_at_its_bar_meets_it() -> None:
    assert {name: verdict for name, verdict in verdicts(GOOD).items() if name in GOOD} == dict.fromkeys(
        GOOD, "met"
    )


@pytest.mark.parametrize("name", WORSE)
def test_a_figure_past_its_bar_misses_it_and_nothing_else_does(name: str) -> None:
    found = bars.rows({**GOOD, name: WORSE[name]})
    assert [row.bar.name for row in bars.missed(found)] == [name]


def test_every_bar_is_tried_here() -> None:
    asked = {bar.name for bar in bars.BARS if bar.bar is not None}
    assert asked == set(GOOD) == set(WORSE)
    assert len({bar.name for bar in bars.BARS}) == len(bars.BARS)


def test_drift_counts_in_both_directions() -> None:
    for value in (-21.0, 21.0):
        assert verdicts({"drift_ms": value})["drift_ms"] == "missed"
    for value in (-20.0, 20.0):
        assert verdicts({"drift_ms": value})["drift_ms"] == "met"


def test_a_deep_true_peak_is_no_miss() -> None:
    assert verdicts({"true_peak_dbtp": -30.0})["true_peak_dbtp"] == "met"


def test_what_was_not_measured_says_so_and_why() -> None:
    found = {row.bar.name: row for row in bars.rows({"bed_lu": None}, {"bed_lu": "silent film"})}
    assert (found["bed_lu"].verdict, found["bed_lu"].reason) == ("not measurable", "silent film")
    assert (found["drift_ms"].verdict, found["drift_ms"].reason) == ("not measurable", bars.NOT_TOLD)
    assert verdicts({"drift_ms": float("nan")})["drift_ms"] == "not measurable"
    assert len(found) == len(bars.BARS)


def test_a_figure_without_a_bar_is_told_and_never_missed() -> None:
    assert verdicts({"timbre": 0.01})["timbre"] == "told"


def test_a_name_that_is_no_bar_is_refused() -> None:
    with pytest.raises(ValueError, match="onset"):
        bars.rows({"onset": 3})
    with pytest.raises(ValueError, match="mood"):
        bars.rows({}, {"mood": "grey"})


def test_figures_and_bars_are_shown_with_their_units() -> None:
    shown = {row.bar.name: (row.shown, row.bar.told) for row in bars.rows({**GOOD, "holes_share": 0.0166})}
    assert shown["onset_error_95_ms"] == ("250 ms", "250 ms")
    assert shown["speech_overlap"] == ("0.800", "at least 0.800")
    assert shown["holes_share"] == ("1.66%", "3.00%")
    assert shown["true_peak_dbtp"] == ("-0.5 dBTP", "-0.5 dBTP")
    assert shown["timbre"] == ("", "")


@pytest.mark.parametrize("name", WORSE)
def test_what_misses_its_bar_does_not_look_as_if_it_were_at_it(name: str) -> None:
    row = next(row for row in bars.rows({name: WORSE[name]}) if row.bar.name == name)
    assert row.shown not in row.bar.told


def test_a_report_has_its_figures_under_the_same_names() -> None:
    report = {
        "timing": {"onset_error_95_ms": 300.0, "speech_overlap": 0.9, "rate_over_ceiling": ["a", "b"]},
        "loudness": {"source_lufs": -23.0, "dub_lufs": -24.0, "true_peak_dbtp": -1.2},
        "lines": [
            {"id": "a", "flags": ["compressed"], "source_lufs": -20.0, "dub_lufs": -21.0},
            {"id": "b", "flags": [], "source_lufs": None, "dub_lufs": -21.0},
            {"id": "c"},
        ],
    }
    values = bars.of_report(report)
    assert values == {
        "onset_error_95_ms": 300.0,
        "speech_overlap": 0.9,
        "rate_unflagged": 1,
        "programme_lu": 1.0,
        "true_peak_dbtp": -1.2,
        "line_loudness_lu": 1.0,
    }
    assert {row.bar.name for row in bars.missed(bars.rows(values))} == {
        "onset_error_95_ms",
        "rate_unflagged",
        "programme_lu",
    }


def test_a_report_of_a_film_in_which_nobody_speaks_has_no_onsets() -> None:
    values = bars.of_report({"timing": {"onset_error_95_ms": None}, "loudness": {}, "lines": []})
    assert verdicts(values)["onset_error_95_ms"] == "not measurable"


def test_a_report_may_name_the_lines_that_carry_no_flag() -> None:
    report = {"timing": {"rate_over_ceiling": ["a", "b"], "rate_unflagged": ["b"]}, "lines": []}
    assert bars.of_report(report)["rate_unflagged"] == 1
