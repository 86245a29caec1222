"""The golden cases of text and emotion, run through our own code. Loads no released weights."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from bench.goldens.harness import Case
from tts.indextts2.emotion import NAMES, EmotionMatrix, capped, scaled
from tts.indextts2.qwen import parse_reply
from tts.indextts2.text import (
    PINYIN,
    MultilingualFrontend,
    Normaliser,
    TextFrontend,
    Tokenizer,
    corrected,
    language_row,
    pretokenise,
    split,
)
from tts.indextts2.text.multilingual import MOST
from tts.indextts2.text.ranks import WHISPER_LANGUAGES, special

Check = tuple[str, bool, str]
"""The case's name, whether it came out as recorded, and what came instead."""


def emotion_matrix(case: Case) -> dict[str, Tensor]:
    """`index`: the row of each emotion; `mixed_i`: the emotion vector for the case's i-th weights."""
    given = case.inputs()
    matrix = EmotionMatrix(given["spk_matrix"], given["emo_matrix"], case.params["emo_num"])
    outputs = {"index": matrix.choose(given["style"])}
    for position, vector in enumerate(case.params["vectors"]):
        outputs[f"mixed_{position}"] = matrix.mix(given["style"], vector, given["base"])
    return outputs


RUNNERS: dict[str, Callable[[Case], dict[str, Tensor]]] = {"emotion.matrix": emotion_matrix}


def _normalised(root: Path) -> Iterator[Check]:
    for case in _text20(root)["cases"]:
        yield _same(case["text"], Normaliser(case["glossary"]).normalise(case["text"]), case["normalized"])


def _pretokenised(root: Path) -> Iterator[Check]:
    golden = _text20(root)
    for case in golden["cases"]:
        yield _same(case["text"], pretokenise(case["normalized"]), case["pretokenized"])
    for text, spaced in golden["cjk"].items():
        yield _same(text, pretokenise(text), spaced)


def _ids(root: Path) -> Iterator[Check]:
    golden = _text20(root)
    for case in golden["cases"]:
        frontend = TextFrontend(root / golden["bpe_model"], case["glossary"])
        pieces = frontend.pieces(case["text"])
        got = (pieces, frontend.tokenizer.ids(pieces))
        yield _same(case["text"], got, (case["tokens"], case["ids"]))


def _segments(root: Path) -> Iterator[Check]:
    golden = _text20(root)
    tokenizer = Tokenizer(root / golden["bpe_model"])
    for case in golden["cases"]:
        for key, wanted in case["segments"].items():
            limit, quick = map(int, key.split("|"))
            got = [tokenizer.ids(segment) for segment in split(case["tokens"], limit, quick)]
            yield _same(f"{case['text']} {key}", got, wanted)


def _splitter(root: Path) -> Iterator[Check]:
    for number, case in enumerate(_text20(root)["splitter"]):
        yield _same(str(number), split(case["tokens"], case["max"], case["quick"]), case["segments"])


def _pinyin(root: Path) -> Iterator[Check]:
    for text, (found, respelled) in _text20(root)["pinyin"].items():
        match = PINYIN.search(text)
        yield _same(text, (match and match[0], corrected(text)), (found, respelled))


def _prepared25(root: Path) -> Iterator[Check]:
    frontend, cases = _text25(root)
    for case in cases:
        yield _same(case["text"], frontend.prepared(case["text"], case["lang"]), case["final"])


def _ids25(root: Path) -> Iterator[Check]:
    frontend, cases = _text25(root)
    for case in cases:
        got = frontend.segments(case["text"], case["lang"], limit=case["max_tokens"])
        yield _same(case["text"], got, case["ids"])


def _segments25(root: Path) -> Iterator[Check]:
    frontend, cases = _text25(root)
    for case in cases:
        prefix = frontend.tokenizer.encode(f"<|{case['lang'].lower()}|> ")
        got = frontend.split(case["final"], max(1, min(case["max_tokens"], MOST) - len(prefix)))
        yield _same(case["text"], got, case["segments"])


def _tokens25(root: Path) -> Iterator[Check]:
    """Tokens that an input may hold have their ids; all others, known to the reference implementation or not, are text
    here and reach no special id."""
    golden = _json(root, "text25.json")
    tokenizer = MultilingualFrontend(root / golden["tiktoken"]).tokenizer
    held = {f"<|{code}|>" for code in WHISPER_LANGUAGES} | {special(n) for n in range(1, 31)}
    for token, wanted in golden["special"].items():
        if token in held:
            yield _same(token, tokenizer.encode(token), [wanted])
    for token in sorted({*golden["special"], *golden["missing_special"]} - held):
        yield _same(token, max(tokenizer.encode(token)) < golden["n_base"], True)


def _languages25(root: Path) -> Iterator[Check]:
    golden = _json(root, "text25.json")
    for code, row in golden["lang_ids"].items():
        yield _same(code, language_row(code), row)
    for case in golden["cases"]:
        yield _same(case["lang"], language_row(case["lang"]), case["lang_id"])


def _capped(root: Path) -> Iterator[Check]:
    for case in _emotion(root)["normalize"]:
        got = capped(case["vector"], bias=case["bias"])
        yield _near(f"{case['vector']} bias={case['bias']}", got, case["out"])


def _scaled(root: Path) -> Iterator[Check]:
    for case in _emotion(root)["alpha_scale"]:
        yield _near(
            f"{case['vector']} alpha={case['alpha']}", scaled(case["vector"], case["alpha"]), case["out"]
        )


def _replies(root: Path) -> Iterator[Check]:
    for case in _emotion(root)["qwen"]["cases"]:
        if "raises" not in case["out"]:  # where the reference implementation breaks, any answer is ours
            wanted = [case["out"][name] for name in NAMES]
            yield _near(f"{case['reply']} | {case['text']}", parse_reply(case["reply"], case["text"]), wanted)


TEXT_CHECKS: dict[str, Callable[[Path], Iterable[Check]]] = {
    "text.normalise": _normalised,
    "text.pretokenise": _pretokenised,
    "text.ids": _ids,
    "text.segments": _segments,
    "text.splitter": _splitter,
    "text.pinyin": _pinyin,
    "text25.prepared": _prepared25,
    "text25.ids": _ids25,
    "text25.segments": _segments25,
    "text25.tokens": _tokens25,
    "text25.languages": _languages25,
    "emotion.capped": _capped,
    "emotion.scaled": _scaled,
    "emotion.replies": _replies,
}
"""What to check → a function of the golden folder."""


def not_compared(root: Path) -> tuple[str, ...]:
    """Why cases are left out on this machine: sentences, none where all are compared."""
    notes = MultilingualFrontend(root / _json(root, "text25.json")["tiktoken"]).notes("ja")
    return tuple(f"The texts of 2.5 in Japanese are not compared. {note}" for note in notes)


def _text20(root: Path) -> dict[str, Any]:
    return _json(root, "text20.json")


def _text25(root: Path) -> tuple[MultilingualFrontend, list[dict[str, Any]]]:
    """The front end and its cases; those of Japanese only where what tells its words apart is installed."""
    golden = _json(root, "text25.json")
    frontend = MultilingualFrontend(root / golden["tiktoken"])
    # Spanish was recorded without its grammar, and has nothing in it that the grammar would read out
    cases = [case for case in golden["cases"] if case["lang"].lower() != "ja" or not frontend.notes("ja")]
    return frontend, cases


def _emotion(root: Path) -> dict[str, Any]:
    return _json(root, "emotion.json")


def _json(root: Path, name: str) -> dict[str, Any]:
    return dict(json.loads((root / "text" / name).read_text(encoding="utf-8")))


def _same(name: str, got: object, wanted: object) -> Check:
    return name, got == wanted, "" if got == wanted else f"{got!r} where {wanted!r} belongs"


def _near(name: str, got: Sequence[float], wanted: Sequence[float]) -> Check:
    near = len(got) == len(wanted) and all(map(math.isclose, got, wanted))
    return name, near, "" if near else f"{list(got)} where {list(wanted)} belongs"
