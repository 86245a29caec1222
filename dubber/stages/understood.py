"""What a recogniser understands of takes. Lays them out as one sound and asks the recogniser's door; judges nothing."""

from __future__ import annotations

import tempfile
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from align.types import SAMPLES_PER_MS, Span
from dubber.stages.segment import joined

if TYPE_CHECKING:
    from dubber.stages.transcribe.door import Recogniser

REVISION = 1
"""Goes up whenever the same takes would be understood otherwise by the same recogniser."""

GAP_MS = 4_000
"""Silence between two takes. No recogniser here hears speech together over more than three seconds: each take is heard
by itself, and what the one before it said is no help."""

GROUP_MS = 300_000
"""ms of sound that are laid out at once: 58 MB on the disk, as long as a recogniser needs to be busy."""


@dataclass(frozen=True)
class Sounding:
    """A take: its file (mono, 48 kHz), and where in it something is heard, in ms from its start."""

    path: Path
    start: int
    end: int


def heard(
    recogniser: Recogniser,
    takes: Sequence[Sounding],
    language: str,
    progress: Callable[[float], None] = lambda _: None,
) -> list[str]:
    """What is understood of each take, in order; "" of one in which nothing is heard. `language` is that of the dub.

    Costs Whisper one window of 30 s for each take, however short (as many at once as it decodes together), and
    PocketSphinx about the takes' own length. Raises MissingError where the recogniser does not know the language or
    is not on this machine, MediaError for a take that cannot be read, SpaceError.
    """
    recogniser.check(language)
    texts = [""] * len(takes)
    audible = [index for index, take in enumerate(takes) if take.start < take.end]
    done = 0
    for group in _groups(takes, audible):
        share = len(group) / len(audible)
        found = _understood(
            recogniser,
            [takes[index] for index in group],
            language,
            lambda part, done=done, share=share: progress(done / len(audible) + part * share),  # type: ignore[misc]
        )
        for index, text in zip(group, found, strict=True):
            texts[index] = text
        done += len(group)
    progress(1.0)
    return texts


def _groups(takes: Sequence[Sounding], audible: Sequence[int]) -> Iterator[list[int]]:
    """Indices of takes that are laid out together."""
    group: list[int] = []
    length = 0
    for index in audible:
        group.append(index)
        length += takes[index].end - takes[index].start + GAP_MS
        if length >= GROUP_MS:
            yield group
            group, length = [], 0
    if group:
        yield group


def _understood(
    recogniser: Recogniser, takes: Sequence[Sounding], language: str, progress: Callable[[float], None]
) -> list[str]:
    from dubber.audio import AudioFile

    with tempfile.TemporaryDirectory(prefix="dubber-") as scratch:
        path = Path(scratch, "takes.wav")
        spans = _laid_out(takes, path)
        with closing(AudioFile(path)) as audio:
            words = recogniser.recognise(audio, spans, language, progress).words
    starts = [span.start - GAP_MS // 2 for span in spans]
    said: list[list[str]] = [[] for _ in spans]
    for word in words:
        at = bisect_right(starts, (word.span.start + word.span.end) // 2) - 1
        said[max(0, at)].append(word.text)
    return [joined(text.strip() for text in texts) for texts in said]


def _laid_out(takes: Sequence[Sounding], out: Path) -> list[Span]:
    """Writes what is heard of the takes one after the other into `out`; returns where each is."""
    from dubber.audio import AudioFile, AudioWriter

    silence = np.zeros((GAP_MS * SAMPLES_PER_MS, 1), np.float32)
    spans = []
    with AudioWriter(out, channels=1) as writer:
        writer.append(silence)
        for take in takes:
            with closing(AudioFile(take.path)) as file:
                sound = file.read(take.start * SAMPLES_PER_MS, take.end * SAMPLES_PER_MS)
            start = writer.frames // SAMPLES_PER_MS
            writer.append(sound.mean(axis=1, dtype=np.float32)[:, None])
            writer.append(silence)
            spans.append(Span(start, start + take.end - take.start))
    return spans
