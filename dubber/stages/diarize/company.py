"""A folder of voices that the films of a batch share: NAME.wav per person, and an index of what they sound like.

A recording that a person puts there counts like one of ours. No recording is ever changed, replaced or removed.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from dubber import atomic, lock
from dubber.audio import read_reference
from dubber.errors import InUseError, MediaError, UsageError
from dubber.models.store import hash_file
from dubber.names import file_name, folded
from dubber.stages.diarize import shared
from dubber.stages.diarize.names import ALIKE
from dubber.stages.diarize.shared import Index, Voice
from dubber.stages.diarize.windows import RATE, SHORTEST_MS, Embed, FloatArray, voice

INDEX, LOCK, SUFFIX = "voices.json", ".voices.lock", ".wav"

PATIENCE_S = 60.0
"""How long a film waits for another one that is at the folder; each is there for a few seconds."""
RETRY_S = 0.05
_UNFINISHED = atomic.TEMPORARY_PREFIX + "voice-"
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


class Company:
    """The voices in `folder`, as the encoder behind `embed` hears them; `encoder` names its weights."""

    def __init__(self, folder: Path, embed: Embed, encoder: str) -> None:
        self.folder = folder
        self._embed = embed
        self._encoder = encoder

    def voices(self) -> Index:
        """Everybody in the folder by name; recordings that are new or were changed are listened to, and remembered.

        Raises UsageError where there is no such folder, or its index is none, and for a recording that is no
        sound or too short; InUseError, SpaceError.
        """
        with self._held():
            return self._read()

    def settle(
        self,
        centroids: Sequence[Sequence[float]],
        names: Sequence[str],
        sound: Callable[[int], tuple[FloatArray, int] | None],
        threshold: float = ALIKE,
    ) -> tuple[str | None, ...]:
        """Who in the company each speaker of a film is, by number; who is new joins it.

        centroids: of the film's speakers, from the same encoder. A new speaker joins under `names[i]` (another name
        where that one is taken) with the recording `sound(i)`, mono samples and Hz; where that is None, they do not
        join and are None. In one go: of two films that meet the same new speaker at once, the second finds what the
        first added. Raises as `voices`.
        """
        with self._held():
            index = dict(self._read())
            settled = list(shared.match(centroids, index, threshold))
            for i, known in enumerate(settled):
                recording = sound(i) if known is None else None
                if recording is not None:
                    name = self._join(names[i], *recording)
                    index[name] = self._listen(self.folder / (name + SUFFIX))
                    settled[i] = name
            self._write(index)
        return tuple(settled)

    def _read(self) -> Index:
        """The index, true to the recordings that are there now."""
        before = self._kept()
        index: dict[str, Voice] = {}
        for path in self._recordings():
            kept = before.get(path.stem)
            fresh = kept is not None and kept.encoder == self._encoder and kept.recording == hash_file(path)
            index[path.stem] = kept if kept is not None and fresh else self._listen(path)
        if index != before:
            self._write(index)
        return index

    def _recordings(self) -> list[Path]:
        return sorted(
            path
            for path in self.folder.iterdir()
            if path.suffix.lower() == SUFFIX and not path.name.startswith(".") and path.is_file()
        )

    def _kept(self) -> Index:
        path = self.folder / INDEX
        try:
            return shared.from_json(json.loads(path.read_text("utf-8")))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise UsageError(
                f"{path} is not an index of voices that this version of dubber understands.",
                hint="Delete it: it is made again from the recordings beside it.",
            ) from error

    def _write(self, index: Index) -> None:
        atomic.write_json(self.folder / INDEX, shared.to_json(index))

    def _listen(self, path: Path) -> Voice:
        import soxr

        digest = hash_file(path)
        try:
            samples, rate = read_reference(path)
        except MediaError as error:
            raise UsageError(
                f"{path} is among the cast's voices and cannot be used: {error}",
                hint="Take it away, or put a clear recording of this voice in its place.",
            ) from error
        try:
            vector = voice(soxr.resample(samples, rate, RATE) if rate != RATE else samples, self._embed)
        except ValueError as error:
            raise UsageError(
                f"{path} is too short for a voice: it has less than {SHORTEST_MS} ms.",
                hint="Give 5 to 30 seconds in which only this voice speaks.",
            ) from error
        return Voice(tuple(float(number) for number in vector), digest, self._encoder)

    def _join(self, wanted: str, samples: FloatArray, rate: int) -> str:
        """Writes a recording under a name that nobody has; returns the name."""
        while True:
            taken = {folded(path.name) for path in self.folder.iterdir()}
            labels = (f"{wanted} {number}" if number > 1 else wanted for number in count(1))
            name = next(name for name in map(_file_name, labels) if folded(name) not in taken)
            if _written_new(self.folder / name, samples, rate):
                return name.removesuffix(SUFFIX)

    @contextmanager
    def _held(self) -> Iterator[None]:
        """The folder for this film alone, waiting for others. Raises InUseError after PATIENCE_S."""
        if not self.folder.is_dir():
            raise UsageError(f"There is no folder of voices {self.folder}.", hint="Make it, or name another.")
        deadline = time.monotonic() + PATIENCE_S
        with ExitStack() as stack:
            while True:
                try:
                    stack.enter_context(lock.held(self.folder / LOCK))
                    break
                except InUseError:
                    if time.monotonic() >= deadline:
                        raise
                time.sleep(RETRY_S)
            atomic.sweep(self.folder, target=INDEX)
            for leftover in self.folder.glob(_UNFINISHED + "*"):
                leftover.unlink(missing_ok=True)
            yield


def recording(folder: Path, name: str) -> Path | None:
    """The recording of somebody in a folder of voices, None where they are not in it."""
    path = folder / _file_name(name)
    return path if path.is_file() else None


def _file_name(label: str) -> str:
    return file_name(label, SUFFIX)


def _written_new(path: Path, samples: FloatArray, rate: int) -> bool:
    """Puts a recording at `path` whole or not at all; False, and nothing done, where there is a file already."""
    import soundfile

    temporary = path.with_name(f"{_UNFINISHED}{secrets.token_hex(8)}{SUFFIX}")
    try:
        try:
            soundfile.write(temporary, samples, rate, subtype="FLOAT")
        except soundfile.LibsndfileError as error:
            raise atomic.refusal(path) from error
        with atomic.writing(path):
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            try:
                os.link(temporary, path)  # unlike a rename, it fails where somebody took the name meanwhile
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                try:
                    path.touch(exist_ok=False)  # the name is taken first, with a file that is ours to replace
                except FileExistsError:
                    return False
                temporary.replace(path)
            atomic.sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
    return True
