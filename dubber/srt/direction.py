"""Text that is read from right to left, made to look right in players: in what viewers get, never in what is edited."""

from __future__ import annotations

import re
import unicodedata

# Many players take every subtitle line for one that reads from left to right: the full stop then hangs at the wrong end
# and a line that begins with a Latin name is in the wrong order. An embedding around each line tells them, and those
# that look at the letters by themselves are told nothing new. The newer isolates (U+2067) are known to fewer players.
RIGHT_TO_LEFT, END = "\u202b", "\u202c"

_RIGHT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_STRONG = {"R": 1, "AL": 1, "L": -1}


def directed(file: str) -> str:
    """The text of an SRT file as `serialise` writes it, with marks of direction around the lines of cues that read from
    right to left: those with more letters of such a script than of others, and in a file that has more of them, all
    with any. A file without such letters stays as it is."""
    if not _RIGHT.search(file):
        return file
    mostly = _leaning(file) > 0
    return "\n\n".join(_directed(cue) if _is_rightward(cue, mostly) else cue for cue in file.split("\n\n"))


def leans_right(text: str) -> bool:
    """Whether more letters of a text are written from right to left than from left to right."""
    return _leaning(text) > 0


def _is_rightward(cue: str, mostly: bool) -> bool:
    return bool(_RIGHT.search(cue)) and (mostly or leans_right(cue))


def _leaning(text: str) -> int:
    """How many more letters of the text are written from right to left than from left to right."""
    return sum(_STRONG.get(unicodedata.bidirectional(one), 0) for one in text)


def _directed(cue: str) -> str:
    number, times, *lines = cue.split("\n")
    return "\n".join((number, times, *(line and f"{RIGHT_TO_LEFT}{line}{END}" for line in lines)))
