"""The page as a whole, piece by piece: head with its security policy, sections, rows, script. It needs nothing from
anywhere: no network, no other file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from dubber.page import endings, lines, problems, sections, strips
from dubber.page.clips import Clips
from dubber.page.markup import Markup, element

STYLES = ("page.css", "lines.css")
NO_CLIPS = Clips()

SCRIPTS = ("rows.js", "details.js", "player.js", "keys.js")
"""In this order they are one script."""


def html(report: Mapping[str, Any], clips: Mapping[str, Clips], *, silent: str = "") -> str:
    """A report as one HTML page that stands alone.

    `report` is what report.json holds, `clips` the sound of its lines by id; a line without any has no buttons to
    play it. `silent` is a sentence that says why sound is missing.
    """
    return "".join(parts(report, clips, silent=silent))


def parts(report: Mapping[str, Any], clips: Mapping[str, Clips], *, silent: str = "") -> Iterator[str]:
    """The page of `html` in pieces, so that a film's clips need never be in memory together.

    `clips` is asked for a line twice: when its row comes, and when its sound does, after all rows and the script.
    """
    every = report["lines"]
    kinds = [problems.of_line(line) for line in every]
    speakers = list(dict.fromkeys(line["speaker"] for line in every))
    shades = {speaker: f"s{index % strips.SHADES}" for index, speaker in enumerate(speakers)}
    ribbons = [
        ribbon
        for line, has in zip(every, kinds, strict=True)
        for ribbon in strips.ribbons(line, problems.severity(has) or shades[line["speaker"]])
    ]
    tongues = (sections.source_language(report), report["settings"]["target"])
    found = problems.of_film(report, kinds)
    style, script = _read(STYLES), _read(SCRIPTS)

    yield f'<!DOCTYPE html>\n<html lang="en">{_head(sections.title(report), style, script)}<body>'
    yield sections.header(report)
    yield "<main>"
    yield sections.quality(report)
    yield sections.problems(found)
    yield sections.overview(report, strips.strips(report, ribbons), shades)
    yield sections.toolbar(report, found, speakers, sections.sound(len(clips), len(every), silent))
    yield '<div class="lines" id="lines">'
    for index, (line, has) in enumerate(zip(every, kinds, strict=True)):
        if index % lines.CHUNK == 0:
            yield f'{"</ol>" if index else ""}<ol class="chunk">'
        sounds = clips.get(line["id"], NO_CLIPS).names
        yield lines.row(index, line, has, sounds, shade=shades[line["speaker"]], tongues=tongues)
    yield f"{'</ol>' if every else ''}</div></section>"
    yield endings.voices(report, shades)
    yield endings.notes(report)
    yield "</main>"
    yield endings.deck()
    yield f"<script>{script}</script>"
    for index, line in enumerate(every):
        yield lines.details(index, line, clips.get(line["id"], NO_CLIPS))
    yield "</body></html>\n"


def _head(title: str, style: str, script: str) -> Markup:
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; media-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", style),
    )


def _read(names: tuple[str, ...]) -> Markup:
    """Our own style or script: files of this package, which hold no end tag."""
    here = resources.files(__package__)
    return Markup("\n".join(here.joinpath(name).read_text("utf-8").strip() for name in names))


def _hash(text: str) -> str:
    """As a Content-Security-Policy names an inline block: only what hashes to it runs."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"
