"""What a voice is learned from: of two stretches that differ in one respect alone, the better one."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from align.types import SAMPLES_PER_MS, Span
from dubber.audio import AudioFile, Stems
from dubber.stages import cast
from dubber.stages.cast.figures import Figures, measure
from dubber.stages.cast.score import score, usual
from dubber.stages.cast.timbre import CANDIDATES, ENOUGH_MS, LEAST_MS, WORSE
from tts import espeaklib

RATE = 48_000
PAUSE = 2_000
TEXT = "The boat leaves at seven, so please bring a warm coat and some bread, and do not forget your tickets."
Sound = npt.NDArray[np.float32]


@functools.cache
def speech(text: str = TEXT, *, pitch: int = 50, pitch_range: int = 50, voice: str = "gmw/en-US") -> Sound:
    """Spoken by eSpeak at 48 kHz, up to 11 kHz and 0.5 of full scale, over a room 70 dB below that."""
    import soxr

    raw, rate = espeaklib.speak(text, voice, wpm=150, pitch=pitch, pitch_range=pitch_range)
    sound = np.asarray(soxr.resample(raw, rate, RATE), np.float32)
    heard = np.flatnonzero(np.abs(sound) > 0.01)
    sound = sound[heard[0] : heard[-1] + 1]
    sound = sound[: len(sound) // SAMPLES_PER_MS * SAMPLES_PER_MS] * (0.5 / np.abs(sound).max())
    sound.flags.writeable = False
    return sound


def hiss(count: int, level: float, seed: int = 1) -> Sound:
    return (np.random.default_rng(seed).standard_normal(count) * level).astype(np.float32)


def lowpassed(sound: Sound, edge: float) -> Sound:
    spectrum = np.fft.rfft(sound)
    spectrum[np.fft.rfftfreq(len(sound), 1 / RATE) > edge] = 0
    return np.fft.irfft(spectrum, len(sound)).astype(np.float32)


@dataclass(frozen=True)
class Piece:
    """Something said: its speech as the stem has it, and what else is in the film there."""

    stem: Sound
    bed: Sound | None = None
    speaker: str = "Anna"
    around: Sound | None = None
    """What the separator left in the stem, here and in the pauses beside it."""


@dataclass(frozen=True)
class Scene:
    """Pieces with pauses between them, on disk."""

    stems: Stems
    heard: tuple[cast.Utterance, ...]
    speech: tuple[Span, ...]

    def chosen(self, overlaps: Sequence[Span] = ()) -> cast.Choice:
        return cast.timbre(self.heard, self.stems, self.speech, overlaps=overlaps)["Anna"]


def scene(folder: Path, *pieces: Piece) -> Scene:
    """The pieces one after the other, PAUSE ms of silence around each."""
    stem, source, spans, at = [], [], [], PAUSE
    for piece in pieces:
        still = np.zeros(PAUSE * SAMPLES_PER_MS, np.float32)
        whole = np.concatenate((still, piece.stem))
        if piece.around is not None:
            whole = whole + np.resize(piece.around, len(whole))
        bed = np.zeros_like(whole)
        if piece.bed is not None:
            bed[len(still) :] = np.resize(piece.bed, len(piece.stem))
        stem.append(whole)
        source.append(whole + bed)
        spans.append(Span(at, at + len(piece.stem) // SAMPLES_PER_MS))
        at = spans[-1].end + PAUSE
    still = np.zeros(PAUSE * SAMPLES_PER_MS, np.float32)
    if pieces[-1].around is not None:
        still = np.resize(pieces[-1].around, len(still))
    for name, parts in (("stem", stem), ("source", source)):
        both = np.concatenate([*parts, still])
        soundfile.write(folder / f"{name}.wav", np.stack((both, both), 1), RATE, subtype="FLOAT")
    stems = Stems(AudioFile(folder / "source.wav"), AudioFile(folder / "stem.wav"))
    heard = tuple(
        cast.Utterance(span, piece.speaker, f"l{i}")
        for i, (span, piece) in enumerate(zip(spans, pieces, strict=True))
    )
    return Scene(stems, heard, tuple(spans))


def faulty(fault: str) -> Piece:
    """The same words with one thing wrong with them."""
    good = speech()
    if fault == "noise":
        return Piece(good, around=hiss(RATE, 0.005))
    if fault == "bed":
        return Piece(good, bed=hiss(RATE, 0.05))
    if fault == "bandwidth":
        return Piece(lowpassed(good, 3_400))
    if fault == "clipped":
        return Piece(np.clip(good * 3, -1, 1))
    if fault == "quiet":
        return Piece(good * 0.1)
    if fault == "shouted":
        return Piece(speech(pitch=99) * 1.9)
    if fault == "monotone":
        return Piece(speech(pitch_range=0))
    raise AssertionError(fault)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("noise", "dB over its noise"),
        ("bed", "dB over music and effects"),
        ("bandwidth", "its speech ends at 3"),
        ("clipped", "clipped for"),
        ("quiet", "it is quiet"),
        ("shouted", "louder or higher"),
        ("monotone", "semitones"),
    ],
)
@pytest.mark.parametrize("place", [0, 2])
def test_what_has_one_thing_wrong_with_it_is_left_out_and_the_report_says_which(
    tmp_path: Path, fault: str, says: str, place: int
) -> None:
    good = Piece(speech() * 1.9) if fault == "clipped" else Piece(speech())
    pieces = [good, good]
    pieces.insert(place, faulty(fault))
    made = scene(tmp_path, *pieces)
    choice = made.chosen()
    assert len(choice.spans) == 2
    assert choice.runner_up is not None
    assert choice.runner_up.span == made.speech[place]
    told = cast.told(choice)["runner_up"]
    assert says in told["why"]
    assert max(told["lost"], key=told["lost"].__getitem__) == fault


def test_speech_that_another_crosses_is_left_out_by_the_lines_and_by_the_diarizer(tmp_path: Path) -> None:
    made = scene(tmp_path, Piece(speech()), Piece(speech()))
    first, second = made.speech
    ben = cast.Utterance(Span(first.start + 3000, first.start + 3500), "Ben")
    crossed = Scene(made.stems, tuple(sorted((*made.heard, ben))), made.speech)
    assert crossed.chosen().spans == (second,)
    assert made.chosen(overlaps=[Span(second.end - 200, second.end + 900)]).spans == (first,)


def test_a_speaker_only_ever_talked_over_is_learned_from_the_stretch_with_least_of_it(tmp_path: Path) -> None:
    made = scene(tmp_path, Piece(speech()), Piece(speech()))
    first, second = made.speech
    choice = made.chosen(
        overlaps=[Span(first.start, first.start + 2000), Span(second.start, second.start + 300)]
    )
    assert choice.spans == (second,)
    assert choice.taken[0].figures.overlap == pytest.approx(300 / second.duration)
    assert "others are heard in 30%" in cast.told(choice)["runner_up"]["why"]


def test_five_seconds_are_made_even_of_worse_speech_but_no_more_than_twelve_of_good(tmp_path: Path) -> None:
    short = speech("Please bring some bread.")
    few = scene(tmp_path, Piece(short), Piece(short), Piece(lowpassed(short, 3400)), Piece(short * 0.1))
    assert len(few.chosen().spans) == 4, "all of it is needed"
    assert few.chosen().milliseconds < LEAST_MS + 3000
    many = scene(tmp_path, *[Piece(speech())] * 4).chosen()
    assert ENOUGH_MS - 1000 < many.milliseconds <= ENOUGH_MS
    assert many.runner_up is not None
    assert cast.told(many)["runner_up"]["why"] == "As good, but the reference was full."


def test_what_does_not_fit_is_cut_where_it_is_quiet(tmp_path: Path) -> None:
    made = scene(tmp_path, *[Piece(speech())] * 2)
    cut = made.chosen().spans[1]
    assert cut.end < made.speech[1].end
    stem = speech()
    level = [
        float(np.sqrt(np.mean(stem[at * 48 : at * 48 + 960] ** 2)))
        for at in range(0, len(stem) // 48 - 20, 10)
    ]
    at = (cut.end - made.speech[1].start) // 10
    assert min(level[at - 2 : at + 2]) < 0.1 * float(np.sqrt(np.mean(stem**2)))


def test_speech_without_a_pause_is_cut_at_quiet_places_on_both_sides(tmp_path: Path) -> None:
    made = scene(tmp_path, Piece(np.concatenate([speech() * 0.1, speech() * 0.1, speech(), speech()])))
    whole = made.speech[0]
    middle = made.chosen().taken[0]
    assert whole.start + ENOUGH_MS <= middle.span.start < whole.start + ENOUGH_MS + 700
    assert middle.span.end <= whole.start + 2 * ENOUGH_MS
    stem = made.stems.speech(middle.span.start * 48 - 480, middle.span.start * 48 + 480)
    assert np.sqrt(np.mean(stem**2)) < 0.1 * np.sqrt(np.mean(speech() ** 2))


def test_a_silent_stem_teaches_nothing_and_stretches_of_it_are_passed_over(tmp_path: Path) -> None:
    silent = Piece(np.zeros_like(speech()))
    assert scene(tmp_path, silent, silent).chosen() == cast.Choice()
    made = scene(tmp_path, silent, Piece(speech()))
    assert made.chosen().spans == (made.speech[1],)
    assert made.chosen().heard == 1
    assert made.chosen().runner_up is None
    assert cast.told(made.chosen())["runner_up"] is None


def test_damaged_samples_are_silence_and_nothing_else_breaks(tmp_path: Path) -> None:
    broken = np.array(speech())
    broken[100_000:110_000] = np.nan
    broken[120_000] = np.inf
    made = scene(tmp_path, Piece(broken))
    (taken,) = made.chosen().taken
    assert np.isfinite(list(vars(taken.figures).values())).all()
    assert np.isfinite(cast.joined(made.stems, made.chosen().spans)).all()


def test_one_short_line_is_enough_to_be_heard(tmp_path: Path) -> None:
    made = scene(tmp_path, Piece(speech("No!")))
    assert made.chosen().spans == made.speech
    assert made.chosen().milliseconds < 600


def test_what_is_told_is_plain_data_with_every_figure(tmp_path: Path) -> None:
    made = scene(tmp_path, Piece(speech()), faulty("bed"))
    told = json.loads(json.dumps(cast.told(made.chosen()), allow_nan=False))
    assert told["milliseconds"] == made.speech[0].duration
    assert told["heard"] == 2
    (span,) = told["spans"]
    assert span["span"] == [made.speech[0].start, made.speech[0].end]
    assert set(span["figures"]) == set(Figures.__dataclass_fields__)
    assert span["figures"]["seconds"] == pytest.approx(made.speech[0].duration / 1000, abs=0.01)
    assert told["runner_up"]["points"] > span["points"] + WORSE


def test_the_same_film_is_cast_the_same_way_in_any_order_of_its_lines(tmp_path: Path) -> None:
    made = scene(tmp_path, faulty("quiet"), Piece(speech()), Piece(speech("Please bring some bread.")))
    turned = Scene(made.stems, made.heard[::-1], made.speech)
    assert made.chosen() == turned.chosen() == made.chosen()


def test_pieces_are_joined_in_full_band_and_without_a_click(tmp_path: Path) -> None:
    tone = (0.5 * np.cos(2 * np.pi * 15_000 * np.arange(RATE) / RATE)).astype(np.float32)
    made = scene(tmp_path, Piece(tone), Piece(-tone))
    joint = cast.joined(made.stems, made.speech)
    assert len(joint) == 2 * RATE
    assert abs(joint[RATE - 1]) < 1e-4 and abs(joint[RATE]) < 1e-4
    assert np.sqrt(np.mean(joint[5000 : RATE - 5000] ** 2)) == pytest.approx(0.5 / 2**0.5, rel=1e-3)
    assert len(cast.joined(made.stems, ())) == 0


# --- figures -------------------------------------------------------------------------------------------------


def figures(**changed: float | None) -> Figures:
    usual_ones = Figures(40.0, 30.0, 0.0, 0.0, 12_000.0, -24.0, 120.0, 6.0, 8.0, 5.0)
    return replace(usual_ones, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"snr": 20.0}, "noise"),
        ({"bed": 10.0}, "bed"),
        ({"overlap": 0.1}, "overlap"),
        ({"clipped": 2.0}, "clipped"),
        ({"bandwidth": 4_000.0}, "bandwidth"),
        ({"level": -40.0}, "quiet"),
        ({"level": -10.0}, "shouted"),
        ({"pitch": 220.0}, "shouted"),
        ({"pitch_range": 1.0}, "monotone"),
        ({"pitch_range": 18.0}, "monotone"),
        ({"pitch": None, "pitch_range": None}, "monotone"),
        ({"energy_range": 2.0}, "monotone"),
        ({"seconds": 1.0}, "brevity"),
    ],
)
def test_each_figure_alone_costs_points_under_its_own_name(changed: dict[str, float], fault: str) -> None:
    usually = usual([figures()] * 3)
    assert score(figures(), usually).lost == 0.0
    lost = score(figures(**changed), usually).by_fault()
    assert lost[fault] > 0.0
    assert not any(points for name, points in lost.items() if name != fault)


def test_the_usual_level_is_not_that_of_one_shout_nor_of_one_mumble() -> None:
    assert usual([figures(), figures(), figures(level=-8.0, pitch=300.0)]) == usual([figures()])
    assert usual([figures(), figures(level=-50.0)]).level == -24.0
    with pytest.raises(ValueError):
        usual([])


def test_figures_are_what_the_sound_was_made_with(tmp_path: Path) -> None:
    made = scene(tmp_path, Piece(speech(), bed=speech() * 0.1, around=hiss(RATE, 0.001)))
    found = measure(made.stems, made.speech[0])
    assert found is not None
    level = 20 * np.log10(np.sqrt(np.mean(speech() ** 2)))
    assert level - 0.5 < found.level < level + 3, "pauses are not counted"
    assert found.snr == pytest.approx(found.level + 60, abs=1.5)
    assert found.bed == pytest.approx(20.0, abs=0.5)
    assert found.bandwidth == pytest.approx(7_500, abs=3_600)
    assert (found.overlap, found.clipped) == (0.0, 0.0)


def test_three_samples_at_full_scale_are_clipped_and_two_are_a_peak(tmp_path: Path) -> None:
    for count, clipped in ((2, 0.0), (3, 1000 * 3 / RATE), (40, 1000 * 40 / RATE)):
        sound = np.array(speech()[:RATE]) * 0.9
        sound[20_000 : 20_000 + count] = -1.0
        made = scene(tmp_path, Piece(sound))
        found = measure(made.stems, made.speech[0])
        assert found is not None
        assert found.clipped == pytest.approx(clipped, rel=1e-6)


# --- long films ----------------------------------------------------------------------------------------------


@dataclass
class Counted(AudioFile):
    """A film of three hours that is the same ten seconds over and over, and remembers what was read of it."""

    sound: Sound
    read_in_all: int = 0
    longest: int = 0

    @property
    def frames(self) -> int:
        return 3 * 3600 * RATE

    channels = 2
    rate = RATE

    def read(self, start: int, stop: int) -> Sound:
        self.read_in_all += stop - start
        self.longest = max(self.longest, stop - start)
        at = np.arange(start, stop) % len(self.sound)
        return np.stack((self.sound[at], self.sound[at]), 1)


def test_of_two_thousand_lines_in_three_hours_a_bounded_part_is_read_in_short_blocks() -> None:
    source, stem = Counted(hiss(10 * RATE, 0.01)), Counted(speech())
    lines = [
        cast.Utterance(Span(n * 5400, n * 5400 + 1500 + n % 701), f"Speaker {n % 3 + 1}", f"l{n}")
        for n in range(2000)
    ]
    chosen = cast.timbre(lines, Stems(source, stem), [one.span for one in lines])
    assert {speaker: choice.heard for speaker, choice in chosen.items()} == {
        f"Speaker {n}": CANDIDATES for n in (1, 2, 3)
    }
    assert all(ENOUGH_MS - 1000 < choice.milliseconds <= ENOUGH_MS for choice in chosen.values())
    assert source.read_in_all <= 3 * CANDIDATES * 2.9 * RATE, "about 2.2 s of each, and its margins"
    assert max(source.longest, stem.longest) <= 3 * RATE
    assert min(one.figures.seconds for choice in chosen.values() for one in choice.taken) > 2.1, "the longest"


def test_more_is_listened_to_where_the_longest_stretches_are_silent() -> None:
    class Late(Counted):
        def read(self, start: int, stop: int) -> Sound:
            return super().read(start, stop) * np.float32(start >= 3600 * RATE)

    lines = [cast.Utterance(Span(n * 4000, n * 4000 + 2000), "Anna") for n in range(CANDIDATES + 5)]
    lines.append(cast.Utterance(Span(3_700_000, 3_701_000), "Anna"))
    sound = Late(speech())
    chosen = cast.timbre(lines, Stems(sound, sound), [one.span for one in lines])["Anna"]
    assert chosen.spans == (Span(3_700_000, 3_701_000),)
