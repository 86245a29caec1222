"""Elements of a page, safe by their type: a string is text and is escaped unless it is Markup. Knows no report."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Iterable

VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})
"""Elements of HTML that have no end tag."""

_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""Control characters, and halves of characters, which names of files may hold and UTF-8 cannot."""

Value = str | int | float | None


class Markup(str):
    """A string that is HTML already."""

    __slots__ = ()


def escaped(text: str) -> Markup:
    """Any text as markup that shows it, between tags or inside a quoted attribute."""
    return Markup(html.escape(_UNSHOWABLE.sub("\ufffd", text)))


def joined(pieces: Iterable[str]) -> Markup:
    """Texts and markup, one after the other."""
    return Markup("".join(piece if isinstance(piece, Markup) else escaped(piece) for piece in pieces))


def element(name: str, /, *children: str | None, **attributes: Value) -> Markup:
    """An element of HTML or SVG. A child or attribute of None is left out, an attribute of True has no value; a name
    in Python's way (class_, aria_label, viewBox) becomes HTML's (class, aria-label, viewBox)."""
    told = "".join(
        f" {_attribute(key)}" if value is True else f' {_attribute(key)}="{escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in VOID:
        return Markup(f"<{name}{told}>")
    return Markup(f"<{name}{told}>{joined(one for one in children if one is not None)}</{name}>")


def data(value: object) -> Markup:
    """Plain data as JSON that is safe inside a script element: no <, >, & and nothing beyond ASCII is in it.

    Numbers that JSON has no word for (NaN, infinity) are null.
    """
    try:
        told = json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:
        told = json.dumps(_finite(value), separators=(",", ":"), allow_nan=False)
    return Markup(told.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")
