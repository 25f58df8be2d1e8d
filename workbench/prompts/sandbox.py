"""What a template may do, and how much: Jinja2's immutable sandbox, without calls and with a meter.

A prompt's file may come from anybody, and so may a row. The sandbox keeps a template from Python; here it is
kept from running for hours too. Calls do not exist: methods of texts and `range` become filters. Whatever
reads or makes much pays for it, a loop for all of its rounds before the first. So the work is bounded by
`MOST_STEPS`, and the same template stops at the same place on every machine.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from jinja2 import StrictUndefined, Undefined, nodes, pass_context
from jinja2.filters import FILTERS
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS
from jinja2.visitor import NodeTransformer

MOST_STEPS = 10_000_000
"""A step is a character that is read or made; an expression in a loop is ten, in each round."""

MOST_TOKENS = 20_000
MOST_NODES = 5_000
"""The most marks of Jinja2, and the most expressions and statements, in one message."""

METER = "\0meter"
"""Where the steps left stand among the variables; no template can name it."""

# Whole numbers beyond this belong to no prompt, and squaring makes them long.
_LARGEST = 2**63
# So far `tojson` indents and `round` rounds, and so many marks a text may be stripped of.
_WIDEST = 8
_MOST_MARKS = 1_000

_METHODS = frozenset(
    ("strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "split", "splitlines",
     "startswith", "endswith")
)  # fmt: skip
_FILTERS = frozenset(
    ("abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items",
     "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse",
     "select", "selectattr", "sort", "string", "title", "truncate", "unique", "upper", "wordcount")
)  # fmt: skip
# What these do for each element is more than to read it.
_EACH = frozenset(
    (
        "dictsort",
        "map",
        "max",
        "min",
        "reject",
        "rejectattr",
        "select",
        "selectattr",
        "sort",
        "unique",
    )
)
_TESTS = frozenset(
    ("defined", "undefined", "none", "string", "number", "mapping", "sequence", "iterable", "boolean",
     "integer", "float", "odd", "even", "true", "false", "eq", "equalto", "==", "ne", "!=", "lt",
     "<", "le", "<=", "gt", ">", "ge", ">=")
)  # fmt: skip
_LOOP = frozenset(
    ("index", "index0", "first", "last", "length", "revindex", "revindex0", "previtem", "nextitem")
)
_SIZED = (str, list, tuple, Mapping, range)
_KINDS = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Assign, nodes.Name,
    nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Getattr, nodes.Getitem,
    nodes.Slice, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or,
    nodes.Not, nodes.CondExpr, nodes.Concat, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div,
    nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos, nodes.Call, nodes.Keyword,
)  # fmt: skip


class Refused(Exception):
    """What a template may not do: half a sentence that follows "but", and the line within it."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.line = line


class Meter:
    """The steps that a rendering has left."""

    def __init__(self) -> None:
        self.left = MOST_STEPS

    def spend(self, steps: int) -> None:
        """Take steps away, and stop where none is left."""
        self.left -= abs(steps)
        if self.left < 0:
            raise Refused(f"it takes more than {MOST_STEPS:,} steps")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2 for prompts: strict about what is missing, plain text, no calls."""

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%"))

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=False,  # a prompt is no HTML
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,
            finalize=_shown,
            extensions=[],
        )
        self.globals = {}
        self.filters = {name: FILTERS[name] for name in _FILTERS} | _OWN
        self.tests = {name: TESTS[name] for name in _TESTS}

    def getattr(self, obj: Any, attribute: str) -> Any:  # noqa: ANN401 - values of rows
        """Return a member of a record, or what a loop says of itself; nothing else has attributes."""
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:  # noqa: ANN401 - values of rows
        """Return a member of a record, or an element of a list."""
        try:
            if isinstance(obj, Mapping | list | tuple | str):
                return obj[argument]
        except (TypeError, LookupError):
            pass
        return self.undefined(obj=obj, name=argument)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401
        """Compute with numbers; texts are joined by `~`."""
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise Refused(
                f"{operator!r} stands between things that are no numbers (`~` joins texts)"
            )
        found = super().call_binop(context, operator, left, right)
        if abs(found) > _LARGEST:
            raise Refused(f"{operator!r} makes a number above 2^63")
        return found


def parsed(environment: Sandbox, text: str) -> nodes.Template:
    """Parse a template, and refuse one that is too long or holds what no prompt may."""
    # counted first, since parsing takes long
    tokens = environment.lexer.tokeniter(text, None)
    if any(True for _ in islice(tokens, MOST_TOKENS, None)):
        raise Refused(f"it has more than {MOST_TOKENS:,} marks")
    tree = environment.parse(text)
    _check_all(tree)
    return tree


def _check_all(tree: nodes.Template) -> None:
    """Refuse a parsed template that holds what no prompt may."""
    for size, node in enumerate(_walk(tree)):
        if size >= MOST_NODES:
            raise Refused(f"it has more than {MOST_NODES:,} parts", node.lineno)
        _check(node)


def meter(tree: nodes.Template) -> nodes.Template:
    """Return a checked template in which calls are filters, and what reads or makes much pays."""
    _Metering().visit(tree)
    return tree


def _walk(node: nodes.Node) -> Iterator[nodes.Node]:
    """Yield a node and all below it, without a call for each level."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.iter_child_nodes())


def _check(node: nodes.Node) -> None:
    """Refuse a node that has no place in a prompt."""
    if not isinstance(node, _KINDS):
        raise Refused(f"it uses {type(node).__name__.lower()!r}, which no prompt may", node.lineno)
    if isinstance(node, nodes.For) and node.recursive:
        raise Refused("a loop is recursive", node.lineno)
    if isinstance(node, nodes.Assign) and not isinstance(node.target, nodes.Name):
        raise Refused("`set` sets more than one name", node.lineno)
    literal = isinstance(node, nodes.List | nodes.Dict) or (
        isinstance(node, nodes.Tuple) and node.ctx == "load"
    )
    # a list of what was made before, in one of such lists, grows beyond all measure
    if literal and any(isinstance(each, nodes.Name | nodes.Call) for each in _walk(node)):
        raise Refused("a list that is written out holds a variable", node.lineno)
    if isinstance(node, nodes.Filter) and node.name not in _NAMES:
        raise Refused(f"there is no filter {node.name!r}", node.lineno)
    if isinstance(node, nodes.Test) and node.name not in _TESTS:
        raise Refused(f"there is no test {node.name!r}", node.lineno)
    if isinstance(node, nodes.Call) and _callee(node) is None:
        raise Refused("it calls what is no method of a text or record", node.lineno)


def _callee(node: nodes.Call) -> str | None:
    """Return the filter that does what a call does, if there is one."""
    if node.dyn_args or node.dyn_kwargs:
        return None
    if isinstance(node.node, nodes.Name) and node.node.name == "range" and node.args:
        return " range"
    name = f".{node.node.attr}" if isinstance(node.node, nodes.Getattr) else ""
    return name if name in _OWN else None


class _Metering(NodeTransformer):
    """Puts the meter where a template reads or makes much."""

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 - so Jinja2 calls it
        name = _callee(node) or ""
        of = [node.node.node] if isinstance(node.node, nodes.Getattr) else []
        first, *rest = [*of, *node.args]
        made = nodes.Filter(first, name, rest, node.kwargs, None, None, lineno=node.lineno)
        return self.visit_Filter(made)

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.node = _metered(node.node, node.lineno, 100 * (node.name in _EACH))
        return node

    def visit_Test(self, node: nodes.Test) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if node.name not in {"defined", "undefined"}:
            node.node = _metered(node.node, node.lineno)
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.expr = _metered(node.expr, node.lineno)
        for operand in node.ops:
            operand.expr = _metered(operand.expr, node.lineno)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = _metered(node.node, node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, " concat", [], [], None, None, lineno=node.lineno)

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        inside = [each for part in (*node.body, node.test) if part for each in _walk(part)]
        weight = 10 * (1 + len(inside)) + sum(
            len(each.data) for each in inside if isinstance(each, nodes.TemplateData)
        )
        self.generic_visit(node)
        each = nodes.Const(weight, lineno=node.lineno)
        node.iter = nodes.Filter(node.iter, " rounds", [each], [], None, None, lineno=node.lineno)
        return node


def _metered(node: nodes.Expr | None, line: int, weight: int = 0) -> nodes.Filter:
    each = nodes.Const(weight, lineno=line)
    return nodes.Filter(node, " read", [each], [], None, None, lineno=line)


def _spend(context: Context, steps: int) -> None:
    context.parent[METER].spend(steps)


def _size(value: object) -> int:
    """Return how much there is to read in a value: its characters, and one for each element."""
    size, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        size += 1
        if isinstance(each, str):
            size += len(each)
        elif isinstance(each, Mapping):
            waiting += [*each.keys(), *each.values()]
        elif isinstance(each, list | tuple):
            waiting += each
    return size


@pass_context
def _read(context: Context, value: Any, weight: int) -> Any:  # noqa: ANN401 - values of rows
    """Pay for what is about to be read, and for each element; what is made bit by bit becomes a list."""
    if isinstance(value, Iterator):
        value = list(value)
    each = weight * len(value) if isinstance(value, _SIZED) else 0
    _spend(context, _size(value) + each)
    return value


@pass_context
def _rounds(context: Context, value: Any, weight: int) -> Any:  # noqa: ANN401 - values of rows
    """Pay for all rounds of a loop."""
    items = value if isinstance(value, _SIZED) else list(value)
    _spend(context, len(items) * weight)
    return items


@pass_context
def _shown(context: Context, value: object) -> str:
    """Return a value as it stands in a prompt."""
    if isinstance(value, str | int | float):
        text = str(value)
        _spend(context, len(text))
        return text
    if isinstance(value, Undefined):
        return str(value)  # says what is missing, but for an `if` without `else`, which is empty
    what = "nothing" if value is None else "a list or record"
    raise Refused(f"{what} is to be written (say how: `join`, `tojson`, a loop or `default`)")


@pass_context
def _concat(context: Context, parts: list[object]) -> str:
    return "".join([_shown(context, part) for part in parts])


@pass_context
def _join(context: Context, parts: Any, between: str = "", attribute: str | None = None) -> str:  # noqa: ANN401
    if attribute is not None:
        parts = [context.environment.getitem(part, attribute) for part in parts]
    texts = [_shown(context, part) for part in parts]
    _spend(context, len(str(between)) * len(texts))
    return str(between).join(texts)


@pass_context
def _replace(context: Context, text: str, old: str, new: str) -> str:
    text, old, new = str(text), str(old), str(new)
    _spend(context, text.count(old) * len(new))
    return text.replace(old, new)


@pass_context
def _indent(context: Context, text: str, width: int = 4, first: bool = False) -> str:
    """Move the lines of a text to the right, the first one at will, but no empty line."""
    lines = str(text).split("\n")
    _spend(context, max(0, width) * len(lines))
    space = " " * width
    moved = [space + line if line and (first or at) else line for at, line in enumerate(lines)]
    return "\n".join(moved)


@pass_context
def _tojson(context: Context, value: object, indent: int | None = None) -> str:
    """Write a value as JSON, as models read it: no escapes but those of JSON."""
    if indent is not None and not 0 <= indent <= _WIDEST:
        raise Refused(f"`tojson` is to indent by more than {_WIDEST}")
    pieces = []
    for piece in json.JSONEncoder(ensure_ascii=False, indent=indent).iterencode(value):
        _spend(context, len(piece))
        pieces.append(piece)
    return "".join(pieces)


@pass_context
def _range(context: Context, *ends: int) -> range:
    found = range(*ends)
    _spend(context, len(found))
    return found


def _round(number: float, digits: int = 0) -> float:
    if abs(digits) > _WIDEST:
        raise Refused(f"`round` is to leave more than {_WIDEST} digits")
    return round(number, digits)


def _trim(text: object, marks: str | None = None) -> str:
    return str(_of_text("strip")(str(text), marks))


def _of_record(name: str) -> Callable[..., Any]:
    """Return a method of records as a filter."""

    def method(value: object, *arguments: object) -> object:
        if not isinstance(value, Mapping):
            raise Refused(f"`.{name}()` is asked of what is no record")
        found = getattr(value, name)(*arguments)
        return found if name == "get" else list(found)

    return method


def _of_text(name: str) -> Callable[..., Any]:
    """Return a method of texts as a filter."""

    def method(value: object, *arguments: object) -> object:
        if not isinstance(value, str):
            raise Refused(f"`.{name}()` is asked of what is no text")
        # each mark of the text is looked for in each of them
        if any(isinstance(each, str) and len(each) > _MOST_MARKS for each in arguments):
            raise Refused(f"`.{name}()` gets a text of more than {_MOST_MARKS} characters")
        return getattr(value, name)(*arguments)

    return method


_OWN: dict[str, Callable[..., Any]] = {
    "indent": _indent,
    "join": _join,
    "replace": _replace,
    "round": _round,
    "tojson": _tojson,
    "trim": _trim,
    # names that begin with a space are our own: no template can call them
    " concat": _concat,
    " range": _range,
    " read": _read,
    " rounds": _rounds,
    **{f".{name}": _of_record(name) for name in ("get", "items", "keys", "values")},
    **{f".{name}": _of_text(name) for name in _METHODS},
}
_NAMES = _FILTERS | {name for name in _OWN if name.isalpha()}
