"""Speech for the tests, spoken by eSpeak NG in memory: mono float32 at 16 kHz, trimmed to its sound."""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np
import numpy.typing as npt

RATE = 16_000
_RETRIEVAL, _PITCH, _WPM, _UTF8 = 2, 3, 1, 1

_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@cache
def _library() -> tuple[ctypes.CDLL, int]:
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(_RETRIEVAL, 0, espeakng_loader.get_data_path().encode(), 0)
    return library, rate


def say(text: str, *, voice: str = "en-us", pitch: int = 50, wpm: int = 150) -> npt.NDArray[np.float32]:
    """`text` from the first sample above 1 % of its peak to the last."""
    import soxr

    library, rate = _library()
    parts: list[npt.NDArray[np.int16]] = []

    def collect(samples: ctypes.Array[ctypes.c_short], count: int, _: object) -> int:
        if samples and count:
            parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    callback = _CALLBACK(collect)
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetVoiceByName(voice.encode())
    library.espeak_SetParameter(_PITCH, pitch, 0)
    library.espeak_SetParameter(_WPM, wpm, 0)
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # otherwise every process speaks slightly differently
    data = text.encode()
    library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    sound = soxr.resample(np.concatenate(parts).astype(np.float32) / 32768, rate, RATE)
    heard = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
    return np.asarray(sound[heard[0] : heard[-1] + 1], np.float32)
