"""What a run measured, as plain data: printed by the command line, kept as report.json. Measures timing by the metrics
of align/metrics on the takes as they sound, not on the plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from align import metrics
from align.types import SAMPLES_PER_MS, Segment, Span, union
from dubber import languages
from dubber.audio import AudioFile
from dubber.media import Film
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
        "duration_ms": film.duration,
        "settings": run.settings.as_json(),
        "language": languages.english_name(run.settings.target),
        "lines_remade": counts["take"].misses if "take" in counts else 0,
        "cache": {stage: {"hits": one.hits, "misses": one.misses} for stage, one in sorted(counts.items())},
        "seconds": {stage: round(seconds, 3) for stage, seconds in run.seconds.items()},
        "timing": timing(sound.speech, takes, film.duration),
        "loudness": {
            "source_lufs": track.source_lufs,
            "dub_lufs": track.dub_lufs,
            "true_peak_dbtp": track.true_peak,
        },
        "heard": _heard(found),
        "cast": dict(cast),
        "lines": _lines(found, said.segments, script, takes, track),
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


def timing(speech: Sequence[Span], takes: Sequence[Take], duration: int) -> dict[str, Any]:
    """The timing metrics of a dub. `speech` is where the source speaks (voice activity); the dub speaks where
    its takes are heard."""
    dubbed = union(heard(take) for take in takes)
    spoken = [(take, heard(take).start - take.line.span.start) for take in takes if take.line.segments]
    slots = [take.slot for take in takes]
    onsets = metrics.onset_errors([error for _, error in spoken]) if spoken else None
    shares = metrics.rate_shares(slots)
    gaps = metrics.holes(speech, dubbed)
    return {
        "take_length_error_samples": max((abs(length_error(take)) for take in takes), default=0),
        "overlap_ms": metrics.overlap_time([slot.span for slot in slots]),
        "onset_error_median_ms": onsets.median if onsets else None,
        "onset_error_95_ms": onsets.percentile_95 if onsets else None,
        "speech_overlap": round(metrics.speech_overlap(speech, dubbed), 4),
        "rate_comfortable": round(shares.comfortable, 4),
        "rate_over_ceiling": list(shares.over_ceiling),
        "holes_share": round(gaps.share, 4),
        "holes": [[gap.start, gap.end] for gap in gaps.spans],
        "drift_ms": metrics.drift([(take.line.span.start, error) for take, error in spoken], duration),
    }


def heard(take: Take) -> Span:
    """Where on the film's clock a take is heard."""
    start = take.slot.span.start
    return Span(start + take.onset, start + max(take.offset, take.onset))


def length_error(take: Take) -> int:
    """Samples of the take − samples of its slot, counted in the file."""
    with AudioFile(take.path) as file:
        return file.frames - take.slot.span.duration * SAMPLES_PER_MS


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
    found: Found, segments: Sequence[Segment], script: Script, takes: Sequence[Take], track: Track
) -> list[dict[str, Any]]:
    said = {segment.id: segment for segment in segments}
    made = {take.line.id: take for take in takes}
    told = []
    for line in script.lines:
        take = made.get(line.id)
        sources = [said[one] for one in line.segments if one in said]
        entry: dict[str, Any] = {
            "id": line.id,
            "speaker": line.speaker,
            "source": [line.span.start, line.span.end],
            "source_text": " ".join(one.text for one in sources),
            "confidence": confidence([word for one in sources for word in one.words]),
            "talked_over": any(line.span.overlap(span) for span in found.overlaps),
            "text": line.text,
            "spoken": take is not None,
        }
        if line.id in script.answers:
            answer = script.answers[line.id]
            entry |= {"wordings": list(answer.wordings), "faults": list(answer.faults)}
        if line.id in script.strengths:
            entry["emotion"] = script.strengths[line.id]
        if take is not None:
            slot = take.slot
            entry |= {
                "slot": [slot.span.start, slot.span.end],
                "natural_ms": slot.natural,
                "factor": round(slot.factor, 3),
                "flags": list(slot.flags),
                "onset_error_ms": heard(take).start - line.span.start if line.segments else None,
                "voice": dict(take.notes),
                "manner": take.manner,
                "gain_db": track.lines[line.id]["gain"],
                "source_lufs": track.lines[line.id]["source"],
                "dub_lufs": track.lines[line.id]["mixed"],
            }
        told.append(entry)
    return told
