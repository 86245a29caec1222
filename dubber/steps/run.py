"""What every step of one run has at hand: the project, the settings, who watches. Does no work."""

from __future__ import annotations

import time
from collections.abc import Iterator
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


@dataclass
class Run:
    """One run over one project, which it holds locked. `seconds` fills with how long each stage took."""

    project: Project
    settings: Settings
    profile: Profile
    progress: Progress
    jobs: int
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def cache(self) -> Cache:
        """Where results are kept."""
        return self.project.cache

    @cached_property
    def translator(self) -> Translator:
        """The lane's translator, asked only where no translation was given."""
        from dubber.stages.translate import Apertium

        return Apertium()

    @contextmanager
    def stage(self, name: str) -> Iterator[Advance]:
        """Shows a stage to whoever watches, and times it."""
        began = time.monotonic()
        with self.progress.stage(name) as advance:
            yield advance
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began
