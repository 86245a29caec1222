"""Who speaks each line and how: a reference per speaker in voices/, a manner per line, and what was chosen as the
report tells it. Speaks nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from align.types import SAMPLE_RATE, Line
from dubber import store
from dubber.audio import FloatArray, Stems, read_reference
from dubber.errors import MissingError, SynthesisError
from dubber.stages import cast
from dubber.stages.diarize.company import recording
from dubber.steps.hear import Found
from dubber.steps.run import Run
from dubber.steps.sound import Sound
from dubber.steps.wording import Said, Script
from dubber.store import Key
from dubber.times import clock
from dubber.voicefiles import VoiceFile
from tts.door import Emotion, Engine, Reference, Voice
from tts.errors import BadReference, VoiceError

GENERIC = re.compile(r"Speaker \d+")
"""What somebody is called whom nobody has named."""

SCARCE_MS = 1_200
"""A reference below this is repeated until it is as long: engines refuse less than a second, and what is said twice
is the same voice."""

Manner = Literal["own", "grown", "usual"]
"""What a line's manner was taken from: its own speech, that and some of its neighbours', or the speaker's reference."""


@dataclass(frozen=True)
class Felt:
    """Where a line's manner is heard, how much of it is followed (over 0, up to 1), and what names the two."""

    manner: cast.Manner
    strength: float
    digest: str


@dataclass
class Cast:
    """Who speaks each line and how: references by digest, heard only when a line is really to be spoken."""

    engine: Engine
    stems: Stems
    voice_files: Mapping[str, VoiceFile | None]
    felt: Mapping[str, Felt]
    speakers: Mapping[str, dict[str, Any]]
    _voices: dict[str, Voice] = field(default_factory=dict)
    _emotions: dict[str, Emotion | None] = field(default_factory=dict)

    def inputs(self, line: Line) -> dict[str, str]:
        """The digests of everything but the text and the slot that shapes how this line sounds."""
        felt, file = self.felt.get(line.id), self.voice_files[line.speaker]
        return {
            "engine": self.engine.digest,
            "voice": file.digest if file else "",
            "emotion": felt.digest if felt else "",
        }

    def voice(self, speaker: str) -> Voice:
        """The speaker's timbre. Raises MissingError where their reference cannot be used."""
        if speaker not in self._voices:
            file = self.voice_files[speaker]
            if file is None:
                assert self.engine.usual_voice is not None, "prepare would have refused"
                return self.engine.usual_voice
            try:
                self._voices[speaker] = self.engine.voice(Reference(*read_reference(file.path)))
            except BadReference as error:
                raise MissingError(
                    f"The voice of {speaker} cannot be learned from {file.path.name}: {error}",
                    hint=f"Put a clear recording of 5 to 12 s in its place: {file.path}",
                ) from error
            except VoiceError as error:
                raise SynthesisError(f"The voice of {speaker} could not be heard: {error}") from error
        return self._voices[speaker]

    def emotion(self, line: Line) -> Emotion | None:
        """The line's manner, None where the source has nothing that this engine can learn it from."""
        if line.id not in self._emotions:
            self._emotions[line.id] = self._heard(line)
        return self._emotions[line.id]

    def manner(self, line: Line) -> Manner:
        """What `emotion` took the line's manner from."""
        return "usual" if self.emotion(line) is None else self.felt[line.id].manner.origin

    def told(self) -> dict[str, Any]:
        """As JSON data: by speaker, what their voice is learned from and why; by line id, where its manner is heard
        and how much of it is followed. A line without is said in the speaker's usual manner."""
        return {
            "speakers": dict(self.speakers),
            "manners": {
                line: {
                    "spans": [[span.start, span.end] for span in felt.manner.spans],
                    "origin": felt.manner.origin,
                    "strength": felt.strength,
                }
                for line, felt in self.felt.items()
            },
        }

    def _heard(self, line: Line) -> Emotion | None:
        felt = self.felt.get(line.id)
        if felt is None:
            return None
        reference = Reference(cast.joined(self.stems, felt.manner.spans), SAMPLE_RATE)
        try:
            return self.engine.emotion(reference, strength=felt.strength)
        except BadReference:
            return None  # a line mumbled below what can be measured is said in the speaker's usual manner
        except VoiceError as error:
            raise SynthesisError(
                f"{clock(line.span)}: the manner of the line could not be heard: {error}"
            ) from error


def prepare(run: Run, engine: Engine, script: Script, said: Said, found: Found, sound: Sound) -> Cast:
    """Chooses references. A speaker's file in voices/ stays once it is there, whoever put it there.

    `sound` is the film's as `sound.prepare` gave it, so that no later edit of what is said names another stem.
    Somebody who is to be heard in the film and is not (the sound is silent there) is spoken by the engine's own
    voice where it has one, and the person is told. Raises MissingError where it has none, and for a label that
    stands for nobody in the film.
    """
    files = {speaker: _file(run, speaker) for speaker in _speakers(script.lines)}
    missing = [speaker for speaker, file in files.items() if file is None]
    reasons: dict[str, dict[str, Any]] = {
        speaker: _kept(run, file) for speaker, file in files.items() if file is not None
    }
    with run.stage("cast") as advance:
        chosen = cast.timbre(
            cast.utterances(script.lines, said.segments),
            sound.stems,
            sound.speech,
            overlaps=found.overlaps,
            speakers=missing,
            progress=advance,
        )
        for speaker, choice in chosen.items():
            if choice.taken:
                made = _written(run, speaker, choice, sound.stems)
                files[speaker], reasons[speaker] = made, _kept(run, made)
            else:
                reasons[speaker] = _own_voice(run, engine, speaker, script.lines)
    heard = cast.utterances(script.lines, said.segments, corrected=False)
    manners = cast.manners(heard, found.overlaps)
    return Cast(
        engine,
        sound.stems,
        files,
        _felt(run, script, manners, sound.stem_key),
        {speaker: reasons[speaker] for speaker in files},
    )


def _file(run: Run, speaker: str) -> VoiceFile | None:
    """The recording that a speaker's voice is learned from, None where none is there yet: a person's own in voices/, or
    else the one of the cast that this film shares, or else the one that an earlier run chose."""
    own = run.project.voice_file(speaker)
    if run.settings.cast is None or (own is not None and not own.ours):
        return own
    # A label that anybody may have ("Speaker 1") is the cast's only where the voice was recognised.
    if GENERIC.fullmatch(speaker) and speaker not in run.shared:
        return own
    shared = recording(Path(run.settings.cast), speaker)
    return own if shared is None else VoiceFile(shared, store.digest_of(shared), ours=False)


def _speakers(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(line.speaker for line in lines))


def _felt(run: Run, script: Script, manners: Mapping[str, cast.Manner], stem: Key) -> dict[str, Felt]:
    """By line id how each is felt; a line whose strength is 0 is said in the speaker's usual manner."""
    felt = {}
    for line in script.lines:
        strength = script.strengths.get(line.id, run.settings.emotion)
        if line.id in manners and strength > 0.0:
            spans = ",".join(f"{span.start}-{span.end}" for span in manners[line.id].spans)
            felt[line.id] = Felt(manners[line.id], strength, f"{stem.digest}:{spans}:{float(strength)}")
    return felt


def _written(run: Run, speaker: str, choice: cast.Choice, stems: Stems) -> VoiceFile:
    """The chosen reference as a file in voices/, and why it was chosen in the cache, under the file's digest."""
    repeats = -(-SCARCE_MS // choice.milliseconds)
    reference = cast.joined(stems, choice.spans * repeats)
    made = run.project.write_voice(speaker, partial(_write_reference, reference))
    if made.ours:
        run.cache.json(_reasons(made), lambda: {**cast.told(choice), "repeats": repeats})
    if repeats > 1:
        run.note(
            f"{speaker} is heard for only {choice.milliseconds / 1000:.1f} s; for a closer voice put a recording "
            f"of 5 to 12 s in the place of {made.path}."
        )
    return made


def _kept(run: Run, file: VoiceFile) -> dict[str, Any]:
    """What the report says of a file in voices/."""
    place = f"{file.path.parent.name}/{file.path.name}"
    if not file.ours:
        whose = "your" if file.path.parent.name == "voices" else "the cast's"
        return {"file": place, "told": f"{whose} file {place}"}
    key = _reasons(file)
    if not run.cache.has(key):
        return {"file": place, "told": "chosen by an earlier run, whose reasons are no longer kept"}
    why: dict[str, Any] = run.cache.json(key, dict)
    return {"file": place, "told": "chosen from the film", **why}


def _reasons(file: VoiceFile) -> Key:
    return store.key("cast", cast.REVISION, {"voice": file.digest}, None)


def _own_voice(run: Run, engine: Engine, speaker: str, lines: Sequence[Line]) -> dict[str, Any]:
    """What the report says of somebody whom the engine's own voice speaks. Raises MissingError where it has none."""
    if engine.usual_voice is None or not any(line.segments for line in lines if line.speaker == speaker):
        raise MissingError(
            f"Nobody called {speaker} is heard in the film, so there is no voice to speak with.",
            hint=f"Put a recording of 5 to 12 s there as {run.project.voice_path(speaker)}, "
            "or use the label of somebody who is heard.",
        )
    run.note(f"{speaker} cannot be heard in the film, so {engine.name}'s own voice speaks.")
    return {"file": None, "told": f"not heard in the film: {engine.name}'s own voice speaks"}


def _write_reference(samples: FloatArray, out: Path) -> None:
    """As 24 bits: every editor opens that, and the same sound makes the same file (a float WAV holds the time)."""
    import soundfile

    soundfile.write(str(out), samples, SAMPLE_RATE, subtype="PCM_24", format="WAV")
