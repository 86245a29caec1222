"""2.5 speaks five languages: each by its own row, in one batch, to the sample; a stop in the middle leaves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from speaking import QUICK, every_version, one, same, takes

from tts.door import SpeechRequest, Voice
from tts.errors import SpeakingFailed
from tts.indextts2 import synthesis
from tts.indextts2.engine import IndexTTS2
from tts.indextts2.flow import Flow
from tts.indextts2.job import Decoded
from tts.indextts2.release import Release
from tts.indextts2.text import language_row

LINES = {
    "zh": ("早上好，我们走吧。", 30_001),
    "en": ("Good morning, let us go.", 24_000),
    "ja": ("おはようございます。", 33_333),
    "es": ("Buenos días, ¿nos vamos?", 41_234),
    "ar": ("صباح الخير، هيا بنا.", 28_765),
}
"""Text, and samples asked for."""

later = pytest.mark.parametrize("version", ["2.5"])


@pytest.fixture
def lines(voices: list[Voice]) -> list[SpeechRequest]:
    """One of each language, two voices in turn."""
    return [
        SpeechRequest(text, language, voices[number % 2], None, target, number)
        for number, (language, (text, target)) in enumerate(LINES.items())
    ]


@later
def test_five_languages_in_one_batch_are_exact_and_as_each_alone(
    engine: IndexTTS2, lines: list[SpeechRequest]
) -> None:
    together = takes(engine.speak(lines))
    assert [len(take.samples) for take in together] == [target for _, target in LINES.values()]
    assert all(same(take, one(engine, line)) for take, line in zip(together, lines, strict=True))
    free = replace(lines[2], target=None)
    assert engine.measure([lines[2]]) == [len(one(engine, free).samples)]


@later
def test_every_language_is_spoken_by_its_own_row(
    engine: IndexTTS2, lines: list[SpeechRequest], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int | None] = []
    usual = engine.release.gpt.prompt

    def prompt(*given: torch.Tensor, language: int | None = None, **named: bool) -> torch.Tensor:
        rows.append(language)
        made: torch.Tensor = usual(*given, language=language, **named)
        return made

    monkeypatch.setattr(engine.release.gpt, "prompt", prompt)
    engine.measure(lines)
    assert set(rows) == {1, 0, 7, 3, 13}
    rows.clear()
    engine.measure([replace(lines[3], language="es-419")])
    assert set(rows) == {language_row("es")}


@later
def test_the_language_changes_what_is_said(engine: IndexTTS2, voices: list[Voice]) -> None:
    request = SpeechRequest("2", "zh", voices[0], None, 24_000, 1)
    assert not same(one(engine, request), one(engine, replace(request, language="ar")))


@later
@pytest.mark.parametrize(
    ("language", "unit"),
    [("ja", "公園を歩きます。"), ("ar", "هيا بنا إلى الحديقة. ")],
)
def test_a_long_text_of_any_language_is_spoken_in_parts_that_share_the_target(
    engine: IndexTTS2, voices: list[Voice], language: str, unit: str
) -> None:
    request = SpeechRequest(unit * 8, language, voices[0], None, 90_001)
    neighbour = SpeechRequest("Hello.", "en", voices[1], None, 20_000)
    take = one(engine, request)
    assert int(take.notes["pieces"]) > 1
    assert len(take.samples) == 90_001
    assert same(take, takes(engine.speak([neighbour, request]))[1])


@every_version
@pytest.mark.parametrize("stage", ["decode", "flow"])
def test_a_batch_stopped_in_the_middle_leaves_the_engine_as_it_was(
    release: Release, requests: list[SpeechRequest], monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    engine = IndexTTS2(release, options=replace(QUICK, rows=2))
    before = takes(engine.speak(requests[1:3]))

    def stopped(*_: object, **__: object) -> list[Decoded]:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        place, name = (synthesis, "decode") if stage == "decode" else (Flow, "solve")
        patched.setattr(place, name, stopped)
        with pytest.raises(KeyboardInterrupt):
            engine.speak(requests[:4])
    assert engine.batch == 2
    assert all(same(a, b) for a, b in zip(before, takes(engine.speak(requests[1:3])), strict=True))


@later
def test_a_part_that_cannot_be_cut_is_refused_alone(engine: IndexTTS2, lines: list[SpeechRequest]) -> None:
    long = replace(lines[3], text=f"<a|{'X' * 1500}> hola")
    before = engine.measure(lines)
    assert [type(one) for one in engine.measure([long, lines[0]])] == [SpeakingFailed, int]
    assert "cannot be cut" in str(engine.speak([long])[0])
    assert engine.measure(lines) == before
