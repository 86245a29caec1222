"""Where somebody pauses inside a line: what voice activity and word times agree on. Knows no text and no sound."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

from align.types import Span, Word

SHORTEST_MS = 300
"""Silences under 250 ms belong to articulation (Goldman-Eisler, Psycholinguistics, 1968), and a voice makes about 200
by itself at a comma; each edge of voice activity is off by some tens. Shorter pauses are left to the voice."""

PHRASE_MS, WORD_MS = 250, 150
"""Less speech than this between two pauses is no phrase. The first where no words are known: voice activity is unsure
of shorter bursts, which may be a breath or a neighbour's last syllable. The second where a word was recognised in
it: "No!" said by itself lasts 200."""

DRIFT_MS = 200
"""How far a recogniser's word times lie beside the sound."""

VOICED_MS = 50
"""A word that is heard before a silence, or after it, sounds at least this long there: its vowel."""

NOISE_MS = 500
"""Sound without a word inside a pause, up to this length, is a breath, a laugh or a click and part of the pause."""

MOST = 60
"""A line has no more pauses than this, the longest: twice as many as ten seconds hold, and a bound for hostile ones."""


def pauses(
    span: Span, words: Sequence[Word], speech: Sequence[Span], shortest: int = SHORTEST_MS
) -> tuple[Span, ...]:
    """The pauses of at least `shortest` ms inside the line at `span`, in order; between, before and after them there
    is speech enough for a phrase.

    `words` are the line's own, in order, none where a person gave the transcript; `speech` is the film's voice
    activity, sorted and disjoint. A pause is where no voice is heard; with words, only where it also falls between two
    of them, give or take DRIFT_MS. Words alone make a pause only where no voice was found in the line at all around
    it, and then it must be longer by DRIFT_MS.
    """
    heard = _within(span, speech)
    said = [word.span for word in words if word.text.strip() and _meets(span, word.span)]
    silences = [Span(before.end, after.start) for before, after in pairwise(heard)]
    if said:
        silences = _between_words(span, said, heard, silences, shortest)
    long = (silence for silence in silences if silence.duration >= shortest)
    kept = sorted(sorted(long, key=lambda one: -one.duration)[:MOST])
    return _without_slivers(span, kept, heard or said, WORD_MS if said else PHRASE_MS)


def voiced(span: Span, speech: Sequence[Span]) -> Span:
    """From the first sound to the last within `span`, by sorted and disjoint `speech`; `span` where there is none."""
    heard = _within(span, speech)
    return Span(heard[0].start, heard[-1].end) if heard else span


def _within(span: Span, speech: Sequence[Span]) -> list[Span]:
    """The parts of `speech` inside `span`."""
    found = []
    for i in range(bisect_right(speech, span.start, key=lambda one: one.end), len(speech)):
        if speech[i].start >= span.end:
            break
        found.append(Span(max(span.start, speech[i].start), min(span.end, speech[i].end)))
    return found


def _meets(span: Span, word: Span) -> bool:
    return span.overlap(word) > 0 or (word.duration == 0 and span.start <= word.start <= span.end)


def _between_words(
    span: Span, said: Sequence[Span], heard: Sequence[Span], silences: Iterable[Span], shortest: int
) -> list[Span]:
    """The silences that fall between two words, those with nothing but noise between them made one."""
    found: list[tuple[Span, int]] = []
    for silence in silences:
        at = _boundary(silence, said, shortest)
        found += [(silence, at)] if at is not None else _agreed(silence, said, shortest)
    unheard = [Span(span.start, heard[0].start), Span(heard[-1].end, span.end)] if heard else [span]
    for silence in unheard:
        found += _agreed(silence, said, shortest + DRIFT_MS)
    joined: list[tuple[Span, int]] = []
    for silence, at in sorted(found):
        if not joined or joined[-1][1] != at:
            joined.append((silence, at))
            continue
        last = joined[-1][0]
        if silence.start - last.end <= NOISE_MS:
            joined[-1] = (Span(last.start, silence.end), at)
        elif silence.duration > last.duration:
            joined[-1] = (silence, at)
    return [silence for silence, _ in joined]


def _boundary(silence: Span, said: Sequence[Span], shortest: int) -> int | None:
    """Which word the silence follows: the choice that leaves least of the words on its wrong side; None if it would
    swallow one.

    Words with a gap between them may have drifted; those without must be heard on their own side, with no more than
    DRIFT_MS stretched across, as recognisers do that know no silence.
    """
    best: tuple[int, int] | None = None
    for i, (before, after) in enumerate(pairwise(said)):
        tolerance = DRIFT_MS if after.start - before.end >= shortest // 2 else -VOICED_MS
        if before.start > silence.start + tolerance or after.end < silence.end - tolerance:
            continue
        if before.end > silence.end + DRIFT_MS or after.start < silence.start - DRIFT_MS:
            continue
        misplaced = max(0, before.end - silence.start) + max(0, silence.end - after.start)
        if best is None or misplaced < best[0]:
            best = misplaced, i
    return best[1] if best else None


def _agreed(silence: Span, said: Sequence[Span], shortest: int) -> list[tuple[Span, int]]:
    """The parts of a silence, `shortest` ms or longer, in which there is no word either, and the words they follow."""
    found = []
    for i, (before, after) in enumerate(pairwise(said)):
        start, end = max(silence.start, before.end), min(silence.end, after.start)
        if end - start >= shortest:
            found.append((Span(start, end), i))
    return found


def _without_slivers(
    span: Span, found: Sequence[Span], heard: Sequence[Span], enough: int
) -> tuple[Span, ...]:
    """`found` without the shorter pause beside each stretch of less than `enough` ms, the shortest stretch first."""
    kept = list(found)
    starts, ends = [span.start, *(one.end for one in kept)], [*(one.start for one in kept), span.end]
    lengths = [_length(Span(*edges), heard) for edges in zip(starts, ends, strict=True)]
    while kept:
        least = min(range(len(lengths)), key=lengths.__getitem__)
        if lengths[least] >= enough:
            break
        beside = [i for i in (least - 1, least) if 0 <= i < len(kept)]
        gone = min(beside, key=lambda i: kept[i].duration)
        del kept[gone]
        start = kept[gone - 1].end if gone else span.start
        end = kept[gone].start if gone < len(kept) else span.end
        lengths[gone : gone + 2] = [_length(Span(start, end), heard)]
    return tuple(kept)


def _length(stretch: Span, heard: Sequence[Span]) -> int:
    """Milliseconds from the first sound in a stretch to the last; 0 where nothing sounds."""
    sounds = _within(stretch, heard)
    return sounds[-1].end - sounds[0].start if sounds else 0
