"""The few nouns that every room speaks. Time is integer milliseconds on the film's clock; no file or sound is
touched here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

SAMPLE_RATE = 48_000
"""Hz. The one sample rate of the film's audio, so that a millisecond is a whole number of samples."""

SAMPLES_PER_MS = SAMPLE_RATE // 1000


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of the film's clock, [start, end) in integer milliseconds, 0 <= start <= end.

    Raises ValueError when the two are out of order or negative.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"not a span: {self.start}..{self.end} ms")

    @property
    def duration(self) -> int:
        """Length in milliseconds."""
        return self.end - self.start

    @property
    def samples(self) -> slice:
        """The same stretch as a slice of 48 kHz samples."""
        return slice(self.start * SAMPLES_PER_MS, self.end * SAMPLES_PER_MS)

    def overlap(self, other: Span) -> int:
        """Milliseconds that both spans cover; 0 when they only touch."""
        return max(0, min(self.end, other.end) - max(self.start, other.start))

    def clipped(self, duration: int) -> Span:
        """The part of this span that lies within a film of `duration` milliseconds."""
        return Span(min(self.start, duration), min(self.end, duration))


def union(spans: Iterable[Span], *, join: int = 0) -> tuple[Span, ...]:
    """The spans sorted, with those that overlap or lie at most `join` milliseconds apart made one."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start - merged[-1].end <= join:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return tuple(merged)


def without(spans: Sequence[Span], taken: Sequence[Span]) -> tuple[Span, ...]:
    """What is left of `spans` where none of `taken` lies, sorted and disjoint."""
    left: list[Span] = []
    others = union(taken)
    first = 0
    for span in union(spans):
        start = span.start
        while first < len(others) and others[first].end <= start:
            first += 1
        at = first
        while at < len(others) and others[at].start < span.end:
            if others[at].start > start:
                left.append(Span(start, others[at].start))
            start = max(start, others[at].end)
            at += 1
        first = max(first, at - 1)
        if start < span.end:
            left.append(Span(start, span.end))
    return tuple(left)


@dataclass(frozen=True)
class Word:
    """One recognised word: its text as written, its span, and the recogniser's confidence in 0..1."""

    text: str
    span: Span
    confidence: float = 1.0


@dataclass(frozen=True)
class Segment:
    """One thing said by one speaker in the source: what a subtitle cue of the transcript stands for.

    `words` may be empty where the transcript was given by a person and holds no word times.
    """

    id: str
    span: Span
    text: str
    speaker: str
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Timeline:
    """The source film as speech: its length in milliseconds, its segments in order of start, and where
    anybody speaks at all (voice activity, sorted and disjoint)."""

    duration: int
    segments: tuple[Segment, ...]
    speech: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Line:
    """One thing to be said in the dub: text in the target language and the source speech it stands for.

    `span` is that source speech; `segments` are the ids it came from (none for a cue a person added,
    several where cues were merged).
    """

    id: str
    span: Span
    text: str
    speaker: str
    segments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Slot:
    """The time one line is given in the dub. A take for it has exactly `span.duration` ms × 48 samples.

    `natural` is the length in milliseconds at which the voice speaks the line unhurried; `flags` name
    what the report must show about this slot, e.g. "compressed" (past the comfort band) or "crowded".
    `phrases` are the stretches of it in which the line is spoken, where it pauses between them: in order, disjoint,
    the first where the slot starts and the last where it ends; none where it is spoken in one.
    """

    line: str
    span: Span
    natural: int
    flags: tuple[str, ...] = field(default=())
    phrases: tuple[Span, ...] = field(default=())

    @property
    def spoken(self) -> int:
        """Milliseconds in which the line is spoken: those of the slot without its pauses."""
        return sum(one.duration for one in self.phrases) if self.phrases else self.span.duration

    @property
    def factor(self) -> float:
        """Rate factor, natural ÷ spoken length: over 1 the line is spoken faster than it would be by itself."""
        return self.natural / self.spoken if self.spoken else float("inf")
