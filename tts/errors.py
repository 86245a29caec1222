"""What can go wrong when speaking, as types. The caller turns them into sentences for a person."""

from __future__ import annotations


class VoiceError(Exception):
    """Base of everything an engine raises on purpose."""


class EngineMissing(VoiceError):  # noqa: N818 - a state of the machine, not a fault
    """The engine's library, data or weights are not on this machine."""


class LanguageNotSpoken(VoiceError):  # noqa: N818
    """The engine has no voice for the language asked for."""


class BadReference(VoiceError):  # noqa: N818
    """A reference recording that no voice or emotion can be read from: silent, too short, not finite."""


class NothingToSay(VoiceError):  # noqa: N818
    """The text holds nothing that can be spoken: empty, or marks only."""


class SpeakingFailed(VoiceError):  # noqa: N818
    """The engine ran and did not produce usable speech."""


class BadWeights(VoiceError):  # noqa: N818
    """A weight file that is not what it must be: a key missing, extra or misshapen, not finite, not plain data."""


class OutOfMemory(VoiceError):  # noqa: N818
    """Not even one line at a time fits into the device's memory."""


class NotOffered(VoiceError):  # noqa: N818
    """Something that other engines can do and this one cannot."""
