"""Reports as a run writes them, made up: for tests of what reads them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dubber import page
from dubber.audio import FloatArray

HOSTILE = (
    '</script><script>window.pwned=1</script><img src=x onerror="window.pwned=1">&lt;\'\u2028\u2029'
    "\ud800\x00\u202e<!--<script>"
)
"""What a name or a line of a film may hold to break out of a page, with what UTF-8 and HTML cannot hold at all."""


def line(index: int, **changes: Any) -> dict[str, Any]:
    """A line that nothing is wrong with, every four seconds, said by one of two."""
    start = 1_000 + 4_000 * index
    return {
        "id": f"s{start}",
        "speaker": f"Speaker {index % 2 + 1}",
        "source": [start, start + 2_000],
        "source_text": f"This is what is said, number {index + 1}.",
        "confidence": 0.9,
        "talked_over": False,
        "text": f"Esto es lo que se dice, número {index + 1}.",
        "spoken": True,
        "wordings": ["Esto es lo que se dice.", "Se dice esto."],
        "faults": [],
        "slot": [start, start + 2_000],
        "natural_ms": 2_100,
        "estimate_ms": [1_900, 2_050, 2_300],
        "factor": 1.05,
        "flags": [],
        "onset_error_ms": 10,
        "voice": {"rate_wpm": 170},
        "manner": "own",
        "gain_db": -1.5,
        "source_lufs": -21.0,
        "dub_lufs": -21.2,
        "history": [
            {
                "round": 0,
                "did": "measured",
                "text": "Esto es lo que se dice.",
                "natural_ms": 2_400,
                "factor": 1.2,
                "told": "Longer than its source.",
            },
            {
                "round": 1,
                "did": "chosen",
                "text": "Se dice esto.",
                "natural_ms": 2_100,
                "factor": 1.05,
                "told": "It fits.",
            },
        ],
        "takes": [
            {"part": f"s{start}", "seed": 0, "score": 0.8, "timbre": 0.7, "kept": True, "doubt": None},
            {"part": f"s{start}", "seed": 1, "score": 0.6, "timbre": None, "kept": False, "doubt": None},
        ],
        **changes,
    }


def report(lines: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
    """A report of these lines, of five good ones by itself."""
    lines = [line(index) for index in range(5)] if lines is None else lines
    spoken = [one for one in lines if one["spoken"]]
    return {
        "film": "/films/talk.mp4",
        "project": "/films/talk.dub",
        "output": "/films/talk.es.mp4",
        "written": True,
        "sound_alone": False,
        "duration_ms": max((one["source"][1] for one in lines), default=0) + 2_000,
        "settings": {"target": "es", "source": "en", "profile": "draft", "voice": "espeak", "seed": 1},
        "language": "Spanish",
        "lines_remade": len(spoken),
        "seconds": {"transcribe": 2.5, "synthesize": 3.0},
        "timing": {
            "take_length_error_samples": 0,
            "overlap_ms": 0,
            "onset_error_median_ms": 10.0,
            "onset_error_95_ms": 20.0,
            "speech_overlap": 0.9,
            "rate_comfortable": 1.0,
            "rate_over_ceiling": [one["id"] for one in spoken if one["factor"] > 1.25],
            "holes_share": 0.0,
            "holes": [],
            "drift_ms": None,
        },
        "loudness": {"source_lufs": -21.0, "dub_lufs": -21.1, "true_peak_dbtp": -2.0},
        "cast": {"speakers": {"Speaker 1": {"told": "chosen from the film", "milliseconds": 9_000}}},
        "rates": {"Speaker 1": {"pace": 1.08, "uncertainty": 0.07, "lines": 3}},
        "speech": [one["source"] for one in lines],
        "dubbed": [one["slot"] for one in spoken],
        "lines": lines,
        "untranslated": [],
        "notes": ["The film is taken to be in English."],
        **changes,
    }


def hostile(count: int = 4) -> dict[str, Any]:
    """A report in which every text that a film, a person or an engine may bring is hostile."""
    lines = []
    for index in range(count):
        good = line(index)
        lines.append(
            good
            | {
                "id": f"{HOSTILE}{index}",
                "speaker": HOSTILE,
                "source_text": HOSTILE,
                "text": HOSTILE,
                "wordings": [HOSTILE, HOSTILE + "2"],
                "faults": [HOSTILE],
                "voice": {HOSTILE: HOSTILE},
                "manner": HOSTILE,
                "flags": [HOSTILE],
                "history": [
                    step | {"text": HOSTILE, "told": HOSTILE, "did": HOSTILE} for step in good["history"]
                ],
                "takes": [take | {"doubt": HOSTILE, "part": HOSTILE} for take in good["takes"]],
            }
        )
    names = {"target": "es", "source": "en", "profile": HOSTILE, "voice": HOSTILE, "context": HOSTILE}
    return report(
        lines,
        film=f"/films/{HOSTILE.replace('/', '-')}.mp4",
        project=HOSTILE,
        output=HOSTILE,
        language=HOSTILE,
        made=HOSTILE,
        settings=names,
        seconds={HOSTILE: 1.0},
        notes=[HOSTILE],
        cast={"speakers": {HOSTILE: {"told": HOSTILE, "milliseconds": 1_000}}},
        untranslated=[{"source": [0, 900], "source_text": HOSTILE, "faults": [HOSTILE]}],
    )


def tone(seconds: float = 1.0, rate: int = 48_000) -> FloatArray:
    """A quiet tone of 440 Hz, shape (n,)."""
    at = np.arange(round(seconds * rate)) / rate
    return (0.2 * np.sin(2 * math.pi * 440 * at)).astype(np.float32)


def sounds(told: dict[str, Any], seconds: float = 1.0) -> dict[str, page.Clips]:
    """Clips of every line of a report: the same tone for all."""
    sound = page.clip(tone(seconds), 48_000)
    return {one["id"]: page.Clips(sound, sound if one["spoken"] else None) for one in told["lines"]}
