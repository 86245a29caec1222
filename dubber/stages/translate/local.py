"""The local mind: a chat model of the model store, through transformers. Opens no connection, runs no model's code.

Knows nothing of films or translating.
"""

from __future__ import annotations

import gc
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dubber.errors import MissingError, TranslationError
from dubber.models import store as models
from dubber.stages.translate.chat import NoAnswer
from dubber.stages.translate.prompt import Message

if TYPE_CHECKING:
    import torch

_REVISION = 1
"""Of how a conversation becomes tokens and tokens an answer; part of the digest."""

INDEX = "model.safetensors.index.json"
SMALL = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")

SAMPLES, SAMPLE_BYTES = 64, 4096
"""How much of a weight file is digested besides its header: training on touches every part of it, and reading gigabytes
before each run would take longer than most runs."""

LARGEST_HEADER = 1 << 26
"""Bytes of a safetensors header that are read; those of large models have about one."""

SHORT = 1500
"""Tokens of a request that must fit into memory for the model to be of any use: the rules and one line."""

_SENTINEL = "\ue0b0{}\ue0b1"
"""Stands for a message's text while the template is filled in: private characters that no vocabulary knows."""

_HELD = re.compile("\ue0b0(\\d+)\ue0b1")


@dataclass(frozen=True)
class _Loaded:
    """A model on its device, its tokenizer, and a pattern for every token that text must not become."""

    model: Any
    tokenizer: Any
    reserved: re.Pattern[str]
    stops: list[int] = field(default_factory=list)


class LocalMind:
    """A chat model of the store behind `chat.Mind`: one request at a time, loaded at the first. `model` is its name in
    the catalogue; `device` is "auto", "cpu", "cuda" or "mps"."""

    width = 1

    def __init__(self, model: str = "qwen3-1.7b", *, device: str = "auto") -> None:
        self._model, self._device = model, device
        self._loaded: _Loaded | None = None

    @property
    def name(self) -> str:
        """The model's name in the catalogue."""
        return self._model

    def check(self) -> None:
        """Raises UsageError for a model that nobody knows, MissingError where its files are not all there."""
        self._files()

    def digest(self) -> str:
        """sha256 (hex) over our revision, the libraries' versions, and the model's files: the small ones whole, of the
        weights size, header and `SAMPLES` places. Not where it runs: a project that moves is not translated anew.
        Raises like `check`."""
        hasher = hashlib.sha256()
        libraries = [f"{name} {version(name)}" for name in ("torch", "transformers", "tokenizers")]
        hasher.update(json.dumps([_REVISION, *libraries]).encode())
        for path in self._files():
            sample = _sampled(path) if path.suffix == ".safetensors" else models.hash_file(path)
            hasher.update(f"\0{path.name}\0{sample}".encode())
        return hasher.hexdigest()

    def complete(
        self, messages: Sequence[Message], *, most_tokens: int, temperature: float = 0.0, seed: int = 0
    ) -> str:
        """The model's answer, cut after `most_tokens`; the likeliest one at temperature 0.

        Raises NoAnswer for a conversation too long for the model or the memory, MissingError for a model or device that
        is not there or not whole, TranslationError where the model cannot run.
        """
        import torch

        loaded = self._loaded = self._loaded or self._load()
        prompt = _tokens(loaded, messages)
        room = getattr(loaded.model.config, "max_position_embeddings", None)
        if room is not None and len(prompt) + most_tokens > room:
            raise NoAnswer(
                f"The request of {len(prompt)} tokens is too long for {self._model}, which has room for {room}."
            )
        try:
            answer = _generated(loaded, prompt, most_tokens, temperature, seed)
        except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise TranslationError(f"{self._model} failed: {error}") from error
            answer = None
        if answer is not None:
            return answer
        # behind the except clause: until then the error holds what did not fit
        _give_back()
        if len(prompt) > SHORT:
            raise NoAnswer(f"The request of {len(prompt)} tokens does not fit into memory.")
        raise TranslationError(
            f"{self._model} runs out of memory on {loaded.model.device.type} even for one line.",
            hint="Close other programs, use --device cpu, or choose another translator with --translator.",
        )

    def close(self) -> None:
        """Drops the model and frees its memory."""
        if self._loaded is not None:
            self._loaded = None
            _give_back()

    def _files(self) -> list[Path]:
        """The files that make the model, in order. Raises MissingError naming what is not there."""
        folder = models.require(self._model)
        weights = _weights(folder, self._model)
        lacking = [path.name for path in weights if not path.is_file()]
        if lacking or not weights:
            raise MissingError(
                f"The model {self._model} lacks {', '.join(lacking) or 'its weights (*.safetensors)'} in {folder}.",
                hint=f"Bring it with `dubber models pull {self._model}`.",
            )
        return [*(folder / name for name in SMALL if (folder / name).is_file()), *weights]

    def _load(self) -> _Loaded:
        from safetensors import SafetensorError
        from transformers import AutoModelForCausalLM, AutoTokenizer, __version__

        folder = self._files()[0].parent
        models.check_objects(self._model, SMALL)
        device, dtype = _placement(self._device)
        # 4.x knows the argument under its older name only, 5.x warns of that one
        named = "dtype" if int(__version__.partition(".")[0]) >= 5 else "torch_dtype"
        again = f"Run `dubber models verify {self._model}`, and `dubber models pull {self._model} --again`."
        safely = {"local_files_only": True, "trust_remote_code": False}
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, **safely)
            with _quietly():
                model, report = AutoModelForCausalLM.from_pretrained(
                    folder, use_safetensors=True, output_loading_info=True, **{named: dtype}, **safely
                )
            model.to(device)
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, MemoryError) as error:
            if _out_of_memory(error):
                raise TranslationError(
                    f"{self._model} does not fit into the memory of {device.type}.",
                    hint="Close other programs, use --device cpu, or choose a smaller model with --model.",
                ) from error
            raise MissingError(
                f"The model {self._model} in {folder} cannot be loaded.", hint=again
            ) from error
        wrong = sorted(name for kind in ("missing_keys", "unexpected_keys") for name in report[kind])
        if wrong or report["mismatched_keys"]:
            raise MissingError(
                f"The weights of {self._model} in {folder} are not those of its configuration "
                f"({wrong[0] if wrong else 'shapes differ'}).",
                hint=again,
            )
        if not tokenizer.chat_template:
            raise MissingError(f"The model {self._model} in {folder} is no chat model.", hint=again)
        stops = model.generation_config.eos_token_id
        reserved = sorted(
            {*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()}, key=len, reverse=True
        )
        return _Loaded(
            model.eval(),
            tokenizer,
            re.compile("|".join(re.escape(token) for token in reserved if len(token) > 1) or "(?!)"),
            [tokenizer.eos_token_id] if stops is None else [stops] if isinstance(stops, int) else list(stops),
        )


def _tokens(loaded: _Loaded, messages: Sequence[Message]) -> list[int]:
    """The conversation as the model was trained to read it, thinking off where its template knows that. Only the
    template gives special tokens: what a message's text spells like one is cut in two and read as plain text."""
    held = [
        {"role": message.role, "content": _SENTINEL.format(place)} for place, message in enumerate(messages)
    ]
    conversation = loaded.tokenizer.apply_chat_template(
        held, tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    ids: list[int] = []
    for place, part in enumerate(_HELD.split(conversation)):
        texts = _pieces(messages[int(part)].content, loaded.reserved) if place % 2 else [part]
        for text in texts:
            if text:
                ids += loaded.tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def _pieces(text: str, reserved: re.Pattern[str]) -> list[str]:
    """The text, cut after the first character of everything that is spelt like a reserved token."""
    pieces, start = [], 0
    while found := reserved.search(text, start):
        pieces.append(text[start : found.start() + 1])
        start = found.start() + 1
    return [*pieces, text[start:]]


def _generated(loaded: _Loaded, prompt: list[int], most_tokens: int, temperature: float, seed: int) -> str:
    """What the model says after the prompt. At a temperature the seed alone decides the draws."""
    import torch
    from transformers import GenerationConfig

    model = loaded.model
    # Of the folder's own settings only the stops count: whether anything is drawn at random is the caller's to say.
    chosen: dict[str, Any] = (
        {"do_sample": True, "temperature": temperature} if temperature > 0 else {"do_sample": False}
    )
    config = GenerationConfig(
        max_new_tokens=most_tokens, eos_token_id=loaded.stops, pad_token_id=loaded.stops[0], **chosen
    )
    model.generation_config = config
    ids = torch.tensor([prompt], device=model.device)  # [1, L]
    cards = [model.device] if model.device.type == "cuda" else []
    with torch.inference_mode(), torch.random.fork_rng(cards):
        torch.manual_seed(seed)
        said = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)
    return str(loaded.tokenizer.decode(said[0, len(prompt) :].tolist(), skip_special_tokens=True))


def _placement(device: str) -> tuple[torch.device, torch.dtype]:
    """The device of that name, "auto" the first GPU or else the CPU; bfloat16 where its hardware multiplies that, else
    float32. Raises MissingError for a device that is not there."""
    import torch

    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    chosen = device if device != "auto" else "cuda" if cuda else "mps" if mps else "cpu"
    if (chosen == "cuda" and not cuda) or (chosen == "mps" and not mps):
        raise MissingError(
            f"This machine has no {chosen} device that torch can use.",
            hint="Say --device cpu or --device auto.",
        )
    if chosen == "cuda":
        real = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        real = chosen == "cpu" and (
            torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
        )
    return torch.device(chosen), torch.bfloat16 if real else torch.float32


def _weights(folder: Path, model: str) -> list[Path]:
    """The weight files: those that the index names, else the lone one. Raises MissingError for what is no index."""
    if not (folder / INDEX).is_file():
        return [folder / "model.safetensors"]
    try:
        names = set(json.loads((folder / INDEX).read_text("utf-8"))["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError):
        names = {""}
    if not names or not all(
        isinstance(name, str) and re.fullmatch(r"[\w.-]+\.safetensors", name) for name in names
    ):
        raise MissingError(
            f"{folder / INDEX} is not an index of weights.",
            hint=f"Run `dubber models pull {model} --again`.",
        )
    return [folder / name for name in sorted(names)]


def _sampled(path: Path) -> str:
    """sha256 (hex) of a safetensors file's size, header, and `SAMPLES` pieces spread evenly over it."""
    size = path.stat().st_size
    hasher = hashlib.sha256(f"{size}\0".encode())
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        hasher.update(file.read(min(length, LARGEST_HEADER)))
        for place in range(SAMPLES):
            file.seek(max(0, (size - SAMPLE_BYTES) * place // (SAMPLES - 1)))
            hasher.update(file.read(SAMPLE_BYTES))
    return hasher.hexdigest()


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the library's own progress bars, which would be drawn across ours."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, on a GPU or by the CPU's allocator, which has no type of its own for it."""
    import torch

    told = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        words in told for words in ("can't allocate memory", "out of memory")
    )


def _give_back() -> None:
    """Memory that nobody holds any more, to the machine; what the GPU's allocator keeps for later, to the GPU."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
