"""What Whisper is known to say and nobody said, found by its marks and taken out: pure functions on words. What is only
doubtful stays, with its low confidence. Knows no model and no sound."""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import pairwise

from align.types import Span, Word
from dubber.stages.segment import columns, joined
from dubber.stages.transcribe.channel_talk import is_credit
from dubber.stages.transcribe.decoded import Decoded
from dubber.stages.transcribe.door import Dropped

Judged = tuple[list[Word], list[Dropped]]
"""The words that stay, and what does not."""

REVISION = 1
"""Goes up whenever other words would be left out."""

ASTRAY_MS = 700
"""Words are timed some tenths of a second off; further from all speech than this, nothing was there to be heard."""
NEAR_MS = 300
"""A line that ends this close to the film's last speech is over it."""
FASTEST_MS = 25
"""A column of text takes longer than this to say: 40 letters a second are twice the fastest speech."""
HURRIED_MS = 40
"""So little time per column is not enough for a line that is likely a credit: 25 letters a second."""
SHORT_COLUMNS = 12
"""Shorter lines are said over too little sound to judge their rate."""
DOUBTED = 0.5
"""A line is doubtful below this mean confidence …"""
DOUBTED_AT_END = 0.8
"""… and below this where the film's last speech is, over which credits are invented most."""
REPEATED = 2.4
"""Compression ratio above which Whisper's makers take text for a loop (their decoder's threshold)."""
LONGEST_LOOP = 30
"""Words, or characters where a word is one, in what is repeated."""
LEAST_REPEATS = 4
NO_LENGTH_MS = 20
"""The grid of Whisper's times: words no longer than it have none."""
PILE = 3
"""So many words in a row without length are a decoder that ran on after the sound had ended."""
SILENT, UNSURE = 0.6, 0.37
"""Whisper's own rule: no speech is likelier than the first, and the mean token less likely than the second (e⁻¹)."""
PAUSE_MS = 1000
_ENDS = (".", "!", "?", "…", "。", "！", "？", "।", "؟")


def sift_chunk(heard: Decoded) -> Judged:
    """What a decoder's own failures within one chunk leave."""
    if heard.words and is_silence(heard):
        return [], [left_out(heard.words, "no speech")]
    kept, repeated = loops(heard.words)
    kept, piled = without_length(kept)
    return kept, [*repeated, *piled]


def sift_film(words: Sequence[Word], speech: Sequence[Span]) -> Judged:
    """What of all words (in order of start) can have been said in the film's speech (sorted, disjoint)."""
    kept, dropped = list(words), list[Dropped]()
    for guard in (unheard, credit_lines, too_fast):
        kept, more = guard(kept, speech)
        dropped += more
    return kept, dropped


def is_silence(heard: Decoded) -> bool:
    """Whether a chunk that was decoded to something holds nothing."""
    return heard.no_speech > SILENT and heard.sure < UNSURE


def is_loop(words: Sequence[Word]) -> bool:
    """Whether the decoder got stuck somewhere in these words."""
    return bool(loops(words)[1])


def loops(words: Sequence[Word]) -> Judged:
    """Without what is said over and over: of a run of repeats that compresses as only loops do, the first stays."""
    said = [word.text.casefold().strip(" .,!?…。、！？") for word in words]
    kept: list[Word] = []
    dropped: list[Dropped] = []
    at = 0
    while at < len(words):
        unit, run = _run_from(said, at)
        text = joined(word.text for word in words[at : at + run])
        if run >= LEAST_REPEATS * unit and _compression(text) > REPEATED:
            kept += words[at : at + unit]
            dropped.append(left_out(words[at + unit : at + run], "loop"))
            at += run
        else:
            kept.append(words[at])
            at += 1
    return kept, dropped


def _run_from(said: Sequence[str], at: int) -> tuple[int, int]:
    """(words of a unit, words of its run) for the longest run of one unit over and over that begins at a word; its last
    repeat may break off."""
    best = (1, 1)
    for unit in range(1, min(LONGEST_LOOP, (len(said) - at) // 2) + 1):
        end = at + unit
        while end < len(said) and said[end] == said[end - unit]:
            end += 1
        if end - at > max(best[1], 2 * unit - 1):
            best = unit, end - at
    return best


def _compression(text: str) -> float:
    coded = text.encode()
    return len(coded) / len(zlib.compress(coded)) if coded else 0.0


def without_length(words: Sequence[Word]) -> Judged:
    """Without piles of words that have no length and that the model doubts; a single one was only timed badly."""
    kept: list[Word] = []
    dropped: list[Dropped] = []
    pile: list[Word] = []
    for word in [*words, None]:
        if word is not None and word.span.duration <= NO_LENGTH_MS:
            pile.append(word)
            continue
        if len(pile) >= PILE and _confidence(pile) < DOUBTED:
            dropped.append(left_out(pile, "no length"))
        else:
            kept += pile
        pile = []
        if word is not None:
            kept.append(word)
    return kept, dropped


def unheard(words: Sequence[Word], speech: Sequence[Span]) -> Judged:
    """Without words far from all speech (sorted, disjoint)."""
    return _by_line(
        [[word] for word in words], lambda line, _: _away(line[0].span, speech) > ASTRAY_MS, "no speech"
    )


def credit_lines(words: Sequence[Word], speech: Sequence[Span]) -> Judged:
    """Without credits and channel talk that the model doubts, doubts a little over the film's last speech, or for which
    there is no time. Said plainly, they stay."""
    end = speech[-1].end if speech else 0
    lines = _lines(words)

    def invented(line: Sequence[Word], room: Span) -> bool:
        if not is_credit(joined(word.text for word in line)):
            return False
        last = line[-1] is words[-1] and line[-1].span.end >= end - NEAR_MS
        doubted = _confidence(line) < (DOUBTED_AT_END if last else DOUBTED)
        return doubted or _ms_per_column(line, room, speech) < HURRIED_MS

    return _by_line(lines, invented, "credits")


def too_fast(words: Sequence[Word], speech: Sequence[Span]) -> Judged:
    """Without lines that nobody could say in the speech there is for them, up to the lines before and after."""

    def impossible(line: Sequence[Word], room: Span) -> bool:
        long = columns(joined(word.text for word in line)) >= SHORT_COLUMNS
        return long and _ms_per_column(line, room, speech) < FASTEST_MS

    return _by_line(_lines(words), impossible, "impossible rate")


def _by_line(
    lines: Sequence[Sequence[Word]], invented: Callable[[Sequence[Word], Span], bool], why: str
) -> Judged:
    """Each line judged in the room it has: up to its neighbours, and as far around it as its times may be off."""
    kept: list[Word] = []
    dropped: list[Dropped] = []
    for i, line in enumerate(lines):
        span = _span(line)
        before = lines[i - 1][-1].span.end if i else 0
        after = lines[i + 1][0].span.start if i + 1 < len(lines) else span.end + ASTRAY_MS
        start = min(span.start, max(before, span.start - ASTRAY_MS))
        room = Span(start, max(span.end, min(after, span.end + ASTRAY_MS)))
        if invented(line, room):
            dropped.append(left_out(line, why))
        else:
            kept += line
    return kept, dropped


def _lines(words: Sequence[Word]) -> list[list[Word]]:
    """Words up to each sentence's end or long pause."""
    lines: list[list[Word]] = [[word] for word in words[:1]]
    for before, word in pairwise(words):
        ended = before.text.endswith(_ENDS) and not word.text[:1].islower()
        if ended or word.span.start - before.span.end >= PAUSE_MS:
            lines.append([])
        lines[-1].append(word)
    return lines


def _ms_per_column(line: Sequence[Word], room: Span, speech: Sequence[Span]) -> float:
    first = bisect_left(speech, room.start, key=lambda span: span.end)
    last = bisect_left(speech, room.end, key=lambda span: span.start)
    heard = sum(room.overlap(span) for span in speech[first:last])
    return heard / max(1, columns(joined(word.text for word in line)))


def _away(span: Span, speech: Sequence[Span]) -> int:
    """Milliseconds from a word to the nearest speech."""
    i = bisect_right(speech, span.start, key=lambda one: one.start)
    distances = [max(0, span.start - speech[i - 1].end)] if i else []
    distances += [max(0, speech[i].start - span.end)] if i < len(speech) else []
    return min(distances, default=ASTRAY_MS + 1)


def _confidence(words: Sequence[Word]) -> float:
    return sum(word.confidence for word in words) / len(words)


def _span(words: Sequence[Word]) -> Span:
    return Span(words[0].span.start, max(words[0].span.start, words[-1].span.end))


def left_out(words: Sequence[Word], why: str) -> Dropped:
    """Words as what is left out, and why."""
    return Dropped(_span(words), joined(word.text for word in words), why)
