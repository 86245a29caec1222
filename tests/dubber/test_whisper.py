"""Whisper behind the recogniser's door, on a tiny model of the released layout, and what guards against it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from align.types import Span, Word
from bench.tiny import whisper as tiny
from dubber.audio import AudioFile
from dubber.errors import MissingError
from dubber.stages.segment import joined, segment
from dubber.stages.transcribe import coverage, guards, spoken
from dubber.stages.transcribe import whisper as room
from dubber.stages.transcribe.channel_talk import is_credit
from dubber.stages.transcribe.chunks import Chunk
from dubber.stages.transcribe.decoded import Decoded
from dubber.stages.transcribe.whisper import Whisper

RATE = 16_000
SPEECH = (
    Span(800, 6300),
    Span(7400, 13_000),
    Span(20_000, 25_500),
    Span(40_000, 45_000),
    Span(60_000, 66_000),
)
"""The last three are chunks of their own, the first two together: what is said in the second is left out there, and is
heard on its own."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model store with one tiny model in the place of the large one."""
    folder = tmp_path_factory.mktemp("models")
    tiny.write(folder / "whisper-large-v3")
    return folder


@pytest.fixture(autouse=True)
def _here(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUBBER_MODELS", str(store))


def sound_of(spans: Sequence[Span], duration: int) -> npt.NDArray[np.float32]:
    """Noise that is loud in `spans`, mono at 16 kHz."""
    rng = np.random.default_rng(5)
    sound = rng.normal(0, 0.1, duration * 16).astype(np.float32)
    loud = np.full(len(sound), 1e-3, np.float32)
    for span in spans:
        loud[span.start * 16 : span.end * 16] = 1.0
    return sound * loud


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> AudioFile:
    path = tmp_path_factory.mktemp("film") / "film.wav"
    soundfile.write(path, sound_of(SPEECH, 70_000), RATE, subtype="FLOAT")
    return AudioFile(path)


@pytest.fixture
def engine() -> Iterator[Whisper]:
    whisper = Whisper(device="cpu", threads=1)
    yield whisper
    whisper.close()


def fresh(folder: Path, monkeypatch: pytest.MonkeyPatch, **choices: Any) -> Whisper:
    """An engine on another tiny model."""
    tiny.write(folder / "whisper-small", **choices)
    monkeypatch.setenv("DUBBER_MODELS", str(folder))
    return Whisper("small", device="cpu", threads=1)


def said(text: str, span: Span, confidence: float = 0.9) -> list[Word]:
    """The words of `text`, equally long over a span."""
    pieces = text.split() if " " in text else list(text)
    times = np.linspace(span.start, span.end, len(pieces) + 1).round().astype(int).tolist()
    return [Word(p, Span(a, b), confidence) for p, a, b in zip(pieces, times, times[1:], strict=False)]


# The engine.


def test_words_are_heard_in_speech_in_order_and_clean(engine: Whisper, film: AudioFile) -> None:
    told: list[float] = []
    heard = engine.recognise(film, SPEECH, "en", told.append)
    assert (heard.language, heard.sure, heard.dropped) == ("en", 1.0, ())
    assert joined(word.text for word in heard.words) == " ".join([tiny.TEXT] * 5)
    assert all(any(s.start <= w.span.start < w.span.end <= s.end for s in SPEECH) for w in heard.words)
    assert all(a.span.end <= b.span.start for a, b in pairwise(heard.words))
    assert all(0.5 < word.confidence <= 1 and word.text == word.text.strip() for word in heard.words)
    starts = [word.span.start for word in heard.words if word.text == "Good"]
    assert [starts[0], *starts[2:]] == [SPEECH[i].start for i in (0, 2, 3, 4)]
    assert heard.unheard == ()
    assert told == sorted(told)
    assert (len(told) > 4, told[-1]) == (True, 1.0)


def test_the_language_is_found_or_stays_what_it_was_told(
    engine: Whisper, film: AudioFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = engine.recognise(film, SPEECH[:1], "und")
    assert found.language == "en"
    assert 0.9 < found.sure <= 1
    assert engine.recognise(film, SPEECH[:1], "en-AU").language == "en-AU"
    javanese = fresh(tmp_path, monkeypatch, language="jw").recognise(film, SPEECH[:1], "und")
    assert javanese.language == "jv"


def test_words_depend_neither_on_the_batch_nor_on_what_else_is_heard(
    film: AudioFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = []
    for batch in (1, 2, 8):
        monkeypatch.setitem(room.BATCH, "cpu", batch)
        results.append(Whisper(device="cpu", threads=1).recognise(film, SPEECH, "en").words)
    assert results[0] == results[1] == results[2]
    alone = Whisper(device="cpu", threads=1).recognise(film, SPEECH[3:4], "en").words
    assert alone == tuple(word for word in results[0] if word.span.overlap(SPEECH[3]))


def test_no_speech_is_no_words_and_no_model(engine: Whisper, film: AudioFile) -> None:
    assert engine.recognise(film, (), "und").words == ()
    assert engine._loaded is None


def test_a_closed_engine_lets_go_and_works_again(engine: Whisper, film: AudioFile) -> None:
    first = engine.recognise(film, SPEECH[:1], "en")
    engine.close()
    assert engine._loaded is None
    assert engine.recognise(film, SPEECH[:1], "en") == first


def test_a_language_that_its_tokenizer_does_not_know_is_named(engine: Whisper) -> None:
    for known in ("en", "en-GB", "nb", "jv", "und"):
        engine.check(known)
    with pytest.raises(MissingError, match="does not know Yoruba"):
        engine.check("yo")


def test_a_missing_model_says_what_brings_it() -> None:
    with pytest.raises(MissingError, match="whisper-medium") as missing:
        Whisper("medium").check("en")
    assert missing.value.hint is not None
    assert "dubber models pull whisper-medium" in missing.value.hint


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctranslate2", None)
    with pytest.raises(MissingError) as missing:
        Whisper().check("en")
    assert "pip install faster-whisper" in str(missing.value.hint)


def test_a_damaged_model_is_an_error_that_names_it(
    store: Path, film: AudioFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(store / "whisper-large-v3", tmp_path / "whisper-large-v3")
    (tmp_path / "whisper-large-v3" / "model.bin").write_bytes(b"no model")
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path))
    with pytest.raises(MissingError, match=r"whisper-large-v3 in .* cannot be loaded"):
        Whisper(device="cpu").recognise(film, SPEECH[:1], "en")


def test_nothing_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys; from dubber.stages.transcribe.whisper import Whisper; Whisper()\n"
        "sys.exit(bool({'ctranslate2', 'faster_whisper', 'tokenizers', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_place_is_chosen_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import ctranslate2

    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 0)
    assert Whisper().runs_on == "cpu, int8"
    with pytest.raises(MissingError, match="no CUDA device"):
        Whisper(device="cuda").check("en")
    with pytest.raises(MissingError, match="cannot compute in int1"):
        Whisper(compute="int1").check("en")
    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: 1)
    monkeypatch.setattr(ctranslate2, "get_supported_compute_types", lambda _: {"float16", "float32", "int8"})
    assert Whisper().runs_on == "cuda, float16"
    assert Whisper(device="cpu", compute="float32").runs_on == "cpu, float32"


def test_the_digest_names_model_and_choices_and_not_the_machine(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Whisper(device="cpu").digest()
    assert usual == Whisper(device="cpu", threads=3).digest() == Whisper(device="auto").digest()
    seen = {usual, Whisper(device="cpu", beam=1).digest(), Whisper(device="cpu", hotwords="Zoë").digest()}
    seen.add(Whisper(device="cpu", compute="float32").digest())
    shutil.copytree(store / "whisper-large-v3", tmp_path / "whisper-large-v3")
    monkeypatch.setenv("DUBBER_MODELS", str(tmp_path))
    assert Whisper(device="cpu").digest() == usual
    (tmp_path / "whisper-large-v3" / "config.json").write_text("{}")
    seen.add(Whisper(device="cpu").digest())
    assert len(seen) == 5


def shorten_memory(monkeypatch: pytest.MonkeyPatch, room_for: int) -> list[int]:
    """Lets decoding fail for more than so many chunks at once; returns what was tried."""
    from faster_whisper import BatchedInferencePipeline

    real, tried = BatchedInferencePipeline.transcribe, list[int]()

    def transcribe(self: Any, *args: Any, **options: Any) -> Any:
        tried.append(options["batch_size"])
        if options["batch_size"] > room_for:
            raise RuntimeError("CUDA failed with error out of memory")
        return real(self, *args, **options)

    monkeypatch.setattr(BatchedInferencePipeline, "transcribe", transcribe)
    return tried


def test_out_of_memory_halves_the_batch_and_gives_the_same_words(
    engine: Whisper, film: AudioFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = engine.recognise(film, SPEECH, "en")
    monkeypatch.setitem(room.BATCH, "cpu", 4)
    tried = shorten_memory(monkeypatch, 1)
    assert Whisper(device="cpu", threads=1).recognise(film, SPEECH, "en") == whole
    assert tried == [4, 2, 1, 1, 1, 1, 1]


def test_no_memory_for_a_single_chunk_is_an_error_with_a_way_out(
    engine: Whisper, film: AudioFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_memory(monkeypatch, 0)
    with pytest.raises(MissingError, match="does not fit into the memory") as short:
        engine.recognise(film, SPEECH, "en")
    assert "smaller model" in str(short.value.hint)


def test_names_and_terms_reach_the_decoder(film: AudioFile, monkeypatch: pytest.MonkeyPatch) -> None:
    from faster_whisper import WhisperModel

    real, prompts = WhisperModel.get_prompt, list[str | None]()

    def prompt(self: Any, *args: Any, hotwords: str | None = None, **options: Any) -> Any:
        prompts.append(hotwords)
        return real(self, *args, hotwords=hotwords, **options)

    monkeypatch.setattr(WhisperModel, "get_prompt", prompt)
    heard = Whisper(device="cpu", threads=1, hotwords=" Good harbour ").recognise(film, SPEECH[:1], "en")
    assert prompts == ["Good harbour"]
    assert heard.words


def test_a_decoder_that_is_stuck_is_heard_again_and_what_stays_is_said_once(
    film: AudioFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "come along now and look"
    engine = fresh(tmp_path, monkeypatch, text=text, endless=True)
    chunks = room.cut(film, SPEECH[:1], longest=29_000, join=0, pad=0)
    first = engine._decode(film, chunks, "en")
    assert guards.is_loop(first[0].words, SPEECH[:1])
    again = engine._decode(film, chunks, "en", **room.SECOND_HEARING)
    assert not guards.is_loop(again[0].words, SPEECH[:1])
    monkeypatch.setattr(room, "SECOND_HEARING", {})
    heard = engine.recognise(film, SPEECH[:1], "en")
    assert joined(word.text for word in heard.words) == text
    assert [one.why for one in heard.dropped] == ["loop"]


def test_japanese_comes_without_spaces_and_its_marks_stay_with_the_words(
    film: AudioFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "今日は良い天気です。"
    engine = fresh(tmp_path, monkeypatch, text=text, language="ja")
    heard = engine.recognise(film, [Span(800, 3800)], "und")
    assert heard.language == "ja"
    assert joined(word.text for word in heard.words) == text
    assert heard.words[-1].text == "す。"
    assert [one.text for one in segment(heard.words, language="ja")] == [text]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ru", "Кто-то уже пришёл."),
        ("uk", "Тут п'ять років, не менше."),
        ("fr", "Elle va là-bas demain !"),
        ("en", "Your e-mail came."),
        ("ja", "価格は3.5円です。"),
    ],
)
def test_words_with_marks_inside_stay_whole(
    film: AudioFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str, text: str
) -> None:
    heard = fresh(tmp_path, monkeypatch, text=text, language=language).recognise(
        film, [Span(800, 800 + 300 * 8)], language
    )
    assert joined(word.text for word in heard.words) == text


def test_speech_that_is_left_out_is_heard_on_its_own_and_what_remains_is_told(
    film: AudioFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = fresh(tmp_path, monkeypatch, text="Quick, run!").recognise(film, [Span(60_000, 66_000)], "en")
    assert [word.text for word in heard.words] == ["Quick,", "run!"] * 2
    first, second = heard.words[1].span, heard.words[2].span
    assert 60_000 < first.end < second.start < 63_000
    assert [Span(63_000, 66_000).overlap(span) for span in heard.unheard] == [pytest.approx(3000, abs=700)]
    assert heard.dropped == ()


def test_what_is_doubted_on_its_own_is_not_taken_for_left_out_speech(
    film: AudioFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = fresh(tmp_path, monkeypatch, text="Quick, run!", certain=tiny.DOUBTING)
    heard = engine.recognise(film, [Span(60_000, 66_000)], "en")
    assert [word.text for word in heard.words] == ["Quick,", "run!"]
    assert all(word.confidence < room.SURE_AGAIN for word in heard.words)
    assert [span.end for span in heard.unheard] == [66_000]
    assert 60_000 < heard.unheard[0].start < 62_500


def test_a_chunk_is_heard_with_silence_after_it_as_in_training(
    engine: Whisper, film: AudioFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    from faster_whisper import WhisperModel

    real, seen = WhisperModel.encode, list[npt.NDArray[np.float32]]()

    def encode(self: Any, features: npt.NDArray[np.float32]) -> Any:
        seen.append(np.atleast_3d(features) if features.ndim == 3 else features[None])
        return real(self, features)

    monkeypatch.setattr(WhisperModel, "encode", encode)
    engine.recognise(film, SPEECH[3:4], "und")
    assert len(seen) == 2  # for the language, and for the words
    for features in seen:
        assert features.shape == (1, tiny.MELS, 3000)
        assert np.all(features[..., 700:] == features.min())  # no sound is less than silence


def test_pauses_and_edges_are_sought_where_it_is_quiet(
    engine: Whisper, film: AudioFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    stem, asked = AudioFile(film.path), list[AudioFile]()
    real_cut, real_snap = room.cut, room.edges.snap
    monkeypatch.setattr(
        room, "cut", lambda audio, *args, **more: (asked.append(audio), real_cut(audio, *args, **more))[1]
    )
    monkeypatch.setattr(
        room.edges, "snap", lambda audio, *args: (asked.append(audio), real_snap(audio, *args))[1]
    )
    loud = AudioFile(film.path)
    with_stem = engine.recognise(loud, SPEECH, "en", quiet=stem)
    assert asked == [stem, stem]
    assert engine.recognise(loud, SPEECH, "en") == with_stem
    assert asked[2:] == [loud, loud]


def test_a_sure_line_that_voice_activity_missed_is_speech_too(engine: Whisper, film: AudioFile) -> None:
    missed = [Span(40_000, 41_200), Span(44_000, 45_000)]
    heard = engine.recognise(film, missed, "en")
    assert joined(word.text for word in heard.words) == tiny.TEXT
    outside = [word for word in heard.words if not any(word.span.overlap(span) for span in missed)]
    assert len(outside) >= 6
    assert all(word.span.duration >= 150 for word in outside)


def test_only_the_processors_that_it_may_use_compute(
    engine: Whisper, film: AudioFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    import faster_whisper

    real, threads = faster_whisper.WhisperModel, list[int]()

    def model(*args: Any, cpu_threads: int, **more: Any) -> Any:
        threads.append(cpu_threads)
        return real(*args, cpu_threads=1, **more)

    monkeypatch.setattr(faster_whisper, "WhisperModel", model)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    Whisper(device="cpu").recognise(film, SPEECH[:1], "en")
    assert threads == [3]


class Endless(AudioFile):
    """A film as long as one likes that is never on a disk; remembers the longest stretch that was read."""

    def __init__(self, minutes: int) -> None:
        super().__init__(Path("endless.wav"))
        self._length, self.longest = minutes * 60 * RATE, 0

    @property
    def frames(self) -> int:
        return self._length

    @property
    def channels(self) -> int:
        return 1

    @property
    def rate(self) -> int:
        return RATE

    def read(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        self.longest = max(self.longest, stop - start)
        return np.sin(np.arange(start, stop, dtype=np.float32))[:, None] * np.float32(0.1)


def test_memory_does_not_grow_with_the_film(engine: Whisper) -> None:
    engine.recognise(Endless(1), [Span(1000, 30_000)], "en")  # all that is loaded once
    peaks = []
    for minutes in (2, 6):
        audio = Endless(minutes)
        speech = [Span(start, start + 27_000) for start in range(1000, minutes * 60_000 - 30_000, 30_000)]
        tracemalloc.start()
        heard = engine.recognise(audio, speech, "en")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(heard.words) == 2 * 15 * len(speech)  # the second time, what the first left out
        assert len(heard.unheard) == len(speech)
        assert audio.longest <= 61 * RATE
    assert peaks[1] < 1.1 * peaks[0] + 1_000_000


# The language.


def test_most_of_the_film_decides_its_language() -> None:
    votes = [(30_000.0, {"de": 0.9, "en": 0.1}), (5_000.0, {"en": 1.0}), (20_000.0, {"de": 0.6, "nl": 0.4})]
    code, sure = spoken.vote(votes)
    assert code == "de"
    assert sure == pytest.approx((30 * 0.9 + 20 * 0.6) / 55)
    assert spoken.vote([(1.0, {"no": 0.5, "da": 0.5})])[0] == "da"


def test_language_is_sought_all_over_the_film() -> None:
    chunks = [
        Chunk(Span(a, a + 1000 * (1 + i % 3)), Span(a, a)) for i, a in enumerate(range(0, 400_000, 4000))
    ]
    picked = spoken.spread(chunks)
    assert len(picked) == spoken.SAMPLED
    assert all(chunk.span.duration == 3000 for chunk in picked)
    starts = [chunk.span.start for chunk in picked]
    assert starts == sorted(starts)
    assert max(b - a for a, b in pairwise([0, *starts, 400_000])) < 2 * 400_000 / spoken.SAMPLED
    assert spoken.spread(chunks[:1]) == chunks[:1]


# The guards, one by one.


def test_doubted_words_where_nobody_is_heard_are_left_out_and_sure_ones_stay() -> None:
    speech = [Span(1000, 2000), Span(9000, 9500)]
    words = [
        Word("here", Span(1500, 1700)),
        Word("late", Span(2500, 2600), 0.2),
        Word("ghost", Span(5000, 5400), 0.3),
        Word("Now.", Span(7000, 7400), 0.9),
        Word("Timeless", Span(8200, 8200), 0.9),
    ]
    kept, dropped = guards.unheard(words, speech)
    assert [word.text for word in kept] == ["here", "late", "Now."]
    assert [(one.text, one.span, one.why) for one in dropped] == [
        ("ghost", Span(5000, 5400), "no speech"),
        ("Timeless", Span(8200, 8200), "no speech"),
    ]


def test_a_line_that_music_drowned_stays_where_it_was_heard_plainly() -> None:
    speech = [Span(0, 500), Span(10_900, 11_300), Span(20_000, 20_800)]
    line = said("Get out of here right now!", Span(10_000, 11_600), 0.97)
    words = [*said("Before then.", Span(0, 500)), *line, *said("After that.", Span(20_000, 20_800))]
    assert guards.sift_film(words, speech) == (words, [])
    found = coverage.with_missed(words, speech)
    assert found[1] == Span(10_000, 11_300)  # "Get out of" and what was found, as one
    assert [found[0], *found[2:]] == [speech[0], speech[2]]


def test_missed_speech_is_only_what_no_speech_nearby_can_be() -> None:
    speech = [Span(1000, 3000), Span(4400, 6000)]
    spoken_ = [*said("We should go now.", speech[0]), *said("I will not go.", speech[1])]
    whisper = said("Come here.", Span(3350, 3900))
    words = sorted([*spoken_, *whisper], key=lambda word: word.span)
    assert coverage.with_missed(words, speech) == (speech[0], Span(3350, 3900), speech[1])
    doubted = sorted([*spoken_, *said("Come here.", Span(3350, 3900), 0.5)], key=lambda word: word.span)
    assert coverage.with_missed(doubted, speech) == tuple(speech)
    late = [*spoken_[:4], *said("Yes, I will.", Span(3500, 4300))]  # the second span is its own
    assert coverage.with_missed(late, speech) == tuple(speech)
    last = [*said("We should go", speech[0]), Word("now.", Span(3200, 3500)), *spoken_[4:]]
    assert coverage.with_missed(last, speech) == tuple(speech)  # one word of a line is only late
    assert coverage.with_missed([], speech) == tuple(speech)


def test_speech_without_words_is_found_between_them_and_not_in_their_margins() -> None:
    speech = [Span(0, 4000), Span(4300, 6000), Span(9000, 9900), Span(10_300, 11_000), Span(20_000, 21_400)]
    taken = [Span(200, 700), Span(5500, 5900)]
    assert coverage.wordless(taken, speech) == [Span(1000, 5200), Span(9000, 11_000)]
    assert coverage.wordless([*taken, Span(2500, 2600), Span(9950, 10_250)], speech) == [Span(2900, 5200)]
    assert coverage.wordless([Span(0, 21_400)], speech) == []
    assert coverage.wordless([], speech[:1]) == [speech[0]]
    assert coverage.wordless(taken, []) == []


STUCK = "Well, I know. " + "I don't know what to do. " * 20 + "Goodbye then."


def test_a_loop_is_said_once_and_what_comes_after_it_stays() -> None:
    words = said(STUCK, Span(0, 10_000))
    kept, dropped = guards.loops(words, [Span(0, 10_000)])
    assert joined(word.text for word in kept) == "Well, I know. I don't know what to do. Goodbye then."
    assert [(one.why, one.text.count("what")) for one in dropped] == [("loop", 19)]
    spread = said(STUCK, Span(0, 60_000))
    assert guards.loops(spread, [Span(0, 60_000)]) == (spread, [])
    assert len(guards.loops(spread, [Span(0, 3000)])[0]) == 11  # over silence


def test_a_decoder_that_ran_on_after_real_shouts_is_stuck() -> None:
    shouts = [Word("No!", Span(i * 500, i * 500 + 400), 0.95) for i in range(6)]
    piled = [Word("No!", Span(2900, 2900), 0.95) for _ in range(30)]
    assert guards.loops(shouts, [Span(0, 3000)]) == (shouts, [])
    assert guards.loops([*shouts, *piled], [Span(0, 3000)])[0] == shouts[:1]


def test_a_doubted_loop_ends_a_chunk() -> None:
    text = "Where are we. " + "I love you, " * 6
    doubted = said(text, Span(0, 12_000), 0.3)
    assert (
        joined(word.text for word in guards.loops(doubted, [Span(0, 12_000)])[0])
        == "Where are we. I love you,"
    )
    going_on = [*doubted, *said("And so on.", Span(12_000, 13_000))]
    assert guards.loops(going_on, [Span(0, 13_000)]) == (going_on, [])


def test_a_loop_of_characters_is_found_too() -> None:
    kept, _ = guards.loops(said("そうです。" + "ありがとう" * 30, Span(0, 10_000)), [Span(0, 10_000)])
    assert joined(word.text for word in kept) == "そうです。ありがとう"
    quickly = said("ありがとう" * 6, Span(0, 3600))  # eight morae a second
    assert guards.loops(quickly, [Span(0, 3600)]) == (quickly, [])


@pytest.mark.parametrize(
    ("text", "each_ms", "confidence"),
    [
        ("No, no, no, no, no!", 400, 0.3),
        ("Ha ha ha ha ha.", 300, 0.3),
        ("Go, go, go, go! Go on. Go on.", 300, 0.3),
        ("Wait. Wait. Wait.", 900, 0.3),
        ("Mom! " * 8, 500, 0.9),
        ("Push! " * 12, 900, 0.98),
        ("I love you, " * 5, 600, 0.98),
        ("Fight! " * 20, 450, 0.9),
        ("We want more! " * 9, 250, 0.8),
        ("Ha " * 30, 200, 0.7),
    ],
)
def test_people_repeat_themselves(text: str, each_ms: int, confidence: float) -> None:
    length = each_ms * len(text.split())
    words = said(text, Span(0, length), confidence)
    assert guards.loops(words, [Span(0, length)]) == (words, [])


def test_of_a_second_hearing_only_what_comes_after_the_loop_is_taken() -> None:
    speech = [Span(0, 12_000)]
    once = said("Well, I never said that.", Span(0, 2500))
    stuck = Decoded((*once, *said("So it goes. " * 20, Span(2500, 6000))), 0.1, 0.8)
    other = said("Where I never bled fat.", Span(0, 2500))
    rest = said("so it was. We left early.", Span(3500, 9000))
    heard = guards.resumed(stuck, Decoded((*other, *rest), 0.1, 0.7), speech)
    assert (
        joined(word.text for word in heard.words)
        == "Well, I never said that. So it goes. so it was. We left early."
    )
    assert guards.resumed(stuck, stuck, speech) == stuck


def test_hotwords_at_the_end_of_a_chunk_that_nobody_said_are_left_out() -> None:
    hotwords = "Zoë, Daenerys Targaryen, Khaleesi"
    line = said("We leave at dawn.", Span(0, 1500))
    for echo in ("Daenerys, Targaryen, Khaleesi", "Zoë, Daenerys Targaryen, Khaleesi."):
        for words in (said(echo, Span(1500, 1700), 0.6), said(echo, Span(1500, 4000), 0.4)):
            kept, dropped = guards.echo([*line, *words], hotwords)
            assert (kept, [one.why for one in dropped]) == (line, ["hotwords"])
    for real in (
        said("Daenerys Targaryen, Khaleesi!", Span(1500, 4000), 0.8),
        said("Daenerys Targaryen!", Span(1500, 2500), 0.3),
        said("Targaryen, Daenerys, Khaleesi!", Span(1500, 4000), 0.3),
        said("Zoë, Daenerys Targaryen, Khaleesi, run!", Span(1500, 4000), 0.3),
    ):
        assert guards.echo([*line, *real], hotwords) == ([*line, *real], [])
    assert guards.echo(line, "") == (line, [])
    heard = Decoded((*line, *said("Daenerys, Targaryen, Khaleesi", Span(1500, 1700), 0.6)), 0.1, 0.8)
    assert guards.sift_chunk(heard, [Span(0, 2000)], hotwords)[0] == line


CREDITS = (
    "Thanks for watching!",
    "Thank you for watching.",
    "Please subscribe to my channel.",
    "Subtitles by the Amara.org community",
    "Untertitel der Amara.org-Community",
    "Untertitelung des ZDF, 2020",
    "Sous-titrage Société Radio-Canada",
    "Sous-titres réalisés para la communauté d'Amara.org",
    "Subtítulos realizados por la comunidad de Amara.org",
    "¡Suscríbete al canal!",
    "Legendas pela comunidade Amara.org",
    "Sottotitoli creati dalla comunità Amara.org",
    "Ondertiteld door de Amara.org gemeenschap",
    "Napisy stworzone przez społeczność Amara.org",
    "Продолжение следует...",
    "Субтитры сделал DimaTorzok",
    "Редактор субтитров А.Семкин Корректор А.Егорова",
    "Titulky vytvořil JohnyX",
    "Altyazı M.K.",
    "Υπότιτλοι AUTHORWAVE",
    "اشتركوا في القناة",
    "ご視聴ありがとうございました",
    "チャンネル登録をお願いします",
    "字幕由Amara.org社区提供",
    "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
    "시청해 주셔서 감사합니다.",
    "Tack för att ni tittade!",
    "Hãy subscribe cho kênh Ghiền Mì Gõ",
)


@pytest.mark.parametrize("text", CREDITS)
def test_credits_that_are_doubted_are_left_out_and_plainly_spoken_ones_stay(text: str) -> None:
    speech = [Span(0, 20_000), Span(30_000, 60_000)]
    plain = [
        *said("We go home.", Span(0, 1000)),
        *said(text, Span(2000, 8000)),
        *said("Yes.", Span(40_000, 40_400)),
    ]
    assert guards.credit_lines(plain, speech) == (plain, [])
    doubted = [*plain[:3], *said(text, Span(2000, 8000), 0.3), plain[-1]]
    kept, dropped = guards.credit_lines(doubted, speech)
    assert kept == [*plain[:3], plain[-1]]
    assert {one.why for one in dropped} == {"credits"}


def test_credits_over_hardly_any_sound_or_the_last_of_it_are_doubted_more() -> None:
    line = said("Thanks for watching!", Span(2000, 4000), 0.95)
    assert guards.credit_lines(line, [Span(2000, 2300), Span(9000, 9500)])[0] == []
    ending = said("Thanks for watching!", Span(2000, 4000), 0.55)
    assert guards.credit_lines(ending, [Span(1900, 4000)])[0] == []
    assert guards.credit_lines(ending, [Span(1900, 4000), Span(60_000, 70_000)])[0] == ending
    assert guards.credit_lines(line, [Span(1900, 4000)])[0] == line


@pytest.mark.parametrize(
    ("text", "lasts_ms"),
    [
        ("Thanks for watching!", 780),
        ("Thank you for watching.", 900),
        ("Subscribe now!", 500),
        ("Altyazı M.K.", 600),
    ],
)
def test_what_sounds_like_a_credit_and_is_said_at_a_real_pace_stays_unless_it_is_doubted(
    text: str, lasts_ms: int
) -> None:
    at = Span(10_000, 10_000 + lasts_ms)
    for speech in ([at, Span(20_000, 21_000)], [Span(0, 900), at]):
        sure = said(text, at, 0.97)
        assert guards.sift_film(sure, speech) == (sure, [])
        doubted = said(text, at, 0.4)
        assert [one.why for one in guards.sift_film(doubted, speech)[1]] == ["credits"]
    brief = [Span(10_000, 10_200), Span(20_000, 21_000)]
    assert guards.sift_film(said(text, at, 0.97), brief)[0] == []


@pytest.mark.parametrize(
    "text",
    [
        "Thank you.",
        "Thanks for watching the children last night.",
        "He subscribed to nothing.",
        "The title by itself means little.",
        "Merci d'être venus.",
        "Titel hat er keinen.",
        "Спасибо.",
        "ありがとうございました",
        "Wir sehen uns morgen.",
    ],
)
def test_what_people_say_is_no_credit(text: str) -> None:
    assert not is_credit(text)


def test_a_line_that_nobody_could_say_in_time_is_left_out() -> None:
    line = said("The quick brown fox jumps over the lazy dog tonight.", Span(5000, 5300))
    kept, dropped = guards.too_fast(line, [Span(5000, 5300)])
    assert (kept, [one.why for one in dropped]) == ([], ["impossible rate"])
    assert guards.too_fast(line, [Span(4000, 7000)])[0] != []  # badly timed, but there is room
    hurried = said("The quick brown fox jumps over the lazy dog tonight.", Span(5000, 7000))
    assert guards.too_fast(hurried, [Span(5000, 7000)]) == (hurried, [])
    short = said("Yes, please.", Span(100, 180))
    assert guards.too_fast(short, [Span(0, 400)])[0] == short


def test_a_pile_of_doubted_words_without_length_is_left_out_and_a_single_one_stays() -> None:
    pile = [Word(text, Span(3000, 3000), 0.2) for text in ("and", "so", "on")]
    first, last = Word("Right", Span(1000, 1400)), Word("now.", Span(3000, 3000), 0.2)
    kept, dropped = guards.without_length([first, *pile])
    assert (kept, [one.text for one in dropped]) == ([first], ["and so on"])
    assert guards.without_length([first, last])[0] == [first, last]
    sure = [Word(word.text, word.span, 0.9) for word in pile]
    assert guards.without_length(sure)[0] == sure


def test_a_line_that_is_heard_plainly_stays_wherever_voice_activity_found_little_speech() -> None:
    line = said("Put the gun down and come out slowly.", Span(5000, 7600), 0.95)
    assert guards.too_fast(line, [Span(5000, 5400), Span(9000, 9500)]) == (line, [])
    doubted = said("Put the gun down and come out slowly.", Span(5000, 7600), 0.4)
    assert guards.too_fast(doubted, [Span(5000, 5400), Span(9000, 9500)])[0] == []


def test_a_chunk_that_the_model_itself_takes_for_silence_keeps_what_it_is_sure_of() -> None:
    speech = [Span(0, 30_000)]
    words = tuple(said("Some words here.", Span(0, 2000), 0.2))
    assert guards.sift_chunk(Decoded(words, 0.9, 0.2), speech)[0] == []
    assert guards.sift_chunk(Decoded(words, 0.9, 0.6), speech)[0] == list(words)
    assert guards.sift_chunk(Decoded(words, 0.2, 0.2), speech)[0] == list(words)
    plain = tuple(said("Where is she?", Span(8000, 9000), 0.8))
    kept, dropped = guards.sift_chunk(Decoded((*words, *plain), 0.9, 0.3), speech)
    assert (kept, [one.why for one in dropped]) == (list(plain), ["no speech"])


def test_what_is_only_doubtful_is_kept_with_its_confidence() -> None:
    words = said("I could not quite hear that.", Span(0, 3000), 0.05)
    assert guards.sift_film(words, [Span(0, 3000)]) == (words, [])


def test_no_words_pass_all_guards() -> None:
    assert guards.sift_film([], [Span(0, 1000)]) == ([], [])
    assert guards.sift_chunk(Decoded((), 0.0, 1.0), [Span(0, 1000)]) == ([], [])
