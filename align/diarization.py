"""How well it was told who speaks when: the diarization error rate, and the best pairing of two sets of speakers.

Works on spans and labels alone; finding voices in sound never lives here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from align.types import Span, union

Turns = Iterable[tuple[Span, Hashable]]
"""Stretches of speech and whose they are, in any order; one speaker's may overlap or touch."""

Matrix = npt.NDArray[np.float64]

COLLAR_MS = 250
"""On either side of a reference boundary nothing is scored: people who mark speech do not agree better (NIST RT)."""


@dataclass(frozen=True)
class ErrorRate:
    """Diarization error in milliseconds of speaker time; `speech` is what the reference has, every voice counted."""

    missed: int
    false_alarm: int
    confused: int
    speech: int

    @property
    def rate(self) -> float:
        """(missed + false alarm + confused) ÷ speech: 0 is perfect, over 1 possible; 0 or inf without any speech."""
        wrong = self.missed + self.false_alarm + self.confused
        if not self.speech:
            return float("inf") if wrong else 0.0
        return wrong / self.speech


def error_rate(
    reference: Turns, found: Turns, collar_ms: int = COLLAR_MS, skip_overlap: bool = False
) -> ErrorRate:
    """Diarization error as NIST's md-eval defines it, with the speakers paired so that it is least.

    At every instant with r reference and f found speakers, c of them the same: missed max(0, r - f), false alarm
    max(0, f - r), confused min(r, f) - c. Within `collar_ms` of a reference boundary nothing counts, nor where two
    reference speakers overlap if `skip_overlap`. Raises ValueError for a collar below 0.
    Source: NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan". Unlike md-eval, which
    pairs the speakers before it takes collars away, the pairing here is best for the time that is scored.
    """
    if collar_ms < 0:
        raise ValueError(f"a collar is not negative: {collar_ms} ms")
    theirs, ours = _by_speaker(reference), _by_speaker(found)
    collars = [Span(max(0, edge - collar_ms), edge + collar_ms) for edge in _edges(theirs)]
    times = np.array(sorted({*_edges(theirs), *_edges(ours), *_edges([union(collars)])}), dtype=np.int64)
    if len(times) < 2:
        return ErrorRate(0, 0, 0, 0)
    length, starts = np.diff(times), times[:-1]
    spoken, heard = _active(theirs, starts), _active(ours, starts)
    scored = ~_active([union(collars)], starts)[0] if collar_ms and collars else np.ones(len(starts), bool)
    if skip_overlap:
        scored &= spoken.sum(axis=0) < 2
    length = np.where(scored, length, 0)
    said, told = spoken.sum(axis=0), heard.sum(axis=0)
    shared = (spoken * length).astype(np.float64) @ heard.T.astype(np.float64)
    same = round(sum(shared[one, other] for one, other in pairs(shared)))
    return ErrorRate(
        missed=int((np.maximum(said - told, 0) * length).sum()),
        false_alarm=int((np.maximum(told - said, 0) * length).sum()),
        confused=int((np.minimum(said, told) * length).sum()) - same,
        speech=int((said * length).sum()),
    )


def pairs(gain: Matrix) -> tuple[tuple[int, int], ...]:
    """The one-to-one pairing of rows and columns with the greatest sum of `gain`, shape (rows, columns), as
    (row, column) in order of row. Pairs that gain nothing (0 or less) are left out.

    Hungarian method by shortest augmenting paths, O(n³): Jonker and Volgenant, Computing 38, 1987.
    """
    rows, columns = gain.shape
    size = max(rows, columns)
    cost = np.zeros((size, size))
    cost[:rows, :columns] = -np.maximum(gain, 0.0)
    over, under = np.zeros(size), np.zeros(size)  # dual prices of rows and columns
    row_of = np.full(size, -1)
    for row in range(size):
        distance = cost[row] - over[row] - under
        through, done = np.full(size, -1), np.zeros(size, bool)
        while True:
            column = int(np.where(done, np.inf, distance).argmin())
            done[column] = True
            if row_of[column] < 0:
                break
            owner = row_of[column]
            longer = distance[column] + cost[owner] - over[owner] - under
            better = ~done & (longer < distance)
            distance[better], through[better] = longer[better], column
        reached = distance[column]
        settled = done & (row_of >= 0)
        over[row] += reached
        over[row_of[settled]] += reached - distance[settled]
        under[settled] -= reached - distance[settled]
        while through[column] >= 0:
            row_of[column] = row_of[through[column]]
            column = int(through[column])
        row_of[column] = row
    found = ((int(row_of[column]), column) for column in range(columns))
    return tuple(sorted((row, column) for row, column in found if row < rows and gain[row, column] > 0))


def _by_speaker(turns: Turns) -> list[tuple[Span, ...]]:
    """Each speaker's time as disjoint spans, speakers in order of their first mention."""
    spans: dict[Hashable, list[Span]] = {}
    for span, speaker in turns:
        if span.duration:
            spans.setdefault(speaker, []).append(span)
    return [union(own) for own in spans.values()]


def _edges(speakers: Sequence[Sequence[Span]]) -> list[int]:
    return [edge for spans in speakers for span in spans for edge in (span.start, span.end)]


def _active(speakers: Sequence[Sequence[Span]], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Who speaks from each of `starts` to the next one, shape (speakers, starts)."""
    active = np.zeros((len(speakers), len(starts)), bool)
    for own, spans in zip(active, speakers, strict=True):
        first = np.searchsorted(starts, [span.start for span in spans])
        last = np.searchsorted(starts, [span.end for span in spans])
        for start, end in zip(first, last, strict=True):
            own[start:end] = True
    return active
