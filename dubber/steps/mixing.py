"""From takes to the dubbed track: levels and mix. The track is kept as a file; whoever makes the film may listen in
while it is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from align.types import Span
from dubber import records, store
from dubber.audio import FloatArray
from dubber.loudness import Loudness
from dubber.stages import mix as mixer
from dubber.stages.mix import BlockMix, Earlier, Levels
from dubber.steps.hear import Sound
from dubber.steps.run import Run
from dubber.steps.speak import Take
from dubber.store import Key

LEVELS, MIX = 1, 3
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
    """The dubbed track: its file, the key it is kept under, and what the mixer measured: of every line (by id) and
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
    lines = [
        {
            "take": take.key.digest,
            "slot": _pair(take.slot.span),
            "source": _pair(take.line.span),
            "speaker": take.line.speaker,
        }
        for take in ordered
    ]
    key = store.key(
        "mix",
        MIX,
        {
            "source": sound.source_key.digest,
            "stem": sound.stem_key.digest,
            "levels": measured.key.digest,
        },
        {"lines": lines, "background": run.settings.background, "speech": records.spans_json(sound.speech)},
    )

    def write(out: Path, also: Samples) -> dict[str, Any]:
        report = mixer.mix(
            sound.stems,
            [
                mixer.MixLine(
                    take.line.id,
                    take.slot.span,
                    take.line.span,
                    take.path,
                    take.line.speaker,
                    digest=take.key.digest,
                    take_loudness=take.loudness,
                    source_loudness=heard,
                )
                for take, heard in zip(ordered, spoken, strict=True)
            ],
            out,
            levels=measured.levels,
            background=run.settings.background,
            speech=sound.speech,
            also=also,
            earlier=earlier,
        )
        return {**asdict(report), "over": over}

    spoken = _line_levels(run, sound, ordered)
    over = [sound.source_key.digest, sound.stem_key.digest, measured.key.digest, run.settings.background]
    earlier = _earlier(run, over)
    return Mixing(key, ordered, write)


def _line_levels(run: Run, sound: Sound, takes: Sequence[Take]) -> list[Loudness]:
    """How loud the source speech of each line is, measured once for all edits that leave its time alone."""
    spans = [take.line.span for take in takes]
    key = store.key("line-levels", LEVELS, {"stem": sound.stem_key.digest}, records.spans_json(spans))
    found = run.cache.json(key, lambda: [mixer.measure_line(sound.stems, span).to_json() for span in spans])
    return [Loudness.from_json(one) for one in found]


def _earlier(run: Run, over: list[str]) -> Earlier | None:
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
    laid = {take.line.id: line for take, line in zip(mixing.takes, report["lines"], strict=True)}
    return Track(path, mixing.key, laid, report["source"], report["dub"], report["true_peak"])


def _pair(span: Span) -> list[int]:
    return [span.start, span.end]
