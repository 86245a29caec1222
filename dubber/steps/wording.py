"""From what is said to what will be said: the transcript and its translation, each as the program makes it and as the
person has edited it since. The two .srt files are read and written here."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from align.links import plain
from align.match import Edited, Generated
from align.merge import MergedCue, merge
from align.types import Line, Segment, Span
from dubber import records, srt, store
from dubber.errors import TranslationError
from dubber.stages.translate import Answer, Ask, Brief, Term, fit
from dubber.steps.run import SPEAKER, Run
from dubber.times import clock, shortened

TRANSCRIPT = "transcript"
"""The name of the transcript among a project's subtitles; a translation's is its language tag."""

TRANSLATE = 2
"""Version of what the translate stage computes."""

UNTRANSLATED = "[not translated]"
"""What stands in the subtitles for a line that no translation was found for; like any sound in brackets it is not
spoken, and a person may put words in its place."""

MOST_LOST = 0.25
"""Share of lines without a translation from which on a dub is not worth making: the translator itself has failed."""

NEIGHBOURS = 3
"""Lines before and after that a translator is shown: enough to tell who "it" is."""

BORROWED_MS = 300
"""Of the silence after a line, so much counts as time for its translation: what a line may borrow unheard."""

CUE_WIDTH = 42
"""Characters on a subtitle line: the usual limit for Latin scripts."""


@dataclass(frozen=True)
class Said:
    """What is said in the film: its segments, and the cues of transcript.srt as they stand now."""

    segments: tuple[Segment, ...]
    cues: tuple[srt.Cue, ...]


@dataclass(frozen=True)
class Script:
    """What will be said: its lines, and the cues of the target's subtitles as they stand now. `strengths` are the
    lines' own emotion strengths (0..1) by id, where a cue states one; `untranslated` the cues that wait for words."""

    lines: tuple[Line, ...]
    cues: tuple[srt.Cue, ...]
    strengths: Mapping[str, float] = field(default_factory=dict)
    untranslated: tuple[Line, ...] = ()


def check(run: Run) -> None:
    """Raises MissingError, before any work, where nobody here translates between the two languages."""
    if run.settings.translation is None and run.settings.source != "und":
        with run.engine("translator") as translator:
            translator.check(run.settings.source, run.settings.target)


def keep_given(run: Run, path: Path) -> str:
    """Takes a subtitle file that was given into the project; returns its sha256, by which settings name it.

    Raises UsageError, MissingError and SubtitleError as `srt.read` does.
    """
    data = srt.load(path)
    srt.parse(data, path.name)
    return run.project.keep_given(data, path.name)


def keep_glossary(run: Run, path: Path) -> str:
    """Takes a glossary into the project; returns its sha256. Raises UsageError with the line that is wrong."""
    from dubber.stages.translate import glossary

    glossary.read(path)
    return run.project.keep_given(path.read_bytes(), path.name)


def require_words(run: Run, script: Script, out: Path) -> None:
    """Raises TranslationError, naming the first of them, where lines of a film that is done wait for their words."""
    if script.untranslated:
        lost = script.untranslated
        at = ", ".join(clock(one.span) for one in lost[:5]) + (", …" if len(lost) > 5 else "")
        raise TranslationError(
            f"{out.name} is written, but {len(lost)} of its lines could not be translated and are silent: {at}.",
            hint=f"Put words in the place of {UNTRANSLATED} in {run.settings.target}.srt and run "
            "`dubber render`, or run the same command again to have them tried again.",
        )


def given_cues(run: Run, digest: str, duration: int) -> tuple[srt.Cue, ...]:
    """The cues of a subtitle file that `keep_given` took in, cut at the film's end (ms)."""
    data, name = run.project.given(digest)
    return _within(run, _told(run, srt.parse(data, name), name), name, duration)


def transcript(run: Run, found: Sequence[Segment], duration: int) -> Said:
    """The segments with the person's edits of transcript.srt in them; the file is brought up to date."""
    fresh = [Generated(one.id, one.span, _wrapped(one.text), one.speaker) for one in found]
    merged, cues = _merged(run, TRANSCRIPT, fresh, {one.id: one.span for one in found}, duration)
    words = {one.id: one.words for one in found}
    texts = {one.id: plain(one.text) for one in found}
    if run.settings.translation is not None and any(
        plain(cue.line.text) != texts.get(cue.line.id) for cue in merged
    ):
        run.note(
            f"{TRANSCRIPT}.srt was edited; the translation was given and stays as it is: "
            f"edit {run.settings.target}.srt where it should change too."
        )
    segments = tuple(
        Segment(
            cue.line.id,
            cue.line.span,
            srt.spoken(cue.line.text),
            cue.line.speaker,
            words.get(cue.line.id, ()),
        )
        for cue in merged
    )
    return Said(segments, cues)


def script(run: Run, said: Said, duration: int) -> Script:
    """The lines to be spoken: the translation with the person's edits in it; its file is brought up to date."""
    words = [one for one in said.segments if one.text]
    given = run.settings.translation is not None
    fresh = _given(run, words, duration) if given else _translated(run, words)
    generated = [Generated(line.id, line.span, _wrapped(line.text), line.speaker) for line in fresh]
    speech = {line.id: line.span for line in fresh}
    merged, cues = _merged(run, run.settings.target, generated, speech, duration)
    segments = {line.id: line.segments for line in fresh}
    spoken, silent, lost = [], [], []
    strengths: dict[str, float] = {}
    for cue in merged:
        text = srt.spoken(cue.line.text)
        strength = srt.strength(cue.line.text)
        if text and strength is not None:
            strengths[cue.line.id] = strength
        if plain(cue.line.text) == UNTRANSLATED:
            lost.append(cue.line)
        elif text:
            source = tuple(dict.fromkeys(one for own in cue.line.segments for one in segments.get(own, ())))
            spoken.append(replace(cue.line, text=text, segments=source))
        else:
            silent.append(
                f"{clock(cue.cue.span)}: nothing to speak in {cue.cue.text!r}; the cue stays silent."
            )
    run.note_all(silent)
    return Script(tuple(spoken), cues, strengths, tuple(lost))


def _translated(run: Run, said: Sequence[Segment]) -> list[Line]:
    """One line per segment, each translated once for all time; what cannot be translated has UNTRANSLATED for text."""
    brief = _brief(run)
    lines: list[Line] = []
    with run.engine("translator") as translator:
        translator.check(brief.source, brief.target)
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
                translator.translate(_asks(run, said, missing), brief, arrived, advance)
    done = {
        one.id: failed.get(one.id) or _answer(run.cache.json(keys[one.id], _never), one.id) for one in said
    }
    _tell(run, translator.name, said, done)
    for one in said:
        wordings = done[one.id].wordings
        lines.append(
            Line(one.id, one.span, wordings[0] if wordings else UNTRANSLATED, one.speaker, (one.id,))
        )
    return lines


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
                "line": [one.id, one.text, one.speaker, brief.source, brief.target],
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
    return Brief(settings.source, settings.target, settings.context, settings.register, _terms(run))


def _terms(run: Run) -> tuple[Term, ...]:
    from dubber.stages.translate import glossary

    if run.settings.glossary is None:
        return ()
    data, name = run.project.given(run.settings.glossary)
    return glossary.parse(data, name)


def _asks(run: Run, said: Sequence[Segment], wanted: Sequence[int]) -> list[Ask]:
    """The lines to be translated, each with its neighbours and the time that it may take."""
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
            )
        )
    return asks


def _tell(run: Run, translator: str, said: Sequence[Segment], done: Mapping[str, Answer]) -> None:
    """Tells the person what is not as it should be. Raises TranslationError where too much could not be translated."""
    unknown = list(dict.fromkeys(word for one in said for word in done[one.id].unknown))
    if unknown:
        named = ", ".join(unknown[:8]) + (" …" if len(unknown) > 8 else "")
        run.note(f"Words that {translator} does not know and left as they are: {named}")
    lost = [one for one in said if not done[one.id].wordings]
    if len(lost) > MOST_LOST * len(said):
        first = lost[0]
        raise TranslationError(
            f"{translator} could not translate {len(lost)} of {len(said)} lines; the first, at {clock(first.span)}: "
            f"{_faults(done[first.id])}",
            hint="Choose another translator or model, or give the translation: --translation FILE.srt",
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
            for one in said
            if done[one.id].wordings and done[one.id].faults
        ]
    )


def _faults(answer: Answer) -> str:
    return " ".join(answer.faults) or "it gave no reason."


def _given(run: Run, said: Sequence[Segment], duration: int) -> list[Line]:
    """The lines of the translation that was given, fitted to the segments."""
    assert run.settings.translation is not None
    fitted = fit(given_cues(run, run.settings.translation, duration), said)
    without = "the translation has no cue for it; it stays unspoken"
    run.note_all([f"{clock(one.span)}: {one.text!r}: {without}." for one in fitted.missing])
    return list(fitted.lines)


def _merged(
    run: Run, name: str, fresh: Sequence[Generated], speech: dict[str, Span], duration: int
) -> tuple[tuple[MergedCue, ...], tuple[srt.Cue, ...]]:
    """`fresh` with the person's edits of <name>.srt, which then holds the result; and the cues it holds."""
    state = run.project.subtitles(name)
    if state.digest is None:
        base: tuple[Generated, ...] = ()
        theirs: tuple[srt.Cue, ...] = ()
    else:
        base = records.generated_from(state.cues)
        theirs = _told(run, srt.read(state.path), state.path.name)
        if state.edited:
            theirs = _within(run, theirs, state.path.name, duration)
    edited = [Edited(Span(cue.start, cue.end), cue.text, cue.speaker) for cue in theirs]
    outcome = merge(base, edited, fresh, speech)
    run.note_all(
        [
            f"{state.path.name}, {clock(cue.cue.span)}: your wording stands, though what it was made from has changed."
            for cue in outcome.cues
            if cue.outdated
        ]
    )
    # A film with one speaker nobody has named needs no labels.
    labelled = {cue.line.speaker for cue in outcome.cues} != {SPEAKER.format(1)}
    cues = tuple(
        srt.Cue(cue.cue.span.start, cue.cue.span.end, cue.cue.text, cue.line.speaker if labelled else None)
        for cue in outcome.cues
    )
    text = srt.serialise(cues)
    run.project.write_subtitles(name, text, records.generated_json(fresh), seen=state.digest)
    return outcome.cues, cues


def _within(run: Run, cues: Sequence[srt.Cue], name: str, duration: int) -> tuple[srt.Cue, ...]:
    """The cues that begin before the film ends, none of them longer than it; the person is told of the rest."""
    late = sum(cue.start >= duration for cue in cues)
    if late:
        run.note(f"{name}: cues that begin after the film's end are left out, {late} in all.")
    return tuple(replace(cue, end=min(cue.end, duration)) for cue in cues if cue.start < duration)


def _told(run: Run, subtitles: srt.Subtitles, name: str) -> tuple[srt.Cue, ...]:
    """The cues, once the person was told what was repaired in their file."""
    run.note_all([f"{name}, line {note.line}: {note.message}" for note in subtitles.notes])
    return subtitles.cues


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


def _wrapped(text: str) -> str:
    return textwrap.fill(text, CUE_WIDTH, break_long_words=False, break_on_hyphens=False)
