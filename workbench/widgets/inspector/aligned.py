"""Runs side by side for the inspector: pages of an alignment, and all runs of a task by their paths.

A kernel aligns the runs that were chosen. A file cannot, so it holds what an alignment is made of: how
each two runs of a task are aligned, from which the browser derives that of any of them.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, permutations
from typing import TYPE_CHECKING, Any

from workbench.display import plain
from workbench.errors import BadValue
from workbench.trajectories.comparing.alignment import Alignment, align, label, was_done
from workbench.trajectories.comparing.editing import MOST_CELLS, edits
from workbench.trajectories.comparing.stepcosts import (
    PATH,
    Costs,
    Integers,
    StepTable,
    calls_in,
    ended,
)
from workbench.trajectories.model import Json, Run, Step
from workbench.widgets.inspector import pages

if TYPE_CHECKING:
    import pandas as pd

    from workbench.trajectories.collection import Runs

KINDS = ("align", "aligned", "stack")
"""What is answered here."""
MOST_CHOSEN = 6
"""Runs that stand side by side."""
MOST_STACKED = 50
"""Runs of a task that are stacked."""

_PLACES = 50  # of a page
_OPERATIONS = 30_000  # places of an answer to `align`, a letter each
_COLUMNS = 40  # of a stack that are shown at once
_MOST_CALLS = 200  # of a run that is stacked
_NOTE_WIDTH, _LINE_WIDTHS = 160, (70, 24, 0)
_MOST_PAIRED = 10  # runs of a task that a file can compare
_FILE_CELLS = 50_000_000  # of the tables of prices that are filled for a file: some seconds
_KEPT_ROWS = 2_000  # of steps whose prices are made at once

_LETTERS = {"match": "=", "change": "~", "insert": "+", "delete": "-"}
_MOVED = {"+": ">", "-": "<"}


class Comparing:
    """Answers what a browser asks of several runs; the last alignment and stack are kept.

    Parameters
    ----------
    runs : Runs
        All runs.
    run : callable
        Reads one of them in full by its position.
    """

    def __init__(self, runs: "Runs", run: Callable[[int], Run]) -> None:
        self._runs, self._run = runs, run
        self._aligned: tuple[tuple[int, ...], Alignment] | None = None
        self._stacked: tuple[list[int], dict[str, Json]] | None = None

    def answer(self, message: dict[str, Json], at: int, start: int) -> dict[str, Json]:
        """Return the page that a request asks for; a reason where there is none.

        Parameters
        ----------
        message : dict
            `type`, one of `KINDS`; for `align` and `aligned` also `runs`, their positions.
        at : int
            The run whose task is stacked.
        start : int
            The first place, or column; of a stack -1 is where outcomes part.
        """
        if message.get("type") == "stack":
            return self._stack(at, start)
        chosen = _positions(message.get("runs"), len(self._runs))
        if not chosen:
            return {}
        try:
            alignment = self._alignment(chosen)
        except BadValue as error:
            return {"reason": plain(error, width=400)}
        if message["type"] == "align":
            return summary(alignment, max(0, start))
        return places(alignment, max(0, start))

    def _alignment(self, chosen: tuple[int, ...]) -> Alignment:
        if self._aligned is None or self._aligned[0] != chosen:
            self._aligned = None  # the runs of two alignments may not fit in memory
            runs = [self._run(at) for at in chosen]
            _require_size([len(run.steps) for run in runs])
            self._aligned = chosen, align(*runs)
        return self._aligned[1]

    def _stack(self, at: int, start: int) -> dict[str, Json]:
        if not 0 <= at < len(self._runs) or self._runs.frame["task_id"].isna().iloc[at]:
            return {}
        positions = same_task(self._runs, at)
        if self._stacked is None or self._stacked[0] != positions:
            self._stacked = positions, stack(self._runs, positions)
        return window(self._stacked[1], start)


def _positions(given: Json, n: int) -> tuple[int, ...]:
    """Return two to six different positions of runs; none where others came."""
    found = given if isinstance(given, list) else []
    fits = all(type(at) is int and 0 <= at < n for at in found) and len(set(found)) == len(found)
    return tuple(found) if fits and 2 <= len(found) <= MOST_CHOSEN else ()


def _require_size(n_steps: Sequence[int]) -> None:
    # two runs may begin and end alike, which `align` looks at
    if len(n_steps) > 2 and _cells(n_steps) > MOST_CELLS:
        raise BadValue(
            f"these {len(n_steps)} runs are too long to be aligned while somebody waits: their "
            f"tables have {_cells(n_steps):,} cells, and {MOST_CELLS:,} are the most; choose fewer."
        )


def _cells(n_steps: Sequence[int]) -> int:
    return sum(one * other for one, other in combinations(n_steps, 2))


def summary(alignment: Alignment, start: int) -> dict[str, Json]:
    """Return what an alignment comes to, and a letter for what is done at each place from one on.

    Parameters
    ----------
    alignment : Alignment
        The runs side by side.
    start : int
        The first place whose letter is told.

    Returns
    -------
    dict
        `operations`: = match, ~ change, + insert, - delete; < and > of a step that was moved from,
        and to, there.
    """
    plain_letters = alignment.frame["operation"].map(_LETTERS)
    moved = alignment.frame["moved_to"].notna()
    letters = plain_letters.mask(moved, plain_letters.map(_MOVED)).tolist()
    return {
        "from": start,
        "n_places": len(letters),
        "operations": "".join(letters[start : start + _OPERATIONS]),
        "first": alignment.first_divergence,
    }


def places(alignment: Alignment, start: int) -> dict[str, Json]:
    """Return a page of places: where a step was moved to, what differs, and a line per step."""
    frame = alignment.frame.iloc[start : start + _PLACES]
    page: dict[str, Json] = {}
    for width in _LINE_WIDTHS:
        told = [
            [
                None if row["moved_to"] is None else int(row["moved_to"]),
                plain(row["note"][:800], width=_NOTE_WIDTH),
                [
                    None if at is None else _cell(at, run.steps[at], width)
                    for run, at in zip(alignment.runs, alignment.places[row["place"]], strict=True)
                ],
            ]
            for row in _records(frame)
        ]
        page = {"from": start, "places": told}
        if _size(page) <= pages.PAGE_BYTES:
            break
    return page


def _cell(at: int, step: Step, width: int) -> list[Json]:
    kind, name, text, status, *_ = pages.step_row(step)
    return [at, plain(kind, width=40), name, plain(text, width=width) if width else "", status]


def _records(frame: "pd.DataFrame") -> list[dict[Any, Any]]:
    moved = frame["moved_to"].astype(object)
    return frame.assign(moved_to=moved.where(moved.notna(), None)).to_dict("records")


def _size(page: Json) -> int:
    return len(json.dumps(page, ensure_ascii=False).encode())


# ---------------------------------------------------------------------------- all runs of a task


def tasks(runs: "Runs") -> list[list[int]]:
    """Return the positions of the runs of each task, of runs that name one.

    Examples
    --------
    >>> from workbench.trajectories import Run, Runs
    >>> tasks(Runs.of([Run("x", name=name, task_id=name[0]) for name in ("a1", "b1", "a2")]))
    [[0, 2], [1]]
    """
    named = runs.frame["task_id"].dropna()
    return sorted(group.tolist() for group in named.groupby(named).groups.values())


def same_task(runs: "Runs", at: int) -> list[int]:
    """Return the positions of the runs of one run's task; itself alone where it names none.

    Examples
    --------
    >>> from workbench.trajectories import Run, Runs
    >>> runs = Runs.of([Run("x", name=name, task_id=name[0]) for name in ("a1", "b1", "a2")])
    >>> same_task(runs, 2)
    [0, 2]
    """
    named = runs.frame["task_id"]
    task = named.iloc[at]
    return [at] if task != task or task is None else named.index[named == task].tolist()


def stack(runs: "Runs", positions: Sequence[int]) -> dict[str, Json]:
    """Stack the runs of a task by the path they took, place by place, and say where outcomes part.

    Parameters
    ----------
    runs : Runs
        All runs.
    positions : sequence of int
        Those of the task; the first 50 are stacked, and of each the first 200 calls.

    Returns
    -------
    dict
        `runs`, those of one path together, the commonest first: position, whether it did its task,
        number of its path; `cells`, of each run what it called at each place (step, number of the
        name, status); `names`; `split`, the place that tells most of the outcome; `words`.

    Examples
    --------
    >>> from workbench.trajectories import Run, Runs, Step
    >>> def run(name, done, *tools):
    ...     steps = [Step("execute_tool", "/0", tool=tool) for tool in tools]
    ...     return Run("x", name=name, task_id="t", outcome=done, steps=steps)
    >>> found = stack(Runs.of([run("a", 1.0, "look", "book"), run("b", 0.0, "look")]), [0, 1])
    >>> found["words"]
    'Success and failure part at place 1: with book 1 of 1 succeeded; with nothing there 0 of 1 succeeded.'
    """
    kept = list(positions[:MOST_STACKED])
    paths, by = _paths(runs, kept)
    outcomes = [_outcome(value) for value in runs.frame["outcome"].iloc[kept]]
    order, groups = _grouped([tuple(name for _, name, _ in path) for path in paths])
    names: dict[str, int] = {}
    thin = [
        Run("x", steps=[Step("execute_tool", "", tool=each[1]) for each in path], outcome=outcome)
        for path, outcome in zip(_cut(paths), outcomes, strict=True)
    ]
    alignment = align(*thin, costs=PATH) if len(thin) > 1 else None
    along = alignment.places if alignment else tuple((at,) for at in range(len(thin[0].steps)))
    cells = [[_thin_cell(paths[each], place[each], names) for place in along] for each in order]
    done = [was_done(run) for run in thin]
    return {
        "task": plain(runs.frame["task_id"].iloc[kept[0]], width=40),
        "n_runs": len(positions),
        "by": by,
        "runs": [[kept[each], done[each], groups[each]] for each in order],
        "n_more": sum(max(0, len(path) - _MOST_CALLS) for path in paths),
        "n_columns": len(along),
        "names": list(names),
        "cells": cells,
        **_parting(alignment, done, len(set(groups))),
    }


def window(stacked: dict[str, Json], start: int) -> dict[str, Json]:
    """Return some columns of a stack, from one on; from -1 on, those around where outcomes part."""
    if start < 0:
        start = max(0, (stacked["split"] or 0) - _COLUMNS // 4)
    for n in (_COLUMNS, _COLUMNS // 2, 5):
        cells = [row[start : start + n] for row in stacked["cells"]]
        used = sorted({cell[1] for row in cells for cell in row if cell})
        number = {name: at for at, name in enumerate(used)}
        cells = [[cell and [cell[0], number[cell[1]], cell[2]] for cell in row] for row in cells]
        names = [stacked["names"][name] for name in used]
        page = {**stacked, "from": start, "names": names, "cells": cells}
        if _size(page) <= pages.PAGE_BYTES:
            break
    return page


_Call = tuple[int, str, str]


def _paths(runs: "Runs", positions: Sequence[int]) -> tuple[list[list[_Call]], str]:
    """Return what each run called (step, name, status); where none calls a tool, who acted."""
    import pyarrow.compute as pc

    table = runs.only(runs.ids[at] for at in positions).table
    table = table.select(["run_id", "step", "kind", "tool", "agent", "status", "uncounted"])
    own = table.filter(pc.invert(table["uncounted"]))
    called = own.filter(pc.equal(own["kind"], "execute_tool"))
    by = "tools" if len(called) else "agents"
    name_of = "tool" if len(called) else "agent"
    found: dict[str, list[_Call]] = {runs.ids[at]: [] for at in positions}
    for row in (called if len(called) else own).to_pylist():
        name = plain(row[name_of] or row["kind"], width=40)
        found[row["run_id"]].append((row["step"], name, row["status"]))
    return list(found.values()), by


def _cut(paths: Sequence[list[_Call]]) -> list[list[_Call]]:
    return [path[:_MOST_CALLS] for path in paths]


def _thin_cell(path: list[_Call], at: int | None, names: dict[str, int]) -> list[Json] | None:
    if at is None:
        return None
    step, name, status = path[at]
    return [step, names.setdefault(name, len(names)), int(status == "error")]


def _outcome(value: Any) -> float | None:  # noqa: ANN401 - a cell
    return None if value is None or value != value else float(value)


def _grouped(paths: Sequence[tuple[str, ...]]) -> tuple[list[int], list[int]]:
    """Return the runs, those of one path together, and the number of each run's path."""
    many = Counter(paths)
    ranked = sorted(many, key=lambda path: (-many[path], paths.index(path)))
    number = {path: at for at, path in enumerate(ranked)}
    groups = [number[path] for path in paths]
    return sorted(range(len(paths)), key=lambda each: groups[each]), groups


def _parting(
    alignment: Alignment | None, done: Sequence[bool | None], n_paths: int
) -> dict[str, Json]:
    """Say where success and failure part, or why they do not."""
    known = [each for each in done if each is not None]
    split = alignment.outcome_split if alignment else None
    if alignment is not None and split is not None:
        ways = alignment.splits[alignment.splits["place"] == split].to_dict("records")
        told = [
            f"{_way(row['branch'])} {row['n_done']} of {row['n_known']} succeeded" for row in ways
        ]
        more = [f"and {len(told) - 8} other ways"] if len(told) > 8 else []
        words = "; ".join([*told[:8], *more])
        return {"split": split, "words": f"Success and failure part at place {split}: {words}."}
    return {"split": None, "words": _why_not(known, len(done), n_paths)}


def _way(branch: str) -> str:
    if branch == "no step":
        return "with nothing there"
    return f"with {plain(branch.removeprefix('execute_tool ').removesuffix('()'), width=40)}"


def _why_not(known: Sequence[bool], n: int, n_paths: int) -> str:
    if n < 2:
        return "This is the only run of its task."
    if not known:
        return "No run says whether it did its task."
    if len(set(known)) == 1:
        who = "All runs" if len(known) == n else f"All {len(known)} runs that say so"
        return f"{who} {'succeeded' if known[0] else 'failed'}."
    if n_paths == 1:
        return (
            "All runs take one path, and some succeeded: what differs are arguments and texts. "
            "Put them side by side."
        )
    return "No single place of the path tells success from failure."


# ------------------------------------------------------------------------------------------ a file


def pieces(runs: "Runs") -> Iterator[tuple[str, dict[str, Json]]]:
    """Yield what a file holds of each task: its stack, and what alignments are made of.

    Parameters
    ----------
    runs : Runs
        All runs of the file.
    """
    n_steps, left = runs.lengths, _FILE_CELLS
    for number, positions in enumerate(tasks(runs)):
        piece: dict[str, Json] = {"stack": stack(runs, positions)}
        paired = positions[:_MOST_PAIRED]
        cells = 2 * _cells([n_steps[at] for at in paired])
        if len(paired) > 1 and cells <= left:
            left -= cells
            piece |= {"paired": paired, **pairs([runs[at] for at in paired])}
        yield f"task{number}", piece


class _Priced:
    """A table whose prices are made once, for all ways between its runs."""

    def __init__(self, table: StepTable, costs: Costs) -> None:
        import numpy as np

        self.rows, self.whole = table.rows, table.whole
        everything = np.arange(len(table.whole))
        self._all = table.prices(everything, everything, costs)

    def prices(self, one: Integers, other: Integers, costs: Costs) -> Integers:  # noqa: ARG002 - as StepTable
        found: Integers = self._all[one][:, other]
        return found


def pairs(runs: Sequence[Run]) -> dict[str, Json]:
    """Return what every alignment of some of these runs is made of.

    Parameters
    ----------
    runs : sequence of Run
        Two or more.

    Returns
    -------
    dict
        `paths`, by two numbers of runs a letter for each pair of steps (= both, + only the second has
        one, - only the first); `far`, their prices; `steps`, the numbers of each run's own steps;
        `wholes`, what each is, as a number into `kinds`: (branch, status), and `branches`: label,
        agent, and of each call its arguments together and one by one, all as numbers.
    """
    table, costs = StepTable(runs), Costs()
    priced: Any = table if len(table.whole) > _KEPT_ROWS else _Priced(table, costs)
    paths: dict[str, str] = {}
    far = [[0] * len(runs) for _ in runs]
    for one, other in permutations(range(len(runs)), 2):
        path, far[one][other] = edits(priced, one, other, costs)
        paths[f"{one},{other}"] = "".join(
            "+" if at is None else "-" if to is None else "=" for at, to in path
        )
    return {
        "paths": paths,
        "far": far,
        "steps": table.steps,
        "wholes": [table.whole[rows].tolist() for rows in table.rows],
        **_told(runs, table),
    }


def _told(runs: Sequence[Run], table: StepTable) -> dict[str, Json]:
    """Return what tells steps apart, each kind of step once."""
    known: dict[Any, int] = {}

    def number(value: object) -> int:
        return known.setdefault(value, len(known))

    kinds: dict[int, list[Json]] = {}
    branches: dict[int, list[Json]] = {}
    for run, numbers, rows in zip(runs, table.steps, table.rows, strict=True):
        for at, row in zip(numbers, rows.tolist(), strict=True):
            step, branch = run.steps[at], int(table.branch[row])
            kinds.setdefault(int(table.whole[row]), [branch, ended(step)])
            if branch not in branches:
                calls = [
                    [
                        number((call.written,)),
                        [[plain(name, width=40), number(value)] for name, value in each.items()],
                    ]
                    for call in calls_in(step)
                    for each in (call.members or {},)
                ]
                named = plain(label(step), width=_NOTE_WIDTH)
                branches[branch] = [named, number((step.agent, None)), calls]
    return {
        "kinds": [kinds[at] for at in sorted(kinds)],
        "branches": [branches[at] for at in sorted(branches)],
    }
