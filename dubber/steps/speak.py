"""From words to takes: how long the voice takes for them, and each of them spoken into its slot. A take is kept under
everything that shaped it, so that an edited line alone is spoken again."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from align.lanes import Turn, together
from align.types import SAMPLES_PER_MS, Line, Slot, Span
from dubber import pace, store
from dubber.audio import AudioFile, AudioWriter
from dubber.errors import SynthesisError
from dubber.loudness import Loudness, loudness_of
from dubber.stages import synthesize
from dubber.stages import takes as scoring
from dubber.stages.takes import Likeness, Score
from dubber.steps.casting import Cast, Manner
from dubber.steps.run import Run
from dubber.store import Key
from dubber.times import clock, shortened
from tts.door import DOUBT, SpeechRequest

WAV = ".wav"

NATURAL, TAKE = 2, 6
"""Versions of what the natural pass and the synthesize stage compute."""

NATURAL_MS = "natural_ms"
"""The note of how long this very take is unhurried."""

LEAD_MS = 150
"""A take that is silent for so long at its start is begun earlier by as much, where that time is free: what is heard
then begins when it should."""

Work = TypeVar("Work", bound=Hashable)


@dataclass(frozen=True)
class Utterance:
    """Words that are said in one breath: a line's, or those of one of its phrases."""

    line: Line
    text: str


@dataclass(frozen=True)
class Part:
    """A stretch that is spoken: a line, or a phrase of one. `id` is the line's, with the phrase's number where there
    are several; `text` are its words, `said` those that the voice is given (with a comma where a phrase goes on);
    `source` is the speech that it stands for; `slot` where it is spoken."""

    id: str
    line: Line
    text: str
    said: str
    source: Span
    slot: Slot

    @property
    def turn(self) -> Turn:
        """What it stands for in the film, and whose voice that is."""
        return Turn(self.source, self.line.speaker)

    @property
    def utterance(self) -> Utterance:
        """What is said in it."""
        return Utterance(self.line, self.said)


@dataclass(frozen=True)
class Recording:
    """One take of a part: with which seed, the file (mono, 48 kHz), where sound begins and ends in it (ms from its
    start), what the engine noted, how loud it is, what its manner was taken from, and how like its references it is,
    which is asked where takes compete."""

    seed: int
    path: Path
    key: Key
    onset: int
    offset: int
    notes: Mapping[str, float | int | str]
    loudness: Loudness
    manner: Manner
    likeness: Likeness = scoring.UNKNOWN


@dataclass(frozen=True)
class Take:
    """A part as it sounds in the dub: the recording that was kept of it, all that were made, and their scores."""

    part: Part
    kept: Recording
    all: tuple[Recording, ...]
    scores: tuple[Score, ...]

    @property
    def id(self) -> str:
        """The part's."""
        return self.part.id

    @property
    def line(self) -> Line:
        """The line that it is of."""
        return self.part.line

    @property
    def slot(self) -> Slot:
        """Where it is spoken."""
        return self.part.slot

    @property
    def heard(self) -> Span:
        """Where on the film's clock it is heard."""
        start = self.slot.span.start
        return Span(start + self.kept.onset, start + max(self.kept.offset, self.kept.onset))


def by_line(parts: Iterable[Part]) -> dict[str, list[Part]]:
    """The parts of each line, by its id, in order of time."""
    found: dict[str, list[Part]] = {}
    for part in sorted(parts, key=lambda one: one.slot.span):
        found.setdefault(part.line.id, []).append(part)
    return found


def whole(parts: Sequence[Part]) -> Slot:
    """The slot of a line, from those of its parts in order of time."""
    spans = [part.slot.span for part in parts]
    return Slot(
        parts[0].line.id,
        Span(spans[0].start, spans[-1].end),
        sum(part.slot.natural for part in parts),
        tuple(dict.fromkeys(flag for part in parts for flag in part.slot.flags)),
        tuple(spans) if len(spans) > 1 else (),
    )


def natural_lengths(run: Run, cast_: Cast, said: Sequence[Utterance]) -> dict[Utterance, int | None]:
    """How long each is unhurried, in ms, as the engine measures it; None where nothing in it can be spoken."""
    keys = {one: store.key("natural", NATURAL, cast_.inputs(one.line), _said(run, one)) for one in said}
    lengths: dict[Utterance, int | None] = {}
    with run.stage("measure") as advance:
        for group, missing in _groups(list(keys), lambda one: run.cache.has(keys[one]), cast_.engine.batch):
            requests = [_request(run, cast_, one, None) for one in missing]
            found = synthesize.measure(cast_.engine, [_named(one) for one in missing], requests)
            measured = dict(zip(missing, found, strict=True))
            for one in group:
                lengths[one] = run.cache.json(keys[one], partial(measured.get, one))
            advance(len(lengths) / len(keys))
    return lengths


def recordings(
    run: Run, cast_: Cast, parts: Sequence[Part], picked: Mapping[str, int] | None = None
) -> dict[str, tuple[Recording, ...]]:
    """Every part spoken into its slot, exactly as long, as often as the person wants takes; by the part's id, in order
    of their seeds. `picked` are seeds that a person chose, by part. Kept as each batch is made.

    Raises SynthesisError where a part could not be spoken with any seed, after its batch was kept.
    """
    seeds = {part.id: _seeds(run, cast_, (picked or {}).get(part.id)) for part in parts}
    wanted = [(part, seed) for part in parts for seed in seeds[part.id]]
    keys = {(part.id, seed): _take_key(run, cast_, part, seed) for part, seed in wanted}
    made: dict[str, list[Recording]] = {part.id: [] for part in parts}
    with run.stage("synthesize") as advance:
        done = 0
        for group, missing in _groups(
            wanted, lambda one: run.cache.has(keys[one[0].id, one[1]], WAV), cast_.engine.batch
        ):
            fresh = _spoken(run, cast_, missing)
            lost: list[SynthesisError] = []
            for part, seed in group:
                spoken = fresh.get((part.id, seed))
                if not isinstance(spoken, SynthesisError):
                    made[part.id].append(_recording(run, cast_, part, seed, keys[part.id, seed], spoken))
                elif seed == seeds[part.id][-1] and not made[part.id]:
                    lost.append(spoken)
            if lost:
                raise lost[0]
            done += len(group)
            advance(done / len(wanted))
        pace.remember(pace_name(run), run.spoken, run.speaking)
        if any(len(many) > 1 for many in seeds.values()):
            made = {
                one.id: _likened(run, cast_, one, made[one.id]) if len(made[one.id]) > 1 else made[one.id]
                for one in parts
            }
    return {one: tuple(many) for one, many in made.items()}


def pace_name(run: Run) -> str:
    """Under what it is remembered how fast the voice speaks here."""
    return f"{run.settings.voice} on {run.settings.device}"


def settled(takes: Sequence[Take]) -> tuple[Take, ...]:
    """The takes in order of time, each begun earlier by as long as it is silent at its start, where that time is free:
    what is heard begins when the plan says. Lengths stay as they are."""
    placed: list[Take] = []
    near: list[Take] = []  # those that sound so late that the next one may meet them
    for take in sorted(takes, key=lambda one: one.slot.span):
        span = take.slot.span
        near = [one for one in near if one.slot.span.end > span.start - LEAD_MS]
        before = (one.slot.span.end for one in near if not together(one.part.turn, take.part.turn))
        lead = max(0, min(take.kept.onset, LEAD_MS, span.start - max(before, default=0)))
        moved = Span(span.start - lead, span.end - lead)
        placed.append(replace(take, part=replace(take.part, slot=replace(take.slot, span=moved))))
        near.append(placed[-1])
    return tuple(sorted(placed, key=lambda one: one.slot.span))


def _seeds(run: Run, cast_: Cast, picked: int | None) -> tuple[int, ...]:
    """The seeds of a part's takes."""
    settings = run.settings
    if settings.takes > 1 and not cast_.engine.draws:
        run.note(f"{cast_.engine.name} says a line the same way every time: one take of each is made.")
    return scoring.seeds(settings.seed, settings.takes, draws=cast_.engine.draws, picked=picked)


def _take_key(run: Run, cast_: Cast, part: Part, seed: int) -> Key:
    said = {**_said(run, part.utterance), "seed": seed, "slot_ms": part.slot.span.duration}
    return store.key("take", TAKE, cast_.inputs(part.line), said)


def _spoken(
    run: Run, cast_: Cast, wanted: Sequence[tuple[Part, int]]
) -> dict[tuple[str, int], synthesize.Spoken | SynthesisError | None]:
    """What became of each part, by its id, with each seed."""
    if not wanted:
        return {}
    requests = [
        replace(_request(run, cast_, part.utterance, part.slot.span.duration * SAMPLES_PER_MS), seed=seed)
        for part, seed in wanted
    ]
    began = time.monotonic()
    made = synthesize.speak(cast_.engine, [_named(part.utterance) for part, _ in wanted], requests)
    spoken = sum(part.slot.span.duration for part, _ in wanted)
    run.spoken += spoken
    run.speaking += time.monotonic() - began
    return {(part.id, seed): one for (part, seed), one in zip(wanted, made, strict=True)}


def _likened(run: Run, cast_: Cast, part: Part, made: Sequence[Recording]) -> list[Recording]:
    """The recordings with what the engine says of their likeness to the references."""
    told = []
    for one in made:
        key = store.key("likeness", scoring.REVISION, {"take": one.key.digest}, None)

        def asked(one: Recording = one) -> list[float | None]:
            with AudioFile(one.path) as file:
                samples = file.read(0, file.frames)[:, 0]
            voice, emotion = cast_.voice(part.line.speaker), cast_.emotion(part.line)
            (found,) = scoring.likeness(cast_.engine, [samples], voice, emotion)
            return [found.timbre, found.emotion]

        told.append(replace(one, likeness=scoring.Likeness(*run.cache.json(key, asked))))
    return told


def _recording(
    run: Run, cast_: Cast, part: Part, seed: int, key: Key, fresh: synthesize.Spoken | None
) -> Recording:
    """A recording from the cache, where `fresh` is put first if it was not there."""

    def make(out: Path) -> dict[str, Any]:
        assert fresh is not None, "a part without sound has no slot"
        with AudioWriter(out, channels=1) as writer:
            writer.append(fresh.samples[:, None])
        return {
            "onset": fresh.onset,
            "offset": fresh.offset,
            "notes": {**fresh.notes, NATURAL_MS: fresh.natural},
            "loudness": loudness_of(fresh.samples[:, None]).to_json(),
            "manner": cast_.manner(part.line),
        }

    path = run.cache.file(key, WAV, make)
    kept = run.cache.notes(key, WAV)
    loudness = Loudness.from_json(kept["loudness"])
    return Recording(seed, path, key, kept["onset"], kept["offset"], kept["notes"], loudness, kept["manner"])


def doubts(takes: Sequence[Take]) -> list[str]:
    """Sentences for the person: which takes the engine itself does not trust."""
    return [
        f"{clock(take.slot.span)}: listen to {shortened(take.part.text)!r}: {take.kept.notes[DOUBT]}."
        for take in takes
        if DOUBT in take.kept.notes
    ]


def _groups(
    wanted: Sequence[Work], kept: Callable[[Work], bool], size: int
) -> Iterator[tuple[list[Work], list[Work]]]:
    """The work in order, in groups that hold up to `size` that are not `kept` yet; each with those of it."""
    group: list[Work] = []
    missing: list[Work] = []
    for one in wanted:
        group.append(one)
        if not kept(one):
            missing.append(one)
        if len(missing) == size:
            yield group, missing
            group, missing = [], []
    if group:
        yield group, missing


def _request(run: Run, cast_: Cast, said: Utterance, target: int | None) -> SpeechRequest:
    return SpeechRequest(
        said.text,
        run.settings.target,
        cast_.voice(said.line.speaker),
        cast_.emotion(said.line),
        target=target,
        seed=run.settings.seed,
    )


def _said(run: Run, said: Utterance) -> dict[str, object]:
    return {"text": said.text, "language": run.settings.target, "seed": run.settings.seed}


def _named(said: Utterance) -> Line:
    """The line as an error names it: with the words that are said."""
    return replace(said.line, text=said.text)
