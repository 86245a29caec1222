"""Recordings into what the networks take: two sample rates, a mel spectrogram, two filter banks. Holds no weights.

Everything here is a formula. Where a choice is free (a window's period, the way from rate to rate), it is the reference
implementation's: the released checkpoint knows no other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor

from tts.door import FloatArray
from tts.errors import BadReference

MEL_RATE = 22_050
"""Hz. The vocoder's rate, and the mel spectrogram's."""

SPEECH_RATE = 16_000
"""Hz. The rate of both speech encoders."""

LONGEST = 15
"""Seconds of a recording that are listened to; the rest is cut off."""

MELS = 80
"""Bands of the mel spectrogram and of both filter banks."""

MEL_FFT = 1_024
MEL_HOP = 256

FRAME = 400  # samples: 25 ms at SPEECH_RATE
SHIFT = 160  # 10 ms
STACKED = 2  # frames that make one position of the semantic encoder: 20 ms

_FEWEST_MEL = (MEL_FFT - MEL_HOP) // 2 + 1  # samples: a reflection does not repeat the edge
_FEWEST_FEATURES = FRAME + SHIFT  # samples: one frame has no variance

_FFT = 512  # the next power of two after FRAME
_MEL_FLOOR = 1e-5
_LOG_FLOOR = 1.1920929e-07  # the epsilon of float32, Kaldi's
_LOWEST_BAND = 20.0  # Hz, Kaldi's
_PREEMPHASIS = 0.97
_INT16 = 2.0**15

_SINC_WIDTH = 6  # zero crossings on each side of the resampler's kernel
_ROLLOFF = 0.99  # of the lower Nyquist frequency


@dataclass(frozen=True)
class ReferenceAudio:
    """A speaker's recording at both rates: `wave22` [n22] at MEL_RATE, `wave16` [n16] at SPEECH_RATE, float32, ±1."""

    wave22: Tensor
    wave16: Tensor


def reference_audio(samples: FloatArray, rate: int) -> ReferenceAudio:
    """A speaker's recording, on the CPU: cut to LONGEST at MEL_RATE, and only then brought to SPEECH_RATE.

    samples: mono [n] in ±1 at `rate` Hz. Raises BadReference where they are not mono, not finite, or too few for a mel
    spectrogram or for the speech features.
    """
    wave22 = torch.from_numpy(_resampled(samples, rate, MEL_RATE))
    wave16 = resample(wave22, MEL_RATE, SPEECH_RATE)
    _require(wave22, _FEWEST_MEL)
    _require(wave16, _FEWEST_FEATURES)
    return ReferenceAudio(wave22, wave16)


def emotion_audio(samples: FloatArray, rate: int) -> Tensor:
    """An emotion's recording at SPEECH_RATE, [n16] on the CPU, cut to LONGEST.

    It comes straight from its own rate, so the same file sounds a little different here than in `reference_audio`.
    samples: mono [n] in ±1 at `rate` Hz. Raises BadReference as `reference_audio`.
    """
    wave16 = torch.from_numpy(_resampled(samples, rate, SPEECH_RATE))
    _require(wave16, _FEWEST_FEATURES)
    return wave16


@torch.inference_mode()
def mel(wave22: Tensor) -> Tensor:
    """Log mel spectrogram that the flow decoder and BigVGAN speak in.

    wave22: [n] at MEL_RATE, ±1 → [80, n // 256], natural log of a magnitude clamped at 1e-5, so -11.5 and up.
    Raises BadReference for too few samples to reflect at the edges.
    """
    _require(wave22, _FEWEST_MEL)
    margin = (MEL_FFT - MEL_HOP) // 2
    padded = F.pad(wave22[None], (margin, margin), mode="reflect")[0]
    window = torch.hann_window(MEL_FFT, dtype=wave22.dtype, device=wave22.device)
    spectrum = torch.fft.rfft(padded.unfold(0, MEL_FFT, MEL_HOP) * window)  # [R, 513]
    magnitude = (spectrum.real.square() + spectrum.imag.square() + 1e-9).sqrt()
    bands: Tensor = _slaney_bank(wave22.dtype, wave22.device) @ magnitude.T  # [80, R]
    return bands.clamp_min(_MEL_FLOOR).log()


@torch.inference_mode()
def fbank(wave16: Tensor) -> Tensor:
    """Kaldi log filter bank of the speaker encoder.

    wave16: [n] at SPEECH_RATE, ±1 → [1 + (n - 400) // 160, 80]. Raises BadReference for less than one frame.
    """
    _require(wave16, FRAME)
    return _kaldi(wave16)


def centred(fbank: Tensor) -> Tensor:
    """The filter bank without its mean over time, [..., T, 80]: what CAM++ takes (cepstral mean normalisation)."""
    return fbank - fbank.mean(-2, keepdim=True)


@torch.inference_mode()
def w2v_features(wave16: Tensor) -> tuple[Tensor, Tensor]:
    """Features of the semantic encoder and their mask.

    wave16: [n] at SPEECH_RATE, ±1 → features [1, T, 160] in its dtype, mask bool [1, T], T = ceil(frames / 2).
    Each band has zero mean and unit variance over the recording; two frames are stacked into one position, which is
    masked where its second frame is missing. Raises BadReference for less than two frames.
    """
    _require(wave16, _FEWEST_FEATURES)
    # In float64, because at the 16-bit scale the rounding noise of a float32 transform lies far above the log floor:
    # a recording without anything above 4 kHz would get noise in bands that the encoder knows as empty.
    frames = _kaldi(wave16.double() * _INT16)
    variance, mean = torch.var_mean(frames, 0, correction=1)
    normal = ((frames - mean) / (variance + 1e-7).sqrt()).to(wave16.dtype)
    missing = -len(normal) % STACKED
    stacked = F.pad(normal, (0, 0, 0, missing)).reshape(1, -1, STACKED * MELS)  # [1, T, 160]
    mask = torch.ones(stacked.shape[:2], dtype=torch.bool, device=wave16.device)
    if missing:
        mask[0, -1] = False
    return stacked, mask


def resample(wave: Tensor, rate: int, to: int) -> Tensor:
    """Band-limited resampling by a Hann-windowed sinc, [n] → [ceil(n · to / rate)].

    Source: J. O. Smith, "Digital Audio Resampling", 2002. Only for whole-number rates: with a = rate/g and b = to/g in
    lowest terms, output b·q + p looks at the input around sample a·q through the kernel of phase p.
    """
    common = math.gcd(rate, to)
    a, b = rate // common, to // common
    if a == b:
        return wave
    kernel = _sinc_kernel(a, b, wave.dtype, wave.device)  # [b, 1, taps]
    reach = (kernel.shape[-1] - a) // 2
    phases = F.conv1d(F.pad(wave, (reach, reach + a))[None, None], kernel, stride=a)  # [1, b, blocks]
    return phases[0].T.flatten()[: math.ceil(len(wave) * b / a)]


def _resampled(samples: FloatArray, rate: int, to: int) -> FloatArray:
    """SoX's high-quality resampling, cut to LONGEST, [ceil(n · to / rate)] float32."""
    import soxr

    mono: FloatArray = np.ascontiguousarray(samples, dtype=np.float32)
    if mono.ndim != 1 or rate < 1:
        raise BadReference("A reference must be mono samples at a positive rate.")
    if not np.isfinite(mono).all():
        raise BadReference("The reference holds samples that are not numbers.")
    if rate != to:
        length = math.ceil(len(mono) * (to / rate))
        converted: FloatArray = soxr.resample(mono, rate, to, quality="HQ")
        mono = np.pad(converted[:length], (0, max(0, length - len(converted))))
    # a copy, because the caller's own samples may change under a tensor that shares their memory
    kept: FloatArray = mono[: LONGEST * to].copy()
    return kept


def _require(wave: Tensor, fewest: int) -> None:
    if len(wave) < fewest:
        raise BadReference(f"The recording is {len(wave)} samples long where at least {fewest} are needed.")


def _kaldi(wave: Tensor) -> Tensor:
    """Kaldi's filter bank of whole frames, [n] → [T, 80], natural log of power. Povey et al. 2011, and its defaults."""
    frames = wave.unfold(0, FRAME, SHIFT)  # [T, 400]
    frames = frames - frames.mean(1, keepdim=True)
    before = torch.cat((frames[:, :1], frames[:, :-1]), 1)  # the first sample has only itself before it
    frames = (frames - _PREEMPHASIS * before) * _povey_window(wave.dtype, wave.device)
    spectrum = torch.fft.rfft(frames, _FFT)  # [T, 257]
    power = spectrum.real.square() + spectrum.imag.square()
    bands: Tensor = power @ _kaldi_bank(wave.dtype, wave.device)  # [T, 80]
    return bands.clamp_min(_LOG_FLOOR).log()


@lru_cache(maxsize=8)
def _povey_window(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Hann to the power of 0.85: like a Hamming window, yet zero at both ends. Symmetric, as Kaldi's."""
    hann = torch.hann_window(FRAME, periodic=False, dtype=torch.float64)
    return hann.pow(0.85).to(device, dtype)


@lru_cache(maxsize=8)
def _kaldi_bank(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Triangles whose sides are straight on the mel scale of Young et al. (HTK), 1127 · ln(1 + f/700): [257, 80]."""
    edges = torch.linspace(_htk(_LOWEST_BAND), _htk(SPEECH_RATE / 2), MELS + 2, dtype=torch.float64)
    bins = torch.arange(_FFT // 2 + 1, dtype=torch.float64) * (SPEECH_RATE / _FFT)
    return _triangles(1127.0 * (1.0 + bins / 700.0).log(), edges).to(device, dtype)


def _htk(hertz: float) -> float:
    return 1127.0 * math.log(1.0 + hertz / 700.0)


@lru_cache(maxsize=8)
def _slaney_bank(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Triangles of equal area in hertz on the mel scale of Slaney's Auditory Toolbox (1998), 0 to 11025 Hz: [80, 513].

    The scale is linear up to 1 kHz, 3 mel per 200 Hz, and logarithmic above it, 27 mel per factor of 6.4.
    """
    corner, step = 15.0, math.log(6.4) / 27.0
    top = corner + math.log(MEL_RATE / 2 / 1_000.0) / step
    mels = torch.linspace(0.0, top, MELS + 2, dtype=torch.float64)
    edges = torch.where(mels < corner, mels * 200.0 / 3.0, 1_000.0 * torch.exp((mels - corner) * step))
    bins = torch.arange(MEL_FFT // 2 + 1, dtype=torch.float64) * (MEL_RATE / MEL_FFT)
    area = 2.0 / (edges[2:] - edges[:-2])
    return (_triangles(bins, edges) * area).T.contiguous().to(device, dtype)


def _triangles(bins: Tensor, edges: Tensor) -> Tensor:
    """Band i rises from edge i to a height of one at edge i+1 and falls to edge i+2: [bins, bands]."""
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins[:, None] - left) / (centre - left)
    falling = (right - bins[:, None]) / (right - centre)
    return torch.minimum(rising, falling).clamp_min(0.0)


@lru_cache(maxsize=8)
def _sinc_kernel(a: int, b: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """For each of `b` phases the weights of the samples around a block of `a`: [b, 1, a + 2 · reach]."""
    cutoff = min(a, b) * _ROLLOFF
    reach = math.ceil(_SINC_WIDTH * a / cutoff)
    place = torch.arange(-reach, a + reach, dtype=torch.float64) / a  # in blocks
    phase = torch.arange(b, dtype=torch.float64) / b
    crossings = ((place - phase[:, None]) * cutoff).clamp(-_SINC_WIDTH, _SINC_WIDTH)
    window = torch.cos(crossings * (math.pi / 2 / _SINC_WIDTH)).square()  # Hann, zero at the width
    return (torch.sinc(crossings) * window * (cutoff / a))[:, None].to(device, dtype)
