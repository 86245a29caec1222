"""A release: one digest for its content, the same parts however its files are nested, one version, one place each."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from files import KEY, NEST, REQUIRED, WEIGHTS, content, linked, replace, store
from speaking import every_version
from torch import Tensor, nn

from bench.goldens.harness import KIT, manifest_info, standard_buffers
from tts.errors import EngineMissing
from tts.indextts2.layout import GLOSSARY
from tts.indextts2.release import LARGE, Placement, Release

CPU = Placement(torch.device("cpu"), torch.float32)
PARTS = (
    *("semantic", "codec", "speaker", "conditioning", "gpt"),
    *("regulator", "projection", "flow", "vocoder", "emotions"),
)


@pytest.fixture
def mine(folder: Path, release: Release, tmp_path: Path) -> Path:
    """A release of links, already converted."""
    assert release.folder == folder
    return linked(folder, tmp_path / "mine")


def modules(release: Release) -> dict[str, nn.Module]:
    """Every part: 2.5 has no projection."""
    found = {part: getattr(release, part) for part in PARTS}
    return {part: module for part, module in found.items() if module is not None}


def numbers(release: Release) -> dict[str, Tensor]:
    """Every parameter and buffer of every part."""
    found: dict[str, Tensor] = {}
    for part, module in modules(release).items():
        # what is packed for a CPU has a layout of its own
        named = (*module.named_parameters(), *module.named_buffers())
        found |= {f"{part}.{name}": value.to_dense() if value.is_mkldnn else value for name, value in named}
    return found


def same(a: Release, b: Release) -> bool:
    ours, theirs = numbers(a), numbers(b)
    return set(ours) == set(theirs) and all(torch.equal(value, theirs[name]) for name, value in ours.items())


@every_version
def test_loading_twice_is_loading_the_same(release: Release, mine: Path) -> None:
    again = Release.load(mine, CPU)
    assert again.digest == release.digest
    assert (again.version, again.pace) == (release.version, release.pace)
    assert same(again, release)
    mel = torch.randn(1, 80, 12, generator=torch.Generator().manual_seed(3))
    assert torch.equal(again.vocoder(mel), release.vocoder(mel))
    features = torch.randn(1, 9, 64, generator=torch.Generator().manual_seed(4))
    assert torch.equal(again.codec.quantize(features)[1], release.codec.quantize(features)[1])
    assert len(numbers(release)) > 1000


@every_version
def test_nothing_is_left_to_train(release: Release) -> None:
    for part, module in modules(release).items():
        assert not any(value.requires_grad for value in module.parameters())
        assert not any(value.is_meta for value in (*module.parameters(), *module.buffers()))
        assert part in ("emotions", "projection") or not module.training  # they do not tell the two apart


def _reworded(path: Path) -> None:
    if path.suffix == ".json":
        replace(path, json.dumps(json.loads(path.read_text()), indent=3).encode())
    else:
        replace(path, path.read_bytes() + b"\n# as before\n")


@pytest.mark.parametrize("name", [name for name in REQUIRED if name.endswith((".yaml", ".json"))])
def test_the_digest_is_of_what_is_in_the_configurations(release: Release, mine: Path, name: str) -> None:
    _reworded(mine / name)
    assert Release.load(mine, CPU).digest != release.digest


@pytest.mark.parametrize("part", WEIGHTS)
def test_the_digest_is_of_what_is_in_the_weights(release: Release, mine: Path, part: str) -> None:
    path = mine / WEIGHTS[part].path
    whole = content(path)
    inner = whole
    for level in NEST.get(part, ()):
        inner = inner[level]
    inner = inner[KEY[part]] if isinstance(inner, dict) else inner
    inner.view(-1)[0] += 0.25
    store(path, whole)
    changed = Release.load(mine, CPU)
    assert changed.digest != release.digest
    assert changed.digest == Release.load(mine, CPU).digest
    assert not same(changed, release)


def test_the_digest_is_of_the_tokeniser_and_the_glossary(release: Release, mine: Path) -> None:
    (mine / GLOSSARY).write_text(yaml.safe_dump({"AI": "a i"}))
    with_glossary = Release.load(mine, CPU).digest
    (mine / GLOSSARY).write_text(yaml.safe_dump({"AI": "ay eye"}))
    with_another = Release.load(mine, CPU).digest
    (mine / GLOSSARY).unlink()
    assert Release.load(mine, CPU).digest == release.digest
    tokenizer = mine / "bpe.model"
    replace(tokenizer, tokenizer.read_bytes() + b"\x1a\x00")  # an empty field more: the same model
    digests = {release.digest, with_glossary, with_another, Release.load(mine, CPU).digest}
    assert len(digests) == 4


def test_the_digest_is_not_of_times(release: Release, mine: Path) -> None:
    for name in REQUIRED:
        replace(mine / name, (mine / name).read_bytes())
        os.utime(mine / name, ns=(10**9, 10**9))
    assert Release.load(mine, CPU).digest == release.digest


def _gpt(tensors: dict[str, Any]) -> dict[str, Any]:
    more = {
        "gpt.wte.weight": tensors["mel_embedding.weight"],
        "inference_model.transformer.h.0.ln_1.weight": torch.ones(128),
        "inference_model.lm_head.1.weight": tensors["mel_head.weight"],
        "conditioning_encoder.embed.pos_enc.pe": torch.zeros(1, 5000, 32),
        "emo_conditioning_encoder.embed.pos_enc.pe": torch.zeros(1, 5000, 48),
    }
    for layer in range(2):
        more[f"gpt.h.{layer}.attn.bias"] = torch.ones(1, 1, 8, 8, dtype=torch.bool).tril()
        more[f"gpt.h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    return {"model": tensors | more, "epoch": 3}


def _s2mel(whole: dict[str, Any]) -> dict[str, Any]:
    net = whole["net"]
    flow = net["cfm"] | {
        "estimator.input_pos": torch.arange(100),
        "estimator.t_embedder.freqs": torch.ones(128),
        "estimator.t_embedder2.freqs": torch.ones(128),
        "estimator.x_embedder.weight_g": torch.ones(64, 1),
        "estimator.x_embedder.weight_v": torch.ones(64, 80),
        "estimator.x_embedder.bias": torch.ones(64),
        "estimator.cond_embedder.weight": torch.ones(4, 4),
        "estimator.content_mask_embedder.weight": torch.ones(1, 4),
        **{
            f"estimator.transformer.layers.0.skip_in_linear.{kind}": torch.ones(4)
            for kind in ("weight", "bias")
        },
    }
    regulator = net["length_regulator"] | {
        "embedding.weight": torch.ones(4, 4),
        "mask_token": torch.ones(1, 4),
    }
    groups = {"cfm": flow, "length_regulator": regulator, "gpt_layer": net["gpt_layer"]}
    prefixed = {
        group: {f"module.{name}": value for name, value in of.items()} for group, of in groups.items()
    }
    return {"net": {**prefixed, "style_encoder": {"x": torch.ones(1)}}, "optimizer": {"step": 1}, "iters": 7}


def _vocoder(whole: dict[str, Any]) -> dict[str, Any]:
    tables = standard_buffers(manifest_info(KIT, "tiny_bigvgan")["tensors"])
    assert tables
    return {"generator": whole["generator"] | tables}


def _speaker(tensors: dict[str, Any]) -> dict[str, Any]:
    counters = {
        name.replace("running_mean", "num_batches_tracked") for name in tensors if "running_mean" in name
    }
    assert counters
    return tensors | {name: torch.tensor(9) for name in counters}


def _semantic(tensors: dict[str, Any]) -> dict[str, Any]:
    width = len(tensors["feature_projection.projection.bias"])
    above = {f"encoder.layers.{layer}.ffn1.output_dense.bias": torch.ones(width) for layer in range(17, 24)}
    return tensors | above | {"masked_spec_embed": torch.ones(width), "adapter.layers.0.x": torch.ones(2)}


OFFICIAL: dict[str, Callable[[Any], Any]] = {
    "gpt": _gpt,
    "s2mel": _s2mel,
    "vocoder": _vocoder,
    "speaker": _speaker,
    "semantic": _semantic,
    "codec": lambda tensors: (
        tensors | {"decoder.0.embed.weight": torch.ones(3), "decoder.1.bias": torch.ones(3)}
    ),
}


def test_what_official_files_carry_besides_changes_nothing(release: Release, mine: Path) -> None:
    for part, decorated in OFFICIAL.items():
        path = mine / WEIGHTS[part].path
        store(path, decorated(content(path)))
    official = Release.load(mine, CPU)
    assert official.digest != release.digest
    assert same(official, release)
    assert same(Release.load(mine, CPU), release)


@every_version
def test_the_large_parts_are_placed_in_the_chosen_precision(mine: Path, release: Release) -> None:
    half = Release.load(mine, Placement(torch.device("cpu"), torch.bfloat16))
    for part, module in modules(half).items():
        kinds = {
            value.dtype for value in (*module.parameters(), *module.buffers()) if value.is_floating_point()
        }
        assert (torch.bfloat16 if part in LARGE else torch.float32) in kinds
        assert part in LARGE or kinds == {torch.float32}
    assert half.digest == release.digest


@every_version
def test_the_decoder_is_packed_where_it_has_come_to_rest(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    real = nn.Module.to
    kind = type(Release.load(mine, CPU).gpt)

    def to(self: nn.Module, *rest: Any, **named: Any) -> nn.Module:
        if isinstance(self, kind):
            done.append("to")
        moved: nn.Module = real(self, *rest, **named)
        return moved

    pack = kind.pack
    monkeypatch.setattr(nn.Module, "to", to)

    def packed(self: Any) -> None:
        done.append("pack")
        pack(self)

    monkeypatch.setattr(kind, "pack", packed)
    Release.load(mine, CPU)
    assert done == ["to", "pack"]


def test_without_a_gpu_the_best_place_is_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for quick in (True, False):
        monkeypatch.setattr("tts.indextts2.release._cpu_has_bfloat16", lambda quick=quick: quick)
        assert Placement.best() == Placement(torch.device("cpu"), torch.bfloat16 if quick else torch.float32)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for real in (True, False):
        monkeypatch.setattr("tts.indextts2.release._gpu_has_bfloat16", lambda real=real: real)
        assert Placement.best() == Placement(torch.device("cuda"), torch.bfloat16 if real else torch.float32)
    assert Placement.best("cpu") == Placement(torch.device("cpu"), torch.float32)


def test_the_emotion_reader_is_asked_for_only_where_it_is_needed(release: Release) -> None:
    with pytest.raises(EngineMissing, match=r"qwen0\.6bemo4-merge"):
        _ = release.reader


def test_version_2_0_is_version_2_0_however_it_is_written(mine: Path, release: Release) -> None:
    path = mine / "config.yaml"
    raw = yaml.safe_load(path.read_text())
    for written in ("2.0", 2.0):
        replace(path, yaml.safe_dump(raw | {"version": written}).encode())
        assert Release.load(mine, CPU).version == release.version == "2.0"
