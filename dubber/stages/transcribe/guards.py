"""What Whisper is known to say and nobody said, found by its marks and taken out: pure functions on words. What is only
doubtful stays, with its low confidence. Knows no model and no sound."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from align.lines import columns
from align.types import Span, Word
from dubber.stages.segment import is_spaceless, joined
from dubber.stages.transcribe.channel_talk import is_credit
from dubber.stages.transcribe.coverage import ASTRAY_MS, away, confidence, inside, lines
from dubber.stages.transcribe.decoded import Decoded
from dubber.stages.transcribe.door import Dropped

Judged = tuple[list[Word], list[Dropped]]
"""The words that stay, and what does not."""

REVISION = 2
"""Goes up whenever other words would be left out."""

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
DOUBTED_AT_END = 0.6
"""… and below this where the film's last speech is, over which credits are invented most."""
PLAIN = 0.9
"""A line of this mean confidence may be hurried: people rush farewells."""
REPEATED = 2.4
"""Compression ratio above which Whisper's makers take text for a loop (their decoder's threshold)."""
LONGEST_LOOP = 30
"""Words, or characters where a word is one, in what is repeated."""
LEAST_REPEATS = 4
REPEAT_MS = 140
"""A repeated word takes longer than this. Shouts and laughs reach five a second; a decoder that is stuck goes on until
its 448 tokens are full, with two of them for a word and its mark 130 ms each over all the 30 s that it hears. Where a
word is a character, a syllable or less, half of it."""
LEAST_ECHO = 3
"""So many hotwords in a row, in their order, are the list itself: two may be a full name."""
NO_LENGTH_MS = 20
"""The grid of Whisper's times: words no longer than it have none."""
PILE = 3
"""So many words in a row without length are a decoder that ran on after the sound had ended."""
SILENT, UNSURE = 0.6, 0.37
"""Whisper's own rule: no speech is likelier than the first, and the mean token less likely than the second (e⁻¹)."""


def sift_chunk(heard: Decoded, speech: Sequence[Span], hotwords: str = "") -> Judged:
    """What a decoder's own failures within one chunk of `speech` (sorted, disjoint) leave; `hotwords` are those that it
    was given."""
    kept, silent = no_speech(heard)
    kept, repeated = loops(kept, speech)
    kept, echoed = echo(kept, hotwords)
    kept, piled = without_length(kept)
    return kept, [*silent, *repeated, *echoed, *piled]


def sift_film(words: Sequence[Word], speech: Sequence[Span]) -> Judged:
    """What of all words (in order of start) can have been said in the film's speech (sorted, disjoint)."""
    kept, dropped = list(words), list[Dropped]()
    for guard in (unheard, credit_lines, too_fast):
        kept, more = guard(kept, speech)
        dropped += more
    return kept, dropped


def no_speech(heard: Decoded) -> Judged:
    """Without the doubted lines of a chunk that the model itself takes for silence; a line that it is sure of stays."""
    if not is_silence(heard):
        return list(heard.words), []
    return _by_line(lines(heard.words), lambda line, _: confidence(line) < DOUBTED, "no speech")


def is_silence(heard: Decoded) -> bool:
    """Whether a chunk that was decoded to something likely holds nothing."""
    return heard.no_speech > SILENT and heard.sure < UNSURE


def loops(words: Sequence[Word], speech: Sequence[Span]) -> Judged:
    """Without what is said over and over and nobody could say so often: the first of such repeats stays.

    People repeat themselves, too, and are heard to; a loop compresses as only loops do, and besides has less time than
    its words need, in `speech` (sorted, disjoint) or by their own times, or is doubted and ends the chunk.
    """
    kept: list[Word] = []
    dropped: list[Dropped] = []
    at = 0
    for unit, run in _loops(words, speech):
        kept += words[at:unit]
        dropped.append(left_out(words[unit:run], "loop"))
        at = run
    return [*kept, *words[at:]], dropped


def resumed(stuck: Decoded, again: Decoded, speech: Sequence[Span]) -> Decoded:
    """A decoding that got stuck, going on from its first loop with what was heard the second time; unless that is a
    loop too."""
    unit, _ = next(_loops(stuck.words, speech))
    if is_loop(again.words, speech):
        return stuck
    before = stuck.words[:unit]
    after = (word for word in again.words if word.span.start + word.span.end > 2 * before[-1].span.end)
    return replace(again, words=(*before, *after))


def is_loop(words: Sequence[Word], speech: Sequence[Span]) -> bool:
    """Whether the decoder got stuck somewhere in these words."""
    return any(True for _ in _loops(words, speech))


def _loops(words: Sequence[Word], speech: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """[start, end) of the repeats in each loop, its first unit before them."""
    said = [word.text.casefold().strip(" .,!?…。、！？") for word in words]
    at = 0
    while at < len(words):
        unit, run = _run_from(said, at)
        text = joined(word.text for word in words[at : at + run])
        repeats = words[at + unit : at + run]
        enough = run >= LEAST_REPEATS * unit and _compression(text) > REPEATED
        if enough and (
            _hurried(repeats, speech) or (at + run == len(words) and confidence(repeats) < DOUBTED)
        ):
            yield at + unit, at + run
            at += run
        else:
            at += 1


def _hurried(repeats: Sequence[Word], speech: Sequence[Span]) -> bool:
    """Whether repeated words have no time: on the whole, or the last of them, where the decoder ran on."""
    times = [sum(one.duration for one in inside(speech, word.span)) for word in repeats]
    least = sum(REPEAT_MS / 2 if is_spaceless(word.text[-1]) else REPEAT_MS for word in repeats)
    return sum(times) < least or all(time <= NO_LENGTH_MS for time in times[-PILE:])


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


def echo(words: Sequence[Word], hotwords: str) -> Judged:
    """Without the decoder's own hotwords at a chunk's end: LEAST_ECHO of them or more, in their order, and doubted or
    without the time to say them."""
    listed, said = [_bare(one) for one in hotwords.split()], [_bare(word.text) for word in words]
    for count in range(min(len(listed), len(said)), LEAST_ECHO - 1, -1):
        tail = said[-count:]
        if any(listed[i : i + count] == tail for i in range(len(listed) - count + 1)):
            last = words[-count:]
            if confidence(last) < DOUBTED or _span(last).duration < REPEAT_MS * count:
                return list(words[:-count]), [left_out(last, "hotwords")]
    return list(words), []


def _bare(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def without_length(words: Sequence[Word]) -> Judged:
    """Without piles of words that have no length and that the model doubts; a single one was only timed badly."""
    kept: list[Word] = []
    dropped: list[Dropped] = []
    pile: list[Word] = []
    for word in [*words, None]:
        if word is not None and word.span.duration <= NO_LENGTH_MS:
            pile.append(word)
            continue
        if len(pile) >= PILE and confidence(pile) < DOUBTED:
            dropped.append(left_out(pile, "no length"))
        else:
            kept += pile
        pile = []
        if word is not None:
            kept.append(word)
    return kept, dropped


def unheard(words: Sequence[Word], speech: Sequence[Span]) -> Judged:
    """Without words far from all speech (sorted, disjoint) that are doubted or have no time of their own: speech is
    missed where music covers it or somebody whispers, and a model that is sure has heard it."""
    kept: list[Word] = []
    dropped: list[Dropped] = []
    for line in lines(words):
        for far, group in groupby(line, key=lambda word: away(word.span, speech) > ASTRAY_MS):
            run = list(group)
            if far and not _could_be_said(run):
                dropped.append(left_out(run, "no speech"))
            else:
                kept += run
    return kept, dropped


def credit_lines(words: Sequence[Word], speech: Sequence[Span]) -> Judged:
    """Without credits and channel talk that the model doubts, doubts a little over the film's last speech, or for which
    there is no time. Said plainly, they stay."""
    end = speech[-1].end if speech else 0

    def invented(line: Sequence[Word], room: Span) -> bool:
        if not is_credit(joined(word.text for word in line)):
            return False
        sure = confidence(line)
        last = line[-1] is words[-1] and line[-1].span.end >= end - NEAR_MS
        least = FASTEST_MS if sure >= PLAIN else HURRIED_MS
        return sure < (DOUBTED_AT_END if last else DOUBTED) or _ms_per_column(line, room, speech) < least

    return _by_line(lines(words), invented, "credits")


def too_fast(words: Sequence[Word], speech: Sequence[Span]) -> Judged:
    """Without lines that nobody could say in the speech there is for them, up to the lines before and after, and that
    are doubted or have no time of their own either."""

    def impossible(line: Sequence[Word], room: Span) -> bool:
        long = columns(joined(word.text for word in line)) >= SHORT_COLUMNS
        return long and _ms_per_column(line, room, speech) < FASTEST_MS and not _could_be_said(line)

    return _by_line(lines(words), impossible, "impossible rate")


def _could_be_said(words: Sequence[Word]) -> bool:
    """Whether the model is sure enough of words to which it gives the time that they take."""
    wide = columns(joined(word.text for word in words))
    return confidence(words) >= DOUBTED and _span(words).duration >= FASTEST_MS * wide


def _by_line(
    parts: Sequence[Sequence[Word]], invented: Callable[[Sequence[Word], Span], bool], why: str
) -> Judged:
    """Each line judged in the room it has: up to its neighbours, and as far around it as its times may be off."""
    kept: list[Word] = []
    dropped: list[Dropped] = []
    for i, line in enumerate(parts):
        span = _span(line)
        before = parts[i - 1][-1].span.end if i else 0
        after = parts[i + 1][0].span.start if i + 1 < len(parts) else span.end + ASTRAY_MS
        start = min(span.start, max(before, span.start - ASTRAY_MS))
        room = Span(start, max(span.end, min(after, span.end + ASTRAY_MS)))
        if invented(line, room):
            dropped.append(left_out(line, why))
        else:
            kept += line
    return kept, dropped


def _ms_per_column(line: Sequence[Word], room: Span, speech: Sequence[Span]) -> float:
    heard = sum(span.duration for span in inside(speech, room))
    return heard / max(1, columns(joined(word.text for word in line)))


def _span(words: Sequence[Word]) -> Span:
    return Span(words[0].span.start, max(words[0].span.start, words[-1].span.end))


def left_out(words: Sequence[Word], why: str) -> Dropped:
    """Words as what is left out, and why."""
    return Dropped(_span(words), joined(word.text for word in words), why)
