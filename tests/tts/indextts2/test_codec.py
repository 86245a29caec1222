"""What the codec promises: the nearest code by angle, one table for all embeddings, a decoder only where it is used."""

from __future__ import annotations

from functools import cache

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from bench.goldens.harness import Case, load_cases, tensor
from tts.errors import BadWeights
from tts.indextts2.codec import Codec
from tts.indextts2.config import CodecConfig


@cache
def case(model: str) -> Case:
    return next(
        found for found in load_cases(size="tiny", component="codec.quantize") if found.model == model
    )


@cache
def official(model: str) -> dict[str, Tensor]:
    state: dict[str, Tensor] = case(model).weights()
    return state


def fresh(model: str) -> Codec:
    """A codec of its own, for a test that changes it."""
    state = {key: value.clone() for key, value in official(model).items()}
    return Codec.load(CodecConfig.parse(case(model).config or {}), state)


loaded = cache(fresh)


def features(frames: int, count: int = 1) -> Tensor:
    return tensor("features", [count, frames, 1024], f"codec {frames}")


@pytest.mark.parametrize(
    ("model", "frames", "codes"), [("codec20", 21, 21), ("codec25", 20, 10), ("codec25", 21, 11)]
)
def test_there_is_a_code_for_every_frame_or_every_second_one(model: str, frames: int, codes: int) -> None:
    got, emb = loaded(model).quantize(features(frames, count=2))
    assert got.shape == (2, codes)
    assert emb.shape == (2, codes, 1024)
    assert got.dtype == torch.int64


@pytest.mark.parametrize("model", ["codec20", "codec25"])
def test_the_code_is_the_nearest_by_angle(model: str) -> None:
    codec = loaded(model)
    feat = features(24)
    z = codec.project(codec.encode(feat)).double()
    book = codec.quantizer.only.codebook.weight.double()
    angle = torch.arccos(F.cosine_similarity(z[:, :, None], book[None, None], dim=-1))
    assert torch.equal(codec.quantize(feat)[0], angle.argmin(dim=-1))


def test_scaling_the_codebook_changes_no_code() -> None:
    codec = fresh("codec20")
    feat = features(24)
    before = codec.quantize(feat)[0]
    codec.quantizer.only.codebook.weight *= torch.linspace(0.1, 10, 256)[:, None]
    assert torch.equal(codec.quantize(feat)[0], before)


@pytest.mark.parametrize("model", ["codec20", "codec25"])
def test_quantising_and_embedding_give_the_same_embedding(model: str) -> None:
    codec = loaded(model)
    codes, emb = codec.quantize(features(24))
    assert torch.equal(codec.embed(codes), emb)


def test_embeddings_are_those_of_the_raw_codebook_rows_projected_out() -> None:
    quantizer = loaded("codec20").quantizer.only
    codes = torch.tensor([[0, 7, 255]])
    want = quantizer.out_project(quantizer.codebook(codes).transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(loaded("codec20").embed(codes), want)


@pytest.mark.parametrize("codes", [[0, 256], [-1, 3]])
@pytest.mark.parametrize("model", ["codec20", "codec25"])
def test_a_code_outside_the_codebook_is_refused(model: str, codes: list[int]) -> None:
    with pytest.raises(
        ValueError, match=rf"Codes from {min(codes)} to {max(codes)} are not all in .* 0 to 255"
    ):
        loaded(model).embed(torch.tensor([codes]))


def test_no_codes_are_no_embeddings() -> None:
    assert loaded("codec20").embed(torch.empty(1, 0, dtype=torch.int64)).shape == (1, 0, 1024)


def test_decoding_a_batch_is_decoding_each() -> None:
    codec = loaded("codec25")
    codes = torch.tensor([[1, 2, 3, 4], [200, 100, 50, 25]])
    together = codec.decode(codes)
    assert together.shape == (2, 8, 1024)
    torch.testing.assert_close(together, torch.cat([codec.decode(codes[:1]), codec.decode(codes[1:])]))


def test_the_codec_without_a_use_for_its_decoder_has_none_and_says_so() -> None:
    codec = fresh("codec20")
    assert not any("decoder" in name for name, _ in codec.named_parameters())
    with pytest.raises(TypeError, match="50 Hz codec does not decode"):
        codec.decode(torch.tensor([[1]]))


def test_the_codec_with_a_use_for_its_decoder_is_not_loaded_without_it() -> None:
    state = {key: value for key, value in official("codec25").items() if not key.startswith("decoder.")}
    with pytest.raises(BadWeights, match=r"lacks decoder\."):
        Codec.load(CodecConfig.parse(case("codec25").config or {}), state)


def test_the_table_is_made_and_not_saved_and_follows_the_weights() -> None:
    codec = fresh("codec20")
    assert "table" not in codec.state_dict()
    codec.to(torch.bfloat16)
    codes, emb = codec.quantize(features(24))
    assert emb.dtype == torch.bfloat16
    torch.testing.assert_close(emb.float(), loaded("codec20").embed(codes), rtol=0.02, atol=0.02)
