"""Files that are no SRT: other subtitle formats refused by name, WebVTT's extras put out of the way."""

from __future__ import annotations

import re

from dubber.errors import SubtitleError

FORMATS = (
    (re.compile(r"\[Script Info\]|\[V4\+? Styles\]|Dialogue:\s*\d+,", re.IGNORECASE), "ASS/SSA subtitles"),
    (re.compile(r"\{\d+\}\{\d*\}"), "MicroDVD subtitles, which count frames"),
    (re.compile(r"\[\d+\]\[\d*\]"), "MPL2 subtitles"),
    (re.compile(r"\d+:\d\d:\d\d\.\d{3},\d+:\d\d:\d\d\.\d{3}$"), "SBV subtitles"),
    (re.compile(r"\[\d+:\d\d[.:]\d+\]"), "LRC lyrics"),
    (re.compile(r"<\?xml|<tt\b|<tt:|<timedtext", re.IGNORECASE), "XML (TTML subtitles, perhaps)"),
    (re.compile(r"<!doctype html|<html|<sami", re.IGNORECASE), "an HTML page or SAMI subtitles"),
    (re.compile(r'\{"|\{$|\[\{'), "JSON"),
    (re.compile(r"Scenarist_SCC"), "SCC captions"),
)


def refuse_foreign(lines: list[str], name: str) -> None:
    """Raises SubtitleError if the first line that is not blank is one of another format."""
    at, first = next(((at, line) for at, line in enumerate(lines) if line), (0, ""))
    for sign, what in FORMATS:
        if sign.match(first):
            raise SubtitleError(
                f"{name}, line {at + 1}: this is not SRT but {what}.",
                hint="Save it as SubRip (.srt) in a subtitle editor, or convert it with ffmpeg.",
            )


def blank_webvtt(lines: list[str]) -> bool:
    """Whether the lines are WebVTT; if so, blanks in place all that is not a cue's times or text.

    That is the header, the NOTE, STYLE and REGION blocks, and the identifiers of cues. In WebVTT every block
    ends at a blank line, and its first or second line holds the times if it is a cue.
    """
    if not lines or not re.match(r"WEBVTT(?:\s|$)", lines[0]):
        return False
    start = 0
    for at in range(len(lines) + 1):
        if at < len(lines) and lines[at]:
            continue
        times = next((index for index in range(start, min(start + 2, at)) if "-->" in lines[index]), at)
        lines[start:times] = [""] * (times - start)
        start = at + 1
    return True
