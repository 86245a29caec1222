"""From takes to the dubbed track: levels and mix. The track is kept as a file; whoever makes the film may listen in
while it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from align.types import Span
from dubber import records, store
from dubber.audio import FloatArray
from dubber.stages import mix as mixer
from dubber.stages.mix import Levels
from dubber.steps.hear import Sound
from dubber.steps.run import Run
from dubber.steps.speak import Take
from dubber.store import Key

LEVELS, MIX = 1, 1
"""Versions of what the stages compute."""

Samples = Callable[[FloatArray], None]
"""Takes consecutive samples of the track, shape (n, 2)."""


@dataclass(frozen=True)
class Measured:
    """How loud the film is, and the key under which that is kept."""

    levels: Levels
    key: Key


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
                mixer.MixLine(take.line.id, take.slot.span, take.line.span, take.path, take.line.speaker)
                for take in ordered
            ],
            out,
            levels=measured.levels,
            background=run.settings.background,
            speech=sound.speech,
            also=also,
        )
        return asdict(report)

    return Mixing(key, ordered, write)


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
