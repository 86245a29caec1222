"""What the engine asks of a release's text front end, whichever release it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Frontend(Protocol):
    """Text to ids. `languages` that it knows, by BCP 47 tag, which is what it is given. `libraries`: the distributions
    that what it makes of a text depends on."""

    @property
    def languages(self) -> Mapping[str, str]: ...

    @property
    def libraries(self) -> Sequence[str]: ...

    @property
    def size(self) -> int:
        """One more than the highest id there is."""

    def segments(self, text: str, language: str, *, limit: int) -> list[list[int]]:
        """The ids of each segment, of about `limit` ids, of a text in one of `languages`. Empty where
        nothing can be spoken. Raises SpeakingFailed."""

    def row(self, language: str) -> int | None:
        """The row of the model's language table for a code; None where the model has no such table."""

    def unread(self, ids: Sequence[int]) -> int:
        """How many of the ids stand for something that the tokeniser does not know."""

    def notes(self, language: str) -> tuple[str, ...]:
        """What is not done to texts of a language on this machine, as sentences for a person."""
