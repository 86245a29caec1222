"""Words and time brought together: the natural pass, what it says of the voices' rates, the solve of the whole film,
and the rounds in which lines that do not fit are asked for in other words. Speaks no take."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from align import phrases, rate, timeline
from align.lanes import MOST_AT_ONCE, Turn, theirs, together
from align.links import plain
from align.rates import Heard, Rates
from align.timeline import Limits, Placement
from align.types import Line, Slot, Span
from dubber import comfort, srt, voices
from dubber.errors import SubtitleError
from dubber.settings import Settings
from dubber.stages import pronounce
from dubber.stages.translate import Tried
from dubber.steps import translation, wording
from dubber.steps.run import Run
from dubber.steps.speak import Part, Utterance
from dubber.steps.state import Event, State, Worded
from dubber.steps.wording import Said, Script
from dubber.times import clock, shortened

ROUNDS = 2
"""How often lines that do not fit are asked for in other words: what two budgets did not bring, a third seldom does."""

NOTHING = "The translator had no other words for it."

SPARE_MS = 300
"""Silence after a line that its words may count on: borrowed without anybody's notice."""

REWORDED = "reworded"
"""The flag of a line that is said in other words than the translator's first."""

LIMITS = {"tight": timeline.TIGHT, "natural": timeline.NATURAL}


NAMES_TOLD = 8
"""Speakers that a note lists."""


def band(settings: Settings, speaker: str) -> comfort.Band:
    """The comfort band of a speaker's voice: what was said of it, or else the engine's, or else that of all."""
    limits = LIMITS[settings.sync]
    engine = voices.named(settings.voice or "").band
    return comfort.of(settings.comfort, speaker) or engine or (limits.slowest, limits.fastest)


@dataclass(frozen=True)
class Fitted:
    """Where everything is spoken: the parts, in order of time; by line id the words that were chosen for those that the
    program may word, and every line's history. `rates` are those of the voices as measured; `estimates` what was
    expected of a line before it was measured (ms: low, median, high); `rounds` how often other words were asked for;
    `cuts` the shot changes (ms) that lines were kept from sounding over."""

    parts: tuple[Part, ...]
    chosen: Mapping[str, str]
    history: Mapping[str, Sequence[Event]]
    rates: Rates
    estimates: Mapping[str, tuple[int, int, int]]
    rounds: int
    cuts: tuple[int, ...] = ()


Measure = Callable[[Sequence[Utterance]], Mapping[Utterance, int | None]]
"""Tells how long words are unhurried (ms); None where nothing in them can be said."""


def fit(
    run: Run,
    script: Script,
    said: Said,
    speech: Sequence[Span],
    duration: int,
    *,
    measure: Measure,
    close: Callable[[], None] | None = None,
    cuts: Sequence[int] = (),
) -> Fitted:
    """A slot for every line that can be spoken, in the words that fit it best; lines that a person worded keep theirs.

    `speech` is where anybody speaks in the film (ms, sorted, disjoint), `duration` the film's in ms. `close` lets go of
    the voice, before a translator works; without it no translator is asked, and the words that an earlier run chose
    stand. `cuts` are the film's shot changes (ms) where known. The last solve is over the chosen words alone, so that a
    run that only says them again comes to the same. Raises SubtitleError where there are more lines than ms.
    """
    _tell_of_strangers(run, script)
    free = script.free if close is not None else script.free - script.settled
    fitting = _Fitting(run, script, free, said, speech, duration, measure, cuts)
    fitting.measure_first()
    placements = fitting.solve()
    if fitting.measure_others(fitting.unfit(placements)):
        placements = fitting.solve()
    rounds = 0
    if close is not None and free and translation.rewords(run):
        while rounds < ROUNDS and (unfit := fitting.unfit(placements)):
            rounds += 1
            if not fitting.reword(unfit, rounds, close):
                break
            placements = fitting.solve()
    if fitting.pin(placements):
        placements = fitting.solve()
    return fitting.outcome(placements, rounds)


class _Fitting:
    """The states of all lines of a film, and the steps over them."""

    def __init__(
        self,
        run: Run,
        script: Script,
        free: Collection[str],
        said: Said,
        speech: Sequence[Span],
        duration: int,
        measure: Measure,
        cuts: Sequence[int],
    ) -> None:
        self._run, self._script, self._said, self._lengths = run, script, said, measure
        self._speech, self._duration, self._cuts = speech, duration, cuts
        self._theirs = theirs([_turn(line) for line in script.lines], speech)
        self._limits: Limits = LIMITS[run.settings.sync]
        self._prior = pronounce.prior(run.settings.target)
        self._answers = {
            one: list(dict.fromkeys(filter(None, map(_spoken, script.answers[one].wordings))))
            for one in script.free
        }
        texts = [line.text for line in script.lines] + [
            text for many in self._answers.values() for text in many
        ]
        self._prior.prepare(map(phrases.unmarked, texts))
        self._heard: dict[Utterance, int] = {}
        self._rates = self._learned()
        self._words = {one.id: one.words for one in said.segments}
        ordered = sorted(script.lines, key=lambda line: line.span)
        bands = {one: band(run.settings, one) for one in {line.speaker for line in ordered}}
        self._states = {line.id: State(line, line.id in free, bands[line.speaker]) for line in ordered}
        for place, line in enumerate(ordered):
            near = ordered[place + 1 : place + 2 + MOST_AT_ONCE]
            onsets = (one.span.start for one in near if not together(_turn(one), _turn(line)))
            onset = next(onsets, duration if len(near) <= MOST_AT_ONCE else 0)
            self._states[line.id].spare = min(SPARE_MS, max(0, onset - line.span.end))
        self._estimates = self._estimated()

    def measure_first(self) -> None:
        """The natural pass: every line in its first wording."""
        if len(self._states) > self._duration:
            raise SubtitleError("There are more lines than milliseconds in the film.")
        self._measure({one: self._wordings(state)[:1] for one, state in self._states.items()}, 0)
        silent = [state.line for state in self._states.values() if not state.wordings]
        self._run.note_all(
            [
                f"{clock(line.span)}: nothing in {shortened(line.text)!r} can be said; the film's sound stays."
                for line in silent
            ]
        )
        self._states = {one: state for one, state in self._states.items() if state.wordings}

    def measure_others(self, unfit: Sequence[State]) -> bool:
        """Measures the other wordings that the translator gave for these lines, where they should fit better; whether
        there were any."""
        others = {}
        for state in unfit:
            texts = self._wordings(state)[1:]
            lengths = [self._rates.estimate(state.line.speaker, phrases.unmarked(text)).ms for text in texts]
            others[state.line.id] = state.promising(texts, lengths)
        self._measure(others, 0)
        return any(others.values())

    def pin(self, placements: Mapping[str, Placement]) -> bool:
        """Settles the words of every line as they were placed; whether there was any choice."""
        kept = {
            one: state.kept([placements[unit.id] for unit in state.units()])
            for one, state in self._states.items()
        }
        for one, state in self._states.items():
            state.pinned = kept[one]
        return any(len(state.wordings) > 1 for state in self._states.values())

    def solve(self) -> dict[str, Placement]:
        """Where each unit is spoken, by its id: all of the film at once."""
        units = [unit for state in self._states.values() for unit in state.units()]
        placed = timeline.solve(units, self._duration, self._limits, self._cuts) if units else ()
        return {one.unit: one for one in placed}

    def unfit(self, placements: Mapping[str, Placement]) -> list[State]:
        """The lines that the program may word, that there may be other words for, and that do not fit: spoken outside
        their comfort band, holding on only by more silence than is theirs, or with less to say than the actor."""
        return [
            state
            for state in self._states.values()
            if state.free
            and not state.exhausted
            and state.is_unfit([placements[one.id] for one in state.units()])
        ]

    def reword(self, unfit: Sequence[State], turn: int, close: Callable[[], None]) -> bool:
        """Asks for other words for these lines, and measures them; whether there were any."""
        tried, budgets = {}, {}
        for state in unfit:
            speaker = state.line.speaker
            tried[state.line.id] = tuple(
                Tried(one.text, self._rates.budget(speaker, one.natural)) for one in state.wordings
            )
            budgets[state.line.id] = self._rates.budget(speaker, state.wanted)
        said = [one for one in self._said.segments if one.text]
        pauses = wording.pause_shares(said, self._speech)
        answers = translation.reword(self._run, said, tried, budgets, pauses, before=close)
        fresh = {}
        for state in unfit:
            given = answers.get(state.line.id)
            texts = list(map(_spoken, given.wordings)) if given else []
            fresh[state.line.id] = [text for text in texts if text and not state.has(text)]
            if not fresh[state.line.id]:
                none = "The translator could not be asked for other words." if given is None else NOTHING
                state.tell(turn, "left", none, state.wordings[0])
                state.exhausted = True
        self._measure(fresh, turn)
        return any(fresh.values())

    def outcome(self, placements: Mapping[str, Placement], rounds: int) -> Fitted:
        """What came of it, with the last step of every line's history."""
        parts: list[Part] = []
        for state in self._states.values():
            placed = [placements[one.id] for one in state.units()]
            kept = state.kept(placed)
            line = replace(state.line, text=kept.text)
            first = next(iter(self._answers.get(line.id, ())), kept.text)
            flags = () if kept.text == first else (REWORDED,)
            for phrase, place in zip(kept.phrases, placed, strict=True):
                slot = Slot(place.unit, place.span, place.natural, place.flags + flags)
                parts.append(Part(place.unit, line, phrase.text, phrase.said, phrase.span, slot))
            state.conclude(placed, rounds, reworded=bool(flags))
        chosen = {
            one: state.kept([placements[unit.id] for unit in state.units()]).text
            for one, state in self._states.items()
            if state.free
        }
        history = {one: state.history for one, state in self._states.items()}
        ordered = tuple(sorted(parts, key=lambda part: part.slot.span))
        told = (self._rates, self._estimates, rounds, tuple(self._cuts))
        return Fitted(ordered, chosen, history, *told)

    def _wordings(self, state: State) -> list[str]:
        """What a line may be said in: its own words, or all that the translator gave at first, the best liked first.
        What was found for it later is found again by the same questions, so that every run comes to the same."""
        return self._answers[state.line.id] if state.free else [state.line.text]

    def _estimated(self) -> dict[str, tuple[int, int, int]]:
        found = {}
        for one, state in self._states.items():
            guess = self._rates.estimate(state.line.speaker, phrases.unmarked(self._wordings(state)[0]))
            found[one] = (guess.low, guess.ms, guess.high)
        return found

    def _measure(self, texts: Mapping[str, Iterable[str]], turn: int) -> None:
        """Measures wordings, by line id, and gives them to their lines; what nobody can say is left out."""
        cut = {
            one: [(text, self._cut(self._states[one].line, text)) for text in many]
            for one, many in texts.items()
        }
        asked = [
            Utterance(self._states[one].line, phrase.said)
            for one, many in cut.items()
            for _, pieces in many
            for phrase in pieces
        ]
        if not asked:
            return
        lengths = self._lengths(asked)
        self._heard |= {one: length for one, length in lengths.items() if length is not None}
        for one, many in cut.items():
            state = self._states[one]
            for text, pieces in many:
                measured = [lengths[Utterance(state.line, phrase.said)] for phrase in pieces]
                known = [length for length in measured if length is not None]
                if len(known) == len(measured):
                    state.add(Worded(text, pieces, tuple(known)), turn)
        self._rates = self._learned()

    def _learned(self) -> Rates:
        """The rates by what was measured so far; budgets are counted as translators count, by letters."""
        target = self._run.settings.target
        heard = [Heard(said.line.speaker, said.text, ms) for said, ms in self._heard.items()]
        return Rates.learned(heard, self._prior, lambda text: float(rate.spoken_ms(text, target)))

    def _cut(self, line: Line, text: str) -> tuple[phrases.Phrase, ...]:
        """The words in the phrases that the actor's pauses ask for, each with the speech that it stands for."""
        words = [word for one in line.segments for word in self._words.get(one, ())]
        target = self._run.settings.target
        speech = self._theirs.get(_turn(line), self._speech)
        return phrases.phrases(line.span, text, words, speech, target, self._prior)


def _tell_of_strangers(run: Run, script: Script) -> None:
    """Tells the person of comfort bands that are nobody's."""
    every = (*script.lines, *script.untranslated, *script.hushed)
    speakers = list(dict.fromkeys(line.speaker for line in every if line.speaker))
    strangers = comfort.strangers(run.settings.comfort, speakers)
    if strangers:
        there = f"its speakers are {_listed(speakers)}." if speakers else "nobody speaks in it."
        run.note(f"A comfort band was said of {_listed(strangers)}, who has no line in the dub: {there}")


def _turn(line: Line) -> Turn:
    return Turn(line.span, line.speaker)


def _listed(names: Sequence[str]) -> str:
    """Names in a sentence, the first of many."""
    return ", ".join(names[:NAMES_TOLD]) + (", …" if len(names) > NAMES_TOLD else "")


def _spoken(text: str) -> str:
    """A translator's words as they are said, and as they come back from the subtitles that they are written to."""
    return srt.spoken(plain(text))
