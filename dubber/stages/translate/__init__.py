"""Words in one language become words in another."""

from dubber.stages.translate.apertium import Apertium
from dubber.stages.translate.door import Answer, Ask, Brief, Term, Translator, Tried
from dubber.stages.translate.given import Given, fit

__all__ = ["Answer", "Apertium", "Ask", "Brief", "Given", "Term", "Translator", "Tried", "fit"]
