"""What a person should look at in a dub, worst first, and what to do about it. Reads a report, measures nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from align.bars import LINE_LU, ONSET_95_MS, RATE_CEILING
from dubber.page import figures
from dubber.page.quality import level_error

Severity = Literal["bad", "look"]

UNSURE = 0.5
"""Below this mean confidence of the recogniser about every second word of a line is another."""


@dataclass(frozen=True)
class Kind:
    """A kind of problem: `mark` is what a line with it is labelled, `advice` what to do; {srt} and {transcript} in it
    stand for the files to edit."""

    key: str
    severity: Severity
    mark: str
    title: str
    advice: str


KINDS = tuple(
    Kind(*one)
    for one in (
        (
            "untranslated", "bad", "untranslated", "Not translated",
            "The dub is silent here, the source is kept. Write the line into {srt} at this time, and render again.",
        ),
        (
            "unspoken", "bad", "not spoken", "Not spoken",
            "There is text, but no take of it. See the notes below for the reason, and render again.",
        ),
        (
            "ceiling", "bad", "over the ceiling", "Too fast",
            "Spoken more than 1.25 times as fast as the voice would by itself. Shorten the text in {srt}, and render "
            "again: only these lines are remade.",
        ),
        (
            "crowded", "bad", "crowded", "Crowded",
            "The neighbours leave these lines too little time. Shorten them or the lines beside them in {srt}, or "
            "join two into one.",
        ),
        (
            "late", "bad", "off its onset", "Off the lips",
            "The voice starts more than 250 ms from the source. Shorten the line before, or move this one in {srt}.",
        ),
        (
            "hole", "bad", "hole", "Holes",
            "The source speaks half a second or longer, and the dub does not. If something is said there, add a line "
            "to {srt}; if it is laughter or a breath, leave it.",
        ),
        (
            "doubt", "bad", "take in doubt", "Takes in doubt",
            "The kept take was doubted by what scored it. Listen, and pick another with `dubber takes FILM LINE`, or "
            "reword the line in {srt}.",
        ),
        (
            "fault", "look", "wording", "Wordings to check",
            "The translator's own checks found something. Compare both texts; mend them in {srt}.",
        ),
        (
            "unsure", "look", "heard unsurely", "Heard unsurely",
            "The recogniser was in doubt about half of these words or more. Listen to the source; mend {transcript}.",
        ),
        (
            "loudness", "look", "loudness", "Louder or softer than the source",
            "The line differs from its source by more than 1.5 LU. Listen to both: whispers and shouts may be right.",
        ),
        (
            "fast", "look", "fast", "Fast",
            "Past the comfort band, below the ceiling. A shorter wording in {srt} would sound calmer.",
        ),
        (
            "short", "look", "short", "Little to say",
            "The text is shorter than its time: the voice was slowed, and may end early. A fuller wording in {srt} "
            "fills it.",
        ),
        (
            "together", "look", "talked over", "Talked over",
            "Two people speak at once in the source, so voice and words may be mixed up. Listen to the source.",
        ),
    )
)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Somewhere in the film with a problem: the line's index in the report, or None where no line is there."""

    start: int
    text: str
    line: int | None


@dataclass(frozen=True)
class Problem:
    """All places of one kind, in order of time."""

    kind: Kind
    advice: str
    places: tuple[Place, ...]


def of_line(line: Mapping[str, Any]) -> tuple[Kind, ...]:
    """The kinds of problems that a line of a report has, worst first."""
    has = set(_found(line))
    return tuple(kind for kind in KINDS if kind.key in has)


def severity(kinds: Sequence[Kind]) -> Severity | None:
    """That of the worst of them; None where there are none."""
    return kinds[0].severity if kinds else None


def of_film(report: Mapping[str, Any], kinds: Sequence[Sequence[Kind]]) -> tuple[Problem, ...]:
    """All problems of a film, worst kind first. `kinds` is what `of_line` says of each line of the report."""
    places: dict[str, list[Place]] = {kind.key: [] for kind in KINDS}
    for index, (line, has) in enumerate(zip(report["lines"], kinds, strict=True)):
        for kind in has:
            places[kind.key].append(Place(starts(line), line["text"], index))
    for one in report.get("untranslated", ()):
        places["untranslated"].append(Place(one["source"][0], one["source_text"], None))
    for start, end in report["timing"].get("holes", ()):
        places["hole"].append(Place(start, figures.seconds(end - start), None))
    target = report["settings"]["target"]
    files = {"srt": f"{target}.srt", "transcript": "transcript.srt"}
    return tuple(
        Problem(kind, kind.advice.format(**files), tuple(sorted(places[kind.key], key=lambda one: one.start)))
        for kind in KINDS
        if places[kind.key]
    )


def starts(line: Mapping[str, Any]) -> int:
    """Where a line of a report is on the film's clock, in ms: where it is spoken, else where its source is."""
    return int(line.get("slot", line["source"])[0])


def _found(line: Mapping[str, Any]) -> Iterator[str]:
    flags, factor = line.get("flags", ()), line.get("factor")
    if not line["spoken"]:
        yield "unspoken"
    if factor is not None and factor > RATE_CEILING:
        yield "ceiling"
    elif "compressed" in flags:
        yield "fast"
    if abs(line.get("onset_error_ms") or 0) > ONSET_95_MS:
        yield "late"
    yield from {"crowded", "short"}.intersection(flags)
    if any(take.get("doubt") for take in line.get("takes", ()) if take.get("kept")):
        yield "doubt"
    if line.get("faults"):
        yield "fault"
    if (line.get("confidence") or 1.0) < UNSURE:
        yield "unsure"
    error = level_error(line)
    if error is not None and abs(error) > LINE_LU:
        yield "loudness"
    if line.get("talked_over"):
        yield "together"
