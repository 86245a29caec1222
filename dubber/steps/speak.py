"""From lines to takes: cast, natural pass, plan, synthesize. A take is kept under everything that shaped it, so that
an edited line alone is spoken again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from align import slots as planner
from align.types import SAMPLE_RATE, SAMPLES_PER_MS, Line, Slot, Span
from dubber import store
from dubber.audio import AudioWriter, Stems, read_reference
from dubber.errors import MissingError, SynthesisError
from dubber.loudness import Loudness, loudness_of
from dubber.stages import cast, synthesize
from dubber.steps.hear import Sound
from dubber.steps.run import Run
from dubber.store import Key
from dubber.times import clock, shortened
from tts.door import DOUBT, Emotion, Engine, FloatArray, Reference, Result, SpeechRequest, Voice
from tts.errors import BadReference, VoiceError

WAV = ".wav"

NATURAL, TAKE = 1, 2
"""Versions of what the natural pass and the synthesize stage compute."""


@dataclass(frozen=True)
class Take:
    """One line spoken into its slot: the file (mono, 48 kHz), where sound begins and ends in it (ms from its
    start), what the engine noted, and how loud it is."""

    line: Line
    slot: Slot
    path: Path
    key: Key
    onset: int
    offset: int
    notes: Mapping[str, float | int | str]
    loudness: Loudness


@dataclass
class Cast:
    """Who speaks each line and how: references by digest, heard only when a line is really to be spoken."""

    engine: Engine
    stems: Stems
    strength: float
    voice_files: Mapping[str, tuple[Path, str] | None]
    manner: Mapping[str, tuple[Span, str] | None]
    _voices: dict[str, Voice] = field(default_factory=dict)
    _emotions: dict[str, Emotion | None] = field(default_factory=dict)

    def inputs(self, line: Line) -> dict[str, str]:
        """The digests of everything but the text and the slot that shapes how this line sounds."""
        manner, file = self.manner[line.id], self.voice_files[line.speaker]
        return {
            "engine": self.engine.digest,
            "voice": file[1] if file else "",
            "emotion": manner[1] if manner else "",
        }

    def voice(self, speaker: str) -> Voice:
        """The speaker's timbre. Raises MissingError where their reference cannot be used."""
        if speaker not in self._voices:
            file = self.voice_files[speaker]
            if file is None:
                assert self.engine.usual_voice is not None, "prepare would have refused"
                return self.engine.usual_voice
            path = file[0]
            try:
                self._voices[speaker] = self.engine.voice(Reference(*read_reference(path)))
            except BadReference as error:
                raise MissingError(
                    f"The voice of {speaker} cannot be learned from {path.name}: {error}",
                    hint=f"Put a clear recording of 5 to 12 s in its place: {path}",
                ) from error
            except VoiceError as error:
                raise SynthesisError(f"The voice of {speaker} could not be heard: {error}") from error
        return self._voices[speaker]

    def emotion(self, line: Line) -> Emotion | None:
        """The line's manner, None where the source has nothing to learn it from."""
        if line.id not in self._emotions:
            self._emotions[line.id] = self._felt(line)
        return self._emotions[line.id]

    def _felt(self, line: Line) -> Emotion | None:
        manner = self.manner[line.id]
        if manner is None or self.strength == 0.0:
            return None
        try:
            return self.engine.emotion(_heard(self.stems, [manner[0]]), strength=self.strength)
        except BadReference:
            return None  # a line mumbled below what can be measured is said in the speaker's usual manner
        except VoiceError as error:
            raise SynthesisError(
                f"{clock(line.span)}: the manner of the line could not be heard: {error}"
            ) from error


def prepare(run: Run, engine: Engine, lines: Sequence[Line], sound: Sound) -> Cast:
    """Chooses references. A speaker's file in voices/ stays once it is there, whoever put it there.

    Somebody who is to be heard in the film and is not (the sound is silent there) is spoken by the engine's own
    voice where it has one, and the person is told. Raises MissingError where it has none, and for a label that
    stands for nobody in the film.
    """
    with run.stage("cast") as advance:
        files: dict[str, tuple[Path, str] | None] = {}
        for speaker in dict.fromkeys(line.speaker for line in lines):
            file = run.project.voice_file(speaker)
            files[speaker] = None if file is None else (file.path, file.digest)
        missing = [speaker for speaker, known in files.items() if known is None]
        chosen = cast.timbre(lines, partial(_loudness, sound.stems), missing, advance) if missing else {}
        for speaker in missing:
            if chosen[speaker]:
                reference = _heard(sound.stems, chosen[speaker])
                made = run.project.write_voice(speaker, partial(_write_reference, reference))
                files[speaker] = (made.path, made.digest)
            elif engine.usual_voice is not None and any(
                line.segments for line in lines if line.speaker == speaker
            ):
                run.note(f"{speaker} cannot be heard in the film, so {engine.name}'s own voice speaks.")
            else:
                raise MissingError(
                    f"Nobody called {speaker} is heard in the film, so there is no voice to speak with.",
                    hint=f"Put a recording of 5 to 12 s there as {run.project.voice_path(speaker)}, "
                    "or use the label of somebody who is heard.",
                )
    manner = {}
    for line in lines:
        span = cast.emotion(line)
        digest = f"{sound.stem_key.digest}:{span.start}-{span.end}:{run.settings.emotion}" if span else ""
        manner[line.id] = (span, digest) if span else None
    return Cast(engine, sound.stems, run.settings.emotion, files, manner)


def natural_lengths(run: Run, cast_: Cast, lines: Sequence[Line]) -> dict[str, int]:
    """How long each line is unhurried, in ms, as the engine measures it; lines that cannot be spoken are left out."""
    lengths: dict[str, int] = {}
    silent: list[str] = []
    keys = {line.id: store.key("natural", NATURAL, cast_.inputs(line), _said(run, line)) for line in lines}
    with run.stage("measure") as advance:
        done = 0
        for group, missing in _groups(lines, lambda line: run.cache.has(keys[line.id]), cast_.engine.batch):
            requests = [_request(run, cast_, line, None) for line in missing]
            measured = _by_line(missing, synthesize.measure(cast_.engine, missing, requests))
            for line in group:
                length = run.cache.json(keys[line.id], partial(measured.get, line.id))
                if length is None:
                    silent.append(
                        f"{clock(line.span)}: nothing in {shortened(line.text)!r} can be spoken; it stays silent."
                    )
                else:
                    lengths[line.id] = length
            done += len(group)
            advance(done / len(lines))
    run.note_all(silent)
    return lengths


def plan(lines: Sequence[Line], lengths: Mapping[str, int], duration: int) -> dict[str, Slot]:
    """A slot for every line that can be spoken, by line id."""
    spoken = [line for line in lines if line.id in lengths]
    return {slot.line: slot for slot in planner.plan(spoken, lengths, duration)}


def takes(run: Run, cast_: Cast, lines: Sequence[Line], slots: Mapping[str, Slot]) -> tuple[Take, ...]:
    """Every line spoken into its slot, exactly as long; kept as each batch is made."""
    spoken = [line for line in lines if line.id in slots]
    keys = {
        line.id: store.key(
            "take",
            TAKE,
            cast_.inputs(line),
            {**_said(run, line), "slot_ms": slots[line.id].span.duration},
        )
        for line in spoken
    }
    made: list[Take] = []
    with run.stage("synthesize") as advance:
        for group, missing in _groups(
            spoken, lambda line: run.cache.has(keys[line.id], WAV), cast_.engine.batch
        ):
            requests = [
                _request(run, cast_, line, slots[line.id].span.duration * SAMPLES_PER_MS) for line in missing
            ]
            fresh = _by_line(missing, synthesize.speak(cast_.engine, missing, requests))
            failed = [one for one in fresh.values() if isinstance(one, SynthesisError)]
            spared = {line: one for line, one in fresh.items() if not isinstance(one, SynthesisError)}
            kept = [line for line in group if line.id in spared or line.id not in fresh]
            made += [_take(run, line, slots[line.id], keys[line.id], spared.get(line.id)) for line in kept]
            if failed:
                raise failed[0]
            advance(len(made) / len(spoken))
    run.note_all(
        [
            f"{clock(take.line.span)}: listen to {shortened(take.line.text)!r}: {take.notes[DOUBT]}."
            for take in made
            if DOUBT in take.notes
        ]
    )
    return tuple(made)


def _take(run: Run, line: Line, slot: Slot, key: Key, fresh: synthesize.Spoken | None) -> Take:
    """A line's take from the cache, where `fresh` is put first if it was not there."""

    def make(out: Path) -> dict[str, object]:
        assert fresh is not None, "a line without sound has no slot"
        with AudioWriter(out, channels=1) as writer:
            writer.append(fresh.samples[:, None])
        loudness = loudness_of(fresh.samples[:, None]).to_json()
        return {"onset": fresh.onset, "offset": fresh.offset, "notes": fresh.notes, "loudness": loudness}

    path = run.cache.file(key, WAV, make)
    notes = run.cache.notes(key, WAV)
    loudness = Loudness.from_json(notes["loudness"])
    return Take(line, slot, path, key, notes["onset"], notes["offset"], notes["notes"], loudness)


def _groups(
    lines: Sequence[Line], kept: Callable[[Line], bool], size: int
) -> Iterator[tuple[list[Line], list[Line]]]:
    """Lines in order, in groups that hold up to `size` that are not `kept` yet; each with those of it."""
    group: list[Line] = []
    missing: list[Line] = []
    for line in lines:
        group.append(line)
        if not kept(line):
            missing.append(line)
        if len(missing) == size:
            yield group, missing
            group, missing = [], []
    if group:
        yield group, missing


def _by_line(lines: Sequence[Line], results: Sequence[Result]) -> dict[str, Result]:
    return {line.id: result for line, result in zip(lines, results, strict=True)}


def _request(run: Run, cast_: Cast, line: Line, target: int | None) -> SpeechRequest:
    return SpeechRequest(
        line.text,
        run.settings.target,
        cast_.voice(line.speaker),
        cast_.emotion(line),
        target=target,
        seed=run.settings.seed,
    )


def _said(run: Run, line: Line) -> dict[str, object]:
    return {"text": line.text, "language": run.settings.target, "seed": run.settings.seed}


def _heard(stems: Stems, spans: Sequence[Span]) -> Reference:
    """The speech stem in these spans one after the other, as mono."""
    parts: list[FloatArray] = []
    for span in spans:
        where = span.samples
        parts.append(stems.speech(where.start, where.stop).mean(axis=1, dtype=np.float32))
    return Reference(np.concatenate(parts), SAMPLE_RATE)


def _loudness(stems: Stems, span: Span) -> float:
    return loudness_of(stems.speech(span.samples.start, span.samples.stop)).integrated


def _write_reference(sound: Reference, out: Path) -> None:
    """As 24 bits: every editor opens that, and the same sound makes the same file (a float WAV holds the time)."""
    import soundfile

    soundfile.write(str(out), sound.samples, sound.rate, subtype="PCM_24", format="WAV")
