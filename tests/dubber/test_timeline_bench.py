"""The timeline's bench measures what it says: films known to the millisecond, baselines that do what they are called,
and on a small film the whole comparison, in which ours is ahead."""

from __future__ import annotations

import json
import random
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from align.types import SAMPLES_PER_MS, Span
from bench import filmset, laid, spanish, timeline
from bench.filmset import Film, Turn
from bench.laid import Natural


@pytest.fixture(scope="module")
def film() -> Film:
    """Twelve lines of two people."""
    (made,) = filmset.films([(2, 12)], seed=3)
    return made


def natural(start: int, end: int, ms: int) -> Natural:
    """A line whose source is at start..end (ms), and whose take is `ms` of a tone."""
    tone = np.sin(2 * np.pi * 220 * np.arange(ms * SAMPLES_PER_MS) / 48_000).astype(np.float32)
    return Natural(Turn((Span(start, end),), 0, f"line at {start}"), Span(start, end), tone)


def test_the_film_is_what_it_says(film: Film) -> None:
    assert len(film.turns) == 12
    assert len({turn.english for turn in film.turns}) == len({turn.spanish for turn in film.turns}) == 12
    power = np.abs(film.speech).reshape(-1, filmset.PER_MS).max(axis=1)
    pieces = [piece for turn in film.turns for piece in turn.pieces]
    for piece in pieces:
        assert power[piece.start : piece.start + 10].max() > 0.004, "it sounds from its first ms on"
        power[piece.start : piece.end] = 0
    assert not power.any(), "and nowhere else"


def test_the_wordings_are_as_long_as_was_drawn(film: Film) -> None:
    drawn = [turn.drawn for turn in film.turns]
    assert sorted(drawn) == pytest.approx(np.geomspace(0.5, 1.8, 12), abs=0.001)
    off = [abs(turn.reached / turn.drawn - 1) for turn in film.turns if turn.spoken > 1200]
    assert np.median(off) < 0.06


def test_speed_up_keeps_every_onset_and_borrows_nothing() -> None:
    long, short = laid.sped_up([natural(0, 1000, 1600), natural(1200, 2200, 500)])
    assert (long.slot.span, short.slot.span) == (Span(0, 1000), Span(1200, 1700))
    assert long.slot.factor == pytest.approx(1.6)
    assert [len(line.parts[0][1]) for line in (long, short)] == [48_000, 24_000]


def test_with_gaps_a_line_takes_them_first_and_then_pushes_the_next() -> None:
    lines = [natural(0, 1000, 1400), natural(1500, 2500, 2800), natural(2600, 3600, 900)]
    easy, pressed, pushed = laid.sped_up_with_gaps(lines, 5000)
    assert (easy.slot.span, easy.error) == (Span(0, 1400), 0)
    assert pressed.slot.span == Span(1500, 3500), "at 1.4 it lasts 900 ms past the next onset"
    assert pressed.error == 900 * SAMPLES_PER_MS
    assert (pushed.slot.span, pushed.shift) == (Span(3500, 4400), 900)


@pytest.mark.parametrize(("about", "share"), [(18, 0.9), (3, 0.75), (60, 1.3)])
def test_the_server_words_a_line_as_long_as_it_is_asked_within_what_language_allows(
    about: int, share: float
) -> None:
    first = spanish.sentence(20, random.Random(1), set()) + "."
    line = {
        "text": "Where is it?",
        "tried": [{"wording": first, "seconds": 3.0}],
        "about": f"{about} syllables",
    }
    said = json.dumps({"lines": [{"id": "1", **line}]})
    asked = json.dumps({"messages": [{"role": "user", "content": f"<film>{said}</film>"}]}).encode()
    with spanish.serving({"Where is it?": first}) as url:
        request = urllib.request.Request(f"{url}/chat/completions", asked)
        with urllib.request.urlopen(request, timeout=10) as answer:
            (choice,) = json.load(answer)["choices"]
    wordings = json.loads(choice["message"]["content"])["w"]
    lengths = [spanish.counted(one) / spanish.counted(first) for one in wordings]
    assert len(wordings) == 3
    assert first not in wordings
    assert min(abs(length - share) for length in lengths) < 0.06
    assert 0.7 < min(lengths) <= max(lengths) < 1.36


def test_what_was_measured_tells_how_far_the_server_may_go() -> None:
    first = spanish.sentence(20, random.Random(1), set()) + "."
    longer = spanish.sentence(26, random.Random(2), set()) + "."
    tried = [{"wording": first, "seconds": 3.0}, {"wording": longer, "seconds": 3.3}]
    line = {"text": "Where is it?", "tried": tried, "about": "90 syllables"}
    wordings = spanish.worded(line, {"Where is it?": first})
    most = 1.3 * spanish.counted(longer) * 3.0 / 3.3
    assert [spanish.counted(one) for one in wordings] == pytest.approx([most] * 3, abs=1.5)


def test_pauses_are_looked_for_where_the_source_has_them() -> None:
    turn = Turn((Span(0, 1000), Span(1500, 2500), Span(3000, 4000)), 0, "one")
    take = Natural(turn, turn.span, np.zeros(4000 * SAMPLES_PER_MS, np.float32))
    film = Film("one", np.zeros(5000 * filmset.PER_MS, np.float32), (turn,))
    heard = (Span(0, 1050), Span(1480, 4000))
    found = timeline.kept_pauses(timeline.Dub(film, laid.sped_up([take]), turn.pieces, heard))
    assert (found["pauses"], found["kept"]) == (2, 1)
    assert (found["start_median_ms"], found["end_median_ms"]) == (50, 20)


def test_on_a_small_film_ours_is_ahead(film: Film, tmp_path: Path) -> None:
    dubs = timeline.dubs_of(film, tmp_path, worded=False)
    assert {name: len(dub.lines) for name, dub in dubs.items()} == dict.fromkeys(
        ("given", "speed-up", "speed-up, gap"), 12
    )
    ours, plain, gap = (timeline.figures([dub]) for dub in dubs.values())
    assert ours["take_length_error_samples"] == ours["overlap_ms"] == ours["rate_unflagged"] == 0
    assert ours["unmeasured"] == plain["unmeasured"] == gap["unmeasured"] == 0
    assert ours["onset_error_median_ms"] <= 80
    assert ours["speech_overlap"] > max(plain["speech_overlap"], gap["speech_overlap"])
    assert ours["holes_share"] < min(plain["holes_share"], gap["holes_share"])
    assert ours["rate_over"] < min(plain["rate_over"], gap["rate_over"])
    shown = timeline.table({"ours": ours, "speed-up": plain, "speed-up, gap": gap})
    assert shown.count("\n") == 1 + len(
        timeline.rows({"ours": ours, "speed-up": plain, "speed-up, gap": gap})
    ) + len(timeline.ALSO)
