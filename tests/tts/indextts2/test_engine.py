"""Behind the door: batches that change nothing, and lengths that are exact. On a tiny release of every version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from speaking import FLOAT_NOISE, QUICK, every_version, one, recording, same, takes

from tts.door import Engine, Judge, SpeechRequest, Take, Voice, result
from tts.indextts2 import clock as timing
from tts.indextts2.clock import Clock
from tts.indextts2.config import Version
from tts.indextts2.engine import NAMES, REVISION, IndexTTS2
from tts.indextts2.release import Placement, Release
from tts.indextts2.sampling import Sampling

pytestmark = every_version


def test_it_is_an_engine_and_a_judge(engine: IndexTTS2, version: Version) -> None:
    as_engine: Engine = engine
    as_judge: Judge = engine
    assert as_engine.name == NAMES[version]
    assert f"-{version}-" in as_engine.digest
    assert as_engine.usual_voice is None
    assert as_engine.batch >= 1
    assert as_engine.draws
    assert as_judge is engine
    assert isinstance(engine, Judge)


def test_it_speaks_its_versions_languages_and_says_what_a_language_lacks(
    engine: IndexTTS2, version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tts.indextts2.text.optional.find_spec", lambda _: None)
    assert list(engine.languages()) == (["zh", "en"] if version == "2.0" else ["zh", "en", "ja", "es", "ar"])
    assert engine.speaks("es-419") == (version == "2.5")
    assert not engine.speaks("fi")
    lacking = [tag for tag in ("zh", "en-GB", "ja-JP", "es", "ar", "fi") if engine.notes(tag)]
    assert lacking == ([] if version == "2.0" else ["ja-JP", "es"])


def test_a_voice_of_the_other_version_is_refused(engine: IndexTTS2, voices: list[Voice]) -> None:
    (other,) = set(NAMES.values()) - {engine.name}
    with pytest.raises(ValueError, match="come from the engine"):
        engine.speak([SpeechRequest("Hello.", "en", replace(voices[0], engine=other))])


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

    def test_the_count_alone_changes_what_is_said_and_nothing_else_and_nothing_where_no_slot_is_for_it(
        self, release: Release, requests: list[SpeechRequest]
    ) -> None:
        off = self.spoken(
            release, self.request(requests), Clock(condition=False, window=None, regulate=False)
        )
        on = self.spoken(release, self.request(requests), Clock(condition=True, window=None, regulate=False))
        assert off.notes["most"] == on.notes["most"] == release.gpt.config.max_codes
        assert same(off, on) != release.gpt.counts
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


def test_what_the_tokeniser_does_not_know_is_counted_where_it_spells_no_bytes(
    engine: IndexTTS2, voices: list[Voice], version: Version
) -> None:
    plain = one(engine, SpeechRequest("Hello.", "en", voices[0], None, 24_000))
    mixed = one(engine, SpeechRequest("Hello. Привет.", "en", voices[0], None, 24_000))
    assert "unread" not in plain.notes
    assert (int(mixed.notes.get("unread", 0)) > 0) == (version == "2.0")


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
        IndexTTS2(release, options=QUICK, clock=Clock(window=0.1)),
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
