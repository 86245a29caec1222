"""Parity of the text-to-semantic model's prompt and teacher-forced pass. Decoding has its own room."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from bench.goldens.harness import Case, fill, manifest_info
from tts.indextts2.conditioning import PREFIXES, Conditioning
from tts.indextts2.config import GptConfig
from tts.indextts2.gpt import Gpt

FILLER = 1
"""The id that the reference implementation's decoding sees in place of every prompt row."""


@lru_cache(maxsize=1)
def _load(root: Path, manifest: str, salt: str) -> tuple[Conditioning, Gpt]:
    info = manifest_info(root, manifest)
    state = fill(info["tensors"], salt)
    config = GptConfig.parse(info["config"], "2.5" if "lang_embedding.weight" in state else "2.0")
    conditioning = {name: value for name, value in state.items() if name.startswith(PREFIXES)}
    rest = {name: value for name, value in state.items() if name not in conditioning}
    return Conditioning.load(config, conditioning), Gpt.load(config, rest)


def load(case: Case) -> tuple[Conditioning, Gpt]:
    """The conditioning and the model of a case; cases in a row that share weights share them here."""
    return _load(case.root, case.raw["manifest"], case.raw["salt"])


def prompt(case: Case, *, keep_marks: bool = False) -> Tensor:
    """The compact prompt of a case, [P, D]."""
    conditioning, gpt = load(case)
    given = case.inputs()
    speaker = conditioning.speaker_rows(given["spk"], given.get("style", torch.zeros(1, 192)))
    return gpt.prompt(
        speaker[0],
        given["emovec"][0],
        given["text"][0],
        count=case.params.get("slot"),
        language=case.params.get("lang_id"),
        keep_marks=keep_marks,
    )


def padded_prompt(case: Case) -> dict[str, Tensor]:
    """The reference layout: zero rows on the left for dropped ids, masked, and one place more for the start code."""
    _, gpt = load(case)
    text = case.inputs()["text"][0]
    rows = prompt(case)
    dropped = int((text <= 1).sum())
    width = dropped + len(rows)
    ids = torch.full((1, width + 1), FILLER)
    ids[0, -1] = gpt.config.start
    mask = (torch.arange(width + 1) >= dropped).long()[None]
    return {"prompt": torch.nn.functional.pad(rows, (0, 0, dropped, 0))[None], "ids": ids, "mask": mask}


def teacher(case: Case) -> dict[str, Tensor]:
    """Logits of text and codes, each over its own part of the sequence, and the latents."""
    _, gpt = load(case)
    rows = prompt(case, keep_marks=True)
    given = case.inputs()
    codes = given["codes"][0]
    ended = torch.cat([codes, torch.tensor([gpt.config.stop])])
    hidden = gpt.hidden([rows], [ended])[0]
    text = len(given["text"][0]) + 2
    return {
        "text_logits": gpt.text_logits(hidden[len(rows) - text : len(rows)])[None],
        "mel_logits": gpt.logits(hidden[len(rows) :])[None],
        "latent": gpt.latents([rows], [codes])[0][None],
    }


RUNNERS: dict[str, Callable[[Case], dict[str, Tensor]]] = {
    "gpt.prompt": padded_prompt,
    "gpt.teacher": teacher,
}
