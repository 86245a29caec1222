"""The fonts that burnt-in subtitles are drawn with: whether this machine has them, and which fits Chinese, Japanese and
Korean. Asks the very library that will draw; draws nothing into a film.
"""

from __future__ import annotations

import re
import tempfile
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from dubber.atomic import writing
from dubber.errors import MissingError
from dubber.media.ffmpeg import call
from dubber.process import run

LOOKED_AT = 100
"""Characters of each script that are looked at: a font for a script has nearly all of them, or none."""

MOST_LOST = 0.1
"""Share of a script's characters that may be lacking before there is no font for it; what few are, is told of."""

CUE = 60
"""Characters of each cue that is drawn to see whether they can be."""

REHEARSAL_PACE = 5.0
"""Seconds allowed for each such cue; it takes about 0.005."""

NO_FONT = "fontselect: failed to find any fallback"
"""libass's words for a character that no font has."""

NO_FONT_AT_ALL = 0
"""The character that libass looks for first, to have a font to begin with."""

EAST_ASIAN = 0.2
"""Share of letters from which a text is Chinese, Japanese or Korean, and not one that quotes a word of it."""

QUOTED = 0.1
"""Kana or Hangul for each Chinese character up to which they are a Chinese text's; a Japanese one has more than one."""

FONTCONFIG_TIMEOUT = 30.0
"""Seconds for fontconfig to answer; it takes 0.02, and many where it has to read all fonts first."""

_EAST_ASIAN = "East Asian"
_SCRIPTS = dict.fromkeys(("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC"), _EAST_ASIAN)
_PACKAGES = {_EAST_ASIAN: "fonts-noto-cjk"}
_OTHER_PACKAGE = "fonts-noto-core"

_KANA, _HANGUL, _HAN = (
    re.compile("[\u3041-\u30ff]"),
    re.compile("[\uac00-\ud7a3]"),
    re.compile("[\u3400-\u9fff]"),
)
_PLAIN_NAME = re.compile(r"[\w .-]+")


@dataclass(frozen=True)
class Lack:
    """A script that no font on this machine is for, and the Debian package that has one."""

    script: str
    package: str


def require_fonts(text: str) -> None:
    """Raises MissingError, which names what to install, where subtitles with this text would be drawn as boxes."""
    lacks = lacking(text)
    if not lacks:
        return
    scripts = " or ".join(lack.script for lack in lacks)
    packages = " ".join(dict.fromkeys(lack.package for lack in lacks))
    raise MissingError(
        f"No font on this machine has {scripts} letters to draw subtitles with.",
        hint=f"Install one (on Debian: sudo apt-get install {packages}), or leave out --burn.",
    )


def lacking(text: str) -> tuple[Lack, ...]:
    """The scripts of a text that this machine has no font for. Raises MissingError where it has no font at all."""
    looked_at = _sample(text)
    if not looked_at:
        return ()
    with tempfile.TemporaryDirectory(prefix="dubber-") as scratch:
        lost = _lost(_drawn(list(_chunks(looked_at)), Path(scratch)))
    there, gone = _by_script({*"".join(looked_at)}), _by_script(lost)
    return tuple(
        Lack(script, _PACKAGES.get(script, _OTHER_PACKAGE))
        for script, characters in sorted(gone.items())
        if len(characters) > MOST_LOST * len(there[script])
    )


def undrawn(stderr: str) -> list[str]:
    """Notes on the characters that libass could not draw, which it tells on the side only. Raises MissingError where
    there is no font at all."""
    lost = " ".join(sorted(_lost(stderr)))
    return [f"No font on this machine has these characters of the burned subtitles: {lost}"] if lost else []


def family_for(text: str) -> str | None:
    """The family of the font in which a text with Chinese characters looks as its readers write them, as fontconfig
    knows it; None for other texts, and where no such font, or no fontconfig, is there.

    Without being told, libass draws them all in the Japanese forms.
    """
    tag = _han_language(text)
    if tag is None:
        return None
    try:
        found = run(
            ["fc-match", "-f", "%{family[0]}\t%{lang}", f"sans-serif:lang={tag}"], timeout=FONTCONFIG_TIMEOUT
        )
    except MissingError:
        return None  # macOS and Windows have ways of their own
    family, _, spoken = found.stdout.decode("utf-8", "replace").partition("\t")
    return family if tag in spoken.split("|") and _PLAIN_NAME.fullmatch(family) else None


def _han_language(text: str) -> str | None:
    """fontconfig's name of the language whose forms Chinese characters have in a text; None where it has none."""
    kana, hangul, han = (len(kind.findall(text)) for kind in (_KANA, _HANGUL, _HAN))
    if kana + hangul + han < EAST_ASIAN * sum(map(str.isalpha, text)) or not kana + hangul + han:
        return None
    if kana + hangul > QUOTED * han:
        return "ja" if kana > hangul else "ko"
    traditional = sum(_is_in(one, "big5") - _is_in(one, "gb2312") for one in {*_HAN.findall(text)})
    return "zh-tw" if traditional > 0 else "zh-cn"


def _is_in(character: str, encoding: str) -> bool:
    try:
        return bool(character.encode(encoding))
    except UnicodeEncodeError:
        return False


def _sample(text: str) -> list[str]:
    """Words of a text, whole for the sake of letters that join, with up to LOOKED_AT characters of each script."""
    seen: dict[str, set[str]] = defaultdict(set)
    words = []
    for word in dict.fromkeys(text.split()):
        fresh = _by_script(word)
        if any(len(seen[script]) < LOOKED_AT and letters - seen[script] for script, letters in fresh.items()):
            words.append(word)
            for script, letters in fresh.items():
                seen[script] |= letters
    return words


def _chunks(words: Iterable[str]) -> Iterator[str]:
    """Cues of about CUE characters."""
    cue: list[str] = []
    for word in words:
        cue.append(word)
        if sum(map(len, cue)) >= CUE:
            yield " ".join(cue)
            cue = []
    if cue:
        yield " ".join(cue)


def _by_script(characters: Iterable[str]) -> dict[str, set[str]]:
    """The letters among some characters by the script that they belong to, as a person calls it."""
    scripts: dict[str, set[str]] = defaultdict(set)
    for one in characters:
        if unicodedata.category(one)[0] in "LM":
            name = re.split("[ -]", unicodedata.name(one, "Unknown"))[0]
            scripts[_SCRIPTS.get(name, name.title())].add(one)
    return scripts


def _drawn(cues: list[str], scratch: Path) -> str:
    """What libass says when it draws these cues, each on a small picture of its own that nobody keeps."""
    import ffmpeg

    sample = scratch / "sample.srt"
    with writing(sample):
        times = [f"00:{second // 60:02}:{second % 60:02},000" for second in range(len(cues) + 1)]
        numbered = enumerate(zip(pairwise(times), cues, strict=True), 1)
        blocks = [f"{number}\n{start} --> {end}\n{cue}\n\n" for number, ((start, end), cue) in numbered]
        sample.write_text("".join(blocks), "utf-8")
    picture = ffmpeg.input(f"color=black:s=64x36:r=1:d={len(cues)}", f="lavfi")
    args = picture.filter("subtitles", sample.name).output("-", f="null").get_args()
    length = len(cues) * 1000
    done = call(
        args,
        target=scratch,
        duration=length,
        pace=REHEARSAL_PACE,
        progress=lambda _: None,
        level="warning",
        cwd=scratch,
    )
    return done.stderr


def _lost(stderr: str) -> set[str]:
    """The characters that libass found in no font. Raises MissingError where there is none at all."""
    told = (
        line.partition("with glyph ")[2].partition(" ")[0] for line in stderr.splitlines() if NO_FONT in line
    )
    codes = {int(code, 16) for code in told if code}
    if NO_FONT_AT_ALL in codes:
        raise MissingError(
            "There is no font on this machine to draw subtitles with.", hint="Install one, such as DejaVu."
        )
    return set(map(chr, codes))
