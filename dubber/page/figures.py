"""Figures as a person reads them: times, levels, shares. Knows no HTML."""

from __future__ import annotations

NONE = "–"
"""Stands where nothing was measured."""

MINUS = "\u2212"


def clock(ms: int) -> str:
    """A time on the film's clock: 0:01:02.345."""
    return f"{ms // 3_600_000}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"


def length(ms: float) -> str:
    """How long something lasts: 0:41, 1:02:03."""
    seconds = round(ms / 1000)
    hours = f"{seconds // 3600}:" if seconds >= 3600 else ""
    minutes = seconds // 60 % 60
    return f"{hours}{minutes:02d}:{seconds % 60:02d}" if hours else f"{minutes}:{seconds % 60:02d}"


def seconds(ms: float) -> str:
    """1.92 s."""
    return f"{ms / 1000:.2f} s"


def signed(value: float, unit: str, digits: int = 0) -> str:
    """+120 ms, −0.4 LU, 0 ms."""
    rounded = round(value, digits)
    sign = "" if rounded == 0 else MINUS if rounded < 0 else "+"
    return f"{sign}{abs(rounded):.{digits}f}\u00a0{unit}"


def lufs(value: float | None) -> str:
    """A loudness; silence has none."""
    return "silence" if value is None else f"{minus(value, 1)}\u00a0LUFS"


def minus(value: float, digits: int) -> str:
    """A number with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", MINUS)


def percent(share: float, digits: int = 0) -> str:
    """A share of 1 as a percentage."""
    return f"{share * 100:.{digits}f}\u00a0%"


def counted(number: int, one: str, many: str = "") -> str:
    """1 line, 2 lines, 10,000 lines."""
    return f"{number:,}\u00a0{one if number == 1 else many or one + 's'}"
