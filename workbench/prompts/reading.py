"""Prompts from files, folders, shipped sets and strings."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from workbench import data, formats, plain_yaml
from workbench.display import plain
from workbench.errors import BadKind, BadValue, Unreadable
from workbench.prompts import prompty
from workbench.prompts.documents import parse
from workbench.prompts.messages import newlines
from workbench.prompts.prompt import Prompt

Source = str | Path | Prompt | Mapping[str, str] | Iterable["str | Path | Prompt"]

SUFFIXES = (".md", ".prompty")
"""What a folder's prompts end in; a file that is named itself may end in anything."""


def read(where: Source) -> list[Prompt]:
    r"""Read prompts.

    Parameters
    ----------
    where : str, Path, Prompt, mapping or list
        A file (Markdown with front matter, or Prompty's `.prompty`), a folder of them, the name of a
        shipped set that has a folder `prompts`, or a template itself, which is a str with `{{` or a
        line end; a mapping from names to templates; or a list of any of these.

    Returns
    -------
    list of Prompt
        Files of a folder in the order of their names.

    Raises
    ------
    Unreadable
        If a path is none.
    BadValue, BadKind, UnknownName
        If a file is no prompt, a folder holds none, or two prompts have one name.

    Notes
    -----
    A file is UTF-8, of at most 1 MB, and looks like this:

    .. code-block:: text

        ---
        name: short
        description: One sentence, for a newsletter.
        variables:
          input: {description: the article}
          language: {default: English}
        parameters: {temperature: 0, max_tokens: 80}
        examples:
          - {input: It rained all day., assistant: Rain.}
        ---
        # system

        You write in {{ language }}.

        # user

        Summarise in one sentence: {{ input }}

    Everything in the front matter may be left out. The name is then the file's; variables are then
    those that the templates use, while declared ones must be used, and used ones declared. An
    example is a `user`'s and an `assistant`'s text, which stand for themselves, or the variables of the
    last message of the user and what the `assistant` answers. From Prompty come name, description,
    messages, parameters and defaults; the model and its connection do not, nor tools, threads, images
    and samples.

    Examples
    --------
    >>> import workbench as wb
    >>> wb.prompts.read({"short": "Shorten: {{ input }}"})
    [short (1 message; variables: input; cc9148fa)]
    """
    found = list(_all(where))
    if not found:
        raise BadValue("there must be at least one prompt, but none came; add one.")
    seen: dict[str, Prompt] = {}
    for each in found:
        if (other := seen.setdefault(each.name, each)) is not each:
            raise BadValue(
                f"prompts must have different names, but {each.name!r} comes from "
                f"{other.told} and from {each.told}; change the name of one."
            )
    return found


def _all(where: Source) -> Iterable[Prompt]:
    if isinstance(where, Prompt):
        return [where]
    if isinstance(where, str) and _is_template(where):
        document = newlines(where).startswith("---\n")
        return [parse(where, name="prompt") if document else Prompt.of(where)]
    if isinstance(where, str | Path):
        return _from_path(where)
    if isinstance(where, Mapping):
        return [Prompt.of(text, name=name) for name, text in where.items()]
    if not isinstance(where, Iterable) or isinstance(where, bytes):
        raise BadKind(
            "prompts must be a file, a folder, the name of a shipped set, a template or a list of "
            f"these, but a {type(where).__name__} came; turn it into one of these."
        )
    return (each for part in where for each in _all(part))


def _is_template(text: str) -> bool:
    return any(mark in text for mark in ("\n", "{{", "{%", "{#"))


def _from_path(where: str | Path) -> list[Prompt]:
    path = Path(where)
    with formats.readable(path):
        if path.is_dir():
            return _from_folder(path, where)
        if path.exists():
            return [_from_file(path, str(where))]
    if isinstance(where, str) and path.name == where and not path.suffix:
        return _from_folder(data.folder(where) / "prompts", where)
    raise Unreadable(
        f"a prompt must be a file, a folder, the name of a shipped set or a template with "
        f"`{{{{ … }}}}`, but {plain(where, width=200)!r} is none of these; check the path."
    )


def _from_folder(folder: Path, where: str | Path) -> list[Prompt]:
    """Read the prompts of a folder, where README.md is none."""
    found = (
        sorted(
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SUFFIXES and path.name.lower() != "readme.md"
        )
        if folder.is_dir()
        else []
    )
    if not found:
        raise BadValue(
            f"a folder of prompts must hold files that end in {' or '.join(SUFFIXES)}, but "
            f"{plain(where, width=200)!r} has none; add one."
        )
    return [_from_file(path, str(path)) for path in found]


def _from_file(path: Path, source: str) -> Prompt:
    return from_bytes(content_of(path), path.stem, source, suffix=path.suffix)


def content_of(path: Path) -> bytes:
    """Read a file, of a large one only so much that it is seen to be too large."""
    with formats.readable(path), path.open("rb") as stream:
        return stream.read(plain_yaml.LARGEST + 1)


def from_bytes(content: bytes, stem: str, source: str, *, suffix: str) -> Prompt:
    """Make a prompt of the content of a file, whose suffix tells its kind."""
    if len(content) > plain_yaml.LARGEST:
        raise BadValue(f"a prompt must have at most 1 MB, but {source} has more; shorten it.")
    text = formats.decoded(content, Path(source))
    make = prompty.parse if suffix.lower() == ".prompty" else parse
    return make(text, name=stem, source=source)
