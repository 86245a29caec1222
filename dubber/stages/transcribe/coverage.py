"""Words held against the speech that was found: where somebody speaks and no word is, where words are and no speech.
Pure functions; whether a word was said is judged next door."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

from align.types import Span, Word, union

LEFT_OUT_MS = 1500
"""So much speech without a word was left out: laughs, gasps and breaths that count as speech are shorter."""
AROUND_MS = 300
"""A word's own time, give or take what recognisers are off by beside a pause."""
BEYOND_MS = 150
"""A word that is at least so far from all speech does not only reach over its edge."""
ASTRAY_MS = 700
"""Words are timed some tenths of a second off; further from all speech than this, none of it is theirs."""
SURE = 0.7
"""Words of this mean confidence are believed where no speech was found."""
PAUSE_MS = 1000
"""A silence that parts two lines, and two stretches of speech."""
_ENDS = (".", "!", "?", "…", "。", "！", "？", "।", "؟")


def inside(speech: Sequence[Span], span: Span) -> list[Span]:
    """What of speech (sorted, disjoint) lies within a span."""
    first = bisect_right(speech, span.start, key=lambda one: one.end)
    last = bisect_left(speech, span.end, key=lambda one: one.start)
    return [Span(max(one.start, span.start), min(one.end, span.end)) for one in speech[first:last]]


def away(span: Span, speech: Sequence[Span]) -> int:
    """Milliseconds from a span to the nearest speech (sorted, disjoint); more than ASTRAY_MS where there is none."""
    i = bisect_right(speech, span.start, key=lambda one: one.start)
    distances = [max(0, span.start - speech[i - 1].end)] if i else []
    distances += [max(0, speech[i].start - span.end)] if i < len(speech) else []
    return min(distances, default=ASTRAY_MS + 1)


def lines(words: Sequence[Word]) -> list[list[Word]]:
    """Words (in order of start) up to each sentence's end or long pause."""
    found: list[list[Word]] = [[word] for word in words[:1]]
    for before, word in pairwise(words):
        ended = before.text.endswith(_ENDS) and not word.text[:1].islower()
        if ended or word.span.start - before.span.end >= PAUSE_MS:
            found.append([])
        found[-1].append(word)
    return found


def confidence(words: Sequence[Word]) -> float:
    """The mean over words of how sure each is (0..1)."""
    return sum(word.confidence for word in words) / len(words)


def wordless(taken: Iterable[Span], speech: Sequence[Span]) -> list[Span]:
    """Where LEFT_OUT_MS of speech (sorted, disjoint) or more has nothing of what is `taken` within AROUND_MS.

    Each stretch begins and ends in speech, and holds no silence as long as PAUSE_MS.
    """
    words = union(Span(max(0, one.start - AROUND_MS), one.end + AROUND_MS) for one in taken)
    stretches: list[list[Span]] = []
    for piece in (piece for span in speech for piece in _without(span, words)):
        before = stretches[-1][-1].end if stretches else None
        near = before is not None and piece.start - before < PAUSE_MS
        if before is None or not near or inside(words, Span(before, piece.start)):
            stretches.append([])
        stretches[-1].append(piece)
    return [
        Span(pieces[0].start, pieces[-1].end)
        for pieces in stretches
        if sum(piece.duration for piece in pieces) >= LEFT_OUT_MS
    ]


def _without(span: Span, taken: Sequence[Span]) -> list[Span]:
    """The parts of a span that nothing of `taken` (sorted, disjoint) covers."""
    marks = [span.start, *(at for one in inside(taken, span) for at in (one.start, one.end)), span.end]
    return [Span(start, end) for start, end in zip(marks[::2], marks[1::2], strict=True) if start < end]


def with_missed(words: Sequence[Word], speech: Sequence[Span]) -> tuple[Span, ...]:
    """`speech` (sorted, disjoint), and the time of those of `words` (in order of start) that it misses.

    Missed are several words in a row, a whole line, or a single word far from everything, that are SURE and lie
    BEYOND_MS or more outside. Where speech nearby holds no word at all they are that one's, badly timed.
    """
    missed: list[Span] = []
    for line in lines(words):
        for outside, group in groupby(line, key=lambda word: not inside(speech, word.span)):
            run = list(group)
            span = Span(run[0].span.start, max(word.span.end for word in run))
            far = max(away(word.span, speech) for word in run)
            theirs = len(run) > 1 or len(line) == 1 or far > ASTRAY_MS
            missing = outside and theirs and far >= BEYOND_MS and confidence(run) >= SURE and span.duration
            if missing and not _empty_near(span, words, speech):
                missed.append(_grown(span, speech))
    return union([*speech, *missed]) if missed else tuple(speech)


def _empty_near(span: Span, words: Sequence[Word], speech: Sequence[Span]) -> bool:
    """Whether there is speech within ASTRAY_MS in which no word begins or ends or is."""
    first = bisect_right(speech, span.start - ASTRAY_MS, key=lambda one: one.end)
    last = bisect_left(speech, span.end + ASTRAY_MS, key=lambda one: one.start)
    return any(not any(word.span.overlap(one) for word in words) for one in speech[first:last])


def _grown(span: Span, speech: Sequence[Span]) -> Span:
    """A stretch of speech up to other speech that is less than BEYOND_MS away: it is the same breath."""
    i = bisect_right(speech, span.start, key=lambda one: one.start)
    start = speech[i - 1].end if i and 0 < span.start - speech[i - 1].end < BEYOND_MS else span.start
    end = speech[i].start if i < len(speech) and 0 < speech[i].start - span.end < BEYOND_MS else span.end
    return Span(start, end)
