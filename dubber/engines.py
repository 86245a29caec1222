"""Which engines there are for every stage but the voice's, what each needs on a machine, and how it is opened.
Never how it works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Literal, get_args

from dubber.errors import MissingError, UsageError
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
    `model` says what of the model store it needs, as the settings have it; `open` makes it, loading nothing. `look`
    says where one without a model comes from."""

    name: str
    title: str
    open: Callable[[Settings, int], Any] = field(repr=False)
    packages: tuple[str, ...] = ()
    install: str = "make install"
    model: Callable[[Settings], str | None] = field(default=lambda _: None, repr=False)
    look: Callable[[Settings], str] = field(default=lambda _: "embedded", repr=False)


def _whisper(settings: Settings, jobs: int) -> Any:
    from dubber.stages.transcribe.whisper import Whisper

    return Whisper(
        settings.whisper_model or WHISPER_MODEL,
        device=settings.device,
        compute=settings.compute,
        beam=settings.beam,
        hotwords=settings.hotwords,
        threads=jobs,
    )


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


def _campplus(settings: Settings, _: int) -> Any:
    from dubber.stages.diarize.campplus import CampPlusDiarizer

    return CampPlusDiarizer(device=settings.device)


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

    if not settings.base_url or not settings.model:
        raise UsageError(
            "A remote translator needs an address and the name of a model.",
            hint="Say both: --translator openai --base-url https://HOST/v1 --model NAME",
        )
    return ChatTranslator(RemoteMind(settings.base_url, settings.model))


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
            model=lambda settings: f"whisper-{settings.whisper_model or WHISPER_MODEL}",
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
        Engine("campplus", "CAM++ and clustering", _campplus, TORCH, STUDIO, model=lambda _: "indextts2"),
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
        ),
        Engine(
            "openai", "an OpenAI-compatible server", _openai, look=lambda settings: str(settings.base_url)
        ),
        Engine(
            "nmt",
            "a local translation model",
            _nmt,
            (*TORCH, "transformers", "sentencepiece"),
            STUDIO,
            model=lambda settings: settings.model or NMT_MODEL,
        ),
        Engine("apertium", "Apertium", _apertium, look=_apertium_pairs),
    ),
}

ONLY = {"campplus": ("campplus_cn_common.bin",)}
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
    from dubber.models import store

    return str(store.require(model, ONLY.get(engine.name)))


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
