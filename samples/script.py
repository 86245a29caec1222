"""What is said in the sample film, by whom, and after what pause; in English, with a Spanish translation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Said:
    """One line of the dialogue.

    `gap` is the silence before it in ms. `parts` are spoken with `PAUSE` ms of silence between them.
    """

    speaker: str
    gap: int
    parts: tuple[str, ...]
    spanish: str

    @property
    def english(self) -> str:
        """The whole line as text."""
        return " ".join(self.parts)


TITLE = "The night train"
PAUSE = 600
LEAD_OUT = 1200
"""ms of film after the last word."""

SPEAKERS = ("Anna", "Ben")

DIALOGUE = (
    Said("Anna", 1000, ("Good evening. May I sit here?",), "Buenas noches. ¿Puedo sentarme aquí?"),
    Said("Ben", 300, ("Of course. There is a lot of room.",), "Claro. Hay mucho sitio."),
    Said("Anna", 500, ("Thanks! I had a very long day.",), "¡Gracias! He tenido un día muy largo."),
    Said("Ben", 2000, ("How far do you have to go tonight?",), "¿Hasta dónde va esta noche?"),
    Said("Anna", 400, ("I live in a small town by the sea.",), "Vivo en un pueblo pequeño junto al mar."),
    Said(
        "Ben",
        350,
        ("The ocean! I have not seen it for ten years.",),
        "¡El mar! Hace diez años que no lo veo.",
    ),
    Said(
        "Anna",
        450,
        ("Really? Then you must see the lighthouse on our island.",),
        "¿De verdad? Entonces tiene que ver el faro de nuestra isla.",
    ),
    Said("Ben", 800, ("And who takes care of it?",), "¿Y quién se ocupa de él?"),
    Said(
        "Anna",
        500,
        ("My father did that for thirty years.", "Now it is my turn."),
        "Mi padre lo hizo durante treinta años. Ahora me toca a mí.",
    ),
    Said(
        "Ben",
        300,
        ("That is wonderful! Can I see it in the morning?",),
        "¡Qué maravilla! ¿Puedo verlo por la mañana?",
    ),
    Said("Anna", 400, ("Why not? We will be there at seven.",), "¿Por qué no? Llegaremos a las siete."),
    Said(
        "Ben", 1500, ("Then I will try to sleep. Good night!",), "Entonces intentaré dormir. ¡Buenas noches!"
    ),
    Said(
        "Anna",
        600,
        ("Sleep well. I will call you in the morning.",),
        "Que descanse. Le avisaré por la mañana.",
    ),
)

CHAPTERS = ((0, "A free seat"), (3, "Where to?"), (6, "The lighthouse"))
"""Index of the line a chapter opens with, and its title. The first one opens with the film."""
