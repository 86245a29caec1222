"""Words into segments: cut where somebody pauses, ends a sentence or lets another speak. Knows no audio."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from align.types import Segment, Span, Word

PAUSE_MS = 400
"""A silence of this length is heard as a pause; those inside a fluent phrase rarely last 250 ms."""
TURN_MS = 200
"""A silence in which another may have begun to speak: the usual gap between two people's turns in all languages
looked at (Stivers et al., PNAS 2009)."""
LONGEST_MS = 10_000
"""A segment is not longer: beyond it one subtitle cue no longer follows what is said."""
MOST_CHARACTERS = 84
"""Two lines of 42, what one subtitle cue holds (Netflix's and the BBC's guides agree to a few characters)."""
LEAST_WORDS = 2
"""A cut of a long segment leaves this many words on both sides where it can."""

_SENTENCE_END = re.compile(r"[.?!…。！？]+[\"'”’»)\]]*$")
_ABBREVIATION = re.compile(r"^\W*[A-Z][a-z]{0,2}\.$")
"""'Mr.', 'Dr.', 'J.': a point that ends no sentence. After a real sentence end the pause cuts anyway."""


def segment(words: Sequence[Word], speaker_of: Callable[[Span], str] = lambda _: "") -> tuple[Segment, ...]:
    """Segments "s1", "s2", … of `words` (in order of start), each said by one speaker.

    `speaker_of` names who speaks during a word's span. A segment lasts from its first word's start to its
    last word's end. Where no word is capitalised but "I", segments begin with a capital.
    """
    speakers = [speaker_of(word.span) for word in words]
    groups: list[list[Word]] = []
    names: list[str] = []
    for word, speaker in zip(words, speakers, strict=True):
        if not groups or names[-1] != speaker or _ends(groups[-1][-1], word):
            groups.append([])
            names.append(speaker)
        groups[-1].append(word)
    capitals = any(word.text != word.text.lower() for word in words if not re.match(r"I\b", word.text))
    segments: list[Segment] = []
    for group, name in zip(groups, names, strict=True):
        for part in _shortened(group):
            text = " ".join(word.text for word in part)
            segments.append(
                Segment(
                    id=f"s{len(segments) + 1}",
                    span=_span(part),
                    text=text if capitals else text[:1].upper() + text[1:],
                    speaker=name,
                    words=tuple(part),
                )
            )
    return tuple(segments)


def phrases(words: Sequence[Word]) -> tuple[tuple[Word, ...], ...]:
    """`words`, in order of start, cut at every silence of TURN_MS: each part is one voice's, as far as pauses tell."""
    parts: list[list[Word]] = []
    for word in words:
        if not parts or word.span.start - parts[-1][-1].span.end >= TURN_MS:
            parts.append([])
        parts[-1].append(word)
    return tuple(tuple(part) for part in parts)


def _ends(word: Word, following: Word) -> bool:
    """Whether a segment ends between two words of one speaker."""
    if following.span.start - word.span.end >= PAUSE_MS:
        return True
    return bool(_SENTENCE_END.search(word.text)) and not _ABBREVIATION.match(word.text)


def _span(words: Sequence[Word]) -> Span:
    return Span(words[0].span.start, max(word.span.end for word in words))


def _shortened(words: Sequence[Word]) -> list[Sequence[Word]]:
    """`words` in parts that fit a cue, cut at the longest pause, of equals the one nearest the middle."""
    short: list[Sequence[Word]] = []
    waiting = [words]
    while waiting:
        part = waiting.pop()
        characters = sum(len(word.text) + 1 for word in part) - 1
        if len(part) == 1 or (_span(part).duration <= LONGEST_MS and characters <= MOST_CHARACTERS):
            short.append(part)
            continue
        least = LEAST_WORDS if len(part) >= 2 * LEAST_WORDS else 1
        _, _, cut = max(
            (part[i].span.start - part[i - 1].span.end, -abs(2 * i - len(part)), i)
            for i in range(least, len(part) - least + 1)
        )
        waiting += [part[cut:], part[:cut]]
    return short
