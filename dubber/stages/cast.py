"""Cast: which stretches of the film each speaker's voice, and each line's emotion, are learned from.
Chooses times only; cutting the sound and learning from it happen elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from align.types import Line, Span

TIMBRE_ENOUGH_MS = 12_000
"""A voice engine gains nothing from more than about 12 s of one speaker."""

TIMBRE_SHORTEST_MS = 600
"""A stretch below this is mostly onset and room; it is used only where the speaker has nothing longer."""

EMOTION_SHORTEST_MS = 300
"""Below this no melody of speech can be measured: the line then takes the speaker's usual manner."""

LEVEL_WEIGHT_MS_PER_DB = 150.0
"""How many milliseconds of length one decibel under the speaker's loudest stretch costs: far or drowned
speech is the worse reference, but a long clear line still beats a short shout."""


def timbre(lines: Sequence[Line], loudness: Callable[[Span], float]) -> Mapping[str, tuple[Span, ...]]:
    """For every speaker the best stretches to learn the voice from, in order of time, about 12 s together.

    `loudness` gives LUFS of the source speech in a span (-inf for silence). Only lines with source speech
    under them count, and only where no other speaker's line overlaps, unless nothing else is left. A
    speaker without any gets an empty tuple.
    """
    chosen: dict[str, tuple[Span, ...]] = {}
    for speaker in dict.fromkeys(line.speaker for line in lines):
        own = [
            line.span for line in lines if line.speaker == speaker and line.segments and line.span.duration
        ]
        others = [line.span for line in lines if line.speaker != speaker]
        clean = [span for span in own if not any(span.overlap(other) for other in others)] or own
        usable = [span for span in clean if span.duration >= TIMBRE_SHORTEST_MS] or clean
        chosen[speaker] = _best(usable, loudness)
    return chosen


def _best(spans: Sequence[Span], loudness: Callable[[Span], float]) -> tuple[Span, ...]:
    level = {span: loudness(span) for span in spans}
    heard = [span for span in set(spans) if level[span] > float("-inf")]
    if not heard:
        return ()
    loudest = max(level.values())
    ranked = sorted(
        heard,
        key=lambda span: (span.duration - LEVEL_WEIGHT_MS_PER_DB * (loudest - level[span]), -span.start),
        reverse=True,
    )
    best: list[Span] = []
    for span in ranked:
        left = TIMBRE_ENOUGH_MS - sum(kept.duration for kept in best)
        if left < TIMBRE_SHORTEST_MS and best:
            break
        best.append(Span(span.start, min(span.end, span.start + left)))
    return tuple(sorted(best))


def emotion(line: Line) -> Span | None:
    """Where the manner of a line is heard: its own source speech, or None where it has none to speak of."""
    return line.span if line.segments and line.span.duration >= EMOTION_SHORTEST_MS else None
