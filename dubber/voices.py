"""Which voices there are, what each needs on this machine, and how it is opened. Never how it speaks."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dubber import store
from dubber.errors import MissingError, UsageError
from dubber.stages import synthesize

if TYPE_CHECKING:
    from dubber.store import Cache
    from tts.door import Engine
    from tts.indextts2.config import Version

KEPT = 1
"""Version of how a computed voice is kept."""

SUFFIX = ".voice"


@dataclass(frozen=True)
class VoiceEngine:
    """An engine by the name that --voice takes. `packages` must be importable for it; `install` brings them. `open`
    takes where computed voices are kept, and the device."""

    name: str
    title: str
    packages: tuple[str, ...]
    install: str
    open: Callable[[Cache | None, str], Engine]
    model: str | None = None
    """What of the model store it needs."""
    draws: bool = False
    """Whether other seeds give other takes."""
    languages: Callable[[], Mapping[str, str]] | None = None
    """What it speaks, where that can be told without opening it."""
    band: tuple[float, float] | None = None
    """Its comfort band (natural ÷ slot length, slowest and fastest) where that is narrower than the timeline's."""
    notes: Callable[[str], tuple[str, ...]] = lambda _: ()
    """What it leaves undone in texts of a language for want of a library: sentences for a person."""


def _espeak(_: Cache | None, __: str) -> Engine:
    from tts.errors import EngineMissing
    from tts.espeak import Espeak

    try:
        return Espeak()
    except EngineMissing as error:
        raise MissingError(str(error), hint="Bring it with `make install`.") from error


def _indextts(model: str, version: Version) -> Callable[[Cache | None, str], Engine]:
    """Opens one release of IndexTTS from the model store."""

    def opened(cache: Cache | None, device: str) -> Engine:
        from dubber.models import store as models

        folder = models.require(model)
        from tts.errors import BadWeights, EngineMissing
        from tts.indextts2.engine import IndexTTS2
        from tts.indextts2.release import Placement
        from tts.indextts2.settings import version_of

        hint = f"Compare the files with `dubber models verify {model}`."
        try:
            if (other := version_of(folder)) != version:
                raise BadWeights(
                    f"{folder} holds release {other} of IndexTTS, by its config.yaml and its tokeniser."
                )
            placement = Placement.best(None if device == "auto" else device)
            engine = IndexTTS2.load(folder, placement=placement, keep=Shelf(cache) if cache else None)
        except (EngineMissing, BadWeights) as error:
            raise MissingError(str(error), hint=hint) from error
        models.compare(model, engine.release.digests)
        return engine

    return opened


def _indextts_speaks(version: Version) -> Callable[[], Mapping[str, str]]:
    def languages() -> Mapping[str, str]:
        from tts.indextts2.languages import SPOKEN

        return SPOKEN[version]

    return languages


def _indextts25_notes(language: str) -> tuple[str, ...]:
    from tts import tags
    from tts.indextts2.languages import SPOKEN
    from tts.indextts2.text import optional

    return optional.notes(tags.lookup(language, SPOKEN["2.5"]) or "")


def _espeak_notes(language: str) -> tuple[str, ...]:
    from tts import espeak

    return espeak.lacking(language)


ESPEAK = VoiceEngine("espeak", "eSpeak NG", (), "make install", _espeak, notes=_espeak_notes)
STRETCHED = (0.9, 1.1)
"""The comfort band of a voice that cannot be told how much to say: its takes come to their length by an early or late
end and by stretching alone, so that other words are asked for sooner. Reasoned, not listened to."""

INDEXTTS2 = VoiceEngine(
    "indextts2",
    "IndexTTS2",
    ("torch", "transformers", "safetensors", "sentencepiece", "wetext", "yaml"),
    "make install-voice",
    _indextts("indextts2", "2.0"),
    model="indextts2",
    draws=True,
    languages=_indextts_speaks("2.0"),
)
INDEXTTS25 = VoiceEngine(
    "indextts2.5",
    "IndexTTS-2.5",
    ("torch", "transformers", "safetensors", "tiktoken", "wetext", "yaml"),
    "make install-voice",
    _indextts("indextts2.5", "2.5"),
    model="indextts2.5",
    draws=True,
    languages=_indextts_speaks("2.5"),
    band=STRETCHED,
    notes=_indextts25_notes,
)

VOICES = {engine.name: engine for engine in (INDEXTTS2, INDEXTTS25, ESPEAK)}

AUTO = "auto"
"""The name that leaves the voice to the language."""

AUTOMATIC = (INDEXTTS2, INDEXTTS25)
"""What AUTO chooses from, the best liked first: of two that speak a language, the one whose lengths can be steered."""


def named(name: str) -> VoiceEngine:
    """The engine of that name. Raises UsageError where there is none."""
    try:
        return VOICES[name.lower()]
    except KeyError:
        known = ", ".join((AUTO, *VOICES))
        raise UsageError(f"There is no voice {name!r}.", hint=f"Choose one of {known}.") from None


def chosen(name: str, language: str, *, before: str | None = None) -> VoiceEngine:
    """The engine of that name; for AUTO the one of AUTOMATIC that spoke `before`, as no voice changes by itself; or the
    first that speaks the language and is on this machine; or, where none is, the first that speaks it.

    Raises UsageError where there is none of that name, MissingError where it can be told beforehand that it, or any of
    AUTOMATIC, does not speak the language.
    """
    if name.lower() != AUTO:
        engine = named(name)
        _speaks(engine, language)
        return engine
    able = [engine for engine in AUTOMATIC if _does_speak(engine, language)]
    if not able:
        each = " ".join(f"{engine.title} speaks {_spoken(engine)}." for engine in AUTOMATIC)
        raise MissingError(
            f"No voice of the studio speaks {language!r}. {each}",
            hint="--voice espeak speaks over 100 languages.",
        )
    kept = [engine for engine in able if engine.name == before]
    return next(iter([*kept, *filter(_is_here, able), *able]))


def _is_here(engine: VoiceEngine) -> bool:
    try:
        available(engine.name)
    except MissingError:
        return False
    return True


def opened(
    name: str, cache: Cache | None = None, *, language: str | None = None, device: str = "auto"
) -> Engine:
    """The engine, ready to speak `language`; voices that it computes are kept in `cache`.

    Raises MissingError where its packages or its models are not on this machine, or are damaged, or where it can
    be told beforehand that it does not speak the language.
    """
    if language is not None:
        _speaks(named(name), language)
    available(name)
    return named(name).open(cache, device)


def forget() -> None:
    """Gives the memory of engines that nobody holds any more back to the machine: torch keeps a GPU's for itself."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def check(name: str, language: str) -> None:
    """Raises MissingError, before any work, where `opened` would, or where the engine does not speak the language.

    What is large is not loaded for that.
    """
    engine = named(name)
    _speaks(engine, language)
    available(name)
    if engine.languages is None:
        synthesize.check_language(engine.open(None, "auto"), language)


def _speaks(engine: VoiceEngine, language: str) -> None:
    """Raises MissingError where it can be told beforehand that an engine does not speak a language."""
    if _does_speak(engine, language):
        return
    others = [one for one in AUTOMATIC if one is not engine and _does_speak(one, language)]
    instead = [f"--voice {one.name} speaks {language!r}." for one in others]
    raise MissingError(
        f"The voice {engine.title} does not speak {language!r}.",
        hint=" ".join(
            [f"It speaks {_spoken(engine)}.", *instead, "--voice espeak speaks over 100 languages."]
        ),
    )


def _does_speak(engine: VoiceEngine, language: str) -> bool:
    """False where it can be told beforehand that an engine does not speak a language."""
    from tts import tags

    return engine.languages is None or tags.lookup(language, engine.languages()) is not None


def _spoken(engine: VoiceEngine) -> str:
    return ", ".join(sorted(engine.languages())) if engine.languages else "over 100 languages"


def available(name: str) -> str:
    """Where the engine comes from, looked at and not loaded.

    Raises MissingError where its packages or the files of its model are not on this machine.
    """
    engine = named(name)
    lacking = [package for package in engine.packages if find_spec(package) is None]
    if lacking:
        raise MissingError(
            f"The voice {engine.title} needs packages that are not installed: {', '.join(lacking)}.",
            hint=f"Bring them with `{engine.install}`.",
        )
    if engine.model is None:
        return "embedded"
    from dubber.models import store as models

    return str(models.require(engine.model))


@dataclass(frozen=True)
class Shelf:
    """A project's cache as the place where an engine keeps the voices it has computed."""

    cache: Cache

    def get(self, key: str) -> bytes | None:
        """What was put under `key`, None where nothing was."""
        kept = _key(key)
        if not self.cache.has(kept, SUFFIX):
            return None
        return self.cache.file(kept, SUFFIX, _never).read_bytes()

    def put(self, key: str, data: bytes) -> None:
        """Keeps `data` under `key`."""
        self.cache.file(_key(key), SUFFIX, lambda out: {"bytes": out.write_bytes(data)})


def _key(key: str) -> store.Key:
    return store.key("voice", KEPT, {"voice": key}, None)


def _never(_: Path) -> None:
    raise AssertionError("a voice is read only where one is kept")
