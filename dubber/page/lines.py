"""Every line of a dub: a row to read and listen to, and the data that its details are opened from."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from align.bars import RATE_CEILING
from dubber.page import figures
from dubber.page.clips import Clips
from dubber.page.markup import Markup, data, element, joined
from dubber.page.problems import Kind, severity, starts
from dubber.page.quality import COMFORT
from dubber.srt.direction import leans_right

DETAILS = (
    "history", "takes", "phrases", "wordings", "faults", "voice", "manner", "emotion", "estimate_ms", "confidence",
    "gain_db", "source", "slot", "source_lufs", "dub_lufs", "flags", "natural_ms",
)  # fmt: skip
"""What of a line is shown only when it is opened."""

GAUGE = (0.6, 1.6)
"""Rate factors at the ends of a line's gauge."""


CHUNK = 50
"""Rows that a browser skips or lays out together."""


def row(
    index: int,
    line: Mapping[str, Any],
    kinds: Sequence[Kind],
    sounds: Sequence[str],
    *,
    shade: str,
    tongues: tuple[str, str],
) -> Markup:
    """A line as an item of a list, with a button for each of `sounds` ("source", "take"). `tongues` are the tags of the
    source and the target language; `shade` colours its speaker."""
    span = line.get("slot", line["source"])
    number = f"{index + 1:,}"
    worst = severity(kinds)
    return element(
        "li",
        element(
            "div",
            element("a", number, href=f"#l{index}", class_="number", aria_label=f"Line {number}"),
            element("span", figures.clock(starts(line)), class_="time"),
            element("bdi", line["speaker"], class_=f"who {shade}") if line["speaker"] else None,
            class_="when",
        ),
        element(
            "div",
            _said(line["source_text"] or "(no source text)", "source", tongues[0]),
            _said(line["text"], "dub", tongues[1]),
            element("p", *map(_mark, kinds), class_="marks") if kinds else None,
            class_="texts",
        ),
        _figures(line),
        element("div", _buttons(number, sounds), class_="does"),
        id=f"l{index}", class_=f"line {worst or ''}".strip(), tabindex=-1, data_start=span[0], data_end=span[1],
        data_factor=line.get("factor"), data_onset=line.get("onset_error_ms"), data_speaker=line["speaker"],
        data_kinds=" ".join(kind.key for kind in kinds) or None,
    )  # fmt: skip


def _said(text: str, kind: str, tongue: str) -> Markup:
    """A line's text. A browser goes by the first letter, which may be that of a foreign name."""
    return element("p", text, class_=kind, dir="rtl" if leans_right(text) else "auto", lang=tongue)


def details(index: int, line: Mapping[str, Any], clips: Clips) -> Markup:
    """A block of data: what opens below line `index`, and its sound in base64."""
    told = {key: line[key] for key in DETAILS if line.get(key) not in (None, [], "", {})}
    sounds = {name: base64.b64encode(getattr(clips, name)).decode("ascii") for name in clips.names}
    return element("script", data(told | {"clips": sounds}), type="application/json", id=f"d{index}")


def _mark(kind: Kind) -> Markup:
    return element("span", kind.mark, class_=f"mark {kind.severity}")


def _figures(line: Mapping[str, Any]) -> Markup:
    factor, onset = line.get("factor"), line.get("onset_error_ms")
    if factor is None:
        return element("div", element("span", "not spoken", class_="lengths"), class_="figures")
    start, end = line["slot"]
    lengths = f"{line['natural_ms'] / 1000:.2f} → {figures.seconds(end - start)}"
    outside = "bad" if factor > RATE_CEILING else "" if COMFORT[0] <= factor <= COMFORT[1] else "look"
    return element(
        "div",
        element("span", f"{factor:.2f}×", class_=f"factor {outside}".strip()),
        _gauge(factor),
        element("span", lengths, class_="lengths", title="natural length → slot"),
        element(
            "span",
            figures.NONE if onset is None else figures.signed(onset, "ms"),
            class_="onset",
            title="onset error",
        ),
        class_="figures",
    )


def _gauge(factor: float) -> Markup:
    """The comfort band, and where the line stands."""
    low, high = GAUGE

    def at(value: float) -> float:
        return round(min(max((value - low) / (high - low), 0.0), 1.0) * 100, 1)

    return element(
        "svg",
        element("path", class_="scale", d="M0 4H100"),
        element("path", class_="comfort", d=f"M{at(COMFORT[0])} 4H{at(COMFORT[1])}"),
        element("path", class_="here", d=f"M{at(factor)} 0V8"),
        viewBox="0 0 100 8", preserveAspectRatio="none", class_="gauge", aria_hidden="true",
    )  # fmt: skip


def _buttons(number: str, sounds: Sequence[str]) -> Markup:
    both = _button("both", "Both", f"Play source, then take of line {number}")
    return joined(
        [
            *(_button(name, name.capitalize(), f"Play {name} of line {number}") for name in sounds),
            both if len(sounds) == 2 else "",
            element(
                "button", "Details",
                type="button", data_do="open", aria_expanded="false", aria_label=f"Details of line {number}",
            ),
        ]
    )  # fmt: skip


def _button(does: str, shown: str, told: str) -> Markup:
    return element("button", shown, type="button", data_do=does, aria_label=told)
