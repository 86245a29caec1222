"""What a dub will be before any voice is made: each line's slot, expected length, rate and risk, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from align import metrics
from align.lines import joined
from align.rates import Estimate, Heard, Rates
from align.types import Slot, Span
from dubber import pace, voices
from dubber.comfort import Band
from dubber.media import Film
from dubber.stages import pronounce
from dubber.steps import fitting, speak
from dubber.steps.run import Run
from dubber.steps.speak import Part, Utterance, by_line, whole
from dubber.steps.wording import Said, Script

LONGEST_MS = 100 * 3_600_000
"""No line, and no run, takes so long: a report that says so is damaged."""

RATE = "speaking_rate"
"""The report's seconds of work for each second of speech, of the last run that spoke."""

SLOWEST = 100_000
"""Seconds for a second of speech that no machine needs."""

MEASURED = "measured"
"""The `did` of a history's step that holds a length that a voice was measured at."""


def plan(
    run: Run, film: Film, said: Said, script: Script, speech: Sequence[Span], cuts: Sequence[int] = ()
) -> dict[str, Any]:
    """The plan as plain data. Lengths are expected ones: by the rates that an earlier run measured with this voice, or
    else by the language's own. `cuts` are the film's shot changes (ms) where they were looked for."""
    prior = pronounce.prior(run.settings.target)
    heard = tuple(_measured_before(run))
    rates = Rates.learned(heard, prior)

    def expected(wanted: Sequence[Utterance]) -> Mapping[Utterance, int | None]:
        lengths = [rates.estimate(one.line.speaker, one.text).ms for one in wanted]
        return {one: ms if ms > 0 else None for one, ms in zip(wanted, lengths, strict=True)}

    fitted = fitting.fit(run, script, said, speech, film.duration, measure=expected, cuts=cuts)
    lines = [_line(run, rates, parts) for parts in by_line(fitted.parts).values()]
    slots = [whole(parts) for parts in by_line(fitted.parts).values()]
    spoken = sum(part.slot.span.duration for part in fitted.parts)
    takes = run.settings.takes if voices.named(run.settings.voice or "").draws else 1
    return {
        "film": str(film.path),
        "project": str(run.project.folder),
        "settings": run.settings.as_json(),
        "duration_ms": film.duration,
        "rates_from": _rates_from(prior, len(heard)),
        "lines": lines,
        "speech_overlap": round(metrics.speech_overlap(speech, [slot.span for slot in slots]), 4),
        "rate_comfortable": round(metrics.rate_shares(slots).comfortable, 4),
        **({"shots": list(cuts)} if run.settings.shots else {}),
        "at_risk": sum(line["risk"] == "high" for line in lines),
        "spoken_ms": spoken,
        "takes": takes,
        "seconds": pace.seconds_for(speak.pace_name(run), takes * spoken) or _as_before(run, takes * spoken),
        "notes": list(run.notes),
    }


def _line(run: Run, rates: Rates, parts: Sequence[Part]) -> dict[str, Any]:
    line, slot = parts[0].line, whole(parts)
    guesses = [rates.estimate(line.speaker, part.text) for part in parts]
    guess = Estimate(
        sum(one.ms for one in guesses), sum(one.low for one in guesses), sum(one.high for one in guesses)
    )
    return {
        "id": line.id,
        "speaker": line.speaker,
        "text": joined("\n".join(part.text for part in parts)),
        "source": [line.span.start, line.span.end],
        "slot": [slot.span.start, slot.span.end],
        "estimate_ms": [guess.low, guess.ms, guess.high],
        "factor": round(slot.factor, 3),
        "flags": list(slot.flags),
        "phrases": len(parts),
        "risk": _risk(fitting.band(run.settings, line.speaker), slot, guess),
    }


def _risk(band: Band, slot: Slot, guess: Estimate) -> str:
    """How likely a line is to leave the comfort band of its voice: "high" where it is expected to; "some" where it may
    within the 80 % that its length is expected in; "none"."""
    slowest, fastest = band
    time = max(1, slot.spoken)
    if slot.factor > fastest or {"crowded", "short"} & set(slot.flags):
        return "high"
    return "some" if guess.high / time > fastest or guess.low / time < slowest else "none"


def _rates_from(prior: pronounce.Prior, measured: int) -> str:
    """What the expected lengths come from, for the person."""
    if measured:
        return f"{measured} lengths that this voice was measured at"
    because = f" ({prior.because})" if prior.because else ""
    return f"the language's usual rate, by {prior.source}{because}: this voice was not measured yet"


def _as_before(run: Run, spoken: int) -> float | None:
    """Seconds for so much speech (ms), as fast as the last run over this film spoke; None where it spoke nothing."""
    rate = _report(run).get(RATE)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < SLOWEST:
        return None
    return float(rate) * spoken / 1000


def _measured_before(run: Run) -> Iterator[Heard]:
    """What an earlier run with this voice measured, as its report has it; damage to it is nothing."""
    lines = _report(run).get("lines")
    for line in lines if isinstance(lines, list) else ():
        if not isinstance(line, dict) or line.get("phrases") or not isinstance(line.get("speaker"), str):
            continue
        history = line.get("history")
        for event in history if isinstance(history, list) else ():
            if not isinstance(event, dict) or event.get("did") != MEASURED:
                continue
            text, ms = event.get("text"), event.get("natural_ms")
            if isinstance(text, str) and isinstance(ms, int) and 0 < ms < LONGEST_MS:
                yield Heard(line["speaker"], text, ms)


def _report(run: Run) -> dict[str, Any]:
    """The last report of this film in this voice; {} where there is none that can be read."""
    report = run.project.report(run.settings.target)
    settings = report.get("settings") if isinstance(report, dict) else None
    same = isinstance(settings, dict) and settings.get("voice") == run.settings.voice
    return report if same and isinstance(report, dict) else {}
