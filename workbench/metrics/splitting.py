"""Texts to words and sentences, as ROUGE counts them."""

import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Literal

Tokenizer = Literal["rouge_score", "unicode"]

LINE_END = "|"
"""Stands among the words of a text where a line ends, and nowhere else."""

# Shorter words are not stemmed, as in ROUGE 1.5.5.
_SHORT_WORD = 3

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_EVERY_SCRIPT = rf"(?V1)[{_UNSPACED}]\p{{M}}*|[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]+|\|"

# After a full stop (and closing quotes) and before a capital, a digit or a letter without case.
_SENTENCE_END = (
    r"""(?V1)(?<=[.!?…]["'”’»)\]]*)\s+(?=["'“‘«(\[]*[\p{Lu}\p{Lt}\p{Lo}\p{N}])"""
    r"""|(?<=[。！？｡]["'”’」』）]*)(?!["'”’」』）])|\n+"""
)

# Of each character of ASCII what it counts as.
_LATIN = bytes(
    byte if chr(byte).isdigit() or "a" <= chr(byte) <= "z" else ord(LINE_END if byte == 10 else " ")
    for byte in range(128)
).ljust(256)


def words(text: str, tokenizer: Tokenizer = "rouge_score") -> list[str]:
    r"""Split a text into words, in lower case, with `LINE_END` between lines.

    Parameters
    ----------
    text : str
        What to split.
    tokenizer : {"rouge_score", "unicode"}
        Runs of a–z and 0–9; or of letters, marks and digits of every script, of scripts written
        without spaces each character.

    Examples
    --------
    >>> words("The cats\ncafé"), words("The cats\ncafé", "unicode")
    (['the', 'cats', '|', 'caf'], ['the', 'cats', '|', 'café'])
    """
    if tokenizer == "unicode":
        normal = unicodedata.normalize("NFKC", text).lower()
        lines = normal.replace(LINE_END, " ").replace("\n", LINE_END)
        found: list[str] = _pattern(_EVERY_SCRIPT).findall(lines)
        return found
    # lower case first: it makes letters of ASCII of some that are none
    plain = text.lower().encode("ascii", "replace").translate(_LATIN)
    return plain.replace(b"|", b" | ").decode().split()


def stem(word: str) -> str:
    """Return the stem of an English word of more than three letters (Porter, of nltk).

    Examples
    --------
    >>> stem("running"), stem("was"), stem("кошками")
    ('run', 'was', 'кошками')
    """
    return _stem(word) if len(word) > _SHORT_WORD and word.isascii() else word


def sentences(text: str) -> list[str]:
    """Split a text into sentences, after . ! ? … and their kin, and at line ends.

    A simple rule without a list of abbreviations: it serves to line sentences up in ROUGE-Lsum.

    Examples
    --------
    >>> sentences('It rained. "Will it stop?" she asked. 3.5 mm fell.')
    ['It rained.', '"Will it stop?" she asked.', '3.5 mm fell.']
    """
    return [part for part in map(str.strip, _pattern(_SENTENCE_END).split(text)) if part]


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    return str(_porter()(word))


@cache
def _porter() -> Callable[[str], str]:
    from nltk.stem.porter import PorterStemmer

    stem: Callable[[str], str] = PorterStemmer().stem
    return stem


@cache
def _pattern(expression: str) -> Any:  # noqa: ANN401 - untyped
    import regex

    return regex.compile(expression)
