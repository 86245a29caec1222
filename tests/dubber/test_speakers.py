"""One person keeps one name from run to run, and one voice from film to film."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from align.types import Span
from bench.tiny import campplus as tiny
from dubber import lock
from dubber.errors import InUseError, UsageError
from dubber.stages.diarize import company, names, shared
from dubber.stages.diarize.company import Company
from dubber.stages.diarize.door import Diarization, Turn
from dubber.stages.diarize.names import Known, named, remembered
from tts.errors import BadReference, BadWeights, EngineMissing
from tts.indextts2.speakers import SHORTEST, WIDTH, SpeakerEncoder

torch.set_num_threads(1)

RATE = 16_000
ANNA, BEN, CLEO = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def tone(hertz: float, seconds: float = 2.0, rate: int = RATE) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def by_pitch(pieces: Sequence[np.ndarray]) -> np.ndarray:
    """Stands in for an encoder: whose voice it is follows from how often it crosses zero."""
    rows = []
    for piece in pieces:
        hertz = np.count_nonzero(np.diff(np.signbit(piece))) / 2 / (len(piece) / RATE)
        rows.append([ANNA, BEN, CLEO][int(np.argmin(np.abs(np.array([200, 300, 400]) - hertz)))])
    return np.array(rows, np.float32)


def talk(*turns: tuple[int, int, int], centroids: Sequence[tuple[float, ...]] = ()) -> Diarization:
    return Diarization(tuple(Turn(Span(start, end), who) for start, end, who in turns), (), tuple(centroids))


# Names


def test_people_that_nobody_has_named_are_numbered() -> None:
    assert named(talk((0, 10, 0), (10, 20, 1)), {}) == ("Speaker 1", "Speaker 2")
    assert named(talk(), {}) == ()


def test_a_voice_keeps_its_name_wherever_it_speaks() -> None:
    known = {"Anna": Known((Span(0, 1000),), ANNA), "Ben": Known((Span(1000, 2000),), BEN)}
    found = talk((5000, 6000, 0), (6000, 7000, 1), (7000, 8000, 2), centroids=[BEN, CLEO, ANNA])
    assert named(found, known) == ("Ben", "Speaker 1", "Anna")


def test_where_voices_cannot_be_compared_the_time_of_speaking_tells() -> None:
    known = {"Anna": Known((Span(0, 1000), Span(2000, 3000))), "Ben": Known((Span(1000, 2000),), BEN)}
    found = talk((0, 900, 0), (1100, 2000, 1), (2000, 3000, 0), (5000, 6000, 2))
    assert named(found, known) == ("Anna", "Ben", "Speaker 1")
    other_encoder = talk((0, 900, 0), (1100, 2000, 1), centroids=[(1.0, 0.0), (0.0, 1.0)])
    assert named(other_encoder, known) == ("Anna", "Ben")


def test_one_name_is_one_voice_and_the_better_claim_wins() -> None:
    known = {"Anna": Known((Span(0, 4000),), ANNA)}
    split = talk((0, 1000, 0), (1000, 4000, 1), centroids=[(0.8, 0.6, 0.0), (0.96, 0.0, 0.28)])
    assert named(split, known) == ("Speaker 1", "Anna")


def test_a_number_that_was_used_is_not_used_for_somebody_else() -> None:
    known = {"Speaker 2": Known((Span(0, 1000),), ANNA), "Speaker 1": Known((Span(9000, 9100),), CLEO)}
    found = talk((0, 1000, 0), (2000, 3000, 1), centroids=[ANNA, BEN])
    assert named(found, known) == ("Speaker 2", "Speaker 3")


def test_names_survive_any_number_of_runs() -> None:
    first = talk((0, 1000, 0), (1000, 2000, 1), (2000, 3000, 2), centroids=[ANNA, BEN, CLEO])
    known = remembered(first, ("Anna", "Speaker 2", "Cleo"), {})
    fewer = talk((0, 2000, 0), (2000, 3000, 1), centroids=[ANNA, CLEO])
    assert named(fewer, known) == ("Anna", "Cleo")
    known = remembered(fewer, named(fewer, known), known)
    assert named(first, known) == ("Anna", "Speaker 2", "Cleo")


def test_what_is_remembered_is_plain_data() -> None:
    known = remembered(talk((0, 10, 0), (20, 30, 1), centroids=[ANNA, BEN]), ("Änne", "Ben"), {})
    assert names.from_json(json.loads(json.dumps(names.to_json(known)))) == known
    bare = remembered(talk((0, 10, 0)), ("Anna",), {})
    assert names.from_json(names.to_json(bare)) == bare


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"A": 3},
        {"A": {"spans": [[5, 1]], "centroid": []}},
        {"A": {"spans": [], "centroid": [1e999]}},
    ],
)
def test_what_is_no_record_of_speakers_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match="not a record of speakers"):
        names.from_json(data)


# Who of a company it is


def voices(**people: tuple[float, ...]) -> shared.Index:
    return {name: shared.Voice(embedding, "0" * 64, "encoder") for name, embedding in people.items()}


def test_everybody_is_recognised_once_and_strangers_are_nobody() -> None:
    index = voices(Anna=ANNA, Ben=BEN)
    assert shared.match([BEN, CLEO, ANNA], index) == ("Ben", None, "Anna")
    assert shared.match([ANNA, (0.8, 0.6, 0.0)], index) == ("Anna", "Ben")  # Ben by 0.6: Anna is taken
    assert shared.match([ANNA, (0.9, 0.1, 0.4)], index) == ("Anna", None)
    assert shared.match([(0.8, 0.6, 0.0)], index, threshold=0.9) == (None,)
    assert shared.match([(1.0, 0.0)], index) == (None,)  # another encoder's vector


# The folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "cast"
    place.mkdir()
    return place


def troupe(folder: Path, encoder: str = "by pitch") -> Company:
    return Company(folder, by_pitch, encoder)


def test_a_recording_put_there_by_hand_is_heard_on_first_use(folder: Path) -> None:
    soundfile.write(folder / "Anna.wav", tone(200, rate=44_100), 44_100)
    (folder / "notes.txt").write_text("not a voice")
    index = troupe(folder).voices()
    assert list(index) == ["Anna"]
    assert index["Anna"].embedding == pytest.approx(ANNA)
    assert shared.from_json(json.loads((folder / company.INDEX).read_text())) == index


def heard(folder: Path, encoder: str = "by pitch") -> int:
    """How many pieces are listened to when the company is asked for."""
    count = 0

    def counting(pieces: Sequence[np.ndarray]) -> np.ndarray:
        nonlocal count
        count += len(pieces)
        return by_pitch(pieces)

    Company(folder, counting, encoder).voices()
    return count


def test_recordings_are_heard_again_only_where_they_or_the_encoder_changed(folder: Path) -> None:
    soundfile.write(folder / "Anna.wav", tone(200), RATE)
    assert heard(folder) > 0
    assert heard(folder) == 0
    soundfile.write(folder / "Anna.wav", tone(300), RATE)
    assert heard(folder) > 0
    assert troupe(folder).voices()["Anna"].embedding == pytest.approx(BEN)
    assert heard(folder, encoder="another") > 0
    (folder / "Anna.wav").unlink()
    assert troupe(folder).voices() == {}


def test_who_is_new_joins_and_is_known_in_the_next_film(folder: Path) -> None:
    soundfile.write(folder / "Anna.wav", tone(200), RATE)
    before = (folder / "Anna.wav").read_bytes()
    sounds: list[Callable[[], np.ndarray]] = [lambda: tone(300), lambda: tone(200)]
    first = troupe(folder).settle([BEN, ANNA], ["Speaker 1", "Speaker 2"], lambda i: (sounds[i](), RATE))
    assert first == ("Speaker 1", "Anna")
    second = troupe(folder).settle([CLEO, BEN], ["Speaker 1", "Speaker 2"], lambda i: (tone(400), RATE))
    assert second == ("Speaker 1 2", "Speaker 1")  # the second film's Speaker 1 is somebody else
    assert (folder / "Anna.wav").read_bytes() == before
    assert sorted(path.name for path in folder.glob("*.wav")) == [
        "Anna.wav",
        "Speaker 1 2.wav",
        "Speaker 1.wav",
    ]
    assert not list(folder.glob(".dubber-tmp-*"))


def test_who_cannot_be_heard_does_not_join(folder: Path) -> None:
    assert troupe(folder).settle([ANNA], ["Anna"], lambda _: None) == (None,)
    assert list(folder.glob("*.wav")) == []


def test_a_file_that_appears_at_the_last_moment_is_not_overwritten(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = soundfile.write

    def slow(path: Path, *rest: object, **more: object) -> None:
        write(path, *rest, **more)
        (folder / "Ben.wav").touch()

    monkeypatch.setattr(soundfile, "write", slow)
    assert troupe(folder).settle([BEN], ["Ben"], lambda _: (tone(300), RATE)) == ("Ben 2",)
    assert (folder / "Ben.wav").read_bytes() == b""


def test_a_disk_without_links_keeps_both_promises(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(company.os, "link", no_links)
    assert troupe(folder).settle([BEN], ["Ben"], lambda _: (tone(300), RATE)) == ("Ben",)
    assert troupe(folder).voices()["Ben"].embedding == pytest.approx(BEN)


def test_names_that_are_no_file_names_become_some(folder: Path) -> None:
    (name,) = troupe(folder).settle([BEN], ["../Ben: the elder"], lambda _: (tone(300), RATE))
    assert name is not None
    assert [path.parent for path in folder.rglob("*.wav")] == [folder]
    assert name in troupe(folder).voices()


def test_films_in_parallel_agree_on_one_voice_per_person(folder: Path) -> None:
    told: list[tuple[str | None, ...]] = []

    def film() -> None:
        told.append(troupe(folder).settle([BEN, CLEO], ["A", "B"], lambda i: (tone([300, 400][i]), RATE)))

    films = [threading.Thread(target=film) for _ in range(4)]
    for one in films:
        one.start()
    for one in films:
        one.join()
    assert told == [("A", "B")] * 4
    assert len(list(folder.glob("*.wav"))) == 2


def test_a_folder_that_stays_in_use_is_said_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company, "PATIENCE_S", 0.0)
    with lock.held(folder / company.LOCK), pytest.raises(InUseError, match="in use"):
        troupe(folder).voices()
    assert troupe(folder).voices() == {}


def test_what_cannot_be_used_is_said_so(folder: Path) -> None:
    with pytest.raises(UsageError, match="no folder of voices"):
        troupe(folder / "not there").voices()
    soundfile.write(folder / "Anna.wav", tone(200, 0.2), RATE)
    with pytest.raises(UsageError, match="too short"):
        troupe(folder).voices()
    (folder / "Anna.wav").write_text("no sound")
    with pytest.raises(UsageError, match=r"Anna\.wav"):
        troupe(folder).voices()
    (folder / "Anna.wav").unlink()
    (folder / company.INDEX).write_text("[]")
    with pytest.raises(UsageError, match="not an index"):
        troupe(folder).voices()


# The encoder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    tiny.write(folder)
    return folder


def test_the_encoder_gives_unit_rows_in_order_whatever_the_lengths(weights: Path) -> None:
    encoder = SpeakerEncoder.load(weights, "cpu")
    rng = np.random.default_rng(0)
    lengths = [8000, 24_000, SHORTEST, 8000, 8079]
    pieces = [rng.normal(0, 0.1, length).astype(np.float32) for length in lengths]
    rows = encoder.embed(pieces)
    assert rows.shape == (5, WIDTH) and rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1, abs=1e-5)
    for piece, row in zip(pieces, rows, strict=True):
        assert np.abs(encoder.embed([piece])[0] - row).max() < 1e-5
    assert np.array_equal(encoder.embed(pieces), rows)
    assert encoder.embed([]).shape == (0, WIDTH)
    encoder.close()


def test_the_encoder_is_loaded_from_its_folder_or_its_file_and_named_by_its_bytes(weights: Path) -> None:
    from dubber.models.store import hash_file

    (file,) = weights.glob("*.bin")
    digests = {SpeakerEncoder.load(place, "cpu").digest for place in (weights, file)}
    assert digests == {hash_file(file)}


def test_the_encoder_refuses_what_it_cannot_hear_or_load(weights: Path, tmp_path: Path) -> None:
    encoder = SpeakerEncoder.load(weights, "cpu")
    with pytest.raises(BadReference):
        encoder.embed([np.zeros(SHORTEST - 1, np.float32)])
    with pytest.raises(BadReference):
        encoder.embed([np.full(RATE, np.nan, np.float32)])
    with pytest.raises(EngineMissing):
        SpeakerEncoder.load(tmp_path)
    torch.save({"head.conv1.weight": torch.zeros(3)}, tmp_path / "campplus_cn_common.bin")
    with pytest.raises(BadWeights):
        SpeakerEncoder.load(tmp_path)
