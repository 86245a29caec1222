"""Language tags: from the codes that eSpeak NG lists to BCP 47, and from the tag asked for to one that is spoken.
Never from one language to another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

OWN_CODES = {
    "ca-ba": "ca-x-balear",
    "ca-nw": "ca-x-nw",
    "ca-va": "ca-valencia",
    "chr-us-qaaa-x-west": "chr",
    "en-us-nyc": "en-US-x-nyc",
    "piqd": "tlh",
    "py": "art-x-pyash",
    "ru-cl": "ru-x-classic",
}
"""Codes of eSpeak NG's own that BCP 47 reads otherwise (BA is Bosnia, VA the Vatican, Piqd a script) or not at all."""

FORMER = {"in": "id", "iw": "he", "mo": "ro", "zh-cmn": "cmn", "zh-yue": "yue"}
"""Tags that the IANA registry has replaced."""

LATIN_AMERICA = frozenset(
    (
        *("AR", "BO", "CL", "CO", "CR", "CU", "DO", "EC", "GT", "HN"),
        *("MX", "NI", "PA", "PE", "PR", "PY", "SV", "US", "UY", "VE"),
    )
)
"""Regions whose Spanish is es-419 (CLDR's parent locales)."""


def table(voices: Iterable[tuple[str, Iterable[tuple[int, str]]]]) -> dict[str, str]:
    """BCP 47 tag → voice, from voices with the codes they list, each with a priority: where several voices list
    a language, the lowest number means it most, and of equals the first."""
    best: dict[str, tuple[int, str]] = {}
    for voice, codes in voices:
        for priority, code in codes:
            tag = cased(OWN_CODES.get(code.lower(), FORMER.get(code.lower(), code)))
            if tag not in best or priority < best[tag][0]:
                best[tag] = (priority, voice)
    return {tag: voice for tag, (_, voice) in sorted(best.items())}


def lookup(tag: str, spoken: Mapping[str, str]) -> str | None:
    """The voice for a tag: its own, or that of the nearest wider tag (RFC 4647, 3.4), None where there is none."""
    wanted = cased(tag)
    wanted = FORMER.get(wanted, wanted)
    while wanted not in spoken and "-" in wanted:
        language, *rest = wanted.split("-")
        if language == "es" and not LATIN_AMERICA.isdisjoint(rest) and "es-419" in spoken:
            return spoken["es-419"]
        wanted = wanted.rpartition("-")[0]
        if wanted[-2:-1] == "-":  # a singleton ("x", "u") says nothing without what followed it
            wanted = wanted[:-2]
    return spoken.get(wanted)


def cased(tag: str) -> str:
    """A tag in the case that RFC 5646 recommends: en-GB-x-rp, zh-Hant-TW, es-419. "_" is taken for "-"."""
    parts = tag.strip().replace("_", "-").lower().split("-")
    for index, part in enumerate(parts[1:], 1):
        if len(parts[index - 1]) == 1:
            break
        if part.isalpha() and len(part) == 2:
            parts[index] = part.upper()
        elif part.isalpha() and len(part) == 4:
            parts[index] = part.title()
    return "-".join(parts)
