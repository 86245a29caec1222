"""Which stretches of the film a speaker's voice is learned from: all that come into question are measured and scored,
and the best are taken until there is enough. Cuts times only; the sound is joined elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from align.types import Span
from dubber.audio import Stems
from dubber.stages.cast.figures import Figures, measure, quietest
from dubber.stages.cast.score import Score, score, usual
from dubber.stages.cast.stretches import LONGEST_MS, SHORTEST_MS, Stretch, stretches
from dubber.stages.cast.utterances import Utterance, crowded

REVISION = 1
"""Goes up whenever the same film would be cast otherwise."""

ENOUGH_MS = LONGEST_MS
"""A reference is never longer."""

LEAST_MS = 5_000
"""A reference is no shorter where the speaker has so much: below it engines waver between voices."""

WORSE = 1.0
"""Points that a stretch may lose more than the best one and still be added to a reference of LEAST_MS: more of the
same is welcome, a worse recording is not."""

CANDIDATES = 40
"""How many of a speaker's stretches, the longest ones, are listened to; more only where all of them are silent. A few
would fill a reference; the rest leaves a choice where some are drowned."""

CUT_SEARCH_MS = 700
"""How far before the end of what fits a quieter place to cut is looked for: two or three words."""


@dataclass(frozen=True)
class Candidate:
    """A stretch that was listened to: what was measured of it and how it scores. `span` is the part that is used, which
    may be shorter than what was measured."""

    span: Span
    figures: Figures
    score: Score


@dataclass(frozen=True)
class Choice:
    """What one speaker's voice is learned from: the stretches `taken` in order of time, the best one that was not, and
    how many were listened to. Nothing is taken where the speaker is not heard."""

    taken: tuple[Candidate, ...] = ()
    runner_up: Candidate | None = None
    heard: int = 0

    @property
    def spans(self) -> tuple[Span, ...]:
        """Where in the film the reference lies, ms, sorted and disjoint."""
        return tuple(one.span for one in self.taken)

    @property
    def milliseconds(self) -> int:
        """How long the reference is."""
        return sum(span.duration for span in self.spans)


def timbre(
    heard: Sequence[Utterance],
    stems: Stems,
    speech: Sequence[Span],
    *,
    overlaps: Sequence[Span] = (),
    speakers: Collection[str] | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> dict[str, Choice]:
    """For each of `speakers` (None: everybody) the best 5 to 12 s to learn the voice from, or what there is.

    `speech` is where anybody is heard at all, `overlaps` where a diarizer heard several at once (ms, sorted,
    disjoint). At most CANDIDATES stretches of a speaker, none longer than 12 s, are read from `stems`, unless all
    of these are silent. Raises MediaError where the sound cannot be read.
    """
    wanted = dict.fromkeys((one.speaker for one in heard) if speakers is None else speakers)
    own: dict[str, list[Span]] = {speaker: [] for speaker in wanted}
    for one in heard:
        if one.speaker in own:
            own[one.speaker].append(one.span)
    crowd = crowded(heard, overlaps)
    chosen: dict[str, Choice] = {}
    for speaker, spans in own.items():
        chosen[speaker] = _choice(stretches(spans, speech, crowd), stems, crowd)
        progress(len(chosen) / len(own))
    return chosen


def _choice(found: Sequence[Stretch], stems: Stems, crowd: Sequence[Span]) -> Choice:
    measured: dict[Stretch, Figures] = {}
    longest = sorted(found, key=lambda one: (-one.span.duration, one))
    for number, stretch in enumerate(longest):
        if number >= CANDIDATES and measured:
            break
        figures = measure(stems, stretch.span, crowd)
        if figures is not None:
            measured[stretch] = figures
    if not measured:
        return Choice()
    speaker = usual(list(measured.values()))
    scores = {stretch: score(figures, speaker) for stretch, figures in measured.items()}
    ranked = sorted(measured, key=lambda one: (scores[one].lost, one))
    taken: list[Candidate] = []
    refused: list[Stretch] = []
    for stretch in ranked:
        left = ENOUGH_MS - sum(one.span.duration for one in taken)
        worse = scores[stretch].lost - scores[ranked[0]].lost
        if taken and (left < SHORTEST_MS or (worse > WORSE and left <= ENOUGH_MS - LEAST_MS)):
            refused.append(stretch)
        else:
            span = _fitted(stretch, left, stems)
            taken.append(Candidate(span, measured[stretch], scores[stretch]))
    first = refused[0] if refused else None
    return Choice(
        tuple(sorted(taken, key=lambda one: one.span)),
        Candidate(first.span, measured[first], scores[first]) if first else None,
        len(measured),
    )


def _fitted(stretch: Stretch, left: int, stems: Stems) -> Span:
    """The stretch without more than `left` ms; an edge that lies within speech is moved inwards to a quiet place."""
    start, end = stretch.span.start, stretch.span.end
    if stretch.opened and end - start > 2 * CUT_SEARCH_MS:
        start = quietest(stems, Span(start, start + CUT_SEARCH_MS))
    broken = stretch.broken or end - start > left
    end = min(end, start + left)
    if broken and end - start > 2 * CUT_SEARCH_MS:
        end = quietest(stems, Span(end - CUT_SEARCH_MS, end))
    return Span(start, end)
