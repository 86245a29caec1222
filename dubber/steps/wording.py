"""From what is said to what will be said: the transcript and its translation, each as the program makes it and as the
person has edited it since. The two .srt files are read and written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from align import phrases
from align.links import plain
from align.match import Edited, Generated
from align.merge import MergedCue, merge
from align.types import Line, Segment, Span
from dubber import records, srt
from dubber.stages.translate import Answer, fit
from dubber.steps import translation
from dubber.steps.run import SPEAKER, Run
from dubber.steps.translation import UNTRANSLATED
from dubber.times import clock

TRANSCRIPT = "transcript"
"""The name of the transcript among a project's subtitles; a translation's is its language tag."""

SILENCE = "[silence]"
"""What a person writes to have a line neither dubbed nor heard."""


@dataclass(frozen=True)
class Said:
    """What is said in the film: its segments, and the cues of transcript.srt as they stand now."""

    segments: tuple[Segment, ...]
    cues: tuple[srt.Cue, ...]


@dataclass(frozen=True)
class Script:
    """What will be said: its lines, and the cues of the target's subtitles as they stand now. `strengths` are the
    lines' own emotion strengths (0..1) by id, where a cue states one; `answers` what the translator gave, by line id;
    `untranslated` the cues that wait for words, `hushed` those that only silence their line; `free` the ids of the
    lines that a translator worded and no person since: they may be said in other words of the same meaning; `settled`
    those of them whose words an earlier run has chosen."""

    lines: tuple[Line, ...]
    cues: tuple[srt.Cue, ...]
    strengths: Mapping[str, float] = field(default_factory=dict)
    answers: Mapping[str, Answer] = field(default_factory=dict)
    untranslated: tuple[Line, ...] = ()
    hushed: tuple[Line, ...] = ()
    free: frozenset[str] = frozenset()
    settled: frozenset[str] = frozenset()


def keep_given(run: Run, path: Path) -> str:
    """Takes a subtitle file that was given into the project; returns its sha256, by which settings name it.

    Raises UsageError, MissingError and SubtitleError as `srt.read` does.
    """
    data = srt.load(path)
    srt.parse(data, path.name)
    return run.project.keep_given(data, path.name)


def given_cues(run: Run, digest: str, duration: int) -> tuple[srt.Cue, ...]:
    """The cues of a subtitle file that `keep_given` took in, cut at the film's end (ms)."""
    data, name = run.project.given(digest)
    return _within(run, _told(run, srt.parse(data, name), name), name, duration)


def transcript(run: Run, found: Sequence[Segment], duration: int) -> Said:
    """The segments with the person's edits of transcript.srt in them; the file is brought up to date."""
    fresh = [Generated(one.id, one.span, srt.wrapped(one.text, run.language), one.speaker) for one in found]
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


def script(run: Run, said: Said, speech: Sequence[Span], duration: int) -> Script:
    """The lines to be spoken: the translation with the person's edits in it; its file is brought up to date.

    `speech` is where anybody speaks in the film (ms, sorted, disjoint), `duration` the film's in ms.
    """
    words = [one for one in said.segments if one.text]
    given = run.settings.translation is not None
    answers = {} if given else translation.answers(run, words, pause_shares(words, speech))
    fresh = _given(run, words, duration) if given else _standing(run, translation.lines(words, answers))
    merged, cues = _written(run, fresh, duration)
    if not given:
        made = {line.id: plain(line.text) for line in fresh}
        standing = [cue.line.id for cue in merged if plain(cue.line.text) == made.get(cue.line.id)]
        translation.tell(run, words, answers, standing)
    segments = {line.id: line.segments for line in fresh}
    spoken, silent, lost, hushed = [], [], [], []
    strengths: dict[str, float] = {}
    free = frozenset(cue.line.id for cue in merged if not cue.theirs and cue.line.id in answers)
    kept = run.project.wordings(run.settings.target)
    settled = frozenset(one for one in free if one in kept and kept[one][0] in answers[one].wordings[:1])
    for cue in merged:
        text = srt.spoken(cue.line.text)
        strength = srt.strength(cue.line.text)
        if text and strength is not None:
            strengths[cue.line.id] = strength
        if plain(cue.line.text) == UNTRANSLATED:
            lost.append(cue.line)
        elif plain(cue.line.text).casefold() == SILENCE:
            hushed.append(cue.line)
        elif text:
            source = tuple(dict.fromkeys(one for own in cue.line.segments for one in segments.get(own, ())))
            spoken.append(replace(cue.line, text=text, segments=source))
        else:
            silent.append(
                f"{clock(cue.cue.span)}: nothing to speak in {cue.cue.text!r}; the film's own sound stays there."
            )
    run.note_all(silent)
    dubbed = {one for cue in merged for one in cue.line.segments}
    gone = [one for one in words if one.id not in dubbed]
    if gone and not given:
        at = ", ".join(clock(one.span) for one in gone[:3]) + (", …" if len(gone) > 3 else "")
        run.note(
            f"{run.settings.target}.srt has no cue for {len(gone)} of the lines ({at}): they keep the film's sound."
        )
    return Script(tuple(spoken), cues, strengths, answers, tuple(lost), tuple(hushed), free, settled)


def reworded(run: Run, script: Script, said: Said, chosen: Mapping[str, str], duration: int) -> Script:
    """The script in which the lines of `chosen`, by id free ones, are said in those words; its file is brought up to
    date, and the words stand there until a person or a later run finds better ones."""
    words = [one for one in said.segments if one.text]
    first = {one: next(iter(answer.wordings), "") for one, answer in script.answers.items()}
    before = run.project.wordings(run.settings.target)
    kept = {one: pair for one, pair in before.items() if one in first and one not in chosen}
    for one, text in chosen.items():
        kept[one] = first[one], first[one] if text == srt.spoken(plain(first[one])) else text
    run.project.remember_wordings(run.settings.target, kept)
    lines = tuple(replace(line, text=chosen.get(line.id, line.text)) for line in script.lines)
    if lines == script.lines:
        return script
    fresh = _standing(run, translation.lines(words, script.answers))
    _, cues = _written(run, fresh, duration)
    return replace(script, lines=lines, cues=cues)


def pause_shares(words: Sequence[Segment], speech: Sequence[Span]) -> dict[str, tuple[float, ...]]:
    """By segment id: after which shares (0..1) of its speech somebody pauses, for those who do."""
    shares = {}
    for one in words:
        within = phrases.pauses(one.span, one.words, speech)
        spoken = one.span.duration - sum(pause.duration for pause in within)
        before = [
            pause.start - one.span.start - sum(other.duration for other in within[:place])
            for place, pause in enumerate(within)
        ]
        if within and spoken > 0:
            shares[one.id] = tuple(round(time / spoken, 2) for time in before)
    return shares


def _standing(run: Run, fresh: Sequence[Line]) -> list[Line]:
    """The lines in the words that an earlier run chose for them, where the translator's have not changed since."""
    kept = run.project.wordings(run.settings.target)
    return [
        replace(line, text=kept[line.id][1]) if line.id in kept and kept[line.id][0] == line.text else line
        for line in fresh
    ]


def _written(
    run: Run, fresh: Sequence[Line], duration: int
) -> tuple[tuple[MergedCue, ...], tuple[srt.Cue, ...]]:
    """The lines with the person's edits of the target's file, which then holds the result; and the cues it holds."""
    target = run.settings.target
    generated = [
        Generated(line.id, line.span, srt.wrapped(line.text, target), line.speaker) for line in fresh
    ]
    spans = {line.id: line.span for line in fresh}
    return _merged(run, target, generated, spans, duration)


def _given(run: Run, said: Sequence[Segment], duration: int) -> list[Line]:
    """The lines of the translation that was given, fitted to the segments."""
    assert run.settings.translation is not None
    cues = given_cues(run, run.settings.translation, duration)
    known = {one.speaker.casefold() for one in said}
    unknown = sorted({cue.speaker for cue in cues if cue.speaker and cue.speaker.casefold() not in known})
    if unknown:
        run.note(
            f"The translation names {', '.join(unknown)}, and {TRANSCRIPT}.srt does not: that says who speaks a line. "
            "Label its cues too."
        )
    fitted = fit(cues, said)
    without = "the translation has no cue for it; the film's own sound stays there"
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
