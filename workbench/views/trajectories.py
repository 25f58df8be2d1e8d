"""What agents did: the ways through their tools, time, dependability, and how runs ended."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from workbench import display
from workbench.display import Sheet
from workbench.errors import BadValue, unknown_name
from workbench.tables import each_row, is_missing
from workbench.views.theme import (
    LINE,
    LINE_WIDTH,
    ROW_PX,
    TEXT,
    colours,
    dot,
    finished,
    label,
    rounded,
)
from workbench.views.windows import (
    BLUE,
    RED,
    dashboard,
    interval,
    latency_over_time,
    with_interval,
)

if TYPE_CHECKING:
    import pandas as pd

    from workbench.trajectories.collection import Runs

__all__ = [
    "dashboard",
    "latency_over_time",
    "pass_hat_k",
    "steps_by_outcome",
    "timeline",
    "tool_sankey",
]

MAX_NODES = 60
"""More nodes than this no one can follow in a Sankey diagram; later calls are left out."""

MAX_BARS = 500
"""A timeline draws at most so many steps, the longest."""

_MAX_ROWS = 40


def tool_sankey(links: "pd.DataFrame") -> go.Figure:
    """Draw the ways that runs take through their tools, call by call.

    Parameters
    ----------
    links : DataFrame
        What `trajectories.analysis.tool_links` found.

    Returns
    -------
    plotly Figure
        Its title says with which tool most runs begin. It has at most 60 nodes.

    Raises
    ------
    BadValue
        If there are no links.
    """
    if not len(links):
        raise BadValue(
            "a Sankey diagram needs calls of tools, but no run has any; nothing to draw."
        )
    rows = _few(each_row(links))
    nodes = sorted({(row["call"] + at, row[name]) for row in rows for at, name in _SIDES})
    number = {node: at for at, node in enumerate(nodes)}
    shades = colours({name for _, name in nodes})
    figure = go.Figure(
        go.Sankey(
            arrangement="snap",
            node={
                "label": [label(name) for _, name in nodes],
                "color": [shades[name] for _, name in nodes],
                "customdata": [f"call {call + 1}" for call, _ in nodes],
                "hovertemplate": "%{label}, %{customdata}: %{value} runs<extra></extra>",
                "align": "left",
                "pad": 18,
                "thickness": 14,
            },
            link={
                "source": [number[row["call"], row["tool"]] for row in rows],
                "target": [number[row["call"] + 1, row["next_tool"]] for row in rows],
                "value": [int(row["n"]) for row in rows],
                "color": [LINE] * len(rows),
                "hovertemplate": "%{source.label} → %{target.label}: %{value} runs<extra></extra>",
            },
        )
    )
    return finished(figure, _first_tool(rows), "", 460)


_SIDES = ((0, "tool"), (1, "next_tool"))


def _few(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out the last calls until there are few enough nodes."""
    last = max(row["call"] for row in rows)
    while (
        last and len({(r["call"] + at, r[name]) for r in rows for at, name in _SIDES}) > MAX_NODES
    ):
        last -= 1
        rows = [row for row in rows if row["call"] <= last]
    return rows


def _first_tool(rows: list[dict[str, Any]]) -> str:
    import numpy as np

    from workbench.trajectories.analysis import wilson

    first: dict[str, int] = {}
    for row in rows:
        if row["call"] == 0:
            first[row["tool"]] = first.get(row["tool"], 0) + int(row["n"])
    tool, n = max(first.items(), key=lambda each: (each[1], each[0]))
    total = sum(first.values())
    low, high = (float(end[0]) for end in wilson(np.array([n]), np.array([total])))
    share = display.interval(100 * n / total, 100 * low, 100 * high, 0)
    return f"{share} % of runs with calls begin with {label(tool)} ({n} of {total})"


def timeline(times: "pd.DataFrame", *, critical: "pd.DataFrame | None" = None) -> go.Figure:
    """Draw when each step of one run was at work.

    Parameters
    ----------
    times : DataFrame
        What `trajectories.analysis.step_times` found of one run.
    critical : DataFrame, optional
        What `critical_path` found of it: these steps are outlined.

    Returns
    -------
    plotly Figure
        Leaf work, a row per step, or per tool and kind where there are more than 40. Its title says
        what took longest. At most 500 steps are drawn, the longest.

    Raises
    ------
    BadValue
        If the frame holds several runs, or no step with times.
    """
    work = times[times["leaf"]]
    if (n_runs := len(set(work["run_id"]))) != 1:
        raise BadValue(
            f"a timeline needs the timed steps of one run, but those of {n_runs} came; choose one, "
            "such as runs.only([run_id])."
        )
    n = len(work)
    kept = work.nlargest(MAX_BARS, "duration_s").sort_values(["begins_s", "step"], kind="stable")
    rows = each_row(kept.astype({"tool": object, "kind": object}))
    names = [_what(row) for row in rows]
    lanes = [f"{row['step']} {name}" for row, name in zip(rows, names, strict=True)]
    lanes = lanes if len(rows) <= _MAX_ROWS else names
    order = list(dict.fromkeys(lanes))
    on_path = set() if critical is None else set(critical["step"].tolist())
    figure = go.Figure(_bars(rows, [order.index(lane) for lane in lanes], on_path))
    texts = [label(lane) for lane in order]
    figure.update_yaxes(
        tickvals=list(range(len(order))), ticktext=texts, range=[len(order) - 0.5, -0.5]
    )
    axis = "seconds since the first step" + (
        "" if critical is None else " (outlined: critical path)"
    )
    axis += f", the {MAX_BARS} longest of {n} steps" if n > MAX_BARS else ""
    return finished(figure, _longest(rows, names), axis, 60 + ROW_PX * len(order))


def _what(row: Mapping[str, Any]) -> str:
    return str(row["kind"] if is_missing(row["tool"]) else row["tool"])


def _bars(rows: list[dict[str, Any]], lanes: list[int], on_path: set[int]) -> go.Bar:
    tools = [row["kind"] == "execute_tool" for row in rows]
    return go.Bar(
        orientation="h",
        base=[rounded(row["begins_s"]) for row in rows],
        x=[rounded(row["duration_s"]) for row in rows],
        y=lanes,
        marker={
            "color": [RED if tool else BLUE for tool in tools],
            "pattern": {"shape": ["/" if tool else "" for tool in tools]},
            "line": {
                "color": TEXT,
                "width": [1.5 if row["step"] in on_path else 0 for row in rows],
            },
        },
        customdata=[f"step {row['step']}, {label(_what(row))}" for row in rows],
        hovertemplate="%{customdata}: %{x} s from %{base} s<extra></extra>",
    )


def _longest(rows: list[dict[str, Any]], names: list[str]) -> str:
    took: dict[str, float] = {}
    for row, name in zip(rows, names, strict=True):
        took[name] = took.get(name, 0.0) + row["duration_s"]
    name, seconds = max(took.items(), key=lambda each: (each[1], each[0]))
    total = sum(took.values())
    if total == 0:
        return f"{len(rows)} steps took no measurable time"
    return (
        f"{label(name)} takes {display.number(100 * seconds / total, 0)} % of the work: "
        f"{display.number(seconds)} of {display.number(total)} s"
    )


def pass_hat_k(completion: Sheet) -> go.Figure:
    """Draw how dependably tasks get done: pass^k and pass@k over k.

    Parameters
    ----------
    completion : Sheet
        What `trajectories.analysis.completion` found, of one group.

    Returns
    -------
    plotly Figure
        Two lines with their intervals. Its title says how much of the success of one attempt is
        left when all have to succeed.

    Raises
    ------
    BadValue
        If the sheet holds several groups, or no figures.
    """
    frame = completion.frame
    drawn = frame[frame["k"].notna()]
    if not len(drawn) or drawn.duplicated(["figure", "k"]).any():
        raise BadValue(
            "the figure of pass^k needs the completion of one group, but the sheet holds "
            f"{'several' if len(drawn) else 'none'}; call completion without `by`, or of some runs."
        )
    looks = {"pass^k": (BLUE, "solid", "circle"), "pass@k": (RED, "dash", "square")}
    figure = go.Figure(
        [_curve(drawn[drawn["figure"] == name], name, *look) for name, look in looks.items()]
    )
    figure.update_xaxes(dtick=1)
    figure.update_yaxes(title_text="share of tasks", range=[0, 1.02])
    figure.update_layout(
        showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    )
    hats = each_row(drawn[drawn["figure"] == "pass^k"].sort_values("k"))
    first, last = (
        f"{display.interval(row['value'], row['ci_low'], row['ci_high'], 2)}"
        for row in (hats[0], hats[-1])
    )
    claim = f"pass^{hats[-1]['k']} is {last}"
    claim += f", pass^{hats[0]['k']} {first}" if len(hats) > 1 else ""
    axis = f"k, attempts at a task ({int(hats[0]['n_tasks'])} tasks)"
    return finished(figure, claim, axis, 320)


def _curve(rows: "pd.DataFrame", name: str, colour: str, dash: str, symbol: str) -> go.Scatter:
    rows = rows.sort_values("k")
    points, bar = with_interval(rows, ("value", "ci_low", "ci_high"))
    meaning = {"pass^k": "pass^k: all of k succeed", "pass@k": "pass@k: at least one of k does"}
    return go.Scatter(
        x=[int(k) for k in rows["k"]],
        y=points,
        name=meaning[name],
        mode="lines+markers",
        line={"color": colour, "dash": dash, "width": LINE_WIDTH},
        marker={"color": colour, "symbol": symbol, "size": 9},
        error_y=bar | {"color": colour, "thickness": 2},
    )


_FIGURES = {"n_steps": "steps", "cost_usd": "US dollars", "output_tokens": "output tokens"}


def steps_by_outcome(runs: "Runs", column: str = "n_steps") -> go.Figure:
    """Draw how long runs are that did their task, and those that did not.

    Parameters
    ----------
    runs : Runs
        With outcomes.
    column : {"n_steps", "cost_usd", "output_tokens"}
        What is drawn.

    Returns
    -------
    plotly Figure
        Medians with distribution-free intervals. Its title says both.

    Raises
    ------
    UnknownName
        If there is no such column.
    BadValue
        If no run has both an outcome and the figure.
    """
    from workbench.trajectories.analysis import quantile_interval, succeeded

    if column not in _FIGURES:
        raise unknown_name("column", column, _FIGURES)
    done = succeeded(runs).fillna(value=False).tolist()
    known = (succeeded(runs).notna().to_numpy() & runs.frame[column].notna().to_numpy()).tolist()
    figures = runs.frame[column].to_numpy(float, na_value=0.0).tolist()
    dots: list[tuple[str, go.Scatter]] = []
    told = []
    looks = (("did the task", True, BLUE, "circle"), ("did not", False, RED, "square"))
    for name, wanted, colour, symbol in looks:
        every = zip(figures, done, known, strict=True)
        values = [value for value, each, counts in every if counts and each == wanted]
        if not values:
            continue
        found = [*quantile_interval(values, 0.5)]
        marker = {"color": colour, "symbol": symbol, "size": 10}
        dots.append((f"{name} (n = {len(values)})", _bar(found, len(dots), name, marker)))
        told.append(f"{interval(found, 0 if column == 'n_steps' else 4)} where runs {name}")
    if not dots:
        raise BadValue(
            f"the figure needs runs with an outcome and {column}, but none came; read logs that state both."
        )
    figure = go.Figure([each for _, each in dots])
    names = [name for name, _ in dots]
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[len(names) - 0.5, -0.5]
    )
    unit = _FIGURES[column]
    axis = f"{unit}, median with its 95 % interval"
    return finished(figure, f"Median {unit}: {', '.join(told)}", axis, 60 + 2 * ROW_PX * len(names))


def _bar(found: Sequence[float], at: int, name: str, marker: Mapping[str, Any]) -> go.Scatter:
    value, low, high = found
    # where too few runs give no end of the interval, none is drawn
    ends = [value if end != end else end for end in (low, high)]
    return dot(at, name, [rounded(each) for each in (value, *ends)], marker)
