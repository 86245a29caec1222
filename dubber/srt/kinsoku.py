"""Which characters stay together at a line's end, and how little one likes to part others, in scripts without spaces.

Knows no width and no line.
"""

from __future__ import annotations

import re

from align.lines import UNSPACED, column

CLOSING = frozenset(
    "、。，．・：；？！‥…ー―–—〜～゠%％‰℃）］｝〕〉》」』】〙〗〟｠»›”’\"'!?,.:;)]}،؛؟।|｜々ゝゞヽヾ〻゛゜"
    "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿｧｨｩｪｫｬｭｮｯｰ､｡･｣ﾞﾟ"
)
"""What no line begins with: kinsoku as in JIS X 4051, small kana included, and the closing marks of other scripts."""

OPENING = frozenset('（［｛〔〈《「『【〘〖〝｟｢«‹“‘"([{¿¡$£¥€＄￥￡#＃@＠№')
"""What no line ends with."""

PARTICLE, NEAR, UNSURE, MAYBE, LIKELY, INSIDE = 0.07, 0.13, 0.35, 0.5, 0.7, 1.0
"""How bad a break is: behind a particle or before a bracket; where a word is likely to begin; where it is as likely
inside one; where it may yet begin one; where it is likely inside one; and where it is."""

_HALF = frozenset("っッ")
"""Signs that only make the next one longer."""

_STOPS = frozenset(",.!?;:")
_ONE_SIGN = re.compile("[―—…‥]{2}|[\u200c\u200d].|.[\u200c\u200d]", re.DOTALL)
"""Two characters that are one sign, or parts of one."""

KANA = re.compile("[ぁ-ヺー]")
"""What tells Japanese from Chinese."""

_HIRAGANA, _KATAKANA, _HAN, _OTHER, _NONE = "hiragana", "katakana", "han", "other", ""
_AFTER_WORD = re.compile(
    "(?:[㐀-鿿ァ-ヺー々][はがをにでもへ]|を|から|まで|より|ので|のに|けど|たら|なら|って|では|には|とは)$"
)
"""Japanese endings after which a phrase is over, whatever is written next."""
_PARTICLES = frozenset("はがをにでともへやの")
"""Japanese particles that may also be a sign inside a word; where another kind of writing follows, a word begins."""
_NEVER_FIRST = frozenset("らりるれろん")
"""Hiragana that no Japanese word begins with."""
_SUCH = re.compile("[そこあどみ]んな$")
"""そんな, みんな and their like, whole."""

_LEANING = frozenset("的了吗嗎呢吧啊呀着著过過们們么麼地得")
"""Chinese particles, which lean on what stands before them."""
_BEGINNING = frozenset("我你您他她它这這那把被跟")
"""Chinese words that few longer ones have inside."""


def keeps_together(text: str, at: int) -> bool:
    """Whether `text[at - 1]` and `text[at]` may never be parted by a line's end."""
    left, right = text[at - 1], text[at]
    if right in CLOSING or left in OPENING or left in _HALF or left.isspace() or right.isspace():
        return True
    if column(right) == 0 or _ONE_SIGN.match(text, at - 1):
        return True
    return _kind(left) == _kind(right) == _OTHER


def badness(text: str, at: int, *, japanese: bool) -> float:
    """How bad a line's end between `text[at - 1]` and `text[at]` is, of which at least one is of a script without
    spaces: 0 (none) to 1. Words are not known: the kinds of writing tell where Japanese ones begin, and Chinese is
    taken apart anywhere but at its particles."""
    left, right = text[at - 1], text[at]
    kinds = _kind(left), _kind(right)
    if _NONE in kinds:
        return INSIDE if japanese and kinds == (_NONE, _HIRAGANA) and left not in _STOPS else PARTICLE
    if japanese:
        return _japanese(text[max(0, at - 3) : at], right)
    if right in _LEANING or (_OTHER in kinds and left.isdecimal()):
        return INSIDE
    return NEAR if left in _LEANING or right in _BEGINNING or _OTHER in kinds else UNSURE


def _japanese(before: str, right: str) -> float:
    """The badness between the last characters of a Japanese text and the one that follows."""
    left, following = _kind(before[-1]), _kind(right)
    if _SUCH.search(before[-2:] + right):
        return INSIDE
    if (_AFTER_WORD.search(before) or _SUCH.search(before)) and right not in _NEVER_FIRST:
        return PARTICLE if following != _HIRAGANA else UNSURE
    if left == _HIRAGANA and following != _HIRAGANA:
        return PARTICLE if before[-1] in _PARTICLES else NEAR
    if left == following == _HIRAGANA:
        if right in _NEVER_FIRST:
            return INSIDE
        return LIKELY if right in _PARTICLES or before[-1] not in _PARTICLES else MAYBE
    return UNSURE if (left, following) in ((_HAN, _KATAKANA), (_HAN, _OTHER), (_KATAKANA, _OTHER)) else INSIDE


def _kind(character: str) -> str:
    """What a character is written in, as far as it matters here; of no kind is punctuation."""
    if "ぁ" <= character <= "ゟ":
        return _HIRAGANA
    if ("ァ" <= character <= "ヿ" and character != "・") or "ｦ" <= character <= "ﾟ":
        return _KATAKANA
    if not character.isalnum():
        return _NONE
    return _HAN if UNSPACED.match(character) and not "\uff00" <= character <= "\uffef" else _OTHER
