"""Who speaks: the diarizer's answer, under names that stay the same from run to run."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, count
from pathlib import Path
from typing import Any

from align.types import SAMPLE_RATE, Span
from dubber import atomic, records, store
from dubber.audio import FloatArray
from dubber.errors import UsageError
from dubber.stages import cast
from dubber.stages.diarize import names
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


def speaks(run: Run, sound: Sound, phrases: Sequence[Span]) -> Speakers:
    """Who speaks when. A diarizer that cannot find changes of speaker inside speech is given `phrases` (sorted), each
    of which it takes for one voice.

    Whom an earlier run knew keeps their name; with `settings.cast`, so does whom another film of that cast knows.
    Raises UsageError where the diarizer cannot tell voices of two films apart, and as the diarizer and `Company` do.
    """
    with run.engine("diarizer") as diarizer:
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
    if found.turns and not found.centroids:
        raise UsageError(
            f"The diarizer {diarizer.name} cannot recognise a voice in another film.",
            hint="Voices are shared with --diarizer campplus.",
        )
    with atomic.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    heard = [cast.Utterance(turn.span, called[turn.speaker]) for turn in found.turns]

    def recording(speaker: int) -> tuple[FloatArray, int] | None:
        chosen = cast.timbre(
            heard, sound.stems, sound.speech, overlaps=found.overlaps, speakers=[called[speaker]]
        )
        spans = chosen[called[speaker]].spans
        return (cast.joined(sound.stems, spans), SAMPLE_RATE) if spans else None

    with run.stage("cast"):
        company = Company(folder, diarizer.embed, diarizer.digest())
        settled = company.settle(found.centroids, called, recording)
    taken = {name for name in settled if name}
    free = (name for name in map(SPEAKER.format, count(1)) if name not in taken)
    return tuple(
        one or (own if own not in taken else next(free)) for one, own in zip(settled, called, strict=True)
    )
