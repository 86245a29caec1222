"""What stands above the lines: what was dubbed and how, its quality, its problems, the film at a glance, the tools to
find a line with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from align import bars
from dubber import languages
from dubber.page import figures, histograms
from dubber.page import quality as measured
from dubber.page.markup import Markup, element, joined
from dubber.page.problems import Problem
from dubber.settings import Settings

PLACES_SHOWN = 4
"""Places of a problem that are listed; the rest is a click away."""

ROLES = ("recogniser", "separator", "diarizer", "translator", "voice")

SHOWN = (
    *("sync", "comfort", "takes", "shots", "background", "room", "emotion", "seed", "device", "speakers"),
    *("model", "whisper_model", "context", "register", "hotwords", "glossary", "cast"),
    *("transcript", "translation", "burn", "keep_original", "track", "beam", "compute"),
)
"""Settings that matter to who reads the page, in order."""

PLAIN: Mapping[str, object] = {name: getattr(Settings(languages.UNKNOWN), name) for name in SHOWN}
"""What they are where nobody asked for anything else: then they are not shown."""

GIVEN = frozenset({"transcript", "translation", "glossary", "cast"})
"""Settings whose value is a digest or a file: it says enough that there is one."""


def title(report: Mapping[str, Any]) -> str:
    """What the page is called."""
    return f"{_film(report)} in {report['language']}"


def source_language(report: Mapping[str, Any]) -> str:
    """The tag of what the film speaks, as it was found or said; "und" where neither."""
    return report.get("source_language") or report["settings"].get("source") or languages.UNKNOWN


def header(report: Mapping[str, Any]) -> Markup:
    """Film, languages, engines and the settings that are not what they are by themselves."""
    settings = report["settings"]
    source = source_language(report)
    told = "original" if source == languages.UNKNOWN else languages.english_name(source)
    facts = [
        ("Length", figures.length(report["duration_ms"])),
        ("Lines", f"{len(report['lines']):,}"),
        ("Made", report.get("made")),
        ("Profile", settings.get("profile")),
        *((role.capitalize(), settings.get(role)) for role in ROLES),
        ("Sync", report.get("sync")),
        ("Rounds", report.get("rounds")),
        *_asked(settings),
    ]
    return element(
        "header",
        element("p", "dubber report", class_="kicker"),
        element("h1", _film(report), dir="auto"),
        element(
            "p",
            told,
            element("span", " → ", aria_label=" into "),
            element("bdi", report["language"]),
            class_="tongues",
        ),
        element(
            "dl",
            *(
                element("div", element("dt", name), element("dd", str(value), dir="auto"))
                for name, value in facts
                if value not in (None, "")
            ),
            class_="facts",
        ),
        class_="top",
    )


def quality(report: Mapping[str, Any]) -> Markup:
    """The table of metrics and bars, and the two distributions."""
    rows = measured.rows(report)
    missed = [row for row in rows if row.verdict == "missed"]
    judged = sum(row.verdict in ("met", "missed") for row in rows)
    unknown = [row.bar.what for row in rows if row.verdict == "not measurable"]
    verdict = f"All {judged} bars are met."
    if missed:
        verdict = f"{len(missed)} of {judged} bars missed: {'; '.join(row.bar.what for row in missed)}."
    table = element(
        "table",
        element("caption", "Measured in this run, beside the bars a dub must reach", class_="unseen"),
        element(
            "thead",
            element("tr", *(element("th", one, scope="col") for one in ("Metric", "Value", "Bar", ""))),
        ),
        element("tbody", *(_row(row) for row in rows if row.value is not None)),
        class_="quality",
    )
    factors = [line["factor"] for line in report["lines"] if line.get("factor") is not None]
    onsets = [line["onset_error_ms"] for line in report["lines"] if line.get("onset_error_ms") is not None]
    return section(
        "quality",
        "Quality",
        element("p", verdict, class_=f"verdict {'bad' if missed else 'ok'}"),
        element(
            "div",
            table,
            element("div", histograms.factors(factors), histograms.onsets(onsets), class_="distributions"),
            class_="columns",
        ),
        element(
            "p",
            f"Not known here: {'; '.join(unknown)}. " if unknown else None,
            element("code", "dubber check"),
            " measures the finished film itself.",
            class_="quiet after",
        ),
    )


def problems(found: Sequence[Problem]) -> Markup:
    """What to look at, worst first, each with what to do."""
    if not found:
        return section(
            "problems", "Worth a look", element("p", "Nothing: no line was flagged.", class_="quiet")
        )
    return section("problems", "Worth a look", element("div", *map(_problem, found), class_="problems"))


def overview(report: Mapping[str, Any], strips: Markup, shades: Mapping[str, str]) -> Markup:
    """The film as strips, and what their colours mean."""
    speakers = [_key(f"slot {shade}", name or "no name") for name, shade in list(shades.items())[:12]]
    more = len(shades) - len(speakers)
    legend = element(
        "ul",
        _key("speech", "source speech" if report.get("speech") else "source lines"),
        _key("dubbed", "dubbed speech" if report.get("dubbed") else "slots of the dub"),
        _key("slot look", "worth a look"),
        _key("slot bad", "to mend"),
        _key("hole", "hole") if report["timing"].get("holes") else None,
        *speakers,
        element("li", f"and {figures.counted(more, 'more speaker')}") if more > 0 else None,
        class_="legend",
    )
    return section(
        "film",
        "Film",
        element("p", "Source above, dub below; the ribbon between them is the line’s slot: it leans where a line "
                     "starts or ends elsewhere than its source. Click a line to go to it.", class_="quiet"),
        legend,
        element("div", strips, class_="strips", id="strips", tabindex=0, role="group", aria_label="Minute by minute"),
    )  # fmt: skip


def sound(playable: int, lines: int, silent: str) -> str:
    """What is said of lines that cannot be listened to; "" where all can."""
    if playable >= lines:
        return ""
    told = (
        "There is no sound in this page."
        if not playable
        else f"{playable:,} of {lines:,} lines can be listened to."
    )
    return f"{told} {silent}".strip()


def toolbar(
    report: Mapping[str, Any], found: Sequence[Problem], speakers: Sequence[str], silent: str
) -> Markup:
    """The head of the lines' section, which is left open: the rows follow, and its end tag."""
    kinds = [
        (one.kind.key, one.kind.title) for one in found if any(place.line is not None for place in one.places)
    ]
    orders = [
        ("time", "by time"), ("worst", "worst first"), ("factor", "fastest first"), ("onset", "farthest off first"),
    ]  # fmt: skip
    find = element("input", type="search", id="find", placeholder="text, speaker or number", dir="auto")
    controls = element(
        "div",
        element("label", "Find", find),
        _select("by-kind", "Show", [("", "all lines"), *([("any", "all worth a look")] if kinds else []), *kinds]),
        _select("by-speaker", "Speaker", [("", "everyone"), *((name, name or "no name") for name in speakers)])
        if len(speakers) > 1
        else None,
        _select("order", "Order", orders),
        element("output", figures.counted(len(report["lines"]), "line"), id="count", for_="find by-kind by-speaker"),
        class_="toolbar", role="search", aria_label="Lines",
    )  # fmt: skip
    keys = (
        ("j", "next"), ("k", "previous"), ("space", "take"), ("s", "source"), ("b", "both"), ("enter", "details"),
        ("/", "find"), ("esc", "stop"),
    )  # fmt: skip
    helped = element(
        "p",
        element("label", element("input", type="checkbox", id="keys", checked=True), " Keys"),
        *(element("span", element("kbd", key), f" {does}") for key, does in keys),
        class_="keys",
    )
    told = element("p", silent, class_="quiet") if silent else Markup()
    return joined(
        [
            Markup('<section id="every" aria-labelledby="every-title">'),
            element("h2", "Lines", id="every-title"), told, controls, helped,
        ]
    )  # fmt: skip


def _problem(problem: Problem) -> Markup:
    shown = [
        element(
            "li",
            element("a", figures.clock(place.start), href=f"#l{place.line}", class_="time")
            if place.line is not None
            else element(
                "button", figures.clock(place.start), type="button", class_="time", data_at=place.start
            ),
            " ",
            element("bdi", place.text),
        )
        for place in problem.places[:PLACES_SHOWN]
    ]
    count = len(problem.places)
    of_lines = any(place.line is not None for place in problem.places)
    return element(
        "article",
        element("h3", element("span", f"{count:,}", class_=f"mark {problem.kind.severity}"), " ", problem.kind.title),
        element("p", problem.advice),
        element("ol", *shown),
        element(
            "button", "Show these lines" if count <= PLACES_SHOWN else f"Show all {count:,}",
            type="button", class_="show", data_kind=problem.kind.key,
        )
        if of_lines
        else (element("p", f"and {count - PLACES_SHOWN:,} more", class_="quiet") if count > PLACES_SHOWN else None),
        class_=f"problem {problem.kind.severity}",
    )  # fmt: skip


def _row(row: bars.Row) -> Markup:
    told, shade = {"met": ("met", "ok"), "missed": ("missed", "bad")}.get(row.verdict, ("", ""))
    name = row.bar.what[0].upper() + row.bar.what[1:]
    meaning = measured.MEANINGS.get(row.bar.name)
    return element(
        "tr",
        element("th", name, element("small", meaning) if meaning else None, scope="row"),
        element("td", row.shown.replace("-", figures.MINUS), class_="value"),
        element("td", measured.asked(row.bar), class_="bar"),
        element("td", element("span", told, class_=f"mark {shade}") if told else None),
    )


def _asked(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Settings that a person chose, in words."""
    told = []
    for name, plain in PLAIN.items():
        value = settings.get(name, plain)
        if value != plain:
            shown = (
                "given" if name in GIVEN else ("no", "yes")[value] if isinstance(value, bool) else str(value)
            )
            told.append((name.replace("_", " ").capitalize(), ", ".join(shown.splitlines())))
    return told


def _film(report: Mapping[str, Any]) -> str:
    return PurePath(report["film"]).name


def _key(shade: str, name: str) -> Markup:
    swatch = element(
        "svg", element("rect", class_=shade, width=14, height=10), width=14, height=10, aria_hidden="true"
    )
    return element("li", swatch, element("bdi", name))


def _select(identity: str, label: str, options: Sequence[tuple[str, str]]) -> Markup:
    choices = (element("option", shown, value=value) for value, shown in options)
    return element("label", label, element("select", *choices, id=identity))


def section(identity: str, name: str, *children: Markup | None) -> Markup:
    """A section with its heading, which names it to a screen reader."""
    heading = element("h2", name, id=f"{identity}-title")
    return element("section", heading, *children, id=identity, aria_labelledby=f"{identity}-title")
