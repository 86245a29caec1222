"""What a film says of itself, and what is refused before anything is opened for good."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import av
import pytest
import reels

from dubber import media
from dubber.errors import DubberError, MediaError, MissingError, UsageError
from dubber.media import ffmpeg_exe, ffmpeg_info, header, output_suffix, probe, require_ffmpeg


def test_a_films_header_is_read(tmp_path: Path) -> None:
    path = reels.reel(
        tmp_path / "film.mkv",
        *reels.H264,
        *("-c:a", "aac", "-metadata", "title=A Film", "-metadata:s:a:0", "language=deu"),
        *("-metadata:s:a:0", "title=Ton", "-disposition:a:0", "default"),
    )
    film = probe(path)
    assert film.container == "matroska,webm"
    assert film.duration == pytest.approx(4000, abs=25)
    assert film.metadata["title"] == "A Film"
    picture, sound = film.streams
    assert (picture.kind, picture.codec, picture.width, picture.height) == ("video", "h264", 160, 120)
    assert picture.fps == 25
    assert (sound.kind, sound.codec, sound.channels, sound.rate) == ("audio", "aac", 2, 48_000)
    assert (sound.language, sound.title, sound.default) == ("deu", "Ton", True)
    assert film.has_video
    assert film.audio() == sound


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_streams_start_where_they_do_on_the_films_clock(tmp_path: Path, suffix: str) -> None:
    film = probe(reels.reel(tmp_path / f"film{suffix}", late=(0, 0.7)))
    picture, sound = film.streams
    assert picture.start == 0
    assert sound.start == pytest.approx(700, abs=25)  # AAC is delayed or advanced by a packet at most


def test_length_is_counted_where_the_header_has_none(tmp_path: Path) -> None:
    sound = reels.wav(tmp_path / "sound.wav", 1.0)
    reels.ffmpeg("-i", sound, "-c:a", "libopus", "-f", "webm", "-live", "1", tmp_path / "live.webm")
    reels.ffmpeg("-i", sound, "-c:a", "aac", tmp_path / "raw.aac")
    assert probe(tmp_path / "live.webm").duration == pytest.approx(4000, abs=30)
    assert probe(tmp_path / "raw.aac").duration == pytest.approx(4000, abs=50)


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".flac"])
def test_a_cover_picture_makes_no_film_of_a_song(tmp_path: Path, suffix: str) -> None:
    cover, song = tmp_path / "cover.png", tmp_path / f"song{suffix}"
    reels.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:d=1", "-frames:v", "1", cover)
    reels.ffmpeg(
        *("-i", reels.wav(tmp_path / "sound.wav", 1.0), "-i", cover, "-map", "0", "-map", "1"),
        *("-c:v", "copy", "-disposition:v", "attached_pic", song),
    )
    film = probe(song)
    assert [stream.cover for stream in film.streams] == [False, True]
    assert not film.has_video
    assert output_suffix(film) == suffix


def test_a_film_without_sound_says_so_when_asked_for_it(tmp_path: Path) -> None:
    reels.ffmpeg(*reels.PICTURE, *reels.H264, tmp_path / "mute.mp4")
    film = probe(tmp_path / "mute.mp4")
    assert not film.has_audio
    with pytest.raises(MediaError, match="has no audio track"):
        film.audio()


def test_a_track_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    with pytest.raises(UsageError, match="no audio track 1"):
        film.audio(1)


def test_what_is_no_film_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("Dear diary, no film today.\n" * 50)
    (tmp_path / "noise.mp4").write_bytes(bytes(range(256)) * 400)
    reels.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:d=1", "-frames:v", "1", tmp_path / "picture.png")
    os.mkfifo(tmp_path / "pipe.mp4")
    expected: dict[str, type[DubberError]] = {
        "empty.mp4": MediaError,
        "text.mp4": MediaError,
        "noise.mp4": MediaError,
        "picture.png": MediaError,
        "pipe.mp4": UsageError,
        "missing.mp4": UsageError,
        "": UsageError,
    }
    for name, error in expected.items():
        with pytest.raises(error) as caught:
            probe(tmp_path / name)
        assert str(caught.value).endswith(".")
        assert "\n" not in str(caught.value)


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = reels.reel(tmp_path / "film.mp4")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything, so the modes alone prove nothing
    with pytest.raises(MissingError, match="may not be read"):
        probe(path)


@contextmanager
def listener() -> Iterator[tuple[str, list[str]]]:
    """An HTTP server on this machine: an address on it, and what was asked of it."""
    asked: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/secret.ts", asked
        server.shutdown()
        thread.join()


def hls(target: object) -> str:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{target}\n#EXT-X-ENDLIST\n"


def test_playlists_and_scripts_named_as_films_are_refused_and_open_no_socket(tmp_path: Path) -> None:
    secret = reels.reel(tmp_path / "secret.ts")
    path = tmp_path / "film.mp4"
    with listener() as (web, asked):
        dash = (
            '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT4S">'
            f"<Period><BaseURL>{web}</BaseURL></Period></MPD>"
        )
        texts = [hls(web), hls(secret), hls("secret.ts"), f"\n\n{hls(web)}"]
        texts += [f"ffconcat version 1.0\nfile '{target}'\n" for target in (web, "secret.ts")]
        texts += [f"\ufefffile '{secret}'\n", dash, f'<?xml version="1.0"?>{dash}']
        for text in texts:
            path.write_text(text)
            with pytest.raises(MediaError):
                probe(path)
    assert asked == []


def test_a_film_swapped_for_a_playlist_after_it_was_probed_is_refused_by_ffmpeg_too(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    secret = reels.reel(tmp_path / "secret.ts")
    with listener() as (web, asked):
        for text in (hls(web), hls(secret), f"ffconcat version 1.0\nfile '{secret.name}'\n"):
            film.path.write_text(text)
            with pytest.raises(MediaError):
                media.extract(film, tmp_path / "out.wav")
    assert asked == []
    assert not (tmp_path / "out.wav").exists()


def test_a_films_clock_that_claims_weeks_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = reels.reel(tmp_path / "film.mp4")
    monkeypatch.setattr("dubber.media.header.MAX_DURATION", 3999)
    with pytest.raises(MediaError, match="claims to be"):
        probe(path)


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a person's own ffmpeg is put."""
    path = tmp_path / "other-ffmpeg"
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(path))
    return path


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_the_wheels_ffmpeg_is_used_whatever_the_system_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "ffmpeg", "exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    info = ffmpeg_info()
    assert info.origin == "wheel"
    assert Path(info.path).is_file()
    assert info.version[0].isalnum()


def test_an_ffmpeg_that_a_person_names_is_used(other: Path) -> None:
    program(other, "echo 'ffmpeg version 7.7-test Copyright'")
    assert ffmpeg_info() == media.FFmpeg(str(other), "7.7-test", "system")


def test_the_systems_ffmpeg_is_used_where_the_wheel_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", none)
    with pytest.raises(MissingError, match="no ffmpeg"):
        ffmpeg_exe()
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", lambda: "ffmpeg")
    assert ffmpeg_exe() == "ffmpeg"


def test_an_ffmpeg_that_does_not_run_is_told(other: Path) -> None:
    program(other, "exit 1")
    with pytest.raises(MissingError, match="does not run"):
        ffmpeg_info()


@pytest.mark.parametrize(
    ("version", "old"), [("5.1.6-0+deb12u1", True), ("n6.1", True), ("7.0.2", False), ("N-118-gabc", False)]
)
def test_an_ffmpeg_that_is_too_old_is_refused_by_its_version(other: Path, version: str, old: bool) -> None:
    program(other, f"echo ffmpeg version {version} Copyright")
    if old:
        with pytest.raises(MissingError, match="needs 7 or later"):
            require_ffmpeg()
    else:
        require_ffmpeg()


def test_an_ffmpeg_that_hangs_does_not_run(other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(other, "exec sleep 60")
    monkeypatch.setattr("dubber.media.ffmpeg.VERSION_TIMEOUT", 0.2)
    with pytest.raises(MissingError, match="does not run"):
        ffmpeg_info()


def test_a_streams_flags_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # On Python 3.10 flags that are set together have no name; here none has one, on any Python.
    monkeypatch.setattr(av.stream.Disposition, "name", None, raising=False)
    (tmp_path / "s.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHola\n\n", encoding="utf-8")
    reels.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=32x32", "-frames:v", "1", tmp_path / "cover.png")
    path = tmp_path / "flags.mkv"
    reels.ffmpeg(
        *("-i", reels.reel(tmp_path / "film.mkv"), "-i", tmp_path / "s.srt", "-map", "0", "-map", "1"),
        *("-c", "copy", "-c:s", "srt", "-disposition:s:0", "default+forced", path),
    )
    subtitle = probe(path).of("subtitle")[0]
    assert (subtitle.default, subtitle.forced, subtitle.cover) == (True, True, False)
    talk = tmp_path / "talk.m4a"
    reels.ffmpeg(
        *("-i", reels.wav(tmp_path / "s.wav", 1.0), "-i", tmp_path / "cover.png", "-map", "0", "-map", "1"),
        *("-c:v", "copy", "-disposition:v:0", "attached_pic", talk),
    )
    assert not probe(talk).has_video
    both = av.stream.Disposition.default | av.stream.Disposition.attached_pic
    with av.open(str(talk)) as container:
        container.streams[1].disposition = both  # ffmpeg writes no such file, others do
        cover = header._stream(container.streams[1], 0)
    assert (cover.default, cover.forced, cover.cover) == (True, False, True)
