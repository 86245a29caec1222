"""English words with times from PocketSphinx, whose model comes inside its wheel. Hears only where speech was
found, and knows nothing about sentences or speakers."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from align.types import Span, Word
from dubber import languages
from dubber.errors import DubberError, MissingError
from dubber.process import cores
from dubber.stages.transcribe.chunks import Chunk, cut
from dubber.stages.transcribe.door import Heard

if TYPE_CHECKING:
    from dubber.audio import AudioFile

FloatArray = npt.NDArray[np.float32]

LANGUAGES = frozenset({"en"})
"""BCP 47 primary tags of the languages this recogniser understands."""

REVISION = 3
"""Goes up whenever the same sound would give other words for a reason that `digest` does not see."""

RATE = 16_000
"""Hz that the bundled acoustic model was trained at."""
FRAME_MS = 10
"""Milliseconds of one decoder frame (its `frate` of 100 per second)."""

OPTIONS: dict[str, Any] = {"maxhmmpf": 3000, "maxwpf": 10, "lw": 8.0}
"""Decoder limits: active HMMs and words per frame, and the language model's weight. On synthetic and real speech
half the time of the library's own settings, for about two words in a hundred more that are wrong."""

LONGEST_MS = 15_000
"""A chunk holds at most this much, so that all cores finish together and one bad stretch spoils little."""
JOIN_MS = 500
"""Speech closer than this is heard together: the language model then has the words before."""
PAD_MS = 150
"""Room sound heard before and after a chunk: the model expects silence around an utterance."""
TARGET_RMS = 0.1
"""Level a chunk is brought to (−20 dB re full scale), about that of the model's training speech."""
SNAP_MS = 80
"""A word edge this near to an edge of the speech found is that edge. Inside speech words stay where they are: states of
10 ms put them there, nearer (median 15 ms on eSpeak NG) than the dips that Whisper's words are moved to (28 ms)."""


def digest() -> str:
    """What the words depend on besides the sound and its speech, for cache keys: this code, the library's
    version (the model comes with it) and every number above. Raises MissingError without the library."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        library = version("pocketsphinx")
    except PackageNotFoundError as error:
        raise _no_recogniser() from error
    options = " ".join(f"{name}={value}" for name, value in sorted(OPTIONS.items()))
    chunking = (RATE, FRAME_MS, LONGEST_MS, JOIN_MS, PAD_MS, TARGET_RMS, SNAP_MS)
    return f"pocketsphinx-{REVISION} {library} {options} {' '.join(map(str, chunking))}"


class PocketSphinx:
    """The bundled recogniser behind the door; `jobs` processes decode, by default one per core."""

    name = "pocketsphinx"

    def __init__(self, jobs: int | None = None) -> None:
        self._jobs = jobs

    def check(self, language: str) -> None:
        """Raises MissingError for any language but English, and where the library is not there. Loads nothing."""
        digest()
        if language != languages.UNKNOWN and languages.primary(language) not in LANGUAGES:
            raise MissingError(
                f"The recogniser pocketsphinx understands English only, not {languages.english_name(language)}.",
                hint="Give what is said: --transcript FILE.srt",
            )

    def digest(self) -> str:
        """What the words depend on besides the sound and its speech. Raises MissingError without the library."""
        return digest()

    def recognise(
        self,
        audio: AudioFile,
        speech: Sequence[Span],
        language: str,
        progress: Callable[[float], None] = lambda _: None,
        quiet: AudioFile | None = None,
    ) -> Heard:
        """The English words said in `speech`. Where `language` is "und" it is taken for English, and not sure at all.

        Speech that never pauses is cut where `quiet` is quietest; edges of words are those of `speech`, or as heard.
        Raises MediaError, and MissingError as `check` does and where a worker dies.
        """
        self.check(language)
        words = recognise(audio, speech, jobs=self._jobs, progress=progress, quiet=quiet)
        return Heard(words, "en", 0.0) if language == languages.UNKNOWN else Heard(words, language)

    def close(self) -> None:
        """Holds nothing between two films."""


def recognise(
    audio: AudioFile,
    speech: Sequence[Span],
    *,
    jobs: int | None = None,
    progress: Callable[[float], None] = lambda _: None,
    quiet: AudioFile | None = None,
) -> tuple[Word, ...]:
    """Words in order of start, lower case but for "I", each inside `speech` and with a confidence in 0..1.

    `quiet` is the same sound without music and effects, in which speech that never pauses is cut.
    `jobs` worker processes (default: one per core) decode chunks; their number does not change the words.
    Raises MediaError where the audio cannot be read, MissingError where a worker dies.
    """
    jobs = max(1, jobs if jobs is not None else cores())
    chunks = cut(quiet or audio, speech, longest=LONGEST_MS, join=JOIN_MS, pad=PAD_MS)
    total = sum(chunk.span.duration for chunk in chunks)
    heard: dict[int, list[Word]] = {}
    done = 0
    with closing(_decode_all(audio, chunks, min(jobs, len(chunks)))) as decoded:
        for index, words in decoded:
            heard[index] = words
            done += chunks[index].span.duration
            progress(done / max(1, total))
    words = [word for index in range(len(chunks)) for word in heard[index]]
    return _snap(words, speech)


def _decode_all(
    audio: AudioFile, chunks: Sequence[Chunk], jobs: int
) -> Generator[tuple[int, list[Word]], None, None]:
    """(index of the chunk, its words), in the order in which they are done."""
    if jobs <= 1:
        decoder = _new_decoder() if chunks else None
        for index, chunk in enumerate(chunks):
            yield index, _decode(decoder, audio, chunk)
        return
    todo = iter(enumerate(chunks))
    busy: dict[Connection, int] = {}
    with _workers(jobs, audio.path) as workers:
        try:
            for worker, (index, chunk) in zip(workers, todo, strict=False):
                worker.send(chunk)
                busy[worker] = index
            while busy:
                for ready in wait(list(busy)):
                    worker = cast("Connection", ready)
                    done, answer = busy.pop(worker), worker.recv()
                    if isinstance(answer, DubberError):
                        raise answer
                    for index, chunk in islice(todo, 1):
                        worker.send(chunk)
                        busy[worker] = index
                    yield done, answer
        except (EOFError, ConnectionError) as error:
            raise MissingError(
                "A recogniser process ended before its work was done.",
                hint="It may have run out of memory: run again with fewer jobs.",
            ) from error


@contextmanager
def _workers(count: int, path: Path) -> Iterator[list[Connection]]:
    """Our ends of the pipes to `count` worker processes, which are gone when this block is left, however it is.

    Should this process be killed, they find their pipe closed after the chunk in hand, and go.
    """
    context = get_context("spawn")
    ends, processes = [], []
    try:
        with _uninterrupted():
            for _ in range(count):
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs, path), daemon=True)
                process.start()
                theirs.close()  # theirs alone from now on: their death is our end of file
                ends.append(ours)
                processes.append(process)
        yield ends
    finally:
        for process in processes:
            process.terminate()  # the decoder holds the interpreter: only a signal reaches it within a chunk
            process.join()
        for end in ends:
            end.close()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits for the end of this block, and processes started in it never hear of it: a blocked signal
    stays blocked across exec, so that not even their imports are interrupted. It is the parent's to answer."""
    resource_tracker.ensure_running()  # its first start would unblock the signal again
    held: list[int] = []
    handler = None
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is not None:
        # Blocking is for this thread only: the signal may come through one of a library's.
        handler = signal.signal(signal.SIGINT, lambda number, _: held.append(number))
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
        for number in held[:1]:
            signal.raise_signal(number)


def _serve(pipe: Connection, path: Path) -> None:
    """A worker's life: chunks come in, their words or the error go out, until nobody asks any more."""
    from dubber.audio import AudioFile

    try:
        with AudioFile(path) as audio:
            decoder = None
            while True:
                chunk = pipe.recv()
                try:
                    decoder = decoder or _new_decoder()
                    pipe.send(_decode(decoder, audio, chunk))
                except DubberError as error:
                    pipe.send(error)
    except (EOFError, ConnectionError):
        return


def _new_decoder() -> Any:
    """A decoder of the bundled model. Raises MissingError where it cannot be loaded."""
    try:
        from pocketsphinx import Decoder

        return Decoder(samprate=RATE, loglevel="FATAL", **OPTIONS)
    except (ImportError, RuntimeError, ValueError) as error:
        raise _no_recogniser() from error


def _no_recogniser() -> MissingError:
    return MissingError(
        "The English recogniser cannot be loaded.", hint="Install it again: pip install pocketsphinx"
    )


def _decode(decoder: Any, audio: AudioFile, chunk: Chunk) -> list[Word]:
    """The words of one chunk, independent of what this decoder heard before."""
    from dubber.audio import mono16k

    per_ms = audio.rate / 1000
    samples = mono16k(audio, round(chunk.heard.start * per_ms), round(chunk.heard.end * per_ms))
    decoder.reinit_feat()  # forget the cepstral mean of the chunk before
    decoder.start_utt()
    decoder.process_raw(_pcm(samples), full_utt=True)
    decoder.end_utt()
    words = []
    for piece in decoder.seg() or ():
        text = piece.word.partition("(")[0]  # "read(2)" is another pronunciation of "read"
        if not text or text[0] in "<[+":  # silence, noise, breath
            continue
        start = chunk.heard.start + piece.start_frame * FRAME_MS
        end = chunk.heard.start + (piece.end_frame + 1) * FRAME_MS
        start, end = max(start, chunk.span.start), min(end, chunk.span.end)
        if start < end:
            confidence = min(1.0, max(0.0, piece.prob))  # a posterior, up to rounding
            words.append(Word(_cased(text), Span(start, end), round(confidence, 3)))
    return words


def _cased(text: str) -> str:
    """The one capital that English words have in the middle of a sentence: the dictionary knows none."""
    return "I" + text[1:] if text == "i" or text.startswith("i'") else text


def _pcm(samples: FloatArray) -> bytes:
    """16-bit sound without DC at the level the model knows; a few clipped peaks do no harm."""
    samples = samples - samples.mean() if len(samples) else samples
    rms = float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0
    scaled = samples * (TARGET_RMS / rms) if rms > 0 else samples
    return bytes((np.clip(scaled, -1, 1) * 32767).astype("<i2").tobytes())


def _snap(words: Sequence[Word], speech: Sequence[Span]) -> tuple[Word, ...]:
    """Word edges beside an edge of the speech found are that edge: it was measured, they were aligned."""
    starts = np.array([span.start for span in speech], np.int64)
    ends = np.array([span.end for span in speech], np.int64)
    snapped: list[Word] = []
    for i, word in enumerate(words):
        before = snapped[-1].span.end if snapped else 0
        after = words[i + 1].span.start if i + 1 < len(words) else word.span.end + SNAP_MS
        start, end = _nearest(starts, word.span.start), _nearest(ends, word.span.end)
        start = max(before, start if abs(start - word.span.start) <= SNAP_MS else word.span.start)
        end = min(after, end) if abs(end - word.span.end) <= SNAP_MS else word.span.end
        if start < end:
            snapped.append(Word(word.text, Span(start, end), word.confidence))
    return tuple(snapped)


def _nearest(edges: npt.NDArray[np.int64], time: int) -> int:
    return int(edges[np.abs(edges - time).argmin()])
