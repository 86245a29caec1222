"""Translation with Apertium, the rule-based engine that Debian packages: one process per hop and batch, line by line.

Knows no subtitles, no time and no context; what a line means for the dub is decided elsewhere.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from dubber import languages, process
from dubber.errors import MissingError, TranslationError, UsageError
from dubber.stages.translate import asked, pairs, stream, typography
from dubber.stages.translate.door import Answer, Ask, Brief

_REVISION = 2
"""Of what this code does to a line on its way in and out; part of the digest."""

BATCH = 200
"""Lines for one process: it takes half a second to start, and a crash costs no more than these."""

_START_SECONDS = 60.0
_CHARACTERS_PER_SECOND = 100.0
"""Apertium reads some 40 000 characters a second; one that takes 400 times as long hangs."""

_OWN_TRANSLATION = "Give your own translation with --translation FILE.srt; it takes any language."


_UNKNOWN_TO_IT = "Apertium knows none of its words."


@dataclass(frozen=True)
class _Draft:
    """A line on its way: its text now, the words a hop did not know, and whether one had no words for it at all."""

    text: str
    unknown: tuple[str, ...] = ()
    lost: bool = False


@dataclass(frozen=True)
class Apertium:
    """The engine behind the door; see `Translator`.

    `program` is the name or path of Apertium's command.
    """

    program: str = "apertium"

    @property
    def name(self) -> str:
        """Short and stable: it is written into projects."""
        return "apertium"

    @property
    def rewords(self) -> bool:
        """Not: its rules translate a line in one way, however often they are asked."""
        return False

    def installed(self) -> tuple[str, ...]:
        """The names of the language pairs on this machine. Raises MissingError (no Apertium)."""
        return self._modes

    def route(self, source: str, target: str) -> tuple[pairs.Hop, ...]:
        """The hops from source to target over what is installed: the fewest, at most pairs.MAX_HOPS.

        Raises UsageError (no such language, or twice the same), MissingError (no Apertium, no pair), with
        the command that installs what is missing as its hint.
        """
        source, target = languages.canonical(source), languages.canonical(target)
        asked.check_pair(source, target)
        asked.check_known(source)
        if pairs.language(source) == pairs.language(target):
            names = " and ".join(languages.english_name(tag) for tag in (source, target))
            raise UsageError(f"There is nothing to translate: for Apertium, {names} are one language.")
        modes = self._modes
        hops = pairs.route(modes, source, target)
        if hops is None:
            raise _missing_route(modes, source, target)
        return hops

    def check(self, source: str, target: str) -> None:
        """Raises like `route`; of a source that is still to be found, "und", nothing is asked but that some way leads
        into the target. Reads which pairs are installed and no more."""
        if languages.primary(source) != languages.UNKNOWN:
            self.route(source, target)
            return
        asked.check_pair(source, target)
        modes = self._modes
        if not pairs.leads_into(modes, target):
            raise _nothing_leads_into(modes, languages.canonical(target))

    def digest(self, brief: Brief) -> str:
        """sha256 (hex) over our revision, Apertium's version, and each hop's program and data: of the brief, it uses
        the languages.

        Raises like `route`, and MissingError where a hop's data cannot be read.
        """
        hasher = hashlib.sha256(f"{_REVISION}\0{self._version}".encode())
        for hop in self.route(brief.source, brief.target):
            mode = self._data / "modes" / f"{hop.via}.mode"
            try:
                hasher.update(f"\0{hop.via}\0".encode())
                hasher.update(mode.read_bytes())
                for file in re.findall(r"'(/[^']+)'", mode.read_text("utf-8")):
                    hasher.update(hashlib.sha256(Path(file).read_bytes()).digest())
            except OSError as error:
                raise MissingError(
                    f"Apertium's data for {hop.via} cannot be read: {error.strerror} ({error.filename}).",
                    hint="Install the language pair again.",
                ) from error
        return hasher.hexdigest()

    def translate(
        self,
        asks: Sequence[Ask],
        brief: Brief,
        arrived: Callable[[Answer], None],
        progress: Callable[[float], None] = lambda _: None,
    ) -> None:
        """One wording per line, in order, BATCH lines at a time; see `Translator.translate`.

        Line breaks inside a text become spaces. A text without letters is its own wording: numbers and marks are the
        same everywhere. So is a name by itself; any other line of which no word is known has none.
        """
        hops = self.route(brief.source, brief.target)
        for start in range(0, len(asks), BATCH):
            batch = asks[start : start + BATCH]
            drafts = [_Draft(typography.clean(ask.text)) for ask in batch]
            for n, hop in enumerate(hops):
                end = brief.target if n == len(hops) - 1 else hop.target
                drafts = self._hop(hop, drafts, languages.primary(end))
                progress((start + len(batch) * (n + 1) / len(hops)) / len(asks))
            for ask, draft in zip(batch, drafts, strict=True):
                arrived(_answer(ask.id, draft))

    def close(self) -> None:
        """Nothing to let go of: each process has ended with its batch."""

    def _hop(self, hop: pairs.Hop, lines: Sequence[_Draft], target: str) -> list[_Draft]:
        """Every line one hop further; `unknown` grows by what this hop did not know."""
        wordy = [n for n, line in enumerate(lines) if typography.has_words(line.text) and not line.lost]
        written = [typography.for_engine(lines[n].text, hop.source) for n in wordy]
        result = list(lines)
        for n, answer in zip(wordy, self._ask(hop, written), strict=True):
            before = lines[n]
            if not typography.has_words(answer.text):
                result[n] = replace(before, unknown=tuple(_words(before.text)), lost=True)
                continue
            text = typography.for_reader(answer.text, before.text, target)
            unknown = tuple(_as_written(word, before.text) for word in answer.unknown)
            result[n] = _Draft(text, tuple(dict.fromkeys([*before.unknown, *unknown])))
        return result

    def _ask(self, hop: pairs.Hop, lines: Sequence[str]) -> list[stream.Decoded]:
        if not lines:
            return []
        patience = _START_SECONDS + sum(map(len, lines)) / _CHARACTERS_PER_SECOND
        pair = f"Apertium ({hop.via})"
        try:
            finished = process.run(
                [self.program, "-z", "-f", "none", hop.via], stdin=stream.encode(lines), timeout=patience
            )
        except (process.ProcessTimeout, process.ProcessOverflow) as error:
            raise TranslationError(
                f"{pair} was stopped: it was still at work after {patience:.0f} s or said too much.",
                hint=f"Try again. {_OWN_TRANSLATION}",
            ) from error
        if finished.returncode != 0:
            reason = finished.stderr.strip().splitlines()[-1:] or [f"exit status {finished.returncode}"]
            raise TranslationError(f"{pair} failed: {reason[0]}", hint=_OWN_TRANSLATION)
        try:
            return stream.decode(finished.stdout, lines)
        except ValueError as error:
            raise TranslationError(
                f"{pair} gave an answer that cannot be used: {error}.", hint=_OWN_TRANSLATION
            ) from error

    @cached_property
    def _modes(self) -> tuple[str, ...]:
        """The names of all installed modes."""
        return tuple(sorted(self._say("-l").split()))

    @cached_property
    def _version(self) -> str:
        return self._say("-V").strip()

    def _say(self, option: str) -> str:
        if shutil.which(self.program) is None:
            raise _missing_program()
        try:
            finished = process.run([self.program, option], timeout=_START_SECONDS)
        except process.ProcessTimeout as error:
            raise TranslationError(f"`{self.program} {option}` does not answer.") from error
        if finished.returncode != 0:
            raise TranslationError(f"`{self.program} {option}` failed: {finished.stderr.strip()}")
        return finished.stdout.decode("utf-8", "replace")

    @property
    def _data(self) -> Path:
        """Where the modes lie: Apertium's own variable, else beside its program."""
        if named := os.environ.get("APERTIUM_DATADIR"):
            return Path(named)
        found = shutil.which(self.program)
        if found is None:
            raise _missing_program()
        return Path(found).resolve().parent.parent / "share" / "apertium"


def _answer(identity: str, draft: _Draft) -> Answer:
    """The line as it came out of the last hop."""
    words = _words(draft.text)
    known = {word.casefold() for word in words} - {word.casefold() for word in draft.unknown}
    strange = bool(words) and not known
    named = not typography.is_shouted(draft.text) and all(word[0].isupper() for word in words)
    if not draft.text:
        return Answer(identity, (), (), ("There is nothing to translate in it.",))
    if draft.lost or (strange and not named):
        return Answer(identity, (), draft.unknown, (_UNKNOWN_TO_IT,))
    return Answer(identity, (draft.text,), draft.unknown)


def _words(text: str) -> list[str]:
    return [word for word in stream.WORD.findall(text) if typography.has_words(word)]


def _as_written(word: str, text: str) -> str:
    """A word as it stands in the text, whatever case the engine saw it in."""
    found = re.search(re.escape(word), text, re.IGNORECASE)
    return found[0] if found else word


def _missing_program() -> MissingError:
    absent = "Apertium, which translates, is not on this machine"
    if platform.system() != "Linux":
        return MissingError(f"{absent}; it comes as Debian packages.", hint=_OWN_TRANSLATION)
    return MissingError(
        f"{absent}.",
        hint="On Debian or Ubuntu: sudo apt install apertium, and the package of a language pair, such as "
        f"apertium-eng-spa. {_OWN_TRANSLATION}",
    )


def _nothing_leads_into(modes: Sequence[str], target: str) -> MissingError:
    name = languages.english_name(target)
    if pairs.language(target) not in pairs.known(modes):
        return MissingError(f"Apertium does not know {name}.", hint=_OWN_TRANSLATION)
    packages = pairs.packages_into(target)
    if not packages:
        return MissingError(f"Apertium translates nothing into {name}.", hint=_OWN_TRANSLATION)
    return MissingError(
        f"Apertium has nothing on this machine that translates into {name}.",
        hint=f"On Debian or Ubuntu: sudo apt install the one you need of {', '.join(packages)}. {_OWN_TRANSLATION}",
    )


def _missing_route(modes: Sequence[str], source: str, target: str) -> MissingError:
    names = [languages.english_name(tag) for tag in (source, target)]
    known = pairs.known(modes)
    for tag, name in zip((source, target), names, strict=True):
        if pairs.language(tag) not in known:
            return MissingError(f"Apertium does not know {name}.", hint=_OWN_TRANSLATION)
    packages = pairs.packages_for(modes, source, target)
    if packages is None:
        return MissingError(f"Apertium has no way from {names[0]} to {names[1]}.", hint=_OWN_TRANSLATION)
    return MissingError(
        f"Apertium's data from {names[0]} to {names[1]} is not on this machine.",
        hint=f"On Debian or Ubuntu: sudo apt install {' '.join(packages)}. {_OWN_TRANSLATION}",
    )
