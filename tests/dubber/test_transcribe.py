"""What was said: the bundled recogniser's words, and a given transcript moved to the speech that is heard."""

from __future__ import annotations

import importlib.metadata
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import active_children
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import soundfile
from spoken import RATE, say

from align.types import Span, Word
from dubber import vad
from dubber.audio import AudioFile
from dubber.errors import MediaError, MissingError
from dubber.stages.transcribe import pocketsphinx
from dubber.stages.transcribe.chunks import Chunk, cut
from dubber.stages.transcribe.given import segments_from
from dubber.stages.transcribe.pocketsphinx import PocketSphinx

TEXTS = (
    "we want to go home tomorrow morning",
    "my brother bought seven green books",
    "please open the door",
    "twenty five people came to the meeting",
)


@dataclass(frozen=True)
class Cue:
    start: int
    end: int
    text: str
    speaker: str | None = None


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[AudioFile, list[Span]]:
    """Four sentences a second apart, and where each of them is."""
    parts, truth, at = [np.zeros(RATE, np.float32)], [], RATE
    for text in TEXTS:
        line = say(text)
        truth.append(Span(at // 16, (at + len(line)) // 16))
        parts += [line * np.float32(0.5), np.zeros(RATE, np.float32)]
        at += len(line) + RATE
    sound = np.concatenate(parts)
    sound += np.random.default_rng(2).normal(0, 5e-4, len(sound)).astype(np.float32)
    path = tmp_path_factory.mktemp("film") / "film.wav"
    soundfile.write(path, sound, RATE, subtype="FLOAT")
    return AudioFile(path), truth


@pytest.fixture(scope="module")
def alone(film: tuple[AudioFile, list[Span]]) -> tuple[Word, ...]:
    audio, truth = film
    return pocketsphinx.recognise(audio, truth, jobs=1)


def test_words_are_recognised_where_they_are_said(
    film: tuple[AudioFile, list[Span]], alone: tuple[Word, ...]
) -> None:
    _, truth = film
    second = {word.text for word in alone if truth[1].overlap(word.span)}
    assert {"my", "brother"} <= second
    assert all(any(span.start <= w.span.start and w.span.end <= span.end for span in truth) for w in alone)
    assert all(a.span.end <= b.span.start for a, b in pairwise(alone))


def test_words_are_clean_and_confidence_is_a_share(alone: tuple[Word, ...]) -> None:
    assert all(word.text.replace("'", "").replace(".", "").replace("-", "").isalpha() for word in alone)
    assert all(0 <= word.confidence <= 1 for word in alone)
    assert len({word.confidence for word in alone}) > 3


def test_the_words_do_not_depend_on_the_number_of_workers(
    film: tuple[AudioFile, list[Span]], alone: tuple[Word, ...]
) -> None:
    audio, truth = film
    assert pocketsphinx.recognise(audio, truth, jobs=2) == alone


def test_what_was_heard_before_does_not_change_a_chunk(
    film: tuple[AudioFile, list[Span]], alone: tuple[Word, ...]
) -> None:
    audio, truth = film
    last = pocketsphinx.recognise(audio, truth[3:], jobs=1)
    assert last == tuple(word for word in alone if truth[3].overlap(word.span))


def _crash(pipe: Connection, _path: Path) -> None:
    """A worker that takes its work and dies of it."""
    pipe.recv()
    os._exit(1)


def test_a_worker_that_dies_is_an_error_and_no_hang(
    film: tuple[AudioFile, list[Span]], monkeypatch: pytest.MonkeyPatch
) -> None:
    audio, truth = film
    monkeypatch.setattr(pocketsphinx, "_serve", _crash)
    with pytest.raises(MissingError, match="recogniser process ended"):
        pocketsphinx.recognise(audio, truth, jobs=2)
    assert not active_children()


def test_a_run_that_is_stopped_leaves_no_worker_behind(film: tuple[AudioFile, list[Span]]) -> None:
    audio, truth = film

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pocketsphinx.recognise(audio, truth[1:3], jobs=2, progress=stop)
    assert not active_children()


INTERRUPTED = """
import os, signal
from multiprocessing.connection import Connection
from pathlib import Path
from dubber.stages.transcribe import pocketsphinx

def answer(pipe: Connection, path: Path) -> None:
    pipe.send("here")
    pipe.recv()

if __name__ == "__main__":
    pocketsphinx._serve = answer
    with pocketsphinx._workers(2, Path("film.wav")) as workers:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.killpg(0, signal.SIGINT)
        print(*(worker.recv() for worker in workers))
"""


def test_ctrl_c_while_workers_still_import_is_not_theirs_to_answer(tmp_path: Path) -> None:
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    ran = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        timeout=60,
    )
    assert (ran.stdout, ran.stderr) == ("here here\n", "")


def test_ctrl_c_while_workers_are_started_is_answered_as_soon_as_they_are() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    try:
        _interrupted_while_started()
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupted_while_started() -> None:
    handler, mask = signal.getsignal(signal.SIGINT), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    reached = False
    with pytest.raises(KeyboardInterrupt), pocketsphinx._uninterrupted():
        signal.raise_signal(signal.SIGINT)
        reached = True
    assert reached
    assert signal.getsignal(signal.SIGINT) is handler
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask


def test_the_digest_changes_with_the_code_the_library_and_each_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = {pocketsphinx.digest()}
    assert seen == {pocketsphinx.digest()}
    for name, value in (
        ("REVISION", 99),
        ("OPTIONS", {**pocketsphinx.OPTIONS, "lw": 9.0}),
        ("LONGEST_MS", 20_000),
        ("TARGET_RMS", 0.2),
    ):
        monkeypatch.setattr(pocketsphinx, name, value)
        seen.add(pocketsphinx.digest())
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "0")
    seen.add(pocketsphinx.digest())
    assert len(seen) == 6


def test_a_digest_without_the_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(MissingError) as missing:
        pocketsphinx.digest()
    assert missing.value.hint is not None
    assert "pip install pocketsphinx" in missing.value.hint


def test_the_digest_loads_no_library() -> None:
    code = (
        "import sys; from dubber.stages.transcribe import pocketsphinx as room; room.digest()\n"
        "sys.exit('pocketsphinx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_error_in_a_worker_reaches_the_caller_as_itself(
    film: tuple[AudioFile, list[Span]], tmp_path: Path
) -> None:
    audio, truth = film
    gone = AudioFile(tmp_path / "gone.wav")
    gone._open = audio._sound  # read here, gone for the workers
    with pytest.raises(MediaError):
        pocketsphinx.recognise(gone, truth, jobs=2)


def test_no_speech_no_words_and_no_workers(film: tuple[AudioFile, list[Span]]) -> None:
    assert pocketsphinx.recognise(film[0], [], jobs=2) == ()


def test_long_speech_is_cut_at_its_quietest_moment(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    sound = rng.normal(0, 0.1, 40 * RATE).astype(np.float32)
    sound[11 * RATE : 11 * RATE + RATE // 5] *= 0.01
    sound[22 * RATE : 22 * RATE + RATE // 5] *= 0.01
    soundfile.write(tmp_path / "long.wav", sound, RATE, subtype="FLOAT")
    audio = AudioFile(tmp_path / "long.wav")
    chunks = cut(audio, [Span(0, 40_000)], longest=pocketsphinx.LONGEST_MS, join=500, pad=150)
    cuts = [chunk.span.end for chunk in chunks]
    assert 11_000 <= cuts[0] <= 11_200
    assert 22_000 <= cuts[1] <= 22_200
    assert cuts[-1] == 40_000
    assert all(chunk.span.duration <= pocketsphinx.LONGEST_MS for chunk in chunks)
    assert all(a.span.end == b.span.start for a, b in pairwise(chunks))


SILENT_FILM = AudioFile(Path("never opened where nothing must be cut inside speech.wav"))
SILENT_FILM._open = type("Sound", (), {"frames": 100_000_000, "samplerate": 1000, "channels": 1})()


def test_chunks_are_cut_at_the_longest_pause_of_the_second_half_and_never_through_speech() -> None:
    speech = [Span(0, 4000), Span(4900, 9000), Span(9300, 11_000), Span(11_700, 14_000), Span(14_200, 16_000)]
    chunks = cut(SILENT_FILM, speech, longest=15_000, join=1000, pad=150)
    assert [chunk.span for chunk in chunks] == [Span(0, 11_000), Span(11_700, 16_000)]
    assert [chunk.heard for chunk in chunks] == [Span(0, 11_150), Span(11_550, 16_150)]


def test_a_long_silence_ends_a_chunk_and_silence_is_shared_between_two() -> None:
    speech = [Span(1000, 2000), Span(2200, 3000), Span(5000, 6000)]
    chunks = cut(SILENT_FILM, speech, longest=15_000, join=500, pad=5000)
    assert [chunk.span for chunk in chunks] == [Span(1000, 3000), Span(5000, 6000)]
    assert [chunk.heard for chunk in chunks] == [Span(0, 4000), Span(4000, 11_000)]


def test_chunks_of_any_speech_are_whole_spans_of_it_within_bounds() -> None:
    rng = np.random.default_rng(8)
    for _ in range(100):
        times = np.cumsum(rng.integers(1, 6000, 60)).tolist()
        speech = [Span(a, b) for a, b in zip(times[::2], times[1::2], strict=True)]
        chunks = cut(SILENT_FILM, speech, longest=15_000, join=3000, pad=200)
        assert [
            one for chunk in chunks for one in speech if chunk.span.overlap(one) == one.duration
        ] == speech
        assert all(chunk.span.duration <= 15_000 for chunk in chunks)
        assert all(a.heard.end <= b.heard.start for a, b in pairwise(chunks))


def test_pocketsphinx_stands_behind_the_door(
    film: tuple[AudioFile, list[Span]], alone: tuple[Word, ...]
) -> None:
    audio, truth = film
    engine, told = PocketSphinx(jobs=1), list[float]()
    engine.check("en-GB")
    engine.check("und")
    heard = engine.recognise(audio, truth[3:], "en-GB", told.append)
    assert heard.words == tuple(word for word in alone if truth[3].overlap(word.span))
    assert (heard.language, heard.sure, heard.dropped) == ("en-GB", 1.0, ())
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert engine.digest() == pocketsphinx.digest()
    guessed = engine.recognise(audio, [], "und")
    assert (guessed.language, guessed.sure) == ("en", 0.0)
    engine.close()


def test_pocketsphinx_cuts_speech_where_it_is_quiet_and_hears_the_film(
    film: tuple[AudioFile, list[Span]], alone: tuple[Word, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    audio, truth = film
    stem, cut_in = AudioFile(audio.path), list[AudioFile]()

    def cutting(where: AudioFile, speech: Sequence[Span], **choices: int) -> list[Chunk]:
        cut_in.append(where)
        return cut(where, speech, **choices)

    def decode(decoder: object, heard: AudioFile, chunk: Chunk) -> list[Word]:
        assert heard is audio
        return real(decoder, heard, chunk)

    real = pocketsphinx._decode
    monkeypatch.setattr(pocketsphinx, "cut", cutting)
    monkeypatch.setattr(pocketsphinx, "_decode", decode)
    heard = PocketSphinx(jobs=1).recognise(audio, truth[3:], "en", quiet=stem)
    assert cut_in == [stem]
    assert heard.words == tuple(word for word in alone if truth[3].overlap(word.span))


def test_pocketsphinx_names_the_language_that_it_does_not_understand() -> None:
    with pytest.raises(MissingError, match="English only, not Spanish"):
        PocketSphinx().check("es")


def test_word_edges_beside_an_edge_of_speech_are_that_edge() -> None:
    said = [Word("ask", Span(1030, 1300)), Word("not", Span(1300, 1560)), Word("what", Span(2500, 2700))]
    snapped = pocketsphinx._snap(said, [Span(1000, 1600), Span(2300, 2900)])
    assert [word.span for word in snapped] == [Span(1000, 1300), Span(1300, 1600), Span(2500, 2700)]


def test_loose_cues_land_on_the_speech(film: tuple[AudioFile, list[Span]]) -> None:
    audio, truth = film
    rng = np.random.default_rng(11)
    speech = vad.detect(audio)
    for _ in range(20):
        shifts = rng.integers(-200, 201, (len(truth), 2))
        cues = [
            Cue(int(span.start + a), int(span.end + b), text)
            for span, (a, b), text in zip(truth, shifts, TEXTS, strict=True)
        ]
        found = segments_from(cues, speech)
        assert [s.text for s in found] == list(TEXTS)
        assert max(abs(s.span.start - span.start) for s, span in zip(found, truth, strict=True)) <= 40
        assert max(abs(s.span.end - span.end) for s, span in zip(found, truth, strict=True)) <= 60


def test_a_cue_over_no_speech_or_inside_long_speech_keeps_its_times() -> None:
    cues = [Cue(1000, 2000, "silence"), Cue(6000, 7000, "in the middle")]
    assert [s.span for s in segments_from(cues, [Span(4000, 9000)])] == [Span(1000, 2000), Span(6000, 7000)]


def test_cues_that_share_speech_never_overlap_after_snapping() -> None:
    rng = np.random.default_rng(3)
    for _ in range(200):
        edges = np.sort(rng.choice(np.arange(0, 20_000, 10), 20, replace=False)).tolist()
        speech = [Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        times = np.sort(rng.choice(np.arange(0, 20_000), 16, replace=False)).tolist()
        cues = [Cue(a, b, "x") for a, b in zip(times[::2], times[1::2], strict=True)]
        found = segments_from(cues, speech)
        assert len(found) == len(cues)
        assert all(a.span.end <= b.span.start for a, b in pairwise(found))
        assert all(s.span.duration > 0 for s in found)


@pytest.mark.parametrize(
    ("cue", "start"), [(1000, 1000), (1015, 1015), (985, 985), (1016, 1000), (984, 1000)]
)
def test_a_cue_keeps_its_own_onset_where_voice_activity_cannot_tell_better(cue: int, start: int) -> None:
    (found,) = segments_from([Cue(cue, 2000, "x")], [Span(1000, 2000)])
    assert found.span == Span(start, 2000)


def test_an_end_is_cut_only_where_the_next_cue_really_begins() -> None:
    cues = [Cue(8234, 10_604, "one"), Cue(10_622, 11_201, "two")]
    found = segments_from(cues, [Span(8300, 10_800), Span(10_900, 11_300)])
    assert [one.span for one in found] == [Span(8300, 10_800), Span(10_900, 11_300)]


def test_cues_that_overlap_do_not_overlap_more_after_snapping() -> None:
    """The speech of two who talk at once is one: its end is not the first one's."""
    cues = [Cue(1000, 4000, "one", "Anna"), Cue(3000, 4200, "two", "Ben")]
    found = segments_from(cues, [Span(980, 4250)])
    assert [one.span for one in found] == [Span(980, 4000), Span(3000, 4250)]
    rng = np.random.default_rng(5)
    for _ in range(200):
        edges = np.sort(rng.choice(np.arange(0, 20_000, 10), 12, replace=False)).tolist()
        speech = [Span(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]
        start, first, second = sorted(rng.integers(0, 20_000, 3).tolist())
        told = [Cue(start, second + 1, "one"), Cue(first + 1, second + 200, "two")]
        before, after = (one.span for one in segments_from(told, speech))
        assert before.overlap(after) <= second - first
        assert before.duration > 0 and after.duration > 0


def test_speakers_ids_order_and_line_breaks() -> None:
    cues = [Cue(3000, 4000, "two\nlines", "Bob"), Cue(0, 900, " one "), Cue(5000, 6000, "  ")]
    found = segments_from(cues, [])
    assert [(s.id, s.text, s.speaker, s.words) for s in found] == [
        ("s1", "one", "", ()),
        ("s2", "two lines", "Bob", ()),
    ]
