"""Times and texts as messages show them to a person."""

from __future__ import annotations

from align.types import Span


def clock(span: Span) -> str:
    """When a span starts: 0:01:02.345."""
    seconds = span.start / 1000
    return f"{int(seconds // 3600)}:{int(seconds // 60 % 60):02d}:{seconds % 60:06.3f}"


def shortened(text: str, most: int = 40) -> str:
    """A text of at most `most` characters, the last of them … where it goes on."""
    return text if len(text) <= most else text[: most - 1] + "…"


def harmless(text: str) -> str:
    """A text without what a terminal would obey: line ends, escapes, marks that turn the writing round."""
    return "".join(one if one.isprintable() else "?" for one in text)
