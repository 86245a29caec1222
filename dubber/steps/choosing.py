"""Which recording of a part is kept: the one that a person picked, or else the best by score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from align import phrases
from dubber import store
from dubber.errors import MissingError
from dubber.picks import Pick
from dubber.stages import takes as scoring
from dubber.stages import understood, wer
from dubber.stages.takes import Score
from dubber.stages.understood import Sounding
from dubber.steps import speak
from dubber.steps.run import Run
from dubber.steps.speak import Part, Recording, Take
from dubber.times import clock, shortened
from tts.door import DOUBT

SILENCE = "silence_ms"
"""The note of how much of a take the engine left silent at its end."""


AT_ONCE = 64
"""Takes that are listened to before what was heard of them is kept: what a stop costs."""


def takes(
    run: Run,
    parts: Sequence[Part],
    made: Mapping[str, Sequence[Recording]],
    picks: Mapping[str, Pick],
) -> tuple[Take, ...]:
    """A take of every part, in order of time, each begun so that what is heard begins when the plan says."""
    errors = _errors(run, parts, made)
    chosen = []
    for part in parts:
        recordings = tuple(made[part.id])
        scores = tuple(_score(part, one, errors.get(one.key)) for one in recordings)
        pick = picks.get(part.id)
        kept = recordings[scoring.best(scores)]
        if pick is not None:
            picked = next((one for one in recordings if one.seed == pick.seed), None)
            kept = picked or kept
            _tell(run, part, pick, picked)
        chosen.append(Take(part, kept, recordings, scores))
    gone = sorted(picks.keys() - {part.id for part in parts})
    run.note_all(
        [
            f"The take that you picked of {one} is not used: the line is not there, or is parted otherwise."
            for one in gone
        ]
    )
    run.note_all(speak.doubts(chosen))
    return speak.settled(chosen)


def _score(part: Part, one: Recording, errors: float | None) -> Score:
    time = part.slot.span.duration - int(one.notes.get(SILENCE, 0))
    doubt = one.notes.get(DOUBT)
    return scoring.score(
        one.seed,
        max(1, int(one.notes[speak.NATURAL_MS])),
        max(1, time),
        one.likeness,
        errors=errors,
        doubt=None if doubt is None else str(doubt),
        silent=one.offset <= one.onset,
    )


def _errors(
    run: Run, parts: Sequence[Part], made: Mapping[str, Sequence[Recording]]
) -> dict[store.Key, float]:
    """The error rate of what a recogniser hears of each take that competes with others; none where none can say."""
    rivals = [(part, one) for part in parts if len(made[part.id]) > 1 for one in made[part.id]]
    if not rivals:
        return {}
    try:
        return _understood(run, rivals)
    except MissingError as error:  # a recogniser is a gain where there is one, and no condition
        run.note(f"Takes are chosen without asking whether their words are understood: {error}")
        return {}


def _understood(run: Run, rivals: Sequence[tuple[Part, Recording]]) -> dict[store.Key, float]:
    """Raises MissingError where the recogniser does not know the language, or is not on this machine."""
    target = run.settings.target
    with run.engine("recogniser") as recogniser:
        recogniser.check(target)
        keys = {
            one.key: store.key(
                "understood",
                understood.REVISION,
                {"take": one.key.digest, "engine": recogniser.digest()},
                {"language": target},
            )
            for _, one in rivals
        }
        missing = [one for _, one in rivals if not run.cache.has(keys[one.key])]
        with run.stage("understand") as advance:
            for done in range(0, len(missing), AT_ONCE):
                some = missing[done : done + AT_ONCE]
                sounds = [Sounding(one.path, one.onset, one.offset) for one in some]
                for one, text in zip(some, understood.heard(recogniser, sounds, target), strict=True):
                    run.cache.json(keys[one.key], partial(str, text))
                advance((done + len(some)) / len(missing))
        heard = {key: run.cache.json(kept, str) for key, kept in keys.items()}
    return {one.key: wer.errors(part.text, heard[one.key], target) for part, one in rivals}


def _tell(run: Run, part: Part, pick: Pick, kept: Recording | None) -> None:
    """Tells the person where what is spoken now is not what they heard when they picked it."""
    line = f"{clock(part.slot.span)}: the take of {shortened(part.text)!r} that you picked"
    if kept is None:
        run.note(f"{line} could not be spoken again; another one is kept.")
    elif why := pick.outdated(
        phrases.unmarked(part.line.text), kept.path.relative_to(run.project.folder).as_posix()
    ):
        run.note(f"{line} is spoken anew, because {why}.")
