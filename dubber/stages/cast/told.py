"""What was chosen for a voice and why, as plain data for the report. Chooses nothing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dubber.stages.cast.figures import Figures
from dubber.stages.cast.timbre import WORSE, Candidate, Choice

FAULTS = {
    "overlap": "others are heard in {overlap:.0%} of it",
    "bed": "it stands {bed:.0f} dB over music and effects",
    "noise": "it stands {snr:.0f} dB over its noise",
    "bandwidth": "its speech ends at {bandwidth:.0f} Hz",
    "clipped": "its source is clipped for {clipped:.1f} ms a second",
    "quiet": "it is quiet ({level:.0f} dBFS)",
    "shouted": "it is louder or higher than the speaker usually is ({level:.0f} dBFS)",
    "monotone": "its pitch covers {pitch_range:.1f} semitones",
    "brevity": "it is short ({seconds:.1f} s)",
}
"""What loses a stretch points, as a clause of a sentence."""


def told(choice: Choice) -> dict[str, Any]:
    """A choice as JSON data: `milliseconds` in all, `spans` with their figures and the points they lost, the
    `runner_up` and why it was left out, and how many stretches were `heard`."""
    runner_up = choice.runner_up
    return {
        "milliseconds": choice.milliseconds,
        "spans": [_candidate(one) for one in choice.taken],
        "runner_up": None if runner_up is None else {**_candidate(runner_up), "why": _why(choice, runner_up)},
        "heard": choice.heard,
    }


def _candidate(one: Candidate) -> dict[str, Any]:
    return {
        "span": [one.span.start, one.span.end],
        "figures": {
            name: None if value is None else round(value, 2) for name, value in asdict(one.figures).items()
        },
        "lost": {name: round(points, 2) for name, points in one.score.by_fault().items() if points},
        "points": round(one.score.lost, 2),
    }


def _why(choice: Choice, runner_up: Candidate) -> str:
    """Why the runner-up was left out, in a sentence: for want of room, or for what puts it furthest behind."""
    best = min(choice.taken, key=lambda one: (one.score.lost, one.span)).score
    if runner_up.score.lost - best.lost <= WORSE:
        return "As good, but the reference was full."
    behind = {fault: points - best.by_fault()[fault] for fault, points in runner_up.score.by_fault().items()}
    fault = max(behind, key=behind.__getitem__)
    return f"Left out because {FAULTS[fault].format(**_sayable(runner_up.figures))}."


def _sayable(figures: Figures) -> dict[str, float]:
    return {name: 0.0 if value is None else value for name, value in asdict(figures).items()}
