"""From segments to lines: what is translated, by whom, with what in mind; each answer is kept as it comes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from align.types import Line, Segment
from dubber import engines, languages, store
from dubber.errors import MissingError, TranslationError, UsageError
from dubber.stages.translate import Answer, Ask, Brief, Term, Translator, Tried, address, rewording
from dubber.steps.run import Run
from dubber.times import clock, shortened

TRANSLATE = 3
"""Version of what the translate stage computes."""

UNTRANSLATED = "[not translated]"
"""What stands in the subtitles for a line that no translation was found for; like any sound in brackets it is not
spoken, and a person may put words in its place."""

MOST_LOST = 0.25
"""Share of lines without a translation from which on a dub is not worth making: the translator itself has failed."""

FEW = 3
"""So many lines may be lost in a film however short; not all of them."""

NEIGHBOURS = 3
"""Lines before and after that a translator is shown: enough to tell who "it" is."""

BORROWED_MS = 300
"""Of the silence after a line, so much counts as time for its translation: what a line may borrow unheard."""

STEP_MS = 100
"""Measured times are told to a translator in steps of it: a voice's pace that is known a little better is no reason to
ask for another wording anew."""


def check(run: Run) -> None:
    """Raises, before any work, where nobody here translates between the two languages, or with such a brief.

    A project that is rendered again has been translated: what it lacks for that is told where a line needs it.
    """
    if run.settings.translation is None and run.retry:
        with run.engine("translator") as translator:
            translator.check(run.settings.source, run.settings.target)
            if run.settings.source != languages.UNKNOWN:
                translator.digest(_brief(run))
        _tell_where(run)


def _tell_where(run: Run) -> None:
    """Tells the person where the film's lines go, if they leave the machine."""
    if server := engines.base_url(run.settings) if run.settings.translator == "openai" else None:
        run.note(f"What is said in the film is sent to {address.host_of(server)}.")


def keep_glossary(run: Run, path: Path) -> str:
    """Takes a glossary into the project; returns its sha256. Raises UsageError with the line that is wrong."""
    from dubber.stages.translate import glossary

    glossary.read(path)
    return run.project.keep_given(path.read_bytes(), path.name)


def answers(
    run: Run,
    said: Sequence[Segment],
    pauses: Mapping[str, tuple[float, ...]] = MappingProxyType({}),
) -> dict[str, Answer]:
    """What became of each segment, by id: each is translated once for all time. `pauses` are those of `Ask`, by id;
    like a line's time and neighbours they are told to the translator, and are no reason to translate it again."""
    brief = _brief(run)
    with run.engine("translator") as translator:
        keys = _keys(translator.digest(replace(brief, glossary=())), brief, said)
        failed = {} if run.retry else _known_failures(run, keys)
        missing = [
            i for i, one in enumerate(said) if not run.cache.has(keys[one.id]) and one.id not in failed
        ]

        def arrived(answer: Answer) -> None:
            if answer.wordings:  # kept at once: a crash at line 900 costs nothing of the first 899
                run.cache.json(keys[answer.id], partial(_plain, answer))
            else:
                failed[answer.id] = answer
                run.cache.json(_failure(keys[answer.id]), partial(_plain, answer))

        with run.stage("translate") as advance:
            if missing:
                translator.check(brief.source, brief.target)
                translator.translate(_asks(said, missing, pauses), brief, arrived, advance)
    return {
        one.id: failed.get(one.id) or _answer(run.cache.json(keys[one.id], _never), one.id) for one in said
    }


def lines(said: Sequence[Segment], done: Mapping[str, Answer]) -> list[Line]:
    """One line per segment; what could not be translated has UNTRANSLATED for text."""
    return [
        Line(one.id, one.span, next(iter(done[one.id].wordings), UNTRANSLATED), one.speaker, (one.id,))
        for one in said
    ]


def rewords(run: Run) -> bool:
    """Whether there is a translator who may have other words for a line."""
    if run.settings.translation is not None:
        return False
    with run.engine("translator") as translator:
        return bool(translator.rewords)


def reword(
    run: Run,
    said: Sequence[Segment],
    tried: Mapping[str, Sequence[Tried]],
    budgets: Mapping[str, int],
    pauses: Mapping[str, tuple[float, ...]] = MappingProxyType({}),
    *,
    before: Callable[[], None] = lambda: None,
) -> dict[str, Answer]:
    """Other words for the lines of `tried`, by id, which come nearer to their time in `budgets` than those that were
    tried; times in ms, both in one measure. `said` is all that is said, to be understood by. What is found, and that
    nothing is, is kept as it comes, under all that was asked. `before` is called once, before the translator works, if
    it has to.

    Where it fails the person is told, and the lines it had not come to are not in the result: they have words already.
    """
    wanted = [i for i, one in enumerate(said) if tried.get(one.id)]
    if not wanted or not rewords(run):
        return {}
    brief = _brief(run)
    asks = {
        ask.id: replace(
            ask,
            budget=_stepped(budgets[ask.id]),
            tried=tuple(Tried(one.wording, _stepped(one.ms)) for one in tried[ask.id]),
        )
        for ask in _asks(said, wanted, pauses)
    }
    with run.engine("translator") as translator:
        known = _keys(translator.digest(replace(brief, glossary=())), brief, [said[i] for i in wanted])
        keys = {one: _reworded(known[one], ask) for one, ask in asks.items()}
        missing = [ask for one, ask in asks.items() if not run.cache.has(keys[one])]
        if missing:
            before()
            _ask_again(run, translator, brief, missing, keys)
    return {one: _answer(run.cache.json(key, _never), one) for one, key in keys.items() if run.cache.has(key)}


def _ask_again(
    run: Run, translator: Translator, brief: Brief, missing: Sequence[Ask], keys: Mapping[str, store.Key]
) -> None:
    """Asks for other words and keeps what comes."""

    def arrived(answer: Answer) -> None:
        run.cache.json(keys[answer.id], partial(_plain, answer))

    _tell_where(run)
    try:
        with run.stage("reword") as advance:
            translator.check(brief.source, brief.target)
            translator.translate(missing, brief, arrived, advance)
    except (TranslationError, MissingError, UsageError) as error:
        lacking = sum(not run.cache.has(keys[ask.id]) for ask in missing)
        told = " ".join(filter(None, (str(error), error.hint)))
        run.note(f"Other words were not found for lines that keep theirs, {lacking} in all: {told}")


def _reworded(first: store.Key, ask: Ask) -> store.Key:
    """Under what other words for a line are kept, that itself is translated under `first`."""
    asked = {
        "tried": [[one.wording, one.ms] for one in ask.tried],
        "budget": ask.budget,
        "pauses": list(ask.pauses),
    }
    return store.key("reword", rewording.REVISION, {"line": first.digest}, asked)


def _stepped(ms: int) -> int:
    """A time as a translator is told it: the nearest of STEP_MS, and at least one."""
    return max(STEP_MS, round(ms / STEP_MS) * STEP_MS)


def _keys(translator: str, brief: Brief, said: Sequence[Segment]) -> dict[str, store.Key]:
    """Under what each translation is kept, by line id: a changed entry of the glossary concerns the lines it is in."""
    from dubber.stages.translate import glossary

    terms = glossary.Index(brief.glossary)
    return {
        one.id: store.key(
            "translate",
            TRANSLATE,
            {"translator": translator},
            {
                "line": [one.id, one.text, brief.source, brief.target],
                "terms": [[term.source, term.target, term.note] for term in terms.relevant([one.text])],
            },
        )
        for one in said
    }


def _failure(key: store.Key) -> store.Key:
    """Under what it is kept that a line could not be translated."""
    return store.key("untranslated", TRANSLATE, {"line": key.digest}, None)


def _known_failures(run: Run, keys: Mapping[str, store.Key]) -> dict[str, Answer]:
    """The lines that failed before and were not translated since: only a new `dubber translate` asks for them again."""
    return {
        one: _answer(run.cache.json(_failure(key), _never), one)
        for one, key in keys.items()
        if not run.cache.has(key) and run.cache.has(_failure(key))
    }


def _brief(run: Run) -> Brief:
    """What holds for the whole film."""
    settings = run.settings
    return Brief(run.language, settings.target, settings.context, settings.register, _terms(run))


def _terms(run: Run) -> tuple[Term, ...]:
    from dubber.stages.translate import glossary

    if run.settings.glossary is None:
        return ()
    data, name = run.project.given(run.settings.glossary)
    return glossary.parse(data, name)


def _asks(
    said: Sequence[Segment], wanted: Sequence[int], pauses: Mapping[str, tuple[float, ...]]
) -> list[Ask]:
    """The lines to be translated, each with its neighbours, the time that it may take, and the pauses in it."""
    texts = [f"[{one.speaker}] {one.text}" for one in said]
    asks = []
    for i in wanted:
        one = said[i]
        free = said[i + 1].span.start - one.span.end if i + 1 < len(said) else BORROWED_MS
        asks.append(
            Ask(
                one.id,
                one.text,
                one.speaker,
                tuple(texts[max(0, i - NEIGHBOURS) : i]),
                tuple(texts[i + 1 : i + 1 + NEIGHBOURS]),
                one.span.duration + max(0, min(free, BORROWED_MS)),
                pauses=pauses.get(one.id, ()),
            )
        )
    return asks


def tell(run: Run, said: Sequence[Segment], done: Mapping[str, Answer], standing: Collection[str]) -> None:
    """Tells the person what is not as it should be with the lines that stand as they were translated (by id): what they
    have put into their own words is no concern any more.

    Raises TranslationError where so much could not be translated that the dub is not worth making.
    """
    here = [one for one in said if one.id in standing]
    unknown = list(dict.fromkeys(word for one in here for word in done[one.id].unknown))
    name = run.settings.translator
    if unknown:
        named = ", ".join(unknown[:8]) + (" …" if len(unknown) > 8 else "")
        run.note(f"Words that {name} does not know and left as they are: {named}")
    lost = [one for one in here if not done[one.id].wordings]
    if len(lost) == len(said) or len(lost) > max(FEW, MOST_LOST * len(said)):
        first = lost[0]
        run.project.remember_run(run.settings.target, run.settings.as_json())
        raise TranslationError(
            f"{name} could not translate {len(lost)} of {len(said)} lines; the first, at {clock(first.span)}: "
            f"{_faults(done[first.id])}",
            hint="Choose another translator or model, give the translation (--translation FILE.srt), or put words in "
            f"the place of {UNTRANSLATED} in {run.settings.target}.srt and run `dubber render`.",
        )
    run.note_all(
        [
            f"{clock(one.span)}: {shortened(one.text)!r} could not be translated: {_faults(done[one.id])}"
            for one in lost
        ]
    )
    run.note_all(
        [
            f"{clock(one.span)}: {shortened(done[one.id].wordings[0])!r}: {_faults(done[one.id])}"
            for one in here
            if done[one.id].wordings and done[one.id].faults
        ]
    )


def _faults(answer: Answer) -> str:
    return " ".join(answer.faults) or "it gave no reason."


def _plain(answer: Answer) -> dict[str, list[str]]:
    return {
        "wordings": list(answer.wordings),
        "unknown": list(answer.unknown),
        "faults": list(answer.faults),
    }


def _answer(data: Mapping[str, list[str]], identity: str) -> Answer:
    return Answer(identity, tuple(data["wordings"]), tuple(data["unknown"]), tuple(data["faults"]))


def _never() -> object:
    raise AssertionError("what did not fail was answered and kept")
