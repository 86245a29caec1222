"""Which segments the cues of an edited subtitle file stand for, found by time and text, never by number.

Knows cues as spans and strings. Reading files never lives here, nor whose wording wins (align/merge.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from align.links import ROUNDING, Cue, find_links, plain
from align.types import Span

AGREE = 0.8
"""Share of the cues that must be off by the same time before the file counts as re-timed as a whole; with
less agreement every cue's own time is taken at its word."""


@dataclass(frozen=True)
class Generated:
    """A cue as the program wrote it, or would write it, for one segment. `speaker` is who speaks, labelled
    in the file or not."""

    segment: str
    span: Span
    text: str
    speaker: str


@dataclass(frozen=True)
class Edited:
    """A cue as a person's file holds it now. `speaker` is None where the cue carries no label."""

    span: Span
    text: str
    speaker: str | None = None


@dataclass(frozen=True)
class Reconciled:
    """What became of one edited cue.

    `cue` is its index in the edited file; `segments` what it stands for, in time order: none for an added
    cue, several for a merged one. `part` counts the cues that one segment was split into from 1, and is 0 for
    a cue that has its segments to itself. The rest says which fields the person changed; all are True for an
    added cue. A label taken away says nothing about who speaks and is no change.
    """

    cue: int
    segments: tuple[str, ...]
    part: int
    text_changed: bool
    span_changed: bool
    speaker_changed: bool


@dataclass(frozen=True)
class Reconciliation:
    """Every edited cue once, in order of start; segments whose cue was deleted, in order of start; and the
    time in ms by which the file as a whole was shifted (added to every cue, 0 mostly)."""

    cues: tuple[Reconciled, ...]
    deleted: tuple[str, ...]
    shift: int


def reconcile(base: Sequence[Generated], edited: Sequence[Edited]) -> Reconciliation:
    """Find the segments that each edited cue stands for, and what the person changed.

    A file shifted as a whole is compared with the shift taken back. O(n log n) in the number of cues.

    Raises ValueError when two base cues name the same segment.
    """
    if len({cue.segment for cue in base}) < len(base):
        raise ValueError("two cues of the base name the same segment")
    shift = _shift(base, edited)
    old = [Cue(i, cue.span.start, cue.span.end, cue.text, cue.speaker) for i, cue in enumerate(base)]
    new = [
        Cue(i, cue.span.start - shift, cue.span.end - shift, cue.text, cue.speaker)
        for i, cue in enumerate(edited)
    ]
    old.sort(key=Cue.order)
    new.sort(key=Cue.order)
    find_links(old, new)
    parts = {
        (id(whole), id(part)): number
        for whole in old
        if len(whole.links) > 1
        for number, part in enumerate(sorted(whole.links, key=Cue.order), 1)
    }
    cues = tuple(_describe(cue, base, parts) for cue in new)
    return Reconciliation(cues, tuple(base[cue.index].segment for cue in old if not cue.links), shift)


def _shift(base: Sequence[Generated], edited: Sequence[Edited]) -> int:
    """The time in ms by which most cues of the file are off, seen on texts that occur once in each; else 0.

    Three witnesses at least: with fewer, a moved cue and a shifted file look the same.
    """
    counts = Counter(plain(cue.text) for cue in base), Counter(plain(cue.text) for cue in edited)
    starts = {plain(cue.text): cue.span.start for cue in base}
    offsets = [
        cue.span.start - starts[text]
        for cue in edited
        if counts[0][text := plain(cue.text)] == counts[1][text] == 1
    ]
    if len(offsets) < 3 and len(base) == len(edited):
        pairs = zip(sorted(c.span for c in base), sorted(c.span for c in edited), strict=True)
        offsets = [b.start - a.start for a, b in pairs]
    if len(offsets) < 3:
        return 0
    middle = round(median(offsets))
    agreeing = sum(abs(offset - middle) <= ROUNDING for offset in offsets)
    return middle if abs(middle) > ROUNDING and agreeing >= AGREE * len(offsets) else 0


def _describe(cue: Cue, base: Sequence[Generated], parts: Mapping[tuple[int, int], int]) -> Reconciled:
    links = sorted(cue.links, key=Cue.order)
    segments = tuple(base[link.index].segment for link in links)
    if not links:
        return Reconciled(cue.index, (), 0, True, True, True)
    part = next((parts[id(link), id(cue)] for link in links if len(link.links) > 1), 0)
    moved = abs(cue.start - links[0].start) > ROUNDING or (
        abs(cue.end - max(link.end for link in links)) > ROUNDING
    )
    return Reconciled(
        cue.index,
        segments,
        part,
        text_changed=part > 0 or cue.text != " ".join(link.text for link in links),
        span_changed=part > 0 or moved,
        speaker_changed=cue.speaker is not None and cue.speaker != links[0].speaker,
    )
