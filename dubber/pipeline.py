"""The flow, top to bottom: probe → extract → separate → transcribe → diarize → segment → translate → cast →
plan ⇄ synthesize → mix → mux → report. What each step does and keeps is in dubber/steps."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from align.types import Span
from dubber import atomic, engines, languages, media, profiles, voices
from dubber.errors import MissingError, TranslationError, UsageError
from dubber.media import Film
from dubber.process import cores
from dubber.progress import Progress, Quiet
from dubber.project import SUFFIX, Project
from dubber.settings import Settings
from dubber.steps import (
    casting,
    choosing,
    cuts,
    finish,
    fitting,
    given,
    hear,
    mixing,
    paging,
    planning,
    report,
    sound,
    speak,
    who,
    wording,
)
from dubber.steps import translation as translations
from dubber.steps.fitting import Fitted
from dubber.steps.hear import Found
from dubber.steps.run import Run
from dubber.steps.session import Session
from dubber.steps.sound import Sound
from dubber.steps.speak import Take
from dubber.steps.wording import Said, Script
from dubber.times import clock


def translate(
    film: Path,
    settings: Settings,
    *,
    transcript: Path | None = None,
    translation: Path | None = None,
    glossary: Path | None = None,
    folder: Path | None = None,
    output: Path | None = None,
    audio_only: Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Dub `film` as `settings` say and return the report (plain data, also kept as report.json).

    `transcript` and `translation` are subtitle files that replace recognising and translating; those that were given
    for an earlier run still do, unless they are given.NONE. `glossary` is a CSV file of terms. `folder` is the
    project's, FILM.dub beside the film by default. Raises the whole DubberError tree; of lines that nobody could
    translate `check` tells.
    """
    with _begun(film, settings, transcript, translation, glossary, folder, jobs, progress) as (run, header):
        return dub(run, header, output, audio_only)


def plan(
    film: Path,
    settings: Settings,
    *,
    transcript: Path | None = None,
    translation: Path | None = None,
    glossary: Path | None = None,
    folder: Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """What `translate` would make of `film`, before any voice is made: as plain data (see `planning.plan`).

    What is heard and translated for that is kept, and `translate` goes on from there. The voice need not be on this
    machine. Raises as `translate` does.
    """
    given = (transcript, translation, glossary)
    with _begun(film, settings, *given, folder, jobs, progress, voice=False) as (run, header):
        return planned(run, header)


def plan_again(
    place: Path,
    *,
    target: str | None = None,
    changes: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """What `render` would make of a project, in each of its languages or in `target` alone, as `plan` tells it."""
    with closing(_remembered(place, target, changes, jobs, progress, voice=False)) as runs:
        return [planned(run, header) for run, header in runs]


@contextmanager
def _begun(
    film: Path,
    settings: Settings,
    transcript: Path | None,
    translation: Path | None,
    glossary: Path | None,
    folder: Path | None,
    jobs: int | None,
    progress: Progress | None,
    *,
    voice: bool = True,
) -> Iterator[tuple[Run, Film]]:
    """A run over a film's project, which is held locked, with what a person gave taken in; and the film's header."""
    project = Project.open(film, folder)
    automatic = profiles.leaves_voice(settings)
    before = project.voice(settings.target) if settings.voice is None else None
    settings = profiles.filled(settings, voice_before=before)
    words = given.found(project, settings.target, transcript, translation)
    settings = given.with_languages(settings, words)
    standing = {**words.names, **({"glossary": glossary} if glossary else {})}
    profiles.require(settings.changed(**{name: str(path) for name, path in standing.items()}), voice=voice)
    header = _header(project, settings)
    with project.lock():
        run = Run(project, settings, progress or Quiet(), jobs or cores())
        if automatic:
            _tell_voice(run, keep=voice)
        heard, worded = given.taken(run, words)
        run.settings = replace(
            settings,
            transcript=heard,
            translation=worded,
            glossary=translations.keep_glossary(run, glossary) if glossary else None,
        )
        yield run, header


def render(
    place: Path,
    *,
    target: str | None = None,
    changes: Mapping[str, Any] | None = None,
    output: Path | None = None,
    audio_only: Path | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Dub a project again, in each of its languages or in `target` alone, with `changes` to its settings.

    `place` is a project folder or a film that has one. Only what changed since is made. Returns a report per
    language. Raises the whole DubberError tree; MissingError where nothing was ever dubbed there.
    """
    single = bool(output or audio_only)
    with closing(_remembered(place, target, changes, jobs, progress, single=single)) as runs:
        return [dub(run, header, output, audio_only) for run, header in runs]


def _remembered(
    place: Path,
    target: str | None,
    changes: Mapping[str, Any] | None,
    jobs: int | None,
    progress: Progress | None,
    *,
    voice: bool = True,
    single: bool = False,
) -> Generator[tuple[Run, Film], None, None]:
    """A run for each language that a project was dubbed into, or for `target` alone, and the film's header. `single`
    says that there can be only one. The project is held locked until the last is done."""
    project = Project.load(place) if place.is_dir() or place.suffix == SUFFIX else Project.open(place)
    known = project.languages
    if not known:
        raise MissingError(
            f"Nothing was dubbed in {place} yet.", hint="Begin with `dubber translate FILM --to LANGUAGE`."
        )
    wanted = known if target is None else (languages.canonical(target),)
    if not set(wanted) <= set(known):
        raise UsageError(
            f"This project is not dubbed into {wanted[0]}.", hint=f"It is dubbed into {', '.join(known)}."
        )
    if len(wanted) > 1 and single:
        raise UsageError(
            "One output cannot hold several languages.", hint=f"Say which: --to {' or --to '.join(known)}."
        )
    chosen = [_settings_again(project, language, changes or {}) for language in wanted]
    for settings, _ in chosen:  # all of them before any work on the first
        profiles.require(settings, voice=voice)
    with project.lock():
        for settings, automatic in chosen:
            header = _header(project, settings)
            run = Run(project, settings, progress or Quiet(), jobs or cores(), retry=False)
            if automatic:
                _tell_voice(run, keep=voice)
            yield run, header


def _settings_again(project: Project, language: str, changes: Mapping[str, Any]) -> tuple[Settings, bool]:
    """The settings that a project remembers of a language, with `changes`; and whether the voice was left to it."""
    remembered = dict(project.run_settings(language) or {})
    if "recogniser" not in remembered:  # made when these engines were all there were
        remembered = {**profiles.DRAFT.choices, **remembered}
    wished = Settings.from_json(remembered).changed(**changes)
    return profiles.filled(wished), profiles.leaves_voice(wished)


def dub(run: Run, film: Film, output: Path | None, audio_only: Path | None) -> dict[str, Any]:
    """The flow over a project that is held locked; returns its report. `film` is its header."""
    run.cache.reset_counts()
    media.require_ffmpeg()
    voices.check(run.settings.voice or "", run.settings.target)
    out = finish.output_path(run, film, output) if audio_only is None else audio_only.absolute()
    if audio_only is None:
        media.check_output(film, out, burn=run.settings.burn)
        if run.settings.burn:
            media.require_fonts(languages.autonym(run.settings.target))
    else:
        media.check_output(None, out, inputs=[film.path])
    heard, found, said, script = _scripted(run, film)
    script, fitted, takes, cast = _spoken(run, film, heard, found, said, script, cuts.find(run, film))
    dubbed = [*(take.line for take in takes), *script.hushed]
    heard = sound.spoken(heard, said.segments, dubbed, found.heard.unheard if found.heard else ())
    mix = mixing.prepare(run, heard, takes, mixing.levels(run, heard))
    if audio_only is None:
        track, fresh = finish.film(run, film, mix, said, script, takes, out, heard.dialogue)
    else:
        track, fresh = mixing.track(run, mix), True
        finish.sound_alone(run, film, track, out, heard.dialogue)
    run.project.remember_run(
        run.settings.target, {**run.settings.as_json(), mixing.REMEMBERED: track.key.digest}
    )
    alone = audio_only is not None
    told = report.write(
        run, film, heard, found, said, script, fitted, cast, takes, track, out, fresh=fresh, sound_alone=alone
    )
    paging.write(run, told, heard, report.by_line(takes))
    return told


def planned(run: Run, film: Film) -> dict[str, Any]:
    """The plan of a project that is held locked; `film` is its header."""
    run.cache.reset_counts()
    media.require_ffmpeg()
    try:
        voices.available(run.settings.voice or "")
    except MissingError as error:
        run.note(f"{error} {error.hint or ''}".strip())
    heard, _, said, script = _scripted(run, film)
    return planning.plan(run, film, said, script, heard.speech, cuts.find(run, film))


def _scripted(run: Run, film: Film) -> tuple[Sound, Found, Said, Script]:
    """From the film to the lines that will be said: all that comes before the voice, once what it needs was looked
    for."""
    hear.check(run)
    who.check(run)
    translations.check(run)
    atomic.require(run.project.folder, finish.space_needed(run, film), "The film's sound")
    run.note_all(engines.unused(run.settings))
    run.note_all(voices.named(run.settings.voice or "").notes(run.settings.target))
    heard = sound.prepare(run, film)
    found = hear.segments(run, film, heard)
    said = wording.transcript(run, found.segments, film.duration)
    return heard, found, said, wording.script(run, said, heard.speech, film.duration)


def _spoken(
    run: Run,
    film: Film,
    heard: Sound,
    found: Found,
    said: Said,
    script: Script,
    shots: Sequence[int],
) -> tuple[Script, Fitted, tuple[Take, ...], dict[str, Any]]:
    """Every line spoken into its slot, in the words that fit it, and what the voices and manners were taken from. The
    voice is in memory only while it speaks."""
    with Session(run, lambda engine: casting.prepare(run, engine, script, said, found, heard)) as session:
        fitted = fitting.fit(
            run,
            script,
            said,
            heard.speech,
            film.duration,
            measure=lambda wanted: speak.natural_lengths(run, session.cast, wanted),
            close=session.close if run.retry else None,  # one model at a time is in memory
            cuts=shots,
        )
        reworded = wording.reworded(run, script, said, fitted.chosen, film.duration)
        picks = run.project.picks(run.settings.target)
        made = speak.recordings(
            run, session.cast, fitted.parts, {part: pick.seed for part, pick in picks.items()}
        )
        cast = session.told()
    return reworded, fitted, choosing.takes(run, fitted.parts, made, picks), cast


def check(reports: Sequence[Mapping[str, Any]]) -> None:
    """Raises TranslationError, naming the first of them, where lines of films that are done wait for their words."""
    waiting = [report for report in reports if report["untranslated"]]
    if not waiting:
        return
    first = waiting[0]
    spans = [Span(*one["source"]) for one in first["untranslated"]]
    at = ", ".join(clock(span) for span in spans[:5]) + (", …" if len(spans) > 5 else "")
    more = f" (and so do {len(waiting) - 1} other films)" if len(waiting) > 1 else ""
    words = (
        f"Put words in the place of {translations.UNTRANSLATED} in {first['settings']['target']}.srt and run "
    )
    again = ", or run the same command again to have them tried again"
    raise TranslationError(
        f"{Path(first['output']).name} is written, but {len(spans)} of its lines wait for a translation, and the "
        f"film's own sound is heard there: {at}{more}.",
        hint=f"{words}`dubber render`{'' if first['settings']['translation'] else again}.",
    )


def _tell_voice(run: Run, *, keep: bool) -> None:
    """Tells the person which voice their language has, where they left that to the program. `keep` says whether it is
    about to speak: then later runs keep to it."""
    voice, language = voices.named(run.settings.voice or ""), languages.english_name(run.settings.target)
    run.note(f"{language} is spoken by {voice.title} (--voice {voice.name}).")
    if keep:
        run.project.remember_voice(run.settings.target, voice.name)


def _header(project: Project, settings: Settings) -> Film:
    """The film's header, read before anything is written. Raises MediaError where there is nothing to dub."""
    film = media.probe(project.film)
    film.audio(settings.track)
    return film
