"""What a placement costs: the tariff of the timeline, each weight with its reason, as plain arithmetic.

How the cheapest timeline is found never lives here. Prices are whole points, so that sums are exact and ties are ties
on every machine; MS points are the price of a millisecond during which the film's lips move and nothing is heard.

The slopes are the order of remedies. Per millisecond of slot that a line lacks: silence after it (0.5, then 0.8 past
BORROW's knee), compression to BRISK (about 1.1), compression to the ceiling (about 2.2), an onset off its source (1.2
and more, which TIGHT counts twice and NATURAL half), silence past max_borrow (2.5), compression over the ceiling (12
and more). Before all of these but some 50 ms of borrowed silence comes another wording; leaving the comfort band
costs more than that at any length.
"""

from __future__ import annotations

from align.limits import Limits, thousandths

MS = 10_000
"""Points. The price of one plain millisecond."""

Slopes = tuple[tuple[int, int], ...]
"""A price that bends: (from how many ms, or steps of rate, on; further points for each)."""

EARLY: Slopes = ((0, 12_000), (45, 8_000), (90, 20_000))
"""An onset before the lips. Recommendation ITU-R BT.1359 finds sound 45 ms ahead of the picture detectable and 90 ms
no longer acceptable: the price bends there. It is above 0 from the first millisecond, so that no onset moves for
nothing, and above BRISK compression, so that onsets move sparingly."""

LATE: Slopes = ((0, 12_000), (125, 8_000), (185, 20_000))
"""An onset after the lips: the same recommendation's 125 and 185 ms. Sound that lags is what light and distance have
taught us to expect, so that it may go further."""

HOLE: Slopes = ((0, 5_000), (100, 5_000))
"""The source still speaks and the line has ended. The last 100 ms of an utterance are its fading, lengthened syllable;
from there on each millisecond counts in full: lips move and nobody speaks."""

BORROW_EASY = 300
"""ms. About the time that a listener takes as the speaker's breath before the next turn."""

CUT = 150 * MS
"""A line that runs over a shot change which its source did not touch is heard from a face that is no longer there."""

GAP = MS
"""Each millisecond missing from the silence kept before the next onset: two turns run into one another."""

REWORD = 25 * MS
"""Another wording: it was the translator's second choice, and still says what was said. Less than leaving the band."""

REWORD_MORE = 2 * MS
"""Each wording further down the translator's list; with up to eight they stay below LEAVE."""

LEAVE = 40 * MS
"""Leaving the comfort band, however little: the line is one of the tenth that may, and the report names it. This is
what makes a shift of some 40 ms, or another wording, worth taking to stay inside."""

BRISK = 1200
"""Thousandths. Up to here speech sounds brisk, from here on hurried."""

BRISK_SLOPE, HURRIED_SLOPE, CROWDED_SLOPE, CRUSHED_SLOPE = 4, 4, 32, 40
"""Points for half a thousandth of rate factor and each ms of natural length: a hurried sentence hurts as long as it
lasts. Past the comfort band; further from BRISK; from the ceiling; from half way to crush. A thousandth of factor at
1.15 is worth 0.76 ms of slot in a second of speech, so that 4 is 1.06 × MS per ms of slot."""

DRAWN_SLOPE = 20
"""Points for a thousandth of slot ÷ natural length past the band's lower edge, for each ms of natural length: 2 × MS
for each ms that drawling fills, more than the hole costs."""

HEAVIEST = 60_000
"""ms. No line weighs more than a minute."""

STEPS = 8_000
"""Half thousandths. Past four times its own speed a line gets no worse."""

JUMP = 40 * MS
"""Each class of rate, beyond the next, between two lines of one voice in close succession: slow speech that turns
fast is heard as two takes. Less than LEAVE: it decides between equals and never drives a line out of its band."""

CLASSES = (1900, 2200, 2500)
"""Half thousandths. Edges of the rate classes: up to 0.95 drawn, to 1.10 even, to 1.25 brisk, above crowded."""

NEAR = 1_000
"""ms. Lines of one voice further apart than this are not compared by ear."""


def toll(past: int, slopes: Slopes) -> int:
    """Points for so many ms (or steps) past a reference; nothing before it."""
    return sum(slope * max(0, past - knee) for knee, slope in slopes)


def scaled(slopes: Slopes, per_cent: int) -> Slopes:
    """The slopes at so many per cent of their price."""
    return tuple((knee, slope * per_cent // 100) for knee, slope in slopes)


def borrow(limits: Limits) -> Slopes:
    """The price of speaking on after the source: cheap in its breath, dear past max_borrow."""
    easy = min(BORROW_EASY, limits.max_borrow)
    return ((0, 5_000), (easy, 3_000), (limits.max_borrow, 17_000))


def onset(shift: int, over_cut: bool, limits: Limits) -> int:
    """Points for starting `shift` ms after the source (before it where negative)."""
    lips = toll(-shift, scaled(EARLY, limits.lips)) + toll(shift, scaled(LATE, limits.lips))
    return lips + CUT * over_cut


def ending(hole: int, borrowed: int, missing_gap: int, over_cut: bool, limits: Limits) -> int:
    """Points for an end: ms before the source's, ms after it, ms lacking from the gap, a shot change crossed."""
    ends = toll(hole, scaled(HOLE, limits.ends)) + toll(borrowed, scaled(borrow(limits), limits.ends))
    return ends + GAP * min(max(0, missing_gap), limits.gap) + CUT * over_cut


def step(length: int, slot: int) -> int:
    """Rate factor in half thousandths: even at whole thousandths, odd between two, so that edges are exact."""
    whole, rest = divmod(1000 * length, slot)
    return min(2 * whole + (rest > 0), STEPS)


def fast(comfort: tuple[int, int], limits: Limits) -> Slopes:
    """Points for each ms of natural length by rate factor step, from the comfort band's upper edge on."""
    ceiling, crush = thousandths(limits.ceiling), thousandths(limits.crush)
    edges = (comfort[1], max(comfort[1], BRISK), ceiling, (ceiling + crush) // 2)
    slopes = (BRISK_SLOPE, HURRIED_SLOPE, CROWDED_SLOPE, CRUSHED_SLOPE)
    return tuple((2 * edge, slope) for edge, slope in zip(edges, slopes, strict=True))


def strain(at: int, comfort: tuple[int, int], limits: Limits) -> int:
    """Points for each ms of natural length at rate factor step `at`: 0 inside the comfort band (thousandths)."""
    low = comfort[0]
    drawn = 2_000_000 // max(1, at) - 1_000_000 // low if at < 2 * low else 0
    return toll(at, fast(comfort, limits)) + DRAWN_SLOPE * drawn


def rate(length: int, slot: int, comfort: tuple[int, int], limits: Limits) -> int:
    """Points for speaking `length` ms in a slot of `slot` ms."""
    worse = strain(step(length, slot), comfort, limits)
    return LEAVE + min(length, HEAVIEST) * worse if worse else 0


def wording(index: int) -> int:
    """Points for speaking a line's wording `index`, the first being the best liked."""
    return REWORD + REWORD_MORE * (index - 1) if index else 0


def rate_class(length: int, slot: int) -> int:
    """The class of a rate factor, 0 (drawn) to len(CLASSES) (crowded)."""
    return sum(step(length, slot) > edge for edge in CLASSES)


def jump(before: int, after: int) -> int:
    """Points between the rate classes of two lines of one voice in close succession."""
    return JUMP * max(0, abs(before - after) - 1)
