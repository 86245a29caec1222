"""What Whisper's library gives for one chunk, as our words: at their place in the film, without its spaces, put
together again where it took one word for several. Decides nothing about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from align.types import Span, Word
from dubber.stages.segment import is_spaceless
from dubber.stages.transcribe.chunks import Chunk


@dataclass(frozen=True)
class Decoded:
    """What one chunk gave: its words where they are in the film, and the model's two doubts about all of it (0..1): the
    chance that nobody spoke, and the geometric mean of its tokens' chances."""

    words: tuple[Word, ...]
    no_speech: float
    sure: float


def decoded(segments: Sequence[Any], chunk: Chunk, laid: int) -> Decoded:
    """faster-whisper's segments of one chunk, laid at `laid` ms, as ours."""
    words: list[Word] = []
    for said in (word for segment in segments for word in segment.words or ()):
        start, end = (
            min(max(round(seconds * 1000) - laid + chunk.heard.start, chunk.span.start), chunk.span.end)
            for seconds in (said.start, said.end)
        )
        word = Word(
            said.word, Span(start, max(start, end)), round(min(1.0, max(0.0, float(said.probability))), 3)
        )
        if words and _goes_on(words[-1].text, word.text):
            words[-1] = _together(words[-1], word)
        elif word.text.strip():
            words.append(word)
    return Decoded(
        tuple(Word(word.text.strip(), word.span, word.confidence) for word in words),
        max((float(segment.no_speech_prob) for segment in segments), default=0.0),
        float(np.exp(min((float(segment.avg_logprob) for segment in segments), default=0.0))),
    )


def _goes_on(before: str, text: str) -> bool:
    """Whether two of the library's words are one. What begins with a space is a new word; it also parts words at every
    hyphen, apostrophe and point inside them, and at every token of Chinese, Japanese and Thai, of which only what is
    written in another script, as in Latin letters, is put together again."""
    if not text.strip() or text[0].isspace():
        return False
    first = next((c for c in text if c.isalnum()), "")
    return not first or bool(before.strip() and not is_spaceless(before[-1]) and not is_spaceless(first))


def _together(word: Word, more: Word) -> Word:
    confidence = (
        min(word.confidence, more.confidence) if any(c.isalnum() for c in more.text) else word.confidence
    )
    return Word(word.text + more.text, Span(word.span.start, max(word.span.end, more.span.end)), confidence)
