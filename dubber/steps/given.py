"""The subtitle files that a person gave, now or for an earlier run. Reads and writes none but through the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dubber import languages
from dubber.errors import UsageError
from dubber.project import Project
from dubber.settings import Settings
from dubber.steps import wording
from dubber.steps.run import Run

NONE = Path("none")
"""In the place of a subtitle file: none, nor the one that was given before."""

KINDS = ("transcript", "translation")


@dataclass(frozen=True)
class Given:
    """What a run goes by, of KINDS: `fresh`, the files that are given now, and `kept`, the digests of those that were
    given before; `names` of both, as files are called by who gave them; `source`, the language that a transcript which
    was given before was said to be in."""

    fresh: Mapping[str, Path]
    kept: Mapping[str, str]
    names: Mapping[str, Path]
    source: str = languages.UNKNOWN


def found(project: Project, target: str, transcript: Path | None, translation: Path | None) -> Given:
    """What is given now, and beside it what the last run into `target` was given. Raises as Project.given."""
    now = dict(zip(KINDS, (transcript, translation), strict=True))
    before = _before(project, target)
    kept = {name: str(before[name]) for name in KINDS if before.get(name) and now[name] is None}
    fresh = {name: path for name, path in now.items() if path is not None and path != NONE}
    names = {name: Path(project.given(digest)[1]) for name, digest in kept.items()}
    source = str(before.get("source") or languages.UNKNOWN) if "transcript" in kept else languages.UNKNOWN
    return Given(fresh, kept, {**names, **fresh}, source)


def taken(run: Run, words: Given) -> tuple[str | None, str | None]:
    """The digests of transcript and translation, None where there is none: what is new is taken into the project, what
    was given before is told of. Raises UsageError, MissingError and SubtitleError as `wording.keep_given`."""
    for name in words.kept:
        run.note(
            f"The {name} that was given before, {words.names[name]}, is used again (--{name} none: do without it)."
        )
    fresh = {name: wording.keep_given(run, path) for name, path in words.fresh.items()}
    digests = {**words.kept, **fresh}
    return digests.get("transcript"), digests.get("translation")


def _before(project: Project, target: str) -> Mapping[str, object]:
    """What of the settings of the last run into `target` tells of words; of a film that was dubbed into other languages
    alone what the last of these tells of its transcript."""
    own = project.run_settings(target)
    if own is not None:
        return own
    runs = (project.run_settings(language) or {} for language in reversed(project.languages))
    heard = next((run for run in runs if run.get("transcript")), {})
    return {name: heard[name] for name in ("transcript", "source") if name in heard}


def with_languages(settings: Settings, words: Given) -> Settings:
    """The settings with the source language where it was not said: a transcript's name may tell it
    (talk.es.srt); without one it stays open where the recogniser can find it, and else is what that knows: English.

    Raises UsageError where it must be said, and where a file's name says another language than the options.
    """
    for name, asked in (("transcript", settings.source), ("translation", settings.target)):
        given = words.names.get(name)
        named = languages.from_file_name(given) if given else None
        if (
            given
            and named
            and asked != languages.UNKNOWN
            and languages.primary(named) != languages.primary(asked)
        ):
            raise UsageError(
                f"{given.name} is {languages.english_name(named)} by its name, not {languages.english_name(asked)}.",
                hint="Give another file, another language, or rename the file.",
            )
    if settings.source != languages.UNKNOWN:
        return settings
    transcript = words.names.get("transcript")
    if transcript is None:
        return replace(settings, source="en") if settings.recogniser == "pocketsphinx" else settings
    source = languages.from_file_name(transcript) or words.source
    if source == languages.UNKNOWN and "translation" not in words.names:
        raise UsageError(
            f"Nothing says which language {transcript.name} is in.",
            hint="Say it (--from es), or put it into the file's name (talk.es.srt).",
        )
    return replace(settings, source=source)
