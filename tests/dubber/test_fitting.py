"""Lines brought into their time: which words are measured, asked for and chosen, what is told of it; and which of
several takes is kept. The voice's lengths are set by the test."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from align.links import plain
from align.types import Line, Segment, Span, union
from dubber import profiles, srt
from dubber.picks import Pick
from dubber.progress import Quiet
from dubber.project import Project
from dubber.settings import Settings
from dubber.stages.translate import Answer, Tried
from dubber.steps import choosing, fitting, speak, translation
from dubber.steps.casting import Cast
from dubber.steps.fitting import Fitted
from dubber.steps.run import Run
from dubber.steps.speak import Part, Utterance
from dubber.steps.wording import Said, Script
from tts.door import DOUBT, Emotion, EmotionSource, Reference, SpeechRequest, Take, Voice

DURATION = 20_000
SPANS = (Span(1000, 3000), Span(6000, 8000), Span(12_000, 14_000))
FITS = "El barco sale hoy a las siete en punto."
LONG = "El barco que está en el puerto sale hoy por la mañana a las siete en punto."
LESS = "El barco del puerto sale hoy por la mañana a las siete."
WORDY = "El barco que está ahora en el puerto sale hoy por la mañana a las siete en punto, dicen."
BRIEF = "A las siete."


def tells(lengths: Mapping[str, int], heard: list[str]) -> fitting.Measure:
    """A voice with these lengths in ms; what it is asked for is added to `heard`."""

    def measure(wanted: Sequence[Utterance]) -> dict[Utterance, int | None]:
        heard.extend(one.text for one in wanted)
        return {one: lengths[one.text] for one in wanted}

    return measure


@dataclass
class Translator:
    """Other words for a line, by those that were tried last; keeps what it was asked."""

    words: Mapping[str, tuple[str, ...]]
    asked: list[tuple[str, tuple[Tried, ...], int]] = field(default_factory=list)

    def reword(
        self,
        run: Run,
        said: Sequence[Segment],
        tried: Mapping[str, Sequence[Tried]],
        budgets: Mapping[str, int],
        *_: object,
        **__: object,
    ) -> dict[str, Answer]:
        self.asked += [(one, tuple(many), budgets[one]) for one, many in tried.items()]
        return {one: Answer(one, self.words.get(many[-1].wording, ())) for one, many in tried.items()}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    (tmp_path / "talk.wav").write_bytes(b"RIFF")
    project = Project.open(tmp_path / "talk.wav")
    with project.lock():
        yield Run(project, profiles.filled(Settings.of("es", source="en", profile="draft")), Quiet(), 1)


def script(*wordings: tuple[str, ...], free: bool = True) -> Script:
    spans = dict(zip((f"s{span.start}" for span in SPANS), SPANS, strict=True))
    lines = [
        Line(one, span, many[0], "Ben", (one,))
        for (one, span), many in zip(spans.items(), wordings, strict=False)
    ]
    answers = {line.id: Answer(line.id, many) for line, many in zip(lines, wordings, strict=True)}
    return Script(tuple(lines), (), {}, answers, free=frozenset(answers) if free else frozenset())


def fitted(
    run: Run,
    given: Script,
    lengths: Mapping[str, int],
    translator: Translator | None = None,
    heard: list[str] | None = None,
) -> Fitted:
    said = Said(tuple(Segment(one.id, one.span, "The boat.", "Ben") for one in given.lines), ())
    with pytest.MonkeyPatch.context() as patch:
        if translator:
            patch.setattr(translation, "rewords", lambda _: True)
            patch.setattr(translation, "reword", translator.reword)
        measure = tells(lengths, [] if heard is None else heard)
        close = (lambda: None) if translator else None
        return fitting.fit(run, given, said, SPANS, DURATION, measure=measure, close=close)


def deeds(done: Fitted, line: str = "s1000") -> list[tuple[int, str, str]]:
    return [(one["round"], one["did"], one["text"]) for one in done.history[line]]


def test_a_line_too_long_is_said_in_other_words_of_those_already_answered(run: Run) -> None:
    heard: list[str] = []
    done = fitted(run, script((LONG, FITS, WORDY)), {LONG: 4000, FITS: 2050}, Translator({}), heard)
    assert heard == [LONG, FITS], "what would be longer still is not measured"
    assert done.chosen == {"s1000": FITS}
    assert done.rounds == 0
    assert deeds(done) == [
        (0, "measured", LONG), (0, "measured", FITS), (0, "chosen", FITS), (0, "spoken", FITS),
    ]  # fmt: skip


def test_a_line_that_fits_is_measured_in_its_first_words_alone(run: Run) -> None:
    heard: list[str] = []
    done = fitted(run, script((FITS, BRIEF, LONG)), {FITS: 2000}, Translator({}), heard)
    assert heard == [FITS]
    assert [(part.slot.span, part.slot.flags) for part in done.parts] == [(SPANS[0], ())]


def test_other_words_are_asked_for_with_the_budget_that_was_measured(run: Run) -> None:
    translator = Translator({LONG: (LESS,), LESS: (FITS,)})
    lengths = {LONG: 4600, LESS: 3500, FITS: 2100}
    done = fitted(run, script((LONG,)), lengths, translator)
    assert [len(tried) for _, tried, _ in translator.asked] == [1, 2]
    for _, tried, budget in translator.asked:
        assert tried[-1].ms / budget == pytest.approx(lengths[tried[-1].wording] / 2000, rel=0.01)
    assert (done.rounds, done.chosen) == (2, {"s1000": FITS})
    assert deeds(done) == [
        (0, "measured", LONG), (1, "measured", LESS), (2, "measured", FITS), (2, "chosen", FITS), (2, "spoken", FITS),
    ]  # fmt: skip


def test_a_line_too_short_is_filled_and_asked_for_by_the_actors_own_time(run: Run) -> None:
    translator = Translator({BRIEF: (FITS,)})
    done = fitted(run, script((BRIEF,)), {BRIEF: 900, FITS: 1950}, translator)
    ((_, (tried,), budget),) = translator.asked
    assert tried.ms / budget == pytest.approx(900 / 2000, rel=0.01), "silence after it is not to be filled"
    assert done.chosen == {"s1000": FITS}
    assert done.parts[0].slot.flags == ("reworded",)


def test_a_line_that_nothing_helps_is_flagged_and_asked_for_twice_at_most(run: Run) -> None:
    words = (LONG, WORDY, LESS, FITS)
    translator = Translator({one: (other,) for one, other in itertools.pairwise(words)})
    done = fitted(run, script((LONG,)), dict.fromkeys(words, 9000), translator)
    assert (len(translator.asked), done.rounds) == (2, 2)
    assert done.chosen == {"s1000": LONG}, "of equal words the best liked"
    assert {"compressed", "borrowed"} <= set(done.parts[0].slot.flags)
    assert deeds(done)[-1] == (2, "spoken", LONG)


def test_a_line_that_no_words_were_found_for_is_not_asked_for_again_for_anothers_sake(run: Run) -> None:
    translator = Translator({LONG: (LESS,), LESS: (FITS,)})
    done = fitted(
        run, script((LONG,), (WORDY,)), {LONG: 4600, LESS: 3600, FITS: 2100, WORDY: 5000}, translator
    )
    assert [one for one, _, _ in translator.asked] == ["s1000", "s6000", "s1000"]
    assert [did for _, did, _ in deeds(done, "s6000")] == ["measured", "left", "spoken"]


def test_a_line_that_a_person_worded_keeps_its_words_whatever_fits_better(run: Run) -> None:
    translator = Translator({LONG: (FITS,)})
    heard: list[str] = []
    done = fitted(run, script((LONG, FITS), free=False), {LONG: 5000}, translator, heard)
    assert (heard, translator.asked, done.chosen) == ([LONG], [], {})
    assert done.parts[0].text == LONG


def test_where_nobody_may_be_asked_words_that_were_chosen_before_stand(run: Run) -> None:
    given = script((LONG, FITS), (WORDY, FITS))
    given = replace(given, settled=frozenset({"s1000"}))
    done = fitted(run, given, {LONG: 5000, WORDY: 5000, FITS: 2000})
    assert [part.text for part in done.parts] == [LONG, FITS]
    assert done.chosen == {"s6000": FITS}


def test_words_are_judged_by_the_band_of_their_own_voice(run: Run) -> None:
    near = "El barco que está en el puerto sale hoy a las siete de la mañana."
    given, lengths = script((LONG, near), (WORDY,)), {LONG: 2600, near: 2000, WORDY: 2600, FITS: 1850}
    heard: list[str] = []
    done = fitted(run, given, lengths, usual := Translator({}), heard)
    assert (heard, done.chosen["s1000"], usual.asked) == ([LONG, WORDY], LONG, []), "the band of all bears it"
    run.settings = run.settings.changed(comfort="Ben=0.98-1.02")
    heard.clear()
    done = fitted(run, given, lengths, narrow := Translator({WORDY: (FITS,)}), heard)
    assert heard == [LONG, WORDY, near, FITS], "words that were answered first, then new ones"
    assert [(one, tried[-1].wording) for one, tried, _ in narrow.asked] == [
        ("s6000", WORDY),
        ("s6000", FITS),
    ], "too long for him, then so short that he ends before the actor"
    assert [round(part.slot.factor, 2) for part in done.parts] == [1.0, 0.98]
    run.settings = run.settings.changed(comfort="Ben=usual\nAnna=1-1")
    assert [part.slot for part in fitted(run, given, lengths, usual).parts] == [
        part.slot for part in fitted(run, given, lengths).parts
    ]
    assert usual.asked == [], "another's band is nothing to him"


@pytest.mark.parametrize(("said", "factor", "flags"), [("Ben=0.9-1.2", 1.2, ()), ("", 1.2, ("compressed",))])
def test_what_is_hurried_is_called_so_by_the_band_of_its_own_voice(
    run: Run, said: str, factor: float, flags: tuple[str, ...]
) -> None:
    """Anna speaks right after him: there is no silence to take."""
    run.settings = run.settings.changed(comfort=said)
    lines = (Line("ben", Span(1000, 3000), LONG, "Ben"), Line("anna", Span(3050, 5000), FITS, "Anna"))
    measure = tells({LONG: 2400, FITS: 1950}, [])
    done = fitting.fit(run, Script(lines, ()), Said((), ()), (Span(1000, 5000),), DURATION, measure=measure)
    assert [part.slot.span for part in done.parts] == [Span(1000, 3000), Span(3050, 5000)]
    assert (done.parts[0].slot.factor, done.parts[0].slot.flags) == (factor, flags)


def parts_of(done: Fitted, speaker: str) -> list[Part]:
    return [part for part in done.parts if part.line.speaker == speaker]


def test_a_pause_makes_two_phrases_that_nobody_else_speaks_into(run: Run) -> None:
    """Anna answers in Ben's pause."""
    ben, anna = (
        Line("ben", Span(1000, 6000), "El barco sale, | mañana a las siete.", "Ben"),
        Line("anna", Span(3000, 3800), "¿De verdad?", "Anna"),
    )
    speech = (Span(1000, 2500), Span(3000, 3800), Span(4300, 6000))
    lengths = {"El barco sale,": 1500, "mañana a las siete.": 1800, "¿De verdad?": 800}
    measure = tells(lengths, [])
    done = fitting.fit(run, Script((ben, anna), ()), Said((), ()), speech, DURATION, measure=measure)
    spans = [part.slot.span for part in done.parts]
    assert all(before.end <= after.start for before, after in itertools.pairwise(spans))
    assert [part.id for part in done.parts] == ["ben~1", "anna", "ben~2"]
    run.settings = run.settings.changed(comfort="Ben=1-1")
    slow = fitting.fit(run, Script((ben, anna), ()), Said((), ()), speech, DURATION, measure=measure)
    assert [part.slot.factor for part in parts_of(slow, "Ben")] == [1.0, 1.0], "each phrase keeps to it"
    assert parts_of(slow, "Anna") == parts_of(done, "Anna")


# -- takes ---------------------------------------------------------------------------------------------


@dataclass
class Drawing:
    """A voice that draws: seed 2 is like its reference, the others are not. Keeps what it was asked."""

    name: str = "drawing"
    digest: str = "drawing-1"
    batch: int = 4
    draws: bool = True
    batches: list[int] = field(default_factory=list)
    judged: int = 0

    @property
    def usual_voice(self) -> Voice:
        return Voice(self.name, "usual", None)

    def languages(self) -> Mapping[str, str]:
        return {"es": "es"}

    def speaks(self, language: str) -> bool:
        return language == "es"

    def voice(self, reference: Reference) -> Voice:
        return Voice(self.name, reference.digest, None)

    def emotion(self, source: EmotionSource, *, strength: float = 1.0) -> Emotion:
        return Emotion(self.name, f"{strength}", None)

    def speak(self, requests: Sequence[SpeechRequest]) -> list[Take]:
        self.batches.append(len(requests))
        made = []
        for one in requests:
            length = one.target or 96_000
            time = np.arange(length, dtype=np.float32) / 48_000
            made.append(Take(0.1 * np.sin(2 * np.pi * 100 * (2 + one.seed) * time), length, one.target, {}))
        return made

    def measure(self, requests: Sequence[SpeechRequest]) -> list[int]:
        return [96_000] * len(requests)

    def timbre_likeness(self, take: Take, voice: Voice) -> float:
        self.judged += 1
        peak = int(np.abs(np.fft.rfft(take.samples)).argmax() * 48_000 / len(take.samples))
        return 0.9 if round(peak / 100) == 2 + 2 else 0.3

    def emotion_likeness(self, take: Take, emotion: Emotion) -> float:
        return 0.5


class Everybody:
    """A cast in which all have one voice."""

    def __init__(self, engine: Drawing) -> None:
        self.engine = engine

    def voice(self, _: str) -> Voice:
        return self.engine.usual_voice

    def emotion(self, _: Line) -> None:
        return None

    def manner(self, _: Line) -> str:
        return "usual"

    def inputs(self, _: Line) -> dict[str, str]:
        return {"engine": self.engine.digest}


def kept(run: Run, engine: Drawing, picks: Mapping[str, Pick]) -> tuple[list[int], list[int]]:
    """The seeds that are kept, by line, and how large the batches were that this took."""
    cast: Cast = Everybody(engine)  # type: ignore[assignment]
    given = script((FITS,), (LESS,), (LONG,))
    parts = fitted(run, given, dict.fromkeys((FITS, LESS, LONG), 2000)).parts
    engine.batches = []
    engine.judged = 0
    made = speak.recordings(run, cast, parts, {one: pick.seed for one, pick in picks.items()})
    takes = choosing.takes(run, parts, made, picks)
    return [take.kept.seed for take in takes], engine.batches


def test_takes_are_made_in_batches_and_the_best_is_kept(run: Run) -> None:
    run.settings = replace(run.settings, takes=3)
    engine = Drawing()
    assert kept(run, engine, {}) == ([2, 2, 2], [4, 4, 1])
    assert engine.judged == 9
    assert kept(run, engine, {}) == ([2, 2, 2], [])
    assert engine.judged == 0, "what was judged is kept"
    pick = {"s6000": Pick(1, LESS, "cache/take")}
    assert kept(run, engine, pick) == ([2, 1, 2], [])


def test_one_take_of_a_line_is_not_judged_and_a_pick_costs_its_line_alone(run: Run) -> None:
    engine = Drawing()
    assert kept(run, engine, {}) == ([0, 0, 0], [1 * 3])
    assert engine.judged == 0, "nothing competes"
    assert kept(run, engine, {"s6000": Pick(5, LESS, "cache/take")}) == ([0, 5, 0], [1])
    assert engine.judged == 2


def test_a_voice_that_draws_nothing_makes_one_take_and_says_so_once(run: Run) -> None:
    run.settings = replace(run.settings, takes=3)
    engine = Drawing(draws=False)
    assert kept(run, engine, {}) == ([0, 0, 0], [3])
    assert sum("one take of each is made" in note for note in run.notes) == 1


def test_a_take_that_its_voice_does_not_trust_is_not_kept_where_another_is(run: Run) -> None:
    class Doubting(Drawing):
        def speak(self, requests: Sequence[SpeechRequest]) -> list[Take]:
            made = super().speak(requests)
            return [
                replace(take, notes={DOUBT: "it ran away"}) if one.seed == 2 else take
                for one, take in zip(requests, made, strict=True)
            ]

    run.settings = replace(run.settings, takes=3)
    assert kept(run, Doubting(), {})[0] == [0, 0, 0]


def lines_of(
    draw: random.Random, count: int
) -> tuple[list[Line], dict[str, tuple[str, ...]], dict[str, int]]:
    """Lines of two people, some over each other, their wordings, and how long each takes."""
    at, lines, wordings, lengths = 500, [], {}, {}
    for i in range(count):
        own = draw.randint(700, 4000)
        natural = own * draw.choice((draw.uniform(0.9, 1.1), draw.uniform(1.1, 1.6), draw.uniform(0.5, 0.9)))
        texts = (f"{i} 你好，我叫 John。", f"{i} 我是 John 先生。", f"{i} 叫 John。")
        for text, share in zip(texts, (1.0, draw.uniform(0.7, 1.1), draw.uniform(0.6, 1.2)), strict=True):
            lengths[said_as(text)] = max(100, round(natural * share))
        line = Line(
            f"s{at}", Span(at, at + own), said_as(texts[0]), draw.choice(("Ben", "Anna")), (f"s{at}",)
        )
        lines.append(line)
        wordings[line.id] = texts
        at += own + draw.choice((-300, 0, 50, 120, 300, 800, 2000))
    return lines, wordings, lengths


def said_as(text: str) -> str:
    return srt.spoken(plain(text))


@pytest.mark.parametrize("seed", range(12))
def test_a_run_that_only_says_the_chosen_words_again_comes_to_the_same_slots(run: Run, seed: int) -> None:
    run.settings = replace(run.settings, target="zh")
    lines, wordings, lengths = lines_of(random.Random(seed), 30)
    answers = {one: Answer(one, texts) for one, texts in wordings.items()}
    said = Said(tuple(Segment(one.id, one.span, "The boat.", one.speaker) for one in lines), ())
    speech = union(one.span for one in lines)
    heard: list[str] = []

    def fit(given: Script) -> Fitted:
        end = lines[-1].span.end + 1000
        return fitting.fit(run, given, said, speech, end, measure=tells(lengths, heard))

    first = fit(Script(tuple(lines), (), {}, answers, free=frozenset(answers)))
    measured = set(heard)
    standing = tuple(replace(one, text=first.chosen[one.id]) for one in lines)
    again = fit(Script(standing, (), {}, answers, free=frozenset(answers), settled=frozenset(answers)))
    moved = [(one, other) for one, other in zip(first.parts, again.parts, strict=True) if one != other]
    assert moved == [], "words, slots and flags"
    for part in again.parts:
        other = part.line.text != said_as(wordings[part.line.id][0])
        assert ("reworded" in part.slot.flags) == other, "in other words than the translator's first"
    assert set(heard) == measured, "the words are those that were measured, to the letter"


def test_a_line_squeezed_by_its_neighbour_is_asked_to_be_shorter(run: Run) -> None:
    lines = (
        Line("a", Span(1000, 3500), "uno dos tres cuatro cinco seis", "Ben", ("a",)),
        Line("b", Span(1800, 3600), "siete ocho nueve diez", "Ben", ("b",)),
    )
    answers = {one.id: Answer(one.id, (one.text, one.text.rsplit(" ", 2)[0])) for one in lines}
    lengths = {lines[0].text: 2300, lines[1].text: 1700, "uno dos tres cuatro": 1500, "siete ocho": 900}
    translator = Translator({})
    said = Said(tuple(Segment(one.id, one.span, "x", one.speaker) for one in lines), ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(translation, "rewords", lambda _: True)
        patch.setattr(translation, "reword", translator.reword)

        def fit(given: Mapping[str, Answer], measure: fitting.Measure) -> Fitted:
            script = Script(lines, (), {}, given, free=frozenset(given))
            return fitting.fit(
                run, script, said, (Span(1000, 3600),), 4000, measure=measure, close=lambda: None
            )

        alone = {one.id: Answer(one.id, (one.text,)) for one in lines}
        pressed = fit(alone, tells(lengths, []))
        assert any({"compressed", "crowded"} & set(part.slot.flags) for part in pressed.parts)
        assert translator.asked
        for _, tried, budget in translator.asked:
            assert budget < tried[0].ms, "shorter, though each would fit if it were alone"
        heard: list[str] = []
        eased = fit(answers, tells(lengths, heard))
        assert {"uno dos tres cuatro", "siete ocho"} & set(heard), (
            "the shorter words that were answered are measured"
        )
        assert any(len(eased.chosen[one.id]) < len(one.text) for one in lines), "and said"


def test_where_nothing_is_to_be_said_nothing_is_placed(run: Run) -> None:
    done = fitting.fit(run, Script((), ()), Said((), ()), SPANS, DURATION, measure=tells({}, []))
    assert (done.parts, done.chosen, done.rounds) == ((), {}, 0)
