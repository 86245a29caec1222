"""A profile is a named set of engines for every stage. Says which there are, and what one lacks on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from dubber.errors import MissingError, UsageError


@dataclass(frozen=True)
class Profile:
    """One lane: what recognises, separates, translates and speaks. `packages` must be importable for it; `voice` is the
    name of an engine in `voices`."""

    name: str
    summary: str
    recogniser: str
    separator: str
    translator: str
    voice: str
    packages: tuple[str, ...] = ()


DRAFT = Profile(
    name="draft",
    summary="embedded engines, no download: to try the tool and to preview the timing",
    recogniser="PocketSphinx",
    separator="stationary bed estimate",
    translator="Apertium",
    voice="espeak",
)

STUDIO = Profile(
    name="studio",
    summary="the real models",
    recogniser="faster-whisper",
    separator="Demucs",
    translator="a language model",
    voice="indextts2",
    packages=("torch", "torchaudio", "transformers", "demucs", "sentencepiece", "safetensors"),
)

PROFILES = {profile.name: profile for profile in (STUDIO, DRAFT)}


def named(name: str) -> Profile:
    """The profile of that name. Raises UsageError where there is none."""
    try:
        return PROFILES[name]
    except KeyError:
        raise UsageError(
            f"There is no profile {name!r}.", hint=f"Choose one of {', '.join(PROFILES)}."
        ) from None


def missing_packages(profile: Profile) -> tuple[str, ...]:
    """The Python packages that a profile needs and this environment lacks."""
    return tuple(package for package in profile.packages if find_spec(package) is None)


def require(profile: Profile) -> None:
    """Raises MissingError with what a profile lacks here, before any work is done. Never picks another one."""
    if profile is not DRAFT:
        lacking = missing_packages(profile)
        names = ", ".join(lacking)
        packages = f", and its packages are not installed ({names}: `make install-studio`)" if lacking else ""
        raise MissingError(
            f"The {profile.name} profile's other models ({profile.recogniser}, {profile.separator}) "
            f"cannot be loaded by dubber {_version()} yet{packages}.",
            hint="Until a version brings them, use the embedded engines: --profile draft, with any --voice.",
        )


def _version() -> str:
    from dubber import __version__

    return __version__
