"""Cues to the text of an SRT file, and the normal form that such a file can carry. Nothing is written to disk here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pysrt import SubRipItem

from dubber.srt.cue import Cue
from dubber.srt.text import clean, name_of, split_label
from dubber.srt.times import hide


def normalise(cue: Cue) -> Cue:
    """The cue as an SRT file can carry it; reading what `serialise` wrote gives exactly this back.

    Markup, control characters, blank lines and spaces around lines go; the arrow of a text line that looks like a
    cue's times becomes `→`; a label in the text becomes the speaker, unless one is given; see `name_of` for names.
    """
    text = clean(cue.text)
    speaker = name_of(cue.speaker) if cue.speaker is not None else None
    if speaker is None:
        speaker, text = split_label(text)
    return replace(cue, text="\n".join(map(hide, text.split("\n"))), speaker=speaker)


def serialise(cues: Iterable[Cue]) -> str:
    """The text of an SRT file with these cues: normalised, in order of start, numbered from 1, lines ended by LF.

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
