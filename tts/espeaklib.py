"""eSpeak NG's C library through ctypes: one line in, its samples out. Knows the library's calls and nothing of voices
that follow anybody."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import sys
import tempfile
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tts.errors import EngineMissing, SpeakingFailed

if TYPE_CHECKING:
    from tts.door import FloatArray

RATE_WPM, PITCH, RANGE = 1, 3, 4
"""espeak_PARAMETER: words per minute, base pitch, pitch range."""

_SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT: samples come to the callback while espeak_Synth runs
_DO_NOT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: missing data is an error code, not the end of the process
_IPA = 0x02  # espeakPHONEMES_IPA; in bits 8–23 the character that goes between phonemes
_UTF8 = 1  # espeakCHARS_UTF8; neither SSML nor [[phonemes]] are asked for, so text stays text
_OK = 0
_SEED = 1

LONGEST_TEXT = 20_000
"""Characters. About twenty minutes of speech: nobody's line, and still a bounded time."""

MOST_INITIALS = 30
LONGEST_RUN = 60
"""Dotted initials ("a.b.c.") and characters without a space that a text may hold. Version 1.52 overruns its stack
at some 200 initials, and its phoneme list at words of several hundred letters: no line of a film has them."""

PITCHES = (15, 99)
RANGES = (0, 90)
"""Of pitch and pitch_range: below and above, low tones fall under 25 Hz, where version 1.52 overruns its table of
harmonics."""

BETWEEN = "_"
"""Stands between two phonemes of a word in what `phonemes` gives; words are apart by spaces."""

_INITIAL_DOT = re.compile(r"(?<!\w\w)(?<=\w)\.")
_LONG_RUN = re.compile(rf"\S{{{LONGEST_RUN + 1},}}")

LONGEST_SECONDS = 3_600
"""Speech from one text after which the library is told to stop."""

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class _VoiceRecord(ctypes.Structure):
    """espeak_VOICE; `languages` is (priority byte, code, NUL)… and a zero."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("unused", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


@dataclass(frozen=True)
class ListedVoice:
    """A voice as the library lists it: the name it is chosen by, and the languages it says it speaks, each with
    a priority (the lower, the more it is meant)."""

    identifier: str
    languages: tuple[tuple[int, str], ...]


_mutex = threading.Lock()

_speaking = ThreadPoolExecutor(1, thread_name_prefix="espeak")
"""Where the library runs. Signals reach the main thread only: a Ctrl-C raised inside a ctypes callback would be
printed and dropped, and with it a part of the sound."""


def speak(text: str, voice: str, *, wpm: int, pitch: int, pitch_range: int) -> tuple[FloatArray, int]:
    """One text in one voice: mono float32 samples in -1..1, shape (n,), and their rate in Hz.

    `voice` is an identifier as `voices` lists them, with a variant after a "+" ("roa/es+f2"). The same call
    gives the same samples, whatever was spoken before and in whichever process.

    Raises ValueError for a pitch outside PITCHES or a range outside RANGES; EngineMissing; SpeakingFailed where
    the library refuses the voice or the text, which must be
    LONGEST_TEXT characters at the most.
    """
    if len(text) > LONGEST_TEXT:
        raise SpeakingFailed(f"The text has {len(text)} characters; more than {LONGEST_TEXT} are no line.")
    if not (PITCHES[0] <= pitch <= PITCHES[1] and RANGES[0] <= pitch_range <= RANGES[1]):
        raise ValueError(f"pitch {pitch} and range {pitch_range} are more than the library survives")
    return _speaking.submit(_speak, _plain(text), voice, wpm, pitch, pitch_range).result()


def _speak(text: str, voice: str, wpm: int, pitch: int, pitch_range: int) -> tuple[FloatArray, int]:
    parts: list[bytes] = []
    with _library() as (library, rate):
        left = LONGEST_SECONDS * rate

        def collect(samples: ctypes._Pointer[ctypes.c_short], count: int, _: object) -> int:
            nonlocal left
            if samples and count > 0:
                parts.append(ctypes.string_at(samples, 2 * count))
                left -= count
            return int(left < 0)

        callback = _Callback(collect)
        library.espeak_SetSynthCallback(callback)
        library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
        _check(library.espeak_SetVoiceByName(voice.encode()), f"it has no voice {voice!r}")
        for parameter, value in ((RATE_WPM, wpm), (PITCH, pitch), (RANGE, pitch_range)):
            _check(
                library.espeak_SetParameter(parameter, value, 0),
                f"it refused parameter {parameter} = {value}",
            )
        data = text.encode("utf-8") + b"\0"
        _check(library.espeak_Synth(data, len(data), 0, 1, 0, _UTF8, None, None), "it refused the text")
    sound: FloatArray = np.frombuffer(b"".join(parts), "<i2").astype(np.float32) / np.float32(32768)
    return sound, rate


def phonemes(texts: Iterable[str], voice: str) -> list[str]:
    """How a voice says each text: phonemes in IPA as the library writes them, with BETWEEN between them; empty
    where it says nothing. A change of language inside a text shows as "(en)".

    `voice` is an identifier as `voices` lists them. Each text is read by itself: the same text gives the same
    phonemes in any company. What lies beyond LONGEST_TEXT characters is not read. Raises EngineMissing, and
    SpeakingFailed where there is no such voice.
    """
    with _library() as (library, _):
        read = library.espeak_TextToPhonemes
        read.restype = ctypes.c_char_p
        read.argtypes = (ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int)
        _check(library.espeak_SetVoiceByName(voice.encode()), f"it has no voice {voice!r}")
        return [" ".join(_clauses(read, _plain(text[:LONGEST_TEXT]))) for text in texts]


def _clauses(read: ctypes._NamedFuncPointer, text: str) -> Iterator[str]:
    """The phonemes of one clause after another; the library moves the pointer on, and to NULL at the end."""
    buffer = ctypes.create_string_buffer(text.encode("utf-8"))
    place = ctypes.c_void_p(ctypes.addressof(buffer))
    while place.value:
        yield (read(ctypes.byref(place), _UTF8, _IPA | ord(BETWEEN) << 8) or b"").decode("utf-8", "replace")


@cache
def voices() -> tuple[ListedVoice, ...]:
    """All voices that can speak with the library's own data alone. Raises EngineMissing."""
    found = []
    _, data = _paths()
    with _library() as (library, _):
        library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_VoiceRecord))
        records = library.espeak_ListVoices(None)
        index = 0
        while records[index]:
            record = records[index].contents
            identifier = record.identifier.decode("utf-8", "replace")
            codes = tuple(_languages(record.languages))
            if codes and _has_dictionary(data, identifier, codes[0][1]):
                found.append(ListedVoice(identifier, codes))
            index += 1
    return tuple(found)


@cache
def identity() -> str:
    """The library's version and a digest of the library and all of its data: what shapes speech."""
    library, data = _paths()
    hasher = sha256()
    for path in (library, *sorted(data.rglob("*"))):
        if path.is_file():
            hasher.update(f"{path.name}:{path.stat().st_size}:".encode())
            hasher.update(path.read_bytes())
    with _library() as (loaded, _):
        loaded.espeak_Info.restype = ctypes.c_char_p
        version = loaded.espeak_Info(None).decode("ascii", "replace")
    return f"{version.split(' ')[0]}-{hasher.hexdigest()[:16]}"


def _paths() -> tuple[Path, Path]:
    try:
        import espeakng_loader
    except ImportError as error:
        raise EngineMissing("eSpeak NG is not installed (the package espeakng-loader).") from error
    return Path(espeakng_loader.get_library_path()), Path(espeakng_loader.get_data_path())


def _plain(text: str) -> str:
    """Text that the library reads aloud and survives. Control characters (U+0001 opens a command, U+0000 ends the
    text) and halves of surrogate pairs become spaces, and what overflows its buffers gets spaces put in."""
    text = "".join(" " if unicodedata.category(char) in {"Cc", "Cs"} else char for char in text)
    if len(_INITIAL_DOT.findall(text)) > MOST_INITIALS:
        text = _INITIAL_DOT.sub(" ", text)
    return _LONG_RUN.sub(lambda run: _spaced(run[0]), text)


def _spaced(run: str) -> str:
    apart = re.sub(r"([^\w\s])", r"\1 ", run)
    return re.sub(rf"(\S{{{LONGEST_RUN}}})", r"\1 ", apart)


def _has_dictionary(data: Path, identifier: str, code: str) -> bool:
    """Whether a voice's pronunciation dictionary is there. Without one it takes every text and says nothing; and
    MBROLA's voices, which need data from elsewhere, have no file here at all."""
    try:
        settings = (data / "lang" / identifier).read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    named = [words[1] for words in map(str.split, settings) if len(words) > 1 and words[0] == "dictionary"]
    return (data / f"{named[0] if named else code.split('-', maxsplit=1)[0]}_dict").is_file()


@contextmanager
def _library() -> Iterator[tuple[ctypes.CDLL, int]]:
    """The library, freshly loaded and initialised, for one caller at a time; and its sample rate in Hz.

    Its voices keep state that nothing resets (noise, flutter, echo), neither a seed nor espeak_Terminate, so
    that a line would depend on the lines before it. Loading it anew resets all of it and takes a millisecond.
    """
    path, data = _paths()
    with _mutex:
        try:
            library = ctypes.CDLL(str(_private_copy(path) if _held_elsewhere(path) else path))
        except OSError as error:
            raise EngineMissing(f"eSpeak NG cannot be loaded: {error}.") from error
        try:
            rate = library.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(data), _DO_NOT_EXIT)
            if rate <= 0:
                raise EngineMissing(f"eSpeak NG cannot read its data in {data}.")
            try:
                yield library, rate
            finally:
                library.espeak_Terminate()
        finally:
            _unload(library)


def _held_elsewhere(path: Path) -> bool:
    """Whether somebody else in this process has the library loaded: its state would be theirs and ours at once."""
    if sys.platform == "win32" or not hasattr(os, "RTLD_NOLOAD"):
        return False
    try:
        _unload(ctypes.CDLL(str(path), mode=os.RTLD_NOLOAD))
    except OSError:
        return False
    return True


@cache
def _private_copy(path: Path) -> Path:
    """The library under another name, which the loader takes for another library; gone with the process."""
    folder = tempfile.TemporaryDirectory(prefix="espeak-ng-")
    _private_folders.append(folder)
    return Path(shutil.copy(path, folder.name))


_private_folders: list[tempfile.TemporaryDirectory[str]] = []  # kept alive: each removes itself at exit


def _unload(library: ctypes.CDLL) -> None:
    if sys.platform == "win32":
        from _ctypes import FreeLibrary

        FreeLibrary(library._handle)
    else:
        from _ctypes import dlclose

        dlclose(library._handle)


def _check(code: int, trouble: str) -> None:
    if code != _OK:
        raise SpeakingFailed(f"eSpeak NG failed: {trouble} (error {code}).")


def _languages(address: int | None) -> Iterator[tuple[int, str]]:
    while address and (priority := ctypes.string_at(address, 1)[0]):
        code = ctypes.string_at(address + 1)
        yield priority, code.decode("ascii", "replace")
        address += len(code) + 2
