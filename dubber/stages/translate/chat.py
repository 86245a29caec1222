"""Translation by a chat model: lines in groups, every answer checked, what cannot be used asked for again.

Knows neither where the model runs (`local`, `remote`) nor how a request is worded (`prompt`) or judged (`check`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Protocol

from dubber.errors import TranslationError, UsageError
from dubber.stages.translate import asked, check, marks, names, prompt, reply
from dubber.stages.translate.crew import in_parallel
from dubber.stages.translate.door import Answer, Ask, Brief
from dubber.stages.translate.glossary import Index
from dubber.stages.translate.prompt import Message
from dubber.stages.translate.standing import Standing, slipped
from dubber.times import shortened

_REVISION = 2
"""Of what this code makes of an answer; part of the digest."""

MOST_LINES = 30
"""Lines in one request: enough for who says what to whom, few enough for a small model not to lose count."""

MOST_BYTES = 4000
"""UTF-8 bytes of lines in one request: about 1,200 tokens, and three times as many in the answer."""

LONGEST_CONTEXT = 8000
"""Characters of what a film is about that every request can carry."""

ALONE = 2
"""How often a line is asked for by itself after its group's answer could not be used."""

HALVINGS = 2
"""How often a group without an answer is halved before its lines are asked for by themselves: most often it is one
line that nobody answers, or a group somewhat too long."""

ONCE_MORE = 1
"""How often lines that were tried are asked for again where nothing better came: a group at a time."""

FEW = 3
"""Lines missing from an answer up to which each is asked for by itself; more are what a cut answer lost: a group."""

MOST_QUOTED = 60
"""Characters that a person is shown of an answer that cannot be read."""

HOPELESS = 60
"""Lines from the first on without any usable answer after which the model is given up."""

_LARGER = "Choose a larger model, or another translator with --translator."


class NoAnswer(Exception):  # noqa: N818 - what one request came to, no fault of the mind as a whole
    """One request has no answer: too long for the model, or refused by who runs it. The message says which."""


class Mind(Protocol):
    """A chat model, wherever it runs."""

    @property
    def name(self) -> str:
        """Short and stable: it is written into projects."""

    @property
    def width(self) -> int:
        """How many requests at once are worth it; from 2 on, as many threads ask."""

    def digest(self) -> str:
        """Names everything that shapes an answer besides the messages. Holds no secret. Raises MissingError."""

    def check(self) -> None:
        """Raises MissingError or UsageError, before any work, where it cannot answer. Loads nothing."""

    def complete(
        self, messages: Sequence[Message], *, most_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> str:
        """The answer to a conversation, cut after `most_tokens`.

        Raises NoAnswer where this request has none, TranslationError where the mind as a whole fails.
        """

    def close(self) -> None:
        """Lets go of what it holds."""


class ChatTranslator:
    """A chat model behind the door; see `Translator`."""

    rewords = True

    def __init__(self, mind: Mind) -> None:
        self._mind = mind

    @property
    def name(self) -> str:
        """The mind's name."""
        return self._mind.name

    def check(self, source: str, target: str) -> None:
        """Raises UsageError as `asked.check_pair` does; what the mind's `check` raises. Loads nothing."""
        asked.check_pair(source, target)
        self._mind.check()

    def digest(self, brief: Brief) -> str:
        """sha256 (hex) over our revision, the rules, the mind and the brief. Raises UsageError as `check` does."""
        self._usable(brief)
        parts = [_REVISION, prompt.wording_of_rules(), self._mind.digest(), astuple(brief)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def translate(
        self,
        asks: Sequence[Ask],
        brief: Brief,
        arrived: Callable[[Answer], None],
        progress: Callable[[float], None] = lambda _: None,
    ) -> None:
        """See `Translator.translate` for what it promises and raises. A line without letters is handed on as it is.

        Raises TranslationError also where none of the first `HOPELESS` lines had a usable answer.
        """
        self._usable(brief)
        self._mind.check()
        work = _Work(self._mind, brief, Index(brief.glossary), names.in_film(asks, brief))
        wordy: list[Ask] = []
        done = 0
        for ask in asks:
            if (plain := asked.without_asking(ask, brief.target)) is None:
                wordy.append(ask)
                continue
            arrived(plain)
            done += 1
        first = [ask for ask in wordy if not ask.tried]
        groups = [*grouped(first), *grouped([ask for ask in wordy if ask.tried])]
        useless, useful = 0, len(first) < len(wordy)  # where nothing is better, no model has failed
        for answer in in_parallel(work.answers, groups, self._mind.width):
            arrived(answer)
            done += 1
            progress(done / len(asks))
            useful = useful or bool(answer.wordings)
            useless += not answer.wordings
            if not useful and useless >= HOPELESS:
                raise TranslationError(
                    f"{self.name} gave no usable translation of any of {useless} lines. {answer.faults[0]}",
                    hint=_LARGER,
                )
        progress(1.0)

    def close(self) -> None:
        """Lets go of the mind's memory."""
        self._mind.close()

    def _usable(self, brief: Brief) -> None:
        asked.check_pair(brief.source, brief.target)
        if len(brief.context) > LONGEST_CONTEXT:
            raise UsageError(
                f"What the film is about has {len(brief.context):,} characters, and {LONGEST_CONTEXT:,} can be told.",
                hint="Say who is who and what happens, and leave out the rest.",
            )


def grouped(asks: Sequence[Ask]) -> list[tuple[Ask, ...]]:
    """The lines in as few requests as `MOST_LINES` and `MOST_BYTES` allow, of about the same number of lines each."""
    requests = -(-len(asks) // MOST_LINES)
    most = -(-len(asks) // requests) if requests else 0
    groups: list[list[Ask]] = []
    room = 0
    for ask in asks:
        size = sum(
            len(one.encode(errors="replace")) for one in (ask.text, *(one.wording for one in ask.tried))
        )
        if not groups or len(groups[-1]) == most or size > room:
            groups.append([])
            room = MOST_BYTES
        groups[-1].append(ask)
        room -= size
    return [tuple(group) for group in groups]


@dataclass(frozen=True)
class _Work:
    """One film's translation under way: all that its requests have in common."""

    mind: Mind
    brief: Brief
    index: Index
    names: frozenset[str]

    def answers(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        """One answer for each of the lines, each as soon as it is final; all of them were tried, or none."""
        lines = [Standing(self._case(ask)) for ask in asks]
        if asks[0].tried:
            yield from self._better(lines)
            return
        for standing in self._together(lines):
            yield standing.answer() if standing.faultless else self._alone(standing)

    def _better(self, lines: Sequence[Standing]) -> Iterator[Answer]:
        """The answers to lines that were tried. Those that nothing better came for are asked for again, `ONCE_MORE`, in
        one request: what is wrong with a wording stands beside it."""
        for _ in range(ONCE_MORE):
            again: list[Standing] = []
            for line in self._together(lines):
                if line.usable:
                    yield line.answer()
                else:
                    again.append(line.without_pauses() if line.mismarked else line)
            if not again:
                return
            lines = again
        yield from (line.answer() for line in self._together(lines))

    def _together(self, lines: Sequence[Standing], again: int = HALVINGS) -> Iterator[Standing]:
        """The lines with what one request for all of them brought, good ones first; where it brought nothing, or was
        cut, with what smaller groups brought, `again` times smaller at most."""
        try:
            answer = self._asked(lines)
        except NoAnswer as error:
            if again and len(lines) > 1:
                half = (len(lines) + 1) // 2
                yield from self._together(lines[:half], again - 1)
                yield from self._together(lines[half:], again - 1)
            else:
                yield from (line.without(_sentence(error)) for line in lines)
            return
        came = self._told_apart(lines, answer)
        doubtful = slipped(came)
        lost = [n for n in range(len(lines)) if str(n + 1) not in answer.rows]
        yield from (line for n, line in enumerate(came) if line.faultless and n not in doubtful)
        yield from (lines[n] for n in sorted(doubtful))
        yield from (
            line for n, line in enumerate(came) if not line.faultless and n not in doubtful and n not in lost
        )
        if again and FEW < len(lost) < len(lines):
            yield from self._together([lines[n] for n in lost], again - 1)
        else:
            yield from (came[n] for n in lost)

    def _told_apart(self, lines: Sequence[Standing], answer: reply.Reply) -> list[Standing]:
        """The lines, each with what the answer says for it. Names that some show may stay as they are in the others."""
        came = [self._heard(line, str(place), answer) for place, line in enumerate(lines, 1)]
        shown = [name for line in came for name in line.names_kept]
        for place, line in enumerate(lines, 1):
            if shown and not came[place - 1].faultless:
                known = replace(line.case, names=line.case.names.union(shown))
                came[place - 1] = self._heard(replace(line, case=known), str(place), answer)
        return came

    def _alone(self, line: Standing) -> Answer:
        """The line's answer after it was asked for by itself: again until it is usable, `ALONE` times at most. The last
        time nothing stands around it, which may have been what was refused or too long."""
        for attempt in range(1, ALONE + 1):
            if line.mismarked:
                line = line.without_pauses()
            try:
                answer = self._asked([line], neighbours=attempt < ALONE)
            except NoAnswer as error:
                line = line.without(_sentence(error))
            else:
                line = self._heard(line, "1", answer)
            if line.usable:
                break
        return line.answer()

    def _asked(self, lines: Sequence[Standing], *, neighbours: bool = True) -> reply.Reply:
        asks = [line.case.ask for line in lines]
        terms = self.index.relevant(ask.text for ask in asks)
        tried = bool(asks[0].tried)
        wrong = lines[0].wrong if len(lines) == 1 and not tried else ()
        hardly = [line.rejected for line in lines] if tried else ()
        messages = prompt.request(asks, self.brief, terms, wrong, neighbours=neighbours, hardly=hardly)
        text = self.mind.complete(messages, most_tokens=prompt.tokens_for(asks, self.brief.target))
        return reply.read(text, frozenset(str(n) for n in range(1, len(lines) + 1)))

    def _heard(self, line: Standing, name: str, answer: reply.Reply) -> Standing:
        """The line with what the answer says under `name`."""
        if name in answer.twice:
            return line.without("It was answered twice, and differently.")
        if name in answer.rows:
            wordings = answer.rows[name]
            return line.heard(wordings) if wordings else line.without("There are no words in it.")
        if not answer.rows and check.refused(answer.text[: check.LONGEST], line.case):
            return line.without("The answer was a refusal, not a translation.")
        if not answer.rows and answer.text:
            said = shortened(prompt.shown(answer.text[: check.LONGEST]), MOST_QUOTED)
            return line.without(f"The answer cannot be read: {said!r}.")
        return line.without("No answer came for it.")

    def _case(self, ask: Ask) -> check.Case:
        """What its answers are held against. Its pauses count only where marks can be asked for: they have a place in
        the line, and are nothing else in it."""
        terms = self.index.relevant([ask.text])
        marked = marks.shown(prompt.shown(ask.text), ask.pauses, self.brief.source)
        if marked is None or any(marks.has(term.target) for term in terms):
            ask = replace(ask, pauses=())
        return check.Case(ask, self.brief, terms, self.names)


def _sentence(error: NoAnswer) -> str:
    return f"{error}"[:1].upper() + f"{error}"[1:]


__all__ = ["ChatTranslator", "Message", "Mind", "NoAnswer", "grouped"]
