"""From the film to what is said in it, by whom and when: probe, extract, separate, transcribe, diarize, segment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from align.types import Segment, Span
from dubber import languages, records, store
from dubber.audio import AudioFile, Stems
from dubber.errors import MediaError, MissingError
from dubber.media import Film, extract
from dubber.steps.run import SPEAKER, Run
from dubber.store import Key

# Versions of what each stage computes: raised when its result changes, so that no older one is taken for it.
EXTRACT, LISTEN, SEPARATE, TRANSCRIBE, DIARIZE = 1, 1, 1, 1, 1


@dataclass(frozen=True)
class Sound:
    """The film's sound on its clock: the stems, where anybody speaks (ms, sorted, disjoint), and the keys that
    name the two for whatever is made from them."""

    stems: Stems
    speech: tuple[Span, ...]
    source_key: Key
    stem_key: Key


def check(run: Run) -> None:
    """Raises MissingError, before any work, where nobody here understands the film's language."""
    from dubber.stages.transcribe import pocketsphinx

    source = run.settings.source
    if run.settings.transcript is None and languages.primary(source) not in pocketsphinx.LANGUAGES:
        raise MissingError(
            f"The recogniser of the {run.profile.name} profile, {run.profile.recogniser}, understands English "
            f"only, not {languages.english_name(source)}.",
            hint="Give what is said: --transcript FILE.srt",
        )


def sound(run: Run, film: Film) -> Sound:
    """The film's sound taken out, listened to, and taken apart."""
    from dubber import vad
    from dubber.stages import separate

    with run.stage("probe") as advance:
        digest = run.project.source_digest(advance)
    source_key = store.key("extract", EXTRACT, {"film": digest}, {"track": run.settings.track})
    with run.stage("extract") as advance:
        path = run.cache.file(
            source_key,
            ".wav",
            lambda out: list(extract(film, out, track=run.settings.track, progress=advance).notes),
        )
    for note in run.cache.notes(source_key, ".wav"):
        run.note(note)
    source = AudioFile(path)

    listen_key = store.key("listen", LISTEN, {"sound": source_key.digest, "engine": vad.digest()}, None)
    with run.stage("listen") as advance:
        speech = records.spans_from(
            run.cache.json(listen_key, lambda: records.spans_json(vad.detect(source, advance)))
        )

    stem_key = store.key(
        "separate",
        SEPARATE,
        {"sound": source_key.digest, "speech": listen_key.digest, "engine": separate.digest()},
        None,
    )
    with run.stage("separate") as advance:
        stem = run.cache.file(stem_key, ".wav", lambda out: separate.separate(source, speech, out, advance))
    return Sound(Stems(source, AudioFile(stem)), speech, source_key, stem_key)


def segments(run: Run, film: Film, heard: Sound) -> tuple[Segment, ...]:
    """What is said: recognised, or taken from the transcript that was given. Raises MediaError for a film in
    which nobody speaks."""
    given = run.settings.transcript is not None
    found = _given(run, film, heard) if given else _recognised(run, heard)
    if not found:
        raise MediaError(
            f"No speech was found in {run.project.film.name}.",
            hint="If somebody does speak, give what they say: --transcript FILE.srt",
        )
    return found


def _recognised(run: Run, heard: Sound) -> tuple[Segment, ...]:
    from dubber.stages import segment
    from dubber.stages.transcribe import pocketsphinx

    if not heard.speech:
        return ()
    key = store.key(
        "transcribe", TRANSCRIBE, {"speech": heard.stem_key.digest, "engine": pocketsphinx.digest()}, None
    )
    with run.stage("transcribe") as advance:
        words = records.words_from(
            run.cache.json(
                key,
                lambda: records.words_json(
                    pocketsphinx.recognise(heard.stems.source, heard.speech, jobs=run.jobs, progress=advance)
                ),
            )
        )
    phrases = segment.phrases(words)
    names = _speakers(run, heard, [Span(phrase[0].span.start, phrase[-1].span.end) for phrase in phrases])
    voice = {word.span: name for phrase, name in zip(phrases, names, strict=True) for word in phrase}
    return _identified(segment.segment(words, lambda span: voice[span]))


def _given(run: Run, film: Film, heard: Sound) -> tuple[Segment, ...]:
    from dubber.stages.transcribe import given
    from dubber.steps.wording import given_cues

    assert run.settings.transcript is not None
    cues = given_cues(run, run.settings.transcript, film.duration)
    found = given.segments_from(cues, heard.speech)
    unnamed = [one.span for one in found if not one.speaker]
    names = iter(_speakers(run, heard, unnamed))
    return _identified(one if one.speaker else replace(one, speaker=next(names)) for one in found)


def _identified(found: Iterable[Segment]) -> tuple[Segment, ...]:
    """Segments named by when they start, so that one keeps its name whatever else is recognised elsewhere."""
    times: dict[int, int] = {}
    named = []
    for one in found:
        start = one.span.start
        times[start] = times.get(start, 0) + 1
        named.append(replace(one, id=f"s{start}" + (f"b{times[start]}" if times[start] > 1 else "")))
    return tuple(named)


def _speakers(run: Run, heard: Sound, spans: Sequence[Span]) -> tuple[str, ...]:
    """A name per span: who speaks there."""
    from dubber.stages import diarize

    key = store.key(
        "diarize",
        DIARIZE,
        {"speech": heard.stem_key.digest, "engine": diarize.digest()},
        {"speakers": run.settings.speakers, "spans": records.spans_json(spans)},
    )
    with run.stage("diarize") as advance:
        who = run.cache.json(
            key,
            lambda: list(
                diarize.diarize(heard.stems.speech_file, spans, run.settings.speakers, progress=advance)
            ),
        )
    return tuple(SPEAKER.format(index + 1) for index in who)
