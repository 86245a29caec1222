"""Words with times from Whisper, in some hundred languages, through faster-whisper. Loads its model from the store and
never from the network; what it makes up is guarded against next door, and so are the edges of its words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from align.types import Span, Word
from dubber import languages
from dubber.errors import MissingError
from dubber.models import catalogue
from dubber.models import store as models
from dubber.process import cores
from dubber.stages.transcribe import channel_talk, coverage, edges, guards, spoken
from dubber.stages.transcribe.chunks import Chunk, cut
from dubber.stages.transcribe.decoded import Decoded, decoded
from dubber.stages.transcribe.door import Dropped, Heard
from dubber.stages.transcribe.spoken import code_for, spread, vote

if TYPE_CHECKING:
    from dubber.audio import AudioFile

FloatArray = npt.NDArray[np.float32]

REVISION = 2
"""Goes up whenever the same sound would give other words for a reason that `digest` does not see: with chunks.py,
coverage.py and decoded.py, too."""

RATE = 16_000
"""Hz that Whisper was trained at."""
WINDOW_MS = 30_000
"""What Whisper hears at once, always: after the sound, silence. The library would fill up a shorter clip's spectrum
with zeros, which are the spectrum of a hiss and not of silence."""
PAD_MS = 200
"""Room sound heard before and after a chunk: Whisper cuts first words that begin with the sound."""
JOIN_MS = 3000
"""Speech closer than this is heard together, for the sense of it; over longer silences Whisper invents."""
SLOT_MS = 33_000
"""Chunks are laid this far apart: the library shortens a first word that comes more than 4 × 0.7 s after the last word
before it, and so does the same with every chunk, whichever is before it."""
BATCH = {"cuda": 8, "cpu": 2}
"""Chunks decoded together. Each needs about half a gigabyte with the large model on a CPU, a quarter on a GPU."""
SECOND_HEARING: Mapping[str, Any] = {"no_repeat_ngram_size": 4, "repetition_penalty": 1.1}
"""How a chunk is decoded again in which the decoder got stuck."""
SURE_AGAIN = 0.6
"""Mean confidence of what is taken for said where the first hearing gave nothing."""


class Whisper:
    """A Whisper model behind the recogniser's door. Loads at the first use.

    `model` is large-v3, large-v3-turbo, medium or small; `device` auto, cpu or cuda (mps, unknown to CTranslate2, is
    the CPU); `compute` a CTranslate2 type, auto for float16 on a GPU and int8 on a CPU. `hotwords` are names and terms
    that the film is full of. `threads` are the CPU's, all by default.
    """

    name = "whisper"

    def __init__(
        self,
        model: str = "large-v3",
        *,
        device: str = "auto",
        compute: str = "auto",
        beam: int = 5,
        hotwords: str = "",
        threads: int | None = None,
    ) -> None:
        self.model = f"whisper-{model}"
        self._device, self._compute = device, compute
        self._beam, self._hotwords = beam, hotwords.strip()
        self._threads = threads
        self._loaded: Any = None
        self._batch = 0  # what fits, once that is known

    @property
    def runs_on(self) -> str:
        """Where it runs and how it computes, for the report: "cuda, float16". Raises MissingError."""
        return ", ".join(self._place)

    def check(self, language: str) -> None:
        """Raises MissingError for a language, model, package or device that is not there. Loads nothing."""
        folder = models.require(self.model)
        _ = self._place
        if language != languages.UNKNOWN:
            code_for(language, folder, self.model)

    def digest(self) -> str:
        """This code, the libraries, the model's files and every choice but where it runs: a project that moves to
        another machine is not recognised anew. Raises MissingError."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            libraries = [f"{one} {version(one)}" for one in ("faster-whisper", "ctranslate2", "tokenizers")]
        except PackageNotFoundError as error:
            raise _no_library() from error
        hearing = (WINDOW_MS, PAD_MS, JOIN_MS, SLOT_MS, dict(SECOND_HEARING))
        choices = (self._compute, self._beam, self._hotwords)
        code = (REVISION, spoken.REVISION, guards.REVISION, edges.REVISION, channel_talk.REVISION)
        told = repr((code, libraries, self._fingerprint, hearing, choices))
        return f"{self.model}-{sha256(told.encode()).hexdigest()}"

    def recognise(
        self,
        audio: AudioFile,
        speech: Sequence[Span],
        language: str,
        progress: Callable[[float], None] = lambda _: None,
        quiet: AudioFile | None = None,
    ) -> Heard:
        """The words said in `speech` (sorted, disjoint, ms), each inside it or, where speech was missed, near what was
        heard; and the speech in which none were understood, even on their own.

        Pauses and edges are sought in `quiet`, the same sound without music and effects, where there is such. Where
        `language` is "und" it is found by a vote over the whole film; the language of most of it is what all of it is
        decoded as. The film is read a batch of chunks at a time, none of which begins or ends in speech unless
        somebody speaks 30 s without a pause. Raises MediaError, and MissingError where a model or memory is.
        """
        told = language != languages.UNKNOWN
        if not speech:
            return Heard((), language, 1.0 if told else 0.0)
        folder = models.require(self.model)
        quiet = quiet or audio
        chunks = cut(quiet, speech, longest=WINDOW_MS - 2 * PAD_MS, join=JOIN_MS, pad=PAD_MS)
        if told:
            code, sure = code_for(language, folder, self.model), 1.0
        else:
            code, sure = self._language(audio, chunks)
            language = languages.canonical(code)

        words: list[Word] = []
        dropped: list[Dropped] = []
        total, done = sum(chunk.span.duration for chunk in chunks), 0
        for chunk, heard in self._decode_all(audio, chunks, code, speech):
            kept, invented = guards.sift_chunk(heard, speech, self._hotwords)
            told_of = [*(word.span for word in kept), *(one.span for one in invented)]
            missing = self._missing(audio, chunk, told_of, speech, code)
            words += sorted([*kept, *missing], key=lambda one: one.span)
            dropped += invented
            done += chunk.span.duration
            progress(0.95 * done / total)
        kept, invented = guards.sift_film(words, speech)
        dropped = sorted([*dropped, *invented], key=lambda one: one.span)
        told_of = [*(word.span for word in kept), *(one.span for one in dropped)]
        unheard = coverage.wordless(told_of, speech)
        said_in = coverage.with_missed(kept, speech)
        snapped = edges.snap(quiet, kept, said_in, lambda share: progress(0.95 + 0.05 * share))
        progress(1.0)
        return Heard(snapped, language, round(sure, 3), tuple(dropped), tuple(unheard))

    def close(self) -> None:
        """Lets go of the model's memory."""
        if self._loaded is not None:
            self._loaded.model.model.unload_model()
            self._loaded = None

    @cached_property
    def _place(self) -> tuple[str, str]:
        """(device, compute type), as CTranslate2 names them."""
        try:
            import ctranslate2
        except ImportError as error:
            raise _no_library() from error
        graphics = ctranslate2.get_cuda_device_count() > 0
        device = ("cuda" if graphics else "cpu") if self._device in ("auto", "mps") else self._device
        if device == "cuda" and not graphics:
            raise MissingError(
                "There is no CUDA device for Whisper to run on.", hint="Choose --device cpu, or auto."
            )
        known = ctranslate2.get_supported_compute_types(device)
        wished = ("float16", "float32") if device == "cuda" else ("int8", "float32")
        compute = next(one for one in wished if one in known) if self._compute == "auto" else self._compute
        if compute not in known:
            raise MissingError(
                f"Whisper cannot compute in {compute} on this machine's {device}.",
                hint=f"Choose one of {', '.join(sorted(known))}.",
            )
        return device, compute

    @cached_property
    def _fingerprint(self) -> Mapping[str, str]:
        """sha256 of each file of the model: as recorded when it was fetched, or of what is there."""
        folder = models.require(self.model)
        row = catalogue.named(self.model)
        record = models.read_record(row)
        if record is not None:
            return {name: entry["sha256"] for name, entry in sorted(record["files"].items())}
        return {name: models.hash_file(folder / name) for name in sorted(row.files)}

    def _pipeline(self) -> Any:
        """faster-whisper's batched pipeline over the model, loaded. Raises MissingError."""
        if self._loaded is None:
            folder = models.require(self.model)
            models.check_objects(self.model, ("config.json", "tokenizer.json", "preprocessor_config.json"))
            device, compute = self._place
            threads = self._threads if self._threads is not None else cores()
            try:
                from faster_whisper import BatchedInferencePipeline, WhisperModel

                model = WhisperModel(
                    str(folder),
                    device=device,
                    compute_type=compute,
                    cpu_threads=threads,
                    local_files_only=True,
                )
            except ImportError as error:
                raise _no_library() from error
            except Exception as error:  # the library's readers of JSON and tokens share no narrower type
                if _out_of_memory(error):
                    raise self._no_memory() from error
                raise MissingError(
                    f"The model {self.model} in {folder} cannot be loaded.",
                    hint=f"Fetch it again: `dubber models pull {self.model} --again`.",
                ) from error
            self._loaded = BatchedInferencePipeline(model)
            self._batch = self._batch or BATCH.get(device, 1)
        return self._loaded

    def _language(self, audio: AudioFile, chunks: Sequence[Chunk]) -> tuple[str, float]:
        """Whisper's code for the film's language and how sure that is, by the vote of chunks spread over its speech."""
        model = self._pipeline().model
        votes = []
        for chunk in spread(chunks):
            samples = np.zeros(WINDOW_MS * RATE // 1000, np.float32)
            sound = _samples(audio, chunk)[: len(samples)]
            samples[: len(sound)] = sound
            _, _, chances = self._within_memory(lambda: model.detect_language(audio=samples))  # noqa: B023
            votes.append((chunk.span.duration, dict(chances)))
        return vote(votes)

    def _missing(
        self, audio: AudioFile, chunk: Chunk, told_of: Sequence[Span], speech: Sequence[Span], code: str
    ) -> list[Word]:
        """What is said in a chunk where nothing that it gave is, heard on its own: decoding without time stamps is
        known to skip whole sentences. Where all of a chunk is one such stretch, it would be heard the same again."""
        left_out = coverage.wordless(told_of, coverage.inside(speech, chunk.span))
        chunks = [
            Chunk(
                span,
                Span(max(chunk.heard.start, span.start - PAD_MS), min(chunk.heard.end, span.end + PAD_MS)),
            )
            for span in left_out
            if span != chunk.span
        ]
        found: list[Word] = []
        for _, heard in self._decode_all(audio, chunks, code, speech):
            kept, _ = guards.sift_chunk(heard, speech, self._hotwords)
            if kept and not guards.is_silence(heard) and coverage.confidence(kept) >= SURE_AGAIN:
                found += kept
        return found

    def _decode_all(
        self, audio: AudioFile, chunks: Sequence[Chunk], code: str, speech: Sequence[Span]
    ) -> Iterator[tuple[Chunk, Decoded]]:
        """Each chunk of `speech` with what was decoded in it, in order."""
        self._pipeline()
        at = 0
        while at < len(chunks):
            batch = chunks[at : at + self._batch]
            try:
                found = self._decode(audio, batch, code)
            except (RuntimeError, MemoryError) as error:
                if not _out_of_memory(error):
                    raise
                if self._batch == 1:
                    raise self._no_memory() from error
                self._batch //= 2
                continue
            for chunk, one in zip(batch, found, strict=True):
                if guards.is_loop(one.words, speech):
                    again = self._within_memory(lambda: self._decode(audio, [chunk], code, **SECOND_HEARING))  # noqa: B023
                    yield chunk, guards.resumed(one, again[0], speech)
                else:
                    yield chunk, one
            at += len(batch)

    def _decode(self, audio: AudioFile, batch: Sequence[Chunk], code: str, **options: Any) -> list[Decoded]:
        """What is said in each of some chunks. Raises RuntimeError where memory is short."""
        per_ms = RATE // 1000
        laid = np.zeros((len(batch) * SLOT_MS + SLOT_MS) * per_ms, np.float32)
        clips = []
        for i, chunk in enumerate(batch, start=1):
            samples = _samples(audio, chunk)
            laid[i * SLOT_MS * per_ms :][: len(samples)] = samples
            clips.append({"start": i * SLOT_MS / 1000, "end": (i * SLOT_MS + WINDOW_MS) / 1000})
        segments, _ = self._pipeline().transcribe(
            laid,
            language=code,
            beam_size=self._beam,
            hotwords=self._hotwords or None,
            temperature=0.0,
            word_timestamps=True,
            clip_timestamps=clips,
            batch_size=len(batch),
            **options,
        )
        parts: list[list[Any]] = [[] for _ in batch]
        for segment in segments:
            parts[int(segment.seek * 10 // SLOT_MS) - 1].append(segment)
        return [
            decoded(part, chunk, i * SLOT_MS)
            for i, (part, chunk) in enumerate(zip(parts, batch, strict=True), start=1)
        ]

    def _within_memory(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not _out_of_memory(error):
                raise
            raise self._no_memory() from error

    def _no_memory(self) -> MissingError:
        device, _ = self._place
        return MissingError(
            f"{self.model} does not fit into the memory of the {'GPU' if device == 'cuda' else 'machine'}.",
            hint="Choose a smaller model (whisper-medium, whisper-small), or compute in int8.",
        )


def _samples(audio: AudioFile, chunk: Chunk) -> FloatArray:
    from dubber.audio import mono16k

    return mono16k(audio, chunk.heard.start * audio.rate // 1000, chunk.heard.end * audio.rate // 1000)


def _out_of_memory(error: BaseException) -> bool:
    told = str(error).lower()
    return isinstance(error, MemoryError) or any(
        sign in told for sign in ("out of memory", "failed to allocate", "alloc_failed", "bad_alloc")
    )


def _no_library() -> MissingError:
    return MissingError("faster-whisper is not installed.", hint="Install it: pip install faster-whisper")
