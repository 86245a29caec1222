"""What every step of one run has at hand: the project, the settings, who watches. Does no work."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from dubber.profiles import Profile
from dubber.progress import Advance, Progress
from dubber.project import Project
from dubber.settings import Settings
from dubber.store import Cache

if TYPE_CHECKING:
    from dubber.stages.translate import Translator

SPEAKER = "Speaker {}"
"""How a speaker is called, counted from 1, until a person knows better."""

NAMED_NOTES = 3
"""Notes of one kind that are told one by one; the rest are counted."""


@dataclass
class Run:
    """One run over one project, which it holds locked. `seconds` fills with how long each stage took, `notes` with
    what the person should read."""

    project: Project
    settings: Settings
    profile: Profile
    progress: Progress
    jobs: int
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def cache(self) -> Cache:
        """Where results are kept."""
        return self.project.cache

    @cached_property
    def translator(self) -> Translator:
        """The lane's translator, asked only where no translation was given."""
        from dubber.stages.translate import Apertium

        return Apertium()

    def note(self, text: str) -> None:
        """One sentence the person should read; it is kept for the report."""
        self.notes.append(text)
        self.progress.note(text)

    def note_all(self, texts: Sequence[str]) -> None:
        """Notes of one kind: the first few, and how many more there are."""
        for text in texts[:NAMED_NOTES]:
            self.note(text)
        if len(texts) > NAMED_NOTES:
            self.note(f"… and {len(texts) - NAMED_NOTES} more like this.")

    @contextmanager
    def stage(self, name: str) -> Iterator[Advance]:
        """Shows a stage to whoever watches, and times it."""
        began = time.monotonic()
        with self.progress.stage(name) as advance:
            yield advance
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began
