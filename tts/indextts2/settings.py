"""The configuration files of a release → the dimensions of every part, checked before anything is built of them.

Reads no weights. Which dimensions a part has is `config`'s.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from tts.errors import BadWeights
from tts.indextts2.conditioning import STYLE
from tts.indextts2.config import (
    DOWNSAMPLE,
    SEMANTIC_WIDTH,
    CodecConfig,
    FlowConfig,
    GptConfig,
    SpeakerConfig,
    Version,
    VocoderConfig,
)
from tts.indextts2.frontend import MEL_HOP, MELS

CONFIG = "config.yaml"
RANKS = "multilingual_zh_ja_yue_char_del.tiktoken"
"""The tokeniser of 2.5, which 2.0 has not: tells which version a folder holds where `CONFIG` does not say it."""
VOCODER_CONFIG = "bigvgan/config.json"
SEMANTIC_CONFIG = "w2v-bert-2.0/config.json"

LONGEST_FILE = 1 << 20
"""Bytes of a configuration file: the released ones have a few thousand."""

LARGEST = 1_000_000
"""No dimension comes near it: the largest of the released ones is 12000."""

DEEPEST = 1_000
"""Layers of one kind; the released models have at most 30. Without a bound a wrong number would be built, for hours."""

_OTHER = (str, list, dict)
"""What the semantic encoder's configuration has besides dimensions: names and kinds."""

_DEPTHS = ("layers", "blocks", "depth", "wavenet_layers")

Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class Settings:
    """What a release says of itself. `semantic` is the semantic encoder's own config.json; `emotions` are the rows that
    each emotion has in the emotion matrices."""

    version: Version
    gpt: GptConfig
    codec: CodecConfig
    flow: FlowConfig
    vocoder: VocoderConfig
    speaker: SpeakerConfig
    semantic: Mapping[str, Any]
    emotions: tuple[int, ...]

    @classmethod
    def read(cls, folder: Path) -> Settings:
        """From the files in `folder`. Raises BadWeights, naming the file, where one is not what it must be, describes a
        release that is not known, or parts that do not fit one another."""
        raw = _yaml(folder, CONFIG)
        version = _version(raw, folder)
        semantic = _json(folder, SEMANTIC_CONFIG)
        _sane(
            {name: value for name, value in semantic.items() if not isinstance(value, _OTHER)},
            SEMANTIC_CONFIG,
        )
        epsilon = semantic.get("layer_norm_eps", 1e-5)
        if not isinstance(epsilon, float) or not 0 < epsilon < 1:
            raise BadWeights(f"{SEMANTIC_CONFIG} has layer_norm_eps={epsilon!r}.")
        features = semantic.get("hidden_size", SEMANTIC_WIDTH)
        if not isinstance(features, int):
            raise BadWeights(f"{SEMANTIC_CONFIG} has hidden_size={features!r}.")
        settings = cls(
            version=version,
            gpt=_parsed(CONFIG, lambda: GptConfig.parse(raw["gpt"], version, features=features)),
            codec=_parsed(CONFIG, lambda: CodecConfig.parse(raw["semantic_codec"], version)),
            flow=_parsed(CONFIG, lambda: FlowConfig.parse(raw["s2mel"])),
            vocoder=_parsed(VOCODER_CONFIG, lambda: VocoderConfig.parse(_json(folder, VOCODER_CONFIG))),
            speaker=SpeakerConfig(),
            semantic=semantic,
            emotions=_counts(raw),
        )
        settings._require_fit()
        return settings

    def _require_fit(self) -> None:
        """Dimensions that two parts share, and those that no tensor's shape would betray."""
        features, flow = self.gpt.features, self.flow
        for what, found, wanted, file in (
            ("the codec's hidden_size", self.codec.hidden, features, CONFIG),
            ("the codec's downsample_scale", self.codec.downsample, DOWNSAMPLE[self.version], CONFIG),
            ("the length regulator's in_channels", flow.features, features, CONFIG),
            ("the length regulator's channels", flow.regulator_width, flow.content, CONFIG),
            ("the style encoder's dim", flow.style, STYLE, CONFIG),
            ("the flow decoder's in_channels", flow.mels, MELS, CONFIG),
            ("the remainder of hidden_dim by num_heads", flow.width % flow.heads, 0, CONFIG),
            ("the vocoder's num_mels", self.vocoder.mels, MELS, VOCODER_CONFIG),
            (
                "the product of upsample_rates",
                math.prod(self.vocoder.upsample_rates),
                MEL_HOP,
                VOCODER_CONFIG,
            ),
        ):
            if found != wanted:
                raise BadWeights(f"{file} has {found} as {what} where {wanted} belongs.")
        if not self.codec.codebook >= self.gpt.start < self.gpt.stop < self.gpt.codes:
            raise BadWeights(
                f"{CONFIG} has codes that do not follow on one another: {self.codec.codebook} in the codebook, "
                f"start {self.gpt.start}, stop {self.gpt.stop}, {self.gpt.codes} in all."
            )


def _parsed(path: str, parse: Callable[[], Parsed]) -> Parsed:
    try:
        config = parse()
    except BadWeights as error:
        raise BadWeights(f"{path}: {error}") from error
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadWeights(f"{path} does not describe a known release: {error!r}.") from error
    _sane(asdict(config), path)  # type: ignore[call-overload] # all that is parsed is a dataclass
    return config


def _sane(config: Mapping[str, Any], path: str) -> None:
    """Raises BadWeights for a dimension that no model has."""
    for name, value in _leaves(config):
        highest = DEEPEST if name in _DEPTHS else LARGEST
        if value is None or (isinstance(value, int | float) and 0 <= value <= highest):  # NaN is neither
            continue
        raise BadWeights(f"{path} has {name}={str(value)[:20]} where at most {highest} belongs.")


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _leaves(below, str(key))
    elif isinstance(value, list | tuple):
        yield f"the length of {name}", len(value) if len(value) <= DEEPEST else math.inf
        for below in value:
            yield from _leaves(below, name)
    else:
        yield name, value


def version_of(folder: Path) -> Version:
    """Which version a folder holds: what `CONFIG` says, or else what the tokeniser's file shows.

    Raises BadWeights for a version that is not known and for a `CONFIG` that cannot be read.
    """
    return _version(_yaml(folder, CONFIG) if (folder / CONFIG).is_file() else {}, folder)


def _version(raw: Mapping[str, Any], folder: Path) -> Version:
    version = str(raw.get("version", "2.5" if (folder / RANKS).is_file() else "2.0"))
    known: tuple[Version, ...] = ("2.0", "2.5")
    for one in known:
        if version == one:
            return one
    raise BadWeights(f"{CONFIG} describes version {version[:20]}; {' and '.join(known)} are known.")


def _counts(raw: Mapping[str, Any]) -> tuple[int, ...]:
    counts = raw.get("emo_num")
    if not isinstance(counts, list) or not all(type(count) is int and count > 0 for count in counts):
        raise BadWeights(f"{CONFIG} does not say how many rows each emotion has (emo_num).")
    return tuple(counts)


def _json(folder: Path, path: str) -> dict[str, Any]:
    try:
        parsed = json.loads(_content(folder, path))
    except (ValueError, RecursionError) as error:
        raise BadWeights(f"{path} is not JSON.") from error
    return _mapping(parsed, path)


def _yaml(folder: Path, path: str) -> dict[str, Any]:
    """Plain YAML only: a tag that would make an object is refused, and never followed."""
    import yaml

    try:
        parsed = yaml.safe_load(_content(folder, path))
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        raise BadWeights(f"{path} is not plain YAML.") from error
    return _mapping(parsed, path)


def _mapping(parsed: object, path: str) -> dict[str, Any]:
    if not isinstance(parsed, dict):
        raise BadWeights(f"{path} is not a configuration: it holds no settings by name.")
    return parsed


def _content(folder: Path, path: str) -> bytes:
    with (folder / path).open("rb") as stream:
        content = stream.read(LONGEST_FILE + 1)
    if len(content) > LONGEST_FILE:
        raise BadWeights(f"{path} is too long for a configuration.")
    return content
