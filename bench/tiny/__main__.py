"""A model store filled with tiny models, to see the whole studio path run without a download:

python -m bench.tiny STORE
DUBBER_MODELS=STORE dubber translate film.mp4 --to en
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import filled
from bench.tiny import chat, demucs, nmt, whisper, whole
from tts.indextts2.config import Version

RELEASES: Mapping[Version, str] = {"2.0": "indextts2", "2.5": "indextts2.5"}
"""Models of the store, by release of the voice."""


def write(store: Path, *, releases: Sequence[Version] = ("2.0",)) -> None:
    """Every model of the studio profile, and the translation model, each in its own folder of `store`; of the voice
    these releases."""
    whisper.write(store / "whisper-large-v3")
    whole.write(store / "htdemucs")
    demucs.write(store / "htdemucs_ft", "htdemucs_ft")
    chat.write(store / "qwen3-1.7b")
    nmt.write(store / "m2m100-418m")
    for version in releases:
        filled.write(store / RELEASES[version], version=version)


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    write(parser.parse_args().store, releases=tuple(RELEASES))


if __name__ == "__main__":
    main()
