"""The emotion of a text, as a small language model reads it. What the weights do to a voice is decided elsewhere."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tts.errors import BadWeights, SpeakingFailed
from tts.indextts2.emotion import NAMES, STRONGEST, Weights, checked

INSTRUCTION = "文本情感分类"
"""The system message that the model was fine-tuned with: classify the emotion of a text."""

LONGEST = 1000
"""Characters of a text that are read: one spoken line's emotion shows in less, and time grows with length."""

LONGEST_REPLY = 256
"""Tokens. Eight scores as JSON take about half of it."""

_THOUGHT = "</think>"
"""The token that ends the model's thinking; the reply is what comes after the last one."""

_SPOKEN_AS = ("高兴", "愤怒", "悲伤", "恐惧", "反感", "低落", "惊讶", "自然")
"""The model's own names, in the order of `NAMES`."""

_PLACES = {name: place for names in (_SPOKEN_AS, NAMES) for place, name in enumerate(names)}
_CALM = NAMES.index("calm")
_MELANCHOLY = re.compile("低落|melancholy|melancholic|depression|depressed|gloomy")
"""Words in the text that tell melancholy from sadness; the model confuses the two."""

_LABEL_KEYS = ("emotion", "emotion_label", "label", "情感", "情绪")
_SCORE = re.compile(rf"({'|'.join(_SPOKEN_AS)})[\"']?\s*[:：]\s*([-+]?\d+(?:\.\d+)?)")


def parse_reply(reply: str, text: str) -> Weights:
    """The eight weights, each in 0 … 1.2, that the model's `reply` states for `text`; calm where it states none.

    Read as JSON (scores by the model's names, or one label), or else as `name: number` pairs. Where `text` itself
    speaks of melancholy, sadness and melancholy are exchanged. Raises ValueError for a score that is not a number.
    """
    stated = _stated(reply)
    if isinstance(stated, str):
        return _only(stated)
    scores = {name: stated[name] for name in _SPOKEN_AS if name in stated}
    if _MELANCHOLY.search(text.lower()):
        # Before labels are looked for, as in the reference implementation: both names are stated from here on, so a
        # label under another key no longer counts.
        scores |= {"悲伤": scores.get("低落", 0.0), "低落": scores.get("悲伤", 0.0)}
    if not scores:
        return _only(next((stated[key] for key in _LABEL_KEYS if key in stated), None))
    for value in scores.values():
        if _place(value) is not None:
            return _only(value)
    weights = [_weight(name, scores.get(name, 0.0)) for name in _SPOKEN_AS]
    return checked(weights) if any(weights) else _only("calm")


def _stated(reply: str) -> Mapping[str, object] | str:
    try:
        stated = json.loads(reply)
    except (ValueError, RecursionError):  # no JSON, a number of thousands of digits, nothing but brackets
        return dict(_SCORE.findall(reply))
    if isinstance(stated, dict | str):
        return stated
    return {}


def _only(label: object) -> Weights:
    """1.0 for the emotion of this name; for calm where no emotion has it."""
    place = _place(label)
    return checked([float(position == (_CALM if place is None else place)) for position in range(len(NAMES))])


def _place(label: object) -> int | None:
    return _PLACES.get(label.strip().lower()) if isinstance(label, str) else None


def _weight(name: str, value: object) -> float:
    try:
        weight = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        weight = math.nan
    if math.isnan(weight):
        raise ValueError(f"The score of {name} is {value!r}, which is not a number.")
    return min(max(weight, 0.0), STRONGEST)


class EmotionReader:
    """The fine-tuned Qwen3 that comes with the release."""

    def __init__(self, tokenizer: Any, model: Any) -> None:
        self._tokenizer = tokenizer
        self._model = model
        special = sorted({*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()}, key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, special)) or r"(?!)")

    @classmethod
    def load(cls, folder: Path, device: torch.device | str = "cpu") -> EmotionReader:
        """From a folder in the Hugging Face layout, weights as safetensors. Opens no connection, runs no code of it.

        Half precision on CUDA, single on other devices. Raises BadWeights for anything that is not such a folder.
        """
        from safetensors import SafetensorError
        from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            model, report = AutoModelForCausalLM.from_pretrained(
                folder,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise BadWeights(f"The emotion reader in {folder.name} cannot be loaded.") from error
        if wrong := [name for kind in ("missing_keys", "unexpected_keys") for name in report[kind]]:
            raise BadWeights(
                f"The emotion reader in {folder.name} lacks or should not have {sorted(wrong)[0]}."
            )
        # Always the likeliest token, whatever the folder's own settings say: how a line sounds must not hang on chance.
        model.generation_config = GenerationConfig(
            do_sample=False,
            max_new_tokens=LONGEST_REPLY,
            eos_token_id=model.generation_config.eos_token_id or tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id
            if tokenizer.pad_token_id is not None
            else tokenizer.eos_token_id,
        )
        device = torch.device(device)
        model.to(device=device, dtype=torch.float16 if device.type == "cuda" else torch.float32)
        return cls(tokenizer, model.eval())

    @torch.inference_mode()
    def read(self, text: str) -> Weights:
        """The eight weights of `text`, of which the first `LONGEST` characters count. The same text, the same weights.

        Raises SpeakingFailed for a reply whose scores are no numbers.
        """
        text = text[:LONGEST]
        prompt = self._prompt(text)  # [1, L]
        ids = self._model.generate(prompt, attention_mask=torch.ones_like(prompt))  # [1, L + reply]
        try:
            return parse_reply(self._reply(ids[0, prompt.shape[1] :].tolist()), text)
        except ValueError as error:
            raise SpeakingFailed(
                "The emotion of the text could not be read: its scores are no numbers."
            ) from error

    def _prompt(self, text: str) -> Tensor:
        """The text as the user's message. Special tokens written in it are taken out: it can only be classified."""
        messages = [
            {"role": "system", "content": INSTRUCTION},
            {"role": "user", "content": self._special.sub(" ", text)},
        ]
        conversation = self._tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
        ids = self._tokenizer(conversation, add_special_tokens=False)["input_ids"]
        return torch.tensor([ids], device=self._model.device)

    def _reply(self, ids: list[int]) -> str:
        """What was said after the last thought."""
        thought = self._tokenizer.convert_tokens_to_ids(_THOUGHT)
        start = len(ids) - ids[::-1].index(thought) if thought in ids else 0
        return str(self._tokenizer.decode(ids[start:], skip_special_tokens=True)).strip()
