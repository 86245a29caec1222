"""The film: from a file to the same film in another language. Uses `align` (time) and `tts` (voice)."""

__version__ = "0.1.0"
