"""How good a stretch of speech is as a reference: its figures weighed against each other. Every weight is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from dubber.stages.cast.figures import Figures


@dataclass(frozen=True)
class Ramp:
    """A fault that costs nothing up to `harmless`, `points` from `harmful` on, and its share in between."""

    harmless: float
    harmful: float
    points: float

    def lost(self, value: float) -> float:
        """The points that a figure of `value` costs, 0..points."""
        return self.points * min(1.0, max(0.0, (value - self.harmless) / (self.harmful - self.harmless)))


# One point is what a person would trade for two thirds of a good reference's length (BREVITY). What teaches another
# voice weighs most, then what a voice engine would speak along with every line (noise, bed, a telephone's band),
# then what merely colours it.
OVERLAP = Ramp(0.0, 0.3, 8.0)
"""Share of the time in which others speak: a third of it and the voice is a mixture of two."""
BED = Ramp(25.0, 0.0, 4.0)
"""dB of speech over bed: a separator's residue of a bed 25 dB down is inaudible, at 0 dB it swims with the music."""
NOISE = Ramp(35.0, 10.0, 3.0)
"""dB of speech over the stem's own floor: 35 dB is a quiet room, 10 dB a street."""
BANDWIDTH = Ramp(11_000.0, 3_500.0, 3.0)
"""Hz: spectrograms of voice engines end at about 11 kHz; a telephone ends at 3.4 kHz."""
CLIPPED = Ramp(0.0, 5.0, 2.0)
"""Milliseconds per second: 5 are heard as a rasp in every loud vowel."""
QUIET = Ramp(4.0, 24.0, 2.0)
"""dB under the speaker's usual level: a speaker turned away or far off has more room than voice."""
SHOUTED_PITCH = Ramp(3.0, 9.0, 1.0)
"""Semitones over the speaker's usual pitch: speech is raised by about an octave from calm to shouting."""
SHOUTED_LEVEL = Ramp(4.0, 16.0, 1.0)
"""dB over the speaker's usual level: shouting is 15 to 20 dB over conversation."""
MONOTONE = Ramp(3.0, 0.5, 1.5)
"""Semitones that the pitch covers: lively speech has four and more, a litany under one."""
WILD = Ramp(12.0, 20.0, 1.0)
"""Semitones again: what covers more than an octave is cries and laughter, or no pitch at all."""
FLAT = Ramp(5.0, 1.0, 0.5)
"""dB between loud and middle frames: speech has seven and more, a held tone or a drone none."""
BREVITY = Ramp(4.0, 0.6, 1.5)
"""Seconds: a few whole sentences show more of a voice than a dozen exclamations joined."""


LOUDER_THAN = 0.6
"""Share of a speaker's time that is no louder than their usual level: a little over half, because film holds more
speech that is too far off than too near, and of two stretches the louder is the usual one."""


@dataclass(frozen=True)
class Score:
    """The points that a stretch loses, by fault; each is 0 where there is nothing to complain of."""

    overlap: float
    bed: float
    noise: float
    bandwidth: float
    clipped: float
    quiet: float
    shouted: float
    monotone: float
    brevity: float

    @property
    def lost(self) -> float:
        """All points lost: the stretch with the fewest is the best reference."""
        return sum(self.by_fault().values())

    def by_fault(self) -> dict[str, float]:
        """The points by the name of the fault."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class Usual:
    """How a speaker usually sounds: level in dBFS and pitch in Hz, None where nothing of theirs is voiced."""

    level: float
    pitch: float | None


def usual(heard: Sequence[Figures]) -> Usual:
    """What the middle of a speaker's time sounds like. Raises ValueError where nothing is given."""
    if not heard:
        raise ValueError("nobody was heard")
    voiced = [(one.pitch, one.seconds) for one in heard if one.pitch is not None]
    return Usual(
        _weighted(LOUDER_THAN, [(one.level, one.seconds) for one in heard]),
        _weighted(0.5, voiced) if voiced else None,
    )


def score(figures: Figures, speaker: Usual) -> Score:
    """What a stretch loses as a reference for somebody who sounds like `speaker`."""
    raised = 12.0 * np.log2(figures.pitch / speaker.pitch) if figures.pitch and speaker.pitch else 0.0
    spread = figures.pitch_range or 0.0
    return Score(
        overlap=OVERLAP.lost(figures.overlap),
        bed=BED.lost(figures.bed),
        noise=NOISE.lost(figures.snr),
        bandwidth=BANDWIDTH.lost(figures.bandwidth),
        clipped=CLIPPED.lost(figures.clipped),
        quiet=QUIET.lost(speaker.level - figures.level),
        shouted=SHOUTED_PITCH.lost(float(raised)) + SHOUTED_LEVEL.lost(figures.level - speaker.level),
        monotone=MONOTONE.lost(spread) + WILD.lost(spread) + FLAT.lost(figures.energy_range),
        brevity=BREVITY.lost(figures.seconds),
    )


def _weighted(share: float, values: Sequence[tuple[float, float]]) -> float:
    """The value below which `share` of the weight lies; `values` are (value, weight)."""
    ordered = sorted(values)
    limit = share * sum(weight for _, weight in ordered)
    for value, weight in ordered:
        limit -= weight
        if limit <= 0:
            return value
    return ordered[-1][0]
