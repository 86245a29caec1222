"""Spanish of any length, put together from parts of sentences, and a chat server on this machine that words lines with
it. What it says has nothing to do with the source's meaning: time is all that is measured."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from align import rate

SHORT = (
    "Sí", "No", "Ya", "Claro", "Nunca", "Ven", "Ahora", "Ya voy", "Lo sé", "De acuerdo", "Por supuesto",
    "Tal vez", "No lo creo", "Eso es todo", "Ahora no puedo", "Dime qué pasa", "Vete a casa", "No hay tiempo",
    "Mañana será", "Eso no es así", "Nadie lo sabe", "Ya no importa", "Espera un momento", "No te lo diré",
)  # fmt: skip
OPENING = ("Mira,", "Pues", "La verdad,", "Ya sabes que", "Como te decía,", "Al final")
WHO = (
    "mi hermano", "la doctora", "el viejo", "nuestra vecina", "aquel chico", "el capitán", "la reina", "su hija",
    "el panadero", "tu madre", "la gente del pueblo", "el hombre de la barba",
)  # fmt: skip
DID = (
    "ha vendido", "perdió", "quiere comprar", "busca", "dejó", "no encuentra", "prefiere vender", "nunca ha visto",
    "se llevó", "nos prometió", "tenía que llevarse", "no quiere dejar",
)  # fmt: skip
WHAT = (
    "la casa", "siete libros verdes", "su barco de madera", "esas llaves", "otra carta", "un tren", "las flores",
    "una mesa vieja", "pan y queso", "todo lo que tenía", "los papeles del abogado", "la última maleta",
)  # fmt: skip
WHERE = (
    "en el puerto",
    "junto al río",
    "en la cocina",
    "detrás de la iglesia",
    "al otro lado del puente",
    "allí",
)
WHEN = (
    "antes de la guerra",
    "por la mañana",
    "este año",
    "después de cenar",
    "hoy",
    "la noche en que llovió tanto",
)
TAIL = (
    "y no me lo dijo", "aunque nadie lo sepa", "como siempre", "te lo aseguro", "o eso dicen", "si no me equivoco",
    "porque no había otra cosa que hacer", "y eso que se lo advertimos muchas veces",
)  # fmt: skip
LONGEST_SENTENCE = 26
"""Syllables; what is longer is said in two sentences."""
SHORT_UP_TO = 7
"""Syllables."""
DRAWS = 120
"""Sentences that are drawn for each that is kept."""
TRIES, CLOSE = 4, 0.04
"""Tries at a length, and the share of it by which the last may be off."""

SHORTER, LONGER = 0.75, 1.3
"""How far another wording can get from the first: what can be left out of a sentence, and said more fully, before it is
another one."""


AROUND = (1.0, 0.93, 1.07)
"""Shares of the length asked for that the other wordings have: a model finds up to three, none exactly as long."""


def sentence(syllables: float, draw: random.Random, taken: set[str]) -> str:
    """Words of about so many syllables, none of `taken`, in sentences without the last full stop."""
    if syllables > LONGEST_SENTENCE:
        first = sentence(syllables / 2, draw, taken)
        return f"{first}. {sentence(syllables - counted(first), draw, taken | {first})}"
    drawn = [[one] for one in SHORT if one not in taken] if syllables < SHORT_UP_TO else []
    while len(drawn) < DRAWS:
        drawn.append(_drawn(draw))
    drawn.sort(key=lambda parts: abs(sum(map(counted, parts)) - syllables))
    texts = (" ".join(parts) for parts in drawn)
    return next(one for text in texts if (one := text[:1].upper() + text[1:]) not in taken)


@cache
def counted(text: str) -> float:
    """Syllables, as translators are told them."""
    return rate.syllables(text, "es")


def _drawn(draw: random.Random) -> list[str]:
    parts = [draw.choice(OPENING)] if draw.random() < 0.3 else []
    if draw.random() < 0.9:
        parts.append(draw.choice(WHO))
    parts += [draw.choice(DID), draw.choice(WHAT)]
    parts += [draw.choice(one) for one in (WHERE, WHEN) if draw.random() < 0.4]
    if draw.random() < 0.3:
        parts[-1] += ","
        parts.append(draw.choice(TAIL))
    return parts


def fitted(ms: int, measure: Callable[[str], int], draw: random.Random, taken: set[str]) -> str:
    """Words that `measure` finds (ms) nearest to `ms`, of some whose syllables are corrected by what was measured."""
    tried: dict[str, int] = {}
    per_ms = 1 / 165
    for _ in range(TRIES):
        text = sentence(ms * per_ms, draw, taken | set(tried)) + "."
        tried[text] = measure(text)
        if abs(tried[text] / ms - 1) < CLOSE:
            break
        per_ms = counted(text) / tried[text]
    return min(tried, key=lambda one: abs(tried[one] - ms))


@contextmanager
def serving(first: Mapping[str, str]) -> Iterator[str]:
    """A chat server as long as the body runs; gives its base URL. It answers a line of `first` (by its source text)
    with that wording; where wordings were tried, with three about as long as is asked for, within SHORTER and
    LONGER."""

    class Handler(BaseHTTPRequestHandler):
        """One request is one completion."""

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            rows = [{"id": line["id"], "w": worded(line, first)} for line in _lines(asked)]
            said = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
            choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
            raw = json.dumps({"choices": [choice]}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            """Silent."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}/v1"
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def worded(line: Mapping[str, Any], first: Mapping[str, str]) -> list[str]:
    """The wordings of one line of a request. What the seconds of those that were tried tell of how long a syllable of
    this line takes is heeded: SHORTER and LONGER are meant in time."""
    known = first[line["text"]]
    if "tried" not in line:
        return [known]
    tried = {one["wording"]: one["seconds"] for one in line["tried"]}
    last = line["tried"][-1]["wording"]
    has = counted(known)
    if known in tried:
        has = counted(last) * tried[known] / tried[last]
    made = {one.rstrip(".") for one in tried}
    draw = random.Random(f"{line['text']} {sorted(tried)} {len(line.get('rejected', ()))}")
    for share in AROUND:
        asked = share * float(str(line["about"]).split()[0])
        made.add(sentence(min(LONGER * has, max(SHORTER * has, asked)), draw, made))
    return sorted(f"{one}." for one in made if f"{one}." not in tried)


def _lines(asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The lines of a request: JSON between <film> and </film> in the user's message."""
    said = str(asked["messages"][-1]["content"])
    block = said[said.index("<film>") + len("<film>") : said.rindex("</film>")]
    found: list[dict[str, Any]] = json.loads(block)["lines"]
    return found
