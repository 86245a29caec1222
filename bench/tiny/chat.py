"""Tiny Qwen3 chat models in the released files, real in every part: one with random weights chats noise, one with
weights set by hand says what it was made to say, whatever it is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
PLAIN = ("<think>", "</think>")
"""Added tokens that the released tokenizer does not call special, though text spelt like them becomes them too."""

LINE_BREAK = "Ċ"
"""How byte-level vocabularies spell a line break."""

TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}"
    "{{- '<|im_start|>assistant\n' -}}"
    "{%- if enable_thinking is defined and not enable_thinking -%}{{- '<think>\n\n</think>\n\n' -}}{%- endif -%}"
    "{%- endif -%}"
)
"""ChatML, with thinking turned off as Qwen3's own template does it: by an empty thought."""


def write(folder: Path, *, seed: int = 0) -> None:
    """Fills `folder` with a model of random weights: about 0.1 MB in the files that a released one has."""
    import torch

    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = _model(write_tokenizer(folder), tied=True)
        for weight in model.parameters():
            if weight.dim() > 1:  # as loud as trained ones, or every answer is one byte again and again
                torch.nn.init.normal_(weight, std=0.3)
    _save(folder, model)


def write_answering(folder: Path, wordings: Sequence[Sequence[str]]) -> None:
    """Fills `folder` with a model that answers every request with `wordings`, those of the first line first, as the
    rows that the translator asks for; so that a film whose lines are known is translated by a real model.

    Each row is one token. Attention and feed-forward add nothing, and the head scores highest, for each row, the
    one that follows; the first follows the line break that the template ends with.
    """
    import torch

    rows = [
        json.dumps({"id": str(n), "w": list(one)}, ensure_ascii=False) for n, one in enumerate(wordings, 1)
    ]
    said = [f"{row}\n" for row in rows]
    ids = write_tokenizer(folder, said)
    with torch.random.fork_rng([]), torch.no_grad():
        torch.manual_seed(0)
        model = _model(ids, tied=False)
        model.model.embed_tokens.weight.normal_()
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.lm_head.weight.zero_()
        for token, following in pairwise([LINE_BREAK, *said, "<|im_end|>"]):
            model.lm_head.weight[ids[following]] += model.model.embed_tokens.weight[ids[token]]
    _save(folder, model)


def _model(ids: Mapping[str, int], *, tied: bool) -> Any:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=len(ids),
        hidden_size=32 if tied else 128,  # wide enough for every token's embedding to be its own direction
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=40960,
        tie_word_embeddings=tied,
        bos_token_id=ids["<|endoftext|>"],
        eos_token_id=ids["<|im_end|>"],
        pad_token_id=ids["<|endoftext|>"],
    )
    return Qwen3ForCausalLM(config)


def _save(folder: Path, model: Any) -> None:
    from transformers import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    model.save_pretrained(folder)
    if shown:
        logging.enable_progress_bar()
    stops = [model.config.eos_token_id, model.config.pad_token_id]
    # as released: drawn at random unless a caller decides otherwise
    _write(
        folder / "generation_config.json",
        {"do_sample": True, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "eos_token_id": stops},
    )


def write_tokenizer(folder: Path, whole: Sequence[str] = ()) -> dict[str, int]:
    """A byte-level BPE without merges: every byte a token, and each of `whole`. Returns the vocabulary."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

    folder.mkdir(parents=True, exist_ok=True)
    added = (*SPECIAL, *PLAIN, *whole)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: place for place, letter in enumerate(letters)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in SPECIAL])
    tokenizer.add_tokens(
        [AddedToken(text, normalized=False, special=False) for text in added[len(SPECIAL) :]]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    ids: dict[str, int] = tokenizer.get_vocab()
    _write(folder / "vocab.json", vocabulary)
    (folder / "merges.txt").write_text("#version: 0.2\n", "utf-8")
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "Qwen2Tokenizer",
            "added_tokens_decoder": {
                str(ids[text]): {
                    "content": text,
                    "lstrip": False,
                    "normalized": False,
                    "rstrip": False,
                    "single_word": False,
                    "special": text in SPECIAL,
                }
                for text in added
            },
            "chat_template": TEMPLATE,
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "model_max_length": 131072,
            "add_bos_token": False,
        },
    )
    return ids


def _write(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False), "utf-8")
