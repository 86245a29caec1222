"""A finished dub against the bars of align/bars: the film that was written is decoded and measured; of the report only
that is believed which no film tells (slots, natural lengths, the takes' own files). Changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from align import bars, metrics
from align.types import Slot, Span
from dubber import heard, languages, media, vad
from dubber.audio import AudioFile, Stems
from dubber.checked import Check, Line
from dubber.errors import MediaError
from dubber.finished import Finished
from dubber.heard import Levels, Under
from dubber.loudness import loudness_of
from dubber.media import Film
from dubber.media.containers import container_for
from dubber.media.sameness import same_pictures
from dubber.progress import Advance, Progress
from dubber.stages import background
from dubber.stages.room import TAIL_MS

NO_STEMS = "the film's speech and background are no longer in the project"
SOUND_ALONE = "this dub is sound without a film"
NOBODY = "no line of the film is spoken in the dub"
NO_SCORE = "no take was scored"

SPREAD_MS = 50
"""What a codec may smear of a line past its slot: two long windows of AAC."""


@dataclass
class Figures:
    """What was measured, by the bars' names, and what is to be said of it."""

    values: dict[str, float | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, value: float | None, reason: str = "") -> None:
        """A figure, or None and why there is none."""
        self.values[name], self.reasons[name] = value, reason


@dataclass(frozen=True, eq=False)
class Listened:
    """A dub's track and its film's sound, and what was heard: where the film speaks, `activity` (any voice in the
    track) and `spoken` (the dub's own), the background where it is at hand, levels."""

    track: AudioFile
    source: AudioFile
    speech: tuple[Span, ...]
    activity: tuple[Span, ...]
    spoken: tuple[Span, ...]
    under: Under | None
    levels: Levels


def measure(dub: Finished, scratch: Path, progress: Progress) -> Check:
    """Decode and measure a finished dub; `scratch` is a folder with room for its sound (1.4 GB an hour), and as much
    again where the project no longer holds the film's.

    Raises MediaError where the film or the dub cannot be read or has no dubbed track, SpaceError, MissingError (no
    voice activity model).
    """
    film, made = media.probe(dub.film), media.probe(dub.dubbed)
    figures = Figures()
    with ExitStack() as files:
        found = _listened(dub, film, made, scratch, progress, files)
        lines = _lines(dub, found)
        _loudness(figures, dub, lines, found)
    gaps = metrics.holes(found.speech, found.spoken)
    kept = metrics.without(gaps.spans, [*dub.within, *(line.source for line in lines)])
    _timing(figures, dub, film, lines, found)
    _holes(figures, found.speech, gaps, kept)
    _voice(figures, dub.report)
    with progress.stage("compare") as advance:
        _film(figures, dub, film, made, advance)
    rows = bars.rows(figures.values, figures.reasons)
    return Check(dub, rows, lines, gaps.spans, kept, found.spoken, dub.notes)


def dubbed_track(made: Film, language: str) -> int:
    """Which audio track of a film (counted from 0) is its dub into a language: the default one of those that say they
    are in it, the first where several or none are. Raises MediaError where none can be."""
    tracks = made.of("audio")
    code = languages.iso639_2(language)
    fitting = [index for index, stream in enumerate(tracks) if stream.language == code]
    if not fitting and len(tracks) == 1 and tracks[0].language is None:
        return 0  # sound alone, in a file that has no place for a language
    if not fitting:
        raise MediaError(
            f"{made.path.name} has no {languages.english_name(language)} track.",
            hint="Dub the film again: `dubber render`.",
        )
    return next((index for index in fitting if tracks[index].default), fitting[0])


# -- what is heard ---------------------------------------------------------------------------------------


def _listened(
    dub: Finished, film: Film, made: Film, scratch: Path, progress: Progress, files: ExitStack
) -> Listened:
    number = dubbed_track(made, dub.language)
    with progress.stage("decode") as advance:
        media.extract(made, scratch / "dub.wav", track=number, centre=dub.centre, progress=advance)
    original = dub.source
    if original is None:
        original = scratch / "film.wav"
        with progress.stage("decode the film") as advance:
            chosen = dub.report["settings"]["track"]
            media.extract(film, original, track=chosen, centre=dub.centre, progress=advance)
    track = files.enter_context(AudioFile(scratch / "dub.wav"))
    source = files.enter_context(AudioFile(original))
    with progress.stage("listen") as advance:
        activity = vad.detect(track, advance)
    speech = dub.speech
    if speech is None:
        with progress.stage("listen to the film") as advance:
            speech = vad.detect(source, advance)
    under = None
    if dub.stem is not None:
        stems = Stems(source, files.enter_context(AudioFile(dub.stem)), within=dub.within)
        how = dub.report["settings"]["background"]
        duck = background.Duck([*speech, *_slots(dub.report)]) if how == "duck" else None
        under = partial(background.samples, stems, how, duck)
    with progress.stage("measure") as advance:
        levels = heard.levels(track, source, under, advance)
    spoken = _spoken(dub, activity, speech, levels)
    return Listened(track, source, speech, activity, spoken, under, levels)


def _spoken(
    dub: Finished, activity: Sequence[Span], speech: Sequence[Span], levels: Levels
) -> tuple[Span, ...]:
    if levels.voice is not None and levels.bed is not None:
        return heard.own_speech(activity, levels.voice, levels.bed)
    replaced = [Span(*line["source"]) for line in dub.report["lines"] if line["spoken"]]
    return metrics.without(activity, metrics.without(speech, [*replaced, *_slots(dub.report)]))


def _slots(report: Mapping[str, Any]) -> list[Span]:
    """The slots of all that is spoken, phrase by phrase where a line has several."""
    spoken = [line for line in report["lines"] if line["spoken"]]
    return [Span(*part["slot"]) for line in spoken for part in line.get("phrases") or [line]]


# -- lines -----------------------------------------------------------------------------------------------


def _lines(dub: Finished, found: Listened) -> tuple[Line, ...]:
    told = sorted((line for line in dub.report["lines"] if line["spoken"]), key=lambda line: line["slot"])
    sources = _source_levels(dub, told)
    lines: list[Line] = []
    slot_end = source_end = 0
    for line in told:
        slot, source = Span(*line["slot"]), Span(*line["source"])
        begins = heard.onset(slot, slot_end, found.spoken, early=found.levels.voice is not None)
        start = heard.onset(source, min(source_end, source.start), found.speech)
        start = source.start if start is None else start
        loudness = None
        if begins is not None and line["id"] in sources and found.under is not None:
            loudness = heard.line_loudness(found.track, found.under, slot) - sources[line["id"]]
        lines.append(
            Line(
                id=line["id"],
                text=line["text"],
                slot=slot,
                source=source,
                start=start,
                onset_error=begins - start if begins is not None and line["source_text"] else None,
                loudness=loudness,
                heard=begins is not None,
                natural=line["natural_ms"],
                flags=tuple(line["flags"]),
            )
        )
        slot_end, source_end = slot.end, max(source_end, source.end)
    return tuple(lines)


def _source_levels(dub: Finished, told: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """LUFS of the source speech of each line that has a level to keep, by id."""
    if dub.stem is None:
        return {}
    with AudioFile(dub.stem) as stem:
        levels = {
            line["id"]: loudness_of(
                stem.read(Span(*line["source"]).samples.start, Span(*line["source"]).samples.stop)
            ).integrated
            for line in told
            if line["source_text"]
        }
    usual = median([level for level in levels.values() if level > heard.NEVER_LUFS] or [0.0])
    least = max(heard.NEVER_LUFS, usual + heard.FAINT_LU)
    return {name: level for name, level in levels.items() if level >= least}


# -- rows ------------------------------------------------------------------------------------------------


def _timing(figures: Figures, dub: Finished, film: Film, lines: Sequence[Line], found: Listened) -> None:
    taken = dub.report["timing"]["take_length_error_samples"]
    figures.put("take_length_error_samples", taken, "counted in the takes' files")
    figures.put("overlap_ms", metrics.overlap_time(_slots(dub.report)), "of the slots")
    known = [(line.start, line.onset_error) for line in lines if line.onset_error is not None]
    onsets = metrics.onset_errors([error for _, error in known]) if known else None
    unheard = sum(not line.heard for line in lines)
    without = f"without {unheard} lines in whose slot nothing is heard" if unheard else ""
    figures.put("onset_error_median_ms", onsets.median if onsets else None, "" if onsets else NOBODY)
    figures.put("onset_error_95_ms", onsets.percentile_95 if onsets else None, without if onsets else NOBODY)
    shares = metrics.rate_shares([Slot(line.id, line.slot, line.natural, line.flags) for line in lines])
    figures.put("rate_comfortable", shares.comfortable)
    figures.put("rate_unflagged", len(shares.unflagged))
    drift = metrics.drift(known, film.duration)
    figures.put(
        "drift_ms",
        drift,
        "" if drift is not None else "needs two minutes, with lines in the first and the last",
    )
    if found.speech:
        figures.put("speech_overlap", metrics.speech_overlap(found.speech, found.spoken))
    else:
        figures.put("speech_overlap", None, "nobody is heard to speak in the film")


def _holes(figures: Figures, speech: Sequence[Span], gaps: metrics.Holes, kept: Sequence[Span]) -> None:
    if not speech:
        figures.put("holes_share", None, "nobody is heard to speak in the film")
        return
    time = metrics.speech_time(kept)
    told = f"in {time / 1000:.1f} s of it the film's own voices stay" if time else ""
    figures.put("holes_share", gaps.share, told)


def _loudness(figures: Figures, dub: Finished, lines: Sequence[Line], found: Listened) -> None:
    off = [abs(line.loudness) for line in lines if line.loudness is not None]
    nothing = NO_STEMS if dub.stem is None else NOBODY
    figures.put(
        "line_loudness_lu", max(off, default=None), f"median {median(off):.1f} LU" if off else nothing
    )
    levels, settings = found.levels, dub.report["settings"]
    channel = "of the centre channel" if dub.centre else ""
    loud = math.isfinite(levels.peak)
    figures.put("true_peak_dbtp", levels.peak if loud else None, channel if loud else "the track is silent")
    if settings["background"] == "none":
        for name in ("bed_lu", "programme_lu"):
            figures.put(name, None, "the film's background was left out on purpose")
        return
    after = TAIL_MS if settings["room"] else SPREAD_MS
    ringing = [Span(line.slot.start, line.slot.end + after) for line in lines]
    voices = [*found.speech, *found.spoken, *found.activity]
    busy = [*ringing, *(line.source for line in lines), *voices, *dub.within]
    gaps = [abs(error) for _, error in heard.bed_errors(found.track, found.source, busy)]
    told = f"{len(gaps)} silences" if gaps else "no silence between lines has sound and is long enough"
    figures.put("bed_lu", max(gaps, default=None), told)
    if math.isfinite(levels.source) and math.isfinite(levels.programme):
        told = f"{levels.programme:.1f} LUFS, the film {levels.source:.1f}"
        figures.put("programme_lu", abs(levels.programme - levels.source), f"{told} {channel}".rstrip())
    else:
        figures.put("programme_lu", None, "silence has no loudness")


def _voice(figures: Figures, report: Mapping[str, Any]) -> None:
    """Medians over the takes that were kept, as they were scored when they were spoken."""
    takes = [take for line in report["lines"] for take in line.get("takes") or () if take.get("kept")]
    for bar in bars.VOICE:
        scores = [take[bar.name] for take in takes if take.get(bar.name) is not None]
        figures.put(bar.name, median(scores) if scores else None, "" if scores else NO_SCORE)


def _film(figures: Figures, dub: Finished, film: Film, made: Film, advance: Advance) -> None:
    settings, alone = dub.report["settings"], dub.report["sound_alone"]
    told = f"{made.duration / 1000:.2f} s, the film {film.duration / 1000:.2f} s"
    figures.put("duration_ms", abs(made.duration - film.duration), told)
    if alone or not film.has_video:
        for name in ("picture_moved_ms", "pictures_changed"):
            figures.put(name, None, SOUND_ALONE if alone else "the film has no picture")
    else:
        same = same_pictures(film, made, encoded=settings["burn"], progress=advance)
        moved = None if film.container == "avi" else same.moved
        untold = "" if moved is not None else "the film does not say when its pictures are shown"
        figures.put("picture_moved_ms", moved, untold)
        figures.put("pictures_changed", same.changed, same.why)
    if alone:
        figures.put("streams_missing", None, SOUND_ALONE)
        return
    container = container_for(made.path.suffix)
    originals = len(film.of("audio")) if settings["keep_original"] and container.tracks else 0
    wanted = {"video": len(film.of("video")), "audio": originals + 1}
    if container.text is not None:
        wanted["subtitle"] = len(film.of("subtitle"))
    there = {kind: len(made.of(kind)) for kind in ("video", "audio", "subtitle")}
    lost = sum(max(0, count - there[kind]) for kind, count in wanted.items())
    figures.put(
        "streams_missing", lost, ", ".join(f"{count} {kind}" for kind, count in there.items() if count)
    )
