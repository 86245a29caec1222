"""From takes to the film: levels, mix, mux. What is already as it should be is left alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from align.types import SAMPLES_PER_MS, Span
from dubber import languages, media, srt, store
from dubber.media import Film, MuxPlan, SoftSubtitle
from dubber.stages import mix as mixer
from dubber.stages.mix import Levels
from dubber.steps.hear import Sound
from dubber.steps.run import Run
from dubber.steps.speak import Take
from dubber.steps.wording import TRANSCRIPT
from dubber.store import Key

LEVELS, MIX, MUX = 1, 1, 1
"""Versions of what the stages compute."""

BYTES_PER_MS = 2 * 4 * SAMPLES_PER_MS
"""Of stereo float32 sound at 48 kHz."""

SOUND_FILES = 4
"""How many files as long as the film a first run keeps: sound, speech stem, and two mixes at the most."""


@dataclass(frozen=True)
class Track:
    """The dubbed track: its file, the key it is kept under, and what the mixer measured."""

    path: Path
    key: Key
    report: dict[str, Any]


def space_needed(run: Run, film: Film) -> int:
    """Bytes that a run over this film may still write into its project; 0 once its sound lies there."""
    fresh = not any((run.cache.folder / "separate").glob("*/*.wav"))
    return film.duration * BYTES_PER_MS * SOUND_FILES if fresh else 0


def levels(run: Run, sound: Sound) -> Levels:
    """How loud the film and its bed are, measured once."""
    key = store.key(
        "levels", LEVELS, {"source": sound.source_key.digest, "stem": sound.stem_key.digest}, None
    )
    with run.stage("levels") as advance:
        return Levels.from_json(
            run.cache.json(key, lambda: mixer.measure_stems(sound.stems, advance).to_json())
        )


def mix(run: Run, sound: Sound, takes: Sequence[Take], measured: Levels) -> Track:
    """The takes over what stays of the film's own sound."""
    lines = [
        {"take": take.key.digest, "slot": _pair(take.slot.span), "source": _pair(take.line.span)}
        for take in takes
    ]
    key = store.key(
        "mix",
        MIX,
        {"source": sound.source_key.digest, "stem": sound.stem_key.digest},
        {
            "lines": lines,
            "background": run.settings.background,
            "speakers": [take.line.speaker for take in takes],
        },
    )

    def make(out: Path) -> dict[str, Any]:
        report = mixer.mix(
            sound.stems,
            [
                mixer.MixLine(take.line.id, take.slot.span, take.line.span, take.path, take.line.speaker)
                for take in takes
            ],
            out,
            levels=measured,
            background=run.settings.background,
            speech=sound.speech,
            progress=advance,
        )
        return asdict(report)

    with run.stage("mix") as advance:
        path = run.cache.file(key, ".wav", make)
    return Track(path, key, run.cache.notes(key, ".wav"))


def output_path(run: Run, film: Film, wanted: Path | None) -> Path:
    """Where the dubbed film goes: where the person says, where it went before, or beside the film as NAME.es.mp4."""
    target = run.settings.target
    if wanted is not None:
        return wanted.absolute()
    before = run.project.output(target)
    if before is not None:
        return before
    return film.path.with_name(f"{film.path.stem}.{target}{media.output_suffix(film)}")


def film(run: Run, source: Film, track: Track, out: Path) -> bool:
    """Writes the dubbed film to `out`; False where it was there already, made of the very same things."""
    target, settings = run.settings.target, run.settings
    name = languages.autonym(target)
    subtitles = tuple(
        SoftSubtitle(
            run.cache.file(_plain_key(text), ".srt", partial(_text, text)),
            languages.iso639_2(language),
            languages.autonym(language),
        )
        for language, text in _subtitle_texts(run)
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
    with run.stage("mux") as advance:
        made = media.mux(plan, out, progress=advance)
    for note in made.notes:
        run.progress.note(note)
    run.project.remember_output(target, out, recipe.digest)
    return True


def sound_alone(run: Run, source: Film, track: Track, out: Path) -> None:
    """Writes the dubbed track alone, in the format that `out`'s suffix names."""
    target = run.settings.target
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


def _subtitle_texts(run: Run) -> list[tuple[str, str]]:
    """(language, SRT text) of both subtitle tracks, the dub's first; labels are for the editor, not the viewer."""
    texts = []
    for name, language in ((run.settings.target, run.settings.target), (TRANSCRIPT, run.settings.source)):
        cues = srt.read(run.project.subtitles(name).path).cues
        texts.append((language, srt.serialise([replace(cue, speaker=None) for cue in cues])))
    return texts


def _text(text: str, out: Path) -> None:
    out.write_text(text, "utf-8")


def _plain_key(text: str) -> Key:
    return store.key("subtitles", 1, {}, text)


def _pair(span: Span) -> list[int]:
    return [span.start, span.end]
