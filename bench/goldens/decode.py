"""Golden runners of decoding: greedy, sampled and with beams."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor

from bench.goldens.gpt import load, prompt
from bench.goldens.harness import Case
from tts.indextts2.beam import LEAST_KEPT, decode_beams
from tts.indextts2.decode import decode
from tts.indextts2.gpt import DECODED_POSITION, Gpt
from tts.indextts2.job import Job
from tts.indextts2.sampling import Knobs, Sampling, keep, penalise, seen_at_start

HEAD = 6
"""Steps whose raw logits the greedy goldens hold."""

NO_ID = -1
"""Padding of `kept_ids`."""


def model(case: Case) -> Gpt:
    """The case's model, with the stop made likelier where the case says so."""
    _, gpt = load(case)
    if "stop_bias" in case.params:
        gpt = copy.deepcopy(gpt)
        gpt.mel_head.bias[gpt.config.stop] += case.params["stop_bias"]
    return gpt


def sampling(case: Case, *, greedy: bool = False) -> Sampling:
    """The case's parameters; what it does not name is the default."""
    named = {
        name: case.params[name]
        for name in ("temperature", "top_k", "top_p", "repetition_penalty")
        if name in case.params
    }
    return Sampling(**named, beams=case.params.get("num_beams", 1), greedy=greedy)


@torch.inference_mode()
def fed(gpt: Gpt, rows: Tensor, codes: Tensor) -> Tensor:
    """Raw logits of every step of decoding that says `codes` [N] after the prompt [P, D]: [N + 1, V]."""
    cache = gpt.gpt.cache(1, len(rows) + 1 + len(codes), rows.device, rows.dtype)
    gpt.gpt.prefill(rows, cache, [0])
    steps = [gpt.start_row()[None]]
    steps += [gpt.code_row(code[None], torch.tensor([k + DECODED_POSITION])) for k, code in enumerate(codes)]
    logits = [
        gpt.logits(gpt.gpt.step(x, cache, torch.tensor([len(rows) + n]), cache.length))
        for n, x in enumerate(steps)
    ]
    return torch.cat(logits)


def greedy(case: Case) -> dict[str, Tensor]:
    """`gpt.greedy`: the codes, the stop with them where it was reached, and the first logits."""
    gpt, rows, most = model(case), prompt(case), case.params["max_new"]
    decoded = decode(gpt, [Job(rows, seed=0, most=most, sampling=sampling(case, greedy=True))])[0]
    codes = decoded.codes
    if decoded.ended == "stop" and len(codes) < most:
        codes = torch.cat([codes, torch.tensor([gpt.config.stop])])
    return {"codes": codes[None], "logits_head": fed(gpt, rows, decoded.codes[: HEAD - 1])}


def sampled(case: Case) -> dict[str, Tensor]:
    """`gpt.sampling`: what each step keeps, along the stored tokens."""
    gpt, rows, options = model(case), prompt(case), sampling(case)
    tokens = torch.from_numpy(case.expected()["tokens"])  # drawn by another generator
    logits = fed(gpt, rows, tokens[0, :-1])
    knobs = Knobs.empty(1, logits.device)
    knobs.set(0, options, gpt.config.codes)
    seen = seen_at_start(1, gpt.config.codes, gpt.config.start, logits.device)
    kept_ids, kept_probs = [], []
    for step, token in zip(logits, tokens[0], strict=True):
        ids, scores = keep(penalise(step[None], seen, knobs.penalty), knobs, options.top_k)
        probs = scores.softmax(dim=-1)
        kept_ids.append(ids.masked_fill(probs == 0, NO_ID))
        kept_probs.append(probs)
        seen[0, token] = True
    return {"kept_ids": torch.cat(kept_ids), "kept_probs": torch.cat(kept_probs), "logits": logits}


def beam_step(case: Case) -> dict[str, Tensor]:
    """`gpt.beam_dist`: what the first step of beam sampling keeps."""
    gpt, options = model(case), sampling(case)
    logits = fed(gpt, prompt(case), torch.zeros(0, dtype=torch.long))
    knobs = Knobs.empty(1, logits.device)
    knobs.set(0, options, gpt.config.codes)
    seen = seen_at_start(1, gpt.config.codes, gpt.config.start, logits.device)
    log_p = penalise(logits.log_softmax(dim=-1), seen, knobs.penalty)
    ids, scores = keep(log_p, knobs, options.width(gpt.config.codes), LEAST_KEPT)
    kept = torch.isfinite(scores)
    return {"kept_ids": ids[kept], "kept_scores": scores[kept], "logits": logits[0]}


def beams(case: Case) -> dict[str, Tensor]:
    """`gpt.beam`: deterministic beam search, and the score of its winner as the sum of its processed scores."""
    gpt, rows, options = model(case), prompt(case), sampling(case, greedy=True)
    codes = decode_beams(
        gpt, Job(rows, seed=0, most=case.params["max_new"], sampling=options), options.beams
    ).codes
    log_p = fed(gpt, rows, codes[:-1]).log_softmax(dim=-1)
    seen = seen_at_start(1, gpt.config.codes, gpt.config.start, log_p.device)
    penalty = torch.tensor([options.repetition_penalty])
    score = torch.zeros(1)
    for step, code in zip(log_p, codes, strict=True):
        score += penalise(step[None], seen, penalty)[:, code]
        seen[0, code] = True
    return {"codes": codes[None], "score": score}


RUNNERS: dict[str, Callable[[Case], dict[str, Tensor]]] = {
    "gpt.greedy": greedy,
    "gpt.sampling": sampled,
    "gpt.beam_dist": beam_step,
    "gpt.beam": beams,
}
