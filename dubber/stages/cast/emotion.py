"""Where each line's manner is heard: in its own source speech, with a little of its neighbours' where that is too short
to learn from. Decided by the source alone, so that another wording changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from align.types import Span, union
from dubber.stages.cast.stretches import covered
from dubber.stages.cast.utterances import Utterance, crowded

ENOUGH_MS = 1_200
"""A manner needs so much speech: the least that IndexTTS2 takes is 1 s, and a fifth more is left for what a
resampler and a fade cut off."""

LEAST_MS = 300
"""Below this no melody of speech can be measured: the line then takes the speaker's usual manner."""

PIECE_MS = 200
"""No less is taken of a neighbour: below a syllable it is a click."""

SCENE_GAP_MS = 4_000
"""Nobody speaks for longer than this within one scene, as a rule: past it another scene, and another mood, begins."""

Origin = Literal["own", "grown"]


@dataclass(frozen=True)
class Manner:
    """Where a line's manner is heard, in order of time: in its `own` speech alone, or in that and some of its
    neighbours' ("grown")."""

    spans: tuple[Span, ...]
    origin: Origin


@dataclass(frozen=True)
class _Scene:
    """What is said in the source, in order of start; where anybody is heard, and where several are at once."""

    heard: Sequence[Utterance]
    anybody: Sequence[Span]
    crowd: Sequence[Span]


def manners(heard: Sequence[Utterance], overlaps: Sequence[Span] = ()) -> dict[str, Manner]:
    """The manner of every line that is heard in the source, by line id; `heard` is all that is said there, `overlaps`
    where a diarizer heard several voices at once.

    Speech under ENOUGH_MS grows by the nearest part of what the same speaker says before or after, whichever is
    nearer, as often as needed; never into or past another voice, nor over a gap of more than SCENE_GAP_MS. What stays
    below ENOUGH_MS is given all the same, for engines that are content with less; below LEAST_MS there is no manner.
    """
    ordered = sorted(heard)
    scene = _Scene(ordered, union(one.span for one in ordered), crowded(ordered, overlaps))
    places: dict[str, list[int]] = {}
    for place, one in enumerate(ordered):
        if one.line:
            places.setdefault(one.line, []).append(place)
    found: dict[str, Manner] = {}
    for line, own in places.items():
        spans = union(ordered[place].span for place in own)
        grown = _grown(scene, own, spans)
        if _length(grown) >= LEAST_MS:
            found[line] = Manner(grown, "own" if grown == spans else "grown")
    return found


def _grown(scene: _Scene, own: Sequence[int], spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """The line's own `spans`, the utterances at the places `own`, and as much of its neighbours as it lacks."""
    before, after = own[0] - 1, own[-1] + 1
    speaker = scene.heard[own[0]].speaker
    while (lacking := ENOUGH_MS - _length(spans)) > 0:
        hull = Span(spans[0].start, spans[-1].end)
        most = max(lacking, PIECE_MS)
        earlier = _piece(scene, before, speaker, hull, most)
        later = _piece(scene, after, speaker, hull, most)
        if earlier and (later is None or _gap(earlier, hull) <= _gap(later, hull)):
            spans, before = union([*spans, earlier]), before - 1
        elif later:
            spans, after = union([*spans, later]), after + 1
        else:
            break
    return spans


def _piece(scene: _Scene, place: int, speaker: str, hull: Span, most: int) -> Span | None:
    """The part of the utterance at `place` that lies next to `hull`, `most` ms at the most; None where it is another
    speaker's, too far off, or another voice is heard in it or on the way there."""
    if not 0 <= place < len(scene.heard) or scene.heard[place].speaker != speaker:
        return None
    near = scene.heard[place].span
    if near.start < hull.start:
        end = min(near.end, hull.start)
        piece, way = Span(max(near.start, end - most), end), Span(end, hull.start)
    else:
        start = max(near.start, hull.end)
        end = max(near.end, start)
        piece, way = Span(start, min(end, start + most)), Span(hull.end, start)
    stretch = Span(min(way.start, piece.start), max(way.end, piece.end))
    others = covered(way, scene.anybody) + covered(stretch, scene.crowd)
    return None if others or way.duration > SCENE_GAP_MS else piece


def _gap(one: Span, other: Span) -> int:
    """Milliseconds between two spans, 0 where they touch or cross."""
    return max(0, max(one.start, other.start) - min(one.end, other.end))


def _length(spans: Sequence[Span]) -> int:
    return sum(span.duration for span in spans)
