"""Tasks as YAML files, which people write and which may be hostile."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from workbench import store
from workbench.display import plain
from workbench.errors import BadValue, InputError, Unreadable
from workbench.ratings.tasks import entries

_LARGEST = 1_000_000
# A scalar that may become a number: longer ones would take minutes to read as one.
_MOST_DIGITS = 100
_T = TypeVar("_T")


def named(path: str | Path, work: Callable[[], _T]) -> _T:
    """Do something with a file, and put the file's name before what is wrong with its content."""
    try:
        return work()
    except Unreadable:
        raise
    except InputError as error:
        raise type(error)(f"in {Path(path).name}, {error}") from None


def read(path: str | Path) -> object:
    """Return the content of a YAML file.

    Raises
    ------
    Unreadable
        If it cannot be opened.
    BadValue
        If it is too large, not UTF-8 or not YAML, repeats a key, or uses an alias.
    """
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Unreadable(
            f"a task file must be readable, but {str(path)!r} is not ({reason}); check the path."
        ) from error
    return parse(content)


def parse(content: bytes) -> object:
    """Return the content of YAML, as plain mappings, lists and scalars."""
    import yaml

    if len(content) > _LARGEST:
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
            "the text must be nested as a task is, but it goes hundreds of levels deep; mend it."
        ) from None
    if node is None:
        raise BadValue("the text must hold a task, but it is empty; write one.")
    return _content(node)


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


def text(record: Mapping[str, Any]) -> str:
    """Return a record as YAML, for people: keys in order, long texts as blocks."""
    import yaml

    # a class of its own, since a representer belongs to a class
    dumper: Any = type("Dumper", (yaml.SafeDumper,), {"ignore_aliases": lambda *_: True})
    dumper.add_representer(str, _as_text)
    written: str = yaml.dump(
        _with_numbers(record), Dumper=dumper, sort_keys=False, allow_unicode=True, width=100
    )
    return written


def write(path: str | Path, content: str) -> None:
    """Write a file whole or not at all."""
    try:
        store.write_text(path, content)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Unreadable(
            f"a task must be written to a file that can be written, but {str(path)!r} cannot "
            f"({reason}); choose another."
        ) from error


def _as_text(dumper: Any, value: str) -> Any:  # noqa: ANN401 - the library has no types
    """Write a text of several lines as a block, as people do, and a strange one with escapes."""
    style = None
    if not value.isprintable():
        # left to itself the library loses U+0085 and white space at the ends of lines
        lines = value.split("\n")
        fit = lines[0] and all(each.isprintable() and each == each.strip() for each in lines)
        style = "|" if fit else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _with_numbers(record: Mapping[str, Any]) -> dict[str, Any]:
    """Write the anchors of a scale under numbers, which JSON could not."""
    questions = [
        {
            **each,
            "labels": {entries.number(float(at), at): text for at, text in each["labels"].items()},
        }
        if "labels" in each
        else each
        for each in record["questions"]
    ]
    return {**record, "questions": questions}
