"""Which languages Apertium connects, here and in Debian, and the way from one to another.

Reads names only; runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dubber import languages
from dubber.errors import UsageError

MAX_HOPS = 3
"""Two pivots at most: each one costs about as much meaning as the translation itself."""

_MODE = re.compile(r"(?P<source>[a-z]{2,3})(?:_(?P<from>\w+))?-(?P<target>[a-z]{2,3})(?:_(?P<to>\w+))?")
"""A translation mode: "eng-spa", "spa-eng_US". Debugging modes carry more hyphens ("eng-spa-tagger")."""

_OWN = {"hr": "sh", "bs": "sh", "sr": "sh", "hbs": "sh", "sh": "sh", "no": "nb", "zlm": "ms"}
"""Where Apertium draws the line between languages elsewhere than BCP 47: one data set for all of
Serbo-Croatian, Bokmål for Norwegian, standard Malay for its macrolanguage."""

_VARIANTS = {"hr": "HR", "bs": "BS", "sr": "SR"}
"""The variant suffix by which Apertium tells members of one data set apart ("eng-hbs_HR")."""

PACKAGES: Mapping[str, str] = {
    # Debian 12. A space parts the directions where only one of two is released.
    "apertium-afr-nld": "af-nl nl-af",
    "apertium-arg-cat": "an-ca ca-an",
    "apertium-bel-rus": "be-ru ru-be",
    "apertium-br-fr": "br-fr",
    "apertium-cat-ita": "ca-it it-ca",
    "apertium-cat-srd": "ca-sc",
    "apertium-dan-nor": "da-nb nb-da da-nn nn-da",
    "apertium-en-gl": "en-gl gl-en",
    "apertium-eng-cat": "en-ca ca-en",
    "apertium-eng-spa": "en-es es-en",
    "apertium-eo-ca": "ca-eo",
    "apertium-eo-en": "eo-en en-eo",
    "apertium-eo-es": "es-eo",
    "apertium-eo-fr": "fr-eo",
    "apertium-es-gl": "es-gl gl-es",
    "apertium-es-pt": "es-pt pt-es",
    "apertium-es-ro": "ro-es",
    "apertium-eu-en": "eu-en",
    "apertium-eu-es": "eu-es",
    "apertium-fr-es": "fr-es es-fr",
    "apertium-fra-cat": "fr-ca ca-fr",
    "apertium-fra-frp": "fr-frp",
    "apertium-hbs-eng": "sh-en en-sh",
    "apertium-hbs-mkd": "sh-mk mk-sh",
    "apertium-hbs-slv": "sh-sl sl-sh",
    "apertium-ind-zlm": "id-ms ms-id",
    "apertium-isl-eng": "is-en",
    "apertium-isl-swe": "is-sv sv-is",
    "apertium-mkd-bul": "mk-bg bg-mk",
    "apertium-mkd-eng": "mk-en",
    "apertium-nno-nob": "nn-nb nb-nn",
    "apertium-oc-ca": "oc-ca ca-oc",
    "apertium-oc-es": "oc-es es-oc",
    "apertium-oci-fra": "oc-fr fr-oc",
    "apertium-pol-szl": "pl-szl szl-pl",
    "apertium-por-cat": "pt-ca ca-pt",
    "apertium-pt-gl": "pt-gl gl-pt",
    "apertium-rus-ukr": "ru-uk uk-ru",
    "apertium-spa-arg": "es-an an-es",
    "apertium-spa-ast": "es-ast",
    "apertium-spa-cat": "es-ca ca-es",
    "apertium-spa-ita": "es-it it-es",
    "apertium-srd-ita": "it-sc",
    "apertium-swe-dan": "sv-da da-sv",
    "apertium-swe-nor": "sv-nb nb-sv sv-nn nn-sv",
    "apertium-urd-hin": "ur-hi hi-ur",
}


@dataclass(frozen=True)
class Hop:
    """One step of a route, between two of Apertium's languages.

    `via` is what makes it: a mode ("eng-spa") of this machine, or a Debian package still to be installed.
    """

    source: str
    target: str
    via: str


def language(tag: str) -> str:
    """The language of a tag as Apertium divides them: "pt-BR" → "pt", "hr" → "sh". Raises UsageError."""
    spoken = languages.primary(tag)
    return _OWN.get(spoken, spoken)


def modes_between(modes: Iterable[str], source: str, target: str) -> tuple[str, ...]:
    """The installed modes that translate straight from source to target (tags), the best first.

    A variant that the tag asks for comes first ("en-US" → "spa-eng_US"), else the mode without one.
    """
    wanted = (_variant(source), _variant(target))
    start, end = language(source), language(target)
    ranked: list[tuple[int, int, str]] = []
    for mode in modes:
        named = _MODE.fullmatch(mode)
        if named is not None and _pair(mode) == (start, end):
            ranked.append((_rank(named["from"], wanted[0]), _rank(named["to"], wanted[1]), mode))
    return tuple(mode for _, _, mode in sorted(ranked))


def route(modes: Iterable[str], source: str, target: str) -> tuple[Hop, ...] | None:
    """The shortest way over installed modes, at most MAX_HOPS long, or None. Source and target are tags."""
    here = sorted(set(modes))
    edges = {pair: mode for mode in reversed(here) if (pair := _pair(mode)) is not None}
    found = _shortest(edges, language(source), language(target), cost=lambda _: 0)
    if found is None:
        return None
    ends = [source, *(hop.target for hop in found[:-1]), target]
    return tuple(
        Hop(hop.source, hop.target, modes_between(here, _tag(ends[n]), _tag(ends[n + 1]))[0])
        for n, hop in enumerate(found)
    )


def packages_for(modes: Iterable[str], source: str, target: str) -> tuple[str, ...] | None:
    """The fewest Debian packages still missing on the shortest way; None where there is no way."""
    edges: dict[tuple[str, str], str] = {}
    installed = {pair: mode for mode in modes if (pair := _pair(mode)) is not None}
    for package, directions in PACKAGES.items():
        pairs = [_directions(direction) for direction in directions.split()]
        # A package with one direction here is here: what it lacks, installing it again would not bring.
        if not any(pair in installed or pair[::-1] in installed for pair in pairs):
            edges.update(dict.fromkeys(pairs, package))
    edges.update(installed)
    found = _shortest(edges, language(source), language(target), cost=lambda via: int(via in PACKAGES))
    if found is None:
        return None
    return tuple(dict.fromkeys(hop.via for hop in found if hop.via in PACKAGES))


def leads_into(modes: Iterable[str], target: str) -> bool:
    """Whether any of the installed modes translates into the target (a tag)."""
    return any(pair[1] == language(target) for mode in modes if (pair := _pair(mode)) is not None)


def packages_into(target: str) -> tuple[str, ...]:
    """The Debian packages with a translation straight into the target (a tag)."""
    end = language(target)
    return tuple(
        package
        for package, directions in PACKAGES.items()
        if any(_directions(direction)[1] == end for direction in directions.split())
    )


def known(modes: Iterable[str]) -> frozenset[str]:
    """Every language Apertium has here or in Debian, as Apertium divides them."""
    here = [pair for mode in modes if (pair := _pair(mode)) is not None]
    there = [_directions(d) for directions in PACKAGES.values() for d in directions.split()]
    return frozenset(end for pair in [*here, *there] for end in pair)


def _shortest(
    edges: Mapping[tuple[str, str], str], source: str, target: str, *, cost: Callable[[str], int]
) -> tuple[Hop, ...] | None:
    """The way of fewest hops, then least cost, then first in the alphabet, so that it is always the same."""
    ways: list[tuple[int, list[str], tuple[Hop, ...]]] = [(0, [source], ())]
    for _ in range(MAX_HOPS):
        longer: list[tuple[int, list[str], tuple[Hop, ...]]] = []
        for spent, places, hops in ways:
            for (start, end), via in edges.items():
                if start == places[-1] and end not in places:
                    longer.append((spent + cost(via), [*places, end], (*hops, Hop(start, end, via))))
        arrived = [way for way in longer if way[1][-1] == target]
        if arrived:
            return min(arrived, key=lambda way: way[:2])[2]
        ways = longer
    return None


def _pair(mode: str) -> tuple[str, str] | None:
    """The languages of a mode's name, or None where it is no translation mode."""
    named = _MODE.fullmatch(mode)
    if named is None:
        return None
    try:
        return language(_tag(named["source"])), language(_tag(named["target"]))
    except UsageError:  # a mode between things that are no languages, such as spellings
        return None


def _directions(direction: str) -> tuple[str, str]:
    source, target = direction.split("-")
    return source, target


def _tag(code: str) -> str:
    """A tag for one of Apertium's own codes: "hbs" has no tag of its own that says all of Serbo-Croatian."""
    return "sr" if code in ("hbs", "sh") else code


def _variant(tag: str) -> str | None:
    known_as = languages.canonical(tag)
    region = re.search(r"-([A-Z]{2})\b", known_as)
    return region[1] if region else _VARIANTS.get(languages.primary(tag))


def _rank(found: str | None, wanted: str | None) -> int:
    if found is not None and found == wanted:
        return 0
    return 1 if found is None else 2
