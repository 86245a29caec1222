"""Text to ids, for every release's own way of writing. No sound and no tensor here."""

from tts.indextts2.text.bpe import Tokenizer
from tts.indextts2.text.frontend import TextFrontend
from tts.indextts2.text.multilingual import MultilingualFrontend, language_row
from tts.indextts2.text.normalise import Glossary, Normaliser, read_glossary
from tts.indextts2.text.pinyin import PINYIN, corrected
from tts.indextts2.text.pretokenise import pretokenise
from tts.indextts2.text.protocol import Frontend
from tts.indextts2.text.ranks import RankTokenizer
from tts.indextts2.text.split import LIMIT, split

__all__ = [
    "LIMIT",
    "PINYIN",
    "Frontend",
    "Glossary",
    "MultilingualFrontend",
    "Normaliser",
    "RankTokenizer",
    "TextFrontend",
    "Tokenizer",
    "corrected",
    "language_row",
    "pretokenise",
    "read_glossary",
    "split",
]
