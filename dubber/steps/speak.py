"""From lines to takes: natural pass, plan, synthesize. A take is kept under everything that shaped it, so that
an edited line alone is spoken again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from align import slots as planner
from align.types import SAMPLES_PER_MS, Line, Slot
from dubber import store
from dubber.audio import AudioWriter
from dubber.errors import SynthesisError
from dubber.loudness import Loudness, loudness_of
from dubber.stages import synthesize
from dubber.steps.casting import Cast, Manner
from dubber.steps.run import Run
from dubber.store import Key
from dubber.times import clock, shortened
from tts.door import DOUBT, Result, SpeechRequest

WAV = ".wav"

NATURAL, TAKE = 2, 3
"""Versions of what the natural pass and the synthesize stage compute."""


@dataclass(frozen=True)
class Take:
    """One line spoken into its slot: the file (mono, 48 kHz), where sound begins and ends in it (ms from its
    start), what the engine noted, how loud it is, and what its manner was taken from."""

    line: Line
    slot: Slot
    path: Path
    key: Key
    onset: int
    offset: int
    notes: Mapping[str, float | int | str]
    loudness: Loudness
    manner: Manner


def natural_lengths(run: Run, cast_: Cast, lines: Sequence[Line]) -> dict[str, int]:
    """How long each line is unhurried, in ms, as the engine measures it; lines that cannot be spoken are left out."""
    lengths: dict[str, int] = {}
    silent: list[str] = []
    keys = {line.id: store.key("natural", NATURAL, cast_.inputs(line), _said(run, line)) for line in lines}
    with run.stage("measure") as advance:
        done = 0
        for group, missing in _groups(lines, lambda line: run.cache.has(keys[line.id]), cast_.engine.batch):
            requests = [_request(run, cast_, line, None) for line in missing]
            measured = _by_line(missing, synthesize.measure(cast_.engine, missing, requests))
            for line in group:
                length = run.cache.json(keys[line.id], partial(measured.get, line.id))
                if length is None:
                    silent.append(
                        f"{clock(line.span)}: nothing in {shortened(line.text)!r} can be said; the film's sound stays."
                    )
                else:
                    lengths[line.id] = length
            done += len(group)
            advance(done / len(lines))
    run.note_all(silent)
    return lengths


def plan(lines: Sequence[Line], lengths: Mapping[str, int], duration: int) -> dict[str, Slot]:
    """A slot for every line that can be spoken, by line id."""
    spoken = [line for line in lines if line.id in lengths]
    return {slot.line: slot for slot in planner.plan(spoken, lengths, duration)}


def takes(run: Run, cast_: Cast, lines: Sequence[Line], slots: Mapping[str, Slot]) -> tuple[Take, ...]:
    """Every line spoken into its slot, exactly as long; kept as each batch is made."""
    spoken = [line for line in lines if line.id in slots]
    keys = {
        line.id: store.key(
            "take",
            TAKE,
            cast_.inputs(line),
            {**_said(run, line), "slot_ms": slots[line.id].span.duration},
        )
        for line in spoken
    }
    made: list[Take] = []
    with run.stage("synthesize") as advance:
        for group, missing in _groups(
            spoken, lambda line: run.cache.has(keys[line.id], WAV), cast_.engine.batch
        ):
            requests = [
                _request(run, cast_, line, slots[line.id].span.duration * SAMPLES_PER_MS) for line in missing
            ]
            fresh = _by_line(missing, synthesize.speak(cast_.engine, missing, requests))
            failed = [one for one in fresh.values() if isinstance(one, SynthesisError)]
            spared = {line: one for line, one in fresh.items() if not isinstance(one, SynthesisError)}
            kept = [line for line in group if line.id in spared or line.id not in fresh]
            made += [
                _take(run, cast_, line, slots[line.id], keys[line.id], spared.get(line.id)) for line in kept
            ]
            if failed:
                raise failed[0]
            advance(len(made) / len(spoken))
    run.note_all(
        [
            f"{clock(take.line.span)}: listen to {shortened(take.line.text)!r}: {take.notes[DOUBT]}."
            for take in made
            if DOUBT in take.notes
        ]
    )
    return tuple(made)


def _take(run: Run, cast_: Cast, line: Line, slot: Slot, key: Key, fresh: synthesize.Spoken | None) -> Take:
    """A line's take from the cache, where `fresh` is put first if it was not there."""

    def make(out: Path) -> dict[str, object]:
        assert fresh is not None, "a line without sound has no slot"
        with AudioWriter(out, channels=1) as writer:
            writer.append(fresh.samples[:, None])
        loudness = loudness_of(fresh.samples[:, None]).to_json()
        return {
            "onset": fresh.onset,
            "offset": fresh.offset,
            "notes": fresh.notes,
            "loudness": loudness,
            "manner": cast_.manner(line),
        }

    path = run.cache.file(key, WAV, make)
    kept = run.cache.notes(key, WAV)
    loudness = Loudness.from_json(kept["loudness"])
    return Take(line, slot, path, key, kept["onset"], kept["offset"], kept["notes"], loudness, kept["manner"])


def _groups(
    lines: Sequence[Line], kept: Callable[[Line], bool], size: int
) -> Iterator[tuple[list[Line], list[Line]]]:
    """Lines in order, in groups that hold up to `size` that are not `kept` yet; each with those of it."""
    group: list[Line] = []
    missing: list[Line] = []
    for line in lines:
        group.append(line)
        if not kept(line):
            missing.append(line)
        if len(missing) == size:
            yield group, missing
            group, missing = [], []
    if group:
        yield group, missing


def _by_line(lines: Sequence[Line], results: Sequence[Result]) -> dict[str, Result]:
    return {line.id: result for line, result in zip(lines, results, strict=True)}


def _request(run: Run, cast_: Cast, line: Line, target: int | None) -> SpeechRequest:
    return SpeechRequest(
        line.text,
        run.settings.target,
        cast_.voice(line.speaker),
        cast_.emotion(line),
        target=target,
        seed=run.settings.seed,
    )


def _said(run: Run, line: Line) -> dict[str, object]:
    return {"text": line.text, "language": run.settings.target, "seed": run.settings.seed}
