"""The film at a glance: source speech, slots and dubbed speech over time, a strip for each minute. Draws a report's
spans; measures nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dubber.page import figures
from dubber.page.markup import Markup, element, joined

STRIP_MS = 60_000
"""A strip is a minute: a line of two seconds is then a dozen pixels wide on a phone."""

TICK_MS = 10_000

SOURCE, SLOTS, DUB = (2, 10), (12, 30), (32, 40)
"""Top and bottom of the three lanes, in px."""

OVER = 20
"""Top, in px, of a slot that is over another one."""

HEIGHT = 42
SHADES = 8
"""Colours that tell speakers apart; the ninth has that of the first."""

Spans = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Ribbon:
    """A slot and the source that it belongs to, both [start, end] in ms, and how it is coloured: "bad", "look", or
    by speaker; and whether it is drawn over another, which sounds when it begins."""

    source: Sequence[int]
    slot: Sequence[int]
    shade: str
    over: bool = False


def ribbons(line: Mapping[str, Any], shade: str) -> Iterator[Ribbon]:
    """The ribbons of a line of a report: one for each of its phrases, or one; none where it is not spoken."""
    if not line["spoken"]:
        return
    for part in line.get("phrases") or (line,):
        yield Ribbon(part["source"], part["slot"], shade)


def strips(report: Mapping[str, Any], shown: Sequence[Ribbon]) -> Markup:
    """The whole film as strips, each an SVG of a minute with data-from and data-to in ms."""
    duration = max(report["duration_ms"], 1)
    length = min(STRIP_MS, duration)
    count = -(-duration // length)
    lanes = {
        "speech": _cut(report.get("speech") or [line["source"] for line in report["lines"]], length, count),
        "dubbed": _cut(report.get("dubbed") or [list(one.slot) for one in shown], length, count),
        "hole": _cut(report["timing"].get("holes", ()), length, count),
    }
    slots: list[list[Ribbon]] = [[] for _ in range(count)]
    for one in _laid(shown):
        first, last = min(one.source[0], one.slot[0]), max(one.source[1], one.slot[1])
        for row in _rows(first, last, length, count):
            slots[row].append(one)
    drawn = [
        _strip(
            row * length, (row + 1) * length, {name: lane[row] for name, lane in lanes.items()}, slots[row]
        )
        for row in range(count)
    ]
    return joined([_axis(length), *drawn])


def _laid(shown: Sequence[Ribbon]) -> Iterator[Ribbon]:
    """The ribbons in order of their slots, those that begin while another goes on marked as drawn over it."""
    end = 0
    for one in sorted(shown, key=lambda ribbon: (ribbon.slot[0], ribbon.slot[1])):
        yield replace(one, over=one.slot[0] < end)
        end = max(end, one.slot[1])


def _axis(length: int) -> Markup:
    """The seconds of a minute, above the first strip."""
    names = [
        element(
            "text",
            f"{ms // 1000} s",
            x=f"{100 * ms / length:.3f}%",
            y=10,
            text_anchor="middle" if ms else "start",
        )
        for ms in range(0, length - length // 40, TICK_MS)
    ]
    return element(
        "div", element("span"), element("svg", *names, height=14, aria_hidden="true"), class_="row axis"
    )


def _strip(start: int, stop: int, lanes: Mapping[str, Spans], slots: Sequence[Ribbon]) -> Markup:
    shades: dict[tuple[bool, str], list[str]] = {}  # those over others last
    for one in slots:
        (a, b), (c, d) = _moved(one.source, start), _moved(one.slot, start)
        top = OVER if one.over else SLOTS[0]
        shades.setdefault((one.over, one.shade), []).append(f"M{a} {top}H{b}L{d} {SLOTS[1]}H{c}Z")
    ticks = [
        element("line", x1=at, x2=at, y1=f"{SOURCE[0]}", y2=f"{DUB[1]}", class_="tick")
        for ms in range(start - start % TICK_MS + TICK_MS, stop, TICK_MS)
        for at in [f"{100 * (ms - start) / (stop - start):.3f}%"]
    ]
    drawn = element(
        "svg",
        element("path", class_="speech", d=_bars(lanes["speech"], start, SOURCE)),
        *(
            element("path", class_=f"slot {shade}{' over' * over}", d="".join(parts))
            for (over, shade), parts in sorted(shades.items())
        ),
        element("path", class_="dubbed", d=_bars(lanes["dubbed"], start, DUB)),
        element("path", class_="hole", d=_bars(lanes["hole"], start, DUB)),
        viewBox=f"0 0 {stop - start} {HEIGHT}", preserveAspectRatio="none", width="100%", height=HEIGHT,
    )  # fmt: skip
    worth = sum(one.shade in ("bad", "look") for one in slots)
    told = f"From {figures.length(start)}: {figures.counted(len(slots), 'slot')}, {worth} worth a look"
    picture = element(
        "svg",
        *ticks,
        drawn,
        class_="strip",
        role="img",
        aria_label=told,
        height=HEIGHT,
        data_from=start,
        data_to=stop,
    )
    return element("div", element("span", figures.length(start), class_="from"), picture, class_="row")


def _bars(spans: Spans, start: int, lane: tuple[int, int]) -> str:
    top, bottom = lane
    return "".join(f"M{a - start} {top}H{b - start}V{bottom}H{a - start}Z" for a, b in spans)


def _moved(span: Sequence[int], start: int) -> tuple[int, int]:
    return span[0] - start, span[1] - start


def _rows(first: int, last: int, length: int, count: int) -> range:
    """The strips that [first, last) is seen in."""
    return range(max(first // length, 0), min(max(last - 1, first) // length + 1, count))


def _cut(spans: Spans, length: int, count: int) -> list[list[Sequence[int]]]:
    """Spans by strip; one that crosses a minute is in both, and each draws its part."""
    lanes: list[list[Sequence[int]]] = [[] for _ in range(count)]
    for span in spans:
        for row in _rows(span[0], span[1], length, count):
            lanes[row].append(span)
    return lanes
