"""Behind the door: batches that change nothing, lengths that are exact, failures that are told. On a tiny release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sounds import buzz

from tts.door import DOUBT, OUTPUT_RATE, Emotion, Engine, Judge, Reference, SpeechRequest, Take, Voice, result
from tts.errors import (
    BadReference,
    EngineMissing,
    LanguageNotSpoken,
    NothingToSay,
    OutOfMemory,
    SpeakingFailed,
    VoiceError,
)
from tts.indextts2 import clock as timing
from tts.indextts2 import synthesis
from tts.indextts2.clock import Clock
from tts.indextts2.engine import NAME, REVISION, IndexTTS2
from tts.indextts2.flow import Flow, FlowJob
from tts.indextts2.gpt import Gpt
from tts.indextts2.job import Decoded, Job
from tts.indextts2.release import Placement, Release
from tts.indextts2.sampling import Sampling
from tts.indextts2.synthesis import Options
from tts.indextts2.voices import Speaker

RATE = 24_000
QUICK = Options(steps=2, rows=4)
FLOAT_NOISE = 2e-3
"""Of a full-scale sample: what other matrix shapes in a batch of another size leave in samples at most."""


def recording(f0: float, seconds: float = 1.5) -> Reference:
    return Reference(buzz(f0, seconds, noise_db=20, rate=RATE), RATE)


@pytest.fixture(scope="module")
def engine(release: Release) -> IndexTTS2:
    return IndexTTS2(release, options=QUICK)


@pytest.fixture(scope="module")
def voices(engine: IndexTTS2) -> list[Voice]:
    return [engine.voice(recording(f0)) for f0 in (110.0, 220.0)]


@pytest.fixture(scope="module")
def requests(engine: IndexTTS2, voices: list[Voice]) -> list[SpeechRequest]:
    """Sixteen: two voices, three kinds of emotion, natural and with targets."""
    emotions: list[Emotion | None] = [
        None,
        engine.emotion(recording(330.0), strength=0.6),
        engine.emotion((0.0, 0.4, 0.0, 0.0, 0.0, 0.0, 0.2, 0.0)),
    ]
    texts = ("Good morning.", "Who is there? Nobody answered.", "早上好。", "Wait!")
    return [
        SpeechRequest(
            texts[number % 4],
            "zh" if number % 4 == 2 else "en",
            voices[number % 2],
            emotions[number % 3],
            target=None if number % 5 == 0 else 20_000 + 1_111 * number,
            seed=number,
        )
        for number in range(16)
    ]


def takes(outcomes: Sequence[Take | VoiceError]) -> list[Take]:
    return [result(outcome) for outcome in outcomes]


def same(a: Take, b: Take) -> bool:
    return (
        a.notes == b.notes
        and a.natural == b.natural
        and len(a.samples) == len(b.samples)
        and float(np.abs(a.samples - b.samples).max()) < FLOAT_NOISE
    )


def one(engine: IndexTTS2, request: SpeechRequest) -> Take:
    return takes(engine.speak([request]))[0]


def test_it_is_an_engine_and_a_judge(engine: IndexTTS2) -> None:
    as_engine: Engine = engine
    as_judge: Judge = engine
    assert as_engine.name == NAME
    assert as_engine.usual_voice is None
    assert as_engine.batch >= 1
    assert as_judge is engine


def test_a_request_depends_on_its_seed_alone_whatever_its_neighbours(
    engine: IndexTTS2, requests: list[SpeechRequest]
) -> None:
    together = takes(engine.speak(requests))
    backwards = takes(engine.speak(requests[::-1]))[::-1]
    threes = [take for i in range(0, 15, 3) for take in takes(engine.speak(requests[i : i + 3]))]
    alone = [one(engine, request) for request in requests[:4]]
    assert all(same(a, b) for a, b in zip(together, backwards, strict=True))
    assert all(same(a, b) for a, b in zip(together[:15], threes, strict=True))
    assert all(same(a, b) for a, b in zip(together[:4], alone, strict=True))


def test_another_seed_speaks_otherwise_and_the_same_seed_the_same(
    engine: IndexTTS2, requests: list[SpeechRequest]
) -> None:
    request = requests[1]
    first, again, other = takes(engine.speak([request, request, replace(request, seed=99)]))
    assert same(first, again)
    assert not same(first, other)


def test_rows_decoded_at_once_change_nothing(release: Release, requests: list[SpeechRequest]) -> None:
    spoken = [
        takes(IndexTTS2(release, options=replace(QUICK, rows=rows)).speak(requests[:6])) for rows in (1, 6)
    ]
    assert all(same(a, b) for a, b in zip(*spoken, strict=True))


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.0, 1.37, 2.0])
def test_a_take_has_exactly_the_samples_asked_for(
    engine: IndexTTS2, requests: list[SpeechRequest], factor: float
) -> None:
    natural = engine.measure(requests[:4])
    asked = [
        replace(request, target=round(factor * result(length)))
        for request, length in zip(requests, natural, strict=False)
    ]
    for request, take in zip(asked, takes(engine.speak(asked)), strict=True):
        assert len(take.samples) == take.target == request.target
        assert take.samples.dtype == np.float32
        assert float(np.abs(take.samples).max()) <= 1.0
        frames = timing.frames_to_fill(request.target or 0)
        assert take.notes["target_frames"] == frames
        assert take.notes["factor"] == pytest.approx(float(take.notes["natural_frames"]) / frames, abs=1e-4)
        assert int(take.notes["least"]) <= int(take.notes["tokens"]) <= int(take.notes["most"])
        assert take.notes["ended"] in {"stop", "bound"}


def test_what_is_measured_is_what_is_spoken_without_a_target(
    engine: IndexTTS2, requests: list[SpeechRequest]
) -> None:
    natural = [replace(request, target=None) for request in requests[:5]]
    spoken = takes(engine.speak(natural))
    assert engine.measure(requests[:5]) == [len(take.samples) for take in spoken]
    assert [take.natural for take in spoken] == [len(take.samples) for take in spoken]
    assert all(take.notes["factor"] == 1.0 for take in spoken)


class TestClock:
    """The three mechanisms, each alone."""

    TARGET = 60_000

    def spoken(self, release: Release, request: SpeechRequest, clock: Clock) -> Take:
        return one(IndexTTS2(release, clock=clock, options=QUICK), request)

    def request(self, requests: list[SpeechRequest]) -> SpeechRequest:
        return replace(requests[1], target=self.TARGET)

    def test_the_count_alone_changes_what_is_said_and_nothing_else(
        self, release: Release, requests: list[SpeechRequest]
    ) -> None:
        off = self.spoken(
            release, self.request(requests), Clock(condition=False, window=None, regulate=False)
        )
        on = self.spoken(release, self.request(requests), Clock(condition=True, window=None, regulate=False))
        assert off.notes["most"] == on.notes["most"] == release.gpt.config.max_codes
        assert not same(off, on)
        assert len(on.samples) == self.TARGET

    @pytest.mark.parametrize("window", [0.0, 0.1])
    def test_the_window_alone_keeps_the_count_of_tokens(
        self, release: Release, requests: list[SpeechRequest], window: float
    ) -> None:
        clock = Clock(condition=False, window=window, regulate=False)
        take = self.spoken(release, self.request(requests), clock)
        wanted = release.pace.tokens(timing.frames_to_fill(self.TARGET))
        assert abs(int(take.notes["tokens"]) - wanted) <= window * wanted + 1
        assert len(take.samples) == self.TARGET

    def test_the_regulator_alone_fills_the_frames_with_whatever_was_said(
        self, release: Release, requests: list[SpeechRequest]
    ) -> None:
        clock = Clock(condition=False, window=None, regulate=True)
        long, short = (
            self.spoken(release, replace(self.request(requests), target=target), clock)
            for target in (self.TARGET, self.TARGET // 2)
        )
        assert long.notes["tokens"] == short.notes["tokens"]
        assert [len(long.samples), len(short.samples)] == [self.TARGET, self.TARGET // 2]
        assert float(np.abs(long.samples[-4_000:]).max()) > 0  # filled to the end, not with silence

    def test_without_any_the_take_is_cut_or_ends_in_silence(
        self, release: Release, requests: list[SpeechRequest]
    ) -> None:
        clock = Clock(condition=False, window=None, regulate=False)
        longer, shorter = (
            self.spoken(release, replace(requests[1], target=target), clock) for target in (300_000, 9_600)
        )
        spoken = longer.natural
        assert 9_600 < spoken < 300_000
        assert not longer.samples[spoken + 100 :].any()
        assert longer.samples[spoken - 2_000 : spoken].any()
        assert np.allclose(shorter.samples[:9_000], longer.samples[:9_000], atol=FLOAT_NOISE)


def test_a_long_text_is_spoken_in_parts_that_share_the_target(engine: IndexTTS2, voices: list[Voice]) -> None:
    text = "The driver opened a heavy wooden door, and then it rained. " * 6
    take = one(engine, SpeechRequest(text, "en", voices[0], target=300_000))
    assert int(take.notes["pieces"]) > 1
    assert len(take.samples) == 300_000


def test_a_text_of_more_parts_than_frames_is_told(engine: IndexTTS2, voices: list[Voice]) -> None:
    text = "The driver opened a heavy wooden door, and then it rained. " * 6
    (outcome,) = engine.speak([SpeechRequest(text, "en", voices[0], target=100)])
    assert isinstance(outcome, SpeakingFailed)


def test_bad_requests_cost_the_others_nothing(engine: IndexTTS2, voices: list[Voice]) -> None:
    texts = [("Hello.", "en"), ("", "en"), ("...", "en"), ("Hola.", "es"), ("Good bye.", "en-GB")]
    requests = [SpeechRequest(text, tag, voices[0], None, 24_000, 5) for text, tag in texts]
    outcomes = engine.speak(requests)
    kinds = [Take, NothingToSay, NothingToSay, LanguageNotSpoken, Take]
    assert [type(outcome) for outcome in outcomes] == kinds
    assert same(result(outcomes[4]), one(engine, requests[4]))
    assert [type(length) for length in engine.measure(requests)] == [int, *kinds[1:4], int]


def test_what_the_tokeniser_does_not_know_is_counted(engine: IndexTTS2, voices: list[Voice]) -> None:
    plain = one(engine, SpeechRequest("Hello.", "en", voices[0], None, 24_000))
    mixed = one(engine, SpeechRequest("Hello. Привет.", "en", voices[0], None, 24_000))
    assert "unread" not in plain.notes
    assert int(mixed.notes["unread"]) > 0


def test_nothing_is_spoken_of_nothing(engine: IndexTTS2) -> None:
    assert engine.speak([]) == []
    assert engine.measure([]) == []


@pytest.fixture
def endless(engine: IndexTTS2) -> Iterator[IndexTTS2]:
    """An engine whose model never wants to stop."""
    head, stop = engine.release.gpt.mel_head, engine.release.gpt.config.stop
    usual = head.bias[stop].clone()
    head.bias[stop] = -1e4
    yield engine
    head.bias[stop] = usual


def test_a_line_that_never_ends_is_bounded_tried_again_and_marked(
    endless: IndexTTS2, voices: list[Voice]
) -> None:
    take = one(endless, SpeechRequest("Hello.", "en", voices[0]))
    assert take.notes[DOUBT] == "the speech did not come to an end"
    assert take.notes["attempts"] == 1 + synthesis.RETRIES
    assert int(take.notes["tokens"]) <= release_limit(endless)
    kept = one(endless, SpeechRequest("Hello.", "en", voices[0], target=48_000))
    assert kept.notes["ended"] == "bound"
    assert kept.notes[DOUBT] == "the speech was cut off at its longest"
    assert len(kept.samples) == 48_000


def release_limit(engine: IndexTTS2) -> int:
    return min(engine.options.most, engine.release.gpt.config.max_codes)


def exhausted(limit: int, whole: type[Exception] = torch.OutOfMemoryError) -> object:
    real = Flow.solve

    def solve(self: Flow, jobs: Sequence[FlowJob], **options: float) -> list[torch.Tensor]:
        if len(jobs) > limit:
            raise whole("can't allocate memory: tried to take all of it")
        return real(self, jobs, **options)  # type: ignore[arg-type]  # the very same options

    return solve


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError, MemoryError])
def test_out_of_memory_halves_the_batch_and_says_the_same(
    engine: IndexTTS2,
    requests: list[SpeechRequest],
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
) -> None:
    before = takes(engine.speak(requests[:5]))
    monkeypatch.setattr(Flow, "solve", exhausted(1, error))
    assert all(same(a, b) for a, b in zip(before, takes(engine.speak(requests[:5])), strict=True))


def test_a_line_that_does_not_fit_alone_costs_the_others_nothing(
    engine: IndexTTS2, requests: list[SpeechRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = takes(engine.speak(requests[:3]))
    real, longest = Flow.solve, max(len(take.samples) for take in before)
    huge = replace(requests[1], target=2 * longest)

    def solve(self: Flow, jobs: Sequence[FlowJob], **options: float) -> list[torch.Tensor]:
        if any(job.frames - job.prompt_frames > timing.frames_to_fill(longest) for job in jobs):
            raise torch.OutOfMemoryError("tried to take all of it")
        return real(self, jobs, **options)  # type: ignore[arg-type]  # the very same options

    monkeypatch.setattr(Flow, "solve", solve)
    first, failed, last = engine.speak([requests[0], huge, requests[2]])
    assert isinstance(failed, OutOfMemory)
    assert same(result(first), before[0])
    assert same(result(last), before[2])


def test_scores_that_are_no_numbers_fail_that_line_alone(
    engine: IndexTTS2, requests: list[SpeechRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = synthesis.decode
    before = takes(engine.speak(requests[:2]))

    def decode(gpt: Gpt, jobs: Sequence[Job], *, rows: int) -> list[Decoded]:
        if any(job.seed == synthesis.seed_of(synthesis.seed_of(requests[2].seed, 0), 0) for job in jobs):
            raise SpeakingFailed("not numbers")
        return real(gpt, jobs, rows=rows)

    monkeypatch.setattr(synthesis, "decode", decode)
    outcomes = engine.speak(requests[:3])
    assert isinstance(outcomes[2], SpeakingFailed)
    assert all(same(result(a), b) for a, b in zip(outcomes[:2], before, strict=True))
    assert isinstance(engine.measure(requests[:3])[2], SpeakingFailed)


def test_a_voice_that_does_not_fit_is_told(engine: IndexTTS2, monkeypatch: pytest.MonkeyPatch) -> None:
    def huge(*_: object) -> Speaker:
        raise torch.OutOfMemoryError("tried to take all of it")

    monkeypatch.setattr("tts.indextts2.voices.listen", huge)
    with pytest.raises(OutOfMemory):
        engine.voice(recording(145.0))


def test_a_line_held_on_beyond_its_end_is_doubted_and_its_natural_length_is_where_it_would_have_ended(
    engine: IndexTTS2, voices: list[Voice]
) -> None:
    head, stop = engine.release.gpt.mel_head, engine.release.gpt.config.stop
    usual = head.bias[stop].clone()
    head.bias[stop] = 1e4  # wants to stop at once, always
    try:
        held = one(engine, SpeechRequest("Hello.", "en", voices[0], target=96_000))
        free = one(engine, SpeechRequest("Hello.", "en", voices[0]))
    finally:
        head.bias[stop] = usual
    assert held.notes[DOUBT] == "the speech was held on beyond its end"
    assert held.notes["tokens"] == held.notes["least"]
    assert len(held.samples) == 96_000
    assert free.notes["natural_frames"] == engine.release.pace.frames(int(free.notes["tokens"]))
    assert DOUBT not in free.notes


def test_a_target_far_beyond_the_text_is_refused(engine: IndexTTS2, voices: list[Voice]) -> None:
    (outcome,) = engine.speak([SpeechRequest("Hello.", "en", voices[0], target=60 * OUTPUT_RATE)])
    assert isinstance(outcome, SpeakingFailed)
    assert "60 s" in str(outcome)


def test_greedy_decoding_is_not_tried_again(release: Release, voices: list[Voice]) -> None:
    greedy = IndexTTS2(release, options=replace(QUICK, sampling=Sampling(greedy=True)))
    assert one(greedy, SpeechRequest("Hello.", "en", voices[0])).notes["attempts"] == 1


def test_an_emotion_is_felt_once_per_content(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    engine = IndexTTS2(release, keep=shelf)
    first = engine.emotion(recording(120.0), strength=0.3)
    monkeypatch.setattr("tts.indextts2.voices.feel", lambda *_: pytest.fail("felt again"))
    again = engine.emotion(recording(120.0), strength=0.9)
    assert torch.equal(first.data.vector, again.data.vector)
    assert first.digest != again.digest


def test_another_failure_is_not_taken_for_a_lack_of_memory(
    engine: IndexTTS2, requests: list[SpeechRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> list[torch.Tensor]:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(Flow, "solve", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        engine.speak(requests[:3])


BAD = {
    "silent": Reference(np.zeros(2 * RATE, np.float32), RATE),
    "at least 1 s": recording(110.0, 0.9),
    "at most": Reference(np.full(601 * 100, 0.1, np.float32), 100),
    "not numbers": Reference(np.full(2 * RATE, np.nan, np.float32), RATE),
    "not mono": Reference(np.zeros((2 * RATE, 2), np.float32), RATE),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_reference_that_nothing_can_be_learned_from_is_told(engine: IndexTTS2, reason: str) -> None:
    with pytest.raises(BadReference, match=reason):
        engine.voice(BAD[reason])
    with pytest.raises(BadReference, match=reason):
        engine.emotion(BAD[reason])


def test_a_long_reference_counts_by_its_first_quarter_of_a_minute(engine: IndexTTS2) -> None:
    long = recording(150.0, 20.0)
    cut = Reference(long.samples[: 17 * RATE], RATE)
    speakers: list[Speaker] = [engine.voice(reference).data for reference in (long, cut)]
    assert torch.allclose(speakers[0].rows, speakers[1].rows, atol=1e-4)
    assert speakers[0].mel.shape == speakers[1].mel.shape


class Shelf:
    """Keeps what it is given, and counts what is asked for."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def put(self, key: str, data: bytes) -> None:
        self.kept[key] = data


def test_a_voice_is_heard_once_per_content(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    engine = IndexTTS2(release, options=QUICK, keep=shelf)
    first = engine.voice(recording(120.0))
    assert list(shelf.kept) == [first.digest]
    spoken = one(engine, SpeechRequest("Hello.", "en", first, None, 30_000))

    def deaf(*_: object) -> None:
        raise AssertionError("the voice was heard again")

    monkeypatch.setattr("tts.indextts2.voices.listen", deaf)
    again = engine.voice(recording(120.0))
    assert again == first
    assert same(spoken, one(engine, SpeechRequest("Hello.", "en", again, None, 30_000)))
    with pytest.raises(AssertionError, match="heard again"):
        engine.voice(recording(121.0))


@pytest.mark.parametrize("damage", [b"", b"not a voice", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_kept_voice_that_is_damaged_is_heard_again(release: Release, damage: bytes) -> None:
    shelf = Shelf()
    engine = IndexTTS2(release, keep=shelf)
    voice = engine.voice(recording(120.0))
    whole = shelf.kept[voice.digest]
    shelf.kept[voice.digest] = damage
    assert torch.equal(engine.voice(recording(120.0)).data.rows, voice.data.rows)
    assert shelf.kept[voice.digest] == whole


def test_strength_goes_from_the_speakers_own_mood_to_the_references(
    engine: IndexTTS2, voices: list[Voice]
) -> None:
    request = SpeechRequest("Hello.", "en", voices[0], None, 30_000)
    own = one(engine, request)
    none, all_of_it = (
        one(engine, replace(request, emotion=engine.emotion(recording(330.0), strength=strength)))
        for strength in (0.0, 1.0)
    )
    assert same(own, none)
    assert not same(own, all_of_it)


def test_weights_at_no_strength_are_the_speakers_own_mood(engine: IndexTTS2, voices: list[Voice]) -> None:
    request = SpeechRequest("Hello.", "en", voices[0], None, 30_000)
    flat = engine.emotion((0.5, 0, 0, 0, 0, 0, 0, 0), strength=0.0)
    assert same(one(engine, request), one(engine, replace(request, emotion=flat)))


@pytest.mark.parametrize("weights", [(0.1,) * 7, (0.1,) * 9, (float("nan"),) * 8, (-0.1,) * 8])
def test_weights_that_are_none_are_refused(engine: IndexTTS2, weights: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="weight"):
        engine.emotion(weights)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_strength_is_a_share(engine: IndexTTS2, strength: float) -> None:
    with pytest.raises(ValueError, match="strength"):
        engine.emotion(recording(110.0), strength=strength)


def test_words_need_their_reader_and_it_is_named(engine: IndexTTS2) -> None:
    with pytest.raises(EngineMissing, match="qwen"):
        engine.emotion("sad and slow")


def test_digests_name_what_shaped_them(
    engine: IndexTTS2, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    emotions = [engine.emotion(recording(110.0), strength=s) for s in (0.5, 0.6)]
    emotions += [engine.emotion((v, 0, 0, 0, 0, 0, 0, 0)) for v in (0.1, 0.2)]
    assert len({emotion.digest for emotion in emotions}) == 4
    others = [
        IndexTTS2(release, options=replace(QUICK, steps=3)),
        IndexTTS2(release, options=replace(QUICK, guidance=0.5)),
        IndexTTS2(release, options=replace(QUICK, sampling=Sampling(temperature=0.7))),
        IndexTTS2(release, options=replace(QUICK, most=100)),
        IndexTTS2(release, options=QUICK, clock=Clock(condition=False)),
    ]
    usual = engine.digest
    assert len({usual, *(other.digest for other in others)}) == 6
    monkeypatch.setattr("tts.indextts2.engine.REVISION", REVISION + 1)
    assert engine.digest != usual
    monkeypatch.undo()
    monkeypatch.setattr("tts.indextts2.engine.version", lambda _: "another grammar")
    assert engine.digest != usual
    monkeypatch.undo()
    assert IndexTTS2(release, options=replace(QUICK, rows=1)).digest == engine.digest


def test_a_take_is_likest_the_voice_that_it_was_taken_from(engine: IndexTTS2) -> None:
    low, high = recording(100.0, 2.0), recording(300.0, 2.0)
    voices = [engine.voice(reference) for reference in (low, high)]
    heard = [Take(resampled(reference), 0, None) for reference in (low, high)]
    table = np.array([[engine.timbre_likeness(take, voice) for voice in voices] for take in heard])
    assert table.diagonal() == pytest.approx([1.0, 1.0], abs=0.01)
    assert table[0, 0] > table[0, 1]
    assert table[1, 1] > table[1, 0]


def test_a_take_is_likest_the_mood_that_it_was_taken_from(engine: IndexTTS2) -> None:
    low, high = recording(100.0, 2.0), recording(300.0, 2.0)
    emotions = [engine.emotion(reference) for reference in (low, high)]
    heard = [Take(resampled(reference), 0, None) for reference in (low, high)]
    table = np.array([[engine.emotion_likeness(take, emotion) for emotion in emotions] for take in heard])
    assert table.diagonal() == pytest.approx([1.0, 1.0], abs=0.01)
    assert table[0, 0] > table[0, 1]
    weights = engine.emotion((0.5, 0, 0, 0, 0, 0, 0, 0))
    assert -1.0 <= engine.emotion_likeness(heard[0], weights) <= 1.0


def test_silence_is_like_nothing(engine: IndexTTS2, voices: list[Voice]) -> None:
    silent = Take(np.zeros(OUTPUT_RATE, np.float32), OUTPUT_RATE, None)
    with pytest.raises(BadReference, match="silent"):
        engine.timbre_likeness(silent, voices[0])
    with pytest.raises(BadReference, match="silent"):
        engine.emotion_likeness(silent, engine.emotion(recording(110.0)))


def resampled(reference: Reference) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    import soxr

    samples: np.ndarray[tuple[int], np.dtype[np.float32]] = soxr.resample(
        reference.samples, reference.rate, OUTPUT_RATE
    )
    return samples


def test_a_voice_of_another_engine_is_not_spoken_with(engine: IndexTTS2, voices: list[Voice]) -> None:
    with pytest.raises(ValueError, match="engine"):
        engine.speak([SpeechRequest("Hello.", "en", replace(voices[0], engine="other"))])


def spectrum(
    samples: np.ndarray[tuple[int], np.dtype[np.float32]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Long-term log spectrum in dB: how a take sounds, whatever its phase."""
    frames = samples[: len(samples) // 1024 * 1024].reshape(-1, 1024) * np.hanning(1024)
    power = np.mean(np.abs(np.fft.rfft(frames)) ** 2, axis=0)
    decibels: np.ndarray[tuple[int], np.dtype[np.float64]] = 10 * np.log10(power[4:400] + 1e-12)
    return decibels


def test_in_bfloat16_the_lengths_are_as_exact_and_the_sound_as_bright(
    folder: Path, engine: IndexTTS2, voices: list[Voice]
) -> None:
    coarse = IndexTTS2(
        Release.load(folder, Placement(torch.device("cpu"), torch.bfloat16)),
        options=QUICK,
        clock=Clock(window=0.0),
    )
    fine = IndexTTS2(engine.release, options=QUICK, clock=Clock(window=0.0))
    assert coarse.digest != fine.digest
    voice = coarse.voice(recording(110.0))
    texts = ("Good morning.", "Who is there?", "早上好。")
    requests = [SpeechRequest(text, "en", voice, None, 60_000, seed) for seed, text in enumerate(texts)]
    rough = takes(coarse.speak(requests))
    exact = takes(fine.speak([replace(request, voice=voices[0]) for request in requests]))
    assert [len(take.samples) for take in rough] == [60_000] * 3
    distances = [
        float(np.abs(spectrum(a.samples) - spectrum(b.samples)).mean())
        for a, b in zip(rough, exact, strict=True)
    ]
    noise = np.random.default_rng(0).standard_normal(60_000).astype(np.float32)
    noise *= float(np.std(exact[0].samples))
    assert max(distances) < 3.0  # dB; tokens drawn differ, the timbre does not
    assert float(np.abs(spectrum(noise) - spectrum(exact[0].samples)).mean()) > 3.0
