"""One message's template: compiled once, its variables known, rendered for each row."""

import functools
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from jinja2 import TemplateSyntaxError, UndefinedError, nodes
from jinja2.environment import Template as Compiled
from jinja2.meta import find_undeclared_variables

from workbench.display import plain
from workbench.errors import BadValue
from workbench.prompts import sandbox

# What Jinja2 calls a template that was made of a text, in tracebacks.
_FILE = "<template>"


@dataclass(frozen=True)
class Template:
    """A compiled template.

    Parameters
    ----------
    lines : mapping of str to int
        The variables that the template uses, and the line of the text, from 1, where it uses them first.
    optional : frozenset of str
        Those that it can do without: it asks whether they are defined, or has a default for them.
    """

    lines: Mapping[str, int]
    optional: frozenset[str]
    _compiled: Compiled
    _told: Callable[[int], str]

    def render(self, values: Mapping[str, object], of: str) -> str:
        """Return the text for the values of one row.

        Parameters
        ----------
        values : mapping
            Values as JSON knows them, by variable.
        of : str
            Whose they are, for errors.

        Raises
        ------
        BadValue
            If the template cannot be rendered with them, or takes too many steps.
        """
        try:
            return self._compiled.render({**values, sandbox.METER: sandbox.Meter()})
        except Exception as error:  # any operation of a template may fail in its way
            place = self._told(_line(error))
            reason = plain(_reason(error), width=200)
        raise BadValue(
            f"a template must be rendered for each row, but {place} cannot be for {of}: {reason}; "
            "mend the template or the row."
        )


def compiled(text: str, told: Callable[[int], str]) -> Template:
    """Compile a template.

    Parameters
    ----------
    text : str
        Jinja2.
    told : callable
        Names the place of a line of the text, for errors.

    Raises
    ------
    BadValue
        If it is no Jinja2, or uses what no prompt may use.
    """
    environment = _environment()
    try:
        tree = sandbox.parsed(environment, text)
        names = find_undeclared_variables(tree) - {"range"}
        lines = _first_lines(tree, names)
        optional = frozenset(_guarded(tree)) & names
        made = environment.from_string(sandbox.meter(tree))
    except Exception as error:  # the parser fails in several ways on hostile texts
        place = told(_line(error))
        reason = plain(_reason(error), width=200)
    else:
        return Template(lines, optional, made, told)
    raise BadValue(
        f"a template must be Jinja2 of the kind that prompts may use, but in {place} {reason}; mend "
        "it there."
    )


@functools.cache
def _environment() -> sandbox.Sandbox:
    return sandbox.Sandbox()


def _names(tree: nodes.Node) -> Iterator[nodes.Name]:
    return (name for name in tree.find_all(nodes.Name) if name.ctx == "load")


def _first_lines(tree: nodes.Template, names: set[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in _names(tree):
        if name.name in names:
            found[name.name] = min(name.lineno, found.get(name.name, name.lineno))
    return dict(sorted(found.items()))


def _guarded(tree: nodes.Template) -> Iterator[str]:
    """Yield the variables that the template itself expects to be missing."""
    for each in tree.find_all((nodes.Filter, nodes.Test)):
        asked = each.name in {"default", "d", "defined", "undefined"}
        if asked and isinstance(each.node, nodes.Name):
            yield each.node.name


def _line(error: Exception) -> int:
    """Return the line of a template at which something failed."""
    if isinstance(error, TemplateSyntaxError):
        return error.lineno
    if isinstance(error, sandbox.Refused) and error.line:
        return error.line
    frames = traceback.extract_tb(error.__traceback__)
    return next((each.lineno or 1 for each in reversed(frames) if each.filename == _FILE), 1)


def _reason(error: Exception) -> str:
    """Say what failed, as half a sentence."""
    if isinstance(error, RecursionError | SyntaxError | MemoryError):
        return "it is nested too deeply"
    told = str(error).rstrip(".") or type(error).__name__
    if isinstance(error, sandbox.Refused | UndefinedError | TemplateSyntaxError):
        return told
    return f"{type(error).__name__}, {told}"
