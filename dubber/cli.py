"""The command line: parses what a person typed, prints what came of it, exits with a status. Nothing else."""

from __future__ import annotations

import io
import os
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

To = Annotated[str | None, typer.Option("--to", help="Language to dub into: es, pt-BR, Japanese …")]
From = Annotated[str | None, typer.Option("--from", help="Language spoken in the film.")]
ProfileName = Annotated[
    str | None,
    typer.Option("--profile", help="studio (the real models, the default) or draft (embedded engines)."),
]
Recogniser = Annotated[str | None, typer.Option("--recogniser", help="whisper or pocketsphinx.")]
Separator = Annotated[str | None, typer.Option("--separator", help="htdemucs, htdemucs_ft or mask.")]
Diarizer = Annotated[str | None, typer.Option("--diarizer", help="campplus or prosody.")]
Translator = Annotated[str | None, typer.Option("--translator", help="chat, openai, nmt or apertium.")]
VoiceName = Annotated[str | None, typer.Option("--voice", help="indextts2 or espeak.")]
Device = Annotated[str | None, typer.Option("--device", help="auto, cpu, cuda or mps.")]
WhisperModel = Annotated[
    str | None, typer.Option("--whisper-model", help="large-v3, large-v3-turbo, medium or small.")
]
Compute = Annotated[
    str | None, typer.Option("--compute", help="Whisper's number format: auto, int8, float16, …")
]
Beam = Annotated[int | None, typer.Option("--beam", min=1, help="Whisper's beam width.")]
Hotwords = Annotated[
    str | None, typer.Option("--hotwords", help="Names and terms that Whisper should expect.")
]
Model = Annotated[str | None, typer.Option("--model", help="The translator's model.")]
BaseUrl = Annotated[
    str | None, typer.Option("--base-url", help="Of an OpenAI-compatible server, up to …/v1.")
]
Context = Annotated[str | None, typer.Option("--context", help="What the film is, told to the translator.")]
Register = Annotated[
    str | None, typer.Option("--register", help="How people address each other: formal or informal.")
]
Glossary = Annotated[
    Path | None, typer.Option("--glossary", help="CSV of terms: source,target[,note] in each row.")
]
Speakers = Annotated[
    int | None,
    typer.Option(
        "--speakers",
        min=1,
        help="How many people speak. Where not said, campplus finds it and prosody takes one.",
    ),
]
CastFolder = Annotated[
    Path | None, typer.Option("--cast", help="Folder of voices that several films share, by speaker.")
]
Background = Annotated[
    str | None,
    typer.Option("--background", help="What stays of the original: bed (music and effects), duck, none."),
]
Room = Annotated[
    bool | None, typer.Option("--room/--no-room", help="Let lines sound in the room of the scene.")
]
Burn = Annotated[
    bool | None,
    typer.Option("--burn/--no-burn", help="Also draw the subtitles into the picture (re-encodes it)."),
]
Original = Annotated[
    bool | None,
    typer.Option("--original/--no-original", help="Keep the original audio track, or leave it out."),
]
Tag = Annotated[
    bool | None,
    typer.Option("--synthetic-tag/--no-synthetic-tag", help="Mark the film's speech as synthetic, or not."),
]
Track = Annotated[
    int | None, typer.Option("--track", min=0, help="Which audio track is the original, from 0.")
]
Emotion = Annotated[
    float | None, typer.Option("--emotion", min=0.0, max=1.0, help="How much of a line's manner is kept.")
]
Seed = Annotated[int | None, typer.Option("--seed", help="For voices that draw at random.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Where the dubbed film goes.")]
AudioOnly = Annotated[
    Path | None,
    typer.Option("--audio-only", help="Write the dubbed sound alone to this file (.wav, .flac, .mp3 …)."),
]
Folder = Annotated[
    Path | None, typer.Option("--project", help="Project folder; FILM.dub beside the film by default.")
]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=1, help="Processes to use.")]


NOT_CHOICES = {
    "film",
    "folder",
    "project",
    "output",
    "audio_only",
    "transcript",
    "translation",
    "jobs",
    "as_json",
}
"""Parameters of the commands that say where things are or how to run, not what the film is to be."""

CALLED = {"to": "target"}
"""Parameters that Settings call by another name."""


def _said(given: dict[str, Any]) -> dict[str, Any]:
    """The choices that a person made on the command line, by fields of Settings; paths as text."""
    return {
        CALLED.get(name, name): str(value.absolute()) if isinstance(value, Path) else value
        for name, value in given.items()
        if name not in NOT_CHOICES and value is not None
    }


def _trust(base_url: str | None) -> None:
    """A server that a person types may be sent their key: the environment names it from now on. One that stands in a
    file may have come with a film, and is sent none."""
    if base_url is not None:
        os.environ["DUBBER_BASE_URL"] = base_url


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
    transcript: Annotated[
        Path | None, typer.Option("--transcript", help="What is said, as .srt: nothing is recognised then.")
    ] = None,
    translation: Annotated[
        Path | None,
        typer.Option("--translation", help="What is to be said, as .srt: nothing is translated then."),
    ] = None,
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
    seed: Seed = None,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Dub one film: film in, dubbed film out. What an earlier run has done is taken from its project.

    Choices that are not made here are those of dubber.toml beside the film, and else the profile's.
    """
    said = _said(locals())
    _trust(base_url)
    with told(as_json) as shown:
        from dubber import config, pipeline, progress, tables
        from dubber.settings import Settings

        choices = {**config.of_folder(film.absolute().parent), **said}
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
    voice: VoiceName = None,
    seed: Seed = None,
    device: Device = None,
    jobs: Jobs = None,
    as_json: Json = False,
) -> None:
    """Make a dub again after its subtitles, voices or choices were edited. Only what changed is made."""
    changes = _said(locals())
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
    seed: Seed = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Films at the same time.")] = 1,
    as_json: Json = False,
) -> None:
    """Dub every film in a folder. Run it again to go on; one bad film stops nobody.

    Choices that are not made here are those of the nearest dubber.toml, from a film's own folder up to this one.
    """
    said = _said(locals())
    _trust(base_url)
    with told(as_json) as shown:
        from dubber import batch as films
        from dubber import tables

        with tables.batch_watcher(json=as_json) as watch:
            outcomes = list(films.dub_folder(folder, said, jobs=jobs, watch=watch))
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
