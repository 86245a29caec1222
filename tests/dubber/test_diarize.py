"""Who speaks: the same voice gets the same number, in the order of speaking; how many there are is found or given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from spoken import RATE, say

from align.diarization import error_rate
from align.types import Span, union
from bench.speakers import STATISTICS, statistics
from bench.tiny import campplus as tiny
from dubber.audio import AudioFile
from dubber.errors import MissingError
from dubber.models import store as models
from dubber.stages.diarize import campplus, overlaps, prosody, turns, windowed, windows
from dubber.stages.diarize.campplus import CampPlusDiarizer
from dubber.stages.diarize.clustering import BLOCK, cluster
from dubber.stages.diarize.door import Diarization, Diarizer, Turn
from dubber.stages.diarize.prosody import Prosody
from dubber.stages.diarize.windowed import Tuning
from dubber.stages.diarize.windows import Embed

torch.set_num_threads(1)

TEXTS = (
    "The old house is near the river.",
    "We want to go home tomorrow morning.",
    "My brother bought seven green books.",
    "Twenty five people came to the meeting.",
)
VOICES = (("en-us", 35), ("en+f3", 65), ("en+m7", 15))
IDEAL = Tuning(same=0.4, one=0.8)


def conversation(
    tmp_path: Path, order: list[int], pause_ms: int = 500
) -> tuple[AudioFile, list[tuple[Span, int]]]:
    rng = np.random.default_rng(5)
    parts, told, at = [], [], 0
    for i, turn in enumerate(order):
        voice, pitch = VOICES[turn]
        line = say(TEXTS[i % len(TEXTS)], voice=voice, pitch=pitch)
        line = line[: len(line) // 160 * 160]
        line = line * np.float32(rng.uniform(0.3, 1.0))  # nobody is known by how loud they are
        told.append((Span(at, at + len(line) // 16), turn))
        parts += [line, np.zeros(pause_ms * 16, np.float32)]
        at += len(line) // 16 + pause_ms
    sound = np.concatenate(parts)
    sound += rng.normal(0, 1e-3, len(sound)).astype(np.float32)
    soundfile.write(tmp_path / "talk.wav", sound, RATE, subtype="FLOAT")
    return AudioFile(tmp_path / "talk.wav"), told


def speech(told: Iterable[tuple[Span, int]]) -> tuple[Span, ...]:
    return union(span for span, _ in told)


def plain(found: Diarization) -> list[tuple[Span, int]]:
    return [(turn.span, turn.speaker) for turn in found.turns]


def speakers(found: Diarization) -> tuple[int, ...]:
    return tuple(turn.speaker for turn in found.turns)


def people(count: int, lines: list[int], noise: float, seed: int = 0) -> np.ndarray:
    """Unit rows, one per line, of `count` voices in 192 dimensions; cosines within a voice are 1 / (1 + noise²)."""
    rng = np.random.default_rng(seed)
    voices = rng.normal(size=(count, 192))
    voices /= np.linalg.norm(voices, axis=1, keepdims=True)
    rows = voices[lines] + noise * rng.normal(size=(len(lines), 192)) / 192**0.5
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def assert_told(labels: np.ndarray, lines: list[int]) -> None:
    """Every vector that was given to somebody is theirs, and hardly any was given to nobody."""
    sure = labels >= 0
    assert sure.mean() > 0.97
    assert labels[sure].tolist() == np.array(lines)[sure].tolist()


def test_both_engines_are_what_the_door_says() -> None:
    engines: list[Diarizer] = [Prosody(), CampPlusDiarizer()]
    assert [(engine.name, engine.on_phrases) for engine in engines] == [
        ("prosody", True),
        ("campplus", False),
    ]


@pytest.mark.parametrize("order", [[0, 1, 1, 0, 1, 0, 0, 1], [1, 2, 0, 2, 2, 1, 0, 1, 0, 2]])
def test_voices_that_take_turns_are_told_apart_by_prosody(tmp_path: Path, order: list[int]) -> None:
    audio, told = conversation(tmp_path, order)
    spans = [span for span, _ in told]
    heard = list(dict.fromkeys(order))
    found = Prosody().diarize(audio, spans, len(heard))
    assert found.turns == tuple(Turn(span, heard.index(turn)) for span, turn in told)


def test_prosody_says_the_same_of_the_same_sound(tmp_path: Path) -> None:
    audio, told = conversation(tmp_path, [0, 1, 2, 1])
    spans = [span for span, _ in told]
    assert Prosody().diarize(audio, spans, 3) == Prosody().diarize(audio, spans, 3)


@pytest.mark.parametrize("count", [1, None])
def test_prosody_cannot_count_and_one_speaker_needs_no_listening(tmp_path: Path, count: int | None) -> None:
    found = Prosody().diarize(AudioFile(tmp_path / "not there.wav"), [Span(0, 10), Span(20, 30)], count)
    assert speakers(found) == (0, 0)


def test_silent_and_very_short_spans_get_a_speaker_too(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "quiet.wav", np.zeros(RATE, np.float32), RATE)
    audio = AudioFile(tmp_path / "quiet.wav")
    found = Prosody().diarize(audio, [Span(0, 5), Span(100, 500), Span(600, 900)], 2)
    assert len(found.turns) == 3
    assert set(speakers(found)) <= {0, 1}


def test_more_speakers_than_spans_and_no_spans_at_all(tmp_path: Path) -> None:
    audio, told = conversation(tmp_path, [0, 1])
    assert speakers(Prosody().diarize(audio, [span for span, _ in told], 9)) == (0, 1)
    assert Prosody().diarize(audio, [], 3) == Diarization(())
    assert windowed.diarize(audio, [], 3, statistics, STATISTICS) == Diarization(())


def test_no_speakers_is_no_film(tmp_path: Path) -> None:
    audio = AudioFile(tmp_path / "x.wav")
    for engine in (Prosody(), CampPlusDiarizer()):
        with pytest.raises(ValueError, match="at least one speaker"):
            engine.diarize(audio, [Span(0, 10)], 0)


def test_the_digest_changes_with_the_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Prosody().digest()
    monkeypatch.setattr(prosody, "REVISION", prosody.REVISION + 1)
    assert Prosody().digest() != before


# Windows, clusters and turns, with vectors that are what they should be


def answers(tmp_path: Path, pieces: int) -> tuple[AudioFile, list[tuple[Span, int]], Embed]:
    """One voice speaks for seconds, another puts in 300 to 600 ms, and says more at the end. The sound is which voice
    it is; what is made of it is the noisier the shorter it is, as vectors of voices are."""
    rng = np.random.default_rng(3)
    lines = [
        (int(rng.integers(2000, 5000)), 0) if i % 2 == 0 else ((300, 450, 600)[i // 2 % 3], 1)
        for i in range(pieces)
    ]
    told, at = [], 0
    for length, speaker in [*lines, *[(4000, 1)] * 6]:
        told.append((Span(at, at + length), speaker))
        at += length + int(rng.integers(160, 350))
    sound = np.zeros((at + 1000) * 16, np.float32)
    for span, speaker in told:
        sound[span.start * 16 : span.end * 16] = (0.2, -0.2)[speaker]
    soundfile.write(tmp_path / "answers.wav", sound, RATE, subtype="FLOAT")
    voices = people(2, [0, 1], 0.0)

    def embed(heard: Sequence[np.ndarray]) -> np.ndarray:
        rows = []
        for piece in heard:
            voice = (piece > 0.1).mean() * voices[0] + (piece < -0.1).mean() * voices[1]
            clear = 0.6 * min(1.0, len(piece) / 24_000) ** 0.7
            noise = windows.unit(rng.normal(size=192))
            rows.append(windows.unit(clear**0.5 * windows.unit(voice) + (1 - clear) ** 0.5 * noise))
        return np.array(rows, np.float32)

    return AudioFile(tmp_path / "answers.wav"), told, embed


@pytest.mark.parametrize("count", [2, None])
def test_short_answers_are_their_speakers_and_not_the_questioners(tmp_path: Path, count: int | None) -> None:
    audio, told, embed = answers(tmp_path, 120)
    found = windowed.diarize(audio, speech(told), count, embed, IDEAL)
    assert len(found.centroids) == 2
    short = [(span, speaker) for span, speaker in told if span.duration <= 600]
    right = [max(found.turns, key=lambda turn: turn.span.overlap(span)).speaker == who for span, who in short]
    assert len(short) == 60
    assert sum(right) >= 0.95 * len(short)


def test_answers_too_short_to_found_a_voice_are_no_third_one() -> None:
    """Short windows lean towards each other, whoever speaks."""
    lines = [0, 1] * 40
    spans = [Span(i * 3000, i * 3000 + (1500 if i % 4 < 2 else 400)) for i in range(len(lines))]
    rows = people(2, lines, 0.5)
    lean = people(3, [2], 0.0)[0]
    rows[2::4] += 2 * lean
    rows[3::4] += 2 * lean
    rows = windows.unit(rows)
    labels, found = windowed._heard(rows, windows.shares(spans), spans, None, IDEAL)
    assert len(found) == 2
    assert labels.tolist() == lines


def test_windows_cover_the_speech_that_is_long_enough_to_tell_a_voice() -> None:
    spans = [Span(0, 249), Span(1000, 1253), Span(5000, 6500), Span(10_000, 14_100)]
    cut = windows.cut(spans)
    assert all(250 <= one.duration <= 1500 and one.duration % 10 == 0 for one in cut)
    assert cut[:2] == (Span(1003, 1253), Span(5000, 6500))
    assert union(cut[2:]) == (Span(10_000, 14_100),)
    assert {other.start - one.start for one, other in pairwise(cut[2:])} == {750, 1100}
    assert windows.shares(cut).sum() == pytest.approx(sum(one.duration for one in union(cut)))


@pytest.mark.parametrize("noise", [0.3, 1.0])
def test_the_number_of_voices_is_found(noise: float) -> None:
    lines = [0] * 30 + [1] * 20 + [2] * 10 + [0, 1, 2] * 3
    labels = cluster(people(3, lines, noise), np.full(len(lines), 750.0), 0.4, 2000, None)
    assert_told(labels, lines)


def test_a_stray_window_is_no_voice_even_where_the_number_is_given() -> None:
    lines = [0] * 20 + [1] * 20 + [2, 3]  # the last two are a cough and a door
    labels = cluster(people(4, lines, 0.5), np.full(len(lines), 750.0), 0.4, 2000, 2)
    assert labels[:40].tolist() == lines[:40]
    assert cluster(people(4, lines, 0.5), np.full(len(lines), 750.0), 0.4, 2000, 4).tolist() == lines


def test_as_many_voices_as_were_said_there_are() -> None:
    vectors = people(1, [0] * 12, 0.5)
    assert set(cluster(vectors, np.full(12, 750.0), 0.4, 2000, 3).tolist()) >= {0, 1, 2}
    assert len(set(cluster(vectors[:2], np.full(2, 750.0), 0.4, 2000, 5).tolist())) == 2


def test_a_long_film_is_clustered_in_blocks_to_the_same_voices() -> None:
    rng = np.random.default_rng(2)
    lines = np.concatenate([[0, 1, 2, 3, 4], rng.choice(5, 2 * BLOCK + 77, p=[0.5, 0.3, 0.1, 0.06, 0.04])])
    vectors = people(5, lines.tolist(), 1.0)
    assert_told(cluster(vectors, np.full(len(lines), 750.0), 0.4, 2000, None), lines.tolist())


def test_one_odd_window_makes_no_turn_and_a_clear_one_does() -> None:
    row = [Span(i * 750, i * 750 + 1500) for i in range(5)]
    mine, odd = [0.6, 0.1], [0.3, 0.35]
    assert turns.path(np.array([mine, mine, odd, mine, mine]), row).tolist() == [0, 0, 0, 0, 0]
    clear = [0.1, 0.6]
    assert turns.path(np.array([mine, mine, clear, mine, mine]), row).tolist() == [0, 0, 1, 0, 0]


def test_a_pause_makes_a_change_of_speaker_likelier() -> None:
    mine, odd = [0.6, 0.1], [0.3, 0.35]
    apart = [Span(i * 3000, i * 3000 + 1500) for i in range(3)]
    assert turns.path(np.array([mine, odd, mine]), apart).tolist() == [0, 1, 0]


def test_the_windows_across_a_change_are_not_a_third_voice() -> None:
    a, b = people(2, [0, 1], 0.0)
    both = (a + 0.9 * b) / np.linalg.norm(a + 0.9 * b) + 0.8 * people(3, [2], 0.0)[0]
    both /= np.linalg.norm(both)  # what lies between is like neither and always the same
    rows, spans = [], []
    for i in range(12):
        first, second = (a, b) if i % 2 else (b, a)
        start = i * 10_000
        spans += [Span(start + j * 750, start + j * 750 + 1500) for j in range(7)]
        rows += [first, first, first, both, second, second, second]
    labels, found = windowed.voices(np.array(rows), windows.shares(spans), spans, None, IDEAL)
    assert len(found) == 2
    assert len(set(labels[[0, 4, 11, 17]].tolist())) == 2


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("noise", [0.7, 1.4])  # cosines within a voice of about 0.67 and 0.33
def test_noisy_windows_do_not_multiply_voices(count: int, noise: float) -> None:
    lines = [line for line in range(count) for _ in range(8)] * 5
    spans = [Span(i * 2000, i * 2000 + 1500) for i in range(len(lines))]
    labels, found = windowed.voices(people(count, lines, noise), windows.shares(spans), spans, None, IDEAL)
    assert len(found) == count
    assert (labels == lines).mean() > 0.98


def test_a_span_too_short_to_be_heard_goes_to_who_is_nearest() -> None:
    spans = [Span(0, 1000), Span(1100, 1300), Span(5000, 5200), Span(5300, 7000)]
    told = turns.painted(spans, [[(0, 0)], [], [], [(5300, 1)]])
    assert speakers(Diarization(told)) == (0, 0, 1, 1)
    assert turns.painted([Span(0, 100)], [[]]) == (Turn(Span(0, 100), 0),)


# The whole way, with pitch and timbre for an embedding


def test_voices_with_pauses_are_told_apart_and_numbered_as_they_appear(tmp_path: Path) -> None:
    audio, told = conversation(tmp_path, [2, 1, 0, 1, 2, 0, 0, 2, 1])
    found = windowed.diarize(audio, speech(told), 3, statistics, STATISTICS)
    assert error_rate(told, plain(found), 0).rate == 0
    assert speakers(found)[:3] == (0, 1, 2)
    assert len(found.centroids) == 3
    assert np.linalg.norm(found.centroids, axis=1) == pytest.approx(1)


def test_changes_of_speaker_without_a_pause_are_found(tmp_path: Path) -> None:
    audio, told = conversation(tmp_path, [0, 1, 0, 0, 1, 1, 0, 1], pause_ms=0)
    (whole,) = speech(told)
    found = windowed.diarize(audio, [whole], 2, statistics, STATISTICS)
    assert union(turn.span for turn in found.turns) == (whole,)
    assert sum(turn.span.duration for turn in found.turns) == whole.duration  # disjoint
    assert error_rate(told, plain(found), 250).rate < 0.03
    assert error_rate(told, plain(found), 0).rate < 0.08


def test_nobody_is_invented_where_one_speaks_and_nobody_lost_where_two_do(tmp_path: Path) -> None:
    audio, told = conversation(tmp_path, [1, 1, 1, 1])
    found = windowed.diarize(audio, speech(told), None, statistics, STATISTICS)
    assert set(speakers(found)) == {0}
    audio, told = conversation(tmp_path, [0, 1] * 4)
    found = windowed.diarize(audio, speech(told), None, statistics, STATISTICS)
    # This embedding knows a voice by what it says, too, and may find one too many; it takes none for another's.
    majority = error_rate(told, plain(found), 0)
    assert 2 <= len(set(speakers(found))) <= 4
    assert majority.rate < 0.3


# Two voices at once


def test_two_voices_at_once_are_marked_and_one_alone_is_not(tmp_path: Path) -> None:
    man = np.concatenate([say(text, voice="en-us", pitch=35) for text in TEXTS])
    woman = np.concatenate([say(text, voice="en+f3", pitch=65) for text in TEXTS])
    assert [one for one in overlaps.two_pitches(man) if one.duration >= overlaps.SHORTEST_MS] == []
    assert [one for one in overlaps.two_pitches(woman) if one.duration >= overlaps.SHORTEST_MS] == []

    shared, ends = 2000, len(man) // 16
    sound = np.zeros((ends - shared) * 16 + len(woman), np.float32)
    sound[: len(man)] += man
    sound[(ends - shared) * 16 :] += woman
    soundfile.write(tmp_path / "both.wav", sound, RATE, subtype="FLOAT")
    audio, span = AudioFile(tmp_path / "both.wav"), Span(0, len(sound) // 16)
    change = ends - shared // 2
    told = Diarization(
        (Turn(Span(0, change), 0), Turn(Span(change, span.end), 1)), centroids=((1.0, 0.0), (0.0, 1.0))
    )
    embed = lambda pieces: np.array([[1.0, 0.0]] * len(pieces), np.float32)  # noqa: E731
    found = overlaps.find(audio, [span], told, embed)
    true = Span(ends - shared, ends)
    hit = sum(one.overlap(true) for one in found)
    assert hit >= 0.5 * true.duration
    assert hit >= 0.8 * sum(one.duration for one in found)


def test_two_pitches_far_from_any_handover_need_a_second_voice_in_the_vector(tmp_path: Path) -> None:
    both = say(TEXTS[0], voice="en-us", pitch=35), say(TEXTS[1], voice="en+f3", pitch=65)
    length = min(map(len, both))
    soundfile.write(tmp_path / "x.wav", both[0][:length] + both[1][:length], RATE, subtype="FLOAT")
    audio, span = AudioFile(tmp_path / "x.wav"), Span(0, length // 16)
    told = Diarization((Turn(span, 0), Turn(Span(90_000, 91_000), 1)), centroids=((1.0, 0.0), (0.0, 1.0)))

    def one(pieces: object) -> np.ndarray:
        return np.array([[1.0, 0.0]] * len(pieces), np.float32)  # type: ignore[arg-type]

    def mixed(pieces: object) -> np.ndarray:
        return np.array([[0.8, 0.6]] * len(pieces), np.float32)  # type: ignore[arg-type]

    assert overlaps.find(audio, [span], told, one) == ()
    assert overlaps.find(audio, [span], told, mixed) != ()


def test_what_a_second_voice_explains() -> None:
    voices = np.eye(3)
    assert overlaps.second_voice(np.array([0.8, 0.6, 0.0]), voices) == pytest.approx(0.36)
    assert overlaps.second_voice(np.array([1.0, 0.0, 0.0]), voices) == 0
    assert overlaps.second_voice(np.array([0.8, -0.6, 0.0]), voices) == 0  # no voice is subtracted
    lean = np.array([[1.0, 0.0], [0.6, 0.8]])
    assert overlaps.second_voice(lean.sum(axis=0) / np.sqrt(3.2), lean) == pytest.approx(0.2)


# CAM++ itself, with weights that mean nothing


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path / "models"))
    return tmp_path / "models" / campplus.MODEL


def test_campplus_runs_from_spans_to_turns_and_says_the_same_twice(tmp_path: Path, store: Path) -> None:
    tiny.write(store)
    audio, told = conversation(tmp_path, [0, 1, 0])
    steps: list[float] = []
    engine = CampPlusDiarizer("cpu")
    found = engine.diarize(audio, speech(told), 2, steps.append)
    digest = engine.digest()
    engine.close()
    assert union(turn.span for turn in found.turns) == speech(told)
    assert {len(centroid) for centroid in found.centroids} == {192}
    assert steps == sorted(steps) and steps[-1] == pytest.approx(1)
    again = CampPlusDiarizer("cpu")
    assert again.digest() == digest  # known without loading
    assert again.diarize(audio, speech(told), 2) == found


def test_campplus_needs_its_weights_and_refuses_others(tmp_path: Path, store: Path) -> None:
    audio, told = conversation(tmp_path, [0])
    with pytest.raises(MissingError, match="indextts2"):
        CampPlusDiarizer().digest()
    store.mkdir(parents=True)
    (store / campplus.FILE).write_bytes(b"no weights")
    with pytest.raises(MissingError, match="plain weights"):
        CampPlusDiarizer("cpu").diarize(audio, speech(told), None)
    assert models.root() == store.parent
