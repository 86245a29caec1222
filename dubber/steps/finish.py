"""From takes to the film: levels, mix, mux. What is already as it should be is left alone."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from align.types import SAMPLES_PER_MS, Span
from dubber import atomic, languages, media, names, records, srt, store
from dubber.errors import DubberError, UsageError
from dubber.films import has_twin
from dubber.media import Film, MuxPlan, SoftSubtitle
from dubber.stages import mix as mixer
from dubber.stages.mix import Levels
from dubber.steps.hear import Sound
from dubber.steps.run import Run
from dubber.steps.speak import Take
from dubber.steps.wording import Said, Script
from dubber.store import Key

LEVELS, MIX, MUX = 1, 1, 1
"""Versions of what the stages compute."""

BYTES_PER_MS = 2 * 4 * SAMPLES_PER_MS
"""Of stereo float32 sound at 48 kHz."""


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


@dataclass(frozen=True)
class Measured:
    """How loud the film is, and the key under which that is kept."""

    levels: Levels
    key: Key


def space_needed(run: Run, film: Film) -> int:
    """Bytes that a run over this film may still write into its project: what is not there yet, and a new mix."""
    there = [any((run.cache.folder / stage).glob("*/*.wav")) for stage in ("extract", "separate")]
    return film.duration * BYTES_PER_MS * (1 + there.count(False))


def levels(run: Run, sound: Sound) -> Measured:
    """How loud the film and its bed are, measured once."""
    key = store.key(
        "levels", LEVELS, {"source": sound.source_key.digest, "stem": sound.stem_key.digest}, None
    )
    with run.stage("levels") as advance:
        found = run.cache.json(key, lambda: mixer.measure_stems(sound.stems, advance).to_json())
    return Measured(Levels.from_json(found), key)


def mix(run: Run, sound: Sound, takes: Sequence[Take], measured: Measured) -> Track:
    """The takes, in order of their slots, over what stays of the film's own sound."""
    ordered = sorted(takes, key=lambda take: take.slot.span)
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

    def make(out: Path) -> dict[str, Any]:
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
            progress=advance,
        )
        return asdict(report)

    with run.stage("mix") as advance:
        path = run.cache.file(key, ".wav", make, group=run.settings.target)
    report = run.cache.notes(key, ".wav")
    # By position: the same sound may have been mixed when its lines had other names.
    laid = {take.line.id: line for take, line in zip(ordered, report["lines"], strict=True)}
    return Track(path, key, laid, report["source"], report["dub"], report["true_peak"])


def output_path(run: Run, film: Film, wanted: Path | None) -> Path:
    """Where the dubbed film goes: where the person says, where it went before, or beside the film as NAME.es.mp4.

    Raises UsageError where a file lies there by default that no run of ours wrote.
    """
    target = run.settings.target
    if wanted is not None:
        return Path(os.path.normpath(wanted.absolute()))
    before = run.project.output(target)
    if before is not None:
        return before
    name = film.path.name if has_twin(film.path) else film.path.stem
    out = film.path.with_name(names.with_ending(name, f".{target}{media.output_suffix(film)}"))
    if out.exists() and not _is_ours(out):
        raise UsageError(
            f"{out} is there already, and dubber did not make it.", hint="Name another place: --output FILE"
        )
    return out


def _is_ours(path: Path) -> bool:
    """Whether a film says that dubber made it."""
    try:
        return any(media.SYNTHETIC in value for value in media.probe(path).metadata.values())
    except DubberError:
        return False


def film(run: Run, source: Film, track: Track, said: Said, script: Script, out: Path) -> bool:
    """Writes the dubbed film to `out`; False where it was there already, made of the very same things."""
    target, settings = run.settings.target, run.settings
    name = languages.autonym(target)
    subtitles = tuple(
        SoftSubtitle(
            run.cache.file(_plain_key(text), ".srt", partial(_text, text)),
            languages.iso639_2(language),
            languages.autonym(language),
        )
        for language, cues in ((target, script.cues), (settings.source, said.cues))
        # Labels are for the editor, not for the viewer.
        if (text := srt.serialise([replace(cue, speaker=None) for cue in cues]))
    )
    recipe = store.key(
        "mux",
        MUX,
        {"film": run.project.source_digest(), "mix": track.key.digest},
        {
            "subtitles": [[one.path.name, one.language, one.title] for one in subtitles],
            "burn": settings.burn,
            "original": settings.keep_original,
            "synthetic": settings.synthetic_tag,
            "title": name,
            "source": settings.source,
        },
    )
    if run.project.is_made(target, out, recipe.digest):
        return False
    plan = MuxPlan(
        source,
        track.path,
        languages.iso639_2(target),
        name,
        original_language=None if settings.source == "und" else languages.iso639_2(settings.source),
        subtitles=subtitles,
        burn=subtitles[0].path if settings.burn else None,
        keep_original=settings.keep_original,
        synthetic=settings.synthetic_tag,
    )
    atomic.sweep(out.parent, target=out.name)  # what a killed run left of this very film
    with run.stage("mux") as advance:
        made = media.mux(plan, out, progress=advance)
    for note in made.notes:
        run.note(note)
    run.project.remember_output(target, out, recipe.digest)
    return True


def sound_alone(run: Run, source: Film, track: Track, out: Path) -> None:
    """Writes the dubbed track alone, in the format that `out`'s suffix names."""
    target = run.settings.target
    atomic.sweep(out.parent, target=out.name)
    with run.stage("write") as advance:
        media.write_audio(
            track.path,
            out,
            duration=source.duration,
            language=languages.iso639_2(target),
            title=languages.autonym(target),
            synthetic=run.settings.synthetic_tag,
            progress=advance,
        )


def _text(text: str, out: Path) -> None:
    out.write_text(text, "utf-8")


def _plain_key(text: str) -> Key:
    return store.key("subtitles", 1, {}, text)


def _pair(span: Span) -> list[int]:
    return [span.start, span.end]
