"""What this machine has and lacks, and the command for each lack. Looks; installs nothing."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dubber import profiles, voices
from dubber.errors import DubberError, MissingError


@dataclass(frozen=True)
class Finding:
    """One thing looked for. `needed` says whether the draft lane cannot do without it; `remedy` is a command."""

    name: str
    ok: bool
    told: str
    remedy: str | None = None
    needed: bool = True

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def examine() -> tuple[Finding, ...]:
    """Everything looked for, in the order of the flow."""
    return (
        _python(),
        _ffmpeg(),
        _listener(),
        _recogniser(),
        _translator(),
        _voice(),
        *(_studio_voice(voice) for voice in voices.AUTOMATIC),
        _studio(),
        _fonts(),
        _disk(),
    )


def check(findings: Sequence[Finding]) -> None:
    """Raises MissingError where the draft lane lacks something it cannot do without."""
    lacking = [finding.name for finding in findings if finding.needed and not finding.ok]
    if lacking:
        raise MissingError(
            f"Missing on this machine: {', '.join(lacking)}.", hint="The command for each stands above."
        )


def _python() -> Finding:
    return Finding("Python", True, f"{platform.python_version()} on {platform.system()} {platform.machine()}")


def _ffmpeg() -> Finding:
    from dubber import media

    try:
        found = media.ffmpeg_info()
    except DubberError as error:
        return Finding("ffmpeg", False, str(error), "make install")
    return Finding("ffmpeg", True, f"{found.version} ({found.origin}, {found.path})")


def _listener() -> Finding:
    return _package("voice activity (Silero)", "faster_whisper", "make install")


def _recogniser() -> Finding:
    return _package("recogniser (PocketSphinx, English)", "pocketsphinx", "make install")


def _translator() -> Finding:
    from dubber.stages.translate import Apertium

    name = "translator (Apertium)"
    try:
        pairs = Apertium().installed()
    except DubberError as error:
        told = f"{error} Without it, give translations as .srt (--translation)."
        return Finding(name, False, told, "sudo apt-get install apertium-eng-spa", needed=False)
    if not pairs:
        return Finding(
            name,
            False,
            "installed, but no language pair is",
            "sudo apt-get install apertium-eng-spa",
            needed=False,
        )
    return Finding(name, True, ", ".join(pairs))


def _voice() -> Finding:
    try:
        engine = voices.opened(profiles.DRAFT.choices["voice"])
    except DubberError as error:
        return Finding("voice (eSpeak NG)", False, str(error), error.hint)
    lacks = voices.ESPEAK.notes("ja")
    return Finding("voice (eSpeak NG)", True, " ".join([f"{len(engine.languages())} languages.", *lacks]))


def _studio_voice(voice: voices.VoiceEngine) -> Finding:
    name = f"voice ({voice.title})"
    try:
        told = voices.available(voice.name)
    except DubberError as error:
        return Finding(name, False, str(error), error.hint, needed=False)
    spoken = sorted(voice.languages()) if voice.languages else []
    lacks = [sentence for language in spoken for sentence in voice.notes(language)]
    return Finding(name, True, " ".join([f"{', '.join(spoken)}; {told}", *lacks]))


def _fonts() -> Finding:
    from dubber import media

    name = "fonts for --burn"
    try:
        lacks = media.lacking("Latin 日本語 한국어 العربية עברית ไทย हिन्दी")
    except DubberError as error:
        return Finding(name, False, str(error), error.hint, needed=False)
    if not lacks:
        return Finding(name, True, "for every script that was looked for")
    packages = " ".join(dict.fromkeys(one.package for one in lacks))
    told = f"none for {', '.join(one.script for one in lacks)}"
    return Finding(name, False, told, f"sudo apt-get install {packages}", needed=False)


def _studio() -> Finding:
    (studio,) = [one for one in profiles.describe() if one.profile is profiles.STUDIO]
    speaks = any(
        role == "voice" and not wrong for role, _, _, _, wrong in studio.rows
    )  # either voice will do
    lacking = [
        f"{role}: {wrong}"
        for role, _, _, _, wrong in studio.rows
        if wrong and not (role == "voice" and speaks)
    ]
    if not lacking:
        return Finding("studio profile", True, studio.profile.summary)
    return Finding(
        "studio profile",
        False,
        " ".join(lacking),
        "make install-studio && dubber models pull studio",
        needed=False,
    )


def _disk() -> Finding:
    from pathlib import Path

    from dubber import atomic

    return Finding("disk", True, f"{atomic.amount(atomic.free_space(Path.cwd()))} free here")


def _package(name: str, module: str, remedy: str) -> Finding:
    from importlib.util import find_spec

    if find_spec(module) is None:
        return Finding(name, False, f"the package {module} is not in {sys.prefix}", remedy)
    return Finding(name, True, module)
