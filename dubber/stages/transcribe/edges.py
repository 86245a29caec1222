"""Word times moved to the sound: recognisers know their words' edges to a tenth of a second or two, the sound knows
them to a hundredth. Recognises nothing, and reads the film span by span."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from align.types import Span, Word
from dubber.stages.transcribe.homes import common_shift, homes_of, runs

if TYPE_CHECKING:
    from dubber.audio import AudioFile

FloatArray = npt.NDArray[np.float32]

REVISION = 2
"""Goes up whenever the same words and sound would give other times."""

FRAME_MS = 10
BLOCK_MS = 60_000
"""How much of a long span is read at once."""
EMPHASIS = 0.97
"""Pre-emphasis of speech analysis: takes hum out and lets an /s/ count as much as a vowel."""
FLOOR_DB = -90.0

DIP_DB = 9.0
"""A dip lies this far below the loudest on both its sides; the ripple inside a vowel reaches about 6 dB."""
BESIDE_MS = 400
"""How far to each side of a dip its loudest is sought: about two syllables."""
BOTTOM_DB = 5.0
"""What is within this of the lowest belongs to the dip; where sound rises above it, a word begins."""
PAUSE_MS = 120
"""A dip of this length is a pause: the closure of a stop consonant is shorter."""

DRIFT_MS = 120.0
"""Standard deviation of a word edge's error inside speech: what timing by attention is off by."""
EDGE_DRIFT_MS = 300.0
"""The same beside a pause, which a word is often stretched over."""
UNEVEN_MS, UNEVEN = 30.0, 0.12
"""How far an edge is from where the letters put it: this, and a share of the way from the edge of the speech."""
STAY = 1.2
"""What it costs (in units of half a squared deviation) that an edge has no dip: most words run into each other."""
CLOSURE = 0.8
"""What it costs to take a dip shorter than PAUSE_MS for an edge: half of them are inside words."""
DRAWN = 0.95 * 2 * STAY
"""What it costs at most that a word was drawn out: a little less than that its span begins or ends without one."""
SPLIT = 3.0
"""What it costs that a word is said across a pause."""
REACH_MS = 600
"""No edge inside speech moves further."""
DRAWN_MS = 1_500
"""Sound that goes on up to this long before the first word of a span or after the last, without a pause, is still that
word's: of a cry of three seconds faster-whisper leaves 1.4 s, the most that it lets a lone word last."""
LEAST_MS = 30
"""No word is made shorter than this where there is room."""


class Dip(NamedTuple):
    """Where sound falls away and where it rises again, ms; `costs` what taking it for an edge costs."""

    fall: int
    rise: int
    costs: float


@dataclass(frozen=True)
class _Edge:
    """One choice for the edge between two words: the first ends, the next begins, at this price so far."""

    end: int
    start: int
    price: float
    before: _Edge | None = None


def snap(
    audio: AudioFile,
    words: Sequence[Word],
    speech: Sequence[Span],
    progress: Callable[[float], None] = lambda _: None,
) -> tuple[Word, ...]:
    """`words` (in order of start), each inside one span of `speech` (sorted, disjoint), none overlapping another.

    Order, text and confidence stay. A word after a pause begins where sound rises, one before a pause ends where it
    falls away; in between, edges move to a clear dip nearby or stay. A drift that all have in common is taken out
    first. Where more words than milliseconds fall on a span, some last 0 ms. Words are left as they are where there is
    no speech at all. Memory does not grow with the film but for 0.4 kB per second of a span.
    Raises MediaError where the audio cannot be read.
    """
    if not words or not speech:
        return tuple(words)
    ordered = [replace(word, span=Span(*span)) for word, span in zip(words, _in_order(words), strict=True)]
    homes = homes_of(ordered, speech)
    shift = common_shift(ordered, homes, speech)
    if shift:
        ordered = [replace(word, span=_shifted(word.span, shift)) for word in ordered]
        homes = homes_of(ordered, speech)
    placed: list[Word] = []
    for first, last in runs(homes):
        span, group = speech[homes[first]], ordered[first:last]
        dips = _dips(_loudness(audio, span), span)
        placed += [replace(word, span=at) for word, at in zip(group, _placed(group, span, dips), strict=True)]
        progress(last / len(words))
    return tuple(placed)


def _in_order(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Spans that neither go back in time nor overlap: what two words both claim is halved."""
    for i, word in enumerate(words):
        start, end = word.span.start, word.span.end
        if i:
            start = max(start, (words[i - 1].span.end + start) // 2)
        if i + 1 < len(words) and words[i + 1].span.start < end:
            end = (end + words[i + 1].span.start) // 2
        yield start, max(start, end)


def _shifted(span: Span, by: int) -> Span:
    return Span(max(0, span.start + by), max(0, span.end + by))


def _loudness(audio: AudioFile, span: Span) -> FloatArray:
    """dB of every 10 ms of a span after pre-emphasis, shape (frames,); the last part of a frame is left out."""
    from dubber.audio import mono16k

    parts = []
    for start in range(span.start, span.end, BLOCK_MS):
        stop = min(start + BLOCK_MS, span.end)
        samples = mono16k(audio, round(start * audio.rate / 1000), round(stop * audio.rate / 1000))
        if len(samples) > 1:
            samples[1:] -= np.float32(EMPHASIS) * samples[:-1].copy()
            samples[0] = samples[1]
        whole = samples[: len(samples) // 160 * 160].reshape(-1, 160)
        parts.append(10 * np.log10(np.mean(np.square(whole), axis=1) + 10 ** (FLOOR_DB / 10)))
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def _dips(loudness: FloatArray, span: Span) -> list[Dip]:
    """The clear dips inside a span, in order."""
    if len(loudness) < 3:
        return []
    padded = np.pad(loudness, 1, mode="edge")
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    beside = BESIDE_MS // FRAME_MS
    wall = np.full(beside, FLOOR_DB, smooth.dtype)
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([wall, smooth, wall]), beside + 1)
    left, right = windows[: len(smooth)].max(axis=1), windows[beside:].max(axis=1)
    low = np.minimum(left, right) - smooth >= DIP_DB
    change = np.diff(np.concatenate([[0], low.astype(np.int8), [0]]))
    dips = []
    for begin, end in zip(np.flatnonzero(change == 1), np.flatnonzero(change == -1), strict=True):
        bottom = np.flatnonzero(smooth[begin:end] <= smooth[begin:end].min() + BOTTOM_DB) + begin
        fall, rise = span.start + int(bottom[0]) * FRAME_MS, span.start + (int(bottom[-1]) + 1) * FRAME_MS
        dips.append(Dip(fall, rise, 0.0 if rise - fall >= PAUSE_MS else CLOSURE))
    return dips


def _placed(words: Sequence[Word], span: Span, dips: Sequence[Dip]) -> list[Span]:
    """Where each of the words said in `span` is: the cheapest order of edges. A shortest path over edges."""
    room = min(LEAST_MS, span.duration // len(words))
    heard = _with_room(words, span, room)
    long = [dip for dip in dips if dip.rise - dip.fall >= PAUSE_MS]
    pauses = [dip.fall for dip in long]
    begins = _outer(heard[0], span.start, [dip.rise for dip in dips], long)
    edges = [_Edge(span.start, start, price) for start, price in begins]
    for end, start, likely in zip(heard[1:-1:2], heard[2:-1:2], _likely(words, span, heard), strict=True):
        edges = _continued(edges, _between(end, start, likely, dips), room, pauses)
    ends = _outer(heard[-1], span.end, [dip.fall for dip in dips], long)
    edges = _continued(edges, [(end, end, price) for end, price in ends], room, pauses)
    edge = min(edges, key=lambda one: one.price)
    spans = []
    while edge.before is not None:
        spans.append(Span(edge.before.start, edge.end))
        edge = edge.before
    return spans[::-1]


def _with_room(words: Sequence[Word], span: Span, room: int) -> list[int]:
    """start, end, start, end … of the words, in order, inside `span`, each word at least `room` ms: as near to what was
    heard as may be. What contends for the same time meets halfway."""
    heard = np.array([time for word in words for time in (word.span.start, word.span.end)])
    taken = np.arange(1, len(heard) + 1) // 2 * room  # by the words before each edge
    free = np.clip(heard - taken, span.start, span.end - taken[-1])
    fair = (np.maximum.accumulate(free) + np.minimum.accumulate(free[::-1])[::-1]) // 2
    return [int(time) for time in fair + taken]


def _likely(words: Sequence[Word], span: Span, heard: Sequence[int]) -> list[float]:
    """Where each edge between two words is sought: between where it was heard and where the letters put it, were all
    said equally fast; the letters tell most close to the edges of the span, and nothing where the two are far apart."""
    letters = np.cumsum([len(word.text) + 1 for word in words])[:-1]
    total = sum(len(word.text) + 1 for word in words)
    written = span.start + span.duration * letters / total
    middles = (np.array(heard[1:-1:2]) + np.array(heard[2:-1:2])) / 2
    unsure = UNEVEN_MS + UNEVEN * np.minimum(written - span.start, span.end - written)
    share = DRIFT_MS**2 / (DRIFT_MS**2 + unsure**2)
    share[np.abs(written - middles) > REACH_MS] = 0
    return [float(time) for time in middles + share * (written - middles)]


def _outer(heard: int, edge: int, others: Sequence[int], pauses: Sequence[Dip]) -> list[tuple[int, float]]:
    """(time, price) for where a span's first word starts or its last ends: at its edge, at a dip, or as heard.

    Between the edge and what was heard lies the word itself, drawn out, unless there is a pause or far too much.
    """
    low, high = min(heard, edge), max(heard, edge)
    paused = any(dip.rise > low and dip.fall < high for dip in pauses)
    away = 0.5 * ((heard - edge) / EDGE_DRIFT_MS) ** 2
    if not paused and high - low <= DRAWN_MS:
        away = min(away, DRAWN)
    near = (at for at in others if abs(heard - at) <= REACH_MS)
    dipped = ((at, 0.5 * ((heard - at) / DRIFT_MS) ** 2 + STAY) for at in near)
    return [(edge, away), (heard, 2 * STAY), *dipped]


def _between(end: int, start: int, likely: float, dips: Sequence[Dip]) -> list[tuple[int, int, float]]:
    """(end, start, price) for the edge between two words heard to end and start then: as heard, or at a dip near where
    it is likely."""
    choices = [(end, start, STAY)]
    first = bisect_left(dips, likely - REACH_MS, key=lambda dip: dip.rise)
    last = bisect_right(dips, likely + REACH_MS, key=lambda dip: dip.fall)
    for dip in dips[first:last]:
        away = max(0.0, dip.fall - likely, likely - dip.rise)
        choices.append((dip.fall, dip.rise, 0.5 * (away / DRIFT_MS) ** 2 + dip.costs))
    return choices


def _continued(
    edges: Sequence[_Edge],
    choices: Sequence[tuple[int, int, float]],
    room: int,
    pauses: Sequence[int],
) -> list[_Edge]:
    """Each choice after the edge that makes it cheapest; a word is at least `room` ms and seldom said over a pause."""
    result = []
    for end, start, price in choices:
        ways = [
            (edge.price + SPLIT * _count(pauses, edge.start, end - room), i)
            for i, edge in enumerate(edges)
            if end - edge.start >= room
        ]
        if ways:
            cost, i = min(ways)
            result.append(_Edge(end, start, cost + price, edges[i]))
    return result


def _count(times: Sequence[int], start: int, end: int) -> int:
    """How many of some times, in order, lie in [start, end)."""
    return max(0, bisect_left(times, end) - bisect_left(times, start))
