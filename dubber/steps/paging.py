"""The report as a page in the project: its clips, kept so that each is encoded once, and the page that holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from align.types import SAMPLE_RATE, SAMPLES_PER_MS, Span
from dubber import page, store
from dubber.audio import AudioFile, FloatArray
from dubber.page import Clips
from dubber.page.clips import VERSION
from dubber.steps.run import Run
from dubber.steps.sound import Sound
from dubber.steps.speak import Take
from dubber.store import Key

MP3 = ".mp3"

AT_ONCE = 8
"""Clips for each process that are made before they are kept: what a stop costs."""


def write(run: Run, told: Mapping[str, Any], sound: Sound, takes: Mapping[str, Sequence[Take]]) -> Path:
    """Writes the page of a run's report; returns it. Every line of `takes`, by its id, can be listened to as it is in
    the film and in the dub."""
    keys = {one: (_source_key(sound, many[0].line.span), _take_key(many)) for one, many in takes.items()}
    make: dict[Key, Callable[[], FloatArray]] = {}
    for one, (source, take) in keys.items():
        make[source] = partial(_source, sound, takes[one][0].line.span)
        make[take] = partial(_dubbed, takes[one])
    missing = [key for key in make if not run.cache.has(key, MP3)]
    with run.stage("page") as advance, ThreadPoolExecutor(run.jobs) as pool:
        step = AT_ONCE * run.jobs
        for done in range(0, len(missing), step):
            some = missing[done : done + step]
            clips = pool.map(lambda key: page.clip(make[key](), SAMPLE_RATE), some)
            for key, data in zip(some, clips, strict=True):
                run.cache.file(key, MP3, partial(_kept, data))
            advance((done + len(some)) / len(missing))
        return run.project.write_page(run.settings.target, page.parts(told, _Shelf(run, keys)))


class _Shelf(Mapping[str, Clips]):
    """The clips of lines, by id, read from the cache when they are asked for."""

    def __init__(self, run: Run, keys: Mapping[str, tuple[Key, Key]]) -> None:
        self._run, self._keys = run, keys

    def __getitem__(self, line: str) -> Clips:
        source, take = (self._run.cache.file(key, MP3, _never) for key in self._keys[line])
        return Clips(source.read_bytes(), take.read_bytes())

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def _source_key(sound: Sound, span: Span) -> Key:
    return store.key("clip", VERSION, {"source": sound.source_key.digest}, [span.start, span.end])


def _take_key(takes: Sequence[Take]) -> Key:
    laid = [[one.kept.key.digest, one.slot.span.start - takes[0].slot.span.start] for one in takes]
    return store.key("clip", VERSION, {}, laid)


def _source(sound: Sound, span: Span) -> FloatArray:
    """What is heard in the film while a line is said: shape (n, 2)."""
    place = span.samples
    with AudioFile(sound.stems.source.path) as file:  # each thread its own: a file has one place it reads at
        return file.read(place.start, max(place.start + SAMPLES_PER_MS, place.stop))


def _dubbed(takes: Sequence[Take]) -> FloatArray:
    """A line as it is spoken in the dub, its pauses in it: shape (n,)."""
    start = takes[0].slot.span.start
    line = np.zeros((takes[-1].slot.span.end - start) * SAMPLES_PER_MS, np.float32)
    for take in takes:
        with AudioFile(take.kept.path) as file:
            spoken = file.read(0, file.frames)[:, 0]
        at = (take.slot.span.start - start) * SAMPLES_PER_MS
        line[at : at + len(spoken)] = spoken
    return line


def _kept(data: bytes, out: Path) -> None:
    out.write_bytes(data)


def _never(_: Path) -> None:
    raise AssertionError("every clip was made before the page")
