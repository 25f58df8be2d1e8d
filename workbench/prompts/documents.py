"""A prompt as a Markdown file: front matter in YAML, and a body whose headings name the roles."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from workbench import plain_yaml
from workbench.display import plain
from workbench.errors import BadKind, BadValue, InputError, unknown_name
from workbench.prompts.messages import Message, newlines, split
from workbench.prompts.prompt import Prompt

_MEMBERS = ("name", "description", "variables", "parameters", "examples")
_OF_A_VARIABLE = ("default", "description")
_FENCE = re.compile(r"---[ \t]*")
_ANSWER = "assistant"


def parse(text: str, *, name: str, source: str | None = None) -> Prompt:
    r"""Make a prompt of the text of a file.

    Parameters
    ----------
    text : str
        Front matter between two lines `---`, if any, and the body.
    name : str
        What it is called when the front matter does not say.
    source : str, optional
        The file, for errors.

    Raises
    ------
    BadValue, BadKind, UnknownName
        If it is no prompt.

    Examples
    --------
    >>> parse("---\nparameters: {temperature: 0}\n---\nShorten: {{ input }}", name="short")
    short (1 message; variables: input; 760e6f55)
    """
    what = f"the prompt {source or name!r}"
    front, body, line = front_matter(text, what)
    known = cast("Mapping[str, Any]", front.value)
    for each in known:
        if each not in _MEMBERS:
            place = _at(front, (each,), what)
            raise unknown_name(f"a name in the front matter ({place})", each, _MEMBERS)
    declared, defaults = _variables(known.get("variables"), front, what)
    messages = split(body, what=what, line=line)
    made = Prompt(
        known.get("name") or name,
        messages,
        _member(front, "parameters", dict, what),
        defaults,
        _member(front, "description", str, what),
        source,
    )
    examples = _member(front, "examples", list, what)
    made = replace(made, messages=_with_examples(made, examples, front))
    if declared is not None:
        _check_declared(made, declared)
    return made


def front_matter(text: str, what: str) -> tuple[plain_yaml.Document, str, int]:
    """Return what the front matter says, the body, and the line at which the body begins."""
    lines = newlines(text.removeprefix("\ufeff")).split("\n")
    nothing = plain_yaml.Document({}, {})
    if not _FENCE.fullmatch(lines[0]):
        return nothing, "\n".join(lines), 1
    end = next((at for at, line in enumerate(lines[1:], 1) if _FENCE.fullmatch(line)), None)
    if end is None:
        raise BadValue(
            f"front matter must end in a line '---', but that of {what} does not; add one."
        )
    body, line = "\n".join(lines[end + 1 :]), end + 2
    inside = lines[1:end]
    if all(not each.strip() or each.lstrip().startswith("#") for each in inside):
        return nothing, body, line
    try:
        # below an empty line, so that lines are counted as in the file
        content = "\n".join(["", *inside]).encode()
        front = plain_yaml.document(content, what="prompt")
    except UnicodeEncodeError:
        raise BadValue(
            f"{what} must hold whole characters, but its front matter has half of a surrogate pair; "
            "write U+FFFD in its place."
        ) from None
    except InputError as error:
        raise type(error)(f"in the front matter of {what}, {error}") from None
    if not isinstance(front.value, dict):
        raise BadKind(
            f"front matter must hold names and values, but that of {what} is a "
            f"{type(front.value).__name__}; write `name: …`."
        )
    return front, body, line


def _at(front: plain_yaml.Document, way: tuple[object, ...], what: str) -> str:
    return f"line {front.lines[way]} of {what}"


def _member(front: plain_yaml.Document, name: str, kind: type, what: str) -> Any:  # noqa: ANN401
    """Return what the front matter says under a name, or an empty thing of its kind."""
    value = cast("Mapping[str, Any]", front.value).get(name)
    if value is None:
        return kind()
    if not isinstance(value, kind):
        told = {"str": "text", "dict": "mapping", "list": "list"}[kind.__name__]
        raise BadKind(
            f"{name!r} must be a {told}, but {_at(front, (name,), what)} has a "
            f"{type(value).__name__}; write it as one."
        )
    return value


def _variables(
    declared: object, front: plain_yaml.Document, what: str
) -> tuple[dict[str, int] | None, dict[str, Any]]:
    """Return the line of each declared variable, if any are, and the defaults."""
    if declared is None:
        return None, {}
    if isinstance(declared, list) and all(isinstance(each, str) for each in declared):
        return {each: front.lines["variables", at] for at, each in enumerate(declared)}, {}
    if not isinstance(declared, dict):
        raise BadKind(
            "`variables` must be a list of names, or a mapping from names, but "
            f"{_at(front, ('variables',), what)} has neither; write `- input`."
        )
    lines = {str(name): front.lines["variables", name] for name in declared}
    told = {str(name): _told(name, each, front, what) for name, each in declared.items()}
    return lines, {name: each["default"] for name, each in told.items() if "default" in each}


def _told(name: object, told: object, front: plain_yaml.Document, what: str) -> dict[str, Any]:
    """Return what is told of a declared variable: its description, and its default if it has one."""
    place = _at(front, ("variables", name), what)
    if told is not None and not isinstance(told, dict):
        raise BadKind(
            f"a variable must be told by its `default` and `description`, but {place} gives "
            f"{plain(name, width=60)!r} a {type(told).__name__}; write `{{default: …}}`."
        )
    for each in told or {}:
        if each not in _OF_A_VARIABLE:
            raise unknown_name(f"what is told of a variable ({place})", each, _OF_A_VARIABLE)
    return told or {}


def _check_declared(prompt: Prompt, declared: Mapping[str, int]) -> None:
    """Refuse a variable that is declared and not used, or used and not declared."""
    for name, line in declared.items():
        if name not in prompt.lines:
            raise BadValue(
                f"a declared variable must be used, but {prompt.place(line)} declares "
                f"{plain(name, width=60)!r}, which no message uses; use it, or remove it."
            )
    for name, line in prompt.lines.items():
        if name not in declared:
            raise BadValue(
                f"a used variable must be declared, but {prompt.place(line)} uses {name!r}, which "
                "`variables` does not name; declare it, or mend the name."
            )


def _with_examples(
    prompt: Prompt, examples: list[Any], front: plain_yaml.Document
) -> tuple[Message, ...]:
    """Put the examples before the last message of the user, which they are examples of."""
    if not examples:
        return prompt.messages
    asked = [at for at, each in enumerate(prompt.messages) if each.role == "user"]
    if not asked:
        raise BadValue(
            f"examples must stand before a message of the user, but {prompt.told} has none; add one."
        )
    pairs = [
        each
        for at, example in enumerate(examples)
        for each in _pair(prompt, example, asked[-1], front.lines["examples", at])
    ]
    return (*prompt.messages[: asked[-1]], *pairs, *prompt.messages[asked[-1] :])


def _pair(prompt: Prompt, example: object, asked: int, line: int) -> tuple[Message, Message]:
    """Return a question and its answer as they stand, or the question with an example's values."""
    texts = isinstance(example, dict) and isinstance(example.get(_ANSWER), str)
    if not isinstance(example, dict) or not texts:
        raise BadValue(
            f"an example must have a text under `assistant`, but that in {prompt.place(line)} has "
            "none; write `user` (or the variables) and `assistant`."
        )
    values = {name: value for name, value in example.items() if name != _ANSWER}
    if "user" in values and "user" not in prompt.variables:
        question = values.pop("user")
        if values or not isinstance(question, str):
            raise BadValue(
                f"an example must be two texts, `user` and `assistant`, but that in "
                f"{prompt.place(line)} has more, or other ones; give it either a `user` or variables."
            )
    else:
        try:
            asking = replace(prompt, messages=(prompt.messages[asked],))
            question = asking.render(values)[0]["content"]
        except BadValue as error:
            raise BadValue(f"in the example in {prompt.place(line)}, {error}") from None
    return (
        Message("user", question, line, literal=True),
        Message("assistant", example[_ANSWER], line, literal=True),
    )
