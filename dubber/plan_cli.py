"""`dubber plan`: what a dub will be, before any voice is made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dubber.options import (
    BaseUrl,
    Comfort,
    Context,
    Diarizer,
    Folder,
    From,
    Glossary,
    Jobs,
    Model,
    ProfileName,
    Recogniser,
    Register,
    Separator,
    Shots,
    Speakers,
    Sync,
    Takes,
    To,
    Track,
    Transcript,
    Translation,
    Translator,
    VoiceName,
    WhisperModel,
    said,
    trust,
)
from dubber.told import STATUSES, Json, told


def register(app: typer.Typer) -> None:
    """Adds the command to the program."""
    app.command(epilog=STATUSES)(plan)


def plan(
    film: Annotated[Path, typer.Argument(help="A film, or a project folder (talk.dub).", show_default=False)],
    to: To = None,
    source: From = None,
    profile: ProfileName = None,
    transcript: Transcript = None,
    translation: Translation = None,
    recogniser: Recogniser = None,
    separator: Separator = None,
    diarizer: Diarizer = None,
    translator: Translator = None,
    voice: VoiceName = None,
    whisper_model: WhisperModel = None,
    model: Model = None,
    base_url: BaseUrl = None,
    context: Context = None,
    register: Register = None,
    glossary: Glossary = None,
    speakers: Speakers = None,
    sync: Sync = None,
    comfort: Comfort = None,
    takes: Takes = None,
    shots: Shots = None,
    track: Track = None,
    project: Folder = None,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Say what a dub will be before any voice is made: each line's slot, expected rate and risk, and the time it takes.

    The film is heard and translated for that, which `dubber translate` with the same choices does not do again. Behind
    a project folder, and where no language is said of a film that was dubbed, the choices are those remembered.
    """
    choices = said(locals())
    trust(base_url)
    with told(as_json) as shown:
        from dubber import config, pipeline, progress, tables
        from dubber.project import SUFFIX, Project
        from dubber.settings import Settings, over

        with progress.watcher(json=as_json) as watch:
            beside = config.of_folder(film.absolute().parent)
            dubbed = film.is_dir() or film.suffix == SUFFIX
            if not dubbed and "target" not in {**beside, **choices}:
                place = Project.open(film, project)
                dubbed, film = bool(place.languages), place.folder if place.languages else film
            if dubbed:
                target = choices.pop("target", None)
                plans = pipeline.plan_again(film, target=target, changes=choices, jobs=jobs, progress=watch)
            else:
                choices = over(beside, choices)
                terms = choices.pop("glossary", None)
                plans = [
                    pipeline.plan(
                        film,
                        Settings.of(**choices),
                        transcript=transcript,
                        translation=translation,
                        glossary=Path(terms) if terms else None,
                        folder=project,
                        jobs=jobs,
                        progress=watch,
                    )
                ]
        shown["plans"] = plans
        if not as_json:
            for one in plans:
                tables.show_plan(one)
