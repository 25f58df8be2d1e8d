"""The tree view: each step under the one that encloses it, or that asked for it, with sums of both.

A tree is made once of a run and asked for page by page; nothing here calls itself, so that a chain
of any depth is as good as a list.
"""

import json
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from workbench.display import plain
from workbench.trajectories.model import UNCOUNTED, Json, Run, Step, circular
from workbench.widgets.inspector.pages import ROWS, step_row

TOP = -1
"""The node above all others, which is not shown."""

_NAME_WIDTH, _LINE_WIDTH = 40, 80
_PATH = 1_000  # nodes of one answer
_PIECE_BYTES = 300_000
_UPS = 20_000  # nodes whose places stand in one piece of a file
_NO_AGENT = "no agent named"


@dataclass(slots=True)
class Sums:
    """What a node and all below it took.

    Parameters
    ----------
    n_inside, n_errors : int
        Nodes below it, and the errors among them.
    tokens : int, optional
        Read and written, over leaves; None where nothing records any.
    cost_usd : float, optional
        Dollars, over leaves.
    start_ns, end_ns : int, optional
        From when to when.
    """

    n_inside: int = 0
    n_errors: int = 0
    tokens: int | None = None
    cost_usd: float | None = None
    start_ns: int | None = None
    end_ns: int | None = None

    def add(self, other: "Sums", *, failed: bool) -> None:
        """Add a node below."""
        self.n_inside += other.n_inside + 1
        self.n_errors += other.n_errors + failed
        self.tokens = _together(self.tokens, other.tokens, operator.add)
        self.cost_usd = _together(self.cost_usd, other.cost_usd, operator.add)
        self.start_ns = _together(self.start_ns, other.start_ns, min)
        self.end_ns = _together(self.end_ns, other.end_ns, max)


def _together(one: Any, two: Any, how: Callable[[Any, Any], Any]) -> Any:  # noqa: ANN401 - numbers
    return two if one is None else one if two is None else how(one, two)


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """The nodes of a run: its steps, and after them the stretches of one agent.

    Parameters
    ----------
    steps : sequence of Step
        The steps.
    stretches : list of range
        The steps of each stretch.
    kids : dict of list of int
        The nodes below a node; below `TOP` the first ones.
    up : list of int
        The node above each.
    places : list of int
        Which of the nodes below that one it is.
    sums : dict of Sums
        What each node that has some below it took.
    figures : tuple of list
        Tokens and dollars of each step.

    Examples
    --------
    >>> tree = Tree.of(Run("mine", steps=[Step("invoke_agent", ""), Step("chat", "", parent=0)]))
    >>> tree.kids, tree.up
    ({-1: [0], 0: [1]}, [-1, 0])
    """

    steps: Sequence[Step]
    stretches: list[range]
    kids: dict[int, list[int]]
    up: list[int]
    places: list[int]
    sums: dict[int, Sums]
    figures: tuple[list[int | None], list[float | None]]

    @classmethod
    def of(cls, run: Run) -> "Tree":
        """Make the tree of a run."""
        up = _above(run.steps)
        stretches = _stretches(run.steps, up)
        n_steps = len(run.steps)
        for number, stretch in enumerate(stretches):
            for at in stretch:
                up[at] = n_steps + number if up[at] == TOP else up[at]
        up += [TOP] * len(stretches)
        kids: dict[int, list[int]] = {}
        places = []
        for node, above in enumerate(up):
            below = kids.setdefault(above, [])
            places.append(len(below))
            below.append(node)
        tree = cls(run.steps, stretches, kids, up, places, {}, _figures(run))
        for node in reversed(list(_downwards(kids))):
            if node in kids:
                tree.sums[node] = tree._sums(node)
        return tree

    def _own(self, node: int) -> Sums:
        """Return what a node took itself, or with all below it if that is known."""
        if node in self.sums:
            return self.sums[node]
        if node >= len(self.steps):
            return Sums()
        tokens, costs = self.figures
        step = self.steps[node]
        return Sums(0, 0, tokens[node], costs[node], step.start_ns, step.end_ns)

    def _sums(self, node: int) -> Sums:
        found = self._own(node)
        for below in self.kids[node]:
            failed = below < len(self.steps) and self.steps[below].status == "error"
            found.add(self._own(below), failed=failed)
        return found

    def page(self, node: int, start: int) -> dict[str, Json]:
        """Return the rows below a node from one on, as many as a message holds.

        Parameters
        ----------
        node : int
            The node; `TOP` for the first ones.
        start : int
            Which of them is the first.
        """
        below = self.kids.get(node, [])
        start = max(0, start)
        rows = [self.row(each) for each in below[start : start + ROWS]]
        return {"node": node, "from": start, "n": len(below), "nodes": rows}

    def row(self, node: int) -> list[Json]:
        """Return what is shown of a node.

        That is: number, kind, name, text, status, nodes right below it, all below it, errors
        among these, tokens, dollars, milliseconds.
        """
        sums = self._own(node)
        timed = sums.start_ns is not None and sums.end_ns is not None
        ms = (sums.end_ns - sums.start_ns) // 1_000_000 if timed else None  # type: ignore[operator]
        kind, name, text, status = self._told(node)
        told = [kind, name, plain(text, width=_LINE_WIDTH), status]
        counts = [len(self.kids.get(node, [])), sums.n_inside, sums.n_errors]
        ms = ms if ms is not None and ms >= 0 else None
        return [node, *told, *counts, sums.tokens, sums.cost_usd, ms]

    def _told(self, node: int) -> tuple[str, str, str, str]:
        if node < len(self.steps):
            kind, name, text, status, *_ = step_row(self.steps[node])
            return plain(kind, width=_NAME_WIDTH), name, text, status
        steps = self.stretches[node - len(self.steps)]
        agent = plain(self.steps[steps[0]].agent or _NO_AGENT, width=_NAME_WIDTH)
        told = f"steps {steps[0]}–{steps[-1]}" if len(steps) > 1 else f"step {steps[0]}"
        return "invoke_agent", agent, told, "unset"

    def path(self, node: int, start: int) -> dict[str, Json]:
        """Return the way from a node up to the first ones, from a part of the way on.

        Each is a number, its place among its like, and how many nodes are right below it.

        Parameters
        ----------
        node : int
            The node.
        start : int
            How many to leave out; the node itself is the first.
        """
        way = list[list[Json]]()
        while 0 <= node < len(self.up) and len(way) < max(0, start) + _PATH:
            way.append([node, self.places[node], len(self.kids.get(node, []))])
            node = self.up[node]
        return {"path": way[max(0, start) :], "more": node != TOP and len(way) > 0}


def _above(steps: Sequence[Step]) -> list[int]:
    """Return the step above each; whatever a log says, no step is above itself."""
    n_steps = len(steps)
    found: list[int | None] = [
        next(
            (up for up in (step.parent, step.call_step) if up is not None and 0 <= up < n_steps),
            None,
        )
        for step in steps
    ]
    # what asked for a step and what encloses it may go round together
    for at in circular(found):
        found[at] = None
    return [TOP if up is None else up for up in found]


def _stretches(steps: Sequence[Step], up: Sequence[int]) -> list[range]:
    """Return the stretches of one agent of a run that has no spans; none where they say nothing."""
    named = {step.agent for step in steps if step.agent}
    flat = all(above == TOP for above in up)
    if not named or any(step.parent is not None for step in steps):
        return []
    if not flat and len(named) < 2:
        return []
    agents = [steps[at].agent if above == TOP else None for at, above in enumerate(up)]
    for at, above in enumerate(up):
        agents[at] = agents[above] if 0 <= above < at else agents[at]
    groups = (list(group) for _, group in groupby(range(len(steps)), key=agents.__getitem__))
    return [range(group[0], group[-1] + 1) for group in groups]


def _figures(run: Run) -> tuple[list[int | None], list[float | None]]:
    """Return the tokens and the dollars of each step, where they are not those of one below."""
    read, wrote, costs = leaf_figures(run, ["input_tokens", "output_tokens", "cost_usd"])
    both = zip(read, wrote, strict=True)
    return [_together(one, two, operator.add) for one, two in both], costs


def _downwards(kids: dict[int, list[int]]) -> Iterator[int]:
    """Yield each node before those below it."""
    pending = list(reversed(kids.get(TOP, [])))
    while pending:
        node = pending.pop()
        yield node
        pending += reversed(kids.get(node, []))


def leaf_figures(run: Run, names: Sequence[str]) -> Iterator[list[Any]]:
    """Yield figures of each step, None where it is not recorded, or repeats what is below.

    As in `counted_usage`, and together as much as that says.

    Parameters
    ----------
    run : Run
        The run.
    names : sequence of str
        Of `Usage`.

    Examples
    --------
    >>> from workbench.trajectories.model import Usage
    >>> wrapper, inner = (Step("chat", "", parent=up, usage=Usage(5)) for up in (None, 0))
    >>> list(leaf_figures(Run("mine", steps=[wrapper, inner]), ["input_tokens"]))
    [[None, 5]]
    """
    import numpy as np

    from workbench.trajectories.analysis.columns import covered_rows

    usages = [None if step.flags & UNCOUNTED else step.usage for step in run.steps]
    above = np.array(enclosing(run.steps), np.int64)
    for name in names:
        values = [getattr(usage, name, None) for usage in usages]
        has = np.array([value is not None for value in values], bool)
        if not has.any():
            yield values
            continue
        spare = covered_rows(has, above)
        # a figure that is none (NaN) would spoil every sum above it
        yield [
            None if value is None or repeated or not math.isfinite(value) else value
            for value, repeated in zip(values, spare.tolist(), strict=True)
        ]


def enclosing(steps: Sequence[Step]) -> list[int]:
    """Return the step that encloses each, `TOP` for none.

    Parameters
    ----------
    steps : sequence of Step
        The steps.
    """
    found = (TOP if step.parent is None else step.parent for step in steps)
    return [up if 0 <= up < len(steps) else TOP for up in found]


# --------------------------------------------------------------------------------------- a file


def pieces(run: Run) -> dict[str, Json]:
    """Return what a file holds of a tree, by name: rows in pieces, and the way up from each node.

    Parameters
    ----------
    run : Run
        The run.
    """
    tree = Tree.of(run)
    found: dict[str, Json] = {}
    starts = list[list[int]]()
    for piece in _row_pieces(tree):
        found[f"t{len(starts)}-"] = piece["pages"]
        starts.append(piece["start"])
    below = [len(tree.kids.get(node, ())) for node in range(len(tree.up))]
    ups = [
        [each[at : at + _UPS] for each in (tree.up, tree.places, below)]
        for at in range(0, len(tree.up) or 1, _UPS)
    ]
    if len(starts) == len(ups) == 1:
        return {"t": {"starts": starts, "pages": found["t0-"], "up": ups[0]}}
    found |= {f"u{number}-": up for number, up in enumerate(ups)}
    return {"t": {"starts": starts}, **found}


def _row_pieces(tree: Tree) -> Iterator[dict[str, Any]]:
    """Yield all pages of rows, so many bytes at a time, and which is the first of each."""
    pages, start, size = dict[str, Json](), [TOP, 0], 0
    for node in sorted({TOP, *tree.kids}):
        for at in range(0, len(tree.kids.get(node, [])) or 1, ROWS):
            page = tree.page(node, at)
            start = start if pages else [node, at]
            pages[f"{node}:{at}"] = page
            size += len(json.dumps(page, ensure_ascii=False))
            if size >= _PIECE_BYTES:
                yield {"start": start, "pages": pages}
                pages, size = {}, 0
    if pages:
        yield {"start": start, "pages": pages}
