"""The whole studio path on a film, with tiny models: what it says is noise, but every real engine loads and runs.

    python -m bench.studio FILM [--to zh,en,ja,es,ar] [--size tiny|full] [--work FOLDER]

Dubs FILM into each language: the tiny Whisper hears the same few sentences in whatever is said (English ones; Spanish
ones for a dub into English), the tiny Demucs takes the middle for the voice, the tiny chat model gives the same answers
to every request, the voice is the one that `auto` chooses, with filled weights at the size that was asked for. Prints
what each dub measured, and fails where something that holds for every dub does not hold.
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

from bench import filled
from bench.tiny import chat, whisper
from bench.tiny.__main__ import RELEASES
from bench.tiny.__main__ import write as write_store
from dubber import media, pipeline, process
from dubber.settings import Settings
from dubber.stages.translate.chat import MOST_LINES
from tts.indextts2.config import Version
from tts.indextts2.languages import SPOKEN

WORDINGS: dict[str, tuple[str, ...]] = {
    "zh": (
        "大家早上好。",
        "开往旧港口的火车九点出发。",
        "所以请快一点。",
        "我们在河边等你。",
        "他昨天买了七本绿色的书。",
        "这座老房子离这里不远。",
        "请给我一杯热茶。",
        "今天晚上可能会下雨。",
    ),
    "en": (
        "Good morning to all of you.",
        "The train to the old harbour leaves at nine.",
        "So please be quick.",
        "We are waiting by the river.",
        "Yesterday he bought seven green books.",
        "The old house is not far from here.",
        "A cup of hot tea, please.",
        "It may well rain tonight.",
    ),
    "ja": (
        "みなさん、おはようございます。",
        "古い港へ行く列車は九時に出ます。",
        "ですから急いでください。",
        "わたしたちは川のそばで待っています。",
        "彼はきのう緑の本を七冊買いました。",
        "あの古い家はここから遠くありません。",
        "熱いお茶を一杯ください。",
        "今夜は雨が降るかもしれません。",
    ),
    "es": (
        "Buenos días a todos.",
        "El tren al puerto viejo sale a las nueve.",
        "Así que daos prisa, por favor.",
        "Os esperamos junto al río.",
        "Ayer compró siete libros verdes.",
        "La casa vieja no está lejos de aquí.",
        "Una taza de té caliente, por favor.",
        "Puede que esta noche llueva.",
    ),
    "ar": (
        "صباح الخير للجميع.",
        "يغادر القطار إلى الميناء القديم في التاسعة.",
        "لذلك أسرعوا من فضلكم.",
        "ننتظركم بجانب النهر.",
        "اشترى أمس سبعة كتب خضراء.",
        "البيت القديم ليس بعيدا من هنا.",
        "كوب من الشاي الساخن من فضلك.",
        "قد تمطر السماء هذه الليلة.",
    ),
}
"""Said in turn, by language; the number tells one round from the next, as no two lines may get the same words."""

SPANISH = "¡Buenos días a todos! El tren al puerto viejo sale ahora, así que daos prisa."
"""What is heard in a film that is dubbed into English."""


def main() -> None:
    """Parses the command line; exits with 1 where a check fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("film", type=Path)
    parser.add_argument("--to", default="zh", help=f"of {', '.join(WORDINGS)}, with commas")
    parser.add_argument("--size", choices=("tiny", "full"), default="tiny", help="of the voice")
    parser.add_argument("--work", type=Path, help="kept; a temporary folder otherwise")
    asked = parser.parse_args()
    targets = asked.to.split(",")
    if unknown := set(targets) - set(WORDINGS):
        parser.error(f"no words for {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as scratch:
        work = asked.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        os.environ["DUBBER_MODELS"] = str(work / "store")
        told = {}
        for target in targets:
            prepare(work / "store", target, asked.size)
            place = work / target
            place.mkdir(exist_ok=True)
            film = Path(shutil.copy(asked.film, place))
            told[target] = checked(film, pipeline.translate(film, Settings.of(target)))
    print(json.dumps(told, indent=1, ensure_ascii=False))
    sys.exit(0 if all(one["holds"] for dub in told.values() for one in dub["checks"]) else 1)


def prepare(store: Path, target: str, size: str = "tiny") -> None:
    """Makes `store` hold what a dub into `target` needs: a recogniser and a translator for its words, and its voice."""
    version: Version = "2.0" if target in SPOKEN["2.0"] else "2.5"
    if not store.is_dir():
        write_store(store, releases=())
    if target == "en":
        whisper.write(store / "whisper-large-v3", text=SPANISH, language="es")
    else:
        whisper.write(store / "whisper-large-v3")
    shutil.rmtree(store / "qwen3-1.7b")
    chat.write_answering(store / "qwen3-1.7b", [wordings(n, target) for n in range(MOST_LINES)])
    for release, name in RELEASES.items():
        if release != version:
            shutil.rmtree(store / name, ignore_errors=True)
        elif not (store / name).is_dir():
            filled.write(store / name, size=size, version=version)


def wordings(line: int, target: str = "zh") -> tuple[str, ...]:
    """What the model is made to answer for a line, counted from 0."""
    around, place = divmod(line, len(WORDINGS[target]))
    said = WORDINGS[target][place]
    return (said if not around else f"{around + 1}, {said}",)


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
        "voice": report["settings"]["voice"],
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
