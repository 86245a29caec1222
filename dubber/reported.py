"""What a dub's report tells those who check the film against it: of the right shape, and nothing else.

A report may come with a project from anywhere. What is not as the program writes it makes the whole report none; a
file that it names is looked for by whoever reads the project. Reads no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar, get_args

from align.bars import VOICE
from align.lanes import Turn
from align.types import Slot, Span
from dubber.srt.cue import LONGEST
from dubber.stages.background import Background

Kind = TypeVar("Kind")

ASPECTS = tuple(bar.name for bar in VOICE)
"""Of a take's scores, those that have a bar."""

LARGEST = 1e12
"""No figure of a dub is larger: two hundred days in samples. NaN is no figure either."""


class NotAReportError(ValueError):
    """The data is not what the program writes at the end of a run."""


@dataclass(frozen=True)
class Line:
    """A line that is spoken: its id, its words in the film ("" where nobody says them there) and in the dub, where it
    is said in the film and by whom ("" nobody known), its slot with its phrases (none where it is spoken in one) and
    where each of those is said in the film, and the scores (0..1) of the takes that were kept, by their aspect."""

    id: str
    source_text: str
    text: str
    source: Span
    slot: Slot
    speaker: str = ""
    sources: tuple[Span, ...] = ()
    scores: tuple[Mapping[str, float], ...] = ()

    @property
    def slots(self) -> tuple[Span, ...]:
        """Where its takes lie: phrase by phrase where it has several."""
        return self.slot.phrases or (self.slot.span,)

    @property
    def said(self) -> list[tuple[Span, Turn]]:
        """Where its takes lie, and what each stands for."""
        sources = self.sources or (self.source,)
        return [(slot, Turn(source, self.speaker)) for slot, source in zip(self.slots, sources, strict=True)]


@dataclass(frozen=True)
class Reported:
    """What a report tells of a dub. `length_error` is in samples, all spans in ms on the film's clock.

    `lines` are those that are spoken, in order of their slots. `stem` is where the film's speech lies, as the report
    names it; `within` what of it the dub replaced, `speech` where the film speaks by voice activity: None in reports of
    versions that did not say so. `hushed` is what a person silenced, `kept` speech that nobody dubbed.
    """

    output: str
    sound_alone: bool
    duration: int
    track: int
    background: Background
    keep_original: bool
    burn: bool
    room: bool
    length_error: float
    lines: tuple[Line, ...]
    stem: str | None = None
    within: tuple[Span, ...] | None = None
    speech: tuple[Span, ...] | None = None
    hushed: tuple[Span, ...] = ()
    kept: tuple[Span, ...] = ()

    @property
    def slots(self) -> list[Span]:
        """The slots of all that is spoken, phrase by phrase."""
        return [span for line in self.lines for span in line.slots]

    @property
    def said(self) -> list[tuple[Span, Turn]]:
        """The slots with the turns of the film that they stand for."""
        return [one for line in self.lines for one in line.said]


def read(data: Any) -> Reported:
    """A report as it was read from JSON. Raises NotAReportError where it is none."""
    report = _of(data, dict)
    settings, timing = _of(report.get("settings"), dict), _of(report.get("timing"), dict)
    background: Background | None = next(
        (one for one in get_args(Background) if one == settings.get("background")), None
    )
    if background is None:
        raise NotAReportError("no background")
    spoken = [one for one in _many(report.get("lines")) if _of(one.get("spoken"), bool)]
    heard = _of(report.get("heard") or {}, dict)
    stem = report.get("stem")
    return Reported(
        output=_text(report.get("output")),
        sound_alone=_of(report.get("sound_alone"), bool),
        duration=_whole(report.get("duration_ms"), LONGEST),
        track=_whole(settings.get("track"), LONGEST),
        background=background,
        keep_original=_of(settings.get("keep_original"), bool),
        burn=_of(settings.get("burn"), bool),
        room=_of(settings.get("room"), bool),
        length_error=_number(timing.get("take_length_error_samples")),
        lines=tuple(sorted(map(_line, spoken), key=lambda one: (one.slot.span, one.id))),
        stem=None if stem is None else _text(stem),
        within=disjoint(report["within"]) if "within" in report else None,
        speech=disjoint(report["speech"]) if "speech" in report else None,
        hushed=_spans(report.get("hushed", [])),
        kept=(
            *(_span(one.get("source")) for one in _many(report.get("untranslated"))),
            *_spans(heard.get("unheard", [])),
        ),
    )


def disjoint(data: Any) -> tuple[Span, ...]:
    """Spans of JSON that are in order of time and share none. Raises NotAReportError for anything else."""
    spans = _spans(data)
    if any(one.end > following.start for one, following in pairwise(spans)):
        raise NotAReportError("spans out of order")
    return spans


def _line(told: Mapping[str, Any]) -> Line:
    parts = _many(told.get("phrases", []))
    phrases = tuple(_span(one.get("slot")) for one in parts)
    flags = tuple(map(_text, _of(told.get("flags"), list)))
    span, natural = _span(told.get("slot")), _whole(told.get("natural_ms"), LONGEST)
    takes = _many(told.get("takes", []))
    return Line(
        id=_text(told.get("id")),
        source_text=_text(told.get("source_text")),
        text=_text(told.get("text")),
        source=_span(told.get("source")),
        slot=Slot(_text(told.get("id")), span, natural, flags, phrases),
        speaker=_text(told.get("speaker", "")),
        sources=tuple(_span(one.get("source")) for one in parts),
        scores=tuple(_scores(take) for take in takes if take.get("kept") is True),
    )


def _scores(take: Mapping[str, Any]) -> dict[str, float]:
    """The aspects of a take that are known."""
    return {name: _number(take[name]) for name in ASPECTS if take.get(name) is not None}


def _spans(data: Any) -> tuple[Span, ...]:
    return tuple(map(_span, _of(data, list)))


def _span(data: Any) -> Span:
    if not isinstance(data, list) or len(data) != 2:
        raise NotAReportError(f"no span: {data!r}")
    start, end = (_whole(one, LONGEST) for one in data)
    if start > end:
        raise NotAReportError(f"no span: {data!r}")
    return Span(start, end)


def _many(data: Any) -> list[dict[str, Any]]:
    """A list of objects."""
    return [_of(one, dict) for one in _of(data, list)]


def _whole(data: Any, most: int) -> int:
    if type(data) is not int or not 0 <= data <= most:
        raise NotAReportError(f"no whole number up to {most}: {data!r}")
    return data


def _number(data: Any) -> float:
    if isinstance(data, bool) or not isinstance(data, int | float) or not abs(data) <= LARGEST:
        raise NotAReportError(f"no number: {data!r}")
    return float(data)


def _text(data: Any) -> str:
    text = _of(data, str)
    if "\0" in text:
        raise NotAReportError("a text that no file holds")
    return text


def _of(data: Any, kind: type[Kind]) -> Kind:
    if not isinstance(data, kind):
        raise NotAReportError(f"no {kind.__name__}: {data!r}")
    return data
