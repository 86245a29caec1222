"""How fast the voices of a film speak: learned from lines that were measured, with how sure that is.

A model of lengths and nothing else: knows no text, language or sound; the lengths it starts from are handed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from align.rate import Unit, units_for

Floats: TypeAlias = npt.NDArray[np.float64]
Length = Callable[[str], float]
"""Text → ms that an unhurried voice takes; 0 where nothing is to be said."""

FILM_SD = 0.20
"""How far all voices of a film together may be from the prior (log). Measured: 0.13 for eSpeak NG over 29 languages,
and up to 0.20 for one English voice of flite's; engines that nobody has measured are given as much."""

VOICE_SD = 0.15
"""How far a voice of a film may be from the film's mean (log). With FILM_SD it makes a quarter, which is how far a
speaker nobody has heard yet may be from the prior."""

LINE_SD = 0.17
"""Noise of a line of one second (log) before any was heard. Measured: 0.10 for eSpeak NG (0.08 to 0.14 by language),
0.14 to 0.15 for flite's four English voices; a voice with moods is taken to have more."""

LINE_SD_WORTH = 6.0
"""Lines that LINE_SD counts as, against the lines heard."""

SHORTEST = 200.0
"""ms. A line's noise is that of one second × √(1 s ÷ its length), as for a sum of sounds that vary each by itself: seen
from 0.4 to 6 s. Shorter lines are taken for this long."""

FREEDOM = 4.0
"""Of the Student t distribution of the noise: a take that ran away counts next to nothing."""

INFORMATION = (FREEDOM + 1) / (FREEDOM + 3)
"""What a line with t noise tells of its mean, against one with normal noise of that scale (Lange, Little & Taylor)."""

ROUNDS = 200
SETTLED = 1e-7
"""The fit ends after so many rounds, or when no pace changes by more than that (log); some 15 are usual."""

Z = 1.2816
"""An 80 % interval of a normal distribution, in sd each way."""

Z_LINE = 1.5332
"""The same of the t distribution with 4 degrees of freedom."""


@dataclass(frozen=True)
class Heard:
    """One natural length that a voice has measured: ms > 0 for `text`."""

    speaker: str
    text: str
    ms: int


@dataclass(frozen=True)
class Estimate:
    """How long a text will take: the median, and the interval that holds it four times out of five, in ms."""

    ms: int
    low: int
    high: int


@dataclass(frozen=True)
class Pace:
    """What is believed of a voice's log(measured ÷ prior): mean and sd, and from how many lines of its own."""

    mean: float
    sd: float
    lines: int


@dataclass(frozen=True)
class Rates:
    """The paces of a film's voices. `film` is what is believed of a voice that was not heard.

    The model, for line i of voice v with measured length mᵢ and prior length pᵢ:

        log(mᵢ ÷ pᵢ) = θᵥ + noise      noise ~ t₄ with scale `noise` · √(1 s ÷ pᵢ)
        θᵥ ~ N(μ, VOICE_SD²)            μ ~ N(0, FILM_SD²)

    the two-level normal model (Gelman et al., Bayesian Data Analysis, 3rd ed., 5.4) with Student t noise fitted by
    iteratively reweighted means (Lange, Little & Taylor 1989, JASA 84, 881–896).

    A pace scales a line as a whole, pauses and edges too: eSpeak NG's lines under 0.6 s change with its tempo by the
    same factor as those over 2.5 s, within 1.5 %.
    """

    prior: Length
    film: Pace
    voices: Mapping[str, Pace]
    noise: float
    exchange: float = 1.0

    @classmethod
    def learned(cls, heard: Iterable[Heard], prior: Length, counted: Length | None = None) -> Rates:
        """What the measured lines teach, whatever their order; texts that have no prior length teach nothing.

        `prior` has the language bound in it. `counted` gives the lengths that budgets are counted in, where those
        are others than the prior's. Raises ValueError for a measured length that is not positive.
        """
        said = sorted(heard, key=lambda one: (one.speaker, one.text, one.ms))
        if wrong := next((one for one in said if one.ms <= 0), None):
            raise ValueError(f"a measured length is positive, not {wrong.ms} ms")
        known = [(one, length) for one in said if (length := prior(one.text)) > 0]
        lengths = np.array([length for _, length in known])
        logs = np.log(np.array([one.ms for one, _ in known]) / lengths)
        names, whose = _numbered([one.speaker for one, _ in known])
        film, voices, noise = _fit(logs, np.sqrt(1000 / np.maximum(lengths, SHORTEST)), whose, len(names))
        exchange = 1.0 if counted is None else _exchange([one.text for one, _ in known], lengths, counted)
        return cls(prior, film, dict(zip(names, voices, strict=True)), noise, exchange)

    def estimate(self, speaker: str, text: str) -> Estimate:
        """How long `speaker` will take for `text`; zeros where nothing is to be said."""
        length = self.prior(text)
        if length <= 0:
            return Estimate(0, 0, 0)
        pace = self._pace(speaker)
        spread = math.hypot(Z * pace.sd, Z_LINE * self.noise * math.sqrt(1000 / max(length, SHORTEST)))
        median = length * math.exp(pace.mean)
        return Estimate(
            max(1, round(median)), round(median * math.exp(-spread)), round(median * math.exp(spread))
        )

    def pace(self, speaker: str) -> float:
        """Measured ÷ prior: above 1 for a voice that takes longer. The film's for a voice that was not heard."""
        return math.exp(self._pace(speaker).mean)

    def uncertainty(self, speaker: str) -> float:
        """The sd of the logarithm of `pace`: 0.07 is about 7 % either way."""
        return self._pace(speaker).sd

    def lines(self, speaker: str) -> int:
        """How many lines of this voice the pace is learned from."""
        return self._pace(speaker).lines

    def budget(self, speaker: str, ms: int) -> int:
        """The budget in ms, at the pace of whoever counts budgets, that fills `ms` of this voice. At least 1 for
        a positive `ms`, else 0."""
        return max(1, round(ms * self.exchange / self.pace(speaker))) if ms > 0 else 0

    def units(self, speaker: str, ms: int, language: str) -> tuple[int, Unit]:
        """How much text without pauses this voice says in `ms`: how many, at least 1, and of what."""
        return units_for(round(ms / self.pace(speaker)), language)

    def _pace(self, speaker: str) -> Pace:
        return self.voices.get(speaker, self.film)


def _numbered(names: Sequence[str]) -> tuple[list[str], npt.NDArray[np.intp]]:
    """Each name once, in order, and for each entry its name's place."""
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return list(places), np.array([places[name] for name in names], np.intp)


def _fit(
    logs: Floats, spread: Floats, whose: npt.NDArray[np.intp], voices: int
) -> tuple[Pace, list[Pace], float]:
    """The film's pace, each voice's, and the noise of a line of one second.

    `logs` (n,) are log(measured ÷ prior), `spread` (n,) each line's noise relative to one second's, `whose` (n,) its
    voice in 0..voices-1.
    """
    lines = np.bincount(whose, minlength=voices)
    noise = LINE_SD
    means = np.full(voices, float(np.median(logs)) if len(logs) else 0.0)
    for _ in range(ROUNDS):
        apart = (logs - means[whose]) / spread
        trust = (FREEDOM + 1) / (FREEDOM + (apart / noise) ** 2)
        noise = math.sqrt(
            (LINE_SD_WORTH * LINE_SD**2 + float(trust @ apart**2)) / (LINE_SD_WORTH + len(logs))
        )
        weights = trust / (noise * spread) ** 2
        precision: Floats = np.bincount(whose, weights, voices).astype(float)
        centre = np.bincount(whose, weights * logs, voices) / precision
        film, film_sd = _film(centre, precision)
        before, means = means, (precision * centre + film / VOICE_SD**2) / (precision + 1 / VOICE_SD**2)
        if np.all(np.abs(means - before) < SETTLED):
            break
    shrunk = 1 / (INFORMATION * precision + 1 / VOICE_SD**2)
    sds = np.sqrt(shrunk + (shrunk / VOICE_SD**2 * film_sd) ** 2)
    learned = [Pace(float(m), float(s), int(n)) for m, s, n in zip(means, sds, lines, strict=True)]
    return Pace(film, math.hypot(VOICE_SD, film_sd), 0), learned, noise


def _film(centre: Floats, precision: Floats) -> tuple[float, float]:
    """Mean and sd of μ, from each voice's own mean and its precision: N(μ, VOICE_SD² + 1 ÷ precision)."""
    weights = 1 / (VOICE_SD**2 + 1 / (INFORMATION * precision))
    total = 1 / FILM_SD**2 + float(weights.sum())
    return float(weights @ centre) / total, math.sqrt(1 / total)


def _exchange(texts: Sequence[str], lengths: Floats, counted: Length) -> float:
    """Counted ÷ prior of the same texts, by the median of its logarithm, 1 where there is nothing to compare."""
    pairs = [
        (count, length) for text, length in zip(texts, lengths, strict=True) if (count := counted(text)) > 0
    ]
    return math.exp(float(np.median(np.log([count / length for count, length in pairs])))) if pairs else 1.0
