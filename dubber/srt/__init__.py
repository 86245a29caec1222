"""Subtitles, the contract between person and program: reading SRT whatever was done to it, and writing it."""

from dubber.srt.cue import Cue, Note, Subtitles
from dubber.srt.direction import directed
from dubber.srt.following import following
from dubber.srt.reader import load, parse, read
from dubber.srt.rolling import unroll
from dubber.srt.stacked import stacked
from dubber.srt.text import shown, spoken, strength
from dubber.srt.wrapping import wrapped
from dubber.srt.writer import normalise, serialise

__all__ = [
    "Cue",
    "Note",
    "Subtitles",
    "directed",
    "following",
    "load",
    "normalise",
    "parse",
    "read",
    "serialise",
    "shown",
    "spoken",
    "stacked",
    "strength",
    "unroll",
    "wrapped",
]
