"""Distributions as small pictures: how fast the lines are, how far from their onset. Draws values; knows no report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor

from align.bars import ONSET_95_MS, ONSET_MEDIAN_MS, RATE_CEILING
from dubber.page import figures
from dubber.page.markup import Markup, element
from dubber.page.quality import COMFORT

TOP, BASE, HEIGHT = 16, 136, 158
"""px: above the bars stand the names of the limits, below their foot the scale."""


@dataclass(frozen=True)
class Scale:
    """The bins of a distribution, from low to high in steps; what lies outside is counted in the first and the last.
    `best` is the value that all would have in a perfect dub."""

    low: float
    high: float
    step: float
    best: float

    @property
    def bins(self) -> int:
        """How many there are."""
        return round((self.high - self.low) / self.step)

    def counts(self, values: Sequence[float]) -> list[int]:
        """Values per bin; one on an edge is counted on its side towards the best."""
        found = [0] * self.bins
        for value in values:
            # Rounded, so that 1.15 stands on its edge whatever its binary fraction.
            steps = round((value - self.low) / self.step, 6)
            index = ceil(steps) - 1 if value > self.best else floor(steps)
            found[min(max(index, 0), self.bins - 1)] += 1
        return found

    def at(self, value: float) -> str:
        """Where a value stands, as a share of the picture's width."""
        return f"{min(max((value - self.low) / (self.high - self.low), 0), 1) * 100:.3f}%"


FACTORS = Scale(0.6, 1.6, 0.05, best=1.0)
ONSETS = Scale(-400, 400, 10, best=0)


def factors(values: Sequence[float]) -> Markup:
    """Rate factors (natural ÷ slot), with the comfort band and the ceiling."""
    inside = sum(COMFORT[0] <= value <= COMFORT[1] for value in values)
    above = sum(value > RATE_CEILING for value in values)
    told = f"{inside:,} of {figures.counted(len(values), 'line')} within the comfort band, {above:,} over the ceiling"
    return _figure(
        FACTORS, values, "Rate factor", "natural length ÷ slot; over 1 is faster than the voice by itself", told,
        band=COMFORT, limits=((RATE_CEILING, "ceiling 1.25"),),
        ticks=(0.6, 0.85, 1.0, 1.15, 1.4, 1.6), show="{:g}".format,
    )  # fmt: skip


def onsets(values: Sequence[float]) -> Markup:
    """Onset errors in ms, with the bars of the median and of 95 %."""
    near = sum(abs(value) <= ONSET_MEDIAN_MS for value in values)
    far = sum(abs(value) > ONSET_95_MS for value in values)
    told = f"{near:,} of {figures.counted(len(values), 'line')} within 80 ms, {far:,} beyond 250 ms"
    return _figure(
        ONSETS, values, "Onset error", "ms; under 0 the dub starts before the source", told,
        band=(-ONSET_MEDIAN_MS, ONSET_MEDIAN_MS), limits=((-ONSET_95_MS, ""), (ONSET_95_MS, "250 ms")),
        ticks=(-400, -250, -80, 80, 250, 400), show=lambda x: figures.minus(x, 0),
    )  # fmt: skip


def _figure(
    scale: Scale,
    values: Sequence[float],
    title: str,
    unit: str,
    told: str,
    *,
    band: tuple[float, float],
    limits: Sequence[tuple[float, str]],
    ticks: Sequence[float],
    show: Callable[[float], str],
) -> Markup:
    counts = scale.counts(values)
    tallest = max(counts, default=0) or 1
    left, right = scale.at(band[0]), scale.at(band[1])
    drawn = [
        element("rect", class_="band", x=left, y=TOP, height=BASE - TOP, width=_difference(left, right)),
        *(
            _bar(
                scale, index, count, (BASE - TOP) * count / tallest, _shade(scale, index, band, limits), show
            )
            for index, count in enumerate(counts)
            if count
        ),
        element("line", class_="foot", x1="0", x2="100%", y1=BASE, y2=BASE),
        *(
            element("line", class_="limit", x1=scale.at(at), x2=scale.at(at), y1=TOP, y2=BASE)
            for at, _ in limits
        ),
        *(
            element("text", name, class_="limit", x=scale.at(at), y=TOP - 4, text_anchor="middle")
            for at, name in limits
            if name
        ),
        *(
            element("text", show(at), x=scale.at(at), y=HEIGHT - 4, text_anchor=_anchor(at, ticks))
            for at in ticks
        ),
    ]
    return element(
        "figure",
        element("figcaption", element("b", title), " ", element("span", unit)),
        element("svg", *drawn, role="img", aria_label=f"{title}: {told}", width="100%", height=HEIGHT),
        element("p", told if values else "No line was measured."),
        class_="histogram",
    )


def _bar(
    scale: Scale, index: int, count: int, height: float, shade: str, show: Callable[[float], str]
) -> Markup:
    low = scale.low + index * scale.step
    where = f"{show(low)} to {show(low + scale.step)}"
    if index == 0:
        where = f"under {show(low + scale.step)}"
    elif index == scale.bins - 1:
        where = f"{show(low)} and over"
    return element(
        "rect", element("title", f"{where}: {figures.counted(count, 'line')}"), class_=f"bar {shade}",
        x=scale.at(low), y=f"{BASE - max(height, 2):.1f}", width=f"{100 / scale.bins * 0.86:.3f}%",
        height=f"{max(height, 2):.1f}", rx=1,
    )  # fmt: skip


def _shade(scale: Scale, index: int, band: tuple[float, float], limits: Sequence[tuple[float, str]]) -> str:
    """Of a bin: ok inside the band, bad beyond a limit, look between."""
    middle = scale.low + (index + 0.5) * scale.step
    if band[0] <= middle <= band[1]:
        return "ok"
    return "bad" if any(middle > at > 0 or middle < at < 0 for at, _ in limits) else "look"


def _difference(left: str, right: str) -> str:
    return f"{float(right[:-1]) - float(left[:-1]):.3f}%"


def _anchor(at: float, ticks: Sequence[float]) -> str:
    return "start" if at == ticks[0] else "end" if at == ticks[-1] else "middle"
