"""A tiny M2M100 in the files of the released one: real vocabulary, real attention, a fixed thing to say.

Its weights are set by hand: every token's embedding is a code, and the output row of a token is the code of the one
that it follows. Whatever the line, after the language's token come the words of `text`, then the end. It has no idea
what is said.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

TEXT = "Esta noche salimos del puerto viejo"
"""What it says, in Spanish; no token of it may come twice, since each knows only the one before."""

CORPUS = (
    "Good morning everybody, the train leaves at nine.",
    "Where have you been all this time? We were looking for you.",
    "She put the letter on the kitchen table and left the house.",
    "¿Dónde has estado todo este tiempo? Te hemos buscado por todas partes.",
    "Dejó la carta sobre la mesa de la cocina y salió de casa.",
    "Er sagte nichts und ging langsam über die alte Brücke zurück.",
    "Она ничего не сказала и медленно ушла домой.",
    "今日はとても寒いですね。",
)
"""Sentences that give the vocabulary its characters and its commonest pieces."""

LANGUAGES = 100
"""Language tokens of every released M2M100, behind the vocabulary."""

SPARE = 8
"""Rows without a token at its end."""

WIDTH = 64
SHARP = 0.5
"""Logit of the token that comes next, a dimension: 32 in all, where others have about 0 ± 4."""


def write(folder: Path, *, text: str | None = TEXT, seed: int = 0) -> None:
    """Fill `folder` with a model that answers every line with `text`; with noise that never ends where that is None."""
    import torch
    from transformers import M2M100Config, M2M100ForConditionalGeneration

    folder.mkdir(parents=True, exist_ok=True)
    pieces = _vocabulary(folder, text or "")
    places = {piece: place for place, piece in enumerate(pieces)}
    rows = len(pieces) + LANGUAGES + SPARE
    config = M2M100Config(
        vocab_size=rows, d_model=WIDTH, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64, max_position_embeddings=1024,
        tie_word_embeddings=False, architectures=["M2M100ForConditionalGeneration"],
    )  # fmt: skip
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = M2M100ForConditionalGeneration(config).eval()
        codes = torch.sign(torch.randn(rows, WIDTH))
        codes[places["<pad>"]] = 0
        codes[len(pieces) : len(pieces) + LANGUAGES] = codes[
            -1
        ]  # whatever the language, the same comes first
    state = model.state_dict()
    if text is not None:
        for name, weight in state.items():  # all layers hand on what they get
            if name.endswith(("out_proj.weight", "out_proj.bias", "fc2.weight", "fc2.bias")):
                weight.zero_()
        for name in ("model.shared", "model.encoder.embed_tokens", "model.decoder.embed_tokens"):
            state[f"{name}.weight"].copy_(codes)
        says = [places[piece] for piece in _pieces(folder, text)]
        if len(set(says)) < len(says):
            raise ValueError(f"a token comes twice in {text!r}")
        output = state["lm_head.weight"].zero_()
        output[says[0]] = SHARP * codes[-1]
        for one, after in zip(says, [*says[1:], places["</s>"]], strict=True):
            output[after] += SHARP * codes[one]
    torch.save(state, folder / "pytorch_model.bin")
    config.save_pretrained(folder)
    generation = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 2}
    (folder / "generation_config.json").write_text(
        json.dumps(generation | {"num_beams": 5, "max_length": 200})
    )
    special = {
        "bos_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
    }
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    (folder / "tokenizer_config.json").write_text(
        json.dumps(special | {"src_lang": None, "tgt_lang": None, "tokenizer_class": "M2M100Tokenizer"})
    )


def _vocabulary(folder: Path, text: str) -> list[str]:
    """Trains the pieces, writes both files of the vocabulary, and gives its tokens in order."""
    import sentencepiece

    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*CORPUS, text] * 4), model_writer=trained, model_type="bpe", vocab_size=260,
        character_coverage=1.0, hard_vocab_limit=False, minloglevel=2, num_threads=1,
    )  # fmt: skip
    (folder / "sentencepiece.bpe.model").write_bytes(trained.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=trained.getvalue())
    known = [processor.id_to_piece(place) for place in range(processor.get_piece_size())]
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *(one for one in known if one not in ("<unk>", "<s>", "</s>"))]
    (folder / "vocab.json").write_text(json.dumps({piece: place for place, piece in enumerate(pieces)}))
    return pieces


def _pieces(folder: Path, text: str) -> list[str]:
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sentencepiece.bpe.model"))
    pieces: list[str] = processor.encode(text, out_type=str)
    return pieces
