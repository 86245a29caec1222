"""Cues to the text of an SRT file, and the normal form that one can carry. No file is written here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pysrt import SubRipItem

from dubber.srt.cue import Cue
from dubber.srt.text import clean, name_of, split_label
from dubber.srt.times import hide


def normalise(cue: Cue) -> Cue:
    """The cue as an SRT file can carry it; reading what `serialise` wrote gives exactly this back.

    Markup, control characters, blank lines and spaces around lines go; the arrow of a text line that looks like
    a cue's times becomes `→`; a label in the text becomes the speaker, unless one is given; `name_of` says what
    becomes of names.
    """
    text, speaker = normal(cue.text, cue.speaker)
    return replace(cue, text=text, speaker=speaker)


def normal(text: str, speaker: str | None = None) -> tuple[str, str | None]:
    """A cue's text and speaker in their normal form; see `normalise`."""
    text = clean(text)
    name = name_of(speaker) if speaker is not None else None
    if name is None:
        name, text = split_label(text)
    return "\n".join(map(hide, text.split("\n"))) if ">" in text or "＞" in text else text, name


def serialise(cues: Iterable[Cue]) -> str:
    """The text of an SRT file with these cues: normalised, in order of start, numbered from 1, LF at line ends.

    A cue with nothing in its text is left out: a reader would drop it. To be encoded as UTF-8 without a mark.
    """
    ordered = sorted((normalise(cue) for cue in cues), key=lambda cue: cue.start)
    shown = (cue for cue in ordered if cue.text)
    return "\n".join(
        str(
            SubRipItem(number, cue.start, cue.end, f"[{cue.speaker}] {cue.text}" if cue.speaker else cue.text)
        )
        for number, cue in enumerate(shown, 1)
    )
