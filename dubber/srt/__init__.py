"""Subtitles as the contract between the person and the program: reading SRT whatever was done to it, and writing it."""

from dubber.srt.cue import Cue, Note, Subtitles
from dubber.srt.parse import parse, read
from dubber.srt.rolling import unroll
from dubber.srt.text import spoken
from dubber.srt.write import normalise, serialise

__all__ = ["Cue", "Note", "Subtitles", "normalise", "parse", "read", "serialise", "spoken", "unroll"]
