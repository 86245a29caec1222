"""Words in one language become words in another."""

from dubber.stages.translate.apertium import Apertium
from dubber.stages.translate.door import Translation, Translator
from dubber.stages.translate.given import Given, fit

__all__ = ["Apertium", "Given", "Translation", "Translator", "fit"]
