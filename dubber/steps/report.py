"""What a run measured, as plain data: printed by the command line, kept as report.json. Measures timing by the metrics
of align/metrics on the takes as they sound, not on the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from align import metrics, phrases
from align.types import SAMPLES_PER_MS, Segment, Span, union, without
from dubber import languages, records
from dubber.audio import AudioFile
from dubber.media import Film
from dubber.stages import takes as scoring
from dubber.steps import fitting, speak
from dubber.steps.fitting import Fitted
from dubber.steps.hear import SURE, Found, confidence
from dubber.steps.mixing import Track
from dubber.steps.run import Run
from dubber.steps.sound import Sound
from dubber.steps.speak import Take
from dubber.steps.wording import Said, Script


def write(
    run: Run,
    film: Film,
    sound: Sound,
    found: Found,
    said: Said,
    script: Script,
    fitted: Fitted,
    cast: Mapping[str, Any],
    takes: Sequence[Take],
    track: Track,
    out: Path,
    *,
    fresh: bool,
    sound_alone: bool,
) -> dict[str, Any]:
    """The report of this run, written into its project. `fresh` says whether `out` was
    written now, `sound_alone` whether it is sound without a film."""
    counts = run.cache.counts
    report = {
        "film": str(run.project.film),
        "project": str(run.project.folder),
        "output": str(out),
        "written": fresh,
        "sound_alone": sound_alone,
        "page": str(run.project.page_path(run.settings.target)),
        "made": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        "duration_ms": film.duration,
        "settings": run.settings.as_json(),
        "source_language": run.language,
        "language": languages.english_name(run.settings.target),
        "lines_remade": counts["take"].misses if "take" in counts else 0,
        "spoken_now_ms": run.spoken,
        "speaking_rate": _speaking_rate(run),
        "cache": {stage: {"hits": one.hits, "misses": one.misses} for stage, one in sorted(counts.items())},
        "seconds": {stage: round(seconds, 3) for stage, seconds in run.seconds.items()},
        "timing": timing(without(sound.speech, [line.span for line in script.hushed]), takes, film.duration),
        "stem": sound.stems.speech_file.path.relative_to(run.project.folder).as_posix(),
        "within": records.spans_json(sound.stems.within or ()),
        "hushed": records.spans_json(line.span for line in script.hushed),
        "speech": records.spans_json(sound.speech),
        "dubbed": records.spans_json(union(take.heard for take in takes)),
        "rates": _rates(run, fitted, takes),
        "rounds": fitted.rounds,
        **({"shots": list(fitted.cuts)} if run.settings.shots else {}),
        "loudness": {
            "source_lufs": track.source_lufs,
            "dub_lufs": track.dub_lufs,
            "true_peak_dbtp": track.true_peak,
        },
        "heard": _heard(found),
        "cast": dict(cast),
        "lines": _lines(run, found, said.segments, script, fitted, takes, track),
        "untranslated": [
            {
                "source": [line.span.start, line.span.end],
                "source_text": " ".join(one.text for one in said.segments if one.id in line.segments),
                "faults": list(script.answers[line.id].faults) if line.id in script.answers else [],
            }
            for line in script.untranslated
        ],
        "notes": list(run.notes),
    }
    run.project.write_report(run.settings.target, report)
    return report


def _speaking_rate(run: Run) -> Any:
    """Seconds of work for each second of speech: of this run, or where it spoke nothing, of the last in this voice."""
    if run.spoken:
        return round(1000 * run.speaking / run.spoken, 6)
    before = run.project.report(run.settings.target)
    settings = before.get("settings") if isinstance(before, dict) else None
    same = isinstance(settings, dict) and settings.get("voice") == run.settings.voice
    return before.get("speaking_rate") if same else None


def timing(speech: Sequence[Span], takes: Sequence[Take], duration: int) -> dict[str, Any]:
    """The timing metrics of a dub. `speech` is where the source speaks (voice activity) and is to be dubbed; the dub
    speaks where its takes are heard."""
    dubbed = union(take.heard for take in takes)
    spoken = [
        (many[0], many[0].heard.start - many[0].part.source.start)
        for many in by_line(takes).values()
        if many[0].line.segments
    ]
    onsets = metrics.onset_errors([error for _, error in spoken]) if spoken else None
    shares = metrics.rate_shares(
        [speak.whole([take.part for take in many]) for many in by_line(takes).values()]
    )
    gaps = metrics.holes(speech, dubbed)
    return {
        "take_length_error_samples": max((abs(length_error(take)) for take in takes), default=0),
        "overlap_ms": metrics.overlap_time([(take.slot.span, take.part.turn) for take in takes]),
        "onset_error_median_ms": onsets.median if onsets else None,
        "onset_error_95_ms": onsets.percentile_95 if onsets else None,
        "speech_overlap": round(metrics.speech_overlap(speech, dubbed), 4),
        "rate_comfortable": round(shares.comfortable, 4),
        "rate_over_ceiling": list(shares.over_ceiling),
        "rate_unflagged": list(shares.unflagged),
        "holes_share": round(gaps.share, 4),
        "holes": [[gap.start, gap.end] for gap in gaps.spans],
        "drift_ms": metrics.drift([(take.part.source.start, error) for take, error in spoken], duration),
    }


def by_line(takes: Sequence[Take]) -> dict[str, list[Take]]:
    """The takes of each line, by its id, in order of time."""
    found: dict[str, list[Take]] = {}
    for take in sorted(takes, key=lambda one: one.slot.span):
        found.setdefault(take.line.id, []).append(take)
    return found


def length_error(take: Take) -> int:
    """Samples of the take − samples of its slot, counted in the file."""
    with AudioFile(take.kept.path) as file:
        return file.frames - take.slot.span.duration * SAMPLES_PER_MS


def _rates(run: Run, fitted: Fitted, takes: Sequence[Take]) -> dict[str, Any]:
    """How fast each speaker's voice was found to speak, against what is expected of anybody; and its comfort band."""
    lines: dict[str, int] = {}
    for many in by_line(takes).values():
        lines[many[0].line.speaker] = lines.get(many[0].line.speaker, 0) + 1
    return {
        speaker: {
            "pace": round(fitted.rates.pace(speaker), 3),
            "uncertainty": round(fitted.rates.uncertainty(speaker), 3),
            "lines": count,
            "comfort": list(fitting.band(run.settings, speaker)),
        }
        for speaker, count in lines.items()
    }


def _heard(found: Found) -> dict[str, Any] | None:
    """What the recogniser made of the film; None where a person said what is said."""
    heard = found.heard
    if heard is None:
        return None
    return {
        "language": heard.language,
        "sure": heard.sure,
        "words": len(heard.words),
        "doubtful": sum(word.confidence < SURE for word in heard.words),
        "unheard": [[span.start, span.end] for span in heard.unheard],
        "dropped": [[one.span.start, one.span.end, one.text, one.why] for one in heard.dropped],
    }


def _lines(
    run: Run,
    found: Found,
    segments: Sequence[Segment],
    script: Script,
    fitted: Fitted,
    takes: Sequence[Take],
    track: Track,
) -> list[dict[str, Any]]:
    said = {segment.id: segment for segment in segments}
    made = by_line(takes)
    told = []
    for line in script.lines:
        sources = [said[one] for one in line.segments if one in said]
        entry: dict[str, Any] = {
            "id": line.id,
            "speaker": line.speaker,
            "source": [line.span.start, line.span.end],
            "source_text": " ".join(one.text for one in sources),
            "confidence": confidence([word for one in sources for word in one.words]),
            "talked_over": any(line.span.overlap(span) for span in found.overlaps),
            "text": phrases.unmarked(line.text),
            "spoken": line.id in made,
        }
        if line.id in script.answers:
            answer = script.answers[line.id]
            entry |= {"wordings": list(answer.wordings), "faults": list(answer.faults)}
        if line.id in script.strengths:
            entry["emotion"] = script.strengths[line.id]
        if line.id in made:
            entry |= _spoken(run, made[line.id], fitted, track)
        told.append(entry)
    return told


def _spoken(run: Run, takes: Sequence[Take], fitted: Fitted, track: Track) -> dict[str, Any]:
    """What is told of a line that is spoken in these takes, one for each of its phrases."""
    line, slot = takes[0].line, speak.whole([take.part for take in takes])
    loudest = max(takes, key=lambda take: take.slot.span.duration)
    levels = track.lines[loudest.id]
    entry: dict[str, Any] = {
        "slot": [slot.span.start, slot.span.end],
        "natural_ms": slot.natural,
        "estimate_ms": list(fitted.estimates[line.id]),
        "factor": round(slot.factor, 3),
        "flags": list(slot.flags),
        "onset_error_ms": takes[0].heard.start - takes[0].part.source.start if line.segments else None,
        "voice": dict(takes[0].kept.notes),
        "manner": takes[0].kept.manner,
        "gain_db": levels["gain"],
        "source_lufs": levels["source"],
        "dub_lufs": levels["mixed"],
        "history": list(fitted.history[line.id]),
        "takes": [one for take in takes for one in _takes(run, take)],
    }
    if len(takes) > 1:
        entry["phrases"] = [
            {
                "text": take.part.text,
                "source": [take.part.source.start, take.part.source.end],
                "slot": [take.slot.span.start, take.slot.span.end],
                "heard": [take.heard.start, take.heard.end],
                "natural_ms": take.slot.natural,
                "factor": round(take.slot.factor, 3),
            }
            for take in takes
        ]
    return entry


def _takes(run: Run, take: Take) -> list[dict[str, Any]]:
    """All recordings of a part, as the report tells of them."""
    return [
        {
            **row,
            "part": take.id,
            "kept": one is take.kept,
            "path": one.path.relative_to(run.project.folder).as_posix(),
        }
        for row, one in zip(scoring.rows(take.scores), take.all, strict=True)
    ]
