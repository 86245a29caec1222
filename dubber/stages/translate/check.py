"""Whether a wording can be used: one pure function per fault, each giving a sentence or None. Asks nobody again.

Hard faults make a wording unusable. Soft ones may be wrong about it, and it is used where no better one comes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from align import rate
from dubber.stages.translate import figures, glossary, marks, names, prompt, rewording, typography, writing
from dubber.stages.translate.door import Ask, Brief, Term
from dubber.stages.translate.phrases import CERTAIN_REFUSAL, INTERJECTIONS, LABEL, NO_IS_NO, REFUSAL, SORRY

OVER = 1.3
"""How many times its budget the shortest wording may take to say: what compression can still make good."""

FITS = (0.85, 1.15)
"""Share of the budget at which a wording is spoken at its natural pace: the comfort band of the plan."""

RUNAWAY, RUNAWAY_MS = 4.0, 4000
"""A wording that takes so many times as long to say as its line, and so much more, is not a translation of it."""

TOO_LITTLE, TOO_LITTLE_MS = 0.2, 1500
"""A wording with less than this share of its line's speech leaves most of it out; of lines of such a length."""

LONGEST = 10_000
"""Characters from which on a wording is not even looked at."""

LONE = 3
"""Words up to which a line may be right as it is in another language: "Peter!", "Hotel Ritz.", "Hospital?"."""

LONE_UNSPACED = 6
"""Letters that are as much in a script without spaces between words."""

_UNSPACED = frozenset({"Hani", "Kana", "Thai", "Laoo", "Khmr", "Mymr"})

_MARKUP = re.compile(r"```|\*\*|[{}<>|｜\\]|\ufffd|\"\s*(?::\s*\[|\])|^#+ |\s/\s|[\[\]](?=\s*,)")
_NUMBERED = re.compile(r"\s*\d{1,3}[.):]\s")
_ASIDE = re.compile(r"[(\[（［【][^)\]）］】]*[)\]）］】]")
_COUNTED = re.compile(
    r"\b\d+\s*(?:syllables|morae|characters|seconds)\b|\b(?:wording|glossary|JSON)s?\b", re.IGNORECASE
)
_ADDRESS = re.compile(r"https?:|www\.|\w@\w", re.IGNORECASE)
_QUOTED = re.compile(r"""(["“„«»‹'‘「『])(.*)(["”“»«›'’」』])""", re.DOTALL)


@dataclass(frozen=True)
class Case:
    """One line, and what its translation is held against: the film's `brief`, the glossary's `terms` that occur in it,
    and the film's `names`, case-folded."""

    ask: Ask
    brief: Brief
    terms: tuple[Term, ...] = ()
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Verdict:
    """`usable` wordings with the soft `faults` of each, fewest first; and those not to be used, with the reason."""

    usable: tuple[tuple[str, tuple[str, ...]], ...]
    rejected: tuple[prompt.Rejected, ...]


def judged(wordings: Iterable[str], case: Case) -> Verdict:
    """The wordings, tidied, each once, told apart; those with the fewest soft faults first, in the order they came.

    Marks for the line's pauses are no part of what is judged. To a line that was tried a wording must be new, nearer to
    its time, and without a soft fault that the best one tried has not: what was tried can still be used.
    """
    pauses, wanted = len(case.ask.pauses), rewording.aim(case.ask, case.brief.target)
    forgiven = _soft(marks.without(wanted.best.wording), case) if wanted else ()
    usable: list[tuple[str, tuple[str, ...]]] = []
    rejected: list[prompt.Rejected] = []
    seen: set[str] = set()
    for raw in wordings:
        if len(raw) > LONGEST:
            rejected.append(prompt.Rejected(raw, "It says far more than the line."))
            continue
        tidy = tidied(raw, case)
        if pauses and (because := marks.misplaced(tidy, pauses)):
            rejected.append(prompt.Rejected(tidy, because))
            continue
        text = marks.without(tidy) if pauses else tidy
        if (key := rewording.letters(text)) in seen:
            continue
        seen.add(key)
        because = next((fault for check in HARD if (fault := check(text, case))), None)
        soft = () if because else _soft(text, case)
        if wanted and because is None:
            because = (
                wanted.fault(text)
                or left_out(text, marks.without(wanted.best.wording), case)
                or next((fault for fault in soft if fault not in forgiven), None)
            )
        if because is not None:
            rejected.append(prompt.Rejected(text, because))
        else:
            usable.append((marks.written(tidy) if pauses else text, soft))
    return Verdict(tuple(sorted(usable, key=lambda one: len(one[1]))), tuple(rejected))


def ordered(wordings: Sequence[str], case: Case) -> tuple[str, ...]:
    """The wordings, the one that fits the time best first; as they are where the first can be said at its own pace."""
    if wanted := rewording.aim(case.ask, case.brief.target):
        return rewording.nearest(wordings, wanted)
    budget = case.ask.budget
    if budget <= 0 or len(wordings) < 2:
        return tuple(wordings)
    lengths = {text: _spoken_ms(text, case) for text in wordings}
    if FITS[0] <= lengths[wordings[0]] / budget <= FITS[1]:
        return tuple(wordings)
    best = min(wordings, key=lambda text: abs(lengths[text] - budget))
    return (best, *(text for text in wordings if text != best))


def over_budget(wordings: Iterable[str], case: Case) -> str | None:
    """A soft fault of them all together: not even the shortest can be said in the time that there is. None after others
    were tried, which each new one is held against by itself."""
    budget = case.ask.budget
    shortest = min((_spoken_ms(text, case) for text in wordings), default=0)
    if budget <= 0 or case.ask.tried or shortest <= OVER * budget:
        return None
    return f"It takes about {shortest / 1000:.1f} s to say and there are {budget / 1000:.1f} s."


def tidied(wording: str, case: Case) -> str:
    """The wording on one line, without the speaker's label and the quotation marks that a model puts around it."""
    text, source = prompt.shown(wording), case.ask.text
    if case.ask.speaker and case.ask.speaker.casefold() not in source.casefold():
        label = rf"\s*[\[(]?{re.escape(case.ask.speaker)}(?:[\])]\s*:?|\s*:)\s*"
        text = re.sub(f"^{label}", "", text, flags=re.IGNORECASE)
    quoted = _QUOTED.fullmatch(text)
    if (
        quoted
        and quoted[1] not in quoted[2]
        and quoted[3] not in quoted[2]
        and not _QUOTED.fullmatch(prompt.shown(source))
    ):
        text = quoted[2].strip()
    return text


def stays(text: str, case: Case) -> bool:
    """Whether a text is all names, numbers, interjections and entries of the glossary that are kept: it may be no
    different in another language."""
    kept = {
        word
        for term in case.terms
        if term.source.casefold() == term.target.casefold()
        for word in writing.words(term.source)
    }
    tags = {tag.partition("-")[0] for tag in (case.brief.source, case.brief.target)}
    if tags <= NO_IS_NO:
        kept.add("no")
    return all(word in INTERJECTIONS or word in case.names or word in kept for word in writing.words(text))


def empty(wording: str, case: Case) -> str | None:
    """Hard: nothing in it can be said."""
    if typography.has_words(wording) or any(char.isdigit() for char in wording):
        return None
    return "There are no words in it."


def refused(wording: str, case: Case) -> str | None:
    """Hard: the model speaks for itself and declines."""
    source = case.ask.text
    if CERTAIN_REFUSAL.search(wording) and not CERTAIN_REFUSAL.search(source):
        return "It is a refusal, not a translation."
    if REFUSAL.search(wording) and not SORRY.search(source):
        return "It is a refusal, not a translation."
    return None


def leftover(wording: str, case: Case) -> str | None:
    """Hard: something of the request or of the answer's form is in it, or a remark that the line has not."""
    source = case.ask.text
    if set(_MARKUP.findall(wording)) - set(_MARKUP.findall(source)):
        return "It has markup in it that the line has not."
    if _NUMBERED.match(wording) and not source.lstrip()[:1].isdigit():
        return "It begins with a number that the line has not."
    if LABEL.match(wording) and not re.match(r"\s*[^\s:：]+\s*[:：]", source):
        return "It begins with a label that the line has not."
    if _COUNTED.search(wording) and not _COUNTED.search(source):
        return "It speaks about the task."
    if len(_ASIDE.findall(wording)) > len(_ASIDE.findall(source)):
        return "It has a remark in brackets that the line has not."
    return None


def address_added(wording: str, case: Case) -> str | None:
    """Hard: it has an address of the Web that the line has not, which nobody says and somebody may have planted."""
    if _ADDRESS.search(wording) and not _ADDRESS.search(case.ask.text):
        return "It has an address in it that the line has not."
    return None


def source_left(wording: str, case: Case) -> str | None:
    """Hard: it is the line itself, or nothing but words of it; unless the line may be no different, or is so short that
    it might not be."""
    source = case.ask.text
    if stays(source, case):
        return None
    if rewording.letters(wording) == rewording.letters(source):
        return None if _is_lone(case) else "It is the line itself, not translated."
    said = writing.words(wording)
    # Two words that a related language shares happen; three, or one shouted ("… and say HACKED"), do not.
    telling = len(said) > 2 or any(len(word) > names.SHOUTED and word.upper() in wording for word in said)
    if said and telling and set(said) <= set(writing.words(source)) and not stays(wording, case):
        return "It is words of the line, not translated."
    return None


def wrong_script(wording: str, case: Case) -> str | None:
    """Hard: not in the letters of the language; names of the film excepted."""
    if stays(wording, case):
        return None
    return writing.wrong_script(wording, case.brief.target)


def wrong_language(wording: str, case: Case) -> str | None:
    """Hard: certainly another language's words."""
    return writing.wrong_language(wording, case.brief.target, case.brief.source)


def runaway(wording: str, case: Case) -> str | None:
    """Hard: far more than the line says."""
    spoken, source = _lengths(wording, case)
    return "It says far more than the line." if spoken > RUNAWAY * source + RUNAWAY_MS else None


def too_little(wording: str, case: Case) -> str | None:
    """Hard: next to nothing of what a long line says."""
    spoken, source = _lengths(wording, case)
    return (
        "It leaves most of the line out."
        if source >= TOO_LITTLE_MS and spoken < TOO_LITTLE * source
        else None
    )


def left_out(wording: str, tried: str, case: Case) -> str | None:
    """Hard, of another wording: time was saved on a number or a name that the line and what was `tried` both have."""
    lost = figures.numbers(case.ask.text) - figures.missing(case.ask.text, tried)
    if lost := lost & figures.missing(case.ask.text, wording):
        return f"The number {min(lost)} is not in it."
    bare = _bare(wording)
    for name in sorted(names.kept(case.ask.text, tried)):
        if _bare(name)[:4] not in bare:
            return f"The name {name.title()} is not in it."
    return None


def unchanged(wording: str, case: Case) -> str | None:
    """Soft: it is the line itself, which is so short that this may be right: nobody can tell a name by its looks."""
    if rewording.letters(wording) != rewording.letters(case.ask.text) or stays(case.ask.text, case):
        return None
    return "It is the line itself; that is right for a name."


def numbers_changed(wording: str, case: Case) -> str | None:
    """Soft: it has a number that the line has not, in place of one that it has. Numbers in words are trusted."""
    lost, found = figures.missing(case.ask.text, wording), figures.missing(wording, case.ask.text)
    return f"It says {min(found)} where the line says {min(lost)}." if lost and found else None


def names_lost(wording: str, case: Case) -> str | None:
    """Soft: a speaker's name that is in the line is not in it. Only between languages in Latin letters, where names are
    spelt the same; endings may differ."""
    if any("Latn" not in writing.scripts(tag) for tag in (case.brief.source, case.brief.target)):
        return None
    bare = _bare(wording)
    translated = {word for term in case.terms for word in writing.words(term.source)}
    for name in names.of_speakers(case.ask):
        if name in set(writing.words(case.ask.text)) - translated and _bare(name)[:4] not in bare:
            return f"The name {name.title()} is not in it."
    return None


def glossary_broken(wording: str, case: Case) -> str | None:
    """Soft: an entry of the glossary was not used."""
    for term in case.terms:
        if not glossary.obeyed(term, wording):
            return f"It does not say {term.target} for {term.source}, as the glossary asks."
    return None


Check = Callable[[str, Case], str | None]

HARD: tuple[Check, ...] = (
    empty,
    refused,
    leftover,
    address_added,
    source_left,
    wrong_script,
    wrong_language,
    runaway,
    too_little,
)
SOFT: tuple[Check, ...] = (unchanged, numbers_changed, names_lost, glossary_broken)


def _soft(wording: str, case: Case) -> tuple[str, ...]:
    return tuple(fault for check in SOFT if (fault := check(wording, case)))


def _spoken_ms(wording: str, case: Case) -> int:
    said = marks.without(wording) if case.ask.pauses else wording
    return rate.spoken_ms(said, case.brief.target)


def _lengths(wording: str, case: Case) -> tuple[int, int]:
    return rate.spoken_ms(wording, case.brief.target), rate.spoken_ms(case.ask.text, case.brief.source)


def _is_lone(case: Case) -> bool:
    """Whether the line has no more words than a name or a call may have; the same word again is no further one."""
    text, written = case.ask.text, writing.scripts(case.brief.source)
    if written and written <= _UNSPACED:
        return len(rewording.letters(text)) <= LONE_UNSPACED
    return len(set(writing.words(text))) <= LONE


def _bare(text: str) -> str:
    return "".join(
        char for char in unicodedata.normalize("NFD", text.casefold()) if unicodedata.category(char) != "Mn"
    )
