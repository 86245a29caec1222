"""The nouns of a timeline as JSON data and back: what the cache keeps. Checks nothing but shapes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from align.match import Generated
from align.types import Span, Word
from dubber.stages.diarize.door import Diarization, Turn
from dubber.stages.transcribe.door import Dropped, Heard


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


def heard_json(heard: Heard) -> dict[str, Any]:
    """What a recogniser gave."""
    return {
        "words": words_json(heard.words),
        "language": heard.language,
        "sure": heard.sure,
        "dropped": [[one.span.start, one.span.end, one.text, one.why] for one in heard.dropped],
        "unheard": spans_json(heard.unheard),
    }


def heard_from(data: Any) -> Heard:
    """What `heard_json` wrote."""
    dropped = tuple(Dropped(Span(start, end), text, why) for start, end, text, why in data["dropped"])
    unheard = spans_from(data["unheard"])
    return Heard(words_from(data["words"]), data["language"], data["sure"], dropped, unheard)


def diarization_json(found: Diarization) -> dict[str, Any]:
    """Who speaks when."""
    return {
        "turns": [[turn.span.start, turn.span.end, turn.speaker] for turn in found.turns],
        "overlaps": spans_json(found.overlaps),
        "centroids": [list(one) for one in found.centroids],
    }


def diarization_from(data: Any) -> Diarization:
    """What `diarization_json` wrote."""
    return Diarization(
        tuple(Turn(Span(start, end), speaker) for start, end, speaker in data["turns"]),
        spans_from(data["overlaps"]),
        tuple(tuple(one) for one in data["centroids"]),
    )


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
