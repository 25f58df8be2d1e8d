"""Texts to words and sentences, as ROUGE counts them."""

import re
import sys
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Literal

Tokenizer = Literal["rouge_score", "unicode"]

# Shorter words are not stemmed, as in ROUGE 1.5.5.
_SHORT_WORD = 3
# Texts and characters that are kept: some 50 MB, even if each character is a word of its own.
_KEPT_TEXTS = 1_024
_LONG_TEXT = 1_000

_LATIN = re.compile(r"[a-z0-9]+")
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_EVERY_SCRIPT = rf"(?V1)[{_UNSPACED}]\p{{M}}*|[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]+"

# After a full stop (and closing quotes) and before a capital, a digit or a letter without case.
_SENTENCE_END = (
    r"""(?V1)(?<=[.!?…]["'”’»)\]]*)\s+(?=["'“‘«(\[]*[\p{Lu}\p{Lt}\p{Lo}\p{N}])"""
    r"""|(?<=[。！？｡]["'”’」』）]*)(?!["'”’」』）])|\n+"""
)


def words(
    text: str, tokenizer: Tokenizer = "rouge_score", *, stemmer: bool = False
) -> tuple[str, ...]:
    """Split a text into words, in lower case.

    Parameters
    ----------
    text : str
        What to split.
    tokenizer : {"rouge_score", "unicode"}
        Runs of a–z and 0–9; or of letters, marks and digits of every script, of scripts written
        without spaces each character.
    stemmer : bool
        Whether words longer than three letters are stemmed (Porter, of nltk); with "unicode" those
        of ASCII only.

    Examples
    --------
    >>> words("The cats' café"), words("The cats' café", "unicode", stemmer=True)
    (('the', 'cats', 'caf'), ('the', 'cat', 'café'))
    """
    # before the length is asked: NFKC may make 18 characters of one
    normal = text if tokenizer == "rouge_score" else unicodedata.normalize("NFKC", text)
    lower = normal.lower()
    # several metrics, and every system, ask for the words of the same reference
    found = _kept if len(lower) <= _LONG_TEXT else _words
    return found(lower, tokenizer, stemmer)


def sentences(text: str) -> list[str]:
    """Split a text into sentences, after . ! ? … and their kin, and at line ends.

    A simple rule without a list of abbreviations: it serves to line sentences up in ROUGE-Lsum.

    Examples
    --------
    >>> sentences('It rained. "Will it stop?" she asked. 3.5 mm fell.')
    ['It rained.', '"Will it stop?" she asked.', '3.5 mm fell.']
    """
    return [part for part in map(str.strip, _pattern(_SENTENCE_END).split(text)) if part]


def _words(text: str, tokenizer: Tokenizer, stemmer: bool) -> tuple[str, ...]:
    """Split a text that is in lower case already."""
    expression = _LATIN if tokenizer == "rouge_score" else _pattern(_EVERY_SCRIPT)
    found = expression.findall(text)
    if stemmer:
        found = [_stem(w) if len(w) > _SHORT_WORD and w.isascii() else w for w in found]
    # a word that stands in many texts is held once
    return tuple(map(sys.intern, found))


_kept = lru_cache(maxsize=_KEPT_TEXTS)(_words)


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
