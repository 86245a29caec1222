"""From the track to the film: mux, and where the film goes. What is already as it should be is left alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from io import RawIOBase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from align import phrases
from align.links import plain
from align.types import SAMPLES_PER_MS
from dubber import atomic, languages, media, names, srt, store
from dubber.audio import FloatArray
from dubber.errors import DubberError, UsageError
from dubber.films import has_twin
from dubber.media import Dialogue, Film, Muxed, MuxPlan, SoftSubtitle, Surround
from dubber.media.containers import container_for
from dubber.steps.mixing import Mixing, Track, track
from dubber.steps.run import Run
from dubber.steps.speak import Take
from dubber.steps.translation import UNTRANSLATED
from dubber.steps.wording import SILENCE, Said, Script
from dubber.store import Key

MUX = 4
"""Version of what the stage makes."""

RELEASE_S = 0.05
"""Seconds between two looks at whether the mixer has noticed that nobody listens any more."""

BYTES_PER_MS = 2 * 4 * SAMPLES_PER_MS
"""Of stereo float32 sound at 48 kHz."""


def space_needed(run: Run, film: Film) -> int:
    """Bytes that a run over this film may still write into its project: what is not there yet, and a new mix."""
    there = [any((run.cache.folder / stage).glob("*/*.wav")) for stage in ("extract", "separate")]
    return film.duration * BYTES_PER_MS * (1 + there.count(False))


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


def film(
    run: Run,
    source: Film,
    mixing: Mixing,
    said: Said,
    script: Script,
    takes: Sequence[Take],
    out: Path,
    dialogue: Dialogue = media.MIXED,
) -> tuple[Track, bool]:
    """The track, and whether the dubbed film was written to `out` now; False where it was there already, made of the
    very same things. `dialogue` says which channels the track takes the place of; the mix's key names the same. The
    dub's subtitles are up while its `takes` are heard; es.srt keeps the source's times."""
    shown = srt.following(script.cues, ((take.line.span, take.heard) for take in takes))
    target, settings = run.settings.target, run.settings
    name = languages.autonym(target)
    stacks = container_for(out.suffix).stacks
    subtitles = tuple(
        SoftSubtitle(
            run.cache.file(_plain_key(text), ".srt", partial(_text, text)),
            languages.iso639_2(language),
            languages.autonym(language),
        )
        for language, cues in ((target, shown), (run.language, said.cues))
        if (text := _for_viewers(cues, stacks))
    )
    recipe = store.key(
        "mux",
        MUX,
        {"film": run.project.source_digest(), "mix": mixing.key.digest},
        {
            "subtitles": [[one.path.name, one.language, one.title] for one in subtitles],
            "burn": settings.burn,
            "original": settings.keep_original,
            "synthetic": settings.synthetic_tag,
            "title": name,
            "source": run.language,
        },
    )
    if run.project.is_made(target, out, recipe.digest):
        return track(run, mixing), False
    atomic.sweep(out.parent, target=out.name)  # what a killed run left of this very film
    plan = MuxPlan(
        source,
        Path(),
        languages.iso639_2(target),
        name,
        original_language=None if run.language == "und" else languages.iso639_2(run.language),
        subtitles=subtitles,
        burn=subtitles[0].path if settings.burn and subtitles else None,
        keep_original=settings.keep_original,
        synthetic=settings.synthetic_tag,
        track=settings.track,
        surround=_around(run, source, dialogue),
    )
    if run.cache.has(mixing.key, ".wav"):
        mixed = track(run, mixing)
        with run.stage("mux") as advance:
            made = media.mux(replace(plan, dub=mixed.path), out, progress=advance)
    else:
        mixed, made = _mixed_and_muxed(run, mixing, plan, out)
    for note in made.notes:
        run.note(note)
    run.project.remember_output(target, out, recipe.digest)
    return mixed, True


def _mixed_and_muxed(run: Run, mixing: Mixing, plan: MuxPlan, out: Path) -> tuple[Track, Muxed]:
    """Mixes the track and makes the film of it at the same time: ffmpeg encodes what comes through a pipe while the
    mixer goes on. Each takes a processor, and neither waits for the other to end."""
    muxed: list[Muxed] = []

    def make(path: Path) -> dict[str, Any]:
        with TemporaryDirectory(prefix="dubber-") as scratch, ThreadPoolExecutor(1) as beside:
            pipe = Path(scratch) / "dub.f32"
            os.mkfifo(pipe)
            mixed = beside.submit(_mix_into, mixing, path, pipe)
            try:
                with run.stage("mix and mux") as advance:
                    muxed.append(
                        media.mux(
                            replace(plan, dub=pipe, live=True), out, progress=advance, ready=mixed.result
                        )
                    )
            finally:
                while not mixed.done():
                    # ffmpeg is gone: a mixer that waits for a reader gets one, and sees it leave.
                    os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
                    wait([mixed], timeout=RELEASE_S)
            return mixed.result()

    return track(run, mixing, make), muxed[0]


def _mix_into(mixing: Mixing, path: Path, pipe: Path) -> dict[str, Any]:
    """Writes the track to `path` and its raw samples into `pipe`."""
    with pipe.open("wb", buffering=0) as listener:
        return mixing.write(path, lambda samples: _all_of(samples, listener))


def _all_of(samples: FloatArray, listener: RawIOBase) -> None:
    rest = memoryview(np.ascontiguousarray(samples, dtype="<f4").tobytes())
    while rest:
        rest = rest[listener.write(rest) or 0 :]


def sound_alone(
    run: Run,
    source: Film,
    track: Track,
    out: Path,
    dialogue: Dialogue = media.MIXED,
) -> None:
    """Writes the dubbed track alone, in the format that `out`'s suffix names, with all its channels where that holds
    them."""
    target = run.settings.target
    atomic.sweep(out.parent, target=out.name)
    with run.stage("write") as advance:
        notes = media.write_audio(
            track.path,
            out,
            duration=source.duration,
            language=languages.iso639_2(target),
            title=languages.autonym(target),
            synthetic=run.settings.synthetic_tag,
            surround=_around(run, source, dialogue),
            progress=advance,
        )
    for note in notes:
        run.note(note)


def _around(run: Run, source: Film, dialogue: Dialogue) -> Surround | None:
    """The channels that stay around the dub."""
    return Surround(source, run.settings.track) if dialogue.centre else None


def _for_viewers(cues: Sequence[srt.Cue], stacks: bool) -> str:
    """The SRT file of the cues without what is there for the person who edits them, labels, strengths, the marks of
    pauses, lines that wait for words or are silent; and with what players need, marks of direction, and one cue at a
    time where two may not be up at once (`stacks`)."""
    shown = [
        replace(cue, speaker=None, text=phrases.unmarked(srt.shown(cue.text)))
        for cue in cues
        if plain(cue.text).casefold() not in (UNTRANSLATED, SILENCE)
    ]
    return srt.directed(srt.serialise(shown if stacks else srt.stacked(shown)))


def _text(text: str, out: Path) -> None:
    out.write_text(text, "utf-8")


def _plain_key(text: str) -> Key:
    return store.key("subtitles", 1, {}, text)
