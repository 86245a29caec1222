"""Which models there are: where each file comes from, where it lies, under which licence. Data; touches nothing.

A further model is a further row of MODELS.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dubber.errors import UsageError

GLOB = "*?["
"""Characters that make a file's name in a Source a pattern."""

FLOAT32 = 4
"""Bytes of a parameter in the released checkpoints."""


@dataclass(frozen=True)
class Licence:
    """Terms of use. `asks` when a person must agree before anything under them is fetched.

    `matters` is what to look out for, in a sentence that replaces no reading of the text at `url`; `texts` are
    the names that the text may have in the model's repository.
    """

    name: str
    url: str
    asks: bool = False
    matters: str = ""
    texts: tuple[str, ...] = ("LICENSE", "LICENSE.txt", "LICENSE.md")


@dataclass(frozen=True)
class Source:
    """Files of one repository of the hub.

    `files` are needed, `optional` (which may be patterns, where `*` takes in folders) are fetched where they
    exist. They lie under their own names in the folder `into` of the model's. `about` is in bytes.
    """

    repo: str
    licence: Licence
    about: int
    files: tuple[str, ...]
    optional: tuple[str, ...] = ()
    into: str = ""
    revision: str = "main"

    def place(self, name: str) -> str:
        """Where a file of the repository lies in the model's folder."""
        return f"{self.into}/{name}" if self.into else name


@dataclass(frozen=True)
class Model:
    """What a person pulls under one name: one or more sources in one folder. `profile` is the lane that uses it."""

    name: str
    purpose: str
    profile: str
    sources: tuple[Source, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """Every file without which the model cannot be used, relative to its folder."""
        return tuple(source.place(name) for source in self.sources for name in source.files)

    @property
    def patterns(self) -> tuple[str, ...]:
        """What of the rest belongs to the model, relative to its folder."""
        return tuple(source.place(name) for source in self.sources for name in source.optional)

    @property
    def licences(self) -> tuple[Licence, ...]:
        """Each of its licences once."""
        return tuple(dict.fromkeys(source.licence for source in self.sources))

    @property
    def about(self) -> int:
        """Its size in bytes, roughly: the exact one is told by the hub before anything is fetched."""
        return sum(source.about for source in self.sources)


BILIBILI = Licence(
    name="bilibili Model Use License Agreement",
    url="https://github.com/index-tts/index-tts/blob/main/LICENSE",
    asks=True,
    matters="It limits use: among others large companies need a licence of their own (section 2.2), some fields of use "
    "are excluded (4.2), what it makes may not improve other commercial models (3.4).",
    texts=("LICENSE", "LICENSE.txt", "LICENSE.md", "INDEX_MODEL_LICENSE_EN.txt", "INDEX_MODEL_LICENSE"),
)

CC_BY_NC = Licence(
    name="Creative Commons Attribution-NonCommercial 4.0",
    url="https://creativecommons.org/licenses/by-nc/4.0/legalcode",
    asks=True,
    matters="It allows no commercial use of these weights: the semantic codec, without which nothing is spoken.",
)

FUNASR = Licence(
    name="FunASR Model Open Source License",
    url="https://github.com/modelscope/FunASR/blob/main/MODEL_LICENSE",
    asks=True,
    matters="Its own terms; they ask for the source and the authors to be named.",
    texts=("MODEL_LICENSE", "LICENSE", "LICENSE.txt"),
)

MIT = Licence(name="MIT", url="https://opensource.org/license/mit")

# Parameters: counted in the shapes of the released checkpoints (tests/golden/indextts2, manifests/full_*.json).
_GPT, _S2MEL, _CODEC, _CAMPPLUS, _BIGVGAN = 871_100_639, 103_685_328, 44_289_808, 6_930_842, 112_233_865
_W2V_BERT = 580_500_000  # of the 2.32 GB that the hub names for model.safetensors
_QWEN = 600_000_000  # by its name, at two bytes each

INDEXTTS2 = Model(
    name="indextts2",
    purpose="speaks: IndexTTS2, each line in its speaker's voice and manner",
    profile="studio",
    sources=(
        Source(
            repo="IndexTeam/IndexTTS-2",
            licence=BILIBILI,
            about=(_GPT + _S2MEL) * FLOAT32 + _QWEN * 2,
            files=(
                "config.yaml",
                "gpt.pth",
                "s2mel.pth",
                "bpe.model",
                "feat1.pt",
                "feat2.pt",
                "wav2vec2bert_stats.pt",
            ),
            optional=("qwen0.6bemo4-merge/*", "glossary.yaml"),
        ),
        Source(
            repo="amphion/MaskGCT",
            licence=CC_BY_NC,
            about=_CODEC * FLOAT32,
            files=("semantic_codec/model.safetensors",),
        ),
        Source(
            repo="funasr/campplus",
            licence=FUNASR,
            about=_CAMPPLUS * FLOAT32,
            files=("campplus_cn_common.bin",),
        ),
        Source(
            repo="nvidia/bigvgan_v2_22khz_80band_256x",
            licence=MIT,
            about=_BIGVGAN * FLOAT32,
            files=("config.json", "bigvgan_generator.pt"),
            into="bigvgan",
        ),
        Source(
            repo="facebook/w2v-bert-2.0",
            licence=MIT,
            about=_W2V_BERT * FLOAT32,
            files=("config.json", "model.safetensors"),
            into="w2v-bert-2.0",
        ),
    ),
)

MODELS = (INDEXTTS2,)


def named(name: str) -> Model:
    """The model of that name. Raises UsageError where there is none."""
    for model in MODELS:
        if model.name == name:
            return model
    raise UsageError(
        f"There is no model {name!r}.", hint=f"Choose one of {', '.join(one.name for one in MODELS)}."
    )


def chosen(names: Iterable[str]) -> tuple[Model, ...]:
    """The models of these names, each once; a profile's name stands for all of its models. Raises UsageError."""
    found: list[Model] = []
    for name in names:
        found += [model for model in MODELS if model.profile == name] or [named(name)]
    return tuple(dict.fromkeys(found))
