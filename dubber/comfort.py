"""How far a voice may leave its own rate, speaker by speaker: as a person says it, read, checked and put together.
Knows no film and no line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from align.limits import TIGHT
from dubber.errors import UsageError
from dubber.srt.text import name_of

Band = tuple[float, float]
"""Natural ÷ slot length: the slowest and the fastest that a voice is at ease at."""

SLOWEST = 0.5
"""Drawn out to twice its length, speech is no more than a row of sounds."""

FASTEST = TIGHT.ceiling
"""Where lines are hurried past this, time has run out: no comfort reaches further."""

USUAL = "usual"
"""What is said in a band's place to take it back: the speaker has that of all others again."""

EXAMPLE = "ANNA=0.95-1.05"

_NUMBER = r"\s*(\d{1,9}(?:\.\d{1,9})?|\.\d{1,9})\s*"
_BAND = re.compile(f"{_NUMBER}[-–]{_NUMBER}")


def read(text: str) -> dict[str, Band | None]:
    """The bands by speaker in a text like "ANNA=0.95-1.05", one to the line; None where it says `usual`.

    Speakers are named as a subtitle's label names them. Raises UsageError for what is no band, a speaker who is named
    twice, and as `checked` does.
    """
    found: dict[str, Band | None] = {}
    for line in filter(str.strip, text.split("\n")):
        label, _, told = line.rpartition("=")
        numbers = _BAND.fullmatch(told)
        if not label.strip() or not (numbers or told.strip() == USUAL):
            raise UsageError(
                f"{line!r} is no speaker with a comfort band.",
                hint=f'It is said like this: "{EXAMPLE}", a label of the subtitles, its slowest and its fastest; '
                f'or "ANNA={USUAL}".',
            )
        name, band = (
            checked(label, (float(numbers[1]), float(numbers[2]))) if numbers else (named(label), None)
        )
        if _is_named(name, found):
            raise UsageError(f"{name} has two comfort bands.", hint="Say one of them.")
        found[name] = band
    return found


def named(label: str) -> str:
    """A speaker's name as the label of a subtitle has it. Raises UsageError where none is left."""
    name = name_of(label)
    if name is None:
        raise UsageError(
            f"{label!r} is no speaker's name.", hint="A comfort band is said of a label of the subtitles."
        )
    return name


def checked(label: str, band: Band) -> tuple[str, Band]:
    """The speaker's name and their band, where they can be. Raises UsageError where they cannot."""
    name, (low, high) = named(label), band
    if not SLOWEST <= low <= 1 <= high <= FASTEST:  # NaN is nowhere
        raise UsageError(
            f"The comfort band of {name} cannot go from {low:g} to {high:g}.",
            hint=f"It holds 1, a voice's own rate: from {SLOWEST:g} or more, to {FASTEST:g} or less.",
        )
    return name, (low, high)


def written(bands: Mapping[str, Band | None]) -> str:
    """The text that `read` reads, in order of names, bands in thousandths as the timeline counts them."""
    return "\n".join(
        f"{name}={USUAL if band is None else '-'.join(map(_thousandths, band))}"
        for name, band in sorted(bands.items())
    )


def merged(far: str, near: str) -> str:
    """The bands of both texts: of a speaker who is in both, what the nearer says; none that is taken back. Raises as
    `read` does."""
    bands = read(near)
    bands |= {name: band for name, band in read(far).items() if not _is_named(name, bands)}
    return written({name: band for name, band in bands.items() if band is not None})


def of(text: str, speaker: str) -> Band | None:
    """The band that the text has for a speaker, by whatever their label is made of; None where it has none."""
    wanted = (name_of(speaker) or speaker).casefold()
    bands = read(text) if text else {}
    return next((band for name, band in bands.items() if name.casefold() == wanted), None)


def strangers(text: str, speakers: Iterable[str]) -> list[str]:
    """Those who have a band in the text and are none of the speakers."""
    there = {(name_of(one) or one).casefold() for one in speakers}
    return [name for name in read(text) if name.casefold() not in there]


def _is_named(name: str, bands: Iterable[str]) -> bool:
    """Whether a speaker is among these, in capitals or not: subtitles write one person either way."""
    return any(name.casefold() == other.casefold() for other in bands)


def _thousandths(factor: float) -> str:
    return f"{factor:.3f}".rstrip("0").rstrip(".")
