"""A finished dub against the bars of align/bars: the film that was written is decoded and measured; of the report only
that is believed which no film tells (slots, natural lengths, the takes' own files). Changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

from align import bars, metrics
from align.lanes import TOGETHER_MS, alone
from align.types import Span, without
from dubber import heard, languages, media, reported, vad
from dubber.audio import AudioFile, Stems
from dubber.checked import Check, Line
from dubber.errors import MediaError
from dubber.finished import Finished
from dubber.heard import Levels, Under
from dubber.media import Film
from dubber.media.containers import container_for
from dubber.media.sameness import same_pictures
from dubber.progress import Advance, Progress
from dubber.reported import Reported
from dubber.stages import background
from dubber.stages.room import TAIL_MS
from dubber.times import clock

NO_STEMS = "the film's speech and background are no longer in the project"
SOUND_ALONE = "this dub is sound without a film"
NOBODY = "no line of the film is spoken in the dub"
UNDER = "every line begins while another sounds"
NO_SCORE = "no take was scored"

TURNED_DOWN = {
    "duck": "the film's own sound is turned down under speech on purpose",
    "none": "the film's background was left out on purpose",
}
"""Choices of a background that make a dub softer than its film, and what to say of it."""

SPREAD_MS = 50
"""What a codec may smear of a line past its slot: two long windows of AAC."""


@dataclass
class Figures:
    """What was measured, by the bars' names, what is to be said of it, and which of it no bar is held against."""

    values: dict[str, float | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    unjudged: set[str] = field(default_factory=set)

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
    asked = without(found.speech, dub.report.hushed)
    gaps = metrics.holes(asked, found.spoken)
    kept = without(gaps.spans, [*dub.within, *(line.source for line in lines)])
    _timing(figures, dub, film, lines)
    _speech(figures, asked, found.spoken, gaps, kept)
    _voice(figures, dub.report)
    with progress.stage("compare") as advance:
        _film(figures, dub, film, made, advance)
    rows = bars.rows(figures.values, figures.reasons, figures.unjudged)
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
            media.extract(film, original, track=dub.report.track, centre=dub.centre, progress=advance)
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
        how = dub.report.background
        duck = background.Duck([*speech, *dub.report.slots]) if how == "duck" else None
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
    replaced = [line.source for line in dub.report.lines]
    return without(activity, without(speech, [*replaced, *dub.report.slots]))


# -- lines -----------------------------------------------------------------------------------------------


def _lines(dub: Finished, found: Listened) -> tuple[Line, ...]:
    sources = _source_levels(dub)
    places = _heard_alone(dub.report.lines, lambda line: line.slots)
    covered = _begun_under([one.slots for one in dub.report.lines])
    hidden = _begun_under([one.sources or (one.source,) for one in dub.report.lines])
    lines: list[Line] = []
    slot_end = source_end = 0
    for i, told in enumerate(dub.report.lines):
        slot, source = told.slot.span, told.source
        before = min(slot_end, slot.start)  # a line that is talked over ends after the one over it begins
        begins = heard.onset(slot, before, found.spoken, early=found.levels.voice is not None)
        start = heard.onset(source, min(source_end, source.start), found.speech)
        loudness = None
        if begins is not None and told.id in sources and found.under is not None and places[i]:
            level = max(heard.loudness_in(found.track, place, found.under) for place in places[i])
            loudness = max(level, heard.NEVER_LUFS) - sources[told.id]
        lines.append(
            Line(
                id=told.id,
                text=told.text,
                slot=told.slot,
                source=source,
                start=source.start if start is None else start,
                begins=begins,
                follows=bool(told.source_text),
                loudness=loudness,
                under=covered[i] or hidden[i],
            )
        )
        slot_end, source_end = max(slot_end, slot.end), max(source_end, source.end)
    return tuple(lines)


def _source_levels(dub: Finished) -> dict[str, float]:
    """LUFS of the source speech of each line that has a level to keep, by id: of where nobody else talks."""
    if dub.stem is None:
        return {}
    said = [line for line in dub.report.lines if line.source_text]
    places = _heard_alone(said, lambda line: line.sources or (line.source,))
    with AudioFile(dub.stem) as stem:
        levels = {
            line.id: max(heard.loudness_in(stem, place) for place in many)
            for line, many in zip(said, places, strict=True)
            if many
        }
    usual = median([level for level in levels.values() if level > heard.NEVER_LUFS] or [0.0])
    least = max(heard.NEVER_LUFS, usual + heard.FAINT_LU)
    return {name: level for name, level in levels.items() if level >= least}


def _heard_alone(
    lines: Sequence[reported.Line], places: Callable[[reported.Line], Sequence[Span]]
) -> list[tuple[Span, ...]]:
    """Where each line may be measured: all of it where it shares no time with another, else its stretches alone that
    are long enough to tell their loudness."""
    parts = [(i, span) for i, line in enumerate(lines) for span in places(line)]
    found: list[list[Span]] = [[] for _ in lines]
    shared: set[int] = set()
    for (i, span), free in zip(parts, alone([span for _, span in parts], heard.LEAST_GAP_MS), strict=True):
        found[i] += free
        if free != (span,):
            shared.add(i)
    whole = [Span(places(line)[0].start, places(line)[-1].end) for line in lines]
    return [tuple(found[i]) if i in shared else (whole[i],) for i in range(len(lines))]


def _begun_under(lines: Sequence[Sequence[Span]]) -> list[bool]:
    """Whether each line, of these stretches, begins while another sounds, and goes on to for TOGETHER_MS: voice
    activity then hears no beginning."""
    parts = sorted((span, i) for i, spans in enumerate(lines) for span in spans)
    begun = [False] * len(lines)
    ends: list[tuple[int, int]] = []  # those that last longest so far: of two lines, so that one is another's
    for span, i in parts:
        if span.start == lines[i][0].start:
            begun[i] = any(end - span.start >= TOGETHER_MS and other != i for end, other in ends)
        longest = max([span.end, *(end for end, other in ends if other == i)])
        ends = sorted([one for one in ends if one[1] != i] + [(longest, i)], reverse=True)[:2]
    return begun


# -- rows ------------------------------------------------------------------------------------------------


def _timing(figures: Figures, dub: Finished, film: Film, lines: Sequence[Line]) -> None:
    figures.put("take_length_error_samples", dub.report.length_error, "counted in the takes' files")
    figures.put("overlap_ms", metrics.overlap_time(dub.report.said), "of the slots")
    known = [(line.start, line.onset_error) for line in lines if line.onset_error is not None]
    onsets = metrics.onset_errors([error for _, error in known]) if known else None
    nothing = UNDER if any(line.under for line in lines) else NOBODY
    figures.put("onset_error_median_ms", onsets.median if onsets else None, "" if onsets else nothing)
    figures.put(
        "onset_error_95_ms", onsets.percentile_95 if onsets else None, _furthest(lines) if onsets else nothing
    )
    shares = metrics.rate_shares([line.slot for line in lines])
    figures.put("rate_comfortable", shares.comfortable)
    figures.put("rate_unflagged", len(shares.unflagged))
    drift = metrics.drift(known, film.duration)
    figures.put(
        "drift_ms",
        drift,
        "" if drift is not None else "needs two minutes, with lines in the first and the last",
    )


def _furthest(lines: Sequence[Line]) -> str:
    """Which line's onset is furthest off, and why, where anybody might notice; and how many have none."""
    unheard = sum(line.begins is None for line in lines)
    told = [f"without {unheard} lines in whose slot nothing is heard"] if unheard else []
    under = sum(line.under and line.follows and line.begins is not None for line in lines)
    told += [f"without {under} lines that begin while another sounds"] if under else []
    line = max(lines, key=lambda one: abs(one.onset_error or 0))
    error = line.onset_error or 0
    if abs(error) > bars.ONSET_MEDIAN_MS:
        way = "late" if error > 0 else "early"
        told.append(f"furthest: {clock(line.place)}, {abs(error)} ms {way}, for {line.why()}")
    return "; ".join(told)


def _speech(
    figures: Figures,
    asked: Sequence[Span],
    spoken: Sequence[Span],
    gaps: metrics.Holes,
    kept: Sequence[Span],
) -> None:
    """The speech that is to be dubbed against the dub's; `kept` is what of the gaps the film's own voices fill."""
    if not asked:
        for name in ("speech_overlap", "holes_share"):
            figures.put(name, None, "nobody is heard to speak in the film")
        return
    figures.put("speech_overlap", metrics.speech_overlap(asked, spoken))
    time = metrics.speech_time(kept)
    told = f"in {time / 1000:.1f} s of it the film's own voices stay" if time else ""
    figures.put("holes_share", gaps.share, told)


def _loudness(figures: Figures, dub: Finished, lines: Sequence[Line], found: Listened) -> None:
    off = [abs(line.loudness) for line in lines if line.loudness is not None]
    nothing = NO_STEMS if dub.stem is None else NOBODY
    figures.put(
        "line_loudness_lu", max(off, default=None), f"median {median(off):.1f} LU" if off else nothing
    )
    levels = found.levels
    channel = "of the centre channel" if dub.centre else ""
    loud = math.isfinite(levels.peak)
    figures.put("true_peak_dbtp", levels.peak if loud else None, channel if loud else "the track is silent")
    _programme(figures, dub.report, levels, channel)
    if dub.report.background == "none":
        figures.put("bed_lu", None, TURNED_DOWN["none"])
        return
    after = TAIL_MS if dub.report.room else SPREAD_MS
    ringing = [Span(line.place.start, line.place.end + after) for line in lines]
    voices = [*found.speech, *found.spoken, *found.activity]
    busy = [*ringing, *(line.source for line in lines), *voices, *dub.within]
    gaps = [abs(error) for _, error in heard.bed_errors(found.track, found.source, busy)]
    told = f"{len(gaps)} silences" if gaps else "no silence between lines has sound and is long enough"
    figures.put("bed_lu", max(gaps, default=None), told)


def _programme(figures: Figures, report: Reported, levels: Levels, channel: str) -> None:
    """The whole track against the film's sound; softer than that, it is held to the bar only where all of the
    background stays."""
    if not math.isfinite(levels.source) or not math.isfinite(levels.programme):
        figures.put("programme_lu", None, "silence has no loudness")
        return
    told = f"{levels.programme:.1f} LUFS, the film {levels.source:.1f} {channel}".rstrip()
    unjudged = bars.unjudged(report.background, levels.source, levels.programme)
    if unjudged:
        told = f"{told}: {TURNED_DOWN[report.background]}"
    figures.unjudged |= unjudged
    figures.put("programme_lu", abs(levels.programme - levels.source), told)


def _voice(figures: Figures, report: Reported) -> None:
    """Medians over the takes that were kept, as they were scored when they were spoken."""
    takes = [scores for line in report.lines for scores in line.scores]
    for bar in bars.VOICE:
        known = [scores[bar.name] for scores in takes if bar.name in scores]
        figures.put(bar.name, median(known) if known else None, "" if known else NO_SCORE)


def _film(figures: Figures, dub: Finished, film: Film, made: Film, advance: Advance) -> None:
    alone = dub.report.sound_alone
    told = f"{made.duration / 1000:.2f} s, the film {film.duration / 1000:.2f} s"
    figures.put("duration_ms", abs(made.duration - film.duration), told)
    if alone or not film.has_video:
        for name in ("picture_moved_ms", "pictures_changed"):
            figures.put(name, None, SOUND_ALONE if alone else "the film has no picture")
    else:
        same = same_pictures(film, made, encoded=dub.report.burn, progress=advance)
        moved = None if film.container == "avi" else same.moved
        untold = "" if moved is not None else "the film does not say when its pictures are shown"
        figures.put("picture_moved_ms", moved, untold)
        figures.put("pictures_changed", same.changed, same.why)
    if alone:
        figures.put("streams_missing", None, SOUND_ALONE)
        return
    container = container_for(made.path.suffix)
    originals = len(film.of("audio")) if dub.report.keep_original and container.tracks else 0
    wanted = {"video": len(film.of("video")), "audio": originals + 1}
    if container.text is not None:
        wanted["subtitle"] = len(film.of("subtitle"))
    there = {kind: len(made.of(kind)) for kind in ("video", "audio", "subtitle")}
    lost = sum(max(0, count - there[kind]) for kind, count in wanted.items())
    figures.put(
        "streams_missing", lost, ", ".join(f"{count} {kind}" for kind, count in there.items() if count)
    )
