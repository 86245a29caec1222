"""The voice for one film: opened when something is to be spoken, closed when another model needs the memory."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from dubber import voices
from dubber.steps.casting import Cast
from dubber.steps.run import Run
from tts.door import Engine


class Session:
    """A context in which a film's cast can be had. `prepare` chooses the references for an engine; it is asked again
    whenever the voice is opened anew, and must come to the same."""

    def __init__(self, run: Run, prepare: Callable[[Engine], Cast]) -> None:
        self._run = run
        self._prepare = prepare
        self._cast: Cast | None = None
        self._told: dict[str, Any] = {}

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def cast(self) -> Cast:
        """Who speaks each line and how, by a voice that is in memory. Raises as `voices.opened` and `prepare` do."""
        if self._cast is None:
            settings = self._run.settings
            name = settings.voice or ""
            engine = voices.opened(name, self._run.cache, language=settings.target, device=settings.device)
            self._cast = self._prepare(engine)
            self._told = self._cast.told()
        return self._cast

    def told(self) -> dict[str, Any]:
        """What voices and manners were taken from, as JSON data; {} before anything was opened."""
        return self._told

    def close(self) -> None:
        """Lets go of the voice's memory. Nobody may hold on to what `cast` gave."""
        self._cast = None
        voices.forget()
