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
    """What a person pulls under one name: one or more sources in one folder. `profile` is the lane that uses it without
    being told to, "" where a person has to choose it."""

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

_GPT_25, _CODEC_25 = 690_617_911, 50_583_311

_SHARED = (
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
)
"""What both releases of the voice need: a pull of the second takes it from the first."""

_PLAIN = ("config.yaml", "gpt.pth", "s2mel.pth", "feat1.pt", "feat2.pt", "wav2vec2bert_stats.pt")
_EXTRAS = ("qwen0.6bemo4-merge/*", "glossary.yaml")

INDEXTTS2 = Model(
    name="indextts2",
    purpose="speaks English and Chinese: IndexTTS2, each line in its speaker's voice and manner",
    profile="studio",
    sources=(
        Source(
            repo="IndexTeam/IndexTTS-2",
            licence=BILIBILI,
            about=(_GPT + _S2MEL) * FLOAT32 + _QWEN * 2,
            files=(*_PLAIN, "bpe.model"),
            optional=_EXTRAS,
        ),
        Source(
            repo="amphion/MaskGCT",
            licence=CC_BY_NC,
            about=_CODEC * FLOAT32,
            files=("semantic_codec/model.safetensors",),
        ),
        *_SHARED,
    ),
)

INDEXTTS25 = Model(
    name="indextts2.5",
    purpose="speaks Japanese, Spanish and Arabic too: IndexTTS-2.5",
    profile="",
    sources=(
        Source(
            repo="IndexTeam/IndexTTS-2.5",
            licence=BILIBILI,
            about=(_GPT_25 + _S2MEL + _CODEC_25) * FLOAT32 + _QWEN * 2,
            files=(*_PLAIN, "codec.pth", "multilingual_zh_ja_yue_char_del.tiktoken"),
            optional=_EXTRAS,
        ),
        *_SHARED,
    ),
)

APACHE = Licence(name="Apache 2.0", url="https://www.apache.org/licenses/LICENSE-2.0")


def _whisper(size: str, repo: str, about: int, *, profile: str = "") -> Model:
    """One size of Whisper as converted for CTranslate2. The older conversions bring a plain list of the vocabulary and
    no preprocessor's settings; faster-whisper reads either kind."""
    files: tuple[str, ...] = ("config.json", "model.bin", "tokenizer.json")
    either = ("vocabulary.json", "vocabulary.txt", "preprocessor_config.json")
    return Model(
        name=f"whisper-{size}",
        purpose=f"understands: Whisper {size}, some 100 languages",
        profile=profile,
        sources=(Source(repo=repo, licence=MIT, about=about, files=files, optional=either),),
    )


# Bytes of model.bin as the hub states them.
WHISPER = (
    _whisper("large-v3", "Systran/faster-whisper-large-v3", 3_090_000_000, profile="studio"),
    _whisper("large-v3-turbo", "mobiuslabsgmbh/faster-whisper-large-v3-turbo", 1_620_000_000),
    _whisper("medium", "Systran/faster-whisper-medium", 1_530_000_000),
    _whisper("small", "Systran/faster-whisper-small", 484_000_000),
)

_HTDEMUCS = 84_000_000  # one network, as the size of its file states


def _demucs(name: str, repo: str, signatures: tuple[str, ...], purpose: str, *, profile: str = "") -> Model:
    """A bag of Hybrid Transformer Demucs networks, in the format that demucs 4.1 reads from the hub."""
    files = (f"{name}.yaml", *(f"{one}.safetensors" for one in signatures))
    source = Source(repo=repo, licence=MIT, about=_HTDEMUCS * len(signatures), files=files)
    return Model(name=name, purpose=purpose, profile=profile, sources=(source,))


HTDEMUCS = _demucs(
    "htdemucs",
    "adefossez/HTDemucs",
    ("955717e8",),
    "separates speech from music and effects: Hybrid Transformer Demucs",
    profile="studio",
)
HTDEMUCS_FT = _demucs(
    "htdemucs_ft",
    "adefossez/HTDemucs-ft",
    ("04573f0d",),  # of its four networks, the one that is tuned for vocals
    "the same, fine-tuned for each source: a little better",
)


def _qwen3(size: str, repo: str, about: int, *, profile: str = "") -> Model:
    """A chat model; how many files its weights are in is the hub's to tell."""
    files = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")
    weights = ("model*.safetensors", "model.safetensors.index.json", "vocab.json", "merges.txt")
    source = Source(repo=repo, licence=APACHE, about=about, files=files, optional=weights)
    return Model(f"qwen3-{size}", f"translates: Qwen3 {size.upper()}, a chat model", profile, (source,))


QWEN3 = (
    _qwen3("1.7b", "Qwen/Qwen3-1.7B", 4_060_000_000, profile="studio"),
    _qwen3("4b", "Qwen/Qwen3-4B-Instruct-2507", 8_040_000_000),
)

M2M100 = Model(
    name="m2m100-418m",
    purpose="translates: M2M100, a plain translation model of 100 languages",
    profile="",
    sources=(
        Source(
            repo="facebook/m2m100_418M",
            licence=MIT,
            about=484_000_000 * FLOAT32,
            files=(
                "config.json",
                "generation_config.json",
                "pytorch_model.bin",
                "sentencepiece.bpe.model",
                "special_tokens_map.json",
                "tokenizer_config.json",
                "vocab.json",
            ),
        ),
    ),
)

MODELS = (*WHISPER, HTDEMUCS, HTDEMUCS_FT, *QWEN3, M2M100, INDEXTTS2, INDEXTTS25)


def named(name: str) -> Model:
    """The model of that name. Raises UsageError where there is none."""
    for model in MODELS:
        if model.name == name.lower():
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
