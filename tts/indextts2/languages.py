"""What each release speaks, to be known before anything of it is loaded."""

from __future__ import annotations

from collections.abc import Mapping

from tts.indextts2.config import Version

SPOKEN: Mapping[Version, Mapping[str, str]] = {
    "2.0": {"zh": "Chinese", "en": "English"},
    "2.5": {code: code for code in ("zh", "en", "ja", "es", "ar")},
}
"""BCP 47 tag → what the language is called in the model, by version."""
