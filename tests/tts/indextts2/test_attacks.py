"""Bad weights and configurations are refused before anything can be used, by name, and what they carry never runs."""

from __future__ import annotations

import json
import os
import pickle
import random
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from files import KEY, LATER, PARTS, REQUIRED, TOKENIZER, WEIGHTS, alter, content, linked, replace, store
from safetensors.torch import save
from torch import Tensor

from tts.errors import BadWeights, EngineMissing
from tts.indextts2 import checkpoint
from tts.indextts2.release import Placement, Release
from tts.indextts2.settings import CONFIG, SEMANTIC_CONFIG, VOCODER_CONFIG

CPU = Placement(torch.device("cpu"), torch.float32)
every_part = pytest.mark.parametrize("part", PARTS)
pickled_part = pytest.mark.parametrize(
    "part", [part for part in PARTS if not WEIGHTS[part].path.endswith(".safetensors")]
)
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def mine(folder: Path, release: Release, tmp_path: Path) -> Path:
    """A release of links, already converted; a changed file is a file in a link's place."""
    assert release.folder == folder
    return linked(folder, tmp_path / "mine")


def refused(folder: Path, *named: str) -> None:
    with pytest.raises(BadWeights) as caught:
        Release.load(folder, CPU)
    sentence = str(caught.value)
    assert all(name in sentence for name in named), sentence
    assert len(sentence) < 600 and "\n" not in sentence


def one_refused(folder: Path, part: str) -> None:
    """As `refused`, without the files that are in order."""
    with pytest.raises(BadWeights) as caught:
        checkpoint.load(folder, WEIGHTS[part])
    assert Path(WEIGHTS[part].path).name in str(caught.value)


def test_all_that_is_missing_is_named_at_once(mine: Path) -> None:
    for name in REQUIRED:
        (mine / name).unlink()
    with pytest.raises(EngineMissing) as caught:
        Release.load(mine, CPU)
    assert all(name in str(caught.value) for name in REQUIRED)


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_file_is_named(mine: Path, name: str) -> None:
    (mine / name).unlink()
    with pytest.raises(EngineMissing) as caught:
        Release.load(mine, CPU)
    assert [other for other in REQUIRED if other in str(caught.value)] == [name]


@every_part
def test_a_file_that_is_gone_since_it_was_converted_is_missing(mine: Path, part: str) -> None:
    (mine / WEIGHTS[part].path).unlink()
    with pytest.raises(EngineMissing, match=Path(WEIGHTS[part].path).name):
        checkpoint.load(mine, WEIGHTS[part])


@every_part
def test_a_file_cut_short_anywhere_is_refused(mine: Path, part: str) -> None:
    path = mine / WEIGHTS[part].path
    whole = path.read_bytes()
    for length in (0, 1, 7, 8, 100, len(whole) // 2, len(whole) * 9 // 10, len(whole) - 1):
        replace(path, whole[:length])
        one_refused(mine, part)


@pickled_part
def test_the_older_format_cut_short_is_refused(mine: Path, part: str) -> None:
    path = mine / WEIGHTS[part].path
    store(path, content(path), zipped=False)
    whole = path.read_bytes()
    for length in (1, 100, len(whole) // 2, len(whole) - 1):
        replace(path, whole[:length])
        one_refused(mine, part)


@every_part
@pytest.mark.parametrize("garbage", [b"", b"\0" * 4096, random.Random(1).randbytes(4096), b"PK\3\4" * 50])
def test_what_is_no_weight_file_is_refused(mine: Path, part: str, garbage: bytes) -> None:
    replace(mine / WEIGHTS[part].path, garbage)
    one_refused(mine, part)


@every_part
@pytest.mark.parametrize("form", ["zip", "old", "bare", "among the weights"])
def test_code_in_a_file_never_runs(mine: Path, part: str, form: str, tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(marker),)

    path = mine / WEIGHTS[part].path
    if form == "bare":
        replace(path, pickle.dumps(Payload()))
    else:
        value: dict[str, object] = {"x": Payload()}
        if form == "among the weights" and isinstance(whole := content(path), dict):
            value = whole | value
        path.unlink()
        torch.save(value, path, _use_new_zipfile_serialization=form != "old")
    one_refused(mine, part)
    assert not marker.exists()
    if form == "bare":  # what would have run, does
        pickle.loads(path.read_bytes())
        assert marker.exists()


@every_part
def test_a_flipped_bit_is_refused_or_makes_another_number(mine: Path, part: str) -> None:
    """Never another error. Neither format is checked by sums; that is what the release's digest is for."""
    path, file = mine / WEIGHTS[part].path, WEIGHTS[part]
    whole = path.read_bytes()
    wanted = {name: value.shape for name, value in checkpoint.load(mine, file).tensors.items()}
    draw = random.Random(part)
    ends = [draw.randrange(min(2000, len(whole))) for _ in range(8)]
    places = [
        *ends,
        *(len(whole) - 1 - place for place in ends),
        *(draw.randrange(len(whole)) for _ in range(5)),
    ]
    outcomes = set()
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << draw.randrange(8)
        replace(path, bytes(damaged))
        try:
            tensors = checkpoint.fold(checkpoint.flatten(checkpoint.read(path), file), file)
            outcomes.add({name: value.shape for name, value in tensors.items()} == wanted)
        except BadWeights:
            outcomes.add(False)
    assert False in outcomes


@every_part
def test_a_missing_tensor_is_refused(mine: Path, part: str) -> None:
    key = KEY[part]
    refused(
        mine, alter(mine, part, lambda tensors: tensors.pop(key)), *([key] if key != checkpoint.LONE else [])
    )


@pytest.mark.parametrize("part", [part for part in PARTS if part != LATER])  # whose file may hold more
def test_an_extra_tensor_is_refused(mine: Path, part: str) -> None:
    path = alter(mine, part, lambda tensors: tensors.update(surplus=torch.ones(3)))
    refused(mine, path, *(["surplus"] if KEY[part] != checkpoint.LONE else []))


@every_part
def test_a_misshapen_tensor_is_refused(mine: Path, part: str) -> None:
    key = KEY[part]
    path = alter(mine, part, lambda tensors: tensors.update({key: tensors[key][:-1].clone()}))
    refused(mine, path, *([key] if key != checkpoint.LONE else []))


@every_part
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_no_number_is_refused(mine: Path, part: str, value: float) -> None:
    path = alter(mine, part, lambda tensors: tensors[KEY[part]].view(-1)[-1:].fill_(value), alone=True)
    with pytest.raises(BadWeights, match=f"{path}.*{KEY[part]}"):
        checkpoint.load(mine, WEIGHTS[part])


@every_part
@pytest.mark.parametrize(
    "dtype", [torch.int64, torch.uint8, torch.bool, torch.complex64, torch.float8_e4m3fn]
)
def test_numbers_of_another_kind_are_refused(mine: Path, part: str, dtype: torch.dtype) -> None:
    alter(mine, part, lambda tensors: tensors.update({KEY[part]: tensors[KEY[part]].to(dtype)}), alone=True)
    with pytest.raises(BadWeights, match=str(dtype).removeprefix("torch.")):
        checkpoint.load(mine, WEIGHTS[part])


@every_part
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_floats_of_another_width_become_float32(mine: Path, part: str, dtype: torch.dtype) -> None:
    before = checkpoint.load(mine, WEIGHTS[part]).tensors
    alter(
        mine,
        part,
        lambda tensors: tensors.update({KEY[part]: tensors[KEY[part]].to(dtype)}),
        alone=part != "statistics",
    )
    after = checkpoint.load(mine, WEIGHTS[part]).tensors
    assert {value.dtype for value in after.values()} == {torch.float32}
    key = f"cfm.{KEY[part]}" if part == "s2mel" else KEY[part]
    assert torch.equal(after[key], before[key].to(dtype).float())


def _sparse(x: Tensor) -> Tensor:
    return x.to_sparse()


def _quantized(x: Tensor) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(x, 0.1, 0, torch.qint8)


def _repeated(x: Tensor) -> Tensor:
    return x.flatten()[:1].clone().expand(x.numel()).view(x.shape)


def _nothing(x: Tensor) -> Tensor:
    return torch.empty(x.shape, device="meta")


def _endless(x: Tensor) -> Tensor:
    return x.new_zeros(1).expand(1 << 40)


@pickled_part
@pytest.mark.parametrize(
    "other",
    [list, len, str, lambda x: {"x": x}, lambda x: None, _sparse, _quantized, _repeated, _nothing, _endless],
)
@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_what_is_no_plain_tensor_is_refused(mine: Path, part: str, other: Callable[[Tensor], Any]) -> None:
    alter(mine, part, lambda tensors: tensors.update({KEY[part]: other(tensors[KEY[part]])}), alone=True)
    one_refused(mine, part)


@pickled_part
@pytest.mark.parametrize(
    "nested",
    [
        lambda x: [x],
        lambda x: {"other": {"deeper": x}},
        lambda x: None,
        lambda x: {1: x},
        lambda x: {"net": 3},
    ],
)
def test_another_nesting_is_refused(mine: Path, part: str, nested: Callable[[Any], Any]) -> None:
    path = mine / WEIGHTS[part].path
    store(path, nested(content(path)))
    one_refused(mine, part)


@pytest.mark.parametrize("group", ["cfm", "length_regulator", "gpt_layer"])
def test_a_group_that_is_missing_or_no_group_is_refused(mine: Path, group: str) -> None:
    path = mine / "s2mel.pth"
    whole = content(path)
    others: tuple[Any, ...] = (None, [1], {}, torch.ones(3))
    for value in others:
        store(path, {"net": {**whole["net"], group: value}})
        refused(mine, "s2mel.pth")
    del whole["net"][group]
    store(path, whole)
    refused(mine, "s2mel.pth")


def test_a_name_that_is_there_twice_is_refused(mine: Path) -> None:
    def prefixed(tensors: dict[str, Any]) -> None:
        tensors["module." + KEY["s2mel"]] = tensors[KEY["s2mel"]]

    alter(mine, "s2mel", prefixed)
    with pytest.raises(BadWeights, match=f"{KEY['s2mel']}' twice"):
        checkpoint.load(mine, WEIGHTS["s2mel"])
    alter(mine, "vocoder", lambda tensors: tensors.update({"conv_pre.weight": torch.ones(3)}))
    with pytest.raises(BadWeights, match=r"bigvgan_generator\.pt.*conv_pre\.weight is there twice"):
        checkpoint.load(mine, WEIGHTS["vocoder"])


def _without_gain(tensors: dict[str, Any]) -> None:
    del tensors["conv_pre.weight_g"]


def _flat_gain(tensors: dict[str, Any]) -> None:
    tensors["conv_pre.weight_g"] = tensors["conv_pre.weight_g"].flatten()


def _no_direction(tensors: dict[str, Any]) -> None:
    tensors["conv_pre.weight_v"] = torch.tensor(1.0)


def _null_direction(tensors: dict[str, Any]) -> None:
    tensors["conv_pre.weight_v"].zero_()


@pytest.mark.parametrize("change", [_without_gain, _flat_gain, _no_direction, _null_direction])
def test_a_weight_norm_that_makes_no_weight_is_refused(mine: Path, change: Change) -> None:
    refused(mine, alter(mine, "vocoder", change), "conv_pre.weight")


def _header(entries: bytes | dict[str, Any], data: bytes = b"\0" * 8, length: int | None = None) -> bytes:
    text = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize("part", ["codec", "semantic"])
@pytest.mark.parametrize(
    "damaged",
    [
        _header({"a": {**ENTRY, "shape": [2**40, 2**40]}}),
        _header({"a": {**ENTRY, "shape": [2**40], "data_offsets": [0, 2**42]}}),
        _header({"a": {**ENTRY, "shape": [-2]}}),
        _header({"a": {**ENTRY, "data_offsets": [8, 0]}}),
        _header({"a": ENTRY, "b": ENTRY}),
        _header({"a": {**ENTRY, "dtype": "F4"}}),
        _header({"a": ENTRY}, length=2**63),
        _header({"a": ENTRY}, length=10**8),
        _header({"a": ENTRY}, data=b"\0" * 9),
        _header(b'{"a": %b, "a": %b}' % (json.dumps(ENTRY).encode(), json.dumps(ENTRY).encode())),
        _header(b"[" * 100_000),
        _header(b"\xff" * 64),
    ],
)
def test_a_header_that_lies_is_refused(mine: Path, part: str, damaged: bytes) -> None:
    replace(mine / WEIGHTS[part].path, damaged)
    one_refused(mine, part)


def test_a_repeated_name_in_a_header_is_named(mine: Path) -> None:
    path = mine / WEIGHTS["codec"].path
    (length,) = struct.unpack("<Q", path.read_bytes()[:8])
    whole = path.read_bytes()
    header = whole[8 : 8 + length].rstrip()
    name, entry = next(item for item in json.loads(header).items() if item[0] != "__metadata__")
    again = header[:-1] + b"," + json.dumps({name: entry}).encode()[1:]
    replace(path, struct.pack("<Q", len(again)) + again + whole[8 + length :])
    with pytest.raises(BadWeights, match=f"{name}' is there twice"):
        checkpoint.load(mine, WEIGHTS["codec"])


# — configurations —


def _set(*keys: Any, value: Any) -> Change:
    def change(config: dict[str, Any]) -> None:
        for key in keys[:-1]:
            config = config[key]
        config[keys[-1]] = value

    return change


def _drop(*keys: str) -> Change:
    def change(config: dict[str, Any]) -> None:
        for key in keys[:-1]:
            config = config[key]
        del config[keys[-1]]

    return change


def reconfigure(folder: Path, name: str, change: Change) -> None:
    path = folder / name
    config = yaml.safe_load(path.read_text())
    change(config)
    replace(path, (json.dumps(config) if name.endswith(".json") else yaml.safe_dump(config)).encode())


@pytest.mark.parametrize("name", [CONFIG, VOCODER_CONFIG, SEMANTIC_CONFIG, TOKENIZER])
@pytest.mark.parametrize(
    "damaged", [b"", b"\0", b"\xff\xfe\xfd", b"{", b"[1, 2]", b"3", b"[" * 5000, b"a: b: c", b"#" * (1 << 21)]
)
def test_a_broken_configuration_is_refused(mine: Path, name: str, damaged: bytes) -> None:
    replace(mine / name, damaged)
    refused(mine, Path(name).name)


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.mkdir ['{}']",
        "!!python/object/new:os.mkdir ['{}']",
        "!!python/name:os.mkdir",
    ],
)
def test_code_in_a_configuration_never_runs(mine: Path, tmp_path: Path, tag: str) -> None:
    marker = tmp_path / "ran"
    path = mine / CONFIG
    replace(path, path.read_bytes() + f"\nversion: {tag.format(marker)}\n".encode())
    refused(mine, CONFIG)
    assert not marker.exists()


@pytest.mark.parametrize("written", [1.0, 1.5, 2.4, 3, "2.1", None, [2.0], {"a": 1}, "x" * 1000])
def test_another_version_is_refused(mine: Path, written: Any) -> None:
    reconfigure(mine, CONFIG, _set("version", value=written))
    refused(mine, CONFIG, "version", "2.0")


WRONG: list[tuple[str, Change, str]] = [
    *((CONFIG, _drop(section), section) for section in ("gpt", "semantic_codec", "s2mel", "emo_num")),
    *((CONFIG, _set(section, value=[]), CONFIG) for section in ("gpt", "semantic_codec", "s2mel", "emo_num")),
    *(
        (CONFIG, _set("gpt", "layers", value=value), "layers")
        for value in (0, -1, "2", 2.0, None, True, 10**6, 10**12)
    ),
    (CONFIG, _set("gpt", "layers", value=1), "gpt.pth"),
    (CONFIG, _set("gpt", "layers", value=3), "gpt.pth"),
    (CONFIG, _set("gpt", "model_dim", value=256), "gpt.pth"),
    (CONFIG, _set("gpt", "heads", value=3), "gpt.pth"),
    (CONFIG, _set("gpt", "max_mel_tokens", value=10**12), "max_codes"),
    (CONFIG, _set("gpt", "start_text_token", value="x"), CONFIG),
    (CONFIG, _set("gpt", "start_text_token", value=float("inf")), CONFIG),
    (CONFIG, _set("gpt", "start_mel_token", value=257), "codes"),
    (CONFIG, _set("gpt", "stop_mel_token", value=258), "codes"),
    (CONFIG, _set("gpt", "condition_module", value=3), CONFIG),
    (CONFIG, _set("gpt", "condition_module", "attention_heads", value=3), "gpt.pth"),
    (CONFIG, _set("gpt", "condition_module", "input_layer", value="linear"), "linear"),
    (CONFIG, _set("gpt", "emo_condition_module", "num_blocks", value=2), "gpt.pth"),
    (CONFIG, _set("semantic_codec", "codebook_size", value=100), "codebook"),
    (CONFIG, _set("semantic_codec", "vocos_dim", value=48), "semantic_codec/model.safetensors"),
    (CONFIG, _set("semantic_codec", "hidden_size", value=32), "hidden_size"),
    (CONFIG, _set("s2mel", "DiT", "depth", value=5), "s2mel.pth"),
    (CONFIG, _set("s2mel", "DiT", "num_heads", value=3), "num_heads"),
    (CONFIG, _set("s2mel", "DiT", "in_channels", value=100), "in_channels"),
    (CONFIG, _set("s2mel", "DiT", "is_causal", value=True), "is_causal"),
    (CONFIG, _set("s2mel", "wavenet", "kernel_size", value=3), "s2mel.pth"),
    (CONFIG, _set("s2mel", "length_regulator", "channels", value=64), "channels"),
    (CONFIG, _set("s2mel", "style_encoder", "dim", value=64), "dim"),
    *(
        (CONFIG, _set("emo_num", value=value), "emo_num")
        for value in (None, 3, "73", [0] * 8, [True] * 8, [1.0])
    ),
    *(
        (CONFIG, _set("emo_num", value=value), "feat1.pt")
        for value in ([1] * 8, [12], [1, 1, 1, 1, 1, 1, 1, 6])
    ),
    (VOCODER_CONFIG, _drop("upsample_rates"), "upsample_rates"),
    (VOCODER_CONFIG, _set("upsample_rates", value=[8, 8]), "upsample_rates"),
    (VOCODER_CONFIG, _set("upsample_rates", value="4422"), VOCODER_CONFIG),
    (VOCODER_CONFIG, _set("upsample_rates", value=[4, 4, 2, 2, 2, "2"]), VOCODER_CONFIG),
    (VOCODER_CONFIG, _set("upsample_kernel_sizes", value=[8, 8, 4, 4, 4, 6]), "bigvgan/bigvgan_generator.pt"),
    (VOCODER_CONFIG, _set("upsample_kernel_sizes", value=[8]), "bigvgan/bigvgan_generator.pt"),
    (VOCODER_CONFIG, _set("resblock_kernel_sizes", value=[3] * 10**5), VOCODER_CONFIG),
    (VOCODER_CONFIG, _set("upsample_initial_channel", value=64), "bigvgan/bigvgan_generator.pt"),
    (VOCODER_CONFIG, _set("num_mels", value=100), "num_mels"),
    (VOCODER_CONFIG, _set("activation", value="relu"), "activation"),
    (SEMANTIC_CONFIG, _set("hidden_size", value=128), "hidden_size"),
    (SEMANTIC_CONFIG, _set("hidden_size", value="64"), SEMANTIC_CONFIG),
    (SEMANTIC_CONFIG, _set("intermediate_size", value=80), "w2v-bert-2.0/model.safetensors"),
    (SEMANTIC_CONFIG, _set("intermediate_size", value=10**12), "intermediate_size"),
    (SEMANTIC_CONFIG, _set("num_attention_heads", value=7), "w2v-bert-2.0/model.safetensors"),
    (SEMANTIC_CONFIG, _set("num_hidden_layers", value=3), "layers"),
    (SEMANTIC_CONFIG, _set("hidden_act", value="nonsense"), SEMANTIC_CONFIG),
    (SEMANTIC_CONFIG, _set("layer_norm_eps", value="small"), "layer_norm_eps"),
    (SEMANTIC_CONFIG, _set("layer_norm_eps", value=float("nan")), "layer_norm_eps"),
]


@pytest.mark.parametrize("index", range(len(WRONG)))
def test_a_configuration_that_does_not_describe_the_weights_is_refused(mine: Path, index: int) -> None:
    name, change, named = WRONG[index]
    reconfigure(mine, name, change)
    refused(mine, named)


def test_a_model_of_another_sort_is_no_tokeniser(mine: Path) -> None:
    replace(mine / TOKENIZER, save({"x": torch.ones(3)}))
    refused(mine, TOKENIZER)
