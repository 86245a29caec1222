"""The sentencepiece model of 2.0: text to pieces, pieces to ids. What the text must look like is not decided here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tts.errors import BadWeights


class Tokenizer:
    """`bpe.model`. Its ids are the text model's ids, unchanged."""

    def __init__(self, model_file: Path) -> None:
        """Raises BadWeights for a file that is not there or is not a sentencepiece model."""
        import sentencepiece

        try:
            # as bytes: the library opens no path with characters beyond the system's code page
            model = model_file.read_bytes()
        except OSError as error:
            raise BadWeights(f"The tokeniser {model_file.name} cannot be read: {error.strerror}.") from error
        try:
            if not model:
                raise RuntimeError("it is empty")
            self._model: Any = sentencepiece.SentencePieceProcessor(model_proto=model)
        except RuntimeError as error:
            raise BadWeights(f"The tokeniser {model_file.name} is not a sentencepiece model.") from error

    @property
    def size(self) -> int:
        """How many ids there are: 12000 in the released model."""
        return int(self._model.get_piece_size())

    @property
    def unknown(self) -> int:
        """The id of what the vocabulary lacks."""
        return int(self._model.unk_id())

    def encode(self, text: str) -> list[str]:
        """The pieces of a text that is ready for the tokeniser; `▁` marks the start of a word."""
        pieces: list[str] = self._model.encode(text, out_type=str)
        return pieces

    def ids(self, pieces: Sequence[str]) -> list[int]:
        """One id for each piece; the unknown id for one that the vocabulary lacks."""
        return [int(self._model.piece_to_id(piece)) for piece in pieces]

    def knows(self, piece: str) -> bool:
        """Whether the vocabulary has this piece."""
        return bool(self._model.piece_to_id(piece) != self.unknown)
