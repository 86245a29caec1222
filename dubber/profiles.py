"""A profile is a named set of choices. Says which there are and what one lacks here; fills in what was left open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from dubber import engines, voices
from dubber.errors import MissingError, UsageError
from dubber.settings import Settings


@dataclass(frozen=True)
class Profile:
    """One lane. `choices` are fields of Settings: at least an engine for every role and a voice."""

    name: str
    summary: str
    choices: Mapping[str, Any]


DRAFT = Profile(
    "draft",
    "embedded engines, no download: to try the tool and to preview the timing",
    {
        "recogniser": "pocketsphinx",
        "separator": "mask",
        "diarizer": "prosody",
        "translator": "apertium",
        "voice": "espeak",
    },
)

STUDIO = Profile(
    "studio",
    "the real models: the film itself",
    {
        "recogniser": "whisper",
        "separator": "htdemucs",
        "diarizer": "campplus",
        "translator": "chat",
        "voice": voices.AUTO,
    },
)

PROFILES = {profile.name: profile for profile in (STUDIO, DRAFT)}


@dataclass(frozen=True)
class Described:
    """A profile as a person is shown it: for each role the engine chosen, what it is, and where it comes from here or
    what to do about what is missing (`lacking` is None where nothing is)."""

    profile: Profile
    rows: tuple[tuple[str, str, str, str, str | None], ...]

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        names = ("role", "engine", "title", "from", "lacking")
        rows = [dict(zip(names, row, strict=True)) for row in self.rows]
        return {"name": self.profile.name, "summary": self.profile.summary, "choices": rows}


def describe() -> tuple[Described, ...]:
    """Every profile, with what of it is on this machine."""
    found = []
    for profile in PROFILES.values():
        settings = _taken(Settings(target="und", profile=profile.name), profile)
        rows: list[tuple[str, str, str, str, str | None]] = []
        for role in engines.ROLES:
            engine = engines.chosen(role, settings)
            place, lacking = _looked(partial(engines.available, role, settings))
            rows.append((role, engine.name, _title(engine, settings), place, lacking))
        name = profile.choices["voice"]
        for voice in voices.AUTOMATIC if name == voices.AUTO else (voices.named(name),):
            place, lacking = _looked(partial(voices.available, voice.name))
            rows.append(("voice", voice.name, voice.title, place, lacking))
        found.append(Described(profile, tuple(rows)))
    return tuple(found)


def _title(engine: engines.Engine, settings: Settings) -> str:
    model = engine.model(settings)
    return f"{engine.title} ({model})" if model and model != engine.name else engine.title


def _looked(look: Callable[[], str]) -> tuple[str, str | None]:
    try:
        return look(), None
    except MissingError as error:
        return "", error.hint or str(error)


def named(name: str, own: Mapping[str, Profile] = PROFILES) -> Profile:
    """The profile of that name. Raises UsageError where there is none."""
    try:
        return own[name]
    except KeyError:
        raise UsageError(f"There is no profile {name!r}.", hint=f"Choose one of {', '.join(own)}.") from None


def filled(settings: Settings, *, voice_before: str | None = None) -> Settings:
    """The settings with the profile's choice wherever a person made none, and a voice where that was left to the
    language: `voice_before` where it can, who spoke the film into it so far.

    Raises UsageError for a name nobody knows, MissingError where no voice speaks the language.
    What is filled in is what a project remembers: a later version's profile changes no film that is done.
    """
    settings = _taken(settings, named(settings.profile))
    settings = settings.changed(
        voice=voices.chosen(settings.voice or "", settings.target, before=voice_before).name
    )
    for role in engines.ROLES:
        engines.chosen(role, settings)
    if settings.base_url is not None:
        from dubber.stages.translate import address

        address.parse(settings.base_url)  # whatever it holds is kept: it must hold no password
    return settings


def _taken(settings: Settings, profile: Profile) -> Settings:
    """The settings with the profile's choice wherever a person made none."""
    return settings.changed(
        **{key: value for key, value in profile.choices.items() if getattr(settings, key) is None}
    )


def leaves_voice(settings: Settings) -> bool:
    """Whether settings that are not `filled` leave the voice to the language."""
    return (_taken(settings, named(settings.profile)).voice or "").lower() == voices.AUTO


def require(settings: Settings, *, voice: bool = True) -> None:
    """Raises MissingError with all that the chosen engines lack here, before any work is done. Never picks another one.

    A recogniser is needed only where no transcript was given, a translator where no translation was; `voice` says
    whether anything is to be spoken.
    """
    given = {"recogniser": settings.transcript, "translator": settings.translation}
    speaker = voices.named(settings.voice or "")
    looks = [(speaker.model, partial(voices.available, speaker.name))] if voice else []
    for role in engines.ROLES:
        if given.get(role) is None:
            model = engines.chosen(role, settings).model(settings)
            looks.append((model, partial(engines.available, role, settings)))
    lacks: list[MissingError] = []
    models: list[str] = []
    for model, look in looks:
        try:
            look()
        except MissingError as error:
            lacks.append(error)
            models += [model] if model and model not in models else []
    if not lacks:
        return
    others = [error for error in lacks if not any(model in str(error) for model in models)]
    hints = list(dict.fromkeys(error.hint for error in others if error.hint))
    if len(hints) > 1 and any(
        "install-studio" in hint for hint in hints
    ):  # which brings the voice's packages too
        hints = [hint for hint in hints if "install-voice" not in hint]
    if models:
        hints.append(f"Bring the models with `dubber models pull {' '.join(models)}`.")
    if settings.profile != DRAFT.name:
        hints.append("To try the tool without them: --profile draft.")
    names = [f"the model {model}" for model in models] + [str(error).rstrip(".") for error in others]
    told = str(lacks[0]) if len(lacks) == 1 else f"Missing on this machine: {'; '.join(names)}."
    raise MissingError(told, hint=" ".join(hints))
