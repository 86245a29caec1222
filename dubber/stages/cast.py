"""Cast: which stretches of the film each speaker's voice, and each line's emotion, are learned from.
Chooses times only; cutting the sound and learning from it happen elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from align.types import Line, Span

TIMBRE_ENOUGH_MS = 12_000
"""A voice engine gains nothing from more than about 12 s of one speaker."""

TIMBRE_SHORTEST_MS = 600
"""A stretch below this is mostly onset and room; it is used only where the speaker has nothing longer."""

EMOTION_SHORTEST_MS = 300
"""Below this no melody of speech can be measured: the line then takes the speaker's usual manner."""

CANDIDATES = 40
"""How many of a speaker's stretches, the longest ones, are listened to; more only where all of them are silent.
A dozen would fill 12 s; the rest leaves a choice where some are drowned."""

LEVEL_WEIGHT_MS_PER_DB = 150.0
"""How many milliseconds of length one decibel under the speaker's loudest stretch costs: far or drowned
speech is the worse reference, but a long clear line still beats a short shout."""


def timbre(
    lines: Sequence[Line],
    loudness: Callable[[Span], float],
    speakers: Collection[str] | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Mapping[str, tuple[Span, ...]]:
    """For each of `speakers` (None: everybody) the best stretches to learn the voice from, in order of time,
    about 12 s together.

    `loudness` gives LUFS of the source speech in a span (-inf for silence); it is asked about the longest
    stretches only, CANDIDATES per speaker, none longer than 12 s. Only lines with source speech under them
    count, and only where no other speaker's line overlaps, unless nothing else is left. A speaker without
    any gets an empty tuple.
    """
    wanted = dict.fromkeys(line.speaker for line in lines) if speakers is None else dict.fromkeys(speakers)
    own: dict[str, list[tuple[Span, bool]]] = {speaker: [] for speaker in wanted}
    for line, crowded in zip(lines, _talked_over(lines), strict=True):
        if line.speaker in own and line.segments and line.span.duration:
            own[line.speaker].append((line.span, crowded))
    chosen: dict[str, tuple[Span, ...]] = {}
    for speaker, spans in own.items():
        clean = [span for span, crowded in spans if not crowded] or [span for span, _ in spans]
        usable = [span for span in clean if span.duration >= TIMBRE_SHORTEST_MS] or clean
        chosen[speaker] = _best(usable, loudness)
        progress(len(chosen) / len(own))
    return chosen


def _talked_over(lines: Sequence[Line]) -> list[bool]:
    """For each line whether a line of another speaker overlaps it, in one sweep over the starts each way."""
    crowded = [False] * len(lines)
    order = sorted((i for i, line in enumerate(lines) if line.span.duration), key=lambda i: lines[i].span)
    latest: dict[str, int] = {}  # at most two speakers, with the latest end so far of each
    for i in order:
        speaker, span = lines[i].speaker, lines[i].span
        crowded[i] = any(end > span.start for other, end in latest.items() if other != speaker)
        latest[speaker] = max(latest.get(speaker, 0), span.end)
        if len(latest) > 2:
            del latest[min(latest, key=latest.__getitem__)]
    following: dict[str, int] = {}  # at most two speakers, with the start of the next line of each
    for i in reversed(order):
        speaker, span = lines[i].speaker, lines[i].span
        crowded[i] |= any(start < span.end for other, start in following.items() if other != speaker)
        following[speaker] = span.start
        if len(following) > 2:
            del following[max(following, key=following.__getitem__)]
    return crowded


def _best(spans: Sequence[Span], loudness: Callable[[Span], float]) -> tuple[Span, ...]:
    short = {Span(span.start, min(span.end, span.start + TIMBRE_ENOUGH_MS)) for span in spans}
    level: dict[Span, float] = {}
    for n, span in enumerate(sorted(short, key=lambda span: (-span.duration, span.start))):
        if n >= CANDIDATES and level:
            break
        heard = loudness(span)
        if heard > float("-inf"):
            level[span] = heard
    if not level:
        return ()
    loudest = max(level.values())
    ranked = sorted(
        level,
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
