"""Where the film's shots change: looked for where that was asked for, once, and kept. Places no line."""

from __future__ import annotations

from dubber import media, store
from dubber.media import Film
from dubber.steps.run import Run

SHOTS = 1
"""Version of what is found: raised when the same film gives other cuts, so that no older ones are taken for them."""


def find(run: Run, film: Film) -> tuple[int, ...]:
    """The film's cuts in ms on its clock, rising; () where nobody asked for them, and for a film without a picture.

    Raises MediaError where the picture cannot be decoded, SpaceError.
    """
    if not run.settings.shots:
        return ()
    key = store.key("shots", SHOTS, {"film": run.project.source_digest(duration=film.duration)}, None)
    with run.stage("shots") as advance:
        return tuple(run.cache.json(key, lambda: list(media.shots(film, advance))))
