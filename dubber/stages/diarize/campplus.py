"""The studio's diarizer: CAM++ tells voices apart, finds how many there are, and where one hands over to another.

Never run with the released weights here: the cosines below are those of the literature.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from align.types import Span
from dubber.errors import MissingError
from dubber.models import store as models
from dubber.stages.diarize import overlaps
from dubber.stages.diarize.door import Diarization
from dubber.stages.diarize.windowed import Tuning, diarize

if TYPE_CHECKING:
    from dubber.audio import AudioFile
    from dubber.stages.diarize.windows import FloatArray
    from tts.indextts2.speakers import SpeakerEncoder

REVISION = 2
"""Goes up whenever the same sound and weights would give another answer."""

MODEL, FILE = "indextts2", "campplus_cn_common.bin"
"""Where the weights lie: both releases of IndexTTS come with them."""

TUNING = Tuning(same=0.4, one=0.8)
"""Cosines of CAM++ as its makers' own diarization recipe has them (3D-Speaker: average linkage stops at 0.4, groups
whose centroids are 0.8 alike are one); for whole recordings their model card takes 0.31 and up for one person. Where
windows are noisier than there, it is the second that counts, for it is taken relative to how alike one voice's windows
are."""


class CampPlusDiarizer:
    """The diarizer of the studio lane, as the door has it. Nothing is loaded before the first use."""

    name = "campplus"
    on_phrases = False

    def __init__(self, device: str = "auto", model: str = MODEL) -> None:
        self._device = device
        self._model = model
        self._encoder: SpeakerEncoder | None = None

    def digest(self) -> str:
        """What the answer depends on besides sound, spans and count. Raises MissingError."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            library = version("torch")
        except PackageNotFoundError as error:
            raise _not_installed("torch") from error
        file = models.require(self._model, [FILE]) / FILE
        weights = self._encoder.digest if self._encoder else models.hash_file(file)
        return f"campplus-{REVISION} torch-{library} {TUNING.same} {TUNING.one} {weights}"

    def diarize(
        self,
        audio: AudioFile,
        spans: Sequence[Span],
        speakers: int | None,
        progress: Callable[[float], None] = lambda _: None,
    ) -> Diarization:
        """Turns that cover `spans` and do not overlap: where two voices are heard, one of them has the turn, and
        `overlaps` says so. Raises ValueError where `speakers` is below 1, MissingError, MediaError."""
        found = diarize(audio, spans, speakers, self.embed, TUNING, lambda done: progress(0.9 * done))
        if len(found.centroids) < 2:
            progress(1.0)
            return found
        heard = overlaps.find(audio, spans, found, self.embed, lambda done: progress(0.9 + 0.1 * done))
        return Diarization(found.turns, heard, found.centroids)

    def embed(self, pieces: Sequence[FloatArray]) -> FloatArray:
        """The voice in each piece of speech (mono at 16 kHz), shape (pieces, 192), unit rows. Raises MissingError."""
        if self._encoder is None:
            self._encoder = self._load()
        return self._encoder.embed(pieces)

    def close(self) -> None:
        """Lets go of the network and of the GPU's memory."""
        if self._encoder is not None:
            self._encoder.close()
            self._encoder = None

    def _load(self) -> SpeakerEncoder:
        folder = models.require(self._model, [FILE])
        try:
            from tts.errors import BadWeights
            from tts.indextts2.speakers import SpeakerEncoder
        except ImportError as error:
            raise _not_installed(str(error.name)) from error
        try:
            encoder = SpeakerEncoder.load(folder / FILE, self._device)
        except BadWeights as error:
            raise MissingError(
                str(error), hint=f"Compare the files with `dubber models verify {self._model}`."
            ) from error
        models.compare(self._model, {FILE: encoder.digest})
        return encoder


def _not_installed(package: str) -> MissingError:
    return MissingError(
        f"The diarizer campplus needs {package}, which is not installed.",
        hint="Bring it with `make install-studio`, or choose another with `--diarizer`.",
    )
