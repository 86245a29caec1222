"""A tiny Whisper in the layout that CTranslate2 converts to: real vocabulary, real attention, a fixed thing to say.

Its weights are set by hand. Every token's embedding is a code; the output row of a token is the code of the one that
it follows: whatever the sound, after the prompt come the words of `text`, each as likely as the next, then the end.
Decoder positions look at encoder positions a fixed pace apart, so that the words have times. It has no idea what is
said.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

TEXT = "Good morning everybody! The train to the old harbour leaves at nine, so please hurry."

CODE, CLOCK, SPARE = 64, 12, 4
"""Dimensions that say which token this is, where it stands, and nothing: together the model's width."""
WIDTH = CODE + CLOCK + SPARE
MELS = 80
FRAMES = 1500
"""Encoder positions of 30 s: 20 ms each."""
LONGEST = 448
"""Decoder positions, as in every released Whisper."""
PROMPT = 3
"""The decoder position that predicts the first word: start, language and task come before it."""
WAVES = (3000.0, 400.0, 60.0)
"""Encoder positions in one turn of each hand of the clock, CLOCK / 4 of them."""
SHARP = 6.0
"""How much a decoder position prefers the encoder positions that are its own."""
CERTAIN = 9.5
"""Logit of the token that comes next, where all others have about 0: likely at 0.9."""
DOUBTING = 5.3
"""The same for a model that is not sure: likely at 0.4 among all text tokens, and still likelier than any other."""
UNENDING = 12.0
"""What the end lacks in logit everywhere but after the last word, so that no beam stops early."""

WORD = r" ?[\p{L}\p{M}&&[^぀-ヿ一-鿿]]+| ?\p{N}+| ?[぀-ヿ一-鿿]| ?[^\s\p{L}\p{M}\p{N}]+"
"""What becomes one token, with the space before it: a word, a number, marks, or a character of Japanese or Chinese."""

LANGUAGES = ("en", "de", "es", "fr", "ja", "zh", "jw", "no", "ru", "uk")
"""The languages that it knows by name: enough for a codes' test, few enough to be small."""


def write(
    folder: Path,
    *,
    text: str = TEXT,
    language: str = "en",
    pace_ms: int = 300,
    endless: bool = False,
    certain: float = CERTAIN,
) -> None:
    """Fill `folder` with a model that hears `language` and `text`, each token `pace_ms` long, in every sound.

    No token of `text` may come twice, since each knows only the one before, and it has 61 at most: raises ValueError.
    Where it is `endless`, the first word follows the last, over and over, as Whisper does when it is stuck. `certain`
    is the logit of each next token. What is said after `text` is over, it leaves out.
    """
    from ctranslate2 import specs

    tokenizer = _tokenizer(text)
    spoken = tokenizer.encode(" " + text, add_special_tokens=False).ids
    if len(set(spoken)) != len(spoken):
        twice = sorted({tokenizer.id_to_token(token) for token in spoken if spoken.count(token) > 1})
        raise ValueError(f"a tiny Whisper cannot say the same token twice: {', '.join(twice)}")
    if len(spoken) > CODE - 3:
        raise ValueError(f"a tiny Whisper can say {CODE - 3} tokens, not {len(spoken)}")
    vocabulary = [tokenizer.id_to_token(token) for token in range(tokenizer.get_vocab_size())]
    number = {token: index for index, token in enumerate(vocabulary)}

    chain = [number["<|notimestamps|>"], *spoken]
    end = number["<|endoftext|>"]
    follows = [*pairwise(chain), (chain[-1], spoken[0] if endless else end)]
    follows.append((number["<|startoftranscript|>"], number[f"<|{language}|>"]))

    spec = specs.WhisperSpec(1, 1, 1, 1)
    _encoder(spec.encoder)
    _decoder(
        spec.decoder, len(vocabulary), follows, end, LONGEST if endless else len(spoken), pace_ms, certain
    )
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [end]
    spec.config.lang_ids = [number[f"<|{code}|>"] for code in LANGUAGES]
    spec.config.alignment_heads = [(0, 0)]
    spec.register_vocabulary(vocabulary)
    spec.validate()
    spec.optimize("int8")
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "feature_size": MELS,
        "sampling_rate": 16_000,
        "hop_length": 160,
        "chunk_length": 30,
        "n_fft": 400,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), "utf-8")


def _tokenizer(text: str) -> Any:
    """Byte-level BPE that has each word of `text` as one token, and Whisper's own tokens behind it."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORD), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=4000,
        min_frequency=1,
        show_progress=False,
        special_tokens=[""],  # CTranslate2 takes a vocabulary that has it for a multilingual one
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator([" " + text], trainer)
    special = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES)]
    special += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>"]
    special += ["<|notimestamps|>", *(f"<|{step * 0.02:.2f}|>" for step in range(FRAMES + 1))]
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    return tokenizer


def _encoder(spec: Any) -> None:
    """An encoder that hears nothing and tells each position its place."""
    spec.conv1.weight, spec.conv1.bias = _zeros(WIDTH, MELS, 3), _zeros(WIDTH)
    spec.conv2.weight, spec.conv2.bias = _zeros(WIDTH, WIDTH, 3), _zeros(WIDTH)
    spec.position_encodings.encodings = _placed(np.arange(FRAMES))
    _norm(spec.layer_norm)
    layer = spec.layer[0]
    _self_attention(layer.self_attention)
    _feed_forward(layer.ffn)


def _decoder(
    spec: Any, tokens: int, follows: list[tuple[int, int]], end: int, words: int, pace_ms: int, certain: float
) -> None:
    """A decoder of `tokens` tokens in which `follows[i][1]` comes after `follows[i][0]`, and the end after `words`."""
    codes = _codes()
    embeddings, rows = _zeros(tokens, WIDTH), _zeros(tokens, WIDTH)
    bias = _zeros(tokens)
    bias[end] = -UNENDING
    for code, (before, after) in zip(codes, follows, strict=False):
        embeddings[before, :CODE] = code
        rows[after, :CODE] += code * ((certain - bias[after]) / CODE)
    # Half of int8's range stays free, taken by a weight that meets only zeros: AVX2 adds products in pairs of 16 bits.
    rows[:, -1] = 2.5 * np.abs(rows).max(axis=1)
    spec.embeddings.weight = embeddings
    spec.projection.weight, spec.projection.bias = rows, bias
    said = np.maximum(np.arange(LONGEST) - PROMPT, 0) + 0.5
    spec.position_encodings.encodings = _placed(said * pace_ms / 20)
    spec.position_encodings.encodings[PROMPT + words :] = (
        0  # the end looks everywhere: at all that no word looks at
    )
    _norm(spec.layer_norm)
    layer = spec.layer[0]
    _self_attention(layer.self_attention)
    attention = layer.attention
    _norm(attention.layer_norm)
    clock = _zeros(WIDTH, WIDTH)
    clock[range(CODE, CODE + CLOCK), range(CODE, CODE + CLOCK)] = 1.0
    attention.linear[0].weight, attention.linear[0].bias = clock * np.float32(SHARP), _zeros(WIDTH)
    attention.linear[1].weight = np.concatenate([clock, _zeros(WIDTH, WIDTH)])
    attention.linear[1].bias = _zeros(2 * WIDTH)
    attention.linear[2].weight, attention.linear[2].bias = _zeros(WIDTH, WIDTH), _zeros(WIDTH)
    _feed_forward(layer.ffn)


def _codes() -> npt.NDArray[np.float32]:
    """Rows of ±1 of zero mean, each at right angles to all others, shape (CODE - 1, CODE): Sylvester's construction."""
    rows = np.ones((1, 1), np.float32)
    while len(rows) < CODE:
        rows = np.block([[rows, rows], [rows, -rows]])
    return rows[1:]


def _placed(places: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Places on the encoder's grid as hands of a clock, shape (places, WIDTH): of zero mean and of one length."""
    encodings = _zeros(len(places), WIDTH)
    for hand, wave in enumerate(WAVES):
        angle = 2 * np.pi * np.asarray(places) / wave
        at = CODE + 4 * hand
        encodings[:, at : at + 4] = np.stack(
            [np.cos(angle), np.sin(angle), -np.cos(angle), -np.sin(angle)], axis=1
        )
    return encodings


def _self_attention(spec: Any) -> None:
    _norm(spec.layer_norm)
    spec.linear[0].weight, spec.linear[0].bias = _zeros(3 * WIDTH, WIDTH), _zeros(3 * WIDTH)
    spec.linear[1].weight, spec.linear[1].bias = _zeros(WIDTH, WIDTH), _zeros(WIDTH)


def _feed_forward(spec: Any) -> None:
    _norm(spec.layer_norm)
    spec.linear_0.weight, spec.linear_0.bias = _zeros(WIDTH, WIDTH), _zeros(WIDTH)
    spec.linear_1.weight, spec.linear_1.bias = _zeros(WIDTH, WIDTH), _zeros(WIDTH)


def _norm(spec: Any) -> None:
    spec.gamma, spec.beta = np.ones(WIDTH, np.float32), _zeros(WIDTH)


def _zeros(*shape: int) -> npt.NDArray[np.float32]:
    return np.zeros(shape, np.float32)
