"""Which tools are called, how often, in which order; and how agents hand over to each other."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from workbench.errors import BadValue
from workbench.trajectories.analysis.columns import NONE, Ints, Mask, Names, Steps
from workbench.trajectories.analysis.timing import latency

if TYPE_CHECKING:
    import pandas as pd

    from workbench.trajectories.analysis.columns import Source

START, END, OTHER = "(start)", "(end)", "(other)"
"""What stands in place of a tool before the first call, after the last, and for rare ones."""

MOST_TOOLS = 2_000
# Up to so many pairs of a tool and a run are ticked off, which is quicker than to sort them.
_DENSE = 2**27


def tools(source: "Source", *, level: float = 0.95) -> "pd.DataFrame":
    """Tell how often each tool was called, how often it failed, and how long it took.

    Parameters
    ----------
    source : Runs, Table or DataFrame
        Runs, or their STEPS. Demos and copied context are left out.
    level : float
        Confidence of the intervals.

    Returns
    -------
    DataFrame
        The most frequent first: `tool`, `n`, `share` (of all calls), `n_runs` (that called it), and
        the other columns of `latency`.

    Examples
    --------
    >>> from workbench.trajectories.collection import Runs
    >>> from workbench.trajectories.model import Run, Step
    >>> calls = [Step("execute_tool", "", tool=name) for name in "fgf"]
    >>> tools(Runs.of([Run("mine", steps=calls)]))[["tool", "n", "share", "n_runs"]].round(2)
      tool  n  share  n_runs
    0    f  2   0.67       1
    1    g  1   0.33       1
    """
    frame = latency(source, by="tool", level=level)
    calls = Calls.of(source)
    in_runs = calls.n_runs()
    frame.insert(2, "share", frame["n"] / max(int(frame["n"].sum()), 1))
    at = {name: code for code, name in enumerate(calls.names)}
    frame.insert(3, "n_runs", [int(in_runs[at[name]]) for name in frame["tool"]])
    return frame


class Calls(NamedTuple):
    """Calls of tools, run by run in their order."""

    tools: Ints
    runs: Ints
    names: list[str]
    run_ids: list[str]

    @classmethod
    def of(cls, source: "Source") -> "Calls":
        """Take the calls out of STEPS."""
        steps = Steps.of(source)
        named = steps.names("tool")
        called = steps.calls() & (named.codes != NONE)
        # in the order of their names: no table depends on which run came first
        names = sorted(named.known)
        place = {name: code for code, name in enumerate(names)}
        codes = np.array([*(place[name] for name in named.known), NONE], np.int32)
        tools, runs = _by_run(steps.runs, named, np.flatnonzero(called))
        return cls(codes[tools], runs, names, steps.runs.known)

    def n_runs(self) -> Ints:
        """Count for each tool the runs that called it."""
        n_tools, n_runs = len(self.names), len(self.run_ids)
        if n_tools * n_runs <= _DENSE:
            seen = np.zeros((n_tools, n_runs), bool)
            seen[self.tools, self.runs] = True
            found: Ints = np.count_nonzero(seen, axis=1)
            return found
        pairs = np.unique(self.tools.astype(np.int64) * n_runs + self.runs)
        return np.bincount(pairs // n_runs, minlength=n_tools)

    def neighbours(self) -> Ints:
        """Return the positions of calls that another of the same run follows."""
        return np.flatnonzero(self.runs[1:] == self.runs[:-1])

    def ends(self) -> tuple[Mask, Mask]:
        """Tell which calls are the first of their run, and which the last."""
        return np.diff(self.runs, prepend=-1) != 0, np.diff(self.runs, append=-1) != 0


def _by_run(runs: Names, named: Names, rows: Ints) -> tuple[Ints, Ints]:
    """Return the names and runs of some rows, the rows of a run together."""
    of_run = runs.codes[rows]
    if (of_run[1:] < of_run[:-1]).any():
        rows = rows[np.argsort(of_run, kind="stable")]
    return named.codes[rows], runs.codes[rows]


def bigrams(source: "Source") -> "pd.DataFrame":
    """Count which tool was called right after which.

    Parameters
    ----------
    source : Runs, Table or DataFrame
        Runs, or their STEPS.

    Returns
    -------
    DataFrame
        The most frequent first: `before`, `after`, `n`, `share` (of what came after `before`, the
        end of a run not counted).
    """
    calls = Calls.of(source)
    at = calls.neighbours()
    frame = _pairs(calls.tools[at], calls.tools[at + 1], calls.names, ("before", "after"))
    frame["share"] = frame["n"] / frame.groupby("before")["n"].transform("sum")
    return frame


def _pairs(first: Ints, second: Ints, names: list[str], columns: tuple[str, str]) -> "pd.DataFrame":
    """Count pairs of names, the most frequent first."""
    import pandas as pd

    size = max(len(names), 1)
    found, counts = np.unique(first.astype(np.int64) * size + second, return_counts=True)
    known = np.array([*names], object)
    ends = [pd.array(known[codes], dtype="str") for codes in (found // size, found % size)]
    frame = pd.DataFrame(dict(zip(columns, ends, strict=True)) | {"n": counts})
    order = ["n", *columns]
    return frame.sort_values(order, ascending=[False, True, True], ignore_index=True)


def transitions(source: "Source") -> "pd.DataFrame":
    """Return how often each tool follows each other, as shares of rows.

    Parameters
    ----------
    source : Runs, Table or DataFrame
        Runs, or their STEPS.

    Returns
    -------
    DataFrame
        A row per tool, "(start)" first; a column per tool, "(end)" last. Each row adds to 1. Runs
        without calls are not in it.

    Raises
    ------
    BadValue
        If there are more than 2,000 tools.
    """
    import pandas as pd

    calls = Calls.of(source)
    n = len(calls.names)
    if n > MOST_TOOLS:
        raise BadValue(
            f"a matrix of transitions must have at most {MOST_TOOLS} tools, but {n} came; see bigrams."
        )
    counts = np.zeros((n + 1, n + 1))
    before, after = with_ends(calls)
    np.add.at(counts, (before, after), 1)
    seen = [*np.flatnonzero(counts[:n].sum(axis=1)).tolist()]
    seen.sort(key=lambda code: calls.names[code])
    shares = counts[[n, *seen]][:, [*seen, n]]
    names = [calls.names[code] for code in seen]
    totals = np.maximum(shares.sum(axis=1, keepdims=True), 1)
    return pd.DataFrame(shares / totals, index=[START, *names], columns=[*names, END])


def with_ends(calls: Calls) -> tuple[Ints, Ints]:
    """Return each call and what follows it, with the code after the last for both ends of a run."""
    n, (opens, closes) = len(calls.names), calls.ends()
    after = np.where(closes, n, np.roll(calls.tools, -1))
    firsts = calls.tools[opens]
    return (
        np.concatenate([np.full(len(firsts), n), calls.tools]),
        np.concatenate([firsts, after]),
    )


def tool_links(source: "Source", *, n_calls: int = 5, n_tools: int = 8) -> "pd.DataFrame":
    """Return the ways that runs take through their first calls, as links of a Sankey diagram.

    Parameters
    ----------
    source : Runs, Table or DataFrame
        Runs, or their STEPS.
    n_calls : int
        How many calls from the beginning.
    n_tools : int
        How many tools, the most frequent; the others are "(other)".

    Returns
    -------
    DataFrame
        `call` (from 0), `tool`, `next_tool`, `n` (runs): the runs whose call number `call` was of
        that tool and whose next was of the other, or that ended there.

    Raises
    ------
    BadValue
        If either number is below 1.

    Examples
    --------
    >>> from workbench.trajectories.collection import Runs
    >>> from workbench.trajectories.model import Run, Step
    >>> runs = Runs.of([Run("mine", name=way, steps=[Step("execute_tool", "", tool=name) for name in way])
    ...                 for way in ("fg", "fh", "f")])
    >>> tool_links(runs, n_tools=2)
       call     tool next_tool  n
    0     0        f         g  1
    1     0        f   (other)  1
    2     0        f     (end)  1
    3     1        g     (end)  1
    4     1  (other)     (end)  1
    """
    import pandas as pd

    if n_calls < 1 or n_tools < 1:
        raise BadValue(
            f"n_calls and n_tools must be at least 1, but {n_calls} and {n_tools} came; use 5 and 8."
        )
    calls = Calls.of(source)
    lumped, names = _frequent(calls, n_tools)
    opens, closes = calls.ends()
    first = np.flatnonzero(opens)
    number = np.arange(len(opens)) - np.repeat(first, np.diff(first, append=len(opens)))
    after = np.where(closes, len(names) - 1, np.roll(lumped, -1))
    kept = number < n_calls
    keys = (number[kept] * len(names) + lumped[kept]) * len(names) + after[kept]
    found, counts = np.unique(keys, return_counts=True)
    known = np.array(names, object)
    return pd.DataFrame(
        {
            "call": found // len(names) ** 2,
            "tool": pd.array(known[found // len(names) % len(names)], dtype="str"),
            "next_tool": pd.array(known[found % len(names)], dtype="str"),
            "n": counts,
        }
    )


def _frequent(calls: Calls, n_tools: int) -> tuple[Ints, list[str]]:
    """Return the tools' codes with rare ones put together, and the names: "(other)", "(end)" last."""
    counts = np.bincount(calls.tools, minlength=len(calls.names))
    order = sorted(range(len(counts)), key=lambda code: (-counts[code], calls.names[code]))
    kept = [code for code in order[:n_tools] if counts[code]]
    new = np.full(len(counts), len(kept), np.int64)
    new[kept] = np.arange(len(kept))
    return new[calls.tools], [*(calls.names[code] for code in kept), OTHER, END]


def handoffs(source: "Source") -> "pd.DataFrame":
    """Count how often one agent's step was followed by another agent's.

    Parameters
    ----------
    source : Runs, Table or DataFrame
        Runs, or their STEPS. Steps that do not name an agent are passed over.

    Returns
    -------
    DataFrame
        The most frequent first: `agent`, `next_agent`, `n`, `share` (of what the agent handed over).
    """
    steps = Steps.of(source)
    agents = steps.names("agent")
    acted, runs = _by_run(steps.runs, agents, np.flatnonzero(agents.codes != NONE))
    at = np.flatnonzero((runs[1:] == runs[:-1]) & (acted[1:] != acted[:-1]))
    frame = _pairs(acted[at], acted[at + 1], agents.known, ("agent", "next_agent"))
    frame["share"] = frame["n"] / frame.groupby("agent")["n"].transform("sum")
    return frame
