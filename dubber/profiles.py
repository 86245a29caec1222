"""A profile is a named set of engines for every stage. Says which there are, and what one lacks on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from dubber.errors import MissingError, UsageError

if TYPE_CHECKING:
    from tts.door import Engine


@dataclass(frozen=True)
class Profile:
    """One lane: what recognises, separates, translates and speaks. `packages` must be importable for it."""

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
    voice="eSpeak NG",
)

STUDIO = Profile(
    name="studio",
    summary="the real models",
    recogniser="faster-whisper",
    separator="Demucs",
    translator="a language model",
    voice="IndexTTS2",
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
            f"The {profile.name} profile's models ({profile.recogniser}, {profile.separator}, {profile.voice}) "
            f"cannot be loaded by dubber {_version()} yet{packages}.",
            hint="Until a version brings them, use the embedded engines: --profile draft.",
        )


def engine(profile: Profile) -> Engine:
    """The voice of a profile. Raises MissingError where it is not on this machine."""
    require(profile)
    from tts.errors import EngineMissing
    from tts.espeak import Espeak

    try:
        return Espeak()
    except EngineMissing as error:
        raise MissingError(str(error), hint="Bring it with `make install`.") from error


def _version() -> str:
    from dubber import __version__

    return __version__
