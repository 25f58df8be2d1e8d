"""Spans as columns: what is kept of them while a large file is read."""

import binascii
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.trajectories.model import MODEL_KINDS, Annotation, Usage
from workbench.trajectories.spans import shapes, spans, traces

COLUMNS = {
    "start_ns": "q",
    "end_ns": "q",
    "kind": "i",
    "agent": "i",
    "model": "i",
    "tool": "i",
    "status": "i",
    "error_type": "i",
    "input_tokens": "q",
    "cached_tokens": "q",
    "cache_written_tokens": "q",
    "output_tokens": "q",
    "reasoning_tokens": "q",
    "cost_usd": "d",
    "answers": "q",
}
"""The columns of a span and their types; -1 is "not recorded", of dollars NaN."""
NO_ID = "0" * 16
_NAN = float("nan")


class Names(dict[str | None, int]):
    """Names by number; -1 is none."""

    def __init__(self) -> None:
        super().__init__({None: -1})

    def __missing__(self, name: str) -> int:
        if not isinstance(name, str):
            raise Odd
        self[name] = code = len(self) - 1
        return code

    def listed(self) -> list[str | None]:
        """Return the names by their number, and None last: at -1."""
        return [*list(self)[1:], None]


class Odd(Exception):
    """A span that cannot take the fast road."""


Calls = Sequence[tuple[str | None, str | None]]
"""Tool calls: the id and the tool of each."""


@dataclass(slots=True)
class Block:
    """The columns of some spans, in the order of their file.

    Parameters
    ----------
    columns : dict of sequence
        The columns of `COLUMNS`.
    trace_ids, span_ids, parent_ids : list of str
        Their ids; without a parent it is empty.
    calls, facts, annotations : dict
        By position, of those that have some: tool calls, what they say of the run, judgements.
    extended : bool
        Whether an attribute holds what spans cannot say, so that the run must be made in full.
    """

    columns: dict[str, Sequence[Any]]
    trace_ids: list[str | None]
    span_ids: list[str]
    parent_ids: list[str]
    calls: dict[int, Calls] = field(default_factory=dict)
    facts: dict[int, dict[str, Any]] = field(default_factory=dict)
    annotations: dict[int, list[Annotation]] = field(default_factory=dict)
    extended: bool = False


def empty() -> dict[str, "array[Any]"]:
    """Return the columns, with that of traces, without rows."""
    return {name: array(code) for name, code in {**COLUMNS, "trace": "i"}.items()}


def packed(ids: Sequence[str]) -> bytes | None:
    """Return ids of 16 hexadecimal digits as bytes; None where one is none, or all noughts.

    Examples
    --------
    >>> packed(["5b8efff798038103"]).hex(), packed(["a"])
    ('5b8efff798038103', None)
    """
    if {len(each) for each in ids} != {16}:
        return None
    try:
        return binascii.unhexlify("".join(ids))
    except (binascii.Error, ValueError):
        return None


def hashed(call_id: str | None) -> int:
    """Return 64 bits in place of a tool call's id, 0 for none.

    Two ids of a run of 100,000 calls share them once in 10^9 files.
    """
    return 0 if call_id is None else hash(call_id) or 1


def block_of(span: spans.Span, names: Names) -> Block:
    """Return the columns of one span, from its step.

    Parameters
    ----------
    span : Span
        The span.
    names : Names
        Numbers names.
    """
    step, annotations = spans.step_of(span, {})
    usage = Usage() if step.usage is None else step.usage
    values = (
        _or_none(step.start_ns), _or_none(step.end_ns), names[step.kind], names[step.agent],
        names[step.model], names[step.tool], names[step.status], names[step.error_type],
        *(_or_none(getattr(usage, name)) for name in shapes.COUNTS),
        _NAN if usage.cost_usd is None else usage.cost_usd, hashed(step.tool_call_id),
    )  # fmt: skip
    block = Block(
        {name: (value,) for name, value in zip(COLUMNS, values, strict=True)},
        [span.trace_id], [span.span_id or ""], [span.parent_id or ""],
    )  # fmt: skip
    if step.kind in MODEL_KINDS and step.calls:
        block.calls[0] = [(call.call_id, call.name) for call in step.calls]
    facts = {name: traces.fact(span.attributes, name) for name in shapes.FACTS}
    if known := {name: value for name, value in facts.items() if value is not None}:
        block.facts[0] = known
    if annotations:
        block.annotations[0] = annotations
    block.extended = spans.EXTENSION in span.attributes
    return block


def _or_none(value: int | None) -> int:
    return -1 if value is None else value


def context_of(around: list[tuple[bytes, Any]], within: list[tuple[bytes, Any]]) -> bytes:
    """Return the text of a request with one empty span, for what a resource and a scope say.

    Parameters
    ----------
    around, within : list of (bytes, Raw)
        The members of the resource and of the scope, beside their lists.
    """
    outer = b"".join(b'"%b":%b,' % (name, bytes(raw)) for name, raw in around if len(raw))
    inner = b"".join(b'"%b":%b,' % (name, bytes(raw)) for name, raw in within if len(raw))
    return b'{"resourceSpans":[{%b"scopeSpans":[{%b"spans":[{}]}]}]}' % (outer, inner)
