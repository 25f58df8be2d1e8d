"""Tasks as YAML files, which people write and which may be hostile."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from workbench import plain_yaml, store
from workbench.errors import InputError, Unreadable
from workbench.ratings.tasks import entries

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
            content = stream.read(plain_yaml.LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Unreadable(
            f"a task file must be readable, but {str(path)!r} is not ({reason}); check the path."
        ) from error
    return plain_yaml.parse(content)


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
