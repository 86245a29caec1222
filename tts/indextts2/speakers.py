"""Who speaks, as vectors: the speaker encoder alone, for many short pieces of speech. Knows no turns and no film."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tts.door import FloatArray
from tts.errors import BadReference
from tts.indextts2 import checkpoint, frontend
from tts.indextts2.campplus import FEWEST_FRAMES, CampPlus
from tts.indextts2.config import SpeakerConfig

RATE = frontend.SPEECH_RATE
"""Hz of the pieces."""

SHORTEST = frontend.FRAME + (FEWEST_FRAMES - 1) * frontend.SHIFT
"""Samples (45 ms) from which there is a vector at all; below half a second it says little about who speaks."""

WIDTH = 192
"""Numbers in a vector, the released network's."""

BATCH_CPU, BATCH_GPU = 8, 64
"""Pieces of one length that are heard at once. A CPU gains nothing from more, and needs 6 MB for each of 1.5 s."""


class SpeakerEncoder:
    """CAM++ with the released weights. `digest` is the sha256 of their file."""

    def __init__(self, net: CampPlus, digest: str, device: torch.device) -> None:
        self._net = net.to(device).eval()
        self._device = device
        self.digest = digest

    @classmethod
    def load(cls, place: Path, device: str = "auto") -> SpeakerEncoder:
        """From the weight file itself, or from the folder that has it under its released name.

        `device`: "cpu", "cuda", "mps", or "auto" for a GPU where there is one. Raises EngineMissing where the file is
        not there, BadWeights where it is not what it must be.
        """
        file, folder = checkpoint.SPEAKER, place
        if not place.is_dir():
            file, folder = replace(file, path=place.name), place.parent
        read = checkpoint.load(folder, file)
        net = CampPlus.load(SpeakerConfig(embedding=WIDTH), read.tensors)
        return cls(net, read.digest, torch.device(_best() if device == "auto" else device))

    @torch.inference_mode()
    def embed(self, pieces: Sequence[FloatArray]) -> FloatArray:
        """The voice in each piece, shape (len(pieces), WIDTH), float32 rows of length 1.

        pieces: mono [n] in ±1 at RATE, n from SHORTEST; pieces with as many whole frames are heard together, and the
        same pieces give the same rows. Raises BadReference for a piece that is shorter or holds no numbers.
        """
        rows = np.empty((len(pieces), WIDTH), np.float32)
        alike: dict[int, list[int]] = defaultdict(list)
        for i, piece in enumerate(pieces):
            if piece.ndim != 1 or len(piece) < SHORTEST or not np.isfinite(piece).all():
                raise BadReference(
                    f"A piece of speech must be {SHORTEST} mono samples or more, all of them numbers."
                )
            alike[(len(piece) - frontend.FRAME) // frontend.SHIFT].append(i)
        batch = BATCH_CPU if self._device.type == "cpu" else BATCH_GPU
        for members in alike.values():
            for start in range(0, len(members), batch):
                some = members[start : start + batch]
                banks = torch.stack([_bank(pieces[i]) for i in some]).to(self._device)
                with torch.backends.cudnn.flags(deterministic=True, allow_tf32=False):
                    found = self._net.embed(banks)
                rows[some] = torch.nn.functional.normalize(found, dim=1).cpu().numpy()
        return rows

    def close(self) -> None:
        """Lets go of the network; the encoder is of no more use."""
        del self._net
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def _bank(piece: FloatArray) -> Tensor:
    """[T, 80], centred over time."""
    samples = np.array(piece, np.float32)  # a tensor must own its memory, and may write to it
    return frontend.centred(frontend.fbank(torch.from_numpy(samples)))


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
