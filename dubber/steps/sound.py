"""The film's sound: taken out, taken apart, listened to, and what of it counts as speech."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from align.types import Line, Segment, Span
from dubber import records, store
from dubber.audio import AudioFile, Stems
from dubber.media import MIXED, Dialogue, Film, dialogue_in, extract
from dubber.steps.run import Run
from dubber.store import Key

# Versions of what each stage computes: raised when its result changes, so that no older one is taken for it.
EXTRACT, DIALOGUE, LISTEN, SEPARATE, SPOKEN = 3, 2, 1, 2, 2


@dataclass(frozen=True)
class Sound:
    """The film's sound on its clock: the stems, where anybody speaks (ms, sorted, disjoint), which channels of the
    track the stems are of, and the keys that name them for whatever is made from them."""

    stems: Stems
    speech: tuple[Span, ...]
    dialogue: Dialogue
    source_key: Key
    stem_key: Key
    speech_key: Key


def prepare(run: Run, film: Film) -> Sound:
    """The film's sound taken out, taken apart, and listened to."""
    with run.stage("probe") as advance:
        digest = run.project.source_digest(advance, duration=film.duration)
    dialogue = _dialogue(run, film, digest)
    centre = dialogue.centre
    source_key = store.key(
        "extract", EXTRACT, {"film": digest}, {"track": run.settings.track, "centre": centre}
    )
    with run.stage("extract") as advance:
        path = run.cache.file(
            source_key,
            ".wav",
            lambda out: list(
                extract(film, out, track=run.settings.track, centre=centre, progress=advance).notes
            ),
        )
    for note in run.cache.notes(source_key, ".wav"):
        run.note(note)
    source = AudioFile(path)

    with run.engine("separator") as separator:
        # A separator that knows voices is run first: in its stem, speech is found under music too.
        if separator.needs_speech:
            speech, speech_key = _listened(run, source, source_key)
            stem, stem_key = _separated(run, separator, source, source_key, speech, speech_key)
        else:
            stem, stem_key = _separated(run, separator, source, source_key, (), None)
    if not separator.needs_speech:
        speech, speech_key = _listened(run, stem, stem_key)
    return Sound(Stems(source, stem), speech, dialogue, source_key, stem_key, speech_key)


def _dialogue(run: Run, film: Film, digest: str) -> Dialogue:
    """Which channels of the track people speak in; the person is told what becomes of the others."""
    from dubber import vad

    if film.audio(run.settings.track).channels in (1, 2):
        return MIXED
    key = store.key(
        "dialogue",
        DIALOGUE,
        {"film": digest, "vad": vad.digest()},
        {"track": run.settings.track, "bed": run.settings.background == "bed"},
    )
    with run.stage("dialogue") as advance:
        found = run.cache.json(
            key,
            lambda: dialogue_in(
                film, run.settings.track, background=run.settings.background, progress=advance
            ).to_json(),
        )
    dialogue = Dialogue.from_json(found)
    run.note_all(dialogue.notes)
    return dialogue


def _listened(run: Run, audio: AudioFile, key: Key) -> tuple[tuple[Span, ...], Key]:
    """Where anybody speaks in a file of `key`, and the key that names the answer."""
    from dubber import vad

    listen_key = store.key("listen", LISTEN, {"sound": key.digest, "engine": vad.digest()}, None)
    with run.stage("listen") as advance:
        found = run.cache.json(listen_key, lambda: records.spans_json(vad.detect(audio, advance)))
    return records.spans_from(found), listen_key


def _separated(
    run: Run, separator: Any, source: AudioFile, key: Key, speech: Sequence[Span], speech_key: Key | None
) -> tuple[AudioFile, Key]:
    """The speech stem, and the key it is kept under."""
    told = {"speech": speech_key.digest} if speech_key else {}
    stem_key = store.key(
        "separate", SEPARATE, {"sound": key.digest, "engine": separator.digest(), **told}, None
    )
    with run.stage("separate") as advance:
        stem = run.cache.file(stem_key, ".wav", lambda out: separator.separate(source, speech, out, advance))
    return AudioFile(stem), stem_key


def spoken(
    sound: Sound, said: Sequence[Segment], lines: Iterable[Line], unheard: Sequence[Span] = ()
) -> Sound:
    """The sound in which only what `lines`, those that are dubbed, replace of what was said counts as speech. All else
    goes back into the bed: laughs, gasps, crowds, songs, what nobody says in the dub, and speech that was `unheard`."""
    from dubber.stages.separate import returned

    replaced = {one for line in lines for one in line.segments}
    spans = [one.span for one in said if one.id in replaced]
    kept = sorted([*unheard, *(one.span for one in said if one.id not in replaced)])
    within = returned.regions(spans, sound.speech, sound.stems.duration, kept)
    stems = Stems(sound.stems.source, sound.stems.speech_file, within=within)
    key = store.key("spoken", SPOKEN, {"stem": sound.stem_key.digest}, records.spans_json(within))
    return replace(sound, stems=stems, stem_key=key)
