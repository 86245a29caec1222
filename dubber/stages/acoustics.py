"""What room a film's speech sounds in, found in its speech stem alone: how sound dies away after it stops, and between
which frequencies a voice is let through. Finds nothing rather than something doubtful."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from align.types import SAMPLE_RATE, SAMPLES_PER_MS, Span
from dubber.audio import AudioFile
from dubber.stages.room import RINGING_HZ, THIRDS_HZ, Band, Echo, Room, relative, thirds_of

FloatArray = npt.NDArray[np.float32]
Powers = npt.NDArray[np.float64]

SCENE_GAP_MS = 5000
"""A silence as long as this ends a scene; so does MOST_LINES."""

MOST_LINES, LONGEST_LINE_MS, AFTER_MS = 24, 8000, 1200
"""Bounds of what is listened to at once: lines per scene, the last part of each, and what comes after it."""

FRAME, HOP = 1024, 5 * SAMPLES_PER_MS
"""Samples of a frame (21 ms) and between frames (5 ms): short beside the fastest ring that counts."""

FINE = 4096
"""Samples of a frame (85 ms) where a spectrum is wanted: third octaves are 23 Hz wide at 100 Hz."""

RANGE_DB, NOISE_DB = 50.0, 8.0
"""A fall is followed to 50 dB under loud speech at the most, and to 8 dB over the stem's noise."""

KNEE_DB, KNEE_FRAMES = 12.0, 6
"""What of a fall is passed over, in dB and then in frames (30 ms): there the sound still stops, nothing rings yet."""

LEAST_FALL_DB, LEAST_FRAMES = 12.0, 10
"""A shorter fall says nothing about its rate."""

RISE_DB = 2.5
"""A fall has ended where the level comes up again by as much; noise that rings wavers by less."""

STRAIGHT_DB = 2.5
"""RMS about its line. Noise in a room dies away straight in dB (Sabine), a voice hardly ever does: that alone tells a
ring from the end of a word."""

LEAST_FALLS = 3
"""As many straight falls must have been found in a scene."""

DECAY_S = (0.2, 2.5)
"""Rings that are shorter are those of no room, longer ones are music."""

RATIO_DB, RATIO_STEP_DB = (-12.0, 3.0), 0.5
"""A ring that is weaker is not heard; one that is stronger is the only thing that is."""

EXCEEDED = 0.1
"""Share of all places in which a ring may come out stronger than what is there: noise wavers to both sides, and in a
third or so of the places nothing but the ring is heard."""

SPEECH_DB = 20.0
"""Frames this far under loud ones hold no speech and have no say in its spectrum."""

LEAST_SPEECH = 15
"""Frames of speech (85 ms each) from which a spectrum is trusted: 1.3 s."""

PLAIN_HZ = (315.0, 1000.0)
"""Where every channel through which speech is still understood lets it pass."""

FALL_HZ, FALL_DB = (800.0, 3150.0), 12.0
"""Long-term speech falls by about 12 dB per third octave between these, and hardly below or above."""

CUT_DB, EDGE_DB = 15.0, 7.0
"""How far under plain speech all is that lies beyond a cut; and what is missing in a band that is beyond a high one,
which may be as gentle as a door's."""

CUT_HZ = 5000.0
"""A cut lies below: the "s" of whoever speaks through it is gone. Higher ones are those of whole sound tracks."""

LOW_HZ = 240.0
"""The lowest edge that is a cut: a high voice has nothing below its pitch either."""


def scenes(spans: Sequence[Span]) -> list[list[int]]:
    """The positions of these spans (ms, in order of start) in groups that lie close enough together to be one room."""
    found: list[list[int]] = []
    for index, span in enumerate(spans):
        near = found and span.start - spans[found[-1][-1]].end < SCENE_GAP_MS
        if near and len(found[-1]) < MOST_LINES:
            found[-1].append(index)
        else:
            found.append([index])
    return found


def rooms(stem: AudioFile, spans: Sequence[Span], speakers: Sequence[str]) -> list[Room | None]:
    """The room of each line of one scene, None where there is none to be heard: the ring that all share, the band of
    each speaker. `stem` is the speech stem itself, `spans` (ms) where its lines lie, in order."""
    echo = _echo([_level(part) for part in _parts(stem, spans)])
    bands = {
        name: _band(stem, [span for span, whose in zip(spans, speakers, strict=True) if whose == name])
        for name in dict.fromkeys(speakers)
    }
    found = [Room(echo, bands[name]) for name in speakers]
    return [room if room.echo or room.band else None for room in found]


def _parts(stem: AudioFile, spans: Sequence[Span]) -> list[FloatArray]:
    """The end of every line and what comes after it, up to the next line, as mono: shape (n,) each."""
    parts = []
    for span, after in pairwise([*spans, Span(stem.duration, stem.duration)]):
        first = max(span.start, span.end - LONGEST_LINE_MS)
        last = max(span.end, min(span.end + AFTER_MS, after.start))
        parts.append(_mono(stem, first, last))
    return parts


def _mono(stem: AudioFile, first: int, last: int) -> FloatArray:
    samples = stem.read(first * SAMPLES_PER_MS, last * SAMPLES_PER_MS)
    return np.asarray(samples.mean(axis=1, dtype=np.float32))


def _spectra(sound: FloatArray, size: int, hop: int) -> tuple[Powers, Powers]:
    """Power of consecutive frames, shape (frames, bins), and the bins' frequencies in Hz."""
    window = np.hanning(size).astype(np.float32)
    padded = np.pad(sound, size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    return np.asarray(power, dtype=np.float64), np.asarray(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), np.float64)


def _level(sound: FloatArray) -> Powers:
    """Power per 5 ms in both of RINGING_HZ's bands and in both together, shape (3, frames)."""
    power, hz = _spectra(sound, FRAME, HOP)
    low, high = (power[:, (hz >= first) & (hz < last)].sum(axis=1) for first, last in pairwise(RINGING_HZ))
    return np.stack([low, high, low + high])


def _echo(levels: Sequence[Powers]) -> Echo | None:
    """How the room rings, from the levels of its stretches, shape (3, frames) each."""
    falls = [_falls([level[band] for level in levels]) for band in (0, 1, 2)]
    low, high, both = (float(np.median(found)) if len(found) >= LEAST_FALLS else math.nan for found in falls)
    if not DECAY_S[0] <= both <= DECAY_S[1]:
        return None
    ratio = _ratio([level[2] for level in levels], both)
    if ratio < RATIO_DB[0]:
        return None
    low, high = (both if math.isnan(decay) else decay for decay in (low, high))
    return Echo((round(low, 2), round(high, 2)), round(ratio, 1))


def _falls(levels: Sequence[Powers]) -> list[float]:
    """How many seconds each straight fall of the levels, shape (frames,) each, would take for 60 dB."""
    if not levels:
        return []
    all_db = [_db(level) for level in levels]
    loud = np.percentile(np.concatenate(all_db), 95)
    floor = max(np.percentile(np.concatenate(all_db), 3) + NOISE_DB, loud - RANGE_DB)
    found = []
    for level in all_db:
        smooth = np.convolve(np.pad(level, 2, "edge"), np.full(5, 0.2), "valid")
        at = 0
        while at < len(smooth):
            peak, last = at, _lowest(smooth, at, floor)
            at = max(last, at) + 1
            under = np.flatnonzero(smooth[peak : last + 1] <= smooth[peak] - KNEE_DB)
            first = peak + int(under[0]) + KNEE_FRAMES if len(under) else last
            if last - first < LEAST_FRAMES or smooth[first] - smooth[last] < LEAST_FALL_DB:
                continue
            seconds = np.arange(first, last + 1) * HOP / SAMPLE_RATE
            slope, offset = np.polyfit(seconds, level[first : last + 1], 1)
            off = level[first : last + 1] - (slope * seconds + offset)
            if slope < 0 and np.sqrt(np.mean(off**2)) < STRAIGHT_DB:
                found.append(-60.0 / float(slope))
    return found


def _lowest(smooth: Powers, start: int, floor: float) -> int:
    """The frame to which the level falls from frame `start` before it comes up again or meets the floor."""
    lowest = start
    for frame in range(start + 1, len(smooth)):
        if smooth[frame] > smooth[lowest] + RISE_DB or smooth[frame] < floor:
            break
        if smooth[frame] <= smooth[lowest]:
            lowest = frame
    return lowest


def _ratio(levels: Sequence[Powers], decay: float) -> float:
    """Energy of the ring over that of the direct sound in dB: the least at which the ring that must follow from all
    that sounded before is already more than what is found in a tenth of all places. In speech without a room there
    are far more such places at any ratio. Below RATIO_DB[0]: none fits.

    In a room, power is p = d + r·s with s' = a·s + (1 - a)·d; without the unknown d, s' = (a - (1 - a)r)·s + (1 - a)·p.
    """
    keep = 10 ** (-6 * HOP / SAMPLE_RATE / decay)
    found = [_db(level) for level in levels]
    everywhere = np.concatenate(found)
    silence = max(np.percentile(everywhere, 3), np.percentile(everywhere, 95) - RANGE_DB - NOISE_DB)
    for ratio in np.arange(RATIO_DB[0] - RATIO_STEP_DB, RATIO_DB[1], RATIO_STEP_DB):
        energy = 10 ** (ratio / 10)
        rings = [_db(energy * _leaky(level, keep - (1 - keep) * energy, 1 - keep)) for level in levels]
        over = np.concatenate([level - ring for level, ring in zip(found, rings, strict=True)])
        heard = over[np.concatenate(rings) > silence + NOISE_DB]
        if len(heard) and np.quantile(heard, EXCEEDED) < 0:
            return float(ratio)
    return RATIO_DB[1]


def _leaky(level: Powers, pole: float, share: float) -> Powers:
    """s[0] = 0, s[n + 1] = pole · s[n] + share · level[n], shape (n,): the answer to an impulse, convolved."""
    size = 1 << (2 * len(level)).bit_length()
    answer = np.concatenate([[0.0], share * pole ** np.arange(len(level) - 1)])
    return np.fft.irfft(np.fft.rfft(level, size) * np.fft.rfft(answer, size), size)[: len(level)]


def _db(power: Powers) -> Powers:
    return np.asarray(10 * np.log10(np.maximum(power, 1e-12)))


def _band(stem: AudioFile, spans: Sequence[Span]) -> Band | None:
    """Between which frequencies these lines are let through; None for a voice that is not cut off."""
    spectra, total = [], []
    for span in spans:
        power, hz = _spectra(_mono(stem, span.start, min(span.end, span.start + LONGEST_LINE_MS)), FINE, FINE)
        spectra.append(power)
        total.append(power.sum(axis=1))
    loud = np.percentile(np.concatenate(total), 95) * 10 ** (-SPEECH_DB / 10)
    kept = np.concatenate([power[sums > loud] for power, sums in zip(spectra, total, strict=True)])
    if len(kept) < LEAST_SPEECH:
        return None
    levels = thirds_of(kept.mean(axis=0), hz)
    thirds = np.array(THIRDS_HZ)
    plain = -FALL_DB * np.clip(np.log(thirds / FALL_HZ[0]) / np.log(FALL_HZ[1] / FALL_HZ[0]), 0.0, 1.0)
    missing = plain - relative(levels, *PLAIN_HZ)
    if missing[thirds > 0.99 * CUT_HZ].min() < CUT_DB:
        return None
    last = len(thirds) - 1
    while missing[last] >= EDGE_DB:
        last -= 1
    first = int(np.argmin(missing >= CUT_DB))
    if thirds[first] < LOW_HZ:
        first = 0  # what a voice has not got down there, nobody cut off
    half = 10**0.05
    low, high = thirds[first] / half, thirds[last] * half
    return Band(
        round(float(low), 1) if first else 0.0,
        round(float(high), 1),
        tuple(round(float(level), 1) for level in relative(levels, low, high)),
    )
