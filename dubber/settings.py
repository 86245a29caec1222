"""The choices of one run, as plain data that a project remembers. Knows no stage and reads no file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args

from dubber import comfort
from dubber.errors import UsageError

Background = Literal["bed", "duck", "none"]
BACKGROUNDS: tuple[str, ...] = get_args(Background)

DEVICES = ("auto", "cpu", "cuda", "mps")
"""Where models run; auto takes a GPU where there is one."""

COMPUTES = (
    "auto",
    "int8",
    "int8_float16",
    "int8_float32",
    "int8_bfloat16",
    "int16",
    "float16",
    "bfloat16",
    "float32",
)
"""Number formats of CTranslate2, which runs Whisper; auto is float16 on a GPU, int8 on a CPU."""

WIDEST_BEAM = 50
"""Past a dozen nothing is gained; memory grows with each."""

SYNCS = ("tight", "natural")
"""How closely lines keep the picture's time: as lips in view need it, or as an unhurried voice does."""

MOST_TAKES = 16
"""Of one line: past a handful nothing better comes."""

REGISTERS = ("", "formal", "informal")
"""How people address each other in the translation; "" is what the film itself suggests."""

KINDS: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "str | None": (str, type(None)),
    "Background": str,
    "int": int,
    "int | None": (int, type(None)),
    "float": (int, float),
    "bool": bool,
}
"""What JSON may hold for a field of each annotation."""


@dataclass(frozen=True)
class Settings:
    """What a person asked for, everything that shapes the film and nothing that does not.

    Languages are canonical BCP 47 tags. `transcript`, `translation` and `glossary` are sha256 digests of files that
    were given and are kept in the project. `recogniser`, `separator`, `diarizer`, `translator` and `voice` name
    engines, None the profile's. `speakers` is how many people speak, None where the diarizer is to find it (one that
    cannot takes one). `track` counts the film's audio tracks from 0. `sync` says how closely lines keep the picture's
    time, `shots` whether its cuts are looked for, so that lines do not sound over them, `comfort` how far a speaker's
    voice may leave its own rate, as `dubber.comfort` writes it. `seed` is handed to voices that draw at random; each
    line is spoken `takes` times, from that seed on.
    """

    target: str
    source: str = "und"
    profile: str = "studio"
    recogniser: str | None = None
    separator: str | None = None
    diarizer: str | None = None
    translator: str | None = None
    device: str = "auto"
    whisper_model: str | None = None
    compute: str = "auto"
    beam: int = 5
    hotwords: str = ""
    model: str | None = None
    base_url: str | None = None
    context: str = ""
    register: str = ""
    glossary: str | None = None
    speakers: int | None = None
    cast: str | None = None
    room: bool = False
    background: Background = "bed"
    transcript: str | None = None
    translation: str | None = None
    track: int = 0
    burn: bool = False
    keep_original: bool = True
    synthetic_tag: bool = True
    emotion: float = 1.0
    sync: str = "tight"
    comfort: str = ""
    shots: bool = False
    takes: int = 1
    seed: int = 0
    voice: str | None = None

    def __post_init__(self) -> None:
        if self.background not in BACKGROUNDS:
            raise UsageError(
                f"There is no background {self.background!r}.",
                hint=f"Choose one of {', '.join(BACKGROUNDS)}.",
            )
        if self.speakers is not None and self.speakers < 1:
            raise UsageError("A film has at least one speaker.", hint="Give --speakers 1 or more.")
        if not 0.0 <= self.emotion <= 1.0:
            raise UsageError("The emotion strength goes from 0 to 1.")
        for name, value, known in (
            ("device", self.device, DEVICES),
            ("register", self.register, REGISTERS),
            ("sync", self.sync, SYNCS),
            ("compute", self.compute, COMPUTES),
        ):
            if value not in known:
                raise UsageError(
                    f"There is no {name} {value!r}.", hint=f"Choose one of {', '.join(filter(None, known))}."
                )
        if not 1 <= self.beam <= WIDEST_BEAM:
            raise UsageError(f"A beam is 1 to {WIDEST_BEAM} wide.")
        comfort.read(self.comfort)
        if not 1 <= self.takes <= MOST_TAKES:
            raise UsageError(f"A line has 1 to {MOST_TAKES} takes.")
        if self.track < 0:
            raise UsageError("Audio tracks are counted from 0.")

    @classmethod
    def of(cls, target: str | None = None, *, source: str | None = None, **choices: Any) -> Settings:
        """Settings from what a person typed, with languages by any name.

        Raises UsageError where no target is said, and for a language that nobody knows. Engines are looked up by
        `profiles.filled`.
        """
        from dubber import languages

        if target is None:
            raise UsageError(
                "No language to dub into was said.", hint="Say it: --to es (or `to` in dubber.toml)."
            )
        return cls(
            target=languages.canonical(target),
            source="und" if source is None else languages.canonical(source),
            **over({}, choices),
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
        if "target" not in data:
            raise UsageError(
                "The project does not remember its language.",
                hint="Begin anew with `dubber translate`; edited subtitles are kept.",
            )
        for field in known:
            if not isinstance(data[field.name], KINDS[str(field.type)]):
                raise UsageError(
                    f"The project remembers {data[field.name]!r} as its {field.name}, which cannot be.",
                    hint="Begin anew with `dubber translate`; edited subtitles are kept.",
                )
        return cls(**{field.name: data[field.name] for field in known})

    def changed(self, **choices: Any) -> Settings:
        """The same settings with every choice that is not None put in; of comfort bands, those of the speakers that it
        names. Raises UsageError as the settings themselves do."""
        made = {key: value for key, value in choices.items() if value is not None}
        return replace(self, **over({"comfort": self.comfort}, made))


def over(far: Mapping[str, Any], near: Mapping[str, Any]) -> dict[str, Any]:
    """Choices by fields of Settings, of which the nearer count before the farther; comfort bands do so speaker by
    speaker. Raises UsageError where those cannot be read."""
    both = {**far, **near}
    if "comfort" in both:
        both["comfort"] = comfort.merged(far.get("comfort", ""), near.get("comfort", ""))
    return both
