"""The takes of a dub's lines, as its report tells of them, and which line a person means. Makes and writes nothing.

A report may come with a project from anywhere: what it says is believed only as far as it has the right shape, and no
file outside the project's cache is ever named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from align.types import Span
from dubber import srt
from dubber.errors import MissingError, UsageError
from dubber.picks import HIGHEST_SEED, Pick
from dubber.project import Project
from dubber.srt.cue import LONGEST
from dubber.times import clock, shortened

ASPECTS = ("length", "timbre", "emotion", "intelligibility")
"""The parts of a score, as stages/takes.py has them."""

NEAR_MS = 2_000
"""A time in a pause means the nearest line, as far away as this."""

_NUMBER = re.compile(r"#?(\d{1,7})", re.ASCII)
_TIME = re.compile(r"(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6})(?:[.,](\d{1,3}))? ?s?", re.ASCII)


@dataclass(frozen=True)
class Made:
    """One take of a line, or of one of its phrases.

    `number` counts all of them from 1; `part` is the id of what it is a take of (the line's, or one for each phrase);
    `score` and the `aspects` it is of are 0..1, None where unknown; `path` is its file as the report names it; `doubt`
    why the engine does not trust it; `kept` whether it is in the film; `picked` whether a person chose it.
    """

    number: int
    part: str
    seed: int
    score: float | None
    aspects: Mapping[str, float | None]
    path: str | None
    doubt: str | None
    kept: bool
    picked: bool = False

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "take": self.number,
            "part": self.part,
            "seed": self.seed,
            "score": self.score,
            **self.aspects,
            "doubt": self.doubt,
            "kept": self.kept,
            "picked": self.picked,
            "path": self.path,
        }


@dataclass(frozen=True)
class Line:
    """A line that is spoken: its id, the number of its cue in the subtitles (None where it has none there), where it is
    said in the film and in the dub, by whom, the words, its takes in the report's order, and the words of its phrases
    where it is spoken in several."""

    id: str
    cue: int | None
    source: Span
    slot: Span
    speaker: str
    text: str
    takes: tuple[Made, ...]
    phrases: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[tuple[Made, ...], ...]:
        """Its takes, those of one part together: of the line, or of each of its phrases in their order."""
        ids = dict.fromkeys(one.part for one in self.takes)
        return tuple(tuple(one for one in self.takes if one.part == part) for part in ids)

    @property
    def several(self) -> bool:
        """Whether there is anything to choose: a part with more than one take."""
        return any(len(part) > 1 for part in self.parts)

    @property
    def named(self) -> str:
        """As a sentence names it: by its cue where it has one."""
        return f"line {self.cue}" if self.cue is not None else f"the line at {clock(self.slot)}"

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "id": self.id,
            "line": self.cue,
            "source": [self.source.start, self.source.end],
            "slot": [self.slot.start, self.slot.end],
            "speaker": self.speaker,
            "text": self.text,
            "phrases": list(self.phrases),
            "takes": [one.as_json() for one in self.takes],
        }


@dataclass(frozen=True)
class Dub:
    """The last run of a project into a language: its spoken lines in order of time, and the film's speech without its
    music and effects, None where the report does not say where that is."""

    language: str
    lines: tuple[Line, ...]
    stem: Path | None


def read(project: Project, language: str) -> Dub:
    """The last run into `language`. Raises MissingError where there is no report of it that can be read, and what
    reading the subtitles and the picks raises."""
    report = project.report(language)
    told = report.get("lines") if isinstance(report, dict) else None
    if not isinstance(told, list):
        raise MissingError(
            f"There is no report of {project.film.name} in {language}.",
            hint=f"Run `dubber render {project.folder}`.",
        )
    picks = project.picks(language)
    subtitles = project.subtitles(language).path
    cues = srt.read(subtitles).cues if subtitles.is_file() else ()
    spoken = [one for one in told if isinstance(one, dict) and one.get("spoken") is True]
    lines = [line for line in (_line(one, picks, cues) for one in spoken) if line is not None]
    lines.sort(key=lambda one: (one.slot, one.id))
    return Dub(language, tuple(lines), cached(project, report.get("stem")))


def find(known: Sequence[Line], named: str) -> Line:
    """The line that a person means: by its id ("s3220"), the number of its cue ("7", "#7"), or a time in it ("1:23.4",
    "83.4", "83s"). Raises UsageError where that is none, or is not one."""
    typed = named.strip()
    for line in known:
        if line.id == typed:
            return line
    number = _NUMBER.fullmatch(typed)
    if number:
        found = [line for line in known if line.cue == int(number[1])]
        if not found:
            raise UsageError(
                f"No spoken line is number {int(number[1])} of the subtitles.", hint=_hint(known)
            )
        return found[0]
    moment = _moment(typed)
    if moment is None:
        raise UsageError(f"{shortened(ascii(typed))} names no line.", hint=_hint(known))
    return _at(known, moment)


def cached(project: Project, path: object) -> Path | None:
    """A file that a report names by its path in the project, None where that is no file of the cache: takes are read
    from there alone, and through no link."""
    if not isinstance(path, str) or "\0" in path or "\\" in path:
        return None
    pure = PurePosixPath(path)
    if pure.is_absolute() or pure.parts[:1] != ("cache",):
        return None
    file = project.folder.joinpath(*pure.parts)
    try:
        # Only a path without links and without ".." is what it resolves to.
        inside = file.resolve(strict=True) == project.folder.resolve().joinpath(*pure.parts)
    except (OSError, RuntimeError):  # not there, a name too long, links in a circle
        return None
    return file if inside and file.is_file() else None


def _line(told: dict[str, Any], picks: Mapping[str, Pick], cues: Sequence[srt.Cue]) -> Line | None:
    """A line of the report, None where it is not told as one."""
    name, slot = told.get("id"), _span(told.get("slot"))
    if not isinstance(name, str) or not name or slot is None:
        return None
    source = _span(told.get("source")) or slot
    text, speaker = _text(told.get("text")), _text(told.get("speaker"))
    rows = told.get("takes")
    takes: list[Made] = []
    for row in rows if isinstance(rows, list) else ():
        take = _take(row, len(takes) + 1, name, picks) if isinstance(row, dict) else None
        if take is not None:
            takes.append(take)
    phrases = told.get("phrases")
    words = (
        [_text(one.get("text")) for one in phrases if isinstance(one, dict)]
        if isinstance(phrases, list)
        else []
    )
    return Line(name, _cue(cues, source, text), source, slot, speaker, text, tuple(takes), tuple(words))


def _take(row: dict[str, Any], number: int, line: str, picks: Mapping[str, Pick]) -> Made | None:
    seed, part, path = row.get("seed"), row.get("part", line), row.get("path")
    if type(seed) is not int or abs(seed) > HIGHEST_SEED or not isinstance(part, str):
        return None
    doubt = row.get("doubt")
    return Made(
        number,
        part,
        seed,
        _share(row.get("score")),
        {aspect: _share(row.get(aspect)) for aspect in ASPECTS},
        path if isinstance(path, str) else None,
        doubt if isinstance(doubt, str) else None,
        row.get("kept") is True,
        part in picks and picks[part].seed == seed,
    )


def _cue(cues: Sequence[srt.Cue], source: Span, text: str) -> int | None:
    """The number, from 1, of the cue that a line stands in: the one over most of its time, its words deciding between
    two."""
    best: tuple[bool, int] = (False, 0)
    found = None
    for number, cue in enumerate(cues, 1):
        if cue.start >= source.end:
            break
        over = min(cue.end, source.end) - max(cue.start, source.start)
        if over > 0:
            rank = (" ".join(srt.spoken(cue.text).split()) == " ".join(text.split()), over)
            if rank > best:
                best, found = rank, number
    return found


def _at(known: Sequence[Line], moment: int) -> Line:
    """The line that is spoken at a moment (ms) in the dub, or else in the film, or else next to it."""

    def away(span: Span) -> int:
        return max(span.start - moment, moment + 1 - span.end, 0)

    near = [line for line in known if min(away(line.slot), away(line.source)) <= NEAR_MS]
    if not near:
        raise UsageError(f"Nobody speaks at {clock(Span(moment, moment))}.", hint=_hint(known))
    return min(near, key=lambda line: (away(line.slot), away(line.source), line.slot))


def _moment(typed: str) -> int | None:
    """A time as people write it, in ms; None for anything else."""
    match = _TIME.fullmatch(typed)
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups()
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds)
    moment = 1000 * whole + int((fraction or "0").ljust(3, "0"))
    return moment if moment <= LONGEST else None


def _hint(known: Sequence[Line]) -> str:
    if not known:
        return "No line is spoken in this dub."
    last = max((line.cue for line in known if line.cue is not None), default=None)
    numbers = f"its number in the subtitles (up to {last}), " if last is not None else ""
    return f"Name a line by {numbers}a time ({clock(known[0].slot)}), or its id ({known[0].id})."


def _span(value: object) -> Span | None:
    """[start, end] in ms, None for what is no span of a film."""
    if not isinstance(value, list) or len(value) != 2 or not all(type(one) is int for one in value):
        return None
    start, end = value
    return Span(start, end) if 0 <= start <= end <= LONGEST else None


def _share(value: object) -> float | None:
    """A number 0..1, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0.0 <= value <= 1.0 else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
