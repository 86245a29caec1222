"""Names of languages: what a person types, BCP 47 tags, the codes in media files, the titles of tracks.

Which languages a stage can handle is that stage's business and never lives here.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from dubber.errors import UsageError

UNKNOWN = "und"
"""BCP 47 and ISO 639-2 for "undetermined": what media files say when nobody knows."""

_NOT_ONE_LANGUAGE = frozenset({"mis", "mul", "zxx"})
"""Codes that are valid tags and name no language that anybody could speak."""

_KEEP = frozenset({"nb", "bs", "hr", "sr"})
"""Members of a macrolanguage that differ from each other enough to stay themselves (nb is not just no)."""

_ALSO_CALLED = {
    "castellano": "es", "castilian": "es", "にほんご": "ja", "汉语": "zh", "漢語": "zh", "国语": "zh", "國語": "zh",
    "华语": "zh", "華語": "zh",
}  # fmt: skip
"""Names that speakers use and CLDR has not."""

_PRIVATE_USE = re.compile(r"q[a-t][a-z]$|x-")
"""Codes that ISO 639-2 and BCP 47 leave to private agreements."""

_MARKER = re.compile(
    "sdh|cc|hi|forced|(sub|subtitle)s?|default|full|new|old|final|edit(ed)?|fix(ed)?|orig(inal)?"
    "|signs|songs|lyrics|synced",
    re.IGNORECASE,
)
"""What the names of subtitle files say after the language. "hi" (hearing impaired) is also Hindi."""

_SUGGESTIONS = 3
_NAME = re.compile(r"[^\W\d_](?:[^\W_]|[ '’.,()-]){1,60}")
_WITH_REGION = re.compile(r"(?P<language>.+?) *\((?P<detail>.+)\)")


def canonical(tag: str) -> str:
    """What a person types ("es", "spa", "Spanish", "es_MX", "Portuguese (Brazil)") as a BCP 47 tag.

    Retired and three-letter codes become today's shortest ones ("iw" → "he", "cmn" → "zh"); region and
    script are kept. "und" stays "und". Raises UsageError, with the nearest names as its hint, for
    anything that names no language.
    """
    typed = unicodedata.normalize("NFKC", tag).strip()  # keyboards of East Asia write wide letters too
    found = _from_tag(typed) or _ALSO_CALLED.get(typed.casefold()) or _from_name(typed)
    if found is None:
        raise UsageError(f"{_shown(typed)} is not a language we know.", hint=_suggestion(typed))
    return found


def primary(tag: str) -> str:
    """The language alone, without region and script: "pt-BR" → "pt". Raises UsageError like `canonical`."""
    return canonical(tag).partition("-")[0]


def iso639_2(tag: str) -> str:
    """The three-letter code for a media file's language field, "und" where there is none.

    ISO 639-2/T ("deu", "zho"), which MP4 demands and players of Matroska read as well as the older
    bibliographic codes ("ger", "chi").
    """
    import langcodes

    try:
        return langcodes.Language.get(canonical(tag)).to_alpha3(variant="T")
    except (UsageError, LookupError):
        return UNKNOWN


def autonym(tag: str) -> str:
    """The language's own name, as a track title: "es" → "Español". Raises UsageError like `canonical`."""
    import langcodes

    known = canonical(tag)
    language = langcodes.Language.get(known)
    # Named by its region alone, what is written there by usage ("zh-TW": 中文（台灣）) would be called in English.
    own = f"{language.language}-{language.maximize().script or 'Zyyy'}"
    name = english_name(known) if known == UNKNOWN else language.display_name(own)
    # Titlecase, not uppercase: Georgian and others have capitals that no title uses.
    return name[:1].title() + name[1:]


def english_name(tag: str) -> str:
    """The language's name in English: "pt-BR" → "Portuguese (Brazil)". Raises UsageError like `canonical`."""
    import langcodes

    known = canonical(tag)
    return "Unknown language" if known == UNKNOWN else langcodes.Language.get(known).display_name("en")


def _from_tag(typed: str) -> str | None:
    import langcodes

    if not langcodes.tag_is_valid(typed):
        return None
    tag = langcodes.standardize_tag(typed)
    language = langcodes.Language.get(tag).language
    if typed.casefold() == UNKNOWN:
        return UNKNOWN
    if language is None or language in (*_NOT_ONE_LANGUAGE, UNKNOWN) or _PRIVATE_USE.match(language):
        return None
    return tag if language in _KEEP else langcodes.standardize_tag(tag, macro=True)


def _from_name(typed: str) -> str | None:
    import langcodes

    # The name index is a trie of bytes: what is no name at all must not reach it.
    if not _NAME.fullmatch(typed):
        return None
    described = _WITH_REGION.fullmatch(typed)
    try:
        language = langcodes.find(described["language"] if described else typed)
    except LookupError:
        return None
    return _from_tag(f"{language}-{_detail(described['detail'])}" if described else str(language))


def _detail(name: str) -> str:
    """The code of a region or script: "Brazil" → "BR"; a name of neither is taken for the code itself."""
    import langcodes

    for kind in ("territory", "script"):
        try:
            return str(langcodes.Language.find_name(kind, name))[len("und-") :]
        except LookupError:
            continue
    return name


def _suggestion(typed: str) -> str:
    import difflib

    import langcodes
    from langcodes.language_lists import CLDR_LANGUAGES

    codes = (code for code in sorted(CLDR_LANGUAGES) if code not in _NOT_ONE_LANGUAGE)
    names = {langcodes.Language.get(code).display_name("en").casefold(): code for code in codes}
    near = difflib.get_close_matches(typed.casefold(), names, n=_SUGGESTIONS)
    if not near:
        return "Give a code such as es, or a name such as Spanish."
    return "Did you mean " + " or ".join(f"{name.title()} ({names[name]})" for name in near) + "?"


def _shown(typed: str) -> str:
    readable = "".join(character if character.isprintable() else "?" for character in typed)
    return f'"{readable[:40]}"' if readable else "An empty word"


def from_file_name(path: Path) -> str | None:
    """The language that a subtitle file's name ends in ("talk.pt-BR.srt" → "pt-BR", "talk.en.sdh.srt" → "en").

    None where it names none. A bare code counts only if its language has one of two letters: with three
    nearly every short word is one ("new", "sub").
    """
    words = path.stem.split(".")[1:]
    while words:
        word = words.pop()
        if not _MARKER.fullmatch(word):
            return _from_file_tag(word)
        before = next((other for other in reversed(words) if not _MARKER.fullmatch(other)), "")
        if word.casefold() == "hi" and _from_file_tag(before) is None:
            return "hi"
    return None


def _from_file_tag(word: str) -> str | None:
    import langcodes

    tag = _from_tag(word)
    if tag is None or tag == UNKNOWN:
        return None
    parts = langcodes.Language.get(tag)
    plain = re.fullmatch(r"[A-Za-z]{2,3}", word) is not None
    if plain:
        return tag if len(parts.language or "") == 2 else None
    bare = langcodes.Language.make(parts.language, script=parts.script, territory=parts.territory)
    return tag if parts == bare and (parts.script or parts.territory) else None
