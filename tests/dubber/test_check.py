"""A finished dub is measured as it sounds: what is right is found right, and each fault by its own row."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import dubs
import films
import numpy as np
import pytest
from dubs import DURATION, LATE, SAID, Wrong
from reels import ffmpeg
from typer.testing import CliRunner

from align import bars
from align.types import Span
from dubber import check, check_cli, checked, finished, heard, media, pipeline, reported, store
from dubber.audio import AudioWriter
from dubber.checked import Check
from dubber.cli import app
from dubber.errors import BarError, DubberError, MediaError, MissingError, UsageError
from dubber.finished import Finished
from dubber.media.sameness import same_pictures
from dubber.progress import Quiet
from dubber.project import Project
from dubber.settings import Settings
from dubber.steps import sound

NEAR_MS = 30
"""How near the measured onset errors lie to the truth."""


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film with its stems. Shared, and written to by nobody."""
    folder = tmp_path_factory.mktemp("film")
    dubs.film(folder)
    return folder


@pytest.fixture(scope="session")
def good(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Check:
    """A dub as it should be, checked. Shared."""
    folder = tmp_path_factory.mktemp("good")
    return measured(dubs.dub(home, folder), folder)


@pytest.fixture(scope="session")
def late(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A dub one line of which is late. Shared."""
    return dubs.dub(home, tmp_path_factory.mktemp("late"), Wrong(moved={4: 300}))


def measured(dub: Finished, scratch: Path) -> Check:
    room = scratch / "scratch"
    room.mkdir()
    return check.measure(dub, room, Quiet())


def missed(found: Check) -> set[str]:
    return {row.bar.name for row in found.missed}


def value(found: Check, name: str) -> float:
    (row,) = (row for row in found.rows if row.bar.name == name)
    assert row.value is not None, row.reason
    return row.value


def reason(found: Check, name: str) -> str:
    return next(row.reason for row in found.rows if row.bar.name == name)


# -- a good dub --------------------------------------------------------------------------------------------


def test_a_dub_as_it_should_be_misses_no_bar_and_its_onsets_are_the_true_ones(good: Check) -> None:
    found = good
    assert missed(found) == set()
    errors = [line.onset_error for line in found.lines]
    assert all(
        error is not None and abs(error - late) <= NEAR_MS for error, late in zip(errors, LATE, strict=True)
    ), list(zip(errors, LATE, strict=True))
    assert abs(value(found, "onset_error_median_ms") - float(np.median(np.abs(LATE)))) <= NEAR_MS
    assert value(found, "line_loudness_lu") < 0.5
    assert value(found, "bed_lu") < 0.2
    assert value(found, "picture_moved_ms") == 0
    assert value(found, "pictures_changed") == 0
    assert found.worst(5) == ()
    unmeasured = {row.bar.name for row in found.rows if row.verdict == "not measurable"}
    assert unmeasured == {"drift_ms", "timbre", "emotion", "intelligibility"}


def test_without_the_films_stems_the_onsets_are_the_same_and_the_levels_say_why_not(
    good: Check, tmp_path: Path
) -> None:
    found = measured(dubs.without_stems(good.dub), tmp_path)
    assert missed(found) == set()
    for line, late in zip(found.lines, LATE, strict=True):
        assert line.onset_error is not None and abs(line.onset_error - late) <= NEAR_MS
    assert reason(found, "line_loudness_lu") == check.NO_STEMS
    assert value(found, "bed_lu") < 0.2


# -- one thing wrong ---------------------------------------------------------------------------------------


def test_lines_that_come_late_or_early_are_found_by_the_onsets_alone(home: Path, tmp_path: Path) -> None:
    found = measured(dubs.dub(home, tmp_path, Wrong(moved={4: 300, 5: -300})), tmp_path)
    assert missed(found) == {"onset_error_95_ms"}
    off = {line.text: line for line in found.worst(5)}
    assert set(off) == {SAID[4][1], SAID[5][1]}
    for i, by, way in ((4, 300, "late"), (5, -300, "early")):
        line = off[SAID[i][1]]
        assert line.onset_error is not None and abs(line.onset_error - by - LATE[i]) <= NEAR_MS
        (fault,) = line.faults()
        assert fault.startswith(f"{abs(line.onset_error)} ms {way}, for it is heard ")


def test_a_line_that_is_not_there_is_a_hole_unless_a_person_silenced_it(home: Path, tmp_path: Path) -> None:
    dub = dubs.dub(home, tmp_path, Wrong(silent=frozenset({6})))
    found = measured(dub, tmp_path)
    assert missed(found) == {"holes_share"}
    (hole,) = found.holes
    place = dubs.sources()[6]
    assert abs(hole.start - place.start) <= NEAR_MS and abs(hole.end - place.end) <= 60
    (worst,) = found.worst(5)
    assert (worst.text, worst.faults()) == (SAID[6][1], ("nothing is heard",))
    spoken = tuple(line for line in dub.report.lines if line.text != SAID[6][1])
    report = replace(dub.report, lines=spoken, hushed=(Span(place.start - 20, place.end + 50),))
    shutil.rmtree(tmp_path / "scratch")
    hushed = measured(replace(dub, report=report), tmp_path)
    assert (missed(hushed), hushed.holes) == (set(), ())
    assert value(hushed, "speech_overlap") > value(found, "speech_overlap")


def test_lines_too_loud_or_too_soft_are_found_by_their_loudness_alone(home: Path, tmp_path: Path) -> None:
    found = measured(dubs.dub(home, tmp_path, Wrong(gains={2: 2.5, 7: -3.0})), tmp_path)
    assert missed(found) == {"line_loudness_lu"}
    off = {line.text: line.loudness or 0.0 for line in found.worst(5)}
    assert off == {SAID[2][1]: pytest.approx(2.5, abs=0.4), SAID[7][1]: pytest.approx(-3, abs=0.4)}


def test_a_film_that_ends_early_is_found_by_its_length_and_its_pictures(home: Path, tmp_path: Path) -> None:
    found = measured(dubs.dub(home, tmp_path, Wrong(cut=1000)), tmp_path)
    assert missed(found) == {"duration_ms", "pictures_changed"}
    assert abs(value(found, "duration_ms") - 1000) <= 100
    assert 20 <= value(found, "pictures_changed") <= 27


def test_a_track_that_is_late_as_a_whole_is_not_taken_for_the_background(home: Path, tmp_path: Path) -> None:
    found = measured(dubs.dub(home, tmp_path, Wrong(whole=300)), tmp_path)
    assert {"onset_error_median_ms", "onset_error_95_ms"} <= missed(found)
    for line, late in zip(found.lines, LATE, strict=True):
        assert line.onset_error is not None and abs(line.onset_error - late - 300) <= NEAR_MS


# -- whose voice it is -------------------------------------------------------------------------------------


def test_a_voice_of_the_film_that_stays_is_a_hole_that_says_so(home: Path, tmp_path: Path) -> None:
    found = measured(dubs.dub(home, tmp_path, Wrong(kept=frozenset({5}))), tmp_path)
    assert missed(found) == {"holes_share"}
    assert "the film's own voices stay" in reason(found, "holes_share")
    (hole,) = found.holes
    assert hole.overlap(dubs.sources()[5]) > 0.9 * dubs.sources()[5].duration
    assert all(not span.overlap(dubs.sources()[5]) for span in found.speech)


def test_a_late_line_is_found_though_the_first_voice_is_heard_below_it(home: Path, tmp_path: Path) -> None:
    wrong = Wrong(background="duck", moved={3: 300})
    found = measured(dubs.dub(home, tmp_path, wrong), tmp_path)
    assert "onset_error_95_ms" in missed(found)
    late = {line.text: line.onset_error for line in found.lines}
    assert abs((late[SAID[3][1]] or 0) - 300 - LATE[3]) <= NEAR_MS
    assert all(abs(error or 0) <= 70 + NEAR_MS for text, error in late.items() if text != SAID[3][1])


def test_music_that_a_detector_takes_for_voice_begins_no_line() -> None:
    frames = np.arange(500)
    voice = np.where((frames >= 200) & (frames < 300), -20.0, -80.0).astype(np.float32)
    bed = np.full(500, -40.0, np.float32)
    (own,) = heard.own_speech([Span(1200, 3000)], voice, bed)
    assert own == Span(2000, 3000)
    assert heard.onset(Span(2000, 3000), 0, [own]) == 2000


def test_an_onset_that_a_detector_hears_late_begins_where_the_track_begins_to_differ() -> None:
    frames = np.arange(500)
    voice = np.where((frames >= 200) & (frames < 300), -20.0, -80.0).astype(np.float32)
    bed = np.full(500, -40.0, np.float32)
    assert heard.own_speech([Span(2240, 3000)], voice, bed) == (Span(2000, 3000),)
    assert heard.own_speech([Span(2400, 3000)], voice, bed) == (Span(2400 - heard.SOFT_MS, 3000),)


def test_a_line_is_looked_for_before_its_slot_but_not_in_the_line_before() -> None:
    slot = Span(2000, 3000)
    assert heard.onset(slot, 1500, [Span(1700, 2900)]) == 1700
    assert heard.onset(slot, 1800, [Span(1700, 2900)]) == 2000
    assert heard.onset(slot, 1500, [Span(1700, 2900)], early=False) == 2000
    assert heard.onset(slot, 0, [Span(1000, 1400), Span(2200, 2900)]) == 2200
    assert heard.onset(slot, 0, [Span(1000, 1400), Span(3000, 3100)]) is None


# -- the film ----------------------------------------------------------------------------------------------


def test_pictures_encoded_again_are_found_changed(home: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.mp4"
    ffmpeg("-i", home / "film.mp4", "-c:v", "libx264", "-crf", "40", "-c:a", "copy", again)
    same = same_pictures(media.probe(home / "film.mp4"), media.probe(again))
    assert same.changed is not None and same.changed > DURATION * 25 / 1000 * 0.9
    drawn = same_pictures(media.probe(home / "film.mp4"), media.probe(again), encoded=True)
    assert (drawn.changed, drawn.moved) == (None, 0) and "subtitles" in drawn.why


def test_pictures_that_come_late_are_found_moved(home: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.mkv"
    ffmpeg(
        *("-i", home / "film.mp4", "-itsoffset", "0.2", "-i", home / "film.mp4"),
        *("-map", "1:v", "-map", "0:a", "-c", "copy", late),
    )
    same = same_pictures(media.probe(home / "film.mp4"), media.probe(late))
    assert same.changed == 0
    assert same.moved == pytest.approx(200, abs=2)


def test_the_dubbed_track_is_told_from_an_original_in_the_same_language(home: Path, tmp_path: Path) -> None:
    both = tmp_path / "both.mkv"
    ffmpeg(
        *("-i", home / "film.mp4", "-map", "0:v", "-map", "0:a", "-map", "0:a", "-map", "0:a", "-c", "copy"),
        *("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=spa", "-metadata:s:a:2"),
        *("language=spa", "-disposition:a:1", "0", "-disposition:a:2", "default", both),
    )
    film = media.probe(both)
    assert check.dubbed_track(film, "es") == 2
    assert check.dubbed_track(film, "en") == 0
    with pytest.raises(MediaError, match="French"):
        check.dubbed_track(film, "fr")


def test_a_film_without_the_original_track_misses_a_stream(good: Check, tmp_path: Path) -> None:
    bare = tmp_path / "bare.mp4"
    ffmpeg("-i", good.dub.dubbed, "-map", "0:v", "-map", "0:a:0", "-c", "copy", bare)
    assert missed(measured(replace(good.dub, dubbed=bare), tmp_path)) == {"streams_missing"}


# -- what the program makes --------------------------------------------------------------------------------


def test_a_dub_that_the_program_made_measures_as_its_report_says(tmp_path: Path) -> None:
    made = films.make(tmp_path / "film")
    settings = Settings.of("es", source="en", profile="draft")
    report = pipeline.translate(
        made.film, settings, transcript=made.transcript, translation=made.translation, jobs=1
    )
    (dub,) = finished.find(made.film)
    found = measured(dub, tmp_path)
    assert all(line.begins is not None for line in found.lines)
    for line, truth in zip(found.lines, made.onsets, strict=True):
        assert abs(line.start - truth) <= NEAR_MS
    said = bars.of_report(report)
    for name, within in (
        *(("onset_error_median_ms", 30), ("onset_error_95_ms", 30), ("programme_lu", 0.2)),
        *(("line_loudness_lu", 0.2), ("true_peak_dbtp", 0.5), ("overlap_ms", 0), ("rate_unflagged", 0)),
    ):
        assert value(found, name) == pytest.approx(said[name], abs=within), name
    for name in ("take_length_error_samples", "pictures_changed", "picture_moved_ms", "streams_missing"):
        assert value(found, name) == 0


# -- the command -------------------------------------------------------------------------------------------


def told(out: Path) -> dict[str, Any]:
    """The report of the dub with a late line."""
    return dubs.report(Wrong(), out)


@pytest.fixture
def place(home: Path, late: Finished, tmp_path: Path) -> Path:
    """A folder with film.mp4, film.es.mp4 in which a line is late, and their project."""
    folder = tmp_path / "films"
    folder.mkdir()
    out = folder / "film.es.mp4"
    shutil.copy(home / "film.mp4", folder)
    shutil.copy(late.dubbed, out)
    project = Project.open(folder / "film.mp4")
    with project.lock():
        digest = project.source_digest(duration=DURATION)
        key = store.key("extract", sound.EXTRACT, {"film": digest}, {"track": 0, "centre": False})
        for name, at in (("source", key), ("speech", store.key("separate", 1, {}, None))):
            project.cache.file(at, ".wav", partial(os.link, home / f"{name}.wav"))
        project.remember_run("es", {"target": "es"})
        project.remember_output("es", out, "recipe")
        project.write_report("es", told(out))
    return folder


def run(*args: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["check", *map(str, args)], prog_name="dubber")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_the_dub_is_found_by_its_film_its_project_and_itself(place: Path) -> None:
    by = [finished.find(place / name) for name in ("film.mp4", "film.dub", "film.es.mp4")]
    assert by[0] == by[1] == by[2]
    ((dub,), *_) = by
    assert (dub.dubbed, dub.language, dub.notes) == (place / "film.es.mp4", "es", ())
    assert dub.source is not None and dub.stem is not None and not dub.centre


def test_strict_ends_in_its_own_status_and_json_is_one_object_with_every_row_and_line(place: Path) -> None:
    status, shown = run(place / "film.es.mp4", "--json", "--strict")
    assert status == BarError.exit_status == 11
    told = json.loads(shown)
    assert told["error"]["exit_status"] == 11
    (found,) = told["checks"]
    assert found["missed"] == ["onset_error_95_ms"]
    assert len(found["lines"]) == len(SAID)
    (off,) = (line for line in found["lines"] if line["faults"])
    assert off["text"] == SAID[4][1] and abs(off["onset_error_ms"] - 300 - LATE[4]) <= NEAR_MS
    assert sum(off["onset_parts_ms"].values()) == off["onset_error_ms"]


def test_without_strict_a_missed_bar_is_shown_and_no_failure_and_nothing_is_changed(place: Path) -> None:
    def seen() -> dict[Path, tuple[int, int]]:
        return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in place.rglob("*")}

    before = seen()
    status, told = run(place / "film.dub")
    assert status == 0
    assert "onset error, 95 % within" in told and "missed" in told and "furthest: " in told
    assert SAID[4][1] in told and "ms late" in told
    assert seen() == before


def refusal(place: Path, to: str | None = None) -> DubberError:
    with pytest.raises(DubberError) as caught:
        finished.find(place, to)
    assert caught.value.hint
    return caught.value


def test_a_film_that_has_changed_since_is_refused(place: Path) -> None:
    film = place / "film.mp4"
    other = film.read_bytes()
    film.unlink()
    film.write_bytes(other[:-1] + bytes([other[-1] ^ 1]))
    error = refusal(film)
    assert isinstance(error, UsageError) and "has changed since" in str(error)


def test_a_film_that_was_only_copied_is_the_same_film(place: Path) -> None:
    film = place / "film.mp4"
    data = film.read_bytes()
    film.unlink()
    film.write_bytes(data)
    assert finished.find(film)


def test_a_dub_that_was_changed_since_is_measured_and_said_to_be(place: Path) -> None:
    with (place / "film.es.mp4").open("ab") as file:
        file.write(b"\0" * 8)
    (dub,) = finished.find(place / "film.es.mp4")
    assert dub.notes == (finished.CHANGED.format("film.es.mp4"),)


def test_what_is_not_there_is_named(place: Path) -> None:
    assert "not dubbed into French" in str(refusal(place / "film.mp4", "fr"))
    (place / "film.dub" / "report.es.json").write_text("{", "utf-8")
    assert "no report of its dub into Spanish that is whole" in str(refusal(place / "film.mp4"))
    (place / "film.dub" / "report.es.json").unlink()
    error = refusal(place / "film.mp4")
    assert isinstance(error, MissingError) and "no report" in str(error)
    (place / "film.es.mp4").rename(place / "elsewhere.mp4")
    error = refusal(place / "elsewhere.mp4")
    assert isinstance(error, MissingError) and "was not dubbed" in str(error)
    assert isinstance(refusal(place / "nothing.mp4"), MissingError)


def test_the_stem_and_what_was_replaced_are_those_that_the_report_names(place: Path) -> None:
    project = Project.open(place / "film.mp4")
    (before,) = finished.find(place / "film.mp4")
    assert before.stem is not None
    with project.lock():
        newer = project.cache.file(
            store.key("separate", 1, {}, "newer"), ".wav", partial(copied, before.stem)
        )
        assert finished.find(place / "film.mp4")[0].stem == newer, "an older report: the newest"
        stem = before.stem.relative_to(project.folder).as_posix()
        tell(project, stem=stem, within=[[100, 900]], speech=[[200, 800]], hushed=[[300, 400]])
    (dub,) = finished.find(place / "film.mp4")
    assert (dub.stem, dub.within, dub.speech) == (before.stem, (Span(100, 900),), (Span(200, 800),))
    assert dub.report.hushed == (Span(300, 400),)


def tell(project: Project, **changes: object) -> None:
    project.write_report("es", {**told(project.film.with_name("film.es.mp4")), **changes})


def test_no_sound_outside_the_cache_is_taken_for_the_films(place: Path) -> None:
    project = Project.open(place / "film.mp4")
    secret = place / "secret.wav"
    shutil.copy(finished.find(place / "film.mp4")[0].stem or "", secret)
    (project.folder / "cache" / "link.wav").symlink_to(secret)
    with project.lock():
        for path in ("../secret.wav", str(secret), "cache/../../secret.wav", "cache/link.wav", "cache", ""):
            tell(project, stem=path)
            assert finished.find(place / "film.mp4")[0].stem is None, path
        other = project.cache.file(store.key("take", 1, {}, None), ".wav", silence)
        tell(project, stem=other.relative_to(project.folder).as_posix())
    assert "is not the speech of film.mp4" in str(refusal(place / "film.mp4"))


def copied(sound: Path, out: Path) -> None:
    shutil.copy(sound, out)


def silence(out: Path) -> None:
    with AudioWriter(out, channels=1) as writer:
        writer.append(np.zeros(480, np.float32))


@pytest.mark.parametrize(
    "wrong", [7, "x", [[1]], [[5, 2]], [[-1, 2]], [[0, 1e9]], [[0, 10**12]], [[5, 9], [1, 7]]]
)
def test_spans_that_are_none_make_no_report(wrong: Any) -> None:
    right = told(Path("film.es.mp4"))
    for name in ("within", "speech"):
        with pytest.raises(reported.NotAReportError):
            reported.read({**right, name: wrong})
    for name in ("source", "slot"):
        line = {**right["lines"][0], name: wrong}
        with pytest.raises(reported.NotAReportError):
            reported.read({**right, "lines": [line]})


def test_a_report_whose_parts_are_others_is_none() -> None:
    right = told(Path("film.es.mp4"))
    assert len(reported.read(right).lines) == len(SAID)
    wrongs: list[Any] = [None, 7, "x", [], [7], {"a": 1}, float("nan"), True, "\0"]
    for wrong in wrongs:
        with pytest.raises(reported.NotAReportError):
            reported.read(wrong)
    for name, fine in (
        ("settings", dict),
        ("timing", dict),
        ("output", str),
        ("sound_alone", bool),
        ("lines", list),
    ):
        for wrong in wrongs:
            if not isinstance(wrong, fine) or wrong in ("\0", [7], {"a": 1}):
                with pytest.raises(reported.NotAReportError):
                    reported.read({**right, name: wrong})
    for name in right["settings"]:
        with pytest.raises(reported.NotAReportError):
            reported.read({**right, "settings": {**right["settings"], name: -1}})


def test_a_film_that_no_run_remembers_is_no_bug(place: Path) -> None:
    settings = place / "film.dub" / "project.json"
    kept = json.loads(settings.read_text("utf-8"))
    settings.write_text(json.dumps({**kept, "runs": {}}), "utf-8")
    assert "was not dubbed" in str(refusal(place / "film.es.mp4"))


def test_nothing_that_a_terminal_obeys_is_printed(good: Check, capsys: pytest.CaptureFixture[str]) -> None:
    bad = "a\nb\x1b[2J\u202e"
    line = replace(good.lines[0], text=bad, begins=None)
    dub = replace(good.dub, dubbed=Path(f"{bad}.mp4"))
    check_cli.show(replace(good, dub=dub, lines=(line,), notes=(bad,)))
    shown = capsys.readouterr().out
    assert "nothing is heard" in shown and "a?b?[2J?.mp4" in shown
    assert not {"\x1b", "\u202e"} & set(shown)


def test_an_onset_error_says_what_it_comes_from(good: Check) -> None:
    line = replace(good.lines[1], source=Span(3400, 4400), start=3260, begins=3420)
    line = replace(line, slot=replace(line.slot, span=Span(3410, 4400)))
    assert line.onset_parts == {"source": 140, "slot": 10, "voice": 10} and line.onset_error == 160
    assert line.why() == "its words are taken to begin 140 ms after the voice in the film"
    early = replace(line, begins=3000)
    assert (early.onset_error, early.why()) == (-260, "it is heard 410 ms before its slot begins")
    assert replace(line, begins=3260).why() == replace(line, begins=None).why() == ""


def test_no_bars_missed_raises_nothing_and_many_are_counted(good: Check) -> None:
    checked.check([good])
    bad = replace(good, rows=tuple(replace(row, verdict="missed", value=1e9) for row in good.rows))
    with pytest.raises(BarError, match=r"film\.es\.mp4 misses 20 bars: .*, and 15 more"):
        checked.check([good, bad])
