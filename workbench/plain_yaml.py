"""YAML as plain mappings, lists and scalars, which people write and which may be hostile."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from workbench.display import plain
from workbench.errors import BadValue

LARGEST = 1_000_000
"""The most bytes of a text."""

# A scalar that may become a number: longer ones would take minutes to read as one.
_MOST_DIGITS = 100


class Document(NamedTuple):
    """What a text of YAML holds, and the line of each key and element by the way to it."""

    value: object
    lines: Mapping[tuple[object, ...], int]


def parse(content: bytes, *, what: str = "task") -> object:
    """Return the content of YAML, as plain mappings, lists and scalars.

    Parameters
    ----------
    content : bytes
        UTF-8 text, with or without a byte order mark.
    what : str
        What the text is to hold, for errors.

    Raises
    ------
    BadValue
        If it is too large, not UTF-8, not YAML or empty, repeats a key, or uses an alias or a kind
        of value that no plain text has.

    Examples
    --------
    >>> parse(b"a: [1, x]")
    {'a': [1, 'x']}
    """
    return document(content, what=what).value


def document(content: bytes, *, what: str = "task") -> Document:
    r"""Return what `parse` returns, and where each part of it stands.

    Examples
    --------
    >>> document(b"a:\n- 1").lines
    {('a',): 1, ('a', 0): 2}
    """
    import yaml

    if len(content) > LARGEST:
        raise BadValue("the text must have at most 1 MB, but it has more; shorten it.")
    text = _decoded(content)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _no_yaml(error.problem or error.context, mark.line + 1 if mark else 1) from None
    except yaml.reader.ReaderError as error:
        reason = f"the character U+{error.character:04X} must be escaped"
        raise _no_yaml(reason, text.count("\n", 0, error.position) + 1) from None
    except RecursionError:
        raise BadValue(
            f"the text must be nested as a {what} is, but it goes hundreds of levels deep; mend it."
        ) from None
    if node is None:
        raise BadValue(f"the text must hold a {what}, but it is empty; write one.")
    value = _content(node)
    return Document(value, _lines(node))


def _no_yaml(reason: object, line: int) -> BadValue:
    return BadValue(
        f"the text must be YAML, but in line {line} {plain(reason, width=200)}; mend it there."
    )


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadValue(
            f"the text must be UTF-8, but byte 0x{content[error.start]:02x} stands in line {line}; "
            "save the file as UTF-8."
        ) from None


def _content(root: Any) -> object:  # noqa: ANN401 - the library has no types
    """Return what nodes hold; refuse what comes again: a node by an alias, a key in a mapping."""
    from yaml.constructor import SafeConstructor

    maker = SafeConstructor()
    known: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in known:
            raise BadValue(
                "the text must write everything out, but an alias ('*') repeats what stands in line "
                f"{_line(node)}; copy it instead."
            )
        known.add(id(node))
        waiting.extend(_inside(node, maker))
    return maker.construct_document(root)


def _inside(node: Any, maker: Any) -> list[Any]:  # noqa: ANN401 - the library has no types
    """Return the nodes inside a node, which is a mapping, a list or a plain scalar."""
    tag = node.tag.removeprefix("tag:yaml.org,2002:")
    if isinstance(node.value, str):
        _scalar(node, tag, maker)
        return []
    if tag == "seq":
        return list(node.value)
    if tag != "map":
        raise BadValue(
            f"a collection must be a mapping or a list, but one of the kind {plain(tag, width=40)!r} "
            f"stands in line {_line(node)}; write it plainly."
        )
    keys: set[object] = set()
    for key, _ in node.value:
        found = _key(key, maker)
        if found in keys:
            raise BadValue(
                f"each key must stand once in a mapping, but {plain(found, width=60)!r} comes again "
                f"in line {_line(key)}; remove one of them."
            )
        keys.add(found)
    return [part for pair in node.value for part in pair]


def _key(node: Any, maker: Any) -> object:  # noqa: ANN401 - the library has no types
    if not isinstance(node.value, str):
        raise BadValue(
            f"a key must be a word or a number, but a collection stands in line {_line(node)}; "
            "mend it."
        )
    return _scalar(node, node.tag.removeprefix("tag:yaml.org,2002:"), maker)


def _scalar(node: Any, tag: str, maker: Any) -> object:  # noqa: ANN401 - the library has no types
    """Return a scalar, if it is of a kind that a task holds."""
    if tag in {"int", "float"} and len(node.value) > _MOST_DIGITS:
        raise BadValue(
            f"a number must have at most {_MOST_DIGITS} digits, but one of {len(node.value):,} "
            f"stands in line {_line(node)}; shorten it."
        )
    if tag not in {"str", "int", "float", "bool", "null"}:
        raise BadValue(
            f"a value must be text, a number, true, false or null, but one of the kind "
            f"{plain(tag, width=40)!r} stands in line {_line(node)}; put it in quotes."
        )
    try:
        found: object = maker.construct_object(node)
    except (KeyError, ValueError):  # a tag that its text cannot bear, such as `!!int one`
        raise BadValue(
            f"a value must be of the kind it names, but {plain(node.value, width=60)!r} is no "
            f"{tag!r} in line {_line(node)}; remove the tag."
        ) from None
    return found


def _line(node: Any) -> int:  # noqa: ANN401 - the library has no types
    return int(node.start_mark.line) + 1


def _lines(root: Any) -> dict[tuple[object, ...], int]:  # noqa: ANN401 - the library has no types
    """Return the line of each part of a checked node."""
    from yaml.constructor import SafeConstructor

    maker = SafeConstructor()
    found: dict[tuple[object, ...], int] = {}
    waiting: list[tuple[tuple[object, ...], Any]] = [((), root)]
    while waiting:
        way, node = waiting.pop()
        if isinstance(node.value, str):
            continue
        pairs = [each if isinstance(each, tuple) else (None, each) for each in node.value]
        for at, (key, part) in enumerate(pairs):
            place = (*way, at if key is None else maker.construct_object(key))
            found[place] = _line(part if key is None else key)
            waiting.append((place, part))
    return found
