"""A line of text to the ids of the segments that the text model is run on. The steps live in their own files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tts.indextts2.languages import SPOKEN
from tts.indextts2.text.bpe import Tokenizer
from tts.indextts2.text.normalise import Glossary, Normaliser, clean, read_glossary
from tts.indextts2.text.pretokenise import pretokenise
from tts.indextts2.text.split import LIMIT, split


class TextFrontend:
    """The text front end of IndexTTS-2.0; see `protocol.Frontend`. Safe to share between threads."""

    languages: Mapping[str, str] = SPOKEN["2.0"]
    libraries: Sequence[str] = ("wetext",)

    def __init__(self, model_file: Path, glossary: Glossary | Path | None = None) -> None:
        """From `bpe.model`, with readings for terms (or the file that has them). Raises BadWeights."""
        self.tokenizer = Tokenizer(model_file)
        self._normaliser = Normaliser(read_glossary(glossary) if isinstance(glossary, Path) else glossary)

    @property
    def size(self) -> int:
        """How many ids there are."""
        return self.tokenizer.size

    def row(self, _: str) -> None:
        """The model has no table of languages."""

    def unread(self, ids: Sequence[int]) -> int:
        """How many ids stand for what the vocabulary lacks."""
        return ids.count(self.tokenizer.unknown)

    def notes(self, _: str) -> tuple[str, ...]:
        """All is done that there is to do."""
        return ()

    def normalised(self, text: str) -> str:
        """`text` in words, with the marks that the model knows. Raises SpeakingFailed, as `Normaliser.normalise`."""
        return self._normaliser.normalise(text)

    def pieces(self, text: str) -> list[str]:
        """The pieces of the whole text. A single character is taken as it is, as in training."""
        bare = clean(text)
        if len(bare) > 1:
            bare = pretokenise(self.normalised(bare))
        return self.tokenizer.encode(bare)

    def segments(self, text: str, _: str = "", *, limit: int = LIMIT) -> list[list[int]]:
        """The ids of each segment, at most `limit` (one more where `split` doubles a quote), whatever the language:
        the script tells.

        Empty where nothing can be spoken: no text, marks only, or only characters that the vocabulary lacks.
        Raises SpeakingFailed, as `Normaliser.normalise`, and ValueError for a limit below 1.
        """
        pieces = self.pieces(text)
        if not any(_sounds(piece) and self.tokenizer.knows(piece) for piece in pieces):
            return []
        return [self.tokenizer.ids(segment) for segment in split(pieces, limit)]


def _sounds(piece: str) -> bool:
    return any(character.isalnum() for character in piece)
