"""A finished dub found on the disk, by its film, its project or itself, and what its project still holds. Only
reads; of what a project names, no sound outside its cache."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from align.types import Span
from dubber import languages, reported, store
from dubber.audio import AudioFile
from dubber.errors import MediaError, MissingError, UsageError
from dubber.folder import reading, settings_in
from dubber.project import SUFFIX, Project, outputs
from dubber.reported import Reported
from dubber.stages.separate import returned
from dubber.steps import sound
from dubber.store import Cache, Key, digest_of
from dubber.taken import cached

CHANGED = "{} has been changed since dubber wrote it."


@dataclass(frozen=True)
class Finished:
    """A dub to be checked: the project's folder, the film, the dubbed film, its language (BCP 47), the report; and what
    the project still holds: the film's sound, its stems (their `within` is what the dub replaces), where the film
    speaks (None: not known), which channel was dubbed."""

    folder: Path
    film: Path
    dubbed: Path
    language: str
    report: Reported
    source: Path | None = None
    stem: Path | None = None
    within: tuple[Span, ...] = ()
    speech: tuple[Span, ...] | None = None
    centre: bool = False
    notes: tuple[str, ...] = ()


def find(place: Path, to: str | None = None) -> tuple[Finished, ...]:
    """The dubs of a project, one for each of its languages or for `to` alone. `place` is the project's folder, its
    film, or a dubbed film, whose project lies beside it; that one dub then.

    Raises MissingError where there is no such place, no project, no dub, no report, or the film that it tells of is
    gone; UsageError where the film is not the one that was dubbed, or `to` is no language of the project.
    """
    project, only = _project(place)
    known = project.languages
    if not known:
        raise MissingError(
            f"Nothing was dubbed in {project.folder} yet.",
            hint="Begin with `dubber translate FILM --to LANGUAGE`.",
        )
    wanted = known if to is None else (languages.canonical(to),)
    if only is not None and to is None:
        wanted = (only,)
    if not set(wanted) <= set(known):
        raise UsageError(
            f"{project.folder.name} is not dubbed into {languages.english_name(wanted[0])}.",
            hint=f"It is dubbed into {', '.join(known)}.",
        )
    _same_film(project)
    return tuple(_finished(project, language) for language in wanted)


def _project(place: Path) -> tuple[Project, str | None]:
    """The project that a person means, and where they named one of its dubbed films, that one's language."""
    with reading():
        if place.is_dir() or (place.suffix == SUFFIX and not place.is_file()):
            return Project.load(place), None
        beside = place.parent.resolve() / place.name
        folders = sorted(beside.parent.glob(f"*{SUFFIX}")) if beside.parent.is_dir() else []
    for folder in folders:
        if folder.is_dir() and beside in outputs(folder):
            project = Project.load(folder)
            written = [one for one in project.languages if project.output(one) == beside]
            if written:
                return project, written[0]
    project = Project.open(place)
    if not project.languages:
        raise MissingError(
            f"{place.name} was not dubbed, and no project beside it wrote it.",
            hint="Name the project's folder, or begin with `dubber translate FILM --to LANGUAGE`.",
        )
    return project, None


def _same_film(project: Project) -> None:
    """Raises UsageError where the film is not, byte for byte, the one that the project dubbed."""
    known = settings_in(project.folder)["source"]
    with reading():
        seen = project.film.stat()
        same = known.get("bytes") == seen.st_size and (
            known.get("mtime_ns") == seen.st_mtime_ns or known.get("digest") == digest_of(project.film)
        )
    if not same:
        raise UsageError(
            f"{project.film.name} has changed since it was dubbed.",
            hint=f"Dub it again and check then: dubber render {project.folder}",
        )


def _finished(project: Project, language: str) -> Finished:
    report = _report(project, language)
    output = Path(report.output) if report.sound_alone else project.output(language)
    with reading():
        there = output is not None and output.is_file()
    if output is None or not there:
        where = (
            f"The dubbed film {output}"
            if output
            else f"A film dubbed into {languages.english_name(language)}"
        )
        raise MissingError(
            f"{where} is not there.", hint=f"Make it again: dubber render {project.folder} --to {language}"
        )
    source, centre = _source(project.cache, report, settings_in(project.folder)["source"])
    stem = _stem(project, report, source)
    speech = _speech(project.cache) if report.speech is None else report.speech
    return Finished(
        project.folder,
        project.film,
        output,
        language,
        report,
        source=source,
        stem=stem,
        within=_within(report, speech) if stem is not None else (),
        speech=speech,
        centre=centre,
        notes=() if report.sound_alone else _notes(project, language, output),
    )


def _report(project: Project, language: str) -> Reported:
    """The report of the last run into a language. Raises MissingError where there is none that is whole."""
    try:
        return reported.read(project.report(language))
    except reported.NotAReportError as error:
        raise MissingError(
            f"{project.folder.name} has no report of its dub into {languages.english_name(language)} that is whole.",
            hint=f"Make it again: dubber render {project.folder} --to {language}",
        ) from error


def _notes(project: Project, language: str, output: Path) -> tuple[str, ...]:
    with reading():
        seen = output.stat()
    written = settings_in(project.folder)["outputs"][language]  # it named the output
    touched = (written.get("bytes"), written.get("mtime_ns")) != (seen.st_size, seen.st_mtime_ns)
    return (CHANGED.format(output.name),) if touched else ()


# -- what the project still holds ------------------------------------------------------------------------


def _source(cache: Cache, report: Reported, known: Mapping[str, Any]) -> tuple[Path | None, bool]:
    """The film's sound as it was taken out for this dub, and whether that is its centre alone."""
    for centre in (True, False):
        key = store.key(
            "extract",
            sound.EXTRACT,
            {"film": str(known.get("digest"))},
            {"track": report.track, "centre": centre},
        )
        if cache.has(key, ".wav"):
            return cache.file(key, ".wav", _never), centre
    return None, False


def _never(_: Path) -> None:
    raise RuntimeError("a film's sound that is in the cache is not made")


def _stem(project: Project, report: Reported, source: Path | None) -> Path | None:
    """The film's speech, where it and the film's sound are both at hand. Raises MediaError where the one is not that of
    the other."""
    if source is None:
        return None
    stem = _newest(project.cache, "separate", ".wav") if report.stem is None else cached(project, report.stem)
    if stem is None:
        return None
    with AudioFile(source) as film, AudioFile(stem) as speech:
        kinds = [(one.rate, one.channels, one.frames) for one in (film, speech)]
    if kinds[0] != kinds[1]:
        raise MediaError(
            f"{stem.name} in {project.folder.name} is not the speech of {project.film.name}.",
            hint=f"Have the report written again: dubber render {project.folder}",
        )
    return stem


def _speech(cache: Cache) -> tuple[Span, ...] | None:
    """Where the film speaks, by voice activity, as an older version kept it."""
    path = _newest(cache, "listen", "")
    if path is None:
        return None
    try:
        with reading():
            return reported.disjoint(json.loads(path.read_bytes())["value"])
    except reported.NotAReportError:  # whoever needs it listens to the film again
        return None


def _newest(cache: Cache, stage: str, suffix: str) -> Path | None:
    """The whole result that a stage made last."""
    ending = suffix or ".json"
    with reading():
        made = [
            path
            for path in (cache.folder / stage).glob(f"*/*{ending}")
            if cache.has(Key(stage, path.stem), suffix)
        ]
        return max(made, key=lambda path: path.stat().st_mtime_ns, default=None)


def _within(report: Reported, speech: tuple[Span, ...] | None) -> tuple[Span, ...]:
    """What of the speech stem the dub replaced."""
    if report.within is not None:
        return report.within
    replaced = [line.source for line in report.lines if line.source_text]
    return returned.regions(replaced, speech or (), report.duration, sorted(report.kept))
