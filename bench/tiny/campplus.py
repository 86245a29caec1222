"""CAM++ with filled weights, in the released file's format. Its network has one size only: 28 MB, one second to write.
What it says of a voice is noise, but every real part loads and runs."""

from __future__ import annotations

from pathlib import Path

import torch

from bench.filled import filled
from tts.indextts2.campplus import CampPlus
from tts.indextts2.checkpoint import SPEAKER
from tts.indextts2.config import SpeakerConfig


def write(folder: Path) -> None:
    """Fills a store folder with the speaker encoder's file."""
    folder.mkdir(parents=True, exist_ok=True)
    with torch.device("meta"):
        net = CampPlus(SpeakerConfig())
    torch.save(filled(net), folder / SPEAKER.path)
