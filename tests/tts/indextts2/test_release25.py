"""A release of 2.5: its own files, its own keys and no others, told from 2.0 by what the folder says and holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from files import content, linked, replace, store

from tts.errors import BadWeights, EngineMissing
from tts.indextts2.layout import LAYOUTS
from tts.indextts2.release import Placement, Release
from tts.indextts2.settings import CONFIG, RANKS

CPU = Placement(torch.device("cpu"), torch.float32)
LAYOUT = LAYOUTS["2.5"]
CODEC = LAYOUT.weights["codec"].path
pytestmark = pytest.mark.parametrize("version", ["2.5"])

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def mine(folder: Path, release: Release, tmp_path: Path) -> Path:
    """A release of links, already converted."""
    assert release.folder == folder
    return linked(folder, tmp_path / "mine")


def configure(folder: Path, change: Change) -> None:
    raw = yaml.safe_load((folder / CONFIG).read_text())
    change(raw)
    replace(folder / CONFIG, yaml.safe_dump(raw).encode())


def test_it_has_the_codec_that_decodes_and_no_latent_pass(release: Release) -> None:
    assert release.version == "2.5"
    assert release.projection is None
    assert release.codec.downsample == 2
    assert not release.gpt.counts
    assert release.conditioning.by_style
    assert release.text.languages.keys() == {"zh", "en", "ja", "es", "ar"}
    assert {CODEC, RANKS} <= release.digests.keys()


def test_all_that_is_missing_is_named_at_once(mine: Path) -> None:
    for name in set(LAYOUT.required) - {RANKS, CONFIG}:
        (mine / name).unlink()
    with pytest.raises(EngineMissing) as caught:
        Release.load(mine, CPU)
    assert [name for name in LAYOUT.required if name not in str(caught.value)] == [CONFIG, RANKS]


def test_without_a_word_in_the_configuration_the_tokeniser_tells_the_version(
    mine: Path, release: Release
) -> None:
    configure(mine, lambda raw: raw.pop("version"))
    assert Release.load(mine, CPU).version == release.version


def test_what_is_called_2_0_lacks_the_files_of_2_0(mine: Path) -> None:
    configure(mine, lambda raw: raw.update(version=2.0))
    with pytest.raises(EngineMissing, match=r"bpe\.model, semantic_codec/model\.safetensors missing"):
        Release.load(mine, CPU)


def _gpt(change: Change) -> tuple[str, Change, str]:
    return "gpt.pth", change, "gpt.pth"


def _codec(change: Change) -> tuple[str, Change, str]:
    return CODEC, lambda whole: change(whole["model"]), CODEC


def _s2mel(change: Change) -> tuple[str, Change, str]:
    return "s2mel.pth", lambda whole: change(whole["net"]), "s2mel.pth"


WRONG = [
    *(
        _gpt(lambda whole, name=name: whole.update({name: torch.ones(2, 128)}))  # type: ignore[misc]
        for name in (
            "speed_emb.weight",
            "conditioning_encoder.after_norm.weight",
            "perceiver_encoder.latents",
        )
    ),
    *(
        _gpt(lambda whole, name=name: whole.pop(name))  # type: ignore[misc]
        for name in ("lang_embedding.weight", "spk_emb_proj.weight")
    ),
    _gpt(lambda whole: whole.update({"lang_embedding.weight": whole["lang_embedding.weight"][:106]})),
    _gpt(lambda whole: whole["spk_emb_proj.bias"].fill_(float("nan"))),
    _codec(lambda model: model.pop("down.weight")),
    _codec(lambda model: model.pop("decoder.1.bias")),
    _codec(lambda model: model["up.bias"].fill_(float("inf"))),
    (CODEC, lambda whole: whole.pop("model"), CODEC),
    _s2mel(lambda net: net.pop("length_regulator")),
    _s2mel(lambda net: net["cfm"].pop("estimator.conv1.weight")),
]


@pytest.mark.parametrize("index", range(len(WRONG)))
def test_weights_of_other_keys_shapes_or_values_are_refused_by_name(mine: Path, index: int) -> None:
    path, change, named = WRONG[index]
    whole = content(mine / path)
    change(whole)
    store(mine / path, whole)
    with pytest.raises(BadWeights, match=Path(named).name):
        Release.load(mine, CPU)


def test_what_else_the_codec_s_file_holds_is_passed_over(mine: Path, release: Release) -> None:
    whole = content(mine / CODEC)
    whole["model"]["quantizer.only.cluster_size"] = torch.ones(3)
    store(mine / CODEC, whole)
    codec = Release.load(mine, CPU).codec
    assert codec.state_dict().keys() == release.codec.state_dict().keys()


def test_a_latent_projection_left_in_the_file_is_passed_over(mine: Path, release: Release) -> None:
    whole = content(mine / "s2mel.pth")
    whole["net"]["gpt_layer"] = {"0.weight": torch.ones(2, 2)}
    store(mine / "s2mel.pth", whole)
    assert Release.load(mine, CPU).projection is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda raw: raw["semantic_codec"].update(downsample_scale=1), "downsample_scale"),
        (lambda raw: raw["semantic_codec"].update(vocos_dim=48), CODEC),
        (lambda raw: raw["gpt"].update(number_text_tokens=600), RANKS),
        (lambda raw: raw["gpt"].update(number_text_tokens=900), "gpt.pth"),
        (lambda raw: raw["s2mel"]["DiT"].update(depth=5), "s2mel.pth"),
    ],
)
def test_a_configuration_that_does_not_describe_the_weights_is_refused(
    mine: Path, change: Change, named: str
) -> None:
    configure(mine, change)
    with pytest.raises(BadWeights, match=Path(named).name):
        Release.load(mine, CPU)


def test_the_codec_is_at_25_hz_where_the_configuration_does_not_say_it(mine: Path, release: Release) -> None:
    configure(mine, lambda raw: raw["semantic_codec"].pop("downsample_scale"))
    codes = torch.tensor([[3, 1, 4]])
    again = Release.load(mine, CPU)
    assert torch.equal(again.codec.decode(codes), release.codec.decode(codes))


@pytest.mark.parametrize("name", [CODEC, RANKS])
def test_the_digest_is_of_the_files_that_2_0_has_not(mine: Path, release: Release, name: str) -> None:
    if name == CODEC:
        whole = content(mine / name)
        whole["model"]["up.bias"][0] += 0.25
        store(mine / name, whole)
    else:
        replace(mine / name, (mine / name).read_bytes() + b"\n")  # an empty line: the same ranks
    assert Release.load(mine, CPU).digest != release.digest
