"""M2M100 through transformers: a sentence in, its likeliest translations out. Knows no lines; opens no connection, and
takes from a file of weights nothing but numbers."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubber.errors import MissingError, TranslationError

if TYPE_CHECKING:
    import torch

_CODES = (
    "af am ar ast az ba be bg bn br bs ca ceb cs cy da de el en es et fa ff fi fr fy ga gd gl gu ha he hi hr ht hu "
    "hy id ig ilo is it ja jv ka kk km kn ko lb lg ln lo lt lv mg mk ml mn mr ms my ne nl no ns oc or pa pl ps pt ro "
    "ru sd si sk sl so sq sr ss su sv sw ta th tl tn tr uk ur uz vi wo xh yi yo zh zu"
)
CODES = frozenset(_CODES.split())
"""The model's own codes of its languages."""

BEAMS = 5
"""As in the model's own settings; unlike there, beams are followed until none can be better than what is found."""

WORDINGS = 3
"""Of the beams, so many are looked at: the likeliest."""

STEP = 8
"""Tokens. Lengths are rounded up to it, so that a batch's sentences are about as long as each other, and how long an
answer may be depends on its own sentence alone."""

MOST_TOKENS = 500
"""Of a sentence; the model has room for 1,024."""

LONGEST_ANSWER = 3, 16
"""Times the sentence's tokens, and so many more, that an answer may have: beyond what any two languages need."""

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


def rounded(length: int) -> int:
    """The number of tokens that a sentence of `length` tokens is padded to."""
    return -(-length // STEP) * STEP


class M2M100:
    """The model in `folder`, loaded; `name` is what messages call it.

    Raises MissingError for files that are damaged or do not belong together and for a device that is not there,
    TranslationError where the model does not fit into memory.
    """

    def __init__(self, folder: Path, name: str, device: str) -> None:
        from transformers import M2M100ForConditionalGeneration, M2M100Tokenizer

        self._name, self._device = name, _placement(device)
        safely = {"local_files_only": True, "trust_remote_code": False}
        weights = {"use_safetensors": False, "weights_only": True, "output_loading_info": True}
        try:
            self._tokenizer = M2M100Tokenizer.from_pretrained(folder, **safely)
            with _quietly():
                net, report = M2M100ForConditionalGeneration.from_pretrained(folder, **weights, **safely)
            self._net: Any = net.to(self._device).eval()
        except (
            Exception
        ) as error:  # refusing unpicklers, tokenizers and readers of JSON share no narrower type
            if _out_of_memory(error):
                raise TranslationError(
                    f"{name} does not fit into the memory of {self._device.type}.", hint="Say --device cpu."
                ) from error
            raise _damaged(name, folder, "cannot be loaded") from error
        if report["missing_keys"] or report["mismatched_keys"]:
            raise _damaged(name, folder, "lacks weights of its configuration")
        self._words = len(self._tokenizer.encoder)
        if net.get_input_embeddings().num_embeddings < self._words + len(CODES):
            raise _damaged(name, folder, "has another vocabulary than its weights")
        self._special = frozenset(self._tokenizer.convert_tokens_to_ids(list(SPECIAL)))

    def tokens(self, text: str, code: str) -> list[int]:
        """A sentence as the encoder reads it: [language, pieces, end], at most MOST_TOKENS of them pieces. Text never
        becomes a special token, however it is spelt."""
        found = self._tokenizer.convert_tokens_to_ids(self._tokenizer.sp_model.encode(text, out_type=str))
        plain = [one if self._is_plain(one) else self._tokenizer.unk_token_id for one in found[:MOST_TOKENS]]
        return [self._tokenizer.get_lang_id(code), *plain, self._tokenizer.eos_token_id]

    def say(self, sentences: Sequence[Sequence[int]], code: str) -> list[list[str]]:
        """WORDINGS translations into the language `code` of each of the sentences (of `tokens`), likeliest first, not
        always different. Takes half as many sentences at once where memory does not suffice.

        Raises TranslationError where it does not even for one, or the model fails.
        """
        import torch

        try:
            return self._generated(sentences, code)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise TranslationError(f"{self._name} failed: {error}") from error
        free_memory()  # behind the except clause: until then the error holds what did not fit
        if len(sentences) == 1:
            raise TranslationError(
                f"{self._name} runs out of memory on {self._device.type} even for one sentence.",
                hint="Close other programs, or say --device cpu.",
            )
        half = len(sentences) // 2
        return [*self.say(sentences[:half], code), *self.say(sentences[half:], code)]

    def _generated(self, sentences: Sequence[Sequence[int]], code: str) -> list[list[str]]:
        """Beam search: nothing is drawn at random."""
        import torch
        from transformers import GenerationConfig

        tokenizer, config = self._tokenizer, self._net.config
        length = rounded(max(map(len, sentences)))
        ids = torch.full((len(sentences), length), tokenizer.pad_token_id)  # [B, L]
        for row, sentence in zip(ids, sentences, strict=True):
            row[: len(sentence)] = torch.tensor(sentence)
        ids = ids.to(self._device)
        times, more = LONGEST_ANSWER
        generation = GenerationConfig(
            num_beams=BEAMS,
            num_return_sequences=WORDINGS,
            do_sample=False,
            max_new_tokens=min(times * length + more, config.max_position_embeddings - 2),
            forced_bos_token_id=tokenizer.get_lang_id(code),
            decoder_start_token_id=config.decoder_start_token_id,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=tokenizer.bos_token_id,
        )
        self._net.generation_config = generation  # the folder's own settings would be mixed in
        with torch.inference_mode():
            said = self._net.generate(
                ids, attention_mask=(ids != tokenizer.pad_token_id).long(), generation_config=generation
            )
        texts = [self._text(one) for one in said.tolist()]  # [B · WORDINGS]
        return [texts[n : n + WORDINGS] for n in range(0, len(texts), WORDINGS)]

    def _text(self, ids: Sequence[int]) -> str:
        pieces = self._tokenizer.convert_ids_to_tokens([one for one in ids if self._is_plain(one)])
        return str(self._tokenizer.sp_model.decode(pieces))

    def _is_plain(self, token: int) -> bool:
        """Whether a token is a piece of text: neither special nor a language's, which lie behind the vocabulary."""
        return token < self._words and token not in self._special


def free_memory() -> None:
    """Memory that nobody holds any more, to the machine; what the GPU's allocator keeps for later, to the GPU."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _damaged(name: str, folder: Path, fault: str) -> MissingError:
    return MissingError(
        f"The model {name} in {folder} {fault}.",
        hint=f"Run `dubber models verify {name}`, and `dubber models pull {name} --again`.",
    )


def _placement(device: str) -> torch.device:
    """The device of that name, "auto" the first GPU or else the CPU. Raises MissingError for one that is not there."""
    import torch

    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    chosen = next(name for name, there in here.items() if there) if device == "auto" else device
    if not here.get(chosen, False):
        raise MissingError(
            f"This machine has no {chosen} device that torch can use.",
            hint="Say --device cpu or --device auto.",
        )
    return torch.device(chosen)


def _out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on a GPU or by the CPU's allocator, which has no type of its own for it."""
    import torch

    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the library's own progress bars and tables, which would be drawn across ours."""
    from transformers.utils import logging

    shown, verbosity = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if shown:
            logging.enable_progress_bar()
