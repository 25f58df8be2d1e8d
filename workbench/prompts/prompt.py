"""A prompt: messages with templates, and the parameters that go with them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from workbench import store
from workbench.display import html_table, plain
from workbench.errors import BadKind, BadValue, some
from workbench.prompts.messages import Message, split
from workbench.prompts.templates import Template, compiled
from workbench.tables import is_missing, plain_value

_LONGEST_NAME = 80
_MOST_MESSAGES = 1_000
# What the run says by itself, and what no file may hold.
_SET_BY_THE_RUN = frozenset(("messages", "model", "stream"))
_SECRETS = frozenset(
    ("apikey", "authorization", "headers", "extraheaders", "password", "secret", "token")
)
# What Jinja2 reads itself, and what `str.format` would fill in outside.
_JINJA = re.compile(
    r"\{%[-+]?\s*raw\b.*?\bendraw\s*[-+]?%\}|\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL
)
_FIELD = re.compile(r"(?<![{$\\])\{([A-Za-z_][A-Za-z0-9_]*)\}(?!\})")


@dataclass(frozen=True)
class Prompt:
    r"""A prompt: chat messages whose texts are templates, and parameters.

    Parameters
    ----------
    name : str
        What tables and figures call it; at most 80 characters of one line.
    messages : sequence of Message
        In their order; at least one. Their texts are Jinja2 templates of the columns of ROWS.
    parameters : mapping of str
        What is sent with the messages (`temperature`, `max_tokens`, `response_format`, …), values as
        JSON knows them.
    defaults : mapping of str
        Values for variables that a row does not have.
    description : str
        What it is for, for people.
    source : str, optional
        The file it came from, as given.

    Raises
    ------
    BadValue, BadKind, UnknownName
        If a template is none, a role is unknown, or a parameter is no JSON, belongs to the run, or looks
        like a secret.

    Notes
    -----
    Two prompts are equal when names and contents are. Templates run in Jinja2's sandbox: conditions,
    loops, `set`, arithmetic, filters, and methods of texts and records such as `.strip()` and
    `.items()`; no macros, includes or other calls, and at most ten million steps for a row
    (`workbench.prompts.sandbox`). What is missing is an error, what is no text or number must be told how
    to be written, and values of rows are never templates themselves.

    Examples
    --------
    >>> import workbench as wb
    >>> short = wb.Prompt.of("Summarise in one sentence:\n\n{{ input }}", name="short")
    >>> short.variables
    ('input',)
    >>> short.render({"input": "It rained."})
    [{'role': 'user', 'content': 'Summarise in one sentence:\n\nIt rained.'}]
    """

    name: str
    messages: tuple[Message, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)  # any JSON value
    defaults: Mapping[str, Any] = field(default_factory=dict, hash=False)  # any JSON value
    description: str = field(default="", compare=False)
    source: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _check_name(self.name)
        object.__setattr__(self, "messages", tuple(self.messages))
        if not self.messages or not any(each.text.strip() for each in self.messages):
            raise BadValue(
                f"{self.told} must hold a message with a text, but it holds none; write one."
            )
        if len(self.messages) > _MOST_MESSAGES:
            raise BadValue(
                f"{self.told} must have at most {_MOST_MESSAGES:,} messages, but it has "
                f"{len(self.messages):,}; remove some."
            )
        for name in ("parameters", "defaults"):
            values = _as_json(getattr(self, name), f"the {name} of {self.told}")
            object.__setattr__(self, name, MappingProxyType(values))
        _check_parameters(self.parameters, self.told)
        self._check_characters()
        self._check_braces()

    def __reduce__(self) -> tuple[object, ...]:
        values = (dict(self.parameters), dict(self.defaults))
        return Prompt, (self.name, self.messages, *values, self.description, self.source)

    @classmethod
    def of(
        cls,
        text: str,
        *,
        name: str | None = None,
        system: str | None = None,
        parameters: Mapping[str, Any] | None = None,  # any JSON value
    ) -> "Prompt":
        """Make a prompt of a plain string.

        Parameters
        ----------
        text : str
            The user's message, a Jinja2 template; or several messages, each under a line `# system`,
            `# user` or `# assistant`, as in a file.
        name : str, optional
            By default "prompt" and the beginning of its digest.
        system : str, optional
            The system's message, which comes first.
        parameters : mapping, optional
            What is sent with the messages.

        Raises
        ------
        BadValue
            If the template is none, or its only variables are written `{so}`.

        Examples
        --------
        >>> import workbench as wb
        >>> wb.Prompt.of("Shorten: {{ input }}", name="short", system="Be brief.")
        short (2 messages; variables: input; 793e1e13)
        """
        messages = split(text, what="the prompt given")
        if system is not None:
            messages = (Message("system", system), *messages)
        made = cls(name or "prompt", messages, parameters or {})
        return made if name else cls(f"prompt {made.digest[:7]}", messages, parameters or {})

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """The names that the templates use, sorted: columns of ROWS."""
        return tuple(sorted(self.lines))

    @cached_property
    def lines(self) -> Mapping[str, int]:
        """The variables that the templates use, and the line of the file where each comes first."""
        found: dict[str, int] = {}
        for message, template in self._templates:
            for name, line in template.lines.items() if template else ():
                found.setdefault(name, message.line + line - 1)
        return found

    @cached_property
    def digest(self) -> str:
        """SHA-256 of roles, texts, parameters and defaults, in hexadecimal; of no name and no path."""
        return store.digest(self._canonical)

    @cached_property
    def _canonical(self) -> str:
        messages = [[each.role, each.text, each.literal] for each in self.messages]
        content = {
            "messages": messages,
            "parameters": dict(self.parameters),
            "defaults": dict(self.defaults),
        }
        return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def _templates(self) -> list[tuple[Message, Template | None]]:
        return [(each, None if each.literal else self._compiled(each)) for each in self.messages]

    def _compiled(self, message: Message) -> Template:
        return compiled(message.text, lambda line: self.place(message.line + line - 1))

    @cached_property
    def _optional(self) -> frozenset[str]:
        """The variables that every template which uses them can do without."""
        known = [template for _, template in self._templates if template]
        needed = {name for each in known for name in each.lines if name not in each.optional}
        return frozenset(self.lines) - needed

    @property
    def told(self) -> str:
        """What errors call the prompt: its file, or its name."""
        return f"the prompt {self.source or self.name!r}"

    def place(self, line: int) -> str:
        """Name a line of the prompt, for errors.

        Examples
        --------
        >>> import workbench as wb
        >>> wb.Prompt.of("Shorten: {{ input }}", name="short").place(1)
        "line 1 of the prompt 'short'"
        """
        return f"line {line} of {self.told}"

    def render(self, row: Mapping[str, Any]) -> list[dict[str, str]]:
        r"""Return the messages for one row.

        Parameters
        ----------
        row : mapping
            A row of ROWS: values by column. A missing value (None, NaN) is as good as none.

        Returns
        -------
        list of dict
            Each with `role` and `content`, as endpoints take them.

        Raises
        ------
        BadValue
            If the row lacks a variable, or a template fails at its values.

        Examples
        --------
        >>> import workbench as wb
        >>> wb.Prompt.of("# system\n\nBe brief.\n\n# user\n\n{{ input }}").render({"input": "{{ 1 }}"})
        [{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': '{{ 1 }}'}]
        """
        of = f"row {plain(row['row_id'], width=60)!r}" if "row_id" in row else "the row given"
        values = self._values(row, of)
        return [
            {"role": each.role, "content": template.render(values, of) if template else each.text}
            for each, template in self._templates
        ]

    def _values(self, row: Mapping[str, Any], of: str) -> dict[str, Any]:
        """Return what the templates get of a row, and nothing else of it."""
        values = dict(self.defaults)
        for name in self.variables:
            if name in row and not is_missing(row[name]):
                values[name] = self._plain(row[name], name, of)
            elif name not in values and name not in self._optional:
                state = f"nothing in {name!r}" if name in row else f"no {name!r}"
                raise BadValue(
                    f"a row must have every variable of a prompt, but {of} has {state}, which "
                    f"{self.place(self.lines[name])} uses; add it, or give a default under "
                    "`variables`."
                )
        return values

    def _plain(self, value: Any, name: str, of: str) -> Any:  # noqa: ANN401 - a cell holds anything
        """Return a cell as JSON knows it, and a text without ways of its own, such as markup has."""
        try:
            plain_text = isinstance(value, str) and type(value) is not str
            return "".join(value) if plain_text else plain_value(value)
        except RecursionError:
            raise BadValue(
                f"a value must be nested as JSON is, but {name!r} of {of} goes too deep for "
                f"{self.told}; flatten it."
            ) from None

    def _check_characters(self) -> None:
        try:
            f"{self._canonical}{self.description}".encode()
        except UnicodeEncodeError as error:
            half = error.object[error.start]
            raise BadValue(
                f"{self.told} must hold whole characters, but it has {half!r}, half of a surrogate "
                "pair; write U+FFFD in its place."
            ) from None

    def _check_braces(self) -> None:
        """Refuse a prompt without variables that looks as if it were written for `str.format`."""
        if self.variables:  # which compiles the templates
            return
        for each in self.messages:
            rest = _JINJA.sub(lambda jinja: "\n" * jinja[0].count("\n"), each.text)
            if not each.literal and (found := _FIELD.search(rest)):
                line = each.line + rest.count("\n", 0, found.start())
                raise BadValue(
                    f"a variable must be written {{{{ {found[1]} }}}}, but {self.place(line)} has "
                    f"{{{found[1]}}} and no variable; write it so, or {{% raw %}}{found[0]}"
                    "{% endraw %} for the text itself."
                )

    def __repr__(self) -> str:
        count = len(self.messages)
        names = f"variables: {', '.join(self.variables)}" if self.variables else "no variables"
        told = f"{self.name} ({count} message{'s' * (count > 1)}; {names}; {self.digest[:8]})"
        return plain(told, width=200)

    def _repr_html_(self) -> str:
        body = [[each.role, each.text] for each in self.messages]
        body += [[name, json.dumps(self.parameters[name])] for name in sorted(self.parameters)]
        return html_table(["part", "text"], body, caption=repr(self))


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise BadKind(
            f"the name of a prompt must be a str, but a {type(name).__name__} came; write it as one."
        )
    if not name.strip() or len(name) > _LONGEST_NAME or plain(name) != name:
        raise BadValue(
            f"the name of a prompt must be one line of 1 to {_LONGEST_NAME} plain characters, but "
            f"{plain(name, width=60)!r} came; choose another."
        )


def _as_json(values: object, what: str) -> dict[str, Any]:
    """Return a copy of a mapping, if JSON can write it."""
    if not isinstance(values, Mapping):
        raise BadKind(
            f"{what} must be a mapping, but a {type(values).__name__} came; write names and values."
        )
    try:
        if strange := [name for name in values if not isinstance(name, str)]:
            raise TypeError(f"{strange[0]!r} is no name")
        copy: dict[str, Any] = json.loads(json.dumps(dict(values), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadValue(
            f"{what} must be values that JSON knows, but they are not "
            f"({plain(error, width=200)}); write texts, numbers, true, false, null, lists or records."
        ) from None
    return copy


def _check_parameters(parameters: Mapping[str, Any], what: str) -> None:
    if taken := sorted(_SET_BY_THE_RUN & parameters.keys()):
        raise BadValue(
            f"the parameters of {what} must leave the rest to the run, but {some(taken)} came; "
            "remove it."
        )
    plainly = {name: name.lower().replace("_", "").replace("-", "") for name in parameters}
    if secret := [name for name, each in plainly.items() if each in _SECRETS]:
        raise BadValue(
            f"the parameters of {what} must hold no secrets, but {some(secret)} came; keep keys in "
            "the environment."
        )
