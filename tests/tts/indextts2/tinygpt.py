"""The tiny text-to-semantic model that tests of decoding share."""

from __future__ import annotations

import copy
from functools import cache

from bench.goldens.gpt import load
from bench.goldens.harness import load_cases
from tts.indextts2.gpt import Gpt


@cache
def model(stop_bias: float = 0.0) -> Gpt:
    """The tiny model; the bias makes it stop sooner."""
    case = next(case for case in load_cases(size="tiny", component="gpt.greedy"))
    gpt = copy.deepcopy(load(case)[1])
    gpt.mel_head.bias[gpt.config.stop] += stop_bias
    return gpt
