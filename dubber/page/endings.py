"""What stands below the lines: voices, what the run said and where its time went; and the player."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dubber.page import figures
from dubber.page.markup import Markup, element
from dubber.page.sections import section


def voices(report: Mapping[str, Any], shades: Mapping[str, str]) -> Markup:
    """Who speaks: how many lines, from which reference, how fast."""
    cast = report.get("cast", {}).get("speakers", {})
    rates = report.get("rates", {})
    counts: dict[str, int] = {}
    for line in report["lines"]:
        counts[line["speaker"]] = counts.get(line["speaker"], 0) + 1
    told = []
    for name, shade in shades.items():
        known, rate = cast.get(name, {}), rates.get(name, {})
        facts = [
            figures.counted(counts[name], "line"),
            f"voice {known['told']}" if known.get("told") else "",
            f"{known['milliseconds'] / 1000:.0f} s of reference" if known.get("milliseconds") else "",
            f"pace {rate['pace']:.2f} ± {rate.get('uncertainty') or 0:.2f} of the usual"
            if rate.get("pace")
            else "",
            "at ease from {:g} to {:g} of that".format(*rate["comfort"]) if rate.get("comfort") else "",
        ]
        told.append(
            element(
                "li",
                element("bdi", name or "no name", class_=f"who {shade}"),
                " ",
                ", ".join(filter(None, facts)),
            )
        )
    return section("voices", "Voices", element("ul", *told, class_="voices")) if told else Markup()


def notes(report: Mapping[str, Any]) -> Markup:
    """What the run said, and where its time went."""
    seconds = {name: spent for name, spent in report.get("seconds", {}).items() if spent >= 0.05}
    total = sum(report.get("seconds", {}).values())
    longest = max(seconds.values(), default=0.0)
    spent = [
        element(
            "div",
            element("dt", name),
            element(
                "dd",
                element("meter", min=0, max=f"{longest:.3f}", value=f"{value:.3f}", aria_hidden="true"),
                f"{value:.1f} s",
            ),
        )
        for name, value in seconds.items()
    ]
    said = [element("li", note, dir="auto") for note in report.get("notes", ())]
    return section(
        "notes",
        "Notes of the run",
        element("ul", *said, class_="notes") if said else element("p", "The run had nothing to say.", class_="quiet"),
        element("h3", f"{total:.1f} s for {report['duration_ms'] / 1000:.1f} s of film"),
        element("dl", *spent, class_="seconds"),
        element("p", "Dubbed film: ", element("bdi", str(report["output"])), element("br"),
                "Project: ", element("bdi", str(report["project"])), class_="quiet paths"),
    )  # fmt: skip


def deck() -> Markup:
    """What is playing: hidden until something does."""
    return element(
        "aside",
        element("button", "Stop", type="button", id="stop"),
        element("p", element("b", id="what"), " ", element("bdi", id="words"), id="playing", role="status"),
        element("progress", id="played", max=1, value=0, aria_label="Played"),
        element("audio", id="audio", preload="none"),
        class_="deck", id="deck", aria_label="Player", hidden=True,
    )  # fmt: skip
