"""How the lines of a bench film are laid on the film's clock: by the whole program, and line after line as tools
commonly do it, from takes of the same voices. Measures nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from align.types import SAMPLE_RATE, SAMPLES_PER_MS, Slot, Span
from bench import filmset
from bench.filmset import Film, Turn

FloatArray = npt.NDArray[np.float32]

ONSET_SHARE, NEAR_MS = 0.01, 20
"""Speech begins above this share of its peak; and voice activity's frames reach so far beyond their 10 ms."""

CAP = 1.4
"""Speed-up at which tools that borrow the gap stop. VideoLingo's configuration has it as its maximum."""


@dataclass(frozen=True)
class Spoken:
    """A line as one scheme lays it. `slot` is where it sounds and how long it is unhurried; `shift` how many ms it is
    meant to begin after its source; `error` samples of its takes − those of the time they were made for; `parts` the
    sound: (ms, samples)."""

    turn: Turn
    slot: Slot
    shift: int
    error: int
    parts: tuple[tuple[int, FloatArray], ...] = field(repr=False)


@dataclass(frozen=True)
class Natural:
    """A line's wording spoken unhurried: mono at 48 kHz, shape (n,). `source` is its source speech as the program found
    it: every scheme goes by the same times."""

    turn: Turn
    source: Span
    samples: FloatArray

    @property
    def ms(self) -> int:
        """Its length."""
        return max(1, round(len(self.samples) / SAMPLES_PER_MS))


def dubbed(
    paths: tuple[Path, Path, Path], project: Path, *, translation: Path | None = None, url: str | None = None
) -> dict[str, Any]:
    """The film dubbed by the whole program in the draft lane; its report."""
    from dubber import pipeline
    from dubber.settings import Settings

    remote = {"translator": "openai", "base_url": url, "model": "clauses"} if url else {}
    settings = Settings.of("es", source="en", profile="draft", **remote)
    return pipeline.translate(
        paths[0],
        settings,
        transcript=paths[1],
        translation=translation,
        folder=project,
        output=project.with_suffix(".mp4"),
    )


def by_turn(film: Film, report: Mapping[str, Any]) -> list[tuple[Turn, Mapping[str, Any]]]:
    """Each line of the film with what the report says of it. Raises ValueError where one is not in it."""
    told = {line["source_text"]: line for line in report["lines"] if line["spoken"]}
    missing = [turn.english for turn in film.turns if turn.english not in told]
    if missing:
        raise ValueError(f"not spoken: {missing}")
    return [(turn, told[turn.english]) for turn in film.turns]


def ours(film: Film, report: Mapping[str, Any]) -> tuple[Spoken, ...]:
    """The lines as the program laid them: the takes that it kept, where it begins them."""
    from dubber.audio import AudioFile

    laid = []
    for turn, line in by_turn(film, report):
        slots = [Span(*one["slot"]) for one in line.get("phrases", [line])]
        kept = [one for one in line["takes"] if one["kept"]]
        parts, errors = [], []
        for span, take in zip(slots, kept, strict=True):
            with AudioFile(Path(report["project"]) / take["path"]) as file:
                parts.append((span.start, file.read(0, file.frames)[:, 0]))
            errors.append(len(parts[-1][1]) - span.duration * SAMPLES_PER_MS)
        slot = Slot(
            turn.english,
            Span(slots[0].start, slots[-1].end),
            line["natural_ms"],
            tuple(line["flags"]),
            tuple(slots) if len(slots) > 1 else (),
        )
        laid.append(Spoken(turn, slot, line["onset_error_ms"], max(errors, key=abs), tuple(parts)))
    return tuple(laid)


def natural_takes(film: Film, report: Mapping[str, Any]) -> list[Natural]:
    """Every line's wording as the same voices say it unhurried, in the same manner as in the report's dub.

    Raises ValueError where they are not the same: the program measured another natural length.
    """
    from dubber import finished
    from dubber.audio import AudioFile, Stems, read_reference
    from dubber.stages import cast
    from tts.door import Reference, SpeechRequest, result
    from tts.espeak import Espeak

    engine = Espeak()
    (dub,) = finished.find(Path(report["project"]))
    if dub.source is None or dub.stem is None:
        raise ValueError("the project holds no stems")
    voices = {
        name: engine.voice(Reference(*read_reference(Path(report["project"]) / told["file"])))
        for name, told in report["cast"]["speakers"].items()
    }
    made = []
    with AudioFile(dub.source) as source, AudioFile(dub.stem) as stem:
        stems = Stems(source, stem)
        for turn, line in by_turn(film, report):
            told = report["cast"]["manners"].get(line["id"])
            emotion = None
            if told and line["manner"] != "usual":
                heard = Reference(cast.joined(stems, [Span(*span) for span in told["spans"]]), SAMPLE_RATE)
                emotion = engine.emotion(heard, strength=told["strength"])
            asked = SpeechRequest(line["text"], "es", voices[line["speaker"]], emotion)
            made.append(Natural(turn, Span(*line["source"]), result(engine.speak([asked])[0]).samples))
            if "phrases" not in line and abs(made[-1].ms - line["natural_ms"]) > 1:
                raise ValueError(f"{turn.english!r}: {made[-1].ms} ms, and {line['natural_ms']} in the dub")
    return made


def sped_up(naturals: Sequence[Natural]) -> tuple[Spoken, ...]:
    """Speed-up to fit: every line begins with its source; one that is longer is stretched to its length."""
    return tuple(_laid(one, one.source.start, min(one.ms, one.source.duration)) for one in naturals)


def sped_up_with_gaps(naturals: Sequence[Natural], duration: int, cap: float = CAP) -> tuple[Spoken, ...]:
    """Speed-up with borrowing: a line may last until the next one's onset, and is stretched to that, `cap` times at
    most; what is longer still sounds on, and the next line begins when it ends."""
    onsets = [one.source.start for one in naturals[1:]] + [duration]
    laid: list[Spoken] = []
    free = 0
    for one, limit in zip(naturals, onsets, strict=True):
        start = max(free, one.source.start)
        least = -(-one.ms * 1000 // round(cap * 1000))
        length = min(one.ms, max(least, limit - start))
        laid.append(_laid(one, start, length, limit))
        free = start + length
    return tuple(laid)


def _laid(one: Natural, start: int, length: int, limit: int | None = None) -> Spoken:
    """A natural take from `start` on, `length` ms long. Its error is what sounds past `limit`, if anything."""
    from tts.stretch import stretch

    samples = stretch(one.samples, length * SAMPLES_PER_MS) if length < one.ms else one.samples
    error = 0 if limit is None else max(0, start + length - limit) * SAMPLES_PER_MS
    slot = Slot(one.turn.english, Span(start, start + length), one.ms)
    return Spoken(one.turn, slot, start - one.source.start, error, ((start, samples),))


def track(lines: Iterable[Spoken], duration: int) -> FloatArray:
    """The lines on one mono track at 48 kHz, shape (n,)."""
    parts = [part for line in lines for part in line.parts]
    end = max([duration * SAMPLES_PER_MS, *(at * SAMPLES_PER_MS + len(sound) for at, sound in parts)])
    laid = np.zeros(end, np.float32)
    for at, sound in parts:
        laid[at * SAMPLES_PER_MS : at * SAMPLES_PER_MS + len(sound)] += sound
    return laid


def resampled(speech: FloatArray) -> FloatArray:
    """Speech at 16 kHz as it is at 48 kHz."""
    import soxr

    return np.asarray(soxr.resample(speech, filmset.RATE, SAMPLE_RATE), np.float32)


def detected(samples: FloatArray, folder: Path) -> tuple[Span, ...]:
    """Where voice activity finds speech in a track of nothing else, its onsets sharpened to the millisecond."""
    from dubber import vad
    from dubber.audio import AudioFile, AudioWriter

    path = folder / "track.wav"
    with AudioWriter(path, channels=1) as writer:
        writer.append(samples)
    with AudioFile(path) as file:
        found = vad.detect(file)
    path.unlink()
    return tuple(Span(sharpened(span, samples), span.end) for span in found)


def sharpened(span: Span, samples: FloatArray) -> int:
    """Where in voice activity's grid of 10 ms the sound of a span begins, in ms: above ONSET_SHARE of its peak, as the
    films' own speech was cut; where that is not near, the grid's own."""
    peak = np.abs(samples[span.samples]).max(initial=0.0)
    first = max(0, span.start - NEAR_MS) * SAMPLES_PER_MS
    near = np.abs(samples[first : (span.start + NEAR_MS) * SAMPLES_PER_MS]) > ONSET_SHARE * peak
    if not near.any() or near[:SAMPLES_PER_MS].any():
        return span.start
    return min((first + int(near.argmax())) // SAMPLES_PER_MS, span.end)
