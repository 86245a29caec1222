"""Words into segments: cut where somebody pauses, ends a sentence or lets another speak. Knows no audio."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from align.lines import columns
from align.types import Segment, Span, Word

PAUSE_MS = 400
"""A silence of this length is heard as a pause; those inside a fluent phrase rarely last 250 ms."""
SENTENCE_PAUSE_MS = 1_200
"""A silence of this length cuts a sentence too, where the words come with punctuation. Up to it the sentence stays
whole: it is translated as one, and the dub keeps the pause inside it (align/phrases.py). Longer ones are second
thoughts."""
LONGEST_SENTENCE = 30
"""Words for each end of a sentence from which a recogniser is taken not to punctuate: people speak in sentences of
ten."""
TURN_MS = 200
"""A silence in which another may have begun to speak: the usual gap between two people's turns in all languages
looked at (Stivers et al., PNAS 2009)."""
LONGEST_MS = 10_000
"""A segment is not longer: beyond it one subtitle cue no longer follows what is said."""
MOST_CHARACTERS = 84
"""Two lines of 42 columns, what one subtitle cue holds (Netflix's and the BBC's guides agree to a few); a Chinese,
Japanese or Korean character takes two, so that a cue holds two lines of 21."""
LEAST_WORDS = 2
"""A cut of a long segment leaves this many words on both sides where it can."""
CLAUSE_MS = 200
"""A comma is worth a silence of this length where a long segment must be cut."""

_OPENING, _CLOSING = "\"'“‘«‹„([¿¡「『", "\"'”’»›)]」』"
_SENTENCE_END = re.compile(rf"[.?!…。！？．؟۔।॥։။។၊]+[{re.escape(_CLOSING)}]*$")
_ONE_POINT = re.compile(rf"(?<!\.)\.[{re.escape(_CLOSING)}]*$")
_CLAUSE_END = re.compile(rf"[,;:،؛、，；：—–-][{re.escape(_CLOSING)}]*$")
_LETTERS = re.compile(r"^\W*(?:[^\W\d_]\.){2,}$|^\W*[^\W\d_aIioOyY]\.$")
"""'z.B.', 'U.S.', 'J.': points after letters; not 'I.' and what else is a word of one letter and may end a sentence."""
_ORDINAL = re.compile(r"^\W*\d{1,2}\.$")
_ORDINAL_LANGUAGES = frozenset(
    (
        "bs",
        "cs",
        "da",
        "de",
        "et",
        "fi",
        "hr",
        "hu",
        "is",
        "lb",
        "lv",
        "nb",
        "nn",
        "no",
        "pl",
        "sk",
        "sl",
        "sr",
        "tr",
    )
)
"""Where '3.' is third."""
_ABBREVIATIONS = {
    language: frozenset(words.split())
    for language, words in {
        "en": "mr mrs ms dr drs prof st mt messrs rev capt lt sgt gov sen rep vs approx",
        "de": "hr fr frl dr prof nr st bzw ca evtl ggf inkl vgl sog",
        "es": "sr sra srta sres dr dra prof ud uds d dña",
        "pt": "sr sra srta dr dra prof d",
        "fr": "mm mgr dr prof st",
        "it": "sig dott avv ing prof",
        "nl": "dhr mevr mw dr prof bijv",
        "pl": "p ks mgr inż np tzn dr prof",
        "cs": "p pí tj např dr prof",
        "ru": "г гг ул тов проф",
        "uk": "м вул ім проф",
        "tr": "dr av doç prof sn",
        "sv": "hr fr dr prof nr",
        "da": "hr fr dr prof nr",
        "nb": "hr fr dr prof nr",
    }.items()
}
"""Words whose point ends no sentence, by language: what is one in Spanish ("dra.") ends sentences in Norwegian."""

_SPACELESS = (
    "CJK",
    "HIRAGANA",
    "KATAKANA",
    "THAI",
    "LAO",
    "KHMER",
    "MYANMAR",
    "IDEOGRAPHIC",
    "FULLWIDTH",
    "BOPOMOFO",
)
"""How Unicode names begin of characters that are written without spaces between words."""


def segment(
    words: Sequence[Word], speaker_of: Callable[[Span], str] = lambda _: "", language: str = "und"
) -> tuple[Segment, ...]:
    """Segments "s1", "s2", … of `words` (in order of start), each said by one speaker.

    `speaker_of` names who speaks during a word's span; `language` is BCP 47. A segment lasts from its first word's
    start to its last word's end, LONGEST_MS and MOST_CHARACTERS at most unless it is one word. Where no word is
    capitalised but "I", segments begin with a capital; where next to none ends a sentence, every pause ends a segment.
    """
    spoken = language.partition("-")[0]
    ends = sum(_SENTENCE_END.search(word.text) is not None for word in words)
    pause = SENTENCE_PAUSE_MS if ends * LONGEST_SENTENCE >= len(words) else PAUSE_MS
    speakers = [speaker_of(word.span) for word in words]
    groups: list[list[Word]] = []
    names: list[str] = []
    for word, speaker in zip(words, speakers, strict=True):
        if not groups or names[-1] != speaker or _ends(groups[-1][-1], word, spoken, pause):
            groups.append([])
            names.append(speaker)
        groups[-1].append(word)
    capitals = any(word.text != word.text.lower() for word in words if not re.match(r"I\b", word.text))
    segments: list[Segment] = []
    for group, name in zip(groups, names, strict=True):
        for part in _shortened(group):
            text = joined(word.text for word in part)
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


def joined(texts: Iterable[str]) -> str:
    """Words as one text: spaces between them but beside characters of scripts that are written without."""
    text = ""
    for word in texts:
        spaced = text and word and not is_spaceless(text[-1]) and not is_spaceless(word[0])
        text += f" {word}" if spaced else word
    return text


def is_spaceless(character: str) -> bool:
    """Whether a character belongs to a script that is written without spaces between words, or is a mark of one."""
    return character > "\u0dff" and unicodedata.name(character, "").startswith(_SPACELESS)


def _ends(word: Word, following: Word, language: str, pause: int) -> bool:
    """Whether a segment ends between two words of one speaker: at a silence of `pause` ms, or a sentence's end."""
    if following.span.start - word.span.end >= pause:
        return True
    if language == "el" and word.text.endswith((";", "\u037e")):
        return True  # the Greek question mark
    if not _SENTENCE_END.search(word.text) or following.text.lstrip(_OPENING)[:1].islower():
        return False  # what goes on in small letters goes on: "wait…", "etc.", "'No!' she said"
    if not _ONE_POINT.search(word.text):
        return True
    bare = word.text.strip(f".{_OPENING}{_CLOSING}").casefold()
    abbreviations = _ABBREVIATIONS.get("en" if language == "und" else language, frozenset())
    ordinal = language in _ORDINAL_LANGUAGES and _ORDINAL.match(word.text)
    return not (bare in abbreviations or _LETTERS.match(word.text) or ordinal)


def _span(words: Sequence[Word]) -> Span:
    return Span(words[0].span.start, max(word.span.end for word in words))


def _shortened(words: Sequence[Word]) -> list[Sequence[Word]]:
    """`words` in parts that fit a cue, cut at the longest pause, of equals the one nearest the middle."""
    short: list[Sequence[Word]] = []
    waiting = [words]
    while waiting:
        part = waiting.pop()
        wide = columns(joined(word.text for word in part))
        if len(part) == 1 or (_span(part).duration <= LONGEST_MS and wide <= MOST_CHARACTERS):
            short.append(part)
            continue
        least = LEAST_WORDS if len(part) >= 2 * LEAST_WORDS else 1
        _, _, at = max(
            (_break_between(part[i - 1], part[i]), -abs(2 * i - len(part)), i)
            for i in range(least, len(part) - least + 1)
        )
        waiting += [part[at:], part[:at]]
    return short


def _break_between(word: Word, following: Word) -> int:
    """Milliseconds of silence between two words, and what a comma is worth."""
    return following.span.start - word.span.end + CLAUSE_MS * bool(_CLAUSE_END.search(word.text))
