"""Cues for players and containers that show one at a time (MP4's timed text): what is up together is one cue."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from align.lines import joined
from dubber.srt.cue import Cue

TURN = "- "
"""Before what each of several says who talk at once, as broadcasters' subtitles have it."""

BRIEF_MS = 400
"""Two cues that are up together for less are one after the other: less is a flash, or how loosely hands set times."""

MOST = 4
"""Cues shown at once, those that came last: more would fill the picture."""


MOST_UP = 100
"""Cues that may come back when others are over: a bound for hostile subtitles."""


def stacked(cues: Sequence[Cue]) -> tuple[Cue, ...]:
    """The cues so that no two are up at once: where they would be, one holds the words of all, each with a TURN."""
    ordered = _without_brief(sorted(cues, key=lambda cue: (cue.start, cue.end)))
    edges = sorted({edge for cue in ordered for edge in (cue.start, cue.end)})
    shown: list[Cue] = []
    up: list[tuple[int, int]] = []  # (end, place) of those that are up
    place = 0
    for start, end in pairwise(edges):
        up = [one for one in up if one[0] > start][-MOST_UP:]
        while place < len(ordered) and ordered[place].start <= start:
            if ordered[place].end > start:
                insort(up, (ordered[place].end, place))
            place += 1
        texts = [ordered[at].text for at in sorted(at for _, at in up)[-MOST:]]
        text = texts[0] if len(texts) == 1 else "\n".join(TURN + joined(one) for one in texts)
        if shown and shown[-1].end == start and shown[-1].text == text:
            shown[-1] = replace(shown[-1], end=end)
        elif texts:
            shown.append(Cue(start, end, text))
    return tuple(shown)


def _without_brief(ordered: Sequence[Cue]) -> list[Cue]:
    """The cues in order of start; one that the next outlasts, and is up with but briefly, ends where that begins."""
    cut = list(ordered)
    for place, (cue, after) in enumerate(pairwise(ordered)):
        if 0 < cue.end - after.start < BRIEF_MS <= after.start - cue.start and after.end >= cue.end:
            cut[place] = replace(cue, end=after.start)
    return cut
