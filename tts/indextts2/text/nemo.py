"""NeMo's Spanish grammar, which reads numbers, dates and abbreviations out: compiled once on a machine, then kept.

Compiling takes minutes, and 40 MB of the person's folder of caches. What is kept appears there whole or not at all.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tts.errors import EngineMissing

PACKAGE = "nemo_text_processing"

_MAKING = ".making-"
_FORGOTTEN_S = 24 * 3600
"""A grammar that was begun so long ago is nobody's any more."""


def is_kept() -> bool:
    """Whether a grammar of the installed version was compiled here."""
    return any(_place().glob("*.far"))


@lru_cache(maxsize=1)
def spanish() -> Any:
    """The normaliser. Compiles it where it is not kept, or what is kept cannot be read; where nothing can be written,
    for this process alone. Raises EngineMissing where the library does not load."""
    logging.getLogger("NeMo-text-processing").setLevel(logging.WARNING)
    try:
        from nemo_text_processing.text_normalization.normalize import Normalizer
    except ImportError as error:
        raise EngineMissing(f"{PACKAGE} is installed, and does not load: {error}") from error

    place = _place()
    if is_kept():
        try:
            return Normalizer(input_case="cased", lang="es", cache_dir=str(place))
        except (OSError, RuntimeError, ValueError):  # what its runtime raises for a file that is damaged
            shutil.rmtree(place, ignore_errors=True)
    try:
        making = _begun(place)
    except OSError:
        return Normalizer(input_case="cased", lang="es")
    try:
        made = Normalizer(input_case="cased", lang="es", cache_dir=str(making))
        with suppress(OSError):  # no room, or another process was there first: this one has what it needs
            _settle(making, place)
        return made
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _place() -> Path:
    """Where this version's compiled grammar lies."""
    if sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    try:
        number = version(PACKAGE)
    except PackageNotFoundError:
        number = "none"
    return root / "dubber" / f"{PACKAGE}-{number}"


def _begun(place: Path) -> Path:
    """A folder beside `place` to compile into; those that killed processes left are taken away. Raises OSError."""
    place.parent.mkdir(parents=True, exist_ok=True)
    for other in place.parent.glob(f"{_MAKING}*"):
        if other.stat().st_mtime < time.time() - _FORGOTTEN_S:
            shutil.rmtree(other, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=_MAKING, dir=place.parent))


def _settle(making: Path, place: Path) -> None:
    """Moves what was compiled to its place, once it is on the disk. Raises OSError."""
    for file in making.iterdir():
        with file.open("rb") as written:
            os.fsync(written.fileno())
    with suppress(OSError):
        place.rmdir()  # empty: somebody else's leavings
    making.rename(place)
