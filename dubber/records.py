"""The nouns of a timeline as JSON data and back: what the cache keeps. Checks nothing but shapes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from align.match import Generated
from align.types import Span, Word


def spans_json(spans: Iterable[Span]) -> list[list[int]]:
    """[[start, end], …] in ms."""
    return [[span.start, span.end] for span in spans]


def spans_from(data: Any) -> tuple[Span, ...]:
    """The spans that `spans_json` wrote."""
    return tuple(Span(start, end) for start, end in data)


def words_json(words: Iterable[Word]) -> list[list[Any]]:
    """[[text, start, end, confidence], …]."""
    return [[word.text, word.span.start, word.span.end, word.confidence] for word in words]


def words_from(data: Any) -> tuple[Word, ...]:
    """The words that `words_json` wrote."""
    return tuple(Word(text, Span(start, end), confidence) for text, start, end, confidence in data)


def generated_json(cues: Iterable[Generated]) -> list[dict[str, Any]]:
    """One object per cue."""
    return [
        {
            "segment": cue.segment,
            "start": cue.span.start,
            "end": cue.span.end,
            "text": cue.text,
            "speaker": cue.speaker,
        }
        for cue in cues
    ]


def generated_from(data: Any) -> tuple[Generated, ...]:
    """The cues that `generated_json` wrote; none for None."""
    return tuple(
        Generated(cue["segment"], Span(cue["start"], cue["end"]), cue["text"], cue["speaker"])
        for cue in data or ()
    )
