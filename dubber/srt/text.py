"""What a cue says: taking off markup, telling the label from the text, leaving what is spoken. No times here."""

from __future__ import annotations

import re

from align.lines import joined

_CONTROLS = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff"
_INVISIBLES = "\xad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"
_SEPARATORS = "\r\v\f\x85\u2028\u2029"

CONTROL = re.compile(f"[{_CONTROLS}]")
"""Control characters and lone surrogates: never part of a text. Line separators are not among them."""

INVISIBLE = re.compile(f"[{_INVISIBLES}]")
"""Marks that only steer the layout. The joiners U+200C and U+200D stay: Persian and emoji need them."""

LINE_SEPARATOR = re.compile(f"[\n{_SEPARATORS}]")

SPECIAL = re.compile(f"[{_CONTROLS}{_INVISIBLES}{_SEPARATORS}<{{&\\\\]")
"""What most texts have none of: one look saves them all the others."""

TAG = re.compile(
    r"</?(?:i|b|u|s|em|strong|span|font|c|v|lang|ruby|rt|p|div)(?:[ .][^<>\n]{0,300})?/?>"  # HTML and WebVTT
    r"|<\d[\d:.]{3,15}>"  # WebVTT: the moment a word lights up
    r"|\{(?:\\|[A-Za-z]:)[^{}\n]{0,500}\}",  # ASS {\an8}, MicroDVD {y:i}
    re.IGNORECASE,
)
BREAK = re.compile(r"(?i:<br ?/?>)|\\N")
ENTITY = re.compile(r"&(?:amp;)*(amp|lt|gt|quot|apos|nbsp|lrm|rlm|#39|#x27);")
ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "nbsp": "\xa0", "lrm": "", "rlm": ""}
MARKUP_PASSES = 4
"""So deep markup may hide in markup; a text with more was made to, and loses its `<`, `{`, `&` and `\\`."""

LONGEST_NAME = 60
"""Characters. Longer ones are cut, so that a label stays one."""

LABEL = re.compile(r"\[([^\[\]\n]{1,100})\][^\S\n]*(?=\S)")
PERCENT = re.compile(r"\[[-+−.,\d ]{0,20}[%％٪] ?\]")
"""A bracket of percents: never a label, and in the form of STRENGTH only the strength of an emotion."""

STRENGTH = re.compile(r"\[ ?(100|\d{1,2}) ?[%％٪]\]\s*")
"""What stands before a cue's text, behind its label, and says how much of the source's emotion the line has."""

NOT_IN_NAMES = re.compile(r"[\[\]<>{}\\]")
VOICE = re.compile(r"<v(?:\.[^ <>]{0,60})? ([^<>\n]{1,60})>", re.IGNORECASE)

# What is seen and not said.
SOUND = re.compile(r"\[[^\[\]]*\]|［[^［］]*］|【[^【】]*】")
ASIDE = re.compile(r"[-–—\s]*(?:\([^()]*\)|（[^（）]*）)[\s.]*")
MUSIC = re.compile(r"[♩-♯]+")
TURN = re.compile(r"\A\s*(?:[-‐-―−]{1,3}(?!\d)|>{2,3})\s*")
"""What marks a change of speaker at the start of a line. A hyphen at a digit is a minus and is spoken."""

TURN_OR_LABEL = re.compile(r"^[-‐-―−>[]", re.MULTILINE)


def clean(text: str) -> str:
    """The text without markup, control and layout characters, its lines stripped and the blank ones gone."""
    if SPECIAL.search(text):
        text = without_markup(CONTROL.sub("", INVISIBLE.sub("", text)))
        text = LINE_SEPARATOR.sub("\n", text)
    if "\n" not in text:
        return text.strip()
    return "\n".join(filter(None, map(str.strip, text.split("\n"))))


def without_markup(text: str) -> str:
    """The text without HTML, WebVTT and ASS tags, entities read. What it returns holds no more of them."""
    for _ in range(MARKUP_PASSES):
        plain = TAG.sub("", BREAK.sub("\n", ENTITY.sub(_entity, text)).replace("\\h", " "))
        if plain == text:
            return text
        text = plain
    return re.sub(r"[<{&\\]", "", text)


def _entity(match: re.Match[str]) -> str:
    return ENTITIES.get(match.group(1), "'")


def split_label(text: str) -> tuple[str | None, str]:
    """The name and the rest of a clean text that begins with a label, `[Anna] Hello.`; else None and all of it.

    A bracket is a label when text follows it on its line and its first letter is no small one. Alone on its
    line, or written small as subtitlers write sounds, `[door slams]`, it describes a sound and stays in the text.
    So does one of percent; the strength of an emotion that stands before the label is put behind it.
    """
    if not text.startswith("["):
        return None, text
    strength, said = _parted(text)
    label = LABEL.match(said)
    if not label or _small(label.group(1)) or PERCENT.match(said):
        return None, text
    name = name_of(label.group(1))
    return (name, strength + said[label.end() :]) if name else (None, text)


def strength(text: str) -> float | None:
    """How much of the source's emotion a cue's text asks for, 0..1: `[40%] Come here!` is 0.4; None if it does not."""
    found = STRENGTH.match(text)
    return int(found.group(1)) / 100 if found else None


def shown(text: str) -> str:
    """A cue's text as viewers of the film see it: without the strength of its emotion."""
    return _parted(text)[1]


def stray_percent(text: str) -> str | None:
    """The first bracket of percent in a cue's text that is no strength: over 100, malformed, or not at its start."""
    found = PERCENT.search(shown(text)) if "[" in text else None
    return found.group() if found else None


def _parted(text: str) -> tuple[str, str]:
    """The strength at the start of a text as it is written, "" where there is none, and the rest."""
    found = STRENGTH.match(text)
    return (found.group(), text[found.end() :]) if found else ("", text)


def name_of(speaker: str) -> str | None:
    """A speaker's name as a label can carry it: one line, no brackets, a capital first; None if none is left."""
    # Cleaning reads entities, so brackets are looked for before it and after.
    name = NOT_IN_NAMES.sub(" ", clean(NOT_IN_NAMES.sub(" ", speaker)))
    name = " ".join(name.split())
    if PERCENT.fullmatch(f"[{name}]"):
        name = name.rstrip("%％٪ ")
    first = _first(name)
    return name.replace(first, first.title(), 1)[:LONGEST_NAME].strip() if first else None


def _first(name: str) -> str:
    return next((char for char in name if char.isalnum()), "")


def _small(name: str) -> bool:
    """Whether the first letter could be a capital and is not; scripts without capitals, Georgian too, have none."""
    first = _first(name)
    return first != first.title()


def is_shared(text: str, speaker: str | None) -> bool:
    """Whether a clean text has several speakers: a dash, `>>` or label begins a line after a first that has one."""
    if "\n" not in text or not TURN_OR_LABEL.search(text):
        return False
    first, *later = (bool(TURN.match(line) or split_label(line)[0]) for line in shown(text).split("\n"))
    return (first or speaker is not None) and any(later)


def leading_sound(text: str) -> str | None:
    """The bracket at the start of a clean text that would be a label if it began with a capital."""
    label = LABEL.match(text) if text.startswith("[") else None
    return f"[{label.group(1)}]" if label and _small(label.group(1)) else None


def spoken(text: str) -> str:
    """What a voice says of a cue's text, on one line; empty if nothing.

    Left out are sounds in square brackets, a line that is one parenthesis, music notes, markup, and the dashes
    or `>>` that mark a change of speaker.
    """
    text = SOUND.sub(" ", SOUND.sub(" ", clean(text)))  # twice: a bracket may hold another
    turns: list[list[str]] = [[]]
    for line in [] if ASIDE.fullmatch(text) else text.split("\n"):
        if ASIDE.fullmatch(line):
            continue
        sung = MUSIC.sub(" ", line).strip()
        said = TURN.sub("", sung, count=1)
        if said != sung:
            turns.append([])
        turns[-1].append(said)
    line = " ".join(" ".join(joined("\n".join(turn)) for turn in turns).split())
    return line if _first(line) else ""
