"""Hybrid Transformer Demucs behind the door: a film of any length, a few of the network's segments at a time.

The network is the library's; its way of running one, which holds a whole recording, is not used (`windows` is ours).
Rouard, Massa and Défossez, Hybrid Transformers for Music Source Separation, ICASSP 2023.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from align.types import SAMPLE_RATE, Span
from dubber.audio import BLOCK, AudioWriter
from dubber.errors import MissingError, UsageError
from dubber.models import store as models
from dubber.stages.separate import bag, checkpoint, rates, windows

if TYPE_CHECKING:
    from dubber.audio import AudioFile

FloatArray = npt.NDArray[np.float32]

REVISION = 2
"""Goes up whenever the same sound would give another stem."""

MODELS = ("htdemucs", "htdemucs_ft")
"""The bags of networks that dubber's models hold."""

LIBRARIES = ("demucs", "torch", "soxr")
"""The packages whose versions shape a stem."""

BATCH = {"cuda": 4}
"""Segments run at once where that is faster; elsewhere one."""

NO_ROOM = ("out of memory", "can't allocate memory", "ALLOC_FAILED")
"""What torch's errors say where memory is short; only CUDA's own allocator gives them a type."""

FLOOR = 1e-8
"""Added to the standard deviation, so that silence is not divided by zero; the library's own."""


class Demucs:
    """The engine; see `door.Separator`. `device` is auto, cpu, cuda or mps."""

    needs_speech = False

    def __init__(self, model: str = "htdemucs", *, device: str = "auto") -> None:
        """Loads nothing. Raises UsageError for a model that is none of MODELS."""
        if model not in MODELS:
            raise UsageError(f"There is no separator {model!r}.", hint=f"Choose one of {', '.join(MODELS)}.")
        self.name = model
        self._device = device
        self._digest: str | None = None
        self._vocals: _Vocals | None = None

    def digest(self) -> str:
        """Names the code, the libraries and the weights that are used. Raises MissingError."""
        if self._digest is None:
            parts = [self.name, str(REVISION), *(f"{one} {_version(one)}" for one in LIBRARIES)]
            found = self._bag()
            files = {path.name: models.hash_file(path) for path in found.files}
            models.compare(self.name, files)
            parts += [f"{name} {digest}" for name, digest in files.items()]
            self._digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return self._digest

    def separate(
        self,
        source: AudioFile,
        speech: Sequence[Span],
        out: Path,
        progress: Callable[[float], None] = lambda _: None,
    ) -> None:
        """Writes the vocals of a mono or stereo `source` at 48 kHz to `out`, as long and with as many channels.

        Mono is heard as two equal channels, and its stem is their mean. A constant offset (DC) stays in the bed. Raises
        ValueError for another rate or number of channels; MediaError, MissingError (also where the GPU's memory does
        not even take one segment), SpaceError.
        """
        if source.rate != SAMPLE_RATE or source.channels not in (1, 2):
            raise ValueError(f"cannot separate {source.channels} channels at {source.rate} Hz")
        vocals = self._loaded()
        frames, level = source.frames, _Level.of(source)
        centred = (block - np.float32(level.mean) for _, block in source.blocks(BLOCK))
        heard = (np.repeat(block, 2 // source.channels, axis=1) for block in centred)
        stems = windows.run(
            lambda segments: vocals(segments, level.deviation),
            rates.to_network(heard, frames),
            rates.network_frames(frames),
            vocals.length,
            batch=vocals.batch,
        )
        with AudioWriter(out, source.channels) as writer:
            for stem in rates.to_film(stems, frames):
                writer.append(stem if source.channels == 2 else stem.mean(axis=1, keepdims=True))
                progress(writer.frames / frames)
        progress(1.0)

    def close(self) -> None:
        """Lets go of the network's memory; the next use loads it again."""
        if self._vocals is not None:
            self._vocals = None
            _empty_cache()

    def _bag(self) -> bag.Bag:
        return bag.read(models.require(self.name, files=[f"{self.name}.yaml"]), self.name)

    def _loaded(self) -> _Vocals:
        if self._vocals is None:
            self.digest()  # also looks for the packages, and compares the files with the store's record
            device, found = _chosen(self._device), self._bag()
            networks = [(checkpoint.load(part.path), part.share) for part in found.parts]
            try:
                self._vocals = _Vocals(self.name, networks, found.segment, device)
            except (MemoryError, RuntimeError) as error:
                if not _says_no_room(error):
                    raise
                raise _no_room(self.name, device) from error
        return self._vocals


@dataclass(frozen=True)
class _Level:
    """Mean and standard deviation of a film's mono sum: what the network's input is brought to 0 and 1 by.

    One pair for the whole film, as in training; one for each stretch would let the stem pump.
    """

    mean: float
    deviation: float

    @classmethod
    def of(cls, source: AudioFile) -> _Level:
        """Reads the source once. Taken at 48 kHz: resampling takes away only what is above 20 kHz."""
        total = squares = 0.0
        for _, block in source.blocks(BLOCK):
            mono = block.mean(axis=1, dtype=np.float64)
            total += float(mono.sum())
            squares += float(mono @ mono)
        mean = total / max(1, source.frames)
        return cls(mean, max(0.0, squares / max(1, source.frames) - mean * mean) ** 0.5 + FLOOR)


class _Vocals:
    """A bag's networks on their device: segments of sound in, their vocals out."""

    def __init__(
        self, name: str, networks: Sequence[tuple[Any, float]], segment: float | None, device: str
    ) -> None:
        self.name, self.device, self.batch = name, device, BATCH.get(device, 1)
        lengths = set()
        for network, _ in networks:
            if segment is not None and segment < network.segment:
                network.segment = segment
            lengths.add(int(network.segment * network.samplerate))
        if len(lengths) > 1:
            raise MissingError(f"The networks of {name} hear segments of different lengths.")
        self.length = lengths.pop()
        self._networks = [(network.to(device), share) for network, share in networks]  # 170 MB each

    def __call__(self, segments: FloatArray, deviation: float) -> FloatArray:
        """Vocals of (segments, samples, 2), in the same shape; `deviation` is the whole film's. Raises MissingError
        where even one segment does not fit into memory.

        Where memory is short, fewer are run at once from then on, which changes nothing but rounding.
        """
        made: list[FloatArray] = []
        while (done := sum(map(len, made))) < len(segments):
            part = self._fitted(segments[done : done + self.batch], deviation)
            if part is not None:
                made.append(part)
            elif self.batch > 1:
                self.batch //= 2
                _empty_cache()
            else:
                raise _no_room(self.name, self.device)
        return np.concatenate(made)

    def _fitted(self, segments: FloatArray, deviation: float) -> FloatArray | None:
        """None where there is not enough memory; the error and all that it holds on to is gone by then."""
        try:
            return self._run(segments, deviation)
        except (MemoryError, RuntimeError) as error:
            if not _says_no_room(error):
                raise
            return None

    def _run(self, segments: FloatArray, deviation: float) -> FloatArray:
        import torch

        mixed = torch.from_numpy(segments / np.float32(deviation))
        heard = mixed.transpose(1, 2).contiguous().to(self.device)
        with torch.inference_mode(), _exact():
            vocals = sum(share * network(heard)[:, checkpoint.VOCALS] for network, share in self._networks)
        made = (vocals * deviation).transpose(1, 2).cpu().numpy()
        if not np.isfinite(made).all():
            raise MissingError(
                f"The networks of {self.name} gave something that is not sound.",
                hint=f"Their weights may be damaged: run `dubber models verify {self.name}`.",
            )
        return np.ascontiguousarray(made, dtype=np.float32)


def _says_no_room(error: MemoryError | RuntimeError) -> bool:
    return isinstance(error, MemoryError) or any(sign in str(error) for sign in NO_ROOM)


def _no_room(name: str, device: str) -> MissingError:
    return MissingError(
        f"The memory of the device {device} does not take {name} and a single segment of sound.",
        hint="Close what else uses it, or choose --device cpu.",
    )


def _exact() -> Any:
    """Full float32 and the same kernels on every run: cuDNN would choose by stopwatch, and round to ten bits."""
    import torch

    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


def _chosen(device: str) -> str:
    """The device that is meant, of those there are. Raises MissingError."""
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return next(name for name, is_there in there.items() if is_there)
    if not there.get(device):
        raise MissingError(
            f"There is no device {device} on this machine.", hint="Choose --device cpu or auto."
        )
    return device


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError as error:
        raise MissingError(
            f"Demucs needs the package {package}, which is not installed.",
            hint="Bring it with `pip install 'dubber[studio]'`.",
        ) from error


def _empty_cache() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
