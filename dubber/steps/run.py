"""What every step of one run has at hand: the project, the settings, who watches. Does no work."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from dubber import engines
from dubber.engines import Role
from dubber.progress import Advance, Progress
from dubber.project import Project
from dubber.settings import Settings
from dubber.store import Cache

SPEAKER = "Speaker {}"
"""How a speaker is called, counted from 1, until a person knows better."""

NAMED_NOTES = 3
"""Notes of one kind that are told one by one; the rest are counted."""


@dataclass
class Run:
    """One run over one project, which it holds locked. `settings` have a choice for every engine. `retry` says whether
    lines that could not be translated are tried again. `found` is the language that the recogniser found in the film,
    `shared` are the speakers who have a voice of the cast, `spoken` the ms of speech that were made, `speaking` the
    seconds that took. `seconds` fills with how long each stage took, `notes` with what the person should read."""

    project: Project
    settings: Settings
    progress: Progress
    jobs: int
    retry: bool = True
    found: str | None = None
    shared: set[str] = field(default_factory=set)
    spoken: int = 0
    speaking: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _told: set[str] = field(default_factory=set)

    @property
    def language(self) -> str:
        """What the film speaks: as the person said, or else as it was found; "und" while nobody knows. Settings keep
        what was said alone, so that no guess is ever taken for a person's word."""
        return self.settings.source if self.found is None else self.found

    @property
    def cache(self) -> Cache:
        """Where results are kept."""
        return self.project.cache

    def engine(self, role: Role) -> AbstractContextManager[Any]:
        """The engine chosen for a role, for as long as a block lasts: models are loaded one stage at a time."""
        return engines.opened(role, self.settings, self.jobs)

    def note(self, text: str) -> None:
        """One sentence the person should read, told once; it is kept for the report."""
        if text not in self.notes:
            self._told.add(text)
            self.notes.append(text)
            self.progress.note(text)

    def note_all(self, texts: Sequence[str]) -> None:
        """Notes of one kind, told once: the first few, and how many more there are."""
        fresh = [text for text in dict.fromkeys(texts) if text not in self._told]
        self._told.update(fresh)
        for text in fresh[:NAMED_NOTES]:
            self.note(text)
        if len(fresh) > NAMED_NOTES:
            more = f"… and {len(fresh) - NAMED_NOTES} more like this."
            self.notes.append(more)
            self.progress.note(more)

    @contextmanager
    def stage(self, name: str) -> Iterator[Advance]:
        """Shows a stage to whoever watches, and times it."""
        began = time.monotonic()
        with self.progress.stage(name) as advance:
            yield advance
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began
