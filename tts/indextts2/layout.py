"""Which files a release has, by version: their paths and how they are nested. Reads none of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tts.indextts2 import checkpoint
from tts.indextts2.checkpoint import File
from tts.indextts2.config import Version
from tts.indextts2.settings import CONFIG, RANKS, SEMANTIC_CONFIG, VOCODER_CONFIG

GLOSSARY = "glossary.yaml"
EMOTION_READER = "qwen0.6bemo4-merge"


@dataclass(frozen=True)
class Layout:
    """The files of one version by path in its folder: the tokeniser's, and those of weights by part."""

    tokenizer: str
    weights: Mapping[str, File]

    @property
    def small(self) -> tuple[str, ...]:
        """What is needed besides weights."""
        return (CONFIG, self.tokenizer, VOCODER_CONFIG, SEMANTIC_CONFIG)

    @property
    def required(self) -> tuple[str, ...]:
        """All that speaking needs. The emotion reader is needed only where words describe an emotion."""
        return (*self.small, *(file.path for file in self.weights.values()))


_WEIGHTS_20: Mapping[str, File] = {
    "gpt": checkpoint.GPT,
    "s2mel": checkpoint.S2MEL,
    "codec": checkpoint.CODEC_20,
    "vocoder": checkpoint.VOCODER,
    "speaker": checkpoint.SPEAKER,
    "semantic": checkpoint.SEMANTIC,
    "statistics": checkpoint.STATISTICS,
    "speaker matrix": checkpoint.SPEAKER_MATRIX,
    "emotion matrix": checkpoint.EMOTION_MATRIX,
}

LAYOUTS: Mapping[Version, Layout] = {
    "2.0": Layout("bpe.model", _WEIGHTS_20),
    "2.5": Layout(RANKS, {**_WEIGHTS_20, "s2mel": checkpoint.S2MEL_25, "codec": checkpoint.CODEC_25}),
}
