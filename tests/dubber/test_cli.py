"""The command line as a person meets it: every way to go wrong has its exit status and one clear sentence."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from films import TALK, Made, Said, make, packets
from typer.testing import CliRunner, Result

from dubber import process
from dubber.cli import app
from dubber.media import ffmpeg_exe
from dubber.project import Project

DRAFT = ("--to", "es", "--profile", "draft", "--from", "en")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("cli"), said=TALK[:2], duration=7000)


def dubber(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments], prog_name="dubber")


def translate(film: Path, made: Made, *options: object) -> Result:
    given = ("--transcript", made.transcript, "--translation", made.translation)
    return dubber("translate", film, *DRAFT, *given, *options)


def refused(result: Result, status: int, *said: str) -> None:
    """It ended with `status`, one sentence, and no traceback; the sentence and its hint hold what was to be said."""
    assert result.exit_code == status, result.output
    told = [line for line in result.stderr.splitlines() if line.startswith("dubber: ")]
    assert len(told) == 1, result.stderr
    assert "Traceback" not in result.stderr
    for words in said:
        assert words in result.stderr


# -- good ways ---------------------------------------------------------------------------------------


def test_a_dub_says_where_its_film_is(made: Made, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    result = translate(made.film, made, "--project", tmp_path / "p.dub", "--output", out)
    assert result.exit_code == 0, result.output
    assert str(out) in result.stdout
    assert out.stat().st_size > 0


def test_json_is_one_object_and_nothing_else(made: Made, tmp_path: Path) -> None:
    place = ("--project", tmp_path / "p.dub", "--output", tmp_path / "o.mp4")
    result = translate(made.film, made, *place, "--json")
    (report,) = json.loads(result.stdout)["reports"]
    assert report["timing"]["take_length_error_samples"] == 0
    again = dubber("render", tmp_path / "p.dub", "--json")
    assert json.loads(again.stdout)["reports"][0]["written"] is False
    broken = dubber("translate", tmp_path / "none.mp4", *DRAFT, "--json")
    error = json.loads(broken.stdout)["error"]
    assert (broken.exit_code, error["exit_status"], error["type"]) == (4, 4, "MissingError")


def test_doctor_finds_everything_the_draft_lane_needs(made: Made) -> None:
    result = dubber("doctor", "--json")
    found = {one["name"]: one for one in json.loads(result.stdout)["findings"]}
    assert result.exit_code == 0
    assert all(one["ok"] for one in found.values() if one["needed"])
    assert all(one["remedy"] for one in found.values() if not one["ok"])


def test_help_answers_at_once_and_names_every_exit_status() -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "dubber", "--help"], capture_output=True, text=True, check=True
    )
    assert time.monotonic() - began < 5  # half a second on an idle machine: `make bench` measures that
    assert all(f"{status} " in done.stdout for status in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130))
    heavy = "import sys; import dubber.cli; print([m for m in ('numpy', 'av', 'onnxruntime') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- usage and what is missing -----------------------------------------------------------------------


def test_the_studio_profile_says_what_it_lacks_and_never_becomes_draft(made: Made, tmp_path: Path) -> None:
    result = dubber("translate", made.film, "--to", "es", "--project", tmp_path / "p.dub")
    refused(result, 4, "whisper-large-v3", "`dubber models pull", "qwen3-1.7b", "--profile draft")
    assert not (tmp_path / "p.dub").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--to", "xyzzyish", "--profile", "draft"), "xyzzyish"),
        (("--to", "es", "--profile", "best"), "best"),
        (("--to", "es", "--profile", "draft", "--background", "loud"), "loud"),
    ],
)
def test_what_nobody_knows_is_a_usage_error(made: Made, options: tuple[str, ...], said: str) -> None:
    refused(dubber("translate", made.film, *options), 2, said)


def test_a_language_the_voice_does_not_speak_is_refused_before_any_work(made: Made, tmp_path: Path) -> None:
    words = tmp_path / "words.srt"
    shutil.copy(made.translation, words)
    given = ("--transcript", made.transcript, "--translation", words, "--project", tmp_path / "p.dub")
    result = dubber("translate", made.film, "--to", "wo", "--profile", "draft", *given)
    refused(result, 4, "does not speak", "It speaks:")
    assert not (tmp_path / "p.dub" / "cache" / "extract").exists()


def test_a_file_that_names_another_language_than_the_options_is_refused(made: Made, tmp_path: Path) -> None:
    result = dubber(
        "translate", made.film, "--to", "fr", "--profile", "draft", "--translation", made.translation
    )
    refused(result, 2, "Spanish", "French")


@pytest.mark.parametrize("option", ["--transcript", "--translation"])
def test_a_subtitle_file_that_is_not_there_is_named(made: Made, tmp_path: Path, option: str) -> None:
    place = ("--project", tmp_path / "p.dub")
    refused(dubber("translate", made.film, *DRAFT, option, tmp_path / "none.srt", *place), 2, "none.srt")
    refused(dubber("translate", made.film, *DRAFT, option, tmp_path, *place), 2, "no subtitle file")


def test_usage_errors_are_json_too() -> None:
    argv = [sys.executable, "-m", "dubber", "translate", "film.mp4", "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, json.loads(done.stdout)["error"]["exit_status"]) == (2, 2)
    assert "--to" in json.loads(done.stdout)["error"]["hint"]


def test_a_language_the_recogniser_does_not_understand_needs_a_transcript(made: Made, tmp_path: Path) -> None:
    result = dubber(
        *("translate", made.film, "--to", "es", "--from", "de", "--profile", "draft"),
        *("--translation", made.translation, "--project", tmp_path / "p.dub"),
    )
    refused(result, 4, "understands English only", "--transcript")


def test_a_pair_nobody_translates_says_how_to_get_by(made: Made, tmp_path: Path) -> None:
    result = dubber(
        *("translate", made.film, "--to", "ja", "--from", "en", "--profile", "draft"),
        *("--transcript", made.transcript, "--project", tmp_path / "p.dub"),
    )
    refused(result, 4, "--translation")


def test_a_transcript_in_nobody_knows_what_language_is_asked_about(made: Made, tmp_path: Path) -> None:
    named = tmp_path / "words.srt"
    shutil.copy(made.transcript, named)
    result = dubber("translate", made.film, "--to", "es", "--profile", "draft", "--transcript", named)
    refused(result, 2, "which language", "--from")


# -- bad media ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"this is a shopping list\n" * 50, "no film"),
        (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "playlist"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "playlist"),
        (bytes(range(256)) * 400, "no film"),
    ],
)
def test_what_is_no_film_is_refused(made: Made, tmp_path: Path, content: bytes, said: str) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(content)
    refused(translate(film, made), 3, said)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_a_film_that_is_not_there_and_a_folder_are_told_apart(made: Made, tmp_path: Path) -> None:
    refused(translate(tmp_path / "none.mp4", made), 4, "There is no film")
    refused(translate(tmp_path, made), 3, "is no file")


def test_a_film_without_an_audio_track_is_refused(made: Made, tmp_path: Path) -> None:
    film = tmp_path / "mute.mp4"
    argv = [ffmpeg_exe(), "-v", "error", "-i", f"file:{made.film}", "-an", "-c", "copy", f"file:{film}"]
    assert process.run(argv, timeout=60).returncode == 0
    refused(translate(film, made), 3, "no audio track")


@pytest.mark.parametrize("kind", ["silence", "music", "noise"])
def test_a_film_in_which_nobody_speaks_is_refused_with_a_way_on(
    made: Made, tmp_path: Path, kind: str
) -> None:
    time_s = np.arange(48_000 * 4) / 48_000
    sound = {
        "silence": np.zeros(len(time_s)),
        "music": 0.1 * sum(np.sin(2 * np.pi * f * time_s) for f in (220, 277.2, 329.6)),
        "noise": 0.02 * np.random.default_rng(0).standard_normal(len(time_s)),
    }[kind]
    film = tmp_path / "quiet.wav"
    soundfile.write(film, sound, 48_000)
    refused(dubber("translate", film, *DRAFT), 3, "No speech was found", "--transcript")


@pytest.mark.parametrize("share", [0.01, 0.25, 0.5, 0.99])
def test_a_truncated_film_is_refused_or_told_about(tmp_path: Path, made: Made, share: float) -> None:
    whole = make(tmp_path / "whole", "talk.mkv", said=TALK[:2], duration=7000)
    data = whole.film.read_bytes()
    film = tmp_path / "cut.mkv"
    film.write_bytes(data[: int(len(data) * share)])
    result = translate(film, made)
    if share < 0.25:
        refused(result, 3)
    else:
        assert result.exit_code == 0, result.output
        assert ("ends at" in result.stderr) == (share < 0.99)


def test_a_flipped_film_ends_with_a_film_or_a_sentence(tmp_path: Path, made: Made) -> None:
    generator = np.random.default_rng(5)
    data = np.frombuffer(made.film.read_bytes(), np.uint8).copy()
    for number in range(4):
        bad = data.copy()
        bad[generator.integers(0, len(bad), 200)] ^= generator.integers(1, 255, 200, dtype=np.uint8)
        film = tmp_path / f"flipped{number}.mp4"
        film.write_bytes(bad.tobytes())
        result = translate(film, made)
        assert result.exit_code in (0, 3), result.output
        assert "Traceback" not in result.output


# -- bad subtitles -----------------------------------------------------------------------------------


def test_a_broken_srt_is_named_with_its_line(made: Made, tmp_path: Path) -> None:
    bad = tmp_path / "bad.es.srt"
    bad.write_text("1\n00:00:01,000 --> 00:00:02,000\nHola.\n\n2\n00:00:05,000 --> 00:00:04,000\nAdiós.\n")
    given = ("--transcript", made.transcript, "--translation", bad, "--project", tmp_path / "p.dub")
    refused(dubber("translate", made.film, *DRAFT, *given), 8, "bad.es.srt, line 6")
    bad.write_bytes(b"\x00\x01\x02" * 100)
    refused(dubber("translate", made.film, *DRAFT, *given), 8, "bad.es.srt, line 1")


def test_an_edit_that_breaks_the_file_is_refused_and_left_as_it_is(made: Made, tmp_path: Path) -> None:
    place = ("--project", tmp_path / "p.dub", "--output", tmp_path / "o.mp4")
    assert translate(made.film, made, *place).exit_code == 0
    words = tmp_path / "p.dub" / "es.srt"
    broken = words.read_text().replace("-->", "bis", 1)
    words.write_text(broken)
    refused(dubber("render", tmp_path / "p.dub"), 8, "es.srt, line")
    assert words.read_text() == broken


# -- places that cannot be written -------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if (
        not sys.platform.startswith("linux")
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_too_small_is_told_in_bytes_before_any_work(made: Made, small_disk: Path) -> None:
    refused(translate(made.film, made, "--project", small_disk / "p.dub"), 5, "bytes", "needs")


def test_a_film_that_does_not_fit_where_it_is_to_go_is_told(
    made: Made, small_disk: Path, tmp_path: Path
) -> None:
    (small_disk / "filler").write_bytes(bytes(4_000_000))
    out = small_disk / "out.mp4"
    place = ("--project", tmp_path / "p.dub", "--output", out)
    refused(translate(made.film, made, *place), 5, "free")
    assert [path.name for path in small_disk.iterdir()] == ["filler"]
    (small_disk / "filler").unlink()
    assert translate(made.film, made, *place).exit_code == 0
    assert packets(out, "v:0") == packets(made.film, "v:0")


def test_a_place_that_is_no_folder_is_told(made: Made, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    refused(translate(made.film, made, "--project", tmp_path / "file" / "p.dub"), 5, "cannot be written")


# -- two runs, hostile names -------------------------------------------------------------------------


def test_a_project_in_use_is_named_with_who_holds_it(made: Made, tmp_path: Path) -> None:
    with Project.open(made.film, tmp_path / "p.dub").lock():
        argv = [sys.executable, "-m", "dubber", "translate", str(made.film), *DRAFT]
        argv += ["--project", str(tmp_path / "p.dub"), "--transcript", str(made.transcript)]
        argv += ["--translation", str(made.translation)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 6, done.stderr
    assert str(os.getpid()) in done.stderr


@pytest.mark.parametrize(
    "name",
    [
        "-y.mp4",
        "a:b.mp4",
        'it\'s "quoted".mp4',
        "100%d.mp4",
        "two\nlines.mp4",
        "\u202eright.mp4",
        "ä" * 120 + ".mp4",
    ],
)
def test_hostile_names_are_dubbed_like_any_other(made: Made, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    film = folder / name
    shutil.copy(made.film, film)
    result = translate(film, made, "--burn")
    assert result.exit_code == 0, result.output
    assert len([path for path in folder.iterdir() if path.is_file()]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["films"]


# -- batch -------------------------------------------------------------------------------------------


def test_a_batch_names_the_film_that_failed_and_does_the_others(tmp_path: Path) -> None:
    if shutil.which("apertium") is None:
        pytest.skip("Apertium comes from Debian's packages, which this machine does not have")
    films = tmp_path / "films"
    good = make(
        films, said=[Said(500, "The boat leaves at seven.", "El barco sale a las siete.")], duration=3000
    )
    good.transcript.unlink()
    good.translation.unlink()
    (films / "list.mp4").write_text("#EXTM3U\n")
    argv = [sys.executable, "-m", "dubber", "batch", str(films), "--to", "es", "--profile", "draft"]
    first = subprocess.run([*argv, "--json"], capture_output=True, text=True, check=False)
    assert first.returncode == 10, first.stderr
    told = json.loads(first.stdout)
    outcomes = {Path(each["film"]).name: each for each in told["films"]}
    assert told["error"]["exit_status"] == 10
    assert outcomes["talk.mp4"]["status"] == "done"
    assert (outcomes["list.mp4"]["status"], outcomes["list.mp4"]["exit_status"]) == ("failed", 3)
    again = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert again.returncode == 10
    assert "list.mp4" in again.stderr.splitlines()[-2]
    assert "unchanged" in again.stdout


def test_a_polite_kill_ends_with_the_status_of_an_interruption(made: Made, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "dubber", "translate", str(made.film), *DRAFT]
    argv += ["--project", str(tmp_path / "p.dub"), "--output", str(tmp_path / "o.mp4")]
    argv += ["--translation", str(made.translation)]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        while "transcribe" not in (line := run.stderr.readline()):
            assert line, "it ended before it was stopped"
        run.send_signal(signal.SIGTERM)
        assert "go on" in run.stderr.read()
        assert run.wait(30) == 130


# -- where the film goes -----------------------------------------------------------------------------


def test_a_film_that_dubber_did_not_make_is_not_overwritten(made: Made, tmp_path: Path) -> None:
    film, theirs = tmp_path / "talk.mp4", tmp_path / "talk.es.mp4"
    shutil.copy(made.film, film)
    shutil.copy(made.film, theirs)
    before = theirs.read_bytes()
    refused(translate(film, made), 2, "talk.es.mp4", "--output")
    assert theirs.read_bytes() == before
    theirs.unlink()
    assert translate(film, made).exit_code == 0
    shutil.rmtree(tmp_path / "talk.dub")
    assert translate(film, made).exit_code == 0  # its own, though the project is gone


def test_films_of_one_name_have_dubs_of_their_own(made: Made, tmp_path: Path) -> None:
    one, other = tmp_path / "talk.mp4", tmp_path / "talk.mkv"
    shutil.copy(made.film, one)
    argv = [ffmpeg_exe(), "-v", "error", "-i", f"file:{made.film}", "-c", "copy", f"file:{other}"]
    assert process.run(argv, timeout=60).returncode == 0
    assert translate(one, made).exit_code == translate(other, made).exit_code == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["talk.dub", "talk.mkv", "talk.mkv.dub", "talk.mkv.es.mkv", "talk.mp4", "talk.mp4.es.mp4"]


@pytest.mark.parametrize("out", ["nowhere/out.mp4", "folder.mp4", "out.xyz", "ä" * 130 + ".mp4"])
def test_an_output_that_cannot_be_is_refused_before_any_work(made: Made, tmp_path: Path, out: str) -> None:
    (tmp_path / "folder.mp4").mkdir()
    result = translate(made.film, made, "--project", tmp_path / "p.dub", "--output", tmp_path / out)
    assert result.exit_code in (2, 5), result.output
    refused(result, result.exit_code)
    assert not (tmp_path / "p.dub" / "cache" / "extract").exists()


def test_an_empty_home_stays_empty(made: Made, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    argv = [sys.executable, "-m", "dubber", "translate", str(made.film), *DRAFT]
    argv += ["--transcript", str(made.transcript), "--translation", str(made.translation)]
    argv += ["--project", str(tmp_path / "p.dub"), "--output", str(tmp_path / "o.mp4")]
    subprocess.run(argv, env={**os.environ, "HOME": str(home)}, check=True, capture_output=True)
    assert list(home.rglob("*")) == []
