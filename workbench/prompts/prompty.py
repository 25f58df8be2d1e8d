"""Prompty files as prompts: https://prompty.ai, both its first shape and the newer one.

What says how to reach a model stays behind, and so does what is for people or tests: `model` (its id, its
connection or configuration), `sample`, `outputs`, authors, tags and metadata. What would change what a model
reads, and has no place in a prompt of ours, is refused rather than lost: tools, threads, images, references to
files and to the environment, templates that are not Jinja2.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from workbench.display import plain
from workbench.errors import BadValue
from workbench.prompts.documents import front_matter
from workbench.prompts.messages import ROLES, Message, message
from workbench.prompts.prompt import Prompt

_BOUNDARY = re.compile(
    rf"\s*#?\s*({'|'.join(ROLES)}|function|tools?)(\[.*\])?\s*:\s*", re.IGNORECASE
)
_OF_FILES = re.compile(r"\$\{(?:env|file):[^}]*\}")
_PICTURE = re.compile(r"!\[[^\]]*\]\(")
# Names of the newer shape, and those that endpoints know.
_RENAMED = {
    "allowMultipleToolCalls": "parallel_tool_calls",
    "frequencyPenalty": "frequency_penalty",
    "maxOutputTokens": "max_tokens",
    "presencePenalty": "presence_penalty",
    "stopSequences": "stop",
    "topK": "top_k",
    "topP": "top_p",
}


def parse(text: str, *, name: str, source: str | None = None) -> Prompt:
    r"""Make a prompt of the text of a Prompty file.

    Parameters
    ----------
    text : str
        Front matter and a body whose lines `system:`, `user:` and `assistant:` begin messages.
    name : str
        What it is called when the front matter does not say.
    source : str, optional
        The file, for errors.

    Raises
    ------
    BadValue, BadKind, UnknownName
        If it is no prompt, or says what a prompt of ours cannot.

    Examples
    --------
    >>> parse("---\nmodel: {options: {topP: 0.5}}\n---\nuser:\n{{q}}", name="a").parameters["top_p"]
    0.5
    """
    what = f"the prompt {source or name!r}"
    front, body, line = front_matter(text, what)
    known = cast("Mapping[str, Any]", front.value)
    _check_template(known.get("template"), what)
    if known.get("tools"):
        raise _left_out("tools", f"line {front.lines['tools',]} of {what}")
    made = Prompt(
        known.get("name") or name,
        tuple(_messages(body, line, what)),
        _parameters(known.get("model"), what),
        description=str(known.get("description") or ""),
        source=source,
    )
    defaults = {each: told["default"] for each, told in _inputs(known, what) if "default" in told}
    used = {each: value for each, value in defaults.items() if each in made.variables}
    return replace(made, defaults=used)


def _left_out(thing: str, where: str) -> BadValue:
    return BadValue(
        f"a Prompty file must be messages and parameters to be read, but {where} has {thing}, which a "
        "prompt cannot hold; remove that."
    )


def _check_template(template: object, what: str) -> None:
    """Refuse another language than Jinja2, which is `template`, `template.type` or `.format.kind`."""
    while isinstance(template, Mapping):
        template = template.get("format", template.get("type", template.get("kind")))
    if template not in {None, "jinja2", "jinja"}:
        raise BadValue(
            f"a template must be Jinja2, but {what} says that it is {plain(template, width=60)!r}; "
            "translate it."
        )


def _messages(body: str, line: int, what: str) -> Iterator[Message]:
    """Yield the messages of a body; what comes before the first role is the system's."""
    lines = body.split("\n")
    bounds = [(at, found) for at, each in enumerate(lines) if (found := _BOUNDARY.fullmatch(each))]
    starts = [(-1, "system"), *((at, found[1].lower()) for at, found in bounds)]
    for at, found in bounds:
        if found[1].lower() not in ROLES or found[2]:
            raise _left_out(f"a message {found[0].strip()!r}", f"line {line + at} of {what}")
    for at, each in enumerate(lines):
        if each.strip().startswith("![thread]") or _PICTURE.search(each):
            raise _left_out("a thread or an image", f"line {line + at} of {what}")
    ends = [*(at for at, _ in bounds), len(lines)]
    for (at, role), end in zip(starts, ends, strict=True):
        if at >= 0 or any(each.strip() for each in lines[:end]):
            yield message(role, lines[at + 1 : end], line + at + 1, what)


def _parameters(model: object, what: str) -> dict[str, Any]:
    """Return what is sent with the messages, under the names that endpoints know."""
    if not isinstance(model, Mapping):
        return {}
    given = model.get("options", model.get("parameters")) or {}
    if not isinstance(given, Mapping):
        raise BadValue(
            f"the parameters of a model must be a mapping, but those of {what} are a "
            f"{type(given).__name__}; write names and values."
        )
    given = {**given, **(given.get("additionalProperties") or {})}
    if given.get("tools"):
        raise _left_out("tools among the parameters", what)
    if found := _OF_FILES.search(str(given)):
        raise _left_out(f"{found[0]!r} among the parameters", what)
    # how answers come belongs to the run
    left = {"additionalProperties", "stream", "tools", "tool_choice"}
    return {_RENAMED.get(each, each): value for each, value in given.items() if each not in left}


def _inputs(known: Mapping[str, Any], what: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield what is told of each input, in any of its three shapes.

    A bare value is a sample, and rows that lack a column must not be answered about samples.
    """
    inputs = known.get("inputs") or known.get("inputSchema") or {}
    if isinstance(inputs, Mapping) and "properties" in inputs:
        inputs = inputs["properties"] or {}
    if isinstance(inputs, Mapping):
        inputs = [
            {"name": name, **(told if isinstance(told, Mapping) else {})}
            for name, told in inputs.items()
        ]
    for each in inputs if isinstance(inputs, list) else []:
        told = each if isinstance(each, Mapping) else {"name": each}
        if told.get("kind", told.get("type")) in {"thread", "image", "file", "audio"}:
            raise _left_out(f"an input {plain(told.get('name'), width=60)!r} that is no text", what)
        yield str(told.get("name")), told
