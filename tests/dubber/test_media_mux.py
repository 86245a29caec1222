"""The dub in the film: the picture untouched, the sound on its moment, every track named for what it is."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import reels
import soundfile

from dubber.errors import MediaError, MissingError, SpaceError, UsageError
from dubber.media import (
    Film,
    MuxPlan,
    SoftSubtitle,
    check_output,
    extract,
    mux,
    output_suffix,
    probe,
    write_audio,
)
from dubber.media.fonts import Lack, family_for, lacking, require_fonts
from dubber.media.muxing import DUB_BYTES
from dubber.srt import Cue, directed, serialise

MS = 1.0
SRT = "1\n00:00:01,000 --> 00:00:03,000\nHola, señor;\n<i>¿qué tal?</i>\n\n"


def dub_for(film: Film, tmp_path: Path, at: float = 2.0) -> Path:
    return reels.wav(tmp_path / "dub.wav", at, seconds=film.duration / 1000)


@pytest.mark.parametrize(
    ("suffix", "late"),
    [(suffix, late) for suffix in (".mp4", ".mkv", ".webm") for late in ((0.7, 0.0), (0.0, 0.7))]
    + [(".m4v", (0.0, 0.0)), (".mov", (0.0, 0.0))],
)
def test_dub_original_and_picture_keep_their_moments_and_the_picture_its_bytes(
    tmp_path: Path, suffix: str, late: tuple[float, float]
) -> None:
    film = probe(reels.reel(tmp_path / f"film{suffix}", late=late))
    assert output_suffix(film) == suffix
    out = tmp_path / f"out{suffix}"
    made = mux(MuxPlan(film, dub_for(film, tmp_path), "spa", "Español"), out).film
    assert reels.packets(out) == reels.packets(film.path)
    assert reels.same_pictures(out, film.path)
    assert made.of("video")[0].start == film.of("video")[0].start
    assert reels.heard_at(made, tmp_path, 0) == pytest.approx(2000, abs=MS)
    assert reels.heard_at(made, tmp_path, 1) == pytest.approx(reels.heard_at(film, tmp_path), abs=MS)
    assert made.duration == pytest.approx(film.duration, abs=30)


@pytest.mark.parametrize(
    ("suffix", "late"), [(".ts", (0.7, 0.0)), (".ts", (0.0, 0.7)), (".flv", (0.0, 0.7)), (".mpg", (0.0, 0.0))]
)
def test_broadcast_films_become_matroska_with_picture_and_dub_in_place(
    tmp_path: Path, suffix: str, late: tuple[float, float]
) -> None:
    codecs = ("-c:v", "mpeg2video", "-bf", "2", "-c:a", "mp2") if suffix == ".mpg" else ()
    film = probe(reels.reel(tmp_path / f"film{suffix}", *codecs, late=late))
    assert output_suffix(film) == ".mkv"
    made = mux(MuxPlan(film, dub_for(film, tmp_path), "spa"), tmp_path / "out.mkv").film
    assert reels.pictures(made.path) == reels.pictures(
        film.path
    )  # Annex B becomes AVCC: compare what is seen
    assert made.of("video")[0].start == pytest.approx(film.of("video")[0].start, abs=2)
    assert reels.heard_at(made, tmp_path, 0) == pytest.approx(2000, abs=MS)
    assert reels.heard_at(made, tmp_path, 1) == pytest.approx(reels.heard_at(film, tmp_path), abs=MS)


def test_variable_frame_rate_keeps_every_pictures_time(tmp_path: Path) -> None:
    path = tmp_path / "vfr.mp4"
    reels.ffmpeg(
        *(*reels.PICTURE, "-i", reels.wav(tmp_path / "s.wav", 1.0), "-vf", "select='mod(n,3)+lt(t,2)'"),
        *("-fps_mode", "vfr", *reels.H264, path),
    )
    film = probe(path)
    assert len(set(np.diff(reels.pictures(path)[0]))) > 1
    for suffix in (".mp4", ".mkv"):
        out = tmp_path / f"out{suffix}"
        mux(MuxPlan(film, dub_for(film, tmp_path), "spa"), out)
        assert reels.packets(out) == reels.packets(path)
        assert reels.same_pictures(out, path)


def test_a_film_that_does_not_start_with_a_whole_picture_keeps_all_its_packets(tmp_path: Path) -> None:
    whole = reels.reel(tmp_path / "whole.mkv")
    reels.ffmpeg("-i", whole, "-map", "0", "-c", "copy", "-copyinkf", "-bsf:v", "noise=drop=lt(n\\,5)",
                 tmp_path / "film.mkv")  # fmt: skip
    film = probe(tmp_path / "film.mkv")
    assert reels.packets(film.path) != reels.packets(whole)
    made = mux(MuxPlan(film, dub_for(film, tmp_path), "spa"), tmp_path / "out.mkv").film
    assert reels.packets(made.path) == reels.packets(film.path)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_every_track_says_what_it_is(tmp_path: Path, suffix: str) -> None:
    film = probe(reels.reel(tmp_path / f"film{suffix}"))
    (tmp_path / "es.srt").write_text(SRT, encoding="utf-8")
    (tmp_path / "en.srt").write_text(SRT.replace("Hola", "Hello"), encoding="utf-8")
    plan = MuxPlan(
        film,
        dub_for(film, tmp_path),
        "spa",
        "Español",
        original_language="eng",
        subtitles=(
            SoftSubtitle(tmp_path / "es.srt", "spa", "Español"),
            SoftSubtitle(tmp_path / "en.srt", "eng", "English"),
        ),
    )
    made = mux(plan, tmp_path / f"out{suffix}").film
    assert [stream.kind for stream in made.streams] == ["video", "audio", "audio", "subtitle", "subtitle"]
    assert [stream.language for stream in made.streams[1:]] == ["spa", "eng", "spa", "eng"]
    dub, original = made.of("audio")
    assert (dub.default, original.default) == (True, False)
    texts = {".mp4": "mov_text", ".mov": "mov_text", ".mkv": "subrip", ".webm": "webvtt"}
    assert {stream.codec for stream in made.of("subtitle")} == {texts[suffix]}
    back = reels.ffmpeg("-i", made.path, "-map", "0:s:0", "-f", "srt", "-").decode()
    assert "00:00:01,000 --> 00:00:03,000" in back
    assert "señor" in back
    assert any("synthetic" in value for key, value in made.metadata.items() if key.lower() == "comment")
    if suffix in (".mkv", ".webm"):
        assert made.metadata["SYNTHETIC_SPEECH"] == "1"
        assert dub.title == "Español (synthetic speech)"
    else:
        assert b"Espa\xc3\xb1ol (synthetic speech)" in made.path.read_bytes()  # the track's handler name


def test_nothing_is_said_of_synthesis_when_the_caller_does_not_want_it(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mkv"))
    plan = MuxPlan(film, dub_for(film, tmp_path), "spa", "Español", synthetic=False)
    made = mux(plan, tmp_path / "out.mkv").film
    assert made.of("audio")[0].title == "Español"
    assert "SYNTHETIC_SPEECH" not in made.metadata
    assert "COMMENT" not in made.metadata


def test_the_original_can_be_left_out(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    made = mux(MuxPlan(film, dub_for(film, tmp_path), "spa", keep_original=False), tmp_path / "out.mp4").film
    assert len(made.of("audio")) == 1
    assert reels.heard_at(made, tmp_path) == pytest.approx(2000, abs=MS)


def test_chapters_metadata_subtitles_and_attachments_are_kept(tmp_path: Path) -> None:
    (tmp_path / "old.srt").write_text(SRT.replace("Hola", "Hej"), encoding="utf-8")
    (tmp_path / "font.ttf").write_bytes(b"not really a font")
    (tmp_path / "chapters.txt").write_text(
        ";FFMETADATA1\ntitle=A Film\ncomment=mine\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1500\ntitle=One\n"
        "[CHAPTER]\nTIMEBASE=1/1000\nSTART=1500\nEND=4000\ntitle=Two\n"
    )
    path = tmp_path / "rich.mkv"
    reels.ffmpeg(
        *(
            "-i",
            reels.reel(tmp_path / "film.mkv"),
            "-i",
            tmp_path / "old.srt",
            "-i",
            tmp_path / "chapters.txt",
        ),
        *("-map", "0", "-map", "1", "-map_metadata", "2", "-map_chapters", "2", "-c", "copy", "-c:s", "ass"),
        *("-attach", tmp_path / "font.ttf", "-metadata:s:t:0", "mimetype=font/ttf"),
        *("-metadata:s:s:0", "language=swe", path),
    )
    (tmp_path / "es.srt").write_text(SRT, encoding="utf-8")
    film = probe(path)
    plan = MuxPlan(
        film, dub_for(film, tmp_path), "spa", subtitles=(SoftSubtitle(tmp_path / "es.srt", "spa", "Español"),)
    )
    made = mux(plan, tmp_path / "out.mkv").film
    assert made.chapters == film.chapters == 2
    assert made.metadata["title"] == "A Film"
    assert made.metadata["COMMENT"].startswith("mine ")
    assert [(stream.codec, stream.language) for stream in made.of("subtitle")] == [
        ("subrip", "spa"),
        ("ass", "swe"),
    ]
    assert len(made.of("attachment")) == 1
    short = mux(plan, tmp_path / "out.mp4")
    assert [stream.language for stream in short.film.of("subtitle")] == ["spa", "swe"]
    assert short.film.chapters == 2


def test_burned_subtitles_are_seen_and_only_while_they_last(tmp_path: Path) -> None:
    place = tmp_path / "it's: [a]; 'b', %d\\n"
    place.mkdir()
    srt = place / "-s'u:b,=.srt"
    srt.write_text(SRT, encoding="utf-8")
    grey = tmp_path / "grey.mp4"
    reels.ffmpeg(
        *("-f", "lavfi", "-i", "color=gray:s=320x240:r=25:d=4", "-i", reels.wav(tmp_path / "s.wav", 1.0)),
        *(*reels.H264, grey),
    )
    film = probe(grey)
    made = mux(MuxPlan(film, dub_for(film, tmp_path), "spa", burn=srt), place / "out.mp4").film

    def spread(second: float) -> float:
        raw = reels.ffmpeg("-ss", str(second), "-i", f"file:{made.path}", "-frames:v", "1", "-pix_fmt", "gray",
                           "-f", "rawvideo", "-")  # fmt: skip
        return float(np.frombuffer(raw, np.uint8).std())

    assert spread(0.5) < 2
    assert spread(2.0) > 4  # thin letters or bold ones, as the font has them
    assert spread(3.5) < 2
    assert made.of("video")[0].start == 0
    assert reels.heard_at(made, tmp_path) == pytest.approx(2000, abs=MS)


def test_braces_and_backslashes_are_drawn_and_not_obeyed(tmp_path: Path) -> None:
    grey = tmp_path / "grey.mp4"
    reels.ffmpeg(*("-f", "lavfi", "-i", "color=gray:s=320x240:r=25:d=3"), *reels.H264, grey)
    film = probe(grey)

    def drawn(name: str, text: str) -> float:
        srt = tmp_path / f"{name}.srt"
        srt.write_text(f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n", encoding="utf-8")
        plan = MuxPlan(film, dub_for(film, tmp_path), "spa", burn=srt)
        made = mux(plan, tmp_path / f"{name}.mp4").film
        raw = reels.ffmpeg("-ss", "0.5", "-i", f"file:{made.path}", "-frames:v", "1", "-pix_fmt", "gray",
                           "-f", "rawvideo", "-")  # fmt: skip
        rows = np.frombuffer(raw, np.uint8).reshape(240, 320).astype(float).std(axis=1) > 4
        return float(np.flatnonzero(rows).size)

    line = drawn("plain", "Hello")
    assert drawn("braces", "{Hello}") >= line > 5
    assert drawn("backslash", "C:\\new") < 1.6 * line  # not broken into two lines


def test_burning_without_any_font_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fonts.conf").write_text(
        f'<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>{tmp_path}/none</dir>'
        f"<cachedir>{tmp_path}/cache</cachedir></fontconfig>"
    )
    monkeypatch.setenv("FONTCONFIG_FILE", str(tmp_path / "fonts.conf"))
    (tmp_path / "es.srt").write_text(SRT, encoding="utf-8")
    film = probe(reels.reel(tmp_path / "film.mp4"))
    plan = MuxPlan(film, dub_for(film, tmp_path), "spa", burn=tmp_path / "es.srt")
    with pytest.raises(MissingError, match="no font"):
        mux(plan, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


KHITAN = "\U00018b00\U00018b01\U00018b02"
"""Letters of a script that is on no machine: deciphered in part, and in no usual font."""


def test_burning_a_script_without_a_font_is_refused_before_the_film_is_encoded(tmp_path: Path) -> None:
    (tmp_path / "es.srt").write_text(SRT.replace("señor", KHITAN), encoding="utf-8")
    film = probe(reels.reel(tmp_path / "film.mp4"))
    plan = MuxPlan(film, tmp_path / "never looked at.wav", "zho", burn=tmp_path / "es.srt")
    with pytest.raises(MissingError, match="has Khitan letters") as caught:
        mux(plan, tmp_path / "out.mp4")
    assert "fonts-noto-core" in str(caught.value.hint)
    assert not (tmp_path / "out.mp4").exists()


def fake(folder: Path, name: str, *lines: str) -> Path:
    """A program that does nothing but this."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text("\n".join(("#!/bin/sh", *lines, "")), encoding="utf-8")
    program.chmod(0o755)
    return program


def without(tmp_path: Path, *characters: str) -> str:
    """The path of an ffmpeg that says of these characters that no font has them."""
    told = "[Parsed_subtitles_0 @ 0x1] fontselect: failed to find any fallback with glyph {} for font: (Arial, 400, 0)"
    lines = (f"echo '{told.format(hex(ord(one)))}' >&2" for one in characters)
    return str(fake(tmp_path / "bin", "ffmpeg", *lines))


def test_what_is_said_of_missing_fonts_names_the_scripts_and_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", without(tmp_path, "日", "か", "ไ", "。", "♪"))
    assert lacking("¿Qué? 日かな。 ไทย ♪") == (
        Lack("East Asian", "fonts-noto-cjk"),
        Lack("Thai", "fonts-noto-core"),
    )
    with pytest.raises(MissingError, match="has East Asian or Thai letters") as caught:
        require_fonts("日かな ไทย")
    assert "fonts-noto-cjk fonts-noto-core" in str(caught.value.hint)


def test_a_font_that_lacks_a_rare_letter_or_a_sign_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", without(tmp_path, "齉", "☃"))
    assert lacking("".join(map(chr, range(0x4E00, 0x4E40))) + " 齉 ☃") == ()
    assert lacking("齉") == (Lack("East Asian", "fonts-noto-cjk"),)
    require_fonts("☃ 12:30 --> ...")


def test_the_font_of_chinese_characters_is_the_one_of_the_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = "case $3 in *zh-cn) family='Kai SC';; *zh-tw) family='Ming TC';; *) family='DejaVu Sans';; esac"
    fake(tmp_path / "bin", "fc-match", answer, "printf '%s\\t%s' \"$family\" 'en|zh-cn|zh-tw'")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert family_for("他昨天买了一部新的手机") == "Kai SC"
    assert family_for("他昨天買了一部新的手機") == "Ming TC"
    assert family_for("昨日は新しい電話を買った") is None  # no font for Japanese here
    assert family_for("Dijo 你好, y se fue.") is None
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert family_for("他昨天买了一部新的手机") is None


def test_subtitles_are_burned_in_the_font_that_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dubber.media.tracks.family_for", lambda _: "No Such Font 2.0-Sans")
    (tmp_path / "es.srt").write_text(SRT, encoding="utf-8")
    film = probe(reels.reel(tmp_path / "film.mp4"))
    made = mux(
        MuxPlan(film, dub_for(film, tmp_path), "spa", burn=tmp_path / "es.srt"), tmp_path / "out.mp4"
    ).film
    assert reels.pictures(made.path)[1] != reels.pictures(film.path)[1]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_soft_subtitles_in_any_script_come_back_as_they_went_in(tmp_path: Path, suffix: str) -> None:
    text = directed(
        serialise(
            [
                Cue(500, 1500, "وصل السيد John Smith\nفي الساعة 10:30!"),
                Cue(1500, 2500, "「どうして？」と\n聞かれた。"),
                Cue(2500, 3500, "¿Qué?\nสวัสดี"),
            ]
        )
    )
    assert "\u202b" in text
    (tmp_path / "subtitles.srt").write_text(text, encoding="utf-8")
    film = probe(reels.reel(tmp_path / f"film{suffix}"))
    plan = MuxPlan(
        film, dub_for(film, tmp_path), "ara", subtitles=(SoftSubtitle(tmp_path / "subtitles.srt", "ara"),)
    )
    made = mux(plan, tmp_path / f"out{suffix}").film
    assert reels.ffmpeg("-i", made.path, "-map", "0:s:0", "-f", "srt", "-").decode().strip() == text.strip()


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus"])
def test_audio_files_become_the_same_kind_of_audio_file(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / f"talk{suffix}"
    codec = ("-c:a", "libopus") if suffix == ".opus" else ()
    reels.ffmpeg("-i", reels.wav(tmp_path / "s.wav", 1.0), "-metadata", "title=A Talk", *codec, source)
    film = probe(source)
    assert output_suffix(film) == suffix
    made = mux(MuxPlan(film, dub_for(film, tmp_path), "spa", "Español"), tmp_path / f"out{suffix}").film
    assert not made.has_video
    assert reels.heard_at(made, tmp_path) == pytest.approx(2000, abs=MS)
    assert made.duration == pytest.approx(film.duration, abs=30)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".m4a"])
def test_the_dub_alone_can_be_written(tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"alone{suffix}"
    write_audio(reels.wav(tmp_path / "dub.wav", 2.0), out, duration=4000, language="spa", title="Español")
    film = probe(out)
    assert film.duration == pytest.approx(4000, abs=30)
    assert reels.heard_at(film, tmp_path) == pytest.approx(2000, abs=MS)
    if suffix in (".wav", ".flac"):
        exact, _ = soundfile.read(tmp_path / "dub.wav")
        written, _ = soundfile.read(out)
        np.testing.assert_allclose(written, exact, atol=2**-23)


def test_films_whose_container_cannot_carry_a_dub_become_matroska(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.avi", *reels.H264, "-c:a", "mp3"))
    assert output_suffix(film) == ".mkv"
    made = mux(MuxPlan(film, dub_for(film, tmp_path), "spa"), tmp_path / "out.mkv").film
    assert reels.heard_at(made, tmp_path) == pytest.approx(2000, abs=MS)
    assert reels.pictures(made.path)[1] == reels.pictures(film.path)[1]


def test_what_cannot_work_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    plan = MuxPlan(film, dub_for(film, tmp_path), "spa")
    before = film.path.read_bytes()
    for name in ("out.xyz", "out", "out.webm", "out.mp3", "film.mp4"):
        with pytest.raises(UsageError):
            mux(plan, tmp_path / name)
    assert film.path.read_bytes() == before
    assert list(tmp_path.glob("out*")) == []


def test_a_failed_mux_leaves_the_older_film_and_nothing_else(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    dub = dub_for(film, tmp_path)
    dub.write_bytes(b"no sound at all")
    (tmp_path / "out.mp4").write_bytes(b"older")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(MediaError):
        mux(MuxPlan(film, dub, "spa"), tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == b"older"
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_of_the_persons_own_beside_the_film_is_never_touched(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    (tmp_path / "out.mp4.part").write_bytes(b"mine")
    mux(MuxPlan(film, dub_for(film, tmp_path), "spa"), tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4.part").read_bytes() == b"mine"


def test_two_who_write_the_same_film_at_once_both_succeed(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    plan, out = MuxPlan(film, dub_for(film, tmp_path), "spa"), tmp_path / "out.mp4"
    nested: list[Film] = []

    def second(_: float) -> None:
        if not nested:  # while the first one's ffmpeg is still at work
            nested.append(mux(plan, out).film)

    assert mux(plan, out, progress=second).film == nested[0]
    assert reels.heard_at(probe(out), tmp_path) == pytest.approx(2000, abs=MS)
    assert sorted(path.name for path in tmp_path.glob("*out*")) == ["out.mp4"]


def test_a_link_in_the_films_place_is_replaced_and_not_followed(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    (tmp_path / "elsewhere.mp4").write_bytes(b"mine")
    (tmp_path / "out.mp4").symlink_to(tmp_path / "elsewhere.mp4")
    mux(MuxPlan(film, dub_for(film, tmp_path), "spa"), tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").is_symlink()
    assert (tmp_path / "elsewhere.mp4").read_bytes() == b"mine"


def test_a_disk_that_fills_up_while_ffmpeg_writes_is_told_of_the_film_and_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    dub = dub_for(film, tmp_path)
    fake = tmp_path / "bin" / "ffmpeg"
    fake.parent.mkdir()
    fake.write_text(
        '#!/bin/sh\nfor last; do :; done\necho half > "${last#file:}"\n'
        'echo "[out#0/mp4] Error writing ${last#file:}: No space left on device" >&2\nexit 228\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(fake))
    needed = film.path.stat().st_size + film.duration * DUB_BYTES
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SpaceError) as caught:
        mux(MuxPlan(film, dub, "spa"), tmp_path / "out.mp4")
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / 'out.mp4'} cannot be written: the disk is full")
    assert f"({needed:,} bytes)" in said
    assert said.endswith("are free).")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone/out{}", "no folder"),
        ("file/out{}", "not a folder"),
        ("folder{}", "is a folder"),
        ("pipe{}", "a device or a pipe"),
        ("x" * 252 + "{}", "longer than 255 bytes"),
        ("é" * 126 + "{}", "longer than 255 bytes"),
        ("gone/" * 900 + "out{}", "no folder"),
        ("bad\udcff{}", "not valid UTF-8"),
        ("out", "without a suffix"),
        ("out.xyz", "as '.xyz'"),
    ],
    ids=["no folder", "a file", "a folder", "a pipe", "long", "long bytes", "deep", "bytes", "bare", "kind"],
)
def test_an_output_that_cannot_be_written_is_refused_in_a_sentence_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    dub = dub_for(film, tmp_path)
    (tmp_path / "file").write_bytes(b"a file")
    for suffix in (".mkv", ".flac"):
        (tmp_path / f"folder{suffix}").mkdir()
        os.mkfifo(tmp_path / f"pipe{suffix}")
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr("dubber.media.muxing.call", lambda *_, **__: pytest.fail("work was begun"))
    video, sound = tmp_path / name.format(".mkv"), tmp_path / name.format(".flac")
    for refuse in (
        lambda: check_output(film, video),
        lambda: check_output(None, sound),
        lambda: mux(MuxPlan(film, dub, "spa"), video),
        lambda: write_audio(dub, sound, duration=4000, language="spa"),
    ):
        with pytest.raises(UsageError, match=said) as caught:
            refuse()
        assert caught.value.hint
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_without_the_right_to_write_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # the tests may run as root, who may do everything
    with pytest.raises(SpaceError, match="no right to write"):
        check_output(None, tmp_path / "out.flac")


def test_an_output_that_holds_the_picture_and_replaces_no_input_is_accepted(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.webm"))
    (tmp_path / "older.webm").write_bytes(b"older")
    for name in ("new.webm", "older.webm", "new.MKV", "x" * 250 + ".webm"):
        check_output(film, tmp_path / name)
    check_output(film, tmp_path / "burned.mp4", burn=True)
    check_output(None, tmp_path / "sound.mp3")
    (tmp_path / "link.webm").symlink_to(film.path)
    for name in ("film.webm", "link.webm"):
        with pytest.raises(UsageError, match="also an input"):
            check_output(film, tmp_path / name)
        with pytest.raises(UsageError, match="also an input"):
            check_output(None, tmp_path / name, inputs=[film.path])
    for name, burn in (("new.mp4", False), ("new.flac", False), ("new.flac", True)):
        with pytest.raises(UsageError, match="cannot hold a vp8 picture"):
            check_output(film, tmp_path / name, burn=burn)


def test_a_film_that_comes_out_too_short_is_not_passed_on(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.flac", "-vn"))
    with pytest.raises(MediaError, match=r"wrote 1\.0 s of a film of 4\.0 s"):
        mux(MuxPlan(film, reels.wav(tmp_path / "dub.wav", 0.5, seconds=1), "spa"), tmp_path / "out.flac")
    assert not (tmp_path / "out.flac").exists()


@pytest.mark.parametrize("flags", [(), ("-movflags", "+faststart")])
def test_the_index_stays_where_the_film_had_it(tmp_path: Path, flags: tuple[str, ...]) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4", *reels.H264, "-c:a", "aac", *flags))
    mux(MuxPlan(film, dub_for(film, tmp_path), "spa"), tmp_path / "out.mp4")

    def index_first(path: Path) -> bool:
        content = path.read_bytes()
        return content.index(b"moov") < content.index(b"mdat")

    assert index_first(film.path) is bool(flags)
    assert index_first(tmp_path / "out.mp4") is bool(flags)


def test_hostile_output_names_are_names(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    dub = dub_for(film, tmp_path)
    place = tmp_path / "place"
    place.mkdir()
    for stem in ("-i", "a:b", "%d%03d", "new\nline", "q'u\"o", "x" * 251, "é" * 125):
        out = place / f"{stem}.mkv"
        assert mux(MuxPlan(film, dub, "spa"), out).film.path == out
        assert [path.name for path in place.iterdir()] == [out.name]
        out.unlink()


def test_muxing_twice_into_the_same_name_replaces_it(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    out = tmp_path / "out.mp4"
    for at in (1.0, 2.0):
        made = mux(MuxPlan(film, dub_for(film, tmp_path, at), "spa"), out).film
        assert reels.heard_at(made, tmp_path) == pytest.approx(1000 * at, abs=MS)


def test_a_dubbed_film_can_be_dubbed_again(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mkv"))
    once = mux(MuxPlan(film, dub_for(film, tmp_path), "spa", "Español"), tmp_path / "once.mkv").film
    extract(once, tmp_path / "sound.wav", track=1)
    twice = mux(MuxPlan(once, dub_for(once, tmp_path, 1.0), "fra", "Français"), tmp_path / "twice.mkv").film
    assert [stream.language for stream in twice.of("audio")] == ["fra", "spa", None]
    assert [stream.default for stream in twice.of("audio")] == [True, False, False]
    assert reels.heard_at(twice, tmp_path, 2) == pytest.approx(3000, abs=2)
