"""The command line: parses what a person typed, prints what came of it, exits with a status. Nothing else."""

from __future__ import annotations

import io
import signal
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from dubber import models_cli
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

To = Annotated[str, typer.Option("--to", help="Language to dub into: es, pt-BR, Japanese …")]
From = Annotated[str | None, typer.Option("--from", help="Language spoken in the film.")]
ProfileName = Annotated[
    str, typer.Option("--profile", help="studio (the real models) or draft (embedded engines).")
]
VoiceName = Annotated[
    str | None,
    typer.Option("--voice", help="indextts2 or espeak; the profile's own where it is not said."),
]
Speakers = Annotated[int, typer.Option("--speakers", min=1, help="How many people speak.")]
Background = Annotated[
    str, typer.Option("--background", help="What stays of the original: bed (music and effects), duck, none.")
]
Burn = Annotated[
    bool, typer.Option("--burn", help="Also draw the subtitles into the picture (re-encodes it).")
]
NoOriginal = Annotated[bool, typer.Option("--no-original", help="Leave the original audio track out.")]
NoTag = Annotated[
    bool, typer.Option("--no-synthetic-tag", help="Do not mark the film's speech as synthetic.")
]
Track = Annotated[int, typer.Option("--track", min=0, help="Which audio track is the original, from 0.")]
Emotion = Annotated[
    float, typer.Option("--emotion", min=0.0, max=1.0, help="How much of a line's manner is kept.")
]
Seed = Annotated[int, typer.Option("--seed", help="For voices that draw at random.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Where the dubbed film goes.")]
AudioOnly = Annotated[
    Path | None, typer.Option("--audio-only", help="Write the dubbed sound alone to this .wav.")
]
Folder = Annotated[
    Path | None, typer.Option("--project", help="Project folder; FILM.dub beside the film by default.")
]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes to use.")]


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
    to: To,
    source: From = None,
    profile: ProfileName = "studio",
    voice: VoiceName = None,
    transcript: Annotated[
        Path | None, typer.Option("--transcript", help="What is said, as .srt: nothing is recognised then.")
    ] = None,
    translation: Annotated[
        Path | None,
        typer.Option("--translation", help="What is to be said, as .srt: nothing is translated then."),
    ] = None,
    speakers: Speakers = 1,
    background: Background = "bed",
    output: Output = None,
    project: Folder = None,
    audio_only: AudioOnly = None,
    burn: Burn = False,
    no_original: NoOriginal = False,
    no_tag: NoTag = False,
    track: Track = 0,
    emotion: Emotion = 1.0,
    seed: Seed = 0,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Dub one film: film in, dubbed film out. What an earlier run has done is taken from its project."""
    with told(as_json) as shown:
        from dubber import pipeline, progress, tables
        from dubber.settings import Settings

        settings = Settings.of(
            to,
            source=source,
            profile=profile,
            voice=voice,
            speakers=speakers,
            background=background,
            track=track,
            burn=burn,
            keep_original=not no_original,
            synthetic_tag=not no_tag,
            emotion=emotion,
            seed=seed,
        )
        with progress.watcher(json=as_json) as watch:
            report = pipeline.translate(
                film,
                settings,
                transcript=transcript,
                translation=translation,
                folder=project,
                output=output,
                audio_only=audio_only,
                jobs=jobs,
                progress=watch,
            )
        shown["reports"] = [report]
        if not as_json:
            tables.show_report(report)


@app.command(epilog=STATUSES)
def render(
    project: Annotated[
        Path, typer.Argument(help="A project folder (talk.dub), or its film.", show_default=False)
    ],
    to: Annotated[str | None, typer.Option("--to", help="Only this language of the project.")] = None,
    background: Annotated[
        str | None, typer.Option("--background", help="bed, duck or none from now on.")
    ] = None,
    output: Output = None,
    audio_only: AudioOnly = None,
    burn: Annotated[bool | None, typer.Option("--burn/--no-burn", help="Subtitles in the picture.")] = None,
    original: Annotated[
        bool | None, typer.Option("--original/--no-original", help="The original track.")
    ] = None,
    emotion: Annotated[
        float | None, typer.Option("--emotion", min=0.0, max=1.0, help="Manner kept, 0 to 1.")
    ] = None,
    voice: VoiceName = None,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Make a dub again after its subtitles, voices or choices were edited. Only what changed is made."""
    with told(as_json) as shown:
        from dubber import pipeline, progress, tables, voices

        with progress.watcher(json=as_json) as watch:
            reports = pipeline.render(
                project,
                target=to,
                changes={
                    "background": background,
                    "burn": burn,
                    "keep_original": original,
                    "emotion": emotion,
                    "voice": None if voice is None else voices.named(voice).name,
                },
                output=output,
                audio_only=audio_only,
                jobs=jobs,
                progress=watch,
            )
        shown["reports"] = reports
        if not as_json:
            for report in reports:
                tables.show_report(report)


@app.command(epilog=STATUSES)
def batch(
    folder: Annotated[
        Path, typer.Argument(help="A folder of films; folders in it are walked too.", show_default=False)
    ],
    to: To,
    source: From = None,
    profile: ProfileName = "studio",
    voice: VoiceName = None,
    speakers: Speakers = 1,
    background: Background = "bed",
    no_original: NoOriginal = False,
    no_tag: NoTag = False,
    emotion: Emotion = 1.0,
    seed: Seed = 0,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Films at the same time.")] = 1,
    as_json: Json = False,
) -> None:
    """Dub every film in a folder. Run it again to go on; one bad film stops nobody."""
    with told(as_json) as shown:
        from dubber import batch as films
        from dubber import tables
        from dubber.settings import Settings

        settings = Settings.of(
            to,
            source=source,
            profile=profile,
            voice=voice,
            speakers=speakers,
            background=background,
            keep_original=not no_original,
            synthetic_tag=not no_tag,
            emotion=emotion,
            seed=seed,
        )
        with tables.batch_watcher(json=as_json) as watch:
            outcomes = list(films.dub_folder(folder, settings, jobs=jobs, watch=watch))
        shown["films"] = [outcome.as_json() for outcome in outcomes]
        if not as_json:
            tables.show_batch(outcomes)
        films.check(outcomes)


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
