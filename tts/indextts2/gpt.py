"""The text-to-semantic model: embeddings, prompt, heads, latent pass. Chooses no code itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from tts.errors import BadWeights
from tts.indextts2.config import GptConfig
from tts.indextts2.linear import Affine
from tts.indextts2.trunk import HEAD_WIDTH, NORM_EPS, Trunk
from tts.indextts2.weights import load_strict

LANGUAGES = 107
"""Rows of the language table of 2.5: Whisper's 99 languages, six mixed or Chinese ones, a common row and a spare."""

DECODED_POSITION = 2
"""While decoding, code k stands at position k + 2: the reference implementation never uses position 1 there."""

TAUGHT_POSITION = 1
"""In the teacher-forced pass, code k stands at position k + 1, as in training."""

PASS_ROWS = 8192
"""Vectors that one teacher-forced pass takes at once, padding included: some 0.5 GB of float32 at width 1280."""


class Positions(nn.Module):
    """A learned table of positions."""

    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(length, width)

    def forward(self, index: Tensor) -> Tensor:
        """int64 […] → […, D]."""
        rows: Tensor = self.emb(index)
        return rows

    def __len__(self) -> int:
        return self.emb.num_embeddings


class Gpt(nn.Module):
    """Speaker, emotion and text in; hidden states and logits of semantic codes out.

    2.0 has two slot vectors between speaker and text, 2.5 has a table of languages in their place.
    """

    UNUSED: ClassVar[tuple[str, ...]] = (
        r"gpt\.wte\.weight",  # an alias of mel_embedding
        r"inference_model\..*",
        r"gpt\.h\.\d+\.attn\.(masked_)?bias",  # causal mask tables of old checkpoints
    )

    def __init__(self, config: GptConfig) -> None:
        super().__init__()
        width = config.width
        self.config = config
        self.text_embedding = nn.Embedding(config.text_tokens + 1, width)
        self.text_pos_embedding = Positions(config.max_text + 2, width)
        self.mel_embedding = nn.Embedding(config.codes, width)
        self.mel_pos_embedding = Positions(config.max_codes + 3, width)
        self.speed_emb = None if config.speaker is None else nn.Embedding(2, width)
        self.lang_embedding = nn.Embedding(LANGUAGES, width) if config.speaker is None else None
        self.gpt = Trunk(width, config.layers)
        self.final_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.mel_head = Affine(width, config.codes)
        self.text_head = Affine(width, config.text_tokens + 1)

    @classmethod
    def load(cls, config: GptConfig, state: Mapping[str, Tensor]) -> Gpt:
        """From the official tensors less those of the conditioning. Raises BadWeights."""
        if config.width != config.heads * HEAD_WIDTH:
            raise BadWeights(f"{config.heads} heads of {HEAD_WIDTH} do not make a width of {config.width}.")
        with torch.device("meta"):
            model = cls(config)
        load_strict(model, state, "The text-to-semantic model", unused=cls.UNUSED)
        return model

    @property
    def counts(self) -> bool:
        """Whether a prompt can ask for a number of codes: 2.5 has no slot for it."""
        return self.speed_emb is not None

    def pack(self) -> None:
        """Readies the matrices of decoding for a CPU; call once, where the model has come to rest."""
        self.gpt.pack()
        self.mel_head.pack()

    @torch.inference_mode()
    def prompt(
        self,
        speaker: Tensor,
        emotion: Tensor,
        ids: Tensor,
        *,
        count: int | None = None,
        language: int | None = None,
        keep_marks: bool = False,
    ) -> Tensor:
        """What precedes the codes: speaker [S, D] + emotion [D] | slots | text ids [L] → [S + 2 + L' + 2, D].

        `count` codes of speech are asked for by their position's row in the first slot (IndexTTS2, the shared table
        of durations and positions); without it the length is free. `language` is a row of the language table (2.5).
        The ids of start and stop are taken out of the text, and it is framed with them, L' = what is left; the latent
        pass alone keeps them (`keep_marks`).
        Raises ValueError where `count`, `language` or the length of the text is outside its table, or the release
        has no such table.
        """
        voice = (speaker + emotion).to(self.text_embedding.weight)  # [S, D]
        return torch.cat([voice, self._slots(count), self._text(ids, language, keep_marks)])

    def _slots(self, count: int | None) -> Tensor:
        if self.speed_emb is None:
            if count is not None:
                raise ValueError("This release cannot be asked for a number of codes.")
            return torch.zeros_like(self.text_embedding.weight[:2])
        free = self.speed_emb.weight.flip(0)
        if count is None:
            return free
        if not 1 <= count < len(self.mel_pos_embedding):
            most = len(self.mel_pos_embedding) - 1
            raise ValueError(f"{count} codes cannot be asked for: 1 to {most} can.")
        return torch.stack([self.mel_pos_embedding.emb.weight[count], free[1]])

    @property
    def text_room(self) -> int:
        """Text ids that fit between the marks of its start and stop."""
        return len(self.text_pos_embedding) - 2

    def marks(self, ids: Sequence[int]) -> int:
        """How many of a text's own ids are those marks, which a prompt leaves out."""
        return ids.count(self.config.start_text) + ids.count(self.config.stop_text)

    def _text(self, ids: Tensor, language: int | None, keep_marks: bool) -> Tensor:
        start, stop = self.config.start_text, self.config.stop_text
        if not keep_marks:
            ids = ids[(ids != start) & (ids != stop)]
        if len(ids) > self.text_room:
            raise ValueError(f"{len(ids)} text ids are too many: {self.text_room} fit.")
        framed = nn.functional.pad(ids, (1, 0), value=start)
        framed = nn.functional.pad(framed, (0, 1), value=stop).to(self.text_embedding.weight.device)
        rows: Tensor = self.text_embedding(framed) + self.text_pos_embedding(_count_up(framed))  # [L' + 2, D]
        if (language is None) != (self.lang_embedding is None):
            raise ValueError("A language is named exactly where the release has a table of languages.")
        if language is None or self.lang_embedding is None:
            return rows
        if not 0 <= language < LANGUAGES:
            raise ValueError(f"Language {language} is not in the table of {LANGUAGES}.")
        return rows + self.lang_embedding.weight[language]

    def start_row(self) -> Tensor:
        """What follows the prompt and predicts code 0: [D]."""
        return self.mel_embedding.weight[self.config.start] + self.mel_pos_embedding.emb.weight[0]

    def code_row(self, codes: Tensor, index: Tensor) -> Tensor:
        """Codes [R] at rows `index` [R] of the position table, both int64 on the device → [R, D].

        Decoding feeds code k back at `k + DECODED_POSITION`.
        """
        rows: Tensor = self.mel_embedding(codes) + self.mel_pos_embedding(index)
        return rows

    def logits(self, hidden: Tensor) -> Tensor:
        """Of the next code, from the trunk's output: […, D] → […, V] float32."""
        logits: Tensor = self.mel_head(self.final_norm(hidden))
        return logits.float()

    def text_logits(self, hidden: Tensor) -> Tensor:
        """Of the next text id, […, D] → […, text] float32: decoding never asks, scoring a text against a voice does."""
        logits: Tensor = self.text_head(self.final_norm(hidden))
        return logits.float()

    @torch.inference_mode()
    def hidden(self, prompts: Sequence[Tensor], codes: Sequence[Tensor]) -> list[Tensor]:
        """Teacher-forced: prompts [P_i, D] and codes [N_i] → the trunk's output, [P_i + 1 + N_i, D] each, in order.

        The row behind the prompt is the start row's; it predicts code 0. Rows of like length share a pass of at most
        PASS_ROWS vectors (one longer sequence goes alone), padded on the right, where causality hides the padding.
        """
        rows = [torch.cat([prompt, self._taught(code)]) for prompt, code in zip(prompts, codes, strict=True)]
        out: dict[int, Tensor] = {}
        for group in _groups([len(row) for row in rows], PASS_ROWS):
            states: Tensor = self.gpt(pad_sequence([rows[i] for i in group], batch_first=True))
            out.update((i, state[: len(rows[i])]) for i, state in zip(group, states, strict=True))
        return [out[i] for i in range(len(rows))]

    @torch.inference_mode()
    def latents(self, prompts: Sequence[Tensor], codes: Sequence[Tensor]) -> list[Tensor]:
        """The final-normed states that predict codes [N_i] after prompts [P_i, D]: [N_i, D] each, in order.

        Not what decoding saw: codes stand at TAUGHT_POSITION here. Build the prompts with `keep_marks`.
        """
        # the last code predicts nothing that is asked for
        hidden = self.hidden(prompts, [code[:-1] for code in codes])
        spoken = [h[len(p) : len(p) + len(c)] for h, p, c in zip(hidden, prompts, codes, strict=True)]
        return [self.final_norm(rows) for rows in spoken]

    def _taught(self, codes: Tensor) -> Tensor:
        codes = codes.to(self.mel_embedding.weight.device)
        return torch.cat([self.start_row()[None], self.code_row(codes, _count_up(codes) + TAUGHT_POSITION)])


def _count_up(like: Tensor) -> Tensor:
    return torch.arange(len(like), device=like.device)


def _groups(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Indices by falling length, in groups whose count · longest stays within `budget` (or that hold one)."""
    group: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if group and lengths[group[0]] * (len(group) + 1) > budget:
            yield group
            group = []
        group.append(index)
    if group:
        yield group
