"""What the conditioning promises: one seam for both releases, references batched as if alone, clear refusals."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor

from bench.goldens.harness import Case, fill, load_cases, load_manifest, standard_buffers, tensor
from tts.errors import BadReference, BadWeights
from tts.indextts2.conditioning import PREFIXES, STYLE, Conditioning
from tts.indextts2.config import SEMANTIC_WIDTH, GptConfig
from tts.indextts2.conformer import sinusoids, subsampled

LEAST = 3
"""The subsampling convolution's kernel."""


@cache
def prompt(model: str) -> Case:
    return next(case for case in load_cases(size="tiny", component="gpt.prompt") if case.model == model)


@cache
def official(model: str) -> dict[str, Tensor]:
    """What a loader splits off the official file, tables by formula included."""
    case = prompt(model)
    shapes = load_manifest(case.root, case.raw["manifest"])
    shapes = {key: shape for key, shape in shapes.items() if key.startswith(PREFIXES)}
    return fill(shapes, case.raw["salt"]) | standard_buffers(shapes)


def config(model: str) -> GptConfig:
    return GptConfig.parse(prompt(model).config or {}, "2.5" if model == "gpt25" else "2.0")


@cache
def loaded(model: str) -> Conditioning:
    return Conditioning.load(config(model), official(model))


def features(frames: int, count: int = 1) -> Tensor:
    return tensor("reference", [count, frames, SEMANTIC_WIDTH], f"conditioning {frames}")


def styles(count: int = 1) -> Tensor:
    return tensor("style", [count, STYLE], "conditioning")


@pytest.mark.parametrize("model", ["gpt20", "gpt25"])
def test_the_prompts_first_rows_are_the_speaker_plus_the_emotion_in_both_releases(model: str) -> None:
    case = prompt(model)
    inputs, golden = case.inputs(), case.expected()
    rows = loaded(model).speaker_rows(inputs["spk"], inputs.get("style", styles()))
    padding = int((golden["mask"] == 0).sum())
    want = torch.from_numpy(golden["prompt"])[:, padding : padding + rows.shape[1]]
    assert rows.shape[1] == {"gpt20": 32, "gpt25": 1}[model]
    torch.testing.assert_close(rows + inputs["emovec"][:, None], want, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("model", ["gpt20", "gpt25"])
def test_references_of_different_length_batched_are_as_each_alone(model: str) -> None:
    conditioning = loaded(model)
    lengths = [31, 18, 10]
    feat, style = features(31, count=3), styles(3)
    alone = [feat[i : i + 1, :length] for i, length in enumerate(lengths)]
    rows = [conditioning.speaker_rows(own, style[i : i + 1]) for i, own in enumerate(alone)]
    torch.testing.assert_close(conditioning.speaker_rows(feat, style, lengths), torch.cat(rows))
    vectors = [conditioning.emotion_vector(own) for own in alone]
    torch.testing.assert_close(conditioning.emotion_vector(feat, lengths), torch.cat(vectors))


def test_references_of_one_length_batched_are_as_each_alone() -> None:
    conditioning = loaded("gpt20")
    feat, style = features(40, count=2), styles(2)
    for row in range(2):
        own = slice(row, row + 1)
        torch.testing.assert_close(
            conditioning.speaker_rows(feat, style)[own], conditioning.speaker_rows(feat[own], style[own])
        )
        torch.testing.assert_close(
            conditioning.emotion_vector(feat)[own], conditioning.emotion_vector(feat[own])
        )


def test_what_lies_outside_the_mask_is_not_heard() -> None:
    conditioning = loaded("gpt20")
    length, quiet = 18, features(31)
    loud = quiet.clone()
    loud[:, length:] *= 100
    mask = (torch.arange(subsampled(31)) < subsampled(length)).expand(1, -1)
    contexts = [conditioning.conditioning_encoder(feat, mask) for feat in (quiet, loud)]
    torch.testing.assert_close(contexts[0][mask], contexts[1][mask])
    latents = [conditioning.perceiver_encoder(context, mask) for context in contexts]
    torch.testing.assert_close(*latents)
    unmasked = [conditioning.speaker_rows(feat, styles()) for feat in (quiet, loud)]
    assert not torch.allclose(*unmasked, atol=1e-3)


@pytest.mark.parametrize("frames", [1, LEAST - 1])
def test_a_reference_too_short_for_one_frame_is_refused(frames: int) -> None:
    conditioning = loaded("gpt20")
    with pytest.raises(BadReference, match=rf"has {frames} feature frames; {LEAST} are the least"):
        conditioning.speaker_rows(features(frames), styles())
    with pytest.raises(BadReference, match=rf"has {frames} feature frames"):
        conditioning.emotion_vector(features(10), [frames])
    assert conditioning.emotion_vector(features(LEAST)).isfinite().all()


@pytest.mark.parametrize("lengths", [[10], [10, 11], [10, 0], [10, -1], [10, 10, 10], []])
def test_lengths_that_do_not_fit_are_refused(lengths: list[int]) -> None:
    with pytest.raises(ValueError, match="do not fit features of shape"):
        loaded("gpt20").emotion_state(features(10, count=2), lengths)


def test_merging_goes_in_a_straight_line_from_the_speaker_to_the_emotion() -> None:
    own, other = torch.tensor([[1.0, -2.0]]), torch.tensor([[3.0, 2.0]])
    for alpha, want in ((0.0, [[1.0, -2.0]]), (0.25, [[1.5, -1.0]]), (1.0, [[3.0, 2.0]])):
        assert Conditioning.merge(own, other, alpha).tolist() == want


@pytest.mark.parametrize("model", ["gpt20", "gpt25"])
def test_the_official_tables_are_passed_over_and_nothing_else_is_forgiven(model: str) -> None:
    state = official(model)
    assert any(key.endswith(".pe") for key in state)
    bare = {key: value for key, value in state.items() if not key.endswith(".pe")}
    feat = features(20)
    without_tables = Conditioning.load(config(model), bare)
    assert torch.equal(without_tables.emotion_vector(feat), loaded(model).emotion_vector(feat))
    with pytest.raises(BadWeights, match=r"lacks emo_layer\.bias"):
        Conditioning.load(config(model), {key: bare[key] for key in bare if key != "emo_layer.bias"})
    with pytest.raises(BadWeights, match=r"unknown mel_head\.bias"):
        Conditioning.load(config(model), {**bare, "mel_head.bias": torch.zeros(3)})


@pytest.mark.parametrize(("mine", "other"), [("gpt20", "gpt25"), ("gpt25", "gpt20")])
def test_the_conditioning_of_one_release_is_no_conditioning_of_the_other(mine: str, other: str) -> None:
    with pytest.raises(BadWeights, match=r"conditioning_encoder|spk_emb_proj"):
        Conditioning.load(config(mine), official(other))


def test_the_position_table_is_the_official_one() -> None:
    table = official("gpt20")["emo_conditioning_encoder.embed.pos_enc.pe"][0]
    torch.testing.assert_close(sinusoids(*table.shape, table.device), table)


def test_the_weights_decide_the_type_of_the_answer() -> None:
    model = Conditioning.load(config("gpt20"), official("gpt20")).to(torch.bfloat16)
    feat, style = features(9), styles()
    got, want = model.speaker_rows(feat, style), loaded("gpt20").speaker_rows(feat, style)
    assert got.dtype == torch.bfloat16
    assert torch.cosine_similarity(got.float().flatten(), want.flatten(), dim=0) > 0.999
