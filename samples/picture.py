"""The sample film's picture: a clock with hundredths, a hand, and a lamp for each speaker. Drawn with numpy.

Shapes are strokes with round ends, drawn by their distance to each pixel's centre, which smooths every edge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from script import SPEAKERS, TITLE

Image = npt.NDArray[np.float32]
Point = tuple[float, float]

WIDTH, HEIGHT = 640, 360
TURN_SECONDS = 10
"""The hand goes round once in ten seconds, so that each of the dial's ten marks is one second."""

NIGHT_TOP, NIGHT_BOTTOM = (13, 18, 38), (31, 40, 71)
INK, DIM = (232, 236, 245), (92, 104, 140)
HAND = (255, 176, 72)
COLOURS = {"Anna": (255, 122, 146), "Ben": (96, 190, 255)}

DIAL: Point = (124, 138)
RADIUS = 82
CLOCK: Point = (250, 92)
DIGIT = (36, 74)
ADVANCE = 54
PANELS: dict[str, Point] = {"Anna": (40, 262), "Ben": (336, 262)}
PANEL = (264, 62)

SEGMENTS = {
    "0": "abcdef", "1": "bc", "2": "abged", "3": "abgcd", "4": "fgbc",
    "5": "afgcd", "6": "afgedc", "7": "abc", "8": "abcdefg", "9": "abcdfg",
}  # fmt: skip
ENDS = {
    "a": ((0, 0), (1, 0)), "b": ((1, 0), (1, 1)), "c": ((1, 1), (1, 2)), "d": ((0, 2), (1, 2)),
    "e": ((0, 1), (0, 2)), "f": ((0, 0), (0, 1)), "g": ((0, 1), (1, 1)),
}  # fmt: skip

LETTERS: dict[str, tuple[tuple[Point, ...], ...]] = {
    # Strokes on a field one wide and two high.
    "A": (((0, 2), (0.5, 0), (1, 2)), ((0.2, 1.3), (0.8, 1.3))),
    "B": (((0, 1), (0, 0), (0.7, 0), (0.9, 0.25), (0.9, 0.75), (0.7, 1), (0, 1), (0, 2), (0.75, 2), (1, 1.75))
          , ((1, 1.75), (1, 1.25), (0.7, 1))),
    "E": (((1, 0), (0, 0), (0, 2), (1, 2)), ((0, 1), (0.8, 1))),
    "G": (((1, 0.3), (0.7, 0), (0.3, 0), (0, 0.4), (0, 1.6), (0.3, 2), (0.7, 2), (1, 1.6), (1, 1.1), (0.6, 1.1)),),
    "H": (((0, 0), (0, 2)), ((1, 0), (1, 2)), ((0, 1), (1, 1))),
    "I": (((0.5, 0), (0.5, 2)),),
    "N": (((0, 2), (0, 0), (1, 2), (1, 0)),),
    "R": (((0, 2), (0, 0), (0.7, 0), (1, 0.3), (1, 0.8), (0.7, 1.1), (0, 1.1)), ((0.5, 1.1), (1, 2))),
    "T": (((0, 0), (1, 0)), ((0.5, 0), (0.5, 2))),
}  # fmt: skip


class Painter:
    """Draws the frames of one film; what does not move is drawn once.

    `activity(speaker, second)` says how loud somebody is, 0..1; `duration` is the film's, in seconds.
    """

    def __init__(self, activity: Callable[[str, float], float], duration: float) -> None:
        self._activity = activity
        self._duration = duration
        self._still = _still()
        self._digits = {digit: _digit(digit) for digit in SEGMENTS}

    def frame(self, second: float) -> bytes:
        """The picture at a second of the film: WIDTH × HEIGHT pixels of 8-bit RGB, row by row."""
        image = self._still.copy()
        self._hand(image, second)
        self._clock(image, second)
        for speaker in SPEAKERS:
            self._panel(image, speaker, self._activity(speaker, second))
        done = round(WIDTH * second / self._duration)
        image[HEIGHT - 4 :, :done] = HAND
        return np.clip(image + 0.5, 0, 255).astype(np.uint8).tobytes()

    def _hand(self, image: Image, second: float) -> None:
        angle = 2 * np.pi * second / TURN_SECONDS
        tip = (DIAL[0] + 0.8 * RADIUS * np.sin(angle), DIAL[1] - 0.8 * RADIUS * np.cos(angle))
        _paint(image, [DIAL, tip], 3.0, HAND)
        _paint(image, [DIAL, DIAL], 6.0, HAND)

    def _clock(self, image: Image, second: float) -> None:
        hundredths = round(second * 100)
        text = f"{hundredths // 6000:02}{hundredths // 100 % 60:02}{hundredths % 100:02}"
        for place, digit in enumerate(text):
            x = int(CLOCK[0]) + place * ADVANCE + 24 * (place // 2)
            mask = self._digits[digit]
            area = image[int(CLOCK[1]) - 8 : int(CLOCK[1]) - 8 + mask.shape[0], x - 8 : x - 8 + mask.shape[1]]
            area += mask[..., None] * (np.array(INK if place < 4 else HAND, np.float32) - area)

    def _panel(self, image: Image, speaker: str, level: float) -> None:
        if level <= 0:
            return
        x, y = PANELS[speaker]
        colour = COLOURS[speaker]
        _paint(image, [(x + 31, y + 31)] * 2, 22, colour, 0.25)
        _paint(image, [(x + 31, y + 31)] * 2, 15, colour)
        _paint(image, [(x + 146, y + 31), (x + 146 + 96 * level, y + 31)], 5, colour)


def _still() -> Image:
    """Everything that does not move: sky, dial, the clock's points, panels with unlit lamps, the title."""
    height = np.linspace(0, 1, HEIGHT, dtype=np.float32)[:, None, None]
    top, bottom = np.array(NIGHT_TOP, np.float32), np.array(NIGHT_BOTTOM, np.float32)
    image = np.repeat(top + height * (bottom - top), WIDTH, axis=1)
    _ring(image, DIAL, RADIUS, 2.0, DIM)
    for mark in range(TURN_SECONDS):
        angle = 2 * np.pi * mark / TURN_SECONDS
        x, y = np.sin(angle), -np.cos(angle)
        ends = [(DIAL[0] + r * RADIUS * x, DIAL[1] + r * RADIUS * y) for r in (0.84, 0.92)]
        _paint(image, ends, 3.0 if mark == 0 else 2.0, INK)
    after = [CLOCK[0] + (n + 1) * 2 * ADVANCE + 24 * n + 4 for n in range(2)]
    for y in (24.0, 52.0):
        _paint(image, [(after[0], CLOCK[1] + y)] * 2, 5, INK)
    _paint(image, [(after[1], CLOCK[1] + DIGIT[1])] * 2, 5, HAND)
    _write(image, TITLE.upper(), (CLOCK[0], 38), 9, 1.3, DIM)
    for speaker, (x, y) in PANELS.items():
        _paint(image, [(x + 31, y + 31), (x + PANEL[0] - 31, y + 31)], 31, NIGHT_TOP, 0.7)
        _paint(image, [(x + 31, y + 31)] * 2, 15, DIM, 0.5)
        _paint(image, [(x + 146, y + 31), (x + 242, y + 31)], 5, DIM, 0.4)
        _write(image, speaker.upper(), (x + 62, y + 21), 10, 1.7, COLOURS[speaker])
    image[HEIGHT - 4 :] = NIGHT_TOP
    return image


def _digit(digit: str) -> Image:
    """The mask of a digit, 0..1, with 8 pixels of room on every side."""
    mask = np.zeros((DIGIT[1] + 16, DIGIT[0] + 16, 1), np.float32)
    for segment in SEGMENTS[digit]:
        ends = [(8 + x * DIGIT[0], 8 + y * DIGIT[1] / 2) for x, y in ENDS[segment]]
        # A little shorter at each end, so that neighbours do not touch.
        (x0, y0), (x1, y1) = ends
        dx, dy = 6 * np.sign(x1 - x0), 6 * np.sign(y1 - y0)
        _paint(mask, [(x0 + dx, y0 + dy), (x1 - dx, y1 - dy)], 4.5, (1,))
    return mask[..., 0]


def _write(image: Image, text: str, at: Point, width: float, stroke: float, colour: Sequence[int]) -> None:
    for place, letter in enumerate(text):
        for line in LETTERS.get(letter, ()):
            points = [(at[0] + place * width * 1.75 + x * width, at[1] + y * width) for x, y in line]
            for n in range(len(points) - 1):
                _paint(image, points[n : n + 2], stroke, colour)


def _ring(image: Image, centre: Point, radius: float, half: float, colour: Sequence[int]) -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    distance = np.abs(np.hypot(x - centre[0], y - centre[1]) - radius)
    mask = np.clip(half - distance + 0.5, 0, 1)[..., None]
    image += mask * (np.array(colour, np.float32) - image)


def _paint(
    image: Image, ends: Sequence[Point], half: float, colour: Sequence[int], opacity: float = 1.0
) -> None:
    """A stroke between two points, `half` pixels to either side, over what is there."""
    (x0, y0), (x1, y1) = ends
    left, right = int(max(min(x0, x1) - half - 1, 0)), int(max(x0, x1) + half + 2)
    top, bottom = int(max(min(y0, y1) - half - 1, 0)), int(max(y0, y1) + half + 2)
    area = image[top:bottom, left:right]
    y, x = np.mgrid[top : top + area.shape[0], left : left + area.shape[1]].astype(np.float32)
    length = (x1 - x0) ** 2 + (y1 - y0) ** 2
    along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0, 1) if length else 0.0
    distance = np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0))
    mask = opacity * np.clip(half - distance + 0.5, 0, 1)[..., None].astype(np.float32)
    area += mask * (np.array(colour, np.float32) - area)
