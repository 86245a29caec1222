"""What an AC-3 or E-AC-3 stream says of its own loudness, so that a dub beside it says the same. Pure: bytes in."""

from __future__ import annotations

SYNC = 0x0B77
"""How every frame begins."""

EAC3_FROM = 11
"""Bit stream identification (bsid) from which on a frame is E-AC-3's; AC-3's is 8, and 9 or 10 at lower rates."""

LOUDEST = 31
"""What 0, which is reserved, counts as (ATSC A/52, 5.4.2.8): -31 dBFS, no change."""


def dialnorm(frame: bytes) -> int | None:
    """Dialogue normalisation in dB below full scale, 1..31, from a stream's first frame: players turn a stream down
    by 31 minus that. None where it is no frame. Fields as in ATSC A/52:2018, 5.3.2 and annex E, 2.3.1."""
    bits = int.from_bytes(frame[:16], "big") << 8 * max(0, 16 - len(frame))

    def field(start: int, length: int) -> int:
        return bits >> (128 - start - length) & (1 << length) - 1

    if len(frame) < 8 or field(0, 16) != SYNC:
        return None
    if field(40, 5) >= EAC3_FROM:
        return field(45, 5) or LOUDEST
    mode = field(48, 3)
    centre = mode & 1 and mode != 1  # three fronts: a centre mix level follows
    behind = mode & 4  # surrounds: a surround mix level follows
    stereo = mode == 2  # a word on Dolby Surround follows
    return field(51 + 2 * (bool(centre) + bool(behind) + stereo) + 1, 5) or LOUDEST
