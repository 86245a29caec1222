"""The choices of one run, as plain data that a project remembers. Knows no stage and reads no file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from dubber.errors import UsageError

Background = Literal["bed", "duck", "none"]
BACKGROUNDS: tuple[str, ...] = get_args(Background)

KINDS: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "str | None": (str, type(None)),
    "Background": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
}
"""What JSON may hold for a field of each annotation."""


@dataclass(frozen=True)
class Settings:
    """What a person asked for, everything that shapes the film and nothing that does not.

    Languages are canonical BCP 47 tags. `transcript` and `translation` are sha256 digests of subtitle files
    that were given and are kept in the project. `voice` names an engine of `voices`, None the profile's. `track`
    counts the film's audio tracks from 0. `seed` is handed to voices that draw at random.
    """

    target: str
    source: str = "und"
    profile: str = "studio"
    speakers: int = 1
    background: Background = "bed"
    transcript: str | None = None
    translation: str | None = None
    track: int = 0
    burn: bool = False
    keep_original: bool = True
    synthetic_tag: bool = True
    emotion: float = 1.0
    seed: int = 0
    voice: str | None = None

    def __post_init__(self) -> None:
        if self.background not in BACKGROUNDS:
            raise UsageError(
                f"There is no background {self.background!r}.",
                hint=f"Choose one of {', '.join(BACKGROUNDS)}.",
            )
        if self.speakers < 1:
            raise UsageError("A film has at least one speaker.", hint="Give --speakers 1 or more.")
        if not 0.0 <= self.emotion <= 1.0:
            raise UsageError("The emotion strength goes from 0 to 1.")
        if self.track < 0:
            raise UsageError("Audio tracks are counted from 0.")

    @classmethod
    def of(
        cls,
        target: str,
        *,
        source: str | None = None,
        profile: str = "studio",
        voice: str | None = None,
        **choices: Any,
    ) -> Settings:
        """Settings from what a person typed: languages by any name, a profile and a voice that must exist.

        Raises UsageError for a language, a profile or a voice that nobody knows.
        """
        from dubber import languages, profiles, voices

        return cls(
            target=languages.canonical(target),
            source="und" if source is None else languages.canonical(source),
            profile=profiles.named(profile).name,
            voice=None if voice is None else voices.named(voice).name,
            **choices,
        )

    def as_json(self) -> dict[str, Any]:
        """Plain JSON data; `from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Settings:
        """The settings a project remembers; keys that a newer version added are passed over.

        Raises UsageError where a value is of another kind than it must be.
        """
        known = [field for field in fields(cls) if field.name in data]
        for field in known:
            if not isinstance(data[field.name], KINDS[str(field.type)]):
                raise UsageError(
                    f"The project remembers {data[field.name]!r} as its {field.name}, which cannot be.",
                    hint="Begin anew with `dubber translate`; edited subtitles are kept.",
                )
        return cls(**{field.name: data[field.name] for field in known})

    def changed(self, **choices: Any) -> Settings:
        """The same settings with every choice that is not None put in."""
        return replace(self, **{key: value for key, value in choices.items() if value is not None})
