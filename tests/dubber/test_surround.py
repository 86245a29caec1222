"""A film in surround stays one: the dub takes the centre, the other channels stay, and whoever wonders is told."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import ffmpeg
import numpy as np
import pytest
import reels
import soundfile
import soxr
from reels import RATE, Sound, channels, surround
from spoken import say

from align.types import Span
from dubber.audio import AudioFile, Stems
from dubber.errors import UsageError
from dubber.media import Dialogue, Film, MuxPlan, Surround, dialogue_in, extract, mux, probe, write_audio
from dubber.media import dialogue as module
from dubber.media.dolby import dialnorm
from dubber.stages import mix as mixer

SECONDS = 5
LENGTH = SECONDS * RATE
NOTHING = np.zeros(LENGTH)
CODEC_DELAY = RATE // 1000
"""Samples (1 ms) by which a channel may lie beside its place."""


def tone(hertz: float, level: float = 0.1) -> Sound:
    """A tone that swells slowly and twice as fast as no other: it correlates with itself in one place only."""
    time = np.arange(LENGTH) / RATE
    return np.asarray(
        level * np.sin(2 * np.pi * hertz * time) * (1.1 + np.sin(2 * np.pi * hertz / 77 * time)) / 2
    )


def speech(*at: tuple[float, str], pitch: int = 40) -> Sound:
    """eSpeak saying each text from its second on."""
    sound = np.zeros(LENGTH)
    for second, text in at:
        said = soxr.resample(say(text, pitch=pitch).astype(np.float64), 16_000, RATE)[
            : LENGTH - round(second * RATE)
        ]
        sound[round(second * RATE) :][: len(said)] += 0.3 * said
    return sound


TALK = speech((0.5, "Good morning, and welcome to the harbour."))
DUB = speech((0.6, "Buenos días a todos en el puerto."), pitch=60)
FL, FR, LFE, BL, BR, SL, SR = (tone(hertz) for hertz in (440, 660, 50, 990, 1320, 1760, 550))
BED = tone(330, 0.02)
FIVE_ONE = (FL, FR, TALK + BED, LFE, BL, BR)
KEPT = (0, 1, 3, 4, 5)


def centred(film: Film, tmp_path: Path, sound: Sound = DUB + BED) -> Path:
    """A dub as the mixer writes it: the same in both channels, as long as the film."""
    path = tmp_path / "dub.wav"
    samples = np.zeros((film.duration * RATE // 1000, 2), np.float32)
    samples[: len(sound)] = sound[: len(samples), None]
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    return path


def correlation(one: Sound, other: Sound) -> tuple[float, int]:
    """Pearson's correlation of two channels where it is greatest, and by how many samples the second lies behind."""
    length = min(len(one), len(other))
    one, other = one[:length] - one[:length].mean(), other[:length] - other[:length].mean()
    size = 1 << (2 * length).bit_length()
    match = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size)), size)
    lag = int(np.argmax(match))
    return float(match[lag] / np.sqrt(np.sum(one**2) * np.sum(other**2))), lag - size if lag > length else lag


def assert_kept(film: Film, made: Film, kept: tuple[int, ...] = KEPT) -> None:
    """Every channel but the centre is the film's own, in its place."""
    before, after = channels(film), channels(made)
    for channel in kept:
        alike, lag = correlation(before[:, channel], after[:, channel])
        assert alike > 0.999, channel
        assert abs(lag) <= CODEC_DELAY, channel
        assert np.std(after[:, channel]) == pytest.approx(np.std(before[: len(after), channel]), rel=0.01)


def test_the_extracted_centre_is_the_films_own_in_both_channels_to_the_sample(tmp_path: Path) -> None:
    film = probe(surround(tmp_path / "film.mkv", "5.1", FIVE_ONE, "-c:a", "pcm_f32le"))
    assert film.audio().channels == 6
    made = extract(film, tmp_path / "centre.wav", centre=True)
    centre = soundfile.read(tmp_path / "centre.wav")[0]
    assert centre.shape == (film.duration * 48, 2) == (made.samples, 2)
    np.testing.assert_allclose(centre[:LENGTH, 0], FIVE_ONE[2], atol=1e-7)
    np.testing.assert_array_equal(centre[:, 0], centre[:, 1])


def test_no_centre_is_taken_from_a_track_that_has_none(tmp_path: Path) -> None:
    film = probe(surround(tmp_path / "film.mkv", "quad", (FL, FR, BL, BR), "-c:a", "flac"))
    with pytest.raises(ValueError, match="no centre"):
        extract(film, tmp_path / "out.wav", centre=True)


@pytest.mark.parametrize(
    ("layout", "sounds"),
    [
        ("3.0", (FL, FR, TALK)),
        ("5.0", (FL, FR, TALK, BL, BR)),
        ("5.1", FIVE_ONE),
        ("5.1(side)", FIVE_ONE),
        ("7.1", (*FIVE_ONE, SL, SR)),
    ],
)
def test_dialogue_in_the_centre_alone_is_dubbed_there(
    tmp_path: Path, layout: str, sounds: tuple[Sound, ...]
) -> None:
    film = probe(surround(tmp_path / "film.mka", layout, sounds, "-c:a", "flac", picture=False))
    found = dialogue_in(film)
    assert found.centre
    assert found.notes == (
        f"The dub takes the centre of the film's {layout} sound; the other channels stay as they are.",
    )
    assert Dialogue.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("sounds", "why"),
    [
        ((TALK, TALK, NOTHING), "heard in the centre channel"),
        ((TALK, NOTHING, BED), "heard in the centre channel"),
        ((0.3 * TALK, 0.3 * TALK, TALK), "in the front channels as well"),
        ((FL, FR, tone(550)), "nobody was heard"),
        ((NOTHING, NOTHING, NOTHING), "nobody was heard"),
    ],
    ids=["fronts", "left", "spread", "tones", "silence"],
)
def test_dialogue_elsewhere_is_dubbed_in_stereo_and_the_person_is_told(
    tmp_path: Path, sounds: tuple[Sound, ...], why: str
) -> None:
    film = probe(surround(tmp_path / "film.mka", "5.1", (*sounds, LFE, BL, BR), picture=False))
    found = dialogue_in(film)
    assert not found.centre
    (note,) = found.notes
    assert note.startswith("The dub is stereo")
    assert why in note


def test_music_in_all_channels_is_not_taken_for_spread_dialogue(tmp_path: Path) -> None:
    music = tone(440, 0.03) + tone(660, 0.03)
    sounds = (music, music, TALK + music, LFE, BL, BR)
    assert dialogue_in(probe(surround(tmp_path / "film.mka", "5.1", sounds, picture=False))).centre


def test_voices_that_stay_in_the_fronts_are_told_of(tmp_path: Path) -> None:
    left = speech((3.9, "Look out!"), pitch=80)
    found = dialogue_in(probe(surround(tmp_path / "film.mka", "5.1", (left, *FIVE_ONE[1:]), picture=False)))
    assert found.centre
    assert "in the front channels alone" in found.notes[-1]


@pytest.mark.parametrize(
    ("layout", "sounds", "said"),
    [
        ("mono", (TALK,), ()),
        ("stereo", (TALK, TALK), ()),
        ("2.1", (TALK, TALK, LFE), ("2.1 sound has no centre",)),
        ("quad", (TALK, TALK, BL, BR), ("quad sound has no centre",)),
    ],
)
def test_films_without_a_centre_are_dubbed_as_ever(
    tmp_path: Path, layout: str, sounds: tuple[Sound, ...], said: tuple[str, ...]
) -> None:
    film = probe(surround(tmp_path / "film.mka", layout, sounds, "-c:a", "flac", picture=False))
    found = dialogue_in(film)
    assert not found.centre
    assert len(found.notes) == len(said)
    assert all(part in note for part, note in zip(said, found.notes, strict=True))


@pytest.mark.parametrize("background", ["duck", "none"])
def test_a_film_turned_down_under_the_dub_is_turned_down_whole(tmp_path: Path, background: str) -> None:
    film = probe(surround(tmp_path / "film.mka", "5.1", FIVE_ONE, picture=False))
    found = dialogue_in(film, background=background)
    assert not found.centre
    assert background in found.notes[0]


def test_channels_that_nobody_names_are_taken_as_ffmpeg_takes_them(tmp_path: Path) -> None:
    film = probe(surround(tmp_path / "film.mkv", "", FIVE_ONE, "-c:a", "pcm_s16le"))
    assert (film.audio().channels, film.audio().layout) == (6, None)
    found = dialogue_in(film)
    assert found.centre
    assert found.notes[0] == "The film does not say how its 6 channels are arranged: they are taken for 5.1."
    extract(film, tmp_path / "centre.wav", centre=True)
    centre = soundfile.read(tmp_path / "centre.wav")[0]
    np.testing.assert_allclose(centre[:LENGTH, 0], FIVE_ONE[2], atol=2**-15)
    made = mux(
        MuxPlan(film, centred(film, tmp_path), "spa", surround=Surround(film)), tmp_path / "out.mkv"
    ).film
    assert_kept(film, made)


@pytest.mark.parametrize("duration", [1, 15_000, 359_999, 400_000, 5_400_000, 10_800_000, 86_400_000])
def test_what_is_listened_to_is_bounded_and_spread_over_the_film(duration: int) -> None:
    rounds = module._rounds(duration)
    heard = sorted(span for stretches in rounds for span in stretches)
    assert sum(span.duration for span in heard) <= 4 * 24 * 15_000
    assert all(before.end <= after.start for before, after in pairwise(heard))
    assert heard[-1].end <= duration
    assert sum(span.duration for span in rounds[0]) >= min(duration, 180_000)
    if duration > 360_000:
        gaps = [after.start - before.end for before, after in pairwise(rounds[0])]
        assert max([rounds[0][0].start, *gaps, duration - rounds[0][-1].end]) <= duration / 10
    else:
        assert [Span(heard[0].start, heard[-1].end)] == [Span(0, duration)]


def test_a_stretch_is_sought_on_the_films_own_clock(tmp_path: Path) -> None:
    left = tone(440) * (np.arange(LENGTH) > 2.5 * RATE)
    film = probe(surround(tmp_path / "film.ts", "5.1(side)", (left, NOTHING, TALK, LFE, BL, BR)))
    assert film.start_us > 1_000_000  # the container's own clock does not start at 0
    whole = module._decoded(film, film.audio(), Span(0, 10_000), 16_000)
    assert len(whole) == pytest.approx(SECONDS * 16_000, abs=1600)
    for stretch, sounding in ((Span(500, 1500), 0.0), (Span(3500, 4500), np.std(whole[56_000:, 1]))):
        sound = module._decoded(film, film.audio(), stretch, 16_000)
        assert len(sound) == pytest.approx(16_000, abs=3200)
        assert np.std(sound[:, 1]) == pytest.approx(sounding, rel=0.1, abs=1e-3)


@pytest.mark.parametrize(
    ("suffix", "layout", "codec", "written", "comes_back"),
    [
        (".mkv", "5.1(side)", "ac3", "ac3", "5.1(side)"),
        (".mp4", "5.1(side)", "eac3", "eac3", "5.1(side)"),
        (".mp4", "5.1", "aac", "aac", "5.1"),
        (".mkv", "5.1", "libopus", "opus", "5.1"),
        (".mkv", "5.1(side)", "flac", "flac", "5.1(side)"),
        (".mp4", "5.1(side)", "flac", "flac", "5.1(side)"),
        (".mov", "5.1", "pcm_s16le", "ac3", "5.1(side)"),
    ],
)
def test_all_channels_but_the_centre_stay_and_the_picture_too(
    tmp_path: Path, suffix: str, layout: str, codec: str, written: str, comes_back: str
) -> None:
    film = probe(surround(tmp_path / f"film{suffix}", layout, FIVE_ONE, "-c:a", codec, "-b:a", "640k"))
    plan = MuxPlan(film, centred(film, tmp_path), "spa", "Español", surround=Surround(film))
    done = mux(plan, tmp_path / f"out{suffix}")
    dub, original = done.film.of("audio")
    assert (dub.codec, dub.layout, dub.language, dub.default) == (written, comes_back, "spa", True)
    assert (original.codec, original.default) == (film.audio().codec, False)
    assert reels.packets(done.film.path, "0:a:1") == reels.packets(film.path, "0:a:0")
    assert reels.packets(done.film.path) == reels.packets(film.path)
    assert_kept(film, done.film)
    centre = channels(done.film)[:, 2]
    assert correlation(DUB + BED, centre)[0] > 0.995
    assert abs(correlation(TALK, centre)[0]) < 0.2
    assert [f"is {dub.codec.upper().replace('AC3', 'AC-3')}" in note for note in done.notes] == [True] * (
        written != film.audio().codec
    )


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_seven_one_stays_seven_one(tmp_path: Path, suffix: str) -> None:
    film = probe(surround(tmp_path / f"film{suffix}", "7.1", (*FIVE_ONE, SL, SR), "-c:a", "flac"))
    made = mux(
        MuxPlan(film, centred(film, tmp_path), "spa", surround=Surround(film)), tmp_path / f"out{suffix}"
    ).film
    assert made.audio().layout == "7.1"
    assert_kept(film, made, (*KEPT, 6, 7))


@pytest.mark.parametrize("late", [0.0, 0.7])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_a_late_start_stays_late_in_every_channel(tmp_path: Path, suffix: str, late: float) -> None:
    film = probe(surround(tmp_path / f"film{suffix}", "5.1(side)", FIVE_ONE, late=late))
    out = tmp_path / f"out{'.mkv' if suffix == '.ts' else suffix}"
    made = mux(MuxPlan(film, centred(film, tmp_path), "spa", surround=Surround(film)), out).film
    assert_kept(film, made)
    extract(film, tmp_path / "centre.wav", centre=True)
    centre = soundfile.read(tmp_path / "centre.wav")[0][:, 0]
    heard = correlation(TALK + BED, centre)[1] / 48
    begun = film.of("video")[0].start or 0
    assert heard - begun == pytest.approx(late * 1000, abs=20 if suffix == ".ts" else 1)
    assert correlation(centre, channels(film)[:, 2])[1] == 0


def test_a_film_that_is_stereo_for_a_while_keeps_all_channels_in_place(tmp_path: Path) -> None:
    around, pair = [sound[: 2 * RATE] for sound in FIVE_ONE], [FL[: 2 * RATE], FR[: 2 * RATE]]
    parts = [
        surround(tmp_path / f"{number}.ac3", layout, sounds, picture=False).read_bytes()
        for number, (layout, sounds) in enumerate(
            [("5.1(side)", around), ("stereo", pair), ("5.1(side)", around)]
        )
    ]
    (tmp_path / "all.ac3").write_bytes(b"".join(parts))
    reels.ffmpeg("-i", tmp_path / "all.ac3", "-c", "copy", tmp_path / "film.mka")
    film = probe(tmp_path / "film.mka")
    dub = centred(film, tmp_path)
    made = mux(MuxPlan(film, dub, "spa", surround=Surround(film)), tmp_path / "out.mka").film
    after = channels(made)
    assert len(after) / RATE == pytest.approx(film.duration / 1000, abs=0.05)
    assert abs(correlation(DUB + BED, after[:, 2])[1]) <= CODEC_DELAY
    frame = 2560 / 1536  # bytes for a sample of 640 kb/s
    joints = [round(sum(map(len, parts[:count])) / frame) for count in range(3)]
    for channel in KEPT:
        for number, joint in enumerate(joints):
            if number != 1 or channel < 2:
                alike, lag = correlation(
                    FIVE_ONE[channel][: RATE * 3 // 2], after[joint : joint + RATE * 3 // 2, channel]
                )
                assert alike > 0.95
                assert lag == pytest.approx(256, abs=CODEC_DELAY)


def test_a_dub_that_comes_through_a_pipe_is_muxed_while_it_comes(tmp_path: Path) -> None:
    film = probe(surround(tmp_path / "film.mkv", "5.1(side)", FIVE_ONE))
    dub = centred(film, tmp_path)
    mux(MuxPlan(film, dub, "spa", surround=Surround(film)), tmp_path / "file.mkv")
    pipe = tmp_path / "dub.f32"
    os.mkfifo(pipe)

    def write() -> None:
        samples = soundfile.read(dub, dtype="float32")[0]
        with pipe.open("wb") as listener:
            for start in range(0, len(samples), 4800):
                listener.write(samples[start : start + 4800].tobytes())

    with ThreadPoolExecutor(1) as beside:
        written = beside.submit(write)
        plan = MuxPlan(film, pipe, "spa", surround=Surround(film), live=True)
        mux(plan, tmp_path / "live.mkv", ready=written.result)
    for stream in ("0:v:0", "0:a:0", "0:a:1"):
        assert reels.packets(tmp_path / "live.mkv", stream) == reels.packets(tmp_path / "file.mkv", stream)


def test_the_sound_alone_has_the_films_channels_where_its_kind_of_file_holds_them(tmp_path: Path) -> None:
    film = probe(surround(tmp_path / "film.mkv", "5.1(side)", FIVE_ONE, "-c:a", "flac"))
    dub, around = centred(film, tmp_path), Surround(film)
    for name, layout in (
        ("a.wav", "5.1(side)"),
        ("a.flac", "5.1(side)"),
        ("a.opus", "5.1"),
        ("a.m4a", "5.1"),
    ):
        write_audio(dub, tmp_path / name, duration=film.duration, language="spa", surround=around)
        made = probe(tmp_path / name)
        assert [stream.layout for stream in made.streams] == [layout]
        assert_kept(film, made)
    notes = write_audio(dub, tmp_path / "a.mp3", duration=film.duration, language="spa", surround=around)
    assert notes == ("The dub is mixed down to stereo: this kind of file cannot hold 5.1(side) sound.",)
    mixed = channels(probe(tmp_path / "a.mp3"))
    assert mixed.shape[1] == 2
    assert correlation(mixed[:, 0], FL + 0.5**0.5 * (DUB + BED + BL))[0] > 0.99
    with pytest.raises(UsageError, match="also an input"):
        write_audio(dub, film.path, duration=film.duration, language="spa", surround=around)


def test_a_loud_mixdown_does_not_clip(tmp_path: Path) -> None:
    loud = [tone(hertz, 0.9) for hertz in (440, 660, 330, 50, 990, 1320)]
    film = probe(surround(tmp_path / "film.mkv", "5.1", loud, "-c:a", "flac"))
    dub = centred(film, tmp_path, loud[2])
    write_audio(dub, tmp_path / "a.mp3", duration=film.duration, language="spa", surround=Surround(film))
    assert np.abs(channels(probe(tmp_path / "a.mp3"))).max() < 1.0


def test_a_dub_with_its_bed_is_as_loud_as_the_film(tmp_path: Path) -> None:
    """Extracted, mixed and muxed as a run does it, with the true stem for a separated one."""
    film = probe(surround(tmp_path / "film.mkv", "5.1(side)", FIVE_ONE, "-c:a", "flac"))
    extract(film, tmp_path / "source.wav", centre=True)
    source = AudioFile(tmp_path / "source.wav")
    stem = np.zeros((source.frames, 2), np.float32)
    stem[:LENGTH] = TALK[:, None]
    soundfile.write(tmp_path / "stem.wav", stem, RATE, subtype="FLOAT")
    slot = Span(500, 3500)
    soundfile.write(tmp_path / "take.wav", (0.2 * DUB)[slot.samples], RATE, subtype="FLOAT")
    stems = Stems(source, AudioFile(tmp_path / "stem.wav"))
    line = mixer.MixLine("one", slot, slot, tmp_path / "take.wav", "Speaker 1")
    levels = mixer.measure_stems(stems)
    mixer.mix(stems, [line], tmp_path / "dub.wav", levels=levels)
    dub = soundfile.read(tmp_path / "dub.wav")[0]
    np.testing.assert_allclose(dub[:, 0], dub[:, 1], atol=1e-6)
    made = mux(MuxPlan(film, tmp_path / "dub.wav", "spa", surround=Surround(film)), tmp_path / "out.mkv").film
    assert reels.loudness(made, 0) == pytest.approx(reels.loudness(film), abs=0.5)
    assert reels.loudness(made, 1) == reels.loudness(film)
    centre = channels(made)[:, 2]
    assert abs(correlation(TALK, centre)[0]) < 0.2
    assert correlation(DUB, centre - np.pad(BED, (0, len(centre) - LENGTH)))[0] > 0.98
    silent = slice(round(4.0 * RATE), round(4.8 * RATE))
    np.testing.assert_allclose(centre[silent], BED[silent], atol=1e-4)


@pytest.mark.parametrize("codec", ["ac3", "eac3"])
@pytest.mark.parametrize(("layout", "count"), [("5.1(side)", 6), ("3.0", 3)])
def test_the_dub_states_the_dialogue_level_that_the_film_states(
    tmp_path: Path, codec: str, layout: str, count: int
) -> None:
    options = ("-c:a", codec, "-b:a", "384k", "-dialnorm", "-24")
    film = probe(surround(tmp_path / "film.mkv", layout, FIVE_ONE[:count], *options))
    around = Surround(film)
    assert around.dialnorm == 24
    made = mux(MuxPlan(film, centred(film, tmp_path), "spa", surround=around), tmp_path / "out.mkv").film
    assert Surround(made).dialnorm == 24
    assert dialnorm(b"") is None
    assert dialnorm(b"no frame at all") is None


@pytest.mark.parametrize(("layout", "count"), [("mono", 1), ("stereo", 2), ("4.0", 4), ("5.0(side)", 5)])
def test_the_dialogue_level_is_read_whatever_stands_before_it(
    tmp_path: Path, layout: str, count: int
) -> None:
    options = ("-c:a", "ac3", "-b:a", "384k", "-dialnorm", "-19")
    film = probe(surround(tmp_path / "film.mka", layout, FIVE_ONE[:count], *options, picture=False))
    assert Surround(film).dialnorm == 19


def test_compression_that_a_dolby_stream_asks_for_is_not_baked_in(tmp_path: Path) -> None:
    asked = []
    for name, codec in (("film", "ac3"), ("other", "flac")):
        film = probe(surround(tmp_path / f"{name}.mkv", "5.1", FIVE_ONE, "-c:a", codec, "-b:a", "640k"))
        joined = Surround(film).joined(ffmpeg.input("dub.wav"), film.audio().layout)
        asked.append("-drc_scale 0" in " ".join(ffmpeg.output(joined, "out").get_args()))
    assert asked == [True, False]
