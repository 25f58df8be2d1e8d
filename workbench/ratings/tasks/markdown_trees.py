"""Markdown as nested lists of a few harmless elements, for a browser that builds them itself.

No HTML is ever made of what a model wrote: the browser gets texts and names of elements, and sets
nothing but `textContent`.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

TAGS = frozenset(
    (
        "p", "h1", "h2", "h3", "h4", "ul", "ol", "li", "strong", "em", "del", "code", "pre",
        "blockquote", "table", "thead", "tbody", "tr", "th", "td", "br", "hr",
    )
)  # fmt: skip
"""The elements a tree may have; none has an attribute."""

# Longer or deeper texts are shown as they are: the time to parse a hostile one grows with its length
# times its brackets (a second for 20,000), and the parser drops what is nested deeper than it goes.
_LONGEST = 30_000
_MOST_BRACKETS = 2_000
_DEEPEST = 60
_MOST_TOKENS = 30_000
_LONGEST_TARGET = 200

_HALF = re.compile("[\ud800-\udfff]")
_NAMES = {"h5": "h4", "h6": "h4", "s": "del"}


def markdown_tree(text: str) -> list[Any]:
    """Return Markdown as a tree: each node is a text, or a list of a tag and its nodes.

    Parameters
    ----------
    text : str
        CommonMark with tables and strikethrough; HTML in it is text. It may be hostile.

    Returns
    -------
    list
        Nodes as JSON. The tags are those of `TAGS`; a link or picture is its text, with its target
        in parentheses. A text of more than 30,000 characters, or nested beyond all reading, is one
        `pre`.

    Examples
    --------
    >>> markdown_tree("**Good** <b>and</b> [so](http://example.org/)")
    [['p', [['strong', ['Good']], ' <b>and</b> so (http://example.org/)']]]
    """
    clean = _HALF.sub("\ufffd", text)
    if len(clean) > _LONGEST or clean.count("[") > _MOST_BRACKETS:
        return _as_it_is(clean)
    tokens = _parser().parse(clean)
    flat = [each for token in tokens for each in (token, *(token.children or []))]
    if len(flat) > _MOST_TOKENS or any(token.level >= _DEEPEST - 1 for token in flat):
        return _as_it_is(clean)
    return _tree(tokens)


@functools.cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    options = {"html": False, "maxNesting": _DEEPEST}
    return MarkdownIt("commonmark", options).enable(["table", "strikethrough"])


def _as_it_is(text: str) -> list[Any]:
    return [["pre", [text]]]


def _tree(tokens: Sequence[Token]) -> list[Any]:
    """Return the nodes of tokens, which open and close like brackets."""
    stack: list[list[Any]] = [[]]
    opened: list[Token] = []
    for token in tokens:
        if token.nesting == 1:
            opened.append(token)
            stack.append([])
        elif token.nesting == -1:
            _join(stack, _closed(opened.pop(), stack.pop(), opened))
        else:
            _join(stack, _leaf(token))
    return stack[0]


def _join(stack: list[list[Any]], nodes: Sequence[Any]) -> None:
    """Put nodes at the end of the innermost element; neighbouring texts become one."""
    inside = stack[-1]
    for node in nodes:
        if isinstance(node, str) and inside and isinstance(inside[-1], str):
            inside[-1] += node
        elif node != "":
            inside.append(node)


def _closed(token: Token, nodes: list[Any], around: Sequence[Token]) -> list[Any]:
    """Return the nodes that an element becomes."""
    if token.type == "link_open":
        return [*nodes, _target(token.attrs.get("href"), beside=_text(nodes))]
    if token.hidden:
        return nodes
    if token.type == "list_item_open" and around and "start" in around[-1].attrs:
        return [["li", _numbered(nodes, f"{token.info}. ")]]
    # a list that does not begin at 1 cannot say so without an attribute
    tag = "ul" if "start" in token.attrs else _NAMES.get(token.tag, token.tag)
    return [[tag, nodes]]


def _leaf(token: Token) -> list[Any]:
    """Return the nodes of a token that nothing closes."""
    if token.type == "inline":
        return _tree(token.children or [])
    if token.type in {"fence", "code_block"}:
        return [["pre", [["code", [token.content]]]]]
    if token.type == "image":
        alt = _text(_tree(token.children or []))
        return [alt, _target(token.attrs.get("src"), beside=alt)]
    if token.type == "softbreak":
        return ["\n"]
    by_tag = {"code_inline": [token.content], "hardbreak": [], "hr": []}
    if token.type in by_tag:
        return [[token.tag, by_tag[token.type]]]
    return [token.content]


def _target(target: object, *, beside: str) -> str:
    """Return where a link leads, unless its text says so already."""
    place = str(target or "")
    if place.removeprefix("mailto:") == beside or not place:
        return ""
    cut = place if len(place) <= _LONGEST_TARGET else place[:_LONGEST_TARGET] + "…"
    return f" ({cut})" if beside else f"({cut})"


def _numbered(nodes: list[Any], number: str) -> list[Any]:
    """Put a number before the first text of a list item."""
    first = nodes[0] if nodes else ""
    if isinstance(first, list) and first[0] == "p":
        return [["p", _numbered(first[1], number)], *nodes[1:]]
    if isinstance(first, str):
        return [number + first, *nodes[1:]]
    return [number, *nodes]


def _text(nodes: Sequence[Any]) -> str:
    """Return the text in nodes."""
    return "".join(node if isinstance(node, str) else _text(node[1]) for node in nodes)
