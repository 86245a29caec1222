"""The command line: parses what a person typed, prints what came of it, exits with a status. Nothing else."""

from __future__ import annotations

import io
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from dubber import check_cli, models_cli, plan_cli, takes_cli
from dubber.options import (
    AudioOnly,
    Background,
    BaseUrl,
    Beam,
    Burn,
    CastFolder,
    Comfort,
    Compute,
    Context,
    Device,
    Diarizer,
    Emotion,
    Folder,
    From,
    Glossary,
    Hotwords,
    Jobs,
    Model,
    Original,
    Output,
    ProfileName,
    Recogniser,
    Register,
    Room,
    Seed,
    Separator,
    Shots,
    Speakers,
    Sync,
    Tag,
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
from dubber.told import STATUSES, Json, error_json, print_json, told

app = typer.Typer(
    name="dubber",
    help="Dub films on the picture's clock: the same speakers, the same timing, another language.",
    epilog=STATUSES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(models_cli.app, name="models")


def _print_version(wanted: bool) -> None:
    if wanted:
        from dubber import __version__

        sys.stdout.write(f"dubber {__version__}\n")
        raise typer.Exit


@app.callback()
def _top(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command(epilog=STATUSES)
def translate(
    film: Annotated[Path, typer.Argument(help="A film, or a recording.", show_default=False)],
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
    device: Device = None,
    whisper_model: WhisperModel = None,
    compute: Compute = None,
    beam: Beam = None,
    hotwords: Hotwords = None,
    model: Model = None,
    base_url: BaseUrl = None,
    context: Context = None,
    register: Register = None,
    glossary: Glossary = None,
    speakers: Speakers = None,
    cast: CastFolder = None,
    background: Background = None,
    room: Room = None,
    output: Output = None,
    project: Folder = None,
    audio_only: AudioOnly = None,
    burn: Burn = None,
    keep_original: Original = None,
    synthetic_tag: Tag = None,
    track: Track = None,
    emotion: Emotion = None,
    sync: Sync = None,
    comfort: Comfort = None,
    shots: Shots = None,
    takes: Takes = None,
    seed: Seed = None,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Dub one film: film in, dubbed film out. What an earlier run has done is taken from its project.

    Choices that are not made here are those of dubber.toml beside the film, and else the profile's.
    """
    chosen = said(locals())
    trust(base_url)
    with told(as_json) as shown:
        from dubber import config, pipeline, progress, tables
        from dubber.settings import Settings, over

        choices = over(config.of_folder(film.absolute().parent), chosen)
        terms = choices.pop("glossary", None)
        settings = Settings.of(**choices)
        with progress.watcher(json=as_json) as watch:
            report = pipeline.translate(
                film,
                settings,
                transcript=transcript,
                translation=translation,
                glossary=Path(terms) if terms else None,
                folder=project,
                output=output,
                audio_only=audio_only,
                jobs=jobs,
                progress=watch,
            )
        shown["reports"] = [report]
        if not as_json:
            tables.show_report(report)
        pipeline.check([report])


@app.command(epilog=STATUSES)
def render(
    project: Annotated[
        Path, typer.Argument(help="A project folder (talk.dub), or its film.", show_default=False)
    ],
    to: Annotated[str | None, typer.Option("--to", help="Only this language of the project.")] = None,
    background: Background = None,
    room: Room = None,
    output: Output = None,
    audio_only: AudioOnly = None,
    burn: Burn = None,
    keep_original: Original = None,
    emotion: Emotion = None,
    sync: Sync = None,
    comfort: Comfort = None,
    shots: Shots = None,
    takes: Takes = None,
    voice: VoiceName = None,
    seed: Seed = None,
    device: Device = None,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Make a dub again after its subtitles, voices or choices were edited. Only what changed is made."""
    changes = said(locals())
    changes.pop("target", None)
    with told(as_json) as shown:
        from dubber import pipeline, progress, tables

        with progress.watcher(json=as_json) as watch:
            reports = pipeline.render(
                project,
                target=to,
                changes=changes,
                output=output,
                audio_only=audio_only,
                jobs=jobs,
                progress=watch,
            )
        shown["reports"] = reports
        if not as_json:
            for report in reports:
                tables.show_report(report)
        pipeline.check(reports)


@app.command(epilog=STATUSES)
def batch(
    folder: Annotated[
        Path, typer.Argument(help="A folder of films; folders in it are walked too.", show_default=False)
    ],
    to: To = None,
    source: From = None,
    profile: ProfileName = None,
    recogniser: Recogniser = None,
    separator: Separator = None,
    diarizer: Diarizer = None,
    translator: Translator = None,
    voice: VoiceName = None,
    device: Device = None,
    whisper_model: WhisperModel = None,
    compute: Compute = None,
    beam: Beam = None,
    hotwords: Hotwords = None,
    model: Model = None,
    base_url: BaseUrl = None,
    context: Context = None,
    register: Register = None,
    glossary: Glossary = None,
    speakers: Speakers = None,
    cast: CastFolder = None,
    background: Background = None,
    room: Room = None,
    burn: Burn = None,
    keep_original: Original = None,
    synthetic_tag: Tag = None,
    emotion: Emotion = None,
    sync: Sync = None,
    comfort: Comfort = None,
    shots: Shots = None,
    takes: Takes = None,
    seed: Seed = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Films at the same time.")] = 1,
    as_json: Json = False,
) -> None:
    """Dub every film in a folder. Run it again to go on; one bad film stops nobody.

    Choices that are not made here are those of the nearest dubber.toml, from a film's own folder up to this one.
    """
    chosen = said(locals())
    trust(base_url)
    with told(as_json) as shown:
        from dubber import batch as films
        from dubber import tables

        with tables.batch_watcher(json=as_json) as watch:
            outcomes = list(films.dub_folder(folder, chosen, jobs=jobs, watch=watch))
        shown["films"] = [outcome.as_json() for outcome in outcomes]
        if not as_json:
            tables.show_batch(outcomes)
        films.check(outcomes)


@app.command(epilog=STATUSES)
def profiles(as_json: Json = False) -> None:
    """Print the profiles: which engines each chooses, and whether they are on this machine."""
    with told(as_json) as shown:
        from dubber import profiles as lanes
        from dubber import tables

        found = lanes.describe()
        shown["profiles"] = [one.as_json() for one in found]
        if not as_json:
            tables.show_profiles(found)


@app.command(epilog=STATUSES)
def doctor(as_json: Json = False) -> None:
    """Say what this machine has and lacks, and the command for each lack."""
    with told(as_json) as shown:
        from dubber import doctor as surgery
        from dubber import tables

        findings = surgery.examine()
        shown["findings"] = [finding.as_json() for finding in findings]
        if not as_json:
            tables.show_doctor(findings)
        surgery.check(findings)


plan_cli.register(app)
takes_cli.register(app)
check_cli.register(app)


def main() -> NoReturn:
    """The console script. Ctrl-C and a polite kill both end in exit status 130, with the project fit to resume."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):  # a film's name may hold what a terminal, or UTF-8, cannot
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if "--json" not in sys.argv:
        app()
        raise SystemExit(0)
    # typer exports one of its usage errors, whose base is all of them.
    usage_error: Any = typer.BadParameter.__base__
    try:
        raise SystemExit(app(standalone_mode=False))
    except usage_error as error:
        print_json({"error": error_json("UsageError", error.format_message(), None, error.exit_code)})
        raise SystemExit(error.exit_code) from None
