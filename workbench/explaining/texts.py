"""Texts to words and marks, as habits of writing show."""

import sys
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from workbench.metrics.scoring import failed

if TYPE_CHECKING:
    import pandas as pd

# Scripts without spaces give a token per character; an apostrophe inside a word stays in it.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_LETTERS = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]+"
_TOKEN = rf"(?V1)[{_UNSPACED}]\p{{M}}*|{_LETTERS}(?:['’]{_LETTERS})*|[^\s\p{{L}}\p{{M}}\p{{N}}]"


# Texts that are kept, as several measures ask for the same: some 50 MB.
_KEPT_TEXTS, _LONG_TEXT = 8_192, 2_000


def tokens(text: str) -> tuple[str, ...]:
    """Split a text into words in lower case, and each other mark.

    Examples
    --------
    >>> tokens("Don't stop - go!")
    ("don't", 'stop', '-', 'go', '!')
    """
    return _kept(text) if len(text) <= _LONG_TEXT else _tokens(text)


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(map(sys.intern, _pattern().findall(text.lower())))


_kept = lru_cache(maxsize=_KEPT_TEXTS)(_tokens)


def text_of(cell: object) -> str | None:
    """Return the text of an input, which may be a list of chat messages; None where there is none.

    Examples
    --------
    >>> text_of([{"role": "user", "content": "Good"}, {"role": "user", "content": "day"}])
    'Good day'
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Iterable) and not isinstance(cell, Mapping | bytes):
        told = [each.get("content") for each in cell if isinstance(each, Mapping)]
        return " ".join(each for each in told if isinstance(each, str)) or None
    return None


def answers(outputs: "pd.DataFrame", system: str) -> dict[str, list[str]]:
    """Return the texts of a system by row; failures are left out, whatever they wrote."""
    own = outputs[(outputs["system"] == system) & ~failed(outputs)]
    found: dict[str, list[str]] = {}
    for row, text in zip(own["row_id"], own["text"], strict=True):
        found.setdefault(row, []).append(text)
    return found


@cache
def _pattern() -> Any:  # noqa: ANN401 - untyped
    import regex

    return regex.compile(_TOKEN)
