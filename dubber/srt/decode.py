"""Bytes to text: which encoding a subtitle file is in. No cue and no time is known here."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from itertools import islice

from dubber.errors import SubtitleError
from dubber.srt.cue import MOST_NOTES, Note

BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

SAMPLE = 1 << 16
"""Bytes looked at to guess an encoding: some 30 minutes of dialogue."""

NUL_SHARE = 0.2
"""Share of 16-bit units with a zero high byte from which a text is UTF-16: times and numbers alone give more."""

CONTROL_SHARE = 0.1
"""Share of control bytes from which a file is no text; real subtitles have none, damaged ones a few."""

LATIN_HIGH_SHARE = 0.5
"""Share of letters outside ASCII below which the script is Latin; even Vietnamese, rich in marks, is under it."""

ALPHABET_SHARE = 0.9
"""Share of the characters outside ASCII that must belong to a language before its code page is believed."""

# The letters outside ASCII of a language, the usual ones first and the rest after the bar, for each code page
# that its subtitles were written in. Of two languages that explain a file equally well the earlier one wins.
WESTERN = (
    "éàèêç|âîïôûùëüœæñ°",
    "áéíóúñ¿¡|üªºç",
    "äöüß|éàè",
    "ãçéáíóõêú|âàôüªº",
    "àèéìòù|îóú°",
    "åäö|éàü",
    "æøå|éèêóòôâäöü",
    "éëïöü|áèêóúà",
    "áéíóúöæðþý|",
    "àéèíïóòúüç|·ñ",
)
LATIN_ALPHABETS = (
    *(("cp1252", letters) for letters in WESTERN),
    *((page, "ąćęłńóśźż|éáöü") for page in ("cp1250", "iso8859_2")),
    *((page, "áčéěířšýžů|ďňťúóöüĺľŕôä") for page in ("cp1250", "iso8859_2")),
    *((page, "áéíóöőúüű|ä") for page in ("cp1250", "iso8859_2")),
    *((page, "čšž|ćđéö") for page in ("cp1250", "iso8859_2")),
    *((page, "ăâîşţ|é") for page in ("cp1250", "iso8859_2")),
    ("cp1254", "çğıöşü|âîûİ"),
    ("cp1257", "ąčęėįšųūž|āēģīķļņõäöü"),
    ("cp1257", "āēīšūž|čģķļņ"),
    ("cp1257", "äõöü|šž"),
    ("mac_roman", "éàèêç|âîïôûùëüœæñáíóúäöß¿¡åøãõ"),
)
CYRILLIC = "оеаинтсрвлкмдпу|языбгьчйхжшюцщэфъёіїєґђјљњћџѓќѕў"
OTHER_ALPHABETS = (
    ("cp1251", CYRILLIC),
    ("koi8_u", CYRILLIC),
    ("cp866", CYRILLIC),
    ("cp1253", "αοιετσνηυρπκμλςίάέόή|ώύδθχγφβξζψϊϋΐΰ"),
    ("cp1255", "יוהלארמתבשנ|עדחקפםגטצןכסזךףץ"),
    ("cp1256", "اليمنورتبهدع|كسفحقةجصشطخذأىضزئءثغآظإؤًٌٍَُِّْ،؟؛"),
    ("cp874", "านรกเอมยลงวดทส่้ัิีป|บคตหพไใแจชขโผูุึืะําซถณฉธศญษฟฝภฐ็์ฆฏฑฒฌฎๆฮ"),
)
LIKELY = 0.7
"""Likeness that real text outside the Latin script exceeds; Chinese read as Cyrillic is half capitals."""

RARE, CAPITAL = 0.7, 0.5
"""Weights of a seldom letter and of a capital beside 1 for a usual one; KOI8 and cp1251 differ mainly in case."""

PUNCTUATION = frozenset("“”‘’„‚«»‹›…–—€°\xa0♪")
EAST_ASIAN = ("gb18030", "big5", "cp949")
HIRAGANA = re.compile("[ぁ-ん]")
DAMAGE = 0.05
"""Share of unreadable characters that a Japanese file may have and still be taken for one."""

HIRAGANA_SHARE = 0.25
"""Share of hiragana from which text is Japanese; its particles and endings alone give more."""


def decode(data: bytes, where: str) -> tuple[str, tuple[Note, ...]]:
    """The text of a subtitle file's bytes, without a byte order mark, and what had to be guessed or replaced.

    UTF-8 and UTF-16 are recognised with and without a mark, older code pages guessed from their letters.
    Raises SubtitleError, its message beginning with `where`, for what is no text or in no encoding we can tell.
    """
    encoding, mark = _unicode_encoding(data)
    body = data[len(mark) :]
    if encoding is None:
        if _is_binary(body):
            raise SubtitleError(
                f"{where}, line 1: this is not a text file.", hint="Give a subtitle file (.srt)."
            )
        try:
            return body.decode("utf-8"), ()
        except UnicodeDecodeError:
            return _decode_legacy(body, where)
    text = body.decode(encoding, errors="replace")
    return text, _replaced(text, encoding) if "\ufffd" in text else ()


def _unicode_encoding(data: bytes) -> tuple[str | None, bytes]:
    """The Unicode encoding that a byte order mark or the place of the zero bytes gives away, and the mark."""
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return encoding, mark
    sample = data[:SAMPLE]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) > NUL_SHARE * len(sample) / 2 and min(even, odd) < max(even, odd) / 4:
        return ("utf-16-le" if odd > even else "utf-16-be"), b""
    return None, b""


def _is_binary(data: bytes) -> bool:
    sample = data[:SAMPLE]
    control = len(sample) - len(sample.translate(None, bytes(set(range(32)) - set(b"\t\n\v\f\r"))))
    return control > CONTROL_SHARE * len(sample)


def _replaced(text: str, encoding: str) -> tuple[Note, ...]:
    """A note for each line in which a byte had no meaning in the encoding."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    damaged = (number for number, line in enumerate(lines, 1) if "\ufffd" in line)
    message = f"bytes that are no {encoding} were replaced by \ufffd"
    return tuple(Note(number, message) for number in islice(damaged, MOST_NOTES))


def _decode_legacy(data: bytes, where: str) -> tuple[str, tuple[Note, ...]]:
    """Text in an older code page; or in UTF-8 but for some lines, which are then the only ones guessed."""
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    valid, foreign = 0, []
    for number, line in enumerate(lines):
        if not line.isascii():
            try:
                line.decode("utf-8")
                valid += 1
            except UnicodeDecodeError:
                foreign.append(number)
    encoding = guess([lines[number] for number in foreign], where)
    if valid < len(foreign):  # a line of an old code page may be UTF-8 by chance; most are not
        text = data.decode(encoding, errors="replace")
        note = Note(1, f"not UTF-8: read as {encoding}, which is a guess from its letters")
        return text, (note, *_replaced(text, encoding))
    strangers = frozenset(foreign)
    text = "\n".join(
        line.decode(encoding if number in strangers else "utf-8", errors="replace")
        for number, line in enumerate(lines)
    )
    return text, tuple(
        Note(n + 1, f"not UTF-8 as the rest is: read as {encoding}") for n in foreign[:MOST_NOTES]
    )


def guess(lines: list[bytes], where: str) -> str:
    """The code page in which lines that are not UTF-8 make the most sense.

    General detectors err on the few marked letters of a Western text, so alphabets are asked first;
    charset-normalizer decides between the double-byte encodings. Raises SubtitleError where neither can tell.
    """
    sample = b"\n".join(lines)[:SAMPLE]
    high = sum(byte > 127 for byte in sample)
    letters = high + sum(map(str.isalpha, sample.decode("ascii", errors="ignore")))
    latin = high < LATIN_HIGH_SHARE * letters
    likeness, encoding = max(
        ((_likeness(sample, *row), row[0]) for row in (LATIN_ALPHABETS if latin else OTHER_ALPHABETS)),
        key=lambda scored: scored[0],  # the first of equals
    )
    if latin:
        return encoding if likeness else "cp1252"
    if likeness > LIKELY:
        return encoding
    encoding = _double_byte(sample)
    if not encoding:
        raise SubtitleError(
            f"{where}, line 1: the encoding of this file cannot be told.",
            hint="Open it in a subtitle editor and save it as UTF-8.",
        )
    return encoding


def _likeness(sample: bytes, encoding: str, alphabet: str) -> float:
    """0 where the sample, read in this encoding, is not written in this alphabet; else up to 1, and the more
    of its letters are usual ones the higher."""
    counts = Counter(sample.decode(encoding, errors="replace"))
    usual, _, rest = alphabet.partition("|")
    weights = (
        dict.fromkeys(rest.upper() + usual.upper(), CAPITAL)
        | dict.fromkeys(rest, RARE)
        | dict.fromkeys(usual, 1.0)
    )
    marked = {char: count for char, count in counts.items() if not char.isascii() and char not in PUNCTUATION}
    total = sum(marked.values())
    if sum(count for char, count in marked.items() if char in weights) < ALPHABET_SHARE * total:
        return 0.0
    return sum(weights.get(char, 0.0) * count for char, count in marked.items()) / total if total else 1.0


def _double_byte(sample: bytes) -> str:
    """The East Asian encoding of a sample, or "". Kana tell Japanese, which charset-normalizer takes for Korean."""
    for encoding in ("euc_jp", "cp932"):
        text = sample.decode(encoding, errors="replace")
        marked = sum(not char.isascii() for char in text)
        if text.count("\ufffd") < DAMAGE * marked and len(HIRAGANA.findall(text)) > HIRAGANA_SHARE * marked:
            return encoding
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=list(EAST_ASIAN)).best()
    return best.encoding if best else ""
