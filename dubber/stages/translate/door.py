"""The one door to every translator: lines in, as many answers out, each under its own id. Names no engine's insides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Tried:
    """A wording that was spoken, and the `ms` that it took by measurement (> 0), in its line's budget's measure."""

    wording: str
    ms: int


@dataclass(frozen=True)
class Ask:
    """One line to be translated: what is said, by whom, and `before` and `after` it (a few lines each, in order of
    time, as "[Speaker] text"). `budget` is how long the translation may take to say, in ms; 0 where that is open.

    With `tried`, another wording is asked for, which comes nearer to the budget than any of those did: of times only
    the relation counts then, so that all may be a voice's own, or all divided by its pace. `pauses` are the shares
    (0..1, rising) of the line's speech after which the actor pauses; who heeds them marks breaks with align's MARK."""

    id: str
    text: str
    speaker: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    budget: int = 0
    tried: tuple[Tried, ...] = ()
    pauses: tuple[float, ...] = ()


@dataclass(frozen=True)
class Term:
    """One entry of a glossary: `source` is always translated as `target`; equal ones are kept as they are."""

    source: str
    target: str
    note: str = ""


@dataclass(frozen=True)
class Brief:
    """What holds for the whole film: the two languages (canonical BCP 47), what it is about, how people address each
    other ("formal", "informal", or "" for what the film itself suggests), and the glossary."""

    source: str
    target: str
    context: str = ""
    register: str = ""
    glossary: tuple[Term, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What became of one line: one to three wordings, the one that suits best first, or none where it could not be
    translated. `faults` are sentences for the person: what is still wrong with the wording, or why there is none.
    `unknown` are words that the engine did not know; they stand in the text as they were.

    For a line that was tried, all wordings are new and expected nearer to its budget; none means that what was tried
    stands, and `faults` why."""

    id: str
    wordings: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


class Translator(Protocol):
    """A translation engine behind the door."""

    @property
    def name(self) -> str:
        """Short and stable: it is written into projects."""

    @property
    def rewords(self) -> bool:
        """Whether it heeds `Ask.tried`: asking again can bring another wording."""

    def check(self, source: str, target: str) -> None:
        """Raises, before any work: UsageError (no such language, nothing to translate between), MissingError (engine,
        model, key or language pair not there). Loads nothing; contacts nobody."""

    def digest(self, brief: Brief) -> str:
        """Names everything that shapes an answer besides the line: engine, model, code, and what it uses of the brief.
        Holds no secret. Raises like `check`."""

    def translate(
        self,
        asks: Sequence[Ask],
        brief: Brief,
        arrived: Callable[[Answer], None],
        progress: Callable[[float], None] = ...,
    ) -> None:
        """Calls `arrived` exactly once for each of `asks`, as its answer comes, in any order: none dropped, merged,
        doubled or invented, and none answered with its source text. A line that cannot be translated is an answer
        without wordings.

        `progress` is called with 0..1. Raises TranslationError where the engine as a whole fails, after
        every answer that did come was handed on; MissingError, UsageError.
        """

    def close(self) -> None:
        """Lets go of the model's memory."""
