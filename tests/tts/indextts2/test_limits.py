"""What fails or never ends is bounded, told, and costs its neighbours nothing. On a tiny release of every version."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
import torch
from speaking import QUICK, every_version, one, recording, same, takes

from tts.door import DOUBT, OUTPUT_RATE, SpeechRequest, Take, Voice, result
from tts.errors import (
    LanguageNotSpoken,
    NothingToSay,
    OutOfMemory,
    SpeakingFailed,
)
from tts.indextts2 import clock as timing
from tts.indextts2 import synthesis
from tts.indextts2.engine import IndexTTS2
from tts.indextts2.flow import Flow, FlowJob
from tts.indextts2.gpt import Gpt
from tts.indextts2.job import Decoded, Job
from tts.indextts2.release import Release
from tts.indextts2.sampling import Sampling
from tts.indextts2.voices import Speaker

pytestmark = every_version


def test_bad_requests_cost_the_others_nothing(engine: IndexTTS2, voices: list[Voice]) -> None:
    texts = [("Hello.", "en"), ("", "en"), ("...", "en"), ("Hei.", "fi"), ("Good bye.", "en-GB")]
    requests = [SpeechRequest(text, tag, voices[0], None, 24_000, 5) for text, tag in texts]
    outcomes = engine.speak(requests)
    kinds = [Take, NothingToSay, NothingToSay, LanguageNotSpoken, Take]
    assert [type(outcome) for outcome in outcomes] == kinds
    assert same(result(outcomes[4]), one(engine, requests[4]))
    assert [type(length) for length in engine.measure(requests)] == [int, *kinds[1:4], int]


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


def test_a_text_of_more_parts_than_frames_is_told(engine: IndexTTS2, voices: list[Voice]) -> None:
    text = "The driver opened a heavy wooden door, and then it rained. " * 6
    (outcome,) = engine.speak([SpeechRequest(text, "en", voices[0], target=100)])
    assert isinstance(outcome, SpeakingFailed)


def test_greedy_decoding_is_not_tried_again(release: Release, voices: list[Voice]) -> None:
    greedy = IndexTTS2(release, options=replace(QUICK, sampling=Sampling(greedy=True)))
    assert one(greedy, SpeechRequest("Hello.", "en", voices[0])).notes["attempts"] == 1


def test_another_failure_is_not_taken_for_a_lack_of_memory(
    engine: IndexTTS2, requests: list[SpeechRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> list[torch.Tensor]:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(Flow, "solve", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        engine.speak(requests[:3])
