"""Who speaks: the diarizer's answer, under names that stay the same from run to run."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, count
from pathlib import Path
from typing import Any

from align.types import SAMPLE_RATE, Span
from dubber import atomic, records, store
from dubber.audio import FloatArray
from dubber.errors import MissingError, UsageError
from dubber.folder import SETTINGS
from dubber.stages import cast
from dubber.stages.diarize import names, shared
from dubber.stages.diarize.company import Company
from dubber.stages.diarize.door import Diarization, Turn
from dubber.steps.run import SPEAKER, Run
from dubber.steps.sound import Sound

DIARIZE = 2
"""Version of what the stage computes."""


@dataclass(frozen=True)
class Speakers:
    """Who speaks when, by name: `turns` in order of start, a name for each speaker in them;
    `overlaps` where more than one voice is heard at once."""

    turns: tuple[Turn, ...]
    names: tuple[str, ...]
    overlaps: tuple[Span, ...] = ()

    @cached_property
    def _starts(self) -> list[int]:
        return [turn.span.start for turn in self.turns]

    @cached_property
    def _latest(self) -> list[int]:
        return list(accumulate((turn.span.end for turn in self.turns), max))

    def of(self, span: Span) -> str:
        """Who speaks most of a span; where nobody does, who is nearest to it."""
        if not self.turns:
            return SPEAKER.format(1)
        after = bisect_left(self._starts, span.end)
        shares: dict[int, int] = {}
        for i in range(after - 1, -1, -1):
            if self._latest[i] <= span.start:
                break
            turn = self.turns[i]
            shares[turn.speaker] = shares.get(turn.speaker, 0) + turn.span.overlap(span)
        heard = {speaker: share for speaker, share in shares.items() if share}
        if heard:
            return self.names[max(heard, key=lambda speaker: (heard[speaker], -speaker))]
        beside = self.turns[max(0, after - 1) : after + 1]
        nearest = min(beside, key=lambda turn: max(turn.span.start - span.end, span.start - turn.span.end))
        return self.names[nearest.speaker]


NOBODY = Speakers((), ())


def check(run: Run) -> None:
    """Raises UsageError, before any work, where voices are to be shared by a diarizer that cannot recognise one."""
    if run.settings.cast is not None:
        with run.engine("diarizer") as diarizer:
            if diarizer.on_phrases:
                raise UsageError(
                    f"The diarizer {diarizer.name} cannot recognise a voice in another film.",
                    hint="Voices are shared with --diarizer campplus.",
                )


def speaks(run: Run, sound: Sound, phrases: Sequence[Span]) -> Speakers:
    """Who speaks when. A diarizer that cannot find changes of speaker inside speech is given `phrases` (sorted), each
    of which it takes for one voice.

    Whom an earlier run knew keeps their name; with `settings.cast`, so does whom another film of that cast knows.
    Raises as the diarizer and `Company` do, and MissingError where that cast is gone.
    """
    with run.engine("diarizer") as diarizer:
        if diarizer.on_phrases and run.settings.speakers is None:
            run.note(
                "One person is taken to speak, for this diarizer cannot count them: say --speakers if there are more."
            )
        found = _diarized(run, diarizer, sound, phrases)
        known = _known(run)
        called = names.named(found, known)
        if run.settings.cast is not None:
            called = _shared(run, diarizer, sound, found, called, Path(run.settings.cast))
    run.project.remember_speakers(names.to_json(names.remembered(found, called, known)))
    return Speakers(found.turns, called, found.overlaps)


def _diarized(run: Run, diarizer: Any, sound: Sound, phrases: Sequence[Span]) -> Diarization:
    spans = phrases if diarizer.on_phrases else sound.speech
    key = store.key(
        "diarize",
        DIARIZE,
        {"speech": sound.stem_key.digest, "engine": diarizer.digest()},
        {"speakers": run.settings.speakers, "spans": records.spans_json(spans)},
    )
    with run.stage("diarize") as advance:
        made = run.cache.json(
            key,
            lambda: records.diarization_json(
                diarizer.diarize(sound.stems.speech_file, spans, run.settings.speakers, advance)
            ),
        )
    return records.diarization_from(made)


def _known(run: Run) -> dict[str, names.Known]:
    try:
        return names.from_json(run.project.speakers())
    except ValueError:
        run.note("What was known of this film's speakers cannot be read; they may get other names.")
        return {}


def _shared(
    run: Run, diarizer: Any, sound: Sound, found: Diarization, called: tuple[str, ...], folder: Path
) -> tuple[str, ...]:
    """The speakers by the names that the cast's voices in `folder` go by; who is new there joins it."""
    if (folder / SETTINGS).exists():
        raise UsageError(
            f"{folder} is a film's project, not a folder of voices.", hint="Name another: --cast FOLDER"
        )
    if run.retry:
        with atomic.writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
    elif not folder.is_dir():
        raise MissingError(
            f"The cast that this film shares is not at {folder} any more.",
            hint="Put it back, or begin anew with `dubber translate` and another --cast.",
        )
    with run.stage("cast"):
        company = Company(folder, diarizer.embed, diarizer.digest())
        there = company.voices()
        matched = shared.match(found.centroids, there)
        wanted = _free_names(called, matched, there)
        heard = [cast.Utterance(turn.span, str(turn.speaker)) for turn in found.turns]
        new = [str(i) for i, one in enumerate(matched) if one is None]
        # Chosen before the folder is held: it takes seconds, and other films wait for it.
        chosen = cast.timbre(heard, sound.stems, sound.speech, overlaps=found.overlaps, speakers=new)

        def recording(speaker: int) -> tuple[FloatArray, int] | None:
            spans = chosen[str(speaker)].spans if str(speaker) in chosen else ()
            return (cast.joined(sound.stems, spans), SAMPLE_RATE) if spans else None

        settled = company.settle(found.centroids, wanted, recording)
    run.shared.update(name for name in settled if name)
    run.note_all(
        [
            f"{own} is {known} of the cast."
            for own, known in zip(called, matched, strict=True)
            if known and own != known
        ]
    )
    return _free_names(called, settled, {})


def _free_names(
    called: Sequence[str], settled: Sequence[str | None], there: Collection[str]
) -> tuple[str, ...]:
    """A name for each speaker, no two the same: as settled, or else the one that they are called, or where that is
    somebody else's here or `there`, "Speaker N" with the lowest N that nobody has."""
    taken = {*there, *(name for name in settled if name)}
    kept = [one or (own if own not in taken else None) for one, own in zip(settled, called, strict=True)]
    taken |= {name for name in kept if name}
    free = (name for name in map(SPEAKER.format, count(1)) if name not in taken)
    return tuple(one or next(free) for one in kept)
