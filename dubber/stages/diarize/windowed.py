"""Who speaks when, from any embedding of short windows: cluster, walk the windows again, place the changes.

Knows no model. An embedding is a function and a `Tuning`: how alike one voice is to itself in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from align.types import Span
from dubber.stages.diarize import turns as room
from dubber.stages.diarize.clustering import Labels, centroids, cluster, in_order
from dubber.stages.diarize.door import Diarization, Turn
from dubber.stages.diarize.windows import Embed, Vectors, cut, embedded, shares, unit, within

if TYPE_CHECKING:
    from dubber.audio import AudioFile

TINY_MS, TINY_SHARE = 2_000, 0.1
"""Who speaks less than this in the whole film is taken for somebody else; in a film with little speech, less than this
share of it."""
FOUNDING_MS = 750
"""Where voices are counted, shorter windows found none: those of many short answers are alike for being short. They
are given to the voices that longer ones found, if those are most of the speech."""
PASSES = 4
"""Walks over the windows, each with the centroids of the one before; they settle in two or three."""
UNSTEADY = 0.1
"""What a window across a change of speaker still weighs when voices are looked for."""
SAMPLE = 200
"""Windows that are listened to where there is only one speaker: their mean voice does not change with more."""


@dataclass(frozen=True)
class Tuning:
    """Cosines of an embedding: `same` between windows of one voice on average, at least (below it groups are kept
    apart at first); `one` between the centroids of two groups, freed of noise, from which they are one voice."""

    same: float
    one: float


def diarize(
    audio: AudioFile,
    spans: Sequence[Span],
    speakers: int | None,
    embed: Embed,
    tuning: Tuning,
    progress: Callable[[float], None] = lambda _: None,
) -> Diarization:
    """As `Diarizer.diarize`; turns are disjoint and cover `spans`. Overlaps are not looked for."""
    if speakers is not None and speakers < 1:
        raise ValueError(f"a film has at least one speaker, not {speakers}")
    spans = [span for span in spans if span.duration]
    windows = cut(spans)
    if speakers == 1 or not windows:
        some = windows[:: max(1, -(-len(windows) // SAMPLE))]
        vectors = embedded(audio, some, embed, progress)
        alone = centroids(vectors, np.ones(len(some)), np.zeros(len(some), np.intp)) if some else ()
        return Diarization(tuple(Turn(span, 0) for span in spans), centroids=_plain(alone))
    vectors = embedded(audio, windows, embed, lambda done: progress(0.9 * done))
    weights = shares(windows)
    labels, found = _heard(vectors, weights, windows, speakers, tuning)
    places = [
        (span, [windows[i] for i in some], labels[some.start : some.stop])
        for span, some in zip(spans, within(windows, spans), strict=True)
    ]
    changes = [(span, change) for span, own, heard in places for change in room.changes(own, heard, span)]
    moments = iter(room.placed(audio, changes, found, embed))
    marks: list[list[tuple[int, int]]] = []
    for span, own, heard in places:
        line = [(span.start, int(heard[0]))] if own else []
        for change in room.changes(own, heard, span):
            line.append((max(line[-1][0], next(moments)), change.after))
        marks.append(line)
    told = room.painted(spans, marks)
    progress(1.0)
    return _numbered(told, found)


def _heard(
    vectors: Vectors, weights: Vectors, windows: Sequence[Span], speakers: int | None, tuning: Tuning
) -> tuple[Labels, Vectors]:
    """As `voices`, but where the number is to be found, windows below FOUNDING_MS have no part in finding it."""
    long = np.flatnonzero([window.duration >= FOUNDING_MS for window in windows])
    if speakers is not None or len(long) == len(windows) or 2 * weights[long].sum() < weights.sum():
        return voices(vectors, weights, windows, speakers, tuning)
    _, found = voices(vectors[long], weights[long], [windows[int(i)] for i in long], None, tuning)
    return room.path(vectors @ found.T, windows), found


def voices(
    vectors: Vectors, weights: Vectors, windows: Sequence[Span], speakers: int | None, tuning: Tuning
) -> tuple[Labels, Vectors]:
    """The voice of every window, and the voices' centroids, shape (voices, width).

    Resegmentation after clustering, in the manner of VBx (Landini et al. 2022) with cosines for likelihoods: the
    likeliest path is walked, centroids are taken anew from it, until nothing changes. Where the number is to be found,
    centroids that are one voice are joined and voices without enough to say are dropped between walks.
    """
    shortest = min(TINY_MS, TINY_SHARE * float(weights.sum()))
    steady = weights * _steadiness(vectors, windows, tuning.same)
    first = cluster(vectors, steady, tuning.same, shortest, speakers)
    found = centroids(vectors, weights, first)
    labels = room.path(vectors @ found.T, windows)
    for _ in range(PASSES):
        if speakers is None:
            labels = _joined(vectors, weights, labels, tuning.one)
            labels = _without_tiny(weights, labels, shortest)
        found = _moved(vectors, weights, labels, found if speakers is not None else None)
        again = room.path(vectors @ found.T, windows)
        if np.array_equal(again, labels):
            break
        labels = again
    if speakers is None:
        labels = in_order(labels)
        found = centroids(vectors, weights, labels)
    return labels, found


def _steadiness(vectors: Vectors, windows: Sequence[Span], same: float) -> Vectors:
    """How far each window can be one voice alone, UNSTEADY..1: what meets in its middle from both sides is alike or
    not.

    Where two voices meet without a pause, the windows across the change are alike among themselves and would make a
    voice.
    """
    steady = np.ones(len(windows))
    for i in range(1, len(windows) - 1):
        if windows[i - 1].overlap(windows[i]) and windows[i].overlap(windows[i + 1]):
            steady[i] = np.clip(float(vectors[i - 1] @ vectors[i + 1]) / same, UNSTEADY, 1.0)
    return steady


def _moved(vectors: Vectors, weights: Vectors, labels: Labels, before: Vectors | None) -> Vectors:
    """Centroids of what the path gave to each voice; a voice it gave nothing to stays where it was `before`."""
    if before is None:
        return centroids(vectors, weights, in_order(labels))
    after: Vectors = before.copy()
    for voice in np.unique(labels):
        own = labels == voice
        after[voice] = unit((vectors[own] * weights[own, None]).sum(axis=0))
    return after


def _joined(vectors: Vectors, weights: Vectors, labels: Labels, one: float) -> Labels:
    """Voices whose centroids are `one` or more alike made one, the most alike first.

    Centroids of few windows are unlike for their noise alone. So their cosine is taken without it: the mean cosine
    across two voices ÷ the mean cosine within voices, pairs of a window with itself left out.
    """
    while True:
        labels = in_order(labels)
        total = np.bincount(labels, weights)
        own = np.bincount(labels, weights**2)
        sums = np.zeros((len(total), vectors.shape[1]))
        np.add.at(sums, labels, vectors * weights[:, None])
        products = sums @ sums.T
        pairs = float((total**2 - own).sum())
        within = float((np.diag(products) - own).sum()) / pairs if pairs > 0 else 1.0
        alike = products / np.outer(total, total) / max(within, 1e-6)
        np.fill_diagonal(alike, -1.0)
        a, b = np.unravel_index(alike.argmax(), alike.shape)
        if alike[a, b] < one:
            return labels
        labels = np.where(labels == b, a, labels)


def _without_tiny(weights: Vectors, labels: Labels, shortest: float) -> Labels:
    """Voices with less than `shortest` ms marked -1, all but the greatest one at most."""
    total = np.bincount(labels, weights)
    small = total < min(shortest, total.max())
    return in_order(np.where(small[labels], -1, labels))


def _numbered(turns: Sequence[Turn], found: Vectors) -> Diarization:
    """Speakers by first appearance; neighbours of one speaker that touch made one turn; the silent ones left out."""
    numbers: dict[int, int] = {}
    told: list[Turn] = []
    for turn in turns:
        speaker = numbers.setdefault(turn.speaker, len(numbers))
        if told and told[-1].speaker == speaker and told[-1].span.end == turn.span.start:
            told[-1] = Turn(Span(told[-1].span.start, turn.span.end), speaker)
        else:
            told.append(Turn(turn.span, speaker))
    return Diarization(tuple(told), centroids=_plain(found[list(numbers)]))


def _plain(vectors: Vectors | tuple[()]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in vectors)
