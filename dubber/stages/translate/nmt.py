"""Translation by a plain translation model of 100 languages: each line by itself, several wordings of it. The model is
not told what stands around a line, who speaks, or how."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version

from dubber import languages
from dubber.errors import MissingError
from dubber.models import catalogue
from dubber.models import store as models
from dubber.stages.translate import asked, check, m2m100, names, pieces, typography
from dubber.stages.translate.door import Answer, Ask, Brief
from dubber.stages.translate.glossary import Index
from dubber.stages.translate.standing import Standing

REVISION = 2
"""Of how a line becomes tokens and tokens an answer; part of the digest."""

BATCH = 16
"""Sentences at once; fewer where memory does not suffice."""

_OTHER_CODES = {"nb": "no", "nn": "no", "fil": "tl", "nso": "ns"}
"""The model's codes where they are not those of BCP 47."""

_OTHERWISE = "Choose another translator with --translator, or give your own with --translation FILE.srt."


class NmtTranslator:
    """The engine behind the door; see `Translator`. `model` is its name in the catalogue, loaded at first use;
    `device` is "auto", "cpu", "cuda" or "mps"."""

    name = "nmt"

    rewords = False
    """The likeliest wordings are in the first answer already. Further down the beams, under other length penalties,
    shorter ones are sentences cut off and longer ones say parts twice: so in the tiny model, and wide beams of real
    ones are known to cut off (Koehn & Knowles 2017, arXiv:1706.03872, 3.6). No score tells those from good ones."""

    def __init__(self, model: str = "m2m100-418m", *, device: str = "auto") -> None:
        self._model, self._device = model, device
        self._loaded: m2m100.M2M100 | None = None

    def check(self, source: str, target: str) -> None:
        """Raises UsageError as `asked.check_pair` does, MissingError (the model, or a language that it does not know).
        Of a source that is still to be found, "und", nothing is asked. Loads nothing."""
        asked.check_pair(source, target)
        known = [_code(tag) for tag in (source, target) if languages.primary(tag) != languages.UNKNOWN]
        if len(known) > len(set(known)):
            raise MissingError(f"{self._model} takes both languages for one ({known[0]}).", hint=_OTHERWISE)
        models.require(self._model)

    def digest(self, brief: Brief) -> str:
        """sha256 (hex) over our revision, the libraries' versions, the model's files, and what is used of the brief:
        languages and glossary. Files are known by the store's record, or else hashed. Raises like `check`."""
        self.check(brief.source, brief.target)
        row = catalogue.named(self._model)
        record = models.read_record(row)
        folder = models.folder(row)
        files = {
            name: record["files"][name]["sha256"] if record else models.hash_file(folder / name)
            for name in row.files
        }
        libraries = [f"{name} {version(name)}" for name in ("torch", "transformers", "sentencepiece")]
        terms = [[term.source, term.target] for term in brief.glossary]
        parts = [REVISION, libraries, sorted(files.items()), brief.source, brief.target, terms]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def translate(
        self,
        asks: Sequence[Ask],
        brief: Brief,
        arrived: Callable[[Answer], None],
        progress: Callable[[float], None] = lambda _: None,
    ) -> None:
        """See `Translator.translate` for what it promises and raises. A line without letters is its own wording. The
        glossary is only held against what the model says: it cannot be told."""
        asked.check_known(brief.source)
        self.check(brief.source, brief.target)
        index, known = Index(brief.glossary), names.in_film(asks, brief)
        wordy: list[Ask] = []
        done = 0
        for ask in asks:
            if (plain := asked.without_asking(ask, brief.target)) is None:
                wordy.append(ask)
                continue
            arrived(plain)
            done += 1
        for ask, wordings in self._wordings(wordy, brief):
            arrived(_answer(wordings, check.Case(ask, brief, index.relevant([ask.text]), known)))
            done += 1
            progress(done / len(asks))
        progress(1.0)

    def close(self) -> None:
        """Drops the model and frees its memory."""
        if self._loaded is not None:
            self._loaded = None
            m2m100.free_memory()

    def _wordings(self, asks: Sequence[Ask], brief: Brief) -> Iterator[tuple[Ask, tuple[str, ...]]]:
        """Each line with what the model says for it, as soon as all its parts are done; short lines come first."""
        if not asks:
            return
        loaded = self._loaded = self._loaded or self._load()
        source, target = _code(brief.source), _code(brief.target)
        tokens = [[loaded.tokens(part, source) for part in _parts(ask, source)] for ask in asks]
        said: dict[tuple[int, int], list[str]] = {}
        for batch in _batches(tokens):
            said |= zip(batch, loaded.say([tokens[ask][part] for ask, part in batch], target), strict=True)
            for ask in dict.fromkeys(ask for ask, _ in batch):
                places = [(ask, part) for part in range(len(tokens[ask]))]
                if all(place in said for place in places):
                    yield asks[ask], _joined([said.pop(place) for place in places], target)

    def _load(self) -> m2m100.M2M100:
        return m2m100.M2M100(models.require(self._model), self._model, self._device)


def _code(tag: str) -> str:
    """The model's code of a language. Raises MissingError for one that it does not know, UsageError for none."""
    spoken = languages.primary(tag)
    code = _OTHER_CODES.get(spoken, spoken)
    if code not in m2m100.CODES:
        raise MissingError(
            f"M2M100 knows {len(m2m100.CODES)} languages, and {languages.english_name(tag)} is none of them.",
            hint=_OTHERWISE,
        )
    return code


def _parts(ask: Ask, source: str) -> list[str]:
    """The line as the model is shown it: written as a writer would, and cut where it is long."""
    return pieces.parts(typography.for_engine(typography.clean(ask.text), source))


def _batches(tokens: Sequence[Sequence[Sequence[int]]]) -> Iterator[list[tuple[int, int]]]:
    """The places (line, part) in batches of at most BATCH parts of about one length, short ones first."""
    by_length: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for ask, parts in enumerate(tokens):
        for part, ids in enumerate(parts):
            by_length[m2m100.rounded(len(ids))].append((ask, part))
    for _, places in sorted(by_length.items()):
        for start in range(0, len(places), BATCH):
            yield places[start : start + BATCH]


def _joined(parts: Sequence[Sequence[str]], target: str) -> tuple[str, ...]:
    """Wordings of a whole line: the best of each part, then the second of each, …"""
    gap = "" if target in pieces.UNSPACED else " "
    return tuple(
        gap.join(text for part in parts if (text := " ".join(part[min(place, len(part) - 1)].split())))
        for place in range(max(map(len, parts)))
    )


def _answer(wordings: Sequence[str], case: check.Case) -> Answer:
    """The line's answer, made of what the model does not say over and over."""
    said = [text for text in wordings if not pieces.loops(text, case.ask.text)]
    line = Standing(case)
    return (line.heard(said) if said else line.without("It says the same over and over.")).answer()
