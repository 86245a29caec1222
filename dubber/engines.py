"""Which engines there are for every stage but the voice's, what each needs on a machine, and how it is opened.
Never how it works."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Literal, get_args

from dubber.errors import MissingError, UsageError
from dubber.models import catalogue
from dubber.settings import Settings

Role = Literal["recogniser", "separator", "diarizer", "translator"]
ROLES: tuple[Role, ...] = get_args(Role)

WHISPER_MODEL = "large-v3"
CHAT_MODEL = "qwen3-1.7b"
NMT_MODEL = "m2m100-418m"

TORCH = ("torch", "safetensors")
STUDIO = "make install-studio"


@dataclass(frozen=True)
class Engine:
    """An engine by the name that a person chooses it by. `packages` must be importable for it, `install` brings them;
    `model` says what of the model store it needs, as the settings have it, one of `models`; `open` makes it, loading
    nothing. `look` says where one without a model comes from. `takes` are the choices of its role that it heeds."""

    name: str
    title: str
    open: Callable[[Settings, int], Any] = field(repr=False)
    packages: tuple[str, ...] = ()
    install: str = "make install"
    model: Callable[[Settings], str | None] = field(default=lambda _: None, repr=False)
    look: Callable[[Settings], str] = field(default=lambda _: "embedded", repr=False)
    models: tuple[str, ...] = ()
    takes: frozenset[str] = frozenset()


def _whisper(settings: Settings, jobs: int) -> Any:
    from dubber.stages.transcribe.whisper import Whisper

    return Whisper(
        _whisper_size(settings),
        device=settings.device,
        compute=settings.compute,
        beam=settings.beam,
        hotwords=settings.hotwords,
        threads=jobs,
    )


def _whisper_size(settings: Settings) -> str:
    """The size by either of its names: large-v3, or whisper-large-v3 as the model store has it."""
    return (settings.whisper_model or WHISPER_MODEL).removeprefix("whisper-")


def _pocketsphinx(_: Settings, jobs: int) -> Any:
    from dubber.stages.transcribe.pocketsphinx import PocketSphinx

    return PocketSphinx(jobs)


def _demucs(name: str) -> Callable[[Settings, int], Any]:
    def opened(settings: Settings, _: int) -> Any:
        from dubber.stages.separate.demucs import Demucs

        return Demucs(name, device=settings.device)

    return opened


def _mask(_: Settings, __: int) -> Any:
    from dubber.stages.separate.mask import Mask

    return Mask()


CAMPPLUS = "campplus_cn_common.bin"


def _campplus(settings: Settings, _: int) -> Any:
    from dubber.stages.diarize.campplus import CampPlusDiarizer

    return CampPlusDiarizer(device=settings.device, model=_campplus_model(settings))


def _campplus_model(settings: Settings) -> str:
    """The release of the voice that brings CAM++: the one that speaks, or else the other, where it is here."""
    from dubber.models import store

    releases = [catalogue.INDEXTTS2.name, catalogue.INDEXTTS25.name]
    releases.sort(key=lambda name: name != settings.voice)
    return store.holder(releases, CAMPPLUS)


def _prosody(_: Settings, __: int) -> Any:
    from dubber.stages.diarize.prosody import Prosody

    return Prosody()


def _chat(settings: Settings, _: int) -> Any:
    from dubber.stages.translate.chat import ChatTranslator
    from dubber.stages.translate.local import LocalMind

    return ChatTranslator(LocalMind(settings.model or CHAT_MODEL, device=settings.device))


def _openai(settings: Settings, _: int) -> Any:
    from dubber.stages.translate.chat import ChatTranslator
    from dubber.stages.translate.remote import RemoteMind

    address = base_url(settings)
    if not address or not settings.model:
        raise UsageError(
            "A remote translator needs an address and the name of a model.",
            hint="Say both: --translator openai --base-url https://HOST/v1 --model NAME",
        )
    return ChatTranslator(RemoteMind(address, settings.model))


def base_url(settings: Settings) -> str | None:
    """The server's address: as chosen, or else as the environment has it."""
    return settings.base_url or os.environ.get("DUBBER_BASE_URL")


def _server(settings: Settings) -> str:
    _openai(settings, 1).close()
    return str(base_url(settings))


def _nmt(settings: Settings, _: int) -> Any:
    from dubber.stages.translate.nmt import NmtTranslator

    return NmtTranslator(settings.model or NMT_MODEL, device=settings.device)


def _apertium(_: Settings, __: int) -> Any:
    from dubber.stages.translate.apertium import Apertium

    return Apertium()


def _apertium_pairs(_: Settings) -> str:
    from dubber.stages.translate.apertium import Apertium

    pairs = Apertium().installed()
    if not pairs:
        raise MissingError(
            "Apertium is installed, but no language pair is.", hint="sudo apt-get install apertium-eng-spa"
        )
    return f"{len(pairs)} language pairs"


ENGINES: dict[Role, tuple[Engine, ...]] = {
    "recogniser": (
        Engine(
            "whisper",
            "faster-whisper",
            _whisper,
            ("faster_whisper", "ctranslate2"),
            model=lambda settings: f"whisper-{_whisper_size(settings)}",
            models=tuple(model.name for model in catalogue.WHISPER),
            takes=frozenset({"whisper_model", "compute", "beam", "hotwords"}),
        ),
        Engine("pocketsphinx", "PocketSphinx", _pocketsphinx, ("pocketsphinx",)),
    ),
    "separator": (
        *(
            Engine(name, title, _demucs(name), (*TORCH, "demucs"), STUDIO, model=lambda _, name=name: name)  # type: ignore[misc]
            for name, title in (("htdemucs", "Demucs"), ("htdemucs_ft", "Demucs, fine-tuned"))
        ),
        Engine("mask", "stationary bed estimate", _mask),
    ),
    "diarizer": (
        Engine("campplus", "CAM++ and clustering", _campplus, TORCH, STUDIO, model=_campplus_model),
        Engine("prosody", "pitch and timbre", _prosody),
    ),
    "translator": (
        Engine(
            "chat",
            "a local chat model",
            _chat,
            (*TORCH, "transformers"),
            STUDIO,
            model=lambda settings: settings.model or CHAT_MODEL,
            models=tuple(model.name for model in catalogue.QWEN3),
            takes=frozenset({"model", "context", "register", "glossary"}),
        ),
        Engine(
            "openai",
            "an OpenAI-compatible server",
            _openai,
            look=_server,
            takes=frozenset({"model", "base_url", "context", "register", "glossary"}),
        ),
        Engine(
            "nmt",
            "a local translation model",
            _nmt,
            (*TORCH, "transformers", "sentencepiece"),
            STUDIO,
            model=lambda settings: settings.model or NMT_MODEL,
            models=(catalogue.M2M100.name,),
            takes=frozenset({"model", "glossary"}),
        ),
        Engine("apertium", "Apertium", _apertium, look=_apertium_pairs),
    ),
}

CHOICES: dict[Role, tuple[str, ...]] = {
    "recogniser": ("whisper_model", "compute", "beam", "hotwords"),
    "translator": ("model", "base_url", "context", "register", "glossary"),
}
"""Choices that only some engines of a role heed."""

ONLY = {"campplus": (CAMPPLUS,)}
"""Engines that need only some files of their model."""


def named(role: Role, name: str) -> Engine:
    """The engine of that name. Raises UsageError where there is none."""
    for engine in ENGINES[role]:
        if engine.name == name:
            return engine
    known = ", ".join(engine.name for engine in ENGINES[role])
    raise UsageError(f"There is no {role} {name!r}.", hint=f"Choose one of {known}.")


def chosen(role: Role, settings: Settings) -> Engine:
    """The engine that `settings`, in which a profile has filled in what was not said, choose. Raises UsageError."""
    name = getattr(settings, role)
    assert name is not None, "a profile names an engine for every role"
    return named(role, name)


def available(role: Role, settings: Settings) -> str:
    """Where the engine comes from, looked at and not loaded.

    Raises MissingError where its packages or the files of its model are not on this machine; UsageError for a model
    that nobody knows.
    """
    engine = chosen(role, settings)
    lacking = [package for package in engine.packages if find_spec(package) is None]
    if lacking:
        raise MissingError(
            f"The {role} {engine.title} needs packages that are not installed: {', '.join(lacking)}.",
            hint=f"Bring them with `{engine.install}`.",
        )
    model = engine.model(settings)
    if model is None:
        return engine.look(settings)
    if engine.models and model not in engine.models:
        raise UsageError(
            f"The {role} {engine.name} has no model {model!r}.",
            hint=f"Choose one of {', '.join(engine.models)}.",
        )
    from dubber.models import store

    return str(store.require(model, ONLY.get(engine.name)))


def unused(settings: Settings) -> list[str]:
    """A sentence for each choice that was made and that no chosen engine heeds."""
    plain = Settings(settings.target)
    notes = []
    for role, choices in CHOICES.items():
        engine = chosen(role, settings)
        given = {"recogniser": settings.transcript, "translator": settings.translation}[role]
        for choice in choices:
            if (
                choice not in engine.takes
                and getattr(settings, choice) != getattr(plain, choice)
                and not given
            ):
                notes.append(
                    f"{engine.title} heeds no {choice.replace('_', ' ')}: that choice changes nothing."
                )
    return notes


@contextmanager
def opened(role: Role, settings: Settings, jobs: int) -> Iterator[Any]:
    """The engine for as long as the block lasts; after it, its memory is free for the next stage's.

    Nothing is loaded before it is used. Raises as `available` does.
    """
    available(role, settings)
    engine = chosen(role, settings).open(settings, jobs)
    try:
        yield engine
    finally:
        engine.close()
