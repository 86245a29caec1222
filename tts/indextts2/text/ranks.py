"""The byte-pair tokeniser of 2.5: text to ids. What the text must look like is not decided here."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from tts.errors import BadWeights

_LANGUAGE_CODES = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml "
    "cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am "
    "yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su"
)
WHISPER_LANGUAGES = tuple(_LANGUAGE_CODES.split())
"""In the order of Whisper's vocabulary (Radford et al. 2022), which is the order of the ids."""

_LANGUAGES_AT = 2
"""The special tokens before the languages: end of text, start of transcript."""

_SPECIALS_AT = _LANGUAGES_AT + len(WHISPER_LANGUAGES) + 11 + 4 + 6
"""… after them: 11 audio events, 4 emotions, 6 tasks and marks of transcription."""

_SPECIALS = 30

LONGEST = 1 << 24
"""Bytes of a rank file: Whisper's, of 50,000 ranks, has 0.8 MB."""

_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""How GPT-2 cuts a text before merging bytes (Radford et al. 2019), as Whisper does."""


def special(number: int) -> str:
    """The `number`-th token, from 1, whose meaning is left to the model's training."""
    return f"<|SPECIAL_TOKEN_{number}|>"


class RankTokenizer:
    """A `.tiktoken` file: lines of base64 bytes and their rank. The ids of special tokens follow the last rank.

    Of the special tokens it knows those that an input may hold: languages and `special`. All others are only text.
    """

    def __init__(self, rank_file: Path) -> None:
        """Raises BadWeights for a file that is not there or is not a list of ranks."""
        import tiktoken

        ranks = _ranks(rank_file)
        first = len(ranks)
        tokens = {
            f"<|{code}|>": first + _LANGUAGES_AT + place for place, code in enumerate(WHISPER_LANGUAGES)
        }
        tokens |= {special(1 + place): first + _SPECIALS_AT + place for place in range(_SPECIALS)}
        try:
            self._encoding = tiktoken.Encoding(
                rank_file.name, pat_str=_PATTERN, mergeable_ranks=ranks, special_tokens=tokens
            )
        except ValueError as error:
            raise BadWeights(f"The tokeniser {rank_file.name} is not a list of ranks.") from error

    @property
    def size(self) -> int:
        """One more than the highest id that `encode` returns."""
        return int(self._encoding.n_vocab)

    def encode(self, text: str) -> list[int]:
        """The ids of a text, in which special tokens count as such."""
        ids: list[int] = self._encoding.encode(text, allowed_special="all", disallowed_special=())
        return ids


def _ranks(rank_file: Path) -> dict[bytes, int]:
    ranks: dict[bytes, int] = {}
    try:
        with rank_file.open("rb") as file:
            content = file.read(LONGEST + 1)
        if len(content) > LONGEST:
            raise BadWeights(f"The tokeniser {rank_file.name} is too long for a list of ranks.")
        for line in filter(None, content.splitlines()):
            token, rank = line.split()
            ranks[base64.b64decode(token)] = int(rank)
    except OSError as error:
        raise BadWeights(f"The tokeniser {rank_file.name} cannot be read: {error.strerror}.") from error
    except (ValueError, binascii.Error) as error:
        raise BadWeights(f"The tokeniser {rank_file.name} is not a list of ranks.") from error
    if sorted(ranks.values()) != list(range(len(ranks))) or not all(
        bytes([byte]) in ranks for byte in range(256)
    ):
        raise BadWeights(f"The tokeniser {rank_file.name} lacks ranks or single bytes.")
    return ranks
