"""From what is said to what will be said: the transcript and its translation, each as the program makes it and as the
person has edited it since. The two .srt files are read and written here."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from align.match import Edited, Generated
from align.merge import MergedCue, merge
from align.types import Line, Segment, Span
from dubber import records, srt, store
from dubber.errors import MissingError, TranslationError
from dubber.stages.translate import Translation, fit
from dubber.steps.run import SPEAKER, Run

TRANSCRIPT = "transcript"
"""The name of the transcript among a project's subtitles; a translation's is its language tag."""

TRANSLATE = 1
"""Version of what the translate stage computes."""

CUE_WIDTH = 42
"""Characters on a subtitle line: the usual limit for Latin scripts."""

NAMED_NOTES = 3
"""Notes of one kind that are told one by one; the rest are counted."""


def check(run: Run) -> None:
    """Raises MissingError, before any work, where nobody here translates between the two languages."""
    if run.settings.translation is None:
        run.translator.digest(run.settings.source, run.settings.target)


def keep_given(run: Run, path: Path) -> str:
    """Takes a subtitle file that was given into the project; returns its sha256, by which settings name it."""
    data = path.read_bytes()
    srt.parse(data, path.name)
    digest = store.digest_of(path)
    run.cache.file(_given_key(digest), ".srt", partial(_copy, data, path.name))
    return digest


def given_cues(run: Run, digest: str) -> tuple[srt.Cue, ...]:
    """The cues of a subtitle file that `keep_given` took in."""
    key = _given_key(digest)
    if not run.cache.has(key, ".srt"):
        raise MissingError(
            "The subtitle file that was given for this project is no longer in its cache.",
            hint="Run `dubber translate` with the file again.",
        )
    name = run.cache.notes(key, ".srt")
    path = run.cache.file(key, ".srt", lambda _: None)
    return _told(run, srt.parse(path.read_bytes(), name), name)


def transcript(run: Run, found: Sequence[Segment]) -> tuple[Segment, ...]:
    """The segments with the person's edits of transcript.srt in them; the file is brought up to date."""
    fresh = [Generated(one.id, one.span, _wrapped(one.text), one.speaker) for one in found]
    merged = _merged(run, TRANSCRIPT, fresh, {one.id: one.span for one in found})
    words = {one.id: one.words for one in found}
    return tuple(
        Segment(
            cue.line.id,
            cue.line.span,
            srt.spoken(cue.line.text),
            cue.line.speaker,
            words.get(cue.line.id, ()),
        )
        for cue in merged
    )


def lines(run: Run, said: Sequence[Segment]) -> tuple[Line, ...]:
    """The lines to be spoken: the translation with the person's edits in it; its file is brought up to date."""
    words = [one for one in said if one.text]
    fresh = _given(run, words) if run.settings.translation is not None else _translated(run, words)
    cues = [Generated(line.id, line.span, _wrapped(line.text), line.speaker) for line in fresh]
    merged = _merged(run, run.settings.target, cues, {line.id: line.span for line in fresh})
    segments = {line.id: line.segments for line in fresh}
    spoken = []
    for cue in merged:
        text = srt.spoken(cue.line.text)
        if text:
            source = tuple(dict.fromkeys(one for own in cue.line.segments for one in segments.get(own, ())))
            spoken.append(replace(cue.line, text=text, segments=source))
        elif cue.cue.text:
            run.progress.note(
                f"{_at(cue.cue.span)}: nothing to speak in {cue.cue.text!r}; the cue stays silent."
            )
    return tuple(spoken)


def _translated(run: Run, said: Sequence[Segment]) -> list[Line]:
    """One line per segment, each translated once for all time."""
    translator = run.translator
    source, target = run.settings.source, run.settings.target
    digest = translator.digest(source, target)
    keys = [
        store.key("translate", TRANSLATE, {"translator": digest}, [one.text, source, target]) for one in said
    ]
    missing = [i for i, key in enumerate(keys) if not run.cache.has(key)]
    with run.stage("translate") as advance:
        fresh = (
            translator.translate([said[i].text for i in missing], source, target, advance) if missing else ()
        )
        made = dict(zip(missing, fresh, strict=True))
        done = [Translation(*run.cache.json(key, partial(_plain, made.get(i)))) for i, key in enumerate(keys)]
    unknown = list(dict.fromkeys(word for one in done for word in one.unknown))
    if unknown:
        named = ", ".join(unknown[:8]) + (" …" if len(unknown) > 8 else "")
        run.progress.note(f"Words that {translator.name} does not know and left as they are: {named}")
    lost = next((one for one, new in zip(said, done, strict=True) if not new.text.strip()), None)
    if lost is not None:
        raise TranslationError(f"{translator.name} returned nothing for {lost.text!r} at {_at(lost.span)}.")
    return [
        Line(one.id, one.span, new.text, one.speaker, (one.id,)) for one, new in zip(said, done, strict=True)
    ]


def _given(run: Run, said: Sequence[Segment]) -> list[Line]:
    """The lines of the translation that was given, fitted to the segments."""
    assert run.settings.translation is not None
    fitted = fit(given_cues(run, run.settings.translation), said)
    _note_all(
        run,
        [
            f"{_at(one.span)}: the translation has no cue for {one.text!r}; it stays unspoken."
            for one in fitted.missing
        ],
    )
    return list(fitted.lines)


def _merged(
    run: Run, name: str, fresh: Sequence[Generated], speech: dict[str, Span]
) -> tuple[MergedCue, ...]:
    """`fresh` with the person's edits of <name>.srt, which then holds the result."""
    state = run.project.subtitles(name)
    if state.digest is None:
        base: tuple[Generated, ...] = ()
        cues: tuple[srt.Cue, ...] = ()
    else:
        base = records.generated_from(state.cues)
        cues = _told(run, srt.read(state.path), state.path.name)
    edited = [Edited(Span(cue.start, cue.end), cue.text, cue.speaker) for cue in cues]
    outcome = merge(base, edited, fresh, speech)
    _note_all(
        run,
        [
            f"{state.path.name}, {_at(cue.cue.span)}: your wording stands, though what it was made from has changed."
            for cue in outcome.cues
            if cue.outdated
        ],
    )
    # A film with one speaker nobody has named needs no labels.
    labelled = {cue.line.speaker for cue in outcome.cues} != {SPEAKER.format(1)}
    text = srt.serialise(
        [
            srt.Cue(
                cue.cue.span.start, cue.cue.span.end, cue.cue.text, cue.line.speaker if labelled else None
            )
            for cue in outcome.cues
        ]
    )
    run.project.write_subtitles(name, text, records.generated_json(fresh), seen=state.digest)
    return outcome.cues


def _told(run: Run, subtitles: srt.Subtitles, name: str) -> tuple[srt.Cue, ...]:
    """The cues, once the person was told what was repaired in their file."""
    _note_all(run, [f"{name}, line {note.line}: {note.message}" for note in subtitles.notes])
    return subtitles.cues


def _copy(data: bytes, name: str, out: Path) -> str:
    out.write_bytes(data)
    return name


def _plain(translation: Translation | None) -> list[object]:
    assert translation is not None, "what is not in the cache was translated"
    return [translation.text, list(translation.unknown)]


def _note_all(run: Run, notes: Sequence[str]) -> None:
    for note in notes[:NAMED_NOTES]:
        run.progress.note(note)
    if len(notes) > NAMED_NOTES:
        run.progress.note(f"… and {len(notes) - NAMED_NOTES} more like this.")


def _wrapped(text: str) -> str:
    return textwrap.fill(text, CUE_WIDTH, break_long_words=False, break_on_hyphens=False)


def _at(span: Span) -> str:
    seconds = span.start / 1000
    return f"{int(seconds // 3600)}:{int(seconds // 60 % 60):02d}:{seconds % 60:06.3f}"


def _given_key(digest: str) -> store.Key:
    return store.key("given", 1, {"file": digest}, None)
