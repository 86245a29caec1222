"""Morae, which Japanese is counted in, of kana and of Latin letters amid them. Reads no Chinese character."""

from __future__ import annotations

import re

SMALL = frozenset("ぁぃぅぇぉゃゅょゎァィゥェォャュョヮｧｨｩｪｫｬｭｮ")
"""What makes one mora with the kana before it. ん, っ and ー are one each."""

_DRAWN_OUT = re.compile(
    "[あかがさざただなはばぱまゃやらわアカガサザタダナハバパマャヤラワｱｶｻﾀﾅﾊﾏﾔﾗﾜｬ][ぁァｧ]"
    "|[いきぎしじちぢにひびぴみりイキギシジチヂニヒビピミリｲｷｼﾁﾆﾋﾐﾘ][ぃィｨ]"
    "|[うくぐすずつづぬふぶぷむゅゆるウクグスズツヅヌフブプムュユルｳｸｽﾂﾇﾌﾑｭﾕﾙ][ぅゥｩ]"
    "|[えけげせぜてでねへべぺめれエケゲセゼテデネヘベペメレｴｹｾﾃﾈﾍﾒﾚ][ぇェｪ]"
    "|[おこごそぞとどのほぼぽもょよろをオコゴソゾトドノホボポモョヨロヲｵｺｿﾄﾉﾎﾓｮﾖﾛｦ][ぉォｫ]"
    "|(?<=[ぁァｧ])[ぁァｧ]|(?<=[ぃィｨ])[ぃィｨ]|(?<=[ぅゥｩ])[ぅゥｩ]|(?<=[ぇェｪ])[ぇェｪ]|(?<=[ぉォｫ])[ぉォｫ]"
)
"""A small vowel after its like, which lengthens it: ねぇ, but not ティ."""

_INITIALS = dict(zip("abcdefghijklmnopqrstuvwxyz", map(int, "22222223222222222322224423"), strict=True))
"""Of the letters' Japanese names, as エー, エイチ and ダブリュー."""

_BARE_CONSONANT = re.compile("(?:sh|ch|th|ck|ph|[bcdfgjklmnpqrstvwxz])(?![aeiouyhw])")


def of_kana(word: str) -> int:
    """Morae of a word in kana, where voicing marks may stand by themselves; its first is one at least."""
    alone = sum(char not in SMALL for char in word) + (word[:1] in SMALL)
    return alone - sum(char in "ﾞﾟ\u3099\u309a" for char in word) + len(_DRAWN_OUT.findall(word))


def of_initials(letters: str) -> int:
    """Morae of Latin letters, small and without accents, each said by its name."""
    return sum(_INITIALS.get(char, 2) for char in letters)


def vowels_added(letters: str) -> int:
    """Consonants of a word in Latin letters, small and without accents, that Japanese gives a mora of their own."""
    return len(_BARE_CONSONANT.findall(letters))
