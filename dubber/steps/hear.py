"""From the film's sound to what is said in it: transcribe, segment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from align.types import Segment, Span, Word
from dubber import languages, records, store
from dubber.errors import MediaError
from dubber.media import Film
from dubber.stages.transcribe.door import Heard
from dubber.steps import who
from dubber.steps.run import Run
from dubber.steps.sound import Sound
from dubber.times import clock, shortened

TRANSCRIBE = 3
"""Version of what the stage computes."""

SURE = 0.5
"""Below this confidence a word is doubtful: in half of such cases it is another."""

SURE_LANGUAGE = 0.6
"""Below this a person is asked to say the language: the next likely one is about as likely."""


@dataclass(frozen=True)
class Found:
    """What is said in the film as it was found: its segments, where voices overlap, and where words were left out that
    nobody said."""

    segments: tuple[Segment, ...]
    overlaps: tuple[Span, ...] = ()
    heard: Heard | None = None


def check(run: Run) -> None:
    """Raises MissingError, before any work, where nobody here understands the film's language."""
    if run.settings.transcript is None:
        with run.engine("recogniser") as recogniser:
            recogniser.check(run.settings.source)


def segments(run: Run, film: Film, heard: Sound) -> Found:
    """What is said: recognised, or taken from the transcript that was given. The language is known afterwards.

    Raises MediaError for a film in which nobody speaks.
    """
    given = run.settings.transcript is not None
    found = _given(run, film, heard) if given else _recognised(run, heard)
    if not found.segments:
        raise MediaError(
            f"No speech was found in {run.project.film.name}.",
            hint="If somebody does speak, give what they say: --transcript FILE.srt",
        )
    return found


def _recognised(run: Run, sound: Sound) -> Found:
    from dubber.stages import segment

    if not sound.speech:
        return Found(())
    heard = _heard(run, sound)
    _told(run, heard)
    run.found = heard.language
    phrases = segment.phrases(heard.words)
    speakers = who.speaks(run, sound, [Span(phrase[0].span.start, phrase[-1].span.end) for phrase in phrases])
    cut = segment.segment(heard.words, speakers.of, language=heard.language)
    return Found(_identified(cut), speakers.overlaps, heard)


def _heard(run: Run, sound: Sound) -> Heard:
    """The words, recognised once for all time."""
    # Words are heard in the film as it is: what a separator leaves of a voice is no sound that a model was trained on.
    with run.engine("recogniser") as recogniser, run.stage("transcribe") as advance:
        key = store.key(
            "transcribe",
            TRANSCRIBE,
            {
                "sound": sound.source_key.digest,
                "stem": sound.stem_key.digest,
                "speech": sound.speech_key.digest,
                "engine": recogniser.digest(),
            },
            {"language": run.settings.source},
        )
        made = run.cache.json(
            key,
            lambda: records.heard_json(
                recogniser.recognise(
                    sound.stems.source,
                    sound.speech,
                    run.settings.source,
                    advance,
                    quiet=sound.stems.speech_file,
                )
            ),
        )
    return records.heard_from(made)


def _told(run: Run, heard: Heard) -> None:
    """Tells the person what is not certain of what was recognised."""
    if run.settings.source == "und":
        name = languages.english_name(heard.language)
        doubt = (
            "" if heard.sure >= SURE_LANGUAGE else " That is not certain: say it with --from if it is wrong."
        )
        run.note(f"The film is taken to be in {name}.{doubt}")
    run.note_all(
        [
            f"{clock(one.span)}: left out as not said ({one.why}): {shortened(one.text)!r}"
            for one in heard.dropped
        ]
    )
    if heard.unheard:
        spans = ", ".join(f"{clock(span)} ({span.duration / 1000:.1f} s)" for span in heard.unheard[:3])
        more = f" and {len(heard.unheard) - 3} more" if len(heard.unheard) > 3 else ""
        run.note(
            f"Somebody speaks and no words were understood at {spans}{more}; the film's own sound stays there."
        )
    doubtful = [word for word in heard.words if word.confidence < SURE]
    if doubtful:
        first = ", ".join(f"{word.text.strip()!r} at {clock(word.span)}" for word in doubtful[:3])
        run.note(f"{len(doubtful)} of {len(heard.words)} words are doubtful, the first: {first}.")


def _given(run: Run, film: Film, sound: Sound) -> Found:
    from dubber.stages.transcribe import given
    from dubber.steps.wording import given_cues

    assert run.settings.transcript is not None
    every = given_cues(run, run.settings.transcript, film.duration)
    cues = [cue for cue in every if cue.end > cue.start]
    if len(cues) < len(every):
        run.note(f"The transcript's cues without length are left out, {len(every) - len(cues)} in all.")
    found = given.segments_from(cues, sound.speech)
    unnamed = [one.span for one in found if not one.speaker]
    speakers = who.speaks(run, sound, unnamed) if unnamed else who.NOBODY
    names = iter([speakers.of(span) for span in unnamed])
    named = (one if one.speaker else replace(one, speaker=next(names)) for one in found)
    return Found(_identified(named), speakers.overlaps)


def confidence(words: Sequence[Word]) -> float | None:
    """The mean confidence of words, 0..1; None where there are none to tell."""
    return round(sum(word.confidence for word in words) / len(words), 3) if words else None


def _identified(found: Iterable[Segment]) -> tuple[Segment, ...]:
    """Segments named by when they start, so that one keeps its name whatever else is recognised elsewhere."""
    times: dict[int, int] = {}
    named = []
    for one in found:
        start = one.span.start
        times[start] = times.get(start, 0) + 1
        named.append(replace(one, id=f"s{start}" + (f"b{times[start]}" if times[start] > 1 else "")))
    return tuple(named)
