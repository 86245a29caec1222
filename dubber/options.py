"""What may be typed behind more than one command, each said once; and what of it is a choice about the film."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

To = Annotated[str | None, typer.Option("--to", help="Language to dub into: es, pt-BR, Japanese …")]
From = Annotated[str | None, typer.Option("--from", help="Language spoken in the film.")]
ProfileName = Annotated[
    str | None,
    typer.Option("--profile", help="studio (the real models, the default) or draft (embedded engines)."),
]
Transcript = Annotated[
    Path | None,
    typer.Option(
        "--transcript",
        help="What is said, as .srt: nothing is recognised then, nor in later runs (none: again).",
    ),
]
Translation = Annotated[
    Path | None,
    typer.Option(
        "--translation",
        help="What is to be said, as .srt: nothing is translated then, nor in later runs (none: again).",
    ),
]
Recogniser = Annotated[str | None, typer.Option("--recogniser", help="whisper or pocketsphinx.")]
Separator = Annotated[str | None, typer.Option("--separator", help="htdemucs, htdemucs_ft or mask.")]
Diarizer = Annotated[str | None, typer.Option("--diarizer", help="campplus or prosody.")]
Translator = Annotated[str | None, typer.Option("--translator", help="chat, openai, nmt or apertium.")]
VoiceName = Annotated[
    str | None, typer.Option("--voice", help="auto (by the language), indextts2, indextts2.5 or espeak.")
]
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
Sync = Annotated[
    str | None,
    typer.Option("--sync", help="tight (as lips in view need it) or natural (as an unhurried voice does)."),
]
Comfort = Annotated[
    list[str] | None,
    typer.Option(
        "--comfort",
        metavar="SPEAKER=SLOWEST-FASTEST",
        help="How far a speaker's voice may leave its own rate: ANNA=0.95-1.05, or ANNA=usual. Once for each.",
    ),
]
Shots = Annotated[
    bool | None,
    typer.Option(
        "--shots/--no-shots",
        help="Look for shot changes, so that lines avoid to sound over them: decodes the picture once.",
    ),
]
Takes = Annotated[
    int | None, typer.Option("--takes", min=1, help="How often each line is spoken; the best take is kept.")
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


def said(given: dict[str, Any]) -> dict[str, Any]:
    """The choices that a person made on the command line, by fields of Settings; paths as text, what may be said
    several times as a line each."""
    return {
        CALLED.get(name, name): _plain(value)
        for name, value in given.items()
        if name not in NOT_CHOICES and value is not None and value != []
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value.absolute())
    return "\n".join(value) if isinstance(value, list) else value


def trust(base_url: str | None) -> None:
    """A server that a person types may be sent their key: the environment names it from now on. One that stands in a
    file may have come with a film, and is sent none."""
    if base_url is not None:
        os.environ["DUBBER_BASE_URL"] = base_url
