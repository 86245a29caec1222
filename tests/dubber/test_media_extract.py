"""A film's sound lies on the film's clock: to the sample where it can, and as long as the film, always."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import reels
import soundfile

from dubber import atomic
from dubber.errors import DubberError, MediaError, SpaceError, UsageError
from dubber.media import Film, extract, probe
from dubber.media import extraction as module
from dubber.media.ffmpeg import call
from dubber.process import Finished

MS = 1.0
"""Where a container states times exactly, or in whole milliseconds."""


def test_the_file_is_the_films_length_to_the_sample_48_khz_stereo_float(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mkv"))
    made = extract(film, tmp_path / "out.wav")
    info = soundfile.info(tmp_path / "out.wav")
    assert (info.samplerate, info.channels, info.subtype) == (48_000, 2, "FLOAT")
    assert info.frames == made.samples == film.duration * 48
    assert made.notes == ()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
@pytest.mark.parametrize("late", [(0.0, 0.7), (0.7, 0.0)])
def test_late_sound_and_late_pictures_keep_their_moment(
    tmp_path: Path, suffix: str, late: tuple[float, float]
) -> None:
    film = probe(reels.reel(tmp_path / f"film{suffix}", late=late))
    assert reels.heard_at(film, tmp_path) == pytest.approx(3000 + 1000 * late[1], abs=MS)
    picture = film.of("video")[0].start
    assert picture == pytest.approx(1000 * late[0], abs=21)  # the test's own 25 pictures a second round it


@pytest.mark.parametrize("late", [(0.0, 0.7), (0.7, 0.0)])
def test_sound_keeps_its_distance_to_the_picture_in_a_transport_stream(
    tmp_path: Path, late: tuple[float, float]
) -> None:
    film = probe(reels.reel(tmp_path / "film.ts", late=late))
    assert film.start_us > 1_000_000  # the container's own clock does not start at 0
    picture = film.of("video")[0].start
    assert picture is not None
    between = reels.heard_at(film, tmp_path) - picture
    assert between == pytest.approx(3000 + 1000 * (late[1] - late[0]), abs=20)


def punched(source: Path, out: Path, form: str, holes: list[tuple[float, float]]) -> int:
    """Copy the sound of a film without the packets that start in `holes` (seconds); how many that were."""
    dropped = 0
    with av.open(str(source)) as film, av.open(str(out), "w", format=form) as copy:
        sound = film.streams.audio[0]
        track = copy.add_stream_from_template(sound)
        for packet in film.demux(sound):
            if packet.pts is None:
                continue
            time = float(packet.pts * packet.time_base) - (film.start_time or 0) / 1e6
            if any(start <= time < end for start, end in holes):
                dropped += 1
                continue
            packet.stream = track
            copy.mux(packet)
    return dropped


@pytest.mark.parametrize(("suffix", "form", "codec"), [(".mkv", "matroska", "aac"), (".mp4", "mp4", "aac")])
@pytest.mark.parametrize(
    "holes", [[(1.0, 2.0)], [(0.5 + n / 5, 0.52 + n / 5) for n in range(12)]], ids=["one", "many"]
)
def test_holes_are_kept_as_silence(
    tmp_path: Path, suffix: str, form: str, codec: str, holes: list[tuple[float, float]]
) -> None:
    whole = reels.reel(tmp_path / f"whole{suffix}", *reels.H264, "-c:a", codec)
    damaged = tmp_path / f"damaged{suffix}"
    assert punched(whole, damaged, form, holes) >= 10
    assert reels.heard_at(probe(damaged), tmp_path) == pytest.approx(3000, abs=20)


def test_mono_goes_to_both_channels_at_the_same_level(tmp_path: Path) -> None:
    tone = (0.5 * np.sin(np.arange(48_000) * 2 * np.pi * 440 / 48_000)).astype(np.float32)
    soundfile.write(tmp_path / "mono.wav", tone, 48_000, subtype="FLOAT")
    extract(probe(tmp_path / "mono.wav"), tmp_path / "out.wav")
    both = soundfile.read(tmp_path / "out.wav", dtype="float32")[0]
    np.testing.assert_allclose(both[:, 0], tone, atol=1e-6)
    np.testing.assert_allclose(both[:, 1], tone, atol=1e-6)


def test_surround_is_mixed_down_without_clipping(tmp_path: Path) -> None:
    loud = np.full((48_000, 6), 0.9, np.float32)
    soundfile.write(tmp_path / "surround.wav", loud, 48_000, subtype="FLOAT")
    films_own = tmp_path / "surround.mka"
    reels.ffmpeg(
        "-i",
        tmp_path / "surround.wav",
        "-af",
        "channelmap=channel_layout=5.1",
        "-c:a",
        "pcm_f32le",
        films_own,
    )
    extract(probe(films_own), tmp_path / "out.wav")
    mixed = soundfile.read(tmp_path / "out.wav")[0]
    assert mixed[24_000, 0] == pytest.approx(0.9 * (1 + 2 * 0.5**0.5), abs=0.01)  # front, centre and side
    np.testing.assert_allclose(mixed[:, 0], mixed[:, 1])


@pytest.mark.parametrize(("first", "then"), [("stereo", "5.1(side)"), ("5.1(side)", "stereo")])
@pytest.mark.parametrize("suffix", [".mkv", ".ts"])
def test_sound_stays_in_place_when_its_channels_change_midway(
    tmp_path: Path, suffix: str, first: str, then: str
) -> None:
    for layout in (first, then):
        sound = reels.wav(tmp_path / "one.wav", 1.0, seconds=1.984 if layout == first else 2.016)
        half = tmp_path / f"{layout}.ac3"
        reels.ffmpeg("-i", sound, "-af", f"pan={layout}|FL=c0|FR=c1", "-c:a", "ac3", "-b:a", "384k", half)
    (tmp_path / "both.ac3").write_bytes(
        b"".join((tmp_path / f"{layout}.ac3").read_bytes() for layout in (first, then))
    )
    reels.ffmpeg("-i", tmp_path / "both.ac3", "-c", "copy", tmp_path / f"film{suffix}")
    film = probe(tmp_path / f"film{suffix}")
    made = extract(film, tmp_path / "out.wav")
    sound = soundfile.read(tmp_path / "out.wav")[0][:, 0]
    assert made.decoded == pytest.approx(film.duration, abs=40)
    frame = 1536  # both the samples of one at 48 kHz and, at 384 kb/s, its bytes
    joint = (tmp_path / f"{first}.ac3").stat().st_size // frame * frame
    for start in (0, joint):
        expected = start + 48_000 + 256  # the codec's own delay, which a bare stream does not state
        match = np.correlate(sound[expected - 9600 : expected + 9600], reels.burst(), "valid")
        assert np.argmax(match) == pytest.approx(9600, abs=48 * MS)
        assert match.max() > 0.5 * float(np.sum(reels.burst() ** 2))


@pytest.mark.parametrize(("codec", "asked"), [("ac3", True), ("eac3", True), ("aac", False)])
def test_compression_that_a_dolby_stream_asks_for_is_not_baked_into_stereo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str, asked: bool
) -> None:
    """No encoder at hand writes such a request: that the decoder is told to ignore it is what can be seen."""
    told: list[str] = []

    def seen(args: list[str], **options: Any) -> Finished:
        told.extend(args)
        return call(args, **options)

    monkeypatch.setattr(module, "call", seen)
    film = probe(reels.reel(tmp_path / "film.mkv", *reels.H264, "-c:a", codec))
    extract(film, tmp_path / "out.wav")
    assert (("-drc_scale", "0") in pairwise(told[: told.index("-i")])) == asked


def test_the_chosen_track_is_the_one_written(tmp_path: Path) -> None:
    path = tmp_path / "two.mkv"
    first, second = reels.wav(tmp_path / "1.wav", 1.0), reels.wav(tmp_path / "2.wav", 2.0)
    reels.ffmpeg("-i", first, "-i", second, "-map", "0", "-map", "1", "-c:a", "flac", path)
    film = probe(path)
    assert reels.heard_at(film, tmp_path, 0) == pytest.approx(1000, abs=MS)
    assert reels.heard_at(film, tmp_path, 1) == pytest.approx(2000, abs=MS)


def test_other_rates_are_resampled_onto_the_clock(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4", *reels.H264, "-c:a", "aac", "-ar", "44100"))
    assert film.audio().rate == 44_100
    assert reels.heard_at(film, tmp_path) == pytest.approx(3000, abs=MS)


def test_a_large_file_gets_an_rf64_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RF64_FROM", 1000)
    film = probe(reels.reel(tmp_path / "film.mkv", late=(0.0, 0.0)))
    made = extract(film, tmp_path / "out.wav")
    info = soundfile.info(tmp_path / "out.wav")
    assert (info.format, info.frames) == ("RF64", made.samples)
    assert reels.onset(tmp_path / "out.wav") == pytest.approx(3000, abs=MS)


def test_progress_ends_at_the_end_and_never_goes_back(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    told: list[float] = []
    extract(film, tmp_path / "out.wav", progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_a_film_cut_short_is_a_typed_error_or_says_how_much_was_heard(tmp_path: Path) -> None:
    for suffix, flags in ((".mkv", ()), (".mp4", ("-movflags", "+faststart")), (".webm", ())):
        codecs = (*reels.VP8, "-c:a", "libopus") if suffix == ".webm" else (*reels.H264, "-c:a", "aac")
        whole = reels.reel(tmp_path / f"whole{suffix}", *codecs, *flags).read_bytes()
        heard = 0
        for share in (0.01, 0.25, 0.5, 0.99):
            cut = tmp_path / f"cut{suffix}"
            cut.write_bytes(whole[: int(len(whole) * share)])
            try:
                made = extract(film := probe(cut), tmp_path / "out.wav")
            except MediaError as error:
                assert str(error).count(".") >= 1
                assert not (tmp_path / "out.wav").exists()
                continue
            heard += 1
            assert soundfile.info(tmp_path / "out.wav").frames == film.duration * 48
            if share <= 0.5:
                assert made.decoded < 3000
                assert any("cut short" in note for note in made.notes), (suffix, share, made)
            (tmp_path / "out.wav").unlink()
        assert heard >= 2, suffix
    assert not list(tmp_path.glob("out*"))


def test_flipped_bits_are_a_typed_error_or_a_note_and_never_a_crash(tmp_path: Path) -> None:
    draw = np.random.default_rng(7)
    whole = np.frombuffer(reels.reel(tmp_path / "whole.mkv").read_bytes(), np.uint8)
    heard = 0
    for flips in (1, 10, 100, 1000):
        damaged = whole.copy()
        at = draw.integers(0, len(damaged), flips)
        damaged[at] ^= (1 << draw.integers(0, 8, flips)).astype(np.uint8)
        path = tmp_path / f"damaged-{flips}.mkv"
        path.write_bytes(damaged.tobytes())
        try:
            film = probe(path)
            made = extract(film, tmp_path / f"{flips}.wav")
        except DubberError as error:
            assert str(error)
            continue
        heard += 1
        assert soundfile.info(tmp_path / f"{flips}.wav").frames == made.samples == film.duration * 48
    assert heard >= 1


def test_sound_that_cannot_be_decoded_at_all_is_an_error(tmp_path: Path) -> None:
    path = reels.reel(tmp_path / "film.mp4")
    film = probe(path)
    content = path.read_bytes()
    body = content.index(b"mdat") + 4
    end = content.index(b"moov") - 4
    path.write_bytes(content[:body] + b"\xff" * (end - body) + content[end:])
    with pytest.raises(MediaError):
        extract(film, tmp_path / "out.wav")
    assert list(tmp_path.glob("out*")) == []


def test_a_full_disk_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(SpaceError, match=r"1,536,000 bytes.*1.0 kB \(1,000 bytes\) are free"):
        extract(film, tmp_path / "out.wav")
    assert list(tmp_path.glob("out*")) == []


def test_a_disk_that_fills_up_meanwhile_is_a_space_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    fake = tmp_path / "bin" / "ffmpeg"
    fake.parent.mkdir()
    fake.write_text(
        '#!/bin/sh\nfor one; do case $one in file:*.wav) out=${one#file:};; esac; done\necho half > "$out"\n'
        "echo '[out#0/wav] Error writing: No space left on device' >&2\nexit 228\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(fake))
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SpaceError, match=r"out\.wav .* needs 1\.5 MB \(1,536,000 bytes\) and .* are free"):
        extract(film, tmp_path / "out.wav")
    assert sorted(tmp_path.iterdir()) == before
    # Handed a temporary of somebody who replaces a file by it, the sentence names that file.
    (tmp_path / "kept.wav").write_bytes(b"older")
    with pytest.raises(SpaceError) as caught, atomic.replacing(tmp_path / "kept.wav") as temporary:
        extract(film, temporary)
    assert str(tmp_path / "kept.wav") in str(caught.value)
    assert atomic.TEMPORARY_PREFIX not in str(caught.value)
    assert (tmp_path / "kept.wav").read_bytes() == b"older"
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "kept.wav"])


@pytest.mark.parametrize("error", [RuntimeError("stop"), KeyboardInterrupt()])
def test_sound_that_was_stopped_half_way_leaves_no_file_that_looks_whole(
    tmp_path: Path, error: BaseException
) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))

    def stop(_: float) -> None:
        raise error

    with pytest.raises(type(error)):
        extract(film, tmp_path / "out.wav", progress=stop)
    assert list(tmp_path.glob("*.wav")) == []


def test_sound_is_written_where_it_is_asked_for_and_nowhere_else(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    place = tmp_path / "place"
    place.mkdir()
    seen: set[str] = set()
    extract(film, place / "out.wav", progress=lambda _: seen.update(path.name for path in place.iterdir()))
    assert seen == {"out.wav"}


def test_the_film_itself_is_never_the_place_for_its_sound(tmp_path: Path) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    before = film.path.read_bytes()
    (tmp_path / "link.wav").symlink_to(film.path)
    for out in (film.path, tmp_path / "link.wav"):
        with pytest.raises(ValueError, match="own place"):
            extract(film, out)
    assert film.path.read_bytes() == before


def test_an_ffmpeg_that_hangs_on_a_film_is_a_fault_of_the_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = probe(reels.reel(tmp_path / "film.mp4"))
    fake = tmp_path / "bin" / "ffmpeg"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexec sleep 60\n")
    fake.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(fake))
    monkeypatch.setattr("dubber.media.ffmpeg.BASE_TIMEOUT", 0.2)
    monkeypatch.setattr(module, "PACE", 0.0)
    with pytest.raises(MediaError, match="came to no end") as caught:
        extract(film, tmp_path / "out.wav")
    assert caught.value.exit_status == 3
    assert caught.value.hint


def hostile_names() -> list[str]:
    return [
        *("-i.mp4", "a:b.mp4", "http:x.mp4", "concat:a|b.mp4", "pipe:0.mp4", "q'u\"o.mp4", "%d%03d.mp4"),
        *("new\nline.mp4", "rtl\u202efilm.mp4", "$(id);&.mp4", "x" * 251 + ".mp4", "é" * 125 + ".mp4"),
    ]


def test_hostile_names_are_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = reels.reel(tmp_path / "film.mp4").read_bytes()
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)
    for name in hostile_names():
        Path(name).write_bytes(content)
        film: Film = probe(Path(name))
        out = Path(name).with_suffix(".wav")
        assert extract(film, out).samples == film.duration * 48
        assert sorted(path.name for path in place.iterdir()) == sorted([name, out.name])
        Path(name).unlink()
        out.unlink()


def test_a_link_to_a_film_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link.mp4").symlink_to(reels.reel(tmp_path / "film.mp4"))
    assert reels.heard_at(probe(tmp_path / "link.mp4"), tmp_path) == pytest.approx(3000, abs=MS)


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / b"bad\xff.mp4".decode("utf-8", "surrogateescape")
    reels.reel(tmp_path / "film.mp4").rename(path)
    with pytest.raises(UsageError, match="not valid UTF-8"):
        probe(path)
    path.unlink()
    with pytest.raises(UsageError, match="not valid UTF-8"):  # before anything else is looked at
        probe(path)
