"""What can be heard in a finished dub: where it speaks, how loud its lines, its bed and the whole of it are.

Measures the decoded track; the plan's slots only say whose speech is whose.

Whose voice it is. A voice activity detector hears every voice, and the background may hold some that are not the
dub's: songs, a crowd, a line that nobody translated, the first language under a dub that only turns the film down. So
where the film's stems are at hand, what VAD finds counts as dubbed speech only where the track differs from its
background by more than a codec does: the background is the film's own sound, not a take or a plan. What is then left:
- onsets: a voice that belongs to the film neither begins a line nor hides that it is late; an onset so soft that VAD
  hears it late under music begins where the track begins to differ;
- speech overlap and holes: the film's own voice that goes on in the dub is source speech that nobody dubbed. It counts
  against both, and the hole says so: a missed sentence and a song look alike to VAD, and a person can tell them apart.
Without the stems, VAD's word stands, but for source speech that no line replaces; no line is then charged with what
begins before its slot.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from align.types import SAMPLES_PER_MS, Span, union
from dubber.audio import BLOCK, AudioFile, FloatArray
from dubber.loudness import Meter, PeakMeter, loudness_of

Decibels = npt.NDArray[np.float32]
Under = Callable[[int, int], FloatArray]
"""The background of the dub, samples [start, stop), shape (stop - start, 2)."""

FRAME_MS = 10
FRAME = FRAME_MS * SAMPLES_PER_MS
"""Samples of 10 ms, the grid of voice activity."""

CODEC_DB = -10.0
"""dB re the background. AAC at 192 kb/s was found to add noise of -14 dB at the most within 10 ms; a voice that is
softer than this under the film's own sound nobody hears."""
DEPTH_DB = 40.0
"""... and what lies further under the loud moments of the dub's speech is no speech of its own."""
SILENT_DB = -100.0
"""dBFS of digital silence."""
LOUD_PERCENTILE = 95
"""Of the frames in which somebody speaks: how loud the loud moments are."""

EDGE_MS = 50
"""A span keeps VAD's edge where the dub's own voice begins or ends so near to it: its first sound may be soft."""
PAUSE_MS = 160
"""Where the dub's own voice is away for as long inside VAD's span, somebody else's holds it together (dubber.vad joins
over no longer silences)."""
SOFT_MS = 300
"""How far before VAD's edge a span may begin: VAD hears a soft onset under music up to 250 ms late."""

CONTEXT_MS, QUIET_PERCENTILE, RISE_DB = 1000, 90, 6.0
"""What lies before a soft onset must stand so far over the loud moments of the second before it: where the track lies
otherwise in time than the film, all of it differs."""

NEAR_MS = 500
"""Speech that begins as long before a line's place, and after the line before it, may be that line come early."""

LEAST_GAP_MS = 500
"""A silence between lines that is long enough for its loudness to be measured: one gating block and some."""
NEVER_LUFS = -60.0
"""Softer lines and beds are silence: how far they are from each other nobody hears."""
FAINT_LU = -25.0
"""A source line so far under the median line has no level to keep (whispers lie about 20 LU under speech)."""


@dataclass(frozen=True, eq=False)
class Levels:
    """A dub's track in numbers. `voice` and `bed` are dBFS of every 10 ms, shape (frames,): the track without its
    background, and the background; None where no background is at hand. `programme` and `source` are LUFS of the whole
    track and of the film's sound as far as the track goes, `peak` is the track's in dBTP."""

    voice: Decibels | None
    bed: Decibels | None
    programme: float
    source: float
    peak: float


def levels(
    dub: AudioFile,
    source: AudioFile,
    under: Under | None,
    progress: Callable[[float], None] = lambda _: None,
) -> Levels:
    """One pass over a dub's track, 48 kHz stereo, block by block."""
    whole, peaks = Meter(dub.channels), PeakMeter(dub.channels)
    film = Meter(source.channels)
    voice: list[Decibels] = []
    bed: list[Decibels] = []
    for start, samples in dub.blocks():
        whole.push(samples)
        peaks.push(samples)
        film.push(source.read(start, min(start + len(samples), max(start, source.frames))))
        if under is not None:
            below = under(start, start + len(samples))
            voice.append(_frames(samples - below))
            bed.append(_frames(below))
        progress((start + len(samples)) / dub.frames)
    return Levels(
        np.concatenate(voice) if voice else None,
        np.concatenate(bed) if bed else None,
        whole.finish().integrated,
        film.finish().integrated,
        peaks.finish(),
    )


def _frames(samples: FloatArray) -> Decibels:
    """dBFS of every whole 10 ms over all channels, shape (n, channels) -> (n // FRAME,)."""
    whole = samples[: len(samples) // FRAME * FRAME]
    power = np.mean(whole.reshape(-1, FRAME * samples.shape[1]).astype(np.float64) ** 2, axis=1)
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (SILENT_DB / 10))), np.float32)


def own_speech(activity: Sequence[Span], voice: Decibels, bed: Decibels) -> tuple[Span, ...]:
    """The dub's own speech: voice activity of the track (ms, sorted, disjoint) as far as the track differs from its
    background there. `voice` and `bed` are as in `Levels`."""
    inside = np.zeros(len(voice), bool)
    for span in activity:
        inside[span.start // FRAME_MS : -(-span.end // FRAME_MS)] = True
    audible = inside & (voice > bed + CODEC_DB)
    if not audible.any():
        return ()
    loud = float(np.percentile(voice[audible], LOUD_PERCENTILE))
    own = (voice > bed + CODEC_DB) & (voice > loud - DEPTH_DB)
    found: list[Span] = []
    for span in activity:
        for part in _parts(span, own):
            before = max(found[-1].end if found else 0, part.start - SOFT_MS)
            found.append(Span(_soft_start(part.start, before, voice, own, inside), part.end))
    return union(found)


def _parts(span: Span, own: npt.NDArray[np.bool_]) -> list[Span]:
    """The stretches of a span in which the voice is the dub's own, over pauses shorter than PAUSE_MS."""
    first, last = span.start // FRAME_MS, -(-span.end // FRAME_MS)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], own[first:last].astype(np.int8), [0]])))
    runs = union(
        (
            Span((first + int(start)) * FRAME_MS, (first + int(end)) * FRAME_MS)
            for start, end in edges.reshape(-1, 2)
        ),
        join=PAUSE_MS - 1,
    )
    return [
        Span(
            span.start if run.start - span.start <= EDGE_MS else run.start,
            span.end if span.end - run.end <= EDGE_MS else run.end,
        )
        for run in runs
        if run.duration > EDGE_MS
    ]


def _soft_start(
    start: int, least: int, voice: Decibels, own: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_]
) -> int:
    """Where the dub's own voice that goes on at `start` (ms) began: not before `least`, dips of EDGE_MS aside, and only
    as far as it stands out of what differs there while nobody speaks."""
    frame = reached = start // FRAME_MS
    beside = slice(max(0, frame - (CONTEXT_MS + SOFT_MS) // FRAME_MS), max(0, frame - SOFT_MS // FRAME_MS))
    quiet = voice[beside][~inside[beside]]
    bar = float(np.percentile(quiet, QUIET_PERCENTILE)) + RISE_DB if len(quiet) else SILENT_DB
    while frame > least // FRAME_MS and reached - frame < EDGE_MS // FRAME_MS:
        frame -= 1
        if own[frame] and voice[frame] > bar:
            reached = frame
    return min(start, reached * FRAME_MS)


def onset(place: Span, before: int, speech: Sequence[Span], *, early: bool = True) -> int | None:
    """Where speech that belongs to a place begins, in ms; None where none is heard in it.

    `place` is a line's slot or its source span, `before` the end of the place before it, `speech` sorted and disjoint.
    With `early` speech counts that begins up to NEAR_MS before the place, but after the one before it. Speech that goes
    on across the start of the place begins there.
    """
    least = max(before, place.start - NEAR_MS) if early else place.start
    at = bisect_left(speech, least, key=lambda span: span.start)
    begins = speech[at].start if at < len(speech) else place.end
    crossing = bisect_right(speech, place.start, key=lambda span: span.end)
    if crossing < len(speech) and speech[crossing].start < least:
        begins = min(begins, place.start)
    return begins if begins < place.end else None


def loudness_in(audio: AudioFile, place: Span, under: Under | None = None) -> float:
    """LUFS of what of a place (ms) lies in the file, without the background `under` it; -inf for silence."""
    meter, stop = Meter(audio.channels), min(place.samples.stop, audio.frames)
    for start in range(place.samples.start, stop, BLOCK):
        end = min(start + BLOCK, stop)
        samples = audio.read(start, end)
        meter.push(samples if under is None else samples - under(start, end))
    return meter.finish().integrated


def bed_errors(dub: AudioFile, source: AudioFile, busy: Sequence[Span]) -> tuple[tuple[Span, float], ...]:
    """Each silence between what is `busy` (speech of either language and what rings after it, in ms), and the LU by
    which the dub is louder there than the film. Silences in which the film has no sound are left out."""
    end = min(dub.duration, source.duration)
    edges = union([Span(0, 0), *(span.clipped(end) for span in busy), Span(end, end)])
    found = []
    for left, right in pairwise(edges):
        gap = Span(left.end, min(right.start, left.end + BLOCK // SAMPLES_PER_MS))
        if gap.duration < LEAST_GAP_MS:
            continue
        theirs = loudness_of(source.read(gap.samples.start, gap.samples.stop)).integrated
        if theirs > NEVER_LUFS:
            ours = loudness_of(dub.read(gap.samples.start, gap.samples.stop)).integrated
            found.append((gap, ours - theirs))
    return tuple(found)
