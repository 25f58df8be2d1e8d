r"""Messages of a chat, and how a body of Markdown is split into them.

A line that is exactly `# system`, `# developer`, `# user` or `# assistant` begins a message; a body without
one is the user's message. `\# user` is the text "# user". A body is split before anything is rendered, so that
no row can add a message.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from workbench.errors import BadKind, BadValue, unknown_name

Role = Literal["system", "developer", "user", "assistant"]
ROLES: tuple[Role, ...] = get_args(Role)

_NAMES = "|".join(ROLES)
_ROLE = re.compile(rf"#[ \t]+({_NAMES})[ \t]*", re.IGNORECASE)
_ESCAPED = re.compile(rf"\\+#[ \t]+(?:{_NAMES})[ \t]*", re.IGNORECASE)


@dataclass(frozen=True)
class Message:
    r"""One message of a chat.

    Parameters
    ----------
    role : {"system", "developer", "user", "assistant"}
        Who speaks.
    text : str
        A Jinja2 template; its lines end in `\n`.
    line : int
        The line of the file, from 1, at which the text begins.
    literal : bool
        Whether the text stands for itself, as those of examples do.
    """

    role: Role
    text: str
    line: int = field(default=1, compare=False)
    literal: bool = False

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise unknown_name("the role of a message", self.role, ROLES)
        if not isinstance(self.text, str):
            raise BadKind(
                f"the text of a message must be a str, but a {type(self.text).__name__} came; write "
                "it as one."
            )
        object.__setattr__(self, "text", newlines(self.text))


def newlines(text: str) -> str:
    r"""Return a text whose lines end in `\n`, wherever it was written.

    Examples
    --------
    >>> newlines("a\r\nb\rc")
    'a\nb\nc'
    """
    return text.replace("\r\n", "\n").replace("\r", "\n")


def split(text: str, *, what: str, line: int = 1) -> tuple[Message, ...]:
    r"""Split a body into its messages.

    Parameters
    ----------
    text : str
        Markdown, of which blank lines around a message are left out.
    what : str
        The prompt, for errors.
    line : int
        The line of the file at which the text begins.

    Raises
    ------
    BadValue
        If a text stands before the first role, or a role has none.

    Examples
    --------
    >>> [(each.role, each.text) for each in split("# user\n\nHi.\n\\# user", what="it")]
    [('user', 'Hi.\n# user')]
    """
    lines = newlines(text).split("\n")
    found = [
        (at, role[1].lower()) for at, each in enumerate(lines) if (role := _ROLE.fullmatch(each))
    ]
    if not found:
        return (message("user", map(_bare, lines), line, what),)
    if any(before := [each.strip() for each in lines[: found[0][0]]]):
        at = line + next(n for n, each in enumerate(before) if each)
        raise BadValue(
            f"a body with roles must begin with one, but in line {at} of {what} a text comes first; "
            "put `# system` or `# user` above it."
        )
    ends = [*(at for at, _ in found[1:]), len(lines)]
    return tuple(
        message(role, map(_bare, lines[at + 1 : end]), line + at + 1, what)
        for (at, role), end in zip(found, ends, strict=True)
    )


def message(role: str, lines: Iterable[str], line: int, what: str) -> Message:
    """Make a message of its lines, from number `line` on, without the blank ones around its text."""
    lines = list(lines)
    texts = [at for at, each in enumerate(lines) if each.strip()]
    if not texts:
        raise BadValue(
            f"a message must have a text, but that of the {role} at line {line} of {what} has none; "
            "write one, or remove it."
        )
    text = "\n".join(lines[texts[0] : texts[-1] + 1])
    return Message(cast("Role", role), text, line + texts[0])


def _bare(line: str) -> str:
    """Take one backslash from a line that only looks like a role."""
    return line[1:] if _ESCAPED.fullmatch(line) else line
