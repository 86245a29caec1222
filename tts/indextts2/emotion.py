"""Emotion as eight weights, and what they add to the emotion vector. Not where the weights come from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from tts.door import EMOTIONS
from tts.errors import BadWeights

NAMES = EMOTIONS
"""The order of the eight weights everywhere."""

STRONGEST = 1.2
"""The highest weight that one emotion may have, as in the reference implementation's own text mode."""

LOUDEST = 0.8
"""The highest sum of weights that keeps the voice close to the speaker's own."""

_BIAS = (0.9375, 0.875, 1.0, 1.0, 0.9375, 0.9375, 0.6875, 0.5625)
"""Per emotion: the released matrix overdoes some of them."""

_STEP = 10_000
"""Scaled weights are cut to four decimals."""

Weights = tuple[float, float, float, float, float, float, float, float]


def checked(vector: Sequence[float]) -> Weights:
    """The eight weights in the order of `NAMES`. Raises ValueError unless each is a number in 0 … `STRONGEST`."""
    if len(vector) != len(NAMES):
        raise ValueError(f"An emotion has {len(NAMES)} weights ({', '.join(NAMES)}), not {len(vector)}.")
    for name, weight in zip(NAMES, vector, strict=True):
        if not 0 <= weight <= STRONGEST:  # NaN is neither
            raise ValueError(f"The weight of {name} is {weight}; it must lie between 0 and {STRONGEST}.")
    happy, angry, sad, afraid, disgusted, melancholic, surprised, calm = map(float, vector)
    return happy, angry, sad, afraid, disgusted, melancholic, surprised, calm


def capped(vector: Sequence[float], *, bias: bool = True) -> Weights:
    """Weights tamed for speech: each times its bias, then all scaled down so that their sum is at most `LOUDEST`.

    Raises ValueError, as `checked`.
    """
    weights = checked(vector)
    if bias:
        weights = checked([weight * factor for weight, factor in zip(weights, _BIAS, strict=True)])
    total = sum(weights)
    return weights if total <= LOUDEST else checked([weight * (LOUDEST / total) for weight in weights])


def scaled(vector: Sequence[float], alpha: float) -> Weights:
    """Weights times `alpha`, itself clipped to 0 … 1, cut (not rounded) to four decimals; as they are where it is 1.

    Raises ValueError, as `checked`, and for an alpha that is not a number.
    """
    weights = checked(vector)
    if math.isnan(alpha):
        raise ValueError("The strength of an emotion must be a number.")
    alpha = min(max(alpha, 0.0), 1.0)
    return weights if alpha == 1 else checked([int(weight * alpha * _STEP) / _STEP for weight in weights])


class EmotionMatrix(nn.Module):
    """Recorded emotions: for each row the embedding of who spoke, and the emotion vector of what was spoken."""

    speakers: Tensor
    emotions: Tensor

    def __init__(self, speakers: Tensor, emotions: Tensor, rows: Sequence[int]) -> None:
        """`speakers` [N, S] (feat1), `emotions` [N, D] (feat2), `rows`: how many of the N rows each emotion has.

        Raises BadWeights where these do not belong together.
        """
        super().__init__()
        if speakers.ndim != 2 or emotions.ndim != 2 or len(speakers) != len(emotions):
            raise BadWeights(
                f"The emotion matrices have shapes {list(speakers.shape)} and {list(emotions.shape)}; "
                "both must have two dimensions and the same number of rows."
            )
        if len(rows) != len(NAMES) or min(rows) < 1 or sum(rows) != len(speakers):
            raise BadWeights(f"{list(rows)} does not share {len(speakers)} rows among {len(NAMES)} emotions.")
        if not (torch.isfinite(speakers).all() and torch.isfinite(emotions).all()):
            raise BadWeights("The emotion matrices have values that are not numbers.")
        self.rows = tuple(rows)
        # unit vectors in single precision: choosing among near neighbours is no place for rounding
        self.register_buffer("speakers", functional.normalize(speakers.float(), dim=-1), persistent=False)
        self.register_buffer("emotions", emotions.detach(), persistent=False)

    @torch.inference_mode()
    def choose(self, style: Tensor) -> Tensor:
        """[8]: the row within each emotion whose speaker has the highest cosine with `style` [1, S]."""
        likeness = self.speakers.float() @ functional.normalize(style.float().reshape(-1), dim=0)  # [N]
        return torch.stack([group.argmax() for group in torch.split(likeness, list(self.rows))])

    @torch.inference_mode()
    def mix(self, style: Tensor, vector: Sequence[float], base: Tensor) -> Tensor:
        """Σ wᵢ · rowᵢ + (1 − Σ wᵢ) · `base`, for `base` [..., D] the voice's own emotion vector: [..., D], as `base`.

        Raises ValueError, as `checked`.
        """
        weights = checked(vector)
        firsts = torch.tensor((0, *self.rows[:-1]), device=style.device).cumsum(0)
        rows = self.emotions[firsts + self.choose(style)].to(base)  # [8, D]
        return base.new_tensor(weights) @ rows + (1 - sum(weights)) * base
