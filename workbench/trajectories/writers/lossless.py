"""A run in a format that cannot hold all of it, with the extension that holds the rest."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from workbench.trajectories.model import Json, Part, Run
from workbench.trajectories.sources.documents import Document
from workbench.trajectories.writers.encoding import Key, dumped, extension, finite

Attach = Callable[[Json, dict[str, Json]], None]
"""Puts an extension at a format's own place for it."""


def result_value(part: Part, *, own: bool) -> Json:
    """Return a tool's result: the value that a text stands for, where a reader noted it was none.

    Examples
    --------
    >>> part = Part("out", "tool", "tool_call_response", '{"a": 1}', extra={"structured": True})
    >>> result_value(part, own=True), result_value(part, own=False)
    ({'a': 1}, '{"a": 1}')
    """
    if not own or not part.extra.get("structured") or part.text is None:
        return part.text
    try:
        return json.loads(part.text)
    except (ValueError, RecursionError):
        return part.text


def members(value: Json) -> dict[str, Json]:
    """Return an object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def listed(value: Json) -> list[Json]:
    """Return a list, or an empty one in place of anything else."""
    return value if isinstance(value, list) else []


def lossless(
    run: Run,
    native: Json,
    places: Sequence[str | None],
    read: Callable[[Json, Document], Run],
    attach: Attach,
    *,
    by: Key = "source",
) -> bytes:
    """Return a line of JSON that the reader of its format makes the same run of.

    Parameters
    ----------
    run : Run
        What is written.
    native : JSON value
        As the format's conventions say.
    places : sequence of str or None
        Where each step of the run stands in it.
    read : callable
        The format's reader of one run.
    attach : callable
        Puts what `read` does not find into `native`.
    by : {"source", "span_id"}
        What `places` are.
    """
    try:
        dumped(native)
    except ValueError:
        # JSON has no NaN; the extension tells where one stood
        native = finite(native)
    told = read(native, Document(Path("memory"), "memory", data=b""))
    if lacking := extension(run, told, places, by=by):
        attach(native, lacking)
    return dumped(native)
