"""What a person does with a line's takes: play them out to files, pick one by hand, let the score choose again.

Makes no take; prints nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from align.types import Span
from dubber import atomic, names
from dubber.audio import BLOCK, AudioFile
from dubber.errors import MissingError, UsageError
from dubber.folder import reading
from dubber.picks import Pick
from dubber.project import SUFFIX, Project
from dubber.taken import Dub, Line, Made, cached

MORE = "`dubber render FILM --takes 4` has several made, by a voice that draws at random (all but espeak)."

BYTES_PER_SAMPLE = 3
"""Takes are played out in 24 bits, which every player opens."""


@reading()
def opened(place: Path) -> Project:
    """The project of a film, or in a folder. Raises as `Project.open` and `Project.load`."""
    return Project.load(place) if place.is_dir() or place.suffix == SUFFIX else Project.open(place)


def language(project: Project, wanted: str | None) -> str:
    """The language whose takes are meant: `wanted` by any name, or the only one. Raises UsageError, and MissingError
    where nothing was dubbed yet."""
    from dubber import languages

    known = project.languages
    if not known:
        raise MissingError(
            f"{project.film.name} was not dubbed yet.",
            hint="Begin with `dubber translate FILM --to LANGUAGE`.",
        )
    if wanted is None and len(known) > 1:
        raise UsageError(
            f"{project.film.name} is dubbed into several languages.",
            hint=f"Say which: --to {' or --to '.join(known)}.",
        )
    chosen = known[0] if wanted is None else languages.canonical(wanted)
    if chosen not in known:
        raise UsageError(
            f"{project.film.name} is not dubbed into {chosen}.", hint=f"It is into {', '.join(known)}."
        )
    return chosen


def chosen(line: Line, number: int) -> Made:
    """The take of that number. Raises UsageError where the line has no such take."""
    for one in line.takes:
        if one.number == number:
            return one
    count = len(line.takes)
    if count < 2:
        raise UsageError(f"{_capital(line.named)} has one take only.", hint=MORE)
    raise UsageError(f"{_capital(line.named)} has no take {number}.", hint=f"It has takes 1 to {count}.")


def pick(project: Project, language: str, line: Line, number: int) -> Made:
    """Keeps a take as the person's choice for the next render. Raises UsageError, InUseError, SpaceError; MissingError
    where its sound is gone, so that nobody can have heard it."""
    take = chosen(line, number)
    if not line.several:
        raise UsageError(f"{_capital(line.named)} has one take only.", hint=MORE)
    if sum(one.part == take.part for one in line.takes) < 2:
        raise UsageError(f"Take {number} is the only one of its phrase.", hint=MORE)
    sound(project, line, take)
    with project.lock():
        picks = project.picks(language)
        project.write_picks(language, {**picks, take.part: Pick(take.seed, line.text, take.path or "")})
    return take


def unpick(project: Project, language: str, line: Line) -> int:
    """Lets the score choose again for a line; returns how many picks that undid. Raises InUseError, SpaceError."""
    parts = {line.id, *(take.part for take in line.takes)}
    with project.lock():
        picks = project.picks(language)
        left = {part: one for part, one in picks.items() if part not in parts}
        if left != picks:
            project.write_picks(language, left)
    return len(picks) - len(left)


def sound(project: Project, line: Line, take: Made) -> Path:
    """The file of a take, in the project's cache. Raises MissingError where it is not there any more."""
    found = cached(project, take.path)
    if found is None:
        raise MissingError(
            f"Take {take.number} of {line.named} is no longer in the cache.",
            hint=f"`dubber render {project.folder}` speaks it again.",
        )
    return found


def write_out(project: Project, dub: Dub, line: Line, folder: Path) -> list[Path]:
    """Writes the takes of a line, and what the film itself says there, into `folder` as WAV files; returns them.

    Raises UsageError for a folder in the project and for what is no folder, MissingError for a take that is gone,
    MediaError for one that cannot be read, SpaceError.
    """
    folder = Path(os.path.realpath(folder))
    if folder.is_relative_to(project.folder.resolve()):
        raise UsageError(
            f"{folder} lies in the project, where only dubber's own files are.", hint="Name a folder outside."
        )
    with reading():
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is no folder.", hint="Name a folder; it is made where there is none.")
    wanted: list[tuple[Path, str, Span | None]] = []
    for take in line.takes:
        wanted.append((sound(project, line, take), take_name(dub, line, take), None))
    if dub.stem is not None:
        wanted.append((dub.stem, f"{_label(dub, line)} original.wav", line.source))
    atomic.require(folder, sum(_size(path, part) for path, _, part in wanted), "What is played out")
    with atomic.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for path, name, part in wanted:
        _played_out(path, part, folder / name)
    return [folder / name for _, name, _ in wanted]


def take_name(dub: Dub, line: Line, take: Made) -> str:
    """What a take is called outside the project: "es line 7 take 2 of 4.wav". Which one is in the film stays out of it:
    the same sound keeps its name."""
    parts = [part[0].part for part in line.parts]
    phrase = f" phrase {parts.index(take.part) + 1}" if len(parts) > 1 else ""
    return f"{_label(dub, line)}{phrase} take {take.number} of {len(line.takes)}.wav"


def _label(dub: Dub, line: Line) -> str:
    """What the files of a line begin with: "es line 7", safe on every disk."""
    return names.file_name(f"{dub.language} line {line.cue if line.cue is not None else line.id}", "")


def _bounds(audio: AudioFile, part: Span | None) -> tuple[int, int]:
    """The samples of a file that are played out: all, or those of a part of it that are there."""
    if part is None:
        return 0, audio.frames
    return min(part.samples.start, audio.frames), min(part.samples.stop, audio.frames)


def _size(path: Path, part: Span | None) -> int:
    """Bytes of the file that a sound becomes, but for its header."""
    with AudioFile(path) as audio:
        start, stop = _bounds(audio, part)
        return (stop - start) * audio.channels * BYTES_PER_SAMPLE


def _played_out(path: Path, part: Span | None, out: Path) -> None:
    """Copies a sound, or a part of it, block by block: the cache's own RF64 is opened by few players."""
    import soundfile

    with AudioFile(path) as audio, atomic.replacing(out) as temporary:
        start, stop = _bounds(audio, part)
        try:
            with soundfile.SoundFile(
                temporary,
                "w",
                audio.rate,
                audio.channels,
                subtype=f"PCM_{8 * BYTES_PER_SAMPLE}",
                format="WAV",
            ) as file:
                for at in range(start, stop, BLOCK):
                    file.write(audio.read(at, min(at + BLOCK, stop)))
        except soundfile.LibsndfileError as error:
            raise atomic.refusal(out) from error


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
