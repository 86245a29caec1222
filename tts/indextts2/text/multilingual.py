"""The text front end of IndexTTS-2.5: a line and its language to the ids of segments. Embeds no language.

Steps and their order: the specification, section 14.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tts.errors import SpeakingFailed
from tts.indextts2.languages import SPOKEN
from tts.indextts2.text import optional
from tts.indextts2.text.normalise import LONGEST, Glossary, Normaliser, clean, plain_marks, read_glossary
from tts.indextts2.text.pretokenise import CJK
from tts.indextts2.text.ranks import WHISPER_LANGUAGES, RankTokenizer, special
from tts.indextts2.text.split import LIMIT

LANGUAGE_ROWS = (*WHISPER_LANGUAGES, "yue", "minnan", "wuyu", "dialect", "zh/en", "en/zh", "common")
"""The rows of the language embedding; the last one is for every language without a row."""

MOST = 600
"""Ids that the text model has room for, less the start and stop that it adds."""

EXTRA = 1
"""The id that ends every segment, as in training; the text model drops it again."""

_READ_OUT = frozenset(("zh", "zhen", "en"))
"""Languages whose numbers are put into words, and whose letters are small."""

_CAPITALS = frozenset(("es",))
_ANNOTATION = re.compile(r"<(?P<word>[^<>|]+)\|(?P<said>[^<>|]+)>")
_TOKEN = re.compile(r"<\|[^|]*\|>")
_KANA = re.compile(r"[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f\s]+")
_CJK = re.compile(f"[{CJK}]")
_ATOM = re.compile(r"(<\|(?P<token>[^|]*)\|>[^<]*<\|(?P=token)\|>|<\|[^|]*\|>)")
"""What nothing must cut: a pronunciation between its two tokens, or a token alone."""

_CLAUSE_END = re.compile(r"(?<=[，。！？、；：,.!?;:\n])")


def language_row(language: str) -> int:
    """The row of the language embedding for a language code."""
    code = language.lower()
    return LANGUAGE_ROWS.index(code) if code in LANGUAGE_ROWS else len(LANGUAGE_ROWS) - 1


class MultilingualFrontend:
    """Text to ids where one model speaks many languages; see `protocol.Frontend`. Safe to share between threads."""

    languages: Mapping[str, str] = SPOKEN["2.5"]
    libraries: Sequence[str] = ("wetext", *optional.LIBRARIES)

    def __init__(self, rank_file: Path, glossary: Glossary | Path | None = None) -> None:
        """From the `.tiktoken` file, with readings for terms (or the file that has them). Raises BadWeights."""
        self.tokenizer = RankTokenizer(rank_file)
        self._normaliser = Normaliser(read_glossary(glossary) if isinstance(glossary, Path) else glossary)

    @property
    def size(self) -> int:
        """One more than the highest id there is."""
        return self.tokenizer.size

    def row(self, language: str) -> int:
        """The row of the language table."""
        return language_row(language)

    def unread(self, _: Sequence[int]) -> int:
        """None: what is not in the vocabulary is spelled byte by byte."""
        return 0

    def notes(self, language: str) -> tuple[str, ...]:
        """What a language lacks for want of an optional library, and what takes its time."""
        return optional.notes(language.lower())

    def prepared(self, text: str, language: str) -> str:
        """The text as the tokeniser gets it, without the language in front. Raises SpeakingFailed, as
        `Normaliser.normalise`."""
        code = language.lower()
        if len(text) > LONGEST:
            raise SpeakingFailed(f"A text of {len(text)} characters is too long; {LONGEST} is the most.")
        text = plain_marks(clean(text))
        if code in _READ_OUT:
            text = self._normaliser.normalise(text)
        elif code == "es":
            text = optional.spanish_in_words(text, _ANNOTATION)
        text = text.lower() if code in _READ_OUT else text.upper() if code in _CAPITALS else text
        text = _ANNOTATION.sub(_pronounced, text)
        if code == "ja":
            text = optional.words_apart(text, _ATOM)
        return _TOKEN.sub(lambda match: match[0].upper(), text)

    def segments(self, text: str, language: str, *, limit: int = LIMIT) -> list[list[int]]:
        """The ids of each segment: the language, the text and `EXTRA`; about `limit`, cut at marks. Longer is what
        must not be cut, a pronunciation or a character of many bytes.

        Empty where nothing can be spoken. Raises as `prepared`, and ValueError for a limit below 1.
        """
        if limit < 1:
            raise ValueError(f"A segment must be allowed one id at least, not {limit}.")
        text = self.prepared(text, language)
        if not any(character.isalnum() for character in _TOKEN.sub("", text)):
            return []
        prefix = f"<|{language.lower()}|> "
        room = max(min(limit, MOST) - len(self.tokenizer.encode(prefix)), 1)
        return [[*self.tokenizer.encode(prefix + segment), EXTRA] for segment in self.split(text, room)]

    def split(self, text: str, room: int) -> list[str]:
        """A prepared text in segments of at most `room` ids each, cut after marks, or else between characters."""
        if self._fits(text, room):
            return [text]
        segments: list[str] = []
        for clause in self._clauses(text, room):
            if segments and self._fits(segments[-1] + clause, room):
                segments[-1] += clause
            else:
                segments.append(clause)
        return segments

    def _clauses(self, text: str, room: int) -> Iterator[str]:
        start = 0
        for atom in (*_ATOM.finditer(text), None):
            for clause in _CLAUSE_END.split(text[start : atom.start() if atom else len(text)]):
                yield from self._cut(clause, room)
            if atom:
                yield atom[0]
                start = atom.end()

    def _cut(self, clause: str, room: int) -> Iterator[str]:
        while clause:
            end = len(clause)
            if not self._fits(clause, room):
                end = max(1, next((n for n in range(2, end) if not self._fits(clause[:n], room)), end) - 1)
            yield clause[:end]
            clause = clause[end:]

    def _fits(self, text: str, room: int) -> bool:
        return len(self.tokenizer.encode(text)) <= room


def _pronounced(match: re.Match[str]) -> str:
    if _KANA.fullmatch(match["said"]):
        return f" {match['said']} "
    token = special(2 if _CJK.search(match["word"]) else 1)
    return f"{token}{match['said'].upper()}{token}"
