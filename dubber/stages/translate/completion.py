"""What a server of OpenAI's chat API says, read: the model's words, or why there are none. Asks nobody."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

from dubber.stages.translate.chat import NoAnswer

MOST_SHOWN = 200
"""Characters of a server's own words in a message."""

_TOO_LONG = ("context_length", "context length", "context window", "maximum context", "too long", "too large")
_NO_CREDIT = ("insufficient_quota", "billing", "exceeded your current quota")
_FILTERED = ("content_filter", "content management policy")
_DISPENSABLE = ("seed", "temperature")
"""Parameters that we can do without where a model refuses them."""


def text_of(body: str, host: str) -> str:
    """What the model says in an answer's body, cut or not. Raises NoAnswer with the reason where that is nothing."""
    try:
        choice = json.loads(body)["choices"][0]
        message, ended = choice["message"], choice.get("finish_reason")
        content, refusal = message.get("content"), message.get("refusal")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        said = words_of(body)
        raise NoAnswer(f"{host} gives no chat completion" + (f" but says: {said}" if said else "")) from None
    if ended == "content_filter":
        raise NoAnswer(f"{host} filters what is said here")
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    if isinstance(content, str) and content.strip():
        return content
    if isinstance(refusal, str) and refusal.strip():
        raise NoAnswer(f"the model refuses: {shortened(refusal)}")
    if ended == "length":  # of what was cut there is a beginning, unless the model only thought
        raise NoAnswer("the answer was cut off before its first word")
    raise NoAnswer("the model says nothing")


def words_of(body: str) -> str:
    """What a server says about its trouble, as one short line; "" where it says nothing readable."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return "" if body.lstrip().startswith("<") else shortened(body)
    for key in ("error", "message", "detail"):
        if isinstance(said, dict) and key in said:
            said = said[key]
    return shortened(said) if isinstance(said, str) else ""


def shortened(text: str) -> str:
    """The text on one line of at most MOST_SHOWN characters, with nothing in it that a terminal would obey."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split()).rstrip(".")
    return line if len(line) <= MOST_SHOWN else line[:MOST_SHOWN] + "…"


def is_filtered(body: str) -> bool:
    """Whether whoever runs the model will not have this said."""
    return any(word in body.lower() for word in _FILTERED)


def is_too_long(status: int, body: str) -> bool:
    """Whether the question, with the answer's greatest length, is more than the model takes."""
    return status == 413 or (status in (400, 422) and any(word in body.lower() for word in _TOO_LONG))


def is_unpaid(status: int, body: str) -> bool:
    """Whether there is no credit left: waiting does not help."""
    return status == 402 or any(word in body.lower() for word in _NO_CREDIT)


def refused(status: int, body: str, sent: dict[str, Any]) -> frozenset[str]:
    """Those parameters of `sent` that the server does not know or allow: "max_tokens" (it wants
    "max_completion_tokens"), "seed", "temperature"."""
    if status not in (400, 422) or is_too_long(status, body):
        return frozenset()
    if "max_tokens" in sent and "max_completion_tokens" in body:
        return frozenset({"max_tokens"})
    return frozenset(name for name in _DISPENSABLE if name in sent and name in body.lower())


def retry_after(header: str | None) -> float | None:
    """Seconds that a Retry-After header (RFC 9110, 10.2.3: seconds or a date) asks for; None where it says nothing."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            until = parsedate_to_datetime(header)
        except ValueError:
            return None
        aware = until if until.tzinfo else until.replace(tzinfo=timezone.utc)
        seconds = (aware - datetime.now(timezone.utc)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None
