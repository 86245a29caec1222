"""What every translator looks at before it works: whether there is anything to translate, between two languages or in
one line. Knows no translator."""

from __future__ import annotations

from dubber import languages
from dubber.errors import UsageError
from dubber.stages.translate import rewording, typography
from dubber.stages.translate.door import Answer, Ask

LONGEST_LINE = 4000
"""Characters of a line that is translated; nobody says more in one breath than a tenth of it."""


def check_pair(source: str, target: str) -> None:
    """Raises UsageError for no language, no target, and twice the same. The source may still be to be found: "und"."""
    spoken, wanted = languages.primary(source), languages.primary(target)
    if wanted == languages.UNKNOWN:
        raise UsageError("The language to translate into is not known.", hint="Name it, such as: es")
    if spoken == wanted:
        name = languages.english_name(target)
        raise UsageError(f"There is nothing to translate: the film speaks {name} already.")


def check_known(source: str) -> None:
    """Raises UsageError where nobody has found or named the language to translate from."""
    if languages.primary(source) == languages.UNKNOWN:
        raise UsageError(
            "The language of the film is not known.", hint="Name it with --from, such as: --from en"
        )


def without_asking(ask: Ask, target: str) -> Answer | None:
    """The answer to a line that no model is needed or fit for, in the language `target`; None for all others."""
    if done := rewording.without_asking(ask, target):
        return done
    text = typography.clean(ask.text)
    if not text:
        return Answer(ask.id, (), faults=("There is nothing to translate in it.",))
    if len(text) > LONGEST_LINE:
        because = f"It is {len(text):,} characters long, which is not one line of speech."
        return Answer(ask.id, (), faults=(because,))
    if typography.has_words(text):
        return None
    return rewording.nothing(ask, "There is one way to say it.") if ask.tried else Answer(ask.id, (text,))
