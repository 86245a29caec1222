"""Windows with a voice each into turns: the likeliest path over the windows, and changes of speaker put where they
are.

Takes centroids as they are given; how voices were found is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from align.types import Span
from dubber.stages.diarize.clustering import Labels
from dubber.stages.diarize.door import Turn
from dubber.stages.diarize.windows import RATE, WINDOW_MS, Embed, FloatArray, Vectors, embedded

if TYPE_CHECKING:
    from dubber.audio import AudioFile

SWITCH = 0.15
"""What a change of speaker inside speech must gain, in cosine of one whole window: an odd window between two of
another voice must be 0.3 clearer than they. On the films of bench/speakers.py anything from 0.05 to 0.3 gives the same
turns."""
PAUSE_MS = 100
"""A pause this long divides that by e: people take turns where there is silence."""

FINE_MS, FINE_HOP_MS = 700, 100
"""Length and distance of the windows that are heard around a change: the shortest that still tell two known voices."""
AROUND_MS = 250
"""How far outside the middles of the two windows a change is looked for."""
DIP_PER_DB = 0.01
"""What a decibel of quiet is worth against the cosines when a change is placed. Of 0 to 0.04 it puts changes best on
the films of bench/speakers.py, though no value is far off."""
DIP_FLOOR_DB = 30.0
"""Quieter than this under the loudest nearby counts no more."""
STEP_MS = 10
"""The grid that changes are put on."""


@dataclass(frozen=True)
class Change:
    """One speaker hands over to another inside a span of speech, somewhere in `between`."""

    between: Span
    before: int
    after: int


def path(likeness: Vectors, windows: Sequence[Span]) -> Labels:
    """The voice of each window that together fit best: cosines, less SWITCH for each change (Viterbi).

    likeness: (windows, voices), cosines to the centroids. A shorter window counts in proportion to its length.
    """
    count, voices = likeness.shape
    scores = likeness * np.array([[min(1.0, one.duration / WINDOW_MS)] for one in windows])
    came = np.zeros((count, voices), np.intp)
    best = scores[0].copy()
    stay = np.arange(voices)
    for i in range(1, count):
        cost = SWITCH * np.exp(-max(0, windows[i].start - windows[i - 1].end) / PAUSE_MS)
        leader = int(best.argmax())
        came[i] = np.where(best >= best[leader] - cost, stay, leader)
        best = best[came[i]] - np.where(came[i] == stay, 0.0, cost) + scores[i]
    labels = np.zeros(count, np.intp)
    labels[-1] = best.argmax()
    for i in range(count - 1, 0, -1):
        labels[i - 1] = came[i, labels[i]]
    return labels


def changes(windows: Sequence[Span], labels: Labels, span: Span) -> tuple[Change, ...]:
    """Where the windows of one span say that the speaker changes."""
    found = []
    for i in range(len(windows) - 1):
        if labels[i] != labels[i + 1]:
            start, end = _middle(windows[i]) - AROUND_MS, _middle(windows[i + 1]) + AROUND_MS
            between = Span(max(span.start, start), min(span.end, end))
            found.append(Change(between, int(labels[i]), int(labels[i + 1])))
    return tuple(found)


def placed(
    audio: AudioFile, found: Sequence[tuple[Span, Change]], centroids: Vectors, embed: Embed
) -> tuple[int, ...]:
    """The moment in ms of each change, given with the span of speech it is in.

    Short windows on both sides say how clearly either voice is heard; the change is where the sum of what speaks for
    the first voice before it and for the second after it is greatest, a quiet moment preferred.
    """
    fine = [_fine(change.between, span) for span, change in found]
    rows = embedded(audio, [window for some in fine for window in some], embed)
    moments, first = [], 0
    for (_, change), some in zip(found, fine, strict=True):
        own = rows[first : first + len(some)]
        first += len(some)
        difference = own @ (centroids[change.before] - centroids[change.after])
        moments.append(_moment(audio, change.between, [_middle(one) for one in some], difference))
    return tuple(moments)


def painted(spans: Sequence[Span], speakers: Sequence[Sequence[tuple[int, int]]]) -> tuple[Turn, ...]:
    """Turns that cover `spans`; for each the (moment it begins, speaker) in order, the first at the span's start.

    A span nobody is known in goes to whoever speaks nearest to it, the one before where both are as near; where nobody
    is known at all, to speaker 0.
    """
    turns: list[Turn] = []
    empty: list[Span] = []
    for span, marks in zip(spans, speakers, strict=True):
        if not marks and span.duration:
            empty.append(span)
        ends = [at for at, _ in marks[1:]] + [span.end] * bool(marks)
        for (start, speaker), end in zip(marks, ends, strict=True):
            if end > start:
                turns.append(Turn(Span(start, end), speaker))
    known, at = list(turns), 0
    for span in empty:
        while at < len(known) and known[at].span.start < span.start:
            at += 1
        beside = known[max(0, at - 1) : at + 1]
        gap = [max(span.start - one.span.end, one.span.start - span.end) for one in beside]
        turns.append(Turn(span, beside[gap.index(min(gap))].speaker if beside else 0))
    return tuple(sorted(turns))


def _middle(span: Span) -> int:
    return (span.start + span.end) // 2


def _fine(between: Span, span: Span) -> list[Span]:
    """Short windows centred on every FINE_HOP_MS of `between`, moved where they would leave the span of speech."""
    length = min(FINE_MS, span.duration)
    centres = range(between.start, between.end + 1, FINE_HOP_MS)
    starts = sorted({min(max(span.start, centre - length // 2), span.end - length) for centre in centres})
    return [Span(start, start + length) for start in starts]


def _moment(audio: AudioFile, between: Span, centres: Sequence[int], difference: Vectors) -> int:
    """Where on the grid of `between` the second voice takes over."""
    from dubber.audio import mono16k

    grid = np.arange(between.start, between.end + 1, STEP_MS)
    clear = np.interp(grid, centres, difference) * (STEP_MS / FINE_HOP_MS)
    gain = 2 * np.cumsum(clear) - clear.sum()
    samples = mono16k(audio, between.start * audio.rate // 1000, between.end * audio.rate // 1000)
    level = _levels(samples, len(grid))
    quiet = np.minimum(level.max() - level, DIP_FLOOR_DB)
    return int(grid[(gain + DIP_PER_DB * quiet).argmax()])


def _levels(samples: FloatArray, count: int) -> Vectors:
    """dB of the 30 ms around each step of the grid, shape (count,)."""
    step = RATE * STEP_MS // 1000
    power = np.square(np.pad(samples, (2 * step, 2 * step)), dtype=np.float64)
    total = np.concatenate([[0.0], np.cumsum(power)])
    first = np.minimum(np.arange(count) * step + step // 2, len(power) - 3 * step)
    levels: Vectors = 10 * np.log10((total[first + 3 * step] - total[first]) / (3 * step) + 1e-9)
    return levels
