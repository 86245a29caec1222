"""Which script and which language a text is in, as far as the text itself is certain of it. Knows no translator."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

_NAMED = {
    "Latn": ("LATIN",), "Cyrl": ("CYRILLIC",), "Grek": ("GREEK",), "Arab": ("ARABIC",), "Hebr": ("HEBREW",),
    "Deva": ("DEVANAGARI",), "Beng": ("BENGALI",), "Guru": ("GURMUKHI",), "Gujr": ("GUJARATI",), "Orya": ("ORIYA",),
    "Taml": ("TAMIL",), "Telu": ("TELUGU",), "Knda": ("KANNADA",), "Mlym": ("MALAYALAM",), "Sinh": ("SINHALA",),
    "Thai": ("THAI",), "Laoo": ("LAO",), "Tibt": ("TIBETAN",), "Mymr": ("MYANMAR",), "Khmr": ("KHMER",),
    "Geor": ("GEORGIAN",), "Armn": ("ARMENIAN",), "Ethi": ("ETHIOPIC",), "Mong": ("MONGOLIAN",), "Thaa": ("THAANA",),
    "Hang": ("HANGUL",), "Kana": ("HIRAGANA", "KATAKANA"), "Hani": ("CJK", "IDEOGRAPHIC"),
}  # fmt: skip
"""ISO 15924 scripts by the first word of their letters' names in Unicode."""

_SCRIPT_OF = {word: script for script, words in _NAMED.items() for word in words}
_TOGETHER = {"Jpan": ("Kana", "Hani"), "Kore": ("Hang", "Hani"), "Hans": ("Hani",), "Hant": ("Hani",)}
_BOTH = {
    "sr": "Latn",
    "bs": "Cyrl",
    "uz": "Cyrl",
    "kk": "Latn",
    "az": "Cyrl",
    "mn": "Mong",
    "tg": "Arab",
    "pa": "Arab",
}
"""Languages that are written in a second script too, where the tag does not say which."""

SPEECH = 1 / 3
"""Share of a text that must be in the language's own script; the rest may be names and brands in Latin letters."""

DENSE = {"Hani": 2, "Hang": 2}
"""How many letters a character of these scripts counts for."""

HAN_WITHOUT_KANA = 8
"""Chinese characters in a row of text from which on it is not Japanese if no kana is among them."""

FOREIGN_LETTERS = {
    "uk": "ыэёъ",
    "ru": "іїєґўјљњћђџ",
    "bg": "ыэёіїєґ",
    "sr": "ыэёщъьіїєґ",
    "be": "щиъїєґ",
    "mk": "ыэёщъьіїєґ",
}
"""Letters of the Cyrillic script that a language does not have and its neighbours have."""

_COMMON = {
    "en": "the and you that was for are with this have not they what your from his her would there been i it is "
    "in to of a my me we he she do don't it's i'm can on at be so but if no all",
    "es": "el los las una que por con para pero está esto como más muy qué nada eres usted donde porque la de "
    "en no es se te me mi si lo al un van ha he yo tu su ya del le y a o sí son hay era fue nos bien",
    "fr": "le les des une est que pas vous nous dans pour avec mais c'est je j'ai qui sur cette ce suis la de "
    "en un et à il elle on tu me te se ne du au si y a non oui mon ma sa son ça es bien",
    "de": "der die das und ist nicht ich ein eine sie wir mit auf aber von haben wird auch noch einen du es er "
    "in zu an so was wie da ja nein mir mich dich ihr den dem im am man hat war bin bist hier wenn alle",
    "it": "il gli della che non una sono per con questo perché anche come più hai mio cosa quando ho lo la di e "
    "è un in a da ti mi si se ci le i o al no sì ma tu io lui lei del ha era chi va sei",
    "pt": "não os uma você que com para mas isso está por mais ele eu foi muito meu são aqui tem o a e de em um "
    "se me te na no do da é as ao seu sua tu ela sim bem era já só nos há vai",
    "nl": "de het een en niet ik dat je zijn van op met maar voor wat heb hij deze naar ook is in te er ze we "
    "me mij u aan om of die als nee ja dit was hier nog bent ben dan wel zo",
    "pl": "nie się jest że na co to jak ale czy tak dla ty już mnie jestem tego jego może przez i w z o do a po "
    "mi ja on ona za by od cię być są tu ten ta",
    "sv": "och att det är inte jag en som på för med har du vi men den kan ett till av i om så de min mig dig "
    "var vad ja nej han hon ni ska här nu när vill från alla",
    "cs": "je se na že to jsem co jak ale tak jsi pro by už není když jsme mi byl také a v s z o do i ne ano ty "
    "já on ona ten ta si za po mě tě tu",
    "ro": "și nu este să ce pe cu un o pentru mai dar că am sunt asta din la ești acest de a în se te mă mi i e "
    "da eu tu el ea ai au fi le al ne",
    "tr": "bir bu ve için ne de çok ben sen o da değil var mi ama gibi daha evet şey olarak mı mu ya ki sana "
    "bana onu beni seni hayır her en yok ne nasıl",
    "hu": "és nem hogy egy az van ez meg de csak mit itt vagyok én ha is volt ki kell még a te ő mi el fel be "
    "le azt ezt igen jó most ne nagyon",
    "fi": "ja on ei se että minä hän olen mitä mutta kun niin ovat tämä ole sinä nyt minun vain jos en et oli "
    "sen me te he joo kyllä tai no hyvä mikä missä",
    "id": "yang dan di itu tidak ini saya kamu untuk dengan dia akan aku kita ada apa dari bisa mereka juga ke "
    "ya tak pada sudah jangan kau ia anda",
    "vi": "và không là của tôi anh có cho người này đó được một những với trong đã em cô ông ta đi gì thì ở mà "
    "bạn nó",
}  # fmt: skip
"""The commonest words of speech in languages of the Latin script: nobody talks long without any of them."""

_WORDS_OF = {code: frozenset(common.split()) for code, common in _COMMON.items()}
_SHARED = Counter(word for common in _WORDS_OF.values() for word in common)
_ONLY_OF = {
    code: frozenset(word for word in common if _SHARED[word] == 1) for code, common in _WORDS_OF.items()
}
"""Those of them that no other of these languages has."""

LEFT = 2
"""So many common words of the film's language, and none of its own, make a text one that was not translated."""

TELLING, AHEAD = 3, 4
"""So many words that only another language has and no word of its own, or so many more of the other language's common
words than of its own and none that only it has, make a text another language's."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def words(text: str) -> list[str]:
    """The words of a text in lower case, without digits and marks. Scripts without spaces give long ones."""
    return _WORD.findall(text.casefold().replace("’", "'"))


def scripts(tag: str) -> frozenset[str]:
    """The scripts that a language (canonical BCP 47) is written in; none where that is not known."""
    return _scripts(tag)


def script_of(char: str) -> str | None:
    """The script of a letter, "" for one of a script that is not listed here; None for what is no letter."""
    return _script_of(char)


def wrong_script(text: str, tag: str) -> str | None:
    """A sentence where the text is not in the script of the language, or None.

    Letters of the Latin script may be among others (names), but not be most; of any other script there are none.
    """
    own = scripts(tag)
    counts = Counter(script for char in text if (script := script_of(char)) is not None)
    if not own or not counts:
        return None
    foreign = [script for script in counts if script not in own and (script != "Latn" or "Latn" in own)]
    if foreign:
        return "It has letters of another script in it."
    weights = {script: count * DENSE.get(script, 1) for script, count in counts.items()}
    if sum(weights.get(script, 0) for script in own) < SPEECH * sum(weights.values()):
        return "It is not in the script of the language."
    return None


def wrong_language(text: str, tag: str, source: str = "und") -> str | None:
    """A sentence where the text is certainly in another language than `tag`, or None where it is not certain. Less is
    enough for the one that it was translated from."""
    code = tag.partition("-")[0]
    counts = Counter(script for char in text if (script := script_of(char)) is not None)
    if code == "ja" and counts["Hani"] >= HAN_WITHOUT_KANA and not counts["Kana"]:
        return "It seems to be Chinese, not Japanese."
    if code == "ko" and counts["Hani"] > counts["Hang"]:
        return "It seems to be Chinese, not Korean."
    if any(char in FOREIGN_LETTERS.get(code, "") for char in text.casefold()):
        return "It has letters of a related language in it."
    spoken = source.partition("-")[0]
    if code not in _WORDS_OF:
        # in another script, one small word of the film's language is one too many: it is no name
        left = "Latn" not in scripts(tag) and set(_WORD.findall(text)) & _ONLY_OF.get(spoken, frozenset())
        return "It has words of the film's language in it." if left else None
    said = set(words(text))
    if said & _ONLY_OF[code]:
        return None
    own = len(said & _WORDS_OF[code])
    if own == 0 and len(said & _WORDS_OF.get(spoken, frozenset()) - _WORDS_OF[code]) >= LEFT:
        return "It is in the film's language."
    for other, common in _WORDS_OF.items():
        telling = len(said & _ONLY_OF[other])
        if (own == 0 and telling >= TELLING) or (telling > 1 and len(said & common) >= own + AHEAD):
            return "It is in another language."
    return None


@lru_cache(maxsize=256)
def _scripts(tag: str) -> frozenset[str]:
    import langcodes

    told = langcodes.Language.get(tag)
    script = told.maximize().script or ""
    found = set(_TOGETHER.get(script, (script,)))
    if told.script is None and (other := _BOTH.get(told.language or "")):
        found.add(other)
    return frozenset(found) if found <= set(_NAMED) else frozenset()


@lru_cache(maxsize=8192)
def _script_of(char: str) -> str | None:
    if unicodedata.category(char) not in ("Lu", "Ll", "Lt", "Lo") or char in "ªºµ":
        return None
    name = unicodedata.name(char, "").removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ")
    return _SCRIPT_OF.get(re.split("[ -]", name, maxsplit=1)[0], "")
