"""From takes to the dubbed track: levels, rooms and mix. The track is kept as a file; whoever makes the film may
listen in while it is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from align.types import Span
from dubber import records, store
from dubber.audio import FloatArray
from dubber.loudness import Loudness
from dubber.stages import acoustics
from dubber.stages import mix as mixer
from dubber.stages.laying import loudness_in_place
from dubber.stages.mix import BlockMix, Earlier, Levels, MixLine
from dubber.stages.room import Room
from dubber.steps.run import Run
from dubber.steps.sound import Sound
from dubber.steps.speak import Take
from dubber.store import Key

LEVELS, ROOMS, PLACED, MIX = 1, 1, 1, 7
"""Versions of what the stages compute."""

Samples = Callable[[FloatArray], None]
"""Takes consecutive samples of the track, shape (n, 2)."""


@dataclass(frozen=True)
class Measured:
    """How loud the film is, and the key under which that is kept."""

    levels: Levels
    key: Key


DIGEST = re.compile(r"[0-9a-f]{64}")

REMEMBERED = "mix"
"""The name under which a run's settings remember the key of its mix."""


@dataclass(frozen=True)
class Mixing:
    """A track that may have to be mixed yet: the key it is kept under, its takes in order of their slots, and what
    writes it to a path, handing the samples on as well, and returns the mixer's report."""

    key: Key
    takes: tuple[Take, ...]
    write: Callable[[Path, Samples], dict[str, Any]]


@dataclass(frozen=True)
class Track:
    """The dubbed track: its file, the key it is kept under, and what the mixer measured: of every part (by id) and
    of the whole."""

    path: Path
    key: Key
    lines: Mapping[str, Mapping[str, Any]]
    source_lufs: float | None
    dub_lufs: float | None
    true_peak: float | None


def levels(run: Run, sound: Sound) -> Measured:
    """How loud the film and its bed are, measured once."""
    key = store.key(
        "levels", LEVELS, {"source": sound.source_key.digest, "stem": sound.stem_key.digest}, None
    )
    with run.stage("levels") as advance:
        found = run.cache.json(key, lambda: mixer.measure_stems(sound.stems, advance).to_json())
    return Measured(Levels.from_json(found), key)


def prepare(run: Run, sound: Sound, takes: Sequence[Take], measured: Measured) -> Mixing:
    """The mix of the takes over what stays of the film's own sound; nothing is mixed yet."""
    ordered = tuple(sorted(takes, key=lambda take: take.slot.span))
    rooms = _rooms(run, sound, ordered)
    lines = [
        {
            "take": take.kept.key.digest,
            "slot": _pair(take.slot.span),
            "source": _pair(take.part.source),
            "speaker": take.line.speaker,
            "room": room and room.to_json(),
        }
        for take, room in zip(ordered, rooms, strict=True)
    ]
    settings = run.settings
    key = store.key(
        "mix",
        MIX,
        {
            "source": sound.source_key.digest,
            "stem": sound.stem_key.digest,
            "levels": measured.key.digest,
        },
        {
            "lines": lines,
            "background": settings.background,
            "room": settings.room,
            "speech": records.spans_json(sound.speech),
        },
    )
    spoken = _line_levels(run, sound, ordered)
    over = [
        sound.source_key.digest,
        sound.stem_key.digest,
        measured.key.digest,
        settings.background,
        settings.room,
    ]
    earlier = _earlier(run, over)
    laid = [
        MixLine(
            take.id,
            take.slot.span,
            take.part.source,
            take.kept.path,
            take.line.speaker,
            digest=take.kept.key.digest,
            take_loudness=take.kept.loudness,
            source_loudness=heard,
            room=room,
        )
        for take, heard, room in zip(ordered, spoken, rooms, strict=True)
    ]
    laid = [line if line.room is None else _placed(run, line) for line in laid]

    def write(out: Path, also: Samples) -> dict[str, Any]:
        report = mixer.mix(
            sound.stems,
            laid,
            out,
            levels=measured.levels,
            background=settings.background,
            speech=sound.speech,
            also=also,
            earlier=earlier,
        )
        return {**asdict(report), "over": over}

    return Mixing(key, ordered, write)


def _rooms(run: Run, sound: Sound, takes: Sequence[Take]) -> list[Room | None]:
    """The room that each line is said in, found once per scene; none where the person does not want rooms."""
    found: list[Room | None] = [None] * len(takes)
    if not run.settings.room:
        return found
    order = sorted(range(len(takes)), key=lambda index: takes[index].part.source)
    spans = [takes[index].part.source for index in order]
    groups = acoustics.scenes(spans)
    with run.stage("rooms") as advance:
        for done, scene in enumerate(groups, start=1):
            parts = [takes[order[index]].part for index in scene]
            where, who = [part.source for part in parts], [part.line.speaker for part in parts]
            key = store.key(
                "room",
                ROOMS,
                {"stem": sound.stem_key.digest},
                {"spans": records.spans_json(where), "speakers": who},
            )
            kept = run.cache.json(key, partial(_rooms_json, sound, where, who))
            for index, room in zip(scene, kept, strict=True):
                found[order[index]] = room and Room.from_json(room)
            advance(done / len(groups))
    run.note(_told(found))
    return found


def _told(rooms: Sequence[Room | None]) -> str:
    """What was found, for the person who asked for rooms."""
    ringing = sum(room is not None and room.echo is not None for room in rooms)
    banded = sum(room is not None and room.band is not None for room in rooms)
    if not ringing and not banded:
        return "No room, telephone or door was heard around the film's speech, so every line stays dry."
    return (
        f"Of {len(rooms)} lines, {ringing} ring as their scene does and {banded} are cut off as by a telephone "
        "or a door, because the film's speech is."
    )


def _rooms_json(sound: Sound, spans: Sequence[Span], speakers: Sequence[str]) -> list[Any]:
    # The stem as it is on the disk: what rings after a segment no longer counts as its speech.
    rooms = acoustics.rooms(sound.stems.speech_file, spans, speakers)
    return [room and room.to_json() for room in rooms]


def _placed(run: Run, line: MixLine) -> MixLine:
    """The line with its take's loudness as it is in the line's room, measured once."""
    assert line.room is not None
    key = store.key("placed", PLACED, {"take": line.digest}, line.room.to_json())
    heard = Loudness.from_json(run.cache.json(key, lambda: loudness_in_place(line).to_json()))
    return replace(line, take_loudness=heard)


def _line_levels(run: Run, sound: Sound, takes: Sequence[Take]) -> list[Loudness]:
    """How loud the source speech of each line is, measured once for all edits that leave its time alone."""
    spans = [take.part.source for take in takes]
    key = store.key("line-levels", LEVELS, {"stem": sound.stem_key.digest}, records.spans_json(spans))
    found = run.cache.json(key, lambda: [mixer.measure_line(sound.stems, span).to_json() for span in spans])
    return [Loudness.from_json(one) for one in found]


def _earlier(run: Run, over: list[Any]) -> Earlier | None:
    """The last run's mix, where it lies here still and was made over the same things."""
    digest = str((run.project.run_settings(run.settings.target) or {}).get(REMEMBERED))
    key = Key("mix", digest)
    if not DIGEST.fullmatch(digest) or not run.cache.has(key, ".wav"):
        return None
    notes = run.cache.notes(key, ".wav")
    if notes.get("over") != over:
        return None
    path = run.cache.file(key, ".wav", lambda _: None, group=run.settings.target)
    return Earlier(path, [BlockMix(**block) for block in notes["blocks"]])


def track(run: Run, mixing: Mixing, make: Callable[[Path], dict[str, Any]] | None = None) -> Track:
    """The track, mixed where it is not there yet: by `make`, or by itself alone."""

    def alone(out: Path) -> dict[str, Any]:
        with run.stage("mix"):
            return mixing.write(out, lambda _: None)

    path = run.cache.file(mixing.key, ".wav", make or alone, group=run.settings.target)
    report = run.cache.notes(mixing.key, ".wav")
    # By position: the same sound may have been mixed when its lines had other names.
    laid = {take.id: line for take, line in zip(mixing.takes, report["lines"], strict=True)}
    return Track(path, mixing.key, laid, report["source"], report["dub"], report["true_peak"])


def _pair(span: Span) -> list[int]:
    return [span.start, span.end]
