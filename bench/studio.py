"""The whole studio path on a film, with tiny models: what it says is noise, but every real engine loads and runs.

    python -m bench.studio FILM [--work FOLDER]

Dubs FILM, taken to be in English, into Chinese: the tiny Whisper hears the same few sentences in whatever is said, the
tiny Demucs takes the middle for the voice, the tiny chat model gives the same answers to every request. Prints what the
dub measured, and fails where something that holds for every dub does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.tiny import chat
from bench.tiny.__main__ import write as write_store
from dubber import media, pipeline, process
from dubber.settings import Settings
from dubber.stages.translate.chat import MOST_LINES

WORDINGS = (
    "大家早上好。",
    "开往旧港口的火车九点出发。",
    "所以请快一点。",
    "我们在河边等你。",
    "他昨天买了七本绿色的书。",
    "这座老房子离这里不远。",
    "请给我一杯热茶。",
    "今天晚上可能会下雨。",
)
"""Said in turn; the number tells one round from the next, as no two lines may get the same words."""


def main() -> None:
    """Parses the command line; exits with 1 where a check fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("film", type=Path)
    parser.add_argument("--work", type=Path, help="kept; a temporary folder otherwise")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = asked.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        os.environ["DUBBER_MODELS"] = str(work / "store")
        film = Path(shutil.copy(asked.film, work))
        if not (work / "store").is_dir():
            write_store(work / "store")
            shutil.rmtree(work / "store" / "qwen3-1.7b")
            chat.write_answering(work / "store" / "qwen3-1.7b", [wordings(n) for n in range(MOST_LINES)])
        report = pipeline.translate(film, Settings.of("zh"))
        told = checked(film, report)
    print(json.dumps(told, indent=1, ensure_ascii=False))
    sys.exit(0 if all(one["holds"] for one in told["checks"]) else 1)


def wordings(line: int) -> tuple[str, ...]:
    """What the model is made to answer for a line, counted from 0."""
    around, place = divmod(line, len(WORDINGS))
    said = WORDINGS[place]
    return (said if not around else f"{around + 1}，{said}",)


def checked(film: Path, report: dict[str, Any]) -> dict[str, Any]:
    """What every dub must be, and whether this one is."""
    timing, loudness = report["timing"], report["loudness"]
    before, after = media.probe(film), media.probe(Path(report["output"]))
    checks = {
        "every line spoken": all(line["spoken"] for line in report["lines"]),
        "take length error is 0 samples": timing["take_length_error_samples"] == 0,
        "overlap is 0 ms": timing["overlap_ms"] == 0,
        "the picture's packets are the same": packets(film) == packets(Path(report["output"])),
        "the film is as long": abs(before.duration - after.duration) <= 50,
        "lines as loud as the actor's, within 1.5 LU": all(
            abs(line["dub_lufs"] - line["source_lufs"]) <= 1.5
            for line in report["lines"]
            if line["source_lufs"] is not None
        ),
        "true peak below -1 dBTP": loudness["true_peak_dbtp"] <= -0.9,
    }
    return {
        "checks": [{"what": what, "holds": holds} for what, holds in checks.items()],
        "lines": len(report["lines"]),
        "speakers": sorted({line["speaker"] for line in report["lines"]}),
        "heard": report["heard"],
        "timing": timing,
        "loudness": loudness,
        "seconds": report["seconds"],
    }


def packets(film: Path) -> str:
    """A hash of the picture's packets as they lie in the file; of a recording without a picture, of nothing."""
    done = process.run(
        [
            *(media.ffmpeg_exe(), "-nostdin", "-v", "error", "-i", f"file:{film}", "-map", "0:v?"),
            *("-c", "copy", "-f", "streamhash", "-hash", "md5", "-"),
        ],
        timeout=600,
    )
    return done.stdout.decode().split("=")[-1].strip()


if __name__ == "__main__":
    main()
